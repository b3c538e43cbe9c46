//! Narrower forms of a grant: what its draft says it is for, and of that what recorded use supports.
//!
//! A grant is cut to the intent's grants about its holder: actions and resources that both are about, one statement for
//! each set of resources. Recorded use narrows it further. It is that of the holder; where the holder cannot be watched
//! (a group, a policy), of everyone who has something through it; where there is none, of whoever has the very same
//! statement already, whom the draft copies. An action that was watched and not used is left out where a wildcard asks
//! for it, or where whoever was watched holds it. What nobody watched stays: unknown is not unused. Of a wildcard over
//! something of which single uses were recorded, what was used is left.

use std::collections::{BTreeMap, BTreeSet};

use crate::access::{Evaluators, Known, Recorded};
use crate::change::gate::Base;
use crate::change::gate::access::{is_one_of, statements, who_through};
use crate::change::gate::affected::holders;
use crate::change::gate::parties::entity;
use crate::change::gate::pattern::{covers, covers_ignore_case, is_wild, overlaps};
use crate::change::{Change, ChangeSet, IntentGrant};
use crate::model::text::glob_ignore_case;
use crate::model::{Effect, EntityId, Granularity, Layer, Usage};
use crate::platforms;

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;
/// Names listed in a sentence.
const NAMED_MAX: usize = 10;

/// A grant in a narrower form.
#[derive(Debug, Clone, PartialEq)]
pub struct Form {
    /// What stands in place of the operation, at least one.
    pub changes: Vec<Change>,
    /// What was taken from it and why, in words.
    pub why: Vec<String>,
}

/// Actions and the resources that they are on.
type Part = (BTreeSet<String>, Vec<String>);

/// Narrows the grants of one draft.
pub struct Narrower<'s> {
    base: &'s Base<'s>,
    evaluators: &'s Evaluators<'s>,
    set: &'s ChangeSet,
}

/// What was recorded of whom.
struct Watched {
    /// Full ids, sorted.
    who: Vec<String>,
    /// What was recorded of each.
    each: Vec<Seen>,
    /// Actions that any of them holds, in lower case.
    held: BTreeSet<String>,
}

/// What was recorded of one principal, by what it names, in lower case: whether it was used in the window.
#[derive(Default)]
struct Seen {
    actions: BTreeMap<String, bool>,
    services: BTreeMap<String, bool>,
}

/// What use says of an action; the greatest of several principals counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Use {
    Unused,
    /// Nobody watched.
    Unknown,
    Used,
}

impl<'s> Narrower<'s> {
    pub const fn new(base: &'s Base<'s>, evaluators: &'s Evaluators<'s>, set: &'s ChangeSet) -> Self {
        Self { base, evaluators, set }
    }

    /// Narrower forms of an operation, the least first; none for one that gives nothing, or that cannot be narrower.
    pub fn forms(&self, change: &Change) -> Vec<Form> {
        let Change::PutGrant { holder, effect: Effect::Allow, layer: None | Some(Layer::Identity), .. } = change else {
            return Vec::new();
        };
        let Some(of) = self.base.tables.find(holder) else { return self.intended(change, None).into_iter().collect() };
        let meant = self.intended(change, Some(of));
        let least = self.supported(change, of, meant.as_ref());
        least.into_iter().chain(meant).collect()
    }

