//! What the whole pipeline must say about a case: decisions, attack paths, findings.

use std::collections::BTreeMap;
use std::path::Path;

use overgrant::analysis;
use overgrant::model::{Certainty, Request};
use serde::Deserialize;

use crate::analysed::{AS_OF, Analysed};

/// Expectations that need an analysis; empty when a case has none.
pub struct Expected {
    pub can: Vec<Can>,
    pub path: Vec<Way>,
    pub no_path: Vec<NoWay>,
    pub finding: Vec<Found>,
    pub no_finding: Vec<NotFound>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct Can {
    principal: String,
    action: String,
    resource: String,
    decision: String,
    reason: Option<String>,
    #[serde(default)]
    context: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct Way {
    from: String,
    to: Option<String>,
    technique: Option<String>,
    certainty: String,
    hops: Option<u32>,
    reason: Option<String>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct NoWay {
    from: String,
    to: Option<String>,
    technique: Option<String>,
    certainty: Option<String>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct Found {
    rule: String,
    entity: String,
    severity: Option<String>,
    title: Option<String>,
    evidence: Option<String>,
    /// Principals that are affected.
    affected_n: Option<u32>,
    /// Among the subjects.
    subject: Option<String>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct NotFound {
    rule: String,
    entity: Option<String>,
}

impl Expected {
    pub fn is_empty(&self) -> bool {
        self.can.is_empty()
            && self.path.is_empty()
            && self.no_path.is_empty()
            && self.finding.is_empty()
            && self.no_finding.is_empty()
    }

    /// What is not as expected in a case's folder.
    pub fn wrong(&self, folder: &Path, as_of: Option<&str>) -> Vec<String> {
        let config = std::fs::read_to_string(folder.join("config.toml")).ok();
        match Analysed::new(vec![folder.join("export")], as_of.unwrap_or(AS_OF), config.as_deref()) {
            Ok(analysed) => self.wrong_in(&analysed),
            Err(why) => vec![why],
        }
    }

    fn wrong_in(&self, analysed: &Analysed) -> Vec<String> {
        let can = self.can.iter().map(|one| one.check(analysed));
        let path = self.path.iter().map(|one| one.check(analysed));
        let no_path = self.no_path.iter().map(|one| one.check(analysed));
        let finding = self.finding.iter().map(|one| one.check(analysed));
        let no_finding = self.no_finding.iter().map(|one| one.check(analysed));
        can.chain(path).chain(no_path).chain(finding).chain(no_finding).filter_map(Result::err).collect()
    }
}

/// `Ok` when it holds, what is wrong otherwise.
fn holds(it: bool, wrong: impl FnOnce() -> String) -> Result<(), String> {
    if it { Ok(()) } else { Err(wrong()) }
}

fn certainty(text: &str) -> Result<Certainty, String> {
    let found = Certainty::ALL.iter().copied().find(|one| one.as_str() == text);
    found.ok_or_else(|| format!("`{text}` is no certainty"))
}

impl Can {
    fn check(&self, analysed: &Analysed) -> Result<(), String> {
        let mut request = Request::new(analysed.find(&self.principal)?, &self.action, &self.resource);
        request.context = self.context.iter().map(|(key, values)| (key.to_ascii_lowercase(), values.clone())).collect();
        let verdict = analysis::decide(analysed.tables(), analysed.as_of, &request);
        let says = |part: &String| {
            verdict.reasons.iter().any(|reason| {
                let texts = [reason.policy.as_ref(), reason.statement.as_ref(), reason.condition.as_ref()];
                reason.layer.as_str() == part || texts.into_iter().flatten().any(|text| text.contains(part))
            })
        };
        let right = verdict.decision.as_str() == self.decision && self.reason.as_ref().is_none_or(says);
        holds(right, || format!("{self:?} is {} because of {:?}", verdict.decision, verdict.reasons))
    }
}

impl Way {
    fn check(&self, analysed: &Analysed) -> Result<(), String> {
        let from = analysed.find(&self.from)?;
        let to = self.to.as_deref().map(|id| analysed.find(id)).transpose()?;
        let wanted = certainty(&self.certainty)?;
        let says = |reasons: &[String]| {
            self.reason.as_ref().is_none_or(|part| reasons.iter().any(|reason| reason.contains(part)))
        };
        if let Some(technique) = &self.technique {
            let steps = analysed.steps(from);
            let of: Vec<_> = steps
                .iter()
                .filter(|step| step.edge.technique == *technique && to.is_none_or(|to| step.to.contains(&to)))
                .collect();
            // The best of several edges by one technique counts.
            let best = of.iter().map(|step| step.edge.certainty).min();
            let right = best == Some(wanted) && of.iter().any(|step| says(&step.edge.reasons));
            let seen = || of.iter().map(|step| (step.edge.certainty, &step.edge.reasons)).collect::<Vec<_>>();
            return holds(right, || format!("{self:?}: found {:?}", seen()));
        }
        let paths = analysed.paths(from, to);
        let right = paths.first().is_some_and(|path| {
            path.certainty == wanted
                && self.hops.is_none_or(|hops| path.hops == hops)
                && (self.reason.is_none() || path.steps.iter().any(|step| says(&step.reasons)))
        });
        holds(right, || format!("{self:?}: found {:?}", paths.first()))
    }
}

impl NoWay {
    fn check(&self, analysed: &Analysed) -> Result<(), String> {
        let from = analysed.find(&self.from)?;
        let to = self.to.as_deref().map(|id| analysed.find(id)).transpose()?;
        let only = self.certainty.as_deref().map(certainty).transpose()?;
        let counts = |found: Certainty| only.is_none_or(|only| found <= only);
        if let Some(technique) = &self.technique {
            let steps = analysed.steps(from);
            let found = steps.iter().find(|step| {
                step.edge.technique == *technique
                    && counts(step.edge.certainty)
                    && to.is_none_or(|to| step.to.contains(&to))
            });
            return holds(found.is_none(), || format!("{self:?}: found {:?}", found.map(|step| step.edge)));
        }
        let paths = analysed.paths(from, to);
        let found = paths.iter().find(|path| counts(path.certainty));
        holds(found.is_none(), || format!("{self:?}: found {found:?}"))
    }
}

impl Found {
    fn check(&self, analysed: &Analysed) -> Result<(), String> {
        known_rule(&self.rule)?;
        let entity = analysed.find(&self.entity)?;
        let findings = analysed.findings(&self.rule, Some(entity));
        let subject = self.subject.as_deref().map(|id| analysed.find(id)).transpose()?;
        let right = findings.iter().any(|finding| {
            let has = |part: &String| finding.evidence.iter().any(|line| line.contains(part));
            self.severity.as_ref().is_none_or(|severity| finding.severity.as_str() == severity)
                && self.title.as_ref().is_none_or(|part| finding.title.contains(part))
                && self.evidence.as_ref().is_none_or(has)
                && self.affected_n.is_none_or(|n| finding.affected_n == n)
                && subject.is_none_or(|subject| finding.subjects.contains(&subject.0))
        });
        let seen = || findings.iter().map(|finding| (finding.severity, &finding.title, &finding.evidence));
        holds(right, || format!("{self:?}: found {:?}", seen().collect::<Vec<_>>()))
    }
}

impl NotFound {
    fn check(&self, analysed: &Analysed) -> Result<(), String> {
        known_rule(&self.rule)?;
        let entity = self.entity.as_deref().map(|id| analysed.find(id)).transpose()?;
        let findings = analysed.findings(&self.rule, entity);
        let seen = || findings.iter().map(|finding| (analysed.id(finding.entity), &finding.title, &finding.evidence));
        holds(findings.is_empty(), || format!("{self:?}: found {:?}", seen().collect::<Vec<_>>()))
    }
}

/// A misspelt rule would make every absence true.
fn known_rule(rule: &str) -> Result<(), String> {
    let known = overgrant::findings::ALL.iter().any(|one| one.info().id == rule);
    holds(known, || format!("there is no rule `{rule}`"))
}
