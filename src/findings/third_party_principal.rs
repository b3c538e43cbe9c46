//! An account of somebody else that may act inside the organisation, with more than it should or for nothing.

use std::collections::BTreeMap;

use super::facts::{count, short_list};
use super::leaver_access::reach;
use super::orphaned_nhi::is_privileged;
use super::trust::{Restriction, Trustee, lets_act, trustee};
use super::{Context, Draft, Info, LastUse, Rule};
use crate::model::{EntityId, Trust, TrustKind, text};

/// See [`Info::meaning`].
pub struct ThirdPartyPrincipal;

const INFO: Info = Info {
    id: "third-party-principal",
    title: "Third party with a way in that is dangerous or unused",
    meaning: "An account that is not the organisation's may act as identities inside it, and one of them reaches the \
              protected zone for certain, or none of them was used for `thresholds.unused_days_max` days or more. \
              What happens to that party happens to the organisation. All that one account may act as is one finding; \
              whether the trust is safely conditioned is asked by `third-party-no-external-id` and \
              `unconditioned-external-trust`.",
    remediation: "Take away what the third party does not need, and the whole trust when it is not used; name accounts \
                  of one's own as `organization.own_accounts`.",
    cases: &[
        ("privileged-unused", "it reaches the protected zone, and nothing that it may act as is used"),
        ("privileged", "it reaches the protected zone"),
        ("trusted-privileged", "it reaches the protected zone, and the configuration names it as trusted knowingly"),
        ("unused", "nothing that it may act as is used"),
    ],
};

/// Identities that a finding tells about one by one; how many more there are is said.
const SHOWN: usize = 10;

impl Rule for ThirdPartyPrincipal {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn check(&self, context: &Context<'_>) -> Vec<Draft> {
        let mut parties: BTreeMap<&str, Vec<&Trust>> = BTreeMap::new();
        for row in context.tables.trusts.iter().filter(|row| lets_act(row) && row.kind != TrustKind::SameAccount) {
            let Trustee::Account { account, .. } = trustee(row) else { continue };
            let ours = context.is_own_account(account) || Restriction::of(row.condition.as_deref()).organization;
            if !ours && context.tables.entity(row.target).is_principal() {
                parties.entry(account).or_default().push(row);
            }
        }
        parties.into_iter().filter_map(|(account, rows)| draft(context, account, &rows)).collect()
    }
}

fn draft(context: &Context<'_>, account: &str, rows: &[&Trust]) -> Option<Draft> {
    let mut targets: Vec<EntityId> = rows.iter().map(|row| row.target).collect();
    targets.sort_unstable();
    targets.dedup();
    let entity = |id: EntityId| context.tables.entity(id);
    let privileged = targets.iter().copied().find(|&id| is_privileged(context, entity(id)));
    let idle: Option<Vec<(u32, LastUse)>> = targets.iter().map(|&id| context.unused_days(entity(id))).collect();
    let limit = context.config.thresholds.unused_days_max;
    let unused = idle.is_some_and(|idle| idle.iter().all(|(days, _)| *days >= limit));
    let trusted = context.config.organization.trusted_accounts.contains(account);
    let case = match (privileged.is_some(), unused) {
        (true, true) => "privileged-unused",
        (true, false) if trusted => "trusted-privileged",
        (true, false) => "privileged",
        (false, true) => "unused",
        (false, false) => return None,
    };
    let names: Vec<&str> = targets.iter().map(|&id| entity(id).name.as_str()).collect();
    let what = match targets[..] {
        [one] => context.call(one),
        _ => count(targets.len(), "identity").replace("identitys", "identities"),
    };
    let idle = if targets.len() == 1 { "which nobody uses" } else { "none of which is used" };
    let title = match (privileged, unused) {
        (Some(near), false) if targets.len() > 1 => {
            format!("account {account} may act as {what}, among them the privileged {}", context.call(near))
        }
        (Some(_), false) => format!("account {account} may act as the privileged {what}"),
        (Some(near), true) if targets.len() > 1 => {
            format!("account {account} may act as {what}, among them the privileged {}, {idle}", context.call(near))
        }
        (Some(_), true) => format!("account {account} may act as the privileged {what}, {idle}"),
        (None, _) => format!("account {account} may act as {what}, {idle}"),
    };
    let mut evidence = vec![format!("trusted by {}", short_list(&names))];
    evidence.extend(targets.iter().take(SHOWN).filter_map(|&id| reach(context, entity(id))));
    evidence.extend(targets.iter().take(SHOWN).map(|&id| use_of(context, id)));
    evidence.extend(rows.iter().take(SHOWN).map(|row| context.cite(row.grant)));
    let about = context.tables.find(&format!("aws:account/{account}")).unwrap_or(targets[0]);
    let subjects = targets.into_iter().filter(|&id| id != about).collect();
    Some(Draft { entity: about, case, title, subjects, key: vec![account.to_owned()], evidence, cause: None })
}

