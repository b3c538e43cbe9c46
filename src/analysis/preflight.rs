//! Whether the sources of a snapshot are fit to draft changes from.
//!
//! A draft that stands on stale, contradictory or incomplete sources is worse than none, so each check fails closed: what
//! cannot be judged is no pass. The checks look at the tables and their issues; limits are `[preflight]` of the
//! configuration.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::config::{Config, Preflight as Limits};
use crate::model::text::format_time;
use crate::model::{Entity, EntityId, Issue, Source, Tables};
use crate::names;
use crate::platforms::input::{UNREADABLE, UNRECOGNISED};

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;
/// Lines of evidence that a check shows.
const EVIDENCE_N: usize = 20;

names! {
    /// How a check ended.
    pub enum Status {
        Pass = "pass",
        /// Worth a look; drafts may be made.
        Warn = "warn",
        /// Drafts must not be made.
        Fail = "fail",
    }
}

/// One check.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    /// Name that stays the same.
    pub id: &'static str,
    pub status: Status,
    /// What was measured; null when there is nothing to measure it on.
    pub value: Option<f64>,
    /// Where the check fails; null where no number decides.
    pub threshold: Option<f64>,
    /// What it came to, in a sentence.
    pub message: String,
    /// What it stands on, a line each; the last line says how many more there are.
    pub evidence: Vec<String>,
}

/// All checks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Preflight {
    /// Whether no check fails.
    pub fit: bool,
    pub checks: Vec<Check>,
}

/// Runs every check on the tables of a snapshot; `sources` are those of its manifest.
#[must_use]
pub fn run(tables: &Tables, sources: &[Source], as_of: i64, config: &Config) -> Preflight {
    let it = Subject { tables, sources, as_of, limits: &config.preflight };
    let checks = vec![
        it.schema(),
        it.records(),
        it.references(),
        it.duplicates(),
        it.freshness(),
        it.approvals(),
        it.reviews(),
        it.owners(),
        it.last_use(),
        it.people(),
    ];
    Preflight { fit: checks.iter().all(|check| check.status != Status::Fail), checks }
}

/// Issues that say that something named is nobody, nothing, or several.
const BROKEN_REFERENCES: [&str; 12] = [
    "reference_unresolved",
    "reference_ambiguous",
    "person_ambiguous",
    "manager_unknown",
    "approver_unknown",
    "control_owner_unknown",
    "exception_owner_unknown",
    "exception_approver_unknown",
    "workflow_without_principal",
    "dangling_group",
    "policy_missing",
    "usage_principal_unknown",
];
/// Issues that say that two records contradict each other.
const CONFLICTS: [&str; 3] = ["person_conflict", "identity_claimed_twice", "label_conflict"];
/// Issues that say that two records are the same.
const COPIES: [&str; 1] = ["person_duplicate"];
/// Issues about the form of a whole table or file.
const FORM: [&str; 2] = ["column_duplicate", "text_invalid"];

struct Subject<'s> {
    tables: &'s Tables,
    sources: &'s [Source],
    as_of: i64,
    limits: &'s Limits,
}

/// The first lines of evidence, and how many more there are.
fn shown(mut lines: Vec<String>) -> Vec<String> {
    let more = lines.len().saturating_sub(EVIDENCE_N);
    if more > 0 {
        lines.truncate(EVIDENCE_N);
        lines.push(format!("… and {more} more"));
    }
    lines
}

/// `part` of `of`; `None` when there is nothing that it could be a part of.
fn share(part: usize, of: usize) -> Option<f64> {
    (of > 0).then(|| part as f64 / of as f64)
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "none to count".to_owned(), |share| format!("{:.1} %", share * 100.0))
}

/// Above `max` is a failure, anything above nothing a warning.
fn at_most(value: Option<f64>, max: f64) -> Status {
    match value {
        Some(value) if value > max => Status::Fail,
        Some(value) if value > 0.0 => Status::Warn,
        _ => Status::Pass,
    }
}

