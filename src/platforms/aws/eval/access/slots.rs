//! The catalogue's actions by the resource types that a grant must be about.
//!
//! A *slot* is an action with one of the types that it needs: the required ones, or any of its types where none is
//! required. An action on no resource has one slot, which only stars fill. Slots are numbered in the order of the
//! actions, so that sets of them stay small bitmaps; what a pattern says of a type is found once for each account.

use std::sync::{Arc, LazyLock, RwLock};

use roaring::RoaringBitmap;
use rustc_hash::FxHashMap;

use super::super::super::catalog::Catalog;
use super::super::statement::Actions;

use crate::platforms::globs::{contains, fixed_prefix, overlap};

/// A bucket's name holds no slash, unlike an object's and unlike what the star of its ARN format would match.
const BUCKET: &str = "arn:*:s3:::*";

/// What access points are only another way to.
const DIRECT: [&str; 2] = [BUCKET, "arn:*:s3:::*/*"];

static SLOTS: LazyLock<Slots> = LazyLock::new(Slots::new);

/// All slots.
pub struct Slots {
    /// The action of each slot.
    owner: Vec<u32>,
    /// Number of slots that must be filled for the action: all of them where types are required, else one.
    needed: Vec<u32>,
    /// Number of slots of each action that are resources of their own.
    size: Vec<u32>,
    /// Slots that lead to what another slot of the action is about already: an access point to objects.
    routes: RoaringBitmap,
    /// First slot of each action.
    first: Vec<u32>,
    /// ARN formats with the slots of that type.
    types: Vec<(&'static str, RoaringBitmap)>,
    /// Types by the service of their ARN.
    by_service: FxHashMap<&'static str, Vec<usize>>,
    pub all: RoaringBitmap,
    /// Every action.
    actions: RoaringBitmap,
}

impl Slots {
    #[must_use]
    pub fn get() -> &'static Self {
        &SLOTS
    }

    fn new() -> Self {
        let mut slots = Self {
            owner: Vec::new(),
            needed: Vec::new(),
            size: Vec::new(),
            routes: RoaringBitmap::new(),
            first: Vec::new(),
            types: Vec::new(),
            by_service: FxHashMap::default(),
            all: RoaringBitmap::new(),
            actions: RoaringBitmap::new(),
        };
        let mut numbers: FxHashMap<&'static str, usize> = FxHashMap::default();
        for (id, action) in (0..).zip(Catalog::get().actions()) {
            let required = action.resources.iter().any(|kind| kind.required);
            let mut patterns: Vec<&'static str> =
                action.resources.iter().filter(|kind| kind.required == required).map(|kind| kind.pattern).collect();
            patterns.sort_unstable();
            patterns.dedup();
            let direct = patterns.iter().any(|pattern| DIRECT.contains(pattern));
            let is_route = |pattern: &str| !required && direct && pattern.contains(":accesspoint/");
            let size = count(patterns.iter().filter(|pattern| !is_route(pattern)).count()).max(1);
            slots.first.push(count(slots.owner.len()));
            slots.size.push(size);
            slots.needed.push(if required { size } else { 1 });
            for pattern in &patterns {
                let at = *numbers.entry(pattern).or_insert_with(|| {
                    slots.types.push((pattern, RoaringBitmap::new()));
                    slots.types.len() - 1
                });
                slots.types[at].1.insert(count(slots.owner.len()));
                if is_route(pattern) {
                    slots.routes.insert(count(slots.owner.len()));
                }
                slots.owner.push(id);
            }
            if patterns.is_empty() {
                slots.owner.push(id);
            }
        }
        for (at, (pattern, _)) in slots.types.iter().enumerate() {
            slots.by_service.entry(service(pattern)).or_default().push(at);
        }
        slots.all.insert_range(0..count(slots.owner.len()));
        slots.actions.insert_range(0..count(slots.first.len()));
        slots
    }

    /// The slots of some actions.
    #[must_use]
    pub fn of(&self, actions: &RoaringBitmap) -> RoaringBitmap {
        let mut out = RoaringBitmap::new();
        for action in actions {
            if let Some(&first) = self.first.get(action as usize) {
                out.insert_range(first..first + self.total(action as usize));
            }
        }
        out
    }

