//! Whether an action is allowed on *something*: a resource that can exist, of the caller's choice.
//!
//! The question is decided on witnesses: for each resource type that the action takes, one ARN with names that no
//! policy has, and one for each resource pattern of the statements that take part, with its wildcards filled in.
//! A pattern lets a new name through exactly when it lets such a witness through; for what several layers let through
//! together there is a witness for each two patterns, up to [`SHARED_MAX`] of them. Types that no call can do without
//! must all be allowed; of the others one is enough. Witnesses lie in the caller's own account, so that a pattern
//! for AWS's own or for someone else's resources gives none.

use super::super::catalog::{Catalog, ResourceType};
use super::bulk::standpoint;
use super::pattern::{is_everything, plain};
use super::statement::Statement;
use super::view::{Holder, Question};
use crate::model::text::glob;
use crate::model::{Certainty, Decision, Verdict};
use crate::platforms::Standpoint;
use crate::platforms::globs::fixed_prefix;

/// What stands for a name that nobody has used.
const NEW_NAME: &str = "overgrant-new";
/// An account that nobody has.
const ELSEWHERE: &str = "000000000000";
/// Region of a witness where its pattern leaves it open.
const REGION: &str = "us-east-1";

/// Whether the holder may do this on something: `None` when not.
#[must_use]
pub fn somewhere(holder: &Holder<'_>, question: &Question<'_>) -> Option<Standpoint> {
    let action = question.known.and_then(|number| Catalog::get().action(number));
    let types = action.map_or(&[][..], |action| action.resources);
    if types.is_empty() {
        return standpoint(&holder.answer(question, "*"));
    }
    let patterns = patterns(holder, question);
    let required = types.iter().filter(|kind| kind.required);
    let mut all: Option<Standpoint> = None;
    for kind in required {
        let one = standpoint(&best(holder, question, std::slice::from_ref(kind), &patterns)?)?;
        all = Some(all.map_or_else(|| one.clone(), |all| both(all, &one)));
    }
    match all {
        Some(all) => Some(all),
        None => standpoint(&best(holder, question, types, &patterns)?),
    }
}

/// Whether the holder may do all of these on one resource: a witness that fits every action's types. Actions that take
/// no resource are asked on none.
#[must_use]
pub fn together(holder: &Holder<'_>, questions: &[Question<'_>]) -> Option<Standpoint> {
    let types = |question: &Question<'_>| {
        question.known.and_then(|number| Catalog::get().action(number)).map_or(&[][..], |action| action.resources)
    };
    let (placed, free): (Vec<_>, Vec<_>) = questions.iter().partition(|question| !types(question).is_empty());
    let mut all: Option<Standpoint> = None;
    for question in free {
        let one = standpoint(&holder.answer(question, "*"))?;
        all = Some(all.map_or_else(|| one.clone(), |all| both(all, &one)));
    }
    let Some(first) = placed.first() else { return all };
    let patterns: Vec<String> = placed.iter().flat_map(|question| patterns(holder, question)).collect();
    let mut best: Option<Standpoint> = None;
    for witness in witnesses(holder, types(first), &patterns) {
        let one = placed.iter().try_fold(all.clone(), |all, question| {
            let fits = types(question).iter().any(|kind| glob(kind.pattern, &witness));
            let one = standpoint(&holder.answer(question, &witness)).filter(|_| fits)?;
            Some(Some(all.map_or_else(|| one.clone(), |all| both(all, &one))))
        });
        match one.flatten() {
            Some(one) if one.certainty == Certainty::Certain => return Some(one),
            one => best = best.or(one),
        }
    }
    best
}

/// Whether the holder may assume a role of an account that is not in the export.
#[must_use]
pub fn outside(holder: &Holder<'_>, question: &Question<'_>) -> Option<Standpoint> {
    let partition = holder.principal.arn.split(':').nth(1).unwrap_or("aws");
    let role = format!("arn:{partition}:iam::{ELSEWHERE}:role/{NEW_NAME}");
    let named =
        patterns(holder, question).iter().map(|pattern| fill(pattern, partition, ELSEWHERE)).collect::<Vec<_>>();
    let mut roles = std::iter::once(role).chain(named.into_iter().filter(|arn| arn.contains(":role/")));
    roles.find_map(|role| standpoint(&holder.answer(question, &role)))
}

/// Both of two answers.
#[must_use]
pub fn both(mut a: Standpoint, b: &Standpoint) -> Standpoint {
    if b.certainty == Certainty::Conditional {
        a.certainty = Certainty::Conditional;
    }
    a.reasons.extend(b.reasons.iter().cloned());
    a.evidence.extend(&b.evidence);
    a.reasons.sort();
    a.reasons.dedup();
    a.evidence.sort_unstable();
    a.evidence.dedup();
    a
}

