//! A week of the demo: when its exports were taken, what has happened by then, and which accounts and clusters there are.
//!
//! Everything that happens is dated in days before the newest export, so that one number says in which weeks a thing is
//! there, and how old it is in each.

use crate::generate::Preset;
use crate::generate::people::People;
use crate::generate::plan::{Account, Cluster, Plan};
use crate::generate::random::Stream;
use crate::model::text::format_time;

/// How many weeks there are; the last is the newest.
pub const WEEKS: usize = 12;
/// Seed of every stream.
pub const SEED: u64 = 20_261_122;
/// When the newest exports were taken: 2026-11-22T00:00:00Z.
pub const NEWEST: i64 = 1_795_305_600_000;
const DAY: i64 = 86_400_000;

/// Week from which an assistant takes part in access reviews.
pub const ASSISTED: usize = 5;
/// Week from which access changes are prepared by an assistant.
pub const WAVE: usize = 6;
/// Week of the re-organisation: storefront and logistics become one department.
pub const REORGANISED: usize = 7;
/// Week of which parts of the exports are missing.
pub const HOLE: usize = 8;
/// Week in which the pipeline of the storefront loses its way to administration.
pub const FIXED: usize = 9;

/// Places of the accounts.
pub const MANAGEMENT: usize = 0;
pub const PRODUCTION: usize = 1;
pub const STAGING: usize = 2;
pub const DATA: usize = 3;
pub const TOOLING: usize = 4;

/// Id, name, and unit in AWS Organizations of each account.
const ACCOUNTS: [(&str, &str, &str); 5] = [
    ("204815660017", "management", "prod"),
    ("317402988153", "production", "prod"),
    ("428116307294", "staging", "staging"),
    ("539920471385", "data", "prod"),
    ("640331258476", "tooling", "dev"),
];

/// Places of the clusters.
pub const CLUSTER_PRODUCTION: usize = 0;
pub const CLUSTER_STAGING: usize = 1;

/// Name, account, and identifier of the issuer of tokens of each cluster.
const CLUSTERS: [(&str, usize, &str); 2] = [
    ("production-eu", PRODUCTION, "oidc.eks.eu-west-1.amazonaws.com/id/5D1C0E9B7A3F42681B0C9D8E7F6A5B4C"),
    ("staging-eu", STAGING, "oidc.eks.eu-west-1.amazonaws.com/id/8A7B6C5D4E3F20110F1E2D3C4B5A6978"),
];

/// One week.
#[derive(Debug)]
pub struct Week {
    /// Place among the weeks, the oldest first.
    pub at: usize,
    /// When exports are taken, accounts and clusters: what the writers of other presets know an organisation by.
    pub plan: Plan,
}

impl Week {
    /// The week of this number.
    pub fn new(at: usize) -> Self {
        let account = |(at, &(id, name, env)): (usize, &(&str, &str, &'static str))| Account {
            at,
            id: id.to_owned(),
            name: name.to_owned(),
            env,
            users: 0,
            roles: 0,
            users_before: 0,
        };
        let cluster = |(at, &(name, account, issuer)): (usize, &(&str, usize, &str))| Cluster {
            at,
            name: name.to_owned(),
            issuer: issuer.to_owned(),
            account,
            service_accounts: 0,
            workloads: 0,
            before: 0,
        };
        let mut week = Self {
            at,
            plan: Plan {
                seed: SEED,
                preset: Preset::Sparse,
                as_of: NEWEST,
                people: People::new(SEED, 0),
                accounts: ACCOUNTS.iter().enumerate().map(account).collect(),
                clusters: CLUSTERS.iter().enumerate().map(cluster).collect(),
                shares: Vec::new(),
            },
        };
        week.plan.as_of = week.plan.days_ago(week.day(), 0);
        week
    }

    /// Days from this export to the newest.
    pub const fn day(&self) -> usize {
        7 * (WEEKS - 1 - self.at)
    }

    /// Whether something of this day has happened.
    pub const fn has(&self, day: usize) -> bool {
        day >= self.day()
    }

    /// Days from something that has happened to this export.
    pub const fn age(&self, day: usize) -> usize {
        day.saturating_sub(self.day())
    }

    /// Whether this is the week of this number, or a later one.
    pub const fn from(&self, at: usize) -> bool {
        self.at >= at
    }

    /// Whether something is missing in this week's exports.
    pub const fn has_hole(&self) -> bool {
        self.at == HOLE
    }

    /// A day as tables write it.
    pub fn date(&self, day: usize) -> String {
        self.moment(day, 0).chars().take(10).collect()
    }

    /// The day of the export.
    pub fn today(&self) -> String {
        self.date(self.day())
    }

    /// A moment of a day.
    pub fn moment(&self, day: usize, second_of_day: usize) -> String {
        format_time(self.plan.days_ago(self.age(day), second_of_day))
    }

    /// A moment so many days after a day.
    pub fn after(&self, day: usize, days: usize) -> String {
        let days = i64::try_from(days).unwrap_or(0);
        format_time(self.plan.days_ago(self.age(day), 0) + days * DAY)
    }

    /// A stream that is the same in all weeks.
    pub fn stream(&self, purpose: &str, index: usize) -> Stream {
        Stream::new(self.plan.seed, &format!("demo {purpose}"), index)
    }

    /// Days since something that is used all the time was: a number of each week's own, up to `most`.
    pub fn lately(&self, purpose: &str, index: usize, most: usize) -> usize {
        self.stream(&format!("lately {} {purpose}", self.at), index).between(0, most)
    }

    /// The day on which a key that is changed every twelve weeks was last made, and how often it was. Keys take turns.
    pub fn rotated(&self, index: usize) -> (usize, usize) {
        const ROUND: usize = 84;
        // Days are counted from far back, so that every week has a change before it.
        let now = 10 * ROUND - self.day() + 5 * index;
        (self.day() + now % ROUND, now / ROUND)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weeks_end_with_the_newest_and_things_age_from_one_to_the_next() {
        let weeks: Vec<Week> = (0..WEEKS).map(Week::new).collect();
        assert_eq!((weeks[0].today().as_str(), weeks[11].today().as_str()), ("2026-09-06", "2026-11-22"));
        assert_eq!(format_time(weeks[10].plan.as_of), "2026-11-15T00:00:00Z");
        assert!(weeks[11].has(0) && !weeks[10].has(6) && weeks[10].has(7));
        assert_eq!((weeks[0].age(100), weeks[11].age(100)), (23, 100));
        assert_eq!(weeks[3].date(100), weeks[11].date(100), "a day is the same in every week");
        for index in 0..20 {
            for week in &weeks {
                let (day, _) = week.rotated(index);
                assert!(week.has(day) && week.age(day) < 84);
            }
        }
    }
}
