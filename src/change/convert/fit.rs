//! Fits operations that were made without the snapshot to what the snapshot has.
//!
//! A plan knows the world as its own state has it. Where the snapshot has a statement under another name, it goes by
//! that; what the plan takes away and the snapshot does not have, or makes and the snapshot has, is left out with a note:
//! one of the two is out of date.

use rustc_hash::FxHashMap;

use super::Converted;
use super::diff::{Gone, content};
use crate::change::apply::written_condition;
use crate::change::read::{Note, NoteKind};
use crate::change::set::Change;
use crate::model::{AttachmentKind, CredentialKind, EntityId, Grant, Layer, MembershipKind, Tables};

/// See the module.
pub fn fit(converted: Converted, tables: &Tables, at: &str) -> Converted {
    let Converted { form, changes, gone, mut notes, errors } = converted;
    let mut fit = Fit { tables, by_holder: by_holder(tables), gone: &gone, notes: Vec::new(), at };
    let changes = changes.into_iter().filter_map(|change| fit.one(change)).collect();
    notes.append(&mut fit.notes);
    Converted { form, changes, notes, errors, gone: Gone::new() }
}

struct Fit<'t> {
    tables: &'t Tables,
    by_holder: FxHashMap<EntityId, Vec<&'t Grant>>,
    gone: &'t Gone,
    notes: Vec<Note>,
    at: &'t str,
}

fn by_holder(tables: &Tables) -> FxHashMap<EntityId, Vec<&Grant>> {
    let mut found: FxHashMap<EntityId, Vec<&Grant>> = FxHashMap::default();
    for row in &tables.grants {
        found.entry(row.holder).or_default().push(row);
    }
    found
}

impl<'t> Fit<'t> {
    fn note(&mut self, message: String) {
        self.notes.push(Note { kind: NoteKind::Assumed, pointer: self.at.to_owned(), message });
    }

    fn find(&self, id: &str) -> Option<EntityId> {
        self.tables.find(id)
    }

    fn one(&mut self, change: Change) -> Option<Change> {
        match change {
            Change::CreatePrincipal { ref principal, .. } => {
                if self.find(principal).is_some_and(|known| self.tables.entity(known).present) {
                    self.note(format!("`{principal}` is to be made, and the snapshot has it already"));
                    return None;
                }
                Some(change)
            }
            Change::DeletePrincipal { ref principal, .. } => {
                let there = self.find(principal).is_some_and(|known| self.tables.entity(known).present);
                self.unless(there, change, |principal| format!("`{principal}` is to be deleted"))
            }
            Change::RemoveMember { ref container, ref member, kind } => {
                let there = self.is_member(container, member, kind.unwrap_or(MembershipKind::MemberOf));
                self.unless(there, change, |what| format!("the membership {what} is to end"))
            }
            Change::Detach { ref holder, ref policy, kind } => {
                let there = self.is_attached(holder, policy, kind.unwrap_or(AttachmentKind::Identity));
                self.unless(there, change, |what| format!("the policy {what} is to be detached"))
            }
            Change::DeleteGrant { .. } => self.deletion(change),
            Change::PutGrant { .. } => self.statement(change),
            Change::DisableCredential { .. } => self.credential(change),
            other => Some(other),
        }
    }

    /// Keeps a change of something that is there, and says of another that it is not.
    fn unless(&mut self, there: bool, change: Change, what: impl Fn(&str) -> String) -> Option<Change> {
        if there {
            return Some(change);
        }
        let name = match &change {
            Change::DeletePrincipal { principal, .. } => principal.clone(),
            Change::RemoveMember { container, member, .. } => format!("of `{member}` in `{container}`"),
            Change::Detach { holder, policy, .. } => format!("`{policy}` of `{holder}`"),
            Change::DisableCredential { principal, credential, .. } => format!("`{credential}` of `{principal}`"),
            Change::DeleteGrant { holder, policy, statement, .. } => {
                format!("`{statement}` of `{policy}` of `{holder}`")
            }
            other => other.op().to_owned(),
        };
        self.note(format!("{}, and the snapshot does not have it", what(&name)));
        None
    }

    fn is_member(&self, container: &str, member: &str, kind: MembershipKind) -> bool {
        let (Some(container), Some(member)) = (self.find(container), self.find(member)) else { return false };
        self.tables.memberships.iter().any(|row| (row.member, row.container, row.kind) == (member, container, kind))
    }

