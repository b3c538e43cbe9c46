//! What one requirement of an attack edge stands on.

use std::rc::Rc;

use super::holding::Holding;
use super::lever::Lever;
use crate::model::EntityId;

/// What alone meets a requirement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Support {
    /// Whose right it is: where the edge leaves, but for what several principals do together.
    pub by: EntityId,
    /// From whom the principal has it; none for what is not its own, such as a trust.
    pub holder: Option<EntityId>,
    /// Levers on every way to the holder, sorted.
    unavoidable: Rc<[Lever]>,
    /// The statement, and the one of a role that it gives, where that is the only one that counts.
    pub last: [Option<Lever>; 2],
}

impl Support {
    /// What a principal has from a holder.
    #[must_use]
    pub fn held(by: EntityId, holding: &Holding, last: [Option<Lever>; 2]) -> Self {
        Self { by, holder: Some(holding.holder), unavoidable: Rc::clone(&holding.unavoidable), last }
    }

    /// What is nobody's own but this.
    #[must_use]
    pub fn alone(by: EntityId, lever: Lever) -> Self {
        Self { by, holder: None, unavoidable: Rc::new([]), last: [Some(lever), None] }
    }

    /// Levers of which each alone takes it away.
    pub fn levers(&self) -> impl Iterator<Item = Lever> + '_ {
        self.unavoidable.iter().copied().chain(self.last.into_iter().flatten())
    }

    /// Whether pulling it takes the support away.
    #[must_use]
    pub fn has(&self, lever: Lever) -> bool {
        self.last.contains(&Some(lever)) || self.unavoidable.binary_search(&lever).is_ok()
    }
}

/// Supports of one requirement: while one is left, the requirement is met.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Clause {
    pub supports: Vec<Support>,
    /// Number of the technique and place of the requirement, which tell apart what the same right is needed for.
    pub need: (usize, usize),
}

impl Clause {
    /// The supports of a need.
    #[must_use]
    pub fn of(supports: Vec<Support>, need: (usize, usize)) -> Self {
        Self { supports, need }
    }

    /// Levers that every support has.
    #[must_use]
    pub fn killers(&self) -> Vec<Lever> {
        let Some((first, rest)) = self.supports.split_first() else { return Vec::new() };
        first.levers().filter(|&lever| rest.iter().all(|support| support.has(lever))).collect()
    }
}

/// Need of a clause that is no technique's requirement.
pub const NO_NEED: (usize, usize) = (usize::MAX, 0);
