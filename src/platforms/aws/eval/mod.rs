//! Effective permissions of AWS principals: policies, boundaries, organisation controls and resource policies.
//!
//! [`Compiled`] indexes the tables and compiles statements when they are first needed, so that one question costs
//! one principal's policies and a bulk run compiles every statement once. A [`view::Holder`] is a principal (or a
//! class of principals that nothing tells apart) opened for questions; a question becomes a [`formula::Formula`],
//! and [`solve`] decides it.

mod access;
mod accounts;
mod bulk;
mod classes;
mod condition;
mod covering;
mod documents;
mod facts;
mod formula;
mod pattern;
mod principals;
mod reasons;
mod solve;
mod statement;
mod view;
mod witness;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock, RwLock};

use roaring::RoaringBitmap;
use rustc_hash::FxHashMap;

pub use self::accounts::{account_id, account_number};

use self::accounts::Account;
use self::classes::Classes;
use self::covering::Covering;
use self::statement::{Actions, Statement};
use self::view::{Holder, Question};
use super::catalog::Catalog;
use super::read::document;
use crate::model::text::glob_ignore_case;
use crate::model::{
    AttachmentKind, Builder, Effect, Entity, EntityId, EntityKind, Grant, Layer, MembershipKind, Request, Source,
    Tables, Verdict,
};
use crate::platforms::{Class, Evaluator, Given, Granted, Known, Settings, View};

/// Compiled action lists by what a statement writes under `Action` and `NotAction`.
type ActionLists = FxHashMap<(Vec<String>, Vec<String>), Arc<Actions>>;

/// The permission model of one snapshot.
pub struct Compiled<'t> {
    tables: &'t Tables,
    as_of: i64,
    accounts: FxHashMap<String, Account>,
    /// Accounts whose users, groups and roles are in the export.
    loaded: BTreeSet<&'t str>,
    statements: Vec<OnceLock<Statement>>,
    /// Many statements share one.
    actions: RwLock<ActionLists>,
    /// Entities that an expanded resource pattern covers.
    covered: RwLock<FxHashMap<String, Arc<RoaringBitmap>>>,
    covering: OnceLock<Covering>,
    /// Roles that have a unique id, by account and name.
    roles: OnceLock<FxHashMap<String, EntityId>>,
    /// Whether the export has an organisation's tree.
    tree: bool,
    /// Statements of all resource control policies.
    rcps: Vec<usize>,
    classes: OnceLock<Classes>,
    administrator_mass: OnceLock<f64>,
    /// What action lists and resource patterns come to.
    scopes: access::Cache,
    /// Numbers of the actions that were asked for: techniques ask every class for the same ones.
    asked: RwLock<FxHashMap<String, Option<u32>>>,
}

impl<'t> Compiled<'t> {
    /// Indexes the tables; nothing is compiled yet.
    #[must_use]
    pub fn new(tables: &'t Tables, settings: Settings) -> Self {
        let accounts = accounts::accounts(tables);
        Self {
            tables,
            as_of: settings.as_of,
            tree: accounts.values().any(|account| account.organization.is_some()),
            accounts,
            loaded: loaded(tables),
            statements: std::iter::repeat_with(OnceLock::new).take(tables.grants.len()).collect(),
            actions: RwLock::default(),
            covered: RwLock::default(),
            covering: OnceLock::new(),
            roles: OnceLock::new(),
            rcps: (0..tables.grants.len()).filter(|&at| tables.grants[at].layer == Layer::Rcp).collect(),
            classes: OnceLock::new(),
            administrator_mass: OnceLock::new(),
            scopes: access::Cache::default(),
            asked: RwLock::default(),
        }
    }

    /// Number of the action in the catalogue, by its full name in any case.
    fn number_of(&self, action: &str) -> Option<u32> {
        if let Some(&found) = self.asked.read().ok().as_deref().and_then(|asked| asked.get(action)) {
            return found;
        }
        let found = Catalog::get().find(action);
        if let Ok(mut asked) = self.asked.write() {
            asked.insert(action.to_owned(), found);
        }
        found
    }

    /// Rows of the grants table that an entity holds, as indices.
    fn grants_of(&self, holder: EntityId) -> std::ops::Range<usize> {
        let grants = &self.tables.grants;
        let start = grants.partition_point(|row| row.holder < holder);
        start..start + grants[start..].partition_point(|row| row.holder == holder)
    }

