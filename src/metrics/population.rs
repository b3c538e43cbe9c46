//! The parts of the organisation that every metric is given for, and who is in each.
//!
//! A part is a platform (or all), a kind of identity (or all) and a domain (or all). The kinds overlap: an agent and
//! what a third party may act as are non-human identities too. A principal of which it is not known whether a person
//! holds it is neither `human` nor `nhi`.

use std::collections::{BTreeMap, BTreeSet};

use super::Inputs;
use crate::findings::exceptions::matches;
use crate::findings::{Context, trust};
use crate::model::{Entity, EntityId, EntityKind, ExceptionStatus, Finding, FindingState, Score, Severity};

/// What a part that is not narrowed is called.
pub const WHOLE: &str = "all";

/// Kinds of identity that have parts of their own.
pub const KINDS: [&str; 4] = ["human", "nhi", "agent", "third_party"];

/// The rule whose findings are conflicts of duties.
pub const DUTY_RULE: &str = "sod-conflict";

/// One part of the organisation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    pub platform: String,
    pub kind: String,
    pub domain: String,
}

impl Cell {
    /// Whether it is the organisation as a whole.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        [&self.platform, &self.kind, &self.domain].iter().all(|name| *name == WHOLE)
    }
}

/// Who is in one part, and what was found there.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Part {
    /// Principals, by number.
    pub members: Vec<EntityId>,
    /// Open findings by severity.
    pub findings: BTreeMap<Severity, u32>,
    /// Of them, those that an exception covers.
    pub covered: BTreeMap<Severity, u32>,
    /// Open findings of conflicts of duties.
    pub duty_conflicts: u32,
    /// Exceptions that are about a finding of the part; in the whole, all exceptions.
    pub exceptions: BTreeMap<ExceptionStatus, u32>,
}

/// Every part, in order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Parts(pub BTreeMap<Cell, Part>);

impl Part {
    fn count(&mut self, finding: &Finding) {
        *self.findings.entry(finding.severity).or_default() += 1;
        if finding.exception.is_some() {
            *self.covered.entry(finding.severity).or_default() += 1;
        }
        self.duty_conflicts += u32::from(finding.rule == DUTY_RULE);
    }

    fn take(&mut self, other: &Self) {
        self.members.extend(&other.members);
        for (own, others) in [(&mut self.findings, &other.findings), (&mut self.covered, &other.covered)] {
            for (&severity, n) in others {
                *own.entry(severity).or_default() += n;
            }
        }
        self.duty_conflicts += other.duty_conflicts;
    }
}

impl Parts {
    /// Sorts principals, open findings and exceptions into the parts. The parts of every platform exist even when they
    /// are empty, so that a metric has the same rows from scan to scan.
    #[must_use]
    pub fn new(inputs: &Inputs<'_>) -> Self {
        // Principals are many and the labels that decide their parts few: gather by labels first, name parts after.
        let labelling = Labelling::new(inputs.context);
        let mut groups: BTreeMap<Labels<'_>, Part> = BTreeMap::new();
        for entity in inputs.context.principals() {
            groups.entry(labelling.of(entity)).or_default().members.push(entity.entity);
        }
        for finding in inputs.findings.iter().filter(|finding| finding.state != FindingState::Absent) {
            groups.entry(labelling.of_finding(finding)).or_default().count(finding);
        }
        let mut parts = Self::default();
        for (labels, group) in &groups {
            for platform in [WHOLE, labels.platform] {
                for kind in std::iter::once(WHOLE).chain(KINDS) {
                    parts.0.entry(cell(platform, kind, WHOLE)).or_default();
                }
            }
            for cell in labels.cells() {
                parts.0.entry(cell).or_default().take(group);
            }
        }
        parts.0.values_mut().for_each(|part| part.members.sort_unstable());
        parts.add_exceptions(inputs, &labelling);
        parts
    }

