//! CloudTrail logs as usage: which actions a principal called, how often, and when last.
//!
//! Log files (`{"Records": […]}`), lines of JSON, and `lookup-events` responses are read. Calls are added up by
//! principal and action, so memory grows with what was used and not with the log. A call that was refused is no
//! use of a permission. Event names are API calls and mostly, not always, the names of actions; those known to
//! differ are translated.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::names;
use crate::model::text::parse_time;
use crate::model::{Builder, Entity, EntityKind, Granularity, Usage};
use crate::platforms::aws::NAME;
use crate::platforms::aws::arn::{Arn, Principal};
use crate::platforms::aws::logging::Logging;
use crate::platforms::input::json::{Batch, Fields, Sink};
use crate::platforms::input::{Head, Input, ReadError, Reader};

/// Name of the format.
pub const FORMAT: &str = "aws-cloudtrail";

/// Reads CloudTrail logs.
pub struct CloudTrail;

impl Reader for CloudTrail {
    fn name(&self) -> &'static str {
        FORMAT
    }

    fn title(&self) -> &'static str {
        "AWS CloudTrail logs (`{\"Records\": […]}`, lines of JSON, or `aws cloudtrail lookup-events`)"
    }

    fn recognises(&self, head: &Head) -> bool {
        head.first("Records")
            .is_some_and(|record| record.contains_key("eventSource") && record.contains_key("eventName"))
            || head.first("Events").is_some_and(|event| event.contains_key("CloudTrailEvent"))
            || (head.has("eventSource") && head.has("eventName") && head.has("userIdentity"))
    }

    fn read(&self, input: &mut Input<'_>, out: &mut Builder) -> Result<(), ReadError> {
        let mut log = Log { out, used: BTreeMap::new(), windows: BTreeMap::new() };
        let outcome = input.split(&mut log);
        log.finish();
        outcome
    }

    fn records_everyone(&self) -> bool {
        true
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    event_time: Option<String>,
    event_source: Option<String>,
    event_name: Option<String>,
    error_code: Option<String>,
    event_type: Option<String>,
    #[serde(default, deserialize_with = "account")]
    recipient_account_id: u64,
    user_identity: Option<Identity>,
    #[serde(rename = "CloudTrailEvent")]
    inner: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Identity {
    #[serde(rename = "type")]
    kind: Option<String>,
    arn: Option<String>,
    session_context: Option<Session>,
    on_behalf_of: Option<OnBehalfOf>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Session {
    session_issuer: Option<Issuer>,
}

#[derive(Deserialize)]
struct Issuer {
    arn: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OnBehalfOf {
    user_id: Option<String>,
}

/// One call that counts.
#[derive(Debug, PartialEq, Eq)]
struct Call {
    principal: String,
    action: String,
    at: i64,
}

/// What a record says: its time, the number of the account whose log it is in (0 when it does not say), and the
/// permissions used if it is a call of a principal.
type Event = (i64, u64, Vec<Call>);

/// Reads an account's number from its text, without a copy of each.
fn account<'de, D: serde::Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    struct Number;
    impl serde::de::Visitor<'_> for Number {
        type Value = u64;

        fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            out.write_str("an account id")
        }

        fn visit_str<E>(self, text: &str) -> Result<u64, E> {
            Ok(account_number(text))
        }

        fn visit_unit<E>(self) -> Result<u64, E> {
            Ok(0)
        }
    }
    from.deserialize_any(Number)
}

/// An account id as a number; 0 for what is none.
fn account_number(text: &str) -> u64 {
    text.parse().unwrap_or(0)
}

fn parse(json: &[u8]) -> Result<Event, String> {
    let mut record: Record = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    if let Some(inner) = record.inner.take() {
        record = serde_json::from_str(&inner).map_err(|error| error.to_string())?;
    }
    let time = record.event_time.as_deref().ok_or("it has no `eventTime`")?;
    let at = parse_time(time).ok_or_else(|| format!("`{time}` is no date"))?;
    let (Some(source), Some(name)) = (record.event_source, record.event_name) else {
        return Err("it has no `eventSource` or no `eventName`".to_owned());
    };
    let refused = record.error_code.is_some_and(|code| {
        code.contains("AccessDenied") || code.contains("Unauthorized") || code.contains("AuthFailure")
    });
    // What a service does of its own accord is recorded too and is no call.
    let call = record.event_type.is_none_or(|kind| kind != "AwsServiceEvent");
    let calls = match record.user_identity.and_then(principal) {
        Some(principal) if call && !refused => {
            let call = |action| Call { principal: principal.clone(), action, at };
            actions(&source, &name).into_iter().map(call).collect()
        }
        _ => Vec::new(),
    };
    Ok((at, record.recipient_account_id, calls))
}

