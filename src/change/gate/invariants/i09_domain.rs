//! I9: everything that a draft touches lies in the session's domain. `access::domains` says how domains are inherited.

use serde_json::Value;

use super::{Cited, Facts, Invariant, Status, Witness, worst};
use crate::access::domains;
use crate::change::Change;
use crate::model::{Entity, EntityKind};

/// See [`Invariant::title`].
pub struct Domain;

impl Invariant for Domain {
    fn id(&self) -> &'static str {
        "I9"
    }

    fn title(&self) -> &'static str {
        "Everything touched lies in the session's domain."
    }

    fn check(&self, facts: &Facts<'_>) -> (Status, Vec<Witness>) {
        let stated = facts.set.domain.as_deref();
        let Some(domain) = facts.base.domain.or(stated) else { return (Status::Pass, Vec::new()) };
        let mut found = Vec::new();
        if stated.is_some_and(|stated| stated != domain) {
            let says = format!("the draft is for `{}`, the session for `{domain}`", stated.unwrap_or_default());
            found.push((Status::Block, Witness::says(says)));
        }
        let after = facts.after();
        let gone = facts.delta.deleted.iter().map(|&one| facts.base.tables.entity(one));
        let touched = facts.applied.touched.iter().map(|&one| after.entity(one)).chain(gone);
        let touched = touched.filter(|entity| !is_only_a_place(facts, entity));
        let gaining = facts.access.added.iter().filter_map(|row| row.entity).map(|one| after.entity(one));
        let mut all: Vec<&Entity> = touched.chain(gaining).collect();
        all.sort_by(|a, b| a.id.cmp(&b.id));
        all.dedup_by(|a, b| a.id == b.id);
        for entity in all {
            let rows = vec![Cited::after("entities", &entity.id)];
            match domain_of(facts, entity) {
                Some(own) if own == domain => {}
                Some(own) => {
                    let says = format!("`{}` is of domain `{own}`, not of `{domain}`", entity.id);
                    found.push((Status::Block, Witness::with(says, rows)));
                }
                None => {
                    let says = format!("nothing says which domain `{}` is of", entity.id);
                    found.push((Status::Block, Witness::with(says, rows)));
                }
            }
        }
        worst(found)
    }
}

/// Whether a draft names a scope only as where something new is to be. Nothing of the scope changes, and what comes into it
/// is of a domain itself: a service account is put into its namespace, though an operation names the cluster.
fn is_only_a_place(facts: &Facts<'_>, entity: &Entity) -> bool {
    let names = |change: &Change| {
        let Ok(mut fields) = serde_json::to_value(change) else { return true };
        if let (Change::CreatePrincipal { .. }, Value::Object(fields)) = (change, &mut fields) {
            fields.remove("scope");
        }
        says(&fields, &entity.id)
    };
    entity.kind == EntityKind::Scope && !facts.set.changes.iter().any(names)
}

/// Whether a text of a document is this one.
fn says(document: &Value, text: &str) -> bool {
    match document {
        Value::String(found) => found == text,
        Value::Array(items) => items.iter().any(|item| says(item, text)),
        Value::Object(fields) => fields.iter().any(|(name, item)| name == text || says(item, text)),
        _ => false,
    }
}

/// The domain of an entity as the snapshot has it. What the draft makes is of the domain that a scan would give it: by the
/// configuration, else by where it is put. What is there already and in no domain does not come into one by being moved.
fn domain_of<'f>(facts: &'f Facts<'_>, entity: &'f Entity) -> Option<&'f str> {
    let (before, after) = (facts.base.tables, facts.after());
    let known = before.find(&entity.id).map(|one| before.entity(one));
    let stored = known.and_then(|known| known.domain.as_deref());
    let configured = || facts.base.config.label(&entity.id)?.domain.as_deref();
    let is_new = known.is_none_or(|known| !known.present);
    let placed = || domains::of(after, after.find(&entity.id).filter(|_| is_new)?);
    stored.or_else(configured).or_else(placed)
}
