//! What people keep: who works there, who answers for what, who approves, which duties are apart, what is accepted.

use super::agents;
use super::facts::Facts;
use super::github;
use super::staff::{Person, Staff};
use super::week::{DATA, MANAGEMENT, PRODUCTION, STAGING, WAVE, Week};
use crate::generate::aws::DUTIES;
use crate::generate::file::{Error, Folder};

/// Week from which a secret scanner has found a key.
pub const LEAKED: usize = 9;
/// The day on which an exception was made, and for how many days.
const BILLING: (usize, usize) = (60, 170);
const SETTLED: (usize, usize) = (100, 170);
/// Day on which the key of the root of staging was deleted.
pub const ROOT_KEY_GONE: usize = 44;

/// Writes the tables.
pub fn write(week: &Week, staff: &Staff, folder: Folder<'_>, facts: &mut Facts) -> Result<(), Error> {
    people(week, staff, folder)?;
    approvals(week, staff, folder)?;
    workflows(week, staff, folder)?;
    labels(week, folder)?;
    baselines(week, folder)?;
    leaks(week, folder)?;
    exceptions(week, staff, folder, facts)?;
    let mut table = folder.begin("governance/sod-rules.csv")?;
    table.row(&["rule", "title", "left", "right", "severity"])?;
    table.row(&["release-and-approve", "Who starts a release does not approve it", DUTIES.0, DUTIES.1, "high"])?;
    table.end()
}

fn people(week: &Week, staff: &Staff, folder: Folder<'_>) -> Result<(), Error> {
    let mut table = folder.begin("governance/people.csv")?;
    let columns = ["person", "name", "email", "status", "started_at", "left_at", "manager", "department", "identities"];
    table.row(&columns)?;
    for person in staff.people.iter().filter(|one| one.has_joined(week)) {
        let left = person.left.filter(|_| person.has_left(week));
        let manager = staff.manager(person, week).filter(|_| left.is_none()).map(|one| one.id.clone());
        let identities = if github::is_member(week, staff, person) { github::id(person) } else { String::new() };
        table.row(&[
            &person.id,
            &person.name(),
            &person.address,
            if left.is_some() { "leaver" } else { "active" },
            &week.date(person.joined),
            &left.map(|day| week.date(day)).unwrap_or_default(),
            &manager.unwrap_or_default(),
            person.department(week),
            &identities,
        ])?;
    }
    table.end()
}

fn approvals(week: &Week, staff: &Staff, folder: Folder<'_>) -> Result<(), Error> {
    let mut table = folder.begin("governance/approvals.csv")?;
    table.row(&["object", "approver", "required", "quorum", "cycle_days", "last_reviewed_at", "queue"])?;
    let reviewed = week.date(week.day() + 5 + 7 * (week.at % 4));
    let both = |names: &[&Person]| names.iter().map(|one| one.id.as_str()).collect::<Vec<_>>().join(";");
    for account in &week.plan.accounts {
        let object = format!("arn:aws:iam::{}:role/Administrator", account.id);
        let approvers = both(&[staff.steady("security", 0), staff.steady("platform", 1)]);
        table.row(&[&object, &approvers, "yes", "1", "90", &reviewed, "access-requests"])?;
    }
    for workflow in agents::workflows(week).iter().filter(|one| one.ai && !one.approvers.is_empty()) {
        let approvers: Vec<&Person> = workflow.approvers.iter().map(|one| staff.steady(one, 1)).collect();
        table.row(&[workflow.name, &both(&approvers), "yes", "2", "90", &reviewed, workflow.queue])?;
    }
    table.end()
}

fn workflows(week: &Week, staff: &Staff, folder: Folder<'_>) -> Result<(), Error> {
    let mut table = folder.begin("governance/workflows.csv")?;
    table.row(&["workflow", "business_process", "control_owner", "principal", "ai", "functions", "tier", "queue"])?;
    for one in agents::workflows(week) {
        let owner = one.owner.map(|(department, rank)| staff.steady(department, rank).id.clone()).unwrap_or_default();
        let ai = if one.ai { "yes" } else { "no" };
        table.row(&[one.name, one.process, &owner, &one.principal, ai, one.functions, "high", one.queue])?;
    }
    table.end()
}

