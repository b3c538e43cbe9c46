//! A principal on one side of a change: what its evaluator grants it, where, and by which statements.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;

use super::limits::{Limits, statements};
use super::{Place, rank};
use crate::access::Evaluator;
use crate::change::gate::affected::{holders, policies};
use crate::model::{AttachmentKind, Decision, Effect, EntityId, Grant, Layer, Standing};
use crate::platforms::Granted;

/// A principal on one side.
pub struct Subject<'a> {
    pub place: Place<'a>,
    /// None on a side on which there is no such principal.
    pub of: Option<EntityId>,
    pub evaluator: Option<&'a dyn Evaluator>,
    pub places: Vec<Held>,
    pub limits: Option<Limits<'a>>,
    standing: BTreeMap<EntityId, Standing>,
}

/// What a principal may do where some of its rights hold.
pub struct Held {
    /// As [`crate::platforms::Placed::within`].
    pub within: String,
    pub granted: Vec<Granted>,
    /// Rows and places in them by the name of an action.
    actions: FxHashMap<String, Vec<(u32, u32)>>,
}

impl Held {
    fn rows<'s>(&'s self, action: &str) -> impl Iterator<Item = (&'s Granted, &'s [u32])> {
        let found = self.actions.get(action).map_or(&[][..], Vec::as_slice).iter();
        found.map(|&(row, at)| {
            let row = &self.granted[row as usize];
            (row, row.sources.get(row.actions[at as usize].source).map_or(&[][..], Vec::as_slice))
        })
    }
}

impl<'a> Subject<'a> {
    pub fn new((place, of): (Place<'a>, Option<EntityId>)) -> Self {
        let tables = place.tables;
        let evaluator = of.and_then(|of| place.evaluators.of(&tables.entity(of).platform));
        let placed = of.zip(evaluator).map(|(of, evaluator)| evaluator.placed(of)).unwrap_or_default();
        let held = |one: crate::platforms::Placed| {
            let mut actions: FxHashMap<String, Vec<(u32, u32)>> = FxHashMap::default();
            for (row, granted) in (0u32..).zip(&one.granted) {
                for (at, action) in (0u32..).zip(&granted.actions) {
                    actions.entry(action.action.name.to_string()).or_default().push((row, at));
                }
            }
            Held { within: one.within, granted: one.granted, actions }
        };
        let overrides = evaluator.is_some_and(Evaluator::overrides);
        let limits = of.map(|of| Limits::new(tables, of, overrides));
        let standing = of.map(|of| holders(tables, of)).unwrap_or_default();
        Self { place, of, evaluator, places: placed.into_iter().map(held).collect(), limits, standing }
    }

    /// What holds somewhere: there, and everywhere.
    fn there<'s>(&'s self, within: &'s str) -> impl Iterator<Item = &'s Held> {
        self.places.iter().filter(move |one| one.within.is_empty() || one.within == within)
    }

    /// The surest answer about an action on something, as the access counts it.
    pub fn decision(&self, within: &str, action: &str) -> Decision {
        let all = self.there(within).flat_map(|one| one.rows(action)).map(|(row, _)| row.decision);
        all.max_by_key(|one| rank(*one)).unwrap_or(Decision::Denied)
    }

    /// Statements that give an action somewhere, ascending.
    pub fn sources(&self, within: &str, action: &str) -> Vec<u32> {
        let mut all: Vec<u32> = self
            .there(within)
            .flat_map(|one| one.rows(action))
            .flat_map(|(_, sources)| sources.iter().copied())
            .collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The evaluator's answer about an action on a resource, where one question says all.
    pub fn answer(&self, within: &str, action: &str, resource: &str) -> Option<Decision> {
        let evaluator = self.evaluator?;
        let question = evaluator.question(self.of?, action, &format!("{within}{resource}"))?;
        Some(evaluator.decide(&question).decision)
    }

    /// [`Evaluator::encloses`], where it says.
    pub fn encloses(&self, outer: &str, inner: &str) -> Option<bool> {
        self.evaluator?.encloses(self.of?, outer, inner)
    }

    /// [`Evaluator::overrides`].
    pub fn overrides(&self) -> bool {
        self.evaluator.is_some_and(Evaluator::overrides)
    }

    pub fn grant(&self, number: u32) -> Option<&'a Grant> {
        self.place.tables.grants.get(number as usize)
    }

    /// Whether what a statement gives is there all the time.
    pub fn is_standing(&self, row: &Grant) -> bool {
        let active = |holder: &EntityId| self.standing.get(holder).is_none_or(|one| *one == Standing::Active);
        if self.standing.contains_key(&row.holder) {
            return active(&row.holder);
        }
        let attached = self.place.tables.attachments.iter().filter(|one| one.policy == row.holder);
        let mut through = attached.filter(|one| self.standing.contains_key(&one.holder)).peekable();
        through.peek().is_none() || through.any(|one| active(&one.holder))
    }

    /// Holders of the statements of the identity layer that reach the principal: groups, policies, policies of policies.
    fn bearers(&self) -> BTreeSet<EntityId> {
        let mut seen = BTreeSet::new();
        let mut open: Vec<EntityId> = self.standing.keys().copied().collect();
        while let Some(next) = open.pop() {
            if seen.insert(next) {
                open.extend(policies(self.place.tables, next, AttachmentKind::Identity));
            }
        }
        seen
    }

    /// Statements of the identity layer that reach the principal.
    pub fn statements(&self) -> Vec<&'a Grant> {
        let tables = self.place.tables;
        let all = self.bearers().into_iter().flat_map(|one| statements(tables, one));
        all.filter(|row| row.layer == Layer::Identity).collect()
    }

    /// Allowing ones among them, each with where it holds as far as that is known: everywhere, or one of the places.
    pub fn allows(&self) -> Vec<(String, &'a Grant)> {
        let mut all = Vec::new();
        for row in self.statements().into_iter().filter(|row| row.effect == Effect::Allow) {
            if self.places.len() <= 1 {
                all.push((String::new(), row));
                continue;
            }
            let gives =
                |one: &&Held| one.granted.iter().flat_map(|row| &row.sources).flatten().any(|by| *by == row.grant);
            let mut places: Vec<String> = self.places.iter().filter(gives).map(|one| one.within.clone()).collect();
            if places.is_empty() {
                places.push(String::new());
            }
            all.extend(places.into_iter().map(|within| (within, row)));
        }
        all
    }
}
