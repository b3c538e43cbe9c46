//! What should not be so: one rule a file, each a plain question to one snapshot, and one way to finish its answers.
//!
//! A rule says what it means, what to do about it, and which *cases* it tells apart; the configuration says how severe
//! each case is, and data says which framework controls it speaks to. A rule never looks at names to leave something
//! out: nothing is hidden unless the configuration says so with a reason.

mod administrator_equivalent;
mod console_user_without_mfa;
mod dangling_reference;
mod deleted_principal_trust;
mod dormant_administrator;
mod escalation_path;
pub mod exceptions;
pub mod facts;
pub mod frameworks;
pub mod history;
mod human_use_of_nhi;
mod key_age;
pub mod keys;
mod leaver_access;
pub mod lifecycle;
mod orphaned_nhi;
mod partially_offboarded;
mod root_access_key;
mod second_active_key;
mod shared_nhi;
mod stale_exception;
mod stale_principal;
#[cfg(test)]
pub(crate) mod testkit;
mod third_party_no_external_id;
mod third_party_principal;
pub mod trust;
mod unconditioned_external_trust;
mod unused_key;
mod unused_service;
mod wildcard_trust;

use std::collections::BTreeMap;

pub use facts::{Context, DAY, Facts, LastUse};
pub use frameworks::{FrameworkError, Frameworks};

use crate::model::{EntityId, Finding, FindingState};

/// Every rule, in the order of the documentation.
pub const ALL: &[&dyn Rule] = &[
    &escalation_path::EscalationPath,
    &administrator_equivalent::AdministratorEquivalent,
    &wildcard_trust::WildcardTrust,
    &unconditioned_external_trust::UnconditionedExternalTrust,
    &third_party_no_external_id::ThirdPartyNoExternalId,
    &deleted_principal_trust::DeletedPrincipalTrust,
    &dangling_reference::DanglingReference,
    &key_age::KeyAge,
    &unused_key::UnusedKey,
    &second_active_key::SecondActiveKey,
    &console_user_without_mfa::ConsoleUserWithoutMfa,
    &root_access_key::RootAccessKey,
    &unused_service::UnusedService,
    &leaver_access::LeaverAccess,
    &partially_offboarded::PartiallyOffboarded,
    &orphaned_nhi::OrphanedNhi,
    &dormant_administrator::DormantAdministrator,
    &shared_nhi::SharedNhi,
    &human_use_of_nhi::HumanUseOfNhi,
    &third_party_principal::ThirdPartyPrincipal,
    &stale_principal::StalePrincipal,
    &stale_exception::StaleException,
];

/// What a rule is, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Info {
    /// Stable id.
    pub id: &'static str,
    /// What it finds, in a few words.
    pub title: &'static str,
    /// What a finding means and why it matters.
    pub meaning: &'static str,
    /// What to do about it.
    pub remediation: &'static str,
    /// The cases that severity goes by, each with when it holds.
    pub cases: &'static [(&'static str, &'static str)],
}

/// One question to a snapshot.
pub trait Rule: Sync {
    /// What the rule is.
    fn info(&self) -> &'static Info;

    /// Everything that it finds, in an order that depends on the tables alone.
    fn check(&self, context: &Context<'_>) -> Vec<Draft>;
}

/// A finding before severity, references and history are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Whom it is about.
    pub entity: EntityId,
    /// One of the rule's cases.
    pub case: &'static str,
    /// One sentence with names.
    pub title: String,
    /// Other entities that take part.
    pub subjects: Vec<EntityId>,
    /// What tells this finding from another of the same rule about the same entity, as ids that outlive a scan.
    pub key: Vec<String>,
    /// One fact each.
    pub evidence: Vec<String>,
}

/// A finding that the configuration leaves out, with the reason that it gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excluded {
    pub fingerprint: String,
    pub rule: &'static str,
    pub entity: EntityId,
    pub reason: String,
}

/// What all rules together found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcome {
    /// Sorted by severity, rule, entity and fingerprint; all of them new until [`history::carry_over`] compares.
    pub findings: Vec<Finding>,
    pub excluded: Vec<Excluded>,
}

/// Asks every rule. Findings of the same fingerprint are one: the first with the evidence of all.
#[must_use]
pub fn run(context: &Context<'_>, frameworks: &Frameworks) -> Outcome {
    let mut outcome = Outcome::default();
    for rule in ALL {
        let info = rule.info();
        for draft in rule.check(context) {
            finish(context, frameworks, info, draft, &mut outcome);
        }
    }
    merge(&mut outcome.findings);
    sort(&mut outcome.findings);
    outcome
}

/// Puts findings into the order in which they are stored: severity, rule, entity, fingerprint.
pub(crate) fn sort(findings: &mut [Finding]) {
    findings.sort_by(|a, b| {
        (a.severity, &a.rule, a.entity, &a.fingerprint).cmp(&(b.severity, &b.rule, b.entity, &b.fingerprint))
    });
}

