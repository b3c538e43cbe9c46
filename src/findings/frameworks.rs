//! Framework references: which rule speaks to which control of which published framework, as data.
//!
//! One file a framework under `datasets/frameworks/`; a control lists the rules that speak to it and the older or
//! wrong identifiers under which guidance still names it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The embedded files: name and text.
pub const FILES: &[(&str, &str)] = &[
    ("cis.toml", include_str!("../../datasets/frameworks/cis.toml")),
    ("csa-maestro.toml", include_str!("../../datasets/frameworks/csa-maestro.toml")),
    ("nist-csf.toml", include_str!("../../datasets/frameworks/nist-csf.toml")),
    ("nist-sp800-53.toml", include_str!("../../datasets/frameworks/nist-sp800-53.toml")),
    ("owasp-asi.toml", include_str!("../../datasets/frameworks/owasp-asi.toml")),
    ("owasp-nhi.toml", include_str!("../../datasets/frameworks/owasp-nhi.toml")),
];

/// One published framework.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Framework {
    /// Short stable name; the file has it too.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// Edition that the identifiers are of.
    pub revision: String,
    /// Where it is published.
    pub source: String,
    pub control: Vec<Control>,
}

/// One control, risk or layer of a framework.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Control {
    pub id: String,
    pub name: String,
    /// Rules whose findings are evidence about it.
    #[serde(default)]
    pub rules: Vec<String>,
    /// Older or wrong identifiers that mean it, each with where it comes from.
    #[serde(default)]
    pub alias: Vec<Alias>,
}

/// An identifier that circulates in guidance and is not today's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alias {
    pub id: String,
    /// Why it resolves to this control.
    pub note: String,
}

/// All frameworks, ready to be asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frameworks {
    pub all: Vec<Framework>,
    by_rule: BTreeMap<String, Vec<String>>,
}

/// A framework file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {message}")]
pub struct FrameworkError {
    pub file: String,
    pub message: String,
}

impl Frameworks {
    /// Reads the embedded files.
    ///
    /// # Errors
    /// Never in a released build: a test reads every file.
    pub fn embedded() -> Result<Self, FrameworkError> {
        Self::parse(FILES)
    }

    /// Reads framework files, given as name and text.
    ///
    /// # Errors
    /// When a text is no TOML of this form.
    pub fn parse(files: &[(&str, &str)]) -> Result<Self, FrameworkError> {
        let mut frameworks = Self::default();
        for (file, text) in files {
            let read: Framework = toml::from_str(text)
                .map_err(|error| FrameworkError { file: (*file).to_owned(), message: error.to_string() })?;
            for control in &read.control {
                for rule in &control.rules {
                    let reference = reference(&read, control);
                    frameworks.by_rule.entry(rule.clone()).or_default().push(reference);
                }
            }
            frameworks.all.push(read);
        }
        Ok(frameworks)
    }

    /// References of a rule as `framework:revision:id`, in the order of the files.
    #[must_use]
    pub fn of_rule(&self, rule: &str) -> &[String] {
        self.by_rule.get(rule).map_or(&[], Vec::as_slice)
    }

    /// Today's reference for an identifier: an id of today, or an older or wrong one that circulates. Written with or
    /// without regard to case.
    #[must_use]
    pub fn resolve(&self, id: &str) -> Option<String> {
        let controls =
            || self.all.iter().flat_map(|framework| framework.control.iter().map(move |one| (framework, one)));
        let named = controls().find(|(_, control)| control.id.eq_ignore_ascii_case(id));
        let known = named.or_else(|| {
            controls().find(|(_, control)| control.alias.iter().any(|alias| alias.id.eq_ignore_ascii_case(id)))
        });
        known.map(|(framework, control)| reference(framework, control))
    }
}

fn reference(framework: &Framework, control: &Control) -> String {
    format!("{}:{}:{}", framework.id, framework.revision, control.id)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::findings::ALL;

    #[test]
    fn every_rule_has_references_and_every_reference_a_rule_that_exists() -> Result<(), FrameworkError> {
        let frameworks = Frameworks::embedded()?;
        let rules: BTreeSet<&str> = ALL.iter().map(|rule| rule.info().id).collect();
        for rule in &rules {
            assert!(!frameworks.of_rule(rule).is_empty(), "{rule} has no framework reference");
        }
        for control in frameworks.all.iter().flat_map(|framework| &framework.control) {
            for rule in &control.rules {
                assert!(rules.contains(rule.as_str()), "{} names the unknown rule {rule}", control.id);
            }
        }
        Ok(())
    }

    #[test]
    fn files_are_named_after_their_framework_and_ids_are_unique() -> Result<(), FrameworkError> {
        let frameworks = Frameworks::embedded()?;
        let mut seen = BTreeSet::new();
        for ((file, _), framework) in FILES.iter().zip(&frameworks.all) {
            assert_eq!(*file, format!("{}.toml", framework.id));
            for control in &framework.control {
                for id in std::iter::once(&control.id).chain(control.alias.iter().map(|alias| &alias.id)) {
                    assert!(seen.insert(id.to_lowercase()), "{id} occurs twice");
                }
            }
        }
        Ok(())
    }

    #[test]
    fn identifiers_that_circulate_resolve_to_todays() -> Result<(), FrameworkError> {
        let frameworks = Frameworks::embedded()?;
        for (id, expected) in [
            ("NHI7", "owasp-nhi:2025:NHI7"),
            ("NHI-03", "owasp-nhi:2025:NHI7"),
            ("nhi-04", "owasp-nhi:2025:NHI5"),
            ("PR.AC-4", "nist-csf:2.0:PR.AA-05"),
            ("AGENT-03", "owasp-asi:2026:ASI03"),
            ("A2", "owasp-asi:2026:ASI02"),
            ("A-03", "owasp-asi:2026:ASI03"),
            ("A-04", "owasp-asi:2026:ASI04"),
            ("IAM-01", "csa-maestro:2025:L6"),
            ("MAESTRO IAM-01", "csa-maestro:2025:L6"),
        ] {
            assert_eq!(frameworks.resolve(id).as_deref(), Some(expected), "{id}");
        }
        assert_eq!(frameworks.resolve("NHI11"), None);
        Ok(())
    }
}
