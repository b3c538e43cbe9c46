//! Which files a person means by the paths they give.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders nested deeper than this are not entered.
const DEPTH_MAX: usize = 64;
/// A store of ours holds this file; it is no export.
const STORE_MARKER: &str = "overgrant.json";

/// One file to read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// Path as shown to people: as given, and what is below it.
    pub path: String,
    /// Where to open it.
    pub file: PathBuf,
    /// Why it cannot be opened, when that is known already.
    pub trouble: Option<String>,
}

/// All files under the given paths, sorted by shown path, each once.
///
/// Hidden files, and folders that are a store of ours, are left out below a given folder, never when given
/// themselves. Symbolic links are followed; a folder that is reached twice is read once, so links may form loops.
#[must_use]
pub fn find(paths: &[PathBuf]) -> Vec<Found> {
    let mut walk = Walk::default();
    for path in paths {
        walk.given(path);
    }
    walk.found.sort();
    walk.found
}

#[derive(Default)]
struct Walk {
    found: Vec<Found>,
    seen: BTreeSet<PathBuf>,
}

impl Walk {
    fn given(&mut self, path: &Path) {
        match fs::metadata(path) {
            Ok(about) if about.is_dir() => self.folder(path, 0),
            Ok(_) => self.file(path),
            Err(error) => self.trouble(path, &error.to_string()),
        }
    }

    fn folder(&mut self, folder: &Path, depth: usize) {
        if depth > DEPTH_MAX {
            self.trouble(folder, &format!("folders are nested more than {DEPTH_MAX} deep"));
            return;
        }
        if folder.join(STORE_MARKER).is_file() || !self.first_time(folder) {
            return;
        }
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => return self.trouble(folder, &error.to_string()),
        };
        let mut names = Vec::new();
        for entry in entries {
            match entry {
                Ok(entry) => names.push(entry.file_name()),
                Err(error) => self.trouble(folder, &error.to_string()),
            }
        }
        names.sort();
        for name in names {
            if name.to_string_lossy().starts_with('.') {
                continue;
            }
            let path = folder.join(&name);
            match fs::metadata(&path) {
                Ok(about) if about.is_dir() => self.folder(&path, depth + 1),
                Ok(about) if about.is_file() => self.file(&path),
                Ok(_) => self.trouble(&path, "it is neither a file nor a folder"),
                Err(error) => self.trouble(&path, &error.to_string()),
            }
        }
    }

    fn file(&mut self, path: &Path) {
        if self.first_time(path) {
            self.found.push(Found { path: shown(path), file: path.to_owned(), trouble: None });
        }
    }

    fn trouble(&mut self, path: &Path, why: &str) {
        self.found.push(Found { path: shown(path), file: path.to_owned(), trouble: Some(why.to_owned()) });
    }

    fn first_time(&mut self, path: &Path) -> bool {
        self.seen.insert(fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()))
    }
}

/// A path with `/` between its parts, whatever the system writes.
fn shown(path: &Path) -> String {
    let text = path.to_string_lossy();
    if std::path::MAIN_SEPARATOR == '/' { text.into_owned() } else { text.replace(std::path::MAIN_SEPARATOR, "/") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(found: &[Found], root: &Path) -> Vec<String> {
        let root = shown(root);
        found.iter().map(|one| one.path.trim_start_matches(&root).to_owned()).collect()
    }

    #[test]
    fn files_come_once_sorted_without_hidden_ones_and_stores() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let root = folder.path();
        fs::create_dir_all(root.join("b/store"))?;
        for name in ["b/2.json", "b/1.json", "a.json", ".hidden", "b/store/overgrant.json", "b/store/x.parquet"] {
            fs::write(root.join(name), "{}")?;
        }
        let found = find(&[root.join("b"), root.to_owned(), root.join("a.json"), root.join("missing")]);
        assert_eq!(names(&found, root), ["/a.json", "/b/1.json", "/b/2.json", "/missing"]);
        assert!(found[3].trouble.is_some());
        Ok(())
    }

    #[cfg(unix)]
    #[test]
    fn links_that_form_a_loop_end() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let root = folder.path();
        fs::create_dir(root.join("a"))?;
        fs::write(root.join("a/x.json"), "{}")?;
        std::os::unix::fs::symlink(root, root.join("a/up"))?;
        std::os::unix::fs::symlink(root.join("gone"), root.join("dangling"))?;
        let found = find(&[root.to_owned()]);
        assert_eq!(names(&found, root), ["/a/x.json", "/dangling"]);
        assert!(found[1].trouble.is_some());
        Ok(())
    }
}
