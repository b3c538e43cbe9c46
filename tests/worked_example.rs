//! The worked example of the documentation, typed line by line into one shell: what the page shows is what is printed.
//!
//! A block `console` has commands after `$ ` and what they print, standard output and standard error together. `…` alone
//! on a line stands for any lines, inside a line for any text. A block `json` is a part of the file that the line before
//! it names. Commands end with 0, but where the next command is `echo $?`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use sha2::{Digest, Sha256};

/// What stands for text that the page leaves out.
const ELIDED: &str = "…";
/// Ends what a command prints; no program prints it.
const MARK: char = '\u{1e}';

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn page() -> String {
    fs::read_to_string(root().join("docs/worked-example.md")).expect("the page")
}

fn files() -> PathBuf {
    root().join("tests/worked_example")
}

/// A command of the page and what it shows of the answer.
#[derive(Debug, PartialEq)]
struct Step {
    line: usize,
    command: String,
    shown: Vec<String>,
}

/// A fenced block: its language, the line before it, its first line's number, its lines.
struct Block {
    language: String,
    before: String,
    line: usize,
    lines: Vec<String>,
}

fn blocks(text: &str) -> Vec<Block> {
    let (mut found, mut open, mut before) = (Vec::new(), None::<Block>, String::new());
    for (line, content) in (1..).zip(text.lines()) {
        match (content.strip_prefix("```"), open.take()) {
            (Some(language), None) => {
                let (language, before) = (language.to_owned(), std::mem::take(&mut before));
                open = Some(Block { language, before, line: line + 1, lines: Vec::new() });
            }
            (Some(_), Some(block)) => found.push(block),
            (None, Some(mut block)) => {
                block.lines.push(content.to_owned());
                open = Some(block);
            }
            (None, None) if !content.trim().is_empty() => content.clone_into(&mut before),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block has no end");
    found
}

fn steps(text: &str) -> Vec<Step> {
    let mut found: Vec<Step> = Vec::new();
    for block in blocks(text).iter().filter(|block| block.language == "console") {
        let mut goes_on = false;
        for (line, content) in (block.line..).zip(&block.lines) {
            if goes_on {
                let step = found.last_mut().expect("a command goes on");
                step.command = format!("{}\n{content}", step.command);
                goes_on = content.ends_with('\\');
            } else if let Some(command) = content.strip_prefix("$ ") {
                found.push(Step { line, command: command.to_owned(), shown: Vec::new() });
                goes_on = command.ends_with('\\');
            } else {
                let step = found.last_mut().expect("a block begins with a command");
                step.shown.push(content.trim_end().to_owned());
            }
        }
    }
    found
}

/// What each command prints and ends with, all of them in one shell in a copy of the files.
fn run(steps: &[Step]) -> Vec<(Vec<String>, i32)> {
    let folder = tempfile::tempdir().expect("a folder");
    copy(&files(), folder.path());
    let program = Path::new(env!("CARGO_BIN_EXE_overgrant")).parent().expect("a folder").to_owned();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(program).chain(std::env::split_paths(&path))).expect("a path");
    let mut script = "exec 2>&1\n(exit 0)\n".to_owned();
    for step in steps {
        // `$?` is the command's own again after the mark.
        script += &format!("{}\ncode=$?; printf '{MARK}%s{MARK}' $code; (exit $code)\n", step.command);
    }
    let output = Command::new("sh")
        .arg("-c")
        .arg(script)
        .current_dir(folder.path())
        .env("PATH", path)
        .env_remove("COLUMNS")
        .env_remove("NO_COLOR")
        .env_remove("CLICOLOR_FORCE")
        .output()
        .expect("a shell");
    let printed = String::from_utf8(output.stdout).expect("text");
    let mut parts = printed.split(MARK);
    let mut found = Vec::new();
    while let (Some(text), Some(code)) = (parts.next(), parts.next()) {
        let lines = text.lines().map(|line| line.trim_end().to_owned()).collect();
        found.push((lines, code.parse().expect("an exit code")));
    }
    found
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").flatten() {
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).expect("copied");
        }
    }
}

