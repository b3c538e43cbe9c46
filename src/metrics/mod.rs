//! Numbers about the organisation: each metric one row of a registry, computed for every platform, kind and domain.
//!
//! A rate is in percent and has its Wilson interval at 95 %; what cannot be measured is null and never zero. Coverage
//! is the share of the population that has the data which the metric needs. What a metric is, is in `definitions`; how
//! it is computed, in `measure`; `docs/metrics.md` is made from the first.

mod definitions;
pub mod history;
mod measure;
pub mod newcombe;
pub mod population;
pub mod spread;
pub mod wilson;

pub use definitions::ALL;

use std::collections::{BTreeMap, BTreeSet};

use history::past::Past;
use history::survival::Spell;
use measure::identities::{Left, left};
use population::{Cell, Part, Parts};
use spread::Spread;

use crate::findings::Context;
use crate::model::{Entity, EntityId, Exception, Finding, Metric, Score, Tables};

/// Which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Lower,
    Higher,
    /// Says how large something is, not how good.
    Neutral,
}

impl Direction {
    /// The way that is better, in a word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lower => "lower",
            Self::Higher => "higher",
            Self::Neutral => "neutral",
        }
    }
}

/// One metric.
#[derive(Debug, Clone, Copy)]
pub struct Definition {
    /// Stable id.
    pub id: &'static str,
    /// What it says, in a sentence.
    pub definition: &'static str,
    /// `percent`, `count`, `ratio`, `points` (of risk), `mass`, `mass hours` or `days`.
    pub unit: &'static str,
    pub direction: Direction,
    /// What is counted.
    pub numerator: &'static str,
    /// Out of what.
    pub denominator: &'static str,
    /// What `low` and `high` are.
    pub interval: Interval,
    /// Whether it is made of the entities of one snapshot, so that it can be computed again for some of them.
    pub of_entities: bool,
    /// Its value for a part; null when it makes no sense there (people per person).
    compute: fn(&Population<'_>) -> Option<Reading>,
}

/// What the interval of a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interval {
    /// There is none.
    None,
    /// Wilson's at 95 %: how far a share of so many varies by chance.
    Wilson,
    /// From what is certain to what is possible.
    Possible,
    /// That of Brookmeyer and Crowley at 95 %, of a median.
    Median,
}

impl Interval {
    /// In words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Wilson => "Wilson, 95 %",
            Self::Possible => "certain to possible",
            Self::Median => "of the median, 95 %",
        }
    }
}

/// A metric's value for one part.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Reading {
    value: Option<f64>,
    low: Option<f64>,
    high: Option<f64>,
    numerator: Option<f64>,
    denominator: Option<f64>,
    coverage: Option<f64>,
}

/// What metrics are made of. Optional parts are null in the result until they are given.
#[derive(Clone, Copy)]
pub struct Inputs<'a> {
    pub context: &'a Context<'a>,
    /// Sorted by entity.
    pub scores: &'a [Score],
    pub findings: &'a [Finding],
    /// As this scan judges them.
    pub exceptions: &'a [Exception],
    /// What earlier scans found; `None` when no store was asked.
    pub past: Option<&'a Past>,
    pub cut: Option<Cut>,
    pub roles: Option<RoleComplexity>,
    /// What the ledger says; null metrics without it.
    pub recorded: Option<&'a Recorded>,
}

/// What the ledger says of changes and drafts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recorded {
    /// Rows that came since the snapshot before: whom each is about, and whether it has no record.
    pub changes: Vec<(EntityId, bool)>,
    /// Drafts that the gate judged and those that it blocked, by domain; under no name those of all.
    pub drafts: BTreeMap<Option<String>, (u64, u64)>,
}

/// What it takes to cut every path into the protected zone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cut {
    /// Nodes and edges that every path of some principals crosses.
    pub choke_points: f64,
    /// Edges of the smallest set whose removal leaves no path.
    pub minimum: f64,
}

/// Weighted structural complexity of roles as they are and as they could be, by one and the same measure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RoleComplexity {
    pub now: f64,
    pub mined: f64,
}

impl<'a> Inputs<'a> {
    /// The least: no exceptions, no history, nothing that is computed elsewhere.
    #[must_use]
    pub const fn new(context: &'a Context<'a>, scores: &'a [Score], findings: &'a [Finding]) -> Self {
        Self { context, scores, findings, exceptions: &[], past: None, cut: None, roles: None, recorded: None }
    }
}

/// [`Inputs`] with what all parts share.
pub(crate) struct Shared<'a> {
    scores: &'a [Score],
    past: Option<&'a Past>,
    cut: Option<Cut>,
    roles: Option<RoleComplexity>,
    recorded: Option<&'a Recorded>,
    /// Changes without a record and all of them, by part.
    changes: Option<BTreeMap<Cell, (usize, usize)>>,
    /// Whether the input says of anyone who owns it: else a missing owner means nothing.
    owners_known: bool,
    /// Whether a rule looks for conflicts of duties.
    duties_checked: bool,
    /// Identities of people who left, with the day where it is known.
    leavers: BTreeMap<EntityId, Option<i64>>,
    /// How long findings lasted, by part.
    spells: Option<BTreeMap<Cell, Vec<Spell>>>,
}

