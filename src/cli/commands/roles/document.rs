//! A suggestion as JSON.

use serde_json::{Value, json};

use super::{Answer, From, Grain, limit_reached};
use crate::reports::json::FORMAT;
use crate::roles::{Of, Role, Structure};

/// The published document.
pub fn published(answer: &Answer<'_>) -> Value {
    let (snapshot, found) = (answer.snapshot, answer.suggestion);
    let left_out = found.rights.left_out.iter().map(|row| {
        let of = if row.of == Of::Principals { "principals" } else { "pairs" };
        json!({"of": of, "reason": row.reason, "count": row.n})
    });
    json!({
        "format": FORMAT,
        "snapshot": snapshot.id,
        "from": if answer.from == From::Used { "used" } else { "effective" },
        "granularity": if answer.granularity == Grain::Action { "action" } else { "service" },
        "platform": answer.platform,
        "exact": found.is_exact(),
        "lower_bound": found.lower_bound,
        "roles_count": found.roles.len(),
        "limits_reached": found.reached.iter().map(|&reached| limit_reached(reached)).collect::<Vec<_>>(),
        "roles": found.roles.iter().take(answer.limit).map(|role| published_role(answer, role)).collect::<Vec<_>>(),
        "complexity_before": found.complexity_before,
        "complexity_after": found.complexity_after,
        "structure_before": structure(&found.current.structure, found.current.uncounted_n),
        "structure_after": structure(&found.mined, 0),
        "coverage": {
            "principals": found.rights.principals.len(),
            "principals_asked": found.rights.asked_n,
            "permissions": found.rights.permissions.len(),
            "pairs": found.rights.matrix.ones(),
            "pairs_covered": found.covered_n,
            "pairs_added": found.added_n,
            "pairs_by_service": found.rights.by_service_n,
        },
        "left_out": left_out.collect::<Vec<_>>(),
    })
}

fn published_role(answer: &Answer<'_>, role: &Role) -> Value {
    let view = answer.snapshot.view();
    let permissions = &answer.suggestion.rights.permissions;
    json!({
        "name": role.name,
        "platform": role.platform,
        "permissions": role.permissions.iter().map(|&at| permissions[at as usize].name.as_str()).collect::<Vec<_>>(),
        "members": role.members.iter().map(|&member| view.id(member)).collect::<Vec<_>>(),
    })
}

/// Permissions are null where a part of them could not be counted.
fn structure(structure: &Structure, uncounted_n: u64) -> Value {
    let known = |n: u64| (uncounted_n == 0).then_some(n);
    json!({
        "roles": structure.roles,
        "assignments": structure.assignments,
        "permissions": known(structure.permissions),
        "hierarchy": structure.hierarchy,
        "direct": known(structure.direct),
        "uncounted": uncounted_n,
    })
}
