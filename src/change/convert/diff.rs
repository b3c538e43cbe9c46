//! The operations between two states that are said in rows: what there is, and what there is to be.

use std::collections::{BTreeMap, BTreeSet};

use crate::change::apply::read_condition;
use crate::change::decode::Time;
use crate::change::read::{Note, NoteKind};
use crate::change::set::{Activity, Change};
use crate::model::{
    AttachmentKind, Credential, Entity, EntityId, EntityKind, Grant, Layer, Membership, MembershipKind, Standing,
    Tables,
};

/// Holder, layer, policy and statement.
type GrantKey<'t> = (&'t str, Layer, &'t str, &'t str);

/// Keys of attributes with their values.
type Facts<'t> = BTreeMap<&'t str, Vec<&'t str>>;

/// Rows by the ids of what they are about.
#[derive(Default)]
pub struct Said<'t> {
    entities: BTreeMap<&'t str, &'t Entity>,
    memberships: BTreeMap<(&'t str, &'t str, MembershipKind), &'t Membership>,
    attachments: BTreeSet<(&'t str, AttachmentKind, &'t str)>,
    grants: BTreeMap<GrantKey<'t>, Vec<&'t Grant>>,
    credentials: BTreeMap<(&'t str, &'t str), &'t Credential>,
    facts: BTreeMap<&'t str, Facts<'t>>,
}

/// Which rows of tables count.
pub struct Keep<'k> {
    pub entity: &'k dyn Fn(&Entity) -> bool,
    pub grant: &'k dyn Fn(&Entity) -> bool,
    pub attachment: &'k dyn Fn(&Entity, &Entity) -> bool,
    pub membership: &'k dyn Fn(&Entity, &Entity) -> bool,
    pub credential: &'k dyn Fn(&Entity) -> bool,
}

impl Keep<'static> {
    /// All of them.
    pub const ALL: Self = Self {
        entity: &|_| true,
        grant: &|_| true,
        attachment: &|_, _| true,
        membership: &|_, _| true,
        credential: &|_| true,
    };
}

impl<'t> Said<'t> {
    /// What tables say, as far as it counts.
    pub fn of(tables: &'t Tables, keep: &Keep<'_>) -> Self {
        let id = |entity: EntityId| tables.entity(entity).id.as_str();
        let mut said = Self::default();
        for entity in tables.entities.iter().filter(|entity| entity.present && (keep.entity)(entity)) {
            said.entities.insert(&entity.id, entity);
        }
        for row in &tables.attributes {
            if said.entities.contains_key(id(row.entity)) {
                said.facts.entry(id(row.entity)).or_default().entry(&row.key).or_default().push(&row.value);
            }
        }
        for row in &tables.memberships {
            if (keep.membership)(tables.entity(row.member), tables.entity(row.container)) {
                said.memberships.insert((id(row.member), id(row.container), row.kind), row);
            }
        }
        for row in &tables.attachments {
            if (keep.attachment)(tables.entity(row.holder), tables.entity(row.policy)) {
                said.attachments.insert((id(row.holder), row.kind, id(row.policy)));
            }
        }
        for row in tables.grants.iter().filter(|row| (keep.grant)(tables.entity(row.holder))) {
            let key = (id(row.holder), row.layer, row.policy.as_str(), row.statement.as_str());
            said.grants.entry(key).or_default().push(row);
        }
        for row in tables.credentials.iter().filter(|row| (keep.credential)(tables.entity(row.entity))) {
            said.credentials.insert((id(row.entity), &row.credential), row);
        }
        said
    }
}

/// The operations that lead from one state to another.
pub struct Difference<'t> {
    before: Said<'t>,
    after: Said<'t>,
    changes: Vec<Change>,
    notes: Vec<Note>,
    gone: Gone,
}

/// Contents of statements that go, by holder, policy and statement: the snapshot may call them otherwise.
pub type Gone = BTreeMap<(String, String, String), String>;

/// What leads from one state to another, and what of it no operation says. What comes is made before what hangs on it,
/// and what goes goes last.
pub fn difference(before: Said<'_>, after: Said<'_>) -> (Vec<Change>, Vec<Note>, Gone) {
    let mut all = Difference { before, after, changes: Vec::new(), notes: Vec::new(), gone: Gone::new() };
    all.created();
    all.grants();
    all.attachments();
    all.memberships();
    all.credentials();
    all.deleted();
    (all.changes, all.notes, all.gone)
}

