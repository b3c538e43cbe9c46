//! How readers hand over what they read: rows with provisional numbers, joined into dense tables at the end.
//!
//! Each source fills a [`Builder`] of its own, so that sources are read in parallel; [`Builder::assemble`]
//! merges them in the order of the sources. Entities that several sources describe become one, the earlier
//! source winning where both know a value. The result does not depend on thread order.

use rustc_hash::FxHashMap;

use super::{
    Approval, Attachment, Attribute, Credential, Entity, EntityId, EntityKind, Exception, Grant, Identity, Issue,
    IssueSeverity, Membership, Ownership, Person, RoleBaseline, SodRule, Source, SourceId, Tables, Trust, Usage,
    Workflow,
};

/// Provisional number of an entity inside one builder.
pub type Handle = EntityId;

/// The rows of one source.
#[derive(Debug, Clone)]
pub struct Builder {
    /// The file, with its counts of records.
    pub source: Source,
    pub memberships: Vec<Membership>,
    pub attachments: Vec<Attachment>,
    pub attributes: Vec<Attribute>,
    pub grants: Vec<Grant>,
    pub trusts: Vec<Trust>,
    pub credentials: Vec<Credential>,
    pub usage: Vec<Usage>,
    pub people: Vec<Person>,
    pub identities: Vec<Identity>,
    pub owners: Vec<Ownership>,
    pub approvals: Vec<Approval>,
    pub workflows: Vec<Workflow>,
    pub role_baselines: Vec<RoleBaseline>,
    pub sod_rules: Vec<SodRule>,
    pub exceptions: Vec<Exception>,
    pub issues: Vec<Issue>,
    entities: Vec<Entity>,
    by_id: FxHashMap<String, u32>,
}

/// The number that rows of a builder carry for their source until they are assembled.
const THIS_SOURCE: SourceId = SourceId(0);

impl Builder {
    /// An empty builder for one source.
    #[must_use]
    pub fn new(source: Source) -> Self {
        Self {
            source,
            memberships: Vec::new(),
            attachments: Vec::new(),
            attributes: Vec::new(),
            grants: Vec::new(),
            trusts: Vec::new(),
            credentials: Vec::new(),
            usage: Vec::new(),
            people: Vec::new(),
            identities: Vec::new(),
            owners: Vec::new(),
            approvals: Vec::new(),
            workflows: Vec::new(),
            role_baselines: Vec::new(),
            sod_rules: Vec::new(),
            exceptions: Vec::new(),
            issues: Vec::new(),
            entities: Vec::new(),
            by_id: FxHashMap::default(),
        }
    }

    /// The source number that rows are to carry while they are in this builder.
    #[must_use]
    pub const fn source_id(&self) -> SourceId {
        THIS_SOURCE
    }

    /// A handle for an entity that is only referred to so far.
    pub fn refer(&mut self, id: &str, platform: &str, kind: EntityKind, name: &str) -> Handle {
        if let Some(&at) = self.by_id.get(id) {
            return EntityId(at);
        }
        self.insert(Entity::named(id, platform, kind, name))
    }

    /// Adds what is known of an entity, whether or not it was referred to before.
    pub fn define(&mut self, entity: Entity) -> Handle {
        match self.by_id.get(&entity.id) {
            Some(&at) => {
                self.entities[at as usize].absorb(entity);
                EntityId(at)
            }
            None => self.insert(entity),
        }
    }

    /// The handle of an entity that was referred to or defined before.
    #[must_use]
    pub fn handle(&self, id: &str) -> Option<Handle> {
        self.by_id.get(id).map(|&at| EntityId(at))
    }

    /// What is known so far of the entity behind a handle.
    ///
    /// # Panics
    /// When the handle is of another builder.
    #[must_use]
    pub fn entity(&self, handle: Handle) -> &Entity {
        &self.entities[handle.index()]
    }

    /// All entities of this builder; a handle is an index here.
    #[must_use]
    pub fn entities(&self) -> &[Entity] {
        &self.entities
    }

