//! A policy as it is and as it is to be: `{"holder": ID, "policy": NAME, "before": DOCUMENT, "after": DOCUMENT}`.
//!
//! The platform of the holder reads the documents. Either may be null: a policy that comes, or goes. `kind` is
//! `identity`, `trust` or `resource`; left out, a trust policy is told by its name (`trust`).

use serde_json::Value;

use super::diff::{Keep, Said, difference};
use super::{Converted, Sink};
use crate::change::error::ChangeError;
use crate::change::read::NoteKind;
use crate::model::{Builder, Source, Tables};
use crate::platforms::{self, declared};

/// Name of the form.
pub const FORM: &str = "policy_pair";

/// Whether a document is a pair of policies.
pub fn is_pair(value: &Value) -> bool {
    let has = |key: &str| value.get(key).is_some();
    has("holder") && (has("before") || has("after"))
}

/// Turns a pair into operations.
pub fn convert(value: &Value, tables: &Tables, at: &str) -> Converted {
    let fail = |key: &str, problem: String, hint: &str| {
        Converted::failed(FORM, ChangeError::new(&format!("{at}/{key}"), problem).hint(hint))
    };
    let known = ["holder", "policy", "kind", "before", "after"];
    if let Some(key) =
        value.as_object().into_iter().flatten().map(|(key, _)| key).find(|key| !known.contains(&key.as_str()))
    {
        return fail(
            key,
            format!("there is no field `{key}` here"),
            "the fields are holder, policy, kind, before, after",
        );
    }
    let text = |key: &str| value.get(key).and_then(Value::as_str);
    let Some(holder) = text("holder") else {
        return fail("holder", "no holder is named".to_owned(), "write the full id of whoever holds the policy");
    };
    let Some(entity) = tables.find(holder).map(|found| tables.entity(found)) else {
        return fail("holder", format!("no entity `{holder}` in this snapshot"), "write the full id of the holder");
    };
    let Some(platform) = platforms::of(&entity.platform) else {
        return fail("holder", format!("`{holder}` is of no platform whose policies are read"), "use the normal form");
    };
    let policy = text("policy").unwrap_or(holder);
    let mut sink = Sink::default();
    let mut sides = Vec::new();
    for key in ["before", "after"] {
        let source =
            Source { path: String::new(), kind: FORM.to_owned(), sha256: String::new(), records: 0, skipped: 0 };
        let mut out = Builder::new(source);
        if let Some(document) = value.get(key).filter(|document| !document.is_null()) {
            let place = format!("{at}/{key}");
            let handle = out.refer(&entity.id, &entity.platform, entity.kind, &entity.name);
            let asked = declared::Document { policy, kind: text("kind"), document, place: &place };
            match platform.document(handle, &asked, &mut out) {
                Ok(true) => {}
                Ok(false) => {
                    let problem = format!("policies of {} are not read as documents", platform.title());
                    return fail(key, problem, "use the normal form");
                }
                Err(why) => {
                    return fail(key, format!("the policy cannot be read: {why}"), "write it as the platform does");
                }
            }
        }
        sink.issues(&out.issues);
        sides.push(Builder::assemble(vec![out]));
    }
    if sides.iter().all(|side| side.grants.is_empty()) {
        sink.note(NoteKind::NotConverted, at, "neither policy has a statement".to_owned());
    }
    let (changes, notes, gone) = difference(Said::of(&sides[0], &Keep::ALL), Said::of(&sides[1], &Keep::ALL));
    sink.notes.extend(notes);
    Converted { form: FORM, changes, gone, notes: sink.notes, errors: Vec::new() }
}
