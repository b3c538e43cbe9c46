//! Drawings: a metric over time with its control limits, and a path from a principal to what is protected. Colours
//! come from the page's style, so that they follow its theme; sizes are user units of the drawing.

use std::fmt::Write as _;

use super::super::escape::fitting;
use super::super::figures::figure;
use super::super::material::{Series, SeriesPoint};
use super::super::witness::Step;
use super::super::{View, witness};
use super::markup::{day, text};
use crate::model::{Certainty, EntityId};

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 220.0;
/// Left, top, right, bottom.
const MARGIN: (f64, f64, f64, f64) = (64.0, 16.0, 14.0, 30.0);
/// Newest points that are drawn: more would be a smear.
const POINTS_MAX: usize = 400;
/// Lines across the chart, about.
const TICKS: f64 = 4.0;

/// Where a value stands on the chart.
struct Scale {
    from: i64,
    span: f64,
    low: f64,
    high: f64,
}

impl Scale {
    fn of(points: &[SeriesPoint], unit: &str) -> Self {
        let values = points.iter().flat_map(|point| {
            let band = point.band.map(|band| [band.low, band.high, band.value]);
            std::iter::once(point.value).chain(band.into_iter().flatten())
        });
        let (low, high) = values.fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)));
        let room = if high > low { 0.08 * (high - low) } else { 1.0_f64.max(0.1 * high.abs()) };
        // No metric of ours is below nothing, and no share above all.
        let ceiling = if unit == "percent" { 100.0_f64.max(high) } else { f64::MAX };
        let from = points.first().map_or(0, |point| point.as_of);
        let span = points.last().map_or(1, |point| point.as_of - from).max(1) as f64;
        Self { from, span, low: (low - room).max(low.min(0.0)), high: (high + room).min(ceiling) }
    }

    fn x(&self, as_of: i64) -> f64 {
        MARGIN.0 + (as_of - self.from) as f64 / self.span * (WIDTH - MARGIN.0 - MARGIN.2)
    }

    fn y(&self, value: f64) -> f64 {
        let span = if self.high > self.low { self.high - self.low } else { 1.0 };
        MARGIN.1 + (self.high - value) / span * (HEIGHT - MARGIN.1 - MARGIN.3)
    }

    fn line(&self, points: impl Iterator<Item = (i64, f64)>) -> String {
        let places = points.map(|(as_of, value)| format!("{:.1},{:.1}", self.x(as_of), self.y(value)));
        places.collect::<Vec<_>>().join(" ")
    }
}

/// Draws a series of at least two points. The title is its accessible name, and the numbers are beside it as a table.
pub fn trend(series: &Series, title: &str) -> String {
    let points = &series.points[series.points.len().saturating_sub(POINTS_MAX)..];
    let scale = Scale::of(points, series.unit);
    let mut svg = format!(
        "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{0}\"><title>{0}</title>",
        text(title)
    );
    axes(series, points, &scale, &mut svg);
    let banded: Vec<(i64, super::super::material::Band)> =
        points.iter().filter_map(|point| Some((point.as_of, point.band?))).collect();
    if banded.len() > 1 {
        let above = banded.iter().map(|(at, band)| (*at, band.high));
        let below = banded.iter().rev().map(|(at, band)| (*at, band.low));
        // Writing to a string cannot fail, here and below.
        let _ = write!(svg, "<polygon class=\"band\" points=\"{}\"/>", scale.line(above.chain(below)));
        let average = scale.line(banded.iter().map(|(at, band)| (*at, band.value)));
        let _ = write!(svg, "<polyline class=\"average\" points=\"{average}\"/>");
    }
    if let Some(centre) = series.centre {
        let y = scale.y(centre);
        let _ = write!(
            svg,
            "<line class=\"centre\" x1=\"{}\" x2=\"{}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>",
            MARGIN.0,
            WIDTH - MARGIN.2
        );
    }
    let _ = write!(
        svg,
        "<polyline class=\"value\" points=\"{}\"/>",
        scale.line(points.iter().map(|point| (point.as_of, point.value)))
    );
    for point in points {
        let (class, radius, said) = match point.signal {
            None => ("point", 2.5, ""),
            Some(false) => ("signal", 4.5, ", outside the limits"),
            Some(true) => ("signal worse", 4.5, ", outside the limits on the bad side"),
        };
        let _ = write!(
            svg,
            "<circle class=\"{class}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"{radius}\"><title>{}: {}{said}</title></circle>",
            scale.x(point.as_of),
            scale.y(point.value),
            day(point.as_of),
            figure(series.unit, Some(point.value))
        );
    }
    svg + "</svg>"
}

