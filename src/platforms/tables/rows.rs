//! From rows to the tables of the model.

use super::layout::{Holds, LEVEL_WORDS, Layout, is_level};
use super::row::Row;
use super::{NAME, group_id, principal_id, resource_id, system_id, who_id};
use crate::model::{
    Credential, CredentialKind, Effect, Entity, EntityKind, Grant, Granularity, Handle, Layer, Membership,
    MembershipKind, Standing, Usage,
};

/// Prefix of the attribute of a system that says the level of a right.
pub const LEVEL: &str = "level:";
/// The level of a right that makes an administrator of where it holds.
pub const ADMINISTERS: &str = "administers";
/// Longer names are no names.
const SYSTEM_CHARS_MAX: usize = 64;

/// Reads one row.
pub fn read(row: &mut Row<'_>, layout: &Layout) {
    let skipped = row.out.source.skipped;
    let read = match layout.holds {
        Holds::Principals => principal,
        Holds::Groups => group,
        Holds::Memberships => membership,
        Holds::Resources => resource,
        Holds::Grants => grant,
        Holds::Rights => right,
        Holds::Keys => key,
        Holds::Usage => usage,
        Holds::Owners => owner,
    };
    if let Some(system) = system(row) {
        read(row, &system, layout);
    }
    row.out.source.records += u64::from(row.out.source.skipped == skipped);
}

/// The system of a row, which is a scope.
fn system(row: &mut Row<'_>) -> Option<String> {
    let system = row.required("system")?;
    let plain = |letter: char| letter.is_alphanumeric() || matches!(letter, '.' | '_' | '-');
    if !system.chars().all(plain) || system.chars().count() > SYSTEM_CHARS_MAX {
        let place = row.place.clone();
        let message = "the name of a system is letters, digits, `.`, `_` and `-`, 64 at most".to_owned();
        row.out.skip("system_invalid", &place, message);
        return None;
    }
    if row.out.handle(&system_id(&system)).is_none() {
        let mut scope = Entity::named(&system_id(&system), NAME, EntityKind::Scope, &system);
        (scope.present, scope.source) = (true, Some(row.out.source_id()));
        scope.record = Some(row.place.clone());
        row.out.define(scope);
    }
    Some(system)
}

/// An entity that the row defines.
fn defined(row: &Row<'_>, id: &str, system: &str, kind: EntityKind, name: &str) -> Entity {
    let mut entity = Entity::named(id, NAME, kind, name);
    entity.present = true;
    entity.scope = Some(system_id(system));
    entity.source = Some(row.out.source_id());
    entity.record = Some(row.place.clone());
    entity.owner = row.text("owner");
    entity
}

/// Labels that several kinds of tables have.
fn label(row: &mut Row<'_>, entity: &mut Entity) {
    entity.env = row.text("env");
    entity.criticality = row.weight("criticality");
    if row.flag("protected") == Some(true) {
        entity.protected = true;
        entity.protected_reason = Some("a table marks it as protected".to_owned());
    }
}

fn principal(row: &mut Row<'_>, system: &str, _layout: &Layout) {
    let Some(text) = row.required("principal") else { return };
    let known = "user, role, service_account, application, workload or agent";
    let kind = row.word("kind", known, |word| EntityKind::parse(word).filter(|kind| kind.is_principal()));
    let name = row.text("name").unwrap_or_else(|| text.clone());
    let mut entity = defined(row, &principal_id(system, &text), system, kind.unwrap_or(EntityKind::User), &name);
    entity.unique_id = Some(text);
    let machine = kind.filter(|kind| !matches!(kind, EntityKind::User | EntityKind::Role));
    (entity.nhi, entity.nhi_reason) = match (row.flag("nhi"), machine) {
        (Some(nhi), _) => (Some(nhi), Some("a table says so".to_owned())),
        (None, Some(kind)) => (Some(true), Some(format!("a table says that it is of the kind {kind}"))),
        (None, None) => (None, None),
    };
    entity.enabled = row.flag("enabled");
    entity.created_at = row.time("created_at");
    entity.last_used_at = row.time("last_used_at");
    entity.last_used_source = entity.last_used_at.map(|_| NAME.to_owned());
    label(row, &mut entity);
    let handle = row.out.define(entity);
    if let Some(email) = row.text("email") {
        row.out.attribute(handle, "email", &email);
    }
    inside(row, handle, system, "scope");
}

