//! Ways to administration, and what only looks like one.

use serde_json::json;

use super::super::ordinary::RELEASE;
use super::super::record::{Common, Key, Password, Role, User};
use super::super::site::{ADMINISTRATOR, Site, allow, document, managed, trust, trust_service};
use super::{Bed, admin_of};
use crate::generate::truth::Planted;

/// A key as it should be.
const KEY: Key = Key { made_days: 31, used_days: Some(2) };

/// A user may rewrite the policy that it has.
pub fn own_policy_version(bed: &mut Bed<'_>) {
    let policy = bed.site.arn("policy/svc-policy-publisher");
    let actions = ["iam:CreatePolicyVersion", "iam:GetPolicyVersion", "iam:ListPolicyVersions"];
    bed.policies.push(managed(&bed.site, &policy, &document(&[allow(&actions, &policy)])));
    let common = Common { attached: vec![policy], ..bed.common("svc-policy-publisher", 600) };
    let user = bed.user(User { common, keys: vec![KEY], ..User::default() });
    let account = bed.site.scope();
    bed.tally.path("iam-001", &user, &[&account], "may write new versions of the policy that is attached to it");
}

/// A user may write itself an inline policy.
pub fn own_inline_policy(bed: &mut Bed<'_>) {
    let own = bed.site.arn("user/svc-self-service");
    let common = bed.with_rights("svc-self-service", 500, &[allow(&["iam:PutUserPolicy", "iam:GetUser"], &own)]);
    let user = bed.user(User { common, keys: vec![KEY], ..User::default() });
    let account = bed.site.scope();
    bed.tally.path("iam-007", &user, &[&account], "may put inline policies into itself");
}

/// A role may pass an administrator's role to a new function.
pub fn pass_role(bed: &mut Bed<'_>) {
    let passed = bed.site.arn("role/migration-runner");
    let common = Common { attached: vec![ADMINISTRATOR.to_owned()], ..bed.common("migration-runner", 900) };
    bed.role(Role { common, trust: trust_service("lambda"), used_days: Some(20), ..Role::default() });
    bed.tally.administrator(&passed, "left with everything after a migration");
    let functions = ["lambda:CreateFunction", "lambda:InvokeFunction"];
    let statements = [allow(&["iam:PassRole"], &passed), allow(&functions, "*")];
    let common = bed.with_rights("function-publisher", 400, &statements);
    let role = bed.role(Role { common, trust: trust_service("codebuild"), used_days: Some(2), ..Role::default() });
    bed.tally.path("lambda-001", &role, &[&passed], "may run code of its own as an administrator's role");
}

/// The same rights over a role that only reads.
pub fn pass_to_reader(bed: &mut Bed<'_>) {
    let passed = bed.site.arn("role/report-reader");
    let reads = [allow(&["s3:GetObject"], "arn:aws:s3:::harrowmere-reports/*")];
    let common = bed.with_rights("report-reader", 500, &reads);
    bed.role(Role { common, trust: trust_service("lambda"), used_days: Some(4), ..Role::default() });
    let functions = ["lambda:CreateFunction", "lambda:InvokeFunction"];
    let common = bed.with_rights("report-publisher", 500, &[allow(&["iam:PassRole"], &passed), allow(&functions, "*")]);
    let role = bed.role(Role { common, trust: trust_service("codebuild"), used_days: Some(4), ..Role::default() });
    bed.tally.no_path(&role, "may pass one role to new functions, and that role reads reports");
}

/// A role that may assume a role that may assume the administrator.
pub fn chain(bed: &mut Bed<'_>) {
    let (first, second, admin) = (bed.site.arn("role/nightly-build"), bed.site.arn("role/nightly-deploy"), bed.admin());
    let common = bed.with_rights("nightly-deploy", 800, &[allow(&["sts:AssumeRole"], &admin)]);
    let lets = trust(&json!({"AWS": first}));
    bed.role(Role { common, trust: lets, used_days: Some(1), ..Role::default() });
    bed.admit(&second);
    let common = bed.with_rights("nightly-build", 800, &[allow(&["sts:AssumeRole"], &second)]);
    bed.role(Role { common, trust: trust_service("codebuild"), used_days: Some(1), ..Role::default() });
    bed.tally.path("sts-001", &second, &[&admin], "the second half of a chain of roles");
    bed.tally.path("sts-001", &first, &[&second, &admin], "two steps from administration, by roles alone");
}

