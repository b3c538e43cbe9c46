//! What a record says, and its one form as text: canonical JSON (RFC 8785), without a line break.
//!
//! `hash` is the SHA-256 of that form without the field `hash` itself; `prev` is the `hash` of the record before, and
//! sixty-four zeros in the first. What is not known is left out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::model::text::{format_time, parse_time};
use crate::names;

/// Version of the form of records.
pub const FORMAT: u32 = 1;
/// `prev` of the first record.
pub const NO_PREVIOUS: &str = "0000000000000000000000000000000000000000000000000000000000000000";
/// Bytes of a line at most: what is longer belongs into a file of which the record holds the digest.
pub const LINE_BYTES_MAX: usize = 1024 * 1024;

names! {
    /// What a record is about.
    pub enum Kind {
        /// A change was drafted.
        Draft = "draft",
        /// The gate judged a draft.
        Gate = "gate",
        /// A person approved or rejected a draft.
        Decision = "decision",
        /// A scan saw what became of an approved change.
        Observed = "observed",
        /// Something that is not allowed was allowed for a time.
        Exception = "exception",
        /// Somebody disputes an earlier record.
        Challenge = "challenge",
        /// A scan was stored.
        Scan = "scan",
        /// An assistant asked a tool something.
        Call = "call",
    }
}

names! {
    /// Who acts.
    pub enum ActorKind {
        Human = "human",
        Ai = "ai",
        /// A pipeline, or this program.
        Service = "service",
    }
}

names! {
    /// What the gate said, from the mildest to the gravest.
    pub enum Verdict {
        Allow = "allow",
        NeedsHuman = "needs_human",
        NeedsStepUp = "needs_step_up",
        Block = "block",
    }
}

names! {
    /// What a person decided.
    pub enum Outcome {
        Approved = "approved",
        Rejected = "rejected",
    }
}

names! {
    /// What a scan saw of a change.
    pub enum Observed {
        /// All of it, and nothing else in its place.
        Matched = "matched",
        /// Some of it.
        Partial = "partial",
        /// Something else stands where it should.
        Drift = "drift",
        /// None of it.
        Absent = "absent",
    }
}

/// Who acts, and for whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actor {
    pub kind: ActorKind,
    /// Id in the system that knows the actor.
    pub id: String,
    /// The person or workload that the actor acts for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<String>,
}

/// The model that wrote a draft. Every record about that draft carries it: a change is AI-authored when this is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ai {
    /// Identity that it acts with.
    pub id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// An approval by a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApprovalGiven {
    pub by: String,
    /// ISO 8601.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// How they proved who they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
}

/// How a change is taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revocation {
    pub how: String,
    /// ISO 8601; left out for what does not end by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// What the writer of a record says. The ledger adds `format`, `seq`, `prev`, `time` and `hash`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    pub kind: Kind,
    pub actor: Actor,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ai: Option<Ai>,
    /// Id that ties together all records about one draft.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// W3C trace context of the workflow that this is a part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_sha256: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_sha256: Option<String>,
    /// Id of the snapshot that the record speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot_sha256: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change_sha256: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inverse_sha256: Option<String>,
    /// Digest of the file of rows that the change is to add and remove ([`super::rows`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows_sha256: Option<String>,
    /// What the draft is for, as its author declares it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_sha256: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// What a person can check the verdict by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub witnesses: Vec<Value>,
    /// Metrics by id, of the snapshot as it is.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metrics_before: BTreeMap<String, f64>,
    /// The same with the change.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metrics_after: BTreeMap<String, f64>,
    /// What counts against the cumulative budget, by the names that the gate gives.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub amounts: BTreeMap<String, f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<ApprovalGiven>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who answers for what results.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revocation: Option<Revocation>,
    /// `seq` of the earlier record that this one is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refers_to: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<Observed>,
    /// Name of the tool that was called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
}

impl Draft {
    /// A record that says who did what kind of thing, and nothing else yet.
    #[must_use]
    pub fn new(kind: Kind, actor: Actor) -> Self {
        Self {
            kind,
            actor,
            ai: None,
            draft_id: None,
            workflow: None,
            ticket: None,
            traceparent: None,
            domain: None,
            prompt_sha256: None,
            context_sha256: None,
            snapshot: None,
            snapshot_sha256: None,
            change_sha256: None,
            inverse_sha256: None,
            rows_sha256: None,
            intent: None,
            policy_sha256: None,
            verdict: None,
            witnesses: Vec::new(),
            metrics_before: BTreeMap::new(),
            metrics_after: BTreeMap::new(),
            amounts: BTreeMap::new(),
            tier: None,
            approvals: Vec::new(),
            outcome: None,
            reason: None,
            owner: None,
            revocation: None,
            refers_to: None,
            observed: None,
            tool: None,
        }
    }

