//! What a report may look at: one snapshot's tables and results, and names for their numbers.

use super::material::Material;
use crate::model::{Coverage, Entity, EntityId, Finding, FindingState, Results, Score, Source, Tables};

/// How many principals reach something protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Exposed {
    /// Principals that are counted: those outside the protected zone.
    pub principals: u64,
    /// Those with a certain path.
    pub certain: u64,
    /// Those with any path, certain ones included.
    pub possible: u64,
}

impl Exposed {
    /// `certain` as a percentage; null when there is nobody to count.
    #[must_use]
    pub fn certain_pct(&self) -> Option<f64> {
        percentage(self.certain, self.principals)
    }

    /// `possible` as a percentage; null when there is nobody to count.
    #[must_use]
    pub fn possible_pct(&self) -> Option<f64> {
        percentage(self.possible, self.principals)
    }
}

/// Percentage to four decimals: more would be noise of the division.
fn percentage(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| (part as f64 * 1e6 / whole as f64).round() / 1e4)
}

/// Exposure of the protected zone and of each of its members.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Exposure {
    /// The zone as a whole.
    pub zone: Exposed,
    /// Its members.
    pub targets: Vec<(EntityId, Exposed)>,
}

/// One snapshot, read only.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// Id of the snapshot.
    pub snapshot: &'a str,
    /// Time of the scan, milliseconds since 1970.
    pub as_of: i64,
    /// Files that were read.
    pub sources: &'a [Source],
    /// What was read from them.
    pub tables: &'a Tables,
    /// What was computed.
    pub results: &'a Results,
    /// How much of what could be known is known.
    pub coverage: &'a [Coverage],
    /// Who reaches what is protected.
    pub exposure: &'a Exposure,
    /// What was left out, in words; empty for a complete scan.
    pub incomplete: &'a [String],
    /// What is said beyond the tables.
    pub material: &'a Material,
}

impl<'a> View<'a> {
    /// The entity of a number; `None` for a number of another snapshot.
    #[must_use]
    pub fn entity(&self, id: EntityId) -> Option<&'a Entity> {
        self.tables.entities.get(id.index())
    }

    /// Full id of an entity, or its number where there is no such entity.
    #[must_use]
    pub fn id(&self, id: EntityId) -> String {
        self.entity(id).map_or_else(|| format!("#{}", id.0), |entity| entity.id.clone())
    }

    /// Findings that are there now, most urgent first, then by rule and entity.
    #[must_use]
    pub fn findings(&self) -> Vec<&'a Finding> {
        let mut rows: Vec<&Finding> =
            self.results.findings.iter().filter(|finding| finding.state != FindingState::Absent).collect();
        rows.sort_by(|a, b| {
            (a.severity, &a.rule, a.entity, &a.fingerprint).cmp(&(b.severity, &b.rule, b.entity, &b.fingerprint))
        });
        rows
    }

    /// Scores, highest risk first.
    #[must_use]
    pub fn scores(&self) -> Vec<&'a Score> {
        let mut rows: Vec<&Score> = self.results.scores.iter().collect();
        rows.sort_by(|a, b| b.risk.total_cmp(&a.risk).then(a.entity.cmp(&b.entity)));
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_null_when_nobody_is_counted() {
        assert_eq!(Exposed::default().certain_pct(), None);
        let third = Exposed { principals: 3, certain: 1, possible: 3 };
        assert_eq!((third.certain_pct(), third.possible_pct()), (Some(33.3333), Some(100.0)));
    }
}
