//! What a decision stands on, in the order in which a person would check it.

use super::Compiled;
use super::formula::{Clause, Formula, Level, Sides};
use super::solve::Solution;
use crate::model::{Decision, Layer, Reason, Verdict};

/// The verdict of a solved formula with its reasons.
#[must_use]
pub fn verdict(compiled: &Compiled<'_>, formula: &Formula<'_>, solution: &Solution) -> Verdict {
    let mut reasons = Vec::new();
    match solution.decision {
        Decision::Denied => denied(compiled, formula, &mut reasons),
        Decision::Allowed => allowed(compiled, formula, &mut reasons),
        Decision::Conditional | Decision::Unknown => {
            allowed(compiled, formula, &mut reasons);
            let open = formula.deny.iter().filter(|clause| !clause.is_certain());
            reasons.extend(open.map(|clause| stated(compiled, clause, "deny")));
            for name in &formula.missing {
                reasons.push(Reason {
                    layer: Layer::Identity,
                    policy: Some(name.clone()),
                    statement: None,
                    effect: "missing",
                    condition: Some("not in the export".to_owned()),
                    grant: None,
                });
            }
            if solution.limit_reached {
                let what = "too many combinations of open condition keys to search".to_owned();
                reasons.push(Reason { condition: Some(what), ..lack(Layer::Identity) });
            }
        }
    }
    reasons.sort();
    reasons.dedup();
    Verdict { decision: solution.decision, reasons }
}

fn allowed(compiled: &Compiled<'_>, formula: &Formula<'_>, out: &mut Vec<Reason>) {
    let single = [&formula.identity, &formula.boundary, &formula.session];
    let resource = [&formula.delegating, &formula.role_named, &formula.named];
    for level in formula.controls.iter().chain(single).chain(resource) {
        // One certain statement is enough to say why; otherwise all that may count.
        match level.allow.iter().find(|clause| clause.is_certain()) {
            Some(clause) => out.push(stated(compiled, clause, "allow")),
            None => out.extend(level.allow.iter().map(|clause| stated(compiled, clause, "allow"))),
        }
    }
}

fn denied(compiled: &Compiled<'_>, formula: &Formula<'_>, out: &mut Vec<Reason>) {
    let certain = formula.deny.iter().filter(|clause| clause.is_certain());
    out.extend(certain.map(|clause| stated(compiled, clause, "deny")));
    if !out.is_empty() {
        return;
    }
    let lacks = |level: &Level<'_>| level.allow.is_empty() && !level.missing && !level.open_wide;
    if formula.controls.iter().any(lacks) {
        out.push(lack(Layer::Scp));
    }
    for (level, layer) in
        [(&formula.identity, Layer::Identity), (&formula.boundary, Layer::Boundary), (&formula.session, Layer::Session)]
    {
        if lacks(level) {
            out.push(lack(layer));
        }
    }
    let resource = [&formula.delegating, &formula.role_named, &formula.named];
    if formula.sides != Sides::Either && resource.into_iter().all(lacks) {
        out.push(lack(Layer::Resource));
    }
    if out.is_empty() {
        // Statements allow, but no values of the open keys satisfy them together.
        out.extend(
            formula
                .clauses()
                .filter(|clause| !clause.is_certain())
                .map(|clause| stated(compiled, clause, if super::denies(clause.statement) { "deny" } else { "allow" })),
        );
    }
}

fn lack(layer: Layer) -> Reason {
    Reason { layer, policy: None, statement: None, effect: "implicit_deny", condition: None, grant: None }
}

fn stated(compiled: &Compiled<'_>, clause: &Clause<'_>, effect: &'static str) -> Reason {
    let texts: Vec<&str> = clause.open.iter().map(|test| test.text.as_str()).collect();
    let condition = (!texts.is_empty()).then(|| texts.join(" and "));
    match compiled.tables.grants.get(clause.statement.grant as usize) {
        Some(grant) => Reason {
            layer: clause.layer,
            policy: Some(grant.policy.clone()),
            statement: Some(grant.statement.clone()),
            effect,
            condition,
            grant: Some(grant.grant),
        },
        // Statements of session policies are of the question, not of the tables.
        None => Reason {
            layer: Layer::Session,
            policy: Some("session policy".to_owned()),
            statement: None,
            effect,
            condition,
            grant: None,
        },
    }
}
