//! Whether what somebody claims about a domain is so.
//!
//! A claim cites a fact, or counts facts, and states a value. It is *supported* when the facts of the domain say so,
//! *contradicted* when they say otherwise (then the answer has the true value and its citation), and *unsupported* when
//! they do not tell: the fact is not in the domain, the value is unknown or withheld, or the claim cannot be compared with
//! it. What is unknown contradicts nothing, and supports nothing but the claim that it is unknown.

mod numbers;
mod value;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::FORMAT;
use super::classes::{self, Shown};
use super::facts::Fact;
use super::parts::Part;
use super::scope::Scope;
use super::text::{TEXT_CHARS_MAX, visible};
use crate::model::text::format_time;
use crate::names;
use value::{Compared, compare};

/// JSON Schema of a document of claims.
pub const SCHEMA: &str = include_str!("claims.schema.json");
/// Bytes of a document at most.
pub const BYTES_MAX: usize = 4 << 20;
/// Claims of a document at most, those of recommendations with them.
const CLAIMS_MAX: usize = 200;
/// Facts that an answer about a count cites.
const CITED_MAX: usize = 20;

names! {
    /// What the facts say of a claim.
    pub enum Grounding {
        Supported = "supported",
        Contradicted = "contradicted",
        Unsupported = "unsupported",
    }
}

/// Why a document cannot be judged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GroundError {
    #[error("the claims are no JSON of this form: {0}")]
    Form(String),
    #[error("claims of format {0} are not known")]
    Format(u32),
    #[error("{0} claims are more than {CLAIMS_MAX}")]
    TooMany(usize),
    #[error("the claims are more than {BYTES_MAX} bytes")]
    TooLong,
    #[error("the claims are about snapshot `{claimed}`, and this is `{found}`")]
    Snapshot { claimed: String, found: String },
    #[error("the claims are about the domain `{claimed}`, and this is `{found}`")]
    Domain { claimed: String, found: String },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: u32,
    snapshot: Option<String>,
    domain: Option<String>,
    #[serde(default)]
    claims: Vec<Claim>,
    #[serde(default)]
    recommendations: Vec<Recommendation>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Recommendation {
    id: String,
    text: Option<String>,
    claims: Vec<Claim>,
}

/// A claim as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claim {
    id: Option<String>,
    #[serde(rename = "text")]
    _text: Option<String>,
    fact: Option<String>,
    find: Option<Selection>,
    count: Option<Selection>,
    field: Option<String>,
    #[serde(default)]
    op: Op,
    #[serde(default, deserialize_with = "present")]
    value: Option<Value>,
}

/// A value that is there, null too.
fn present<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(from).map(Some)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Selection {
    table: String,
    #[serde(default, rename = "where")]
    wanted: BTreeMap<String, Value>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
enum Op {
    #[default]
    #[serde(rename = "=")]
    Equal,
    #[serde(rename = "!=")]
    Differs,
    #[serde(rename = "<")]
    Below,
    #[serde(rename = "<=")]
    AtMost,
    #[serde(rename = ">")]
    Above,
    #[serde(rename = ">=")]
    AtLeast,
    #[serde(rename = "contains")]
    Contains,
}

/// What came of one claim.
#[derive(Debug, Clone, PartialEq)]
struct Judged {
    verdict: Grounding,
    why: String,
    /// The true value; `None` where the facts do not tell.
    truth: Option<Value>,
    /// Ids of the facts that it stands on.
    cited: Vec<String>,
}

impl Judged {
    fn unsupported(why: impl Into<String>) -> Self {
        Self { verdict: Grounding::Unsupported, why: why.into(), truth: None, cited: Vec::new() }
    }
}

/// The verdicts on a document of claims.
#[derive(Debug, Clone, PartialEq)]
pub struct Grounded {
    pub supported: usize,
    pub contradicted: usize,
    pub unsupported: usize,
    /// `{format, domain, snapshot{}, counts{}, claims[{id, recommendation, verdict, why, truth, citations[]}]}`.
    pub document: Value,
}

/// The facts of a domain, made once for all claims that look for some of them.
struct Facts<'s> {
    scope: &'s Scope,
    of: RefCell<BTreeMap<Part, Rc<Vec<Fact>>>>,
}

