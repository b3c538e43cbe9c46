//! Strongly connected components, and the acyclic graph between them.
//!
//! R. E. Tarjan, *Depth-first search and linear graph algorithms*, SIAM Journal on Computing 1 (1972), with an
//! explicit stack, and a finished node's discovery number raised out of the way of minima as in D. J. Pearce, *A
//! space-efficient algorithm for finding strongly connected components* (2016).
//!
//! Direction: component numbers are a topological order; an arc of the condensation leads from a lower to a higher
//! number. Time: O(n + m), and O(m log d) to sort rows of d arcs between components. Memory: 8·n bytes, at most
//! 16·n more on the stacks; the condensation 8·n + 4·components + 8·arcs. Numbers depend on the graph alone.

use super::{Csr, NONE, number};

/// The partition of the nodes into strongly connected components.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Components {
    /// Component of each node.
    pub of: Vec<u32>,
    /// Number of components.
    pub count: usize,
}

/// A node whose arcs are being walked: the arc that is next, and the oldest open node seen from below it.
struct Frame {
    node: u32,
    position: u32,
    low: u32,
}

impl Components {
    /// Finds the components of a graph, in topological order. O(n + m).
    #[must_use]
    pub fn new(graph: &Csr) -> Self {
        let mut walk = Walk {
            // 0: not seen; else a discovery number from 1; NONE once the component is complete, so that a minimum
            // with it changes nothing.
            discovered: vec![0; graph.nodes()],
            of: vec![NONE; graph.nodes()],
            count: 0,
            open: Vec::new(),
            last: 0,
        };
        let mut frames = Vec::new();
        for root in 0..number(graph.nodes()) {
            if walk.discovered[root as usize] == 0 {
                walk.explore(graph, root, &mut frames);
            }
        }
        let Walk { mut of, count, .. } = walk;
        // Components complete sinks first; turned round, that is a topological order.
        for component in &mut of {
            *component = count - 1 - *component;
        }
        Self { of, count: count as usize }
    }
}

struct Walk {
    discovered: Vec<u32>,
    of: Vec<u32>,
    count: u32,
    /// Nodes that are seen and in no complete component.
    open: Vec<u32>,
    last: u32,
}

impl Walk {
    fn explore(&mut self, graph: &Csr, root: u32, frames: &mut Vec<Frame>) {
        frames.push(self.enter(graph, root));
        while let Some(frame) = frames.last_mut() {
            if let Some(head) = graph.head_at(frame.node, frame.position) {
                frame.position += 1;
                match self.discovered[head as usize] {
                    0 => frames.push(self.enter(graph, head)),
                    seen => frame.low = frame.low.min(seen),
                }
                continue;
            }
            let (node, low) = (frame.node, frame.low);
            frames.pop();
            if low == self.discovered[node as usize] {
                self.complete(node);
            } else if let Some(parent) = frames.last_mut() {
                parent.low = parent.low.min(low);
            }
        }
    }

    fn enter(&mut self, graph: &Csr, node: u32) -> Frame {
        self.last += 1;
        self.discovered[node as usize] = self.last;
        self.open.push(node);
        Frame { node, position: graph.row_start(node), low: self.last }
    }

    fn complete(&mut self, root: u32) {
        while let Some(node) = self.open.pop() {
            self.discovered[node as usize] = NONE;
            self.of[node as usize] = self.count;
            if node == root {
                break;
            }
        }
        self.count += 1;
    }
}

/// A graph with each component drawn together into one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condensation {
    pub components: Components,
    /// Arcs between components, from lower to higher numbers, one for each pair of components that has any: it
    /// carries the lowest edge number of that pair.
    pub dag: Csr,
    /// Nodes grouped by component; see [`members`](Self::members).
    grouped: Vec<u32>,
    starts: Vec<u32>,
}

