//! Whom roles trust besides principals: services and identity providers, and under which conditions.
//!
//! A service acts for the account in which it was told to, so that a trust which only asks that the call come from the
//! role's own account, as AWS advises for every service role, holds for whoever uses the service there.

use std::collections::BTreeMap;
use std::sync::Arc;

use roaring::RoaringBitmap;
use rustc_hash::FxHashMap;

use crate::model::text::glob;
use crate::model::{EntityId, Tables, Trust, TrustKind};

/// Entities that satisfy a technique's target, certainly and possibly.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Candidates {
    pub certain: RoaringBitmap,
    pub possible: RoaringBitmap,
    /// What the difference hangs on, in words, with the entities of which that is true.
    doubts: BTreeMap<Arc<str>, RoaringBitmap>,
    /// All entities that something is in doubt of, once tidied.
    doubted: RoaringBitmap,
}

/// Reasons that are given in full for one set of targets.
const REASONS_MAX: usize = 4;

impl Candidates {
    /// Entities that are all certain.
    #[must_use]
    pub fn all(entities: RoaringBitmap) -> Self {
        Self { certain: entities.clone(), possible: entities, ..Self::default() }
    }

    /// What some of the candidates hang on: the first few reasons, and of how many candidates there are more.
    #[must_use]
    pub fn reasons(&self, of: &RoaringBitmap) -> Vec<String> {
        let mut about = self.doubts.iter().filter(|(_, entities)| !entities.is_disjoint(of)).map(|(why, _)| why);
        let mut reasons: Vec<String> = about.by_ref().take(REASONS_MAX).map(|why| why.as_ref().to_owned()).collect();
        if about.next().is_some() {
            let targets = self.doubted.intersection_len(of);
            reasons.push(format!("with some of {targets} targets: more reasons of this kind"));
        }
        reasons
    }

    /// Keeps what is in both.
    pub fn limit(&mut self, other: &Self) {
        self.certain &= &other.certain;
        self.possible &= &other.possible;
        for (why, entities) in &other.doubts {
            *self.doubts.entry(Arc::clone(why)).or_default() |= entities;
        }
    }

    /// Takes an entity out.
    pub fn remove(&mut self, entity: u32) {
        self.certain.remove(entity);
        self.possible.remove(entity);
    }

    /// An entity is a candidate only if something unknown is so.
    pub fn doubt(&mut self, entity: u32, why: &str) {
        self.certain.remove(entity);
        match self.doubts.get_mut(why) {
            Some(entities) => {
                entities.insert(entity);
            }
            None => {
                self.doubts.insert(why.into(), RoaringBitmap::from_iter([entity]));
            }
        }
    }

    /// Forgets doubts about what is certain, or no candidate at all.
    pub fn tidy(&mut self) {
        let open = &self.possible - &self.certain;
        self.doubts.retain(|_, entities| {
            *entities &= &open;
            !entities.is_empty()
        });
        self.doubted = self.doubts.values().fold(RoaringBitmap::new(), |all, entities| all | entities);
    }
}

/// Trusts in services and identity providers.
#[derive(Default)]
pub struct Trusts {
    /// Roles that a service may assume, by service and by the scope that the role is in.
    services: BTreeMap<String, BTreeMap<Option<EntityId>, Candidates>>,
    /// Roles that users of a provider may assume, by the provider in lower case.
    federated: BTreeMap<String, RoaringBitmap>,
    /// Identity providers that each role trusts.
    providers: FxHashMap<u32, RoaringBitmap>,
}

impl Trusts {
    /// Indexes the trusts. O(rows).
    #[must_use]
    pub fn of(tables: &Tables) -> Self {
        let mut trusts = Self::default();
        for trust in &tables.trusts {
            match trust.kind {
                TrustKind::Service => trusts.service(tables, trust),
                TrustKind::Federated => {
                    let provider = trust.trustee_pattern.to_ascii_lowercase();
                    trusts.federated.entry(provider).or_default().insert(trust.target.0);
                    trusts.providers.entry(trust.target.0).or_default().extend(trust.trustee.map(|known| known.0));
                }
                _ => {}
            }
        }
        trusts
    }