    fn insert(&mut self, entity: Entity) -> Handle {
        let at = u32::try_from(self.entities.len()).unwrap_or(u32::MAX);
        self.by_id.insert(entity.id.clone(), at);
        self.entities.push(entity);
        EntityId(at)
    }

    /// States a fact about an entity.
    pub fn attribute(&mut self, entity: Handle, key: &str, value: &str) {
        self.attributes.push(Attribute { entity, key: key.to_owned(), value: value.to_owned() });
    }

    /// Reports something about this source at a place in it (a JSON pointer or `line N`).
    pub fn issue(&mut self, severity: IssueSeverity, code: &str, record: &str, message: String) {
        self.issues.push(Issue {
            severity,
            source: Some(THIS_SOURCE),
            record: record.to_owned(),
            code: code.to_owned(),
            message,
        });
    }

    /// Reports a record that could not be used, and counts it as skipped.
    pub fn skip(&mut self, code: &str, record: &str, message: String) {
        self.source.skipped += 1;
        self.issue(IssueSeverity::Error, code, record, message);
    }

    /// Drops every row that this source holds, so that only its record in the list of sources and its issues
    /// remain: another source of the same thing was preferred.
    pub fn withdraw(&mut self) {
        let issues = std::mem::take(&mut self.issues);
        let mut source = self.source.clone();
        source.skipped += source.records;
        source.records = 0;
        *self = Self::new(source);
        self.issues = issues;
    }

    /// Gives entities other ids, and the scopes that they name with them. `fresh` says the new id of an old one, `None`
    /// to keep it; no two entities may come to have the same.
    pub fn rename(&mut self, fresh: impl Fn(&str) -> Option<String>) {
        self.by_id.clear();
        for (at, entity) in (0u32..).zip(&mut self.entities) {
            if let Some(id) = fresh(&entity.id) {
                entity.id = id;
            }
            if let Some(scope) = entity.scope.as_deref().and_then(&fresh) {
                entity.scope = Some(scope);
            }
            self.by_id.insert(entity.id.clone(), at);
        }
    }

    /// Puts other facts in the place of an entity's; its id stays.
    ///
    /// # Panics
    /// When the handle is of another builder.
    pub fn replace(&mut self, handle: Handle, entity: Entity) {
        let own = &mut self.entities[handle.index()];
        let id = std::mem::take(&mut own.id);
        *own = Entity { id, ..entity };
    }

    /// Joins all sources: entities sorted by id and numbered, rows renumbered and sorted by their main key.
    #[must_use]
    pub fn assemble(builders: Vec<Self>) -> Tables {
        let mut tables = Tables::default();
        let mut builders = builders;
        let maps = merge_entities(&mut builders, &mut tables);
        for (number, (builder, map)) in builders.into_iter().zip(&maps).enumerate() {
            let source = SourceId(u32::try_from(number).unwrap_or(u32::MAX));
            tables.sources.push(builder.source.clone());
            append(&mut tables, builder, map, source);
        }
        sort(&mut tables);
        tables
    }
}

/// Fills `tables.entities` and says for each builder which number each handle became.
fn merge_entities(builders: &mut [Builder], tables: &mut Tables) -> Vec<Vec<EntityId>> {
    let mut by_id: FxHashMap<String, usize> = FxHashMap::default();
    let mut merged: Vec<Entity> = Vec::new();
    let mut places: Vec<Vec<usize>> = Vec::with_capacity(builders.len());
    for (number, builder) in builders.iter_mut().enumerate() {
        let source = SourceId(u32::try_from(number).unwrap_or(u32::MAX));
        builder.by_id.clear();
        let mut local = Vec::with_capacity(builder.entities.len());
        for mut entity in std::mem::take(&mut builder.entities) {
            entity.source = entity.source.map(|_| source);
            match by_id.get(&entity.id) {
                Some(&at) => {
                    merged[at].absorb(entity);
                    local.push(at);
                }
                None => {
                    by_id.insert(entity.id.clone(), merged.len());
                    local.push(merged.len());
                    merged.push(entity);
                }
            }
        }
        places.push(local);
    }
    drop(by_id);
    let mut order: Vec<usize> = (0..merged.len()).collect();
    order.sort_unstable_by(|&a, &b| merged[a].id.cmp(&merged[b].id));
    let mut number = vec![EntityId(0); merged.len()];
    for (rank, &at) in order.iter().enumerate() {
        number[at] = EntityId(u32::try_from(rank).unwrap_or(u32::MAX));
        merged[at].entity = number[at];
    }
    merged.sort_unstable_by_key(|entity| entity.entity);
    tables.entities = merged;
    places.into_iter().map(|local| local.into_iter().map(|at| number[at]).collect()).collect()
}

