//! The report as one HTML page: everything is inside the file, nothing is fetched, nothing is sent.
//!
//! The page is complete without its script: headline numbers, charts, paths and the first rows of every table are
//! markup. The script (`page.js`, ours, embedded as it is) adds sorting, filters, search, paging and copying, on
//! columns of inert JSON. A content-security policy allows that script and that style by their hashes and nothing else,
//! so that a name from an export that were markup after all could still do nothing.

mod chart;
mod findings;
mod markup;
mod neglect;
mod overview;
mod principals;
mod quality;
mod reach;
mod table;
#[cfg(test)]
mod tests;
mod trends;

use std::fmt::Write as _;
use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::{Depth, Report, View};
use crate::model::text::format_time;
use markup::text;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Sections: name of the anchor, what the navigation calls it, and what writes it.
type Section = (&'static str, &'static str, fn(&View<'_>, &mut String));

const SECTIONS: &[Section] = &[
    ("overview", "Overview", overview::write),
    ("trends", "Trends", trends::write),
    ("principals", "Principals", principals::write),
    ("findings", "Findings", findings::write),
    ("exposure", "Exposure", reach::exposure),
    ("choke-points", "Choke points", reach::choke_points),
    ("cut-plan", "Cut plan", reach::cut_plan),
    ("paths", "Paths", reach::paths),
    ("orphans", "Orphans", neglect::write),
    ("metrics", "All metrics", quality::metrics),
    ("quality", "Data quality", quality::write),
];

/// The report `html`.
#[derive(Debug)]
pub struct Html;

impl Report for Html {
    fn name(&self) -> &'static str {
        "html"
    }

    fn about(&self) -> &'static str {
        "one page to open, mail or print"
    }

    fn depth(&self) -> Depth {
        Depth::History
    }

    fn write(&self, view: &View<'_>, out: &mut dyn Write) -> io::Result<()> {
        let mut page = String::new();
        head(view, &mut page);
        page.push_str("<main id=\"main\" tabindex=\"-1\">\n");
        out.write_all(page.as_bytes())?;
        for (_, _, write) in SECTIONS {
            page.clear();
            write(view, &mut page);
            out.write_all(page.as_bytes())?;
        }
        out.write_all(foot(view).as_bytes())
    }
}

/// The source of a hash that allows one inline style or script.
fn allowed(content: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(content.as_bytes())))
}

fn policy() -> String {
    format!(
        "default-src 'none'; style-src {}; script-src {}; img-src data:; base-uri 'none'; form-action 'none'",
        allowed(STYLE),
        allowed(SCRIPT)
    )
}

fn head(view: &View<'_>, page: &mut String) {
    // Writing to a string cannot fail, here and below.
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>Privilege sprawl, {}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#main\">Skip to the report</a>\n",
        policy(),
        markup::day(view.as_of)
    );
    let _ = write!(
        page,
        "<header class=\"top\">\n<div><p class=\"kicker\">overgrant</p>\n<h1>Privilege sprawl report</h1>\n\
         <p class=\"meta\">As of <time datetime=\"{0}\">{0}</time>, snapshot {1}</p></div>\n\
         <div class=\"actions\" hidden><button type=\"button\" id=\"theme\">Theme: automatic</button>\
         <button type=\"button\" id=\"print\">Print</button></div>\n</header>\n<nav aria-label=\"Sections\"><ul>\n",
        format_time(view.as_of),
        text(view.snapshot)
    );
    for (id, title, _) in SECTIONS {
        let _ = writeln!(page, "<li><a href=\"#{id}\">{title}</a></li>");
    }
    page.push_str("</ul></nav>\n");
}

fn foot(view: &View<'_>) -> String {
    format!(
        "</main>\n<footer><p>Made by overgrant {} from snapshot {} of exported data; \
         the same snapshot gives the same page. Names and texts from exports are shown as they are and mean nothing to \
         the page. This file opens no connection.</p></footer>\n\
         <div id=\"said\" class=\"hidden\" role=\"status\" aria-live=\"polite\"></div>\n<script>{SCRIPT}</script>\n</body>\n</html>\n",
        env!("CARGO_PKG_VERSION"),
        text(view.snapshot)
    )
}
