//! Notebooks say their question and their audience, and are kept without outputs. `notebooks/run.py --tidy` looks at
//! more than this; what is here needs no Python.

use std::fs;
use std::path::Path;

use serde_json::Value;

const HEADINGS: [&str; 4] = ["**Question.**", "**For.**", "**How to read the figure.**", "**What it does not show.**"];

/// Source of a cell, which the format lets be a text or a list of lines.
fn source(cell: &Value) -> String {
    match &cell["source"] {
        Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect(),
        other => other.as_str().unwrap_or_default().to_owned(),
    }
}

/// What is not in order with a notebook.
fn faults(text: &str) -> Vec<String> {
    let Ok(notebook) = serde_json::from_str::<Value>(text) else { return vec!["is no JSON".to_owned()] };
    let cells = notebook["cells"].as_array().cloned().unwrap_or_default();
    let opening = cells.first().filter(|cell| cell["cell_type"] == "markdown").map(source).unwrap_or_default();
    let mut found = Vec::new();
    for heading in HEADINGS {
        let said = opening.split_once(heading).map_or("", |parts| parts.1).trim_start();
        if said.is_empty() || said.starts_with("**") {
            found.push(format!("does not say {heading} in its first cell"));
        }
    }
    let code = |cell: &&Value| cell["cell_type"] == "code";
    let ran =
        |cell: &Value| !cell["execution_count"].is_null() || cell["outputs"].as_array().is_none_or(|o| !o.is_empty());
    if cells.iter().filter(code).any(ran) {
        found.push("has outputs: run `python notebooks/run.py --format`".to_owned());
    }
    if !cells.last().filter(code).is_some_and(|cell| source(cell).contains("figures.conclude(")) {
        found.push("does not end with a conclusion that is computed".to_owned());
    }
    found
}

#[test]
fn every_notebook_says_its_question_and_its_audience() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("notebooks");
    let readme = fs::read_to_string(folder.join("README.md")).expect("the notebooks have a page");
    let mut looked_at = 0;
    for entry in fs::read_dir(&folder).expect("there are notebooks") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "ipynb") {
            continue;
        }
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        assert_eq!(faults(&fs::read_to_string(&path).expect("a text")), [""; 0], "{name}");
        assert!(readme.contains(&format!("({name})")), "notebooks/README.md does not list {name}");
        looked_at += 1;
    }
    assert_eq!(looked_at, 10, "the notebooks that the README promises");
}

#[test]
fn a_notebook_without_a_question_or_with_outputs_is_found() {
    let opening = HEADINGS.map(|heading| format!("{heading} Something.")).join("\n");
    let notebook = |opening: &str, outputs: &str, last: &str| {
        let code =
            format!(r#"{{"cell_type": "code", "execution_count": null, "outputs": {outputs}, "source": ["{last}"]}}"#);
        format!(r#"{{"cells": [{{"cell_type": "markdown", "source": {}}}, {code}]}}"#, Value::from(opening))
    };
    let last = "figures.conclude(1)";
    assert_eq!(faults(&notebook(&opening, "[]", last)), [""; 0]);
    for heading in HEADINGS {
        assert_eq!(faults(&notebook(&opening.replace(heading, ""), "[]", last)).len(), 1, "{heading}");
    }
    assert_eq!(faults(&notebook(&opening.replacen(" Something.", "", 1), "[]", last)).len(), 1, "an empty question");
    assert_eq!(faults(&notebook(&opening, r#"[{"output_type": "stream"}]"#, last)).len(), 1);
    assert_eq!(faults(&notebook(&opening, "[]", "print(1)")).len(), 1);
    assert_eq!(faults("{").len(), 1);
}
