//! Rights as assignments give them: what they are about, where they hold, and what they hang on.
//!
//! Many grants say the same for different holders (a role at a scope): those are one *right*, so that principals who
//! hold the same rights by different assignments are one class.

use std::sync::OnceLock;

use roaring::RoaringBitmap;
use rustc_hash::FxHashMap;

use super::Dialect;
use super::patterns::{Patterns, Term, is_pattern};
use super::places::{Place, Tree};
use super::vocabulary::Vocabulary;
use crate::model::{Effect, EntityId, EntityKind, Grant, Layer, Tables};

/// Prefix of an action that stands for the permissions of a role definition.
pub const ROLE: &str = "role:";

/// Permissions of a role definition.
#[derive(Debug, Default)]
pub struct Role {
    terms: Vec<Term>,
    /// Patterns among its permissions, as they are written.
    patterns: Vec<String>,
    /// Whether the export says what they are.
    known: bool,
}

/// What grants say that are alike but for their holder.
#[derive(Debug)]
pub struct Right {
    pub denies: bool,
    /// Number of what it is about: the same for rights that differ in place, condition or exceptions only.
    pub about: u32,
    own: Term,
    roles: Vec<EntityId>,
    /// Roles that nothing defines and nothing else names, by id.
    pub lost: Vec<String>,
    /// Roles whose permissions are left out.
    without: Vec<EntityId>,
    pub places: Vec<Place>,
    pub not_places: Vec<Place>,
    /// Principals and groups that a deny leaves alone.
    pub excepted: Vec<EntityId>,
    /// What it hangs on.
    pub condition: Option<String>,
    bits: OnceLock<RoaringBitmap>,
}

/// Whether a right is about what is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    Yes,
    No,
    /// It gives a role of which nothing is known.
    Unknown,
}

/// All rights of one platform in one snapshot.
#[derive(Debug)]
pub struct Rights<'t> {
    tables: &'t Tables,
    pub vocabulary: Vocabulary<'t>,
    roles: FxHashMap<EntityId, Role>,
    pub list: Vec<Right>,
    /// Number of different things that rights are about.
    pub abouts: usize,
    /// The right that a grant of a principal, group or scope gives; grants that are not in force give none.
    of_grant: FxHashMap<u32, u32>,
}

/// Everything by which rights are told apart.
type Content<'t> = (Effect, [&'t [String]; 5], Option<&'t str>);

impl<'t> Rights<'t> {
    /// Compiles the grants of a platform that are in force at a time.
    pub fn new(tables: &'t Tables, tree: &Tree<'t>, dialect: &dyn Dialect, as_of: i64) -> Self {
        let is_own = |grant: &&Grant| tables.entity(grant.holder).platform == dialect.platform();
        let own = || tables.grants.iter().filter(is_own);
        let vocabulary = Vocabulary::new(dialect, own());
        let mut rights = Self {
            tables,
            vocabulary,
            roles: roles(tables, dialect),
            list: Vec::new(),
            abouts: 0,
            of_grant: FxHashMap::default(),
        };
        let mut known: FxHashMap<Content<'t>, u32> = FxHashMap::default();
        let mut abouts: FxHashMap<(Effect, &'t [String], &'t [String]), u32> = FxHashMap::default();
        for grant in own() {
            let in_force = grant.expires_at.is_none_or(|end| end > as_of);
            let of_role = tables.entity(grant.holder).kind == EntityKind::RoleDefinition;
            if !in_force || of_role || !matches!(grant.layer, Layer::Identity | Layer::DenyPolicy) {
                continue;
            }
            let lists: [&[String]; 5] =
                [&grant.actions, &grant.not_actions, &grant.resources, &grant.not_resources, &grant.not_principals];
            let content = (grant.effect, lists, grant.condition.as_deref());
            let number = *known.entry(content).or_insert_with(|| {
                let next = u32::try_from(abouts.len()).unwrap_or(u32::MAX);
                let about = *abouts.entry((grant.effect, &grant.actions, &grant.not_actions)).or_insert(next);
                rights.list.push(Right { about, ..right(grant, tables, tree, dialect) });
                u32::try_from(rights.list.len() - 1).unwrap_or(u32::MAX)
            });
            rights.of_grant.insert(grant.grant, number);
        }
        rights.abouts = abouts.len();
        rights
    }

    /// The right that a grant gives.
    #[must_use]
    pub fn of(&self, grant: u32) -> Option<u32> {
        self.of_grant.get(&grant).copied()
    }

    /// A right by number.
    #[must_use]
    pub fn get(&self, number: u32) -> &Right {
        &self.list[number as usize]
    }

    /// Whether a right is about everything that is asked for, or, for a deny, about something of it.
    #[must_use]
    pub fn is_about(&self, right: &Right, asked: &str) -> About {
        let roles = || right.roles.iter().filter_map(|role| self.roles.get(role));
        if right.denies {
            let touched =
                right.own.touches(asked) || roles().flat_map(|role| &role.terms).any(|term| term.touches(asked));
            let spared = right.without.iter().filter_map(|role| self.roles.get(role));
            let spared = spared.flat_map(|role| &role.terms).any(|term| term.covers(asked, &self.vocabulary));
            return if touched && !spared { About::Yes } else { About::No };
        }
        let taken = right.own.without.touch(asked)
            || right
                .without
                .iter()
                .filter_map(|role| self.roles.get(role))
                .flat_map(|role| &role.terms)
                .any(|term| term.touches(asked));
        if taken {
            return About::No;
        }
        if right.own.covers(asked, &self.vocabulary)
            || roles().flat_map(|role| &role.terms).any(|term| term.covers(asked, &self.vocabulary))
        {
            About::Yes
        } else if self.lacks(right) {
            About::Unknown
        } else {
            About::No
        }
    }

