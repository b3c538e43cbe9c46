//! The table of `docs/metrics.md`, from the registry of metrics. `OVERGRANT_BLESS=1 cargo test` rewrites it.

use std::fs;
use std::path::{Path, PathBuf};

use super::readme::updated;

fn page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md")
}

fn table() -> Vec<String> {
    let head =
        ["| metric | what it says | unit | better | counted | out of | interval |", "|---|---|---|---|---|---|---|"];
    let none = |text: &'static str| if text.is_empty() { "–" } else { text };
    let rows = overgrant::metrics::ALL.iter().map(|metric| {
        format!(
            "| `{}` | {} | {} | {} | {} | {} | {} |",
            metric.id,
            metric.definition,
            metric.unit,
            metric.direction.as_str(),
            none(metric.numerator),
            none(metric.denominator),
            metric.interval.as_str()
        )
    });
    head.map(str::to_owned).into_iter().chain(rows).collect()
}

#[test]
fn the_table_of_the_metrics_page_is_current() {
    let text = fs::read_to_string(page()).expect("there is a page of metrics");
    let wanted = updated(&text, &[("metrics", table())]).expect("the page has its section");
    if std::env::var_os("OVERGRANT_BLESS").is_some() {
        fs::write(page(), &wanted).expect("the page can be written");
        return;
    }
    assert!(text == wanted, "docs/metrics.md is not current: run OVERGRANT_BLESS=1 cargo test tidy");
}
