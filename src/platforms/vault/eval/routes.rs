//! The ways in which a principal comes to tokens, as sets of policies.

use rustc_hash::{FxHashMap, FxHashSet};

use super::super::{NAME, names};
use super::Compiled;
use crate::model::{AttachmentKind, EntityId, EntityKind, MembershipKind};

/// One way to a token.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// Sorted, each once.
    pub policies: Vec<EntityId>,
    /// The entity that templates are resolved for.
    pub subject: Option<EntityId>,
}

impl Compiled<'_> {
    /// All routes of a principal, group or policy, sorted; at least one.
    pub fn routes(&self, of: EntityId) -> Vec<Route> {
        let entity = self.tables.entity(of);
        if names::policy_name(&entity.id).is_some() {
            return vec![Route { policies: vec![of], subject: None }];
        }
        let own = self.held(of);
        let is_identity = names::path(&entity.id).starts_with("identity/entity/");
        let mut routes = Vec::new();
        if is_identity {
            let subject = Some(of);
            routes.push(route([own.as_slice()], subject));
            for through in self.through(of) {
                routes.push(route([own.as_slice(), &self.held(through)], subject));
            }
        } else {
            match self.linked().get(&of).map(Vec::as_slice) {
                Some([alone]) => routes.push(route([own.as_slice(), &self.held(*alone)], Some(*alone))),
                _ => routes.push(route([own.as_slice()], None)),
            }
        }
        routes.sort();
        routes.dedup();
        routes
    }

    /// Policies attached to something, to its groups, and to the groups that hold these.
    fn held(&self, of: EntityId) -> Vec<EntityId> {
        let (mut seen, mut open) = (FxHashSet::from_iter([of]), vec![of]);
        let mut policies = Vec::new();
        while let Some(holder) = open.pop() {
            let rows = &self.tables.attachments;
            let start = rows.partition_point(|row| row.holder < holder);
            let own = rows[start..].iter().take_while(|row| row.holder == holder);
            policies.extend(own.filter(|row| row.kind == AttachmentKind::Identity).map(|row| row.policy));
            for (group, _) in self.containers(holder, MembershipKind::MemberOf) {
                if seen.insert(group) {
                    open.push(group);
                }
            }
        }
        policies
    }

    /// Roles and tokens of an entity that still work.
    fn through(&self, of: EntityId) -> impl Iterator<Item = EntityId> {
        let found = self.containers(of, MembershipKind::RunsAs);
        found.filter(|(_, ends)| ends.is_none_or(|ends| ends > self.as_of)).map(|(container, _)| container)
    }

    fn containers(
        &self,
        member: EntityId,
        kind: MembershipKind,
    ) -> impl Iterator<Item = (EntityId, Option<i64>)> + use<'_> {
        let rows = &self.tables.memberships;
        let start = rows.partition_point(|row| row.member < member);
        let own = rows[start..].iter().take_while(move |row| row.member == member);
        own.filter(move |row| row.kind == kind).map(|row| (row.container, row.expires_at))
    }

    /// Entities by the role or user that they log in through.
    fn linked(&self) -> &FxHashMap<EntityId, Vec<EntityId>> {
        self.linked.get_or_init(|| {
            let mut linked: FxHashMap<EntityId, Vec<EntityId>> = FxHashMap::default();
            for row in self.tables.memberships.iter().filter(|row| row.kind == MembershipKind::RunsAs) {
                let container = self.tables.entity(row.container);
                if container.platform == NAME && container.kind != EntityKind::Credential {
                    linked.entry(row.container).or_default().push(row.member);
                }
            }
            linked
        })
    }
}

fn route<'p>(sets: impl IntoIterator<Item = &'p [EntityId]>, subject: Option<EntityId>) -> Route {
    let mut policies: Vec<EntityId> = sets.into_iter().flatten().copied().collect();
    policies.sort_unstable();
    policies.dedup();
    Route { policies, subject }
}
