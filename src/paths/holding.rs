//! How rights come to a principal: by itself, by policies, by groups however nested, by what everyone has.
//!
//! The ways form a small graph from the principal over memberships and attachments to whoever holds statements. A lever
//! takes away what a holder gives only when it lies on *every* way there, so that a member of two groups that are both
//! in a third loses nothing by leaving one of them. Ways that nobody can take away (groups of everyone, what a scope
//! gives to all that live in it) have no lever.

use std::collections::hash_map::Entry;
use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::lever::Lever;
use crate::model::{AttachmentKind, EntityId, EntityKind, MembershipKind, Tables};

/// Attribute of a group whose members no export lists: `all` for everyone of the platform, `scope` for everyone of the
/// group's own scope.
const IMPLICIT: &str = "implicit_members";
/// Principals whose ways are kept at a time; edges come in the order of their sources.
const REMEMBERED_MAX: usize = 4096;

/// One step on the way to statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    pub from: EntityId,
    pub to: EntityId,
    /// What takes the step away; none when nothing does.
    pub lever: Option<Lever>,
}

/// Somebody from whom a principal has statements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    pub holder: EntityId,
    /// Levers on every way there, sorted.
    pub unavoidable: Rc<[Lever]>,
    /// Whether there are statements that the export does not have.
    pub unknown: bool,
}

/// Everyone from whom a principal has statements, itself first, and the steps there.
#[derive(Debug, Default)]
pub struct Held {
    pub list: Vec<Holding>,
    pub links: Vec<Link>,
}

impl Held {
    /// Whom a principal holds through this holder.
    pub fn of(&self, holder: EntityId) -> Option<&Holding> {
        self.list.iter().find(|one| one.holder == holder)
    }

    /// The steps of all ways to a holder.
    pub fn towards(&self, holder: EntityId) -> Vec<Link> {
        let mut seen = FxHashSet::from_iter([holder]);
        let mut open = vec![holder];
        let mut found = Vec::new();
        while let Some(at) = open.pop() {
            for link in self.links.iter().filter(|link| link.to == at) {
                found.push(*link);
                if seen.insert(link.from) {
                    open.push(link.from);
                }
            }
        }
        found
    }

    /// Whether no way to a holder is left once all levers are pulled that can be.
    pub fn can_be_cut(&self, holder: EntityId, goes: &dyn Fn(Lever) -> bool) -> bool {
        let Some(first) = self.list.first().map(|one| one.holder) else { return false };
        let mut seen = FxHashSet::from_iter([first]);
        let mut open = vec![first];
        while let Some(at) = open.pop() {
            if at == holder {
                return false;
            }
            let stays = |link: &&Link| link.from == at && !link.lever.is_some_and(goes);
            open.extend(self.links.iter().filter(stays).map(|link| link.to).filter(|to| seen.insert(*to)));
        }
        true
    }

    /// The levers of one shortest way to a holder.
    pub fn way(&self, holder: EntityId) -> Vec<Lever> {
        let Some(first) = self.list.first().map(|one| one.holder) else { return Vec::new() };
        let mut by: FxHashMap<EntityId, Link> = FxHashMap::default();
        let mut open = std::collections::VecDeque::from([first]);
        while let Some(at) = open.pop_front() {
            for link in self.links.iter().filter(|link| link.from == at) {
                if link.to != first && !by.contains_key(&link.to) {
                    by.insert(link.to, *link);
                    open.push_back(link.to);
                }
            }
        }
        let mut way = Vec::new();
        let mut at = holder;
        while let Some(link) = by.get(&at) {
            way.extend(link.lever);
            at = link.from;
        }
        way
    }
}

/// Looks up from whom principals have their statements.
pub struct Holdings<'t> {
    tables: &'t Tables,
    /// Groups of everyone, with the scope whose principals they are of; `None` for all of the platform.
    implicit: Vec<(EntityId, Option<EntityId>)>,
    known: FxHashMap<EntityId, Rc<Held>>,
}

impl<'t> Holdings<'t> {
    /// Finds the groups of everyone. O(attributes).
    pub fn new(tables: &'t Tables) -> Self {
        let stated = tables.attributes.iter().filter(|row| row.key == IMPLICIT);
        let implicit =
            stated.map(|row| (row.entity, (row.value == "scope").then(|| scope_of(tables, row.entity)))).collect();
        Self { tables, implicit, known: FxHashMap::default() }
    }

