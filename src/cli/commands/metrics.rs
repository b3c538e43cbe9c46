//! `metrics`: numbers about the organisation and its parts, and how they moved since the baseline.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::figures::{change, figure};
use super::{Listing, put_out, rest};
use crate::cli::args::{RowForm, SnapshotArgs};
use crate::cli::engine::history::{self, Delta, Measured};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::terminal::Terminal;
use crate::metrics::{ALL, Definition, Direction, newcombe};
use crate::model::Metric;
use crate::model::text::glob_ignore_case;
use crate::reports::grid::{Cell, Grid, Side, Tone};
use crate::reports::{self, Layout, json as document};

const EXAMPLES: &str = "\
Examples:
  overgrant metrics                             of the whole organisation
  overgrant metrics 'keys_*' exposure_pct       some of them
  overgrant metrics --kind nhi --platform aws   of the machines on one platform
  overgrant metrics --domain '*' exposure_pct   one of them, domain by domain
  overgrant metrics --format csv --output metrics.csv

The interval of a rate is Wilson's at 95 %. A scan counts everyone, so it says how far a rate of this size varies by \
chance, not what a sample misses. The last column is the change since the baseline (`overgrant baseline set`), and of \
a rate the interval of that change (Newcombe's at 95 %): when 0 is inside, it may be chance. docs/metrics.md says what \
each metric counts.";

/// Flags of `metrics`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    from: SnapshotArgs,
    /// Only these metrics; `*` and `?` are wildcards
    #[arg(value_name = "METRIC")]
    metric: Vec<String>,
    /// Of this platform; `all` is all together; `*` and `?` are wildcards
    #[arg(long, value_name = "NAME", default_value = "all")]
    platform: String,
    /// Of `human`, `nhi`, `agent`, `third_party` or `all`; `*` and `?` are wildcards
    #[arg(long, value_name = "KIND", default_value = "all")]
    kind: String,
    /// Of this domain; `all` is all together; `*` and `?` are wildcards
    #[arg(long, value_name = "DOMAIN", default_value = "all")]
    domain: String,
    /// Rows at most, 0 for all [default: 50 in a table, all elsewhere]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// What to print
    #[arg(long, value_enum, default_value = "table")]
    format: RowForm,
    /// Write to this file
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Columns of the CSV file and keys of the JSON rows.
const COLUMNS: [&str; 16] = [
    "metric",
    "platform",
    "kind",
    "domain",
    "value",
    "low",
    "high",
    "numerator",
    "denominator",
    "coverage",
    "unit",
    "better",
    "baseline",
    "delta",
    "delta_low",
    "delta_high",
];

/// Runs the command.
pub fn run(args: &Args, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let measured = history::metrics(&args.from)?;
    let rows = select(args, &measured.rows)?;
    let listing = Listing { limit: args.limit, form: args.format, output: args.output.as_ref() };
    put_out(listing, rows, terminal, |rows, all, layout| render(args.format, &measured, rows, all, layout))
}

fn definition(metric: &str) -> Option<&'static Definition> {
    ALL.iter().find(|definition| definition.id == metric)
}

/// The rows that pass every filter, in stored order: by metric, platform, kind and domain.
fn select<'a>(args: &Args, rows: &'a [Metric]) -> Result<Vec<&'a Metric>, Failure> {
    for name in &args.metric {
        if !rows.is_empty() && !rows.iter().any(|row| glob_ignore_case(name, &row.metric)) {
            let known: Vec<&str> = ALL.iter().map(|definition| definition.id).collect();
            return Err(Failure::usage(format!("no metric `{name}`")).hint(format!("one of {}", known.join(", "))));
        }
    }
    let wanted = |row: &&Metric| {
        (args.metric.is_empty() || args.metric.iter().any(|name| glob_ignore_case(name, &row.metric)))
            && glob_ignore_case(&args.platform, &row.platform)
            && glob_ignore_case(&args.kind, &row.kind)
            && glob_ignore_case(&args.domain, &row.domain)
    };
    Ok(rows.iter().filter(wanted).collect())
}

/// A metric against the baseline.
struct Since {
    value: Delta,
    /// Newcombe's interval of the change; null for what is no share.
    interval: Option<(f64, f64)>,
}

/// The value in the baseline, now, and the change; all unknown without a baseline.
fn since_baseline(measured: &Measured, row: &Metric) -> Since {
    let Some((_, then)) = &measured.baseline else { return Since { value: Delta::new(None, None), interval: None } };
    let key = |row: &Metric| (row.metric.clone(), row.platform.clone(), row.kind.clone(), row.domain.clone());
    let then = then.binary_search_by(|other| key(other).cmp(&key(row))).ok().map(|at| &then[at]);
    Since {
        value: Delta::new(then.and_then(|then| then.value), row.value),
        interval: then.and_then(|then| newcombe::change(then, row)),
    }
}

