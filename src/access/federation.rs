//! Identities of one platform that cloud principals of another let in through an identity provider.
//!
//! A reader states for a principal the subject that its tokens carry (`federated_subject`) and the cloud principal that
//! it is set up for (`federated_target`: an id, a name or a unique id). That is a claim: what counts is the trust of
//! the cloud principal. Where a trust lets the subject of such a claim in, its provider is known to speak for the
//! principal's cluster (its scope), and whoever else of that scope the trusts in the same provider let in may come in
//! as well, claim or not: the claim is a setting for client libraries and nothing checks it.
//!
//! Where a reader knows the issuer as well (`federated_issuer`: host and path), no claim is needed: every trust in that
//! issuer is asked about the subject. A subject with `*` stands for all that the principal can make its tokens say.
//!
//! A claim without subject (an application that signs in to a role) comes in by a trust in any provider, in doubt: whose
//! the provider is, no export says. Who is the same person or object elsewhere (`synced_from`: a unique id or id on the
//! other side) is reached from there, as far as signing in is left to the other side.

use std::collections::BTreeMap;

use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::Value;

use super::Federation;
use crate::model::text::glob;
use crate::model::{EntityId, Tables, Trust, TrustKind};
use crate::platforms::globs::{contains, overlap};

/// Attribute with the subject of a principal's tokens.
const SUBJECT: &str = "federated_subject";
/// Attribute with a subject of the family that the principal's tokens do not say all the same.
const EXCEPT: &str = "federated_subject_except";
/// Attribute with the issuer of a principal's tokens: host and path.
const ISSUER: &str = "federated_issuer";
/// Attribute with the unique id, or id, of what an entity is on another platform.
const SYNCED: &str = "synced_from";
/// Attribute with the cloud principal that a principal is set up for.
const TARGET: &str = "federated_target";
/// Attribute with the cloud principal that an agent of the platform hands out.
const BY_AGENT: &str = "pod_identity_target";
/// What a trust in an identity provider begins with.
const FEDERATED: &str = "Federated:";
/// The service that a role must trust for an agent of EKS to hand it out.
const AGENT: &str = "pods.eks.amazonaws.com";

/// Edges, the surest for each pair.
#[derive(Default)]
struct Joined(BTreeMap<(EntityId, EntityId), Federation>);

impl Joined {
    fn add(&mut self, one: Federation) {
        let kept = self.0.entry((one.trustee, one.target)).or_insert_with(|| one.clone());
        if kept.doubt.is_some() && one.doubt.is_none() {
            *kept = one;
        }
    }
}

/// Edges from identities of one platform to principals of another, sorted.
pub fn joined(tables: &Tables) -> Vec<Federation> {
    let mut found = Joined::default();
    let known = claimed(tables, &mut found);
    of_cluster(tables, &known, &mut found);
    of_issuers(tables, &mut found);
    synced(tables, &mut found);
    found.0.into_values().collect()
}

/// Scopes whose tokens a provider, by the pattern of a trust, is known to stand for.
type Speakers<'t> = FxHashSet<(&'t str, &'t str)>;

/// What claims and the trusts of those whom they name make together.
fn claimed<'t>(tables: &'t Tables, found: &mut Joined) -> Speakers<'t> {
    let mut trusts: FxHashMap<EntityId, Vec<&'t Trust>> = FxHashMap::default();
    for trust in &tables.trusts {
        trusts.entry(trust.target).or_default().push(trust);
    }
    let mut issuers = Speakers::default();
    for row in tables.attributes.iter().filter(|row| row.key == TARGET) {
        let Some(target) = principal(tables, &row.value) else { continue };
        let own = trusts.get(&target).map(Vec::as_slice).unwrap_or_default();
        if own.is_empty() {
            let doubt = format!("whom `{}` trusts is not in the export", tables.entity(target).id);
            found.add(edge(row.entity, target, None, Some(doubt)));
        }
        let by_agent = tables.attribute(row.entity, BY_AGENT) == Some(row.value.as_str());
        let subject = tables.attribute(row.entity, SUBJECT);
        for trust in own {
            if by_agent && trust.kind == TrustKind::Service && trust.trustee_pattern.ends_with(AGENT) {
                let doubt = trust.condition.as_ref().map(|condition| format!("the trust requires {condition}"));
                found.add(edge(row.entity, target, Some(trust.grant), doubt));
            }
            match subject.map(|subject| admits(trust, subject)) {
                Some(Some(outcome)) => {
                    if outcome.by_name || speaks_for_clusters(&trust.trustee_pattern) {
                        let scope = tables.entity(row.entity).scope.as_deref().unwrap_or_default();
                        issuers.insert((scope, trust.trustee_pattern.as_str()));
                        found.add(edge(row.entity, target, Some(trust.grant), outcome.doubt));
                    }
                }
                None if trust.kind == TrustKind::Federated => {
                    let provider = trust.trustee_pattern.trim_start_matches(FEDERATED);
                    let scope = tables.entity(row.entity).scope.as_deref().unwrap_or("its organisation");
                    let doubt = format!("that `{provider}` stands for `{scope}` is in no export");
                    found.add(edge(row.entity, target, Some(trust.grant), Some(doubt)));
                }
                Some(None) | None => {}
            }
        }
    }
    issuers
}

