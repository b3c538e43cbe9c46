//! The battery of single questions in `tests/battery/*.toml`: each with the answer that AWS's documentation gives.
//!
//! A file has `as_of` and `[[case]]` tables. A case names a world of `[worlds.NAME]` (`gaad`, `organization`,
//! `resource_policies`, JSON texts), or describes a small account itself: `identity` (policies of user `alice` and
//! role `app`), `boundary` (theirs), `trust` (of role `target`), `policy` (of the asked resource, or of
//! `policy_resource`; owner `policy_account`), `organization`. In these, a policy without `Statement` is a statement
//! or a list of them, to be wrapped with the current version. `principal` is a full ARN, or a short form of one in
//! account 111122223333: `user/alice` (the default), `role/app`.

use std::collections::BTreeMap;
use std::path::Path;

use overgrant::model::Decision;
use overgrant::model::text::parse_time;
use serde_json::{Value, json};
use toml::Table;

/// The account of self-described cases.
const ACCOUNT: &str = "111122223333";

/// One question with its exports and the documented answer.
#[derive(Debug, Clone)]
pub struct Case {
    pub id: String,
    pub about: String,
    /// Title or address of the documentation that the answer follows from.
    pub source: String,
    /// Authorization details, one document an account.
    pub gaad: Vec<Value>,
    pub organization: Option<Value>,
    pub resource_policies: Option<Value>,
    /// Time of the scan in milliseconds since 1970.
    pub as_of: i64,
    /// ARN of the asking user or role.
    pub principal: String,
    pub action: String,
    pub resource: String,
    pub context: BTreeMap<String, Vec<String>>,
    pub strict: bool,
    pub session_name: Option<String>,
    /// Session policies, each a JSON document.
    pub session_policies: Vec<String>,
    pub expect: Decision,
}

/// All cases of all files, in the order of file names.
///
/// # Panics
/// When a file is not as the format says: the battery is part of the tests.
pub fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/battery");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    files.iter().flat_map(|path| file_cases(path)).collect()
}

fn file_cases(path: &Path) -> Vec<Case> {
    let file: Table =
        std::fs::read_to_string(path).unwrap().parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let cases = file["case"].as_array().unwrap();
    cases.iter().map(|case| read(case.as_table().unwrap(), &file)).collect()
}

const FIELDS: &[&str] = &[
    "id",
    "about",
    "source",
    "world",
    "identity",
    "boundary",
    "trust",
    "policy",
    "policy_resource",
    "policy_account",
    "organization",
    "principal",
    "action",
    "resource",
    "context",
    "strict",
    "session_name",
    "session_policies",
    "expect",
];

fn read(case: &Table, file: &Table) -> Case {
    let id = text(case, "id").unwrap_or_else(|| panic!("a case without an id: {case:?}"));
    for key in case.keys() {
        assert!(FIELDS.contains(&key.as_str()), "{id}: no such field: {key}");
    }
    let need = |key: &str| text(case, key).unwrap_or_else(|| panic!("{id}: `{key}` is missing"));
    let resource = text(case, "resource").unwrap_or_else(|| "*".to_owned());
    let world = match text(case, "world") {
        Some(name) => file["worlds"][name.as_str()].as_table().unwrap().clone(),
        None => Table::new(),
    };
    let parsed = |key: &str| text(&world, key).map(|json| parse(&json, &id));
    let gaad = match parsed("gaad") {
        Some(Value::Array(pages)) => pages,
        Some(page) => vec![page],
        None => vec![account(case, &id)],
    };
    let as_of = text(&world, "as_of").or_else(|| text(file, "as_of")).unwrap();
    let principal = text(case, "principal").unwrap_or_else(|| "user/alice".to_owned());
    let expect = need("expect");
    Case {
        about: need("about"),
        source: need("source"),
        gaad,
        organization: parsed("organization").or_else(|| organization(case, file, &id)),
        resource_policies: parsed("resource_policies").or_else(|| resource_policies(case, &resource, &id)),
        as_of: parse_time(&as_of).unwrap(),
        principal: if principal.starts_with("arn:") {
            principal
        } else {
            format!("arn:aws:iam::{ACCOUNT}:{principal}")
        },
        action: need("action"),
        resource,
        context: context(case),
        strict: case.get("strict").is_some_and(|value| value.as_bool().unwrap()),
        session_name: text(case, "session_name"),
        session_policies: texts(case, "session_policies").iter().map(|json| policy(json, &id).to_string()).collect(),
        expect: Decision::parse(&expect).unwrap_or_else(|| panic!("{id}: no such answer: {expect}")),
        id,
    }
}

fn text(table: &Table, key: &str) -> Option<String> {
    table.get(key).map(|value| value.as_str().unwrap_or_else(|| panic!("`{key}` is no text")).to_owned())
}

/// A text or a list of texts.
fn texts(table: &Table, key: &str) -> Vec<String> {
    match table.get(key) {
        None => Vec::new(),
        Some(toml::Value::Array(items)) => items.iter().map(|item| item.as_str().unwrap().to_owned()).collect(),
        Some(item) => vec![item.as_str().unwrap().to_owned()],
    }
}

