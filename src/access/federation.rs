//! Identities of one platform that cloud principals of another let in through an identity provider.
//!
//! A reader states for a principal the subject that its tokens carry (`federated_subject`) and the cloud principal that
//! it is set up for (`federated_target`: an id, a name or a unique id). That is a claim: what counts is the trust of
//! the cloud principal. Where a trust lets the subject of such a claim in, its provider is known to speak for the
//! principal's cluster (its scope), and whoever else of that scope the trusts in the same provider let in may come in
//! as well, claim or not: the claim is a setting for client libraries and nothing checks it.

use std::collections::BTreeMap;

use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::Value;

use super::Federation;
use crate::model::text::glob;
use crate::model::{EntityId, Tables, Trust, TrustKind};

/// Attribute with the subject of a principal's tokens.
const SUBJECT: &str = "federated_subject";
/// Attribute with the cloud principal that a principal is set up for.
const TARGET: &str = "federated_target";
/// Attribute with the cloud principal that an agent of the platform hands out.
const BY_AGENT: &str = "pod_identity_target";
/// The service that a role must trust for an agent of EKS to hand it out.
const AGENT: &str = "pods.eks.amazonaws.com";

/// Edges that a claim and a trust make together, sorted.
pub fn joined(tables: &Tables) -> Vec<Federation> {
    let mut trusts: FxHashMap<EntityId, Vec<&Trust>> = FxHashMap::default();
    for trust in &tables.trusts {
        trusts.entry(trust.target).or_default().push(trust);
    }
    let mut found: BTreeMap<(EntityId, EntityId), Federation> = BTreeMap::new();
    let mut add = |one: Federation| {
        let kept = found.entry((one.trustee, one.target)).or_insert_with(|| one.clone());
        if kept.doubt.is_some() && one.doubt.is_none() {
            *kept = one;
        }
    };
    let mut issuers: FxHashSet<(&str, &str)> = FxHashSet::default();
    for row in tables.attributes.iter().filter(|row| row.key == TARGET) {
        let Some(target) = principal(tables, &row.value) else { continue };
        let own = trusts.get(&target).map(Vec::as_slice).unwrap_or_default();
        if own.is_empty() {
            let doubt = format!("whom `{}` trusts is not in the export", tables.entity(target).id);
            add(edge(row.entity, target, None, Some(doubt)));
        }
        let by_agent = tables.attribute(row.entity, BY_AGENT) == Some(row.value.as_str());
        for trust in own {
            if by_agent && trust.kind == TrustKind::Service && trust.trustee_pattern.ends_with(AGENT) {
                let doubt = trust.condition.as_ref().map(|condition| format!("the trust requires {condition}"));
                add(edge(row.entity, target, Some(trust.grant), doubt));
            }
            let Some(subject) = tables.attribute(row.entity, SUBJECT) else { continue };
            let Some(outcome) = admits(trust, subject) else { continue };
            if outcome.by_name || speaks_for_clusters(&trust.trustee_pattern) {
                issuers
                    .insert((tables.entity(row.entity).scope.as_deref().unwrap_or_default(), &trust.trustee_pattern));
                add(edge(row.entity, target, Some(trust.grant), outcome.doubt));
            }
        }
    }
    let federated: Vec<&Trust> = tables.trusts.iter().filter(|trust| trust.kind == TrustKind::Federated).collect();
    for row in tables.attributes.iter().filter(|row| row.key == SUBJECT && !issuers.is_empty()) {
        let entity = tables.entity(row.entity);
        let scope = entity.scope.as_deref().unwrap_or_default();
        for trust in federated.iter().filter(|_| entity.present) {
            if issuers.contains(&(scope, trust.trustee_pattern.as_str()))
                && let Some(outcome) = admits(trust, &row.value)
            {
                add(edge(row.entity, trust.target, Some(trust.grant), outcome.doubt));
            }
        }
    }
    found.into_values().collect()
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
                ("sub", Some(true)) => outcome.by_name = true,
                ("sub", Some(false)) => return None,
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

/// Whether a text operator holds for a value; `None` for an operator that is none of those.
fn holds(operator: &str, values: &[&str], text: &str) -> Option<bool> {
    let operator = operator.to_ascii_lowercase();
    let operator = operator.strip_suffix("ifexists").unwrap_or(&operator);
    let operator = operator.rsplit(':').next().unwrap_or(operator);
    let any = |test: &dyn Fn(&str) -> bool| values.iter().any(|value| test(value));
    Some(match operator {
        "stringequals" => any(&|value| value == text),
        "stringequalsignorecase" => any(&|value| value.eq_ignore_ascii_case(text)),
        "stringlike" => any(&|value| glob(value, text)),
        "stringnotequals" => !any(&|value| value == text),
        "stringnotlike" => !any(&|value| glob(value, text)),
        _ => return None,
    })
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
}
