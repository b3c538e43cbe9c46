//! What several answers together come to.
//!
//! Which organisation a file is of, its links tell; a file without telling links is of the organisation of its folder, or
//! of the only one. Then: what standard roles permit, what roles are limited to, what a service may do by its roles *and*
//! its scopes, which users, groups and applications only super administrators may change (those that have a role
//! themselves), and which roles of AWS a group or person is signed in to.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::super::{NAME, catalog, names};
use super::context::{blank, unnamed};
use super::roles::{MAY_BE_LIMITED, TARGET};
use super::services::SCOPE;
use super::{HOST, federation};
use crate::model::text::glob;
use crate::model::{
    Builder, Effect, Entity, EntityId, EntityKind, Grant, IssueSeverity, Layer, Membership, MembershipKind, Standing,
};

/// See [`crate::platforms::Platform::reconcile`].
pub fn reconcile(builders: &mut [Builder]) {
    settle_hosts(builders);
    let survey = Survey::new(builders);
    if survey.orgs.is_empty() {
        return;
    }
    for builder in builders.iter_mut() {
        survey.limit(builder);
    }
    for (org, &at) in &survey.orgs {
        survey.define_roles(&mut builders[at], org);
        survey.protect(&mut builders[at], org);
        survey.gather_members(&mut builders[at], org);
        survey.sign_in(&mut builders[at], org);
    }
}

/// What stands before the last part of a path.
fn folder(path: &str) -> &str {
    path.rfind(['/', '!', '\\']).map_or("", |at| &path[..at])
}

/// The folder of an organisation: above the path of the request.
fn base(path: &str) -> &str {
    ["/api/v1/", "/oauth2/v1/", "/integrations/"]
        .iter()
        .find_map(|part| path.find(part))
        .map_or(folder(path), |at| &path[..at])
}

/// Gives every file the organisation that it is of.
fn settle_hosts(builders: &mut [Builder]) {
    let mut hosts: BTreeMap<String, String> = BTreeMap::new();
    let mut own: Vec<Option<String>> = Vec::with_capacity(builders.len());
    for builder in builders.iter() {
        let found = builder.attributes.iter().find(|row| row.key == HOST && builder.entity(row.entity).id == unnamed());
        let host = found.map(|row| names::org(&row.value));
        if let Some(host) = &host {
            hosts.entry(base(&builder.source.path).to_owned()).or_insert_with(|| host.clone());
        }
        own.push(host);
    }
    let all: BTreeSet<&String> = own.iter().flatten().collect();
    let only = if all.len() == 1 { all.first().map(|one| (*one).clone()) } else { None };
    for (builder, own) in builders.iter_mut().zip(own) {
        if builder.handle(&unnamed()).is_none() {
            continue;
        }
        let near = hosts.get(base(&builder.source.path)).cloned();
        if let Some(org) = own.or(near).or_else(|| only.clone()) {
            rename(builder, &org);
        }
    }
}

/// Gives all ids of the organisation without name the ones of an organisation.
fn rename(builder: &mut Builder, org: &str) {
    let old = unnamed();
    let renamed = |id: &str| {
        let rest = id.strip_prefix(old.as_str())?;
        (rest.is_empty() || rest.starts_with('/')).then(|| format!("{org}{rest}"))
    };
    builder.rename(renamed);
    if let Some(scope) = builder.handle(org) {
        let mut entity = builder.entity(scope).clone();
        org.split_once(':').map_or(org, |(_, host)| host).clone_into(&mut entity.name);
        builder.replace(scope, entity);
    }
    let within = |text: &mut String| {
        let fresh = match text.strip_prefix('=') {
            Some(id) => renamed(id).map(|id| format!("={id}")),
            None => match text.strip_prefix(names::ROLE) {
                Some(id) => renamed(id).map(|id| format!("{}{id}", names::ROLE)),
                None => renamed(text),
            },
        };
        if let Some(fresh) = fresh {
            *text = fresh;
        }
    };
    for row in &mut builder.credentials {
        within(&mut row.credential);
    }
    for row in &mut builder.grants {
        row.actions.iter_mut().chain(&mut row.resources).for_each(within);
    }
    for row in &mut builder.attributes {
        match row.key.as_str() {
            "fills" => within(&mut row.value),
            federation::CLAIMED | TARGET => {
                row.value = row
                    .value
                    .split(' ')
                    .map(|part| renamed(part).unwrap_or_else(|| part.to_owned()))
                    .collect::<Vec<_>>()
                    .join(" ");
            }
            _ => {}
        }
    }
    for handle in 0..builder.entities().len() {
        let handle = EntityId(u32::try_from(handle).unwrap_or(u32::MAX));
        if let Some(owner) = builder.entity(handle).owner.as_deref().and_then(renamed) {
            let entity = Entity { owner: Some(owner), ..builder.entity(handle).clone() };
            builder.replace(handle, entity);
        }
    }
}

