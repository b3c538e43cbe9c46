//! Deny policies (IAM v2): who may not do what, whoever gives it to them.

use serde_json::Value;

use super::super::names;
use super::estate::{Estate, Right};
use super::policy::conditioned;
use super::value::{field, list, text};
use crate::model::Effect;

/// Whether a record is a deny policy.
#[must_use]
pub fn is_deny(value: &Value) -> bool {
    let named = text(value, "name").is_some_and(|name| name.contains("/denypolicies/"));
    named || text(value, "kind").is_some_and(|kind| kind.eq_ignore_ascii_case("DenyPolicy"))
}

/// Reads a deny policy.
pub fn read(estate: &mut Estate<'_>, value: &Value, place: &str) {
    let name = text(value, "name").unwrap_or_default();
    let Some(point) = names::attachment_point(&name) else {
        let message = format!("`{name}` does not say what the deny policy is attached to: `gcloud iam policies get … --kind=denypolicies` does");
        return estate.out.skip("name_invalid", place, message);
    };
    let scope = estate.scope(&point);
    let resource = estate.out.entity(scope).id.clone();
    let short = name.rsplit('/').next().unwrap_or_default();
    let Some(rules) = field(value, "rules") else {
        let message = format!("deny policy `{short}` of `{}` has no rules in this file: what it denies is not known (`gcloud iam policies get` has them)", point.name);
        return estate.warn("deny_rules_missing", place, message);
    };
    let Value::Array(rules) = rules else {
        return estate.wrong(&format!("{place}/rules"), "a list of rules", rules);
    };
    estate.out.source.records += 1;
    for (at, rule) in rules.iter().enumerate() {
        let place = format!("{place}/rules/{at}");
        match field(rule, "denyRule") {
            Some(rule) => read_rule(estate, &resource, short, rule, at, &place),
            None => estate.out.skip("record_invalid", &place, "a rule of a deny policy without `denyRule`".to_owned()),
        }
    }
}

fn read_rule(estate: &mut Estate<'_>, resource: &str, policy: &str, rule: &Value, at: usize, place: &str) {
    let permissions = |key: &str| -> Vec<String> {
        list(rule, key).iter().filter_map(Value::as_str).map(names::permission).collect()
    };
    let (denied, spared) = (permissions("deniedPermissions"), permissions("exceptionPermissions"));
    if denied.is_empty() {
        return estate.out.skip("record_invalid", place, "a deny rule denies no permission".to_owned());
    }
    let mut not_principals = Vec::new();
    for (number, one) in list(rule, "exceptionPrincipals").iter().enumerate() {
        let place = format!("{place}/denyRule/exceptionPrincipals/{number}");
        let Some(one) = one.as_str() else {
            estate.wrong(&place, "a principal", one);
            continue;
        };
        if let Some(handle) = estate.who(one, &place) {
            not_principals.push(estate.out.entity(handle).id.clone());
        }
    }
    // Times cannot be asked for here: what is asked is about tags, which no export has with the resources.
    let condition = conditioned(field(rule, "denialCondition"));
    for (number, one) in list(rule, "deniedPrincipals").iter().enumerate() {
        let place = format!("{place}/denyRule/deniedPrincipals/{number}");
        let Some(one) = one.as_str() else {
            estate.wrong(&place, "a principal", one);
            continue;
        };
        let Some(holder) = estate.who(one, &place) else { continue };
        estate.grant(Right {
            holder,
            effect: Effect::Deny,
            actions: denied.clone(),
            not_actions: spared.clone(),
            resource,
            not_principals: not_principals.clone(),
            condition: condition.condition.clone(),
            policy,
            statement: format!("rules/{at}"),
            expires_at: condition.expires_at,
            place: &place,
        });
    }
}
