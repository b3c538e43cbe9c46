//! What a layer allows, as parts: a region of resources with the [slots](super::slots) that are allowed in it.
//!
//! Layers intersect part by part and denies are taken away part by part, so that patterns are only ever compared with
//! patterns. Patterns below a whole type meet certainly when one lies within the other.

use std::sync::Arc;

use roaring::RoaringBitmap;
use rustc_hash::FxHashMap;

use crate::platforms::globs::{contains, overlap};
/// Resources of the types that a part's slots are about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Region {
    All,
    /// All but those that these patterns name, none of which takes a whole type.
    AllBut(Vec<Arc<str>>),
    /// Those that a pattern matches.
    Within(Arc<str>),
}

impl Region {
    /// Index into the breadths.
    pub fn breadth(&self) -> usize {
        match self {
            Self::All | Self::AllBut(_) => 2,
            Self::Within(text) => usize::from(text.contains(['*', '?'])),
        }
    }

    /// The resources in both, and whether there certainly are some; `None` when there are none.
    fn and(&self, other: &Self) -> Option<(Self, bool)> {
        Some(match (self, other) {
            (Self::All, region) | (region, Self::All) => (region.clone(), true),
            (Self::AllBut(a), Self::AllBut(b)) => {
                let mut both: Vec<Arc<str>> = a.iter().chain(b).cloned().collect();
                both.sort();
                both.dedup();
                (Self::AllBut(both), true)
            }
            (Self::AllBut(spared), Self::Within(text)) | (Self::Within(text), Self::AllBut(spared)) => {
                if spared.iter().any(|spared| contains(spared, text)) {
                    return None;
                }
                (Self::Within(Arc::clone(text)), true)
            }
            (Self::Within(a), Self::Within(b)) if contains(a, b) => (Self::Within(Arc::clone(b)), true),
            (Self::Within(a), Self::Within(b)) if contains(b, a) => (Self::Within(Arc::clone(a)), true),
            (Self::Within(a), Self::Within(b)) if overlap(a, b) => (Self::Within(Arc::clone(a.max(b))), false),
            (Self::Within(_), Self::Within(_)) => return None,
        })
    }
}

/// Slots that are allowed (or denied) in a region.
#[derive(Debug, Clone)]
pub struct Part {
    pub region: Region,
    pub slots: RoaringBitmap,
    pub certain: bool,
}

/// What a statement takes away.
pub struct Deny {
    pub region: Region,
    pub slots: RoaringBitmap,
    pub certain: bool,
    /// What is left where the region is all but some: those.
    pub spared: Vec<Part>,
}

/// Parts with no two alike.
#[derive(Default)]
pub struct Parts {
    list: Vec<Part>,
    numbers: FxHashMap<(Region, bool), usize>,
}

impl Parts {
    pub fn iter(&self) -> impl Iterator<Item = &Part> {
        self.list.iter()
    }

    pub fn add(&mut self, part: Part) {
        if part.slots.is_empty() {
            return;
        }
        match self.numbers.get(&(part.region.clone(), part.certain)) {
            Some(&at) => self.list[at].slots |= part.slots,
            None => {
                self.numbers.insert((part.region.clone(), part.certain), self.list.len());
                self.list.push(part);
            }
        }
    }

    /// What both allow.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let mut out = Self::default();
        for a in &self.list {
            for b in &other.list {
                meet(a, b, &mut out);
            }
        }
        out
    }

    /// What is left after a deny.
    #[must_use]
    pub fn without(self, deny: &Deny) -> Self {
        let mut out = Self::default();
        for mut part in self.list {
            let hit = if Self::hits(deny, &part.region) { &part.slots & &deny.slots } else { RoaringBitmap::new() };
            if !hit.is_empty() {
                part.slots -= &hit;
                let denied = Part { slots: hit, ..part.clone() };
                for spared in &deny.spared {
                    meet(&denied, spared, &mut out);
                }
                if !deny.certain {
                    out.add(Part { certain: false, ..denied });
                }
            }
            out.add(part);
        }
        out
    }

    /// Whether nothing of a region outlasts a deny, what it spares aside: a deny by name leaves the rest of what is
    /// allowed more widely.
    fn hits(deny: &Deny, region: &Region) -> bool {
        match (&deny.region, region) {
            (Region::All | Region::AllBut(_), _) => true,
            (Region::Within(denied), Region::Within(allowed)) => contains(denied, allowed),
            (Region::Within(_), _) => false,
        }
    }

    /// All of it may not be so.
    #[must_use]
    pub fn doubted(self, slots: &RoaringBitmap) -> Self {
        self.without(&Deny { region: Region::All, slots: slots.clone(), certain: false, spared: Vec::new() })
    }
}

fn meet(a: &Part, b: &Part, out: &mut Parts) {
    if a.slots.is_disjoint(&b.slots) {
        return;
    }
    if let Some((region, some)) = a.region.and(&b.region) {
        out.add(Part { region, slots: &a.slots & &b.slots, certain: some && a.certain && b.certain });
    }
}
