//! What became of approved changes, and what changed without one.
//!
//! A scan compares its rows with those of the snapshot before. Of every approved decision that was not yet seen whole,
//! the rows that it was to add and remove are looked for:
//!
//! - `matched`: all of them;
//! - `drift`: where a row should be that was to be added, another one came or the place has changed;
//! - `partial`: some of them;
//! - `absent`: none.
//!
//! A row that came since the snapshot before and gives access is *unexplained* when no approved decision that was still
//! open was to add it.

use std::collections::{BTreeMap, BTreeSet};

use super::record::{Draft, Kind, Observed, Outcome, Record};
use super::rows::{Row, Rows};

/// An approved decision whose change has not been seen whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Pending<'r> {
    pub decision: &'r Record,
    /// What the last scan saw of it; `None` when none has looked.
    pub last: Option<Observed>,
}

/// Approved decisions whose change no scan of an earlier time than `as_of` has seen whole, in the order of their
/// records. A decision that a later one about the same draft takes back is not among them, nor is one of a later time:
/// the same scan again finds the same ones.
#[must_use]
pub fn pending(records: &[Record], as_of: i64) -> Vec<Pending<'_>> {
    let mut seen: BTreeMap<u64, Observed> = BTreeMap::new();
    let mut whole: BTreeSet<u64> = BTreeSet::new();
    let mut by_draft: BTreeMap<&str, u64> = BTreeMap::new();
    for record in records.iter().filter(|record| record.time <= as_of) {
        match (record.said.kind, record.said.refers_to, record.said.observed) {
            (Kind::Observed, Some(decision), Some(observed)) => {
                seen.insert(decision, observed);
                if observed == Observed::Matched && record.time < as_of {
                    whole.insert(decision);
                }
            }
            (Kind::Decision, ..) => {
                if let Some(key) = record.said.draft_key() {
                    by_draft.insert(key, record.seq);
                }
            }
            _ => {}
        }
    }
    let is_last = |record: &Record| record.said.draft_key().is_some_and(|key| by_draft.get(key) == Some(&record.seq));
    let approved = records.iter().filter(|record| {
        record.said.kind == Kind::Decision && record.said.outcome == Some(Outcome::Approved) && is_last(record)
    });
    let open = approved.filter(|decision| !whole.contains(&decision.seq));
    open.map(|decision| Pending { decision, last: seen.get(&decision.seq).copied() }).collect()
}

/// What there is now of a change. `added` is what came since the snapshot before.
#[must_use]
pub fn judge(expected: &Rows, now: &BTreeSet<Row>, added: &[Row]) -> Observed {
    let is_there = |row: &Row| now.contains(row) || added.iter().any(|came| row.is_met_by(came));
    let there = expected.added.iter().filter(|row| is_there(row)).count();
    let gone = expected.removed.iter().filter(|row| !now.contains(*row)).count();
    let (done, all) = (there + gone, expected.added.len() + expected.removed.len());
    if done == all {
        return Observed::Matched;
    }
    let mut missing = expected.added.iter().filter(|row| !is_there(row));
    let replaced = |row: &Row| added.iter().any(|came| came.same_place(row) && !expected.added.contains(came));
    if missing.any(replaced) {
        return Observed::Drift;
    }
    if done == 0 { Observed::Absent } else { Observed::Partial }
}

/// The record of what a scan saw of a decision.
#[must_use]
pub fn record(of: &Record, observed: Observed, snapshot: &str, actor: super::Actor) -> Draft {
    Draft {
        ai: of.said.ai.clone(),
        draft_id: of.said.draft_id.clone(),
        workflow: of.said.workflow.clone(),
        ticket: of.said.ticket.clone(),
        domain: of.said.domain.clone(),
        change_sha256: of.said.change_sha256.clone(),
        rows_sha256: of.said.rows_sha256.clone(),
        snapshot: Some(snapshot.to_owned()),
        refers_to: Some(of.seq),
        observed: Some(observed),
        ..Draft::new(Kind::Observed, actor)
    }
}

/// Rows that came, give access, and that none of the changes was to add.
#[must_use]
pub fn unexplained(came: &[Row], expected: &[Rows]) -> Vec<Row> {
    let explained: BTreeSet<&Row> = expected.iter().flat_map(|rows| &rows.added).collect();
    let open = came.iter().filter(|row| row.table.gives_access() && !explained.contains(row));
    // A credential that was to be made stands for one whose id nobody could know, and for no second one.
    let mut to_come: Vec<&Row> = explained.iter().copied().filter(|row| !came.contains(row)).collect();
    let mut is_expected = |row: &Row| match to_come.iter().position(|wanted| wanted.is_met_by(row)) {
        Some(at) => {
            to_come.remove(at);
            true
        }
        None => false,
    };
    open.filter(|row| !is_expected(row)).cloned().collect()
}
