//! Tables of any length: the first rows as markup, all rows as columns of inert JSON that the page's script sorts,
//! filters, searches and pages. Both come from one description, so that they say the same.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::super::escape::plain;
use super::markup::{grouped, inert, text};

/// Rows that are there without the script.
const STATIC_ROWS: usize = 20;

/// Characters from which a text is clipped; the page's script has the same number.
const CLIPPED_N: usize = 200;

/// The values of a column.
pub enum Cells {
    /// Text; equal texts are stored once. An empty text is unknown or does not apply.
    Text(Vec<String>),
    /// Full ids; what comes before the last `/` or `:` is stored once.
    Id(Vec<String>),
    /// Numbers with so many decimals; null is unknown.
    Number(Vec<Option<f64>>, usize),
    /// Numbers of different kinds, with two decimals at most; null is unknown.
    Plain(Vec<Option<f64>>),
    /// One of a few words, each with a class of its own.
    Badge(Vec<&'static str>),
    /// Parts of a whole, in the order of the labels.
    Parts(Vec<Vec<f64>>, &'static [&'static str]),
    /// Lists of texts.
    List(Vec<Vec<String>>),
    /// Names of anchors on the page; empty where there is none.
    Link(Vec<String>, &'static str),
}

/// A column.
pub struct Column {
    title: &'static str,
    cells: Cells,
    filter: bool,
    detail: bool,
    minor: bool,
    wide: bool,
    short: bool,
}

impl Column {
    /// A column that is always shown.
    pub fn new(title: &'static str, cells: Cells) -> Self {
        Self { title, cells, filter: false, detail: false, minor: false, wide: false, short: false }
    }

    /// Offers its values as a choice.
    pub fn filtered(mut self) -> Self {
        self.filter = true;
        self
    }

    /// Shows it only below a row that is opened.
    pub fn in_detail(mut self) -> Self {
        self.detail = true;
        self
    }

    /// Keeps its texts on one line: dates, and words with hyphens.
    pub fn short(mut self) -> Self {
        self.short = true;
        self
    }

    /// Gives it room: it holds sentences.
    pub fn wide(mut self) -> Self {
        self.wide = true;
        self
    }

    /// Shows it only below a row that is opened unless its texts differ: a column that says the same everywhere
    /// says nothing.
    pub fn if_varied(self) -> Self {
        let varied = match &self.cells {
            Cells::Text(values) => values.windows(2).any(|pair| pair[0] != pair[1]),
            _ => true,
        };
        if varied { self } else { self.in_detail() }
    }

    /// Leaves it out on a narrow screen; what is opened shows it.
    pub fn minor(mut self) -> Self {
        self.minor = true;
        self
    }
}

/// A table under construction. Rows are in the order in which the page shows them first.
pub struct Table {
    id: &'static str,
    caption: String,
    rows: usize,
    columns: Vec<Column>,
    left_out: usize,
}

impl Table {
    /// A table of so many rows.
    pub fn new(id: &'static str, caption: impl Into<String>, rows: usize) -> Self {
        Self { id, caption: caption.into(), rows, columns: Vec::new(), left_out: 0 }
    }

    /// Adds a column.
    pub fn with(mut self, column: Column) -> Self {
        self.columns.push(column);
        self
    }

    /// Says that there are more rows than the page holds.
    pub fn leaving_out(mut self, n: usize) -> Self {
        self.left_out = n;
        self
    }

    /// The markup of the first rows, and all rows as JSON.
    pub fn write(&self, out: &mut String) {
        let (id, rows) = (self.id, self.rows);
        // Writing to a string cannot fail, here and below.
        let _ = writeln!(
            out,
            "<div class=\"table\" data-table=\"{id}\">\n<div class=\"tools\" hidden></div>\n\
             <div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-labelledby=\"{id}-caption\">\n<table>\n\
             <caption id=\"{id}-caption\">{}</caption>\n<thead><tr>",
            text(&self.caption)
        );
        for column in self.columns.iter().filter(|column| !column.detail) {
            let _ = write!(out, "<th scope=\"col\"{}>{}</th>", class(column, false), text(column.title));
        }
        out.push_str("</tr></thead>\n<tbody>\n");
        for row in 0..rows.min(STATIC_ROWS) {
            self.row(row, out);
        }
        let _ = writeln!(out, "</tbody>\n</table>\n</div>");
        if rows > STATIC_ROWS {
            let shown = format!("The first {STATIC_ROWS} of {} rows.", grouped(rows as u64));
            let _ = writeln!(out, "<p class=\"count\">{shown} The others need the page's script.</p>");
        }
        if self.left_out > 0 {
            let n = grouped(self.left_out as u64);
            let _ = writeln!(
                out,
                "<p class=\"note\">{n} more rows are not in this page: the CSV and JSON forms have all.</p>"
            );
        }
        let json = self.json();
        let _ = writeln!(out, "<script type=\"application/json\">{}</script>\n</div>", inert(&json));
    }

