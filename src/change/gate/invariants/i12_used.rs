//! I12: permissions that are removed and were used in the window are listed.

use serde::Serialize;

use super::{Cited, Facts, Invariant, Status, Witness, worst};
use crate::change::gate::AccessRow;
use crate::model::text::format_time;
use crate::model::{EntityId, Granularity, Usage};

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

/// A permission that somebody loses and has used, or whose use nobody watched.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct UsedAndRemoved {
    pub principal: String,
    /// Action, or the service where the record of use says no more.
    pub permission: String,
    /// Latest use; null where nothing was observed.
    pub last_used_at: Option<String>,
    /// Whether the action itself was seen; false where only its service was, null where nothing was observed.
    pub exact: Option<bool>,
}

/// See [`Invariant::title`].
pub struct UsedListed;

impl Invariant for UsedListed {
    fn id(&self) -> &'static str {
        "I12"
    }

    fn title(&self) -> &'static str {
        "Permissions removed that were used in the window are listed."
    }

    fn check(&self, facts: &Facts<'_>) -> (Status, Vec<Witness>) {
        let judged = used(facts).into_iter().map(|one| {
            let rows = vec![Cited::before("usage", &format!("{} {}", one.principal, one.permission))];
            match &one.last_used_at {
                Some(at) => {
                    let says = format!("`{}` loses {} and used it last at {at}", one.principal, one.permission);
                    (Status::NeedsHuman, Witness::with(says, rows))
                }
                None => {
                    let says =
                        format!("`{}` loses {}; whether it was used is not known", one.principal, one.permission);
                    (Status::Unknown, Witness::with(says, rows))
                }
            }
        });
        worst(judged.collect())
    }
}

/// Removed permissions that were used in the window, and one line for each principal whose use nobody watched.
pub fn used(facts: &Facts<'_>) -> Vec<UsedAndRemoved> {
    let window = i64::from(facts.base.config.thresholds.unused_days_max) * DAY;
    let from = facts.base.as_of.saturating_sub(window);
    let mut out = Vec::new();
    for row in facts.access.removed.iter().filter(|row| lost(row)) {
        let Some(of) = facts.base.tables.find(&row.principal) else { continue };
        let usage = of_entity(facts, of);
        if usage.is_empty() {
            let (last_used_at, exact) = (None, None);
            let permission = row.actions.join(", ");
            out.push(UsedAndRemoved { principal: row.principal.clone(), permission, last_used_at, exact });
            continue;
        }
        for action in &row.exact {
            out.extend(seen(row, action, usage, from));
        }
    }
    out.sort();
    out.dedup();
    out
}

/// Whether a row is of an identity whose use could have been watched; who is deleted loses what it had as well.
fn lost(row: &AccessRow) -> bool {
    row.entity.is_some() && !row.exact.is_empty()
}

fn of_entity<'f>(facts: &'f Facts<'_>, of: EntityId) -> &'f [Usage] {
    let rows = &facts.base.tables.usage;
    let start = rows.partition_point(|row| row.entity < of);
    &rows[start..start + rows[start..].partition_point(|row| row.entity == of)]
}

fn seen(row: &AccessRow, action: &str, usage: &[Usage], from: i64) -> Option<UsedAndRemoved> {
    let service = action.split(':').next().unwrap_or(action);
    let used = |one: &&Usage| one.last_used_at.is_some_and(|at| at >= from);
    let same = |one: &&Usage| match one.granularity {
        Granularity::Action => one.permission.eq_ignore_ascii_case(action),
        Granularity::Service => one.permission.eq_ignore_ascii_case(service),
    };
    // Where single calls of the service were recorded, the service alone says nothing of this action.
    let by_call = usage.iter().any(|one| {
        let prefix = one.permission.split(':').next().unwrap_or_default();
        one.granularity == Granularity::Action && prefix.eq_ignore_ascii_case(service)
    });
    let counts = |one: &&Usage| one.granularity == Granularity::Action || !by_call;
    let found = usage.iter().filter(same).filter(used).filter(counts).max_by_key(|one| one.last_used_at)?;
    Some(UsedAndRemoved {
        principal: row.principal.clone(),
        permission: if found.granularity == Granularity::Action { action.to_owned() } else { service.to_owned() },
        last_used_at: found.last_used_at.map(format_time),
        exact: Some(found.granularity == Granularity::Action),
    })
}
