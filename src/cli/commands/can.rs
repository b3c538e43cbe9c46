//! `can`: may this principal do that, and why.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::cli::args::{ContextArgs, Form, SnapshotArgs};
use crate::cli::engine::{self, Need};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::resolve;
use crate::cli::terminal::Terminal;
use crate::model::{Decision, Reason, Request, Verdict};
use crate::reports::escape::plain;
use crate::reports::grid::{Cell, Grid, Side, Tone};
use crate::reports::{Layout, json as document};

const EXAMPLES: &str = "\
Examples:
  overgrant can ci-deploy iam:PassRole role/admin
  overgrant can alice s3:GetObject arn:aws:s3:::payroll/2026.csv
  overgrant can alice iam:ListUsers --context aws:MultiFactorAuthPresent=true
  overgrant can ci-deploy ec2:RunInstances --strict

Without --context, keys that the caller chooses are satisfiable and keys of the environment make the \
answer conditional; --strict treats as absent every key that is neither known nor given. `--context KEY=VALUE` gives a value \
(several times: several values), `--context KEY` gives the key as absent.

The exit code is 0 whatever the answer is.";

/// Flags of `can`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Who: a full id, a unique end of one, or a name
    principal: String,
    /// What: service:Action, or the action alone where only one service has it
    action: String,
    /// On what: a full id, a unique end of one, or a name
    #[arg(default_value = "*")]
    resource: String,
    #[command(flatten)]
    context: ContextArgs,
    /// Name of the role session that acts
    #[arg(long, value_name = "NAME", help_heading = "Request")]
    session_name: Option<String>,
    /// Session policy (JSON) that limits the session; several are allowed
    #[arg(long, value_name = "FILE", help_heading = "Request")]
    session_policy: Vec<PathBuf>,
    #[command(flatten)]
    from: SnapshotArgs,
    /// What to print
    #[arg(long, value_enum, default_value = "table")]
    format: Form,
}

/// Runs the command.
pub fn run(args: &Args, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let context = resolve::context(&args.context.context)?;
    let session_policies = args.session_policy.iter().map(session_policy).collect::<Result<Vec<_>, _>>()?;
    let snapshot = engine::load(&args.from, Need::Inputs)?;
    let tables = &snapshot.tables;
    let request = Request {
        principal: resolve::principal(tables, &args.principal)?,
        action: resolve::action(tables, &engine::catalogued_actions(tables), &args.action)?,
        resource: resolve::resource(tables, &args.resource)?,
        context,
        strict: args.context.strict,
        session_name: args.session_name.clone(),
        session_policies,
    };
    let verdict = engine::decide(&snapshot, &request);
    let principal = &tables.entity(request.principal).id;
    let text = match args.format {
        Form::Json => document::text(&json!({
            "format": document::FORMAT,
            "principal": principal,
            "action": request.action,
            "resource": request.resource,
            "decision": verdict.decision,
            "reasons": reasons(&verdict),
        })),
        Form::Table => table(principal, &request.action, &request.resource, &verdict, terminal.layout()),
    };
    terminal.data(text.as_bytes())?;
    Ok(Exit::Done)
}

fn session_policy(path: &PathBuf) -> Result<String, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| Failure::file(Exit::Usage, "read", path, &error))?;
    serde_json::from_str::<Value>(&text).map_err(|error| {
        Failure::usage(format!("the session policy is not valid JSON: {error} ({})", path.display()))
    })?;
    Ok(text)
}

/// Reasons of a verdict as published: `{layer, policy, statement, effect, condition}`.
pub fn reasons(verdict: &Verdict) -> Vec<Value> {
    let row = |reason: &Reason| {
        json!({
            "layer": reason.layer,
            "policy": reason.policy,
            "statement": reason.statement,
            "effect": reason.effect,
            "condition": reason.condition,
        })
    };
    verdict.reasons.iter().map(row).collect()
}

/// The colour of a decision.
pub fn tone(decision: Decision) -> Tone {
    match decision {
        Decision::Allowed => Tone::Alarm,
        Decision::Conditional | Decision::Unknown => Tone::Warn,
        Decision::Denied => Tone::Faint,
    }
}

fn table(principal: &str, action: &str, resource: &str, verdict: &Verdict, layout: Layout) -> String {
    let may = match verdict.decision {
        Decision::Allowed => "may do",
        Decision::Denied => "may not do",
        Decision::Conditional => "may, on a condition, do",
        Decision::Unknown => "may or may not do",
    };
    let (principal, action, resource) = (plain(principal), plain(action), plain(resource));
    let mut text = format!("{}: {principal} {may} {action} on {resource}\n", verdict.decision);
    if verdict.reasons.is_empty() {
        return text;
    }
    let columns = ["LAYER", "EFFECT", "POLICY", "STATEMENT", "CONDITION"].map(|title| (title, Side::Left));
    let mut grid = Grid::new(layout, &columns).indented();
    for reason in &verdict.reasons {
        grid.row([
            reason.layer.as_str().into(),
            reason.effect.into(),
            optional(reason.policy.as_deref()),
            optional(reason.statement.as_deref()),
            optional(reason.condition.as_deref()),
        ]);
    }
    text.push('\n');
    text + &grid.text()
}

/// A text, or a dash where there is none.
pub fn optional(text: Option<&str>) -> Cell {
    text.unwrap_or("–").into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Layer;

    fn verdict(decision: Decision) -> Verdict {
        let reason = Reason {
            layer: Layer::Identity,
            policy: Some("inline\u{1b}".to_owned()),
            statement: Some("Keys".to_owned()),
            effect: "allow",
            condition: None,
            grant: Some(0),
        };
        Verdict { decision, reasons: vec![reason] }
    }

    #[test]
    fn the_answer_is_a_sentence_and_its_reasons_are_rows() {
        let text = table("a\u{7}", "s3:Get", "*", &verdict(Decision::Denied), Layout::default());
        assert!(text.starts_with("denied: a\\u{7} may not do s3:Get on *\n"), "{text}");
        assert!(text.contains("inline\\u{1b}") && !text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn published_reasons_have_exactly_the_published_keys() {
        let rows = reasons(&verdict(Decision::Allowed));
        let keys: Vec<&String> = rows[0].as_object().map(|row| row.keys().collect()).unwrap_or_default();
        assert_eq!(keys, ["condition", "effect", "layer", "policy", "statement"]);
    }
}