    fn row(&self, row: usize, out: &mut String) {
        out.push_str("<tr>");
        for (at, column) in self.columns.iter().filter(|column| !column.detail).enumerate() {
            let (open, close) = if at == 0 { ("th scope=\"row\"", "th") } else { ("td", "td") };
            let _ = write!(out, "<{open}{}>{}</{close}>", class(column, true), shown(&column.cells, row));
        }
        out.push_str("</tr>\n");
    }

    fn json(&self) -> String {
        let mut json = format!("{{\"n\":{},\"c\":[", self.rows);
        for (at, column) in self.columns.iter().enumerate() {
            if at > 0 {
                json.push(',');
            }
            let flags: String = [
                (column.filter, 'q'),
                (column.detail, 'h'),
                (column.minor, 'm'),
                (column.wide, 'w'),
                (column.short, 's'),
            ]
            .iter()
            .filter_map(|(set, flag)| set.then_some(*flag))
            .collect();
            let _ = write!(json, "{{\"t\":{},\"o\":\"{flags}\",", string(column.title));
            cells(&self.columns, &column.cells, &mut json);
            json.push('}');
        }
        json.push_str("]}");
        json
    }
}

fn class(column: &Column, body: bool) -> String {
    let mut classes: Vec<&str> = Vec::new();
    if matches!(column.cells, Cells::Number(..) | Cells::Plain(_)) {
        classes.push("num");
    }
    if column.minor {
        classes.push("minor");
    }
    if column.wide {
        classes.push("wide");
    }
    if body && column.short {
        classes.push("short");
    }
    if body && matches!(column.cells, Cells::Id(_)) {
        classes.push("id");
    }
    if classes.is_empty() { String::new() } else { format!(" class=\"{}\"", classes.join(" ")) }
}

fn shown(cells: &Cells, row: usize) -> String {
    match cells {
        Cells::Text(values) | Cells::Id(values) => clipped(&values[row]),
        Cells::Number(values, digits) => {
            values[row].map_or_else(|| "–".to_owned(), |value| format!("{value:.digits$}"))
        }
        Cells::Plain(values) => values[row].map_or_else(|| "–".to_owned(), |value| number(Some(value), 2)),
        Cells::Badge(values) => format!("<span class=\"badge {0}\">{0}</span>", text(values[row])),
        Cells::Parts(values, labels) => parts(&values[row], labels),
        Cells::List(values) => text(&values[row].join(", ")),
        Cells::Link(values, label) if !values[row].is_empty() => {
            format!("<a href=\"#{}\">{}</a>", text(&values[row]), text(label))
        }
        Cells::Link(..) => String::new(),
    }
}

/// A text; none is a dash, and one that would fill the screen shows its first lines until its row is opened.
fn clipped(raw: &str) -> String {
    if raw.is_empty() {
        return "–".to_owned();
    }
    if raw.chars().count() > CLIPPED_N { format!("<span class=\"clip\">{}</span>", text(raw)) } else { text(raw) }
}

/// A stacked bar. The shares are in its accessible name.
pub fn parts(values: &[f64], labels: &[&str]) -> String {
    let total: f64 = values.iter().sum();
    if total <= 0.0 {
        return "–".to_owned();
    }
    let (mut bars, mut said, mut x) = (String::new(), Vec::new(), 0.0);
    for ((at, value), label) in values.iter().enumerate().zip(labels) {
        let width = 100.0 * value / total;
        if width > 0.0 {
            said.push(format!("{label} {width:.0} %"));
            let _ = write!(bars, "<rect class=\"part{at}\" x=\"{x:.1}\" width=\"{width:.1}\" height=\"10\"/>");
        }
        x += width;
    }
    let said = text(&said.join(", "));
    format!(
        "<svg class=\"parts\" viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{said}\">\
         <title>{said}</title>{bars}</svg>"
    )
}

/// A text as JSON; what acts on its surroundings is visible text already.
fn string(raw: &str) -> String {
    serde_json::Value::String(plain(raw).into_owned()).to_string()
}

/// Texts that occur often, each stored once and named by its number.
#[derive(Default)]
struct Dictionary<'a> {
    numbers: HashMap<&'a str, usize>,
    entries: Vec<&'a str>,
}

