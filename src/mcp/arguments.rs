//! What a tool is called with: exactly what its schema names, of the type that it names.

use serde_json::{Map, Value, json};

use super::session::Refusal;
use super::tools::Tool;
use crate::context::Scope;
use crate::context::text::visible;
use crate::model::naming::{Named, Names};
use crate::model::{Entity, EntityId};

/// Candidates that a refusal lists.
const LISTED_N: usize = 10;
/// Arguments that say which page, and not which question.
const PAGING: [&str; 2] = ["cursor", "budget_tokens"];

/// The arguments of a call.
pub(super) struct Arguments<'a>(&'a Map<String, Value>);

impl<'a> Arguments<'a> {
    /// Arguments that a tool knows, with all that it needs.
    pub(super) fn of(tool: &Tool, given: &'a Map<String, Value>) -> Result<Self, Refusal> {
        let schema = tool.input_schema();
        let known = schema.get("properties").and_then(Value::as_object);
        for name in given.keys() {
            if !known.is_some_and(|known| known.contains_key(name)) {
                let names: Vec<&str> = known.into_iter().flat_map(Map::keys).map(String::as_str).collect();
                let name = visible(name, 100);
                return Err(Refusal(format!("`{}` has no argument `{name}`; it has {}", tool.name, names.join(", "))));
            }
        }
        let needed = schema.get("required").and_then(Value::as_array).into_iter().flatten();
        for name in needed.filter_map(Value::as_str) {
            if given.get(name).is_none_or(Value::is_null) {
                return Err(Refusal(format!("`{}` needs the argument `{name}`", tool.name)));
            }
        }
        Ok(Self(given))
    }

    fn get(&self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// The text of an argument, where it is given.
    pub(super) fn text(&self, name: &str) -> Result<Option<&'a str>, Refusal> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Refusal(format!("`{name}` must be a text"))),
        }
    }

    /// The whole number of an argument, where it is given.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, Refusal> {
        match self.get(name) {
            None => Ok(None),
            Some(value) => value.as_u64().map(Some).ok_or_else(|| Refusal(format!("`{name}` must be a whole number"))),
        }
    }

    /// One of the names of a closed list, where it is given.
    pub(super) fn one_of<T: Copy>(
        &self,
        name: &str,
        all: &[T],
        text: fn(T) -> &'static str,
    ) -> Result<Option<T>, Refusal> {
        let Some(given) = self.text(name)? else { return Ok(None) };
        let found = all.iter().copied().find(|one| text(*one) == given);
        let known: Vec<&str> = all.iter().map(|one| text(*one)).collect();
        found.map(Some).ok_or_else(|| Refusal(format!("`{name}` must be one of {}", known.join(", "))))
    }

    /// A document: an object, or its text.
    pub(super) fn document(&self, name: &str) -> Result<String, Refusal> {
        match self.get(name) {
            Some(Value::String(text)) => Ok(text.clone()),
            Some(value @ (Value::Object(_) | Value::Array(_))) => Ok(value.to_string()),
            _ => Err(Refusal(format!("`{name}` must be an object, or the text of a document"))),
        }
    }

    /// The entity of the domain that an argument names, where it is given: by its id, the end of its id, its name. What is
    /// outside the domain and what is nowhere are refused alike.
    pub(super) fn entity(&self, name: &str, scope: &Scope) -> Result<Option<EntityId>, Refusal> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let exact = scope.world().tables.find(text).filter(|&id| scope.holds(id));
        if let Some(found) = exact {
            return Ok(Some(found));
        }
        let mut names = Names::new([text]);
        scope.entities().for_each(|entity| names.learn(entity));
        match names.find(text, |entity| Some(u8::from(!entity.is_principal()))) {
            Named::One(found) => Ok(Some(found.entity)),
            Named::Nothing => Err(stranger(text, scope)),
            Named::Several(found) => Err(Refusal(ambiguous(&visible(text, 200), &found))),
        }
    }

    /// The question without its page, by which a cursor is bound to it.
    pub(super) fn question(&self, tool: &Tool) -> String {
        let rest: Map<String, Value> = self
            .0
            .iter()
            .filter(|(name, value)| !PAGING.contains(&name.as_str()) && !value.is_null())
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        json!({"tool": tool.name, "arguments": rest}).to_string()
    }
}

/// The refusal of what is outside the domain, and of what is nowhere.
pub(super) fn stranger(text: &str, scope: &Scope) -> Refusal {
    let (text, domain) = (visible(text, 200), visible(scope.domain(), 200));
    Refusal(format!("`{text}` is not in the domain `{domain}`; `query_findings` and `score` list who is"))
}

fn ambiguous(text: &str, found: &[&Entity]) -> String {
    let ids: Vec<String> =
        found.iter().take(LISTED_N).map(|entity| format!("`{}`", visible(&entity.id, 300))).collect();
    format!("`{text}` is the name of {} entities; give one in full: {}", found.len(), ids.join(", "))
}
