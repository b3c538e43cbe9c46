//! What agents held in the snapshot before, against what they hold now.

use std::collections::{BTreeMap, BTreeSet};

use super::Before;
use crate::findings::agent_scope_creep::{Creep, Extent, Grown, RULE, reference};
use crate::findings::agents::agents;
use crate::ledger::observe;
use crate::ledger::rows::{self, Row, Table};
use crate::model::text::format_time;
use crate::model::{Access, AccessTable, AttachmentKind, Entity, EntityId, FindingState, MembershipKind, Tables};

/// Extents by service and level.
type Extents<'t> = BTreeMap<(&'t str, &'t str), Extent>;

/// What an identity that workflows run as was allowed and declared to do.
#[derive(Debug, Clone, Default)]
struct Known {
    access: Vec<(String, String, Extent)>,
    /// Functions by workflow.
    workflows: BTreeMap<String, BTreeSet<String>>,
    /// Action patterns of its role baselines.
    baselines: BTreeSet<String>,
}

/// What the snapshot before held of agents, and of other identities that workflows run as.
#[derive(Debug, Clone, Default)]
pub struct Earlier {
    as_of: i64,
    known: BTreeMap<String, Known>,
    /// Rows that rights come from.
    rows: BTreeSet<Row>,
}

/// Agents, and identities of machines that workflows run as.
#[must_use]
pub fn watched(tables: &Tables) -> BTreeSet<EntityId> {
    let mapped = tables.workflows.iter().filter_map(|row| row.principal);
    let machines = mapped.filter(|&principal| tables.entity(principal).nhi != Some(false));
    agents(tables).into_iter().map(|agent| agent.principal).chain(machines).collect()
}

impl Earlier {
    /// Takes what is compared from a snapshot of this time. `access` has the rows of [`watched`] identities.
    #[must_use]
    pub fn new(as_of: i64, tables: &Tables, access: &[Access]) -> Self {
        let of = |principal: EntityId| {
            let own = access.iter().filter(|row| row.entity == principal);
            let known = Known {
                access: extents(own).into_iter().map(|((a, b), one)| (a.to_owned(), b.to_owned(), one)).collect(),
                ..declared(tables, principal)
            };
            (tables.entity(principal).id.clone(), known)
        };
        let known: BTreeMap<String, Known> = watched(tables).into_iter().map(of).collect();
        let rows = if known.is_empty() { BTreeSet::new() } else { rights(tables) };
        Self { as_of, known, rows }
    }

    /// Who gained permissions without a record and beyond what is declared.
    pub(super) fn compare(&self, tables: &Tables, access: &AccessTable, before: &Before<'_>) -> Vec<Creep> {
        if self.known.is_empty() {
            return Vec::new();
        }
        let now = rights(tables);
        let change = Change { before: &self.rows, now: &now, recorded: before.recorded };
        let of = |principal: EntityId| {
            let id = tables.entity(principal).id.as_str();
            let known = self.known.get(id)?;
            let told = told_before(before, id);
            let grown = self.grown(known, &declared(tables, principal), access.of(principal), &told);
            if grown.is_empty() {
                return None;
            }
            let causes = change.causes(&Holders::new(tables, principal), &told);
            let ledger = before.recorded.is_some();
            (!causes.is_empty()).then_some(Creep { entity: principal, grown, causes, ledger })
        };
        watched(tables).into_iter().filter_map(of).collect()
    }

