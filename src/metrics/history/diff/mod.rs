//! What differs between two snapshots, row by row.
//!
//! Rows are told apart by what they say in full ids, never by their numbers: a statement that moved to another place
//! in its policy, or got another number because of a new entity, is no difference. A statement that is gone and one
//! that came at the same place of the same policy are one that changed. What changes with every scan by itself (times
//! of last use, ages, places in export files) is not compared.

mod compare;
mod rows;

use std::collections::BTreeMap;

pub use compare::{Changed, Changes, Field, Row};
pub use rows::{AttachmentRow, CredentialRow, EntityRow, GrantRow, MembershipRow};

use crate::findings::history::digest;
use crate::metrics::newcombe;
use crate::model::{Finding, FindingState, Metric, Score, Tables};

/// What is compared of one snapshot.
#[derive(Debug, Clone, Copy)]
pub struct Shot<'s> {
    pub tables: &'s Tables,
    pub findings: &'s [Finding],
    pub scores: &'s [Score],
    pub metrics: &'s [Metric],
}

/// A finding of one of the snapshots.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct FindingRow<'s> {
    pub fingerprint: &'s str,
    pub rule: &'s str,
    pub severity: crate::model::Severity,
    pub entity: &'s str,
    pub entity_name: &'s str,
    pub title: &'s str,
    /// From the first snapshot to the second, whatever lies between.
    pub state: FindingState,
}

/// A number before and after; null where it is unknown.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Delta {
    pub before: Option<f64>,
    pub after: Option<f64>,
    /// After less before; null unless both are known.
    pub delta: Option<f64>,
}

impl Delta {
    /// The two numbers and their difference.
    #[must_use]
    pub fn new(before: Option<f64>, after: Option<f64>) -> Self {
        Self { before, after, delta: before.zip(after).map(|(before, after)| after - before) }
    }

    /// Whether the two differ by more than rounding, or one alone is known.
    #[must_use]
    pub fn differs(&self) -> bool {
        match (self.before, self.after) {
            (Some(before), Some(after)) => (before - after).abs() > 1e-9 * before.abs().max(after.abs()).max(1.0),
            (before, after) => before.is_some() != after.is_some(),
        }
    }
}

/// Scores of a principal of both snapshots that changed.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct ScoreRow<'s> {
    pub entity: &'s str,
    pub name: &'s str,
    pub risk: Delta,
    pub excess: Delta,
    pub orphan: Delta,
    pub escalation: Delta,
    pub credential: Delta,
}

/// A metric that changed, came or went; unknown where the snapshot does not have it.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct MetricRow<'s> {
    pub metric: &'s str,
    pub platform: &'s str,
    pub kind: &'s str,
    pub domain: &'s str,
    #[serde(flatten)]
    pub value: Delta,
    /// Lower end of the interval of the change at 95 % ([`newcombe`]); null for what is no share.
    pub delta_low: Option<f64>,
    /// Upper end of it.
    pub delta_high: Option<f64>,
}

/// All differences.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Diff<'s> {
    /// Entities that an export defines.
    pub entities: Changes<EntityRow<'s>>,
    pub memberships: Changes<MembershipRow<'s>>,
    pub attachments: Changes<AttachmentRow<'s>>,
    pub grants: Changes<GrantRow<'s>>,
    pub credentials: Changes<CredentialRow<'s>>,
    /// Open in the second only, most urgent first; state `new` or `reopened`.
    pub findings_added: Vec<FindingRow<'s>>,
    /// Open in the first only; state `absent`.
    pub findings_removed: Vec<FindingRow<'s>>,
    /// Open in both with another content, ages aside; state `updated`.
    pub findings_changed: Vec<FindingRow<'s>>,
    /// Largest change of risk first.
    pub scores: Vec<ScoreRow<'s>>,
    /// Sorted by metric, platform, kind and domain.
    pub metrics: Vec<MetricRow<'s>>,
}

/// Compares two snapshots.
#[must_use]
pub fn diff<'s>(a: &Shot<'s>, b: &Shot<'s>) -> Diff<'s> {
    let mut found = Diff {
        entities: compare::compare(rows::entities(a.tables), rows::entities(b.tables)),
        memberships: compare::compare(rows::memberships(a.tables), rows::memberships(b.tables)),
        attachments: compare::compare(rows::attachments(a.tables), rows::attachments(b.tables)),
        grants: rows::pair_statements(compare::compare(rows::grants(a.tables), rows::grants(b.tables))),
        credentials: compare::compare(rows::credentials(a.tables), rows::credentials(b.tables)),
        scores: scores(a, b),
        metrics: metrics(a.metrics, b.metrics),
        ..Diff::default()
    };
    findings(a, b, &mut found);
    found
}

