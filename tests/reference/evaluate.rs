//! One request under one assignment of all condition keys: AWS's evaluation logic, layer by layer.

use serde_json::Value;

use super::condition::{Lookup, holds};
use super::document::{Statement, strings};
use super::export::{Layer, Principal};
use super::pattern::{self, arn_part};
use super::{SESSION, Session, World, keys};

/// Services whose resources RCPs apply to (Organizations user guide, "List of AWS services that support RCPs").
pub const RCP_SERVICES: &[&str] = &[
    "s3",
    "sts",
    "kms",
    "sqs",
    "secretsmanager",
    "dynamodb",
    "ecr",
    "aoss",
    "cognito-identity",
    "cognito-idp",
    "logs",
];

/// How documents that are missing from the export are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// As allowing and denying nothing.
    Nothing,
    /// As allowing everything.
    Everything,
    /// As denying everything.
    DenyAll,
}

/// How a resource policy's statement names the caller, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Naming {
    Not,
    /// By account: delegates to identity policies.
    Account,
    /// By role, or by the user behind a federation session: boundary and session policies still limit.
    Limited,
    /// By user, by role session, or everybody: nothing but an explicit deny limits.
    Direct,
}

/// A request with the policies that apply to it, statements on other actions left out.
pub struct Question<'a> {
    principal: &'a Principal,
    pub resource: &'a str,
    pub resource_account: Option<String>,
    federated: bool,
    identity: Layer,
    boundary: Option<Layer>,
    session: Option<Layer>,
    /// One layer for each node from the root to the account.
    scps: Vec<Layer>,
    rcp: Layer,
    resource_policy: Layer,
    cross_account: bool,
    /// Whether the resource's own policy must take part: roles that are assumed, and keys.
    required: bool,
}

impl<'a> Question<'a> {
    pub fn new(world: &'a World, principal: &'a Principal, action: &str, resource: &'a str, session: &Session) -> Self {
        let account = keys::resource_account(world, principal, resource).map(str::to_owned);
        let cross_account = account.as_deref().is_some_and(|account| account != principal.account);
        let service = action.split(':').next().unwrap_or("").to_ascii_lowercase();
        let (resource_policy, required) = resource_layer(world, &service, resource, account.as_deref(), cross_account);
        let keep = |layer: &Layer| relevant(layer, action);
        let mut session_layer = Layer::default();
        session.policies.iter().for_each(|document| session_layer.add(Some(document)));
        let owner = account.clone().unwrap_or_else(|| principal.account.clone());
        Self {
            principal,
            resource,
            resource_account: account,
            federated: !principal.role && !session.policies.is_empty(),
            identity: keep(&principal.identity),
            boundary: principal.boundary.as_ref().map(keep),
            session: (!session.policies.is_empty()).then(|| keep(&session_layer)),
            scps: scps(world, principal).iter().map(keep).collect(),
            rcp: keep(&rcp(world, principal, &service, &owner)),
            resource_policy: keep(&resource_policy),
            cross_account,
            required,
        }
    }

    fn layers(&self) -> Vec<&Layer> {
        let mut layers = vec![&self.identity, &self.rcp, &self.resource_policy];
        layers.extend(&self.boundary);
        layers.extend(&self.session);
        layers.extend(&self.scps);
        layers
    }

    /// Every statement that may take part.
    pub fn statements(&self) -> Vec<&Statement> {
        self.layers().into_iter().flat_map(|layer| &layer.statements).collect()
    }

    /// Whether a document that takes part is not in the export.
    pub fn missing(&self) -> bool {
        self.layers().iter().any(|layer| layer.missing)
    }

    /// Session names that resource policies give the caller's role.
    pub fn session_names(&self) -> Vec<String> {
        let prefix = self.session_prefix();
        let elements = self.resource_policy.statements.iter().flat_map(|s| [&s.principal, &s.not_principal]);
        let names = elements.flatten().flat_map(aws_entries);
        names.filter_map(|name| name.strip_prefix(&prefix).map(str::to_owned)).collect()
    }

    fn session_prefix(&self) -> String {
        let (partition, account) = (arn_part(&self.principal.arn, 1), &self.principal.account);
        format!("arn:{partition}:sts::{account}:assumed-role/{}/", self.principal.name)
    }

