//! What rules and scores look at: one snapshot with what was computed of it, and an index over its rows.
//!
//! Nothing here is computed twice: the tables are sorted by their main key ([`crate::model::Builder::assemble`]), so
//! the rows of one entity are a range found by binary search, and only what is asked backwards gets a list.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::OnceLock;

use super::asked::Asked;
use super::handoffs::Handoffs;
use super::lifecycle::Lifecycle;
use super::trust::account_of;
use crate::config::Config;
use crate::model::{
    Access, AccessTable, Attachment, AttachmentKind, Attribute, Certainty, ChokePoint, ClassTable, Credential, Edge,
    Entity, EntityId, EntityKind, Grant, Membership, MembershipKind, Path, Removal, Tables, TargetSet, Trust, Usage,
};
use crate::paths::Landscape;

/// Milliseconds of a day.
pub const DAY: i64 = 86_400_000;

/// One snapshot and what was computed of it before the rules run.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    pub tables: &'a Tables,
    /// Sorted by entity; a row of every principal, not of its class only.
    pub access: &'a AccessTable,
    /// What taking rights away would do; nothing of a principal whose use was not observed.
    pub removals: &'a ClassTable<Removal>,
    pub edges: &'a [Edge],
    pub target_sets: &'a [TargetSet],
    /// Witness paths, at most one certain and one conditional for each principal; in any order.
    pub paths: &'a [Path],
    /// What attack paths to the zone have to pass.
    pub choke_points: &'a [ChokePoint],
    /// Fewest changes that isolate the zone; none when no changes do, or when it has not been computed.
    pub minimum_cut: Option<u64>,
    /// Members of the protected zone with the reason, sorted by entity.
    pub zone: &'a [(EntityId, String)],
    /// By entity number: certain steps to the zone, 0 inside it.
    pub hops_certain: &'a [Option<u32>],
    /// By entity number: steps to the zone when everything open goes the attacker's way.
    pub hops_possible: &'a [Option<u32>],
    /// By entity number: principals from which a path leads there.
    pub exposure_in: &'a [u32],
    /// By entity number: share of entities that certain paths reach, weighted by criticality, 0 to 1.
    pub reach_weight_certain: &'a [f64],
    /// The attack graph, for searches of a rule's own.
    pub land: &'a Landscape<'a>,
    /// What the evaluators were asked for rules.
    pub asked: &'a Asked,
    /// Privilege mass of a platform's full administrator.
    pub administrator_mass: &'a (dyn Fn(&str) -> f64 + Sync),
    /// Time of the scan in milliseconds since 1970.
    pub as_of: i64,
    pub config: &'a Config,
}

/// When something was last used, as far as the export says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastUse {
    /// At this time.
    At(i64),
    /// Observed, and not used as long as it was observed.
    Never,
    /// The export does not say.
    Unknown,
}

/// [`Facts`] with the index that every rule and score shares.
pub struct Context<'a> {
    pub facts: Facts<'a>,
    pub tables: &'a Tables,
    pub config: &'a Config,
    paths: Vec<u32>,
    attached: Vec<u32>,
    own_accounts: BTreeSet<&'a str>,
    exported_accounts: BTreeSet<&'a str>,
    lifecycle: OnceLock<Lifecycle>,
}

fn range<T>(rows: &[T], key: impl Fn(&T) -> EntityId, of: EntityId) -> Range<usize> {
    let start = rows.partition_point(|row| key(row) < of);
    start..start + rows[start..].partition_point(|row| key(row) == of)
}

