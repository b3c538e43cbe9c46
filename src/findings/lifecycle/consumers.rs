//! What uses a non-human identity: whether that is still there, and whether it is more than one thing.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Lifecycle;
use crate::findings::facts::{count, short_list};
use crate::findings::keys::is_key;
use crate::findings::trust::{Trustee, account_of, lets_act, trustee};
use crate::findings::{Context, LastUse};
use crate::model::{Entity, EntityId, EntityKind, Layer, MembershipKind, Tables, Trust, TrustKind};

/// Keys under which exports name the workloads that carry an identity.
const CARRIERS: [&str; 4] = ["instance_profile", "function", "instance", "workload"];

/// Whether what used an identity is still there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Consumer {
    /// Something that can use it is there, or it was used lately.
    Exists,
    /// Nothing that it lets in is there any more; one fact each.
    Gone(Vec<String>),
    /// The export does not show what uses it.
    Unknown,
}

/// What can use an identity, each kind by itself: counted together, one consumer that is seen twice would be two.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Consumers {
    /// Workflows that run as it.
    pub workflows: BTreeSet<String>,
    /// Workloads that carry it: instance profiles, functions, pods.
    pub workloads: BTreeSet<String>,
    /// Services, accounts, principals and subjects of identity providers that its trust names; several where a pattern
    /// matches several.
    pub trusted: BTreeSet<String>,
    /// Other identities that have one of its keys.
    pub same_key: BTreeSet<String>,
    /// Whether a pattern of the trust lets several subjects in.
    pub open_pattern: bool,
    /// Those of them that are entities of the snapshot.
    pub others: BTreeSet<EntityId>,
}

/// Rows of the tables that are asked backwards.
#[derive(Debug, Default)]
pub struct Bindings {
    /// Identity and workload that runs as it.
    run_as: Vec<(EntityId, EntityId)>,
    /// Identity and row of the workflow that runs as it.
    workflows: Vec<(EntityId, usize)>,
    /// Groups that own something, and their members.
    members: Vec<(EntityId, EntityId)>,
    /// Identity and row of another identity's credential that is the same as one of its own.
    shared_keys: Vec<(EntityId, usize)>,
    /// Accounts of which the instance profiles, and of which the identity providers are known.
    with_profiles: BTreeSet<String>,
    with_providers: BTreeSet<String>,
}

fn of<T: Copy>(rows: &[(EntityId, T)], entity: EntityId) -> impl Iterator<Item = T> {
    let start = rows.partition_point(|row| row.0 < entity);
    rows[start..].iter().take_while(move |row| row.0 == entity).map(|row| row.1)
}

impl Bindings {
    /// Indexes a snapshot. O(n log n).
    #[must_use]
    pub fn new(tables: &Tables) -> Self {
        let bound = tables.memberships.iter().filter(|row| row.kind == MembershipKind::RunsAs);
        let mut run_as: Vec<_> = bound.map(|row| (row.container, row.member)).collect();
        run_as.sort_unstable();
        let mut workflows: Vec<_> =
            tables.workflows.iter().enumerate().filter_map(|(at, row)| Some((row.principal?, at))).collect();
        workflows.sort_unstable();
        let home = |entity: EntityId| account_of(&tables.entity(entity).id).map(str::to_owned);
        let profiles = tables.attributes.iter().filter(|row| row.key == "instance_profile");
        let providers = tables.entities.iter().filter(|row| row.present && is_provider(&row.id));
        let owning: BTreeSet<EntityId> = tables.owners.iter().filter_map(|row| row.group).collect();
        let joined = tables.memberships.iter().filter(|row| row.kind == MembershipKind::MemberOf);
        let mut members: Vec<_> =
            joined.filter(|row| owning.contains(&row.container)).map(|row| (row.container, row.member)).collect();
        members.sort_unstable();
        Self {
            run_as,
            workflows,
            members,
            shared_keys: shared_keys(tables),
            with_profiles: profiles.filter_map(|row| home(row.entity)).collect(),
            with_providers: providers.filter_map(|row| home(row.entity)).collect(),
        }
    }

