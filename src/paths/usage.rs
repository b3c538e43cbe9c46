//! Whether what goes with a lever was used in the observation window, as far as usage data says.
//!
//! A service that was used counts as a use of every statement that allows anything of it, unless another statement of
//! the same principal allows all of the service and stays. What no usage data covers is unknown, never unused.

use rustc_hash::{FxHashMap, FxHashSet};

use super::lever::Lever;
use super::stated::own_statements;
use crate::model::text::glob_ignore_case;
use crate::model::{AttachmentKind, EntityId, EntityKind, Grant, Granularity, MembershipKind, Tables, Usage};

/// A permission in use that somebody would lose.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct UsedLost {
    pub principal: EntityId,
    /// Service prefix, `service:Action`, or `sts:AssumeRole` where a role itself was used.
    pub permission: String,
    /// Latest use, in milliseconds since 1970.
    pub last_used_at: i64,
}

/// Uses that would be lost.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Uses {
    /// Sorted, each once.
    pub lost: Vec<UsedLost>,
    /// Whether for some principal or service there is no usage data.
    pub unknown: bool,
}

impl Uses {
    /// Whether anything was used; none when nothing is known to have been, and not everything was observed.
    #[must_use]
    pub fn in_window(&self) -> Option<bool> {
        if !self.lost.is_empty() {
            Some(true)
        } else if self.unknown {
            None
        } else {
            Some(false)
        }
    }
}

/// The observation window over the usage of a snapshot.
pub struct Window<'t> {
    tables: &'t Tables,
    from: i64,
    /// Principals and groups that each policy is attached to.
    attached_to: FxHashMap<EntityId, Vec<EntityId>>,
    /// Members of each group.
    members: FxHashMap<EntityId, Vec<EntityId>>,
}

impl<'t> Window<'t> {
    /// The window that starts at a time, in milliseconds since 1970. O(attachments + memberships).
    #[must_use]
    pub fn new(tables: &'t Tables, from: i64) -> Self {
        let mut attached_to: FxHashMap<EntityId, Vec<EntityId>> = FxHashMap::default();
        for row in tables.attachments.iter().filter(|row| row.kind == AttachmentKind::Identity) {
            attached_to.entry(row.policy).or_default().push(row.holder);
        }
        let mut members: FxHashMap<EntityId, Vec<EntityId>> = FxHashMap::default();
        for row in tables.memberships.iter().filter(|row| row.kind == MembershipKind::MemberOf) {
            members.entry(row.container).or_default().push(row.member);
        }
        Self { tables, from, attached_to, members }
    }

    /// What would be lost that was used.
    #[must_use]
    pub fn uses(&self, lever: Lever) -> Uses {
        let mut uses = Uses::default();
        match lever {
            Lever::Statement(grant) => {
                let grant = &self.tables.grants[grant as usize];
                uses.unknown |= self.is_everyones(grant.holder);
                for principal in self.holders(grant.holder) {
                    self.of_principal(principal, lever, &[grant], &mut uses);
                }
            }
            Lever::Attachment { holder, policy } => {
                let statements: Vec<&Grant> =
                    self.sources(policy).into_iter().flat_map(|one| own_statements(self.tables, one)).collect();
                uses.unknown |= self.is_everyones(holder);
                for principal in self.principals(holder) {
                    self.of_principal(principal, lever, &statements, &mut uses);
                }
            }
            Lever::Membership { container, member } => {
                let statements: Vec<&Grant> =
                    self.sources(container).into_iter().flat_map(|one| own_statements(self.tables, one)).collect();
                uses.unknown |= self.is_everyones(member);
                for principal in self.principals(member) {
                    self.of_principal(principal, lever, &statements, &mut uses);
                }
            }
            Lever::Trust(grant) => self.of_role(self.tables.grants[grant as usize].holder, &mut uses),
        }
        uses.lost.sort();
        uses.lost.dedup();
        uses
    }

    /// Whether a node itself was used.
    #[must_use]
    pub fn node_used(&self, node: EntityId) -> Option<bool> {
        self.tables.entity(node).last_used_at.map(|last| last >= self.from)
    }

    /// Use of a role, whoever came in.
    fn of_role(&self, role: EntityId, uses: &mut Uses) {
        match self.tables.entity(role).last_used_at {
            Some(last_used_at) if last_used_at >= self.from => {
                uses.lost.push(UsedLost { principal: role, permission: "sts:AssumeRole".to_owned(), last_used_at });
            }
            Some(_) => {}
            None => uses.unknown = true,
        }
    }

    /// Uses of a principal that only these statements allow.
    fn of_principal(&self, principal: EntityId, lever: Lever, statements: &[&Grant], uses: &mut Uses) {
        let rows = &self.tables.usage;
        let start = rows.partition_point(|row| row.entity < principal);
        let end = start + rows[start..].partition_point(|row| row.entity == principal);
        let own = &rows[start..end];
        // Rights that follow from more than statements, such as those of an identity provider's group.
        uses.unknown |= statements.is_empty();
        for statement in statements {
            uses.unknown |= own.is_empty() || services(statement).any(|service| !observed(own, service));
        }
        for row in own {
            let Some(last_used_at) = row.last_used_at.filter(|&last| last >= self.from) else { continue };
            let asked = statements.iter().any(|statement| touches(statement, row));
            if asked && !self.allowed_otherwise(principal, lever, row) {
                uses.lost.push(UsedLost { principal, permission: row.permission.clone(), last_used_at });
            }
        }
    }