/// Resources of these types that can exist, as the patterns tell them apart.
fn witnesses(holder: &Holder<'_>, types: &[ResourceType], patterns: &[String]) -> Vec<String> {
    let account = &holder.principal.account;
    let partition = holder.principal.arn.split(':').nth(1).unwrap_or("aws");
    let mut witnesses: Vec<String> = types.iter().map(|kind| fill(kind.pattern, partition, account)).collect();
    for pattern in patterns {
        let witness = fill(pattern, partition, account);
        let fits = types.iter().any(|kind| glob(kind.pattern, &witness) && same_owner(kind.pattern, &witness, account));
        if fits {
            witnesses.push(witness);
            continue;
        }
        // A pattern may stop before its type does (`…:*` for `…:*/*`): what both cover has the form of both.
        let placed = fill_place(pattern, partition, account);
        let shared = types.iter().filter_map(|kind| {
            let shared = super::solve::values::common(kind.pattern, &placed)?;
            same_owner(kind.pattern, &shared, account).then_some(shared)
        });
        witnesses.extend(shared);
    }
    witnesses.sort();
    witnesses.dedup();
    witnesses
}

/// The best answer over all witnesses of these types.
fn best(holder: &Holder<'_>, question: &Question<'_>, types: &[ResourceType], patterns: &[String]) -> Option<Verdict> {
    let rank = |verdict: &Verdict| match verdict.decision {
        Decision::Allowed => 3,
        Decision::Conditional => 2,
        Decision::Unknown => 1,
        Decision::Denied => 0,
    };
    let mut best: Option<Verdict> = None;
    for witness in witnesses(holder, types, patterns) {
        let verdict = holder.answer(question, &witness);
        if best.as_ref().is_none_or(|best| rank(&verdict) > rank(best)) {
            best = Some(verdict);
        }
        if best.as_ref().is_some_and(|best| best.decision == Decision::Allowed) {
            break;
        }
    }
    best
}

/// Whether a witness is the caller's own: in its account, or of a type whose ARNs name no account.
fn same_owner(pattern: &str, witness: &str, account: &str) -> bool {
    let owner = |arn: &str| arn.split(':').nth(4).map(str::to_owned).unwrap_or_default();
    owner(pattern) != "*" || owner(witness) == account
}

/// A concrete ARN of a pattern: its own parts, and new names where it leaves them open.
fn fill(pattern: &str, partition: &str, account: &str) -> String {
    fill_place(pattern, partition, account).replace('*', NEW_NAME).replace('?', "x")
}

/// A pattern with its partition, region and account filled in, and its name as it is.
fn fill_place(pattern: &str, partition: &str, account: &str) -> String {
    let parts: Vec<&str> = pattern.splitn(6, ':').collect();
    if parts.len() < 6 {
        return pattern.to_owned();
    }
    let open = |part: &str, value: &str| if part.contains(['*', '?']) { value.to_owned() } else { part.to_owned() };
    format!(
        "arn:{}:{}:{}:{}:{}",
        open(parts[1], partition),
        parts[2],
        open(parts[3], REGION),
        open(parts[4], account),
        parts[5]
    )
}

/// For pairs of the patterns, a resource that both cover, where there is one: layers may each let through a part of what
/// the other does. Accounts and partitions that are left open are the caller's own first.
fn shared_by_layers(holder: &Holder<'_>, patterns: &[String]) -> Vec<String> {
    if holder.boundary.is_none() && holder.scps.is_none() {
        return Vec::new();
    }
    let own = |pattern: &String| {
        let mut parts: Vec<String> = pattern.splitn(6, ':').map(str::to_owned).collect();
        if let Some(account) = parts.get_mut(4).filter(|account| account.as_str() == "*") {
            holder.principal.account.clone_into(account);
        }
        parts.join(":")
    };
    let patterns: Vec<String> = patterns.iter().take(SHARED_MAX).map(own).collect();
    let mut out = Vec::new();
    for (at, first) in patterns.iter().enumerate() {
        out.extend(patterns[at + 1..].iter().filter_map(|second| super::solve::values::common(first, second)));
    }
    out
}

/// Patterns of which every two are intersected.
const SHARED_MAX: usize = 16;

/// The resource patterns of every statement that takes part, expanded as far as the principal alone decides.
fn patterns(holder: &Holder<'_>, question: &Question<'_>) -> Vec<String> {
    let target = holder.target("*");
    let facts = holder.facts(question, &target);
    let controls = holder.scps.iter().flatten().flat_map(|(statements, _)| statements);
    let mut out = Vec::new();
    for &at in holder.identity.iter().chain(holder.boundary.iter().flatten()).chain(controls) {
        let statement: &Statement = holder.compiled.statement(at);
        if !statement.actions.cover(question.action, question.known) {
            continue;
        }
        let single = |key: &str| match facts.of(key) {
            super::facts::Fact::Known(values) if values.len() == 1 => values.into_iter().next(),
            super::facts::Fact::Known(_) => None,
            super::facts::Fact::Open(_) => Some(NEW_NAME.to_owned()),
        };
        let expanded = statement.resources.patterns().iter().filter_map(|pattern| pattern.expand(single));
        out.extend(expanded.filter(|text| !is_everything(text)).map(|text| plain(&text).into_owned()));
    }
    // A pattern that stops inside the type (`arn:aws:lambda:*`) says no more than the type itself.
    out.retain(|text| fixed_prefix(text).starts_with("arn:"));
    let shared = shared_by_layers(holder, &out);
    out.extend(shared);
    out.sort();
    out.dedup();
    out
}
