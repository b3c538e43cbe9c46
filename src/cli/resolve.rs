//! From names as a person writes them to what they name: principals, resources, actions, request context.
//!
//! How a name is understood: [`crate::model::naming`]. Several candidates are refused with the list, none with what
//! comes near.

use std::collections::{BTreeMap, BTreeSet};

use super::failure::Failure;
use crate::model::naming::{Named, Names};
use crate::model::{Entity, EntityId, EntityKind, Tables};
use crate::platforms;

/// Candidates listed in an error.
const LISTED_N: usize = 10;
/// Near misses listed in an error.
const NEAR_N: usize = 5;

/// The principal or group that a text names.
pub fn principal(tables: &Tables, text: &str) -> Result<EntityId, Failure> {
    let acts = |entity: &Entity| entity.is_principal() || (entity.present && entity.kind == EntityKind::Group);
    if let Some(found) = unique(tables, text, "principal", acts)? {
        return Ok(found);
    }
    let failure = Failure::usage(format!("no principal `{text}` in this snapshot"));
    let mut names = Names::new([text]);
    tables.entities.iter().for_each(|entity| names.learn(entity));
    let other = match names.find(text, |_| Some(0)) {
        Named::Nothing => None,
        Named::One(other) => Some(other),
        Named::Several(others) => others.first().copied(),
    };
    if let Some(other) = other {
        let why = if other.present { "is no principal" } else { "is only referred to: no export defines it" };
        return Err(failure.hint(format!("`{}` ({}) {why}", other.id, other.kind)));
    }
    Err(near(failure, text, tables.entities.iter().filter(|entity| acts(entity)).map(|entity| entity.id.as_str())))
}

/// Any entity that a text names.
pub fn entity(tables: &Tables, text: &str) -> Result<EntityId, Failure> {
    match unique(tables, text, "entity", |_| true)? {
        Some(found) => Ok(found),
        None => Err(near(
            Failure::usage(format!("no entity `{text}` in this snapshot")),
            text,
            tables.entities.iter().map(|entity| entity.id.as_str()),
        )),
    }
}

/// The full id of a resource. What looks like a full id or a pattern of ids (`arn:…`, `*`) stands for itself: most
/// resources are in no export.
pub fn resource(tables: &Tables, text: &str) -> Result<String, Failure> {
    if text.contains('*') || tables.find(text).is_some() {
        return Ok(text.to_owned());
    }
    match unique(tables, text, "resource", |_| true)? {
        Some(found) => Ok(tables.entity(found).id.clone()),
        None if text.contains(':') || is_here(tables, |platform| platform.is_resource(text)) => Ok(text.to_owned()),
        None => Err(near(
            Failure::usage(format!("no resource `{text}` in this snapshot")),
            text,
            tables.entities.iter().map(|entity| entity.id.as_str()),
        )),
    }
}

/// Whether something is so of a platform of the snapshot.
fn is_here(tables: &Tables, is_so: impl Fn(&dyn platforms::Platform) -> bool) -> bool {
    let here = |name: &str| tables.entities.iter().any(|entity| entity.platform == name);
    platforms::ALL.iter().any(|platform| is_so(*platform) && here(platform.name()))
}

/// The action that a text names: `service:Action` stands for itself, and so does what is known as it is written; else
/// a bare action name is looked up among those that statements write out and those of the catalogue, in any case, and
/// what is none of them must be written as a platform of the snapshot writes actions.
pub fn action(tables: &Tables, catalogue: &[String], text: &str) -> Result<String, Failure> {
    if text.contains(':') || text == "*" {
        return Ok(text.to_owned());
    }
    let written = tables.grants.iter().flat_map(|grant| &grant.actions).filter(|action| !action.contains(['*', '?']));
    if catalogue.iter().chain(written.clone()).any(|action| action == text) {
        return Ok(text.to_owned());
    }
    // Actions match without regard to case: two spellings are one action.
    let mut known: BTreeMap<String, &str> = BTreeMap::new();
    for action in catalogue.iter().chain(written) {
        known.entry(action.to_ascii_lowercase()).or_insert(action);
    }
    let found: Vec<&str> = known
        .values()
        .copied()
        .filter(|action| action.rsplit(':').next().is_some_and(|name| name.eq_ignore_ascii_case(text)))
        .collect();
    match found.as_slice() {
        [one] => Ok((*one).to_owned()),
        [] if is_here(tables, |platform| platform.writes(text)) => Ok(text.to_owned()),
        [] => Err(near(
            Failure::usage(format!("no action `{text}` is known")).hint("write it in full: service:Action"),
            text,
            known.values().copied(),
        )),
        several => Err(ambiguous("action", text, several.iter().copied())),
    }
}

