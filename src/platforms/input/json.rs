//! Cuts JSON of any size into records without parsing them.
//!
//! The splitter looks only at quotes and brackets. It finds the lists that a reader asked for, gathers their
//! elements as bytes into batches, and hands each batch over to be parsed in parallel. So a record that is not
//! valid inside costs only itself, a file that ends in the middle keeps everything before the cut, and memory
//! is bounded by a batch and the largest record, never by the file. A parser that streams would give up the
//! rest of the file at the first bad record, which is why this is not `serde_json`'s.
//!
//! Accepted at the top: one object, an array of objects (pages), and any number of documents one after another
//! (lines of JSON, concatenated pages).

use std::io::{self, Read};

use rayon::prelude::*;

use super::ReadError;
use super::keys::{Keys, Step};

/// Bytes asked of the file at a time.
const CHUNK_BYTES: usize = 256 * 1024;
/// A batch is handed over when it has grown to this.
const BATCH_BYTES: usize = 4 * 1024 * 1024;
/// A single value beyond this is refused: no identity record is near it.
const VALUE_BYTES_MAX: usize = 1024 * 1024 * 1024;
/// How far into an object a list is looked for that would make it a page and not a record.
const RECORD_LOOK_BYTES: usize = 1024 * 1024;
/// Arrays of arrays of pages deeper than this are no paging.
const PAGE_DEPTH_MAX: usize = 4;

/// Consecutive elements of one list, as bytes.
#[derive(Debug, Default)]
pub struct Batch {
    /// Key that the list stands under; empty for a list at the top.
    pub list: String,
    at: String,
    first: usize,
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Batch {
    /// How many records the batch holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no record in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The bytes of one record, if there are that many.
    #[must_use]
    pub fn record(&self, index: usize) -> &[u8] {
        let start = if index == 0 { 0 } else { self.ends.get(index - 1).copied().unwrap_or(0) };
        let end = self.ends.get(index).copied().unwrap_or(start);
        self.bytes.get(start..end).unwrap_or_default()
    }

    /// JSON pointer of one record.
    #[must_use]
    pub fn pointer(&self, index: usize) -> String {
        if self.list.is_empty() {
            return format!("{}/{}", self.at, self.first + index);
        }
        format!("{}/{}/{}", self.at, self.list, self.first + index)
    }

    /// Parses all records in parallel; the results are in the order of the records.
    pub fn parse<T: Send>(&self, parse: impl Fn(&[u8]) -> T + Sync) -> Vec<T> {
        if self.len() < 8 {
            return (0..self.len()).map(|index| parse(self.record(index))).collect();
        }
        (0..self.len()).into_par_iter().map(|index| parse(self.record(index))).collect()
    }

    fn push(&mut self, record: &[u8]) {
        self.bytes.extend_from_slice(record);
        self.ends.push(self.bytes.len());
    }

    fn is_full(&self) -> bool {
        self.bytes.len() >= BATCH_BYTES
    }

    fn clear(&mut self) {
        self.first += self.ends.len();
        self.bytes.clear();
        self.ends.clear();
    }
}

/// Takes what the splitter finds.
pub trait Sink {
    /// Whether the array under this key of a document is a list of records.
    fn is_list(&self, key: &str) -> bool;

    /// Whether the elements of an array at the top, and documents one after another, are records themselves
    /// rather than pages that hold lists.
    fn bare(&self) -> bool {
        false
    }

    /// Takes consecutive records of one list.
    fn records(&mut self, batch: &Batch);

    /// Takes what else a document held besides lists, when it ends.
    fn document(&mut self, pointer: &str, fields: Fields);
}

/// The fields of a document that are not lists of records, as bytes.
#[derive(Debug, Default)]
pub struct Fields(pub Vec<(String, Vec<u8>)>);

impl Fields {
    /// The value of a field, parsed; `None` when it is absent, null or not valid.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<serde_json::Value> {
        let (_, bytes) = self.0.iter().find(|(name, _)| name == key)?;
        serde_json::from_slice(bytes).ok().filter(|value: &serde_json::Value| !value.is_null())
    }