/// A person or group, and what an assignment to an application names for it.
type Claim = (String, EntityKind, String, String);

/// What all sources say.
#[derive(Default)]
struct Survey {
    /// Organisations, with the first source that names them.
    orgs: BTreeMap<String, usize>,
    /// Standard and custom roles that are given, and who has them.
    roles: BTreeMap<String, BTreeSet<(String, EntityKind)>>,
    /// What custom roles permit.
    permissions: BTreeMap<String, Vec<String>>,
    /// What assignments are limited to; empty when to nothing.
    targets: BTreeMap<String, BTreeSet<String>>,
    /// Scopes of applications.
    scopes: BTreeMap<String, BTreeSet<String>>,
    /// Members of groups.
    members: BTreeMap<String, BTreeSet<String>>,
    group_names: BTreeMap<String, String>,
    /// Applications by `ORG/app-name/NAME`.
    apps: BTreeMap<String, BTreeSet<String>>,
    /// Facts of applications for AWS.
    aws: BTreeMap<String, BTreeMap<&'static str, String>>,
    /// Who is assigned to which application.
    assigned: BTreeMap<String, BTreeSet<(String, EntityKind)>>,
    claims: BTreeSet<Claim>,
    /// Groups whose members are a place of rights.
    wanted: BTreeSet<String>,
}

impl Survey {
    fn new(builders: &[Builder]) -> Self {
        let mut survey = Self::default();
        for (at, builder) in builders.iter().enumerate() {
            survey.entities(at, builder);
            survey.attributes(builder);
            survey.rows(builder);
        }
        let limited: Vec<String> = survey.targets.values().flatten().cloned().collect();
        for target in limited {
            if names::parts(&target).is_some_and(|(_, kind, _)| kind == "group") {
                survey.wanted.insert(target);
            }
        }
        survey
    }

    fn entities(&mut self, at: usize, builder: &Builder) {
        for entity in builder.entities().iter().filter(|entity| entity.platform == NAME) {
            match entity.kind {
                EntityKind::Scope => drop(self.orgs.entry(entity.id.clone()).or_insert(at)),
                EntityKind::Group if entity.present => {
                    self.group_names.insert(entity.id.clone(), entity.name.clone());
                }
                _ => {}
            }
            if let Some((org, "members", own)) = names::parts(&entity.id) {
                self.wanted.insert(names::object(org, "group", own));
            }
        }
    }

    fn attributes(&mut self, builder: &Builder) {
        for row in &builder.attributes {
            let entity = builder.entity(row.entity);
            if entity.platform != NAME {
                continue;
            }
            let id = || entity.id.clone();
            match row.key.as_str() {
                SCOPE => drop(self.scopes.entry(id()).or_default().insert(row.value.clone())),
                TARGET => {
                    let Some((assignment, target)) = row.value.split_once(' ') else { continue };
                    let known = self.targets.entry(assignment.to_owned()).or_default();
                    if !target.starts_with('*') {
                        known.insert(target.to_owned());
                    }
                }
                "app_name" => {
                    let Some(org) = &entity.scope else { continue };
                    self.apps.entry(names::object(org, "app-name", &row.value)).or_default().insert(id());
                }
                federation::CLAIMED => {
                    let Some((app, role)) = row.value.split_once(' ') else { continue };
                    self.claims.insert((id(), entity.kind, app.to_owned(), role.to_owned()));
                }
                key => {
                    let kept = [federation::ACCOUNT, federation::FILTER, federation::PATTERN];
                    if let Some(key) = kept.into_iter().find(|one| *one == key) {
                        self.aws.entry(id()).or_default().insert(key, row.value.clone());
                    }
                }
            }
        }
    }

    fn rows(&mut self, builder: &Builder) {
        for row in builder.memberships.iter().filter(|row| row.kind == MembershipKind::MemberOf) {
            let (member, group) = (builder.entity(row.member), builder.entity(row.container));
            if group.platform == NAME {
                self.members.entry(group.id.clone()).or_default().insert(member.id.clone());
            }
        }
        for grant in &builder.grants {
            let holder = builder.entity(grant.holder);
            if holder.platform != NAME {
                continue;
            }
            if holder.kind == EntityKind::RoleDefinition {
                self.permissions.entry(holder.id.clone()).or_default().extend(grant.actions.iter().cloned());
                continue;
            }
            let who = (holder.id.clone(), holder.kind);
            for role in grant.actions.iter().filter_map(|action| action.strip_prefix(names::ROLE)) {
                self.roles.entry(role.to_owned()).or_default().insert(who.clone());
            }
            if grant.policy == "app assignment" {
                for app in grant.resources.iter().filter_map(|resource| resource.strip_prefix('=')) {
                    self.assigned.entry(app.to_owned()).or_default().insert(who.clone());
                }
            }
            // Rights on a group that stand in the assignment itself.
            let groups =
                grant.resources.iter().filter(|one| names::parts(one).is_some_and(|(_, kind, _)| kind == "group"));
            self.wanted.extend(groups.cloned());
        }
    }

