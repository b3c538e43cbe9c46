//! OCSF 1.9 (Open Cybersecurity Schema Framework): one event a finding, one JSON object a line.
//!
//! A finding about an identity of which the scan has an analysis (its path to something protected, its unused
//! rights, or its last use) is an *IAM Analysis Finding* (2008); any other is a *Compliance Finding* (2003). Either
//! names the framework controls that it speaks to. The attack path is the `attack_graph` of `finding_info`. Nothing is
//! ever reported as passed: that a scan found nothing is no proof.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::escape::plain;
use super::rows::reasons;
use super::witness::{self, Step};
use super::{Depth, Report, View, json as document};
use crate::model::{Entity, EntityId, EntityKind, Finding, FindingState, Path, Score, Severity};

/// Version of the schema.
const VERSION: &str = "1.9.0";
/// Class of findings about what an identity may do.
const IAM_ANALYSIS: u32 = 2008;
/// Class of all other findings.
const COMPLIANCE: u32 = 2003;

/// The report `ocsf`.
#[derive(Debug)]
pub struct Ocsf;

impl Report for Ocsf {
    fn name(&self) -> &'static str {
        "ocsf"
    }

    fn about(&self) -> &'static str {
        "OCSF 1.9: findings as events, one a line"
    }

    fn depth(&self) -> Depth {
        Depth::Texts
    }

    fn write(&self, view: &View<'_>, out: &mut dyn Write) -> io::Result<()> {
        for finding in &view.results.findings {
            out.write_all(document::line(&event(view, finding)).as_bytes())?;
        }
        Ok(())
    }
}

/// An object without the keys whose value is not known.
fn known<const N: usize>(fields: [(&str, Value); N]) -> Value {
    let kept = fields.into_iter().filter(|(_, value)| !value.is_null());
    Value::Object(kept.map(|(key, value)| (key.to_owned(), value)).collect::<Map<String, Value>>())
}

fn event(view: &View<'_>, finding: &Finding) -> Value {
    let analysis = Analysis::of(view, finding);
    let (class, class_name) = match &analysis {
        Some(_) => (IAM_ANALYSIS, "IAM Analysis Finding"),
        None => (COMPLIANCE, "Compliance Finding"),
    };
    let (activity, activity_name) = activity(finding.state);
    let (status, status_name) = status(finding);
    let (severity, severity_name) = severity(finding.severity);
    let mut event = json!({
        "activity_id": activity, "activity_name": activity_name,
        "category_uid": 2, "category_name": "Findings",
        "class_uid": class, "class_name": class_name,
        "type_uid": class * 100 + activity, "type_name": format!("{class_name}: {activity_name}"),
        "severity_id": severity, "severity": severity_name,
        "status_id": status, "status": status_name,
        "time": finding.first_seen, "start_time": finding.first_seen, "end_time": view.as_of,
        "message": plain(&finding.title),
        "metadata": {
            "version": VERSION,
            "uid": format!("{}/{}", view.snapshot, finding.fingerprint),
            "product": {"name": "overgrant", "vendor_name": "overgrant", "version": env!("CARGO_PKG_VERSION")},
        },
        "finding_info": finding_info(view, finding, analysis.as_ref()),
        "resources": resources(view, finding),
        "unmapped": {"evidence": finding.evidence, "affected": finding.affected_n, "exception": finding.exception},
    });
    if let Some(rule) = view.material.rule(&finding.rule) {
        event["remediation"] = json!({"desc": rule.remediation});
    }
    match analysis {
        Some(analysis) => analysis.add_to(view, finding, &mut event),
        None => event["compliance"] = compliance(view, finding),
    }
    event
}

const fn activity(state: FindingState) -> (u32, &'static str) {
    match state {
        FindingState::New | FindingState::Reopened => (1, "Create"),
        FindingState::Unchanged | FindingState::Updated => (2, "Update"),
        FindingState::Absent => (3, "Close"),
    }
}

fn status(finding: &Finding) -> (u32, &'static str) {
    match (finding.state, &finding.exception) {
        (FindingState::Absent, _) => (4, "Resolved"),
        (_, Some(_)) => (3, "Suppressed"),
        _ => (1, "New"),
    }
}

const fn severity(severity: Severity) -> (u32, &'static str) {
    match severity {
        Severity::Critical => (5, "Critical"),
        Severity::High => (4, "High"),
        Severity::Medium => (3, "Medium"),
        Severity::Low => (2, "Low"),
    }
}

