//! A password without a second factor.

use super::facts::is_root;
use super::{Context, Draft, Info, Rule};
use crate::model::Entity;

/// See [`Info::meaning`].
pub struct ConsoleUserWithoutMfa;

const INFO: Info = Info {
    id: "console-user-without-mfa",
    title: "User signs in with a password alone",
    meaning: "The user can sign in with a password and has no second factor, so a guessed, reused or phished password \
              is enough. Found only where the export says who has a second factor.",
    remediation: "Enrol a second factor, or remove the password if the user signs in through a provider.",
    cases: &[
        ("root", "the root of an account"),
        ("privileged", "in the protected zone, or a certain path of few steps from it"),
        ("other", "everyone else"),
    ],
};

impl Rule for ConsoleUserWithoutMfa {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn check(&self, context: &Context<'_>) -> Vec<Draft> {
        let entities = context.tables.entities.iter().filter(|entity| entity.present);
        entities.filter(|entity| context.lacks_mfa(entity) == Some(true)).map(|entity| draft(context, entity)).collect()
    }
}

fn draft(context: &Context<'_>, entity: &Entity) -> Draft {
    let of = entity.entity;
    let near = context.hops_certain(of).is_some_and(|hops| hops <= context.config.thresholds.near_hops_max);
    let zone = context.zone_reason(of);
    let case = match () {
        () if is_root(entity) => "root",
        () if zone.is_some() || near => "privileged",
        () => "other",
    };
    let mut evidence = vec!["has an active password and no active second factor".to_owned()];
    evidence.extend(zone.map(str::to_owned));
    if zone.is_none() && near {
        evidence.push("reaches the protected zone in a few certain steps".to_owned());
    }
    let title = format!("{} signs in with a password and no second factor", context.call(of));
    Draft { entity: of, case, title, subjects: vec![], key: vec![], evidence, cause: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testkit::{World, cases};
    use crate::model::CredentialKind;

    fn sign_in(world: &mut World, who: crate::model::Handle, id: &str, mfa: Option<bool>) {
        world.credential(who, &format!("{id}/password"), CredentialKind::Password, 10, Some(1));
        if let Some(active) = mfa {
            let at = world.credential(who, &format!("{id}/mfa"), CredentialKind::Mfa, 10, None);
            world.builder.credentials[at].active = Some(active);
        }
    }

    #[test]
    fn passwords_alone_are_found_and_the_powerful_come_first() {
        let mut world = World::new();
        let (root, admin, near, plain) = (world.root(), world.user("admin"), world.user("near"), world.user("plain"));
        world.protect(admin, "administrator");
        world.hops(near, Some(2), Some(2));
        for (who, id) in [(root, "r"), (admin, "a"), (near, "n"), (plain, "p")] {
            sign_in(&mut world, who, id, Some(false));
        }
        let found = world.check(&ConsoleUserWithoutMfa);
        let expected =
            [("root", "<root_account>"), ("privileged", "admin"), ("privileged", "near"), ("other", "plain")];
        assert_eq!(cases(&found), expected);
    }

    #[test]
    fn a_report_that_lists_factors_as_a_flag_and_the_password_of_a_root_as_open_is_understood() {
        let mut world = World::new();
        let (root, plain) = (world.root(), world.user("plain"));
        for (who, id) in [(root, "r"), (plain, "p")] {
            sign_in(&mut world, who, id, None);
            world.builder.attribute(who, "mfa", "false");
        }
        world.builder.credentials[0].active = None;
        let found = world.check(&ConsoleUserWithoutMfa);
        assert_eq!(cases(&found), [("root", "<root_account>"), ("other", "plain")]);
        assert_eq!(found[0].2.title, "root of account 111111111111 signs in with a password and no second factor");
    }

    #[test]
    fn a_second_factor_no_password_or_no_knowledge_is_no_finding() {
        let mut world = World::new();
        let (safe, keys_only, unknown) = (world.user("safe"), world.user("keys"), world.user("unknown"));
        sign_in(&mut world, safe, "s", Some(true));
        world.credential(keys_only, "AKIA1", CredentialKind::AccessKey, 10, Some(1));
        sign_in(&mut world, unknown, "u", None);
        let stated = world.user("stated");
        sign_in(&mut world, stated, "t", None);
        world.builder.attribute(stated, "mfa", "true");
        assert!(world.check(&ConsoleUserWithoutMfa).is_empty());
    }
}
