//! A row as an assistant is shown it: cited, redacted, bounded.

use serde_json::{Map, Value, json};

use super::classes::{self, Shown};
use super::parts::{self, Part};
use super::scope::Scope;
use super::text::{ID_CHARS_MAX, LIST_ITEMS_MAX, TEXT_CHARS_MAX, visible};
use crate::model::text::format_time;
use crate::model::{Edge, EntityId};

/// A row of a domain.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    pub part: Part,
    /// Row of the stored table, from 0.
    pub row: u32,
    /// Columns by name. An unknown value, an empty list and a withheld column are not there; the manifest says which
    /// columns are withheld.
    pub data: Map<String, Value>,
}

impl Fact {
    /// The id by which a claim cites the fact: `table#row`.
    #[must_use]
    pub fn id(&self) -> String {
        id(self.part, self.row)
    }

    /// Where the fact stands.
    #[must_use]
    pub fn citation(&self, snapshot: &str) -> Value {
        json!({"table": self.part, "row": self.row, "snapshot": snapshot})
    }

    /// `{id, citation{table, row, snapshot}, data{…}}`.
    #[must_use]
    pub fn json(&self, snapshot: &str) -> Value {
        json!({"id": self.id(), "citation": self.citation(snapshot), "data": self.data})
    }
}

/// Id of the fact of a row.
pub(super) fn id(part: Part, row: u32) -> String {
    format!("{part}#{row}")
}

impl Scope {
    /// The fact of a row; `None` for a row that is not of the domain.
    #[must_use]
    pub fn fact(&self, part: Part, row: u32) -> Option<Fact> {
        self.rows(part).binary_search(&row).ok()?;
        let mut stored = parts::row(self.world(), part, row as usize);
        let about = parts::about(self.world(), part, row as usize);
        let ours = about.first().is_none_or(|&owner| self.holds(owner));
        let mut data = Map::new();
        for column in classes::of(part) {
            let Some(value) = stored.remove(column.name) else { continue };
            if let Some(shown) = self.shown(column.shown, value, ours) {
                data.insert(column.name.to_owned(), shown);
            }
        }
        Some(Fact { part, row, data })
    }

    /// The fact that an id cites; `None` for what is no id of a fact of the domain.
    #[must_use]
    pub fn cited(&self, id: &str) -> Option<Fact> {
        let (table, row) = id.split_once('#')?;
        self.fact(Part::parse(table)?, row.parse().ok()?)
    }

    /// A cell as its column is shown; `None` for what is not known, empty or withheld. Free text is shown only of rows
    /// that are `ours`.
    fn shown(&self, how: Shown, value: Value, ours: bool) -> Option<Value> {
        if value.is_null() {
            return None;
        }
        match how {
            Shown::Withheld => None,
            Shown::Plain | Shown::Share => Some(plain(value)),
            Shown::Id => Some(json!(visible(value.as_str()?, ID_CHARS_MAX))),
            Shown::IdText => Some(self.named(value.as_str()?)),
            Shown::Ref => Some(self.reference(entity(&value)?)),
            Shown::Refs => list(&value, |one| Some(self.reference(entity(one)?))),
            Shown::Node => Some(self.node(u32::try_from(value.as_u64()?).ok()?)),
            Shown::Statement => self.statement(&value),
            Shown::Statements => list(&value, |one| self.statement(one)),
            Shown::Steps => {
                Some(self.steps(&value)).filter(|steps| steps.as_array().is_some_and(|list| !list.is_empty()))
            }
            Shown::Time => value.as_i64().map(|time| json!(format_time(time))),
            Shown::Person => Some(json!(visible(&self.person(value.as_str()?), TEXT_CHARS_MAX))),
            Shown::Text | Shown::Texts | Shown::Action | Shown::Actions | Shown::Condition if !ours => None,
            Shown::Action => Some(self.action(value.as_str()?)),
            Shown::Actions => list(&value, |one| Some(self.action(one.as_str()?))),
            Shown::Text => Some(self.prose(value.as_str()?)),
            Shown::Texts => list(&value, |one| Some(self.prose(one.as_str()?))),
            Shown::Condition => Some(self.prose(&without_external_ids(value.as_str()?))),
        }
    }

    fn action(&self, text: &str) -> Value {
        json!(visible(&self.scrubber.scrub_ids(self, text), TEXT_CHARS_MAX))
    }

