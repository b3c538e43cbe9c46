//! I6: no new static credential where federation is possible, and none that lives longer than its tier lets it.

use super::{Cited, Facts, Invariant, Status, Witness, worst};
use crate::model::{Credential, CredentialKind, Entity, EntityKind};
use crate::platforms::{self, Platform};

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

/// See [`Invariant::title`].
pub struct Credentials;

impl Invariant for Credentials {
    fn id(&self) -> &'static str {
        "I6"
    }

    fn title(&self) -> &'static str {
        "No new static credential where federation is possible; its life is within its tier."
    }

    fn check(&self, facts: &Facts<'_>) -> (Status, Vec<Witness>) {
        let fresh = facts.delta.credentials.added.iter().filter(|row| is_secret(row) && row.active != Some(false));
        let mut found = Vec::new();
        for row in fresh {
            let entity = facts.after().entity(row.entity);
            let same = |old: &&Credential| old.credential == row.credential && old.kind == row.kind;
            let known = facts.delta.credentials.removed.iter().find(same).filter(|old| old.active == Some(true));
            found.extend(judge(facts, row, entity, known.is_some()));
        }
        found.extend(facts.delta.created.iter().filter_map(|&one| stored(facts.after().entity(one))));
        worst(found)
    }
}

/// A secret that is kept as a thing of its own, such as a token that a cluster stores: it is static, and without an end.
fn stored(entity: &Entity) -> Option<(Status, Witness)> {
    let says = || format!("`{}` is a stored credential, which whoever reads it can use without an end", entity.id);
    let witness = || Witness::with(says(), vec![Cited::after("entities", &entity.id)]);
    (entity.kind == EntityKind::Credential).then(|| (Status::Block, witness()))
}

/// Whether whoever has it can use it for as long as it lives.
fn is_secret(row: &Credential) -> bool {
    !matches!(row.kind, CredentialKind::Federated | CredentialKind::Mfa)
}

fn judge(facts: &Facts<'_>, row: &Credential, entity: &Entity, rotated: bool) -> Option<(Status, Witness)> {
    let rows = vec![Cited::after("credentials", &row.credential), Cited::after("entities", &entity.id)];
    let what = format!("`{}` ({}) of `{}`", row.credential, row.kind, entity.id);
    let machine = entity.nhi != Some(false);
    if machine && !rotated && platforms::of(&entity.platform).is_some_and(Platform::has_federation) {
        let says =
            format!("{what} is a static credential of a machine identity, where {} has federation", entity.platform);
        return Some((Status::Block, Witness::with(says, rows)));
    }
    let days_max = facts.base.terms.credential_days_max(facts.tier);
    let from = row.last_rotated_at.max(row.created_at).unwrap_or(facts.base.now);
    let Some(end) = row.expires_at else {
        if rotated {
            // It had no end before: a new secret is no worse, and is a person's decision by its kind.
            return None;
        }
        let says = format!("{what} has no end; {} days are the most in tier {}", days_max, facts.tier);
        return Some((Status::Block, Witness::with(says, rows)));
    };
    let days = (end - from).max(0) / DAY;
    (days > i64::from(days_max)).then(|| {
        let says = format!("{what} lives {days} days; {days_max} are the most in tier {}", facts.tier);
        (Status::Block, Witness::with(says, rows))
    })
}
