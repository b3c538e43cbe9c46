//! Exceptions: decisions to accept findings for a time, judged anew by every scan.
//!
//! | question | module |
//! |---|---|
//! | which findings is it about? | `matching` |
//! | is it complete, decided by two people, limited? | `judge` |
//! | who are its owner and its approver? | `party` |
//!
//! An exception that is in force puts its id on the findings that it covers, and does nothing else: they stay in the
//! tables, the scores and the metrics, and `--fail-on` leaves them out. One that has expired, that is not valid, or
//! that matches nothing is reported as a finding of the rule `stale-exception`, which no exception and no `exclude` of
//! the configuration can leave out.

mod judge;
mod matching;
mod party;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use judge::{Judge, place};
use matching::{Cover, Entities, matched, narrowed};
use party::{People, date};

pub use judge::LIFE_DAYS_MAX;
pub use matching::matches;

use super::facts::count;
use super::history::{Known, fingerprint};
use super::stale_exception::{EXPIRED, INVALID, UNMATCHED};
use super::{Context, Frameworks, sort};
use crate::model::{
    EntityId, EntityKind, Exception, ExceptionStatus, Finding, FindingState, Issue, IssueSeverity, Tables,
};

/// The rule that reports exceptions.
pub const RULE: &str = "stale-exception";

/// Principals that exceptions are about, whatever those are worth.
pub struct Accepted<'a> {
    covers: Vec<Cover<'a>>,
}

impl<'a> Accepted<'a> {
    /// Resolves the names in the exceptions of a snapshot.
    #[must_use]
    pub fn new(tables: &'a Tables) -> Self {
        if tables.exceptions.is_empty() {
            return Self { covers: Vec::new() };
        }
        let entities = Entities::new(tables);
        Self { covers: tables.exceptions.iter().map(|row| Cover::new(&entities, row)).collect() }
    }

    /// Whether some exception is about findings of a rule and names this principal.
    #[must_use]
    pub fn names(&self, rule: &str, principal: EntityId) -> bool {
        let named =
            |cover: &Cover<'_>| cover.principals.as_ref().is_some_and(|list| list.binary_search(&principal).is_ok());
        self.covers.iter().any(|cover| cover.takes_rule(rule) && named(cover))
    }
}

/// Judges the exceptions of a snapshot by its findings: puts ids on those that are covered, adds a finding for every
/// exception that is not worth anything, and gives the exceptions with `status`, `problem` and `matched_n` filled in.
#[must_use]
pub fn apply(context: &Context<'_>, frameworks: &Frameworks, findings: &mut Vec<Finding>) -> Vec<Exception> {
    let tables = context.tables;
    if tables.exceptions.is_empty() {
        return Vec::new();
    }
    let rules: Vec<&'static str> = super::ALL.iter().map(|rule| rule.info().id).collect();
    let entities = Entities::new(tables);
    let people = People::new(tables, &entities);
    let judge = Judge::new(tables, &people, context.facts.as_of, &rules);
    let covers: Vec<Cover<'_>> = tables.exceptions.iter().map(|row| Cover::new(&entities, row)).collect();
    let places = matched(tables, &covers, findings);
    let judged: Vec<Exception> = (tables.exceptions.iter().zip(&covers).zip(&places))
        .map(|((row, cover), places)| verdict(&judge, row, cover, places.len()))
        .collect();
    for (row, places) in judged.iter().zip(&places) {
        for &at in places.iter().filter(|_| row.status == ExceptionStatus::Active) {
            // Exceptions are sorted by id: of several that cover a finding the first is named.
            findings[at].exception.get_or_insert_with(|| row.exception.clone());
        }
    }
    let about: Vec<Option<EntityId>> = (judged.iter().zip(&covers).zip(&places))
        .map(|((row, cover), places)| {
            let finding = places.first().map(|&at| findings[at].entity);
            finding.or_else(|| subject(tables, &people, row, cover))
        })
        .collect();
    report(context, frameworks, &judged, &about, findings);
    sort(findings);
    judged
}

fn verdict<'a>(judge: &Judge<'a>, row: &'a Exception, cover: &Cover<'_>, matched: usize) -> Exception {
    let problems = judge.problems(row, cover);
    let (status, problem) = if !problems.is_empty() {
        (ExceptionStatus::Invalid, Some(problems.join("; ")))
    } else if judge.is_over(row) {
        let day = row.expires_at.map(date).unwrap_or_default();
        (ExceptionStatus::Expired, Some(format!("its last day was {day}")))
    } else if matched == 0 {
        let nobody =
            narrowed(row.principal.as_deref()).filter(|_| cover.principals.as_ref().is_some_and(Vec::is_empty));
        let why = nobody.map(|name| format!("nothing is called `{name}`"));
        (ExceptionStatus::Unmatched, Some(why.unwrap_or_else(|| "no finding is what it describes".to_owned())))
    } else {
        (ExceptionStatus::Active, None)
    };
    Exception { status, problem, matched_n: u32::try_from(matched).unwrap_or(u32::MAX), ..row.clone() }
}

