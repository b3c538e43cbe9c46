//! What was planted, in the words of the engine's answers: which rule must find whom, which path must be there, what
//! looks wrong and is not, and how many principals reach the protected zone in all.
//!
//! The file is written as facts come about, in the order of the parts of the organisation. docs/generate.md says what
//! each key means.

use serde::Serialize;

use super::file::{Error, Folder, Sink};
use super::{Preset, Request};
use crate::model::text::format_time;

/// Name of the file, beside the folder of exports.
pub const FILE: &str = "truth.toml";
/// First line of the file, by which a folder is known to be ours.
pub const MARK: &str = "# What is planted in this made-up organisation, written by `overgrant generate`.";

/// Something that is wrong, and what must be said about it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Planted {
    /// `escalation`, `administrator`, `orphan`, `excess`, `segregation`, `choke-point`, `credential`, `trust`,
    /// `leaver`.
    pub kind: &'static str,
    /// One sentence for people.
    pub what: &'static str,
    /// Full id of the principal.
    pub principal: String,
    /// Rule that must find it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<&'static str>,
    /// Severity that the finding must have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<&'static str>,
    /// Technique of the first step of a path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub technique: Option<&'static str>,
    /// How sure the path is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certainty: Option<&'static str>,
    /// Nodes of the path after the principal, in order: the witness.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub through: Vec<String>,
    /// For a choke point: principals that reach the zone by it alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unavoidable_for: Option<usize>,
}

/// Something that looks wrong and is not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Sound {
    /// One sentence for people.
    pub what: &'static str,
    /// Full id of the principal.
    pub principal: String,
    /// Rule that must not find it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<&'static str>,
    /// Whether it must have no path to the protected zone.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub path: bool,
}

/// What one part of an organisation comes to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Principals that were written, roots of accounts aside.
    pub principals: usize,
    /// Of them, those outside the protected zone that have a certain path into it.
    pub exposed: usize,
    pub planted: Vec<Planted>,
    pub sound: Vec<Sound>,
}

impl Tally {
    /// Notes that a rule must find a principal.
    pub fn rule(&mut self, kind: &'static str, rule: &'static str, principal: &str, what: &'static str) {
        let fact = Planted { kind, what, principal: principal.to_owned(), rule: Some(rule), ..Planted::default() };
        self.planted.push(fact);
    }

    /// Notes an administrator, who holds both sides of every rule of segregation as well.
    pub fn administrator(&mut self, principal: &str, what: &'static str) {
        self.rule("administrator", "administrator-equivalent", principal, what);
        self.rule("segregation", "sod-conflict", principal, "an administrator holds every duty");
    }

    /// Notes a certain path of a principal by a technique and through nodes, the last one in the protected zone.
    pub fn path(&mut self, technique: &'static str, principal: &str, through: &[&str], what: &'static str) {
        self.exposed += 1;
        self.planted.push(Planted {
            kind: "escalation",
            what,
            principal: principal.to_owned(),
            technique: Some(technique),
            certainty: Some("certain"),
            through: through.iter().map(|node| (*node).to_owned()).collect(),
            ..Planted::default()
        });
    }

    /// Notes that a rule must not find a principal.
    pub fn no_finding(&mut self, rule: &'static str, principal: &str, what: &'static str) {
        self.sound.push(Sound { what, principal: principal.to_owned(), rule: Some(rule), path: false });
    }

    /// Notes that a principal must have no path.
    pub fn no_path(&mut self, principal: &str, what: &'static str) {
        self.sound.push(Sound { what, principal: principal.to_owned(), rule: None, path: true });
    }
}

/// The file that facts go to.
pub struct Truth {
    sink: Sink,
}

#[derive(Serialize)]
struct Head<'a> {
    format: u32,
    principals: usize,
    seed: u64,
    preset: &'a str,
    as_of: String,
    complete: &'a [&'a str],
}

#[derive(Serialize)]
struct Facts<'a> {
    #[serde(skip_serializing_if = "<[Planted]>::is_empty")]
    planted: &'a [Planted],
    #[serde(skip_serializing_if = "<[Sound]>::is_empty")]
    sound: &'a [Sound],
}

/// What a platform comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Count {
    pub platform: &'static str,
    pub principals: usize,
    pub exposed: usize,
}

#[derive(Serialize)]
struct Counts<'a> {
    count: &'a [Count],
}

impl Truth {
    /// Begins the file. `complete` are the rules that find what is planted and nothing else.
    pub fn begin(folder: Folder<'_>, request: &Request<'_>, complete: &[&str]) -> Result<Self, Error> {
        let mut sink = folder.begin(FILE)?;
        sink.text(MARK)?;
        sink.text("\n# docs/generate.md says what the keys mean.\n\n")?;
        let head = Head {
            format: 1,
            principals: request.principals,
            seed: request.seed,
            preset: Preset::name(request.preset),
            as_of: format_time(request.as_of),
            complete,
        };
        let mut truth = Self { sink };
        truth.block(&head)?;
        Ok(truth)
    }

    /// Appends the facts of a part.
    pub fn facts(&mut self, tally: &Tally) -> Result<(), Error> {
        self.block(&Facts { planted: &tally.planted, sound: &tally.sound })
    }

    /// Completes the file with the numbers of each platform.
    pub fn end(mut self, counts: &[Count]) -> Result<(), Error> {
        self.block(&Counts { count: counts })?;
        self.sink.end()
    }

    fn block(&mut self, value: &impl Serialize) -> Result<(), Error> {
        let text = toml::to_string(value).map_err(|error| self.sink.failed(std::io::Error::other(error)))?;
        self.sink.text(&text)?;
        self.sink.text("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_written_as_blocks_that_follow_each_other() {
        let folder = tempfile::tempdir().expect("a folder");
        let request = Request { principals: 10, seed: u64::MAX >> 1, preset: Preset::Dense, as_of: 0, platforms: &[] };
        let mut tally = Tally::default();
        tally.rule("orphan", "orphaned-nhi", "arn:a\"b", "one");
        tally.path("iam-001", "p", &["q", "zone"], "two");
        tally.no_path("r", "three");
        let written = || -> Result<(), Error> {
            let mut truth = Truth::begin(Folder(folder.path()), &request, &["orphaned-nhi"])?;
            truth.facts(&tally)?;
            truth.facts(&Tally::default())?;
            truth.facts(&tally)?;
            truth.end(&[Count { platform: "aws", principals: 10, exposed: 1 }])
        };
        written().expect("the folder is ours");
        let text = std::fs::read_to_string(folder.path().join(FILE)).expect("it was written");
        let table: toml::Table = text.parse().expect("TOML");
        assert!(text.starts_with(MARK));
        assert_eq!(table["planted"].as_array().map(Vec::len), Some(4));
        assert_eq!(table["planted"][0]["principal"].as_str(), Some("arn:a\"b"));
        assert_eq!(table["planted"][3]["through"][1].as_str(), Some("zone"));
        assert_eq!(table["sound"][1]["path"].as_bool(), Some(true));
        assert_eq!(table["count"][0]["exposed"].as_integer(), Some(1));
        assert_eq!((table["preset"].as_str(), table["as_of"].as_str()), (Some("dense"), Some("1970-01-01T00:00:00Z")));
        assert_eq!(tally.exposed, 1);
    }
}
