//! What is planted in the demo, by the weeks in which it is there.
//!
//! Each week's writers say what they plant as they write it. A fact of several weeks in a row becomes one block of the
//! file, with the dates of the first and, if it ends, the last export that has it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::week::{WEEKS, Week};

/// What a fact is about: rule, principal.
type Key = (&'static str, String);

/// Facts about all weeks that were written.
#[derive(Debug, Default)]
pub struct Facts {
    week: usize,
    planted: BTreeMap<Key, Known>,
    sound: BTreeMap<Key, Known>,
    /// Principals of the week that was written last, by platform in the order of writing.
    principals: Vec<(&'static str, usize)>,
}

/// Why it is so, and in which weeks.
#[derive(Debug)]
struct Known {
    what: &'static str,
    weeks: [bool; WEEKS],
}

/// One block of the file of truth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Block {
    /// Rule that must find the principal, or must not.
    pub rule: &'static str,
    pub principal: String,
    pub what: &'static str,
    /// Date of the first export that has it.
    pub since: String,
    /// Date of the last export that has it, when that is not the newest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// The lists of the file.
#[derive(Debug, Serialize)]
pub struct Blocks {
    pub planted: Vec<Block>,
    pub sound: Vec<Block>,
}

impl Facts {
    /// Begins a week.
    pub fn begin(&mut self, week: &Week) {
        self.week = week.at;
        self.principals.clear();
    }

    /// Notes that a rule must find a principal in this week.
    pub fn plant(&mut self, rule: &'static str, principal: &str, what: &'static str) {
        let week = self.week;
        note(&mut self.planted, week, rule, principal, what);
    }

    /// Notes that a rule must not find a principal in this week, though it looks as if it should.
    pub fn sound(&mut self, rule: &'static str, principal: &str, what: &'static str) {
        let week = self.week;
        note(&mut self.sound, week, rule, principal, what);
    }

    /// Counts principals of a platform.
    pub fn count(&mut self, platform: &'static str, principals: usize) {
        match self.principals.iter_mut().find(|(name, _)| *name == platform) {
            Some((_, n)) => *n += principals,
            None => self.principals.push((platform, principals)),
        }
    }

    /// Principals of the last week by platform.
    pub fn principals(&self) -> &[(&'static str, usize)] {
        &self.principals
    }

    /// Whom a rule must find in the last week.
    pub fn planted_now(&self, rule: &str) -> impl Iterator<Item = &str> {
        let now = self.week;
        let of = move |((one, _), known): &(&Key, &Known)| *one == rule && known.weeks[now];
        self.planted.iter().filter(of).map(|((_, principal), _)| principal.as_str())
    }

    /// Everything, as blocks.
    pub fn blocks(&self, dates: &[String]) -> Blocks {
        Blocks { planted: blocks(&self.planted, dates), sound: blocks(&self.sound, dates) }
    }
}

fn note(into: &mut BTreeMap<Key, Known>, week: usize, rule: &'static str, principal: &str, what: &'static str) {
    let key = (rule, principal.to_owned());
    into.entry(key).or_insert(Known { what, weeks: [false; WEEKS] }).weeks[week] = true;
}

fn blocks(from: &BTreeMap<Key, Known>, dates: &[String]) -> Vec<Block> {
    let mut blocks = Vec::new();
    for ((rule, principal), known) in from {
        let mut at = 0;
        while at < WEEKS {
            let run = known.weeks[at..].iter().take_while(|there| **there).count();
            if run > 0 {
                let ends = at + run < WEEKS;
                blocks.push(Block {
                    rule,
                    principal: principal.clone(),
                    what: known.what,
                    since: dates[at].clone(),
                    until: ends.then(|| dates[at + run - 1].clone()),
                });
            }
            at += run.max(1);
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weeks_in_a_row_are_one_block() {
        let mut facts = Facts::default();
        for at in [0, 1, 4, 10, 11] {
            facts.begin(&Week::new(at));
            facts.plant("key-age", "user", "old");
        }
        facts.sound("key-age", "other", "young");
        let dates: Vec<String> = (0..WEEKS).map(|at| Week::new(at).today()).collect();
        let blocks = facts.blocks(&dates);
        let spans: Vec<(&str, Option<&str>)> =
            blocks.planted.iter().map(|block| (block.since.as_str(), block.until.as_deref())).collect();
        let expected = [("2026-09-06", Some("2026-09-13")), ("2026-10-04", Some("2026-10-04")), ("2026-11-15", None)];
        assert_eq!(spans, expected);
        assert_eq!(blocks.sound[0].since, "2026-11-22");
        assert_eq!(facts.planted_now("key-age").collect::<Vec<_>>(), ["user"]);
    }
}
