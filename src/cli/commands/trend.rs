//! `trend`: metrics over all snapshots, with control limits, drift, and what made them change.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::figures::{change, figure};
use super::to;
use crate::cli::args::{Form, StoreArgs};
use crate::cli::engine::history::{Banded, Point, Revocation, Side as Outside, Signal, Trend, TrendRequest};
use crate::cli::engine::{self, history};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::terminal::Terminal;
use crate::config::Config;
use crate::metrics::population::Cell as Part;
use crate::model::Severity;
use crate::model::text::{format_time, glob_ignore_case};
use crate::reports::grid::{Cell, Grid, Side, Tone};
use crate::reports::{Layout, json as document};

/// Id that stands for the time findings last, which is no metric of one snapshot.
const TIME_TO_REVOKE: &str = "time_to_revoke";
/// Newest points of a series that a table shows unless more are asked for.
const POINTS_DEFAULT: usize = 30;

const EXAMPLES: &str = "\
Examples:
  overgrant trend exposure_pct                  one metric over all snapshots
  overgrant trend 'keys_*' --kind nhi           some, of the machines
  overgrant trend time_to_revoke                how long findings last
  overgrant trend time_to_revoke --rule key-age --severity high

The first 20 snapshots set the limits; with fewer they are provisional. EWMA is the moving average (weight 0.2, \
3 standard deviations), p′ is Laney's chart for shares. WITHIN, ENTRY and EXIT are what those who stayed, came and \
went did to the value; they add up to the change. Drift is a signal of those who stayed. docs/history.md has the \
formulas.";

/// Flags of `trend`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    store: StoreArgs,
    /// Metrics, or `time_to_revoke`; `*` and `?` are wildcards
    #[arg(value_name = "METRIC", required = true)]
    metric: Vec<String>,
    /// Of this platform
    #[arg(long, value_name = "NAME", default_value = "all")]
    platform: String,
    /// Of `human`, `nhi`, `agent` or `third_party`
    #[arg(long, value_name = "KIND", default_value = "all")]
    kind: String,
    /// Of this domain
    #[arg(long, value_name = "DOMAIN", default_value = "all")]
    domain: String,
    /// Time to revoke of findings of this rule only; `*` and `?` are wildcards
    #[arg(long, value_name = "ID")]
    rule: Option<String>,
    /// Time to revoke of findings at least this urgent
    #[arg(long, value_name = "SEVERITY", value_parser = super::findings::severity)]
    severity: Option<Severity>,
    /// Configuration of the scans, by which changes are attributed
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Newest points at most, 0 for all [default: 30 in a table, all elsewhere]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// What to print
    #[arg(long, value_enum, default_value = "table")]
    format: Form,
    /// Write to this file
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: &Args, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let (survival, metrics): (Vec<String>, Vec<String>) =
        args.metric.iter().cloned().partition(|name| name == TIME_TO_REVOKE);
    let config = engine::config(args.config.as_deref())?;
    let part = Part { platform: args.platform.clone(), kind: args.kind.clone(), domain: args.domain.clone() };
    let trends = if metrics.is_empty() {
        Vec::new()
    } else {
        history::trends(&args.store, &TrendRequest { metrics: &metrics, part: part.clone(), config: &config })?
    };
    let revocation = if survival.is_empty() { None } else { Some(revocation(args, (&part, &config))?) };
    let text = match args.format {
        Form::Json => document::text(&whole(args, &trends, revocation.as_ref())),
        Form::Table => {
            let layout = terminal.layout();
            let tables = trends.iter().map(|trend| table(trend, args.limit, layout));
            let last = revocation.as_ref().map(|found| survival_table(found, layout));
            tables.chain(last).collect::<Vec<String>>().join("\n")
        }
    };
    terminal.data_to(to(args.output.as_ref()), text.as_bytes())?;
    Ok(Exit::Done)
}

fn revocation(args: &Args, part: (&Part, &Config)) -> Result<Revocation, Failure> {
    history::revocation(&args.store, part, &|row| {
        args.severity.is_none_or(|least| row.severity <= least)
            && args.rule.as_ref().is_none_or(|rule| glob_ignore_case(rule, &row.rule))
    })
}

