//! Facts about entities that techniques ask for besides permissions: kinds, trusts, attachments, credentials.
//!
//! A fact that the export does not tell is neither true nor false: the entity stays a possible target, and the edge
//! is conditional with the reason.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use roaring::RoaringBitmap;
use rustc_hash::FxHashMap;

use super::belongings::Belongings;
use super::format::{Fact, Facts, Relation, Target};
pub use super::trusts::Candidates;
use super::trusts::Trusts;
use crate::model::{AttachmentKind, CredentialKind, Effect, EntityId, EntityKind, Layer, MembershipKind, Tables};

/// Names of facts that techniques may ask for, and what they mean.
pub const FACTS: &[(&str, &str)] = &[
    ("instance_profile", "the role is in an instance profile"),
    ("login_profile", "the user has a console password"),
    ("mfa", "the user has a second factor for the console"),
    ("access_keys_max", "the user has at most this many access keys"),
    ("inactive_versions", "the policy has versions besides the one in force"),
    ("versions_max", "the policy has at most this many versions"),
    ("customer_managed", "the policy belongs to the account"),
    ("boundary", "a permissions boundary limits the principal"),
    ("modifiable", "the account may change the role: it is neither service-linked nor a permission set's"),
    ("permission_set", "the role is a permission set's"),
    ("organization_admin", "the principal's account manages the organisation"),
];

/// Prefix of facts that a platform's reader states as an attribute: `true`, `false` (or absent), a word, or
/// `unknown: ` and what it hangs on.
const ATTRIBUTE: &str = "attribute:";

/// Whether a fact can be asked for.
///
/// # Errors
/// The names that can, in one sentence.
pub fn known_fact(name: &str) -> Result<(), String> {
    if name.starts_with("tag:") || name.starts_with(ATTRIBUTE) || FACTS.iter().any(|(known, _)| *known == name) {
        return Ok(());
    }
    let names: Vec<&str> = FACTS.iter().map(|(name, _)| *name).collect();
    Err(format!("`{name}` is no fact that can be asked for; there are {}, tag:KEY and attribute:KEY", names.join(", ")))
}

/// What is known of a fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Truth {
    Yes,
    No,
    /// Why it is not known, or what it hangs on.
    Open(String),
}

/// Lookups over the tables.
pub struct Index<'t> {
    tables: &'t Tables,
    by_kind: BTreeMap<EntityKind, RoaringBitmap>,
    by_scope: FxHashMap<EntityId, RoaringBitmap>,
    trusts: Trusts,
    trusted_providers: OnceLock<Belongings>,
    own_policies: OnceLock<Belongings>,
    contents: OnceLock<FxHashMap<u32, RoaringBitmap>>,
}

impl<'t> Index<'t> {
    /// Indexes the tables. O(rows).
    #[must_use]
    pub fn new(tables: &'t Tables) -> Self {
        let mut by_kind: BTreeMap<EntityKind, RoaringBitmap> = BTreeMap::new();
        let mut by_scope: FxHashMap<EntityId, RoaringBitmap> = FxHashMap::default();
        for entity in tables.entities.iter().filter(|entity| entity.present) {
            by_kind.entry(entity.kind).or_default().insert(entity.entity.0);
            let scope = entity.scope.as_deref().and_then(|scope| tables.find(scope));
            // A scope is inside itself, so that a technique can aim at the account as a whole.
            let scope = scope.or((entity.kind == EntityKind::Scope).then_some(entity.entity));
            if let Some(scope) = scope {
                by_scope.entry(scope).or_default().insert(entity.entity.0);
            }
        }
        Self {
            tables,
            by_kind,
            by_scope,
            trusts: Trusts::of(tables),
            trusted_providers: OnceLock::new(),
            own_policies: OnceLock::new(),
            contents: OnceLock::new(),
        }
    }

