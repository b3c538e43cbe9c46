//! Credential hygiene.

use super::{Component, Condition, Measured, noisy_or};
use crate::config::RiskWeights;
use crate::findings::facts::{count, is_root};
use crate::findings::{Context, LastUse};
use crate::model::{CredentialKind, Entity, EntityKind};

/// See [`Component::definition`].
pub struct Credential;

impl Component for Credential {
    fn id(&self) -> &'static str {
        "credential"
    }

    fn definition(&self) -> &'static str {
        "1 - product of (1 - weight) over the sub-conditions of `[credential]` that hold: a key of a root, a password \
         without a second factor, an old key, a very old one, an unused one, a second active one, a static one at all. \
         Each counts once however many keys it holds for. High end: conditions that the export does not decide count. \
         Unknown when the export says nothing of the principal's credentials; not applicable to roles, which are \
         assumed with temporary ones."
    }

    fn weight(&self, weights: &RiskWeights) -> f64 {
        weights.credential
    }

    fn measure(&self, context: &Context<'_>, entity: &Entity) -> Measured {
        if context.credentials(entity.entity).is_empty() {
            return match entity.kind {
                EntityKind::Role => Measured::NotApplicable { why: "a role has no credential of its own".to_owned() },
                _ => Measured::Unknown { why: "the export says nothing of its credentials".to_owned() },
            };
        }
        let mut conditions = of_keys(context, entity);
        conditions.push(Condition {
            weight: context.config.credential.console_without_mfa,
            holds: without_mfa(context, entity),
            words: "signs in with a password and no second factor".to_owned(),
        });
        noisy_or(&conditions, "its credentials are in order")
    }
}

/// Whether a password stands alone; an identity whose credentials are known and have no password has none.
fn without_mfa(context: &Context<'_>, entity: &Entity) -> Option<bool> {
    let has_password = context.credentials(entity.entity).iter().any(|row| row.kind == CredentialKind::Password);
    if has_password { context.lacks_mfa(entity) } else { Some(false) }
}

fn of_keys(context: &Context<'_>, entity: &Entity) -> Vec<Condition> {
    let (weights, limits) = (&context.config.credential, &context.config.thresholds);
    let keys: Vec<_> = context.live_keys(entity).collect();
    let ages: Vec<Option<u32>> = keys.iter().map(|row| context.key_age_days(row)).collect();
    let idle: Vec<Option<bool>> =
        keys.iter().map(|row| Some(context.key_unused_days(row)?.0 >= limits.unused_days_review)).collect();
    let older = |limit: u32| any(ages.iter().map(|age| age.map(|age| age > limit)));
    let oldest = ages
        .iter()
        .flatten()
        .max()
        .map_or_else(|| "of unknown age".to_owned(), |&age| format!("{} old", count(age as usize, "day")));
    let access_keys = keys.iter().filter(|row| row.kind == CredentialKind::AccessKey);
    let sure = access_keys.clone().filter(|row| row.active == Some(true)).count();
    let second = if sure > 1 {
        Some(true)
    } else if access_keys.clone().count() > 1 {
        None
    } else {
        Some(false)
    };
    let never = keys.iter().any(|row| matches!(context.key_unused_days(row), Some((_, LastUse::Never))));
    let unused = if never { "has a key that was never used" } else { "has a key that is not used" };
    let condition = |weight, holds, words: &str| Condition { weight, holds, words: words.to_owned() };
    vec![
        condition(
            weights.root_key,
            Some(is_root(entity) && access_keys.clone().next().is_some()),
            "is a root with an access key",
        ),
        condition(weights.key_old, older(limits.key_age_days_max), &format!("has a key {oldest}")),
        condition(weights.key_very_old, older(limits.key_age_days_critical), "has a very old key"),
        condition(weights.key_unused, any(idle.iter().copied()), unused),
        condition(weights.second_active_key, second, "has more than one active access key"),
        condition(
            weights.static_key,
            Some(keys.iter().any(|row| row.expires_at.is_none())),
            "has a key that does not end by itself",
        ),
    ]
}

/// Whether it holds for any: unknown only when it holds for none and some do not say.
fn any(all: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let all: Vec<Option<bool>> = all.collect();
    if all.contains(&Some(true)) {
        return Some(true);
    }
    (!all.contains(&None)).then_some(false)
}

#[cfg(test)]
mod tests {
    use super::any;

    #[test]
    fn one_that_holds_decides_and_unknown_beats_no() {
        assert_eq!(any([None, Some(true)].into_iter()), Some(true));
        assert_eq!(any([None, Some(false)].into_iter()), None);
        assert_eq!(any(std::iter::empty()), Some(false));
    }
}
