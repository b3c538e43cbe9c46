//! From the findings of all snapshots to spells: each from the day on which a finding was first seen to the first
//! snapshot that does not have it any more, or still open at the last.
//!
//! A finding that comes back begins a spell of its own. An end is dated by the snapshot that shows it, so a spell is
//! too long by up to one interval between scans. What was there in the first snapshot may have been there for long:
//! its spell begins with the first scan, and `prevalent` counts those.

use std::collections::BTreeMap;

use super::survival::{Spell, Survival, kaplan_meier};
use crate::findings::DAY;
use crate::model::{Finding, FindingState};

/// Time from the first sight of findings to their end.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize)]
pub struct Revocation {
    /// Spells that were already open in the first snapshot.
    pub prevalent: usize,
    #[serde(flatten)]
    pub survival: Survival,
}

/// Follows findings through snapshots, given oldest first.
#[derive(Debug, Clone, Default)]
pub struct Follower {
    /// By fingerprint: when the open spell began.
    open: BTreeMap<String, i64>,
    /// With the fingerprint.
    spells: Vec<(String, Spell)>,
    prevalent: usize,
    snapshots: usize,
    last: i64,
}

fn days(from: i64, to: i64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "times of findings are within 2^53 milliseconds")]
    let millis = to.saturating_sub(from).max(0) as f64;
    #[expect(clippy::cast_precision_loss, reason = "a day is a small number")]
    let day = DAY as f64;
    millis / day
}

impl Follower {
    /// Takes in the next snapshot. `take` says which findings are followed.
    pub fn snapshot(&mut self, as_of: i64, findings: &[Finding], take: &dyn Fn(&Finding) -> bool) {
        let mut still: BTreeMap<String, i64> = BTreeMap::new();
        for row in findings.iter().filter(|row| row.state != FindingState::Absent && take(row)) {
            let since = self.open.remove(&row.fingerprint).unwrap_or_else(|| {
                self.prevalent += usize::from(self.snapshots == 0);
                // `first_seen` of what came back is that of its first time.
                if row.state == FindingState::Reopened { as_of } else { row.first_seen.min(as_of) }
            });
            still.insert(row.fingerprint.clone(), since);
        }
        let gone = std::mem::replace(&mut self.open, still);
        let ended = |(name, since)| (name, Spell { days: days(since, as_of), ended: true });
        self.spells.extend(gone.into_iter().map(ended));
        self.snapshots += 1;
        self.last = as_of;
    }

    /// The estimate; what is open now is censored.
    #[must_use]
    pub fn finish(self) -> Revocation {
        let prevalent = self.prevalent;
        let spells: Vec<Spell> = self.spells().into_iter().map(|(_, spell)| spell).collect();
        Revocation { prevalent, survival: kaplan_meier(&spells) }
    }

    /// Every spell with the fingerprint of its finding; what is open now is censored.
    #[must_use]
    pub fn spells(mut self) -> Vec<(String, Spell)> {
        let last = self.last;
        let open = |(name, since)| (name, Spell { days: days(since, last), ended: false });
        self.spells.extend(self.open.into_iter().map(open));
        self.spells
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{EntityId, Severity};

    fn finding(fingerprint: &str, first_seen: i64, state: FindingState) -> Finding {
        Finding {
            fingerprint: fingerprint.to_owned(),
            rule: "stale".to_owned(),
            severity: Severity::Low,
            entity: EntityId(0),
            title: String::new(),
            subjects: Vec::new(),
            affected_n: 1,
            evidence: Vec::new(),
            frameworks: Vec::new(),
            first_seen: first_seen * DAY,
            state,
            exception: None,
        }
    }

    #[test]
    fn spells_end_censored_or_absent_and_begin_again_when_reopened() {
        use FindingState::{Absent, New, Reopened, Unchanged};
        let weeks = [
            vec![finding("a", 0, New), finding("b", 0, New)],
            vec![finding("a", 0, Absent), finding("b", 0, Unchanged), finding("c", 7, New)],
            // The entity of `c` is gone altogether, and its row with it.
            vec![finding("a", 0, Reopened), finding("b", 0, Unchanged)],
            vec![finding("a", 0, Absent), finding("b", 0, Unchanged)],
        ];
        let mut follower = Follower::default();
        for (week, rows) in (0..).zip(&weeks) {
            follower.snapshot(week * 7 * DAY, rows, &|_| true);
        }
        let found = follower.finish();
        // a: 7 and again 7 days, c: 7 days, b: open for 21.
        assert_eq!((found.survival.n, found.survival.ended, found.survival.censored), (4, 3, 1));
        assert_eq!(found.prevalent, 2);
        assert_eq!(found.survival.steps.len(), 1);
        let step = found.survival.steps[0];
        assert_eq!((step.days, step.at_risk, step.ended), (7.0, 4, 3));
        assert_eq!(found.survival.median, Some(7.0));
    }

    #[test]
    fn what_is_not_asked_for_is_not_followed() {
        let mut follower = Follower::default();
        let rows = [finding("a", 0, FindingState::New)];
        follower.snapshot(0, &rows, &|row| row.fingerprint != "a");
        assert_eq!(follower.finish(), Revocation::default());
    }
}
