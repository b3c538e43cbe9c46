//! What every row needs: ids of what is in a server, and how rights are put down.

use super::super::NAME;
use super::super::dialect::{ATTRIBUTE, OWN, PASS_ON};
use super::acl;
use crate::model::{Builder, Entity, EntityKind, Grant, Handle, IssueSeverity, Membership, MembershipKind, Standing};
use crate::platforms::input::rows::Row;

/// The server that a row is about, and where its rows go.
pub struct Server<'b> {
    pub out: &'b mut Builder,
    id: String,
    place: String,
}

/// How owners come to their privileges.
pub const OWNERSHIP: &str = "ownership";
/// Privileges on rows.
pub const ROWS: [&str; 4] = ["SELECT", "INSERT", "UPDATE", "DELETE"];
/// Privileges that owners have, by what they own.
pub const OF_TABLES: [&str; 8] =
    ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN"];
pub const OF_SEQUENCES: [&str; 3] = ["SELECT", "UPDATE", "USAGE"];
pub const OF_SCHEMAS: [&str; 2] = ["USAGE", "CREATE"];
pub const OF_DATABASES: [&str; 3] = ["CONNECT", "CREATE", "TEMPORARY"];
pub const OF_FUNCTIONS: [&str; 1] = ["EXECUTE"];

impl<'b> Server<'b> {
    /// The server that the column `server` names, or the one server of the scan.
    pub fn of(out: &'b mut Builder, row: &Row) -> Self {
        let name = row.text("server").unwrap_or_else(|| NAME.to_owned()).replace('/', "_");
        let mut server = Self { out, id: format!("{NAME}:{name}"), place: row.place.clone() };
        if server.out.handle(&server.id).is_none() {
            let scope = Entity::named(&server.id, NAME, EntityKind::Scope, &name);
            server.out.define(Entity { present: true, source: Some(server.out.source_id()), ..scope });
            server.public();
        }
        server
    }

    /// The scope of the whole server.
    pub fn scope(&mut self) -> Handle {
        self.out.refer(&self.id, NAME, EntityKind::Scope, &self.id)
    }

    /// Everyone.
    pub fn public(&mut self) -> Handle {
        let id = format!("{}/PUBLIC", self.id);
        if let Some(known) = self.out.handle(&id) {
            return known;
        }
        let group = Entity { present: true, ..Entity::named(&id, NAME, EntityKind::Group, "PUBLIC") };
        let handle = self.out.define(Entity { scope: Some(self.id.clone()), ..group });
        self.out.attribute(handle, "implicit_members", "scope");
        handle
    }

    /// An entity that a row defines.
    pub fn entity(&self, path: &str, kind: EntityKind, name: &str) -> Entity {
        Entity {
            scope: Some(self.id.clone()),
            present: true,
            source: Some(self.out.source_id()),
            record: Some(self.place.clone()),
            ..Entity::named(&format!("{}/{path}", self.id), NAME, kind, name)
        }
    }

    fn refer(&mut self, path: &str, kind: EntityKind, name: &str) -> Handle {
        let id = format!("{}/{path}", self.id);
        match self.out.handle(&id) {
            Some(known) => known,
            None => self.out.define(Entity { scope: Some(self.id.clone()), ..Entity::named(&id, NAME, kind, name) }),
        }
    }

    /// A role by its name, or by its number, which `reconcile` replaces.
    pub fn role(&mut self, text: &str) -> Handle {
        let number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        match text {
            "0" | "PUBLIC" => self.public(),
            _ if number => self.refer(&format!("oid/{text}"), EntityKind::Group, text),
            _ => self.refer(&format!("role/{text}"), EntityKind::Group, text),
        }
    }

    /// Something with a path below the server, in what contains it: `db/D/S/T` is in `db/D/S`, that in `db/D`.
    pub fn object(&mut self, parts: &[&str], kind: EntityKind) -> (Handle, String) {
        let mut above = self.scope();
        let mut path = "db".to_owned();
        for (at, part) in parts.iter().enumerate() {
            path = format!("{path}/{}", part.replace('/', "%2F"));
            let kind = if at + 1 == parts.len() { kind } else { EntityKind::Resource };
            let id = format!("{}/{path}", self.id);
            let known = self.out.handle(&id).is_some();
            let handle = self.out.define(self.entity(&path, kind, part));
            if !known {
                self.put_in(handle, above, MembershipKind::Contains);
            }
            above = handle;
        }
        (above, format!("{}/{path}", self.id))
    }

