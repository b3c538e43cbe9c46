//! An administrator whom nobody uses.

use super::facts::count;
use super::{Context, Draft, Info, LastUse, Rule};
use crate::model::{Entity, text};

/// See [`Info::meaning`].
pub struct DormantAdministrator;

const INFO: Info = Info {
    id: "dormant-administrator",
    title: "Administrator that is not used",
    meaning: "The principal administers its scope by its effective permissions and has not used them for \
              `thresholds.unused_days_review` days or more, or never. The most dangerous rights of the organisation \
              lie where nobody would notice who else uses them. The root of an account is meant to lie idle and is \
              not counted.",
    remediation: "Take the rights away, or make them ones that are activated for a time; an account for emergencies is \
                  best excepted by name, with a review date.",
    cases: &[
        ("never-used", "made at least `thresholds.unused_days_review` days ago and never used while it was watched"),
        ("unused", "not used for `thresholds.unused_days_max` days or more"),
        ("review", "not used for `thresholds.unused_days_review` days or more"),
    ],
};

impl Rule for DormantAdministrator {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn check(&self, context: &Context<'_>) -> Vec<Draft> {
        let able = context.principals().filter(|entity| entity.enabled != Some(false));
        able.filter(|entity| context.is_administrator(entity)).filter_map(|entity| draft(context, entity)).collect()
    }
}

fn draft(context: &Context<'_>, entity: &Entity) -> Option<Draft> {
    let limits = &context.config.thresholds;
    let (days, last) = context.unused_days(entity).filter(|&(days, _)| days >= limits.unused_days_review)?;
    let (who, shown) = (context.call(entity.entity), count(days as usize, "day"));
    let (case, title, fact) = match last {
        LastUse::At(then) => (
            if days >= limits.unused_days_max { "unused" } else { "review" },
            format!("{who} is an administrator and has not been used for {shown}"),
            format!("last used {}", text::format_time(then)),
        ),
        LastUse::Never | LastUse::Unknown => {
            let made = entity.created_at.map(text::format_time).unwrap_or_default();
            let title = format!("{who} is an administrator, was made {shown} ago, and no use of it is known");
            ("never-used", title, format!("made {made}; watched, and never seen in use"))
        }
    };
    let mut evidence = vec![fact];
    evidence.extend(entity.last_used_source.as_ref().map(|source| format!("according to {source}")));
    evidence.extend(context.zone_reason(entity.entity).map(|reason| format!("in the protected zone: {reason}")));
    // A key whose use is not known may be in use.
    let open = context.live_keys(entity).filter(|row| context.key_unused_days(row).is_none());
    evidence.extend(open.map(|row| format!("when `{}` was last used is not known", row.credential)));
    Some(Draft { entity: entity.entity, case, title, subjects: vec![], key: vec![], evidence, cause: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testkit::{World, ago, cases};

    const REASON: &str = "administrator by effective permissions (administrator)";

    #[test]
    fn an_administrator_is_dormant_from_the_days_of_review_on() {
        let mut world = World::new();
        for (name, days) in [("a44", 44), ("b45", 45), ("c89", 89), ("d90", 90)] {
            let role = world.role(name);
            world.edit(role, |entity| entity.last_used_at = ago(days));
            world.protect(role, REASON);
        }
        let (never, unknown) = (world.role("never"), world.role("unknown"));
        world.edit(never, |entity| entity.last_used_source = Some("role-last-used".into()));
        world.protect(never, REASON);
        world.protect(unknown, REASON);
        let found = world.check(&DormantAdministrator);
        assert_eq!(cases(&found), [("review", "b45"), ("review", "c89"), ("unused", "d90"), ("never-used", "never")]);
        assert_eq!(found[2].2.title, "role `d90` is an administrator and has not been used for 90 days");
    }

    #[test]
    fn others_the_root_the_marked_and_the_disabled_are_not_counted() {
        let mut world = World::new();
        let (plain, root, marked, off, young) =
            (world.role("plain"), world.root(), world.role("marked"), world.role("off"), world.role("young"));
        for who in [plain, root, marked, off] {
            world.edit(who, |entity| entity.last_used_at = ago(300));
        }
        world.edit(off, |entity| entity.enabled = Some(false));
        world.edit(young, |entity| {
            entity.created_at = ago(44);
            entity.last_used_source = Some("role-last-used".into());
        });
        world.edit(marked, |entity| {
            entity.protected = true;
            entity.protected_reason = Some("payroll".into());
        });
        for (who, reason) in [(root, REASON), (marked, "payroll"), (off, REASON), (young, REASON)] {
            world.protect(who, reason);
        }
        assert!(world.check(&DormantAdministrator).is_empty());
    }
}
