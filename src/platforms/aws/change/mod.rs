//! Changes of AWS: whom trust statements mean, and what drafts of infrastructure declare.

mod declare;

pub use declare::{declare, exported};

use super::NAME;
use super::arn::{Arn, Principal, account_id};
use super::read::{Place, Target, emit_document, kind_of, parse_document};
use crate::model::rebuild::Identification;
use crate::model::{Builder, Entity, EntityKind, Handle, Layer, Tables, TrustKind};
use crate::platforms::Trusted;
use crate::platforms::declared::Document;

/// Name of the policy that says whom a role trusts.
const TRUST: &str = "trust";

/// Whom a principal of a trust policy means, as the reader of trust policies says it.
pub fn trusted(tables: &Tables, target: &Entity, pattern: &str) -> Trusted {
    let only = |kind: TrustKind| Trusted { kind, trustee: None };
    let Some((kind, name)) = pattern.split_once(':') else { return only(TrustKind::External) };
    let home = home(target);
    match kind {
        "AWS" => {}
        "Service" => return only(TrustKind::Service),
        "Federated" => {
            let trustee = name.starts_with("arn:").then(|| named(name, home));
            return Trusted { kind: TrustKind::Federated, trustee };
        }
        "IdentityCenter" => {
            let kind = if name.contains("/group/") { EntityKind::Group } else { EntityKind::User };
            return Trusted { kind: TrustKind::Federated, trustee: Some(ours(name, kind, last(name))) };
        }
        _ => return only(TrustKind::External),
    }
    let (account, trustee) = match Principal::parse(name) {
        Principal::Account(number) => (number, ours(&account_id(number), EntityKind::External, number)),
        Principal::Named(arn) => (arn.account, named(name, home)),
        Principal::Session { partition, account, role } => (account, session(tables, partition, account, role, home)),
        Principal::UniqueId(id) => return unique(tables, target, id),
        Principal::Anyone | Principal::Other => return only(TrustKind::External),
    };
    let kind = if account == home { TrustKind::SameAccount } else { TrustKind::CrossAccount };
    Trusted { kind, trustee: Some(trustee) }
}

/// Puts the statements of a policy document into a builder.
///
/// # Errors
/// What is wrong with it.
pub fn document(holder: Handle, asked: &Document<'_>, out: &mut Builder) -> Result<(), String> {
    let place = match asked.kind {
        None if asked.policy == TRUST => Place::Trust,
        None | Some("identity") => Place::Identity,
        Some("trust") => Place::Trust,
        Some("resource") => Place::Resource,
        Some(other) => return Err(format!("there is no kind `{other}`: write identity, trust or resource")),
    };
    let layer = if place == Place::Identity { Layer::Identity } else { Layer::Resource };
    let policy = if place == Place::Trust { TRUST } else { asked.policy };
    let document = parse_document(asked.document, place)?;
    emit_document(out, Target { holder, layer, policy, record: asked.place, granted_at: None }, document);
    Ok(())
}

/// Number of the account that a principal is in.
fn home(target: &Entity) -> &str {
    match Arn::parse(&target.id) {
        Some(arn) => arn.account,
        None => target.scope.as_deref().map_or("", last),
    }
}

fn last(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}

fn ours(id: &str, kind: EntityKind, name: &str) -> Identification {
    Identification { id: id.to_owned(), platform: NAME.to_owned(), kind, name: name.to_owned() }
}

fn named(id: &str, home: &str) -> Identification {
    let Some(arn) = Arn::parse(id) else { return ours(id, EntityKind::External, id) };
    let kind = kind_of(&arn);
    let elsewhere = arn.account != home && arn.account != NAME && arn.has_account();
    let kind = if elsewhere && kind != EntityKind::RoleDefinition { EntityKind::External } else { kind };
    ours(id, kind, arn.name())
}

/// The role of a session, whose path a session's ARN leaves out.
fn session(tables: &Tables, partition: &str, account: &str, role: &str, home: &str) -> Identification {
    let plain = format!("arn:{partition}:iam::{account}:role/{role}");
    if tables.find(&plain).is_none() {
        let beginning = format!("arn:{partition}:iam::{account}:role/");
        // One that a draft deleted is the one that was meant all the same.
        let was_there = |entity: &Entity| entity.present || entity.source.is_some();
        let is = |entity: &&Entity| was_there(entity) && entity.name == role && entity.id.starts_with(&beginning);
        if let Some(found) = tables.entities.iter().find(is) {
            return Identification::of(found);
        }
    }
    named(&plain, home)
}

/// A unique id is a deleted principal, unless an export defines who it is.
fn unique(tables: &Tables, target: &Entity, id: &str) -> Trusted {
    let is = |entity: &&Entity| entity.present && entity.platform == NAME && entity.unique_id.as_deref() == Some(id);
    match tables.entities.iter().find(is) {
        Some(owner) => {
            let same = owner.scope == target.scope;
            let kind = if same { TrustKind::SameAccount } else { TrustKind::CrossAccount };
            Trusted { kind, trustee: Some(Identification::of(owner)) }
        }
        None => Trusted { kind: TrustKind::Deleted, trustee: None },
    }
}
