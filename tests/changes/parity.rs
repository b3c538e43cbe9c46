//! A snapshot that was changed says what a scan of the changed export says.
//!
//! Exports are changed by hand here, as somebody who changes the platform would find them afterwards; the drafts are
//! written beside them. Compared is all that the tables say ([`digest`]), and what follows for permissions.

use overgrant::access::{Evaluators, Settings};
use overgrant::change::{apply, digest, read as read_draft};
use overgrant::model::{Access, Tables};
use serde_json::{Value, json};

use super::{read, set};

const ACCOUNT: &str = "111122223333";

fn arn(what: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:{what}")
}

fn document(actions: &Value, resource: &str) -> Value {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": resource}]})
}

fn trust(principal: &Value) -> Value {
    json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}]})
}

/// An account with two users, two groups, a role and two managed policies.
fn account() -> Value {
    let managed = |name: &str, actions: Value| {
        json!({"PolicyName": name, "Arn": arn(&format!("policy/{name}")), "DefaultVersionId": "v1",
            "PolicyVersionList": [{"VersionId": "v1", "IsDefaultVersion": true, "Document": document(&actions, "*")}]})
    };
    json!({
        "UserDetailList": [
            {"UserName": "ada", "UserId": "AIDAADA", "Path": "/", "Arn": arn("user/ada"), "GroupList": ["ops"],
             "UserPolicyList": [{"PolicyName": "own", "PolicyDocument": document(&json!(["s3:GetObject"]), "*")}],
             "AttachedManagedPolicies": [{"PolicyName": "read", "PolicyArn": arn("policy/read")}]},
            {"UserName": "bob", "UserId": "AIDABOB", "Path": "/", "Arn": arn("user/bob"), "GroupList": [],
             "UserPolicyList": [], "AttachedManagedPolicies": []},
        ],
        "GroupDetailList": [
            {"GroupName": "ops", "GroupId": "AGPAOPS", "Path": "/", "Arn": arn("group/ops"), "AttachedManagedPolicies": [],
             "GroupPolicyList": [{"PolicyName": "ops", "PolicyDocument": document(&json!(["iam:*"]), "*")}]},
            {"GroupName": "dev", "GroupId": "AGPADEV", "Path": "/", "Arn": arn("group/dev"), "GroupPolicyList": [],
             "AttachedManagedPolicies": [{"PolicyName": "write", "PolicyArn": arn("policy/write")}]},
        ],
        "RoleDetailList": [
            {"RoleName": "app", "RoleId": "AROAAPP", "Path": "/", "Arn": arn("role/app"), "RolePolicyList": [],
             "AssumeRolePolicyDocument": trust(&json!({"AWS": arn("user/ada")})), "InstanceProfileList": [],
             "AttachedManagedPolicies": [{"PolicyName": "write", "PolicyArn": arn("policy/write")}]},
        ],
        "Policies": [managed("read", json!(["s3:Get*", "s3:List*"])), managed("write", json!(["s3:*", "sqs:*"]))],
    })
}

fn scan(account: &Value) -> Tables {
    read(&[("account.json", &account.to_string())])
}

/// What every principal may do, by id.
fn access(tables: &Tables) -> Vec<(String, String, String, u32, u64, String)> {
    let evaluators = Evaluators::new(tables, Settings { as_of: 1_795_305_600_000 });
    let row = |row: Access| {
        let id = tables.entity(row.entity).id.clone();
        // Masses are sums of small numbers: equal to the last bit when equal at all, and compared to a millionth.
        let mass = (row.mass * 1e6).round().to_bits();
        (id, row.service, row.level, row.granted_n, mass, row.breadth)
    };
    evaluators.access().iter().map(row).collect()
}

fn assert_parity(what: &str, before: &Tables, changes: &Value, after: &Tables) {
    let applied = apply(before, &set(changes)).unwrap_or_else(|errors| panic!("{what}: {errors:?}"));
    assert_eq!(access(&applied.tables), access(after), "{what}");
    if digest(&applied.tables) != digest(after) {
        assert_eq!(applied.tables.attributes.len(), after.attributes.len(), "{what}");
        let plain = |tables: &Tables| {
            let mut tables = tables.clone();
            tables.issues.clear();
            tables.sources.clear();
            format!("{tables:#?}")
        };
        let (ours, theirs) = (plain(&applied.tables), plain(after));
        let lines = ours.lines().zip(theirs.lines()).filter(|(a, b)| {
            a != b && !["source", "record", "Source", "\"/"].iter().any(|word| a.contains(word) || b.contains(word))
        });
        panic!("{what}: {:#?}", lines.take(20).collect::<Vec<_>>());
    }
}

