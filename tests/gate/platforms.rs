//! The gate on every platform, asked one question at a time: random drafts on the exports of the cases.
//!
//! A draft is made of rows that the snapshot has: statements are taken away or written for others, policies attached,
//! members put elsewhere, things moved. Whatever an evaluator answers more freely afterwards, about anybody, any action
//! that they have then and anything that the export or a statement names, is among the access that the gate lists as
//! added. `OVERGRANT_GATE_DRAFTS` says how many drafts are tried on each platform.

use std::collections::BTreeSet;
use std::path::Path;

use overgrant::access::{Evaluator, Evaluators, Settings};
use overgrant::change::apply;
use overgrant::change::gate::{AccessRow, Base, Rules, Terms, gate};
use overgrant::config::Config;
use overgrant::model::text::glob;
use overgrant::model::{Decision, EntityId, Grant, Layer, MembershipKind, Request, Tables};
use overgrant::techniques::Library;
use serde_json::{Value, json};

use super::{DIGEST, SNAPSHOT};
use crate::analysed::{AS_OF, Analysed};
use crate::splitmix::Rng;

/// Drafts on each platform unless the environment says otherwise.
const DRAFTS: u64 = if cfg!(debug_assertions) { 6 } else { 300 };
/// Folders of cases whose exports are drafted on.
const PLATFORMS: [&str; 10] =
    ["active_directory", "azure", "company", "gcp", "github", "kubernetes", "okta", "postgres", "tables", "vault"];
/// Actions of one principal, and resources, that are asked about.
const ACTIONS_MAX: usize = 24;

const fn rank(decision: Decision) -> u8 {
    match decision {
        Decision::Denied => 0,
        Decision::Unknown | Decision::Conditional => 1,
        Decision::Allowed => 2,
    }
}

fn pick<'t, T>(rng: &mut Rng, list: &'t [T]) -> Option<&'t T> {
    (!list.is_empty()).then(|| &list[rng.below(list.len())])
}

/// A statement for somebody, as an operation.
fn put(tables: &Tables, what: &Grant, holder: EntityId, policy: &str, statement: &str) -> Value {
    let condition: Value =
        what.condition.as_deref().map_or(Value::Null, |one| serde_json::from_str(one).expect("JSON"));
    let mut one = json!({"op": "put_grant", "holder": tables.entity(holder).id, "policy": policy, "statement": statement,
        "effect": what.effect, "actions": what.actions, "not_actions": what.not_actions, "resources": what.resources,
        "not_resources": what.not_resources, "layer": what.layer});
    if !condition.is_null() {
        one["condition"] = condition;
    }
    one
}

/// One or two operations made of rows that are there.
fn operations(rng: &mut Rng, tables: &Tables) -> Vec<Value> {
    let id = |of: EntityId| tables.entity(of).id.clone();
    let held = |row: &&Grant| matches!(row.layer, Layer::Identity | Layer::DenyPolicy);
    let grants: Vec<&Grant> = tables.grants.iter().filter(held).collect();
    match rng.below(7) {
        0 | 1 => pick(rng, &grants).map_or_else(Vec::new, |row| {
            vec![
                json!({"op": "delete_grant", "holder": id(row.holder), "policy": row.policy, "statement": row.statement,
                "layer": row.layer}),
            ]
        }),
        2 | 3 => {
            let (Some(&what), Some(&whose), Some(&on)) = (pick(rng, &grants), pick(rng, &grants), pick(rng, &grants))
            else {
                return Vec::new();
            };
            let resources = if rng.below(2) == 0 { what.resources.clone() } else { on.resources.clone() };
            let statement = if rng.below(2) == 0 { "R1" } else { &whose.statement };
            vec![put(tables, &Grant { resources, ..what.clone() }, whose.holder, &whose.policy, statement)]
        }
        4 => {
            let (Some(row), Some(other)) = (pick(rng, &tables.attachments), pick(rng, &tables.attachments)) else {
                return Vec::new();
            };
            let attach =
                json!({"op": "attach", "holder": id(other.holder), "policy": id(row.policy), "kind": row.kind});
            let detach = json!({"op": "detach", "holder": id(row.holder), "policy": id(row.policy), "kind": row.kind});
            vec![if rng.below(2) == 0 { attach } else { detach }]
        }
        at => {
            let contains = at == 6;
            let wanted = |kind: MembershipKind| (kind == MembershipKind::Contains) == contains;
            let rows: Vec<_> = tables.memberships.iter().filter(|row| wanted(row.kind)).collect();
            let (Some(row), Some(other)) = (pick(rng, &rows), pick(rng, &rows)) else { return Vec::new() };
            let (member, kind) = (id(row.member), row.kind);
            let out = json!({"op": "remove_member", "container": id(row.container), "member": member, "kind": kind});
            let into = json!({"op": "add_member", "container": id(other.container), "member": member, "kind": kind});
            match (contains, rng.below(2)) {
                (true, _) if row.container != other.container => vec![out, into],
                (false, 0) => vec![out],
                _ => vec![into],
            }
        }
    }
}

