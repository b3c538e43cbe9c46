//! How unusual what a principal may do is among those that it is compared with.

use super::EntityId;
use crate::{names, record};

names! {
    /// Why principals are compared with each other.
    pub enum CohortKind {
        /// They have platform, kind and a declared fact (team, department, owner) in common.
        Declared = "declared",
        /// They may do much the same.
        Observed = "observed",
    }
}

record! {
    /// One permission of a principal and how many of its peers have it too: the largest shares of each surprise, as many
    /// as `peers.listed_max` of the configuration.
    table "peers";
    pub struct Peer {
        /// Whose permission it is.
        pub entity: EntityId,
        /// Against which of its two cohorts.
        pub cohort_kind: CohortKind,
        /// Name of the cohort.
        pub cohort: String,
        /// Peers: members of the cohort without the principal itself.
        pub n: u32,
        /// Service and access level, as `service:level`.
        pub permission: String,
        /// Peers that have it.
        pub n_p: u32,
        /// Its share of the surprise in nats: `-ln((n_p + alpha) / (n + alpha + beta))`.
        pub nats: f64,
    }
}