/// A group of users may assume a role with a harmless name, which may become the administrator.
pub fn release_train(bed: &mut Bed<'_>) {
    let (hub, admin) = (bed.site.arn(&format!("role/{RELEASE}")), bed.admin());
    let common = bed.with_rights(RELEASE, 650, &[allow(&["sts:AssumeRole"], &admin)]);
    let lets = bed.layout.trust_account();
    bed.role(Role { common, trust: lets, used_days: Some(1), ..Role::default() });
    bed.admit(&hub);
    let assume = document(&[allow(&["sts:AssumeRole"], &hub)]);
    bed.groups.push(bed.layout.group_record(RELEASE, &[], Some(assume)));
    bed.tally.path("sts-001", &hub, &[&admin], "the role that a group of users has to pass");
    bed.tally.planted.push(Planted {
        kind: "choke-point",
        what: "users reach the administrator through this role and no other way",
        principal: hub,
        // Counted when the members are written.
        unavoidable_for: Some(0),
        ..Planted::default()
    });
}

/// A helpdesk may make a key for a user who is an administrator.
pub fn key_of_administrator(bed: &mut Bed<'_>) {
    let common = Common { attached: vec![ADMINISTRATOR.to_owned()], ..bed.common("emergency-access", 1_000) };
    let password = Some(Password { used_days: 20, mfa: true });
    let admin = bed.user(User { common, password, ..User::default() });
    bed.tally.administrator(&admin, "an account for emergencies");
    let common = bed.with_rights("svc-helpdesk", 700, &[allow(&["iam:CreateAccessKey"], &admin)]);
    let user = bed.user(User { common, keys: vec![KEY], ..User::default() });
    bed.tally.path("iam-002", &user, &[&admin], "may make an access key for an administrator");
}

/// Everything in IAM, inside a boundary that allows no change.
pub fn boundary(bed: &mut Bed<'_>) {
    let limits = bed.site.arn("policy/delegation-limits");
    let document_of = document(&[allow(&["s3:GetObject", "s3:ListBucket", "iam:Get*", "iam:List*"], "*")]);
    bed.policies.push(managed(&bed.site, &limits, &document_of));
    let rights = bed.with_rights("delegated-admin", 300, &[allow(&["iam:*"], "*")]);
    let common = Common { boundary: Some(limits), ..rights };
    let role = bed.role(Role { common, trust: trust_service("codebuild"), used_days: Some(6), ..Role::default() });
    bed.tally.no_path(&role, "everything in IAM, inside a boundary that allows no change there");
    bed.tally.no_finding("administrator-equivalent", &role, "the boundary keeps it from being an administrator");
}

/// A role that may become the administrator from certain addresses only.
pub fn at_the_office(bed: &mut Bed<'_>) {
    let admin = bed.admin();
    let common = bed.with_rights("office-maintenance", 450, &[allow(&["sts:AssumeRole"], &admin)]);
    let role = bed.role(Role { common, trust: trust_service("ssm"), used_days: Some(9), ..Role::default() });
    bed.admin_trust.push(json!({
        "Effect": "Allow",
        "Principal": {"AWS": role},
        "Action": "sts:AssumeRole",
        "Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}},
    }));
    bed.tally.planted.push(Planted {
        kind: "escalation",
        what: "may become the administrator from the addresses of the office",
        principal: role,
        technique: Some("sts-001"),
        certainty: Some("conditional"),
        through: vec![admin],
        ..Planted::default()
    });
}

/// ARN of the role of an account that may become the administrator of the next.
pub fn visitor_of(site: &Site<'_>) -> String {
    site.arn("role/landing-zone-sync")
}

/// A role that may become the administrator of another account of the organisation.
pub fn next_account(bed: &mut Bed<'_>) {
    let accounts = &bed.site.plan.accounts;
    let next = &accounts[(bed.site.account.at + 1) % accounts.len()];
    let admin = admin_of(&Site { plan: bed.site.plan, account: next });
    let common = bed.with_rights("landing-zone-sync", 820, &[allow(&["sts:AssumeRole"], &admin)]);
    let role = bed.role(Role { common, trust: trust_service("codebuild"), used_days: Some(1), ..Role::default() });
    if accounts.len() > 1 {
        bed.tally.path("sts-001", &role, &[&admin], "crosses from one account into the administration of another");
    } else {
        bed.tally.no_path(&role, "may ask to become the administrator, who does not let it in");
    }
}
