//! Who works there: names, addresses, departments, and who has left.

use super::random::Stream;
use super::words::{AREAS, FAMILY, GIVEN};

/// Everybody of an organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct People {
    seed: u64,
    /// How many there are, those who left included.
    pub n: usize,
    /// How many departments there are.
    pub departments: usize,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Place among the people.
    pub at: usize,
    /// Number in the staff database.
    pub id: String,
    pub given: &'static str,
    pub family: &'static str,
    /// Mail address, which no two have in common.
    pub address: String,
    /// Days before the exports on which they came.
    pub started_days: usize,
    /// Days before the exports on which they left, if they did.
    pub left_days: Option<usize>,
    /// Place of the manager.
    pub manager: Option<usize>,
    pub department: String,
}

/// Domain of all mail addresses; `.example` is nobody's (RFC 2606).
pub const DOMAIN: &str = "harrowmere.example";
/// Of so many people in a row one has left.
const LEAVER_EVERY: usize = 16;
/// Which one it is.
const LEAVER_AT: usize = 5;
/// People whom one manager manages.
const SPAN: usize = 7;
/// People of a department, on average.
const DEPARTMENT_SIZE: usize = 40;

impl People {
    /// People of an organisation of so many principals: about one for three.
    #[must_use]
    pub fn new(seed: u64, principals: usize) -> Self {
        let n = (principals * 35 / 100).max(LEAVER_AT + 2);
        Self { seed, n, departments: (n / DEPARTMENT_SIZE).clamp(2, 400) }
    }

    /// How many have left.
    #[must_use]
    pub fn leavers(&self) -> usize {
        self.n / LEAVER_EVERY + usize::from(self.n % LEAVER_EVERY > LEAVER_AT)
    }

    /// How many are there.
    #[must_use]
    pub fn active(&self) -> usize {
        self.n - self.leavers()
    }

    /// Somebody who is there; numbers beyond the last begin again.
    #[must_use]
    pub fn active_person(&self, number: usize) -> Person {
        let number = number % self.active();
        let (group, place) = (number / (LEAVER_EVERY - 1), number % (LEAVER_EVERY - 1));
        self.person(group * LEAVER_EVERY + place + usize::from(place >= LEAVER_AT))
    }

    /// Somebody who has left; numbers beyond the last begin again.
    #[must_use]
    pub fn leaver(&self, number: usize) -> Person {
        self.person(number % self.leavers() * LEAVER_EVERY + LEAVER_AT)
    }

    /// Who answers for something: a department, or one of its people.
    #[must_use]
    pub fn owner(&self, stream: &mut Stream) -> String {
        if stream.chance(600) {
            department(stream.ranked(self.departments))
        } else {
            let number = stream.below(self.active());
            self.active_person(number).address
        }
    }

    /// Anybody, by their place.
    #[must_use]
    pub fn person(&self, at: usize) -> Person {
        let names = GIVEN.len() * FAMILY.len();
        // Successive people have names far apart; the factor and the number of names have no divisor in common.
        let name = (at % names) * 5_003 % names;
        let (given, family) = (GIVEN[name / FAMILY.len()], FAMILY[name % FAMILY.len()]);
        let again = if at < names { String::new() } else { (at / names + 1).to_string() };
        let local = format!("{}.{}{again}", given.to_lowercase(), family.to_lowercase());
        let mut stream = Stream::new(self.seed, "person", at);
        let has_left = at % LEAVER_EVERY == LEAVER_AT;
        let started_days = stream.between(400, 3_200);
        Person {
            at,
            id: format!("E-{:06}", at + 1_000),
            given,
            family,
            address: format!("{local}@{DOMAIN}"),
            started_days,
            left_days: has_left.then(|| stream.between(30, 390)),
            manager: manager(at),
            department: department(self.department_of(at, &mut stream)),
        }
    }

    /// Every department has somebody who is there; all others follow a power law.
    fn department_of(&self, at: usize, stream: &mut Stream) -> usize {
        let groups = at / LEAVER_EVERY * (LEAVER_EVERY - 1);
        let place = at % LEAVER_EVERY;
        let active = groups + place - usize::from(place > LEAVER_AT);
        let is_first = place != LEAVER_AT && active < self.departments;
        if is_first { active } else { stream.ranked(self.departments) }
    }
}

/// A department by its number.
#[must_use]
pub fn department(number: usize) -> String {
    let (area, round) = (AREAS[number % AREAS.len()], number / AREAS.len());
    if round == 0 { area.to_owned() } else { format!("{area}-{}", round + 1) }
}

/// A tree of managers in which nobody who left has anybody below.
fn manager(at: usize) -> Option<usize> {
    let above = at.checked_sub(1)? / SPAN;
    Some(if above % LEAVER_EVERY == LEAVER_AT { above - 1 } else { above })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn who_left_and_who_is_there_are_everybody_once() {
        for n in [7, 21, 22, 400] {
            let people = People { seed: 1, n, departments: 3 };
            let active: BTreeSet<usize> = (0..people.active()).map(|number| people.active_person(number).at).collect();
            let left: BTreeSet<usize> = (0..people.leavers()).map(|number| people.leaver(number).at).collect();
            assert!(active.is_disjoint(&left) && !left.is_empty());
            assert_eq!(active.union(&left).copied().collect::<Vec<_>>(), (0..n).collect::<Vec<_>>());
            assert!(left.iter().all(|&at| people.person(at).left_days.is_some()));
            assert!(active.iter().all(|&at| people.person(at).left_days.is_none()));
        }
    }

    #[test]
    fn nobody_shares_an_address_and_every_department_and_manager_is_there() {
        let people = People::new(9, 60_000);
        let all: Vec<Person> = (0..people.n).map(|at| people.person(at)).collect();
        let addresses: BTreeSet<&str> = all.iter().map(|person| person.address.as_str()).collect();
        assert_eq!(addresses.len(), people.n);
        let inhabited: BTreeSet<&str> =
            all.iter().filter(|person| person.left_days.is_none()).map(|person| person.department.as_str()).collect();
        assert_eq!(inhabited.len(), people.departments);
        for person in &all {
            assert!(person.manager.is_none_or(|above| all[above].left_days.is_none() && above < person.at));
        }
        assert_eq!(all.iter().filter(|person| person.manager.is_none()).count(), 1);
    }

    #[test]
    fn names_are_lists_without_repetition() {
        for list in [&GIVEN[..], &FAMILY[..], &AREAS[..]] {
            assert_eq!(list.iter().collect::<BTreeSet<_>>().len(), list.len());
        }
    }
}
