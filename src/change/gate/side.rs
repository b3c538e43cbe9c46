//! One side of a change: what the tables before it, or after it, come to.
//!
//! Everything here is computed from the tables alone and in the same way for both sides, so that a difference between
//! the sides is a difference that the change makes.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Base;
use crate::access::Evaluators;
use crate::analysis::asked;
use crate::findings::{self, Asked, Context, Draft, Facts};
use crate::model::{AccessTable, Certainty, ClassTable, Decision, EntityId, Tables};
use crate::paths::{self, Exposure, Landscape};
use crate::techniques::{AttackGraph, attack_graph};

/// A rule's draft with the name that outlives the change.
#[derive(Debug, Clone)]
pub struct Conflict {
    /// Name of the finding that it would be.
    pub fingerprint: String,
    pub draft: Draft,
}

/// What tables come to.
pub struct Side {
    pub access: AccessTable,
    pub graph: AttackGraph,
    /// Members of the protected zone with the reason, sorted.
    pub zone: Vec<(EntityId, String)>,
    /// By entity number: certain steps to the zone.
    pub hops_certain: Vec<Option<u32>>,
    /// By entity number: steps to the zone when everything open goes the attacker's way.
    pub hops_possible: Vec<Option<u32>>,
    /// Conflicts of duties.
    pub conflicts: Vec<Conflict>,
    /// Crossings of environments.
    pub crossings: Vec<Conflict>,
    pub exposure: Exposure,
}

impl Side {
    /// Evaluates tables. Time is that of permissions, techniques and paths of a scan.
    #[must_use]
    pub fn new(tables: &Tables, evaluators: &Evaluators<'_>, base: &Base<'_>) -> Self {
        let access = evaluators.access();
        let graph = attack_graph(tables, evaluators, base.library);
        let answers = asked::ask(tables, evaluators);
        let mut side = Self {
            zone: paths::zone(tables, &graph.administrators, &base.config.protected_entities(tables)),
            hops_certain: Vec::new(),
            hops_possible: Vec::new(),
            conflicts: Vec::new(),
            crossings: Vec::new(),
            exposure: Exposure {
                zone: paths::Exposed { target: None, principals: 0, exposed_certain: 0, exposed_possible: 0 },
                targets: Vec::new(),
            },
            access,
            graph,
        };
        side.look(tables, &answers, base);
        side
    }

    fn look(&mut self, tables: &Tables, answers: &Asked, base: &Base<'_>) {
        let land = self.land(tables);
        let (certain, possible) = (land.hops(Certainty::Certain), land.hops(Certainty::Conditional));
        let (exposure, removals) = (land.exposure(), ClassTable::default());
        let no_mass = |_: &str| 0.0;
        let facts = Facts {
            tables,
            access: &self.access,
            removals: &removals,
            edges: &self.graph.edges,
            target_sets: &self.graph.target_sets,
            paths: &[],
            choke_points: &[],
            minimum_cut: None,
            zone: &land.zone,
            hops_certain: &certain,
            hops_possible: &possible,
            exposure_in: &[],
            reach_weight_certain: &[],
            land: &land,
            asked: answers,
            administrator_mass: &no_mass,
            as_of: base.as_of,
            config: base.config,
        };
        let context = Context::new(facts);
        let (conflicts, crossings) = (found(&context, "sod-conflict"), found(&context, "environment-crossing"));
        (self.hops_certain, self.hops_possible) = (certain, possible);
        (self.conflicts, self.crossings, self.exposure) = (conflicts, crossings, exposure);
    }

    /// The attack graph, ready for searches.
    #[must_use]
    pub fn land<'s>(&'s self, tables: &'s Tables) -> Landscape<'s> {
        Landscape::new(tables, &self.graph.edges, &self.graph.target_sets, self.zone.clone())
    }

    /// Why an entity is in the protected zone, when it is.
    #[must_use]
    pub fn zone_reason(&self, of: EntityId) -> Option<&str> {
        let at = self.zone.binary_search_by_key(&of, |row| row.0).ok()?;
        Some(self.zone[at].1.as_str())
    }

