//! A key that has not been changed for too long.

use super::facts::{count, is_root};
use super::keys::noun;
use super::{Context, Draft, Info, Rule};
use crate::model::{Credential, Entity, text};

/// See [`Info::meaning`].
pub struct KeyAge;

const INFO: Info = Info {
    id: "key-age",
    title: "Key is older than allowed",
    meaning: "The key has been the same for longer than `thresholds.key_age_days_max`. Every copy that was ever made \
              of it, in a log, a laptop or a leaver's notes, still works.",
    remediation: "Make a second key, move its users over, disable the old one, watch, then delete it; better, replace \
                  it by a federated or temporary credential.",
    cases: &[
        ("root", "a key of an account's root"),
        ("very-old", "older than `thresholds.key_age_days_critical`"),
        ("old", "older than `thresholds.key_age_days_max`"),
    ],
};

impl Rule for KeyAge {
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
    let age = context.key_age_days(row).filter(|&age| age > limits.key_age_days_max)?;
    let case = match age {
        _ if is_root(entity) => "root",
        age if age > limits.key_age_days_critical => "very-old",
        _ => "old",
    };
    let title = format!(
        "{} `{}` of {} is {} old",
        noun(row.kind),
        row.credential,
        context.call(entity.entity),
        count(age as usize, "day")
    );
    let changed = row.last_rotated_at.max(row.created_at).map(text::format_time).unwrap_or_default();
    let evidence = vec![
        format!("last changed {changed}, {} before the scan", count(age as usize, "day")),
        format!("allowed are {}", count(limits.key_age_days_max as usize, "day")),
        match row.active {
            Some(_) => "the key is active".to_owned(),
            None => "whether the key is active is unknown".to_owned(),
        },
    ];
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
    use crate::findings::testkit::{World, ago, cases};
    use crate::model::CredentialKind;

    #[test]
    fn the_day_after_the_limit_is_too_old_and_the_limit_is_not() {
        let mut world = World::new();
        let (ann, bob, cy, root) = (world.user("ann"), world.user("bob"), world.user("cy"), world.root());
        world.credential(ann, "AKIA1", CredentialKind::AccessKey, 90, Some(1));
        world.credential(bob, "AKIA2", CredentialKind::AccessKey, 91, Some(1));
        world.credential(cy, "AKIA3", CredentialKind::AccessKey, 366, Some(1));
        world.credential(root, "AKIA4", CredentialKind::AccessKey, 100, Some(1));
        let found = world.check(&KeyAge);
        assert_eq!(cases(&found), [("root", "<root_account>"), ("old", "bob"), ("very-old", "cy")]);
        assert_eq!(found[1].2.title, "access key `AKIA2` of user `bob` is 91 days old");
        assert_eq!(found[1].2.evidence[0], "last changed 2026-08-23T00:00:00Z, 91 days before the scan");
    }

    #[test]
    fn rotated_inactive_and_other_credentials_are_not_old_keys() {
        let mut world = World::new();
        let ann = world.user("ann");
        let rotated = world.credential(ann, "AKIA1", CredentialKind::AccessKey, 500, Some(1));
        world.builder.credentials[rotated].last_rotated_at = ago(10);
        let off = world.credential(ann, "AKIA2", CredentialKind::AccessKey, 500, Some(1));
        world.builder.credentials[off].active = Some(false);
        world.credential(ann, "mfa", CredentialKind::Mfa, 500, Some(1));
        assert!(world.check(&KeyAge).is_empty());
    }
}
