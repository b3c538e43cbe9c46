//! Opening what a person points at: files and folders, compressed or not, recognised by content.
//!
//! [`read_all`] finds the files, takes off compression and encodings, asks every platform's [`Reader`]s whether
//! they know the beginning, and has the first that does fill a [`Builder`]. Files are read in parallel and the
//! builders come in the order of the files' paths, so nothing depends on thread order. A file that cannot be
//! read, or that no reader knows, is an issue and not the end of a scan.

pub mod api;
mod decode;
#[doc(hidden)]
pub mod fuzzing;
mod guide;
mod head;
pub mod json;
mod keys;
pub mod mapping;
pub mod parquet;
pub mod rows;
pub mod secrets;
pub mod table;
mod walk;

use std::io::{self, Cursor, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;

pub use guide::Guide;
pub use head::Head;
pub use walk::{Found, find};

use super::Platform;
use crate::model::{Builder, IssueSeverity, Source, Tables};
use decode::{Limited, Raw, Wrapping};
use guide::Readers;

/// [`Source::kind`] of a file that no reader knows.
pub const UNRECOGNISED: &str = "unrecognised";
/// [`Source::kind`] of a file that could not be opened.
pub const UNREADABLE: &str = "unreadable";
/// An archive inside a compressed stream is held in memory up to this size.
const NESTED_ARCHIVE_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Archives inside archives deeper than this are not opened.
const ARCHIVE_DEPTH_MAX: usize = 3;
/// Members of one archive beyond this number are not read.
const MEMBERS_MAX: usize = 100_000;

/// One format of export.
pub trait Reader: Sync {
    /// Name of the format, as [`Source::kind`] shows it.
    fn name(&self) -> &'static str;

    /// What the format is, for people: the list of formats known.
    fn title(&self) -> &'static str;

    /// Whether a text that begins like this is of the format. Readers are asked in order; the first that says
    /// yes reads the file.
    fn recognises(&self, head: &Head) -> bool;

    /// Reads the text. What cannot be used goes to [`Builder::skip`] and [`Builder::issue`], the rest goes on.
    ///
    /// # Errors
    /// When nothing further can be read; what was read before stays.
    fn read(&self, input: &mut Input<'_>, out: &mut Builder) -> Result<(), ReadError>;

    /// Whether files of the format record what everyone in a scope does: who is in such a scope and not in the file did
    /// nothing that it would have recorded.
    fn records_everyone(&self) -> bool {
        false
    }

    /// Whether a file with these bytes says how other files of the scan are read: [`Head::guides`] and
    /// [`Input::guides`] then show it to every reader. Asked of every small file, so that it must be quick.
    fn guides(&self, _bytes: &[u8]) -> bool {
        false
    }
}

/// A text that the program carries compressed (gzip), which a test of its reader reads whole.
#[must_use]
pub fn unpacked(packed: &[u8]) -> String {
    let mut text = String::new();
    let _whole = flate2::read::GzDecoder::new(packed).read_to_string(&mut text);
    text
}

/// A text to read: UTF-8, decompressed, from its beginning.
pub struct Input<'a> {
    path: String,
    stream: Box<dyn Read + 'a>,
    guides: Arc<[Guide]>,
}

impl<'a> Input<'a> {
    /// A text that is in memory.
    #[must_use]
    pub fn from_bytes(path: &str, bytes: &'a [u8]) -> Self {
        Self::from_stream(path, Box::new(bytes))
    }

    /// A text that is read from a stream.
    #[must_use]
    pub fn from_stream(path: &str, stream: Box<dyn Read + 'a>) -> Self {
        Self { path: path.to_owned(), stream, guides: Arc::default() }
    }

    /// Path as shown to people, with `!member` for a member of an archive.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Files of the scan that say how others are read, in the order of their paths.
    #[must_use]
    pub fn guides(&self) -> Arc<[Guide]> {
        Arc::clone(&self.guides)
    }

    /// Last part of the path.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.path.rsplit(['/', '!']).next().unwrap_or(&self.path)
    }

    /// The text as a stream.
    pub fn stream(&mut self) -> &mut dyn Read {
        &mut *self.stream
    }

    /// The beginning of the text, which is still ahead.
    ///
    /// # Errors
    /// When the stream fails before it gives anything.
    pub fn head(&mut self) -> Result<Head, ReadError> {
        let stream = std::mem::replace(&mut self.stream, Box::new(io::empty()));
        let (start, stream) = decode::peek(stream, head::HEAD_BYTES).map_err(|error| ReadError::from_io(&error, ""))?;
        self.stream = stream;
        Ok(Head::new(&self.path, &start))
    }

    /// Cuts the text into JSON records.
    ///
    /// # Errors
    /// See [`json::split`].
    pub fn split(&mut self, sink: &mut dyn json::Sink) -> Result<(), ReadError> {
        json::split(&mut *self.stream, sink)
    }
}

