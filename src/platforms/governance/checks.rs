//! Whether everyone and everything that the tables name is somebody and something.
//!
//! A reference to nobody is a warning: something of the input is missing or wrong, and the scan is incomplete. That
//! somebody who is known has left is a fact of the organisation, which findings and `preflight` judge: a note.

use std::collections::BTreeMap;

use super::directory::{Directory, Who};
use super::ownership::Judge;
use crate::model::naming::{Named, Names};
use crate::model::text::{glob, glob_ignore_case};
use crate::model::{Entity, Issue, IssueSeverity, OwnerStatus, SourceId, Tables};

/// Before the name of a principal in a duty.
const PRINCIPAL: &str = "principal:";

/// Names approvers, and those who answer for exceptions, by their ids where a text means one person.
pub fn name(tables: &mut Tables) {
    if tables.people.is_empty() || (tables.approvals.is_empty() && tables.exceptions.is_empty()) {
        return;
    }
    let judge = Judge::new(tables);
    let ids: Vec<Option<String>> = tables.approvals.iter().map(|row| judge.owner(&row.approver).0).collect();
    let directory = Directory::new(tables);
    for (row, id) in tables.approvals.iter_mut().zip(ids) {
        row.approver = id.unwrap_or_else(|| std::mem::take(&mut row.approver));
    }
    let people = &tables.people;
    for party in tables.exceptions.iter_mut().flat_map(|row| [&mut row.owner, &mut row.approved_by]) {
        if let Some(Who::One(at)) = party.as_deref().map(|text| directory.find(text)) {
            *party = Some(people[at].person.clone());
        }
    }
}

/// Where a row is.
type Place = (SourceId, String);

/// Runs every check; people are named by their ids from here on.
pub fn all(tables: &mut Tables) {
    let mut issues = Vec::new();
    duties(tables, &mut issues);
    if tables.people.is_empty() {
        unchecked(tables, &mut issues);
    } else {
        managers(tables, &mut issues);
        control_owners(tables, &mut issues);
        exception_parties(tables, &mut issues);
        approvers(tables, &mut issues);
    }
    tables.issues.append(&mut issues);
}

/// Issues that hang on who is still there.
const ABOUT_STATES: [&str; 6] = [
    "approver_left",
    "approver_unknown",
    "quorum_unreachable",
    "control_owner_left",
    "control_owner_missing",
    "control_owner_unknown",
];

/// Runs the checks that hang on who is still there once more, now that the time of the scan says it.
pub fn again(tables: &mut Tables) {
    tables.issues.retain(|issue| !ABOUT_STATES.contains(&issue.code.as_str()));
    let mut issues = Vec::new();
    control_owners(tables, &mut issues);
    approvers(tables, &mut issues);
    tables.issues.append(&mut issues);
}

fn issue(severity: IssueSeverity, code: &str, (source, record): Place, message: String) -> Issue {
    Issue { severity, source: Some(source), record, code: code.to_owned(), message }
}

/// Says that people are named and nothing says who they are.
fn unchecked(tables: &Tables, issues: &mut Vec<Issue>) {
    let rows = tables.approvals.iter().map(|row| row.source);
    let rows = rows.chain(tables.workflows.iter().filter(|row| row.control_owner.is_some()).map(|row| row.source));
    if let Some(source) = rows.chain(tables.exceptions.iter().map(|row| row.source)).min() {
        let message = "there is no table of people: whether approvers, control owners and owners of exceptions are \
                       somebody, and still there, is not known"
            .to_owned();
        issues.push(issue(IssueSeverity::Note, "people_missing", (source, String::new()), message));
    }
}

/// Finds people and reports those who are nobody.
struct Finder<'i> {
    directory: Directory,
    ids: Vec<String>,
    issues: &'i mut Vec<Issue>,
}

impl<'i> Finder<'i> {
    fn new(tables: &Tables, issues: &'i mut Vec<Issue>) -> Self {
        let ids = tables.people.iter().map(|row| row.person.clone()).collect();
        Self { directory: Directory::new(tables), ids, issues }
    }

