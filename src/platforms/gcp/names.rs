//! How Google Cloud calls things, and the ids that entities have here.
//!
//! Resources have their full resource name (`//storage.googleapis.com/my-bucket`), the hierarchy too
//! (`//cloudresourcemanager.googleapis.com/projects/my-project`). Members of bindings are `gcp:user/EMAIL`,
//! `gcp:serviceaccount/EMAIL`, `gcp:group/EMAIL`, `gcp:domain/NAME`, `gcp:allUsers`; federated identities keep their
//! `principal://…` and `principalSet://…`. Roles keep their names.

use percent_encoding::percent_decode_str;

use crate::model::EntityKind;

/// Where organisations, folders and projects are.
pub const HIERARCHY: &str = "//cloudresourcemanager.googleapis.com/";
/// Everyone on the internet.
pub const ALL_USERS: &str = "gcp:allUsers";
/// Everyone with a Google account.
pub const ALL_AUTHENTICATED: &str = "gcp:allAuthenticatedUsers";
/// Beginning of a service account's id.
pub const ACCOUNT: &str = "gcp:serviceaccount/";
/// End of the e-mail address of every service account that people make.
const ACCOUNTS_DOMAIN: &str = ".iam.gserviceaccount.com";
/// End of the name of a pool of GKE's workload identities.
const GKE_POOL: &str = ".svc.id.goog";

/// A member of a binding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Id of the entity.
    pub id: String,
    pub kind: EntityKind,
    /// Name for people.
    pub name: String,
    /// Unique id of one that is deleted.
    pub deleted: Option<String>,
}

impl Member {
    fn new(id: String, kind: EntityKind, name: &str) -> Self {
        Self { id, kind, name: name.to_owned(), deleted: None }
    }
}

/// Reads a member as policies write it; `None` when it is none.
#[must_use]
pub fn member(text: &str) -> Option<Member> {
    if let Some(rest) = text.strip_prefix("deleted:") {
        let (plain, unique) = rest.split_once("?uid=").unwrap_or((rest, ""));
        let known = member(plain)?;
        // Whoever is made anew under the same name is somebody else.
        let id = format!("gcp:deleted/{rest}");
        return Some(Member { id, deleted: Some(unique.to_owned()), ..known });
    }
    if text.starts_with("principal://") || text.starts_with("principalSet://") {
        return Some(principal(text));
    }
    match text {
        "allUsers" => return Some(Member::new(ALL_USERS.to_owned(), EntityKind::Group, text)),
        "allAuthenticatedUsers" => return Some(Member::new(ALL_AUTHENTICATED.to_owned(), EntityKind::Group, text)),
        _ => {}
    }
    let (kind, value) = text.split_once(':')?;
    if value.is_empty() || value.chars().any(char::is_whitespace) {
        return None;
    }
    Some(match kind {
        "user" => user(value),
        "serviceAccount" => account(value),
        "group" => group(value),
        "domain" => {
            let domain = value.to_ascii_lowercase();
            Member::new(format!("gcp:domain/{domain}"), EntityKind::Group, &domain)
        }
        "projectOwner" | "projectEditor" | "projectViewer" => {
            Member::new(format!("gcp:{kind}/{value}"), EntityKind::Group, text)
        }
        _ => return None,
    })
}

/// A person, by e-mail address.
#[must_use]
pub fn user(email: &str) -> Member {
    let email = email.to_ascii_lowercase();
    Member::new(format!("gcp:user/{email}"), EntityKind::User, &email)
}

/// A group, by e-mail address.
#[must_use]
pub fn group(email: &str) -> Member {
    let email = email.to_ascii_lowercase();
    Member::new(format!("gcp:group/{email}"), EntityKind::Group, &email)
}

/// A service account by e-mail address, or an identity of GKE written like one.
#[must_use]
pub fn account(email: &str) -> Member {
    if gke(email).is_some() {
        return Member::new(format!("{ACCOUNT}{email}"), EntityKind::Workload, email);
    }
    let email = email.to_ascii_lowercase();
    Member::new(format!("{ACCOUNT}{email}"), EntityKind::ServiceAccount, &email)
}

/// Pool, namespace and name of a Kubernetes service account written as a member: `p.svc.id.goog[ns/name]`.
#[must_use]
pub fn gke(text: &str) -> Option<(&str, &str, &str)> {
    let (pool, rest) = text.split_once('[')?;
    let (namespace, name) = rest.strip_suffix(']')?.split_once('/')?;
    pool.ends_with(GKE_POOL).then_some((pool, namespace, name))
}

