//! What is not known is never a no: users without their policies, policies that cannot be read, masked accounts,
//! people who come in through Identity Center.

use serde_json::{Value, json};

use super::{ACCOUNT, Place, allow, arn, details, inline, record, trust};

const REPORT: &str = "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,access_key_1_last_used_region,access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,cert_1_last_rotated,cert_2_active,cert_2_last_rotated";

fn report(users: &[&str]) -> String {
    let line = |name: &&str| {
        let arn = arn("user", name);
        format!(
            "{name},{arn},2025-01-01T00:00:00+00:00,true,no_information,2025-01-01T00:00:00+00:00,N/A,false,false,N/A,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A"
        )
    };
    let lines: Vec<String> = users.iter().map(line).collect();
    format!("{REPORT}\n{}\n", lines.join("\n"))
}

fn decision(place: &Place, who: &str, action: &str, resource: &str) -> Value {
    place.run(&["can", who, action, resource, "--format", "json"]).json()
}

#[test]
fn a_user_whom_only_a_credential_report_knows_may_do_nobody_knows_what() {
    let place = Place::new();
    place.write("iam.json", details(&[record("user", "known", json!({}))], &[], &[], &[]));
    place.write("report.csv", report(&["known", "strange"]));
    let run = place.scan(&["iam.json", "report.csv"], &[]);
    assert!(matches!(run.code, Some(0 | 4)), "{run:?}");
    let verdict = decision(&place, "strange", "s3:GetObject", "arn:aws:s3:::b/k");
    assert_eq!(verdict["decision"], "unknown");
    let policies = format!("policies of {}", arn("user", "strange"));
    assert!(verdict["reasons"].to_string().contains(&policies), "{verdict}");
    assert_eq!(decision(&place, "known", "s3:GetObject", "arn:aws:s3:::b/k")["decision"], "denied");
    let listed = place.run(&["who-can", "s3:GetObject", "arn:aws:s3:::b/k", "--format", "json"]);
    assert!(listed.out.contains(&arn("user", "strange")) && !listed.out.contains(&arn("user", "known")));
    // A possible administrator, not a certain one.
    let exposure = place.run(&["exposure", "--format", "json"]).json();
    assert_eq!((&exposure["zone"]["exposed_certain"], &exposure["zone"]["exposed_possible"]), (&json!(0), &json!(1)));
}

#[test]
fn the_policy_of_a_resource_that_cannot_be_read_may_let_anyone_in() {
    let user = record("user", "ada", json!({}));
    let writer = record("user", "eve", json!({"UserPolicyList": inline("all", allow(&["s3:*", "kms:*"]))}));
    let place = Place::new();
    place.write("iam.json", details(&[user, writer], &[], &[], &[]));
    let key = format!("arn:aws:kms:eu-west-1:{ACCOUNT}:key/1234");
    let resources = json!([
        {"Resource": "arn:aws:s3:::broken", "Account": ACCOUNT, "Policy": "{\"Statement\": ["},
        {"Resource": key, "Account": ACCOUNT, "Policy": "{\"Statement\": ["},
        {"Resource": "arn:aws:s3:::fine", "Account": ACCOUNT, "Policy": {"Statement": []}},
    ]);
    place.write("resources.json", resources.to_string());
    place.scan(&["iam.json", "resources.json"], &[]).said(4, &["arn:aws:s3:::broken", "resources.json"]);
    for (who, action, resource, expected) in [
        ("ada", "s3:GetObject", "arn:aws:s3:::broken/k", "unknown"),
        ("ada", "s3:GetObject", "arn:aws:s3:::fine/k", "denied"),
        ("ada", "kms:Decrypt", &key, "unknown"),
        // It may deny what the identity's own policies allow.
        ("eve", "s3:GetObject", "arn:aws:s3:::broken/k", "unknown"),
        ("eve", "s3:GetObject", "arn:aws:s3:::fine/k", "allowed"),
    ] {
        let verdict = decision(&place, who, action, resource);
        assert_eq!(verdict["decision"], expected, "{who} {action} {resource}: {verdict}");
    }
}

