//! Names for mined roles, from what members and permissions have in common.
//!
//! `deploy-s3-write`: a word that most members' names share and others' do not, the service with the most permissions
//! (`ec2+3` when there are three more), and the strongest access level. A role of one member is not named after it:
//! roles outlive people. Names are proposals; they are the same for the same input.

use rustc_hash::{FxHashMap, FxHashSet};

use super::cover::Biclique;
use super::rights::Rights;
use crate::model::Tables;

/// Access levels with the word of a role whose strongest level it is, strongest first.
const LEVELS: [(&str, &str); 5] =
    [("permissions", "admin"), ("write", "write"), ("tagging", "tag"), ("read", "read"), ("list", "list")];
/// Shortest word that says something.
const WORD_MIN: usize = 3;
/// Share of the members, in tenths, whose name must have a word for the role to be named by it.
const SHARED_TENTHS: usize = 6;
/// A role with this share of all permissions, in tenths, is named after no service.
const BROAD_TENTHS: usize = 9;

/// One name a role, each once.
pub fn of(tables: &Tables, rights: &Rights, bicliques: &[Biclique]) -> Vec<String> {
    let words = Words::new(tables, rights);
    let mut used: FxHashSet<String> = FxHashSet::default();
    let mut names = Vec::with_capacity(bicliques.len());
    for biclique in bicliques {
        let subject = subject(rights, biclique);
        let name = match words.shared(biclique) {
            Some(word) if !subject.split(['-', '+']).any(|part| part == word) => format!("{word}-{subject}"),
            _ => subject,
        };
        let mut unique = name.clone();
        for n in 2.. {
            if used.insert(unique.clone()) {
                break;
            }
            unique = format!("{name}-{n}");
        }
        names.push(unique);
    }
    names
}

/// Service and level.
fn subject(rights: &Rights, biclique: &Biclique) -> String {
    let own = || biclique.columns.iter().map(|&column| &rights.permissions[column as usize]);
    let mut services: FxHashMap<&str, usize> = FxHashMap::default();
    for permission in own() {
        *services.entry(parts(&permission.name).0).or_default() += 1;
    }
    let first = services.iter().max_by(|a, b| a.1.cmp(b.1).then_with(|| b.0.cmp(a.0))).map_or("", |(name, _)| name);
    let platform = own().next().map_or("", |permission| permission.platform.as_str());
    let all = rights.permissions.iter().filter(|permission| permission.platform == platform).count();
    let mut name = match services.len() {
        0 | 1 => first.to_lowercase(),
        _ if biclique.columns.len() * 10 >= all * BROAD_TENTHS => format!("{platform}-all"),
        n => format!("{}+{}", first.to_lowercase(), n - 1),
    };
    let has = |level: &str| own().any(|permission| parts(&permission.name).1 == level);
    if let Some((_, word)) = LEVELS.iter().find(|(level, _)| has(level)) {
        name = format!("{name}-{word}");
    }
    name
}

/// Service and the rest.
fn parts(permission: &str) -> (&str, &str) {
    permission.rsplit_once(':').unwrap_or((permission, ""))
}

/// Words of the principals' names.
struct Words {
    /// Words of each row, each once.
    of_row: Vec<Vec<String>>,
    /// Rows that have a word.
    rows: FxHashMap<String, usize>,
}

impl Words {
    fn new(tables: &Tables, rights: &Rights) -> Self {
        let of_row: Vec<Vec<String>> =
            rights.principals.iter().map(|&principal| words(&tables.entity(principal).name)).collect();
        let mut rows: FxHashMap<String, usize> = FxHashMap::default();
        for word in of_row.iter().flatten() {
            *rows.entry(word.clone()).or_default() += 1;
        }
        Self { of_row, rows }
    }

    /// The word that most tells the members from others: of those that enough members have, the one that the largest
    /// part of all who have it are members.
    fn shared(&self, biclique: &Biclique) -> Option<String> {
        let n = biclique.rows.len();
        if n < 2 {
            return None;
        }
        let mut counts: FxHashMap<&str, usize> = FxHashMap::default();
        for word in biclique.rows.iter().flat_map(|&row| &self.of_row[row as usize]) {
            *counts.entry(word).or_default() += 1;
        }
        let telling = |word: &str, count: usize| {
            let all = self.rows.get(word).copied().unwrap_or(count);
            // A word that everyone has tells nothing.
            count * 10 >= n * SHARED_TENTHS && count * self.of_row.len() > all * n
        };
        let among = counts.into_iter().filter(|&(word, count)| telling(word, count));
        // count / all, compared as fractions; then the more common word, then the first.
        let all = |word: &str| self.rows.get(word).copied().unwrap_or(1);
        let best = among.max_by(|a, b| {
            let (left, right) = (a.1 * all(b.0), b.1 * all(a.0));
            left.cmp(&right).then(a.1.cmp(&b.1)).then_with(|| b.0.cmp(a.0))
        });
        best.map(|(word, _)| word.to_owned())
    }
}

/// Words of a name in lower case, numbers and short ones aside.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = name
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.chars().count() >= WORD_MIN && word.chars().any(char::is_alphabetic))
        .map(str::to_lowercase)
        .collect();
    words.sort_unstable();
    words.dedup();
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_whole_and_numbers_are_none() {
        assert_eq!(words("CI-deploy_42/prod.eu"), ["deploy", "prod"]);
        assert_eq!(words("a-1-1234"), [""; 0]);
    }
}
