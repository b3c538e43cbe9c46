//! Who has which permission, as far as it is certain or was seen: the matrix that roles are mined from.

use std::collections::BTreeMap;

use rustc_hash::{FxHashMap, FxHashSet};

use super::cover::BooleanMatrix;
use crate::model::{Access, AccessTable, Decision, Entity, EntityId, Granularity, Tables};

/// Which rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// Those that a principal certainly has.
    Effective,
    /// Those that it was seen to use.
    Used,
}

/// What a matrix is to hold.
#[derive(Debug, Clone, Copy)]
pub struct Question<'q> {
    pub basis: Basis,
    /// [`Granularity::Action`] knows use only.
    pub grain: Granularity,
    /// Only principals of this platform.
    pub platform: Option<&'q str>,
    /// Use of single actions before this time does not count. Use of services was judged when the snapshot was made.
    pub used_since: i64,
}

/// A column of the matrix.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Permission {
    pub platform: String,
    /// `service:level`, or an action as its source writes it.
    pub name: String,
}

/// What a number of things left out counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Of {
    /// Principals that are no row of the matrix.
    Principals,
    /// Pairs of a principal in the matrix and a permission that is not among its ones.
    Pairs,
}

/// What the matrix does not hold, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeftOut {
    pub of: Of,
    /// In words, to follow "12 principals: ".
    pub reason: &'static str,
    pub n: u64,
}

/// Principals by permissions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rights {
    /// Rows, ascending.
    pub principals: Vec<EntityId>,
    /// Columns, sorted.
    pub permissions: Vec<Permission>,
    pub matrix: BooleanMatrix,
    /// Ones of which only the service is known to be used: all levels that a principal has of it count as used.
    pub by_service_n: u64,
    /// Principals that were looked at.
    pub asked_n: u64,
    /// Sorted; only what there is.
    pub left_out: Vec<LeftOut>,
}

/// Grade of evidence that tells single actions apart.
const MEASURED_ACTION: &str = "measured-action";

const ROOT: &str = "root of an account, whom no role binds";
const NOTHING_CERTAIN: &str = "nothing is certainly granted";
const CONDITIONAL: &str = "the grant hangs on a condition";
const UNKNOWN: &str = "a policy that decides is missing from the export";
const NOT_MEASURED: &str = "use is not measured";
const ACTIONS_NOT_MEASURED: &str = "use of single actions is not measured";
const NOTHING_USED: &str = "nothing was used in the window: no role is needed";
const NOT_OBSERVED: &str = "the use of that service is not measured";

