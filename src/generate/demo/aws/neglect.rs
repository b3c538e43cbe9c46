//! What nobody looks after: keys, passwords, owners who are gone, rights that are not used.

use serde_json::json;

use super::estate::{Estate, Made};
use crate::generate::aws::DUTIES;
use crate::generate::aws::record::{Common, Key, Password, Role, User};
use crate::generate::aws::site::{ADMINISTRATOR, allow, document, managed, trust_service};
use crate::generate::demo::governance::{LEAKED, ROOT_KEY_GONE};

/// Keys are old after so many days, and unused ones looked at after so many.
const KEY_AGE: usize = 90;
const UNUSED_REVIEW: usize = 45;
const UNUSED_STALE: usize = 90;

/// The account that manages the others.
pub fn management(estate: &mut Estate<'_>) {
    let key = estate.kept_key(705);
    let costs = [allow(&["ce:GetCostAndUsage", "cur:DescribeReportDefinitions"], "*")];
    let user = estate.machine(Made("svc-billing-export", 720, "finance"), &costs, vec![key]);
    estate.plant("key-age", &user, "a key of nearly two years, in daily use; an exception accepts it");
    break_glass(estate);
}

/// A user for emergencies, which nobody had tried for a while.
fn break_glass(estate: &mut Estate<'_>) {
    let tried = if estate.week.has(40) { 40 } else { 130 };
    let used_days = estate.week.age(tried);
    let common = Common {
        attached: vec![ADMINISTRATOR.to_owned()],
        ..estate.common(Made("breakglass-1", 1_500, "security"), &[])
    };
    let password = Some(Password { used_days, mfa: true });
    let user = estate.user(User { common, password, ..User::default() });
    estate.plant_administrator(&user, "the user for emergencies");
    if used_days >= UNUSED_REVIEW {
        estate.plant("dormant-administrator", &user, "nobody has tried whether the user for emergencies works");
    } else {
        estate.facts.sound("dormant-administrator", &user, "for emergencies, and tried out in October");
    }
    estate.facts.sound("console-user-without-mfa", &user, "sealed, with a second factor");
}

/// What is neglected in production.
pub fn production(estate: &mut Estate<'_>) {
    courier(estate);
    thumbnails(estate);
    legacy_transfer(estate);
    report_builder(estate);
    let pipeline = format!("arn:aws:codepipeline:eu-west-1:{}:*", estate.site.account.id);
    let both = [allow(&[DUTIES.0, DUTIES.1], &pipeline)];
    let bot = estate.used_role(Made("release-bot", 380, "platform"), &both, trust_service("lambda"));
    estate.plant("sod-conflict", &bot, "may start a release and approve it");
    let one = [allow(&[DUTIES.0], &pipeline)];
    let starter = estate.used_role(Made("release-starter", 380, "platform"), &one, trust_service("lambda"));
    estate.facts.sound("sod-conflict", &starter, "may start a release and not approve it");
    let exchange = [allow(&["transfer:DescribeServer", "transfer:ListUsers"], "*")];
    for (index, (name, owner)) in
        [("svc-bank-exchange", "payments"), ("svc-customs-portal", "logistics")].into_iter().enumerate()
    {
        let key = estate.rotated_key(index);
        let owner = estate.department(owner);
        let user = estate.machine(Made(name, 800, owner), &exchange, vec![key]);
        estate.facts.sound("key-age", &user, "its key is changed every twelve weeks");
    }
    let gone =
        json!({"Effect": "Allow", "Principal": {"AWS": estate.role_arn("etl-2023")}, "Action": "sts:AssumeRole"});
    let glue = json!({"Effect": "Allow", "Principal": {"Service": "glue.amazonaws.com"}, "Action": "sts:AssumeRole"});
    let loads = [allow(&["s3:GetObject"], "arn:aws:s3:::harrowmere-feeds/*")];
    let role = estate.used_role(Made("etl-adapter", 900, "data"), &loads, document(&[gone, glue]));
    estate.plant("dangling-reference", &role, "still trusts a role that was deleted");
}

/// Two keys, the second from a rotation that was never finished; its first key turns up in a repository.
fn courier(estate: &mut Estate<'_>) {
    let sends = [allow(&["transfer:StartFileTransfer"], "*")];
    let mut keys = vec![estate.kept_key(620)];
    let changed = estate.week.has(33);
    if changed {
        keys.push(estate.kept_key(33));
    }
    let owner = estate.department("logistics");
    let user = estate.machine(Made("svc-courier-feed", 640, owner), &sends, keys);
    estate.plant("key-age", &user, "a key of well over a year, in daily use");
    if changed {
        estate.plant("second-active-key", &user, "the key that was replaced still works");
    }
    if estate.week.from(LEAKED) {
        estate.plant("leaked-secret", &user, "its first key was seen in a public repository");
    }
}

