//! Which principals are people and which are not, by evidence: a table of rules, the first that holds decides.
//!
//! A rule gives its reason in words. What no rule knows stays undecided.

use rustc_hash::FxHashMap;

use super::complete::is_ours;
use crate::model::{CredentialKind, Entity, EntityId, EntityKind, Tables, Trust, TrustKind};

/// What is known of one principal.
struct Evidence<'t> {
    entity: &'t Entity,
    trusts: Vec<&'t Trust>,
    /// Known from a credential report; null where there is none.
    password: Option<bool>,
    access_keys: usize,
    mfa: bool,
    login_profile: bool,
    service_linked: bool,
}

type Verdict = Option<(bool, String)>;

/// Rules in order of precedence.
const RULES: [fn(&Evidence<'_>) -> Verdict; 9] = [
    root_user,
    identity_center_user,
    reserved_role,
    saml_role,
    service_linked,
    workload_role,
    signs_in,
    only_keys,
    named_like_software,
];

/// Identity providers whose tokens are for workloads, by the beginning of the provider's name.
const WORKLOAD_PROVIDERS: [(&str, &str); 7] = [
    ("token.actions.githubusercontent.com", "GitHub Actions"),
    ("gitlab.com", "GitLab CI"),
    ("oidc.eks.", "a Kubernetes cluster"),
    ("app.terraform.io", "Terraform Cloud"),
    ("oidc.circleci.com", "CircleCI"),
    ("agent.buildkite.com", "Buildkite"),
    ("api.bitbucket.org", "Bitbucket Pipelines"),
];

/// Parts of user names that software tends to have.
const SOFTWARE_WORDS: [&str; 12] = [
    "svc",
    "service",
    "bot",
    "ci",
    "cd",
    "deploy",
    "deployer",
    "terraform",
    "jenkins",
    "automation",
    "pipeline",
    "app",
];

/// Decides for every AWS user and role that no reader has decided.
pub fn classify(tables: &mut Tables) {
    settle(tables, |_| true);
}

/// Decides for those of some users and roles that nobody has decided: nobody else's nature changes.
pub fn classify_these(tables: &mut Tables, these: &[EntityId]) {
    let open = |entity: &EntityId| is_ours(tables.entity(*entity)) && tables.entity(*entity).nhi.is_none();
    if these.iter().any(open) {
        settle(tables, |entity| these.binary_search(&entity).is_ok());
    }
}

fn settle(tables: &mut Tables, wanted: impl Fn(EntityId) -> bool) {
    let decided = decide(tables);
    for (entity, nhi, reason) in decided.into_iter().filter(|(entity, ..)| wanted(*entity)) {
        let entity = &mut tables.entities[entity.index()];
        entity.nhi = Some(nhi);
        entity.nhi_reason = Some(reason);
    }
}

fn decide(tables: &Tables) -> Vec<(EntityId, bool, String)> {
    let mut evidence: FxHashMap<EntityId, Evidence<'_>> = FxHashMap::default();
    let open = tables.entities.iter().filter(|entity| is_ours(entity) && entity.nhi.is_none());
    for entity in open {
        let fresh = Evidence {
            entity,
            trusts: Vec::new(),
            password: None,
            access_keys: 0,
            mfa: false,
            login_profile: false,
            service_linked: false,
        };
        evidence.insert(entity.entity, fresh);
    }
    for row in &tables.trusts {
        if let Some(of) = evidence.get_mut(&row.target) {
            of.trusts.push(row);
        }
    }
    for row in &tables.credentials {
        let Some(of) = evidence.get_mut(&row.entity) else { continue };
        match row.kind {
            CredentialKind::Password => of.password = Some(row.active != Some(false)),
            CredentialKind::AccessKey => of.access_keys += 1,
            CredentialKind::Mfa => of.mfa = true,
            _ => {}
        }
    }
    for row in &tables.attributes {
        let Some(of) = evidence.get_mut(&row.entity) else { continue };
        match (row.key.as_str(), row.value.as_str()) {
            ("login_profile", _) => of.login_profile = true,
            ("service_linked", "true") => of.service_linked = true,
            ("console_password", "false") => of.password = Some(false),
            _ => {}
        }
    }
    let ordered = tables.entities.iter().filter_map(|entity| evidence.get(&entity.entity));
    ordered
        .filter_map(|of| {
            let (nhi, reason) = RULES.iter().find_map(|rule| rule(of))?;
            Some((of.entity.entity, nhi, reason))
        })
        .collect()
}

fn root_user(of: &Evidence<'_>) -> Verdict {
    of.entity.id.ends_with(":root").then(|| (false, "root user of an account".to_owned()))
}

fn identity_center_user(of: &Evidence<'_>) -> Verdict {
    let user = of.entity.id.starts_with("aws:identity-center/user/");
    user.then(|| (false, "user of IAM Identity Center".to_owned()))
}

fn reserved_role(of: &Evidence<'_>) -> Verdict {
    let reserved = of.entity.kind == EntityKind::Role && of.entity.id.contains(":role/aws-reserved/sso.amazonaws.com/");
    reserved.then(|| (false, "role of an IAM Identity Center permission set, assumed by people".to_owned()))
}

fn saml_role(of: &Evidence<'_>) -> Verdict {
    let saml = of.trusts.iter().find(|row| {
        row.kind == TrustKind::Federated
            && (row.trustee_pattern.contains(":saml-provider/")
                || row.action.eq_ignore_ascii_case("sts:AssumeRoleWithSAML"))
    })?;
    Some((false, format!("assumed through the SAML provider `{}`", shown(&saml.trustee_pattern))))
}

fn service_linked(of: &Evidence<'_>) -> Verdict {
    of.service_linked.then(|| (true, "service-linked role".to_owned()))
}

/// The name of the software that a trust row is about, when it is about software.
fn workload(row: &Trust) -> Option<String> {
    let name = shown(&row.trustee_pattern);
    match row.kind {
        TrustKind::Service => Some(name.to_owned()),
        TrustKind::Federated => {
            let provider = name.rsplit_once("oidc-provider/").map_or(name, |(_, provider)| provider);
            let known = WORKLOAD_PROVIDERS.iter().find(|(prefix, _)| provider.starts_with(prefix));
            known.map(|(_, title)| (*title).to_owned())
        }
        _ => None,
    }
}

fn workload_role(of: &Evidence<'_>) -> Verdict {
    if of.entity.kind != EntityKind::Role || of.trusts.is_empty() {
        return None;
    }
    let mut names: Vec<String> = of.trusts.iter().map(|row| workload(row)).collect::<Option<_>>()?;
    names.sort();
    names.dedup();
    Some((true, format!("trusted by {}", names.join(", "))))
}

fn signs_in(of: &Evidence<'_>) -> Verdict {
    let user = of.entity.kind == EntityKind::User;
    let reason = if of.password == Some(true) {
        "has a console password"
    } else if of.login_profile {
        "has a login profile"
    } else if of.mfa {
        "has a multi-factor device"
    } else if of.entity.last_used_source.as_deref() == Some("password-last-used") {
        "has signed in with a password"
    } else {
        return None;
    };
    user.then(|| (false, reason.to_owned()))
}

fn only_keys(of: &Evidence<'_>) -> Verdict {
    let only = of.entity.kind == EntityKind::User && of.password == Some(false) && of.access_keys > 0;
    only.then(|| (true, "has access keys and no console password".to_owned()))
}

fn named_like_software(of: &Evidence<'_>) -> Verdict {
    if of.entity.kind != EntityKind::User {
        return None;
    }
    let name = of.entity.name.to_ascii_lowercase();
    let word = name
        .split(|character: char| !character.is_ascii_alphanumeric())
        .find_map(|part| SOFTWARE_WORDS.iter().find(|word| **word == part))?;
    Some((true, format!("named like software (`{word}`); weak evidence")))
}

fn shown(principal: &str) -> &str {
    principal.split_once(':').map_or(principal, |(_, name)| name)
}