/// Whoever else of a scope, for whose tokens a provider is known to speak, trusts in the provider let in.
fn of_cluster(tables: &Tables, issuers: &Speakers<'_>, found: &mut Joined) {
    let federated: Vec<&Trust> = tables.trusts.iter().filter(|trust| trust.kind == TrustKind::Federated).collect();
    for row in tables.attributes.iter().filter(|row| row.key == SUBJECT && !issuers.is_empty()) {
        let entity = tables.entity(row.entity);
        let scope = entity.scope.as_deref().unwrap_or_default();
        for trust in federated.iter().filter(|_| entity.present) {
            if issuers.contains(&(scope, trust.trustee_pattern.as_str()))
                && let Some(outcome) = admits(trust, &row.value)
            {
                found.add(edge(row.entity, trust.target, Some(trust.grant), outcome.doubt));
            }
        }
    }
}

/// Whom trusts in an issuer let in of those whose tokens it makes.
fn of_issuers(tables: &Tables, found: &mut Joined) {
    let mut trusts: FxHashMap<&str, Vec<&Trust>> = FxHashMap::default();
    for trust in tables.trusts.iter().filter(|trust| trust.kind == TrustKind::Federated) {
        trusts.entry(issuer_of(&trust.trustee_pattern)).or_default().push(trust);
    }
    for row in tables.attributes.iter().filter(|row| row.key == SUBJECT) {
        let Some(issuer) = tables.attribute(row.entity, ISSUER) else { continue };
        for trust in trusts.get(issuer).into_iter().flatten() {
            if let Some(outcome) = admits(trust, &row.value)
                && (outcome.doubt.is_none() || !lets_in_others_only(tables, row.entity, trust, &row.value))
            {
                found.add(edge(row.entity, trust.target, Some(trust.grant), outcome.doubt));
            }
        }
    }
}

/// Whether all that a trust names of a family of subjects is what an entity's tokens do not say.
fn lets_in_others_only(tables: &Tables, entity: EntityId, trust: &Trust, family: &str) -> bool {
    let rows = &tables.attributes;
    let start = rows.partition_point(|row| (row.entity, row.key.as_str()) < (entity, EXCEPT));
    let own = || rows[start..].iter().take_while(|row| row.entity == entity && row.key == EXCEPT);
    let condition = trust.condition.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok());
    let operators = condition.as_ref().and_then(Value::as_object).into_iter().flatten();
    let positive = operators.filter(|(operator, _)| !operator.to_ascii_lowercase().contains("not"));
    let subjects = positive.flat_map(|(_, keys)| keys.as_object().into_iter().flatten());
    let named = subjects.filter(|(key, _)| claim(key) == "sub").flat_map(|(_, values)| match values {
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        Value::String(one) => vec![one.as_str()],
        _ => Vec::new(),
    });
    let mut named = named.filter(|value| overlap(value, family)).peekable();
    named.peek().is_some() && named.all(|value| own().any(|row| row.value == value))
}

/// The issuer that a trust names: a provider's ARN ends with it.
fn issuer_of(pattern: &str) -> &str {
    let provider = pattern.strip_prefix(FEDERATED).unwrap_or(pattern);
    let issuer = provider.split_once(":oidc-provider/").map_or(provider, |(_, issuer)| issuer);
    issuer.trim_start_matches("https://").trim_end_matches('/')
}

