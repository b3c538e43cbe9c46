//! A trust in an account of someone else that does not ask for an external id.

use std::collections::BTreeMap;

use super::trust::{Restriction, Trustee, lets_act, trustee};
use super::{Context, Draft, Info, Rule};
use crate::model::{EntityId, Trust, TrustKind};

/// See [`Info::meaning`].
pub struct ThirdPartyNoExternalId;

const INFO: Info = Info {
    id: "third-party-no-external-id",
    title: "Third party is trusted without an external id",
    meaning: "An account outside the organisation may act as this principal and needs no external id. A service that \
              acts for many customers can then be talked into acting on this one for another (the confused deputy).",
    remediation: "Agree on an external id with the third party and require it with `sts:ExternalId`; if the account is \
                  yours, name it in `organization.own_accounts`.",
    cases: &[
        ("unknown-account", "an account that the configuration does not know"),
        ("trusted-account", "an account that the configuration names as a trusted third party"),
    ],
};

impl Rule for ThirdPartyNoExternalId {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn check(&self, context: &Context<'_>) -> Vec<Draft> {
        let mut found: BTreeMap<(EntityId, &str), Vec<&Trust>> = BTreeMap::new();
        for row in context.tables.trusts.iter().filter(|row| lets_act(row) && row.kind != TrustKind::SameAccount) {
            let Trustee::Account { account, .. } = trustee(row) else { continue };
            let restriction = Restriction::of(row.condition.as_deref());
            // A session with a second factor is a person's, and the deputy problem is one of services; a member of the
            // organisation is no third party.
            let excused = restriction.external_id || restriction.mfa || restriction.organization;
            if !context.is_own_account(account) && !excused {
                found.entry((row.target, account)).or_default().push(row);
            }
        }
        found.into_iter().map(|((target, account), rows)| draft(context, target, account, &rows)).collect()
    }
}

fn draft(context: &Context<'_>, target: EntityId, account: &str, rows: &[&Trust]) -> Draft {
    let known = context.config.organization.trusted_accounts.contains(account);
    let case = if known { "trusted-account" } else { "unknown-account" };
    let title = format!("account {account} may act as {} without an external id", context.call(target));
    let mut evidence = Vec::new();
    for row in rows {
        evidence.push(format!("trusts `{}`", row.trustee_pattern));
        evidence.push(context.cite(row.grant));
    }
    let subjects = rows.iter().filter_map(|row| row.trustee).collect();
    Draft { entity: target, case, title, subjects, key: vec![account.to_owned()], evidence, cause: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testkit::{World, cases};

    #[test]
    fn foreign_accounts_without_external_id_are_found_known_ones_as_lesser() {
        let mut world = World::new();
        let (a, b) = (world.role("a"), world.role("b"));
        world.trust(a, "AWS:arn:aws:iam::999999999999:role/scanner", TrustKind::External, None);
        world.trust(b, "AWS:333333333333", TrustKind::CrossAccount, None);
        world.config.organization.trusted_accounts.insert("333333333333".into());
        let found = world.check(&ThirdPartyNoExternalId);
        assert_eq!(cases(&found), [("unknown-account", "a"), ("trusted-account", "b")]);
        assert_eq!(found[0].2.title, "account 999999999999 may act as role `a` without an external id");
    }

    #[test]
    fn an_external_id_an_own_account_or_a_service_is_no_finding() {
        let mut world = World::new();
        let role = world.role("a");
        let external_id = r#"{"StringEquals":{"sts:ExternalId":["4711"]}}"#;
        world.trust(role, "AWS:arn:aws:iam::999999999999:root", TrustKind::External, Some(external_id));
        world.trust(role, "AWS:arn:aws:iam::111111111111:root", TrustKind::SameAccount, None);
        world.trust(role, "Service:ec2.amazonaws.com", TrustKind::Service, None);
        let member = r#"{"StringEquals":{"aws:PrincipalOrgID":["o-abc"]}}"#;
        world.trust(role, "AWS:arn:aws:iam::888888888888:root", TrustKind::CrossAccount, Some(member));
        assert!(world.check(&ThirdPartyNoExternalId).is_empty());
    }
}
