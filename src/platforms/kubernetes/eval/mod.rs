//! Effective permissions of Kubernetes principals: role-based access control as the API server decides it.
//!
//! Rules only allow. A role gives its rules where its binding is: in one namespace, or everywhere. Principals that
//! hold the same roles in the same places are one class. The rules of a role that nothing says are unknown: what the
//! other rules do not allow is then neither allowed nor denied.
//!
//! Namespaces, nodes, secrets and workloads hold nothing by RBAC; they are classes so that techniques can start from
//! them: who controls a node controls the pods on it. Roles are classes too: what whoever is bound to one may do.

mod access;
mod granted;
mod places;
mod rules;
mod view;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::OnceLock;

use rustc_hash::FxHashMap;

pub use self::granted::written;
use self::places::Places;
use self::rules::{Request as Attributes, Role};
use self::view::{Bound, ClassView, Holder};
use super::notation::{Action, Asked, Lists, Object};
use super::{NAME, catalog, defaults, names};
use crate::model::{
    AttachmentKind, Decision, Entity, EntityId, EntityKind, Grant, Layer, MembershipKind, Reason, Request, Tables,
    Verdict,
};
use crate::platforms::{Class, Evaluator, Given, Granted, Known, Placed, Settings, View};

/// The permission model of one snapshot.
pub struct Compiled<'t> {
    tables: &'t Tables,
    roles: OnceLock<FxHashMap<EntityId, Role>>,
    places: OnceLock<Places>,
    classes: OnceLock<Classes>,
    administrator_mass: OnceLock<f64>,
}

/// Classes, and what the members of each hold.
struct Classes {
    list: Vec<Class>,
    holders: Vec<Holder>,
}

impl<'t> Compiled<'t> {
    /// Looks at nothing yet. The time of the scan decides nothing here: RBAC has no conditions.
    #[must_use]
    pub fn new(tables: &'t Tables, _settings: Settings) -> Self {
        Self {
            tables,
            roles: OnceLock::new(),
            places: OnceLock::new(),
            classes: OnceLock::new(),
            administrator_mass: OnceLock::new(),
        }
    }

    /// Every role, with its rules and those of the roles that it aggregates.
    fn roles(&self) -> &FxHashMap<EntityId, Role> {
        self.roles.get_or_init(|| {
            let own = |entity: &&Entity| entity.platform == NAME && is_role(&entity.id);
            let roles = self.tables.entities.iter().filter(own);
            roles.map(|entity| (entity.entity, self.role(entity))).collect()
        })
    }

    fn role(&self, entity: &Entity) -> Role {
        if entity.present && self.tables.attribute(entity.entity, defaults::BUILT_IN).is_none() {
            let mut seen = vec![entity.entity];
            let mut at = 0;
            while let Some(&role) = seen.get(at) {
                for inner in self.attached(role) {
                    if !seen.contains(&inner) {
                        seen.push(inner);
                    }
                }
                at += 1;
            }
            return Role::new(seen.iter().flat_map(|&role| rules::stored(self.tables, role)).collect(), true);
        }
        match defaults::rules(&entity.id) {
            Some(lists) => Role::new(lists.iter().map(|rule| rules::built_in(entity.entity, rule)).collect(), true),
            None => Role::new(Vec::new(), defaults::is_live(self.tables, entity.scope.as_deref().unwrap_or_default())),
        }
    }

    fn places(&self) -> &Places {
        self.places.get_or_init(|| Places::of(self.tables))
    }

    /// What is attached to a holder: bindings to a subject, the role to a binding, roles to one that aggregates.
    fn attached(&self, holder: EntityId) -> impl Iterator<Item = EntityId> {
        let rows = &self.tables.attachments;
        let start = rows.partition_point(|row| row.holder < holder);
        let own = rows[start..].iter().take_while(move |row| row.holder == holder);
        own.filter(|row| row.kind == AttachmentKind::Identity).map(|row| row.policy)
    }

