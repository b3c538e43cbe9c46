//! Lists of facts in pages that fit a token budget.

use super::facts::Fact;
use super::parts::Part;
use super::scope::{Scope, digest};

/// Bytes of JSON that count as one token. Tokenisers of today's models take three to four bytes of English JSON to a
/// token and fewer of digests, so that this is an estimate from above for anything but text in other scripts.
const BYTES_PER_TOKEN: usize = 3;
/// Digits of the check in a cursor.
const CHECK_DIGITS: usize = 16;

/// Estimate of the tokens that a text of so many bytes takes: a third, rounded up.
#[must_use]
pub const fn tokens(bytes: usize) -> usize {
    bytes.div_ceil(BYTES_PER_TOKEN)
}

/// A run of facts.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    pub facts: Vec<Fact>,
    /// Place of the first in the whole list, from 0.
    pub from: usize,
    /// Length of the whole list.
    pub of: usize,
    /// Estimate for all facts of the page.
    pub tokens: usize,
    /// What to ask the next page with; `None` after the last.
    pub next: Option<String>,
}

/// Why there is no page.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CursorError {
    #[error("the cursor is none of this server and snapshot, or it belongs to another question")]
    Foreign,
}

/// The page of a list that starts where the cursor says, or at the beginning. It holds as many facts as fit the budget,
/// and one at the least, so that asking on always comes to the end. Pages are the same whoever asks and whenever, and
/// together they are the list.
///
/// # Errors
/// When the cursor was not given for this list: snapshot, domain and `query` must be the same.
pub fn page(
    scope: &Scope,
    list: &[(Part, u32)],
    query: &str,
    cursor: Option<&str>,
    budget: usize,
) -> Result<Page, CursorError> {
    let from = match cursor {
        None => 0,
        Some(cursor) => start(scope, query, cursor).filter(|&from| from < list.len()).ok_or(CursorError::Foreign)?,
    };
    let mut page = Page { facts: Vec::new(), from, of: list.len(), tokens: 0, next: None };
    for (at, &(part, row)) in list.iter().enumerate().skip(from) {
        let Some(fact) = scope.fact(part, row) else { continue };
        let cost = tokens(fact.json(&scope.world().snapshot).to_string().len() + 1);
        if !page.facts.is_empty() && page.tokens + cost > budget {
            page.next = Some(cursor_at(scope, query, at));
            break;
        }
        page.tokens += cost;
        page.facts.push(fact);
    }
    Ok(page)
}

fn cursor_at(scope: &Scope, query: &str, at: usize) -> String {
    let bound = [scope.world().digest.as_bytes(), scope.domain().as_bytes(), query.as_bytes(), &at.to_le_bytes()];
    let mut check = hex::encode(digest(&bound));
    check.truncate(CHECK_DIGITS);
    format!("{at}-{check}")
}

fn start(scope: &Scope, query: &str, cursor: &str) -> Option<usize> {
    let at = cursor.split_once('-')?.0.parse().ok()?;
    (cursor_at(scope, query, at) == cursor).then_some(at)
}
