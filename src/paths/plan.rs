//! Cut plans: the changes that lower exposure most, one after the other, each recounted from the policies themselves.
//!
//! Greedy: each step takes the lever with the largest gain. Gains are first counted on the attack graph; the best ones
//! are then tried: the change is made in a copy of the tables, permissions are evaluated and the attack graph is built
//! again, and only what that says is believed. A lever is taken when no other one is counted to be worth more, so that
//! an alternative that the first count did not see costs a trial and not the plan. The zone is that of the snapshot
//! throughout; a change that would unmake an administrator is no step of a plan.
//!
//! Where no single change lowers exposure any more (each path is there twice), the rest of the budget goes to the
//! minimum cut if it pays for all of it, and is kept otherwise.

use super::cut::{self, ZoneCut};
use super::lever::Lever;
use super::levers::Levers;
use super::usage::{UsedLost, Window};
use super::{Landscape, choke_points::Worth};
use crate::model::{EntityId, Tables};
use crate::techniques::{AttackGraph, Library};

/// Levers that are tried for one step, the best counted first.
const TRIALS_MAX: usize = 8;
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
    /// Nothing that may be removed is worth anything by itself, and the budget does not pay for what is left together.
    NoSingleChange,
    /// A limit ended the recounts.
    Limit,
}

/// What is planned on.
pub struct Planner<'p> {
    pub library: &'p Library,
    pub zone: &'p [(EntityId, String)],
    /// Evaluates tables afresh.
    pub evaluate: &'p dyn Fn(&Tables) -> AttackGraph,
    pub request: Request,
}

/// Tables with the attack graph that follows from them.
struct World {
    tables: Tables,
    graph: AttackGraph,
}

/// A lever that was tried.
struct Trial {
    lever: Lever,
    world: World,
    exposed: u64,
}

/// Times that a plan of this budget evaluates all permissions, at most.
#[must_use]
pub const fn evaluations_max(budget: usize) -> u64 {
    // For each change the trials, and one of the minimum cut where no trial is worth anything.
    (budget as u64).saturating_mul(TRIALS_MAX as u64 + 1)
}

