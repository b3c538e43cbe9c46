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
mod peers;
pub mod privilege;
pub mod risk;

pub use cohort::Cohorts;
use peers::{Comparison, Standing};
pub use privilege::Privilege;
pub use risk::{Derivation, Part, derive};

use crate::config::RiskWeights;
use crate::findings::Context;
use crate::model::{ClassTable, Entity, EntityId, Peer, RemovalVerdict, Score};

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

/// The scores and what they were compared with.
#[derive(Debug)]
pub struct Outcome {
    /// Of every principal, by entity number.
    pub scores: Vec<Score>,
    pub peers: ClassTable<Peer>,
}

/// What a principal may do beyond the role baselines declared for it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RoleGap {
    /// Actions that no baseline names.
    pub n: u32,
    /// Their privilege mass, and that of actions granted more widely than declared.
    pub mass: f64,
}

/// Scores of every principal of the snapshot, by entity number.
#[must_use]
pub fn all(context: &Context<'_>) -> Vec<Score> {
    measure(context).scores
}

/// Scores and peers of every principal of the snapshot.
#[must_use]
pub fn measure(context: &Context<'_>) -> Outcome {
    let privileges: Vec<(&Entity, Privilege)> =
        context.principals().map(|entity| (entity, Privilege::of(context, entity))).collect();
    let Comparison { standings, peers } = peers::compare(context);
    let masses = standings.iter().zip(&privileges).map(|(own, (_, privilege))| (own.cohort.as_str(), privilege.mass));
    let cohorts = Cohorts::new(masses);
    let scores = privileges
        .iter()
        .zip(standings)
        .map(|((entity, privilege), standing)| score(context, &cohorts, entity, privilege, standing));
    Outcome { scores: scores.collect(), peers }
}

/// Puts role gaps, sorted by entity, into the scores.
pub fn fill_role_gaps(scores: &mut [Score], gaps: &[(EntityId, RoleGap)]) {
    for score in scores {
        if let Ok(at) = gaps.binary_search_by_key(&score.entity, |(entity, _)| *entity) {
            let gap = gaps[at].1;
            (score.role_gap_n, score.role_gap_mass) = (Some(gap.n), Some(gap.mass));
        }
    }
}

/// Number and mass of the actions that are safe to take away; null when no use was observed.
fn removable(context: &Context<'_>, entity: &Entity) -> (Option<u32>, Option<f64>) {
    let rows = context.facts.removals.of(entity.entity);
    if rows.is_empty() {
        return (None, None);
    }
    let safe = rows.iter().filter(|row| row.verdict == RemovalVerdict::Safe);
    let (n, mass) = safe.fold((0, 0.0), |(n, mass), row| (n + row.actions_n, mass + row.mass));
    (Some(n), Some(mass))
}

fn score(
    context: &Context<'_>,
    cohorts: &Cohorts,
    entity: &Entity,
    privilege: &Privilege,
    standing: Standing,
) -> Score {
    let derivation = derive(context, entity);
    let mut reasons = derivation.reasons().into_iter();
    let headline = |id: &str| derivation.part(id).and_then(Part::headline);
    let place = cohorts.place(&standing.cohort, privilege.mass, context.config.thresholds.cohort_size_min);
    let (observed_cohort, observed_cohort_n) = standing.observed.unzip();
    let (removable_n, removable_mass) = removable(context, entity);
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
        cohort: standing.cohort,
        surprise: standing.surprise,
        surprise_percentile: standing.surprise_percentile,
        observed_cohort,
        observed_cohort_n,
        observed_surprise: standing.observed_surprise,
        observed_percentile: standing.observed_percentile,
        role_gap_n: None,
        role_gap_mass: None,
        removable_n,
        removable_mass,
        window_days: privilege.window_days,
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
