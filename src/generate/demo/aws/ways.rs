//! Ways to administration, the pipelines that are on them, and the identities of the assistants.

use serde_json::{Value, json};

use super::estate::{Estate, Made};
use super::ordinary::{ADMINISTRATOR, trust_role};
use crate::generate::aws::ISSUER;
use crate::generate::aws::record::{Common, Role};
use crate::generate::aws::site::{ADMINISTRATOR as EVERYTHING, allow, managed, trust_service, trust_tokens};
use crate::generate::demo::agents;
use crate::generate::demo::github::{LANDING_ZONE, STOREFRONT, subject};
use crate::generate::demo::week::{ASSISTED, DATA, FIXED, MANAGEMENT, PRODUCTION, TOOLING, WAVE};

/// Whom the administrator's role of an account lets in beside people.
pub fn let_in(estate: &Estate<'_>) -> Vec<Value> {
    let account = estate.site.account.at;
    let mut arns = Vec::new();
    if matches!(account, MANAGEMENT | PRODUCTION) {
        arns.push(estate.other(TOOLING).arn(&format!("role/{LANDING_ZONE}")));
    }
    if account == DATA && estate.week.from(agents::COPILOT) {
        arns.push(estate.site.arn("role/data-copilot"));
    }
    let statement = |arn: String| json!({"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "sts:AssumeRole"});
    arns.into_iter().map(statement).collect()
}

/// The role that releases the storefront: an administrator, until somebody looks.
pub fn production(estate: &mut Estate<'_>) {
    let fixed = estate.week.from(FIXED);
    let trust = trust_role(&estate.other(TOOLING), "storefront-deploy");
    let used_days = Some(estate.lately("release-manager", 3));
    let owner = estate.department("storefront");
    let made = Made("release-manager", 690, owner);
    if fixed {
        let updates = [allow(&["ecs:UpdateService", "ecs:DescribeServices"], "*")];
        let role = estate.used_role(made, &updates, trust);
        estate.facts.sound("administrator-equivalent", &role, "has what a release takes, since the review in November");
        return;
    }
    let common = Common { attached: vec![EVERYTHING.to_owned()], ..estate.common(made, &[]) };
    let role = estate.role(Role { common, trust, used_days, ..Role::default() });
    estate.plant_administrator(&role, "releases the storefront with the rights of an administrator");
}

/// A test robot that may rewrite its own policy.
pub fn staging(estate: &mut Estate<'_>) {
    let policy = estate.site.arn("policy/qa-robot");
    let actions = ["iam:CreatePolicyVersion", "iam:GetPolicyVersion", "iam:ListPolicyVersions"];
    estate.policies.push(managed(
        &estate.site,
        &policy,
        &crate::generate::aws::site::document(&[allow(&actions, &policy)]),
    ));
    let mut common = estate.common(Made("qa-robot", 600, "security"), &[]);
    common.attached = vec![policy];
    let keys = vec![estate.rotated_key(3)];
    let user = estate.user(crate::generate::aws::record::User { common, keys, ..Default::default() });
    estate.plant("escalation-path", &user, "may write new versions of the policy that is attached to it");
    estate.plant("environment-crossing", &user, super::trusts::REPLAY);
}

/// The assistant of the analysts, which may become the administrator of its account.
pub fn data(estate: &mut Estate<'_>) {
    if !estate.week.from(agents::COPILOT) {
        return;
    }
    let admin = estate.role_arn(ADMINISTRATOR);
    let statements =
        [allow(&["athena:StartQueryExecution", "athena:GetQueryResults"], "*"), allow(&["sts:AssumeRole"], &admin)];
    let role = estate.used_role(Made(agents::COPILOT_ROLE, 22, "data"), &statements, trust_service("bedrock"));
    let what = "an assistant that may become the administrator of the account whose data it reads";
    estate.plant("escalation-path", &role, what);
    estate.plant("agent-blast-radius", &role, what);
}

/// Roles of pipelines, and of assistants.
pub fn tooling(estate: &mut Estate<'_>) {
    let site = estate.site;
    let tokens = |repository: &str| trust_tokens(&site, ISSUER, "sts.amazonaws.com", &subject(repository));
    let admins = [MANAGEMENT, PRODUCTION].map(|account| estate.other(account).arn(&format!("role/{ADMINISTRATOR}")));
    let statements = admins.each_ref().map(|arn| allow(&["sts:AssumeRole"], arn));
    let role = estate.used_role(Made(LANDING_ZONE, 1_020, "platform"), &statements, tokens(LANDING_ZONE));
    estate.plant("escalation-path", &role, "the pipeline that sets up accounts may become their administrator");

    let owner = estate.department("storefront");
    let release = estate.other(PRODUCTION).arn("role/release-manager");
    let statements = [allow(&["sts:AssumeRole"], &release)];
    let role = estate.used_role(Made("storefront-deploy", 690, owner), &statements, tokens(STOREFRONT));
    if estate.week.from(FIXED) {
        estate.facts.sound("escalation-path", &role, "what it may become is no administrator any more");
    } else {
        estate.plant("escalation-path", &role, "whoever pushes to the storefront releases it as an administrator");
    }
    assistants(estate);
}

fn assistants(estate: &mut Estate<'_>) {
    let reads = [allow(&["iam:GetRole", "iam:ListRoles", "access-analyzer:ListFindings"], "*")];
    if estate.week.from(ASSISTED) {
        let role = estate.used_role(Made(agents::REVIEWER_ROLE, 43, "security"), &reads, trust_service("bedrock"));
        for rule in ["agent-standing-write", "agent-no-human-approval", "agent-unmapped", "agent-shared-identity"] {
            estate.facts.sound(rule, &role, "reads, suggests, and two people must agree");
        }
    }
    if estate.week.from(WAVE) {
        let drafts = [
            allow(&["iam:GetPolicy", "iam:ListPolicies"], "*"),
            allow(&["s3:PutObject"], "arn:aws:s3:::harrowmere-access-requests/*"),
            allow(&["organizations:TagResource", "codecommit:MergePullRequestByFastForward"], "*"),
        ];
        let role = estate.used_role(Made(agents::PROVISIONER_ROLE, 36, "platform"), &drafts, trust_service("bedrock"));
        let what = "declared to prepare requests for access, and holds standing rights to carry them out";
        estate.plant("agent-standing-write", &role, what);
    }
    let key = estate.rotated_key(11);
    let nightly = [allow(&["ssm:GetInventory", "health:DescribeEvents"], "*")];
    let user = estate.machine(Made(agents::SHARED_USER, 820, "platform"), &nightly, vec![key]);
    if estate.week.from(agents::TRIAGE) {
        let what = "an assistant runs as the identity of the nightly jobs";
        estate.plant("agent-shared-identity", &user, what);
        estate.plant("shared-nhi", &user, what);
    }
    if estate.week.from(agents::HELPER) {
        let reads = [allow(&["codecommit:GetPullRequest", "codecommit:GetDifferences"], "*")];
        let role = estate.used_role(Made(agents::HELPER_ROLE, 22, "platform"), &reads, trust_service("bedrock"));
        estate.plant("agent-unmapped", &role, "a workflow that nobody answers for");
        estate.plant("agent-no-human-approval", &role, "what it asks for is done without anybody's approval");
    }
}
