//! One class opened for questions.

use std::collections::BTreeSet;

use roaring::RoaringBitmap;

use super::super::notation::{Action, Object};
use super::rules::{Role, Rule};
use super::{Compiled, access, is_outside};
use crate::model::{Access, Certainty, EntityId};
use crate::platforms::{Ask, Class, On, Reach, Standpoint, View};

/// What a principal holds.
#[derive(Debug, Clone)]
pub struct Holder {
    /// Sorted.
    pub bounds: Vec<Bound>,
    /// Whether the API server lets it do everything without asking for rules.
    pub all: bool,
}

/// A role and where it holds.
#[derive(Debug, Clone)]
pub struct Bound {
    /// `None` for everywhere.
    pub namespace: Option<String>,
    pub role: EntityId,
    pub binding: Option<EntityId>,
}

/// A class with the rules that it holds.
pub struct ClassView<'c> {
    pub compiled: &'c Compiled<'c>,
    pub class: &'c Class,
    /// Roles with the namespace in which they are held.
    pub roles: Vec<(Option<&'c str>, &'c Role)>,
    /// Their rules.
    held: Vec<(Option<&'c str>, &'c Rule)>,
    /// Roles of which nothing is known, with the namespace in which they are held.
    pub missing: Vec<(Option<&'c str>, EntityId)>,
    pub all: bool,
    cluster: &'c str,
}

impl<'c> ClassView<'c> {
    /// Opens a class.
    pub fn new(compiled: &'c Compiled<'c>, class: &'c Class, holder: &'c Holder, all: bool) -> Self {
        let mut view = Self {
            compiled,
            class,
            roles: Vec::new(),
            held: Vec::new(),
            missing: Vec::new(),
            all,
            cluster: &compiled.tables.entity(class.scope).id,
        };
        let mut seen = BTreeSet::new();
        for bound in &holder.bounds {
            let namespace = bound.namespace.as_deref();
            if !seen.insert((namespace, bound.role)) {
                continue;
            }
            let Some(role) = compiled.roles().get(&bound.role) else { continue };
            if role.known {
                view.roles.push((namespace, role));
                view.held.extend(role.rules.iter().map(|rule| (namespace, rule)));
            } else {
                view.missing.push((namespace, bound.role));
            }
        }
        view
    }

    /// Rules that cover an action and can hold for it, names aside.
    fn covering<'v>(&'v self, action: &'v Action) -> impl Iterator<Item = (Option<&'c str>, &'c Rule)> + 'v {
        let outside = is_outside(action) && !is_namespaces(action);
        let held = self.held.iter().copied();
        held.filter(move |(namespace, rule)| (namespace.is_none() || !outside) && rule.covers(action))
    }

    fn missing_reasons(&self) -> Vec<String> {
        let mut names: Vec<String> =
            self.missing.iter().map(|(_, role)| self.compiled.tables.entity(*role).id.clone()).collect();
        names.sort();
        names.dedup();
        names.iter().map(|id| format!("the rules of `{id}` are not in the export")).collect()
    }

    /// Where an action is allowed: everywhere, or in some namespaces.
    fn spaces(&self, ask: &Ask) -> Spaces {
        let mut spaces = Spaces::default();
        let Some(action) = Action::parse(&ask.action) else { return spaces };
        spaces.everywhere = self.all;
        for (namespace, rule) in self.covering(&action).filter(|(_, rule)| can_name(rule, &action, pin(ask, "name"))) {
            spaces.evidence.extend(rule.grant);
            match namespace {
                // Rules for some namespaces by name hold in those.
                None if is_namespaces(&action) && !rule.names.is_empty() => {
                    spaces.some.extend(rule.names.iter().cloned());
                }
                None => spaces.everywhere = true,
                Some(namespace) => {
                    spaces.some.insert(namespace.to_owned());
                }
            }
        }
        spaces
    }

    fn unknown(&self) -> Option<Standpoint> {
        (!self.missing.is_empty()).then(|| Standpoint {
            certainty: Certainty::Conditional,
            reasons: self.missing_reasons(),
            evidence: Vec::new(),
        })
    }
}

#[derive(Default)]
struct Spaces {
    everywhere: bool,
    some: BTreeSet<String>,
    evidence: Vec<u32>,
}