    /// From whom a principal, a group or a scope has its statements. Time grows with the groups and policies.
    pub fn of(&mut self, of: EntityId) -> Rc<Held> {
        if let Some(known) = self.known.get(&of) {
            return Rc::clone(known);
        }
        if self.known.len() >= REMEMBERED_MAX {
            self.known.clear();
        }
        let found = Rc::new(self.find(of, true));
        self.known.insert(of, Rc::clone(&found));
        found
    }

    /// The same without what everyone has.
    pub fn by_name(&self, of: EntityId) -> Held {
        self.find(of, false)
    }

    fn find(&self, of: EntityId, everyones: bool) -> Held {
        let mut order = vec![of];
        let mut place: FxHashMap<EntityId, usize> = FxHashMap::from_iter([(of, 0)]);
        let mut links: Vec<Link> = Vec::new();
        let mut at = 0;
        while let Some(&from) = order.get(at) {
            at += 1;
            let start = links.len();
            if from == of && everyones {
                self.everyones(of, &mut links);
            }
            // A scope gives what it holds itself; what it is in is not its inhabitants'.
            if from == of || self.tables.entity(from).kind != EntityKind::Scope {
                self.own(from, &mut links);
            }
            for link in &links[start..] {
                if let Entry::Vacant(free) = place.entry(link.to) {
                    free.insert(order.len());
                    order.push(link.to);
                }
            }
        }
        let unavoidable = unavoidable(order.len(), &links, &place);
        let list = order.iter().zip(unavoidable).map(|(&holder, levers)| Holding {
            holder,
            unavoidable: levers.into(),
            unknown: self.is_unknown(holder, of),
        });
        Held { list: list.collect(), links }
    }

    /// What comes to a principal without anybody having named it.
    fn everyones(&self, of: EntityId, links: &mut Vec<Link>) {
        let entity = self.tables.entity(of);
        if !entity.kind.is_principal() {
            return;
        }
        let scope = scope_of(self.tables, of);
        let mut link = |to: EntityId| {
            if to != of {
                links.push(Link { from: of, to, lever: None });
            }
        };
        for &(group, whose) in &self.implicit {
            let here = self.tables.entity(group).platform == entity.platform;
            if here && whose.is_none_or(|whose| whose == scope) {
                link(group);
            }
        }
        link(scope);
    }

    /// Groups that an entity is in, and policies that are attached to it.
    fn own(&self, from: EntityId, links: &mut Vec<Link>) {
        let tables = self.tables;
        let rows = &tables.memberships;
        let start = rows.partition_point(|row| row.member < from);
        for row in rows[start..].iter().take_while(|row| row.member == from) {
            let same = || tables.entity(row.container).platform == tables.entity(from).platform;
            if row.kind == MembershipKind::MemberOf && row.container != from && same() {
                let lever = Some(Lever::Membership { container: row.container, member: from });
                links.push(Link { from, to: row.container, lever });
            }
        }
        let rows = &tables.attachments;
        let start = rows.partition_point(|row| row.holder < from);
        for row in rows[start..].iter().take_while(|row| row.holder == from) {
            if row.kind == AttachmentKind::Identity && row.policy != from {
                let lever = Some(Lever::Attachment { holder: from, policy: row.policy });
                links.push(Link { from, to: row.policy, lever });
            }
        }
    }

    /// Whether a holder may have statements that the export lacks: it is only named there, or it is a role of which
    /// nothing is said, as of those that a platform brings along.
    fn is_unknown(&self, holder: EntityId, of: EntityId) -> bool {
        let tables = self.tables;
        if tables.attribute(holder, "permissions_unknown") == Some("true") {
            return true;
        }
        let entity = tables.entity(holder);
        if holder == of || entity.kind == EntityKind::Scope || tables.attribute(holder, IMPLICIT).is_some() {
            return false;
        }
        if !entity.present {
            return true;
        }
        let stated = |at: usize| tables.grants.get(at).is_some_and(|row| row.holder == holder);
        let attached = |at: usize| tables.attachments.get(at).is_some_and(|row| row.holder == holder);
        entity.kind == EntityKind::RoleDefinition
            && !stated(tables.grants.partition_point(|row| row.holder < holder))
            && !attached(tables.attachments.partition_point(|row| row.holder < holder))
    }
}

