//! Cut plans: the changes that lower exposure most, one after the other, each recounted from the policies themselves.
//!
//! Greedy: each step takes the lever with the largest gain. Gains are first counted on the attack graph; the best ones
//! are then tried: the change is made in a copy of the tables, the permissions that it touches are evaluated and the attack
//! graph is built again, exactly as a scan of the changed export would have it, and only what that says is believed. A lever is taken when no other one is counted to be worth more, so that
//! an alternative that the first count did not see costs a trial and not the plan. The zone is that of the snapshot
//! throughout; a change that would unmake an administrator is no step of a plan.
//!
//! Where paths are there twice no single change is worth anything, and several together are. Those of the cheapest cut
//! of one principal are such *bundles*, for some principals that most others are like, and those of the minimum cut of
//! the zone. A bundle that brings more for each change than the best single one is tried as a whole, and then its changes
//! are steps one after the other, each with what is left after it.

use std::cell::RefCell;
use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use super::Landscape;
use super::choke_points::{Staying, Worth};
use super::cut::{self, Network, Price, ZoneCut};
use super::keep::Keep;
use super::lever::Lever;
use super::levers::Levers;
use super::touched::Hands;
use super::usage::{UsedLost, Window};
use crate::graph::{Losses, UNCUTTABLE};
use crate::model::{Change, EntityId, Tables};
use crate::techniques::{AttackGraph, Changed, Library};

/// Levers that are tried for one step, the best counted first.
const TRIALS_MAX: usize = 8;
/// Bundles that are tried for one step.
const BUNDLE_TRIALS_MAX: usize = 3;
/// Principals of whom the cheapest cut is looked for at each step.
const PATTERNS_MAX: usize = 24;
/// Costs leave this much room for the number of changes, which decides between cuts of equal cost.
const COST: u64 = 1 << 24;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Request {
    /// Changes at most.
    pub budget: usize,
    /// Only what usage data says has not been used in the window.
    pub unused_only: bool,
    /// Start of the observation window, in milliseconds since 1970.
    pub window_from: i64,
}

/// One change and what it brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub lever: Lever,
    /// As change sets have it, after the steps before: several where one thing is several statements of the snapshot.
    pub changes: Vec<Change>,
    pub exposure_before: u64,
    pub exposure_after: u64,
    pub used_lost: Vec<UsedLost>,
    /// Whether usage data covers all that goes.
    pub observed: bool,
}

/// The cheapest isolation of the zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Isolation {
    /// Changes of the cut that are in use, or not known to be unused: those that cost.
    pub value: u64,
    pub levers: Vec<Lever>,
    /// Attack routes of which no two share a change that costs: as many are needed at least.
    pub routes: Vec<Vec<Lever>>,
    /// Whether there are as many as the value.
    pub exact: bool,
}

/// A plan and its bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub exposure: u64,
    /// Principals outside the protected zone.
    pub outside: u64,
    pub steps: Vec<Step>,
    /// None when no changes isolate the zone.
    pub isolation: Option<Isolation>,
    /// Why there are fewer steps than the budget has, or none.
    pub ended: Ended,
}

/// Why a plan ends where it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// All of the budget is spent.
    Budget,
    /// Nobody outside the zone reaches it any more.
    Isolated,
    /// Nothing that may be removed is worth anything, alone or with as many others as the budget pays for.
    NoSingleChange,
    /// A limit ended the recounts.
    Limit,
}

/// What is planned on.
pub struct Planner<'p> {
    pub library: &'p Library,
    pub zone: &'p [(EntityId, String)],
    /// What is declared to stay.
    pub keep: &'p Keep,
    /// Evaluates changed tables of the snapshot; with what the changes concern, where that is known to be all.
    pub evaluate: &'p dyn Fn(&Tables, Option<&Changed>) -> AttackGraph,
    pub request: Request,
}

/// Tables with the attack graph that follows from them.
struct World<'h> {
    tables: Tables,
    graph: AttackGraph,
    /// What was pulled since the snapshot.
    pulled: Vec<Lever>,
    /// Lookups over the snapshot.
    hands: &'h Hands<'h>,
}

