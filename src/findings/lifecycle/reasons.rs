//! Why a non-human identity is orphaned or neglected, each reason with its time: the rows of the table `orphans`.

use super::consumers::{Consumer, consumer};
use super::proposal::propose;
use super::{Lifecycle, Owner, ownership, people};
use crate::findings::facts::count;
use crate::findings::{Context, LastUse};
use crate::model::{Entity, EntityId, Orphan, OrphanReason, text};

/// Leavers whom the evidence about one identity names; how many more there are is said.
const LEAVERS_SHOWN: usize = 5;

/// One reason, before a new owner is proposed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neglect {
    pub reason: OrphanReason,
    pub since: Option<i64>,
    /// What tells `since`.
    pub since_source: Option<String>,
    /// What is not known and decides; `None` when it is certain.
    pub undetermined: Option<String>,
    /// One fact each.
    pub evidence: Vec<String>,
}

/// Every reason for which an identity is orphaned or neglected, in the order of [`OrphanReason`]; none for a person's.
/// Of an identity that may be a person's, every reason is undetermined.
#[must_use]
pub fn neglects(context: &Context<'_>, entity: &Entity) -> Vec<Neglect> {
    if !entity.is_principal() || entity.nhi == Some(false) {
        return Vec::new();
    }
    let lifecycle = context.lifecycle();
    let mut found: Vec<Neglect> = Vec::new();
    found.extend(owner(context, lifecycle, entity));
    found.extend(no_consumer(context, lifecycle, entity));
    found.extend(unused(context, entity));
    found.extend(residue(context, lifecycle, entity));
    if entity.nhi.is_none() {
        for one in &mut found {
            one.undetermined.get_or_insert_with(|| "whether it is a non-human identity".to_owned());
        }
    }
    found
}

fn owner(context: &Context<'_>, lifecycle: &Lifecycle, entity: &Entity) -> Option<Neglect> {
    let rows = ownership::statements(context.tables, entity.entity);
    let (reason, fact) = match lifecycle.owner(context.tables, entity) {
        Owner::Missing => (OrphanReason::Ownerless, "no source names an owner for it".to_owned()),
        Owner::Gone(reason) => {
            let said = rows.first().map(|row| format!("its owner is `{}` ({})", row.owner, row.evidence));
            let named = entity.owner.as_ref().map(|owner| format!("its owner is `{owner}`"));
            (reason, said.or(named).unwrap_or_else(|| format!("the state of its owner is `{}`", reason.as_str())))
        }
        Owner::Answers | Owner::Platform | Owner::Unknown => return None,
    };
    let (since, since_source) = match ownership::gone_since(context, entity.entity, reason) {
        Some((since, source)) => (Some(since), Some(source)),
        None => (None, None),
    };
    let mut evidence = vec![fact];
    evidence.extend(
        rows.get(1..).unwrap_or_default().iter().map(|row| format!("less sure: `{}` ({})", row.owner, row.evidence)),
    );
    Some(Neglect { reason, since, since_source, undetermined: None, evidence })
}

fn no_consumer(context: &Context<'_>, lifecycle: &Lifecycle, entity: &Entity) -> Option<Neglect> {
    let Consumer::Gone(evidence) = consumer(context, lifecycle, entity) else { return None };
    let since = match context.last_use(entity) {
        LastUse::At(then) => Some(then),
        LastUse::Never | LastUse::Unknown => None,
    };
    let since_source = since.map(|_| "its last use, after which what used it went".to_owned());
    let reason = OrphanReason::ConsumerGone;
    Some(Neglect { reason, since, since_source, undetermined: None, evidence })
}

fn unused(context: &Context<'_>, entity: &Entity) -> Option<Neglect> {
    if entity.enabled == Some(false) {
        return None;
    }
    let (days, last) = context.unused_days(entity)?;
    let limit = context.config.thresholds.unused_days_max;
    if days < limit {
        return None;
    }
    let (reason, since, source) = match last {
        LastUse::At(then) => {
            let by = entity.last_used_source.as_deref().filter(|_| entity.last_used_at == Some(then));
            let source = by.map_or_else(|| "its last use".to_owned(), |by| format!("its last use ({by})"));
            (OrphanReason::Stale, Some(then), source)
        }
        LastUse::Never | LastUse::Unknown => (OrphanReason::NeverUsed, entity.created_at, "its creation".to_owned()),
    };
    let days = count(days as usize, "day");
    let fact = match reason {
        OrphanReason::Stale => format!("not used for {days}; the limit is {limit}"),
        _ => format!("made {days} ago, watched, and never seen in use; the limit is {limit}"),
    };
    // A live key whose use is not known may be in use today, whatever else is idle.
    let open = context.live_keys(entity).find(|row| context.key_unused_days(row).is_none());
    let undetermined = open.map(|row| format!("when `{}` was last used", row.credential));
    let mut evidence = vec![fact];
    if ownership::is_platforms_own(context.tables, entity) {
        evidence.push("it is a service-linked role, which AWS owns".to_owned());
    }
    Some(Neglect { reason, since, since_source: Some(source), undetermined, evidence })
}