/// Whether a printed line is what a shown one says.
fn like(shown: &str, printed: &str) -> bool {
    let mut parts = shown.split(ELIDED);
    let Some(mut rest) = parts.next().and_then(|first| printed.strip_prefix(first)) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// Whether printed lines are what shown ones say.
fn are_like(shown: &[String], printed: &[String]) -> bool {
    match shown.split_first() {
        None => printed.is_empty(),
        Some((line, rest)) if line.trim() == ELIDED => (0..=printed.len()).any(|n| are_like(rest, &printed[n..])),
        Some((line, rest)) => {
            printed.split_first().is_some_and(|(first, more)| like(line, first) && are_like(rest, more))
        }
    }
}

#[test]
fn the_page_shows_what_its_commands_print() {
    let steps = steps(&page());
    let found = run(&steps);
    assert_eq!(found.len(), steps.len(), "the shell ended early");
    let mut wrong = Vec::new();
    for (at, (step, (printed, code))) in steps.iter().zip(&found).enumerate() {
        let asks = steps.get(at + 1).is_some_and(|next| next.command == "echo $?");
        if *code != 0 && !asks {
            wrong.push(format!("line {}: `{}` ended with {code}:\n{}", step.line, step.command, printed.join("\n")));
        } else if !are_like(&step.shown, printed) {
            let (shown, printed) = (step.shown.join("\n"), printed.join("\n"));
            wrong.push(format!("line {}: `{}`\n--- shown\n{shown}\n--- printed\n{printed}", step.line, step.command));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    // What the story stands on is shown and not left out.
    let shown: Vec<&str> = steps.iter().flat_map(|step| &step.shown).map(String::as_str).collect();
    let story = ["BLOCK: draft D-118", "NEEDS HUMAN: draft D-118", "ALLOW: draft D-118", "matched", "all right"];
    let mut rest = shown.iter();
    for word in story {
        assert!(rest.any(|line| line.contains(word)), "`{word}` is not shown where it belongs");
    }
    let kept = shown.iter().filter(|line| !line.is_empty() && line.trim() != ELIDED).count();
    assert!(steps.len() >= 12 && kept >= 50, "{} commands and {kept} lines are shown", steps.len());
}

#[test]
fn a_counter_proposal_is_written_where_there_is_one_only() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    copy(&files(), at);
    assert_eq!(crate::cli::run(at, &["scan", "before", "--as-of", "2026-11-22"]).status.code(), Some(0));
    let text = fs::read_to_string(at.join("draft-1.json")).expect("the draft");
    let whole: Value = serde_json::from_str(&text.replace("CONTEXT_SHA256", &"0".repeat(64))).expect("JSON");
    let judge = |keep: &[usize]| {
        let mut draft = whole.clone();
        draft["changes"] = keep.iter().map(|&at| whole["changes"][at].clone()).collect();
        fs::write(at.join("draft.json"), draft.to_string()).expect("written");
        let line = ["gate", "draft.json", "--as-of", "2026-11-22T08:00:00Z", "--counter", "part.json"];
        let output = crate::cli::run(at, &line);
        let part = fs::read_to_string(at.join("part.json")).ok();
        let part = part.map(|text| serde_json::from_str::<Value>(&text).expect("JSON"));
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned(), part)
    };
    for (keep, code, why) in [(&[2][..], 1, "no part of the draft passes"), (&[0, 1], 0, "the draft is not blocked")] {
        let (found, said, part) = judge(keep);
        assert_eq!((found, part), (Some(code), None), "{said}");
        assert!(said.contains(&format!("nothing is written to `part.json`: {why}")), "{said}");
    }
    let (code, said, part) = judge(&[0, 1, 2]);
    assert_eq!((code, said.as_str()), (Some(1), ""));
    let mut expected = whole.clone();
    expected["changes"].as_array_mut().expect("a list").truncate(2);
    assert_eq!(part, Some(expected), "the same head, and the operations that pass");
}

#[test]
fn documents_on_the_page_are_parts_of_the_files_that_it_names() {
    let packed = |text: &str| text.split_whitespace().collect::<String>();
    let mut tried = 0;
    for block in blocks(&page()).iter().filter(|block| block.language == "json") {
        let name = block.before.split('`').nth(1).unwrap_or_default();
        let file =
            fs::read_to_string(files().join(name)).unwrap_or_else(|error| panic!("line {}: {error}", block.line));
        let text = block.lines.join("\n");
        assert!(packed(&file).contains(&packed(&text)), "line {}: not in `{name}`", block.line);
        tried += 1;
    }
    assert!(tried > 0, "no document was found");
    let draft = fs::read_to_string(files().join("draft-1.json")).expect("the draft");
    let request = fs::read(files().join("request.txt")).expect("the request");
    assert!(draft.contains(&hex::encode(Sha256::digest(request))), "the draft has the digest of the request");
}

#[test]
fn a_page_that_shows_something_else_is_found() {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<String>>();
    let printed = lines("one\ntwo 22 times\nthree");
    for fits in ["one\ntwo 22 times\nthree", "…\nthree", "one\n…", "one\ntwo … times\n…\nthree", "…"] {
        assert!(are_like(&lines(fits), &printed), "{fits}");
    }
    for differs in ["one", "one\ntwo … days\nthree", "two 22 times\n…", "…\ntwo", "one\n…\nfour", ""] {
        assert!(!are_like(&lines(differs), &printed), "{differs}");
    }
    let page = "x:\n```console\n$ echo a \\\n  b\na b\n$ false\n$ echo $?\n1\n```\n";
    let steps = steps(page);
    let texts: Vec<&str> = steps.iter().map(|step| step.command.as_str()).collect();
    assert_eq!(texts, ["echo a \\\n  b", "false", "echo $?"]);
    let found = run(&steps);
    assert_eq!(found, [(lines("a b"), 0), (Vec::new(), 1), (lines("1"), 0)]);
}