    /// The catalogue of the platform that a grant's holder is on.
    fn catalogue(&self, holder: &str) -> Vec<&'static str> {
        let created = self.set.changes.iter().find_map(|one| match one {
            Change::CreatePrincipal { principal, platform, .. } if principal == holder => platform.as_deref(),
            _ => None,
        });
        let known = self.base.tables.find(holder).map(|of| self.base.tables.entity(of).platform.as_str());
        let platform = known.or(created).and_then(platforms::of);
        platform.map(platforms::Platform::actions).unwrap_or_default()
    }

    /// The grant cut to the intent; `None` when nothing is left, or nothing is taken.
    fn intended(&self, change: &Change, of: Option<EntityId>) -> Option<Form> {
        let Change::PutGrant { holder, actions, not_actions, resources, not_resources, .. } = change else {
            return None;
        };
        let catalogue = self.catalogue(holder);
        let mut parts: Vec<Part> = Vec::new();
        for grant in self.set.intent.grants.iter().filter(|grant| self.is_about(grant, holder, of)) {
            let all: BTreeSet<String> = if not_actions.is_empty() {
                actions.iter().flat_map(|one| both_actions(one, &grant.actions, &catalogue)).collect()
            } else {
                let spared = |one: &&String| not_actions.iter().any(|not| overlaps(&lower(not), &lower(one)));
                grant.actions.iter().filter(|one| !spared(one)).cloned().collect()
            };
            let own = if not_resources.is_empty() { resources.clone() } else { vec!["*".to_owned()] };
            let on: BTreeSet<String> =
                own.iter().flat_map(|one| grant.resources.iter().filter_map(|by| self.both(of, one, by))).collect();
            let on = on.into_iter().filter(|one| !not_resources.iter().any(|not| overlaps(not, one)));
            add(&mut parts, all, on.collect());
        }
        let same = |(all, on): &Part| {
            all.iter().eq(actions.iter().collect::<BTreeSet<_>>())
                && on.iter().collect::<BTreeSet<_>>() == resources.iter().collect::<BTreeSet<_>>()
                && not_resources.is_empty()
        };
        if parts.is_empty() || matches!(parts.as_slice(), [one] if same(one)) {
            return None;
        }
        let dropped = |own: &[String], kept: BTreeSet<&String>| named(own.iter().filter(|one| !kept.contains(one)));
        let mut why = Vec::new();
        let actions = dropped(actions, parts.iter().flat_map(|(all, _)| all).collect());
        let resources = dropped(resources, parts.iter().flat_map(|(_, on)| on).collect());
        for (what, list) in [("actions", actions), ("resources", resources)] {
            if !list.is_empty() {
                why.push(format!("the intent does not cover the {what} {list}"));
            }
        }
        if !not_actions.is_empty() || !not_resources.is_empty() {
            why.push("the intent names what it is about, and not what it leaves out".to_owned());
        }
        Some(Form { changes: written(change, parts), why })
    }

    /// What two resources have in common, where one is inside the other.
    fn both(&self, of: Option<EntityId>, one: &str, other: &str) -> Option<String> {
        let inside = |outer: &str, inner: &str| {
            let evaluator = of.and_then(|of| Some((of, self.evaluators.of(&self.base.tables.entity(of).platform)?)));
            let asked = evaluator.and_then(|(of, evaluator)| evaluator.encloses(of, outer, inner));
            covers(outer, inner) || asked.unwrap_or(false)
        };
        if inside(other, one) { Some(one.to_owned()) } else { inside(one, other).then(|| other.to_owned()) }
    }

    /// Whether a grant of the intent is about whoever has something through a holder.
    fn is_about(&self, grant: &IntentGrant, holder: &str, of: Option<EntityId>) -> bool {
        let tables = self.base.tables;
        let Some(of) = of else { return grant.principal == holder };
        let Some(named) = entity(tables, &grant.principal) else { return false };
        let (named, acts) = (named.entity, tables.entity(of).is_principal());
        named == of
            || holders(tables, of).contains_key(&named)
            || is_one_of(tables, named, of)
            || (!acts && who_through(tables, [of]).contains(&named))
    }

    /// What recorded use supports of a grant, or of a narrower form of it; `None` when that is nothing, or no less.
    fn supported(&self, change: &Change, of: EntityId, form: Option<&Form>) -> Option<Form> {
        let changes = form.map_or_else(|| vec![change.clone()], |form| form.changes.clone());
        let watched = self.watched(change, of)?;
        let catalogue = self.catalogue(&self.base.tables.entity(of).id);
        let mut parts: Vec<Part> = Vec::new();
        let (mut unused, mut spared) = (BTreeSet::new(), false);
        for one in &changes {
            let Change::PutGrant { actions, not_actions, resources, .. } = one else { continue };
            if !not_actions.is_empty() {
                return None;
            }
            let mut kept = BTreeSet::new();
            for action in actions {
                let left = self.used(of, action, &catalogue, &watched);
                if !left.contains(action) {
                    unused.insert(action.clone());
                    spared |= !left.is_empty();
                }
                kept.extend(left);
            }
            add(&mut parts, kept, resources.clone());
        }
        if unused.is_empty() || parts.is_empty() {
            return None;
        }
        let mut why = form.map(|form| form.why.clone()).unwrap_or_default();
        let days = self.base.config.thresholds.unused_days_max;
        let kept: BTreeSet<&String> = parts.iter().flat_map(|(all, _)| all).collect();
        let rest = if spared { format!(": what was used of it is {}", named(kept.into_iter())) } else { String::new() };
        let (who, what) = (named(watched.who.iter()), named(unused.iter()));
        why.push(format!("{who} did not use all of {what} in the {days} days before the snapshot{rest}"));
        Some(Form { changes: written(change, parts), why })
    }

    /// What is left of one action of a grant.
    fn used(&self, of: EntityId, action: &str, catalogue: &[&'static str], watched: &Watched) -> BTreeSet<String> {
        let platform = &self.base.tables.entity(of).platform;
        let Some(evaluator) = self.evaluators.of(platform) else { return BTreeSet::from([action.to_owned()]) };
        let says = |name: &str| {
            let of = |known: Known| watched.says(&known, &evaluator.usage_name(&known));
            evaluator.known(name).map_or(Use::Unknown, of)
        };
        let all = BTreeSet::from([action.to_owned()]);
        if !is_wild(action) {
            let leave = says(action) == Use::Unused && watched.held.contains(&lower(action));
            return if leave { BTreeSet::new() } else { all };
        }
        let meant: Vec<&str> = catalogue.iter().copied().filter(|name| glob_ignore_case(action, name)).collect();
        let uses: Vec<(&str, Use)> = meant.into_iter().map(|name| (name, says(name))).collect();
        let any = |wanted: Use| uses.iter().any(|(_, one)| *one == wanted);
        let of = |wanted: Use| -> BTreeSet<String> {
            uses.iter().filter(|(_, one)| *one == wanted).map(|(name, _)| (*name).to_owned()).collect()
        };
        match (any(Use::Used), any(Use::Unused)) {
            // Nothing was used, or nothing was watched: what no log can show may be needed.
            (false, true) => of(Use::Unknown),
            (true, true) => of(Use::Used),
            (_, false) => all,
        }
    }

    /// Whose use says something of a grant, and what was recorded of it; `None` where nothing was.
    fn watched(&self, change: &Change, of: EntityId) -> Option<Watched> {
        let tables = self.base.tables;
        let own = BTreeSet::from([of]);
        let candidates = if tables.entity(of).is_principal() { own } else { who_through(tables, [of]) };
        let seen = |all: BTreeSet<EntityId>| -> BTreeSet<EntityId> {
            all.into_iter().filter(|&one| !self.usage(one).is_empty()).collect()
        };
        let mut who = seen(candidates);
        if who.is_empty() {
            who = seen(self.copied(change, of));
        }
        if who.is_empty() {
            return None;
        }
        let from = self.base.as_of.saturating_sub(i64::from(self.base.config.thresholds.unused_days_max) * DAY);
        let ids = who.iter().map(|&one| tables.entity(one).id.clone()).collect();
        let mut watched = Watched { who: ids, each: Vec::new(), held: BTreeSet::new() };
        for &one in &who {
            let mut seen = Seen::default();
            for row in self.usage(one) {
                let rows = match row.granularity {
                    Granularity::Action => &mut seen.actions,
                    Granularity::Service => &mut seen.services,
                };
                *rows.entry(lower(&row.permission)).or_default() |= row.last_used_at.is_some_and(|at| at >= from);
            }
            watched.each.push(seen);
            let granted =
                self.evaluators.of(&tables.entity(one).platform).map(|by| by.granted(one)).unwrap_or_default();
            let actions = granted.iter().flat_map(|row| &row.actions);
            watched.held.extend(actions.map(|action| lower(&action.action.name)));
        }
        Some(watched)
    }

    fn usage(&self, of: EntityId) -> &[Usage] {
        let rows = &self.base.tables.usage;
        let start = rows.partition_point(|row| row.entity < of);
        &rows[start..start + rows[start..].partition_point(|row| row.entity == of)]
    }

    /// Whoever has the same statement already, by itself or through what holds it.
    fn copied(&self, change: &Change, of: EntityId) -> BTreeSet<EntityId> {
        let Change::PutGrant { actions, not_actions, resources, .. } = change else { return BTreeSet::new() };
        let tables = self.base.tables;
        let same = |row: &crate::model::Grant| {
            row.effect == Effect::Allow
                && row.layer == Layer::Identity
                && (&row.actions, &row.not_actions, &row.resources) == (actions, not_actions, resources)
        };
        let bearers = tables.entities.iter().map(|one| one.entity);
        let bearers = bearers.filter(|&one| one != of && statements(tables, one).iter().any(same));
        let bearers: Vec<EntityId> = bearers.collect();
        if bearers.is_empty() { BTreeSet::new() } else { who_through(tables, bearers) }
    }
}

