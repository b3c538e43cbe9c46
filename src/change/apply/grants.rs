//! Statements, rights and assignments, and the trusts that follow from them.

use std::cmp::Ordering;

use serde_json::Value;

use super::members::Undo;
use super::state::State;
use crate::change::decode::Time;
use crate::change::set::{Change, TrustRow, Trustee};
use crate::model::{Effect, Entity, EntityId, Grant, Layer, MembershipKind, Trust};
use crate::platforms::{self, Trusted};

/// What a statement is known by.
#[derive(Clone, Copy)]
pub struct Name<'a> {
    pub holder: EntityId,
    pub policy: &'a str,
    pub statement: &'a str,
    /// Any layer when none is said.
    pub layer: Option<Layer>,
}

/// `put_grant`; any other operation is none of this module's.
pub fn put(state: &mut State, change: &Change) -> Undo {
    let Change::PutGrant { holder, policy, statement, layer, occurrence, variables, trusts, .. } = change else {
        return None;
    };
    let holder = state.named("holder", holder)?;
    let layer = layer.unwrap_or(Layer::Identity);
    let name = Name { holder, policy, statement, layer: Some(layer) };
    let found = slots(state, name);
    let before = match (found.len(), *occurrence) {
        (0, None | Some(1)) => None,
        (1, None) => Some(found[0]),
        (n, None) => {
            several(state, "statement", n);
            return None;
        }
        (n, Some(at)) if at as usize == n + 1 => None,
        (n, Some(at)) => match found.get((at as usize).wrapping_sub(1)) {
            Some(&slot) => Some(slot),
            None => {
                state.wrong("occurrence", format!("there are {n} statements of these names"), "");
                return None;
            }
        },
    };
    let mut row = statement_of(state, change, holder)?;
    row.variables = variables.unwrap_or_else(|| expands(state, before, name));
    let was = match before {
        Some(slot) => Some(take(state, slot)?),
        None => None,
    };
    let slot = add(state, row, trusts)?;
    let number = position(state, name, slot);
    Some(vec![match was {
        Some(was) => Was { occurrence: number, ..was }.restored(state),
        None => Change::DeleteGrant {
            holder: state.id(holder),
            policy: policy.clone(),
            statement: statement.clone(),
            layer: Some(layer),
            occurrence: number,
        },
    }])
}

/// `delete_grant`
pub fn delete(
    state: &mut State,
    holder: &str,
    policy: &str,
    statement: &str,
    rest: (Option<Layer>, Option<u32>),
) -> Undo {
    let (layer, occurrence) = rest;
    let entity = state.named("holder", holder)?;
    let name = Name { holder: entity, policy, statement, layer };
    let found = slots(state, name);
    let slot = match (found.as_slice(), occurrence) {
        ([], _) => {
            let held: Vec<String> = held(state, entity, policy);
            let problem = format!("`{holder}` has no statement `{statement}` of a policy `{policy}`");
            state.wrong("statement", problem, "");
            if let Some(error) = state.errors.last_mut() {
                error.candidates = held;
            }
            return None;
        }
        ([one], None) => *one,
        (several_of, None) => {
            several(state, "statement", several_of.len());
            return None;
        }
        (all, Some(at)) => match all.get((at as usize).wrapping_sub(1)) {
            Some(&slot) => slot,
            None => {
                state.wrong("occurrence", format!("there are {} statements of these names", all.len()), "");
                return None;
            }
        },
    };
    let was = take(state, slot)?;
    let layer = was.grant.layer;
    let left = slots(state, Name { layer: Some(layer), ..name }).len();
    // What is put beside others of the same names says so, by a number that none of them has.
    let occurrence = (left > 0).then(|| u32::try_from(left + 1).unwrap_or(u32::MAX));
    Some(vec![Was { occurrence, ..was }.restored(state)])
}

fn several(state: &mut State, field: &str, n: usize) {
    state.wrong(field, format!("{n} statements have these names"), "say which in `layer` and `occurrence`");
}

