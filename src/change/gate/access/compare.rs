//! One principal on both sides: which of its actions the statements of after give, that those of before did not.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;

use super::limits::Limits;
use super::subject::Subject;
use super::{AccessRow, Place, covers_statement, rank, shown};
use crate::change::gate::pattern::{covers, overlaps};
use crate::model::{Decision, Effect, EntityId, Grant, Tables};
use crate::platforms::Granted;

/// Levels of access, the highest last.
const LEVELS: [&str; 5] = ["list", "read", "tagging", "write", "permissions"];

/// A name that no statement has.
const FRESH: &str = "\u{1}new";

/// A principal before and after.
pub struct Pair<'a> {
    before: Subject<'a>,
    after: Subject<'a>,
    limits_same: bool,
    /// Whether what is unknown after is what roles of which nothing is known give: those are rows of their own.
    of_roles: bool,
}

/// Rows of one statement that give the same actions.
type SameActions = (Option<u32>, Vec<String>);

/// What was found out about statements of before: by statement, those of before, and resource.
type Covered = FxHashMap<(u32, Vec<u32>, String), bool>;

/// What a row collects before it is shown.
struct Gain {
    exact: BTreeSet<String>,
    mass: f64,
    level: usize,
    decision: Decision,
    before: Decision,
    why: String,
}

/// Rows in the making, by statement and resource.
type Gains = BTreeMap<(Option<u32>, String), Gain>;

/// One action of after, where it holds.
struct Action<'g> {
    name: &'g str,
    mass: f64,
    level: usize,
    decision: Decision,
    /// The surest answer of before about it, there.
    before: Decision,
    within: &'g str,
}

impl Action<'_> {
    fn is_surer(&self) -> bool {
        rank(self.before) < rank(self.decision)
    }

    fn add(&self, found: &mut Gains, grant: Option<u32>, resource: &str, why: &str) {
        let key = (grant, format!("{}{resource}", self.within));
        let gain = found.entry(key).or_insert_with(|| Gain {
            exact: BTreeSet::new(),
            mass: 0.0,
            level: self.level,
            decision: self.decision,
            before: Decision::Denied,
            why: why.to_owned(),
        });
        if gain.exact.insert(self.name.to_owned()) {
            gain.mass += self.mass;
        }
        gain.level = gain.level.max(self.level);
        gain.before = surer(gain.before, self.before);
        gain.decision = surer(gain.decision, self.decision);
    }
}

impl<'a> Pair<'a> {
    pub fn new(before: (Place<'a>, Option<EntityId>), after: (Place<'a>, Option<EntityId>)) -> Self {
        let (before, after) = (Subject::new(before), Subject::new(after));
        let content = |one: &Subject<'_>| one.limits.as_ref().map(Limits::content);
        let limits_same = content(&before) == content(&after);
        let of_roles = lacks_roles(&after);
        Self { before, after, limits_same, of_roles }
    }

    /// The way back.
    pub fn turned(self) -> Self {
        let of_roles = lacks_roles(&self.before);
        Self { before: self.after, after: self.before, limits_same: self.limits_same, of_roles }
    }

    /// Access that after has and before has not.
    pub fn gains(&self) -> Vec<AccessRow> {
        let Some(of) = self.after.of else { return Vec::new() };
        let mut found = Gains::new();
        let mut covered = Covered::default();
        self.each(|action, sources| self.of_action(action, sources, &mut found, &mut covered));
        if self.after.overrides() {
            self.uncovered(&mut found);
        }
        let mut rows = self.rows(of, found);
        rows.extend(self.uncounted(of));
        rows
    }

    /// What comes within a moved resource: actions of statements on something that it is now inside of.
    pub fn moved(&self, into: &dyn Fn(&Grant) -> bool, resource: &str) -> Vec<AccessRow> {
        let Some(of) = self.after.of else { return Vec::new() };
        let mut found = Gains::new();
        let mut covered = Covered::default();
        self.each(|action, sources| {
            let given = sources.iter().filter_map(|&number| self.after.grant(number));
            for statement in given.filter(|one| into(one)) {
                if let Some(why) = self.gain(statement, action, resource, &mut covered) {
                    let why = format!("`{resource}` is moved into what the statement is on; {why}");
                    action.add(&mut found, Some(statement.grant), resource, &why);
                }
            }
        });
        self.rows(of, found)
    }

