//! A secret that was seen where it must not be, and still works.

use std::collections::BTreeMap;

use super::severity::Rank;
use super::{Context, Draft, Info, Rule};
use crate::model::{Attribute, Credential, CredentialKind, Entity};

/// Attributes of the entity that holds the credential: the id follows, the value is `LOCATION@SEEN_AT`.
const LEAK: &str = "leak:";

/// See [`Info::meaning`].
pub struct LeakedSecret;

const INFO: Info = Info {
    id: "leaked-secret",
    title: "Leaked secret still works",
    meaning: "A scanner saw the secret of this credential outside a vault (in code, a log, a chat, an image), and the \
              credential is active: whoever saw it too can act as the entity. The worth of the entity decides how \
              urgent it is. A leaked credential that the export knows to be inactive is no finding.",
    remediation: "Disable the credential now, replace it where it is needed, look for its use since it leaked, and \
                  then remove the copy and its history.",
    cases: &[
        ("administrator", "its holder is in the protected zone"),
        ("near", "a certain path leads from its holder to the protected zone"),
        ("other", "its holder has neither"),
        ("unconfirmed", "whether the credential is active is not known"),
    ],
};

impl Rule for LeakedSecret {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn check(&self, context: &Context<'_>) -> Vec<Draft> {
        // Attributes are sorted by entity and key; one credential may have been seen in several places.
        let mut leaks: BTreeMap<(usize, &str), Vec<&Attribute>> = BTreeMap::new();
        for row in &context.tables.attributes {
            if let Some(named) = row.key.strip_prefix(LEAK) {
                let known = context.credentials(row.entity).iter().find(|one| is_named(one, named));
                let credential = known.map_or(named, |one| one.credential.as_str());
                leaks.entry((row.entity.index(), credential)).or_default().push(row);
            }
        }
        let draft = |((at, credential), rows): ((usize, &str), Vec<&Attribute>)| {
            draft(context, &context.tables.entities[at], credential, &rows)
        };
        leaks.into_iter().filter_map(draft).collect()
    }
}

/// Whether a scanner's name for a credential is its id, or the end of it behind a separator.
fn is_named(row: &Credential, name: &str) -> bool {
    let end = |rest: &str| rest.ends_with(['/', ':', '#']);
    row.credential.eq_ignore_ascii_case(name) || row.credential.strip_suffix(name).is_some_and(end)
}

/// Whether a leaked credential works, in words; `None` for one that does not.
fn state(context: &Context<'_>, entity: &Entity, credential: &str) -> Option<(Option<bool>, String)> {
    let rows = context.credentials(entity.entity);
    match rows.iter().find(|row| row.credential == credential) {
        Some(row) => match row.active {
            Some(true) => Some((Some(true), "the credential is active".to_owned())),
            Some(false) => None,
            None => Some((None, "whether the credential is active is unknown".to_owned())),
        },
        // Reports that number keys do not name them: while any of them works, the leaked one may be it.
        None => {
            let mut secrets = rows.iter().filter(|row| row.kind != CredentialKind::Mfa).peekable();
            let all_off = secrets.peek().is_some() && secrets.all(|row| row.active == Some(false));
            (!all_off).then(|| (None, "the credential is not in the export under this id".to_owned()))
        }
    }
}

