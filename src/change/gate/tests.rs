//! What cases cannot show from outside: a spoilt inverse, and that comparing touched rows finds what comparing all does.

use serde_json::{Value, json};

use super::delta::{Delta, Numbers};
use super::*;
use crate::change::{apply, read};
use crate::platforms::{self, input};

const ACCOUNT: &str = "arn:aws:iam::111122223333";

fn tables() -> Tables {
    let statement = |sid: &str, action: &str| json!({"Sid": sid, "Effect": "Allow", "Action": action, "Resource": "arn:aws:s3:::a/b"});
    let policy = |statements: Vec<Value>| json!([{"PolicyName": "own", "PolicyDocument": {"Version": "2012-10-17", "Statement": statements}}]);
    let user = |name: &str, group: &[&str]| {
        json!({"UserName": name, "UserId": format!("AIDA{name}"), "Arn": format!("{ACCOUNT}:user/{name}"), "GroupList": group,
            "AttachedManagedPolicies": [], "UserPolicyList": policy(vec![statement("One", "s3:GetObject")])})
    };
    let group = json!({"GroupName": "ops", "GroupId": "AGPAOPS", "Arn": format!("{ACCOUNT}:group/ops"), "AttachedManagedPolicies": [],
        "GroupPolicyList": policy(vec![statement("Two", "s3:PutObject")])});
    let export = json!({"UserDetailList": [user("ana", &["ops"]), user("ben", &[])], "GroupDetailList": [group], "RoleDetailList": []});
    let people = "person,name,email,status,identities\nP1,Ana,a@x,active,user/ana\nP2,Ben,b@x,active,user/ben\nP3,Cleo,c@x,active,\n";
    let text = export.to_string();
    input::read_texts([("e.json", text.as_bytes()), ("p.csv", people.as_bytes())], platforms::ALL).join(platforms::ALL)
}

fn draft(changes: &Value) -> Value {
    json!({"format": 1, "draft_id": "D", "author": {"kind": "human", "id": "P1"}, "snapshot": "S", "intent": {"task": "t"},
        "approvals": [{"by": "P3", "at": "1970-01-01T00:00:00Z"}], "changes": changes})
}

#[test]
fn a_draft_whose_inverse_does_not_lead_back_fails_that_invariant_and_no_other() {
    let tables = tables();
    let (config, library, terms) =
        (Config::embedded().unwrap(), Library::own(&[]).unwrap(), Terms::embedded().unwrap());
    let base = Base {
        tables: &tables,
        results: &Results::default(),
        as_of: 0,
        now: 0,
        config: &config,
        library: &library,
        snapshot: "S",
        digest: "0",
        domain: None,
        incomplete: &[],
        coverage: &[],
        terms: &terms,
    };
    let set =
        draft(&json!([{"op": "set_owner", "entity": format!("{ACCOUNT}:user/ben"), "owners": [{"owner": "P2"}]}]));
    let read = read(set.to_string().as_bytes(), "draft", &tables).unwrap();
    let evaluators = Evaluators::new(&tables, Settings { as_of: 0 });
    let side = side::Side::new(&tables, &evaluators, &base);
    let prepared = Prepared { evaluators, side };
    let mut applied = apply(&tables, &read.set).unwrap();
    let failing = |applied: &Applied| -> Vec<(&str, Status)> {
        let found = judged(&base, &prepared, &read, (&[], &Rules::none()), applied);
        found.invariants.iter().filter(|one| one.status != Status::Pass).map(|one| (one.id, one.status)).collect()
    };
    assert_eq!(failing(&applied), []);
    applied.inverse.clear();
    assert_eq!(failing(&applied), [("I11", Status::Block)]);
}

#[test]
fn comparing_touched_rows_finds_what_comparing_all_rows_finds() {
    let tables = tables();
    let id = |name: &str| format!("{ACCOUNT}:{name}");
    for changes in [
        json!([{"op": "add_member", "container": id("group/ops"), "member": id("user/ben")}]),
        json!([{"op": "remove_member", "container": id("group/ops"), "member": id("user/ana")}]),
        json!([{"op": "delete_principal", "principal": id("user/ana")}]),
        json!([{"op": "delete_grant", "holder": id("group/ops"), "policy": "inline:own", "statement": "Two"}]),
        json!([{"op": "create_principal", "principal": id("user/aaa"), "kind": "user", "scope": "aws:account/111122223333", "platform": "aws"},
            {"op": "put_grant", "holder": id("user/aaa"), "policy": "inline:own", "statement": "X", "effect": "allow",
                "actions": ["s3:*"], "resources": ["*"]}]),
        json!([{"op": "set_approval", "object": "group/ops", "approvals": [{"approver": "P3", "required": true}]}]),
        json!([{"op": "set_owner", "entity": id("user/ben"), "owners": [{"owner": "P2"}]}]),
    ] {
        let read = read(draft(&changes).to_string().as_bytes(), "draft", &tables).unwrap();
        let applied = apply(&tables, &read.set).unwrap();
        let numbers = Numbers::new(&applied);
        let (touched, whole) = (Delta::new(&tables, &applied, &numbers), Delta::whole(&tables, &applied, &numbers));
        assert_eq!(touched, whole, "{changes}");
        assert_ne!(whole, Delta::default(), "{changes} changes something");
    }
}
