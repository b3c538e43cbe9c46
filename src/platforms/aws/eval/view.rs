//! One principal opened for questions.

use std::collections::BTreeMap;

use super::accounts::{self, Account, RCP_SERVICES};
use super::facts::{Boundary, Caller, Fact, Facts, Principal, Target};
use super::formula::{Clause, Formula, Level, Sides};
use super::principals::{Naming, naming};
use super::statement::{Principals, Session, Statement};
use super::{Compiled, account_of, denies};
use crate::model::{AttachmentKind, Effect, EntityId, EntityKind, Layer, Verdict};
use crate::platforms::Given;

/// A principal with all that its account and its attachments bring to every question.
#[derive(Clone)]
pub struct Holder<'c> {
    pub compiled: &'c Compiled<'c>,
    pub entity: EntityId,
    pub principal: Principal,
    /// Identity statements: inline, attached, through groups.
    pub identity: Vec<usize>,
    /// Needs no identity policy to allow: an account's root user, or whoever is given everything.
    pub all_allowed: bool,
    /// Attached policies that the export does not define; the principal itself when its policies are in no export.
    pub identity_missing: Vec<EntityId>,
    /// The boundary's statements, when there is a boundary.
    pub boundary: Option<Vec<usize>>,
    pub boundary_missing: Option<EntityId>,
    /// SCP statements by level from the root down, with the missing ones; `None` when none binds.
    pub scps: Option<Vec<(Vec<usize>, Vec<EntityId>)>>,
}

/// What is asked, apart from the resource.
#[derive(Clone, Copy)]
pub struct Question<'q> {
    pub action: &'q str,
    /// The action's number in the catalogue.
    pub known: Option<u32>,
    pub given: &'q BTreeMap<String, Vec<String>>,
    pub strict: bool,
    pub session_name: Option<&'q str>,
    /// Statements of session policies, when there are any.
    pub sessions: &'q Option<Vec<Statement>>,
}

impl<'c> Holder<'c> {
    /// Gathers what bears on a principal's questions.
    #[must_use]
    pub fn new(compiled: &'c Compiled<'c>, entity: EntityId) -> Self {
        let principal = principal(compiled, entity);
        let mut holders: Vec<EntityId> = vec![entity];
        let mut identity_missing = Vec::new();
        if accounts::is_marked(compiled.tables, entity, "permissions_unknown") {
            identity_missing.push(entity);
        }
        if principal.caller == Caller::User {
            // A group that others are in and that the export does not define has policies all the same.
            let (known, missing): (Vec<_>, Vec<_>) =
                compiled.groups_of(entity).partition(|&group| compiled.tables.entity(group).present);
            holders.extend(known);
            identity_missing.extend(missing);
        }
        let mut identity = Vec::new();
        let mut policies: Vec<EntityId> = Vec::new();
        for &holder in &holders {
            identity.extend(compiled.in_layer(holder, Layer::Identity));
            policies.extend(compiled.attached(holder, AttachmentKind::Identity));
        }
        policies.sort_unstable();
        policies.dedup();
        for policy in policies {
            if compiled.tables.entity(policy).present {
                identity.extend(compiled.in_layer(policy, Layer::Identity));
            } else {
                identity_missing.push(policy);
            }
        }
        let bound = compiled.attached(entity, AttachmentKind::Boundary).next();
        let missing = bound.filter(|&policy| !compiled.tables.entity(policy).present);
        let boundary = bound.map(|policy| compiled.in_layer(policy, Layer::Identity).collect());
        let scps = if principal.service_linked { None } else { scps(compiled, &principal.account) };
        let all_allowed = accounts::is_root(&principal.arn);
        Self {
            compiled,
            entity,
            principal,
            all_allowed,
            identity,
            identity_missing,
            boundary,
            boundary_missing: missing,
            scps,
        }
    }