/// An identity or set of identities as deny policies and federation write them.
fn principal(text: &str) -> Member {
    let (is_set, rest) = match text.strip_prefix("principalSet://") {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix("principal://").unwrap_or(text)),
    };
    if rest == "goog/public:all" {
        return Member::new(ALL_USERS.to_owned(), EntityKind::Group, "allUsers");
    }
    if let Some(email) = rest.strip_prefix("goog/subject/") {
        return user(email);
    }
    if let Some(email) = rest.strip_prefix("goog/group/") {
        return group(email);
    }
    if let Some((_, email)) = rest.split_once("/serviceAccounts/")
        && rest.starts_with("iam.googleapis.com/projects/")
    {
        return account(email);
    }
    let kind = match pool(text) {
        _ if is_set => EntityKind::Group,
        Some(pool) if pool.workforce => EntityKind::User,
        _ => EntityKind::Workload,
    };
    Member::new(text.to_owned(), kind, rest.rsplit("Pools/").next().unwrap_or(rest))
}

/// A member of a pool of federated identities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Federated<'t> {
    /// `projects/N/locations/global/workloadIdentityPools/P` or `locations/global/workforcePools/P`.
    pub pool: &'t str,
    pub workforce: bool,
    /// What of the pool is meant: `subject`, `group`, `attribute.NAME`, or `*`.
    pub selector: &'t str,
    pub value: &'t str,
}

/// What a `principal://` or `principalSet://` of a pool means; `None` for others.
#[must_use]
pub fn pool(text: &str) -> Option<Federated<'_>> {
    let rest = text.strip_prefix("principalSet://").or_else(|| text.strip_prefix("principal://"))?;
    let rest = rest.strip_prefix("iam.googleapis.com/")?;
    let at = rest.find("Pools/")? + "Pools/".len();
    let end = at + rest[at..].find('/')?;
    let (pool, inner) = (&rest[..end], &rest[end + 1..]);
    let workforce = pool.contains("/workforcePools/");
    if !workforce && !pool.contains("/workloadIdentityPools/") {
        return None;
    }
    let (selector, value) = inner.split_once('/').unwrap_or((inner, ""));
    Some(Federated { pool, workforce, selector, value })
}

/// A place in the hierarchy by its short or full name: `projects/p`, `folder/1`, `//cloudresourcemanager…/organizations/2`.
#[must_use]
pub fn place(text: &str) -> Option<Place> {
    let short = text.strip_prefix(HIERARCHY).unwrap_or(text);
    let (kind, name) = short.split_once('/')?;
    let level = match kind {
        "organizations" | "organization" => Level::Organization,
        "folders" | "folder" => Level::Folder,
        "projects" | "project" => Level::Project,
        _ => return None,
    };
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ':' | '_');
    (!name.is_empty() && name.chars().all(fine)).then(|| Place { level, name: name.to_owned() })
}

/// What a place in the hierarchy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Organization,
    Folder,
    Project,
}

impl Level {
    /// As attributes name it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Organization => "organization",
            Self::Folder => "folder",
            Self::Project => "project",
        }
    }
}

/// An organisation, folder or project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub level: Level,
    /// Number, or a project's id.
    pub name: String,
}

impl Place {
    /// Id of the entity.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{HIERARCHY}{}s/{}", self.level.as_str(), self.name)
    }
}

/// Id of a project by id or number.
#[must_use]
pub fn project(name: &str) -> String {
    format!("{HIERARCHY}projects/{name}")
}

/// What stands for the API keys of a project.
#[must_use]
pub fn api_keys(project: &str) -> String {
    format!("//apikeys.googleapis.com/projects/{project}/locations/global")
}

/// A resource's full name as it is written here: names that exports write in two ways are one.
#[must_use]
pub fn resource(name: &str) -> String {
    let name = name.trim();
    if let Some(bucket) = name.strip_prefix("//storage.googleapis.com/projects/_/buckets/") {
        return format!("//storage.googleapis.com/{bucket}");
    }
    if let Some((_, email)) = name.strip_prefix("//iam.googleapis.com/").and_then(|rest| rest.split_once("/serviceAccounts/"))
        && !email.contains('/')
    {
        return format!("{ACCOUNT}{}", email.to_ascii_lowercase());
    }
    match place(name) {
        Some(place) if name.starts_with(HIERARCHY) => place.id(),
        _ => name.to_owned(),
    }
}

