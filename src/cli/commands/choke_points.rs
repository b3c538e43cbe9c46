//! `choke-points`: what attack paths have to pass, and the change that takes it away.

use serde_json::{Value, json};

use crate::cli::args::{Form, SnapshotArgs};
use crate::cli::engine;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::terminal::Terminal;
use crate::model::ChokePoint;
use crate::reports::escape::plain;
use crate::reports::grid::{Grid, Side};
use crate::reports::{Layout, json as document};

const EXAMPLES: &str = "\
Examples:
  overgrant choke-points                        the twenty that most principals hang on
  overgrant choke-points --removable            only what the account can take away
  overgrant choke-points --format json

A choke point is something that every path of some principals to the protected zone crosses, certain or \
conditional: a node of the attack graph, a statement, an attached policy, a membership, a trust statement. \
UNAVOIDABLE FOR says for how many; they no longer reach the zone without it. Two choke points that share principals \
do not add up: `overgrant cut-plan` puts changes in an order in which they do.";

/// Choke points that a person is shown unless they ask for more.
const ROWS_DEFAULT: usize = 20;

/// Flags of `choke-points`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    from: SnapshotArgs,
    /// Only what the account can take away
    #[arg(long)]
    removable: bool,
    /// Rows at most, 0 for all [default: 20 in a table, all in JSON]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// What to print
    #[arg(long, value_enum, default_value = "table")]
    format: Form,
}

/// Runs the command.
pub fn run(args: &Args, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let (mut rows, exposed) = engine::choke_points(&args.from)?;
    if args.removable {
        rows.retain(|row| row.removable);
    }
    let limit = match (args.limit, args.format) {
        (Some(0), _) | (None, Form::Json) => usize::MAX,
        (Some(limit), _) => limit,
        (None, Form::Table) => ROWS_DEFAULT,
    };
    let shown = &rows[..rows.len().min(limit)];
    let text = match args.format {
        Form::Json => document::text(&json!({
            "format": document::FORMAT,
            "choke_points": shown.iter().map(published).collect::<Vec<_>>(),
        })),
        Form::Table => told(shown, (rows.len(), exposed), args.removable, terminal.layout()),
    };
    terminal.data(text.as_bytes())?;
    if args.format == Form::Table && !rows.is_empty() {
        terminal.next(&args.from, &[&["cut-plan", "--budget", "5"], &["cut-plan", "--budget", "5", "--unused-only"]]);
    }
    Ok(Exit::Done)
}

/// The operations of the change that takes a choke point away; none where there is none of one step.
fn changes(row: &ChokePoint) -> Vec<Value> {
    match row.change.as_deref().and_then(|change| serde_json::from_str(change).ok()) {
        Some(Value::Array(all)) => all,
        Some(one) => vec![one],
        None => Vec::new(),
    }
}

fn published(row: &ChokePoint) -> Value {
    let changes = changes(row);
    json!({
        "kind": row.kind,
        "id": row.id,
        "name": row.name,
        "unavoidable_for": row.unavoidable_for,
        "exposure_before": row.exposure_before,
        "exposure_after": row.exposure_after,
        "removable": row.removable,
        "used_in_window": row.used_in_window,
        "change": changes.first(),
        "goes_with": changes.get(1..).unwrap_or_default(),
    })
}

/// What a person reads of the rows that are shown, of so many, with so many principals that reach the zone.
fn told(rows: &[ChokePoint], (all, exposed): (usize, u64), removable: bool, layout: Layout) -> String {
    let Some(first) = rows.first() else {
        if exposed == 0 {
            return "There is no choke point: nobody outside the protected zone reaches it.\n".to_owned();
        }
        let what = if removable { " that the account can take away" } else { "" };
        return format!(
            "{exposed} principals outside the protected zone reach it or may, and there is no choke point{what}: every \
             one of them has ways that share nothing.\n\
             `overgrant exposure` says where they lead; `overgrant cut-plan` finds changes that work together.\n"
        );
    };
    let mut text =
        format!("{} principals outside the protected zone reach it or may. Without …\n", first.exposure_before);
    let (left, right) = (Side::Left, Side::Right);
    let columns =
        [("UNAVOIDABLE FOR", right), ("LEFT", right), ("KIND", left), ("WHAT", left), ("USED", left), ("CHANGE", left)];
    let mut grid = Grid::new(layout, &columns);
    for row in rows {
        let used = match row.used_in_window {
            Some(true) => "yes",
            Some(false) => "no",
            None => "?",
        };
        let changes = changes(row);
        let op = changes.first().and_then(|change| change["op"].as_str()).unwrap_or("–").to_owned();
        grid.row([
            row.unavoidable_for.to_string().into(),
            row.exposure_after.to_string().into(),
            row.kind.as_str().into(),
            plain(&row.name).into(),
            used.into(),
            op.into(),
        ]);
    }
    text += &grid.text();
    if rows.len() < all {
        text += &format!("… {} more of {all} (--limit 0 shows all)\n", all - rows.len());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ChokeKind, EntityId};

    fn row() -> ChokePoint {
        ChokePoint {
            entity: EntityId(1),
            kind: ChokeKind::Membership,
            other: Some(EntityId(2)),
            grant: None,
            id: "user/a → group/g".to_owned(),
            name: "user a\u{1b}[2J in group g".to_owned(),
            unavoidable_for: 3,
            exposure_before: 10,
            exposure_after: 7,
            removable: true,
            used_in_window: None,
            change: Some(r#"{"container":"group/g","member":"user/a","op":"remove_member"}"#.to_owned()),
        }
    }

    #[test]
    fn the_published_row_has_the_change_as_an_object_and_unknown_use_as_null() {
        let expected = json!({
            "kind": "membership", "id": "user/a → group/g", "name": "user a\u{1b}[2J in group g",
            "unavoidable_for": 3, "exposure_before": 10, "exposure_after": 7, "removable": true,
            "used_in_window": null,
            "change": {"op": "remove_member", "member": "user/a", "container": "group/g"}, "goes_with": [],
        });
        assert_eq!(published(&row()), expected);
    }

    #[test]
    fn a_person_reads_what_is_left_and_that_there_is_more() {
        let text = told(&[row()], (4, 10), false, Layout::default());
        assert!(text.starts_with("10 principals outside"), "{text}");
        assert!(text.contains("remove_member") && text.contains("… 3 more of 4") && !text.contains('\u{1b}'), "{text}");
        assert!(told(&[], (0, 0), false, Layout::default()).contains("nobody outside the protected zone reaches it"));
        let none = told(&[], (0, 7), true, Layout::default());
        assert!(none.starts_with("7 principals outside") && none.contains("that the account can take away"), "{none}");
    }
}
