//! The small alphabet that random worlds are written in.

/// The two accounts of random worlds.
pub const ACCOUNTS: &[&str] = &["111111111111", "222222222222"];

/// Id of their organisation.
pub const ORGANIZATION: &str = "o-abc";

/// How a key is compared and with what.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    Text,
    Arn,
    Number,
    Date,
    Bool,
    Binary,
    Ip,
    /// Several strings: only with set prefixes.
    Texts,
}

/// Name of a key, how it is compared, and the values that policies compare it with.
pub type Key = (&'static str, Kind, &'static [&'static str]);

/// Keys that the export decides, or that callers never have.
pub const DECIDABLE: &[Key] = &[
    (
        "aws:PrincipalArn",
        Kind::Arn,
        &["arn:aws:iam::111111111111:user/u0", "arn:aws:iam::*:role/r*", "arn:aws:iam::222222222222:user/*"],
    ),
    ("aws:PrincipalAccount", Kind::Text, ACCOUNTS),
    ("aws:PrincipalTag/dept", Kind::Text, &["red", "green", "re*"]),
    ("AWS:principaltag/Dept", Kind::Text, &["red", "RED"]),
    ("aws:username", Kind::Text, &["u0", "u?", "U1"]),
    ("aws:userid", Kind::Text, &["AIDA1111U0", "AROA1111R0:*", "AROA1111R1:job", "*:job"]),
    ("aws:PrincipalType", Kind::Text, &["User", "AssumedRole"]),
    ("aws:PrincipalOrgID", Kind::Text, &[ORGANIZATION, "o-other"]),
    ("aws:PrincipalOrgPaths", Kind::Texts, &["o-abc/r-root/ou-dev/", "o-abc/*", "o-abc/r-root/"]),
    ("aws:ResourceAccount", Kind::Text, ACCOUNTS),
    ("aws:CurrentTime", Kind::Date, &["2026-01-01T00:00:00Z", "2027-01-01", "2026-11-22T00:00:00Z"]),
    ("aws:EpochTime", Kind::Date, &["1700000000", "2027-01-01T00:00:00Z"]),
    ("aws:EpochTime", Kind::Number, &["1700000000", "1900000000"]),
    ("aws:TokenIssueTime", Kind::Date, &["2020-01-01T00:00:00Z", "2027-01-01T00:00:00Z"]),
    ("aws:PrincipalIsAWSService", Kind::Bool, &[]),
    ("aws:SourceArn", Kind::Arn, &["arn:aws:sns:*:111111111111:*"]),
    ("kms:CallerAccount", Kind::Text, ACCOUNTS),
];

/// Keys that the caller chooses.
pub const CHOSEN: &[Key] = &[
    ("aws:RequestedRegion", Kind::Text, &["eu-west-1", "us-*", "us-east-1"]),
    ("aws:requestedregion", Kind::Text, &["EU-west-1", "eu-*"]),
    ("s3:prefix", Kind::Text, &["home/${aws:username}", "home/*", "home/u0"]),
    ("aws:TagKeys", Kind::Texts, &["dept", "cost", "de*"]),
    ("iam:PassedToService", Kind::Text, &["ec2.amazonaws.com", "lambda.amazonaws.com", "*.amazonaws.com"]),
    ("sts:ExternalId", Kind::Text, &["x1", "x2", "X1"]),
    ("s3:max-keys", Kind::Number, &["10", "20", "30"]),
    ("s3:object-lock-retain-until-date", Kind::Date, &["2026-12-01T00:00:00Z", "2027-12-01T00:00:00Z"]),
    ("aws:SecureTransport", Kind::Bool, &[]),
    ("aws:RequestTag/dept", Kind::Text, &["red", "${aws:PrincipalTag/dept}", "green"]),
    ("app:blob", Kind::Binary, &["QUJD", "REVG"]),
];

/// Keys that the environment gives, at least for most resources.
pub const ENVIRONMENT: &[Key] = &[
    ("aws:SourceIp", Kind::Ip, &["203.0.113.0/24", "203.0.0.0/16", "2001:db8::/32", "198.51.100.7"]),
    ("aws:MultiFactorAuthPresent", Kind::Bool, &[]),
    ("aws:MultiFactorAuthAge", Kind::Number, &["100", "3600"]),
    ("aws:SourceVpce", Kind::Text, &["vpce-1", "vpce-2", "vpce-*"]),
    ("aws:ResourceTag/dept", Kind::Text, &["red", "green", "${aws:PrincipalTag/dept}"]),
    ("iam:ResourceTag/dept", Kind::Text, &["red", "gr*"]),
];

/// Actions that are asked for.
pub const ACTIONS: &[&str] = &[
    "s3:GetObject",
    "s3:PutObject",
    "s3:ListBucket",
    "iam:PassRole",
    "iam:DeleteUser",
    "sts:AssumeRole",
    "kms:Decrypt",
    "sqs:SendMessage",
    "sns:Publish",
    "ec2:DescribeInstances",
];

/// Action elements of statements.
pub const ACTION_PATTERNS: &[&str] = &[
    "*",
    "*",
    "s3:*",
    "S3:getobject",
    "s3:Get*",
    "s3:?etObject",
    "s3:*Object",
    "iam:*",
    "iam:Pass*",
    "sts:*",
    "sts:assume*",
    "kms:De*",
    "sqs:*",
    "sns:Publish",
    "ec2:Describe*",
    "iam:PassRole",
    "s3:PutObject",
    "sqs:Send*",
];

/// Resource elements of statements.
pub const RESOURCE_PATTERNS: &[&str] = &[
    "*",
    "*",
    "*",
    "arn:aws:s3:::data",
    "arn:aws:s3:::data/*",
    "arn:aws:s3:::DATA/*",
    "arn:aws:s3:::data/home/${aws:username}/*",
    "arn:aws:s3:::data/home/${aws:username, 'u0'}/*",
    "arn:aws:s3:::${aws:PrincipalTag/dept}/*",
    "arn:aws:s3:::data/${*}/*",
    "arn:aws:s3:::*",
    "arn:aws:s3*home/u?/x",
    "*:::data/*",
    "arn:aws:iam::*:role/*",
    "arn:aws:iam::111111111111:role/r0",
    "arn:aws:iam::*:user/${AWS:username}",
    "arn:*:role/r?",
    "arn:aws:kms:eu-west-1:111111111111:key/*",
    "arn:aws:sqs:*:*:jobs",
    "arn:aws:sns:*:222222222222:*",
];