    /// Every action of after with the statements that give it.
    fn each(&self, mut take: impl FnMut(&Action<'_>, &[u32])) {
        for place in &self.after.places {
            for row in &place.granted {
                for action in &row.actions {
                    let name: &str = &action.action.name;
                    let one = Action {
                        name,
                        mass: action.mass,
                        level: level(row),
                        decision: row.decision,
                        before: self.before.decision(&place.within, name),
                        within: &place.within,
                    };
                    take(&one, row.sources.get(action.source).map_or(&[][..], Vec::as_slice));
                }
            }
        }
    }

    fn of_action(&self, action: &Action<'_>, sources: &[u32], found: &mut Gains, covered: &mut Covered) {
        if sources.is_empty() && action.is_surer() && !(action.decision == Decision::Unknown && self.of_roles) {
            let why = if action.decision == Decision::Allowed {
                "the platform gives it by a statement that is in no export"
            } else {
                "a policy that is in no export may allow it"
            };
            action.add(found, None, "*", why);
        }
        let given: Vec<&Grant> = sources.iter().filter_map(|&number| self.after.grant(number)).collect();
        let mut explained = false;
        for statement in &given {
            for resource in resources(statement) {
                if let Some(why) = self.gain(statement, action, &resource, covered) {
                    action.add(found, Some(statement.grant), &resource, &why);
                    explained = true;
                }
            }
        }
        // The answer is surer, and no statement alone says why: any of them may be the reason.
        if !explained && action.is_surer() {
            for statement in &given {
                for resource in resources(statement) {
                    if !self.is_refused(action, &resource) {
                        action.add(found, Some(statement.grant), &resource, "it was not as sure before");
                    }
                }
            }
        }
    }

    /// Why an action on a resource is added by a statement; `None` when it is not.
    fn gain(&self, statement: &Grant, action: &Action<'_>, resource: &str, covered: &mut Covered) -> Option<String> {
        let sources = self.before.sources(action.within, action.name);
        let key = (statement.grant, sources.clone(), resource.to_owned());
        let known = *covered.entry(key).or_insert_with(|| self.was_given(statement, &sources, resource));
        let why = if !known {
            "no statement of before gives it".to_owned()
        } else if self.limits_same {
            return None;
        } else {
            match (&self.before.limits, &self.after.limits) {
                (Some(before), Some(after)) => {
                    before.lifted(after, action.name, resource, &|a, b| self.overlap(a, b))?
                }
                _ => "the principal is new".to_owned(),
            }
        };
        let lasting =
            sources.iter().filter_map(|&number| self.before.grant(number)).all(|one| one.expires_at.is_none());
        let had = || lasting && self.before.answer(action.within, action.name, resource) == Some(Decision::Allowed);
        (!had() && !self.is_refused(action, resource)).then_some(why)
    }

    /// Whether one statement of before gave all of a resource, under no more conditions and for as much of the time.
    fn was_given(&self, statement: &Grant, sources: &[u32], resource: &str) -> bool {
        let standing = self.after.is_standing(statement);
        sources.iter().filter_map(|&number| self.before.grant(number)).any(|old| {
            let condition = old.condition.is_none() || old.condition == statement.condition;
            let lasting = match (old.expires_at, statement.expires_at) {
                (None, _) => true,
                (Some(_), None) => false,
                (Some(old), Some(new)) => new <= old,
            };
            let exempt = |one: &String| statement.not_resources.contains(one) || !self.overlap(one, resource);
            let on = |outer: &String| self.encloses(outer, resource) && !self.is_overridden(outer, sources, resource);
            let on = resources(old).iter().any(on);
            let on = on && old.not_resources.iter().all(exempt);
            condition && lasting && on && (!standing || self.before.is_standing(old))
        })
    }

    /// Whether a narrower statement of before may have kept from a resource what one on `outer` gave, where only the most
    /// specific counts.
    fn is_overridden(&self, outer: &str, sources: &[u32], resource: &str) -> bool {
        // What keeps from a part of the very same resource is looked at where it goes.
        if outer == resource || !self.before.overrides() {
            return false;
        }
        let above = |own: &String| own != outer && self.encloses(own, outer);
        let about = |own: &String| self.overlap(own, resource) && !above(own);
        let keeps = |row: &&Grant| !sources.contains(&row.grant) && resources(row).iter().any(about);
        self.before.statements().iter().any(keeps)
    }

    /// Whether all that one resource stands for was in another one before; for what was not there, whether it is now.
    fn encloses(&self, outer: &str, inner: &str) -> bool {
        let (before, after) = (self.before.encloses(outer, inner), self.after.encloses(outer, inner));
        let there = self.before.place.tables.find(inner.trim_start_matches('=')).is_some();
        let answer = if there { before.or(after) } else { after.or(before) };
        answer.unwrap_or_else(|| covers(outer, inner))
    }

    /// Whether something may be in both resources.
    fn overlap(&self, one: &str, other: &str) -> bool {
        overlaps(one, other) || self.encloses(one, other) || self.encloses(other, one)
    }

    /// Whether the evaluator of after refuses an action on a resource about which one question says all.
    fn is_refused(&self, action: &Action<'_>, resource: &str) -> bool {
        self.after.answer(action.within, action.name, resource) == Some(Decision::Denied)
    }

    /// What statements of before that are gone kept from, where only the most specific statement counts.
    fn uncovered(&self, found: &mut Gains) {
        let kept: Vec<&Grant> = self.after.statements();
        let gone = self.before.statements().into_iter().filter(|old| !kept.iter().any(|one| super::alike(one, old)));
        let gone: Vec<&Grant> = gone.collect();
        self.each(|action, sources| {
            let sources: Vec<&Grant> = sources.iter().filter_map(|&number| self.after.grant(number)).collect();
            let before = self.before.sources(action.within, action.name);
            for old in gone.iter().filter(|old| old.effect == Effect::Deny || !before.contains(&old.grant)) {
                for resource in resources(old) {
                    // One that is about all that another is about, and more, does not keep from that.
                    let under = |own: &String| {
                        self.overlap(own, &resource)
                            && (self.encloses(own, &resource) || !self.encloses(&resource, own))
                    };
                    let by = |one: &&&Grant| resources(one).iter().any(under);
                    let Some(statement) = sources.iter().find(by) else {
                        if sources.is_empty() && self.rises(action, &resource) {
                            action.add(found, None, &resource, &narrower(old));
                        }
                        continue;
                    };
                    let was = self.before.answer(action.within, action.name, &resource);
                    let same = was.is_some_and(|was| rank(was) >= rank(action.decision));
                    if !same && !self.is_refused(action, &resource) {
                        action.add(found, Some(statement.grant), &resource, &narrower(old));
                    }
                }
            }
        });
    }

    /// Whether the answer about something in a resource that no statement names is surer than it was.
    fn rises(&self, action: &Action<'_>, resource: &str) -> bool {
        let some = resource.replace(['*', '+'], FRESH);
        let answer = |side: &Subject<'_>| side.answer(action.within, action.name, &some);
        answer(&self.after).is_some_and(|is| rank(is) > answer(&self.before).map_or(0, rank))
    }

    fn rows(&self, of: EntityId, found: Gains) -> Vec<AccessRow> {
        let principal = &self.after.place.tables.entity(of).id;
        // Resources of one statement that give the same actions are one row.
        let mut joined: BTreeMap<SameActions, (Vec<String>, Gain)> = BTreeMap::new();
        for ((grant, resource), gain) in found {
            let key = (grant, gain.exact.iter().cloned().collect());
            joined.entry(key).or_insert_with(|| (Vec::new(), gain)).0.push(resource);
        }
        let row = |grant: Option<u32>, resources: Vec<String>, gain: Gain| {
            let statement = grant.and_then(|number| self.after.grant(number));
            AccessRow {
                principal: principal.clone(),
                entity: Some(of),
                actions: shown(&gain.exact, statement.map_or(&[], |one| &one.actions)),
                actions_n: Some(gain.exact.len()),
                resources,
                condition: statement.and_then(|one| one.condition.clone()),
                decision: gain.decision,
                before: gain.before,
                level: Some(LEVELS[gain.level]),
                mass: gain.mass,
                statement: statement.map_or_else(String::new, |one| cited(self.after.place.tables, one)),
                grant,
                why: gain.why,
                exact: gain.exact,
            }
        };
        joined.into_iter().map(|((grant, _), (resources, gain))| row(grant, resources, gain)).collect()
    }

    /// Patterns of new statements that mean something that is not counted: nobody can say what they give.
    fn uncounted(&self, of: EntityId) -> Vec<AccessRow> {
        let tables = self.after.place.tables;
        let patterns = |side: &Subject<'_>, row: &Grant| -> BTreeSet<String> {
            side.evaluator.map(|one| one.uncounted(row)).unwrap_or_default().into_iter().collect()
        };
        // What a statement of a role means that is not counted may hold wherever something else does.
        let holds = |one: &super::subject::Held| self.before.places.iter().any(|old| old.within == one.within);
        let elsewhere = !self.after.places.iter().all(holds);
        let had = if elsewhere { Vec::new() } else { self.before.allows() };
        let mut out = Vec::new();
        for (within, row) in self.after.allows() {
            // What the same statement means is the same, unless a role says it.
            let alike = |(space, old): &(String, &Grant)| *space == within && super::alike(old, row);
            if !row.actions.iter().any(|one| one.starts_with("role:")) && had.iter().any(alike) {
                continue;
            }
            let actions = patterns(&self.after, row);
            let same = |(space, old): &(String, &Grant)| {
                (space.is_empty() || *space == within)
                    && (super::alike(old, row) || covers_statement(old, row))
                    && (patterns(&self.before, old).is_superset(&actions) || old.actions.iter().any(|one| one == "*"))
            };
            if actions.is_empty() || had.iter().any(same) {
                continue;
            }
            out.push(AccessRow {
                principal: tables.entity(of).id.clone(),
                entity: Some(of),
                actions: actions.iter().cloned().collect(),
                actions_n: None,
                exact: actions,
                resources: resources(row).into_iter().map(|one| format!("{within}{one}")).collect(),
                condition: row.condition.clone(),
                decision: Decision::Unknown,
                before: Decision::Unknown,
                level: None,
                mass: 0.0,
                statement: cited(tables, row),
                grant: Some(row.grant),
                why: "no catalogue knows these actions".to_owned(),
            });
        }
        out
    }
}