impl<'t> Difference<'t> {
    fn created(&mut self) {
        // A scope comes before what is in it.
        let mut fresh: Vec<&Entity> = self
            .after
            .entities
            .iter()
            .filter(|(id, _)| !self.before.entities.contains_key(*id))
            .map(|(_, one)| *one)
            .collect();
        fresh.sort_by_key(|entity| (entity.kind != EntityKind::Scope, entity.id.as_str()));
        for entity in fresh {
            let attributes: BTreeMap<String, Vec<String>> = self
                .after
                .facts
                .get(entity.id.as_str())
                .into_iter()
                .flatten()
                .map(|(key, values)| ((*key).to_owned(), values.iter().map(|value| (*value).to_owned()).collect()))
                .collect();
            self.changes.push(Change::CreatePrincipal {
                principal: entity.id.clone(),
                kind: entity.kind,
                name: Some(entity.name.clone()),
                platform: Some(entity.platform.clone()),
                scope: entity.scope.clone(),
                unique_id: entity.unique_id.clone(),
                nhi: entity.nhi,
                enabled: entity.enabled,
                env: entity.env.clone(),
                attributes,
            });
        }
        for (id, entity) in &self.after.entities {
            let Some(was) = self.before.entities.get(id) else { continue };
            if was.enabled != entity.enabled && entity.enabled.is_some() {
                self.changes.push(Change::SetEnabled { principal: (*id).to_owned(), enabled: entity.enabled });
            }
            let (old, new) = (self.before.facts.get(id), self.after.facts.get(id));
            let tags = |facts: Option<&Facts<'_>>| -> Vec<(String, Vec<String>)> {
                let facts = facts.into_iter().flatten().filter(|(key, _)| key.starts_with("tag:"));
                facts
                    .map(|(key, values)| ((*key).to_owned(), values.iter().map(|one| (*one).to_owned()).collect()))
                    .collect()
            };
            if tags(old) != tags(new) {
                let message = format!("tags of `{id}` change: conditions may hang on them, and no operation says it");
                let pointer = entity.record.clone().unwrap_or_default();
                self.notes.push(Note { kind: NoteKind::NotConverted, pointer, message });
            }
        }
    }

    fn grants(&mut self) {
        let keys: BTreeSet<GrantKey<'t>> = self.before.grants.keys().chain(self.after.grants.keys()).copied().collect();
        let (mut gone, mut come) = (Vec::new(), Vec::new());
        for key in keys {
            let old = self.before.grants.get(&key).map(Vec::as_slice).unwrap_or_default();
            let new = self.after.grants.get(&key).map(Vec::as_slice).unwrap_or_default();
            match (old, new) {
                _ if same_all(old, new) => {}
                ([_], [row]) => come.push(put(key, row, None)),
                _ => {
                    let names = (key.0.to_owned(), key.2.to_owned(), key.3.to_owned());
                    if let [row] = old {
                        self.gone.insert(names, content(row));
                    }
                    let n = old.len();
                    gone.extend((0..n).map(|at| deleted(key, (n - at > 1).then_some(1))));
                    let numbers = (1u32..).map(|number| (number > 1).then_some(number));
                    come.extend(new.iter().zip(numbers).map(|(row, number)| put(key, row, number)));
                }
            }
        }
        self.changes.extend(gone);
        self.changes.extend(come);
    }

    fn attachments(&mut self) {
        let kind = |kind: AttachmentKind| (kind != AttachmentKind::Identity).then_some(kind);
        let bound = |one: &&(&str, AttachmentKind, &str)| one.1 == AttachmentKind::Boundary;
        let (before, after) = (&self.before.attachments, &self.after.attachments);
        for &(holder, what, policy) in before.difference(after).filter(|one| !bound(one)) {
            let (holder, policy) = (holder.to_owned(), policy.to_owned());
            self.changes.push(Change::Detach { holder, policy, kind: kind(what) });
        }
        for &(holder, what, policy) in after.difference(before).filter(|one| !bound(one)) {
            let (holder, policy) = (holder.to_owned(), policy.to_owned());
            self.changes.push(Change::Attach { holder, policy, kind: kind(what) });
        }
        let boundaries = |of: &BTreeSet<(&'t str, AttachmentKind, &'t str)>| -> BTreeMap<&'t str, &'t str> {
            of.iter().filter(bound).map(|&(holder, _, policy)| (holder, policy)).collect()
        };
        let (old, new) = (boundaries(before), boundaries(after));
        let holders: BTreeSet<&str> = old.keys().chain(new.keys()).copied().collect();
        for holder in holders.into_iter().filter(|holder| old.get(holder) != new.get(holder)) {
            // Who goes altogether needs no boundary taken off.
            if new.contains_key(holder) || self.after.entities.contains_key(holder) {
                let policy = new.get(holder).map(|policy| (*policy).to_owned());
                self.changes.push(Change::SetBoundary { principal: holder.to_owned(), policy });
            }
        }
    }

    fn memberships(&mut self) {
        let said = |kind: MembershipKind| (kind != MembershipKind::MemberOf).then_some(kind);
        for (member, container, kind) in
            self.before.memberships.keys().filter(|key| !self.after.memberships.contains_key(key))
        {
            let (container, member) = ((*container).to_owned(), (*member).to_owned());
            self.changes.push(Change::RemoveMember { container, member, kind: said(*kind) });
        }
        for (key @ (member, container, kind), row) in &self.after.memberships {
            let same = |was: &&Membership| (was.standing, was.expires_at) == (row.standing, row.expires_at);
            if self.before.memberships.get(key).is_some_and(same) {
                continue;
            }
            self.changes.push(Change::AddMember {
                container: (*container).to_owned(),
                member: (*member).to_owned(),
                kind: said(*kind),
                standing: (row.standing != Standing::Active).then_some(row.standing),
                expires_at: row.expires_at.map(Time),
            });
        }
    }

    fn credentials(&mut self) {
        for (&(holder, credential), row) in &self.before.credentials {
            let now = self.after.credentials.get(&(holder, credential));
            let off = now.is_some_and(|now| now.active == Some(false) && row.active != Some(false));
            if now.is_none() || off {
                let (principal, credential) = (holder.to_owned(), credential.to_owned());
                let delete = now.is_none().then_some(true);
                self.changes.push(Change::DisableCredential { principal, credential, delete });
            }
        }
        for (&(holder, credential), row) in &self.after.credentials {
            let before = self.before.credentials.get(&(holder, credential));
            let on = before.is_some_and(|was| was.active == Some(false) && row.active != Some(false));
            if before.is_none() || on {
                self.changes.push(Change::CreateCredential {
                    principal: holder.to_owned(),
                    kind: row.kind,
                    credential: Some(credential.to_owned()),
                    created_at: row.created_at.map(Time),
                    expires_at: row.expires_at.map(Time),
                    last_used_at: None,
                    never_used: None,
                    last_rotated_at: None,
                    active: Activity(row.active),
                });
            }
        }
    }

    /// Deleted entities take their rows with them: what was said of those before need not be said again.
    fn deleted(&mut self) {
        let gone: BTreeSet<&str> =
            self.before.entities.keys().filter(|id| !self.after.entities.contains_key(*id)).copied().collect();
        self.changes.retain(|change| match change {
            Change::Detach { holder, policy, .. } => !gone.contains(holder.as_str()) && !gone.contains(policy.as_str()),
            Change::DeleteGrant { holder, .. } => !gone.contains(holder.as_str()),
            Change::RemoveMember { container, member, .. } => {
                !gone.contains(container.as_str()) && !gone.contains(member.as_str())
            }
            Change::DisableCredential { principal, .. } => !gone.contains(principal.as_str()),
            _ => true,
        });
        let gone = gone.into_iter().map(|id| Change::DeletePrincipal { principal: id.to_owned(), referred_as: None });
        self.changes.extend(gone);
    }
}