    /// AWS's answer under one assignment.
    pub fn allowed(&self, mode: Mode, lookup: &Lookup<'_>) -> bool {
        let plain = |layer: &Layer| self.denies(layer, mode, lookup);
        let resource_denies = self
            .resource_policy
            .statements
            .iter()
            .any(|s| s.deny && self.names(s, lookup) > Naming::Not && self.applies(s, lookup));
        if plain(&self.identity)
            || self.boundary.as_ref().is_some_and(plain)
            || self.session.as_ref().is_some_and(plain)
            || self.scps.iter().any(plain)
            || plain(&self.rcp)
            || resource_denies
        {
            return false;
        }
        if !self.scps.iter().all(|layer| self.allows(layer, mode, lookup)) {
            return false;
        }
        let limits =
            [&self.boundary, &self.session].into_iter().flatten().all(|layer| self.allows(layer, mode, lookup));
        let identity = self.allows(&self.identity, mode, lookup) && limits;
        let named = self.named(mode, lookup);
        if self.cross_account {
            return identity && named > Naming::Not;
        }
        match named {
            Naming::Direct => true,
            Naming::Limited if limits => true,
            Naming::Limited | Naming::Account => identity,
            Naming::Not => identity && !self.required,
        }
    }

    fn allows(&self, layer: &Layer, mode: Mode, lookup: &Lookup<'_>) -> bool {
        (layer.missing && mode == Mode::Everything)
            || layer.statements.iter().any(|s| !s.deny && self.applies(s, lookup))
    }

    fn denies(&self, layer: &Layer, mode: Mode, lookup: &Lookup<'_>) -> bool {
        (layer.missing && mode == Mode::DenyAll) || layer.statements.iter().any(|s| s.deny && self.applies(s, lookup))
    }

    /// The strongest way in which the resource policy grants. One that is missing can at most delegate to the
    /// account, as the default policy of a key does.
    fn named(&self, mode: Mode, lookup: &Lookup<'_>) -> Naming {
        let granted = self.resource_policy.statements.iter().filter(|s| !s.deny && self.applies(s, lookup));
        let best = granted.map(|s| self.names(s, lookup)).max().unwrap_or(Naming::Not);
        let missing = self.resource_policy.missing && mode == Mode::Everything;
        if missing { best.max(Naming::Account) } else { best }
    }

    /// Whether the statement's resource and conditions match; its action was matched before.
    fn applies(&self, statement: &Statement, lookup: &Lookup<'_>) -> bool {
        let single = |key: &str| {
            let mut values = lookup(key);
            if values.len() == 1 { values.pop() } else { None }
        };
        let any = |patterns: &Vec<String>| {
            patterns.iter().any(|text| {
                let tokens =
                    if statement.variables { pattern::expand(text, &single) } else { Some(pattern::plain(text)) };
                tokens.is_some_and(|tokens| pattern::resource_matches(text, &tokens, self.resource))
            })
        };
        let resource = match (&statement.resources, &statement.not_resources) {
            (Some(patterns), _) => any(patterns),
            (None, Some(patterns)) => !any(patterns),
            // A trust policy has no resource element: it is about its role.
            (None, None) => statement.principal.is_some() || statement.not_principal.is_some(),
        };
        resource && statement.conditions.iter().all(|condition| holds(condition, statement.variables, lookup))
    }

    /// How a statement of a resource policy names the caller.
    ///
    /// `NotPrincipal` with `Deny`: all but those named by their own ARN are denied; naming their account alone
    /// exempts nobody, and a caller with a permissions boundary is always denied (IAM user guide, "`NotPrincipal`"
    /// and "Permissions boundaries"). With `Allow`, all but those named in any way are granted directly.
    fn names(&self, statement: &Statement, lookup: &Lookup<'_>) -> Naming {
        if let Some(element) = &statement.principal {
            return self.named_in(element, lookup);
        }
        let Some(element) = &statement.not_principal else { return Naming::Not };
        let named = self.named_in(element, lookup);
        let excepted = if statement.deny {
            named >= Naming::Limited && self.principal.boundary.is_none()
        } else {
            named > Naming::Not
        };
        if excepted { Naming::Not } else { Naming::Direct }
    }