fn finding_info(view: &View<'_>, finding: &Finding, analysis: Option<&Analysis<'_>>) -> Value {
    let rule = view.material.rule(&finding.rule);
    let last_seen = (finding.state != FindingState::Absent).then_some(view.as_of);
    let references: Vec<String> = finding.frameworks.clone();
    known([
        ("uid", json!(finding.fingerprint)),
        ("title", json!(plain(&finding.title))),
        ("desc", json!(rule.map(|rule| rule.meaning))),
        ("types", json!([finding.rule])),
        (
            "analytic",
            json!({"uid": finding.rule, "name": rule.map_or(finding.rule.as_str(), |rule| rule.title),
            "type_id": 1, "type": "Rule"}),
        ),
        ("first_seen_time", json!(finding.first_seen)),
        ("created_time", json!(finding.first_seen)),
        ("last_seen_time", json!(last_seen)),
        ("modified_time", json!(view.as_of)),
        ("data_sources", json!(view.sources.iter().map(|source| plain(&source.path)).collect::<Vec<_>>())),
        (
            "tags",
            if references.is_empty() { Value::Null } else { json!([{"name": "framework", "values": references}]) },
        ),
        ("attack_graph", analysis.and_then(|analysis| analysis.graph(view)).unwrap_or(Value::Null)),
    ])
}

/// Whom and what a finding is about.
fn resources(view: &View<'_>, finding: &Finding) -> Vec<Value> {
    let all = std::iter::once(finding.entity).chain(finding.subjects.iter().copied().map(EntityId));
    let one = |id: EntityId| {
        let entity = view.entity(id);
        known([
            ("uid", json!(plain(&view.id(id)))),
            ("name", json!(entity.map(|entity| plain(&entity.name)))),
            ("type", json!(entity.map(|entity| entity.kind.as_str()))),
            ("namespace", json!(entity.and_then(|entity| entity.scope.as_deref()).map(plain))),
        ])
    };
    all.map(one).collect()
}

fn compliance(view: &View<'_>, finding: &Finding) -> Value {
    let mut standards: Vec<String> = Vec::new();
    let mut requirements: Vec<String> = Vec::new();
    for reference in &finding.frameworks {
        match view.material.control(reference) {
            Some((framework, (id, name))) => {
                standards.push(format!("{} {}", framework.name, framework.revision));
                requirements.push(format!("{id} {name}"));
            }
            None => requirements.push(reference.clone()),
        }
    }
    standards.dedup();
    // Accepted for a time is no pass, and gone is none either: what was found is no longer there, that is all.
    let (status, name) = match (finding.state, &finding.exception) {
        (FindingState::Absent, _) | (_, Some(_)) => (2, "Warning"),
        _ => (3, "Fail"),
    };
    json!({
        "control": finding.rule,
        "standards": standards,
        "requirements": requirements,
        "status_id": status,
        "status": name,
    })
}

/// What a scan knows about the identity of a finding.
struct Analysis<'a> {
    entity: &'a Entity,
    score: Option<&'a Score>,
    path: Option<(&'a Path, Vec<Step<'a>>)>,
}

impl<'a> Analysis<'a> {
    fn of(view: &View<'a>, finding: &Finding) -> Option<Self> {
        let entity = view.entity(finding.entity).filter(|entity| entity.is_principal())?;
        let rows = &view.results.scores;
        let score = rows.binary_search_by_key(&entity.entity, |row| row.entity).ok().map(|at| &rows[at]);
        let path = witness::path_of(view, entity.entity)
            .and_then(|path| Some((path, witness::steps(view, path)?)))
            .filter(|(_, steps)| !steps.is_empty());
        let unused = score.is_some_and(|score| score.removable_n.is_some());
        (path.is_some() || unused || entity.last_used_at.is_some()).then_some(Self { entity, score, path })
    }

    fn add_to(&self, view: &View<'_>, finding: &Finding, event: &mut Value) {
        event["user"] = self.user();
        let permissions = self.permissions(view);
        if !permissions.is_empty() {
            event["permission_analysis_results"] = json!(permissions);
        }
        if let Some(last) = self.entity.last_used_at {
            event["identity_activity_metrics"] =
                known([("last_seen_time", json!(last)), ("first_seen_time", json!(self.entity.created_at))]);
        }
        let compliance = compliance(view, finding);
        event["unmapped"]["compliance"] = compliance;
        if let Some(score) = self.score {
            event["unmapped"]["risk"] = json!({"score": score.risk, "low": score.risk_low, "high": score.risk_high,
                "reasons": reasons(score)});
        }
    }

    fn user(&self) -> Value {
        let (kind, name) = match (self.entity.nhi, self.entity.protected) {
            (Some(true), _) => (4, "Service"),
            (_, true) => (2, "Admin"),
            (Some(false), false) => (1, "User"),
            (None, false) => (0, "Unknown"),
        };
        let account = self.entity.scope.as_deref().map(|scope| json!({"uid": plain(scope)}));
        known([
            ("uid", json!(plain(&self.entity.id))),
            ("name", json!(plain(&self.entity.name))),
            ("type_id", json!(kind)),
            ("type", json!(name)),
            ("account", json!(account)),
            ("domain", json!(self.entity.domain.as_deref().map(plain))),
        ])
    }

