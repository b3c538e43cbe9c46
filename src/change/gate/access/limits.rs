//! What limits a principal besides what allows: denies, its boundary, and the controls of the scopes that it is in.
//!
//! A limit that goes or shrinks adds access although nothing is granted. Whether it does is decided on the statements:
//! a limit of before let an action through on a resource only where one of its own statements covers both without a
//! condition; a deny is still there only where one of after covers it.

use std::collections::BTreeMap;

use crate::change::gate::affected::{holders, policies, scopes};
use crate::change::gate::pattern::{covers, covers_ignore_case, overlaps};
use crate::model::{AttachmentKind, Effect, EntityId, Grant, Layer, Tables};

/// Statements that limit one principal on one side.
pub struct Limits<'t> {
    /// Denying statements of any layer.
    denies: Vec<&'t Grant>,
    /// Allowing statements by layer; a layer that is there and allows nothing lets nothing through.
    layers: BTreeMap<String, Vec<&'t Grant>>,
    /// Whether a policy that limits is in no export.
    unseen: bool,
}

/// Statements that an entity holds itself.
pub fn statements(tables: &Tables, of: EntityId) -> &[Grant] {
    let start = tables.grants.partition_point(|row| row.holder < of);
    let rows = &tables.grants[start..];
    &rows[..rows.partition_point(|row| row.holder == of)]
}

impl<'t> Limits<'t> {
    /// The limits of a principal. Where only the most specific statement counts (`overrides`), a deny is a statement like
    /// any other, and no limit.
    pub fn new(tables: &'t Tables, of: EntityId, overrides: bool) -> Self {
        let mut limits = Self { denies: Vec::new(), layers: BTreeMap::new(), unseen: false };
        if overrides {
            return limits;
        }
        for holder in holders(tables, of).into_keys() {
            limits.denies.extend(statements(tables, holder).iter().filter(denies));
            for policy in policies(tables, holder, AttachmentKind::Identity) {
                limits.denies.extend(statements(tables, policy).iter().filter(denies));
            }
        }
        limits.layer(tables, of, AttachmentKind::Boundary);
        for scope in scopes(tables, of) {
            limits.layer(tables, scope, AttachmentKind::Scp);
            limits.layer(tables, scope, AttachmentKind::Rcp);
            limits.denies.extend(statements(tables, scope).iter().filter(denies));
        }
        limits
    }

    fn layer(&mut self, tables: &'t Tables, of: EntityId, kind: AttachmentKind) {
        for policy in policies(tables, of, kind) {
            self.unseen |= !tables.entity(policy).present;
            let allows = self.layers.entry(format!("{kind} {}", tables.entity(of).id)).or_default();
            for row in statements(tables, policy).iter().filter(|row| row.layer != Layer::Inactive) {
                match row.effect {
                    Effect::Allow => allows.push(row),
                    Effect::Deny => self.denies.push(row),
                }
            }
        }
    }

    /// The same limits as text, to tell whether anything about them changed.
    pub fn content(&self) -> Vec<String> {
        let mut out: Vec<String> = self.denies.iter().map(|row| told(row)).collect();
        for (layer, rows) in &self.layers {
            out.push(layer.clone());
            out.extend(rows.iter().map(|row| format!("{layer}: {}", told(row))));
        }
        out.push(format!("unseen {}", self.unseen));
        out.sort_unstable();
        out
    }

    /// Whether these limits may have kept from something that the limits of after do not keep from: why, in words.
    /// `overlap` says whether something may be in two resources.
    pub fn lifted(
        &self,
        after: &Self,
        action: &str,
        resource: &str,
        overlap: &dyn Fn(&str, &str) -> bool,
    ) -> Option<String> {
        if self.unseen && !after.unseen {
            return Some("a limiting policy that no export shows is gone".to_owned());
        }
        for (layer, allows) in &self.layers {
            let now = after.layers.get(layer);
            let same =
                now.is_some_and(|now| now.len() == allows.len() && now.iter().zip(allows).all(|(a, b)| alike(a, b)));
            let through = |row: &&&Grant| row.condition.is_none() && is_about(row, action) && is_on(row, resource);
            if !same && !allows.iter().any(|row| through(&row)) {
                return Some(format!("{layer} does not limit it as before"));
            }
        }
        let touches = |row: &&&Grant| may_be_about(row, action) && may_be_on(row, resource, overlap);
        let gone = self.denies.iter().filter(touches).find(|row| !after.still_denies(row))?;
        let (statement, policy) = (&gone.statement, &gone.policy);
        Some(format!("the deny `{statement}` of `{policy}` is not there as before"))
    }