    fn add_exceptions(&mut self, inputs: &Inputs<'_>, labelling: &Labelling<'_>) {
        let tables = inputs.context.tables;
        let places = matches(tables, inputs.exceptions, inputs.findings);
        for (row, places) in inputs.exceptions.iter().zip(places) {
            let about = places.iter().map(|&at| labelling.of_finding(&inputs.findings[at]));
            let labels: BTreeSet<Labels<'_>> = about.collect();
            let mut cells: BTreeSet<Cell> = labels.iter().flat_map(Labels::cells).collect();
            cells.insert(cell(WHOLE, WHOLE, WHOLE));
            for cell in cells {
                *self.0.entry(cell).or_default().exceptions.entry(row.status).or_default() += 1;
            }
        }
    }
}

/// Says which parts an entity is in.
pub struct Labelling<'a> {
    context: &'a Context<'a>,
    /// Principals that a workflow with a model runs as.
    agents: BTreeSet<EntityId>,
}

impl<'a> Labelling<'a> {
    /// Looks up what the tables say of agents.
    #[must_use]
    pub fn new(context: &'a Context<'a>) -> Self {
        let workflows = context.tables.workflows.iter().filter(|row| row.ai == Some(true));
        Self { context, agents: workflows.filter_map(|row| row.principal).collect() }
    }

    /// What decides the parts of an entity.
    #[must_use]
    pub fn of(&self, entity: &'a Entity) -> Labels<'a> {
        Labels {
            agent: self.agents.contains(&entity.entity) || entity.kind == EntityKind::Agent,
            third_party: entity.is_principal() && trust::outsider(self.context, entity.entity).is_some(),
            ..Labels::of_row(entity)
        }
    }

    /// What decides the parts of what a finding is about: where one cause affects several principals, what they have
    /// in common.
    #[must_use]
    pub fn of_finding(&self, finding: &Finding) -> Labels<'a> {
        let tables = self.context.tables;
        let own = self.of(tables.entity(finding.entity));
        if finding.affected_n < 2 {
            return own;
        }
        let affected = finding.subjects.iter().filter_map(|&one| tables.entities.get(one as usize));
        let shared = affected.map(|entity| self.of(entity)).reduce(|a, b| Labels {
            platform: if a.platform == b.platform { a.platform } else { own.platform },
            nhi: a.nhi.filter(|_| a.nhi == b.nhi),
            agent: a.agent && b.agent,
            third_party: a.third_party && b.third_party,
            domain: a.domain.filter(|_| a.domain == b.domain),
        });
        shared.unwrap_or(own)
    }
}

/// What decides the parts that an entity is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Labels<'a> {
    pub platform: &'a str,
    pub nhi: Option<bool>,
    /// A model decides what it does.
    pub agent: bool,
    /// Someone outside the organisation may act as it.
    pub third_party: bool,
    pub domain: Option<&'a str>,
}

impl<'a> Labels<'a> {
    /// What the row of an entity alone says.
    #[must_use]
    pub fn of_row(entity: &'a Entity) -> Self {
        Self {
            platform: &entity.platform,
            nhi: entity.nhi,
            agent: entity.kind == EntityKind::Agent,
            third_party: false,
            domain: entity.domain.as_deref(),
        }
    }

    /// The parts, without regard to order.
    #[must_use]
    pub fn cells(&self) -> Vec<Cell> {
        let mut places = vec![(WHOLE, WHOLE), (self.platform, WHOLE)];
        places.extend(self.domain.map(|domain| (WHOLE, domain)));
        let mut kinds = vec![WHOLE];
        kinds.extend(self.nhi.map(|nhi| if nhi { "nhi" } else { "human" }));
        kinds.extend(self.agent.then_some("agent"));
        kinds.extend(self.third_party.then_some("third_party"));
        places
            .iter()
            .flat_map(|&(platform, domain)| kinds.iter().map(move |kind| cell(platform, kind, domain)))
            .collect()
    }
}

fn cell(platform: &str, kind: &str, domain: &str) -> Cell {
    Cell { platform: platform.to_owned(), kind: kind.to_owned(), domain: domain.to_owned() }
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
                let parts = Parts::new(&Inputs::new(context, &[], &findings));
                ["nhi", WHOLE]
                    .map(|kind| parts.0.get(&cell(WHOLE, kind, WHOLE)).map(|part| part.findings.values().sum()))
            });
            assert_eq!(found.map(Option::unwrap_or_default), [expected, 1], "{machines} machines");
        }
    }
}
