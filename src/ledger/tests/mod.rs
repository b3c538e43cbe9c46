//! Ledgers in the making and in ruins.

mod append;
mod damage;
mod outcome;

use std::path::Path;

use super::record::{Actor, ActorKind, Ai, ApprovalGiven, Draft, Kind, Outcome, Revocation, Verdict};
use super::{Ledger, Writer};

/// 2026-11-22T00:00:00Z.
pub const NOW: i64 = 1_795_305_600_000;

pub fn human(id: &str) -> Actor {
    Actor { kind: ActorKind::Human, id: id.to_owned(), on_behalf_of: None }
}

pub fn model(id: &str) -> Ai {
    Ai { id: id.to_owned(), instance: None, model: Some("m".to_owned()), version: None }
}

/// What the gate said of a draft by a model.
pub fn verdict(draft: &str, verdict: Verdict) -> Draft {
    let actor = Actor { kind: ActorKind::Service, id: "overgrant".to_owned(), on_behalf_of: None };
    Draft {
        draft_id: Some(draft.to_owned()),
        ai: Some(model("drafter")),
        verdict: Some(verdict),
        ..Draft::new(Kind::Gate, actor)
    }
}

/// An approval of a draft by a person.
pub fn approval(draft: &str) -> Draft {
    Draft {
        draft_id: Some(draft.to_owned()),
        outcome: Some(Outcome::Approved),
        reason: Some("needed for the migration".to_owned()),
        owner: Some("ada@example.com".to_owned()),
        revocation: Some(Revocation { how: "apply the inverse".to_owned(), until: None }),
        approvals: vec![ApprovalGiven { by: "grace@example.com".to_owned(), at: None, method: None }],
        ..Draft::new(Kind::Decision, human("grace@example.com"))
    }
}

pub fn nothing_is_secret(_: &str) -> bool {
    false
}

pub fn writer(dir: &Path) -> Writer {
    Writer::open(dir, nothing_is_secret).expect("the folder can be written")
}

/// A ledger of so many records.
pub fn filled(dir: &Path, n: u64) -> Ledger {
    let mut writer = writer(dir);
    for at in 0..n {
        let millis = NOW + i64::try_from(at).expect("few") * 1000;
        writer.append(verdict(&format!("draft-{at}"), Verdict::Allow), millis).expect("it is a record");
    }
    Ledger::open(dir).expect("it has records")
}