/// Id of the entity that called: a session counts as its role.
fn principal(identity: Identity) -> Option<String> {
    if let Some(user) = identity.on_behalf_of.and_then(|of| of.user_id).filter(|_| identity.arn.is_none()) {
        return Some(format!("aws:identity-center/user/{user}"));
    }
    match identity.kind.as_deref()? {
        "IAMUser" | "Root" => identity.arn,
        "AssumedRole" | "Role" | "FederatedUser" => {
            let issuer = identity.session_context.and_then(|session| session.session_issuer);
            issuer.and_then(|issuer| issuer.arn).or(identity.arn)
        }
        _ => None,
    }
}

/// Services whose permissions have another prefix than their endpoint.
const PREFIXES: [(&str, &str); 4] = [
    ("monitoring", "cloudwatch"),
    ("email", "ses"),
    ("application-insights", "applicationinsights"),
    ("sso-directory", "identitystore"),
];

/// The permissions that a call used; none for what needs none.
fn actions(source: &str, name: &str) -> Vec<String> {
    let service = source.split(".amazonaws.com").next().unwrap_or(source);
    // Signing in is no permission, and what a federated session begins with is trust, not a grant.
    if service == "signin" || name.is_empty() {
        return Vec::new();
    }
    let prefix = PREFIXES.iter().find(|(endpoint, _)| *endpoint == service).map_or(service, |(_, prefix)| *prefix);
    let call = format!("{prefix}:{}", without_version(name));
    Logging::get().permissions(&call).map_or_else(|| vec![call.clone()], <[String]>::to_vec)
}

/// Some services put the date of their interface behind the name: `GetFunction20150331v2`.
fn without_version(name: &str) -> &str {
    let stem = name.rsplit_once('v').filter(|(stem, rest)| {
        stem.ends_with(|last: char| last.is_ascii_digit())
            && !rest.is_empty()
            && rest.bytes().all(|byte| byte.is_ascii_digit())
    });
    let stem = stem.map_or(name, |(stem, _)| stem);
    let letters = stem.trim_end_matches(|last: char| last.is_ascii_digit());
    let dated = stem.len() - letters.len() == 8 && !letters.is_empty();
    if dated { letters.trim_end_matches('_') } else { name }
}

struct Log<'b> {
    out: &'b mut Builder,
    /// (principal, action) to (calls, latest).
    used: BTreeMap<(String, String), (u64, i64)>,
    /// First and last event by account.
    windows: BTreeMap<u64, (i64, i64)>,
}

impl Sink for Log<'_> {
    fn is_list(&self, key: &str) -> bool {
        key == "Records" || key == "Events"
    }

    fn bare(&self) -> bool {
        true
    }

    fn records(&mut self, batch: &Batch) {
        for (index, event) in batch.parse(parse).into_iter().enumerate() {
            match event {
                Err(why) => {
                    self.out.skip("record_invalid", &batch.pointer(index), format!("an event cannot be read: {why}"));
                }
                Ok((at, account, calls)) => {
                    self.out.source.records += 1;
                    let window = self.windows.entry(account).or_insert((at, at));
                    *window = (window.0.min(at), window.1.max(at));
                    for call in calls {
                        let used = self.used.entry((call.principal, call.action)).or_insert((0, call.at));
                        used.0 += 1;
                        used.1 = used.1.max(call.at);
                    }
                }
            }
        }
    }

    fn document(&mut self, _pointer: &str, _fields: Fields) {}
}