/// Everything that one question can be asked about.
fn resources(tables: &Tables) -> BTreeSet<String> {
    let entities = tables.entities.iter().map(|one| one.id.clone());
    let named = tables.grants.iter().flat_map(|row| row.resources.iter().cloned());
    let spaces =
        tables.entities.iter().filter(|one| one.id.contains("/namespace/")).map(|one| format!("{}/*", one.name));
    entities.chain(named).chain(spaces).map(|one| one.trim_start_matches('=').to_owned()).collect()
}

/// The question about one thing: as it is written, or for it alone where what is written has an inside.
fn question(evaluator: &dyn Evaluator, who: EntityId, action: &str, resource: &str) -> Option<Request> {
    let asked = evaluator.question(who, action, resource);
    asked.or_else(|| evaluator.question(who, action, &format!("={resource}")))
}

/// What is answered more freely and is in no row.
fn unlisted(before: &Tables, after: &Tables, added: &[AccessRow], as_of: i64, rng: &mut Rng) -> (usize, Vec<String>) {
    let (then, now) = (Evaluators::new(before, Settings { as_of }), Evaluators::new(after, Settings { as_of }));
    let (mut rises, mut wrong) = (0, Vec::new());
    for entity in after.entities.iter().filter(|one| one.is_principal() && one.enabled != Some(false)) {
        let Some(evaluator) = now.of(&entity.platform) else { continue };
        let mut names: Vec<String> = evaluator
            .granted(entity.entity)
            .iter()
            .flat_map(|row| &row.actions)
            .map(|one| one.action.name.to_string())
            .collect();
        while names.len() > ACTIONS_MAX {
            names.swap_remove(rng.below(names.len()));
        }
        let old = before.find(&entity.id).zip(then.of(&entity.platform));
        for resource in resources(after) {
            for name in &names {
                let Some(asked) = question(evaluator, entity.entity, name, &resource) else { continue };
                let is = evaluator.decide(&asked).decision;
                let was = old.map_or(Decision::Denied, |(of, evaluator)| {
                    evaluator.decide(&Request { principal: of, ..asked.clone() }).decision
                });
                if rank(is) <= rank(was) {
                    continue;
                }
                rises += 1;
                let inside = |outer: &String| {
                    let within = |inner: &str| evaluator.encloses(entity.entity, outer, inner);
                    within(&format!("={resource}"))
                        .or_else(|| within(&resource))
                        .unwrap_or_else(|| glob(outer, &resource))
                        || within(&resource) == Some(true)
                        || outer == "*"
                };
                let listed = |row: &&AccessRow| {
                    row.principal == entity.id
                        && (row.exact.contains(name) || row.exact.iter().any(|one| one.starts_with("role:")))
                        && row.resources.iter().any(inside)
                };
                if !added.iter().any(|row| listed(&row)) {
                    wrong.push(format!("`{}` may {name} on `{resource}`: {is} after {was}", entity.id));
                }
            }
        }
    }
    (rises, wrong)
}

#[test]
fn whatever_is_answered_more_freely_is_listed_as_added() {
    let drafts = std::env::var("OVERGRANT_GATE_DRAFTS").ok().and_then(|text| text.parse().ok()).unwrap_or(DRAFTS);
    let (config, terms) = (Config::embedded().expect("the default"), Terms::embedded().expect("the table"));
    let library = Library::own(&[]).expect("techniques");
    let only = std::env::var("OVERGRANT_CASE").unwrap_or_default();
    let (mut wrong, mut rises_in) = (Vec::new(), BTreeSet::new());
    for name in PLATFORMS.iter().filter(|name| name.contains(&only)) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gate").join(name);
        let export = if *name == "company" { folder } else { folder.join("export") };
        let scan = Analysed::new(vec![export], AS_OF, None).expect("a scan");
        let tables = scan.tables();
        let base = Base {
            tables,
            results: &scan.scan.results,
            as_of: scan.as_of,
            now: scan.as_of,
            config: &config,
            library: &library,
            snapshot: SNAPSHOT,
            digest: DIGEST,
            domain: None,
            incomplete: &[],
            coverage: &[],
            terms: &terms,
        };
        for seed in 0..drafts {
            let mut rng = Rng(seed);
            let mut changes = operations(&mut rng, tables);
            changes.extend(operations(&mut rng, tables));
            let draft = json!({"format": 1, "draft_id": "D", "author": {"kind": "human", "id": "P2"}, "snapshot": SNAPSHOT,
                "intent": {"task": "t"}, "changes": changes});
            let Ok(read) = overgrant::change::read(draft.to_string().as_bytes(), "draft.json", tables) else {
                continue;
            };
            let (Ok(applied), Ok(found)) = (apply(tables, &read.set), gate(&base, &read, &[], &Rules::none())) else {
                continue;
            };
            let (rises, missed) = unlisted(tables, &applied.tables, &found.added_access, scan.as_of, &mut rng);
            rises_in.extend((rises > 0).then_some(*name));
            let some = missed.into_iter().take(3);
            wrong.extend(some.map(|one| format!("{name}, seed {seed}: {one}\n  {}", json!(draft["changes"]))));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} missed:\n{}",
        wrong.len(),
        wrong.iter().take(12).cloned().collect::<Vec<_>>().join("\n")
    );
    // A few drafts need not raise anything everywhere; on most platforms they must.
    let tried = PLATFORMS.iter().filter(|one| one.contains(&only)).count();
    assert!(2 * rises_in.len() >= tried, "something rose on {rises_in:?} only");
}
