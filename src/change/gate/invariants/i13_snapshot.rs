//! I13: the snapshot is fresh, it is the one that the draft was made on, and it is complete enough.

use super::{Facts, Invariant, Status, Witness, worst};
use crate::change::gate::Base;
use crate::model::text::format_time;

/// Milliseconds of an hour.
const HOUR: i64 = 3_600_000;

/// See [`Invariant::title`].
pub struct Fresh;

impl Invariant for Fresh {
    fn id(&self) -> &'static str {
        "I13"
    }

    fn title(&self) -> &'static str {
        "The snapshot is fresh and its digest matches."
    }

    fn check(&self, facts: &Facts<'_>) -> (Status, Vec<Witness>) {
        let base = facts.base;
        let mut found: Vec<(Status, Witness)> = Vec::new();
        found.extend(age(base));
        match facts.set.snapshot.as_deref() {
            Some(named) if named == base.snapshot || named.eq_ignore_ascii_case(base.digest) => {}
            Some(named) => {
                let says = format!("the draft was made on `{named}`, this is `{}` ({})", base.snapshot, base.digest);
                found.push((Status::Block, Witness::says(says)));
            }
            None => {
                let says = "the draft does not say on which snapshot it was made";
                found.push((Status::Unknown, Witness::says(says)));
            }
        }
        found.extend(records(facts));
        found.extend(
            base.incomplete
                .iter()
                .map(|what| (Status::Unknown, Witness::says(format!("the scan left something out: {what}")))),
        );
        worst(found)
    }
}

fn age(base: &Base<'_>) -> Option<(Status, Witness)> {
    let hours = base.now.saturating_sub(base.as_of).div_euclid(HOUR);
    let max = i64::from(base.terms.snapshot.age_hours_max);
    let (as_of, now) = (format_time(base.as_of), format_time(base.now));
    if hours > max {
        let says = format!("the snapshot is of {as_of}, {hours} hours before {now}; {max} are the most");
        return Some((Status::Block, Witness::says(says)));
    }
    (hours < 0).then(|| (Status::Block, Witness::says(format!("the snapshot is of {as_of}, after {now}"))))
}

/// More records that could not be used than preflight lets pass.
fn records(facts: &Facts<'_>) -> Option<(Status, Witness)> {
    let sources = &facts.base.tables.sources;
    let (records, skipped) = sources.iter().fold((0u64, 0u64), |(a, b), one| (a + one.records, b + one.skipped));
    let all = records + skipped;
    let share = if all == 0 { 0.0 } else { skipped as f64 / all as f64 };
    let max = facts.base.config.preflight.skipped_share_max;
    (share > max).then(|| {
        let says = format!("{skipped} of {all} records could not be used; a share of {max} is the most");
        (Status::Block, Witness::says(says))
    })
}