/// From what something is on one platform to what it is on another.
fn synced(tables: &Tables, found: &mut Joined) {
    let rows = || tables.attributes.iter().filter(|row| row.key == SYNCED);
    let wanted: FxHashSet<String> = rows().map(|row| row.value.to_lowercase()).collect();
    if wanted.is_empty() {
        return;
    }
    let mut origins: FxHashMap<String, Vec<EntityId>> = FxHashMap::default();
    for entity in tables.entities.iter().filter(|entity| entity.present) {
        for name in [Some(entity.id.as_str()), entity.unique_id.as_deref()].into_iter().flatten() {
            let name = name.to_lowercase();
            if wanted.contains(&name) {
                origins.entry(name).or_default().push(entity.entity);
            }
        }
    }
    for row in rows() {
        let target = tables.entity(row.entity);
        for &origin in origins.get(&row.value.to_lowercase()).into_iter().flatten() {
            let origin = tables.entity(origin);
            if origin.platform != target.platform {
                let doubt = format!("signing in as `{}` must be left to `{}`", target.id, origin.platform);
                found.add(edge(origin.entity, target.entity, None, Some(doubt)));
            }
        }
    }
}

fn edge(trustee: EntityId, target: EntityId, grant: Option<u32>, doubt: Option<String>) -> Federation {
    Federation { trustee, target, condition: None, grant, doubt }
}

/// The cloud principal that a claim means: one that an export defines before one that is only named.
fn principal(tables: &Tables, claim: &str) -> Option<EntityId> {
    let named = tables.find(claim)?;
    let entity = tables.entity(named);
    if entity.present {
        return Some(named);
    }
    let same = |one: &&crate::model::Entity| {
        one.present
            && one.platform == entity.platform
            && (one.name == entity.name || one.unique_id.as_deref() == Some(entity.name.as_str()))
            && one.kind.is_principal()
    };
    let mut found = tables.entities.iter().filter(same);
    match (found.next(), found.next()) {
        (Some(one), None) if !claim.starts_with("arn:") => Some(one.entity),
        _ => Some(named),
    }
}

/// Issuers of which each serves one cluster, and nothing but clusters.
fn speaks_for_clusters(provider: &str) -> bool {
    provider.contains("/oidc.eks.")
        || provider.contains("oidc.prod-aks.azure.com")
        || provider.contains("container.googleapis.com")
}

/// How a trust lets a subject in.
struct Admitted {
    /// It names the subject, or a pattern that covers it.
    by_name: bool,
    /// What it asks besides.
    doubt: Option<String>,
}

/// Whether a trust lets tokens with this subject in; `None` when it does not. Tokens are made for any audience that
/// their holder asks for.
fn admits(trust: &Trust, subject: &str) -> Option<Admitted> {
    if trust.kind != TrustKind::Federated {
        return None;
    }
    let mut outcome = Admitted { by_name: false, doubt: None };
    let Some(condition) = &trust.condition else { return Some(outcome) };
    let Ok(Value::Object(operators)) = serde_json::from_str::<Value>(condition) else { return None };
    let mut open = Vec::new();
    for (operator, keys) in &operators {
        for (key, values) in keys.as_object().into_iter().flatten() {
            let values: Vec<&str> = match values {
                Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
                Value::String(one) => vec![one],
                _ => Vec::new(),
            };
            match (claim(key), holds(operator, &values, subject)) {
                ("sub", Held::Yes) => outcome.by_name = true,
                ("sub", Held::No) => return None,
                ("sub", Held::ForSome) => {
                    outcome.by_name = true;
                    open.push(format!("the subject {}", values.join(" or ")));
                }
                ("aud", _) => {}
                _ => open.push(format!("{operator} {key}")),
            }
        }
    }
    if !open.is_empty() {
        outcome.doubt = Some(format!("the trust requires {}", open.join(", ")));
    }
    Some(outcome)
}

/// The claim of a token that a condition key of a provider stands for.
fn claim(key: &str) -> &str {
    key.rsplit_once(':').map_or("", |(_, claim)| claim)
}

/// Whether a condition on a subject holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Held {
    Yes,
    No,
    /// For some of the subjects that a principal can make its tokens say.
    ForSome,
    /// The operator is none for texts.
    Unknown,
}

