//! A key of an account's root.

use super::facts::{count, is_root};
use super::{Context, Draft, Info, Rule};
use crate::model::{Credential, CredentialKind, Entity};

/// See [`Info::meaning`].
pub struct RootAccessKey;

const INFO: Info = Info {
    id: "root-access-key",
    title: "Root of an account has an access key",
    meaning: "The root can do everything in its account, no policy or boundary binds it, and its key asks for no \
              second factor. There is no task that needs such a key.",
    remediation: "Delete the key; where something uses it, give that a role of its own first.",
    cases: &[("active", "the key works, or nothing says that it does not")],
};

impl Rule for RootAccessKey {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn check(&self, context: &Context<'_>) -> Vec<Draft> {
        let roots = context.tables.entities.iter().filter(|entity| entity.present && is_root(entity));
        let keys = |entity| {
            let rows = context.live_keys(entity).filter(|row| row.kind == CredentialKind::AccessKey);
            rows.map(move |row| draft(context, entity, row))
        };
        roots.flat_map(keys).collect()
    }
}

fn draft(context: &Context<'_>, entity: &Entity, row: &Credential) -> Draft {
    let account = super::trust::account_of(&entity.id).unwrap_or(&entity.id);
    let used = match context.key_unused_days(row) {
        Some((days, super::LastUse::At(_))) => format!("last used {} ago", count(days as usize, "day")),
        Some(_) => "never used".to_owned(),
        None => "its last use is unknown".to_owned(),
    };
    let age = context.key_age_days(row).map(|days| format!("made or changed {} ago", count(days as usize, "day")));
    let state = if row.active == Some(true) { "the key is active" } else { "whether the key is active is unknown" };
    let mut evidence = vec![state.to_owned(), used];
    evidence.extend(age);
    let title = format!("root of account {account} has the access key `{}`", row.credential);
    Draft {
        entity: entity.entity,
        case: "active",
        title,
        subjects: vec![],
        key: vec![row.credential.clone()],
        evidence,
        cause: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testkit::{World, cases};

    #[test]
    fn an_active_root_key_is_found_and_others_are_not() {
        let mut world = World::new();
        let (root, user) = (world.root(), world.user("root"));
        world.credential(root, "AKIA1", CredentialKind::AccessKey, 10, None);
        let off = world.credential(root, "AKIA2", CredentialKind::AccessKey, 10, None);
        world.builder.credentials[off].active = Some(false);
        world.credential(root, "password", CredentialKind::Password, 10, Some(1));
        world.credential(user, "AKIA3", CredentialKind::AccessKey, 10, None);
        let found = world.check(&RootAccessKey);
        assert_eq!(cases(&found), [("active", "<root_account>")]);
        assert_eq!(found[0].2.title, "root of account 111111111111 has the access key `AKIA1`");
        assert_eq!(found[0].2.evidence, ["the key is active", "never used", "made or changed 10 days ago"]);
    }
}