/// What could have been meant: the statements that a holder has, those of the policy first.
fn held(state: &State, holder: EntityId, policy: &str) -> Vec<String> {
    let rows = state.grants.of(holder).into_iter().filter_map(|slot| state.grants.get(slot));
    let mut rows: Vec<(bool, String)> =
        rows.map(|row| (row.policy != policy, format!("{} → {}", row.policy, row.statement))).collect();
    rows.sort();
    rows.dedup();
    rows.into_iter().map(|(_, text)| text).collect()
}

/// Slots of the statements of a name, in the order of their contents, which no numbering of rows changes.
pub fn slots(state: &State, name: Name<'_>) -> Vec<usize> {
    let is = |row: &Grant| {
        row.policy == name.policy
            && row.statement == name.statement
            && name.layer.is_none_or(|layer| row.layer == layer)
    };
    let mut found = state.grants.of(name.holder);
    found.retain(|&slot| state.grants.get(slot).is_some_and(is));
    found.sort_by(|&a, &b| match (state.grants.get(a), state.grants.get(b)) {
        (Some(a), Some(b)) => by_content(a, b),
        _ => Ordering::Equal,
    });
    found
}

fn by_content(a: &Grant, b: &Grant) -> Ordering {
    let who = |row: &Grant| (row.layer, row.effect, row.principals.clone(), row.not_principals.clone());
    let what =
        |row: &Grant| (row.actions.clone(), row.not_actions.clone(), row.resources.clone(), row.not_resources.clone());
    let rest = |row: &Grant| (row.condition.clone(), row.variables, row.granted_at, row.expires_at);
    who(a).cmp(&who(b)).then_with(|| what(a).cmp(&what(b))).then_with(|| rest(a).cmp(&rest(b)))
}

/// Which of several of its names a statement is; `None` when it is the only one.
fn position(state: &State, name: Name<'_>, slot: usize) -> Option<u32> {
    let found = slots(state, name);
    let at = found.iter().position(|&one| one == slot)?;
    (found.len() > 1).then(|| u32::try_from(at + 1).unwrap_or(u32::MAX))
}

/// Whether variables expand in a statement that does not say so.
fn expands(state: &State, before: Option<usize>, name: Name<'_>) -> bool {
    let own = before.and_then(|slot| state.grants.get(slot));
    let sibling = || {
        let mut rows = state.grants.of(name.holder).into_iter().filter_map(|slot| state.grants.get(slot));
        rows.find(|row| row.policy == name.policy)
    };
    own.or_else(sibling).is_none_or(|row| row.variables)
}

fn statement_of(state: &mut State, change: &Change, holder: EntityId) -> Option<Grant> {
    let Change::PutGrant {
        policy,
        statement,
        effect,
        actions,
        not_actions,
        resources,
        not_resources,
        principals,
        not_principals,
        condition,
        layer,
        granted_at,
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
        policy: policy.clone(),
        statement: statement.clone(),
        granted_at: granted_at.map(|time| time.0),
        expires_at: expires_at.map(|time| time.0),
        source: state.source,
        record: state.record(),
        ..Grant::blank(0, holder)
    })
}

/// A condition as tables have it: JSON with sorted keys.
pub fn written_condition(condition: &Value) -> String {
    condition.to_string()
}

