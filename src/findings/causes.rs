//! Root causes: many principals with one thing wrong for one reason are one finding, about the reason.
//!
//! A draft may name its cause: the shared policy, group or trust that alone makes it so. From
//! `thresholds.group_causes_min` affected principals on, the drafts of one rule, one case and one cause become one
//! finding whose entity is the cause's and whose subjects are all who are affected; below that they stay one for each
//! principal. The name of such a finding is made of rule, cause and case, so that it stays while principals come and go.
//! Drafts are grouped within the scope (account) of the affected: that is where somebody can put it right.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::{count, short_list};
use super::{Context, Draft};
use crate::model::{AttachmentKind, EntityId, EntityKind, Layer};

/// Affected principals whose story a group tells.
const TOLD_MAX: usize = 3;
/// Lines of evidence that a group takes from the first of them.
const EVIDENCE_MAX: usize = 12;

/// First part of the key of a group, by which it is told from a finding about the cause itself.
pub(super) const MARK: &str = "cause";

/// What alone makes something so, and can make it so for others as well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// The policy, group or trusting entity.
    pub entity: EntityId,
    /// What tells causes of one entity apart, as ids that outlive a scan.
    pub key: Vec<String>,
    /// The sentence about a group in two parts, around the number of principals: `makes`, `administrators`.
    pub says: (&'static str, String),
}

/// Makes one draft of those that share a cause, where there are enough of them. A draft keeps its place, a group takes
/// that of its first.
#[must_use]
pub fn group(context: &Context<'_>, drafts: Vec<Draft>) -> Vec<Draft> {
    let least = context.config.thresholds.group_causes_min as usize;
    let name = |draft: &Draft| -> Option<Name> {
        let cause = draft.cause.as_ref()?;
        let scope = context.tables.entity(draft.entity).scope.clone();
        Some((draft.case, cause.entity, cause.key.clone(), scope))
    };
    let mut affected: BTreeMap<Name, BTreeSet<EntityId>> = BTreeMap::new();
    for draft in &drafts {
        if let Some(name) = name(draft) {
            affected.entry(name).or_default().insert(draft.entity);
        }
    }
    affected.retain(|_, who| who.len() >= least);
    let mut places: BTreeMap<Name, usize> = BTreeMap::new();
    let mut groups: Vec<Vec<Draft>> = Vec::new();
    for draft in drafts {
        match name(&draft).filter(|name| affected.contains_key(name)) {
            None => groups.push(vec![draft]),
            Some(name) => match places.get(&name) {
                Some(&place) => groups[place].push(draft),
                None => {
                    places.insert(name, groups.len());
                    groups.push(vec![draft]);
                }
            },
        }
    }
    groups.into_iter().filter_map(|group| joined(context, group)).collect()
}

