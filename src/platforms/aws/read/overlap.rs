//! Two exports of one account in one scan: the same is read once, of two dates the later one counts.
//!
//! Files that define different principals of an account are pages or filtered exports and belong together. When
//! a user, group or role is defined in two files with different content, the files are of two dates, and the one
//! with the newest moment anywhere in it is kept.

use std::hash::{Hash, Hasher};

use rustc_hash::{FxHashMap, FxHasher};

use super::authorization;
use crate::model::rebuild::keep_grants;
use crate::model::text::{format_time, parse_time};
use crate::model::{Builder, EntityKind, Handle, IssueSeverity};

/// Withdraws every export that a newer one of the same account replaces, and the copies that identical ones hold.
pub fn withdraw_older(builders: &mut [&mut Builder]) {
    let exports: Vec<usize> =
        (0..builders.len()).filter(|&at| builders[at].source.kind == authorization::FORMAT).collect();
    if exports.len() < 2 || !overlapping(builders, &exports) {
        return;
    }
    let mut contents: Vec<(usize, FxHashMap<String, u64>, i64)> =
        exports.into_iter().map(|at| (at, digests(builders[at]), newest(builders[at]))).collect();
    contents.sort_by(|a, b| (b.2, a.0).cmp(&(a.2, b.0)));
    let mut kept: Vec<usize> = Vec::new();
    for index in 0..contents.len() {
        let (at, mine, date) = &contents[index];
        let rival = kept
            .iter()
            .find(|&&other| contents[other].1.iter().any(|(id, digest)| mine.get(id).is_some_and(|own| own != digest)));
        match rival {
            None => {
                for &other in &kept {
                    drop_copies(builders[*at], &contents[other].1);
                }
                kept.push(index);
            }
            Some(&other) => {
                let (winner, _, later) = &contents[other];
                let message = format!(
                    "`{}` (newest date in it {}) and `{}` (newest {}) are exports of account {} at two times; only the later one is used",
                    builders[*at].source.path,
                    shown(*date),
                    builders[*winner].source.path,
                    shown(*later),
                    account_of(builders[*at]),
                );
                builders[*at].withdraw();
                builders[*at].issue(IssueSeverity::Warning, "export_superseded", "", message);
            }
        }
    }
}

fn shown(date: i64) -> String {
    if date == i64::MIN { "unknown".to_owned() } else { format_time(date) }
}

/// Number of the account that an export is of.
fn account_of(builder: &Builder) -> String {
    let scope = principals(builder).find_map(|(index, _)| builder.entities()[index].scope.as_deref());
    scope.and_then(|id| id.rsplit('/').next()).unwrap_or("unknown").to_owned()
}

fn principals(builder: &Builder) -> impl Iterator<Item = (usize, &str)> {
    let ours = builder.entities().iter().enumerate();
    ours.filter(|(_, entity)| {
        entity.present
            && entity.record.is_some()
            && matches!(entity.kind, EntityKind::User | EntityKind::Group | EntityKind::Role)
    })
    .map(|(index, entity)| (index, entity.id.as_str()))
}

fn overlapping(builders: &[&mut Builder], exports: &[usize]) -> bool {
    let mut seen: FxHashMap<&str, usize> = FxHashMap::default();
    exports
        .iter()
        .any(|&at| principals(builders[at]).any(|(_, id)| seen.insert(id, at).is_some_and(|before| before != at)))
}

