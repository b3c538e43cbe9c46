//! Groups principals that no policy can tell apart, so that each distinct policy set is evaluated once.
//!
//! Principals of one kind and account with the same documents attached (inline documents by content) are one class,
//! unless something concerns them in person: a resource policy that names them, a variable such as
//! `${aws:username}`, or a condition on who asks that has another answer for each.

use rayon::prelude::*;
use roaring::RoaringBitmap;
use rustc_hash::{FxHashMap, FxHashSet};

use super::accounts::is_root;
use super::facts::{Boundary, Caller, Fact, Facts, Target};
use super::principals::{account_root, session};
use super::statement::Statement;
use super::view::Holder;
use super::{Compiled, account_of, no_context};
use crate::model::{AttachmentKind, Entity, EntityId, EntityKind, Layer};
use crate::platforms::Class;

/// All classes, and what trust policies name.
pub struct Classes {
    pub list: Vec<Class>,
    /// Roles by a principal that their trust policy names: as [`trust_key`] writes it.
    pub trusting: FxHashMap<String, RoaringBitmap>,
    /// Number of a role's trust policy among the distinct ones, by entity; `u32::MAX` for what has none.
    pub trust_document: Vec<u32>,
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
        let inline = inline_documents(compiled);
        let members: Vec<EntityId> = tables
            .entities
            .iter()
            .filter(|entity| entity.platform == "aws" && entity.present && account_of(entity).is_some())
            .filter(|entity| matches!(entity.kind, EntityKind::User | EntityKind::Role | EntityKind::Group))
            .map(|entity| entity.entity)
            .collect();
        let keys: Vec<Key> = members.par_iter().map(|&member| key(compiled, member, &inline, &named)).collect();
        let mut by_key: FxHashMap<Key, usize> = FxHashMap::default();
        let mut list: Vec<Class> = Vec::new();
        for (member, key) in members.into_iter().zip(keys) {
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
        Self { list, trusting, trust_document, roots, roles }
    }
}

fn key(compiled: &Compiled<'_>, member: EntityId, inline: &FxHashMap<EntityId, u64>, named: &FxHashSet<String>) -> Key {
    let holder = Holder::new(compiled, member);
    let entity = compiled.tables.entity(member);
    let holders: Vec<EntityId> = std::iter::once(member).chain(compiled.groups_of(member)).collect();
    let mut documents: Vec<u64> = Vec::new();
    for holder in holders {
        documents.extend(inline.get(&holder));
        documents.extend(compiled.attached(holder, AttachmentKind::Identity).map(|policy| u64::from(policy.0)));
    }
    documents.sort_unstable();
    documents.dedup();
    let boundary = compiled.attached(member, AttachmentKind::Boundary).next();
    let mut answers = Vec::new();
    let mut person = names_of(&holder).iter().rev().skip(2).any(|name| named.contains(name));
    let controls = holder.scps.iter().flatten().flat_map(|(statements, _)| statements);
    for &at in holder.identity.iter().chain(holder.boundary.iter().flatten()).chain(controls) {
        person |= !impersonal(compiled.statement(at), &holder, &mut answers);
    }
    Key {
        kind: entity.kind,
        account: holder.principal.account.clone(),
        service_linked: holder.principal.service_linked,
        documents,
        boundary,
        answers,
        person: (person || holder.all_allowed).then_some(member),
    }
}

/// Adds the answers of a statement's tests on who asks; false when they cannot be answered once for all.
fn impersonal(statement: &Statement, holder: &Holder<'_>, answers: &mut Vec<bool>) -> bool {
    let personal = |key: &str| Facts::concerns_principal(key) && key != "aws:tokenissuetime";
    if statement.resources.patterns().iter().any(|pattern| pattern.variables().any(personal)) {
        return false;
    }
    let target = Target { arn: "*".to_owned(), account: None, org: None, tags: None, boundary: Boundary::Unknown };
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

/// A number for the content of each holder's inline statements, above every entity's number.
fn inline_documents(compiled: &Compiled<'_>) -> FxHashMap<EntityId, u64> {
    let mut by_content: FxHashMap<String, u64> = FxHashMap::default();
    let mut out = FxHashMap::default();
    let grants = &compiled.tables.grants;
    for run in grants.chunk_by(|a, b| a.holder == b.holder && a.layer == b.layer) {
        let Some(first) = run.first().filter(|grant| grant.layer == Layer::Identity) else { continue };
        let content = content(run);
        let number = (1 << 32) + by_content.len() as u64;
        out.insert(first.holder, *by_content.entry(content).or_insert(number));
    }
    out
}

fn content(grants: &[crate::model::Grant]) -> String {
    let mut parts: Vec<String> = grants
        .iter()
        .map(|grant| {
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
        })
        .collect();
    parts.sort();
    parts.join("\n")
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
