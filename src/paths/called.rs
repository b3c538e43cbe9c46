//! What people call the things that can be taken away.
//!
//! A change is read by somebody who has to make it with the tools of the platform, so that it is called what those tools
//! call it. A Kubernetes binding stands between a role and those who have it: the role is what the binding holds, the
//! binding what its subjects hold. Taking the first away is deleting the binding, because what a binding refers to cannot be
//! changed; taking the second away is taking the subject out of it.

use crate::model::{Entity, EntityId, EntityKind, Tables};

/// Name of the platform whose roles go through bindings.
const KUBERNETES: &str = "kubernetes";
/// End of the kinds of bindings.
const BINDING: &str = "Binding";

/// An entity by its kind and name.
pub fn called(tables: &Tables, entity: EntityId) -> String {
    let kind = kind_of(tables, entity);
    let entity = tables.entity(entity);
    let kind = match (&kind, entity.platform.as_str(), entity.kind) {
        (Some(kind), ..) => spaced(kind),
        (None, "aws", EntityKind::RoleDefinition) => "policy".to_owned(),
        _ => entity.kind.as_str().replace('_', " "),
    };
    format!("{kind} {}", entity.name)
}

/// An attachment: a policy on who holds it, a binding as a whole, or a subject in a binding.
pub fn attachment(tables: &Tables, holder: EntityId, policy: EntityId) -> String {
    if is_binding(tables, holder) {
        let subjects = subjects(tables, holder);
        let whom = match subjects[..] {
            [] => "nobody".to_owned(),
            [one] => called(tables, one),
            [one, ..] => format!("{} and {} more", called(tables, one), subjects.len() - 1),
        };
        return format!("{} ({} for {whom})", called(tables, holder), called(tables, policy));
    }
    if is_binding(tables, policy) {
        let start = tables.attachments.partition_point(|row| row.holder < policy);
        let mut own = tables.attachments[start..].iter().take_while(|row| row.holder == policy);
        let role = own.next().map_or_else(|| "no role".to_owned(), |row| called(tables, row.policy));
        return format!("{} in {} ({role})", called(tables, holder), called(tables, policy));
    }
    format!("{} on {}", called(tables, policy), called(tables, holder))
}

/// Who has a binding, by number.
fn subjects(tables: &Tables, binding: EntityId) -> Vec<EntityId> {
    let mut all: Vec<EntityId> =
        tables.attachments.iter().filter(|row| row.policy == binding).map(|row| row.holder).collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn is_binding(tables: &Tables, entity: EntityId) -> bool {
    kind_of(tables, entity).is_some_and(|kind| kind.ends_with(BINDING))
}

/// The kind of a Kubernetes object that is a role or gives one, as the API writes it.
fn kind_of(tables: &Tables, entity: EntityId) -> Option<String> {
    let Entity { platform, kind, .. } = tables.entity(entity);
    let known = platform == KUBERNETES && *kind == EntityKind::RoleDefinition;
    known.then(|| tables.attribute(entity, "kind")).flatten().map(str::to_owned)
}

/// `ClusterRoleBinding` as `cluster role binding`.
fn spaced(kind: &str) -> String {
    let mut words = String::with_capacity(kind.len() + 2);
    for letter in kind.chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Attachment, AttachmentKind, Attribute, SourceId};

    fn tables(rows: &[(&str, &str, EntityKind, &str, Option<&str>)], held: &[(u32, u32)]) -> Tables {
        let mut tables = Tables::default();
        for (number, &(id, platform, kind, name, object)) in (0..).zip(rows) {
            let mut entity = Entity::named(id, platform, kind, name);
            (entity.entity, entity.present) = (EntityId(number), true);
            let kind = object.map(|object| ("kind".to_owned(), object.to_owned()));
            tables.attributes.extend(kind.map(|(key, value)| Attribute { entity: EntityId(number), key, value }));
            tables.entities.push(entity);
        }
        let row = |&(holder, policy): &(u32, u32)| Attachment {
            holder: EntityId(holder),
            policy: EntityId(policy),
            kind: AttachmentKind::Identity,
            source: SourceId(0),
            record: "1".to_owned(),
        };
        tables.attachments = held.iter().map(row).collect();
        tables
    }

    #[test]
    fn a_binding_is_called_so_and_what_goes_with_it_is_named() {
        use EntityKind::{RoleDefinition, ServiceAccount};
        let rows = [
            ("k/a", KUBERNETES, ServiceAccount, "system:serviceaccount:shop:a", Some("ServiceAccount")),
            ("k/b", KUBERNETES, ServiceAccount, "system:serviceaccount:shop:b", Some("ServiceAccount")),
            ("k/cluster-reader", KUBERNETES, RoleDefinition, "reader", Some("ClusterRole")),
            ("k/everywhere", KUBERNETES, RoleDefinition, "everywhere", Some("ClusterRoleBinding")),
            ("k/here", KUBERNETES, RoleDefinition, "shop/here", Some("RoleBinding")),
            ("k/writer", KUBERNETES, RoleDefinition, "shop/writer", Some("Role")),
            ("p/policy", "aws", RoleDefinition, "deploy", None),
            ("p/role", "aws", EntityKind::Role, "ci", None),
        ];
        let tables = tables(&rows, &[(0, 3), (0, 4), (1, 4), (3, 2), (4, 5), (7, 6)]);
        let said = |holder, policy| attachment(&tables, EntityId(holder), EntityId(policy));
        let a = "service account system:serviceaccount:shop:a";
        assert_eq!(said(3, 2), format!("cluster role binding everywhere (cluster role reader for {a})"));
        assert_eq!(said(4, 5), format!("role binding shop/here (role shop/writer for {a} and 1 more)"));
        assert_eq!(said(0, 4), format!("{a} in role binding shop/here (role shop/writer)"));
        assert_eq!(said(7, 6), "policy deploy on role ci");
        assert_eq!(called(&tables, EntityId(5)), "role shop/writer");
    }
}
