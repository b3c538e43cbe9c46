//! Effective permissions of platforms that assign roles or rights on a tree of resources.
//!
//! Most platforms decide alike: somebody, or a group that he is in, is given a role or a single right on something, and
//! has it there and on everything inside; a deny takes it away; a condition leaves it open. Such a platform has no
//! evaluator of its own. Its readers fill the tables as follows, and its [`Dialect`] says how actions are written:
//!
//! - **groups**: `member_of` memberships nest; one that is `eligible` must be activated first, one that has expired is
//!   none. A group with the attribute `implicit_members` is of everyone: of the platform (`all`) or of the group's own
//!   top-level scope (`scope`).
//! - **resources**: a `contains` membership puts one in another. Every entity's `scope` is its *top-level* scope.
//! - **role definitions**: entities of that kind, each with grants that say its permissions (`actions`, and `not_actions`
//!   that are taken from the same grant). A role of which nothing is said is unknown, not empty.
//! - **assignments**: grants of a principal, of a group, or of a scope for all principals in it. `actions` and
//!   `not_actions` are patterns, or `role:` and the id of a role definition; `resources` and `not_resources` are `ID` for an
//!   entity and everything inside, `=ID` for it alone, `*` for the holder's whole top-level scope. `not_principals` are
//!   entities that a deny leaves alone. A condition leaves a grant open: it is never yes and never no.
//!
//! A certain deny beats everything, then a certain allow, then what is open. The time of the scan decides what has expired.

mod access;
mod catalog;
mod holders;
mod patterns;
mod places;
mod rights;
#[cfg(test)]
mod tests;
mod view;
mod vocabulary;

use std::borrow::Cow;
use std::cell::OnceCell;
use std::sync::{OnceLock, RwLock};

use roaring::RoaringBitmap;
use rustc_hash::{FxHashMap, FxHashSet};

pub use self::catalog::{Action, Catalog, LEVELS};
use self::holders::{Held, Holders, Holding};
use self::places::{Asked, Tree};
use self::rights::{About, Rights};
use self::view::ClassView;
use super::{Class, Evaluator, Given, Granted, Known, Recorded, Settings, View};
use crate::model::{Decision, EntityId, Grant, Granularity, Layer, Reason, Request, Tables, Verdict};

/// How one platform writes actions.
pub trait Dialect: Sync {
    /// Registry name of the platform.
    fn platform(&self) -> &'static str;

    /// Actions that the platform is known to have.
    fn catalog(&self) -> &'static Catalog;

    /// Whether actions compare without regard to case.
    fn folds_case(&self) -> bool {
        false
    }

    /// Whoever may do this on all of a top-level scope makes anyone in it an administrator.
    fn administration(&self) -> &'static str;

    /// Whether a group's grant is not for those who are in it through another group.
    fn is_for_direct_members(&self, _grant: &Grant) -> bool {
        false
    }

    /// Whether what a scope holds is its own, and not for all principals in it.
    fn scopes_act_alone(&self) -> bool {
        false
    }

    /// What an action that the catalogue does not have counts under, and its level, one of [`LEVELS`].
    fn service_and_level<'a>(&self, action: &'a str) -> (Cow<'a, str>, &'static str);

    /// How the use of an action that the catalogue does not have is recorded; `None` when nobody knows.
    fn recorded(&self, _action: &str) -> Option<Recorded> {
        None
    }

    /// How usage records name an action.
    fn usage_name<'a>(&self, action: &'a Known) -> Cow<'a, str> {
        Cow::Borrowed(&action.name)
    }
}