fn use_of(context: &Context<'_>, id: EntityId) -> String {
    let who = context.call(id);
    match context.last_use(context.tables.entity(id)) {
        LastUse::At(then) => format!("{who} was last used {}", text::format_time(then)),
        LastUse::Never => format!("{who} was watched and never seen in use"),
        LastUse::Unknown => format!("when {who} was last used is not known"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testkit::{World, ago, cases};
    use crate::model::Handle;

    const VENDOR: &str = "AWS:arn:aws:iam::999999999999:root";

    /// A role that a third party may assume, last used so many days ago.
    fn one(used: Option<i64>, near: Option<u32>, prepare: impl FnOnce(&mut World, Handle)) -> Vec<&'static str> {
        let mut world = World::new();
        let role = world.role("vendor");
        world.edit(role, |entity| entity.last_used_at = used.and_then(ago));
        world.hops(role, near, near);
        world.trust(role, VENDOR, TrustKind::CrossAccount, None);
        prepare(&mut world, role);
        world.check(&ThirdPartyPrincipal).into_iter().map(|(case, _, _)| case).collect()
    }

    #[test]
    fn a_third_party_is_judged_by_what_it_reaches_and_whether_it_uses_it() {
        assert_eq!(one(Some(90), None, |_, _| ()), ["unused"]);
        assert!(one(Some(89), None, |_, _| ()).is_empty());
        assert!(one(None, None, |_, _| ()).is_empty(), "nobody knows whether it is used");
        assert_eq!(one(Some(1), Some(2), |_, _| ()), ["privileged"]);
        assert_eq!(one(Some(90), Some(2), |_, _| ()), ["privileged-unused"]);
        assert_eq!(one(None, Some(2), |_, _| ()), ["privileged"]);
    }

    #[test]
    fn own_accounts_members_of_the_organisation_and_trusted_parties_are_told_apart() {
        let own = |world: &mut World, _: Handle| {
            world.config.organization.own_accounts.insert("999999999999".to_owned());
        };
        assert!(one(Some(90), Some(1), own).is_empty());
        let trusted = |world: &mut World, _: Handle| {
            world.config.organization.trusted_accounts.insert("999999999999".to_owned());
        };
        assert_eq!(one(Some(1), Some(1), trusted), ["trusted-privileged"]);
        let mut world = World::new();
        let role = world.role("member");
        world.hops(role, Some(1), Some(1));
        let condition = r#"{"StringEquals":{"aws:PrincipalOrgID":"o-abc"}}"#;
        world.trust(role, VENDOR, TrustKind::CrossAccount, Some(condition));
        assert!(world.check(&ThirdPartyPrincipal).is_empty());
    }

    #[test]
    fn all_identities_of_one_party_are_one_finding() {
        let mut world = World::new();
        for (name, days) in [("a", 100), ("b", 1)] {
            let role = world.role(name);
            world.edit(role, |entity| entity.last_used_at = ago(days));
        }
        let (a, b) = (world.role("a"), world.role("b"));
        world.trust(a, VENDOR, TrustKind::CrossAccount, None);
        world.trust(b, "AWS:arn:aws:iam::999999999999:role/agent", TrustKind::CrossAccount, None);
        world.hops(b, Some(1), Some(1));
        world.may(a, "s3", "write", 1, 5.0);
        let found = world.check(&ThirdPartyPrincipal);
        assert_eq!(cases(&found), [("privileged", "a")]);
        let draft = &found[0].2;
        assert_eq!(draft.title, "account 999999999999 may act as 2 identities, among them the privileged role `b`");
        assert_eq!(draft.subjects.len(), 1);
        assert!(draft.evidence.contains(&"role `a` may change things in `s3`".to_owned()), "{:?}", draft.evidence);
    }
}
