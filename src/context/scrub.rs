//! Free text without the names of what lies outside a domain.
//!
//! Every id, name and unique id of an entity, and every name by which a table calls a person, is a pattern. They are
//! sorted, and each knows the longest other that it begins with, so that the longest pattern at a place of a text is found
//! by one binary search and a walk over prefixes: O(l log n) for a text of length l among n patterns, and 12 bytes a
//! pattern. Matches begin and end at word boundaries and the leftmost longest counts: an account's number inside the id of
//! an entity of the domain stays, because that id is a pattern too and is longer.
//!
//! What is called like something of the domain is kept: such a name tells nothing about the rest. What looks like an
//! e-mail address and is no name of the domain is a person's.

use super::World;
use super::scope::{Scope, is_published};
use crate::model::{Entity, Tables};

/// Characters of a name that is replaced in free text; a shorter one names nobody.
const NAME_CHARS_MIN: usize = 3;
/// No pattern.
const NONE: u32 = u32::MAX;

/// What a match becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    /// Something of the domain: kept.
    Keep,
    /// An entity outside: its stub.
    Stub,
    /// A person: a pseudonym.
    Person,
}

/// Where the text of a pattern stands.
#[derive(Debug, Clone, Copy)]
enum Place {
    Id(u32),
    Name(u32),
    UniqueId(u32),
    /// Index into the list of names of people.
    Person(u32),
}

struct Pattern {
    place: Place,
    fate: Fate,
    /// The longest pattern that is a proper prefix.
    prefix: u32,
}

/// The patterns of a domain.
pub(super) struct Scrubber {
    patterns: Vec<Pattern>,
    people: Vec<Called>,
}

/// A name by which a table calls a person, and the id of the person: all names of one have one pseudonym.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Called {
    name: String,
    who: String,
}

impl Scrubber {
    pub(super) fn new(world: &World, inside: &[bool]) -> Self {
        let mut this = Self { patterns: Vec::new(), people: people(&world.tables) };
        for (at, entity) in (0..).zip(&world.tables.entities) {
            let ours = inside.get(at as usize) == Some(&true) || is_published(entity);
            let fate = if ours { Fate::Keep } else { Fate::Stub };
            let mut add = |place, text: &str| {
                if text.chars().count() >= NAME_CHARS_MIN {
                    this.patterns.push(Pattern { place, fate, prefix: NONE });
                }
            };
            add(Place::Id(at), &entity.id);
            add(Place::Name(at), &entity.name);
            add(Place::UniqueId(at), entity.unique_id.as_deref().unwrap_or_default());
        }
        let people = (0..).zip(&this.people).filter(|(_, called)| called.name.chars().count() >= NAME_CHARS_MIN);
        let people = people.map(|(at, _)| Pattern { place: Place::Person(at), fate: Fate::Person, prefix: NONE });
        this.patterns.extend(people.collect::<Vec<_>>());
        this.sort(world);
        this
    }

    /// Sorts by text, keeps of equal ones the mildest fate, and links each to its longest proper prefix.
    fn sort(&mut self, world: &World) {
        let mut patterns = std::mem::take(&mut self.patterns);
        patterns.sort_by(|a, b| (self.text(world, a), a.fate).cmp(&(self.text(world, b), b.fate)));
        patterns.dedup_by(|b, a| self.text(world, a) == self.text(world, b));
        let mut open: Vec<u32> = Vec::new();
        for at in 0..patterns.len() {
            while let Some(&last) = open.last() {
                let before = self.text(world, &patterns[last as usize]);
                if self.text(world, &patterns[at]).starts_with(before) {
                    break;
                }
                open.pop();
            }
            patterns[at].prefix = open.last().copied().unwrap_or(NONE);
            open.push(u32::try_from(at).unwrap_or(NONE));
        }
        self.patterns = patterns;
    }

