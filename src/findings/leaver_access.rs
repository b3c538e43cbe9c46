//! Somebody who left and whose own identities still work.

use super::facts::{count, short_list};
use super::keys::{is_key, noun};
use super::lifecycle::people;
use super::orphaned_nhi::is_privileged;
use super::{Context, DAY, Draft, Info, LastUse, Rule};
use crate::model::{Credential, CredentialKind, Entity, EntityId, Person, text};

/// See [`Info::meaning`].
pub struct LeaverAccess;

const INFO: Info = Info {
    id: "leaver-access",
    title: "Identity of a leaver still works",
    meaning: "Somebody has left by the record of people, and an identity of theirs is still there: with a password, \
              an active key or an enabled account they, or whoever has their secrets, can still come in. All \
              identities of one person are one finding.",
    remediation: "Disable the identities, delete their credentials and end their sessions; then remove them, and look \
                  through what was done with them after the last day.",
    cases: &[
        ("used-after-leaving", "an identity was used after the day after the last day"),
        ("privileged", "one that works is in the protected zone or has a certain path into it"),
        ("usable", "one has an active key or password, or is an enabled account of a directory"),
        ("undetermined", "the export does not say whether anyone can sign in with it"),
        ("residual", "nothing is known that works with it; the identity itself is left over"),
    ],
};

/// Order of the cases of single identities, the worst first.
const ORDER: [&str; 5] = ["used-after-leaving", "privileged", "usable", "undetermined", "residual"];

impl Rule for LeaverAccess {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn check(&self, context: &Context<'_>) -> Vec<Draft> {
        let leavers = context.lifecycle().offboarding.leavers.iter();
        leavers.filter_map(|leaver| draft(context, &context.tables.people[leaver.person], &leaver.identities)).collect()
    }
}

/// Whether an identity lets anyone in.
enum Entry {
    /// By these.
    Works(Vec<String>),
    /// By nothing that is known.
    Nothing,
    Unknown,
}

fn draft(context: &Context<'_>, person: &Person, identities: &[EntityId]) -> Option<Draft> {
    let mut found: Vec<(usize, EntityId, Vec<String>)> = Vec::new();
    for &id in identities {
        let entity = context.tables.entity(id);
        if entity.is_principal() && entity.enabled != Some(false) {
            let (case, facts) = judge(context, person, entity);
            found.push((ORDER.iter().position(|one| *one == case)?, id, facts));
        }
    }
    // The person's main identity speaks for several that are as bad.
    found.sort_by_key(|(case, _, _)| *case);
    let (worst, first, _) = found.first()?;
    let who = people::call(person);
    let when = match person.left_at {
        Some(left) => format!("left {} ago", count(context.days_since(left) as usize, "day")),
        None => "left".to_owned(),
    };
    let mut what = context.call(*first);
    if found.len() > 1 {
        what = format!("{what} and {}", count(found.len() - 1, "other identity").replace("identitys", "identities"));
    }
    let title = match ORDER[*worst] {
        "used-after-leaving" => format!("{who} {when}, and {what} was used since"),
        "undetermined" => format!("{who} {when}, and whether {what} still works is not known"),
        "residual" => format!("{who} {when}, and {what} is left over"),
        _ => format!("{who} {when} and can still come in as {what}"),
    };
    let mut evidence = vec![match person.left_at {
        Some(left) => format!("the record of people says that they left on {}", text::format_time(left)),
        None => "the record of people says that they left, and not when".to_owned(),
    }];
    evidence.extend(found.iter().flat_map(|(_, _, facts)| facts.iter().cloned()));
    Some(Draft {
        entity: *first,
        case: ORDER[*worst],
        title,
        subjects: found.iter().map(|(_, id, _)| *id).filter(|id| id != first).collect(),
        key: vec![person.person.clone()],
        evidence,
        cause: None,
    })
}

