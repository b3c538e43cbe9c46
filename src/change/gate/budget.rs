//! What drafts of the same actor or workflow come to together: small steps are counted like the large one that they make.

use serde::Serialize;

use super::facts::Facts;

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

/// What a draft adds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Amounts {
    /// Privilege mass.
    pub mass: f64,
    /// Principals that access is added to.
    pub principals: usize,
    /// Operations.
    pub changes: usize,
}

/// What the ledger knows of an earlier draft. A draft that was blocked or refused came to nothing and has no amounts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Past {
    pub draft_id: String,
    /// Author of the draft, and for whom it was.
    pub actors: Vec<String>,
    pub workflow: Option<String>,
    /// When it was judged, in milliseconds since 1970.
    pub at: i64,
    /// What it adds; none when its record does not say, which is not nothing.
    pub amounts: Option<Amounts>,
    /// Persons who approved it by a decision in the ledger.
    pub approved_by: Vec<String>,
    /// SHA-256 of the operations that they approved; none when no record says, and then they approved nothing.
    pub approved_sha256: Option<String>,
}

/// The budget and what is used of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Cumulative {
    pub window_days: u32,
    /// Earlier drafts that count, by id, the oldest first.
    pub counted: Vec<String>,
    /// Of these drafts and this one.
    pub used: Amounts,
    /// Of these drafts, those of which nobody knows what they add.
    pub unknown: Vec<String>,
    /// What is exceeded, in words.
    pub exceeded: Vec<String>,
}

/// Adds a draft to those of the same actor or workflow in the window before it.
#[must_use]
pub fn cumulative(facts: &Facts<'_>) -> Cumulative {
    let budget = &facts.base.terms.budget;
    let from = facts.base.now.saturating_sub(i64::from(budget.window_days) * DAY);
    let set = facts.set;
    let actors: Vec<&str> =
        [Some(&set.author.id), set.author.on_behalf_of.as_ref()].into_iter().flatten().map(String::as_str).collect();
    let same = |past: &&Past| {
        let actor = past.actors.iter().any(|one| actors.contains(&one.as_str()));
        let workflow = past.workflow.is_some() && past.workflow == set.workflow;
        // The same draft judged again replaces itself.
        (actor || workflow) && past.draft_id != set.draft_id && past.at >= from && past.at <= facts.base.now
    };
    let mut counted: Vec<&Past> = facts.ledger.iter().filter(same).collect();
    counted.sort_by(|a, b| (a.at, &a.draft_id).cmp(&(b.at, &b.draft_id)));
    let mut used = facts.amounts;
    for amounts in counted.iter().filter_map(|past| past.amounts) {
        used.mass += amounts.mass;
        used.principals += amounts.principals;
        used.changes += amounts.changes;
    }
    let unknown = counted.iter().filter(|past| past.amounts.is_none()).map(|past| past.draft_id.clone()).collect();
    let mut exceeded = Vec::new();
    if used.mass > budget.mass_max {
        exceeded.push(format!("privilege mass {:.1} of {:.1}", used.mass, budget.mass_max));
    }
    for (what, used, max) in
        [("principals", used.principals, budget.principals_max), ("changes", used.changes, budget.changes_max)]
    {
        if used > max {
            exceeded.push(format!("{used} {what} of {max}"));
        }
    }
    let counted = counted.iter().map(|past| past.draft_id.clone()).collect();
    Cumulative { window_days: budget.window_days, counted, used, unknown, exceeded }
}
