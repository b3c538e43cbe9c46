//! What an operation does is undone by its inverse, whatever it is made on; and whatever differs is said to be touched.

use std::collections::{BTreeMap, BTreeSet};

use overgrant::change::{Change, apply, digest};
use overgrant::generate;
use overgrant::model::text::parse_time;
use overgrant::model::{EntityId, EntityKind, Layer, Tables};
use serde_json::{Value, json};

use super::{of, root, scanned, set};
use crate::splitmix::Rng;

/// Change sets for each export.
const ROUNDS: u64 = if cfg!(debug_assertions) { 6 } else { 30 };
/// Operations of a change set at most.
const OPERATIONS_MAX: usize = 6;

struct Unwatched;

impl generate::Watch for Unwatched {
    fn platform(&self, _name: &'static str, _principals: usize) {}

    fn written(&self, _principals: usize) {}
}

/// A small organisation on every platform that is generated.
fn generated(seed: u64) -> Tables {
    let folder = tempfile::tempdir().unwrap();
    let request = generate::Request {
        principals: 300,
        seed,
        preset: generate::Preset::Dense,
        as_of: parse_time("2026-11-22").unwrap(),
        platforms: &generate::platforms(),
    };
    generate::generate(&request, folder.path(), &Unwatched).unwrap();
    scanned(&folder.path().join(generate::EXPORTS))
}

/// The exports of all cases, with their names, and generated organisations.
fn exports() -> Vec<(String, Tables)> {
    let mut folders: Vec<_> = std::fs::read_dir(root().join("tests/cases"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("export").is_dir())
        .collect();
    folders.sort();
    let name = |path: &std::path::Path| path.file_name().unwrap().to_string_lossy().into_owned();
    let mut all: Vec<(String, Tables)> =
        folders.iter().map(|path| (name(path), scanned(&path.join("export")))).collect();
    all.retain(|(_, tables)| !tables.entities.is_empty());
    for seed in 1..=2 {
        all.push((format!("generated {seed}"), generated(seed)));
    }
    assert!(all.len() > 50, "{} exports", all.len());
    all
}

fn id(tables: &Tables, entity: EntityId) -> String {
    tables.entity(entity).id.clone()
}

fn any(tables: &Tables, rng: &mut Rng) -> String {
    rng.pick(&tables.entities).id
}

/// Some row of a table, as the operation that changes it.
fn operation(tables: &Tables, rng: &mut Rng) -> Option<Value> {
    let some = |rng: &mut Rng, n: usize| (n > 0).then(|| rng.below(n));
    Some(match rng.below(18) {
        0 => json!({"op": "add_member", "container": any(tables, rng), "member": any(tables, rng),
            "standing": "eligible", "expires_at": "2027-01-01T00:00:00Z"}),
        1 => {
            let row = &tables.memberships[some(rng, tables.memberships.len())?];
            json!({"op": "remove_member", "container": id(tables, row.container), "member": id(tables, row.member),
                "kind": row.kind})
        }
        2 => json!({"op": "attach", "holder": any(tables, rng), "policy": any(tables, rng)}),
        3 => {
            let row = &tables.attachments[some(rng, tables.attachments.len())?];
            json!({"op": "detach", "holder": id(tables, row.holder), "policy": id(tables, row.policy), "kind": row.kind})
        }
        4 => json!({"op": "put_grant", "holder": any(tables, rng), "policy": "inline:new", "statement": "#0",
            "effect": "allow", "actions": ["s3:GetObject"], "resources": ["*"],
            "condition": {"StringEquals": {"aws:PrincipalTag/team": ["x"]}}}),
        5 => {
            // What is there says something else from now on.
            let row = &tables.grants[some(rng, tables.grants.len())?];
            json!({"op": "put_grant", "holder": id(tables, row.holder), "policy": row.policy, "layer": row.layer,
                "statement": row.statement, "effect": "deny", "actions": ["*"], "principals": row.principals})
        }
        6 | 7 => {
            let row = &tables.grants[some(rng, tables.grants.len())?];
            json!({"op": "delete_grant", "holder": id(tables, row.holder), "policy": row.policy,
                "layer": row.layer, "statement": row.statement, "occurrence": 1})
        }
        8 => {
            let row = &tables.trusts[some(rng, tables.trusts.len())?];
            let policy = tables.grants.get(row.grant as usize).map(|grant| grant.policy.clone());
            json!({"op": "set_trust", "principal": id(tables, row.target), "policy": policy, "trustees": [
                {"trustee": "AWS:arn:aws:iam::999999999999:root", "action": "sts:AssumeRole"},
                {"trustee": row.trustee_pattern, "action": "sts:AssumeRole", "condition": {"Bool": {"a": ["true"]}}}]})
        }
        9 => {
            let scope = tables.entities.iter().find(|entity| entity.present && entity.kind == EntityKind::Scope)?;
            let fresh = format!("{}/new/{}", scope.id, rng.below(1000));
            json!({"op": "create_principal", "principal": fresh, "kind": "service_account", "scope": scope.id,
                "attributes": {"tag:a": ["1", "2"]}})
        }
        10 | 11 => {
            let there: Vec<&str> =
                tables.entities.iter().filter(|entity| entity.present).map(|entity| entity.id.as_str()).collect();
            json!({"op": "delete_principal", "principal": there[some(rng, there.len())?]})
        }
        _ => return kept_operation(tables, rng),
    })
}

/// The same of credentials, boundaries, approvals, exceptions and owners.
fn kept_operation(tables: &Tables, rng: &mut Rng) -> Option<Value> {
    let some = |rng: &mut Rng, n: usize| (n > 0).then(|| rng.below(n));
    Some(match rng.below(6) {
        0 => json!({"op": "create_credential", "principal": any(tables, rng), "kind": "access_key"}),
        1 => {
            let row = &tables.credentials[some(rng, tables.credentials.len())?];
            let (principal, credential) = (id(tables, row.entity), &row.credential);
            match rng.below(3) {
                0 => json!({"op": "disable_credential", "principal": principal, "credential": credential}),
                1 => {
                    json!({"op": "disable_credential", "principal": principal, "credential": credential, "delete": true})
                }
                _ => json!({"op": "rotate_credential", "principal": principal, "credential": credential,
                    "rotated_at": "2026-11-22T00:00:00Z"}),
            }
        }
        2 => {
            let policy = rng.chance(50).then(|| any(tables, rng));
            json!({"op": "set_boundary", "principal": any(tables, rng), "policy": policy})
        }
        3 => {
            let object = match some(rng, tables.approvals.len()) {
                Some(at) => tables.approvals[at].object.clone(),
                None => any(tables, rng),
            };
            json!({"op": "set_approval", "object": object, "approvals": [{"approver": "P1", "quorum": 2}]})
        }
        4 => {
            let known = some(rng, tables.exceptions.len()).map(|at| tables.exceptions[at].exception.clone());
            let terms = known.is_none().then(|| json!({"rule": "key-age", "reason": "x", "expires_at": "2027-01-01"}));
            json!({"op": "set_exception", "exception": known.unwrap_or_else(|| "NEW".to_owned()), "terms": terms})
        }
        _ => {
            json!({"op": "set_owner", "entity": any(tables, rng), "owners": [{"owner": "somebody", "confidence": 0.5}]})
        }
    })
}

/// Rows as texts without where they were read, each with the ids that it is about.
fn rows(tables: &Tables) -> BTreeMap<String, (usize, BTreeSet<String>)> {
    let mut all: BTreeMap<String, (usize, BTreeSet<String>)> = BTreeMap::new();
    let mut add = |line: String, ids: Vec<EntityId>| {
        let ids: BTreeSet<String> = ids.into_iter().map(|one| id(tables, one)).collect();
        let entry = all.entry(format!("{line} {ids:?}")).or_insert((0, ids));
        entry.0 += 1;
    };
    for row in tables.entities.iter().filter(|row| row.present) {
        add(
            format!("entity {:?} {:?} {:?} {:?}", row.kind, row.enabled, row.owner, row.owner_status),
            vec![row.entity],
        );
    }
    for row in &tables.memberships {
        add(format!("member {:?} {:?} {:?}", row.kind, row.standing, row.expires_at), vec![row.member, row.container]);
    }
    for row in &tables.attachments {
        add(format!("attachment {:?}", row.kind), vec![row.holder, row.policy]);
    }
    for row in &tables.attributes {
        add(format!("attribute {} {}", row.key, row.value), vec![row.entity]);
    }
    let said = |row: &overgrant::model::Grant| {
        let (lists, who) = ((&row.actions, &row.not_actions, &row.resources), (&row.principals, &row.effect));
        format!("{lists:?} {who:?} {:?} {:?} {} {}", row.condition, row.layer, row.policy, row.statement)
    };
    for row in &tables.grants {
        add(format!("grant {}", said(row)), vec![row.holder]);
    }
    for row in &tables.trusts {
        let grant = tables.grants.get(row.grant as usize).map(said);
        let ids = [Some(row.target), row.trustee].into_iter().flatten().collect();
        add(format!("trust {} {} {:?} {:?} {grant:?}", row.trustee_pattern, row.action, row.condition, row.kind), ids);
    }
    for row in &tables.credentials {
        let times = (row.created_at, row.expires_at, row.last_rotated_at, row.active);
        add(format!("credential {} {:?} {times:?}", row.credential, row.kind), vec![row.entity]);
    }
    for row in &tables.owners {
        add(format!("owner {} {:?} {:?}", row.owner, row.origin, row.status), vec![row.entity]);
    }
    all
}

/// Whatever is there once more or once less than before is about somebody who is touched.
fn assert_touched(before: &Tables, after: &Tables, touched: &[EntityId], what: &str) {
    let touched: BTreeSet<String> = touched.iter().map(|&one| id(after, one)).collect();
    let (old, new) = (rows(before), rows(after));
    for (line, (n, ids)) in old.iter().chain(&new) {
        let same = [&old, &new].iter().all(|side| side.get(line).is_some_and(|(count, _)| count == n));
        assert!(
            same || ids.iter().any(|one| touched.contains(one)),
            "{what}: {line} differs, and nobody of it is touched"
        );
    }
}

#[test]
fn whatever_is_done_is_undone_by_its_inverse() {
    let (mut applied_n, mut refused_n) = (0, 0);
    let mut made: BTreeSet<&str> = BTreeSet::new();
    for (number, (name, tables)) in (0u64..).zip(exports()) {
        let before = digest(&tables);
        for round in 0..ROUNDS {
            let seed = number * 1000 + round;
            let rng = &mut Rng(seed);
            let drafted: Vec<Value> = (0..=rng.below(OPERATIONS_MAX)).filter_map(|_| operation(&tables, rng)).collect();
            // One that cannot be made beside the others is left out, so that most sets are applied.
            let mut changes: Vec<Value> = Vec::new();
            for one in drafted {
                changes.push(one);
                if apply(&tables, &set(&json!(changes))).is_err() {
                    refused_n += 1;
                    changes.pop();
                }
            }
            let draft = set(&json!(changes));
            let what = || format!("{name}, seed {seed}: {}", json!(changes));
            let applied = apply(&tables, &draft).unwrap_or_else(|errors| panic!("{}: {errors:?}", what()));
            assert_touched(&tables, &applied.tables, &applied.touched, &what());
            assert!(applied.tables.entities.is_sorted_by(|a, b| a.id < b.id), "{}", what());
            for (at, now) in applied.map.iter().enumerate() {
                let now = now.expect("nothing loses its number");
                assert_eq!(applied.tables.entity(now).id, tables.entities[at].id);
            }
            // Through its text, as a rollback that somebody keeps goes.
            let back = apply(&applied.tables, &of(&applied.inverse))
                .unwrap_or_else(|errors| panic!("{}\nundone by {}: {errors:?}", what(), json!(applied.inverse)));
            if digest(&back.tables) != before {
                let (old, new) = (rows(&tables), rows(&back.tables));
                let lost: Vec<_> = old.keys().filter(|line| !new.contains_key(*line)).collect();
                let found: Vec<_> = new.keys().filter(|line| !old.contains_key(*line)).collect();
                panic!("{}\nundone by {}\nlost {lost:#?}\nfound {found:#?}", what(), json!(applied.inverse));
            }
            applied_n += draft.changes.len();
            made.extend(draft.changes.iter().map(Change::op));
        }
    }
    assert!(applied_n > 300, "{applied_n} operations were made, {refused_n} refused");
    let without: Vec<_> = Change::OPERATIONS.iter().map(|(op, _)| *op).filter(|op| !made.contains(op)).collect();
    assert_eq!(without, ["set_enabled"], "operations that no random set had");
}

#[test]
fn trusts_follow_from_statements_as_readers_say_them() {
    let mut n = 0;
    for (name, tables) in exports() {
        let holders: BTreeSet<EntityId> = tables
            .grants
            .iter()
            .filter(|row| row.layer == Layer::Resource && tables.trusts.iter().any(|trust| trust.grant == row.grant))
            .map(|row| row.holder)
            .collect();
        for holder in holders.into_iter().filter(|&holder| tables.entity(holder).present) {
            n += 1;
            let principal = id(&tables, holder);
            let applied = apply(&tables, &set(&json!([{"op": "delete_principal", "principal": principal}]))).unwrap();
            let said = json!(applied.inverse).to_string();
            // What follows from the principals of a statement is not said beside it; that somebody else trusts is.
            for change in &applied.inverse {
                if let Change::PutGrant { holder, trusts, .. } = change {
                    assert!(trusts.iter().all(|row| row.target != *holder), "{name}: {said}");
                }
            }
            let back = apply(&applied.tables, &of(&applied.inverse)).unwrap();
            assert_eq!(digest(&back.tables), digest(&tables), "{name}: {said}");
        }
    }
    assert!(n > 50, "{n} principals that trust");
}
