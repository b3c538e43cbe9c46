//! Service-last-accessed reports: which services (and actions) a principal used, and when last.
//!
//! The response does not name its principal. It is taken from a key `Arn` that a tool wrapped around it, from the
//! file's name (percent-encoded, or with `_` for what file names may not hold), or through the job id of the
//! `generate-service-last-accessed-details` response whose file is named after the principal.

use rustc_hash::FxHashMap;
use serde_json::Value;

use super::authorization::moment;
use super::authorization_records::Stamp;
use super::names;
use super::response::{self, Page, text};
use crate::model::{Builder, EntityKind, Granularity, Handle, IssueSeverity, Usage};
use crate::platforms::aws::NAME;
use crate::platforms::aws::arn::Arn;
use crate::platforms::input::{Head, Input, ReadError, Reader};

/// Beginning of the id of a principal that only another file names.
pub const PENDING: &str = "aws:last-accessed/";
/// Days for which IAM keeps track of use at least ("Refine permissions in AWS using last accessed information").
const TRACKED_DAYS: i64 = 400;
/// Milliseconds of a day.
const DAY: i64 = 86_400_000;
/// Attribute that says which job is about a principal, until all files are known.
const JOB: &str = "last_accessed_job";

/// Reads service-last-accessed reports and the responses that start them.
pub struct LastAccessed;

impl Reader for LastAccessed {
    fn name(&self) -> &'static str {
        "aws-service-last-accessed"
    }

    fn title(&self) -> &'static str {
        "AWS service-last-accessed details (`aws iam get-service-last-accessed-details`)"
    }

    fn recognises(&self, head: &Head) -> bool {
        head.has("ServicesLastAccessed")
            || (head.has("JobStatus") && head.has("JobCreationDate"))
            || (head.has("JobId") && head.object().is_some_and(|object| object.len() <= 3))
    }

    fn read(&self, input: &mut Input<'_>, out: &mut Builder) -> Result<(), ReadError> {
        let subject = response::file_subject(input);
        response::pages(input, out, &["ServicesLastAccessed"], |out, page| report(out, page, &subject))
    }
}

/// An id as tools write it into file names.
#[must_use]
pub fn mangled(id: &str) -> String {
    id.replace([':', '/'], "_")
}

fn report(out: &mut Builder, mut page: Page, subject: &str) {
    let services = page.take("ServicesLastAccessed");
    let arn =
        page.wrapper(&["Arn", "arn", "PrincipalArn", "EntityArn"]).or_else(|| Arn::parse(subject).map(|_| subject));
    let job = page.text("JobId");
    if !page.fields.contains_key("JobStatus")
        && services.is_empty()
        && !page.fields.contains_key("ServicesLastAccessed")
    {
        if let Some(job) = job {
            start_of_job(out, arn, job, subject);
        }
        return;
    }
    let entity = match (arn, job) {
        (Some(arn), _) => principal(out, arn),
        (None, Some(job)) => pending(out, job),
        (None, None) => pending(out, subject),
    };
    if let Some(status) = page.text("JobStatus").filter(|status| *status != "COMPLETED") {
        let message = format!("the job of this report is `{status}`: what it says is not complete");
        out.issue(IssueSeverity::Warning, "report_incomplete", &page.at("JobStatus"), message);
    }
    let done = page.fields.get("JobCompletionDate").map(Stamp::of).unwrap_or_default();
    let end = moment(out, &done, &page.at("JobCompletionDate"));
    for (pointer, service) in services {
        read_service(out, entity, &service, end, &pointer);
    }
}

fn principal(out: &mut Builder, arn: &str) -> Handle {
    let home = Arn::parse(arn).map_or("", |arn| arn.account).to_owned();
    names::named(out, arn, &home)
}

fn pending(out: &mut Builder, key: &str) -> Handle {
    out.refer(&format!("{PENDING}{key}"), NAME, EntityKind::External, key)
}

/// The response to `generate-…`: its file's name is the principal.
fn start_of_job(out: &mut Builder, arn: Option<&str>, job: &str, subject: &str) {
    let entity = match arn {
        Some(arn) => principal(out, arn),
        None => pending(out, subject),
    };
    out.attribute(entity, JOB, job);
}

fn read_service(out: &mut Builder, entity: Handle, service: &Value, end: Option<i64>, pointer: &str) {
    let Some(namespace) = text(service, "ServiceNamespace") else {
        return out.skip("record_invalid", pointer, "a service without `ServiceNamespace`".to_owned());
    };
    let used = service.get("LastAuthenticated").map(Stamp::of).unwrap_or_default();
    let used = moment(out, &used, &format!("{pointer}/LastAuthenticated"));
    add(out, entity, namespace.to_owned(), Granularity::Service, (used, end), pointer.to_owned());
    let actions = service.get("TrackedActionsLastAccessed").and_then(Value::as_array);
    for (index, action) in actions.into_iter().flatten().enumerate() {
        let place = format!("{pointer}/TrackedActionsLastAccessed/{index}");
        let Some(name) = text(action, "ActionName") else { continue };
        let used = action.get("LastAccessedTime").map(Stamp::of).unwrap_or_default();
        let used = moment(out, &used, &place);
        add(out, entity, format!("{namespace}:{name}"), Granularity::Action, (used, end), place);
    }
    if let Some(used) = used {
        let mut known = out.entity(entity).clone();
        known.last_used_at = Some(used);
        known.last_used_source = Some("service-last-accessed".to_owned());
        out.define(known);
    }
}