    /// Rows of the workflows that run as an identity.
    pub fn workflows_of(&self, entity: EntityId) -> impl Iterator<Item = usize> {
        of(&self.workflows, entity)
    }

    /// Members of a group that owns something.
    pub fn members_of(&self, group: EntityId) -> impl Iterator<Item = EntityId> {
        of(&self.members, group)
    }

    fn knows(set: &BTreeSet<String>, id: &str) -> bool {
        account_of(id).is_some_and(|account| set.contains(account))
    }
}

fn is_provider(id: &str) -> bool {
    id.contains(":oidc-provider/") || id.contains(":saml-provider/")
}

fn shared_keys(tables: &Tables) -> Vec<(EntityId, usize)> {
    let mut keys: Vec<usize> = (0..tables.credentials.len())
        .filter(|&at| is_key(tables.credentials[at].kind) && tables.credentials[at].active != Some(false))
        .collect();
    let row = |at: usize| (&tables.credentials[at].kind, tables.credentials[at].credential.as_str());
    keys.sort_by_key(|&at| (row(at), tables.credentials[at].entity));
    let same = keys.chunk_by(|&a, &b| row(a) == row(b));
    let mut found: Vec<(EntityId, usize)> = same
        .filter(|run| run.len() > 1)
        .flat_map(|run| {
            let others = |&one: &usize| run.iter().filter(move |&&at| at != one).map(move |&at| (one, at));
            run.iter().flat_map(others).map(|(one, other)| (tables.credentials[one].entity, other))
        })
        .collect();
    found.sort_unstable();
    found
}

/// Whether the export holds an identity's trust.
fn trust_is_known(context: &Context<'_>, entity: &Entity) -> bool {
    entity.kind == EntityKind::Role
        && context.tables.attribute(entity.entity, "trust_unknown").is_none()
        && context.grants(entity.entity).iter().any(|row| row.layer == Layer::Resource)
}

/// Whether what used an identity is still there. An identity that was used lately has a consumer, unless an export that
/// is not here could show that nobody is let in any more.
#[must_use]
pub fn consumer(context: &Context<'_>, lifecycle: &Lifecycle, entity: &Entity) -> Consumer {
    let bindings = &lifecycle.bindings;
    let runs = |member: EntityId| context.tables.entity(member).present;
    if bindings.workflows_of(entity.entity).next().is_some() || of(&bindings.run_as, entity.entity).any(runs) {
        return Consumer::Exists;
    }
    let used_lately = matches!(
        context.unused_days(entity),
        Some((days, LastUse::At(_))) if days < context.config.thresholds.unused_days_review
    );
    let by_use = if used_lately { Consumer::Exists } else { Consumer::Unknown };
    if entity.kind != EntityKind::Role {
        return by_use;
    }
    if !trust_is_known(context, entity) {
        return Consumer::Unknown;
    }
    let rows = context.trusts(entity.entity).iter().filter(|row| lets_act(row));
    let sights: Vec<Sight> = rows.map(|row| trusted(context, bindings, entity, row)).collect();
    if sights.is_empty() {
        return Consumer::Gone(vec!["its trust policy lets nobody in".to_owned()]);
    }
    if sights.contains(&Sight::There) {
        return Consumer::Exists;
    }
    if sights.contains(&Sight::Hidden) {
        return by_use;
    }
    let gone = |sight: Sight| match sight {
        Sight::Gone(fact) => Some(fact),
        Sight::There | Sight::Hidden | Sight::Elsewhere => None,
    };
    match sights.into_iter().map(gone).collect::<Option<BTreeSet<String>>>() {
        Some(facts) => Consumer::Gone(facts.into_iter().collect()),
        None => Consumer::Unknown,
    }
}

/// What can be seen of one whom a trust names.
#[derive(Debug, PartialEq, Eq)]
enum Sight {
    There,
    /// Why it is no longer.
    Gone(String),
    /// No export shows whether it is there: functions of a service, principals of another account.
    Hidden,
    /// Another export would show it.
    Elsewhere,
}