/// Whether a text operator holds for a subject, which may stand for many.
fn holds(operator: &str, values: &[&str], subject: &str) -> Held {
    let operator = operator.to_ascii_lowercase();
    let operator = operator.strip_suffix("ifexists").unwrap_or(&operator);
    let operator = operator.rsplit(':').next().unwrap_or(operator);
    let any = |test: &dyn Fn(&str) -> bool| values.iter().any(|value| test(value));
    let (some, all) = match operator {
        "stringequals" | "stringnotequals" => (any(&|value| glob(subject, value)), any(&|value| value == subject)),
        "stringequalsignorecase" => {
            let lower = subject.to_ascii_lowercase();
            (any(&|value| glob(&lower, &value.to_ascii_lowercase())), any(&|value| value.eq_ignore_ascii_case(subject)))
        }
        "stringlike" | "stringnotlike" => {
            let within = |value: &str| glob(value, subject) || contains(value, subject);
            (any(&|value| overlap(value, subject)), any(&within))
        }
        _ => return Held::Unknown,
    };
    match (operator.starts_with("stringnot"), some, all) {
        (false, _, true) | (true, false, _) => Held::Yes,
        (false, false, _) | (true, _, true) => Held::No,
        _ => Held::ForSome,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(condition: Option<&str>) -> Option<(bool, bool)> {
        let trust = Trust {
            target: EntityId(0),
            trustee: None,
            trustee_pattern: "Federated:arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/X"
                .into(),
            action: "sts:AssumeRoleWithWebIdentity".into(),
            condition: condition.map(str::to_owned),
            kind: TrustKind::Federated,
            grant: 0,
        };
        admits(&trust, "system:serviceaccount:dev:builder").map(|found| (found.by_name, found.doubt.is_some()))
    }

    #[test]
    fn a_subject_is_let_in_by_name_by_pattern_or_without_any() {
        assert_eq!(admitted(None), Some((false, false)));
        for (condition, expected) in [
            (
                r#"{"StringEquals":{"i:sub":["system:serviceaccount:dev:builder"],"i:aud":["sts.amazonaws.com"]}}"#,
                Some((true, false)),
            ),
            (r#"{"StringLike":{"i:sub":["system:serviceaccount:dev:*"]}}"#, Some((true, false))),
            (r#"{"StringLike":{"i:sub":["system:serviceaccount:prod:*"]}}"#, None),
            (r#"{"StringEquals":{"i:sub":["system:serviceaccount:dev:*"]}}"#, None),
            (r#"{"StringNotEquals":{"i:sub":["system:serviceaccount:dev:builder"]}}"#, None),
            (r#"{"StringEquals":{"i:aud":["sts.amazonaws.com"]}}"#, Some((false, false))),
            (r#"{"IpAddress":{"aws:SourceIp":["192.0.2.0/24"]}}"#, Some((false, true))),
            ("not JSON", None),
        ] {
            assert_eq!(admitted(Some(condition)), expected, "{condition}");
        }
    }

    #[test]
    fn a_subject_that_stands_for_many_is_let_in_certainly_only_where_all_of_them_are() {
        let family = "repo:o/r:*";
        for (operator, values, expected) in [
            ("StringEquals", &["repo:o/r:ref:refs/heads/main"] as &[&str], Held::ForSome),
            ("StringEquals", &["repo:o/other:ref:refs/heads/main"], Held::No),
            ("StringLike", &["repo:o/r:*"], Held::Yes),
            ("StringLike", &["repo:o/*"], Held::Yes),
            ("StringLike", &["repo:*:environment:prod"], Held::ForSome),
            ("StringLike", &["repo:x/*"], Held::No),
            ("ForAnyValue:StringLike", &["*"], Held::Yes),
            ("StringNotEquals", &["repo:o/r:pull_request"], Held::ForSome),
            ("StringNotLike", &["repo:o/r:*"], Held::No),
            ("StringNotLike", &["repo:x/*"], Held::Yes),
            ("StringEqualsIgnoreCase", &["REPO:o/R:pull_request"], Held::ForSome),
            ("IpAddress", &["192.0.2.0/24"], Held::Unknown),
        ] {
            assert_eq!(holds(operator, values, family), expected, "{operator} {values:?}");
        }
    }

    #[test]
    fn an_issuer_is_what_a_providers_name_ends_with() {
        let arn = "Federated:arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com";
        assert_eq!(issuer_of(arn), "token.actions.githubusercontent.com");
        assert_eq!(issuer_of("Federated:gitlab.example.com/ci"), "gitlab.example.com/ci");
        assert_eq!(issuer_of("Federated:https://gitlab.example.com/"), "gitlab.example.com");
    }
}
