//! `cut-plan`: which few changes keep most principals from what is protected, and how many it takes to keep all.

use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::cli::args::{Form, SnapshotArgs};
use crate::cli::engine::{self, Progress, Snapshot};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::progress::Bars;
use crate::cli::terminal::{Terminal, write_file};
use crate::model::Change;
use crate::model::text::format_time;
use crate::paths::{Ended, Isolation, Lever, Plan, Step, UsedLost, changes_in_turn};
use crate::reports::escape::plain;
use crate::reports::json as document;

const EXAMPLES: &str = "\
Examples:
  overgrant cut-plan --budget 3
  overgrant cut-plan --budget 10 --unused-only   only what nobody has used
  overgrant cut-plan --budget 5 --out cuts.json  … and write the change set, for `overgrant gate` and reviewers
  overgrant cut-plan --budget 3 --format json

Each step is the change that lowers exposure most after those before it, or one of several that lower it most \
together. Every step is made in a copy of the snapshot, permissions are evaluated again, and exposure is what that \
says. Counted are principals outside the protected zone that reach it or may, over certain and conditional paths. The \
zone stays as it is: no step takes an administrator's own rights, nor anything that `[cuts] keep` or a label declares.

A change whose permissions nobody used in the window costs nothing; the fewest changes that isolate the zone are \
those that cost least. With no usage data every change costs one.";

/// Used permissions named in the text of one step; the JSON form has all of them.
const LOST_N: usize = 3;
/// Changes of the minimum cut named in the text; the JSON form has all of them.
const CUT_N: usize = 10;

/// Flags of `cut-plan`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Changes at most
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u16).range(1..=1000))]
    budget: u16,
    /// Only changes that take away nothing that was used in the observation window
    #[arg(long)]
    unused_only: bool,
    #[command(flatten)]
    from: SnapshotArgs,
    /// Configuration of the scan (TOML): it has the observation window
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder of private techniques that the scan used; may be given several times
    #[arg(long, value_name = "DIR")]
    techniques: Vec<PathBuf>,
    /// Also write the changes as a change set
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// What to print
    #[arg(long, value_enum, default_value = "table")]
    format: Form,
}

/// Runs the command.
pub fn run(args: &Args, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let bars = Bars::new(terminal.shows_progress());
    bars.stage("reading", None);
    let snapshot = engine::load_for_plan(&args.from)?;
    let budget = usize::from(args.budget);
    let plan = engine::cut_plan(&snapshot, args.config.as_deref(), &args.techniques, budget, args.unused_only, &bars)?;
    if let Some(path) = &args.out {
        write_file(path, document::text(&change_set(&snapshot, &plan)).as_bytes())?;
    }
    let text = match args.format {
        Form::Json => document::text(&published(&snapshot, &plan)),
        Form::Table => told(&snapshot, &plan, args.unused_only),
    };
    terminal.data(text.as_bytes())?;
    lead_on(args, &plan, terminal);
    if plan.ended == Ended::Limit {
        terminal.must_say("a limit ended the recounts: there may be better changes");
        return Ok(Exit::Incomplete);
    }
    Ok(Exit::Done)
}

/// The operations of changes, in order.
fn operations(changes: &[Vec<Change>]) -> Vec<Value> {
    changes.iter().flatten().map(|change| json!(change)).collect()
}

fn lead_on(args: &Args, plan: &Plan, terminal: &mut Terminal) {
    if args.format != Form::Table || plan.steps.is_empty() {
        return;
    }
    let at = &args.from;
    match &args.out {
        Some(path) => terminal.next(&SnapshotArgs::newest(&at.store.store), &[&["gate", &path.display().to_string()]]),
        None => {
            let budget = args.budget.to_string();
            terminal.next(at, &[&["cut-plan", "--budget", &budget, "--out", "cuts.json"]]);
        }
    }
}

/// The operations that pull levers one after the other.
fn in_turn(snapshot: &Snapshot, levers: &[Lever]) -> Vec<Value> {
    operations(&changes_in_turn(&snapshot.tables, levers))
}

/// The plan in the normal form of a change set: drafted, not asked for by anybody. A draft of a program has the author
/// that is trusted less. What ends goes at once and is granted to nobody.
fn change_set(snapshot: &Snapshot, plan: &Plan) -> Value {
    let changes: Vec<Vec<Change>> = plan.steps.iter().map(|step| step.changes.clone()).collect();
    json!({
        "format": document::FORMAT,
        "draft_id": format!("cut-plan-{}-{}", snapshot.id, plan.steps.len()),
        "author": {"kind": "ai", "id": "overgrant cut-plan"},
        "snapshot": snapshot.id,
        "intent": {"task": "lower the exposure of the protected zone", "grants": []},
        "exceptions": [],
        "approvals": [],
        "changes": operations(&changes),
    })
}

fn published(snapshot: &Snapshot, plan: &Plan) -> Value {
    let steps: Vec<Value> = plan
        .steps
        .iter()
        .map(|step| {
            json!({
                "change": step.changes.first(),
                "goes_with": step.changes.get(1..).unwrap_or_default(),
                "exposure_before": step.exposure_before,
                "exposure_after": step.exposure_after,
                "used_lost": step.used_lost.iter().map(|use_| lost(snapshot, use_)).collect::<Vec<_>>(),
            })
        })
        .collect();
    let isolation = plan.isolation.as_ref();
    json!({
        "format": document::FORMAT,
        "steps": steps,
        "minimum_cut": {
            "value": isolation.map(|cut| cut.value),
            "certificate": isolation.map(|cut| certificate(snapshot, cut)),
        },
    })
}