    fn prose(&self, text: &str) -> Value {
        json!(visible(&self.scrub(text), TEXT_CHARS_MAX))
    }

    /// A text that is an id: of the domain, of an entity outside, or of nothing that the snapshot has.
    fn named(&self, id: &str) -> Value {
        match self.world().tables.find(id) {
            Some(entity) => self.reference(entity),
            None => json!({"stub": self.stub(id), "kind": "external"}),
        }
    }

    /// A node of the attack graph. A target set is `{target_set, targets_n}`.
    fn node(&self, node: u32) -> Value {
        let world = self.world();
        if (node as usize) < world.tables.entities.len() {
            return self.reference(EntityId(node));
        }
        let sets = &world.results.target_sets;
        let targets = sets.iter().find(|set| set.node == node).map(|set| set.targets_n);
        json!({"target_set": node as usize - world.tables.entities.len(), "targets_n": targets})
    }

    /// A statement: the id of its fact where the domain holds it, else a stub.
    fn statement(&self, number: &Value) -> Option<Value> {
        let row = u32::try_from(number.as_u64()?).ok()?;
        if self.rows(Part::Grants).binary_search(&row).is_ok() {
            return Some(json!(id(Part::Grants, row)));
        }
        Some(json!({"stub": self.stub(&format!("grants#{row}")), "kind": "statement"}))
    }

    /// The steps of a path, target sets expanded away. Of a step between two that lie outside, only its certainty is
    /// shown.
    fn steps(&self, edges: &Value) -> Value {
        let world = self.world();
        let entities = world.tables.entities.len();
        let mut steps = Vec::new();
        let mut through: Option<&Edge> = None;
        for number in edges.as_array().into_iter().flatten().filter_map(Value::as_u64) {
            let Some(edge) = usize::try_from(number).ok().and_then(|number| world.results.edges.get(number)) else {
                continue;
            };
            // The edge into a target set says by what; the one out of it only which target it is.
            let said = through.take().unwrap_or(edge);
            if edge.dst as usize >= entities {
                through = Some(said);
                continue;
            }
            steps.push(self.step(said, EntityId(edge.dst)));
        }
        Value::Array(steps)
    }

    fn step(&self, said: &Edge, to: EntityId) -> Value {
        let from = EntityId(said.src);
        let mut step = json!({"from": self.reference(from), "to": self.reference(to), "certainty": said.certainty});
        if self.holds(from) || self.holds(to) {
            step["technique"] = json!(visible(&said.technique, TEXT_CHARS_MAX));
        }
        if self.holds(from) && !said.reasons.is_empty() {
            step["reasons"] = said.reasons.iter().take(LIST_ITEMS_MAX).map(|reason| self.prose(reason)).collect();
        }
        step
    }
}

fn entity(value: &Value) -> Option<EntityId> {
    Some(EntityId(u32::try_from(value.as_u64()?).ok()?))
}

/// A cell that names nothing: texts are cut and made visible all the same.
fn plain(value: Value) -> Value {
    match value {
        Value::String(text) => json!(visible(&text, TEXT_CHARS_MAX)),
        other => other,
    }
}

/// A list as shown, `None` when it is empty. What is too long says in its last item how many more there are.
fn list(value: &Value, shown: impl Fn(&Value) -> Option<Value>) -> Option<Value> {
    let items = value.as_array().filter(|items| !items.is_empty())?;
    let mut list: Vec<Value> = items.iter().take(LIST_ITEMS_MAX).filter_map(shown).collect();
    if items.len() > LIST_ITEMS_MAX {
        list.push(json!({"more": items.len() - LIST_ITEMS_MAX}));
    }
    Some(Value::Array(list))
}

/// A condition block with the values of external ids, which are secrets between two parties, left out.
fn without_external_ids(text: &str) -> String {
    let Ok(mut block) = serde_json::from_str::<Value>(text) else { return text.to_owned() };
    clean(&mut block);
    block.to_string()
}

fn clean(block: &mut Value) {
    match block {
        Value::Object(fields) => {
            for (key, value) in fields {
                if key.to_ascii_lowercase().contains("externalid") {
                    *value = json!("withheld");
                } else {
                    clean(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(clean),
        _ => {}
    }
}
