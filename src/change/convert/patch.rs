//! A change set and a JSON Patch (RFC 6902) of it: `{"base": CHANGE SET, "patch": [OPERATIONS]}`.

use serde_json::Value;

use crate::change::error::ChangeError;

/// Bytes that a patch copies at most, inside of what it patches.
const COPIED_MAX: usize = 4 * 1024 * 1024;

/// Whether a document is a change set with a patch.
pub fn is_patched(value: &Value) -> bool {
    value.get("base").is_some() && value.get("patch").is_some()
}

/// The change set that the patch makes of it.
///
/// # Errors
/// The first operation that cannot be made: later ones count on it.
pub fn patched(value: &Value) -> Result<Value, ChangeError> {
    let known = ["base", "patch"];
    if let Some(key) =
        value.as_object().into_iter().flatten().map(|(key, _)| key).find(|key| !known.contains(&key.as_str()))
    {
        return Err(ChangeError::new(&format!("/{key}"), format!("there is no field `{key}` here"))
            .hint("the fields are base, patch"));
    }
    let mut document = value.get("base").cloned().unwrap_or(Value::Null);
    let Some(Value::Array(operations)) = value.get("patch") else {
        return Err(ChangeError::new("/patch", "a patch is a list of operations").hint("see RFC 6902"));
    };
    let mut copied = 0;
    for (number, operation) in operations.iter().enumerate() {
        let at = format!("/patch/{number}");
        copied += copy_size(&document, operation);
        if copied > COPIED_MAX {
            let problem = format!("the patch copies more than {COPIED_MAX} bytes");
            return Err(ChangeError::new(&at, problem).hint("write the change set itself"));
        }
        make(&mut document, operation).map_err(|why| ChangeError::new(&at, why).hint("see RFC 6902"))?;
    }
    Ok(document)
}

/// Bytes that an operation copies: copies of copies would grow beyond all memory.
fn copy_size(document: &Value, operation: &Value) -> usize {
    let from = operation.get("from").and_then(Value::as_str).filter(|_| operation.get("op") == Some(&"copy".into()));
    from.and_then(|from| document.pointer(from)).map_or(0, |value| value.to_string().len())
}

fn make(document: &mut Value, operation: &Value) -> Result<(), String> {
    let text = |key: &str| {
        operation.get(key).and_then(Value::as_str).ok_or_else(|| format!("the operation has no text `{key}`"))
    };
    let value = || operation.get("value").cloned().ok_or_else(|| "the operation has no `value`".to_owned());
    let path = text("path")?;
    match text("op")? {
        "add" => add(document, path, value()?),
        "remove" => remove(document, path).map(drop),
        "replace" => {
            let target = document.pointer_mut(path).ok_or_else(|| nothing(path))?;
            *target = value()?;
            Ok(())
        }
        "move" => {
            let from = text("from")?;
            if path.strip_prefix(from).is_some_and(|rest| rest.starts_with('/')) {
                return Err(format!("`{from}` cannot move into itself"));
            }
            let moved = remove(document, from)?;
            add(document, path, moved)
        }
        "copy" => {
            let copied = document.pointer(text("from")?).cloned().ok_or_else(|| nothing(path))?;
            add(document, path, copied)
        }
        "test" => {
            let found = document.pointer(path).ok_or_else(|| nothing(path))?;
            if *found == value()? { Ok(()) } else { Err(format!("`{path}` is not what the test expects")) }
        }
        other => Err(format!("there is no operation `{other}` in a patch")),
    }
}

fn nothing(path: &str) -> String {
    format!("there is nothing at `{path}`")
}

/// What a path is in, and its last part.
fn inside<'d>(document: &'d mut Value, path: &str) -> Result<(&'d mut Value, String), String> {
    let (parent, last) = path.rsplit_once('/').ok_or_else(|| format!("`{path}` is no pointer"))?;
    let last = last.replace("~1", "/").replace("~0", "~");
    document.pointer_mut(parent).map(|parent| (parent, last)).ok_or_else(|| nothing(parent))
}

