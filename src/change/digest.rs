//! What tables say, as one SHA-256.
//!
//! Each row is hashed with full ids in place of numbers; the hashes are sorted and hashed together, so that neither the
//! order of rows nor the numbers that we give are in it. Left out is what follows from other rows (who an owner's name
//! turned out to be, which exceptions match), and where a row was read: a row that is taken out and put back says the
//! same. Of an entity that no export defines, only its id, platform and kind count, and only while something names it.
//! Time O(rows log rows), memory 32 bytes a row.

use rayon::prelude::*;
use rustc_hash::FxHashSet;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Change;
use crate::model::{
    Approval, Attachment, Attribute, Credential, Entity, EntityId, Exception, Grant, Identity, Membership, Ownership,
    Person, RoleBaseline, SodRule, Tables, Trust, Usage, Workflow,
};

/// SHA-256 of what the input tables say, in hexadecimal.
#[must_use]
pub fn digest(tables: &Tables) -> String {
    let mut hashes = rows(tables);
    hashes.par_sort_unstable();
    let mut whole = Sha256::new();
    for hash in &hashes {
        whole.update(hash);
    }
    hex::encode(whole.finalize())
}

/// SHA-256 of operations in their canonical form (RFC 8785), in hexadecimal; none of what has no such form.
#[must_use]
pub fn sha256(changes: &[Change]) -> Option<String> {
    Some(hex::encode(Sha256::digest(serde_json_canonicalizer::to_vec(&changes).ok()?)))
}

type Hash = [u8; 32];

/// The cells of one row, each with its length before it, so that no two rows run together the same.
struct Row<'t> {
    tables: &'t Tables,
    hash: Sha256,
}

impl<'t> Row<'t> {
    fn new(tables: &'t Tables, table: &str) -> Self {
        Self { tables, hash: Sha256::new() }.text(table)
    }

    fn text(mut self, text: &str) -> Self {
        self.hash.update((text.len() as u64).to_le_bytes());
        self.hash.update(text.as_bytes());
        self
    }

    /// A cell that may be null, or is no text.
    fn cell(self, value: &impl serde::Serialize) -> Self {
        // Only maps without texts as keys and values that fail to be written are no JSON; columns have neither.
        let text = serde_json::to_string(value).unwrap_or_default();
        self.text(&text)
    }

    fn id(self, entity: EntityId) -> Self {
        let id = self.tables.entity(entity).id.as_str();
        self.text(id)
    }

    fn id_if_any(self, entity: Option<EntityId>) -> Self {
        match entity {
            Some(entity) => self.text("some").id(entity),
            None => self.text("none"),
        }
    }

    /// A condition, the same however its JSON is written.
    fn condition(self, condition: Option<&str>) -> Self {
        let read = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()));
        self.cell(&condition.map(read))
    }

    fn done(self) -> Hash {
        self.hash.finalize().into()
    }
}

fn rows(tables: &Tables) -> Vec<Hash> {
    let named = named(tables);
    let entities = tables.entities.par_iter().filter(|row| row.present || named.contains(&row.entity));
    let mut all: Vec<Hash> = entities.map(|row| entity(tables, row)).collect();
    macro_rules! hash { ($($table:ident by $hash:ident),+ $(,)?) => { $(
        all.par_extend(tables.$table.par_iter().map(|row| $hash(tables, row)));
    )+ } }
    hash!(
        memberships by membership,
        attachments by attachment,
        attributes by attribute,
        grants by grant,
        trusts by trust,
        credentials by credential,
        usage by usage,
        people by person,
        identities by identity,
        owners by ownership,
        approvals by approval,
        workflows by workflow,
        role_baselines by role_baseline,
        sod_rules by sod_rule,
        exceptions by exception,
    );
    all
}

/// Every entity that a row names.
fn named(tables: &Tables) -> FxHashSet<EntityId> {
    let mut named: FxHashSet<EntityId> = FxHashSet::default();
    named.extend(tables.memberships.iter().flat_map(|row| [row.member, row.container]));
    named.extend(tables.attachments.iter().flat_map(|row| [row.holder, row.policy]));
    named.extend(tables.attributes.iter().map(|row| row.entity));
    named.extend(tables.grants.iter().map(|row| row.holder));
    named.extend(tables.trusts.iter().flat_map(|row| [Some(row.target), row.trustee]).flatten());
    named.extend(tables.credentials.iter().map(|row| row.entity));
    named.extend(tables.usage.iter().map(|row| row.entity));
    named.extend(tables.people.iter().filter_map(|row| row.entity));
    named.extend(tables.identities.iter().map(|row| row.entity));
    named.extend(tables.owners.iter().map(|row| row.entity));
    named.extend(tables.workflows.iter().filter_map(|row| row.principal));
    named.extend(tables.role_baselines.iter().map(|row| row.entity));
    named
}

