//! Which entities a resource pattern covers, without a look at all of them.
//!
//! Entities are sorted by id, so that those which share a pattern's fixed beginning are one range. Patterns about any
//! account (`arn:aws:iam::*:role/ci-*`) share little: for these, ARNs are sorted by their last part as well. Finding
//! the candidates of a pattern is two binary searches; memory is four bytes an entity.

use std::cmp::Ordering;

use roaring::RoaringBitmap;

use super::pattern::{covers, is_everything, plain};
use crate::model::{Entity, Tables};
use crate::platforms::globs::fixed_prefix;

/// Colons of an ARN before its last part, the resource.
const COLONS: usize = 5;

/// Entities by the last part of their ARN.
pub struct Covering {
    /// Entities whose id has exactly the colons of an ARN, sorted by what follows the last of them.
    regular: Vec<u32>,
    /// All others: a star may take their colons as well.
    irregular: Vec<u32>,
}

impl Covering {
    /// Sorts the entities: O(n log n).
    #[must_use]
    pub fn new(tables: &Tables) -> Self {
        let numbers = tables.entities.iter().map(|entity| entity.entity.0);
        let (mut regular, irregular): (Vec<u32>, Vec<u32>) =
            numbers.partition(|&at| colons(&tables.entities[at as usize].id) == COLONS);
        regular.sort_by_key(|&at| resource(&tables.entities[at as usize].id));
        Self { regular, irregular }
    }

    /// Numbers of the entities whose id an expanded pattern covers, among the tables that this was made of.
    #[must_use]
    pub fn of(&self, tables: &Tables, expanded: &str) -> RoaringBitmap {
        let entities = &tables.entities;
        if is_everything(expanded) {
            return (0..u32::try_from(entities.len()).unwrap_or(u32::MAX)).collect();
        }
        let prefix = fixed_prefix(expanded);
        if prefix.len() == expanded.len() {
            return tables.find(&plain(expanded)).map(|id| id.0).into_iter().collect();
        }
        let covered = |entity: &&Entity| covers(expanded, &entity.id);
        let alike = starting(entities, |entity| start(&entity.id, prefix));
        let tail = fixed_prefix(resource(expanded));
        if colons(expanded) != COLONS || tail.is_empty() {
            return alike.iter().filter(covered).map(|entity| entity.entity.0).collect();
        }
        let of_name = starting(&self.regular, |&at| start(resource(&entities[at as usize].id), tail));
        if alike.len() <= of_name.len() + self.irregular.len() {
            return alike.iter().filter(covered).map(|entity| entity.entity.0).collect();
        }
        let candidates = of_name.iter().chain(&self.irregular).copied();
        candidates.filter(|&at| covers(expanded, &entities[at as usize].id)).collect()
    }
}

/// The rows of a sorted list whose key starts with a prefix; `place` compares the start of a row's key with it.
fn starting<T>(rows: &[T], place: impl Fn(&T) -> Ordering) -> &[T] {
    let start = rows.partition_point(|row| place(row).is_lt());
    let rows = &rows[start..];
    &rows[..rows.partition_point(|row| place(row).is_eq())]
}

/// Order of the start of a text against a prefix: equal when it starts so.
fn start(text: &str, prefix: &str) -> Ordering {
    text.as_bytes()[..text.len().min(prefix.len())].cmp(prefix.as_bytes())
}

fn colons(text: &str) -> usize {
    text.bytes().filter(|&byte| byte == b':').count()
}

/// What follows the last colon of an ARN that has as many as it needs.
fn resource(text: &str) -> &str {
    text.rsplit_once(':').map_or(text, |(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Builder, EntityKind, Source};

    #[test]
    fn candidates_lose_nothing_that_a_look_at_all_entities_finds() {
        let mut builder = Builder::new(Source {
            path: String::new(),
            kind: String::new(),
            sha256: String::new(),
            records: 0,
            skipped: 0,
        });
        for account in ["111111111111", "222222222222"] {
            for name in ["role/ci-a", "role/ci-b", "role/x/ci-a", "role/zz", "user/ci-a", "role/ci-*"] {
                builder.refer(&format!("arn:aws:iam::{account}:{name}"), "aws", EntityKind::Role, name);
            }
            builder.refer(&format!("aws:account/{account}"), "aws", EntityKind::Scope, account);
        }
        for id in ["arn:aws:s3:::ci-a", "arn:aws:logs:eu-west-1:111111111111:log-group:role/ci-a:b", "arn:aws:x"] {
            builder.refer(id, "aws", EntityKind::Resource, id);
        }
        let tables = Builder::assemble(vec![builder]);
        let covering = Covering::new(&tables);
        let mut found = 0;
        for pattern in [
            "*",
            "arn:aws:iam::*:role/ci-*",
            "arn:aws:iam::*:role/ci-a",
            "arn:aws:iam::*:*/ci-a",
            "arn:aws:iam::*:role/ci-?",
            "arn:aws:iam::111111111111:role/*",
            "arn:*:role/ci-a*",
            "arn:*:*:*:*:role/ci-a*",
            "arn:aws:*:*:*:log-group:*",
            "arn:aws:s3:::ci-*",
            "arn:aws:s3:::*",
            "arn:aws:x*",
            "arn:aws:iam::222222222222:role/zz",
            "arn:aws:iam::*:role/\u{E000}*",
            "user/*",
        ] {
            let obvious: RoaringBitmap = tables
                .entities
                .iter()
                .filter(|entity| covers(pattern, &entity.id))
                .map(|entity| entity.entity.0)
                .collect();
            assert_eq!(covering.of(&tables, pattern), obvious, "{pattern}");
            found += obvious.len();
        }
        assert!(found > 30, "the patterns of this test cover {found}");
    }
}
