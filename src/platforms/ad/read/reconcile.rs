//! What only shows when all files of a collection are there, and is written into them before they are joined: members by
//! name, objects that several files have, and what certificate authorities make of who may enrol.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::Value;

use super::super::{NAME, names};
use super::objects::REPEATED;
use super::{certificates, hosts, templates};
use crate::model::rebuild::{self, Fate};
use crate::model::{Builder, Entity, Grant, IssueSeverity};

/// What hangs on it whether certificates of an authority log on.
const UNTOLD: &str =
    "whether certificates of the authority log on: the stores and roots that say so are not in the export";

/// See [`crate::platforms::Platform::reconcile`].
pub fn reconcile(builders: &mut [Builder]) {
    if !builders.iter().any(|builder| builder.entities().iter().any(|entity| entity.platform == NAME)) {
        return;
    }
    resolve_names(builders);
    settle_copies(builders);
    authorities(builders);
}

/// Members that are named by their distinguished name become the objects of that name.
fn resolve_names(builders: &mut [Builder]) {
    let named = |entity: &Entity| {
        let identifier = entity.id.strip_prefix(NAME).and_then(|id| id.strip_prefix(':')).unwrap_or_default();
        entity.platform == NAME && !entity.present && names::is_distinguished(identifier)
    };
    if !builders.iter().any(|builder| builder.entities().iter().any(named)) {
        return;
    }
    let mut by_name: FxHashMap<String, String> = FxHashMap::default();
    for builder in builders.iter() {
        for row in builder.attributes.iter().filter(|row| row.key == "distinguished_name") {
            let entity = builder.entity(row.entity);
            if entity.platform == NAME {
                by_name.entry(names::id(&row.value)).or_insert_with(|| entity.id.clone());
            }
        }
    }
    for builder in builders.iter_mut() {
        let missing: Vec<String> =
            builder.entities().iter().filter(|one| named(one)).map(|one| one.id.clone()).collect();
        for id in missing.into_iter().filter(|id| !by_name.contains_key(id)) {
            let message = format!("`{id}` is named and no object of the export has this distinguished name");
            builder.issue(IssueSeverity::Warning, "name_unresolved", "", message);
        }
        rebuild::rename(builder, |entity| match by_name.get(&entity.id).filter(|_| named(entity)) {
            Some(id) => Fate::Rename(id.clone()),
            None => Fate::Keep,
        });
    }
}

/// Everything by which two grants are told apart.
type Content = (String, Vec<String>, Vec<String>, Option<String>, String);

/// An object that several records describe has each of its rights once, whoever says so again.
fn settle_copies(builders: &mut [Builder]) {
    let mut defined: FxHashSet<String> = FxHashSet::default();
    let mut again: FxHashSet<String> = FxHashSet::default();
    for builder in builders.iter() {
        // A domain is defined by everything in it.
        let own = |entity: &&Entity| entity.platform == NAME && entity.present && entity.record.is_some();
        for entity in builder.entities().iter().filter(own) {
            if !defined.insert(entity.id.clone()) {
                again.insert(entity.id.clone());
            }
        }
        let repeated = builder.attributes.iter().filter(|row| row.key == REPEATED);
        again.extend(repeated.map(|row| builder.entity(row.entity).id.clone()));
    }
    if again.is_empty() {
        return;
    }
    let mut known: FxHashSet<Content> = FxHashSet::default();
    for builder in builders.iter_mut() {
        let of = |grant: &Grant| {
            let holder = builder.entity(grant.holder);
            let on = |resource: &String| again.contains(resource.strip_prefix('=').unwrap_or(resource));
            let own = holder.platform == NAME && (again.contains(&holder.id) || grant.resources.iter().any(on));
            own.then(|| {
                let (actions, resources) = (grant.actions.clone(), grant.resources.clone());
                (holder.id.clone(), actions, resources, grant.condition.clone(), grant.policy.clone())
            })
        };
        let copies: BTreeSet<u32> = builder
            .grants
            .iter()
            .filter(|grant| of(grant).is_some_and(|content| !known.insert(content)))
            .map(|grant| grant.grant)
            .collect();
        if !copies.is_empty() {
            rebuild::keep_grants(builder, |grant| !copies.contains(&grant.grant));
            let message = format!("rights that another record states before: {}; each counts once", copies.len());
            builder.issue(IssueSeverity::Note, "right_repeated", "", message);
        }
    }
}

/// What is known of all authorities, templates and domain controllers together.
struct Certificates {
    /// Whether certificates of an authority log on, by its id; `None` when nothing says so.
    trusted: BTreeMap<String, Option<bool>>,
    /// What leave to enrol in a template is good for, by its id.
    uses: FxHashMap<String, Vec<String>>,
    /// Groups that a template's certificates make one a member of.
    groups: FxHashMap<String, Vec<String>>,
    binding: FxHashMap<String, Option<bool>>,
    mapping: FxHashMap<String, Option<bool>>,
}

