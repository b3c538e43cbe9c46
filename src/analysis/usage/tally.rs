//! Sums of the verdicts on the actions of one access row.

use super::judge::{Grain, Judged};
use crate::access::Granted;
use crate::model::Access;

/// The usage columns of one access row.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tally {
    used_n: u32,
    unused_n: u32,
    undetermined_n: u32,
    observable_mass: f64,
    used_mass: f64,
    unused_mass: f64,
    covered: Option<u32>,
    grain: Option<Grain>,
}

impl Tally {
    /// Adds up one row; `judged` has a verdict for each of its actions. Masses are added in the order of the actions,
    /// because floating-point sums depend on it.
    pub fn of(row: &Granted, judged: &[Judged]) -> Self {
        let mut sum = Self::default();
        for (action, judged) in row.actions.iter().zip(judged) {
            let (grain, covered) = match judged {
                Judged::Unseen { .. } => continue,
                Judged::Used { grain, covered, .. } => {
                    sum.used_n += 1;
                    sum.observable_mass += action.mass;
                    if *grain == Grain::Action {
                        sum.used_mass += action.mass;
                    }
                    (*grain, *covered)
                }
                Judged::Quiet(quiet) if quiet.young_days.is_some() => {
                    sum.undetermined_n += 1;
                    (quiet.grain, quiet.covered)
                }
                Judged::Quiet(quiet) => {
                    sum.unused_n += 1;
                    sum.observable_mass += action.mass;
                    sum.unused_mass += action.mass;
                    (quiet.grain, quiet.covered)
                }
            };
            // Days that are not known are fewer than any number of them.
            sum.covered = if sum.grain.is_none() { covered } else { sum.covered.min(covered) };
            sum.grain = Some(sum.grain.map_or(grain, |known| known.min(grain)));
        }
        sum
    }

    /// Puts the sums into the row; nothing when none of its actions was observed.
    pub fn fill(&self, row: &mut Access) {
        let Some(grain) = self.grain else { return };
        row.observable_n = Some(self.used_n + self.unused_n);
        row.unused_n = Some(self.unused_n);
        row.undetermined_n = Some(self.undetermined_n);
        row.observable_mass = Some(self.observable_mass);
        row.used_mass = Some(self.used_mass);
        row.unused_mass = Some(self.unused_mass);
        row.window_days = self.covered;
        grade(Some(grain)).clone_into(&mut row.evidence_grade);
    }
}

/// Name of an evidence grade.
pub fn grade(grain: Option<Grain>) -> &'static str {
    match grain {
        Some(Grain::Action) => "measured-action",
        Some(Grain::Service) => "measured-service",
        None => "static",
    }
}