/// Why nothing further could be read of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadError {
    /// `file_truncated`, `json_invalid`, `file_too_large`, `file_unreadable`, or a format's own.
    pub code: &'static str,
    /// Place that was reached, as a JSON pointer or a line.
    pub pointer: String,
    /// What is wrong, for people.
    pub message: String,
}

impl ReadError {
    /// The text ends in the middle.
    #[must_use]
    pub fn truncated(pointer: &str) -> Self {
        Self {
            code: "file_truncated",
            pointer: pointer.to_owned(),
            message: "the file ends in the middle of a value".to_owned(),
        }
    }

    /// The text is not of the outer structure that it must have.
    #[must_use]
    pub fn syntax(pointer: &str, message: String) -> Self {
        Self { code: "json_invalid", pointer: pointer.to_owned(), message }
    }

    /// A limit was reached.
    #[must_use]
    pub fn limit(pointer: &str, message: String) -> Self {
        Self { code: "file_too_large", pointer: pointer.to_owned(), message }
    }

    /// The stream failed.
    #[must_use]
    pub fn from_io(error: &io::Error, pointer: &str) -> Self {
        let message = error.to_string();
        if let Some(limit) = message.strip_prefix(decode::LIMIT_MARK) {
            return Self::limit(pointer, limit.to_owned());
        }
        if error.kind() == io::ErrorKind::UnexpectedEof {
            return Self::truncated(pointer);
        }
        Self { code: "file_unreadable", pointer: pointer.to_owned(), message }
    }

    fn at(self, pointer: &str) -> Self {
        Self { pointer: pointer.to_owned(), ..self }
    }
}

/// How far reading has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'a> {
    /// File that was just finished.
    pub path: &'a str,
    /// Files finished, this one included.
    pub done: u64,
    /// Files in all.
    pub total: u64,
}

/// What was read of all files, in the order of their paths.
#[derive(Debug, Default)]
pub struct Reading {
    /// One for each file or member of an archive, unrecognised and unreadable ones included (with their issues).
    pub builders: Vec<Builder>,
}

impl Reading {
    /// How many files a reader took.
    #[must_use]
    pub fn recognised(&self) -> usize {
        self.builders.len() - self.unrecognised()
    }

    /// How many files no reader knew, or could not be opened.
    #[must_use]
    pub fn unrecognised(&self) -> usize {
        let strange = |builder: &&Builder| [UNRECOGNISED, UNREADABLE].contains(&builder.source.kind.as_str());
        self.builders.iter().filter(strange).count()
    }

    /// Lets every platform look at all sources together, joins them, and lets the platforms complete the tables.
    #[must_use]
    pub fn join(mut self, platforms: &[&dyn Platform]) -> Tables {
        for platform in platforms {
            platform.reconcile(&mut self.builders);
        }
        let mut tables = Builder::assemble(self.builders);
        for platform in platforms {
            platform.complete(&mut tables);
        }
        tables
    }
}

