//! Choke points: what every path of some principals to the protected zone crosses.
//!
//! Nodes are dominators of the reversed graph below a virtual root over the zone. Entitlements are
//! [levers](super::lever): one makes many edges, and how many principals hang on it is recounted without all edges
//! that it alone takes away. Counted are paths that are certain or may be: a cut that leaves a conditional path is none.

use rustc_hash::FxHashSet;

use super::keep::Keep;
use super::lever::{Lever, is_modifiable};
use super::levers::Levers;
use super::usage::Window;
use super::{Landscape, cut};
use crate::graph::{Dominators, Losses, NodeSet, UNCUTTABLE};
use crate::model::{Change, ChokeKind, ChokePoint, EntityId};
use crate::techniques::Library;

/// Nodes that the recounts of one scan may look at; beyond, what is left has not been counted.
const VISITS_MAX: u64 = 1 << 28;

/// What a cut of the landscape is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worth {
    pub lever: Lever,
    /// Principals outside the zone that no longer reach it.
    pub gain: u64,
    /// Whether the account can pull it, no administrator's standing rests on it, and nobody declared that it stays.
    pub removable: bool,
}

/// Levers that must stay: an administrator's standing rests on them, or they are declared to.
pub(super) struct Staying<'k> {
    pub administrators: FxHashSet<Lever>,
    pub keep: &'k Keep,
}

impl Staying<'_> {
    /// Whether a lever may be pulled.
    pub fn allows(&self, land: &Landscape<'_>, lever: Lever) -> bool {
        lever.is_removable(land.tables) && !self.administrators.contains(&lever) && !self.keep.lever(land.tables, lever)
    }
}

/// All choke points of a landscape, and the fewest changes that isolate its zone.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Choked {
    /// Those that most principals hang on first.
    pub choke_points: Vec<ChokePoint>,
    /// None when no changes isolate it.
    pub minimum_cut: Option<u64>,
    /// False when a limit ended the recounts.
    pub complete: bool,
}