    /// The actions whose slots are filled: as many as a call needs, or `every` one.
    #[must_use]
    pub fn filled(&self, slots: &RoaringBitmap, every: bool) -> RoaringBitmap {
        // An administrator's, of which there are many.
        if *slots == self.all {
            return self.actions.clone();
        }
        let absent = &self.all - slots;
        if absent.len() > slots.len() {
            return self.reached(slots, every, |action| self.least(action, every));
        }
        // Most are there: an action is left out when so many of its slots are absent that too few remain.
        let all = |action: usize| if every { self.size[action] } else { self.total(action) };
        &self.actions - &self.reached(&absent, every, |action| all(action) - self.least(action, every) + 1)
    }

    /// Slots of an action that must be filled.
    fn least(&self, action: usize, every: bool) -> u32 {
        if every { self.size[action] } else { self.needed[action] }
    }

    /// Slots of an action, routes included.
    fn total(&self, action: usize) -> u32 {
        self.first.get(action + 1).copied().unwrap_or(count(self.owner.len())) - self.first[action]
    }

    /// The actions of which a set has as many slots as `enough` says, routes aside where `every` slot counts.
    fn reached(&self, slots: &RoaringBitmap, every: bool, enough: impl Fn(usize) -> u32) -> RoaringBitmap {
        let mut out = Vec::new();
        let mut last = (u32::MAX, 0);
        for slot in slots.iter().filter(|&slot| !every || !self.routes.contains(slot)) {
            let action = self.owner[slot as usize];
            last = if last.0 == action { (action, last.1 + 1) } else { (action, 1) };
            if last.1 == enough(action as usize) {
                out.push(action);
            }
        }
        // Slots are in the order of the actions.
        RoaringBitmap::from_sorted_iter(out).unwrap_or_default()
    }

