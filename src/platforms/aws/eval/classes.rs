//! Groups principals that no policy can tell apart, so that each distinct policy set is evaluated once.
//!
//! Principals of one kind and account with equal [`documents`](super::documents) are one class, unless something
//! concerns them in person: a resource policy that names them, a variable such as `${aws:username}`, or a condition on
//! who asks that has another answer for each. An answer about a class names the statements of its first member;
//! [`Classes::evidence_of`] finds those of another member that stand in their place.

use rayon::prelude::*;
use roaring::RoaringBitmap;
use rustc_hash::{FxHashMap, FxHashSet};

use super::accounts::is_root;
use super::condition::Test;
use super::documents::{Documents, content, in_order};
use super::facts::{Caller, Fact, Facts};
use super::pattern::Pattern;
use super::principals::{account_root, session};
use super::view::Holder;
use super::{Compiled, account_of, no_context};
use crate::model::{AttachmentKind, Entity, EntityId, EntityKind, Layer};
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
    /// Documents that apply, each with whether it comes through a group.
    documents: Vec<(u64, bool)>,
    /// Whether its policies are in no export.
    unknown: bool,
    boundary: Option<EntityId>,
    /// Answers of conditions on who asks, by the condition.
    answers: Vec<(String, bool)>,
    /// The principal itself when something concerns it in person.
    person: Option<EntityId>,
}

impl Classes {
    /// Groups all principals and groups of the tables.
    #[must_use]
    pub fn of(compiled: &Compiled<'_>) -> Self {
        let tables = compiled.tables;
        // Statements of other platforms are not in the notation of this one, and slow to be read as if they were.
        let own = |at: &usize| tables.entity(tables.grants[*at].holder).platform == "aws";
        (0..tables.grants.len()).into_par_iter().filter(own).for_each(|at| {
            compiled.statement(at);
        });
        let (trusting, trust_document, named) = trusts(compiled);
        let (trusts, all_personal) = trust_tests(compiled);
        let maker = Maker { compiled, documents: Documents::of(compiled), named, trusts, all_personal };
        let members: Vec<EntityId> = tables
            .entities
            .iter()
            .filter(|entity| entity.platform == "aws" && entity.present && account_of(entity).is_some())
            .filter(|entity| matches!(entity.kind, EntityKind::User | EntityKind::Role | EntityKind::Group))
            .map(|entity| entity.entity)
            .collect();
        let keys: Vec<(Key, Vec<EntityId>)> = members.par_iter().map(|&member| maker.key(member)).collect();
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

/// Conditions on who asks that stand in resource policies and RCPs: by the account that the statement names, and
/// under [`ANYONE`] those that concern every account.
type TrustTests<'c> = FxHashMap<String, Vec<&'c Test>>;

/// Makes the keys of principals.
struct Maker<'c> {
    compiled: &'c Compiled<'c>,
    documents: Documents,
    /// Everyone whom a resource policy names in person.
    named: FxHashSet<String>,
    trusts: TrustTests<'c>,
    /// A control on resources looks at who asks in its resource patterns.
    all_personal: bool,
}

impl Maker<'_> {
    /// What makes a member alike to others, and who holds its documents, in the order in which the key has them.
    fn key(&self, member: EntityId) -> (Key, Vec<EntityId>) {
        let compiled = self.compiled;
        let holder = Holder::new(compiled, member);
        let mut documents: Vec<(u64, bool, EntityId)> = Vec::new();
        let groups = compiled.groups_of(member).map(|group| (group, true));
        for (source, by_group) in std::iter::once((member, false)).chain(groups) {
            if by_group && !compiled.tables.entity(source).present {
                // Its policies are unknown, and differ from any other group's.
                documents.push((UNDEFINED_GROUP | u64::from(source.0), true, source));
            }
            documents.extend(self.documents.inline(source).map(|number| (number, by_group, source)));
            let attached = compiled.attached(source, AttachmentKind::Identity);
            documents.extend(attached.map(|policy| (self.documents.attached(policy), by_group, policy)));
        }
        documents.sort_unstable();
        documents.dedup();
        let mut asked = Answers { holder: &holder, answers: Vec::new() };
        let mut personal =
            self.all_personal || names_of(&holder).iter().rev().skip(2).any(|name| self.named.contains(name));
        let controls = holder.scps.iter().flatten().flat_map(|(statements, _)| statements);
        for &at in holder.identity.iter().chain(holder.boundary.iter().flatten()).chain(controls) {
            let statement = compiled.statement(at);
            let mut patterns = statement.resources.patterns().iter();
            personal |= patterns.any(|pattern| pattern.variables().any(concerns_person));
            personal |= !statement.condition.tests.iter().all(|test| asked.ask(test));
        }
        for account in [holder.principal.account.as_str(), ANYONE] {
            personal |= !self.trusts.get(account).into_iter().flatten().all(|test| asked.ask(test));
        }
        let mut answers = asked.answers;
        answers.sort_unstable();
        answers.dedup();
        let key = Key {
            kind: compiled.tables.entity(member).kind,
            account: holder.principal.account.clone(),
            service_linked: holder.principal.service_linked,
            documents: documents.iter().map(|(number, by_group, _)| (*number, *by_group)).collect(),
            unknown: holder.identity_missing.contains(&member),
            boundary: compiled.attached(member, AttachmentKind::Boundary).next(),
            answers,
            person: (personal || holder.all_allowed).then_some(member),
        };
        (key, documents.into_iter().map(|(_, _, holder)| holder).collect())
    }
}