/// Reads all files under `paths` with the platforms' readers.
#[must_use]
pub fn read_all(paths: &[PathBuf], platforms: &[&dyn Platform], progress: &(dyn Fn(Progress<'_>) + Sync)) -> Reading {
    let files = find(paths);
    let readers = readers_of(platforms).guided_by_files(&files);
    let (total, done) = (files.len() as u64, AtomicU64::new(0));
    let builders: Vec<Vec<Builder>> = files
        .par_iter()
        .map(|file| {
            let builders = read_file(file, &readers);
            progress(Progress { path: &file.path, done: done.fetch_add(1, Ordering::Relaxed) + 1, total });
            builders
        })
        .collect();
    Reading { builders: builders.into_iter().flatten().collect() }
}

/// Reads texts that are already in memory, each as if it were a file of that name.
#[must_use]
pub fn read_texts<'t>(texts: impl IntoIterator<Item = (&'t str, &'t [u8])>, platforms: &[&dyn Platform]) -> Reading {
    let texts: Vec<(&str, &[u8])> = texts.into_iter().collect();
    let readers = readers_of(platforms).guided_by_texts(texts.iter().copied());
    let one = |(path, bytes): (&str, &[u8])| {
        let start = &bytes[..bytes.len().min(head::HEAD_BYTES)];
        read_text(Input::from_bytes(path, bytes), start, &readers)
    };
    Reading { builders: texts.into_iter().map(one).collect() }
}

fn readers_of<'p>(platforms: &[&'p dyn Platform]) -> Readers<'p> {
    Readers::new(platforms.iter().flat_map(|platform| platform.readers()).copied().collect())
}

fn source(path: &str, kind: &str) -> Source {
    Source { path: path.to_owned(), kind: kind.to_owned(), sha256: String::new(), records: 0, skipped: 0 }
}

fn unreadable(path: &str, code: &str, why: &str) -> Builder {
    let mut builder = Builder::new(source(path, UNREADABLE));
    builder.skip(code, "", format!("`{path}` cannot be read: {why}"));
    builder
}

fn read_file(file: &Found, readers: &Readers<'_>) -> Vec<Builder> {
    if let Some(trouble) = &file.trouble {
        return vec![unreadable(&file.path, "file_unreadable", trouble)];
    }
    let raw = match Raw::open(&file.file) {
        Ok(raw) => raw,
        Err(error) => return vec![unreadable(&file.path, "file_unreadable", &error.to_string())],
    };
    let mut builders = if is_archive(&file.file) {
        match std::fs::File::open(&file.file) {
            Ok(mut again) => read_archive(&mut again, &file.path, readers, 0),
            Err(error) => vec![unreadable(&file.path, "file_unreadable", &error.to_string())],
        }
    } else {
        read_stream(Box::new(raw.clone()), &file.path, &raw, readers, 0)
    };
    match raw.finish() {
        Ok(hash) => builders.iter_mut().for_each(|builder| builder.source.sha256.clone_from(&hash)),
        Err(error) => builders.push(unreadable(&file.path, "file_unreadable", &error.to_string())),
    }
    builders
}

/// Whether a regular file is a zip archive: only such a file is opened a second time.
fn is_archive(path: &std::path::Path) -> bool {
    let mut start = [0; 4];
    std::fs::metadata(path).is_ok_and(|about| about.is_file())
        && std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok()
        && decode::wrapping(&start) == Wrapping::Zip
}

fn read_stream<'a>(
    stream: Box<dyn Read + 'a>,
    path: &str,
    raw: &Raw,
    readers: &Readers<'_>,
    depth: usize,
) -> Vec<Builder> {
    let failed = |error: &io::Error| {
        let error = ReadError::from_io(error, "");
        vec![unreadable(path, error.code, &error.message)]
    };
    let (wrapping, stream) = match decode::unwrap_layers(stream) {
        Ok(unwrapped) => unwrapped,
        Err(error) => return failed(&error),
    };
    let mut stream: Box<dyn Read + 'a> = Box::new(Limited::new(stream, Some(raw.clone())));
    if wrapping == Wrapping::Zip {
        let mut bytes = Vec::new();
        if let Err(error) = stream.by_ref().take(NESTED_ARCHIVE_BYTES_MAX + 1).read_to_end(&mut bytes) {
            return failed(&error);
        }
        if bytes.len() as u64 > NESTED_ARCHIVE_BYTES_MAX || depth >= ARCHIVE_DEPTH_MAX {
            return vec![unreadable(path, "file_too_large", "an archive inside it is too large or too deeply nested")];
        }
        return read_archive(&mut Cursor::new(bytes), path, readers, depth);
    }
    match decode::text(stream).and_then(|text| decode::peek(text, head::HEAD_BYTES)) {
        Ok((start, stream)) => vec![read_text(Input::from_stream(path, stream), &start, readers)],
        Err(error) => failed(&error),
    }
}

