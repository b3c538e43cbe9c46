//! A build or deployment system that holds a key instead of signing in by federation.

use std::collections::BTreeSet;

use super::severity::Rank;
use super::trust::{Trustee, trustee};
use super::{Context, Draft, Info, Rule};
use crate::model::{Credential, CredentialKind, Entity};

/// Words by which people name build and deployment systems. A word counts when it stands alone in a name, path, tag or
/// workflow: `ci-deploy` has one, `cinema` has none.
const WORDS: &[&str] = &[
    "actions",
    "argocd",
    "bamboo",
    "bitbucket",
    "buildkite",
    "cd",
    "ci",
    "cicd",
    "circleci",
    "codebuild",
    "concourse",
    "deploy",
    "deployer",
    "deployment",
    "drone",
    "github",
    "gitlab",
    "jenkins",
    "octopus",
    "pipeline",
    "pipelines",
    "spinnaker",
    "teamcity",
    "terraform",
    "travis",
];

/// See [`Info::meaning`].
pub struct CiStaticCredential;

const INFO: Info = Info {
    id: "ci-static-credential",
    title: "Build or deployment system holds a static key",
    meaning: "A non-human identity of a build or deployment system holds a key that lasts until someone changes it. \
              Such keys lie in the settings of a service outside and in every job's environment. That the identity is \
              such a system's is a heuristic, read from words in its name, path, tags or workflow; the evidence says \
              which word. A trust in a provider without conditions is the matter of `unconditioned-external-trust`.",
    remediation: "Let the system sign in by OpenID Connect to a role whose trust names the repository and branch, then \
                  delete the key.",
    cases: &[
        ("privileged", "the identity is in the protected zone or has a certain path to it"),
        ("federation-available", "its account already trusts an OpenID Connect provider"),
        ("other", "neither is known"),
    ],
};

impl Rule for CiStaticCredential {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn check(&self, context: &Context<'_>) -> Vec<Draft> {
        let federated: BTreeSet<&str> = (context.tables.trusts.iter())
            .filter(|row| matches!(trustee(row), Trustee::Oidc { .. }))
            .filter_map(|row| context.tables.entity(row.target).scope.as_deref())
            .collect();
        let machines = context.principals().filter(|entity| entity.nhi == Some(true));
        machines.filter_map(|entity| draft(context, entity, &federated)).collect()
    }
}

/// The first word of a text that names a build or deployment system.
fn word(text: &str) -> Option<&'static str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    words.into_iter().find_map(|word| WORDS.iter().copied().find(|known| known.eq_ignore_ascii_case(word)))
}

/// Why an identity is taken for a build or deployment system's.
fn reason(context: &Context<'_>, entity: &Entity) -> Option<String> {
    if let Some(word) = word(&entity.name) {
        return Some(format!("its name has the word `{word}`"));
    }
    for row in context.attributes(entity.entity) {
        let told = row.key == "path" || row.key.starts_with("tag:");
        if let Some(word) = told.then(|| word(&row.value).or_else(|| word(&row.key))).flatten() {
            return Some(format!("`{}` = `{}` has the word `{word}`", row.key, row.value));
        }
    }
    let of = context.tables.workflows.iter().filter(|row| row.principal == Some(entity.entity));
    let mut words = of.filter_map(|row| Some((&row.workflow, word(&row.workflow)?)));
    words.next().map(|(workflow, word)| format!("workflow `{workflow}` runs as it and has the word `{word}`"))
}

fn draft(context: &Context<'_>, entity: &Entity, federated: &BTreeSet<&str>) -> Option<Draft> {
    let is_static = |row: &&Credential| {
        let kinds = [CredentialKind::AccessKey, CredentialKind::ServiceAccountKey, CredentialKind::ClientSecret];
        (kinds.contains(&row.kind) || row.kind == CredentialKind::Token) && row.active == Some(true)
    };
    let keys: Vec<&Credential> = context.credentials(entity.entity).iter().filter(is_static).collect();
    if keys.is_empty() {
        return None;
    }
    let why = reason(context, entity)?;
    let available = entity.scope.as_deref().is_some_and(|scope| federated.contains(scope));
    let case = match context.rank(entity.entity) {
        Rank::Zone | Rank::Near => "privileged",
        Rank::Other if available => "federation-available",
        Rank::Other => "other",
    };
    let title = format!("{} of a build or deployment system holds a static key", context.call(entity.entity));
    let mut evidence = vec![format!("taken for a build or deployment system's: {why}")];
    evidence.extend(keys.iter().map(|row| format!("{} `{}` is active", super::keys::noun(row.kind), row.credential)));
    evidence.extend(available.then(|| "its account trusts an OpenID Connect provider already".to_owned()));
    evidence.push(context.rank_reason(entity.entity));
    Some(Draft { entity: entity.entity, case, title, subjects: vec![], key: vec![], evidence, cause: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testkit::{World, cases};
    use crate::model::TrustKind;

    const GITHUB: &str = "Federated:arn:aws:iam::111111111111:oidc-provider/token.actions.githubusercontent.com";

    #[test]
    fn a_word_counts_when_it_stands_alone() {
        assert_eq!(
            ["ci-deploy", "Jenkins_7", "cinema", "precision", "acme/cd/x"].map(word),
            [Some("ci"), Some("jenkins"), None, None, Some("cd")]
        );
    }

    #[test]
    fn names_tags_and_workflows_tell_and_the_reason_is_stated() {
        let mut world = World::new();
        let robots = ["ci-bot", "tagged", "flow", "batch", "near-ci"].map(|name| world.robot(name));
        for (robot, id) in robots.into_iter().zip(["K1", "K2", "K3", "K4", "K5"]) {
            world.credential(robot, id, CredentialKind::AccessKey, 10, Some(1));
        }
        world.builder.attribute(robots[1], "tag:tool", "GitLab runner");
        world.workflow("nightly terraform", Some(robots[2]), &[]);
        world.hops(robots[4], Some(1), Some(1));
        let found = world.check(&CiStaticCredential);
        assert_eq!(
            cases(&found),
            [("other", "ci-bot"), ("other", "flow"), ("privileged", "near-ci"), ("other", "tagged")]
        );
        let first = |at: usize| found[at].2.evidence[0].rsplit(": ").next().unwrap_or_default().to_owned();
        assert_eq!(first(0), "its name has the word `ci`");
        assert_eq!(first(3), "`tag:tool` = `GitLab runner` has the word `gitlab`");
    }

    #[test]
    fn federation_that_is_there_already_is_said_and_people_roles_and_dead_keys_are_left_alone() {
        let mut world = World::new();
        let (robot, person, off) = (world.robot("ci-bot"), world.user("ci-admin"), world.robot("ci-old"));
        let role = world.role("ci-role");
        world.trust(role, GITHUB, TrustKind::Federated, None);
        for (who, id) in [(robot, "K1"), (person, "K2"), (off, "K3")] {
            world.credential(who, id, CredentialKind::AccessKey, 10, Some(1));
        }
        world.builder.credentials[2].active = None;
        let found = world.check(&CiStaticCredential);
        assert_eq!(cases(&found), [("federation-available", "ci-bot")]);
    }
}
