//! How much a principal may do: sums over its rows of the access table.
//!
//! Mass is level weight x breadth weight over every granted action, whether the grant is certain or hangs on
//! something; what is denied does not count. A row says how many of its actions, and how much of its mass, are
//! observable, and how much of that was not used. A row of what is possible is about grants of its own: what may come to
//! the certain ones.

use crate::findings::Context;
use crate::model::{Access, Decision, Entity};

/// Evidence grades from weakest to strongest.
const GRADES: [&str; 4] = ["static", "peer", "measured-service", "measured-action"];

/// Sums over what one principal may do.
#[derive(Debug, Clone, PartialEq)]
pub struct Privilege {
    /// Everything granted.
    pub mass: f64,
    /// What is certainly granted, and was not used in a window that was watched whole.
    pub unused_certain_mass: f64,
    /// What single calls were seen to use.
    pub used_mass: f64,
    /// What is granted, observable and unused.
    pub unused_mass: f64,
    /// What is granted and observable.
    pub observable_mass: f64,
    /// Actions whose use would have been seen.
    pub observable_n: u64,
    /// Those of them that were not used.
    pub unused_n: u64,
    /// Mass of the platform's full administrator.
    pub administrator_mass: f64,
    /// Actions granted, observable or not.
    pub granted_n: u64,
    /// Actions granted too recently for their not being used to mean anything.
    pub undetermined_n: u64,
    /// Weakest evidence among the rows in which something is observable; `static` when nothing is.
    pub grade: String,
    /// Days of the window that were observed, of the row observed least; null when nothing was, or a source does not say.
    pub window_days: Option<u32>,
    /// Whether a policy that gives rights is missing from the export, or a row could not be decided.
    pub incomplete: bool,
}

impl Privilege {
    /// Sums up one principal.
    #[must_use]
    pub fn of(context: &Context<'_>, entity: &Entity) -> Self {
        let mut sum = Self {
            mass: 0.0,
            unused_certain_mass: 0.0,
            used_mass: 0.0,
            unused_mass: 0.0,
            observable_mass: 0.0,
            observable_n: 0,
            unused_n: 0,
            granted_n: 0,
            undetermined_n: 0,
            window_days: None,
            administrator_mass: (context.facts.administrator_mass)(&entity.platform),
            grade: String::new(),
            incomplete: context.has_unseen_policy(entity.entity),
        };
        let window_days = context.config.thresholds.usage_window_days;
        let mut weakest = GRADES.len();
        let mut window = None;
        // A fixed order of summation: the rows are sorted, and floating-point sums depend on their order.
        for row in context.access(entity.entity).iter().filter(|row| row.decision != Decision::Denied) {
            sum.add(row, is_whole(row.window_days, window_days));
            if row.observable_n.unwrap_or(0) + row.undetermined_n.unwrap_or(0) > 0 {
                weakest = weakest.min(GRADES.iter().position(|grade| *grade == row.evidence_grade).unwrap_or(0));
                window = Some(window.map_or(row.window_days, |least: Option<u32>| least.min(row.window_days)));
            }
        }
        GRADES.get(weakest).copied().unwrap_or("static").clone_into(&mut sum.grade);
        sum.window_days = window.flatten();
        sum
    }

    fn add(&mut self, row: &Access, watched_whole: bool) {
        self.mass += row.mass;
        self.granted_n += u64::from(row.granted_n);
        self.undetermined_n += u64::from(row.undetermined_n.unwrap_or(0));
        let (Some(observable), Some(unused)) = (row.observable_n, row.unused_n) else { return };
        if row.granted_n == 0 || observable == 0 {
            return;
        }
        let observable_mass = row.observable_mass.unwrap_or(0.0).clamp(0.0, row.mass.max(0.0));
        let unused_mass = row.unused_mass.unwrap_or(0.0).clamp(0.0, observable_mass);
        self.observable_n += u64::from(observable);
        self.unused_n += u64::from(unused.min(observable));
        self.observable_mass += observable_mass;
        self.unused_mass += unused_mass;
        self.used_mass += row.used_mass.unwrap_or(0.0).clamp(0.0, observable_mass - unused_mass);
        if row.decision == Decision::Allowed && watched_whole {
            self.unused_certain_mass += unused_mass;
        }
    }

    /// Whether less than the whole window was observed, or the source does not say how much.
    #[must_use]
    pub fn is_provisional(&self, window_days: u32) -> bool {
        self.observable_n > 0 && !is_whole(self.window_days, window_days)
    }

    /// Permission gap: share of the observable grants that were not used; null when none is observable.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts of actions are far below 2^52")]
    pub fn pgr(&self) -> Option<f64> {
        (self.observable_n > 0).then(|| self.unused_n as f64 / self.observable_n as f64)
    }

    /// Weighted permission gap; null when nothing is observable.
    #[must_use]
    pub fn wpg(&self) -> Option<f64> {
        (self.observable_mass > 0.0).then(|| self.unused_mass / self.observable_mass)
    }

    /// Absolute weighted excess; null when nothing is observable.
    #[must_use]
    pub fn wpa(&self) -> Option<f64> {
        (self.observable_n > 0).then_some(self.unused_mass)
    }

    /// A mass on the scale from nothing to the platform's administrator: `ln(1 + m) / ln(1 + M_admin)`, at most 1.
    #[must_use]
    pub fn power(&self, mass: f64) -> f64 {
        if self.administrator_mass <= 0.0 {
            return 0.0;
        }
        (mass.max(0.0).ln_1p() / self.administrator_mass.ln_1p()).clamp(0.0, 1.0)
    }

    /// What is granted and was not seen in use: everything but the observed used part.
    #[must_use]
    pub fn idle_mass(&self) -> f64 {
        (self.mass - (self.observable_mass - self.unused_mass)).max(0.0)
    }

    /// The same if nothing was used that was not seen to be: the used service of a service report may have been used with
    /// one action only.
    #[must_use]
    pub fn idle_possible_mass(&self) -> f64 {
        (self.mass - self.used_mass).max(self.idle_mass())
    }
}

/// Whether so many days are the whole window; the day on which an export is made may be missing.
fn is_whole(days: Option<u32>, window_days: u32) -> bool {
    days.is_some_and(|days| days + 1 >= window_days)
}
