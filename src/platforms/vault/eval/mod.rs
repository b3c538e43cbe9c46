//! Effective permissions of Vault's principals: what the policies of the tokens that each can get allow.
//!
//! A principal has *routes*: every way to a token gives one set of policies (its own, its groups', those of the role
//! that it logs in through), and precedence holds within one set. What any route allows, the principal may do. Entities
//! that log in through roles have the roles' policies besides their own; a role whose logins are one known entity has
//! that entity's. Principals with the same routes are one class; a policy with templates says something else for
//! everyone, so that whoever has one is a class of its own.
//!
//! The two templates of the policy `default` that let everyone read its own entity are left to single questions:
//! questions in bulk pass them over.

mod access;
mod routes;
mod templates;
mod view;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::OnceLock;

use rustc_hash::FxHashMap;

use self::routes::Route;
use self::view::{Asked, ClassView, Outcome};
use super::acl::{Acl, Entry, Form};
use super::policy::Caps;
use super::{NAME, catalog, names};
use crate::model::{Decision, Effect, Entity, EntityId, EntityKind, Layer, Reason, Request, Tables, Verdict};
use crate::platforms::{Class, Evaluator, Given, Granted, Known, Settings, View};

/// The permission model of one snapshot.
pub struct Compiled<'t> {
    tables: &'t Tables,
    as_of: i64,
    policies: OnceLock<FxHashMap<EntityId, Policy>>,
    classes: OnceLock<Classes>,
    linked: OnceLock<FxHashMap<EntityId, Vec<EntityId>>>,
    methods: OnceLock<Vec<Method>>,
}

/// An auth method.
struct Method {
    cluster: EntityId,
    kind: String,
    /// Where it is mounted, `auth/` included.
    path: String,
}

struct Classes {
    list: Vec<Class>,
    routes: Vec<Vec<Route>>,
}

/// A policy, compiled once.
struct Policy {
    name: String,
    root: bool,
    known: bool,
    templated: bool,
    rules: Vec<(String, Entry)>,
}

/// Templates with which everyone reads its own entity, by the paths that `default` has them under.
const OWN_RECORD: [&str; 2] =
    ["identity/entity/id/{{identity.entity.id}}", "identity/entity/name/{{identity.entity.name}}"];

impl<'t> Compiled<'t> {
    /// Looks at nothing yet. The time of the scan says which tokens still work.
    #[must_use]
    pub fn new(tables: &'t Tables, settings: Settings) -> Self {
        Self {
            tables,
            as_of: settings.as_of,
            policies: OnceLock::new(),
            classes: OnceLock::new(),
            linked: OnceLock::new(),
            methods: OnceLock::new(),
        }
    }

    fn policies(&self) -> &FxHashMap<EntityId, Policy> {
        self.policies.get_or_init(|| {
            let own = |entity: &&Entity| entity.platform == NAME && names::policy_name(&entity.id).is_some();
            self.tables.entities.iter().filter(own).map(|entity| (entity.entity, self.policy(entity))).collect()
        })
    }

    fn policy(&self, entity: &Entity) -> Policy {
        let is = |key: &str| self.tables.attribute(entity.entity, key).is_some();
        let rules = if is("built_in") && entity.name == "default" {
            catalog::DEFAULT_POLICY.iter().map(|(path, caps)| ((*path).to_owned(), built_in(caps))).collect()
        } else {
            self.stored(entity.entity)
        };
        let templated = rules.iter().any(|(pattern, entry)| pattern.contains("{{") && !is_own_record(pattern, entry));
        Policy { name: entity.name.clone(), root: entity.name == "root", known: entity.present, templated, rules }
    }

    /// Every auth method whose type is known, sorted by id.
    fn methods(&self) -> &[Method] {
        self.methods.get_or_init(|| {
            let rows = self.tables.attributes.iter().filter(|row| row.key == "auth_method");
            let method = |row: &crate::model::Attribute| {
                let entity = self.tables.entity(row.entity);
                let mount = entity.platform == NAME && entity.kind == EntityKind::Resource;
                let cluster = self.tables.find(names::cluster(&entity.id)).filter(|_| mount)?;
                Some(Method { cluster, kind: row.value.clone(), path: names::path(&entity.id).to_owned() })
            };
            rows.filter_map(method).collect()
        })
    }

