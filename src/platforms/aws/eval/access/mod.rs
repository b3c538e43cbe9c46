//! What a class may do, counted in actions of the catalogue by service and access level.
//!
//! What each layer allows is kept as [parts](parts): a pattern, or everything, with the actions and resource types
//! that it is about. Layers intersect (identity, boundary, each SCP level), denies take away. How wide an action is
//! granted follows from the parts that are left: on named resources, on a pattern, or on everything, which is every
//! resource of all types that the action needs, in the caller's account. A statement's condition counts as satisfied
//! when the caller can satisfy it, and a deny as void when the caller can avoid it; what hangs on the environment is
//! possible only.

mod chance;
mod listed;
mod parts;
mod slots;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use std::borrow::Cow;

use roaring::RoaringBitmap;

use self::chance::{Judge, Judged, Standing};
pub use self::listed::known;
use self::parts::{Deny, Part, Parts, Region};
pub use self::slots::Cache;
use self::slots::{Slots, is_foreign};
use super::super::catalog::Catalog;
use super::accounts::RCP_SERVICES;
use super::denies;
use super::facts::{Fact, Facts};
use super::pattern::{Pattern, is_everything};
use super::statement::{Actions, Resources, Statement};
use super::view::Holder;
use crate::model::{Access, Certainty, Decision, EntityId, Layer};
use crate::platforms::Standpoint;

/// Names of the breadths, narrowest first, and their weights in a privilege mass.
const BREADTHS: [(&str, f64); 3] = [("one", 1.0), ("prefix", 2.0), ("all", 4.0)];

/// Stands for the value of an open variable until it becomes a star.
const OPEN: &str = "\u{E003}";

/// Actions by breadth: index 0 holds all of index 1, which holds all of index 2.
type ByBreadth = [RoaringBitmap; 3];

/// The counted access of one class.
pub struct Summary {
    certain: ByBreadth,
    /// Holds `certain`.
    possible: ByBreadth,
    /// What the difference hangs on: a missing document, or conditions.
    doubt: Decision,
    /// Grants that allow on everything, with the actions, for evidence.
    broad: Vec<(u32, RoaringBitmap)>,
    /// Identity statements that allow something, with the actions that they are about.
    giving: Vec<(u32, Arc<Actions>)>,
}

impl Summary {
    /// Counts what the holder's class may do.
    #[must_use]
    pub fn of(holder: &Holder<'_>) -> Self {
        Self::over(holder, None)
    }

    /// Counts what the holder's class may do with some actions only, at a fraction of the cost of all.
    #[must_use]
    pub fn of_actions(holder: &Holder<'_>, actions: &RoaringBitmap) -> Self {
        Self::over(holder, Some(&Slots::get().of(actions)))
    }

    fn over(holder: &Holder<'_>, only: Option<&RoaringBitmap>) -> Self {
        let reading = Reading { holder, judge: Judge::new(holder), cache: &holder.compiled.scopes };
        let judged = reading.judged();
        let mut total = reading.layer(&judged, 0, holder.all_allowed, !holder.identity_missing.is_empty());
        if holder.boundary.is_some() {
            total = total.and(&reading.layer(&judged, 1, false, holder.boundary_missing.is_some()));
        }
        for (at, (_, missing)) in holder.scps.iter().flatten().enumerate() {
            total = total.and(&reading.layer(&judged, 2 + at, false, !missing.is_empty()));
        }
        for one in judged.iter().filter(|one| denies(one.statement)) {
            if matches!(one.standing, Standing::Possible | Standing::Certain) {
                total = reading.deny(one.statement, one.standing == Standing::Certain, None, total);
            }
        }
        let (mut total, rcp_missing) = reading.rcps(total);
        let missing_control = holder.scps.iter().flatten().any(|(_, missing)| !missing.is_empty());
        let missing = holder.boundary_missing.is_some() || !holder.identity_missing.is_empty() || missing_control;
        if missing {
            // It may deny everything.
            total = total.doubted(&Slots::get().all);
        }
        let possible = by_breadth(total.iter(), only);
        let open = total.iter().any(|part| !part.certain);
        Self {
            certain: if open { by_breadth(total.iter().filter(|part| part.certain), only) } else { possible.clone() },
            possible,
            doubt: if missing || rcp_missing { Decision::Unknown } else { Decision::Conditional },
            broad: reading.broad(&judged),
            giving: giving(&judged),
        }
    }