/// Keys about who asks that can have another value for each of several principals.
fn concerns_person(key: &str) -> bool {
    Facts::concerns_principal(key) && key != "aws:tokenissuetime"
}

/// Collects the answers of conditions on who asks.
struct Answers<'h> {
    holder: &'h Holder<'h>,
    answers: Vec<(String, bool)>,
}

impl Answers<'_> {
    /// Takes note of a test's answer; false when it cannot be answered once for all.
    fn ask(&mut self, test: &Test) -> bool {
        let personal = concerns_person(&test.key);
        // A variable's value may differ with the principal, and what it is compared with too.
        let variable = test.values.iter().any(|value| value.variables().any(concerns_person));
        if variable || (personal && test.values.iter().any(|value| value.variables().next().is_some())) {
            return false;
        }
        if !personal {
            return true;
        }
        let target = Holder::open_target();
        let facts = Facts {
            principal: &self.holder.principal,
            target: &target,
            action: "*",
            given: no_context(),
            strict: false,
            tree: self.holder.compiled.tree,
            session_name: None,
            as_of: self.holder.compiled.as_of,
        };
        match facts.of(&test.key) {
            Fact::Known(values) => self.answers.push((test.text.clone(), test.holds(&values, &|_| None))),
            // What is open for every member of a group is open for all groups alike.
            Fact::Open(_) => return self.holder.principal.caller == Caller::GroupMember,
        }
        true
    }
}

/// Marks the number of a group that is only referred to.
const UNDEFINED_GROUP: u64 = 1 << 48;

/// The tests on who asks of every resource policy and RCP, each once for each account that it can concern, and whether
/// the resource patterns of an RCP look at who asks.
fn trust_tests<'c>(compiled: &'c Compiled<'c>) -> (TrustTests<'c>, bool) {
    let mut out: TrustTests<'c> = FxHashMap::default();
    let mut seen: FxHashSet<(String, &str)> = FxHashSet::default();
    let layers = [Layer::Resource, Layer::Rcp];
    let mut all_personal = false;
    for (at, grant) in compiled.tables.grants.iter().enumerate().filter(|(_, grant)| layers.contains(&grant.layer)) {
        let statement = compiled.statement(at);
        let personal = |test: &&Test| {
            concerns_person(&test.key) || test.values.iter().any(|value| value.variables().any(concerns_person))
        };
        let mut variables = statement.resources.patterns().iter().flat_map(Pattern::variables);
        all_personal |= grant.layer == Layer::Rcp && variables.any(concerns_person);
        let tests: Vec<&Test> = statement.condition.tests.iter().filter(personal).collect();
        if tests.is_empty() {
            continue;
        }
        let mut whom: Vec<String> = grant.principals.iter().map(|principal| account_key(principal)).collect();
        if whom.is_empty() {
            whom.push(ANYONE.to_owned());
        }
        for account in whom {
            for &test in &tests {
                if seen.insert((account.clone(), &test.text)) {
                    out.entry(account.clone()).or_default().push(test);
                }
            }
        }
    }
    (out, all_personal)
}

/// The account whose principals a resource policy's principal can be, or [`ANYONE`].
fn account_key(principal: &str) -> String {
    let key = trust_key(principal);
    let is_account = key.len() == 12 && key.bytes().all(|byte| byte.is_ascii_digit());
    let named = key.split(':').nth(4).filter(|part| part.len() == 12).map(str::to_owned);
    if is_account { key } else { named.unwrap_or_else(|| ANYONE.to_owned()) }
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
