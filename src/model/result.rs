//! What an analysis finds out: the tables that are computed, never read from an export.

use super::{Certainty, Decision, EntityId};
use crate::{names, record};

record! {
    /// What one principal may do in one service at one access level, counted in actions of the catalogue.
    table "access";
    pub struct Access {
        /// Who.
        pub entity: EntityId,
        /// Service prefix.
        pub service: String,
        /// Access level (`list read tagging write permissions`).
        pub level: String,
        /// Actions granted on at least one resource.
        pub granted_n: u32,
        /// Observable actions that were not used in the window; null without usage data.
        pub unused_n: Option<u32>,
        /// Granted actions whose use would have been seen; null without usage data. Those of `undetermined_n` are not
        /// among them.
        pub observable_n: Option<u32>,
        /// Actions that were not used and were granted too recently for that to mean anything; null without usage data.
        pub undetermined_n: Option<u32>,
        /// Widest resource scope among them (`one prefix all`).
        pub breadth: String,
        /// Sum of level weight x breadth weight over the granted actions.
        pub mass: f64,
        /// The part of `mass` that is observable; null without usage data.
        pub observable_mass: Option<f64>,
        /// The part of `mass` that single calls were seen to use: not that which counts as used because its service was
        /// used; null without usage data.
        pub used_mass: Option<f64>,
        /// The part of `mass` that is observable and unused; null without usage data.
        pub unused_mass: Option<f64>,
        /// Days of the configured window that were observed, of the action observed least; fewer than the window's make
        /// the row provisional. Null without usage data, or when the source does not say how long it watched.
        pub window_days: Option<u32>,
        /// Whether these grants are certain (`allowed`), or hang on something (`conditional`, `unknown`).
        pub decision: Decision,
        /// What the numbers stand on (`measured-action measured-service peer static`).
        pub evidence_grade: String,
    }
}

record! {
    /// Who controls `src` can come to control `dst`.
    table "edges";
    pub struct Edge {
        /// Number of the node that the edge leaves: an entity, or from the number of entities on a target set.
        pub src: u32,
        /// Number of the node that the edge enters.
        pub dst: u32,
        /// Id of the technique.
        pub technique: String,
        /// Whether it hangs on something that is not known.
        pub certainty: Certainty,
        /// What it hangs on, in words.
        pub reasons: Vec<String>,
        /// Numbers of the grants that make it so.
        pub evidence: Vec<u32>,
    }
}

record! {
    /// A node of the attack graph that stands for all targets of a technique which the same principals reach.
    table "target_sets";
    pub struct TargetSet {
        /// Number of the node; entities have the numbers below.
        pub node: u32,
        /// Id of the technique.
        pub technique: String,
        /// Number of targets.
        pub targets_n: u32,
    }
}

record! {
    /// Who helps with an edge that several principals make together, as whom the source controls.
    table "assists";
    pub struct Assist {
        /// Node that the edge leaves.
        pub src: u32,
        /// Node that the edge enters.
        pub dst: u32,
        /// Technique of the edge.
        pub technique: String,
        /// Number of the request, from 1.
        pub request: u32,
        /// The principal that makes it.
        pub by: EntityId,
    }
}

record! {
    /// A shortest witness path from a principal to the protected zone.
    table "paths";
    pub struct Path {
        /// Where it starts.
        pub entity: EntityId,
        /// Protected entity where it ends.
        pub target: EntityId,
        /// Steps, target sets not counted.
        pub hops: u32,
        /// Weakest of its steps.
        pub certainty: Certainty,
        /// Rows of the edges table, in order.
        pub steps: Vec<u32>,
        /// What the weakest step hangs on; null for a certain path.
        pub weakest_reason: Option<String>,
    }
}

names! {
    /// How urgent a finding is.
    pub enum Severity {
        Critical = "critical",
        High = "high",
        Medium = "medium",
        Low = "low",
    }
}

names! {
    /// A finding against the one before.
    pub enum FindingState {
        New = "new",
        Unchanged = "unchanged",
        Updated = "updated",
        Absent = "absent",
        Reopened = "reopened",
    }
}

record! {
    /// Something that should not be so.
    table "findings";
    pub struct Finding {
        /// Stable name of this finding across scans: rule, entity and subject, hashed.
        pub fingerprint: String,
        /// Id of the rule.
        pub rule: String,
        /// How urgent.
        pub severity: Severity,
        /// Whom it is about.
        pub entity: EntityId,
        /// One sentence for a person.
        pub title: String,
        /// Other entities that take part; all who are affected, where one cause affects several.
        pub subjects: Vec<u32>,
        /// How many principals are affected: those among `subjects` where one cause affects several, else 1.
        pub affected_n: u32,
        /// What it stands on, one fact each.
        pub evidence: Vec<String>,
        /// Framework references, `framework:revision:id`.
        pub frameworks: Vec<String>,
        /// Time of the first scan that had it.
        pub first_seen: i64,
        /// Against the snapshot before.
        pub state: FindingState,
        /// Id of the exception that covers it.
        pub exception: Option<String>,
    }
}

