//! How unusual what principals may do is among their peers, in a declared cohort and in an observed one.
//!
//! The surprise of a principal is the sum over its permissions (service and access level) of
//! `-ln((n_p + alpha) / (n + alpha + beta))`, where `n_p` of its `n` peers have the permission too: a small-sample
//! estimate of how improbable the permission is among them, so that each permission has an additive share. The principal
//! itself is none of its peers.
//!
//! Everything is done once for each distinct set of permissions. Observed cohorts are found by `MinHash` signatures
//! (Broder 1997) in bands: the sets, the most frequent first, become members of the first centre whose Jaccard
//! similarity is at least `peers.similarity_min`, or a centre of their own. A set is compared with the centres that
//! share a band with it, at most [`COMPARED_MAX`] of them, so that time is linear in the number of sets. Nothing depends
//! on the names of principals or on their order.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::{FxHashMap, FxHashSet};

use super::cohort::{self, Cohorts};
use crate::findings::Context;
use crate::model::{ClassTable, CohortKind, Decision, Entity, EntityId, Peer};

/// Bands of a signature, and hashes in each: two sets with similarity s share a band with probability
/// `1 - (1 - s^2)^16`, 99 % at one half.
const BANDS: usize = 16;
const BAND: usize = 2;

/// Centres that a set is compared with at most.
const COMPARED_MAX: usize = 256;

/// A permission: a service and an access level.
type Permission = u32;

/// Distinct sets of permissions of one snapshot.
struct Sets<'a> {
    /// `service:level` by number, in byte order.
    names: Vec<String>,
    /// Platform and permissions of each set, ascending; in the order of their content.
    list: Vec<(&'a str, Vec<Permission>)>,
    /// The set of each principal, in the order of the principals.
    of: Vec<usize>,
}

/// Surprise of a principal against both cohorts, and the cohorts.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// Declared cohort.
    pub cohort: String,
    /// Surprise in it; null when it is too small.
    pub surprise: Option<f64>,
    /// Share of its members with a lower surprise.
    pub surprise_percentile: Option<f64>,
    /// Observed cohort and its size; null for a principal that may do nothing.
    pub observed: Option<(String, u32)>,
    /// Surprise in it; null when it is too small.
    pub observed_surprise: Option<f64>,
    /// Share of its members with a lower surprise.
    pub observed_percentile: Option<f64>,
}

/// Both comparisons of every principal, in the order of [`Context::principals`].
#[derive(Debug)]
pub struct Comparison {
    pub standings: Vec<Standing>,
    pub peers: ClassTable<Peer>,
}

/// What principals with the same rows of peers have in common: declared cohort, observed cohort, set of permissions.
type Compared<'n> = (Option<&'n str>, Option<&'n str>, usize);

/// One cohort's counts.
struct Counted {
    members_n: u32,
    having: FxHashMap<Permission, u32>,
}

/// Compares every principal with its peers.
#[must_use]
pub fn compare(context: &Context<'_>) -> Comparison {
    let principals: Vec<&Entity> = context.principals().collect();
    let size_min = context.config.thresholds.cohort_size_min;
    let sets = Sets::of(context, &principals);
    let declared = cohort::declared(context, &principals, size_min);
    let observed_of_set = observed(&sets, context.config.peers.similarity_min);
    let observed: Vec<Option<&str>> = sets.of.iter().map(|&set| observed_of_set[set].as_deref()).collect();
    let declared: Vec<Option<&str>> = declared.iter().map(|name| Some(name.as_str())).collect();
    let both = [(CohortKind::Declared, &declared), (CohortKind::Observed, &observed)];
    let counted = both.map(|(_, names)| count(&sets, names));
    let shares = Shares { context, sets: &sets };
    let mut listed: BTreeMap<Compared<'_>, Vec<EntityId>> = BTreeMap::new();
    for (at, entity) in principals.iter().enumerate() {
        listed.entry((declared[at], observed[at], sets.of[at])).or_default().push(entity.entity);
    }
    let mut peers = ClassTable::default();
    let mut sums: FxHashMap<(CohortKind, &str, usize), f64> = FxHashMap::default();
    for ((declared, observed, set), members) in listed {
        let mut rows = Vec::new();
        for ((kind, name), counted) in
            [(CohortKind::Declared, declared), (CohortKind::Observed, observed)].into_iter().zip(&counted)
        {
            let Some((name, counts)) = name.and_then(|name| Some((name, counted.get(name)?))) else { continue };
            if counts.members_n < size_min {
                continue;
            }
            let own = shares.of(kind, name, counts, set, members[0]);
            sums.insert((kind, name, set), own.iter().map(|row| row.nats).sum());
            rows.extend(shares.largest(own));
        }
        peers.share(&members, rows);
    }
    peers.sort();
    let standings = standings(context, &sets, &declared, &observed, &counted, &sums);
    Comparison { standings, peers }
}

