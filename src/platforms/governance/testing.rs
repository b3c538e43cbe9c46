//! What the tests of the governance tables share.

use crate::model::{Builder, Entity, EntityKind, Source, Tables};
use crate::platforms::Platform;
use crate::platforms::input::{Head, Input, Reader};

use super::Governance;
use super::format::READERS;

fn source(path: &str, kind: &str) -> Source {
    Source { path: path.to_owned(), kind: kind.to_owned(), sha256: String::new(), records: 0, skipped: 0 }
}

/// Reads a text that the reader must recognise.
pub fn read(reader: &dyn Reader, text: &str) -> Builder {
    assert!(reader.recognises(&Head::new("t", text.as_bytes())), "{} does not recognise {text}", reader.name());
    let mut out = Builder::new(source("t", reader.name()));
    if let Err(error) = reader.read(&mut Input::from_bytes("t", text.as_bytes()), &mut out) {
        out.skip(error.code, &error.pointer, error.message);
    }
    out
}

/// Reads a table with the reader that recognises it.
pub fn table(text: &str) -> Builder {
    let head = Head::new("t", text.as_bytes());
    let reader = READERS.iter().find(|reader| reader.recognises(&head));
    read(*reader.unwrap_or_else(|| panic!("nobody recognises {text}")), text)
}

/// The codes of a source's issues.
pub fn codes(builder: &Builder) -> Vec<&str> {
    builder.issues.iter().map(|issue| issue.code.as_str()).collect()
}

/// An export of another platform: entities of one account, defined.
pub fn export(entities: &[(EntityKind, &str)]) -> Builder {
    let mut out = Builder::new(source("export", "p-export"));
    for (kind, name) in entities {
        let mut entity = Entity::named(&format!("p:1:{kind}/{name}"), "p", *kind, name);
        entity.present = true;
        entity.source = Some(out.source_id());
        out.define(entity);
    }
    out
}

/// Joins an export and tables as a scan does.
pub fn join(export: Builder, tables: &[&str]) -> Tables {
    let mut builders = vec![export];
    builders.extend(tables.iter().map(|text| table(text)));
    Governance.reconcile(&mut builders);
    let mut joined = Builder::assemble(builders);
    Governance.complete(&mut joined);
    joined
}

/// Codes and places of the issues of joined tables.
pub fn found(tables: &Tables) -> Vec<(&str, &str)> {
    tables.issues.iter().map(|issue| (issue.code.as_str(), issue.record.as_str())).collect()
}