fn add(
    out: &mut Builder,
    entity: Handle,
    permission: String,
    granularity: Granularity,
    (last_used_at, window_end): (Option<i64>, Option<i64>),
    record: String,
) {
    let source = out.source_id();
    out.usage.push(Usage {
        entity,
        permission,
        granularity,
        last_used_at,
        count: None,
        // IAM keeps track of the use of services and actions for the last 400 days at least.
        window_start: window_end.map(|end| end - TRACKED_DAYS * DAY),
        window_end,
        source,
        record,
    });
}

/// Takes the jobs that the sources name out of their attributes and learns whom each is about.
pub fn collect_jobs(builders: &mut [&mut Builder], reports: &mut FxHashMap<String, String>) {
    let mut jobs: Vec<(String, String)> = Vec::new();
    for builder in builders.iter_mut() {
        for row in &builder.attributes {
            if row.key == JOB {
                jobs.push((row.value.clone(), builder.entity(row.entity).id.clone()));
            }
        }
        builder.attributes.retain(|row| row.key != JOB);
    }
    for (job, id) in jobs {
        let id = match id.strip_prefix(PENDING) {
            Some(key) => reports.get(key).cloned(),
            None => Some(id),
        };
        if let Some(id) = id {
            reports.entry(job).or_insert(id);
        }
    }
}

/// Reports the records of a source whose principal no file names, before they are dropped.
pub fn report_unknown(builder: &mut Builder, reports: &FxHashMap<String, String>) {
    let unknown: Vec<String> = builder
        .entities()
        .iter()
        .filter_map(|entity| entity.id.strip_prefix(PENDING))
        .filter(|key| !reports.contains_key(*key))
        .map(str::to_owned)
        .collect();
    for key in unknown {
        let message = format!(
            "nothing says whose report `{key}` is: name the file after the principal's ARN, wrap the response in an object with `Arn`, or add the response that started the job"
        );
        builder.skip("usage_principal_unknown", "", message);
        builder.source.records = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{codes, read};
    use super::*;
    use crate::model::text::parse_time;

    const REPORT: &str = r#"{"JobStatus":"COMPLETED","JobCreationDate":"2024-01-02T00:00:00Z","JobCompletionDate":"2024-01-02T00:00:01Z",
        "ServicesLastAccessed":[
          {"ServiceNamespace":"s3","LastAuthenticated":"2024-01-01T00:00:00Z","TrackedActionsLastAccessed":[
             {"ActionName":"GetBucketAcl","LastAccessedTime":"2023-12-01T00:00:00Z"},{"ActionName":"PutBucketAcl"}]},
          {"ServiceNamespace":"iam","TotalAuthenticatedEntities":0}]}"#;

    #[test]
    fn services_and_actions_become_usage_of_the_principal_in_the_file_name() {
        let out = read(&LastAccessed, "x/arn%3Aaws%3Aiam%3A%3A111111111111%3Arole%2Fr", REPORT);
        let role = out.handle("arn:aws:iam::111111111111:role/r").unwrap();
        let rows: Vec<_> =
            out.usage.iter().map(|row| (row.permission.as_str(), row.granularity, row.last_used_at)).collect();
        assert_eq!(
            rows,
            [
                ("s3", Granularity::Service, parse_time("2024-01-01")),
                ("s3:GetBucketAcl", Granularity::Action, parse_time("2023-12-01")),
                ("s3:PutBucketAcl", Granularity::Action, None),
                ("iam", Granularity::Service, None),
            ]
        );
        assert!(out.usage.iter().all(|row| row.entity == role && row.window_end == parse_time("2024-01-02T00:00:01Z")));
        assert_eq!(out.entity(role).last_used_at, parse_time("2024-01-01"));
        assert!(codes(&out).is_empty());
    }

    #[test]
    fn a_job_that_is_not_done_is_reported() {
        let text = r#"{"Arn":"arn:aws:iam::111111111111:role/r","JobStatus":"IN_PROGRESS","JobCreationDate":"2024-01-02T00:00:00Z"}"#;
        assert_eq!(codes(&read(&LastAccessed, "a.json", text)), ["report_incomplete"]);
    }

    #[test]
    fn a_report_is_found_through_its_job_or_its_mangled_name_or_reported() {
        let arn = "arn:aws:iam::111111111111:role/service-role/my_role";
        let mut start =
            read(&LastAccessed, &format!("g/{}", arn.replace(':', "%3A").replace('/', "%2F")), r#"{"JobId":"job-1"}"#);
        let mut by_job = read(&LastAccessed, "d/job-1", REPORT);
        let mut by_name = read(&LastAccessed, "d/arn_aws_iam__111111111111_role_service-role_my_role.json", REPORT);
        let mut unknown = read(&LastAccessed, "d/job-2", REPORT);
        super::super::reconcile::explain(&mut [&mut start, &mut by_job, &mut by_name, &mut unknown]);
        for found in [&by_job, &by_name] {
            assert_eq!(found.usage.len(), 4);
            assert_eq!(found.entity(found.usage[0].entity).id, arn);
        }
        assert!(unknown.usage.is_empty() && start.attributes.is_empty());
        assert_eq!(codes(&unknown), ["usage_principal_unknown"]);
    }
}
