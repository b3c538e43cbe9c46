//! The workflows that a model takes part in: from which week, and as whom they run.

use super::facts::Facts;
use super::week::{ASSISTED, TOOLING, WAVE, Week};
use crate::generate::file::{Error, Folder};

/// Week from which incidents are sorted by an assistant that runs as a machine of others.
pub const TRIAGE: usize = 7;
/// Week from which a helper comments on changes that nobody owns.
pub const HELPER: usize = 8;
/// Week from which analysts have an assistant.
pub const COPILOT: usize = 8;
/// Week from which an agent of the service desk is there that no workflow explains.
const DRAFTER: usize = 9;

/// Role that reads for the access reviews.
pub const REVIEWER_ROLE: &str = "access-review-assistant";
/// Role that prepares access requests.
pub const PROVISIONER_ROLE: &str = "joiner-provisioning-assistant";
/// User of the nightly jobs.
pub const SHARED_USER: &str = "svc-ops-automation";
/// Role of the helper.
pub const HELPER_ROLE: &str = "code-review-helper";
/// Role of the assistant of analysts.
pub const COPILOT_ROLE: &str = "data-copilot";

/// Writes the tables of the service desk, whose agents are principals of their own.
pub fn write(week: &Week, folder: Folder<'_>, facts: &mut Facts) -> Result<(), Error> {
    let drafter = week.from(DRAFTER);
    let mut principals = folder.begin("service-desk/principals.csv")?;
    principals.row(&["system", "principal", "kind", "name", "enabled", "created_at", "last_used_at"])?;
    let mut owners = folder.begin("service-desk/owners.csv")?;
    owners.row(&["principal", "owner", "confidence"])?;
    let used = |name: &str| week.date(week.day() + week.lately(name, 0, 3));
    let mut rows = vec![
        ("mail-gateway", "service_account", "Mail gateway", 900, "support"),
        ("report-export", "service_account", "Report export", 640, "support"),
    ];
    if week.from(TRIAGE) {
        rows.push(("triage-assistant", "agent", "Incident triage assistant", 31, "support"));
        let id = "tables:servicedesk/principal/triage-assistant";
        facts.sound("agent-unmapped", id, "its workflow names a process and an owner who is there");
        facts.sound("agent-no-human-approval", id, "somebody else must agree");
    }
    if drafter {
        rows.push(("reply-drafter", "agent", "Reply drafting assistant", 15, "support"));
        facts.plant(
            "agent-unmapped",
            "tables:servicedesk/principal/reply-drafter",
            "an agent that no workflow explains",
        );
    }
    for (name, kind, title, made, owner) in &rows {
        principals.row(&["servicedesk", name, kind, title, "yes", &week.date(*made), &used(name)])?;
        owners.row(&[&format!("tables:servicedesk/principal/{name}"), owner, ""])?;
    }
    owners.end()?;
    principals.end()?;
    facts.count("tables", rows.len());
    let mut grants = folder.begin("service-desk/grants.csv")?;
    grants.row(&["system", "principal", "right", "resource", "level", "granted_at"])?;
    let rights = [
        ("mail-gateway", "ticket.create", "write"),
        ("report-export", "ticket.read", "read"),
        ("triage-assistant", "ticket.read", "read"),
        ("reply-drafter", "ticket.read", "read"),
    ];
    for (name, right, level) in rights {
        let row = rows.iter().find(|row| row.0 == name);
        if let Some((_, _, _, made, _)) = row {
            grants.row(&["servicedesk", name, right, "*", level, &week.date(*made)])?;
        }
    }
    grants.end()
}

/// A row of the table of workflows: name, process, control owner by department and rank, principal, functions, queue.
pub struct Workflow {
    pub name: &'static str,
    pub process: &'static str,
    pub owner: Option<(&'static str, usize)>,
    pub principal: String,
    pub ai: bool,
    pub functions: &'static str,
    pub queue: &'static str,
    /// Departments whose second person must agree; none when nobody must.
    pub approvers: &'static [&'static str],
}

/// The workflows of a week.
pub fn workflows(week: &Week) -> Vec<Workflow> {
    let role = |name: &str| format!("arn:aws:iam::{}:role/{name}", week.plan.accounts[TOOLING].id);
    let user = |name: &str| format!("arn:aws:iam::{}:user/{name}", week.plan.accounts[TOOLING].id);
    let data = format!("arn:aws:iam::{}:role/{COPILOT_ROLE}", week.plan.accounts[super::week::DATA].id);
    let of = |name, process, owner, principal, ai, functions| Workflow {
        name,
        process,
        owner,
        principal,
        ai,
        functions,
        queue: "access-requests",
        approvers: &["security", "it"],
    };
    let mut all =
        vec![of("nightly-jobs", "Operation of the platform", Some(("platform", 0)), user(SHARED_USER), false, "")];
    if week.from(ASSISTED) {
        let owner = Some(("security", 0));
        all.push(of(
            "access-recertification",
            "Review of access rights",
            owner,
            role(REVIEWER_ROLE),
            true,
            "suggest;prepare",
        ));
    }
    if week.from(WAVE) {
        let owner = Some(("it", 0));
        all.push(of(
            "joiner-provisioning",
            "Access for joiners and movers",
            owner,
            role(PROVISIONER_ROLE),
            true,
            "prepare",
        ));
    }
    if week.from(TRIAGE) {
        let owner = Some(("platform", 0));
        all.push(of("incident-triage", "Handling of incidents", owner, user(SHARED_USER), true, "suggest"));
        let desk = "tables:servicedesk/principal/triage-assistant".to_owned();
        all.push(of("ticket-triage", "Service desk", Some(("support", 0)), desk, true, "suggest"));
    }
    if week.from(HELPER) {
        let mut helper = of("code-review-helper", "Review of changes", None, role(HELPER_ROLE), true, "suggest");
        helper.approvers = &[];
        helper.queue = "";
        all.push(helper);
    }
    if week.from(COPILOT) {
        all.push(of("analysis-assistant", "Analysis of sales", Some(("data", 0)), data, true, "suggest;execute"));
    }
    all
}
