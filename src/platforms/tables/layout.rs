//! What each kind of table holds, and where its fields come from: the built-in header, or a mapping file.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::rows::ADMINISTERS;
use crate::model::text::glob;
use crate::platforms::assigned::LEVELS;
use crate::platforms::input::{Guide, mapping, table::column_name};

/// What the rows of a table are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holds {
    Principals,
    Groups,
    Memberships,
    Resources,
    Grants,
    Rights,
    Keys,
    Usage,
    Owners,
}

/// A kind of table: its fields, and the columns that tell it where no mapping file does.
pub struct Kind {
    pub holds: Holds,
    /// As a mapping file writes it.
    pub name: &'static str,
    /// Fields without which a row says nothing.
    pub required: &'static [&'static str],
    pub optional: &'static [&'static str],
    /// Columns of the built-in header that are there besides the required ones.
    telling: &'static [&'static str],
}

/// Every kind, in the order in which headers are compared with them: those with the most telling columns first.
pub const KINDS: &[Kind] = &[
    Kind {
        holds: Holds::Keys,
        name: "keys",
        required: &["system", "principal", "key"],
        optional: &["kind", "created_at", "expires_at", "last_used_at", "last_rotated_at", "active"],
        telling: &[],
    },
    Kind {
        holds: Holds::Usage,
        name: "usage",
        required: &["system", "principal"],
        optional: &["right", "last_used_at", "count", "window_start", "window_end"],
        telling: &["right", "last_used_at"],
    },
    Kind {
        holds: Holds::Grants,
        name: "grants",
        required: &["system", "principal", "right"],
        optional: &[
            "resource",
            "on",
            "inside",
            "effect",
            "level",
            "condition",
            "granted_at",
            "expires_at",
            "grant",
            "holder",
        ],
        telling: &[],
    },
    Kind {
        holds: Holds::Principals,
        name: "principals",
        required: &["system", "principal"],
        optional: &[
            "kind",
            "name",
            "scope",
            "nhi",
            "enabled",
            "created_at",
            "last_used_at",
            "owner",
            "email",
            "env",
            "criticality",
            "protected",
        ],
        telling: &["kind"],
    },
    Kind {
        holds: Holds::Owners,
        name: "owners",
        required: &["system", "principal", "owner"],
        optional: &[],
        telling: &[],
    },
    Kind {
        holds: Holds::Memberships,
        name: "memberships",
        required: &["system", "member", "group"],
        optional: &["standing", "expires_at"],
        telling: &[],
    },
    Kind {
        holds: Holds::Groups,
        name: "groups",
        required: &["system", "group"],
        optional: &["name", "scope", "owner", "protected", "criticality"],
        telling: &[],
    },
    Kind { holds: Holds::Rights, name: "rights", required: &["system", "right", "level"], optional: &[], telling: &[] },
    Kind {
        holds: Holds::Resources,
        name: "resources",
        required: &["system", "resource"],
        optional: &["kind", "name", "parent", "owner", "env", "criticality", "protected"],
        telling: &[],
    },
];

impl Kind {
    /// The kind that a table holds.
    #[must_use]
    pub fn of(holds: Holds) -> &'static Self {
        KINDS.iter().find(|kind| kind.holds == holds).unwrap_or(&KINDS[0])
    }

    /// The kind that a header of the documented columns tells; `None` for every other header.
    #[must_use]
    pub fn told_by(columns: &[String]) -> Option<&'static Self> {
        let has = |wanted: &&str| columns.iter().any(|column| column == wanted);
        KINDS.iter().find(|kind| kind.required.iter().all(has) && kind.telling.iter().all(has))
    }

    fn knows(&self, field: &str) -> bool {
        self.required.contains(&field) || self.optional.contains(&field)
    }
}

/// Where the values of one field come from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Field {
    /// Column, in the form of [`column_name`]; the field's own name when a mapping says nothing.
    pub column: String,
    /// Whether a mapping file names the column, so that it must be there.
    pub mapped: bool,
    /// Value where there is no column, or the cell says nothing.
    pub constant: Option<String>,
    /// What words of the export stand for, in lower case.
    pub values: BTreeMap<String, String>,
}

/// How one table is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    pub holds: Holds,
    pub fields: BTreeMap<String, Field>,
    /// Form of times, as `strftime` writes it; ISO 8601 without.
    pub time: Option<String>,
    /// Levels of rights, by right.
    pub levels: BTreeMap<String, String>,
}

impl Layout {
    /// The documented columns of a kind.
    #[must_use]
    pub fn documented(kind: &Kind) -> Self {
        let all = kind.required.iter().chain(kind.optional);
        let field = |name: &&str| ((*name).to_owned(), Field { column: (*name).to_owned(), ..Field::default() });
        Self { holds: kind.holds, fields: all.map(field).collect(), time: None, levels: BTreeMap::new() }
    }
}

/// One `[[table]]` of a mapping file, as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    files: String,
    holds: Holds,
    system: Option<String>,
    #[serde(default)]
    columns: BTreeMap<String, String>,
    #[serde(default)]
    constants: BTreeMap<String, Value>,
    #[serde(default)]
    values: BTreeMap<String, BTreeMap<String, Value>>,
    time: Option<String>,
    #[serde(default)]
    levels: BTreeMap<String, String>,
}

/// A table that a mapping file describes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapped {
    /// Pattern over paths.
    files: String,
    pub layout: Layout,
}

impl Mapped {
    /// Whether a file is described here: its path, or what of it stands behind a `/`, matches.
    #[must_use]
    pub fn is_about(&self, path: &str) -> bool {
        let parts = path.match_indices(['/', '!']).map(|(at, _)| &path[at + 1..]);
        std::iter::once(path).chain(parts).any(|end| glob(&self.files, end))
    }
}

