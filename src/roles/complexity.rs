//! Weighted structural complexity: how much there is to keep up, in one number.
//!
//! `w_r |R| + w_u |UA| + w_p |PA| + w_h |RH| + w_d |DUPA|` (I. Molloy, H. Chen, T. Li, Q. Wang, N. Li, E. Bertino,
//! S. Calo, J. Lobo, *Mining roles with semantic meanings*, SACMAT 2008). A snapshot maps to these as follows; counted
//! is what the given principals hold, by themselves or through groups:
//!
//! - R: groups that they are in, directly or through groups, and policies (permission sets, role definitions) that are
//!   attached to them or to such a group. An AWS IAM role is a principal here: it holds rights and acts.
//! - UA: pairs of principal and group, and of principal and attached policy.
//! - PA: pairs of an element of R and a permission that one of its own allowing statements writes, by the action
//!   patterns alone. Conditions, denies, boundaries and an organisation's controls take nothing away: a permission that
//!   is written and void is kept up all the same.
//! - RH: pairs of group and group, and of group and attached policy, as they are. They are not reduced transitively: a
//!   redundant nesting is complexity that is there.
//! - DUPA: pairs of principal and permission of its own inline statements.
//!
//! Memberships count whether they are active or eligible. A policy whose document is not in the export leaves PA
//! unknown, and so does a platform without a catalogue.

use rustc_hash::{FxHashMap, FxHashSet};

use super::cover::Cover;
use crate::access;
use crate::config::RoleWeights;
use crate::model::{AttachmentKind, Effect, EntityId, Grant, Granularity, Layer, MembershipKind, Tables};

/// The parts of a role structure, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Structure {
    /// |R|
    pub roles: u64,
    /// |UA|
    pub assignments: u64,
    /// |PA|
    pub permissions: u64,
    /// |RH|
    pub hierarchy: u64,
    /// |DUPA|
    pub direct: u64,
}

impl Structure {
    /// The structure of mined roles: flat, and nothing is direct.
    #[must_use]
    pub fn of_cover(cover: &Cover) -> Self {
        Self {
            roles: cover.bicliques.len() as u64,
            assignments: cover.bicliques.iter().map(|one| one.rows.len() as u64).sum(),
            permissions: cover.bicliques.iter().map(|one| one.columns.len() as u64).sum(),
            hierarchy: 0,
            direct: 0,
        }
    }

    /// The weighted sum.
    #[must_use]
    pub fn complexity(&self, weights: &RoleWeights) -> f64 {
        weights.role * self.roles as f64
            + weights.assignment * self.assignments as f64
            + weights.permission * self.permissions as f64
            + weights.hierarchy * self.hierarchy as f64
            + weights.direct * self.direct as f64
    }
}

/// The structure that is there, as far as it can be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Current {
    /// What is known; PA and DUPA are at least that when `uncounted_n` is not 0.
    pub structure: Structure,
    /// Policies without a document and statements of platforms without a catalogue.
    pub uncounted_n: u64,
}

impl Current {
    /// Counts what gives these principals (ascending) their rights.
    #[must_use]
    pub fn count(tables: &Tables, principals: &[EntityId], grain: Granularity) -> Self {
        let walk = Walk::new(tables, principals);
        let mut statements = Statements { tables, grain, written: FxHashMap::default(), numbers: FxHashMap::default() };
        let mut of_holder: FxHashMap<EntityId, Vec<&Grant>> = FxHashMap::default();
        for grant in &tables.grants {
            let gives = grant.effect == Effect::Allow && grant.layer == Layer::Identity;
            if gives && (walk.roles.contains(&grant.holder) || principals.binary_search(&grant.holder).is_ok()) {
                of_holder.entry(grant.holder).or_default().push(grant);
            }
        }
        let mut current = Self { structure: walk.structure, uncounted_n: walk.unseen_n };
        for (holder, grants) in &of_holder {
            // Sums of whole numbers do not depend on the order of the map.
            let (n, uncounted) = statements.permissions(grants);
            current.uncounted_n += uncounted;
            if walk.roles.contains(holder) {
                current.structure.permissions += n;
            } else {
                current.structure.direct += n;
            }
        }
        current
    }

