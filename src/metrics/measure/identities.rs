//! Who there is, who answers for whom, and who is not used.

use super::{median, number, rate, unmeasured};
use crate::findings::lifecycle::Owner;
use crate::findings::{Context, LastUse};
use crate::metrics::population::WHOLE;
use crate::metrics::{Population, Reading, float};
use crate::model::{Entity, EntityKind, MembershipKind, Person, PersonStatus};

/// Non-human identities for each human one; makes sense of all kinds together only.
pub fn nhis_per_human(part: &Population<'_>) -> Option<Reading> {
    if part.cell.kind != WHOLE {
        return None;
    }
    let (machines, people) = (part.count(|one| one.nhi == Some(true)), part.count(|one| one.nhi == Some(false)));
    let all = part.count(|_| true);
    Some(Reading {
        value: (people > 0.0).then(|| machines / people),
        numerator: Some(machines),
        denominator: Some(people),
        coverage: (all > 0.0).then(|| (machines + people) / all),
        ..Reading::default()
    })
}

fn machines<'a>(part: &Population<'a>) -> Vec<&'a Entity> {
    part.members().filter(|entity| entity.nhi == Some(true)).collect()
}

/// Non-human identities of which everything is known.
pub fn visibility(part: &Population<'_>) -> Option<Reading> {
    if part.cell.kind == "human" {
        return None;
    }
    let machines = machines(part);
    let known: Vec<usize> =
        machines.iter().map(|entity| known_facts(part, entity).into_iter().filter(|&fact| fact).count()).collect();
    let all = known.iter().filter(|&&n| n == 5).count();
    let mut reading = rate(float(all), float(machines.len()), float(machines.len()));
    let facts: usize = known.iter().sum();
    reading.coverage = (!machines.is_empty()).then(|| float(facts) / float(5 * machines.len()));
    Some(reading)
}

/// Owner, last use, type of credential, consumer, environment.
fn known_facts(part: &Population<'_>, entity: &Entity) -> [bool; 5] {
    let (context, of) = (part.context, entity.entity);
    let label = context.config.label(&entity.id);
    let runs = context.memberships(of).iter().any(|row| row.kind == MembershipKind::RunsAs);
    [
        entity.owner.is_some(),
        context.last_use(entity) != LastUse::Unknown,
        entity.kind == EntityKind::Role || !context.credentials(of).is_empty(),
        runs || !context.trusts(of).is_empty(),
        entity.env.is_some() || label.is_some_and(|label| label.env.is_some()),
    ]
}

/// Principals that were not used for so many days.
pub fn unused(part: &Population<'_>, limit: u32) -> Reading {
    let known: Vec<u32> = part.members().filter_map(|entity| Some(part.context.unused_days(entity)?.0)).collect();
    let unused = known.iter().filter(|&&days| days >= limit).count();
    rate(float(unused), float(known.len()), part.count(|_| true))
}

/// Non-human identities without an owner.
pub fn ownerless(part: &Population<'_>) -> Option<Reading> {
    if part.cell.kind == "human" {
        return None;
    }
    if !part.inputs.owners_known {
        return Some(unmeasured());
    }
    let owner = |entity: &Entity| part.context.lifecycle().owner(part.context.tables, entity);
    // Whether somebody is named counts here, whatever they turned out to be.
    let named = machines(part).into_iter().filter_map(|entity| match owner(entity) {
        Owner::Platform => None,
        Owner::Missing => Some(Some(false)),
        Owner::Answers | Owner::Gone(_) => Some(Some(true)),
        Owner::Unknown => Some(entity.owner.as_ref().map(|_| true)),
    });
    let named: Vec<Option<bool>> = named.collect();
    let count = |what: Option<bool>| float(named.iter().filter(|&&one| one == what).count());
    let (without, all) = (count(Some(false)), float(named.len()));
    Some(rate(without, all - count(None), all))
}