/// The project that a resource's name says it is in: id or number.
#[must_use]
pub fn project_of(name: &str) -> Option<&str> {
    let rest = name.strip_prefix("//")?;
    let (service, path) = rest.split_once('/')?;
    let inner = path.strip_prefix("projects/")?;
    let (project, more) = inner.split_once('/')?;
    (service != "cloudresourcemanager.googleapis.com" && !more.is_empty() && project != "_" && project != "-")
        .then_some(project)
}

/// The project that a service account is in, by its e-mail address: an id, or a number for default accounts.
#[must_use]
pub fn home(email: &str) -> Option<String> {
    let (local, domain) = email.split_once('@')?;
    if domain == "developer.gserviceaccount.com" {
        return local.split('-').next().filter(|number| is_number(number)).map(str::to_owned);
    }
    if domain == "appspot.gserviceaccount.com" {
        return Some(qualified(local));
    }
    if agent(email).is_some() {
        return None;
    }
    domain.strip_suffix(ACCOUNTS_DOMAIN).map(qualified)
}

/// A project id as an e-mail address has it: one that belongs to a domain stands the other way round.
fn qualified(text: &str) -> String {
    match text.split_once('.') {
        Some((project, domain)) => format!("{domain}:{project}"),
        None => text.to_owned(),
    }
}

/// Whether an account is one that Google makes in a project by default: for which service.
#[must_use]
pub fn default_account(email: &str) -> Option<&'static str> {
    let (local, domain) = email.split_once('@')?;
    match domain {
        "developer.gserviceaccount.com" if local.strip_suffix("-compute").is_some_and(is_number) => Some("compute"),
        "appspot.gserviceaccount.com" => Some("appengine"),
        _ => None,
    }
}

/// A service account that Google keeps and acts with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// Google's name of what it acts for.
    pub service: String,
    /// Number of the project, folder or organisation that it acts in.
    pub number: Option<String>,
}

/// Projects of Google's that hold service agents, beside those that begin with `gcp-sa-`.
const AGENT_PROJECTS: [&str; 40] = [
    "bigquery-consp",
    "bigquery-data-connectors",
    "bigquery-encryption",
    "cloud-aiplatform-api-robot-prod",
    "cloud-api-gateway",
    "cloud-cdn-fill",
    "cloud-filer",
    "cloud-ivs",
    "cloud-memcache-sa",
    "cloud-redis",
    "cloud-tpu",
    "cloudbuild-robot",
    "cloudcomposer-accounts",
    "compute-system",
    "container-analysis",
    "container-engine-robot",
    "containerregistry",
    "crashlytics-bigquery-prod",
    "dataflow-service-producer-prod",
    "dataproc-accounts",
    "dlp-api",
    "endpoints-portal",
    "firebase-rules",
    "gae-api-prod",
    "gcf-admin-robot",
    "gcp-gae-service",
    "genomics-api",
    "gs-project-accounts",
    "monitoring-notification",
    "pubsub",
    "remotebuildexecution",
    "security-center-api",
    "serverless-robot-prod",
    "service-consumer-management",
    "service-networking",
    "serviceusage-robot",
    "sourcerepo-service-accounts",
    "storage-transfer-service",
    "stackdriver-service",
    "trifacta-gcloud-prod",
];

/// Whether an e-mail address is that of a service agent: it is told by its domain, since anyone may call an account of
/// his own `service-123`.
#[must_use]
pub fn agent(email: &str) -> Option<Agent> {
    let (local, domain) = email.split_once('@')?;
    let number = local
        .rsplit('-')
        .next()
        .filter(|last| is_number(last))
        .or_else(|| local.split('-').find(|part| is_number(part)))
        .map(str::to_owned);
    let of = |service: &str| Some(Agent { service: service.to_owned(), number: number.clone() });
    match domain {
        "cloudservices.gserviceaccount.com" => return of("cloudservices"),
        "cloudbuild.gserviceaccount.com" => return of("cloudbuild"),
        "system.gserviceaccount.com" | "project.gserviceaccount.com" => return of("system"),
        _ => {}
    }
    let project = domain.strip_suffix(ACCOUNTS_DOMAIN)?;
    // Projects of the domain google.com are Google's own.
    if let Some(own) = project.strip_suffix(".google.com") {
        return of(own);
    }
    (project.starts_with("gcp-sa-") || AGENT_PROJECTS.contains(&project)).then(|| of(project)).flatten()
}