impl Condensation {
    /// Condenses a graph. O(n + m) and the sorting of rows.
    #[must_use]
    pub fn new(graph: &Csr) -> Self {
        let components = Components::new(graph);
        let (starts, grouped) = group(&components);
        let mut arcs: Vec<(u32, u32)> = Vec::new();
        let mut ends = Vec::with_capacity(components.count);
        // Where the arc to a component lies among the arcs, valid if that is in the row being made.
        let mut slot = vec![NONE; components.count];
        for component in 0..components.count {
            let row = arcs.len();
            for &node in &grouped[starts[component] as usize..starts[component + 1] as usize] {
                for (head, edge) in graph.out_arcs(node) {
                    let to = components.of[head as usize];
                    let at = slot[to as usize] as usize;
                    if to as usize == component {
                        continue;
                    }
                    if (row..arcs.len()).contains(&at) {
                        arcs[at].1 = arcs[at].1.min(edge);
                    } else {
                        slot[to as usize] = number(arcs.len());
                        arcs.push((to, edge));
                    }
                }
            }
            arcs[row..].sort_unstable();
            ends.push(number(arcs.len()));
        }
        let dag = Csr::from_rows(&ends, &arcs);
        Self { components, dag, grouped, starts }
    }

    /// The nodes of a component, ascending.
    ///
    /// # Panics
    /// When there is no such component.
    #[must_use]
    pub fn members(&self, component: u32) -> &[u32] {
        &self.grouped[self.starts[component as usize] as usize..self.starts[component as usize + 1] as usize]
    }
}

/// Nodes sorted by component (counting sort), and where each component's begin.
fn group(components: &Components) -> (Vec<u32>, Vec<u32>) {
    let mut starts = vec![0_u32; components.count + 1];
    for &component in &components.of {
        starts[component as usize + 1] += 1;
    }
    let mut before = 0;
    for start in &mut starts {
        before += *start;
        *start = before;
    }
    let mut next = starts.clone();
    let mut grouped = vec![0; components.of.len()];
    for (node, &component) in components.of.iter().enumerate() {
        let at = &mut next[component as usize];
        grouped[*at as usize] = number(node);
        *at += 1;
    }
    (starts, grouped)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::super::testing::{arcs, chain, closure, csr, petgraph};
    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3_000))]
        #[test]
        fn partition_is_mutual_reachability((nodes, arcs) in arcs(14, 30)) {
            let components = Components::new(&csr(nodes, &arcs));
            let closure = closure(nodes, &arcs);
            for (a, row) in closure.iter().enumerate() {
                for (b, &reached) in row.iter().enumerate() {
                    prop_assert_eq!(components.of[a] == components.of[b], reached && closure[b][a]);
                    prop_assert!(!reached || components.of[a] <= components.of[b], "topological order");
                }
            }
            let oracle = petgraph::algo::tarjan_scc(&petgraph(nodes, &arcs));
            prop_assert_eq!(components.count, oracle.len());
            prop_assert!(components.of.iter().all(|&component| (component as usize) < components.count));
        }

        #[test]
        fn condensation_has_the_arcs_between_components((nodes, arcs) in arcs(14, 40)) {
            let condensed = Condensation::new(&csr(nodes, &arcs));
            let mut expected = BTreeMap::new();
            for &(src, dst, edge) in &arcs {
                let (from, to) = (condensed.components.of[src as usize], condensed.components.of[dst as usize]);
                if from != to {
                    let lowest = expected.entry((from, to)).or_insert(edge);
                    *lowest = edge.min(*lowest);
                }
            }
            let expected: Vec<_> = expected.into_iter().map(|((from, to), edge)| (from, to, edge)).collect();
            prop_assert_eq!(condensed.dag.iter_arcs().collect::<Vec<_>>(), expected);
            prop_assert_eq!(condensed.dag.nodes(), condensed.components.count);
            for component in 0..number(condensed.components.count) {
                let members: Vec<u32> =
                    (0..number(nodes)).filter(|&node| condensed.components.of[node as usize] == component).collect();
                prop_assert_eq!(condensed.members(component), members);
            }
        }
    }

    #[test]
    fn a_chain_of_a_million_nodes_is_walked_without_recursion() {
        let components = Components::new(&chain(1_000_000));
        assert_eq!(components.count, 1_000_000);
        assert!(components.of.iter().copied().eq(0..1_000_000));
    }

    #[test]
    fn a_cycle_of_a_million_nodes_is_one_component() {
        let nodes = 1_000_000;
        let graph = Csr::from_arcs(nodes as usize, (0..nodes).map(|node| (node, (node + 1) % nodes, node)));
        let condensed = Condensation::new(&graph);
        assert_eq!((condensed.components.count, condensed.dag.arcs()), (1, 0));
        assert_eq!(condensed.members(0).len(), 1_000_000);
    }
}
