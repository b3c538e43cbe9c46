//! The Merkle tree of RFC 6962 (Certificate Transparency), section 2.1, over the lines of records.
//!
//! `leaf = SHA-256(0x00 ‖ line)`, `node = SHA-256(0x01 ‖ left ‖ right)`, and a tree of `n` leaves is split at the largest
//! power of two below `n`. An inclusion proof shows that a record is in the tree of a checkpoint, a consistency proof
//! that a later checkpoint has the whole of an earlier one before it; each is at most about `2·log₂ n` hashes.

use sha2::{Digest, Sha256};

/// A SHA-256.
pub type Hash = [u8; 32];

/// Hash of a leaf.
#[must_use]
pub fn leaf(data: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(data).finalize().into()
}

fn node(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// Root of the tree of no leaves.
#[must_use]
pub fn empty() -> Hash {
    Sha256::digest([]).into()
}

/// A tree that grows leaf by leaf and keeps only the roots of its complete subtrees: memory is `log₂ n` hashes, and the
/// root is to be had at every size.
#[derive(Debug, Clone, Default)]
pub struct Frontier {
    size: u64,
    /// Roots of complete subtrees, the largest first; one for each set bit of `size`.
    roots: Vec<Hash>,
}

impl Frontier {
    /// Leaves so far.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Adds the hash of a leaf.
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        // Each complete subtree as large as the new one joins it, as in binary addition.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.roots.pop() {
                hash = node(&left, &hash);
            }
        }
        self.roots.push(hash);
        self.size += 1;
    }

    /// Root of the tree so far.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut roots = self.roots.iter().rev();
        let Some(last) = roots.next() else { return empty() };
        roots.fold(*last, |right, left| node(left, &right))
    }
}

/// Root over the hashes of leaves.
#[must_use]
pub fn root(leaves: &[Hash]) -> Hash {
    let mut tree = Frontier::default();
    for leaf in leaves {
        tree.push(*leaf);
    }
    tree.root()
}

/// The largest power of two below `n`, which is at least 2.
const fn split(n: usize) -> usize {
    1 << (usize::BITS - 1 - (n - 1).leading_zeros())
}

/// Proof that leaf `at` is in the tree: the siblings from the leaf to the root. `None` when there is no such leaf.
#[must_use]
pub fn inclusion(leaves: &[Hash], at: usize) -> Option<Vec<Hash>> {
    if at >= leaves.len() {
        return None;
    }
    let (mut from, mut to) = (0, leaves.len());
    let mut proof = Vec::new();
    while to - from > 1 {
        let middle = from + split(to - from);
        if at < middle {
            proof.push(root(&leaves[middle..to]));
            to = middle;
        } else {
            proof.push(root(&leaves[from..middle]));
            from = middle;
        }
    }
    proof.reverse();
    Some(proof)
}

/// Whether the proof shows that `leaf` is the one at place `at` of the tree of `size` leaves with this root
/// (RFC 9162, section 2.1.3.2).
#[must_use]
pub fn is_included(leaf: &Hash, at: u64, size: u64, proof: &[Hash], root: &Hash) -> bool {
    if at >= size {
        return false;
    }
    let (mut place, mut last, mut hash) = (at, size - 1, *leaf);
    for sibling in proof {
        if last == 0 {
            return false;
        }
        if place & 1 == 1 || place == last {
            hash = node(sibling, &hash);
            while place & 1 == 0 && place != 0 {
                (place, last) = (place >> 1, last >> 1);
            }
        } else {
            hash = node(&hash, sibling);
        }
        (place, last) = (place >> 1, last >> 1);
    }
    last == 0 && hash == *root
}

