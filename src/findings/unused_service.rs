//! Services that a principal may use and does not.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::{count, short_list};
use super::{Context, DAY, Draft, Info, Rule};
use crate::model::{
    AttachmentKind, Decision, Effect, Entity, EntityId, Grant, Granularity, Layer, RemovalVerdict, Usage, text,
};

/// Unused services told one by one in a finding; the usage and access tables have them all.
const TOLD_MAX: usize = 200;

/// See [`Info::meaning`].
pub struct UnusedService;

const INFO: Info = Info {
    id: "unused-service",
    title: "Granted services are not used",
    meaning: "The principal may use these services, its use of them was watched, and it did not use them within \
              `thresholds.usage_window_days` days. When the only thing that grants a service to \
              `thresholds.group_causes_min` principals or more is one shared policy or group, the finding is about \
              that, for that is where it is to be put right.",
    remediation: "Remove the services from the statements listed; a service that is used at rare times only can be \
                  granted when it is needed.",
    cases: &[
        ("permissions", "an unused service comes with the right to change permissions"),
        ("write", "an unused service comes with the right to change things"),
        ("read", "unused services can only be read or listed"),
    ],
};

/// A service that a principal may use and was seen not to.
struct Idle<'a> {
    who: EntityId,
    usage: &'a Usage,
    case: &'static str,
    /// Where the right comes from: policies and principals or groups that hold statements of their own.
    origins: BTreeSet<EntityId>,
    grants: Vec<u32>,
}

impl Rule for UnusedService {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn check(&self, context: &Context<'_>) -> Vec<Draft> {
        let idle: Vec<Idle<'_>> = context.principals().flat_map(|entity| idle_services(context, entity)).collect();
        let mut by_source: BTreeMap<(Place<'_>, &str), Vec<&Idle<'_>>> = BTreeMap::new();
        for one in &idle {
            let source = root_cause(context, one);
            let place = (source, foreign_scope(context, source, one.who));
            by_source.entry((place, one.usage.permission.as_str())).or_default().push(one);
        }
        // A policy that few principals are affected by is their own matter.
        let least = context.config.thresholds.group_causes_min as usize;
        let mut grouped: BTreeMap<Place<'_>, Vec<&Idle<'_>>> = BTreeMap::new();
        for ((place, _), rows) in by_source {
            if rows.len() >= least {
                grouped.entry(place).or_default().extend(rows);
            } else {
                for row in rows {
                    grouped.entry((row.who, None)).or_default().push(row);
                }
            }
        }
        grouped.into_iter().map(|((entity, scope), rows)| draft(context, entity, scope, &rows)).collect()
    }
}

/// Whom a finding is about, and the scope of those affected where that is another than its own.
type Place<'a> = (EntityId, Option<&'a str>);

/// The scope of a principal that a policy of another scope, or of none, gives something: a policy that the platform
/// manages is put right in each account.
fn foreign_scope<'a>(context: &Context<'a>, source: EntityId, who: EntityId) -> Option<&'a str> {
    let (own, there) = (&context.tables.entity(source).scope, &context.tables.entity(who).scope);
    there.as_deref().filter(|_| own != there)
}

/// The one policy that alone grants the service, or else the principal itself.
fn root_cause(context: &Context<'_>, idle: &Idle<'_>) -> EntityId {
    let mut origins = idle.origins.iter();
    match (origins.next(), origins.next()) {
        (Some(&only), None) if !context.tables.entity(only).kind.is_principal() => only,
        _ => idle.who,
    }
}

fn idle_services<'a>(context: &Context<'a>, entity: &Entity) -> Vec<Idle<'a>> {
    let who = entity.entity;
    let since = context.facts.as_of - i64::from(context.config.thresholds.usage_window_days) * DAY;
    let watched = context.usage(who).iter().filter(|row| row.granularity == Granularity::Service);
    // Several sources may speak of one service: the latest use counts.
    let mut services: BTreeMap<&str, &Usage> = BTreeMap::new();
    for row in watched {
        let latest = services.entry(row.permission.as_str()).or_insert(row);
        if row.last_used_at > latest.last_used_at {
            *latest = row;
        }
    }
    services.retain(|_, row| row.last_used_at.is_none_or(|then| then < since));
    if services.is_empty() {
        return Vec::new();
    }
    let statements = statements(context, who);
    services.into_values().filter_map(|usage| idle(context, who, usage, &statements)).collect()
}

fn idle<'a>(context: &Context<'a>, who: EntityId, usage: &'a Usage, statements: &[&Grant]) -> Option<Idle<'a>> {
    let granted = |row: &&crate::model::Access| row.granted_n > 0 && row.decision != Decision::Denied;
    let rows =
        context.access(who).iter().filter(|row| row.service.eq_ignore_ascii_case(&usage.permission)).filter(granted);
    let case =
        rows.map(|row| case_of(&row.level)).min_by_key(|case| INFO.cases.iter().position(|known| known.0 == *case))?;
    let giving = statements.iter().filter(|row| gives(row, &usage.permission));
    let (origins, grants) = giving.map(|row| (row.holder, row.grant)).unzip();
    Some(Idle { who, usage, case, origins, grants })
}

