//! Ids of the things of a tenant.
//!
//! `azure:TENANT-ID` is a tenant. `azure:object/OBJECT-ID` is an object of its directory: a user, group, service
//! principal or administrative unit; `azure:application/APP-ID` is an app registration, by the id that tokens carry.
//! `azure:entra-role/ID` and `azure:role/ID` are role definitions of the directory and of the resource manager. What the
//! resource manager has keeps its own id (`/subscriptions/…`). Everything is in lower case: Azure compares ids without
//! regard to case, and tools write them in any.

use super::NAME;

/// The tenant of records of which nothing says where they come from.
pub const UNNAMED: &str = "azure:tenant";
/// First part of the id of every management group.
pub const MANAGEMENT_GROUP: &str = "/providers/microsoft.management/managementgroups/";
/// First part of the id of every subscription.
pub const SUBSCRIPTION: &str = "/subscriptions/";
/// App id of Microsoft Graph, in every tenant.
pub const GRAPH_APP: &str = "00000003-0000-0000-c000-000000000000";
/// Stands for everyone in deny assignments, and for no role in assignments of app roles.
pub const NIL: &str = "00000000-0000-0000-0000-000000000000";

/// Id of a tenant.
#[must_use]
pub fn tenant(id: &str) -> String {
    format!("{NAME}:{}", id.to_lowercase())
}

/// Id of an object of the directory.
#[must_use]
pub fn object(id: &str) -> String {
    format!("{NAME}:object/{}", id.to_lowercase())
}

/// Id of an app registration.
#[must_use]
pub fn application(app: &str) -> String {
    format!("{NAME}:application/{}", app.to_lowercase())
}

/// Id of a role of the directory.
#[must_use]
pub fn entra_role(id: &str) -> String {
    format!("{NAME}:entra-role/{}", last(id).to_lowercase())
}

/// Id of a role of the resource manager; a definition's id holds the scope that it was read at, which means nothing.
#[must_use]
pub fn role(id: &str) -> String {
    format!("{NAME}:role/{}", last(id).to_lowercase())
}

/// What follows the last slash.
#[must_use]
pub fn last(id: &str) -> &str {
    let id = id.trim_end_matches('/');
    id.rsplit('/').next().unwrap_or(id)
}

/// An id of the resource manager as it is compared; `None` for what is none. The root is the empty text.
#[must_use]
pub fn arm(id: &str) -> Option<String> {
    let id = id.trim();
    if !id.starts_with('/') || id.contains(char::is_whitespace) && !id.contains("/providers/") {
        return None;
    }
    let id = id.trim_end_matches('/').to_lowercase();
    // Some answers leave the first words of a subscription's scope in capitals, or double the slash.
    Some(id.replace("//", "/"))
}

/// What a resource manager id is inside of; `None` for subscriptions and management groups, which do not say it.
#[must_use]
pub fn parent(id: &str) -> Option<&str> {
    let parts: Vec<&str> = id.split('/').skip(1).collect();
    match parts[..] {
        ["subscriptions", _] | ["providers", "microsoft.management", "managementgroups", _] => None,
        ["subscriptions", _, "resourcegroups", _] => ancestor(id, 2),
        // A resource of a subscription or a group of its own: the provider, a type and a name.
        [.., "providers", _, _, _] => ancestor(id, 4).filter(|parent| !parent.is_empty()),
        [_, _, _, ..] => ancestor(id, 2).filter(|parent| !parent.is_empty()),
        _ => None,
    }
}

/// An id without its last parts.
fn ancestor(id: &str, parts: usize) -> Option<&str> {
    let mut end = id.len();
    for _ in 0..parts {
        end = id[..end].rfind('/')?;
    }
    Some(&id[..end])
}

/// Type of a resource (`microsoft.compute/virtualmachines`), `subscriptions`, `resourcegroups` or `managementgroups`.
#[must_use]
pub fn arm_type(id: &str) -> String {
    if id.starts_with(MANAGEMENT_GROUP) {
        return "managementgroups".to_owned();
    }
    let parts: Vec<&str> = id.split('/').skip(1).collect();
    let provider = parts.iter().rposition(|part| *part == "providers");
    match (provider, &parts[..]) {
        (Some(at), _) => {
            let kinds = parts.get(at + 2..).unwrap_or_default().iter().step_by(2);
            let mut out = parts.get(at + 1).copied().unwrap_or_default().to_owned();
            for kind in kinds {
                out.push('/');
                out.push_str(kind);
            }
            out
        }
        (None, ["subscriptions", _]) => "subscriptions".to_owned(),
        (None, _) => "resourcegroups".to_owned(),
    }
}

/// Whether an id is one of the resource manager that other resources can be inside of.
#[must_use]
pub fn is_scope(id: &str) -> bool {
    matches!(arm_type(id).as_str(), "managementgroups" | "subscriptions" | "resourcegroups")
}

/// Whether a text has the form of an object id.
#[must_use]
pub fn is_guid(text: &str) -> bool {
    let lengths = text.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12]) && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_inside_of_what_its_id_begins_with() {
        let vm = arm("/subscriptions/ABC/resourceGroups/RG/providers/Microsoft.Compute/virtualMachines/Vm1/").unwrap();
        assert_eq!(vm, "/subscriptions/abc/resourcegroups/rg/providers/microsoft.compute/virtualmachines/vm1");
        let extension = format!("{vm}/extensions/x");
        let mut chain = vec![];
        let mut at = extension.as_str();
        while let Some(next) = parent(at) {
            chain.push(next);
            at = next;
        }
        assert_eq!(chain, [vm.as_str(), "/subscriptions/abc/resourcegroups/rg", "/subscriptions/abc"]);
        assert_eq!(arm_type(&extension), "microsoft.compute/virtualmachines/extensions");
        assert_eq!(parent("/subscriptions/abc/providers/microsoft.security/pricings/x"), Some("/subscriptions/abc"));
        assert_eq!(parent(&format!("{MANAGEMENT_GROUP}root")), None);
        assert_eq!(parent("/providers/microsoft.capacity"), None);
        assert_eq!(arm("/").as_deref(), Some(""));
        assert_eq!(arm("subscriptions/x"), None);
        for (id, kind) in [
            ("/subscriptions/abc", "subscriptions"),
            ("/subscriptions/abc/resourcegroups/rg", "resourcegroups"),
            ("/providers/microsoft.management/managementgroups/x", "managementgroups"),
        ] {
            assert_eq!(arm_type(id), kind);
            assert!(is_scope(id));
        }
        assert!(!is_scope(&vm));
    }

    #[test]
    fn ids_of_the_same_thing_are_the_same_text() {
        let id =
            "/subscriptions/X/providers/Microsoft.Authorization/roleDefinitions/8E3AF657-a8ff-443c-a75c-2fe8c4bcb635";
        assert_eq!(role(id), role("8e3af657-A8FF-443c-a75c-2fe8c4bcb635"));
        assert_eq!(object("ABC"), "azure:object/abc");
        assert!(is_guid("8E3AF657-a8ff-443c-a75c-2fe8c4bcb635") && !is_guid("8E3AF657"));
    }
}