    /// The rules of a policy as the export has them.
    fn stored(&self, policy: EntityId) -> Vec<(String, Entry)> {
        let rows = &self.tables.grants;
        let start = rows.partition_point(|row| row.holder < policy);
        let own = rows[start..].iter().take_while(|row| row.holder == policy);
        own.filter(|row| row.layer == Layer::Identity)
            .map(|row| {
                let mut entry = Entry { deny: row.effect == Effect::Deny, grants: vec![row.grant], ..Entry::default() };
                for action in &row.actions {
                    action.strip_prefix("acl:").and_then(Caps::named).into_iter().for_each(|one| entry.caps.add(one));
                }
                entry.limits.extend(
                    row.condition.iter().map(|limits| {
                        format!("`{}` limits what a request may carry: {limits}", row.resources.join(" "))
                    }),
                );
                (row.resources.join(" "), entry)
            })
            .collect()
    }

    /// What a route's token may do; `whole` with the templates that everyone has.
    fn acl(&self, route: &Route, whole: bool) -> Acl {
        let mut acl = Acl::default();
        for policy in route.policies.iter().filter_map(|policy| self.policies().get(policy)) {
            acl.root |= policy.root;
            if !policy.known {
                acl.missing.push(policy.name.clone());
            }
            for (pattern, entry) in &policy.rules {
                if !pattern.contains("{{") {
                    acl.add(pattern, entry);
                } else if (whole || !is_own_record(pattern, entry))
                    && let Some(pattern) = route.subject.and_then(|who| templates::resolve(self.tables, who, pattern))
                {
                    acl.add(&pattern, entry);
                }
            }
        }
        acl.finish();
        acl
    }

    fn all_classes(&self) -> &Classes {
        self.classes.get_or_init(|| {
            type Key = (EntityKind, EntityId, Vec<Vec<EntityId>>, Option<EntityId>);
            let mut alike: BTreeMap<Key, (Vec<Route>, Vec<EntityId>)> = BTreeMap::new();
            for entity in self.tables.entities.iter().filter(|entity| entity.platform == NAME && entity.present) {
                let policy = names::policy_name(&entity.id).is_some();
                let acts = entity.kind.is_principal() || entity.kind == EntityKind::Group || policy;
                let Some(scope) = self.tables.find(names::cluster(&entity.id)).filter(|_| acts) else { continue };
                let routes = self.routes(entity.entity);
                let of = |policy: &EntityId| self.policies().get(policy).is_some_and(|policy| policy.templated);
                let alone = routes.iter().any(|route| route.policies.iter().any(of)).then_some(entity.entity);
                let sets = routes.iter().map(|route| route.policies.clone()).collect();
                let key = (entity.kind, scope, sets, alone);
                alike.entry(key).or_insert_with(|| (routes, Vec::new())).1.push(entity.entity);
            }
            let mut all: Vec<(Class, Vec<Route>)> = alike
                .into_iter()
                .map(|((kind, scope, ..), (routes, members))| (Class { kind, scope, members }, routes))
                .collect();
            all.sort_by_key(|(class, _)| class.members[0]);
            let (list, routes) = all.into_iter().unzip();
            Classes { list, routes }
        })
    }

    fn view<'c>(&'c self, class: &'c Class, routes: &[Route], all: bool) -> ClassView<'c> {
        let mut acls: Vec<Acl> = routes.iter().map(|route| self.acl(route, false)).collect();
        if all {
            let mut everything = Acl::default();
            everything.root = true;
            acls.push(everything);
        }
        ClassView { tables: self.tables, methods: self.methods(), class, acls }
    }
}

/// Whether a rule lets whoever has it read its own entity, and no more.
fn is_own_record(pattern: &str, entry: &Entry) -> bool {
    let read = Caps::named("read").unwrap_or_default();
    OWN_RECORD.contains(&pattern) && read.has(entry.caps) && !entry.deny
}

fn built_in(caps: &str) -> Entry {
    let mut entry = Entry::default();
    caps.split(' ').filter_map(Caps::named).for_each(|one| entry.caps.add(one));
    entry
}