/// Request context from `KEY=VALUE` texts, by lower-case key. A key given twice has both values; `KEY` alone gives
/// the key as absent, which is an empty list; `KEY=` gives it with the empty text as its value.
pub fn context(given: &[String]) -> Result<BTreeMap<String, Vec<String>>, Failure> {
    let mut context: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut absent = BTreeSet::new();
    for text in given {
        let (key, value) = text.split_once('=').map_or((text.as_str(), None), |(key, value)| (key, Some(value)));
        let key = key.trim().to_lowercase();
        if key.is_empty() {
            return Err(Failure::usage(format!("`{text}` has no key (--context)"))
                .hint("write --context aws:MultiFactorAuthPresent=true"));
        }
        match value {
            Some(value) => context.entry(key).or_default().push(value.to_owned()),
            None => {
                context.entry(key.clone()).or_default();
                absent.insert(key);
            }
        }
    }
    match absent.iter().find(|key| context.get(*key).is_some_and(|values| !values.is_empty())) {
        Some(key) => Err(Failure::usage(format!("`{key}` is given both as absent and with a value (--context)"))
            .hint("`--context KEY` means absent, `--context KEY=VALUE` gives a value")),
        None => Ok(context),
    }
}

/// Looks the text up among the entities that `wanted` lets through: how a name is understood is decided in one place
/// for the command line and for tables that refer to entities.
fn unique(
    tables: &Tables,
    text: &str,
    what: &str,
    wanted: impl Fn(&Entity) -> bool,
) -> Result<Option<EntityId>, Failure> {
    if let Some(id) = tables.find(text).filter(|&id| wanted(tables.entity(id))) {
        return Ok(Some(id));
    }
    let mut names = Names::new([text]);
    tables.entities.iter().filter(|entity| wanted(entity)).for_each(|entity| names.learn(entity));
    match names.find(text, |_| Some(0)) {
        Named::Nothing => Ok(None),
        Named::One(found) => Ok(Some(found.entity)),
        Named::Several(found) => Err(ambiguous(what, text, found.iter().map(|entity| entity.id.as_str()))),
    }
}

fn ambiguous<'a>(what: &str, text: &str, candidates: impl ExactSizeIterator<Item = &'a str>) -> Failure {
    let n = candidates.len();
    let mut hint = String::from("give one of them in full:");
    for candidate in candidates.take(LISTED_N) {
        hint.push_str("\n  ");
        hint.push_str(candidate);
    }
    if n > LISTED_N {
        hint.push_str(&format!("\n  … and {} more", n - LISTED_N));
    }
    Failure::usage(format!("{what} `{text}` is ambiguous: {n} match")).hint(hint)
}

/// Adds what comes nearest to an unknown name: ids that contain it, then names a few letters away.
fn near<'a>(failure: Failure, text: &str, known: impl Iterator<Item = &'a str>) -> Failure {
    let wanted = text.to_lowercase();
    let budget = 1 + wanted.chars().count() / 4;
    let mut found: Vec<(usize, &str)> = known
        .filter_map(|id| {
            let lower = id.to_lowercase();
            if !wanted.is_empty() && lower.contains(&wanted) {
                return Some((0, id));
            }
            let tail = lower.rsplit(['/', ':']).next().unwrap_or(&lower);
            let away = distance(tail, &wanted);
            (away <= budget).then_some((away, id))
        })
        .collect();
    found.sort_unstable();
    found.truncate(NEAR_N);
    if found.is_empty() {
        return if failure.hint.is_some() {
            failure
        } else {
            failure.hint("`overgrant scores` lists all principals; another snapshot is read with --snapshot")
        };
    }
    let mut hint = failure.hint.as_ref().map_or_else(String::new, |hint| format!("{hint}\n"));
    hint.push_str("did you mean:");
    for (_, id) in found {
        hint.push_str("\n  ");
        hint.push_str(id);
    }
    failure.hint(hint)
}