fn draft(context: &Context<'_>, entity: &Entity, credential: &str, rows: &[&Attribute]) -> Option<Draft> {
    let (active, state) = state(context, entity, credential)?;
    let case = match (active, context.rank(entity.entity)) {
        (None, _) => "unconfirmed",
        (Some(_), Rank::Zone) => "administrator",
        (Some(_), Rank::Near) => "near",
        (Some(_), Rank::Other) => "other",
    };
    let title = format!("credential `{credential}` of {} was leaked", context.call(entity.entity));
    let seen = |row: &&Attribute| match row.value.rsplit_once('@') {
        Some((place, time)) if !place.is_empty() && !time.is_empty() => format!("seen in `{place}` at {time}"),
        Some(("", time)) if !time.is_empty() => format!("seen at {time}"),
        _ => format!("seen in `{}`", row.value.trim_end_matches('@')),
    };
    let mut evidence: Vec<String> = rows.iter().map(seen).collect();
    evidence.extend([state, context.rank_reason(entity.entity)]);
    let key = vec![credential.to_owned()];
    Some(Draft { entity: entity.entity, case, title, subjects: vec![], key, evidence, cause: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testkit::{World, cases};

    fn leak(world: &mut World, who: crate::model::Handle, id: &str, value: &str) {
        world.builder.attribute(who, &format!("leak:{id}"), value);
    }

    #[test]
    fn an_active_leaked_key_weighs_as_much_as_its_holder() {
        let mut world = World::new();
        let (admin, near, other) = (world.robot("admin"), world.robot("near"), world.robot("other"));
        world.protect(admin, "administrator");
        world.hops(near, Some(2), Some(2));
        for (who, id) in [(admin, "AKIA1"), (near, "AKIA2"), (other, "AKIA3")] {
            world.credential(who, id, CredentialKind::AccessKey, 10, Some(1));
            leak(&mut world, who, id, "repo:app@2026-11-01T00:00:00Z");
        }
        leak(&mut world, other, "AKIA3", "wiki@");
        let found = world.check(&LeakedSecret);
        assert_eq!(cases(&found), [("administrator", "admin"), ("near", "near"), ("other", "other")]);
        assert_eq!(found[0].2.title, "credential `AKIA1` of user `admin` was leaked");
        assert_eq!(found[2].2.evidence[..2], ["seen in `repo:app` at 2026-11-01T00:00:00Z", "seen in `wiki`"]);
    }

    #[test]
    fn a_name_may_be_the_end_of_the_id_and_two_names_are_one_leak() {
        let mut world = World::new();
        let robot = world.robot("robot");
        world.credential(robot, "arn:aws:iam::1:user/robot#access_key_1", CredentialKind::AccessKey, 10, Some(1));
        leak(&mut world, robot, "user/robot#access_key_1", "git@2026-11-01");
        leak(&mut world, robot, "arn:aws:iam::1:user/robot#access_key_1", "@2026-11-02");
        // Not behind a separator.
        leak(&mut world, robot, "ey_1", "wiki@");
        let found = world.check(&LeakedSecret);
        assert_eq!(cases(&found), [("other", "robot"), ("unconfirmed", "robot")]);
        assert_eq!(found[0].2.evidence[..2], ["seen at 2026-11-02", "seen in `git` at 2026-11-01"]);
    }

    #[test]
    fn an_inactive_one_is_over_and_an_unknown_one_is_unconfirmed() {
        let mut world = World::new();
        let (off, silent, numbered, gone) =
            (world.robot("off"), world.robot("silent"), world.robot("numbered"), world.robot("gone"));
        let row = world.credential(off, "AKIA1", CredentialKind::AccessKey, 10, Some(1));
        world.builder.credentials[row].active = Some(false);
        let row = world.credential(silent, "AKIA2", CredentialKind::AccessKey, 10, Some(1));
        world.builder.credentials[row].active = None;
        world.credential(numbered, "x#access_key_1", CredentialKind::AccessKey, 10, Some(1));
        let row = world.credential(gone, "y#access_key_1", CredentialKind::AccessKey, 10, Some(1));
        world.builder.credentials[row].active = Some(false);
        for (who, id) in [(off, "AKIA1"), (silent, "AKIA2"), (numbered, "AKIA3"), (gone, "AKIA4")] {
            leak(&mut world, who, id, "chat@2026-11-01");
        }
        let found = world.check(&LeakedSecret);
        assert_eq!(cases(&found), [("unconfirmed", "numbered"), ("unconfirmed", "silent")]);
        assert_eq!(found[0].2.evidence[1], "the credential is not in the export under this id");
    }
}