    /// The holder as it would be after a change: none when there is nothing to change, several when the change can be
    /// made in several ways.
    #[must_use]
    pub fn given(mut self, given: Given) -> Vec<Self> {
        // A policy that denies is removed with all that it allows.
        let denies_of = |holder: &Self, sources: &[EntityId]| -> Vec<usize> {
            let grants = &holder.compiled.tables.grants;
            let from = |at: &&usize| sources.contains(&grants[**at].holder);
            let own: Vec<usize> = holder.identity.iter().filter(from).copied().collect();
            let guards: Vec<(EntityId, &str)> = own
                .iter()
                .filter(|&&at| grants[at].effect == Effect::Deny)
                .map(|&at| (grants[at].holder, grants[at].policy.as_str()))
                .collect();
            own.into_iter().filter(|&at| guards.contains(&(grants[at].holder, &grants[at].policy))).collect()
        };
        let groups: Vec<EntityId> = self.compiled.groups_of(self.entity).collect();
        let attached = |holders: &[EntityId]| -> Vec<EntityId> {
            holders.iter().flat_map(|&holder| self.compiled.attached(holder, AttachmentKind::Identity)).collect()
        };
        let gone = match given {
            Given::NoBoundary => {
                let bounded = self.boundary.take().is_some();
                self.boundary_missing = None;
                return if bounded { vec![self] } else { Vec::new() };
            }
            Given::Administrator => {
                self.all_allowed = true;
                return vec![self];
            }
            Given::InactiveVersion => return self.other_versions(),
            Given::NoInlineDenies => denies_of(&self, &[self.entity]),
            Given::NoAttachedDenies => denies_of(&self, &attached(&[self.entity])),
            Given::NoGroupInlineDenies => denies_of(&self, &groups),
            Given::NoGroupAttachedDenies => denies_of(&self, &attached(&groups)),
        };
        self.identity.retain(|at| !gone.contains(at));
        if gone.is_empty() { Vec::new() } else { vec![self] }
    }

    /// One holder for each version that is not in force of each policy attached to the principal or its groups.
    fn other_versions(self) -> Vec<Self> {
        let tables = self.compiled.tables;
        let holders = std::iter::once(self.entity).chain(self.compiled.groups_of(self.entity));
        let mut policies: Vec<EntityId> =
            holders.flat_map(|holder| self.compiled.attached(holder, AttachmentKind::Identity)).collect();
        policies.sort_unstable();
        policies.dedup();
        let mut out = Vec::new();
        for policy in policies {
            let mut versions: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
            for at in self.compiled.in_layer(policy, Layer::Inactive) {
                versions.entry(&tables.grants[at].policy).or_default().push(at);
            }
            for statements in versions.into_values() {
                let mut identity = self.identity.clone();
                identity.retain(|&at| tables.grants[at].holder != policy);
                identity.extend(statements);
                out.push(Self { identity, ..self.clone() });
            }
        }
        out
    }

    /// Answers a question about one resource.
    #[must_use]
    pub fn answer(&self, question: &Question<'_>, resource: &str) -> Verdict {
        let target = self.target(resource);
        let facts = self.facts(question, &target);
        let formula = self.formula(question, &target, &facts);
        let solution = super::solve::solve(&formula, &facts);
        super::reasons::verdict(self.compiled, &formula, &solution)
    }

