//! I2: the effective access that a draft adds lies within the intent that it declares.

use std::collections::BTreeSet;

use super::{Facts, Invariant, Status, Witness};
use crate::access::{Evaluators, Settings};
use crate::change::IntentGrant;
use crate::change::gate::AccessRow;
use crate::change::gate::access::is_one_of;
use crate::change::gate::affected::holders;
use crate::change::gate::pattern::{Patterns, covers};
use crate::change::gate::report::Surplus;
use crate::model::{Decision, EntityId};

/// See [`Invariant::title`].
pub struct WithinIntent;

impl Invariant for WithinIntent {
    fn id(&self) -> &'static str {
        "I2"
    }

    fn title(&self) -> &'static str {
        "Added effective access lies within the declared intent."
    }

    /// What nobody can say is never certainly what was meant, also where the intent names it.
    fn check(&self, facts: &Facts<'_>) -> (Status, Vec<Witness>) {
        let surplus = surplus(facts);
        let witness = surplus.iter().map(|one| {
            let row = AccessRow { actions: one.actions.clone(), resources: one.resources.clone(), ..one.row.clone() };
            Witness::access(facts, &row, "gains, beyond the intent,")
        });
        let witness: Vec<Witness> = witness.collect();
        if !witness.is_empty() {
            return (Status::Block, witness);
        }
        let open = facts.access.added.iter().filter(|row| row.decision == Decision::Unknown);
        let unknown: Vec<Witness> =
            open.map(|row| Witness::access(facts, row, "gains what is not known, as the intent says,")).collect();
        (if unknown.is_empty() { Status::Pass } else { Status::Unknown }, unknown)
    }
}

/// The parts of added access that no grant of the intent covers.
pub fn surplus(facts: &Facts<'_>) -> Vec<Surplus> {
    let mut out = Vec::new();
    // Only for what lies in what: nothing is evaluated.
    let evaluators = Evaluators::new(facts.after(), Settings { as_of: facts.base.as_of });
    let intent: Vec<(&IntentGrant, Patterns)> =
        facts.set.intent.grants.iter().map(|grant| (grant, Patterns::new(&grant.actions))).collect();
    for row in &facts.access.added {
        let inside = |by: &str, resource: &str| covers(by, resource) || encloses(facts, &evaluators, row, by, resource);
        let grants: Vec<&(&IntentGrant, Patterns)> =
            intent.iter().filter(|(grant, _)| is_meant(facts, grant, row)).collect();
        let mut actions: BTreeSet<&String> = BTreeSet::new();
        let mut resources: BTreeSet<&String> = BTreeSet::new();
        for resource in &row.resources {
            let on = grants.iter().filter(|(grant, _)| grant.resources.iter().any(|by| inside(by, resource)));
            let on: Vec<&&(&IntentGrant, Patterns)> = on.collect();
            if on.iter().any(|(grant, _)| names_role(facts, grant, row)) {
                continue;
            }
            for action in &row.exact {
                if !on.iter().any(|(_, actions)| actions.cover(action)) {
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

/// Whether a grant of the intent names the roles that a statement gives, and the draft leaves these as they are.
fn names_role(facts: &Facts<'_>, grant: &IntentGrant, row: &AccessRow) -> bool {
    let tables = facts.after();
    let Some(statement) = row.grant.and_then(|number| tables.grants.get(number as usize)) else { return false };
    let changed = |role: &str| {
        let rows = facts.delta.grants.added.iter().map(|one| one.holder);
        tables.find(role).is_none_or(|role| rows.into_iter().any(|holder| holder == role))
    };
    let named = |action: &String| {
        action.strip_prefix("role:").is_some_and(|role| grant.actions.contains(action) && !changed(role))
    };
    !statement.actions.is_empty() && statement.actions.iter().all(named)
}

/// Whether a resource of a row is inside one of the intent, as the row's platform sees it.
fn encloses(facts: &Facts<'_>, evaluators: &Evaluators<'_>, row: &AccessRow, by: &str, resource: &str) -> bool {
    let asked = row.entity.and_then(|of| {
        let evaluator = evaluators.of(&facts.after().entity(of).platform)?;
        evaluator.encloses(of, by, resource)
    });
    asked.unwrap_or(false)
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
        (Some(named), Some(of)) => {
            let within = |group: EntityId| group == of || holders(tables, of).contains_key(&group);
            within(named.entity) || is_one_of(tables, named.entity, of)
        }
        _ => false,
    }
}
