//! What belongs to targets: a technique may need a permission on a target's policy or provider and not on itself.

use std::collections::VecDeque;
use std::sync::{Arc, RwLock};

use roaring::RoaringBitmap;
use rustc_hash::FxHashMap;

/// Sets of owners whose belongings are kept, the latest: techniques ask about the same few again for each class of
/// actors.
const REMEMBERED_MAX: usize = 32;
/// Owners from which on it is worth it.
const REMEMBERED_OWNERS_MIN: u64 = 16;

/// A set of owners, and all that belongs to some of them.
type Remembered = (RoaringBitmap, Arc<RoaringBitmap>);

/// A relation between entities and what belongs to them, looked up from both ends.
#[derive(Default)]
pub struct Belongings {
    of: FxHashMap<u32, RoaringBitmap>,
    owners: FxHashMap<u32, RoaringBitmap>,
    having: RoaringBitmap,
    remembered: RwLock<VecDeque<Remembered>>,
}

impl Belongings {
    /// Indexes pairs of an owner and what belongs to it.
    pub fn new(pairs: impl Iterator<Item = (u32, u32)>) -> Self {
        let mut out = Self::default();
        for (owner, belonging) in pairs {
            out.of.entry(owner).or_default().insert(belonging);
            out.owners.entry(belonging).or_default().insert(owner);
            out.having.insert(owner);
        }
        out
    }

    /// Everything that belongs to some of these.
    pub fn of(&self, owners: &RoaringBitmap) -> Arc<RoaringBitmap> {
        // Most of them differ in length, which is known without a look at the members.
        let (length, first) = (owners.len(), owners.min());
        let same = |asked: &RoaringBitmap| asked.len() == length && asked.min() == first && asked == owners;
        let known = |seen: &VecDeque<Remembered>| {
            seen.iter().find(|(asked, _)| same(asked)).map(|(_, found)| Arc::clone(found))
        };
        let worth = length >= REMEMBERED_OWNERS_MIN;
        if worth && let Some(found) = self.remembered.read().ok().and_then(|seen| known(&seen)) {
            return found;
        }
        let having = owners & &self.having;
        let found: RoaringBitmap = having.iter().filter_map(|owner| self.of.get(&owner)).flatten().collect();
        let found = Arc::new(found);
        if worth && let Ok(mut seen) = self.remembered.write() {
            seen.truncate(REMEMBERED_MAX - 1);
            seen.push_front((owners.clone(), Arc::clone(&found)));
        }
        found
    }

    /// Those of `among` to whom some of `belongings` belongs.
    pub fn owners(&self, belongings: &RoaringBitmap, among: &RoaringBitmap) -> RoaringBitmap {
        if self.of(among).is_subset(belongings) {
            return &self.having & among;
        }
        let owners = belongings.iter().filter_map(|belonging| self.owners.get(&belonging));
        owners.fold(RoaringBitmap::new(), |all, one| all | one) & among
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_agree() {
        let pairs = [(1, 10), (1, 11), (2, 11), (3, 12)];
        let belongings = Belongings::new(pairs.into_iter());
        let set = |list: &[u32]| list.iter().copied().collect::<RoaringBitmap>();
        assert_eq!(*belongings.of(&set(&[1, 4])), set(&[10, 11]));
        let many: RoaringBitmap = (2..40).collect();
        assert_eq!(*belongings.of(&many), set(&[11, 12]));
        assert_eq!(*belongings.of(&many), set(&[11, 12]), "remembered");
        assert_eq!(belongings.owners(&set(&[11]), &set(&[1, 2, 3])), set(&[1, 2]));
        assert_eq!(belongings.owners(&set(&[11]), &set(&[2, 3])), set(&[2]));
        assert_eq!(belongings.owners(&set(&[10, 11, 12]), &set(&[1, 3, 4])), set(&[1, 3]), "whoever has any");
        assert_eq!(belongings.owners(&set(&[]), &set(&[1, 2])), set(&[]));
    }
}