/// What drafts of one group have in common: case, cause, and the scope of the affected.
type Name = (&'static str, EntityId, Vec<String>, Option<String>);

/// One draft of several; one alone stays what it is.
fn joined(context: &Context<'_>, mut group: Vec<Draft>) -> Option<Draft> {
    if group.len() < 2 {
        return group.pop();
    }
    let cause = group[0].cause.clone()?;
    let who: BTreeSet<EntityId> = group.iter().map(|draft| draft.entity).collect();
    let scope = context.tables.entity(group[0].entity).scope.clone();
    let own = &context.tables.entity(cause.entity).scope;
    let place = match &scope {
        // A policy that the platform manages is attached in many accounts.
        Some(scope) if own.as_ref() != Some(scope) => format!(" of {}", called(context, scope)),
        _ => String::new(),
    };
    let (verb, what) = &cause.says;
    let call = context.call(cause.entity);
    let title = format!("{call} {verb} {}{place} {what}", count(who.len(), "principal"));
    let names: Vec<&str> = who.iter().map(|&one| context.tables.entity(one).name.as_str()).collect();
    let mut evidence = vec![format!("{call} is the one cause"), format!("affected: {}", short_list(&names))];
    evidence.extend(group.iter().take(TOLD_MAX).map(|draft| draft.title.clone()));
    evidence.push(format!("for {}:", context.call(group[0].entity)));
    evidence.extend(group[0].evidence.iter().take(EVIDENCE_MAX).cloned());
    let mut key = vec![MARK.to_owned(), group[0].case.to_owned()];
    key.extend(cause.key.iter().cloned());
    key.extend(scope);
    let case = group[0].case;
    Some(Draft { entity: cause.entity, case, title, subjects: who.into_iter().collect(), key, evidence, cause: None })
}

/// How to call a scope by its id.
pub(super) fn called(context: &Context<'_>, scope: &str) -> String {
    context.tables.find(scope).map_or_else(|| format!("`{scope}`"), |id| context.call(id))
}

/// The one thing that gives a principal what these statements allow, when it can give it to others too: a group, a
/// policy, or the trust of one entity when nothing but that is needed. `None` when there are several, when the
/// principal holds a statement of its own, or when nothing is cited.
#[must_use]
pub fn source(context: &Context<'_>, who: EntityId, evidence: &[u32]) -> Option<EntityId> {
    let (mut giving, mut trusting) = (BTreeSet::new(), BTreeSet::new());
    for row in evidence.iter().filter_map(|&grant| context.tables.grants.get(grant as usize)) {
        match row.layer {
            Layer::Identity => giving.extend(through(context, who, row.holder)),
            Layer::Resource => {
                trusting.insert(row.holder);
            }
            _ => {}
        }
    }
    let mut from = if giving.is_empty() { trusting } else { giving }.into_iter();
    match (from.next(), from.next()) {
        (Some(only), None) if only != who => Some(only),
        _ => None,
    }
}

/// By what a principal has a statement that `holder` holds: itself, a policy attached to it, or the group through
/// which it comes. `None` when it does not have it as a right: the policy of a boundary or an organisation.
fn through(context: &Context<'_>, who: EntityId, holder: EntityId) -> Option<EntityId> {
    if holder == who || context.tables.entity(holder).kind == EntityKind::Group {
        return Some(holder);
    }
    let has = |one: EntityId| {
        context.attachments(one).iter().any(|row| row.policy == holder && row.kind == AttachmentKind::Identity)
    };
    if has(who) {
        return Some(holder);
    }
    let mut groups = context.groups(who).into_iter().filter(|&group| has(group));
    match (groups.next(), groups.next()) {
        (Some(only), None) => Some(only),
        (Some(_), Some(_)) => Some(holder),
        (None, _) => None,
    }
}

impl Context<'_> {
    /// The shared cause of the first step of a principal's witness path of a certainty.
    #[must_use]
    pub fn first_step_cause(&self, who: EntityId, certainty: crate::model::Certainty) -> Option<EntityId> {
        let first = *self.path(who, certainty)?.steps.first()?;
        source(self, who, &self.facts.edges.get(first as usize)?.evidence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testkit::World;
    use crate::findings::{ALL, Frameworks, run};
    use crate::model::{Finding, Handle, Layer};

    /// Roles that one policy makes administrators.
    fn administrators(names: &[&str]) -> World {
        let mut world = World::new();
        let policy = world.policy("Full");
        world.grant(policy, &["*"], Layer::Identity);
        for name in names {
            let role = world.role(name);
            world.attach(role, policy, AttachmentKind::Identity);
            world.protect(role, "administrator by effective permissions (x)");
        }
        world
    }

    fn found(world: World) -> Vec<Finding> {
        let outcome = world.with(|context| run(context, &Frameworks::embedded().unwrap_or_default()));
        outcome.findings.into_iter().filter(|row| row.rule == "administrator-equivalent").collect()
    }

    #[test]
    fn from_three_on_the_policy_is_the_finding_and_its_name_stays() {
        assert!(ALL.len() > 14);
        let two = found(administrators(&["a", "b"]));
        assert_eq!(two.iter().map(|row| row.affected_n).collect::<Vec<_>>(), [1, 1]);
        let three = found(administrators(&["a", "b", "c"]));
        assert_eq!(three.len(), 1);
        assert_eq!(three[0].title, "policy `Full` makes 3 principals administrators");
        assert_eq!((three[0].affected_n, three[0].subjects.len()), (3, 3));
        assert!(three[0].evidence.contains(&"affected: `a`, `b`, `c`".to_owned()), "{:?}", three[0].evidence);
        let four = found(administrators(&["a", "b", "c", "d"]));
        assert_eq!((four[0].affected_n, &four[0].fingerprint), (4, &three[0].fingerprint));
    }

    #[test]
    fn the_configuration_says_from_how_many_on_and_who_is_left_out() {
        let mut world = administrators(&["a", "b"]);
        world.config.thresholds.group_causes_min = 2;
        assert_eq!(found(world)[0].affected_n, 2);
        let mut world = administrators(&["a", "b", "c"]);
        let exclude =
            crate::config::Exclude { rule: "*".to_owned(), pattern: "*:role/a".to_owned(), reason: "known".to_owned() };
        world.config.exclude.push(exclude);
        let left = found(world);
        assert_eq!(left.iter().map(|row| row.affected_n).collect::<Vec<_>>(), [1, 1], "two are left");
    }

    /// The one source of some statements for a user.
    fn source_of(make: impl FnOnce(&mut World, Handle) -> Vec<u32>) -> Option<String> {
        let mut world = World::new();
        let user = world.user("ann");
        let grants = make(&mut world, user);
        world.with(|context| {
            let at = |name: &str| context.tables.entities.iter().find(|one| one.name == name).map(|one| one.entity);
            // Rows are renumbered when the tables are made.
            let of = |grant: &u32| {
                let name = format!("s{grant}");
                let found = context.tables.grants.iter().position(|row| row.statement == name);
                u32::try_from(found.unwrap_or_default()).unwrap_or_default()
            };
            let grants: Vec<u32> = grants.iter().map(of).collect();
            source(context, at("ann")?, &grants).map(|one| context.call(one))
        })
    }

    #[test]
    fn the_source_is_a_shared_policy_the_group_that_brings_it_or_a_trust() {
        let direct = source_of(|world, user| {
            let policy = world.policy("P");
            world.attach(user, policy, AttachmentKind::Identity);
            vec![world.grant(policy, &["*"], Layer::Identity)]
        });
        assert_eq!(direct.as_deref(), Some("policy `P`"));
        let by_group = source_of(|world, user| {
            let (policy, group, role) = (world.policy("P"), world.group("G"), world.role("r"));
            world.attach(group, policy, AttachmentKind::Identity);
            world.join(user, group);
            let trust = world.grant(role, &["sts:AssumeRole"], Layer::Resource);
            vec![world.grant(policy, &["*"], Layer::Identity), trust]
        });
        assert_eq!(by_group.as_deref(), Some("group `G`"), "what lets the group in is not the group's");
        let trust = source_of(|world, _| {
            let role = world.role("r");
            vec![world.grant(role, &["sts:AssumeRole"], Layer::Resource)]
        });
        assert_eq!(trust.as_deref(), Some("role `r`"));
    }

    #[test]
    fn several_sources_own_statements_and_boundaries_are_no_cause() {
        let own = source_of(|world, user| vec![world.grant(user, &["*"], Layer::Identity)]);
        assert_eq!(own, None);
        let several = source_of(|world, user| {
            let (a, b) = (world.policy("A"), world.policy("B"));
            world.attach(user, a, AttachmentKind::Identity);
            world.attach(user, b, AttachmentKind::Identity);
            vec![world.grant(a, &["*"], Layer::Identity), world.grant(b, &["*"], Layer::Identity)]
        });
        assert_eq!(several, None);
        let boundary = source_of(|world, user| {
            let policy = world.policy("B");
            world.attach(user, policy, AttachmentKind::Boundary);
            vec![world.grant(policy, &["*"], Layer::Identity)]
        });
        assert_eq!((boundary, source_of(|_, _| vec![])), (None, None));
    }
}
