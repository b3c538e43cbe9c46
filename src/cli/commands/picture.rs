//! Paths as a picture: for Graphviz, for Mermaid, or as an SVG that needs no other tool.
//!
//! Each entity is one box and each technique between two of them one arrow, however many paths take it. Arrows that
//! hang on something are dashed, protected entities have a double or thick border. Names come from exports and are
//! text in every form: nothing in them ends a label or starts a tag.

use std::fmt::Write as _;

use crate::cli::engine::{Snapshot, WitnessPath};
use crate::model::{Certainty, EntityId};
use crate::reports::escape::plain;

/// Width and height of a box in an SVG, and the gaps between boxes.
const BOX: (usize, usize) = (240, 44);
const GAP: (usize, usize) = (230, 34);
/// Techniques that are named beside one line of an SVG.
const LABELS_N: usize = 3;
/// Letters of a name that fit into a box.
const LETTERS_N: usize = 32;

/// A form of picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Picture {
    Dot,
    Mermaid,
    Svg,
}

/// What is drawn.
struct Drawing {
    nodes: Vec<Node>,
    arrows: Vec<Arrow>,
}

struct Node {
    entity: EntityId,
    label: String,
    id: String,
    protected: bool,
    /// Most steps from where the first path starts.
    column: usize,
}

#[derive(PartialEq, Eq)]
struct Arrow {
    from: usize,
    to: usize,
    label: String,
    dashed: bool,
}

/// Draws paths; the picture of none is empty and well formed.
pub fn draw(snapshot: &Snapshot, paths: &[WitnessPath], form: Picture) -> String {
    let drawing = Drawing::new(snapshot, paths);
    match form {
        Picture::Dot => drawing.dot(),
        Picture::Mermaid => drawing.mermaid(),
        Picture::Svg => drawing.svg(),
    }
}

impl Drawing {
    fn new(snapshot: &Snapshot, paths: &[WitnessPath]) -> Self {
        let mut drawing = Self { nodes: Vec::new(), arrows: Vec::new() };
        for path in paths {
            for (at, step) in path.steps.iter().enumerate() {
                let from = drawing.node(snapshot, step.from, at);
                let to = drawing.node(snapshot, step.to, at + 1);
                let dashed = step.certainty == Certainty::Conditional;
                let arrow = Arrow { from, to, label: plain(&step.technique).into_owned(), dashed };
                if !drawing.arrows.contains(&arrow) {
                    drawing.arrows.push(arrow);
                }
            }
        }
        drawing
    }

    fn node(&mut self, snapshot: &Snapshot, entity: EntityId, column: usize) -> usize {
        if let Some(at) = self.nodes.iter().position(|node| node.entity == entity) {
            self.nodes[at].column = self.nodes[at].column.max(column);
            return at;
        }
        let view = snapshot.view();
        let known = view.entity(entity);
        let label = known.map_or_else(|| view.id(entity), |known| format!("{} {}", known.kind, known.name));
        self.nodes.push(Node {
            entity,
            label: plain(&label).into_owned(),
            id: plain(&view.id(entity)).into_owned(),
            protected: known.is_some_and(|known| known.protected),
            column,
        });
        self.nodes.len() - 1
    }

    fn dot(&self) -> String {
        let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
        let mut text = String::from("digraph paths {\n  rankdir=LR;\n  node [shape=box, fontname=\"sans-serif\"];\n");
        // Writing to a string cannot fail, here and below.
        for (at, node) in self.nodes.iter().enumerate() {
            let border = if node.protected { ", peripheries=2" } else { "" };
            let (label, id) = (quoted(&node.label), quoted(&node.id));
            let _ = writeln!(text, "  n{at} [label=\"{label}\", tooltip=\"{id}\"{border}];");
        }
        for arrow in &self.arrows {
            let style = if arrow.dashed { ", style=dashed" } else { "" };
            let _ = writeln!(text, "  n{} -> n{} [label=\"{}\"{style}];", arrow.from, arrow.to, quoted(&arrow.label));
        }
        text + "}\n"
    }

    fn mermaid(&self) -> String {
        // Mermaid's own entities: a number sign, a name or number, a semicolon.
        let quoted = |text: &str| {
            text.replace('#', "#35;")
                .replace('"', "#quot;")
                .replace('<', "#lt;")
                .replace('>', "#gt;")
                .replace('`', "#96;")
        };
        let mut text = String::from("flowchart LR\n");
        for (at, node) in self.nodes.iter().enumerate() {
            let (open, close) = if node.protected { ("[[", "]]") } else { ("[", "]") };
            let _ = writeln!(text, "  n{at}{open}\"{}\"{close}", quoted(&node.label));
        }
        for arrow in &self.arrows {
            let line = if arrow.dashed { "-.->" } else { "-->" };
            let _ = writeln!(text, "  n{} {line}|\"{}\"| n{}", arrow.from, quoted(&arrow.label), arrow.to);
        }
        text
    }

