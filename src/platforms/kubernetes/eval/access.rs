//! What a class may do, counted in verbs on resources by API group and access level.
//!
//! A rule is wide (`all`) when it holds everywhere, narrower (`prefix`) in one namespace, and narrowest (`one`) for
//! objects that it names. Resources that the catalogue does not know count where a rule names them.

use std::collections::BTreeMap;

use super::super::catalog::{Catalog, LEVELS, level};
use super::super::notation::Lists;
use super::rules::{Role, Rule};
use super::view::ClassView;
use crate::model::{Access, Decision, EntityId};

/// Names of the breadths, narrowest first, and their weights in a privilege mass.
const BREADTHS: [(&str, f64); 3] = [("one", 1.0), ("prefix", 2.0), ("all", 4.0)];
/// Verbs counted for a resource that only a rule knows, under a star.
const USUAL: [&str; 8] = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
/// Products of one rule that are counted beyond the catalogue.
const NAMED_MAX: usize = 1_000;

/// How widely each action is granted: 0 for not at all, else one more than the index of its breadth.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counted {
    /// By the place of the action in the catalogue; empty when there is none.
    known: Vec<u8>,
    /// Of what only rules know.
    named: BTreeMap<Key, u8>,
}

/// Group, resource and verb of an action that only rules know.
pub type Key = (String, String, String);

impl Counted {
    fn widen(&mut self, at: usize, width: u8) {
        if self.known.is_empty() {
            self.known.resize(Catalog::get().actions().len(), 0);
        }
        self.known[at] = self.known[at].max(width);
    }

    fn everything(&mut self, width: u8) {
        (0..Catalog::get().actions().len()).for_each(|at| self.widen(at, width));
    }

    /// Adds what a rule comes to.
    pub fn add(&mut self, rule: &Rule, in_namespace: bool) {
        let width = if !rule.names.is_empty() {
            1
        } else if in_namespace {
            2
        } else {
            3
        };
        for (at, known) in Catalog::get().actions().iter().enumerate() {
            let outside = in_namespace && super::is_outside(&known.action);
            let nameless = !rule.names.is_empty() && known.action.is_nameless();
            if !outside && !nameless && rule.covers(&known.action) {
                self.widen(at, width);
            }
        }
        named(self, rule, width);
    }

    fn absorb(&mut self, other: &Self) {
        for (at, &width) in other.known.iter().enumerate().filter(|(_, width)| **width > 0) {
            self.widen(at, width);
        }
        for (key, &width) in &other.named {
            let known = self.named.entry(key.clone()).or_insert(width);
            *known = (*known).max(width);
        }
    }

    /// What is granted more widely than in `than`: the catalogue's actions, then those that only rules know.
    pub fn wider<'a>(&'a self, than: &'a Self) -> impl Iterator<Item = One<'a>> {
        let known = Catalog::get().actions().iter().zip(&self.known).enumerate().map(|(at, (known, &width))| {
            let (group, resource, verb) = (known.group, known.resource.as_str(), known.verb);
            One { group, resource, verb, known: Some(at), width, before: than.known.get(at).copied().unwrap_or(0) }
        });
        let named = self.named.iter().map(|(key, &width)| {
            let (group, resource, verb) = (key.0.as_str(), key.1.as_str(), key.2.as_str());
            One { group, resource, verb, known: None, width, before: than.named.get(key).copied().unwrap_or(0) }
        });
        known.chain(named).filter(|one| one.width > one.before)
    }

    /// What only rules know.
    pub fn into_named(self) -> impl Iterator<Item = Key> {
        self.named.into_keys()
    }

    /// Number and mass of actions by group and level; only of those that are wider than in `than`.
    fn sums(&self, than: &Self) -> BTreeMap<(String, usize), ([u32; 3], f64)> {
        let mut sums: BTreeMap<(String, usize), ([u32; 3], f64)> = BTreeMap::new();
        for one in self.wider(than) {
            let at = one.level();
            let sum = sums.entry((one.group.to_owned(), at)).or_default();
            sum.0[usize::from(one.width) - 1] += 1;
            sum.1 += LEVELS[at].1 * weight(one.width);
        }
        sums
    }
}

/// An action that is granted.
#[derive(Debug, Clone, Copy)]
pub struct One<'a> {
    /// Empty for the core group.
    pub group: &'a str,
    /// With its subresource.
    pub resource: &'a str,
    pub verb: &'a str,
    /// Its place in the catalogue.
    pub known: Option<usize>,
    /// How widely it is granted, and how widely it is otherwise, as [`Counted`] has it.
    pub width: u8,
    pub before: u8,
}

impl One<'_> {
    /// Index into [`LEVELS`].
    pub fn level(&self) -> usize {
        level(self.group, self.resource, self.verb)
    }
}

/// Weight of a width in a privilege mass; none for what is not granted.
pub fn weight(width: u8) -> f64 {
    usize::from(width).checked_sub(1).and_then(|at| BREADTHS.get(at)).map_or(0.0, |(_, weight)| *weight)
}

