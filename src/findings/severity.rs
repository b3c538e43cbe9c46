//! Where severities come from: the privilege of the subject, how easy the case is to exploit, and how certain it is.
//!
//! `datasets/config/severity.toml` says the three for every case of every rule; their points add up to a severity, and
//! a test holds the configuration's table to it. `docs/findings.md` is written from the same data.
//!
//! | points | subject | exploit | certainty |
//! |---:|---|---|---|
//! | 3 | `administrator`: in the protected zone | `easy`: by who is outside, or who holds a copy | |
//! | 2 | `near`: a path leads there, or rights over others | `average`: by who is inside, with what is there | |
//! | 1 | `other` | `hard`: something else must go wrong first | |
//! | 0 | | | `certain` |
//! | −1 | | | `conditional`: hangs on what is not known |
//!
//! 5 points and more are critical, 4 high, 3 medium, less low.

use std::collections::BTreeMap;

use super::Context;
use crate::model::{EntityId, Severity};

/// The embedded table: rule, case, and the three words.
pub const TEXT: &str = include_str!("../../datasets/config/severity.toml");

/// Words and points of a column.
type Scale = [(&'static str, i8)];

const SUBJECT: &Scale = &[("administrator", 3), ("near", 2), ("other", 1)];
const EXPLOIT: &Scale = &[("easy", 3), ("average", 2), ("hard", 1)];
const CERTAINTY: &Scale = &[("certain", 0), ("conditional", -1)];

/// Why a case has its severity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Derivation {
    pub subject: &'static str,
    pub exploit: &'static str,
    pub certainty: &'static str,
    pub points: i8,
}

impl Derivation {
    /// Reads `subject exploit certainty`; `None` when one of them is no word of its column.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        let mut word = |scale: &'static Scale| {
            let word = words.next()?;
            scale.iter().find(|(known, _)| *known == word).copied()
        };
        let ((subject, a), (exploit, b), (certainty, c)) = (word(SUBJECT)?, word(EXPLOIT)?, word(CERTAINTY)?);
        words.next().is_none().then_some(Self { subject, exploit, certainty, points: a + b + c })
    }

    /// The severity that the points come to.
    #[must_use]
    pub const fn severity(&self) -> Severity {
        match self.points {
            5.. => Severity::Critical,
            4 => Severity::High,
            3 => Severity::Medium,
            _ => Severity::Low,
        }
    }
}

/// Derivations by rule and case, from the text of [`TEXT`]'s form. What cannot be read is left out.
#[must_use]
pub fn derivations(text: &str) -> BTreeMap<String, BTreeMap<String, Derivation>> {
    let read: BTreeMap<String, BTreeMap<String, String>> = toml::from_str(text).unwrap_or_default();
    let cases = |cases: BTreeMap<String, String>| {
        cases.into_iter().filter_map(|(case, text)| Some((case, Derivation::parse(&text)?))).collect()
    };
    read.into_iter().map(|(rule, rows)| (rule, cases(rows))).collect()
}

/// How much a principal is worth to whoever takes it over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rank {
    /// In the protected zone.
    Zone,
    /// A certain path leads there.
    Near,
    Other,
}

impl Context<'_> {
    /// How much a principal is worth to whoever takes it over.
    #[must_use]
    pub fn rank(&self, of: EntityId) -> Rank {
        match (self.zone_reason(of), self.hops_certain(of)) {
            (Some(_), _) => Rank::Zone,
            (None, Some(_)) => Rank::Near,
            (None, None) => Rank::Other,
        }
    }

    /// The rank in words, as evidence.
    #[must_use]
    pub fn rank_reason(&self, of: EntityId) -> String {
        match (self.zone_reason(of), self.hops_certain(of)) {
            (Some(why), _) => format!("it is protected: {why}"),
            (None, Some(hops)) => {
                format!("a certain path leads to the protected zone in {}", super::facts::count(hops as usize, "step"))
            }
            (None, None) => "no certain path leads to the protected zone".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::path::Path;

    use super::*;
    use crate::config::Config;
    use crate::findings::{ALL, Frameworks};

    #[test]
    fn points_add_up_to_a_severity_and_unknown_words_are_refused() {
        let severity = |text| Derivation::parse(text).map(|one| (one.points, one.severity()));
        assert_eq!(severity("administrator easy certain"), Some((6, Severity::Critical)));
        assert_eq!(severity("near easy certain"), Some((5, Severity::Critical)));
        assert_eq!(severity("near average certain"), Some((4, Severity::High)));
        assert_eq!(severity("near average conditional"), Some((3, Severity::Medium)));
        assert_eq!(severity("other hard conditional"), Some((1, Severity::Low)));
        for wrong in ["", "near", "near easy", "near easy maybe", "near easy certain more"] {
            assert_eq!(severity(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn every_case_has_the_severity_that_its_derivation_comes_to() -> Result<(), crate::config::ConfigError> {
        let (config, derived) = (Config::embedded()?, derivations(TEXT));
        let mut wrong = Vec::new();
        let mut cases = 0;
        for rule in ALL {
            let info = rule.info();
            for (case, _) in info.cases {
                cases += 1;
                match derived.get(info.id).and_then(|cases| cases.get(*case)) {
                    None => wrong.push(format!("[{}] {case} has no derivation", info.id)),
                    Some(one) if one.severity() != config.severity(info.id, case) => {
                        wrong.push(format!("[{}] {case} = {} comes to {}", info.id, one.points, one.severity()));
                    }
                    Some(_) => {}
                }
            }
        }
        assert!(wrong.is_empty(), "datasets/config/severity.toml against default.toml:\n{}", wrong.join("\n"));
        assert_eq!(cases, derived.values().map(BTreeMap::len).sum::<usize>(), "a derivation of no case");
        Ok(())
    }

    /// The page about findings, from the registries.
    fn page() -> Result<String, Box<dyn std::error::Error>> {
        let (config, derived, frameworks) = (Config::embedded()?, derivations(TEXT), Frameworks::embedded()?);
        let mut text = include_str!("../../datasets/config/findings-head.md").to_owned();
        for rule in ALL {
            let info = rule.info();
            write!(
                text,
                "\n## `{}`: {}\n\n{}\n\nWhat to do: {}\n\n",
                info.id, info.title, info.meaning, info.remediation
            )?;
            text += "| case | holds when | severity | why |\n|---|---|---|---|\n";
            for (case, when) in info.cases {
                let why = derived.get(info.id).and_then(|cases| cases.get(*case));
                let why = why.map_or_else(String::new, |one| {
                    format!("{} + {} + {} = {}", one.subject, one.exploit, one.certainty, one.points)
                });
                writeln!(text, "| `{case}` | {when} | {} | {why} |", config.severity(info.id, case))?;
            }
            let references: Vec<String> = frameworks.of_rule(info.id).iter().map(|one| format!("`{one}`")).collect();
            write!(text, "\nSpeaks to {}.\n", references.join(", "))?;
        }
        Ok(text)
    }

    /// `OVERGRANT_UPDATE_DOCS=1 cargo test --lib findings::severity` rewrites the page.
    #[test]
    fn the_page_about_findings_is_what_the_registries_say() -> Result<(), Box<dyn std::error::Error>> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/findings.md");
        let page = page()?;
        if std::env::var_os("OVERGRANT_UPDATE_DOCS").is_some() {
            std::fs::write(&path, &page)?;
        }
        let written = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            written == page,
            "docs/findings.md is out of date: set OVERGRANT_UPDATE_DOCS=1 and run this test again"
        );
        Ok(())
    }
}
