//! Which view a table is, and what every row needs.

use super::{NAME, grants, users};
use crate::model::{
    Builder, Entity, EntityKind, Grant, Handle, Issue, IssueSeverity, Membership, MembershipKind, Standing, Tables,
};
use crate::platforms::input::rows::{self, Row};
use crate::platforms::input::{Head, Input, ReadError, Reader};

/// A view, by the columns that it must have and those that it must not.
struct View {
    columns: &'static [&'static str],
    without: &'static [&'static str],
    read: Taker,
}

const VIEWS: [View; 8] = [
    View { columns: &["credential_id", "user_name", "type", "status"], without: &[], read: users::credential },
    View { columns: &["name", "user_name", "role_restriction", "expires_at"], without: &[], read: users::token },
    View { columns: &["privilege", "grant_on", "grant_to", "grantee_name"], without: &[], read: grants::future },
    View {
        columns: &["privilege", "granted_on", "name", "granted_to", "grantee_name"],
        without: &[],
        read: grants::privilege,
    },
    View { columns: &["role", "granted_to", "grantee_name"], without: &["privilege"], read: grants::role_to },
    View { columns: &["name", "login_name", "has_password"], without: &[], read: users::user },
    View { columns: &["name", "login_name", "default_role"], without: &[], read: users::user },
    View { columns: &["name", "assigned_to_users", "granted_to_roles"], without: &[], read: users::role },
];

/// What `ACCOUNT_USAGE.ROLES` has, which other tables of names have not.
const ROLES: [&str; 3] = ["name", "role_type", "created_on"];

/// Rows of a view, or of what SHOW prints.
pub struct Views;

/// Lists of rows under a name of their own.
fn is_list(key: &str) -> bool {
    key.starts_with("SNOWFLAKE_") || matches!(key, "rows" | "results")
}

fn reader(columns: &[String]) -> Option<Taker> {
    let has = |wanted: &&str| columns.iter().any(|own| own == *wanted);
    let fits = |view: &&View| view.columns.iter().all(&has) && !view.without.iter().any(&has);
    let known = VIEWS.iter().find(fits).map(|view| view.read);
    known.or_else(|| ROLES.iter().all(has).then_some(users::role as Taker))
}

impl Reader for Views {
    fn name(&self) -> &'static str {
        "snowflake-views"
    }

    fn title(&self) -> &'static str {
        "Snowflake: ACCOUNT_USAGE.USERS, ROLES, GRANTS_TO_USERS, GRANTS_TO_ROLES, CREDENTIALS, or SHOW USERS, ROLES, GRANTS as CSV or JSON"
    }

    fn recognises(&self, head: &Head) -> bool {
        // A document may hold rows of several views, and of others before them.
        let lists = head.object().into_iter().flat_map(serde_json::Map::keys).filter(|key| is_list(key));
        let keys = |first: &serde_json::Map<String, serde_json::Value>| -> Vec<String> {
            first.keys().map(|key| key.to_lowercase()).collect()
        };
        let mut listed = lists.filter_map(|key| head.first(key)).map(keys);
        reader(&rows::columns(head, is_list)).is_some() || listed.any(|columns| reader(&columns).is_some())
    }

    fn read(&self, input: &mut Input<'_>, out: &mut Builder) -> Result<(), ReadError> {
        let is_json = input.head()?.json().is_some();
        // Documents may hold rows of several views; those of one view stand together.
        let mut known: (Vec<String>, Option<Taker>) = (Vec::new(), None);
        rows::read(input, out, is_list, is_json, &mut |out, row| {
            let columns = row.columns();
            if known.0 != columns {
                known = (columns.clone(), reader(&columns));
            }
            match known.1 {
                // A row that was deleted is not in force.
                Some(_) if row.value("deleted_on").is_some() => out.source.records += 1,
                Some(read) => read(&mut Account::of(out, row), row),
                None => {
                    let message = "the row is of no view that says who may do what, and is not used".to_owned();
                    out.issue(IssueSeverity::Note, "row_not_used", &row.place, message);
                }
            }
        })
    }
}

/// Takes a row of one view.
type Taker = fn(&mut Account<'_>, &Row);

/// The account that a row is about, and where its rows go.
pub struct Account<'b> {
    pub out: &'b mut Builder,
    pub id: String,
    place: String,
}

impl<'b> Account<'b> {
    fn of(out: &'b mut Builder, row: &Row) -> Self {
        let name = row.first(&["account_name", "account_locator"]).unwrap_or_else(|| "account".to_owned());
        let account = Self { out, id: format!("{NAME}:{}", name.replace('/', "_")), place: row.place.clone() };
        if account.out.handle(&account.id).is_none() {
            let scope = Entity::named(&account.id, NAME, EntityKind::Scope, &name);
            account.out.define(Entity { present: true, source: Some(account.out.source_id()), ..scope });
        }
        account
    }

