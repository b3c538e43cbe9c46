//! What the gate says of a draft, as it is published.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::approvals::ApprovalDelta;
use super::budget::{Cumulative, cumulative};
use super::counter::CounterProposal;
use super::equivalents::Equivalent;
use super::facts::{Facts, Rollback};
use super::invariants::{Checked, Cited, UsedAndRemoved, given, required, used};
use super::rules::Fired;
use super::side::NewConflict;
use super::{AccessRow, Amounts, Reached, Rules, Tier, Verdict, evidence, invariants};
use crate::model::{Coverage, EntityId, FindingState, RemovalVerdict};

/// Version of the form.
const FORMAT: u32 = 1;

/// A part of added access that no grant of the intent covers.
#[derive(Debug, Clone, PartialEq)]
pub struct Surplus {
    pub actions: Vec<String>,
    pub actions_n: usize,
    pub resources: Vec<String>,
    /// The added access that it is a part of.
    pub row: AccessRow,
}

/// A judged draft.
#[derive(Debug, Clone)]
pub struct Gate {
    pub draft_id: String,
    /// Id of the snapshot.
    pub snapshot: String,
    pub verdict: Verdict,
    pub tier: Tier,
    pub required_approvals: usize,
    pub invariants: Vec<Checked>,
    pub rules: Vec<Fired>,
    pub added_access: Vec<AccessRow>,
    pub removed_access: Vec<AccessRow>,
    pub added_reach: Vec<Reached>,
    pub removed_but_used: Vec<UsedAndRemoved>,
    pub surplus_over_intent: Vec<Surplus>,
    pub approval_delta: ApprovalDelta,
    pub sod_new: Vec<NewConflict>,
    pub exceptions_undeclared: Vec<Equivalent>,
    pub cumulative: Cumulative,
    /// The most that drafts may come to together.
    pub budget: Amounts,
    /// What this draft alone adds: for the ledger.
    pub amounts: Amounts,
    pub metrics_before: BTreeMap<&'static str, Value>,
    pub metrics_after: BTreeMap<&'static str, Value>,
    pub perpetuates: Value,
    pub counter_proposal: Option<CounterProposal>,
    pub rollback: Rollback,
    pub evidence_missing: Vec<String>,
    pub coverage: Vec<Coverage>,
    /// Persons whose approval counts.
    pub approved_by: BTreeSet<String>,
    /// SHA-256 of the house rules, and of the table of tiers.
    pub policy_sha256: Option<String>,
    pub terms_sha256: String,
    /// Whether the snapshot is too old, too incomplete or another one: the answer asked cannot be given.
    pub unfit: bool,
}

impl Gate {
    pub(super) fn new(facts: &Facts<'_>, checked: Vec<Checked>, rules: &Rules) -> Self {
        let verdict = checked.iter().map(|one| one.status.verdict()).max().unwrap_or(Verdict::Block);
        let unfit = checked.iter().any(|one| one.id == "I13" && one.status == super::Status::Block);
        let undeclared = facts.equivalents.iter().filter(|one| !one.is_declared(&facts.set.exceptions));
        let mut gate = Self {
            draft_id: facts.set.draft_id.clone(),
            snapshot: facts.base.snapshot.to_owned(),
            verdict,
            tier: facts.tier,
            required_approvals: required(facts),
            invariants: checked,
            rules: Vec::new(),
            added_access: facts.access.added.clone(),
            removed_access: facts.access.removed.clone(),
            added_reach: facts.reach.clone(),
            removed_but_used: used(facts),
            surplus_over_intent: invariants::surplus(facts),
            approval_delta: facts.approvals.clone(),
            sod_new: facts.sod.clone(),
            exceptions_undeclared: undeclared.cloned().collect(),
            cumulative: cumulative(facts),
            budget: Amounts {
                mass: facts.base.terms.budget.mass_max,
                principals: facts.base.terms.budget.principals_max,
                changes: facts.base.terms.budget.changes_max,
            },
            amounts: facts.amounts,
            metrics_before: facts.then.measures(),
            metrics_after: facts.now.measures(),
            perpetuates: perpetuates(facts),
            counter_proposal: None,
            rollback: facts.rollback.clone(),
            evidence_missing: evidence::missing(facts),
            coverage: facts.base.coverage.to_vec(),
            approved_by: given(facts).0,
            policy_sha256: rules.digest(),
            terms_sha256: facts.base.terms.digest(),
            unfit,
        };
        let mut input = gate.document();
        input["draft"] = facts.set.to_value();
        gate.rules = rules.ask(&input);
        let strictest = gate.rules.iter().map(|one| one.verdict).max().unwrap_or(Verdict::Allow);
        gate.verdict = gate.verdict.max(strictest);
        gate
    }