impl<'a> Dictionary<'a> {
    fn number(&mut self, text: &'a str) -> usize {
        let next = self.entries.len();
        let number = *self.numbers.entry(text).or_insert(next);
        if number == next {
            self.entries.push(text);
        }
        number
    }

    fn json(&self) -> String {
        list(self.entries.iter().map(|entry| string(entry)))
    }
}

fn list(items: impl Iterator<Item = String>) -> String {
    let mut json = String::from("[");
    for (at, item) in items.enumerate() {
        if at > 0 {
            json.push(',');
        }
        json.push_str(&item);
    }
    json.push(']');
    json
}

/// The values of a column: one that is the same in all rows is stored once.
fn values(items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.collect();
    match items.split_first() {
        Some((first, rest)) if rest.iter().all(|item| item == first) => format!("\"u\":{first}"),
        _ => format!("\"v\":{}", list(items.into_iter())),
    }
}

/// Where an id ends in two: after its last `/` or `:`.
fn split(id: &str) -> (&str, &str) {
    id.split_at(id.rfind(['/', ':']).map_or(0, |at| at + 1))
}

/// Number of the column of texts that most ids end in, where most do: those ends are in the page already.
fn name_column(columns: &[Column], ids: &[String]) -> Option<usize> {
    let hits = |column: &Column| match &column.cells {
        Cells::Text(texts) => ids.iter().zip(texts).filter(|(id, text)| split(id).1 == text.as_str()).count(),
        _ => 0,
    };
    let (n, at) = columns.iter().enumerate().map(|(at, column)| (hits(column), at)).max_by_key(|(n, _)| *n)?;
    (2 * n > ids.len()).then_some(at)
}

/// The ends of ids; 0 for one that is the text of the column.
fn tails(columns: &[Column], ids: &[String]) -> String {
    let column = name_column(columns, ids);
    let names = column.and_then(|at| match &columns[at].cells {
        Cells::Text(texts) => Some(texts),
        _ => None,
    });
    let tail = |(at, id): (usize, &String)| {
        let end = split(id).1;
        let known = names.is_some_and(|names| names[at] == end);
        if known { "0".to_owned() } else { string(end) }
    };
    let ends = list(ids.iter().enumerate().map(tail));
    format!("\"r\":{},\"s\":{ends}", column.map_or_else(|| "null".to_owned(), |at| at.to_string()))
}

fn cells(columns: &[Column], cells: &Cells, json: &mut String) {
    let mut dictionary = Dictionary::default();
    let _ = match cells {
        Cells::Text(texts) => {
            let numbers = values(texts.iter().map(|text| dictionary.number(text).to_string()));
            write!(json, "\"k\":\"t\",\"d\":{},{numbers}", dictionary.json())
        }
        Cells::Badge(words) => {
            let numbers = values(words.iter().map(|word| dictionary.number(word).to_string()));
            write!(json, "\"k\":\"b\",\"d\":{},{numbers}", dictionary.json())
        }
        Cells::Id(ids) => {
            let heads = values(ids.iter().map(|id| dictionary.number(split(id).0).to_string()));
            write!(json, "\"k\":\"i\",\"d\":{},{heads},{}", dictionary.json(), tails(columns, ids))
        }
        Cells::Number(numbers, digits) => {
            let numbers = values(numbers.iter().map(|value| number(*value, *digits)));
            write!(json, "\"k\":\"n\",\"f\":{digits},{numbers}")
        }
        Cells::Plain(numbers) => {
            let numbers = values(numbers.iter().map(|value| number(*value, 2)));
            write!(json, "\"k\":\"n\",\"f\":-1,{numbers}")
        }
        Cells::Parts(rows, labels) => {
            let labels = list(labels.iter().map(|label| string(label)));
            let rows = values(rows.iter().map(|row| list(row.iter().map(|value| number(Some(*value), 2)))));
            write!(json, "\"k\":\"s\",\"l\":{labels},{rows}")
        }
        Cells::List(rows) => {
            let row = |row: &'_ [usize]| list(row.iter().map(usize::to_string));
            let numbers: Vec<Vec<usize>> =
                rows.iter().map(|row| row.iter().map(|item| dictionary.number(item)).collect()).collect();
            let rows = values(numbers.iter().map(|numbers| row(numbers)));
            write!(json, "\"k\":\"l\",\"d\":{},{rows}", dictionary.json())
        }
        Cells::Link(targets, label) => {
            let link = |target: &String| if target.is_empty() { "0".to_owned() } else { string(target) };
            write!(json, "\"k\":\"a\",\"l\":{},{}", string(label), values(targets.iter().map(link)))
        }
    };
}

