//! From open keys to tables: which clauses each value of a key makes false.
//!
//! A key that no variable ties to another is free: its values count only through the answers of its tests, so that
//! values with the same answers are one, and a set of values is the union of its members' answers (or their
//! intersection, for tests that every member must pass). Keys that variables tie together are tried in combination.

use std::collections::{BTreeMap, BTreeSet};

use super::super::condition::{Kind, Prepared, Quantifier, Test, glob_cost};
use super::super::facts::{Fact, Facts, Open};
use super::super::pattern::Pattern;
use super::super::statement::Statement;
use super::{Bits, Shape, Table, Work, advance, values};

/// What takes part in the tables: the open tests and resource patterns with the clauses that need them.
pub(super) struct Parts<'s> {
    tests: BTreeMap<&'s Test, Vec<usize>>,
    /// Clauses whose resource pattern has an open variable.
    resources: Vec<(usize, &'s Statement)>,
    /// Denying clauses with a test that cannot be read.
    unreadable: BTreeSet<usize>,
    pub(super) resource: String,
    /// What is known of every key that occurs.
    facts: BTreeMap<String, Fact>,
}

impl<'s> Parts<'s> {
    fn new(shape: &Shape<'_, 's>, facts: &Facts<'_>) -> Self {
        let mut parts = Self {
            tests: BTreeMap::new(),
            resources: Vec::new(),
            unreadable: BTreeSet::new(),
            resource: shape.formula.resource.clone(),
            facts: BTreeMap::new(),
        };
        for (at, clause) in shape.clauses.iter().enumerate() {
            for &test in &clause.open {
                if test.kind == Kind::Unknown {
                    parts.unreadable.insert(at);
                    continue;
                }
                parts.tests.entry(test).or_default().push(at);
                parts.look_up(&test.key, facts);
                test.values.iter().flat_map(Pattern::variables).for_each(|key| parts.look_up(key, facts));
            }
            if clause.open_resource {
                parts.resources.push((at, clause.statement));
                let patterns = clause.statement.resources.patterns();
                patterns.iter().flat_map(Pattern::variables).for_each(|key| parts.look_up(key, facts));
            }
        }
        parts
    }

    fn look_up(&mut self, key: &str, facts: &Facts<'_>) {
        if !self.facts.contains_key(key) {
            self.facts.insert(key.to_owned(), facts.of(key));
        }
    }

    pub(super) fn open(&self, key: &str) -> Option<&Open> {
        match self.facts.get(key) {
            Some(Fact::Open(open)) => Some(open),
            _ => None,
        }
    }

    pub(super) fn known(&self, key: &str) -> &[String] {
        match self.facts.get(key) {
            Some(Fact::Known(values)) => values,
            _ => &[],
        }
    }

    /// The value of a known key that has exactly one.
    pub(super) fn single(&self, key: &str) -> Option<String> {
        match self.known(key) {
            [only] => Some(only.clone()),
            _ => None,
        }
    }

    /// Open keys among the variables of a test.
    fn open_variables<'p>(&self, test: &'p Test) -> BTreeSet<&'p str> {
        let variables = test.values.iter().flat_map(Pattern::variables);
        variables.filter(|key| self.open(key).is_some()).collect()
    }

    fn open_in_resource(&self, statement: &'s Statement) -> BTreeSet<&'s str> {
        let variables = statement.resources.patterns().iter().flat_map(Pattern::variables);
        variables.filter(|key| self.open(key).is_some()).collect()
    }

    /// Groups of open keys that variables tie together.
    fn groups(&self) -> Vec<BTreeSet<&'s str>> {
        let mut groups: Vec<BTreeSet<&str>> = Vec::new();
        let mut tie = |mut keys: BTreeSet<&'s str>| {
            let (touched, apart) = groups.drain(..).partition::<Vec<_>, _>(|group| !group.is_disjoint(&keys));
            keys.extend(touched.into_iter().flatten());
            groups.extend(apart);
            groups.push(keys);
        };
        for &test in self.tests.keys() {
            let mut keys = self.open_variables(test);
            if !keys.is_empty() {
                keys.extend(self.open(&test.key).map(|_| test.key.as_str()));
                tie(keys);
            }
        }
        for &(_, statement) in &self.resources {
            tie(self.open_in_resource(statement));
        }
        groups.sort();
        groups
    }
}