impl Evaluator for Compiled<'_> {
    fn classes(&self) -> &[Class] {
        &self.all_classes().list
    }

    fn open(&self, class: usize) -> Box<dyn View + '_> {
        let classes = self.all_classes();
        Box::new(self.view(&classes.list[class], &classes.routes[class], false))
    }

    fn open_given(&self, class: usize, given: &[Given], _policy: Option<EntityId>) -> Option<Box<dyn View + '_>> {
        let classes = self.all_classes();
        let view = |all| Box::new(self.view(&classes.list[class], &classes.routes[class], all)) as Box<dyn View + '_>;
        (given == [Given::Administrator]).then(|| view(true))
    }

    fn decide(&self, request: &Request) -> Verdict {
        let entity = self.tables.entity(request.principal);
        let Some(asked) = Asked::parse(&request.action) else {
            return denied(format!("`{}` is no action of Vault", request.action));
        };
        let cluster = names::cluster(&entity.id);
        let resource = match request.resource.strip_prefix(cluster).and_then(|rest| rest.strip_prefix('/')) {
            Some(path) => path,
            None if request.resource.starts_with("vault:") => {
                return denied("the resource is in another cluster".to_owned());
            }
            None => names_path(&request.resource),
        };
        let path = asked.path.as_deref().unwrap_or(resource);
        let routes = self.routes(request.principal);
        let acls: Vec<Acl> = routes.iter().map(|route| self.acl(route, true)).collect();
        let outcomes =
            acls.iter().map(|acl| if path == "*" { view::somewhere(acl, &asked) } else { asked.outcome(acl, path) });
        let best = outcomes.max().unwrap_or(Outcome::No(Vec::new()));
        self.verdict(&best, path)
    }

    fn granted(&self, principal: EntityId) -> Vec<Granted> {
        let entity = self.tables.entity(principal);
        let scope = self.tables.find(names::cluster(&entity.id)).filter(|_| entity.platform == NAME && entity.present);
        let Some(scope) = scope else { return Vec::new() };
        let alone = Class { kind: entity.kind, scope, members: vec![principal] };
        let view = self.view(&alone, &self.routes(principal), false);
        access::granted(&view).into_iter().map(|(granted, _)| granted).collect()
    }

    fn question(&self, principal: EntityId, action: &str, resource: &str) -> Option<Request> {
        let (area, capability) = catalog::parse(action)?;
        let inside = catalog::area_of(resource).name == area.name;
        let one = inside && matches!(Form::of(resource), Form::Exact(_)) && !resource.contains("{{");
        one.then(|| Request::new(principal, capability, resource))
    }

    fn encloses(&self, _principal: EntityId, outer: &str, inner: &str) -> Option<bool> {
        Some(
            outer == inner
                || match Form::of(outer) {
                    Form::Exact(_) => false,
                    Form::Prefix(stem) => inner.starts_with(stem),
                    Form::Segments(..) => {
                        matches!(Form::of(inner), Form::Exact(path) if super::acl::is_matched(outer, path))
                    }
                },
        )
    }

    fn overrides(&self) -> bool {
        true
    }

    fn known(&self, action: &str) -> Option<Known> {
        catalog::parse(action).map(|(area, capability)| access::known(area, capability))
    }

    fn usage_name<'a>(&self, action: &'a Known) -> Cow<'a, str> {
        Cow::Borrowed(&action.name)
    }

    fn administrator_mass(&self) -> f64 {
        access::administrator_mass()
    }
}

/// A path as questions write it.
fn names_path(text: &str) -> &str {
    let text = text.strip_prefix('/').unwrap_or(text);
    text.strip_prefix("v1/").unwrap_or(text)
}

impl Compiled<'_> {
    fn verdict(&self, outcome: &Outcome, path: &str) -> Verdict {
        let of_grants = |grants: &[u32], effect: &'static str, condition: Option<&String>| {
            let one = |grant: &u32| {
                let row = self.tables.grants.get(*grant as usize);
                Reason {
                    layer: Layer::Identity,
                    policy: row.map(|row| row.policy.clone()),
                    statement: row.map(|row| row.resources.join(" ")),
                    effect,
                    condition: condition.cloned(),
                    grant: Some(*grant),
                }
            };
            grants.iter().map(one).collect::<Vec<_>>()
        };
        let (decision, mut reasons) = match outcome {
            Outcome::Yes(grants) if grants.is_empty() => {
                (Decision::Allowed, vec![reason(Some("built in".to_owned()), "allow", None)])
            }
            Outcome::Yes(grants) => (Decision::Allowed, of_grants(grants, "allow", None)),
            Outcome::Limited(why, grants) => (Decision::Conditional, of_grants(grants, "allow", why.first())),
            Outcome::Unknown(missing, _) => {
                let one = |name: &String| reason(Some(name.clone()), "missing", None);
                (Decision::Unknown, missing.iter().map(one).collect())
            }
            Outcome::No(grants) if grants.is_empty() => {
                let why = format!("no policy has a path that matches `{path}` with this capability");
                (Decision::Denied, vec![reason(None, "implicit_deny", Some(why))])
            }
            Outcome::No(grants) => {
                let why = "the most specific path that matches does not have the capability".to_owned();
                (Decision::Denied, of_grants(grants, "deny", Some(&why)))
            }
        };
        reasons.sort();
        reasons.dedup();
        Verdict { decision, reasons }
    }
}

fn reason(policy: Option<String>, effect: &'static str, condition: Option<String>) -> Reason {
    Reason { layer: Layer::Identity, policy, statement: None, effect, condition, grant: None }
}

fn denied(why: String) -> Verdict {
    Verdict { decision: Decision::Denied, reasons: vec![reason(None, "implicit_deny", Some(why))] }
}