fn case_of(level: &str) -> &'static str {
    match level {
        "permissions" => "permissions",
        "write" => "write",
        _ => "read",
    }
}

/// Statements that allow something to a principal: its own, its groups' and those of the policies attached to them.
pub(super) fn statements<'a>(context: &Context<'a>, who: EntityId) -> Vec<&'a Grant> {
    let mut holders = vec![who];
    holders.extend(context.groups(who));
    let attached = holders.iter().flat_map(|&holder| context.attachments(holder));
    let mut policies: Vec<EntityId> =
        attached.filter(|row| row.kind == AttachmentKind::Identity).map(|row| row.policy).collect();
    policies.sort_unstable();
    policies.dedup();
    let rows = holders.iter().chain(&policies).flat_map(|&holder| context.grants(holder));
    rows.filter(|row| row.effect == Effect::Allow && row.layer == Layer::Identity).collect()
}

/// Whether a statement is about actions of a service; one with `NotAction` is, unless it names the whole service.
pub(super) fn gives(row: &Grant, service: &str) -> bool {
    let about = |pattern: &String| match pattern.split_once(':') {
        Some((prefix, _)) => text::glob_ignore_case(prefix, service),
        None => pattern == "*",
    };
    if row.not_actions.is_empty() {
        return row.actions.iter().any(about);
    }
    !row.not_actions.iter().any(|pattern| about(pattern) && pattern.rsplit(':').next() == Some("*"))
}

fn draft(context: &Context<'_>, entity: EntityId, scope: Option<&str>, rows: &[&Idle<'_>]) -> Draft {
    let services: BTreeSet<&str> = rows.iter().map(|row| row.usage.permission.as_str()).collect();
    let services: Vec<&str> = services.into_iter().collect();
    let who: BTreeSet<EntityId> = rows.iter().map(|row| row.who).collect();
    let n = count(services.len(), "service");
    let title = if who.len() == 1 && who.contains(&entity) {
        format!("{} does not use {n} that it may use: {}", context.call(entity), short_list(&services))
    } else {
        let place = scope.map(|scope| format!(" of {}", super::causes::called(context, scope))).unwrap_or_default();
        let affected = format!("{}{place}", count(who.len(), "principal"));
        format!("{} gives {affected} {n} that they do not use: {}", context.call(entity), short_list(&services))
    };
    let mut evidence: Vec<String> = rows.iter().take(TOLD_MAX).map(|row| tell(context, row)).collect();
    if rows.len() > TOLD_MAX {
        evidence.push(format!("and {} more of the same kind", rows.len() - TOLD_MAX));
    }
    let grants: BTreeSet<u32> = rows.iter().flat_map(|row| row.grants.iter().copied()).collect();
    evidence.extend(grants.into_iter().map(|grant| context.cite(grant)));
    let worst = rows.iter().map(|row| row.case).min_by_key(|case| INFO.cases.iter().position(|known| known.0 == *case));
    let subjects = who.into_iter().filter(|&one| one != entity).collect();
    let key = scope.map(str::to_owned).into_iter().collect();
    Draft { entity, case: worst.unwrap_or("read"), title, subjects, key, evidence, cause: None }
}

fn tell(context: &Context<'_>, row: &Idle<'_>) -> String {
    let (who, service, doubt) = (context.call(row.who), &row.usage.permission, doubt(context, row.usage));
    let removal = removal(context, row.who, service);
    match row.usage.last_used_at {
        Some(then) => format!("{who} last used `{service}` {}{doubt}{removal}", text::format_time(then)),
        None => format!("{who} was never seen to use `{service}`{doubt}{removal}"),
    }
}

/// Verdicts on taking a service away, in words; nothing where there are none.
fn removal(context: &Context<'_>, who: EntityId, service: &str) -> String {
    let rows = context.facts.removals.of(who).iter().filter(|row| row.service.eq_ignore_ascii_case(service));
    let mut verdicts: BTreeMap<(RemovalVerdict, &str), u32> = BTreeMap::new();
    for row in rows {
        let why = if row.verdict == RemovalVerdict::Undetermined { row.why.as_str() } else { "" };
        *verdicts.entry((row.verdict, why)).or_default() += row.actions_n;
    }
    let told = verdicts.into_iter().map(|((verdict, why), n)| {
        let why = if why.is_empty() { String::new() } else { format!(" ({why})") };
        format!("{verdict} for {}{why}", count(n as usize, "action"))
    });
    let told: Vec<String> = told.collect();
    if told.is_empty() { String::new() } else { format!("; removing it is {}", told.join(", ")) }
}

