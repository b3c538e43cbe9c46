//! Everybody who works there or has: who joins, leaves and moves in which week.

use super::week::{REORGANISED, Week};
use crate::generate::people::DOMAIN;
use crate::generate::words::{FAMILY, GIVEN};

/// Departments before the re-organisation, and how many people each has had.
const DEPARTMENTS: [(&str, usize); 12] = [
    ("leadership", 4),
    ("it", 8),
    ("platform", 13),
    ("security", 8),
    ("storefront", 26),
    ("logistics", 22),
    ("payments", 20),
    ("data", 14),
    ("finance", 12),
    ("people", 8),
    ("sales", 16),
    ("support", 17),
];
/// What storefront and logistics become.
pub const COMMERCE: &str = "commerce";
/// Department that writes software and has accounts on GitHub.
const ENGINEERING: [&str; 7] = ["platform", "security", "storefront", "logistics", "payments", "data", COMMERCE];
/// People who stay throughout at the head of each department: whatever is planted on a person is on one of these.
const STEADY: usize = 5;

/// Somebody.
#[derive(Debug, Clone)]
pub struct Person {
    /// Number in the staff database.
    pub id: String,
    pub given: &'static str,
    pub family: &'static str,
    pub address: String,
    /// Department before the re-organisation.
    department: &'static str,
    /// Department that they move to, and the week.
    moves: Option<(usize, &'static str)>,
    /// Place among the people of their first department.
    pub rank: usize,
    pub joined: usize,
    pub left: Option<usize>,
}

/// Everybody, in the order of departments.
#[derive(Debug)]
pub struct Staff {
    pub people: Vec<Person>,
}

impl Person {
    /// Whether they work there in a week.
    pub fn is_there(&self, week: &Week) -> bool {
        week.has(self.joined) && !self.has_left(week)
    }

    /// Whether they have left by a week.
    pub fn has_left(&self, week: &Week) -> bool {
        self.left.is_some_and(|day| week.has(day))
    }

    /// Whether their mail address was ever given out by a week.
    pub const fn has_joined(&self, week: &Week) -> bool {
        week.has(self.joined)
    }

    /// Their department in a week.
    pub fn department(&self, week: &Week) -> &'static str {
        match self.moves {
            Some((at, to)) if week.from(at) => named(to, week),
            _ => named(self.department, week),
        }
    }

    /// The department that they were in before they moved, if they have.
    pub fn came_from(&self, week: &Week) -> Option<&'static str> {
        self.moves.filter(|(at, _)| week.from(*at)).map(|_| named(self.department, week))
    }

    /// Whether they write software.
    pub fn is_engineer(&self, week: &Week) -> bool {
        ENGINEERING.contains(&self.department(week))
    }

    /// Whether they wrote software in the department that they moved from.
    pub fn was_engineer(&self, week: &Week) -> bool {
        self.came_from(week).is_some_and(|department| ENGINEERING.contains(&department))
    }

    /// Name for people.
    pub fn name(&self) -> String {
        format!("{} {}", self.given, self.family)
    }

    /// Their login on GitHub.
    pub fn login(&self) -> String {
        format!("{}-{}-hm", self.given.to_lowercase(), self.family.to_lowercase())
    }
}

