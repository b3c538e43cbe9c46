//! Every column of every table: how sensitive it is, and how it is shown.
//!
//! The table is closed: a test holds it against the schema of the store, so that a column which nobody classified does
//! not build. Nothing of class `secret` is ever shown, and of class `personal` a pseudonym at most.

use super::Part;
use crate::names;

use Shown::{
    Action, Actions, Condition, Id, IdText, Node, Person, Plain, Ref, Refs, Share, Statement, Statements, Steps, Text,
    Texts, Time, Withheld,
};

names! {
    /// How sensitive a column is.
    pub enum Class {
        /// Says nothing about the organisation: names of closed lists, actions, ids of rules.
        Public = "public",
        /// Shown to who may see the domain.
        Internal = "internal",
        /// About a human being: a pseudonym or nothing.
        Personal = "personal",
        /// Never shown: case records, and free text that people write about cases.
        Secret = "secret",
    }
}

/// How a cell is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// As it is, hidden characters made visible.
    Plain,
    /// A number from 0 to 1 that people may write in percent.
    Share,
    /// A full id of an entity of the domain.
    Id,
    /// A text that is the full id of an entity, which may lie outside.
    IdText,
    /// The number of an entity: its id, or a stub.
    Ref,
    Refs,
    /// The number of a node of the attack graph: an entity, or a target set.
    Node,
    /// The number of a statement: the id of its fact, or a stub.
    Statement,
    Statements,
    /// Rows of the edges table: the steps of a path.
    Steps,
    /// Milliseconds since 1970: an instant in ISO 8601.
    Time,
    /// What a platform calls a right or a service: ids from outside the domain replaced, but no names. The words of its
    /// notation (`s3:read`) are names of roles as well.
    Action,
    Actions,
    /// Free text: names from outside the domain replaced.
    Text,
    Texts,
    /// A condition block: free text without the values of external ids.
    Condition,
    /// A name of a person or a group: a pseudonym, unless it is that of an entity of the domain.
    Person,
    /// Not at all.
    Withheld,
}

/// One column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    pub name: &'static str,
    pub class: Class,
    pub shown: Shown,
}

const fn public(name: &'static str, shown: Shown) -> Column {
    Column { name, class: Class::Public, shown }
}

const fn internal(name: &'static str, shown: Shown) -> Column {
    Column { name, class: Class::Internal, shown }
}

const fn personal(name: &'static str, shown: Shown) -> Column {
    Column { name, class: Class::Personal, shown }
}

const fn secret(name: &'static str) -> Column {
    Column { name, class: Class::Secret, shown: Shown::Withheld }
}

/// The columns of a part.
#[must_use]
pub fn of(part: Part) -> &'static [Column] {
    ALL.iter().find(|(table, _)| *table == part.as_str()).map_or(&[], |(_, columns)| columns)
}