/// Rows and columns under construction.
#[derive(Default)]
struct Collector<'t> {
    rights: Rights,
    columns: FxHashMap<(&'t str, &'t str, &'t str), u32>,
    rows: Vec<Vec<u32>>,
    left_out: BTreeMap<(Of, &'static str), u64>,
}

impl Rights {
    /// The matrix of a snapshot. Groups are no rows: what they give is among their members' access.
    #[must_use]
    pub fn collect(tables: &Tables, access: &AccessTable, question: &Question<'_>) -> Self {
        let mut collector = Collector::default();
        let asked = |entity: &&Entity| {
            entity.is_principal() && question.platform.is_none_or(|platform| platform == entity.platform)
        };
        for entity in tables.entities.iter().filter(asked) {
            collector.rights.asked_n += 1;
            if entity.is_account_root() {
                collector.leave_out(Of::Principals, ROOT, 1);
                continue;
            }
            match (question.grain, question.basis) {
                (Granularity::Action, _) => collector.actions(tables, entity, question.used_since),
                (Granularity::Service, Basis::Effective) => collector.effective(entity, access.of(entity.entity)),
                (Granularity::Service, Basis::Used) => collector.used(entity, access.of(entity.entity)),
            }
        }
        collector.finish()
    }

    /// Whether an entity is a row.
    #[must_use]
    pub fn has(&self, entity: EntityId) -> bool {
        self.principals.binary_search(&entity).is_ok()
    }
}

impl<'t> Collector<'t> {
    fn leave_out(&mut self, of: Of, reason: &'static str, n: u64) {
        if n > 0 {
            *self.left_out.entry((of, reason)).or_default() += n;
        }
    }

    fn column(&mut self, platform: &'t str, service: &'t str, level: &'t str) -> u32 {
        let next = u32::try_from(self.columns.len()).unwrap_or(u32::MAX);
        *self.columns.entry((platform, service, level)).or_insert(next)
    }

    fn row(&mut self, entity: &Entity, ones: Vec<u32>, empty: &'static str) {
        if ones.is_empty() {
            return self.leave_out(Of::Principals, empty, 1);
        }
        self.rights.principals.push(entity.entity);
        self.rows.push(ones);
    }

    /// What is certain. A pair of which some actions are certain and others open is certain.
    fn effective(&mut self, entity: &'t Entity, rows: &'t [Access]) {
        let granted = |row: &&Access| row.granted_n > 0;
        let certain = rows.iter().filter(granted).filter(|row| row.decision == Decision::Allowed);
        let ones: Vec<u32> = certain.map(|row| self.column(&entity.platform, &row.service, &row.level)).collect();
        if !ones.is_empty() {
            let sure: FxHashSet<u32> = ones.iter().copied().collect();
            for (decision, reason) in [(Decision::Conditional, CONDITIONAL), (Decision::Unknown, UNKNOWN)] {
                let open = rows.iter().filter(granted).filter(|row| row.decision == decision);
                let known = |row: &&Access| {
                    let key = (entity.platform.as_str(), row.service.as_str(), row.level.as_str());
                    self.columns.get(&key).is_some_and(|column| sure.contains(column))
                };
                let n = open.filter(|row| !known(row)).count() as u64;
                self.leave_out(Of::Pairs, reason, n);
            }
        }
        self.row(entity, ones, NOTHING_CERTAIN);
    }

    /// What was seen in use, of the services whose use is measured.
    fn used(&mut self, entity: &'t Entity, rows: &'t [Access]) {
        let granted: Vec<&Access> =
            rows.iter().filter(|row| row.granted_n > 0 && row.decision != Decision::Denied).collect();
        let measured: Vec<(&Access, u32, u32)> =
            granted.iter().filter_map(|row| Some((*row, row.observable_n?, row.unused_n?))).collect();
        if measured.is_empty() {
            let reason = if granted.is_empty() { NOTHING_CERTAIN } else { NOT_MEASURED };
            return self.leave_out(Of::Principals, reason, 1);
        }
        let used: Vec<_> = measured.iter().filter(|(_, observable, unused)| unused < observable).collect();
        let coarse = used.iter().filter(|(row, ..)| row.evidence_grade != MEASURED_ACTION).count();
        self.rights.by_service_n += coarse as u64;
        let ones: Vec<u32> =
            used.iter().map(|(row, _, _)| self.column(&entity.platform, &row.service, &row.level)).collect();
        if !ones.is_empty() {
            self.leave_out(Of::Pairs, NOT_OBSERVED, (granted.len() - measured.len()) as u64);
        }
        self.row(entity, ones, NOTHING_USED);
    }

    /// Single actions that were seen in use since a time.
    fn actions(&mut self, tables: &'t Tables, entity: &'t Entity, since: i64) {
        let start = tables.usage.partition_point(|row| row.entity < entity.entity);
        let own = tables.usage[start..].iter().take_while(|row| row.entity == entity.entity);
        let measured: Vec<_> = own.filter(|row| row.granularity == Granularity::Action).collect();
        if measured.is_empty() {
            return self.leave_out(Of::Principals, ACTIONS_NOT_MEASURED, 1);
        }
        let used = measured.into_iter().filter(|row| row.last_used_at.is_some_and(|last| last >= since));
        let ones: Vec<u32> = used.map(|row| self.column(&entity.platform, &row.permission, "")).collect();
        self.row(entity, ones, NOTHING_USED);
    }

    /// Puts columns in order and makes the matrix.
    fn finish(mut self) -> Rights {
        let mut columns: Vec<(Permission, u32)> = self
            .columns
            .iter()
            .map(|(&(platform, service, level), &at)| {
                let name = if level.is_empty() { service.to_owned() } else { format!("{service}:{level}") };
                (Permission { platform: platform.to_owned(), name }, at)
            })
            .collect();
        columns.sort_unstable();
        let mut place = vec![0u32; columns.len()];
        for (&(_, old), new) in columns.iter().zip(0u32..) {
            place[old as usize] = new;
        }
        for one in self.rows.iter_mut().flatten() {
            *one = place[*one as usize];
        }
        self.rights.matrix = BooleanMatrix::new(columns.len(), self.rows);
        self.rights.permissions = columns.into_iter().map(|(permission, _)| permission).collect();
        let left_out = self.left_out.into_iter().map(|((of, reason), n)| LeftOut { of, reason, n });
        self.rights.left_out = left_out.collect();
        self.rights
    }
}