impl<'a> Shared<'a> {
    fn new(inputs: &Inputs<'a>) -> Self {
        let tables = inputs.context.tables;
        let owners_known = !tables.owners.is_empty() || tables.entities.iter().any(|entity| entity.owner.is_some());
        Self {
            scores: inputs.scores,
            past: inputs.past,
            cut: inputs.cut,
            roles: inputs.roles,
            recorded: inputs.recorded,
            changes: inputs.recorded.map(|recorded| changes(inputs, recorded)),
            owners_known,
            duties_checked: crate::findings::ALL.iter().any(|rule| rule.info().id == population::DUTY_RULE),
            leavers: leavers(tables, inputs.context.facts.as_of),
            spells: inputs.past.map(|past| past.spells(inputs)),
        }
    }
}

/// Changes without a record and all of them, by the parts of whom they are about.
fn changes(inputs: &Inputs<'_>, recorded: &Recorded) -> BTreeMap<Cell, (usize, usize)> {
    let labelling = population::Labelling::new(inputs.context);
    let mut counts: BTreeMap<Cell, (usize, usize)> = BTreeMap::new();
    for (entity, unexplained) in &recorded.changes {
        for cell in labelling.of(inputs.context.tables.entity(*entity)).cells() {
            let (without, all) = counts.entry(cell).or_default();
            *without += usize::from(*unexplained);
            *all += 1;
        }
    }
    counts
}

/// Identities all of whose people left, with the last day of the last of them.
fn leavers(tables: &Tables, as_of: i64) -> BTreeMap<EntityId, Option<i64>> {
    let mut by_person: BTreeMap<&str, Vec<EntityId>> = BTreeMap::new();
    for row in &tables.identities {
        by_person.entry(&row.person).or_default().push(row.entity);
    }
    let mut found: BTreeMap<EntityId, Vec<Option<Left>>> = BTreeMap::new();
    for person in &tables.people {
        let own = by_person.get(person.person.as_str()).into_iter().flatten().copied();
        let entities: BTreeSet<EntityId> = own.chain(person.entity).collect();
        for entity in entities {
            found.entry(entity).or_default().push(left(person, as_of));
        }
    }
    let last = |people: Vec<Option<Left>>| {
        let people: Vec<Left> = people.into_iter().collect::<Option<_>>()?;
        let days: Option<Vec<i64>> = people.into_iter().map(|left| left.on).collect();
        Some(Left { on: days.and_then(|days| days.into_iter().max()) })
    };
    found.into_iter().filter_map(|(entity, people)| Some((entity, last(people)?.on))).collect()
}

/// One part of the organisation as metrics see it.
pub(crate) struct Population<'a> {
    context: &'a Context<'a>,
    inputs: &'a Shared<'a>,
    cell: &'a Cell,
    part: &'a Part,
    spread: &'a Spread,
}

impl<'a> Population<'a> {
    fn members(&self) -> impl Iterator<Item = &'a Entity> {
        let tables = self.context.tables;
        self.part.members.iter().map(move |&member| tables.entity(member))
    }

    fn count(&self, of: impl Fn(&Entity) -> bool) -> f64 {
        float(self.members().filter(|entity| of(entity)).count())
    }

    fn score(&self, entity: EntityId) -> Option<&'a Score> {
        population::score_of(self.inputs.scores, entity)
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of principals are far below 2^52")]
pub(crate) fn float(n: usize) -> f64 {
    n as f64
}

/// The metrics could not be computed: a defect of the query, never of the data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("metrics: {0}")]
pub struct MetricsError(String);

/// Every metric of the snapshot, sorted by metric, platform, kind and domain.
///
/// # Errors
/// When the query over the columns is refused.
pub fn all(inputs: &Inputs<'_>) -> Result<Vec<Metric>, MetricsError> {
    table(inputs, &Parts::new(inputs))
}

fn table(inputs: &Inputs<'_>, parts: &Parts) -> Result<Vec<Metric>, MetricsError> {
    let spreads = spread::all(parts, inputs.scores).map_err(|error| MetricsError(error.to_string()))?;
    let (nothing, shared) = (Spread::default(), Shared::new(inputs));
    let mut rows = Vec::new();
    for (cell, part) in &parts.0 {
        let spread = spreads.get(cell).unwrap_or(&nothing);
        let population = Population { context: inputs.context, inputs: &shared, cell, part, spread };
        for definition in ALL {
            let Some(reading) = (definition.compute)(&population) else { continue };
            rows.push(Metric {
                metric: definition.id.to_owned(),
                platform: cell.platform.clone(),
                kind: cell.kind.clone(),
                domain: cell.domain.clone(),
                value: reading.value,
                low: reading.low,
                high: reading.high,
                numerator: reading.numerator,
                denominator: reading.denominator,
                coverage: reading.coverage,
            });
        }
    }
    rows.sort_by(|a, b| {
        (&a.metric, &a.platform, &a.kind, &a.domain).cmp(&(&b.metric, &b.platform, &b.kind, &b.domain))
    });
    Ok(rows)
}

#[cfg(test)]
mod tests;
