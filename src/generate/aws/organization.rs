//! AWS Organizations: the tree of units and accounts with its control policies.

use serde_json::{Value, json};

use crate::generate::file::{Error, Folder};
use crate::generate::plan::{Account, Plan};
use crate::generate::words::ENVIRONMENTS;

/// Id of the organisation.
const ID: &str = "o-hm4harrow01";

fn policy(id: &str, owner: &str, name: &str, content: &Value) -> Value {
    json!({
        "Id": id,
        "Arn": format!("arn:aws:organizations::{owner}:policy/service_control_policy/{id}"),
        "Name": name,
        "Type": "SERVICE_CONTROL_POLICY",
        "Content": content.to_string(),
    })
}

fn everything() -> Value {
    let statement = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
    policy("p-FullAWSAccess", "aws", "FullAWSAccess", &json!({"Version": "2012-10-17", "Statement": [statement]}))
}

fn node(account: &Account, management: &str) -> Value {
    json!({
        "Id": account.id,
        "Arn": format!("arn:aws:organizations::{management}:account/{ID}/{}", account.id),
        "Name": format!("harrowmere-{}", account.name),
        "Type": "Account",
        "Policies": [everything()],
        "Children": [],
    })
}

/// Writes the organisation.
pub fn write(plan: &Plan, folder: Folder<'_>) -> Result<(), Error> {
    let Some(management) = plan.accounts.first() else { return Ok(()) };
    let arn = |kind: &str, rest: &str| format!("arn:aws:organizations::{}:{kind}/{ID}{rest}", management.id);
    let units: Vec<Value> = (ENVIRONMENTS.iter().enumerate())
        .map(|(at, env)| {
            let inside: Vec<Value> = (plan.accounts.iter().skip(1))
                .filter(|account| account.env == *env)
                .map(|account| node(account, &management.id))
                .collect();
            let id = format!("ou-hm4r-0000000{}", at + 1);
            json!({
                "Id": id,
                "Arn": arn("ou", &format!("/{id}")),
                "Name": env,
                "Type": "OrganizationalUnit",
                "Policies": [everything()],
                "Children": inside,
            })
        })
        .collect();
    let trail = json!({"Version": "2012-10-17", "Statement": [{
        "Sid": "TrailAndMembership",
        "Effect": "Deny",
        "Action": ["cloudtrail:StopLogging", "cloudtrail:DeleteTrail", "organizations:LeaveOrganization"],
        "Resource": "*",
    }]});
    let children: Vec<Value> = std::iter::once(node(management, &management.id)).chain(units).collect();
    folder.document(
        "organization/tree.json",
        &json!({
            "Id": "r-hm4r",
            "Arn": arn("root", "/r-hm4r"),
            "Name": "Root",
            "Type": "Root",
            "Policies": [everything(), policy("p-hm4trail1", &management.id, "ProtectTheTrail", &trail)],
            "Children": children,
        }),
    )?;
    folder.document(
        "organization/describe-organization.json",
        &json!({"Organization": {
            "Id": ID,
            "Arn": arn("organization", ""),
            "FeatureSet": "ALL",
            "MasterAccountArn": arn("account", &format!("/{}", management.id)),
            "MasterAccountId": management.id,
            "MasterAccountEmail": "aws@harrowmere.example",
        }}),
    )
}
