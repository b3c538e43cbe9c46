//! What is planted in a cluster: service accounts with a way to administration, or without anybody who answers.

use serde_json::{Value, json};

use super::cluster::{PLATFORM, ROUND, Site};
use super::objects::{binding, named, role, rule, service_account, subject};
use crate::generate::truth::Tally;

const RBAC: &str = "rbac.authorization.k8s.io";

/// What was planted in a cluster.
pub struct Bed<'p> {
    pub site: Site<'p>,
    pub objects: Vec<Value>,
    /// Ids of service accounts and who answers for each.
    pub owners: Vec<(String, Option<String>)>,
    /// How many service accounts were made.
    pub made: usize,
    pub tally: Tally,
}

type Template = fn(&mut Bed<'_>);

/// Everything that can be planted, one service account each; where there is little room, the first of these.
const TEMPLATES: &[Template] =
    &[starts_pods, binds, owner_left, requests_tokens, nobody_answers, administers, masters, own_pods];

impl<'p> Bed<'p> {
    /// Plants a cluster.
    pub fn new(site: Site<'p>) -> Self {
        let mut bed = Self { site, objects: Vec::new(), owners: Vec::new(), made: 0, tally: Tally::default() };
        let round = site.plan.clusters.len().min(ROUND);
        for (at, template) in TEMPLATES.iter().enumerate() {
            let room = site.has_operator() && site.namespaces() > 0 && bed.made < site.planted_max();
            if room && site.cluster.at % round == at % round {
                template(&mut bed);
            }
        }
        bed
    }

    /// Makes a service account and gives its namespace, which nobody may start pods in by what is planted, and its id.
    fn account(&mut self, name: &str, owner: Option<String>) -> (String, String) {
        let namespace = self.site.namespace(0);
        let id = self.site.id(&namespace, "serviceaccount", name);
        self.objects.push(service_account(&namespace, name, None));
        self.owners.push((id.clone(), owner));
        self.made += 1;
        (namespace, id)
    }

    fn owned(&mut self, name: &str) -> (String, String) {
        let owner = self.site.plan.people.owner(&mut self.site.stream(name, 0));
        self.account(name, Some(owner))
    }

    /// Gives rules to a service account, in a namespace or in the whole cluster.
    fn bind(&mut self, holder: (&str, &str), scope: &str, rules: &[Value]) {
        let kind = if scope.is_empty() { "ClusterRole" } else { "Role" };
        let name = format!("{}-rights", holder.1);
        self.objects.push(role(scope, &name, rules));
        self.objects.push(binding(scope, &name, (kind, &name), &subject(holder.0, holder.1)));
    }

    fn operator(&self) -> String {
        self.site.id(PLATFORM, "serviceaccount", super::OPERATOR)
    }
}

/// May start pods where the administrator of the cluster runs.
fn starts_pods(bed: &mut Bed<'_>) {
    let (namespace, id) = bed.owned("image-builder");
    bed.bind((&namespace, "image-builder"), PLATFORM, &[rule("", &["pods"], &["create", "get", "list"])]);
    let (there, operator) = (format!("{}/namespace/{PLATFORM}", bed.site.cluster_id()), bed.operator());
    bed.tally.path("k8s-pod-create", &id, &[&there, &operator], "may start pods where the administrator runs");
}

/// May start pods where nothing else runs.
fn own_pods(bed: &mut Bed<'_>) {
    let (namespace, id) = bed.owned("job-runner");
    bed.bind((&namespace, "job-runner"), &namespace, &[rule("", &["pods"], &["get", "list", "delete"])]);
    bed.tally.no_path(&id, "may delete pods and start none");
}

/// May bind any role in the cluster.
fn binds(bed: &mut Bed<'_>) {
    let (namespace, id) = bed.owned("access-sync");
    let rules = [
        rule(RBAC, &["clusterrolebindings"], &["create", "delete", "get", "list"]),
        rule(RBAC, &["clusterroles"], &["bind", "get", "list"]),
    ];
    bed.bind((&namespace, "access-sync"), "", &rules);
    let cluster = bed.site.cluster_id();
    bed.tally.path("k8s-bind-any", &id, &[&cluster], "may bind any role in the cluster, to itself as well");
}

/// May make tokens of the administrator.
fn requests_tokens(bed: &mut Bed<'_>) {
    let (namespace, id) = bed.owned("token-broker");
    let rules = [named("", "serviceaccounts/token", &["create"], &[super::OPERATOR])];
    bed.bind((&namespace, "token-broker"), PLATFORM, &rules);
    let operator = bed.operator();
    bed.tally.path("k8s-token-request", &id, &[&operator], "may make tokens of the administrator");
}

/// May act as a member of the group that may do everything.
fn masters(bed: &mut Bed<'_>) {
    let (namespace, id) = bed.owned("support-proxy");
    let rules = [named("", "groups", &["impersonate"], &["system:masters"]), rule("", &["users"], &["impersonate"])];
    bed.bind((&namespace, "support-proxy"), "", &rules);
    let group = format!("{}/group/system:masters", bed.site.cluster_id());
    bed.tally.path("k8s-impersonate-group", &id, &[&group], "may act as the group that may do everything");
}

/// An administrator with the name of a tool that is long gone.
fn administers(bed: &mut Bed<'_>) {
    let (namespace, id) = bed.owned("chart-installer");
    let all = json!({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]});
    bed.bind((&namespace, "chart-installer"), "", &[all]);
    bed.tally.administrator(&id, "everything, for a tool that is long gone");
}

/// A service account whose owner has left.
fn owner_left(bed: &mut Bed<'_>) {
    let owner = bed.site.plan.people.leaver(bed.site.cluster.at).address;
    let (_, id) = bed.account("feed-importer", Some(owner));
    bed.tally.rule("orphan", "orphaned-nhi", &id, "its owner has left");
}

/// A service account without an owner.
fn nobody_answers(bed: &mut Bed<'_>) {
    let (_, id) = bed.account("legacy-cron", None);
    bed.tally.rule("orphan", "orphaned-nhi", &id, "nobody ever said whose it is");
}
