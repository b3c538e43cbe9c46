//! The verdict on one granted action: used, not used, or not to be told.

use rustc_hash::FxHashMap;

use super::DAY;
use super::watch::{Log, Seen, Sheet, Span, Watched};
use crate::access::Known;
use crate::model::{EntityId, Tables};

/// How fine the evidence is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grain {
    Service,
    Action,
}

/// What is known of the use of one granted action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judged {
    /// Used inside the window.
    Used { last: i64, grain: Grain, covered: Option<u32> },
    /// Its use would have been seen, and was not.
    Quiet(Quiet),
    /// Its use would not have been seen; why.
    Unseen { why: String },
}

/// An action that was not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quiet {
    pub grain: Grain,
    /// Latest use, before the window.
    pub last: Option<i64>,
    /// Days of the window that were observed; null when the source does not say.
    pub covered: Option<u32>,
    /// Since when its use would have been seen, or its latest use.
    pub from: Option<i64>,
    /// Days for which it has been granted, when that is less than its level's use takes to return.
    pub young_days: Option<u32>,
    /// Why an unused action is not known to be safe to remove; null when it is.
    pub doubt: Option<String>,
}

/// Judges the actions of principals of whom the same was seen.
pub struct Judge<'w, 't> {
    watched: &'w Watched<'t>,
    sheet: &'w Sheet<'t>,
    log: Option<&'w Log<'t>>,
    actions: FxHashMap<String, Vec<Seen<'t>>>,
    services: FxHashMap<String, Vec<Seen<'t>>>,
}

/// What one source says of an action that was not used inside the window.
struct Witness {
    span: Span,
    covered: Option<u32>,
    grain: Grain,
}

impl<'w, 't> Judge<'w, 't> {
    /// Indexes what was seen.
    pub fn new(watched: &'w Watched<'t>, sheet: &'w Sheet<'t>) -> Self {
        let (actions, services) = (sheet.index(true), sheet.index(false));
        Self { watched, sheet, log: watched.log(sheet.scope), actions, services }
    }

    /// Judges an action that has been granted since `since`, where that is known.
    pub fn judge(&self, action: &Known, service: &str, since: Option<i64>) -> Judged {
        let name = self.watched.evaluator.usage_name(action).to_ascii_lowercase();
        let of_action = self.actions.get(&name).map_or(&[][..], Vec::as_slice);
        let of_service = self.services.get(service).map_or(&[][..], Vec::as_slice);
        let last = of_action.iter().filter_map(|seen| seen.last).max();
        let window_start = self.watched.window_start();
        if let Some(last) = last.filter(|&last| last >= window_start) {
            let spans = of_action.iter().map(|seen| self.watched.covered(seen.span));
            return Judged::Used { last, grain: Grain::Action, covered: spans.max().flatten() };
        }
        let service_last = of_service.iter().filter_map(|seen| seen.last).max();
        let service_used = service_last.filter(|&last| last >= window_start);
        let mut why = "nothing that was read would show its use".to_owned();
        let mut witnesses = Vec::new();
        witnesses.extend(of_action.iter().filter(|seen| !seen.log).map(|seen| self.witness(seen.span, Grain::Action)));
        if let Some(log) = self.log {
            match log.records(action) {
                Ok(()) => witnesses.push(self.witness(log.span, Grain::Action)),
                Err(reason) => why = reason,
            }
        }
        if let Some(last) = service_used {
            if witnesses.is_empty() {
                let covered = of_service.iter().map(|seen| self.watched.covered(seen.span)).max().flatten();
                return Judged::Used { last, grain: Grain::Service, covered };
            }
        } else {
            witnesses.extend(of_service.iter().map(|seen| self.witness(seen.span, Grain::Service)));
        }
        let over = |witness: &Witness| witness.covered == Some(0) && witness.span.end < Some(window_start);
        if witnesses.iter().any(over) {
            "it was watched before the window only".clone_into(&mut why);
        }
        witnesses.retain(|witness| !over(witness));
        let best = witnesses.into_iter().max_by_key(|witness| (witness.covered, witness.grain));
        match best {
            Some(witness) => Judged::Quiet(self.quiet(&witness, action, service, last.max(service_last), since)),
            None => Judged::Unseen { why },
        }
    }

    fn witness(&self, span: Span, grain: Grain) -> Witness {
        Witness { span, covered: self.watched.covered(span), grain }
    }

    fn quiet(&self, by: &Witness, action: &Known, service: &str, last: Option<i64>, since: Option<i64>) -> Quiet {
        let watched = self.watched;
        // Who used it had it.
        let since = since.into_iter().chain(last).min();
        let age = since.map(|since| days(watched.as_of.saturating_sub(since)));
        let returns = watched.return_days.of(action.level);
        let young_days = age.filter(|&age| age < returns);
        let window = watched.window_days;
        let doubt = if let Some(age) = young_days {
            Some(format!("granted {age} days ago; a right of this level may take {returns} days to be used"))
        } else if by.covered.is_none() {
            Some("the source does not say how long it watched".to_owned())
        } else if !watched.is_full(by.covered) {
            Some(format!("watched for {} of {window} days", by.covered.unwrap_or(0)))
        } else if let Some(call) = self.sheet.unknown.get(service).filter(|_| by.grain == Grain::Action) {
            Some(format!("a call of `{call}` is logged, which may be this one under another name"))
        } else {
            match age {
                None => Some("it is not known since when it is granted".to_owned()),
                Some(age) if age < window => Some(format!("granted for {age} of {window} days")),
                Some(_) => None,
            }
        };
        let (from, covered) = (by.span.start.max(last), by.covered);
        Quiet { grain: by.grain, last, covered, from, young_days, doubt }
    }
}

/// Whole days of a time in milliseconds.
fn days(millis: i64) -> u32 {
    u32::try_from((millis / DAY).max(0)).unwrap_or(u32::MAX)
}

/// Since when rights have been held.
pub struct Held<'t> {
    tables: &'t Tables,
    principal: Option<i64>,
}

impl<'t> Held<'t> {
    /// `principal` is when the principal was created.
    pub fn new(tables: &'t Tables, principal: Option<i64>) -> Self {
        Self { tables, principal }
    }

    /// Since when the oldest of these statements has given its right: a statement no longer than the version of the
    /// policy that it stands in and the policy have existed, and the principal has. Dates that the export does not have,
    /// such as those of inline policies and of attachments, cannot make a right younger.
    pub fn since(&self, statements: &[u32]) -> Option<i64> {
        let of = |&grant: &u32| {
            let row = self.tables.grants.get(grant as usize)?;
            let policy = self.policy(row.holder);
            self.principal.into_iter().chain(row.granted_at).chain(policy).max()
        };
        let known = statements.iter().map(of);
        if statements.is_empty() { self.principal } else { known.min().flatten() }
    }

    /// When a managed policy was created; the holder of an inline statement is the principal or a group.
    fn policy(&self, holder: EntityId) -> Option<i64> {
        self.tables.entities.get(holder.index())?.created_at
    }
}