/// Why an observation does not cover the whole window before the scan, in words.
fn doubt(context: &Context<'_>, usage: &Usage) -> String {
    let window = i64::from(context.config.thresholds.usage_window_days) * DAY;
    let ended = usage.window_end.filter(|end| context.facts.as_of - end > window);
    if let Some(end) = ended {
        return format!("; provisional: watched until {} only", text::format_time(end));
    }
    match usage.window_end.zip(usage.window_start) {
        Some((end, start)) if end - start < window => "; provisional: watched for less than the window".to_owned(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testkit::{World, ago, cases};

    #[test]
    fn services_that_one_principal_does_not_use_are_one_finding() {
        let mut world = World::new();
        let role = world.role("app");
        world.grant(role, &["s3:*", "iam:*", "ec2:Describe*"], Layer::Identity);
        for (service, level, used) in
            [("s3", "write", None), ("iam", "permissions", Some(91)), ("ec2", "read", Some(90))]
        {
            world.may(role, service, level, 3, 10.0);
            world.usage(role, service, used);
        }
        let found = world.check(&UnusedService);
        assert_eq!(cases(&found), [("permissions", "app")]);
        assert_eq!(found[0].2.title, "role `app` does not use 2 services that it may use: `iam`, `s3`");
        assert_eq!(found[0].2.evidence[1], "role `app` was never seen to use `s3`");
        assert!(found[0].2.evidence[2].starts_with("grant:0 "));
    }

    #[test]
    fn what_a_shared_policy_gives_is_put_down_to_the_policy() {
        let mut world = World::new();
        let policy = world.policy("Shared");
        world.grant(policy, &["sqs:*"], Layer::Identity);
        let (a, b, c, d) = (world.role("a"), world.role("b"), world.role("c"), world.role("d"));
        for role in [a, b, c, d] {
            world.attach(role, policy, AttachmentKind::Identity);
            world.may(role, "sqs", "read", 2, 4.0);
        }
        world.usage(a, "sqs", None);
        world.usage(b, "sqs", Some(200));
        world.usage(c, "sqs", Some(1));
        world.usage(d, "sqs", None);
        // Role `a` has another service of its own that it does not use.
        world.grant(a, &["sns:Publish"], Layer::Identity);
        world.may(a, "sns", "write", 1, 5.0);
        world.usage(a, "sns", None);
        let found = world.check(&UnusedService);
        assert_eq!(cases(&found), [("read", "Shared"), ("write", "a")]);
        assert_eq!(found[0].2.subjects.len(), 3);
        assert_eq!(found[0].2.title, "policy `Shared` gives 3 principals 1 service that they do not use: `sqs`");
    }

    #[test]
    fn a_policy_of_the_platform_is_put_right_in_each_account() {
        let mut world = World::new();
        let policy = world.policy("Managed");
        world.grant(policy, &["sqs:*"], Layer::Identity);
        world.edit(policy, |entity| entity.scope = None);
        for name in ["a", "b", "c"] {
            let role = world.role(name);
            world.attach(role, policy, AttachmentKind::Identity);
            world.may(role, "sqs", "read", 2, 4.0);
            world.usage(role, "sqs", None);
        }
        // Two are too few elsewhere.
        for name in ["d", "e"] {
            let role = world.role(name);
            world.edit(role, |entity| entity.scope = Some("aws:account/222222222222".to_owned()));
            world.attach(role, policy, AttachmentKind::Identity);
            world.may(role, "sqs", "read", 2, 4.0);
            world.usage(role, "sqs", None);
        }
        let found = world.check(&UnusedService);
        assert_eq!(cases(&found), [("read", "Managed"), ("read", "d"), ("read", "e")]);
        let title =
            "policy `Managed` gives 3 principals of account `111111111111` 1 service that they do not use: `sqs`";
        assert_eq!((found[0].2.title.as_str(), found[0].2.key.len()), (title, 1));
    }

    #[test]
    fn used_unwatched_and_ungranted_services_are_no_finding() {
        let mut world = World::new();
        let role = world.role("app");
        world.may(role, "s3", "write", 3, 10.0);
        world.usage(role, "s3", Some(5));
        world.may(role, "kms", "write", 3, 10.0);
        world.usage(role, "sqs", None);
        assert!(world.check(&UnusedService).is_empty());
    }

    #[test]
    fn a_short_or_old_observation_is_called_provisional() {
        let mut world = World::new();
        let role = world.role("app");
        world.may(role, "s3", "write", 3, 10.0);
        world.usage(role, "s3", None);
        world.builder.usage[0].window_start = ago(30);
        let found = world.check(&UnusedService);
        assert!(found[0].2.evidence[0].ends_with("provisional: watched for less than the window"));
        let mut world = World::new();
        let role = world.role("app");
        world.may(role, "s3", "write", 3, 10.0);
        world.usage(role, "s3", None);
        world.builder.usage[0].window_end = ago(91);
        let found = world.check(&UnusedService);
        assert!(found[0].2.evidence[0].ends_with("provisional: watched until 2026-08-23T00:00:00Z only"));
    }

    #[test]
    fn statements_with_exclusions_give_every_service_that_they_do_not_exclude_whole() {
        let mut world = World::new();
        let role = world.role("app");
        world.grant(role, &[], Layer::Identity);
        world.builder.grants[0].not_actions = vec!["iam:*".into(), "s3:Delete*".into()];
        let grant = &world.builder.grants[0];
        assert!(gives(grant, "s3") && gives(grant, "ec2") && !gives(grant, "iam"));
    }
}