record! {
    /// The scores of one principal, 0 to 100, and what they are made of.
    table "scores";
    pub struct Score {
        /// Who.
        pub entity: EntityId,
        /// Privilege beyond need; without usage data, privilege held (grade `static`).
        pub excess: Option<f64>,
        /// Neglect of a non-human identity.
        pub orphan: Option<f64>,
        /// Nearness to the protected zone.
        pub escalation: Option<f64>,
        /// Credential hygiene.
        pub credential: Option<f64>,
        /// The index over all components.
        pub risk: f64,
        /// `risk` with what is unknown or conditional at its best.
        pub risk_low: f64,
        /// `risk` with what is unknown or conditional at its worst.
        pub risk_high: f64,
        /// Each component's additive part of the risk as `component=value`: `-ln(1 - a x)`, summing to `-ln(1 - risk/100)`.
        pub shares: Vec<String>,
        /// Permission gap: share of observable grants not used; null when nothing is observable.
        pub pgr: Option<f64>,
        /// Weighted permission gap; null when nothing is observable.
        pub wpg: Option<f64>,
        /// Absolute weighted excess; null when nothing is observable.
        pub wpa: Option<f64>,
        /// Privilege mass: sum of level weight x breadth weight over everything granted.
        pub mass: f64,
        /// `ln(1 + mass)` as a share of the platform administrator's, 0 to 1.
        pub power: f64,
        /// Steps to the protected zone, 0 inside it; null when there is no path.
        pub hops_to_protected: Option<u32>,
        /// Share of present entities that a path reaches, weighted by criticality, 0 to 1.
        pub blast_radius: f64,
        /// Principals from which a path leads here.
        pub exposure_in: u32,
        /// Cohort that the entity is compared with.
        pub cohort: String,
        /// Size of the cohort.
        pub cohort_n: u32,
        /// Share of the cohort with a lower mass, 0 to 1.
        pub cohort_percentile: Option<f64>,
        /// Surprise in nats against the declared cohort: the sum over its permissions of
        /// `-ln((n_p + alpha) / (n + alpha + beta))`; null in a cohort that is too small.
        pub surprise: Option<f64>,
        /// Share of the declared cohort with a lower surprise, 0 to 1.
        pub surprise_percentile: Option<f64>,
        /// Cohort of principals that may do much the same, named by a digest of what that is; null without access.
        pub observed_cohort: Option<String>,
        /// Size of that cohort; null without access.
        pub observed_cohort_n: Option<u32>,
        /// Surprise in nats against the observed cohort; null in a cohort that is too small.
        pub observed_surprise: Option<f64>,
        /// Share of the observed cohort with a lower surprise, 0 to 1.
        pub observed_percentile: Option<f64>,
        /// Granted actions beyond those of the role baselines declared for it; null where none is declared.
        pub role_gap_n: Option<u32>,
        /// Privilege mass beyond the role baselines, of actions that are granted more widely than declared too; null
        /// where none is declared.
        pub role_gap_mass: Option<f64>,
        /// Granted actions whose removal is `safe`; null when no use was observed.
        pub removable_n: Option<u32>,
        /// Privilege mass of those; null when no use was observed.
        pub removable_mass: Option<f64>,
        /// Days of the configured window that were observed, of the row observed least; fewer than the window's make the
        /// gaps provisional. Null when no use was observed.
        pub window_days: Option<u32>,
        /// Share of the components that are known, 0 to 1.
        pub coverage: f64,
        /// Weakest evidence that the gaps stand on, of what is observable; `static` when nothing is.
        pub evidence_grade: String,
        /// Main reason in words.
        pub reason_1: Option<String>,
        /// Second reason in words.
        pub reason_2: Option<String>,
        /// Third reason in words.
        pub reason_3: Option<String>,
    }
}

record! {
    /// One number about one part of the organisation.
    table "metrics";
    pub struct Metric {
        /// Id of the metric.
        pub metric: String,
        /// Platform, or `all`.
        pub platform: String,
        /// `human`, `nhi`, `agent`, `third_party` or `all`; the last two kinds are NHIs as well.
        pub kind: String,
        /// Domain, or `all`.
        pub domain: String,
        /// The value; null when it cannot be measured.
        pub value: Option<f64>,
        /// Lower end of the interval.
        pub low: Option<f64>,
        /// Upper end of the interval.
        pub high: Option<f64>,
        /// What is counted.
        pub numerator: Option<f64>,
        /// Out of what.
        pub denominator: Option<f64>,
        /// Share of the population with the data that the metric needs, 0 to 1.
        pub coverage: Option<f64>,
    }
}