/// A key where a role would do.
fn thumbnails(estate: &mut Estate<'_>) {
    let bucket = "arn:aws:s3:::harrowmere-thumbnails/*";
    let owner = estate.department("storefront");
    let both = [allow(&["s3:GetObject", "s3:PutObject"], bucket)];
    estate.used_role(Made("thumbnail-worker", 500, owner), &both, trust_service("ec2"));
    let key = estate.rotated_key(5);
    let reads = [allow(&["s3:GetObject"], bucket)];
    let user = estate.machine(Made("svc-thumbnails", 620, owner), &reads, vec![key]);
    estate.plant("insecure-authentication", &user, "holds a key where the role of the same job would do");
}

/// A service user whose owner left before the first export; its key is from their time.
fn legacy_transfer(estate: &mut Estate<'_>) {
    let Some(owner) = estate.staff.former().first().map(|one| one.address.clone()) else { return };
    let key = estate.kept_key(430);
    let rights = [allow(&["transfer:ListServers"], "*")];
    let user = estate.machine(Made("svc-legacy-ftp", 900, &owner), &rights, vec![key]);
    estate.plant("key-age", &user, "a key of more than a year that its owner left behind");
    estate.plant("orphaned-nhi", &user, "its owner has left");
    estate.plant("partially-offboarded", &user, "whoever left may still have the key");
}

/// Far more than it uses, since a copy of another role's policy.
fn report_builder(estate: &mut Estate<'_>) {
    let account = estate.site.account.id.clone();
    let on = |service: &str, rest: &str| format!("arn:aws:{service}:eu-west-1:{account}:{rest}");
    let statements = [
        allow(&["s3:GetObject"], "arn:aws:s3:::harrowmere-exports/*"),
        allow(&["dynamodb:PutItem", "dynamodb:DeleteItem", "dynamodb:UpdateItem"], &on("dynamodb", "table/*")),
        allow(&["sqs:SendMessage", "sqs:DeleteMessage", "sqs:PurgeQueue"], &on("sqs", "*")),
        allow(&["kinesis:PutRecord", "kinesis:PutRecords"], &on("kinesis", "stream/*")),
    ];
    let mut common = estate.common(Made("report-builder", 720, "finance"), &statements);
    common.watched = vec![("dynamodb", None), ("kinesis", None), ("s3", Some(3)), ("sqs", None)];
    let used_days = Some(estate.lately("report-builder", 4));
    let role = estate.role(Role { common, trust: trust_service("lambda"), used_days, ..Role::default() });
    estate.plant("unused-service", &role, "may write to three services and only reads from a fourth");
    estate.plant("overprivileged-nhi", &role, "most of what it may do is not used");
}

/// What is neglected in staging.
pub fn staging(estate: &mut Estate<'_>) {
    // The key of the root was found by a review and deleted.
    if !estate.week.has(ROOT_KEY_GONE) {
        estate.root_key = Some(800);
        let root = estate.site.arn("root");
        estate.plant("root-access-key", &root, "the root of the account has a key");
        estate.plant("key-age", &root, "and it is more than two years old");
    }
    console_users(estate);
    let deploys = [allow(&["ecs:UpdateService", "ecr:PutImage"], "*")];
    let key = estate.rotated_key(8);
    let user = estate.machine(Made("svc-jenkins-deploy", 1_050, "platform"), &deploys, vec![key]);
    estate.plant(
        "ci-static-credential",
        &user,
        "a build server with a key where pipelines could sign in by themselves",
    );
    sandbox(estate);
}

