//! Exports of the cases, damaged in every way that files get damaged: no reader may panic, and what comes out must be
//! fit to be asked.

use std::fs;
use std::path::{Path, PathBuf};

use overgrant::access::{Evaluators, Settings};
use overgrant::model::Tables;
use overgrant::platforms::{self, input};
use serde_json::{Value, json};

use crate::splitmix::Rng;

/// Cases whose exports are damaged, by the platform that their names begin with.
const PLATFORMS: [&str; 4] = ["vault_", "postgres_", "scim_", "snowflake_"];
/// Damaged copies of each file.
const COPIES: usize = 24;

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

/// Every file of the cases, case by case.
fn exports() -> Vec<Vec<(String, String)>> {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut folders: Vec<PathBuf> = fs::read_dir(cases).unwrap().map(|entry| entry.unwrap().path()).collect();
    let named = |folder: &PathBuf| folder.file_name().unwrap().to_string_lossy().into_owned();
    folders.retain(|folder| PLATFORMS.iter().any(|start| named(folder).starts_with(start)));
    folders.sort();
    let read = |folder: &PathBuf| {
        let mut found = Vec::new();
        files(&folder.join("export"), &mut found);
        found.sort();
        found.iter().map(|path| (path.to_string_lossy().into_owned(), fs::read_to_string(path).unwrap())).collect()
    };
    folders.iter().map(read).collect()
}

fn tables(texts: &[(String, String)]) -> Tables {
    let texts = texts.iter().map(|(name, text)| (name.as_str(), text.as_bytes()));
    input::read_texts(texts, platforms::ALL).join(platforms::ALL)
}

/// Values that stand where others are expected.
fn odd(rng: &mut Rng) -> Value {
    let values = [
        Value::Null,
        json!(0),
        json!(-1.5e300),
        json!(true),
        json!(""),
        json!("*"),
        json!("é/+{{x}}"),
        json!([[[]]]),
        json!([{"value": []}, 3, null, "x"]),
        json!({"a": {"b": [1]}}),
        json!("x".repeat(50_000)),
    ];
    rng.pick(&values)
}

/// Puts odd values into a document.
fn twisted(value: &mut Value, rng: &mut Rng) {
    if rng.chance(6) {
        *value = odd(rng);
        return;
    }
    match value {
        Value::Array(list) => {
            for one in list.iter_mut() {
                twisted(one, rng);
            }
            if rng.chance(10) {
                list.reverse();
            }
        }
        Value::Object(object) => object.values_mut().for_each(|one| twisted(one, rng)),
        _ => {}
    }
}

fn damaged(text: &str, rng: &mut Rng) -> String {
    let cut = |text: &str, at: usize| text.char_indices().nth(at).map_or(text.len(), |(at, _)| at);
    let characters = text.chars().count().max(1);
    match rng.below(5) {
        0 => text[..cut(text, rng.below(characters))].to_owned(),
        1 => {
            let mut lines: Vec<&str> = text.lines().collect();
            let by = rng.below(lines.len().max(1));
            lines.rotate_left(by);
            lines.join("\n")
        }
        2 => {
            let at = cut(text, rng.below(characters));
            let piece = rng.pick(&["\"", "}", "{", "]", ",,,", "\n", "\u{0}", "path \"", "{=r*/", "null"]);
            format!("{}{piece}{}", &text[..at], &text[at..])
        }
        3 => {
            let separated = |line: &str| line.replace(',', rng.pick(&[",", ",,", ";", ",x,"]));
            text.lines().map(separated).collect::<Vec<_>>().join("\n")
        }
        _ => {
            let documents: Result<Vec<Value>, _> = serde_json::Deserializer::from_str(text).into_iter().collect();
            match documents {
                Ok(mut documents) => {
                    for one in &mut documents {
                        twisted(one, rng);
                    }
                    documents.iter().map(Value::to_string).collect::<Vec<_>>().join("\n")
                }
                Err(_) => text.replace('t', rng.pick(&["t", "f", "9", "\"", ""])),
            }
        }
    }
}

#[test]
fn damaged_exports_never_end_a_scan() {
    let mut rng = Rng(11);
    let (mut scans, mut issues) = (0, 0);
    for export in exports() {
        for copy in 0..COPIES {
            let mut texts = export.clone();
            let at = rng.below(texts.len());
            texts[at].1 = damaged(&texts[at].1, &mut rng);
            let tables = tables(&texts);
            let evaluators = Evaluators::new(&tables, Settings { as_of: 1_700_000_000_000 });
            for row in evaluators.access().iter() {
                assert!(row.mass >= 0.0 && row.granted_n > 0, "{} copy {copy}: {row:?}", texts[at].0);
            }
            for (number, grant) in (0..).zip(&tables.grants) {
                assert_eq!(grant.grant, number);
            }
            scans += 1;
            issues += usize::from(!tables.issues.is_empty());
        }
    }
    assert!(scans >= 200 && issues * 2 > scans, "{issues} of {scans} damaged exports were told of");
}

#[test]
fn order_of_files_does_not_matter() {
    for export in exports() {
        let mut back = export.clone();
        back.reverse();
        let (forth, back) = (tables(&export), tables(&back));
        let told = |tables: &Tables| {
            let mut rows: Vec<String> =
                tables.entities.iter().map(|one| format!("{} {:?}", one.id, one.kind)).collect();
            rows.extend(tables.memberships.iter().map(|row| {
                format!("{} {} {:?}", tables.entity(row.member).id, tables.entity(row.container).id, row.kind)
            }));
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
            rows.extend(grants);
            rows
        };
        assert_eq!(told(&forth), told(&back), "{}", export[0].0);
    }
}
