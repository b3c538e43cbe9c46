//! A small organisation on AWS, written by hand: what was planted in it is found, what only looks wrong is not, and its
//! scan is complete.

use std::path::{Path, PathBuf};

use overgrant::analysis::preflight;
use overgrant::config::Config;
use overgrant::model::{Certainty, EntityId};
use serde::Deserialize;

use crate::analysed::{AS_OF, Analysed};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Truth {
    planted: Vec<Planted>,
    owned: Vec<Owned>,
    sound: Vec<Sound>,
}

/// A problem: a finding of a rule, or a path whose first step is by a technique.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Planted {
    what: String,
    principal: String,
    rule: Option<String>,
    severity: Option<String>,
    technique: Option<String>,
    certainty: Option<String>,
    to: Option<String>,
}

/// What the surest owner is; without a status, nobody says who the owner is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Owned {
    what: String,
    principal: String,
    status: Option<String>,
    person: Option<String>,
}

/// No problem: no finding of a rule, or no path.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sound {
    what: String,
    principal: String,
    rule: Option<String>,
    #[serde(default)]
    path: bool,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/organisation")
}

#[test]
fn what_was_planted_is_found_and_nothing_that_is_sound() {
    let text = std::fs::read_to_string(root().join("truth.toml")).expect("there is a truth");
    let truth: Truth = toml::from_str(&text).expect("the truth is well formed");
    let demo = Analysed::new(vec![root().join("exports")], AS_OF, None).expect("it can be scanned");
    assert_eq!(demo.scan.incomplete, [""; 0], "it is read as a whole");
    let planted = truth.planted.iter().filter_map(|one| Some(format!("{}: {}", one.what, one.check(&demo).err()?)));
    let sound = truth.sound.iter().filter_map(|one| Some(format!("{}: {}", one.what, one.check(&demo).err()?)));
    let owned = truth.owned.iter().filter_map(|one| Some(format!("{}: {}", one.what, one.check(&demo).err()?)));
    let wrong: Vec<String> = planted.chain(sound).chain(owned).collect();
    assert!(wrong.is_empty(), "{} facts do not hold:\n{}", wrong.len(), wrong.join("\n"));
    assert!(truth.planted.len() >= 20 && truth.sound.len() >= 12 && truth.owned.len() >= 6);
}

#[test]
fn the_organisation_is_fit_to_draft_from_and_its_exports_alone_are_not() {
    let judged = |paths: &[&str]| {
        let paths = paths.iter().map(|path| root().join("exports").join(path)).collect();
        let demo = Analysed::new(paths, AS_OF, None).expect("it can be scanned");
        let tables = demo.tables();
        preflight::run(tables, &tables.sources, demo.as_of, &Config::embedded().expect("it is tested"))
    };
    let exports =
        ["iam", "credential-reports", "identity-center", "last-accessed", "organization", "resource-policies"];
    let whole = judged(&[&exports[..], &["governance"]].concat());
    assert!(whole.fit, "{:?}", whole.checks);
    let bare = judged(&exports);
    let failed: Vec<&str> =
        bare.checks.iter().filter(|check| check.status == preflight::Status::Fail).map(|check| check.id).collect();
    assert_eq!(failed, ["schema", "approval_chains", "reviews", "people_known"], "{:?}", bare.checks);
}

fn find(demo: &Analysed, end: &str) -> Result<EntityId, String> {
    demo.find(&format!("arn:aws:iam::{end}"))
}

fn known_rule(rule: &str) -> Result<(), String> {
    let known = overgrant::findings::ALL.iter().any(|one| one.info().id == rule);
    if known { Ok(()) } else { Err(format!("there is no rule `{rule}`")) }
}

impl Planted {
    fn check(&self, demo: &Analysed) -> Result<(), String> {
        let principal = find(demo, &self.principal)?;
        match (&self.rule, &self.technique) {
            (Some(rule), None) => {
                known_rule(rule)?;
                let found = demo.findings(rule, Some(principal));
                let as_severe = |severity: &String| found.iter().any(|one| one.severity.as_str() == severity);
                let right = !found.is_empty() && self.severity.as_ref().is_none_or(as_severe);
                if right { Ok(()) } else { Err(format!("findings are {found:?}")) }
            }
            (None, Some(technique)) => self.path(demo, principal, technique),
            _ => Err("a fact has either a rule or a technique".to_owned()),
        }
    }

    fn path(&self, demo: &Analysed, principal: EntityId, technique: &str) -> Result<(), String> {
        let to = self.to.as_ref().map(|to| find(demo, to)).transpose()?;
        let paths = demo.paths(principal, to);
        let wanted = self.certainty.as_deref().ok_or("a path has a certainty")?;
        let best = paths.first().map(|path| path.certainty.as_str());
        let by = |path: &overgrant::analysis::WitnessPath| {
            path.certainty.as_str() == wanted && path.steps.first().is_some_and(|step| step.technique == technique)
        };
        if best == Some(wanted) && paths.iter().any(by) {
            return Ok(());
        }
        Err(format!("the best path is {:?}", paths.first()))
    }
}

impl Owned {
    fn check(&self, demo: &Analysed) -> Result<(), String> {
        let principal = find(demo, &self.principal)?;
        let entity = demo.tables().entity(principal);
        let surest = demo.tables().owners.iter().find(|row| row.entity == principal);
        let person = surest.and_then(|row| row.person.as_ref());
        let right = entity.owner_status == self.status && (self.person.is_none() || person == self.person.as_ref());
        if right { Ok(()) } else { Err(format!("owner {:?} is {:?}: {surest:?}", entity.owner, entity.owner_status)) }
    }
}

impl Sound {
    fn check(&self, demo: &Analysed) -> Result<(), String> {
        let principal = find(demo, &self.principal)?;
        if self.path == self.rule.is_some() {
            return Err("a fact is about either a rule or a path".to_owned());
        }
        if let Some(rule) = &self.rule {
            known_rule(rule)?;
            let found = demo.findings(rule, Some(principal));
            return if found.is_empty() { Ok(()) } else { Err(format!("found {found:?}")) };
        }
        let inside = demo.tables().entity(principal).protected;
        let sure = demo.first_techniques(principal, Certainty::Certain);
        let maybe = demo.first_techniques(principal, Certainty::Conditional);
        if inside || !sure.is_empty() || !maybe.is_empty() {
            return Err(format!("inside: {inside}, first steps: {sure:?}, {maybe:?}"));
        }
        Ok(())
    }
}
