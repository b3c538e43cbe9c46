//! What the readers' tests share.

use crate::model::{Builder, Source};
use crate::platforms::input::{Head, Input, Reader};

/// Reads a text that the reader must recognise; an early end goes to the issues, as in a scan.
pub fn read(reader: &dyn Reader, path: &str, text: &str) -> Builder {
    assert!(reader.recognises(&Head::new(path, text.as_bytes())), "{} does not recognise {path}", reader.name());
    let kind = reader.name().to_owned();
    let mut out = Builder::new(Source { path: path.to_owned(), kind, sha256: String::new(), records: 0, skipped: 0 });
    if let Err(error) = reader.read(&mut Input::from_bytes(path, text.as_bytes()), &mut out) {
        out.skip(error.code, &error.pointer, error.message);
    }
    out
}

/// The codes of a source's issues.
pub fn codes(builder: &Builder) -> Vec<&str> {
    builder.issues.iter().map(|issue| issue.code.as_str()).collect()
}