fn authorities(builders: &mut [Builder]) {
    let known = Certificates::of(builders);
    if known.trusted.is_empty() {
        return;
    }
    for builder in builders.iter_mut() {
        // An authority's grants name it as their statement.
        rebuild::keep_grants(builder, |grant| known.trusted.get(&grant.statement) != Some(&Some(false)));
        for grant in &mut builder.grants {
            if known.trusted.get(&grant.statement) == Some(&None) {
                grant.condition = Some(joined(grant.condition.as_deref(), UNTOLD));
            }
        }
        known.derive(builder);
        for (id, trusted) in &known.trusted {
            let Some(handle) = builder.handle(id).filter(|&handle| builder.entity(handle).present) else { continue };
            let word = match trusted {
                Some(true) => "true",
                Some(false) => "false",
                None => "unknown: the stores and roots that trust it are not in the export",
            };
            builder.attribute(handle, "logs_on", word);
            if *trusted == Some(true) {
                let mut entity = builder.entity(handle).clone();
                entity.protected = true;
                entity.protected_reason = Some("certificate authority whose certificates log on".to_owned());
                builder.replace(handle, entity);
            }
        }
    }
}

/// A condition and one more, as the engine writes conditions.
fn joined(condition: Option<&str>, more: &str) -> String {
    let first = condition.and_then(|condition| serde_json::from_str::<String>(condition).ok());
    let text = first.map_or_else(|| more.to_owned(), |first| format!("{first}; {more}"));
    Value::String(text).to_string()
}

/// The values of an attribute with the ids of those who have them.
fn stated<'b>(builders: &'b [Builder], key: &'b str) -> impl Iterator<Item = (&'b Entity, &'b str)> {
    let rows = builders.iter().flat_map(move |builder| {
        let own = builder.attributes.iter().filter(move |row| row.key == key);
        own.map(move |row| (builder.entity(row.entity), row.value.as_str()))
    });
    rows.filter(|(entity, _)| entity.platform == NAME)
}

impl Certificates {
    fn of(builders: &[Builder]) -> Self {
        let set = |key| stated(builders, key).map(|(_, value)| value.to_owned()).collect::<FxHashSet<String>>();
        let (stores, roots) = (set(certificates::TRUSTED), set(certificates::ROOT));
        let mut chains: FxHashMap<String, Vec<String>> = FxHashMap::default();
        for (authority, thumbprint) in stated(builders, certificates::CHAIN) {
            chains.entry(authority.id.clone()).or_default().push(thumbprint.to_owned());
        }
        let mut trusted = BTreeMap::new();
        let word = super::Kind::EnterpriseAuthority.word();
        for (authority, _) in stated(builders, "kind").filter(|(_, kind)| *kind == word) {
            trusted.entry(authority.id.clone()).or_insert(None);
        }
        for (authority, own) in stated(builders, certificates::OWN) {
            let in_store = (!stores.is_empty()).then(|| stores.contains(own));
            let chained = || {
                let chain = chains.get(&authority.id).map(Vec::as_slice).unwrap_or_default();
                roots.contains(own) || chain.iter().any(|one| roots.contains(one))
            };
            let rooted = (!roots.is_empty()).then(chained);
            let verdict = match (in_store, rooted) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            };
            trusted.insert(authority.id.clone(), verdict);
        }
        let mut uses: FxHashMap<String, Vec<String>> = FxHashMap::default();
        for (template, name) in stated(builders, templates::USE) {
            uses.entry(template.id.clone()).or_default().push(name.to_owned());
        }
        let (binding, mapping) = (
            controllers(builders, hosts::BINDING, |value| value < 2),
            controllers(builders, hosts::MAPPING, |value| value & hosts::BY_PRINCIPAL_NAME != 0),
        );
        Self { trusted, uses, groups: policy_groups(builders), binding, mapping }
    }

    /// Adds what follows from who may ask for what where: certificates by which one comes to be someone else. What
    /// domain controllers accept of them is a condition where the export does not tell it.
    fn derive(&self, builder: &mut Builder) {
        const BINDING_UNKNOWN: &str =
            "whether a domain controller takes certificates without a strong binding is not in the export";
        const MAPPING_UNKNOWN: &str =
            "whether a domain controller maps certificates by their principal name is not in the export";
        let mut fresh: Vec<Grant> = Vec::new();
        for grant in &builder.grants {
            let asks = grant.actions.iter().any(|action| action == "ca:Request");
            let scope = builder.entity(grant.holder).scope.as_deref().unwrap_or_default();
            for (plane, doubt, state) in
                [("Unbound", BINDING_UNKNOWN, &self.binding), ("For", MAPPING_UNKNOWN, &self.mapping)]
            {
                for name in ["Upn", "Dns"].into_iter().filter(|_| asks) {
                    let used = format!("certificate:Enroll{plane}{name}");
                    let resources: Vec<String> =
                        grant.resources.iter().filter(|on| self.is_used(on, &used)).cloned().collect();
                    let accepted = state.get(&domain(grant, &resources, scope, builder)).copied().unwrap_or(None);
                    if resources.is_empty() || accepted == Some(false) {
                        continue;
                    }
                    let actions = vec![format!("ca:Request{plane}{name}")];
                    let condition = if accepted.is_none() {
                        Some(joined(grant.condition.as_deref(), doubt))
                    } else {
                        grant.condition.clone()
                    };
                    fresh.push(Grant { actions, resources, condition, ..grant.clone() });
                }
            }
            self.for_groups(grant, asks, &mut fresh);
        }
        for mut grant in fresh {
            grant.grant = u32::try_from(builder.grants.len()).unwrap_or(u32::MAX);
            builder.grants.push(grant);
        }
    }

    fn is_used(&self, resource: &str, name: &str) -> bool {
        let template = resource.strip_prefix('=').unwrap_or(resource);
        self.uses.get(template).is_some_and(|uses| uses.iter().any(|used| used == name))
    }

    /// Certificates that make one a member of a group: who may enrol in the template, and who may ask for it.
    fn for_groups(&self, grant: &Grant, asks: bool, fresh: &mut Vec<Grant>) {
        let enrols = grant.actions.iter().any(|action| matches!(action.as_str(), "Enroll" | "*"));
        let action = match (asks, enrols) {
            (true, _) => "ca:RequestForGroup",
            (_, true) => "certificate:EnrollForGroup",
            _ => return,
        };
        let groups = grant.resources.iter().filter_map(|on| self.groups.get(on.strip_prefix('=')?)).flatten();
        let resources: BTreeSet<String> = groups.map(|group| format!("={group}")).collect();
        if !resources.is_empty() {
            let (actions, resources) = (vec![action.to_owned()], resources.into_iter().collect());
            fresh.push(Grant { actions, resources, ..grant.clone() });
        }
    }
}

