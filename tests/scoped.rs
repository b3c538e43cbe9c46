//! What an assistant is told of generated organisations: every id in an answer is of the domain or is a stub, whatever is
//! asked, and no person is named.
//!
//! In half of the organisations domains are given to entities at random, so that every group, path, trust and finding crosses
//! their borders; in the other half to scopes, and to a few entities besides, and the rest inherits. What may not be said is
//! collected here from the tables, and looked for in answers word by word: nothing of the engine's own way of finding domains
//! and replacing names is used.

use std::collections::BTreeSet;
use std::sync::Arc;

use overgrant::access::domains::inherit;
use overgrant::context::{Scope, World, pack};
use overgrant::generate::{self, EXPORTS, Preset, Request, Watch};
use overgrant::mcp::{self, Closed, NoJournal, Session};
use overgrant::model::text::parse_time;
use overgrant::model::{Entity, EntityId, EntityKind, MembershipKind, Results, Tables};
use serde_json::{Map, Value, json};

use crate::analysed::{AS_OF, Analysed};
use crate::splitmix::Rng;

/// Organisations that are looked at.
const ORGANISATIONS: u64 = 4;
/// Answers that are looked at, over all organisations and domains.
const ANSWERS: usize = 1_000;
/// What ends a sentence or a part of it, and no name.
const ENDS: [char; 5] = ['.', ';', ':', '?', '!'];
const DOMAINS: [&str; 3] = ["payments", "people", "logistics"];

struct Unwatched;