    /// The id of the person whom a text means, with the state; what means nobody is reported.
    fn find(&mut self, text: &str, code: &str, who: &str, place: Place) -> Option<(String, OwnerStatus)> {
        match self.directory.find(text) {
            Who::One(at) => Some((self.ids[at].clone(), self.directory.state(at))),
            Who::Several => {
                let message = format!("{who} `{text}` may be several people: write the id or the address");
                self.issues.push(issue(IssueSeverity::Warning, "person_ambiguous", place, message));
                None
            }
            Who::Nobody => {
                let message = format!("{who} `{text}` is nobody in the table of people");
                self.issues.push(issue(IssueSeverity::Warning, code, place, message));
                None
            }
        }
    }
}

fn managers(tables: &mut Tables, issues: &mut Vec<Issue>) {
    let mut finder = Finder::new(tables, issues);
    for row in &mut tables.people {
        let Some(manager) = row.manager.clone() else { continue };
        let who = format!("the manager of `{}`,", row.person);
        let place = (row.source, row.record.clone());
        if let Some((id, _)) = finder.find(&manager, "manager_unknown", &who, place) {
            row.manager = Some(id);
        }
    }
}

fn control_owners(tables: &mut Tables, issues: &mut Vec<Issue>) {
    let mut finder = Finder::new(tables, issues);
    for row in &mut tables.workflows {
        let place = (row.source, row.record.clone());
        let Some(owner) = row.control_owner.clone() else {
            let message = format!("the workflow `{}` has no control owner: nobody answers for it", row.workflow);
            finder.issues.push(issue(IssueSeverity::Note, "control_owner_missing", place, message));
            continue;
        };
        let who = format!("the control owner of the workflow `{}`,", row.workflow);
        let Some((id, status)) = finder.find(&owner, "control_owner_unknown", &who, place.clone()) else { continue };
        if matches!(status, OwnerStatus::Departed | OwnerStatus::Disabled) {
            let message = format!("{who} `{id}` is {status}: nobody answers for it");
            finder.issues.push(issue(IssueSeverity::Note, "control_owner_left", place, message));
        }
        row.control_owner = Some(id);
    }
}

fn exception_parties(tables: &mut Tables, issues: &mut Vec<Issue>) {
    let mut finder = Finder::new(tables, issues);
    for row in &mut tables.exceptions {
        let place = (row.source, row.record.clone());
        for (party, code, word) in [
            (&mut row.owner, "exception_owner_unknown", "owner"),
            (&mut row.approved_by, "exception_approver_unknown", "approver"),
        ] {
            let Some(text) = party.clone() else { continue };
            let who = format!("the {word} of the exception `{}`,", row.exception);
            if let Some((id, _)) = finder.find(&text, code, &who, place.clone()) {
                *party = Some(id);
            }
        }
    }
}

/// What the approvers of one object come to.
#[derive(Default)]
struct Chain {
    /// How many can approve; `None` when that is not known of one of them.
    able: Option<u32>,
    quorum: Option<u32>,
    optional: bool,
    place: Option<Place>,
}

fn approvers(tables: &mut Tables, issues: &mut Vec<Issue>) {
    let judge = Judge::new(tables);
    let mut ids: Vec<Option<String>> = Vec::with_capacity(tables.approvals.len());
    let mut chains: BTreeMap<&str, Chain> = BTreeMap::new();
    for row in &tables.approvals {
        let place = (row.source, row.record.clone());
        let (person, _, status) = judge.owner(&row.approver);
        let found = match status {
            OwnerStatus::Dangling => {
                let why = "is neither a person nor a group that is known".to_owned();
                Some((IssueSeverity::Warning, "approver_unknown", why))
            }
            OwnerStatus::Departed | OwnerStatus::Disabled | OwnerStatus::EmptyGroup => {
                Some((IssueSeverity::Note, "approver_left", format!("is {status}: cannot approve any more")))
            }
            OwnerStatus::Active | OwnerStatus::Unknown => None,
        };
        if let Some((severity, code, why)) = found {
            let message = format!("the approver `{}` of `{}` {why}", row.approver, row.object);
            issues.push(issue(severity, code, place.clone(), message));
        }
        let count = if status == OwnerStatus::Dangling { Some(0) } else { judge.approvers(&row.approver) };
        let chain = chains.entry(&row.object).or_insert_with(|| Chain { able: Some(0), ..Chain::default() });
        chain.able = chain.able.zip(count).map(|(all, one)| all.saturating_add(one));
        chain.quorum = chain.quorum.max(row.quorum);
        chain.optional |= row.required == Some(false);
        chain.place.get_or_insert(place);
        ids.push(person);
    }
    for (object, chain) in chains {
        let (Some(able), Some(place)) = (chain.able, chain.place) else { continue };
        let quorum = chain.quorum.unwrap_or(1);
        if quorum > able && !chain.optional {
            let message = format!(
                "`{object}` needs {quorum} who agree, and {able} of its approvers can: nothing can be approved"
            );
            issues.push(issue(IssueSeverity::Warning, "quorum_unreachable", place, message));
        }
    }
    for (row, id) in tables.approvals.iter_mut().zip(ids) {
        if let Some(id) = id {
            row.approver = id;
        }
    }
}

