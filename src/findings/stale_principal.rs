//! A principal that nobody uses any more.

use super::facts::{count, is_root};
use super::{Context, Draft, Info, LastUse, Rule};
use crate::model::{Entity, text};

/// See [`Info::meaning`].
pub struct StalePrincipal;

const INFO: Info = Info {
    id: "stale-principal",
    title: "Principal is not used",
    meaning: "The principal can be used and was not for `thresholds.unused_days_max` days or more, by anything that \
              the export shows. Its rights serve nobody, and nobody would notice who else uses them. Administrators are told by `dormant-administrator`.",
    remediation: "Ask its owner, disable it, and delete it when nothing breaks.",
    cases: &[
        ("privileged", "in the protected zone, or with a certain path into it"),
        ("never-used", "made at least `thresholds.unused_days_max` days ago and never used while it was watched"),
        ("unused", "not used for `thresholds.unused_days_max` days or more"),
    ],
};

impl Rule for StalePrincipal {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn check(&self, context: &Context<'_>) -> Vec<Draft> {
        // The root of an account is meant to lie idle, and administrators have a rule of their own.
        let able = context.principals().filter(|entity| entity.enabled != Some(false) && !is_root(entity));
        let others = able.filter(|entity| !context.is_administrator(entity));
        others.filter_map(|entity| draft(context, entity)).collect()
    }
}

fn draft(context: &Context<'_>, entity: &Entity) -> Option<Draft> {
    let (days, last) = context.unused_days(entity)?;
    if days < context.config.thresholds.unused_days_max {
        return None;
    }
    let privileged = context.hops_certain(entity.entity).is_some() || context.zone_reason(entity.entity).is_some();
    let case = match last {
        _ if privileged => "privileged",
        LastUse::Never => "never-used",
        _ => "unused",
    };
    let (who, days) = (context.call(entity.entity), count(days as usize, "day"));
    let (title, fact) = match last {
        LastUse::At(then) => {
            (format!("{who} has not been used for {days}"), format!("last used {}", text::format_time(then)))
        }
        _ => (
            format!("{who} was made {days} ago and no use of it is known"),
            format!(
                "made {}; watched, and never seen in use",
                entity.created_at.map(text::format_time).unwrap_or_default()
            ),
        ),
    };
    let mut evidence = vec![fact];
    evidence.extend(entity.last_used_source.as_ref().map(|source| format!("according to {source}")));
    if privileged {
        evidence.push("it is in the protected zone or has a certain path into it".to_owned());
    }
    Some(Draft { entity: entity.entity, case, title, subjects: vec![], key: vec![], evidence, cause: None })
}

impl Context<'_> {
    /// Days for which a principal has not been used: since its latest known use, or since it was made when it was
    /// watched and never used. `None` when the export does not say.
    #[must_use]
    pub fn unused_days(&self, entity: &Entity) -> Option<(u32, LastUse)> {
        match self.last_use(entity) {
            last @ LastUse::At(then) => Some((self.days_since(then), last)),
            LastUse::Never => Some((self.days_since(entity.created_at?), LastUse::Never)),
            LastUse::Unknown => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testkit::{World, ago, cases};
    use crate::model::CredentialKind;

    #[test]
    fn stale_and_never_used_principals_are_found() {
        let mut world = World::new();
        let (old, never, power, keyed) =
            (world.role("old"), world.role("never"), world.role("power"), world.robot("keyed"));
        world.edit(old, |entity| entity.last_used_at = ago(90));
        world.edit(never, |entity| entity.last_used_source = Some("role last used".into()));
        world.edit(power, |entity| entity.last_used_at = ago(120));
        world.hops(power, Some(1), Some(1));
        world.credential(keyed, "AKIA1", CredentialKind::AccessKey, 200, None);
        let found = world.check(&StalePrincipal);
        assert_eq!(
            cases(&found),
            [("never-used", "never"), ("unused", "old"), ("privileged", "power"), ("never-used", "keyed")]
        );
        assert_eq!(found[0].2.title, "role `never` was made 400 days ago and no use of it is known");
    }

    #[test]
    fn recent_unknown_new_and_disabled_ones_are_not() {
        let mut world = World::new();
        let (recent, fresh, off) = (world.role("recent"), world.role("fresh"), world.role("off"));
        world.role("unknown");
        world.edit(recent, |entity| entity.last_used_at = ago(89));
        world.edit(fresh, |entity| {
            entity.last_used_source = Some("role last used".into());
            entity.created_at = ago(20);
        });
        world.edit(off, |entity| {
            entity.last_used_at = ago(500);
            entity.enabled = Some(false);
        });
        assert!(world.check(&StalePrincipal).is_empty());
    }
}
