//! Every tool on a small organisation: what it answers, what it refuses, and what is taken note of.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use serde_json::{Map, Value, json};

use super::session::BUDGET_MAX;
use super::*;
use crate::context::testing::{arn, scope};
use crate::context::text::is_hidden;

fn session() -> Session {
    Session::new(scope("payments"), Box::new(Closed), Box::new(NoJournal))
}

fn map(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

fn call(tool: &str, arguments: &Value) -> Result<Value, String> {
    session().call(tool, &map(arguments), None).map_err(|refusal| refusal.0)
}

fn facts(answer: &Value) -> Vec<&str> {
    answer["facts"].as_array().into_iter().flatten().filter_map(|fact| fact["id"].as_str()).collect()
}

#[test]
fn every_answer_has_what_its_schema_requires_and_nothing_else() {
    let claims = json!({"format": 1, "claims": [{"fact": "scores#1", "field": "risk", "value": 91.25}]});
    for tool in ALL {
        let arguments = match tool.name {
            "explain_principal" | "peers" => json!({"principal": "pay-app"}),
            "ground" => json!({"claims": claims}),
            "evaluate_change" | "preview_rollback" | "evidence_requirements" => continue,
            _ => json!({}),
        };
        let answer = call(tool.name, &arguments).expect(tool.name);
        let keys: BTreeSet<&String> = answer.as_object().expect("an object").keys().collect();
        let schema = tool.output_schema();
        let known: BTreeSet<&String> = schema["properties"].as_object().expect("properties").keys().collect();
        assert_eq!(keys, known, "{}", tool.name);
        assert_eq!(answer["snapshot"]["digest"], "d1");
        assert_eq!((&answer["domain"], &answer["next_cursor"]), (&json!("payments"), &Value::Null), "{}", tool.name);
        assert!(!answer.to_string().contains(is_hidden), "{}", tool.name);
    }
}

#[test]
fn tools_answer_with_the_rows_of_the_domain() {
    let answer = call("summary", &json!({})).expect("an answer");
    let data = &answer["data"];
    assert_eq!((&data["principals"], &data["nhis"], &data["humans"]), (&json!(4), &json!(3), &json!(1)));
    assert_eq!(data["findings"]["by_severity"], json!({"high": 1}));
    assert_eq!((&data["paths"]["certain"], &data["risk"]["max"]), (&json!(1), &json!(91.25)));
    assert_eq!(data["risk"]["median"], json!(12.0));
    let of = |tool: &str, arguments: Value| facts(&call(tool, &arguments).expect("an answer")).join(" ");
    assert_eq!(of("query_findings", json!({})), "findings#1");
    assert_eq!(of("query_findings", json!({"severity": "critical"})), "");
    assert_eq!(of("query_findings", json!({"rule": "esc*", "principal": "pay-app"})), "findings#1");
    assert_eq!(of("score", json!({})), "scores#1 scores#2");
    assert_eq!(of("score", json!({"principal": arn("user/pay-ops")})), "scores#2");
    assert_eq!(of("paths_to_protected", json!({"principal": "role/pay-app"})), "paths#0");
    assert_eq!(
        of("explain_principal", json!({"principal": "pay-app"})),
        "findings#1 paths#0 scores#1 approvals#0 entities#4 grants#1 edges#1"
    );
    assert_eq!(of("baseline", json!({})), "approvals#0");
    let grounded =
        call("ground", &json!({"claims": {"format": 1, "claims": [{"fact": "scores#0"}]}})).expect("an answer");
    assert_eq!(grounded["data"]["counts"], json!({"supported": 0, "contradicted": 0, "unsupported": 1}));
}

#[test]
fn what_is_outside_is_refused_like_what_is_nowhere() {
    let stub = scope("payments").stub(&arn("role/hr-admin"));
    let refused = |name: &str| {
        call("explain_principal", &json!({"principal": name})).expect_err("refused").replacen(name, "X", 1)
    };
    let nowhere = refused("role/nobody");
    for outside in [arn("role/hr-admin"), "hr-admin".to_owned(), "111122223333".to_owned(), "main".to_owned(), stub] {
        assert_eq!(refused(&outside), nowhere, "{outside}");
    }
    assert!(nowhere.starts_with("`X` is not in the domain `payments`"), "{nowhere}");
    // Of two that are called the same, only ours is known here.
    let shared = call("explain_principal", &json!({"principal": "shared"})).expect("an answer");
    assert_eq!(shared["data"]["entity"], arn("role/b/shared"));
}

#[test]
fn arguments_that_no_schema_has_are_refused() {
    for (tool, arguments, expected) in [
        ("score", json!({"domain": "hr"}), "`score` has no argument `domain`"),
        ("score", json!({"principal": 3}), "`principal` must be a text"),
        ("score", json!({"budget_tokens": "many"}), "`budget_tokens` must be a whole number"),
        ("score", json!({"cursor": "1-00"}), "the cursor is none of this server"),
        ("explain_principal", json!({}), "`explain_principal` needs the argument `principal`"),
        ("query_findings", json!({"severity": "worst"}), "`severity` must be one of critical, high"),
        ("ground", json!({"claims": {"format": 7}}), "claims of format 7"),
        ("approve", json!({}), "there is no tool `approve`"),
    ] {
        let refusal = call(tool, &arguments).expect_err("refused");
        assert!(refusal.starts_with(expected), "{refusal}");
    }
}

#[test]
fn an_answer_is_bounded_and_its_pages_are_together_the_whole() {
    let whole = call("explain_principal", &json!({"principal": "pay-app"})).expect("an answer");
    let (mut found, mut cursor) = (Vec::new(), Value::Null);
    loop {
        let arguments = json!({"principal": "pay-app", "budget_tokens": 1, "cursor": cursor});
        let page = call("explain_principal", &arguments).expect("an answer");
        found.extend(page["facts"].as_array().expect("facts").clone());
        cursor = page["next_cursor"].clone();
        if cursor.is_null() {
            break;
        }
        let other = call("score", &json!({"cursor": cursor}));
        assert!(other.is_err(), "a cursor is of one question");
    }
    assert_eq!(Value::Array(found), whole["facts"]);
    let huge = call("score", &json!({"budget_tokens": u64::MAX})).expect("an answer");
    assert!(huge["tokens"].as_u64().is_some_and(|tokens| tokens <= BUDGET_MAX as u64));
}

/// A gate that names what it should not.
struct Talkative;

impl Gatekeeper for Talkative {
    fn named(&self, change_set: &str) -> Result<Vec<Named>, String> {
        let value: Value = serde_json::from_str(change_set).map_err(|error| error.to_string())?;
        let ids = value["changes"].as_array().into_iter().flatten().filter_map(Value::as_str);
        Ok(ids.map(|id| Named::Entity(id.to_owned())).collect())
    }

    fn evaluate(&self, change_set: &str) -> Result<Value, String> {
        let witness = arn("role/hr-admin");
        Ok(json!({"verdict": "block", "said": change_set, witness.clone(): [witness, "owner E-1003\u{202e}"]}))
    }

    fn rollback(&self, _change_set: &str) -> Result<Value, String> {
        Err(format!("`{}` is not known", arn("role/hr-admin")))
    }

    fn evidence(&self, _change_set: &str) -> Result<Value, String> {
        Ok(json!({"list": vec![json!({"text": "x".repeat(2000)}); 1000]}))
    }
}

#[test]
fn what_the_gate_says_is_scrubbed_and_bounded() {
    let session = Session::new(scope("payments"), Box::new(Talkative), Box::new(NoJournal));
    let ask = |tool: &str| session.call(tool, &map(&json!({"change_set": {"changes": []}})), None);
    let answer = ask("evaluate_change").expect("an answer");
    let (stub, person) = (session.scope().stub(&arn("role/hr-admin")), session.scope().pseudonym("E-1003"));
    assert_eq!(answer["data"][&stub], json!([stub, format!("owner {person}\\u{{202e}}")]));
    assert_eq!(answer["data"]["said"], r#"{"changes":[]}"#);
    assert_eq!(ask("preview_rollback").expect_err("refused").0, format!("`{stub}` is not known"));
    let long = ask("evidence_requirements").expect("an answer").to_string();
    assert!(long.len() < 300_000, "{}", long.len());
    for tool in ["evaluate_change", "preview_rollback", "evidence_requirements"] {
        let refused = |id: &str| {
            let arguments = json!({"change_set": {"changes": [arn("role/pay-app"), id]}});
            session.call(tool, &map(&arguments), None).expect_err("refused").0.replacen(id, "X", 1)
        };
        assert!(refused("role/nobody").starts_with("`X` is not in the domain `payments`"), "{tool}");
        assert_eq!(refused(&arn("role/hr-admin")), refused("role/nobody"), "{tool}");
    }
    let closed = call("evaluate_change", &json!({"change_set": {}})).expect_err("refused");
    assert!(closed.contains("take nothing for allowed"), "{closed}");
}

/// Keeps what it is told, or cannot.
struct Kept(Arc<Mutex<Vec<Call>>>, bool);

impl Journal for Kept {
    fn record(&self, call: &Call) -> Result<(), String> {
        self.0.lock().map_err(|error| error.to_string())?.push(call.clone());
        if self.1 { Ok(()) } else { Err("the disk is full".to_owned()) }
    }
}

#[test]
fn every_call_is_taken_note_of_before_it_is_answered() {
    let calls = Arc::new(Mutex::new(Vec::new()));
    let session = Session::new(scope("payments"), Box::new(Closed), Box::new(Kept(Arc::clone(&calls), true)));
    let client = Some(("a client".to_owned(), "1".to_owned()));
    session.call("summary", &Map::new(), client.clone()).expect("an answer");
    session.call("score", &map(&json!({"principal": "hr-admin"})), client.clone()).expect_err("refused");
    session.call("nothing", &Map::new(), None).expect_err("refused");
    let kept = calls.lock().expect("nobody panicked").clone();
    let told: Vec<(&str, &str)> = kept.iter().map(|call| (call.tool.as_str(), call.outcome.as_str())).collect();
    assert_eq!(told, [("summary", "answered"), ("score", "refused"), ("nothing", "refused")]);
    assert_eq!(
        (&kept[0].client, kept[0].domain.as_str(), kept[0].snapshot_digest.as_str()),
        (&client, "payments", "d1")
    );
    // The digest of `{}`.
    assert_eq!(kept[0].arguments_sha256, "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
    let unable = Session::new(scope("payments"), Box::new(Closed), Box::new(Kept(calls, false)));
    let refusal = unable.call("summary", &Map::new(), None).expect_err("refused");
    assert!(refusal.0.contains("could not be recorded"), "{refusal}");
}

#[test]
fn tools_are_described_without_a_word_of_an_export_and_none_can_change_anything() {
    let names: BTreeSet<&str> = ALL.iter().map(|tool| tool.name).collect();
    assert_eq!(names.len(), 12);
    for tool in ALL {
        for word in ["mute", "accept", "approve", "apply", "delete", "create", "set"] {
            assert!(!tool.name.split('_').any(|part| part == word), "{}", tool.name);
        }
        let told = format!("{}{}{}{}", tool.title, tool.description, tool.input_schema(), tool.output_schema());
        assert!(!told.contains("pay-app") && !told.contains("ignore previous"), "{}", tool.name);
        assert_eq!(tool.input_schema()["additionalProperties"], json!(false), "{}", tool.name);
    }
}