/// Non-human identities that are orphans; the interval has those at its upper end of which it is not known.
pub fn orphaned(part: &Population<'_>) -> Option<Reading> {
    if part.cell.kind == "human" {
        return None;
    }
    let machines = machines(part);
    let known: Vec<Option<bool>> = machines.iter().map(|entity| is_orphan(part.context, entity)).collect();
    let of = |what: Option<bool>| float(known.iter().filter(|&&one| one == what).count());
    let (certain, open, all) = (of(Some(true)), of(None), float(machines.len()));
    let measured = all > 0.0 && open < all;
    let share = |n: f64| measured.then(|| 100.0 * n / all);
    Some(Reading {
        value: share(certain),
        low: share(certain),
        high: share(certain + open),
        numerator: Some(certain),
        denominator: Some(all),
        coverage: (all > 0.0).then(|| (all - open) / all),
    })
}

/// Whether a non-human identity has a reason for orphanhood: no owner, one who is gone, or no use for
/// `thresholds.unused_days_max` days while it is enabled. `None` when the reasons that are known do not make it one and
/// others are not known. The one place where metrics decide this.
pub fn is_orphan(context: &Context<'_>, entity: &Entity) -> Option<bool> {
    let by_owner = match context.lifecycle().owner(context.tables, entity) {
        Owner::Answers | Owner::Platform => Some(false),
        Owner::Gone(_) | Owner::Missing => Some(true),
        Owner::Unknown => None,
    };
    let able = entity.enabled != Some(false);
    let limit = context.config.thresholds.unused_days_max;
    let by_use = context.unused_days(entity).map(|(days, _)| able && days >= limit);
    match (by_owner, by_use) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (Some(false), Some(false)) => Some(false),
        _ => None,
    }
}

/// What the identities of leavers came to: how long each that still works has outlived its person.
struct Residue {
    /// Days of each identity that is enabled for certain.
    days: Vec<f64>,
    /// Days of those of which it is not known.
    open: Vec<f64>,
    /// Identities of people who left on a known day.
    dated: usize,
    /// Identities of people who left.
    all: usize,
}

fn residue(part: &Population<'_>) -> Option<Residue> {
    let context = part.context;
    if context.tables.people.is_empty() {
        return None;
    }
    let mut found = Residue { days: Vec::new(), open: Vec::new(), dated: 0, all: 0 };
    for entity in part.members() {
        let Some(left_at) = part.inputs.leavers.get(&entity.entity) else { continue };
        found.all += 1;
        let Some(day) = left_at else { continue };
        found.dated += 1;
        let days = f64::from(context.days_since(*day));
        match entity.enabled {
            Some(true) => found.days.push(days),
            Some(false) => {}
            None => found.open.push(days),
        }
    }
    Some(found)
}

impl Residue {
    fn coverage(&self) -> f64 {
        if self.all == 0 { 1.0 } else { float(self.dated - self.open.len()) / float(self.all) }
    }
}

/// Days for which identities of leavers that still work have outlived their person, all together.
pub fn leaver_residue(part: &Population<'_>) -> Reading {
    let Some(found) = residue(part) else { return unmeasured() };
    let (certain, open): (f64, f64) = (found.days.iter().sum(), found.open.iter().sum());
    let measured = found.all == 0 || found.coverage() > 0.0;
    Reading {
        value: measured.then_some(certain),
        low: measured.then_some(certain),
        high: measured.then_some(certain + open),
        coverage: Some(found.coverage()),
        numerator: Some(certain),
        ..Reading::default()
    }
}

/// The median of these days.
pub fn leaver_residue_median(part: &Population<'_>) -> Reading {
    let Some(found) = residue(part) else { return unmeasured() };
    let coverage = Some(found.coverage());
    let denominator = Some(float(found.days.len()));
    Reading { value: median(found.days), denominator, coverage, ..Reading::default() }
}

/// That someone left, and when, where it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    pub on: Option<i64>,
}

/// Whether a person left; `None` for one who is there.
pub fn left(person: &Person, as_of: i64) -> Option<Left> {
    let gone = match person.left_at {
        Some(day) => day <= as_of,
        None => person.status == PersonStatus::Leaver,
    };
    gone.then_some(Left { on: person.left_at })
}

/// Principals of the part.
pub fn principals(part: &Population<'_>) -> Reading {
    number(part.count(|_| true))
}
