//! Answers of APIs, damaged: every file of the cases is cut off at many places, and every value in it is put in the place
//! of others, is of another type, is enormous, or is gone. Whatever comes of it, the readers go on, and say the same twice.

use std::fs;
use std::path::{Path, PathBuf};

use overgrant::platforms::{ALL, input};
use serde_json::{Value, json};

/// Cases whose files are damaged, by how their names begin.
const PREFIXES: [&str; 3] = ["azure_", "github_", "okta_"];
/// Places at which a file is cut off.
const CUTS: usize = 40;

fn files() -> Vec<PathBuf> {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut folders: Vec<PathBuf> = fs::read_dir(cases).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.retain(|path| {
        let name = path.file_name().unwrap().to_string_lossy();
        PREFIXES.iter().any(|prefix| name.starts_with(prefix))
    });
    folders.sort();
    let found = input::find(&folders.iter().map(|folder| folder.join("export")).collect::<Vec<_>>());
    found.into_iter().map(|found| found.file).collect()
}

/// Reads one text as if it were the file, and joins what comes out.
fn read(path: &Path, text: &[u8]) -> String {
    let path = path.to_string_lossy();
    let tables = input::read_texts([(path.as_ref(), text)], ALL).join(ALL);
    format!("{} entities, {} grants, {:?}", tables.entities.len(), tables.grants.len(), tables.issues)
}

/// Values of other types and of other sizes.
fn strangers() -> Vec<Value> {
    vec![
        Value::Null,
        json!(true),
        json!(-1),
        json!(1e300),
        json!(""),
        json!("/?:!%FF*~=\u{0}\u{202E}é"),
        json!("x".repeat(100_000)),
        json!([]),
        json!([[[[[[]]]]]]),
        json!({}),
        json!({"id": {"id": []}, "login": [], "_links": {"self": {"href": "https://{x}/api/v1/users/%"}}}),
    ]
}

/// Every value of a document, as a JSON pointer.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    let escaped = |key: &str| key.replace('~', "~0").replace('/', "~1");
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(key, one)| places(one, &format!("{at}/{}", escaped(key)), found));
        }
        Value::Array(list) => list.iter().enumerate().for_each(|(key, one)| places(one, &format!("{at}/{key}"), found)),
        _ => {}
    }
}

#[test]
fn damaged_answers_of_apis_are_read_as_far_as_they_go() {
    let files = files();
    assert!(files.len() > 60, "{} files", files.len());
    let mut tried = 0usize;
    for path in &files {
        let bytes = fs::read(path).unwrap();
        for cut in 0..CUTS {
            read(path, &bytes[..bytes.len() * cut / CUTS]);
            tried += 1;
        }
        let Ok(document) = serde_json::from_slice::<Value>(&bytes) else { continue };
        let mut all = Vec::new();
        places(&document, "", &mut all);
        let strangers = strangers();
        for (number, place) in all.iter().enumerate() {
            // Not every stranger in every place: each place has two of them, each file has all.
            for offset in [0, 5] {
                let mut damaged = document.clone();
                *damaged.pointer_mut(place).unwrap() = strangers[(number + offset) % strangers.len()].clone();
                let text = damaged.to_string();
                let first = read(path, text.as_bytes());
                if number.is_multiple_of(50) {
                    assert_eq!(first, read(path, text.as_bytes()), "{} at {place}", path.display());
                }
                tried += 1;
            }
        }
    }
    assert!(tried > 3_000, "{tried} texts");
}

#[test]
fn the_order_of_records_in_a_list_changes_no_entity_and_no_right() {
    // By what is broken and comes first no file is known.
    for path in files().into_iter().filter(|path| !path.to_string_lossy().contains("_broken/")) {
        let bytes = fs::read(&path).unwrap();
        let Ok(Value::Array(list)) = serde_json::from_slice::<Value>(&bytes) else { continue };
        let back: Vec<Value> = list.iter().rev().cloned().collect();
        let count = |list: &[Value]| {
            let text = Value::Array(list.to_vec()).to_string();
            let tables = input::read_texts([(path.to_string_lossy().as_ref(), text.as_bytes())], ALL).join(ALL);
            let ids: Vec<String> =
                tables.entities.iter().map(|one| format!("{} {:?} {}", one.id, one.kind, one.present)).collect();
            let mut grants: Vec<String> = tables
                .grants
                .iter()
                .map(|row| {
                    format!(
                        "{} {:?} {:?} {:?}",
                        tables.entity(row.holder).id,
                        row.actions,
                        row.resources,
                        row.condition
                    )
                })
                .collect();
            grants.sort();
            (ids, grants)
        };
        assert_eq!(count(&list), count(&back), "{}", path.display());
    }
}
