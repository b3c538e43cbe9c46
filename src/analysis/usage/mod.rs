//! Joins what principals may do with what they were seen doing, action by action.
//!
//! For every granted action it is decided whether its use would have been seen, whether it was, and over how many days
//! of the window; the access rows get their sums and the table of removals its verdicts. Principals of one class of whom
//! the same was seen share their rows, so that twenty thousand roles cost as many joins as there are kinds of them.
//!
//! 1. A use inside the window, `thresholds.usage_window_days` days up to the scan, makes an action *used*.
//! 2. An action is *observable* when a source would have shown its use: an action-level record of the principal; an
//!    audit log of its scope that records the action (see [`watch`]); or a service-level record of a service that was not
//!    used at all. Of a service that was used, a service-level record does not say which actions were: they count as
//!    used, and nothing is claimed of them.
//! 3. An observable action that was not used is *unused*, unless it was granted more recently than an action of its
//!    level usually takes to return (`return_days`): then it is *undetermined*.

mod judge;
mod removal;
mod tally;
mod watch;

#[cfg(test)]
mod tests;

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use self::judge::{Held, Judge};
use self::tally::Tally;
use self::watch::{Sheet, Watched};
use crate::access::{Evaluator, Evaluators, Granted};
use crate::config::Config;
use crate::model::{Access, AccessTable, ClassTable, EntityId, Granularity, Removal, Tables};

/// Milliseconds of a day.
pub const DAY: i64 = 86_400_000;

/// Rows of principals of whom the same was seen.
struct Outcome {
    members: Vec<EntityId>,
    /// Whether nobody else has the access rows that they share.
    whole: bool,
    tallies: Vec<Tally>,
    removals: Vec<Removal>,
}

/// Fills the usage columns of the access rows of everyone whose use was observed, and says what taking rights away would
/// do.
pub fn observe(
    tables: &Tables,
    as_of: i64,
    config: &Config,
    evaluators: &Evaluators<'_>,
    access: &mut AccessTable,
) -> ClassTable<Removal> {
    let mut removals = ClassTable::default();
    for (_, evaluator) in evaluators.iter() {
        let watched = Watched::new(tables, as_of, config, evaluator);
        let classes = evaluator.classes();
        let outcomes: Vec<Vec<Outcome>> =
            (0..classes.len()).into_par_iter().map(|class| of_class(tables, evaluator, &watched, class)).collect();
        for Outcome { members, whole, tallies, removals: rows } in outcomes.into_iter().flatten() {
            fill(if whole { access.shared(members[0]) } else { access.split(&members) }, &tallies);
            removals.share(&members, rows);
        }
    }
    removals.sort();
    removals
}

/// Principals of a class by what was seen of them, and what follows.
fn of_class(tables: &Tables, evaluator: &dyn Evaluator, watched: &Watched<'_>, class: usize) -> Vec<Outcome> {
    let members = &evaluator.classes()[class].members;
    let seen = |member: &&EntityId| tables.entity(**member).is_principal() && watched.sees(**member);
    let seen: Vec<EntityId> = members.iter().filter(seen).copied().collect();
    let Some(&first) = members.first().filter(|_| !seen.is_empty()) else { return Vec::new() };
    let granted = evaluator.granted(first);
    let statements: Vec<u32> = granted.iter().flat_map(|row| row.sources.iter().flatten()).copied().collect();
    let statements = unique(statements);
    let mut groups: FxHashMap<Key<'_>, Vec<EntityId>> = FxHashMap::default();
    for member in seen {
        let own = statements.iter().flat_map(|&grant| evaluator.evidence_of(class, member, &[grant])).collect();
        let key = Key { own, held_since: watched.held_since(member), sheet: watched.sheet(member) };
        groups.entry(key).or_default().push(member);
    }
    let mut groups: Vec<(Key<'_>, Vec<EntityId>)> = groups.into_iter().collect();
    groups.sort_by_key(|(_, members)| members[0]);
    let outcome = |(key, members): (Key<'_>, Vec<EntityId>)| {
        let renamed: FxHashMap<u32, u32> = statements.iter().copied().zip(key.own.iter().copied()).collect();
        let same = |grant: u32| if key.own.len() == statements.len() { renamed[&grant] } else { grant };
        outcome(tables, watched, &key, members, &granted, &same)
    };
    let mut outcomes: Vec<Outcome> = groups.into_iter().map(outcome).collect();
    // When all have been given rows of their own but the last, those that are there are the last's.
    let all = outcomes.iter().map(|one| one.members.len()).sum::<usize>() == members.len();
    if let Some(last) = outcomes.last_mut().filter(|_| all) {
        last.whole = true;
    }
    outcomes
}

/// What makes principals of one class alike: their own statements in the place of the first member's, since when they
/// exist if that is recent, and what was seen of them.
#[derive(PartialEq, Eq, Hash)]
struct Key<'t> {
    own: Vec<u32>,
    held_since: Option<i64>,
    sheet: Sheet<'t>,
}

fn outcome(
    tables: &Tables,
    watched: &Watched<'_>,
    key: &Key<'_>,
    members: Vec<EntityId>,
    granted: &[Granted],
    own: &dyn Fn(u32) -> u32,
) -> Outcome {
    let judge = Judge::new(watched, &key.sheet);
    let held = Held::new(tables, key.held_since);
    let tallies = Vec::with_capacity(granted.len());
    let mut out = Outcome { members, whole: false, tallies, removals: Vec::new() };
    for row in granted {
        let sources: Vec<Vec<u32>> =
            row.sources.iter().map(|source| unique(source.iter().map(|&grant| own(grant)).collect())).collect();
        let since: Vec<Option<i64>> = sources.iter().map(|source| held.since(source)).collect();
        let judged: Vec<_> =
            row.actions.iter().map(|action| judge.judge(&action.action, &row.service, since[action.source])).collect();
        out.tallies.push(Tally::of(row, &judged));
        out.removals.extend(removal::rows(out.members[0], row, &sources, &judged, watched));
    }
    out
}

fn unique(mut list: Vec<u32>) -> Vec<u32> {
    list.sort_unstable();
    list.dedup();
    list
}

/// Puts sums into access rows, which are in the same order.
fn fill(rows: &mut [Access], tallies: &[Tally]) {
    for (row, tally) in rows.iter_mut().zip(tallies) {
        tally.fill(row);
    }
}

/// Whether a record is about one action.
fn is_action(granularity: Granularity) -> bool {
    granularity == Granularity::Action
}