    fn is_attached(&self, holder: &str, policy: &str, kind: AttachmentKind) -> bool {
        let (Some(holder), Some(policy)) = (self.find(holder), self.find(policy)) else { return false };
        self.tables.attachments.iter().any(|row| (row.holder, row.policy, row.kind) == (holder, policy, kind))
    }

    fn held(&self, holder: &str) -> &[&'t Grant] {
        let of = self.find(holder).and_then(|holder| self.by_holder.get(&holder));
        of.map(Vec::as_slice).unwrap_or_default()
    }

    /// A statement that the snapshot has under the same names, else the only one that says the same.
    fn deletion(&mut self, change: Change) -> Option<Change> {
        let Change::DeleteGrant { holder, policy, statement, layer, occurrence } = &change else { return None };
        let wanted = layer.unwrap_or(Layer::Identity);
        let own = self.held(holder);
        if own.iter().any(|row| row.policy == *policy && row.statement == *statement && row.layer == wanted) {
            return Some(change);
        }
        let said = self.gone.get(&(holder.clone(), policy.clone(), statement.clone()));
        let same = |row: &&&&Grant| said.is_some_and(|said| is_called(row, policy) && content(row) == *said);
        let rows: Vec<&&Grant> = own.iter().filter(|row| same(&row)).collect();
        match rows.as_slice() {
            [one] => Some(Change::DeleteGrant {
                holder: holder.clone(),
                policy: one.policy.clone(),
                statement: one.statement.clone(),
                layer: *layer,
                occurrence: *occurrence,
            }),
            _ => self.unless(false, change, |what| format!("the statement {what} is to go")),
        }
    }

    /// A statement that the snapshot has already, whatever it calls it, is left out.
    fn statement(&mut self, change: Change) -> Option<Change> {
        let Change::PutGrant { holder, policy, statement, .. } = &change else { return None };
        let row = as_row(&change)?;
        let same = |known: &&&Grant| is_called(known, policy) && content(known) == content(&row);
        if let Some(known) = self.held(holder).iter().find(same) {
            let name = known.statement.clone();
            let (holder, policy, same_name) = (holder.clone(), policy.clone(), name == *statement);
            if !same_name {
                self.note(format!("`{holder}` has what `{policy}` is to say already, as `{name}`"));
            }
            return None;
        }
        Some(change)
    }

    /// A key that the snapshot knows by another id, where there is one only.
    fn credential(&mut self, change: Change) -> Option<Change> {
        let Change::DisableCredential { principal, credential, delete } = &change else { return None };
        let own = self.find(principal);
        let rows: Vec<_> = self.tables.credentials.iter().filter(|row| Some(row.entity) == own).collect();
        if rows.iter().any(|row| row.credential == *credential) {
            return Some(change);
        }
        let keys: Vec<_> =
            rows.iter().filter(|row| row.kind != CredentialKind::Password && row.kind != CredentialKind::Mfa).collect();
        match keys.as_slice() {
            [one] => {
                let known = one.credential.clone();
                let (principal, delete) = (principal.clone(), *delete);
                let message = format!("`{credential}` is taken to be `{known}`, the only one of `{principal}`");
                self.note(message);
                Some(Change::DisableCredential { principal, credential: known, delete })
            }
            _ => self.unless(false, change, |what| format!("the credential {what} is to end")),
        }
    }
}

/// Whether a statement is of a policy. Where roles are assigned that is the role's name, which sources write in several
/// ways: the role itself is among the actions.
fn is_called(row: &Grant, policy: &str) -> bool {
    row.policy == policy || row.actions.iter().any(|action| action.starts_with("role:"))
}

/// The row that a statement would be.
fn as_row(change: &Change) -> Option<Grant> {
    let Change::PutGrant {
        effect,
        actions,
        not_actions,
        resources,
        not_resources,
        principals,
        not_principals,
        condition,
        layer,
        variables,
        expires_at,
        ..
    } = change
    else {
        return None;
    };
    Some(Grant {
        effect: *effect,
        actions: actions.clone(),
        not_actions: not_actions.clone(),
        resources: resources.clone(),
        not_resources: not_resources.clone(),
        principals: principals.clone(),
        not_principals: not_principals.clone(),
        condition: condition.as_ref().map(written_condition),
        layer: layer.unwrap_or(Layer::Identity),
        variables: variables.unwrap_or(true),
        expires_at: expires_at.map(|time| time.0),
        ..Grant::blank(0, EntityId(0))
    })
}
