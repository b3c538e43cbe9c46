//! What would pass: the largest part of a draft that does, found greedily and judged again as a whole, with the grants
//! that are too wide made as narrow as the intent and recorded use let them be.
//!
//! Operations are tried in their order, each added to those that passed so far; what failed is tried again once more has
//! been taken in, since an operation can stand on a later one. A grant that passes in no part as it is written is tried
//! in narrower forms ([`narrow`]), the least first. The result is a part to which no single operation of the rest can be
//! added, in no form that was tried; it is what a draft's author can do next, and no promise that no larger part passes.

mod narrow;

use serde::Serialize;

use super::{Base, Past, Prepared, Rules, Verdict, examine};
use crate::change::{Change, ChangeSet, Read};

use narrow::Narrower;

/// Operations of a draft up to which a part is looked for; each costs one evaluation or more.
const CHANGES_MAX: usize = 64;

/// A part of a draft that passes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CounterProposal {
    /// `largest_part`, `narrowed` where a grant in it is narrower than in the draft, or `none` where not even one
    /// operation passes.
    pub kind: &'static str,
    /// What the gate says of the part; none when there is none.
    pub verdict: Option<Verdict>,
    /// The operations that stay.
    pub changes: Vec<Change>,
    /// Places of the operations that are left out, counted from 0.
    pub left_out: Vec<usize>,
    /// Grants that are narrower than in the draft.
    pub narrowed: Vec<Narrowed>,
    /// What else there is to say, in words.
    pub note: Option<String>,
}

/// A grant that is narrower than in the draft.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Narrowed {
    /// Place of the operation in the draft, counted from 0.
    pub change: usize,
    /// How many operations stand in its place.
    pub changes_n: usize,
    /// What was taken from it and why, in words.
    pub why: Vec<String>,
}

/// The form in which an operation is in a part.
#[derive(Clone)]
struct Kept {
    at: usize,
    /// None for the operation as the draft has it.
    narrower: Option<narrow::Form>,
}

/// Looks for a part that passes.
struct Search<'s> {
    base: &'s Base<'s>,
    prepared: &'s Prepared<'s>,
    read: &'s Read,
    ledger: &'s [Past],
    rules: &'s Rules,
    kept: Vec<Kept>,
    verdict: Option<Verdict>,
}

impl Search<'_> {
    fn changes(&self, kept: &[Kept]) -> Vec<Change> {
        let changes = &self.read.set.changes;
        let of = |one: &Kept| match &one.narrower {
            Some(form) => form.changes.clone(),
            None => vec![changes[one.at].clone()],
        };
        kept.iter().flat_map(of).collect()
    }

    fn judged(&self, kept: &[Kept]) -> Option<Verdict> {
        let part =
            Read { set: ChangeSet { changes: self.changes(kept), ..self.read.set.clone() }, ..self.read.clone() };
        let verdict = examine(self.base, self.prepared, &part, self.ledger, self.rules).ok()?.verdict;
        (verdict < Verdict::Block).then_some(verdict)
    }

    fn has(&self, at: usize) -> bool {
        self.kept.iter().any(|one| one.at == at)
    }

    /// Takes an operation in, in a form, if the part passes with it.
    fn take(&mut self, at: usize, narrower: Option<narrow::Form>) -> bool {
        let mut tried = self.kept.clone();
        tried.push(Kept { at, narrower });
        tried.sort_by_key(|one| one.at);
        let Some(verdict) = self.judged(&tried) else { return false };
        (self.kept, self.verdict) = (tried, Some(verdict));
        true
    }

    /// Takes in what passes as it is, until nothing more does.
    fn grow(&mut self) {
        loop {
            let before = self.kept.len();
            for at in 0..self.read.set.changes.len() {
                if !self.has(at) {
                    self.take(at, None);
                }
            }
            if self.kept.len() == before {
                return;
            }
        }
    }

    /// Takes in narrower forms of what does not pass as it is.
    fn narrow(&mut self) {
        let changes = &self.read.set.changes;
        let open: Vec<usize> = (0..changes.len()).filter(|&at| !self.has(at)).collect();
        if open.is_empty() {
            return;
        }
        let narrower = Narrower::new(self.base, &self.prepared.evaluators, &self.read.set);
        for at in open {
            for form in narrower.forms(&changes[at]) {
                if self.take(at, Some(form)) {
                    break;
                }
            }
        }
    }
}

/// Looks for the part of a blocked draft that passes.
pub fn proposal(
    base: &Base<'_>,
    prepared: &Prepared<'_>,
    read: &Read,
    ledger: &[Past],
    rules: &Rules,
) -> Option<CounterProposal> {
    let n = read.set.changes.len();
    if n == 0 {
        return None;
    }
    if n > CHANGES_MAX {
        return Some(none(n, "the draft has too many operations for a part to be looked for; split it"));
    }
    let mut search = Search { base, prepared, read, ledger, rules, kept: Vec::new(), verdict: None };
    // What blocks whatever the operations are (a stale snapshot, a void approval) leaves nothing.
    if search.judged(&[]).is_none() {
        return Some(none(n, "what blocks does not hang on single operations"));
    }
    search.grow();
    search.narrow();
    if search.kept.iter().any(|one| one.narrower.is_some()) {
        search.grow();
    }
    if search.kept.is_empty() {
        return Some(none(n, "no single operation passes"));
    }
    let told = |one: &Kept| {
        let form = one.narrower.as_ref()?;
        Some(Narrowed { change: one.at, changes_n: form.changes.len(), why: form.why.clone() })
    };
    let narrowed: Vec<Narrowed> = search.kept.iter().filter_map(told).collect();
    Some(CounterProposal {
        kind: if narrowed.is_empty() { "largest_part" } else { "narrowed" },
        verdict: search.verdict,
        changes: search.changes(&search.kept),
        left_out: (0..n).filter(|&at| !search.has(at)).collect(),
        narrowed,
        note: None,
    })
}

fn none(n: usize, note: &str) -> CounterProposal {
    CounterProposal {
        kind: "none",
        verdict: None,
        changes: Vec::new(),
        left_out: (0..n).collect(),
        narrowed: Vec::new(),
        note: Some(note.to_owned()),
    }
}
