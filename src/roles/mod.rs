//! Role mining: the roles that the rights of an organisation could be given by, and how much simpler that would be.
//!
//! Rights become a boolean matrix ([`Rights`]): principals by permissions. A permission is a service at an access level
//! (`s3:read`), or a single action where use is known action by action. [`cover`] takes the matrix apart into the
//! fewest roles whose product it is, exactly. [`complexity`] counts what the organisation has and what the mined roles
//! would be in one unit, the weighted structural complexity of I. Molloy et al., *Mining roles with semantic meanings*,
//! SACMAT 2008.
//!
//! What is not certain, or not measured, is in no role and is counted ([`LeftOut`]).

pub mod complexity;
pub mod cover;
mod names;
mod rights;
#[cfg(test)]
mod tests;

pub use complexity::{Current, Structure};
pub use rights::{Basis, LeftOut, Of, Permission, Question, Rights};

use cover::{BooleanMatrix, Cover, Limits, Reached};

use crate::config::RoleWeights;
use crate::model::{AccessTable, EntityId, Granularity, Tables};

/// A candidate role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Made from what members and permissions have in common; unique among the roles of one suggestion.
    pub name: String,
    /// Platform that all its permissions are of.
    pub platform: String,
    /// Indices into [`Rights::permissions`], ascending.
    pub permissions: Vec<u32>,
    /// Ascending.
    pub members: Vec<EntityId>,
}

/// Candidate roles and how they compare with what is there.
#[derive(Debug, Clone, PartialEq)]
pub struct Suggestion {
    /// What the roles reproduce.
    pub rights: Rights,
    /// Those that give the most permissions to the most principals come first.
    pub roles: Vec<Role>,
    /// No choice of roles with this product is smaller.
    pub lower_bound: usize,
    /// Limits that kept the number of roles from being proven the smallest.
    pub reached: Vec<Reached>,
    /// Pairs of principal and permission that the roles give, out of those in the matrix.
    pub covered_n: usize,
    /// Pairs that the roles would give and nobody has: 0 for a decomposition.
    pub added_n: usize,
    /// What gives the principals of the matrix their rights now.
    pub current: Current,
    /// What the roles would be.
    pub mined: Structure,
    /// Complexity of `current`; `None` when a part of it cannot be counted.
    pub complexity_before: Option<f64>,
    /// Complexity of `mined`.
    pub complexity_after: f64,
}

impl Suggestion {
    /// Whether it is proven that fewer roles cannot do.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.roles.len() == self.lower_bound
    }
}

/// Mines candidate roles.
#[must_use]
pub fn suggest(
    tables: &Tables,
    access: &AccessTable,
    question: &Question<'_>,
    weights: &RoleWeights,
    limits: Limits,
) -> Suggestion {
    let rights = Rights::collect(tables, access, question);
    let cover = cover::cover(&rights.matrix, limits);
    let (covered_n, added_n) = compare(&rights.matrix, &cover);
    let current = Current::count(tables, &rights.principals, question.grain);
    let mined = Structure::of_cover(&cover);
    Suggestion {
        roles: roles(tables, &rights, &cover),
        lower_bound: cover.lower_bound,
        covered_n,
        added_n,
        complexity_before: current.complexity(weights),
        complexity_after: mined.complexity(weights),
        current,
        mined,
        reached: cover.reached,
        rights,
    }
}

/// Ones of the matrix that the cover has, and ones of the cover that the matrix has not.
fn compare(matrix: &BooleanMatrix, cover: &Cover) -> (usize, usize) {
    let product = cover.product(matrix.rows().len(), matrix.columns());
    let both = |(own, given): (&Vec<u32>, &Vec<u32>)| own.iter().filter(|one| given.binary_search(one).is_ok()).count();
    let covered: usize = matrix.rows().iter().zip(product.rows()).map(both).sum();
    (covered, product.ones() - covered)
}

fn roles(tables: &Tables, rights: &Rights, cover: &Cover) -> Vec<Role> {
    let names = names::of(tables, rights, &cover.bicliques);
    let bicliques = cover.bicliques.iter().zip(names);
    bicliques
        .map(|(one, name)| Role {
            name,
            platform: one
                .columns
                .first()
                .map(|&at| rights.permissions[at as usize].platform.clone())
                .unwrap_or_default(),
            permissions: one.columns.clone(),
            members: one.rows.iter().map(|&row| rights.principals[row as usize]).collect(),
        })
        .collect()
}

/// Role entropy: how much more structure the organisation keeps than its rights need.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Entropy {
    /// Weighted structural complexity of what is there.
    pub before: f64,
    /// Weighted structural complexity of the fewest roles with the same effective access.
    pub after: f64,
}

/// The two complexities that role entropy is the ratio of, over the certain effective access of the principals of a
/// platform, or of all. `None` when there is nothing to cover, or what is there cannot be counted in full.
#[must_use]
pub fn entropy(
    tables: &Tables,
    access: &AccessTable,
    platform: Option<&str>,
    weights: &RoleWeights,
) -> Option<Entropy> {
    let question = Question { basis: Basis::Effective, grain: Granularity::Service, platform, used_since: i64::MIN };
    let rights = Rights::collect(tables, access, &question);
    if rights.principals.is_empty() {
        return None;
    }
    let before = Current::count(tables, &rights.principals, question.grain).complexity(weights)?;
    let mined = Structure::of_cover(&cover::cover(&rights.matrix, Limits::default()));
    Some(Entropy { before, after: mined.complexity(weights) })
}
