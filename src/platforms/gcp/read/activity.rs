//! What was used, and when last: activities of Policy Analyzer, insights of the IAM recommender.

use serde_json::Value;

use super::super::names;
use super::estate::Estate;
use super::value::{at, field, list, text, texts, time};
use crate::model::{Granularity, Handle, Usage};

/// Seconds of an observation beyond which a period is none.
const PERIOD_SECONDS_MAX: i64 = 10 * 366 * 86_400;
/// Attribute that says for which role and member the unused permissions of an insight are to be stated.
pub const UNUSED: &str = "insight";

/// Whether a record is an activity.
#[must_use]
pub fn is_activity(value: &Value) -> bool {
    text(value, "activityType").is_some() && field(value, "activity").is_some()
}

/// Whether a record is an insight or a recommendation.
#[must_use]
pub fn is_insight(value: &Value) -> bool {
    text(value, "insightSubtype").is_some()
        || (text(value, "recommenderSubtype").is_some() && field(value, "content").is_some())
}

/// Reads an activity: when an account or a key of one last proved who it is.
pub fn activity(estate: &mut Estate<'_>, value: &Value, place: &str) {
    let full = text(value, "fullResourceName").unwrap_or_default();
    let inner = field(value, "activity").cloned().unwrap_or_default();
    let last = time(&inner, "lastAuthenticatedTime");
    let path = at(&inner, &["serviceAccount", "fullResourceName"])
        .or_else(|| at(&inner, &["serviceAccountKey", "fullResourceName"]))
        .and_then(Value::as_str)
        .map_or_else(|| full.to_string(), str::to_owned);
    let Some((_, rest)) = path.split_once("/serviceAccounts/") else {
        return estate.out.skip("record_invalid", place, format!("`{path}` is no service account and no key of one"));
    };
    estate.out.source.records += 1;
    let (owner, key) = rest.split_once("/keys/").map_or((rest, None), |(owner, key)| (owner, Some(key)));
    // An activity of a key names its account by number, and its e-mail address beside that.
    let key_owner = at(&inner, &["serviceAccountKey", "serviceAccount"]);
    let beside = key_owner.or_else(|| field(&inner, "serviceAccount")).and_then(|owner| text(owner, "serviceAccountId"));
    let account = estate.account(owner);
    if let Some(number) = beside.filter(|number| owner.contains('@') && names::is_number(number)) {
        estate.out.attribute(account, super::estate::ALSO, &format!("{}{number}", names::ACCOUNT));
    }
    let window = observed(value);
    match key {
        Some(key) => {
            let said = match last {
                Some(last) => last.to_string(),
                None => "never".to_owned(),
            };
            estate.out.attribute(account, KEY_USE, &format!("{key} {said}"));
        }
        None => authenticated(estate, account, last, window, place),
    }
}

/// Attribute with a key and when it was last used, or `never`.
pub const KEY_USE: &str = "key_last_used";

fn authenticated(estate: &mut Estate<'_>, account: Handle, last: Option<i64>, window: (Option<i64>, Option<i64>), place: &str) {
    if let Some(last) = last {
        estate.describe(account, place, |entity| {
            if entity.last_used_at < Some(last) {
                entity.last_used_at = Some(last);
                entity.last_used_source = Some("policy-analyzer".to_owned());
            }
        });
    }
    if let Some(end) = window.1 {
        estate.out.attribute(account, "observed_until", &end.to_string());
    }
}

/// Start and end of the time that a record observed.
fn observed(value: &Value) -> (Option<i64>, Option<i64>) {
    let Some(period) = field(value, "observationPeriod") else { return (None, None) };
    match period {
        Value::Object(_) => (time(period, "startTime"), time(period, "endTime")),
        _ => {
            let end = time(value, "lastRefreshTime");
            let seconds = period.as_str().and_then(|text| text.trim_end_matches('s').parse::<i64>().ok());
            let days = seconds.filter(|seconds| (0..PERIOD_SECONDS_MAX).contains(seconds));
            (end.zip(days).map(|(end, seconds)| end - seconds * 1000), end)
        }
    }
}

/// Reads an insight. Recommendations repeat what insights say, and are passed over.
pub fn insight(estate: &mut Estate<'_>, value: &Value, place: &str) {
    estate.out.source.records += 1;
    let Some(kind) = text(value, "insightSubtype") else { return };
    let Some(content) = field(value, "content") else { return };
    match kind.as_ref() {
        "SERVICE_ACCOUNT_USAGE" => {
            let Some(email) = text(content, "email") else {
                return estate.out.skip("record_invalid", place, "an insight names no service account".to_owned());
            };
            let account = estate.account(&email);
            authenticated(estate, account, time(content, "lastAuthenticatedTime"), observed(value), place);
        }
        kind if kind.starts_with("PERMISSIONS_USAGE") => permissions(estate, value, content, place),
        _ => {}
    }
}

/// Which permissions of a role a member used in the time that was observed. When is not said: at its end, at the latest.
fn permissions(estate: &mut Estate<'_>, value: &Value, content: &Value, place: &str) {
    let (Some(member), Some(role)) = (text(content, "member"), text(content, "role")) else {
        return estate.out.skip("record_invalid", place, "an insight about permissions names no member or no role".to_owned());
    };
    let Some(member) = estate.who(&member, place) else { return };
    let (start, end) = observed(value);
    estate.role(&role);
    let exercised = list(content, "exercisedPermissions").iter().filter_map(|one| {
        one.as_str().map(str::to_owned).or_else(|| text(one, "permission").map(std::borrow::Cow::into_owned))
    });
    for permission in exercised {
        use_of(estate.out, member, permission, end.or(start), (start, end), place);
    }
    let targets: Vec<&str> = texts(value, "targetResources").collect();
    estate.out.attribute(member, UNUSED, &serde_json::json!([role, start, end, place, targets]).to_string());
}

/// States that a permission was used, or (without a time) that it was not.
pub fn use_of(
    out: &mut crate::model::Builder,
    entity: Handle,
    permission: String,
    last: Option<i64>,
    window: (Option<i64>, Option<i64>),
    place: &str,
) {
    out.usage.push(Usage {
        entity,
        permission,
        granularity: Granularity::Action,
        last_used_at: last,
        count: None,
        window_start: window.0,
        window_end: window.1,
        source: out.source_id(),
        record: place.to_owned(),
    });
}