impl<D: Dialect + ?Sized> Dialect for &D {
    fn platform(&self) -> &'static str {
        (**self).platform()
    }

    fn catalog(&self) -> &'static Catalog {
        (**self).catalog()
    }

    fn folds_case(&self) -> bool {
        (**self).folds_case()
    }

    fn administration(&self) -> &'static str {
        (**self).administration()
    }

    fn is_for_direct_members(&self, grant: &Grant) -> bool {
        (**self).is_for_direct_members(grant)
    }

    fn scopes_act_alone(&self) -> bool {
        (**self).scopes_act_alone()
    }

    fn service_and_level<'a>(&self, action: &'a str) -> (Cow<'a, str>, &'static str) {
        (**self).service_and_level(action)
    }

    fn recorded(&self, action: &str) -> Option<Recorded> {
        (**self).recorded(action)
    }

    fn usage_name<'a>(&self, action: &'a Known) -> Cow<'a, str> {
        (**self).usage_name(action)
    }
}

/// The permission model of one platform in one snapshot.
pub struct Compiled<'t> {
    tables: &'t Tables,
    dialect: Box<dyn Dialect + 't>,
    as_of: i64,
    tree: Tree<'t>,
    rights: OnceLock<Rights<'t>>,
    holders: OnceLock<Holders<'t>>,
    classes: OnceLock<(Vec<Class>, Vec<Vec<Held>>)>,
    entities: OnceLock<RoaringBitmap>,
    /// What people write for a resource, looked up once.
    named: RwLock<FxHashMap<String, Option<EntityId>>>,
}

impl<'t> Compiled<'t> {
    /// Looks at nothing yet.
    #[must_use]
    pub fn new(tables: &'t Tables, settings: Settings, dialect: impl Dialect + 't) -> Self {
        let tree = Tree::new(tables, dialect.platform());
        Self {
            tables,
            dialect: Box::new(dialect),
            as_of: settings.as_of,
            tree,
            rights: OnceLock::new(),
            holders: OnceLock::new(),
            classes: OnceLock::new(),
            entities: OnceLock::new(),
            named: RwLock::default(),
        }
    }

    fn dialect(&self) -> &dyn Dialect {
        &*self.dialect
    }

    const fn tree(&self) -> &Tree<'t> {
        &self.tree
    }

    fn rights(&self) -> &Rights<'t> {
        self.rights.get_or_init(|| Rights::new(self.tables, &self.tree, self.dialect(), self.as_of))
    }

    fn holders(&self) -> &Holders<'t> {
        self.holders.get_or_init(|| Holders::new(self.tables, &self.tree, self.dialect(), self.as_of))
    }

    /// What a principal or group holds.
    fn holding(&self, of: EntityId) -> Holding {
        self.holders().holding(self.rights(), &self.tree, self.dialect(), of)
    }

    fn all_classes(&self) -> &(Vec<Class>, Vec<Vec<Held>>) {
        self.classes.get_or_init(|| self.holders().classes(self.rights(), &self.tree, self.dialect()))
    }

    /// All entities of the platform that an export defines.
    fn entities(&self) -> &RoaringBitmap {
        self.entities.get_or_init(|| {
            let own = self.tables.entities.iter().filter(|one| one.present && one.platform == self.dialect.platform());
            own.map(|one| one.entity.0).collect()
        })
    }

    /// An action in the case in which actions are compared.
    fn compared(&self, action: &str) -> String {
        if self.dialect.folds_case() { action.to_lowercase() } else { action.to_owned() }
    }

    fn view(&self, class: usize, all: bool) -> ClassView<'_, 't> {
        let (classes, held) = self.all_classes();
        ClassView { compiled: self, class: &classes[class], held: &held[class], all, grants: OnceCell::new() }
    }

    /// The entity that a person means by a text: its id, else the one entity of the platform that has this name.
    fn named(&self, text: &str) -> Option<EntityId> {
        if let Some(found) = self.tables.find(text) {
            return Some(found);
        }
        if let Ok(known) = self.named.read()
            && let Some(found) = known.get(text)
        {
            return *found;
        }
        let called = |one: &&crate::model::Entity| {
            one.platform == self.dialect.platform()
                && (one.name == text
                    || one.unique_id.as_deref() == Some(text)
                    || one.id.strip_suffix(text).is_some_and(|head| head.ends_with([':', '/'])))
        };
        let mut all = self.tables.entities.iter().filter(called);
        let found = match (all.next(), all.next()) {
            (Some(one), None) => Some(one.entity),
            _ => None,
        };
        if let Ok(mut known) = self.named.write() {
            known.insert(text.to_owned(), found);
        }
        found
    }
}

