//! Two keys of one kind that work at the same time.

use super::facts::{count, short_list};
use super::{Context, Draft, Info, LastUse, Rule};
use crate::model::{Credential, CredentialKind, Entity};

/// See [`Info::meaning`].
pub struct SecondActiveKey;

const INFO: Info = Info {
    id: "second-active-key",
    title: "Identity has more than one active access key",
    meaning: "A second active key is meant for the hours of a rotation. One that stays doubles what can leak, hides \
              which consumer uses which, and often is the old key of a rotation that was never finished.",
    remediation: "Find which key is used, move what still uses the other one, and disable it.",
    cases: &[
        ("one-unused", "at least one of the keys is not used: a rotation was not finished"),
        ("both-used", "all are used, or their use is not known"),
    ],
};

impl Rule for SecondActiveKey {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn check(&self, context: &Context<'_>) -> Vec<Draft> {
        let entities = context.tables.entities.iter().filter(|entity| entity.present);
        entities.filter_map(|entity| draft(context, entity)).collect()
    }
}

fn draft(context: &Context<'_>, entity: &Entity) -> Option<Draft> {
    let active = |row: &&Credential| row.kind == CredentialKind::AccessKey && row.active == Some(true);
    let keys: Vec<&Credential> = context.credentials(entity.entity).iter().filter(active).collect();
    if keys.len() < 2 {
        return None;
    }
    let limit = context.config.thresholds.unused_days_review;
    let use_of = |row: &&Credential| context.key_unused_days(row);
    let idle = keys.iter().any(|row| use_of(row).is_some_and(|(days, last)| last == LastUse::Never || days >= limit));
    let names: Vec<&str> = keys.iter().map(|row| row.credential.as_str()).collect();
    let fact = |row: &&Credential| match use_of(row) {
        Some((days, LastUse::At(_))) => {
            format!("`{}` was last used {} ago", row.credential, count(days as usize, "day"))
        }
        Some(_) => format!("`{}` was never used", row.credential),
        None => format!("the last use of `{}` is unknown", row.credential),
    };
    Some(Draft {
        entity: entity.entity,
        case: if idle { "one-unused" } else { "both-used" },
        title: format!("{} has {} active access keys: {}", context.call(entity.entity), keys.len(), short_list(&names)),
        subjects: vec![],
        key: vec![],
        evidence: keys.iter().map(fact).collect(),
        cause: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testkit::{World, cases};

    #[test]
    fn a_second_active_key_is_found_and_an_unfinished_rotation_told() {
        let mut world = World::new();
        let (a, b, c) = (world.user("a"), world.user("b"), world.user("c"));
        world.credential(a, "AKIA1", CredentialKind::AccessKey, 30, Some(1));
        world.credential(a, "AKIA2", CredentialKind::AccessKey, 30, None);
        world.credential(b, "AKIA3", CredentialKind::AccessKey, 30, Some(1));
        world.credential(b, "AKIA4", CredentialKind::AccessKey, 30, Some(2));
        world.credential(c, "AKIA5", CredentialKind::AccessKey, 30, Some(1));
        let off = world.credential(c, "AKIA6", CredentialKind::AccessKey, 30, Some(1));
        world.builder.credentials[off].active = Some(false);
        world.credential(c, "password", CredentialKind::Password, 30, Some(1));
        let found = world.check(&SecondActiveKey);
        assert_eq!(cases(&found), [("one-unused", "a"), ("both-used", "b")]);
        assert_eq!(found[0].2.title, "user `a` has 2 active access keys: `AKIA1`, `AKIA2`");
        assert_eq!(found[0].2.evidence, ["`AKIA1` was last used 1 day ago", "`AKIA2` was never used"]);
    }
}
