//! What the records add up to: drafts judged and blocked, changes by who wrote them, and how those fared.

use std::collections::{BTreeMap, BTreeSet};

use super::record::{ActorKind, Kind, Observed, Outcome, Record, Verdict};
use crate::model::text::parse_time;

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

/// An earlier draft as the cumulative budget of the gate counts it.
#[derive(Debug, Clone, PartialEq)]
pub struct Earlier<'r> {
    /// Id of the draft, or digest of its changes.
    pub draft: &'r str,
    /// People and models behind it: who acted, for whom, and which model. Sorted.
    pub actors: Vec<&'r str>,
    pub workflow: Option<&'r str>,
    /// When it was last judged, in milliseconds since 1970.
    pub at: i64,
    pub amounts: &'r BTreeMap<String, f64>,
    /// Who approved it. Sorted.
    pub approved_by: Vec<&'r str>,
    /// SHA-256 of the change that they approved: what the decision says, else what the gate had judged last by then.
    pub approved_sha256: Option<&'r str>,
}

/// Drafts that the gate let pass or handed to a person, each by its last verdict, in the order of their first records. A
/// draft that was blocked, or rejected by a person, came to nothing and is not among them.
#[must_use]
pub fn earlier(records: &[Record]) -> Vec<Earlier<'_>> {
    let mut order: Vec<&str> = Vec::new();
    let mut by_draft: BTreeMap<&str, Vec<&Record>> = BTreeMap::new();
    for record in records {
        let Some(key) = record.said.draft_key() else { continue };
        let of_draft = by_draft.entry(key).or_default();
        if of_draft.is_empty() {
            order.push(key);
        }
        of_draft.push(record);
    }
    order.into_iter().filter_map(|draft| of_draft(draft, by_draft.get(draft)?)).collect()
}

fn of_draft<'r>(draft: &'r str, records: &[&'r Record]) -> Option<Earlier<'r>> {
    let last = |kind: Kind| records.iter().rev().find(|record| record.said.kind == kind);
    let gate = last(Kind::Gate).filter(|record| record.said.verdict != Some(Verdict::Block))?;
    let decision = last(Kind::Decision);
    if decision.is_some_and(|record| record.said.outcome == Some(Outcome::Rejected)) {
        return None;
    }
    let mut actors: BTreeSet<&str> = BTreeSet::new();
    for said in records.iter().map(|record| &record.said) {
        if matches!(said.kind, Kind::Draft | Kind::Gate) {
            actors.extend((said.actor.kind != ActorKind::Service).then_some(said.actor.id.as_str()));
            actors.extend(said.actor.on_behalf_of.as_deref());
            actors.extend(said.ai.as_ref().map(|ai| ai.id.as_str()));
        }
    }
    let approved_sha256 = decision.and_then(|decision| {
        let judged = |record: &&&Record| record.said.kind == Kind::Gate && record.seq < decision.seq;
        let before = records.iter().rev().find(judged);
        decision.said.change_sha256.as_deref().or_else(|| before?.said.change_sha256.as_deref())
    });
    let approvals = decision.into_iter().flat_map(|record| &record.said.approvals);
    let approved_by: BTreeSet<&str> = approvals.map(|approval| approval.by.as_str()).collect();
    Some(Earlier {
        draft,
        actors: actors.into_iter().collect(),
        workflow: records.iter().find_map(|record| record.said.workflow.as_deref()),
        at: gate.time,
        amounts: &gate.said.amounts,
        approved_by: approved_by.into_iter().collect(),
        approved_sha256,
    })
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
    /// When the gate answered, in the order of the records.
    pub answered: Vec<i64>,
    /// When it was last decided, and how.
    pub decided: Option<(i64, Outcome)>,
    /// For each approval of the last decision, the milliseconds since the latest answer of the gate before it; negative
    /// for one that was given before there was an answer. Empty where the gate never answered, or the draft was rejected.
    pub approved_after: Vec<i64>,
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
            answered: Vec::new(),
            decided: None,
            approved_after: Vec::new(),
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
                self.answered.push(record.time);
            }
            Kind::Decision => {
                self.decided = said.outcome.map(|outcome| (record.time, outcome));
                self.approved_after = self.waits(record);
            }
            Kind::Observed => self.observed = said.observed,
            _ => {}
        }
        if !said.metrics_after.is_empty() {
            let delta = |(id, after): (&'r String, &f64)| Some((id.as_str(), after - said.metrics_before.get(id)?));
            self.deltas = said.metrics_after.iter().filter_map(delta).collect();
        }
    }

    /// How long after the gate's answer each approval of a decision was given. An approval without a time of day of its own
    /// was given when the decision was recorded.
    fn waits(&self, record: &Record) -> Vec<i64> {
        if record.said.outcome != Some(Outcome::Approved) {
            return Vec::new();
        }
        let time_of = |text: &str| parse_time(text).filter(|_| text.contains(':'));
        let given = record.said.approvals.iter().map(|one| one.at.as_deref().and_then(time_of).unwrap_or(record.time));
        let wait = |given: i64| {
            let before = self.answered.iter().filter(|&&answered| answered <= given).max();
            Some(given.saturating_sub(*before.or_else(|| self.answered.iter().min())?))
        };
        given.filter_map(wait).collect()
    }
}