impl Subject<'_> {
    fn place(&self, issue: &Issue) -> String {
        let path = issue.source.and_then(|source| self.sources.get(source.0 as usize)).map(|source| &source.path);
        match (path, issue.record.is_empty()) {
            (Some(path), true) => path.clone(),
            (Some(path), false) => format!("{path}, {}", issue.record),
            (None, _) => issue.record.clone(),
        }
    }

    /// Issues of these kinds, as lines.
    fn issues(&self, codes: &[&str]) -> Vec<String> {
        let of = self.tables.issues.iter().filter(|issue| codes.contains(&issue.code.as_str()));
        of.map(|issue| format!("{}: {} ({})", issue.code, issue.message, self.place(issue))).collect()
    }

    fn rows(&self, table: &str) -> usize {
        let tables = self.tables;
        match table {
            "people" => tables.people.len(),
            "owners" => tables.owners.iter().filter(|row| row.origin == crate::model::OwnerOrigin::Declared).count(),
            "approvals" => tables.approvals.len(),
            "workflows" => tables.workflows.len(),
            "role_baselines" => tables.role_baselines.len(),
            "sod_rules" => tables.sod_rules.len(),
            "exceptions" => tables.exceptions.len(),
            _ => 0,
        }
    }

    /// Every table that must be there is, and every file is of a known form.
    fn schema(&self) -> Check {
        let missing: Vec<&str> =
            self.limits.tables.iter().map(String::as_str).filter(|table| self.rows(table) == 0).collect();
        let mut evidence: Vec<String> =
            missing.iter().map(|table| format!("no source holds a row of the table `{table}`")).collect();
        let strange = self.sources.iter().filter(|one| [UNREADABLE, UNRECOGNISED].contains(&one.kind.as_str()));
        evidence.extend(strange.map(|source| format!("{} is {}", source.path, source.kind)));
        evidence.extend(self.issues(&FORM));
        let (status, message) = if !missing.is_empty() {
            (Status::Fail, format!("tables that must be there are not: {}", missing.join(", ")))
        } else if evidence.is_empty() {
            (Status::Pass, format!("all {} files are of a known form, and no table is missing", self.sources.len()))
        } else {
            (Status::Warn, format!("{} files or columns are not of a known form", evidence.len()))
        };
        let value = Some(missing.len() as f64);
        Check { id: "schema", status, value, threshold: Some(0.0), message, evidence: shown(evidence) }
    }

    /// How many records could not be used.
    fn records(&self) -> Check {
        let skipped: u64 = self.sources.iter().map(|source| source.skipped).sum();
        let all = skipped + self.sources.iter().map(|source| source.records).sum::<u64>();
        let value = share(usize::try_from(skipped).unwrap_or(usize::MAX), usize::try_from(all).unwrap_or(usize::MAX));
        let worst = self.sources.iter().filter(|source| source.skipped > 0);
        let evidence =
            worst.map(|one| format!("{}: {} of {}", one.path, one.skipped, one.skipped + one.records)).collect();
        let max = self.limits.skipped_share_max;
        Check {
            id: "records_skipped",
            // Nothing read is nothing to draft from.
            status: if value.is_none() { Status::Fail } else { at_most(value, max) },
            value,
            threshold: Some(max),
            message: format!("{skipped} of {all} records could not be used ({})", percent(value)),
            evidence: shown(evidence),
        }
    }

    /// Whether what is named is there.
    fn references(&self) -> Check {
        let broken = self.issues(&BROKEN_REFERENCES);
        let tables = self.tables;
        let all = tables.memberships.len()
            + tables.attachments.len()
            + tables.identities.len()
            + tables.people.iter().filter(|row| row.manager.is_some()).count()
            + tables.owners.len()
            + 2 * tables.approvals.len()
            + 2 * tables.workflows.len()
            + tables.role_baselines.len()
            + 2 * tables.exceptions.len();
        let (n, all) = (broken.len(), all.max(broken.len()));
        let value = share(n, all);
        let max = self.limits.references_share_max;
        Check {
            id: "references",
            status: at_most(value, max),
            value,
            threshold: Some(max),
            message: format!("{n} of {all} references lead to nobody, nothing, or several ({})", percent(value)),
            evidence: shown(broken),
        }
    }

    /// Whether two records contradict each other.
    fn duplicates(&self) -> Check {
        let (conflicts, copies) = (self.issues(&CONFLICTS), self.issues(&COPIES));
        let (n, max) = (conflicts.len(), f64::from(self.limits.conflicts_max));
        let status = match at_most(Some(n as f64), max) {
            Status::Pass if !copies.is_empty() => Status::Warn,
            status => status,
        };
        Check {
            id: "duplicates",
            status,
            value: Some(n as f64),
            threshold: Some(max),
            message: format!("{n} records contradict each other, {} say the same twice", copies.len()),
            evidence: shown([conflicts, copies].concat()),
        }
    }

    /// How old each source was at the time of the scan, by what the sources themselves say. A source that gives no date
    /// of its own is as old as the newest moment in it at the most, so that it can be doubtful and not too old.
    fn freshness(&self) -> Check {
        let mut evidence = Vec::new();
        let (mut worst, mut status) = (None, Status::Pass);
        let (warn, max) = (i64::from(self.limits.source_age_days_warn), i64::from(self.limits.source_age_days_max));
        for (name, time, own) in self.dates() {
            // A report of later the same day is of today; one of tomorrow is not to be.
            let days = (self.as_of - time) / DAY;
            let judged = match (days, own) {
                (days, true) if days > max => Status::Fail,
                (days, _) if days > warn || days < 0 => Status::Warn,
                _ => Status::Pass,
            };
            if judged != Status::Pass {
                let of = if own { "is of" } else { "holds nothing later than" };
                evidence.push((days, format!("{name} {of} {}: {days} days", format_time(time))));
            }
            status = status.max(judged);
            if own {
                worst = worst.max(Some(days));
            }
        }
        evidence.sort_by(|a, b| b.cmp(a));
        let message = match worst {
            Some(days) => format!("the oldest source that gives its date is {days} days old"),
            None => "no source says how old it is".to_owned(),
        };
        Check {
            id: "freshness",
            status: if worst.is_none() { Status::Fail } else { status },
            value: worst.map(|days| days as f64),
            threshold: Some(f64::from(self.limits.source_age_days_max)),
            message,
            evidence: shown(evidence.into_iter().map(|(_, line)| line).collect()),
        }
    }

    /// Name, moment, and whether it is the source's own date: the end of what was observed, or the date of a report.
    fn dates(&self) -> Vec<(String, i64, bool)> {
        let mut own: BTreeMap<u32, i64> = BTreeMap::new();
        let mut newest: BTreeMap<u32, i64> = BTreeMap::new();
        let later = |map: &mut BTreeMap<u32, i64>, source: u32, time: i64| {
            map.entry(source).and_modify(|known| *known = (*known).max(time)).or_insert(time);
        };
        for row in &self.tables.usage {
            if let Some(end) = row.window_end {
                later(&mut own, row.source.0, end);
            }
        }
        for row in &self.tables.credentials {
            for time in [row.created_at, row.last_used_at, row.last_rotated_at].into_iter().flatten() {
                later(&mut newest, row.source.0, time);
            }
        }
        for entity in &self.tables.entities {
            let Some(source) = entity.source else { continue };
            for time in [entity.created_at, entity.last_used_at].into_iter().flatten() {
                later(&mut newest, source.0, time);
            }
        }
        let path = |source: u32| self.sources.get(source as usize).map_or("a source", |source| source.path.as_str());
        let mut dates: Vec<(String, i64, bool)> = self
            .tables
            .attributes
            .iter()
            .filter(|row| row.key == "credential_report_generated_at")
            .filter_map(|row| {
                let time = crate::model::text::parse_time(&row.value)?;
                Some((format!("the credential report of {}", self.tables.entity(row.entity).id), time, true))
            })
            .collect();
        newest.retain(|source, _| !own.contains_key(source));
        dates.extend(own.into_iter().map(|(source, time)| (path(source).to_owned(), time, true)));
        dates.extend(newest.into_iter().map(|(source, time)| (path(source).to_owned(), time, false)));
        dates
    }

    /// Whether somebody can approve everything that must be approved.
    fn approvals(&self) -> Check {
        let blocked = self.issues(&["quorum_unreachable"]);
        let gaps = self.issues(&["approver_left", "approver_unknown", "people_missing"]);
        let objects: BTreeSet<&str> = self.tables.approvals.iter().map(|row| row.object.as_str()).collect();
        let n = blocked.len();
        let (status, message) = if objects.is_empty() {
            (Status::Fail, "there is no approval chain".to_owned())
        } else if n > 0 {
            (Status::Fail, format!("{n} of {} approval chains cannot approve anything", objects.len()))
        } else if gaps.is_empty() {
            (Status::Pass, format!("all {} approval chains can approve", objects.len()))
        } else {
            (
                Status::Warn,
                format!("{} approval chains can approve, with {} approvers missing", objects.len(), gaps.len()),
            )
        };
        let value = (!objects.is_empty()).then_some(n as f64);
        let evidence = shown([blocked, gaps].concat());
        Check { id: "approval_chains", status, value, threshold: Some(0.0), message, evidence }
    }

    /// Whether approval chains are reviewed in time.
    fn reviews(&self) -> Check {
        let mut objects: BTreeMap<&str, (Option<i64>, i64)> = BTreeMap::new();
        for row in &self.tables.approvals {
            let cycle = i64::from(row.cycle_days.unwrap_or(self.limits.review_age_days_max));
            let entry = objects.entry(&row.object).or_insert((row.last_reviewed_at, cycle));
            entry.0 = entry.0.max(row.last_reviewed_at);
            entry.1 = entry.1.min(cycle);
        }
        let overdue: Vec<String> = objects
            .iter()
            .filter_map(|(object, (last, cycle))| match last {
                None => Some(format!("`{object}` was never reviewed as far as the table says")),
                Some(last) => {
                    let days = (self.as_of - last).div_euclid(DAY);
                    let line =
                        format!("`{object}` was reviewed {days} days ago, on {}, every {cycle}", format_time(*last));
                    (days > *cycle).then_some(line)
                }
            })
            .collect();
        let value = share(overdue.len(), objects.len());
        let max = self.limits.overdue_share_max;
        Check {
            id: "reviews",
            status: if value.is_none() { Status::Fail } else { at_most(value, max) },
            value,
            threshold: Some(max),
            message: format!("{} of {} approval chains were not reviewed in time", overdue.len(), objects.len()),
            evidence: shown(overdue),
        }
    }

    /// What share of some principals something is known of.
    fn coverage(
        &self,
        (id, what): (&'static str, &str),
        (warn, min): (f64, f64),
        counts: impl Fn(&Entity) -> bool,
        known: impl Fn(&Entity) -> bool,
    ) -> Check {
        let all: Vec<&Entity> = self.tables.entities.iter().filter(|one| one.is_principal() && counts(one)).collect();
        let without: Vec<String> = all.iter().filter(|one| !known(one)).map(|one| one.id.clone()).collect();
        let value = share(all.len() - without.len(), all.len());
        let status = match value {
            Some(value) if value < min => Status::Fail,
            Some(value) if value < warn => Status::Warn,
            // Where there is nobody of whom it could be known, nothing is missing.
            _ => Status::Pass,
        };
        let message = format!("{} of {} {what} ({})", all.len() - without.len(), all.len(), percent(value));
        Check { id, status, value, threshold: Some(min), message, evidence: shown(without) }
    }

    fn owners(&self) -> Check {
        let limits = (self.limits.owner_share_warn, self.limits.owner_share_min);
        let of = ("owners_known", "principals that are no human being's have an owner");
        self.coverage(of, limits, |entity| entity.nhi != Some(false), |entity| entity.owner.is_some())
    }

    fn last_use(&self) -> Check {
        let limits = (self.limits.last_use_share_warn, self.limits.last_use_share_min);
        let of = ("last_use_known", "principals, root users aside, have a known latest use");
        self.coverage(of, limits, |entity| !entity.is_account_root(), |entity| entity.last_used_at.is_some())
    }

    fn people(&self) -> Check {
        let limits = (self.limits.person_share_warn, self.limits.person_share_min);
        let identities: BTreeSet<EntityId> = self.tables.identities.iter().map(|row| row.entity).collect();
        // A role that people assume is nobody's identity, and a root user is an account's.
        let human = |entity: &Entity| {
            entity.nhi == Some(false) && entity.kind == crate::model::EntityKind::User && !entity.is_account_root()
        };
        let of = ("people_known", "human users are the identity of a person");
        self.coverage(of, limits, human, |entity| identities.contains(&entity.entity))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::text::parse_time;
    use crate::platforms::{self, input};

    const NOW: &str = "2026-11-22";
    const PEOPLE: &str = "person,email,status,identities\nP1,ada@x.org,active,user/ada\nP2,bo@x.org,leaver,\n";
    const OWNERS: &str = "principal,owner\nrole/app,P1\n";
    const APPROVALS: &str = "object,approver,quorum,cycle_days,last_reviewed_at\nrole/app,P1,1,90,2026-10-01\n";
    const USAGE: &str = "principal,permission,last_used_at,window_start,window_end\n\
                         role/app,s3,2026-11-20,2026-08-22,2026-11-21\nuser/ada,s3,2026-11-01,2026-08-22,2026-11-21\n";
    const EXPORT: &str = r#"{"UserDetailList":[{"Path":"/","UserName":"ada","UserId":"AIDAXXXXXXXXXXXXXXXXX",
        "Arn":"arn:aws:iam::111122223333:user/ada","CreateDate":"2026-11-01T00:00:00Z","LoginProfile":{"CreateDate":
        "2026-11-01T00:00:00Z"}}],"GroupDetailList":[],"Policies":[],
        "RoleDetailList":[{"Path":"/","RoleName":"app","RoleId":"AROAXXXXXXXXXXXXXXXXX","CreateDate":
        "2026-11-20T00:00:00Z","Arn":"arn:aws:iam::111122223333:role/app","AssumeRolePolicyDocument":{"Version":
        "2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":
        "sts:AssumeRole"}]}}]}"#;

    fn preflight(texts: &[&str], config: &str) -> Preflight {
        let names: Vec<String> = (0..).take(texts.len()).map(|n: usize| format!("{n}.txt")).collect();
        let texts = names.iter().map(String::as_str).zip(texts.iter().map(|text| text.as_bytes()));
        let as_of = parse_time(NOW).expect("a date");
        let mut tables = input::read_texts(texts, platforms::ALL).join(platforms::ALL);
        for platform in platforms::ALL {
            platform.at(&mut tables, as_of);
        }
        let config = Config::parse(config, "own.toml").expect("a configuration");
        run(&tables, &tables.sources, as_of, &config)
    }

    fn of(preflight: &Preflight, id: &str) -> Check {
        preflight.checks.iter().find(|check| check.id == id).expect("there is such a check").clone()
    }

    #[test]
    fn sources_that_say_everything_are_fit() {
        let found = preflight(&[EXPORT, PEOPLE, OWNERS, APPROVALS, USAGE], "");
        let trouble: Vec<&Check> = found.checks.iter().filter(|check| check.status != Status::Pass).collect();
        assert!(found.fit && trouble.is_empty(), "{trouble:?}");
        assert_eq!(of(&found, "freshness").value, Some(1.0));
        assert_eq!(of(&found, "owners_known").value, Some(1.0));
    }

    #[test]
    fn an_export_alone_is_not_fit_because_nothing_says_who_owns_and_approves() {
        let found = preflight(&[EXPORT], "");
        let failed: Vec<&str> =
            found.checks.iter().filter(|check| check.status == Status::Fail).map(|check| check.id).collect();
        assert_eq!(
            failed,
            ["schema", "freshness", "approval_chains", "reviews", "owners_known", "last_use_known", "people_known"]
        );
        assert!(!found.fit);
    }

    #[test]
    fn each_check_falls_with_its_own_cause() {
        let left = "object,approver,last_reviewed_at\nrole/app,P2,2026-10-01\n";
        let late = "object,approver,cycle_days,last_reviewed_at\nrole/app,P1,30,2026-10-01\n";
        let old = "principal,permission,last_used_at,window_end\nrole/app,s3,2026-09-01,2026-10-01\n";
        let ghosts = "principal,owner\nrole/app,P1\nghost,P1\n";
        let twice = "person,status,identities\nP1,leaver,user/ada\nP1,active,user/ada\n";
        let torn = "principal,owner\nrole/app,P1\nrole/app,P1,,,x\n";
        for (texts, id) in [
            ([PEOPLE, OWNERS, left, USAGE], "approval_chains"),
            ([PEOPLE, OWNERS, late, USAGE], "reviews"),
            ([PEOPLE, OWNERS, APPROVALS, old], "freshness"),
            ([PEOPLE, ghosts, APPROVALS, USAGE], "references"),
            ([twice, OWNERS, APPROVALS, USAGE], "duplicates"),
            ([PEOPLE, torn, APPROVALS, USAGE], "records_skipped"),
            ([PEOPLE, "x", APPROVALS, USAGE], "schema"),
        ] {
            let found = preflight(&[&[EXPORT], &texts[..]].concat(), "");
            let check = of(&found, id);
            assert_eq!((check.status, found.fit), (Status::Fail, false), "{id}: {check:?}");
            assert!(!check.evidence.is_empty(), "{id} says what it stands on");
        }
    }

    #[test]
    fn limits_are_those_of_the_configuration() {
        let texts = [EXPORT, PEOPLE, OWNERS, APPROVALS, "principal,permission,window_end\nrole/app,s3,2026-10-01\n"];
        assert_eq!(of(&preflight(&texts, ""), "freshness").status, Status::Fail);
        let lenient = preflight(&texts, "[preflight]\nsource_age_days_max = 60");
        assert_eq!(of(&lenient, "freshness").status, Status::Warn);
        assert_eq!(of(&lenient, "freshness").threshold, Some(60.0));
        let none = preflight(&[EXPORT], "[preflight]\ntables = []");
        assert_eq!(of(&none, "schema").status, Status::Pass);
    }
}
