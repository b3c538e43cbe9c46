//! Actions that a platform is known to have, and how much each weighs.

use std::borrow::Cow;

use rustc_hash::FxHashMap;

use crate::platforms::{Known, Recorded};

/// Access levels and their weights in a privilege mass, weakest first.
pub const LEVELS: [(&str, f64); 4] = [("list", 1.0), ("read", 2.0), ("write", 5.0), ("permissions", 10.0)];

/// Index into [`LEVELS`]; a level that is none of them counts as `write`.
#[must_use]
pub fn level(name: &str) -> usize {
    LEVELS.iter().position(|(level, _)| *level == name).unwrap_or(2)
}

/// One action that a platform is known to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// Full name, as the platform writes it.
    pub name: Cow<'static, str>,
    /// What access rows count it under.
    pub service: Cow<'static, str>,
    /// One of [`LEVELS`].
    pub level: &'static str,
    /// Whether audit logs record its use.
    pub recorded: Recorded,
}

/// All actions that a platform is known to have, sorted by name.
#[derive(Debug, Default)]
pub struct Catalog {
    actions: Vec<Action>,
    /// By name in lower case.
    by_name: FxHashMap<String, u32>,
}

impl Catalog {
    /// Sorts the actions; of two of the same name the first counts.
    #[must_use]
    pub fn new(actions: impl IntoIterator<Item = Action>) -> Self {
        let mut actions: Vec<Action> = actions.into_iter().collect();
        actions.sort_by(|a, b| a.name.cmp(&b.name));
        actions.dedup_by(|b, a| a.name == b.name);
        let numbered = (0u32..).zip(&actions).map(|(at, action)| (action.name.to_lowercase(), at));
        let by_name = numbered.collect();
        Self { actions, by_name }
    }

    /// All actions, sorted by name.
    #[must_use]
    pub fn actions(&self) -> &[Action] {
        &self.actions
    }

    /// The place of an action. `folds`: whether case does not matter.
    #[must_use]
    pub fn find(&self, name: &str, folds: bool) -> Option<usize> {
        let at = *self.by_name.get(&name.to_lowercase())? as usize;
        (folds || self.actions[at].name == name).then_some(at)
    }
}

impl Action {
    /// The action, as the rest of the engine knows it.
    #[must_use]
    pub fn known(&self) -> Known {
        Known { name: self.name.clone(), level: LEVELS[level(self.level)].0, recorded: self.recorded }
    }
}
