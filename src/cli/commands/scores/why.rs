//! The first identities to look at, why, and what is safe to take away from them: three lines each.

use std::fmt::Write as _;

use crate::cli::engine::Snapshot;
use crate::model::Score;
use crate::reports::escape::plain;
use crate::reports::rows::{reasons, who};

/// Characters of a line at most, so that ten identities fit a screen.
const WIDTH: usize = 100;

/// Rows as a page; `all` is how many there are.
pub fn page(snapshot: &Snapshot, rows: &[&Score], all: usize) -> String {
    if rows.is_empty() {
        return "No scores.\n".to_owned();
    }
    let view = snapshot.view();
    let mut text =
        format!("{} of {all} principals; what each line says is derived by `overgrant explain NAME`\n", rows.len());
    for (row, place) in rows.iter().zip(1..) {
        let entity = view.entity(row.entity);
        let name = entity.map_or("", |entity| entity.name.as_str());
        let about = entity.map_or_else(String::new, |entity| {
            format!("{}, {} of {}", who(entity), entity.kind, entity.scope.as_deref().unwrap_or("–"))
        });
        let risk = format!(
            "{place:>2}. risk {:.1} ({:.1}–{:.1})  {}  {about}",
            row.risk,
            row.risk_low,
            row.risk_high,
            plain(name)
        );
        let why = reasons(row)
            .first()
            .map_or_else(|| "nothing raises its risk".to_owned(), |reason| plain(reason).into_owned());
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}", cut(&risk));
        let _ = writeln!(text, "{}", cut(&format!("    why     {why}")));
        let _ = writeln!(text, "{}", cut(&format!("    remove  {}", removable(row))));
    }
    text
}

/// What is safe to take away, in words.
pub fn removable(score: &Score) -> String {
    let (Some(n), Some(mass)) = (score.removable_n, score.removable_mass) else {
        return "undetermined: its use was not observed".to_owned();
    };
    let evidence = match score.window_days {
        Some(days) => format!("{}, {days} days watched", score.evidence_grade),
        None => score.evidence_grade.clone(),
    };
    match score.wpa {
        _ if n > 0 => {
            let share = 100.0 * mass / score.mass.max(f64::MIN_POSITIVE);
            format!("{n} actions are safe to remove, {mass:.0} of mass {:.0} ({share:.0} %); {evidence}", score.mass)
        }
        Some(unused) if unused > 0.0 => {
            format!("nothing is known to be safe; mass {unused:.0} was not seen in use; {evidence}")
        }
        Some(_) => format!("nothing: all that is observable was used; {evidence}"),
        None => "undetermined: nothing that it may do is observable".to_owned(),
    }
}

fn cut(line: &str) -> String {
    if line.chars().count() <= WIDTH {
        return line.to_owned();
    }
    line.chars().take(WIDTH - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reports::tests::Fixture;

    fn score(n: Option<u32>, mass: Option<f64>, unused: Option<f64>, days: Option<u32>) -> Score {
        let base = Fixture::default().results.scores[0].clone();
        let evidence_grade = "measured-action".to_owned();
        Score {
            removable_n: n,
            removable_mass: mass,
            wpa: unused,
            window_days: days,
            mass: 40.0,
            evidence_grade,
            ..base
        }
    }

    #[test]
    fn a_line_says_what_is_safe_and_what_that_stands_on() {
        for (score, expected) in [
            (score(None, None, None, None), "undetermined: its use was not observed"),
            (
                score(Some(3), Some(10.0), Some(12.0), Some(90)),
                "3 actions are safe to remove, 10 of mass 40 (25 %); measured-action, 90 days watched",
            ),
            (
                score(Some(0), Some(0.0), Some(12.0), Some(7)),
                "nothing is known to be safe; mass 12 was not seen in use; measured-action, 7 days watched",
            ),
            (score(Some(0), Some(0.0), None, None), "undetermined: nothing that it may do is observable"),
            (score(Some(0), Some(0.0), Some(0.0), None), "nothing: all that is observable was used; measured-action"),
        ] {
            assert_eq!(removable(&score), expected);
        }
    }

    #[test]
    fn ten_identities_fit_a_screen() {
        let fixture = Fixture::default();
        let snapshot = Snapshot { tables: fixture.tables, results: fixture.results, ..Snapshot::default() };
        let mut long = snapshot.results.scores[0].clone();
        long.reason_1 = Some("very ".repeat(60));
        let rows = [&long; 10];
        let text = page(&snapshot, &rows, 400);
        assert!(text.lines().count() <= 40 && text.lines().all(|line| line.chars().count() <= 100), "{text}");
        assert!(text.starts_with("10 of 400 principals"), "{text}");
    }
}