    fn named_in(&self, element: &Value, lookup: &Lookup<'_>) -> Naming {
        aws_entries(element).iter().map(|entry| self.entry(entry, lookup)).max().unwrap_or(Naming::Not)
    }

    fn entry(&self, entry: &str, lookup: &Lookup<'_>) -> Naming {
        let principal = self.principal;
        if entry == "*" {
            return Naming::Direct;
        }
        if entry == principal.arn || entry == principal.id {
            return if principal.role || self.federated { Naming::Limited } else { Naming::Direct };
        }
        if principal.role {
            let session = lookup(SESSION).into_iter().map(|name| self.session_prefix() + &name);
            if session.into_iter().any(|arn| arn == entry) {
                return Naming::Direct;
            }
        }
        let root =
            arn_part(entry, 2) == "iam" && arn_part(entry, 4) == principal.account && arn_part(entry, 5) == "root";
        if entry == principal.account || root { Naming::Account } else { Naming::Not }
    }
}

/// Entries of a principal element that can name callers of an account; `*` stands for everybody.
fn aws_entries(element: &Value) -> Vec<String> {
    match element {
        Value::String(text) if text == "*" => vec![text.clone()],
        Value::Object(kinds) => kinds.get("AWS").map(strings).unwrap_or_default(),
        _ => Vec::new(),
    }
}

/// The layer without statements on other actions.
fn relevant(layer: &Layer, action: &str) -> Layer {
    let any =
        |patterns: &Vec<String>| patterns.iter().any(|text| pattern::matches(&pattern::plain(text), action, true));
    let matched = |statement: &&Statement| match (&statement.actions, &statement.not_actions) {
        (Some(patterns), _) => any(patterns),
        (None, Some(patterns)) => !any(patterns),
        (None, None) => false,
    };
    Layer { statements: layer.statements.iter().filter(matched).cloned().collect(), missing: layer.missing }
}

/// SCPs on the way to the caller's account; none where SCPs do not bind.
fn scps(world: &World, principal: &Principal) -> Vec<Layer> {
    let Some(organization) = &world.organization else { return Vec::new() };
    if !organization.any_scp || principal.service_linked || principal.account == organization.management {
        return Vec::new();
    }
    let levels = organization.accounts.get(&principal.account);
    levels.map(|(levels, _)| levels.iter().map(|level| level.scp.clone()).collect()).unwrap_or_default()
}

/// RCPs on the way to the resource's account. They only deny: what allows is the policy that AWS attaches itself.
fn rcp(world: &World, principal: &Principal, service: &str, owner: &str) -> Layer {
    let mut all = Layer::default();
    let Some(organization) = &world.organization else { return all };
    if principal.service_linked || owner == organization.management || !RCP_SERVICES.contains(&service) {
        return all;
    }
    for level in organization.accounts.get(owner).map(|(levels, _)| levels.as_slice()).unwrap_or_default() {
        all.statements.extend(level.rcp.statements.iter().cloned());
        all.missing |= level.rcp.missing;
    }
    all
}

/// The resource's own policy, and whether it must take part even in the same account. A policy that must exist,
/// or that a resource of another account may have, is missing when the export does not hold it.
fn resource_layer(
    world: &World,
    service: &str,
    resource: &str,
    account: Option<&str>,
    cross_account: bool,
) -> (Layer, bool) {
    let (of, tail) = (arn_part(resource, 2), arn_part(resource, 5));
    if of == "iam" {
        let assumed = service == "sts" && tail.starts_with("role/");
        let loaded = world.principals.values().any(|principal| Some(principal.account.as_str()) == account);
        let layer = match world.principals.get(resource) {
            Some(role) if assumed => role.trust.clone(),
            None if assumed && !loaded => Layer { missing: true, ..Layer::default() },
            _ => Layer::default(),
        };
        return (layer, assumed);
    }
    let mut layer = Layer::default();
    let mut given = false;
    for policy in world.policies_of(resource) {
        given = true;
        layer.statements.extend(policy.layer.statements.iter().cloned());
        layer.missing |= policy.layer.missing;
    }
    let key = of == "kms" && service == "kms" && tail.starts_with("key/");
    layer.missing |= !given && resource != "*" && (key || cross_account);
    (layer, key)
}
