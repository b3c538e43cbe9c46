//! Trusts that let in whom they should not, and some that do not.

use serde_json::{Value, json};

use super::super::record::Role;
use super::super::site::{allow, document, trust, trust_tokens};
use super::Bed;

/// Account of a third party.
const VENDOR: &str = "arn:aws:iam::640000000640:root";
/// Issuer of the tokens of GitHub Actions.
pub const ISSUER: &str = "token.actions.githubusercontent.com";

fn uploader(bed: &mut Bed<'_>, name: &str, trust: Value) -> String {
    let bucket = format!("arn:aws:s3:::harrowmere-{name}/*");
    let common = bed.with_rights(name, 560, &[allow(&["s3:PutObject"], &bucket)]);
    bed.role(Role { common, trust, used_days: Some(11), ..Role::default() })
}

/// A role that everybody may assume.
pub fn wildcard(bed: &mut Bed<'_>) {
    let role = uploader(bed, "demo-uploader", trust(&json!({"AWS": "*"})));
    bed.tally.rule("trust", "wildcard-trust", &role, "anyone in the world may assume it");
    bed.tally.no_path(&role, "anyone may assume it, but all that it does is upload");
}

/// A role that a vendor may assume without an external id.
pub fn vendor(bed: &mut Bed<'_>) {
    let role = uploader(bed, "telemetry-vendor", trust(&json!({"AWS": VENDOR})));
    bed.tally.rule("trust", "third-party-no-external-id", &role, "a vendor's whole account, and no external id");
}

/// A role that a vendor may assume with an external id.
pub fn vendor_with_id(bed: &mut Bed<'_>) {
    let statement = json!({
        "Effect": "Allow",
        "Principal": {"AWS": VENDOR},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": "hm-4471-9c2e"}},
    });
    let role = uploader(bed, "cost-vendor", document(&[statement]));
    bed.tally.no_finding("third-party-no-external-id", &role, "a vendor with an external id");
}

/// A role for the deployments of one repository and one environment.
pub fn repository(bed: &mut Bed<'_>) {
    let subject = "repo:harrowmere/storefront:environment:production";
    let lets = trust_tokens(&bed.site, ISSUER, "sts.amazonaws.com", subject);
    let role = uploader(bed, "storefront-deploy", lets);
    bed.tally.no_finding("unconditioned-external-trust", &role, "one repository and one environment are named");
    bed.tally.no_path(&role, "a pipeline from outside that only uploads");
}
