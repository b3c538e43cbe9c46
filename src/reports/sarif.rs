//! SARIF 2.1.0 (OASIS): findings for code scanning and for everything else that reads static analysis results.
//!
//! Fingerprints are those of the findings table and outlive scans. `baselineState` is against the snapshot before;
//! findings that are gone are listed as `absent`. An exception in force is a suppression. Frameworks are taxonomies,
//! and each rule names the controls that it speaks to.

use std::collections::BTreeMap;
use std::io::{self, Write};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::escape::plain;
use super::material::{FrameworkText, RuleText};
use super::{Depth, Report, View, json as document, witness};
use crate::model::text::format_time;
use crate::model::{Entity, EntityId, ExceptionStatus, Finding, FindingState, IssueSeverity, Severity};

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// Where the program is described.
const HOME: &str = "https://github.com/overgrant/overgrant";
/// Issues of the input that a file lists; the last notification says how many more there are.
const NOTIFICATIONS_MAX: usize = 1_000;
/// Characters of a path that stay as they are in a URI reference.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The report `sarif`.
#[derive(Debug)]
pub struct Sarif;

impl Report for Sarif {
    fn name(&self) -> &'static str {
        "sarif"
    }

    fn about(&self) -> &'static str {
        "SARIF 2.1.0: findings, for code scanning"
    }

    fn depth(&self) -> Depth {
        Depth::Texts
    }

    fn write(&self, view: &View<'_>, out: &mut dyn Write) -> io::Result<()> {
        let run = json!({
            "tool": {"driver": driver(view)},
            "automationDetails": {"id": "overgrant/"},
            "columnKind": "unicodeCodePoints",
            "defaultEncoding": "utf-8",
            "artifacts": artifacts(view),
            "invocations": [invocation(view)],
            "taxonomies": view.material.frameworks.iter().map(taxonomy).collect::<Vec<_>>(),
            "results": results(view),
            "properties": {"snapshot": view.snapshot, "asOf": format_time(view.as_of), "incomplete": view.incomplete},
        });
        let log = json!({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]});
        out.write_all(document::text(&log).as_bytes())
    }
}

/// Text as the plain form of a SARIF message: brackets would begin a link, braces a placeholder.
fn message(text: &str) -> Value {
    let mut safe = String::with_capacity(text.len() + 8);
    for character in plain(text).chars() {
        match character {
            '\\' | '[' | ']' => {
                safe.push('\\');
                safe.push(character);
            }
            '{' | '}' => {
                safe.push(character);
                safe.push(character);
            }
            _ => safe.push(character),
        }
    }
    json!({"text": safe})
}

fn uri(path: &str) -> String {
    utf8_percent_encode(&path.replace('\\', "/"), PATH).to_string()
}

fn driver(view: &View<'_>) -> Value {
    let taxonomies: Vec<Value> = frameworks(view).map(|(at, one)| json!({"name": one.name, "index": at})).collect();
    json!({
        "name": "overgrant",
        "semanticVersion": env!("CARGO_PKG_VERSION"),
        "informationUri": HOME,
        "rules": view.material.rules.iter().map(|rule| described(view, rule)).collect::<Vec<_>>(),
        "supportedTaxonomies": taxonomies,
    })
}

fn frameworks<'a>(view: &View<'a>) -> impl Iterator<Item = (usize, &'a FrameworkText)> {
    view.material.frameworks.iter().enumerate()
}