impl Facts<'_> {
    fn of(&self, part: Part) -> Rc<Vec<Fact>> {
        let made = || Rc::new(self.scope.rows(part).iter().filter_map(|&row| self.scope.fact(part, row)).collect());
        Rc::clone(self.of.borrow_mut().entry(part).or_insert_with(made))
    }
}

/// Judges every claim of a document.
///
/// # Errors
/// When the document is not of the form of [`SCHEMA`], or is about another snapshot or domain.
pub fn ground(scope: &Scope, bytes: &[u8]) -> Result<Grounded, GroundError> {
    let document = read(scope, bytes)?;
    let facts = Facts { scope, of: RefCell::default() };
    let mut rows = Vec::new();
    let mut counts: BTreeMap<Grounding, usize> = Grounding::ALL.iter().map(|&verdict| (verdict, 0)).collect();
    let mut add = |id: Option<&str>, recommendation: Option<&str>, judged: &Judged| {
        *counts.entry(judged.verdict).or_default() += 1;
        rows.push(shown(scope, id, recommendation, judged));
    };
    for claim in &document.claims {
        add(claim.id.as_deref(), None, &judge(&facts, claim));
    }
    for recommendation in &document.recommendations {
        for claim in &recommendation.claims {
            add(claim.id.as_deref(), Some(&recommendation.id), &judge(&facts, claim));
        }
        let stated = recommendation.claims.iter().filter_map(|claim| claim.value.as_ref());
        for number in numbers::uncovered(recommendation.text.as_deref().unwrap_or_default(), stated) {
            let why = format!("the text states {number}, and no claim of the recommendation does");
            add(None, Some(&recommendation.id), &Judged::unsupported(why));
        }
    }
    let world = scope.world();
    let count = |verdict| counts.get(&verdict).copied().unwrap_or(0);
    Ok(Grounded {
        supported: count(Grounding::Supported),
        contradicted: count(Grounding::Contradicted),
        unsupported: count(Grounding::Unsupported),
        document: json!({
            "format": FORMAT,
            "domain": visible(scope.domain(), TEXT_CHARS_MAX),
            "snapshot": {"id": world.snapshot, "digest": world.digest, "as_of": format_time(world.as_of)},
            "counts": Grounding::ALL.iter().map(|&verdict| (verdict.as_str().to_owned(), json!(count(verdict)))).collect::<Value>(),
            "claims": rows,
        }),
    })
}

fn read(scope: &Scope, bytes: &[u8]) -> Result<Document, GroundError> {
    if bytes.len() > BYTES_MAX {
        return Err(GroundError::TooLong);
    }
    let document: Document = serde_json::from_slice(bytes)
        .map_err(|error| GroundError::Form(visible(&error.to_string(), TEXT_CHARS_MAX).into_owned()))?;
    if document.format != FORMAT {
        return Err(GroundError::Format(document.format));
    }
    let n = document.claims.len() + document.recommendations.iter().map(|one| one.claims.len()).sum::<usize>();
    if n > CLAIMS_MAX {
        return Err(GroundError::TooMany(n));
    }
    let world = scope.world();
    if let Some(claimed) = document.snapshot.clone().filter(|name| *name != world.snapshot && *name != world.digest) {
        return Err(GroundError::Snapshot { claimed, found: world.snapshot.clone() });
    }
    if let Some(claimed) = document.domain.clone().filter(|name| name != scope.domain()) {
        return Err(GroundError::Domain { claimed, found: scope.domain().to_owned() });
    }
    Ok(document)
}

fn shown(scope: &Scope, id: Option<&str>, recommendation: Option<&str>, judged: &Judged) -> Value {
    let citations = judged
        .cited
        .iter()
        .filter_map(|id| scope.cited(id))
        .map(|fact| json!({"id": fact.id(), "citation": fact.citation(&scope.world().snapshot)}));
    let text = |text: &str| visible(text, TEXT_CHARS_MAX).into_owned();
    json!({
        "id": id.map(text),
        "recommendation": recommendation.map(text),
        "verdict": judged.verdict,
        "why": text(&judged.why),
        "truth": judged.truth,
        "citations": citations.collect::<Vec<_>>(),
    })
}