fn judge(context: &Context<'_>, person: &Person, entity: &Entity) -> (&'static str, Vec<String>) {
    let who = context.call(entity.entity);
    let mut facts = Vec::new();
    let used = match (context.last_use(entity), person.left_at) {
        // Times of use are days in some exports, so the day after may still be the last day elsewhere.
        (LastUse::At(then), Some(left)) if then >= left.saturating_add(2 * DAY) => Some(then),
        _ => None,
    };
    if let Some(then) = used {
        facts.push(format!("{who} was last used {}, after they left", text::format_time(then)));
    }
    let entry = entry(context, entity);
    match &entry {
        Entry::Works(ways) => facts.push(format!("{who} works: {}", ways.join(", "))),
        Entry::Nothing => facts.push(format!("{who} exists, and no credential of it works")),
        Entry::Unknown => facts.push(format!("{who} exists, and the export does not list its credentials")),
    }
    let works = matches!(entry, Entry::Works(_));
    if works {
        facts.extend(reach(context, entity));
    }
    let case = match entry {
        _ if used.is_some() => "used-after-leaving",
        Entry::Works(_) if is_privileged(context, entity) => "privileged",
        Entry::Works(_) => "usable",
        Entry::Unknown => "undetermined",
        Entry::Nothing => "residual",
    };
    (case, facts)
}

fn entry(context: &Context<'_>, entity: &Entity) -> Entry {
    let rows = context.credentials(entity.entity);
    let valid = |row: &&Credential| row.expires_at.is_none_or(|end| end > context.facts.as_of);
    let proves = |row: &&Credential| row.kind != CredentialKind::Mfa;
    let mut ways: Vec<String> = rows
        .iter()
        .filter(proves)
        .filter(valid)
        .filter(|row| row.active == Some(true))
        .map(|row| {
            if is_key(row.kind) {
                format!("{} `{}`", noun(row.kind), row.credential)
            } else {
                noun(row.kind).to_owned()
            }
        })
        .collect();
    let known_password = rows.iter().any(|row| row.kind == CredentialKind::Password);
    if !known_password && context.tables.attribute(entity.entity, "login_profile").is_some() {
        ways.push("a login profile".to_owned());
    }
    if ways.is_empty() && entity.enabled == Some(true) && !rows.iter().any(|row| proves(&row)) {
        ways.push("the account is enabled".to_owned());
    }
    let mut open = rows.iter().filter(proves).filter(valid).filter(|row| row.active.is_none());
    let silent = context.tables.attribute(entity.entity, "console_password") == Some("false");
    if !ways.is_empty() {
        Entry::Works(ways)
    } else if open.next().is_some() || (!rows.iter().any(|row| proves(&row)) && !silent) {
        Entry::Unknown
    } else {
        Entry::Nothing
    }
}

