//! JSON in which a key stands once: what is said twice could be read in two ways by two readers.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::change::decode::place;
use crate::change::error::ChangeError;

/// Reads a JSON document.
///
/// # Errors
/// That it is no JSON, or every key that an object has twice.
pub fn parse(text: &str) -> Result<Value, Vec<ChangeError>> {
    let mut twice = Vec::new();
    let mut from = serde_json::Deserializer::from_str(text);
    let seed = Strict { at: String::new(), twice: &mut twice };
    let value = seed.deserialize(&mut from).and_then(|value| from.end().map(|()| value));
    match value {
        Ok(value) if twice.is_empty() => Ok(value),
        Ok(_) => Err(twice
            .into_iter()
            .map(|at| ChangeError::new(&at, "the key is there twice").hint("say each thing once"))
            .collect()),
        Err(error) => {
            let at = format!("line {}, column {}", error.line(), error.column());
            Err(vec![ChangeError::new(&at, format!("it is no JSON: {error}"))])
        }
    }
}

struct Strict<'p> {
    at: String,
    twice: &'p mut Vec<String>,
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) =
            items.next_element_seed(Strict { at: format!("{}/{}", self.at, list.len()), twice: self.twice })?
        {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let at = place(&self.at, &key);
            if map.contains_key(&key) {
                self.twice.push(at.clone());
            }
            let value = entries.next_value_seed(Strict { at, twice: self.twice })?;
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_twice_is_refused_with_its_place() {
        let errors = parse(r#"{"a":[{"b":1,"b":2}],"a/c":{"d":null},"a":0}"#).unwrap_err();
        let places: Vec<&str> = errors.iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!(places, ["/a/0/b", "/a"]);
        let text = r#"{"a":[1,-2,2.5,"x",true,null,{}]}"#;
        assert_eq!(parse(text).unwrap(), serde_json::from_str::<Value>(text).unwrap());
        assert!(parse("{").unwrap_err()[0].pointer.starts_with("line 1"));
        assert!(parse("{} {}").is_err());
        assert!(parse(&"[".repeat(100_000)).is_err(), "deep nesting ends in an error and not the process");
    }
}
