//! A credential that ends late or never, where it could have an end.

use super::facts::{count, is_root};
use super::keys::noun;
use super::{Context, DAY, Draft, Info, Rule};
use crate::model::{Credential, CredentialKind, Entity, text};

/// See [`Info::meaning`].
pub struct LongLivedCredential;

const INFO: Info = Info {
    id: "long-lived-credential",
    title: "Credential ends late or never",
    meaning: "The credential is of a kind that can be given an end, and it has none, or one further away than \
              `thresholds.credential_life_days_max` after it was made. Certificates and service-specific credentials \
              of AWS users, of which its exports tell no end, are named for what they are: secrets apart from the \
              access keys that everybody watches. Access keys have no end to give and are the matter of `key-age`. An \
              expired or inactive credential is no finding.",
    remediation: "Replace it by one with an early end that is renewed by a machine, or by federation.",
    cases: &[
        ("no-expiry", "it has no end, and its platform offers one"),
        ("far-expiry", "its end is further away than `thresholds.credential_life_days_max`"),
        ("certificate", "an active certificate of an AWS user"),
        ("service-specific", "an active service-specific credential of an AWS user"),
    ],
};

impl Rule for LongLivedCredential {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn check(&self, context: &Context<'_>) -> Vec<Draft> {
        let entities = context.tables.entities.iter().filter(|entity| entity.present && !is_root(entity));
        entities.flat_map(|entity| context.live_keys(entity).filter_map(|row| draft(context, entity, row))).collect()
    }
}

fn draft(context: &Context<'_>, entity: &Entity, row: &Credential) -> Option<Draft> {
    let limit = context.config.thresholds.credential_life_days_max;
    let (case, fact) = match (row.expires_at, entity.platform.as_str(), row.kind) {
        (Some(end), _, _) if end <= context.facts.as_of => return None,
        (Some(end), _, _) => {
            // An end that was pushed out counts from the latest change on.
            let start = row.last_rotated_at.max(row.created_at)?;
            let days = usize::try_from(end.saturating_sub(start) / DAY).ok().filter(|&days| days > limit as usize)?;
            ("far-expiry", format!("ends {}, {} after it was made", text::format_time(end), count(days, "day")))
        }
        (None, "aws", CredentialKind::Certificate) => ("certificate", "a certificate of its own".to_owned()),
        (None, "aws", CredentialKind::Token) => ("service-specific", "works for one service alone".to_owned()),
        (None, "aws", _) | (None, _, CredentialKind::SshKey) => return None,
        (None, _, _) => ("no-expiry", "no end is set".to_owned()),
    };
    let title = match case {
        "no-expiry" => format!("{} `{}` of {} never ends", noun(row.kind), row.credential, context.call(entity.entity)),
        "far-expiry" => format!("{} `{}` of {} ends late", noun(row.kind), row.credential, context.call(entity.entity)),
        _ => format!("{} has the {} `{}`", context.call(entity.entity), noun(row.kind), row.credential),
    };
    let state = if row.active.is_some() { "it is active" } else { "whether it is active is unknown" };
    let evidence = vec![fact, format!("allowed are {}", count(limit as usize, "day")), state.to_owned()];
    let key = vec![row.credential.clone()];
    Some(Draft { entity: entity.entity, case, title, subjects: vec![], key, evidence, cause: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testkit::{NOW, World, ago, cases};

    #[test]
    fn ends_that_are_missing_or_far_are_found_and_the_limit_is_not() {
        let mut world = World::new();
        let app = world.robot("app");
        world.edit(app, |entity| entity.platform = "entra".to_owned());
        for (id, kind, ends) in [
            ("none", CredentialKind::ClientSecret, None),
            ("limit", CredentialKind::ClientSecret, Some(355)),
            ("late", CredentialKind::Certificate, Some(356)),
            ("over", CredentialKind::ClientSecret, Some(0)),
            ("key", CredentialKind::ServiceAccountKey, None),
        ] {
            let at = world.credential(app, id, kind, 10, Some(1));
            world.builder.credentials[at].expires_at = ends.map(|days: i64| NOW + days * DAY);
        }
        let found = world.check(&LongLivedCredential);
        let told: Vec<(&str, &str)> = found.iter().map(|(case, _, draft)| (*case, draft.key[0].as_str())).collect();
        assert_eq!(told, [("no-expiry", "key"), ("far-expiry", "late"), ("no-expiry", "none")]);
        assert!(found[1].2.evidence[0].ends_with("366 days after it was made"));
    }

    #[test]
    fn what_aws_offers_no_end_for_is_told_by_kind_and_access_keys_are_not() {
        let mut world = World::new();
        let robot = world.robot("robot");
        world.credential(robot, "c", CredentialKind::Certificate, 10, None);
        world.credential(robot, "git", CredentialKind::Token, 10, None);
        world.credential(robot, "AKIA1", CredentialKind::AccessKey, 10, None);
        let off = world.credential(robot, "d", CredentialKind::Certificate, 10, None);
        world.builder.credentials[off].active = Some(false);
        assert_eq!(
            cases(&world.check(&LongLivedCredential)),
            [("certificate", "robot"), ("service-specific", "robot")]
        );
    }

    #[test]
    fn a_far_end_of_unknown_beginning_is_not_judged() {
        let mut world = World::new();
        let app = world.robot("app");
        let at = world.credential(app, "x", CredentialKind::Certificate, 10, None);
        (world.builder.credentials[at].created_at, world.builder.credentials[at].expires_at) = (None, ago(-4000));
        assert!(world.check(&LongLivedCredential).is_empty());
    }
}
