//! Resources of Terraform's GitHub provider, as rows of an export would have them.

use serde_json::Value;

use super::{NAME, names};
use crate::model::{Builder, Entity, EntityKind, Grant, Handle, Membership, MembershipKind, Standing};
use crate::platforms::declared::{Attributes, Declaring, blocks, text};

/// Puts a resource into a builder; whether it is one that is read.
pub fn declare(kind: &str, value: &Attributes, place: &str, context: &Declaring<'_>, out: &mut Builder) -> bool {
    let kinds = [
        "github_membership",
        "github_team_membership",
        "github_team_members",
        "github_team_repository",
        "github_repository_collaborator",
    ];
    if !kinds.contains(&kind) {
        return false;
    }
    let scopes = context.scopes(NAME);
    let [org] = scopes.as_slice() else {
        let message = format!("which of {} organisations the plan is of does not show", scopes.len());
        out.skip("organization_ambiguous", place, message);
        return true;
    };
    let org = org.id.trim_start_matches(NAME).trim_start_matches(':').to_owned();
    let mut one = Declared { value, place, context, org, out };
    match kind {
        "github_membership" => one.membership(),
        "github_team_membership" => one.team_membership(),
        "github_team_members" => one.team_members(),
        "github_team_repository" => one.team_repository(),
        _ => one.collaborator(),
    }
    true
}

struct Declared<'a, 't> {
    value: &'a Attributes,
    place: &'a str,
    context: &'a Declaring<'t>,
    org: String,
    out: &'a mut Builder,
}

impl Declared<'_, '_> {
    fn needed(&mut self, key: &str) -> Option<String> {
        // Ids are numbers in some plans.
        let found = match self.value.get(key) {
            Some(Value::String(text)) if !text.is_empty() => Some(text.clone()),
            Some(Value::Number(number)) => Some(number.to_string()),
            _ => None,
        };
        if found.is_none() {
            let message = format!("`{key}` is not known before the plan is applied");
            self.out.skip("value_unknown", self.place, message);
        }
        found
    }

    /// Somebody, who is there by being named.
    fn user(&mut self, login: &str) -> Handle {
        let id = names::of_org(&self.org, "user", login);
        let known = self.context.tables.find(&id).map(|found| self.context.tables.entity(found).clone());
        let mut entity = known.unwrap_or_else(|| Entity::named(&id, NAME, EntityKind::User, login));
        entity.present = true;
        entity.scope = Some(names::org(&self.org));
        (entity.source, entity.record) = (None, None);
        self.out.define(entity)
    }

    /// A team by its slug or its number.
    fn team(&mut self, named: &str) -> Option<Handle> {
        let id = names::of_org(&self.org, "team", named);
        let tables = self.context.tables;
        let numbered = || {
            let is = |entity: &&Entity| {
                entity.platform == NAME
                    && entity.kind == EntityKind::Group
                    && entity.unique_id.as_deref() == Some(named)
            };
            tables.entities.iter().find(is).map(|entity| entity.id.clone())
        };
        let found = if tables.find(&id).is_some() { Some(id) } else { numbered() };
        match found {
            Some(id) => Some(self.out.refer(&id, NAME, EntityKind::Group, named)),
            None => {
                let message = format!("no team `{named}` in this snapshot");
                self.out.skip("name_unknown", self.place, message);
                None
            }
        }
    }

    fn member(&mut self, member: Handle, container: Handle) {
        self.out.memberships.push(Membership {
            member,
            container,
            kind: MembershipKind::MemberOf,
            standing: Standing::Active,
            expires_at: None,
            source: self.out.source_id(),
            record: self.place.to_owned(),
        });
    }

    fn membership(&mut self) {
        let Some(login) = self.needed("username") else { return };
        let name = if text(self.value, "role") == Some("admin") { names::OWNERS } else { names::MEMBERS };
        let id = names::of_org(&self.org, "group", name);
        let group = self.out.refer(&id, NAME, EntityKind::Group, name);
        let user = self.user(&login);
        self.member(user, group);
    }

    fn in_team(&mut self, login: &str, team: Handle, role: Option<&str>) {
        let user = self.user(login);
        self.member(user, team);
        if role == Some("maintainer") {
            let message = format!("that `{login}` may say who else is in the team is counted with the next scan only");
            self.out.skip("maintainer", self.place, message);
        }
    }

    fn team_membership(&mut self) {
        let (Some(team), Some(login)) = (self.needed("team_id"), self.needed("username")) else { return };
        let Some(team) = self.team(&team) else { return };
        let role = text(self.value, "role");
        self.in_team(&login, team, role);
    }

    fn team_members(&mut self) {
        let Some(team) = self.needed("team_id") else { return };
        let Some(team) = self.team(&team) else { return };
        for one in blocks(self.value, "members") {
            if let Some(login) = text(one, "username") {
                self.in_team(login, team, text(one, "role"));
            }
        }
    }

    fn team_repository(&mut self) {
        let (Some(team), Some(repo)) = (self.needed("team_id"), self.needed("repository")) else { return };
        let Some(team) = self.team(&team) else { return };
        self.give(team, &repo, "team");
    }

    fn collaborator(&mut self) {
        let (Some(login), Some(repo)) = (self.needed("username"), self.needed("repository")) else { return };
        let user = self.user(&login);
        self.give(user, &repo, "collaborator");
    }

    fn give(&mut self, holder: Handle, repo: &str, by: &str) {
        let role = names::role_name(text(self.value, "permission").unwrap_or("push")).to_owned();
        let (owner, name) = repo.split_once('/').unwrap_or((&self.org, repo));
        let resource = names::repo(owner, name);
        let action = format!("{}{}", names::ROLE, names::of_org(&self.org, "role", &role));
        let grant = u32::try_from(self.out.grants.len()).unwrap_or(u32::MAX);
        let (source, record) = (self.out.source_id(), self.place.to_owned());
        self.out.grants.push(Grant {
            actions: vec![action],
            resources: vec![resource.clone()],
            policy: role,
            // A team has one role on a repository, and a name for each: all of a team's would be called the same.
            statement: format!("{by} {resource}"),
            source,
            record,
            ..Grant::blank(grant, holder)
        });
    }
}
