//! A naive authorizer of Google Cloud, written from the documentation ("Policy evaluation", "Deny policies", "Overview of
//! IAM Conditions"): every policy on the way from a resource to the organisation is looked at for every question. It
//! shares nothing with the engine. Random small organisations come with it.

use serde_json::{Value, json};

use crate::splitmix::Rng;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Allowed,
    Denied,
    /// It hangs on a condition that nothing here decides.
    Conditional,
    /// A role that decides is not among the roles.
    Unknown,
}

/// A condition: its text, and what it comes to for a resource.
#[derive(Debug, Clone)]
pub enum Cond {
    /// Ends or began in the past or in the future: decided.
    Time(&'static str, bool),
    /// The bucket's name begins so.
    Prefix(String),
    /// The resource is a bucket.
    Bucket,
    Tag,
    Both(Box<Cond>, Box<Cond>),
    Either(Box<Cond>, Box<Cond>),
    Not(Box<Cond>),
}

impl Cond {
    pub fn text(&self) -> String {
        match self {
            Self::Time(text, _) => (*text).to_owned(),
            Self::Prefix(prefix) => format!("resource.name.startsWith(\"projects/_/buckets/{prefix}\")"),
            Self::Bucket => "resource.type == \"storage.googleapis.com/Bucket\"".to_owned(),
            Self::Tag => "resource.matchTag(\"1/env\", \"prod\")".to_owned(),
            Self::Both(a, b) => format!("{} && {}", a.text(), b.text()),
            Self::Either(a, b) => format!("({} || {})", a.text(), b.text()),
            Self::Not(inner) => format!("!({})", inner.text()),
        }
    }

    fn holds(&self, resource: &Node) -> Option<bool> {
        match self {
            Self::Time(_, holds) => Some(*holds),
            // What a place in the hierarchy is called in a condition is not documented.
            Self::Prefix(prefix) => resource.is_bucket.then(|| resource.name.starts_with(prefix.as_str())),
            Self::Bucket => Some(resource.is_bucket),
            Self::Tag => None,
            Self::Both(a, b) => match (a.holds(resource), b.holds(resource)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            },
            Self::Either(a, b) => match (a.holds(resource), b.holds(resource)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            },
            Self::Not(inner) => inner.holds(resource).map(|holds| !holds),
        }
    }
}

#[derive(Debug, Clone)]
pub struct Binding {
    pub role: String,
    pub members: Vec<String>,
    pub condition: Option<Cond>,
}

#[derive(Debug, Clone)]
pub struct Deny {
    pub denied: Vec<String>,
    pub excepted: Vec<String>,
    /// `service.resource.verb`, the verb may be a star.
    pub permissions: Vec<String>,
    pub spared: Vec<String>,
    pub conditional: bool,
}

/// A place in the hierarchy or a bucket.
#[derive(Debug, Clone)]
pub struct Node {
    /// `organizations/1`, `projects/p0`, or the bucket's name.
    pub name: String,
    pub is_bucket: bool,
    pub parent: Option<usize>,
    pub bindings: Vec<Binding>,
    pub denies: Vec<Deny>,
}

#[derive(Debug, Clone, Default)]
pub struct World {
    pub nodes: Vec<Node>,
    /// Custom roles of the organisation with their permissions; `None` is in no export.
    pub roles: Vec<(String, Option<Vec<String>>)>,
    /// Groups with their members.
    pub groups: Vec<(String, Vec<String>)>,
    /// Users and service accounts, as members are written.
    pub people: Vec<String>,
}

pub const PERMISSIONS: [&str; 6] = [
    "storage.buckets.get",
    "storage.buckets.delete",
    "storage.objects.get",
    "compute.instances.list",
    "resourcemanager.projects.get",
    "resourcemanager.projects.setIamPolicy",
];

impl World {
    /// Everything that a member is: itself, its groups, everyone, its domain.
    fn is(&self, who: &str) -> Vec<String> {
        let mut found = vec![who.to_owned(), "allUsers".to_owned(), "allAuthenticatedUsers".to_owned()];
        if let Some((_, domain)) = who.strip_prefix("user:").and_then(|email| email.split_once('@')) {
            found.push(format!("domain:{domain}"));
        }
        let mut at = 0;
        while at < found.len() {
            for (group, members) in &self.groups {
                if members.contains(&found[at]) && !found.contains(group) {
                    found.push(group.clone());
                }
            }
            at += 1;
        }
        found
    }

