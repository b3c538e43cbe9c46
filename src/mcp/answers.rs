//! What each tool answers: which rows of the domain, in which order, and what is said beyond them.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::arguments::{Arguments, stranger};
use super::session::{Answer, Named, Refusal, Session};
use crate::context::{Part, Scope, ground as claims};
use crate::model::text::glob_ignore_case;
use crate::model::{EntityId, FindingState, Severity};

type Answered = Result<Answer, Refusal>;

/// Rows of a part as the domain has them.
fn rows(scope: &Scope, part: Part) -> Vec<(Part, u32)> {
    scope.rows(part).iter().map(|&row| (part, row)).collect()
}

fn only(rows: Vec<(Part, u32)>) -> Answer {
    Answer { data: json!({}), rows, ..Answer::default() }
}

/// Rows of a part, of one entity where an argument names it.
fn of_whom(session: &Session, arguments: &Arguments<'_>, part: Part, whose: impl Fn(usize) -> EntityId) -> Answered {
    let scope = session.scope();
    let entity = arguments.entity("principal", scope)?;
    let mut rows = rows(scope, part);
    rows.retain(|&(_, row)| entity.is_none_or(|entity| whose(row as usize) == entity));
    Ok(only(rows))
}

#[expect(clippy::unnecessary_wraps, reason = "tools have one signature")]
pub(super) fn summary(session: &Session, _arguments: &Arguments<'_>) -> Answered {
    let scope = session.scope();
    Ok(Answer { data: scope.summary(), rows: rows(scope, Part::Metrics), ..Answer::default() })
}

pub(super) fn query_findings(session: &Session, arguments: &Arguments<'_>) -> Answered {
    let scope = session.scope();
    let severity = arguments.one_of("severity", Severity::ALL, Severity::as_str)?;
    let state = arguments.one_of("state", FindingState::ALL, FindingState::as_str)?;
    let rule = arguments.text("rule")?;
    let entity = arguments.entity("principal", scope)?;
    let findings = &scope.world().results.findings;
    let mut found: Vec<u32> = scope.rows(Part::Findings).to_vec();
    found.retain(|&row| {
        let finding = &findings[row as usize];
        state.map_or(finding.state != FindingState::Absent, |state| finding.state == state)
            && severity.is_none_or(|least| finding.severity <= least)
            && rule.is_none_or(|rule| glob_ignore_case(rule, &finding.rule))
            && entity.is_none_or(|entity| finding.entity == entity || finding.subjects.contains(&entity.0))
    });
    found.sort_by_key(|&row| (findings[row as usize].severity, row));
    Ok(only(found.into_iter().map(|row| (Part::Findings, row)).collect()))
}

pub(super) fn explain_principal(session: &Session, arguments: &Arguments<'_>) -> Answered {
    let scope = session.scope();
    let Some(entity) = arguments.entity("principal", scope)? else { return Ok(only(Vec::new())) };
    let about = scope.about(entity);
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (part, _) in &about {
        *counts.entry(part.as_str()).or_default() += 1;
    }
    Ok(Answer { data: json!({"entity": scope.reference(entity), "rows": counts}), rows: about, ..Answer::default() })
}

pub(super) fn score(session: &Session, arguments: &Arguments<'_>) -> Answered {
    let scores = &session.scope().world().results.scores;
    let mut answer = of_whom(session, arguments, Part::Scores, |row| scores[row].entity)?;
    answer.rows.sort_by(|a, b| scores[b.1 as usize].risk.total_cmp(&scores[a.1 as usize].risk).then(a.1.cmp(&b.1)));
    Ok(answer)
}

pub(super) fn paths_to_protected(session: &Session, arguments: &Arguments<'_>) -> Answered {
    let paths = &session.scope().world().results.paths;
    let mut answer = of_whom(session, arguments, Part::Paths, |row| paths[row].entity)?;
    answer.rows.sort_by_key(|&(_, row)| (paths[row as usize].certainty, paths[row as usize].hops, row));
    Ok(answer)
}

