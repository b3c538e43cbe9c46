//! What tables of workflows name besides principals: what may only be proposed, and the queues of connectors.

use std::collections::BTreeSet;

use crate::model::naming::{Named, Names};
use crate::model::text::glob;
use crate::model::{Entity, Issue, IssueSeverity, Tables, Workflow};

/// Names what workflows may only propose by full ids, and reports names of nothing, of several, and of queues into which
/// nothing is known to come.
pub fn check(tables: &mut Tables) {
    let mut issues = Vec::new();
    let proposes: Vec<Vec<String>> = proposals(tables, &mut issues);
    for (row, names) in tables.workflows.iter_mut().zip(proposes) {
        row.proposes = names;
    }
    queues(tables, &mut issues);
    tables.issues.append(&mut issues);
}

fn warn(row: &Workflow, code: &str, message: String) -> Issue {
    let (source, record) = (Some(row.source), row.record.clone());
    Issue { severity: IssueSeverity::Warning, source, record, code: code.to_owned(), message }
}

fn proposals(tables: &Tables, issues: &mut Vec<Issue>) -> Vec<Vec<String>> {
    let texts: Vec<&str> = tables.workflows.iter().flat_map(|row| &row.proposes).map(String::as_str).collect();
    let mut names = Names::new(texts.iter().copied());
    if !texts.is_empty() {
        tables.entities.iter().for_each(|entity| names.learn(entity));
    }
    let mut one = |row: &Workflow, text: &String| {
        let what = format!("what the workflow `{}` may only propose, `{text}`,", row.workflow);
        if text.contains(['*', '?']) {
            let like = |entity: &Entity| entity.present && (glob(text, &entity.id) || glob(text, &entity.name));
            if !tables.entities.iter().any(like) {
                issues.push(warn(row, "reference_unresolved", format!("{what} is like nothing that an export knows")));
            }
            return text.clone();
        }
        match names.find(text, |entity| Some(u8::from(!entity.present))) {
            Named::One(entity) => return entity.id.clone(),
            Named::Nothing => {
                issues.push(warn(row, "reference_unresolved", format!("{what} is nothing that an export knows")));
            }
            Named::Several(several) => {
                let message = format!("{what} may be {} things: write the full id", several.len());
                issues.push(warn(row, "reference_ambiguous", message));
            }
        }
        text.clone()
    };
    tables.workflows.iter().map(|row| row.proposes.iter().map(|text| one(row, text)).collect()).collect()
}

/// A connector whose queue nobody else names carries out nothing that is known of: the name may be mistyped.
fn queues(tables: &Tables, issues: &mut Vec<Issue>) {
    if tables.workflows.iter().all(|row| row.takes_from.is_empty()) {
        return;
    }
    let of_workflows = tables.workflows.iter().filter_map(|row| row.queue.as_deref());
    let of_approvals =
        tables.approvals.iter().flat_map(|row| std::iter::once(row.object.as_str()).chain(row.queue.as_deref()));
    let known: BTreeSet<String> = of_workflows.chain(of_approvals).map(|name| name.trim().to_lowercase()).collect();
    let wanted = tables.workflows.iter().flat_map(|row| row.takes_from.iter().map(move |name| (row, name)));
    let unknown: Vec<(&Workflow, &String)> =
        wanted.filter(|(_, name)| !known.contains(&name.trim().to_lowercase())).collect();
    let mut names = Names::new(unknown.iter().map(|(_, name)| name.as_str()));
    if !unknown.is_empty() {
        tables.entities.iter().for_each(|entity| names.learn(entity));
    }
    for (row, name) in unknown {
        if names.find(name, |_| Some(0)) == Named::Nothing {
            let message = format!(
                "the workflow `{}` takes from `{name}`, into which nothing is known to come: no workflow and no approval \
                 names it as its queue, and no export has it",
                row.workflow
            );
            issues.push(warn(row, "queue_unknown", message));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{export, found, join};
    use crate::model::EntityKind;

    #[test]
    fn what_may_only_be_proposed_is_known_by_id_and_nothing_is_guessed() {
        let export = export(&[
            (EntityKind::Role, "admin"),
            (EntityKind::Role, "both"),
            (EntityKind::Group, "both"),
            (EntityKind::Resource, "desk"),
        ]);
        let workflows = "workflow,principal,control_owner,queue,takes_from,proposes\n\
                         W-1,role/admin,x,requests,,role/admin;*/both;ADMIN\n\
                         W-2,role/admin,x,,Requests;desk,both\n\
                         W-3,role/admin,x,,requsts,nowhere;none/*\n";
        let tables = join(export, &[workflows]);
        let ids: Vec<&str> = tables.workflows[0].proposes.iter().map(String::as_str).collect();
        assert_eq!(ids, ["p:1:role/admin", "*/both", "p:1:role/admin"]);
        assert_eq!(tables.workflows[1].takes_from, ["Requests", "desk"]);
        let told: Vec<_> = found(&tables).into_iter().filter(|(code, _)| *code != "people_missing").collect();
        assert_eq!(
            told,
            [
                ("reference_ambiguous", "line 3"),
                ("queue_unknown", "line 4"),
                ("reference_unresolved", "line 4"),
                ("reference_unresolved", "line 4"),
            ]
        );
    }
}