    /// Whether a model wrote the draft that the record is about.
    #[must_use]
    pub fn is_ai_authored(&self) -> bool {
        self.ai.is_some() || self.actor.kind == ActorKind::Ai
    }

    /// What ties records about one draft together: its id, or the digest of its changes.
    #[must_use]
    pub fn draft_key(&self) -> Option<&str> {
        self.draft_id.as_deref().or(self.change_sha256.as_deref())
    }
}

/// A record as it stands in the ledger.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Place in the ledger, from 0.
    pub seq: u64,
    /// Hash of the record before.
    pub prev: String,
    /// Hash of this record.
    pub hash: String,
    /// When, in milliseconds since 1970, as the writer said. The order of records is that of `seq`.
    pub time: i64,
    /// What the writer said.
    pub said: Draft,
}

impl Record {
    /// Puts a draft at a place of the chain. Gives the record and its line, without the line break.
    ///
    /// # Errors
    /// When the draft has no canonical form, such as a number that is not finite.
    pub(crate) fn seal(said: Draft, seq: u64, prev: &str, time: i64) -> Result<(Self, Vec<u8>), String> {
        let mut object = object(&said, seq, prev, time)?;
        let hash = digest(&canonical(&object)?);
        object.insert("hash".to_owned(), Value::String(hash.clone()));
        let line = canonical(&object)?;
        Ok((Self { seq, prev: prev.to_owned(), hash, time, said }, line))
    }

    /// Reads a line, which must be the one canonical form of a record whose hash is right.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(super) fn parse(line: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(line).map_err(|error| format!("no UTF-8 text: {error}"))?;
        let mut object: Map<String, Value> =
            serde_json::from_str(text).map_err(|error| format!("no JSON object: {error}"))?;
        if canonical(&object)? != line {
            return Err("not in canonical form".to_owned());
        }
        let hash = take_text(&mut object, "hash")?;
        let found = digest(&canonical(&object)?);
        if hash != found {
            return Err(format!("its hash says `{hash}` and its content hashes to `{found}`"));
        }
        let format = object.remove("format").and_then(|value| value.as_u64()).ok_or("`format` is missing")?;
        if format != u64::from(FORMAT) {
            return Err(format!("format {format}; this engine reads format {FORMAT}"));
        }
        let seq = object.remove("seq").and_then(|value| value.as_u64()).ok_or("`seq` is no number")?;
        let prev = take_text(&mut object, "prev")?;
        let time = parse_time(&take_text(&mut object, "time")?).ok_or("`time` is no time")?;
        let said = serde_json::from_value(Value::Object(object)).map_err(|error| error.to_string())?;
        Ok(Self { seq, prev, hash, time, said })
    }

    /// The record as JSON, as it stands in the ledger.
    #[must_use]
    pub fn json(&self) -> Value {
        let mut object = object(&self.said, self.seq, &self.prev, self.time).unwrap_or_default();
        object.insert("hash".to_owned(), Value::String(self.hash.clone()));
        Value::Object(object)
    }
}

fn object(said: &Draft, seq: u64, prev: &str, time: i64) -> Result<Map<String, Value>, String> {
    let Ok(Value::Object(mut object)) = serde_json::to_value(said) else {
        return Err("a value has no form in JSON".to_owned());
    };
    object.insert("format".to_owned(), Value::from(FORMAT));
    object.insert("seq".to_owned(), Value::from(seq));
    object.insert("prev".to_owned(), Value::from(prev));
    object.insert("time".to_owned(), Value::from(format_time(time)));
    Ok(object)
}

fn take_text(object: &mut Map<String, Value>, key: &str) -> Result<String, String> {
    match object.remove(key) {
        Some(Value::String(text)) => Ok(text),
        _ => Err(format!("`{key}` is missing")),
    }
}

/// Canonical JSON (RFC 8785) of a value.
///
/// # Errors
/// When it has none.
pub fn canonical<S: Serialize>(value: &S) -> Result<Vec<u8>, String> {
    serde_json_canonicalizer::to_vec(value).map_err(|error| format!("no canonical form: {error}"))
}

/// SHA-256 in hexadecimal.
#[must_use]
pub fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
