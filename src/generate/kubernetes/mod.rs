//! Kubernetes: the objects of each cluster as one `List`, the name of its context, and a table of owners.

mod cluster;
pub mod objects;
mod plants;

use serde_json::{Value, json};

use super::Writer;
use super::file::{Error, Folder, Sink};
use super::people::department;
use super::plan::Plan;
use super::truth::Tally;
pub use cluster::links;
use cluster::{PLATFORM, Site};
use objects::{binding, deployment, group, namespace, role, rule, service_account, subject};
use plants::Bed;

/// Kubernetes clusters.
pub struct Kubernetes;

/// Service account that runs the cluster: its administrator.
const OPERATOR: &str = "cluster-operator";

/// What ordinary service accounts may do: nothing of it starts, changes or impersonates anything.
const RIGHTS: &[(&str, &[&str], &[&str])] = &[
    ("", &["pods", "services", "endpoints"], &["get", "list", "watch"]),
    ("", &["configmaps"], &["get", "list", "watch"]),
    ("coordination.k8s.io", &["leases"], &["get", "create", "update"]),
    ("", &["events"], &["create", "patch"]),
    ("apps", &["deployments", "replicasets"], &["get", "list", "watch"]),
    ("batch", &["jobs"], &["get", "list"]),
    ("networking.k8s.io", &["ingresses"], &["get", "list", "watch"]),
    ("autoscaling", &["horizontalpodautoscalers"], &["get", "list"]),
    ("", &["persistentvolumeclaims"], &["get", "list"]),
    ("metrics.k8s.io", &["pods"], &["get", "list"]),
];

impl Writer for Kubernetes {
    fn name(&self) -> &'static str {
        "kubernetes"
    }

    fn weight(&self) -> usize {
        25
    }

    fn parts(&self, plan: &Plan) -> usize {
        plan.clusters.len()
    }

    fn write(&self, plan: &Plan, part: usize, folder: Folder<'_>) -> Result<Tally, Error> {
        let Some(cluster) = plan.clusters.get(part) else { return Ok(Tally::default()) };
        let site = Site { plan, cluster };
        let name = &cluster.name;
        let mut config = folder.begin(&format!("{name}/config.yaml"))?;
        config.text(&format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: {name}\ncontexts:\n- name: {name}\n  context:\n    \
             cluster: {name}\n    user: auditor\n"
        ))?;
        config.end()?;
        let mut files = Files {
            site,
            objects: folder.begin(&format!("{name}/objects.json"))?,
            owners: folder.begin(&format!("{name}/owners.csv"))?,
            bed: Bed::new(site),
        };
        files.owners.row(&["principal", "owner", "confidence"])?;
        files.objects.list("{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": ")?;
        files.roles()?;
        files.namespaces()?;
        files.planted()?;
        files.service_accounts()?;
        files.workloads()?;
        files.objects.end_list()?;
        files.objects.text("}\n")?;
        files.objects.end()?;
        files.owners.end()?;
        files.bed.tally.principals = cluster.service_accounts + cluster.workloads;
        Ok(files.bed.tally)
    }
}

/// The files of a cluster.
struct Files<'p> {
    site: Site<'p>,
    objects: Sink,
    owners: Sink,
    bed: Bed<'p>,
}