impl Watched {
    /// What use says of an action.
    fn says(&self, known: &Known, recorded: &str) -> Use {
        if matches!(known.recorded, Recorded::Never(_)) {
            return Use::Unknown;
        }
        let name = lower(recorded);
        self.each.iter().map(|one| one.says(&name)).max().unwrap_or(Use::Unknown)
    }
}

impl Seen {
    /// By the action itself, or by its service where single calls of that were not recorded.
    fn says(&self, name: &str) -> Use {
        let service = |name: &str| name.split(':').next().unwrap_or_default().to_owned();
        let own = service(name);
        match (self.actions.get(name), self.services.get(&own)) {
            (Some(true), _) => Use::Used,
            (Some(false), _) | (None, Some(false)) => Use::Unused,
            (None, _) if self.actions.keys().any(|one| service(one) == own) => Use::Unused,
            // That something of the service was used does not say what.
            (None, _) => Use::Unknown,
        }
    }
}

/// Actions that one pattern of a grant and patterns of an intent have in common.
fn both_actions(own: &str, intent: &[String], catalogue: &[&'static str]) -> Vec<String> {
    let mut out = Vec::new();
    for by in intent {
        if covers_ignore_case(by, own) {
            return vec![own.to_owned()];
        }
        if covers_ignore_case(own, by) {
            out.push(by.clone());
        } else if overlaps(&lower(own), &lower(by)) {
            let both = catalogue.iter().filter(|name| glob_ignore_case(own, name) && glob_ignore_case(by, name));
            out.extend(both.map(|name| (*name).to_owned()));
        }
    }
    out
}

/// Adds to the part that is on the same resources.
fn add(parts: &mut Vec<Part>, actions: BTreeSet<String>, resources: Vec<String>) {
    if actions.is_empty() || resources.is_empty() {
        return;
    }
    match parts.iter_mut().find(|(_, on)| *on == resources) {
        Some((all, _)) => all.extend(actions),
        None => parts.push((actions, resources)),
    }
}

/// The grant with these parts in place of its own lists: one statement each, the first under the grant's own name.
fn written(change: &Change, parts: Vec<Part>) -> Vec<Change> {
    let one = |(at, (all, on)): (usize, Part)| {
        let mut one = change.clone();
        if let Change::PutGrant { statement, actions, not_actions, resources, not_resources, .. } = &mut one {
            (*actions, *resources) = (all.into_iter().collect(), on);
            not_actions.clear();
            not_resources.clear();
            if at > 0 {
                *statement = format!("{statement}-{}", at + 1);
            }
        }
        one
    };
    parts.into_iter().enumerate().map(one).collect()
}

/// A few names in a sentence.
fn named<'n>(list: impl Iterator<Item = &'n String>) -> String {
    let all: Vec<&String> = list.collect();
    let shown: Vec<String> = all.iter().take(NAMED_MAX).map(|one| format!("`{one}`")).collect();
    let more = all.len().saturating_sub(NAMED_MAX);
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}

fn lower(text: &str) -> String {
    text.to_lowercase()
}
