//! What a class may do, counted in actions of the catalogue by service and access level.
//!
//! Sets of actions are kept at three breadths, each containing the next: granted on at least one named resource, on
//! a prefix or more, on everything. Layers intersect (identity, boundary, each SCP level), denies on everything
//! subtract. Each statement's condition is decided by itself here: one that the caller can satisfy counts as
//! satisfied, one that hangs on the environment makes the grant conditional.

use roaring::RoaringBitmap;

use super::super::catalog::Catalog;
use super::formula::{Formula, Level, Sides};
use super::pattern::{covers, is_everything};
use super::statement::{Resources, Statement};
use super::view::{Holder, Question, clause_of};
use super::{denies, no_context, solve};
use crate::model::{Access, Certainty, Decision, EntityId, Layer};
use crate::platforms::Standpoint;

/// Names of the breadths, narrowest first, and their weights in a privilege mass.
const BREADTHS: [(&str, f64); 3] = [("one", 1.0), ("prefix", 2.0), ("all", 4.0)];

/// Actions by breadth: index 0 holds all of index 1, which holds all of index 2.
type ByBreadth = [RoaringBitmap; 3];

/// The counted access of one class.
pub struct Summary {
    certain: ByBreadth,
    possible: ByBreadth,
    /// Actions that some statement denies on some resource.
    denied_somewhere: RoaringBitmap,
    /// What the possible ones hang on: a missing document, or conditions.
    doubt: Decision,
    /// Grants that allow on everything, for evidence.
    broad: Vec<u32>,
}

/// Whether a statement counts when its condition is looked at by itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Never,
    Possible,
    Certain,
}

/// The allow and deny sides of one layer.
#[derive(Default)]
struct Side {
    certain: ByBreadth,
    possible: ByBreadth,
}

impl Summary {
    /// Counts what the holder's class may do.
    #[must_use]
    pub fn of(holder: &Holder<'_>) -> Self {
        let statement = |at: &usize| holder.compiled.statement(*at);
        let controls: Vec<Vec<&Statement>> =
            holder.scps.iter().flatten().map(|(statements, _)| statements.iter().map(statement).collect()).collect();
        let identity: Vec<&Statement> = holder.identity.iter().map(statement).collect();
        let boundary: Option<Vec<&Statement>> =
            holder.boundary.as_ref().map(|statements| statements.iter().map(statement).collect());
        let every = || identity.iter().chain(boundary.iter().flatten()).chain(controls.iter().flatten()).copied();
        let mut total = if holder.all_allowed { everything() } else { allowed(holder, &identity) };
        for layer in boundary.iter().chain(&controls) {
            total = both(&total, &allowed(holder, layer));
        }
        let missing_control = holder.scps.iter().flatten().any(|(_, missing)| !missing.is_empty());
        let missing = holder.boundary_missing.is_some() || !holder.identity_missing.is_empty() || missing_control;
        if holder.boundary_missing.is_some() {
            total.possible = allowed(holder, &identity).possible;
        }
        let mut denied_somewhere = RoaringBitmap::new();
        for deny in every().filter(|statement| denies(statement)) {
            deny_one(holder, deny, &identity, &mut total, &mut denied_somewhere);
        }
        if missing {
            total.certain = ByBreadth::default();
        }
        let broad = identity.iter().filter(|one| !denies(one) && breadth(one, holder) == 2).map(|one| one.grant);
        Self {
            certain: total.certain,
            possible: total.possible,
            denied_somewhere,
            doubt: if missing { Decision::Unknown } else { Decision::Conditional },
            broad: broad.collect(),
        }
    }

    /// Whether every action that the pattern matches is allowed on every resource.
    #[must_use]
    pub fn everything(&self, pattern: &str) -> Option<Standpoint> {
        let asked = Catalog::get().matching(pattern);
        if asked.is_empty() || !asked.is_subset(&self.possible[2]) || !asked.is_disjoint(&self.denied_somewhere) {
            return None;
        }
        let certain = asked.is_subset(&self.certain[2]);
        let doubt = match self.doubt {
            Decision::Unknown => "a policy that is not in the export may limit it",
            _ => "conditions on the environment limit it",
        };
        Some(Standpoint {
            certainty: if certain { Certainty::Certain } else { Certainty::Conditional },
            reasons: if certain { Vec::new() } else { vec![doubt.to_owned()] },
            evidence: self.broad.clone(),
        })
    }

