//! A set of nodes as one bit a node.
//!
//! Memory: n / 8 bytes, so that the membership of ten million nodes fits in a second-level cache. Insertion and
//! look-up take O(1), walking and counting O(n / 64).

/// A set of nodes of one graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeSet {
    words: Vec<u64>,
    nodes: usize,
}

impl NodeSet {
    /// The empty set over the nodes `0..nodes`.
    #[must_use]
    pub fn new(nodes: usize) -> Self {
        Self { words: vec![0; nodes.div_ceil(64)], nodes }
    }

    /// The set of these members over the nodes `0..nodes`.
    ///
    /// # Panics
    /// When a member is not below `nodes`.
    #[must_use]
    pub fn from_members(nodes: usize, members: impl IntoIterator<Item = u32>) -> Self {
        let mut set = Self::new(nodes);
        for node in members {
            set.insert(node);
        }
        set
    }

    /// Number of nodes that could be members.
    #[must_use]
    pub const fn nodes(&self) -> usize {
        self.nodes
    }

    /// Adds a node; whether it was not a member before.
    ///
    /// # Panics
    /// When the node is not below [`nodes`](Self::nodes).
    pub fn insert(&mut self, node: u32) -> bool {
        assert!((node as usize) < self.nodes, "node {node} of a set over {} nodes", self.nodes);
        let (word, bit) = (&mut self.words[node as usize / 64], 1 << (node % 64));
        let added = *word & bit == 0;
        *word |= bit;
        added
    }

    /// Takes a node out; whether it was a member. A node outside of the graph never was.
    pub fn remove(&mut self, node: u32) -> bool {
        let Some(word) = self.words.get_mut(node as usize / 64) else { return false };
        let bit = 1 << (node % 64);
        let removed = *word & bit != 0;
        *word &= !bit;
        removed
    }

    /// Whether a node is a member. A node outside of the graph is not.
    #[must_use]
    pub fn contains(&self, node: u32) -> bool {
        self.words.get(node as usize / 64).is_some_and(|word| word >> (node % 64) & 1 == 1)
    }

    /// Number of members.
    #[must_use]
    pub fn len(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether there is no member.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|&word| word == 0)
    }

    /// Number of members that both sets have.
    #[must_use]
    pub fn len_common(&self, other: &Self) -> usize {
        self.words.iter().zip(&other.words).map(|(a, b)| (a & b).count_ones() as usize).sum()
    }

    /// The members, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.words.iter().enumerate().flat_map(|(index, &word)| {
            let base = super::number(index * 64);
            std::iter::successors(Some(word), |rest| Some(rest & rest.wrapping_sub(1)))
                .take_while(|&rest| rest != 0)
                .map(move |rest| base + rest.trailing_zeros())
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]
        #[test]
        fn behaves_as_a_set_of_numbers(
            nodes in 1_usize..200,
            steps in prop::collection::vec((any::<bool>(), any::<u32>()), 0..100),
        ) {
            let (mut set, mut expected) = (NodeSet::new(nodes), BTreeSet::new());
            for (insert, pick) in steps {
                let node = pick % super::super::number(nodes);
                if insert {
                    prop_assert_eq!(set.insert(node), expected.insert(node));
                } else {
                    prop_assert_eq!(set.remove(node), expected.remove(&node));
                }
            }
            prop_assert_eq!(set.iter().collect::<Vec<_>>(), expected.iter().copied().collect::<Vec<_>>());
            prop_assert_eq!(set.len(), expected.len());
            prop_assert_eq!(set.is_empty(), expected.is_empty());
            for node in 0..300 {
                prop_assert_eq!(set.contains(node), expected.contains(&node));
            }
            let even = NodeSet::from_members(nodes, (0..super::super::number(nodes)).step_by(2));
            prop_assert_eq!(set.len_common(&even), expected.iter().filter(|node| *node % 2 == 0).count());
        }
    }
}
