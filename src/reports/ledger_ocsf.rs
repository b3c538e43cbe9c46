//! Records of the ledger as OCSF 1.9 events, one JSON object a line.
//!
//! What the gate said of a draft is a *Compliance Finding* (2003) about the draft; everything else is *Entity
//! Management* (3004) of it. `raw_data` is the record in canonical form without its hash and `raw_data_hash` that hash,
//! so that whoever has the events can recompute the chain. Where a model wrote the draft the event has the profile
//! `ai_operation`. Nobody's event is dressed up as another's: who acted is in `actor`, which model drafted in `ai_agent`.

use serde_json::{Map, Value, json};

use super::escape::plain;
use super::json as document;
use crate::ledger::record::canonical;
use crate::ledger::{ActorKind, Kind, Record, Verdict};

const VERSION: &str = "1.9.0";
const COMPLIANCE: u32 = 2003;
const ENTITY_MANAGEMENT: u32 = 3004;

/// All records as lines.
#[must_use]
pub fn lines(records: &[Record]) -> String {
    records.iter().map(|record| document::line(&event(record))).collect()
}

fn known<const N: usize>(fields: [(&str, Value); N]) -> Value {
    let kept = fields.into_iter().filter(|(_, value)| !value.is_null());
    Value::Object(kept.map(|(key, value)| (key.to_owned(), value)).collect::<Map<String, Value>>())
}

fn text(of: Option<&str>) -> Value {
    json!(of.map(plain))
}

/// The record's JSON without its hash, in canonical form.
fn hashed(record: &Record) -> String {
    let mut value = record.json();
    if let Value::Object(fields) = &mut value {
        fields.remove("hash");
    }
    canonical(&value).ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}

fn event(record: &Record) -> Value {
    let said = &record.said;
    let is_verdict = said.kind == Kind::Gate;
    let (class, class_name) =
        if is_verdict { (COMPLIANCE, "Compliance Finding") } else { (ENTITY_MANAGEMENT, "Entity Management") };
    let (activity, activity_name) = activity(said.kind);
    let (severity, severity_name) = severity(record);
    let profiles = said.ai.as_ref().map(|_| json!(["ai_operation"]));
    let metadata = known([
        ("version", json!(VERSION)),
        ("uid", json!(record.hash)),
        ("sequence", json!(record.seq)),
        ("correlation_uid", text(said.draft_key())),
        ("profiles", json!(profiles)),
        ("product", json!({"name": "overgrant", "vendor_name": "overgrant", "version": env!("CARGO_PKG_VERSION")})),
    ]);
    let mut event = known([
        ("activity_id", json!(activity)),
        ("activity_name", json!(activity_name)),
        ("category_uid", json!(class / 1000)),
        ("category_name", json!(if is_verdict { "Findings" } else { "Identity & Access Management" })),
        ("class_uid", json!(class)),
        ("class_name", json!(class_name)),
        ("type_uid", json!(class * 100 + activity)),
        ("type_name", json!(format!("{class_name}: {activity_name}"))),
        ("severity_id", json!(severity)),
        ("severity", json!(severity_name)),
        ("time", json!(record.time)),
        ("message", json!(message(record))),
        ("metadata", metadata),
        ("actor", actor(record)),
        ("ai_agent", agent(record)),
        ("raw_data", json!(hashed(record))),
        ("raw_data_hash", json!({"algorithm_id": 3, "algorithm": "SHA-256", "value": record.hash})),
        ("unmapped", unmapped(record)),
    ]);
    if is_verdict {
        event["finding_info"] = known([
            ("uid", json!(record.hash)),
            ("title", json!(message(record))),
            ("created_time", json!(record.time)),
            ("types", json!(["gate"])),
        ]);
        event["compliance"] = compliance(said.verdict);
    } else {
        event["entity"] = known([
            ("uid", json!(said.draft_key().map_or_else(|| record.seq.to_string(), |key| plain(key).into_owned()))),
            ("type", json!(entity_type(said.kind))),
        ]);
        if let Some(reason) = &said.reason {
            event["comment"] = json!(plain(reason));
        }
    }
    event
}

const fn entity_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Scan => "snapshot",
        Kind::Exception => "exception",
        Kind::Call => "tool call",
        _ => "change set",
    }
}

const fn activity(kind: Kind) -> (u32, &'static str) {
    match kind {
        Kind::Draft | Kind::Gate | Kind::Exception | Kind::Scan => (1, "Create"),
        Kind::Call => (2, "Read"),
        Kind::Decision | Kind::Observed => (3, "Update"),
        Kind::Challenge => (99, "Other"),
    }
}

const fn severity(record: &Record) -> (u32, &'static str) {
    match record.said.verdict {
        Some(Verdict::Block) => (4, "High"),
        Some(Verdict::NeedsStepUp) => (3, "Medium"),
        Some(Verdict::NeedsHuman) => (2, "Low"),
        _ => (1, "Informational"),
    }
}

