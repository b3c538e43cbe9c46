//! What the documents tell people to type: commands are commands of this program, scripts are shell, examples of schedules
//! are YAML with what their readers require, and links lead somewhere.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value};

/// A fenced block of a document.
struct Block {
    /// `file:line` of its first line.
    place: String,
    language: String,
    text: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The README, and every page under `docs`.
fn documents() -> Vec<PathBuf> {
    let mut found = vec![root().join("README.md"), root().join("CONTRIBUTING.md")];
    let mut folders = vec![root().join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder").flatten() {
            let path = entry.path();
            match path.extension().and_then(|end| end.to_str()) {
                Some("md") => found.push(path),
                None if path.is_dir() => folders.push(path),
                _ => {}
            }
        }
    }
    found.sort();
    found
}

fn name(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

fn blocks() -> Vec<Block> {
    documents().iter().flat_map(|path| blocks_of(&name(path), &fs::read_to_string(path).expect("text"))).collect()
}

fn blocks_of(name: &str, text: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut open: Option<Block> = None;
    for (line, content) in (1..).zip(text.lines()) {
        match (content.trim_start().strip_prefix("```"), open.take()) {
            (Some(language), None) => {
                let place = format!("{name}:{}", line + 1);
                open = Some(Block { place, language: language.trim().to_owned(), text: String::new() });
            }
            (Some(_), Some(block)) => found.push(block),
            (None, Some(mut block)) => {
                block.text += content;
                block.text.push('\n');
                open = Some(block);
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "{name}: a block has no end");
    found
}

/// The words of the first command of a line, as a shell takes them apart; what is redirected or piped is left out.
fn words(line: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let characters = line.chars();
    for character in characters {
        match (character, quote) {
            (end, Some(open)) if end == open => quote = None,
            (inside, Some(_)) => word.get_or_insert_default().push(inside),
            ('\'' | '"', None) => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            ('#', None) if word.is_none() => break,
            ('|' | ';' | '&' | '>' | '<', None) => {
                // A number before it is the stream that goes elsewhere.
                word = word.filter(|word| !word.chars().all(|digit| digit.is_ascii_digit()));
                break;
            }
            (blank, None) if blank.is_whitespace() => words.extend(word.take()),
            (letter, None) => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}

/// Lines of a script, those that end in a backslash with what follows them.
fn lines(text: &str) -> Vec<String> {
    let mut whole: Vec<String> = Vec::new();
    let mut goes_on = false;
    for line in text.lines() {
        let part = line.trim();
        let (part, more) = part.strip_suffix('\\').map_or((part, false), |part| (part.trim_end(), true));
        match whole.last_mut().filter(|_| goes_on) {
            Some(last) => *last = format!("{last} {part}"),
            None => whole.push(part.to_owned()),
        }
        goes_on = more;
    }
    whole
}

/// Why a command line is none of this program; `None` when it is one.
fn refused(words: &[String]) -> Option<String> {
    use clap::error::ErrorKind;
    let error = overgrant::cli::command().try_get_matches_from(words).err()?;
    let shown = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    (!shown).then(|| error.to_string())
}

#[test]
fn every_command_in_a_block_is_one_of_this_program() {
    let (mut tried, mut wrong) = (0, Vec::new());
    for block in blocks() {
        for line in lines(&block.text) {
            let line = line.trim_start_matches("$ ").trim_start_matches("Next: ").trim();
            let is_form = line.contains(['[', '{']) || line.contains("...");
            if !line.starts_with("overgrant ") || is_form {
                continue;
            }
            if let Some(why) = refused(&words(line)) {
                wrong.push(format!("{}: `{line}`: {why}", block.place));
            }
            tried += 1;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(tried > 40, "only {tried} commands were found");
    assert!(refused(&words("overgrant scan")).is_some() && refused(&words("overgrant fly x")).is_some());
}

#[test]
fn scripts_are_shell() {
    let shell = |program: &str, text: &str| {
        let mut child =
            Command::new(program).arg("-n").stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a shell");
        std::io::Write::write_all(&mut child.stdin.take().expect("a pipe"), text.as_bytes()).expect("it reads");
        let output = child.wait_with_output().expect("it ends");
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let mut tried = 0;
    for block in blocks().iter().filter(|block| matches!(block.language.as_str(), "sh" | "bash")) {
        // What begins with its own line is run by that; everything else is typed into a shell that people use.
        let program = if block.text.starts_with("#!/bin/sh") { "sh" } else { "bash" };
        let (sound, why) = shell(program, &block.text);
        assert!(sound, "{}: {why}", block.place);
        tried += 1;
    }
    assert!(tried >= 5, "only {tried} scripts were found");
    assert!(!shell("sh", "if true; then").0, "a check that cannot fail is none");
}

/// A YAML document as JSON; plain words stay texts but for numbers and truth values.
fn yaml(text: &str) -> Result<Value, String> {
    enum Open {
        List(Vec<Value>, usize),
        Map(Map<String, Value>, Option<String>, usize),
    }
    let mut open: Vec<Open> = Vec::new();
    let mut anchors: std::collections::BTreeMap<usize, Value> = std::collections::BTreeMap::new();
    let mut done = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, _) = event.map_err(|error| error.to_string())?;
        let (value, anchor) = match event {
            Event::MappingStart(anchor, _) => {
                open.push(Open::Map(Map::new(), None, anchor));
                continue;
            }
            Event::SequenceStart(anchor, _) => {
                open.push(Open::List(Vec::new(), anchor));
                continue;
            }
            Event::MappingEnd | Event::SequenceEnd => match open.pop() {
                Some(Open::List(list, anchor)) => (Value::Array(list), anchor),
                Some(Open::Map(map, _, anchor)) => (Value::Object(map), anchor),
                None => return Err("an end without a beginning".to_owned()),
            },
            Event::Scalar(text, style, anchor, _) => {
                let plain = style == ScalarStyle::Plain;
                let value = plain.then(|| serde_json::from_str::<Value>(&text).ok()).flatten();
                (value.unwrap_or_else(|| Value::String(text.into_owned())), anchor)
            }
            Event::Alias(anchor) => (anchors.get(&anchor).cloned().ok_or("an alias of nothing")?, 0),
            _ => continue,
        };
        if anchor > 0 {
            anchors.insert(anchor, value.clone());
        }
        match open.last_mut() {
            None => done.push(value),
            Some(Open::List(list, _)) => list.push(value),
            Some(Open::Map(map, key, _)) => match key.take() {
                None => *key = Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned)),
                Some(name) => {
                    if map.insert(name.clone(), value).is_some() {
                        return Err(format!("`{name}` is there twice"));
                    }
                }
            },
        }
    }
    match done.len() {
        1 => Ok(done.remove(0)),
        n => Err(format!("{n} documents")),
    }
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

#[test]
fn schedules_are_yaml_and_have_what_their_readers_require() {
    let all = blocks();
    let found: Vec<(&Block, Value)> = (all.iter().filter(|block| matches!(block.language.as_str(), "yaml" | "yml")))
        .map(|block| (block, yaml(&block.text).unwrap_or_else(|why| panic!("{}: {why}", block.place))))
        .collect();
    let of = |test: &dyn Fn(&Value) -> bool| {
        let mut fitting = found.iter().filter(|(_, value)| test(value));
        fitting.next().unwrap_or_else(|| panic!("one of the examples is gone")).1.clone()
    };
    let job = of(&|value| value["kind"] == "CronJob");
    assert_eq!(job["apiVersion"], "batch/v1");
    assert_eq!(job["spec"]["concurrencyPolicy"], "Forbid", "one writer of the store");
    let pod = &job["spec"]["jobTemplate"]["spec"]["template"]["spec"];
    assert_eq!(pod["restartPolicy"], "Never");
    let volumes: Vec<&Value> = pod["volumes"].as_array().expect("volumes").iter().map(|one| &one["name"]).collect();
    for containers in ["initContainers", "containers"] {
        for container in pod[containers].as_array().expect("containers") {
            assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true, "{container}");
            for mount in container["volumeMounts"].as_array().expect("mounts") {
                assert!(volumes.contains(&&mount["name"]), "{mount} is of no volume");
                let token = mount["mountPath"].as_str().is_some_and(|path| path.contains("serviceaccount"));
                assert!(!token || containers == "initContainers", "the scan has no token");
            }
        }
    }
    let scan = &pod["containers"][0];
    let line = [texts(&scan["command"]), texts(&scan["args"])].concat();
    assert_eq!(refused(&line), None, "{line:?}");

    let workflow = of(&|value| value["jobs"].is_object());
    assert!(workflow["on"]["schedule"][0]["cron"].is_string(), "{workflow}");
    let jobs = workflow["jobs"].as_object().expect("jobs");
    for (name, job) in jobs {
        assert!(job["runs-on"].is_string(), "{name}");
        for step in job["steps"].as_array().expect("steps") {
            assert_ne!(step["uses"].is_string(), step["run"].is_string(), "{name}: {step}");
            for line in lines(step["run"].as_str().unwrap_or_default()) {
                let command = words(&line);
                if command.first().is_some_and(|first| first == "overgrant") {
                    assert_eq!(refused(&command), None, "{name}: {line}");
                }
            }
        }
    }
    assert!(jobs["scan"]["permissions"]["id-token"].is_null(), "the scan has no credentials");
    assert!(yaml("a: 1\na: 2\n").is_err() && yaml("a: [1\n").is_err(), "a check that cannot fail is none");
}

#[test]
fn links_lead_to_files_that_are_there() {
    let mut tried = 0;
    for path in documents() {
        let text = fs::read_to_string(&path).expect("text");
        let folder = path.parent().expect("a folder");
        for target in text.split("](").skip(1).filter_map(|rest| rest.split([')', '\n', ' ']).next()) {
            let file = target.split('#').next().unwrap_or_default();
            if file.is_empty() || target.contains("://") || target.starts_with("javascript:") {
                continue;
            }
            assert!(folder.join(file).exists(), "{}: `{target}` leads nowhere", name(&path));
            tried += 1;
        }
    }
    assert!(tried > 20, "only {tried} links were found");
}

#[test]
fn a_shell_line_is_taken_apart_as_a_shell_does() {
    let of = |line: &str| words(line).join("|");
    assert_eq!(of(r#"overgrant can ada "a b" 'c d' # why"#), "overgrant|can|ada|a b|c d");
    assert_eq!(of("overgrant scan x 2> y || true"), "overgrant|scan|x");
    assert_eq!(of("overgrant paths a --format svg > a.svg"), "overgrant|paths|a|--format|svg");
    assert_eq!(lines("a \\\n  b\nc\n"), ["a b", "c"]);
}