/// Hash of all that a source says about each of its principals, places in the file aside.
fn digests(builder: &Builder) -> FxHashMap<String, u64> {
    let mut hashers: Vec<Vec<u64>> = vec![Vec::new(); builder.entities().len()];
    let mut add = |entity: Handle, fact: &dyn Fn(&mut FxHasher)| {
        let mut hasher = FxHasher::default();
        fact(&mut hasher);
        if let Some(facts) = hashers.get_mut(entity.index()) {
            facts.push(hasher.finish());
        }
    };
    let id = |handle: Handle| builder.entity(handle).id.as_str();
    for row in &builder.grants {
        add(row.holder, &|hasher| {
            let who = (&row.principals, &row.not_principals, &row.condition, row.variables);
            let what = (&row.actions, &row.not_actions, &row.resources, &row.not_resources);
            (who, what, row.effect.as_str(), row.layer.as_str(), &row.policy, &row.statement).hash(hasher);
        });
    }
    for row in &builder.attachments {
        add(row.holder, &|hasher| (row.kind.as_str(), id(row.policy)).hash(hasher));
    }
    for row in &builder.memberships {
        // Where the group is defined in another file its path is not known here: the name counts.
        let name = id(row.container).rsplit('/').next();
        add(row.member, &|hasher| (row.kind.as_str(), name).hash(hasher));
    }
    for row in &builder.attributes {
        add(row.entity, &|hasher| (&row.key, &row.value).hash(hasher));
    }
    let mut out = FxHashMap::default();
    for (index, name) in principals(builder) {
        let entity = &builder.entities()[index];
        let mut facts = std::mem::take(&mut hashers[index]);
        facts.sort_unstable();
        let mut hasher = FxHasher::default();
        (facts, &entity.unique_id, entity.created_at, entity.last_used_at).hash(&mut hasher);
        out.insert(name.to_owned(), hasher.finish());
    }
    out
}

/// The newest moment that a source mentions.
fn newest(builder: &Builder) -> i64 {
    let entities = builder.entities().iter().flat_map(|entity| [entity.created_at, entity.last_used_at]);
    let grants = builder.grants.iter().map(|grant| grant.granted_at);
    let updates = builder.attributes.iter().filter(|row| row.key == "updated_at").map(|row| parse_time(&row.value));
    entities.chain(grants).chain(updates).flatten().max().unwrap_or(i64::MIN)
}

/// Drops the statements and trusts of principals that a kept source holds in the same words.
fn drop_copies(builder: &mut Builder, theirs: &FxHashMap<String, u64>) {
    let copies: Vec<bool> = builder.entities().iter().map(|entity| theirs.contains_key(&entity.id)).collect();
    if copies.iter().any(|copy| *copy) {
        keep_grants(builder, |row| !copies.get(row.holder.index()).copied().unwrap_or(false));
    }
}

#[cfg(test)]
mod tests {
    use super::super::authorization::AuthorizationDetails;
    use super::super::testing::{codes, read};
    use super::*;

    fn export(path: &str, users: &str) -> Builder {
        read(&AuthorizationDetails, path, &format!(r#"{{"UserDetailList":[{users}]}}"#))
    }

    fn user(name: &str, more: &str) -> String {
        format!(r#"{{"Arn":"arn:aws:iam::111111111111:user/{name}","UserName":"{name}"{more}}}"#)
    }

    const POLICY: &str = r#","UserPolicyList":[{"PolicyName":"p","PolicyDocument":{"Statement":{"Effect":"Allow","Action":"a:b","Resource":"*"}}}]"#;

    #[test]
    fn of_two_dates_the_later_counts_and_the_other_says_so() {
        let mut old = export("old.json", &[user("a", ""), user("b", "")].join(","));
        let mut new = export("new.json", &user("a", r#","PasswordLastUsed":"2024-01-01T00:00:00Z""#));
        withdraw_older(&mut [&mut old, &mut new]);
        assert!(old.entities().is_empty() && codes(&new).is_empty());
        assert_eq!(codes(&old), ["export_superseded"]);
        let message = &old.issues[0].message;
        assert!(message.contains("old.json") && message.contains("new.json") && message.contains("2024-01-01"));
        assert_eq!((old.source.records, old.source.skipped), (0, 2));
    }

    #[test]
    fn of_equal_records_one_copy_stays_and_pages_stay_apart() {
        let mut one = export("1.json", &[user("a", POLICY), user("b", POLICY)].join(","));
        let mut two = export("2.json", &[user("a", POLICY), user("c", POLICY)].join(","));
        withdraw_older(&mut [&mut one, &mut two]);
        assert!(codes(&one).is_empty() && codes(&two).is_empty());
        assert_eq!((one.grants.len(), two.grants.len()), (2, 1));
        assert_eq!(two.entity(two.grants[0].holder).name, "c");
    }
}
