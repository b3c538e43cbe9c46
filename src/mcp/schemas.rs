//! JSON Schemas (2020-12) of arguments and answers.

use serde_json::{Value, json};

use super::session::{BUDGET_DEFAULT, BUDGET_MAX};
use crate::context::Part;
use crate::context::ground::SCHEMA;
use crate::model::{FindingState, Severity};

/// Arguments: these, and the two that say which page.
fn arguments(mut own: Value, required: &[&str]) -> Value {
    if let Value::Object(properties) = &mut own {
        let cursor = json!({"type": "string", "maxLength": 100, "description": "`next_cursor` of the answer before"});
        let budget = json!({
            "type": "integer", "minimum": 1, "maximum": BUDGET_MAX, "default": BUDGET_DEFAULT,
            "description": "Tokens that the facts of the answer may take, by estimate",
        });
        properties.insert("cursor".to_owned(), cursor);
        properties.insert("budget_tokens".to_owned(), budget);
    }
    json!({"type": "object", "properties": own, "required": required, "additionalProperties": false})
}

fn principal() -> Value {
    json!({
        "type": "string", "maxLength": 2048,
        "description": "Full id of an entity of the domain, the end of the id after a `/` or `:`, or its name",
    })
}

pub(super) fn paged() -> Value {
    arguments(json!({}), &[])
}

pub(super) fn principal_needed() -> Value {
    arguments(json!({"principal": principal()}), &["principal"])
}

pub(super) fn principal_optional() -> Value {
    arguments(json!({"principal": principal()}), &[])
}

pub(super) fn query_findings() -> Value {
    let severities: Vec<&str> = Severity::ALL.iter().map(|one| one.as_str()).collect();
    let states: Vec<&str> = FindingState::ALL.iter().map(|one| one.as_str()).collect();
    let own = json!({
        "severity": {"enum": severities, "description": "At least this urgent"},
        "rule": {"type": "string", "maxLength": 100, "description": "Id of a rule; `*` and `?` are wildcards"},
        "state": {"enum": states, "description": "Against the snapshot before; by default all but absent"},
        "principal": principal(),
    });
    arguments(own, &[])
}

pub(super) fn change_set() -> Value {
    let own = json!({"change_set": {
        "type": ["object", "array", "string"],
        "description": "A change set of the normal form, or a document that converts to one, as JSON or as its text",
    }});
    arguments(own, &["change_set"])
}

pub(super) fn ground() -> Value {
    // The schema is a file of ours; a test reads it.
    let mut claims: Value = serde_json::from_str(SCHEMA).unwrap_or_default();
    let definitions = claims.as_object_mut().and_then(|schema| schema.remove("$defs"));
    for keyword in ["$schema", "$id"] {
        claims.as_object_mut().and_then(|schema| schema.remove(keyword));
    }
    let mut schema = arguments(json!({"claims": claims}), &["claims"]);
    schema["$defs"] = definitions.unwrap_or_default();
    schema
}

