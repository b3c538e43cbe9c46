//! What a class may do, counted by service and access level, and action by action.
//!
//! An action counts as widely as the widest right gives it: everywhere (`all`), in something that has an inside
//! (`prefix`), or on things alone (`one`). A deny takes an action from the rights whose every place it covers; where it
//! covers a part of a place, the action still counts.

use std::borrow::Cow;
use std::collections::BTreeMap;

use roaring::RoaringBitmap;
use rustc_hash::FxHashMap;

use super::catalog::LEVELS;
use super::places::Place;
use super::rights::Right;
use super::view::ClassView;
use crate::model::{Access, Decision, EntityId};
use crate::platforms::{Granted, GrantedAction};

/// Names of the breadths, narrowest first, and their weights in a privilege mass.
const BREADTHS: [(&str, f64); 3] = [("one", 1.0), ("prefix", 2.0), ("all", 4.0)];

/// Actions by the width of the widest right that gives them.
#[derive(Debug, Default, Clone)]
struct Widths([RoaringBitmap; 3]);

impl Widths {
    /// The weight of an action's width: 0 when it is not given.
    fn weight(&self, action: u32) -> f64 {
        self.width(action).map_or(0.0, |width| BREADTHS[width].1)
    }

    fn width(&self, action: u32) -> Option<usize> {
        (0..3).rev().find(|&width| self.0[width].contains(action))
    }

    fn all(&self) -> RoaringBitmap {
        &self.0[0] | &self.0[1] | &self.0[2]
    }
}

/// What a class is given.
struct Counted {
    certain: Widths,
    /// With what hangs on something, and with roles of which nothing is known taken to allow everything.
    possible: Widths,
    /// Rights with the actions that they give for certain, and perhaps.
    rights: Vec<(u32, RoaringBitmap, RoaringBitmap)>,
    /// Whether a role of which nothing is known is among them.
    unknown: bool,
}

fn width(view: &ClassView<'_, '_>, right: &Right) -> usize {
    let tree = view.compiled.tree();
    let of = |place: &Place| match place {
        place if tree.is_everything(place, view.class.scope) => 2,
        Place::Inside(entity) => usize::from(tree.has_inside(*entity)),
        _ => 0,
    };
    right.places.iter().map(of).max().unwrap_or(0)
}

fn counted(view: &ClassView<'_, '_>) -> Counted {
    let rights = view.compiled.rights();
    let mut out =
        Counted { certain: Widths::default(), possible: Widths::default(), rights: Vec::new(), unknown: false };
    let denies: Vec<_> = view.held.iter().filter(|held| rights.get(held.right).denies).collect();
    for held in view.held.iter().filter(|held| !rights.get(held.right).denies) {
        let right = rights.get(held.right);
        let sure = right.condition.is_none() && !held.eligible;
        let mut possible = rights.bits(right).clone();
        let mut certain = if sure { possible.clone() } else { RoaringBitmap::new() };
        if rights.lacks(right) {
            out.unknown = true;
            possible = rights.vocabulary.all();
        }
        for deny in &denies {
            let denying = rights.get(deny.right);
            if view.is_denied(right, denying) {
                certain -= rights.bits(denying);
                if denying.condition.is_none() && !deny.eligible {
                    possible -= rights.bits(denying);
                }
            }
        }
        let width = width(view, right);
        out.certain.0[width] |= &certain;
        out.possible.0[width] |= &possible;
        out.rights.push((held.right, certain, possible));
    }
    if view.all {
        let all = rights.vocabulary.all();
        out.certain.0[2] |= &all;
        out.possible.0[2] |= all;
    }
    out
}

