//! What an assignment or a role says it is about: names of actions and patterns over them.
//!
//! `*` stands for any run of characters. What stands before the first `:` of an action is its plane (control plane and
//! data plane, directory and API): a pattern holds in its own plane only, and one without plane in none.

use roaring::RoaringBitmap;
use rustc_hash::FxHashSet;

use super::vocabulary::Vocabulary;
use crate::model::text::glob;
use crate::platforms::globs::overlap;

/// Whether a text asks for everything that matches it.
#[must_use]
pub fn is_pattern(action: &str) -> bool {
    action.contains('*')
}

fn plane(action: &str) -> Option<&str> {
    action.split_once(':').map(|(plane, _)| plane)
}

/// Whether everything that `asked` names is named by `pattern` too.
fn holds(pattern: &str, asked: &str) -> bool {
    plane(pattern) == plane(asked) && glob(pattern, asked)
}

/// A list of actions and patterns, in the case in which actions are compared.
#[derive(Debug, Default)]
pub struct Patterns {
    exact: FxHashSet<String>,
    globs: Vec<String>,
}

impl Patterns {
    /// Takes a list as a statement has it.
    pub fn new<'a>(list: impl Iterator<Item = &'a str>, folds: bool) -> Self {
        let mut patterns = Self::default();
        for action in list {
            let action = if folds { action.to_lowercase() } else { action.to_owned() };
            if is_pattern(&action) {
                patterns.globs.push(action);
            } else {
                patterns.exact.insert(action);
            }
        }
        patterns
    }

    /// Whether the list names nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.globs.is_empty()
    }

    /// Whether everything that is asked for is in the list. A pattern is when one of the list's covers it, or when the
    /// vocabulary has actions that match it and all are.
    #[must_use]
    pub fn cover(&self, asked: &str, vocabulary: &Vocabulary<'_>) -> bool {
        if self.exact.contains(asked) || self.globs.iter().any(|own| holds(own, asked)) {
            return true;
        }
        is_pattern(asked) && !self.exact.is_empty() && {
            let wanted = vocabulary.matching(|name| holds(asked, name));
            !wanted.is_empty() && wanted.is_subset(&self.bits(vocabulary))
        }
    }

    /// Whether something that is asked for is in the list.
    #[must_use]
    pub fn touch(&self, asked: &str) -> bool {
        if !is_pattern(asked) {
            return self.exact.contains(asked) || self.globs.iter().any(|own| holds(own, asked));
        }
        self.exact.iter().any(|own| holds(asked, own))
            || self.globs.iter().any(|own| plane(own) == plane(asked) && overlap(own, asked))
    }

    /// Places of the list's actions in the vocabulary.
    #[must_use]
    pub fn bits(&self, vocabulary: &Vocabulary<'_>) -> RoaringBitmap {
        let mut bits: RoaringBitmap = self.exact.iter().filter_map(|name| vocabulary.find(name)).collect();
        if !self.globs.is_empty() {
            bits |= vocabulary.matching(|name| self.globs.iter().any(|own| holds(own, name)));
        }
        bits
    }
}

/// What one statement is about: a list, or everything, without another list.
#[derive(Debug, Default)]
pub struct Term {
    pub everything: bool,
    pub list: Patterns,
    pub without: Patterns,
}

impl Term {
    /// Whether everything that is asked for is meant.
    #[must_use]
    pub fn covers(&self, asked: &str, vocabulary: &Vocabulary<'_>) -> bool {
        (self.everything || self.list.cover(asked, vocabulary)) && !self.without.touch(asked)
    }

    /// Whether something that is asked for may be meant.
    #[must_use]
    pub fn touches(&self, asked: &str) -> bool {
        (self.everything || self.list.touch(asked)) && (is_pattern(asked) || !self.without.touch(asked))
    }

    /// Places of what is meant in the vocabulary.
    #[must_use]
    pub fn bits(&self, vocabulary: &Vocabulary<'_>) -> RoaringBitmap {
        let all = if self.everything { vocabulary.all() } else { self.list.bits(vocabulary) };
        if self.without.is_empty() { all } else { all - self.without.bits(vocabulary) }
    }
}
