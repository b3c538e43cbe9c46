//! What was looked at: records of single principals, and audit logs, which speak for everyone in their scope.
//!
//! What a log records is inferred from the log itself. Calls that only look are taken as recorded when at least one of
//! them is in the scope's logs, and an optional type of event when at least one call of the type is; a trail is taken as
//! one of all regions. The time observed is from the first event of the logs to the last.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::{FxHashMap, FxHashSet};

use super::{DAY, is_action};
use crate::access::{Evaluator, Known, Recorded};
use crate::config::{Config, ReturnDays};
use crate::model::{Entity, EntityId, Tables, Usage};
use crate::platforms;

/// A time that was observed; an end that the source does not give is null.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Span {
    pub start: Option<i64>,
    pub end: Option<i64>,
}

/// The audit logs of one scope.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Log<'t> {
    pub span: Span,
    /// Whether calls that only look are recorded.
    reads: bool,
    /// Optional types of events that are recorded.
    types: BTreeSet<&'static str>,
    /// Calls of a principal in a service whose names the catalogue does not know, first of each.
    unknown: BTreeMap<(EntityId, &'t str), &'t str>,
}

impl Log<'_> {
    /// Whether the use of an action would be in the log; why not.
    pub fn records(&self, action: &Known) -> Result<(), String> {
        match action.recorded {
            Recorded::Never(why) => Err(why.to_owned()),
            Recorded::Optionally(kind) if !self.types.contains(kind) => Err(format!("the logs hold no {kind} events")),
            _ if action.reads() && !self.reads => Err("the logs hold no calls that only look".to_owned()),
            _ => Ok(()),
        }
    }
}

/// A record of one principal's use of one action or service, as far as it decides anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Seen<'t> {
    permission: &'t str,
    action: bool,
    pub last: Option<i64>,
    pub span: Span,
    /// Whether it comes from an audit log, which says more of the principal than this.
    pub log: bool,
}

/// What was seen of one principal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Sheet<'t> {
    /// Scope whose logs speak for it.
    pub scope: Option<&'t str>,
    /// Sorted by permission.
    pub seen: Vec<Seen<'t>>,
    /// Calls by service whose names the catalogue does not know.
    pub unknown: BTreeMap<&'t str, &'t str>,
}

impl<'t> Sheet<'t> {
    /// Records by permission without regard to case, actions or services.
    pub fn index(&self, action: bool) -> FxHashMap<String, Vec<Seen<'t>>> {
        let mut out: FxHashMap<String, Vec<Seen<'t>>> = FxHashMap::default();
        for seen in self.seen.iter().filter(|seen| seen.action == action) {
            out.entry(seen.permission.to_ascii_lowercase()).or_default().push(*seen);
        }
        out
    }
}

/// Everything that was looked at on one platform.
pub struct Watched<'t> {
    tables: &'t Tables,
    pub as_of: i64,
    /// Length of the window in days.
    pub window_days: u32,
    pub return_days: &'t ReturnDays,
    logs: FxHashMap<&'t str, Log<'t>>,
    /// Sources by number whose records speak for everyone in a scope.
    everyone: FxHashSet<u32>,
    /// Knows how records name an action.
    pub evaluator: &'t dyn Evaluator,
}

impl<'t> Watched<'t> {
    /// Looks through the usage table.
    pub fn new(tables: &'t Tables, as_of: i64, config: &'t Config, evaluator: &'t dyn Evaluator) -> Self {
        let readers = platforms::ALL.iter().flat_map(|platform| platform.readers());
        let kinds: BTreeSet<&str> =
            readers.filter(|reader| reader.records_everyone()).map(|reader| reader.name()).collect();
        let sources = tables.sources.iter().zip(0u32..).filter(|(source, _)| kinds.contains(source.kind.as_str()));
        let everyone: FxHashSet<u32> = sources.map(|(_, number)| number).collect();
        let mut logs: FxHashMap<&str, Log<'_>> = FxHashMap::default();
        for row in tables.usage.iter().filter(|row| everyone.contains(&row.source.0)) {
            let Some(scope) = tables.entity(row.entity).scope.as_deref() else { continue };
            let log = logs.entry(scope).or_default();
            log.span.start = log.span.start.into_iter().chain(row.window_start).min();
            log.span.end = log.span.end.max(row.window_end);
            match evaluator.known(&row.permission) {
                Some(action) => log.take(&action),
                None => {
                    let service = service_of(&row.permission);
                    log.unknown.entry((row.entity, service)).or_insert(&row.permission);
                }
            }
        }
        let thresholds = &config.thresholds;
        let (window_days, return_days) = (thresholds.usage_window_days, &config.return_days);
        Self { tables, as_of, window_days, return_days, logs, everyone, evaluator }
    }

