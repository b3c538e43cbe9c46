//! One principal on both sides: which of its actions the statements of after give, that those of before did not.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;

use super::limits::{Limits, statements};
use super::{AccessRow, Place, rank, shown};
use crate::access::Granted;
use crate::change::gate::affected::{holders, policies};
use crate::change::gate::pattern::{covers, is_wild, overlaps};
use crate::model::text::glob_ignore_case;
use crate::model::{
    AttachmentKind, Decision, Effect, EntityId, EntityKind, Grant, Layer, MembershipKind, Request, Standing, Tables,
};
use crate::platforms;

/// Levels of access, the highest last.
const LEVELS: [&str; 5] = ["list", "read", "tagging", "write", "permissions"];

/// A principal on one side.
struct Subject<'a> {
    place: Place<'a>,
    /// None on a side on which there is no such principal.
    of: Option<EntityId>,
    granted: Vec<Granted>,
    /// Row and place in it by the name of an action; the surest row where there are two.
    actions: FxHashMap<String, (usize, usize)>,
    limits: Option<Limits<'a>>,
    standing: BTreeMap<EntityId, Standing>,
}

impl<'a> Subject<'a> {
    fn new((place, of): (Place<'a>, Option<EntityId>)) -> Self {
        let tables = place.tables;
        let evaluator = of.and_then(|of| place.evaluators.of(&tables.entity(of).platform));
        let granted = of.and_then(|of| Some(evaluator?.granted(of))).unwrap_or_default();
        let mut actions: FxHashMap<String, (usize, usize)> = FxHashMap::default();
        for (row, one) in granted.iter().enumerate() {
            for (at, action) in one.actions.iter().enumerate() {
                let name = action.action.name.to_string();
                let better =
                    actions.get(&name).is_none_or(|&(old, _)| rank(granted[old].decision) < rank(one.decision));
                if better {
                    actions.insert(name, (row, at));
                }
            }
        }
        let limits = of.map(|of| Limits::new(tables, of));
        let standing = of.map(|of| holders(tables, of)).unwrap_or_default();
        Self { place, of, granted, actions, limits, standing }
    }

    /// The answer about an action on something, as the access counts it.
    fn decision(&self, action: &str) -> Decision {
        self.actions.get(action).map_or(Decision::Denied, |&(row, _)| self.granted[row].decision)
    }

    /// Statements that give an action, in any row.
    fn sources(&self, action: &str) -> &[u32] {
        let Some(&(row, at)) = self.actions.get(action) else { return &[] };
        let row = &self.granted[row];
        row.sources.get(row.actions[at].source).map_or(&[], Vec::as_slice)
    }

    fn grant(&self, number: u32) -> Option<&'a Grant> {
        self.place.tables.grants.get(number as usize)
    }

    /// Whether what a statement gives is there all the time.
    fn is_standing(&self, row: &Grant) -> bool {
        let active = |holder: &EntityId| self.standing.get(holder).is_none_or(|one| *one == Standing::Active);
        if self.standing.contains_key(&row.holder) {
            return active(&row.holder);
        }
        let attached = self.place.tables.attachments.iter().filter(|one| one.policy == row.holder);
        let mut through = attached.filter(|one| self.standing.contains_key(&one.holder)).peekable();
        through.peek().is_none() || through.any(|one| active(&one.holder))
    }

    /// Allowing statements of the identity layer that reach the principal.
    fn allows(&self) -> Vec<&'a Grant> {
        let tables = self.place.tables;
        let mut out: Vec<&Grant> = Vec::new();
        for &holder in self.standing.keys() {
            out.extend(statements(tables, holder));
            for policy in policies(tables, holder, AttachmentKind::Identity) {
                out.extend(statements(tables, policy));
            }
        }
        out.retain(|row| row.effect == Effect::Allow && row.layer == Layer::Identity);
        out
    }
}

/// A principal before and after.
pub struct Pair<'a> {
    before: Subject<'a>,
    after: Subject<'a>,
    limits_same: bool,
}