    /// Whether every action that the pattern matches is allowed on every resource, those aside that a deny names.
    #[must_use]
    pub fn everything(&self, pattern: &str) -> Option<Standpoint> {
        let asked = Catalog::get().matching(pattern);
        if asked.is_empty() || !asked.is_subset(&self.possible[2]) {
            return None;
        }
        let certain = asked.is_subset(&self.certain[2]);
        let doubt = match self.doubt {
            Decision::Unknown => "a policy that is not in the export may limit it",
            _ => "conditions on the environment limit it",
        };
        let granting = self.broad.iter().filter(|(_, actions)| !actions.is_disjoint(&asked));
        let mut evidence: Vec<u32> = granting.map(|(grant, _)| *grant).collect();
        evidence.sort_unstable();
        evidence.dedup();
        Some(Standpoint {
            certainty: if certain { Certainty::Certain } else { Certainty::Conditional },
            reasons: if certain { Vec::new() } else { vec![doubt.to_owned()] },
            evidence,
        })
    }

    /// One row for each service, level and decision with at least one action. A row of what is certain counts every
    /// action that certainly is granted, as widely as it certainly is. A row of what is possible counts what comes to
    /// that: the actions that may be granted, or granted more widely, and only the additional mass, so that the
    /// masses of both rows add up to that of everything possible.
    #[must_use]
    pub fn rows(&self, entity: EntityId) -> Vec<Access> {
        let mut out = Vec::new();
        let mut more: ByBreadth = std::array::from_fn(|at| &self.possible[at] - &self.certain[at]);
        for at in (0..2).rev() {
            let wider = more[at + 1].clone();
            more[at] |= wider;
        }
        let certain = by_range(&self.certain);
        let possible = if more[0].is_empty() { certain.clone() } else { by_range(&self.possible) };
        let more = by_range(&more);
        for (at, range) in Catalog::get().ranges().iter().enumerate() {
            let counts = |sets: &[Vec<u64>; 3]| -> [u64; 3] { std::array::from_fn(|breadth| sets[breadth][at]) };
            let (certain, more) = (counts(&certain), counts(&more));
            let additional = if more[0] == 0 { 0.0 } else { weight(&counts(&possible)) - weight(&certain) };
            let rows = [(certain, weight(&certain), Decision::Allowed), (more, additional, self.doubt)];
            for (counts, weight, decision) in rows.into_iter().filter(|(counts, ..)| counts[0] > 0) {
                let widest = counts.iter().rposition(|&count| count > 0).unwrap_or(0);
                out.push(Access {
                    entity,
                    service: range.service.to_owned(),
                    level: range.level.as_str().to_owned(),
                    granted_n: u32::try_from(counts[0]).unwrap_or(u32::MAX),
                    unused_n: None,
                    observable_n: None,
                    undetermined_n: None,
                    breadth: BREADTHS[widest].0.to_owned(),
                    mass: f64::from(range.level.weight()) * weight,
                    observable_mass: None,
                    used_mass: None,
                    unused_mass: None,
                    window_days: None,
                    decision,
                    evidence_grade: "static".to_owned(),
                });
            }
        }
        out
    }
}

/// Identity statements that may take effect and allow.
fn giving(judged: &[Judged<'_>]) -> Vec<(u32, Arc<Actions>)> {
    let own = judged.iter().filter(|one| one.layer == 0 && one.standing != Standing::Never && !denies(one.statement));
    own.map(|one| (one.statement.grant, Arc::clone(&one.statement.actions))).collect()
}

/// Breadth weights of so many actions.
fn weight(counts: &[u64; 3]) -> f64 {
    let count = |n: u64| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
    BREADTHS[0].1 * count(counts[0] - counts[1])
        + BREADTHS[1].1 * count(counts[1] - counts[2])
        + BREADTHS[2].1 * count(counts[2])
}

/// Privilege mass of every action on everything.
#[must_use]
pub fn administrator_mass() -> f64 {
    let actions = Catalog::get().actions();
    actions.iter().map(|action| f64::from(action.level.weight()) * BREADTHS[2].1).sum()
}

/// Actions of each set in each range of the catalogue. Sets are walked once: asking a set for its size within each of
/// the thousand and more ranges costs far more.
fn by_range(sets: &ByBreadth) -> [Vec<u64>; 3] {
    let walk = |set: &RoaringBitmap| {
        let ranges = Catalog::get().ranges();
        let mut counts = vec![0; ranges.len()];
        let mut range = 0;
        for action in set {
            while ranges[range].end <= action {
                range += 1;
            }
            counts[range] += 1;
        }
        counts
    };
    let narrow = walk(&sets[0]);
    let prefix = if sets[1] == sets[0] { narrow.clone() } else { walk(&sets[1]) };
    let all = if sets[2] == sets[1] { prefix.clone() } else { walk(&sets[2]) };
    [narrow, prefix, all]
}

fn by_breadth<'p>(parts: impl Iterator<Item = &'p Part>, only: Option<&RoaringBitmap>) -> ByBreadth {
    let mut slots = ByBreadth::default();
    for part in parts {
        let own = only.map_or(Cow::Borrowed(&part.slots), |only| Cow::Owned(&part.slots & only));
        for slots in &mut slots[..=part.region.breadth()] {
            *slots |= &*own;
        }
    }
    let [narrow, prefix, all] = &slots;
    let filled = Slots::get().filled(narrow, false);
    let wider = if prefix == narrow { filled.clone() } else { Slots::get().filled(prefix, false) };
    [filled, wider, Slots::get().filled(all, true)]
}

