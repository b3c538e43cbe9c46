//! What would pass: the largest part of a draft that does, found greedily and judged again as a whole.
//!
//! Operations are tried in their order, each added to those that passed so far; what failed is tried again once more has
//! been taken in, since an operation can stand on a later one. The result is a part to which no single operation of the
//! rest can be added; it is what a draft's author can do next, and no promise that no larger part passes.

use serde::Serialize;

use super::{Base, Past, Prepared, Rules, Verdict, examine};
use crate::change::{Change, ChangeSet, Read};

/// Operations of a draft up to which a part is looked for; each costs one evaluation or more.
const CHANGES_MAX: usize = 64;

/// A part of a draft that passes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CounterProposal {
    /// `largest_part`, or `none` where not even one operation passes.
    pub kind: &'static str,
    /// What the gate says of the part; none when there is none.
    pub verdict: Option<Verdict>,
    /// The operations that stay.
    pub changes: Vec<Change>,
    /// Places of the operations that are left out, counted from 0.
    pub left_out: Vec<usize>,
    /// What else there is to say, in words.
    pub note: Option<String>,
}

/// Looks for the part of a blocked draft that passes.
pub fn proposal(
    base: &Base<'_>,
    prepared: &Prepared<'_>,
    read: &Read,
    ledger: &[Past],
    rules: &Rules,
) -> Option<CounterProposal> {
    let changes = &read.set.changes;
    if changes.is_empty() {
        return None;
    }
    let none = |note: &str| CounterProposal {
        kind: "none",
        verdict: None,
        changes: Vec::new(),
        left_out: (0..changes.len()).collect(),
        note: Some(note.to_owned()),
    };
    if changes.len() > CHANGES_MAX {
        return Some(none("the draft has too many operations for a part to be looked for; split it"));
    }
    let judged = |kept: &[usize]| -> Option<Verdict> {
        let some: Vec<Change> = kept.iter().map(|&at| changes[at].clone()).collect();
        let part = Read { set: ChangeSet { changes: some, ..read.set.clone() }, ..read.clone() };
        let verdict = examine(base, prepared, &part, ledger, rules).ok()?.verdict;
        (verdict < Verdict::Block).then_some(verdict)
    };
    // What blocks whatever the operations are (a stale snapshot, a void approval) leaves nothing.
    if judged(&[]).is_none() {
        return Some(none("what blocks does not hang on single operations"));
    }
    let mut kept: Vec<usize> = Vec::new();
    let mut verdict = None;
    loop {
        let before = kept.len();
        for at in 0..changes.len() {
            if kept.contains(&at) {
                continue;
            }
            let mut tried = kept.clone();
            tried.push(at);
            tried.sort_unstable();
            if let Some(passed) = judged(&tried) {
                (kept, verdict) = (tried, Some(passed));
            }
        }
        if kept.len() == before {
            break;
        }
    }
    if kept.is_empty() {
        return Some(none("no single operation passes"));
    }
    Some(CounterProposal {
        kind: "largest_part",
        verdict,
        changes: kept.iter().map(|&at| changes[at].clone()).collect(),
        left_out: (0..changes.len()).filter(|at| !kept.contains(at)).collect(),
        note: None,
    })
}