fn labels(week: &Week, folder: Folder<'_>) -> Result<(), Error> {
    let mut table = folder.begin("governance/labels.csv")?;
    table.row(&["entity", "env", "criticality", "domain"])?;
    for (account, env, critical, domain) in [
        (MANAGEMENT, "", "3", "platform"),
        (PRODUCTION, "prod", "3", "commerce"),
        (STAGING, "staging", "1", "commerce"),
        (DATA, "", "2", "data"),
    ] {
        table.row(&[&format!("aws:account/{}", week.plan.accounts[account].id), env, critical, domain])?;
    }
    for (cluster, env) in week.plan.clusters.iter().zip(["prod", "staging"]) {
        table.row(&[&format!("kubernetes:{}", cluster.name), env, "2", "commerce"])?;
    }
    table.end()
}

fn baselines(week: &Week, folder: Folder<'_>) -> Result<(), Error> {
    let mut table = folder.begin("governance/role-baselines.csv")?;
    table.row(&["baseline", "principal", "actions", "resources"])?;
    let role = |account: usize, name: &str| format!("arn:aws:iam::{}:role/{name}", week.plan.accounts[account].id);
    table.row(&[
        "reporting",
        &role(PRODUCTION, "report-builder"),
        "s3:GetObject",
        "arn:aws:s3:::harrowmere-exports/*",
    ])?;
    table.row(&["releases", &role(PRODUCTION, "release-starter"), DUTIES.0, ""])?;
    if week.from(WAVE) {
        let drafts = "iam:GetPolicy;iam:ListPolicies;s3:PutObject";
        let tooling = role(super::week::TOOLING, agents::PROVISIONER_ROLE);
        table.row(&["provisioning", &tooling, drafts, ""])?;
    }
    table.end()
}

/// What a scanner of repositories found: never the secret, only whose it is.
fn leaks(week: &Week, folder: Folder<'_>) -> Result<(), Error> {
    if !week.from(LEAKED) {
        return Ok(());
    }
    let mut table = folder.begin("governance/leaked-secrets.csv")?;
    table.row(&["credential", "location", "seen_at"])?;
    let user = format!("arn:aws:iam::{}:user/svc-courier-feed", week.plan.accounts[PRODUCTION].id);
    let seen = week.date(16);
    table.row(&[&format!("{user}#access_key_1"), "github.com/parcelpilot/connector@41d07c2", &seen])?;
    table.end()
}

fn exceptions(week: &Week, staff: &Staff, folder: Folder<'_>, facts: &mut Facts) -> Result<(), Error> {
    let mut table = folder.begin("governance/exceptions.csv")?;
    let columns = [
        "exception",
        "rule",
        "principal",
        "resource",
        "domain",
        "reason",
        "owner",
        "approved_by",
        "created",
        "expires",
        "ticket",
    ];
    table.row(&columns)?;
    let user = |account: usize, name: &str| format!("arn:aws:iam::{}:user/{name}", week.plan.accounts[account].id);
    let (owner, approver) = (&staff.steady("finance", 0).id, &staff.steady("security", 0).id);
    let after = |(made, days): (usize, usize)| -> String { week.after(made, days).chars().take(10).collect() };
    let billing = user(MANAGEMENT, "svc-billing-export");
    if week.has(BILLING.0) {
        table.row(&[
            "EX-11",
            "key-age",
            &billing,
            "",
            "",
            "moves to a role in spring",
            owner,
            approver,
            &week.date(BILLING.0),
            &after(BILLING),
            "CHG-4711",
        ])?;
    }
    let root = format!("arn:aws:iam::{}:root", week.plan.accounts[STAGING].id);
    table.row(&[
        "EX-7",
        "root-access-key",
        &root,
        "",
        "",
        "until the old deployment of staging is gone",
        owner,
        approver,
        &week.date(SETTLED.0),
        &after(SETTLED),
        "CHG-4290",
    ])?;
    if week.has(ROOT_KEY_GONE) {
        facts.plant("stale-exception", "EX-7", "the key that it accepted is gone, and the exception stays");
    }
    table.end()
}
