//! The actions that one snapshot counts: the platform's catalogue, and what only statements of the export name.

use std::borrow::Cow;
use std::collections::BTreeSet;

use roaring::RoaringBitmap;
use rustc_hash::FxHashMap;

use super::Dialect;
use super::catalog::{Action, LEVELS, level};
use super::patterns::is_pattern;
use super::rights::ROLE;
use crate::model::Grant;
use crate::platforms::{Known, Recorded};

/// Why the use of an action that no catalogue has is not expected in a log.
const UNKNOWN: Recorded = Recorded::Never("no catalogue has the action");

/// Actions by place.
#[derive(Debug)]
pub struct Vocabulary<'t> {
    entries: Vec<Entry<'t>>,
    /// By name, in the case in which actions are compared.
    by_name: FxHashMap<String, u32>,
}

/// One action.
#[derive(Debug)]
pub struct Entry<'t> {
    name: Cow<'t, str>,
    /// The name, in the case in which actions are compared.
    compared: String,
    service: Cow<'t, str>,
    /// Index into [`LEVELS`].
    pub level: usize,
    known: Option<&'static Action>,
    recorded: Recorded,
}

impl Entry<'_> {
    /// What access rows count the action under.
    #[must_use]
    pub fn service(&self) -> Cow<'static, str> {
        match self.known {
            Some(action) => action.service.clone(),
            None => Cow::Owned(self.service.clone().into_owned()),
        }
    }

    /// The action, as the rest of the engine knows it.
    #[must_use]
    pub fn known(&self) -> Known {
        match self.known {
            Some(action) => action.known(),
            None => {
                let name = Cow::Owned(self.name.clone().into_owned());
                Known { name, level: LEVELS[self.level].0, recorded: self.recorded }
            }
        }
    }
}

impl<'t> Vocabulary<'t> {
    /// The catalogue, then the names that statements have beyond it, sorted.
    pub fn new(dialect: &dyn Dialect, grants: impl Iterator<Item = &'t Grant>) -> Self {
        let (catalog, folds) = (dialect.catalog(), dialect.folds_case());
        let compared = |name: &str| if folds { name.to_lowercase() } else { name.to_owned() };
        let mut entries: Vec<Entry<'t>> = Vec::with_capacity(catalog.actions().len());
        for action in catalog.actions() {
            entries.push(Entry {
                name: Cow::Borrowed(&action.name),
                compared: compared(&action.name),
                service: Cow::Borrowed(&action.service),
                level: level(action.level),
                known: Some(action),
                recorded: action.recorded,
            });
        }
        let names = grants.flat_map(|grant| &grant.actions).map(String::as_str);
        let only_named: BTreeSet<&'t str> = names
            .filter(|name| !is_pattern(name) && !name.starts_with(ROLE) && catalog.find(name, folds).is_none())
            .collect();
        for name in only_named {
            let (service, of) = dialect.service_and_level(name);
            let service = Cow::Owned(service.into_owned());
            let recorded = dialect.recorded(name).unwrap_or(UNKNOWN);
            let name = Cow::Borrowed(name);
            entries.push(Entry { compared: compared(&name), name, service, level: level(of), known: None, recorded });
        }
        let mut by_name = FxHashMap::default();
        for (at, entry) in (0u32..).zip(&entries) {
            by_name.entry(entry.compared.clone()).or_insert(at);
        }
        Self { entries, by_name }
    }

    /// The action at a place.
    #[must_use]
    pub fn entry(&self, at: u32) -> &Entry<'t> {
        &self.entries[at as usize]
    }

    /// The place of an action, in the case in which actions are compared.
    #[must_use]
    pub fn find(&self, compared: &str) -> Option<u32> {
        self.by_name.get(compared).copied()
    }

    /// Places of the actions that are wanted. Names that differ only in case count once.
    #[must_use]
    pub fn matching(&self, wanted: impl Fn(&str) -> bool) -> RoaringBitmap {
        let wanted = |(at, entry): &(u32, &Entry<'_>)| wanted(&entry.compared) && self.by_name[&entry.compared] == *at;
        (0u32..).zip(&self.entries).filter(wanted).map(|(at, _)| at).collect()
    }

    /// Places of all actions.
    #[must_use]
    pub fn all(&self) -> RoaringBitmap {
        self.matching(|_| true)
    }
}
