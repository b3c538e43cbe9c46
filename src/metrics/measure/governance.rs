//! Findings, what was accepted of them, and what a ledger would say.

use super::{number, rate, unmeasured};
use crate::metrics::population::WHOLE;
use crate::metrics::{Population, Reading, float};
use crate::model::{ExceptionStatus, Severity};

fn n(count: Option<&u32>) -> f64 {
    f64::from(count.copied().unwrap_or(0))
}

/// Open findings of a severity.
pub fn findings(part: &Population<'_>, severity: Severity) -> Reading {
    number(n(part.part.findings.get(&severity)))
}

/// Open findings of a severity that no exception covers.
pub fn net(part: &Population<'_>, severity: Severity) -> Reading {
    number(n(part.part.findings.get(&severity)) - n(part.part.covered.get(&severity)))
}

/// Open findings that an exception covers.
pub fn covered(part: &Population<'_>) -> Reading {
    number(f64::from(part.part.covered.values().sum::<u32>()))
}

/// Conflicts of duties; null where no rule of duties is declared, for nothing was looked for.
pub fn duty_conflicts(part: &Population<'_>) -> Reading {
    let rules = &part.context.tables.sod_rules;
    if rules.is_empty() || !part.inputs.duties_checked {
        return unmeasured();
    }
    Reading { denominator: Some(float(rules.len())), ..number(f64::from(part.part.duty_conflicts)) }
}

/// Exceptions in these states.
pub fn exceptions(part: &Population<'_>, states: &[ExceptionStatus]) -> Reading {
    number(f64::from(states.iter().filter_map(|state| part.part.exceptions.get(state)).sum::<u32>()))
}

/// Changes that the ledger does not explain, of those that came since the snapshot before.
pub fn changes_without_record(part: &Population<'_>) -> Reading {
    let Some(changes) = part.inputs.changes.as_ref() else { return unmeasured() };
    let (unexplained, all) = changes.get(part.cell).copied().unwrap_or_default();
    Reading { denominator: Some(float(all)), coverage: Some(1.0), ..number(float(unexplained)) }
}

/// Drafts that the gate blocked. A draft is of a domain and of nothing narrower: it may be about any platform.
pub fn gate_block_rate(part: &Population<'_>) -> Reading {
    let cell = part.cell;
    let Some(recorded) = part.inputs.recorded.filter(|_| cell.platform == WHOLE && cell.kind == WHOLE) else {
        return unmeasured();
    };
    let domain = (cell.domain != WHOLE).then(|| cell.domain.clone());
    let (drafts, blocked) = recorded.drafts.get(&domain).copied().unwrap_or_default();
    rate(blocked as f64, drafts as f64, drafts as f64)
}