impl Landscape<'_> {
    /// Principals outside the zone that reach it or may.
    #[must_use]
    pub fn exposed(&self) -> u64 {
        crate::graph::reaching(&self.reverse, self.in_zone.iter()).len_common(&self.outside) as u64
    }

    /// Finds all choke points. O(m log n) for the nodes; for the levers, what they affect.
    #[must_use]
    pub fn choked(&self, library: &Library, window: &Window<'_>, keep: &Keep) -> Choked {
        let mut losses = self.losses();
        let exposed = losses.reached().len_common(&self.outside) as u64;
        let mut levers = Levers::new(self, library, losses.reached());
        let staying = Staying { administrators: levers.of_administrators(), keep };
        let (worths, complete) = self.worths(&mut levers, &mut losses, &staying);
        let mut choke_points = self.nodes(exposed, losses.reached(), window, keep);
        choke_points.extend(worths.iter().map(|worth| self.choke_point(worth, exposed, window)));
        choke_points.sort_by(|a, b| {
            let order = b.unavoidable_for.cmp(&a.unavoidable_for).then_with(|| a.exposure_after.cmp(&b.exposure_after));
            order.then_with(|| (a.kind, &a.id).cmp(&(b.kind, &b.id)))
        });
        let price = |lever: Lever| if staying.allows(self, lever) { 1 } else { UNCUTTABLE };
        let cut = cut::minimum_cut(self, &mut levers, losses.reached(), &price);
        Choked { choke_points, minimum_cut: cut.map(|cut| cut.value), complete }
    }

    /// Every removable lever by what it is worth, most first, and whether no limit ended the recounts.
    pub(super) fn removable(
        &self,
        levers: &mut Levers<'_>,
        losses: &mut Losses<'_>,
        staying: &Staying<'_>,
    ) -> (Vec<Worth>, bool) {
        let (mut worths, complete) = self.worths(levers, losses, staying);
        worths.retain(|worth| worth.removable);
        worths.sort_by(|a, b| b.gain.cmp(&a.gain).then_with(|| a.lever.cmp(&b.lever)));
        (worths, complete)
    }

    pub(super) fn losses(&self) -> Losses<'_> {
        Losses::new(&self.forward, &self.reverse, &self.in_zone, self.edges.len())
    }

    /// Edges that a path to the zone may take before it is there.
    pub(super) fn leading<'s>(&'s self, reached: &'s NodeSet) -> impl Iterator<Item = u32> + 's {
        let leads = |edge: &crate::model::Edge| {
            reached.contains(edge.dst) && reached.contains(edge.src) && !self.in_zone.contains(edge.src)
        };
        (0u32..).zip(self.edges).filter(move |(_, edge)| leads(edge)).map(|(number, _)| number)
    }

    /// What each lever is worth that is worth anything, in the order of levers.
    fn worths(&self, levers: &mut Levers<'_>, losses: &mut Losses<'_>, staying: &Staying<'_>) -> (Vec<Worth>, bool) {
        let mut pulled: Vec<(Lever, u32)> = Vec::new();
        for number in self.leading(losses.reached()) {
            pulled.extend(levers.killers(number).into_iter().map(|lever| (lever, number)));
        }
        pulled.sort_unstable();
        let mut worths = Vec::new();
        for group in pulled.chunk_by(|a, b| a.0 == b.0) {
            if losses.visited() > VISITS_MAX {
                return (worths, false);
            }
            let bundle: Vec<u32> = group.iter().map(|&(_, number)| number).collect();
            let lost = losses.without(&bundle);
            let gain = lost.into_iter().filter(|&node| self.outside.contains(node)).count() as u64;
            let lever = group[0].0;
            if gain > 0 {
                worths.push(Worth { lever, gain, removable: staying.allows(self, lever) });
            }
        }
        (worths, true)
    }

    /// Nodes outside the zone that others cannot avoid.
    fn nodes(&self, exposed: u64, reached: &NodeSet, window: &Window<'_>, keep: &Keep) -> Vec<ChokePoint> {
        let dominators = Dominators::new(&self.reverse, &self.forward, &self.in_zone);
        let counts = dominators.unavoidable_for(&self.outside);
        let entities = self.tables.entities.iter().zip(counts);
        let choking = entities.filter(|(entity, count)| *count > 0 && !self.in_zone.contains(entity.entity.0));
        choking
            .map(|(entity, unavoidable_for)| {
                let id = entity.entity;
                let itself = u64::from(self.outside.contains(id.0) && reached.contains(id.0));
                let removable = entity.is_principal() && is_modifiable(self.tables, id) && !keep.entity(id);
                let change = Change::DeletePrincipal { principal: entity.id.clone() };
                ChokePoint {
                    entity: id,
                    kind: ChokeKind::Node,
                    other: None,
                    grant: None,
                    id: entity.id.clone(),
                    name: format!("{} {}", entity.kind, entity.name),
                    unavoidable_for,
                    exposure_before: exposed,
                    exposure_after: exposed - unavoidable_for - itself,
                    removable,
                    used_in_window: window.node_used(id),
                    change: removable.then(|| change.to_json()),
                }
            })
            .collect()
    }

    fn choke_point(&self, worth: &Worth, exposed: u64, window: &Window<'_>) -> ChokePoint {
        let tables = self.tables;
        let (kind, other, grant): (ChokeKind, Option<EntityId>, Option<u32>) = match worth.lever {
            Lever::Statement(grant) => (ChokeKind::Statement, None, Some(grant)),
            Lever::Trust(grant) => (ChokeKind::Trust, None, Some(grant)),
            Lever::Attachment { policy, .. } => (ChokeKind::Attachment, Some(policy), None),
            Lever::Membership { container, .. } => (ChokeKind::Membership, Some(container), None),
        };
        ChokePoint {
            entity: worth.lever.entity(tables),
            kind,
            other,
            grant,
            id: worth.lever.id(tables),
            name: worth.lever.name(tables),
            unavoidable_for: worth.gain,
            exposure_before: exposed,
            exposure_after: exposed - worth.gain,
            removable: worth.removable,
            used_in_window: window.uses(worth.lever).in_window(),
            change: worth.removable.then(|| Change::all_to_json(&worth.lever.changes(tables))),
        }
    }
}