/// An access row in the making, by service, level, and whether it hangs on something.
type Key = (Cow<'static, str>, usize, bool);

/// The rows of a class. A row of what is certain counts every action; a row of what may be counts what is wider then,
/// and only the additional mass.
pub fn rows(view: &ClassView<'_, '_>) -> Vec<Access> {
    let counted = counted(view);
    let mut sums: BTreeMap<Key, ([u32; 3], f64)> = BTreeMap::new();
    let vocabulary = &view.compiled.rights().vocabulary;
    for (open, action, width, mass) in each(&counted) {
        let entry = vocabulary.entry(action);
        let sum = sums.entry((entry.service(), entry.level, open)).or_default();
        sum.0[width] += 1;
        sum.1 += LEVELS[entry.level].1 * mass;
    }
    let first = view.class.members[0];
    sums.into_iter()
        .map(|((service, level, open), (counts, mass))| {
            row(first, service.into_owned(), level, counts, mass, decision(open, &counted))
        })
        .collect()
}

/// Actions with whether they hang on something, the index of their width, and the weight that counts.
fn each(counted: &Counted) -> Vec<(bool, u32, usize, f64)> {
    let mut out = Vec::new();
    for action in &counted.certain.all() {
        let width = counted.certain.width(action).unwrap_or(0);
        out.push((false, action, width, BREADTHS[width].1));
    }
    for action in &counted.possible.all() {
        let (before, after) = (counted.certain.weight(action), counted.possible.weight(action));
        if after > before {
            out.push((true, action, counted.possible.width(action).unwrap_or(0), after - before));
        }
    }
    out
}

const fn decision(open: bool, counted: &Counted) -> Decision {
    match (open, counted.unknown) {
        (false, _) => Decision::Allowed,
        (true, true) => Decision::Unknown,
        (true, false) => Decision::Conditional,
    }
}

fn row(entity: EntityId, service: String, level: usize, counts: [u32; 3], mass: f64, decision: Decision) -> Access {
    let widest = counts.iter().rposition(|&count| count > 0).unwrap_or(0);
    Access {
        entity,
        service,
        level: LEVELS[level].0.to_owned(),
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
    }
}

/// What [`rows`] counts, row by row in the same order. What a role of which nothing is known may give has no statement.
pub fn granted(view: &ClassView<'_, '_>) -> Vec<Granted> {
    let counted = counted(view);
    let sources = [sources(view, &counted, false), sources(view, &counted, true)];
    let vocabulary = &view.compiled.rights().vocabulary;
    let mut rows: BTreeMap<Key, Granted> = BTreeMap::new();
    for (open, action, _, mass) in each(&counted) {
        let entry = vocabulary.entry(action);
        let (service, level) = (entry.service(), entry.level);
        let row = rows.entry((service.clone(), level, open)).or_insert_with(|| Granted {
            service,
            level: LEVELS[level].0,
            level_weight: LEVELS[level].1,
            decision: decision(open, &counted),
            actions: Vec::new(),
            sources: Vec::new(),
        });
        let given = sources[usize::from(open)].get(&action).map(Vec::as_slice).unwrap_or_default();
        let source = row.sources.iter().position(|known| known == given).unwrap_or_else(|| {
            row.sources.push(given.to_vec());
            row.sources.len() - 1
        });
        row.actions.push(GrantedAction { action: entry.known(), mass: row.level_weight * mass, source });
    }
    rows.into_values().collect()
}

/// The grants that give each action, ascending: those that do for certain, or those that may.
fn sources(view: &ClassView<'_, '_>, counted: &Counted, open: bool) -> FxHashMap<u32, Vec<u32>> {
    let mut sources: FxHashMap<u32, Vec<u32>> = FxHashMap::default();
    let rights = view.compiled.rights();
    for (number, certain, possible) in &counted.rights {
        let known = rights.bits(rights.get(*number));
        let actions = if open { (possible & known) - certain } else { certain.clone() };
        let grants = view.grants(*number);
        for action in actions {
            sources.entry(action).or_default().extend(&grants);
        }
    }
    for grants in sources.values_mut() {
        grants.sort_unstable();
        grants.dedup();
    }
    sources
}

/// Privilege mass of a principal that may do everything the catalogue knows.
pub fn administrator_mass(catalog: &super::Catalog) -> f64 {
    catalog.actions().iter().map(|action| LEVELS[super::catalog::level(action.level)].1 * BREADTHS[2].1).sum()
}