    /// Groups that a principal is in.
    fn groups(&self, member: EntityId) -> impl Iterator<Item = EntityId> {
        let rows = &self.tables.memberships;
        let start = rows.partition_point(|row| row.member < member);
        let own = rows[start..].iter().take_while(move |row| row.member == member);
        own.filter(|row| row.kind == MembershipKind::MemberOf).map(|row| row.container)
    }

    /// What a principal, a group or a role holds.
    fn holder(&self, of: EntityId) -> Holder {
        let entity = self.tables.entity(of);
        let mut holder = Holder { bounds: Vec::new(), all: false };
        if is_role(&entity.id) {
            holder.bounds.push(Bound { namespace: namespace_of(&entity.id), role: of, binding: None });
            return holder;
        }
        if !matches!(entity.kind, EntityKind::User | EntityKind::ServiceAccount | EntityKind::Group) {
            return holder;
        }
        for subject in std::iter::once(of).chain(self.groups(of)) {
            holder.all |= is_masters(&self.tables.entity(subject).id);
            for binding in self.attached(subject) {
                let id = &self.tables.entity(binding).id;
                if is_role(id) {
                    holder.bounds.push(Bound { namespace: None, role: binding, binding: None });
                    continue;
                }
                for role in self.attached(binding) {
                    holder.bounds.push(Bound { namespace: namespace_of(id), role, binding: Some(binding) });
                }
            }
        }
        holder.bounds.sort_by(|a, b| (&a.namespace, a.role, a.binding).cmp(&(&b.namespace, b.role, b.binding)));
        holder
    }

    fn all_classes(&self) -> &Classes {
        self.classes.get_or_init(|| {
            type Key = (EntityKind, EntityId, bool, Vec<(Option<String>, EntityId)>);
            let mut alike: BTreeMap<Key, (Holder, Vec<EntityId>)> = BTreeMap::new();
            for entity in self.tables.entities.iter().filter(|entity| entity.platform == NAME && entity.present) {
                let Some(parts) = names::parts(&entity.id) else { continue };
                let Some(scope) = self.tables.find(parts.cluster) else { continue };
                if entity.kind == EntityKind::RoleDefinition && !is_role(&entity.id) {
                    continue;
                }
                let holder = self.holder(entity.entity);
                let mut places: Vec<_> = holder.bounds.iter().map(|one| (one.namespace.clone(), one.role)).collect();
                places.dedup();
                let key = (entity.kind, scope, holder.all, places);
                alike.entry(key).or_insert_with(|| (holder, Vec::new())).1.push(entity.entity);
            }
            let mut all: Vec<(Class, Holder)> = alike
                .into_iter()
                .map(|((kind, scope, ..), (holder, members))| (Class { kind, scope, members }, holder))
                .collect();
            all.sort_by_key(|(class, _)| class.members[0]);
            let (list, holders) = all.into_iter().unzip();
            Classes { list, holders }
        })
    }

    fn view(&self, class: usize, all: bool) -> ClassView<'_> {
        let classes = self.all_classes();
        let holder = &classes.holders[class];
        ClassView::new(self, &classes.list[class], holder, all || holder.all)
    }
}

/// Whether an id is a role's, and not a binding's.
fn is_role(id: &str) -> bool {
    names::parts(id).is_some_and(|parts| matches!(parts.kind, "role" | "clusterrole"))
}

fn is_masters(id: &str) -> bool {
    names::parts(id).is_some_and(|parts| parts.kind == "group" && parts.name == names::MASTERS)
}

/// An id as questions write what it means; anything else as it is.
fn as_asked(text: &str) -> Cow<'_, str> {
    match names::parts(text) {
        Some(parts) if parts.kind == "namespace" => Cow::Owned(format!("{}/*", parts.name)),
        Some(parts) if parts.namespace.is_empty() => Cow::Owned(parts.name),
        Some(parts) => Cow::Owned(format!("{}/{}", parts.namespace, parts.name)),
        None => Cow::Borrowed(text),
    }
}

