//! The parts of the organisation that every metric is given for, and who is in each.
//!
//! A part is a platform (or all), a kind of identity (`human`, `nhi`, or all) and a domain (or all). A principal of
//! which it is not known whether a person holds it is in `all` alone, never in either kind.

use std::collections::BTreeMap;

use crate::findings::Context;
use crate::model::{Entity, EntityId, Finding, FindingState, Score, Severity};

/// What a part that is not narrowed is called.
pub const WHOLE: &str = "all";

/// One part of the organisation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    pub platform: String,
    pub kind: String,
    pub domain: String,
}

/// Who is in one part, and what was found there.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Part {
    /// Principals, by number.
    pub members: Vec<EntityId>,
    /// Open findings by severity.
    pub findings: BTreeMap<Severity, u32>,
}

/// Every part, in order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Parts(pub BTreeMap<Cell, Part>);

impl Parts {
    /// Sorts principals and open findings into the parts. The parts of every platform exist even when they are empty,
    /// so that a metric has the same rows from scan to scan.
    #[must_use]
    pub fn new(context: &Context<'_>, findings: &[Finding]) -> Self {
        // Principals are many and the labels that decide their parts few: gather by labels first, name parts after.
        let mut groups: BTreeMap<Labels<'_>, Part> = BTreeMap::new();
        for entity in context.principals() {
            groups.entry(labels(entity)).or_default().members.push(entity.entity);
        }
        for finding in findings.iter().filter(|finding| finding.state != FindingState::Absent) {
            let group = groups.entry(labels_of(context, finding)).or_default();
            *group.findings.entry(finding.severity).or_default() += 1;
        }
        let mut parts = Self::default();
        for (labels, group) in &groups {
            for platform in [WHOLE, labels.0] {
                for kind in [WHOLE, "human", "nhi"] {
                    parts.0.entry(cell(platform, kind, WHOLE)).or_default();
                }
            }
            for cell in cells(*labels) {
                let part = parts.0.entry(cell).or_default();
                part.members.extend(&group.members);
                for (&severity, n) in &group.findings {
                    *part.findings.entry(severity).or_default() += n;
                }
            }
        }
        parts.0.values_mut().for_each(|part| part.members.sort_unstable());
        parts
    }
}

/// What decides the parts that an entity is in: platform, whether it is non-human, domain.
type Labels<'a> = (&'a str, Option<bool>, Option<&'a str>);

fn labels(entity: &Entity) -> Labels<'_> {
    (&entity.platform, entity.nhi, entity.domain.as_deref())
}

/// The labels of what a finding is about: where one cause affects several principals, those that they have in common.
fn labels_of<'a>(context: &Context<'a>, finding: &Finding) -> Labels<'a> {
    let own = labels(context.tables.entity(finding.entity));
    if finding.affected_n < 2 {
        return own;
    }
    let affected = finding.subjects.iter().filter_map(|&one| context.tables.entities.get(one as usize)).map(labels);
    let shared = affected.reduce(|a, b| {
        let platform = if a.0 == b.0 { a.0 } else { own.0 };
        (platform, a.1.filter(|_| a.1 == b.1), a.2.filter(|_| a.2 == b.2))
    });
    shared.unwrap_or(own)
}

fn cell(platform: &str, kind: &str, domain: &str) -> Cell {
    Cell { platform: platform.to_owned(), kind: kind.to_owned(), domain: domain.to_owned() }
}

fn cells((platform, nhi, domain): Labels<'_>) -> Vec<Cell> {
    let nature = nhi.map(|nhi| if nhi { "nhi" } else { "human" });
    let mut places = vec![(WHOLE, WHOLE), (platform, WHOLE)];
    places.extend(domain.map(|domain| (WHOLE, domain)));
    let kinds: Vec<&str> = std::iter::once(WHOLE).chain(nature).collect();
    places.iter().flat_map(|&(platform, domain)| kinds.iter().map(move |kind| cell(platform, kind, domain))).collect()
}

/// The score of a principal; scores are sorted by entity.
#[must_use]
pub fn score_of(scores: &[Score], entity: EntityId) -> Option<&Score> {
    scores.binary_search_by_key(&entity, |score| score.entity).ok().map(|at| &scores[at])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testkit::World;
    use crate::findings::{Frameworks, run};
    use crate::model::{AttachmentKind, Layer};

    #[test]
    fn a_finding_about_a_cause_counts_where_those_are_whom_it_affects() {
        for (machines, expected) in [(3, 1), (2, 0)] {
            let mut world = World::new();
            let policy = world.policy("Full");
            world.grant(policy, &["*"], Layer::Identity);
            for at in 0..3 {
                let name = format!("u{at}");
                let user = if at < machines { world.robot(&name) } else { world.user(&name) };
                world.attach(user, policy, AttachmentKind::Identity);
                world.protect(user, "administrator by effective permissions (x)");
            }
            // Whether a machine holds it is a case, and cases are told apart: without that they are one.
            world.config.thresholds.group_causes_min = 2;
            let found: [Option<u32>; 2] = world.with(|context| {
                let mut findings = run(context, &Frameworks::default()).findings;
                findings.retain(|row| row.affected_n > 1);
                if machines == 2 {
                    findings[0].subjects = context.principals().map(|entity| entity.entity.0).collect();
                }
                let parts = Parts::new(context, &findings);
                ["nhi", WHOLE]
                    .map(|kind| parts.0.get(&cell(WHOLE, kind, WHOLE)).map(|part| part.findings.values().sum()))
            });
            assert_eq!(found.map(Option::unwrap_or_default), [expected, 1], "{machines} machines");
        }
    }
}
