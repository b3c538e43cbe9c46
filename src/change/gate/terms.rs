//! The printed table: which tier a draft is of, what a tier asks for, how fresh a snapshot must be, and the budget.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::names;

/// The embedded table, with its comments.
pub const TEXT: &str = include_str!("../../../datasets/config/tiers.toml");

names! {
    /// How much a draft can do to the organisation.
    pub enum Tier {
        Low = "low",
        Medium = "medium",
        High = "high",
        Critical = "critical",
    }
}

names! {
    /// What a draft touches.
    pub enum Privilege {
        Ordinary = "ordinary",
        Privileged = "privileged",
        Administrative = "administrative",
    }
}

names! {
    /// How many principals a draft changes the access of.
    pub enum Radius {
        Small = "small",
        Medium = "medium",
        Large = "large",
    }
}

names! {
    /// What must be there before a person decides.
    pub enum Evidence {
        /// The task is said.
        Task = "task",
        /// A ticket asks for it.
        Ticket = "ticket",
        /// The inverse was made and restores the snapshot.
        Rollback = "rollback",
        /// The access that the task needs is said, where access is added.
        Intent = "intent",
        /// Use was observed of everyone who loses access.
        Usage = "usage",
        /// Every machine identity that is touched has an owner who can be asked.
        Owner = "owner",
        /// Access that is added ends by itself, or the intent says when the task is over.
        End = "end",
    }
}

/// The table could not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {why}")]
pub struct TermsError {
    pub file: String,
    pub why: String,
}

/// Everything that the gate is told besides the draft and the snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// Version of the format, 1.
    pub version: u32,
    pub snapshot: Freshness,
    pub radius: RadiusLimits,
    pub budget: Budget,
    /// Rows of the table.
    pub tier: Vec<Row>,
    /// By tier.
    pub asks: BTreeMap<Tier, Asks>,
}

/// How old a snapshot may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Freshness {
    pub age_hours_max: u32,
}

/// Principals up to which a blast radius is small, and medium.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RadiusLimits {
    pub small_max: usize,
    pub medium_max: usize,
}

/// What drafts of one actor or workflow may come to together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    pub window_days: u32,
    /// Privilege mass that is added.
    pub mass_max: f64,
    /// Principals that access is added to.
    pub principals_max: usize,
    /// Operations.
    pub changes_max: usize,
}

/// One row of the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    pub privilege: Privilege,
    pub reversible: bool,
    pub radius: Vec<Radius>,
    pub tier: Tier,
}

/// What a tier asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asks {
    pub approvals: usize,
    pub credential_days_max: u32,
    pub evidence: Vec<Evidence>,
}

impl Terms {
    /// The embedded table.
    ///
    /// # Errors
    /// Never in a released build: a test reads the embedded file.
    pub fn embedded() -> Result<Self, TermsError> {
        Self::parse(TEXT, "tiers.toml")
    }

    /// Reads a table. `file` is what errors call it.
    ///
    /// # Errors
    /// When it is no TOML of this form, or the table does not have exactly one row for everything.
    pub fn parse(text: &str, file: &str) -> Result<Self, TermsError> {
        let failed = |why: String| TermsError { file: file.to_owned(), why };
        let terms: Self =
            toml::from_str(text).map_err(|error: toml::de::Error| failed(error.to_string().trim().to_owned()))?;
        terms.check().map_err(failed)?;
        Ok(terms)
    }

    fn check(&self) -> Result<(), String> {
        if self.version != 1 {
            return Err(format!("`version` is {}, must be 1", self.version));
        }
        for &privilege in Privilege::ALL {
            for reversible in [true, false] {
                for &radius in Radius::ALL {
                    let n = self.rows(privilege, reversible, radius).count();
                    if n != 1 {
                        return Err(format!(
                            "{n} rows for privilege `{privilege}`, reversible {reversible}, radius `{radius}`; there must \
                             be one"
                        ));
                    }
                }
            }
        }
        let missing = Tier::ALL.iter().find(|tier| !self.asks.contains_key(tier));
        missing.map_or(Ok(()), |tier| Err(format!("`asks.{tier}` is missing")))?;
        let budget = &self.budget;
        if !(budget.mass_max.is_finite() && budget.mass_max >= 0.0) {
            return Err("`budget.mass_max` must be a number from 0 up".to_owned());
        }
        Ok(())
    }

    fn rows(&self, privilege: Privilege, reversible: bool, radius: Radius) -> impl Iterator<Item = &Row> {
        let is = move |row: &&Row| {
            row.privilege == privilege && row.reversible == reversible && row.radius.contains(&radius)
        };
        self.tier.iter().filter(is)
    }

