//! Findings, what was accepted of them, and what a ledger would say.

use super::{number, unmeasured};
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

/// What only a ledger of changes could say.
pub fn of_ledger(_: &Population<'_>) -> Reading {
    unmeasured()
}
