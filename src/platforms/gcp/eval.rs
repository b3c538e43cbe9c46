//! How Google Cloud writes permissions: `service.resource.verb`, compared letter by letter, without planes.

use std::borrow::Cow;
use std::sync::OnceLock;

use super::{NAME, catalog};
use crate::platforms::Recorded;
use crate::platforms::assigned::{Action, Catalog, Dialect};

/// The dialect of the shared permission engine.
pub struct Gcp;

/// Why no log shows that a permission was used: it is asked for within another call, which is logged.
const WITHIN: &str = "it is asked for within a call of another permission, and the log has that one";

fn recorded(permission: &str, level: &str) -> Recorded {
    if permission.ends_with(".actAs") {
        Recorded::Never(WITHIN)
    } else if matches!(level, "list" | "read") {
        Recorded::Optionally("data access audit logs")
    } else {
        Recorded::Always
    }
}

impl Dialect for Gcp {
    fn platform(&self) -> &'static str {
        NAME
    }

    fn catalog(&self) -> &'static Catalog {
        static CATALOG: OnceLock<Catalog> = OnceLock::new();
        CATALOG.get_or_init(|| {
            let action = |(name, marked): (&'static str, bool)| {
                let level = catalog::level(name, marked);
                let (service, recorded) = (Cow::Borrowed(catalog::service(name)), recorded(name, level));
                Action { name: Cow::Borrowed(name), service, level, recorded }
            };
            Catalog::new(catalog::Catalog::get().permissions().map(action))
        })
    }

    fn administration(&self) -> &'static str {
        "resourcemanager.projects.setIamPolicy"
    }

    fn service_and_level<'a>(&self, action: &'a str) -> (Cow<'a, str>, &'static str) {
        (Cow::Borrowed(catalog::service(action)), catalog::level(action, false))
    }
}

/// Whether a text is a permission in this platform's notation: three parts or more, of which the first is a service.
#[must_use]
pub fn is_written_here(action: &str) -> bool {
    let service = catalog::service(action);
    // Other platforms write theirs with points and strokes as well.
    let known = || catalog::Catalog::get().has_any(&format!("{service}."));
    !action.contains([':', ' ']) && action.split(['.', '/']).count() >= 3 && !service.is_empty() && known()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_are_told_from_other_platforms_actions() {
        for action in ["storage.buckets.get", "iam.googleapis.com/workforcePools.get", "resourcemanager.projects.*"] {
            assert!(is_written_here(action), "{action}");
        }
        for action in [
            "s3:GetObject",
            "get:pods",
            "microsoft.compute/virtualmachines/read",
            "okta.users.read",
            "storage",
            "user.read",
        ] {
            assert!(!is_written_here(action), "{action}");
        }
        assert_eq!(Gcp.catalog().actions().len(), 13_790);
    }
}