/// What one can reach who comes in, in words.
pub(super) fn reach(context: &Context<'_>, entity: &Entity) -> Option<String> {
    let who = context.call(entity.entity);
    if let Some(reason) = context.zone_reason(entity.entity) {
        return Some(format!("{who} is in the protected zone: {reason}"));
    }
    if let Some(hops) = context.hops_certain(entity.entity) {
        return Some(format!("{who} reaches the protected zone in {}", count(hops as usize, "step")));
    }
    if let Some(hops) = context.hops_possible(entity.entity) {
        return Some(format!("{who} perhaps reaches the protected zone in {}", count(hops as usize, "step")));
    }
    let changing = |level: &str| matches!(level, "write" | "permissions");
    let mut services: Vec<&str> = context
        .access(entity.entity)
        .iter()
        .filter(|row| changing(&row.level))
        .map(|row| row.service.as_str())
        .collect();
    services.dedup();
    (!services.is_empty()).then(|| format!("{who} may change things in {}", short_list(&services)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testkit::{World, ago, cases};
    use crate::model::{Handle, PersonStatus};

    fn one(prepare: impl FnOnce(&mut World, Handle)) -> Vec<(&'static str, String, Draft)> {
        let mut world = World::new();
        let ann = world.user("ann");
        prepare(&mut world, ann);
        world.leaver("ann", 41, ann);
        world.check(&LeaverAccess)
    }

    #[test]
    fn a_password_or_an_active_key_of_a_leaver_works() {
        let key = one(|world, ann| _ = world.credential(ann, "AKIA1", CredentialKind::AccessKey, 100, Some(50)));
        assert_eq!(cases(&key), [("usable", "ann")]);
        assert_eq!(key[0].2.title, "`ann` left 41 days ago and can still come in as user `ann`");
        assert_eq!(key[0].2.evidence[1], "user `ann` works: access key `AKIA1`");
        let password = one(|world, ann| _ = world.credential(ann, "p", CredentialKind::Password, 100, Some(50)));
        assert_eq!(cases(&password), [("usable", "ann")]);
        let profile = one(|world, ann| world.builder.attribute(ann, "login_profile", "2020-01-01"));
        assert_eq!(cases(&profile), [("usable", "ann")]);
        let enabled = one(|world, ann| world.edit(ann, |entity| entity.enabled = Some(true)));
        assert_eq!(cases(&enabled), [("usable", "ann")]);
    }

    #[test]
    fn what_does_not_work_is_left_over_and_what_is_not_listed_is_not_decided() {
        let off = one(|world, ann| {
            let at = world.credential(ann, "AKIA1", CredentialKind::AccessKey, 100, Some(50));
            world.builder.credentials[at].active = Some(false);
        });
        assert_eq!(cases(&off), [("residual", "ann")]);
        let expired = one(|world, ann| {
            let at = world.credential(ann, "t", CredentialKind::Token, 100, Some(50));
            world.builder.credentials[at].expires_at = ago(0);
        });
        assert_eq!(cases(&expired), [("residual", "ann")]);
        assert_eq!(cases(&one(|_, _| ())), [("undetermined", "ann")]);
        let open = one(|world, ann| {
            let at = world.credential(ann, "AKIA1", CredentialKind::AccessKey, 100, Some(50));
            world.builder.credentials[at].active = None;
        });
        assert_eq!(cases(&open), [("undetermined", "ann")]);
        assert!(one(|world, ann| world.edit(ann, |entity| entity.enabled = Some(false))).is_empty());
    }

    #[test]
    fn an_identity_that_is_declared_to_be_theirs_is_theirs_whatever_it_looks_like() {
        let mut world = World::new();
        let keyed = world.robot("ann-keys");
        world.credential(keyed, "AKIA1", CredentialKind::AccessKey, 100, Some(50));
        world.leaver("ann", 41, keyed);
        assert_eq!(cases(&world.check(&LeaverAccess)), [("usable", "ann-keys")]);
    }

    #[test]
    fn use_is_after_leaving_from_two_days_after_the_last_day_on() {
        let used =
            |days| one(move |world, ann| _ = world.credential(ann, "k", CredentialKind::AccessKey, 100, Some(days)));
        assert_eq!(cases(&used(39)), [("used-after-leaving", "ann")]);
        assert_eq!(cases(&used(40)), [("usable", "ann")]);
    }

    #[test]
    fn privilege_decides_over_plain_use_and_all_identities_are_one_finding() {
        let mut world = World::new();
        let (main, admin) = (world.user("ann"), world.user("ann-admin"));
        for (who, key) in [(main, "a"), (admin, "b")] {
            world.credential(who, key, CredentialKind::AccessKey, 100, Some(60));
        }
        world.hops(admin, Some(1), Some(1));
        world.leaver("ann", 41, main);
        world.identity_of("ann", admin, 1.0);
        let found = world.check(&LeaverAccess);
        assert_eq!(cases(&found), [("privileged", "ann-admin")]);
        assert_eq!(found[0].2.subjects.len(), 1);
        assert!(found[0].2.title.ends_with("as user `ann-admin` and 1 other identity"), "{}", found[0].2.title);
    }

    #[test]
    fn whoever_has_not_left_yet_or_has_no_identity_is_no_finding() {
        let mut world = World::new();
        let (ann, bob) = (world.user("ann"), world.user("bob"));
        for (who, key) in [(ann, "a"), (bob, "b")] {
            world.credential(who, key, CredentialKind::AccessKey, 100, Some(60));
        }
        world.leaver("ann", -1, ann);
        world.person_of("bob", PersonStatus::Active, None);
        world.identity_of("bob", bob, 1.0);
        world.person_of("eve", PersonStatus::Leaver, Some(3));
        assert!(world.check(&LeaverAccess).is_empty());
    }
}
