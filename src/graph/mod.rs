//! Graph algorithms on dense `u32` node numbers, with no idea of what a node or an edge stands for.
//!
//! All of them read [`Csr`], compressed sparse rows that are built once and never changed. An arc `a → b` is
//! stored with its source `a`; what goes against the arcs takes [`Csr::reversed`]. Results never depend on the
//! number of threads. Nothing here recurses, so a chain of a million nodes is as good as any other graph.
//!
//! | question | module | time |
//! |---|---|---|
//! | fewest hops, and the next edge of a shortest path | [`search`] | O(n + m) |
//! | the k shortest loopless paths | [`shortest_paths`] | O(k·l·m log n) at worst, l the length of a path |
//! | components, condensation | [`components`] | O(n + m) |
//! | weight reachable from every node, or reaching some; reachable sets | [`closure`] | O((n + m) · targets / 512), O(n + m) |
//! | what every path must cross | [`dominators`] | O(m log n) |
//! | a walk past no gate, or gates that every walk crosses | [`gates`] | O(n + m) |
//! | what nodes reach only together | [`joint`] | O(rounds · (n + m)) and what is asked |
//! | what is cut off when edges go | [`loss`] | O(n + m), then the part that is affected |
//! | the cheapest cut, and the proof that it is | [`minimum_cut`](mod@minimum_cut) | O(m √m) with unit costs |

pub mod closure;
pub mod components;
pub mod csr;
pub mod dominators;
pub mod gates;
pub mod joint;
pub mod loss;
pub mod minimum_cut;
pub mod node_set;
mod row;
pub mod search;
pub mod shortest_paths;
mod sweep;

#[cfg(test)]
mod testing;

pub use closure::{reach_counts, reach_weights, reachable_from, reaching, upstream_weights};
pub use components::{Components, Condensation};
pub use csr::Csr;
pub use dominators::Dominators;
pub use gates::{Passage, passage};
pub use joint::{Joint, Joints, Share, joint_arcs};
pub use loss::Losses;
pub use minimum_cut::{MinimumCut, UNCUTTABLE, Walk, minimum_cut};
pub use node_set::NodeSet;
pub use search::{Hops, hops_from, hops_to};
pub use shortest_paths::{Limit, Limits, PathFinder, Paths, Route};

/// No node, no edge, not reached: a number that no node and no edge has.
pub const NONE: u32 = u32::MAX;

/// An index into a table of nodes or arcs as its number. [`Csr`] admits fewer than 2³² of either.
#[expect(clippy::cast_possible_truncation, reason = "tables are indexed by u32 numbers, checked when a Csr is built")]
const fn number(index: usize) -> u32 {
    debug_assert!(index <= NONE as usize, "more than 2^32 nodes or arcs");
    index as u32
}