fn trusted(context: &Context<'_>, bindings: &Bindings, role: &Entity, row: &Trust) -> Sight {
    let name = row.trustee_pattern.split_once(':').map_or(row.trustee_pattern.as_str(), |(_, name)| name);
    match row.kind {
        TrustKind::Deleted => Sight::Gone(format!("it trusts the deleted principal `{name}`")),
        TrustKind::Service if service(name) == "ec2" => {
            if context.attributes(role.entity).iter().any(|row| row.key == "instance_profile") {
                Sight::Hidden
            } else if Bindings::knows(&bindings.with_profiles, &role.id) {
                Sight::Gone("it is for instances, and no instance profile carries it".to_owned())
            } else {
                Sight::Elsewhere
            }
        }
        TrustKind::Service | TrustKind::External => Sight::Hidden,
        TrustKind::SameAccount | TrustKind::CrossAccount | TrustKind::Federated => named(context, bindings, row),
    }
}

fn named(context: &Context<'_>, bindings: &Bindings, row: &Trust) -> Sight {
    let Some(trustee) = row.trustee.map(|trustee| context.tables.entity(trustee)) else { return Sight::Hidden };
    // A session names its role without the role's path, so the role may exist under its full name.
    if trustee.kind == EntityKind::Scope || row.trustee_pattern.contains(":assumed-role/") {
        return Sight::Hidden;
    }
    let provider = row.kind == TrustKind::Federated;
    let listed = if provider {
        is_provider(&trustee.id) && Bindings::knows(&bindings.with_providers, &trustee.id)
    } else {
        account_of(&trustee.id).is_some_and(|account| context.is_exported_account(account))
    };
    match (trustee.present, provider, listed) {
        // Whom a provider signs in is not shown.
        (true, true, _) => Sight::Hidden,
        (true, false, _) => Sight::There,
        (false, _, true) => Sight::Gone(format!("it trusts `{}`, which does not exist", trustee.id)),
        (false, _, false) => Sight::Elsewhere,
    }
}

/// A service's name without its domain; Lambda at the edge is Lambda.
fn service(name: &str) -> &str {
    match name.split('.').next().unwrap_or(name) {
        "edgelambda" => "lambda",
        service => service,
    }
}

/// What can use an identity, as far as the export shows.
#[must_use]
pub fn consumers(context: &Context<'_>, lifecycle: &Lifecycle, entity: &Entity) -> Consumers {
    let (tables, bindings) = (context.tables, &lifecycle.bindings);
    let mut found = Consumers::default();
    let workflow = |at: usize| tables.workflows[at].workflow.clone();
    found.workflows.extend(bindings.workflows_of(entity.entity).map(workflow));
    for member in of(&bindings.run_as, entity.entity).filter(|&member| tables.entity(member).present) {
        found.workloads.insert(context.call(member));
        found.others.insert(member);
    }
    let carriers = context.attributes(entity.entity).iter().filter(|row| CARRIERS.contains(&row.key.as_str()));
    found.workloads.extend(carriers.map(|row| format!("{} `{}`", row.key.replace('_', " "), row.value)));
    let profiled = context.attributes(entity.entity).iter().any(|row| row.key == "instance_profile");
    for row in context.trusts(entity.entity).iter().filter(|row| lets_act(row)) {
        name_trusted(context, row, profiled, &mut found);
    }
    for at in of(&bindings.shared_keys, entity.entity) {
        let row = &tables.credentials[at];
        found.same_key.insert(format!("{} has `{}` too", context.call(row.entity), row.credential));
        found.others.insert(row.entity);
    }
    found
}

