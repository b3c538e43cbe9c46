//! A principal that is an administrator by its effective permissions.

use super::trust::outsider;
use super::{Cause, Context, Draft, Info, Rule, causes};
use crate::model::{AttachmentKind, Effect, Entity, EntityId, Grant};

/// Statements cited; the grants table has them all.
const CITED_MAX: usize = 5;

/// See [`Info::meaning`].
pub struct AdministratorEquivalent;

const INFO: Info = Info {
    id: "administrator-equivalent",
    title: "Principal is an administrator",
    meaning: "The effective permissions of this principal make it an administrator of its account, whatever its name \
              or the names of its policies say. The account's root, which always is one, is not listed.",
    remediation: "Check that it must be one; if not, replace the statements listed with what it uses, and give people \
                  administration for a limited time only.",
    cases: &[
        ("external", "someone outside the organisation may act as it"),
        ("nhi", "a non-human identity"),
        ("other", "everyone else"),
    ],
};

impl Rule for AdministratorEquivalent {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn check(&self, context: &Context<'_>) -> Vec<Draft> {
        let principals = context.principals().filter(|entity| context.is_administrator(entity));
        principals.filter_map(|entity| draft(context, entity)).collect()
    }
}

fn draft(context: &Context<'_>, entity: &Entity) -> Option<Draft> {
    let reason = context.zone_reason(entity.entity)?;
    let outsider = outsider(context, entity.entity);
    let case = match (&outsider, entity.nhi) {
        (Some(_), _) => "external",
        (None, Some(true)) => "nhi",
        _ => "other",
    };
    let mut evidence = vec![reason.to_owned()];
    evidence.extend(outsider.map(|who| format!("{who} outside the organisation may act as it")));
    let widest: Vec<u32> = widest(context, entity.entity).into_iter().map(|row| row.grant).collect();
    evidence.extend(widest.iter().take(CITED_MAX).map(|&grant| context.cite(grant)));
    let cause = causes::source(context, entity.entity, &widest).map(|entity| Cause {
        entity,
        key: vec![],
        says: ("makes", "administrators".to_owned()),
    });
    let title = format!("{} is an administrator", context.call(entity.entity));
    Some(Draft { entity: entity.entity, case, title, subjects: vec![], key: vec![], evidence, cause })
}

/// Statements of the principal and its groups that allow every action of the platform or of its identity service.
fn widest<'a>(context: &Context<'a>, of: EntityId) -> Vec<&'a Grant> {
    let mut holders = vec![of];
    holders.extend(context.groups(of));
    let attached = holders.iter().flat_map(|&holder| context.attachments(holder));
    let mut policies: Vec<EntityId> =
        attached.filter(|row| row.kind == AttachmentKind::Identity).map(|row| row.policy).collect();
    // A binding gives what is attached to it.
    let given = policies.iter().flat_map(|&policy| context.attachments(policy)).map(|row| row.policy);
    policies.extend(given.collect::<Vec<_>>());
    let rows = holders.iter().chain(&policies).flat_map(|&holder| context.grants(holder));
    let all = |row: &&Grant| {
        row.actions.iter().any(|action| action == "*" || action == "*:*" || action.eq_ignore_ascii_case("iam:*"))
    };
    rows.filter(|row| row.effect == Effect::Allow && row.layer == crate::model::Layer::Identity).filter(all).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Protected;
    use crate::findings::testkit::{World, cases};
    use crate::model::{Layer, TrustKind};

    #[test]
    fn administrators_are_listed_with_the_statements_that_make_them_so() {
        let mut world = World::new();
        let (role, user, open) = (world.role("deploy"), world.user("ann"), world.role("open"));
        for handle in [role, user, open] {
            world.protect(handle, "may do everything in account `111111111111`");
        }
        let (group, policy) = (world.group("ops"), world.policy("Full"));
        world.join(user, group);
        world.attach(group, policy, AttachmentKind::Identity);
        world.grant(policy, &["*"], Layer::Identity);
        world.trust(open, "*", TrustKind::External, None);
        let found = world.check(&AdministratorEquivalent);
        assert_eq!(cases(&found), [("nhi", "deploy"), ("external", "open"), ("other", "ann")]);
        assert_eq!(found[2].2.evidence[1], "grant:0 statement `s0` of `Full` allows `*` on `*`");
    }

    #[test]
    fn root_and_what_is_protected_by_configuration_are_not() {
        let mut world = World::new();
        let (root, payroll) = (world.root(), world.role("payroll"));
        world.protect(root, "root of its account");
        world.protect(payroll, "pays people");
        world.config.protected.push(Protected { pattern: "*:role/payroll".into(), reason: "pays people".into() });
        world.role("ordinary");
        let marked = world.role("marked");
        world.edit(marked, |entity| entity.protected_reason = Some("holds the keys".into()));
        world.protect(marked, "holds the keys");
        assert!(world.check(&AdministratorEquivalent).is_empty());
    }
}
