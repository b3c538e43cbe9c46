//! Which findings an exception is about.
//!
//! | column | covers a finding when |
//! |---|---|
//! | `rule` | its rule has this id; `*` and `?` are wildcards |
//! | `principal` | the entity that it is about has this full id, this name, or an id that ends in this after `/` or `:`; a pattern is compared with id and name |
//! | `resource` | the entity that it is about or one that takes part (its subjects) is this, in the same way |
//! | `domain` | the entity that it is about is in this domain |
//!
//! An empty column covers everything. A name without wildcards must be one entity's: covering three accounts'
//! `deploy` is no decision about one of them.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::text::{glob, glob_ignore_case};
use crate::model::{Entity, EntityId, Exception, Finding, FindingState, Tables};

/// Entities by what people call them.
pub struct Entities<'a> {
    tables: &'a Tables,
    /// By the last part of the id and by the name.
    by_end: BTreeMap<&'a str, Vec<EntityId>>,
}

/// The last part of an id, after the last `/` or `:`.
fn end(id: &str) -> &str {
    id.rsplit(['/', ':']).next().unwrap_or(id)
}

fn ends_in(entity: &Entity, text: &str) -> bool {
    entity.name == text || entity.id.strip_suffix(text).is_some_and(|rest| rest.ends_with(['/', ':']))
}

impl<'a> Entities<'a> {
    /// Indexes a snapshot.
    pub fn new(tables: &'a Tables) -> Self {
        let mut by_end: BTreeMap<&str, Vec<EntityId>> = BTreeMap::new();
        for entity in &tables.entities {
            by_end.entry(end(&entity.id)).or_default().push(entity.entity);
            if entity.name != end(&entity.id) {
                by_end.entry(&entity.name).or_default().push(entity.entity);
            }
        }
        Self { tables, by_end }
    }

    /// Entities that go by a text without wildcards: the one of this id, or all of this name or end of an id.
    fn called(&self, text: &str) -> Vec<EntityId> {
        if text.is_empty() {
            return Vec::new();
        }
        if let Some(exact) = self.tables.find(text) {
            return vec![exact];
        }
        let of = |key: &str| self.by_end.get(key).map_or(&[][..], Vec::as_slice);
        let mut found: Vec<EntityId> = of(text).iter().chain(of(end(text))).copied().collect();
        found.retain(|&entity| ends_in(self.tables.entity(entity), text));
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Principals that go by a text without wildcards.
    pub fn principals_called(&self, text: &str) -> Vec<EntityId> {
        let mut found = self.called(text);
        found.retain(|&entity| self.tables.entity(entity).kind.is_principal());
        found
    }

    /// What a text without wildcards means where a principal is meant: principals before everything else.
    fn meant(&self, text: &str, principal: bool) -> Vec<EntityId> {
        let found = self.called(text);
        let acting: Vec<EntityId> =
            (found.iter().copied()).filter(|&entity| principal && self.tables.entity(entity).is_principal()).collect();
        if acting.is_empty() { found } else { acting }
    }

    fn like(&self, pattern: &str) -> Vec<EntityId> {
        let fits = |entity: &&Entity| glob(pattern, &entity.id) || glob(pattern, &entity.name);
        self.tables.entities.iter().filter(fits).map(|entity| entity.entity).collect()
    }
}

/// Whether a text has wildcards.
pub fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?'])
}

/// Whether a column says nothing: it is empty or made of stars.
fn is_any(text: &str) -> bool {
    text.trim().trim_matches('*').is_empty()
}

/// A column that narrows an exception; `None` where it covers everything.
pub fn narrowed(column: Option<&str>) -> Option<&str> {
    column.map(str::trim).filter(|text| !is_any(text))
}

/// What one exception covers.
pub struct Cover<'e> {
    rule: Option<&'e str>,
    /// Sorted; `None` for everyone.
    pub principals: Option<Vec<EntityId>>,
    /// Sorted; `None` for everything.
    pub resources: Option<Vec<EntityId>>,
    domain: Option<&'e str>,
}

impl<'e> Cover<'e> {
    /// Resolves the names of an exception.
    pub fn new(entities: &Entities<'_>, exception: &'e Exception) -> Self {
        let of = |column: Option<&'e str>, principal: bool| {
            narrowed(column)
                .map(|text| if is_pattern(text) { entities.like(text) } else { entities.meant(text, principal) })
        };
        Self {
            rule: narrowed(exception.rule.as_deref()),
            principals: of(exception.principal.as_deref(), true),
            resources: of(exception.resource.as_deref(), false),
            domain: narrowed(exception.domain.as_deref()),
        }
    }

    /// Whether it covers findings of this rule.
    pub fn takes_rule(&self, rule: &str) -> bool {
        rule != super::RULE && self.rule.is_none_or(|pattern| glob_ignore_case(pattern, rule))
    }

    fn takes(&self, tables: &Tables, finding: &Finding) -> bool {
        let within = |list: &Option<Vec<EntityId>>, entity: EntityId| {
            list.as_ref().is_none_or(|list| list.binary_search(&entity).is_ok())
        };
        let domain = || tables.entities.get(finding.entity.index()).and_then(|entity| entity.domain.as_deref());
        within(&self.principals, finding.entity)
            && (within(&self.resources, finding.entity)
                || finding.subjects.iter().any(|&subject| within(&self.resources, EntityId(subject))))
            && self.domain.is_none_or(|wanted| domain().is_some_and(|domain| glob_ignore_case(wanted, domain)))
    }
}

/// The open findings that each exception is about, by place in `findings`, whatever the exception is worth. The time is
/// that of the findings of the rules that an exception names, for each of them.
#[must_use]
pub fn matches(tables: &Tables, exceptions: &[Exception], findings: &[Finding]) -> Vec<Vec<usize>> {
    if exceptions.is_empty() {
        return Vec::new();
    }
    let entities = Entities::new(tables);
    let covers: Vec<Cover<'_>> = exceptions.iter().map(|row| Cover::new(&entities, row)).collect();
    matched(tables, &covers, findings)
}

pub(super) fn matched(tables: &Tables, covers: &[Cover<'_>], findings: &[Finding]) -> Vec<Vec<usize>> {
    let mut by_rule: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, finding) in findings.iter().enumerate().filter(|(_, finding)| finding.state != FindingState::Absent) {
        by_rule.entry(&finding.rule).or_default().push(at);
    }
    let of = |cover: &Cover<'_>| {
        let rules = by_rule.iter().filter(|(rule, _)| cover.takes_rule(rule));
        let places = rules.flat_map(|(_, places)| places).copied();
        let found: BTreeSet<usize> = places.filter(|&at| cover.takes(tables, &findings[at])).collect();
        found.into_iter().collect()
    };
    covers.iter().map(of).collect()
}
