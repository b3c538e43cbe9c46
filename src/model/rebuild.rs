//! Changing a builder after the fact: other names for entities, rows that go away.

use rustc_hash::FxHashMap;

use super::{Builder, Entity, EntityKind, Grant, Handle};

/// What becomes of an entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    Keep,
    /// It is known under another id.
    Rename(String),
    /// It is a name that one source uses for what another defines.
    Is(Box<Identification>),
    /// It goes, and every row that names it.
    Drop,
}

/// What a name turned out to be: enough to refer to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identification {
    /// Full id.
    pub id: String,
    /// Platform that it belongs to.
    pub platform: String,
    /// What it is.
    pub kind: EntityKind,
    /// Name as people write it.
    pub name: String,
}

impl Identification {
    /// Refers to this entity.
    #[must_use]
    pub fn of(entity: &Entity) -> Self {
        let Entity { id, platform, name, .. } = entity;
        Self { id: id.clone(), platform: platform.clone(), kind: entity.kind, name: name.clone() }
    }
}

/// Applies a fate to every entity of a builder. Nothing is touched when all are kept. A row that cannot be without the
/// entity goes with it; one that can has no entity then.
pub fn rename(builder: &mut Builder, fate: impl Fn(&Entity) -> Fate) {
    let fates: Vec<Fate> = builder.entities().iter().map(fate).collect();
    if fates.iter().all(|fate| *fate == Fate::Keep) {
        return;
    }
    let mut fresh = Builder::new(builder.source.clone());
    let mut map: Vec<Option<Handle>> = Vec::with_capacity(fates.len());
    let mut renamed: FxHashMap<String, String> = FxHashMap::default();
    for (entity, fate) in builder.entities().iter().zip(fates) {
        let mut entity = entity.clone();
        match fate {
            Fate::Drop => {
                map.push(None);
                continue;
            }
            Fate::Rename(id) => {
                renamed.insert(entity.id, id.clone());
                entity.id = id;
            }
            Fate::Is(found) => {
                // What the source said under the name stays; where it said so is not where the entity is defined.
                (entity.source, entity.record) = (None, None);
                (entity.id, entity.platform, entity.kind, entity.name) =
                    (found.id, found.platform, found.kind, found.name);
            }
            Fate::Keep => {}
        }
        map.push(Some(fresh.define(entity)));
    }
    // A policy's statements name it by its id.
    for row in &mut builder.grants {
        if let Some(id) = renamed.get(&row.policy) {
            row.policy.clone_from(id);
        }
    }
    move_rows(builder, &mut fresh, &map);
    *builder = fresh;
}

fn move_rows(old: &mut Builder, fresh: &mut Builder, map: &[Option<Handle>]) {
    let of = |handle: Handle| map.get(handle.index()).copied().flatten();
    fresh.issues = std::mem::take(&mut old.issues);
    for mut row in old.memberships.drain(..) {
        if let (Some(member), Some(container)) = (of(row.member), of(row.container)) {
            (row.member, row.container) = (member, container);
            fresh.memberships.push(row);
        }
    }
    for mut row in old.attachments.drain(..) {
        if let (Some(holder), Some(policy)) = (of(row.holder), of(row.policy)) {
            (row.holder, row.policy) = (holder, policy);
            fresh.attachments.push(row);
        }
    }
    macro_rules! by_entity { ($($table:ident),+) => { $(
        for mut row in old.$table.drain(..) {
            if let Some(entity) = of(row.entity) {
                row.entity = entity;
                fresh.$table.push(row);
            }
        }
    )+ } }
    by_entity!(attributes, credentials, usage, identities, role_baselines, owners);
    for row in &mut fresh.owners {
        row.group = row.group.and_then(of);
    }
    keep_grants(old, |row| of(row.holder).is_some());
    for mut row in old.grants.drain(..) {
        row.holder = of(row.holder).unwrap_or(row.holder);
        fresh.grants.push(row);
    }
    for mut row in old.trusts.drain(..) {
        if let Some(target) = of(row.target) {
            row.target = target;
            row.trustee = row.trustee.and_then(of);
            fresh.trusts.push(row);
        }
    }
    macro_rules! by_option { ($($table:ident . $field:ident),+) => { $(
        for mut row in old.$table.drain(..) {
            row.$field = row.$field.and_then(of);
            fresh.$table.push(row);
        }
    )+ } }
    by_option!(people.entity, approvals.entity, workflows.principal);
    fresh.sod_rules.append(&mut old.sod_rules);
    fresh.exceptions.append(&mut old.exceptions);
}

