//! The gate and the ledger: what earlier drafts came to, and the records of one that is judged.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::gate::Judge;
use super::ledger as book;
use crate::change::gate::{Amounts, Gate, Past, Status, Verdict};
use crate::change::{self, AuthorKind, Read};
use crate::cli::args::StoreArgs;
use crate::cli::failure::Failure;
use crate::ledger::summary::{Earlier, earlier};
use crate::ledger::{
    self, Actor, ActorKind, Ai, ApprovalGiven, Draft, Kind, Ledger, Outcome, Record, Revocation, Verdict as Said,
};
use crate::model::text::format_time;

/// Earlier drafts that the ledger of a store knows; none without a ledger.
pub fn past(at: &StoreArgs) -> Result<Vec<Past>, Failure> {
    let Some(ledger) = Ledger::open(&book::folder(at)) else { return Ok(Vec::new()) };
    Ok(earlier(&ledger.records()?).iter().map(counted).collect())
}

fn counted(one: &Earlier<'_>) -> Past {
    let amount = |name: &str| one.amounts.get(name).copied();
    // What is no whole number of things is not known.
    let count = |name: &str| -> Option<usize> { amount(name)?.to_string().parse().ok() };
    let amounts =
        || Some(Amounts { mass: amount("mass")?, principals: count("principals")?, changes: count("changes")? });
    Past {
        draft_id: one.draft.to_owned(),
        actors: one.actors.iter().map(|&actor| actor.to_owned()).collect(),
        workflow: one.workflow.map(str::to_owned),
        at: one.at,
        amounts: amounts(),
        approved_by: one.approved_by.iter().map(|&person| person.to_owned()).collect(),
        approved_sha256: one.approved_sha256.map(str::to_owned),
    }
}

/// Appends a draft and what the gate said of it at a time, with the rows that the draft would add and remove.
pub fn note(at: &StoreArgs, judge: &Judge, read: &Read, found: &Gate, time: i64) -> Result<(), Failure> {
    let drafted = Draft {
        intent: read.set.to_value().get("intent").cloned(),
        approvals: read.set.approvals.iter().map(approval).collect(),
        ..about(Kind::Draft, judge, read, found)
    };
    let judged = Draft {
        verdict: Some(verdict(found.verdict)),
        tier: Some(found.tier.to_string()),
        policy_sha256: Some(found.policy_sha256.clone().unwrap_or_else(|| found.terms_sha256.clone())),
        witnesses: witnesses(found),
        metrics_before: numbers(&found.metrics_before),
        metrics_after: numbers(&found.metrics_after),
        amounts: amounts(&found.amounts),
        ..about(Kind::Gate, judge, read, found)
    };
    book::append_all(at, vec![drafted, judged], Some(&judge.rows(read)?), time)?;
    Ok(())
}

fn about(kind: Kind, judge: &Judge, read: &Read, found: &Gate) -> Draft {
    let set = &read.set;
    let author = &set.author;
    let ai = || Ai { id: author.id.clone(), instance: None, model: author.model.clone(), version: None };
    let acts = if author.kind == AuthorKind::Ai { ActorKind::Ai } else { ActorKind::Human };
    let actor = Actor { kind: acts, id: author.id.clone(), on_behalf_of: author.on_behalf_of.clone() };
    Draft {
        ai: (author.kind == AuthorKind::Ai).then(ai),
        draft_id: Some(set.draft_id.clone()),
        workflow: set.workflow.clone(),
        ticket: set.ticket.clone(),
        domain: set.domain.clone(),
        prompt_sha256: set.prompt_sha256.clone(),
        context_sha256: set.context_sha256.clone(),
        snapshot: Some(found.snapshot.clone()),
        snapshot_sha256: Some(judge.digest().to_owned()),
        change_sha256: change::sha256(&set.changes),
        inverse_sha256: change::sha256(&found.rollback.changes),
        ..Draft::new(kind, actor)
    }
}

/// What people decide about a draft.
#[derive(Debug, Clone)]
pub struct Decided {
    /// Id of the draft.
    pub draft: String,
    pub outcome: Outcome,
    /// Persons who decide, by id, the one who writes it down first.
    pub by: Vec<String>,
    /// How they proved who they are.
    pub method: Option<String>,
    pub reason: String,
    /// Who answers for what results; the first who decides where nobody is named.
    pub owner: Option<String>,
    /// How it is taken back; by the inverse that the gate verified where nothing is said.
    pub revocation: Option<String>,
    /// When it ends.
    pub until: Option<String>,
}