fn name_trusted(context: &Context<'_>, row: &Trust, profiled: bool, found: &mut Consumers) {
    let name = row.trustee_pattern.split_once(':').map_or(row.trustee_pattern.as_str(), |(_, name)| name);
    match row.kind {
        // Instances use a role through instance profiles, which are counted by themselves.
        TrustKind::Service if profiled && service(name) == "ec2" => {}
        TrustKind::Service => _ = found.trusted.insert(format!("service `{}`", service(name))),
        TrustKind::Federated => {
            for subject in subjects(row.condition.as_deref()) {
                found.open_pattern |= subject.contains(['*', '?']);
                found.trusted.insert(format!("subject `{subject}`"));
            }
        }
        TrustKind::SameAccount | TrustKind::CrossAccount | TrustKind::External => match (trustee(row), row.trustee) {
            (Trustee::Account { account, whole: false }, Some(trustee)) if consumes(context, account, trustee) => {
                found.trusted.insert(context.call(trustee));
                found.others.insert(trustee);
            }
            (Trustee::Account { account, whole }, trustee)
                if (whole || trustee.is_none()) && !context.is_own_account(account) =>
            {
                found.trusted.insert(format!("account {account}"));
            }
            _ => {}
        },
        TrustKind::Deleted => {}
    }
}

/// Whether a principal that a trust names counts as a consumer: people who use the identity are another question, and so
/// is what does not exist.
fn consumes(context: &Context<'_>, account: &str, trustee: EntityId) -> bool {
    let entity = context.tables.entity(trustee);
    entity.nhi != Some(false) && (entity.present || !context.is_exported_account(account))
}

/// Subjects of an identity provider that a condition lets in, as far as they are different workloads: a repository is
/// one, whatever branch of it runs.
fn subjects(condition: Option<&str>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let Some(Ok(Value::Object(block))) = condition.map(serde_json::from_str) else { return found };
    for (operator, keys) in &block {
        let positive = operator.to_ascii_lowercase();
        let positive = positive.trim_start_matches("foranyvalue:").trim_end_matches("ifexists");
        let Value::Object(keys) = keys else { continue };
        if !matches!(positive, "stringequals" | "stringlike" | "stringequalsignorecase") {
            continue;
        }
        for (_, values) in keys.iter().filter(|(key, _)| key.to_ascii_lowercase().ends_with(":sub")) {
            let values = values.as_array().map_or(std::slice::from_ref(values), Vec::as_slice);
            found.extend(values.iter().filter_map(Value::as_str).map(workload_of));
        }
    }
    found
}

fn workload_of(subject: &str) -> String {
    let parts: Vec<&str> = subject.splitn(3, ':').collect();
    match parts[..] {
        [kind @ ("repo" | "project_path"), path, _] => format!("{kind}:{path}"),
        _ => subject.to_owned(),
    }
}

