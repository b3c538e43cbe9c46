//! A domain in numbers: who is there, what should not be so, who comes how far, and how the risk is spread.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Part, Scope};
use crate::model::{Certainty, EntityKind, FindingState};

impl Scope {
    /// `{entities{KIND}, principals, nhis, humans, agents, findings{by_severity, by_rule}, paths{certain, conditional},
    /// risk{median, p90, max}}`. Findings and paths are those of entities of the domain; risk is null without a score.
    #[must_use]
    pub fn summary(&self) -> Value {
        let results = &self.world().results;
        let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
        for entity in self.entities() {
            *kinds.entry(entity.kind.as_str()).or_default() += 1;
        }
        let (mut severities, mut rules) = (BTreeMap::<&str, usize>::new(), BTreeMap::<&str, usize>::new());
        for &row in self.rows(Part::Findings) {
            let finding = &results.findings[row as usize];
            if finding.state != FindingState::Absent && self.holds(finding.entity) {
                *severities.entry(finding.severity.as_str()).or_default() += 1;
                *rules.entry(finding.rule.as_str()).or_default() += 1;
            }
        }
        let mut risks: Vec<f64> =
            self.rows(Part::Scores).iter().map(|&row| results.scores[row as usize].risk).collect();
        risks.sort_by(f64::total_cmp);
        let paths = |certainty| {
            let of = self.rows(Part::Paths).iter().map(|&row| &results.paths[row as usize]);
            of.filter(|path| path.certainty == certainty && self.holds(path.entity)).count()
        };
        let principals = || self.entities().filter(|entity| entity.is_principal());
        json!({
            "entities": kinds,
            "principals": principals().count(),
            "nhis": principals().filter(|entity| entity.nhi == Some(true)).count(),
            "humans": principals().filter(|entity| entity.nhi == Some(false)).count(),
            "agents": principals().filter(|entity| entity.kind == EntityKind::Agent).count(),
            "findings": {"by_severity": severities, "by_rule": rules},
            "paths": {"certain": paths(Certainty::Certain), "conditional": paths(Certainty::Conditional)},
            "risk": {"median": quantile(&risks, 0.5), "p90": quantile(&risks, 0.9), "max": risks.last()},
        })
    }
}

/// The smallest value that at least a share of the sorted values do not exceed; `None` of nothing.
fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let index = (share * sorted.len() as f64).ceil();
    // A share of the length of a list is a place in it.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and the length of a list")]
    let at = (index as usize).max(1);
    sorted.get(at - 1).copied()
}