fn context(case: &Table) -> BTreeMap<String, Vec<String>> {
    let given = case.get("context").map(|value| value.as_table().unwrap().clone()).unwrap_or_default();
    given.keys().map(|key| (key.clone(), texts(&given, key))).collect()
}

fn parse(json: &str, id: &str) -> Value {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{id}: {error} in {json}"))
}

/// A whole document as it is, statements wrapped.
fn policy(json: &str, id: &str) -> Value {
    let value = parse(json, id);
    if value.get("Statement").is_some() {
        return value;
    }
    json!({"Version": "2012-10-17", "Statement": value})
}

/// The small account of a case that describes itself.
fn account(case: &Table, id: &str) -> Value {
    let inline: Vec<Value> = texts(case, "identity")
        .iter()
        .enumerate()
        .map(|(at, json)| json!({"PolicyName": format!("inline{at}"), "PolicyDocument": policy(json, id)}))
        .collect();
    let tags = json!([{"Key": "dept", "Value": "red"}, {"Key": "Team", "Value": "Blue"}]);
    let nobody = r#"{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}"#;
    let trust = policy(&text(case, "trust").unwrap_or_else(|| nobody.to_owned()), id);
    let mut alice = json!({"UserName": "alice", "UserId": "AIDAALICE", "Path": "/", "UserPolicyList": inline,
        "Arn": format!("arn:aws:iam::{ACCOUNT}:user/alice"), "Tags": tags, "GroupList": []});
    let mut app = json!({"RoleName": "app", "RoleId": "AROAAPP", "Path": "/", "RolePolicyList": inline,
        "Arn": format!("arn:aws:iam::{ACCOUNT}:role/app"), "Tags": tags,
        "AssumeRolePolicyDocument": policy(nobody, id)});
    let bob = json!({"UserName": "bob", "UserId": "AIDABOB", "Path": "/", "GroupList": [],
        "Arn": format!("arn:aws:iam::{ACCOUNT}:user/bob"), "Tags": [{"Key": "dept", "Value": "green"}]});
    let target = json!({"RoleName": "target", "RoleId": "AROATARGET", "Path": "/",
        "Arn": format!("arn:aws:iam::{ACCOUNT}:role/target"), "AssumeRolePolicyDocument": trust});
    let mut policies = Vec::new();
    if let Some(boundary) = text(case, "boundary") {
        let arn = format!("arn:aws:iam::{ACCOUNT}:policy/boundary");
        for holder in [&mut alice, &mut app] {
            holder["PermissionsBoundary"] = json!({"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn});
        }
        policies.push(json!({"PolicyName": "boundary", "Arn": arn, "DefaultVersionId": "v1", "PolicyVersionList": [
            {"VersionId": "v1", "IsDefaultVersion": true, "Document": policy(&boundary, id)}]}));
    }
    json!({"UserDetailList": [alice, bob], "GroupDetailList": [], "RoleDetailList": [app, target],
        "Policies": policies})
}

fn resource_policies(case: &Table, resource: &str, id: &str) -> Option<Value> {
    let document = policy(&text(case, "policy")?, id);
    let resource = text(case, "policy_resource").unwrap_or_else(|| resource.to_owned());
    let account = text(case, "policy_account").unwrap_or_else(|| ACCOUNT.to_owned());
    Some(json!([{"Resource": resource, "Policy": document, "Account": account}]))
}

/// The tree that `organization` names in `[organizations]`.
fn organization(case: &Table, file: &Table, id: &str) -> Option<Value> {
    let name = text(case, "organization")?;
    Some(parse(file["organizations"][name.as_str()].as_str().unwrap(), id))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::{Session, World};
    use super::*;

    #[test]
    fn the_reference_gives_every_documented_answer() {
        let mut wrong = Vec::new();
        let cases = cases();
        for case in &cases {
            let world =
                World::from_json(&case.gaad, case.organization.as_ref(), case.resource_policies.as_ref(), case.as_of);
            let session = Session {
                name: case.session_name.clone(),
                policies: case.session_policies.iter().map(|json| parse(json, &case.id)).collect(),
            };
            let answer = world
                .decide(&case.principal, &case.action, &case.resource, &case.context, case.strict, Some(&session))
                .unwrap();
            if answer != case.expect {
                wrong.push(format!("{}: {}: expected {}, got {answer}", case.id, case.about, case.expect));
            }
        }
        assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    }

    #[test]
    fn the_battery_is_large_and_its_ids_are_unique() {
        let cases = cases();
        let ids: BTreeSet<&str> = cases.iter().map(|case| case.id.as_str()).collect();
        assert_eq!(ids.len(), cases.len());
        assert!(cases.len() >= 140, "{}", cases.len());
        assert!(cases.iter().all(|case| !case.about.is_empty() && !case.source.is_empty()));
    }
}
