//! Entries for fuzzing: bytes in, nothing out, and no panic whatever the bytes are.

use std::io::Cursor;

use super::decode::Raw;
use super::guide::Readers;
use super::{Input, Reader, Reading, read_stream, source};
use crate::model::Builder;
use crate::platforms::ALL;

fn readers() -> Vec<&'static dyn Reader> {
    ALL.iter().flat_map(|platform| platform.readers()).copied().collect()
}

/// Has the reader of this name read a text, whether it recognises it or not, and joins what comes out.
pub fn one_reader(name: &str, text: &[u8]) {
    let mut builders = Vec::new();
    for reader in readers().into_iter().filter(|reader| reader.name() == name) {
        let mut out = Builder::new(source("fuzz", reader.name()));
        // An early end is a result like any other here.
        if let Err(error) = reader.read(&mut Input::from_bytes("fuzz", text), &mut out) {
            out.skip(error.code, &error.pointer, error.message);
        }
        builders.push(out);
    }
    let _tables = Reading { builders }.join(ALL);
}

/// Reads files as a scan does, from their bytes on disk, and joins them. Zip archives are read as if they were
/// inside a stream.
pub fn files(files: &[&[u8]]) {
    let names: Vec<String> = (0..files.len()).map(|number| format!("fuzz/{number}")).collect();
    let texts = names.iter().map(String::as_str).zip(files.iter().copied());
    let readers = Readers::new(readers()).guided_by_texts(texts);
    let mut builders = Vec::new();
    for (name, bytes) in names.iter().zip(files) {
        let raw = Raw::new(Box::new(Cursor::new(bytes.to_vec())));
        builders.extend(read_stream(Box::new(raw.clone()), name, &raw, &readers, 0));
    }
    let _tables = Reading { builders }.join(ALL);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Texts near to what readers read: pieces of exports in any order.
    fn pieces() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"",
            "null",
            "1",
            "\"UserDetailList\":[",
            "\"RoleDetailList\":[",
            "\"Policies\":[",
            "\"Arn\":\"arn:aws:iam::111111111111:role/r\"",
            "\"Arn\":\"arn:aws:iam::111111111111:user/u\"",
            "\"AssumeRolePolicyDocument\":{\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"a\",\"Principal\":\"*\"}]}",
            "\"GroupList\":[\"g\"]",
            "\"ServicesLastAccessed\":[",
            "\"ServiceNamespace\":\"s3\"",
            "\"JobId\":\"j\"",
            "\"Type\":\"Root\",\"Id\":\"r-ab12\"",
            "\"Children\":[",
            "\"AccountAssignments\":[",
            "\"Resource\":\"x\",\"Policy\":",
            "user,arn,user_creation_time\n",
            "\"graph\":{",
            "\"nodes\":[",
            "\"edges\":[",
            "{\"id\":\"a\",\"kinds\":[\"User\"]}",
            "{\"kind\":\"GenericAll\",\"start\":{\"value\":\"a\"},\"end\":{\"match_by\":\"name\",\"value\":\"a\"}}",
            "\"schema\":{},\"relationship_kinds\":[",
            "overgrant_mapping = 1\n[[table]]\nfiles = \"*\"\nholds = \"grants\"\nsystem = \"s\"\n",
            "system,principal,right,level,resource,on\n",
            "s,a,R,administers,a,group\n",
            "<root_account>,arn:aws:iam::111111111111:root,2020-01-01\n",
            "\\",
            "\u{1F600}",
        ]);
        prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

        #[test]
        fn no_text_makes_a_reader_panic(text in pieces(), other in pieces()) {
            for reader in readers() {
                one_reader(reader.name(), text.as_bytes());
            }
            files(&[text.as_bytes(), other.as_bytes()]);
        }

        #[test]
        fn no_bytes_make_a_scan_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), magic in 0usize..5) {
            let magic: &[u8] = [&b""[..], &[0x1F, 0x8B, 8], &[0x28, 0xB5, 0x2F, 0xFD], b"PK\x03\x04", &[0xFF, 0xFE]][magic];
            files(&[&[magic, &bytes].concat()]);
        }
    }
}
