//! Statements compiled for matching: action lists, resource lists, named principals, conditions.

use std::sync::Arc;

use roaring::RoaringBitmap;

use super::super::catalog::Catalog;
use super::condition::{Condition, Test};
use super::pattern::{Pattern, covers, is_everything};
use crate::model::text::glob_ignore_case;
use crate::model::{Effect, Grant};

/// Which actions a statement is about.
#[derive(Debug, Clone, PartialEq)]
pub struct Actions {
    patterns: Vec<String>,
    negated: bool,
    /// Actions of the catalogue that match.
    pub known: RoaringBitmap,
}

impl Actions {
    /// Compiles the action patterns of a statement.
    #[must_use]
    pub fn new(actions: &[String], not_actions: &[String]) -> Self {
        let negated = actions.is_empty() && !not_actions.is_empty();
        let patterns = if negated { not_actions } else { actions };
        let catalog = Catalog::get();
        let mut known = RoaringBitmap::new();
        for pattern in patterns {
            known |= catalog.matching(pattern);
        }
        if negated {
            known = catalog.matching("*") - known;
        }
        Self { patterns: patterns.to_vec(), negated, known }
    }

    /// Whether an action is meant; `known` is its number in the catalogue, where it has one.
    #[must_use]
    pub fn cover(&self, action: &str, known: Option<u32>) -> bool {
        match known {
            Some(number) => self.known.contains(number),
            None => self.patterns.iter().any(|pattern| glob_ignore_case(pattern, action)) != self.negated,
        }
    }
}

/// Which resources a statement is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resources {
    /// Every resource, or the one that the policy is attached to.
    Any,
    Some(Vec<Pattern>),
    AllBut(Vec<Pattern>),
}

impl Resources {
    fn new(resources: &[String], not_resources: &[String], variables: bool) -> Self {
        let patterns = |list: &[String]| list.iter().map(|text| Pattern::new(text, variables)).collect::<Vec<_>>();
        if !not_resources.is_empty() {
            Self::AllBut(patterns(not_resources))
        } else if resources.is_empty() || resources.iter().any(|text| is_everything(text)) {
            Self::Any
        } else {
            Self::Some(patterns(resources))
        }
    }

    /// The patterns, whichever way they count.
    #[must_use]
    pub fn patterns(&self) -> &[Pattern] {
        match self {
            Self::Any => &[],
            Self::Some(patterns) | Self::AllBut(patterns) => patterns,
        }
    }

    /// Whether a resource is meant, with these values of variables. A pattern whose variable has no value matches
    /// nothing.
    pub fn covers(&self, resource: &str, variable: &dyn Fn(&str) -> Option<String>) -> bool {
        let any = |patterns: &[Pattern]| {
            patterns.iter().any(|pattern| pattern.expand(variable).is_some_and(|text| covers(&text, resource)))
        };
        match self {
            Self::Any => true,
            Self::Some(patterns) => any(patterns),
            Self::AllBut(patterns) => !any(patterns),
        }
    }
}

/// Whom a statement of a resource policy is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principals {
    Some(Vec<String>),
    AllBut(Vec<String>),
}

/// A statement ready for matching.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    pub grant: u32,
    pub effect: Effect,
    pub actions: Arc<Actions>,
    pub resources: Resources,
    pub principals: Principals,
    pub condition: Condition,
    /// Role sessions that the statement names.
    pub sessions: Vec<Session>,
}

/// A role session that a resource policy names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub account: String,
    pub role: String,
    /// What holds of a request in this session: its user id ends in the session's name.
    pub test: Test,
}

impl Session {
    /// Reads a principal of a resource policy; `None` when it is no session. `role_id` gives the unique id of a role
    /// by account and name.
    fn read(principal: &str, role_id: impl Fn(&str, &str) -> Option<String>) -> Option<Self> {
        let (account, role, name) = super::principals::session(principal.strip_prefix("AWS:")?)?;
        let id = role_id(account, role).unwrap_or_else(|| UNKNOWN_ROLE.to_owned());
        let test = Test::is("aws:userid", &format!("{id}:{name}"));
        Some(Self { account: account.to_owned(), role: role.to_owned(), test })
    }
}

/// Stands for the unique id of a role whose export does not tell it.
pub const UNKNOWN_ROLE: &str = "AROA";

impl Statement {
    /// Compiles one statement; `actions` is its compiled action list, which many statements share.
    #[must_use]
    pub fn new(grant: &Grant, actions: Arc<Actions>, role_id: impl Fn(&str, &str) -> Option<String> + Copy) -> Self {
        let principals = if grant.principals.is_empty() && !grant.not_principals.is_empty() {
            Principals::AllBut(grant.not_principals.clone())
        } else {
            Principals::Some(grant.principals.clone())
        };
        let condition = grant.condition.as_deref().map(|text| Condition::parse(text, grant.variables));
        Self {
            grant: grant.grant,
            effect: grant.effect,
            actions,
            resources: Resources::new(&grant.resources, &grant.not_resources, grant.variables),
            principals,
            condition: condition.unwrap_or_default(),
            sessions: grant.principals.iter().filter_map(|text| Session::read(text, role_id)).collect(),
        }
    }
}
