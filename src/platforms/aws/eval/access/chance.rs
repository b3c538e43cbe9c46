//! Whether the conditions of statements hold, each by itself and those together that ask for the same context keys.

use rustc_hash::FxHashSet;

use super::super::facts::{Facts, Target};
use super::super::formula::{Clause, Formula, Level, Sides};
use super::super::statement::Statement;
use super::super::view::{Holder, Question, clause_of};
use super::super::{denies, no_context, solve};
use crate::model::{Decision, Layer};

/// Whether a statement takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Never,
    /// It hangs on the environment, or on other statements that want the same key to have another value.
    Possible,
    /// As the caller wishes: an allow takes effect, a deny does not.
    Chosen,
    Certain,
}

/// A statement of one layer with its standing.
pub struct Judged<'s> {
    pub statement: &'s Statement,
    /// Number of the layer.
    pub layer: usize,
    pub standing: Standing,
    clause: Option<Clause<'s>>,
    /// Context keys that the clause leaves open.
    keys: FxHashSet<&'s str>,
}

impl Judged<'_> {
    fn is_chosen(&self, deny: bool) -> bool {
        self.standing == Standing::Chosen && denies(self.statement) == deny
    }

    fn shares_keys(&self, other: &Self) -> bool {
        !self.keys.is_disjoint(&other.keys)
    }

    fn shares_actions(&self, other: &Self) -> bool {
        !self.statement.actions.known.is_disjoint(&other.statement.actions.known)
    }
}

/// Judges statements for one principal, on resources of its own account of which nothing else is known.
pub struct Judge<'h, 'c> {
    holder: &'h Holder<'c>,
    target: Target,
}

impl<'h, 'c> Judge<'h, 'c> {
    pub fn new(holder: &'h Holder<'c>) -> Self {
        let principal = &holder.principal;
        let target =
            Target { account: Some(principal.account.clone()), org: principal.org.clone(), ..Holder::open_target() };
        Self { holder, target }
    }

    /// What is known of a request's context.
    pub fn facts(&self) -> Facts<'_> {
        let question = Question {
            action: "*",
            known: None,
            given: no_context(),
            strict: false,
            session_name: None,
            sessions: &None,
        };
        self.holder.facts(&question, &self.target)
    }

    /// A statement by itself.
    pub fn judge<'s>(&self, statement: &'s Statement, layer: usize) -> Judged<'s> {
        let mut judged =
            Judged { statement, layer, standing: Standing::Never, clause: None, keys: FxHashSet::default() };
        let Some(mut clause) = clause_of(statement, Layer::Identity, &self.facts()) else { return judged };
        // Which resources it is about is another question.
        clause.open_resource = false;
        let clauses = std::slice::from_ref(&clause);
        judged.standing = if clause.open.is_empty() {
            Standing::Certain
        } else if denies(statement) {
            match self.together([], clauses.iter()) {
                Decision::Allowed => Standing::Chosen,
                Decision::Denied => Standing::Certain,
                Decision::Conditional | Decision::Unknown => Standing::Possible,
            }
        } else {
            match self.together(clauses.iter(), []) {
                Decision::Allowed => Standing::Chosen,
                Decision::Denied => Standing::Never,
                Decision::Conditional | Decision::Unknown => Standing::Possible,
            }
        };
        for test in &clause.open {
            judged.keys.insert(&test.key);
            judged.keys.extend(test.values.iter().flat_map(super::super::pattern::Pattern::variables));
        }
        judged.clause = Some(clause);
        judged
    }

    /// Whether a request exists in which all of these allow and none of those denies.
    fn together<'a, 's: 'a>(
        &self,
        allow: impl IntoIterator<Item = &'a Clause<'s>>,
        deny: impl IntoIterator<Item = &'a Clause<'s>>,
    ) -> Decision {
        let open_wide = || Level { open_wide: true, ..Level::default() };
        let formula = Formula {
            deny: deny.into_iter().cloned().collect(),
            controls: allow
                .into_iter()
                .map(|clause| Level { allow: vec![clause.clone()], ..Level::default() })
                .collect(),
            identity: open_wide(),
            boundary: open_wide(),
            session: open_wide(),
            delegating: Level::default(),
            role_named: Level::default(),
            named: Level::default(),
            sides: Sides::Either,
            resource: self.target.arn.clone(),
            missing: Vec::new(),
        };
        solve::solve(&formula, &self.facts()).decision
    }

    /// Turns what the caller can have one at a time but not together into what is only possible.
    pub fn settle(&self, all: &mut [Judged<'_>]) {
        let doubtful: Vec<usize> = (0..all.len()).filter(|&at| self.conflicts(all, at, true)).collect();
        for at in doubtful {
            all[at].standing = Standing::Possible;
        }
        let doubtful: Vec<usize> = (0..all.len()).filter(|&at| self.conflicts(all, at, false)).collect();
        for at in doubtful {
            all[at].standing = Standing::Possible;
        }
    }

    /// Whether a chosen statement cannot be had together with those that it shares context keys with: all avoidable
    /// denies, directly or through each other, and the conditional allows of other layers.
    fn conflicts(&self, all: &[Judged<'_>], at: usize, deny: bool) -> bool {
        let one = &all[at];
        if !one.is_chosen(deny) {
            return false;
        }
        let mut peers = vec![at];
        let mut next = 0;
        while let Some(&peer) = peers.get(next) {
            next += 1;
            let more = (0..all.len()).filter(|&other| {
                let found = &all[other];
                found.is_chosen(true)
                    && !peers.contains(&other)
                    && found.shares_keys(&all[peer])
                    && found.shares_actions(one)
            });
            let more: Vec<usize> = more.collect();
            peers.extend(more);
        }
        let denying =
            peers.iter().filter(|&&peer| denies(all[peer].statement)).filter_map(|&at| all[at].clause.as_ref());
        let elsewhere = all.iter().filter(|other| {
            !deny
                && other.is_chosen(false)
                && other.layer != one.layer
                && other.shares_keys(one)
                && other.shares_actions(one)
        });
        let own = one.clause.iter().filter(|_| !deny);
        let allowing: Vec<_> = own.chain(elsewhere.filter_map(|other| other.clause.as_ref())).collect();
        let denying: Vec<_> = denying.collect();
        allowing.len() + denying.len() > 1 && self.together(allowing, denying) != Decision::Allowed
    }
}