fn group(row: &mut Row<'_>, system: &str, _layout: &Layout) {
    let Some(text) = row.required("group") else { return };
    let name = row.text("name").unwrap_or_else(|| text.clone());
    let mut entity = defined(row, &group_id(system, &text), system, EntityKind::Group, &name);
    label(row, &mut entity);
    let handle = row.out.define(entity);
    inside(row, handle, system, "scope");
}

fn resource(row: &mut Row<'_>, system: &str, _layout: &Layout) {
    let Some(text) = row.required("resource") else { return };
    let known = "resource or scope";
    let wanted = |word: &str| EntityKind::parse(word).filter(|kind| !kind.is_principal() && *kind != EntityKind::Group);
    let kind = row.word("kind", known, wanted).unwrap_or(EntityKind::Resource);
    let name = row.text("name").unwrap_or_else(|| text.clone());
    let mut entity = defined(row, &resource_id(system, &text), system, kind, &name);
    label(row, &mut entity);
    let handle = row.out.define(entity);
    inside(row, handle, system, "parent");
}

/// Puts an entity into the resource that a field names.
fn inside(row: &mut Row<'_>, member: Handle, system: &str, field: &str) {
    let Some(parent) = row.text(field) else { return };
    let container = row.out.refer(&resource_id(system, &parent), NAME, EntityKind::External, &parent);
    if container != member {
        put(row, member, container, MembershipKind::Contains, Standing::Active, None);
    }
}

fn put(
    row: &mut Row<'_>,
    member: Handle,
    container: Handle,
    kind: MembershipKind,
    standing: Standing,
    expires_at: Option<i64>,
) {
    let (source, record) = (row.out.source_id(), row.place.clone());
    row.out.memberships.push(Membership { member, container, kind, standing, expires_at, source, record });
}

/// Whoever a text means, a principal or a group: that shows once all tables are read.
fn who(row: &mut Row<'_>, system: &str, text: &str) -> Handle {
    row.out.refer(&who_id(system, text), NAME, EntityKind::External, text)
}

fn membership(row: &mut Row<'_>, system: &str, _layout: &Layout) {
    let (Some(member), Some(group)) = (row.required("member"), row.text("group")) else {
        if row.text("member").is_some() {
            row.required("group");
        }
        return;
    };
    let member = who(row, system, &member);
    let container = row.out.refer(&group_id(system, &group), NAME, EntityKind::External, &group);
    let standing = row.word("standing", "`active` or `eligible`", Standing::parse).unwrap_or(Standing::Active);
    let expires_at = row.time("expires_at");
    put(row, member, container, MembershipKind::MemberOf, standing, expires_at);
}

fn owner(row: &mut Row<'_>, system: &str, _layout: &Layout) {
    let Some(text) = row.required("principal") else { return };
    let Some(owner) = row.required("owner") else { return };
    let handle = who(row, system, &text);
    let mut entity = row.out.entity(handle).clone();
    entity.owner = entity.owner.or(Some(owner));
    row.out.replace(handle, entity);
}

/// A right of a system, as an action.
#[must_use]
pub fn action(system: &str, right: &str) -> String {
    format!("{system}:{right}")
}

fn right(row: &mut Row<'_>, system: &str, layout: &Layout) {
    let Some(right) = row.required("right") else { return };
    if row.required("level").is_some() {
        level(row, system, &right, layout);
    }
}

/// Notes the level of a right where the row says it.
fn level(row: &mut Row<'_>, system: &str, right: &str, layout: &Layout) {
    let level = row.word("level", LEVEL_WORDS, |word| is_level(word).then(|| word.to_owned()));
    let level = level.or_else(|| layout.levels.get(right).cloned());
    if let (Some(level), Some(scope)) = (level, row.out.handle(&system_id(system))) {
        row.out.attribute(scope, &format!("{LEVEL}{}", action(system, right)), &level);
    }
}

