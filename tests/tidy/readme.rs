//! Lists in the README and in `docs/techniques.md` that come from the registries: a thing that exists and is not listed
//! fails the build.
//!
//! `OVERGRANT_BLESS=1 cargo test` rewrites them.

use std::fs;
use std::path::{Path, PathBuf};

/// A list: its name in the markers, and its lines.
type List = (&'static str, Vec<String>);

/// All lists. A registry that is added to the engine gets a line here.
fn lists() -> Vec<List> {
    let mut lists = vec![("commands", commands()), ("exit-codes", exit_codes()), ("reports", reports())];
    lists.push(("platforms", platforms()));
    lists.extend([("rules", rules()), ("scores", scores()), ("metrics", metrics())]);
    lists.push(("numbers", super::numbers::table()));
    lists.extend(demo().map(|lines| ("demo", lines)));
    lists
}

/// What the README's first command prints at the time that the README names; `None` without the demo.
fn demo() -> Option<Vec<String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    if !root.join("datasets/demo").is_dir() {
        return None;
    }
    // A folder in which the demo has the path that the README gives it, and no store is left over.
    let folder = tempfile::tempdir().expect("a folder");
    copy(&root.join("datasets/demo"), &folder.path().join("datasets/demo"));
    let output = crate::cli::run(folder.path(), &["scan", "datasets/demo", "--as-of", "2026-11-22"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(matches!(output.status.code(), Some(0 | 4)), "{}", String::from_utf8_lossy(&output.stderr));
    let fenced = ["```text", text.trim_end(), "```"];
    Some(fenced.iter().flat_map(|part| part.lines()).map(str::to_owned).collect())
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).expect("a copy");
        }
    }
}

fn commands() -> Vec<String> {
    overgrant::cli::command()
        .get_subcommands()
        .map(|command| {
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            format!("- `overgrant {}`: {about}", command.get_name())
        })
        .collect()
}

fn exit_codes() -> Vec<String> {
    let rows = overgrant::cli::exit::ALL.iter().map(|(exit, meaning)| format!("| {} | {meaning} |", exit.code()));
    ["| code | meaning |", "|---:|---|"].map(str::to_owned).into_iter().chain(rows).collect()
}

fn reports() -> Vec<String> {
    overgrant::reports::ALL.iter().map(|report| format!("- `{}`: {}", report.name(), report.about())).collect()
}

/// A row for each platform: what is read, decided and known not to be, and how many techniques there are.
fn platforms() -> Vec<String> {
    let library = library();
    let row = |platform: &&dyn overgrant::platforms::Platform| {
        let overgrant::platforms::Coverage { read, decided, not } = platform.coverage();
        let techniques = library.techniques.iter().filter(|one| one.platform == platform.name()).count();
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/platforms/{}.md", platform.name()));
        let title = if page.is_file() {
            format!("[{}](docs/platforms/{}.md)", platform.title(), platform.name())
        } else {
            platform.title().to_owned()
        };
        format!("| {title} (`{}`) | {read} | {decided} | {not} | {techniques} |", platform.name())
    };
    let head = ["| platform | read | decided | known not to be | techniques |", "|---|---|---|---|---:|"];
    head.map(str::to_owned).into_iter().chain(overgrant::platforms::ALL.iter().map(row)).collect()
}

fn library() -> overgrant::techniques::Library {
    overgrant::techniques::Library::with(&[]).expect("the built-in techniques are well formed")
}

/// Techniques by platform, as `docs/techniques.md` lists them.
fn techniques() -> Vec<String> {
    let library = library();
    let mut lines = Vec::new();
    for platform in overgrant::platforms::ALL {
        let own: Vec<_> = library.techniques.iter().filter(|one| one.platform == platform.name()).collect();
        if own.is_empty() {
            continue;
        }
        lines.extend([format!("## {}", platform.title()), String::new()]);
        lines.extend(own.iter().map(|one| format!("- `{}`: {}", one.id, one.name)));
        lines.push(String::new());
    }
    lines.pop();
    lines
}

fn rules() -> Vec<String> {
    let rows = overgrant::findings::ALL.iter().map(|rule| rule.info());
    rows.map(|info| format!("- `{}`: {}", info.id, info.title)).collect()
}

fn scores() -> Vec<String> {
    let all = overgrant::scores::ALL.iter();
    all.map(|component| format!("- `{}`: {}", component.id(), component.definition())).collect()
}

fn metrics() -> Vec<String> {
    let all = overgrant::metrics::ALL.iter();
    all.map(|metric| format!("- `{}` ({}): {}", metric.id, metric.unit, metric.definition)).collect()
}

fn readme() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")
}

/// Files with generated lists.
fn files() -> Vec<(PathBuf, Vec<List>)> {
    let techniques_page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/techniques.md");
    vec![(readme(), lists()), (techniques_page, vec![("techniques", techniques())])]
}

/// The text with each list between its markers replaced. `Err` names a list that has no markers.
pub fn updated(text: &str, lists: &[List]) -> Result<String, String> {
    let mut text = text.to_owned();
    for (name, lines) in lists {
        let (open, close) = (format!("<!-- generated:{name} -->\n"), format!("<!-- /generated:{name} -->"));
        let missing = || format!("there is no section `{}` … `{close}`", open.trim_end());
        let start = text.find(&open).ok_or_else(missing)? + open.len();
        let end = start + text[start..].find(&close).ok_or_else(missing)?;
        text.replace_range(start..end, &format!("{}\n", lines.join("\n")));
    }
    Ok(text)
}

#[test]
fn the_lists_of_the_readme_are_current() {
    for (path, lists) in files() {
        let text = fs::read_to_string(&path).expect("the file is there");
        let wanted = updated(&text, &lists).expect("it has all sections");
        if std::env::var_os("OVERGRANT_BLESS").is_some() {
            fs::write(&path, &wanted).expect("it can be written");
            continue;
        }
        let name = path.display();
        assert!(text == wanted, "the generated lists of {name} are not current: run OVERGRANT_BLESS=1 cargo test tidy");
    }
}

#[test]
fn every_section_has_a_list() {
    let text = fs::read_to_string(readme()).expect("there is a README");
    let names = text.split("<!-- generated:").skip(1).filter_map(|rest| rest.split(" -->").next());
    let lists = lists();
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("datasets/demo").is_dir();
    for name in names.filter(|name| demo || *name != "demo") {
        assert!(lists.iter().any(|(list, _)| *list == name), "no registry fills the README's section `{name}`");
    }
}

#[test]
fn an_entry_that_is_missing_and_a_section_that_is_missing_are_noticed() {
    let lists: [List; 1] = [("reports", vec!["- a".to_owned(), "- b".to_owned()])];
    let stale = "x\n<!-- generated:reports -->\n- a\n<!-- /generated:reports -->\ny\n";
    let current = updated(stale, &lists).expect("the section is there");
    assert_ne!(current, stale);
    assert_eq!(current, "x\n<!-- generated:reports -->\n- a\n- b\n<!-- /generated:reports -->\ny\n");
    assert_eq!(updated(&current, &lists).as_deref(), Ok(current.as_str()));
    assert!(updated("no section", &lists).is_err());
}