fn axes(series: &Series, points: &[SeriesPoint], scale: &Scale, svg: &mut String) {
    let (left, right) = (MARGIN.0, WIDTH - MARGIN.2);
    let values = ticks(scale, series.unit);
    for (value, label) in values.iter().zip(tick_labels(&values, series.unit)) {
        let y = scale.y(*value);
        let _ = write!(
            svg,
            "<line class=\"grid\" x1=\"{left}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            left - 6.0,
            y + 4.0,
            label
        );
    }
    let ends = [points.first().map(|point| (point, "start")), points.last().map(|point| (point, "end"))];
    for (point, anchor) in ends.into_iter().flatten() {
        let (x, y) = (scale.x(point.as_of), HEIGHT - 8.0);
        let _ = write!(svg, "<text x=\"{x:.1}\" y=\"{y}\" text-anchor=\"{anchor}\">{}</text>", day(point.as_of));
    }
}

/// What ticks are called: with as many digits as figures of the unit have, and more where these would be the same.
fn tick_labels(values: &[f64], unit: &str) -> Vec<String> {
    let labels = values.iter().map(|&value| figure(unit, Some(value)).trim_end_matches(" %").to_owned());
    let labels: Vec<String> = labels.collect();
    if labels.windows(2).all(|pair| pair[0] != pair[1]) {
        return labels;
    }
    let differ = |digits: &usize| {
        let texts: Vec<String> = values.iter().map(|value| format!("{value:.digits$}")).collect();
        texts.windows(2).all(|pair| pair[0] != pair[1])
    };
    let digits = (1..=15).find(differ).unwrap_or(15);
    values.iter().map(|value| format!("{value:.digits$}")).collect()
}

/// Round values within the scale, at a distance of 1, 2 or 5 times a power of ten, and whole ones for counts.
fn ticks(scale: &Scale, unit: &str) -> Vec<f64> {
    let rough = ((scale.high - scale.low) / TICKS).max(f64::MIN_POSITIVE);
    let power = 10.0_f64.powf(rough.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= rough).unwrap_or(10.0);
    let step = if unit == "count" { (factor * power).max(1.0) } else { factor * power };
    let first = (scale.low / step).ceil();
    let values = (0..=8).map(|at| (first + f64::from(at)) * step);
    values.take_while(|value| *value <= scale.high + 1e-9 * step).collect()
}

/// Width of the drawing of a path, and height of a box and of the arrow below it.
const PATH_WIDTH: u32 = 420;
const BOX_HEIGHT: u32 = 44;
const ARROW_HEIGHT: u32 = 46;
/// Columns of text that fit into a box, and beside an arrow.
const BOX_COLUMNS: usize = 44;
const ARROW_COLUMNS: usize = 52;

/// Draws a path from top to bottom: one box for each entity, one arrow for each step, dashed where it hangs on
/// something. What is protected has a double border.
pub fn path(view: &View<'_>, from: EntityId, steps: &[Step<'_>], title: &str) -> String {
    let boxes = u32::try_from(steps.len() + 1).unwrap_or(u32::MAX);
    let height = boxes.saturating_mul(BOX_HEIGHT + ARROW_HEIGHT) - ARROW_HEIGHT + 4;
    let mut svg = format!(
        "<svg class=\"path\" viewBox=\"0 0 {PATH_WIDTH} {height}\" role=\"img\" aria-label=\"{0}\"><title>{0}</title>",
        text(title)
    );
    entity_box(view, from, 2, &mut svg);
    let mut top = 2;
    for step in steps {
        top += BOX_HEIGHT;
        arrow(view, step, top, &mut svg);
        top += ARROW_HEIGHT;
        entity_box(view, step.to, top, &mut svg);
    }
    svg + "</svg>"
}