    fn way_up(&self, mut at: usize) -> Vec<&Node> {
        let mut way = vec![&self.nodes[at]];
        while let Some(parent) = self.nodes[at].parent {
            at = parent;
            way.push(&self.nodes[at]);
        }
        way
    }

    pub fn authorize(&self, who: &str, permission: &str, resource: usize) -> Answer {
        let is = self.is(who);
        let one_of = |list: &[String]| list.iter().any(|one| is.contains(one));
        let about = |list: &[String]| {
            list.iter().any(|one| match one.strip_suffix('*') {
                Some(head) => permission.starts_with(head),
                None => one == permission,
            })
        };
        let mut perhaps_denied = false;
        for rule in self.way_up(resource).iter().flat_map(|node| &node.denies) {
            if one_of(&rule.denied) && !one_of(&rule.excepted) && about(&rule.permissions) && !about(&rule.spared) {
                if !rule.conditional {
                    return Answer::Denied;
                }
                perhaps_denied = true;
            }
        }
        let (mut open, mut unknown) = (false, false);
        let mut allowed = false;
        for binding in self.way_up(resource).iter().flat_map(|node| &node.bindings).filter(|one| one_of(&one.members)) {
            let holds = match &binding.condition {
                None => Some(true),
                Some(condition) => condition.holds(&self.nodes[resource]),
            };
            if holds == Some(false) {
                continue;
            }
            let role = self.roles.iter().find(|(name, _)| *name == binding.role).map(|(_, permissions)| permissions);
            match (role, holds) {
                (Some(None), _) => unknown = true,
                (Some(Some(own)), Some(true)) if own.iter().any(|one| one == permission) => allowed = true,
                (Some(Some(own)), None) if own.iter().any(|one| one == permission) => open = true,
                _ => {}
            }
        }
        match (allowed, perhaps_denied) {
            (true, false) => Answer::Allowed,
            (true, true) => Answer::Conditional,
            _ if open => Answer::Conditional,
            _ if unknown => Answer::Unknown,
            _ => Answer::Denied,
        }
    }

    /// Full name of a node.
    pub fn id(&self, at: usize) -> String {
        let node = &self.nodes[at];
        if node.is_bucket {
            format!("//storage.googleapis.com/{}", node.name)
        } else {
            format!("//cloudresourcemanager.googleapis.com/{}", node.name)
        }
    }

