//! The services that the demo's company runs: a name, who answers for it, and where it runs.

use super::staff::named;
use super::week::{CLUSTER_PRODUCTION, DATA, PRODUCTION, REORGANISED, STAGING, Week};

/// A service.
#[derive(Debug, PartialEq, Eq)]
pub struct Service {
    pub name: &'static str,
    /// Department before the re-organisation, which is a namespace of the clusters too.
    pub team: &'static str,
    /// Day on which it was set up.
    pub made: usize,
}

const fn service(name: &'static str, team: &'static str, made: usize) -> Service {
    Service { name, team, made }
}

/// All of them.
pub const ALL: &[Service] = &[
    service("web", "storefront", 1_420),
    service("search", "storefront", 1_300),
    service("basket", "storefront", 1_180),
    service("checkout", "storefront", 1_160),
    service("images", "storefront", 930),
    service("recommendations", "storefront", 410),
    service("routes", "logistics", 1_370),
    service("labels", "logistics", 1_010),
    service("tracking", "logistics", 880),
    service("stock", "logistics", 860),
    service("returns", "logistics", 640),
    service("gateway", "payments", 1_290),
    service("accounts", "payments", 1_240),
    service("refunds", "payments", 770),
    service("fraud-scores", "payments", 350),
    service("invoices", "payments", 720),
    service("ingest", "data", 990),
    service("warehouse", "data", 980),
    service("reports", "data", 610),
    service("features", "data", 300),
    service("exports", "data", 560),
    service("metrics", "platform", 1_440),
    service("logs", "platform", 1_430),
    service("backups", "platform", 1_100),
    service("certificates", "platform", 1_050),
];

impl Service {
    /// Whether it has a role in an account.
    pub fn runs_in(&self, account: usize) -> bool {
        match account {
            PRODUCTION => self.team != "data",
            STAGING => !matches!(self.team, "data" | "platform"),
            DATA => self.team == "data",
            _ => false,
        }
    }

    /// Whether it has a function beside its task.
    pub fn has_function(&self, account: usize) -> bool {
        match account {
            PRODUCTION => self.name.len().is_multiple_of(2),
            DATA => true,
            _ => false,
        }
    }

    /// Whether it runs in a cluster.
    pub fn runs_on(&self, cluster: usize) -> bool {
        cluster == CLUSTER_PRODUCTION || !matches!(self.team, "data" | "platform")
    }

    /// Who answers for it.
    pub fn owner(&self, week: &Week) -> &'static str {
        named(self.team, week)
    }

    /// Whether nobody changed its tag when its department went.
    pub fn is_forgotten(&self, week: &Week) -> bool {
        week.from(REORGANISED) && matches!(self.name, "returns" | "labels")
    }

    /// The tag that names its owner.
    pub fn owner_tag(&self, week: &Week) -> &'static str {
        if self.is_forgotten(week) { self.team } else { self.owner(week) }
    }
}
