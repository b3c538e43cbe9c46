//! What a class may do, counted in verbs on resources by API group and access level.
//!
//! A rule is wide (`all`) when it holds everywhere, narrower (`prefix`) in one namespace, and narrowest (`one`) for
//! objects that it names. Resources that the catalogue does not know count where a rule names them.

use std::collections::BTreeMap;

use super::super::catalog::{Catalog, LEVELS, level};
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
    /// Of what only rules know, by group, resource and verb.
    named: BTreeMap<(String, String, String), u8>,
}

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

    fn absorb(&mut self, other: &Self) {
        for (at, &width) in other.known.iter().enumerate().filter(|(_, width)| **width > 0) {
            self.widen(at, width);
        }
        for (key, &width) in &other.named {
            let known = self.named.entry(key.clone()).or_insert(width);
            *known = (*known).max(width);
        }
    }

    /// Number and mass of actions by group and level; only of those that are wider than in `than`.
    fn sums(&self, than: Option<&Self>) -> BTreeMap<(String, usize), ([u32; 3], f64)> {
        let mut sums: BTreeMap<(String, usize), ([u32; 3], f64)> = BTreeMap::new();
        let mut add = |group: &str, resource: &str, verb: &str, width: u8| {
            let (at, breadth) = (level(group, resource, verb), usize::from(width) - 1);
            let sum = sums.entry((group.to_owned(), at)).or_default();
            sum.0[breadth] += 1;
            sum.1 += LEVELS[at].1 * BREADTHS[breadth].1;
        };
        for (at, (known, &width)) in Catalog::get().actions().iter().zip(&self.known).enumerate() {
            let before = than.and_then(|than| than.known.get(at)).copied().unwrap_or(0);
            if width > before {
                add(known.group, &known.resource, known.verb, width);
            }
        }
        for (key, &width) in &self.named {
            let before = than.and_then(|than| than.named.get(key)).copied().unwrap_or(0);
            if width > before {
                add(&key.0, &key.1, &key.2, width);
            }
        }
        sums
    }
}

/// Privilege mass of a principal that may do everything the catalogue knows.
pub fn administrator_mass() -> f64 {
    let actions = Catalog::get().actions().iter();
    actions.map(|action| LEVELS[level(action.group, &action.resource, action.verb)].1 * BREADTHS[2].1).sum()
}

/// The rows of a class. A row of what is certain counts every action; a row of what may be, because a role's rules are
/// not known, counts what comes to that, and only the additional mass.
pub fn rows(view: &ClassView<'_>) -> Vec<Access> {
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
    let (sure, all, wider) = (certain.sums(None), possible.sums(None), possible.sums(Some(&certain)));
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
        service: if group.is_empty() { "core".to_owned() } else { group.clone() },
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
    for rule in &role.rules {
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
                counted.widen(at, width);
            }
        }
        named(&mut counted, rule, width);
    }
    counted
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