fn narrower(gone: &Grant) -> String {
    format!("the narrower `{}` of `{}` is not there as before", gone.statement, gone.policy)
}

/// Whether a principal is given a role of which nothing is known.
fn lacks_roles(side: &Subject<'_>) -> bool {
    let Some(evaluator) = side.evaluator else { return false };
    let lacks = |row: &Grant| evaluator.uncounted(row).iter().any(|one| one.starts_with("role:"));
    let given = || side.allows().into_iter().filter(|(_, row)| row.actions.iter().any(|one| one.starts_with("role:")));
    given().any(|(_, row)| lacks(row))
}

fn level(row: &Granted) -> usize {
    LEVELS.iter().position(|one| *one == row.level).unwrap_or(LEVELS.len() - 1)
}

fn surer(one: Decision, other: Decision) -> Decision {
    if rank(other) > rank(one) { other } else { one }
}

/// Resource patterns of a statement; `*` for one that names what it leaves out, or nothing.
pub fn resources(row: &Grant) -> Vec<String> {
    if row.resources.is_empty() { vec!["*".to_owned()] } else { row.resources.clone() }
}

/// A statement as people look it up.
pub fn cited(tables: &Tables, row: &Grant) -> String {
    let holder = &tables.entity(row.holder).id;
    if *holder == row.policy {
        format!("{holder} → {}", row.statement)
    } else {
        format!("{holder} → {} → {}", row.policy, row.statement)
    }
}
