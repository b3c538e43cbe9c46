//! Rows of the removals table: the actions of one access row by the verdict on taking them away.

use std::collections::BTreeMap;

use super::DAY;
use super::judge::{Grain, Judged};
use super::tally::grade;
use super::watch::Watched;
use crate::access::Granted;
use crate::model::{EntityId, Removal, RemovalVerdict};

/// What actions with one verdict have in common, and their sums.
#[derive(Default)]
struct Group {
    n: u32,
    mass: f64,
    quiet_from: Option<i64>,
    last: Option<i64>,
    grain: Option<Grain>,
    sources: Vec<bool>,
}

/// A verdict on one action and the reason for it.
fn verdict(judged: &Judged, window_days: u32) -> (RemovalVerdict, String) {
    match judged {
        Judged::Used { grain: Grain::Action, .. } => (RemovalVerdict::Used, "used in the window".to_owned()),
        Judged::Used { .. } => {
            (RemovalVerdict::Undetermined, "the service was used; which of its actions is not known".to_owned())
        }
        Judged::Unseen { why } => (RemovalVerdict::Undetermined, why.clone()),
        Judged::Quiet(quiet) => match &quiet.doubt {
            Some(doubt) => (RemovalVerdict::Undetermined, doubt.clone()),
            None => (RemovalVerdict::Safe, format!("held, watched and not used for all {window_days} days")),
        },
    }
}

/// The rows of one access row; `sources` are its sets of statements.
pub fn rows(
    entity: EntityId,
    row: &Granted,
    sources: &[Vec<u32>],
    judged: &[Judged],
    watched: &Watched<'_>,
) -> Vec<Removal> {
    let mut groups: BTreeMap<(RemovalVerdict, String), Group> = BTreeMap::new();
    for (action, judged) in row.actions.iter().zip(judged) {
        let group = groups.entry(verdict(judged, watched.window_days)).or_default();
        let (last, from, grain) = match judged {
            Judged::Used { last, grain, .. } => (Some(*last), Some(*last), Some(*grain)),
            Judged::Quiet(quiet) => (quiet.last, quiet.from, Some(quiet.grain)),
            Judged::Unseen { .. } => (None, None, None),
        };
        // What is known of all of them is what is known of the least quiet and least observed.
        let first = group.n == 0;
        group.quiet_from = if first { from } else { group.quiet_from.zip(from).map(|(a, b)| a.max(b)) };
        group.grain = if first { grain } else { group.grain.zip(grain).map(|(a, b)| a.min(b)) };
        group.n += 1;
        group.mass += action.mass;
        group.last = group.last.max(last);
        group.sources.resize(sources.len(), false);
        group.sources[action.source] = true;
    }
    let removal = |((verdict, why), group): ((RemovalVerdict, String), Group)| {
        let given = sources.iter().zip(&group.sources).filter(|(_, given)| **given).flat_map(|(source, _)| source);
        let quiet = group.quiet_from.map(|from| (watched.as_of - from).max(0) / DAY);
        Removal {
            entity,
            service: row.service.to_string(),
            level: row.level.to_owned(),
            decision: row.decision,
            verdict,
            actions_n: group.n,
            mass: group.mass,
            why,
            quiet_days: quiet.and_then(|days| u32::try_from(days).ok()),
            last_used_at: group.last,
            evidence_grade: grade(group.grain).to_owned(),
            grants: super::unique(given.copied().collect()),
        }
    };
    groups.into_iter().map(removal).collect()
}