/// Drops the grants that `keep` does not keep, with their trust rows, and numbers the rest anew.
pub fn keep_grants(builder: &mut Builder, keep: impl Fn(&Grant) -> bool) {
    let mut number: FxHashMap<u32, u32> = FxHashMap::default();
    let mut kept = Vec::with_capacity(builder.grants.len());
    for mut row in builder.grants.drain(..) {
        if keep(&row) {
            let fresh = u32::try_from(kept.len()).unwrap_or(u32::MAX);
            number.insert(row.grant, fresh);
            row.grant = fresh;
            kept.push(row);
        }
    }
    builder.grants = kept;
    builder.trusts.retain_mut(|row| match number.get(&row.grant) {
        Some(fresh) => {
            row.grant = *fresh;
            true
        }
        None => false,
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        Approval, Effect, Identity, Layer, Membership, MembershipKind, Person, PersonStatus, RoleBaseline, Source,
        Standing, Trust, TrustKind, Workflow,
    };

    fn statement(number: u32, holder: Handle, policy: &str) -> Grant {
        Grant {
            grant: number,
            holder,
            effect: Effect::Allow,
            actions: vec!["sts:AssumeRole".to_owned()],
            not_actions: vec![],
            resources: vec![],
            not_resources: vec![],
            principals: vec![],
            not_principals: vec![],
            condition: None,
            layer: Layer::Resource,
            policy: policy.to_owned(),
            statement: "#0".to_owned(),
            variables: false,
            granted_at: None,
            expires_at: None,
            source: crate::model::SourceId(0),
            record: String::new(),
        }
    }

    /// Three roles, each with a statement, a trust and a fact.
    fn builder() -> Builder {
        let source = Source { path: String::new(), kind: String::new(), sha256: String::new(), records: 0, skipped: 0 };
        let mut out = Builder::new(source);
        let account = out.refer("account", "aws", EntityKind::Scope, "account");
        for (number, name) in (0..).zip(["a", "b", "c"]) {
            let role = out.refer(name, "aws", EntityKind::Role, name);
            out.grants.push(statement(number, role, name));
            out.trusts.push(Trust {
                target: role,
                trustee: Some(account),
                trustee_pattern: "AWS:account".to_owned(),
                kind: TrustKind::SameAccount,
                action: "sts:AssumeRole".to_owned(),
                condition: None,
                grant: number,
            });
            out.attribute(role, "own", name);
        }
        out
    }

    #[test]
    fn rows_follow_the_entities_that_are_renamed_and_go_with_those_that_are_dropped() {
        let mut out = builder();
        rename(&mut out, |entity| match entity.id.as_str() {
            "a" => Fate::Drop,
            "b" => Fate::Rename("z".to_owned()),
            _ => Fate::Keep,
        });
        let id = |handle: Handle| out.entity(handle).id.as_str();
        let grants: Vec<_> = out.grants.iter().map(|row| (row.grant, id(row.holder), row.policy.as_str())).collect();
        assert_eq!(grants, [(0, "z", "z"), (1, "c", "c")]);
        let trusts: Vec<_> = out.trusts.iter().map(|row| (row.grant, id(row.target))).collect();
        assert_eq!(trusts, [(0, "z"), (1, "c")]);
        assert!(out.trusts.iter().all(|row| row.trustee.map(id) == Some("account")));
        let own: Vec<_> = out.attributes.iter().map(|row| (id(row.entity), row.value.as_str())).collect();
        assert_eq!(own, [("z", "b"), ("c", "c")]);
        assert!(out.handle("a").is_none());
    }

    #[test]
    fn two_entities_that_turn_out_to_be_one_become_one() {
        let mut out = builder();
        rename(&mut out, |entity| if entity.id == "a" { Fate::Rename("b".to_owned()) } else { Fate::Keep });
        assert_eq!(out.entities().iter().filter(|entity| entity.kind == EntityKind::Role).count(), 2);
        assert_eq!(out.grants.iter().filter(|row| out.entity(row.holder).id == "b").count(), 2);
    }

    /// One row of each governance table about the role `b`.
    fn governed() -> Builder {
        let mut out = builder();
        let (role, source) = (out.handle("b").unwrap(), out.source_id());
        let text = |text: &str| text.to_owned();
        out.people.push(Person {
            person: text("p"),
            name: None,
            email: None,
            entity: Some(role),
            status: PersonStatus::Active,
            started_at: None,
            left_at: None,
            manager: None,
            department: None,
            source,
            record: text("line 2"),
        });
        out.identities.push(Identity { person: text("p"), entity: role, method: text("declared"), confidence: 1.0 });
        out.approvals.push(Approval {
            object: text("b"),
            entity: Some(role),
            approver: text("p"),
            required: None,
            quorum: None,
            cycle_days: None,
            last_reviewed_at: None,
            queue: None,
            source,
            record: text("line 2"),
        });
        out.workflows.push(Workflow {
            workflow: text("w"),
            business_process: None,
            control_owner: None,
            principal: Some(role),
            ai: None,
            functions: vec![],
            tier: None,
            queue: None,
            takes_from: vec![],
            proposes: vec![],
            source,
            record: text("line 2"),
        });
        out.role_baselines.push(RoleBaseline {
            baseline: text("job"),
            entity: role,
            actions: vec![],
            resources: vec![],
            source,
            record: text("line 2"),
        });
        out.memberships.push(Membership {
            member: role,
            container: role,
            kind: MembershipKind::Owns,
            standing: Standing::Active,
            expires_at: None,
            source,
            record: String::new(),
        });
        out
    }

    #[test]
    fn a_name_becomes_what_it_names_in_every_table_and_what_names_nothing_leaves_a_null_where_it_may() {
        let found = Identification { id: "z".into(), platform: "p".into(), kind: EntityKind::User, name: "zoe".into() };
        let mut out = governed();
        rename(&mut out, |entity| if entity.id == "b" { Fate::Is(Box::new(found.clone())) } else { Fate::Keep });
        let zoe = out.handle("z");
        assert_eq!(out.entity(zoe.unwrap()).name, "zoe");
        assert_eq!(
            (out.entity(zoe.unwrap()).platform.as_str(), out.entity(zoe.unwrap()).kind),
            ("p", EntityKind::User)
        );
        assert_eq!((out.people[0].entity, out.approvals[0].entity, out.workflows[0].principal), (zoe, zoe, zoe));
        assert_eq!((Some(out.identities[0].entity), Some(out.role_baselines[0].entity)), (zoe, zoe));

        let mut out = governed();
        rename(&mut out, |entity| if entity.id == "b" { Fate::Drop } else { Fate::Keep });
        assert_eq!((out.people[0].entity, out.approvals[0].entity, out.workflows[0].principal), (None, None, None));
        assert!(out.identities.is_empty() && out.role_baselines.is_empty() && out.memberships.is_empty());
    }
}
