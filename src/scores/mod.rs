//! How bad it is: one score a file, each 0 to 1 with an interval, and the index that combines them.
//!
//! A component is *known* (with an interval for what hangs on something or was not seen), *unknown* (the export has
//! nothing that it could be computed from), or *not applicable* (a human is not an orphaned machine). Unknown is never
//! zero: it widens the interval of the index from 0 to 1.

pub mod cohort;
mod credential;
mod escalation;
mod excess;
mod orphan;
pub mod privilege;
pub mod risk;

use std::collections::BTreeMap;

pub use cohort::Cohorts;
pub use privilege::Privilege;
pub use risk::{Derivation, Part, derive};

use crate::config::RiskWeights;
use crate::findings::Context;
use crate::model::{Entity, Score};

/// Every component of the index, in the order of the documentation.
pub const ALL: &[&dyn Component] =
    &[&escalation::Escalation, &excess::Excess, &credential::Credential, &orphan::Orphan];

/// One headline score and component of the risk index.
pub trait Component: Sync {
    /// Stable id; also the name of its column.
    fn id(&self) -> &'static str;

    /// What it says, and how it is computed.
    fn definition(&self) -> &'static str;

    /// Its weight in the index.
    fn weight(&self, weights: &RiskWeights) -> f64;

    /// Its value for one principal.
    fn measure(&self, context: &Context<'_>, entity: &Entity) -> Measured;
}

/// A component's value for one principal.
#[derive(Debug, Clone, PartialEq)]
pub enum Measured {
    /// `low <= x <= high`, all within 0 to 1; the interval holds what full data could make of it.
    Known { x: f64, low: f64, high: f64, reason: String, inputs: Vec<String> },
    /// Nothing to compute it from; why.
    Unknown { why: String },
    /// The question does not arise; why.
    NotApplicable { why: String },
}

/// A named sub-condition of a score that is joined by noisy-or.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Condition {
    pub weight: f64,
    /// `None` when the export does not say.
    pub holds: Option<bool>,
    /// In words, when it holds.
    pub words: String,
}

/// `1 - product of (1 - weight)` over the conditions that hold; the upper end takes the unknown ones as holding too.
/// Adding a condition that holds never lowers it, and no number of conditions passes 1.
pub(crate) fn noisy_or(conditions: &[Condition], otherwise: &str) -> Measured {
    let join = |counts: fn(Option<bool>) -> bool| {
        1.0 - conditions.iter().filter(|one| counts(one.holds)).map(|one| 1.0 - one.weight).product::<f64>()
    };
    let x = join(|holds| holds == Some(true));
    let high = join(|holds| holds != Some(false));
    let mut held: Vec<&Condition> = conditions.iter().filter(|one| one.holds == Some(true)).collect();
    held.sort_by(|a, b| b.weight.total_cmp(&a.weight));
    let words: Vec<&str> = held.iter().map(|one| one.words.as_str()).collect();
    let reason = if words.is_empty() { otherwise.to_owned() } else { words.join(", ") };
    let input = |one: &Condition| match one.holds {
        Some(true) => Some(format!("{} (weight {})", one.words, one.weight)),
        None => Some(format!("unknown whether: {} (weight {})", one.words, one.weight)),
        Some(false) => None,
    };
    Measured::Known { x, low: x, high: high.max(x), reason, inputs: conditions.iter().filter_map(input).collect() }
}

/// Scores of every principal of the snapshot, by entity number.
#[must_use]
pub fn all(context: &Context<'_>) -> Vec<Score> {
    let privileges: BTreeMap<_, Privilege> =
        context.principals().map(|entity| (entity.entity, Privilege::of(context, entity))).collect();
    let cohorts =
        Cohorts::new(context.principals().map(|entity| (cohort::name(entity), privileges[&entity.entity].mass)));
    context.principals().map(|entity| score(context, &cohorts, entity, &privileges[&entity.entity])).collect()
}

fn score(context: &Context<'_>, cohorts: &Cohorts, entity: &Entity, privilege: &Privilege) -> Score {
    let derivation = derive(context, entity);
    let mut reasons = derivation.reasons().into_iter();
    let headline = |id: &str| derivation.part(id).and_then(Part::headline);
    let cohort = cohort::name(entity);
    let place = cohorts.place(&cohort, privilege.mass, context.config.thresholds.cohort_size_min);
    let at = entity.entity.index();
    Score {
        entity: entity.entity,
        excess: headline("excess"),
        orphan: headline("orphan"),
        escalation: headline("escalation"),
        credential: headline("credential"),
        risk: derivation.risk,
        risk_low: derivation.low,
        risk_high: derivation.high,
        shares: derivation.shares(),
        pgr: privilege.pgr(),
        wpg: privilege.wpg(),
        wpa: privilege.wpa(),
        mass: privilege.mass,
        power: privilege.power(privilege.mass),
        hops_to_protected: context.hops_possible(entity.entity),
        blast_radius: context.facts.reach_weight_certain.get(at).copied().unwrap_or(0.0),
        exposure_in: context.facts.exposure_in.get(at).copied().unwrap_or(0),
        cohort_n: place.n,
        cohort_percentile: place.percentile,
        cohort,
        surprise: None,
        coverage: derivation.coverage(),
        evidence_grade: privilege.grade.clone(),
        reason_1: reasons.next(),
        reason_2: reasons.next(),
        reason_3: reasons.next(),
    }
}

#[cfg(test)]
mod axioms;
#[cfg(test)]
mod tests;
