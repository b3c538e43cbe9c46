//! What the records add up to: drafts judged and blocked, changes by who wrote them, and how those fared.

use std::collections::BTreeMap;

use super::record::{ActorKind, Kind, Observed, Outcome, Record, Verdict};

/// Drafts by what the gate last said of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GateCounts {
    /// Drafts that were judged.
    pub drafts: u64,
    /// Of them, blocked.
    pub blocked: u64,
}

/// Counts the drafts that the gate judged up to a time, each by its last verdict. Those of one domain when it is given.
#[must_use]
pub fn gate(records: &[Record], until: i64, domain: Option<&str>) -> GateCounts {
    let mut verdicts: BTreeMap<&str, Verdict> = BTreeMap::new();
    for record in records.iter().filter(|record| record.said.kind == Kind::Gate && record.time <= until) {
        if domain.is_some() && record.said.domain.as_deref() != domain {
            continue;
        }
        if let (Some(key), Some(verdict)) = (record.said.draft_key(), record.said.verdict) {
            verdicts.insert(key, verdict);
        }
    }
    let blocked = verdicts.values().filter(|&&verdict| verdict == Verdict::Block).count();
    GateCounts { drafts: verdicts.len() as u64, blocked: blocked as u64 }
}

/// What became of one draft.
#[derive(Debug, Clone, PartialEq)]
pub struct Fate<'r> {
    /// Id of the draft, or digest of its changes.
    pub key: &'r str,
    /// Whether a model wrote it.
    pub ai: bool,
    pub domain: Option<&'r str>,
    pub tier: Option<&'r str>,
    /// First verdict: how good the draft was as it was written.
    pub first_verdict: Option<Verdict>,
    /// Times that the gate looked at it.
    pub gated: u32,
    /// When the first record about it was written.
    pub begun: i64,
    /// When it was last decided, and how.
    pub decided: Option<(i64, Outcome)>,
    /// Whether somebody disputes a record about it.
    pub challenged: bool,
    pub observed: Option<Observed>,
    /// Metrics by id, with the change less without it, of the last verdict.
    pub deltas: BTreeMap<&'r str, f64>,
    /// Digest of the change and of its inverse.
    pub change: Option<&'r str>,
    pub inverse: Option<&'r str>,
}

/// What became of every draft, in the order of their first records.
#[must_use]
pub fn fates(records: &[Record]) -> Vec<Fate<'_>> {
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    let mut fates: Vec<Fate<'_>> = Vec::new();
    let mut by_seq: BTreeMap<u64, usize> = BTreeMap::new();
    for record in records {
        if record.said.kind == Kind::Challenge {
            if let Some(&at) = record.said.refers_to.and_then(|seq| by_seq.get(&seq)) {
                fates[at].challenged = true;
            }
            continue;
        }
        let is_about_draft = matches!(record.said.kind, Kind::Draft | Kind::Gate | Kind::Decision | Kind::Observed);
        let Some(key) = record.said.draft_key().filter(|_| is_about_draft) else { continue };
        let at = *places.entry(key).or_insert_with(|| {
            fates.push(Fate::new(key, record));
            fates.len() - 1
        });
        by_seq.insert(record.seq, at);
        fates[at].add(record);
    }
    fates
}

impl<'r> Fate<'r> {
    const fn new(key: &'r str, record: &Record) -> Self {
        Self {
            key,
            ai: false,
            domain: None,
            tier: None,
            first_verdict: None,
            gated: 0,
            begun: record.time,
            decided: None,
            challenged: false,
            observed: None,
            deltas: BTreeMap::new(),
            change: None,
            inverse: None,
        }
    }

    fn add(&mut self, record: &'r Record) {
        let said = &record.said;
        // A person who decides is no author; a model is, whichever record names it.
        self.ai |= said.ai.is_some() || said.actor.kind == ActorKind::Ai;
        self.domain = self.domain.or(said.domain.as_deref());
        self.tier = said.tier.as_deref().or(self.tier);
        self.change = said.change_sha256.as_deref().or(self.change);
        self.inverse = said.inverse_sha256.as_deref().or(self.inverse);
        match said.kind {
            Kind::Gate => {
                self.first_verdict = self.first_verdict.or(said.verdict);
                self.gated += 1;
            }
            Kind::Decision => self.decided = said.outcome.map(|outcome| (record.time, outcome)),
            Kind::Observed => self.observed = said.observed,
            _ => {}
        }
        if !said.metrics_after.is_empty() {
            let delta = |(id, after): (&'r String, &f64)| Some((id.as_str(), after - said.metrics_before.get(id)?));
            self.deltas = said.metrics_after.iter().filter_map(delta).collect();
        }
    }
}
