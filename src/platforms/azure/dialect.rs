//! How Azure writes actions, for the permission engine.

use std::borrow::Cow;

use super::{NAME, catalog, names};
use crate::model::Grant;
use crate::platforms::assigned::{Catalog, Dialect};

/// Azure's way of writing rights down.
pub struct Azure;

impl Dialect for Azure {
    fn platform(&self) -> &'static str {
        NAME
    }

    fn catalog(&self) -> &'static Catalog {
        catalog::actions()
    }

    fn folds_case(&self) -> bool {
        true
    }

    fn administration(&self) -> &'static str {
        "entra:microsoft.directory/roleAssignments/allProperties/allTasks"
    }

    /// Roles of the directory do not come through a group in a group; roles of the resource manager do.
    fn is_for_direct_members(&self, grant: &Grant) -> bool {
        let role = names::entra_role("");
        grant.actions.iter().filter_map(|action| action.strip_prefix("role:")).any(|id| id.starts_with(&role))
    }

    fn service_and_level<'a>(&self, action: &'a str) -> (Cow<'a, str>, &'static str) {
        catalog::service_and_level(action)
    }
}