/// The tables that a mapping file describes, each with what is wrong with it.
#[must_use]
pub fn mapped(content: &Value) -> Vec<Result<Mapped, String>> {
    match content.get("table") {
        Some(Value::Array(list)) => list.iter().map(|row| one(row.clone())).collect(),
        Some(_) => vec![Err("`table` is to be a list: write `[[table]]`".to_owned())],
        None => Vec::new(),
    }
}

fn one(row: Value) -> Result<Mapped, String> {
    let written: Written = serde_json::from_value(row).map_err(|error| error.to_string())?;
    let kind = Kind::of(written.holds);
    let mut layout = Layout::documented(kind);
    if let Some(form) = written.time.as_deref().filter(|form| !is_time(form)) {
        return Err(format!("`{form}` is no form of times: write it as strftime does, or `seconds` or `milliseconds`"));
    }
    if let Some((right, level)) = written.levels.iter().find(|(_, level)| !is_level(level)) {
        return Err(format!("the level `{level}` of `{right}` is none of {LEVEL_WORDS}"));
    }
    layout.time = written.time;
    layout.levels = written.levels;
    let named = written.columns.keys().chain(written.constants.keys()).chain(written.values.keys());
    if let Some(odd) = named.into_iter().find(|field| !kind.knows(field)) {
        let known = [kind.required, kind.optional].concat().join(", ");
        return Err(format!("`{odd}` is no field of {}; known here: {known}", kind.name));
    }
    for (name, field) in &mut layout.fields {
        if let Some(column) = written.columns.get(name) {
            (field.column, field.mapped) = (column_name(column), true);
        }
        field.constant = written.constants.get(name).map(plain);
        let values = written.values.get(name).into_iter().flatten();
        field.values = values.map(|(from, to)| (from.to_lowercase(), plain(to))).collect();
    }
    if let (Some(system), Some(field)) = (written.system, layout.fields.get_mut("system")) {
        field.constant = Some(system);
    }
    Ok(Mapped { files: written.files, layout })
}

/// Levels of rights, for people.
pub const LEVEL_WORDS: &str = "list, read, write, permissions and administers";

/// Whether a word is a level of a right.
#[must_use]
pub fn is_level(word: &str) -> bool {
    LEVELS.iter().any(|(level, _)| *level == word) || word == ADMINISTERS
}

/// Whether a text is a form of times.
fn is_time(form: &str) -> bool {
    let is_error = |item: chrono::format::Item<'_>| item == chrono::format::Item::Error;
    matches!(form, "seconds" | "milliseconds") || !chrono::format::StrftimeItems::new(form).any(is_error)
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// How a file is read, as the mapping files of a scan say: the first that describes it.
#[must_use]
pub fn described(guides: &[Guide], path: &str) -> Option<Layout> {
    let files = guides.iter().filter(|guide| mapping::has_mark(guide.text.as_bytes()));
    files
        .filter_map(|guide| mapping::parse(&guide.text).ok())
        .flat_map(|content| mapped(&content))
        .filter_map(Result::ok)
        .find(|table| table.is_about(path))
        .map(|table| table.layout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_tell_one_kind_and_those_of_governance_tables_none() {
        let told = |columns: &[&str]| {
            Kind::told_by(&columns.iter().map(|&column| column.to_owned()).collect::<Vec<_>>()).map(|kind| kind.name)
        };
        for (columns, expected) in [
            (&["system", "principal", "kind", "owner"][..], Some("principals")),
            (&["system", "principal", "right", "resource"], Some("grants")),
            (&["system", "principal", "right", "last_used_at"], Some("usage")),
            (&["system", "principal", "key", "created_at"], Some("keys")),
            (&["system", "principal", "owner"], Some("owners")),
            (&["system", "member", "group"], Some("memberships")),
            (&["system", "group"], Some("groups")),
            (&["system", "right", "level"], Some("rights")),
            (&["system", "resource", "parent"], Some("resources")),
            (&["principal", "owner"], None),
            (&["principal", "permission", "last_used_at"], None),
            (&["system", "principal"], None),
        ] {
            assert_eq!(told(columns), expected, "{columns:?}");
        }
    }

    #[test]
    fn a_mapping_says_where_fields_come_from_and_what_is_wrong_with_it() {
        let content = mapping::parse(
            "overgrant_mapping = 1\n[[table]]\nfiles = \"sap/*.csv\"\nholds = \"principals\"\nsystem = \"sap\"\n\
             columns = { principal = \"User ID\" }\nvalues.enabled = { L = \"no\", 0 = true }\n\
             [[table]]\nfiles = \"x\"\nholds = \"principals\"\ncolumns = { colour = \"c\" }\n\
             [[table]]\nfiles = \"x\"\nholds = \"secrets\"\n",
        );
        let tables = mapped(&content.expect("a mapping"));
        let [Ok(first), Err(field), Err(kind)] = &tables[..] else { panic!("{tables:?}") };
        assert!(field.contains("`colour` is no field of principals") && kind.contains("secrets"), "{field}; {kind}");
        assert!(first.is_about("exports/sap/users.csv") && first.is_about("a.zip!sap/u.csv"));
        assert!(!first.is_about("exports/unsap/users.csv"));
        let principal = &first.layout.fields["principal"];
        assert_eq!((principal.column.as_str(), principal.mapped), ("user_id", true));
        assert_eq!(first.layout.fields["system"].constant.as_deref(), Some("sap"));
        assert_eq!(first.layout.fields["enabled"].values["0"], "true");
    }
}