/// The points that are shown: the newest ones.
fn newest(trend: &Trend, limit: Option<usize>, default: usize) -> &[Point] {
    let n = match limit {
        Some(0) => usize::MAX,
        Some(n) => n,
        None => default,
    };
    &trend.points[trend.points.len().saturating_sub(n)..]
}

fn whole(args: &Args, trends: &[Trend], revocation: Option<&Revocation>) -> Value {
    let one = |trend: &Trend| {
        let points: Vec<Value> = (newest(trend, args.limit, usize::MAX).iter())
            .map(|point| {
                let mut value = json!(point);
                if let Value::Object(fields) = &mut value {
                    fields.insert("as_of".to_owned(), json!(format_time(point.as_of)));
                    fields.insert("cause".to_owned(), json!(point.cause()));
                }
                value
            })
            .collect();
        let mut value = json!(trend);
        if let Value::Object(fields) = &mut value {
            fields.insert("points_n".to_owned(), json!(trend.points.len()));
            fields.insert("points".to_owned(), json!(points));
            fields.insert("drift_since".to_owned(), json!(trend.drift_since().map(format_time)));
            fields.insert("platform".to_owned(), json!(args.platform));
            fields.insert("kind".to_owned(), json!(args.kind));
            fields.insert("domain".to_owned(), json!(args.domain));
        }
        value
    };
    json!({
        "format": document::FORMAT,
        "trends": trends.iter().map(one).collect::<Vec<Value>>(),
        "time_to_revoke": revocation,
    })
}

fn table(trend: &Trend, limit: Option<usize>, layout: Layout) -> String {
    let (left, right) = (Side::Left, Side::Right);
    let columns = [
        ("AS OF", left),
        ("VALUE", right),
        ("COUNTED", right),
        ("EWMA", right),
        ("LIMITS", left),
        ("P′ LIMITS", left),
        ("WITHIN", right),
        ("ENTRY", right),
        ("EXIT", right),
        ("SIGNAL", left),
    ];
    let mut grid = Grid::new(layout, &columns);
    let points = newest(trend, limit, POINTS_DEFAULT);
    for point in points {
        let time = format_time(point.as_of);
        let part = |of: fn(&history::Attribution) -> f64| Cell::from(change(trend.unit, point.change.as_ref().map(of)));
        let counted = match (point.numerator, point.denominator) {
            (Some(n), Some(of)) => format!("{n:.0} of {of:.0}"),
            (None, Some(of)) => format!("of {of:.0}"),
            _ => String::new(),
        };
        grid.row([
            time.get(..10).unwrap_or(&time).into(),
            figure(trend.unit, Some(point.value)).into(),
            counted.into(),
            point.ewma.map_or(String::new(), |band| figure(trend.unit, Some(band.value))).into(),
            limits(trend, point.ewma).into(),
            limits(trend, point.p).into(),
            part(|parts| parts.within),
            part(|parts| parts.entry),
            part(|parts| parts.exit),
            signal_cell(point),
        ]);
    }
    let shown = super::rest(points.len(), trend.points.len());
    format!("{} ({})\n{}{shown}{}", trend.metric, trend.unit, grid.text(), verdict(trend))
}

fn limits(trend: &Trend, band: Option<Banded>) -> String {
    let bare = |value: f64| figure(trend.unit, Some(value)).trim_end_matches(" %").to_owned();
    band.map_or(String::new(), |band| format!("{}–{}", bare(band.low), bare(band.high)))
}

/// Drift stands out; a signal that is none says what it comes from.
fn signal_cell(point: &Point) -> Cell {
    let name = |signals: &[Signal]| -> String {
        let worse = signals.iter().any(|signal| signal.worse == Some(true));
        let side = |side| signals.iter().any(|signal| signal.side == side);
        let side = if side(Outside::Above) { "above" } else { "below" };
        format!("{side}{}", if worse { ", worse" } else { "" })
    };
    if !point.drift.is_empty() {
        let worse = point.drift.iter().any(|signal| signal.worse == Some(true));
        return Cell::toned(format!("drift {}", name(&point.drift)), if worse { Tone::Warn } else { Tone::Plain });
    }
    if point.signals.is_empty() {
        return "".into();
    }
    let cause = point.cause().map_or(String::new(), |cause| format!(" ({})", cause.as_str()));
    format!("{}{cause}", name(&point.signals)).into()
}