fn value(measured: &Measured, row: &Metric) -> Value {
    let mut value = json!(row);
    let since = since_baseline(measured, row);
    if let Value::Object(fields) = &mut value {
        let about = definition(&row.metric);
        fields.insert("unit".to_owned(), json!(about.map(|about| about.unit)));
        fields.insert("better".to_owned(), json!(about.map(|about| about.direction.as_str())));
        fields.insert("baseline".to_owned(), json!(since.value.before));
        fields.insert("delta".to_owned(), json!(since.value.delta));
        fields.insert("delta_low".to_owned(), json!(since.interval.map(|ends| ends.0)));
        fields.insert("delta_high".to_owned(), json!(since.interval.map(|ends| ends.1)));
    }
    value
}

fn render(
    form: RowForm,
    measured: &Measured,
    rows: &[&Metric],
    all: usize,
    layout: Layout,
) -> Result<Vec<u8>, Failure> {
    let values = || rows.iter().map(|row| value(measured, row));
    Ok(match form {
        RowForm::Json => {
            let metrics: Vec<Value> = values().collect();
            let baseline = measured.baseline.as_ref().map(|(id, _)| id);
            let value = json!({
                "format": document::FORMAT, "snapshot": measured.id, "baseline": baseline, "metrics": metrics,
            });
            document::text(&value).into_bytes()
        }
        RowForm::Jsonl => values().map(|value| document::line(&value)).collect::<String>().into_bytes(),
        RowForm::Csv => {
            let mut bytes = Vec::new();
            reports::rows_csv(&COLUMNS, &values().collect::<Vec<_>>(), &mut bytes)?;
            bytes
        }
        RowForm::Table | RowForm::Parquet => table(measured, rows, all, layout).into_bytes(),
    })
}

fn table(measured: &Measured, rows: &[&Metric], all: usize, layout: Layout) -> String {
    if rows.is_empty() {
        return "No metrics.\n".to_owned();
    }
    let (left, right) = (Side::Left, Side::Right);
    let columns = [
        ("METRIC", left),
        ("PLATFORM", left),
        ("KIND", left),
        ("DOMAIN", left),
        ("VALUE", right),
        ("LOW–HIGH", left),
        ("COUNTED", right),
        ("COVERAGE", right),
        ("SINCE BASELINE", right),
    ];
    let mut grid = Grid::new(layout, &columns);
    for row in rows {
        let about = definition(&row.metric);
        let unit = about.map_or("", |about| about.unit);
        let interval = row.low.zip(row.high).map_or(String::new(), |(low, high)| format!("{low:.1}–{high:.1}"));
        let counted = match (row.numerator, row.denominator) {
            (Some(n), Some(of)) => format!("{n:.0} of {of:.0}"),
            (Some(n), None) => format!("{n:.0}"),
            (None, Some(of)) => format!("of {of:.0}"),
            (None, None) => String::new(),
        };
        let since = since_baseline(measured, row);
        grid.row([
            row.metric.as_str().into(),
            row.platform.as_str().into(),
            row.kind.as_str().into(),
            row.domain.as_str().into(),
            figure(unit, row.value).into(),
            interval.into(),
            counted.into(),
            row.coverage.map_or_else(|| "–".to_owned(), |share| format!("{:.0} %", 100.0 * share)).into(),
            Cell::toned(moved(unit, &since), tone(about, since.value.delta)),
        ]);
    }
    let baseline = match &measured.baseline {
        Some((id, _)) => format!("Baseline: {id}\n"),
        None => "No baseline; `overgrant baseline set` makes one.\n".to_owned(),
    };
    grid.text() + &rest(rows.len(), all) + &baseline
}

/// The change with its interval: `+2.0 (-1.1 to +5.2)`.
fn moved(unit: &str, since: &Since) -> String {
    let text = change(unit, since.value.delta);
    match since.interval.filter(|_| since.value.delta.is_some()) {
        Some((low, high)) => format!("{text} ({} to {})", change(unit, Some(low)), change(unit, Some(high))),
        None => text,
    }
}

/// A change for the worse stands out.
fn tone(about: Option<&Definition>, delta: Option<f64>) -> Tone {
    match (about.map(|about| about.direction), delta) {
        (Some(Direction::Lower), Some(delta)) if delta > 0.0 => Tone::Warn,
        (Some(Direction::Higher), Some(delta)) if delta < 0.0 => Tone::Warn,
        _ => Tone::Plain,
    }
}
