//! Identities that nobody looks after: owners who are gone, rights that are not used, duties in one hand, leavers, keys.

use super::super::record::{Common, Key, Password, Role, User};
use super::super::site::{allow, trust_service};
use super::Bed;

/// Actions of the duty to start a release, and of the duty to approve it.
pub const DUTIES: (&str, &str) = ("codepipeline:StartPipelineExecution", "codepipeline:PutApprovalResult");

/// A key as it should be.
const KEY: Key = Key { made_days: 31, used_days: Some(2) };

/// A role that does its work unseen.
fn working_role(bed: &Bed<'_>, name: &str, owner: Option<String>) -> Role {
    let bucket = format!("arn:aws:s3:::harrowmere-{name}/*");
    let tags = owner.into_iter().map(|owner| ("owner", owner)).collect();
    let common = Common { tags, ..bed.with_rights(name, 620, &[allow(&["s3:GetObject", "s3:PutObject"], &bucket)]) };
    Role { common, trust: trust_service("lambda"), used_days: Some(7), ..Role::default() }
}

/// A role whose owner has left.
pub fn owner_left(bed: &mut Bed<'_>) {
    let owner = bed.site.plan.people.leaver(bed.site.account.at).address;
    let role = bed.role(working_role(bed, "invoice-archiver", Some(owner)));
    bed.tally.rule("orphan", "orphaned-nhi", &role, "its owner has left");
}

/// A role whose owner is nobody's name.
pub fn owner_is_nobody(bed: &mut Bed<'_>) {
    let role = bed.role(working_role(bed, "ledger-mirror", Some("team-that-was-dissolved".to_owned())));
    bed.tally.rule("orphan", "orphaned-nhi", &role, "its owner is the name of nobody and nothing");
}

/// A role without an owner.
pub fn nobody_answers(bed: &mut Bed<'_>) {
    let role = bed.role(working_role(bed, "thumbnail-renderer", None));
    bed.tally.rule("orphan", "orphaned-nhi", &role, "nobody ever said whose it is");
}

/// A role with far more than it uses.
pub fn excess(bed: &mut Bed<'_>) {
    let account = bed.site.account.id.clone();
    let on = |service: &str, rest: &str| format!("arn:aws:{service}:eu-west-1:{account}:{rest}");
    let statements = [
        allow(&["s3:GetObject"], "arn:aws:s3:::harrowmere-exports/*"),
        allow(&["dynamodb:PutItem", "dynamodb:DeleteItem", "dynamodb:UpdateItem"], &on("dynamodb", "table/*")),
        allow(&["sqs:SendMessage", "sqs:DeleteMessage", "sqs:PurgeQueue"], &on("sqs", "*")),
        allow(&["kinesis:PutRecord", "kinesis:PutRecords"], &on("kinesis", "stream/*")),
    ];
    let mut common = bed.with_rights("legacy-exporter", 720, &statements);
    common.watched = vec![("dynamodb", None), ("kinesis", None), ("s3", Some(3)), ("sqs", None)];
    let role = bed.role(Role { common, trust: trust_service("lambda"), used_days: Some(3), ..Role::default() });
    bed.tally.rule("excess", "unused-service", &role, "may write to three services and only reads from a fourth");
    bed.tally.rule("excess", "overprivileged-nhi", &role, "most of what it may do is not used");
}

/// A role that may start a release and approve it.
pub fn duties(bed: &mut Bed<'_>) {
    let pipeline = format!("arn:aws:codepipeline:eu-west-1:{}:*", bed.site.account.id);
    let common = bed.with_rights("release-bot", 380, &[allow(&[DUTIES.0, DUTIES.1], &pipeline)]);
    let role = bed.role(Role { common, trust: trust_service("lambda"), used_days: Some(5), ..Role::default() });
    bed.tally.rule("segregation", "sod-conflict", &role, "may start a release and approve it");
    let common = bed.with_rights("release-starter", 380, &[allow(&[DUTIES.0], &pipeline)]);
    let role = bed.role(Role { common, trust: trust_service("lambda"), used_days: Some(5), ..Role::default() });
    bed.tally.no_finding("sod-conflict", &role, "may start a release and not approve it");
}

/// Somebody who left and can still sign in.
pub fn leaver(bed: &mut Bed<'_>) {
    // One leaver for each round of accounts; a number of their own for each account.
    let person = bed.site.plan.people.leaver(bed.site.account.at);
    let left = person.left_days.unwrap_or(30);
    let common = Common { name: person.address, created_days: left + 300, ..Common::default() };
    let password = Some(Password { used_days: left + 2, mfa: true });
    let user = bed.user(User { common, password, ..User::default() });
    bed.tally.rule("leaver", "leaver-access", &user, "has left, and the password still works");
}

fn with_keys(bed: &mut Bed<'_>, name: &str, keys: Vec<Key>) -> String {
    let bucket = format!("arn:aws:s3:::harrowmere-{name}/*");
    let common = bed.with_rights(name, 640, &[allow(&["s3:PutObject"], &bucket)]);
    bed.user(User { common, keys, ..User::default() })
}

/// A key that is long past its time and in daily use.
pub fn old_key(bed: &mut Bed<'_>) {
    let user = with_keys(bed, "svc-bank-upload", vec![Key { made_days: 510, used_days: Some(1) }]);
    bed.tally.rule("credential", "key-age", &user, "a key of well over a year, in daily use");
    let young = with_keys(bed, "svc-bank-download", vec![KEY]);
    bed.tally.no_finding("key-age", &young, "a key of 31 days");
}

/// A key that nobody ever used.
pub fn unused_key(bed: &mut Bed<'_>) {
    let user = with_keys(bed, "svc-pilot-sync", vec![Key { made_days: 82, used_days: None }]);
    bed.tally.rule("credential", "unused-key", &user, "a key that was never used");
}

/// Two keys where one would do.
pub fn two_keys(bed: &mut Bed<'_>) {
    let keys = vec![Key { made_days: 70, used_days: Some(3) }, Key { made_days: 20, used_days: Some(1) }];
    let user = with_keys(bed, "svc-courier-feed", keys);
    bed.tally.rule("credential", "second-active-key", &user, "the key that was replaced still works");
}

/// A person who signs in with a password alone.
pub fn no_second_factor(bed: &mut Bed<'_>) {
    let mut user = bed.person();
    user.password = Some(Password { used_days: 4, mfa: false });
    let user = bed.user(user);
    bed.tally.rule("credential", "console-user-without-mfa", &user, "signs in with a password alone");
}
