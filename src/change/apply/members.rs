//! Memberships and attachments.

use super::state::State;
use crate::change::decode::Time;
use crate::change::set::Change;
use crate::model::{Attachment, AttachmentKind, EntityId, Membership, MembershipKind, Standing};

/// Operations that undo one, in the order in which they are to be made.
pub type Undo = Option<Vec<Change>>;

/// What `add_member` says.
pub struct Joining<'a> {
    pub container: &'a str,
    pub member: &'a str,
    pub kind: MembershipKind,
    pub standing: Standing,
    pub expires_at: Option<Time>,
}

/// `add_member`
pub fn add(state: &mut State, joining: &Joining<'_>) -> Undo {
    let (container, member) = (state.named("container", joining.container), state.named("member", joining.member));
    let (container, member) = (container?, member?);
    let kind = joining.kind;
    if container == member {
        state.wrong("member", format!("`{}` cannot be in itself", joining.member), "");
        return None;
    }
    let before = state.memberships.find(member, |row| row.container == container && row.kind == kind);
    let undo = match before.and_then(|slot| state.memberships.take(slot)) {
        Some(row) => added(state, &row),
        None => removed(state, container, member, kind),
    };
    state.memberships.put(Membership {
        member,
        container,
        kind,
        standing: joining.standing,
        expires_at: joining.expires_at.map(|time| time.0),
        source: state.source,
        record: state.record(),
    });
    Some(vec![undo])
}

/// `remove_member`
pub fn remove(state: &mut State, container: &str, member: &str, kind: MembershipKind) -> Undo {
    let (into, who) = (state.named("container", container), state.named("member", member));
    let (into, who) = (into?, who?);
    let Some(slot) = state.memberships.find(who, |row| row.container == into && row.kind == kind) else {
        let other = state.memberships.find(who, |row| row.container == into);
        let other = other.and_then(|slot| state.memberships.get(slot)).map(|row| row.kind);
        let hint = other.map(|kind| format!("it is there as `{kind}`: say so in `kind`")).unwrap_or_default();
        state.wrong("member", format!("`{member}` is no `{kind}` of `{container}`"), &hint);
        return None;
    };
    let row = state.memberships.take(slot)?;
    Some(vec![added(state, &row)])
}

/// The operation that makes a membership as it is.
pub fn added(state: &State, row: &Membership) -> Change {
    Change::AddMember {
        container: state.id(row.container),
        member: state.id(row.member),
        kind: (row.kind != MembershipKind::MemberOf).then_some(row.kind),
        standing: (row.standing != Standing::Active).then_some(row.standing),
        expires_at: row.expires_at.map(Time),
    }
}

fn removed(state: &State, container: EntityId, member: EntityId, kind: MembershipKind) -> Change {
    Change::RemoveMember {
        container: state.id(container),
        member: state.id(member),
        kind: (kind != MembershipKind::MemberOf).then_some(kind),
    }
}

/// `attach`
pub fn attach(state: &mut State, holder: &str, policy: &str, kind: AttachmentKind) -> Undo {
    let (who, what) = (state.named("holder", holder), state.named("policy", policy));
    let (who, what) = (who?, what?);
    if state.attachments.find(who, |row| row.policy == what && row.kind == kind).is_some() {
        return Some(Vec::new());
    }
    put(state, who, what, kind);
    Some(vec![detached(state, who, what, kind)])
}

fn put(state: &mut State, holder: EntityId, policy: EntityId, kind: AttachmentKind) {
    let (source, record) = (state.source, state.record());
    state.attachments.put(Attachment { holder, policy, kind, source, record });
}

/// `detach`
pub fn detach(state: &mut State, holder: &str, policy: &str, kind: AttachmentKind) -> Undo {
    let (who, what) = (state.named("holder", holder), state.named("policy", policy));
    let (who, what) = (who?, what?);
    let Some(slot) = state.attachments.find(who, |row| row.policy == what && row.kind == kind) else {
        state.wrong("policy", format!("`{policy}` is not attached to `{holder}` as `{kind}`"), "");
        return None;
    };
    let row = state.attachments.take(slot)?;
    Some(vec![attached(state, &row)])
}

/// The operation that makes an attachment as it is.
pub fn attached(state: &State, row: &Attachment) -> Change {
    Change::Attach { holder: state.id(row.holder), policy: state.id(row.policy), kind: said(row.kind) }
}

fn detached(state: &State, holder: EntityId, policy: EntityId, kind: AttachmentKind) -> Change {
    Change::Detach { holder: state.id(holder), policy: state.id(policy), kind: said(kind) }
}

fn said(kind: AttachmentKind) -> Option<AttachmentKind> {
    (kind != AttachmentKind::Identity).then_some(kind)
}

/// `set_boundary`
pub fn bound(state: &mut State, principal: &str, policy: Option<&str>) -> Undo {
    let who = state.named("principal", principal);
    let what = match policy {
        Some(policy) => Some(state.named("policy", policy)?),
        None => None,
    };
    let who = who?;
    let kind = AttachmentKind::Boundary;
    let before: Vec<usize> = state
        .attachments
        .of(who)
        .into_iter()
        .filter(|&slot| state.attachments.get(slot).is_some_and(|row| row.kind == kind))
        .collect();
    let before: Vec<Attachment> = before.into_iter().filter_map(|slot| state.attachments.take(slot)).collect();
    for row in &before {
        state.touched.insert(row.policy);
    }
    if let Some(what) = what {
        put(state, who, what, kind);
    }
    let bounded = |policy: Option<String>| Change::SetBoundary { principal: principal.to_owned(), policy };
    Some(match before.as_slice() {
        [] => vec![bounded(None)],
        [one] => vec![bounded(Some(state.id(one.policy)))],
        // Two exports that differ leave two.
        several => std::iter::once(bounded(None)).chain(several.iter().map(|row| attached(state, row))).collect(),
    })
}