fn index(text: &str, length: usize) -> Result<usize, String> {
    let plain = text == "0" || !text.starts_with(['0', '+']);
    text.parse().ok().filter(|at| plain && *at < length).ok_or_else(|| format!("`{text}` is no place of the list"))
}

fn add(document: &mut Value, path: &str, value: Value) -> Result<(), String> {
    if path.is_empty() {
        *document = value;
        return Ok(());
    }
    match inside(document, path)? {
        (Value::Object(fields), key) => drop(fields.insert(key, value)),
        (Value::Array(list), key) if key == "-" => list.push(value),
        (Value::Array(list), key) => {
            let at = index(&key, list.len() + 1)?;
            list.insert(at, value);
        }
        _ => return Err(nothing(path)),
    }
    Ok(())
}

fn remove(document: &mut Value, path: &str) -> Result<Value, String> {
    match inside(document, path)? {
        (Value::Object(fields), key) => fields.remove(&key).ok_or_else(|| nothing(path)),
        (Value::Array(list), key) => {
            let at = index(&key, list.len())?;
            Ok(list.remove(at))
        }
        _ => Err(nothing(path)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn result(base: &Value, operation: &Value) -> Result<Value, String> {
        patched(&json!({"base": base, "patch": [operation]})).map_err(|error| error.problem)
    }

    // The examples of RFC 6902, appendix A.
    #[test]
    fn every_operation_does_what_the_standard_says() {
        for (base, operation, expected) in [
            (json!({"foo":"bar"}), json!({"op":"add","path":"/baz","value":"qux"}), json!({"baz":"qux","foo":"bar"})),
            (
                json!({"foo":["bar","baz"]}),
                json!({"op":"add","path":"/foo/1","value":"qux"}),
                json!({"foo":["bar","qux","baz"]}),
            ),
            (json!({"baz":"qux","foo":"bar"}), json!({"op":"remove","path":"/baz"}), json!({"foo":"bar"})),
            (json!({"foo":["bar","qux","baz"]}), json!({"op":"remove","path":"/foo/1"}), json!({"foo":["bar","baz"]})),
            (json!({"baz":"qux"}), json!({"op":"replace","path":"/baz","value":"boo"}), json!({"baz":"boo"})),
            (
                json!({"foo":["all","grass","cows","eat"]}),
                json!({"op":"move","from":"/foo/1","path":"/foo/3"}),
                json!({"foo":["all","cows","eat","grass"]}),
            ),
            (json!({"a":{"b":1}}), json!({"op":"copy","from":"/a","path":"/c"}), json!({"a":{"b":1},"c":{"b":1}})),
            (json!({"/":9,"~1":10}), json!({"op":"test","path":"/~01","value":10}), json!({"/":9,"~1":10})),
            (
                json!({"foo":["bar"]}),
                json!({"op":"add","path":"/foo/-","value":["abc"]}),
                json!({"foo":["bar",["abc"]]}),
            ),
        ] {
            assert_eq!(result(&base, &operation), Ok(expected), "{operation}");
        }
    }

    #[test]
    fn copies_of_copies_end() {
        let copy = json!({"op": "copy", "from": "/a", "path": "/a/-"});
        let patch: Vec<&Value> = std::iter::repeat_n(&copy, 64).collect();
        let error = patched(&json!({"base": {"a": ["x"]}, "patch": patch})).unwrap_err();
        assert!(error.problem.contains("copies more than"), "{error}");
    }

    #[test]
    fn what_cannot_be_done_is_an_error() {
        let base = json!({"baz":"qux","foo":["a"]});
        for operation in [
            json!({"op":"test","path":"/baz","value":"bar"}),
            json!({"op":"add","path":"/no/bat","value":"qux"}),
            json!({"op":"add","path":"/foo/2","value":1}),
            json!({"op":"remove","path":"/foo/01"}),
            json!({"op":"replace","path":"/none","value":1}),
            json!({"op":"move","from":"/foo","path":"/foo/0"}),
            json!({"op":"increment","path":"/baz"}),
            json!({"path":"/baz"}),
        ] {
            assert!(result(&base, &operation).is_err(), "{operation}");
        }
    }
}