/// A number as it is shown, without the zeros that the script puts back.
fn number(value: Option<f64>, digits: usize) -> String {
    let Some(value) = value.filter(|value| value.is_finite()) else { return "null".to_owned() };
    let text = format!("{value:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVIL: &str = "</script><b>\u{202e}\"\n";

    #[test]
    fn rows_are_the_same_in_markup_and_in_data_and_names_are_text_in_both() -> Result<(), serde_json::Error> {
        let table = Table::new("t", EVIL, 2)
            .with(Column::new("Id", Cells::Id(vec![format!("a:b/{EVIL}"), "a:b/c".to_owned()])))
            .with(Column::new("N", Cells::Number(vec![None, Some(1.25)], 1)).minor())
            .with(Column::new("W", Cells::Text(vec![EVIL.to_owned(); 2])).filtered().in_detail());
        let mut page = String::new();
        table.write(&mut page);
        let (markup, data) = page.split_once("<script type=\"application/json\">").expect("data");
        assert!(markup.contains("&lt;/script&gt;&lt;b&gt;\\u{202e}&quot;\\n") && !markup.contains("<b>"), "{markup}");
        assert!(markup.contains("<td class=\"num minor\">–</td>") && markup.contains(">1.2</td>"), "{markup}");
        let (data, rest) = data.split_once("</script>").expect("an end");
        assert!(!rest.contains("script"), "the data does not end its own element");
        let value: serde_json::Value = serde_json::from_str(data)?;
        assert_eq!(value["c"][0]["d"], serde_json::json!(["a:b/</", "a:b/"]), "{data}");
        assert_eq!(value["c"][0]["s"], serde_json::json!(["script><b>\\u{202e}\"\\n", "c"]));
        assert_eq!(value["c"][1]["v"], serde_json::json!([null, 1.2]));
        assert_eq!(value["c"][2]["u"], 0, "the same in all rows");
        assert_eq!(value["c"][2]["d"], serde_json::json!(["</script><b>\\u{202e}\"\\n"]), "stored once");
        assert_eq!(value["c"][2]["o"], "qh");
        Ok(())
    }

    #[test]
    fn parts_are_shares_of_their_sum_and_none_is_a_dash() {
        let svg = parts(&[3.0, 0.0, 1.0], &["a", "b", "c"]);
        assert!(svg.contains("aria-label=\"a 75 %, c 25 %\"") && !svg.contains("part1"), "{svg}");
        assert_eq!(parts(&[0.0], &["a"]), "–");
    }

    #[test]
    fn numbers_are_short_and_unknown_is_null() {
        assert_eq!([Some(1.50), Some(-0.0), Some(100.0), None].map(|n| number(n, 1)), ["1.5", "0", "100", "null"]);
        assert_eq!(number(Some(100.0), 0), "100");
    }

    #[test]
    fn an_id_that_ends_in_the_name_beside_it_is_not_stored_twice() -> Result<(), serde_json::Error> {
        let texts = |texts: [&str; 3]| texts.map(str::to_owned).to_vec();
        let table = Table::new("t", "t", 3)
            .with(Column::new("Other", Cells::Text(texts(["x", "y", "z"]))))
            .with(Column::new("Name", Cells::Text(texts(["a", "b", "c"]))))
            .with(Column::new("Id", Cells::Id(texts(["r/a", "r/b", "r:else"]))));
        let value: serde_json::Value = serde_json::from_str(&table.json())?;
        let ids = &value["c"][2];
        assert_eq!((&ids["r"], &ids["s"]), (&serde_json::json!(1), &serde_json::json!([0, 0, "else"])));
        assert_eq!((&ids["d"], &ids["v"]), (&serde_json::json!(["r/", "r:"]), &serde_json::json!([0, 0, 1])));
        Ok(())
    }
}