fn findings<'s>(a: &Shot<'s>, b: &Shot<'s>, found: &mut Diff<'s>) {
    let by_name = |shot: &Shot<'s>| -> BTreeMap<&'s str, &'s Finding> {
        shot.findings.iter().map(|row| (row.fingerprint.as_str(), row)).collect()
    };
    let is_open = |row: &&Finding| row.state != FindingState::Absent;
    let (then, now) = (by_name(a), by_name(b));
    for (name, row) in &now {
        let before = then.get(name).copied();
        if !is_open(row) {
            continue;
        }
        match before.filter(is_open) {
            None => {
                let state = if before.is_some() { FindingState::Reopened } else { FindingState::New };
                found.findings_added.push(finding(b, row, state));
            }
            Some(old) if digest(old, a.tables) != digest(row, b.tables) => {
                found.findings_changed.push(finding(b, row, FindingState::Updated));
            }
            Some(_) => {}
        }
    }
    let gone = then.iter().filter(|(name, row)| is_open(row) && !now.get(*name).is_some_and(is_open));
    found.findings_removed = gone.map(|(_, row)| finding(a, row, FindingState::Absent)).collect();
    for list in [&mut found.findings_added, &mut found.findings_removed, &mut found.findings_changed] {
        list.sort_by_key(|row| (row.severity, row.rule, row.entity, row.fingerprint));
    }
}

fn finding<'s>(of: &Shot<'s>, row: &'s Finding, state: FindingState) -> FindingRow<'s> {
    let entity = of.tables.entities.get(row.entity.index());
    FindingRow {
        fingerprint: &row.fingerprint,
        rule: &row.rule,
        severity: row.severity,
        entity: entity.map_or("", |entity| &entity.id),
        entity_name: entity.map_or("", |entity| &entity.name),
        title: &row.title,
        state,
    }
}

fn scores<'s>(a: &Shot<'s>, b: &Shot<'s>) -> Vec<ScoreRow<'s>> {
    let entity = |shot: &Shot<'s>, row: &Score| shot.tables.entities.get(row.entity.index());
    let then: BTreeMap<&str, &Score> =
        a.scores.iter().filter_map(|row| Some((entity(a, row)?.id.as_str(), row))).collect();
    let mut found = Vec::new();
    for new in b.scores {
        let Some(entity) = entity(b, new) else { continue };
        let Some(old) = then.get(entity.id.as_str()) else { continue };
        let row = ScoreRow {
            entity: &entity.id,
            name: &entity.name,
            risk: Delta::new(Some(old.risk), Some(new.risk)),
            excess: Delta::new(old.excess, new.excess),
            orphan: Delta::new(old.orphan, new.orphan),
            escalation: Delta::new(old.escalation, new.escalation),
            credential: Delta::new(old.credential, new.credential),
        };
        if [row.risk, row.excess, row.orphan, row.escalation, row.credential].iter().any(Delta::differs) {
            found.push(row);
        }
    }
    let size = |row: &ScoreRow<'_>| row.risk.delta.unwrap_or(0.0).abs();
    found.sort_by(|x, y| size(y).total_cmp(&size(x)).then(x.entity.cmp(y.entity)));
    found
}

fn metrics<'s>(a: &'s [Metric], b: &'s [Metric]) -> Vec<MetricRow<'s>> {
    type Rows<'s> = (Option<&'s Metric>, Option<&'s Metric>);
    let mut rows: BTreeMap<(&str, &str, &str, &str), Rows<'s>> = BTreeMap::new();
    let key = |row: &'s Metric| (row.metric.as_str(), row.platform.as_str(), row.kind.as_str(), row.domain.as_str());
    for row in a {
        rows.entry(key(row)).or_default().0 = Some(row);
    }
    for row in b {
        rows.entry(key(row)).or_default().1 = Some(row);
    }
    let row = |((metric, platform, kind, domain), (before, after)): (_, Rows<'s>)| {
        let value = Delta::new(before.and_then(|row| row.value), after.and_then(|row| row.value));
        let ends = before.zip(after).and_then(|(before, after)| newcombe::change(before, after));
        let (delta_low, delta_high) = ends.unzip();
        value.differs().then_some(MetricRow { metric, platform, kind, domain, value, delta_low, delta_high })
    };
    rows.into_iter().filter_map(row).collect()
}

#[cfg(test)]
mod tests;