// Every field is named, so that a new column is put in or left out here on purpose.

fn entity(tables: &Tables, row: &Entity) -> Hash {
    let Entity {
        entity: _,
        id,
        platform,
        scope,
        domain,
        kind,
        name,
        unique_id,
        present,
        nhi,
        nhi_reason: _,
        enabled,
        env,
        criticality,
        protected,
        protected_reason: _,
        created_at,
        last_used_at,
        last_used_source,
        owner: _,
        owner_status: _,
        owner_confidence: _,
        source: _,
        record: _,
    } = row;
    let line = Row::new(tables, "entities").text(id).text(platform).cell(kind).cell(present);
    if !present {
        return line.done();
    }
    line.cell(&(scope, domain, name, unique_id, nhi, enabled))
        .cell(&(env, criticality, protected, created_at, last_used_at, last_used_source))
        .done()
}

fn membership(tables: &Tables, row: &Membership) -> Hash {
    let Membership { member, container, kind, standing, expires_at, source: _, record: _ } = row;
    Row::new(tables, "memberships").id(*member).id(*container).cell(&(kind, standing, expires_at)).done()
}

fn attachment(tables: &Tables, row: &Attachment) -> Hash {
    let Attachment { holder, policy, kind, source: _, record: _ } = row;
    Row::new(tables, "attachments").id(*holder).id(*policy).cell(kind).done()
}

fn attribute(tables: &Tables, row: &Attribute) -> Hash {
    let Attribute { entity, key, value } = row;
    Row::new(tables, "attributes").id(*entity).text(key).text(value).done()
}

fn grant(tables: &Tables, row: &Grant) -> Hash {
    said(Row::new(tables, "grants"), row).done()
}

fn said<'t>(line: Row<'t>, row: &Grant) -> Row<'t> {
    let Grant {
        grant: _,
        holder,
        effect,
        actions,
        not_actions,
        resources,
        not_resources,
        principals,
        not_principals,
        condition,
        variables,
        layer,
        policy,
        statement,
        granted_at,
        expires_at,
        source: _,
        record: _,
    } = row;
    line.id(*holder)
        .text(policy)
        .text(statement)
        .condition(condition.as_deref())
        .cell(&(effect, layer, variables, granted_at, expires_at))
        .cell(&(actions, not_actions, resources, not_resources))
        .cell(&(principals, not_principals))
}

/// A trust with the whole of the statement that makes it.
fn trust(tables: &Tables, row: &Trust) -> Hash {
    let Trust { target, trustee, trustee_pattern, action, condition, kind, grant } = row;
    let line = Row::new(tables, "trusts").id(*target).id_if_any(*trustee).text(trustee_pattern).text(action);
    let line = line.condition(condition.as_deref()).cell(kind);
    match tables.grants.get(*grant as usize) {
        Some(grant) => said(line, grant).done(),
        None => line.done(),
    }
}

fn credential(tables: &Tables, row: &Credential) -> Hash {
    let Credential {
        credential,
        entity,
        kind,
        created_at,
        expires_at,
        last_used_at,
        never_used,
        last_rotated_at,
        active,
        source: _,
        record: _,
    } = row;
    Row::new(tables, "credentials")
        .id(*entity)
        .text(credential)
        .cell(&(kind, created_at, expires_at, last_used_at, never_used, last_rotated_at, active))
        .done()
}

fn usage(tables: &Tables, row: &Usage) -> Hash {
    let Usage { entity, permission, granularity, last_used_at, count, window_start, window_end, source: _, record: _ } =
        row;
    let line = Row::new(tables, "usage").id(*entity).text(permission);
    line.cell(&(granularity, last_used_at, count, window_start, window_end)).done()
}

fn person(tables: &Tables, row: &Person) -> Hash {
    let Person { person, name, email, entity, status, started_at, left_at, manager, department, source: _, record: _ } =
        row;
    let line = Row::new(tables, "people").text(person).id_if_any(*entity);
    line.cell(&(name, email, status, started_at, left_at, manager, department)).done()
}

fn identity(tables: &Tables, row: &Identity) -> Hash {
    let Identity { person, entity, method, confidence } = row;
    Row::new(tables, "identities").id(*entity).text(person).text(method).cell(confidence).done()
}

fn ownership(tables: &Tables, row: &Ownership) -> Hash {
    let Ownership {
        entity,
        owner,
        person: _,
        group: _,
        origin,
        status: _,
        confidence,
        evidence: _,
        source: _,
        record: _,
    } = row;
    Row::new(tables, "owners").id(*entity).text(owner).cell(&(origin, confidence)).done()
}