    fn service(&mut self, tables: &Tables, trust: &Trust) {
        let target = tables.entity(trust.target);
        let service = trust.trustee_pattern.trim_start_matches("Service:");
        // In China the same services carry the partition's domain.
        let service = service.strip_suffix(".cn").unwrap_or(service);
        let scope = target.scope.as_deref().and_then(|scope| tables.find(scope));
        let found = self.services.entry(service.to_owned()).or_default().entry(scope).or_default();
        found.possible.insert(trust.target.0);
        let account = target.id.split(':').nth(4).unwrap_or_default();
        match trust.condition.as_deref().filter(|condition| !from_own_account(condition, account)) {
            None => {
                found.certain.insert(trust.target.0);
            }
            Some(condition) => {
                let why = format!("the trust policy of the target requires {condition}");
                found.doubts.entry(why.into()).or_default().insert(trust.target.0);
            }
        }
    }

    /// Roles of one scope, or of all, that any of these services may assume.
    #[must_use]
    pub fn services(&self, services: &[String], scope: Option<EntityId>) -> Candidates {
        let mut out = Candidates::default();
        for by_scope in services.iter().filter_map(|service| self.services.get(service)) {
            for (_, found) in by_scope.iter().filter(|(own, _)| scope.is_none() || **own == scope) {
                out.certain |= &found.certain;
                out.possible |= &found.possible;
                for (why, entities) in &found.doubts {
                    *out.doubts.entry(Arc::clone(why)).or_default() |= entities;
                }
            }
        }
        out
    }

    /// Roles that trust a provider in whose id this text (lower case) is.
    #[must_use]
    pub fn federated(&self, text: &str) -> RoaringBitmap {
        let found = self.federated.iter().filter(|(provider, _)| provider.contains(text));
        found.fold(RoaringBitmap::new(), |all, (_, roles)| all | roles)
    }

    /// Roles, each with an identity provider that it trusts.
    pub fn providers(&self) -> impl Iterator<Item = (u32, u32)> {
        self.providers.iter().flat_map(|(&role, providers)| providers.iter().map(move |provider| (role, provider)))
    }
}

/// Whether a condition (canonical JSON) asks of a service only that it acts for this account: it looks at nothing but
/// `aws:SourceAccount` and `aws:SourceArn`, and any resource of the account will do.
fn from_own_account(condition: &str, account: &str) -> bool {
    type Tests = BTreeMap<String, BTreeMap<String, Vec<String>>>;
    let Ok(operators) = serde_json::from_str::<Tests>(condition) else { return false };
    let holds = |operator: &str, key: &str, value: &str| {
        let operator = operator.to_ascii_lowercase();
        let operator = operator.strip_suffix("ifexists").unwrap_or(&operator);
        match (key.to_ascii_lowercase().as_str(), operator) {
            ("aws:sourceaccount", "stringequals" | "stringequalsignorecase") => value == account,
            ("aws:sourceaccount", "stringlike") => glob(value, account),
            ("aws:sourcearn", "arnlike" | "arnequals" | "stringlike") => covers_account(value, account),
            _ => false,
        }
    };
    !account.is_empty()
        && operators.iter().all(|(operator, keys)| {
            keys.iter().all(|(key, values)| values.iter().any(|value| holds(operator, key, value)))
        })
}