impl Watch for Unwatched {
    fn platform(&self, _: &'static str, _: usize) {}
    fn written(&self, _: usize) {}
}

/// A generated organisation with domains at random; one entity in eight is in none, or has a label of its own.
fn organisation(seed: u64) -> (Tables, Results) {
    let folder = tempfile::tempdir().expect("a folder");
    let preset = if seed.is_multiple_of(2) { Preset::Dense } else { Preset::Sparse };
    let as_of = parse_time(AS_OF).expect("a date");
    let request = Request { principals: 90, seed, preset, as_of, platforms: &["aws", "kubernetes", "azure", "github"] };
    generate::generate(&request, folder.path(), &Unwatched).expect("the folder is ours");
    let scan = Analysed::new(vec![folder.path().join(EXPORTS)], AS_OF, None).expect("it can be scanned").scan;
    let (mut tables, results) = (scan.tables, scan.results);
    let mut rng = Rng(seed);
    let inherits = seed > ORGANISATIONS / 2;
    let mut scopes = 0;
    for entity in &mut tables.entities {
        let is_scope = entity.kind == EntityKind::Scope;
        let next = DOMAINS[scopes % DOMAINS.len()];
        scopes += usize::from(is_scope);
        entity.domain = match (inherits, rng.chance(12)) {
            (false, none) => (!none).then(|| rng.pick(&DOMAINS).to_owned()),
            (true, true) => Some(rng.pick(&DOMAINS).to_owned()),
            (true, false) => (is_scope && scopes % 5 != 0).then(|| next.to_owned()),
        };
    }
    if inherits {
        let expected: Vec<Option<String>> = tables.entities.iter().map(|entity| nearest(&tables, entity)).collect();
        let labelled = tables.entities.iter().filter(|entity| entity.domain.is_some()).count();
        inherit(&mut tables);
        let found: Vec<Option<String>> = tables.entities.iter().map(|entity| entity.domain.clone()).collect();
        assert_eq!(found, expected, "seed {seed}");
        let inside = found.iter().flatten().count();
        assert!(inside > 3 * labelled, "seed {seed}: {labelled} labels bring {inside} into domains");
    }
    (tables, results)
}

/// The domain of an entity, looked up level by level with nothing remembered.
fn nearest(tables: &Tables, entity: &Entity) -> Option<String> {
    let mut level = BTreeSet::from([entity.entity]);
    for _ in 0..20 {
        let labels: BTreeSet<&String> = level.iter().filter_map(|&one| tables.entity(one).domain.as_ref()).collect();
        if !labels.is_empty() {
            return labels.first().filter(|_| labels.len() == 1).map(|label| (*label).clone());
        }
        level = level.iter().flat_map(|&one| around(tables, one)).collect();
    }
    None
}

/// The scopes that an entity is in; else what else it is in; else the scope that it names.
fn around(tables: &Tables, entity: EntityId) -> Vec<EntityId> {
    let rows = tables.memberships.iter().filter(|row| row.member == entity && row.kind == MembershipKind::Contains);
    let containers: Vec<EntityId> = rows.map(|row| row.container).collect();
    let own = tables.entity(entity);
    // An object of a namespace says so in its id: cluster, namespace, kind, name.
    let namespace = match own.id.split('/').collect::<Vec<_>>()[..] {
        [cluster, namespace, _, _] if own.platform == "kubernetes" => {
            tables.find(&format!("{cluster}/namespace/{namespace}"))
        }
        // The service accounts of a namespace are a group.
        [cluster, "group", group] if own.platform == "kubernetes" => {
            let namespace = group.strip_prefix("system:serviceaccounts:");
            namespace.and_then(|namespace| tables.find(&format!("{cluster}/namespace/{namespace}")))
        }
        _ => None,
    };
    let is_scope = |one: &EntityId| tables.entity(*one).kind == EntityKind::Scope;
    let scopes: Vec<EntityId> = containers.iter().copied().filter(is_scope).chain(namespace).collect();
    match (scopes.is_empty(), containers.is_empty()) {
        (false, _) => scopes,
        (true, false) => containers,
        (true, true) => own.scope.as_deref().and_then(|scope| tables.find(scope)).into_iter().collect(),
    }
}

/// What may not be said in a domain.
struct Secrets {
    ids: BTreeSet<String>,
    names: BTreeSet<String>,
    /// Names that are no single word.
    phrases: Vec<String>,
    /// Ids and names of the domain that are no single word, the longest first: they may be said whatever they contain.
    our_phrases: Vec<String>,
}

impl Secrets {
    fn of(tables: &Tables, domain: &str) -> Self {
        let (mut inside, mut ids, mut others) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for entity in &tables.entities {
            let names = [Some(&entity.name), entity.unique_id.as_ref()].into_iter().flatten().cloned();
            // What AWS publishes, the same for everyone, is no secret of this organisation.
            if entity.domain.as_deref() == Some(domain) || entity.id.split(':').nth(4) == Some("aws") {
                inside.insert(entity.id.clone());
                inside.extend(names);
            } else {
                ids.insert(entity.id.clone());
                others.extend(names);
            }
        }
        for person in &tables.people {
            others.insert(person.person.clone());
            others.extend(person.name.clone());
            others.extend(person.email.clone());
        }
        // A name that is a plain word (a platform's own role `read`) is in texts that are not about it.
        let distinct = |name: &String| name.len() > 3 && name.contains(|c: char| !c.is_ascii_lowercase());
        let names = others.into_iter().filter(|name| distinct(name) && !inside.contains(name));
        let names: BTreeSet<String> = names.collect();
        let phrases = names.iter().filter(|name| name.contains([' ', '@'])).cloned().collect();
        let several = |name: &&String| name.contains(|c: char| !(c.is_alphanumeric() || "_-".contains(c)));
        let mut our_phrases: Vec<String> = inside.iter().filter(several).cloned().collect();
        our_phrases.sort_by_key(|phrase| std::cmp::Reverse(phrase.len()));
        Self { ids, names, phrases, our_phrases }
    }

    /// What of a text is not to be said.
    fn said_in(&self, text: &str) -> Option<String> {
        let apart = |c: char| c.is_whitespace() || "`\"'()[]{},".contains(c);
        if let Some(id) = text.split(apart).find(|token| self.ids.contains(token.trim_end_matches(ENDS))) {
            return Some(id.to_owned());
        }
        let ours = self.our_phrases.iter().filter(|phrase| text.contains(phrase.as_str()));
        let rest = ours.fold(text.to_owned(), |text, phrase| text.replace(phrase.as_str(), " "));
        let words = rest.split(|c| apart(c) || c == ':' || c == '/').map(|word| word.trim_end_matches(ENDS));
        let mut said = words.filter(|word| self.ids.contains(*word) || self.names.contains(*word));
        if let Some(word) = said.next() {
            return Some(word.to_owned());
        }
        self.phrases.iter().find(|name| rest.contains(name.as_str())).cloned()
    }