/// People with users of their own, from before Okta.
fn console_users(estate: &mut Estate<'_>) {
    let person = estate.staff.steady("payments", 2).address.clone();
    let common = Common { tags: Vec::new(), ..estate.common(Made(&person, 900, ""), &[]) };
    let mfa = estate.week.has(26);
    let password = Some(Password { used_days: estate.lately("console", 6), mfa });
    let user = estate.user(User { common, password, ..User::default() });
    if mfa {
        estate.facts.sound("console-user-without-mfa", &user, "enrolled a second factor at the end of October");
    } else {
        estate.plant("console-user-without-mfa", &user, "signs in with a password alone");
    }
    let Some(leaver) = estate.staff.leavers().into_iter().min_by_key(|one| std::cmp::Reverse(one.left)) else { return };
    let (address, has_left, left) = (leaver.address.clone(), leaver.has_left(estate.week), leaver.left.unwrap_or(0));
    let used = if has_left { estate.week.age(left + 1) } else { estate.lately("leaver", 4) };
    let common = estate.common(Made(&address, left + 300, ""), &[]);
    let password = Some(Password { used_days: used, mfa: true });
    let user = estate.user(User { common, password, ..User::default() });
    if has_left {
        estate.plant("leaver-access", &user, "has left, and the password still works");
    }
}

/// A role with everything that was meant for a weekend, and who may run code as it.
fn sandbox(estate: &mut Estate<'_>) {
    let common = Common {
        attached: vec![ADMINISTRATOR.to_owned()],
        ..estate.common(Made("sandbox-admin", 900, "platform"), &[])
    };
    let used_days = Some(estate.week.age(480));
    let passed = estate.role(Role { common, trust: trust_service("lambda"), used_days, ..Role::default() });
    estate.plant_administrator(&passed, "a sandbox role with everything");
    estate.plant("dormant-administrator", &passed, "unused for more than a year");
    estate.plant("environment-crossing", &passed, super::trusts::REPLAY);
    let functions = ["lambda:CreateFunction", "lambda:InvokeFunction"];
    let statements = [allow(&["iam:PassRole"], &passed), allow(&functions, "*")];
    let owner = estate.department("storefront");
    let role = estate.used_role(Made("function-publisher", 400, owner), &statements, trust_service("codebuild"));
    estate.plant("escalation-path", &role, "may run code of its own as an administrator's role");
    estate.plant("environment-crossing", &role, super::trusts::REPLAY);
}

/// What is neglected in the account of the data platform.
pub fn data(estate: &mut Estate<'_>) {
    let everything = [allow(&["s3:*"], "*")];
    let role = estate.used_role(Made("warehouse-loader", 640, "data"), &everything, trust_service("glue"));
    estate.plant("overprivileged-nhi", &role, "every action of a service on everything");
    let common = estate
        .common(Made("forecast-2024", 800, "data"), &[allow(&["s3:GetObject"], "arn:aws:s3:::harrowmere-forecasts/*")]);
    let used_days = Some(estate.week.age(330));
    let role = estate.role(Role { common, trust: trust_service("glue"), used_days, ..Role::default() });
    estate.plant("stale-principal", &role, "left over from a project that ended");
    pilot(estate);
    delegated(estate);
}

/// A user for a pilot that never began, and its key that nobody has ever used.
fn pilot(estate: &mut Estate<'_>) {
    let made = estate.week.age(120);
    let keys = vec![Key { made_days: made, used_days: None }];
    let pilot = [allow(&["appflow:DescribeFlow"], "*")];
    let user = estate.machine(Made("svc-pilot-sync", 121, "data"), &pilot, keys);
    if made >= UNUSED_REVIEW {
        estate.plant("unused-key", &user, "a key that was never used");
    }
    if made > KEY_AGE {
        estate.plant("key-age", &user, "a key of more than ninety days");
    }
    if made + 1 >= UNUSED_STALE && !estate.lacks_reports() {
        estate.plant("stale-principal", &user, "made for a pilot that never began");
    }
}

/// Everything in IAM, inside a boundary that allows no change there.
fn delegated(estate: &mut Estate<'_>) {
    let boundary = estate.site.arn("policy/workload-boundary");
    let allowed = document(&[allow(&["s3:*", "athena:*", "glue:Get*", "iam:Get*", "iam:List*"], "*")]);
    estate.policies.push(managed(&estate.site, &boundary, &allowed));
    let common = Common {
        boundary: Some(boundary),
        ..estate.common(Made("delegated-admin", 500, "data"), &[allow(&["iam:*"], "*")])
    };
    let trust = document(&[json!({
        "Effect": "Allow",
        "Principal": {"Service": "cloudformation.amazonaws.com"},
        "Action": "sts:AssumeRole",
    })]);
    let used_days = Some(estate.lately("delegated", 9));
    let role = estate.role(Role { common, trust, used_days, ..Role::default() });
    estate.facts.sound("escalation-path", &role, "iam:* inside a boundary that allows no change in IAM");
    estate.facts.sound("administrator-equivalent", &role, "iam:* inside a boundary that allows no change in IAM");
}