impl Consumers {
    /// In which way it is shared, if it is, and one fact for each way.
    #[must_use]
    pub fn shared(&self) -> Vec<(&'static str, String)> {
        let list = |set: &BTreeSet<String>| {
            let plain: Vec<String> = set.iter().map(|one| one.replace('`', "")).collect();
            short_list(&plain)
        };
        let mut ways = Vec::new();
        if self.workflows.len() > 1 {
            ways.push((
                "workflows",
                format!("{} run as it: {}", count(self.workflows.len(), "workflow"), list(&self.workflows)),
            ));
        }
        if self.workloads.len() > 1 {
            ways.push((
                "workloads",
                format!("{} carry it: {}", count(self.workloads.len(), "workload"), list(&self.workloads)),
            ));
        }
        if !self.same_key.is_empty() {
            let facts: Vec<&str> = self.same_key.iter().map(String::as_str).collect();
            ways.push(("key", facts.join("; ")));
        }
        if self.trusted.len() > 1 || self.open_pattern {
            let several = if self.open_pattern { ", as a pattern that several match" } else { "" };
            ways.push(("trust", format!("its trust names {}{several}", list(&self.trusted))));
        }
        ways
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testkit::{World, ago};
    use crate::model::{CredentialKind, Handle, Layer};

    fn of_role(prepare: impl FnOnce(&mut World, Handle)) -> (Consumer, Consumers) {
        let mut world = World::new();
        let role = world.role("app");
        prepare(&mut world, role);
        world.with(|context| {
            let entity = context.principals().find(|entity| entity.name == "app").expect("defined above");
            let lifecycle = context.lifecycle();
            (consumer(context, lifecycle, entity), consumers(context, lifecycle, entity))
        })
    }

    fn gone(prepare: impl FnOnce(&mut World, Handle)) -> bool {
        matches!(of_role(prepare).0, Consumer::Gone(_))
    }

    const EC2: &str = "Service:ec2.amazonaws.com";

    #[test]
    fn a_role_whose_every_trustee_is_gone_has_no_consumer() {
        assert!(gone(|world, role| world.trust(role, "AWS:AIDAEXAMPLEEXAMPLE123", TrustKind::Deleted, None)));
        assert!(gone(|world, role| _ = world.grant(role, &["sts:TagSession"], Layer::Resource)));
        let named = |world: &mut World, role, present: bool| {
            world.trust(role, "AWS:arn:aws:iam::111111111111:user/bob", TrustKind::SameAccount, None);
            let id = World::user_id("bob");
            let bob =
                if present { world.robot("bob") } else { world.builder.refer(&id, "aws", EntityKind::User, "bob") };
            world.builder.trusts[0].trustee = Some(bob);
        };
        assert!(gone(|world, role| named(world, role, false)));
        assert_eq!(of_role(|world, role| named(world, role, true)).0, Consumer::Exists);
        let one_left = |world: &mut World, role| {
            world.trust(role, "AWS:AIDAEXAMPLEEXAMPLE123", TrustKind::Deleted, None);
            world.trust(role, "Service:lambda.amazonaws.com", TrustKind::Service, None);
        };
        assert_eq!(of_role(one_left).0, Consumer::Unknown);
    }

    #[test]
    fn a_role_for_instances_needs_a_profile_where_profiles_are_known() {
        let other = |world: &mut World| {
            let other = world.role("other");
            world.builder.attribute(other, "instance_profile", "p");
        };
        assert!(gone(|world, role| {
            world.trust(role, EC2, TrustKind::Service, None);
            other(world);
        }));
        assert!(!gone(|world, role| world.trust(role, EC2, TrustKind::Service, None)), "profiles are not listed");
        assert!(!gone(|world, role| {
            world.trust(role, EC2, TrustKind::Service, None);
            world.builder.attribute(role, "instance_profile", "own");
        }));
    }

    #[test]
    fn use_of_late_shows_a_consumer_and_no_trust_at_all_shows_nothing() {
        let used = |days: i64| {
            of_role(|world, role| {
                world.trust(role, "Service:lambda.amazonaws.com", TrustKind::Service, None);
                world.edit(role, |entity| entity.last_used_at = ago(days));
            })
            .0
        };
        assert_eq!((used(44), used(45)), (Consumer::Exists, Consumer::Unknown));
        assert_eq!(of_role(|_, _| ()).0, Consumer::Unknown);
        let unseen = |world: &mut World, role| {
            world.trust(role, EC2, TrustKind::Service, None);
            world.edit(role, |entity| entity.last_used_at = ago(1));
        };
        assert_eq!(of_role(unseen).0, Consumer::Unknown, "an export of instance profiles may show that there is none");
        assert_eq!(of_role(|world, role| world.workload("pod", role)).0, Consumer::Exists);
        let unread = |world: &mut World, role| {
            world.trust(role, "AWS:AIDAEXAMPLEEXAMPLE123", TrustKind::Deleted, None);
            world.builder.attribute(role, "trust_unknown", "true");
        };
        assert_eq!(of_role(unread).0, Consumer::Unknown);
    }

    #[test]
    fn each_way_of_sharing_needs_two_of_its_kind() {
        let ways = |prepare: &dyn Fn(&mut World, Handle)| -> Vec<&'static str> {
            of_role(|world, role| prepare(world, role)).1.shared().into_iter().map(|(way, _)| way).collect()
        };
        assert!(
            ways(&|world, role| {
                world.automation("w1", role, None);
                world.workload("pod", role);
                world.trust(role, "Service:lambda.amazonaws.com", TrustKind::Service, None);
                world.trust(role, "Service:edgelambda.amazonaws.com", TrustKind::Service, None);
            })
            .is_empty()
        );
        assert_eq!(
            ways(&|world, role| {
                world.automation("w1", role, None);
                world.automation("w2", role, None);
                world.workload("pod-a", role);
                world.workload("pod-b", role);
                world.trust(role, "Service:lambda.amazonaws.com", TrustKind::Service, None);
                world.trust(role, "Service:glue.amazonaws.com", TrustKind::Service, None);
            }),
            ["workflows", "workloads", "trust"]
        );
        assert!(
            ways(&|world, role| {
                world.builder.attribute(role, "instance_profile", "p");
                world.trust(role, EC2, TrustKind::Service, None);
                world.trust(role, "Service:ssm.amazonaws.com", TrustKind::Service, None);
            })
            .is_empty()
        );
        assert_eq!(
            ways(&|world, role| {
                world.builder.attribute(role, "instance_profile", "p");
                world.builder.attribute(role, "instance_profile", "q");
            }),
            ["workloads"]
        );
        assert_eq!(
            ways(&|world, role| {
                let other = world.robot("other");
                world.credential(role, "SHA256:x", CredentialKind::SshKey, 1, None);
                world.credential(other, "SHA256:x", CredentialKind::SshKey, 1, None);
            }),
            ["key"]
        );
    }