    /// The slots of the types that an expanded pattern matches wholly in the caller's own account, and of those that
    /// it matches at all: there, or in the one other account that it names.
    fn matched(&self, pattern: &str, partition: &str, account: &str) -> (RoaringBitmap, RoaringBitmap) {
        let mut found = (RoaringBitmap::new(), RoaringBitmap::new());
        let head = fixed_prefix(pattern);
        let known = if head.matches(':').count() >= 3 { head.split(':').nth(2) } else { None };
        let any = self.by_service.get("*").into_iter().flatten();
        let candidates: Vec<usize> = match known {
            Some(service) => self.by_service.get(service).into_iter().flatten().chain(any).copied().collect(),
            None => (0..self.types.len()).collect(),
        };
        let name = pattern.splitn(6, ':').nth(5).unwrap_or_default();
        let owner = if is_foreign(pattern, account) { "*" } else { account };
        for at in candidates {
            let (format, slots) = &self.types[at];
            let own = within(format, partition, owner);
            if !touches(pattern, &own) || (*format == BUCKET && name.contains('/')) {
                continue;
            }
            found.1 |= slots;
            if contains(pattern, &own) {
                found.0 |= slots;
            }
        }
        found
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn service(format: &'static str) -> &'static str {
    format.split(':').nth(2).unwrap_or_default()
}

/// Whether a pattern is about resources of one other account.
#[must_use]
pub fn is_foreign(pattern: &str, account: &str) -> bool {
    let owner = pattern.split(':').nth(4).unwrap_or_default();
    owner.len() == 12 && owner.bytes().all(|byte| byte.is_ascii_digit()) && owner != account
}

/// An ARN format within a partition and an account.
fn within(format: &str, partition: &str, account: &str) -> String {
    let mut parts: Vec<&str> = format.splitn(6, ':').collect();
    if let [_, first, _, _, owner, _] = parts.as_mut_slice() {
        *first = if *first == "*" { partition } else { first };
        *owner = if *owner == "*" { account } else { owner };
    }
    parts.join(":")
}

/// Whether a pattern matches some ARN of a format. A pattern with all parts of an ARN is compared part by part: the
/// stars of a format match no colons.
fn touches(pattern: &str, own: &str) -> bool {
    if pattern.matches(':').count() < 5 {
        return overlap(pattern, own);
    }
    pattern.splitn(6, ':').zip(own.splitn(6, ':')).all(|(a, b)| overlap(a, b))
}

/// What one pattern matches.
#[derive(Clone)]
pub struct Matched {
    /// Slots all of whose resources it matches.
    pub whole: Arc<RoaringBitmap>,
    /// Slots of which it matches some resource; holds `whole`.
    pub some: Arc<RoaringBitmap>,
}

/// Action lists with their slots, by address.
type ByAddress = FxHashMap<usize, (Arc<Actions>, Arc<RoaringBitmap>)>;

/// What patterns match, by account and pattern.
type ByAccount = FxHashMap<String, FxHashMap<String, Matched>>;

/// What action lists and resource patterns come to in slots, each found once.
#[derive(Default)]
pub struct Cache {
    /// By the address of the list, which is kept alive with it.
    actions: RwLock<ByAddress>,
    /// By account (of which the partition follows) and pattern.
    patterns: RwLock<ByAccount>,
    /// Equal sets are held once.
    sets: RwLock<FxHashMap<Vec<u32>, Arc<RoaringBitmap>>>,
}

impl Cache {
    /// The slots of an action list.
    #[must_use]
    pub fn actions(&self, actions: &Arc<Actions>) -> Arc<RoaringBitmap> {
        let key = Arc::as_ptr(actions) as usize;
        if let Some((_, found)) = self.actions.read().ok().and_then(|cache| cache.get(&key).cloned()) {
            return found;
        }
        let made = Arc::new(Slots::get().of(&actions.known));
        if let Ok(mut cache) = self.actions.write() {
            cache.insert(key, (Arc::clone(actions), Arc::clone(&made)));
        }
        made
    }

    /// What an expanded pattern matches in an account.
    #[must_use]
    pub fn pattern(&self, text: &str, partition: &str, account: &str) -> Matched {
        let cached = self.patterns.read().ok();
        if let Some(found) = cached.and_then(|cache| cache.get(account)?.get(text).cloned()) {
            return found;
        }
        let (whole, some) = Slots::get().matched(text, partition, account);
        let made = Matched { whole: self.shared(whole), some: self.shared(some) };
        if let Ok(mut cache) = self.patterns.write() {
            cache.entry(account.to_owned()).or_default().insert(text.to_owned(), made.clone());
        }
        made
    }

    fn shared(&self, set: RoaringBitmap) -> Arc<RoaringBitmap> {
        let Ok(mut sets) = self.sets.write() else { return Arc::new(set) };
        let key: Vec<u32> = if set.len() <= 4096 { set.iter().collect() } else { return Arc::new(set) };
        Arc::clone(sets.entry(key).or_insert_with(|| Arc::new(set)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_of_a_nearly_full_set_are_those_that_counting_its_slots_gives() {
        let slots = Slots::get();
        let obvious = |set: &RoaringBitmap, every: bool| -> RoaringBitmap {
            let filled = |action: &u32| {
                let own = slots.of(&RoaringBitmap::from_iter([*action]));
                let counts = |slot: u32| set.contains(slot) && (!every || !slots.routes.contains(slot));
                let there = u64::try_from(own.iter().filter(|&slot| counts(slot)).count()).unwrap_or(0);
                there >= u64::from(slots.least(*action as usize, every)).max(1)
            };
            (0..u32::try_from(Catalog::get().actions().len()).unwrap_or(0)).filter(filled).collect()
        };
        for step in [2, 3, 7, 50] {
            for rest in 0..2 {
                let some: RoaringBitmap = slots.all.iter().filter(|slot| slot % step == rest).collect();
                for every in [false, true] {
                    assert!(slots.filled(&some, every) == obvious(&some, every), "every {step}: {every}");
                    let most = &slots.all - &some;
                    assert!(slots.filled(&most, every) == obvious(&most, every), "all but every {step}: {every}");
                }
            }
        }
    }
}