#[test]
fn awss_own_account_is_nobodys_and_not_protected() {
    let masked = "arn:aws:iam::aws:user/masked";
    let managed =
        json!([{"PolicyName": "AdministratorAccess", "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}]);
    let user = json!({"Path": "/", "UserName": "masked", "Arn": masked, "AttachedManagedPolicies": managed});
    let version = json!([{"VersionId": "v1", "IsDefaultVersion": true, "Document": allow(&["*"])}]);
    let policy = json!({"PolicyName": "AdministratorAccess", "Arn": "arn:aws:iam::aws:policy/AdministratorAccess",
        "Path": "/", "DefaultVersionId": "v1", "PolicyVersionList": version});
    let place = Place::new();
    let one = details(&[user.clone(), record("user", "ada", json!({}))], &[], &[], std::slice::from_ref(&policy));
    place.write("iam.json", one);
    place.scan(&["iam.json"], &[]).said(0, &[]);
    let listed = place.run(&["snapshots", "show"]);
    for text in [masked, "has no account number", "/UserDetailList/0"] {
        assert!(listed.out.contains(text), "no `{text}` in\n{}", listed.out);
    }
    let exposure = place.run(&["exposure", "--format", "json"]);
    assert!(!exposure.out.contains("aws:account/aws"), "{}", exposure.out);
    let own = place.run(&["explain", "masked"]);
    assert!(own.out.contains(&format!("aws:account/{ACCOUNT}")), "{own:?}");
    assert_eq!(decision(&place, "masked", "s3:GetObject", "arn:aws:s3:::b/k")["decision"], "allowed");
    // Of which account nobody says: not evaluated, not denied.
    let place = Place::new();
    place.write("iam.json", details(&[user], &[], &[], &[policy]));
    place.scan(&["iam.json"], &[]).said(4, &[masked, "what it may do is not known"]);
    assert_eq!(decision(&place, "masked", "s3:GetObject", "arn:aws:s3:::b/k")["decision"], "unknown");
}

/// An account with an administrator role of a permission set, and who is assigned it.
fn identity_center(place: &Place, principal: &Value) {
    let name = "AWSReservedSSO_Admin_0123456789abcdef";
    let path = "/aws-reserved/sso.amazonaws.com/";
    let saml = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRoleWithSAML",
        "Principal": {"Federated": format!("arn:aws:iam::{ACCOUNT}:saml-provider/AWSSSO_x_DO_NOT_DELETE")}}]});
    let role = json!({"Path": path, "RoleName": name, "Arn": format!("arn:aws:iam::{ACCOUNT}:role{path}{name}"),
        "AssumeRolePolicyDocument": saml, "RolePolicyList": inline("all", allow(&["*"]))});
    let plain = record("role", "plain", json!({"AssumeRolePolicyDocument": trust(&[ACCOUNT])}));
    place.write("iam.json", details(&[], &[], &[role, plain], &[]));
    let set = "arn:aws:sso:::permissionSet/ssoins-1111222233334444/ps-aaaabbbbccccdddd";
    let described = json!({"PermissionSet": {"Name": "Admin", "PermissionSetArn": set}});
    place.write("set.json", described.to_string());
    let users = json!([{"UserId": "u-1", "UserName": "ada", "IdentityStoreId": "d-1"},
        {"UserId": "u-2", "UserName": "bob", "IdentityStoreId": "d-1"}]);
    place.write("users.json", json!({"Users": users}).to_string());
    let group = json!([{"GroupId": "g-1", "DisplayName": "admins", "IdentityStoreId": "d-1"}]);
    place.write("groups.json", json!({"Groups": group}).to_string());
    let member =
        json!([{"IdentityStoreId": "d-1", "MembershipId": "m-1", "GroupId": "g-1", "MemberId": {"UserId": "u-1"}}]);
    place.write("members.json", json!({"GroupMemberships": member}).to_string());
    let mut assignment = json!({"AccountId": ACCOUNT, "PermissionSetArn": set});
    assignment.as_object_mut().unwrap().extend(principal.as_object().unwrap().clone());
    place.write("assignments.json", json!({"AccountAssignments": [assignment]}).to_string());
    let run = place.scan(&["."], &[]);
    assert!(matches!(run.code, Some(0 | 4)), "{run:?}");
}

/// Techniques of the steps of the first path of a principal to the protected zone.
fn steps(place: &Place, who: &str) -> Vec<String> {
    let paths = place.run(&["paths", who, "--format", "json"]).json();
    let steps = paths["paths"][0]["steps"].as_array().cloned().unwrap_or_default();
    steps.iter().filter_map(|step| step["technique"].as_str().map(str::to_owned)).collect()
}

#[test]
fn an_assignment_leads_from_the_person_to_the_role() {
    let place = Place::new();
    identity_center(&place, &json!({"PrincipalType": "USER", "PrincipalId": "u-2"}));
    assert_eq!(steps(&place, "bob"), ["trust"]);
    assert_eq!(steps(&place, "ada"), [""; 0]);
}

#[test]
fn an_assignment_of_a_group_leads_its_members_to_the_role() {
    let place = Place::new();
    identity_center(&place, &json!({"PrincipalType": "GROUP", "PrincipalId": "g-1"}));
    assert_eq!(steps(&place, "ada"), ["membership", "trust"]);
    assert_eq!(steps(&place, "bob"), [""; 0]);
    let exposure = place.run(&["exposure", "--format", "json"]).json();
    assert_eq!(exposure["zone"]["exposed_certain"], 1, "{exposure}");
}
