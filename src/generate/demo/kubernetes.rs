//! The clusters of the demo: a namespace for each team, a service account and a deployment for each service, and what is
//! planted.

use serde_json::{Value, json};

use super::facts::Facts;
use super::services;
use super::staff::named;
use super::week::{CLUSTER_PRODUCTION, CLUSTER_STAGING, PRODUCTION, STAGING, WAVE, Week};
use crate::generate::file::{Error, Folder};
use crate::generate::kubernetes::objects::{
    binding, deployment, group, named as named_rule, namespace, role, rule, service_account, subject,
};

/// Namespace of what runs the cluster itself.
const PLATFORM: &str = "platform";
/// Service account that runs the cluster.
const OPERATOR: &str = "cluster-operator";
const RBAC: &str = "rbac.authorization.k8s.io";
/// Namespaces are named by the teams of before the re-organisation: nobody moves what runs.
const TEAMS: [&str; 4] = ["storefront", "logistics", "payments", "data"];

/// A service account that runs as a role of the cloud.
pub struct Link {
    pub cluster: usize,
    pub account: usize,
    pub namespace: &'static str,
    pub service_account: &'static str,
    pub role: &'static str,
    pub owner: &'static str,
    pub writes: bool,
}

const fn link(
    cluster: usize,
    account: usize,
    namespace: &'static str,
    (name, role): (&'static str, &'static str),
) -> Link {
    Link { cluster, account, namespace, service_account: name, role, owner: namespace, writes: true }
}

/// All of them. The last one is set up wrongly: a service account of staging that reads production.
pub const LINKS: &[Link] = &[
    link(CLUSTER_PRODUCTION, PRODUCTION, "storefront", ("checkout", "eks-checkout")),
    link(CLUSTER_PRODUCTION, PRODUCTION, "payments", ("invoices", "eks-invoices")),
    link(CLUSTER_PRODUCTION, PRODUCTION, "logistics", ("tracking", "eks-tracking")),
    link(CLUSTER_STAGING, STAGING, "storefront", ("checkout", "eks-checkout")),
    Link { writes: false, ..link(CLUSTER_STAGING, PRODUCTION, "storefront", ("search", "eks-search-copy")) },
];

/// A cluster that is being filled.
struct Yard<'w> {
    week: &'w Week,
    cluster: usize,
    objects: Vec<Value>,
    owners: Vec<(String, String)>,
    facts: &'w mut Facts,
    principals: usize,
}

/// Writes the clusters.
pub fn write(week: &Week, folder: Folder<'_>, facts: &mut Facts) -> Result<(), Error> {
    for at in 0..week.plan.clusters.len() {
        let mut yard =
            Yard { week, cluster: at, objects: Vec::new(), owners: Vec::new(), facts: &mut *facts, principals: 0 };
        yard.roles();
        yard.namespaces();
        yard.services();
        yard.planted();
        yard.write(folder)?;
    }
    Ok(())
}

