//! Rows of the tables told in full ids, so that those of two snapshots can be compared.

use std::collections::BTreeMap;

use super::compare::{Changed, Changes, Row, differing};
use crate::model::text::format_time;
use crate::model::{
    AttachmentKind, CredentialKind, Effect, EntityId, EntityKind, Layer, MembershipKind, Standing, Tables,
};

fn id(tables: &Tables, of: EntityId) -> &str {
    tables.entities.get(of.index()).map_or("", |entity| &entity.id)
}

/// Set of texts: order and repetition say nothing.
fn set(list: &[String]) -> Vec<&str> {
    let mut set: Vec<&str> = list.iter().map(String::as_str).collect();
    set.sort_unstable();
    set.dedup();
    set
}

/// An entity that an export defines.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct EntityRow<'s> {
    pub id: &'s str,
    pub name: &'s str,
    pub platform: &'s str,
    pub kind: EntityKind,
    pub nhi: Option<bool>,
    pub enabled: Option<bool>,
    pub domain: Option<&'s str>,
    pub env: Option<&'s str>,
    pub owner: Option<&'s str>,
    pub owner_status: Option<&'s str>,
    pub protected: bool,
    /// Tells an entity from another one of the same name made later; null where the platform has no such id.
    pub unique_id: Option<&'s str>,
}

impl<'s> Row for EntityRow<'s> {
    type Key = &'s str;

    fn key(&self) -> &'s str {
        self.id
    }

    fn fields(&self) -> Vec<(&'static str, Option<String>)> {
        let text = |text: Option<&str>| text.map(str::to_owned);
        let flag = |flag: Option<bool>| flag.map(|flag| flag.to_string());
        vec![
            ("name", text(Some(self.name))),
            ("kind", text(Some(self.kind.as_str()))),
            ("nhi", flag(self.nhi)),
            ("enabled", flag(self.enabled)),
            ("domain", text(self.domain)),
            ("env", text(self.env)),
            ("owner", text(self.owner)),
            ("owner_status", text(self.owner_status)),
            ("protected", flag(Some(self.protected))),
            ("unique_id", text(self.unique_id)),
        ]
    }
}

pub fn entities(tables: &Tables) -> Vec<EntityRow<'_>> {
    (tables.entities.iter().filter(|entity| entity.present))
        .map(|entity| EntityRow {
            id: &entity.id,
            name: &entity.name,
            platform: &entity.platform,
            kind: entity.kind,
            nhi: entity.nhi,
            enabled: entity.enabled,
            domain: entity.domain.as_deref(),
            env: entity.env.as_deref(),
            owner: entity.owner.as_deref(),
            owner_status: entity.owner_status.as_deref(),
            protected: entity.protected,
            unique_id: entity.unique_id.as_deref(),
        })
        .collect()
}

/// One entity in another.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct MembershipRow<'s> {
    pub member: &'s str,
    pub container: &'s str,
    pub kind: MembershipKind,
    pub standing: Standing,
    /// When it ends by itself.
    pub expires_at: Option<String>,
}

impl<'s> Row for MembershipRow<'s> {
    type Key = (&'s str, &'s str, MembershipKind);

    fn key(&self) -> Self::Key {
        (self.member, self.container, self.kind)
    }

    fn fields(&self) -> Vec<(&'static str, Option<String>)> {
        vec![("standing", Some(self.standing.to_string())), ("expires_at", self.expires_at.clone())]
    }
}

pub fn memberships(tables: &Tables) -> Vec<MembershipRow<'_>> {
    (tables.memberships.iter())
        .map(|row| MembershipRow {
            member: id(tables, row.member),
            container: id(tables, row.container),
            kind: row.kind,
            standing: row.standing,
            expires_at: row.expires_at.map(format_time),
        })
        .collect()
}

/// A policy attached to something.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct AttachmentRow<'s> {
    pub holder: &'s str,
    pub policy: &'s str,
    pub kind: AttachmentKind,
}

impl<'s> Row for AttachmentRow<'s> {
    type Key = (&'s str, &'s str, AttachmentKind);

    fn key(&self) -> Self::Key {
        (self.holder, self.policy, self.kind)
    }

    fn fields(&self) -> Vec<(&'static str, Option<String>)> {
        Vec::new()
    }
}

pub fn attachments(tables: &Tables) -> Vec<AttachmentRow<'_>> {
    (tables.attachments.iter())
        .map(|row| AttachmentRow { holder: id(tables, row.holder), policy: id(tables, row.policy), kind: row.kind })
        .collect()
}