/// The tables of all open keys; `None` when there is not enough work for it.
pub(super) fn tables(shape: &Shape<'_, '_>, facts: &Facts<'_>, work: &mut Work) -> Option<Vec<Table>> {
    let parts = Parts::new(shape, facts);
    let size = shape.clauses.len();
    let mut tables = Vec::new();
    if !parts.unreadable.is_empty() {
        // All of them apply, or none: every answer lies between these.
        let mut avoided = Bits::none(size);
        parts.unreadable.iter().for_each(|&at| avoided.insert(at));
        tables.push(Table::of_key(false, vec![Bits::none(size), avoided]));
    }
    let groups = parts.groups();
    for group in &groups {
        tables.push(tied(&parts, group, size, work)?);
    }
    let tied: BTreeSet<&str> = groups.into_iter().flatten().collect();
    let mut free: BTreeMap<&str, Vec<(&Test, &[usize])>> = BTreeMap::new();
    for (&test, clauses) in &parts.tests {
        if parts.open(&test.key).is_some() && !tied.contains(test.key.as_str()) {
            free.entry(&test.key).or_default().push((test, clauses));
        }
    }
    for (key, tests) in free {
        let Some(open) = parts.open(key) else { continue };
        tables.push(of_free_key(&parts, key, open, &tests, shape, work)?);
    }
    Some(tables)
}

/// The tests of a free key, made ready, and what their answers are worth.
struct Answers<'p> {
    tests: Vec<Prepared<'p>>,
    /// Tests that more can only help the request, and tests that more can only hurt it.
    helping: Bits,
    hurting: Bits,
}

impl Answers<'_> {
    fn of(&self, value: &str, work: &mut Work) -> Option<Bits> {
        let mut bits = Bits::none(self.tests.len());
        for (at, test) in self.tests.iter().enumerate() {
            work.spend(test.cost(value))?;
            if test.holds(value) {
                bits.insert(at);
            }
        }
        Some(bits)
    }

    fn of_absence(&self) -> Bits {
        let mut bits = Bits::none(self.tests.len());
        let hold = self.tests.iter().enumerate().filter(|(_, test)| test.test.by_presence(false) == Some(true));
        hold.for_each(|(at, _)| bits.insert(at));
        bits
    }

    /// The answers to the union of two sets of values.
    fn union(&self, a: &Bits, b: &Bits) -> Bits {
        let mut bits = Bits::none(self.tests.len());
        for (at, test) in self.tests.iter().enumerate() {
            let (a, b) = (a.contains(at), b.contains(at));
            if if test.test.asks_all() { a && b } else { a || b } {
                bits.insert(at);
            }
        }
        bits
    }

    /// Whether the first answers are as good for the request as the second.
    fn as_good(&self, a: &Bits, b: &Bits) -> bool {
        let words = a.0.iter().zip(&b.0).zip(self.helping.0.iter().zip(&self.hurting.0));
        words.into_iter().all(|((a, b), (helping, hurting))| a & !b & !helping == 0 && b & !a & !hurting == 0)
    }

    /// The best (or the worst) answers that sets of these values have. Unions keep the order, so that what is beaten
    /// on the way need not be carried on.
    fn of_sets(&self, singles: &BTreeSet<Bits>, best: bool, work: &mut Work) -> Option<BTreeSet<Bits>> {
        let beats = |a: &Bits, b: &Bits| a != b && if best { self.as_good(a, b) } else { self.as_good(b, a) };
        let words = self.helping.0.len() as u64;
        let mut front = |sets: BTreeSet<Bits>| -> Option<BTreeSet<Bits>> {
            work.spend((sets.len() * sets.len()) as u64 * words / 4 + sets.len() as u64 * self.tests.len() as u64)?;
            Some(sets.iter().filter(|set| !sets.iter().any(|other| beats(other, set))).cloned().collect())
        };
        let singles = front(singles.clone())?;
        let mut sets = singles.clone();
        for single in &singles {
            let with: Vec<Bits> = sets.iter().map(|set| self.union(set, single)).collect();
            sets.extend(with);
            sets = front(sets)?;
        }
        Some(sets)
    }
}