/// Whether an ARN pattern lets every resource of some service in the account through, whatever its name is:
/// `arn:aws:ecs:*:111122223333:*`, `arn:aws:lambda:us-east-1:111122223333:function:*`.
fn covers_account(pattern: &str, account: &str) -> bool {
    let mut parts = pattern.splitn(6, ':');
    let (scheme, own, resource) = (parts.next(), parts.nth(3), parts.next());
    let kind = resource.and_then(|resource| resource.strip_suffix('*'));
    let any_name = kind.is_some_and(|kind| {
        let name = kind.trim_end_matches(['/', ':']);
        name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') && (kind.is_empty() || kind != name)
    });
    scheme == Some("arn") && own.is_some_and(|own| glob(own, account)) && any_name
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "111122223333";

    #[test]
    fn a_service_that_acts_for_the_own_account_is_let_in() {
        for condition in [
            r#"{"StringEquals":{"aws:SourceAccount":["111122223333"]}}"#,
            r#"{"StringEquals":{"AWS:SourceAccount":["444455556666","111122223333"]}}"#,
            r#"{"StringLike":{"aws:SourceAccount":["1111*"]}}"#,
            r#"{"StringEqualsIfExists":{"aws:SourceAccount":["111122223333"]}}"#,
            r#"{"ArnLike":{"aws:SourceArn":["arn:aws:ecs:eu-west-1:111122223333:*"]}}"#,
            r#"{"ArnLike":{"aws:SourceArn":["arn:aws:lambda:*:111122223333:function:*"]}}"#,
            r#"{"ArnLike":{"aws:SourceArn":["arn:aws:codebuild:*:*:project/*"]},
                "StringEquals":{"aws:SourceAccount":["111122223333"]}}"#,
        ] {
            assert!(from_own_account(condition, OWN), "{condition}");
        }
    }

    #[test]
    fn every_other_condition_stays_open() {
        for condition in [
            r#"{"StringEquals":{"aws:SourceAccount":["444455556666"]}}"#,
            r#"{"StringNotEquals":{"aws:SourceAccount":["111122223333"]}}"#,
            r#"{"ForAllValues:StringEquals":{"aws:SourceAccount":["111122223333"]}}"#,
            r#"{"StringEquals":{"sts:ExternalId":["111122223333"]}}"#,
            r#"{"StringEquals":{"aws:SourceAccount":["111122223333"],"aws:RequestedRegion":["us-east-1"]}}"#,
            r#"{"ArnLike":{"aws:SourceArn":["arn:aws:ecs:*:444455556666:*"]}}"#,
            r#"{"ArnLike":{"aws:SourceArn":["arn:aws:codebuild:*:111122223333:project/release"]}}"#,
            r#"{"ArnLike":{"aws:SourceArn":["arn:aws:codebuild:*:111122223333:project/release-*"]}}"#,
            r#"{"StringEquals":{"aws:SourceArn":["arn:aws:ecs:*:111122223333:*"]}}"#,
            r#"{"StringEquals":{"aws:SourceAccount":["${aws:PrincipalAccount}"]}}"#,
            "not JSON",
        ] {
            assert!(!from_own_account(condition, OWN), "{condition}");
        }
        assert!(!from_own_account(r#"{"StringLike":{"aws:SourceAccount":["*"]}}"#, ""));
    }

    #[test]
    fn reasons_are_those_of_the_targets_asked_about_and_few() {
        let mut candidates = Candidates::all((0..9).collect());
        (1..7).for_each(|entity| candidates.doubt(entity, &format!("reason {entity}")));
        candidates.remove(6);
        candidates.tidy();
        assert_eq!(candidates.certain, RoaringBitmap::from_iter([0, 7, 8]));
        assert_eq!(candidates.reasons(&RoaringBitmap::from_iter([0, 2])), ["reason 2"]);
        let all = candidates.reasons(&candidates.possible);
        assert_eq!(all[..4], ["reason 1", "reason 2", "reason 3", "reason 4"]);
        assert_eq!(all[4..], ["with some of 5 targets: more reasons of this kind"]);
        assert!(candidates.reasons(&RoaringBitmap::from_iter([6])).is_empty());
    }
}