/// Whether a text is a number, as projects have one.
#[must_use]
pub fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// What a deny policy is attached to, from its name: `policies/HOST%2Fprojects%2FP/denypolicies/ID`.
#[must_use]
pub fn attachment_point(name: &str) -> Option<Place> {
    let (point, _) = name.strip_prefix("policies/")?.split_once("/denypolicies")?;
    let point = percent_decode_str(point).decode_utf8_lossy().into_owned();
    place(point.strip_prefix("cloudresourcemanager.googleapis.com/")?)
}

/// Names of services in permissions where they are not the first part of the service's host name.
const SERVICES: [(&str, &str); 5] = [
    ("cloudresourcemanager", "resourcemanager"),
    ("sqladmin", "cloudsql"),
    ("cloudbilling", "billing"),
    ("bigqueryconnection", "bigquery.connections"),
    ("serviceusage", "serviceusage"),
];

/// A permission as deny policies write it (`storage.googleapis.com/buckets.delete`), as roles write it
/// (`storage.buckets.delete`). Services whose permissions keep the host name keep it.
#[must_use]
pub fn permission(text: &str) -> String {
    let Some((host, rest)) = text.split_once('/') else { return text.to_owned() };
    let Some(service) = host.strip_suffix(".googleapis.com") else { return text.to_owned() };
    // Permissions of some services keep the host name.
    let head = text.trim_end_matches(['*', '.']);
    if !rest.starts_with('*') && super::catalog::Catalog::get().has_any(head) {
        return text.to_owned();
    }
    let rest = if rest == "*.*" { "*" } else { rest };
    let service = SERVICES.iter().find(|(written, _)| *written == service).map_or(service, |(_, prefix)| prefix);
    format!("{service}.{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> Option<(String, EntityKind)> {
        member(text).map(|member| (member.id, member.kind))
    }

    #[test]
    fn members_are_told_apart() {
        let pool = "iam.googleapis.com/projects/12/locations/global/workloadIdentityPools/ci";
        for (text, expected, kind) in [
            ("user:Ada@Example.com", "gcp:user/ada@example.com", EntityKind::User),
            ("group:ops@example.com", "gcp:group/ops@example.com", EntityKind::Group),
            ("domain:example.com", "gcp:domain/example.com", EntityKind::Group),
            ("serviceAccount:a@p.iam.gserviceaccount.com", "gcp:serviceaccount/a@p.iam.gserviceaccount.com", EntityKind::ServiceAccount),
            ("serviceAccount:p.svc.id.goog[ns/sa]", "gcp:serviceaccount/p.svc.id.goog[ns/sa]", EntityKind::Workload),
            ("allUsers", ALL_USERS, EntityKind::Group),
            ("principalSet://goog/public:all", ALL_USERS, EntityKind::Group),
            ("principal://goog/subject/ada@example.com", "gcp:user/ada@example.com", EntityKind::User),
            ("principalSet://goog/group/ops@example.com", "gcp:group/ops@example.com", EntityKind::Group),
            ("projectEditor:p", "gcp:projectEditor/p", EntityKind::Group),
            (
                "principal://iam.googleapis.com/projects/-/serviceAccounts/a@p.iam.gserviceaccount.com",
                "gcp:serviceaccount/a@p.iam.gserviceaccount.com",
                EntityKind::ServiceAccount,
            ),
        ] {
            assert_eq!(id(text), Some((expected.to_owned(), kind)), "{text}");
        }
        let subject = format!("principal://{pool}/subject/s");
        assert_eq!(id(&subject), Some((subject.clone(), EntityKind::Workload)));
        let set = format!("principalSet://{pool}/attribute.repository/o/r");
        assert_eq!(id(&set), Some((set.clone(), EntityKind::Group)));
        let workforce = "principal://iam.googleapis.com/locations/global/workforcePools/w/subject/ada";
        assert_eq!(id(workforce).map(|(_, kind)| kind), Some(EntityKind::User));
        let gone = member("deleted:user:ada@example.com?uid=123").unwrap();
        assert_eq!((gone.id.as_str(), gone.deleted.as_deref()), ("gcp:deleted/user:ada@example.com?uid=123", Some("123")));
        for text in ["", "user:", "ada@example.com", "specialGroup:x", "user:a b"] {
            assert_eq!(member(text), None, "{text}");
        }
    }

    #[test]
    fn pools_say_whom_they_mean() {
        let text = "principalSet://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/ci/attribute.repository/o/r";
        let found = pool(text).unwrap();
        assert_eq!(found.pool, "projects/1/locations/global/workloadIdentityPools/ci");
        assert_eq!((found.selector, found.value, found.workforce), ("attribute.repository", "o/r", false));
        let all = pool("principalSet://iam.googleapis.com/locations/global/workforcePools/w/*").unwrap();
        assert_eq!((all.selector, all.value, all.workforce), ("*", "", true));
        assert_eq!(pool("principalSet://goog/public:all"), None);
    }

    #[test]
    fn service_agents_are_told_by_domain_and_not_by_name() {
        for (email, service, number) in [
            ("service-12@gcp-sa-pubsub.iam.gserviceaccount.com", "gcp-sa-pubsub", "12"),
            ("service-12@compute-system.iam.gserviceaccount.com", "compute-system", "12"),
            ("12@cloudservices.gserviceaccount.com", "cloudservices", "12"),
            ("12@cloudbuild.gserviceaccount.com", "cloudbuild", "12"),
            ("service-12@gae-api-prod.google.com.iam.gserviceaccount.com", "gae-api-prod", "12"),
            ("service-org-34@gcp-sa-logging.iam.gserviceaccount.com", "gcp-sa-logging", "34"),
            ("bq-12@bigquery-encryption.iam.gserviceaccount.com", "bigquery-encryption", "12"),
        ] {
            let found = agent(email).unwrap_or_else(|| panic!("{email}"));
            assert_eq!((found.service.as_str(), found.number.as_deref()), (service, Some(number)), "{email}");
            assert_eq!(home(email), None, "{email}");
        }
        for email in ["service-12@my-project.iam.gserviceaccount.com", "12-compute@developer.gserviceaccount.com"] {
            assert_eq!(agent(email), None, "{email}");
        }
    }

    #[test]
    fn a_service_account_says_where_it_lives() {
        for (email, project) in [
            ("a@my-project.iam.gserviceaccount.com", Some("my-project")),
            ("a@proj.example.com.iam.gserviceaccount.com", Some("example.com:proj")),
            ("12-compute@developer.gserviceaccount.com", Some("12")),
            ("my-project@appspot.gserviceaccount.com", Some("my-project")),
            ("someone@example.com", None),
        ] {
            assert_eq!(home(email).as_deref(), project, "{email}");
        }
        assert_eq!(default_account("12-compute@developer.gserviceaccount.com"), Some("compute"));
        assert_eq!(default_account("12-abc@developer.gserviceaccount.com"), None);
    }

    #[test]
    fn names_that_exports_write_in_two_ways_are_one() {
        assert_eq!(resource("//storage.googleapis.com/projects/_/buckets/b"), "//storage.googleapis.com/b");
        assert_eq!(
            resource("//iam.googleapis.com/projects/p/serviceAccounts/a@p.iam.gserviceaccount.com"),
            "gcp:serviceaccount/a@p.iam.gserviceaccount.com"
        );
        assert_eq!(project_of("//compute.googleapis.com/projects/p/zones/z/instances/i"), Some("p"));
        assert_eq!(project_of("//cloudresourcemanager.googleapis.com/projects/p"), None);
        let point = attachment_point("policies/cloudresourcemanager.googleapis.com%2Ffolders%2F5/denypolicies/no-delete");
        assert_eq!(point.map(|place| place.id()).as_deref(), Some("//cloudresourcemanager.googleapis.com/folders/5"));
        for (written, expected) in [
            ("storage.googleapis.com/buckets.delete", "storage.buckets.delete"),
            ("cloudresourcemanager.googleapis.com/projects.delete", "resourcemanager.projects.delete"),
            ("storage.googleapis.com/*.*", "storage.*"),
            ("compute.googleapis.com/instances.*", "compute.instances.*"),
            ("iam.googleapis.com/roles.create", "iam.roles.create"),
            ("iam.googleapis.com/workloadIdentityPools.create", "iam.googleapis.com/workloadIdentityPools.create"),
        ] {
            assert_eq!(permission(written), expected, "{written}");
        }
    }
}
