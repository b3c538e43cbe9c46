//! Finds the roles that Identity Center assignments are about.
//!
//! A permission set `P` assigned in an account is provisioned there as a role `AWSReservedSSO_P_<hex>`. Where the
//! account's authorization details are known, the assignment is of that role. Where they are not, a role stands in
//! that is not present and has what the permission set holds.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::identity_center::{CUSTOMER_BOUNDARY, CUSTOMER_POLICY, PROVISIONED};
use super::names;
use crate::model::rebuild::{Fate, rename};
use crate::model::{Attachment, AttachmentKind, Builder, EntityKind};
use crate::platforms::aws::arn::{Arn, account_id, is_account};

/// What all sources together say of the permission sets.
#[derive(Default)]
struct Sets {
    /// Last part of the ARN to the ARN.
    arns: FxHashMap<String, String>,
    names: FxHashMap<String, String>,
    attached: BTreeMap<String, Vec<(String, AttachmentKind)>>,
    /// Paths and names of policies that each account has of its own.
    own: BTreeMap<String, Vec<(String, AttachmentKind)>>,
}

/// Gives the provisional roles of all sources the id of the real one, or what they would hold.
pub fn link(builders: &mut [&mut Builder]) {
    let provisional = |builder: &Builder| builder.entities().iter().any(|entity| parts(&entity.id).is_some());
    if !builders.iter().any(|builder| provisional(builder)) {
        return;
    }
    let sets = collect(builders);
    let roles = reserved_roles(builders);
    for builder in builders.iter_mut().filter(|builder| provisional(builder)) {
        stand_in(builder, &sets, &roles);
        rename(builder, |entity| {
            let Some((account, key)) = parts(&entity.id) else { return Fate::Keep };
            let Some(name) = sets.names.get(key) else { return Fate::Keep };
            match roles.get(&(account_id(account), name.clone())) {
                Some(role) => Fate::Rename(role.clone()),
                None => Fate::Rename(format!("{PROVISIONED}{account}/{name}")),
            }
        });
    }
}

/// Account and permission set of a provisional role's id.
fn parts(id: &str) -> Option<(&str, &str)> {
    let (account, key) = id.strip_prefix(PROVISIONED)?.split_once('/')?;
    (is_account(account) && key.starts_with("ps-")).then_some((account, key))
}

fn collect(builders: &[&mut Builder]) -> Sets {
    let mut sets = Sets::default();
    for builder in builders {
        let key = |id: &str| id.rsplit('/').next().unwrap_or(id).to_owned();
        let is_set = |id: &str| id.contains(":permissionSet/") || id.starts_with("aws:permission-set/");
        for entity in builder.entities().iter().filter(|entity| is_set(&entity.id)) {
            sets.arns.entry(key(&entity.id)).or_insert_with(|| entity.id.clone());
        }
        for row in &builder.attributes {
            let id = &builder.entity(row.entity).id;
            if !is_set(id) {
                continue;
            }
            let kind = match row.key.as_str() {
                "permission_set_name" => {
                    sets.names.entry(key(id)).or_insert_with(|| row.value.clone());
                    continue;
                }
                CUSTOMER_POLICY => AttachmentKind::Identity,
                CUSTOMER_BOUNDARY => AttachmentKind::Boundary,
                _ => continue,
            };
            sets.own.entry(key(id)).or_default().push((row.value.clone(), kind));
        }
        for row in builder.attachments.iter().filter(|row| is_set(&builder.entity(row.holder).id)) {
            let policy = builder.entity(row.policy).id.clone();
            sets.attached.entry(key(&builder.entity(row.holder).id)).or_default().push((policy, row.kind));
        }
    }
    sets
}

/// Roles of permission sets in exported accounts: (account, permission set's name) to role.
fn reserved_roles(builders: &[&mut Builder]) -> FxHashMap<(String, String), String> {
    let mut roles = FxHashMap::default();
    for builder in builders {
        for entity in builder.entities().iter().filter(|entity| entity.present && entity.kind == EntityKind::Role) {
            let Some(rest) = entity.name.strip_prefix("AWSReservedSSO_") else { continue };
            let Some((name, hex)) = rest.rsplit_once('_') else { continue };
            if let Some(scope) = entity.scope.clone().filter(|_| hex.bytes().all(|byte| byte.is_ascii_hexdigit())) {
                roles.entry((scope, name.to_owned())).or_insert_with(|| entity.id.clone());
            }
        }
    }
    roles
}