    /// The published form; keys are sorted when it is written.
    #[must_use]
    pub fn document(&self) -> Value {
        let total = &self.cumulative;
        json!({
            "format": FORMAT,
            "draft_id": self.draft_id,
            "snapshot": self.snapshot,
            "verdict": self.verdict,
            "tier": self.tier,
            "required_approvals": self.required_approvals,
            "invariants": self.invariants,
            "rules": self.rules,
            "added_access": self.added_access,
            "removed_access": self.removed_access,
            "added_reach": self.added_reach,
            "removed_but_used": self.removed_but_used,
            "surplus_over_intent": self.surplus_over_intent.iter().map(surplus).collect::<Vec<_>>(),
            "approval_delta": self.approval_delta,
            "sod_new": self.sod_new.iter().map(conflict).collect::<Vec<_>>(),
            "exceptions_undeclared": self.exceptions_undeclared.iter().map(equivalent).collect::<Vec<_>>(),
            "cumulative": {
                "window_days": total.window_days,
                "budget": self.budget,
                "used": total.used,
                "drafts": total.counted,
            },
            "metrics": {
                "before": self.metrics_before,
                "after": self.metrics_after,
                "delta": self.metrics_delta(),
            },
            "perpetuates": self.perpetuates,
            "counter_proposal": self.counter_proposal,
            "rollback": {
                "verified": self.rollback.verified,
                "changes": self.rollback.changes,
                "irreversible": self.rollback.irreversible,
            },
            "evidence_missing": self.evidence_missing,
            "coverage": self.coverage,
            "citations": self.citations(),
        })
    }

    fn metrics_delta(&self) -> BTreeMap<&'static str, f64> {
        let number = |value: Option<&Value>| value.and_then(Value::as_f64).unwrap_or_default();
        let delta = |name: &&'static str| number(self.metrics_after.get(name)) - number(self.metrics_before.get(name));
        self.metrics_before.keys().map(|name| (*name, delta(name))).collect()
    }

    /// Every row that a witness stands on, once.
    fn citations(&self) -> BTreeSet<&Cited> {
        let witnesses = self.invariants.iter().flat_map(|one| &one.witness);
        let equivalents = self.exceptions_undeclared.iter().flat_map(|one| &one.rows);
        witnesses.flat_map(|one| &one.rows).chain(equivalents).collect()
    }
}

fn surplus(one: &Surplus) -> Value {
    json!({
        "principal": one.row.principal,
        "actions": one.actions,
        "actions_n": one.actions_n,
        "resources": one.resources,
        "decision": one.row.decision,
        "statement": one.row.statement,
    })
}

fn conflict(one: &NewConflict) -> Value {
    json!({"entity": one.entity, "case": one.case, "title": one.title, "evidence": one.evidence, "certain": one.certain})
}

fn equivalent(one: &Equivalent) -> Value {
    json!({"kind": one.kind, "subject": one.subjects.first(), "says": one.says, "rows": one.rows})
}

/// The bad state that a draft leaves as it is: findings about what it touches, and rights there that nobody uses.
fn perpetuates(facts: &Facts<'_>) -> Value {
    let base = facts.base;
    let touched: BTreeSet<u32> = facts
        .applied
        .touched
        .iter()
        .chain(&facts.affected)
        .filter_map(|&one| facts.numbers.before(one))
        .map(|one| one.0)
        .collect();
    let open = base.results.findings.iter().filter(|row| row.state != FindingState::Absent);
    let about: Vec<Value> = open
        .filter(|row| touched.contains(&row.entity.0))
        .map(|row| {
            let entity = base.tables.entities.get(row.entity.index()).map(|one| one.id.clone());
            json!({"fingerprint": row.fingerprint, "rule": row.rule, "severity": row.severity, "entity": entity})
        })
        .collect();
    let safe = |one: &u32| -> u64 {
        let rows = base.results.removals.of(EntityId(*one)).iter();
        rows.filter(|row| row.verdict == RemovalVerdict::Safe).map(|row| u64::from(row.actions_n)).sum()
    };
    let rights: u64 = touched.iter().map(safe).sum();
    let known = !base.results.removals.is_empty();
    json!({"findings": about, "unused_permissions": known.then_some(rights)})
}