/// Rows of one statement that give the same actions.
type SameActions = (Option<u32>, Vec<String>);

/// What a row collects before it is shown.
struct Gain {
    exact: BTreeSet<String>,
    mass: f64,
    level: usize,
    decision: Decision,
    before: Decision,
    why: String,
}

impl<'a> Pair<'a> {
    pub fn new(before: (Place<'a>, Option<EntityId>), after: (Place<'a>, Option<EntityId>)) -> Self {
        let (before, after) = (Subject::new(before), Subject::new(after));
        let content = |one: &Subject<'_>| one.limits.as_ref().map(Limits::content);
        let limits_same = content(&before) == content(&after);
        Self { before, after, limits_same }
    }

    /// The way back.
    pub fn turned(self) -> Self {
        Self { before: self.after, after: self.before, limits_same: self.limits_same }
    }

    /// Access that after has and before has not.
    pub fn gains(&self) -> Vec<AccessRow> {
        let Some(of) = self.after.of else { return Vec::new() };
        let mut found: BTreeMap<(Option<u32>, String), Gain> = BTreeMap::new();
        let mut covered: FxHashMap<(u32, Vec<u32>, String), bool> = FxHashMap::default();
        for row in &self.after.granted {
            for action in &row.actions {
                let name: &str = &action.action.name;
                let sources = row.sources.get(action.source).map_or(&[][..], Vec::as_slice);
                let level = LEVELS.iter().position(|one| *one == row.level).unwrap_or(LEVELS.len() - 1);
                let mut add = |grant: Option<u32>, resource: String, why: String| {
                    let gain = found.entry((grant, resource)).or_insert_with(|| Gain {
                        exact: BTreeSet::new(),
                        mass: 0.0,
                        level,
                        decision: row.decision,
                        before: Decision::Denied,
                        why,
                    });
                    if gain.exact.insert(name.to_owned()) {
                        gain.mass += action.mass;
                    }
                    gain.level = gain.level.max(level);
                    gain.before = surer(gain.before, self.before.decision(name));
                    gain.decision = surer(gain.decision, row.decision);
                };
                if sources.is_empty() && rank(self.before.decision(name)) < rank(row.decision) {
                    add(None, "*".to_owned(), "a policy that is in no export may allow it".to_owned());
                }
                let given = sources.iter().filter_map(|&number| Some((number, self.after.grant(number)?)));
                let given: Vec<(u32, &Grant)> = given.collect();
                let mut explained = false;
                for &(number, statement) in &given {
                    for resource in resources(statement) {
                        if let Some(why) = self.gain(statement, name, &resource, &mut covered) {
                            add(Some(number), resource, why);
                            explained = true;
                        }
                    }
                }
                // The answer is surer, and no statement alone says why: any of them may be the reason.
                if !explained && rank(self.before.decision(name)) < rank(row.decision) {
                    for &(number, statement) in &given {
                        for resource in resources(statement) {
                            if !self.is_refused(name, &resource) {
                                add(Some(number), resource, "it was not as sure before".to_owned());
                            }
                        }
                    }
                }
            }
        }
        let mut rows = self.rows(of, found);
        rows.extend(self.uncatalogued(of));
        rows
    }

    /// Why an action on a resource is added by a statement; `None` when it is not.
    fn gain(
        &self,
        statement: &Grant,
        action: &str,
        resource: &str,
        covered: &mut FxHashMap<(u32, Vec<u32>, String), bool>,
    ) -> Option<String> {
        let sources = self.before.sources(action);
        let key = (statement.grant, sources.to_vec(), resource.to_owned());
        let known = *covered.entry(key).or_insert_with(|| self.was_given(statement, sources, resource));
        let why = if !known {
            "no statement of before gives it".to_owned()
        } else if self.limits_same {
            return None;
        } else {
            match (&self.before.limits, &self.after.limits) {
                (Some(before), Some(after)) => before.lifted(after, action, resource)?,
                _ => "the principal is new".to_owned(),
            }
        };
        (!self.is_refused(action, resource)).then_some(why)
    }

