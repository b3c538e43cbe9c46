//! Roles and entitlements as actions: `role/NAME` and `entitlement/NAME`.

use std::borrow::Cow;
use std::sync::OnceLock;

use super::NAME;
use crate::platforms::assigned::{Catalog, Dialect};

/// The rights that SCIM names. There is no catalogue: every application has its own.
pub struct Assignments;

impl Dialect for Assignments {
    fn platform(&self) -> &'static str {
        NAME
    }

    fn catalog(&self) -> &'static Catalog {
        static CATALOG: OnceLock<Catalog> = OnceLock::new();
        CATALOG.get_or_init(Catalog::default)
    }

    fn administration(&self) -> &'static str {
        "*"
    }

    fn service_and_level<'a>(&self, action: &'a str) -> (Cow<'a, str>, &'static str) {
        (Cow::Borrowed(action.split('/').next().unwrap_or(action)), "write")
    }
}