fn read_archive<R: Read + io::Seek>(file: &mut R, path: &str, readers: &Readers<'_>, depth: usize) -> Vec<Builder> {
    let mut archive = match zip::ZipArchive::new(file) {
        Ok(archive) => archive,
        Err(error) => return vec![unreadable(path, "file_unreadable", &error.to_string())],
    };
    let mut members: Vec<(String, usize)> = Vec::new();
    for index in 0..archive.len().min(MEMBERS_MAX) {
        let name = match archive.name_for_index(index) {
            Some(Ok(name)) => name.into_owned(),
            _ => format!("member {index}"),
        };
        let hidden = name.split('/').any(|part| part.starts_with('.') || part == "__MACOSX");
        if !hidden && !name.ends_with('/') {
            members.push((name, index));
        }
    }
    members.sort();
    let mut builders = Vec::new();
    if archive.len() > MEMBERS_MAX {
        let why = format!("only the first {MEMBERS_MAX} of its {} members are read", archive.len());
        builders.push(unreadable(path, "file_too_large", &why));
    }
    for (name, index) in members {
        let shown = format!("{path}!{name}");
        match archive.by_index(index) {
            Ok(member) => {
                let size = Raw::of_size(member.compressed_size());
                builders.extend(read_stream(Box::new(member), &shown, &size, readers, depth + 1));
            }
            Err(error) => builders.push(unreadable(&shown, "file_unreadable", &error.to_string())),
        }
    }
    builders
}

/// Finds the reader for a text and has it read. `start` is the beginning of the text, which the input still holds.
fn read_text(mut input: Input<'_>, start: &[u8], readers: &Readers<'_>) -> Builder {
    input.guides = Arc::clone(&readers.guides);
    let head = Head::new(&input.path, start).guided_by(&readers.guides);
    let Some(reader) = readers.list.iter().find(|reader| reader.recognises(&head)) else {
        return not_recognised(&input.path, &head);
    };
    let mut builder = Builder::new(source(&input.path, reader.name()));
    if let Err(error) = reader.read(&mut input, &mut builder) {
        let place = if error.pointer.is_empty() { String::new() } else { format!(" at `{}`", error.pointer) };
        let message = format!("reading stopped{place}: {}; what came before is kept", error.message);
        builder.skip(error.code, &error.pointer, message);
    }
    builder
}