/// Changes a copy of the account.
fn edited(edit: impl Fn(&mut Value)) -> Tables {
    let mut account = account();
    edit(&mut account);
    scan(&account)
}

#[test]
fn memberships_attachments_and_boundaries_of_aws() {
    let before = scan(&account());
    assert_parity(
        "add_member",
        &before,
        &json!([{"op": "add_member", "container": arn("group/ops"), "member": arn("user/bob")}]),
        &edited(|account| account["UserDetailList"][1]["GroupList"] = json!(["ops"])),
    );
    assert_parity(
        "remove_member",
        &before,
        &json!([{"op": "remove_member", "container": arn("group/ops"), "member": arn("user/ada")}]),
        &edited(|account| account["UserDetailList"][0]["GroupList"] = json!([])),
    );
    let write = json!([{"PolicyName": "write", "PolicyArn": arn("policy/write")}]);
    assert_parity(
        "attach",
        &before,
        &json!([{"op": "attach", "holder": arn("user/bob"), "policy": arn("policy/write")}]),
        &edited(|account| account["UserDetailList"][1]["AttachedManagedPolicies"] = write.clone()),
    );
    assert_parity(
        "detach",
        &before,
        &json!([{"op": "detach", "holder": arn("group/dev"), "policy": arn("policy/write")}]),
        &edited(|account| account["GroupDetailList"][1]["AttachedManagedPolicies"] = json!([])),
    );
    assert_parity(
        "set_boundary",
        &before,
        &json!([{"op": "set_boundary", "principal": arn("role/app"), "policy": arn("policy/read")}]),
        &edited(|account| {
            account["RoleDetailList"][0]["PermissionsBoundary"] =
                json!({"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn("policy/read")});
        }),
    );
}

#[test]
fn statements_and_trusts_of_aws() {
    let before = scan(&account());
    assert_parity(
        "put_grant of a new policy",
        &before,
        &json!([{"op": "put_grant", "holder": arn("user/bob"), "policy": "inline:new", "statement": "S", "effect": "allow",
            "actions": ["sts:AssumeRole"], "resources": [arn("role/app")],
            "condition": {"Bool": {"aws:MultiFactorAuthPresent": ["true"]}}}]),
        &edited(|account| {
            account["UserDetailList"][1]["UserPolicyList"] = json!([{"PolicyName": "new", "PolicyDocument": {
                "Version": "2012-10-17", "Statement": [{"Sid": "S", "Effect": "Allow", "Action": "sts:AssumeRole",
                "Resource": arn("role/app"), "Condition": {"Bool": {"aws:MultiFactorAuthPresent": true}}}]}}]);
        }),
    );
    assert_parity(
        "put_grant in place of a statement",
        &before,
        &json!([{"op": "put_grant", "holder": arn("group/ops"), "policy": "inline:ops", "statement": "#0",
            "effect": "allow", "actions": ["iam:Get*"], "resources": ["*"]}]),
        &edited(|account| {
            account["GroupDetailList"][0]["GroupPolicyList"][0]["PolicyDocument"] = document(&json!(["iam:Get*"]), "*");
        }),
    );
    assert_parity(
        "put_grant in a managed policy",
        &before,
        &json!([{"op": "put_grant", "holder": arn("policy/read"), "policy": arn("policy/read"), "statement": "#0",
            "effect": "allow", "actions": ["s3:*"], "resources": ["*"]}]),
        &edited(|account| {
            account["Policies"][0]["PolicyVersionList"][0]["Document"] = document(&json!(["s3:*"]), "*");
        }),
    );
    assert_parity(
        "delete_grant",
        &before,
        &json!([{"op": "delete_grant", "holder": arn("user/ada"), "policy": "inline:own", "statement": "#0"}]),
        &edited(|account| account["UserDetailList"][0]["UserPolicyList"] = json!([])),
    );
    assert_parity(
        "set_trust",
        &before,
        &json!([{"op": "set_trust", "principal": arn("role/app"), "trustees": [
            {"trustee": format!("AWS:{}", arn("user/bob")), "action": "sts:AssumeRole"}]}]),
        &edited(|account| {
            account["RoleDetailList"][0]["AssumeRolePolicyDocument"] = trust(&json!({"AWS": arn("user/bob")}));
        }),
    );
    for (pattern, principal) in [
        ("AWS:arn:aws:iam::999988887777:root", json!({"AWS": "arn:aws:iam::999988887777:root"})),
        ("AWS:111122223333", json!({"AWS": "111122223333"})),
        ("Service:ec2.amazonaws.com", json!({"Service": "ec2.amazonaws.com"})),
        ("*", json!("*")),
        ("AWS:AIDAEXAMPLEEXAMPLE123", json!({"AWS": "AIDAEXAMPLEEXAMPLE123"})),
        (
            "AWS:arn:aws:sts::111122223333:assumed-role/app/x",
            json!({"AWS": "arn:aws:sts::111122223333:assumed-role/app/x"}),
        ),
    ] {
        let changes = json!([{"op": "set_trust", "principal": arn("role/app"),
            "trustees": [{"trustee": pattern, "action": "sts:AssumeRole"}]}]);
        let after = edited(|account| account["RoleDetailList"][0]["AssumeRolePolicyDocument"] = trust(&principal));
        let applied = apply(&before, &set(&changes)).unwrap();
        assert_eq!(applied.tables.trusts.len(), 1, "{pattern}");
        let row = |tables: &Tables| {
            let row = &tables.trusts[0];
            (row.kind, row.trustee.map(|one| tables.entity(one).id.clone()), row.trustee_pattern.clone())
        };
        assert_eq!(row(&applied.tables), row(&after), "{pattern}");
        assert_eq!(access(&applied.tables), access(&after), "{pattern}");
    }
}

#[test]
fn principals_of_aws_that_come_and_go() {
    let before = scan(&account());
    assert_parity(
        "create_principal",
        &before,
        &json!([
            {"op": "create_principal", "principal": arn("role/new"), "kind": "role", "scope": format!("aws:account/{ACCOUNT}"),
             "unique_id": "AROANEW", "attributes": {"path": ["/"]}},
            {"op": "set_trust", "principal": arn("role/new"), "trustees": [
                {"trustee": "Service:lambda.amazonaws.com", "action": "sts:AssumeRole"}]},
            {"op": "attach", "holder": arn("role/new"), "policy": arn("policy/read")},
        ]),
        &edited(|account| {
            let roles = account["RoleDetailList"].as_array_mut().unwrap();
            roles.push(json!({"RoleName": "new", "RoleId": "AROANEW", "Path": "/", "Arn": arn("role/new"),
                "RolePolicyList": [], "InstanceProfileList": [],
                "AssumeRolePolicyDocument": trust(&json!({"Service": "lambda.amazonaws.com"})),
                "AttachedManagedPolicies": [{"PolicyName": "read", "PolicyArn": arn("policy/read")}]}));
        }),
    );
    let after = edited(|account| drop(account["UserDetailList"].as_array_mut().unwrap().remove(1)));
    assert_parity(
        "delete_principal",
        &before,
        &json!([{"op": "delete_principal", "principal": arn("user/bob")}]),
        &after,
    );
}

const CLUSTER: &str = "apiVersion: v1\nkind: Namespace\nmetadata: {name: dev}\n---\n\
    apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: builder, namespace: dev}\n---\n\
    apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: reader, namespace: dev}\n\
    rules:\n- {apiGroups: [''], resources: [pods], verbs: [get, list]}\n---\n\
    apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: readers, namespace: dev}\n\
    roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}\n\
    subjects:\n- {kind: ServiceAccount, name: builder, namespace: dev}\n";

#[test]
fn manifests_of_kubernetes() {
    let before = read(&[("all.yaml", CLUSTER)]);
    for (what, old, new) in [
        ("a rule gets a verb", "verbs: [get, list]", "verbs: [get, list, delete]"),
        ("a rule gets a resource", "resources: [pods]", "resources: [pods, secrets]"),
        (
            "a binding gets a person",
            "name: builder, namespace: dev}\n",
            "name: builder, namespace: dev}\n- {kind: User, name: ada}\n",
        ),
        (
            "a binding loses all",
            "subjects:\n- {kind: ServiceAccount, name: builder, namespace: dev}\n",
            "subjects: []\n",
        ),
    ] {
        let changed = match CLUSTER.rfind(old) {
            Some(at) => format!("{}{new}{}", &CLUSTER[..at], &CLUSTER[at + old.len()..]),
            None => panic!("{what}"),
        };
        let after = read(&[("all.yaml", &changed)]);
        let draft = read_draft(changed.as_bytes(), "draft.yaml", &before).unwrap_or_else(|errors| panic!("{errors:?}"));
        assert_eq!(draft.form, "manifest");
        assert!(!draft.set.changes.is_empty(), "{what}");
        let changes = serde_json::to_value(&draft.set.changes).unwrap();
        let applied = apply(&before, &set(&changes)).unwrap_or_else(|errors| panic!("{what}: {errors:?}"));
        assert_eq!(access(&applied.tables), access(&after), "{what}: {changes}");
        assert_eq!(digest(&applied.tables), digest(&after), "{what}: {changes}");
    }
    let same = read_draft(CLUSTER.as_bytes(), "draft.yaml", &before).unwrap();
    assert_eq!(same.set.changes, [], "what is there already changes nothing");
}

#[test]
fn accounts_of_kubernetes_are_in_their_groups_without_being_told() {
    let role = "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: all, namespace: dev}\n\
        roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}\n\
        subjects:\n- {kind: Group, name: 'system:serviceaccounts:dev'}\n";
    let account = "---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: runner, namespace: dev}\n";
    let before = read(&[("all.yaml", &format!("{CLUSTER}{role}"))]);
    let after = read(&[("all.yaml", &format!("{CLUSTER}{role}{account}"))]);
    let id = "kubernetes:kubernetes/dev/serviceaccount/runner";
    let applied = apply(
        &before,
        &set(&json!([{"op": "create_principal", "principal": id, "kind": "service_account", "scope": "kubernetes:kubernetes"}])),
    )
    .unwrap();
    assert_eq!(access(&applied.tables), access(&after));
    assert!(access(&applied.tables).iter().any(|row| row.0 == id), "it reads what its group reads");
}

const SUBSCRIPTION: &str = "/subscriptions/22222222-2222-4222-8222-222222222222";

fn assignment(number: u32, principal: u32, role: &str) -> Value {
    let name = format!("aaaaaaaa-0000-4000-8000-{number:012}");
    json!({
        "id": format!("{SUBSCRIPTION}/providers/Microsoft.Authorization/roleAssignments/{name}"), "name": name,
        "principalId": format!("bbbbbbbb-0000-4000-8000-{principal:012}"), "principalName": format!("p{principal}@example.com"),
        "principalType": "User", "scope": SUBSCRIPTION, "condition": null, "conditionVersion": null,
        "roleDefinitionId": format!("{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{role}"),
        "roleDefinitionName": "", "createdOn": "2025-05-01T00:00:00Z", "type": "Microsoft.Authorization/roleAssignments",
    })
}

#[test]
fn role_assignments_of_azure() {
    let (contributor, owner) = ("b24988ac-6180-42a0-ab88-20f7382dd24c", "8e3af657-a8ff-443c-a75c-2fe8c4bcb635");
    let scan = |rows: &[Value]| read(&[("assignments.json", &json!(rows).to_string())]);
    let rows = [assignment(1, 1, contributor), assignment(2, 2, owner)];
    let before = scan(&rows);
    let one = |number: u32| format!("azure:object/bbbbbbbb-0000-4000-8000-{number:012}");
    let more = [rows[0].clone(), rows[1].clone(), assignment(3, 1, owner)];
    let policy = "Owner";
    assert_parity(
        "a role more",
        &before,
        &json!([{"op": "put_grant", "holder": one(1), "policy": policy, "statement": "aaaaaaaa-0000-4000-8000-000000000003",
            "effect": "allow", "actions": [format!("role:azure:role/{owner}")], "resources": [SUBSCRIPTION],
            "granted_at": "2025-05-01T00:00:00Z", "variables": false}]),
        &scan(&more),
    );
    let without = scan(&[rows[0].clone(), assignment(2, 1, contributor)]);
    let moved = json!([
        {"op": "delete_grant", "holder": one(2), "policy": policy, "statement": "aaaaaaaa-0000-4000-8000-000000000002"},
        {"op": "put_grant", "holder": one(1), "policy": "Contributor",
            "statement": "aaaaaaaa-0000-4000-8000-000000000002", "effect": "allow",
            "actions": [format!("role:azure:role/{contributor}")], "resources": [SUBSCRIPTION]},
    ]);
    let applied = apply(&before, &set(&moved)).unwrap();
    let of_one = |tables: &Tables| access(tables).into_iter().filter(|row| row.0 == one(1)).collect::<Vec<_>>();
    assert_eq!(of_one(&applied.tables), of_one(&without));
    assert!(access(&applied.tables).iter().all(|row| row.0 != one(2)), "who has no role may do nothing");
}