fn approval(tables: &Tables, row: &Approval) -> Hash {
    let Approval {
        object,
        entity: _,
        approver,
        required,
        quorum,
        cycle_days,
        last_reviewed_at,
        queue,
        source: _,
        record: _,
    } = row;
    let line = Row::new(tables, "approvals").text(object).text(approver);
    line.cell(&(required, quorum, cycle_days, last_reviewed_at, queue)).done()
}

fn workflow(tables: &Tables, row: &Workflow) -> Hash {
    let Workflow {
        workflow,
        business_process,
        control_owner,
        principal,
        ai,
        functions,
        tier,
        queue,
        takes_from,
        proposes,
        source: _,
        record: _,
    } = row;
    let line = Row::new(tables, "workflows").text(workflow).id_if_any(*principal);
    line.cell(&(business_process, control_owner, ai, functions, tier, queue, takes_from, proposes)).done()
}

fn role_baseline(tables: &Tables, row: &RoleBaseline) -> Hash {
    let RoleBaseline { baseline, entity, actions, resources, source: _, record: _ } = row;
    Row::new(tables, "role_baselines").id(*entity).text(baseline).cell(&(actions, resources)).done()
}

fn sod_rule(tables: &Tables, row: &SodRule) -> Hash {
    let SodRule { rule, title, left, right, severity, source: _, record: _ } = row;
    Row::new(tables, "sod_rules").text(rule).cell(&(title, left, right, severity)).done()
}

fn exception(tables: &Tables, row: &Exception) -> Hash {
    let Exception {
        exception,
        rule,
        principal,
        resource,
        domain,
        reason,
        owner,
        approved_by,
        created_at,
        expires_at,
        ticket,
        status: _,
        problem: _,
        matched_n: _,
        source: _,
        record: _,
    } = row;
    let line = Row::new(tables, "exceptions").text(exception);
    line.cell(&(rule, principal, resource, domain, reason, owner))
        .cell(&(approved_by, created_at, expires_at, ticket))
        .done()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{EntityKind, MembershipKind, SourceId, Standing};

    fn tables(ids: &[&str], members: &[(u32, u32)]) -> Tables {
        let mut tables = Tables::default();
        for (number, id) in (0u32..).zip(ids) {
            let mut entity = Entity::named(id, "aws", EntityKind::User, id);
            entity.entity = EntityId(number);
            entity.present = !id.starts_with('~');
            tables.entities.push(entity);
        }
        for &(member, container) in members {
            tables.memberships.push(Membership {
                member: EntityId(member),
                container: EntityId(container),
                kind: MembershipKind::MemberOf,
                standing: Standing::Active,
                expires_at: None,
                source: SourceId(0),
                record: String::new(),
            });
        }
        tables
    }

    #[test]
    fn numbers_order_and_stand_ins_that_nothing_names_do_not_count() {
        let one = digest(&tables(&["a", "b", "c"], &[(0, 2), (1, 2)]));
        assert_eq!(one, digest(&tables(&["c", "b", "a"], &[(1, 0), (2, 0)])));
        assert_eq!(one, digest(&tables(&["a", "b", "c", "~d"], &[(1, 2), (0, 2)])));
        assert_ne!(one, digest(&tables(&["a", "b", "c", "~d"], &[(1, 2), (0, 3)])));
        assert_ne!(one, digest(&tables(&["a", "b", "c", "d"], &[(1, 2), (0, 2)])));
        assert_eq!(one.len(), 64);
    }

    #[test]
    fn everything_that_a_row_says_counts_and_where_it_was_read_does_not() {
        let plain = tables(&["a", "b"], &[(0, 1)]);
        let mut elsewhere = plain.clone();
        elsewhere.memberships[0].record = "/other".to_owned();
        elsewhere.entities[0].record = Some("/x".to_owned());
        assert_eq!(digest(&plain), digest(&elsewhere));
        let mut later = plain.clone();
        later.memberships[0].expires_at = Some(5);
        let mut eligible = plain.clone();
        eligible.memberships[0].standing = Standing::Eligible;
        let mut disabled = plain.clone();
        disabled.entities[0].enabled = Some(false);
        let all = [digest(&plain), digest(&later), digest(&eligible), digest(&disabled)];
        for (at, one) in all.iter().enumerate() {
            assert!(!all[at + 1..].contains(one), "{at}");
        }
    }

    #[test]
    fn conditions_are_the_same_however_they_are_written() {
        let mut one = tables(&["a"], &[]);
        let row = Grant { condition: Some(r#"{"b":1,"a":2}"#.to_owned()), ..Grant::blank(0, EntityId(0)) };
        one.grants.push(row.clone());
        let mut two = one.clone();
        two.grants[0].condition = Some(r#"{ "a": 2, "b": 1 }"#.to_owned());
        assert_eq!(digest(&one), digest(&two));
        two.grants[0].condition = None;
        assert_ne!(digest(&one), digest(&two));
    }
}
