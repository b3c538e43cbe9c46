//! App registrations, service principals, what they are allowed, and who signs in as them from elsewhere.

use serde_json::{Value, json};

use super::super::catalog;
use super::names;
use super::objects::{Objects, Right};
use super::value::{at, flag, list, text, texts, time};
use crate::model::{
    Builder, Credential, CredentialKind, Effect, EntityKind, Grant, Handle, Layer, MembershipKind, Trust, TrustKind,
};

/// Attribute of an application and of its service principals: the id that tokens carry.
pub const APP_ID: &str = "app_id";
/// Attribute of an application: a role that it defines, by id and value.
pub const APP_ROLE: &str = "app_role";
/// Attribute of an application whose service principal takes no other credentials.
pub const LOCKED: &str = "locked";
/// Tenant of Microsoft's own applications.
const MICROSOFT: &str = "f8cdef31-a31e-4b4a-93e4-5f571e91255a";
/// What an owner of an application may.
const APP_OWNER: &[&str] =
    &["applications/credentials/update", "applications/owners/update", "applications/authentication/update"];
/// What an owner of a service principal may.
const PRINCIPAL_OWNER: &[&str] = &["servicePrincipals/credentials/update", "servicePrincipals/owners/update"];
/// What delegated permissions hang on.
const DELEGATED: &str = "delegated: only for a signed-in user, and never beyond what that user may do";

