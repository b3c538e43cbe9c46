//! Auth methods: mounts, roles, users and groups of each, and whom a role lets in.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::record::Record;
use crate::model::{CredentialKind, EntityKind, Handle, IssueSeverity, Layer, Trust, TrustKind};

/// Facts about roles that findings and techniques read.
const FACTS: [&str; 20] = [
    "bind_secret_id",
    "secret_id_ttl",
    "secret_id_num_uses",
    "token_ttl",
    "token_max_ttl",
    "token_period",
    "token_explicit_max_ttl",
    "token_type",
    "token_num_uses",
    "token_no_default_policy",
    "role_type",
    "user_claim",
    "bound_subject",
    "bound_claims_type",
    "alias_name_source",
    "orphan",
    "renewable",
    "auth_type",
    "local_secret_ids",
    "period",
];

/// Mounts: the path and type of every auth method or secrets engine.
pub fn mounts(record: &mut Record<'_>) {
    record.out.source.records += 1;
    let auth = record.path == "sys/auth" || record.data.contains_key("token/");
    for (path, mount) in std::mem::take(&mut record.data) {
        let text = |key: &str| mount.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (kind, accessor) = (text("type"), text("accessor"));
        if kind.is_empty() || !path.ends_with('/') {
            continue;
        }
        let path = path.trim_matches('/');
        let full = if auth { format!("auth/{path}") } else { path.to_owned() };
        let entity = record.entity(&full, EntityKind::Resource, path);
        let handle = record.out.define(entity);
        record.out.attribute(handle, if auth { "auth_method" } else { "engine" }, &kind);
        if !accessor.is_empty() {
            record.out.attribute(handle, "accessor", &accessor);
        }
    }
}

/// What the path of an auth method's answer says: mount, collection, name, and what follows.
struct Place {
    mount: String,
    collection: &'static str,
    name: String,
    rest: String,
}

impl Place {
    fn of(path: &str) -> Option<Self> {
        let parts: Vec<&str> = path.split('/').collect();
        let known = ["role", "roles", "users", "groups", "certs", "config"];
        let at = (2..parts.len()).find(|&at| known.contains(&parts[at]))?;
        let collection = known.into_iter().find(|one| *one == parts[at])?;
        Some(Self {
            mount: parts[..at].join("/"),
            collection,
            name: parts.get(at + 1).copied().unwrap_or_default().to_owned(),
            rest: parts.get(at + 2..).unwrap_or_default().join("/"),
        })
    }
}

/// An answer below `auth/`.
pub fn answer(record: &mut Record<'_>) {
    let Some(place) = Place::of(&record.path) else {
        let (at, message) = (record.place.clone(), format!("the answer of `{}` is not used", record.path));
        return record.out.issue(IssueSeverity::Note, "answer_not_used", &at, message);
    };
    if place.collection == "config" {
        return config(record, &place.mount);
    }
    if place.name.is_empty() {
        return record.skip("name_missing", format!("`{}` does not end in a name", record.path));
    }
    match place.rest.split('/').next().unwrap_or_default() {
        "" => holder(record, &place),
        "role-id" => role_id(record, &place),
        "secret-id-accessor" => secret_id(record, &place),
        _ => {}
    }
}

fn path_of(place: &Place) -> String {
    format!("{}/{}/{}", place.mount, place.collection, place.name)
}

fn kind_of(place: &Place) -> EntityKind {
    match place.collection {
        "users" => EntityKind::User,
        "groups" => EntityKind::Group,
        _ => EntityKind::Role,
    }
}

