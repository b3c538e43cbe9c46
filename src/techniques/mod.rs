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
mod trusts;

use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};

pub use format::{Gain, Technique};
pub use matching::{AttackGraph, attack_graph};

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
        let mut techniques = Vec::new();
        for folder in BUILT_IN.dirs() {
            for file in folder.files() {
                let name = file.path().display().to_string();
                let text = file.contents_utf8().unwrap_or_default();
                techniques.push(format::parse(text, &name)?);
            }
        }
        Self::of(techniques)
    }

    /// The built-in techniques and those of every `.toml` file in these folders and their subfolders.
    ///
    /// # Errors
    /// A folder that cannot be read, a file that does not parse, or an id that is used twice.
    pub fn with(folders: &[PathBuf]) -> Result<Self, TechniqueError> {
        let mut techniques = Self::built_in()?.techniques;
        for folder in folders {
            add_folder(folder, &mut techniques)?;
        }
        Self::of(techniques)
    }

    fn of(mut techniques: Vec<Technique>) -> Result<Self, TechniqueError> {
        techniques.sort_by(|a, b| a.id.cmp(&b.id));
        if let Some(pair) = techniques.windows(2).find(|pair| pair[0].id == pair[1].id) {
            let why = format!("the id `{}` is used twice", pair[0].id);
            return Err(TechniqueError { file: pair[1].file.clone(), why });
        }
        Ok(Self { techniques })
    }

    /// The technique of an id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<&Technique> {
        self.techniques.binary_search_by(|technique| technique.id.as_str().cmp(id)).ok().map(|at| &self.techniques[at])
    }
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
