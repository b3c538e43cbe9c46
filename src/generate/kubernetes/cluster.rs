//! One cluster: which namespaces and service accounts it has, by number.

use crate::generate::plan::{Cluster, Plan};
use crate::generate::random::Stream;
use crate::generate::words::{AREAS, JOBS};

/// Namespace of what runs the cluster itself.
pub const PLATFORM: &str = "platform";
/// Service accounts of a namespace, on average.
const NAMESPACE_SIZE: usize = 12;
/// Fewest service accounts of a cluster that has namespaces beside [`PLATFORM`].
const BUSINESS_MIN: usize = 4;
/// Fewest service accounts of a cluster in which some are open.
const OPEN_MIN: usize = 8;
/// Of the ordinary service accounts of a cluster, one in so many runs as a role of the cloud.
const LINK_EVERY: usize = 6;
/// Clusters among which each thing is planted once.
pub const ROUND: usize = 8;

/// A cluster of a plan.
#[derive(Debug, Clone, Copy)]
pub struct Site<'p> {
    pub plan: &'p Plan,
    pub cluster: &'p Cluster,
}

/// A service account that runs as a role of the cloud.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Name of the role, in the account of the cluster.
    pub role: String,
    /// The service account as its token names it.
    pub subject: String,
    /// Whether the role may become the administrator of its account.
    pub leads: bool,
}

/// The service accounts of a cluster that run as roles of its account: the first ordinary ones.
pub fn links(plan: &Plan, cluster: &Cluster) -> Vec<Link> {
    let site = Site { plan, cluster };
    let link = |at: usize| {
        let (namespace, name) = site.ordinary_name(at);
        Link {
            role: format!("eks-{}-{at}", cluster.name),
            subject: format!("system:serviceaccount:{namespace}:{name}"),
            leads: at == 0 && cluster.at.is_multiple_of(ROUND),
        }
    };
    (0..site.links()).map(link).collect()
}

impl Site<'_> {
    /// A stream of this cluster's own.
    pub fn stream(&self, purpose: &str, index: usize) -> Stream {
        Stream::new(self.plan.seed, &format!("kubernetes {} {purpose}", self.cluster.name), index)
    }

    /// Id that the engine gives to something in a namespace of this cluster.
    pub fn id(&self, namespace: &str, kind: &str, name: &str) -> String {
        format!("{}/{namespace}/{kind}/{name}", self.cluster_id())
    }

    /// Id of the cluster.
    pub fn cluster_id(&self) -> String {
        format!("kubernetes:{}", self.cluster.name)
    }

    /// Namespaces beside [`PLATFORM`]; each has a service account `default`.
    pub fn namespaces(&self) -> usize {
        let accounts = self.cluster.service_accounts;
        if accounts < BUSINESS_MIN { 0 } else { 1 + (accounts - BUSINESS_MIN) / NAMESPACE_SIZE }
    }

    /// Name of a namespace.
    pub fn namespace(&self, at: usize) -> String {
        match (self.namespaces(), at / AREAS.len()) {
            (0, _) => PLATFORM.to_owned(),
            (_, 0) => format!("{}-system", AREAS[at % AREAS.len()]),
            (_, round) => format!("{}-system-{}", AREAS[at % AREAS.len()], round + 1),
        }
    }

    /// Service accounts that are named neither `default` nor by what runs the cluster: planted ones first.
    pub fn free(&self) -> usize {
        self.cluster.service_accounts.saturating_sub(1 + self.namespaces() + usize::from(self.has_operator()))
    }

    /// Whether there is room for the service account that runs the cluster.
    pub fn has_operator(&self) -> bool {
        self.cluster.service_accounts > 1 + self.namespaces()
    }

    /// Service accounts for which something is planted, at most.
    pub fn planted_max(&self) -> usize {
        self.free() / 2
    }

    /// Ordinary service accounts, at least.
    fn ordinary_min(&self) -> usize {
        self.free() - self.planted_max()
    }

    /// Namespace and name of an ordinary service account.
    pub fn ordinary_name(&self, at: usize) -> (String, String) {
        let mut stream = self.stream("service account", at);
        let namespace = self.namespace(stream.ranked(self.namespaces().max(1)));
        (namespace, format!("{}-{at}", JOBS[stream.below(JOBS.len())]))
    }

    /// How many ordinary service accounts run as roles of the cloud: no more than the account has room for.
    pub fn links(&self) -> usize {
        let Some(account) = self.plan.accounts.get(self.cluster.account) else { return 0 };
        let sharing = self.plan.clusters.iter().filter(|other| other.account == self.cluster.account).count();
        (self.ordinary_min() / LINK_EVERY).min(account.roles / 6 / sharing.max(1))
    }

    /// Whether an ordinary service account may start pods in [`PLATFORM`], as a share may in a dense organisation.
    pub fn is_open(&self, at: usize) -> bool {
        let room = self.cluster.service_accounts >= OPEN_MIN && at >= self.links();
        room && self.stream("open", at).chance(self.plan.preset.open_share())
    }
}