/// The type of a method: what its answers look like, where the list of mounts is in another file.
fn method(record: &Record<'_>, place: &Place) -> &'static str {
    let has = |key: &str| record.data.contains_key(key);
    match place.collection {
        "users" if has("groups") => "ldap",
        "users" => "userpass",
        "groups" => "ldap",
        "certs" => "cert",
        _ if place.mount == "auth/token" || has("allowed_policies") => "token",
        _ if has("bind_secret_id") || has("secret_id_ttl") => "approle",
        _ if has("bound_service_account_names") => "kubernetes",
        _ if has("bound_claims") || has("bound_subject") || has("user_claim") => "jwt",
        _ if has("bound_iam_principal_arn") || has("bound_account_id") => "aws",
        _ if has("bound_service_accounts") => "gcp",
        _ if has("bound_service_principal_ids") => "azure",
        _ => "other",
    }
}

/// A role, user or group that gives policies to who logs in through it.
fn holder(record: &mut Record<'_>, place: &Place) {
    record.out.source.records += 1;
    let method = method(record, place);
    let mut entity = record.entity(&path_of(place), kind_of(place), &place.name);
    if kind_of(place) == EntityKind::Role && !matches!(method, "token" | "other") {
        let people = method == "jwt" && record.text("role_type").is_none_or(|role| role == "oidc");
        entity.nhi = (!people).then_some(true);
        entity.nhi_reason = (!people).then(|| format!("role of {method}, through which machines log in"));
    }
    let handle = record.out.define(entity);
    let mount = record.refer(&place.mount, EntityKind::Resource, place.mount.trim_start_matches("auth/"));
    if record.out.entity(mount).present {
        // The list of mounts says it better.
    } else {
        record.out.attribute(mount, "auth_method", method);
    }
    record.out.attribute(handle, "auth_method", method);
    record.facts(handle, &FACTS);
    if method == "token" {
        record.expect_lists(&["allowed_policies", "disallowed_policies", "allowed_policies_glob"]);
        let allowed = record.list("allowed_policies");
        record.out.attribute(handle, "limits_policies", if allowed.is_empty() { "false" } else { "true" });
        record.attach(handle, &allowed);
    } else {
        record.attach_token_policies(handle);
    }
    if method == "userpass" {
        let id = format!("{}/{}#password", super::super::names::CLUSTER, path_of(place));
        record.credential(&id, handle, CredentialKind::Password, [None, None]);
    }
    for group in record.list("groups").iter().filter(|_| method == "ldap" && place.collection == "users") {
        let group = record.refer(&format!("{}/groups/{group}", place.mount), EntityKind::Group, group);
        record.member(handle, group, crate::model::MembershipKind::MemberOf, None);
    }
    trusts(record, handle, place, method);
}

/// The id by which entities that come from an `AppRole` are known.
fn role_id(record: &mut Record<'_>, place: &Place) {
    let Some(id) = record.text("role_id") else { return };
    record.out.source.records += 1;
    let role = record.refer(&path_of(place), EntityKind::Role, &place.name);
    record.out.attribute(role, "role_id", &id);
}

/// A secret id by its accessor.
fn secret_id(record: &mut Record<'_>, place: &Place) {
    let Some(accessor) = record.text("secret_id_accessor") else {
        return record.skip("record_invalid", "a secret id has no accessor".to_owned());
    };
    record.out.source.records += 1;
    let role = record.refer(&path_of(place), EntityKind::Role, &place.name);
    let dates = [record.time("creation_time"), record.time("expiration_time")];
    record.credential(&accessor, role, CredentialKind::ClientSecret, dates);
}

/// Whose tokens a method takes: kept with the mount, for the trusts of its roles.
fn config(record: &mut Record<'_>, mount: &str) {
    let keys = ["bound_issuer", "oidc_discovery_url", "issuer", "kubernetes_host"];
    let Some(issuer) = keys.iter().find_map(|key| record.text(key)) else { return };
    record.out.source.records += 1;
    let handle = record.refer(mount, EntityKind::Resource, mount.trim_start_matches("auth/"));
    let issuer = issuer.split_once("://").map_or(issuer.as_str(), |(_, rest)| rest).trim_end_matches('/').to_owned();
    record.out.attribute(handle, "issuer", &issuer);
}

/// Claims with the values that a role asks for, by operator.
type Claims = BTreeMap<&'static str, BTreeMap<String, Vec<String>>>;

/// Puts down whom a role lets in. The issuer is known by the mount until all files are read.
fn trusts(record: &mut Record<'_>, role: Handle, place: &Place, method: &str) {
    match method {
        "kubernetes" => {
            record.expect_lists(&["bound_service_account_names", "bound_service_account_namespaces"]);
            let (names, spaces) =
                (record.list("bound_service_account_names"), record.list("bound_service_account_namespaces"));
            let subjects: Vec<String> = spaces
                .iter()
                .flat_map(|space| names.iter().map(move |name| format!("system:serviceaccount:{space}:{name}")))
                .collect();
            let mut claims = Claims::new();
            add(&mut claims, "StringLike", "sub", subjects.clone());
            if record.text("bound_service_account_namespace_selector").is_some() {
                add(&mut claims, "StringEquals", "namespace_labels", vec!["selected".to_owned()]);
                add(
                    &mut claims,
                    "StringLike",
                    "sub",
                    names.iter().map(|name| format!("system:serviceaccount:*:{name}")).collect(),
                );
            } else if subjects.is_empty() {
                return;
            }
            trust(record, role, &place.mount, &claims);
        }
        "jwt" => {
            let claims = jwt_claims(record);
            trust(record, role, &place.mount, &claims);
        }
        "gcp" => {
            let mut claims = Claims::new();
            add(&mut claims, "StringEquals", "email", record.list("bound_service_accounts"));
            trust(record, role, "accounts.google.com", &claims);
        }
        "azure" => {
            let mut claims = Claims::new();
            add(&mut claims, "StringEquals", "oid", record.list("bound_service_principal_ids"));
            trust(record, role, "sts.windows.net", &claims);
        }
        "aws" => {
            for arn in record.list("bound_iam_principal_arn") {
                aws(record, role, &arn);
            }
        }
        _ => {}
    }
}

fn add(claims: &mut Claims, operator: &'static str, claim: &str, values: Vec<String>) {
    if !values.is_empty() {
        claims.entry(operator).or_default().entry(claim.to_owned()).or_default().extend(values);
    }
}

fn jwt_claims(record: &Record<'_>) -> Claims {
    let mut claims = Claims::new();
    add(&mut claims, "StringEquals", "sub", record.text("bound_subject").into_iter().collect());
    add(&mut claims, "StringEquals", "aud", record.list("bound_audiences"));
    let glob = record.text("bound_claims_type").as_deref() == Some("glob");
    let operator = if glob { "StringLike" } else { "StringEquals" };
    let bound = record.data.get("bound_claims").and_then(Value::as_object).cloned().unwrap_or_default();
    for (claim, values) in &bound {
        let values = match values {
            Value::Array(list) => list.iter().map(plain).collect(),
            one => vec![plain(one)],
        };
        add(&mut claims, operator, claim.trim_start_matches('/'), values);
    }
    claims
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// One trust in an issuer.
fn trust(record: &mut Record<'_>, target: Handle, issuer: &str, claims: &Claims) {
    let operators: Map<String, Value> = claims
        .iter()
        .map(|(operator, keys)| {
            let keys: Map<String, Value> =
                keys.iter().map(|(claim, values)| (format!("{issuer}:{claim}"), json!(values))).collect();
            ((*operator).to_owned(), Value::Object(keys))
        })
        .collect();
    let condition = (!operators.is_empty()).then(|| Value::Object(operators).to_string());
    put(record, target, None, format!("Federated:{issuer}"), TrustKind::Federated, condition);
}

fn aws(record: &mut Record<'_>, target: Handle, arn: &str) {
    let whole = arn.starts_with("arn:") && !arn.contains('*');
    let trustee = whole.then(|| {
        let kind = if arn.contains(":user/") { EntityKind::User } else { EntityKind::Role };
        record.out.refer(arn, "aws", kind, arn.rsplit('/').next().unwrap_or(arn))
    });
    put(record, target, trustee, format!("AWS:{arn}"), TrustKind::External, None);
}

fn put(
    record: &mut Record<'_>,
    target: Handle,
    trustee: Option<Handle>,
    trustee_pattern: String,
    kind: TrustKind,
    condition: Option<String>,
) {
    let name = record.out.entity(target).name.clone();
    let mut grant = record.grant(target, &name, "login");
    let number = grant.grant;
    grant.layer = Layer::Resource;
    grant.actions = vec!["acl:login".to_owned()];
    grant.principals = vec![trustee_pattern.clone()];
    grant.condition.clone_from(&condition);
    record.out.grants.push(grant);
    let action = "acl:login".to_owned();
    record.out.trusts.push(Trust { target, trustee, trustee_pattern, action, condition, kind, grant: number });
}