/// A credential's existence and state.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct CredentialRow<'s> {
    pub credential: &'s str,
    pub entity: &'s str,
    pub kind: CredentialKind,
    pub active: Option<bool>,
    pub created_at: Option<String>,
    pub expires_at: Option<String>,
    pub last_rotated_at: Option<String>,
}

impl<'s> Row for CredentialRow<'s> {
    type Key = (&'s str, &'s str, CredentialKind);

    fn key(&self) -> Self::Key {
        (self.entity, self.credential, self.kind)
    }

    fn fields(&self) -> Vec<(&'static str, Option<String>)> {
        vec![
            ("active", self.active.map(|active| active.to_string())),
            ("created_at", self.created_at.clone()),
            ("expires_at", self.expires_at.clone()),
            ("last_rotated_at", self.last_rotated_at.clone()),
        ]
    }
}

pub fn credentials(tables: &Tables) -> Vec<CredentialRow<'_>> {
    (tables.credentials.iter())
        .map(|row| CredentialRow {
            credential: &row.credential,
            entity: id(tables, row.entity),
            kind: row.kind,
            active: row.active,
            created_at: row.created_at.map(format_time),
            expires_at: row.expires_at.map(format_time),
            last_rotated_at: row.last_rotated_at.map(format_time),
        })
        .collect()
}

/// A statement of a policy.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct GrantRow<'s> {
    pub holder: &'s str,
    pub layer: Layer,
    pub policy: &'s str,
    /// Name of the statement, or `#` and its place; no part of what makes two statements the same.
    pub statement: &'s str,
    pub effect: Effect,
    pub actions: Vec<&'s str>,
    pub not_actions: Vec<&'s str>,
    pub resources: Vec<&'s str>,
    pub not_resources: Vec<&'s str>,
    pub principals: Vec<&'s str>,
    pub not_principals: Vec<&'s str>,
    pub condition: Option<&'s str>,
    /// Whether policy variables expand.
    pub variables: bool,
    /// When it ends by itself.
    pub expires_at: Option<String>,
}

impl GrantRow<'_> {
    fn content(&self) -> Vec<(&'static str, Option<String>)> {
        let list = |list: &[&str]| (!list.is_empty()).then(|| list.join(" "));
        vec![
            ("effect", Some(self.effect.to_string())),
            ("actions", list(&self.actions)),
            ("not_actions", list(&self.not_actions)),
            ("resources", list(&self.resources)),
            ("not_resources", list(&self.not_resources)),
            ("principals", list(&self.principals)),
            ("not_principals", list(&self.not_principals)),
            ("condition", self.condition.map(str::to_owned)),
            ("variables", Some(self.variables.to_string())),
            ("expires_at", self.expires_at.clone()),
        ]
    }
}

impl<'s> Row for GrantRow<'s> {
    type Key = (&'s str, Layer, &'s str, Vec<(&'static str, Option<String>)>);

    fn key(&self) -> Self::Key {
        (self.holder, self.layer, self.policy, self.content())
    }

    /// None: whatever it says is its key.
    fn fields(&self) -> Vec<(&'static str, Option<String>)> {
        Vec::new()
    }
}

pub fn grants(tables: &Tables) -> Vec<GrantRow<'_>> {
    (tables.grants.iter())
        .map(|row| GrantRow {
            holder: id(tables, row.holder),
            layer: row.layer,
            policy: &row.policy,
            statement: &row.statement,
            effect: row.effect,
            actions: set(&row.actions),
            not_actions: set(&row.not_actions),
            resources: set(&row.resources),
            not_resources: set(&row.not_resources),
            principals: set(&row.principals),
            not_principals: set(&row.not_principals),
            condition: row.condition.as_deref(),
            variables: row.variables,
            expires_at: row.expires_at.map(format_time),
        })
        .collect()
}

/// Joins what is gone and what is new under the same name in the same policy into what changed.
pub fn pair_statements<'s>(found: Changes<GrantRow<'s>>) -> Changes<GrantRow<'s>> {
    let place = |row: &GrantRow<'s>| (row.holder, row.layer, row.policy, row.statement);
    let mut gone: BTreeMap<_, Vec<GrantRow<'s>>> = BTreeMap::new();
    for row in found.removed {
        gone.entry(place(&row)).or_default().push(row);
    }
    let mut paired = Changes::default();
    for row in found.added {
        match gone.get_mut(&place(&row)).and_then(Vec::pop) {
            None => paired.added.push(row),
            Some(before) => {
                let changes = differing(before.content(), row.content());
                paired.changed.push(Changed { row, changes });
            }
        }
    }
    paired.removed = gone.into_values().flatten().collect();
    paired
}
