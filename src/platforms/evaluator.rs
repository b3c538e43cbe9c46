//! What the rest of the engine asks of a platform's permission model.
//!
//! The answers come in bulk: principals that the permission model cannot tell apart form a [`Class`], and a
//! question is asked once for a class and a whole set of targets. [`Evaluator::decide`] is the same model asked
//! one question at a time; both must agree, and tests hold them to it.

use std::borrow::Cow;

use roaring::RoaringBitmap;

use super::granted::{Granted, Known};
use crate::model::{Access, Certainty, EntityId, EntityKind, Grant, Request, Verdict};

/// What an evaluation is told besides the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Time of the scan in milliseconds since 1970: decides conditions on dates.
    pub as_of: i64,
}

/// Principals with the same effective permissions on everything, themselves included or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Class {
    /// Kind of all members. A group is a class too: what a member gets through it alone.
    pub kind: EntityKind,
    /// Scope (account) that the members live in.
    pub scope: EntityId,
    /// Members in ascending order, at least one.
    pub members: Vec<EntityId>,
}

/// An action, with request parameters that the question fixes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ask {
    /// Action as the platform writes it (`iam:PassRole`). A `*` asks for every action that matches.
    pub action: String,
    /// Condition keys (lower case) with the value that the technique needs them to have; empty for absent.
    pub pins: Vec<(String, String)>,
}

/// What a permission is needed on when it is on none of the entities of the export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum On {
    /// At least one resource that can exist: something new whose name the caller chooses, or the action takes none.
    Something,
    /// Every resource but those that a deny names one by one or by prefix.
    Everything,
}

/// A change to a principal's policies that an attacker makes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Given {
    /// Its permissions boundary is removed.
    NoBoundary,
    /// Its own inline policies deny nothing any more.
    NoInlineDenies,
    /// The policies attached to it deny nothing any more.
    NoAttachedDenies,
    /// The inline policies of its groups deny nothing any more.
    NoGroupInlineDenies,
    /// The policies attached to its groups deny nothing any more.
    NoGroupAttachedDenies,
    /// Another version of a policy attached to it or to its groups is in force.
    InactiveVersion,
    /// It is given everything, as far as its boundary, its denies and its organisation's controls let it.
    Administrator,
}

/// Where a class may do what was asked.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reach {
    /// Entities for which it is allowed whatever the environment is.
    pub certain: RoaringBitmap,
    /// Entities for which it is allowed or may be; a superset of `certain`.
    pub possible: RoaringBitmap,
    /// What the difference hangs on, in words, sorted.
    pub reasons: Vec<String>,
    /// Numbers of the grants that allow what is certain, ascending.
    pub evidence: Vec<u32>,
    /// Numbers of the grants that perhaps allow the rest, ascending.
    pub open_evidence: Vec<u32>,
}

impl Reach {
    /// What any of these reaches.
    #[must_use]
    pub fn union(found: impl Iterator<Item = Self>) -> Self {
        let mut all = found.reduce(|all, one| all.with(one, |a, b| a | b)).unwrap_or_default();
        all.tidy();
        all
    }

    /// What all of these reach; nothing when there are none.
    #[must_use]
    pub fn intersection(found: impl Iterator<Item = Self>) -> Self {
        let mut all = found.reduce(|all, one| all.with(one, |a, b| a & b)).unwrap_or_default();
        all.tidy();
        all
    }

    fn with(mut self, one: Self, join: impl Fn(&RoaringBitmap, &RoaringBitmap) -> RoaringBitmap) -> Self {
        self.certain = join(&self.certain, &one.certain);
        self.possible = join(&self.possible, &one.possible);
        self.reasons.extend(one.reasons);
        self.evidence.extend(one.evidence);
        self.open_evidence.extend(one.open_evidence);
        self
    }

    /// Puts reasons and evidence in order, each once.
    pub fn tidy(&mut self) {
        self.reasons.sort_unstable();
        self.reasons.dedup();
        for evidence in [&mut self.evidence, &mut self.open_evidence] {
            evidence.sort_unstable();
            evidence.dedup();
        }
    }

    /// What it stands on that at least one entity is reached; `None` when none is.
    #[must_use]
    pub fn standpoint(self) -> Option<Standpoint> {
        if self.possible.is_empty() {
            None
        } else if self.certain.is_empty() {
            let (reasons, evidence) = (self.reasons, self.open_evidence);
            Some(Standpoint { certainty: Certainty::Conditional, reasons, evidence })
        } else {
            Some(Standpoint { certainty: Certainty::Certain, reasons: Vec::new(), evidence: self.evidence })
        }
    }
}

/// What a principal may do where some of its rights hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Placed {
    /// What stands before the resources of statements there; empty for everywhere, which every other place is inside of.
    pub within: String,
    /// As [`Evaluator::granted`] counts it.
    pub granted: Vec<Granted>,
}

/// A platform's effective permissions, compiled from one snapshot's tables.
pub trait Evaluator: Sync {
    /// All classes, ordered by their first member.
    fn classes(&self) -> &[Class];