/// Members of every cohort and how many of them have each permission.
fn count<'n>(sets: &Sets<'_>, names: &[Option<&'n str>]) -> FxHashMap<&'n str, Counted> {
    let mut members: BTreeMap<(&str, usize), u32> = BTreeMap::new();
    for (name, &set) in names.iter().zip(&sets.of) {
        if let Some(name) = name {
            *members.entry((name, set)).or_default() += 1;
        }
    }
    let mut counted: FxHashMap<&str, Counted> = FxHashMap::default();
    for ((name, set), n) in members {
        let cohort = counted.entry(name).or_insert_with(|| Counted { members_n: 0, having: FxHashMap::default() });
        cohort.members_n += n;
        for &permission in &sets.list[set].1 {
            *cohort.having.entry(permission).or_default() += n;
        }
    }
    counted
}

fn standings(
    context: &Context<'_>,
    sets: &Sets<'_>,
    declared: &[Option<&str>],
    observed: &[Option<&str>],
    counted: &[FxHashMap<&str, Counted>; 2],
    sums: &FxHashMap<(CohortKind, &str, usize), f64>,
) -> Vec<Standing> {
    let size_min = context.config.thresholds.cohort_size_min;
    let sum = |kind, name: Option<&str>, at: usize| sums.get(&(kind, name?, sets.of[at])).copied();
    let places = |kind, names: &[Option<&str>]| {
        let members = names.iter().enumerate().filter_map(|(at, name)| Some(((*name)?, sum(kind, *name, at)?)));
        Cohorts::new(members)
    };
    let (in_declared, in_observed) = (places(CohortKind::Declared, declared), places(CohortKind::Observed, observed));
    let standing = |at: usize| {
        let surprise = sum(CohortKind::Declared, declared[at], at);
        let observed_surprise = sum(CohortKind::Observed, observed[at], at);
        let percentile = |cohorts: &Cohorts, name: Option<&str>, value: Option<f64>| {
            cohorts.place(name?, value?, size_min).percentile
        };
        Standing {
            cohort: declared[at].unwrap_or_default().to_owned(),
            surprise,
            surprise_percentile: percentile(&in_declared, declared[at], surprise),
            observed: observed[at].map(|name| (name.to_owned(), counted[1].get(name).map_or(0, |one| one.members_n))),
            observed_surprise,
            observed_percentile: percentile(&in_observed, observed[at], observed_surprise),
        }
    };
    (0..sets.of.len()).map(standing).collect()
}

/// Makes rows of the table of peers.
struct Shares<'c, 'a> {
    context: &'c Context<'a>,
    sets: &'c Sets<'a>,
}

impl Shares<'_, '_> {
    /// Every permission's share of the surprise of a set in a cohort that it is of, in the order of the permissions.
    fn of(&self, kind: CohortKind, name: &str, counts: &Counted, set: usize, entity: EntityId) -> Vec<Peer> {
        let config = &self.context.config.peers;
        let n = counts.members_n.saturating_sub(1);
        let share = |&permission: &Permission| {
            let n_p = counts.having.get(&permission).copied().unwrap_or(0).saturating_sub(1);
            let chance = (f64::from(n_p) + config.alpha) / (f64::from(n) + config.alpha + config.beta);
            Peer {
                entity,
                cohort_kind: kind,
                cohort: name.to_owned(),
                n,
                permission: self.sets.names[permission as usize].clone(),
                n_p,
                nats: -chance.ln(),
            }
        };
        self.sets.list[set].1.iter().map(share).collect()
    }

    /// The largest shares, as many as are listed.
    fn largest(&self, mut rows: Vec<Peer>) -> Vec<Peer> {
        rows.sort_by(|a, b| b.nats.total_cmp(&a.nats).then_with(|| a.permission.cmp(&b.permission)));
        rows.truncate(self.context.config.peers.listed_max as usize);
        rows
    }
}

impl<'a> Sets<'a> {
    fn of(context: &Context<'a>, principals: &[&'a Entity]) -> Self {
        let access = context.facts.access;
        // Principals that share rows have one set.
        let mut by_class: FxHashMap<usize, usize> = FxHashMap::default();
        let mut numbers: FxHashMap<(&str, &str), u32> = FxHashMap::default();
        let mut found: FxHashMap<(&str, Vec<u32>), usize> = FxHashMap::default();
        let mut of = Vec::with_capacity(principals.len());
        for entity in principals {
            let class = access.class(entity.entity);
            if let Some(&set) = class.and_then(|class| by_class.get(&class)) {
                of.push(set);
                continue;
            }
            let granted =
                access.of(entity.entity).iter().filter(|row| row.decision != Decision::Denied && row.granted_n > 0);
            let mut set: Vec<u32> = Vec::new();
            for row in granted {
                let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
                set.push(*numbers.entry((&row.service, &row.level)).or_insert(next));
            }
            set.sort_unstable();
            set.dedup();
            let next = found.len();
            let set = *found.entry((entity.platform.as_str(), set)).or_insert(next);
            by_class.extend(class.map(|class| (class, set)));
            of.push(set);
        }
        Self::in_order(&numbers, found, of)
    }

    /// Numbers permissions and sets by their content, so that nothing depends on who came first.
    fn in_order(
        numbers: &FxHashMap<(&str, &str), u32>,
        found: FxHashMap<(&'a str, Vec<u32>), usize>,
        of: Vec<usize>,
    ) -> Self {
        let mut named: Vec<(String, u32)> =
            numbers.iter().map(|((service, level), &number)| (format!("{service}:{level}"), number)).collect();
        named.sort_unstable();
        let mut renumbered = vec![0u32; named.len()];
        for ((_, number), rank) in named.iter().zip(0u32..) {
            renumbered[*number as usize] = rank;
        }
        let mut list: Vec<((&str, Vec<u32>), usize)> = found
            .into_iter()
            .map(|((platform, mut set), number)| {
                for permission in &mut set {
                    *permission = renumbered[*permission as usize];
                }
                set.sort_unstable();
                ((platform, set), number)
            })
            .collect();
        list.sort_unstable();
        let mut ranks = vec![0usize; list.len()];
        for (rank, (_, number)) in list.iter().enumerate() {
            ranks[*number] = rank;
        }
        Self {
            names: named.into_iter().map(|(name, _)| name).collect(),
            list: list.into_iter().map(|(set, _)| set).collect(),
            of: of.into_iter().map(|set| ranks[set]).collect(),
        }
    }

    /// Principals with each set.
    fn frequency(&self) -> Vec<u32> {
        let mut n = vec![0u32; self.list.len()];
        for &set in &self.of {
            n[set] += 1;
        }
        n
    }

    /// A digest of a set's content that stays the same from scan to scan.
    fn digest(&self, set: usize) -> u64 {
        let (platform, permissions) = &self.list[set];
        let names = permissions.iter().map(|&permission| self.names[permission as usize].as_str());
        std::iter::once(*platform).chain(names).fold(0, |all, name| mix(all ^ text_hash(name)))
    }
}

/// Name of the observed cohort of each set; `None` for the empty ones.
fn observed(sets: &Sets<'_>, similarity_min: f64) -> Vec<Option<String>> {
    let hashes: Vec<u64> = sets.names.iter().map(|name| text_hash(name)).collect();
    let frequency = sets.frequency();
    let mut order: Vec<usize> = (0..sets.list.len()).filter(|&set| !sets.list[set].1.is_empty()).collect();
    order.sort_by_key(|&set| (std::cmp::Reverse(frequency[set]), set));
    let mut buckets: FxHashMap<(&str, usize, u64), Vec<usize>> = FxHashMap::default();
    let mut centre: Vec<Option<usize>> = vec![None; sets.list.len()];
    for set in order {
        let (platform, permissions) = &sets.list[set];
        let bands = bands(permissions, &hashes);
        let mut near: BTreeSet<usize> = BTreeSet::new();
        for (at, &band) in bands.iter().enumerate() {
            near.extend(buckets.get(&(*platform, at, band)).into_iter().flatten().take(COMPARED_MAX / BANDS));
        }
        let alike = near.into_iter().map(|other| (jaccard(permissions, &sets.list[other].1), other));
        let best = alike.filter(|(similarity, _)| *similarity >= similarity_min);
        let best = best.max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
        centre[set] = Some(best.map_or(set, |(_, other)| other));
        if best.is_none() {
            for (at, band) in bands.into_iter().enumerate() {
                buckets.entry((platform, at, band)).or_default().push(set);
            }
        }
    }
    let name = |set: usize| format!("{}/similar/{:08x}", sets.list[set].0, sets.digest(set) >> 32);
    centre.into_iter().map(|centre| centre.map(name)).collect()
}

/// The bands of a set's signature: least hashes under as many orders of the permissions.
fn bands(permissions: &[Permission], hashes: &[u64]) -> Vec<u64> {
    let least = |order: u64| {
        let seed = mix(order + 1);
        permissions.iter().map(|&permission| mix(hashes[permission as usize] ^ seed)).min().unwrap_or(0)
    };
    let signature: Vec<u64> = (0..(BANDS * BAND) as u64).map(least).collect();
    signature.chunks(BAND).map(|band| band.iter().fold(0, |all, &hash| mix(all ^ hash))).collect()
}

/// `|A and B| / |A or B|` of two sorted lists.
#[expect(clippy::cast_precision_loss, reason = "a catalogue has far fewer than 2^52 permissions")]
fn jaccard(a: &[Permission], b: &[Permission]) -> f64 {
    let small: FxHashSet<Permission> = a.iter().copied().collect();
    let both = b.iter().filter(|permission| small.contains(permission)).count();
    both as f64 / (a.len() + b.len() - both).max(1) as f64
}

/// FNV-1a.
fn text_hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The finaliser of the generator `SplitMix64`: every bit of the result depends on every bit of the input.
fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testkit::World;

    /// Roles with these services to read.
    fn world(roles: &[&[&str]]) -> World {
        let mut world = World::new();
        for (at, services) in roles.iter().enumerate() {
            let role = world.role(&format!("r{at}"));
            for service in *services {
                world.may(role, service, "read", 1, 8.0);
            }
        }
        world
    }

    #[test]
    fn the_surprise_is_the_sum_of_what_each_permission_adds() {
        world(&[&["s3", "kms"], &["s3"], &["s3"], &["s3"], &["s3"]]).with(|context| {
            let found = compare(context);
            // Four peers: all have s3, none has kms; alpha and beta are one half.
            let (s3, kms) = (-(4.5f64 / 5.0).ln(), -(0.5f64 / 5.0).ln());
            let first = &found.standings[0];
            assert!((first.surprise.unwrap() - (s3 + kms)).abs() < 1e-12);
            assert_eq!((first.cohort.as_str(), first.surprise_percentile), ("aws/role/nhi", Some(0.8)));
            let second = &found.standings[1];
            assert!((second.surprise.unwrap() - s3).abs() < 1e-12 && second.surprise_percentile == Some(0.0));
            let rows = found.peers.of(context.principals().next().unwrap().entity);
            let declared: Vec<_> = rows.iter().filter(|row| row.cohort_kind == CohortKind::Declared).collect();
            let told: Vec<_> = declared.iter().map(|row| (row.permission.as_str(), row.n_p, row.n)).collect();
            assert_eq!(told, [("kms:read", 0, 4), ("s3:read", 4, 4)]);
        });
    }

    #[test]
    fn who_may_do_much_the_same_is_an_observed_cohort() {
        let (a, b): (&[&str], &[&str]) = (&["a", "b", "c", "d"], &["x", "y", "z"]);
        let mut world = world(&[a, &["a", "b", "c"], b, &["x", "y", "z", "w"], a, &[]]);
        world.config.thresholds.cohort_size_min = 3;
        world.with(|context| {
            let found = compare(context);
            let cohort = |at: usize| found.standings[at].observed.clone();
            assert_eq!(cohort(0), cohort(1));
            assert_eq!(cohort(0), cohort(4));
            assert_eq!(cohort(2), cohort(3));
            assert_ne!(cohort(0), cohort(2));
            assert_eq!((cohort(0).map(|one| one.1), cohort(5)), (Some(3), None));
            // Of two peers, both have a, b and c, one has d.
            let expected = -3.0 * (2.5f64 / 3.0).ln() - (1.5f64 / 3.0).ln();
            assert!((found.standings[0].observed_surprise.unwrap() - expected).abs() < 1e-12);
        });
    }

    #[test]
    fn every_set_of_twenty_thousand_is_as_like_its_centre_as_is_asked() {
        let names: Vec<String> = (0..400).map(|at| format!("s{at:03}:read")).collect();
        // Three hundred families, whose members differ in one permission.
        let base = |family: u32| (0..11).map(move |k| (family * 37 + k * k * (1 + family % 5)) % 400);
        let set = |at: u32| base(at % 300).chain([at % 389]).collect::<BTreeSet<u32>>();
        let mut list: Vec<(&str, Vec<u32>)> = (0..20_000).map(|at| ("aws", set(at).into_iter().collect())).collect();
        list.sort_unstable();
        list.dedup();
        let of = (0..20_000).map(|at| at % list.len()).collect();
        let sets = Sets { names, list, of };
        let cohorts = observed(&sets, 0.5);
        let named = |set: usize| format!("aws/similar/{:08x}", sets.digest(set) >> 32);
        let centres: BTreeMap<String, usize> = (0..sets.list.len()).map(|set| (named(set), set)).collect();
        for (at, cohort) in cohorts.iter().enumerate() {
            let centre = centres[cohort.as_ref().unwrap()];
            assert!(jaccard(&sets.list[at].1, &sets.list[centre].1) >= 0.5);
        }
        let distinct: BTreeSet<_> = cohorts.iter().flatten().collect();
        assert!(sets.list.len() > 15_000 && distinct.len() < 600, "{} of {}", distinct.len(), sets.list.len());
    }
}
