//! Whom the tables mean: the names in them, looked up among everything that the other sources define.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::{FxHashMap, FxHashSet};

use super::NAME;
use super::row::{Wanted, pending, shortened};
use crate::model::naming::{Named, Names};
use crate::model::rebuild::{Fate, Identification, rename};
use crate::model::{Builder, Entity, EntityId, EntityKind, Handle, IssueSeverity};

/// Candidates named in an issue.
const LISTED_N: usize = 3;
/// Attributes by whose value an entity is known as well: addresses, and the name that an organisation gives an account.
const ALIASES: [&str; 3] = ["email", "tag:email", "account_name"];

/// What a text turned out to mean.
#[derive(Debug, Clone, PartialEq)]
enum Meaning {
    Found(Identification),
    Nothing,
    /// Several, the first few by id, and how many there are.
    Ambiguous(Vec<String>, usize),
}

/// Meanings by what was looked for.
type Meanings = FxHashMap<(u8, String), Meaning>;

/// Replaces every reference by what it means. A row whose reference means nothing, or several things, is reported; it
/// stays without the reference where it can, else it is skipped.
pub fn resolve(builders: &mut [Builder]) {
    let meanings = meanings(builders);
    if meanings.is_empty() {
        return;
    }
    let workflows: FxHashSet<String> =
        builders.iter().flat_map(|one| &one.workflows).map(|row| row.workflow.clone()).collect();
    report_conflicting_labels(builders, &meanings);
    for builder in builders.iter_mut().filter(|builder| builder.entities().iter().any(|one| one.platform == NAME)) {
        report(builder, &meanings, &workflows);
        rename(builder, |entity| match pending(entity).map(|(wanted, text)| meaning(&meanings, wanted, text)) {
            None => Fate::Keep,
            Some(Some(Meaning::Found(found))) => Fate::Is(Box::new(found.clone())),
            Some(_) => Fate::Drop,
        });
    }
}

fn meaning<'m>(meanings: &'m Meanings, wanted: Wanted, text: &str) -> Option<&'m Meaning> {
    meanings.get(&(wanted as u8, text.to_owned()))
}

fn meanings(builders: &[Builder]) -> Meanings {
    let references: BTreeSet<(u8, &str)> = builders
        .iter()
        .flat_map(Builder::entities)
        .filter_map(pending)
        .map(|(wanted, text)| (wanted as u8, text))
        .collect();
    if references.is_empty() {
        return Meanings::default();
    }
    let mut names = Names::new(references.iter().map(|(_, text)| *text));
    let mut holders: FxHashMap<&str, Vec<&Entity>> = FxHashMap::default();
    for builder in builders {
        builder.entities().iter().filter(|entity| entity.platform != NAME).for_each(|entity| names.learn(entity));
        for row in builder.attributes.iter().filter(|row| ALIASES.contains(&row.key.to_lowercase().as_str())) {
            names.alias(&row.value, builder.entity(row.entity));
        }
        for row in &builder.credentials {
            holders.entry(row.credential.as_str()).or_default().push(builder.entity(row.entity));
        }
    }
    let by_suffix = credentials_by_suffix(&references, &holders);
    let mut found: Meanings = references
        .iter()
        .map(|&(wanted, text)| {
            let meaning = match (wanted == Wanted::Credential as u8).then(|| by_suffix.get(text)).flatten() {
                Some(holders) => of_ids(holders),
                None => of_named(&names.find(text, |entity| Some(rank(wanted, entity)))),
            };
            ((wanted, text.to_owned()), meaning)
        })
        .collect();
    addresses(builders, &mut found);
    found
}

/// Which entities a reference may mean, the likeliest lowest.
fn rank(wanted: u8, entity: &Entity) -> u8 {
    if wanted == Wanted::Entity as u8 {
        return u8::from(!entity.present);
    }
    match (entity.is_principal(), entity.present && entity.kind == EntityKind::Group, entity.present) {
        (true, ..) => 0,
        (_, true, _) => 1,
        (.., true) => 2,
        _ => 3,
    }
}