fn of_free_key(
    parts: &Parts<'_>,
    key: &str,
    open: &Open,
    tests: &[(&Test, &[usize])],
    shape: &Shape<'_, '_>,
    work: &mut Work,
) -> Option<Table> {
    let only: Vec<&Test> = tests.iter().map(|(test, _)| *test).collect();
    let atoms = values::atoms(key, open, &only, &[], parts, work)?;
    let mut answers = Answers {
        tests: only.iter().map(|test| test.prepare(&|key| parts.single(key))).collect(),
        helping: Bits::none(tests.len()),
        hurting: Bits::none(tests.len()),
    };
    for (at, (_, clauses)) in tests.iter().enumerate() {
        // The order of answers is that of "is as good": a test on allows alone may gain, one on denies alone may lose.
        if clauses.iter().all(|&clause| !shape.deny.contains(clause)) {
            answers.helping.insert(at);
        }
        if clauses.iter().all(|&clause| shape.deny.contains(clause)) {
            answers.hurting.insert(at);
        }
    }
    let mut found = BTreeSet::new();
    for atom in &atoms {
        found.insert(answers.of(atom, work)?);
    }
    if only.iter().any(|test| test.quantifier != Quantifier::One) {
        let mut sets = answers.of_sets(&found, true, work)?;
        if !open.chosen {
            sets.extend(answers.of_sets(&found, false, work)?);
        }
        found = sets;
    }
    if !open.must_exist {
        found.insert(answers.of_absence());
    }
    work.spend((found.len() * tests.len()) as u64)?;
    let dead = |answers: &Bits| {
        let mut dead = Bits::none(shape.clauses.len());
        let failed = tests.iter().enumerate().filter(|(at, _)| !answers.contains(*at));
        failed.flat_map(|(_, (_, clauses))| clauses.iter()).for_each(|&clause| dead.insert(clause));
        dead
    };
    let values: BTreeSet<Bits> = found.iter().map(dead).collect();
    Some(Table::of_key(open.chosen, values.into_iter().collect()))
}

/// One key of a group with its candidate values.
struct Domain<'p> {
    key: &'p str,
    values: Vec<Vec<String>>,
}

