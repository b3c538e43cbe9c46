//! The gate: whether a draft may be made, judged on the graph and not on its words.
//!
//! A draft is applied to a copy of the snapshot; both sides are evaluated in the same way, and fifteen invariants that
//! nobody can switch off look at what differs. Every answer has a witness that a person can check by hand. What is
//! unknown or hangs on something is never taken for harmless. After the invariants come the rules of the house
//! ([`rules`]). The gate is the same for drafts of people and of models, it says what it would take for a draft to pass,
//! and it changes nothing anywhere.

mod access;
mod affected;
mod approvals;
mod budget;
mod counter;
mod delta;
mod equivalents;
mod evidence;
mod facts;
pub mod invariants;
mod parties;
pub mod pattern;
mod reach;
mod report;
pub mod rules;
mod side;
pub mod terms;
#[cfg(test)]
mod tests;

use crate::access::{Evaluators, Settings};
use crate::change::{Applied, ChangeError, Read};
use crate::config::Config;
use crate::model::{Coverage, Results, Tables};
use crate::names;
use crate::techniques::Library;

pub use access::AccessRow;
pub use budget::{Amounts, Past};
pub use facts::Facts;
pub use invariants::{Checked, Cited, Invariant, Witness};
pub use reach::Reached;
pub use report::Gate;
pub use rules::Rules;
pub use terms::{Terms, Tier};

names! {
    /// What the gate says of a draft; the greatest of all invariants, then of the house rules.
    pub enum Verdict {
        Allow = "allow",
        /// A person decides.
        NeedsHuman = "needs_human",
        /// A person decides who proves again who they are, and a second one.
        NeedsStepUp = "needs_step_up",
        Block = "block",
    }
}

names! {
    /// How one invariant ended.
    pub enum Status {
        Pass = "pass",
        /// It cannot be told; a person has to.
        Unknown = "unknown",
        NeedsHuman = "needs_human",
        NeedsStepUp = "needs_step_up",
        Block = "block",
    }
}

impl Status {
    /// What the draft is at least. Unknown is never allowed.
    #[must_use]
    pub const fn verdict(self) -> Verdict {
        match self {
            Self::Pass => Verdict::Allow,
            Self::Unknown | Self::NeedsHuman => Verdict::NeedsHuman,
            Self::NeedsStepUp => Verdict::NeedsStepUp,
            Self::Block => Verdict::Block,
        }
    }
}

/// What a draft is judged on.
#[derive(Clone, Copy)]
pub struct Base<'a> {
    pub tables: &'a Tables,
    /// What its scan found; what was not read is empty, and what the gate says of it then is null.
    pub results: &'a Results,
    /// Time of the scan, in milliseconds since 1970.
    pub as_of: i64,
    /// Time of the judgement, in milliseconds since 1970.
    pub now: i64,
    pub config: &'a Config,
    pub library: &'a Library,
    /// Id of the snapshot.
    pub snapshot: &'a str,
    /// SHA-256 of the snapshot's tables, in hexadecimal.
    pub digest: &'a str,
    /// Domain that the session is kept to; none when it is not.
    pub domain: Option<&'a str>,
    /// What the scan left out.
    pub incomplete: &'a [String],
    pub coverage: &'a [Coverage],
    pub terms: &'a Terms,
}

/// The side before, which every part of a draft is compared with.
struct Prepared<'a> {
    evaluators: Evaluators<'a>,
    side: side::Side,
}

/// Judges a draft. `ledger` is what earlier drafts came to.
///
/// # Errors
/// When the draft cannot be applied to the snapshot: it is not judged then.
pub fn gate(base: &Base<'_>, read: &Read, ledger: &[Past], rules: &Rules) -> Result<Gate, Vec<ChangeError>> {
    let evaluators = Evaluators::new(base.tables, Settings { as_of: base.as_of });
    let side = side::Side::new(base.tables, &evaluators, base);
    let prepared = Prepared { evaluators, side };
    let mut gate = examine(base, &prepared, read, ledger, rules)?;
    if gate.verdict == Verdict::Block {
        gate.counter_proposal = counter::proposal(base, &prepared, read, ledger, rules);
    }
    Ok(gate)
}

/// Judges a draft without looking for a better one.
fn examine(
    base: &Base<'_>,
    prepared: &Prepared<'_>,
    read: &Read,
    ledger: &[Past],
    rules: &Rules,
) -> Result<Gate, Vec<ChangeError>> {
    let applied = crate::change::apply(base.tables, &read.set)?;
    Ok(judged(base, prepared, read, (ledger, rules), &applied))
}

/// Judges a draft that has been applied.
fn judged(
    base: &Base<'_>,
    prepared: &Prepared<'_>,
    read: &Read,
    (ledger, rules): (&[Past], &Rules),
    applied: &Applied,
) -> Gate {
    let evaluators = Evaluators::new(&applied.tables, Settings { as_of: base.as_of });
    let now = side::Side::new(&applied.tables, &evaluators, base);
    let facts = Facts::gather(base, prepared, read, ledger, (applied, &evaluators, &now));
    let checked: Vec<Checked> = invariants::ALL.iter().map(|one| one.checked(&facts)).collect();
    report::Gate::new(&facts, checked, rules)
}