    /// One row for each service, level and decision with at least one action.
    #[must_use]
    pub fn rows(&self, entity: EntityId) -> Vec<Access> {
        let mut out = Vec::new();
        let doubtful: ByBreadth = std::array::from_fn(|at| &self.possible[at] - &self.certain[0]);
        for range in Catalog::get().ranges() {
            for (sets, decision) in [(&self.certain, Decision::Allowed), (&doubtful, self.doubt)] {
                let counts: [u64; 3] = std::array::from_fn(|at| sets[at].range_cardinality(range.start..range.end));
                if counts[0] == 0 {
                    continue;
                }
                let weights = (counts[0] - counts[1], counts[1] - counts[2], counts[2]);
                let weighted = BREADTHS[0].1 * count(weights.0)
                    + BREADTHS[1].1 * count(weights.1)
                    + BREADTHS[2].1 * count(weights.2);
                let widest = counts.iter().rposition(|&count| count > 0).unwrap_or(0);
                out.push(Access {
                    entity,
                    service: range.service.to_owned(),
                    level: range.level.as_str().to_owned(),
                    granted_n: u32::try_from(counts[0]).unwrap_or(u32::MAX),
                    unused_n: None,
                    observable_n: None,
                    breadth: BREADTHS[widest].0.to_owned(),
                    mass: f64::from(range.level.weight()) * weighted,
                    unused_mass: None,
                    decision,
                    evidence_grade: "static".to_owned(),
                });
            }
        }
        out
    }
}

/// A count as a number to weigh; the catalogue has far fewer actions than 2^32.
fn count(n: u64) -> f64 {
    f64::from(u32::try_from(n).unwrap_or(u32::MAX))
}

/// Privilege mass of every action on everything.
#[must_use]
pub fn administrator_mass() -> f64 {
    let actions = Catalog::get().actions();
    actions.iter().map(|action| f64::from(action.level.weight()) * BREADTHS[2].1).sum()
}

fn everything() -> Side {
    let all = Catalog::get().matching("*");
    let all: ByBreadth = std::array::from_fn(|_| all.clone());
    Side { certain: all.clone(), possible: all }
}

/// What the allow statements of one layer allow.
fn allowed(holder: &Holder<'_>, statements: &[&Statement]) -> Side {
    let mut side = Side::default();
    for statement in statements.iter().filter(|statement| !denies(statement)) {
        let standing = standing(holder, statement);
        for at in 0..=breadth(statement, holder) {
            if standing == Standing::Certain {
                side.certain[at] |= &statement.actions.known;
            }
            if standing != Standing::Never {
                side.possible[at] |= &statement.actions.known;
            }
        }
    }
    side
}

fn both(a: &Side, b: &Side) -> Side {
    Side {
        certain: std::array::from_fn(|at| &a.certain[at] & &b.certain[at]),
        possible: std::array::from_fn(|at| &a.possible[at] & &b.possible[at]),
    }
}

/// Takes away what one deny statement denies: on everything, or on all that the allow statements name.
fn deny_one(
    holder: &Holder<'_>,
    deny: &Statement,
    identity: &[&Statement],
    total: &mut Side,
    denied_somewhere: &mut RoaringBitmap,
) {
    let standing = standing(holder, deny);
    if standing == Standing::Never {
        return;
    }
    // A deny whose condition the caller can avoid does not bind.
    let avoidable = standing == Standing::Certain && !unconditional(holder, deny);
    if avoidable {
        return;
    }
    let mut gone = deny.actions.known.clone();
    if standing == Standing::Certain {
        *denied_somewhere |= &gone;
    }
    if !matches!(deny.resources, Resources::Any) {
        // Where an allow statement reaches beyond the denied resources, its actions stay.
        for allow in identity.iter().filter(|allow| !denies(allow)) {
            if !within(&allow.resources, &deny.resources) {
                gone -= &allow.actions.known;
            }
        }
    }
    for at in 0..3 {
        total.certain[at] -= &gone;
        if standing == Standing::Certain {
            total.possible[at] -= &gone;
        }
    }
}