fn not_recognised(path: &str, head: &Head) -> Builder {
    let mut builder = Builder::new(source(path, UNRECOGNISED));
    builder.source.skipped += 1;
    if head.is_empty() {
        builder.issue(IssueSeverity::Warning, "empty_file", "", format!("`{path}` holds nothing"));
        return builder;
    }
    let message = format!("`{path}` is no export that is known; it looks like {}", head.describe());
    builder.issue(IssueSeverity::Warning, "not_recognised", "", message);
    builder
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::platforms::ALL;

    const DETAILS: &str = r#"{"UserDetailList":[{"Arn":"arn:aws:iam::111111111111:user/NAME","UserName":"NAME"}]}"#;

    fn zip(members: &[(&str, Vec<u8>)]) -> io::Result<Vec<u8>> {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in members {
            writer.start_file(*name, zip::write::SimpleFileOptions::default())?;
            writer.write_all(bytes)?;
        }
        Ok(writer.finish()?.into_inner())
    }

    fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes)?;
        encoder.finish()
    }

    fn scan(files: &[(&str, Vec<u8>)]) -> io::Result<Reading> {
        let folder = tempfile::tempdir()?;
        for (name, bytes) in files {
            std::fs::write(folder.path().join(name), bytes)?;
        }
        let done = AtomicU64::new(0);
        let read = read_all(&[folder.path().to_owned()], ALL, &|progress| {
            assert!(progress.done <= progress.total);
            done.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(done.into_inner(), files.len() as u64);
        Ok(read)
    }

    fn users(read: &Reading) -> Vec<String> {
        let entities = read.builders.iter().flat_map(Builder::entities);
        entities.filter(|entity| entity.id.contains(":user/")).map(|entity| entity.name.clone()).collect()
    }

    #[test]
    fn every_wrapping_is_read_whatever_the_file_is_called() -> io::Result<()> {
        let details = |name: &str| DETAILS.replace("NAME", name).into_bytes();
        let inner = zip(&[("deep.json", details("g"))])?;
        let read = scan(&[
            ("1.txt", details("a")),
            ("2.json", gzip(&details("b"))?),
            ("3.bin", zstd::encode_all(details("c").as_slice(), 1)?),
            (
                "4",
                zip(&[("y", gzip(&details("e"))?), ("x", details("d")), (".z", details("hidden")), ("z.zip", inner)])?,
            ),
            ("5.gz", gzip(&zip(&[("m", details("f"))])?)?),
        ])?;
        assert_eq!(users(&read), ["a", "b", "c", "d", "e", "g", "f"]);
        assert_eq!((read.recognised(), read.unrecognised()), (7, 0));
        let paths: Vec<&str> = read.builders.iter().filter_map(|one| one.source.path.rsplit('/').next()).collect();
        assert_eq!(paths[3..], ["4!x", "4!y", "4!z.zip!deep.json", "5.gz!m"]);
        assert!(read.builders.iter().all(|builder| builder.source.sha256.len() == 64));
        Ok(())
    }

    #[test]
    fn what_is_no_export_is_reported_and_the_rest_is_read() -> io::Result<()> {
        let cut = gzip(DETAILS.repeat(2000).as_bytes())?;
        let read = scan(&[
            ("1.html", b"<html><body>Sign in".to_vec()),
            ("2.json", b"{}".to_vec()),
            ("3.json", Vec::new()),
            ("4.json", br#"{"foo":1}"#.to_vec()),
            ("5.zip", b"PK\x03\x04broken".to_vec()),
            ("6.gz", cut[..cut.len() - 12].to_vec()),
            ("7.json", DETAILS.as_bytes()[..60].to_vec()),
        ])?;
        let codes: Vec<&str> =
            read.builders.iter().map(|one| one.issues.first().map_or("", |issue| issue.code.as_str())).collect();
        assert_eq!(
            codes,
            [
                "not_recognised",
                "empty_file",
                "empty_file",
                "not_recognised",
                "file_unreadable",
                "file_truncated",
                "file_truncated"
            ]
        );
        assert_eq!((read.recognised(), read.unrecognised()), (2, 5));
        assert!(read.builders[0].issues[0].message.contains("HTML"));
        assert_eq!(read.builders[6].issues[0].record, "/UserDetailList/0");
        Ok(())
    }

    #[test]
    fn the_order_of_paths_given_does_not_matter() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let paths: Vec<PathBuf> = (0..9).map(|number| folder.path().join(format!("{number}.json"))).collect();
        for (number, path) in paths.iter().enumerate() {
            std::fs::write(path, DETAILS.replace("NAME", &format!("u{number}")))?;
        }
        let forth = read_all(&paths, ALL, &|_| {}).join(ALL);
        let back = read_all(&paths.iter().rev().cloned().collect::<Vec<_>>(), ALL, &|_| {}).join(ALL);
        assert_eq!(forth, back);
        assert_eq!(forth.entities.iter().filter(|entity| entity.id.contains(":user/")).count(), 9);
        Ok(())
    }
}
