//! Decides a request whose statements depend on open context keys and on documents that the export lacks.
//!
//! Let C be the assignments of keys that the caller chooses, E those of keys that the environment sets, M the
//! contents of missing documents. The request is *allowed* when some c in C is allowed for every e and m, *denied*
//! when no c, e, m at all is allowed, *unknown* when only missing documents stand between, else *conditional*.
//!
//! Most requests need no search: the answer with everything open for the request is an upper bound of all answers,
//! the one with everything open against it a lower bound. The others are searched over what the values of the keys do
//! to the clauses: each key (or group of keys that policy variables tie together) becomes a [`Table`] of the clauses
//! that each of its values makes false, alike and dominated values are dropped, and the rest is enumerated.
//!
//! What is exact: the reduction and the enumeration, and the [candidate values](values) of a key whose tests compare
//! texts for equality, truth values, addresses, dates to the second, whole numbers, absence, and sets of these. What
//! is bounded: with wildcards, a value is found that satisfies any two tests, not one for every combination of three
//! patterns or more; keys tied by variables try the texts that the policies and the resource mention, and sets of two.
//! The whole is bounded by [`LIMIT`]: a request beyond it is answered *conditional*, and the answer says so.

mod domains;
pub mod values;

use super::facts::Facts;
use super::formula::{Clause, Formula, Level, Missing};
use crate::model::Decision;

/// Work that one request may take, in comparisons of short texts and evaluations of short formulas: some ten
/// milliseconds.
pub const LIMIT: u64 = 1 << 18;

/// What the search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Solution {
    pub decision: Decision,
    /// More work than [`LIMIT`]: the decision is `Conditional` for want of a search.
    pub limit_reached: bool,
}

impl From<Decision> for Solution {
    fn from(decision: Decision) -> Self {
        Self { decision, limit_reached: false }
    }
}

/// Counts work; spending more than there is ends the search.
#[derive(Debug)]
struct Work {
    left: u64,
}

impl Work {
    fn spend(&mut self, units: u64) -> Option<()> {
        self.left = self.left.checked_sub(units)?;
        Some(())
    }
}

/// A set of small numbers: clauses of a formula, or tests of a key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Bits(Vec<u64>);

impl Bits {
    fn none(size: usize) -> Self {
        Self(vec![0; size.div_ceil(64)])
    }

    fn insert(&mut self, at: usize) {
        self.0[at / 64] |= 1 << (at % 64);
    }

    fn contains(&self, at: usize) -> bool {
        self.0[at / 64] >> (at % 64) & 1 == 1
    }

    fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(own, other)| *own |= other);
    }

    /// Whether one of these is not among the others.
    fn reaches_beyond(&self, others: &Self) -> bool {
        self.0.iter().zip(&others.0).any(|(own, other)| own & !other != 0)
    }
}

/// The clauses that no bound decides, numbered: denies first, then the allows of each level that needs them.
struct Shape<'f, 's> {
    formula: &'f Formula<'s>,
    clauses: Vec<&'f Clause<'s>>,
    deny: Bits,
    /// For each level: whether it allows anyway, whether a document of it is missing, and its clauses.
    levels: Vec<(bool, bool, Bits)>,
}

impl<'f, 's> Shape<'f, 's> {
    fn new(formula: &'f Formula<'s>) -> Self {
        let mut clauses: Vec<&Clause<'s>> = formula.deny.iter().collect();
        let denies = clauses.len();
        let anyway = |level: &Level<'_>| level.open_wide || level.allow.iter().any(Clause::is_certain);
        let mut ranges = Vec::new();
        for level in formula.levels() {
            let from = clauses.len();
            if !anyway(level) {
                clauses.extend(level.allow.iter().filter(|clause| !clause.is_void()));
            }
            ranges.push((anyway(level), level.missing, from..clauses.len()));
        }
        let set = |range: std::ops::Range<usize>| {
            let mut bits = Bits::none(clauses.len());
            range.for_each(|at| bits.insert(at));
            bits
        };
        let levels = ranges.into_iter().map(|(anyway, missing, range)| (anyway, missing, set(range))).collect();
        Self { formula, deny: set(0..denies), levels, clauses }
    }

    /// Whether the request is allowed when these clauses are false, the others true, and missing documents say this.
    fn holds(&self, dead: &Bits, content: Missing) -> bool {
        content != Missing::DenyEverything
            && !self.deny.reaches_beyond(dead)
            && self.formula.combine(|at| {
                let (anyway, missing, clauses) = &self.levels[at];
                *anyway || (*missing && content == Missing::AllowEverything) || clauses.reaches_beyond(dead)
            })
    }

    /// Whether the first set of false clauses is as good for the request as the second: no more allows, no fewer
    /// denies.
    fn as_good(&self, first: &Bits, second: &Bits) -> bool {
        let words = first.0.iter().zip(&second.0).zip(&self.deny.0);
        words.into_iter().all(|((first, second), deny)| first & !second & !deny == 0 && second & !first & deny == 0)
    }

    /// Words and levels that one evaluation looks at.
    fn cost(&self) -> u64 {
        (self.deny.0.len() * 2 + self.levels.len()) as u64
    }
}

/// What the values of a key, or of keys tied by variables, make false: a row for each choice of the caller, a column
/// for each state of the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Table {
    rows: Vec<Vec<Bits>>,
}