    /// Puts one entity into another.
    pub fn put_in(&mut self, member: Handle, container: Handle, kind: MembershipKind) {
        let (source, record, standing) = (self.out.source_id(), self.place.clone(), Standing::Active);
        self.out.memberships.push(Membership { member, container, kind, standing, expires_at: None, source, record });
    }

    /// Puts down rights of a holder.
    pub fn grant(
        &mut self,
        holder: Handle,
        actions: Vec<String>,
        resources: Vec<String>,
        policy: &str,
        statement: &str,
    ) {
        let grant = Grant {
            actions,
            resources,
            policy: policy.to_owned(),
            statement: statement.to_owned(),
            source: self.out.source_id(),
            record: self.place.clone(),
            ..Grant::blank(u32::try_from(self.out.grants.len()).unwrap_or(u32::MAX), holder)
        };
        self.out.grants.push(grant);
    }

    /// Puts down privileges on one thing: those on rows, which row security may limit, those on the thing itself, and
    /// leave to pass them on, each as a statement of its own.
    pub fn privilege(&mut self, holder: Handle, privileges: &[(&str, bool)], resource: &str, how: &str) {
        let on = resource.trim_start_matches('=').rsplit_once("/db/").map_or(resource, |(_, path)| path);
        let of = |rows: bool| -> Vec<String> {
            let own = privileges.iter().filter(|(name, _)| ROWS.contains(name) == rows);
            own.map(|(name, _)| (*name).to_owned()).collect()
        };
        let passed_on: Vec<String> =
            privileges.iter().filter(|(_, on)| *on).map(|(name, _)| format!("{PASS_ON}{name}")).collect();
        for actions in [of(true), of(false), passed_on].into_iter().filter(|actions| !actions.is_empty()) {
            let policy = actions.join(", ");
            self.grant(holder, actions, vec![resource.to_owned()], &policy, &format!("on {on} by {how}"));
        }
    }

    /// The rights of who owns an object: every privilege on it, and control of it.
    pub fn own(&mut self, owner: &str, of_kind: &[&str], resource: &str, object: Handle) {
        let holder = self.role(owner);
        let mut all: Vec<(&str, bool)> = of_kind.iter().map(|name| (*name, true)).collect();
        all.push((OWN, false));
        self.privilege(holder, &all, resource, OWNERSHIP);
        self.put_in(holder, object, MembershipKind::Owns);
    }

    /// Puts down an access control list. Without one the owner has everything, and everyone what `to_all` says.
    pub fn list(&mut self, row: &Row, column: &str, resource: &str, to_all: &[&str]) {
        let items: Option<Vec<String>> = match row.value(column) {
            None => {
                let public = self.public();
                let all: Vec<(&str, bool)> = to_all.iter().map(|name| (*name, false)).collect();
                return self.privilege(public, &all, resource, "default");
            }
            Some(serde_json::Value::Array(list)) => list.iter().map(|one| one.as_str().map(str::to_owned)).collect(),
            Some(serde_json::Value::String(text)) => acl::elements(text),
            Some(_) => None,
        };
        let Some(items) = items else {
            return self.wrong(format!("`{column}` is no access control list such as `{{=r/owner}}`"));
        };
        for text in items {
            let Some(item) = acl::item(&text) else {
                self.wrong(format!(
                    "`{}` is no entry of an access control list",
                    text.chars().take(80).collect::<String>()
                ));
                continue;
            };
            let holder = match &item.grantee {
                Some(name) => self.role(name),
                None => self.public(),
            };
            self.privilege(holder, &item.privileges, resource, &item.grantor);
        }
    }

    /// Puts down what a role is. It is nobody's who is only a member of the role.
    pub fn attributes(&mut self, role: &str, handle: Handle, actions: &[&str]) {
        let path = format!("role/{role}#attributes");
        let entity = self.entity(&path, EntityKind::Resource, &format!("attributes of {role}"));
        let holder = self.out.define(entity);
        self.put_in(handle, holder, MembershipKind::MemberOf);
        for action in actions {
            let (name, resource) = (*action, "*".to_owned());
            self.grant(holder, vec![name.to_owned()], vec![resource], name, &format!("{ATTRIBUTE}{name}"));
        }
    }

    /// Reports a row of which a part cannot be used.
    pub fn wrong(&mut self, message: String) {
        let place = self.place.clone();
        self.out.issue(IssueSeverity::Error, "field_invalid", &place, message);
    }

    /// Reports a row that cannot be used.
    pub fn skip(&mut self, message: &str) {
        let place = self.place.clone();
        self.out.skip("record_invalid", &place, message.to_owned());
    }

    /// Id of the server.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Place of the row.
    pub fn place(&self) -> String {
        self.place.clone()
    }
}
