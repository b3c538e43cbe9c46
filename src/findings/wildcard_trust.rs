//! A trust that names everyone.

use std::collections::BTreeMap;

use super::trust::{Restriction, Trustee, lets_act, trustee};
use super::{Context, Draft, Info, Rule};
use crate::model::{EntityId, Trust};

/// See [`Info::meaning`].
pub struct WildcardTrust;

const INFO: Info = Info {
    id: "wildcard-trust",
    title: "Anyone may act as this principal",
    meaning: "The trust names every principal of every account, and no condition ties it to an organisation, account or \
              principal. Without any condition whoever knows the name can act as it; an external id alone is a \
              shared secret that was never meant to be one.",
    remediation: "Name the principals that need it, or add a condition on `aws:PrincipalOrgID` or `aws:PrincipalArn`.",
    cases: &[
        ("open", "no condition that keeps anyone out"),
        ("shared-secret", "an external id is all that is asked"),
        ("conditioned", "only a network, second factor or other circumstance is asked"),
    ],
};

impl Rule for WildcardTrust {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn check(&self, context: &Context<'_>) -> Vec<Draft> {
        let mut by_target: BTreeMap<EntityId, Vec<(&Trust, Restriction)>> = BTreeMap::new();
        for row in context.tables.trusts.iter().filter(|row| lets_act(row) && trustee(row) == Trustee::Anyone) {
            let restriction = Restriction::of(row.condition.as_deref());
            if !restriction.identity && !restriction.subject {
                by_target.entry(row.target).or_default().push((row, restriction));
            }
        }
        by_target.into_iter().map(|(target, rows)| draft(context, target, &rows)).collect()
    }
}

fn draft(context: &Context<'_>, target: EntityId, rows: &[(&Trust, Restriction)]) -> Draft {
    let open = rows.iter().any(|(_, restriction)| !restriction.any());
    let circumstance = rows.iter().all(|(_, restriction)| restriction.network || restriction.mfa);
    let case = if open {
        "open"
    } else if circumstance {
        "conditioned"
    } else {
        "shared-secret"
    };
    let title = match case {
        "open" => format!("anyone may act as {}", context.call(target)),
        "conditioned" => format!("anyone may act as {} where a circumstance holds", context.call(target)),
        _ => format!("anyone who knows an external id may act as {}", context.call(target)),
    };
    let mut evidence: Vec<String> = Vec::new();
    for (row, _) in rows {
        evidence.push(context.cite(row.grant));
        evidence
            .push(row.condition.as_ref().map_or_else(|| "no condition".to_owned(), |text| format!("condition {text}")));
    }
    Draft { entity: target, case, title, subjects: vec![], key: vec![], evidence, cause: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testkit::{World, cases};
    use crate::model::TrustKind;

    #[test]
    fn trusts_in_everyone_are_told_apart_by_what_stands_in_the_way() {
        let mut world = World::new();
        let (open, secret, office) = (world.role("open"), world.role("secret"), world.role("office"));
        world.trust(open, "*", TrustKind::External, None);
        world.trust(secret, "AWS:*", TrustKind::External, Some(r#"{"StringEquals":{"sts:ExternalId":["x"]}}"#));
        world.trust(office, "*", TrustKind::External, Some(r#"{"IpAddress":{"aws:SourceIp":["192.0.2.0/24"]}}"#));
        let found = world.check(&WildcardTrust);
        assert_eq!(cases(&found), [("conditioned", "office"), ("open", "open"), ("shared-secret", "secret")]);
        assert_eq!(found[1].2.title, "anyone may act as role `open`");
    }

    #[test]
    fn a_trust_tied_to_the_organisation_or_to_names_is_no_finding() {
        let mut world = World::new();
        let (org, named) = (world.role("org"), world.role("named"));
        world.trust(org, "*", TrustKind::External, Some(r#"{"StringEquals":{"aws:PrincipalOrgID":["o-abc123"]}}"#));
        world.trust(named, "AWS:arn:aws:iam::999999999999:root", TrustKind::External, None);
        assert!(world.check(&WildcardTrust).is_empty());
    }
}