/// Appends a decision about what the gate judged last under a draft's id: that change, its inverse and its rows. So the
/// gate knows which operations were approved, and the next scan what to look for.
pub fn decide(at: &StoreArgs, said: Decided, time: i64) -> Result<Record, Failure> {
    let records = book::records(at)?;
    let is_verdict = |record: &&Record| record.said.kind == Kind::Gate && record.said.draft_key() == Some(&said.draft);
    let Some(judged) = records.iter().rev().find(is_verdict).map(|record| &record.said) else {
        return Err(Failure::usage(format!("the ledger has no verdict on a draft `{}`", said.draft))
            .hint("`overgrant gate FILE --record` judges a draft and writes that down"));
    };
    may_decide(judged, &said)?;
    let approved = said.outcome == Outcome::Approved;
    let first = said.by.first().cloned().unwrap_or_default();
    let given = |by: String| ApprovalGiven { by, at: Some(format_time(time)), method: said.method.clone() };
    let how = said.revocation.unwrap_or_else(|| "the inverse that the gate verified".to_owned());
    let decision = Draft {
        ai: judged.ai.clone(),
        draft_id: judged.draft_id.clone(),
        workflow: judged.workflow.clone(),
        ticket: judged.ticket.clone(),
        domain: judged.domain.clone(),
        snapshot: judged.snapshot.clone(),
        snapshot_sha256: judged.snapshot_sha256.clone(),
        change_sha256: judged.change_sha256.clone(),
        inverse_sha256: judged.inverse_sha256.clone(),
        rows_sha256: judged.rows_sha256.clone(),
        tier: judged.tier.clone(),
        outcome: Some(said.outcome),
        reason: Some(said.reason),
        owner: approved.then(|| said.owner.unwrap_or_else(|| first.clone())),
        revocation: approved.then_some(Revocation { how, until: said.until }),
        approvals: if approved { said.by.into_iter().map(given).collect() } else { Vec::new() },
        ..Draft::new(Kind::Decision, Actor { kind: ActorKind::Human, id: first, on_behalf_of: None })
    };
    book::append(at, decision, time)
}

/// Refuses an approval of what the gate blocks, and one by whoever drafted or asked.
fn may_decide(judged: &Draft, said: &Decided) -> Result<(), Failure> {
    if said.outcome != Outcome::Approved {
        return Ok(());
    }
    if judged.verdict == Some(Said::Block) {
        return Err(Failure::usage(format!(
            "the gate blocks the draft `{}`: it must not be made as it is",
            said.draft
        ))
        .hint("draft it anew (`overgrant gate FILE --counter NEW` writes the part that passes), and record that"));
    }
    let behind = [Some(&judged.actor.id), judged.actor.on_behalf_of.as_ref()];
    match said.by.iter().find(|by| behind.contains(&Some(by))) {
        Some(own) => Err(Failure::usage(format!("`{own}` drafted `{}` or asked for it", said.draft))
            .hint("somebody else has to decide (--by)")),
        None => Ok(()),
    }
}

fn approval(given: &change::ApprovalGiven) -> ApprovalGiven {
    let value = json!(given);
    let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    ApprovalGiven { by: text("by").unwrap_or_default(), at: text("at"), method: None }
}

const fn verdict(said: Verdict) -> ledger::Verdict {
    match said {
        Verdict::Allow => ledger::Verdict::Allow,
        Verdict::NeedsHuman => ledger::Verdict::NeedsHuman,
        Verdict::NeedsStepUp => ledger::Verdict::NeedsStepUp,
        Verdict::Block => ledger::Verdict::Block,
    }
}

/// Invariants that do not pass, with what a person can check that by.
fn witnesses(found: &Gate) -> Vec<Value> {
    found.invariants.iter().filter(|one| one.status != Status::Pass).map(|one| json!(one)).collect()
}

fn numbers(metrics: &BTreeMap<&'static str, Value>) -> BTreeMap<String, f64> {
    metrics.iter().filter_map(|(name, value)| Some(((*name).to_owned(), value.as_f64()?))).collect()
}

fn amounts(added: &Amounts) -> BTreeMap<String, f64> {
    let whole = [("principals", added.principals), ("changes", added.changes)];
    let whole = whole.into_iter().map(|(name, n)| (name.to_owned(), n as f64));
    std::iter::once(("mass".to_owned(), added.mass)).chain(whole).collect()
}