/// What is left without levers that were tried.
struct Trial<'h> {
    world: World<'h>,
    exposed: u64,
}

/// Levers that are worth something together.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Bundle {
    levers: Vec<Lever>,
    gain: u64,
}

/// What is found for the next step.
struct Found<'h> {
    single: Option<(Lever, Trial<'h>)>,
    bundles: Vec<Bundle>,
    complete: bool,
}

/// Times that a plan of this budget evaluates all permissions, at most.
#[must_use]
pub const fn evaluations_max(budget: usize) -> u64 {
    // For each change the trials of single levers, those of bundles, and the first of the bundle that is best.
    (budget as u64).saturating_mul((TRIALS_MAX + BUNDLE_TRIALS_MAX + 1) as u64)
}

impl Planner<'_> {
    /// Makes the plan for a snapshot and its attack graph.
    #[must_use]
    pub fn plan(&self, tables: &Tables, graph: AttackGraph) -> Plan {
        let hands = Hands::new(tables);
        let mut world = World { tables: tables.clone(), graph, pulled: Vec::new(), hands: &hands };
        let (exposure, outside) = {
            let land = self.landscape(&world);
            (land.exposed(), land.outside.len() as u64)
        };
        let isolation = self.isolation(&world);
        let mut plan = Plan { exposure, outside, steps: Vec::new(), isolation, ended: Ended::Budget };
        let mut exposed = exposure;
        let mut decided: VecDeque<Lever> = VecDeque::new();
        while plan.steps.len() < self.request.budget && exposed > 0 {
            let (lever, trial) = if let Some(lever) = decided.pop_front() {
                // What was tried as a whole can be done in part, unless a part of it unmakes an administrator.
                let Some(trial) = self.attempt(&world, &[lever]) else { continue };
                (lever, trial)
            } else {
                match self.next(&world, exposed, self.request.budget - plan.steps.len()) {
                    Ok((lever, trial, rest)) => {
                        decided.extend(rest);
                        (lever, trial)
                    }
                    Err(why) => {
                        plan.ended = why;
                        break;
                    }
                }
            };
            plan.steps.push(self.told(&world, lever, trial.exposed, exposed));
            (world, exposed) = (trial.world, trial.exposed);
        }
        if exposed == 0 {
            plan.ended = Ended::Isolated;
        }
        plan
    }

    fn landscape<'w>(&self, world: &'w World<'_>) -> Landscape<'w> {
        Landscape::new(&world.tables, &world.graph.edges, &world.graph.target_sets, self.zone.to_vec())
    }

    fn window<'w>(&self, world: &'w World<'_>) -> Window<'w> {
        Window::new(&world.tables, self.request.window_from)
    }

    /// The next change, made, and those that are decided to follow.
    fn next<'h>(
        &self,
        world: &World<'h>,
        exposed: u64,
        budget: usize,
    ) -> Result<(Lever, Trial<'h>, Vec<Lever>), Ended> {
        let found = self.find(world, exposed, budget);
        let alone = found.single.as_ref().map_or(0, |(_, trial)| exposed - trial.exposed);
        for bundle in found.bundles.iter().take(BUNDLE_TRIALS_MAX) {
            let n = bundle.levers.len() as u64;
            if bundle.gain <= alone.saturating_mul(n) {
                continue;
            }
            let Some(whole) = self.attempt(world, &bundle.levers) else { continue };
            if exposed - whole.exposed > alone.saturating_mul(n)
                && let Some((first, rest)) = bundle.levers.split_first()
                && let Some(trial) = self.attempt(world, &[*first])
            {
                return Ok((*first, trial, rest.to_vec()));
            }
        }
        let ended = if found.complete { Ended::NoSingleChange } else { Ended::Limit };
        found.single.map(|(lever, trial)| (lever, trial, Vec::new())).ok_or(ended)
    }

    /// The best single lever, tried out, and the bundles that are counted to be worth something.
    fn find<'h>(&self, world: &World<'h>, exposed: u64, budget: usize) -> Found<'h> {
        let land = self.landscape(world);
        let mut losses = land.losses();
        let mut levers = Levers::new(&land, self.library, losses.reached());
        let staying = Staying { administrators: levers.of_administrators(), keep: self.keep };
        let (worths, complete) = land.removable(&mut levers, &mut losses, &staying);
        let single = self.step(world, exposed, worths);
        let all = single.as_ref().is_some_and(|(_, trial)| trial.exposed == 0);
        let bundles = if all || budget < 2 {
            Vec::new()
        } else {
            self.bundles(world, &land, &mut levers, &losses, &staying, budget)
        };
        Found { single, bundles, complete }
    }

    /// The lever that lowers exposure most, tried out.
    fn step<'h>(&self, world: &World<'h>, exposed: u64, mut worths: Vec<Worth>) -> Option<(Lever, Trial<'h>)> {
        let window = self.window(world);
        if self.request.unused_only {
            worths.retain(|worth| window.uses(worth.lever).in_window() == Some(false));
        }
        let top = worths.get(TRIALS_MAX).map_or(0, |worth| worth.gain);
        // Of equal gains, what costs less comes first. Only those that may be tried are looked up.
        let among = worths.partition_point(|worth| worth.gain >= top.max(1));
        let mut priced: Vec<((u64, u64, usize), Worth)> = worths
            .drain(..among)
            .map(|worth| {
                ((u64::MAX - worth.gain, cost(&window, worth.lever), reach_of(world, &window, worth.lever)), worth)
            })
            .collect();
        priced.sort_by_key(|(price, worth)| (*price, worth.lever));
        let mut best: Option<(Lever, Trial<'h>)> = None;
        for (_, worth) in priced.into_iter().take(TRIALS_MAX) {
            let left = best.as_ref().map_or(exposed, |(_, trial)| trial.exposed);
            if exposed - left >= worth.gain {
                break;
            }
            let Some(trial) = self.attempt(world, &[worth.lever]) else { continue };
            if trial.exposed < left {
                best = Some((worth.lever, trial));
            }
        }
        best
    }

    /// Levers that are worth something together, those that bring most for each first.
    fn bundles(
        &self,
        world: &World<'_>,
        land: &Landscape<'_>,
        levers: &mut Levers<'_>,
        losses: &Losses<'_>,
        staying: &Staying<'_>,
        budget: usize,
    ) -> Vec<Bundle> {
        let window = self.window(world);
        let price = once(|lever: Lever| {
            let paid = cost(&window, lever);
            let stays = !staying.allows(land, lever) || (self.request.unused_only && paid > 0);
            // The fewest changes, and of these the ones that cost least.
            if stays { UNCUTTABLE } else { COST + paid }
        });
        let network = Network::of(land, levers, losses.reached(), &price, |_| true);
        let exposed = land.exposed();
        let mut cuts: Vec<Vec<Lever>> = patterns(land, losses)
            .into_iter()
            .filter_map(|one| network.cut(land, std::iter::once(one)))
            .map(|cut| network.levers_of(&cut.edges))
            .collect();
        cuts.extend(cut::minimum_cut(land, levers, losses.reached(), &price).map(|cut| cut.levers));
        cuts.retain(|levers| (1..=budget).contains(&levers.len()));
        cuts.sort();
        cuts.dedup();
        let mut bundles: Vec<Bundle> = cuts
            .into_iter()
            .map(|levers| Bundle { gain: exposed.saturating_sub(network.left(land, &levers)), levers })
            .filter(|bundle| bundle.gain > 0)
            .collect();
        let each = |a: &Bundle, b: &Bundle| (a.gain * b.levers.len() as u64).cmp(&(b.gain * a.levers.len() as u64));
        bundles.sort_by(|a, b| {
            each(b, a).then_with(|| a.levers.len().cmp(&b.levers.len())).then_with(|| a.levers.cmp(&b.levers))
        });
        bundles
    }

    /// Pulls levers and evaluates what is left; `None` when that takes an administrator out of the zone.
    fn attempt<'h>(&self, world: &World<'h>, levers: &[Lever]) -> Option<Trial<'h>> {
        let mut tables = world.tables.clone();
        for lever in levers {
            lever.pull(&mut tables);
        }
        let pulled = [&world.pulled[..], levers].concat();
        let graph = (self.evaluate)(&tables, world.hands.touched(&pulled).as_ref());
        let still = |who: &(EntityId, String)| graph.administrators.binary_search_by_key(&who.0, |one| one.0).is_ok();
        if !world.graph.administrators.iter().all(still) {
            return None;
        }
        let world = World { tables, graph, pulled, hands: world.hands };
        let exposed = self.landscape(&world).exposed();
        Some(Trial { world, exposed })
    }

    fn told(&self, world: &World<'_>, lever: Lever, exposure_after: u64, exposure_before: u64) -> Step {
        let uses = self.window(world).uses(lever);
        Step {
            lever,
            changes: lever.changes(&world.tables),
            exposure_before,
            exposure_after,
            used_lost: uses.lost,
            observed: !uses.unknown,
        }
    }

    /// The cheapest isolation, and of several the one of fewest changes.
    fn isolation(&self, world: &World<'_>) -> Option<Isolation> {
        let land = self.landscape(world);
        let losses = land.losses();
        let mut levers = Levers::new(&land, self.library, losses.reached());
        let staying = Staying { administrators: levers.of_administrators(), keep: self.keep };
        let window = self.window(world);
        let price = once(|lever: Lever| if staying.allows(&land, lever) { cost(&window, lever) } else { UNCUTTABLE });
        let mut find = |price: Price<'_>| cut::minimum_cut(&land, &mut levers, losses.reached(), price);
        let ZoneCut { value, routes, exact, .. } = find(&price)?;
        // Among all that cost as much, one of the fewest changes.
        let counted = |lever: Lever| match price(lever) {
            UNCUTTABLE => UNCUTTABLE,
            cost => cost * COST + 1,
        };
        let ZoneCut { levers, .. } = find(&counted)?;
        Some(Isolation { value, levers, routes, exact })
    }
}