/// Correlation of neighbours beyond which independence is not believed, times the square root of the points.
const CORRELATION_LIMIT: f64 = 1.96;

/// What the chart comes to, in words.
fn verdict(trend: &Trend) -> String {
    let mut text = String::new();
    let (Some(last), true) = (trend.points.last(), trend.points.len() > 1) else {
        return "One snapshot or none has this metric: there is no trend.\n".to_owned();
    };
    text += &match trend.drift_since() {
        Some(since) => format!("Drift since {}: those who were there all along have changed.\n", date(since)),
        None if !last.signals.is_empty() => {
            let cause = last.cause().map_or("nothing that could be told", in_words);
            format!("Outside the limits of the baseline, by {cause}; no drift of those who stayed.\n")
        }
        None => "Within the limits of the baseline.\n".to_owned(),
    };
    if let Some(parts) = last.since_baseline {
        let of = |part| change(trend.unit, Some(part));
        text += &format!(
            "Change since {}: {} = within {} + entry {} + exit {}.\n",
            if trend.provisional { "the first point" } else { "the baseline phase" },
            of(parts.change),
            of(parts.within),
            of(parts.entry),
            of(parts.exit),
        );
    }
    let n = trend.baseline_points as f64;
    if trend.provisional {
        text += &format!("Provisional: {} of 20 points of the baseline phase.\n", trend.baseline_points);
    }
    if let Some(r) = trend.autocorrelation.filter(|r| r.abs() > CORRELATION_LIMIT / n.sqrt()) {
        text +=
            &format!("Points depend on the ones before them (r = {r:.2}): signals come more often than by chance.\n");
    }
    if let Some(why) = &trend.unattributed {
        text += &format!("Not all changes are attributed: {why}.\n");
    }
    if trend.unmeasured > 0 {
        text += &format!("Not measured in {} snapshot(s).\n", trend.unmeasured);
    }
    text
}

fn in_words(cause: history::Cause) -> &'static str {
    match cause {
        history::Cause::Within => "a change of those who stayed",
        history::Cause::Entry => "those who came",
        history::Cause::Exit => "those who went",
    }
}

fn date(as_of: i64) -> String {
    let time = format_time(as_of);
    time.get(..10).unwrap_or(&time).to_owned()
}

fn days(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.0} d"))
}

fn survival_table(found: &Revocation, layout: Layout) -> String {
    let survival = &found.survival;
    let mut text = format!(
        "{TIME_TO_REVOKE}: {} findings, {} gone, {} still open\n",
        survival.n, survival.ended, survival.censored
    );
    text += &match survival.median {
        Some(_) => format!(
            "Half are gone after {} (95 % interval {} to {}).\n",
            days(survival.median),
            days(survival.median_low),
            days(survival.median_high)
        ),
        None => "Fewer than half are gone within the time observed: there is no median.\n".to_owned(),
    };
    if found.prevalent > 0 {
        let n = found.prevalent;
        text += &format!("{n} were there at the first scan; how long before is not known.\n");
    }
    let right = Side::Right;
    let columns = [("AFTER", right), ("AT RISK", right), ("GONE", right), ("STILL OPEN", right), ("95 %", Side::Left)];
    let mut grid = Grid::new(layout, &columns);
    for step in survival.steps.iter().take(POINTS_DEFAULT) {
        let percent = |share: f64| format!("{:.1}", 100.0 * share);
        grid.row([
            days(Some(step.days)).into(),
            step.at_risk.to_string().into(),
            step.ended.to_string().into(),
            format!("{} %", percent(step.survival)).into(),
            step.low.zip(step.high).map_or(String::new(), |(a, b)| format!("{}–{}", percent(a), percent(b))).into(),
        ]);
    }
    if !survival.steps.is_empty() {
        text += &grid.text();
    }
    if survival.steps.len() > POINTS_DEFAULT {
        text += &format!("… {} more times (--format json has all)\n", survival.steps.len() - POINTS_DEFAULT);
    }
    text
}