    /// Whether one statement of before gave all of a resource, under no more conditions and for as much of the time.
    fn was_given(&self, statement: &Grant, sources: &[u32], resource: &str) -> bool {
        let standing = self.after.is_standing(statement);
        let then = self.before.place.tables;
        sources.iter().filter_map(|&number| self.before.grant(number)).any(|old| {
            let condition = old.condition.is_none() || old.condition == statement.condition;
            let lasting = match (old.expires_at, statement.expires_at) {
                (None, _) => true,
                (Some(_), None) => false,
                (Some(old), Some(new)) => new <= old,
            };
            let exempt = |one: &String| statement.not_resources.contains(one) || !overlaps(one, resource);
            let on = resources(old).iter().any(|outer| reaches(then, outer, resource));
            let on = on && old.not_resources.iter().all(exempt);
            condition && lasting && on && (!standing || self.before.is_standing(old))
        })
    }

    /// Whether the evaluator of after refuses an action on a resource that is one thing.
    fn is_refused(&self, action: &str, resource: &str) -> bool {
        let Some(of) = self.after.of else { return true };
        let tables = self.after.place.tables;
        if tables.entity(of).platform != "aws" || is_wild(resource) || resource.contains("${") {
            return false;
        }
        let request = Request::new(of, action, resource);
        self.after.place.evaluators.decide(&request).decision == Decision::Denied
    }

    fn rows(&self, of: EntityId, found: BTreeMap<(Option<u32>, String), Gain>) -> Vec<AccessRow> {
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

    /// Patterns of new statements that mean no action of the catalogue: nobody can say what they give.
    fn uncatalogued(&self, of: EntityId) -> Vec<AccessRow> {
        let tables = self.after.place.tables;
        let platform = &tables.entity(of).platform;
        if platform != "aws" {
            return Vec::new();
        }
        let known =
            platforms::ALL.iter().find(|one| one.name() == platform).map(|one| one.actions()).unwrap_or_default();
        let old = self.before.allows();
        let fresh =
            self.after.allows().into_iter().filter(|row| !old.iter().any(|one| super::covers_statement(one, row)));
        let mut out = Vec::new();
        for row in fresh {
            let strange = |one: &&String| !known.iter().any(|action| glob_ignore_case(one, action));
            let actions: BTreeSet<String> = row.actions.iter().filter(strange).cloned().collect();
            if actions.is_empty() {
                continue;
            }
            out.push(AccessRow {
                principal: tables.entity(of).id.clone(),
                entity: Some(of),
                actions: actions.iter().cloned().collect(),
                actions_n: None,
                exact: actions,
                resources: resources(row),
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

/// Whether a resource as one statement writes it is all inside a resource as another one does. `=ID` means an entity
/// alone and `ID` everything inside as well, on platforms that say so.
pub fn reaches(tables: &Tables, outer: &str, inner: &str) -> bool {
    if covers(outer, inner) {
        return true;
    }
    if outer.starts_with('=') || is_wild(outer) {
        return false;
    }
    let (Some(outer), Some(inner)) = (tables.find(outer), tables.find(inner.trim_start_matches('='))) else {
        return false;
    };
    let mut open = vec![inner];
    let mut seen = BTreeSet::new();
    while let Some(next) = open.pop() {
        if next == outer {
            return true;
        }
        if !seen.insert(next) {
            continue;
        }
        let start = tables.memberships.partition_point(|row| row.member < next);
        let rows = tables.memberships[start..].iter().take_while(|row| row.member == next);
        open.extend(rows.filter(|row| row.kind == MembershipKind::Contains).map(|row| row.container));
        let scope = tables.entity(next).scope.as_deref().and_then(|scope| tables.find(scope));
        open.extend(scope.filter(|&scope| tables.entity(scope).kind == EntityKind::Scope));
    }
    false
}