/// The top-level scope that an entity lives in: itself when it is in none.
fn scope_of(tables: &Tables, entity: EntityId) -> EntityId {
    tables.entity(entity).scope.as_deref().and_then(|scope| tables.find(scope)).unwrap_or(entity)
}

/// For each node, the levers on every way from the first one: the greatest sets that agree with all steps. Ways are
/// trees but for few, so that a second pass finds nothing new.
fn unavoidable(nodes: usize, links: &[Link], place: &FxHashMap<EntityId, usize>) -> Vec<Vec<Lever>> {
    let mut found: Vec<Option<Vec<Lever>>> = vec![None; nodes];
    if let Some(first) = found.first_mut() {
        *first = Some(Vec::new());
    }
    let mut changed = true;
    while changed {
        changed = false;
        for link in links {
            let (Some(&from), Some(&to)) = (place.get(&link.from), place.get(&link.to)) else { continue };
            let Some(mut levers) = found[from].clone() else { continue };
            if let Some(lever) = link.lever
                && let Err(at) = levers.binary_search(&lever)
            {
                levers.insert(at, lever);
            }
            match &mut found[to] {
                Some(known) => {
                    let before = known.len();
                    known.retain(|lever| levers.binary_search(lever).is_ok());
                    changed |= known.len() < before;
                }
                unknown => {
                    *unknown = Some(levers);
                    changed = true;
                }
            }
        }
    }
    found.into_iter().map(Option::unwrap_or_default).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Attribute, Entity, Membership, SourceId, Standing};

    /// Entities 0 to 5: a user, groups and a scope, with these memberships.
    fn tables(members: &[(u32, u32)]) -> Tables {
        let kinds = [EntityKind::User, EntityKind::Group, EntityKind::Group, EntityKind::Group, EntityKind::Group];
        let entities = kinds.iter().zip(0u32..).map(|(&kind, number)| Entity {
            entity: EntityId(number),
            present: true,
            ..Entity::named(&number.to_string(), "ad", kind, "n")
        });
        let membership = |&(member, container): &(u32, u32)| Membership {
            member: EntityId(member),
            container: EntityId(container),
            kind: MembershipKind::MemberOf,
            standing: Standing::Active,
            expires_at: None,
            source: SourceId(0),
            record: String::new(),
        };
        Tables {
            entities: entities.collect(),
            memberships: members.iter().map(membership).collect(),
            ..Tables::default()
        }
    }

    fn lever(member: u32, container: u32) -> Lever {
        Lever::Membership { container: EntityId(container), member: EntityId(member) }
    }

    #[test]
    fn only_what_every_way_crosses_is_unavoidable() {
        // 0 is in 1 and 2, both are in 3, which is in 4; 4 is in 1 as well, which is a circle.
        let tables = tables(&[(0, 1), (0, 2), (1, 3), (2, 3), (3, 4), (4, 1)]);
        let held = Holdings::new(&tables).of(EntityId(0));
        let unavoidable = |holder: u32| held.of(EntityId(holder)).unwrap().unavoidable.to_vec();
        // To 1 there is the way over 2, 3 and 4, too.
        assert_eq!(unavoidable(1), []);
        assert_eq!(unavoidable(2), [lever(0, 2)]);
        assert_eq!(unavoidable(3), []);
        assert_eq!(unavoidable(4), [lever(3, 4)]);
        assert!(held.can_be_cut(EntityId(4), &|_| true));
        assert!(!held.can_be_cut(EntityId(3), &|one| one == lever(0, 1)));
        assert!(held.can_be_cut(EntityId(3), &|one| one == lever(0, 1) || one == lever(0, 2)));
        assert_eq!(held.way(EntityId(4)).len(), 3);
        assert_eq!(held.towards(EntityId(2)).len(), 1);
    }

    #[test]
    fn a_group_of_everyone_is_reached_without_a_lever() {
        let mut tables = tables(&[(1, 2)]);
        let (entity, key) = (EntityId(1), IMPLICIT.to_owned());
        tables.attributes.push(Attribute { entity, key, value: "all".to_owned() });
        let mut holdings = Holdings::new(&tables);
        let held = holdings.of(EntityId(0));
        assert_eq!(*held.of(EntityId(1)).unwrap().unavoidable, []);
        assert_eq!(*held.of(EntityId(2)).unwrap().unavoidable, [lever(1, 2)]);
        assert_eq!(holdings.by_name(EntityId(0)).list.len(), 1);
    }
}
