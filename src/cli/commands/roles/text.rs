//! A suggestion for a person: what would shrink, the roles, what they leave out, and where to go from here.

use super::super::rest;
use super::{Answer, From, Grain, limit_reached};
use crate::reports::Layout;
use crate::reports::escape::plain;
use crate::reports::grid::{Grid, Side};
use crate::roles::{Of, Suggestion};

/// Permissions and members named in a row.
const NAMED_N: usize = 3;

/// The whole answer.
pub fn told(answer: &Answer<'_>, layout: Layout) -> String {
    let found = answer.suggestion;
    let mut text = headline(answer);
    if found.roles.is_empty() {
        text += &left_out(found);
        text += &next(answer);
        return text;
    }
    text.push('\n');
    text += &comparison(found, layout);
    text.push('\n');
    text += &roles(answer, layout);
    text += &rest(found.roles.len().min(answer.limit), found.roles.len());
    text += &left_out(found);
    text += &caveats(answer);
    text += &next(answer);
    text
}

fn count(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

fn headline(answer: &Answer<'_>) -> String {
    let found = answer.suggestion;
    let basis = if answer.from == From::Used { "what is used" } else { "what is certainly granted" };
    if found.roles.is_empty() {
        let asked = usize::try_from(found.rights.asked_n).unwrap_or(usize::MAX);
        return format!(
            "No roles to suggest from {basis}: none of {} counts.\n",
            count(asked, "principal", "principals")
        );
    }
    let n = found.roles.len();
    let proof = if found.is_exact() {
        "fewer cannot (proven)".to_owned()
    } else {
        format!("at least {} are needed", found.lower_bound)
    };
    let mut text = format!(
        "{} {} exactly {basis} ({}) to {} of {}; {proof}.\n",
        count(n, "role", "roles"),
        if n == 1 { "gives" } else { "give" },
        count(found.covered_n, "permission held", "permissions held"),
        found.rights.principals.len(),
        count(usize::try_from(found.rights.asked_n).unwrap_or(usize::MAX), "principal", "principals"),
    );
    for &reached in &found.reached {
        text += &format!("Limit: {}.\n", limit_reached(reached));
    }
    text
}

/// Now and then, part by part.
fn comparison(found: &Suggestion, layout: Layout) -> String {
    let (now, then) = (&found.current.structure, &found.mined);
    let mut grid = Grid::new(layout, &[("COMPLEXITY", Side::Left), ("NOW", Side::Right), ("MINED", Side::Right)]);
    let partial = found.current.uncounted_n > 0;
    let known = |n: u64| if partial { format!("≥ {n}") } else { n.to_string() };
    for (label, now, then) in [
        ("roles (groups, policies)", now.roles.to_string(), then.roles),
        ("assignments to principals", now.assignments.to_string(), then.assignments),
        ("permissions of roles", known(now.permissions), then.permissions),
        ("roles within roles", now.hierarchy.to_string(), then.hierarchy),
        ("permissions held directly", known(now.direct), then.direct),
    ] {
        grid.row([label.into(), now.into(), then.to_string().into()]);
    }
    let before = found.complexity_before.map_or_else(|| "–".to_owned(), |before| format!("{before:.0}"));
    grid.row(["weighted sum".into(), before.into(), format!("{:.0}", found.complexity_after).into()]);
    let mut text = grid.text();
    match found.complexity_before {
        Some(before) if found.complexity_after < before => {
            let less = 100.0 * (before - found.complexity_after) / before;
            text += &format!("{less:.0} % less to keep up.\n");
        }
        Some(_) => text += "What is there is no more complex than the mined roles: they would simplify nothing.\n",
        None => {
            let n = usize::try_from(found.current.uncounted_n).unwrap_or(usize::MAX);
            text += &format!(
                "What is there cannot be summed up: {} not in the export, or of a platform without a catalogue.\n",
                count(n, "policy or statement is", "policies or statements are")
            );
        }
    }
    text
}

fn roles(answer: &Answer<'_>, layout: Layout) -> String {
    let (left, right) = (Side::Left, Side::Right);
    let columns = [("ROLE", left), ("MEMBERS", right), ("PERMISSIONS", right), ("SUCH AS", left), ("FOR", left)];
    let mut grid = Grid::new(layout, &columns);
    let view = answer.snapshot.view();
    for role in answer.suggestion.roles.iter().take(answer.limit) {
        let permission = |at: &u32| answer.suggestion.rights.permissions[*at as usize].name.clone();
        let name = |member: &crate::model::EntityId| {
            view.entity(*member).map_or_else(|| view.id(*member), |entity| entity.name.clone())
        };
        grid.row([
            role.name.as_str().into(),
            role.members.len().to_string().into(),
            role.permissions.len().to_string().into(),
            few(role.permissions.iter().map(permission)).into(),
            few(role.members.iter().map(name)).into(),
        ]);
    }
    grid.text()
}

/// The first few of a list.
fn few(all: impl ExactSizeIterator<Item = String>) -> String {
    let n = all.len();
    let mut text = all.take(NAMED_N).collect::<Vec<_>>().join(", ");
    if n > NAMED_N {
        text += ", …";
    }
    text
}

fn left_out(found: &Suggestion) -> String {
    let mut text = String::new();
    for row in &found.rights.left_out {
        let n = usize::try_from(row.n).unwrap_or(usize::MAX);
        let of = match row.of {
            Of::Principals => count(n, "principal", "principals"),
            Of::Pairs => count(n, "permission held", "permissions held"),
        };
        text += &format!("  {of}: {}\n", row.reason);
    }
    if text.is_empty() { text } else { format!("\nNot covered:\n{text}") }
}

fn caveats(answer: &Answer<'_>) -> String {
    let permission = match answer.granularity {
        Grain::Service => {
            "A permission is a service at an access level; a role of it may hold more actions than one member has."
        }
        Grain::Action => "A permission is one action.",
    };
    let by_service = answer.suggestion.rights.by_service_n;
    let coarse = if by_service == 0 {
        String::new()
    } else {
        let n = usize::try_from(by_service).unwrap_or(usize::MAX);
        format!(
            "Of {} only the use of the service is known: every level of it counts as used.\n",
            count(n, "permission held", "permissions held")
        )
    };
    format!(
        "\n{permission}\n{coarse}Resources and conditions are not part of it: narrow a role to its resources before use.\n"
    )
}

fn next(answer: &Answer<'_>) -> String {
    let mut lines = Vec::new();
    if answer.from == From::Effective {
        lines.push("overgrant roles suggest --from used".to_owned());
    }
    if let Some(role) = answer.suggestion.roles.first() {
        let view = answer.snapshot.view();
        if let Some(member) = role.members.first().and_then(|&member| view.entity(member)) {
            lines.push(format!("overgrant explain {}", plain(&member.name)));
        }
        lines.push("overgrant roles suggest --format json    members and permissions in full".to_owned());
    } else {
        lines.push("overgrant snapshots show    what the snapshot was made from".to_owned());
    }
    format!("\nNext: {}\n", lines.join("\n      "))
}
