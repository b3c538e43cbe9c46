//! YAML as `kubectl` reads it, into JSON values, within limits.
//!
//! Documents are cut apart at their `---` lines before they are parsed, so that one that is broken costs only itself.
//! The elements of a list under `items` at the top are handed over one by one, so that memory is bounded by a
//! document's largest object and not by an export of a whole cluster. Plain words are what YAML 1.1 says (`yes` is
//! true), because the API's own tools read them so. Aliases are expanded within a budget: a document whose aliases
//! multiply beyond it is refused.

use rustc_hash::FxHashMap;
use saphyr_parser::{Event, Parser, ScalarStyle, ScanError};
use serde_json::{Map, Number, Value};

/// Nesting beyond this is refused.
const DEPTH_MAX: usize = 100;
/// Values that the aliases of one document may stand for.
const ALIASED_MAX: usize = 100_000;

/// Something that was read, with the line on which it begins.
#[derive(Debug, PartialEq)]
pub enum Part {
    /// An element of the list `items` of the document that ends next.
    Item(Value),
    /// A document, without such elements.
    Document(Value),
    /// Why a document ends here: nothing after this line of it was read.
    Broken(String),
}

/// Reads all documents of a text.
pub fn read(text: &str, sink: &mut dyn FnMut(Part, usize)) {
    let mut start = 0;
    let mut first_line = 1;
    let mut at = 0;
    for (line, content) in (1usize..).zip(text.split_inclusive('\n')) {
        if is_marker(content) && at > start {
            document(&text[start..at], first_line, sink);
            (start, first_line) = (at, line);
        }
        at += content.len();
    }
    document(&text[start..], first_line, sink);
}

/// Whether a line begins a document.
fn is_marker(line: &str) -> bool {
    line.strip_prefix("---").is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace))
}

fn document(text: &str, first_line: usize, sink: &mut dyn FnMut(Part, usize)) {
    let blank = |line: &str| {
        let line = line.trim();
        line.is_empty() || line.starts_with('#') || line == "---" || line == "..."
    };
    if text.lines().all(blank) {
        return;
    }
    let mut parser = Parser::new_from_str(text);
    let mut loader = Loader { first_line, frames: Vec::new(), anchors: FxHashMap::default(), aliased: 0, done: None };
    while let Some(event) = parser.next_event() {
        let outcome = match event {
            Ok((event, span)) => loader.event(event, span.start.line(), sink),
            Err(error) => Err((error.marker().line(), describe(&error))),
        };
        if let Err((line, why)) = outcome {
            return sink(Part::Broken(why), first_line + line.max(1) - 1);
        }
    }
    if let Some((value, line)) = loader.done {
        sink(Part::Document(value), line);
    }
}

fn describe(error: &ScanError) -> String {
    error.info().to_owned()
}

/// A collection that is open.
enum Frame {
    List { elements: Vec<Value>, anchor: usize, line: usize },
    Map { map: Map<String, Value>, key: Option<String>, anchor: usize, line: usize },
}

struct Loader {
    first_line: usize,
    frames: Vec<Frame>,
    anchors: FxHashMap<usize, (Value, usize)>,
    aliased: usize,
    done: Option<(Value, usize)>,
}

type Failure = (usize, String);