    #[test]
    fn machines_and_outside_accounts_that_a_trust_names_are_consumers_and_people_and_the_missing_are_not() {
        let named = |world: &mut World, role, name: &str, trustee: Handle| {
            world.trust(role, &format!("AWS:{}", World::user_id(name)), TrustKind::SameAccount, None);
            let last = world.builder.trusts.len() - 1;
            world.builder.trusts[last].trustee = Some(trustee);
        };
        let found = of_role(|world, role| {
            let (bot, person) = (world.robot("bot"), world.user("person"));
            let missing = world.builder.refer(&World::user_id("missing"), "aws", EntityKind::User, "missing");
            for (name, trustee) in [("bot", bot), ("person", person), ("missing", missing)] {
                named(world, role, name, trustee);
            }
            world.trust(role, "AWS:arn:aws:iam::999999999999:root", TrustKind::CrossAccount, None);
            world.trust(role, "AWS:arn:aws:iam::111111111111:root", TrustKind::SameAccount, None);
        })
        .1;
        assert_eq!(found.trusted.into_iter().collect::<Vec<_>>(), ["account 999999999999", "user `bot`"]);
    }

    #[test]
    fn subjects_are_workloads_and_branches_are_not() {
        let of = |text: &str| subjects(Some(text)).into_iter().collect::<Vec<_>>();
        let one = r#"{"StringLike":{"token.actions.githubusercontent.com:sub":["repo:o/a:ref:refs/heads/main","repo:o/a:environment:prod"],
            "token.actions.githubusercontent.com:aud":"sts.amazonaws.com"}}"#;
        assert_eq!(of(one), ["repo:o/a"]);
        let two = r#"{"StringEquals":{"oidc.eks.eu.amazonaws.com/id/X:sub":["system:serviceaccount:n:a","system:serviceaccount:n:b"]}}"#;
        assert_eq!(of(two).len(), 2);
        assert!(of(r#"{"StringNotEquals":{"gitlab.com:sub":"project_path:a/b:*"}}"#).is_empty());
        assert!(of("{").is_empty());
        let open = of_role(|world, role| {
            let condition = r#"{"StringLike":{"token.actions.githubusercontent.com:sub":"repo:o/*:*"}}"#;
            world.trust(role, "Federated:token.actions.githubusercontent.com", TrustKind::Federated, Some(condition));
        });
        assert_eq!(open.1.shared().len(), 1);
    }
}