/// The same answers, each found once.
fn once(price: impl Fn(Lever) -> u64) -> impl Fn(Lever) -> u64 {
    let known: RefCell<FxHashMap<Lever, u64>> = RefCell::default();
    move |lever| {
        let found = known.borrow().get(&lever).copied();
        found.unwrap_or_else(|| {
            let found = price(lever);
            known.borrow_mut().insert(lever, found);
            found
        })
    }
}

/// One principal for each of the ways in which most of those outside the zone start on their paths to it, the ways of
/// most first.
fn patterns(land: &Landscape<'_>, losses: &Losses<'_>) -> Vec<u32> {
    let mut alike: FxHashMap<Vec<(u32, &str)>, (u64, u32)> = FxHashMap::default();
    for node in land.outside.iter().filter(|&node| losses.reached().contains(node)) {
        let arcs = land.forward.out_arcs(node).filter(|(head, _)| losses.reached().contains(*head));
        let mut starts: Vec<(u32, &str)> =
            arcs.map(|(head, edge)| (head, land.edges[edge as usize].technique.as_str())).collect();
        starts.sort_unstable();
        starts.dedup();
        alike.entry(starts).or_insert((0, node)).0 += 1;
    }
    let mut found: Vec<(u64, u32)> = alike.into_values().collect();
    found.sort_by_key(|&(count, node)| (std::cmp::Reverse(count), node));
    found.into_iter().take(PATTERNS_MAX).map(|(_, node)| node).collect()
}

/// What a cut plan pays for a lever: nothing when it is known not to be used.
fn cost(window: &Window<'_>, lever: Lever) -> u64 {
    u64::from(window.uses(lever).in_window() != Some(false))
}

/// How many hold what a lever takes away: a statement of a shared policy is worth the same as an attachment and
/// touches more.
fn reach_of(world: &World<'_>, window: &Window<'_>, lever: Lever) -> usize {
    match lever {
        Lever::Membership { .. } => 0,
        Lever::Attachment { .. } => 1,
        Lever::Trust(_) => 2,
        Lever::Statement(grant) => 3 + window.holders(world.tables.grants[grant as usize].holder).len(),
    }
}