    /// First instant of the window.
    pub fn window_start(&self) -> i64 {
        self.as_of - i64::from(self.window_days) * DAY
    }

    /// The logs that speak for a scope.
    pub fn log(&self, scope: Option<&str>) -> Option<&Log<'t>> {
        self.logs.get(scope?)
    }

    fn records(&self, of: EntityId) -> &'t [Usage] {
        let rows = &self.tables.usage;
        let start = rows.partition_point(|row| row.entity < of);
        &rows[start..start + rows[start..].partition_point(|row| row.entity == of)]
    }

    fn scope(&self, entity: &'t Entity) -> Option<&'t str> {
        entity.scope.as_deref().filter(|scope| self.logs.contains_key(scope))
    }

    /// Whether anything says what a principal used.
    pub fn sees(&self, of: EntityId) -> bool {
        self.scope(self.tables.entity(of)).is_some() || !self.records(of).is_empty()
    }

    /// What was seen of a principal.
    pub fn sheet(&self, of: EntityId) -> Sheet<'t> {
        let scope = self.scope(self.tables.entity(of));
        let seen = |row: &'t Usage| Seen {
            permission: &row.permission,
            action: is_action(row.granularity),
            last: row.last_used_at,
            span: Span { start: row.window_start, end: row.window_end },
            log: self.everyone.contains(&row.source.0),
        };
        let log = self.log(scope);
        let unknown =
            log.into_iter().flat_map(|log| log.unknown.range((of, "")..)).take_while(|((who, _), _)| *who == of);
        Sheet {
            scope,
            seen: self.records(of).iter().map(seen).collect(),
            unknown: unknown.map(|((_, service), call)| (*service, *call)).collect(),
        }
    }

    /// When a principal was created, if that is so recent that it matters.
    pub fn held_since(&self, of: EntityId) -> Option<i64> {
        let days = &self.return_days;
        let longest = [days.list, days.read, days.tagging, days.write, days.permissions, self.window_days];
        let longest = longest.into_iter().max().unwrap_or(0);
        let created = self.tables.entity(of).created_at?;
        // A principal that is older than every limit is as good as one that always was.
        Some(if self.as_of - created > i64::from(longest) * DAY { i64::MIN } else { created })
    }

    /// Whole days of the window that a time covers; `None` when its beginning or end is not known.
    pub fn covered(&self, span: Span) -> Option<u32> {
        let (start, end) = (span.start?.max(self.window_start()), span.end?.min(self.as_of));
        // An observation ends when its report is made, which is not the instant of the scan.
        let days = if end < start { 0 } else { (end - start) / DAY };
        u32::try_from(days).ok()
    }

    /// Whether so many days are the whole window; the day on which an export is made may be missing.
    pub fn is_full(&self, covered: Option<u32>) -> bool {
        covered.is_some_and(|days| days + 1 >= self.window_days)
    }
}

impl Log<'_> {
    /// Learns from a call what the log records.
    fn take(&mut self, action: &Known) {
        self.reads |= action.reads();
        if let Recorded::Optionally(kind) = action.recorded {
            self.types.insert(kind);
        }
    }
}

/// Service prefix of an action.
fn service_of(permission: &str) -> &str {
    permission.split(':').next().unwrap_or_default()
}
