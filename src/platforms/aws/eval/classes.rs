//! Groups principals that no policy can tell apart, so that each distinct policy set is evaluated once.
//!
//! Principals of one kind and account with equal documents are one class, unless something concerns them in person: a
//! resource policy that names them, a variable such as `${aws:username}`, or a condition on who asks that has another
//! answer for each. Inline documents are equal by content; so are managed policies of which nothing but the content
//! can matter ([`exchangeable`]). An answer about a class names the statements of its first member, and
//! [`Classes::evidence_of`] finds those of another member that stand in their place.

use rayon::prelude::*;
use roaring::RoaringBitmap;
use rustc_hash::{FxHashMap, FxHashSet};

use super::accounts::is_root;
use super::facts::{Caller, Fact, Facts, Target};
use super::principals::{account_root, session};
use super::statement::Statement;
use super::view::Holder;
use super::{Compiled, account_of, no_context};
use crate::model::{AttachmentKind, Effect, Entity, EntityId, EntityKind, Grant, Layer};
use crate::platforms::Class;

/// All classes, and what trust policies name.
pub struct Classes {
    pub list: Vec<Class>,
    /// Statements of each member of a class of several, in the order of their documents' content.
    statements: FxHashMap<EntityId, Vec<u32>>,
    /// Roles by a principal that their trust policy names: as [`trust_key`] writes it.
    pub trusting: FxHashMap<String, RoaringBitmap>,
    /// Number of a role's trust policy among the distinct ones, by entity; `u32::MAX` for what has none.
    pub trust_document: Vec<u32>,
    /// Entities by the scope that they are in.
    pub scopes: Vec<RoaringBitmap>,
    /// Root users of accounts.
    pub roots: RoaringBitmap,
    pub roles: RoaringBitmap,
}

/// Roles whose trust policy exempts someone or cannot be read: candidates for everyone.
pub const ANYONE: &str = "*";

/// The form under which a trust policy's principal is looked up.
fn trust_key(principal: &str) -> String {
    let text = principal.strip_prefix("AWS:").unwrap_or(principal);
    if let Some(account) = account_root(text) {
        return account.to_owned();
    }
    match session(text) {
        Some((account, role, _)) => format!("session:{account}/{role}"),
        None => text.to_owned(),
    }
}

/// Keys under which a principal may be named, the most personal first; the last two name others as well.
#[must_use]
pub fn names_of(holder: &Holder<'_>) -> Vec<String> {
    let principal = &holder.principal;
    let mut names = Vec::new();
    if principal.caller != Caller::GroupMember {
        names.push(principal.arn.clone());
        names.extend(principal.unique_id.clone());
    }
    if principal.caller == Caller::Role {
        names.push(format!("session:{}/{}", principal.account, principal.name));
    }
    names.push(principal.account.clone());
    names.push(ANYONE.to_owned());
    names
}

/// What makes principals alike. Two with the same key have the same effective permissions.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    kind: EntityKind,
    account: String,
    service_linked: bool,
    documents: Vec<u64>,
    boundary: Option<EntityId>,
    /// Answers of conditions on who asks.
    answers: Vec<bool>,
    /// The principal itself when something concerns it in person.
    person: Option<EntityId>,
}