    /// The tier of a draft.
    #[must_use]
    pub fn tier(&self, privilege: Privilege, reversible: bool, radius: Radius) -> Tier {
        self.rows(privilege, reversible, radius).next().map_or(Tier::Critical, |row| row.tier)
    }

    /// How many principals are a small, a medium or a large radius.
    #[must_use]
    pub const fn radius(&self, principals: usize) -> Radius {
        if principals <= self.radius.small_max {
            Radius::Small
        } else if principals <= self.radius.medium_max {
            Radius::Medium
        } else {
            Radius::Large
        }
    }

    /// Persons who must agree to a draft of a tier.
    #[must_use]
    pub fn approvals(&self, tier: Tier) -> usize {
        self.asks.get(&tier).map_or(2, |asks| asks.approvals)
    }

    /// What a draft of a tier must come with.
    #[must_use]
    pub fn evidence(&self, tier: Tier) -> BTreeSet<Evidence> {
        self.asks.get(&tier).map(|asks| asks.evidence.iter().copied().collect()).unwrap_or_default()
    }

    /// Life of a new credential at most, in days.
    #[must_use]
    pub fn credential_days_max(&self, tier: Tier) -> u32 {
        self.asks.get(&tier).map_or(0, |asks| asks.credential_days_max)
    }

    /// SHA-256 of the canonical form, in hexadecimal.
    #[must_use]
    pub fn digest(&self) -> String {
        // Numbers and texts always serialise; were one not to, the error would make the digest differ.
        let canonical = serde_json::to_string(self).unwrap_or_else(|error| error.to_string());
        hex::encode(Sha256::digest(canonical.as_bytes()))
    }

    /// The table for people.
    #[must_use]
    pub fn printed(&self) -> String {
        let mut out = String::from("PRIVILEGE       REVERSIBLE  BLAST RADIUS  TIER      APPROVALS  CREDENTIAL LIFE\n");
        for &privilege in Privilege::ALL {
            for reversible in [true, false] {
                for &radius in Radius::ALL {
                    let tier = self.tier(privilege, reversible, radius);
                    let yes = if reversible { "yes" } else { "no" };
                    let (n, days) = (self.approvals(tier), self.credential_days_max(tier));
                    // Writing to a string cannot fail.
                    let _ = writeln!(out, "{privilege:<15} {yes:<11} {radius:<13} {tier:<9} {n:<10} {days} d");
                }
            }
        }
        let RadiusLimits { small_max, medium_max } = self.radius;
        let _ = writeln!(
            out,
            "\nBlast radius: principals whose access changes; small up to {small_max}, medium up to {medium_max}."
        );
        for (tier, asks) in &self.asks {
            let evidence: Vec<&str> = asks.evidence.iter().map(|one| one.as_str()).collect();
            let _ = writeln!(out, "Evidence for {tier}: {}.", evidence.join(", "));
        }
        let Budget { window_days, mass_max, principals_max, changes_max } = &self.budget;
        let _ = writeln!(
            out,
            "Budget over {window_days} days for one actor or workflow: privilege mass {mass_max}, {principals_max} principals, \
             {changes_max} changes."
        );
        let _ = writeln!(out, "A snapshot may be {} hours old.", self.snapshot.age_hours_max);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_table_is_total_and_never_milder_for_what_is_worse() {
        let terms = Terms::embedded().expect("the embedded table is valid");
        for &privilege in Privilege::ALL {
            for &radius in Radius::ALL {
                assert!(terms.tier(privilege, false, radius) >= terms.tier(privilege, true, radius));
                for &worse in Privilege::ALL.iter().filter(|one| **one > privilege) {
                    assert!(terms.tier(worse, true, radius) >= terms.tier(privilege, true, radius));
                    assert!(terms.tier(worse, false, radius) >= terms.tier(privilege, false, radius));
                }
            }
        }
        let asked: Vec<usize> = Tier::ALL.iter().map(|tier| terms.approvals(*tier)).collect();
        assert!(asked.is_sorted(), "{asked:?}");
        assert_eq!(terms.printed().lines().filter(|line| line.ends_with(" d")).count(), 18);
    }

    #[test]
    fn a_table_with_a_hole_or_a_double_is_refused() {
        let hole = TEXT.replacen("radius = [\"small\", \"medium\", \"large\"]", "radius = [\"small\", \"medium\"]", 1);
        let error = Terms::parse(&hole, "t.toml").expect_err("a hole");
        assert!(error.to_string().starts_with("t.toml: 0 rows for privilege `administrative`"), "{error}");
        let double = TEXT.replacen("radius = [\"large\"]", "radius = [\"large\", \"small\"]", 1);
        assert!(Terms::parse(&double, "t.toml").expect_err("a double").why.starts_with("2 rows"));
        assert!(Terms::parse("version = 1", "t.toml").is_err());
    }
}
