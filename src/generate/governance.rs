//! The tables that people keep: who works there, which duties are apart, who approves, what is where.

use super::Writer;
use super::aws;
use super::file::{Error, Folder};
use super::people::Person;
use super::plan::Plan;
use super::truth::Tally;
use crate::model::text::format_time;

/// Governance tables; they have no principals of their own.
pub struct Governance;

impl Writer for Governance {
    fn name(&self) -> &'static str {
        "governance"
    }

    fn weight(&self) -> usize {
        0
    }

    fn parts(&self, _plan: &Plan) -> usize {
        1
    }

    fn write(&self, plan: &Plan, _part: usize, folder: Folder<'_>) -> Result<Tally, Error> {
        people(plan, folder)?;
        duties(folder)?;
        approvals(plan, folder)?;
        labels(plan, folder)?;
        Ok(Tally::default())
    }
}

fn day(plan: &Plan, days: usize) -> String {
    format_time(plan.days_ago(days, 0)).chars().take(10).collect()
}

fn people(plan: &Plan, folder: Folder<'_>) -> Result<(), Error> {
    let mut table = folder.begin("people.csv")?;
    table.row(&["person", "name", "email", "status", "started_at", "left_at", "manager", "department"])?;
    for at in 0..plan.people.n {
        let person = plan.people.person(at);
        let manager = person.manager.map(|above| plan.people.person(above).id).unwrap_or_default();
        let status = if person.left_days.is_some() { "leaver" } else { "active" };
        let left = person.left_days.map(|days| day(plan, days)).unwrap_or_default();
        let Person { id, given, family, address, started_days, department, .. } = person;
        let name = format!("{given} {family}");
        table.row(&[&id, &name, &address, status, &day(plan, started_days), &left, &manager, &department])?;
    }
    table.end()
}

fn duties(folder: Folder<'_>) -> Result<(), Error> {
    let mut table = folder.begin("sod-rules.csv")?;
    table.row(&["rule", "title", "left", "right", "severity"])?;
    let (start, approve) = aws::DUTIES;
    table.row(&["release-and-approve", "Who starts a release does not approve it", start, approve, "high"])?;
    table.end()
}

/// The administrators' roles of accounts are approved by managers.
fn approvals(plan: &Plan, folder: Folder<'_>) -> Result<(), Error> {
    let mut table = folder.begin("approvals.csv")?;
    table.row(&["object", "approver", "required", "quorum", "cycle_days", "last_reviewed_at", "queue"])?;
    for account in &plan.accounts {
        let (first, second) =
            (plan.people.active_person(account.at * 2), plan.people.active_person(account.at * 2 + 1));
        let object = format!("arn:aws:iam::{}:role/platform-admin", account.id);
        let approvers = format!("{};{}", first.id, second.id);
        table.row(&[&object, &approvers, "yes", "1", "90", &day(plan, 20 + account.at % 50), "iam-requests"])?;
    }
    table.end()
}

fn labels(plan: &Plan, folder: Folder<'_>) -> Result<(), Error> {
    let mut table = folder.begin("labels.csv")?;
    table.row(&["entity", "env", "criticality", "domain"])?;
    for account in &plan.accounts {
        let critical = if account.env == "prod" { "3" } else { "1" };
        let domain = super::words::AREAS[account.at % super::words::AREAS.len()];
        table.row(&[&account.id, account.env, critical, domain])?;
    }
    table.end()
}