/// Whether statements say the same; when a right was given is no part of what is wanted.
fn same_all(old: &[&Grant], new: &[&Grant]) -> bool {
    let content = |rows: &[&Grant]| -> Vec<String> {
        let mut all: Vec<String> = rows.iter().map(|row| content(row)).collect();
        all.sort();
        all
    };
    old.len() == new.len() && content(old) == content(new)
}

/// What a statement says, whatever it is called and whoever holds it.
pub fn content(row: &Grant) -> String {
    let lists = (&row.actions, &row.not_actions, &row.resources, &row.not_resources);
    let condition = row.condition.as_deref().map(read_condition);
    // Lists of texts are always JSON.
    let people = (&row.principals, &row.not_principals);
    serde_json::to_string(&(row.effect, row.layer, lists, people, condition, row.variables, row.expires_at))
        .unwrap_or_default()
}

fn deleted((holder, layer, policy, statement): GrantKey<'_>, occurrence: Option<u32>) -> Change {
    Change::DeleteGrant {
        holder: holder.to_owned(),
        policy: policy.to_owned(),
        statement: statement.to_owned(),
        layer: (layer != Layer::Identity).then_some(layer),
        occurrence,
    }
}

fn put((holder, layer, policy, statement): GrantKey<'_>, row: &Grant, occurrence: Option<u32>) -> Change {
    Change::PutGrant {
        holder: holder.to_owned(),
        policy: policy.to_owned(),
        statement: statement.to_owned(),
        effect: row.effect,
        actions: row.actions.clone(),
        not_actions: row.not_actions.clone(),
        resources: row.resources.clone(),
        not_resources: row.not_resources.clone(),
        principals: row.principals.clone(),
        not_principals: row.not_principals.clone(),
        condition: row.condition.as_deref().map(read_condition),
        layer: (layer != Layer::Identity).then_some(layer),
        variables: Some(row.variables),
        granted_at: row.granted_at.map(Time),
        expires_at: row.expires_at.map(Time),
        trusts: Vec::new(),
        occurrence,
    }
}