fn grant(row: &mut Row<'_>, system: &str, layout: &Layout) {
    let Some(text) = row.required("principal") else { return };
    let Some(right) = row.required("right") else { return };
    let denies = row.word("effect", "`allow` or `deny`", |word| match word {
        "allow" | "grant" => Some(Effect::Allow),
        "deny" | "revoke" => Some(Effect::Deny),
        _ => None,
    });
    if denies.is_none() && row.text("effect").is_some() {
        // A right of which it is not known whether it is given is not given.
        row.out.source.skipped += 1;
        return;
    }
    let effect = denies.unwrap_or(Effect::Allow);
    level(row, system, &right, layout);
    let holder = match row.word("holder", "`principal` or `group`", holder_kind) {
        Some(EntityKind::Group) => row.out.refer(&group_id(system, &text), NAME, EntityKind::External, &text),
        Some(_) => row.out.refer(&principal_id(system, &text), NAME, EntityKind::External, &text),
        None => who(row, system, &text),
    };
    let resource = place(row, system);
    let number = u32::try_from(row.out.grants.len()).unwrap_or(u32::MAX);
    let grant = Grant {
        grant: number,
        holder,
        effect,
        actions: vec![action(system, &right)],
        not_actions: Vec::new(),
        resources: vec![resource],
        not_resources: Vec::new(),
        principals: Vec::new(),
        not_principals: Vec::new(),
        condition: row.text("condition").map(|text| serde_json::Value::String(text).to_string()),
        variables: false,
        layer: if effect == Effect::Deny { Layer::DenyPolicy } else { Layer::Identity },
        statement: row.text("grant").unwrap_or_else(|| row.place.clone()),
        granted_at: row.time("granted_at"),
        expires_at: row.time("expires_at"),
        source: row.out.source_id(),
        record: row.place.clone(),
        policy: right,
    };
    row.out.grants.push(grant);
}

fn holder_kind(word: &str) -> Option<EntityKind> {
    match word {
        "principal" => Some(EntityKind::User),
        "group" => Some(EntityKind::Group),
        _ => None,
    }
}

/// What a right is on, as grants write it.
fn place(row: &mut Row<'_>, system: &str) -> String {
    let Some(text) = row.text("resource").filter(|text| text != "*") else { return system_id(system) };
    let on = row.word("on", "`resource`, `principal` or `group`", |word| match word {
        "resource" => Some(resource_id as fn(&str, &str) -> String),
        "principal" => Some(principal_id),
        "group" => Some(group_id),
        _ => None,
    });
    let id = on.unwrap_or(resource_id)(system, &text);
    row.out.refer(&id, NAME, EntityKind::External, &text);
    if row.flag("inside") == Some(false) { format!("={id}") } else { id }
}

fn key(row: &mut Row<'_>, system: &str, _layout: &Layout) {
    let Some(text) = row.required("principal") else { return };
    let Some(key) = row.required("key") else { return };
    let entity = who(row, system, &text);
    let known =
        "access_key, password, certificate, client_secret, service_account_key, token, ssh_key, federated or mfa";
    let kind = row.word("kind", known, CredentialKind::parse).unwrap_or(CredentialKind::Token);
    let credential = Credential {
        credential: format!("{NAME}:{system}/key/{key}"),
        entity,
        kind,
        created_at: row.time("created_at"),
        expires_at: row.time("expires_at"),
        last_used_at: row.time("last_used_at"),
        never_used: None,
        last_rotated_at: row.time("last_rotated_at"),
        active: row.flag("active"),
        source: row.out.source_id(),
        record: row.place.clone(),
    };
    row.out.credentials.push(credential);
}

fn usage(row: &mut Row<'_>, system: &str, _layout: &Layout) {
    let Some(text) = row.required("principal") else { return };
    let entity = who(row, system, &text);
    let right = row.text("right");
    let (permission, granularity) = match &right {
        Some(right) => (action(system, right), Granularity::Action),
        None => (system.to_owned(), Granularity::Service),
    };
    let last_used_at = row.time("last_used_at");
    if last_used_at.is_some() {
        let mut about = row.out.entity(entity).clone();
        if about.last_used_at < last_used_at {
            (about.last_used_at, about.last_used_source) = (last_used_at, Some(NAME.to_owned()));
            row.out.replace(entity, about);
        }
    }
    let usage = Usage {
        entity,
        permission,
        granularity,
        last_used_at,
        count: row.number("count"),
        window_start: row.time("window_start"),
        window_end: row.time("window_end"),
        source: row.out.source_id(),
        record: row.place.clone(),
    };
    row.out.usage.push(usage);
}