/// Name of a group in access rows.
pub fn service(group: &str) -> &str {
    if group.is_empty() { "core" } else { group }
}

/// Privilege mass of a principal that may do everything the catalogue knows.
pub fn administrator_mass() -> f64 {
    let actions = Catalog::get().actions().iter();
    actions.map(|action| LEVELS[level(action.group, &action.resource, action.verb)].1 * BREADTHS[2].1).sum()
}

/// What a class may do for certain, and what it may do if roles of which nothing is known allow everything.
pub fn counted(view: &ClassView<'_>) -> (Counted, Counted) {
    let mut certain = Counted::default();
    if view.all {
        certain.everything(3);
    }
    for (namespace, role) in &view.roles {
        let counted = role.counted[usize::from(namespace.is_some())].get_or_init(|| of_role(role, namespace.is_some()));
        certain.absorb(counted);
    }
    let mut possible = certain.clone();
    for (namespace, _) in &view.missing {
        possible.everything(if namespace.is_some() { 2 } else { 3 });
    }
    (certain, possible)
}

/// The rows of a class. A row of what is certain counts every action; a row of what may be, because a role's rules are
/// not known, counts what comes to that, and only the additional mass.
pub fn rows(view: &ClassView<'_>) -> Vec<Access> {
    let (certain, possible) = counted(view);
    let none = Counted::default();
    let (sure, all, wider) = (certain.sums(&none), possible.sums(&none), possible.sums(&certain));
    let first = view.class.members[0];
    let mut out = Vec::new();
    for (key, (_, mass)) in &all {
        let known = sure.get(key);
        if let Some((counts, mass)) = known {
            out.extend(row(first, key, *counts, *mass, Decision::Allowed));
        }
        if let Some((counts, _)) = wider.get(key) {
            let more = mass - known.map_or(0.0, |(_, mass)| *mass);
            out.extend(row(first, key, *counts, more, Decision::Unknown));
        }
    }
    out
}

fn row(
    entity: EntityId,
    (group, at): &(String, usize),
    counts: [u32; 3],
    mass: f64,
    decision: Decision,
) -> Option<Access> {
    let widest = counts.iter().rposition(|&count| count > 0)?;
    Some(Access {
        entity,
        service: service(group).to_owned(),
        level: LEVELS[*at].0.to_owned(),
        granted_n: counts.iter().sum(),
        unused_n: None,
        undetermined_n: None,
        observable_mass: None,
        used_mass: None,
        window_days: None,
        observable_n: None,
        breadth: BREADTHS[widest].0.to_owned(),
        mass,
        unused_mass: None,
        decision,
        evidence_grade: "static".to_owned(),
    })
}

/// What the rules of a role come to.
fn of_role(role: &Role, in_namespace: bool) -> Counted {
    let mut counted = Counted::default();
    role.rules.iter().for_each(|rule| counted.add(rule, in_namespace));
    counted
}

/// Whether anything is counted of all that a rule with these lists is about, URLs apart, which nothing counts: a
/// resource that the catalogue does not know in a group that is not named is lost, and so is a verb of its own.
pub fn counts(lists: &Lists) -> bool {
    if lists.groups.is_empty() && lists.resources.is_empty() {
        return true;
    }
    let any_group = lists.groups.iter().any(|group| group == "*");
    let catalog = Catalog::get();
    let known = |resource: &String| {
        let top = resource.split('/').next().unwrap_or(resource);
        top == "*" || catalog.actions().iter().any(|one| one.resource.split('/').next() == Some(top))
    };
    let usual = |verb: &String| verb == "*" || catalog.actions().iter().any(|one| one.verb == verb.as_str());
    (!any_group || lists.resources.iter().all(known)) && lists.verbs.iter().all(usual)
}

/// Counts resources that a rule names and the catalogue does not know.
fn named(counted: &mut Counted, rule: &Rule, width: u8) {
    let catalog = Catalog::get();
    let is_known = |group: &str, resource: &str| match resource.split('/').next().unwrap_or(resource) {
        "*" => catalog.has_group(group),
        top => catalog.known(group, top).is_some(),
    };
    let groups = rule.lists.groups.iter().filter(|group| *group != "*");
    let pairs = groups.flat_map(|group| rule.lists.resources.iter().map(move |resource| (group, resource)));
    for (group, resource) in pairs.take(NAMED_MAX).filter(|(group, resource)| !is_known(group, resource)) {
        for verb in rule.lists.verbs.iter().take(NAMED_MAX) {
            let usual: &[&str] = if verb == "*" { &USUAL } else { &[verb.as_str()] };
            for verb in usual {
                let key = (group.clone(), resource.clone(), (*verb).to_owned());
                let known = counted.named.entry(key).or_insert(width);
                *known = (*known).max(width);
            }
        }
    }
}
