//! Identity policies by content: which holders have the same, and which statements of theirs stand in each other's
//! place.

use std::collections::BTreeMap;

use rustc_hash::{FxHashMap, FxHashSet};

use super::Compiled;
use crate::model::{Effect, EntityId, Grant, Layer};

/// Numbers of contents; they lie above every entity's number.
pub struct Documents {
    /// The content of each holder's identity statements.
    content: FxHashMap<EntityId, u64>,
    /// Managed policies that count by content.
    exchangeable: FxHashSet<EntityId>,
}

impl Documents {
    /// Compares the identity statements of all holders.
    #[must_use]
    pub fn of(compiled: &Compiled<'_>) -> Self {
        let mut by_content: FxHashMap<String, u64> = FxHashMap::default();
        let mut out = Self { content: FxHashMap::default(), exchangeable: FxHashSet::default() };
        let grants = &compiled.tables.grants;
        for run in grants.chunk_by(|a, b| a.holder == b.holder && a.layer == b.layer) {
            let Some(first) = run.first().filter(|grant| grant.layer == Layer::Identity) else { continue };
            let number = (1 << 32) + by_content.len() as u64;
            out.content.insert(first.holder, *by_content.entry(content(run)).or_insert(number));
            if exchangeable(compiled, first.holder) {
                out.exchangeable.insert(first.holder);
            }
        }
        out
    }

    /// What stands for a holder's own statements, where it has some.
    #[must_use]
    pub fn inline(&self, holder: EntityId) -> Option<u64> {
        self.content.get(&holder).copied()
    }

    /// What stands for a managed policy: its content, or itself where it cannot be exchanged.
    #[must_use]
    pub fn attached(&self, policy: EntityId) -> u64 {
        let content = self.content.get(&policy).filter(|_| self.exchangeable.contains(&policy));
        content.copied().unwrap_or_else(|| u64::from(policy.0))
    }
}

/// Whether a managed policy can stand for another of equal content: it is in the export, and neither its name (which
/// reasons tell), nor guards (which are asked for by policy) nor other versions can make a difference.
fn exchangeable(compiled: &Compiled<'_>, policy: EntityId) -> bool {
    let grants = &compiled.tables.grants;
    let plain = |grant: &Grant| {
        let variable = grant.resources.iter().chain(&grant.not_resources).any(|text| text.contains("${"));
        grant.layer == Layer::Identity && grant.effect == Effect::Allow && grant.condition.is_none() && !variable
    };
    compiled.tables.entity(policy).present && compiled.grants_of(policy).all(|at| plain(&grants[at]))
}

/// Numbers of a holder's identity statements, in an order that is the same for all holders of equal content.
#[must_use]
pub fn in_order(compiled: &Compiled<'_>, holder: EntityId) -> Vec<u32> {
    let own: Vec<&Grant> = compiled.in_layer(holder, Layer::Identity).map(|at| &compiled.tables.grants[at]).collect();
    by_policy(own.into_iter()).into_iter().flatten().map(|(_, grant)| grant).collect()
}

/// What the policies of one holder say, whatever their names and order. Which statements are of one policy counts: a
/// policy is removed as a whole.
#[must_use]
pub fn content(grants: &[Grant]) -> String {
    let text = |policy: Vec<(String, u32)>| policy.into_iter().map(|(text, _)| text).collect::<Vec<_>>().join("\n");
    by_policy(grants.iter()).into_iter().map(text).collect::<Vec<_>>().join("\n\n")
}

/// Statements with their numbers, sorted by what they say, policy by policy.
fn by_policy<'g>(grants: impl Iterator<Item = &'g Grant>) -> Vec<Vec<(String, u32)>> {
    let statement = |grant: &Grant| {
        let what = (&grant.actions, &grant.not_actions, &grant.resources, &grant.not_resources);
        let who = (&grant.principals, &grant.not_principals);
        format!("{:?}", (grant.effect, what, who, &grant.condition, grant.variables))
    };
    let mut policies: BTreeMap<&str, Vec<(String, u32)>> = BTreeMap::new();
    for grant in grants {
        policies.entry(&grant.policy).or_default().push((statement(grant), grant.grant));
    }
    let mut sorted: Vec<Vec<(String, u32)>> = policies.into_values().collect();
    for statements in &mut sorted {
        statements.sort();
    }
    sorted.sort_by(|a, b| a.iter().map(|one| &one.0).cmp(b.iter().map(|one| &one.0)));
    sorted
}
