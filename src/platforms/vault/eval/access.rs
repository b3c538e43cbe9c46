//! What a class may do, counted in capabilities by area of the API and access level.
//!
//! A capability is wide (`all`) in an area when it holds for a name that no policy has, narrower (`prefix`) when some
//! pattern inside the area has it, narrowest (`one`) when exact paths have it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::super::acl::{Acl, FRESH, Form};
use super::super::catalog::{self, Area, LEVELS, area_of, areas, level};
use super::super::policy::CAPS;
use super::view::{Asked, ClassView, Outcome};
use crate::model::{Access, Decision};
use crate::platforms::{Granted, GrantedAction, Known};

/// Names of the breadths, narrowest first, and their weights in a privilege mass.
const BREADTHS: [(&str, f64); 3] = [("one", 1.0), ("prefix", 2.0), ("all", 4.0)];

/// What the catalogue knows of a capability in an area.
#[must_use]
pub fn known(area: &Area, capability: &str) -> Known {
    Known {
        name: Cow::Owned(catalog::name(area, capability)),
        level: LEVELS[level(area, capability)].0,
        recorded: catalog::recorded(capability),
    }
}

/// Privilege mass of a principal that may do everything.
#[must_use]
pub fn administrator_mass() -> f64 {
    let all = areas().flat_map(|area| CAPS.iter().map(|cap| LEVELS[level(area, cap)].1));
    all.sum::<f64>() * BREADTHS[2].1
}

/// How widely a capability is held: 0 for not at all, else one more than the index of its breadth.
#[derive(Debug, Clone, Default)]
struct Width {
    certain: usize,
    possible: usize,
    /// Whether what is open hangs on a policy that no export has.
    unknown: bool,
    grants: BTreeSet<u32>,
    open_grants: BTreeSet<u32>,
}

impl Width {
    fn add(&mut self, outcome: Outcome, width: usize) {
        match outcome {
            Outcome::No(_) => {}
            Outcome::Yes(grants) => {
                self.certain = self.certain.max(width);
                self.possible = self.possible.max(width);
                self.grants.extend(grants);
            }
            Outcome::Limited(_, grants) => {
                self.possible = self.possible.max(width);
                self.open_grants.extend(grants);
            }
            Outcome::Unknown(_, grants) => {
                self.possible = self.possible.max(width);
                self.unknown = true;
                self.open_grants.extend(grants);
            }
        }
    }
}

type Widths = BTreeMap<(&'static str, usize), (&'static Area, Width)>;

fn counted(view: &ClassView<'_>) -> Widths {
    let mut widths = Widths::new();
    let asks: Vec<(usize, Asked)> =
        CAPS.iter().enumerate().filter_map(|(at, cap)| Some((at, Asked::parse(cap)?))).collect();
    let mut add = |acl: &Acl, area: &'static Area, path: &str, width: usize| {
        for (at, asked) in &asks {
            let outcome = asked.outcome(acl, path);
            if !matches!(outcome, Outcome::No(_)) {
                let entry = widths.entry((area.name, *at)).or_insert_with(|| (area, Width::default()));
                entry.1.add(outcome, width);
            }
        }
    };
    for acl in &view.acls {
        for area in areas() {
            let inside = format!("{FRESH}/{FRESH}");
            let path = if area.stem.is_empty() { inside } else { format!("{}/{inside}", area.stem) };
            add(acl, area, &path, 3);
        }
        for pattern in acl.patterns() {
            let width = if matches!(Form::of(pattern), Form::Exact(_)) { 1 } else { 2 };
            for path in acl.samples(pattern) {
                let area = area_of(&path);
                let named = areas().find(|one| one.name == area.name).unwrap_or(area);
                add(acl, named, &path, width);
            }
        }
    }
    widths
}

/// The rows, and the breadth of each.
#[must_use]
pub fn granted(view: &ClassView<'_>) -> Vec<(Granted, &'static str)> {
    let mut rows: BTreeMap<(&str, usize, bool), (Granted, usize)> = BTreeMap::new();
    let counted = counted(view);
    for ((_, at), (area, width)) in &counted {
        let level = level(area, CAPS[*at]);
        let unknown = |row: &Width| if row.unknown { Decision::Unknown } else { Decision::Conditional };
        let parts = [
            (width.certain, 0, Decision::Allowed, &width.grants),
            (width.possible, width.certain, unknown(width), &width.open_grants),
        ];
        for (wide, before, decision, grants) in parts.into_iter().filter(|(wide, before, ..)| wide > before) {
            let key = (area.name, level, decision != Decision::Allowed);
            let row = rows.entry(key).or_insert_with(|| {
                let (name, level_weight) = LEVELS[level];
                let (actions, sources) = (Vec::new(), Vec::new());
                (
                    Granted {
                        service: Cow::Borrowed(area.name),
                        level: name,
                        level_weight,
                        decision,
                        actions,
                        sources,
                    },
                    0,
                )
            });
            // One unknown policy makes the whole row unknown.
            if decision == Decision::Unknown {
                row.0.decision = decision;
            }
            row.1 = row.1.max(wide);
            let grants: Vec<u32> = grants.iter().copied().collect();
            let source = row.0.sources.iter().position(|own| *own == grants).unwrap_or_else(|| {
                row.0.sources.push(grants);
                row.0.sources.len() - 1
            });
            let weight = |width: usize| width.checked_sub(1).map_or(0.0, |at| BREADTHS[at].1);
            let mass = row.0.level_weight * (weight(wide) - weight(before));
            row.0.actions.push(GrantedAction { action: known(area, CAPS[*at]), mass, source });
        }
    }
    rows.into_values().map(|(row, wide)| (row, BREADTHS[wide.saturating_sub(1)].0)).collect()
}

/// The access rows of the first member.
#[must_use]
pub fn rows(view: &ClassView<'_>) -> Vec<Access> {
    let one = |(granted, breadth): (Granted, &'static str)| Access {
        entity: view.class.members[0],
        service: granted.service.to_string(),
        level: granted.level.to_owned(),
        granted_n: u32::try_from(granted.actions.len()).unwrap_or(u32::MAX),
        unused_n: None,
        observable_n: None,
        breadth: breadth.to_owned(),
        mass: granted.actions.iter().map(|action| action.mass).sum(),
        unused_mass: None,
        observable_mass: None,
        used_mass: None,
        undetermined_n: None,
        window_days: None,
        decision: granted.decision,
        evidence_grade: "static".to_owned(),
    };
    granted(view).into_iter().map(one).collect()
}
