//! Owners, approvals and exceptions.

use super::members::Undo;
use super::state::State;
use crate::change::decode::Time;
use crate::change::set::{ApprovalTerms, Change, ExceptionTerms, OwnerTerms};
use crate::model::naming::{Named, Names};
use crate::model::{Approval, EntityId, Exception, ExceptionStatus, OwnerOrigin, OwnerStatus, Ownership};

/// `set_owner`: only what is declared is said anew; what platforms and tags say of owners stays.
pub fn own(state: &mut State, entity: &str, owners: &[OwnerTerms]) -> Undo {
    let number = state.named("entity", entity)?;
    let before = disown(state, number);
    for terms in owners {
        let (source, record) = (state.source, state.record());
        state.owners.put(Ownership {
            entity: number,
            owner: terms.owner.clone(),
            person: None,
            group: None,
            origin: OwnerOrigin::Declared,
            status: OwnerStatus::Unknown,
            confidence: terms.confidence.unwrap_or(1.0),
            evidence: "a change set".to_owned(),
            source,
            record,
        });
    }
    let nobody = || Change::SetOwner { entity: entity.to_owned(), owners: Vec::new() };
    Some(if before.is_empty() { vec![nobody()] } else { before })
}

/// Takes away who is declared to own an entity.
pub fn disown(state: &mut State, entity: EntityId) -> Vec<Change> {
    let mut slots = state.owners.of(entity);
    slots.retain(|&slot| state.owners.get(slot).is_some_and(|row| row.origin == OwnerOrigin::Declared));
    let rows: Vec<Ownership> = slots.into_iter().filter_map(|slot| state.owners.take(slot)).collect();
    let owners: Vec<OwnerTerms> = rows
        .into_iter()
        .map(|row| OwnerTerms { owner: row.owner, confidence: (row.confidence < 1.0).then_some(row.confidence) })
        .collect();
    if owners.is_empty() {
        return Vec::new();
    }
    vec![Change::SetOwner { entity: state.id(entity), owners }]
}

/// `set_approval`
pub fn approve(state: &mut State, object: &str, approvals: &[ApprovalTerms], entity: Option<&str>) -> Undo {
    let stated = match entity {
        Some(entity) => Some(state.named("entity", entity)?),
        None => None,
    };
    let mut before = Vec::new();
    state.tables.approvals.retain(|row| {
        let other = row.object != object;
        if !other {
            before.push(row.clone());
        }
        other
    });
    let meant = stated.or_else(|| before.iter().find_map(|row| row.entity)).or_else(|| meant(state, object));
    state.touched.extend(meant);
    if before.is_empty() {
        let others: Vec<String> = state
            .tables
            .approvals
            .iter()
            .filter(|row| meant.is_some() && row.entity == meant)
            .map(|row| row.object.clone())
            .collect();
        if let Some(other) = others.first() {
            let hint = format!("name it `{other}`, so that nothing of it is lost");
            state.wrong("object", format!("`{object}` is approved under another name"), &hint);
            return None;
        }
    }
    for terms in approvals {
        state.tables.approvals.push(Approval {
            object: object.to_owned(),
            entity: meant,
            approver: terms.approver.clone(),
            required: terms.required,
            quorum: terms.quorum,
            cycle_days: terms.cycle_days,
            last_reviewed_at: terms.last_reviewed_at.map(|time| time.0),
            queue: terms.queue.clone(),
            source: state.source,
            record: state.record(),
        });
    }
    let entity = before.iter().find_map(|row| row.entity).map(|entity| state.id(entity));
    let approvals = before.into_iter().map(|row| ApprovalTerms {
        approver: row.approver,
        required: row.required,
        quorum: row.quorum,
        cycle_days: row.cycle_days,
        last_reviewed_at: row.last_reviewed_at.map(Time),
        queue: row.queue,
    });
    Some(vec![Change::SetApproval { object: object.to_owned(), approvals: approvals.collect(), entity }])
}

/// The entity that an object of approvals is, where its name means one.
fn meant(state: &State, object: &str) -> Option<EntityId> {
    if let Some(found) = state.find(object) {
        return Some(found);
    }
    if state.tables.workflows.iter().any(|row| row.workflow == object) {
        return None;
    }
    let mut names = Names::new([object]);
    state.tables.entities.iter().filter(|entity| entity.present).for_each(|entity| names.learn(entity));
    match names.find(object, |_| Some(0)) {
        Named::One(found) => Some(found.entity),
        _ => None,
    }
}

/// `set_exception`
pub fn except(state: &mut State, exception: &str, terms: Option<&ExceptionTerms>) -> Undo {
    let own: Vec<usize> =
        (0..state.tables.exceptions.len()).filter(|&at| state.tables.exceptions[at].exception == exception).collect();
    if own.len() > 1 {
        let problem = format!("{} exceptions have the id `{exception}`", own.len());
        state.wrong("exception", problem, "give each an id of its own first");
        return None;
    }
    let before = own.first().map(|&at| state.tables.exceptions.remove(at));
    if before.is_none() && terms.is_none() {
        state.wrong("exception", format!("there is no exception `{exception}`"), "");
        return None;
    }
    let touched: Vec<&Option<String>> =
        before.iter().map(|row| &row.principal).chain(terms.iter().map(|terms| &terms.principal)).collect();
    let touched: Vec<EntityId> = touched.into_iter().flatten().filter_map(|id| state.find(id)).collect();
    state.touched.extend(touched);
    if let Some(terms) = terms {
        let row = covering(state, exception, terms);
        state.tables.exceptions.push(row);
    }
    let terms = before.map(|row| ExceptionTerms {
        rule: row.rule,
        principal: row.principal,
        resource: row.resource,
        domain: row.domain,
        reason: row.reason,
        owner: row.owner,
        approved_by: row.approved_by,
        created_at: row.created_at.map(Time),
        expires_at: row.expires_at.map(Time),
        ticket: row.ticket,
    });
    Some(vec![Change::SetException { exception: exception.to_owned(), terms }])
}

/// The row of an exception. What it is worth, and what it covers, the rules for exceptions say.
fn covering(state: &State, exception: &str, terms: &ExceptionTerms) -> Exception {
    let terms = terms.clone();
    Exception {
        exception: exception.to_owned(),
        rule: terms.rule,
        principal: terms.principal,
        resource: terms.resource,
        domain: terms.domain,
        reason: terms.reason,
        owner: terms.owner,
        approved_by: terms.approved_by,
        created_at: terms.created_at.map(|time| time.0),
        expires_at: terms.expires_at.map(|time| time.0),
        ticket: terms.ticket,
        status: ExceptionStatus::Unmatched,
        problem: None,
        matched_n: 0,
        source: state.source,
        record: state.record(),
    }
}