    /// Whether a statement that stays allows the same: all of a service, or the action.
    fn allowed_otherwise(&self, principal: EntityId, lever: Lever, row: &Usage) -> bool {
        let what = match row.granularity {
            Granularity::Service => format!("{}:*", row.permission),
            Granularity::Action => row.permission.clone(),
        };
        let broad = |holder: EntityId| {
            own_statements(self.tables, holder)
                .filter(|grant| lever != Lever::Statement(grant.grant))
                .any(|grant| grant.condition.is_none() && grant.actions.iter().any(|one| glob_ignore_case(one, &what)))
        };
        let kept = |holder: EntityId, policy: EntityId| lever != Lever::Attachment { holder, policy };
        let direct = self.attached(principal).filter(|&policy| kept(principal, policy));
        let containers =
            self.containers(principal).filter(|&container| lever != Lever::Membership { container, member: principal });
        let through = containers.flat_map(|group| {
            std::iter::once(group).chain(self.attached(group).filter(move |&policy| kept(group, policy)))
        });
        std::iter::once(principal).chain(direct).chain(through).any(broad)
    }

    /// A holder, the groups that it is in, and the policies that are attached to any of them, however deep.
    fn sources(&self, holder: EntityId) -> Vec<EntityId> {
        let mut found = vec![holder];
        let mut at = 0;
        while let Some(&one) = found.get(at) {
            at += 1;
            let more: Vec<EntityId> = self.attached(one).chain(self.containers(one)).collect();
            for one in more {
                if !found.contains(&one) {
                    found.push(one);
                }
            }
        }
        found
    }

    /// Whether a group has members that no table lists, itself or through a group in it.
    fn is_everyones(&self, holder: EntityId) -> bool {
        let mut seen = FxHashSet::from_iter([holder]);
        let mut open = vec![holder];
        while let Some(group) = open.pop() {
            if self.tables.attribute(group, "implicit_members").is_some() {
                return true;
            }
            let members = self.members.get(&group).into_iter().flatten().copied();
            open.extend(members.filter(|member| seen.insert(*member)));
        }
        false
    }

    fn attached(&self, holder: EntityId) -> impl Iterator<Item = EntityId> {
        let rows = &self.tables.attachments;
        let start = rows.partition_point(|row| row.holder < holder);
        let own = rows[start..].iter().take_while(move |row| row.holder == holder);
        own.filter(|row| row.kind == AttachmentKind::Identity).map(|row| row.policy)
    }

    fn containers(&self, member: EntityId) -> impl Iterator<Item = EntityId> {
        let rows = &self.tables.memberships;
        let start = rows.partition_point(|row| row.member < member);
        let own = rows[start..].iter().take_while(move |row| row.member == member);
        own.filter(|row| row.kind == MembershipKind::MemberOf).map(|row| row.container)
    }

    /// The principals that hold what a policy, group or principal holds.
    pub(super) fn holders(&self, holder: EntityId) -> Vec<EntityId> {
        if self.tables.entity(holder).kind != EntityKind::RoleDefinition {
            return self.principals(holder);
        }
        let attached = self.attached_to.get(&holder).into_iter().flatten();
        let mut all: Vec<EntityId> = attached.flat_map(|one| self.principals(*one)).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// A principal, or the members of a group, however deep. Who is in a group of everyone is in no table.
    fn principals(&self, holder: EntityId) -> Vec<EntityId> {
        if self.tables.entity(holder).kind != EntityKind::Group {
            return vec![holder];
        }
        let mut seen = FxHashSet::from_iter([holder]);
        let mut open = vec![holder];
        while let Some(group) = open.pop() {
            let members = self.members.get(&group).into_iter().flatten().copied();
            open.extend(members.filter(|member| seen.insert(*member)));
        }
        let groups = |one: &EntityId| self.tables.entity(*one).kind == EntityKind::Group;
        let mut found: Vec<EntityId> = seen.into_iter().filter(|one| !groups(one)).collect();
        found.sort_unstable();
        found
    }
}

/// Service prefixes that a statement's actions begin with; those with wildcards in them are left out.
fn services(grant: &Grant) -> impl Iterator<Item = &str> {
    let prefixes = grant.actions.iter().filter_map(|action| action.split_once(':')).map(|(service, _)| service);
    prefixes.filter(|service| !service.contains(['*', '?']))
}

fn observed(rows: &[Usage], service: &str) -> bool {
    rows.iter().any(|row| service_of(row).eq_ignore_ascii_case(service))
}

fn service_of(row: &Usage) -> &str {
    row.permission.split(':').next().unwrap_or_default()
}

/// Whether a statement allows something of what was used.
fn touches(grant: &Grant, row: &Usage) -> bool {
    if grant.actions.is_empty() {
        return !grant.not_actions.is_empty();
    }
    grant.actions.iter().any(|pattern| match row.granularity {
        Granularity::Action => glob_ignore_case(pattern, &row.permission),
        Granularity::Service => {
            let service = pattern.split_once(':').map_or(pattern.as_str(), |(service, _)| service);
            glob_ignore_case(service, &row.permission)
        }
    })
}