/// Who holds the credentials that tables name, by full id or by what follows a `/`, `:` or `#` in it.
fn credentials_by_suffix<'t>(
    references: &BTreeSet<(u8, &'t str)>,
    holders: &FxHashMap<&str, Vec<&'t Entity>>,
) -> FxHashMap<&'t str, Vec<&'t Entity>> {
    let wanted: FxHashMap<&str, &'t str> = references
        .iter()
        .filter(|(wanted, _)| *wanted == Wanted::Credential as u8)
        .map(|(_, text)| (*text, *text))
        .collect();
    let mut found: FxHashMap<&'t str, Vec<&'t Entity>> = FxHashMap::default();
    if wanted.is_empty() {
        return found;
    }
    for (id, entities) in holders {
        let suffixes = id.match_indices(['/', ':', '#']).map(|(at, _)| &id[at + 1..]);
        for text in suffixes.chain([*id]).filter_map(|suffix| wanted.get(suffix)) {
            found.entry(*text).or_default().extend(entities.iter().copied());
        }
    }
    found
}

fn of_ids(entities: &[&Entity]) -> Meaning {
    let by_id: BTreeMap<&str, &Entity> = entities.iter().map(|entity| (entity.id.as_str(), *entity)).collect();
    let entities: Vec<&Entity> = by_id.into_values().collect();
    match entities.as_slice() {
        [one] => Meaning::Found(Identification::of(one)),
        several => Meaning::Ambiguous(several.iter().take(LISTED_N).map(|one| one.id.clone()).collect(), several.len()),
    }
}

fn of_named(named: &Named<'_>) -> Meaning {
    match named {
        Named::Nothing => Meaning::Nothing,
        Named::One(one) => Meaning::Found(Identification::of(one)),
        Named::Several(several) => of_ids(several),
    }
}

/// A reference by the address or the id of a person means their identity, where they declare exactly one.
fn addresses(builders: &[Builder], meanings: &mut Meanings) {
    let mut known: FxHashMap<String, &str> = FxHashMap::default();
    let mut identities: BTreeMap<&str, BTreeSet<(u8, &str)>> = BTreeMap::new();
    for builder in builders {
        for person in &builder.people {
            known.insert(person.person.to_lowercase(), &person.person);
            if let Some(email) = &person.email {
                known.insert(email.to_lowercase(), &person.person);
            }
        }
        for row in &builder.identities {
            if let Some((wanted, text)) = pending(builder.entity(row.entity)) {
                identities.entry(row.person.as_str()).or_default().insert((wanted as u8, text));
            }
        }
    }
    let open: Vec<(u8, String)> = meanings
        .iter()
        .filter(|((wanted, _), meaning)| *wanted == Wanted::Principal as u8 && **meaning == Meaning::Nothing)
        .map(|(key, _)| key.clone())
        .collect();
    for key in open {
        let Some(declared) = known.get(&key.1.to_lowercase()).and_then(|person| identities.get(person)) else {
            continue;
        };
        let mut found: Vec<&Meaning> =
            declared.iter().filter_map(|(wanted, text)| meanings.get(&(*wanted, (*text).to_owned()))).collect();
        found.retain(|meaning| matches!(meaning, Meaning::Found(_)));
        if let [Meaning::Found(one)] = found.as_slice() {
            let meaning = Meaning::Found(one.clone());
            meanings.insert(key, meaning);
        }
    }
}

