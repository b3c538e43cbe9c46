//! `who-can`: everyone whose answer is not a plain no.

use serde_json::json;

use super::can::{reasons, tone};
use super::rest;
use crate::cli::args::{ContextArgs, Form, SnapshotArgs};
use crate::cli::engine::{self, Need, Snapshot};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::resolve;
use crate::cli::terminal::Terminal;
use crate::model::{Decision, EntityId, Verdict};
use crate::reports::grid::{Cell, Grid, Side};
use crate::reports::rows::who;
use crate::reports::{Layout, json as document};

const EXAMPLES: &str = "\
Examples:
  overgrant who-can iam:PassRole role/admin
  overgrant who-can iam:ListUsers --context aws:MultiFactorAuthPresent=true
  overgrant who-can kms:Decrypt --format json

Lists principals for whom the answer is allowed, conditional or unknown; whoever is missing is denied. --context \
and --strict mean what they mean for `can`.";

/// Flags of `who-can`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// What: service:Action, or the action alone where only one service has it
    action: String,
    /// On what: a full id, a unique end of one, or a name
    #[arg(default_value = "*")]
    resource: String,
    #[command(flatten)]
    context: ContextArgs,
    #[command(flatten)]
    from: SnapshotArgs,
    /// Rows at most, 0 for all [default: 50 in a table, all in JSON]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// What to print
    #[arg(long, value_enum, default_value = "table")]
    format: Form,
}

/// Runs the command.
pub fn run(args: &Args, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let context = resolve::context(&args.context.context)?;
    let snapshot = engine::load(&args.from, Need::Inputs)?;
    let action = resolve::action(&snapshot.tables, &engine::catalogued_actions(&snapshot.tables), &args.action)?;
    let resource = resolve::resource(&snapshot.tables, &args.resource)?;
    let mut answers = engine::who_can(&snapshot, &action, &resource, &context, args.context.strict);
    answers.retain(|(_, verdict)| verdict.decision != Decision::Denied);
    answers.sort_by_key(|(id, verdict)| (verdict.decision, *id));
    let all = answers.len();
    let shown = match (args.limit, args.format) {
        (None, Form::Table) => super::ROWS_DEFAULT,
        (None | Some(0), _) => usize::MAX,
        (Some(n), _) => n,
    };
    answers.truncate(shown);
    let text = match args.format {
        Form::Json => json(&snapshot, &action, &resource, &answers),
        Form::Table => table(&snapshot, &answers, all, terminal.layout()),
    };
    terminal.data(text.as_bytes())?;
    let first = answers.iter().map(|(id, _)| snapshot.tables.entity(*id)).find(|entity| entity.is_principal());
    if let Some(id) = first.map(|entity| &entity.id).filter(|_| args.format == Form::Table) {
        terminal.next(&args.from, &[&["can", id, &action, &resource]]);
    }
    Ok(Exit::Done)
}

fn json(snapshot: &Snapshot, action: &str, resource: &str, answers: &[(EntityId, Verdict)]) -> String {
    let view = snapshot.view();
    let principals: Vec<_> = answers
        .iter()
        .map(|(id, verdict)| {
            json!({
                "principal": view.id(*id),
                "action": action,
                "resource": resource,
                "decision": verdict.decision,
                "reasons": reasons(verdict),
            })
        })
        .collect();
    document::text(&json!({
        "format": document::FORMAT, "action": action, "resource": resource, "principals": principals,
    }))
}

fn table(snapshot: &Snapshot, answers: &[(EntityId, Verdict)], all: usize, layout: Layout) -> String {
    if answers.is_empty() {
        return "Nobody.\n".to_owned();
    }
    let view = snapshot.view();
    let columns = ["DECISION", "PRINCIPAL", "KIND", "BY"].map(|title| (title, Side::Left));
    let mut grid = Grid::new(layout, &columns);
    for (id, verdict) in answers {
        let entity = view.entity(*id);
        grid.row([
            Cell::toned(verdict.decision.as_str(), tone(verdict.decision)),
            entity.map_or("", |entity| entity.id.as_str()).into(),
            entity.map_or("", who).into(),
            main_reason(verdict).into(),
        ]);
    }
    grid.text() + &rest(answers.len(), all)
}

/// What the answer hangs on where it hangs on something, or the statement that allows.
fn main_reason(verdict: &Verdict) -> String {
    let open =
        verdict.reasons.iter().find(|reason| verdict.decision != Decision::Allowed && reason.condition.is_some());
    let Some(reason) = open.or_else(|| verdict.reasons.iter().find(|reason| reason.effect == "allow")) else {
        return String::new();
    };
    let parts = [reason.policy.as_deref(), reason.statement.as_deref(), reason.condition.as_deref()];
    let parts: Vec<&str> = parts.into_iter().flatten().collect();
    format!("{} {}", reason.layer, parts.join(" "))
}