/// A condition as operations have it. What is no JSON is a text.
pub fn read_condition(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

/// A statement that was taken out, with the trusts that it made beyond those that follow from its principals.
pub struct Was {
    pub grant: Grant,
    pub trusts: Vec<TrustRow>,
    pub occurrence: Option<u32>,
}

impl Was {
    /// The operation that puts it back.
    pub fn restored(self, state: &State) -> Change {
        let Self { grant, trusts, occurrence } = self;
        Change::PutGrant {
            holder: state.id(grant.holder),
            policy: grant.policy,
            statement: grant.statement,
            effect: grant.effect,
            actions: grant.actions,
            not_actions: grant.not_actions,
            resources: grant.resources,
            not_resources: grant.not_resources,
            principals: grant.principals,
            not_principals: grant.not_principals,
            condition: grant.condition.as_deref().map(read_condition),
            layer: (grant.layer != Layer::Identity).then_some(grant.layer),
            variables: Some(grant.variables),
            granted_at: grant.granted_at.map(Time),
            expires_at: grant.expires_at.map(Time),
            trusts,
            occurrence,
        }
    }
}

/// Takes a statement out, and the trusts that it makes.
pub fn take(state: &mut State, slot: usize) -> Option<Was> {
    let follow = state.grants.get(slot).cloned().map(|grant| follows(state, &grant))?;
    let grant = state.grants.take(slot)?;
    let number = number(slot);
    let mut trusts = Vec::new();
    // Nearly always a trust is of whoever holds the statement; an assignment can make somebody else trust.
    let mut own = state.trusts.of(grant.holder);
    own.retain(|&at| state.trusts.get(at).is_some_and(|row| row.grant == number));
    let elsewhere = state.trusts.filter(|row| row.grant == number && row.target != grant.holder);
    for at in own.into_iter().chain(elsewhere) {
        let Some(row) = state.trusts.take(at) else { continue };
        state.touched.insert(row.target);
        state.touched.extend(row.trustee);
        let follows = follow.iter().any(|one| one.target == row.target && is_same(one, &row));
        if !follows {
            trusts.push(TrustRow {
                target: state.id(row.target),
                trustee: row.trustee_pattern,
                action: row.action,
                kind: row.kind,
                entity: row.trustee.map(|trustee| state.id(trustee)),
                condition: row.condition.as_deref().map(read_condition),
            });
        }
    }
    Some(Was { grant, trusts, occurrence: None })
}

fn is_same(a: &Trust, b: &Trust) -> bool {
    (a.trustee, &a.trustee_pattern, &a.action, &a.condition, a.kind)
        == (b.trustee, &b.trustee_pattern, &b.action, &b.condition, b.kind)
}

/// Trust rows name the slot of their statement until the end.
fn number(slot: usize) -> u32 {
    u32::try_from(slot).unwrap_or(u32::MAX)
}

/// Adds a statement, the trusts that follow from it, and further ones that are said.
pub fn add(state: &mut State, grant: Grant, more: &[TrustRow]) -> Option<usize> {
    let follow = follows(state, &grant);
    let slot = state.grants.put(grant);
    for row in follow {
        state.touched.insert(row.target);
        state.touched.extend(row.trustee);
        state.trusts.put(Trust { grant: number(slot), ..row });
    }
    for (at, row) in more.iter().enumerate() {
        let target = state.named(&format!("trusts/{at}/target"), &row.target)?;
        let trustee = match &row.entity {
            Some(entity) => Some(state.named(&format!("trusts/{at}/entity"), entity)?),
            None => None,
        };
        state.trusts.put(Trust {
            target,
            trustee,
            trustee_pattern: row.trustee.clone(),
            action: row.action.clone(),
            condition: row.condition.as_ref().map(written_condition),
            kind: row.kind,
            grant: number(slot),
        });
    }
    Some(slot)
}

/// The trusts that follow from a statement: those of a principal that names others who may come in as it.
fn follows(state: &mut State, grant: &Grant) -> Vec<Trust> {
    let target = state.tables.entity(grant.holder).clone();
    let names_some = !grant.principals.is_empty() || !grant.not_principals.is_empty();
    if grant.layer != Layer::Resource || grant.effect != Effect::Allow || !names_some {
        return Vec::new();
    }
    // Some identities are resources at the same time; policies of other resources let nobody come in as anything.
    if !target.kind.is_principal() && grant.policy != platforms::trust_policy(&target.platform) {
        return Vec::new();
    }
    let lets_in = lets_in(state, &target);
    let platform = platforms::of(&target.platform);
    let condition_of = |pattern: &str| {
        let condition = grant.condition.as_deref()?;
        Some(platform.map_or_else(|| condition.to_owned(), |one| one.trust_condition(pattern, condition)))
    };
    let anything = ["*".to_owned()];
    let actions = if grant.actions.is_empty() { &anything[..] } else { &grant.actions };
    let principals = if grant.not_principals.is_empty() { &grant.principals } else { &anything[..] };
    let mut rows = Vec::new();
    for pattern in principals {
        let Trusted { kind, trustee } = platforms::trusted(&state.tables, &target, pattern);
        let trustee = trustee.map(|one| state.refer(&one.id, &one.platform, one.kind, &one.name));
        for action in actions {
            rows.push(Trust {
                target: lets_in,
                trustee,
                trustee_pattern: pattern.clone(),
                action: action.clone(),
                condition: condition_of(pattern),
                kind,
                grant: 0,
            });
        }
    }
    rows
}

/// Whoever others come in as by the trusts of an entity: the identity that it runs as, else itself.
fn lets_in(state: &State, holder: &Entity) -> EntityId {
    if holder.kind.is_principal() && holder.present {
        return holder.entity;
    }
    let runs_as = state.memberships.find(holder.entity, |row| row.kind == MembershipKind::RunsAs);
    let runs_as = runs_as.and_then(|slot| state.memberships.get(slot)).map(|row| row.container);
    let other = || platforms::of(&holder.platform)?.trusts_for(&state.tables, holder);
    runs_as.or_else(other).unwrap_or(holder.entity)
}

/// `set_trust`
pub fn trust(state: &mut State, principal: &str, trustees: &[Trustee], policy: Option<&str>) -> Undo {
    let target = state.named("principal", principal)?;
    let old = trusting(state, target, policy);
    let entity = state.tables.entity(target);
    if old.is_empty() && !entity.kind.is_principal() {
        let problem = format!("`{principal}` is a {} and trusts nobody", entity.kind);
        state.wrong("principal", problem, "");
        return None;
    }
    let mut names: Vec<String> = old.iter().filter_map(|&slot| Some(state.grants.get(slot)?.policy.clone())).collect();
    names.sort();
    names.dedup();
    let name = match (policy, names.as_slice()) {
        (Some(policy), _) => policy.to_owned(),
        (None, []) => platforms::trust_policy(&entity.platform).to_owned(),
        (None, [one]) => one.clone(),
        (None, _) => {
            state.wrong("policy", format!("`{principal}` trusts by {} policies", names.len()), "say which");
            if let Some(error) = state.errors.last_mut() {
                error.candidates = names;
            }
            return None;
        }
    };
    let variables = old.first().and_then(|&slot| state.grants.get(slot)).is_none_or(|row| row.variables);
    let gone: Vec<Was> = old.into_iter().filter_map(|slot| take(state, slot)).collect();
    for (at, trustee) in trustees.iter().enumerate() {
        let row = Grant {
            actions: vec![trustee.action.clone()],
            principals: vec![trustee.trustee.clone()],
            condition: trustee.condition.as_ref().map(written_condition),
            variables,
            layer: Layer::Resource,
            policy: name.clone(),
            statement: trustee.statement.clone().unwrap_or_else(|| format!("#{at}")),
            source: state.source,
            record: format!("{}/trustees/{at}", state.record()),
            ..Grant::blank(0, target)
        };
        add(state, row, &[])?;
    }
    // Statements are put back into an empty policy: none of them stands beside one of its names.
    let empty = Change::SetTrust { principal: principal.to_owned(), trustees: Vec::new(), policy: Some(name) };
    let back = beside_each_other(gone).into_iter().map(|was| was.restored(state));
    Some(std::iter::once(empty).chain(back).collect())
}

/// Slots of the statements that say whom somebody trusts.
fn trusting(state: &State, target: EntityId, policy: Option<&str>) -> Vec<usize> {
    let is = |row: &Grant| {
        let names_some = !row.principals.is_empty() || !row.not_principals.is_empty();
        row.layer == Layer::Resource && names_some && policy.is_none_or(|policy| row.policy == policy)
    };
    let mut found = state.grants.of(target);
    found.retain(|&slot| state.grants.get(slot).is_some_and(is));
    found
}

/// Numbers statements that have the same names, so that each is put beside the others.
pub fn beside_each_other(mut gone: Vec<Was>) -> Vec<Was> {
    for at in 0..gone.len() {
        let same = |one: &Was| {
            let (a, b) = (&one.grant, &gone[at].grant);
            (a.holder, a.layer, &a.policy, &a.statement) == (b.holder, b.layer, &b.policy, &b.statement)
        };
        let earlier = gone[..at].iter().filter(|one| same(one)).count();
        if earlier > 0 {
            gone[at].occurrence = Some(u32::try_from(earlier + 1).unwrap_or(u32::MAX));
        }
    }
    gone
}
