//! Non-human identities that nobody answers for, and who might.

use super::super::View;
use super::markup::{close_section, day, open_section};
use super::principals;
use super::table::{Cells, Column, Table};
use crate::model::Orphan;

/// Writes the section.
pub fn write(view: &View<'_>, out: &mut String) {
    let lead = "Non-human identities that nobody answers for or needs, with whom the evidence proposes as owner. A \
                proposal is a question to ask, not an answer.";
    open_section("orphans", "Orphans", lead, out);
    let rows = &view.results.orphans;
    if rows.is_empty() {
        out.push_str("<p>No non-human identity is known to be orphaned. That is only worth as much as the coverage of owners and use under data quality.</p>\n");
        close_section(out);
        return;
    }
    let mut rows: Vec<&Orphan> = rows.iter().collect();
    let risk = |row: &Orphan| {
        let scores = &view.results.scores;
        scores.binary_search_by_key(&row.entity, |score| score.entity).ok().map(|at| scores[at].risk)
    };
    rows.sort_by(|a, b| {
        let risks = risk(b).unwrap_or(-1.0).total_cmp(&risk(a).unwrap_or(-1.0));
        risks.then_with(|| (a.entity, a.reason).cmp(&(b.entity, b.reason)))
    });
    let texts = |f: fn(&Orphan) -> String| Cells::Text(rows.iter().map(|row| f(row)).collect());
    let name =
        |row: &&Orphan| view.entity(row.entity).map_or_else(|| view.id(row.entity), |entity| entity.name.clone());
    let confidence = rows.iter().map(|row| row.proposed_confidence.map(|share| 100.0 * share)).collect();
    Table::new("orphans-table", "Orphaned and neglected identities, highest risk first", rows.len())
        .with(Column::new("Identity", Cells::Text(rows.iter().map(name).collect())))
        .with(principals::scope(rows.iter().map(|row| row.entity), view))
        .with(Column::new("Reason", texts(|row| row.reason.to_string())).filtered().short())
        .with(Column::new("Since", texts(|row| row.since.map(day).unwrap_or_default())).minor().short())
        .with(Column::new("Risk", Cells::Number(rows.iter().map(|row| risk(row)).collect(), 1)).minor())
        .with(Column::new("Proposed owner", texts(|row| row.proposed_owner.clone().unwrap_or_default())))
        .with(Column::new("Confidence, %", Cells::Number(confidence, 0)).minor())
        .with(
            Column::new("Certain", texts(|row| if row.undetermined.is_none() { "yes" } else { "no" }.to_owned()))
                .if_varied()
                .filtered()
                .minor(),
        )
        .with(Column::new("What would decide", texts(|row| row.undetermined.clone().unwrap_or_default())).in_detail())
        .with(Column::new("Evidence", Cells::List(rows.iter().map(|row| row.evidence.clone()).collect())).in_detail())
        .with(
            Column::new("Why this owner", Cells::List(rows.iter().map(|row| row.proposed_evidence.clone()).collect()))
                .in_detail(),
        )
        .with(Column::new("Full id", Cells::Id(rows.iter().map(|row| view.id(row.entity)).collect())).in_detail())
        .write(out);
    close_section(out);
}