fn append(tables: &mut Tables, builder: Builder, map: &[EntityId], source: SourceId) {
    let of = |handle: EntityId| map[handle.index()];
    let first_grant = u32::try_from(tables.grants.len()).unwrap_or(u32::MAX);
    tables.memberships.extend(builder.memberships.into_iter().map(|row| Membership {
        member: of(row.member),
        container: of(row.container),
        source,
        ..row
    }));
    tables.attachments.extend(builder.attachments.into_iter().map(|row| Attachment {
        holder: of(row.holder),
        policy: of(row.policy),
        source,
        ..row
    }));
    tables.attributes.extend(builder.attributes.into_iter().map(|row| Attribute { entity: of(row.entity), ..row }));
    tables.grants.extend(builder.grants.into_iter().map(|row| Grant {
        grant: row.grant + first_grant,
        holder: of(row.holder),
        source,
        ..row
    }));
    tables.trusts.extend(builder.trusts.into_iter().map(|row| Trust {
        target: of(row.target),
        trustee: row.trustee.map(of),
        grant: row.grant + first_grant,
        ..row
    }));
    tables.credentials.extend(builder.credentials.into_iter().map(|row| Credential {
        entity: of(row.entity),
        source,
        ..row
    }));
    tables.usage.extend(builder.usage.into_iter().map(|row| Usage { entity: of(row.entity), source, ..row }));
    tables.issues.extend(builder.issues.into_iter().map(|row| Issue { source: row.source.map(|_| source), ..row }));
    let governance = Governance {
        people: builder.people,
        identities: builder.identities,
        owners: builder.owners,
        approvals: builder.approvals,
        workflows: builder.workflows,
        role_baselines: builder.role_baselines,
        sod_rules: builder.sod_rules,
        exceptions: builder.exceptions,
    };
    append_governance(tables, governance, of, source);
}

/// The governance rows of one source.
struct Governance {
    people: Vec<Person>,
    identities: Vec<Identity>,
    owners: Vec<Ownership>,
    approvals: Vec<Approval>,
    workflows: Vec<Workflow>,
    role_baselines: Vec<RoleBaseline>,
    sod_rules: Vec<SodRule>,
    exceptions: Vec<Exception>,
}

fn append_governance(tables: &mut Tables, rows: Governance, of: impl Fn(Handle) -> EntityId + Copy, source: SourceId) {
    let Governance { people, identities, owners, approvals, workflows, role_baselines, sod_rules, exceptions } = rows;
    tables.people.extend(people.into_iter().map(|row| Person { entity: row.entity.map(of), source, ..row }));
    tables.identities.extend(identities.into_iter().map(|row| Identity { entity: of(row.entity), ..row }));
    tables.owners.extend(owners.into_iter().map(|row| Ownership {
        entity: of(row.entity),
        group: row.group.map(of),
        source,
        ..row
    }));
    tables.approvals.extend(approvals.into_iter().map(|row| Approval { entity: row.entity.map(of), source, ..row }));
    tables.workflows.extend(workflows.into_iter().map(|row| Workflow {
        principal: row.principal.map(of),
        source,
        ..row
    }));
    tables.role_baselines.extend(role_baselines.into_iter().map(|row| RoleBaseline {
        entity: of(row.entity),
        source,
        ..row
    }));
    tables.sod_rules.extend(sod_rules.into_iter().map(|row| SodRule { source, ..row }));
    tables.exceptions.extend(exceptions.into_iter().map(|row| Exception { source, ..row }));
}