    /// Services and levels of which more is held than is explained by what is declared.
    fn grown(&self, known: &Known, declared: &Known, access: &[Access], told: &[&str]) -> Vec<Grown> {
        let widened = |workflow: &String, functions: &BTreeSet<String>| {
            let before = known.workflows.get(workflow);
            before.is_none_or(|before| functions.contains("execute") && !before.contains("execute"))
        };
        if declared.workflows.iter().any(|(workflow, functions)| widened(workflow, functions)) {
            return Vec::new();
        }
        let needed: BTreeSet<&str> = declared.baselines.difference(&known.baselines).map(|one| service(one)).collect();
        let date = format_time(self.as_of);
        let date = date.strip_suffix("T00:00:00Z").unwrap_or(&date);
        let one = |((service, level), now): ((&str, &str), Extent)| {
            let stored = known.access.iter().find(|row| (row.0.as_str(), row.1.as_str()) == (service, level));
            let earlier = told.iter().find_map(|line| reference(line, service, level));
            let (before, since) =
                earlier.unwrap_or_else(|| (stored.map(|row| row.2).unwrap_or_default(), date.to_owned()));
            let excused = needed.contains("*") || needed.contains(service);
            (!excused && now.beyond(before).is_some()).then(|| Grown {
                service: service.to_owned(),
                level: level.to_owned(),
                now,
                before,
                since,
            })
        };
        extents(access.iter()).into_iter().filter_map(one).collect()
    }
}

fn extents<'t>(rows: impl Iterator<Item = &'t Access>) -> Extents<'t> {
    let mut found = Extents::new();
    for row in rows {
        let place = found.entry((row.service.as_str(), row.level.as_str())).or_default();
        *place = place.with(row);
    }
    found
}

/// The service of an action pattern.
fn service(pattern: &str) -> &str {
    pattern.split(':').next().unwrap_or(pattern)
}

/// What is declared of an identity.
fn declared(tables: &Tables, principal: EntityId) -> Known {
    let mut known = Known::default();
    for row in tables.workflows.iter().filter(|row| row.principal == Some(principal)) {
        known.workflows.entry(row.workflow.clone()).or_default().extend(row.functions.iter().cloned());
    }
    let baselines = tables.role_baselines.iter().filter(|row| row.entity == principal);
    known.baselines.extend(baselines.flat_map(|row| row.actions.iter().cloned()));
    known
}

/// Rows that rights come from: a credential proves who somebody is and gives nothing.
fn rights(tables: &Tables) -> BTreeSet<Row> {
    let gives = |row: &Row| row.table.gives_access() && row.table != Table::Credentials;
    rows::of(tables).into_iter().filter(gives).collect()
}

/// What the finding of the scan before said of an identity.
fn told_before<'b>(before: &Before<'b>, id: &str) -> Vec<&'b str> {
    let name = |entity: EntityId| before.tables.entities.get(entity.index()).map(|entity| entity.id.as_str());
    let open = before.findings.iter().filter(|row| row.rule == RULE && row.state != FindingState::Absent);
    let own = open.filter(|row| name(row.entity) == Some(id));
    own.flat_map(|row| row.evidence.iter().map(String::as_str)).collect()
}

/// Full ids through which rights come to an identity.
struct Holders<'t> {
    own: &'t str,
    all: BTreeSet<&'t str>,
}

impl<'t> Holders<'t> {
    /// The identity, the groups that it is in, the scopes around it, and all that is attached to any of these.
    fn new(tables: &'t Tables, principal: EntityId) -> Self {
        let mut seen: BTreeSet<EntityId> = BTreeSet::new();
        let mut open = vec![principal];
        while let Some(next) = open.pop() {
            if !seen.insert(next) {
                continue;
            }
            let first = tables.memberships.partition_point(|row| row.member < next);
            let joined = tables.memberships[first..].iter().take_while(|row| row.member == next);
            let inside = joined.filter(|row| matches!(row.kind, MembershipKind::MemberOf | MembershipKind::Contains));
            open.extend(inside.map(|row| row.container));
            let first = tables.attachments.partition_point(|row| row.holder < next);
            open.extend(tables.attachments[first..].iter().take_while(|row| row.holder == next).map(|row| row.policy));
            open.extend(tables.entity(next).scope.as_deref().and_then(|scope| tables.find(scope)));
        }
        let id = |one: EntityId| -> &'t Entity { tables.entity(one) };
        Self { own: &id(principal).id, all: seen.into_iter().map(|one| id(one).id.as_str()).collect() }
    }

