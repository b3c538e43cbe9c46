//! What should not be so: one rule a file, each a plain question to one snapshot, and one way to finish its answers.
//!
//! A rule says what it means, what to do about it, and which *cases* it tells apart; the configuration says how severe
//! each case is, and data says which framework controls it speaks to. A rule never looks at names to leave something
//! out: nothing is hidden unless the configuration says so with a reason.

mod administrator_equivalent;
mod agent_blast_radius;
mod agent_no_human_approval;
mod agent_propose_only;
pub mod agent_scope_creep;
mod agent_shared_identity;
mod agent_standing_write;
mod agent_unmapped;
pub mod agents;
pub mod approvers;
pub mod asked;
pub mod causes;
mod ci_static_credential;
mod console_user_without_mfa;
mod dangling_reference;
mod deleted_principal_trust;
mod dormant_administrator;
mod environment_crossing;
mod escalation_path;
pub mod exceptions;
pub mod facts;
pub mod frameworks;
pub mod handoffs;
pub mod history;
mod human_use_of_nhi;
mod insecure_authentication;
mod key_age;
pub mod keys;
mod leaked_secret;
mod leaver_access;
pub mod lifecycle;
mod long_lived_credential;
mod orphaned_nhi;
mod overprivileged_nhi;
mod partially_offboarded;
mod root_access_key;
mod second_active_key;
pub mod severity;
mod shared_nhi;
mod sod_conflict;
mod stale_exception;
mod stale_principal;
#[cfg(test)]
pub(crate) mod testkit;
mod third_party_no_external_id;
mod third_party_principal;
pub mod trust;
mod unconditioned_external_trust;
pub mod unexplained_change;
mod unused_key;
mod unused_service;
mod wildcard_trust;

use std::collections::BTreeMap;

pub use asked::Asked;
pub use causes::Cause;
pub use facts::{Context, DAY, Facts, LastUse};
pub use frameworks::{FrameworkError, Frameworks};

use crate::model::{EntityId, Finding, FindingState, Severity};

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
    &sod_conflict::SodConflict,
    &overprivileged_nhi::OverprivilegedNhi,
    &leaked_secret::LeakedSecret,
    &insecure_authentication::InsecureAuthentication,
    &ci_static_credential::CiStaticCredential,
    &environment_crossing::EnvironmentCrossing,
    &long_lived_credential::LongLivedCredential,
    &agent_shared_identity::AgentSharedIdentity,
    &agent_standing_write::AgentStandingWrite,
    &agent_blast_radius::AgentBlastRadius,
    &agent_no_human_approval::AgentNoHumanApproval,
    &agent_unmapped::AgentUnmapped,
    &agent_propose_only::AgentProposeOnly,
    &agent_scope_creep::AgentScopeCreep,
    &stale_exception::StaleException,
    &unexplained_change::UnexplainedChange,
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

    /// How urgent a draft is when its input says so itself; the configuration's table of cases decides otherwise.
    fn stated_severity(&self, _context: &Context<'_>, _draft: &Draft) -> Option<Severity> {
        None
    }
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
    /// What alone makes it so, where others can be affected by the same.
    pub cause: Option<Cause>,
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
    let accepted = exceptions::Accepted::new(context.tables);
    for rule in ALL {
        let id = |draft: &Draft| context.tables.entity(draft.entity).id.as_str();
        let excluded = |draft: &Draft| context.config.exclusion(rule.info().id, id(draft)).is_some();
        // Whoever is left out is not counted among those whom a cause affects.
        let (out, mut kept): (Vec<Draft>, Vec<Draft>) = rule.check(context).into_iter().partition(excluded);
        // Nor is whom an exception is about: a decision about one of them covers that one, whatever it comes to.
        kept.iter_mut()
            .filter(|draft| accepted.names(rule.info().id, draft.entity))
            .for_each(|draft| draft.cause = None);
        for draft in out.into_iter().chain(causes::group(context, kept)) {
            finish(context, frameworks, *rule, draft, &mut outcome);
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

fn finish(context: &Context<'_>, frameworks: &Frameworks, rule: &dyn Rule, draft: Draft, outcome: &mut Outcome) {
    let info = rule.info();
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
    let severity = rule.stated_severity(context, &draft);
    outcome.findings.push(Finding {
        fingerprint,
        rule: info.id.to_owned(),
        severity: severity.unwrap_or_else(|| context.config.severity(info.id, draft.case)),
        entity: draft.entity,
        title: draft.title,
        affected_n: affected(
            context,
            draft.entity,
            &subjects,
            draft.key.first().is_some_and(|key| key == causes::MARK),
        ),
        subjects,
        evidence: draft.evidence,
        frameworks: frameworks.of_rule(info.id).to_vec(),
        first_seen: context.facts.as_of,
        state: FindingState::New,
        exception: None,
    });
}

/// Principals that a finding affects. About a principal that is this one, unless it is the cause of a group: then, and
/// where the finding is about a policy, a group or a scope, those among the subjects.
fn affected(context: &Context<'_>, entity: EntityId, subjects: &[u32], grouped: bool) -> u32 {
    if context.tables.entity(entity).is_principal() && !grouped {
        return 1;
    }
    let principals = subjects.iter().filter(|&&one| context.tables.entity(EntityId(one)).is_principal());
    u32::try_from(principals.count()).unwrap_or(u32::MAX).max(1)
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