/// Permissions that a statement of such a platform is about, as [`super::Platform::written`] gives them; `None` where a
/// role definition says it, or where nothing in the catalogue matches.
#[must_use]
pub fn written(
    dialect: &dyn Dialect,
    actions: &[String],
    not_actions: &[String],
    grain: Granularity,
) -> Option<Vec<String>> {
    let folds = dialect.folds_case();
    if actions.iter().chain(not_actions).any(|action| action.starts_with(rights::ROLE)) {
        return None;
    }
    let vocabulary = vocabulary::Vocabulary::new(dialect, std::iter::empty());
    let list = |list: &[String]| patterns::Patterns::new(list.iter().map(String::as_str), folds);
    let everything = actions.is_empty() && !not_actions.is_empty();
    let term = patterns::Term { everything, list: list(actions), without: list(not_actions) };
    let found = term.bits(&vocabulary);
    let mut names: Vec<String> = found
        .iter()
        .map(|at| vocabulary.entry(at))
        .map(|entry| match grain {
            Granularity::Action => entry.known().name.into_owned(),
            Granularity::Service => format!("{}:{}", entry.service(), LEVELS[entry.level].0),
        })
        .collect();
    names.sort();
    names.dedup();
    (!names.is_empty()).then_some(names)
}

impl Evaluator for Compiled<'_> {
    fn classes(&self) -> &[Class] {
        &self.all_classes().0
    }

    fn open(&self, class: usize) -> Box<dyn View + '_> {
        Box::new(self.view(class, false))
    }

    fn open_given(&self, class: usize, given: &[Given], _policy: Option<EntityId>) -> Option<Box<dyn View + '_>> {
        (given == [Given::Administrator]).then(|| Box::new(self.view(class, true)) as Box<dyn View + '_>)
    }

    fn evidence_of(&self, class: usize, member: EntityId, evidence: &[u32]) -> Vec<u32> {
        let first = self.all_classes().0[class].members[0];
        if first == member {
            return evidence.to_vec();
        }
        let rights: FxHashSet<u32> = evidence.iter().filter_map(|&grant| self.rights().of(grant)).collect();
        let holding = self.holding(member);
        holding.grants.iter().filter(|(right, _)| rights.contains(right)).map(|(_, grant)| *grant).collect()
    }

    fn decide(&self, request: &Request) -> Verdict {
        let scope = self.tree.scope_of(request.principal);
        let kind = self.tables.entity(request.principal).kind;
        let holding = self.holding(request.principal);
        let class = Class { kind, scope, members: vec![request.principal] };
        let view =
            ClassView { compiled: self, class: &class, held: &holding.rights, all: false, grants: OnceCell::new() };
        let asked = match request.resource.as_str() {
            "*" => Asked::Everything,
            text => self.named(text).map_or(Asked::Text(text), Asked::Entity),
        };
        let (allow, deny) = view.matches(&self.compared(&request.action));
        let mut found = Found::default();
        for one in allow.iter().chain(&deny).filter(|one| view.holds(one.right, asked)) {
            let grants = holding.grants.iter().filter(|(right, _)| *right == one.number);
            let about = self.rights().is_about(one.right, &self.compared(&request.action));
            for (_, grant) in grants {
                found.add(&self.tables.grants[*grant as usize], &one.reasons, about);
            }
        }
        found.verdict()
    }

    fn granted(&self, principal: EntityId) -> Vec<Granted> {
        let entity = self.tables.entity(principal);
        if !entity.present || entity.platform != self.dialect.platform() {
            return Vec::new();
        }
        let scope = self.tree.scope_of(principal);
        let holding = self.holding(principal);
        let class = Class { kind: entity.kind, scope, members: vec![principal] };
        access::granted(&ClassView {
            compiled: self,
            class: &class,
            held: &holding.rights,
            all: false,
            grants: OnceCell::new(),
        })
    }

    fn question(&self, principal: EntityId, action: &str, resource: &str) -> Option<Request> {
        let alone = resource.strip_prefix('=')?;
        self.tables.find(alone).map(|_| Request::new(principal, action, alone))
    }

    fn encloses(&self, principal: EntityId, outer: &str, inner: &str) -> Option<bool> {
        let (wide, narrow) = (self.tree.place(outer), self.tree.place(inner));
        Some(self.tree.is_within(&narrow, &wide, self.tree.scope_of(principal)))
    }

    fn uncounted(&self, statement: &Grant) -> Vec<String> {
        self.rights().uncounted(statement, self.dialect())
    }

    fn known(&self, action: &str) -> Option<Known> {
        let catalog = self.dialect.catalog();
        let listed = catalog.find(action, self.dialect.folds_case()).map(|at| catalog.actions()[at].known());
        listed.or_else(|| {
            let recorded = self.dialect.recorded(action)?;
            let (_, level) = self.dialect.service_and_level(action);
            Some(Known { name: Cow::Owned(action.to_owned()), level, recorded })
        })
    }

    fn usage_name<'a>(&self, action: &'a Known) -> Cow<'a, str> {
        self.dialect.usage_name(action)
    }

    fn administrator_mass(&self) -> f64 {
        access::administrator_mass(self.dialect.catalog())
    }
}