/// The domain in which a certificate logs on: that of the template, where this file knows it, else the asker's; a
/// well-known group's is in its id.
fn domain(grant: &Grant, resources: &[String], scope: &str, builder: &Builder) -> String {
    let template = resources.first().and_then(|on| builder.handle(on.strip_prefix('=')?));
    let authority = builder.handle(&grant.statement);
    let scopes =
        [authority, template].into_iter().flatten().filter_map(|handle| builder.entity(handle).scope.as_deref());
    scopes.chain([scope]).find(|scope| !scope.is_empty()).unwrap_or_default().to_owned()
}

/// Whether some controller of each domain accepts something; `None` when one does not say and none does.
fn controllers(builders: &[Builder], key: &str, accepts: impl Fn(i64) -> bool) -> FxHashMap<String, Option<bool>> {
    let values: FxHashMap<&str, Option<i64>> =
        stated(builders, key).map(|(computer, value)| (computer.id.as_str(), value.parse().ok())).collect();
    let mut state: FxHashMap<String, Option<bool>> = FxHashMap::default();
    for (controller, _) in stated(builders, "domain_controller") {
        let Some(scope) = controller.scope.clone() else { continue };
        let own = values.get(controller.id.as_str()).copied().flatten().map(&accepts);
        let known = state.entry(scope).or_insert(own);
        *known = match (*known, own) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (None, _) | (_, None) => None,
            _ => Some(false),
        };
    }
    state
}

/// Groups that templates' issuance policies stand for, by template.
fn policy_groups(builders: &[Builder]) -> FxHashMap<String, Vec<String>> {
    let mut by_object: FxHashMap<&str, &str> = FxHashMap::default();
    for (object, group) in stated(builders, certificates::GROUP) {
        by_object.insert(&object.id, group);
    }
    let mut by_policy: FxHashMap<&str, &str> = FxHashMap::default();
    for (object, policy) in stated(builders, certificates::POLICY) {
        if let Some(group) = by_object.get(object.id.as_str()) {
            by_policy.insert(policy, group);
        }
    }
    let logs_on: FxHashSet<&str> = stated(builders, "logs_on")
        .filter(|(_, value)| *value == "true")
        .map(|(template, _)| template.id.as_str())
        .collect();
    let mut groups: FxHashMap<String, Vec<String>> = FxHashMap::default();
    for (template, policy) in stated(builders, templates::ISSUANCE_POLICY) {
        if let Some(group) = by_policy.get(policy).filter(|_| logs_on.contains(template.id.as_str())) {
            groups.entry(template.id.clone()).or_default().push((*group).to_owned());
        }
    }
    groups
}