impl Objects<'_> {
    /// Reads an app registration.
    pub fn application(&mut self, record: &Value, place: &str) {
        let Some(app) = text(record, "appId") else { return self.nameless("application", place) };
        let name = text(record, "displayName").unwrap_or(app);
        let mut entity = self.entity(&names::application(app), EntityKind::Application, name);
        entity.created_at = time(record, "createdDateTime");
        entity.unique_id = text(record, "id").map(str::to_lowercase);
        entity.nhi = Some(true);
        entity.nhi_reason = Some("app registration".to_owned());
        let application = self.defined(entity, place);
        self.out.attribute(application, APP_ID, &app.to_lowercase());
        if let Some(audience) = text(record, "signInAudience") {
            self.out.attribute(application, "sign_in_audience", audience);
        }
        let lock = at(record, &["servicePrincipalLockConfiguration"]);
        if lock.is_some_and(|lock| {
            flag(lock, "isEnabled") == Some(true)
                && (flag(lock, "allProperties") == Some(true) || flag(lock, "credentialsWithUsageSign") == Some(true))
        }) {
            self.out.attribute(application, LOCKED, "true");
        }
        self.app_roles(application, record);
        self.credentials(application, record, place);
        for (at, one) in list(record, "federatedIdentityCredentials").iter().enumerate() {
            self.federated(application, one, &format!("{place}/federatedIdentityCredentials/{at}"));
        }
        for (at, owner) in list(record, "owners").iter().enumerate() {
            self.application_owner(application, owner, &format!("{place}/owners/{at}"));
        }
    }

    /// An application that a record names by the id that tokens carry.
    pub fn application_named(&mut self, app: &str) -> Handle {
        self.refer(&names::application(app), EntityKind::Application, app)
    }

    /// Gives the owner of an application what owners may.
    pub fn application_owner(&mut self, application: Handle, owner: &Value, place: &str) {
        let Some(holder) = self.owned(application, owner, place) else { return self.nameless("owner", place) };
        let id = self.out.entity(application).id.clone();
        self.owner_right(holder, &id, APP_OWNER, place);
    }

    fn app_roles(&mut self, of: Handle, record: &Value) {
        for role in list(record, "appRoles") {
            if let (Some(id), Some(value)) = (text(role, "id"), text(role, "value")) {
                self.out.attribute(of, APP_ROLE, &format!("{} {value}", id.to_lowercase()));
            }
        }
    }

    /// Reads a service principal: an application as it is in this tenant, or a managed identity.
    pub fn service_principal(&mut self, record: &Value, place: &str) {
        let Some(id) = text(record, "id") else { return self.nameless("service principal", place) };
        let name = text(record, "displayName").or_else(|| text(record, "appDisplayName")).unwrap_or(id);
        let kind = text(record, "servicePrincipalType").unwrap_or("Application");
        let mut entity = self.entity(&names::object(id), EntityKind::ServiceAccount, name);
        entity.enabled = self.flag(record, "accountEnabled");
        entity.created_at = time(record, "createdDateTime");
        entity.unique_id = text(record, "appId").map(str::to_lowercase);
        entity.nhi = Some(true);
        let managed = kind == "ManagedIdentity";
        entity.nhi_reason = Some(if managed { "managed identity" } else { "service principal" }.to_owned());
        let principal = self.defined(entity, place);
        if let Some(app) = text(record, "appId") {
            self.out.attribute(principal, APP_ID, &app.to_lowercase());
        }
        self.out.attribute(principal, "managed_identity", &managed.to_string());
        let owner = text(record, "appOwnerOrganizationId").unwrap_or_default();
        self.out.attribute(principal, "first_party", &owner.eq_ignore_ascii_case(MICROSOFT).to_string());
        if !owner.is_empty() {
            self.out.attribute(principal, "app_owner", &owner.to_lowercase());
        }
        // A managed identity names the resource that it is, or is of.
        for id in texts(record, "alternativeNames").filter(|name| name.starts_with('/')) {
            if managed && let Some(resource) = self.resource(id, place) {
                self.membership(principal, resource, MembershipKind::Contains, place);
                let own = names::arm_type(&self.out.entity(resource).id).starts_with("microsoft.managedidentity/");
                self.out.attribute(principal, "user_assigned", &own.to_string());
            }
        }
        self.app_roles(principal, record);
        self.credentials(principal, record, place);
        for (at, owner) in list(record, "owners").iter().enumerate() {
            self.principal_owner(principal, owner, &format!("{place}/owners/{at}"));
        }
        for (at, one) in list(record, "appRoleAssignments").iter().enumerate() {
            self.app_role_assignment(one, &format!("{place}/appRoleAssignments/{at}"));
        }
    }

    /// Gives the owner of a service principal what owners may.
    pub fn principal_owner(&mut self, principal: Handle, owner: &Value, place: &str) {
        let Some(holder) = self.owned(principal, owner, place) else { return self.nameless("owner", place) };
        let id = self.out.entity(principal).id.clone();
        self.owner_right(holder, &id, PRINCIPAL_OWNER, place);
    }

    /// Reads that a principal has a role that an application defines.
    pub fn app_role_assignment(&mut self, record: &Value, place: &str) {
        let (Some(role), Some(principal), Some(resource)) =
            (text(record, "appRoleId"), text(record, "principalId"), text(record, "resourceId"))
        else {
            let message = "an app role assignment names no role, principal or resource".to_owned();
            return self.out.skip("record_invalid", place, message);
        };
        self.out.source.records += 1;
        let kind = text(record, "principalType").unwrap_or_default();
        let holder = self.object(principal, kind, text(record, "principalDisplayName"));
        let target = self.object(resource, "servicePrincipal", text(record, "resourceDisplayName"));
        let target = self.out.entity(target).id.clone();
        let role = role.to_lowercase();
        let (actions, resources) = match catalog::graph_permission(&role) {
            Some(name) => (vec![format!("{}{name}", catalog::GRAPH_PLANE)], vec!["*".to_owned()]),
            None if role == names::NIL => (vec![format!("{}default", catalog::APP)], vec![format!("={target}")]),
            None => (vec![format!("{}{role}", catalog::APP)], vec![format!("={target}")]),
        };
        let statement = text(record, "id").unwrap_or(place).to_owned();
        let granted_at = time(record, "createdDateTime").or_else(|| time(record, "creationTimestamp"));
        let policy = "app role";
        self.grant(Right { actions, resources, policy, statement: &statement, granted_at, ..Right::of(holder) }, place);
    }

    /// Reads what a client may do for users.
    pub fn delegated(&mut self, record: &Value, place: &str) {
        let (Some(client), Some(resource)) = (text(record, "clientId"), text(record, "resourceId")) else {
            let message = "a permission grant names no client or resource".to_owned();
            return self.out.skip("record_invalid", place, message);
        };
        self.out.source.records += 1;
        let holder = self.object(client, "servicePrincipal", None);
        let resource = names::object(resource);
        self.refer(&resource, EntityKind::External, names::last(&resource));
        let whose = match text(record, "principalId") {
            Some(user) => format!("{DELEGATED}; only the user `{}`", user.to_lowercase()),
            None => DELEGATED.to_owned(),
        };
        let words: Vec<&str> = text(record, "scope").unwrap_or_default().split_whitespace().collect();
        let (graph, other): (Vec<&str>, Vec<&str>) =
            words.into_iter().partition(|word| catalog::is_graph_permission(word));
        let statement = text(record, "id").unwrap_or(place).to_owned();
        for (plane, words, resource) in
            [(catalog::GRAPH_PLANE, graph, "*".to_owned()), (catalog::APP, other, format!("={resource}"))]
        {
            if words.is_empty() {
                continue;
            }
            let right = Right {
                actions: words.iter().map(|word| format!("{plane}{word}")).collect(),
                resources: vec![resource],
                condition: Some(whose.clone()),
                policy: "delegated permission",
                statement: &statement,
                ..Right::of(holder)
            };
            self.grant(right, place);
        }
    }

    /// Reads when a service principal was last used, by the id of its application.
    pub fn sign_in_activity(&mut self, record: &Value, place: &str) {
        let Some(app) = text(record, "appId") else { return self.nameless("sign-in activity", place) };
        self.out.source.records += 1;
        let keys =
            ["lastSignInActivity", "applicationAuthenticationClientSignInActivity", "delegatedClientSignInActivity"];
        let latest = keys.iter().filter_map(|key| time(at(record, &[key])?, "lastSignInDateTime")).max();
        let application = self.application_named(app);
        if let Some(latest) = latest {
            let entity = self.out.entity(application).clone();
            let fact = crate::model::Entity {
                last_used_at: Some(latest),
                last_used_source: Some("entra_sign_in".to_owned()),
                ..entity
            };
            self.out.define(fact);
        }
        // Which of the two is in the export shows when all files are read.
        self.out.attribute(application, "signs_in", "true");
    }

    /// Reads a federated credential: whose tokens from elsewhere are taken for this identity's.
    pub fn federated(&mut self, target: Handle, record: &Value, place: &str) {
        let inner = super::value::properties(record);
        let Some(issuer) = text(inner, "issuer") else {
            return self.out.skip("record_invalid", place, "a federated credential names no issuer".to_owned());
        };
        let own = self.out.entity(target).id.clone();
        let slot = text(record, "id").or_else(|| text(record, "name")).map_or(place, names::last).to_lowercase();
        self.out.credentials.push(Credential {
            credential: format!("{own}#{slot}"),
            entity: target,
            kind: CredentialKind::Federated,
            created_at: None,
            expires_at: None,
            last_used_at: None,
            never_used: None,
            last_rotated_at: None,
            active: None,
            source: self.out.source_id(),
            record: place.to_owned(),
        });
        let issuer = issuer.trim_start_matches("https://").trim_end_matches('/').to_owned();
        let mut equal = serde_json::Map::new();
        let audiences: Vec<&str> = texts(inner, "audiences").collect();
        if !audiences.is_empty() {
            equal.insert(format!("{issuer}:aud"), json!(audiences));
        }
        let expression = at(inner, &["claimsMatchingExpression"]).and_then(|one| text(one, "value").or(one.as_str()));
        let mut condition = serde_json::Map::new();
        match (text(inner, "subject"), expression) {
            (Some(subject), _) => {
                equal.insert(format!("{issuer}:sub"), json!([subject]));
            }
            (None, Some(expression)) => {
                let (operator, claim, value) = match subject_of(expression) {
                    Some((operator, subject)) => (operator, "sub", subject),
                    None => ("ClaimsMatch", "claims", expression),
                };
                if operator == "StringEquals" {
                    equal.insert(format!("{issuer}:{claim}"), json!([value]));
                } else {
                    condition.insert(operator.to_owned(), json!({ format!("{issuer}:{claim}"): [value] }));
                }
            }
            (None, None) => {}
        }
        condition.insert("StringEquals".to_owned(), Value::Object(equal));
        let words = Value::Object(condition).to_string();
        trust(self.out, target, &issuer, &slot, words, place);
    }
}