/// Every table of the store with its columns, in stored order.
pub const ALL: &[(&str, &[Column])] = &[
    (
        "entities",
        &[
            internal("entity", Ref),
            internal("id", Id),
            public("platform", Plain),
            internal("scope", IdText),
            internal("domain", Plain),
            public("kind", Plain),
            internal("name", Plain),
            internal("unique_id", Id),
            public("present", Plain),
            public("nhi", Plain),
            internal("nhi_reason", Text),
            public("enabled", Plain),
            internal("env", Plain),
            internal("criticality", Plain),
            internal("protected", Plain),
            internal("protected_reason", Text),
            internal("created_at", Time),
            internal("last_used_at", Time),
            public("last_used_source", Plain),
            personal("owner", Person),
            internal("owner_status", Plain),
            internal("owner_confidence", Share),
            public("source", Plain),
            internal("record", Text),
        ],
    ),
    (
        "memberships",
        &[
            internal("member", Ref),
            internal("container", Ref),
            public("kind", Plain),
            public("standing", Plain),
            internal("expires_at", Time),
            public("source", Plain),
            internal("record", Text),
        ],
    ),
    (
        "attachments",
        &[
            internal("holder", Ref),
            internal("policy", Ref),
            public("kind", Plain),
            public("source", Plain),
            internal("record", Text),
        ],
    ),
    ("attributes", &[internal("entity", Ref), internal("key", Text), internal("value", Text)]),
    (
        "grants",
        &[
            internal("grant", Statement),
            internal("holder", Ref),
            public("effect", Plain),
            public("actions", Actions),
            public("not_actions", Actions),
            internal("resources", Texts),
            internal("not_resources", Texts),
            internal("principals", Texts),
            internal("not_principals", Texts),
            internal("condition", Condition),
            public("variables", Plain),
            public("layer", Plain),
            internal("policy", Text),
            internal("statement", Text),
            internal("granted_at", Time),
            internal("expires_at", Time),
            public("source", Plain),
            internal("record", Text),
        ],
    ),
    (
        "trusts",
        &[
            internal("target", Ref),
            internal("trustee", Ref),
            internal("trustee_pattern", Text),
            public("action", Action),
            internal("condition", Condition),
            public("kind", Plain),
            internal("grant", Statement),
        ],
    ),
    (
        "credentials",
        &[
            internal("credential", Text),
            internal("entity", Ref),
            public("kind", Plain),
            internal("created_at", Time),
            internal("expires_at", Time),
            internal("last_used_at", Time),
            internal("never_used", Plain),
            internal("last_rotated_at", Time),
            internal("active", Plain),
            public("source", Plain),
            internal("record", Text),
        ],
    ),
    (
        "usage",
        &[
            internal("entity", Ref),
            public("permission", Action),
            public("granularity", Plain),
            internal("last_used_at", Time),
            internal("count", Plain),
            internal("window_start", Time),
            internal("window_end", Time),
            public("source", Plain),
            internal("record", Text),
        ],
    ),
    (
        "people",
        &[
            personal("person", Person),
            personal("name", Withheld),
            personal("email", Withheld),
            internal("entity", Ref),
            internal("status", Plain),
            personal("started_at", Withheld),
            personal("left_at", Withheld),
            personal("manager", Person),
            personal("department", Withheld),
            public("source", Plain),
            internal("record", Text),
        ],
    ),
    (
        "identities",
        &[personal("person", Person), internal("entity", Ref), public("method", Plain), internal("confidence", Share)],
    ),
    (
        "owners",
        &[
            internal("entity", Ref),
            personal("owner", Person),
            personal("person", Person),
            internal("group", Ref),
            public("origin", Plain),
            internal("status", Plain),
            internal("confidence", Share),
            internal("evidence", Text),
            public("source", Plain),
            internal("record", Text),
        ],
    ),
    (
        "approvals",
        &[
            internal("object", Text),
            internal("entity", Ref),
            personal("approver", Person),
            internal("required", Plain),
            internal("quorum", Plain),
            internal("cycle_days", Plain),
            internal("last_reviewed_at", Time),
            internal("queue", Text),
            public("source", Plain),
            internal("record", Text),
        ],
    ),
    (
        "workflows",
        &[
            internal("workflow", Text),
            internal("business_process", Text),
            personal("control_owner", Person),
            internal("principal", Ref),
            internal("ai", Plain),
            internal("functions", Texts),
            internal("tier", Text),
            internal("queue", Text),
            internal("takes_from", Texts),
            internal("proposes", Texts),
            public("source", Plain),
            internal("record", Text),
        ],
    ),
    (
        "role_baselines",
        &[
            internal("baseline", Text),
            internal("entity", Ref),
            public("actions", Actions),
            internal("resources", Texts),
            public("source", Plain),
            internal("record", Text),
        ],
    ),
    (
        "sod_rules",
        &[
            internal("rule", Text),
            internal("title", Text),
            internal("left", Texts),
            internal("right", Texts),
            public("severity", Plain),
            public("source", Plain),
            internal("record", Text),
        ],
    ),
    (
        "exceptions",
        &[
            internal("exception", Text),
            public("rule", Text),
            internal("principal", Text),
            internal("resource", Text),
            internal("domain", Text),
            secret("reason"),
            personal("owner", Person),
            personal("approved_by", Person),
            internal("created_at", Time),
            internal("expires_at", Time),
            secret("ticket"),
            internal("status", Plain),
            internal("problem", Text),
            internal("matched_n", Plain),
            public("source", Plain),
            internal("record", Text),
        ],
    ),
    (
        "issues",
        &[
            public("severity", Plain),
            public("source", Plain),
            internal("record", Withheld),
            public("code", Plain),
            internal("message", Withheld),
        ],
    ),
    (
        "access",
        &[
            internal("entity", Ref),
            public("service", Action),
            public("level", Plain),
            internal("granted_n", Plain),
            internal("unused_n", Plain),
            internal("observable_n", Plain),
            internal("undetermined_n", Plain),
            internal("breadth", Plain),
            internal("mass", Plain),
            internal("observable_mass", Plain),
            internal("used_mass", Plain),
            internal("unused_mass", Plain),
            internal("window_days", Plain),
            internal("decision", Plain),
            public("evidence_grade", Plain),
        ],
    ),
    (
        "removals",
        &[
            internal("entity", Ref),
            public("service", Action),
            public("level", Plain),
            internal("decision", Plain),
            internal("verdict", Plain),
            internal("actions_n", Plain),
            internal("mass", Plain),
            internal("why", Text),
            internal("quiet_days", Plain),
            internal("last_used_at", Time),
            public("evidence_grade", Plain),
            internal("grants", Statements),
        ],
    ),
    (
        "peers",
        &[
            internal("entity", Ref),
            public("cohort_kind", Plain),
            internal("cohort", Text),
            internal("n", Plain),
            public("permission", Action),
            internal("n_p", Plain),
            internal("nats", Plain),
        ],
    ),
    (
        "edges",
        &[
            internal("src", Node),
            internal("dst", Node),
            public("technique", Plain),
            public("certainty", Plain),
            internal("reasons", Texts),
            internal("evidence", Statements),
        ],
    ),
    ("target_sets", &[internal("node", Node), public("technique", Plain), internal("targets_n", Plain)]),
    (
        "assists",
        &[
            internal("src", Node),
            internal("dst", Node),
            public("technique", Plain),
            public("request", Plain),
            internal("by", Ref),
        ],
    ),
    (
        "paths",
        &[
            internal("entity", Ref),
            internal("target", Ref),
            internal("hops", Plain),
            public("certainty", Plain),
            internal("steps", Steps),
            internal("weakest_reason", Text),
        ],
    ),
    (
        "choke_points",
        &[
            internal("entity", Ref),
            public("kind", Plain),
            internal("other", Ref),
            internal("grant", Statement),
            internal("id", Text),
            internal("name", Text),
            internal("unavoidable_for", Plain),
            internal("exposure_before", Plain),
            internal("exposure_after", Plain),
            internal("removable", Plain),
            internal("used_in_window", Plain),
            internal("change", Text),
        ],
    ),
    (
        "findings",
        &[
            internal("fingerprint", Plain),
            public("rule", Plain),
            public("severity", Plain),
            internal("entity", Ref),
            internal("title", Text),
            internal("subjects", Refs),
            internal("affected_n", Plain),
            internal("evidence", Texts),
            public("frameworks", Texts),
            internal("first_seen", Time),
            public("state", Plain),
            internal("exception", Text),
        ],
    ),
    (
        "orphans",
        &[
            internal("entity", Ref),
            public("reason", Plain),
            internal("since", Time),
            internal("since_source", Text),
            internal("undetermined", Text),
            internal("evidence", Texts),
            personal("proposed_owner", Person),
            internal("proposed_confidence", Share),
            internal("proposed_evidence", Texts),
        ],
    ),
    (
        "scores",
        &[
            internal("entity", Ref),
            internal("excess", Plain),
            internal("orphan", Plain),
            internal("escalation", Plain),
            internal("credential", Plain),
            internal("risk", Plain),
            internal("risk_low", Plain),
            internal("risk_high", Plain),
            internal("shares", Texts),
            internal("pgr", Share),
            internal("wpg", Share),
            internal("wpa", Plain),
            internal("mass", Plain),
            internal("power", Share),
            internal("hops_to_protected", Plain),
            internal("blast_radius", Share),
            internal("exposure_in", Plain),
            internal("cohort", Text),
            internal("cohort_n", Plain),
            internal("cohort_percentile", Share),
            internal("surprise", Plain),
            internal("surprise_percentile", Share),
            internal("observed_cohort", Text),
            internal("observed_cohort_n", Plain),
            internal("observed_surprise", Plain),
            internal("observed_percentile", Share),
            internal("role_gap_n", Plain),
            internal("role_gap_mass", Plain),
            internal("removable_n", Plain),
            internal("removable_mass", Plain),
            internal("window_days", Plain),
            internal("coverage", Share),
            public("evidence_grade", Plain),
            internal("reason_1", Text),
            internal("reason_2", Text),
            internal("reason_3", Text),
        ],
    ),
    (
        "metrics",
        &[
            public("metric", Plain),
            public("platform", Plain),
            public("kind", Plain),
            internal("domain", Plain),
            internal("value", Plain),
            internal("low", Plain),
            internal("high", Plain),
            internal("numerator", Plain),
            internal("denominator", Plain),
            internal("coverage", Share),
        ],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store;

    #[test]
    fn every_column_of_every_table_is_classified_once() {
        let stored: Vec<(&str, Vec<&str>)> = store::TABLES
            .iter()
            .map(|table| (table.name, table.columns.iter().map(|column| column.name).collect()))
            .collect();
        let classified: Vec<(&str, Vec<&str>)> =
            ALL.iter().map(|(table, columns)| (*table, columns.iter().map(|column| column.name).collect())).collect();
        assert_eq!(classified, stored, "classify the columns that differ in src/context/classes.rs");
    }

    #[test]
    fn what_is_personal_is_a_pseudonym_at_most_and_what_is_secret_nothing() {
        for (table, columns) in ALL {
            for column in *columns {
                let allowed: &[Shown] = match column.class {
                    Class::Personal => &[Person, Withheld],
                    Class::Secret => &[Withheld],
                    Class::Public | Class::Internal => continue,
                };
                assert!(allowed.contains(&column.shown), "{table}.{}", column.name);
            }
        }
    }

    #[test]
    fn every_part_has_its_columns_and_numbers_of_entities_are_never_plain() {
        for part in Part::ALL {
            assert!(!of(*part).is_empty(), "{part}");
        }
        for (table, column) in ALL.iter().flat_map(|(table, columns)| columns.iter().map(move |column| (table, column)))
        {
            let numbered = ["entity", "member", "container", "holder", "target", "trustee", "src", "dst", "node", "by"];
            if numbered.contains(&column.name) {
                assert!(matches!(column.shown, Ref | Node), "{table}.{}", column.name);
            }
        }
    }
}