    /// A role that every account has, with what it may do by what it is.
    fn system_role(&mut self, name: &str, actions: &[&str]) {
        let role = self.role(name);
        self.out.attribute(role, "system_role", "true");
        for action in actions {
            self.grant(role, vec![(*action).to_owned()], vec!["*".to_owned()], name, "system role");
        }
        if name == "PUBLIC" {
            self.out.attribute(role, "implicit_members", "scope");
        }
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

    /// A role of the account.
    pub fn role(&mut self, name: &str) -> Handle {
        self.refer(&format!("role/{name}"), EntityKind::Group, name)
    }

    /// A user.
    pub fn user(&mut self, name: &str) -> Handle {
        self.refer(&format!("user/{name}"), EntityKind::User, name)
    }

    /// Whoever is granted something, by kind and name.
    pub fn grantee(&mut self, kind: &str, name: &str) -> Handle {
        match kind {
            "USER" => self.user(name),
            "ROLE" | "ACCOUNT ROLE" | "" => self.role(name),
            other => {
                let path = format!("{}/{name}", other.to_lowercase().replace(' ', "_"));
                self.refer(&path, EntityKind::Group, name)
            }
        }
    }

    /// Something that is granted on: a role or user, the account, an object in a schema, or one of the account.
    pub fn object(&mut self, kind: &str, parts: &[String]) -> (Handle, String) {
        let name = parts.join(".");
        match kind {
            "ACCOUNT" => (self.refer_scope(), format!("={}", self.id)),
            "ROLE" => (self.role(&name), format!("={}/role/{name}", self.id)),
            "USER" => (self.user(&name), format!("={}/user/{name}", self.id)),
            "DATABASE" | "SCHEMA" => self.nested("db", parts),
            _ if parts.len() >= 3 => self.nested("db", parts),
            _ => self.nested(&kind.to_lowercase().replace(' ', "_"), parts),
        }
    }

    fn refer_scope(&mut self) -> Handle {
        let id = self.id.clone();
        self.out.refer(&id, NAME, EntityKind::Scope, &id)
    }

    fn nested(&mut self, root: &str, parts: &[String]) -> (Handle, String) {
        let (mut above, mut path) = (self.refer_scope(), root.to_owned());
        for part in parts {
            path = format!("{path}/{}", part.replace('/', "%2F"));
            let known = self.out.handle(&format!("{}/{path}", self.id)).is_some();
            let handle = self.out.define(self.entity(&path, EntityKind::Resource, part));
            if !known {
                self.put_in(handle, above, MembershipKind::Contains);
            }
            above = handle;
        }
        (above, format!("={}/{path}", self.id))
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
        self.out.grants.push(Grant {
            actions,
            resources,
            policy: policy.to_owned(),
            statement: statement.to_owned(),
            source: self.out.source_id(),
            record: self.place.clone(),
            ..Grant::blank(u32::try_from(self.out.grants.len()).unwrap_or(u32::MAX), holder)
        });
    }

    /// Reports a row that cannot be used.
    pub fn skip(&mut self, message: &str) {
        let place = self.place.clone();
        self.out.skip("record_invalid", &place, message.to_owned());
    }

    /// Reports a cell that cannot be used.
    pub fn wrong(&mut self, message: String) {
        let place = self.place.clone();
        self.out.issue(IssueSeverity::Error, "field_invalid", &place, message);
    }

    /// Place of the row.
    pub fn place(&self) -> String {
        self.place.clone()
    }
}

/// What system roles may do whatever is granted to them (Snowflake documentation, "System-defined roles").
const SYSTEM_ROLES: [(&str, &[&str]); 5] = [
    ("ACCOUNTADMIN", &["*"]),
    ("SECURITYADMIN", &["MANAGE GRANTS", "CREATE USER", "CREATE ROLE", "CREATE NETWORK POLICY"]),
    ("USERADMIN", &["CREATE USER", "CREATE ROLE"]),
    ("SYSADMIN", &["CREATE DATABASE", "CREATE WAREHOUSE"]),
    ("PUBLIC", &[]),
];

/// Puts down the roles that every account has, once for each account.
pub fn reconcile(builders: &mut [Builder]) {
    let mut done = std::collections::BTreeSet::new();
    for builder in builders.iter_mut().filter(|builder| builder.source.kind == Views.name()) {
        let scopes = builder.entities().iter().filter(|one| one.kind == EntityKind::Scope && one.platform == NAME);
        let fresh: Vec<String> = scopes.map(|one| one.id.clone()).filter(|id| done.insert(id.clone())).collect();
        for id in fresh {
            let mut account = Account { out: &mut *builder, id, place: "system-defined roles".to_owned() };
            for (role, actions) in SYSTEM_ROLES {
                account.system_role(role, actions);
            }
        }
    }
}

/// See [`crate::platforms::Platform::complete`]. System roles are there without a row; other roles that are only named
/// are reported.
pub fn complete(tables: &mut Tables) {
    let system: Vec<usize> = tables
        .attributes
        .iter()
        .filter(|row| row.key == "system_role" && tables.entity(row.entity).platform == NAME)
        .map(|row| row.entity.index())
        .collect();
    for at in system {
        tables.entities[at].present = true;
    }
    let named = |entity: &&Entity| {
        entity.platform == NAME && !entity.present && (entity.id.contains("/role/") || entity.id.contains("/user/"))
    };
    let missing: Vec<String> = tables.entities.iter().filter(named).map(|one| format!("`{}`", one.name)).collect();
    if missing.is_empty() {
        return;
    }
    let shown = missing.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
    let message = format!(
        "{} users and roles are named in grants and in no list of users or roles: {shown}; export USERS and ROLES",
        missing.len()
    );
    let (severity, code) = (IssueSeverity::Warning, "grantee_missing".to_owned());
    tables.issues.push(Issue { severity, source: None, record: String::new(), code, message });
}
