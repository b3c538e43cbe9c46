//! The evaluation logic of AWS as one formula over the statements that match a request.
//!
//! Source: "Policy evaluation logic" in the IAM user guide. An explicit deny in any layer wins. Otherwise every SCP
//! and RCP level must allow, and access must come
//! - in one account, from the identity's policies within its boundary and session policies, or from the resource's
//!   policy: naming a user, a role session or everyone suffices alone, naming a role is limited by boundary and
//!   session policies, naming the account only hands over to its identity policies. Role trust policies and key
//!   policies must take part themselves;
//! - across accounts, from both sides.

use super::condition::Test;
use super::facts::{Fact, Facts};
use super::pattern::Pattern;
use super::statement::Statement;
use crate::model::Layer;

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

/// Gives the values of a context key; none means absent.
pub type Values<'v> = &'v dyn Fn(&str) -> Vec<String>;

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

    /// Whether nothing but what is stated decides.
    #[must_use]
    pub fn is_decided(&self) -> bool {
        self.missing.is_empty() && self.clauses().all(Clause::is_certain)
    }

    fn levels(&self) -> impl Iterator<Item = &Level<'s>> {
        let single = [&self.identity, &self.boundary, &self.session, &self.delegating, &self.role_named, &self.named];
        self.controls.iter().chain(single)
    }

    /// Every clause of the formula.
    pub fn clauses(&self) -> impl Iterator<Item = &Clause<'s>> {
        self.deny.iter().chain(self.levels().flat_map(|level| &level.allow))
    }

    /// Every test that is not decided.
    #[must_use]
    pub fn open_tests(&self) -> Vec<&'s Test> {
        self.clauses().flat_map(|clause| clause.open.iter().copied()).collect()
    }

    /// Every pattern that must match the resource and needs an open variable for it.
    #[must_use]
    pub fn open_patterns(&self) -> Vec<&'s Pattern> {
        let open = self.clauses().filter(|clause| clause.open_resource);
        open.flat_map(|clause| clause.statement.resources.patterns()).collect()
    }

    /// Open keys that stand as variables in tests or in resource patterns.
    #[must_use]
    pub fn open_variables(&self, facts: &Facts<'_>) -> Vec<String> {
        let mut keys: Vec<String> = Vec::new();
        for clause in self.clauses() {
            let in_tests =
                clause.open.iter().flat_map(|test| test.values.iter().flat_map(super::pattern::Pattern::variables));
            let in_resources =
                clause.statement.resources.patterns().iter().flat_map(super::pattern::Pattern::variables);
            keys.extend(in_tests.chain(in_resources).map(str::to_owned));
        }
        keys.retain(|key| matches!(facts.of(key), Fact::Open(_)));
        keys.sort();
        keys.dedup();
        keys
    }

    /// Whether the request is allowed for these values of the open keys and this content of the missing documents.
    #[must_use]
    pub fn holds(&self, values: Values<'_>, content: Missing) -> bool {
        if content == Missing::DenyEverything || self.deny.iter().any(|clause| self.applies(clause, values)) {
            return false;
        }
        let level = |level: &Level<'s>| {
            let given = level.missing && content == Missing::AllowEverything;
            level.open_wide || given || level.allow.iter().any(|clause| self.applies(clause, values))
        };
        if !self.controls.iter().all(level) {
            return false;
        }
        let within = |own: bool| own && level(&self.boundary) && level(&self.session);
        let identity = || within(level(&self.identity));
        let named = || level(&self.named) || within(level(&self.role_named));
        match self.sides {
            Sides::Either => identity() || named(),
            Sides::ResourceDecides => (level(&self.delegating) && identity()) || named(),
            Sides::Both => (level(&self.delegating) || level(&self.named) || level(&self.role_named)) && identity(),
        }
    }

    fn applies(&self, clause: &Clause<'s>, values: Values<'_>) -> bool {
        let variable = |key: &str| {
            let found = values(key);
            if found.len() == 1 { found.into_iter().next() } else { None }
        };
        clause.open.iter().all(|test| test.holds(&values(&test.key), &variable))
            && (!clause.open_resource || clause.statement.resources.covers(&self.resource, &variable))
    }
}