fn message(record: &Record) -> String {
    let said = &record.said;
    let what = [
        said.verdict.map(|verdict| verdict.to_string()),
        said.outcome.map(|outcome| outcome.to_string()),
        said.observed.map(|observed| observed.to_string()),
        said.tool.as_deref().map(|tool| plain(tool).into_owned()),
    ];
    let what: Vec<String> = what.into_iter().flatten().collect();
    let about = said.draft_key().map(|key| format!(" {}", plain(key))).unwrap_or_default();
    let said_so = if what.is_empty() { String::new() } else { format!(": {}", what.join(", ")) };
    format!("{}{about}{said_so}", said.kind)
}

fn actor(record: &Record) -> Value {
    let actor = &record.said.actor;
    let (kind, name) = match actor.kind {
        ActorKind::Human => (1, "User"),
        ActorKind::Ai | ActorKind::Service => (4, "Service"),
    };
    let user = json!({"uid": plain(&actor.id), "type_id": kind, "type": name});
    known([("user", user), ("invoked_by", text(actor.on_behalf_of.as_deref()))])
}

fn agent(record: &Record) -> Value {
    let Some(ai) = &record.said.ai else { return Value::Null };
    let model =
        ai.model.as_ref().map(|model| known([("name", json!(plain(model))), ("version", text(ai.version.as_deref()))]));
    known([("uid", json!(plain(&ai.id))), ("instance_uid", text(ai.instance.as_deref())), ("ai_model", json!(model))])
}

/// A verdict as the state of a control. What needs a person has not passed.
fn compliance(verdict: Option<Verdict>) -> Value {
    let (status, name) = match verdict {
        Some(Verdict::Allow) => (1, "Pass"),
        Some(Verdict::NeedsHuman | Verdict::NeedsStepUp) => (2, "Warning"),
        Some(Verdict::Block) => (3, "Fail"),
        None => (0, "Unknown"),
    };
    json!({"control": "gate", "status_id": status, "status": name})
}

fn unmapped(record: &Record) -> Value {
    let said = &record.said;
    known([
        ("prev", json!(record.prev)),
        ("kind", json!(said.kind)),
        ("workflow", text(said.workflow.as_deref())),
        ("ticket", text(said.ticket.as_deref())),
        ("traceparent", text(said.traceparent.as_deref())),
        ("domain", text(said.domain.as_deref())),
        ("tier", text(said.tier.as_deref())),
        ("owner", text(said.owner.as_deref())),
        ("refers_to", json!(said.refers_to)),
        ("approvals", if said.approvals.is_empty() { Value::Null } else { json!(said.approvals) }),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::record::digest;
    use crate::ledger::{Actor, Ai, Draft};

    fn record(kind: Kind) -> Record {
        let actor = Actor { kind: ActorKind::Human, id: "ada\u{1b}[2J".into(), on_behalf_of: None };
        let ai = Ai { id: "drafter".into(), instance: None, model: Some("m".into()), version: Some("1".into()) };
        let said = Draft {
            draft_id: Some("d-1".into()),
            ai: Some(ai),
            verdict: (kind == Kind::Gate).then_some(Verdict::Block),
            reason: Some("because".into()),
            ..Draft::new(kind, actor)
        };
        Record::seal(said, 3, &"a".repeat(64), 1000).expect("it has a canonical form").0
    }

    fn parsed(kind: Kind) -> Value {
        let text = lines(&[record(kind)]);
        assert_eq!(text.lines().count(), 1);
        serde_json::from_str(&text).expect("JSON")
    }

    #[test]
    fn a_verdict_is_a_compliance_finding_and_a_decision_is_management_of_the_draft() {
        let event = parsed(Kind::Gate);
        let of = |keys: [&str; 4]| keys.map(|key| event[key].as_u64().unwrap_or_default());
        assert_eq!(of(["class_uid", "type_uid", "category_uid", "severity_id"]), [2003, 200_301, 2, 4]);
        assert_eq!((&event["compliance"]["status"], &event["ai_agent"]["uid"]), (&json!("Fail"), &json!("drafter")));
        assert_eq!(event["metadata"]["profiles"], json!(["ai_operation"]));
        let event = parsed(Kind::Decision);
        assert_eq!((&event["class_uid"], &event["type_uid"]), (&json!(3004), &json!(300_403)));
        assert_eq!((&event["entity"]["uid"], &event["comment"]), (&json!("d-1"), &json!("because")));
        assert_eq!(event["actor"]["user"]["uid"], "ada\\u{1b}[2J", "shown, not sent");
    }

    #[test]
    fn the_chain_can_be_recomputed_from_the_events() {
        let event = parsed(Kind::Gate);
        let raw = event["raw_data"].as_str().expect("a text");
        assert_eq!(json!(digest(raw.as_bytes())), event["raw_data_hash"]["value"]);
        assert_eq!(event["unmapped"]["prev"], json!("a".repeat(64)));
    }
}
