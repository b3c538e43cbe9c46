//! Objects as a platform's own tools take them (manifests of a cluster): what there is to be, against what there is.
//!
//! The platform reads them as it reads an export. An object that the file defines is compared with the same object of
//! the snapshot; what the file does not define stays as it is, for a manifest never says that something is to go.

use std::collections::BTreeMap;

use super::diff::{Keep, Said, difference};
use super::{Converted, Sink};
use crate::change::error::ChangeError;
use crate::change::read::NoteKind;
use crate::model::{Entity, IssueSeverity, Tables};
use crate::platforms::declared::Stated;
use crate::platforms::{ALL, Platform, input};

/// Name of the form.
pub const FORM: &str = "manifest";

/// Turns a text into operations when some platform takes it for objects of its own.
pub fn convert(text: &str, tables: &Tables, at: &str) -> Option<Converted> {
    let platforms: Vec<&dyn Platform> = ALL.iter().copied().filter(|platform| platform.takes_manifests()).collect();
    let mut reading = input::read_texts([("draft", text.as_bytes())], &platforms);
    if reading.recognised() == 0 {
        return None;
    }
    let mut sink = Sink::default();
    for builder in &mut reading.builders {
        for issue in builder.issues.iter().filter(|issue| issue.severity != IssueSeverity::Note) {
            sink.note(NoteKind::NotConverted, &format!("{at}{}", issue.record), issue.message.clone());
        }
    }
    for platform in &platforms {
        platform.reconcile(&mut reading.builders);
    }
    for platform in &platforms {
        if let Err(why) = platform.locate(&mut reading.builders, tables) {
            return Some(Converted::failed(FORM, ChangeError::new(at, why)));
        }
    }
    let wanted = reading.join(&platforms);
    Some(compare(tables, &wanted, sink))
}

/// The objects that a file defines, by id, with what of their rows it states.
fn objects<'w>(wanted: &'w Tables) -> BTreeMap<&'w str, Stated> {
    let defined = wanted.entities.iter().filter(|entity| entity.present && entity.record.is_some());
    let of = |entity: &'w Entity| Some((entity.id.as_str(), crate::platforms::of(&entity.platform)?.states(entity)?));
    defined.filter_map(of).collect()
}

fn compare(tables: &Tables, wanted: &Tables, mut sink: Sink) -> Converted {
    let objects = objects(wanted);
    let is_there = |entity: &Entity| tables.find(&entity.id).is_some_and(|known| tables.entity(known).present);
    let stated = |entity: &Entity| objects.get(entity.id.as_str()).copied().unwrap_or(Stated::NOTHING);
    for entity in wanted.entities.iter().filter(|entity| entity.present && entity.record.is_some()) {
        if !objects.contains_key(entity.id.as_str()) && is_there(entity) {
            let place = entity.record.clone().unwrap_or_default();
            sink.note(NoteKind::NotConverted, &place, format!("`{}` is not compared with what there is", entity.id));
        }
    }
    let before = Keep {
        entity: &|entity| objects.contains_key(entity.id.as_str()),
        grant: &|holder| stated(holder).statements,
        attachment: &|holder, policy| stated(holder).attached || stated(policy).held,
        membership: &|_, _| false,
        credential: &|_| false,
    };
    let after = Keep {
        entity: &|entity| objects.contains_key(entity.id.as_str()) || !is_there(entity),
        grant: &|holder| stated(holder).statements || !is_there(holder),
        attachment: &|holder, policy| {
            stated(holder).attached || stated(policy).held || !is_there(holder) || !is_there(policy)
        },
        membership: &|member, container| !is_there(member) || !is_there(container),
        credential: &|holder| !is_there(holder),
    };
    let (changes, notes, gone) = difference(Said::of(tables, &before), Said::of(wanted, &after));
    sink.notes.extend(notes);
    Converted { form: FORM, changes, gone, notes: sink.notes, errors: Vec::new() }
}
