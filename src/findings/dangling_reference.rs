//! Something that is referred to and not defined.

use super::trust::account_of;
use super::{Context, Draft, Info, Rule};
use crate::model::{AttachmentKind, Entity, EntityId, EntityKind, MembershipKind, Trust, TrustKind};

/// See [`Info::meaning`].
pub struct DanglingReference;

const INFO: Info = Info {
    id: "dangling-reference",
    title: "Reference to something that does not exist",
    meaning: "A policy, group or principal of an exported account is named and the export does not define it: it was \
              deleted, or the export is not whole. What it would give or limit is unknown, and whoever can create \
              something of that name decides it. Policies that the platform itself manages cannot dangle and are \
              reported as missing data instead.",
    remediation: "Remove the reference, or export the account as a whole and scan again.",
    cases: &[
        ("boundary", "a permission boundary that is not defined: nobody knows what it limits"),
        ("trust", "a trust in a principal of the same account that is not defined"),
        ("policy", "an attached policy that is not defined"),
        ("group", "membership in a group that is not defined"),
    ],
};

impl Rule for DanglingReference {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn check(&self, context: &Context<'_>) -> Vec<Draft> {
        let mut found = Vec::new();
        for row in &context.tables.attachments {
            let case = match row.kind {
                AttachmentKind::Boundary => "boundary",
                AttachmentKind::Identity | AttachmentKind::Scp | AttachmentKind::Rcp => "policy",
            };
            found.extend(draft(context, row.holder, row.policy, case, || at(&row.record)));
        }
        for row in context.tables.memberships.iter().filter(|row| row.kind == MembershipKind::MemberOf) {
            found.extend(draft(context, row.member, row.container, "group", || at(&row.record)));
        }
        // A session names its role without the role's path, so the role may exist under its full name.
        let named =
            |row: &&Trust| row.kind == TrustKind::SameAccount && !row.trustee_pattern.contains(":assumed-role/");
        for row in context.tables.trusts.iter().filter(named) {
            let Some(trustee) = row.trustee else { continue };
            found.extend(draft(context, row.target, trustee, "trust", || context.cite(row.grant)));
        }
        found
    }
}

fn at(record: &str) -> String {
    if record.is_empty() { String::new() } else { format!("referred to at {record}") }
}

fn draft(
    context: &Context<'_>,
    from: EntityId,
    to: EntityId,
    case: &'static str,
    place: impl FnOnce() -> String,
) -> Option<Draft> {
    let missing = context.tables.entity(to);
    let elsewhere = missing.kind == EntityKind::Scope || !could_be_exported(context, missing);
    if missing.present || elsewhere || was_unreadable(context, from, missing) {
        return None;
    }
    let (holder, name) = (context.call(from), &missing.name);
    let title = match case {
        "boundary" => format!("{holder} is bounded by policy `{name}`, which is not defined"),
        "policy" => format!("{holder} has policy `{name}` attached, which is not defined"),
        "group" => format!("{holder} is in group `{name}`, which is not defined"),
        _ => format!("{holder} trusts {}, which is not defined", context.call(to)),
    };
    let mut evidence = vec![format!("`{}` is in no export", missing.id)];
    evidence.extend(Some(place()).filter(|place| !place.is_empty()));
    let key = vec![case.to_owned(), missing.id.clone()];
    Some(Draft { entity: from, case, title, subjects: vec![to], key, evidence, cause: None })
}

/// Whether an export of its own account would define it: principals of that account are loaded. AWS-managed policies
/// live in none.
fn could_be_exported(context: &Context<'_>, missing: &Entity) -> bool {
    match account_of(&missing.id) {
        Some(account) => context.is_exported_account(account),
        None => missing.platform != "aws",
    }
}

/// Whether an export does define it, in a form that could not be read: an inline policy of its holder, or a policy of
/// which the versions are known. Those are data-quality issues.
fn was_unreadable(context: &Context<'_>, from: EntityId, missing: &Entity) -> bool {
    missing.id.starts_with(&context.tables.entity(from).id) || !context.attributes(missing.entity).is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testkit::{ACCOUNT, World, cases};

    fn missing(world: &mut World, path: &str, kind: EntityKind) -> crate::model::Handle {
        let name = path.rsplit('/').next().unwrap_or_default();
        world.builder.refer(&format!("arn:aws:iam::{ACCOUNT}:{path}"), "aws", kind, name)
    }

    #[test]
    fn missing_policies_groups_boundaries_and_principals_are_told_in_words() {
        let mut world = World::new();
        let (user, role) = (world.user("ann"), world.role("app"));
        let policy = missing(&mut world, "policy/gone", EntityKind::RoleDefinition);
        let boundary = missing(&mut world, "policy/limit", EntityKind::RoleDefinition);
        let group = missing(&mut world, "group/ops", EntityKind::Group);
        let trusted = missing(&mut world, "user/bob", EntityKind::User);
        world.attach(user, policy, AttachmentKind::Identity);
        world.attach(role, boundary, AttachmentKind::Boundary);
        world.join(user, group);
        world.trust(role, "AWS:arn:aws:iam::111111111111:user/bob", TrustKind::SameAccount, None);
        world.builder.trusts[0].trustee = Some(trusted);
        let found = world.check(&DanglingReference);
        assert_eq!(cases(&found), [("boundary", "app"), ("policy", "ann"), ("group", "ann"), ("trust", "app")]);
        assert_eq!(found[1].2.title, "user `ann` has policy `gone` attached, which is not defined");
        assert_eq!(found[3].2.title, "role `app` trusts user `bob`, which is not defined");
    }

    #[test]
    fn what_is_defined_managed_by_the_platform_or_elsewhere_does_not_dangle() {
        let mut world = World::new();
        let (user, policy, group) = (world.user("ann"), world.policy("here"), world.group("ops"));
        let managed = world.builder.refer(
            "arn:aws:iam::aws:policy/ReadOnlyAccess",
            "aws",
            EntityKind::RoleDefinition,
            "ReadOnlyAccess",
        );
        let foreign = world.builder.refer("arn:aws:iam::999999999999:policy/x", "aws", EntityKind::RoleDefinition, "x");
        let inline = missing(&mut world, "user/ann#inline/broken", EntityKind::RoleDefinition);
        let unread = missing(&mut world, "policy/unread", EntityKind::RoleDefinition);
        world.builder.attribute(unread, "default_version", "v3");
        for attached in [policy, managed, foreign, inline, unread] {
            world.attach(user, attached, AttachmentKind::Identity);
        }
        world.join(user, group);
        assert!(world.check(&DanglingReference).is_empty());
    }
}