    /// One class, opened for many questions.
    fn open(&self, class: usize) -> Box<dyn View + '_>;

    /// One class as it would be after these changes; `None` when one of them would change nothing. `policy` is the one
    /// that [`Given::InactiveVersion`] is about; without it that is any.
    fn open_given(&self, class: usize, given: &[Given], policy: Option<EntityId>) -> Option<Box<dyn View + '_>>;

    /// The evidence of an answer about a class, in grants of one of its members: members of a class may hold policies
    /// that are equal without being the same. Not sorted.
    fn evidence_of(&self, _class: usize, _member: EntityId, evidence: &[u32]) -> Vec<u32> {
        evidence.to_vec()
    }

    /// Answers one question exactly.
    fn decide(&self, request: &Request) -> Verdict;

    /// What each row of a principal's access counts, action by action, in the order of [`View::access`]. It costs one
    /// evaluation of the principal's policies: ask for one member of a class.
    fn granted(&self, principal: EntityId) -> Vec<Granted>;

    /// [`Evaluator::granted`] by where it holds, everywhere first. There is one place where statements say themselves what
    /// they are on; more where an assignment says it and the statements of a role do not.
    fn placed(&self, principal: EntityId) -> Vec<Placed> {
        vec![Placed { within: String::new(), granted: self.granted(principal) }]
    }

    /// The question for [`Evaluator::decide`] whose answer says all there is to say about an action, as
    /// [`Evaluator::granted`] names it, on a resource, as statements write it; `None` for a pattern, and for what may have
    /// something inside that is decided otherwise.
    fn question(&self, _principal: EntityId, _action: &str, _resource: &str) -> Option<Request> {
        None
    }

    /// Whether all that one resource of statements (`inner`) stands for is in what another one stands for, where this
    /// principal holds both; `None` where resources are patterns of `*` and `?` and nothing else.
    fn encloses(&self, _principal: EntityId, _outer: &str, _inner: &str) -> Option<bool> {
        None
    }

    /// Action patterns of an allowing statement that stand for something that [`Evaluator::granted`] does not count: no
    /// catalogue has it, or nothing is known of the role.
    fn uncounted(&self, _statement: &Grant) -> Vec<String> {
        Vec::new()
    }

    /// Whether of several statements only the most specific counts, so that one that goes may uncover what another gives.
    fn overrides(&self) -> bool {
        false
    }

    /// What the platform's catalogue knows of an action, as the platform or as usage records write it; `None` for a name
    /// that it does not have.
    fn known(&self, action: &str) -> Option<Known>;

    /// How usage records name an action: `service:Action`, which is not how every platform writes it.
    fn usage_name<'a>(&self, action: &'a Known) -> Cow<'a, str> {
        Cow::Borrowed(&action.name)
    }

    /// Privilege mass of a principal that may do everything on this platform.
    fn administrator_mass(&self) -> f64;
}

/// The effective permissions of one class.
pub trait View {
    /// Which of `among` (entities of this platform) the class may do this to.
    fn targets(&self, ask: &Ask, among: &RoaringBitmap) -> Reach;

    /// Whether the class may do this on something or on everything: `None` when not, and what it stands on.
    fn anywhere(&self, ask: &Ask, on: On) -> Option<Standpoint>;

    /// Whether the class may do all of these on one and the same resource that can exist.
    fn together(&self, asks: &[Ask]) -> Option<Standpoint>;

    /// Whether the class can make someone whom it controls an administrator of the scope: certain when nothing stands
    /// in the way, conditional when it can change permissions in some ways only.
    fn manages_permissions(&self) -> Option<Standpoint>;

    /// What the class may do, counted by service and access level; `entity` is the first member in every row.
    fn access(&self) -> Vec<Access>;
}

/// How sure an answer is and what it stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standpoint {
    pub certainty: Certainty,
    /// What it hangs on, in words, sorted.
    pub reasons: Vec<String>,
    /// Numbers of the grants that allow, ascending.
    pub evidence: Vec<u32>,
}

impl Standpoint {
    /// The first certain answer, else the first.
    #[must_use]
    pub fn best(found: impl Iterator<Item = Self>) -> Option<Self> {
        let mut best: Option<Self> = None;
        for one in found {
            if one.certainty == Certainty::Certain {
                return Some(one);
            }
            best = best.or(Some(one));
        }
        best
    }

    /// What all of these stand on together; `None` when one of them is no, or there are none.
    #[must_use]
    pub fn all(found: impl Iterator<Item = Option<Self>>) -> Option<Self> {
        let mut all = found.reduce(|all, one| {
            let (mut all, one) = (all?, one?);
            all.certainty = all.certainty.max(one.certainty);
            all.reasons.extend(one.reasons);
            all.evidence.extend(one.evidence);
            Some(all)
        })??;
        all.reasons.sort_unstable();
        all.reasons.dedup();
        all.evidence.sort_unstable();
        all.evidence.dedup();
        Some(all)
    }
}
