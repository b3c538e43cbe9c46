//! Tables as delimited text: which character delimits, which columns there are, one row after the other.
//!
//! People keep these tables in spreadsheets, so that what spreadsheets write is understood: a byte order mark, `;` or a
//! tab in place of the comma, a first line `sep=;`, quoted cells with line breaks in them, rows of empty cells at the
//! end, headers in any case.

use std::io::{Cursor, Read};

use csv::ByteRecord;

use super::ReadError;
use crate::model::{Builder, IssueSeverity};

/// How much is looked at to find the header.
const START_BYTES: u64 = 64 * 1024;
/// What may delimit, the likeliest first.
const DELIMITERS: [u8; 4] = *b",;\t|";
/// A record of more lines than this has a quote that nobody closes.
const LINES_MAX: u64 = 200;

/// How a table is written, as its first line shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Names of the columns in lower case, with `_` between words.
    pub columns: Vec<String>,
    delimiter: u8,
    /// Bytes before the header: a byte order mark, a line `sep=`.
    before: usize,
    /// Lines before the header.
    lines: u64,
}

impl Header {
    /// Reads the first line of a text.
    #[must_use]
    pub fn of(start: &str) -> Self {
        let text = start.strip_prefix('\u{feff}').unwrap_or(start);
        let mark = start.len() - text.len();
        let (line, said) = match separator(text) {
            Some((said, length)) => (&text[length..], Some((said, length))),
            None => (text, None),
        };
        let (given, skipped) = said.map_or((None, 0), |(said, length)| (Some(said), length));
        let delimiter = given.unwrap_or_else(|| delimiter(line));
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(delimiter)
            .from_reader(line.as_bytes());
        let columns = match reader.records().next() {
            Some(Ok(record)) => record.iter().map(column_name).collect(),
            _ => Vec::new(),
        };
        Self { columns, delimiter, before: mark + skipped, lines: u64::from(said.is_some()) }
    }
}

/// The delimiter that a first line `sep=;` names, and the length of that line.
fn separator(text: &str) -> Option<(u8, usize)> {
    let end = text.find('\n')?;
    let said = text[..end].trim_end_matches('\r').trim_matches('"').strip_prefix("sep=")?;
    match said.as_bytes() {
        [one] if DELIMITERS.contains(one) => Some((*one, end + 1)),
        _ => None,
    }
}

/// The delimiter that cuts the first line into the most cells.
fn delimiter(text: &str) -> u8 {
    let mut quoted = false;
    let mut counts = [0usize; DELIMITERS.len()];
    for byte in text.bytes() {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' | b'\r' if !quoted => break,
            _ if !quoted => {
                if let Some(at) = DELIMITERS.iter().position(|one| *one == byte) {
                    counts[at] += 1;
                }
            }
            _ => {}
        }
    }
    let mut best = 0;
    for (at, count) in counts.iter().enumerate() {
        if *count > counts[best] {
            best = at;
        }
    }
    DELIMITERS[best]
}

/// A column's name as formats write it: `Last Used-At` is `last_used_at`.
#[must_use]
pub fn column_name(text: &str) -> String {
    text.trim().trim_matches('\u{feff}').to_lowercase().replace([' ', '-'], "_")
}

/// Reads the rows of a table: hands out the place of each (`line N`) and its cells, at most as many as there are
/// columns. What is no row is reported here.
///
/// # Errors
/// When the stream fails.
pub fn rows(
    stream: &mut dyn Read,
    out: &mut Builder,
    mut each: impl FnMut(&mut Builder, &[String], &str, &[String]),
) -> Result<(), ReadError> {
    let mut start = Vec::new();
    let outcome = stream.take(START_BYTES).read_to_end(&mut start).map_err(|error| ReadError::from_io(&error, ""));
    let broken = outcome.err();
    if broken.is_some() {
        // The row in which it breaks off is none: a date without its last digit is another date.
        start.truncate(start.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1));
    }
    let header = Header::of(&String::from_utf8_lossy(&start));
    // Lines end with a line feed, and what stands before it is trimmed with the cell, so that lines can be counted;
    // only a text without any line feed has lines that end with carriage returns.
    let feeds = start.contains(&b'\n');
    let mut whole = Cursor::new(start).chain(stream).chain(&b"\n"[..]);
    // The header was read from these bytes, so that they are there; a broken character there is not valid anyway.
    std::io::copy(&mut whole.by_ref().take(header.before as u64), &mut std::io::sink())
        .map_err(|error| ReadError::from_io(&error, "line 1"))?;
    let mut reader = csv::ReaderBuilder::new();
    reader.has_headers(false).flexible(true).delimiter(header.delimiter);
    if feeds {
        reader.terminator(csv::Terminator::Any(b'\n'));
    }
    let mut reader = reader.from_reader(whole);
    let mut record = ByteRecord::new();
    let mut is_header = true;
    let mut number = 0;
    loop {
        match reader.read_byte_record(&mut record) {
            Ok(false) => return broken.map_or(Ok(()), Err),
            Ok(true) => {}
            Err(error) => return Err(failed(error, reader.position().line() + header.lines)),
        }
        number += 1;
        if std::mem::take(&mut is_header) {
            continue;
        }
        let inside = record.as_slice().split(|byte| *byte == b'\n').count().saturating_sub(1) as u64;
        // The reader stands behind the line feed that ends the record.
        let line = if feeds { (reader.position().line() + header.lines).saturating_sub(1 + inside) } else { number };
        let place = format!("line {line}");
        if let Some(cells) = cells(&record, &header, inside, &place, out) {
            each(out, &header.columns, &place, &cells);
        }
    }
}