fn residue(context: &Context<'_>, lifecycle: &Lifecycle, entity: &Entity) -> Option<Neglect> {
    let person = |at: usize| &context.tables.people[at];
    let mut all: Vec<_> = lifecycle.offboarding.of(entity.entity).collect();
    // The surest first, then whoever left first: since then the credential is one that a leaver has.
    all.sort_by_key(|(leaver, residue)| {
        let left = person(leaver.person).left_at;
        (residue.open.is_some(), left.is_none(), left, leaver.person)
    });
    let (leaver, first) = all.first()?;
    let since = person(leaver.person).left_at;
    let mut evidence = Vec::new();
    for (leaver, residue) in all.iter().take(LEAVERS_SHOWN) {
        let person = person(leaver.person);
        let left =
            person.left_at.map_or_else(|| "left".to_owned(), |left| format!("left on {}", text::format_time(left)));
        evidence.push(format!("{} {left}", people::call(person)));
        evidence.extend(residue.facts.iter().cloned());
    }
    if all.len() > LEAVERS_SHOWN {
        evidence.push(format!("and {} more who left", all.len() - LEAVERS_SHOWN));
    }
    Some(Neglect {
        reason: OrphanReason::PartiallyOffboarded,
        since,
        since_source: since.map(|_| format!("leave date of {}", people::call(person(leaver.person)))),
        undetermined: first.open.clone(),
        evidence,
    })
}

/// The table `orphans`: every reason of every non-human identity, in order of entity and reason.
#[must_use]
pub fn orphans(context: &Context<'_>) -> Vec<Orphan> {
    let mut rows = Vec::new();
    for entity in context.principals() {
        let found = neglects(context, entity);
        if found.is_empty() {
            continue;
        }
        let proposal = propose(context, context.lifecycle(), entity);
        for one in found {
            rows.push(Orphan {
                entity: entity.entity,
                reason: one.reason,
                since: one.since,
                since_source: one.since_source,
                undetermined: one.undetermined,
                evidence: one.evidence,
                proposed_owner: proposal.as_ref().map(|proposal| proposal.owner.clone()),
                proposed_confidence: proposal.as_ref().map(|proposal| proposal.confidence),
                proposed_evidence: proposal.as_ref().map(|proposal| proposal.evidence.clone()).unwrap_or_default(),
            });
        }
    }
    rows
}

/// What the table `orphans` says about one identity, in words, one line a fact; no line when it says nothing. `rows`
/// is the whole table, sorted by entity.
#[must_use]
pub fn lines(rows: &[Orphan], of: EntityId) -> Vec<String> {
    let start = rows.partition_point(|row| row.entity < of);
    let own = &rows[start..start + rows[start..].partition_point(|row| row.entity == of)];
    let mut lines = Vec::new();
    for row in own {
        let since = match (row.since, &row.since_source) {
            (Some(since), Some(source)) => format!(" since {} ({source})", text::format_time(since)),
            (Some(since), None) => format!(" since {}", text::format_time(since)),
            (None, _) => ", since when is not known".to_owned(),
        };
        let open = row.undetermined.as_ref().map(|open| format!("; not known: {open}")).unwrap_or_default();
        lines.push(format!("{}{since}{open}", row.reason));
        lines.extend(row.evidence.iter().map(|fact| format!("  {fact}")));
    }
    if let Some((row, owner)) = own.first().and_then(|row| Some((row, row.proposed_owner.as_ref()?))) {
        let percent = 100.0 * row.proposed_confidence.unwrap_or_default();
        lines.push(format!("proposed owner: `{owner}` ({percent:.0} % sure)"));
        lines.extend(row.proposed_evidence.iter().map(|fact| format!("  {fact}")));
    }
    lines
}
