//! I2: the effective access that a draft adds lies within the intent that it declares.

use std::collections::BTreeSet;

use super::{Facts, Invariant, Status, Witness};
use crate::change::IntentGrant;
use crate::change::gate::AccessRow;
use crate::change::gate::affected::holders;
use crate::change::gate::pattern::{Patterns, covers};
use crate::change::gate::report::Surplus;

/// See [`Invariant::title`].
pub struct WithinIntent;

impl Invariant for WithinIntent {
    fn id(&self) -> &'static str {
        "I2"
    }

    fn title(&self) -> &'static str {
        "Added effective access lies within the declared intent."
    }

    fn check(&self, facts: &Facts<'_>) -> (Status, Vec<Witness>) {
        let surplus = surplus(facts);
        let witness = surplus.iter().map(|one| {
            let row = AccessRow { actions: one.actions.clone(), resources: one.resources.clone(), ..one.row.clone() };
            Witness::access(facts, &row, "gains, beyond the intent,")
        });
        let witness: Vec<Witness> = witness.collect();
        (if witness.is_empty() { Status::Pass } else { Status::Block }, witness)
    }
}

/// The parts of added access that no grant of the intent covers.
pub fn surplus(facts: &Facts<'_>) -> Vec<Surplus> {
    let mut out = Vec::new();
    let intent: Vec<(&IntentGrant, Patterns)> =
        facts.set.intent.grants.iter().map(|grant| (grant, Patterns::new(&grant.actions))).collect();
    for row in &facts.access.added {
        let grants: Vec<&(&IntentGrant, Patterns)> =
            intent.iter().filter(|(grant, _)| is_meant(facts, grant, row)).collect();
        let mut actions: BTreeSet<&String> = BTreeSet::new();
        let mut resources: BTreeSet<&String> = BTreeSet::new();
        for resource in &row.resources {
            let on = grants.iter().filter(|(grant, _)| grant.resources.iter().any(|by| covers(by, resource)));
            let on: Vec<&Patterns> = on.map(|(_, actions)| actions).collect();
            for action in &row.exact {
                if !on.iter().any(|actions| actions.cover(action)) {
                    actions.insert(action);
                    resources.insert(resource);
                }
            }
        }
        if !actions.is_empty() {
            const NAMED_MAX: usize = 25;
            out.push(Surplus {
                actions_n: actions.len(),
                actions: actions.into_iter().take(NAMED_MAX).cloned().collect(),
                resources: resources.into_iter().cloned().collect(),
                row: row.clone(),
            });
        }
    }
    out
}

/// Whether a grant of the intent is about the principal: by its id, by a name that means it alone, or by a group that it
/// is in.
fn is_meant(facts: &Facts<'_>, grant: &IntentGrant, row: &AccessRow) -> bool {
    let tables = facts.after();
    if grant.principal == row.principal {
        return true;
    }
    let named = crate::change::gate::parties::entity(tables, &grant.principal);
    match (named, row.entity) {
        (Some(named), Some(of)) => named.entity == of || holders(tables, of).contains_key(&named.entity),
        _ => false,
    }
}