/// What an expression asks of the subject, when it asks nothing else: `claims['sub'] eq 'x'`, `claims['sub'] matches 'x*'`.
fn subject_of(expression: &str) -> Option<(&'static str, &str)> {
    let rest = expression.trim().strip_prefix("claims['sub']")?.trim_start();
    let (operator, rest) = match rest.strip_prefix("eq") {
        Some(rest) => ("StringEquals", rest),
        None => ("StringLike", rest.strip_prefix("matches")?),
    };
    let value = rest.trim().strip_prefix('\'')?.strip_suffix('\'')?;
    (!value.contains('\'')).then_some((operator, value))
}

/// The statement and the row of a trust in an issuer.
fn trust(out: &mut Builder, target: Handle, issuer: &str, name: &str, condition: String, place: &str) {
    let grant = u32::try_from(out.grants.len()).unwrap_or(u32::MAX);
    let (pattern, action) = (format!("Federated:{issuer}"), "microsoft.directory/federatedIdentityCredentials");
    out.grants.push(Grant {
        grant,
        holder: target,
        effect: Effect::Allow,
        actions: vec![action.to_owned()],
        not_actions: Vec::new(),
        resources: Vec::new(),
        not_resources: Vec::new(),
        principals: vec![pattern.clone()],
        not_principals: Vec::new(),
        condition: Some(condition.clone()),
        variables: false,
        layer: Layer::Resource,
        policy: "federated credential".to_owned(),
        statement: name.to_owned(),
        granted_at: None,
        expires_at: None,
        source: out.source_id(),
        record: place.to_owned(),
    });
    out.trusts.push(Trust {
        target,
        trustee: None,
        trustee_pattern: pattern,
        action: action.to_owned(),
        condition: Some(condition),
        kind: TrustKind::Federated,
        grant,
    });
}
