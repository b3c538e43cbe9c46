//! Records of the ledger as OCSF 1.9 events, one JSON object a line.
//!
//! What the gate said of a draft is a *Compliance Finding* (2003) about the draft; everything else is *Entity
//! Management* (3004) of it. `raw_data` is the record in canonical form without its hash and `raw_data_hash` that hash,
//! so that whoever has the events can recompute the chain. Nobody's event is dressed up as another's: who acted is in
//! `actor`, which model drafted in `ai_agent`. A finding has both in `evidences`, where its class puts them; management has
//! an `actor` of its own and no place for a model, which therefore stands in `unmapped`.
//!
//! `tests/python/reports_check.py` holds events of every kind against the schemas of the classes.

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
    let metadata = known([
        ("version", json!(VERSION)),
        ("uid", json!(record.hash)),
        ("sequence", json!(record.seq)),
        ("correlation_uid", text(said.draft_key())),
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
        let evidence = [("name", json!("draft")), ("actor", actor(record)), ("ai_agent", agent(record))];
        event["evidences"] = json!([known(evidence)]);
    } else {
        event["actor"] = actor(record);
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
    // Records do not say who makes a model, and the class asks for it: this is its word for what is not known.
    let model = ai.model.as_ref().map(|model| {
        let version = text(ai.version.as_deref());
        known([("name", json!(plain(model))), ("version", version), ("ai_provider", json!("Unknown"))])
    });
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
    let agent = if said.kind == Kind::Gate { Value::Null } else { agent(record) };
    known([
        ("ai_agent", agent),
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
    use crate::ledger::{Actor, Ai, ApprovalGiven, Draft, Outcome};
    use crate::reports::tests::HOSTILE;

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

    /// A chain with a record of every kind, whole and bare, every verdict and author.
    fn everything() -> Vec<Record> {
        let mut drafts: Vec<Draft> = Kind::ALL.iter().map(|&kind| record(kind).said).collect();
        for (kind, id) in [(ActorKind::Ai, "drafter"), (ActorKind::Service, "overgrant"), (ActorKind::Human, HOSTILE)] {
            let actor = Actor { kind, id: id.to_owned(), on_behalf_of: Some("E-1001".to_owned()) };
            drafts.extend(Kind::ALL.iter().map(|&kind| Draft::new(kind, actor.clone())));
        }
        for &verdict in Verdict::ALL {
            drafts.push(Draft { verdict: Some(verdict), ..record(Kind::Gate).said });
        }
        let approvals =
            vec![ApprovalGiven { by: "grace".into(), at: Some("2026-11-22T00:00:00Z".into()), method: None }];
        let ai = Some(Ai { id: HOSTILE.into(), instance: Some("i-1".into()), model: None, version: None });
        let hostile = || Some(HOSTILE.to_owned());
        let (workflow, ticket, domain, tier, owner) = (hostile(), hostile(), hostile(), hostile(), hostile());
        let (traceparent, refers_to, tool) = (hostile(), Some(3), hostile());
        let said = Draft { ai, workflow, ticket, domain, tier, approvals, ..record(Kind::Decision).said };
        drafts.push(Draft { owner, traceparent, refers_to, tool, outcome: Some(Outcome::Approved), ..said });
        let mut records: Vec<Record> = Vec::new();
        for (seq, said) in (0..).zip(drafts) {
            let prev = records.last().map_or_else(|| "0".repeat(64), |last| last.hash.clone());
            let time = 1_795_305_600_000 + i64::try_from(seq).expect("few");
            records.push(Record::seal(said, seq, &prev, time).expect("it has a canonical form").0);
        }
        records
    }

    /// With `OVERGRANT_REPORTS` the events are kept for `tests/python/reports_check.py`.
    #[test]
    fn events_of_reports_are_written_where_they_are_wanted() {
        let text = lines(&everything());
        assert_eq!(text.lines().count(), 4 * Kind::ALL.len() + Verdict::ALL.len() + 1);
        for line in text.lines() {
            let event: Value = serde_json::from_str(line).expect("JSON");
            assert!(!line.contains(['\u{1b}', '\u{202e}']), "shown, not sent: {line}");
            let is_verdict = event["class_uid"] == 2003;
            assert_eq!((event.get("evidences").is_some(), event.get("actor").is_some()), (is_verdict, !is_verdict));
        }
        if let Some(folder) = std::env::var_os("OVERGRANT_REPORTS") {
            let path = std::path::PathBuf::from(folder).join("ledger.ocsf.jsonl");
            std::fs::write(path, text).expect("it can be written");
        }
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
        assert_eq!(event["compliance"]["status"], "Fail");
        assert_eq!(
            event["evidences"][0]["ai_agent"],
            json!({"uid": "drafter", "ai_model": {"name": "m", "version": "1", "ai_provider": "Unknown"}})
        );
        assert_eq!(event["evidences"][0]["actor"]["user"]["uid"], "ada\\u{1b}[2J");
        let event = parsed(Kind::Decision);
        assert_eq!((&event["class_uid"], &event["type_uid"]), (&json!(3004), &json!(300_403)));
        assert_eq!((&event["entity"]["uid"], &event["comment"]), (&json!("d-1"), &json!("because")));
        assert_eq!(event["actor"]["user"]["uid"], "ada\\u{1b}[2J", "shown, not sent");
        assert_eq!(event["unmapped"]["ai_agent"]["uid"], "drafter");
    }

    #[test]
    fn the_chain_can_be_recomputed_from_the_events() {
        let event = parsed(Kind::Gate);
        let raw = event["raw_data"].as_str().expect("a text");
        assert_eq!(json!(digest(raw.as_bytes())), event["raw_data_hash"]["value"]);
        assert_eq!(event["unmapped"]["prev"], json!("a".repeat(64)));
    }
}