impl Classes {
    /// Groups all principals and groups of the tables.
    #[must_use]
    pub fn of(compiled: &Compiled<'_>) -> Self {
        let tables = compiled.tables;
        (0..tables.grants.len()).into_par_iter().for_each(|at| {
            compiled.statement(at);
        });
        let (trusting, trust_document, named) = trusts(compiled);
        let documents = documents(compiled);
        let members: Vec<EntityId> = tables
            .entities
            .iter()
            .filter(|entity| entity.platform == "aws" && entity.present && account_of(entity).is_some())
            .filter(|entity| matches!(entity.kind, EntityKind::User | EntityKind::Role | EntityKind::Group))
            .map(|entity| entity.entity)
            .collect();
        let keys: Vec<(Key, Vec<EntityId>)> =
            members.par_iter().map(|&member| key(compiled, member, &documents, &named)).collect();
        let mut by_key: FxHashMap<Key, usize> = FxHashMap::default();
        let mut list: Vec<Class> = Vec::new();
        let mut holding: FxHashMap<EntityId, Vec<EntityId>> = FxHashMap::default();
        for (member, (key, holders)) in members.into_iter().zip(keys) {
            holding.insert(member, holders);
            let scope = tables.find(&super::account_id(&key.account)).unwrap_or(member);
            let kind = key.kind;
            let at = *by_key.entry(key).or_insert_with(|| {
                list.push(Class { kind, scope, members: Vec::new() });
                list.len() - 1
            });
            list[at].members.push(member);
        }
        let is_role = |entity: &&Entity| entity.present && entity.kind == EntityKind::Role;
        let roles = tables.entities.iter().filter(is_role).map(|entity| entity.entity.0).collect();
        let roots = tables.entities.iter().filter(|entity| is_root(&entity.id)).map(|entity| entity.entity.0).collect();
        let shared = list.par_iter().filter(|class| class.members.len() > 1).flat_map(|class| &class.members);
        let ordered = |member: &EntityId| {
            let holders = holding.get(member).map_or(&[][..], Vec::as_slice);
            (*member, holders.iter().flat_map(|&holder| in_order(compiled, holder)).collect())
        };
        let statements = shared.map(ordered).collect();
        Self { list, statements, trusting, trust_document, scopes: scopes(&tables.entities), roots, roles }
    }

    /// Evidence of an answer about a class, as one of its members has it.
    #[must_use]
    pub fn evidence_of(&self, class: usize, member: EntityId, evidence: &[u32]) -> Vec<u32> {
        let first = self.list[class].members[0];
        let (Some(theirs), Some(own)) = (self.statements.get(&first), self.statements.get(&member)) else {
            return evidence.to_vec();
        };
        let in_place = |&grant: &u32| {
            let at = theirs.iter().position(|&one| one == grant);
            at.and_then(|at| own.get(at).copied()).unwrap_or(grant)
        };
        evidence.iter().map(in_place).collect()
    }
}