    /// The organisation as the records of its exports: assets, roles, deny policies, memberships.
    pub fn records(&self, snake: bool) -> Vec<Value> {
        let mut out = Vec::new();
        for (at, node) in self.nodes.iter().enumerate() {
            let kind = match node.name.split('/').next() {
                _ if node.is_bucket => "storage.googleapis.com/Bucket",
                Some("organizations") => "cloudresourcemanager.googleapis.com/Organization",
                Some("folders") => "cloudresourcemanager.googleapis.com/Folder",
                _ => "cloudresourcemanager.googleapis.com/Project",
            };
            let ancestors: Vec<&str> =
                self.way_up(at).iter().filter(|one| !one.is_bucket).map(|one| one.name.as_str()).collect();
            let policy = json!({"bindings": node.bindings.iter().map(written).collect::<Vec<_>>()});
            let (kind_key, policy_key) = if snake { ("asset_type", "iam_policy") } else { ("assetType", "iamPolicy") };
            let mut asset = json!({"name": self.id(at), "ancestors": ancestors});
            asset[kind_key] = json!(kind);
            asset[policy_key] = policy;
            out.push(asset);
            if !node.denies.is_empty() {
                let point = format!("cloudresourcemanager.googleapis.com%2F{}", node.name.replace('/', "%2F"));
                let rules: Vec<Value> = node.denies.iter().map(rule).collect();
                out.push(
                    json!({"name": format!("policies/{point}/denypolicies/d"), "kind": "DenyPolicy", "rules": rules}),
                );
            }
        }
        for (name, permissions) in &self.roles {
            if let Some(permissions) = permissions {
                out.push(json!({"name": name, "title": "t", "etag": "x", "includedPermissions": permissions}));
            }
        }
        for (group, members) in &self.groups {
            for (number, member) in members.iter().enumerate() {
                let (kind, email) = member.split_once(':').unwrap();
                let kind = if kind == "group" { "GROUP" } else { "USER" };
                let id = group.trim_start_matches("group:").split('@').next().unwrap();
                out.push(
                    json!({"name": format!("groups/{id}"), "groupKey": {"id": group.trim_start_matches("group:")}}),
                );
                out.push(json!({"name": format!("groups/{id}/memberships/{number}"), "type": kind,
                    "preferredMemberKey": {"id": email}, "roles": [{"name": "MEMBER"}]}));
            }
        }
        out
    }
}

fn written(binding: &Binding) -> Value {
    let mut out = json!({"role": binding.role, "members": binding.members});
    if let Some(condition) = &binding.condition {
        out["condition"] = json!({"title": "t", "expression": condition.text()});
    }
    out
}

fn rule(deny: &Deny) -> Value {
    let principal = |member: &String| match member.split_once(':') {
        None => "principalSet://goog/public:all".to_owned(),
        Some(("user", email)) => format!("principal://goog/subject/{email}"),
        Some(("group", email)) => format!("principalSet://goog/group/{email}"),
        Some((_, email)) => format!("principal://iam.googleapis.com/projects/-/serviceAccounts/{email}"),
    };
    let permission = |text: &String| {
        let (service, rest) = text.split_once('.').unwrap();
        let host = if service == "resourcemanager" { "cloudresourcemanager" } else { service };
        format!("{host}.googleapis.com/{rest}")
    };
    let mut out = json!({
        "deniedPrincipals": deny.denied.iter().map(principal).collect::<Vec<_>>(),
        "exceptionPrincipals": deny.excepted.iter().map(principal).collect::<Vec<_>>(),
        "deniedPermissions": deny.permissions.iter().map(permission).collect::<Vec<_>>(),
        "exceptionPermissions": deny.spared.iter().map(permission).collect::<Vec<_>>(),
    });
    if deny.conditional {
        out["denialCondition"] = json!({"title": "t", "expression": Cond::Tag.text()});
    }
    json!({"denyRule": out})
}

const TIMES: [(&str, bool); 4] = [
    ("request.time < timestamp(\"2026-01-01T00:00:00Z\")", false),
    ("request.time < timestamp(\"2027-01-01T00:00:00Z\")", true),
    ("request.time > timestamp(\"2026-01-01T00:00:00Z\")", true),
    ("request.time >= timestamp(\"2027-01-01T00:00:00Z\")", false),
];

fn condition(rng: &mut Rng) -> Cond {
    let atom = |rng: &mut Rng| match rng.below(4) {
        0 => Cond::Tag,
        1 => Cond::Bucket,
        _ => Cond::Prefix(rng.pick(&["b0".to_owned(), "b1".to_owned(), "b".to_owned()])),
    };
    let time = |rng: &mut Rng| {
        let (text, holds) = rng.pick(&TIMES);
        Cond::Time(text, holds)
    };
    match rng.below(6) {
        0 => time(rng),
        1 => Cond::Both(Box::new(time(rng)), Box::new(atom(rng))),
        2 => Cond::Either(Box::new(atom(rng)), Box::new(atom(rng))),
        3 => Cond::Not(Box::new(atom(rng))),
        4 => Cond::Both(Box::new(atom(rng)), Box::new(atom(rng))),
        _ => atom(rng),
    }
}

fn some(rng: &mut Rng, items: &[String], most: usize) -> Vec<String> {
    let mut out: Vec<String> = (0..=rng.below(most)).map(|_| rng.pick(items)).collect();
    out.sort();
    out.dedup();
    out
}

/// Who is in every organisation.
const PEOPLE: [&str; 4] =
    ["user:u0@example.com", "user:u1@example.com", "user:u2@other.org", "serviceAccount:s@p0.iam.gserviceaccount.com"];

/// A small organisation.
pub fn random(seed: u64) -> World {
    let mut rng = Rng(seed);
    let mut world = World::default();
    let node = |name: String, parent: Option<usize>, is_bucket: bool| Node {
        name,
        is_bucket,
        parent,
        bindings: Vec::new(),
        denies: Vec::new(),
    };
    world.nodes.push(node("organizations/1".to_owned(), None, false));
    for folder in 0..rng.below(3) {
        let parent = rng.below(world.nodes.len());
        world.nodes.push(node(format!("folders/{}", folder + 10), Some(parent), false));
    }
    let above = world.nodes.len();
    for project in 0..=rng.below(2) {
        world.nodes.push(node(format!("projects/p{project}"), Some(rng.below(above)), false));
    }
    let places = world.nodes.len();
    for bucket in 0..=rng.below(3) {
        let project = above + rng.below(places - above);
        world.nodes.push(node(format!("b{bucket}"), Some(project), true));
    }
    world.people = PEOPLE.map(str::to_owned).to_vec();
    let groups: Vec<String> = (0..3).map(|n| format!("group:g{n}@example.com")).collect();
    for (at, group) in groups.iter().enumerate() {
        // Groups nest upwards only.
        let pool: Vec<String> = world.people[..3].iter().chain(&groups[..at]).cloned().collect();
        world.groups.push((group.clone(), some(&mut rng, &pool, 2)));
    }
    let permissions: Vec<String> = PERMISSIONS.map(str::to_owned).to_vec();
    for role in 0..3 {
        let known = rng.chance(85);
        let own = known.then(|| some(&mut rng, &permissions, 4));
        world.roles.push((format!("organizations/1/roles/r{role}"), own));
    }
    let everyone = ["allUsers", "allAuthenticatedUsers", "domain:example.com"].map(str::to_owned);
    let members: Vec<String> = world.people.iter().chain(&groups).chain(&groups).chain(&everyone).cloned().collect();
    let denied: Vec<String> = world.people.iter().chain(&groups).chain(&everyone[..1]).cloned().collect();
    let patterns: Vec<String> = permissions
        .iter()
        .cloned()
        .chain(["storage.buckets.*".to_owned(), "resourcemanager.projects.*".to_owned()])
        .collect();
    for at in 0..world.nodes.len() {
        for _ in 0..rng.below(3) {
            let role = rng.pick(&world.roles).0;
            let condition = rng.chance(45).then(|| condition(&mut rng));
            let members = some(&mut rng, &members, 2);
            world.nodes[at].bindings.push(Binding { role, members, condition });
        }
        if at < places && rng.chance(25) {
            let excepted = if rng.chance(50) { some(&mut rng, &denied, 1) } else { Vec::new() };
            let spared = if rng.chance(30) { some(&mut rng, &permissions, 1) } else { Vec::new() };
            let deny = Deny {
                denied: some(&mut rng, &denied, 2),
                excepted,
                permissions: some(&mut rng, &patterns, 2),
                spared,
                conditional: rng.chance(25),
            };
            world.nodes[at].denies.push(deny);
        }
    }
    world
}