/// A rule. Its level and its score for code scanning are those of the most urgent finding that it has here.
fn described(view: &View<'_>, rule: &RuleText) -> Value {
    let mine = || view.results.findings.iter().filter(|finding| finding.rule == rule.id);
    let worst = mine().map(|finding| finding.severity).min().unwrap_or(Severity::Medium);
    let references = mine().flat_map(|finding| &finding.frameworks);
    let mut targets: Vec<(usize, &str)> = references.filter_map(|reference| target(view, reference)).collect();
    targets.sort_unstable();
    targets.dedup();
    let relationships: Vec<Value> = (targets.iter())
        .map(|(at, id)| {
            let component = json!({"name": view.material.frameworks[*at].name, "index": at});
            json!({"target": {"id": id, "toolComponent": component}, "kinds": ["relevant"]})
        })
        .collect();
    json!({
        "id": rule.id,
        "name": pascal(rule.id),
        "shortDescription": message(rule.title),
        "fullDescription": message(rule.meaning),
        "help": message(rule.remediation),
        "helpUri": format!("{HOME}/blob/main/docs/findings.md#{}", rule.id),
        "defaultConfiguration": {"level": level(worst)},
        "relationships": relationships,
        "properties": {"security-severity": rank(worst), "tags": ["security", "identity"]},
    })
}

/// `key-age` as `KeyAge`: viewers expect the friendly name of a rule to be one word.
fn pascal(id: &str) -> String {
    let word = |part: &str| {
        let mut letters = part.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>())
    };
    id.split('-').filter_map(word).collect()
}

/// The taxonomy and the taxon of a reference.
fn target<'a>(view: &View<'a>, reference: &str) -> Option<(usize, &'a str)> {
    let (framework, control) = view.material.control(reference)?;
    let at = view.material.frameworks.iter().position(|one| one == framework)?;
    Some((at, control.0.as_str()))
}

fn taxonomy(framework: &FrameworkText) -> Value {
    let taxon = |(id, name): &(String, String)| json!({"id": id, "name": name, "shortDescription": message(name)});
    json!({
        "name": framework.name,
        "version": framework.revision,
        "informationUri": framework.source,
        "shortDescription": message(&format!("{} {}", framework.name, framework.revision)),
        // Only the controls that some rule speaks to.
        "isComprehensive": false,
        "taxa": framework.controls.iter().map(taxon).collect::<Vec<_>>(),
    })
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low => "note",
    }
}

/// On the scale of CVSS, in the middle of the band that code scanning calls by the same name.
const fn rank(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "2.0",
    }
}

fn artifacts(view: &View<'_>) -> Vec<Value> {
    let one = |source: &crate::model::Source| {
        json!({
            "location": {"uri": uri(&source.path)},
            "hashes": {"sha-256": source.sha256},
            "properties": {"kind": source.kind, "records": source.records, "skipped": source.skipped},
        })
    };
    view.sources.iter().map(one).collect()
}

/// How the scan went: what could not be read or was doubted is a notification.
fn invocation(view: &View<'_>) -> Value {
    let issues = &view.tables.issues;
    let mut notifications: Vec<Value> = (issues.iter().take(NOTIFICATIONS_MAX))
        .map(|issue| {
            let level = match issue.severity {
                IssueSeverity::Note => "note",
                IssueSeverity::Warning => "warning",
                IssueSeverity::Error => "error",
            };
            let mut row = json!({
                "level": level,
                "message": message(&issue.message),
                "descriptor": {"id": issue.code},
                "properties": {"record": issue.record},
            });
            if let Some(location) = issue.source.and_then(|source| artifact(view, source.0)) {
                row["locations"] = json!([{"physicalLocation": {"artifactLocation": location}}]);
            }
            row
        })
        .collect();
    if issues.len() > NOTIFICATIONS_MAX {
        let more = issues.len() - NOTIFICATIONS_MAX;
        notifications.push(json!({"level": "note", "message": message(&format!("{more} more issues are not listed"))}));
    }
    json!({"executionSuccessful": true, "toolExecutionNotifications": notifications})
}

fn artifact(view: &View<'_>, source: u32) -> Option<Value> {
    let path = &view.sources.get(source as usize)?.path;
    Some(json!({"uri": uri(path), "index": source}))
}

