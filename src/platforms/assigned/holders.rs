//! Who holds which rights: their own, those of the groups that they are in, and those of their scope.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::Dialect;
use super::places::Tree;
use super::rights::Rights;
use crate::model::{EntityId, EntityKind, Grant, MembershipKind, Standing, Tables};
use crate::platforms::Class;

/// Attribute of a group whose members no export lists: `all` or `scope`.
const IMPLICIT: &str = "implicit_members";

/// A right that a principal holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Held {
    /// Number of the right.
    pub right: u32,
    /// Whether it comes to the principal through a membership that must be activated first.
    pub eligible: bool,
}

/// The rights of one principal, and the grants that give them.
#[derive(Debug, Default)]
pub struct Holding {
    /// Sorted, each right once.
    pub rights: Vec<Held>,
    /// Pairs of a right and a grant that gives it, sorted.
    pub grants: Vec<(u32, u32)>,
}

/// Lookups for holdings.
pub struct Holders<'t> {
    tables: &'t Tables,
    as_of: i64,
    /// Groups of everyone, with the scope whose principals they are of; `None` for all.
    implicit: Vec<(EntityId, Option<EntityId>)>,
}

/// A group on the way from a principal.
#[derive(Debug, Clone, Copy)]
struct Via {
    eligible: bool,
    /// Whether the principal is in it itself, and not only through another group.
    direct: bool,
}

impl<'t> Holders<'t> {
    /// Finds the groups of everyone.
    pub fn new(tables: &'t Tables, tree: &Tree<'t>, dialect: &dyn Dialect, as_of: i64) -> Self {
        let stated = tables.attributes.iter().filter(|row| row.key == IMPLICIT);
        let own = stated.filter(|row| tables.entity(row.entity).platform == dialect.platform());
        let of = |scope: &str, group: EntityId| (scope == "scope").then(|| tree.scope_of(group));
        let implicit = own.map(|row| (row.entity, of(&row.value, row.entity))).collect();
        Self { tables, as_of, implicit }
    }

    /// Everything through which rights come to a principal or group, itself first.
    fn containers(&self, of: EntityId, scope: EntityId) -> BTreeMap<EntityId, Via> {
        let mut found = BTreeMap::from([(of, Via { eligible: false, direct: true })]);
        let mut open = vec![of];
        if self.tables.entity(of).kind.is_principal() {
            for &(group, whose) in &self.implicit {
                if whose.is_none_or(|whose| whose == scope) {
                    found.insert(group, Via { eligible: false, direct: true });
                    open.push(group);
                }
            }
        }
        while let Some(at) = open.pop() {
            let via = found[&at];
            let rows = &self.tables.memberships;
            let start = rows.partition_point(|row| row.member < at);
            let own = rows[start..].iter().take_while(|row| row.member == at);
            let in_force = |end: Option<i64>| end.is_none_or(|end| end > self.as_of);
            for row in own.filter(|row| row.kind == MembershipKind::MemberOf && in_force(row.expires_at)) {
                if self.tables.entity(row.container).platform != self.tables.entity(of).platform {
                    continue;
                }
                // A group stands for those who are in it, and they are in no other group by themselves.
                let direct = at == of && self.tables.entity(of).kind != EntityKind::Group;
                let next = Via { eligible: via.eligible || row.standing == Standing::Eligible, direct };
                let known = found.get(&row.container).copied();
                let better =
                    known.is_none_or(|known| (known.eligible && !next.eligible) || (!known.direct && next.direct));
                if better {
                    let old = known.unwrap_or(next);
                    let merged = Via { eligible: old.eligible && next.eligible, direct: old.direct || next.direct };
                    found.insert(row.container, merged);
                    open.push(row.container);
                }
            }
        }
        found
    }

    /// The statements that an entity holds itself.
    fn grants(&self, holder: EntityId) -> impl Iterator<Item = &'t Grant> {
        let rows = &self.tables.grants;
        let start = rows.partition_point(|row| row.holder < holder);
        rows[start..].iter().take_while(move |row| row.holder == holder)
    }

    /// What a principal or group holds. Time grows with its groups and their grants.
    #[must_use]
    pub fn holding(&self, rights: &Rights<'_>, tree: &Tree<'_>, dialect: &dyn Dialect, of: EntityId) -> Holding {
        let scope = tree.scope_of(of);
        let containers = self.containers(of, scope);
        let mut all: FxHashMap<u32, bool> = FxHashMap::default();
        let mut grants = Vec::new();
        let is_scope = |entity: EntityId| entity != of && self.tables.entity(entity).kind == EntityKind::Scope;
        let of_scope = self.tables.entity(of).kind.is_principal() && is_scope(scope);
        let whole = of_scope.then_some((scope, Via { eligible: false, direct: true }));
        for (holder, via) in containers.iter().map(|(holder, via)| (*holder, *via)).chain(whole) {
            for grant in self.grants(holder) {
                let Some(number) = rights.of(grant.grant) else { continue };
                let right = rights.get(number);
                let excepted = right.excepted.iter().any(|one| containers.contains_key(one));
                if excepted || (!via.direct && dialect.is_for_direct_members(grant)) {
                    continue;
                }
                let eligible = all.entry(number).or_insert(true);
                *eligible &= via.eligible;
                grants.push((number, grant.grant));
            }
        }
        let mut rights: Vec<Held> = all.into_iter().map(|(right, eligible)| Held { right, eligible }).collect();
        rights.sort_unstable();
        grants.sort_unstable();
        Holding { rights, grants }
    }

    /// Classes of all that can hold rights or be started from, ordered by their first member, and what each holds.
    #[must_use]
    pub fn classes(&self, rights: &Rights<'_>, tree: &Tree<'_>, dialect: &dyn Dialect) -> (Vec<Class>, Vec<Vec<Held>>) {
        let mut numbers: FxHashMap<(EntityKind, EntityId, Vec<Held>), usize> = FxHashMap::default();
        let (mut classes, mut held): (Vec<Class>, Vec<Vec<Held>>) = (Vec::new(), Vec::new());
        let own = |one: &&crate::model::Entity| one.present && one.platform == dialect.platform();
        for entity in self.tables.entities.iter().filter(own) {
            if matches!(entity.kind, EntityKind::RoleDefinition | EntityKind::Credential) {
                continue;
            }
            let (kind, scope) = (entity.kind, tree.scope_of(entity.entity));
            let own = self.holding(rights, tree, dialect, entity.entity).rights;
            let number = *numbers.entry((kind, scope, own)).or_insert_with_key(|(_, _, own)| {
                classes.push(Class { kind, scope, members: Vec::new() });
                held.push(own.clone());
                classes.len() - 1
            });
            classes[number].members.push(entity.entity);
        }
        (classes, held)
    }
}