    /// Whether a right gives a role of which nothing is known.
    #[must_use]
    pub fn lacks(&self, right: &Right) -> bool {
        !right.lost.is_empty() || self.missing(right).next().is_some()
    }

    /// Role definitions that a right gives and of which nothing is known.
    pub fn missing<'r>(&'r self, right: &'r Right) -> impl Iterator<Item = EntityId> + 'r {
        right.roles.iter().copied().filter(|role| self.roles.get(role).is_none_or(|role| !role.known))
    }

    /// Patterns of a statement, and of the roles that it gives, that mean no action of the vocabulary, and roles of which
    /// nothing is known.
    #[must_use]
    pub fn uncounted(&self, grant: &Grant, dialect: &dyn Dialect) -> Vec<String> {
        let strange = |pattern: &&str| {
            let list = Patterns::new(std::iter::once(*pattern), dialect.folds_case());
            is_pattern(pattern) && list.bits(&self.vocabulary).is_empty()
        };
        let mut out = Vec::new();
        for action in &grant.actions {
            let Some(role) = action.strip_prefix(ROLE) else {
                out.extend(Some(action.as_str()).filter(strange).map(str::to_owned));
                continue;
            };
            match self.tables.find(role).and_then(|role| self.roles.get(&role)) {
                Some(role) if role.known => {
                    let strange = role.patterns.iter().map(String::as_str).filter(strange);
                    out.extend(strange.map(str::to_owned));
                }
                _ => out.push(action.clone()),
            }
        }
        out
    }

    /// Places of what a right is about in the vocabulary; what is not known is not among them.
    #[must_use]
    pub fn bits<'r>(&self, right: &'r Right) -> &'r RoaringBitmap {
        right.bits.get_or_init(|| {
            let of = |role: &EntityId| self.roles.get(role);
            let terms = |list: &[EntityId]| -> RoaringBitmap {
                let terms = list.iter().filter_map(of).flat_map(|role| &role.terms);
                terms.fold(RoaringBitmap::new(), |all, term| all | term.bits(&self.vocabulary))
            };
            let given = right.own.bits(&self.vocabulary) | terms(&right.roles);
            given - right.own.without.bits(&self.vocabulary) - terms(&right.without)
        })
    }
}

/// The permissions of every role definition of a platform.
fn roles(tables: &Tables, dialect: &dyn Dialect) -> FxHashMap<EntityId, Role> {
    let is_role = |kind: EntityKind| kind == EntityKind::RoleDefinition;
    let own = tables.entities.iter().filter(|one| is_role(one.kind) && one.platform == dialect.platform());
    let mut roles: FxHashMap<EntityId, Role> =
        own.map(|one| (one.entity, Role { known: one.present, ..Role::default() })).collect();
    for grant in &tables.grants {
        if let Some(role) = roles.get_mut(&grant.holder)
            && grant.effect == Effect::Allow
        {
            role.known = true;
            role.terms.push(term(grant, dialect.folds_case()));
            role.patterns.extend(grant.actions.iter().filter(|one| is_pattern(one)).cloned());
        }
    }
    roles
}

/// What a grant's own lists are about, roles aside.
fn term(grant: &Grant, folds: bool) -> Term {
    let own = |list: &[String]| {
        let list: Vec<&str> = list.iter().map(String::as_str).filter(|one| !one.starts_with(ROLE)).collect();
        Patterns::new(list.into_iter(), folds)
    };
    let everything = grant.actions.is_empty() && !grant.not_actions.is_empty();
    Term { everything, list: own(&grant.actions), without: own(&grant.not_actions) }
}

fn right(grant: &Grant, tables: &Tables, tree: &Tree<'_>, dialect: &dyn Dialect) -> Right {
    let named = |list: &[String]| -> Vec<EntityId> {
        list.iter().filter_map(|one| tables.find(one.strip_prefix(ROLE)?)).collect()
    };
    let places = |list: &[String]| list.iter().map(|one| tree.place(one)).collect();
    Right {
        denies: grant.effect == Effect::Deny,
        about: 0,
        own: term(grant, dialect.folds_case()),
        roles: named(&grant.actions),
        lost: grant.actions.iter().filter_map(|one| lost(tables, one)).collect(),
        without: named(&grant.not_actions),
        places: places(&grant.resources),
        not_places: places(&grant.not_resources),
        excepted: grant.not_principals.iter().filter_map(|one| tables.find(one)).collect(),
        condition: grant.condition.as_deref().map(condition_in_words),
        bits: OnceLock::new(),
    }
}

/// The role that an action stands for, when there is no such entity.
fn lost(tables: &Tables, action: &str) -> Option<String> {
    let role = action.strip_prefix(ROLE)?;
    tables.find(role).is_none().then(|| role.to_owned())
}

/// A condition for people: a JSON string without its quotes, anything else as it is.
fn condition_in_words(condition: &str) -> String {
    serde_json::from_str::<String>(condition).unwrap_or_else(|_| condition.to_owned())
}