impl Log<'_> {
    fn finish(self) {
        let source = self.out.source_id();
        // A principal of an account whose own log this is not was watched as long as there is any log.
        let whole = self.windows.values().copied().reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
        for ((principal, permission), (count, last)) in self.used {
            let home = Arn::parse(&principal).map_or("", |arn| arn.account).to_owned();
            let entity = match Principal::parse(&principal) {
                Principal::Session { .. } => names::trustee(self.out, &principal, &home),
                _ if principal.ends_with(":root") => Some(self.out.refer(&principal, NAME, EntityKind::User, "root")),
                _ => Some(names::named(self.out, &principal, &home)),
            };
            let Some(entity) = entity else { continue };
            let mut known = self.out.entity(entity).clone();
            known.last_used_at = Some(last);
            known.last_used_source = Some("cloudtrail".to_owned());
            self.out.define(known);
            let window = self.windows.get(&account_number(&home)).copied().or(whole);
            self.out.usage.push(Usage {
                entity,
                permission,
                granularity: Granularity::Action,
                last_used_at: Some(last),
                count: Some(count),
                window_start: window.map(|(first, _)| first),
                window_end: window.map(|(_, last)| last),
                source,
                record: String::new(),
            });
        }
    }
}

/// Account of a principal.
fn home(entity: &Entity) -> String {
    Arn::parse(&entity.id).map_or("", |arn| arn.account).to_owned()
}

