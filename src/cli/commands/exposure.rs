//! `exposure`: how many principals reach what is protected.

use serde_json::{Value, json};

use crate::cli::args::{Form, SnapshotArgs};
use crate::cli::engine::{Partial, Snapshot};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::resolve;
use crate::cli::terminal::Terminal;
use crate::model::EntityId;
use crate::reports::grid::{Grid, Side};
use crate::reports::{Exposed, Layout, json as document};

const EXAMPLES: &str = "\
Examples:
  overgrant exposure                            the protected zone, and each of its members
  overgrant exposure role/admin
  overgrant exposure --format json

Counted are the principals outside the protected zone. `certain` have a path that hangs on nothing \
unknown, `possible` have any path: the truth lies between the two.";

/// Flags of `exposure`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Only this protected entity: a full id, a unique end of one, or a name
    target: Option<String>,
    #[command(flatten)]
    from: SnapshotArgs,
    /// What to print
    #[arg(long, value_enum, default_value = "table")]
    format: Form,
}

/// Runs the command.
pub fn run(args: &Args, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let mut partial = Partial::open(&args.from)?;
    partial.load_graph()?;
    let mut snapshot = partial.into_snapshot();
    snapshot.measure_exposure();
    if let Some(text) = &args.target {
        let target = resolve::entity(&snapshot.tables, text)?;
        snapshot.exposure.targets.retain(|(id, _)| *id == target);
        if snapshot.exposure.targets.is_empty() {
            return Err(Failure::usage(format!("`{}` is not in the protected zone", snapshot.view().id(target)))
                .hint("`overgrant exposure` lists the zone; `overgrant paths FROM --to TARGET` takes any target"));
        }
    }
    let text = match args.format {
        Form::Json => document::text(&published(&snapshot)),
        Form::Table => table(&snapshot, terminal.layout()),
    };
    terminal.data(text.as_bytes())?;
    if args.format == Form::Table && snapshot.exposure.zone.possible > 0 {
        terminal.next(&args.from, &[&["choke-points"], &["cut-plan", "--budget", "5"]]);
    }
    Ok(Exit::Done)
}

fn published(snapshot: &Snapshot) -> Value {
    let row = |exposed: &Exposed| {
        json!({
            "principals": exposed.principals,
            "exposed_certain": exposed.certain,
            "exposed_possible": exposed.possible,
            "exposure_pct_certain": exposed.certain_pct(),
            "exposure_pct_possible": exposed.possible_pct(),
        })
    };
    let view = snapshot.view();
    let target = |(id, exposed): &(EntityId, Exposed)| {
        let mut fields = row(exposed);
        fields["target"] = json!(view.id(*id));
        fields
    };
    let targets: Vec<Value> = snapshot.exposure.targets.iter().map(target).collect();
    json!({"format": document::FORMAT, "zone": row(&snapshot.exposure.zone), "targets": targets})
}

fn table(snapshot: &Snapshot, layout: Layout) -> String {
    let view = snapshot.view();
    let (left, right) = (Side::Left, Side::Right);
    let columns = [
        ("TARGET", left),
        ("CERTAIN", right),
        ("%", right),
        ("POSSIBLE", right),
        ("%", right),
        ("OF", right),
        ("PROTECTED BECAUSE", left),
    ];
    let mut grid = Grid::new(layout, &columns);
    let mut row = |name: String, exposed: &Exposed, why: &str| {
        let pct = |pct: Option<f64>| pct.map_or_else(|| "–".to_owned(), |pct| format!("{pct:.1}"));
        grid.row([
            name.into(),
            exposed.certain.to_string().into(),
            pct(exposed.certain_pct()).into(),
            exposed.possible.to_string().into(),
            pct(exposed.possible_pct()).into(),
            exposed.principals.to_string().into(),
            why.into(),
        ]);
    };
    row("(the whole zone)".to_owned(), &snapshot.exposure.zone, "");
    for (id, exposed) in &snapshot.exposure.targets {
        let why = view.entity(*id).and_then(|entity| entity.protected_reason.as_deref());
        row(view.id(*id), exposed, why.unwrap_or(""));
    }
    grid.text()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reports::tests::Fixture;

    #[test]
    fn the_published_document_has_counts_and_percentages_for_zone_and_targets() {
        let fixture = Fixture::default();
        let snapshot = Snapshot { tables: fixture.tables, exposure: fixture.exposure, ..Snapshot::default() };
        let counts = json!({
            "principals": 3, "exposed_certain": 2, "exposed_possible": 3,
            "exposure_pct_certain": 66.6667, "exposure_pct_possible": 100.0,
        });
        let mut target = counts.clone();
        target["target"] = json!("111122223333");
        assert_eq!(published(&snapshot), json!({"format": 1, "zone": counts, "targets": [target]}));
        assert!(table(&snapshot, Layout::default()).contains("66.7"));
    }
}
