//! Public samples of Google Cloud assets: test data of Google's policy library and of terraform-validator. The numbers were
//! counted in the files by a few lines of Python that know nothing of the engine: distinct members of bindings by kind,
//! bindings times members, keys that are not system-managed.

use overgrant::access::{Evaluators, Settings};
use overgrant::model::{Decision, EntityKind, Request, Tables};
use overgrant::platforms::{self, input};

use super::shared;

fn read(name: &str) -> Result<Tables, String> {
    let path = shared().ok_or("OVERGRANT_SHARED is not set")?.join("data/gcp").join(name);
    if !path.exists() {
        return Err(format!("{} is missing", path.display()));
    }
    Ok(input::read_all(&[path], platforms::ALL, &|_| {}).join(platforms::ALL))
}

fn equal<T: PartialEq + std::fmt::Debug>(what: &str, found: &T, expected: &T) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{what}: {found:?}, expected {expected:?}")) }
}

/// Users, groups, service accounts, and bindings times members.
fn counts(tables: &Tables) -> [usize; 4] {
    let of = |kind: EntityKind| tables.entities.iter().filter(|one| one.present && one.kind == kind).count();
    let bound = tables.grants.iter().filter(|grant| !grant.resources.is_empty()).count();
    [of(EntityKind::User), of(EntityKind::Group), of(EntityKind::ServiceAccount), bound]
}

/// Every policy of the policy library.
pub fn policies() -> Result<(), String> {
    for (name, expected) in [
        ("iam_allow_ban_roles", [4, 3, 1, 8]),
        ("iam_allowed_bindings", [8, 3, 1, 19]),
        ("iam_allowed_policy_member_domains", [3, 2, 11, 17]),
        ("iam_audit_log", [0, 0, 0, 0]),
        ("iam_required_bindings", [4, 3, 1, 19]),
        ("allowed_resource_types", [0, 0, 1, 0]),
    ] {
        let tables = read(&format!("policy_library_cai/{name}/assets/data.json"))?;
        equal(name, &counts(&tables), &expected)?;
    }
    Ok(())
}

/// Keys and custom roles.
pub fn keys_and_roles() -> Result<(), String> {
    let keys = read("policy_library_cai/gcp_iam_restrict_service_account_key_type/assets/data.json")?;
    equal("keys that people have", &keys.credentials.len(), &1)?;
    let keys = read("policy_library_cai/gcp_iam_restrict_service_account_key_age/assets/data.json")?;
    equal("keys without a type", &keys.credentials.len(), &5)?;
    let accounts = read("policy_library_cai/gcp_iam_restrict_service_account_creation/assets/data.json")?;
    equal("accounts", &counts(&accounts)[2], &3)?;
    let roles = read("policy_library_cai/iam_custom_role_permissions/assets/data.json")?;
    let stated: usize = roles.grants.iter().map(|grant| grant.actions.len()).sum();
    equal("permissions of custom roles", &stated, &43)
}

/// Samples of terraform-validator that are no templates.
pub fn terraform() -> Result<(), String> {
    let tables = read("tfv_example_organization_iam_policy.json")?;
    let jane = tables.find("gcp:user/jane@example.com").ok_or("no jane")?;
    let evaluators = Evaluators::new(&tables, Settings { as_of: 0 });
    let ask = |action: &str| {
        let request = Request::new(jane, action, "//cloudresourcemanager.googleapis.com/organizations/123456789");
        evaluators.decide(&request).decision
    };
    equal("an editor makes instances", &ask("compute.instances.create"), &Decision::Allowed)?;
    equal("an editor sets no policy", &ask("resourcemanager.projects.setIamPolicy"), &Decision::Denied)
}
