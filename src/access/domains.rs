//! Which policy domain everything is of: what it is labelled with, else what the nearest place that it is in is.
//!
//! A *label* is the column `domain` as exports, tables of labels and the configuration fill it. From what has none the
//! search goes up, level by level, and ends at the first level on which something has a label:
//!
//! 1. the scopes that contain it, as rows of `memberships` say, or its id where that says so ([`Platform::home`]): a
//!    namespace, an organisational unit, a resource group;
//! 2. where no scope contains it, whatever else does: the resource that a managed identity belongs to;
//! 3. where nothing does, its column `scope`: the account, tenant, cluster or organisation.
//!
//! So an account's content is of the account's domain unless its own label, or that of something nearer, says otherwise.
//! What is in several places whose labels are equally near and differ is of no domain: a guess would show one domain's
//! content to another. An issue names it. Domains never come by groups, policies, ownership or rights.
//!
//! Whoever asks for a domain reads the column, which [`inherit`] has filled: `context`, `mcp`, `gate`, exceptions, metrics
//! and reports therefore agree. Only for what a draft makes is there no column yet: [`of`] says what a scan would fill in.
//!
//! Time is O(n log n) for n rows, memory a few words an entity.
//!
//! [`Platform::home`]: crate::platforms::Platform::home

use std::collections::BTreeSet;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::model::{EntityId, EntityKind, Issue, IssueSeverity, MembershipKind, Tables};
use crate::platforms;

/// Levels that are looked up at most where something is in several places. Organisations nest a dozen deep.
const LEVELS_MAX: usize = 256;
/// Issue of what is in places of different domains.
const AMBIGUOUS: &str = "domain_ambiguous";

/// What the places around something say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    /// No label anywhere.
    Nothing,
    /// One domain: its place in the list of names.
    One(u32),
    /// Several, equally near: their place in the list of sets.
    Several(u32),
}

/// Fills the column `domain` of everything that has no label of its own. Tables in which nothing has one stay as they are.
pub fn inherit(tables: &mut Tables) {
    if tables.entities.iter().all(|entity| entity.domain.is_none()) {
        return;
    }
    let mut search = Search::new(tables);
    let all: Vec<EntityId> = tables.entities.iter().map(|entity| entity.entity).collect();
    let said: Vec<Said> = all.iter().map(|&one| search.said(one)).collect();
    let issues = search.issues(&said);
    let names: Vec<String> = search.names.iter().map(|name| (*name).to_owned()).collect();
    for (entity, said) in tables.entities.iter_mut().zip(said) {
        if let Said::One(name) = said
            && entity.domain.is_none()
        {
            entity.domain = names.get(name as usize).cloned();
        }
    }
    tables.issues.extend(issues);
}

/// The domain of one entity; `None` where nothing around it has a label, or places equally near differ.
#[must_use]
pub fn of(tables: &Tables, entity: EntityId) -> Option<&str> {
    let mut search = Search::new(tables);
    match search.said(entity) {
        Said::One(name) => search.names.get(name as usize).copied(),
        Said::Nothing | Said::Several(_) => None,
    }
}

struct Search<'t> {
    tables: &'t Tables,
    /// Names of domains, as they are met.
    names: Vec<&'t str>,
    numbers: FxHashMap<&'t str, u32>,
    sets: Vec<BTreeSet<&'t str>>,
    /// What is known of everything that was passed on the way up.
    known: FxHashMap<EntityId, Said>,
    scopes: FxHashMap<&'t str, Option<EntityId>>,
}

impl<'t> Search<'t> {
    fn new(tables: &'t Tables) -> Self {
        Self {
            tables,
            names: Vec::new(),
            numbers: FxHashMap::default(),
            sets: Vec::new(),
            known: FxHashMap::default(),
            scopes: FxHashMap::default(),
        }
    }