/// Whom the report of an exception without findings is about: whom it names, or who answers for it, or the
/// organisation itself.
fn subject(tables: &Tables, people: &People<'_>, row: &Exception, cover: &Cover<'_>) -> Option<EntityId> {
    let named = cover.principals.iter().chain(&cover.resources).flatten().next().copied();
    let of_person = || {
        let texts = [&row.owner, &row.approved_by].into_iter().flatten();
        texts.flat_map(|text| people.party(text).entities).next()
    };
    let scope = || tables.entities.iter().find(|one| one.present && one.kind == EntityKind::Scope);
    let any = || scope().or_else(|| tables.entities.first()).map(|entity| entity.entity);
    named.or_else(of_person).or_else(any)
}

/// One finding for each id: rows that share one are one mistake.
fn report(
    context: &Context<'_>,
    frameworks: &Frameworks,
    judged: &[Exception],
    about: &[Option<EntityId>],
    findings: &mut Vec<Finding>,
) {
    let mut by_id: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, row) in judged.iter().enumerate().filter(|(_, row)| row.status != ExceptionStatus::Active) {
        by_id.entry(row.exception.trim()).or_default().push(at);
    }
    for (id, rows) in by_id {
        let (Some(&first), Some(entity)) = (rows.first(), rows.iter().find_map(|&at| about[at])) else { continue };
        let case = case(judged[first].status);
        findings.push(Finding {
            // Not of the entity: who an exception is about may change, and it is the same exception.
            fingerprint: fingerprint(RULE, id, &[]),
            rule: RULE.to_owned(),
            severity: context.config.severity(RULE, case),
            entity,
            title: title(id, &judged[first], rows.len()),
            subjects: Vec::new(),
            evidence: rows.iter().map(|&at| fact(context.tables, &judged[at])).collect(),
            frameworks: frameworks.of_rule(RULE).to_vec(),
            first_seen: context.facts.as_of,
            state: FindingState::New,
            exception: None,
            affected_n: 1,
        });
    }
}

const fn case(status: ExceptionStatus) -> &'static str {
    match status {
        ExceptionStatus::Expired => EXPIRED,
        ExceptionStatus::Invalid => INVALID,
        ExceptionStatus::Active | ExceptionStatus::Unmatched => UNMATCHED,
    }
}

fn title(id: &str, row: &Exception, rows: usize) -> String {
    let who = match (id, rows) {
        ("", 1) => "an exception without an id".to_owned(),
        ("", n) => format!("{n} exceptions without an id"),
        (id, _) => format!("exception `{id}`"),
    };
    let (are, have) = if id.is_empty() && rows > 1 { ("are", "have") } else { ("is", "has") };
    match row.status {
        ExceptionStatus::Expired => format!("{who} {have} expired{}", counting_again(row)),
        ExceptionStatus::Invalid => {
            format!("{who} {are} not valid and cover{} nothing", if are == "is" { "s" } else { "" })
        }
        ExceptionStatus::Active | ExceptionStatus::Unmatched => format!("{who} matches nothing"),
    }
}

fn counting_again(row: &Exception) -> String {
    match row.matched_n {
        0 => String::new(),
        1 => ", and 1 finding counts again".to_owned(),
        n => format!(", and {} count again", count(n as usize, "finding")),
    }
}

fn fact(tables: &Tables, row: &Exception) -> String {
    let mut parts = vec![place(tables, row)];
    parts.extend(row.problem.clone());
    let named = |what: &str, text: &Option<String>| text.as_ref().map(|text| format!("{what} `{text}`"));
    parts.extend(named("owner", &row.owner));
    parts.extend(named("ticket", &row.ticket));
    parts.push(format!("matches {}", count(row.matched_n as usize, "finding")));
    parts.join("; ")
}

/// After the comparison with the scan before: a finding that was covered then and is not covered any more is back, and
/// one that is gone is covered by nothing.
pub fn settle(known: &[Known], findings: &mut [Finding]) {
    let covered: BTreeMap<&str, bool> = (known.iter())
        .filter(|one| one.finding.state != FindingState::Absent)
        .map(|one| (one.finding.fingerprint.as_str(), one.finding.exception.is_some()))
        .collect();
    for finding in findings {
        let was = covered.get(finding.fingerprint.as_str()).copied().unwrap_or(false);
        match finding.state {
            FindingState::Absent => finding.exception = None,
            FindingState::Unchanged | FindingState::Updated if was && finding.exception.is_none() => {
                finding.state = FindingState::Reopened;
            }
            _ => {}
        }
    }
}

/// An issue with file and record for every exception that is not in force or covers nothing. One that is not valid is a
/// record that could not be used.
#[must_use]
pub fn issues(exceptions: &[Exception]) -> Vec<Issue> {
    let issue = |row: &Exception| {
        let (severity, code, what) = match row.status {
            ExceptionStatus::Active => return None,
            ExceptionStatus::Expired => (IssueSeverity::Note, "exception_expired", "has expired"),
            ExceptionStatus::Invalid => (IssueSeverity::Warning, "exception_invalid", "is not valid"),
            ExceptionStatus::Unmatched => (IssueSeverity::Note, "exception_unmatched", "matches nothing"),
        };
        let problem = row.problem.as_deref().unwrap_or_default();
        let message = format!("exception `{}` {what}: {problem}", row.exception);
        Some(Issue { severity, source: Some(row.source), record: row.record.clone(), code: code.to_owned(), message })
    };
    exceptions.iter().filter_map(issue).collect()
}