/// An answer with this as its `data`.
pub(super) fn answer(data: &Value) -> Value {
    let text = || json!({"type": "string"});
    let count = || json!({"type": "integer", "minimum": 0});
    let tables: Vec<&str> = Part::ALL.iter().map(|part| part.as_str()).collect();
    let citation = json!({
        "type": "object",
        "properties": {"table": {"enum": tables}, "row": count(), "snapshot": text()},
        "required": ["table", "row", "snapshot"],
        "additionalProperties": false,
    });
    let fact = json!({
        "type": "object",
        "description": "A row. An absent column is unknown, empty or withheld",
        "properties": {"id": text(), "citation": citation, "data": {"type": "object"}},
        "required": ["id", "citation", "data"],
        "additionalProperties": false,
    });
    let known = json!({
        "type": "object",
        "properties": {"name": text(), "known": count(), "of": count()},
        "required": ["name", "known", "of"],
        "additionalProperties": false,
    });
    let snapshot = json!({
        "type": "object",
        "properties": {"id": text(), "digest": text(), "as_of": text()},
        "required": ["id", "digest", "as_of"],
        "additionalProperties": false,
    });
    let properties = json!({
        "format": {"const": 1},
        "tool": text(),
        "notice": text(),
        "domain": text(),
        "snapshot": snapshot,
        "coverage": {"type": "array", "items": known},
        "incomplete": {"type": "array", "items": text()},
        "data": data,
        "facts": {"type": "array", "items": fact},
        "from": count(),
        "of": count(),
        "tokens": count(),
        "citations": {"type": "array", "items": text(), "description": "Ids of the facts that the answer stands on"},
        "next_cursor": {"type": ["string", "null"], "description": "Null after the last page"},
    });
    let required: Vec<&String> = properties.as_object().into_iter().flat_map(serde_json::Map::keys).collect();
    let required = json!(required);
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

/// Nothing beyond facts.
pub(super) fn nothing() -> Value {
    json!({"type": "object", "additionalProperties": false})
}

/// A document with these fields. One that is too large even with its lists cut says only that.
fn document(properties: &Value) -> Value {
    let required: Vec<&String> = properties.as_object().into_iter().flat_map(serde_json::Map::keys).collect();
    let whole = json!({"properties": properties, "required": required, "additionalProperties": false});
    let too_large = json!({
        "properties": {"too_large": {"const": true}}, "required": ["too_large"], "additionalProperties": false,
    });
    json!({"type": "object", "anyOf": [whole, too_large]})
}

/// A list of objects with these fields, which may have more. The last item of a list that was cut is `{"more": N}`.
fn list(fields: &[&str]) -> Value {
    let more = json!({"type": "object", "properties": {"more": {"type": "integer"}}, "required": ["more"]});
    json!({"type": "array", "items": {"anyOf": [{"type": "object", "required": fields}, more]}})
}

/// A list of texts, which may be cut in the same way.
fn texts() -> Value {
    json!({"type": "array", "items": {"type": ["string", "object"]}})
}

fn verdict() -> Value {
    json!({"enum": ["allow", "needs_human", "needs_step_up", "block"], "description": "Only `allow` is a permission"})
}

fn rollback_fields() -> Value {
    json!({
        "verified": {"type": "boolean", "description": "Whether the inverse restores the digest of the tables"},
        "changes": list(&["op"]),
        "irreversible": texts(),
    })
}

/// What would take a change set back.
pub(super) fn rollback() -> Value {
    document(&rollback_fields())
}

/// What a person needs to decide.
pub(super) fn evidence() -> Value {
    document(&json!({
        "verdict": verdict(),
        "tier": {"type": "string"},
        "required_approvals": {"type": "integer", "minimum": 0},
        "evidence_missing": texts(),
    }))
}

/// A judged change set.
pub(super) fn judged() -> Value {
    let status = json!({"enum": ["pass", "unknown", "needs_human", "needs_step_up", "block"]});
    let witness = list(&["says", "rows"]);
    let invariant = json!({
        "type": "object",
        "properties": {"id": {"type": "string"}, "status": status, "witness": witness},
        "required": ["id", "status", "witness"],
    });
    let counter = json!({
        "type": ["object", "null"],
        "description": "The largest part of a blocked change set that passes; null of one that is not blocked",
        "properties": {
            "kind": {"enum": ["largest_part", "none"]},
            "verdict": {"enum": ["allow", "needs_human", "needs_step_up", null]},
            "changes": list(&["op"]),
            "left_out": {"type": "array", "items": {"type": ["integer", "object"]}},
            "note": {"type": ["string", "null"]},
        },
        "required": ["kind", "verdict", "changes", "left_out", "note"],
    });
    let part = |fields: &[&str]| json!({"type": "object", "required": fields});
    let rollback = json!({"type": "object", "properties": rollback_fields(), "required": ["verified", "changes"]});
    document(&json!({
        "format": {"const": 1},
        "draft_id": {"type": "string"},
        "snapshot": {"type": "string"},
        "verdict": verdict(),
        "tier": {"type": "string"},
        "required_approvals": {"type": "integer", "minimum": 0},
        "invariants": {"type": "array", "minItems": 1, "items": invariant},
        "rules": list(&["rule", "message"]),
        "added_access": list(&["principal", "actions", "resources", "decision"]),
        "removed_access": list(&["principal", "actions", "resources", "decision"]),
        "added_reach": list(&[]),
        "removed_but_used": list(&["principal", "permission"]),
        "surplus_over_intent": list(&["principal", "actions", "resources"]),
        "approval_delta": part(&["direct", "transitive", "needed"]),
        "sod_new": list(&["entity", "title"]),
        "exceptions_undeclared": list(&["kind", "says"]),
        "cumulative": part(&["window_days", "budget", "used", "drafts"]),
        "metrics": part(&["before", "after", "delta"]),
        "perpetuates": part(&["findings", "unused_permissions"]),
        "counter_proposal": counter,
        "rollback": rollback,
        "evidence_missing": texts(),
        "coverage": list(&["name", "known", "of"]),
        "citations": list(&["table", "row", "side"]),
    }))
}

pub(super) fn entity() -> Value {
    json!({
        "type": "object",
        "properties": {"entity": {"type": "string"}, "rows": {"type": "object", "additionalProperties": {"type": "integer"}}},
        "required": ["entity", "rows"],
        "additionalProperties": false,
    })
}

pub(super) fn summary() -> Value {
    let count = || json!({"type": "integer", "minimum": 0});
    let counts = || json!({"type": "object", "additionalProperties": count()});
    let number = || json!({"type": ["number", "null"]});
    json!({
        "type": "object",
        "properties": {
            "entities": counts(),
            "principals": count(),
            "nhis": count(),
            "humans": count(),
            "agents": count(),
            "findings": {
                "type": "object",
                "properties": {"by_severity": counts(), "by_rule": counts()},
                "required": ["by_severity", "by_rule"],
            },
            "paths": {
                "type": "object",
                "properties": {"certain": count(), "conditional": count()},
                "required": ["certain", "conditional"],
            },
            "risk": {
                "type": "object",
                "properties": {"median": number(), "p90": number(), "max": number()},
                "required": ["median", "p90", "max"],
            },
        },
        "required": ["entities", "principals", "nhis", "humans", "agents", "findings", "paths", "risk"],
        "additionalProperties": false,
    })
}

pub(super) fn grounded() -> Value {
    let count = || json!({"type": "integer", "minimum": 0});
    let claim = json!({
        "type": "object",
        "properties": {
            "id": {"type": ["string", "null"]},
            "recommendation": {"type": ["string", "null"]},
            "verdict": {"enum": ["supported", "contradicted", "unsupported"]},
            "why": {"type": "string"},
            "truth": {"description": "The true value; null where the facts do not tell"},
            "citations": {"type": "array", "items": {"type": "object", "required": ["id", "citation"]}},
        },
        "required": ["id", "recommendation", "verdict", "why", "truth", "citations"],
        "additionalProperties": false,
    });
    json!({
        "type": "object",
        "properties": {
            "format": {"const": 1},
            "domain": {"type": "string"},
            "snapshot": {"type": "object"},
            "counts": {
                "type": "object",
                "properties": {"supported": count(), "contradicted": count(), "unsupported": count()},
                "required": ["supported", "contradicted", "unsupported"],
            },
            "claims": {"type": "array", "items": claim},
        },
        "required": ["format", "domain", "snapshot", "counts", "claims"],
        "additionalProperties": false,
    })
}
