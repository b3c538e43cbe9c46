//! Rows about what is approved, automated, needed, kept apart and excepted.

use super::row::{Row, Wanted};
use crate::model::{Approval, Exception, ExceptionStatus, RoleBaseline, Severity, SodRule, Workflow};

/// What a workflow may do.
const FUNCTIONS: [&str; 3] = ["suggest", "prepare", "execute"];

/// `object,approver,required,quorum,cycle_days,last_reviewed_at,queue`
pub fn approval(row: &mut Row<'_>) {
    let Some((object, _)) = row.required_both("object", "approver") else { return };
    let (required, quorum, cycle_days) = (row.flag("required"), row.number("quorum"), row.number("cycle_days"));
    let (last_reviewed_at, queue) = (row.time("last_reviewed_at"), row.text("queue"));
    let entity = row.refer(Wanted::Entity, &object);
    for approver in row.list("approver") {
        row.out.approvals.push(Approval {
            object: object.clone(),
            entity: Some(entity),
            approver,
            required,
            quorum,
            cycle_days,
            last_reviewed_at,
            queue: queue.clone(),
            source: row.out.source_id(),
            record: row.place(),
        });
    }
}

/// `workflow,business_process,control_owner,principal,ai,functions,tier,queue,takes_from,proposes`
pub fn workflow(row: &mut Row<'_>) {
    let Some(workflow) = row.required("workflow") else { return };
    let principal = row.text("principal").map(|text| row.refer(Wanted::Principal, &text));
    if principal.is_none() {
        let message = format!("the workflow `{workflow}` has no principal: what it may do is not known");
        row.warn("workflow_without_principal", message);
    }
    let functions: Vec<String> = row.list("functions").into_iter().map(|word| word.to_lowercase()).collect();
    if let Some(strange) = functions.iter().find(|word| !FUNCTIONS.contains(&word.as_str())) {
        let message = format!("`{strange}` in column `functions` is none of {}", FUNCTIONS.join(", "));
        row.warn("word_unknown", message);
    }
    let ai = row.flag("ai");
    row.out.workflows.push(Workflow {
        business_process: row.text("business_process"),
        control_owner: row.text("control_owner"),
        principal,
        ai,
        functions: functions.into_iter().filter(|word| FUNCTIONS.contains(&word.as_str())).collect(),
        tier: row.text("tier"),
        queue: row.text("queue"),
        takes_from: row.list("takes_from"),
        proposes: row.list("proposes"),
        source: row.out.source_id(),
        record: row.place(),
        workflow,
    });
}

/// `baseline,principal,actions,resources`
pub fn role_baseline(row: &mut Row<'_>) {
    let Some((baseline, _)) = row.required_both("baseline", "principal") else { return };
    let (actions, resources) = (row.list("actions"), row.list("resources"));
    if actions.is_empty() {
        row.warn("baseline_empty", format!("the baseline `{baseline}` lists no action: it says that none is needed"));
    }
    for principal in row.list("principal") {
        let entity = row.refer(Wanted::Principal, &principal);
        row.out.role_baselines.push(RoleBaseline {
            baseline: baseline.clone(),
            entity,
            actions: actions.clone(),
            resources: resources.clone(),
            source: row.out.source_id(),
            record: row.place(),
        });
    }
}

/// `rule,title,left,right,severity`
pub fn sod_rule(row: &mut Row<'_>) {
    let Some(rule) = row.required("rule") else { return };
    let (left, right) = (row.list("left"), row.list("right"));
    for (side, duty) in [("left", &left), ("right", &right)] {
        if duty.is_empty() {
            row.warn("sod_duty_empty", format!("the rule `{rule}` has no duty in `{side}`: nothing can break it"));
        }
    }
    let severity = row.name("severity", "critical, high, medium or low", Severity::parse);
    row.out.sod_rules.push(SodRule {
        title: row.text("title").unwrap_or_else(|| rule.clone()),
        left,
        right,
        severity,
        source: row.out.source_id(),
        record: row.place(),
        rule,
    });
}

/// `exception,rule,principal,resource,domain,reason,owner,approved_by,created,expires,ticket`; what it is worth is
/// decided when the findings are there.
pub fn exception(row: &mut Row<'_>) {
    let Some(exception) = row.required("exception") else { return };
    let (created_at, expires_at) = (row.time("created"), row.time("expires"));
    row.out.exceptions.push(Exception {
        rule: row.text("rule"),
        principal: row.text("principal"),
        resource: row.text("resource"),
        domain: row.text("domain"),
        reason: row.text("reason"),
        owner: row.text("owner"),
        approved_by: row.text("approved_by"),
        created_at,
        expires_at,
        ticket: row.text("ticket"),
        status: ExceptionStatus::Unmatched,
        problem: None,
        matched_n: 0,
        source: row.out.source_id(),
        record: row.place(),
        exception,
    });
}