    /// Statements of a holder that are in force in a layer.
    fn in_layer(&self, holder: EntityId, layer: Layer) -> impl Iterator<Item = usize> {
        self.grants_of(holder).filter(move |&at| self.tables.grants[at].layer == layer)
    }

    /// Policies attached to a holder in one way.
    fn attached(&self, holder: EntityId, kind: AttachmentKind) -> impl Iterator<Item = EntityId> {
        let rows = &self.tables.attachments;
        let start = rows.partition_point(|row| row.holder < holder);
        rows[start..]
            .iter()
            .take_while(move |row| row.holder == holder)
            .filter(move |row| row.kind == kind)
            .map(|row| row.policy)
    }

    /// Groups that a user is in.
    fn groups_of(&self, member: EntityId) -> impl Iterator<Item = EntityId> {
        let rows = &self.tables.memberships;
        let start = rows.partition_point(|row| row.member < member);
        rows[start..]
            .iter()
            .take_while(move |row| row.member == member)
            .filter(|row| row.kind == MembershipKind::MemberOf)
            .map(|row| row.container)
    }

    /// The statement of a row of the grants table, compiled.
    fn statement(&self, at: usize) -> &Statement {
        self.statements[at].get_or_init(|| {
            let grant = &self.tables.grants[at];
            Statement::new(grant, self.actions_of(grant), |account, name| self.role_id(account, name))
        })
    }

    /// The unique id of the role of this name in an account, whatever its path.
    fn role_id(&self, account: &str, name: &str) -> Option<String> {
        let roles = self.roles.get_or_init(|| roles(self.tables));
        self.tables.entity(*roles.get(&role_key(account, name))?).unique_id.clone()
    }

    fn actions_of(&self, grant: &Grant) -> Arc<Actions> {
        let key = (grant.actions.clone(), grant.not_actions.clone());
        if let Some(found) = self.actions.read().ok().and_then(|cache| cache.get(&key).cloned()) {
            return found;
        }
        let made = Arc::new(Actions::new(&key.0, &key.1));
        if let Ok(mut cache) = self.actions.write() {
            return Arc::clone(cache.entry(key).or_insert(made));
        }
        made
    }

    /// Entities whose id an expanded pattern covers.
    fn covered(&self, pattern: &str) -> Arc<RoaringBitmap> {
        if let Some(found) = self.covered.read().ok().and_then(|cache| cache.get(pattern).cloned()) {
            return found;
        }
        let covering = self.covering.get_or_init(|| Covering::new(self.tables));
        let made = Arc::new(covering.of(self.tables, pattern));
        if let Ok(mut cache) = self.covered.write() {
            return Arc::clone(cache.entry(pattern.to_owned()).or_insert(made));
        }
        made
    }

    /// Whether an export defines principals of this account.
    fn loaded(&self, account: &str) -> bool {
        self.loaded.contains(account)
    }

    fn account(&self, number: &str) -> Option<&Account> {
        self.accounts.get(number)
    }

    fn classes(&self) -> &Classes {
        self.classes.get_or_init(|| Classes::of(self))
    }
}

fn role_key(account: &str, name: &str) -> String {
    format!("{account}/{name}")
}

/// All roles that have a unique id, by account and name. The first counts where a name occurs twice.
fn roles(tables: &Tables) -> FxHashMap<String, EntityId> {
    let mut out = FxHashMap::default();
    for role in tables.entities.iter().filter(|entity| entity.present) {
        let mut parts = role.id.splitn(6, ':');
        let (service, account, resource) = (parts.nth(2), parts.nth(1), parts.next());
        if let (Some("iam"), Some(account), Some(resource)) = (service, account, resource)
            && resource.starts_with("role/")
            && role.unique_id.is_some()
        {
            out.entry(role_key(account, &role.name)).or_insert(role.entity);
        }
    }
    out
}

/// Accounts that have a user, group or role besides the root user.
fn loaded(tables: &Tables) -> BTreeSet<&str> {
    let holds = |entity: &&Entity| {
        entity.present
            && matches!(entity.kind, EntityKind::User | EntityKind::Role | EntityKind::Group)
            && entity.id.contains(":iam::")
            && !accounts::is_root(&entity.id)
    };
    tables.entities.iter().filter(holds).filter_map(account_of).collect()
}