    /// The weighted sum; `None` when something could not be counted.
    #[must_use]
    pub fn complexity(&self, weights: &RoleWeights) -> Option<f64> {
        (self.uncounted_n == 0).then(|| self.structure.complexity(weights))
    }
}

/// Groups and policies on the way from principals to permissions.
struct Walk {
    /// Groups and policies.
    roles: FxHashSet<EntityId>,
    /// R, UA and RH.
    structure: Structure,
    /// Policies that the export does not define.
    unseen_n: u64,
}

impl Walk {
    fn new(tables: &Tables, principals: &[EntityId]) -> Self {
        let groups = groups(tables, principals);
        let of = |entity: &EntityId| principals.binary_search(entity).is_ok();
        let mut roles = groups.clone();
        let (mut assigned, mut nested) = (FxHashSet::default(), FxHashSet::default());
        let memberships = tables.memberships.iter().filter(|row| row.kind == MembershipKind::MemberOf);
        let memberships =
            memberships.map(|row| (row.member, row.container)).filter(|(_, group)| groups.contains(group));
        let attachments = tables.attachments.iter().filter(|row| row.kind == AttachmentKind::Identity);
        for (from, to) in memberships.chain(attachments.map(|row| (row.holder, row.policy))) {
            if groups.contains(&from) {
                nested.insert((from, to));
            } else if of(&from) {
                assigned.insert((from, to));
            } else {
                continue;
            }
            roles.insert(to);
        }
        let unseen = roles.iter().filter(|role| !tables.entity(**role).present).count();
        let structure = Structure {
            roles: roles.len() as u64,
            assignments: assigned.len() as u64,
            hierarchy: nested.len() as u64,
            ..Structure::default()
        };
        Self { roles, structure, unseen_n: unseen as u64 }
    }
}

/// Groups that any of these is in, directly or through groups.
fn groups(tables: &Tables, principals: &[EntityId]) -> FxHashSet<EntityId> {
    let mut containers: FxHashMap<EntityId, Vec<EntityId>> = FxHashMap::default();
    for row in tables.memberships.iter().filter(|row| row.kind == MembershipKind::MemberOf) {
        containers.entry(row.member).or_default().push(row.container);
    }
    let mut found = FxHashSet::default();
    let mut next: Vec<EntityId> = principals.to_vec();
    while let Some(member) = next.pop() {
        for &group in containers.get(&member).into_iter().flatten() {
            if principals.binary_search(&group).is_err() && found.insert(group) {
                next.push(group);
            }
        }
    }
    found
}

/// Platform, action patterns and the patterns of what it is not about.
type Patterns<'t> = (&'t str, &'t [String], &'t [String]);

/// Permissions that statements write, each distinct list of patterns looked up once.
struct Statements<'t> {
    tables: &'t Tables,
    grain: Granularity,
    written: FxHashMap<Patterns<'t>, Option<Vec<u32>>>,
    numbers: FxHashMap<String, u32>,
}

impl<'t> Statements<'t> {
    /// Distinct permissions of one holder's statements, and how many statements could not be looked up.
    fn permissions(&mut self, grants: &[&'t Grant]) -> (u64, u64) {
        let (mut all, mut uncounted) = (Vec::new(), 0);
        for grant in grants {
            let platform = self.tables.entity(grant.holder).platform.as_str();
            let key = (platform, grant.actions.as_slice(), grant.not_actions.as_slice());
            if !self.written.contains_key(&key) {
                let found = access::written(platform, &grant.actions, &grant.not_actions, self.grain);
                let numbered = found.map(|names| names.into_iter().map(|name| self.number(name)).collect());
                self.written.insert(key, numbered);
            }
            match self.written.get(&key) {
                Some(Some(numbers)) => all.extend_from_slice(numbers),
                _ => uncounted += 1,
            }
        }
        all.sort_unstable();
        all.dedup();
        (all.len() as u64, uncounted)
    }

    fn number(&mut self, name: String) -> u32 {
        let next = u32::try_from(self.numbers.len()).unwrap_or(u32::MAX);
        *self.numbers.entry(name).or_insert(next)
    }
}
