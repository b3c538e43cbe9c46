//! What a row of the access table counts, action by action, and what is known of an action's use.

use std::borrow::Cow;

use crate::model::Decision;

/// Whether audit logs record the use of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// Every log does.
    Always,
    /// A log does when it is told to record this type of event.
    Optionally(&'static str),
    /// No log does; why.
    Never(&'static str),
}

/// An action of the platform's catalogue, or one that only statements of the export name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Full name as the platform writes it.
    pub name: Cow<'static, str>,
    /// Access level.
    pub level: &'static str,
    pub recorded: Recorded,
}

impl Known {
    /// Whether the action only looks, which logs can be told to leave out.
    #[must_use]
    pub fn reads(&self) -> bool {
        matches!(self.level, "list" | "read")
    }
}

/// A granted action.
#[derive(Debug, Clone, PartialEq)]
pub struct GrantedAction {
    pub action: Known,
    /// Its part of the row's privilege mass: level weight x breadth weight.
    pub mass: f64,
    /// Place in [`Granted::sources`].
    pub source: usize,
}

/// The actions of one row of the access table.
#[derive(Debug, Clone, PartialEq)]
pub struct Granted {
    pub service: Cow<'static, str>,
    pub level: &'static str,
    /// Weight of the level in a privilege mass.
    pub level_weight: f64,
    /// As in the access row: certain grants, or what may come to them.
    pub decision: Decision,
    pub actions: Vec<GrantedAction>,
    /// Sets of statements, by number of the grant, ascending: an action's source is one of them.
    pub sources: Vec<Vec<u32>>,
}
