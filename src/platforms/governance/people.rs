//! One record for each person, and what their dates say at the time of the scan.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::text::format_time;
use crate::model::{Builder, Issue, IssueSeverity, Person, PersonStatus, Tables};

/// Where a record is: number of the source, number of the row in it.
type Place = (usize, usize);

/// Keeps one record of each person that several rows or tables describe: the one that says more, of equals the later.
/// The identities of all of them stay. What is dropped is counted and reported with both places.
pub fn keep_one_each(builders: &mut [Builder]) {
    let mut by_person: BTreeMap<String, Vec<Place>> = BTreeMap::new();
    for (number, builder) in builders.iter().enumerate() {
        for (row, person) in builder.people.iter().enumerate() {
            by_person.entry(person.person.clone()).or_default().push((number, row));
        }
    }
    let mut dropped: Vec<Place> = Vec::new();
    let mut issues: Vec<(usize, IssueSeverity, &str, String, String)> = Vec::new();
    for (id, places) in by_person.iter().filter(|(_, places)| places.len() > 1) {
        let of = |place: &Place| &builders[place.0].people[place.1];
        let Some(kept) = places.iter().max_by_key(|place| (said(of(place)), **place)).copied() else { continue };
        for place in places.iter().filter(|place| **place != kept) {
            let (severity, code, how) = match differences(of(&kept), of(place)) {
                fields if fields.is_empty() => (IssueSeverity::Note, "person_duplicate", "say the same".to_owned()),
                fields => (IssueSeverity::Warning, "person_conflict", format!("differ in {}", fields.join(", "))),
            };
            let (path, record) = (&builders[kept.0].source.path, &of(&kept).record);
            let other = (&builders[place.0].source.path, &of(place).record);
            let message = format!(
                "two records of the person `{id}` {how}: `{path}`, {record} counts, `{}`, {} does not",
                other.0, other.1
            );
            issues.push((place.0, severity, code, other.1.clone(), message));
            dropped.push(*place);
        }
    }
    for (number, severity, code, record, message) in issues {
        builders[number].issue(severity, code, &record, message);
    }
    let dropped: BTreeSet<Place> = dropped.into_iter().collect();
    for (number, builder) in builders.iter_mut().enumerate() {
        let before = builder.people.len();
        let mut row = 0..;
        builder.people.retain(|_| row.next().is_none_or(|row| !dropped.contains(&(number, row))));
        let gone = (before - builder.people.len()) as u64;
        builder.source.records = builder.source.records.saturating_sub(gone);
    }
}

/// How many fields a record fills.
fn said(person: &Person) -> usize {
    let Person { name, email, entity, status, started_at, left_at, manager, department, .. } = person;
    let texts = [name, email, manager, department].into_iter().filter(|text| text.is_some()).count();
    let dates = [started_at, left_at].into_iter().filter(|time| time.is_some()).count();
    texts + dates + usize::from(entity.is_some()) + usize::from(*status != PersonStatus::Unknown)
}

/// Fields in which two records say different things, or one says less.
fn differences(a: &Person, b: &Person) -> Vec<&'static str> {
    let fields = [
        ("name", a.name == b.name),
        ("email", a.email == b.email),
        ("status", a.status == b.status),
        ("started_at", a.started_at == b.started_at),
        ("left_at", a.left_at == b.left_at),
        ("manager", a.manager == b.manager),
        ("department", a.department == b.department),
    ];
    fields.into_iter().filter(|(_, same)| !same).map(|(name, _)| name).collect()
}

