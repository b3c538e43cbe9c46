//! What would happen if a right were taken away.

use super::{Decision, EntityId};
use crate::{names, record};

names! {
    /// Whether taking rights away would be felt, as far as use was observed.
    pub enum RemovalVerdict {
        /// They were used in the window.
        Used = "used",
        /// Nothing that is known says that they are needed, and what was looked at does not suffice to rule it out.
        Undetermined = "undetermined",
        /// Their use would have been seen, they were held for the whole window, and they were not used in it.
        Safe = "safe",
    }
}

record! {
    /// Actions of one row of the access table that share a verdict about taking them away. Principals whose use nothing
    /// observed have no rows here: every verdict about them is `undetermined`.
    table "removals";
    pub struct Removal {
        /// Who holds them.
        pub entity: EntityId,
        /// Service prefix.
        pub service: String,
        /// Access level (`list read tagging write permissions`).
        pub level: String,
        /// Whether the access row is of certain grants or of what may come to them.
        pub decision: Decision,
        /// What taking them away would do.
        pub verdict: RemovalVerdict,
        /// Number of actions.
        pub actions_n: u32,
        /// Their privilege mass.
        pub mass: f64,
        /// What the verdict stands on, in words.
        pub why: String,
        /// Days before the scan in which none of them is known to have been used and their use would have been seen;
        /// null when it would not.
        pub quiet_days: Option<u32>,
        /// Latest use of any of them.
        pub last_used_at: Option<i64>,
        /// What the verdict stands on (`measured-action measured-service static`).
        pub evidence_grade: String,
        /// Numbers of the statements that grant any of them.
        pub grants: Vec<u32>,
    }
}
