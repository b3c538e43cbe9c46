//! `effect`: whether AI assistance made a metric better.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::to;
use crate::cli::args::{Form, StoreArgs};
use crate::cli::engine::effect as engine;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::terminal::Terminal;
use crate::effect::changes::{Contribution, Measure, Quality, Share, mean_effect};
use crate::effect::{Estimate, Objective, Study};
use crate::model::text::format_time;
use crate::reports::escape::plain;
use crate::reports::grid::{Grid, Side};
use crate::reports::{Layout, json as document};

const EXAMPLES: &str = "\
Examples:
  overgrant effect --objective wpg.toml              the verdict, and what it rests on
  overgrant effect --objective wpg.toml --format json

An objective says beforehand which metric is to become better, by how much it matters, since when there was assistance, \
which units had it, and what must not become worse. The verdict is one of: improved, no evidence, worse, not \
measurable. docs/effect.md describes the file, the methods and the rules.";

/// Flags of `effect`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    store: StoreArgs,
    /// What is to become better (TOML)
    #[arg(long, value_name = "FILE")]
    objective: PathBuf,
    /// What to print
    #[arg(long, value_enum, default_value = "table")]
    format: Form,
    /// Write to this file
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: &Args, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let (objective, study) = engine::study(&args.store, &args.objective)?;
    let text = match args.format {
        Form::Json => document::text(&whole(&objective, &study)),
        Form::Table => in_words(&objective, &study, terminal.layout()),
    };
    terminal.data_to(to(args.output.as_ref()), text.as_bytes())?;
    Ok(Exit::Done)
}

fn whole(objective: &Objective, study: &Study) -> Value {
    let series: Vec<Value> = (study.series.iter())
        .map(|(unit, treated, points)| json!({"unit": unit, "treated": treated, "points": points}))
        .collect();
    json!({
        "format": document::FORMAT,
        "objective": {
            "metric": objective.metric,
            "unit_of_metric": objective.unit_of_metric,
            "better": objective.better,
            "minimum_effect": objective.minimum_effect,
            "intervention": format_time(objective.intervention),
            "unit": objective.unit,
            "treated": objective.treated,
            "control": objective.control,
            "alpha": objective.alpha,
        },
        "verdict": study.judged.verdict,
        "method": study.judged.method,
        "reasons": study.judged.reasons,
        "difference_in_differences": study.difference,
        "interrupted_time_series": study.interrupted,
        "guardrails": study.guardrails,
        "changes": study.changes,
        "quality": study.quality,
        "series": series,
        "left_out": study.left_out,
    })
}

fn in_words(objective: &Objective, study: &Study, layout: Layout) -> String {
    let judged = &study.judged;
    let method = judged.method.replace('_', " ");
    let mut text = format!("{}: {} (by {method})\n", plain(&objective.metric), judged.verdict.words());
    for reason in &judged.reasons {
        text += &format!("  {}\n", plain(reason));
    }
    if study.left_out > 0 {
        text += &format!("  {} snapshots left out: a unit has no value there\n", study.left_out);
    }
    text.push('\n');
    text += &estimates(study, layout);
    text += &attributed(study);
    if let Some(quality) = &study.quality {
        text.push('\n');
        text += &compared(quality, layout);
    }
    text
}

fn estimates(study: &Study, layout: Layout) -> String {
    let columns = ["WHAT", "ESTIMATE", "FROM", "TO", "P", "DETECTABLE", "POINTS"];
    let side = |title: &'static str| (title, if title == "WHAT" { Side::Left } else { Side::Right });
    let mut grid = Grid::new(layout, &columns.map(side));
    let mut row = |what: String, estimate: &Estimate, p: f64, points: String| {
        let Estimate { value, low, high, minimum_detectable, .. } = *estimate;
        let figure = |value: f64| format!("{value:.4}");
        grid.row([
            what.into(),
            figure(value).into(),
            figure(low).into(),
            figure(high).into(),
            figure(p).into(),
            figure(minimum_detectable).into(),
            points.into(),
        ]);
    };
    if let Some(found) = &study.difference {
        let points = format!("{}+{}", found.points_before, found.points_after);
        let name = format!("difference in differences, {} units against {}", found.treated, found.control);
        row(name, &found.effect.estimate, found.effect.p_permutation, points.clone());
        if let Some(trend) = &found.pretrend {
            row("trend before, a day".to_owned(), &trend.estimate, trend.p_permutation, points);
        }
    }
    if let Some(found) = &study.interrupted {
        let points = format!("{}+{}", found.points_before, found.points_after);
        row("interrupted time series".to_owned(), &found.effect, found.effect.p, points.clone());
        row("  change of level".to_owned(), &found.level, found.level.p, points.clone());
        row("  change of slope, a day".to_owned(), &found.slope, found.slope.p, points);
    }
    for rail in &study.guardrails {
        let name = format!("guardrail {} ({})", rail.metric, rail.held.as_str().replace('_', " "));
        match &rail.worse_by {
            Some(worse) => row(name, worse, worse.p, format!("≤ {}", rail.margin)),
            None => row(name, &Estimate::new(f64::NAN, f64::NAN, 1.0, 0.05), f64::NAN, String::new()),
        }
    }
    grid.text()
}

fn attributed(study: &Study) -> String {
    let changes = &study.changes;
    let figure = |value: Option<f64>| value.map_or_else(|| "unknown".to_owned(), |value| format!("{value:+.4}"));
    let side = |name: &str, side: &Contribution| {
        let mean = mean_effect(side).map(|mean| format!(", {mean:+.4} each")).unwrap_or_default();
        format!("  {name}: {:+.4} by {} changes{mean}\n", side.sum, side.changes)
    };
    format!(
        "\nChange of the whole since the intervention: {}\n{}{}  without a record: {}\n",
        figure(changes.change),
        side("drafted by models", &changes.ai),
        side("drafted by people", &changes.human),
        figure(changes.unexplained)
    )
}

fn compared(quality: &Quality, layout: Layout) -> String {
    let columns = ["DRAFTS", "BY MODELS", "BY PEOPLE", "DIFFERENCE", "FROM", "TO", "P (HOLM)"];
    let side = |title: &'static str| (title, if title == "DRAFTS" { Side::Left } else { Side::Right });
    let mut grid = Grid::new(layout, &columns.map(side));
    let share = |share: &Share| match share.share {
        Some(value) => format!("{:.1} % of {}", 100.0 * value, share.n),
        None => "–".to_owned(),
    };
    let points = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{:+.1}", 100.0 * value));
    for Measure { measure, ai, human, difference, low, high, p_holm, .. } in &quality.measures {
        let p = p_holm.map_or_else(|| "–".to_owned(), |p| format!("{p:.3}"));
        grid.row([
            measure.replace('_', " ").into(),
            share(ai).into(),
            share(human).into(),
            points(*difference).into(),
            points(*low).into(),
            points(*high).into(),
            p.into(),
        ]);
    }
    let hours = |value: Option<f64>| value.map_or_else(|| "unknown".to_owned(), |value| format!("{value:.1} h"));
    let tiers: Vec<String> =
        (quality.tiers.iter()).map(|(tier, (ai, human))| format!("{} {ai} and {human}", plain(tier))).collect();
    let tiers = if tiers.is_empty() { "none".to_owned() } else { tiers.join(", ") };
    format!(
        "{}Median time to a decision: {} by models, {} by people. Drafts by tier, models and people: {tiers}.\n",
        grid.text(),
        hours(quality.median_hours_ai),
        hours(quality.median_hours_human)
    )
}