/// `changes` isolate the zone; no two of the `disjoint_paths` share a change that costs, so that at least as many are
/// needed, and where it is `exact`, no less than the value.
fn certificate(snapshot: &Snapshot, cut: &Isolation) -> Value {
    let tables = &snapshot.tables;
    let alone = |lever: &Lever| lever.changes(tables).first().map(|change| json!(change));
    let routes: Vec<Vec<Value>> = cut.routes.iter().map(|route| route.iter().filter_map(alone).collect()).collect();
    json!({
        "changes": in_turn(snapshot, &cut.levers),
        "disjoint_paths": cut.routes.len(),
        "exact": cut.exact,
        "paths": routes,
    })
}

fn lost(snapshot: &Snapshot, lost: &UsedLost) -> Value {
    json!({
        "principal": snapshot.view().id(lost.principal),
        "permission": lost.permission,
        "last_used_at": format_time(lost.last_used_at),
    })
}

fn told(snapshot: &Snapshot, plan: &Plan, unused_only: bool) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail, here and below.
    let _ = writeln!(text, "{} principals outside the protected zone reach it or may.", plan.exposure);
    for (at, step) in plan.steps.iter().enumerate() {
        told_step(snapshot, at + 1, step, &mut text);
    }
    text += &told_end(plan, unused_only);
    if plan.exposure > 0 {
        text += &told_cut(snapshot, plan);
    }
    text
}

fn told_step(snapshot: &Snapshot, number: usize, step: &Step, text: &mut String) {
    let tables = &snapshot.tables;
    let op = step.changes.first().map_or("", Change::op).replace('_', " ");
    let _ = writeln!(text, "\n  {number}. {op}: {}", plain(&step.lever.name(tables)));
    let _ = writeln!(text, "     {}", plain(&step.lever.id(tables)));
    let _ = writeln!(text, "     exposure {} → {}", step.exposure_before, step.exposure_after);
    for used in step.used_lost.iter().take(LOST_N) {
        let who = plain(&snapshot.view().id(used.principal)).into_owned();
        let when = format_time(used.last_used_at);
        let _ = writeln!(text, "     takes away what is in use: {} of {who}, last {when}", plain(&used.permission));
    }
    if step.used_lost.len() > LOST_N {
        let _ = writeln!(text, "     … and {} more permissions in use", step.used_lost.len() - LOST_N);
    }
    if step.used_lost.is_empty() {
        let known =
            if step.observed { "nothing that was used goes" } else { "whether what goes was used is not known" };
        let _ = writeln!(text, "     {known}");
    }
}

fn told_end(plan: &Plan, unused_only: bool) -> String {
    let unused = if unused_only { " and is known to be unused" } else { "" };
    let text = match plan.ended {
        _ if plan.outside == 0 => {
            "Every principal of this snapshot is in the protected zone: there is nobody to keep out of it.".to_owned()
        }
        _ if plan.exposure == 0 => format!(
            "There is nothing to cut: none of the {} principals outside the protected zone reaches it; only its own \
             administrators do.",
            plan.outside
        ),
        Ended::Isolated => "Nobody outside the zone reaches it any more.".to_owned(),
        Ended::Budget => return String::new(),
        Ended::NoSingleChange => format!(
            "No {}change that can be made{unused} lowers exposure, alone or with as many others as the budget pays for{}.",
            if plan.steps.is_empty() { "" } else { "further " },
            if unused_only {
                ""
            } else {
                ": every path left is there more often than that, or rests on what must stay"
            },
        ),
        Ended::Limit => "A limit ended the search for more changes.".to_owned(),
    };
    format!("\n{text}\n")
}

fn told_cut(snapshot: &Snapshot, plan: &Plan) -> String {
    let Some(cut) = &plan.isolation else {
        return "\nNo changes isolate the zone: some path rests only on what must stay (an administrator's own rights, what \
                is declared to, a service-linked role, a trust without a statement, what something is).\n"
            .to_owned();
    };
    let n = cut.levers.len();
    let plural = if n == 1 { "change" } else { "changes" };
    let free = cut.levers.len().saturating_sub(usize::try_from(cut.value).unwrap_or(usize::MAX));
    let mut text = format!("\nIsolating the zone takes {n} {plural}");
    if free > 0 {
        let _ = write!(text, ", {free} of them unused, so that it costs {}", cut.value);
    }
    let proof = match (cut.exact, cut.value) {
        (_, 0) => "nothing in use has to go".to_owned(),
        (true, 1) => "no less will do".to_owned(),
        (true, value) => format!("no less will do: {value} paths share no change that costs anything"),
        (false, _) => format!(
            "no less than {} will do (paths that share no change that costs anything), and less might: some paths need \
             several permissions at once",
            cut.routes.len()
        ),
    };
    let _ = writeln!(text, "; {proof}.");
    for lever in cut.levers.iter().take(CUT_N) {
        let _ = writeln!(text, "  - {}", plain(&lever.name(&snapshot.tables)));
    }
    if n > CUT_N {
        let _ = writeln!(text, "  … and {} more (--format json has all)", n - CUT_N);
    }
    text
}
