//! What made a number change: those who stayed, those who came, or those who went.
//!
//! Let `A` and `B` be the entities of two snapshots, `S` those in both, and `T_a(X)`, `T_b(X)` a statistic of the set
//! `X` by the facts of the one or the other snapshot. Then
//!
//! ```text
//! T_b(B) − T_a(A)  =  [T_b(S) − T_a(S)]  +  [T_b(B) − T_b(S)]  +  [T_a(S) − T_a(A)]
//!      change      =       within        +       entry         +        exit
//! ```
//!
//! for every statistic whatever: a count, a share, a mean, a percentile. The sum telescopes, so the parts add up to
//! the change exactly. For means and shares this is the decomposition of Melitz and Polanec (2015):
//! `entry = (|E|/|B|)·(m_b(E) − m_b(S))` and `exit = (|X|/|A|)·(m_a(S) − m_a(X))` with `E = B∖S` and `X = A∖S`.
//!
//! An entity that stays and moves into the population that a metric counts (its last use becomes known, it becomes an
//! administrator) has changed itself: that is within.

/// A change and its parts.
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Serialize)]
pub struct Attribution {
    /// After less before.
    pub change: f64,
    /// Of those in both snapshots.
    pub within: f64,
    /// By those who are new.
    pub entry: f64,
    /// By those who are gone.
    pub exit: f64,
}

/// Which part of a change is the largest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    Within,
    Entry,
    Exit,
}

impl Cause {
    /// In words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Within => "within",
            Self::Entry => "entry",
            Self::Exit => "exit",
        }
    }
}

impl Attribution {
    /// The parts of `after − before`, where `stayed_before` and `stayed_after` are the statistic of those who stayed.
    #[must_use]
    pub fn new(before: f64, stayed_before: f64, stayed_after: f64, after: f64) -> Self {
        Self {
            change: after - before,
            within: stayed_after - stayed_before,
            entry: after - stayed_after,
            exit: stayed_before - before,
        }
    }

    /// One change after another.
    #[must_use]
    pub fn then(self, next: Self) -> Self {
        Self {
            change: self.change + next.change,
            within: self.within + next.within,
            entry: self.entry + next.entry,
            exit: self.exit + next.exit,
        }
    }

    /// The part that moves most in the direction of the change; `None` when nothing changed.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        let sign = if self.change < 0.0 { -1.0 } else { 1.0 };
        let parts = [(Cause::Within, self.within), (Cause::Entry, self.entry), (Cause::Exit, self.exit)];
        let mut most: Option<(Cause, f64)> = None;
        for (cause, part) in parts {
            // Rounding is no cause.
            if part * sign > most.map_or(1e-12, |(_, most)| most) {
                most = Some((cause, part * sign));
            }
        }
        most.map(|(cause, _)| cause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_comes_apart_as_worked_out_by_hand() {
        // Before: 3 of 10. Two of them go, one of these counted: those who stay are 2 of 8. One more of them is counted
        // now, 3 of 8. Four come, all counted: 7 of 12.
        let parts = Attribution::new(30.0, 25.0, 37.5, 700.0 / 12.0);
        assert!((parts.within - 12.5).abs() < 1e-12);
        // Melitz and Polanec: 4/12 · (100 − 37.5) = 20.8333 and 2/10 · (25 − 50) = −5.
        assert!((parts.entry - 4.0 / 12.0 * 62.5).abs() < 1e-12);
        assert!((parts.exit - -5.0).abs() < 1e-12);
        assert!((parts.within + parts.entry + parts.exit - parts.change).abs() < 1e-12);
        assert_eq!(parts.cause(), Some(Cause::Entry));
    }

    #[test]
    fn the_cause_is_what_pushes_the_way_the_change_goes() {
        let down = Attribution { change: -3.0, within: 2.0, entry: -1.0, exit: -4.0 };
        assert_eq!(down.cause(), Some(Cause::Exit));
        assert_eq!(Attribution::default().cause(), None);
        let both = down.then(Attribution { change: 9.0, within: 9.0, entry: 0.0, exit: 0.0 });
        assert_eq!((both.change, both.within, both.cause()), (6.0, 11.0, Some(Cause::Within)));
    }
}
