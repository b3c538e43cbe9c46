//! What changed since the snapshot before, held against the ledger.

use std::collections::{BTreeMap, BTreeSet};

use super::Before;
use crate::findings::unexplained_change::{Change, RULE};
use crate::ledger::observe;
use crate::ledger::rows::{self, Row, Rows};
use crate::metrics;
use crate::model::{FindingState, Tables};

/// What the ledger and the snapshot before say; only where the store has a ledger.
#[derive(Debug, Clone, Default)]
pub struct Recorded {
    /// Rows of the snapshot before.
    pub before: BTreeSet<Row>,
    /// What approved decisions that were open before this scan are to add and remove.
    pub expected: Vec<Rows>,
    /// Drafts that the gate judged and those that it blocked, by domain; under no name those of all.
    pub drafts: BTreeMap<Option<String>, (u64, u64)>,
}

/// What came of the comparison.
pub(super) struct Compared {
    /// Without a record.
    pub unexplained: Vec<Change>,
    /// For the metrics.
    pub counted: metrics::Recorded,
}

/// A row as the evidence of a finding.
fn fact(row: &Row) -> String {
    format!("{}: {}: {}", row.table, row.object, row.says)
}

impl Recorded {
    /// Compares the tables of this scan with what is known.
    pub(super) fn compare(&self, tables: &Tables, before: &Before<'_>) -> Compared {
        let now = rows::of(tables);
        let came = rows::between(&self.before, &now).added;
        let mut open: BTreeSet<Row> = observe::unexplained(&came, &self.expected).into_iter().collect();
        let counted = (came.iter().filter(|row| row.table.gives_access()))
            .filter_map(|row| Some((tables.find(&row.subject)?, open.contains(row))))
            .collect();
        let still: Vec<Row> = still_there(&now, &known(before)).cloned().collect();
        open.extend(observe::unexplained(&still, &self.expected));
        let change = |row: &Row| Some(Change { entity: tables.find(&row.subject)?, fact: fact(row) });
        Compared {
            unexplained: open.iter().filter_map(change).collect(),
            counted: metrics::Recorded { changes: counted, drafts: self.drafts.clone() },
        }
    }
}

/// What the scan before found without a record: ids with facts.
fn known<'b>(before: &Before<'b>) -> BTreeSet<(&'b str, &'b str)> {
    let of_rule = before.findings.iter().filter(|row| row.rule == RULE && row.state != FindingState::Absent);
    let facts = of_rule.flat_map(|finding| {
        let id = before.tables.entities.get(finding.entity.index()).map_or("", |entity| entity.id.as_str());
        finding.evidence.iter().map(move |fact| (id, fact.as_str()))
    });
    facts.collect()
}

/// Rows that were found before and are there still.
fn still_there<'n>(now: &'n BTreeSet<Row>, known: &'n BTreeSet<(&str, &str)>) -> impl Iterator<Item = &'n Row> {
    let subjects: BTreeSet<&str> = known.iter().map(|(id, _)| *id).collect();
    now.iter().filter(move |row| {
        subjects.contains(row.subject.as_str()) && known.contains(&(row.subject.as_str(), fact(row).as_str()))
    })
}