/// What a question found.
#[derive(Default)]
struct Found {
    denied: Vec<Reason>,
    allowed: Vec<Reason>,
    /// Denies and allows that hang on something.
    open: Vec<Reason>,
    /// Whether a deny is among them.
    perhaps_denied: bool,
    missing: Vec<Reason>,
}

impl Found {
    fn add(&mut self, grant: &Grant, reasons: &[String], about: About) {
        let denies = grant.effect == crate::model::Effect::Deny;
        let effect = match (about, denies) {
            (About::Unknown, _) => "missing",
            (_, true) => "deny",
            (_, false) => "allow",
        };
        let condition = (!reasons.is_empty()).then(|| reasons.join("; "));
        let (policy, statement) = (Some(grant.policy.clone()), Some(grant.statement.clone()));
        let reason = Reason { layer: grant.layer, policy, statement, effect, condition, grant: Some(grant.grant) };
        match (about, denies, reasons.is_empty()) {
            (About::Unknown, ..) => self.missing.push(reason),
            (_, true, true) => self.denied.push(reason),
            (_, false, true) => self.allowed.push(reason),
            (_, denies, false) => {
                self.perhaps_denied |= denies;
                self.open.push(reason);
            }
        }
    }

    fn verdict(self) -> Verdict {
        let gives = |reasons: &[Reason]| reasons.iter().any(|reason| reason.effect == "allow");
        let (decision, mut reasons) = if !self.denied.is_empty() {
            (Decision::Denied, self.denied)
        } else if !self.allowed.is_empty() && self.perhaps_denied {
            let denies = self.open.into_iter().filter(|reason| reason.effect == "deny");
            (Decision::Conditional, self.allowed.into_iter().chain(denies).collect())
        } else if !self.allowed.is_empty() {
            (Decision::Allowed, self.allowed)
        } else if gives(&self.open) {
            (Decision::Conditional, self.open)
        } else if !self.missing.is_empty() {
            (Decision::Unknown, self.missing)
        } else {
            let layer = Layer::Identity;
            let none =
                Reason { layer, policy: None, statement: None, effect: "implicit_deny", condition: None, grant: None };
            (Decision::Denied, vec![none])
        };
        reasons.sort();
        reasons.dedup();
        Verdict { decision, reasons }
    }
}
