//! Who reaches what is protected, what all of them have to pass, and what to change.

use std::fmt::Write as _;

use super::super::material::{PlanStep, Planned};
use super::super::witness::{self, Step};
use super::super::{View, rows};
use super::chart;
use super::markup::{bar, close_section, counted, grouped, open_section, text};
use super::table::{Cells, Column, Table};
use crate::model::{Certainty, ChokePoint, EntityId, EntityKind, Path};

/// Paths that are drawn: those of the principals with the highest risk.
const PATHS_DRAWN: usize = 40;
/// Statements that are cited for one step.
const STATEMENTS_SHOWN: usize = 3;
/// Permissions in use that a step of the plan names.
const LOST_SHOWN: usize = 5;

/// Exposure of each protected thing.
pub fn exposure(view: &View<'_>, out: &mut String) {
    let lead = "How many principals outside the protected zone reach each of its members: for certain, and possibly, \
                where a condition or something that the export lacks decides.";
    open_section("exposure", "Exposure", lead, out);
    let mut targets: Vec<_> = view.exposure.targets.iter().collect();
    if targets.is_empty() {
        out.push_str("<p>Nothing is protected in this snapshot.</p>\n");
        close_section(out);
        return;
    }
    targets.sort_by_key(|(id, exposed)| (std::cmp::Reverse((exposed.possible, exposed.certain)), *id));
    let entity = |id: EntityId| view.entity(id);
    let number = |f: fn(&super::super::Exposed) -> Option<f64>, digits| {
        Cells::Number(targets.iter().map(|(_, exposed)| f(exposed)).collect(), digits)
    };
    let texts = |f: &dyn Fn(EntityId) -> String| Cells::Text(targets.iter().map(|(id, _)| f(*id)).collect());
    Table::new("exposure-table", "Protected entities, most exposed first", targets.len())
        .with(Column::new(
            "Protected entity",
            texts(&|id| entity(id).map_or_else(|| view.id(id), |one| one.name.clone())),
        ))
        .with(
            Column::new("Kind", texts(&|id| entity(id).map_or("", |one| one.kind.as_str()).replace('_', " ")))
                .if_varied()
                .filtered()
                .minor(),
        )
        .with(Column::new("Certain", number(|exposed| Some(exposed.certain as f64), 0)))
        .with(Column::new("Possible", number(|exposed| Some(exposed.possible as f64), 0)))
        .with(Column::new("Certain, %", number(super::super::Exposed::certain_pct, 1)).minor())
        .with(Column::new("Possible, %", number(super::super::Exposed::possible_pct, 1)))
        .with(
            Column::new(
                "Why protected",
                texts(&|id| entity(id).and_then(|one| one.protected_reason.clone()).unwrap_or_default()),
            )
            .minor(),
        )
        .with(Column::new("Full id", Cells::Id(targets.iter().map(|(id, _)| view.id(*id)).collect())).in_detail())
        .write(out);
    close_section(out);
}

/// What attack paths have to pass.
pub fn choke_points(view: &View<'_>, out: &mut String) {
    let lead = "A choke point is crossed by every path of some principals. Two of them that share principals do not add \
                up; the cut plan puts changes in an order in which they do.";
    open_section("choke-points", "Choke points", lead, out);
    let rows = &view.results.choke_points;
    if rows.is_empty() {
        out.push_str(
            "<p>Nothing stands between the principals and the protected zone that all of them have to pass: either none \
             reaches it, or every one has ways that share nothing.</p>\n",
        );
        close_section(out);
        return;
    }
    let texts = |f: fn(&ChokePoint) -> String| Cells::Text(rows.iter().map(f).collect());
    let number = |f: fn(&ChokePoint) -> u64| Cells::Number(rows.iter().map(|row| Some(f(row) as f64)).collect(), 0);
    Table::new("choke-table", "Choke points, those that most principals hang on first", rows.len())
        .with(Column::new("What", texts(|row| row.name.clone())))
        .with(Column::new("Kind", texts(|row| row.kind.to_string())).if_varied().filtered().minor())
        .with(Column::new("Unavoidable for", number(|row| row.unavoidable_for)))
        .with(Column::new("Exposed now", number(|row| row.exposure_before)).minor())
        .with(Column::new("Exposed without", number(|row| row.exposure_after)))
        .with(
            Column::new("Removable", texts(|row| if row.removable { "yes" } else { "no" }.to_owned()))
                .if_varied()
                .filtered()
                .minor(),
        )
        .with(
            Column::new("Used in window", texts(|row| used(row.used_in_window).to_owned()))
                .if_varied()
                .filtered()
                .minor(),
        )
        .with(Column::new("Full id", Cells::Text(rows.iter().map(|row| row.id.clone()).collect())).in_detail())
        .with(Column::new("Change", texts(|row| row.change.clone().unwrap_or_default())).in_detail())
        .write(out);
    close_section(out);
}

