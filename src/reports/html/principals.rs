//! Every principal with its scores and what they are made of.

use std::collections::HashSet;
use std::fmt::Write as _;

use super::super::rows::{reasons, shares};
use super::super::{View, witness};
use super::markup::{close_section, day, open_section};
use super::reach::{self, anchor};
use super::table::{Cells, Column, Table, parts};
use crate::model::{Entity, EntityId, Score};

/// Principals that a page holds: those of the highest risk.
const PRINCIPALS_MAX: usize = 250_000;
/// Components of the risk, in the order of their colours.
const COMPONENTS: &[&str] = &["escalation", "excess", "credential", "orphan"];

/// Writes the section.
pub fn write(view: &View<'_>, out: &mut String) {
    let lead = "Risk is 0 to 100. What it is made of adds up exactly; unknown parts widen the range and are never taken \
                for zero.";
    open_section("principals", "Principals", lead, out);
    let mut scores = view.scores();
    if scores.is_empty() {
        out.push_str("<p>No principal was scored.</p>\n");
        close_section(out);
        return;
    }
    let left_out = scores.len().saturating_sub(PRINCIPALS_MAX);
    scores.truncate(PRINCIPALS_MAX);
    out.push_str("<ul class=\"legend\" aria-label=\"Parts of the risk\">\n");
    for (at, component) in COMPONENTS.iter().enumerate() {
        let mut row = vec![0.0; COMPONENTS.len()];
        row[at] = 1.0;
        // Writing to a string cannot fail.
        let _ = writeln!(out, "<li><span aria-hidden=\"true\">{}</span> {component}</li>", parts(&row, COMPONENTS));
    }
    out.push_str("</ul>\n");
    table(view, &scores).leaving_out(left_out).write(out);
    close_section(out);
}

fn table(view: &View<'_>, scores: &[&Score]) -> Table {
    let entity = |score: &Score| view.entity(score.entity);
    let of = |f: fn(&Entity) -> String| -> Vec<String> {
        scores.iter().map(|score| entity(score).map(f).unwrap_or_default()).collect()
    };
    let number = |f: fn(&Score) -> Option<f64>, digits: usize| {
        Cells::Number(scores.iter().map(|score| f(score)).collect(), digits)
    };
    let range = scores.iter().map(|score| format!("{:.0}–{:.0}", score.risk_low, score.risk_high)).collect();
    let nth = |n: usize| -> Vec<String> {
        scores.iter().map(|score| reasons(score).get(n).copied().unwrap_or_default().to_owned()).collect()
    };
    let drawn: HashSet<_> = reach::drawn(view).into_iter().map(|(path, _)| path.entity).collect();
    let link = |score: &&Score| if drawn.contains(&score.entity) { anchor(score.entity) } else { String::new() };
    Table::new("principals-table", "Principals, highest risk first", scores.len())
        .with(Column::new("Principal", Cells::Text(of(|entity| entity.name.clone()))))
        .with(Column::new("Platform", Cells::Text(of(|entity| entity.platform.clone()))).if_varied().filtered().minor())
        .with(
            Column::new("Kind", Cells::Text(of(|entity| entity.kind.as_str().replace('_', " "))))
                .if_varied()
                .filtered()
                .minor(),
        )
        .with(scope(scores.iter().map(|score| score.entity), view))
        .with(Column::new("Who", Cells::Text(of(|entity| is_human(entity).to_owned()))).filtered().minor().short())
        .with(Column::new("Risk", number(|score| Some(score.risk), 1)))
        .with(Column::new("Range", Cells::Text(range)).minor().short())
        .with(Column::new("Made of", Cells::Parts(scores.iter().map(|score| components(score)).collect(), COMPONENTS)))
        .with(Column::new("Escalation", number(|score| score.escalation, 0)).in_detail())
        .with(Column::new("Excess", number(|score| score.excess, 0)).in_detail())
        .with(Column::new("Credential", number(|score| score.credential, 0)).in_detail())
        .with(Column::new("Orphan", number(|score| score.orphan, 0)).in_detail())
        .with(Column::new("Main reason", Cells::Text(nth(0))).wide().minor())
        .with(Column::new("Steps to protected", number(|score| score.hops_to_protected.map(f64::from), 0)).in_detail())
        .with(Column::new("Second reason", Cells::Text(nth(1))).in_detail())
        .with(Column::new("Third reason", Cells::Text(nth(2))).in_detail())
        .with(Column::new("Full id", Cells::Id(scores.iter().map(|score| view.id(score.entity)).collect())).in_detail())
        .with(Column::new("Owner", Cells::Text(of(|entity| entity.owner.clone().unwrap_or_default()))).in_detail())
        .with(
            Column::new("Domain", Cells::Text(of(|entity| entity.domain.clone().unwrap_or_default())))
                .filtered()
                .in_detail(),
        )
        .with(
            Column::new("Last used", Cells::Text(of(|entity| entity.last_used_at.map(day).unwrap_or_default())))
                .in_detail(),
        )
        .with(Column::new("Rights safe to remove", number(|score| score.removable_n.map(f64::from), 0)).in_detail())
        .with(Column::new("Blast radius, %", number(|score| Some(100.0 * score.blast_radius), 1)).in_detail())
        .with(Column::new("Known components, %", number(|score| Some(100.0 * score.coverage), 0)).in_detail())
        .with(
            Column::new("Evidence", Cells::Text(scores.iter().map(|score| score.evidence_grade.clone()).collect()))
                .in_detail(),
        )
        .with(
            Column::new("Shortest path", Cells::Text(scores.iter().map(|score| short_path(view, score)).collect()))
                .in_detail(),
        )
        .with(Column::new("Drawing", Cells::Link(scores.iter().map(link).collect(), "Open the drawn path")).in_detail())
}

/// `human`, `non-human`, or that nothing tells.
fn is_human(entity: &Entity) -> &'static str {
    match entity.nhi {
        Some(true) => "non-human",
        Some(false) => "human",
        None => "undecided",
    }
}

/// The account, tenant or cluster that entities are in: names are often the same in several of them.
pub fn scope(entities: impl Iterator<Item = EntityId>, view: &View<'_>) -> Column {
    let of = |id| view.entity(id).and_then(|entity| entity.scope.clone()).unwrap_or_default();
    Column::new("Scope", Cells::Text(entities.map(of).collect())).if_varied().filtered().minor()
}

/// Shares of the risk in the order of [`COMPONENTS`].
fn components(score: &Score) -> Vec<f64> {
    let known = shares(score);
    let of = |name: &&str| known.iter().find(|(component, _)| component == name).map_or(0.0, |(_, share)| *share);
    COMPONENTS.iter().map(of).collect()
}

/// The techniques of the shortest path.
fn short_path(view: &View<'_>, score: &Score) -> String {
    let Some(path) = witness::path_of(view, score.entity) else { return String::new() };
    let techniques: Vec<&str> =
        witness::steps(view, path).unwrap_or_default().iter().map(|step| step.edge.technique.as_str()).collect();
    format!("{}, {}", techniques.join(" → "), path.certainty)
}