/// Edits between two texts (Levenshtein): O(n m) time, O(m) memory. Names longer than a line are not compared.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(128).collect(), b.chars().take(128).collect());
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reports::tests::Fixture;

    fn id(found: Result<EntityId, Failure>) -> Result<u32, String> {
        found.map(|id| id.0).map_err(|failure| format!("{} / {}", failure.message, failure.hint.unwrap_or_default()))
    }

    #[test]
    fn principals_are_found_by_id_suffix_and_name_and_in_any_case_as_a_last_resort() {
        let tables = Fixture::default().tables;
        for text in ["arn:aws:iam::111122223333:role/ci/deploy", "role/ci/deploy", "ci/deploy", "deploy", "Deploy"] {
            assert_eq!(id(principal(&tables, text)), Ok(3), "{text}");
        }
        assert_eq!(id(principal(&tables, "ops")), Ok(1), "a group is asked about like a principal");
    }

    #[test]
    fn a_suffix_counts_only_after_a_boundary_and_the_empty_text_names_nothing() {
        let tables = Fixture::default().tables;
        assert!(id(principal(&tables, "eploy")).is_err());
        assert!(id(principal(&tables, "")).is_err());
    }

    #[test]
    fn exact_case_wins_over_any_case_and_several_are_refused_with_the_list() {
        let mut tables = Fixture::default().tables;
        tables.entities[4].name = "DEPLOY".to_owned();
        assert_eq!(id(principal(&tables, "DEPLOY")), Ok(4));
        let refused = id(principal(&tables, "dePloy")).expect_err("two match");
        assert!(refused.starts_with("principal `dePloy` is ambiguous: 2 match"), "{refused}");
        assert!(refused.contains("role/ci/deploy") && refused.contains("user/alice"), "{refused}");
    }

    #[test]
    fn unknown_names_get_near_misses_and_what_is_no_principal_is_called_that() {
        let tables = Fixture::default().tables;
        let unknown = id(principal(&tables, "alcie")).expect_err("unknown");
        assert!(unknown.contains("did you mean:\n  arn:aws:iam::111122223333:user/alice"), "{unknown}");
        let policy = id(principal(&tables, "policy/deploy")).expect_err("a policy");
        assert!(policy.contains("(role_definition) is no principal"), "{policy}");
    }

    #[test]
    fn actions_and_resources_may_be_written_short_and_unlisted_arns_stand_for_themselves() {
        let tables = Fixture::default().tables;
        let catalogue = ["iam:PassRole".to_owned(), "sso:PassRole".to_owned(), "IAM:createaccesskey".to_owned()];
        assert_eq!(action(&tables, &catalogue, "createaccesskey").ok().as_deref(), Some("IAM:createaccesskey"));
        assert_eq!(action(&tables, &[], "CreateAccessKey").ok().as_deref(), Some("iam:CreateAccessKey"));
        assert!(action(&tables, &catalogue, "PassRole").is_err_and(|failure| failure.message.contains("ambiguous")));
        let spelled = ["Owns".to_owned(), "owns".to_owned()];
        assert_eq!(action(&tables, &spelled, "owns").ok().as_deref(), Some("owns"), "what is known is not respelled");
        assert!(action(&tables, &[], "Get*").is_err(), "a pattern of a statement is no action");
        assert_eq!(resource(&tables, "user/alice").ok().as_deref(), Some("arn:aws:iam::111122223333:user/alice"));
        assert_eq!(resource(&tables, "arn:aws:s3:::b/k").ok().as_deref(), Some("arn:aws:s3:::b/k"));
        assert!(resource(&tables, "nobody").is_err());
    }

    #[test]
    fn context_has_several_values_and_absence() {
        let given = |list: &[&str]| context(&list.iter().map(|&text| text.to_owned()).collect::<Vec<_>>());
        let parsed = given(&["aws:TagKeys=a", "AWS:tagkeys=b=c", "aws:SourceIp", "x="]).expect("well formed");
        assert_eq!(parsed["aws:tagkeys"], ["a", "b=c"]);
        assert!(parsed["aws:sourceip"].is_empty());
        assert_eq!(parsed["x"], [""]);
        assert!(given(&["=x"]).is_err());
        assert!(given(&["k", "k=v"]).is_err());
    }

    #[test]
    fn distances_count_edits() {
        assert_eq!(distance("alice", "alcie"), 2);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("same", "same"), 0);
    }
}
