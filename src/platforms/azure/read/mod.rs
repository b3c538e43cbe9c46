//! Readers of AzureHound files, of pages of Microsoft Graph and the resource manager, and of what `az` lists.

mod applications;
mod azurehound;
mod complete;
mod directory;
mod objects;
mod pages;
mod rbac;
mod resources;
mod roles;
mod settle;
mod tenants;
mod value;

pub use complete::complete;
pub use settle::define as define_built_in;

use super::names;
use crate::model::Builder;
use crate::platforms::input;

/// All readers, in the order in which they are asked.
pub const READERS: &[&dyn input::Reader] = &[&azurehound::AzureHound, &pages::Graph, &pages::ResourceManager];

/// See [`crate::platforms::Platform::reconcile`].
pub fn reconcile(builders: &mut [Builder]) {
    tenants::reconcile(builders);
    settle::settle(builders);
}