/// Attaches to each provisional role without a real one what its permission set holds.
fn stand_in(builder: &mut Builder, sets: &Sets, roles: &FxHashMap<(String, String), String>) {
    let open: Vec<(String, String, String)> = builder
        .entities()
        .iter()
        .filter_map(|entity| {
            let (account, key) = parts(&entity.id)?;
            let real = sets.names.get(key).and_then(|name| roles.get(&(account_id(account), name.clone())));
            real.is_none().then(|| (entity.id.clone(), account.to_owned(), key.to_owned()))
        })
        .collect();
    for (id, account, key) in open {
        let Some(role) = builder.handle(&id) else { continue };
        let set = sets.arns.get(&key).cloned().unwrap_or_else(|| format!("aws:permission-set/{key}"));
        let partition = Arn::parse(&set).map_or("aws", |arn| arn.partition).to_owned();
        let mut policies = vec![(set, AttachmentKind::Identity)];
        policies.extend(sets.attached.get(&key).into_iter().flatten().cloned());
        let own = sets.own.get(&key).into_iter().flatten();
        policies.extend(own.map(|(name, kind)| (format!("arn:{partition}:iam::{account}:policy{name}"), *kind)));
        for (policy, kind) in policies {
            let policy = match builder.handle(&policy) {
                Some(policy) => policy,
                None => names::named(builder, &policy, &account),
            };
            let source = builder.source_id();
            builder.attachments.push(Attachment { holder: role, policy, kind, source, record: String::new() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::read;
    use super::super::{authorization::AuthorizationDetails, identity_center::IdentityCenter};
    use super::*;

    const SET: &str = "arn:aws:sso:::permissionSet/ssoins-1/ps-12345678";

    fn assignment(account: &str) -> Builder {
        let text = format!(
            r#"{{"AccountAssignments":[{{"AccountId":"{account}","PermissionSetArn":"{SET}","PrincipalType":"USER","PrincipalId":"u1"}}]}}"#
        );
        read(&IdentityCenter, "a.json", &text)
    }

    fn set() -> Builder {
        read(
            &IdentityCenter,
            "s.json",
            &format!(r#"{{"PermissionSet":{{"Name":"Admin","PermissionSetArn":"{SET}"}}}}"#),
        )
    }

    #[test]
    fn an_assignment_is_of_the_role_that_the_account_has_for_it() {
        let role =
            "arn:aws:iam::111111111111:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0123456789abcdef";
        let text = format!(
            r#"{{"RoleDetailList":[{{"Arn":"{role}","RoleName":"AWSReservedSSO_Admin_0123456789abcdef","AssumeRolePolicyDocument":{{"Statement":[]}}}}]}}"#
        );
        let mut details = read(&AuthorizationDetails, "g.json", &text);
        let (mut assignment, mut set) = (assignment("111111111111"), set());
        link(&mut [&mut assignment, &mut details, &mut set]);
        assert_eq!(assignment.entity(assignment.trusts[0].target).id, role);
        assert!(assignment.attachments.is_empty());
    }

    #[test]
    fn without_the_account_a_role_stands_in_with_what_the_set_holds() {
        let managed = format!(
            r#"{{"PermissionSetArn":"{SET}","AttachedManagedPolicies":[{{"Arn":"arn:aws:iam::aws:policy/ReadOnlyAccess"}}]}}"#
        );
        let own = format!(
            r#"{{"PermissionSetArn":"{SET}","CustomerManagedPolicyReferences":[{{"Name":"Own","Path":"/x/"}}]}}"#
        );
        let mut managed = read(&IdentityCenter, "m.json", &managed);
        let mut own = read(&IdentityCenter, "o.json", &own);
        let (mut assignment, mut set) = (assignment("222222222222"), set());
        link(&mut [&mut assignment, &mut managed, &mut own, &mut set]);
        let target = assignment.entity(assignment.trusts[0].target);
        assert_eq!((target.id.as_str(), target.present), ("aws:identity-center/222222222222/Admin", false));
        let policies: Vec<&str> =
            assignment.attachments.iter().map(|row| assignment.entity(row.policy).id.as_str()).collect();
        assert_eq!(policies, [SET, "arn:aws:iam::aws:policy/ReadOnlyAccess", "arn:aws:iam::222222222222:policy/x/Own"]);
    }
}
