//! How many relationships it takes to say who may do what: the weighted structural complexity of Molloy et al.
//! (SACMAT 2008), with weights of 1.
//!
//! `WSC = |R| + |UA| + |PA| + |RH| + |DUPA|` over the groups and policies (roles `R`) that the principals of a part are
//! in or have, directly or through groups: their assignments to principals (`UA`), the permissions written into them
//! (`PA`), the groups and policies that groups have (`RH`), and the permissions written at principals (`DUPA`). A
//! permission is one action or pattern of a statement that allows.

use std::collections::BTreeSet;

use super::{number, unmeasured};
use crate::metrics::{Population, Reading, float};
use crate::model::{AttachmentKind, Effect, EntityId, Layer, MembershipKind};

/// The complexity of a part.
pub fn complexity(part: &Population<'_>) -> Reading {
    let mut roles: BTreeSet<EntityId> = BTreeSet::new();
    let (mut open, mut links, mut direct) = (Vec::new(), 0, 0);
    for entity in part.members() {
        let assigned = assigned(part, entity.entity);
        links += assigned.len();
        direct += permissions(part, entity.entity);
        open.extend(assigned);
    }
    let (mut hierarchy, mut written) = (0, 0);
    while let Some(role) = open.pop() {
        if roles.insert(role) {
            let assigned = assigned(part, role);
            hierarchy += assigned.len();
            written += permissions(part, role);
            open.extend(assigned);
        }
    }
    number(float(roles.len() + links + written + hierarchy + direct))
}

/// Groups and policies that an entity is in or has.
fn assigned(part: &Population<'_>, of: EntityId) -> Vec<EntityId> {
    let groups = part.context.memberships(of).iter().filter(|row| row.kind == MembershipKind::MemberOf);
    let policies = part.context.attachments(of).iter().filter(|row| row.kind == AttachmentKind::Identity);
    groups.map(|row| row.container).chain(policies.map(|row| row.policy)).collect()
}

/// Permissions written at an entity.
fn permissions(part: &Population<'_>, of: EntityId) -> usize {
    let rows = part.context.grants(of).iter();
    let rows = rows.filter(|row| row.effect == Effect::Allow && row.layer == Layer::Identity);
    rows.map(|row| row.actions.len() + row.not_actions.len()).sum()
}

/// Complexity now against that of mined roles; the organisation has one as a whole.
pub fn entropy(part: &Population<'_>) -> Option<Reading> {
    if !part.cell.is_whole() {
        return None;
    }
    let Some(found) = part.inputs.roles else { return Some(unmeasured()) };
    Some(Reading {
        value: (found.mined > 0.0).then(|| found.now / found.mined),
        numerator: Some(found.now),
        denominator: Some(found.mined),
        coverage: Some(1.0),
        ..Reading::default()
    })
}
