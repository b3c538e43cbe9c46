//! A change of access that no record explains.

use std::collections::BTreeMap;

use super::facts::count;
use super::history::fingerprint;
use super::severity::Rank;
use super::{Context, Draft, Frameworks, Info, Rule, sort};
use crate::model::{EntityId, Finding, FindingState};

/// See [`Info::meaning`].
pub struct UnexplainedChange;

/// Id of the rule.
pub const RULE: &str = "unexplained-change";
/// It gives access to who is protected.
const PROTECTED: &str = "protected";
/// It gives access to who is on the way there.
const NEAR: &str = "near";
/// It gives access to anyone else.
const OTHER: &str = "other";

const INFO: Info = Info {
    id: RULE,
    title: "Access was added without a record",
    meaning: "A grant, membership, attachment, trust or credential came since the snapshot before, and no approved \
              decision of the ledger was to add it. It stays open until it is gone or a decision that names it is \
              recorded. Looked for only where the store has a ledger.",
    remediation: "Find out who made the change and why. Record the decision with its rows if it was right, or take it \
                  back.",
    cases: &[
        (PROTECTED, "whom it gives access to is in the protected zone"),
        (NEAR, "a certain path leads from there to the protected zone"),
        (OTHER, "anyone else"),
    ],
};

/// A row that came without a record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// Whom it is about.
    pub entity: EntityId,
    /// What came, in words that outlive a scan: the evidence of the finding.
    pub fact: String,
}

impl Rule for UnexplainedChange {
    fn info(&self) -> &'static Info {
        &INFO
    }

    /// Nothing: it takes the snapshot before and the ledger, which [`apply`] is given.
    fn check(&self, _: &Context<'_>) -> Vec<Draft> {
        Vec::new()
    }
}

/// Adds a finding for every entity that access was added to without a record.
pub fn apply(context: &Context<'_>, frameworks: &Frameworks, changes: &[Change], findings: &mut Vec<Finding>) {
    let mut by_entity: BTreeMap<EntityId, Vec<&str>> = BTreeMap::new();
    for change in changes {
        by_entity.entry(change.entity).or_default().push(&change.fact);
    }
    for (entity, mut facts) in by_entity {
        let id = context.tables.entity(entity).id.as_str();
        if context.config.exclusion(RULE, id).is_some() {
            continue;
        }
        facts.sort_unstable();
        facts.dedup();
        let case = match context.rank(entity) {
            Rank::Zone => PROTECTED,
            Rank::Near => NEAR,
            Rank::Other => OTHER,
        };
        let n = count(facts.len(), "change");
        let have = if facts.len() == 1 { "has" } else { "have" };
        findings.push(Finding {
            fingerprint: fingerprint(RULE, id, &[]),
            rule: RULE.to_owned(),
            severity: context.config.severity(RULE, case),
            entity,
            title: format!("{n} of access of {} {have} no record", context.call(entity)),
            subjects: Vec::new(),
            evidence: facts.into_iter().map(str::to_owned).collect(),
            frameworks: frameworks.of_rule(RULE).to_vec(),
            first_seen: context.facts.as_of,
            state: FindingState::New,
            exception: None,
            affected_n: 1,
        });
    }
    sort(findings);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testkit::{ACCOUNT, World};
    use crate::model::Severity;

    #[test]
    fn an_entity_has_one_finding_with_all_that_came() {
        let mut world = World::new();
        world.user("ann");
        let root = world.root();
        world.protect(root, "root user");
        let found = world.with(|context| {
            let of = |name: &str| context.tables.find(name).expect("it is there");
            let (ann, root) = (of(&World::user_id("ann")), of(&format!("arn:aws:iam::{ACCOUNT}:root")));
            let change = |entity, fact: &str| Change { entity, fact: fact.to_owned() };
            let changes = [change(ann, "b"), change(root, "c"), change(ann, "a"), change(ann, "b")];
            let mut findings = Vec::new();
            apply(context, &Frameworks::default(), &changes, &mut findings);
            findings
        });
        let rows: Vec<(Severity, Vec<String>)> = found.iter().map(|row| (row.severity, row.evidence.clone())).collect();
        assert_eq!(rows, [(Severity::Critical, vec!["c".into()]), (Severity::Medium, vec!["a".into(), "b".into()])]);
        assert_eq!(found[1].title, "2 changes of access of user `ann` have no record");
    }
}