/// The name of a department in a week.
pub fn named(department: &'static str, week: &Week) -> &'static str {
    let merged = week.from(REORGANISED) && matches!(department, "storefront" | "logistics");
    if merged { COMMERCE } else { department }
}

impl Staff {
    /// Everybody.
    pub fn new() -> Self {
        let mut people: Vec<Person> = Vec::new();
        let (mut joiners, mut leavers, mut former) = (0, 0, 0);
        for (department, n) in DEPARTMENTS {
            for rank in 0..n {
                let mut person = person(people.len(), department, rank);
                let drawn = people.len() % 12;
                if rank >= STEADY && drawn == 7 {
                    person.joined = 75 - 5 * (joiners % 14);
                    joiners += 1;
                } else if rank >= STEADY && drawn == 3 {
                    person.left = Some(73 - 9 * (leavers % 8));
                    leavers += 1;
                } else if rank >= STEADY && people.len() % 17 == 10 {
                    person.left = Some(110 + 30 * former);
                    person.joined += 600;
                    former += 1;
                }
                people.push(person);
            }
        }
        Self { people }
    }

    /// Somebody who stays throughout: of the first five of a department.
    pub fn steady(&self, department: &str, rank: usize) -> &Person {
        let of = |person: &&Person| person.department == department && person.rank == rank % STEADY;
        // Every department has a first; leadership alone has fewer than five.
        self.people.iter().find(of).unwrap_or(&self.people[0])
    }

    /// People who leave during the twelve weeks, in the order of their departments.
    pub fn leavers(&self) -> Vec<&Person> {
        self.people.iter().filter(|one| one.left.is_some_and(|day| day < 77)).collect()
    }

    /// People who left before.
    pub fn former(&self) -> Vec<&Person> {
        self.people.iter().filter(|one| one.left.is_some_and(|day| day >= 77)).collect()
    }

    /// The manager of somebody: the first of the department, of whom the first of all is.
    pub fn manager(&self, person: &Person, week: &Week) -> Option<&Person> {
        let department = match person.department(week) {
            COMMERCE => "storefront",
            department => department,
        };
        let head = self.steady(department, 0);
        let first = &self.people[0];
        let above = if head.id == person.id { first } else { head };
        (above.id != person.id).then_some(above)
    }
}

fn person(at: usize, department: &'static str, rank: usize) -> Person {
    let names = GIVEN.len() * FAMILY.len();
    // Successive people have names far apart; the factor and the number of names have no divisor in common.
    let name = (at * 5_003 + 77) % names;
    let (given, family) = (GIVEN[name / FAMILY.len()], FAMILY[name % FAMILY.len()]);
    let moves = match (department, rank) {
        ("storefront", 9) => Some((3, "data")),
        ("sales", 6) => Some((5, "support")),
        ("logistics", 8) => Some((8, "platform")),
        ("payments", 4) => Some((4, "finance")),
        _ => None,
    };
    Person {
        id: format!("E-{}", 1_001 + at),
        given,
        family,
        address: format!("{}.{}@{DOMAIN}", given.to_lowercase(), family.to_lowercase()),
        department,
        moves,
        rank,
        joined: 200 + (at * 389) % 2_600,
        left: None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::generate::demo::week::WEEKS;

    #[test]
    fn people_come_and_go_and_every_department_keeps_somebody() {
        let staff = Staff::new();
        let addresses: BTreeSet<&str> = staff.people.iter().map(|one| one.address.as_str()).collect();
        assert_eq!(addresses.len(), staff.people.len(), "no two have one address");
        assert!(staff.leavers().len() >= 6 && staff.former().len() >= 4);
        let joiners = staff.people.iter().filter(|one| one.joined < 77).count();
        assert!(joiners >= 8, "{joiners}");
        for at in 0..WEEKS {
            let week = Week::new(at);
            let there: Vec<&Person> = staff.people.iter().filter(|one| one.is_there(&week)).collect();
            let of = |department: &str| there.iter().filter(|one| one.department(&week) == department).count();
            for person in &there {
                assert!(staff.manager(person, &week).is_none_or(|above| above.is_there(&week)), "{}", person.id);
                assert!(of(person.department(&week)) >= 3);
            }
        }
        let of = |department: &str, at: usize| {
            let week = Week::new(at);
            staff.people.iter().filter(|one| one.is_there(&week) && one.department(&week) == department).count()
        };
        assert!(of("logistics", 0) > 10 && of("logistics", WEEKS - 1) == 0);
        assert!(of(COMMERCE, WEEKS - 1) > 30);
    }
}