impl Planner<'_> {
    /// Makes the plan for a snapshot and its attack graph.
    #[must_use]
    pub fn plan(&self, tables: &Tables, graph: AttackGraph) -> Plan {
        let mut world = World { tables: tables.clone(), graph };
        let exposure = self.landscape(&world).exposed();
        let isolation = self.isolation(&world);
        let mut plan = Plan { exposure, steps: Vec::new(), isolation, ended: Ended::Budget };
        let mut exposed = exposure;
        while plan.steps.len() < self.request.budget {
            if exposed == 0 {
                plan.ended = Ended::Isolated;
                break;
            }
            let (found, complete) = self.step(&world, exposed);
            let trial = match found {
                Some(trial) => trial,
                None => match self.rest(&world, self.request.budget - plan.steps.len()) {
                    Some(trial) => trial,
                    None => {
                        plan.ended = if complete { Ended::NoSingleChange } else { Ended::Limit };
                        break;
                    }
                },
            };
            plan.steps.push(self.told(&world, &trial, exposed));
            (world, exposed) = (trial.world, trial.exposed);
        }
        if exposed == 0 {
            plan.ended = Ended::Isolated;
        }
        plan
    }

    fn landscape<'w>(&self, world: &'w World) -> Landscape<'w> {
        Landscape::new(&world.tables, &world.graph.edges, &world.graph.target_sets, self.zone.to_vec())
    }

    fn window<'w>(&self, world: &'w World) -> Window<'w> {
        Window::new(&world.tables, self.request.window_from)
    }

    /// The lever that lowers exposure most, tried out.
    fn step(&self, world: &World, exposed: u64) -> (Option<Trial>, bool) {
        let (mut worths, complete) = self.landscape(world).removable(self.library);
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
        let mut best: Option<Trial> = None;
        for (_, worth) in priced.into_iter().take(TRIALS_MAX) {
            if best.as_ref().is_some_and(|best| exposed - best.exposed >= worth.gain) {
                break;
            }
            let Some(trial) = self.attempt(world, worth.lever) else { continue };
            if trial.exposed < best.as_ref().map_or(exposed, |best| best.exposed) {
                best = Some(trial);
            }
        }
        (best, complete)
    }

    /// Pulls a lever and evaluates what is left; `None` when that takes an administrator out of the zone.
    fn attempt(&self, world: &World, lever: Lever) -> Option<Trial> {
        let mut tables = world.tables.clone();
        lever.pull(&mut tables);
        let graph = (self.evaluate)(&tables);
        let still = |who: &(EntityId, String)| graph.administrators.binary_search_by_key(&who.0, |one| one.0).is_ok();
        if !world.graph.administrators.iter().all(still) {
            return None;
        }
        let world = World { tables, graph };
        let exposed = self.landscape(&world).exposed();
        Some(Trial { lever, world, exposed })
    }

    /// A lever of the minimum cut, where the budget pays for the whole of it. What is left of the cut is one less, so
    /// that the budget pays for that as well.
    fn rest(&self, world: &World, budget: usize) -> Option<Trial> {
        let found = self.isolation(world)?;
        let allowed = !self.request.unused_only || found.value == 0;
        if found.levers.len() > budget || !allowed {
            return None;
        }
        self.attempt(world, *found.levers.first()?)
    }

    fn told(&self, world: &World, trial: &Trial, before: u64) -> Step {
        let uses = self.window(world).uses(trial.lever);
        let (lever, observed) = (trial.lever, !uses.unknown);
        Step { lever, exposure_before: before, exposure_after: trial.exposed, used_lost: uses.lost, observed }
    }

    /// The cheapest isolation, and of several the one of fewest changes.
    fn isolation(&self, world: &World) -> Option<Isolation> {
        let land = self.landscape(world);
        let losses = land.losses();
        let mut levers = Levers::new(&land, self.library, losses.reached());
        let held = levers.of_administrators(&land);
        let window = self.window(world);
        let mut find =
            |price: &dyn Fn(Lever) -> u64| cut::minimum_cut(&land, &mut levers, &held, losses.reached(), price);
        let ZoneCut { value, routes, exact, .. } = find(&|lever| cost(&window, lever))?;
        // Among all that cost as much, one of the fewest changes.
        let ZoneCut { levers, .. } = find(&|lever| cost(&window, lever) * COST + 1)?;
        Some(Isolation { value, levers, routes, exact })
    }
}

/// What a cut plan pays for a lever: nothing when it is known not to be used.
fn cost(window: &Window<'_>, lever: Lever) -> u64 {
    u64::from(window.uses(lever).in_window() != Some(false))
}

/// How many hold what a lever takes away: a statement of a shared policy is worth the same as an attachment and
/// touches more.
fn reach_of(world: &World, window: &Window<'_>, lever: Lever) -> usize {
    match lever {
        Lever::Membership { .. } => 0,
        Lever::Attachment { .. } => 1,
        Lever::Trust(_) => 2,
        Lever::Statement(grant) => 3 + window.holders(world.tables.grants[grant as usize].holder).len(),
    }
}

impl Lever {
    /// Takes it out of the tables. Statements keep their numbers and say nothing any more.
    pub(super) fn pull(self, tables: &mut Tables) {
        match self {
            Self::Statement(grant) | Self::Trust(grant) => {
                if let Some(row) = tables.grants.get_mut(grant as usize) {
                    row.actions.clear();
                    row.not_actions.clear();
                }
                tables.trusts.retain(|row| row.grant != grant);
            }
            Self::Attachment { holder, policy } => {
                let kind = crate::model::AttachmentKind::Identity;
                tables.attachments.retain(|row| row.holder != holder || row.policy != policy || row.kind != kind);
            }
            Self::Membership { container, member } => {
                tables.memberships.retain(|row| row.container != container || row.member != member);
            }
        }
    }
}