fn failed(error: csv::Error, line: u64) -> ReadError {
    let pointer = format!("line {line}");
    match error.into_kind() {
        csv::ErrorKind::Io(error) => ReadError::from_io(&error, &pointer),
        other => ReadError { code: "file_unreadable", pointer, message: format!("{other:?}") },
    }
}

/// The cells of a row in the order of the columns; `None` when it holds nothing or cannot be one.
fn cells(record: &ByteRecord, header: &Header, spans: u64, place: &str, out: &mut Builder) -> Option<Vec<String>> {
    if record.iter().all(|cell| cell.iter().all(u8::is_ascii_whitespace)) {
        return None;
    }
    if spans > LINES_MAX {
        let message = format!("a row of {spans} lines: a quote in it is never closed");
        out.skip("row_invalid", place, message);
        return None;
    }
    let (found, columns) = (record.len(), header.columns.len());
    let surplus = record.iter().skip(columns).any(|cell| !cell.iter().all(u8::is_ascii_whitespace));
    if surplus {
        let delimiter = char::from(header.delimiter);
        let message = format!(
            "the row has {found} cells and the header {columns}, so that which is which is not known: quote cells that \
             hold `{delimiter}`"
        );
        out.skip("row_invalid", place, message);
        return None;
    }
    if record.iter().any(|cell| std::str::from_utf8(cell).is_err()) {
        let message = "the row is not all UTF-8; what is no character is read as `\u{fffd}`".to_owned();
        out.issue(IssueSeverity::Warning, "text_invalid", place, message);
    }
    let text = |cell: &[u8]| String::from_utf8_lossy(cell).trim_end_matches('\r').to_owned();
    Some(record.iter().take(columns).map(text).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Source;

    /// Rows with their places, issues with theirs.
    type Outcome = (Vec<(String, Vec<String>)>, Vec<(String, String)>);

    fn read(text: &[u8]) -> Outcome {
        let source = Source { path: "t".into(), kind: "t".into(), sha256: String::new(), records: 0, skipped: 0 };
        let mut out = Builder::new(source);
        let mut found = Vec::new();
        rows(&mut &*text, &mut out, |_, columns, place, cells| {
            assert!(cells.len() <= columns.len());
            found.push((place.to_owned(), cells.to_vec()));
        })
        .expect("memory does not fail");
        (found, out.issues.into_iter().map(|issue| (issue.code, issue.record)).collect())
    }

    #[test]
    fn what_spreadsheets_write_is_one_table() {
        let expected = vec![("Ada, Countess".to_owned(), "x;y".to_owned())];
        for text in [
            "Person Name,Identities\n\"Ada, Countess\",x;y\n",
            "\u{feff}Person-Name;IDENTITIES\r\nAda, Countess;\"x;y\"\r\n;\r\n",
            "sep=;\r\nperson_name;identities\r\nAda, Countess;\"x;y\"\r\n",
            "person_name\tidentities\nAda, Countess\tx;y",
            "\"person name\"|identities\rAda, Countess|x;y\r",
        ] {
            assert_eq!(Header::of(text).columns, ["person_name", "identities"], "{text:?}");
            let (rows, issues) = read(text.as_bytes());
            let cells: Vec<(String, String)> =
                rows.iter().map(|(_, cells)| (cells[0].clone(), cells[1].clone())).collect();
            assert_eq!((cells, issues), (expected.clone(), vec![]), "{text:?}");
        }
    }

    #[test]
    fn places_are_lines_of_the_file_whatever_came_before() {
        let (rows, _) = read(b"sep=,\na,b\n\n1,\"x\ny\"\n2,z\n");
        let places: Vec<&str> = rows.iter().map(|(place, _)| place.as_str()).collect();
        assert_eq!(places, ["line 4", "line 6"]);
    }

    #[test]
    fn a_row_that_cannot_be_read_is_reported_and_the_rest_is_read() {
        let (rows, issues) = read(b"a,b\n1,2,3\n4\n5,\xff\n6,7,,\n");
        let cells: Vec<usize> = rows.iter().map(|(_, cells)| cells.len()).collect();
        assert_eq!(cells, [1, 2, 2], "short rows and empty surplus cells are fine");
        let of = |code: &str, place: &str| (code.to_owned(), place.to_owned());
        assert_eq!(issues, [of("row_invalid", "line 2"), of("text_invalid", "line 4")]);
    }

    /// Gives its text, then fails.
    struct Broken<'t>(&'t [u8]);

    impl Read for Broken<'_> {
        fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
            match self.0.read(out)? {
                0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
                n => Ok(n),
            }
        }
    }

    #[test]
    fn what_comes_before_a_stream_breaks_off_is_read() {
        let source = Source { path: "t".into(), kind: "t".into(), sha256: String::new(), records: 0, skipped: 0 };
        let (mut out, mut places) = (Builder::new(source), Vec::new());
        let mut stream = Broken(b"a,b\n1,2026-11-22\n2,2026-1");
        let outcome = rows(&mut stream, &mut out, |_, _, place, _| places.push(place.to_owned()));
        assert_eq!(outcome.map_err(|error| error.code), Err("file_truncated"));
        assert_eq!(places, ["line 2"]);
    }

    #[test]
    fn a_quote_that_nobody_closes_does_not_swallow_the_rest_unseen() {
        let text = format!("a,b\n1,\"x\n{}", "2,3\n".repeat(500));
        let (rows, issues) = read(text.as_bytes());
        assert_eq!((rows.len(), issues.len()), (0, 1), "{issues:?}");
    }
}