    /// The text of a field.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<String> {
        match self.get(key)? {
            serde_json::Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// All fields as one object; what is not valid is left out and named.
    #[must_use]
    pub fn object(&self) -> (serde_json::Map<String, serde_json::Value>, Vec<String>) {
        let mut object = serde_json::Map::new();
        let mut invalid = Vec::new();
        for (key, bytes) in &self.0 {
            match serde_json::from_slice(bytes) {
                Ok(value) => {
                    object.insert(key.clone(), value);
                }
                Err(_) => invalid.push(key.clone()),
            }
        }
        (object, invalid)
    }
}

/// Reads all documents of a text and hands their records to `sink`.
///
/// # Errors
/// When the text ends too early, is not JSON in its outer structure, or cannot be read. Everything before that
/// place has been handed over.
pub fn split(reader: &mut dyn Read, sink: &mut dyn Sink) -> Result<(), ReadError> {
    let mut splitter = Splitter { reader, buffer: Vec::new(), at: 0, ended: false, failure: None };
    let mut batch = Batch::default();
    let outcome = splitter.documents(sink, &mut batch);
    if !batch.is_empty() {
        sink.records(&batch);
    }
    outcome
}

struct Splitter<'r> {
    reader: &'r mut dyn Read,
    buffer: Vec<u8>,
    at: usize,
    ended: bool,
    failure: Option<io::Error>,
}