/// Duties whose actions no catalogue knows, and whose principals are nobody.
fn duties(tables: &Tables, issues: &mut Vec<Issue>) {
    if tables.sod_rules.is_empty() {
        return;
    }
    let known: Vec<&str> = crate::platforms::ALL.iter().flat_map(|platform| platform.actions()).collect();
    let written = |row: &crate::model::SodRule| [row.left.clone(), row.right.clone()].concat();
    let all: Vec<String> = tables.sod_rules.iter().flat_map(written).collect();
    let mut names = Names::new(all.iter().filter_map(|duty| duty.strip_prefix(PRINCIPAL)).map(str::trim));
    tables.entities.iter().filter(|entity| entity.present).for_each(|entity| names.learn(entity));
    for row in &tables.sod_rules {
        for duty in row.left.iter().chain(&row.right) {
            let place = (row.source, row.record.clone());
            match duty.strip_prefix(PRINCIPAL).map(str::trim) {
                Some(name) if !is_somebody(tables, &names, name) => {
                    let message = format!("the rule `{}` names the principal `{name}`, whom no export knows", row.rule);
                    issues.push(issue(IssueSeverity::Warning, "reference_unresolved", place, message));
                }
                None if !known.iter().any(|action| glob_ignore_case(duty, action)) => {
                    let message =
                        format!("the rule `{}` names the action `{duty}`, which no catalogue knows", row.rule);
                    issues.push(issue(IssueSeverity::Warning, "sod_action_unknown", place, message));
                }
                _ => {}
            }
        }
    }
}

fn is_somebody(tables: &Tables, names: &Names<'_>, name: &str) -> bool {
    if name.contains(['*', '?']) {
        let hit = |entity: &&Entity| entity.is_principal() && (glob(name, &entity.id) || glob(name, &entity.name));
        return tables.entities.iter().any(|entity| hit(&entity));
    }
    names.find(name, |_| Some(0)) != Named::Nothing
}

#[cfg(test)]
mod tests {
    use super::super::testing::{export, found, join};
    use super::*;
    use crate::model::{Builder, EntityKind};

    const PEOPLE: &str =
        "person,name,email,status,manager\nP1,Ada,ada@x.org,active,\nP2,Bo,bo@x.org,leaver,ADA@x.org\n";

    fn organisation() -> Builder {
        export(&[(EntityKind::Role, "r"), (EntityKind::User, "ada"), (EntityKind::Group, "ops")])
    }

    #[test]
    fn people_are_known_by_id_from_here_on() {
        let approvals = "object,approver\nrole/r,ada@x.org\n";
        let workflows = "workflow,principal,control_owner\nW,role/r,Ada\n";
        let exceptions = "exception,owner,approved_by,expires\nE,ada,bo@x.org,2027-01-01\n";
        let tables = join(organisation(), &[PEOPLE, approvals, workflows, exceptions]);
        assert_eq!(tables.people[1].manager.as_deref(), Some("P1"));
        assert_eq!(tables.approvals[0].approver, "P1");
        assert_eq!(tables.workflows[0].control_owner.as_deref(), Some("P1"));
        let exception = &tables.exceptions[0];
        assert_eq!((exception.owner.as_deref(), exception.approved_by.as_deref()), (Some("P1"), Some("P2")));
        assert!(tables.issues.is_empty(), "{:?}", tables.issues);
    }