    /// Whether what a statement denied is denied still, by it or by one that covers it.
    fn still_denies(&self, row: &Grant) -> bool {
        self.denies.iter().any(|one| alike(one, row) || covers_statement(one, row))
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "filters hand out references to references")]
fn denies(row: &&Grant) -> bool {
    row.effect == Effect::Deny && row.layer != Layer::Inactive && row.layer != Layer::Resource
}

/// What a statement says, without where it stands.
fn told(row: &Grant) -> String {
    format!(
        "{} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
        row.effect,
        row.actions,
        row.not_actions,
        row.resources,
        row.not_resources,
        row.principals,
        row.not_principals,
        row.condition
    )
}

/// Whether two statements say the same.
pub fn alike(a: &Grant, b: &Grant) -> bool {
    a.effect == b.effect
        && a.condition == b.condition
        && (&a.actions, &a.not_actions) == (&b.actions, &b.not_actions)
        && (&a.resources, &a.not_resources) == (&b.resources, &b.not_resources)
        && (&a.principals, &a.not_principals) == (&b.principals, &b.not_principals)
}

/// Whether one statement applies wherever another one does.
pub fn covers_statement(outer: &Grant, inner: &Grant) -> bool {
    let plain = outer.not_actions.is_empty() && outer.not_resources.is_empty() && outer.not_principals.is_empty();
    let inner_plain = inner.not_actions.is_empty() && inner.not_resources.is_empty();
    let wide = |list: &[String]| list.iter().any(|one| one == "*");
    let actions = wide(&outer.actions)
        || (inner_plain && inner.actions.iter().all(|one| outer.actions.iter().any(|by| covers_ignore_case(by, one))));
    let resources = wide(&outer.resources)
        || (inner_plain && inner.resources.iter().all(|one| outer.resources.iter().any(|by| covers(by, one))));
    let principals = outer.principals.is_empty() || outer.principals == inner.principals;
    let condition = outer.condition.is_none() || outer.condition == inner.condition;
    plain && actions && resources && principals && condition
}

/// Whether a statement is about an action for sure.
fn is_about(row: &Grant, action: &str) -> bool {
    if row.not_actions.is_empty() {
        row.actions.iter().any(|by| covers_ignore_case(by, action))
    } else {
        !row.not_actions.iter().any(|by| overlaps(&by.to_lowercase(), &action.to_lowercase()))
    }
}

fn may_be_about(row: &Grant, action: &str) -> bool {
    // What a role is about, its definition says.
    if row.actions.iter().any(|one| one.starts_with("role:")) {
        return true;
    }
    if row.not_actions.is_empty() || !row.actions.is_empty() {
        row.actions.iter().any(|by| overlaps(&by.to_lowercase(), &action.to_lowercase()))
    } else {
        !row.not_actions.iter().any(|by| covers_ignore_case(by, action))
    }
}

/// Whether a statement is about all of a resource pattern for sure.
fn is_on(row: &Grant, resource: &str) -> bool {
    if row.not_resources.is_empty() {
        // A policy that is attached to the one resource that it means names none.
        row.resources.iter().any(|by| covers(by, resource))
            || (row.resources.is_empty() && row.layer == Layer::Resource)
    } else {
        !row.not_resources.iter().any(|by| overlaps(by, resource))
    }
}

fn may_be_on(row: &Grant, resource: &str, overlap: &dyn Fn(&str, &str) -> bool) -> bool {
    if row.not_resources.is_empty() || !row.resources.is_empty() {
        row.resources.is_empty() || row.resources.iter().any(|by| overlap(by, resource))
    } else {
        !row.not_resources.iter().any(|by| covers(by, resource))
    }
}
