//! Access that a change adds or takes away: who, which actions, on what, under which condition, by which statement.
//!
//! Effective permissions come from the evaluators of both sides; what is compared is not the names of actions but the
//! statements that give them. An action is *added* where the evaluator of after grants it and no single statement of
//! before gave it on all of the resource without more conditions, or where a limit of before is not there as before.
//! Several statements of before that cover a resource only together count as none: what is said to be added may be
//! more than what is, never less. Access that is taken away is access that would be added by going back.

mod compare;
mod limits;
mod moved;
mod others;
mod resource;
mod subject;

use std::collections::BTreeSet;

use serde::Serialize;

use super::delta::{Delta, Numbers, is_off};
use crate::access::Evaluators;
use crate::model::{Decision, EntityId, Tables};

pub use limits::{alike, covers_statement, statements};
pub use others::{is_one_of, who_through};

/// Actions named one by one in a row; of more, the statement's patterns are shown.
const NAMED_MAX: usize = 25;

/// Access of one principal by one statement.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AccessRow {
    /// Full id, or the text of a resource policy that names somebody outside.
    pub principal: String,
    /// Number of the principal, where it is an entity.
    #[serde(skip)]
    pub entity: Option<EntityId>,
    /// The actions, or the statement's patterns where they are many.
    pub actions: Vec<String>,
    /// How many actions they are; null where no catalogue knows.
    pub actions_n: Option<usize>,
    /// Every action by name.
    #[serde(skip)]
    pub exact: BTreeSet<String>,
    /// Resource patterns as the statement writes them.
    pub resources: Vec<String>,
    /// Condition of the statement as canonical JSON.
    pub condition: Option<String>,
    /// What the evaluator says of these actions: `conditional` and `unknown` are no less added than `allowed`.
    pub decision: Decision,
    /// What the principal could do before of the same actions.
    pub before: Decision,
    /// Highest access level among the actions (`list read tagging write permissions`); null where no catalogue knows.
    pub level: Option<&'static str>,
    /// Privilege mass of the actions.
    pub mass: f64,
    /// The statement: its holder, policy and name.
    pub statement: String,
    /// Number of the statement in the table `grants` of its side; null where no statement gives it.
    pub grant: Option<u32>,
    /// Why it counts as added, in words.
    pub why: String,
}

/// One side as far as access is compared.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    pub tables: &'a Tables,
    pub evaluators: &'a Evaluators<'a>,
}

/// What a change does to access.
#[derive(Debug, Clone, Default)]
pub struct AccessDelta {
    pub added: Vec<AccessRow>,
    pub removed: Vec<AccessRow>,
}

/// Order of decisions: how much is allowed.
#[must_use]
pub const fn rank(decision: Decision) -> u8 {
    match decision {
        Decision::Denied => 0,
        Decision::Unknown | Decision::Conditional => 1,
        Decision::Allowed => 2,
    }
}

/// Compares the access of everyone affected. `affected` are numbers after, `gone` principals of before.
#[must_use]
pub fn compare(
    before: Place<'_>,
    after: Place<'_>,
    delta: &Delta,
    numbers: &Numbers,
    (affected, gone): (&[EntityId], &[EntityId]),
) -> AccessDelta {
    let mut out = AccessDelta::default();
    let (mut all, mut left) = others::others(before, after, delta, numbers);
    for (all, more) in [(&mut all, affected), (&mut left, gone)] {
        all.extend(more);
        all.sort_unstable();
        all.dedup();
    }
    for now in all {
        // What is disabled has no access until it is enabled: then all of it is added.
        let then = numbers.before(now).filter(|&id| !is_off(before.tables.entity(id)));
        let now = Some(now).filter(|&id| !is_off(after.tables.entity(id)));
        let pair = compare::Pair::new((before, then), (after, now));
        out.added.extend(pair.gains());
        out.removed.extend(pair.turned().gains());
    }
    for then in left {
        out.removed.extend(compare::Pair::new((before, Some(then)), (after, None)).turned().gains());
    }
    out.added.extend(resource::gains(before, after, delta, numbers, true));
    out.removed.extend(resource::gains(before, after, delta, numbers, false));
    out.added.extend(moved::gains(before, after, delta, numbers, true));
    out.removed.extend(moved::gains(before, after, delta, numbers, false));
    for rows in [&mut out.added, &mut out.removed] {
        rows.sort_by(|a, b| {
            (&a.principal, &a.statement, &a.resources, &a.actions).cmp(&(
                &b.principal,
                &b.statement,
                &b.resources,
                &b.actions,
            ))
        });
        rows.dedup();
    }
    out
}

/// The actions of a row as they are shown.
fn shown(exact: &BTreeSet<String>, patterns: &[String]) -> Vec<String> {
    if exact.len() <= NAMED_MAX || patterns.is_empty() {
        exact.iter().take(NAMED_MAX).cloned().collect()
    } else {
        patterns.to_vec()
    }
}
