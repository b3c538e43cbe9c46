//! What a scan came to, in numbers: the document of `scan --format json` and the counts behind its text.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::View;
use super::json::FORMAT;
use crate::model::text::format_time;
use crate::model::{EntityKind, ExceptionStatus, Severity, Tables};

/// How many of what were read and computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// All entities, those only referred to included.
    pub entities: usize,
    /// Entities that an export defines and that act.
    pub principals: usize,
    /// Principals known to be non-human.
    pub nhis: usize,
    /// Principals known to be human.
    pub humans: usize,
    /// Scopes that hold a principal or a group, directories of people aside. A policy may belong to its vendor, which is no account of ours.
    pub accounts: usize,
    /// Users that an export defines; roots of accounts are not among them.
    pub users: usize,
    /// Root users of the accounts that an export is of.
    pub roots: usize,
    /// Roles that an export defines.
    pub roles: usize,
    /// Groups that an export defines.
    pub groups: usize,
    /// Policies and role definitions that an export defines.
    pub policies: usize,
    /// Rows of memberships.
    pub memberships: usize,
    /// Statements.
    pub grants: usize,
    /// Edges of the attack graph as stored.
    pub edges: usize,
}

impl Counts {
    /// Counts one snapshot.
    #[must_use]
    pub fn of(tables: &Tables, edges: usize) -> Self {
        let mut counts = Self {
            entities: tables.entities.len(),
            memberships: tables.memberships.len(),
            grants: tables.grants.len(),
            edges,
            ..Self::default()
        };
        let mut accounts = BTreeSet::new();
        for entity in tables.entities.iter().filter(|entity| entity.present) {
            let slot = match entity.kind {
                EntityKind::User if entity.is_account_root() => Some(&mut counts.roots),
                EntityKind::User => Some(&mut counts.users),
                EntityKind::Role => Some(&mut counts.roles),
                EntityKind::Group => Some(&mut counts.groups),
                EntityKind::RoleDefinition => Some(&mut counts.policies),
                _ => None,
            };
            if let Some(slot) = slot {
                *slot += 1;
            }
            if entity.is_principal() || entity.kind == EntityKind::Group {
                // A directory of people holds users and groups, and is no account.
                accounts.extend(entity.scope.as_deref().filter(|scope| !scope.starts_with("aws:identity-store/")));
            }
            if entity.is_principal() {
                counts.principals += 1;
                counts.nhis += usize::from(entity.nhi == Some(true));
                counts.humans += usize::from(entity.nhi == Some(false));
            }
        }
        counts.accounts = accounts.len();
        counts
    }
}

/// Findings that are there now, by severity, most urgent first.
#[must_use]
pub fn by_severity(view: &View<'_>) -> Vec<(Severity, usize)> {
    let findings = view.findings();
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    Severity::ALL.iter().map(|&severity| (severity, count(severity))).collect()
}

/// Findings that are there now and that an exception covers.
#[must_use]
pub fn excepted(view: &View<'_>) -> usize {
    view.findings().iter().filter(|finding| finding.exception.is_some()).count()
}

/// Exceptions by what they are worth, all four of them.
#[must_use]
pub fn by_status(view: &View<'_>) -> Vec<(ExceptionStatus, usize)> {
    let rows = &view.tables.exceptions;
    let count = |status| rows.iter().filter(|row| row.status == status).count();
    ExceptionStatus::ALL.iter().map(|&status| (status, count(status))).collect()
}

/// Metrics over everything (all platforms, kinds and domains) by id; null where one cannot be measured.
#[must_use]
pub fn overall_metrics<'a>(view: &View<'a>) -> BTreeMap<&'a str, Option<f64>> {
    view.results
        .metrics
        .iter()
        .filter(|metric| metric.platform == "all" && metric.kind == "all" && metric.domain == "all")
        .map(|metric| (metric.metric.as_str(), metric.value))
        .collect()
}

/// The document of `scan --format json`.
#[must_use]
pub fn document(view: &View<'_>) -> Value {
    let counts = Counts::of(view.tables, view.results.edges.len());
    let findings: BTreeMap<&str, usize> =
        by_severity(view).into_iter().map(|(severity, n)| (severity.as_str(), n)).collect();
    let coverage: BTreeMap<&str, Value> =
        view.coverage.iter().map(|part| (part.name.as_str(), json!({"known": part.known, "of": part.of}))).collect();
    let mut exceptions: BTreeMap<&str, usize> =
        by_status(view).into_iter().map(|(status, n)| (status.as_str(), n)).collect();
    exceptions.insert("covered_findings", excepted(view));
    json!({
        "format": FORMAT,
        "snapshot": view.snapshot,
        "as_of": format_time(view.as_of),
        "sources": view.sources,
        "counts": {
            "entities": counts.entities, "principals": counts.principals, "nhis": counts.nhis,
            "humans": counts.humans, "accounts": counts.accounts, "users": counts.users, "roots": counts.roots,
            "roles": counts.roles, "groups": counts.groups, "policies": counts.policies, "memberships": counts.memberships,
            "grants": counts.grants, "edges": counts.edges,
        },
        "coverage": coverage,
        "exceptions": exceptions,
        "findings": findings,
        "metrics": overall_metrics(view),
        "incomplete": view.incomplete,
    })
}
