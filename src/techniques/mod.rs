//! Escalation techniques: data files, their validation, and the attack edges that they make.
//!
//! The format is described in `datasets/techniques/README.md`. [`Library`] holds the techniques that are built in
//! and those of folders that the user names; [`matching`] asks the evaluators of effective permissions whom each
//! technique applies to. Every technique carries examples of its own, which [`crate::analysis`] runs.

mod asks;
mod assembly;
mod belongings;
pub mod format;
mod index;
mod matcher;
pub mod matching;
mod others;
pub mod together;
mod trusts;

use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};

pub use format::{Gain, Technique};
pub use index::Index;
pub use matching::{
    AttackGraph, Changed, Memory, attack_graph, attack_graph_after, attack_graph_remembered, attack_graph_watched,
};

/// Category of techniques that say who is an administrator outright rather than how to become one.
pub const ADMINISTRATION: &str = "administration";

static BUILT_IN: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/datasets/techniques");

/// All techniques of a scan, sorted by id.
#[derive(Debug, Clone)]
pub struct Library {
    pub techniques: Vec<Technique>,
}

/// A technique file, or a folder of them, that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("techniques in `{file}`: {why}")]
pub struct TechniqueError {
    pub file: String,
    pub why: String,
}

impl Library {
    /// The techniques that come with the engine.
    ///
    /// # Errors
    /// A built-in file that does not parse or contradicts itself; tests keep that from being released.
    pub fn built_in() -> Result<Self, TechniqueError> {
        Self::of(read_built_in(|_| true, |text| text)?)
    }

    /// The built-in techniques and those of every `.toml` file in these folders and their subfolders.
    ///
    /// # Errors
    /// A folder that cannot be read, a file that does not parse, or an id that is used twice.
    pub fn with(folders: &[PathBuf]) -> Result<Self, TechniqueError> {
        Self::own(folders)?.joined_by(|_| true, |text| text)
    }

    /// The techniques of every `.toml` file in these folders and their subfolders, without those that are built in.
    ///
    /// # Errors
    /// A folder that cannot be read, a file that does not parse, or an id that is used twice.
    pub fn own(folders: &[PathBuf]) -> Result<Self, TechniqueError> {
        let mut techniques = Vec::new();
        for folder in folders {
            add_folder(folder, &mut techniques)?;
        }
        Self::of(techniques)
    }

    /// These techniques and the built-in ones of some platforms, without their examples: what a scan needs of them, at a
    /// fraction of the time.
    ///
    /// # Errors
    /// An id that is used twice, by a platform that is left out as well.
    pub fn for_platforms(self, wanted: impl Fn(&str) -> bool) -> Result<Self, TechniqueError> {
        for technique in &self.techniques {
            let has_its_id = |file: &include_dir::File<'_>| {
                file.path().file_stem().is_some_and(|stem| stem == technique.id.as_str())
            };
            if BUILT_IN.dirs().flat_map(Dir::files).any(has_its_id) {
                return Err(used_twice(technique));
            }
        }
        self.joined_by(wanted, without_examples)
    }

    fn joined_by(self, wanted: impl Fn(&str) -> bool, part: fn(&str) -> &str) -> Result<Self, TechniqueError> {
        let mut techniques = read_built_in(wanted, part)?;
        techniques.extend(self.techniques);
        Self::of(techniques)
    }

    fn of(mut techniques: Vec<Technique>) -> Result<Self, TechniqueError> {
        techniques.sort_by(|a, b| a.id.cmp(&b.id));
        let same = |pair: &&[Technique]| matches!(pair, [first, second] if first.id == second.id);
        if let Some([_, second]) = techniques.windows(2).find(same) {
            return Err(used_twice(second));
        }
        Ok(Self { techniques })
    }

    /// The technique of an id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<&Technique> {
        self.techniques.binary_search_by(|technique| technique.id.as_str().cmp(id)).ok().map(|at| &self.techniques[at])
    }
}

fn used_twice(technique: &Technique) -> TechniqueError {
    TechniqueError { file: technique.file.clone(), why: format!("the id `{}` is used twice", technique.id) }
}

/// The built-in techniques of the platforms that are wanted; `part` is what is read of a file.
fn read_built_in(wanted: impl Fn(&str) -> bool, part: fn(&str) -> &str) -> Result<Vec<Technique>, TechniqueError> {
    let mut techniques = Vec::new();
    for folder in BUILT_IN.dirs().filter(|folder| folder.path().to_str().is_some_and(&wanted)) {
        for file in folder.files() {
            let text = file.contents_utf8().unwrap_or_default();
            techniques.push(format::parse(part(text), &file.path().display().to_string())?);
        }
    }
    Ok(techniques)
}

/// A technique file without its examples, which come last in every built-in one.
fn without_examples(text: &str) -> &str {
    text.split_once("\n[[example]]").map_or(text, |(before, _)| before)
}

fn add_folder(folder: &Path, techniques: &mut Vec<Technique>) -> Result<(), TechniqueError> {
    let failed = |path: &Path, why: &std::io::Error| TechniqueError {
        file: path.display().to_string(),
        why: format!("cannot be read: {why}"),
    };
    let in_folder = |why: std::io::Error| failed(folder, &why);
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(in_folder)? {
        paths.push(entry.map_err(in_folder)?.path());
    }
    paths.sort();
    for path in paths {
        if path.is_dir() {
            add_folder(&path, techniques)?;
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            let text = std::fs::read_to_string(&path).map_err(|why| failed(&path, &why))?;
            techniques.push(format::parse(&text, &path.display().to_string())?);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scan_reads_all_of_a_technique_but_its_examples_and_only_of_its_platforms() {
        let all = Library::built_in().unwrap();
        let platforms: std::collections::BTreeSet<&str> =
            all.techniques.iter().map(|technique| technique.platform.as_str()).collect();
        for platform in platforms {
            let some = Library::own(&[]).unwrap().for_platforms(|one| one == platform).unwrap();
            let mut expected = all.techniques.clone();
            expected.retain(|technique| technique.platform == platform);
            for technique in &mut expected {
                technique.examples.clear();
            }
            assert_eq!(some.techniques, expected, "{platform}");
        }
    }

    #[test]
    fn an_id_of_a_platform_that_a_scan_leaves_out_is_not_free() {
        let mut own = Library::built_in().unwrap();
        own.techniques.truncate(1);
        let error = own.for_platforms(|_| false).unwrap_err();
        assert!(error.why.contains("used twice"), "{error}");
    }
}