fn used(known: Option<bool>) -> &'static str {
    match known {
        Some(true) => "yes",
        Some(false) => "no",
        None => "unknown",
    }
}

/// Which few changes help most.
pub fn cut_plan(view: &View<'_>, out: &mut String) {
    let lead = "Each step is the change that lowers exposure most after those before it, counted by evaluating all \
                permissions again.";
    open_section("cut-plan", "Cut plan", lead, out);
    match &view.material.plan {
        Planned::Not(why) => {
            let why = if why.is_empty() { "No cut plan was made." } else { why };
            // Writing to a string cannot fail, here and below.
            let _ = writeln!(out, "<p>{}</p>", text(why));
        }
        Planned::Made(plan) => {
            if !plan.steps.is_empty() {
                out.push_str("<ol class=\"plan\">\n");
                plan.steps.iter().for_each(|step| plan_step(step, plan.exposure, out));
                out.push_str("</ol>\n");
            }
            for remark in &plan.remarks {
                let _ = writeln!(out, "<p>{}</p>", text(remark));
            }
        }
    }
    close_section(out);
}

fn plan_step(step: &PlanStep, exposure: u64, out: &mut String) {
    let share = if exposure == 0 { 0.0 } else { step.after as f64 / exposure as f64 };
    let _ = writeln!(
        out,
        "<li><h3>Remove {}</h3>\n<p>Exposed principals {} → <strong>{}</strong>{}</p>",
        text(&step.name),
        grouped(step.before),
        grouped(step.after),
        bar(share, "fill")
    );
    if step.used_lost.is_empty() {
        let known = if step.observed {
            "Nothing that was used in the observation window goes with it."
        } else {
            "Whether what goes with it was used is not known: no usage data covers it."
        };
        let _ = writeln!(out, "<p class=\"lead\">{known}</p>");
    } else {
        out.push_str("<p>It takes away what is in use:</p>\n<ul>\n");
        for lost in step.used_lost.iter().take(LOST_SHOWN) {
            let _ = writeln!(out, "<li>{}</li>", text(lost));
        }
        if step.used_lost.len() > LOST_SHOWN {
            let _ = writeln!(out, "<li>and {} more</li>", step.used_lost.len() - LOST_SHOWN);
        }
        out.push_str("</ul>\n");
    }
    let _ = writeln!(
        out,
        "<details><summary>The change</summary><p class=\"id\">{}</p><pre><code>{}</code></pre></details></li>",
        text(&step.id),
        text(&step.change)
    );
}

/// The name of a path's anchor.
pub fn anchor(entity: EntityId) -> String {
    format!("path-{}", entity.0)
}

/// The paths that are drawn, one for each of the riskiest principals that have one.
pub fn drawn<'a>(view: &View<'a>) -> Vec<(&'a Path, Vec<Step<'a>>)> {
    let path = |score: &crate::model::Score| {
        let path = witness::path_of(view, score.entity)?;
        let steps = witness::steps(view, path)?;
        (!steps.is_empty()).then_some((path, steps))
    };
    view.scores().into_iter().filter_map(path).take(PATHS_DRAWN).collect()
}