impl Yard<'_> {
    fn name(&self) -> &str {
        &self.week.plan.clusters[self.cluster].name
    }

    fn id(&self, namespace: &str, kind: &str, name: &str) -> String {
        format!("kubernetes:{}/{namespace}/{kind}/{name}", self.name())
    }

    fn is_production(&self) -> bool {
        self.cluster == CLUSTER_PRODUCTION
    }

    fn roles(&mut self) {
        let urls = json!({"nonResourceURLs": ["*"], "verbs": ["*"]});
        let all = json!({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]});
        let reader = [
            rule("", &["pods", "services", "endpoints", "configmaps"], &["get", "list", "watch"]),
            rule("coordination.k8s.io", &["leases"], &["get", "create", "update"]),
        ];
        self.objects.extend([
            role("", "cluster-admin", &[all, urls]),
            binding("", "cluster-admin", ("ClusterRole", "cluster-admin"), &group("system:masters")),
            role("", "view", &[rule("", &["pods", "services", "configmaps"], &["get", "list", "watch"])]),
            binding("", "viewers", ("ClusterRole", "view"), &group("oidc:engineering")),
            role("", "workload-reader", &reader),
            role("", "event-writer", &[rule("", &["events"], &["create", "patch"])]),
        ]);
    }

    fn namespaces(&mut self) {
        let teams = TEAMS.iter().filter(|team| self.cluster == CLUSTER_PRODUCTION || **team != "data");
        let all: Vec<&str> = [PLATFORM].into_iter().chain(teams.copied()).collect();
        for name in all {
            self.objects.push(namespace(name));
            self.account(name, "default", "platform", None);
        }
        self.account(PLATFORM, OPERATOR, "platform", None);
        let operator = subject(PLATFORM, OPERATOR);
        self.objects.push(binding("", OPERATOR, ("ClusterRole", "cluster-admin"), &operator));
        let id = self.id(PLATFORM, "serviceaccount", OPERATOR);
        self.administrator(&id, "what runs the cluster");
        self.crosses(&id);
    }

    fn administrator(&mut self, id: &str, what: &'static str) {
        self.facts.plant("administrator-equivalent", id, what);
        self.facts.plant("sod-conflict", id, "an administrator holds every duty");
    }

    /// Notes that somebody comes to control the service account of staging that reads production.
    fn crosses(&mut self, id: &str) {
        if !self.is_production() {
            let what = "comes to control a service account of staging that reads production";
            self.facts.plant("environment-crossing", id, what);
        }
    }

    /// Adds a service account; without an owner when that is empty.
    fn account(&mut self, namespace: &str, name: &str, owner: &'static str, role: Option<&str>) -> String {
        self.objects.push(service_account(namespace, name, role));
        self.principals += 1;
        let id = self.id(namespace, "serviceaccount", name);
        if !owner.is_empty() {
            self.owners.push((id.clone(), named(owner, self.week).to_owned()));
        }
        id
    }

    fn services(&mut self) {
        let cluster = self.cluster;
        for (at, service) in services::ALL.iter().enumerate().filter(|(_, service)| service.runs_on(cluster)) {
            let namespace = service.team;
            let is_this = |link: &&Link| {
                link.cluster == self.cluster && link.namespace == namespace && link.service_account == service.name
            };
            let role_arn = LINKS
                .iter()
                .find(is_this)
                .map(|link| format!("arn:aws:iam::{}:role/{}", self.week.plan.accounts[link.account].id, link.role));
            let id = self.account(namespace, service.name, service.team, role_arn.as_deref());
            if role_arn.is_some_and(|arn| arn.ends_with("eks-search-copy")) {
                let what = "a service account of staging that reads production";
                self.facts.plant("environment-crossing", &id, what);
                self.facts.plant("environment-crossing", &self.id(namespace, "deployment", service.name), what);
            }
            let holder = subject(namespace, service.name);
            self.objects.push(binding(namespace, service.name, ("ClusterRole", "workload-reader"), &holder));
            // Rights grow: prepared by the assistant from the middle on.
            let mut stream = self.week.stream("cluster rights", at * 2 + self.cluster);
            let from = stream.below(12);
            if stream.chance(400) && self.week.from(from) {
                let who = if from >= WAVE { "assisted" } else { "request" };
                let name = format!("{}-{who}-{}", service.name, 4_300 + from * 25);
                self.objects.push(binding(namespace, &name, ("ClusterRole", "event-writer"), &holder));
            }
            self.deployment(namespace, service.name, service.name, service.team);
            if self.is_production() && service.name.len() > 7 {
                let worker = format!("{}-worker", service.name);
                self.account(namespace, &worker, service.team, None);
                self.deployment(namespace, &worker, &worker, service.team);
            }
            if self.is_production() && service.name == "gateway" {
                self.deployment(namespace, "gateway-admin", service.name, service.team);
                self.facts.plant("shared-nhi", &id, "two workloads run as one service account");
            }
        }
    }

    fn deployment(&mut self, namespace: &str, name: &str, account: &str, owner: &'static str) {
        self.objects.push(deployment(namespace, name, account));
        self.principals += 1;
        self.owners.push((self.id(namespace, "deployment", name), named(owner, self.week).to_owned()));
    }

    /// Gives rules to a service account, in a namespace or in the whole cluster.
    fn bind(&mut self, holder: (&str, &str), scope: &str, rules: &[Value]) {
        let kind = if scope.is_empty() { "ClusterRole" } else { "Role" };
        let name = format!("{}-rights", holder.1);
        self.objects.push(role(scope, &name, rules));
        self.objects.push(binding(scope, &name, (kind, &name), &subject(holder.0, holder.1)));
    }

    fn planted(&mut self) {
        if self.is_production() {
            let id = self.account("storefront", "image-builder", "storefront", None);
            self.bind(("storefront", "image-builder"), PLATFORM, &[rule("", &["pods"], &["create", "get", "list"])]);
            self.facts.plant("escalation-path", &id, "may start pods where the administrator of the cluster runs");
            let id = self.account("payments", "job-runner", "payments", None);
            self.bind(("payments", "job-runner"), "payments", &[rule("", &["pods"], &["get", "list", "delete"])]);
            self.facts.sound("escalation-path", &id, "may delete pods and start none");
            let id = self.account("logistics", "legacy-cron", "", None);
            self.facts.plant("orphaned-nhi", &id, "nobody ever said whose it is");
            return;
        }
        let id = self.account("storefront", "access-sync", "platform", None);
        let rules = [
            rule(RBAC, &["clusterrolebindings"], &["create", "delete", "get", "list"]),
            rule(RBAC, &["clusterroles"], &["bind", "get", "list"]),
        ];
        self.bind(("storefront", "access-sync"), "", &rules);
        self.facts.plant("escalation-path", &id, "may bind any role in the cluster, to itself as well");
        self.crosses(&id);
        let id = self.account("payments", "token-broker", "payments", None);
        let rules = [named_rule("", "serviceaccounts/token", &["create"], &[OPERATOR])];
        self.bind(("payments", "token-broker"), PLATFORM, &rules);
        self.facts.plant("escalation-path", &id, "may make tokens of the administrator of the cluster");
        self.crosses(&id);
        // Installed in the fourth week for an afternoon.
        if self.week.from(4) {
            let id = self.account("logistics", "chart-installer", "platform", None);
            let all = json!({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]});
            self.bind(("logistics", "chart-installer"), "", &[all]);
            self.administrator(&id, "everything, for an installation that is long done");
            self.crosses(&id);
        }
    }

    fn write(self, folder: Folder<'_>) -> Result<(), Error> {
        let name = self.name();
        let mut config = folder.begin(&format!("kubernetes/{name}/config.yaml"))?;
        config.text(&format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: {name}\ncontexts:\n- name: {name}\n  context:\n    \
             cluster: {name}\n    user: auditor\n"
        ))?;
        config.end()?;
        let mut sink = folder.begin(&format!("kubernetes/{name}/objects.json"))?;
        sink.list("{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": ")?;
        for object in &self.objects {
            sink.element(object)?;
        }
        sink.end_list()?;
        sink.text("}\n")?;
        sink.end()?;
        let mut owners = folder.begin(&format!("kubernetes/{name}/owners.csv"))?;
        owners.row(&["principal", "owner", "confidence"])?;
        for (id, owner) in &self.owners {
            owners.row(&[id, owner, ""])?;
        }
        owners.end()?;
        self.facts.count("kubernetes", self.principals);
        Ok(())
    }
}