    /// What is not to be said in the texts of a document, and where it stands.
    fn found(&self, value: &Value, place: &str) -> Option<String> {
        match value {
            Value::String(text) => self.said_in(text).map(|said| format!("{said} at {place}: {text}")),
            Value::Array(items) => items.iter().find_map(|item| self.found(item, place)),
            Value::Object(fields) => fields
                .iter()
                .find_map(|(name, value)| self.said_in(name).or_else(|| self.found(value, &format!("{place}/{name}")))),
            _ => None,
        }
    }
}

/// A question at random: a tool, and whom it is about, who may be anyone.
fn question(rng: &mut Rng, tables: &Tables) -> (&'static str, Map<String, Value>) {
    let tools = ["summary", "query_findings", "explain_principal", "score", "paths_to_protected", "choke_points"];
    let more = ["peers", "baseline", "ground"];
    let tool = if rng.chance(25) { rng.pick(&more) } else { rng.pick(&tools) };
    let mut arguments = Map::new();
    let whole = ["summary", "choke_points", "ground"];
    let needed = matches!(tool, "explain_principal" | "peers");
    if needed || (!whole.contains(&tool) && rng.chance(60)) {
        let entity = &tables.entities[rng.below(tables.entities.len())];
        let text = if rng.chance(80) { &entity.id } else { &entity.name };
        arguments.insert("principal".to_owned(), json!(text));
    }
    if tool == "ground" {
        let table = rng.pick(&["findings", "scores", "entities", "paths"]);
        let claim = json!({"count": {"table": table}, "value": rng.below(50)});
        let cited = json!({"fact": format!("{table}#{}", rng.below(200)), "field": "entity", "value": "nobody"});
        arguments.insert("claims".to_owned(), json!({"format": 1, "claims": [claim, cited]}));
    }
    arguments.insert("budget_tokens".to_owned(), json!(1 + rng.below(16_000)));
    (tool, arguments)
}

#[test]
fn every_id_in_a_thousand_scoped_answers_is_of_the_domain_or_a_stub() {
    let (mut answers, mut refusals, mut stubs) = (0, 0, 0);
    let mut tools = BTreeSet::new();
    for seed in 1..=ORGANISATIONS {
        let (tables, results) = organisation(seed);
        for domain in DOMAINS {
            let secrets = Secrets::of(&tables, domain);
            let (ids, names) = (secrets.ids.len(), secrets.names.len());
            assert!(ids > 50 && names > 30, "there is something to keep: {ids} ids and {names} names");
            let ids = ("snapshot", "digest");
            let world = Arc::new(World::new(ids, 0, "key", tables.clone(), results.clone()));
            let scope = Scope::new(Arc::clone(&world), domain).expect("the domain has entities");
            for (name, text) in pack(&scope).files {
                for line in text.lines() {
                    let fact: Value = serde_json::from_str(line).expect("a line is a document");
                    assert_eq!(secrets.found(&fact, &name), None, "seed {seed}, {domain}: {fact}");
                }
            }
            let session = Session::new(scope, Box::new(Closed), Box::new(NoJournal));
            let mut rng = Rng(seed * 1_000 + domain.len() as u64);
            let share = ANSWERS.div_ceil(usize::try_from(ORGANISATIONS).expect("few") * DOMAINS.len());
            let mut asked = 0;
            while asked < share {
                let (tool, arguments) = question(&mut rng, &tables);
                match session.call(tool, &arguments, None) {
                    Ok(answer) => {
                        asked += 1;
                        tools.insert(tool);
                        stubs += answer.to_string().matches("\"ext:").count();
                        assert_eq!(secrets.found(&answer, ""), None, "seed {seed}, {domain}: {tool} {arguments:?}");
                    }
                    Err(refusal) => {
                        refusals += 1;
                        // A refusal repeats what was asked for, and candidates of the domain.
                        let said = refusal.0.replacen(arguments["principal"].as_str().unwrap_or("?"), "", 1);
                        assert_eq!(secrets.said_in(&said), None, "seed {seed}, {domain}: {tool} {arguments:?}");
                    }
                }
            }
            answers += asked;
        }
    }
    assert!(
        answers >= ANSWERS && refusals > 100 && stubs > 1_000,
        "{answers} answers, {refusals} refusals, {stubs} stubs"
    );
    assert_eq!(tools.len(), mcp::ALL.len() - 3, "every tool was asked but those of the gate: {tools:?}");
}
