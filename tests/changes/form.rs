//! The normal form and its schema say the same, and every example of the documentation is one of it.

use std::collections::{BTreeMap, BTreeSet};

use overgrant::change::{self, ApprovalGiven, Author, Change, ChangeSet, DeclaredException, FieldSpec, Intent};
use serde_json::{Value, json};

use super::{read, root, set};

fn schema() -> Value {
    serde_json::from_str(change::schema()).unwrap()
}

/// Fields of an object of the schema, with whether each is required.
fn fields(object: &Value) -> BTreeMap<String, bool> {
    let required: BTreeSet<&str> = object["required"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(object["additionalProperties"], json!(false), "{object}");
    let keys = object["properties"].as_object().unwrap().keys();
    keys.map(|key| (key.clone(), required.contains(key.as_str()))).collect()
}

fn of(specs: &[FieldSpec]) -> BTreeMap<String, bool> {
    specs.iter().map(|field| (field.name.to_owned(), field.needed)).collect()
}

#[test]
fn schema_and_reader_agree_on_every_field() {
    let schema = schema();
    assert_eq!(fields(&schema), of(ChangeSet::FIELDS));
    for (name, specs) in [
        ("author", Author::FIELDS),
        ("intent", Intent::FIELDS),
        ("intent_grant", change::IntentGrant::FIELDS),
        ("declared_exception", DeclaredException::FIELDS),
        ("approval_given", ApprovalGiven::FIELDS),
        ("approval_terms", change::ApprovalTerms::FIELDS),
        ("exception_terms", change::ExceptionTerms::FIELDS),
        ("owner_terms", change::OwnerTerms::FIELDS),
        ("trustee", change::Trustee::FIELDS),
        ("trust_row", change::TrustRow::FIELDS),
    ] {
        assert_eq!(fields(&schema["$defs"][name]), of(specs), "{name}");
    }
    let listed: Vec<&str> = schema["$defs"]["change"]["oneOf"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["$ref"].as_str().unwrap().rsplit('/').next().unwrap())
        .collect();
    let known: Vec<&str> = Change::OPERATIONS.iter().map(|(op, _)| *op).collect();
    assert_eq!(listed, known);
    for (op, specs) in Change::OPERATIONS {
        let mut expected = of(specs);
        expected.insert("op".to_owned(), true);
        assert_eq!(fields(&schema["$defs"][*op]), expected, "{op}");
        assert_eq!(schema["$defs"][*op]["properties"]["op"]["const"], json!(op));
    }
}

/// The blocks of JSON in the documentation.
fn examples() -> Vec<Value> {
    let text = std::fs::read_to_string(root().join("docs/changes.md")).unwrap();
    let blocks = text.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    blocks.map(|block| serde_json::from_str(block).unwrap_or_else(|error| panic!("{error}: {block}"))).collect()
}

#[test]
fn every_operation_has_an_example_that_reads_and_is_written_as_it_was() {
    let mut shown = BTreeSet::new();
    for example in examples() {
        if example.get("op").is_some() {
            let changes = set(&json!([example])).changes;
            assert_eq!(serde_json::to_value(&changes[0]).unwrap(), example);
            shown.insert(changes[0].op());
        } else if example.get("draft_id").is_some() && example.get("changes").is_some() {
            let read = ChangeSet::from_value(&example).unwrap();
            assert_eq!(read.to_value(), example);
        }
    }
    let known: BTreeSet<&str> = Change::OPERATIONS.iter().map(|(op, _)| *op).collect();
    assert_eq!(shown, known);
}

fn whole() -> Value {
    json!({
        "format": 1, "draft_id": "D-1", "author": {"kind": "ai", "id": "assistant", "on_behalf_of": "P1"},
        "intent": {"task": "t", "grants": [{"principal": "a", "actions": ["s3:Get*"], "resources": ["*"]}]},
        "changes": [{"op": "add_member", "container": "g", "member": "u"},
            {"op": "put_grant", "holder": "h", "policy": "p", "statement": "s", "effect": "allow"}],
    })
}

/// Each broken in one way, with the place of what is wrong and a word of what is said of it.
#[test]
fn each_broken_draft_is_refused_at_the_place_where_it_is_broken() {
    type Edit = fn(&mut Value);
    let broken: [(Edit, &str, &str); 16] = [
        (|set| set["format"] = json!(2), "/format", "format 2"),
        (|set| drop(set.as_object_mut().unwrap().remove("author")), "", "`author` is missing"),
        (|set| set["authr"] = json!(1), "/authr", "no field `authr`"),
        (|set| set["author"]["kind"] = json!("robot"), "/author/kind", "none of ai, human"),
        (|set| set["intent"]["task"] = json!(""), "/intent/task", "empty"),
        (|set| set["intent"]["grants"][0]["actions"] = json!("s3:*"), "/intent/grants/0/actions", "a list is expected"),
        (|set| set["prompt_sha256"] = json!("abc"), "/prompt_sha256", "64 hexadecimal"),
        (|set| set["changes"][0]["op"] = json!("addmember"), "/changes/0/op", "no operation `addmember`"),
        (|set| drop(set["changes"][0].as_object_mut().unwrap().remove("op")), "/changes/0/op", "no operation"),
        (|set| set["changes"][0]["membr"] = json!("x"), "/changes/0/membr", "no field"),
        (|set| set["changes"][0]["expires_at"] = json!("soon"), "/changes/0/expires_at", "no instant"),
        (|set| drop(set["changes"][1].as_object_mut().unwrap().remove("effect")), "/changes/1", "`effect` is missing"),
        (|set| set["changes"][1]["occurrence"] = json!(0), "/changes/1/occurrence", "from 1"),
        (|set| set["changes"][1]["actions"] = json!([1]), "/changes/1/actions/0", "a text is expected"),
        (|set| set["changes"] = json!({}), "/changes", "a list is expected"),
        (
            |set| set["changes"] = json!([{"op": "create_principal", "principal": "x", "kind": "external"}]),
            "/changes/0/kind",
            "can be created",
        ),
    ];
    assert!(ChangeSet::from_value(&whole()).is_ok());
    for (edit, pointer, problem) in broken {
        let mut value = whole();
        edit(&mut value);
        let errors = ChangeSet::from_value(&value).expect_err(pointer);
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert_eq!(errors[0].pointer, pointer);
        assert!(errors[0].problem.contains(problem), "{}: {}", errors[0].problem, problem);
    }
}

#[test]
fn all_that_is_wrong_is_said_at_once_with_the_file() {
    let text = r#"{"format":1,"draft_id":"","author":{"kind":"ai"},"intent":{"task":"t"},"changes":[{"op":"x"}]}"#;
    let errors = change::read(text.as_bytes(), "draft.json", &read(&[])).unwrap_err();
    let said: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(said.len(), 3, "{said:?}");
    assert_eq!(said[0], "draft.json at /draft_id: an empty text");
    assert_eq!(said[1], "draft.json at /author: the field `id` is missing");
    assert!(
        said[2].starts_with("draft.json at /changes/0/op: there is no operation `x` (the operations are add_member,")
    );
    for (text, expected) in [
        ("", "it is empty"),
        ("{}", "of no form that converts"),
        ("hello", "of no form that converts"),
        ("{\"format\":1,", "it is no JSON"),
        (r#"{"format":1,"format":1,"changes":[]}"#, "the key is there twice"),
    ] {
        let errors = change::read(text.as_bytes(), "draft", &read(&[])).unwrap_err();
        assert!(errors[0].to_string().contains(expected), "{text}: {}", errors[0]);
    }
    assert!(change::read(&[0xFF, 0xFE, 0x00], "draft", &read(&[])).unwrap_err()[0].problem.contains("UTF-8"));
}

#[test]
fn errors_of_application_name_what_may_have_been_meant() {
    let tables = read(&[(
        "a.json",
        r#"{"UserDetailList":[
        {"UserName":"ada","Arn":"arn:aws:iam::111122223333:user/x/ada"}],
        "GroupDetailList":[{"GroupName":"ops","Arn":"arn:aws:iam::111122223333:group/ops"}],
        "RoleDetailList":[],"Policies":[]}"#,
    )]);
    let errors = change::apply(
        &tables,
        &set(&json!([
            {"op": "add_member", "container": "arn:aws:iam::111122223333:group/ops", "member": "ada"},
            {"op": "remove_member", "container": "arn:aws:iam::111122223333:group/ops",
             "member": "arn:aws:iam::111122223333:user/x/ada"},
            {"op": "attach", "holder": "arn:aws:iam::111122223333:user/x/ada", "policy": "nothing"},
        ])),
    )
    .unwrap_err();
    let said: Vec<(&str, &str)> = errors.iter().map(|error| (error.pointer.as_str(), error.problem.as_str())).collect();
    assert_eq!(
        said,
        [
            ("/changes/0/member", "no entity `ada` in this snapshot"),
            (
                "/changes/1/member",
                "`arn:aws:iam::111122223333:user/x/ada` is no `member_of` of `arn:aws:iam::111122223333:group/ops`"
            ),
            ("/changes/2/policy", "no entity `nothing` in this snapshot"),
        ]
    );
    assert_eq!(errors[0].candidates, ["arn:aws:iam::111122223333:user/x/ada"]);
    assert!(errors[2].candidates.is_empty() && errors[2].hint.is_some());
}