    /// What is known of the request's context.
    #[must_use]
    pub fn facts<'r>(&'r self, question: &Question<'r>, target: &'r Target) -> Facts<'r> {
        Facts {
            principal: &self.principal,
            target,
            action: question.action,
            given: question.given,
            strict: question.strict,
            tree: self.compiled.tree,
            session_name: question.session_name,
            as_of: self.compiled.as_of,
        }
    }

    /// What is known of a resource: its account from its ARN or from the export, tags where the export has them.
    #[must_use]
    pub fn target(&self, resource: &str) -> Target {
        let entity = self.compiled.tables.find(policy_holder(resource)).map(|id| self.compiled.tables.entity(id));
        let from_arn =
            resource.split(':').nth(4).filter(|part| part.len() == 12 && part.bytes().all(|b| b.is_ascii_digit()));
        let account = from_arn.or_else(|| entity.and_then(account_of)).map(str::to_owned);
        let account = if resource == "*" { Some(self.principal.account.clone()) } else { account };
        let org = account.as_deref().and_then(|number| self.compiled.account(number)?.organization.clone());
        let listed = entity.filter(|entity| entity.present && entity.kind != EntityKind::Resource);
        let tags = listed.map(|entity| tags(self.compiled, entity.entity));
        let boundary = listed.map_or(Boundary::Unknown, |entity| {
            let policy = self.compiled.attached(entity.entity, AttachmentKind::Boundary).next();
            policy.map_or(Boundary::Absent, |policy| Boundary::Policy(self.compiled.tables.entity(policy).id.clone()))
        });
        Target { arn: resource.to_owned(), account, org, tags, boundary }
    }

    /// A resource of which nothing is known, so that every condition on the resource stays open.
    #[must_use]
    pub fn open_target() -> Target {
        Target { arn: "*".to_owned(), account: None, org: None, tags: None, boundary: Boundary::Unknown }
    }

    /// The formula of a question about one resource.
    #[must_use]
    pub fn formula<'s>(&'s self, question: &Question<'s>, target: &Target, facts: &Facts<'_>) -> Formula<'s> {
        let same = target.account.as_deref().is_none_or(|account| account == self.principal.account);
        let mut formula = Formula {
            deny: Vec::new(),
            controls: Vec::new(),
            identity: Level { open_wide: self.all_allowed, ..Level::default() },
            boundary: Level { open_wide: self.boundary.is_none(), ..Level::default() },
            session: Level { open_wide: question.sessions.is_none(), ..Level::default() },
            delegating: Level::default(),
            role_named: Level::default(),
            named: Level::default(),
            sides: if same { Sides::Either } else { Sides::Both },
            resource: target.arn.clone(),
            missing: Vec::new(),
        };
        let of = |at: usize| self.compiled.statement(at);
        let clause = |statement: &'s Statement, layer: Layer| clause(statement, layer, question, &target.arn, facts);
        let identity = self.identity.iter().filter_map(|&at| clause(of(at), Layer::Identity));
        sort_into(&mut formula.deny, &mut formula.identity.allow, identity);
        let boundary = self.boundary.iter().flatten().filter_map(|&at| clause(of(at), Layer::Boundary));
        sort_into(&mut formula.deny, &mut formula.boundary.allow, boundary);
        let sessions = question.sessions.iter().flatten().filter_map(|statement| clause(statement, Layer::Session));
        sort_into(&mut formula.deny, &mut formula.session.allow, sessions);
        for (statements, missing) in self.scps.iter().flatten() {
            let mut level = Level::default();
            let clauses = statements.iter().filter_map(|&at| clause(of(at), Layer::Scp));
            sort_into(&mut formula.deny, &mut level.allow, clauses);
            level.missing = self.note_missing(&mut formula, missing);
            formula.controls.push(level);
        }
        self.rcps(&mut formula, question, target, &clause);
        self.resource_side(&mut formula, question, target, &clause);
        formula.identity.missing = self.note_missing(&mut formula, &self.identity_missing);
        formula.boundary.missing = self.note_missing(&mut formula, self.boundary_missing.as_slice());
        formula
    }

    /// Takes note of missing documents; whether there are any.
    fn note_missing(&self, formula: &mut Formula<'_>, missing: &[EntityId]) -> bool {
        let name = |&id: &EntityId| match &self.compiled.tables.entity(id).id {
            own if id == self.entity => format!("policies of {own}"),
            policy => policy.clone(),
        };
        formula.missing.extend(missing.iter().map(name));
        !missing.is_empty()
    }

    /// RCPs of the resource's account only ever deny: AWS attaches a policy that allows everything at every level.
    fn rcps<'s>(
        &'s self,
        formula: &mut Formula<'s>,
        question: &Question<'s>,
        target: &Target,
        clause: &impl Fn(&'s Statement, Layer) -> Option<Clause<'s>>,
    ) {
        let service = question.action.split(':').next().unwrap_or_default().to_ascii_lowercase();
        let account = target.account.as_deref().unwrap_or(&self.principal.account);
        let Some(Account { rcps, .. }) = self.compiled.account(account) else { return };
        if self.principal.service_linked || !RCP_SERVICES.contains(&service.as_str()) {
            return;
        }
        let mut missing = Vec::new();
        for &policy in rcps {
            if !self.compiled.tables.entity(policy).present {
                missing.push(policy);
            }
            let statements = self.compiled.in_layer(policy, Layer::Rcp).map(|at| self.compiled.statement(at));
            let denying = statements.filter(|statement| denies(statement));
            formula.deny.extend(denying.filter_map(|statement| clause(statement, Layer::Rcp)));
        }
        self.note_missing(formula, &missing);
    }

    /// A statement that names sessions of the caller's role holds in those: the caller chooses its session's name.
    fn named_sessions<'s>(
        &self,
        formula: &mut Formula<'s>,
        statement: &'s Statement,
        clause: &impl Fn(&'s Statement, Layer) -> Option<Clause<'s>>,
    ) {
        let caller = &self.principal;
        let own = |session: &&Session| session.account == caller.account && session.role == caller.name;
        for session in statement.sessions.iter().filter(own).filter(|_| caller.caller == Caller::Role) {
            let Some(mut clause) = clause(statement, Layer::Resource) else { return };
            clause.open.push(&session.test);
            if denies(statement) { formula.deny.push(clause) } else { formula.named.allow.push(clause) }
        }
    }

    fn named_as_user(&self, statement: &Statement) -> bool {
        let caller = &self.principal;
        let is_caller = |text: &String| {
            let text = text.strip_prefix("AWS:").unwrap_or(text);
            text == caller.arn || Some(text) == caller.unique_id.as_deref()
        };
        let anyone = |text: &String| text == "*" || text == "AWS:*";
        match &statement.principals {
            Principals::Some(list) => {
                caller.caller == Caller::User && list.iter().any(is_caller) && !list.iter().any(anyone)
            }
            Principals::AllBut(_) => false,
        }
    }

    /// The resource's own policy: a role's trust policy for `sts` actions, a bucket's or key's policy, …
    fn resource_side<'s>(
        &'s self,
        formula: &mut Formula<'s>,
        question: &Question<'s>,
        target: &Target,
        clause: &impl Fn(&'s Statement, Layer) -> Option<Clause<'s>>,
    ) {
        let tables = self.compiled.tables;
        let action = question.action.to_ascii_lowercase();
        let trust = action.starts_with("sts:") && target.arn.contains(":role/");
        let key = action.starts_with("kms:") && target.arn.contains(":key/");
        if trust || key {
            if formula.sides == Sides::Either {
                formula.sides = Sides::ResourceDecides;
            }
        } else if target.arn.contains(":iam::") || target.arn == "*" {
            return;
        }
        let found = tables.find(policy_holder(&target.arn));
        if let Some(id) = found {
            for at in self.compiled.in_layer(id, Layer::Resource) {
                let statement = self.compiled.statement(at);
                if question.session_name.is_none() {
                    self.named_sessions(formula, statement, clause);
                }
                let Some(how) = naming(statement, &self.principal, question.session_name) else { continue };
                let Some(clause) = clause(statement, Layer::Resource) else { continue };
                if denies(statement) {
                    formula.deny.push(clause);
                    continue;
                }
                match how {
                    // A user who has session policies acts as a federated session, within them and the boundary.
                    Naming::Itself if question.sessions.is_some() && self.named_as_user(statement) => {
                        formula.role_named.allow.push(clause);
                    }
                    Naming::Account => formula.delegating.allow.push(clause),
                    Naming::Role => formula.role_named.allow.push(clause),
                    Naming::Itself => formula.named.allow.push(clause),
                }
            }
        }
        // A policy that must exist and is not in the export is unknown. Other resources in the principal's own
        // account may have none.
        let defined = found.is_some_and(|id| tables.entity(id).present);
        let unread = found.is_some_and(|id| accounts::policy_unread(tables, id));
        let account = target.account.as_deref().unwrap_or_default();
        // A role that its account's export does not have does not exist.
        let absent = trust && !defined && self.compiled.loaded(account);
        if unread || (!defined && !absent && formula.sides != Sides::Either) {
            formula.missing.push(format!("policy of {}", target.arn));
            // What a key's policy gives by default, it gives to the account; a trust, and a policy that is there and
            // cannot be read, may name anyone.
            formula.delegating.missing = true;
            formula.named.missing = !key || unread || formula.sides == Sides::Both;
        }
    }
}

