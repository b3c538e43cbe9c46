//! Tokens by their accessor. The accessor is an id; the `id` of a token is the token itself and is never kept.

use super::record::Record;
use crate::model::{CredentialKind, EntityKind, MembershipKind};

/// A looked-up token: a credential of its entity, or a principal of its own when it has none.
pub fn token(record: &mut Record<'_>) {
    record.expect_lists(&["policies", "identity_policies"]);
    let Some(accessor) = record.text("accessor") else {
        return record.skip("record_invalid", "a token has no accessor (batch tokens have none to look up)".to_owned());
    };
    record.out.source.records += 1;
    let created = record.time("creation_time").or_else(|| record.time("issue_time"));
    let expires = record.time("expire_time");
    let path = format!("auth/token/accessor/{accessor}");
    let owner = record.text("entity_id");
    let display = record.text("display_name").unwrap_or_else(|| accessor.clone());
    let kind = if owner.is_some() { EntityKind::Credential } else { EntityKind::ServiceAccount };
    let mut entity = record.entity(&path, kind, &display);
    entity.created_at = created;
    entity.unique_id = Some(accessor.clone());
    if owner.is_none() {
        entity.nhi = Some(true);
        entity.nhi_reason = Some("a token behind which Vault knows no identity".to_owned());
    }
    let token = record.out.define(entity);
    record.facts(
        token,
        &[
            "orphan",
            "num_uses",
            "ttl",
            "creation_ttl",
            "explicit_max_ttl",
            "renewable",
            "type",
            "path",
            "period",
            "role",
        ],
    );
    record.pairs(token, "meta", "metadata:");
    let policies = record.list("policies");
    record.attach(token, &policies);
    let holder = match owner {
        Some(id) => {
            let owner = record.refer(&format!("identity/entity/id/{id}"), EntityKind::User, &id);
            record.member(owner, token, MembershipKind::RunsAs, expires);
            owner
        }
        None => token,
    };
    record.credential(&accessor, holder, CredentialKind::Token, [created, expires]);
}