/// Rows of labels tables that say different things of one entity: the first counts.
fn report_conflicting_labels(builders: &mut [Builder], meanings: &Meanings) {
    let mut first: FxHashMap<&str, (usize, Entity)> = FxHashMap::default();
    let mut issues = Vec::new();
    for (number, builder) in builders.iter().enumerate() {
        for entity in builder.entities().iter().filter(|entity| says_something(entity)) {
            let Some((wanted @ Wanted::Entity, text)) = pending(entity) else { continue };
            let Some(Meaning::Found(found)) = meaning(meanings, wanted, text) else { continue };
            let Some((other, label)) = first.get(found.id.as_str()) else {
                first.insert(&found.id, (number, entity.clone()));
                continue;
            };
            let fields = contradictions(label, entity);
            if !fields.is_empty() {
                let record = entity.record.clone().unwrap_or_default();
                let (path, place) = (&builders[*other].source.path, label.record.as_deref().unwrap_or_default());
                let message = format!(
                    "two rows label `{}` and differ in {}: `{path}`, {place} counts, `{}`, {record} does not",
                    found.id,
                    fields.join(", "),
                    builder.source.path
                );
                issues.push((number, record, message));
            }
        }
    }
    for (number, record, message) in issues {
        builders[number].issue(IssueSeverity::Warning, "label_conflict", &record, message);
    }
}

/// Labels that both rows give, and differently.
fn contradictions(a: &Entity, b: &Entity) -> Vec<&'static str> {
    fn differ<T: PartialEq>(a: Option<&T>, b: Option<&T>) -> bool {
        a.zip(b).is_some_and(|(a, b)| a != b)
    }
    let fields = [
        ("env", differ(a.env.as_ref(), b.env.as_ref())),
        ("criticality", differ(a.criticality.as_ref(), b.criticality.as_ref())),
        ("domain", differ(a.domain.as_ref(), b.domain.as_ref())),
    ];
    fields.into_iter().filter(|(_, differ)| *differ).map(|(name, _)| name).collect()
}

/// What depends on a reference in one source.
#[derive(Default)]
struct Rows {
    /// Place of the first.
    first: Option<String>,
    /// Rows that go with the reference.
    lost: u64,
    /// Rows that stay without it.
    open: u64,
}

impl Rows {
    fn add(&mut self, record: &str, lost: bool) {
        self.first.get_or_insert_with(|| record.to_owned());
        if lost { self.lost += 1 } else { self.open += 1 }
    }
}

/// Reports each reference of a source that means nothing or several things, with its first place.
fn report(builder: &mut Builder, meanings: &Meanings, workflows: &FxHashSet<String>) {
    let mut unresolved: BTreeMap<EntityId, (Wanted, String, String)> = BTreeMap::new();
    for (at, entity) in (0..).zip(builder.entities()) {
        let Some((wanted, text)) = pending(entity) else { continue };
        let why = match meaning(meanings, wanted, text) {
            Some(Meaning::Found(_)) => continue,
            Some(Meaning::Ambiguous(some, n)) => ambiguous(some, *n),
            _ => String::new(),
        };
        unresolved.insert(EntityId(at), (wanted, text.to_owned(), why));
    }
    if unresolved.is_empty() {
        return;
    }
    let objects: FxHashSet<Handle> = builder.approvals.iter().filter_map(|row| row.entity).collect();
    let mut rows = dependants(builder, &unresolved.keys().copied().collect());
    for (handle, (wanted, text, why)) in unresolved {
        if objects.contains(&handle) && workflows.contains(&text) {
            continue;
        }
        let rows = rows.remove(&handle).unwrap_or_default();
        let place = rows.first.clone().or_else(|| builder.entity(handle).record.clone()).unwrap_or_default();
        let (code, what) = if why.is_empty() {
            ("reference_unresolved", nobody(wanted))
        } else {
            ("reference_ambiguous", why.as_str())
        };
        let more =
            if rows.lost + rows.open > 1 { format!(" ({} rows say so)", rows.lost + rows.open) } else { String::new() };
        let message = format!("`{}` {what}{more}", shortened(&text));
        let severity = if rows.lost > 0 { IssueSeverity::Error } else { IssueSeverity::Warning };
        builder.issue(severity, code, &place, message);
        builder.source.skipped += rows.lost;
        builder.source.records = builder.source.records.saturating_sub(rows.lost);
    }
}

fn ambiguous(some: &[String], n: usize) -> String {
    let listed: Vec<String> = some.iter().map(|id| format!("`{id}`")).collect();
    let rest = if n > some.len() { format!(" and {} more", n - some.len()) } else { String::new() };
    format!("may be {n} things: {}{rest}; write the full id", listed.join(", "))
}