/// The entity that holds the policy of a resource: an object's is its bucket's.
fn policy_holder(arn: &str) -> &str {
    if arn.split(':').nth(2) == Some("s3") { arn.split('/').next().unwrap_or(arn) } else { arn }
}

/// A statement as a clause of a question, or `None` when it does not match or one of its tests is decided false.
fn clause<'s>(
    statement: &'s Statement,
    layer: Layer,
    question: &Question<'_>,
    resource: &str,
    facts: &Facts<'_>,
) -> Option<Clause<'s>> {
    if !statement.actions.cover(question.action, question.known) {
        return None;
    }
    let found = clause_of(statement, layer, facts)?;
    let variable = |key: &str| facts.single(key);
    (found.open_resource || statement.resources.covers(resource, &variable)).then_some(found)
}

/// A statement with what its condition and its variables leave open; `None` when a test is decided false.
#[must_use]
pub fn clause_of<'s>(statement: &'s Statement, layer: Layer, facts: &Facts<'_>) -> Option<Clause<'s>> {
    let variable = |key: &str| facts.single(key);
    let is_open = |key: &str| matches!(facts.of(key), Fact::Open(_));
    let patterns = statement.resources.patterns();
    let open_resource = patterns.iter().any(|pattern| pattern.variables().any(is_open));
    let mut open = Vec::new();
    for test in &statement.condition.tests {
        let linked = test.values.iter().any(|value| value.variables().any(is_open));
        match facts.of(&test.key) {
            Fact::Known(values) if !linked => {
                if !test.holds(&values, &variable) {
                    return None;
                }
            }
            _ => open.push(test),
        }
    }
    Some(Clause { statement, layer, open, open_resource })
}