pub(super) fn choke_points(session: &Session, arguments: &Arguments<'_>) -> Answered {
    let scope = session.scope();
    let points = &scope.world().results.choke_points;
    let entity = arguments.entity("principal", scope)?;
    let mut rows = rows(scope, Part::ChokePoints);
    rows.retain(|&(_, row)| {
        let point = &points[row as usize];
        entity.is_none_or(|entity| point.entity == entity || point.other == Some(entity))
    });
    rows.sort_by_key(|&(_, row)| (Reverse(points[row as usize].unavoidable_for), row));
    Ok(only(rows))
}

pub(super) fn peers(session: &Session, arguments: &Arguments<'_>) -> Answered {
    let scope = session.scope();
    let Some(entity) = arguments.entity("principal", scope)? else { return Ok(only(Vec::new())) };
    let mut about = scope.about(entity);
    about.retain(|&(part, _)| matches!(part, Part::Peers | Part::Scores));
    Ok(only(about))
}

pub(super) fn baseline(session: &Session, arguments: &Arguments<'_>) -> Answered {
    let scope = session.scope();
    let wanted = [Part::Approvals, Part::Workflows, Part::RoleBaselines, Part::SodRules, Part::Metrics];
    let entity = arguments.entity("principal", scope)?;
    let about = entity.map(|entity| scope.about(entity));
    let of = |part: Part| match &about {
        // Rules and numbers are about nobody in particular.
        Some(about) if !matches!(part, Part::SodRules | Part::Metrics) => {
            about.iter().copied().filter(|&(of, _)| of == part).collect()
        }
        _ => rows(scope, part),
    };
    Ok(only(wanted.into_iter().flat_map(of).collect()))
}

/// What the gate says of a change set, with everything outside the domain replaced.
fn gated(session: &Session, arguments: &Arguments<'_>, ask: impl Fn(&str) -> Result<Value, String>) -> Answered {
    let scope = session.scope();
    let said = |error: String| Refusal(scope.scrub(&error));
    let document = arguments.document("change_set")?;
    let named = session.gate().named(&document).map_err(said)?;
    if let Some(other) = named.iter().find(|one| !is_ours(scope, one)) {
        // A document of another form may have named it otherwise, and is told no more than it knew.
        let shown = if document.contains(other.id()) { other.id() } else { "what a name of the document means" };
        return Err(stranger(shown, scope));
    }
    let found = ask(&document).map_err(said)?;
    Ok(Answer { data: scope.scrub_document(&found), ..Answer::default() })
}

/// Whether an operation on this may be judged here. What the gate says of a change to something outside tells what that
/// gives, to whom, and who approves it; so such a draft is refused like one that names nothing.
fn is_ours(scope: &Scope, named: &Named) -> bool {
    let tables = &scope.world().tables;
    let entity = |id: &String| tables.find(id).is_some_and(|entity| scope.holds(entity));
    let of = |part: Part| scope.rows(part).iter().map(|&row| row as usize);
    match named {
        Named::Entity(id) => entity(id),
        Named::Object(id) => entity(id) || of(Part::Approvals).any(|row| tables.approvals[row].object == *id),
        Named::Exception(id) => {
            let is_there = tables.exceptions.iter().any(|row| row.exception == *id);
            !is_there || of(Part::Exceptions).any(|row| tables.exceptions[row].exception == *id)
        }
    }
}

pub(super) fn evaluate_change(session: &Session, arguments: &Arguments<'_>) -> Answered {
    gated(session, arguments, |change_set| session.gate().evaluate(change_set))
}

pub(super) fn preview_rollback(session: &Session, arguments: &Arguments<'_>) -> Answered {
    gated(session, arguments, |change_set| session.gate().rollback(change_set))
}

pub(super) fn evidence_requirements(session: &Session, arguments: &Arguments<'_>) -> Answered {
    gated(session, arguments, |change_set| session.gate().evidence(change_set))
}

pub(super) fn ground(session: &Session, arguments: &Arguments<'_>) -> Answered {
    let document = arguments.document("claims")?;
    let grounded = claims::ground(session.scope(), document.as_bytes()).map_err(|error| Refusal(error.to_string()))?;
    let cited = grounded.document["claims"].as_array().into_iter().flatten();
    let cited = cited.flat_map(|claim| claim["citations"].as_array().into_iter().flatten());
    let mut cited: Vec<String> = cited.filter_map(|one| one["id"].as_str().map(str::to_owned)).collect();
    cited.sort();
    cited.dedup();
    Ok(Answer { data: grounded.document, cited, rows: Vec::new() })
}