fn results(view: &View<'_>) -> Vec<Value> {
    let indexes: BTreeMap<&str, usize> = view.material.rules.iter().zip(0..).map(|(rule, at)| (rule.id, at)).collect();
    view.results.findings.iter().map(|finding| result(view, finding, indexes.get(finding.rule.as_str()))).collect()
}

fn result(view: &View<'_>, finding: &Finding, index: Option<&usize>) -> Value {
    let mut location = json!({"logicalLocations": [logical(view, finding.entity)]});
    let entity = view.entity(finding.entity);
    if let Some(place) = entity.and_then(|entity| artifact(view, entity.source?.0)) {
        location["physicalLocation"] = json!({"artifactLocation": place});
        location["properties"] = json!({"record": entity.and_then(|entity| entity.record.as_deref())});
    }
    let others: Vec<Value> = (finding.subjects.iter())
        .map(|&subject| json!({"logicalLocations": [logical(view, EntityId(subject))]}))
        .collect();
    let mut row = json!({
        "ruleId": finding.rule,
        "kind": "fail",
        "level": level(finding.severity),
        "message": message(&finding.title),
        "locations": [location],
        "relatedLocations": others,
        "fingerprints": {"overgrant/v1": finding.fingerprint},
        "partialFingerprints": {"overgrant/v1": finding.fingerprint},
        "baselineState": baseline(finding.state),
        // An empty list says that it is not suppressed; no list would say that nobody knows.
        "suppressions": suppressions(view, finding),
        "properties": {
            "severity": finding.severity,
            "security-severity": rank(finding.severity),
            "affected": finding.affected_n,
            "evidence": finding.evidence,
            "frameworks": finding.frameworks,
            "firstSeen": format_time(finding.first_seen),
            "state": finding.state,
        },
    });
    if let Some(index) = index {
        row["ruleIndex"] = json!(index);
    }
    if let Some(flow) = flow(view, finding) {
        row["codeFlows"] = json!([flow]);
    }
    row
}

fn baseline(state: FindingState) -> &'static str {
    match state {
        // A finding that came back is not in the run before.
        FindingState::New | FindingState::Reopened => "new",
        FindingState::Unchanged => "unchanged",
        FindingState::Updated => "updated",
        FindingState::Absent => "absent",
    }
}

fn suppressions(view: &View<'_>, finding: &Finding) -> Vec<Value> {
    let Some(id) = &finding.exception else { return Vec::new() };
    let row = view.tables.exceptions.iter().find(|row| row.exception == *id && row.status == ExceptionStatus::Active);
    let reason = row.and_then(|row| row.reason.as_deref()).unwrap_or("an exception is in force");
    let expires = row.and_then(|row| row.expires_at).map(format_time);
    vec![json!({
        "kind": "external",
        "status": "accepted",
        "justification": plain(reason),
        "properties": {
            "exception": id,
            "expires": expires,
            "ticket": row.and_then(|row| row.ticket.as_deref()),
            "approvedBy": row.and_then(|row| row.approved_by.as_deref()),
        },
    })]
}

fn logical(view: &View<'_>, entity: EntityId) -> Value {
    let known: Option<&Entity> = view.entity(entity);
    json!({
        "fullyQualifiedName": view.id(entity),
        "name": known.map_or("", |entity| entity.name.as_str()),
        "kind": known.map_or("entity", |entity| entity.kind.as_str()),
    })
}

