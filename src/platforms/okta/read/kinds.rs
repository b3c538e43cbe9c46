//! Endpoints that are read, and how records are matched to them.

use serde_json::{Map, Value};

use crate::platforms::input::api::{Request, captures};

/// What an answer is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    Org,
    User,
    Factors,
    Group,
    Members,
    UserGroups,
    UserRoles,
    GroupRoles,
    ClientRoles,
    UserTargets,
    GroupTargets,
    GroupApps,
    App,
    AppUsers,
    AppGroups,
    Scopes,
    Secrets,
    Keys,
    Tokens,
    Roles,
    Permissions,
    ResourceSets,
    Resources,
    Rules,
    Providers,
    Services,
    /// Known and of no use here.
    Other,
}

/// Paths of requests below `/api/v1`.
const PATHS: &[(&str, Endpoint)] = &[
    ("org", Endpoint::Org),
    ("users", Endpoint::User),
    ("users/*", Endpoint::User),
    ("users/*/factors", Endpoint::Factors),
    ("users/*/factors/*", Endpoint::Factors),
    ("users/*/groups", Endpoint::UserGroups),
    ("users/*/roles", Endpoint::UserRoles),
    ("users/*/roles/*", Endpoint::UserRoles),
    ("users/*/roles/*/targets/groups", Endpoint::UserTargets),
    ("users/*/roles/*/targets/catalog/apps", Endpoint::UserTargets),
    ("groups", Endpoint::Group),
    ("groups/rules", Endpoint::Rules),
    ("groups/rules/*", Endpoint::Rules),
    ("groups/*", Endpoint::Group),
    ("groups/*/users", Endpoint::Members),
    ("groups/*/apps", Endpoint::GroupApps),
    ("groups/*/roles", Endpoint::GroupRoles),
    ("groups/*/roles/*", Endpoint::GroupRoles),
    ("groups/*/roles/*/targets/groups", Endpoint::GroupTargets),
    ("groups/*/roles/*/targets/catalog/apps", Endpoint::GroupTargets),
    ("apps", Endpoint::App),
    ("apps/*", Endpoint::App),
    ("apps/*/users", Endpoint::AppUsers),
    ("apps/*/users/*", Endpoint::AppUsers),
    ("apps/*/groups", Endpoint::AppGroups),
    ("apps/*/groups/*", Endpoint::AppGroups),
    ("apps/*/grants", Endpoint::Scopes),
    ("apps/*/grants/*", Endpoint::Scopes),
    ("apps/*/credentials/secrets", Endpoint::Secrets),
    ("apps/*/credentials/secrets/*", Endpoint::Secrets),
    ("apps/*/credentials/jwks", Endpoint::Keys),
    ("apps/*/credentials/jwks/*", Endpoint::Keys),
    ("api-tokens", Endpoint::Tokens),
    ("api-tokens/*", Endpoint::Tokens),
    ("iam/roles", Endpoint::Roles),
    ("iam/roles/*", Endpoint::Roles),
    ("iam/roles/*/permissions", Endpoint::Permissions),
    ("iam/resource-sets", Endpoint::ResourceSets),
    ("iam/resource-sets/*", Endpoint::ResourceSets),
    ("iam/resource-sets/*/resources", Endpoint::Resources),
    ("iam/resource-sets/*/bindings", Endpoint::Other),
    ("iam/assignees/users", Endpoint::Other),
    ("idps", Endpoint::Providers),
    ("idps/*", Endpoint::Providers),
    ("policies", Endpoint::Other),
    ("policies/*", Endpoint::Other),
    ("devices", Endpoint::Other),
    ("realms", Endpoint::Other),
    ("agentPools", Endpoint::Other),
    ("authorizationServers", Endpoint::Other),
    ("trustedOrigins", Endpoint::Other),
    ("trustedOrigins/*", Endpoint::Other),
];

/// The endpoint of a path, and the names in it.
pub fn endpoint<'p>(segments: &[&'p str]) -> Option<(Endpoint, Vec<&'p str>)> {
    match segments {
        ["api", "v1", rest @ ..] => {
            PATHS.iter().find_map(|(pattern, endpoint)| Some((*endpoint, captures(pattern, rest)?)))
        }
        ["oauth2", "v1", "clients", client, "roles"] => Some((Endpoint::ClientRoles, vec![client])),
        ["integrations", "api", "v1", "api-services", ..] => Some((Endpoint::Services, Vec::new())),
        _ => None,
    }
}

/// Whether segments are the path of a request that is read.
pub fn is_known(segments: &[&str]) -> bool {
    endpoint(segments).is_some()
}

/// Links of a record by which it may say what it is of, the most telling first.
const LINKS: [&str; 8] = ["assignee", "role", "self", "deactivate", "activate", "delete", "users", "app"];

/// The address of a link.
pub fn link<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get("_links")?.get(name)?.get("href")?.as_str()
}