/// Proof that the tree of the first `before` leaves is the beginning of the whole. `None` for a tree of no leaves or a
/// larger one.
#[must_use]
pub fn consistency(leaves: &[Hash], before: usize) -> Option<Vec<Hash>> {
    if before == 0 || before > leaves.len() {
        return None;
    }
    let (mut from, mut to, mut old) = (0, leaves.len(), before);
    let mut proof = Vec::new();
    // Whether the subtree looked at is the old tree itself, whose root the verifier has.
    let mut is_whole = true;
    while old != to - from {
        let half = split(to - from);
        if old <= half {
            proof.push(root(&leaves[from + half..to]));
            to = from + half;
        } else {
            proof.push(root(&leaves[from..from + half]));
            from += half;
            old -= half;
            is_whole = false;
        }
    }
    if !is_whole {
        proof.push(root(&leaves[from..to]));
    }
    proof.reverse();
    Some(proof)
}

/// Whether the proof shows that a tree of `before` leaves with root `old` is the beginning of one of `size` leaves with
/// root `new` (RFC 9162, section 2.1.4.2).
#[must_use]
pub fn is_consistent(before: u64, old: &Hash, size: u64, new: &Hash, proof: &[Hash]) -> bool {
    if before == size {
        return proof.is_empty() && old == new;
    }
    if before == 0 || before > size {
        return false;
    }
    let mut rest = proof.iter();
    let first = if before.is_power_of_two() { Some(old) } else { rest.next() };
    let Some(first) = first else { return false };
    let (mut place, mut last) = (before - 1, size - 1);
    while place & 1 == 1 {
        (place, last) = (place >> 1, last >> 1);
    }
    let (mut then, mut now) = (*first, *first);
    for hash in rest {
        if last == 0 {
            return false;
        }
        if place & 1 == 1 || place == last {
            (then, now) = (node(hash, &then), node(hash, &now));
            while place & 1 == 0 && place != 0 {
                (place, last) = (place >> 1, last >> 1);
            }
        } else {
            now = node(&now, hash);
        }
        (place, last) = (place >> 1, last >> 1);
    }
    last == 0 && then == *old && now == *new
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The inputs of the Certificate Transparency reference tests, with the roots that these publish for trees of
    /// one to eight of them.
    const INPUTS: [&str; 8] =
        ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    const ROOTS: [&str; 8] = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    fn leaves() -> Vec<Hash> {
        INPUTS.iter().map(|input| leaf(&hex::decode(input).expect("hexadecimal"))).collect()
    }

    #[test]
    fn roots_are_those_of_the_published_vectors() {
        assert_eq!(hex::encode(empty()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        let leaves = leaves();
        for (n, expected) in ROOTS.iter().enumerate() {
            assert_eq!(hex::encode(root(&leaves[..=n])), *expected, "{} leaves", n + 1);
        }
    }

    #[test]
    fn proofs_hold_for_what_they_show_and_for_nothing_else() {
        let many: Vec<Hash> = (0u32..70).map(|n| leaf(&n.to_be_bytes())).collect();
        for size in 1..=many.len() {
            let (whole, at_root) = (&many[..size], root(&many[..size]));
            for at in 0..size {
                let proof = inclusion(whole, at).expect("there is such a leaf");
                let holds =
                    |leaf: &Hash, at: usize, proof: &[Hash]| is_included(leaf, at as u64, size as u64, proof, &at_root);
                assert!(holds(&whole[at], at, &proof), "{at} of {size}");
                assert!(!holds(&leaf(b"another"), at, &proof));
                assert!(size == 1 || !holds(&whole[at], (at + 1) % size, &proof), "{at} of {size}, moved");
                assert!(!holds(&whole[at], at, &[proof.clone(), vec![at_root]].concat()), "one hash too many");
                let old = root(&whole[..=at]);
                let proof = consistency(whole, at + 1).expect("a beginning");
                let holds =
                    |old: &Hash, new: &Hash, proof: &[Hash]| is_consistent(at as u64 + 1, old, size as u64, new, proof);
                assert!(holds(&old, &at_root, &proof), "{} in {size}", at + 1);
                assert!(!holds(&leaf(b"another"), &at_root, &proof));
                assert!(!holds(&old, &leaf(b"another"), &proof));
                assert!(proof.is_empty() || !holds(&old, &at_root, &proof[1..]), "one hash too few");
            }
        }
        assert_eq!((inclusion(&many, 70), consistency(&many, 0), consistency(&many, 71)), (None, None, None));
    }
}
