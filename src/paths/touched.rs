//! Whose permissions a change may touch: what has to be evaluated again, and what is known to stay.

use rustc_hash::{FxHashMap, FxHashSet};

use super::lever::Lever;
use super::stated::Notation;
use crate::model::{AttachmentKind, EntityId, EntityKind, MembershipKind, Tables};
use crate::techniques::Changed;

/// Lookups from policies and groups to those who have them.
pub struct Hands<'t> {
    tables: &'t Tables,
    attached_to: FxHashMap<EntityId, Vec<EntityId>>,
    members: FxHashMap<EntityId, Vec<EntityId>>,
}

impl<'t> Hands<'t> {
    /// O(attachments + memberships).
    pub fn new(tables: &'t Tables) -> Self {
        let mut attached_to: FxHashMap<EntityId, Vec<EntityId>> = FxHashMap::default();
        for row in tables.attachments.iter().filter(|row| row.kind == AttachmentKind::Identity) {
            attached_to.entry(row.policy).or_default().push(row.holder);
        }
        let mut members: FxHashMap<EntityId, Vec<EntityId>> = FxHashMap::default();
        for row in tables.memberships.iter().filter(|row| row.kind == MembershipKind::MemberOf) {
            members.entry(row.container).or_default().push(row.member);
        }
        Self { tables, attached_to, members }
    }

    /// Whom pulling levers of the snapshot concerns; none when that is everyone, or not known.
    pub fn touched(&self, levers: &[Lever]) -> Option<Changed> {
        let mut changed = Changed::default();
        for &lever in levers {
            let start = lever.entity(self.tables);
            let entity = self.tables.entity(start);
            let notation = Notation::of(&entity.platform);
            match lever {
                Lever::Trust(_) if notation == Notation::Arn => {
                    changed.trusts = true;
                    continue;
                }
                // Who has a role by its assignments is in no table of attachments.
                Lever::Statement(_) if notation == Notation::Assigned && entity.kind == EntityKind::RoleDefinition => {
                    return None;
                }
                Lever::Trust(_) => return None,
                _ if entity.platform == "vault" => return None,
                _ => {}
            }
            if !self.spread(start, &mut changed.holders) {
                return None;
            }
        }
        Some(changed)
    }

    /// Adds everyone who has what an entity has; whether that is not simply everyone.
    fn spread(&self, start: EntityId, found: &mut FxHashSet<EntityId>) -> bool {
        let mut open = vec![start];
        while let Some(at) = open.pop() {
            if !found.insert(at) {
                continue;
            }
            let everyones = self.tables.attribute(at, "implicit_members").is_some();
            if everyones || self.tables.entity(at).kind == EntityKind::Scope {
                return false;
            }
            open.extend(self.attached_to.get(&at).into_iter().flatten());
            open.extend(self.members.get(&at).into_iter().flatten());
        }
        true
    }
}