impl Splitter<'_> {
    /// Reads another chunk behind what is buffered; false at the end of the text.
    fn fill(&mut self) -> bool {
        if self.ended {
            return false;
        }
        let old = self.buffer.len();
        self.buffer.resize(old + CHUNK_BYTES, 0);
        let read = loop {
            match self.reader.read(&mut self.buffer[old..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.failure = Some(error);
                    break 0;
                }
                Ok(read) => break read,
            }
        };
        self.buffer.truncate(old + read);
        self.ended = read == 0;
        !self.ended
    }

    /// The next byte that is no blank, without taking it.
    fn peek(&mut self) -> Option<u8> {
        loop {
            while let Some(&byte) = self.buffer.get(self.at) {
                // The record separator of JSON text sequences is a blank here.
                if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t' | 0x1E) {
                    return Some(byte);
                }
                self.at += 1;
            }
            self.buffer.clear();
            self.at = 0;
            if !self.fill() {
                return None;
            }
        }
    }

    fn expect(&mut self, wanted: u8, pointer: &str) -> Result<(), ReadError> {
        match self.peek() {
            Some(byte) if byte == wanted => {
                self.at += 1;
                Ok(())
            }
            Some(byte) => Err(ReadError::syntax(
                pointer,
                format!("`{}` where `{}` is expected", char::from(byte).escape_default(), char::from(wanted)),
            )),
            None => Err(self.cut(pointer)),
        }
    }

    /// The error for a text that ends here.
    fn cut(&mut self, pointer: &str) -> ReadError {
        match self.failure.take() {
            Some(error) => ReadError::from_io(&error, pointer),
            None => ReadError::truncated(pointer),
        }
    }

    fn documents(&mut self, sink: &mut dyn Sink, batch: &mut Batch) -> Result<(), ReadError> {
        let mut number = 0usize;
        while let Some(byte) = self.peek() {
            if byte == b',' && number > 0 {
                self.at += 1;
                continue;
            }
            number += 1;
            let pointer = if number == 1 { String::new() } else { format!("document {number}: ") };
            if sink.bare() && byte == b'{' && self.is_record(sink) {
                self.bare_document(number, batch, sink)?;
            } else {
                self.document(&pointer, sink, batch, 0)?;
            }
        }
        match self.failure.take() {
            Some(error) => Err(ReadError::from_io(&error, &format!("document {}", number.max(1)))),
            None => Ok(()),
        }
    }

    /// Whether the object that starts here is a record itself: none of its keys that are near is a list.
    fn is_record(&mut self, sink: &dyn Sink) -> bool {
        let mut keys = Keys::default();
        let mut at = self.at;
        loop {
            while let Some(&byte) = self.buffer.get(at) {
                at += 1;
                match keys.step(byte) {
                    Step::More => {}
                    Step::End => return true,
                    Step::List => {
                        if std::str::from_utf8(&keys.name).is_ok_and(|key| sink.is_list(key)) {
                            return false;
                        }
                    }
                }
            }
            if at - self.at > RECORD_LOOK_BYTES || !self.fill() {
                return true;
            }
        }
    }

    fn bare_document(&mut self, number: usize, batch: &mut Batch, sink: &mut dyn Sink) -> Result<(), ReadError> {
        if batch.at != "line" || !batch.list.is_empty() {
            flush(batch, sink);
            *batch = Batch { at: "line".to_owned(), first: number, ..Batch::default() };
        }
        let range = self.value(&format!("document {number}"))?;
        batch.push(&self.buffer[range]);
        if batch.is_full() {
            flush(batch, sink);
        }
        Ok(())
    }

    fn document(
        &mut self,
        pointer: &str,
        sink: &mut dyn Sink,
        batch: &mut Batch,
        depth: usize,
    ) -> Result<(), ReadError> {
        match self.peek() {
            Some(b'{') => self.object(pointer, sink, batch),
            Some(b'[') if sink.bare() => self.list(pointer, "", sink, batch),
            Some(b'[') if depth < PAGE_DEPTH_MAX => self.pages(pointer, sink, batch, depth),
            Some(byte) => Err(ReadError::syntax(
                pointer,
                format!("`{}` where an object or an array is expected", char::from(byte).escape_default()),
            )),
            None => Err(self.cut(pointer)),
        }
    }

    fn pages(&mut self, pointer: &str, sink: &mut dyn Sink, batch: &mut Batch, depth: usize) -> Result<(), ReadError> {
        self.expect(b'[', pointer)?;
        for index in 0usize.. {
            if self.peek() == Some(b']') {
                self.at += 1;
                break;
            }
            if index > 0 {
                self.expect(b',', pointer)?;
            }
            self.document(&format!("{pointer}/{index}"), sink, batch, depth + 1)?;
        }
        Ok(())
    }

    fn object(&mut self, pointer: &str, sink: &mut dyn Sink, batch: &mut Batch) -> Result<(), ReadError> {
        self.expect(b'{', pointer)?;
        let mut fields = Fields::default();
        let outcome = self.fields(pointer, sink, batch, &mut fields);
        // What was read of a document that breaks off still counts.
        flush(batch, sink);
        sink.document(pointer, fields);
        outcome
    }

    fn fields(
        &mut self,
        pointer: &str,
        sink: &mut dyn Sink,
        batch: &mut Batch,
        fields: &mut Fields,
    ) -> Result<(), ReadError> {
        let mut first = true;
        loop {
            if self.peek() == Some(b'}') {
                self.at += 1;
                return Ok(());
            }
            if !first {
                self.expect(b',', pointer)?;
            }
            first = false;
            let key = self.key(pointer)?;
            self.expect(b':', pointer)?;
            if sink.is_list(&key) && self.peek() == Some(b'[') {
                self.list(pointer, &key, sink, batch)?;
            } else {
                let range = self.value(&format!("{pointer}/{key}"))?;
                fields.0.push((key, self.buffer[range].to_vec()));
            }
        }
    }

    fn key(&mut self, pointer: &str) -> Result<String, ReadError> {
        match self.peek() {
            Some(b'"') => {}
            Some(byte) => {
                let found = char::from(byte).escape_default();
                return Err(ReadError::syntax(pointer, format!("`{found}` where a key is expected")));
            }
            None => return Err(self.cut(pointer)),
        }
        let range = self.value(pointer)?;
        serde_json::from_slice(&self.buffer[range]).map_err(|error| ReadError::syntax(pointer, error.to_string()))
    }

    fn list(&mut self, pointer: &str, key: &str, sink: &mut dyn Sink, batch: &mut Batch) -> Result<(), ReadError> {
        flush(batch, sink);
        *batch = Batch { list: key.to_owned(), at: pointer.to_owned(), ..Batch::default() };
        self.expect(b'[', pointer)?;
        let mut first = true;
        loop {
            if self.peek() == Some(b']') {
                self.at += 1;
                flush(batch, sink);
                return Ok(());
            }
            let here = batch.len();
            if !first {
                self.expect(b',', &batch.pointer(here))?;
            }
            first = false;
            let range = self.value_of(batch)?;
            batch.push(&self.buffer[range]);
            if batch.is_full() {
                flush(batch, sink);
            }
        }
    }

    fn value_of(&mut self, batch: &Batch) -> Result<std::ops::Range<usize>, ReadError> {
        // The pointer is made only when it is needed: there may be millions of records.
        match self.value("") {
            Ok(range) => Ok(range),
            Err(error) => Err(error.at(&batch.pointer(batch.len()))),
        }
    }

    /// Takes one whole value and says where in the buffer it is.
    fn value(&mut self, pointer: &str) -> Result<std::ops::Range<usize>, ReadError> {
        let Some(first) = self.peek() else { return Err(self.cut(pointer)) };
        if self.at >= CHUNK_BYTES {
            self.buffer.drain(..self.at);
            self.at = 0;
        }
        let start = self.at;
        let end = match first {
            b'{' | b'[' | b'"' => self.nested(pointer)?,
            b'}' | b']' | b',' | b':' => {
                let found = char::from(first);
                return Err(ReadError::syntax(pointer, format!("`{found}` where a value is expected")));
            }
            _ => self.scalar(),
        };
        self.at = end;
        Ok(start..end)
    }

    /// End of the string, object or array that starts here.
    fn nested(&mut self, pointer: &str) -> Result<usize, ReadError> {
        let (mut at, mut depth, mut quoted, mut escaped) = (self.at, 0usize, false, false);
        loop {
            for &byte in &self.buffer[at..] {
                at += 1;
                if quoted {
                    if escaped {
                        escaped = false;
                    } else if byte == b'\\' {
                        escaped = true;
                    } else if byte == b'"' {
                        quoted = false;
                        if depth == 0 {
                            return Ok(at);
                        }
                    }
                    continue;
                }
                match byte {
                    b'"' => quoted = true,
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => {
                        depth = depth.saturating_sub(1);
                        if depth == 0 {
                            return Ok(at);
                        }
                    }
                    _ => {}
                }
            }
            if at - self.at > VALUE_BYTES_MAX {
                return Err(ReadError::limit(pointer, format!("one value is larger than {VALUE_BYTES_MAX} bytes")));
            }
            if !self.fill() {
                return Err(self.cut(pointer));
            }
        }
    }

    /// End of the number or word that starts here.
    fn scalar(&mut self) -> usize {
        let mut at = self.at;
        loop {
            while let Some(byte) = self.buffer.get(at) {
                if matches!(byte, b',' | b']' | b'}' | b':' | b' ' | b'\n' | b'\r' | b'\t') {
                    return at;
                }
                at += 1;
            }
            if !self.fill() {
                return at;
            }
        }
    }
}

