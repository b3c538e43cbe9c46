//! The evaluation logic of AWS as one formula over the statements that match a request.
//!
//! Source: "Policy evaluation logic" in the IAM user guide. An explicit deny in any layer wins. Otherwise every SCP
//! and RCP level must allow, and access must come
//! - in one account, from the identity's policies within its boundary and session policies, or from the resource's
//!   policy: naming a user, a role session or everyone suffices alone, naming a role is limited by boundary and
//!   session policies, naming the account only hands over to its identity policies. Role trust policies and key
//!   policies must take part themselves;
//! - across accounts, from both sides.

use super::condition::{Kind, Test};
use super::statement::Statement;
use crate::model::{Effect, Layer};

/// A statement that matches the request's action and resource, and what is left of it to decide.
#[derive(Debug, Clone)]
pub struct Clause<'s> {
    pub statement: &'s Statement,
    /// Layer that the statement counts in: a managed policy's is `boundary` where it bounds.
    pub layer: Layer,
    /// Tests that are not decided.
    pub open: Vec<&'s Test>,
    /// Whether the resource pattern needs the value of an open variable, so that the match itself is not decided.
    pub open_resource: bool,
}

impl Clause<'_> {
    /// Whether nothing is left to decide.
    #[must_use]
    pub fn is_certain(&self) -> bool {
        self.open.is_empty() && !self.open_resource
    }

    /// Whether it allows under a condition that cannot be read, and so never.
    #[must_use]
    pub fn is_void(&self) -> bool {
        self.statement.effect == Effect::Allow && self.open.iter().any(|test| test.kind == Kind::Unknown)
    }
}

/// Statements of which one must allow.
#[derive(Debug, Clone, Default)]
pub struct Level<'s> {
    pub allow: Vec<Clause<'s>>,
    /// Whether a document of this level is not in the export: it might allow, and it might deny.
    pub missing: bool,
    /// Whether the level allows whatever it holds (it is not in force).
    pub open_wide: bool,
}

/// How the principal's and the resource's side come together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sides {
    /// Same account: either side.
    Either,
    /// Same account, and the resource's policy must take part (trust and key policies).
    ResourceDecides,
    /// Two accounts: both sides.
    Both,
}

/// Everything that takes part in one request.
#[derive(Debug, Clone)]
pub struct Formula<'s> {
    pub deny: Vec<Clause<'s>>,
    /// SCP and RCP levels.
    pub controls: Vec<Level<'s>>,
    pub identity: Level<'s>,
    pub boundary: Level<'s>,
    pub session: Level<'s>,
    /// Resource statements that name the account only.
    pub delegating: Level<'s>,
    /// Resource statements that name a role: within boundary and session.
    pub role_named: Level<'s>,
    /// Resource statements that name a user, a role session or everyone.
    pub named: Level<'s>,
    pub sides: Sides,
    pub resource: String,
    /// Names of the documents that take part and are not in the export.
    pub missing: Vec<String>,
}

/// What all missing documents say. Between these three lies everything else that they might say, because an answer
/// only gains from what they allow and only loses from what they deny.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    Nothing,
    AllowEverything,
    DenyEverything,
}

impl<'s> Formula<'s> {
    /// What the missing documents may say: nothing, when none is missing.
    #[must_use]
    pub fn contents(&self) -> &'static [Missing] {
        if self.missing.is_empty() {
            &[Missing::Nothing]
        } else {
            &[Missing::Nothing, Missing::AllowEverything, Missing::DenyEverything]
        }
    }

    /// The levels in the order in which [`combine`](Self::combine) numbers them: the controls, identity, boundary,
    /// session, and the resource's three.
    pub fn levels(&self) -> impl Iterator<Item = &Level<'s>> {
        let single = [&self.identity, &self.boundary, &self.session, &self.delegating, &self.role_named, &self.named];
        self.controls.iter().chain(single)
    }

    /// Every clause of the formula.
    pub fn clauses(&self) -> impl Iterator<Item = &Clause<'s>> {
        self.deny.iter().chain(self.levels().flat_map(|level| &level.allow))
    }

    /// Whether the request is allowed when no clause denies and these levels allow. More levels never take away.
    #[must_use]
    pub fn combine(&self, level: impl Fn(usize) -> bool) -> bool {
        let controls = self.controls.len();
        if !(0..controls).all(&level) {
            return false;
        }
        let [identity, boundary, session, delegating, role_named, named] = std::array::from_fn(|at| controls + at);
        let within = |own: bool| own && level(boundary) && level(session);
        let by_identity = || within(level(identity));
        let by_name = || level(named) || within(level(role_named));
        match self.sides {
            Sides::Either => by_identity() || by_name(),
            Sides::ResourceDecides => (level(delegating) && by_identity()) || by_name(),
            Sides::Both => (level(delegating) || level(named) || level(role_named)) && by_identity(),
        }
    }

    /// Whether the request is allowed when everything open is for it: an upper bound of all answers.
    #[must_use]
    pub fn may_hold(&self) -> bool {
        let level =
            |level: &Level<'_>| level.open_wide || level.missing || level.allow.iter().any(|clause| !clause.is_void());
        !self.deny.iter().any(Clause::is_certain) && self.combine(self.tell(level))
    }

    /// Whether the request is allowed when everything open is against it: a lower bound of all answers.
    #[must_use]
    pub fn must_hold(&self) -> bool {
        let level = |level: &Level<'_>| level.open_wide || level.allow.iter().any(Clause::is_certain);
        self.deny.is_empty() && self.missing.is_empty() && self.combine(self.tell(level))
    }

    fn tell(&self, of: impl Fn(&Level<'s>) -> bool) -> impl Fn(usize) -> bool {
        let told: Vec<bool> = self.levels().map(of).collect();
        move |at| told.get(at).copied().unwrap_or(false)
    }
}
