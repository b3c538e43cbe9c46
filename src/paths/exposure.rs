//! How many principals reach what is protected.

use serde::Serialize;

use super::{Landscape, csr};
use crate::graph::{Condensation, reach_counts, reaching, upstream_weights};
use crate::model::{Certainty, EntityId};

/// Principals outside the zone that reach something, certainly and possibly.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Exposed {
    /// The protected entity; none for the zone as a whole.
    pub target: Option<EntityId>,
    /// Principals outside the zone.
    pub principals: u64,
    pub exposed_certain: u64,
    pub exposed_possible: u64,
}

impl Exposed {
    /// Share of principals that certainly reach it, in percent.
    #[must_use]
    pub fn pct_certain(&self) -> f64 {
        percent(self.exposed_certain, self.principals)
    }

    /// Share of principals that reach it or may, in percent.
    #[must_use]
    pub fn pct_possible(&self) -> f64 {
        percent(self.exposed_possible, self.principals)
    }
}

/// Exposure of the zone and of each of its members.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Exposure {
    pub zone: Exposed,
    /// Sorted by entity.
    pub targets: Vec<Exposed>,
}

fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { 100.0 * super::ratio(part, whole) }
}

impl Landscape<'_> {
    /// Exposure of the zone and of each member. One sweep over the graph for each certainty.
    #[must_use]
    pub fn exposure(&self) -> Exposure {
        let members = self.zone_nodes();
        let certain = self.outsiders_upstream(&members, Certainty::Certain);
        let possible = self.outsiders_upstream(&members, Certainty::Conditional);
        let principals = self.outside.len() as u64;
        let targets = self
            .zone
            .iter()
            .zip(certain.into_iter().zip(possible))
            .map(|(&(entity, _), (exposed_certain, exposed_possible))| Exposed {
                target: Some(entity),
                principals,
                exposed_certain,
                exposed_possible,
            })
            .collect();
        let zone = Exposed {
            target: None,
            principals,
            exposed_certain: self.outsiders_to_zone(Certainty::Certain),
            exposed_possible: self.outsiders_to_zone(Certainty::Conditional),
        };
        Exposure { zone, targets }
    }

    fn outsiders_to_zone(&self, certainty: Certainty) -> u64 {
        let reverse = csr(self.forward.nodes(), self.edges, |edge| edge.certainty <= certainty).reversed();
        reaching(&reverse, self.in_zone.iter()).len_common(&self.outside) as u64
    }

    /// For each of some nodes, how many principals outside the zone reach it.
    fn outsiders_upstream(&self, targets: &[u32], certainty: Certainty) -> Vec<u64> {
        let weights: Vec<u32> =
            (0..).take(self.forward.nodes()).map(|node| u32::from(self.outside.contains(node))).collect();
        let graph = csr(self.forward.nodes(), self.edges, |edge| edge.certainty <= certainty);
        upstream_weights(&Condensation::new(&graph), &weights, targets)
    }

    /// For every entity, how many other principals have a certain path to it.
    #[must_use]
    pub fn exposure_in(&self) -> Vec<u32> {
        let reverse = csr(self.forward.nodes(), self.edges, |edge| edge.certainty == Certainty::Certain).reversed();
        let mut principals = self.outside.clone();
        for (entity, _) in &self.zone {
            if self.tables.entity(*entity).is_principal() {
                principals.insert(entity.0);
            }
        }
        let counts = reach_counts(&reverse, &principals);
        counts
            .into_iter()
            .take(self.tables.entities.len())
            .map(|count| u32::try_from(count).unwrap_or(u32::MAX))
            .collect()
    }
}