    /// What a role permits; `None` when that is in no export.
    fn of_role(&self, role: &str) -> Option<Vec<String>> {
        let (_, _, name) = names::parts(role)?;
        catalog::standard(name).or_else(|| self.permissions.get(role).cloned())
    }

    /// Limits assignments to their targets, and services to their scopes.
    fn limit(&self, builder: &mut Builder) {
        let open = Value::String(MAY_BE_LIMITED.to_owned()).to_string();
        for at in 0..builder.grants.len() {
            let holder = builder.entity(builder.grants[at].holder);
            let (own, kind, platform) = (holder.id.clone(), holder.kind, holder.platform.as_str());
            if platform != NAME || builder.grants[at].actions.iter().all(|one| !one.starts_with(names::ROLE)) {
                continue;
            }
            let grant = &mut builder.grants[at];
            if grant.condition.as_deref() == Some(open.as_str())
                && let Some(targets) = self.targets.get(&grant.statement)
            {
                grant.condition = None;
                if !targets.is_empty() {
                    grant.resources = targets.iter().flat_map(|target| self.of_target(target)).collect();
                }
            }
            let groups: Vec<String> =
                grant.resources.iter().filter(|one| self.wanted.contains(*one)).cloned().collect();
            grant.resources.extend(groups.iter().filter_map(|group| members_of(group)));
            if kind == EntityKind::Application {
                self.limit_service(grant, &own);
            }
        }
    }

    /// An application, a group, or all applications of a name.
    fn of_target(&self, target: &str) -> Vec<String> {
        match names::parts(target) {
            Some((_, "app-name", _)) => self.apps.get(target).into_iter().flatten().cloned().collect(),
            _ => vec![target.to_owned()],
        }
    }

    /// A service may do what one of its roles permits *and* one of its scopes lets its token ask for.
    fn limit_service(&self, grant: &mut Grant, app: &str) {
        let Some(scopes) = self.scopes.get(app) else {
            let text = "the scopes that were granted to the application are not in the export";
            grant.condition = Some(Value::String(text.to_owned()).to_string());
            return;
        };
        let scopes: Vec<String> = scopes.iter().filter_map(|scope| catalog::of_scope(scope)).collect();
        let roles: Vec<String> =
            grant.actions.iter().filter_map(|one| one.strip_prefix(names::ROLE)).map(str::to_owned).collect();
        let permitted: Option<Vec<Vec<String>>> = roles.iter().map(|role| self.of_role(role)).collect();
        let Some(permitted) = permitted else { return };
        let patterns: Vec<String> = permitted.into_iter().flatten().collect();
        let any = |patterns: &[String], name: &str| patterns.iter().any(|pattern| glob(pattern, name));
        grant.actions = if patterns.iter().any(|pattern| pattern == "*") {
            scopes
        } else {
            let own = patterns.iter().filter(|pattern| !pattern.contains('*')).map(String::as_str);
            let known = catalog::all().map(|(name, _)| name).chain(own);
            let both: BTreeSet<&str> = known.filter(|name| any(&patterns, name) && any(&scopes, name)).collect();
            both.into_iter().map(str::to_owned).collect()
        };
        if grant.actions.is_empty() {
            // A role without a scope that it could be used with.
            grant.actions.push("okta.none".to_owned());
        }
    }

    fn define_roles(&self, builder: &mut Builder, org: &str) {
        for role in self.roles.keys() {
            let Some((owner, "role", name)) = names::parts(role) else { continue };
            let (Some(actions), true) = (catalog::standard(name), owner == org) else { continue };
            let mut entity = Entity::named(role, NAME, EntityKind::RoleDefinition, name);
            entity.scope = Some(org.to_owned());
            entity.present = true;
            let handle = builder.define(entity);
            let policy = name.to_owned();
            let grant = next(builder);
            builder.grants.push(Grant { policy, ..blank(grant, handle, actions) });
        }
    }

