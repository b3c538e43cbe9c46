//! The fifteen invariants, one a file. They are compiled in: no configuration and no rule takes one away.

mod i01_zone;
mod i02_intent;
mod i03_approvals;
mod i04_exceptions;
mod i05_duties;
mod i06_credentials;
mod i07_owners;
mod i08_parties;
mod i09_domain;
mod i10_budget;
mod i11_inverse;
mod i12_used;
mod i13_snapshot;
mod i14_environments;
mod i15_approval;

use std::fmt::Write as _;

use serde::Serialize;

pub use i02_intent::surplus;
pub use i12_used::{UsedAndRemoved, used};
pub use i15_approval::{given, required};

use super::facts::Facts;
use super::reach::{ReachStep, Reached};
use super::{AccessRow, Status};
use crate::model::Tables;

/// Every invariant, in order.
pub const ALL: &[&dyn Invariant] = &[
    &i01_zone::Zone,
    &i02_intent::WithinIntent,
    &i03_approvals::ApprovalsKept,
    &i04_exceptions::Declared,
    &i05_duties::Duties,
    &i06_credentials::Credentials,
    &i07_owners::Owners,
    &i08_parties::NobodyGains,
    &i09_domain::Domain,
    &i10_budget::Budget,
    &i11_inverse::Inverse,
    &i12_used::UsedListed,
    &i13_snapshot::Fresh,
    &i14_environments::Environments,
    &i15_approval::Approved,
];

/// One thing that must hold of every draft.
pub trait Invariant: Sync {
    /// `I1` to `I15`.
    fn id(&self) -> &'static str;

    /// What must hold, in a sentence.
    fn title(&self) -> &'static str;

    /// Judges a draft: how it ended and what shows it.
    fn check(&self, facts: &Facts<'_>) -> (Status, Vec<Witness>);

    /// [`Invariant::check`] with its name. Nothing but a pass is without a witness.
    fn checked(&self, facts: &Facts<'_>) -> Checked {
        let (status, witness) = self.check(facts);
        Checked { id: self.id(), status, witness }
    }
}

/// A judged invariant.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Checked {
    pub id: &'static str,
    pub status: Status,
    pub witness: Vec<Witness>,
}

/// A row of a table that a witness stands on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Cited {
    pub table: String,
    /// What tells the row: ids, or `grant:NUMBER` and what the statement is called.
    pub row: String,
    /// `before` or `after` the change.
    pub side: &'static str,
}

impl Cited {
    /// A row of the snapshot.
    #[must_use]
    pub fn before(table: &str, row: &str) -> Self {
        Self { table: table.to_owned(), row: row.to_owned(), side: "before" }
    }

    /// A row as the draft makes it, or leaves it.
    #[must_use]
    pub fn after(table: &str, row: &str) -> Self {
        Self { table: table.to_owned(), row: row.to_owned(), side: "after" }
    }

    /// A statement by its number.
    #[must_use]
    pub fn grant(after: bool, tables: &Tables, number: u32) -> Self {
        let told = tables
            .grants
            .get(number as usize)
            .map_or_else(String::new, |row| format!(" {} → {}", row.policy, row.statement));
        let row = format!("grant:{number}{told}");
        if after { Self::after("grants", &row) } else { Self::before("grants", &row) }
    }
}

/// What shows that an invariant holds or not, so that a person can check it by hand.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Witness {
    /// A sentence without a full stop.
    pub says: String,
    pub rows: Vec<Cited>,
    /// Steps of an attack, where it is one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub path: Vec<ReachStep>,
}

impl Witness {
    /// A sentence alone.
    #[must_use]
    pub fn says(says: impl Into<String>) -> Self {
        Self { says: says.into(), rows: Vec::new(), path: Vec::new() }
    }

    /// A sentence and the rows that it stands on.
    #[must_use]
    pub fn with(says: impl Into<String>, rows: Vec<Cited>) -> Self {
        Self { says: says.into(), rows, path: Vec::new() }
    }

    fn reached(facts: &Facts<'_>, one: &Reached) -> Self {
        let mut says = format!("`{}` comes to `{}`", one.principal, one.target);
        // Writing to a string cannot fail.
        let _ = write!(says, " ({}), {}, by {} steps; before: {}", one.protected, one.certainty, one.hops, one.before);
        let evidence = one.steps.iter().flat_map(|step| &step.evidence);
        let rows = evidence.map(|&number| Cited::grant(true, facts.after(), number)).collect();
        Self { says, rows, path: one.steps.clone() }
    }

    fn access(facts: &Facts<'_>, row: &AccessRow, verb: &str) -> Self {
        let conditional = row.condition.as_ref().map_or_else(String::new, |one| format!(" under {one}"));
        let says = format!(
            "`{}` {verb} {} on {}{conditional}, {}: {}",
            row.principal,
            row.actions.join(", "),
            row.resources.join(", "),
            row.decision,
            row.why
        );
        let rows = row.grant.map(|number| Cited::grant(true, facts.after(), number)).into_iter().collect();
        Self::with(says, rows)
    }
}

/// The worst of what witnesses say, or a pass.
fn worst(found: Vec<(Status, Witness)>) -> (Status, Vec<Witness>) {
    let status = found.iter().map(|(status, _)| *status).max().unwrap_or(Status::Pass);
    (status, found.into_iter().map(|(_, witness)| witness).collect())
}
