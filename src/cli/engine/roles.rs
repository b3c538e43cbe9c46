//! Role mining on a stored snapshot.

use super::Snapshot;
use crate::config::Config;
use crate::model::Granularity;
use crate::roles::cover::Limits;
use crate::roles::{self, Basis, Question, Suggestion};

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

/// Candidate roles of a snapshot.
pub fn suggest(
    snapshot: &Snapshot,
    basis: Basis,
    grain: Granularity,
    platform: Option<&str>,
    config: &Config,
) -> Suggestion {
    let window = i64::from(config.thresholds.unused_days_max) * DAY;
    let question = Question { basis, grain, platform, used_since: snapshot.as_of.saturating_sub(window) };
    roles::suggest(&snapshot.tables, &snapshot.results.access, &question, &config.roles, Limits::default())
}
