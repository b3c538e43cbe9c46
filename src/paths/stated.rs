//! What statements say, as far as a lever must know: whether one may allow an action, and may be about an entity.
//!
//! The answers err on one side. A statement that is taken to allow something that it does not only makes a lever seem
//! to do less than it does; one that is overlooked would make it promise too much. What a statement hangs on, its
//! condition and all denies, is therefore left out, and what is written in a way that is not read here counts as a yes.

use rustc_hash::FxHashSet;

use crate::model::text::{glob, glob_ignore_case};
use crate::model::{Effect, EntityId, EntityKind, Grant, Layer, MembershipKind, Tables};
use crate::techniques::format::Requirement;

/// Prefix of an action that stands for the permissions of a role definition.
const ROLE: &str = "role:";

/// How the statements of a platform are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notation {
    /// Patterns over ARNs; a star stands for everything.
    Arn,
    /// Ids of entities with all inside, or alone (`=ID`); what stands before the first `:` of an action is its plane, and a
    /// pattern holds in its own.
    Assigned,
    /// Lists of their own.
    Lists,
}

impl Notation {
    /// That of a platform.
    #[must_use]
    pub fn of(platform: &str) -> Self {
        match platform {
            "aws" => Self::Arn,
            "kubernetes" | "vault" => Self::Lists,
            _ => Self::Assigned,
        }
    }

    /// Whether a pattern of a statement may mean an action that is asked for. Either side may have wildcards.
    fn means(self, pattern: &str, asked: &str) -> bool {
        let either = || glob_ignore_case(pattern, asked) || glob_ignore_case(asked, pattern);
        let plane = |text: &str| text.split_once(':').map(|(plane, _)| plane.to_ascii_lowercase());
        match self {
            Self::Arn => either(),
            Self::Assigned => plane(pattern) == plane(asked) && either(),
            Self::Lists => either() || in_lists(pattern, asked),
        }
    }
}

/// Whether a product of lists (`get,list:core,apps/pods`), or a bare capability, may mean an action.
fn in_lists(pattern: &str, asked: &str) -> bool {
    let Some((verbs, objects)) = pattern.split_once(':') else {
        return pattern == "*" || asked.split(':').any(|part| part == pattern || part == "*");
    };
    let (verb, object) = asked.split_once(':').unwrap_or((asked, "*"));
    let last = object.rsplit('/').next().unwrap_or(object);
    let verb_fits = verb == "*" || verbs.split(',').any(|one| one == "*" || one == verb);
    verb_fits && (last == "*" || objects.contains('*') || objects.contains(last))
}

/// Allowing statements in force that a holder has itself.
pub fn own_statements(tables: &Tables, holder: EntityId) -> impl Iterator<Item = &Grant> {
    own_rows(tables, holder).filter(|row| row.effect == Effect::Allow && row.layer == Layer::Identity)
}

/// All statements that are a holder's.
fn own_rows(tables: &Tables, holder: EntityId) -> impl Iterator<Item = &Grant> {
    let start = tables.grants.partition_point(|row| row.holder < holder);
    tables.grants[start..].iter().take_while(move |row| row.holder == holder)
}

/// What makes a statement allow a requirement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allows {
    No,
    Yes,
    /// It gives a role of which one statement alone does.
    ByRole(u32),
}

/// Whether a statement allows an action that a requirement asks for.
pub fn allows(tables: &Tables, grant: &Grant, requirement: &Requirement) -> Allows {
    let notation = Notation::of(&tables.entity(grant.holder).platform);
    if says(grant, requirement, notation) {
        return Allows::Yes;
    }
    let mut by: Option<u32> = None;
    for role in grant.actions.iter().filter_map(|action| action.strip_prefix(ROLE)) {
        let Some(role) = tables.find(role) else { return Allows::Yes };
        if own_rows(tables, role).next().is_none() {
            // Nothing is known of what the role permits.
            return Allows::Yes;
        }
        for inner in
            own_rows(tables, role).filter(|row| row.effect == Effect::Allow && says(row, requirement, notation))
        {
            if by.is_some() {
                return Allows::Yes;
            }
            by = Some(inner.grant);
        }
    }
    by.map_or(Allows::No, Allows::ByRole)
}

/// Whether the lists of a statement mean an action of a requirement, roles aside.
fn says(grant: &Grant, requirement: &Requirement, notation: Notation) -> bool {
    let means = |pattern: &String, asked: &str| !pattern.starts_with(ROLE) && notation.means(pattern, asked);
    requirement.actions().any(|asked| {
        if grant.actions.is_empty() {
            !grant.not_actions.is_empty() && !grant.not_actions.iter().any(|pattern| glob_ignore_case(pattern, asked))
        } else {
            grant.actions.iter().any(|pattern| means(pattern, asked))
        }
    })
}

