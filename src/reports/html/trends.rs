//! How the headline metrics moved, with control limits.

use std::fmt::Write as _;

use super::super::View;
use super::super::figures::figure;
use super::super::headlines::HEADLINES;
use super::super::material::Series;
use super::chart;
use super::markup::{close_section, day, open_section, text};

/// Newest points that the table below a chart has.
const POINTS_SHOWN: usize = 30;

/// Writes the section.
pub fn write(view: &View<'_>, out: &mut String) {
    let drawn: Vec<&Series> = view.material.trends.iter().filter(|series| series.points.len() > 1).collect();
    if drawn.is_empty() {
        let lead = "A trend begins with the second scan: this store has measured each metric once.";
        open_section("trends", "Trends", lead, out);
        close_section(out);
        return;
    }
    let lead = "The thin line is the metric, the bold one its moving average, the shaded band the control limits of that \
                average. Points outside the limits are ringed: that is more than chance.";
    open_section("trends", "Trends", lead, out);
    out.push_str("<div class=\"charts\">\n");
    for headline in HEADLINES {
        if let Some(series) = drawn.iter().find(|series| series.metric == headline.id) {
            figure_of(series, headline.title, out);
        }
    }
    out.push_str("</div>\n");
    close_section(out);
}

fn figure_of(series: &Series, title: &str, out: &mut String) {
    // Writing to a string cannot fail, here and below.
    let _ = writeln!(
        out,
        "<figure>\n<figcaption><strong>{}</strong><span>{}</span></figcaption>\n{}",
        text(title),
        text(&verdict(series)),
        chart::trend(series, &format!("{title}: {}", verdict(series)))
    );
    out.push_str("<details><summary>Numbers</summary>\n");
    let _ = writeln!(
        out,
        "<table>\n<caption class=\"hidden\">{}</caption>\n<thead><tr><th scope=\"col\">As of</th>\
         <th scope=\"col\" class=\"num\">Value</th><th scope=\"col\" class=\"num\">Average</th>\
         <th scope=\"col\">Limits</th><th scope=\"col\">Signal</th></tr></thead>\n<tbody>",
        text(title)
    );
    for point in series.points.iter().rev().take(POINTS_SHOWN) {
        let shown = |value: f64| figure(series.unit, Some(value));
        let (average, limits) = point.band.map_or_else(
            || ("–".to_owned(), "–".to_owned()),
            |band| (shown(band.value), format!("{} to {}", shown(band.low), shown(band.high))),
        );
        let signal = match point.signal {
            None => "",
            Some(true) => "outside, worse",
            Some(false) => "outside",
        };
        let _ = writeln!(
            out,
            "<tr><th scope=\"row\">{}</th><td class=\"num\">{}</td><td class=\"num\">{average}</td><td>{limits}</td>\
             <td>{signal}</td></tr>",
            day(point.as_of),
            shown(point.value)
        );
    }
    out.push_str("</tbody></table></details>\n</figure>\n");
}

fn verdict(series: &Series) -> String {
    let last = series.points.last();
    let state = match (series.drift_since, last.and_then(|point| point.signal)) {
        (Some(since), _) => format!("drift since {}", day(since)),
        (None, Some(_)) => "outside the limits, no drift of those who stayed".to_owned(),
        (None, None) => "within the limits".to_owned(),
    };
    let now = figure(series.unit, last.map(|point| point.value));
    let provisional = if series.provisional {
        format!("; limits are provisional ({} of 20 points)", series.baseline_points)
    } else {
        String::new()
    };
    format!("{now}, {state}{provisional}")
}