fn flush(batch: &mut Batch, sink: &mut dyn Sink) {
    if !batch.is_empty() {
        sink.records(batch);
        batch.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Seen {
        records: Vec<(String, String)>,
        documents: Vec<(String, Vec<String>)>,
        bare: bool,
    }

    impl Sink for Seen {
        fn is_list(&self, key: &str) -> bool {
            key == "L"
        }
        fn bare(&self) -> bool {
            self.bare
        }
        fn records(&mut self, batch: &Batch) {
            for index in 0..batch.len() {
                let record = String::from_utf8_lossy(batch.record(index)).into_owned();
                self.records.push((batch.pointer(index), record));
            }
        }
        fn document(&mut self, pointer: &str, fields: Fields) {
            self.documents.push((pointer.to_owned(), fields.0.into_iter().map(|(key, _)| key).collect()));
        }
    }

    /// Gives one byte at a time, so that every boundary falls everywhere.
    struct Drip<'a>(&'a [u8]);

    impl Read for Drip<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let Some((&byte, rest)) = self.0.split_first() else { return Ok(0) };
            out[0] = byte;
            self.0 = rest;
            Ok(1)
        }
    }

    fn run(text: &str, bare: bool) -> (Seen, Result<(), ReadError>) {
        let mut seen = Seen { bare, ..Seen::default() };
        let outcome = split(&mut Drip(text.as_bytes()), &mut seen);
        let mut whole = Seen { bare, ..Seen::default() };
        let again = split(&mut text.as_bytes(), &mut whole);
        assert_eq!(seen.records, whole.records, "chunking must not matter");
        assert_eq!(outcome.is_ok(), again.is_ok());
        (seen, outcome)
    }

    fn pairs(seen: &Seen) -> Vec<(&str, &str)> {
        seen.records.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect()
    }

    #[test]
    fn one_document_gives_its_records_and_its_other_fields() {
        let (seen, outcome) = run(r#" {"A":"x]\"}","L":[{"a":[1,"}"]}, 7 ],"B":{"c":[]},"L2":[]} "#, false);
        assert!(outcome.is_ok());
        assert_eq!(pairs(&seen), [("/L/0", r#"{"a":[1,"}"]}"#), ("/L/1", "7")]);
        assert_eq!(seen.documents, [(String::new(), vec!["A".to_owned(), "B".to_owned(), "L2".to_owned()])]);
    }

    #[test]
    fn pages_come_as_an_array_or_one_after_another() {
        let (seen, _) = run(r#"[{"L":[1]},{"L":[2]}]"#, false);
        assert_eq!(pairs(&seen), [("/0/L/0", "1"), ("/1/L/0", "2")]);
        let (seen, _) = run("{\"L\":[1]}\n{\"L\":[2]}{\"L\":[3]}", false);
        assert_eq!(pairs(&seen), [("/L/0", "1"), ("document 2: /L/0", "2"), ("document 3: /L/0", "3")]);
    }

    #[test]
    fn bare_records_come_as_lines_or_as_an_array() {
        let (seen, outcome) = run("{\"a\":1}\n{\"a\":2}\n", true);
        assert!(outcome.is_ok());
        assert_eq!(pairs(&seen), [("line/1", "{\"a\":1}"), ("line/2", "{\"a\":2}")]);
        let (seen, _) = run("[{\"a\":1},{\"a\":2}]", true);
        assert_eq!(pairs(&seen), [("/0", "{\"a\":1}"), ("/1", "{\"a\":2}")]);
        let (seen, _) = run("{\"x\":{\"L\":[0]},\"y\":\"L\",\"L\":[{\"a\":1}]}", true);
        assert_eq!(pairs(&seen), [("/L/0", "{\"a\":1}")]);
        let (seen, _) = run("{\"x\":{\"L\":[0]},\"y\":[\"L\"]}", true);
        assert_eq!(seen.records.len(), 1, "a list further in makes no page");
    }

    #[test]
    fn a_cut_keeps_what_came_before_and_names_the_place() {
        let (seen, outcome) = run(r#"{"L":[{"a":1},{"b"#, false);
        assert_eq!(pairs(&seen), [("/L/0", "{\"a\":1}")]);
        assert_eq!(outcome, Err(ReadError::truncated("/L/1")));
    }

    #[test]
    fn a_bad_record_costs_only_itself() {
        let (seen, outcome) = run(r#"{"L":[{"a":tru},{"b":2}]}"#, false);
        assert!(outcome.is_ok());
        assert_eq!(seen.records.len(), 2);
    }

    #[test]
    fn what_is_no_json_is_refused_where_it_stops_being_it() {
        let (_, outcome) = run(r#"{"L":[1] "x":2}"#, false);
        assert!(matches!(outcome, Err(ReadError { code: "json_invalid", .. })), "{outcome:?}");
        let (_, outcome) = run("]", false);
        assert!(outcome.is_err());
    }
}
