//! The rows of a summary, action by action.

use roaring::RoaringBitmap;

use super::{BREADTHS, ByBreadth, Summary};
use crate::model::Decision;
use crate::platforms::aws::catalog::{Catalog, ServiceLevelRange};
use crate::platforms::aws::logging::Logging;
use crate::platforms::{Granted, GrantedAction, Known};

/// What is known of an action of the catalogue.
#[must_use]
pub fn known(action: u32) -> Option<Known> {
    let found = Catalog::get().action(action)?;
    let recorded = Logging::get().recorded(action);
    Some(Known { name: found.full_name.into(), level: found.level.as_str(), recorded })
}

/// Breadth weight of an action in sets by breadth; 0 for one that is in none.
fn breadth_weight(sets: &ByBreadth, action: u32) -> f64 {
    let widest = sets.iter().rposition(|set| set.contains(action));
    widest.map_or(0.0, |breadth| BREADTHS[breadth].1)
}

impl Summary {
    /// What [`Summary::rows`] counts, row by row in the same order.
    #[must_use]
    pub fn granted(&self) -> Vec<Granted> {
        // What may be granted, or granted more widely, than it certainly is.
        let mut more = RoaringBitmap::new();
        for (possible, certain) in self.possible.iter().zip(&self.certain) {
            more |= possible - certain;
        }
        let mut out = Vec::new();
        for range in Catalog::get().ranges() {
            let certain = |action| breadth_weight(&self.certain, action);
            let additional = |action| breadth_weight(&self.possible, action) - breadth_weight(&self.certain, action);
            out.extend(self.listed(range, &self.certain[0], Decision::Allowed, certain));
            out.extend(self.listed(range, &more, self.doubt, additional));
        }
        out
    }

    fn listed(
        &self,
        range: &ServiceLevelRange,
        set: &RoaringBitmap,
        decision: Decision,
        weight: impl Fn(u32) -> f64,
    ) -> Option<Granted> {
        let level_weight = f64::from(range.level.weight());
        let (service, level) = (range.service.into(), range.level.as_str());
        let mut row = Granted { service, level, level_weight, decision, actions: vec![], sources: vec![] };
        for id in set.range(range.start..range.end) {
            let Some(action) = known(id) else { continue };
            let mass = level_weight * weight(id);
            let source = self.source(&mut row.sources, id);
            row.actions.push(GrantedAction { action, mass, source });
        }
        (!row.actions.is_empty()).then_some(row)
    }

    /// The statements that are about an action, as a place in the list of such sets.
    fn source(&self, sources: &mut Vec<Vec<u32>>, action: u32) -> usize {
        let about = self.giving.iter().filter(|(_, actions)| actions.known.contains(action)).map(|(grant, _)| *grant);
        let mut found: Vec<u32> = about.collect();
        found.sort_unstable();
        sources.iter().position(|known| *known == found).unwrap_or_else(|| {
            sources.push(found);
            sources.len() - 1
        })
    }
}