fn number(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

impl<'a> Context<'a> {
    /// Indexes a snapshot. Time is that of sorting the paths and attachments.
    #[must_use]
    pub fn new(facts: Facts<'a>) -> Self {
        let tables = facts.tables;
        let mut paths: Vec<u32> = (0..number(facts.paths.len())).collect();
        paths.sort_by_key(|&at| {
            let path = &facts.paths[at as usize];
            (path.entity, path.certainty, path.hops, at)
        });
        let mut attached: Vec<u32> = (0..number(tables.attachments.len())).collect();
        attached.sort_by_key(|&at| (tables.attachments[at as usize].policy, at));
        let exported = tables.entities.iter().filter(|entity| entity.present && entity.kind == EntityKind::Scope);
        let mut own_accounts: BTreeSet<&str> = exported.filter_map(|entity| account_of(&entity.id)).collect();
        own_accounts.extend(facts.config.organization.own_accounts.iter().map(String::as_str));
        let exported_accounts = (tables.entities.iter())
            .filter(|entity| entity.is_principal() && !is_root(entity))
            .filter_map(|entity| account_of(&entity.id))
            .collect();
        let lifecycle = OnceLock::new();
        Self { facts, tables, config: facts.config, paths, attached, own_accounts, exported_accounts, lifecycle }
    }

    /// Who answers for what, who left, and what they left behind; computed when it is first asked for.
    #[must_use]
    pub fn lifecycle(&self) -> &Lifecycle {
        self.lifecycle.get_or_init(|| Lifecycle::new(self))
    }

    /// How agents' ways run through queues and connectors: a graph of its own, made anew by every call.
    #[must_use]
    pub fn handoffs(&self) -> Handoffs<'a> {
        Handoffs::new(self.tables, self.facts.land, self.facts.asked)
    }

    /// Every principal that an export defines, by number.
    pub fn principals(&self) -> impl Iterator<Item = &'a Entity> {
        self.tables.entities.iter().filter(|entity| entity.is_principal())
    }

    /// Statements that the entity holds itself.
    #[must_use]
    pub fn grants(&self, of: EntityId) -> &'a [Grant] {
        let rows = &self.tables.grants;
        &rows[range(rows, |row| row.holder, of)]
    }

    /// Policies attached to the entity.
    #[must_use]
    pub fn attachments(&self, of: EntityId) -> &'a [Attachment] {
        let rows = &self.tables.attachments;
        &rows[range(rows, |row| row.holder, of)]
    }

    /// Places that a policy is attached to.
    pub fn attached_to(&self, policy: EntityId) -> impl Iterator<Item = &'a Attachment> {
        let rows = &self.tables.attachments;
        let start = self.attached.partition_point(|&at| rows[at as usize].policy < policy);
        self.attached[start..].iter().map(|&at| &rows[at as usize]).take_while(move |row| row.policy == policy)
    }

    /// What the entity is in.
    #[must_use]
    pub fn memberships(&self, of: EntityId) -> &'a [Membership] {
        let rows = &self.tables.memberships;
        &rows[range(rows, |row| row.member, of)]
    }

    /// Stated facts about the entity.
    #[must_use]
    pub fn attributes(&self, of: EntityId) -> &'a [Attribute] {
        let rows = &self.tables.attributes;
        &rows[range(rows, |row| row.entity, of)]
    }

    /// Whom the entity trusts.
    #[must_use]
    pub fn trusts(&self, of: EntityId) -> &'a [Trust] {
        let rows = &self.tables.trusts;
        &rows[range(rows, |row| row.target, of)]
    }

    /// Credentials of the entity.
    #[must_use]
    pub fn credentials(&self, of: EntityId) -> &'a [Credential] {
        let rows = &self.tables.credentials;
        &rows[range(rows, |row| row.entity, of)]
    }

    /// What the entity was seen to use.
    #[must_use]
    pub fn usage(&self, of: EntityId) -> &'a [Usage] {
        let rows = &self.tables.usage;
        &rows[range(rows, |row| row.entity, of)]
    }

    /// What the entity may do.
    #[must_use]
    pub fn access(&self, of: EntityId) -> &'a [Access] {
        self.facts.access.of(of)
    }

    /// The witness path of a certainty from the entity to the protected zone.
    #[must_use]
    pub fn path(&self, of: EntityId, certainty: Certainty) -> Option<&'a Path> {
        let rows = self.facts.paths;
        let start = self.paths.partition_point(|&at| rows[at as usize].entity < of);
        let own = self.paths[start..].iter().map(|&at| &rows[at as usize]).take_while(|row| row.entity == of);
        own.into_iter().find(|row| row.certainty == certainty)
    }

    /// Why the entity is in the protected zone, when it is.
    #[must_use]
    pub fn zone_reason(&self, of: EntityId) -> Option<&'a str> {
        let at = self.facts.zone.binary_search_by_key(&of, |row| row.0).ok()?;
        Some(self.facts.zone[at].1.as_str())
    }

    /// Certain steps to the zone.
    #[must_use]
    pub fn hops_certain(&self, of: EntityId) -> Option<u32> {
        self.facts.hops_certain.get(of.index()).copied().flatten()
    }

    /// Steps to the zone when everything open goes the attacker's way; never more than the certain ones.
    #[must_use]
    pub fn hops_possible(&self, of: EntityId) -> Option<u32> {
        let possible = self.facts.hops_possible.get(of.index()).copied().flatten();
        match (possible, self.hops_certain(of)) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Groups of the entity, those of its groups included, without it; each once, in order of number.
    #[must_use]
    pub fn groups(&self, of: EntityId) -> Vec<EntityId> {
        let mut seen: BTreeSet<EntityId> = BTreeSet::new();
        let mut open = vec![of];
        while let Some(next) = open.pop() {
            for row in self.memberships(next) {
                let joins = row.kind == MembershipKind::MemberOf && row.container != of;
                if joins && seen.insert(row.container) {
                    open.push(row.container);
                }
            }
        }
        seen.into_iter().collect()
    }

    /// Whether a policy that gives the entity rights is referred to and not in the export: it may hold anything.
    #[must_use]
    pub fn has_unseen_policy(&self, of: EntityId) -> bool {
        let unseen = |holder: EntityId| {
            let rows = self.attachments(holder).iter();
            rows.filter(|row| row.kind == AttachmentKind::Identity).any(|row| !self.tables.entity(row.policy).present)
        };
        let groups = self.groups(of);
        unseen(of) || groups.iter().any(|&group| unseen(group) || !self.tables.entity(group).present)
    }

    /// Whether an account is one of the organisation's: exported, or named as its own by the configuration.
    #[must_use]
    pub fn is_own_account(&self, account: &str) -> bool {
        self.own_accounts.contains(account)
    }

    /// Whether the principals of an account were exported, and not its name alone by an organisation.
    #[must_use]
    pub fn is_exported_account(&self, account: &str) -> bool {
        self.exported_accounts.contains(account)
    }

    /// Whether the entity is in the protected zone by its effective permissions: not the root of an account, and not
    /// because the configuration or the export marks it as protected.
    #[must_use]
    pub fn is_administrator(&self, entity: &Entity) -> bool {
        const BY_MARK: &str = "marked as protected by the export";
        let Some(reason) = self.zone_reason(entity.entity) else { return false };
        // The zone's reasons may have been written to the entities already, those of administrators included.
        let marked = entity.protected_reason.as_deref() == Some(reason) && !reason.starts_with("administrator");
        let configured = self.config.protected_reason(&entity.id) == Some(reason);
        !(is_root(entity) || marked || configured || reason == BY_MARK)
    }

    /// Whole days from `then` to the time of the scan; 0 for what lies after it.
    #[must_use]
    pub fn days_since(&self, then: i64) -> u32 {
        u32::try_from(self.facts.as_of.saturating_sub(then).max(0) / DAY).unwrap_or(u32::MAX)
    }

    /// When the entity was last used: the latest use of itself, its credentials and its services that is known.
    #[must_use]
    pub fn last_use(&self, entity: &Entity) -> LastUse {
        let (credentials, usage) = (self.credentials(entity.entity), self.usage(entity.entity));
        let times = credentials.iter().filter_map(|row| row.last_used_at);
        let times = times.chain(usage.iter().filter_map(|row| row.last_used_at)).chain(entity.last_used_at);
        if let Some(latest) = times.max() {
            return LastUse::At(latest);
        }
        let mut active = credentials.iter().filter(|row| row.active == Some(true) && counts_as_use(row)).peekable();
        let credentials_silent = active.peek().is_some() && active.all(|row| row.never_used == Some(true));
        // A source that is named without a time looked and found nothing.
        if credentials_silent || !usage.is_empty() || entity.last_used_source.is_some() {
            return LastUse::Never;
        }
        LastUse::Unknown
    }

    /// How to call an entity in a sentence: kind and name in backticks.
    #[must_use]
    pub fn call(&self, of: EntityId) -> String {
        let entity = self.tables.entity(of);
        if is_root(entity) {
            return format!("root of account {}", account_of(&entity.id).unwrap_or(&entity.id));
        }
        let kind = match entity.kind {
            EntityKind::RoleDefinition => "policy",
            EntityKind::ServiceAccount => "service account",
            EntityKind::Scope => "account",
            EntityKind::External => "external principal",
            kind => kind.as_str(),
        };
        format!("{kind} `{}`", entity.name)
    }

    /// A statement as a fact: its number, name and what it is about.
    #[must_use]
    pub fn cite(&self, grant: u32) -> String {
        let Some(row) = self.tables.grants.get(grant as usize) else { return format!("grant:{grant}") };
        let list = |plain: &[String], inverse: &[String]| match (plain, inverse) {
            ([], []) => "itself".to_owned(),
            ([], inverse) => format!("all but {}", short_list(inverse)),
            (plain, _) => short_list(plain),
        };
        format!(
            "grant:{grant} statement `{}` of `{}` {}s {} on {}",
            row.statement,
            row.policy,
            row.effect,
            list(&row.actions, &row.not_actions),
            list(&row.resources, &row.not_resources),
        )
    }
}

/// Whether the entity is the root of an AWS account, which no policy binds.
#[must_use]
pub fn is_root(entity: &Entity) -> bool {
    entity.is_account_root()
}

/// Whether a credential's use is a use of the identity; a second factor is never used alone.
fn counts_as_use(row: &Credential) -> bool {
    row.kind != crate::model::CredentialKind::Mfa
}

/// The first few of a list in backticks, and how many more there are.
pub(crate) fn short_list<T: AsRef<str>>(items: &[T]) -> String {
    const SHOWN: usize = 5;
    let mut text = items.iter().take(SHOWN).map(|item| format!("`{}`", item.as_ref())).collect::<Vec<_>>().join(", ");
    if items.len() > SHOWN {
        let more = items.len() - SHOWN;
        text = format!("{text} and {more} more");
    }
    text
}

/// A number with its noun: `1 day`, `3 days`.
pub(crate) fn count(n: usize, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}