const fn nobody(wanted: Wanted) -> &'static str {
    match wanted {
        Wanted::Principal => "is no principal that an export of this scan names",
        Wanted::Entity => "is nothing that an export of this scan names",
        Wanted::Credential => "is the id of no credential that an export of this scan lists, and of no principal",
    }
}

/// The rows of a source that depend on these references. A table with a column that may be null keeps its row.
fn dependants(builder: &Builder, handles: &BTreeSet<Handle>) -> BTreeMap<Handle, Rows> {
    let mut found: BTreeMap<Handle, Rows> = BTreeMap::new();
    let mut add = |handle: Handle, record: &str, lost: bool| {
        if handles.contains(&handle) {
            found.entry(handle).or_default().add(record, lost);
        }
    };
    builder.owners.iter().for_each(|row| add(row.entity, &row.record, true));
    builder.usage.iter().for_each(|row| add(row.entity, &row.record, true));
    builder.role_baselines.iter().for_each(|row| add(row.entity, &row.record, true));
    for row in &builder.memberships {
        // A row is lost once, also when neither of its names means anything.
        let lost = if handles.contains(&row.member) { row.member } else { row.container };
        add(lost, &row.record, true);
    }
    for (handle, record) in builder.approvals.iter().filter_map(|row| Some((row.entity?, &row.record))) {
        add(handle, record, false);
    }
    for (handle, record) in builder.workflows.iter().filter_map(|row| Some((row.principal?, &row.record))) {
        add(handle, record, false);
    }
    // A person whose identity is not known is still a person; a label or a leak of nothing is not kept.
    for row in &builder.identities {
        let record = builder.entity(row.entity).record.clone().unwrap_or_default();
        add(row.entity, &record, false);
    }
    for row in &builder.attributes {
        let record = builder.entity(row.entity).record.clone().unwrap_or_default();
        add(row.entity, &record, true);
    }
    for (at, entity) in (0..).zip(builder.entities()) {
        if matches!(pending(entity), Some((Wanted::Entity, _))) && says_something(entity) {
            add(EntityId(at), entity.record.as_deref().unwrap_or_default(), true);
        }
    }
    found
}

/// Whether a stand-in is the row of a labels table.
const fn says_something(entity: &Entity) -> bool {
    entity.env.is_some() || entity.criticality.is_some() || entity.domain.is_some() || entity.protected
}

#[cfg(test)]
mod tests {
    use super::super::testing::{export, found, join};
    use super::*;
    use crate::model::{Credential, CredentialKind, Tables};

    fn organisation() -> Builder {
        let mut out = export(&[
            (EntityKind::Role, "ci/deploy"),
            (EntityKind::Role, "app"),
            (EntityKind::RoleDefinition, "app"),
            (EntityKind::User, "ada"),
            (EntityKind::User, "bo"),
            (EntityKind::Group, "ops"),
        ]);
        let ada = out.handle("p:1:user/ada").expect("she is there");
        out.attribute(ada, "tag:Email", "Ada@example.com");
        out.credentials.push(Credential {
            credential: "p:1:user/ada#access_key_1".to_owned(),
            entity: ada,
            kind: CredentialKind::AccessKey,
            created_at: None,
            expires_at: None,
            last_used_at: None,
            never_used: None,
            last_rotated_at: None,
            active: None,
            source: out.source_id(),
            record: String::new(),
        });
        out
    }

    fn owned(tables: &Tables) -> Vec<&str> {
        tables.owners.iter().map(|row| tables.entity(row.entity).id.as_str()).collect()
    }

