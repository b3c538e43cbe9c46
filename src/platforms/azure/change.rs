//! Resources of Terraform's providers for Azure and for its directory, as rows of an export would have them.

use serde_json::Value;

use super::{NAME, catalog, names, read};
use crate::model::{Builder, EntityKind, Grant, Handle, Membership, MembershipKind, Standing};
use crate::platforms::declared::{Attributes, Declaring, text, texts};

/// Puts a resource into a builder; whether it is one that is read.
pub fn declare(kind: &str, value: &Attributes, place: &str, context: &Declaring<'_>, out: &mut Builder) -> bool {
    let mut one = Declared { value, place, context, out };
    match kind {
        "azurerm_role_assignment" => one.role_assignment(),
        "azuread_group_member" => one.members("group_object_id", "member_object_id"),
        "azuread_group" => one.group(),
        "azuread_app_role_assignment" => one.app_role(),
        "azuread_directory_role_assignment" => one.directory_role(),
        _ => return false,
    }
    true
}

struct Declared<'a, 't> {
    value: &'a Attributes,
    place: &'a str,
    context: &'a Declaring<'t>,
    out: &'a mut Builder,
}

impl Declared<'_, '_> {
    fn missing(&mut self, what: &str) {
        let message = format!("`{what}` is not known before the plan is applied");
        self.out.skip("value_unknown", self.place, message);
    }

    fn needed(&mut self, key: &str) -> Option<String> {
        let found = text(self.value, key).map(str::to_owned);
        if found.is_none() {
            self.missing(key);
        }
        found
    }

    fn object(&mut self, id: &str) -> Handle {
        let kind = self.context.tables.find(&names::object(id)).map(|found| self.context.tables.entity(found).kind);
        self.out.refer(&names::object(id), NAME, kind.unwrap_or(EntityKind::External), id)
    }

    /// Id of the role of the resource manager that an assignment names.
    fn role(&mut self) -> Option<(String, String)> {
        if let Some(id) = text(self.value, "role_definition_id") {
            return Some((names::role(id), names::last(id).to_owned()));
        }
        let name = self.needed("role_definition_name")?;
        let mut found = self.context.ids(NAME, EntityKind::RoleDefinition, &name);
        found.retain(|id| id.starts_with("azure:role/"));
        match found.as_slice() {
            [one] => Some((one.clone(), name)),
            [] => match catalog::role_named(&name) {
                Some(id) => Some((names::role(id), name)),
                None => {
                    let message = format!("no role `{name}` in this snapshot: write its `role_definition_id`");
                    self.out.skip("name_unknown", self.place, message);
                    None
                }
            },
            several => {
                let message = format!("the role `{name}` may be {}", several.join(" or "));
                self.out.skip("name_ambiguous", self.place, message);
                None
            }
        }
    }

    /// A built-in role that nobody has yet comes with what it gives.
    fn built_in(&mut self, role: &str) {
        if !self.context.is_there(role) {
            read::define_built_in(self.out, role);
        }
    }

    fn role_assignment(&mut self) {
        let (Some(scope), Some(principal)) = (self.needed("scope"), self.needed("principal_id")) else { return };
        let Some(scope) = names::arm(&scope) else {
            let message = format!("`{scope}` is no scope of the resource manager");
            return self.out.skip("record_invalid", self.place, message);
        };
        let Some((role, name)) = self.role() else { return };
        self.built_in(&role);
        let statement = text(self.value, "name").or_else(|| text(self.value, "id").map(names::last));
        let statement = statement.map_or_else(|| format!("{role} on {scope}"), str::to_lowercase);
        let resource = if scope.is_empty() { "*".to_owned() } else { scope };
        let condition = text(self.value, "condition").map(|words| Value::String(words.to_owned()).to_string());
        let holder = self.object(&principal);
        self.grant(holder, vec![format!("role:{role}")], resource, name, statement, condition);
    }

    fn grant(
        &mut self,
        holder: Handle,
        actions: Vec<String>,
        resource: String,
        policy: String,
        statement: String,
        condition: Option<String>,
    ) {
        let grant = u32::try_from(self.out.grants.len()).unwrap_or(u32::MAX);
        let (source, record) = (self.out.source_id(), self.place.to_owned());
        self.out.grants.push(Grant {
            actions,
            resources: vec![resource],
            policy,
            statement,
            condition,
            source,
            record,
            ..Grant::blank(grant, holder)
        });
    }

    fn member(&mut self, member: Handle, container: Handle, kind: MembershipKind) {
        self.out.memberships.push(Membership {
            member,
            container,
            kind,
            standing: Standing::Active,
            expires_at: None,
            source: self.out.source_id(),
            record: self.place.to_owned(),
        });
    }

    fn members(&mut self, group: &str, member: &str) {
        let (Some(group), Some(member)) = (self.needed(group), self.needed(member)) else { return };
        let (group, member) = (self.object(&group), self.object(&member));
        self.member(member, group, MembershipKind::MemberOf);
    }

    /// A group with the members that it lists. One that is not made yet has no id.
    fn group(&mut self) {
        let Some(id) = self.needed("object_id") else { return };
        let group = self.object(&id);
        for member in texts(self.value, "members") {
            let member = self.object(member);
            self.member(member, group, MembershipKind::MemberOf);
        }
        for owner in texts(self.value, "owners") {
            let owner = self.object(owner);
            self.member(owner, group, MembershipKind::Owns);
        }
        if self.value.get("dynamic_membership").is_some_and(|rule| rule.as_array().is_some_and(|list| !list.is_empty()))
        {
            let message = "who is in the group follows from a rule, which is not read".to_owned();
            self.out.skip("group_dynamic", self.place, message);
        }
    }

    fn app_role(&mut self) {
        let (Some(role), Some(principal), Some(resource)) =
            (self.needed("app_role_id"), self.needed("principal_object_id"), self.needed("resource_object_id"))
        else {
            return;
        };
        let role = role.to_lowercase();
        let (action, on) = match catalog::graph_permission(&role) {
            Some(name) => (format!("{}{name}", catalog::GRAPH_PLANE), "*".to_owned()),
            None if role == names::NIL => {
                (format!("{}default", catalog::APP), format!("={}", names::object(&resource)))
            }
            None => (format!("{}{role}", catalog::APP), format!("={}", names::object(&resource))),
        };
        let statement = text(self.value, "id").map_or_else(|| format!("{role} of {resource}"), str::to_owned);
        let holder = self.object(&principal);
        self.grant(holder, vec![action], on, "app role".to_owned(), statement, None);
    }

    fn directory_role(&mut self) {
        let (Some(role), Some(principal)) = (self.needed("role_id"), self.needed("principal_object_id")) else {
            return;
        };
        let on = match text(self.value, "directory_scope_id").unwrap_or("/") {
            "/" => "*".to_owned(),
            inside => names::object(names::last(inside)),
        };
        let statement = text(self.value, "id").map_or_else(|| format!("{role} on {on}"), str::to_owned);
        let holder = self.object(&principal);
        let role = names::entra_role(&role);
        self.built_in(&role);
        self.grant(holder, vec![format!("role:{role}")], on, "directory role".to_owned(), statement, None);
    }
}