fn finish(context: &Context<'_>, frameworks: &Frameworks, info: &'static Info, draft: Draft, outcome: &mut Outcome) {
    let id = context.tables.entity(draft.entity).id.as_str();
    let fingerprint = history::fingerprint(info.id, id, &draft.key);
    if let Some(reason) = context.config.exclusion(info.id, id) {
        let reason = reason.to_owned();
        outcome.excluded.push(Excluded { fingerprint, rule: info.id, entity: draft.entity, reason });
        return;
    }
    let mut subjects: Vec<u32> = draft.subjects.iter().map(|subject| subject.0).collect();
    subjects.sort_unstable();
    subjects.dedup();
    outcome.findings.push(Finding {
        fingerprint,
        rule: info.id.to_owned(),
        severity: context.config.severity(info.id, draft.case),
        entity: draft.entity,
        title: draft.title,
        subjects,
        evidence: draft.evidence,
        frameworks: frameworks.of_rule(info.id).to_vec(),
        first_seen: context.facts.as_of,
        state: FindingState::New,
        exception: None,
    });
}

fn merge(findings: &mut Vec<Finding>) {
    let mut place: BTreeMap<String, usize> = BTreeMap::new();
    let mut merged: Vec<Finding> = Vec::with_capacity(findings.len());
    for finding in findings.drain(..) {
        if let Some(&at) = place.get(&finding.fingerprint) {
            let first = &mut merged[at];
            first.severity = first.severity.min(finding.severity);
            first.evidence.extend(finding.evidence);
            first.subjects.extend(finding.subjects);
            first.subjects.sort_unstable();
            first.subjects.dedup();
        } else {
            place.insert(finding.fingerprint.clone(), merged.len());
            merged.push(finding);
        }
    }
    *findings = merged;
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::testkit::World;
    use super::*;
    use crate::config::{Config, Exclude};
    use crate::model::{CredentialKind, Severity};

    fn old_key(world: &mut World) {
        let ann = world.user("ann");
        world.credential(ann, "AKIA1", CredentialKind::AccessKey, 100, Some(1));
    }

    fn findings(world: World) -> Outcome {
        world.with(|context| run(context, &Frameworks::embedded().unwrap_or_default()))
    }

    #[test]
    fn a_finding_is_finished_with_severity_references_and_a_name_that_outlives_other_changes() {
        let mut world = World::new();
        old_key(&mut world);
        let alone = findings(world).findings;
        assert_eq!(alone.len(), 1);
        let finding = &alone[0];
        assert_eq!((finding.rule.as_str(), finding.severity), ("key-age", Severity::Medium));
        assert!(finding.frameworks.contains(&"owasp-nhi:2025:NHI7".to_owned()));
        assert_eq!((finding.state, finding.first_seen), (FindingState::New, testkit::NOW));
        let mut world = World::new();
        world.role("aaa");
        old_key(&mut world);
        let beside = findings(world).findings;
        assert_ne!(beside[0].entity, finding.entity, "numbers shift");
        assert_eq!(beside[0].fingerprint, finding.fingerprint, "names do not");
    }

    #[test]
    fn only_the_configuration_leaves_something_out_and_says_why() {
        let mut world = World::new();
        old_key(&mut world);
        let reason = "replaced next week".to_owned();
        world.config.exclude.push(Exclude {
            rule: "key-age".into(),
            pattern: "*:user/ann".into(),
            reason: reason.clone(),
        });
        let outcome = findings(world);
        assert!(outcome.findings.is_empty());
        assert_eq!(outcome.excluded.len(), 1);
        assert_eq!((outcome.excluded[0].rule, &outcome.excluded[0].reason), ("key-age", &reason));
    }

    #[test]
    fn findings_of_one_name_become_one_with_the_evidence_of_both() {
        let mut world = World::new();
        old_key(&mut world);
        let mut twice = findings(world).findings;
        twice.push(Finding { severity: Severity::High, evidence: vec!["b".to_owned()], ..twice[0].clone() });
        let facts = twice[0].evidence.len();
        merge(&mut twice);
        assert_eq!((twice.len(), twice[0].severity, twice[0].evidence.len()), (1, Severity::High, facts + 1));
    }

    #[test]
    fn the_severity_table_has_exactly_the_cases_of_the_rules() -> Result<(), crate::config::ConfigError> {
        let config = Config::embedded()?;
        let of_rules: BTreeSet<(&str, &str)> =
            ALL.iter().flat_map(|rule| rule.info().cases.iter().map(|case| (rule.info().id, case.0))).collect();
        let of_config: BTreeSet<(&str, &str)> = config
            .severity
            .iter()
            .flat_map(|(rule, cases)| cases.keys().map(move |case| (rule.as_str(), case.as_str())))
            .collect();
        assert_eq!(of_rules, of_config);
        Ok(())
    }

    #[test]
    fn every_rule_says_what_it_means_and_what_to_do_in_sentences() {
        for rule in ALL {
            let info = rule.info();
            assert!(info.meaning.ends_with('.') && info.remediation.ends_with('.'), "{}", info.id);
            assert!(!info.title.ends_with('.') && !info.cases.is_empty(), "{}", info.id);
        }
    }
}