    /// What is so of an entity: goes up for as long as there is one way, and remembers the answer for all on it.
    fn said(&mut self, entity: EntityId) -> Said {
        let (mut way, mut at) = (Vec::new(), entity);
        let found = loop {
            if let Some(&known) = self.known.get(&at) {
                break known;
            }
            if let Some(own) = self.own(at) {
                break own;
            }
            // Places that contain each other in a ring, and are in no other, come back here.
            self.known.insert(at, Said::Nothing);
            way.push(at);
            match self.above(at)[..] {
                [] => break Said::Nothing,
                [one] => at = one,
                ref several => break self.nearest(several.to_vec()),
            }
        };
        self.known.extend(way.into_iter().map(|one| (one, found)));
        found
    }

    fn own(&mut self, at: EntityId) -> Option<Said> {
        let name = self.tables.entity(at).domain.as_deref()?;
        Some(Said::One(self.number(name)))
    }

    fn number(&mut self, name: &'t str) -> u32 {
        *self.numbers.entry(name).or_insert_with(|| {
            self.names.push(name);
            u32::try_from(self.names.len() - 1).unwrap_or(u32::MAX)
        })
    }

    /// The first level that has labels.
    fn nearest(&mut self, mut level: Vec<EntityId>) -> Said {
        let mut seen: FxHashSet<EntityId> = level.iter().copied().collect();
        for _ in 0..LEVELS_MAX {
            let labels = level.iter().filter_map(|&one| self.tables.entity(one).domain.as_deref());
            let labels: BTreeSet<&'t str> = labels.collect();
            match labels.len() {
                0 => {}
                1 => return labels.first().map_or(Said::Nothing, |&name| Said::One(self.number(name))),
                _ => return self.several(labels),
            }
            let above: Vec<EntityId> = level.into_iter().flat_map(|one| self.above(one)).collect();
            level = above.into_iter().filter(|&one| seen.insert(one)).collect();
            if level.is_empty() {
                break;
            }
        }
        Said::Nothing
    }

    fn several(&mut self, labels: BTreeSet<&'t str>) -> Said {
        let at = self.sets.iter().position(|set| *set == labels).unwrap_or_else(|| {
            self.sets.push(labels);
            self.sets.len() - 1
        });
        Said::Several(u32::try_from(at).unwrap_or(u32::MAX))
    }

    /// The places that an entity is in.
    fn above(&mut self, at: EntityId) -> Vec<EntityId> {
        let tables = self.tables;
        let start = tables.memberships.partition_point(|row| row.member < at);
        let own = tables.memberships[start..].iter().take_while(|row| row.member == at);
        let own = own.filter(|row| row.kind == MembershipKind::Contains && row.container != at);
        let is_scope = |one: &EntityId| tables.entity(*one).kind == EntityKind::Scope;
        let (mut scopes, others): (Vec<EntityId>, Vec<EntityId>) = own.map(|row| row.container).partition(is_scope);
        let entity = tables.entity(at);
        let home = platforms::of(&entity.platform).and_then(|platform| platform.home(entity));
        scopes.extend(home.and_then(|home| tables.find(&home)).filter(|home| *home != at && !scopes.contains(home)));
        if !scopes.is_empty() {
            return scopes;
        }
        if !others.is_empty() {
            return others;
        }
        let Some(scope) = entity.scope.as_deref() else { return Vec::new() };
        let found = *self.scopes.entry(scope).or_insert_with(|| tables.find(scope));
        found.into_iter().filter(|scope| *scope != at).collect()
    }

    /// One issue for each set of domains that something is between.
    fn issues(&self, said: &[Said]) -> Vec<Issue> {
        let mut between: Vec<(usize, Option<EntityId>)> = vec![(0, None); self.sets.len()];
        for (entity, said) in self.tables.entities.iter().zip(said) {
            if let Said::Several(set) = said
                && let Some((count, first)) = between.get_mut(*set as usize)
            {
                *count += 1;
                first.get_or_insert(entity.entity);
            }
        }
        let told = self.sets.iter().zip(between).filter_map(|(set, (count, first))| {
            let first = self.tables.entity(first?);
            let names: Vec<String> = set.iter().map(|name| format!("`{name}`")).collect();
            let message = format!(
                "`{}` is in places of the domains {} that are equally near ({count} entities are), and so in none of \
                 them: label it, or a place nearer to it",
                first.id,
                names.join(" and ")
            );
            let (source, record) = (first.source, first.record.clone().unwrap_or_default());
            Some(Issue { severity: IssueSeverity::Note, source, record, code: AMBIGUOUS.to_owned(), message })
        });
        told.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Entity, Membership, SourceId, Standing};