    /// The statements that the path stands on, and how many rights nobody used.
    fn permissions(&self, view: &View<'_>) -> Vec<Value> {
        let mut rows: Vec<Value> = Vec::new();
        if let Some(unused) = self.score.and_then(|score| score.removable_n) {
            rows.push(json!({"unused_privileges_count": unused}));
        }
        let steps = self.path.iter().flat_map(|(_, steps)| steps);
        let numbers = steps.flat_map(|step| step.edge.evidence.iter().copied());
        for number in numbers {
            let Some(grant) = view.tables.grants.get(number as usize).filter(|grant| grant.grant == number) else {
                continue;
            };
            let actions: Vec<_> = grant.actions.iter().map(|action| plain(action)).collect();
            let uid = format!("{} → {} → {}", view.id(grant.holder), grant.policy, grant.statement);
            let (name, uid) = (plain(&grant.policy), plain(&uid).into_owned());
            rows.push(json!({"policy": {"name": name, "uid": uid}, "granted_privileges": actions}));
        }
        rows.dedup();
        rows
    }

    /// The path as a directed graph.
    fn graph(&self, view: &View<'_>) -> Option<Value> {
        let (path, steps) = self.path.as_ref()?;
        let mut entities: Vec<EntityId> =
            std::iter::once(path.entity).chain(steps.iter().map(|step| step.to)).collect();
        entities.sort_unstable();
        entities.dedup();
        let node = |id: &EntityId| {
            let entity = view.entity(*id);
            known([
                ("uid", json!(plain(&view.id(*id)))),
                ("name", json!(entity.map(|entity| plain(&entity.name)))),
                ("type", json!(entity.map_or(EntityKind::External.as_str(), |entity| entity.kind.as_str()))),
            ])
        };
        let edge = |(at, step): (usize, &Step<'_>)| {
            let technique = &step.edge.technique;
            let condition = witness::condition(step);
            known([
                ("uid", json!((at + 1).to_string())),
                ("name", json!(view.material.techniques.get(technique).unwrap_or(technique))),
                ("relation", json!(technique)),
                ("source", json!(plain(&view.id(step.from)))),
                ("target", json!(plain(&view.id(step.to)))),
                ("is_directed", json!(true)),
                ("data", json!({"certainty": step.edge.certainty, "condition": plain(&condition)})),
            ])
        };
        Some(json!({
            "uid": format!("{}/{}", view.snapshot, path.entity.0),
            "name": format!("path to {}", plain(&view.id(path.target))),
            "is_directed": true,
            "nodes": entities.iter().map(node).collect::<Vec<_>>(),
            "edges": steps.iter().enumerate().map(edge).collect::<Vec<_>>(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reports::tests::Fixture;

    fn events(fixture: &Fixture) -> Vec<Value> {
        let mut bytes = Vec::new();
        Ocsf.write(&fixture.view(), &mut bytes).expect("a vector takes all");
        let text = String::from_utf8(bytes).expect("text");
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    #[test]
    fn a_finding_about_a_path_is_an_iam_analysis_with_its_attack_graph() {
        let all = events(&Fixture::full());
        assert_eq!(all.len(), 5);
        let event = &all[0];
        assert_eq!((&event["class_uid"], &event["type_uid"]), (&json!(2008), &json!(200_801)));
        let graph = &event["finding_info"]["attack_graph"];
        assert_eq!((graph["nodes"].as_array().map(Vec::len), graph["is_directed"].as_bool()), (Some(2), Some(true)));
        assert_eq!(graph["edges"][0]["source"], "arn:aws:iam::111122223333:role/ci/deploy");
        assert_eq!(graph["edges"][0]["relation"], "iam-002");
        let permission = &event["permission_analysis_results"][0];
        assert_eq!(permission["granted_privileges"], json!(["iam:CreateAccessKey", "s3:Get*"]));
        assert_eq!(event["user"]["type"], "Service");
    }

    #[test]
    fn a_finding_without_an_analysis_is_about_compliance_and_never_a_pass() {
        let all = events(&Fixture::full());
        let of = |uid: &str| all.iter().find(|event| event["finding_info"]["uid"] == uid).expect("this event");
        let row = |uid: &str| {
            let event = of(uid);
            ["activity_id", "status_id", "severity_id"].map(|key| event[key].as_u64().unwrap_or_default())
        };
        assert_eq!(row("unchanged-high"), [2, 3, 4], "suppressed");
        assert_eq!(row("updated-medium"), [2, 1, 3]);
        assert_eq!(row("reopened-low"), [1, 1, 2]);
        assert_eq!(row("absent-low"), [3, 4, 2], "closed");
        assert!(all[1..].iter().all(|event| event["class_uid"] == 2003));
        assert_eq!(of("updated-medium")["compliance"]["status"], "Fail");
        assert_eq!(of("unchanged-high")["compliance"]["status"], "Warning");
        assert!(all.iter().all(|event| event["compliance"]["status"] != "Pass"));
        assert_eq!(of("absent-low")["finding_info"].get("last_seen_time"), None, "it was not seen");
    }

    #[test]
    fn one_event_is_one_line_whatever_a_name_holds() {
        assert_eq!(events(&Fixture::hostile()).len(), 5);
    }
}