fn tied(parts: &Parts<'_>, group: &BTreeSet<&str>, size: usize, work: &mut Work) -> Option<Table> {
    let within = |test: &Test| {
        group.contains(test.key.as_str()) || parts.open_variables(test).iter().any(|key| group.contains(key))
    };
    let tests: Vec<(&Test, &[usize])> =
        parts.tests.iter().filter(|(test, _)| within(test)).map(|(test, clauses)| (*test, &clauses[..])).collect();
    let resources: Vec<(usize, &Statement)> = parts
        .resources
        .iter()
        .filter(|(_, statement)| parts.open_in_resource(statement).iter().any(|key| group.contains(key)))
        .copied()
        .collect();
    let (chosen, environment) = tied_domains(parts, group, &tests, &resources, work)?;
    let of_test = |test: &Test| 2 + test.values.iter().map(|one| 1 + glob_cost(&one.text, &one.text)).sum::<u64>();
    let of_statement = |statement: &Statement| {
        let patterns = statement.resources.patterns().iter();
        patterns.map(|one| 3 + glob_cost(&one.text, &parts.resource)).sum::<u64>()
    };
    let cost = tests.iter().map(|(test, _)| of_test(test)).sum::<u64>()
        + resources.iter().map(|(_, statement)| of_statement(statement)).sum::<u64>();
    let sizes = |domains: &[Domain<'_>]| domains.iter().map(|domain| domain.values.len()).collect::<Vec<_>>();
    let (rows, columns) = (sizes(&chosen), sizes(&environment));
    let mut table = Table { rows: Vec::new() };
    let mut row = vec![0; rows.len()];
    loop {
        let mut cells = Vec::new();
        let mut column = vec![0; columns.len()];
        loop {
            work.spend(cost + (size / 64) as u64)?;
            let mut trial: BTreeMap<&str, &[String]> = BTreeMap::new();
            for (domain, &at) in chosen.iter().zip(&row).chain(environment.iter().zip(&column)) {
                trial.extend(domain.values.get(at).map(|values| (domain.key, &values[..])));
            }
            cells.push(dead_in(parts, &trial, &tests, &resources, size));
            if !advance(&mut column, &columns) {
                break;
            }
        }
        table.rows.push(cells);
        if !advance(&mut row, &rows) {
            break;
        }
    }
    Some(table)
}

/// The clauses that a combination of values makes false.
fn dead_in(
    parts: &Parts<'_>,
    trial: &BTreeMap<&str, &[String]>,
    tests: &[(&Test, &[usize])],
    resources: &[(usize, &Statement)],
    size: usize,
) -> Bits {
    let of = |key: &str| trial.get(key).copied().unwrap_or_else(|| parts.known(key));
    let variable = |key: &str| match of(key) {
        [only] => Some(only.clone()),
        _ => None,
    };
    let mut dead = Bits::none(size);
    for (test, clauses) in tests {
        if !test.holds(of(&test.key), &variable) {
            clauses.iter().for_each(|&clause| dead.insert(clause));
        }
    }
    for (clause, statement) in resources {
        if !statement.resources.covers(&parts.resource, &variable) {
            dead.insert(*clause);
        }
    }
    dead
}

/// The candidate values of tied keys, of the caller's and of the environment's.
fn tied_domains<'g>(
    parts: &Parts<'_>,
    group: &BTreeSet<&'g str>,
    tests: &[(&Test, &[usize])],
    resources: &[(usize, &Statement)],
    work: &mut Work,
) -> Option<(Vec<Domain<'g>>, Vec<Domain<'g>>)> {
    let all: Vec<&Test> = tests.iter().map(|(test, _)| *test).collect();
    // A value on the right of any of the tests may be what a variable must be.
    let everywhere = values::mentioned(&all, parts);
    let mut texts: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for &key in group {
        let mut of_key = values::parts_of_texts(key, &all, resources, parts, work)?;
        of_key.extend(everywhere.iter().cloned());
        texts.insert(key, of_key);
    }
    let (mut chosen, mut environment) = (Vec::new(), Vec::new());
    for &key in group {
        let Some(open) = parts.open(key) else { continue };
        let own: Vec<&Test> = all.iter().filter(|test| test.key == key).copied().collect();
        let mut extra = values::with_variables(&own, &texts, parts, work)?;
        extra.extend(texts.get(key).into_iter().flatten().cloned());
        let atoms = values::atoms(key, open, &own, &extra, parts, work)?;
        let mut values: Vec<Vec<String>> = atoms.iter().map(|value| vec![value.clone()]).collect();
        if !open.must_exist {
            values.push(Vec::new());
        }
        if own.iter().any(|test| test.quantifier != Quantifier::One) {
            work.spend((atoms.len() * atoms.len()) as u64)?;
            for (at, first) in atoms.iter().enumerate() {
                values.extend(atoms[at + 1..].iter().map(|second| vec![first.clone(), second.clone()]));
            }
        }
        if open.chosen { &mut chosen } else { &mut environment }.push(Domain { key, values });
    }
    Some((chosen, environment))
}