fn judge(facts: &Facts<'_>, claim: &Claim) -> Judged {
    match (&claim.fact, &claim.find, &claim.count) {
        (Some(id), None, None) => match facts.scope.cited(id) {
            Some(fact) => about(claim, &fact),
            None => Judged::unsupported(format!("`{id}` is no fact of the domain")),
        },
        (None, Some(selection), None) => match select(facts, selection) {
            Err(why) => Judged::unsupported(why),
            Ok(found) => match found.as_slice() {
                [one] => about(claim, one),
                [] => Judged::unsupported("no fact of the domain is like that"),
                several => Judged::unsupported(format!("{} facts are like that: say which", several.len())),
            },
        },
        (None, None, Some(selection)) => match select(facts, selection) {
            Err(why) => Judged::unsupported(why),
            Ok(found) => counted(claim, &found),
        },
        _ => Judged::unsupported("a claim cites one of `fact`, `find` and `count`"),
    }
}

/// A claim about one fact.
fn about(claim: &Claim, fact: &Fact) -> Judged {
    let cited = vec![fact.id()];
    let Some(field) = &claim.field else {
        return match claim.value {
            None => {
                Judged { verdict: Grounding::Supported, why: "there is such a fact".to_owned(), truth: None, cited }
            }
            Some(_) => Judged::unsupported("a value is claimed, and no field says of what"),
        };
    };
    let Some(column) = classes::of(fact.part).iter().find(|column| column.name == field) else {
        return Judged::unsupported(format!("table `{}` has no column `{field}`", fact.part));
    };
    if column.shown == Shown::Withheld {
        return Judged::unsupported(format!("column `{field}` is withheld"));
    }
    let Some(claimed) = &claim.value else { return Judged::unsupported("no value is claimed") };
    let unit = unit(column.shown, fact);
    let empty =
        matches!(column.shown, Shown::Refs | Shown::Texts | Shown::Statements | Shown::Steps).then(|| json!([]));
    let truth = fact.data.get(field).cloned().or(empty);
    decided(compare(truth.as_ref(), claimed, claim.op, unit), truth, cited)
}

/// How the numbers of a cell are written.
fn unit(shown: Shown, fact: &Fact) -> value::Unit {
    let metric = fact.data.get("metric").and_then(Value::as_str).unwrap_or_default();
    match shown {
        Shown::Share => value::Unit::Share,
        _ if metric.ends_with("_pct") => value::Unit::Percent,
        Shown::Time => value::Unit::Time,
        _ => value::Unit::Plain,
    }
}

/// A claim about a number of facts.
fn counted(claim: &Claim, found: &[Fact]) -> Judged {
    if let Some(field) = &claim.field {
        return Judged::unsupported(format!("facts are counted, and `{field}` is of a single one"));
    }
    let cited: Vec<String> = found.iter().take(CITED_MAX).map(Fact::id).collect();
    let truth = json!(found.len());
    let claimed = claim.value.clone().unwrap_or_else(|| json!(1));
    let op = if claim.value.is_none() { Op::AtLeast } else { claim.op };
    decided(compare(Some(&truth), &claimed, op, value::Unit::Plain), Some(truth), cited)
}

fn decided(compared: Compared, truth: Option<Value>, cited: Vec<String>) -> Judged {
    match compared {
        Compared::Unclear(why) => Judged { verdict: Grounding::Unsupported, why, truth, cited },
        Compared::Holds(why) => Judged { verdict: Grounding::Supported, why, truth, cited },
        Compared::Fails(why) => Judged { verdict: Grounding::Contradicted, why, truth, cited },
    }
}

/// Facts of the domain whose columns equal what is wanted.
fn select(facts: &Facts<'_>, selection: &Selection) -> Result<Vec<Fact>, String> {
    let part = Part::parse(&selection.table).ok_or_else(|| format!("there is no table `{}`", selection.table))?;
    for column in selection.wanted.keys() {
        let known = classes::of(part).iter().find(|known| known.name == column);
        match known.map(|known| known.shown) {
            None => return Err(format!("table `{part}` has no column `{column}`")),
            Some(Shown::Withheld) => return Err(format!("column `{column}` is withheld")),
            Some(_) => {}
        }
    }
    Ok(facts
        .of(part)
        .iter()
        .filter(|fact| {
            selection.wanted.iter().all(|(column, wanted)| {
                let shown = classes::of(part)
                    .iter()
                    .find(|known| known.name == column)
                    .map_or(Shown::Plain, |known| known.shown);
                let held = compare(fact.data.get(column), wanted, Op::Equal, unit(shown, fact));
                matches!(held, Compared::Holds(_))
            })
        })
        .cloned()
        .collect())
}
