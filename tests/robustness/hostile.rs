//! Names that attack whoever reads them: terminals, browsers, spreadsheets.

use std::fs;

use serde_json::{Value, json};

use super::{Place, Run, allow, details, inline, record};

/// Names, each with a mark by which it is found again.
fn names() -> Vec<String> {
    vec![
        "escape-\u{1b}[2J\u{1b}]0;owned\u{7}".to_owned(),
        "<script>alert('html')</script>".to_owned(),
        "<script>alert(1)</script>".to_owned(),
        "שלום עולם ".repeat(100),
        "hidden-\u{e0041}\u{e0042}\u{ad}\u{2066}order\u{2069}".to_owned(),
        "<img src=x onerror=alert(1)>|`code`](javascript:x)".to_owned(),
        "=cmd|' /C calc'!A0".to_owned(),
        "+1+formula".to_owned(),
        "-2+formula".to_owned(),
        "@SUM(formula)".to_owned(),
        "\t=tab-formula".to_owned(),
        "nul-\0-nul".to_owned(),
        "rtl-\u{202e}gnp.exe\u{202c}".to_owned(),
        "line\r\nbreak,\"quoted\"".to_owned(),
        "zero\u{200b}width\u{feff}".to_owned(),
        "..%2f..%2f../../etc/passwd".to_owned(),
        format!("long-{}", "x".repeat(10_000)),
        "-".to_owned(),
        " ".to_owned(),
    ]
}

fn place() -> Place {
    let everything = |name: &str| inline(name, allow(&["*"]));
    let users: Vec<Value> = names()
        .iter()
        .map(|name| {
            let more = json!({"UserPolicyList": everything(name), "Tags": [{"Key": name, "Value": name}]});
            record("user", name, more)
        })
        .collect();
    let place = Place::new();
    place.write("iam.json", details(&users, &[], &[], &[]));
    place
}

/// Characters that must not reach a terminal as they are.
fn harmful(text: &str) -> Option<char> {
    let unseen = "\u{202e}\u{202c}\u{200b}\u{feff}\u{e0041}\u{e0042}\u{ad}\u{2066}\u{2069}";
    let strange = |c: &char| (c.is_control() && *c != '\n' && *c != '\t') || unseen.contains(*c);
    text.chars().find(strange)
}

#[track_caller]
fn is_clean(run: &Run) {
    assert!(matches!(run.code, Some(0 | 1 | 2 | 4)), "{run:?}");
    for text in [&run.out, &run.err] {
        assert_eq!(harmful(text), None, "{text}");
    }
}

#[test]
fn no_name_reaches_a_terminal_as_it_is() {
    let place = place();
    is_clean(&place.scan(&["iam.json"], &[]));
    for arguments in [
        &["findings"][..],
        &["findings", "--limit", "0"],
        &["scores"],
        &["scores", "--why"],
        &["choke-points"],
        &["cut-plan", "--budget", "2"],
        &["roles", "suggest"],
        &["metrics"],
        &["exposure"],
        &["who-can", "s3:GetObject"],
        &["snapshots", "show"],
        &["snapshots", "list"],
        &["paths", "=cmd|' /C calc'!A0"],
        &["explain", "no-such-\u{1b}[2J-name"],
        &["can", "@SUM(formula)", "s3:GetObject", "arn:aws:s3:::b/\u{1b}[2J"],
    ] {
        is_clean(&place.run(arguments));
    }
    let unfit = place.run(&["preflight"]);
    assert_eq!((unfit.code, harmful(&unfit.out), harmful(&unfit.err)), (Some(3), None, None), "{unfit:?}");
    for name in names().iter().filter(|name| !name.contains('\0') && name.len() < 100) {
        is_clean(&place.run(&["explain", "--", name]));
    }
}

#[test]
fn json_has_every_name_whole_and_no_control_character() {
    let place = place();
    place.scan(&["iam.json"], &[]);
    let run = place.run(&["scores", "--format", "json"]);
    assert_eq!(run.out.chars().find(|c| c.is_control() && *c != '\n'), None);
    let document = run.json();
    let found: Vec<&str> =
        document["scores"].as_array().unwrap().iter().filter_map(|row| row["name"].as_str()).collect();
    for name in names() {
        assert!(found.contains(&name.as_str()), "{name:?} is not in {found:?}");
    }
}

#[test]
fn no_csv_cell_begins_like_a_formula() {
    let place = place();
    place.scan(&["iam.json"], &["--report", "csv=a.csv"]);
    let report = fs::read_to_string(place.path().join("a.csv")).unwrap();
    for text in [report, place.run(&["scores", "--format", "csv"]).out, place.run(&["findings", "--format", "csv"]).out]
    {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
        let rows: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().unwrap();
        assert!(rows.len() > names().len(), "{text}");
        for cell in rows.iter().flatten() {
            let number = cell.parse::<f64>().is_ok();
            assert!(number || !cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell:?}");
        }
    }
}

#[test]
fn a_markdown_report_carries_no_markup_of_a_name() {
    let place = place();
    is_clean(&place.scan(&["iam.json"], &["--report", "markdown=a.md"]));
    let report = fs::read_to_string(place.path().join("a.md")).unwrap();
    assert_eq!(harmful(&report), None);
    let unescaped = report.replace("\\]", "").replace("\\`", "");
    for text in ["<script", "<img", "](javascript:", "|`code"] {
        assert!(!unescaped.contains(text), "{text} in\n{report}");
    }
    // A cell cannot leave its row: every row of a table has as many bars as its header.
    let bars = |line: &str| line.replace("\\|", "").matches('|').count();
    let mut header = None;
    for line in report.lines() {
        header = line.starts_with('|').then(|| header.unwrap_or_else(|| bars(line)));
        assert!(header.is_none_or(|header| header == bars(line)), "{line}");
    }
}

#[test]
fn names_of_files_are_shown_harmless_too() {
    let place = Place::new();
    place.write("exports/a\u{1b}[2J\u{202e}.json", "no export");
    place.write("exports/iam.json", details(&[record("user", "ada", json!({}))], &[], &[], &[]));
    is_clean(&place.scan(&["exports"], &[]));
    is_clean(&place.run(&["snapshots", "show"]));
    let run = place.run(&["scan", "exports/a\u{1b}[2J\u{202e}.json"]);
    assert_eq!((run.code, harmful(&run.err)), (Some(3), None), "{}", run.err);
}
