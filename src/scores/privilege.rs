//! How much a principal may do: sums over its rows of the access table.
//!
//! Mass is level weight x breadth weight over every granted action, whether the grant is certain or hangs on
//! something; what is denied does not count. A row says how many of its actions are observable and how much of its
//! mass is observable and unused; within a row all actions have one level, so the observable mass is taken as the
//! row's mass times the observable share of its actions.

use crate::findings::Context;
use crate::model::{Access, Decision, Entity};

/// Evidence grades from weakest to strongest.
const GRADES: [&str; 4] = ["static", "peer", "measured-service", "measured-action"];

/// Sums over what one principal may do.
#[derive(Debug, Clone, PartialEq)]
pub struct Privilege {
    /// Everything granted.
    pub mass: f64,
    /// What is certainly granted, observable and unused.
    pub unused_certain_mass: f64,
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
    /// Weakest evidence among the rows.
    pub grade: String,
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
            unused_mass: 0.0,
            observable_mass: 0.0,
            observable_n: 0,
            unused_n: 0,
            administrator_mass: (context.facts.administrator_mass)(&entity.platform),
            grade: String::new(),
            incomplete: context.has_unseen_policy(entity.entity),
        };
        let mut weakest = GRADES.len();
        // A fixed order of summation: the rows are sorted, and floating-point sums depend on their order.
        for row in context.access(entity.entity).iter().filter(|row| row.decision != Decision::Denied) {
            sum.add(row);
            weakest = weakest.min(GRADES.iter().position(|grade| *grade == row.evidence_grade).unwrap_or(0));
        }
        GRADES.get(weakest).copied().unwrap_or("static").clone_into(&mut sum.grade);
        sum
    }

    fn add(&mut self, row: &Access) {
        self.mass += row.mass;
        let (Some(observable), Some(unused)) = (row.observable_n, row.unused_n) else { return };
        if row.granted_n == 0 || observable == 0 {
            return;
        }
        let observable_mass = row.mass * f64::from(observable.min(row.granted_n)) / f64::from(row.granted_n);
        let unused_mass = row.unused_mass.unwrap_or(0.0).clamp(0.0, observable_mass);
        self.observable_n += u64::from(observable);
        self.unused_n += u64::from(unused.min(observable));
        self.observable_mass += observable_mass;
        self.unused_mass += unused_mass;
        if row.decision == Decision::Allowed {
            self.unused_certain_mass += unused_mass;
        }
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
}