    fn text<'a>(&'a self, world: &'a World, pattern: &Pattern) -> &'a str {
        let entity = |at: u32| world.tables.entities.get(at as usize);
        match pattern.place {
            Place::Id(at) => entity(at).map_or("", |entity| &entity.id),
            Place::Name(at) => entity(at).map_or("", |entity| &entity.name),
            Place::UniqueId(at) => entity(at).and_then(|entity| entity.unique_id.as_deref()).unwrap_or(""),
            Place::Person(at) => self.people.get(at as usize).map_or("", |called| &called.name),
        }
    }

    /// Whether something of the domain has exactly this name.
    pub(super) fn is_ours(&self, world: &World, text: &str) -> bool {
        let found = self.patterns.binary_search_by(|pattern| self.text(world, pattern).cmp(text));
        found.is_ok_and(|at| self.patterns[at].fate == Fate::Keep)
    }

    /// The text with everything replaced.
    pub(super) fn scrub(&self, scope: &Scope, text: &str) -> String {
        self.replaced(scope, text, true)
    }

    /// The text with ids replaced, and names left as they are.
    pub(super) fn scrub_ids(&self, scope: &Scope, text: &str) -> String {
        self.replaced(scope, text, false)
    }

    fn replaced(&self, scope: &Scope, text: &str, names: bool) -> String {
        let world = scope.world();
        let mut out = String::with_capacity(text.len());
        let (mut rest, mut before) = (text, None);
        while let Some(character) = rest.chars().next() {
            if let Some(pattern) = self.longest(world, before, rest) {
                let matched = self.text(world, pattern);
                let is_id = matches!(pattern.place, Place::Id(_) | Place::UniqueId(_));
                let fate = if names || is_id { pattern.fate } else { Fate::Keep };
                match (fate, owner(world, pattern)) {
                    (Fate::Stub, Some(entity)) => out.push_str(&scope.stub(&entity.id)),
                    (Fate::Person, _) => out.push_str(&scope.pseudonym(self.who(matched))),
                    _ => out.push_str(matched),
                }
                before = matched.chars().next_back();
                rest = &rest[matched.len()..];
                continue;
            }
            let address = if before.is_none_or(|before| !is_word(before)) { address(rest) } else { 0 };
            if address > 0 {
                out.push_str(&scope.pseudonym(&rest[..address]));
                before = rest[..address].chars().next_back();
                rest = &rest[address..];
                continue;
            }
            out.push(character);
            before = Some(character);
            rest = &rest[character.len_utf8()..];
        }
        out
    }

    /// Id of the person who has this name; the name itself where no table of people has it.
    pub(super) fn who<'a>(&'a self, name: &'a str) -> &'a str {
        let at = self.people.binary_search_by(|called| called.name.as_str().cmp(name));
        at.map_or(name, |at| &self.people[at].who)
    }

    /// The longest pattern that the text begins with, as words of their own.
    fn longest(&self, world: &World, before: Option<char>, text: &str) -> Option<&Pattern> {
        let first = text.chars().next()?;
        if is_word(first) && before.is_some_and(is_word) {
            return None;
        }
        let after = self.patterns.partition_point(|pattern| self.text(world, pattern) <= text);
        // Every pattern that the text begins with is a prefix of the one before the text in order, or that one itself.
        let mut at = after.checked_sub(1)?;
        loop {
            let pattern = self.patterns.get(at)?;
            let candidate = self.text(world, pattern);
            if text.starts_with(candidate) && ends_a_word(candidate, &text[candidate.len()..]) {
                return Some(pattern);
            }
            if pattern.prefix == NONE {
                return None;
            }
            at = pattern.prefix as usize;
        }
    }
}

/// The entity that a pattern is a name of.
fn owner<'w>(world: &'w World, pattern: &Pattern) -> Option<&'w Entity> {
    match pattern.place {
        Place::Id(at) | Place::Name(at) | Place::UniqueId(at) => world.tables.entities.get(at as usize),
        Place::Person(_) => None,
    }
}

/// Whether a character is part of a word, as ids and names are made of words.
fn is_word(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '-')
}

fn ends_a_word(matched: &str, rest: &str) -> bool {
    !matched.chars().next_back().is_some_and(is_word) || !rest.chars().next().is_some_and(is_word)
}

