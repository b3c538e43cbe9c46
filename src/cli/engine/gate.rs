//! The gate over a stored snapshot.

use std::path::{Path, PathBuf};

use super::{SnapshotArgs, config, library, reader};
use crate::change::gate::{self, Base, Gate, Past, Rules, Terms};
use crate::change::{self, ChangeError, Read};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::config::Config;
use crate::ledger::rows::{self, Rows};
use crate::model::{ClassTable, Finding, Removal, Results, Tables};
use crate::store::Manifest;
use crate::techniques::Library;

/// What drafts are judged by.
#[derive(Debug, Clone, Copy, Default)]
pub struct By<'a> {
    pub config: Option<&'a Path>,
    pub techniques: &'a [PathBuf],
    pub domain: Option<&'a str>,
    /// Table of tiers; the built-in one when there is none.
    pub terms: Option<&'a Path>,
}

/// A stored snapshot, ready to judge drafts on.
pub struct Judge {
    manifest: Manifest,
    tables: Tables,
    results: Results,
    config: Config,
    library: Library,
    terms: Terms,
    domain: Option<String>,
}

impl Judge {
    /// Reads a snapshot and everything that drafts are judged by.
    pub fn open(at: &SnapshotArgs, by: By<'_>) -> Result<Self, Failure> {
        let (config, terms) = (config(by.config)?, terms(by.terms)?);
        let reader = reader(at)?;
        let tables = reader.tables()?;
        let results = Results {
            findings: reader.read::<Finding>()?,
            removals: ClassTable::from(reader.read::<Removal>()?),
            ..Results::default()
        };
        let library = library(by.techniques)?;
        let domain = by.domain.map(str::to_owned);
        let manifest = reader.manifest().clone();
        Ok(Self { manifest, tables, results, config, library, terms, domain })
    }

    /// Reads a draft in any form that is known; names in it are looked up in the snapshot.
    pub fn draft(&self, path: &Path) -> Result<Read, Failure> {
        let failed = |error: std::io::Error| Failure::file(Exit::Input, "read", path, &error);
        let length = std::fs::metadata(path).map_err(failed)?.len();
        if length > change::BYTES_MAX as u64 {
            let message = format!("`{}` has {length} bytes; a draft has at most {}", path.display(), change::BYTES_MAX);
            return Err(Failure::new(Exit::Input, message).hint("split the draft"));
        }
        self.text(&std::fs::read(path).map_err(failed)?, &path.display().to_string())
    }

    /// Reads a draft that is called `name` in errors.
    pub fn text(&self, bytes: &[u8], name: &str) -> Result<Read, Failure> {
        change::read(bytes, name, &self.tables).map_err(|errors| unusable(&errors))
    }

    /// Digest of the snapshot.
    pub fn digest(&self) -> &str {
        &self.manifest.digest
    }

    /// Rows that a draft adds and removes.
    pub fn rows(&self, read: &Read) -> Result<Rows, Failure> {
        let applied = change::apply(&self.tables, &read.set).map_err(|errors| unusable(&errors))?;
        Ok(rows::difference(&self.tables, &applied.tables))
    }

    /// Judges a draft at a time, in milliseconds since 1970.
    pub fn judge(&self, read: &Read, ledger: &[Past], rules: &Rules, now: i64) -> Result<Gate, Failure> {
        let base = Base {
            tables: &self.tables,
            results: &self.results,
            as_of: self.manifest.as_of,
            now,
            config: &self.config,
            library: &self.library,
            snapshot: &self.manifest.snapshot,
            digest: &self.manifest.digest,
            domain: self.domain.as_deref(),
            incomplete: &self.manifest.incomplete,
            coverage: &self.manifest.coverage,
            terms: &self.terms,
        };
        gate::gate(&base, read, ledger, rules).map_err(|errors| unusable(&errors))
    }
}

/// The table of tiers.
pub fn terms(path: Option<&Path>) -> Result<Terms, Failure> {
    let parsed = match path {
        None => Terms::embedded(),
        Some(path) => {
            let text =
                std::fs::read_to_string(path).map_err(|error| Failure::file(Exit::Usage, "read", path, &error))?;
            Terms::parse(&text, &path.display().to_string())
        }
    };
    parsed.map_err(|error| {
        Failure::usage(format!("the table of tiers cannot be used: {error}"))
            .hint("copy the whole of datasets/config/tiers.toml and change what it says")
    })
}

/// House rules of folders and profiles.
pub fn rules(folders: &[PathBuf], profiles: &[String]) -> Result<Rules, Failure> {
    let mut rules = Rules::none();
    let failed = |error: gate::rules::RulesError| {
        Failure::usage(format!("the rules cannot be used: {error}"))
            .hint("docs/gate.md describes what a rule may look at")
    };
    for name in profiles {
        rules.add_profile(name).map_err(failed)?;
    }
    for folder in folders {
        rules.add_folder(folder).map_err(failed)?;
    }
    Ok(rules)
}

/// A draft that cannot be read or applied is not judged.
fn unusable(errors: &[ChangeError]) -> Failure {
    const SHOWN_N: usize = 20;
    let mut lines: Vec<String> = errors.iter().take(SHOWN_N).map(ToString::to_string).collect();
    if errors.len() > SHOWN_N {
        lines.push(format!("… and {} more", errors.len() - SHOWN_N));
    }
    Failure::new(Exit::Input, format!("the draft cannot be judged: {}", lines.join("\n  ")))
        .hint("docs/changes.md describes the form, and `overgrant gate --help` what the gate asks for")
}
