//! A trust in a whole foreign account or in a federated provider that asks nothing more.

use std::collections::BTreeMap;

use super::trust::{Restriction, Trustee, is_public_issuer, lets_act, trustee};
use super::{Context, Draft, Info, Rule};
use crate::model::{EntityId, Trust, TrustKind};

/// See [`Info::meaning`].
pub struct UnconditionedExternalTrust;

const INFO: Info = Info {
    id: "unconditioned-external-trust",
    title: "Outside account or provider is trusted without condition",
    meaning: "Everyone whom the outside account, or the federated provider, lets in may act as this principal. An \
              OpenID Connect provider that serves the public lets in anyone who registers, so a trust in it needs a \
              condition on the subject; an audience is the same for all tenants and keeps nobody out.",
    remediation: "Add a condition: the subject (repository, project, service account) for OpenID Connect, \
                  `aws:PrincipalArn` or `aws:PrincipalOrgID` and an external id for an account, the audience for SAML.",
    cases: &[
        ("oidc-public", "an issuer that serves the public, without a condition on the subject"),
        ("oidc", "an issuer of one's own, without a condition on the subject"),
        ("account", "a whole account outside the organisation, without condition"),
        ("federated", "another federated provider, without condition"),
    ],
};

impl Rule for UnconditionedExternalTrust {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn check(&self, context: &Context<'_>) -> Vec<Draft> {
        let mut found: BTreeMap<(EntityId, String), (&'static str, Vec<&Trust>)> = BTreeMap::new();
        for row in context.tables.trusts.iter().filter(|row| lets_act(row)) {
            if let Some((case, who)) = unconditioned(context, row) {
                found.entry((row.target, who)).or_insert((case, vec![])).1.push(row);
            }
        }
        found.into_iter().map(|((target, who), (case, rows))| draft(context, target, who, case, &rows)).collect()
    }
}

fn unconditioned(context: &Context<'_>, row: &Trust) -> Option<(&'static str, String)> {
    let restriction = Restriction::of(row.condition.as_deref());
    match trustee(row) {
        Trustee::Oidc { issuer } if !restriction.subject => {
            let case = if is_public_issuer(issuer) { "oidc-public" } else { "oidc" };
            Some((case, issuer.to_owned()))
        }
        Trustee::Provider { id } if !restriction.any() => Some(("federated", id.to_owned())),
        Trustee::Account { account, whole: true } if !restriction.any() && row.kind != TrustKind::SameAccount => {
            let known =
                context.is_own_account(account) || context.config.organization.trusted_accounts.contains(account);
            (!known).then(|| ("account", account.to_owned()))
        }
        _ => None,
    }
}

fn draft(context: &Context<'_>, target: EntityId, who: String, case: &'static str, rows: &[&Trust]) -> Draft {
    let role = context.call(target);
    let title = match case {
        "account" => format!("every principal of outside account {who} may be let act as {role}"),
        "federated" => format!("everyone whom `{who}` signs in may act as {role}"),
        _ => format!("every subject of `{who}` may act as {role}"),
    };
    let mut evidence = Vec::new();
    for row in rows {
        evidence.push(context.cite(row.grant));
        evidence
            .push(row.condition.as_ref().map_or_else(|| "no condition".to_owned(), |text| format!("condition {text}")));
    }
    let subjects = rows.iter().filter_map(|row| row.trustee).collect();
    Draft { entity: target, case, title, subjects, key: vec![who], evidence, cause: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testkit::{World, cases};

    const GITHUB: &str = "Federated:arn:aws:iam::111111111111:oidc-provider/token.actions.githubusercontent.com";
    const SAML: &str = "Federated:arn:aws:iam::111111111111:saml-provider/okta";
    const OTHER: &str = "AWS:arn:aws:iam::999999999999:root";

    #[test]
    fn outside_trusts_without_a_condition_that_restricts_are_found() {
        let mut world = World::new();
        let (a, b, c) = (world.role("a"), world.role("b"), world.role("c"));
        let audience = r#"{"StringEquals":{"token.actions.githubusercontent.com:aud":["sts.amazonaws.com"]}}"#;
        world.trust(a, GITHUB, TrustKind::Federated, Some(audience));
        world.trust(b, SAML, TrustKind::Federated, None);
        world.trust(c, OTHER, TrustKind::External, None);
        world.trust(c, OTHER, TrustKind::External, Some(r#"{"DateLessThan":{"aws:CurrentTime":["2030-01-01"]}}"#));
        let found = world.check(&UnconditionedExternalTrust);
        assert_eq!(cases(&found), [("oidc-public", "a"), ("federated", "b"), ("account", "c")]);
        assert_eq!(found[2].2.evidence.len(), 4, "both statements are cited");
    }

    #[test]
    fn restricted_own_and_knowingly_trusted_ones_are_not() {
        let mut world = World::new();
        let role = world.role("a");
        let subject = r#"{"StringLike":{"token.actions.githubusercontent.com:sub":["repo:octo/app:*"]}}"#;
        world.trust(role, GITHUB, TrustKind::Federated, Some(subject));
        world.trust(
            role,
            SAML,
            TrustKind::Federated,
            Some(r#"{"StringEquals":{"SAML:aud":["https://signin.aws.amazon.com/saml"]}}"#),
        );
        world.trust(role, OTHER, TrustKind::External, Some(r#"{"StringEquals":{"sts:ExternalId":["x"]}}"#));
        world.trust(role, "AWS:arn:aws:iam::222222222222:root", TrustKind::CrossAccount, None);
        world.trust(role, "AWS:arn:aws:iam::333333333333:root", TrustKind::External, None);
        world.config.organization.own_accounts.insert("222222222222".into());
        world.config.organization.trusted_accounts.insert("333333333333".into());
        assert!(world.check(&UnconditionedExternalTrust).is_empty());
    }
}