/// Judges the dates of people at the time of the scan, and says whether anybody's status changed. Who has no status has
/// one by their last day; who has one keeps it, and a day that contradicts it is reported.
pub fn at(tables: &mut Tables, as_of: i64) -> bool {
    let mut issues = Vec::new();
    let mut changed = false;
    for person in &mut tables.people {
        let gone = person.left_at.map(|left| left <= as_of);
        let (code, message) = match (person.status, gone) {
            (PersonStatus::Unknown, Some(gone)) => {
                person.status = if gone { PersonStatus::Leaver } else { PersonStatus::Active };
                changed = true;
                continue;
            }
            (PersonStatus::Leaver, Some(false)) => ("leaver_in_future", "is called a leaver, and the last day"),
            (PersonStatus::Active, Some(true)) => ("active_after_leaving", "is called active, and the last day"),
            _ => continue,
        };
        let tense = if gone == Some(true) { "is past" } else { "is still to come" };
        let day = person.left_at.map(format_time).unwrap_or_default();
        issues.push(Issue {
            severity: IssueSeverity::Warning,
            source: Some(person.source),
            record: person.record.clone(),
            code: code.to_owned(),
            message: format!("`{}` {message}, {day}, {tense}; the word counts", person.person),
        });
    }
    tables.issues.append(&mut issues);
    changed
}

#[cfg(test)]
mod tests {
    use super::super::testing::{export, found, join, table};
    use super::*;
    use crate::model::EntityKind;
    use crate::model::text::parse_time;

    type Pairs = Vec<(String, String)>;

    fn kept(tables: &[&str]) -> (Pairs, Pairs) {
        let mut builders: Vec<Builder> = tables.iter().map(|text| table(text)).collect();
        keep_one_each(&mut builders);
        let people = builders.iter().flat_map(|one| &one.people);
        let issues = builders.iter().flat_map(|one| &one.issues);
        (
            people.map(|row| (row.person.clone(), row.record.clone())).collect(),
            issues.map(|issue| (issue.code.clone(), issue.record.clone())).collect(),
        )
    }

    fn pairs(list: &[(&str, &str)]) -> Pairs {
        list.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    }

    #[test]
    fn the_record_that_says_more_counts_then_the_later_and_both_are_named() {
        let text = "person,name,email,status\np1,Ada,,active\np1,Ada,a@x.org,active\np1,Ada,,active\n\
                    p2,Bo,,active\np2,Bo,,leaver\np3,Cy,,\n";
        let (people, issues) = kept(&[text]);
        assert_eq!(people, pairs(&[("p1", "line 3"), ("p2", "line 6"), ("p3", "line 7")]));
        let conflict = "person_conflict";
        assert_eq!(issues, pairs(&[(conflict, "line 2"), (conflict, "line 4"), (conflict, "line 5")]));
    }

    #[test]
    fn the_same_record_twice_is_a_note_wherever_the_two_are() {
        let text = "person,name,status\np1,Ada,active\n";
        let (people, issues) = kept(&[text, text]);
        assert_eq!((people, issues), (pairs(&[("p1", "line 2")]), pairs(&[("person_duplicate", "line 2")])));
    }

    #[test]
    fn dates_decide_where_no_word_does_and_contradictions_are_reported() {
        let people = "person,status,left_at\nstays,active,\ngoes,leaver,2027-01-01\nwent,leaver,2026-01-01\n\
                      odd,active,2026-01-01\nsilent,,2026-01-01\nlater,,2027-01-01\nnothing,,\n";
        let mut tables = join(export(&[(EntityKind::User, "u")]), &[people]);
        assert!(at(&mut tables, parse_time("2026-11-22").unwrap_or_default()));
        let statuses: Vec<_> = tables.people.iter().map(|row| (row.person.as_str(), row.status)).collect();
        let (active, leaver) = (PersonStatus::Active, PersonStatus::Leaver);
        assert_eq!(
            statuses,
            [
                ("goes", leaver),
                ("later", active),
                ("nothing", PersonStatus::Unknown),
                ("odd", active),
                ("silent", leaver),
                ("stays", active),
                ("went", leaver)
            ]
        );
        assert_eq!(found(&tables), [("leaver_in_future", "line 3"), ("active_after_leaving", "line 5")]);
    }

    #[test]
    fn a_table_of_last_days_needs_no_word() {
        let builder = table("person,left_at\na,\nb,2026-01-01\nc,soon\n");
        let statuses: Vec<PersonStatus> = builder.people.iter().map(|row| row.status).collect();
        assert_eq!(statuses, [PersonStatus::Active, PersonStatus::Unknown, PersonStatus::Unknown]);
    }
}