/// Whether a statement may be about everything, some exceptions aside.
pub fn is_broad(tables: &Tables, grant: &Grant) -> bool {
    let broad = |one: &String| {
        one.contains('*') || tables.find(one).is_some_and(|entity| tables.entity(entity).kind == EntityKind::Scope)
    };
    !grant.not_resources.is_empty() || grant.resources.is_empty() || grant.resources.iter().any(broad)
}

/// The entities that a statement is about, each alone (`=ID`); `None` when it is about anything else.
pub fn alone(grant: &Grant) -> Option<impl Iterator<Item = &str>> {
    let each = !grant.resources.is_empty() && grant.resources.iter().all(|one| one.starts_with('='));
    (each && grant.not_resources.is_empty()).then(|| grant.resources.iter().map(|one| &one[1..]))
}

/// Whether a statement may be about an entity that is inside of `around`. A policy variable may stand for anything.
pub fn covers(tables: &Tables, grant: &Grant, entity: EntityId, around: &FxHashSet<EntityId>) -> bool {
    let id = tables.entity(entity).id.as_str();
    if grant.not_resources.iter().any(|pattern| glob(pattern, id) || pattern.strip_prefix('=') == Some(id)) {
        return false;
    }
    let notation = Notation::of(&tables.entity(grant.holder).platform);
    let meant = |pattern: &String| match pattern.strip_prefix('=') {
        Some(one) => one == id,
        None if notation == Notation::Lists => true,
        None if pattern.contains("${") || glob(pattern, id) => true,
        None => notation == Notation::Assigned && tables.find(pattern).is_some_and(|wide| around.contains(&wide)),
    };
    !grant.not_resources.is_empty() || grant.resources.is_empty() || grant.resources.iter().any(meant)
}

/// An entity and everything that it is inside of.
pub fn around(tables: &Tables, entity: EntityId) -> FxHashSet<EntityId> {
    let mut around = FxHashSet::from_iter([entity]);
    let mut open = vec![entity];
    while let Some(at) = open.pop() {
        let scope = tables.entity(at).scope.as_deref().and_then(|scope| tables.find(scope));
        let rows = &tables.memberships;
        let start = rows.partition_point(|row| row.member < at);
        let own = rows[start..].iter().take_while(|row| row.member == at);
        let containers = own.filter(|row| row.kind == MembershipKind::Contains).map(|row| row.container);
        open.extend(containers.chain(scope).filter(|one| around.insert(*one)));
    }
    around
}

/// The statements that go with one: whatever the same record of a source says of the same holder is one thing to whoever
/// takes it away, unless the record is that of a whole entity. Ascending, the statement itself among them.
#[must_use]
pub fn thing(tables: &Tables, grant: u32) -> Vec<u32> {
    let row = &tables.grants[grant as usize];
    if row.record.is_empty() || is_of_an_entity(tables, row) {
        return vec![grant];
    }
    let same = |other: &&Grant| {
        other.source == row.source
            && other.record == row.record
            && other.layer == row.layer
            && other.effect == row.effect
    };
    own_rows(tables, row.holder).filter(same).map(|other| other.grant).collect()
}

/// Whether the record of a statement is where its holder, or something that it is about, is defined.
fn is_of_an_entity(tables: &Tables, row: &Grant) -> bool {
    let defined = |entity: EntityId| {
        let entity = tables.entity(entity);
        entity.source == Some(row.source) && entity.record.as_deref() == Some(row.record.as_str())
    };
    let named = row.resources.iter().map(|one| one.strip_prefix('=').unwrap_or(one));
    let roles = row.actions.iter().filter_map(|one| one.strip_prefix(ROLE));
    defined(row.holder) || named.chain(roles).filter_map(|one| tables.find(one)).any(defined)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may(platform: &str, pattern: &str, asked: &str) -> bool {
        Notation::of(platform).means(pattern, asked)
    }

    #[test]
    fn a_pattern_means_what_its_platform_says() {
        assert!(may("aws", "*", "iam:PassRole") && may("aws", "IAM:pass*", "iam:PassRole"));
        assert!(may("aws", "iam:PassRole", "iam:*") && !may("aws", "s3:*", "iam:PassRole"));
        assert!(
            may("ad", "*", "WriteDacl") && !may("ad", "*", "host:AdminTo") && may("ad", "genericall", "GenericAll")
        );
        assert!(may("kubernetes", "get,create:core/pods", "create:pods"));
        assert!(may("kubernetes", "*", "create:pods") && may("kubernetes", "create:core/*", "create:pods/exec"));
        assert!(!may("kubernetes", "get,list:core/pods", "create:pods"));
        assert!(!may("kubernetes", "create:apps/deployments", "create:pods"));
        assert!(may("vault", "read", "acl:read:kv/x") && !may("vault", "list", "acl:read:kv/x"));
    }
}