fn is_namespaces(action: &Action) -> bool {
    matches!(&action.on, Object::Resource { group, resource } if group.is_empty() && resource.split('/').next() == Some("namespaces"))
}

/// The value that a question fixes for a key (`namespace`, `name`).
fn pin<'a>(ask: &'a Ask, key: &str) -> Option<&'a str> {
    ask.pins.iter().find(|(own, _)| own == key).map(|(_, value)| value.as_str())
}

/// Whether a rule is about some object that can exist, or about the one that is asked for.
fn can_name(rule: &Rule, action: &Action, name: Option<&str>) -> bool {
    rule.names.is_empty() || (!action.is_nameless() && name.is_none_or(|name| rule.has_name(action, name)))
}

fn certain(mut evidence: Vec<u32>) -> Standpoint {
    evidence.sort_unstable();
    evidence.dedup();
    Standpoint { certainty: Certainty::Certain, reasons: Vec::new(), evidence }
}

impl View for ClassView<'_> {
    fn targets(&self, ask: &Ask, among: &RoaringBitmap) -> Reach {
        let places = self.compiled.places();
        let mut reach = Reach::default();
        let Some(action) = Action::parse(&ask.action) else { return reach };
        if self.all {
            reach.certain = places.cluster(self.cluster) & among;
        }
        for (namespace, rule) in self.covering(&action) {
            let found = places.reached(self.cluster, namespace, rule, &action, pin(ask, "name")) & among;
            if !found.is_empty() {
                reach.certain |= found;
                reach.evidence.extend(rule.grant);
            }
        }
        reach.possible.clone_from(&reach.certain);
        if !self.missing.is_empty() && matches!(action.on, Object::Resource { .. }) {
            let anything = super::rules::Rule {
                lists: super::super::notation::Lists::default(),
                names: Vec::new(),
                grant: None,
                role: self.class.scope,
                number: String::new(),
            };
            for &(namespace, _) in &self.missing {
                reach.possible |= places.reached(self.cluster, namespace, &anything, &action, None) & among;
            }
            if reach.possible.len() > reach.certain.len() {
                reach.reasons = self.missing_reasons();
            }
        }
        reach.tidy();
        reach
    }

    fn anywhere(&self, ask: &Ask, on: On) -> Option<Standpoint> {
        let action = Action::parse(&ask.action)?;
        if self.all {
            return Some(certain(Vec::new()));
        }
        let (space, name) = (pin(ask, "namespace"), pin(ask, "name"));
        let here = |namespace: Option<&str>| match on {
            On::Everything => namespace.is_none(),
            On::Something => namespace.is_none() || space.is_none() || namespace == space,
        };
        let fits = |rule: &Rule| match on {
            On::Everything => rule.names.is_empty(),
            On::Something => can_name(rule, &action, name),
        };
        let found: Vec<&Rule> = self
            .covering(&action)
            .filter(|(namespace, rule)| here(*namespace) && fits(rule))
            .map(|(_, rule)| rule)
            .collect();
        if !found.is_empty() {
            return Some(certain(found.into_iter().filter_map(|rule| rule.grant).collect()));
        }
        let outside = is_outside(&action) && !is_namespaces(&action);
        let open = |namespace: Option<&str>| here(namespace) && (namespace.is_none() || !outside);
        self.missing.iter().any(|(namespace, _)| open(*namespace)).then(|| self.unknown())?
    }

    fn together(&self, asks: &[Ask]) -> Option<Standpoint> {
        let all: Vec<Spaces> = asks.iter().map(|ask| self.spaces(ask)).collect();
        let bounded: Vec<&Spaces> = all.iter().filter(|spaces| !spaces.everywhere).collect();
        let common = match bounded.split_first() {
            None => true,
            Some((first, rest)) => first.some.iter().any(|space| rest.iter().all(|one| one.some.contains(space))),
        };
        if common {
            return Some(certain(all.iter().flat_map(|spaces| spaces.evidence.iter().copied()).collect()));
        }
        self.unknown()
    }

    fn manages_permissions(&self) -> Option<Standpoint> {
        self.anywhere(&Ask { action: "*:*/*".to_owned(), pins: Vec::new() }, On::Everything)
    }

    fn access(&self) -> Vec<Access> {
        access::rows(self)
    }
}
