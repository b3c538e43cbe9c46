//! Tables as sets of comparable rows, and what a change is to add to them and remove.
//!
//! Rows are told apart by full ids and by what they say, never by numbers, sources or places in files: the same right
//! in another export is the same row. Whoever judged a change has the tables before and after it; [`difference`] of the
//! two is stored beside the records ([`super::Writer::store_rows`]), and a later scan looks for those rows. So a scan
//! needs to know nothing about how changes are written.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::model::text::format_time;
use crate::model::{Entity, EntityId, Tables};
use crate::names;

names! {
    /// Which table a row is of.
    pub enum Table {
        Principals = "principals",
        Memberships = "memberships",
        Attachments = "attachments",
        Grants = "grants",
        Trusts = "trusts",
        Credentials = "credentials",
        Owners = "owners",
        Approvals = "approvals",
        Exceptions = "exceptions",
    }
}

impl Table {
    /// Whether new rows of it give somebody access, so that a change which nobody recorded matters.
    #[must_use]
    pub const fn gives_access(self) -> bool {
        matches!(self, Self::Memberships | Self::Attachments | Self::Grants | Self::Trusts | Self::Credentials)
    }
}

/// One row of one table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    pub table: Table,
    /// Id of the entity that the row is about: holder, member, target, or whom a credential proves.
    pub subject: String,
    /// What in or of it: container, policy, trusted one, credential.
    pub object: String,
    /// What the row says of the two.
    pub says: String,
}

impl Row {
    /// Whether this row, which was to come, has come as `other`: the same, or a credential of the same kind for the same
    /// entity, of which only the platform could say which id it gets.
    #[must_use]
    pub fn is_met_by(&self, other: &Self) -> bool {
        let kind = |row: &Self| row.object.split_once('/').map(|(kind, _)| kind.to_owned());
        let is_credential = self.table == Table::Credentials && other.table == Table::Credentials;
        self == other || (is_credential && self.subject == other.subject && kind(self) == kind(other))
    }

    /// Whether two rows are about the same thing, whatever they say. Of a grant that is its holder: some platforms name a
    /// policy by what it says.
    #[must_use]
    pub fn same_place(&self, other: &Self) -> bool {
        let same = (self.table, &self.subject) == (other.table, &other.subject);
        same && (self.table == Table::Grants || self.object == other.object)
    }
}

/// What a change adds and removes, each sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rows {
    pub added: Vec<Row>,
    pub removed: Vec<Row>,
}

/// All rows of the tables.
#[must_use]
pub fn of(tables: &Tables) -> BTreeSet<Row> {
    let mut rows = Collector { tables, rows: BTreeSet::new() };
    rows.entities();
    rows.memberships();
    rows.attachments();
    rows.grants();
    rows.trusts();
    rows.credentials();
    rows.governance();
    rows.rows
}

/// What makes the second tables of the first.
#[must_use]
pub fn difference(before: &Tables, after: &Tables) -> Rows {
    between(&of(before), &of(after))
}

/// [`difference`] of rows that were collected before.
#[must_use]
pub fn between(before: &BTreeSet<Row>, after: &BTreeSet<Row>) -> Rows {
    Rows { added: after.difference(before).cloned().collect(), removed: before.difference(after).cloned().collect() }
}

struct Collector<'t> {
    tables: &'t Tables,
    rows: BTreeSet<Row>,
}

impl Collector<'_> {
    fn id(&self, of: EntityId) -> String {
        self.tables.entities.get(of.index()).map_or_else(|| format!("#{}", of.0), |entity| entity.id.clone())
    }

    fn put(&mut self, table: Table, subject: String, object: String, says: String) {
        self.rows.insert(Row { table, subject, object, says });
    }

    fn entities(&mut self) {
        for entity in self.tables.entities.iter().filter(|entity: &&Entity| entity.is_principal()) {
            let says = format!("enabled={}", yes(entity.enabled));
            self.put(Table::Principals, entity.id.clone(), entity.kind.to_string(), says);
        }
    }

    fn memberships(&mut self) {
        for row in &self.tables.memberships {
            let says = format!("{} {}{}", row.kind, row.standing, until(row.expires_at));
            self.put(Table::Memberships, self.id(row.member), self.id(row.container), says);
        }
    }

    fn attachments(&mut self) {
        for row in &self.tables.attachments {
            self.put(Table::Attachments, self.id(row.holder), self.id(row.policy), row.kind.to_string());
        }
    }

    fn grants(&mut self) {
        for row in &self.tables.grants {
            let mut says = row.effect.to_string();
            for (name, list) in [
                ("actions", &row.actions),
                ("not_actions", &row.not_actions),
                ("resources", &row.resources),
                ("not_resources", &row.not_resources),
                ("principals", &row.principals),
                ("not_principals", &row.not_principals),
            ] {
                says += &listed(name, list);
            }
            if let Some(condition) = &row.condition {
                says += &format!(" condition={condition}");
            }
            says += &until(row.expires_at);
            // Not the statement's name: many have none but their place, which moves.
            let object = format!("{}/{}", row.layer, row.policy);
            self.put(Table::Grants, self.id(row.holder), object, says);
        }
    }

    fn trusts(&mut self) {
        for row in &self.tables.trusts {
            let condition = row.condition.as_ref().map(|text| format!(" condition={text}")).unwrap_or_default();
            let says = format!("{}{condition}", row.action);
            self.put(Table::Trusts, self.id(row.target), row.trustee_pattern.clone(), says);
        }
    }

    fn credentials(&mut self) {
        for row in &self.tables.credentials {
            let object = format!("{}/{}", row.kind, row.credential);
            let says = format!("active={}{}", yes(row.active), until(row.expires_at));
            self.put(Table::Credentials, self.id(row.entity), object, says);
        }
    }

    fn governance(&mut self) {
        for row in &self.tables.owners {
            self.put(Table::Owners, self.id(row.entity), row.owner.clone(), row.origin.to_string());
        }
        for row in &self.tables.approvals {
            let quorum = row.quorum.map_or_else(|| "?".to_owned(), |n| n.to_string());
            let says = format!("required={} quorum={quorum}", yes(row.required));
            self.put(Table::Approvals, row.object.clone(), row.approver.clone(), says);
        }
        for row in &self.tables.exceptions {
            let part = |text: &Option<String>| text.clone().unwrap_or_else(|| "*".to_owned());
            let object = format!("{} {} {}", part(&row.rule), part(&row.principal), part(&row.resource));
            self.put(Table::Exceptions, row.exception.clone(), object, until(row.expires_at).trim().to_owned());
        }
    }
}

fn yes(value: Option<bool>) -> &'static str {
    match value {
        Some(true) => "yes",
        Some(false) => "no",
        None => "?",
    }
}

fn until(time: Option<i64>) -> String {
    time.map(|time| format!(" until={}", format_time(time))).unwrap_or_default()
}

/// A list as a set: order and repetition say nothing.
fn listed(name: &str, list: &[String]) -> String {
    let set: BTreeSet<&str> = list.iter().map(String::as_str).collect();
    if set.is_empty() { String::new() } else { format!(" {name}={}", set.into_iter().collect::<Vec<_>>().join(",")) }
}