/// The namespace that a role or a binding is in.
fn namespace_of(id: &str) -> Option<String> {
    names::parts(id).filter(|parts| !parts.namespace.is_empty()).map(|parts| parts.namespace.to_owned())
}

impl Evaluator for Compiled<'_> {
    fn classes(&self) -> &[Class] {
        &self.all_classes().list
    }

    fn open(&self, class: usize) -> Box<dyn View + '_> {
        Box::new(self.view(class, false))
    }

    fn open_given(&self, class: usize, given: &[Given], _policy: Option<EntityId>) -> Option<Box<dyn View + '_>> {
        // Nothing denies and nothing bounds, so that there is nothing to take away.
        (given == [Given::Administrator]).then(|| Box::new(self.view(class, true)) as Box<dyn View + '_>)
    }

    fn decide(&self, request: &Request) -> Verdict {
        let entity = self.tables.entity(request.principal);
        let Some(action) = Action::parse(&request.action).filter(|action| self.is_known_verb(action)) else {
            return denied(format!("`{}` is no action of Kubernetes", request.action));
        };
        if entity.kind == EntityKind::Workload {
            return denied(
                "pods hold no permissions themselves: ask for the service account that it runs as".to_owned(),
            );
        }
        let holder = self.holder(request.principal);
        let named = names::parts(&request.resource);
        let name = named.as_ref().map(|parts| parts.name.clone()).unwrap_or_default();
        let asked = match &named {
            Some(parts) if Some(parts.cluster) != entity.scope.as_deref() => {
                return denied("the resource is in another cluster".to_owned());
            }
            Some(parts) if parts.kind == "namespace" => Asked { namespace: &name, name: "" },
            Some(parts) => Asked { namespace: parts.namespace, name: &name },
            None => Asked::parse(&request.resource),
        };
        let attributes = Attributes::new(&action, asked);
        self.decided(&holder, &attributes)
    }

    fn granted(&self, principal: EntityId) -> Vec<Granted> {
        let entity = self.tables.entity(principal);
        let cluster = names::parts(&entity.id).and_then(|parts| self.tables.find(parts.cluster));
        let Some(scope) = cluster.filter(|_| entity.platform == NAME && entity.present) else { return Vec::new() };
        let alone = Class { kind: entity.kind, scope, members: vec![principal] };
        let holder = self.holder(principal);
        granted::rows(&ClassView::new(self, &alone, &holder, holder.all))
    }

    /// A role does not say where it holds: its binding does.
    fn placed(&self, principal: EntityId) -> Vec<Placed> {
        let entity = self.tables.entity(principal);
        let cluster = names::parts(&entity.id).and_then(|parts| self.tables.find(parts.cluster));
        let Some(scope) = cluster.filter(|_| entity.platform == NAME && entity.present) else { return Vec::new() };
        let class = Class { kind: entity.kind, scope, members: vec![principal] };
        let holder = self.holder(principal);
        let mut places: BTreeMap<Option<&str>, Vec<Bound>> = BTreeMap::from([(None, Vec::new())]);
        for bound in &holder.bounds {
            places.entry(bound.namespace.as_deref()).or_default().push(bound.clone());
        }
        let placed = |(namespace, bounds): (Option<&str>, Vec<Bound>)| {
            let own = Holder { bounds, all: holder.all && namespace.is_none() };
            let granted = granted::rows(&ClassView::new(self, &class, &own, own.all));
            Placed { within: namespace.map_or_else(String::new, |space| format!("{space}/")), granted }
        };
        places.into_iter().map(placed).collect()
    }

    fn question(&self, principal: EntityId, action: &str, resource: &str) -> Option<Request> {
        Some(Request::new(principal, action, resource))
    }

    fn encloses(&self, _principal: EntityId, outer: &str, inner: &str) -> Option<bool> {
        let (outer, inner) = (as_asked(outer), as_asked(inner));
        let namespace = outer.strip_suffix('*').filter(|space| space.ends_with('/'));
        Some(outer == "*" || outer == inner || namespace.is_some_and(|space| inner.starts_with(space)))
    }

    fn uncounted(&self, statement: &Grant) -> Vec<String> {
        let counts = |action: &String| Lists::parse(action).is_some_and(|lists| access::counts(&lists));
        statement.actions.iter().filter(|action| !counts(action)).cloned().collect()
    }

    fn known(&self, action: &str) -> Option<Known> {
        granted::known(action)
    }

    fn usage_name<'a>(&self, action: &'a Known) -> Cow<'a, str> {
        granted::usage_name(action)
    }

    fn administrator_mass(&self) -> f64 {
        *self.administrator_mass.get_or_init(access::administrator_mass)
    }
}