fn entity_box(view: &View<'_>, id: EntityId, top: u32, svg: &mut String) {
    let entity = view.entity(id);
    let (kind, name) = entity.map_or(("entity", view.id(id)), |entity| (entity.kind.as_str(), entity.name.clone()));
    let protected = entity.is_some_and(|entity| entity.protected);
    let class = if protected { "box protected" } else { "box" };
    let middle = PATH_WIDTH / 2;
    let _ = write!(
        svg,
        "<g><title>{}</title><rect class=\"{class}\" x=\"2\" y=\"{top}\" width=\"{}\" height=\"{BOX_HEIGHT}\" rx=\"6\"/>",
        text(&view.id(id)),
        PATH_WIDTH - 4
    );
    if protected {
        let (y, width, height) = (top + 4, PATH_WIDTH - 12, BOX_HEIGHT - 8);
        let _ = write!(svg, "<rect class=\"inner\" x=\"6\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"4\"/>");
    }
    let kind = if protected { format!("{kind}, protected") } else { kind.to_owned() };
    let _ = write!(
        svg,
        "<text class=\"kind\" x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">{}</text>\
         <text class=\"name\" x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">{}</text></g>",
        top + 18,
        text(&kind.replace('_', " ")),
        top + 34,
        text(&fitting(&name, BOX_COLUMNS))
    );
}

fn arrow(view: &View<'_>, step: &Step<'_>, top: u32, svg: &mut String) {
    let (x, tip) = (28, top + ARROW_HEIGHT);
    let base = tip - 8;
    let sure = step.edge.certainty == Certainty::Certain;
    let class = if sure { "arrow" } else { "arrow open" };
    let technique = &step.edge.technique;
    let how = view.material.techniques.get(technique).unwrap_or(technique);
    let _ = write!(
        svg,
        "<line class=\"{class}\" x1=\"{x}\" x2=\"{x}\" y1=\"{top}\" y2=\"{}\"/>\
         <polygon class=\"tip\" points=\"{},{base} {},{base} {x},{tip}\"/><text x=\"{}\" y=\"{}\">{}</text>",
        tip - 7,
        x - 5,
        x + 5,
        x + 16,
        top + if sure { 27 } else { 20 },
        text(&fitting(how, ARROW_COLUMNS)),
    );
    if !sure {
        let condition = format!("if {}", witness::condition(step));
        let _ = write!(
            svg,
            "<text class=\"kind\" x=\"{}\" y=\"{}\">{}</text>",
            x + 16,
            top + 35,
            text(&fitting(&condition, ARROW_COLUMNS))
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_ticks_have_different_labels() {
        assert_eq!(tick_labels(&[1.26, 1.28, 1.3], "percent"), ["1.26", "1.28", "1.30"]);
        assert_eq!(tick_labels(&[5.0, 10.0], "percent"), ["5.0", "10.0"]);
    }

    #[test]
    fn ticks_are_round_and_whole_for_counts() {
        let scale = |low, high| Scale { from: 0, span: 1.0, low, high };
        assert_eq!(ticks(&scale(9.9, 12.1), "count"), [10.0, 11.0, 12.0]);
        assert_eq!(ticks(&scale(0.0, 100.0), "percent"), [0.0, 50.0, 100.0]);
        assert_eq!(ticks(&scale(12.0, 27.0), "percent"), [15.0, 20.0, 25.0]);
        assert!(ticks(&scale(5.0, 5.0), "ratio").len() <= 9, "a flat scale ends");
    }

    #[test]
    fn a_flat_series_and_extreme_values_have_finite_places() {
        let point = |as_of, value| SeriesPoint { as_of, value, band: None, signal: None };
        for values in [[0.0, 0.0], [1e300, 0.0], [100.0, 100.0]] {
            let series = Series {
                metric: "m".to_owned(),
                unit: "percent",
                centre: None,
                baseline_points: 2,
                provisional: true,
                drift_since: None,
                points: vec![point(0, values[0]), point(0, values[1])],
            };
            let svg = trend(&series, "<t>");
            assert!(!svg.contains("NaN") && !svg.contains("inf") && !svg.contains("<t>"), "{svg}");
        }
    }
}