/// Whether all that an allow names is denied. Patterns are compared as texts: sound, and complete for denies that
/// name the same pattern or a wider one.
fn within(allow: &Resources, deny: &Resources) -> bool {
    let Resources::Some(allowed) = allow else { return false };
    allowed.iter().all(|allowed| match deny {
        Resources::Any => true,
        Resources::Some(denied) => denied.iter().any(|denied| covers(&denied.text, &allowed.text)),
        Resources::AllBut(spared) => {
            !spared.iter().any(|spared| covers(&spared.text, &allowed.text) || covers(&allowed.text, &spared.text))
        }
    })
}

/// Whether nothing is left open in a statement whose decided tests hold.
fn unconditional(holder: &Holder<'_>, statement: &Statement) -> bool {
    with_clause(holder, statement, |clause, _| clause.is_some_and(|clause| clause.open.is_empty()))
}

/// A statement's condition by itself.
fn standing(holder: &Holder<'_>, statement: &Statement) -> Standing {
    if statement.condition.tests.is_empty() {
        return Standing::Certain;
    }
    with_clause(holder, statement, |clause, decision| match (clause, decision) {
        (None, _) | (_, Decision::Denied) => Standing::Never,
        (_, Decision::Allowed) => Standing::Certain,
        _ => Standing::Possible,
    })
}

/// Hands on the statement as a clause of a question on no resource, and whether its condition can be satisfied.
fn with_clause<T>(
    holder: &Holder<'_>,
    statement: &Statement,
    then: impl FnOnce(Option<&super::formula::Clause<'_>>, Decision) -> T,
) -> T {
    let target = Holder::open_target();
    let question =
        Question { action: "*", known: None, given: no_context(), strict: false, session_name: None, sessions: &None };
    let facts = holder.facts(&question, &target);
    let Some(clause) = clause_of(statement, Layer::Identity, &facts) else { return then(None, Decision::Denied) };
    let open_wide = || Level { open_wide: true, ..Level::default() };
    let formula = Formula {
        deny: Vec::new(),
        controls: Vec::new(),
        identity: Level { allow: vec![clause.clone()], ..Level::default() },
        boundary: open_wide(),
        session: open_wide(),
        delegating: Level::default(),
        role_named: Level::default(),
        named: Level::default(),
        sides: Sides::Either,
        resource: target.arn.clone(),
        missing: Vec::new(),
    };
    let decision = solve::solve(&formula, &facts).decision;
    then(Some(&clause), decision)
}

/// Index into [`BREADTHS`] of the widest resource that a statement names.
fn breadth(statement: &Statement, holder: &Holder<'_>) -> usize {
    match &statement.resources {
        Resources::Any | Resources::AllBut(_) => 2,
        Resources::Some(patterns) => {
            patterns.iter().map(|pattern| width(&pattern.text, &holder.principal.account)).max().unwrap_or(0)
        }
    }
}

/// A pattern for every resource of a type in the own account is as wide as everything.
fn width(pattern: &str, account: &str) -> usize {
    if is_everything(pattern) {
        return 2;
    }
    if !pattern.contains(['*', '?']) && !pattern.contains("${") {
        return 0;
    }
    let parts: Vec<&str> = pattern.splitn(6, ':').collect();
    let own = parts.get(4).is_some_and(|owner| owner.is_empty() || *owner == "*" || *owner == account);
    let name = parts.get(5).copied().unwrap_or_default();
    let whole = is_everything(name)
        || name.split_once(['/', ':']).is_some_and(|(kind, rest)| !kind.contains('*') && is_everything(rest));
    // Buckets have names directly after the last colon, so `bucket/*` is one bucket's objects.
    let typed = parts.get(2).is_none_or(|service| *service != "s3") || is_everything(name);
    if own && whole && typed { 2 } else { 1 }
}