/// The account number that an entity belongs to.
fn account_of(entity: &Entity) -> Option<&str> {
    account_number(entity.scope.as_deref()?)
}

impl Evaluator for Compiled<'_> {
    fn classes(&self) -> &[Class] {
        &self.classes().list
    }

    fn open(&self, class: usize) -> Box<dyn View + '_> {
        let first = self.classes().list[class].members[0];
        Box::new(bulk::ClassView::new(self, Holder::new(self, first)))
    }

    fn open_given(&self, class: usize, given: &[Given], policy: Option<EntityId>) -> Option<Box<dyn View + '_>> {
        let first = self.classes().list[class].members[0];
        let mut changed = vec![Holder::new(self, first)];
        for &given in given {
            changed = changed.into_iter().flat_map(|holder| holder.given(given, policy)).collect();
        }
        let views: Vec<_> = changed.into_iter().map(|holder| bulk::ClassView::new(self, holder)).collect();
        (!views.is_empty()).then(|| Box::new(bulk::AnyOf(views)) as Box<dyn View + '_>)
    }

    fn evidence_of(&self, class: usize, member: EntityId, evidence: &[u32]) -> Vec<u32> {
        self.classes().evidence_of(class, member, evidence)
    }

    fn decide(&self, request: &Request) -> Verdict {
        let holder = Holder::new(self, request.principal);
        let sessions = session_statements(&request.session_policies);
        let question = Question {
            action: &request.action,
            known: Catalog::get().find(&request.action),
            given: &request.context,
            strict: request.strict,
            // A session always has a name; under the strict reading it is one that no policy mentions.
            session_name: request.session_name.as_deref().or(request.strict.then_some("overgrant-session")),
            sessions: &sessions,
        };
        holder.answer(&question, &request.resource)
    }

    fn granted(&self, principal: EntityId) -> Vec<Granted> {
        access::Summary::of(&Holder::new(self, principal)).granted()
    }

    fn question(&self, principal: EntityId, action: &str, resource: &str) -> Option<Request> {
        let one = !resource.contains(['*', '?']) && !resource.contains("${");
        one.then(|| Request::new(principal, action, resource))
    }

    fn uncounted(&self, statement: &Grant) -> Vec<String> {
        let catalog = Catalog::get();
        let is_wild = |pattern: &str| pattern.contains(['*', '?']);
        let matches =
            |pattern: &str| catalog.actions().iter().any(|action| glob_ignore_case(pattern, action.full_name));
        let known = |pattern: &str| catalog.find(pattern).is_some() || (is_wild(pattern) && matches(pattern));
        statement.actions.iter().filter(|pattern| !known(pattern)).cloned().collect()
    }

    fn known(&self, action: &str) -> Option<Known> {
        access::known(Catalog::get().find(action)?)
    }

    fn administrator_mass(&self) -> f64 {
        *self.administrator_mass.get_or_init(access::administrator_mass)
    }
}

/// The statements of session policies. A document that cannot be read allows nothing.
fn session_statements(documents: &[String]) -> Option<Vec<Statement>> {
    if documents.is_empty() {
        return None;
    }
    let source = Source { path: String::new(), kind: String::new(), sha256: String::new(), records: 0, skipped: 0 };
    let mut scratch = Builder::new(source);
    for text in documents {
        let Ok(document) = document::parse_json(text, document::Place::Identity) else { continue };
        let place = document::Target {
            holder: EntityId(0),
            layer: Layer::Session,
            policy: "session policy",
            record: "",
            granted_at: None,
        };
        document::emit(&mut scratch, place, document);
    }
    // A statement of a session is in no table, so its number is none of theirs.
    let statements = scratch.grants.into_iter().map(|grant| Grant { grant: u32::MAX, ..grant });
    Some(
        statements
            .map(|grant| {
                let actions = Arc::new(Actions::new(&grant.actions, &grant.not_actions));
                Statement::new(&grant, actions, |_, _| None)
            })
            .collect(),
    )
}

/// A question's context when nothing is given.
fn no_context() -> &'static BTreeMap<String, Vec<String>> {
    static NONE: BTreeMap<String, Vec<String>> = BTreeMap::new();
    &NONE
}

/// Whether a statement takes away.
fn denies(statement: &Statement) -> bool {
    statement.effect == Effect::Deny
}