    /// Who has a role is for super administrators alone to change: people, groups, applications.
    fn protect(&self, builder: &mut Builder, org: &str) {
        let mut protected: BTreeMap<EntityKind, BTreeSet<String>> = BTreeMap::new();
        let mut supers: BTreeSet<String> = BTreeSet::new();
        for (role, holders) in
            self.roles.iter().filter(|(role, _)| names::parts(role).is_some_and(|(own, ..)| own == org))
        {
            for (id, kind) in holders {
                protected.entry(*kind).or_default().insert(id.clone());
                if *kind == EntityKind::Group {
                    let members = self.members.get(id).into_iter().flatten().cloned();
                    protected.entry(EntityKind::User).or_default().extend(members);
                }
                if role.ends_with("/SUPER_ADMIN") {
                    supers.insert(id.clone());
                }
            }
        }
        let Some(scope) = builder.handle(org) else { return };
        for (kind, pattern) in [
            (EntityKind::User, "okta.users.*"),
            (EntityKind::Group, "okta.groups.*"),
            (EntityKind::Application, "okta.apps.*"),
        ] {
            let Some(ids) = protected.remove(&kind) else { continue };
            let grant = next(builder);
            builder.grants.push(Grant {
                effect: Effect::Deny,
                layer: Layer::DenyPolicy,
                // Reading stays, and with it a client secret; so does use.
                not_actions: vec!["*.read".to_owned(), "okta.apps.use".to_owned()],
                resources: ids.into_iter().map(|id| format!("={id}")).collect(),
                not_principals: supers.iter().cloned().collect(),
                policy: "protection of administrators".to_owned(),
                statement: "only super administrators change who has a role".to_owned(),
                ..blank(grant, scope, vec![pattern.to_owned()])
            });
        }
    }

    /// Puts members of groups on which rights are into a thing of their own.
    fn gather_members(&self, builder: &mut Builder, org: &str) {
        for group in self.wanted.iter().filter(|group| names::parts(group).is_some_and(|(own, ..)| own == org)) {
            let Some(id) = members_of(group) else { continue };
            let name = self.group_names.get(group).map_or(group.as_str(), String::as_str);
            let mut entity = Entity::named(&id, NAME, EntityKind::Resource, &format!("members of {name}"));
            entity.scope = Some(org.to_owned());
            entity.present = true;
            let container = builder.define(entity);
            for member in self.members.get(group).into_iter().flatten() {
                let member = builder.refer(member, NAME, EntityKind::User, member);
                let (kind, standing, source) = (MembershipKind::Contains, Standing::Active, builder.source_id());
                let record = String::new();
                builder.memberships.push(Membership {
                    member,
                    container,
                    kind,
                    standing,
                    expires_at: None,
                    source,
                    record,
                });
            }
        }
    }

    /// States the roles of AWS that people and groups are signed in to.
    fn sign_in(&self, builder: &mut Builder, org: &str) {
        let inside = |id: &str| id.strip_prefix(org).is_some_and(|rest| rest.starts_with('/'));
        let mut found: BTreeSet<(String, EntityKind, String)> = BTreeSet::new();
        for (who, kind, app, role) in self.claims.iter().filter(|(who, ..)| inside(who)) {
            let account = self.aws.get(app).and_then(|facts| facts.get(federation::ACCOUNT)).map(String::as_str);
            if self.aws.contains_key(app)
                && let Some(arn) = federation::named(role, account)
            {
                found.insert((who.clone(), *kind, arn));
            }
        }
        for (app, facts) in self.aws.iter().filter(|(app, _)| inside(app)) {
            let Some(filter) = facts.get(federation::FILTER) else { continue };
            if !federation::is_read(filter) {
                let message = format!("the group filter `{filter}` of `{app}` cannot be read: its roles are left out");
                builder.issue(IssueSeverity::Warning, "group_filter_unread", "", message);
                continue;
            }
            let pattern = facts.get(federation::PATTERN).map(String::as_str);
            for (who, kind) in self.assigned.get(app).into_iter().flatten() {
                let name = self.group_names.get(who).map(String::as_str).unwrap_or_default();
                if let Some(arn) = federation::by_group(filter, pattern, name) {
                    found.insert((who.clone(), *kind, arn));
                }
            }
        }
        for (who, kind, arn) in found {
            let handle = builder.refer(&who, NAME, kind, &who);
            builder.attribute(handle, "federated_target", &arn);
        }
    }
}

/// Id of the thing that stands for the members of a group.
fn members_of(group: &str) -> Option<String> {
    match names::parts(group)? {
        (org, "group", own) => Some(names::object(org, "members", own)),
        _ => None,
    }
}

fn next(builder: &Builder) -> u32 {
    u32::try_from(builder.grants.len()).unwrap_or(u32::MAX)
}
