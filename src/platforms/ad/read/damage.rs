//! Damaged collections: whatever stands in the place of a value, reading ends, the rest is kept, and what was read makes
//! sense.

use serde_json::{Value, json};

use super::super::{ActiveDirectory, NAME};
use super::READERS;
use crate::model::{Builder, Source, Tables};
use crate::platforms::input::Input;
use crate::platforms::{Platform, Settings};

/// One object of every kind, with every field that is read.
const SOUND: &str = include_str!("../../../../tests/cases/ad_16_every_kind/export/collection.json");

/// Reads a text and everything that follows from it.
fn read(text: &[u8]) -> Tables {
    let reader = READERS[0];
    let source = Source { path: "t".into(), kind: reader.name().into(), sha256: String::new(), records: 0, skipped: 0 };
    let mut out = Builder::new(source);
    if let Err(error) = reader.read(&mut Input::from_bytes("t", text), &mut out) {
        out.skip(error.code, &error.pointer, error.message);
    }
    let mut builders = vec![out];
    ActiveDirectory.reconcile(&mut builders);
    let mut tables = Builder::assemble(builders);
    ActiveDirectory.complete(&mut tables);
    tables
}

/// Holds what is true of all tables of this platform.
fn makes_sense(tables: &Tables, about: &str) {
    for grant in &tables.grants {
        assert_eq!(tables.entity(grant.holder).platform, NAME, "{about}");
        assert!(!grant.actions.is_empty() && !grant.resources.is_empty(), "{about}: {grant:?}");
        let written = |id: &String| id.strip_prefix('=').unwrap_or(id).starts_with("ad:");
        assert!(grant.resources.iter().all(written), "{about}: {grant:?}");
    }
    for entity in tables.entities.iter().filter(|entity| entity.present) {
        let scope = entity.scope.as_deref().map(|scope| tables.find(scope));
        assert!(scope.is_none_or(|scope| scope.is_some()), "{about}: the scope of {} is nowhere", entity.id);
    }
    let evaluator = ActiveDirectory.evaluator(tables, Settings { as_of: 0 });
    let members: usize = evaluator.classes().iter().map(|class| class.members.len()).sum();
    assert_eq!(members, tables.entities.iter().filter(|entity| entity.present).count(), "{about}");
}

/// Pointers to every value of a document.
fn places(value: &Value, at: &str, out: &mut Vec<String>) {
    out.push(at.to_owned());
    match value {
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(number, one)| places(one, &format!("{at}/{number}"), out));
        }
        Value::Object(object) => object.iter().for_each(|(key, one)| places(one, &format!("{at}/{key}"), out)),
        _ => {}
    }
}

#[test]
fn the_collection_that_is_damaged_is_sound() {
    let tables = read(SOUND.as_bytes());
    makes_sense(&tables, "sound");
    assert_eq!(tables.sources[0].skipped, 0, "{:?}", tables.issues);
    assert_eq!(tables.sources[0].records, 19);
}

#[test]
fn any_value_may_be_of_any_type() {
    let sound: Value = serde_json::from_str(SOUND).unwrap();
    let mut all = Vec::new();
    places(&sound, "", &mut all);
    assert!(all.len() > 400, "{}", all.len());
    let strange = [
        json!(null),
        json!(7),
        json!("S-1-5-21-1-2-3"),
        json!([7, null]),
        json!({"ObjectIdentifier": true}),
        json!(true),
    ];
    for (number, place) in all.iter().enumerate().skip(1) {
        let mut damaged = sound.clone();
        // Every value meets every third replacement, its neighbours the others.
        for one in strange.iter().skip(number % 3).step_by(3) {
            *damaged.pointer_mut(place).unwrap() = one.clone();
            makes_sense(&read(damaged.to_string().as_bytes()), &format!("{place}: {one}"));
        }
    }
}

#[test]
fn a_collection_may_be_cut_anywhere() {
    for end in (0..SOUND.len()).step_by(97) {
        let tables = read(&SOUND.as_bytes()[..end]);
        makes_sense(&tables, &format!("cut at {end}"));
        assert!(tables.issues.iter().any(|issue| issue.severity.as_str() != "note") || end == 0, "cut at {end}");
    }
}

#[test]
fn passwords_are_in_no_table() {
    let mut collection: Value = serde_json::from_str(SOUND).unwrap();
    for object in collection["data"].as_array_mut().unwrap() {
        for field in ["userpassword", "unixpassword", "sfupassword", "unicodepassword"] {
            object["Properties"][field] = json!("hunter2hunter2");
        }
    }
    let tables = read(collection.to_string().as_bytes());
    assert!(!format!("{tables:?}").contains("hunter2"));
    assert!(tables.issues.iter().any(|issue| issue.code == "secret_dropped"));
}