fn scopes(entities: &[Entity]) -> Vec<RoaringBitmap> {
    let mut scopes: FxHashMap<Option<&str>, RoaringBitmap> = FxHashMap::default();
    for entity in entities {
        scopes.entry(entity.scope.as_deref()).or_default().insert(entity.entity.0);
    }
    scopes.into_values().collect()
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

/// Numbers of a holder's statements, in an order that is the same for all holders of equal content.
fn in_order(compiled: &Compiled<'_>, holder: EntityId) -> Vec<u32> {
    let grants = &compiled.tables.grants;
    let mut own: Vec<(String, u32)> =
        compiled.in_layer(holder, Layer::Identity).map(|at| (part(&grants[at]), grants[at].grant)).collect();
    own.sort_unstable();
    own.into_iter().map(|(_, grant)| grant).collect()
}

/// What makes a member alike to others, and who holds its documents, in the order in which the key has them.
fn key(
    compiled: &Compiled<'_>,
    member: EntityId,
    documents: &Documents,
    named: &FxHashSet<String>,
) -> (Key, Vec<EntityId>) {
    let holder = Holder::new(compiled, member);
    let entity = compiled.tables.entity(member);
    let holders: Vec<EntityId> = std::iter::once(member).chain(compiled.groups_of(member)).collect();
    let mut held: Vec<(u64, EntityId)> = Vec::new();
    for holder in holders {
        held.extend(documents.content.get(&holder).map(|&number| (number, holder)));
        let attached = compiled.attached(holder, AttachmentKind::Identity);
        held.extend(attached.map(|policy| (documents.number(policy), policy)));
    }
    held.sort_unstable();
    held.dedup();
    let boundary = compiled.attached(member, AttachmentKind::Boundary).next();
    let mut answers = Vec::new();
    let mut person = names_of(&holder).iter().rev().skip(2).any(|name| named.contains(name));
    let controls = holder.scps.iter().flatten().flat_map(|(statements, _)| statements);
    for &at in holder.identity.iter().chain(holder.boundary.iter().flatten()).chain(controls) {
        person |= !impersonal(compiled.statement(at), &holder, &mut answers);
    }
    let key = Key {
        kind: entity.kind,
        account: holder.principal.account.clone(),
        service_linked: holder.principal.service_linked,
        documents: held.iter().map(|(number, _)| *number).collect(),
        boundary,
        answers,
        person: (person || holder.all_allowed).then_some(member),
    };
    (key, held.into_iter().map(|(_, holder)| holder).collect())
}

/// Adds the answers of a statement's tests on who asks; false when they cannot be answered once for all.
fn impersonal(statement: &Statement, holder: &Holder<'_>, answers: &mut Vec<bool>) -> bool {
    let personal = |key: &str| Facts::concerns_principal(key) && key != "aws:tokenissuetime";
    if statement.resources.patterns().iter().any(|pattern| pattern.variables().any(personal)) {
        return false;
    }
    let target = Target { arn: "*".to_owned(), account: None, org: None, tags: None, boundary: None };
    let facts = Facts {
        principal: &holder.principal,
        target: &target,
        action: "*",
        given: no_context(),
        strict: false,
        tree: holder.compiled.tree,
        session_name: None,
        as_of: holder.compiled.as_of,
    };
    for test in &statement.condition.tests {
        if test.values.iter().any(|value| value.variables().any(personal)) {
            return false;
        }
        if !personal(&test.key) {
            continue;
        }
        match facts.of(&test.key) {
            Fact::Known(values) => answers.push(test.holds(&values, &|_| None)),
            Fact::Open(_) => return holder.principal.caller == Caller::GroupMember,
        }
    }
    true
}

/// Documents by content.
struct Documents {
    /// A number for the content of each holder's statements, above every entity's number.
    content: FxHashMap<EntityId, u64>,
    /// Managed policies that count by content.
    exchangeable: FxHashSet<EntityId>,
}

impl Documents {
    /// What stands for a managed policy: its content's number, or its own where it cannot be exchanged.
    fn number(&self, policy: EntityId) -> u64 {
        let content = self.content.get(&policy).filter(|_| self.exchangeable.contains(&policy));
        content.copied().unwrap_or_else(|| u64::from(policy.0))
    }
}

fn documents(compiled: &Compiled<'_>) -> Documents {
    let mut by_content: FxHashMap<String, u64> = FxHashMap::default();
    let mut out = Documents { content: FxHashMap::default(), exchangeable: FxHashSet::default() };
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

fn content(grants: &[Grant]) -> String {
    let mut parts: Vec<String> = grants.iter().map(part).collect();
    parts.sort();
    parts.join("\n")
}

/// Everything about a statement that decides what it does.
fn part(grant: &Grant) -> String {
    format!(
        "{:?}",
        (
            grant.effect,
            (&grant.actions, &grant.not_actions),
            (&grant.resources, &grant.not_resources),
            (&grant.principals, &grant.not_principals),
            &grant.condition,
            grant.variables,
        )
    )
}

/// Index of trust policies: roles by whom they name, the number of each role's distinct trust policy, and everyone
/// whom any resource policy names in person.
fn trusts(compiled: &Compiled<'_>) -> (FxHashMap<String, RoaringBitmap>, Vec<u32>, FxHashSet<String>) {
    let tables = compiled.tables;
    let mut trusting: FxHashMap<String, RoaringBitmap> = FxHashMap::default();
    let mut named = FxHashSet::default();
    let mut document = vec![u32::MAX; tables.entities.len()];
    let mut by_content: FxHashMap<String, u32> = FxHashMap::default();
    for run in tables.grants.chunk_by(|a, b| a.holder == b.holder && a.layer == b.layer) {
        let Some(first) = run.first().filter(|grant| grant.layer == Layer::Resource) else { continue };
        let number = u32::try_from(by_content.len()).unwrap_or(u32::MAX);
        document[first.holder.index()] = *by_content.entry(content(run)).or_insert(number);
        for grant in run {
            for principal in &grant.principals {
                let key = trust_key(principal);
                trusting.entry(key.clone()).or_default().insert(first.holder.0);
                named.insert(key);
            }
            if !grant.not_principals.is_empty() {
                trusting.entry(ANYONE.to_owned()).or_default().insert(first.holder.0);
                named.extend(grant.not_principals.iter().map(|principal| trust_key(principal)));
            }
        }
    }
    for row in tables.attributes.iter().filter(|row| row.key == "trust_unknown" && row.value == "true") {
        trusting.entry(ANYONE.to_owned()).or_default().insert(row.entity.0);
    }
    (trusting, document, named)
}