/// Adds up the calls of all log files of a scan: one row for each principal and action, in the first file that
/// has it. The time observed is from the first event of the account's files to the last.
pub fn merge(builders: &mut [&mut Builder]) {
    let mut total: BTreeMap<(String, String), (u64, Option<i64>)> = BTreeMap::new();
    let mut windows: BTreeMap<String, (Option<i64>, Option<i64>)> = BTreeMap::new();
    for builder in builders.iter().filter(|builder| builder.source.kind == FORMAT) {
        for row in &builder.usage {
            let key = (builder.entity(row.entity).id.clone(), row.permission.clone());
            let sum = total.entry(key).or_insert((0, None));
            *sum = (sum.0 + row.count.unwrap_or(0), sum.1.max(row.last_used_at));
            let window = windows.entry(home(builder.entity(row.entity))).or_default();
            window.0 = window.0.into_iter().chain(row.window_start).min();
            window.1 = window.1.max(row.window_end);
        }
    }
    for builder in builders.iter_mut().filter(|builder| builder.source.kind == FORMAT) {
        let mut rows = std::mem::take(&mut builder.usage);
        rows.retain_mut(|row| {
            let key = (builder.entity(row.entity).id.clone(), row.permission.clone());
            let Some((count, last)) = total.remove(&key) else { return false };
            (row.count, row.last_used_at) = (Some(count), last);
            let window = windows.get(&home(builder.entity(row.entity))).copied().unwrap_or_default();
            (row.window_start, row.window_end) = window;
            true
        });
        builder.usage = rows;
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{codes, read};
    use super::*;

    fn event(time: &str, source: &str, name: &str, identity: &str, more: &str) -> String {
        format!(
            r#"{{"eventVersion":"1.08","eventTime":"{time}","eventSource":"{source}.amazonaws.com","eventName":"{name}","userIdentity":{identity}{more}}}"#
        )
    }

    const USER: &str = r#"{"type":"IAMUser","arn":"arn:aws:iam::111111111111:user/u"}"#;
    const ROLE: &str = r#"{"type":"AssumedRole","arn":"arn:aws:sts::111111111111:assumed-role/r/s","sessionContext":{"sessionIssuer":{"type":"Role","arn":"arn:aws:iam::111111111111:role/p/r"}}}"#;

    #[test]
    fn calls_add_up_by_principal_and_action_in_every_form_of_log() {
        let events = [
            event("2024-01-01T00:00:00Z", "s3", "ListBuckets", USER, ""),
            event("2024-01-03T00:00:00Z", "s3", "ListBuckets", USER, ""),
            event("2024-01-02T00:00:00Z", "lambda", "GetFunction20150331v2", ROLE, ""),
            event("2024-01-04T00:00:00Z", "iam", "CreateUser", USER, r#","errorCode":"AccessDenied""#),
            event("2024-01-05T00:00:00Z", "kms", "Decrypt", r#"{"type":"AWSService","invokedBy":"x"}"#, ""),
            event("2024-01-05T00:00:00Z", "signin", "ConsoleLogin", USER, ""),
        ];
        let looked_up: Vec<String> = events
            .iter()
            .map(|event| serde_json::json!({"EventId": "x", "CloudTrailEvent": event}).to_string())
            .collect();
        for text in [
            format!(r#"{{"Records":[{}]}}"#, events.join(",")),
            events.join("\n"),
            format!(r#"{{"Events":[{}]}}"#, looked_up.join(",")),
        ] {
            let out = read(&CloudTrail, "trail", &text);
            let rows: Vec<_> = out
                .usage
                .iter()
                .map(|row| (out.entity(row.entity).id.as_str(), row.permission.as_str(), row.count, row.last_used_at))
                .collect();
            assert_eq!(
                rows,
                [
                    ("arn:aws:iam::111111111111:role/p/r", "lambda:GetFunction", Some(1), parse_time("2024-01-02")),
                    ("arn:aws:iam::111111111111:user/u", "s3:ListAllMyBuckets", Some(2), parse_time("2024-01-03")),
                ]
            );
            let window = (parse_time("2024-01-01"), parse_time("2024-01-05"));
            assert!(out.usage.iter().all(|row| (row.window_start, row.window_end) == window));
            assert_eq!(out.source.records, 6);
            assert!(codes(&out).is_empty());
        }
    }

    #[test]
    fn files_of_one_scan_add_up() {
        let file = |time: &str, name: &str| {
            read(&CloudTrail, "t", &format!(r#"{{"Records":[{}]}}"#, event(time, "s3", name, USER, "")))
        };
        let mut one = file("2024-01-02T00:00:00Z", "GetBucketAcl");
        let mut two = file("2024-01-01T00:00:00Z", "GetBucketAcl");
        let mut three = file("2024-01-03T00:00:00Z", "PutBucketAcl");
        merge(&mut [&mut one, &mut two, &mut three]);
        assert_eq!((one.usage.len(), two.usage.len(), three.usage.len()), (1, 0, 1));
        assert_eq!((one.usage[0].count, one.usage[0].last_used_at), (Some(2), parse_time("2024-01-02")));
        assert_eq!(one.usage[0].window_start, parse_time("2024-01-01"));
        assert_eq!(one.usage[0].window_end, parse_time("2024-01-03"));
    }

    #[test]
    fn each_account_was_watched_for_as_long_as_its_own_logs_go() {
        let other = r#"{"type":"IAMUser","arn":"arn:aws:iam::222222222222:user/v"}"#;
        let at = |time: &str, who: &str, account: &str| {
            event(time, "s3", "GetBucketAcl", who, &format!(r#","recipientAccountId":"{account}""#))
        };
        let long = [at("2024-01-01T00:00:00Z", USER, "111111111111"), at("2024-03-01T00:00:00Z", USER, "111111111111")];
        let short = at("2024-02-01T00:00:00Z", other, "222222222222");
        let mut one = read(&CloudTrail, "t", &format!(r#"{{"Records":[{},{short}]}}"#, long.join(",")));
        merge(&mut [&mut one]);
        let windows: Vec<_> = one.usage.iter().map(|row| (row.window_start, row.window_end)).collect();
        let day = parse_time;
        assert_eq!(windows, [(day("2024-01-01"), day("2024-03-01")), (day("2024-02-01"), day("2024-02-01"))]);
    }

    #[test]
    fn calls_under_other_names_use_every_permission_that_they_need_and_services_events_none() {
        let copy = event("2024-01-01T00:00:00Z", "s3", "CopyObject", USER, "");
        let own = event(
            "2024-01-01T00:00:00Z",
            "ec2",
            "SharedSnapshotVolumeCreated",
            USER,
            r#","eventType":"AwsServiceEvent""#,
        );
        let out = read(&CloudTrail, "t", &format!(r#"{{"Records":[{copy},{own}]}}"#));
        let used: Vec<&str> = out.usage.iter().map(|row| row.permission.as_str()).collect();
        assert_eq!(used, ["s3:GetObject", "s3:PutObject"]);
    }

    #[test]
    fn only_a_date_behind_a_name_comes_off() {
        for (name, expected) in [
            ("GetFunction20150331v2", "GetFunction"),
            ("ListFunctions20150331", "ListFunctions"),
            ("ListObjectsV2", "ListObjectsV2"),
            ("GetRole", "GetRole"),
            ("UpdateV3", "UpdateV3"),
            ("20150331", "20150331"),
        ] {
            assert_eq!(without_version(name), expected);
        }
    }
}
