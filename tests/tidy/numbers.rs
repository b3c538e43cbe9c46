//! The README's numbers are those of the newest bench run that is kept in `benches/runs`: what was measured and what was
//! missed.

use std::fs;
use std::path::Path;

/// The newest run of a bench: runs are named `DATE-BENCH.txt`.
fn newest(bench: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/runs");
    let runs = fs::read_dir(&folder).expect("the runs are kept").flatten().map(|entry| entry.path());
    let named = |path: &std::path::PathBuf| {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.ends_with(&format!("-{bench}.txt")))
    };
    let newest = runs.filter(named).max().unwrap_or_else(|| panic!("no run of {bench}"));
    fs::read_to_string(newest).expect("text")
}

/// The numbers of the cells of a row, whatever words stand between them.
fn cells(run: &str, row: &str) -> Vec<Vec<f64>> {
    let line = run.lines().find(|line| line.starts_with(row)).unwrap_or_else(|| panic!("no row `{row}` in\n{run}"));
    let numbers = |cell: &str| cell.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    line.split('|').skip(1).map(numbers).collect()
}

fn grouped(n: f64) -> String {
    let digits = format!("{n:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The table of the README.
pub fn table() -> Vec<String> {
    lines(&newest("aws"), &newest("peers"))
}

fn lines(run: &str, peers: &str) -> Vec<String> {
    let about = |key: &str| {
        let line = run.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_else(|| panic!("no line `{key}`"));
        line.trim().to_owned()
    };
    let sizes: Vec<Vec<f64>> = cells(run, "principals, MB").into_iter().filter(|cell| cell.len() == 2).collect();
    let totals = cells(run, "total");
    let row = |title: &str, values: Vec<String>| format!("| {title} | {} |", values.join(" | "));
    let mut lines = vec![
        row("principals", sizes.iter().map(|cell| grouped(cell[0])).collect()),
        format!("|---|{}", "---:|".repeat(sizes.len())),
        row("export, MB", sizes.iter().map(|cell| format!("{:.0}", cell[1])).collect()),
        row("scan and store, s", totals.iter().take(sizes.len()).map(|cell| format!("{:.1}", cell[0])).collect()),
        row("memory at most, MB", totals.iter().take(sizes.len()).map(|cell| grouped(cell[3])).collect()),
        String::new(),
    ];
    let asked = run.lines().skip_while(|line| !line.starts_with("questions to")).skip(1);
    let answers = asked.take_while(|line| line.starts_with("  ")).filter_map(|line| {
        let mut words = line.split_whitespace();
        Some(format!("`{}` {} ms", words.next()?, words.next()?))
    });
    let answers: Vec<String> = answers.collect();
    lines.push(format!("Questions to the largest of them, start-up included: {}.", answers.join(", ")));
    lines.push(String::new());
    let peer = peers.lines().find(|line| line.contains(" times")).unwrap_or_else(|| panic!("no result in\n{peers}"));
    lines.push(format!("Against a peer, the same file: {}.", peer.split(" (budget").next().unwrap_or(peer)));
    let missed: Vec<&str> = run.lines().filter_map(|line| line.strip_prefix("MISSED")).map(str::trim).collect();
    if !missed.is_empty() {
        lines.extend([String::new(), "Budgets of ours that are missed:".to_owned(), String::new()]);
        lines.extend(missed.iter().map(|line| format!("- {line}")));
    }
    lines.extend([String::new(), format!("Measured on {}, by `{}`.", about("machine"), about("command"))]);
    lines
}

#[test]
fn numbers_are_taken_from_a_run_and_what_is_missed_is_said() {
    let run = "machine  M, 2 cores\ncommand  cargo bench\n\n\
        principals, MB     |                1979     2.1 MB |               38271    40.4 MB | growth\n\
        total              |   0.226   0.227   269.2     87 |   5.309   6.267   320.3   1585 |   1.12\n\n\
        questions to the stored snapshot\n  can         131 ms (budget 200)\n  explain     222 ms (budget 200)\n\n\
        MISSED  reading: 35 times, budget 3 times\nmet     all else\n";
    let found = lines(run, "x.json (0.10 MB): overgrant 0.06 s, Other 3.27 s, 53 times (budget 50: met)");
    assert_eq!(
        found[..5].join("\n"),
        "| principals | 1,979 | 38,271 |\n|---|---:|---:|\n| export, MB | 2 | 40 |\n\
        | scan and store, s | 0.2 | 5.3 |\n| memory at most, MB | 87 | 1,585 |"
    );
    let all = found.join("\n");
    assert!(
        all.contains("`can` 131 ms, `explain` 222 ms.") && all.contains("overgrant 0.06 s, Other 3.27 s, 53 times.")
    );
    assert!(all.contains("- reading: 35 times, budget 3 times") && !all.contains("all else"), "{all}");
}