    fn svg(&self) -> String {
        let columns = self.nodes.iter().map(|node| node.column + 1).max().unwrap_or(0);
        let mut rows = vec![0; columns];
        let places: Vec<(usize, usize)> = self
            .nodes
            .iter()
            .map(|node| {
                let row = &mut rows[node.column];
                *row += 1;
                (GAP.1 + node.column * (BOX.0 + GAP.0), GAP.1 + (*row - 1) * (BOX.1 + GAP.1))
            })
            .collect();
        let width = 2 * GAP.1 + columns * BOX.0 + columns.saturating_sub(1) * GAP.0;
        let height = GAP.1 + rows.iter().max().unwrap_or(&0) * (BOX.1 + GAP.1);
        let mut text = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
             <defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" \
             orient=\"auto\"><path d=\"M0 0 8 4 0 8z\"/></marker></defs>\n"
        );
        for (at, arrow) in self.arrows.iter().enumerate() {
            let same = |other: &&Arrow| (other.from, other.to) == (arrow.from, arrow.to);
            // Techniques between the same two share one line: it is drawn with the first of them.
            if self.arrows[..at].iter().find(same).is_none() {
                let all: Vec<&Arrow> = self.arrows[at..].iter().filter(same).collect();
                svg_arrow(places[arrow.from], places[arrow.to], &all, &mut text);
            }
        }
        for (node, place) in self.nodes.iter().zip(&places) {
            svg_box(*place, node, &mut text);
        }
        text + "</svg>\n"
    }
}

fn xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn svg_box((x, y): (usize, usize), node: &Node, text: &mut String) {
    let thick = if node.protected { 3 } else { 1 };
    let label: String = if node.label.chars().count() > LETTERS_N {
        node.label.chars().take(LETTERS_N - 1).chain(['…']).collect()
    } else {
        node.label.clone()
    };
    let _ = writeln!(
        text,
        "<g><title>{}</title><rect x=\"{x}\" y=\"{y}\" width=\"{}\" height=\"{}\" rx=\"4\" fill=\"white\" \
         stroke=\"black\" stroke-width=\"{thick}\"/><text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text></g>",
        xml(&node.id),
        BOX.0,
        BOX.1,
        x + BOX.0 / 2,
        y + BOX.1 / 2 + 4,
        xml(&label)
    );
}

/// A line from the right side of one box to the left side of another, with a label for each technique; one that leads
/// back goes from middle to middle. It is dashed when all of them hang on something.
fn svg_arrow(from: (usize, usize), to: (usize, usize), arrows: &[&Arrow], text: &mut String) {
    let dashes = if arrows.iter().all(|arrow| arrow.dashed) { " stroke-dasharray=\"5 4\"" } else { "" };
    let (y1, y2) = (from.1 + BOX.1 / 2, to.1 + BOX.1 / 2);
    let (x1, x2) = if to.0 > from.0 { (from.0 + BOX.0, to.0) } else { (from.0 + BOX.0 / 2, to.0 + BOX.0 / 2) };
    let _ = writeln!(
        text,
        "<path d=\"M{x1} {y1} L{x2} {y2}\" fill=\"none\" stroke=\"black\"{dashes} marker-end=\"url(#tip)\"/>"
    );
    let mut labels: Vec<String> = arrows.iter().take(LABELS_N).map(|arrow| xml(&arrow.label)).collect();
    if arrows.len() > LABELS_N {
        labels.push(format!("… and {} more", arrows.len() - LABELS_N));
    }
    let (x, y) = (usize::midpoint(x1, x2), usize::midpoint(y1, y2) - 5);
    for (label, below) in labels.iter().zip(0..) {
        // The first stands above the line, the others below it.
        let y = if below == 0 { y } else { y + 6 + 13 * below };
        let _ = writeln!(text, "<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\">{label}</text>");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::commands::steps::tests::example;

    #[test]
    fn an_arrow_for_each_technique_and_dashes_for_what_hangs_on_something() {
        let (snapshot, path) = example();
        let dot = draw(&snapshot, &[path.clone(), path.clone()], Picture::Dot);
        let arrows: Vec<&str> = dot.lines().filter(|line| line.contains("->")).map(str::trim).collect();
        assert_eq!(
            arrows,
            ["n0 -> n1 [label=\"iam-002\", style=dashed];", "n1 -> n2 [label=\"admin\"];"],
            "each once, although two paths take them"
        );
        let mermaid = draw(&snapshot, std::slice::from_ref(&path), Picture::Mermaid);
        assert!(mermaid.contains("n0 -.->|\"iam-002\"| n1") && mermaid.contains("n1 -->|\"admin\"| n2"), "{mermaid}");
        let svg = draw(&snapshot, &[path], Picture::Svg);
        assert_eq!(svg.matches("<rect").count(), 3);
        assert_eq!(svg.matches("stroke-dasharray").count(), 1);
    }

    #[test]
    fn names_are_text_and_nothing_else() {
        let (mut snapshot, path) = example();
        snapshot.tables.entities[3].name = "a\"];<script>\u{1b}[2J\n`#`&\\".to_owned();
        for form in [Picture::Dot, Picture::Mermaid, Picture::Svg] {
            let text = draw(&snapshot, std::slice::from_ref(&path), form);
            assert!(!text.contains('\u{1b}'), "{text}");
            let raw = match form {
                Picture::Dot => "a\"]",
                Picture::Mermaid => "\"];",
                Picture::Svg => "<script>",
            };
            assert!(!text.contains(raw), "{text}");
        }
    }

    #[test]
    fn no_path_is_an_empty_picture() {
        let (snapshot, _) = example();
        assert!(draw(&snapshot, &[], Picture::Dot).ends_with("}\n"));
        assert_eq!(draw(&snapshot, &[], Picture::Mermaid), "flowchart LR\n");
        assert!(draw(&snapshot, &[], Picture::Svg).ends_with("</svg>\n"));
    }
}