impl Files<'_> {
    fn put(&mut self, object: &Value) -> Result<(), Error> {
        self.objects.element(object)
    }

    fn shared_roles(&self) -> usize {
        (3 + self.site.cluster.service_accounts / 30).min(200)
    }

    fn owner(&self, id: &str) -> String {
        self.site.plan.people.owner(&mut self.site.stream(id, 0))
    }

    fn owned(&mut self, id: &str, owner: &str) -> Result<(), Error> {
        self.owners.row(&[id, owner, ""])
    }

    /// The roles that every cluster has, and those that its service accounts share.
    fn roles(&mut self) -> Result<(), Error> {
        let urls = json!({"nonResourceURLs": ["*"], "verbs": ["*"]});
        let all = json!({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]});
        self.put(&role("", "cluster-admin", &[all, urls]))?;
        self.put(&binding("", "cluster-admin", ("ClusterRole", "cluster-admin"), &group("system:masters")))?;
        let view = rule("", &["pods", "services", "configmaps", "endpoints"], &["get", "list", "watch"]);
        self.put(&role("", "view", &[view]))?;
        self.put(&binding("", "viewers", ("ClusterRole", "view"), &group("oidc:engineering")))?;
        self.put(&role("", "pod-runner", &[rule("", &["pods", "pods/log"], &["create", "get", "list"])]))?;
        for at in 0..self.shared_roles() {
            let mut stream = self.site.stream("shared role", at);
            let rules = rights(&mut stream, 3);
            self.put(&role("", &shared_role(at), &rules))?;
        }
        Ok(())
    }

    fn namespaces(&mut self) -> Result<(), Error> {
        let business: Vec<String> = (0..self.site.namespaces()).map(|at| self.site.namespace(at)).collect();
        for name in [PLATFORM].into_iter().chain(business.iter().map(String::as_str)) {
            self.put(&namespace(name))?;
            self.put(&service_account(name, "default", None))?;
            let group = group(&format!("system:serviceaccounts:{name}"));
            self.put(&binding(name, "everybody", ("ClusterRole", &shared_role(0)), &group))?;
            let owner = department(0);
            self.owned(&self.site.id(name, "serviceaccount", "default"), &owner)?;
        }
        Ok(())
    }

    /// What runs the cluster, and what is planted.
    fn planted(&mut self) -> Result<(), Error> {
        if self.site.has_operator() {
            let id = self.site.id(PLATFORM, "serviceaccount", OPERATOR);
            self.put(&service_account(PLATFORM, OPERATOR, None))?;
            let subject = subject(PLATFORM, OPERATOR);
            self.put(&binding("", OPERATOR, ("ClusterRole", "cluster-admin"), &subject))?;
            self.owned(&id, &department(1))?;
            self.bed.tally.administrator(&id, "what runs the cluster");
        }
        for object in std::mem::take(&mut self.bed.objects) {
            self.put(&object)?;
        }
        for (id, owner) in std::mem::take(&mut self.bed.owners) {
            if let Some(owner) = owner {
                self.owned(&id, &owner)?;
            }
        }
        Ok(())
    }

    fn ordinary(&self) -> usize {
        self.site.free() - self.bed.made
    }

    fn service_accounts(&mut self) -> Result<(), Error> {
        let links = links(self.site.plan, self.site.cluster);
        for at in 0..self.ordinary() {
            let (namespace, name) = self.site.ordinary_name(at);
            let id = self.site.id(&namespace, "serviceaccount", &name);
            let role_arn = links.get(at).map(|link| self.role_arn(&link.role));
            self.put(&service_account(&namespace, &name, role_arn.as_deref()))?;
            self.owned(&id, &self.owner(&id))?;
            let mut stream = self.site.stream("rights", at);
            let subject = subject(&namespace, &name);
            for number in 0..stream.between(1, 4) {
                let shared = shared_role(stream.ranked(self.shared_roles()));
                self.put(&binding(&namespace, &format!("{name}-{number}"), ("ClusterRole", &shared), &subject))?;
            }
            if stream.chance(300) {
                let own = format!("{name}-own");
                let rules = rights(&mut stream, 2);
                self.put(&role(&namespace, &own, &rules))?;
                self.put(&binding(&namespace, &own, ("Role", &own), &subject))?;
            }
            if self.site.is_open(at) {
                self.bed.tally.exposed += 1;
                for there in [PLATFORM, &namespace] {
                    let own = format!("{namespace}-{name}-runs");
                    self.put(&binding(there, &own, ("ClusterRole", "pod-runner"), &subject))?;
                }
            }
            if let (Some(role), Some(link)) = (role_arn, links.get(at))
                && link.leads
            {
                let admin = role.replace(&format!("role/{}", link.role), "role/platform-admin");
                let what = "runs as a role of the cloud that may become the administrator";
                self.bed.tally.path("trust", &id, &[&role, &admin], what);
            }
        }
        Ok(())
    }

    /// ARN of a role in the account of the cluster.
    fn role_arn(&self, name: &str) -> String {
        let account = self.site.plan.accounts.get(self.site.cluster.account).map_or("", |account| account.id.as_str());
        format!("arn:aws:iam::{account}:role/{name}")
    }

    fn workloads(&mut self) -> Result<(), Error> {
        let (ordinary, links) = (self.ordinary(), links(self.site.plan, self.site.cluster));
        for at in 0..self.site.cluster.workloads {
            let (namespace, account) = match ordinary {
                0 => (PLATFORM.to_owned(), "default".to_owned()),
                n => self.site.ordinary_name(at % n),
            };
            let name = format!("{account}-{}", at / ordinary.max(1));
            self.put(&deployment(&namespace, &name, &account))?;
            let id = self.site.id(&namespace, "deployment", &name);
            self.owned(&id, &self.owner(&id))?;
            let leads = links.get(at % ordinary.max(1)).is_some_and(|link| link.leads);
            let reaches = ordinary > 0 && (leads || self.site.is_open(at % ordinary));
            self.bed.tally.exposed += usize::from(reaches);
        }
        Ok(())
    }
}

fn shared_role(at: usize) -> String {
    format!("workload-reader-{at}")
}

/// A few rules, popular ones more often.
fn rights(stream: &mut super::random::Stream, most: usize) -> Vec<Value> {
    let mut drawn: Vec<usize> = (0..stream.between(1, most)).map(|_| stream.ranked(RIGHTS.len())).collect();
    drawn.sort_unstable();
    drawn.dedup();
    drawn.into_iter().map(|at| RIGHTS[at]).map(|(group, resources, verbs)| rule(group, resources, verbs)).collect()
}