impl Compiled<'_> {
    /// Whether a verb is one of the API's, or one that some rule of the export names: names of other platforms'
    /// actions look like verbs, and a rule for every verb does not mean those.
    fn is_known_verb(&self, action: &Action) -> bool {
        let text = match &action.on {
            Object::Resource { resource, .. } => resource,
            Object::Url(url) => url,
        };
        super::notation::is_written_here(&format!("{}:{text}", action.verb))
            || (action.verb == "*" && !text.bytes().any(|byte| byte.is_ascii_uppercase()))
            || self.roles().values().flat_map(|role| &role.rules).any(|rule| rule.lists.verbs.contains(&action.verb))
    }

    fn decided(&self, holder: &Holder, attributes: &Attributes<'_>) -> Verdict {
        let mut reasons = Vec::new();
        if holder.all {
            let policy = Some(format!("the group {}, which the API server lets do everything", names::MASTERS));
            reasons.push(reason(policy, None, "allow"));
        }
        let mut missing = Vec::new();
        for bound in &holder.bounds {
            if !attributes.is_in(bound.namespace.as_deref()) {
                continue;
            }
            let Some(role) = self.roles().get(&bound.role) else { continue };
            if !role.known {
                missing.push(reason(Some(self.tables.entity(bound.role).id.clone()), None, "missing"));
            }
            for rule in role.rules.iter().filter(|rule| rule.allows(attributes)) {
                let mut one = reason(Some(self.through(rule.role, bound)), Some(rule.number.clone()), "allow");
                one.grant = rule.grant;
                reasons.push(one);
            }
        }
        let decision = match (reasons.is_empty(), missing.is_empty()) {
            (false, _) => Decision::Allowed,
            (true, false) => Decision::Unknown,
            (true, true) => Decision::Denied,
        };
        match decision {
            Decision::Unknown => reasons = missing,
            Decision::Denied => reasons.push(reason(None, None, "implicit_deny")),
            _ => {}
        }
        reasons.sort();
        reasons.dedup();
        Verdict { decision, reasons }
    }

    /// A role in words, with the binding that gives it.
    fn through(&self, role: EntityId, bound: &Bound) -> String {
        let shown = |id: EntityId| {
            let entity = self.tables.entity(id);
            let kind = self.tables.attribute(id, "kind").unwrap_or("ClusterRole");
            format!("{kind} {}", entity.name)
        };
        let mut text = shown(role);
        if role != bound.role {
            text += &format!(", aggregated by {}", shown(bound.role));
        }
        if let Some(binding) = bound.binding {
            text += &format!(", through {}", shown(binding));
        }
        text
    }
}

fn reason(policy: Option<String>, statement: Option<String>, effect: &'static str) -> Reason {
    Reason { layer: Layer::Identity, policy, statement, effect, condition: None, grant: None }
}

fn denied(why: String) -> Verdict {
    let mut reason = reason(None, None, "implicit_deny");
    reason.condition = Some(why);
    Verdict { decision: Decision::Denied, reasons: vec![reason] }
}

/// Whether a resource is cluster-scoped and asked without a namespace. Leave to bind a role is asked in the namespace
/// of the binding, also for cluster roles.
fn is_outside(action: &Action) -> bool {
    match &action.on {
        Object::Resource { group, resource } => {
            action.verb != "bind" && !catalog::Catalog::get().is_namespaced(group, resource)
        }
        Object::Url(_) => true,
    }
}
