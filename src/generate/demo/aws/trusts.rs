//! Trusts that let in whom they should not, and some that do not.

use serde_json::{Value, json};

use super::estate::{Estate, Made, trust_arn};
use super::ordinary::trust_role;
use crate::generate::aws::ISSUER;
use crate::generate::aws::record::Role;
use crate::generate::aws::site::{allow, document, trust, trust_tokens};
use crate::generate::demo::week::{PRODUCTION, STAGING};

/// Accounts of third parties.
const TELEMETRY: &str = "arn:aws:iam::640000000640:root";
const COSTS: &str = "arn:aws:iam::650000000650:root";
const PAYROLL: &str = "arn:aws:iam::660000000660:root";

/// Why whoever administers staging reaches production.
pub const REPLAY: &str = "comes to administer staging, of which a role reads the orders of production";

fn with_external_id(account: &str, id: &str) -> Value {
    document(&[json!({
        "Effect": "Allow",
        "Principal": {"AWS": account},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": id}},
    })])
}

fn reads(name: &str) -> [Value; 1] {
    [allow(&["s3:GetObject"], &format!("arn:aws:s3:::harrowmere-{name}/*"))]
}

/// Third parties in production.
pub fn production(estate: &mut Estate<'_>) {
    let made = Made("telemetry-vendor", 560, "platform");
    let role = estate.used_role(made, &reads("telemetry"), trust_arn(TELEMETRY));
    estate.plant("third-party-no-external-id", &role, "a vendor's whole account, and no external id");
    estate.plant("unconditioned-external-trust", &role, "a vendor's whole account, without condition");
    let made = Made("cost-vendor", 510, "finance");
    let role = estate.used_role(made, &reads("costs"), with_external_id(COSTS, "hm-4471-9c2e"));
    estate.facts.sound("third-party-no-external-id", &role, "a vendor with an external id");
    estate.facts.sound("unconditioned-external-trust", &role, "a vendor with an external id");
    let common = estate.common(Made("payroll-connector", 700, "people"), &reads("payroll"));
    let trust = with_external_id(PAYROLL, "hm-7710-22ab");
    let used_days = Some(estate.week.age(240));
    let role = estate.role(Role { common, trust, used_days, ..Role::default() });
    estate.plant("third-party-principal", &role, "a vendor who no longer comes");
    estate.plant("stale-principal", &role, "a vendor who no longer comes");
    // What staging may read of production.
    let trust = trust_role(&estate.other(STAGING), "orders-replay");
    estate.used_role(Made("orders-reader", 450, "payments"), &reads("orders"), trust);
}

/// What staging reads of production.
pub fn staging(estate: &mut Estate<'_>) {
    let reader = estate.other(PRODUCTION).arn("role/orders-reader");
    let statements = [allow(&["sts:AssumeRole"], &reader)];
    let trust = crate::generate::aws::site::trust_service("ecs-tasks");
    let role = estate.used_role(Made("orders-replay", 440, "payments"), &statements, trust);
    estate.plant("environment-crossing", &role, "replays orders in staging by reading those of production");
}

/// A trust that outlived whom it was for.
pub fn data(estate: &mut Estate<'_>) {
    let trust = trust_arn("AIDAQX7TN5RWJ2KLMB4ZC");
    let common = estate.common(Made("consultant-review", 620, "security"), &reads("audit"));
    let used_days = Some(estate.week.age(140));
    let role = estate.role(Role { common, trust, used_days, ..Role::default() });
    estate.plant("deleted-principal-trust", &role, "trusts a user who was deleted");
    // It was used last a hundred and forty days before the newest export.
    if estate.week.age(140) >= 90 {
        estate.plant("stale-principal", &role, "everyone whom it lets in is gone");
    }
}

/// Pipelines of GitHub, and a role that everybody may assume.
pub fn tooling(estate: &mut Estate<'_>) {
    let site = estate.site;
    let audience = json!({"StringEquals": {format!("{ISSUER}:aud"): "sts.amazonaws.com"}});
    let anyone = document(&[json!({
        "Effect": "Allow",
        "Principal": {"Federated": site.arn(&format!("oidc-provider/{ISSUER}"))},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": audience,
    })]);
    let previews = [allow(&["s3:PutObject"], "arn:aws:s3:::harrowmere-previews/*")];
    let owner = estate.department("storefront");
    let role = estate.used_role(Made("preview-deploy", 290, owner), &previews, anyone);
    estate.plant("unconditioned-external-trust", &role, "every repository of the public issuer may assume it");
    let made = Made("demo-uploader", 330, "sales");
    let uploads = [allow(&["s3:PutObject"], "arn:aws:s3:::harrowmere-demo-uploads/*")];
    let role = estate.used_role(made, &uploads, trust(&json!({"AWS": "*"})));
    estate.plant("wildcard-trust", &role, "anyone in the world may assume it");
    estate.facts.sound("escalation-path", &role, "anyone may assume it, and all that it does is upload");
    let named = trust_tokens(&site, ISSUER, "sts.amazonaws.com", "repo:harrowmere/docs:environment:production");
    let docs = [allow(&["s3:PutObject"], "arn:aws:s3:::harrowmere-docs/*")];
    let role = estate.used_role(Made("docs-publish", 280, "support"), &docs, named);
    estate.facts.sound("unconditioned-external-trust", &role, "one repository and one environment are named");
}
