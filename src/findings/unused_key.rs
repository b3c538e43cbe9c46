//! A key that works and that nobody uses.

use super::facts::count;
use super::keys::noun;
use super::{Context, Draft, Info, LastUse, Rule};
use crate::model::{Credential, Entity, text};

/// See [`Info::meaning`].
pub struct UnusedKey;

const INFO: Info = Info {
    id: "unused-key",
    title: "Active key is not used",
    meaning: "The key works and has not been used for `thresholds.unused_days_review` days or more. Nobody would miss \
              it, and nobody would notice who else uses it.",
    remediation: "Disable the key, and delete it when nothing breaks.",
    cases: &[
        ("never-used", "made at least `thresholds.unused_days_review` days ago and never used"),
        ("unused-long", "not used for `thresholds.unused_days_max` days or more"),
        ("unused", "not used for `thresholds.unused_days_review` days or more"),
    ],
};

impl Rule for UnusedKey {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn check(&self, context: &Context<'_>) -> Vec<Draft> {
        let entities = context.tables.entities.iter().filter(|entity| entity.present);
        entities.flat_map(|entity| context.live_keys(entity).filter_map(|row| draft(context, entity, row))).collect()
    }
}

fn draft(context: &Context<'_>, entity: &Entity, row: &Credential) -> Option<Draft> {
    let limits = &context.config.thresholds;
    let (days, last) = context.key_unused_days(row).filter(|&(days, _)| days >= limits.unused_days_review)?;
    let case = match last {
        LastUse::Never => "never-used",
        _ if days >= limits.unused_days_max => "unused-long",
        _ => "unused",
    };
    let (key, holder, days) = (noun(row.kind), context.call(entity.entity), count(days as usize, "day"));
    let (title, fact) = match last {
        LastUse::At(then) => (
            format!("{key} `{}` of {holder} has not been used for {days}", row.credential),
            format!("last used {}", text::format_time(then)),
        ),
        _ => (
            format!("{key} `{}` of {holder} was made {days} ago and never used", row.credential),
            format!("no use known since it was made {}", row.created_at.map(text::format_time).unwrap_or_default()),
        ),
    };
    let evidence = vec![fact, format!("review is due after {}", count(limits.unused_days_review as usize, "day"))];
    Some(Draft {
        entity: entity.entity,
        case,
        title,
        subjects: vec![],
        key: vec![row.credential.clone()],
        evidence,
        cause: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testkit::{World, cases};
    use crate::model::CredentialKind;

    #[test]
    fn unused_keys_are_told_by_how_long() {
        let mut world = World::new();
        for (name, age, used) in
            [("a", 200, Some(45)), ("b", 200, Some(90)), ("c", 50, None), ("d", 200, Some(44)), ("e", 44, None)]
        {
            let user = world.user(name);
            world.credential(user, &format!("AKIA{name}"), CredentialKind::AccessKey, age, used);
        }
        let found = world.check(&UnusedKey);
        assert_eq!(cases(&found), [("unused", "a"), ("unused-long", "b"), ("never-used", "c")]);
        assert_eq!(found[2].2.title, "access key `AKIAc` of user `c` was made 50 days ago and never used");
    }

    #[test]
    fn unknown_use_and_inactive_keys_are_no_finding() {
        let mut world = World::new();
        let user = world.user("a");
        let unknown = world.credential(user, "AKIA1", CredentialKind::AccessKey, 300, None);
        world.builder.credentials[unknown].never_used = None;
        let off = world.credential(user, "AKIA2", CredentialKind::AccessKey, 300, Some(200));
        world.builder.credentials[off].active = Some(false);
        assert!(world.check(&UnusedKey).is_empty());
    }
}