impl Loader {
    fn event(&mut self, event: Event<'_>, line: usize, sink: &mut dyn FnMut(Part, usize)) -> Result<(), Failure> {
        let deep = self.frames.len() >= DEPTH_MAX;
        match event {
            Event::MappingStart(..) | Event::SequenceStart(..) if deep => {
                return Err((line, format!("it is nested deeper than {DEPTH_MAX} levels")));
            }
            Event::MappingStart(anchor, _) => {
                self.frames.push(Frame::Map { map: Map::new(), key: None, anchor, line });
            }
            Event::SequenceStart(anchor, _) => {
                self.frames.push(Frame::List { elements: Vec::new(), anchor, line });
            }
            Event::MappingEnd | Event::SequenceEnd => match self.frames.pop() {
                Some(Frame::Map { map, anchor, line, .. }) => self.value(Value::Object(map), anchor, line, sink),
                Some(Frame::List { elements, anchor, line }) => self.value(Value::Array(elements), anchor, line, sink),
                None => {}
            },
            Event::Scalar(text, style, anchor, tag) => {
                let is_text = tag.is_some_and(|tag| tag.suffix == "str" || tag.suffix == "binary");
                let plain = style == ScalarStyle::Plain && !is_text && !self.is_key_next();
                let value = if plain { resolve(&text) } else { Value::String(text.into_owned()) };
                self.value(value, anchor, line, sink);
            }
            Event::Alias(anchor) => {
                let Some((value, size)) = self.anchors.get(&anchor).cloned() else {
                    return Err((line, "an alias stands for a value that is not complete".to_owned()));
                };
                self.aliased = self.aliased.saturating_add(size);
                if self.aliased > ALIASED_MAX {
                    return Err((line, format!("its aliases stand for more than {ALIASED_MAX} values")));
                }
                self.value(value, 0, line, sink);
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => {}
        }
        Ok(())
    }

    fn is_key_next(&self) -> bool {
        matches!(self.frames.last(), Some(Frame::Map { key: None, .. }))
    }

    /// Whether the innermost collection is the list `items` at the top.
    fn in_items(&self) -> bool {
        matches!(&self.frames[..], [Frame::Map { key: Some(key), .. }, Frame::List { .. }] if key == "items")
    }

    fn value(&mut self, value: Value, anchor: usize, line: usize, sink: &mut dyn FnMut(Part, usize)) {
        if anchor > 0 {
            self.anchors.insert(anchor, (value.clone(), size(&value)));
        }
        let in_file = self.first_line + line.max(1) - 1;
        if self.in_items() {
            return sink(Part::Item(value), in_file);
        }
        match self.frames.last_mut() {
            None => self.done = self.done.take().or(Some((value, in_file))),
            Some(Frame::List { elements, .. }) => elements.push(value),
            Some(Frame::Map { map, key, .. }) => match key.take() {
                None => *key = Some(scalar_key(&value)),
                Some(name) if name == "<<" => merge(map, value),
                Some(name) => {
                    map.insert(name, value);
                }
            },
        }
    }
}

/// A merge key gives what the mapping does not say itself; what stands behind it overwrites it.
fn merge(map: &mut Map<String, Value>, value: Value) {
    match value {
        Value::Object(other) => {
            for (key, value) in other {
                map.entry(key).or_insert(value);
            }
        }
        Value::Array(list) => list.into_iter().filter(Value::is_object).for_each(|one| merge(map, one)),
        _ => {}
    }
}

fn scalar_key(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn size(value: &Value) -> usize {
    match value {
        Value::Array(list) => 1 + list.iter().map(size).sum::<usize>(),
        Value::Object(map) => 1 + map.values().map(size).sum::<usize>(),
        _ => 1,
    }
}

/// What a plain word stands for.
fn resolve(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => return Value::Bool(true),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => return Value::Bool(false),
        _ => {}
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        if let Ok(number) = text.parse::<i64>() {
            return Value::Number(number.into());
        }
        if let Some(number) = text.parse::<f64>().ok().and_then(Number::from_f64) {
            return Value::Number(number);
        }
    }
    Value::String(text.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parts(text: &str) -> Vec<(Part, usize)> {
        let mut out = Vec::new();
        read(text, &mut |part, line| out.push((part, line)));
        out
    }

    #[test]
    fn documents_are_cut_apart_and_a_broken_one_costs_only_itself() {
        let found =
            parts("# first\nkind: A\n---\nkind: [B\n---\n# nothing\n---\nkind: C\nlist:\n- {a: yes}\n- 'yes'\n...\n");
        assert_eq!(found[0], (Part::Document(json!({"kind": "A"})), 2));
        assert!(matches!(&found[1], (Part::Broken(_), 4..=5)), "{:?}", found[1]);
        assert_eq!(found[2], (Part::Document(json!({"kind": "C", "list": [{"a": true}, "yes"]})), 8));
        assert_eq!(found.len(), 3);
        assert!(parts("").is_empty() && parts("---\n---\n").is_empty());
    }

    #[test]
    fn the_items_of_a_list_come_one_by_one() {
        let found = parts("apiVersion: v1\nitems:\n- kind: A\n  items:\n  - 1\n- kind: B\nkind: List\n");
        assert_eq!(found[0], (Part::Item(json!({"kind": "A", "items": [1]})), 3));
        assert_eq!(found[1], (Part::Item(json!({"kind": "B"})), 6));
        assert_eq!(found[2].0, Part::Document(json!({"apiVersion": "v1", "items": [], "kind": "List"})));
    }

    #[test]
    fn aliases_and_merges_are_expanded_within_a_budget() {
        let found = parts("base: &b {x: 1, y: 2}\nown: {<<: *b, y: 3}\nsame: *b\n");
        let expected = json!({"base": {"x": 1, "y": 2}, "own": {"x": 1, "y": 3}, "same": {"x": 1, "y": 2}});
        assert_eq!(found[0].0, Part::Document(expected));
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for at in 1..12 {
            let list = vec![format!("*a{}", at - 1); 10].join(", ");
            bomb += &format!("a{at}: &a{at} [{list}]\n");
        }
        let found = parts(&bomb);
        assert!(matches!(&found[..], [(Part::Broken(why), _)] if why.contains("aliases")), "{found:?}");
        for own in ["a: &a [*a]", "&a {b: *a}", "*a"] {
            assert!(matches!(parts(own)[..], [(Part::Broken(_), 1)]), "{own}: {:?}", parts(own));
        }
        let deep = parts(&"[".repeat(200_000));
        assert!(matches!(&deep[..], [(Part::Broken(_), 1)]), "{deep:?}");
        let deep = parts(&"- ".repeat(20_000));
        assert!(matches!(&deep[..], [(Part::Broken(_), 1)]), "{deep:?}");
    }

    #[test]
    fn scalars_are_what_the_tools_of_the_api_take_them_for() {
        let found =
            parts("a: yes\nb: 'yes'\nc: 12\nd: 1.5\ne: ~\nf: 0x1f\ng: 1.2.3\nh: |\n  text\n12: key\nyes: key\ni: +\n");
        let expected = json!({"a": true, "b": "yes", "c": 12, "d": 1.5, "e": null, "f": "0x1f", "g": "1.2.3",
            "h": "text\n", "12": "key", "yes": "key", "i": "+"});
        assert_eq!(found[0].0, Part::Document(expected));
    }
}
