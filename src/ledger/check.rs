//! Which records are taken: each kind has what it must say, digests are digests, and nothing secret is kept.

use serde_json::Value;

use super::error::LedgerError;
use super::record::{ActorKind, Draft, Kind, Outcome};
use crate::model::text::parse_time;

/// Characters of a SHA-256 in hexadecimal.
const DIGEST_N: usize = 64;
/// Numbers beyond this are not the same in every program that reads JSON.
const EXACT_MAX: f64 = 9_007_199_254_740_991.0;

/// Refuses what must not be kept. `next` is the place that the record will have.
pub(super) fn check(draft: &Draft, next: u64, is_secret: &dyn Fn(&str) -> bool) -> Result<(), LedgerError> {
    actor(draft)?;
    digests(draft)?;
    times(draft)?;
    of_kind(draft)?;
    if let Some(seq) = draft.refers_to.filter(|&seq| seq >= next) {
        let what = format!("it refers to record {seq}, and there are {next} so far");
        return Err(LedgerError::refused("/refers_to", what));
    }
    let value = serde_json::to_value(draft).map_err(|error| LedgerError::refused("", error.to_string()))?;
    values(&value, "", is_secret)
}

fn actor(draft: &Draft) -> Result<(), LedgerError> {
    if draft.actor.id.trim().is_empty() {
        return Err(LedgerError::refused("/actor/id", "nobody is named"));
    }
    if draft.actor.kind == ActorKind::Ai && draft.ai.is_none() {
        return Err(LedgerError::refused("/ai", "an actor of kind `ai` says which model it is"));
    }
    Ok(())
}

fn digests(draft: &Draft) -> Result<(), LedgerError> {
    let all = [
        ("/prompt_sha256", &draft.prompt_sha256),
        ("/context_sha256", &draft.context_sha256),
        ("/snapshot_sha256", &draft.snapshot_sha256),
        ("/change_sha256", &draft.change_sha256),
        ("/inverse_sha256", &draft.inverse_sha256),
        ("/rows_sha256", &draft.rows_sha256),
        ("/policy_sha256", &draft.policy_sha256),
    ];
    for (pointer, digest) in all {
        if digest.as_ref().is_some_and(|digest| !is_digest(digest)) {
            return Err(LedgerError::refused(pointer, "a digest is 64 digits, in lower-case hexadecimal"));
        }
    }
    Ok(())
}

/// Whether a text is a SHA-256 in lower-case hexadecimal.
pub(super) fn is_digest(text: &str) -> bool {
    text.len() == DIGEST_N && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

fn times(draft: &Draft) -> Result<(), LedgerError> {
    let approvals = draft.approvals.iter().enumerate();
    let given = approvals.filter_map(|(at, row)| Some((format!("/approvals/{at}/at"), row.at.as_deref()?)));
    let until = draft.revocation.as_ref().and_then(|row| row.until.as_deref());
    for (pointer, text) in given.chain(until.map(|until| ("/revocation/until".to_owned(), until))) {
        if parse_time(text).is_none() {
            return Err(LedgerError::refused(&pointer, "no time; write it as 2026-11-22T05:30:00Z"));
        }
    }
    Ok(())
}

/// What a kind of record must say, by the pointer to it.
fn of_kind(draft: &Draft) -> Result<(), LedgerError> {
    let named = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.trim().is_empty());
    let tied = ("/draft_id", draft.draft_key().is_some());
    let required: Vec<(&str, bool)> = match draft.kind {
        Kind::Draft => vec![tied],
        Kind::Gate => vec![tied, ("/verdict", draft.verdict.is_some())],
        Kind::Decision => {
            let approved = draft.outcome == Some(Outcome::Approved);
            vec![
                tied,
                ("/outcome", draft.outcome.is_some()),
                ("/reason", named(&draft.reason)),
                ("/approvals", !approved || !draft.approvals.is_empty()),
                ("/owner", !approved || named(&draft.owner)),
                ("/revocation", !approved || draft.revocation.as_ref().is_some_and(|row| !row.how.trim().is_empty())),
            ]
        }
        Kind::Observed => vec![("/refers_to", draft.refers_to.is_some()), ("/observed", draft.observed.is_some())],
        Kind::Exception => vec![
            ("/reason", named(&draft.reason)),
            ("/owner", named(&draft.owner)),
            ("/approvals", !draft.approvals.is_empty()),
            ("/revocation/until", draft.revocation.as_ref().is_some_and(|row| row.until.is_some())),
        ],
        Kind::Challenge => vec![("/refers_to", draft.refers_to.is_some()), ("/reason", named(&draft.reason))],
        Kind::Scan => vec![("/snapshot", named(&draft.snapshot))],
        Kind::Call => vec![("/tool", named(&draft.tool))],
    };
    if let Some((pointer, _)) = required.into_iter().find(|(_, there)| !there) {
        return Err(LedgerError::refused(pointer, format!("a record of kind `{}` needs this", draft.kind)));
    }
    by_people(draft)
}

/// Decisions and exceptions are people's, and nobody grants themselves one.
fn by_people(draft: &Draft) -> Result<(), LedgerError> {
    if !matches!(draft.kind, Kind::Decision | Kind::Exception | Kind::Challenge) {
        return Ok(());
    }
    if draft.actor.kind != ActorKind::Human {
        let what = format!("a record of kind `{}` is a person's", draft.kind);
        return Err(LedgerError::refused("/actor/kind", what));
    }
    let ai = draft.ai.as_ref().map(|ai| ai.id.as_str());
    for (at, approval) in draft.approvals.iter().enumerate() {
        let pointer = format!("/approvals/{at}/by");
        if approval.by.trim().is_empty() {
            return Err(LedgerError::refused(&pointer, "nobody is named"));
        }
        if ai == Some(approval.by.as_str()) || draft.actor.on_behalf_of.as_ref() == Some(&approval.by) {
            return Err(LedgerError::refused(&pointer, "who approves is neither the author nor whom it was made for"));
        }
        if draft.kind == Kind::Exception && approval.by == draft.actor.id {
            return Err(LedgerError::refused(&pointer, "who asks for an exception does not approve it"));
        }
    }
    Ok(())
}

/// Looks at every text and number, and at names of fields inside free values.
fn values(value: &Value, pointer: &str, is_secret: &dyn Fn(&str) -> bool) -> Result<(), LedgerError> {
    let below = |key: &str| format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
    match value {
        Value::String(text) if is_secret(text) => {
            Err(LedgerError::refused(pointer, "it holds what looks like a secret; record its digest instead"))
        }
        Value::Number(number) if number.as_f64().is_none_or(|number| number.abs() > EXACT_MAX) => {
            Err(LedgerError::refused(pointer, "the number is too large to be read exactly by others"))
        }
        Value::Array(list) => list.iter().enumerate().try_for_each(|(at, value)| {
            let pointer = format!("{pointer}/{at}");
            values(value, &pointer, is_secret)
        }),
        Value::Object(fields) => fields.iter().try_for_each(|(key, value)| {
            if is_secret(key) {
                return Err(LedgerError::refused(pointer, "the name of a field looks like a secret"));
            }
            values(value, &below(key), is_secret)
        }),
        _ => Ok(()),
    }
}