    /// What is where: id, kind, own label, column `scope`, and what contains it.
    type Row<'r> = (&'r str, EntityKind, Option<&'r str>, Option<&'r str>, &'r [&'r str]);

    /// Rows in the order of their ids.
    fn tables(rows: &[Row<'_>]) -> Tables {
        let mut tables = Tables::default();
        for (number, &(id, kind, label, scope, _)) in (0..).zip(rows) {
            let platform = id.split(':').next().unwrap_or_default();
            let mut entity = Entity::named(id, platform, kind, id);
            (entity.entity, entity.present) = (EntityId(number), true);
            (entity.domain, entity.scope) = (label.map(str::to_owned), scope.map(str::to_owned));
            tables.entities.push(entity);
        }
        for (number, row) in (0..).zip(rows) {
            for container in row.4 {
                let container = tables.find(container).expect("it is a row");
                tables.memberships.push(Membership {
                    member: EntityId(number),
                    container,
                    kind: MembershipKind::Contains,
                    standing: Standing::Active,
                    expires_at: None,
                    source: SourceId(0),
                    record: String::new(),
                });
            }
        }
        tables
    }

    fn domains(tables: &Tables) -> Vec<&str> {
        tables.entities.iter().map(|entity| entity.domain.as_deref().unwrap_or("-")).collect()
    }

    /// [`of`] and [`inherit`] say the same of everyone.
    fn inherited(rows: &[Row<'_>]) -> Tables {
        let before = tables(rows);
        let mut after = before.clone();
        inherit(&mut after);
        for entity in &before.entities {
            assert_eq!(of(&before, entity.entity), after.entity(entity.entity).domain.as_deref(), "{}", entity.id);
        }
        after
    }

    use EntityKind::{Resource, Role, Scope, ServiceAccount, User};

    #[test]
    fn an_own_label_counts_before_the_account_s_and_that_before_the_unit_s() {
        let found = inherited(&[
            ("a:account/1", Scope, Some("commerce"), None, &["a:ou"]),
            ("a:account/2", Scope, None, None, &["a:ou"]),
            ("a:account/3", Scope, None, None, &[]),
            ("a:ou", Scope, Some("group"), None, &["a:root"]),
            ("a:role/1", Role, None, Some("a:account/1"), &[]),
            ("a:role/1-own", Role, Some("payments"), Some("a:account/1"), &[]),
            ("a:role/2", Role, None, Some("a:account/2"), &[]),
            ("a:role/3", Role, None, Some("a:account/3"), &[]),
            ("a:role/nowhere", Role, None, Some("a:account/9"), &[]),
            ("a:root", Scope, Some("all of us"), None, &[]),
        ]);
        let expected = ["commerce", "group", "-", "group", "commerce", "payments", "group", "-", "-", "all of us"];
        assert_eq!(domains(&found), expected);
        assert!(found.issues.is_empty(), "{:?}", found.issues);
    }

    #[test]
    fn a_namespace_counts_before_its_cluster_and_a_node_never_before_a_namespace() {
        let cluster = Some("kubernetes:c");
        let found = inherited(&[
            ("kubernetes:c", Scope, Some("platform"), None, &[]),
            ("kubernetes:c/clusterrole/edit", EntityKind::RoleDefinition, None, cluster, &[]),
            ("kubernetes:c/namespace/shop", Scope, Some("commerce"), cluster, &[]),
            ("kubernetes:c/node/n1", Resource, Some("machines"), cluster, &[]),
            ("kubernetes:c/ops/serviceaccount/x", ServiceAccount, None, cluster, &[]),
            (
                "kubernetes:c/shop/pod/p",
                EntityKind::Workload,
                None,
                cluster,
                &["kubernetes:c/namespace/shop", "kubernetes:c/node/n1"],
            ),
            ("kubernetes:c/shop/role/reader", EntityKind::RoleDefinition, None, cluster, &[]),
        ]);
        let expected = ["platform", "platform", "commerce", "machines", "platform", "commerce", "commerce"];
        assert_eq!(domains(&found), expected);
    }

    #[test]
    fn what_belongs_to_a_resource_is_where_the_resource_is_and_not_where_the_directory_is() {
        let found = inherited(&[
            ("z:identity", ServiceAccount, None, Some("z:tenant"), &["z:machine"]),
            ("z:machine", Resource, None, Some("z:tenant"), &["z:subscription"]),
            ("z:subscription", Scope, Some("commerce"), Some("z:tenant"), &[]),
            ("z:tenant", Scope, Some("corporate"), None, &[]),
            ("z:user", User, None, Some("z:tenant"), &[]),
        ]);
        assert_eq!(domains(&found), ["commerce", "commerce", "commerce", "corporate", "corporate"]);
    }

    #[test]
    fn places_equally_near_that_differ_say_nothing_and_an_issue_names_them() {
        let rows: [Row<'_>; 7] = [
            ("z:unit/a", Scope, Some("a"), Some("z:zone"), &[]),
            ("z:unit/b", Scope, Some("b"), Some("z:zone"), &[]),
            ("z:unit/c", Scope, None, Some("z:zone"), &[]),
            ("z:user/1", User, None, Some("z:zone"), &["z:unit/a", "z:unit/b"]),
            ("z:user/2", User, None, Some("z:zone"), &["z:unit/a", "z:unit/c"]),
            ("z:user/3", User, Some("c"), Some("z:zone"), &["z:unit/a", "z:unit/b"]),
            ("z:zone", Scope, Some("zone"), None, &[]),
        ];
        let found = inherited(&rows);
        assert_eq!(domains(&found), ["a", "b", "zone", "-", "a", "c", "zone"]);
        let [issue] = &found.issues[..] else { panic!("one issue: {:?}", found.issues) };
        assert_eq!((issue.code.as_str(), issue.severity), (AMBIGUOUS, IssueSeverity::Note));
        assert!(
            issue.message.starts_with("`z:user/1` is in places of the domains `a` and `b` that are equally near (1"),
            "{}",
            issue.message
        );
    }

    #[test]
    fn places_in_a_ring_end_and_tables_without_a_label_stay_as_they_are() {
        let ring: [Row<'_>; 4] = [
            ("a:1", Scope, None, Some("a:2"), &[]),
            ("a:2", Scope, None, Some("a:1"), &[]),
            ("a:3", Scope, None, Some("a:3"), &["a:1", "a:2"]),
            ("b:1", Scope, Some("b"), None, &[]),
        ];
        assert_eq!(domains(&inherited(&ring)), ["-", "-", "-", "b"]);
        let plain = tables(&ring[..3]);
        let mut same = plain.clone();
        inherit(&mut same);
        assert_eq!(plain, same);
    }

    #[test]
    fn ten_thousand_places_one_in_another_are_gone_up_once() {
        let ids: Vec<String> = (0..10_000).map(|number| format!("a:{number:05}")).collect();
        let scope = |number: usize| number.checked_sub(1).map(|above| ids[above].as_str());
        let mut rows: Vec<Row<'_>> =
            ids.iter().enumerate().map(|(number, id)| (id.as_str(), Scope, None, scope(number), &[][..])).collect();
        rows[0].2 = Some("top");
        let mut found = tables(&rows);
        inherit(&mut found);
        assert!(domains(&found).iter().all(|domain| *domain == "top"));
    }
}