    #[test]
    fn a_principal_is_named_by_id_suffix_name_address_or_person() {
        let people = "person,email,status,identities\nP1,bo@example.com,active,user/bo\n";
        for text in ["p:1:user/ada", "user/ada", "ada", "ADA", "ada@example.com"] {
            let tables = join(organisation(), &[&format!("principal,owner\n{text},P1\n"), people]);
            assert_eq!((owned(&tables), found(&tables)), (vec!["p:1:user/ada"], vec![]), "{text}");
        }
        for text in ["bo@example.com", "p1"] {
            let tables = join(organisation(), &[&format!("principal,owner\n{text},P1\n"), people]);
            assert_eq!((owned(&tables), found(&tables)), (vec!["p:1:user/bo"], vec![]), "{text}");
        }
        let tables = join(organisation(), &["principal,owner\napp,ops\n"]);
        assert_eq!(owned(&tables), ["p:1:role/app"], "a principal comes before a policy of the same name");
    }

    #[test]
    fn what_nobody_knows_or_several_are_called_is_reported_with_its_line_and_leaves_nothing_behind() {
        let labels = "entity,env\napp,prod\nnowhere,test\nrole/app,test\n";
        let owners = "principal,owner\nada,x\nnobody,x\nnobody,y\nbo,x\n";
        let approvals = "object,approver\nunheard-of,x\nW-1,x\n";
        let workflows = "workflow,principal,ai\nW-1,ghost,yes\n";
        let tables = join(organisation(), &[labels, owners, approvals, workflows]);
        assert_eq!(owned(&tables), ["p:1:user/ada", "p:1:user/bo"]);
        assert_eq!(
            found(&tables),
            [
                ("reference_ambiguous", "line 2"),
                ("reference_unresolved", "line 3"),
                ("reference_unresolved", "line 3"),
                ("people_missing", ""),
                ("reference_unresolved", "line 2"),
                ("reference_unresolved", "line 2"),
            ]
        );
        assert!(tables.entities.iter().all(|entity| entity.platform == "p"), "no stand-in is left");
        let env = |id: &str| tables.find(id).and_then(|id| tables.entity(id).env.clone());
        assert_eq!((env("p:1:role/app").as_deref(), env("p:1:role_definition/app")), (Some("test"), None));
        assert_eq!((tables.approvals.len(), tables.approvals[0].entity), (2, None));
        assert_eq!((tables.workflows.len(), tables.workflows[0].principal), (1, None));
        let skipped: Vec<u64> = tables.sources.iter().map(|source| source.skipped).collect();
        assert_eq!(skipped, [0, 2, 2, 0, 0]);
    }

    #[test]
    fn a_leak_is_found_at_the_holder_of_the_credential() {
        let leaks = "credential,location,seen_at\nuser/ada#access_key_1,git/repo,2026-11-01\n\
                     p:1:user/ada#access_key_1,wiki,\nAKIAIOSFODNN7EXAMPLE,git,\n";
        let tables = join(organisation(), &[leaks]);
        let ada = tables.find("p:1:user/ada").expect("she is there");
        let leak = |key: &str| tables.attribute(ada, key);
        assert_eq!(leak("leak:user/ada#access_key_1"), Some("git/repo@2026-11-01T00:00:00Z"));
        assert_eq!(leak("leak:p:1:user/ada#access_key_1"), Some("wiki@"));
        assert_eq!(found(&tables), [("reference_unresolved", "line 4")]);
    }

    #[test]
    fn labels_count_before_what_a_later_row_says_and_do_not_define_anything() {
        let labels = "entity,env,criticality,domain,protected,protected_reason\n\
                      role/app,prod,3.5,payments,yes,pays salaries\nrole/app,test,,,,\nuser/ada,dev,zero,,no,\n";
        let tables = join(organisation(), &[labels]);
        let app = tables.entity(tables.find("p:1:role/app").expect("it is there"));
        assert_eq!(
            (app.env.as_deref(), app.criticality, app.domain.as_deref()),
            (Some("prod"), Some(3.5), Some("payments"))
        );
        assert_eq!((app.protected, app.protected_reason.as_deref()), (true, Some("pays salaries")));
        assert_eq!((app.name.as_str(), app.kind, app.present), ("app", EntityKind::Role, true));
        assert_eq!(found(&tables), [("label_conflict", "line 3"), ("number_invalid", "line 4")]);
    }
}