    #[test]
    fn whoever_is_nobody_is_a_warning_and_whoever_left_a_note() {
        let people = "person,name,status,manager\nP1,Bo,leaver,ghost\nP2,Bo,active,Bo\n";
        let approvals = "object,approver\nrole/r,P1\nrole/r,ghost\n";
        let workflows = "workflow,principal,control_owner\nW,role/r,P1\nX,role/r,ghost\nY,,\n";
        let exceptions = "exception,owner,approved_by,expires\nE,ghost,ghost,2027-01-01\n";
        let tables = join(organisation(), &[people, approvals, workflows, exceptions]);
        let warned: Vec<_> = tables
            .issues
            .iter()
            .map(|issue| (issue.code.as_str(), issue.record.as_str(), issue.severity == IssueSeverity::Warning))
            .collect();
        assert_eq!(
            warned,
            [
                ("manager_unknown", "line 2", true),
                ("person_ambiguous", "line 3", true),
                ("approver_left", "line 2", false),
                ("quorum_unreachable", "line 2", true),
                ("approver_unknown", "line 3", true),
                ("control_owner_left", "line 2", false),
                ("control_owner_unknown", "line 3", true),
                ("control_owner_missing", "line 4", false),
                ("workflow_without_principal", "line 4", true),
                ("exception_approver_unknown", "line 2", true),
                ("exception_owner_unknown", "line 2", true),
            ]
        );
    }

    #[test]
    fn a_quorum_that_those_who_are_left_cannot_reach_is_reported_once() {
        let approvals = "object,approver,quorum\nrole/r,P1;P2,2\nrole/r,P2,2\nuser/ada,P1,1\nops,ops,9\n";
        let tables = join(organisation(), &[PEOPLE, approvals]);
        let codes: Vec<_> = found(&tables).into_iter().filter(|(code, _)| *code == "quorum_unreachable").collect();
        assert_eq!(codes, [("quorum_unreachable", "line 2")], "the members of `ops` are not known");
    }

    #[test]
    fn whoever_left_by_the_time_of_the_scan_cannot_approve() {
        use crate::platforms::Platform;
        let people = "person,left_at\nP1,2026-06-30\nP2,\n";
        let approvals = "object,approver,quorum\nrole/r,P1;P2,2\n";
        let workflows = "workflow,principal,control_owner\nW,role/r,P1\n";
        let mut tables = join(organisation(), &[people, approvals, workflows]);
        assert_eq!(found(&tables), []);
        let at = |day: &str| crate::model::text::parse_time(day).expect("a date");
        super::super::Governance.at(&mut tables, at("2026-11-22"));
        let expected =
            [("approver_left", "line 2"), ("quorum_unreachable", "line 2"), ("control_owner_left", "line 2")];
        assert_eq!(found(&tables), expected);
        let status = tables.owners.iter().map(|row| row.status.as_str()).collect::<Vec<_>>();
        assert_eq!(status, ["departed"]);
    }

    #[test]
    fn duties_are_actions_of_a_catalogue_or_principals() {
        let rules = "rule,title,left,right,severity\n\
                     S1,create and pay,iam:Create*;principal:role/r,IAM:PassRole;principal:*d*,high\n\
                     S2,,nonsense:Do,principal:ghost,urgent\nS3,x,,iam:PassRole,\n";
        let tables = join(organisation(), &[rules]);
        assert_eq!(
            found(&tables),
            [
                ("reference_unresolved", "line 3"),
                ("sod_action_unknown", "line 3"),
                ("word_unknown", "line 3"),
                ("sod_duty_empty", "line 4"),
            ]
        );
        assert_eq!(tables.sod_rules[1].title, "S2");
    }

    #[test]
    fn without_a_table_of_people_one_note_says_that_nothing_was_checked() {
        let tables = join(organisation(), &["object,approver\nrole/r,anyone\n"]);
        assert_eq!(found(&tables), [("people_missing", "")]);
    }
}