    /// Whether a row may give the identity rights, or keep some from it.
    fn take(&self, row: &Row) -> bool {
        self.all.contains(row.subject.as_str()) || names(&row.object, self.own) || names(&row.says, self.own)
    }
}

/// Whether a text has an id in it, and not the beginning of a longer one.
fn names(text: &str, id: &str) -> bool {
    let longer = |rest: &str| rest.starts_with(|next: char| next.is_alphanumeric() || "-_./".contains(next));
    text.match_indices(id).any(|(at, _)| !longer(&text[at + id.len()..]))
}

/// What came and what went between two snapshots.
struct Change<'c> {
    before: &'c BTreeSet<Row>,
    now: &'c BTreeSet<Row>,
    recorded: Option<&'c super::Recorded>,
}

impl Change<'_> {
    /// Rows that gave an identity rights without a record: those that came, those that an earlier finding named and that
    /// are there still, and denies and bounds that went.
    fn causes(&self, holders: &Holders<'_>, told: &[&str]) -> Vec<String> {
        let told: BTreeSet<&str> = told.iter().copied().collect();
        let expected = self.recorded.map(|recorded| recorded.expected.as_slice()).unwrap_or_default();
        let came = |row: &&Row| holders.take(row) && (!self.before.contains(*row) || told.contains(new(row).as_str()));
        let came: Vec<Row> = self.now.iter().filter(came).filter(|row| !takes_away(row)).cloned().collect();
        let mut causes: BTreeSet<String> = observe::unexplained(&came, expected).iter().map(new).collect();
        let removed = |row: &&Row| holders.take(row) && takes_away(row) && !self.now.contains(*row);
        let unexpected = |row: &&Row| !expected.iter().any(|rows| rows.removed.contains(row));
        causes.extend(self.before.iter().filter(removed).filter(unexpected).map(gone));
        let back: BTreeSet<String> = self.now.iter().filter(|row| takes_away(row)).map(gone).collect();
        let recorded: BTreeSet<String> = expected.iter().flat_map(|rows| &rows.removed).map(gone).collect();
        let still = told.iter().filter(|line| line.starts_with(GONE) && !back.contains(**line));
        causes.extend(still.filter(|line| !recorded.contains(**line)).map(|line| (*line).to_owned()));
        causes.into_iter().collect()
    }
}

/// Before a row that went.
const GONE: &str = "gone: ";

fn words(row: &Row) -> String {
    format!("{} of {}: {}: {}", row.table, row.subject, row.object, row.says)
}

fn new(row: &Row) -> String {
    format!("new: {}", words(row))
}

fn gone(row: &Row) -> String {
    format!("{GONE}{}", words(row))
}

/// Whether a row takes rights away: a deny, a boundary, a control of the organisation.
fn takes_away(row: &Row) -> bool {
    let bounds = [AttachmentKind::Boundary, AttachmentKind::Scp, AttachmentKind::Rcp];
    match row.table {
        Table::Grants => row.says.starts_with("deny"),
        Table::Attachments => bounds.iter().any(|kind| kind.as_str() == row.says),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_named_whole() {
        let id = "arn:aws:iam::111122223333:user/ann";
        assert!(names("principals=AWS:arn:aws:iam::111122223333:user/ann", id));
        assert!(names("principals=AWS:arn:aws:iam::111122223333:user/ann,AWS:x", id));
        assert!(!names("principals=AWS:arn:aws:iam::111122223333:user/anna", id));
        assert!(!names("principals=AWS:arn:aws:iam::111122223333:user/ann/b", id));
    }

    #[test]
    fn the_service_of_a_pattern_is_what_stands_before_its_action() {
        assert_eq!(["s3:GetObject", "*", "crm:WRITE"].map(service), ["s3", "*", "crm"]);
    }
}