/// Sorts every table by its main key. Grants are renumbered by holder, so that a holder's statements are one range.
fn sort(tables: &mut Tables) {
    tables.grants.sort_by_key(|row| (row.holder, row.layer, row.grant));
    let mut renumbered = vec![0u32; tables.grants.len()];
    for (at, row) in tables.grants.iter_mut().enumerate() {
        let at = u32::try_from(at).unwrap_or(u32::MAX);
        renumbered[row.grant as usize] = at;
        row.grant = at;
    }
    for row in &mut tables.trusts {
        row.grant = renumbered[row.grant as usize];
    }
    tables.memberships.sort_by_key(|row| (row.member, row.container, row.kind, row.source));
    tables.memberships.dedup_by_key(|row| (row.member, row.container, row.kind));
    tables.attachments.sort_by_key(|row| (row.holder, row.kind, row.policy, row.source));
    tables.attachments.dedup_by_key(|row| (row.holder, row.kind, row.policy));
    tables.attributes.sort_by(|a, b| (a.entity, &a.key, &a.value).cmp(&(b.entity, &b.key, &b.value)));
    tables.attributes.dedup();
    tables.trusts.sort_by(|a, b| {
        (a.target, a.grant, &a.trustee_pattern, &a.action).cmp(&(b.target, b.grant, &b.trustee_pattern, &b.action))
    });
    tables.credentials.sort_by(|a, b| (a.entity, &a.credential, a.source).cmp(&(b.entity, &b.credential, b.source)));
    tables.credentials.dedup_by(|a, b| a.entity == b.entity && a.credential == b.credential);
    tables.usage.sort_by(|a, b| (a.entity, &a.permission, a.source).cmp(&(b.entity, &b.permission, b.source)));
    sort_governance(tables);
    tables
        .issues
        .sort_by(|a, b| (a.source, &a.record, &a.code, &a.message).cmp(&(b.source, &b.record, &b.code, &b.message)));
    tables.issues.dedup();
}

/// Rows that say the same stay, but for identities: which of two records of a person counts is the reader's decision.
fn sort_governance(tables: &mut Tables) {
    tables.people.sort_by(|a, b| (&a.person, a.source, &a.record).cmp(&(&b.person, b.source, &b.record)));
    tables
        .identities
        .sort_by(|a, b| (&a.person, a.entity).cmp(&(&b.person, b.entity)).then(b.confidence.total_cmp(&a.confidence)));
    tables.identities.dedup_by(|a, b| (&a.person, a.entity) == (&b.person, b.entity));
    tables.owners.sort_by(|a, b| {
        let surest = b.confidence.total_cmp(&a.confidence);
        a.entity
            .cmp(&b.entity)
            .then(surest)
            .then_with(|| (a.origin, &a.owner, a.source).cmp(&(b.origin, &b.owner, b.source)))
    });
    tables.approvals.sort_by(|a, b| (&a.object, &a.approver, a.source).cmp(&(&b.object, &b.approver, b.source)));
    tables.workflows.sort_by(|a, b| (&a.workflow, a.source, &a.record).cmp(&(&b.workflow, b.source, &b.record)));
    tables.role_baselines.sort_by(|a, b| {
        (a.entity, &a.baseline, &a.actions, &a.resources).cmp(&(b.entity, &b.baseline, &b.actions, &b.resources))
    });
    tables.sod_rules.sort_by(|a, b| (&a.rule, a.source, &a.record).cmp(&(&b.rule, b.source, &b.record)));
    tables.exceptions.sort_by(|a, b| (&a.exception, a.source, &a.record).cmp(&(&b.exception, b.source, &b.record)));
}