/// The attack path of a finding about one, as a flow: one location for whoever is controlled after each step.
fn flow(view: &View<'_>, finding: &Finding) -> Option<Value> {
    if finding.rule != "escalation-path" {
        return None;
    }
    let path = witness::path_of(view, finding.entity)?;
    let steps = witness::steps(view, path)?;
    let at = |entity: EntityId, text: String| json!({"location": {"logicalLocations": [logical(view, entity)], "message": message(&text)}});
    let mut locations = vec![at(path.entity, format!("controls `{}`", view.id(path.entity)))];
    for step in &steps {
        let how = view.material.techniques.get(&step.edge.technique).unwrap_or(&step.edge.technique);
        let condition = witness::condition(step);
        let condition = if condition.is_empty() { condition } else { format!(", if {condition}") };
        locations.push(at(step.to, format!("{how}: controls `{}`{condition}", view.id(step.to))));
    }
    Some(json!({"threadFlows": [{"locations": locations}]}))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reports::tests::{Fixture, HOSTILE};

    fn log(fixture: &Fixture) -> Value {
        let mut bytes = Vec::new();
        Sarif.write(&fixture.view(), &mut bytes).expect("a vector takes all");
        serde_json::from_slice(&bytes).expect("JSON")
    }

    fn result<'v>(log: &'v Value, fingerprint: &str) -> &'v Value {
        let results = log["runs"][0]["results"].as_array().expect("results");
        results.iter().find(|row| row["fingerprints"]["overgrant/v1"] == fingerprint).expect("this result")
    }

    #[test]
    fn states_suppressions_and_levels_are_those_of_the_findings() {
        let log = log(&Fixture::full());
        assert_eq!(log["version"], "2.1.0");
        let states = ["f00d", "unchanged-high", "updated-medium", "reopened-low", "absent-low"]
            .map(|one| result(&log, one)["baselineState"].as_str().unwrap_or_default().to_owned());
        assert_eq!(states, ["new", "unchanged", "updated", "new", "absent"]);
        assert_eq!(result(&log, "f00d")["level"], "error");
        assert_eq!(result(&log, "updated-medium")["level"], "warning");
        let suppressed = &result(&log, "unchanged-high")["suppressions"];
        assert_eq!((&suppressed[0]["kind"], &suppressed[0]["status"]), (&json!("external"), &json!("accepted")));
        assert_eq!(suppressed[0]["justification"], "until the move");
        assert_eq!(suppressed[0]["properties"]["expires"], "2023-11-14T22:13:20Z");
        assert_eq!(result(&log, "f00d")["suppressions"], json!([]), "known not to be suppressed");
    }

    #[test]
    fn a_rule_names_its_taxa_and_a_path_is_a_flow() {
        let log = log(&Fixture::full());
        let run = &log["runs"][0];
        assert_eq!(run["taxonomies"][0]["taxa"][0]["id"], "NHI5");
        let relationship = &run["tool"]["driver"]["rules"][0]["relationships"][0];
        assert_eq!(relationship["target"]["id"], "NHI5");
        assert_eq!(relationship["target"]["toolComponent"]["index"], 0);
        assert_eq!(result(&log, "f00d")["ruleIndex"], 0);
        assert_eq!(run["tool"]["driver"]["rules"][0]["name"], "EscalationPath");
        let steps = &result(&log, "f00d")["codeFlows"][0]["threadFlows"][0]["locations"];
        assert_eq!(steps.as_array().map(Vec::len), Some(2));
        assert_eq!(steps[1]["location"]["message"]["text"], "Create an access key: controls `111122223333`");
        assert!(result(&log, "updated-medium").get("codeFlows").is_none());
    }

    #[test]
    fn messages_are_plain_text_and_paths_are_uris() {
        assert_eq!(message("a[b](c) {0} \\")["text"], "a\\[b\\](c) {{0}} \\\\");
        assert_eq!(uri("C:\\a b\\<ü>.json"), "C%3A/a%20b/%3C%C3%BC%3E.json");
        let log = log(&Fixture::hostile());
        let text = log["runs"][0]["results"][0]["message"]["text"].as_str().expect("text");
        assert!(text.contains("\\[x\\](y)") && text.contains("{{0}}") && !text.contains(HOSTILE), "{text}");
        let place = log["runs"][0]["artifacts"][0]["location"]["uri"].as_str().expect("text");
        assert!(place.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_.~%".contains(&byte)), "{place}");
    }
}
