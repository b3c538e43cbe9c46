//! Rows of findings and scores as JSON values, the shape that other programs build on.

use serde_json::{Map, Value, json};

use super::View;
use crate::model::text::format_time;
use crate::model::{Entity, Finding, Score};

/// One finding: `{fingerprint, rule, severity, entity, entity_name, platform, title, evidence[], frameworks[],
/// first_seen, state, affected_n}`, and `subjects` with their `subject_names`, and `exception`, where there are any.
#[must_use]
pub fn finding(view: &View<'_>, finding: &Finding) -> Value {
    let entity = view.entity(finding.entity);
    let mut row = json!({
        "fingerprint": finding.fingerprint,
        "rule": finding.rule,
        "severity": finding.severity,
        "entity": view.id(finding.entity),
        "entity_name": entity.map(|entity| &entity.name),
        "platform": entity.map(|entity| &entity.platform),
        "title": finding.title,
        "evidence": finding.evidence,
        "frameworks": finding.frameworks,
        "first_seen": format_time(finding.first_seen),
        "state": finding.state,
        "affected_n": finding.affected_n,
    });
    if let Value::Object(fields) = &mut row {
        if !finding.subjects.is_empty() {
            let subjects: Vec<String> =
                finding.subjects.iter().map(|&number| view.id(crate::model::EntityId(number))).collect();
            fields.insert("subjects".to_owned(), json!(subjects));
            let name = |&number: &u32| view.entity(crate::model::EntityId(number)).map(|entity| &entity.name);
            let names: Vec<_> = finding.subjects.iter().map(name).collect();
            fields.insert("subject_names".to_owned(), json!(names));
        }
        if let Some(exception) = &finding.exception {
            fields.insert("exception".to_owned(), json!(exception));
        }
    }
    row
}

/// One principal's scores: who it is, every column of the table, `shares` as an object and `reasons` as a list.
#[must_use]
pub fn score(view: &View<'_>, score: &Score) -> Value {
    let mut fields = match serde_json::to_value(score) {
        Ok(Value::Object(fields)) => fields,
        // A record of plain columns always becomes an object.
        _ => Map::new(),
    };
    for column in ["reason_1", "reason_2", "reason_3"] {
        fields.remove(column);
    }
    let entity = view.entity(score.entity);
    fields.insert("entity".to_owned(), json!(view.id(score.entity)));
    fields.insert("name".to_owned(), json!(entity.map(|entity| &entity.name)));
    fields.insert("platform".to_owned(), json!(entity.map(|entity| &entity.platform)));
    fields.insert("kind".to_owned(), json!(entity.map(|entity| entity.kind)));
    fields.insert("nhi".to_owned(), json!(entity.and_then(|entity| entity.nhi)));
    fields.insert("shares".to_owned(), shares(score).into_iter().map(|(name, value)| (name, json!(value))).collect());
    fields.insert("reasons".to_owned(), json!(reasons(score)));
    Value::Object(fields)
}

/// A statement with the place where it was read, for a person; `None` for a number that the snapshot does not have.
#[must_use]
pub fn citation(view: &View<'_>, number: u32) -> Option<String> {
    let grant = view.tables.grants.get(number as usize).filter(|grant| grant.grant == number)?;
    let file = view.sources.get(grant.source.0 as usize).map_or("?", |source| source.path.as_str());
    Some(format!("statement `{}` of `{}` ({file}, {})", grant.statement, grant.policy, grant.record))
}

/// The additive parts of a risk: component and `-ln(1 - a x)`. A part that is no number is left out.
#[must_use]
pub fn shares(score: &Score) -> Vec<(String, f64)> {
    score
        .shares
        .iter()
        .filter_map(|share| {
            let (name, value) = share.split_once('=')?;
            Some((name.to_owned(), value.parse().ok()?))
        })
        .collect()
}

/// The main reasons in words, most important first.
#[must_use]
pub fn reasons(score: &Score) -> Vec<&str> {
    [&score.reason_1, &score.reason_2, &score.reason_3].into_iter().filter_map(Option::as_deref).collect()
}

/// `nhi`, `human`, or the entity's kind where it is neither or undecided.
#[must_use]
pub fn who(entity: &Entity) -> &'static str {
    match entity.nhi {
        Some(true) => "nhi",
        Some(false) => "human",
        None => entity.kind.as_str(),
    }
}