/// The host of an organisation, from any link of a record. Documentation has `{yourOktaDomain}` there.
pub fn host(value: &Value) -> Option<String> {
    let links = value.get("_links")?.as_object()?;
    let mut hosts = links.values().filter_map(|link| link.get("href").and_then(Value::as_str));
    hosts.find_map(|href| {
        let host = Request::of_url(href).host;
        (href.contains("://") && host.contains('.') && !host.contains('{')).then_some(host)
    })
}

/// The request that a record says for itself, by its form and the links in it.
pub fn own_request(value: &Value) -> Option<Request> {
    let has = |key: &str| value.get(key).is_some();
    let linked = |name: &str| {
        let request = Request::of_url(link(value, name)?);
        // Links of samples begin with a placeholder where the host is to be.
        let parts: Vec<String> = request.parts.iter().skip_while(|part| part.contains('{')).cloned().collect();
        Some(Request { parts, ..request })
    };
    let at = |path: &str| Some(Request::of_url(path));
    let id = || value.get("id").and_then(Value::as_str).unwrap_or("-").to_owned();
    if has("assignmentType") {
        let assignee = linked("assignee")?;
        let path = assignee.parts.join("/");
        return at(&format!("/{path}/roles")).filter(|request| is_known(&request.segments()));
    }
    if has("tokenWindow") {
        return at("/api/v1/api-tokens");
    }
    if has("grantedScopes") {
        return at("/integrations/api/v1/api-services");
    }
    if has("subdomain") && has("companyName") {
        return at("/api/v1/org");
    }
    if has("permissions") {
        let first = value.get("permissions")?.as_array()?.first()?;
        let role = Request::of_url(link(first, "role")?).parts.pop()?;
        return at(&format!("/api/v1/iam/roles/{role}/permissions"));
    }
    if has("resource-sets") {
        return at("/api/v1/iam/resource-sets");
    }
    if value.get("roles").is_some_and(Value::is_array) {
        return at("/api/v1/iam/roles");
    }
    let kind = value.get("type").and_then(Value::as_str);
    if kind == Some("group_rule") {
        return at("/api/v1/groups/rules");
    }
    if has("signOnMode") {
        return at(&format!("/api/v1/apps/{}", id()));
    }
    if has("protocol") && has("policy") {
        return at("/api/v1/idps");
    }
    if matches!(kind, Some("OKTA_GROUP" | "APP_GROUP" | "BUILT_IN")) && has("profile") {
        return at(&format!("/api/v1/groups/{}", id()));
    }
    if has("syncState") || (has("scope") && link(value, "app").is_some()) {
        let app = linked("app")?.parts.pop()?;
        return at(&format!("/api/v1/apps/{app}/users"));
    }
    if value.get("profile").is_some_and(|profile| profile.get("login").is_some()) {
        return at(&format!("/api/v1/users/{}", id()));
    }
    let keys = value.get("jwks").and_then(|jwks| jwks.get("keys")).and_then(Value::as_array);
    if let Some(inner) = keys.and_then(|keys| keys.first()) {
        return own_request(inner);
    }
    LINKS.iter().filter_map(|name| linked(name)).find_map(of_lifecycle)
}

/// A request that is read, from the address of something that can be done with it.
fn of_lifecycle(mut request: Request) -> Option<Request> {
    if let Some(at) = request.parts.iter().position(|part| part == "lifecycle") {
        request.parts.truncate(at);
    }
    is_known(&request.segments()).then_some(request)
}

/// Keys that tell records of Okta's API when they stand together.
const SHAPES: &[&[&str]] = &[
    &["id", "profile", "status", "_links"],
    &["id", "profile", "type", "objectClass"],
    &["id", "signOnMode"],
    &["id", "assignmentType"],
    &["id", "tokenWindow"],
    &["id", "scope", "syncState"],
    &["id", "protocol", "policy", "_links"],
    &["id", "scopeId", "issuer"],
    &["id", "secret_hash"],
    &["id", "grantedScopes"],
    &["id", "subdomain", "companyName"],
    &["id", "factorType", "provider"],
    &["resource-sets"],
    &["errorCode", "errorSummary"],
];

/// Whether the first record of a file is one of Okta's.
pub fn is_ours(request: Option<&Request>, object: &Map<String, Value>) -> bool {
    let has = |keys: &&[&str]| keys.iter().all(|key| object.contains_key(*key));
    if SHAPES.iter().any(has) {
        return true;
    }
    if object.get("type").and_then(Value::as_str) == Some("group_rule") {
        return true;
    }
    // Little else has links in this form, and what they lead to says the rest.
    let value = Value::Object(object.clone());
    let nested = ["permissions", "roles", "resources"].iter().any(|key| {
        let first = object.get(*key).and_then(Value::as_array).and_then(|list| list.first());
        first.is_some_and(|one| one.get("_links").is_some())
    });
    let linked = object.contains_key("_links") || nested || object.contains_key("jwks");
    let asked = request.is_some_and(|request| is_known(&request.segments()));
    // Some records are an id and dates: then only the request tells the rest.
    let dated =
        object.contains_key("id") && ["created", "lastUpdated", "priority"].iter().any(|key| object.contains_key(*key));
    (asked && (linked || dated)) || (linked && own_request(&value).is_some())
}
