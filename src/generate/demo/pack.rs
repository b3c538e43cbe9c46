//! Archives that are the same bytes whenever they are made: names in order, one date for all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::generate::file::Error;

/// Puts all files of a folder into an archive, by their paths in it.
pub fn folder(folder: &Path, archive: &Path) -> Result<(), Error> {
    packed(folder, archive).map_err(|source| Error { path: archive.to_owned(), source })
}

fn packed(folder: &Path, archive: &Path) -> io::Result<()> {
    let mut files = Vec::new();
    collect(folder, &mut files)?;
    files.sort();
    let mut writer = ZipWriter::new(BufWriter::new(File::create(archive)?));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(9))
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644);
    for file in &files {
        let parts = file.strip_prefix(folder).map_err(io::Error::other)?;
        let parts: Vec<String> = parts.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        writer.start_file(parts.join("/"), options)?;
        // Small enough to be read whole: the files of one week of the demo.
        writer.write_all(&fs::read(file)?)?;
    }
    writer.finish()?.flush()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn an_archive_has_every_file_and_is_the_same_when_made_again() {
        let place = tempfile::tempdir().expect("a folder");
        let from = place.path().join("from");
        fs::create_dir_all(from.join("b")).expect("a folder");
        for (name, text) in [("b/two.txt", "two"), ("a.txt", "one")] {
            fs::write(from.join(name), text).expect("a file");
        }
        let made = |name: &str| {
            let archive = place.path().join(name);
            folder(&from, &archive).expect("it is written");
            fs::read(archive).expect("it is there")
        };
        let first = made("1.zip");
        assert!(first == made("2.zip"));
        let mut archive = zip::ZipArchive::new(io::Cursor::new(first)).expect("an archive");
        assert_eq!(archive.len(), 2);
        let mut text = String::new();
        archive.by_name("b/two.txt").expect("it is in").read_to_string(&mut text).expect("text");
        assert_eq!(text, "two");
    }
}
