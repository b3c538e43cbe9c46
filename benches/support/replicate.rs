//! One account's authorization details, many times over in one account.
//!
//! Every copy has users, groups, roles, policies and instance profiles of its own: their names end in the copy's
//! number, and so does whatever refers to them, in documents, trusts, attachments and memberships. What the export
//! refers to without defining it (AWS's own policies, other accounts, principals that are gone) is the same for all
//! copies. Records are written one at a time; memory is the base's.
//!
//! The answer of such an account is known: what holds of a principal holds of each of its copies, because a copy has
//! for each of its own targets what the others' targets offer. [`super::super`] checks that before it measures.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::path::Path;

use serde::Serialize;
use serde_json::ser::PrettyFormatter;
use serde_json::{Map, Serializer, Value};

/// Lists of an export, in the order in which AWS writes them.
const LISTS: [&str; 4] = ["UserDetailList", "GroupDetailList", "RoleDetailList", "Policies"];
/// Fields with the name of something that a copy has of its own.
const NAMES: [&str; 4] = ["UserName", "GroupName", "RoleName", "InstanceProfileName"];
/// Fields with the unique id of something.
const IDS: [&str; 5] = ["UserId", "GroupId", "RoleId", "PolicyId", "InstanceProfileId"];
/// Digits of a copy's number in a unique id, which is in hexadecimal there.
const ID_DIGITS: usize = 6;

/// An export that is copied.
pub struct Base {
    records: [Vec<Value>; 4],
    /// ARNs that the export defines.
    arns: BTreeSet<String>,
    ids: BTreeSet<String>,
    groups: BTreeSet<String>,
}

impl Base {
    /// Reads an export whose documents are objects (as the AWS command line prints them).
    pub fn read(path: &Path) -> io::Result<Self> {
        let mut whole: Map<String, Value> = serde_json::from_reader(BufReader::new(File::open(path)?))?;
        let records = LISTS.map(|list| match whole.remove(list) {
            Some(Value::Array(records)) => records,
            _ => Vec::new(),
        });
        let mut base = Self { records, arns: BTreeSet::new(), ids: BTreeSet::new(), groups: BTreeSet::new() };
        let mut defined = (BTreeSet::new(), BTreeSet::new());
        for record in base.records.iter().flatten() {
            define(record, &mut defined.0, &mut defined.1);
        }
        (base.arns, base.ids) = defined;
        base.groups =
            base.records[1].iter().filter_map(|group| Some(group["GroupName"].as_str()?.to_owned())).collect();
        Ok(base)
    }

    /// Roles of one copy.
    pub fn roles(&self) -> usize {
        self.records[2].len()
    }

    /// ARNs of the users and roles of a copy.
    pub fn principals(&self, copy: usize) -> Vec<String> {
        let all = self.records[0].iter().chain(&self.records[2]);
        all.filter_map(|record| Some(self.text(record["Arn"].as_str()?, copy))).collect()
    }

    /// Writes an export with so many copies.
    pub fn write(&self, copies: usize, path: &Path) -> io::Result<()> {
        let mut out = BufWriter::new(File::create(path)?);
        let mut separator = "{\n";
        for (list, records) in LISTS.iter().zip(&self.records) {
            write!(out, "{separator} \"{list}\": [")?;
            separator = "\n ],\n";
            let mut comma = "\n";
            for copy in 0..copies {
                for record in records.iter().filter(|record| copy == 0 || self.is_own(record)) {
                    out.write_all(comma.as_bytes())?;
                    comma = ",\n";
                    let mut form = Serializer::with_formatter(&mut out, PrettyFormatter::with_indent(b" "));
                    self.copied("", record, copy).serialize(&mut form)?;
                }
            }
        }
        out.write_all(b"\n ]\n}\n")?;
        out.flush()
    }

    fn is_own(&self, record: &Value) -> bool {
        ["Arn", "PolicyArn"].iter().any(|key| record[*key].as_str().is_some_and(|arn| self.arns.contains(arn)))
    }

    /// A value of a record in a copy; `key` is the field that it is in.
    fn copied(&self, key: &str, value: &Value, copy: usize) -> Value {
        match value {
            Value::Array(list) => list.iter().map(|one| self.copied(key, one, copy)).collect(),
            Value::Object(fields) => {
                let own = self.is_own(value);
                let field = |(key, value): (&String, &Value)| {
                    let named = NAMES.contains(&key.as_str()) || (key == "PolicyName" && own);
                    let copied = match value.as_str() {
                        Some(name) if named => Value::String(format!("{name}-{copy:05}")),
                        _ => self.copied(key, value, copy),
                    };
                    (key.clone(), copied)
                };
                Value::Object(fields.iter().map(field).collect())
            }
            Value::String(text) if key == "GroupList" && self.groups.contains(text) => {
                Value::String(format!("{text}-{copy:05}"))
            }
            Value::String(text) if self.ids.contains(text) => Value::String(id(text, copy)),
            Value::String(text) => Value::String(self.text(text, copy)),
            other => other.clone(),
        }
    }

    /// A text with the ARNs that the export defines made the copy's.
    fn text(&self, text: &str, copy: usize) -> String {
        let mut out = String::with_capacity(text.len() + 8);
        let mut rest = text;
        while let Some(at) = rest.find("arn:") {
            out.push_str(&rest[..at]);
            let arn = &rest[at..];
            let end = arn.find(|letter: char| letter.is_whitespace() || "\"'<>()[]".contains(letter));
            let (arn, after) = arn.split_at(end.unwrap_or(arn.len()));
            out.push_str(&self.arn(arn, copy));
            rest = after;
        }
        out + rest
    }

    fn arn(&self, arn: &str, copy: usize) -> String {
        if self.arns.contains(arn) {
            return format!("{arn}-{copy:05}");
        }
        // A session is its role's.
        if let Some((account, role, session)) = session(arn) {
            let own = |known: &&String| known.contains(account) && known.ends_with(&format!("/{role}"));
            if self.arns.iter().filter(|known| known.contains(":role/")).any(|known| own(&known)) {
                return arn.replacen(&format!("/{role}/{session}"), &format!("/{role}-{copy:05}/{session}"), 1);
            }
        }
        arn.to_owned()
    }
}

fn session(arn: &str) -> Option<(&str, &str, &str)> {
    let (start, rest) = arn.split_once(":assumed-role/")?;
    let (role, session) = rest.split_once('/')?;
    Some((start.rsplit(':').next()?, role, session))
}

/// Takes note of the ARNs and unique ids that a record defines, at any depth: an instance profile is inside its role.
fn define(value: &Value, arns: &mut BTreeSet<String>, ids: &mut BTreeSet<String>) {
    if let Value::Array(list) = value {
        for one in list {
            define(one, arns, ids);
        }
    }
    let Value::Object(fields) = value else { return };
    for (key, value) in fields {
        match value {
            Value::String(text) if key == "Arn" && !text.contains("::aws:") => drop(arns.insert(text.clone())),
            Value::String(text) if IDS.contains(&key.as_str()) => drop(ids.insert(text.clone())),
            other => define(other, arns, ids),
        }
    }
}

/// A unique id with the copy's number in place of its last digits.
fn id(id: &str, copy: usize) -> String {
    let mut out: String = id.chars().take(id.len().saturating_sub(ID_DIGITS)).collect();
    let _ = write!(out, "{copy:0ID_DIGITS$X}");
    out
}