/// Drawn paths.
pub fn paths(view: &View<'_>, out: &mut String) {
    let lead = "A shortest way from a principal to something protected, with the statements that make it so. Dashed \
                arrows hang on something that is not known.";
    open_section("paths", "Paths", lead, out);
    let drawn = drawn(view);
    if drawn.is_empty() {
        out.push_str("<p>No principal outside the protected zone has a path into it.</p>\n");
    }
    for (at, (path, steps)) in drawn.iter().enumerate() {
        one_path(view, path, steps, at == 0, out);
    }
    let mut with_path: Vec<EntityId> = view.results.paths.iter().map(|path| path.entity).collect();
    with_path.dedup();
    if with_path.len() > drawn.len() {
        let n = grouped((with_path.len() - drawn.len()) as u64);
        let _ = writeln!(
            out,
            "<p class=\"note\">{n} more principals have a path. <code>overgrant paths NAME --format svg</code> draws one.</p>"
        );
    }
    close_section(out);
}

fn label(view: &View<'_>, id: EntityId) -> String {
    view.entity(id)
        .map_or_else(|| view.id(id), |entity| format!("{} {}", entity.kind.as_str().replace('_', " "), entity.name))
}

/// The same as markup: a name that is written from right to left turns nothing round but itself.
fn labelled(view: &View<'_>, id: EntityId) -> String {
    let name = |raw: &str| format!("<bdi>{}</bdi>", text(raw));
    view.entity(id).map_or_else(
        || name(&view.id(id)),
        |entity| format!("{} {}", entity.kind.as_str().replace('_', " "), name(&entity.name)),
    )
}

/// A path; the first one is open, so that it is seen that there is something to open.
fn one_path(view: &View<'_>, path: &Path, steps: &[Step<'_>], open: bool, out: &mut String) {
    let (from, to) = (label(view, path.entity), label(view, path.target));
    let length = counted(steps.len() as u64, "step", "steps");
    let _ = writeln!(
        out,
        "<details class=\"witness\" id=\"{}\"{}><summary><span class=\"title\">{} → {}</span> <span class=\"sum\">{length}, {}</span></summary>\n\
         <div class=\"drawn\">{}\n<ol>",
        anchor(path.entity),
        if open { " open" } else { "" },
        labelled(view, path.entity),
        labelled(view, path.target),
        path.certainty,
        chart::path(view, path.entity, steps, &format!("Path from {from} to {to}, {length}"))
    );
    for step in steps {
        told(view, step, out);
    }
    out.push_str("</ol></div></details>\n");
}

fn told(view: &View<'_>, step: &Step<'_>, out: &mut String) {
    let administers = view.entity(step.to).is_some_and(|entity| entity.kind == EntityKind::Scope);
    let verb = if administers { "can become administrator of" } else { "can take control of" };
    let technique = &step.edge.technique;
    let how = match view.material.techniques.get(technique) {
        Some(name) => format!("{name} ({technique})"),
        None => technique.clone(),
    };
    let _ = write!(
        out,
        "<li><strong>{}</strong> {verb} <strong>{}</strong>: {}",
        labelled(view, step.from),
        labelled(view, step.to),
        text(&how)
    );
    if step.edge.certainty == Certainty::Conditional {
        let _ = write!(out, "<br>if {}", text(&witness::condition(step)));
    }
    for number in step.edge.evidence.iter().take(STATEMENTS_SHOWN) {
        if let Some(citation) = rows::citation(view, *number) {
            let _ = write!(out, "<br><span class=\"id\">{}</span>", text(&citation));
        }
    }
    if step.edge.evidence.len() > STATEMENTS_SHOWN {
        let _ = write!(out, "<br>and {} more statements", step.edge.evidence.len() - STATEMENTS_SHOWN);
    }
    out.push_str("</li>\n");
}