impl Table {
    /// A key of which each value makes these clauses false.
    fn of_key(chosen: bool, values: Vec<Bits>) -> Self {
        Self { rows: if chosen { values.into_iter().map(|value| vec![value]).collect() } else { vec![values] } }
    }

    fn columns(&self) -> usize {
        self.rows.first().map_or(0, Vec::len)
    }

    /// Drops rows that another is as good as everywhere, and columns between a better and a worse one: neither
    /// changes whether some choice is allowed in every, or in any, environment.
    fn reduce(&mut self, shape: &Shape<'_, '_>, work: &mut Work) -> Option<()> {
        self.rows.sort();
        self.rows.dedup();
        let mut columns = self.transposed();
        columns.sort();
        columns.dedup();
        let compare = |lines: usize, cells: usize| (lines * lines * cells * shape.deny.0.len() / 8) as u64;
        work.spend(compare(self.rows.len(), columns.len()) + compare(columns.len(), self.rows.len()))?;
        let as_good = |a: &[Bits], b: &[Bits]| a.iter().zip(b).all(|(a, b)| shape.as_good(a, b));
        let between = |column: &Vec<Bits>| {
            let others = || columns.iter().filter(|other| *other != column);
            others().any(|other| as_good(other, column)) && others().any(|other| as_good(column, other))
        };
        let kept: Vec<Vec<Bits>> = columns.iter().filter(|column| !between(column)).cloned().collect();
        let rows = Self { rows: kept }.transposed();
        let beaten = |row: &Vec<Bits>| rows.iter().any(|other| other != row && as_good(other, row));
        let mut best: Vec<Vec<Bits>> = rows.iter().filter(|row| !beaten(row)).cloned().collect();
        best.sort();
        best.dedup();
        self.rows = best;
        Some(())
    }

    fn transposed(&self) -> Vec<Vec<Bits>> {
        (0..self.columns()).map(|at| self.rows.iter().map(|row| row[at].clone()).collect()).collect()
    }
}

/// Searches for what the formula's answer hangs on.
#[must_use]
pub fn solve(formula: &Formula<'_>, facts: &Facts<'_>) -> Solution {
    solve_within(formula, facts, &mut Work { left: LIMIT })
}

fn solve_within(formula: &Formula<'_>, facts: &Facts<'_>, work: &mut Work) -> Solution {
    if !formula.may_hold() {
        return Decision::Denied.into();
    }
    if formula.must_hold() {
        return Decision::Allowed.into();
    }
    match search(formula, facts, work) {
        Some(decision) => decision.into(),
        None => Solution { decision: Decision::Conditional, limit_reached: true },
    }
}

/// The decision; `None` when the work is not enough.
fn search(formula: &Formula<'_>, facts: &Facts<'_>, work: &mut Work) -> Option<Decision> {
    let shape = Shape::new(formula);
    let mut tables = domains::tables(&shape, facts, work)?;
    for table in &mut tables {
        table.reduce(&shape, work)?;
        // A key that must have a value, and has none that could be found: no search.
        if table.columns() == 0 {
            return None;
        }
    }
    enumerate(&shape, &tables, work)
}

fn enumerate(shape: &Shape<'_, '_>, tables: &[Table], work: &mut Work) -> Option<Decision> {
    let contents = shape.formula.contents();
    let mut any = false;
    // For each content of the missing documents: some choice is allowed in every environment; some in one.
    let mut certain = vec![false; contents.len()];
    let mut possible = vec![false; contents.len()];
    let rows: Vec<usize> = tables.iter().map(|table| table.rows.len()).collect();
    let columns: Vec<usize> = tables.iter().map(Table::columns).collect();
    let cost = shape.cost() * contents.len() as u64;
    let mut choice = vec![0; tables.len()];
    loop {
        let mut fixed = Bits::none(shape.clauses.len());
        let mut varied: Vec<(usize, &[Bits])> = Vec::new();
        for (at, table) in tables.iter().enumerate() {
            match &table.rows[choice[at]][..] {
                [only] => fixed.add(only),
                row => varied.push((at, row)),
            }
        }
        let mut all_for = vec![true; contents.len()];
        let mut surroundings = vec![0; tables.len()];
        work.spend(1 + tables.len() as u64)?;
        loop {
            work.spend(cost + varied.len() as u64)?;
            let mut dead = fixed.clone();
            for &(at, row) in &varied {
                dead.add(&row[surroundings[at]]);
            }
            for (at, &content) in contents.iter().enumerate() {
                let allowed = shape.holds(&dead, content);
                any |= allowed;
                all_for[at] &= allowed;
                possible[at] |= allowed;
            }
            if !advance(&mut surroundings, &columns) {
                break;
            }
        }
        if all_for.iter().all(|&all| all) {
            return Some(Decision::Allowed);
        }
        certain.iter_mut().zip(all_for).for_each(|(certain, all)| *certain |= all);
        if !advance(&mut choice, &rows) {
            break;
        }
    }
    Some(if !any {
        Decision::Denied
    } else if contents.len() > 1 && certain == possible {
        Decision::Unknown
    } else {
        Decision::Conditional
    })
}

/// The next combination, like an odometer; false after the last.
fn advance(at: &mut [usize], sizes: &[usize]) -> bool {
    for (at, &size) in at.iter_mut().zip(sizes) {
        *at += 1;
        if *at < size {
            return true;
        }
        *at = 0;
    }
    false
}

#[cfg(test)]
mod tests;