/// Bytes of the e-mail address that a text begins with; 0 when it begins with none.
fn address(text: &str) -> usize {
    let local = text.find(|c: char| !(c.is_alphanumeric() || "._%+-".contains(c))).unwrap_or(text.len());
    let Some(host) = text[local..].strip_prefix('@').filter(|_| local > 0) else { return 0 };
    let end = host.find(|c: char| !(c.is_alphanumeric() || ".-".contains(c))).unwrap_or(host.len());
    let host = host[..end].trim_end_matches(['.', '-']);
    if host.contains('.') { local + 1 + host.len() } else { 0 }
}

/// Every name by which a table calls a person, sorted. Of people with the same name the first counts.
fn people(tables: &Tables) -> Vec<Called> {
    let called = |name: &str, who: &str| Called { name: name.to_owned(), who: who.to_owned() };
    let mut known: Vec<Called> = Vec::new();
    for row in &tables.people {
        known.push(called(&row.person, &row.person));
        known.extend([&row.name, &row.email].into_iter().flatten().map(|name| called(name, &row.person)));
    }
    known.sort();
    known.dedup_by(|b, a| a.name == b.name);
    let mut others: Vec<&str> = Vec::new();
    others.extend(tables.people.iter().filter_map(|row| row.manager.as_deref()));
    others.extend(tables.entities.iter().filter_map(|entity| entity.owner.as_deref()));
    for row in &tables.owners {
        others.push(&row.owner);
        others.extend(row.person.as_deref());
    }
    others.extend(tables.approvals.iter().map(|row| row.approver.as_str()));
    others.extend(tables.workflows.iter().filter_map(|row| row.control_owner.as_deref()));
    for row in &tables.exceptions {
        others.extend([&row.owner, &row.approved_by].into_iter().flatten().map(String::as_str));
    }
    others.retain(|name| known.binary_search_by(|called| called.name.as_str().cmp(name)).is_err());
    known.extend(others.into_iter().map(|name| called(name, name)));
    known.sort();
    known.dedup();
    known
}

#[cfg(test)]
mod tests {
    use super::super::testing::scope;

    #[test]
    fn names_from_outside_become_stubs_and_those_of_the_domain_stay() {
        let scope = scope("payments");
        let outside = scope.stub("arn:aws:iam::111122223333:role/hr-admin");
        for (text, expected) in [
            ("`arn:aws:iam::111122223333:role/hr-admin` may", format!("`{outside}` may")),
            ("hr-admin.", format!("{outside}.")),
            ("hr-administrators and my-hr-admin", "hr-administrators and my-hr-admin".to_owned()),
            ("arn:aws:iam::111122223333:role/pay-app", "arn:aws:iam::111122223333:role/pay-app".to_owned()),
            ("AWS:arn:aws:iam::111122223333:role/hr-admin/x", format!("AWS:{outside}/x")),
            ("pay-app uses shared", "pay-app uses shared".to_owned()),
        ] {
            assert_eq!(scope.scrub(text), expected, "{text}");
        }
    }

    #[test]
    fn an_account_outside_is_a_stub_alone_and_stays_in_the_id_of_an_entity_of_the_domain() {
        let scope = scope("payments");
        let account = scope.stub("111122223333");
        let text =
            "account 111122223333 of arn:aws:iam::111122223333:role/pay-app, arn:aws:iam::111122223333:role/unknown";
        let expected =
            format!("account {account} of arn:aws:iam::111122223333:role/pay-app, arn:aws:iam::{account}:role/unknown");
        assert_eq!(scope.scrub(text), expected);
    }

    #[test]
    fn people_are_pseudonyms_and_so_are_addresses_that_nobody_knows() {
        let scope = scope("payments");
        let (known, unknown) = (scope.pseudonym("E-1003"), scope.pseudonym("someone.else@example.com"));
        assert_eq!(scope.scrub("owner `E-1003` left"), format!("owner `{known}` left"));
        assert_eq!(scope.scrub("mail someone.else@example.com."), format!("mail {unknown}."));
        assert_eq!(scope.scrub("a@b and @x and 12 @ 3.4"), "a@b and @x and 12 @ 3.4");
    }
}