    /// The tables that are indexed.
    #[must_use]
    pub const fn tables(&self) -> &'t Tables {
        self.tables
    }

    /// Entities of a platform that a technique can be used against by actors of one scope; `None` when the scope does not
    /// matter.
    #[must_use]
    pub fn candidates(&self, target: &Target, platform: &str, scope: Option<EntityId>) -> Candidates {
        let mut possible: RoaringBitmap = target
            .kind
            .iter()
            .filter_map(|kind| self.by_kind.get(kind))
            .fold(RoaringBitmap::new(), |all, one| all | one);
        if let Some(scope) = scope {
            possible &= self.by_scope.get(&scope).cloned().unwrap_or_default();
        } else {
            possible = possible.iter().filter(|&id| self.tables.entity(EntityId(id)).platform == platform).collect();
        }
        let mut out = Candidates::all(possible);
        if !target.trusts_service.is_empty() {
            out.limit(&self.trusts.services(&target.trusts_service, scope));
        }
        if let Some(text) = &target.trusts_federated {
            // Whatever the trust asks of the provider's users, who controls the provider says of them.
            out.limit(&Candidates::all(self.trusts.federated(text)));
        }
        if !target.with.is_empty() {
            for id in &out.possible.clone() {
                match self.facts(EntityId(id), &target.with) {
                    Truth::Yes => {}
                    Truth::No => out.remove(id),
                    Truth::Open(why) => out.doubt(id, &why),
                }
            }
        }
        out.tidy();
        out
    }

    /// Entities that stand to an actor as a technique's target must.
    #[must_use]
    pub fn standing(&self, actor: EntityId, target: &Target) -> RoaringBitmap {
        let Some(list) = target.list.as_deref().filter(|_| target.relation.is_by_list()) else {
            return self.related(actor, target.relation);
        };
        let listed = self.listed(actor, list);
        match target.relation {
            Relation::InsideListed => {
                listed.filter_map(|id| self.contents().get(&id)).fold(RoaringBitmap::new(), |all, inside| all | inside)
            }
            _ => listed.collect(),
        }
    }

    /// Entities whose ids are the values of an attribute.
    fn listed<'i>(&'i self, actor: EntityId, key: &'i str) -> impl Iterator<Item = u32> + 'i {
        let rows = &self.tables.attributes;
        let start = rows.partition_point(|row| (row.entity, row.key.as_str()) < (actor, key));
        let own = rows[start..].iter().take_while(move |row| row.entity == actor && row.key == key);
        own.filter_map(|row| self.tables.find(&row.value)).map(|entity| entity.0)
    }

    /// Principals inside some of these, however deep.
    #[must_use]
    pub fn principals_inside(&self, containers: &RoaringBitmap) -> RoaringBitmap {
        let mut inside = RoaringBitmap::new();
        let mut open: Vec<u32> = containers.iter().collect();
        while let Some(at) = open.pop() {
            if let Some(contents) = self.contents().get(&at) {
                open.extend(contents.iter().filter(|&one| inside.insert(one)));
            }
        }
        inside.iter().filter(|&one| self.tables.entity(EntityId(one)).is_principal()).collect()
    }

    /// Entities that stand to an actor in a relation other than `any` and those by a list.
    #[must_use]
    pub fn related(&self, actor: EntityId, relation: Relation) -> RoaringBitmap {
        match relation {
            Relation::Any => RoaringBitmap::full(),
            Relation::Itself => RoaringBitmap::from_iter([actor.0]),
            Relation::OwnGroup => self.groups(actor).map(|group| group.0).collect(),
            Relation::OwnPolicy => {
                let holders = std::iter::once(actor).chain(self.groups(actor));
                holders.flat_map(|holder| self.attached(holder, AttachmentKind::Identity)).collect()
            }
            Relation::OwnBoundary => self.attached(actor, AttachmentKind::Boundary).collect(),
            Relation::ActsAs => self.containers(actor, MembershipKind::RunsAs).collect(),
            Relation::Container => self.containers(actor, MembershipKind::Contains).collect(),
            Relation::Content => self.contents().get(&actor.0).cloned().unwrap_or_default(),
            Relation::Listed | Relation::InsideListed => RoaringBitmap::new(),
        }
    }

    /// What an entity is in, in one way.
    fn containers(&self, member: EntityId, kind: MembershipKind) -> impl Iterator<Item = u32> {
        let rows = &self.tables.memberships;
        let start = rows.partition_point(|row| row.member < member);
        let own = rows[start..].iter().take_while(move |row| row.member == member);
        own.filter(move |row| row.kind == kind).map(|row| row.container.0)
    }

    /// What is inside each entity.
    fn contents(&self) -> &FxHashMap<u32, RoaringBitmap> {
        self.contents.get_or_init(|| {
            let mut contents: FxHashMap<u32, RoaringBitmap> = FxHashMap::default();
            for row in self.tables.memberships.iter().filter(|row| row.kind == MembershipKind::Contains) {
                contents.entry(row.container.0).or_default().insert(row.member.0);
            }
            contents
        })
    }

    /// Parts of scopes (namespaces) that contain some of these entities.
    #[must_use]
    pub fn containing_scopes(&self, entities: &RoaringBitmap) -> RoaringBitmap {
        let containers = entities.iter().flat_map(|id| self.containers(EntityId(id), MembershipKind::Contains));
        containers.filter(|&id| self.tables.entity(EntityId(id)).kind == EntityKind::Scope).collect()
    }

    /// Policies attached to a holder in one way.
    fn attached(&self, holder: EntityId, kind: AttachmentKind) -> impl Iterator<Item = u32> {
        let rows = &self.tables.attachments;
        let start = rows.partition_point(|row| row.holder < holder);
        let rows = rows[start..].iter().take_while(move |row| row.holder == holder);
        rows.filter(move |row| row.kind == kind).map(|row| row.policy.0)
    }

    /// The groups that an actor is in; a group as an actor stands for one of its members.
    fn groups(&self, actor: EntityId) -> impl Iterator<Item = EntityId> {
        let rows = &self.tables.memberships;
        let start = rows.partition_point(|row| row.member < actor);
        let itself = (self.tables.entity(actor).kind == EntityKind::Group).then_some(actor);
        rows[start..]
            .iter()
            .take_while(move |row| row.member == actor)
            .filter(|row| row.kind == MembershipKind::MemberOf)
            .map(|row| row.container)
            .chain(itself)
    }

    /// Roles and the identity providers that they trust.
    #[must_use]
    pub fn trusted_providers(&self) -> &Belongings {
        self.trusted_providers.get_or_init(|| Belongings::new(self.trusts.providers()))
    }

    /// Principals and groups with the account's own policies that are attached to them or to their groups.
    #[must_use]
    pub fn own_policies(&self) -> &Belongings {
        self.own_policies.get_or_init(|| {
            let own = Facts::from([("customer_managed".to_owned(), Fact::Is(true))]);
            let is_own = |policy: &u32| self.facts(EntityId(*policy), &own) == Truth::Yes;
            let present = self.tables.entities.iter().filter(|entity| entity.present);
            Belongings::new(present.flat_map(|entity| {
                let attached = self.related(entity.entity, Relation::OwnPolicy);
                attached.into_iter().filter(is_own).map(|policy| (entity.entity.0, policy))
            }))
        })
    }

    /// The policies attached to a principal, or else to its groups, that deny something, by id.
    #[must_use]
    pub fn guards(&self, actor: EntityId, of_groups: bool) -> Vec<String> {
        let grants = &self.tables.grants;
        let denies = |policy: &u32| {
            let start = grants.partition_point(|row| row.holder.0 < *policy);
            let mut own = grants[start..].iter().take_while(|row| row.holder.0 == *policy);
            own.any(|row| row.effect == Effect::Deny && row.layer == Layer::Identity)
        };
        let attached: RoaringBitmap = if of_groups {
            self.groups(actor).flat_map(|group| self.attached(group, AttachmentKind::Identity)).collect()
        } else {
            self.attached(actor, AttachmentKind::Identity).collect()
        };
        attached.iter().filter(denies).map(|policy| self.tables.entity(EntityId(policy)).id.clone()).collect()
    }

    /// The groups of an actor that deny something, inline or by an attached policy.
    #[must_use]
    pub fn guarded_groups(&self, actor: EntityId, inline: bool) -> RoaringBitmap {
        let denies = |holder: EntityId| {
            let grants = &self.tables.grants;
            let start = grants.partition_point(|row| row.holder < holder);
            let mut own = grants[start..].iter().take_while(|row| row.holder == holder);
            own.any(|row| row.effect == Effect::Deny && row.layer == Layer::Identity)
        };
        let attached = |group: EntityId| {
            let rows = &self.tables.attachments;
            let start = rows.partition_point(|row| row.holder < group);
            rows[start..].iter().take_while(move |row| row.holder == group).any(|row| denies(row.policy))
        };
        self.groups(actor)
            .filter(|&group| if inline { denies(group) } else { attached(group) })
            .map(|id| id.0)
            .collect()
    }

    /// The scopes that these entities are, or are in.
    #[must_use]
    pub fn scopes_of(&self, entities: &RoaringBitmap) -> RoaringBitmap {
        let scopes = self.by_kind.get(&EntityKind::Scope).cloned().unwrap_or_default();
        let (themselves, inside) = (entities & &scopes, entities - &scopes);
        let holds = |(_, members): &(&EntityId, &RoaringBitmap)| !members.is_disjoint(&inside);
        self.by_scope.iter().filter(holds).map(|(scope, _)| scope.0).collect::<RoaringBitmap>() | themselves
    }

    /// Whether all these facts hold of an entity.
    #[must_use]
    pub fn facts(&self, entity: EntityId, facts: &Facts) -> Truth {
        let mut open = Vec::new();
        for (name, wanted) in facts {
            match self.fact(entity, name, wanted) {
                Truth::Yes => {}
                Truth::No => return Truth::No,
                Truth::Open(why) => open.push(why),
            }
        }
        if open.is_empty() { Truth::Yes } else { Truth::Open(open.join("; ")) }
    }

    fn fact(&self, entity: EntityId, name: &str, wanted: &Fact) -> Truth {
        let is = |have: bool| match wanted {
            Fact::Is(wanted) if *wanted == have => Truth::Yes,
            _ => Truth::No,
        };
        match name {
            "instance_profile" => is(self.attribute(entity, "instance_profile").is_some()),
            "customer_managed" => is(self.attribute(entity, "customer_managed") == Some("true")),
            "inactive_versions" => {
                let versions = self.attribute(entity, "versions").and_then(|count| count.parse::<u32>().ok());
                is(versions.is_some_and(|count| count > 1))
            }
            "versions_max" => {
                let versions = self.attribute(entity, "versions").and_then(|count| count.parse::<u32>().ok());
                match (versions, wanted) {
                    (Some(have), Fact::AtMost(most)) if have <= *most => Truth::Yes,
                    (None, _) => Truth::Open("the number of versions of the policy is not in the export".to_owned()),
                    _ => Truth::No,
                }
            }
            "modifiable" => is(!self.has_path(entity, "aws-service-role") && !self.is_reserved(entity)),
            "permission_set" => is(self.is_reserved(entity)),
            "organization_admin" => self.organization_admin(entity, is),
            "boundary" => is(!self.related(entity, Relation::OwnBoundary).is_empty()),
            "login_profile" => match self.password(entity) {
                Some(have) => is(have),
                None => Truth::Open("whether the target has a console password is not in the export".to_owned()),
            },
            "mfa" => match self.credentials(entity, CredentialKind::Mfa) {
                Some(count) => is(count > 0),
                None => Truth::Open("whether the target has a second factor is not in the export".to_owned()),
            },
            "access_keys_max" => match (self.access_keys(entity), wanted) {
                (Some(have), Fact::AtMost(most)) if have <= *most => Truth::Yes,
                (Some(_), _) => Truth::No,
                (None, _) => Truth::Open("the number of access keys of the target is not in the export".to_owned()),
            },
            stated if stated.starts_with(ATTRIBUTE) => {
                stated_fact(self.attribute(entity, &stated[ATTRIBUTE.len()..]), wanted)
            }
            tag => match (self.attribute(entity, tag), wanted) {
                (Some(have), Fact::Equals(wanted)) if have == wanted => Truth::Yes,
                (have, Fact::Is(wanted)) if have.is_some() == *wanted => Truth::Yes,
                _ => Truth::No,
            },
        }
    }

    /// Whether a role was made by Identity Center for a permission set.
    fn is_reserved(&self, entity: EntityId) -> bool {
        self.has_path(entity, "aws-reserved")
    }

    /// Whether a role's id has this first folder.
    fn has_path(&self, entity: EntityId, folder: &str) -> bool {
        let id = &self.tables.entity(entity).id;
        id.split_once(":role/").is_some_and(|(_, path)| path.split('/').next() == Some(folder) && path.contains('/'))
    }

    fn organization_admin(&self, entity: EntityId, is: impl Fn(bool) -> Truth) -> Truth {
        let own = self.tables.entity(entity);
        let scope = if own.kind == EntityKind::Scope { &own.id } else { own.scope.as_deref().unwrap_or_default() };
        let account = self.tables.find(scope);
        let of = |key: &str| account.and_then(|account| self.attribute(account, key));
        if of("management_account") == Some("true") {
            is(true)
        } else if of("organization").is_some() {
            is(false)
        } else {
            Truth::Open("whether the account manages the organisation is not in the export".to_owned())
        }
    }

    fn attribute(&self, entity: EntityId, key: &str) -> Option<&str> {
        self.tables.attribute(entity, key)
    }

    /// Active or not of the credentials of one kind; `None` when the export tells nothing of the entity's credentials.
    fn credentials(&self, entity: EntityId, kind: CredentialKind) -> Option<u32> {
        let rows = &self.tables.credentials;
        let start = rows.partition_point(|row| row.entity < entity);
        let own: Vec<_> = rows[start..].iter().take_while(|row| row.entity == entity).collect();
        let known = own.iter().any(|row| matches!(row.kind, CredentialKind::Password | CredentialKind::AccessKey));
        let reported = known || self.attribute(entity, "credentials_reported") == Some("true");
        let exists =
            |row: &&&crate::model::Credential| row.kind == kind && row.created_at.or(row.last_rotated_at).is_some();
        reported.then(|| {
            let counted = own.iter().filter(|row| row.kind == kind && (row.active == Some(true) || exists(row)));
            u32::try_from(counted.count()).unwrap_or(u32::MAX)
        })
    }

    fn password(&self, entity: EntityId) -> Option<bool> {
        match self.attribute(entity, "login_profile") {
            Some(have) => Some(have != "false"),
            None => self.credentials(entity, CredentialKind::Password).map(|count| count > 0),
        }
    }

    fn access_keys(&self, entity: EntityId) -> Option<u32> {
        self.credentials(entity, CredentialKind::AccessKey)
    }
}

/// What an attribute that a reader states comes to.
fn stated_fact(have: Option<&str>, wanted: &Fact) -> Truth {
    if let Some(why) = have.and_then(|have| have.strip_prefix("unknown: ")) {
        return Truth::Open(why.to_owned());
    }
    let holds = match wanted {
        Fact::Is(wanted) => have.is_some_and(|have| have != "false") == *wanted,
        Fact::AtMost(most) => have.and_then(|have| have.parse::<u32>().ok()).is_some_and(|have| have <= *most),
        Fact::Equals(wanted) => have == Some(wanted),
    };
    if holds { Truth::Yes } else { Truth::No }
}
