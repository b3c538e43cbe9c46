//! Joins what principals may do with what they were seen doing, service by service.

use crate::config::Config;
use crate::model::{AccessTable, Granularity, Tables};

/// Milliseconds of a day.
pub const DAY: i64 = 86_400_000;

/// Fills the usage columns of access rows whose principal's service use was observed: all actions of a service that
/// was not used inside the window are unused, and of one that was used, none is known to be. A service that the
/// report does not list was not observed, and its columns stay null.
pub fn observe(tables: &Tables, as_of: i64, config: &Config, access: &mut AccessTable) {
    let window = i64::from(config.thresholds.unused_days_max) * DAY;
    for usage in tables.usage.chunk_by(|a, b| a.entity == b.entity) {
        for row in access.own(usage[0].entity) {
            let start = usage.partition_point(|one| one.permission < row.service);
            let own = usage[start..].iter().take_while(|one| one.permission == row.service);
            let Some(found) = own.into_iter().find(|one| one.granularity == Granularity::Service) else { continue };
            let used = found.last_used_at.is_some_and(|last| as_of - last <= window);
            row.observable_n = Some(row.granted_n);
            row.unused_n = Some(if used { 0 } else { row.granted_n });
            row.unused_mass = Some(if used { 0.0 } else { row.mass });
            "measured-service".clone_into(&mut row.evidence_grade);
        }
    }
}