fn sort_into<'s>(deny: &mut Vec<Clause<'s>>, allow: &mut Vec<Clause<'s>>, clauses: impl Iterator<Item = Clause<'s>>) {
    for clause in clauses {
        if denies(clause.statement) { deny.push(clause) } else { allow.push(clause) }
    }
}

/// The SCPs that bind an account, compiled level by level.
fn scps(compiled: &Compiled<'_>, account: &str) -> Option<Vec<(Vec<usize>, Vec<EntityId>)>> {
    let levels = compiled.account(account)?.scps.as_ref()?;
    Some(
        levels
            .iter()
            .map(|policies| {
                let missing = policies.iter().copied().filter(|&policy| !compiled.tables.entity(policy).present);
                let statements = policies.iter().flat_map(|&policy| compiled.in_layer(policy, Layer::Scp));
                (statements.collect(), missing.collect())
            })
            .collect(),
    )
}

fn principal(compiled: &Compiled<'_>, id: EntityId) -> Principal {
    let entity = compiled.tables.entity(id);
    let account = account_of(entity).unwrap_or_default().to_owned();
    Principal {
        caller: match entity.kind {
            EntityKind::Role => Caller::Role,
            EntityKind::Group | EntityKind::RoleDefinition => Caller::GroupMember,
            _ => Caller::User,
        },
        arn: entity.id.clone(),
        name: entity.name.clone(),
        unique_id: entity.unique_id.clone(),
        tags: tags(compiled, id),
        org: compiled.account(&account).and_then(|account| account.organization.clone()),
        bounded: compiled.attached(id, AttachmentKind::Boundary).next().is_some(),
        service_linked: entity.id.contains(":role/aws-service-role/"),
        account,
    }
}

fn tags(compiled: &Compiled<'_>, id: EntityId) -> BTreeMap<String, String> {
    accounts::attributes(compiled.tables, id, "tag:")
        .map(|(key, value)| (key.to_ascii_lowercase(), value.to_owned()))
        .collect()
}