    /// Steps to the zone, the surest answer first: certain ones, else those that hang on something.
    #[must_use]
    pub fn hops(&self, of: EntityId) -> Option<(Certainty, u32)> {
        let at = |hops: &[Option<u32>]| hops.get(of.index()).copied().flatten();
        let certain = at(&self.hops_certain).map(|hops| (Certainty::Certain, hops));
        certain.or_else(|| at(&self.hops_possible).map(|hops| (Certainty::Conditional, hops)))
    }

    /// What a change is measured by. Counts are of principals; `privilege_mass` is the sum over all access rows that are
    /// certain, `privilege_mass_possible` over all.
    #[must_use]
    pub fn measures(&self) -> BTreeMap<&'static str, Value> {
        let exposed = &self.exposure.zone;
        let (mut certain, mut possible) = (0.0, 0.0);
        for row in self.access.iter() {
            possible += row.mass;
            if row.decision == Decision::Allowed {
                certain += row.mass;
            }
        }
        BTreeMap::from([
            ("administrators", json!(self.administrators())),
            ("environment_crossings", json!(self.crossings.len())),
            ("exposed_certain", json!(exposed.exposed_certain)),
            ("exposed_possible", json!(exposed.exposed_possible)),
            ("exposure_pct_certain", json!(exposed.pct_certain())),
            ("exposure_pct_possible", json!(exposed.pct_possible())),
            ("privilege_mass", json!(certain)),
            ("privilege_mass_possible", json!(possible)),
            ("sod_conflicts", json!(self.conflicts.len())),
        ])
    }

    fn administrators(&self) -> usize {
        let mut who: Vec<EntityId> = self.graph.administrators.iter().map(|(entity, _)| *entity).collect();
        who.dedup();
        who.len()
    }
}

/// What one rule finds; nothing for a rule that there is not.
fn found(context: &Context<'_>, rule: &'static str) -> Vec<Conflict> {
    let Some(rule) = findings::ALL.iter().find(|one| one.info().id == rule) else { return Vec::new() };
    let named = |draft: Draft| {
        let entity = &context.tables.entity(draft.entity).id;
        let fingerprint = findings::history::fingerprint(rule.info().id, entity, &draft.key);
        Conflict { fingerprint, draft }
    };
    rule.check(context).into_iter().map(named).collect()
}

/// A conflict that one side has and the other has not, or has in a milder form.
#[derive(Debug, Clone)]
pub struct NewConflict {
    pub entity: String,
    pub case: &'static str,
    pub title: String,
    pub evidence: Vec<String>,
    /// Whether nothing that is open is needed for it.
    pub certain: bool,
}

/// How bad the case of a conflict is: what is certain before what hangs on something, what is held before what is
/// reached.
fn weight(case: &str) -> u8 {
    match (case.ends_with("conditional"), case.starts_with("reachable") || case.starts_with("path")) {
        (false, false) => 3,
        (false, true) => 2,
        (true, false) => 1,
        (true, true) => 0,
    }
}

/// Conflicts of `after` that `before` has not, or only in a milder case. One that stands for several administrators is
/// new when there is one more of them.
#[must_use]
pub fn new_conflicts(before: &Tables, then: &[Conflict], after: &Tables, now: &[Conflict]) -> Vec<NewConflict> {
    let known: BTreeMap<&str, &Draft> = then.iter().map(|one| (one.fingerprint.as_str(), &one.draft)).collect();
    let who = |tables: &Tables, draft: &Draft| -> Vec<String> {
        draft.subjects.iter().map(|&one| tables.entity(one).id.clone()).collect()
    };
    let mut out = Vec::new();
    for Conflict { fingerprint, draft } in now {
        let old = known.get(fingerprint.as_str());
        let milder = old.is_some_and(|old| weight(old.case) < weight(draft.case));
        let more = draft.case == "administrators"
            && old.is_some_and(|old| {
                let old = who(before, old);
                who(after, draft).iter().any(|one| !old.contains(one))
            });
        if old.is_none() || milder || more {
            out.push(NewConflict {
                entity: after.entity(draft.entity).id.clone(),
                case: draft.case,
                title: draft.title.clone(),
                evidence: draft.evidence.clone(),
                certain: !draft.case.ends_with("conditional"),
            });
        }
    }
    out
}
