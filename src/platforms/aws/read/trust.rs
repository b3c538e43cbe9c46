//! Who trusts whom: one row for each principal that a role's trust policy names.

use super::document::Document;
use super::names;
use crate::model::{Builder, Handle, Trust, TrustKind};
use crate::platforms::aws::arn::Principal;

/// A trust policy that was added as grants.
#[derive(Debug, Clone, Copy)]
pub struct TrustPolicy<'a> {
    /// The role that trusts.
    pub role: Handle,
    /// Account that the role lives in.
    pub account: &'a str,
    /// Number of the grant of the first statement.
    pub first_grant: u32,
}

/// Adds the trust rows of a trust policy.
pub fn emit(builder: &mut Builder, policy: TrustPolicy<'_>, document: &Document) {
    for (grant, statement) in (policy.first_grant..).zip(&document.statements) {
        if !statement.allow {
            continue;
        }
        let anything = ["*".to_owned()];
        let actions = if statement.actions.is_empty() { &anything[..] } else { &statement.actions };
        let everyone_else = ["*".to_owned()];
        let principals = if statement.not_principals.is_empty() { &statement.principals } else { &everyone_else[..] };
        for principal in principals {
            let (kind, trustee) = who(builder, principal, policy.account);
            for action in actions {
                builder.trusts.push(Trust {
                    target: policy.role,
                    trustee,
                    trustee_pattern: principal.clone(),
                    action: action.clone(),
                    condition: statement.condition.clone(),
                    kind,
                    grant,
                });
            }
        }
    }
}

/// Where a principal is and which entity it is. A unique id counts as deleted until all sources are known.
fn who(builder: &mut Builder, principal: &str, home: &str) -> (TrustKind, Option<Handle>) {
    let Some((kind, name)) = principal.split_once(':') else { return (TrustKind::External, None) };
    match kind {
        "AWS" => {}
        "Service" => return (TrustKind::Service, None),
        "Federated" => {
            let provider = name.starts_with("arn:").then(|| names::named(builder, name, home));
            return (TrustKind::Federated, provider);
        }
        _ => return (TrustKind::External, None),
    }
    let account = match Principal::parse(name) {
        Principal::Account(number) => number,
        Principal::Named(arn) => arn.account,
        Principal::Session { account, .. } => account,
        Principal::UniqueId(_) => return (TrustKind::Deleted, None),
        Principal::Anyone | Principal::Other => return (TrustKind::External, None),
    };
    let kind = if account == home { TrustKind::SameAccount } else { TrustKind::CrossAccount };
    (kind, names::trustee(builder, name, home))
}

#[cfg(test)]
mod tests {
    use super::super::document::{Place, parse_json};
    use super::*;
    use crate::model::{EntityKind, Source};
    use crate::platforms::aws::NAME;

    fn rows(principals: &str) -> Vec<(TrustKind, Option<String>, String)> {
        let text = format!(
            r#"{{"Statement":[{{"Effect":"Allow","Action":["sts:AssumeRole"],"Principal":{principals}}},
               {{"Effect":"Deny","Action":"sts:AssumeRole","Principal":"*"}}]}}"#
        );
        let document = parse_json(&text, Place::Trust).unwrap();
        let source = Source { path: String::new(), kind: String::new(), sha256: String::new(), records: 0, skipped: 0 };
        let mut builder = Builder::new(source);
        let role = builder.refer("arn:aws:iam::111111111111:role/r", NAME, EntityKind::Role, "r");
        emit(&mut builder, TrustPolicy { role, account: "111111111111", first_grant: 5 }, &document);
        assert!(builder.trusts.iter().all(|row| row.grant == 5), "a deny trusts nobody");
        let id = |handle: Handle| builder.entity(handle).id.clone();
        builder.trusts.iter().map(|row| (row.kind, row.trustee.map(id), row.trustee_pattern.clone())).collect()
    }

    #[test]
    fn each_form_of_principal_gives_its_kind_and_entity() {
        for (principals, kind, entity) in [
            (r#""*""#, TrustKind::External, None),
            (r#"{"AWS":"*"}"#, TrustKind::External, None),
            (r#"{"AWS":"111111111111"}"#, TrustKind::SameAccount, Some("aws:account/111111111111")),
            (r#"{"AWS":"arn:aws:iam::222222222222:root"}"#, TrustKind::CrossAccount, Some("aws:account/222222222222")),
            (
                r#"{"AWS":"arn:aws:sts::111111111111:assumed-role/x/session"}"#,
                TrustKind::SameAccount,
                Some("arn:aws:iam::111111111111:role/x"),
            ),
            (r#"{"AWS":"AIDAEXAMPLEEXAMPLE123"}"#, TrustKind::Deleted, None),
            (r#"{"Service":"ec2.amazonaws.com.cn"}"#, TrustKind::Service, None),
            (r#"{"Federated":"cognito-identity.amazonaws.com"}"#, TrustKind::Federated, None),
            (
                r#"{"Federated":"arn:aws:iam::111111111111:saml-provider/p"}"#,
                TrustKind::Federated,
                Some("arn:aws:iam::111111111111:saml-provider/p"),
            ),
            (r#"{"CanonicalUser":"abc"}"#, TrustKind::External, None),
        ] {
            let rows = rows(principals);
            assert_eq!(rows.len(), 1, "{principals}");
            assert_eq!((rows[0].0, rows[0].1.as_deref()), (kind, entity), "{principals}");
        }
    }
}
