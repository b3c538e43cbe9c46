//! How AWS things become entities: ids, kinds and scopes, the same for every reader.

use crate::model::{Builder, Entity, EntityKind, Handle};
use crate::platforms::aws::NAME;
use crate::platforms::aws::arn::{Arn, Principal, account_id, is_account};

/// What an ARN names, by its form.
#[must_use]
pub fn kind_of(arn: &Arn<'_>) -> EntityKind {
    match (arn.service, arn.kind()) {
        ("iam", "user") => EntityKind::User,
        ("iam", "role") => EntityKind::Role,
        ("iam", "group") => EntityKind::Group,
        ("iam", "policy") | ("organizations" | "sso", "policy" | "permissionSet") => EntityKind::RoleDefinition,
        ("iam", "saml-provider" | "oidc-provider") => EntityKind::Application,
        _ => EntityKind::External,
    }
}

/// The entity of an account that is referred to.
pub fn account(builder: &mut Builder, number: &str) -> Handle {
    builder.refer(&account_id(number), NAME, EntityKind::External, number)
}

/// States that an export of an account was read: the account is a scope, and its root user exists.
pub fn exported_account(builder: &mut Builder, number: &str, partition: &str) -> Handle {
    let mut entity = Entity::named(&account_id(number), NAME, EntityKind::Scope, number);
    entity.present = true;
    entity.source = Some(builder.source_id());
    let account = builder.define(entity);
    if is_account(number) {
        root_user(builder, number, partition);
    }
    account
}

/// The root user of an account that was exported.
pub fn root_user(builder: &mut Builder, number: &str, partition: &str) -> Handle {
    let mut root = Entity::named(&format!("arn:{partition}:iam::{number}:root"), NAME, EntityKind::User, "root");
    root.present = true;
    root.scope = Some(account_id(number));
    root.protected = true;
    root.protected_reason = Some("root user of the account".to_owned());
    root.source = Some(builder.source_id());
    builder.define(root)
}

/// The entity of something that an ARN names. `home` is the account that the export is of: what is elsewhere
/// is external as long as no export defines it.
pub fn named(builder: &mut Builder, id: &str, home: &str) -> Handle {
    if let Some(handle) = builder.handle(id) {
        return handle;
    }
    let Some(arn) = Arn::parse(id) else { return builder.refer(id, NAME, EntityKind::External, id) };
    let kind = kind_of(&arn);
    let elsewhere = arn.account != home && arn.account != NAME && arn.has_account();
    let kind = if elsewhere && kind != EntityKind::RoleDefinition { EntityKind::External } else { kind };
    let mut entity = Entity::named(id, NAME, kind, arn.name());
    if arn.has_account() {
        entity.scope = Some(account_id(arn.account));
        account(builder, arn.account);
    }
    builder.define(entity)
}

/// The entity that an `AWS` principal means, where it means one.
pub fn trustee(builder: &mut Builder, principal: &str, home: &str) -> Option<Handle> {
    match Principal::parse(principal) {
        Principal::Account(number) => Some(account(builder, number)),
        Principal::Named(_) => Some(named(builder, principal, home)),
        // The path is not in a session's ARN; `reconcile` finds the role by its name.
        Principal::Session { partition, account, role } => {
            Some(named(builder, &format!("arn:{partition}:iam::{account}:role/{role}"), home))
        }
        Principal::Anyone | Principal::UniqueId(_) | Principal::Other => None,
    }
}