/// A holder's statements as they are turned into parts.
struct Reading<'h, 'c> {
    holder: &'h Holder<'c>,
    judge: Judge<'h, 'c>,
    cache: &'h Cache,
}

/// What a statement says of resources.
struct Scope {
    /// In a region each.
    parts: Vec<Part>,
    /// What a statement about all but some resources leaves out.
    spared: Vec<Part>,
}

impl<'c> Reading<'_, 'c> {
    /// All statements with their standing: layer 0 is the identity's, 1 the boundary's, then the SCP levels'.
    fn judged(&self) -> Vec<Judged<'c>> {
        let holder = self.holder;
        let boundary: &[usize] = holder.boundary.as_deref().unwrap_or_default();
        let controls = holder.scps.iter().flatten().map(|(statements, _)| &statements[..]);
        let layers = [&holder.identity[..], boundary].into_iter().chain(controls).enumerate();
        let statements = layers.flat_map(|(layer, list)| list.iter().map(move |&at| (layer, at)));
        let mut judged: Vec<Judged<'c>> =
            statements.map(|(layer, at)| self.judge.judge(holder.compiled.statement(at), layer)).collect();
        self.judge.settle(&mut judged);
        judged
    }

    /// What one layer allows. A missing document may allow everything.
    fn layer(&self, judged: &[Judged<'_>], layer: usize, all_allowed: bool, missing: bool) -> Parts {
        let mut out = Parts::default();
        for certain in [all_allowed.then_some(true), missing.then_some(false)].into_iter().flatten() {
            out.add(Part { region: Region::All, slots: Slots::get().all.clone(), certain });
        }
        for one in judged.iter().filter(|one| one.layer == layer && !denies(one.statement)) {
            if one.standing != Standing::Never {
                let certain = one.standing != Standing::Possible;
                self.scope(one.statement, certain).parts.into_iter().for_each(|part| out.add(part));
            }
        }
        out
    }

    /// Takes a deny away, `within` some slots only.
    fn deny(&self, statement: &Statement, certain: bool, within: Option<&RoaringBitmap>, total: Parts) -> Parts {
        let scope = self.scope(statement, certain);
        let mut total = total;
        for part in scope.parts {
            let slots = within.map_or_else(|| part.slots.clone(), |within| &part.slots & within);
            let spared = if matches!(part.region, Region::AllBut(_)) { scope.spared.clone() } else { Vec::new() };
            total = total.without(&Deny { region: part.region, slots, certain: part.certain, spared });
        }
        total
    }

    /// Takes away what the RCPs of the holder's account deny; whether one of them is missing.
    fn rcps(&self, mut total: Parts) -> (Parts, bool) {
        let compiled = self.holder.compiled;
        let rcps = compiled.account(&self.holder.principal.account).map_or(&[][..], |account| &account.rcps[..]);
        if rcps.is_empty() || self.holder.principal.service_linked {
            return (total, false);
        }
        let catalog = Catalog::get();
        let mut bound = RoaringBitmap::new();
        for range in RCP_SERVICES.iter().flat_map(|service| catalog.service_ranges(service)) {
            bound.insert_range(range.start..range.end);
        }
        let bound = Slots::get().of(&bound);
        let statements = rcps.iter().flat_map(|&policy| compiled.in_layer(policy, Layer::Rcp));
        for statement in statements.map(|at| compiled.statement(at)).filter(|statement| denies(statement)) {
            let standing = self.judge.judge(statement, usize::MAX).standing;
            if matches!(standing, Standing::Possible | Standing::Certain) {
                total = self.deny(statement, standing == Standing::Certain, Some(&bound), total);
            }
        }
        let missing = rcps.iter().any(|&policy| !compiled.tables.entity(policy).present);
        (if missing { total.doubted(&bound) } else { total }, missing)
    }

    /// Identity statements that allow on everything, with the actions.
    fn broad(&self, judged: &[Judged<'_>]) -> Vec<(u32, RoaringBitmap)> {
        let mut out = Vec::new();
        for one in judged.iter().filter(|one| one.layer == 0 && one.standing != Standing::Never) {
            if !denies(one.statement) {
                let parts = self.scope(one.statement, true).parts;
                let wide = parts.iter().filter(|part| part.region.breadth() == 2);
                let slots = wide.fold(RoaringBitmap::new(), |all, part| all | &part.slots);
                out.push((one.statement.grant, Slots::get().filled(&slots, false)));
            }
        }
        out
    }

    /// The resources of a statement as parts.
    fn scope(&self, statement: &Statement, certain: bool) -> Scope {
        let actions = self.cache.actions(&statement.actions);
        let mut scope = Scope { parts: Vec::new(), spared: Vec::new() };
        let patterns = match &statement.resources {
            Resources::Any => {
                scope.parts.push(Part { region: Region::All, slots: (*actions).clone(), certain });
                return scope;
            }
            Resources::Some(patterns) | Resources::AllBut(patterns) => patterns,
        };
        let mut whole = Part { region: Region::All, slots: RoaringBitmap::new(), certain };
        let mut narrow = Vec::new();
        for (text, known) in self.expanded(patterns) {
            // What is another account's, that account must allow too.
            let foreign = self.is_foreign(&text);
            let sure = known && (denies(statement) || !foreign);
            let matched = self.matched(&text);
            if sure {
                whole.slots |= &*actions & &*matched.0;
            } else {
                let slots = &*actions & &*matched.0;
                narrow.push(Part { region: Region::All, slots, certain: false });
            }
            let slots = &(&*actions & &*matched.1) - &*matched.0;
            narrow.push(Part { region: Region::Within(text), slots, certain: certain && sure });
        }
        narrow.retain(|part| !part.slots.is_empty());
        if matches!(statement.resources, Resources::Some(_)) {
            scope.parts.push(whole);
            scope.parts.extend(narrow);
            return scope;
        }
        let texts = narrow.iter().filter_map(|part| match &part.region {
            Region::Within(text) => Some(Arc::clone(text)),
            _ => None,
        });
        let mut texts: Vec<Arc<str>> = texts.collect();
        texts.sort();
        texts.dedup();
        let region = if texts.is_empty() { Region::All } else { Region::AllBut(texts) };
        scope.parts.push(Part { region, slots: &*actions - &whole.slots, certain });
        scope.spared = narrow;
        scope
    }

    /// Whether a pattern is about what is another account's: by its ARN, or a bucket by what the export says of it.
    fn is_foreign(&self, text: &str) -> bool {
        let account = &self.holder.principal.account;
        let bucket = text.split('/').next().filter(|bucket| bucket.contains(":s3:::") && !bucket.contains(['*', '?']));
        let owner = bucket.and_then(|bucket| self.holder.target(bucket).account);
        is_foreign(text, account) || owner.is_some_and(|owner| owner != *account)
    }

    /// Slots that an expanded pattern matches wholly and at all.
    fn matched(&self, text: &str) -> (Arc<RoaringBitmap>, Arc<RoaringBitmap>) {
        if is_everything(text) {
            let all = Arc::new(Slots::get().all.clone());
            return (Arc::clone(&all), all);
        }
        let principal = &self.holder.principal;
        let partition = principal.arn.split(':').nth(1).unwrap_or("aws");
        let matched = self.cache.pattern(text, partition, &principal.account);
        (matched.whole, matched.some)
    }

    /// Patterns with the values of their variables, and whether those are known; an open one is a star. Those that
    /// match nothing are left out.
    fn expanded(&self, patterns: &[Pattern]) -> Vec<(Arc<str>, bool)> {
        let facts = self.judge.facts();
        let value = |key: &str| value(&facts, key);
        let mut out = Vec::new();
        for pattern in patterns {
            let Some(text) = pattern.expand(value) else { continue };
            let sure = !text.contains(OPEN);
            let text = if sure { text.into_owned() } else { text.replace(OPEN, "*") };
            if text.starts_with("arn:") || is_everything(&text) {
                out.push((Arc::from(text), sure));
            }
        }
        out
    }
}

fn value(facts: &Facts<'_>, key: &str) -> Option<String> {
    match facts.of(key) {
        Fact::Known(values) if values.len() == 1 => values.into_iter().next(),
        Fact::Known(_) => None,
        Fact::Open(_) => Some(OPEN.to_owned()),
    }
}
