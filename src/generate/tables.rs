//! Systems that have no reader of their own: lists of accounts, roles, members and rights as such a system prints them,
//! with the mapping file that says which column means what.

use super::Writer;
use super::file::{Error, Folder};
use super::plan::Plan;
use super::random::Stream;
use super::truth::Tally;
use super::words::{AREAS, JOBS};
use crate::model::text::format_time;

/// The systems.
pub struct Tables;

/// Accounts of a system, on average.
const SYSTEM_SIZE: usize = 2_000;
/// Of so many accounts of a system, one is a machine's.
const MACHINE_EVERY: usize = 4;
/// Accounts of a role, on average.
const ROLE_SIZE: usize = 20;
/// Role whose members hand out rights.
const DESK: &str = "ACCESS_DESK";
/// Fewest accounts of a system with a desk, an account that is an orphan, and one of a leaver.
const PLANTED_MIN: usize = 8;

/// What the columns of the lists mean.
const MAPPING: &str = r#"# What the columns of the lists of our systems mean.
overgrant_mapping = 1

[[table]]
files = "accounts.csv"
holds = "principals"
columns = { system = "SYS", principal = "ACCOUNT", name = "TITLE", kind = "TYPE", email = "MAIL", created_at = "SINCE", last_used_at = "LAST_LOGON" }
time = "%d.%m.%Y"
values.kind = { P = "user", T = "service_account" }

[[table]]
files = "roles.csv"
holds = "groups"
columns = { system = "SYS", group = "ROLE" }

[[table]]
files = "role-members.csv"
holds = "memberships"
columns = { system = "SYS", member = "ACCOUNT", group = "ROLE" }

[[table]]
files = "role-rights.csv"
holds = "grants"
columns = { system = "SYS", principal = "ROLE", right = "TRANSACTION" }
constants = { holder = "group" }
levels = { ZUSER_GRANT = "permissions", ZADMIN = "administers", ZREAD = "read", ZLIST = "list", ZPOST = "write" }

[[table]]
files = "account-rights.csv"
holds = "grants"
columns = { system = "SYS", principal = "ACCOUNT", right = "TRANSACTION" }
constants = { holder = "principal" }
levels = { ZADMIN = "administers" }
"#;

/// Rights that lead nowhere, popular ones first.
const RIGHTS: [&str; 3] = ["ZREAD", "ZLIST", "ZPOST"];

/// One system.
#[derive(Clone, Copy)]
struct Site<'p> {
    plan: &'p Plan,
    at: usize,
    accounts: usize,
    /// Accounts of all systems before.
    before: usize,
}

fn systems(plan: &Plan) -> usize {
    plan.share(Tables.name()).div_ceil(SYSTEM_SIZE)
}

impl<'p> Site<'p> {
    fn new(plan: &'p Plan, at: usize) -> Self {
        let before = at * SYSTEM_SIZE;
        Self { plan, at, accounts: (plan.share(Tables.name()) - before).min(SYSTEM_SIZE), before }
    }

    fn name(&self) -> String {
        format!("erp{:03}", self.at + 1)
    }

    fn stream(&self, purpose: &str, index: usize) -> Stream {
        Stream::new(self.plan.seed, &format!("tables {} {purpose}", self.at), index)
    }

    fn is_machine(at: usize) -> bool {
        at % MACHINE_EVERY == MACHINE_EVERY - 1
    }

    fn account(&self, at: usize) -> String {
        if Self::is_machine(at) {
            format!("T{}{at:05}", AREAS[at % AREAS.len()].to_uppercase())
        } else {
            format!("P{:06}", self.before + at)
        }
    }

    fn id(&self, at: usize) -> String {
        format!("tables:{}/principal/{}", self.name(), self.account(at))
    }

    fn roles(&self) -> usize {
        self.accounts.div_ceil(ROLE_SIZE)
    }

    fn role(at: usize) -> String {
        format!("Z_{}_{}_{at}", AREAS[at % AREAS.len()].to_uppercase(), JOBS[at % JOBS.len()].to_uppercase())
    }

    fn is_planted(&self) -> bool {
        self.accounts >= PLANTED_MIN
    }

    /// Whether an account hands out rights: the third one, and more in a dense organisation.
    fn is_at_desk(&self, at: usize) -> bool {
        let chosen = at == 2 || self.stream("desk", at).chance(self.plan.preset.open_share());
        // The first account administers the system, and nothing else is planted on those with a fault of their own.
        self.is_planted() && !Self::is_machine(at) && at > 1 && at != 5 && chosen
    }

    fn day(&self, days: usize) -> String {
        let text = format_time(self.plan.days_ago(days, 0));
        let parts: Vec<&str> = text.get(..10).unwrap_or_default().split('-').collect();
        parts.into_iter().rev().collect::<Vec<_>>().join(".")
    }

    fn accounts(&self, folder: Folder<'_>) -> Result<Tally, Error> {
        let name = self.name();
        let mut tally = Tally { principals: self.accounts, ..Tally::default() };
        let mut table = folder.begin(&format!("{name}/accounts.csv"))?;
        table.row(&["SYS", "ACCOUNT", "TITLE", "TYPE", "MAIL", "SINCE", "LAST_LOGON"])?;
        // Who answers for what is kept by people, beside the system.
        let mut owners = folder.begin(&format!("{name}/owners.csv"))?;
        owners.row(&["principal", "owner", "confidence"])?;
        for at in 0..self.accounts {
            let mut stream = self.stream("account", at);
            let (since, last) = (self.day(stream.between(100, 1_200)), self.day(stream.between(0, 30)));
            let account = self.account(at);
            if Self::is_machine(at) {
                let is_orphan = self.is_planted() && at == MACHINE_EVERY - 1;
                let owner = if is_orphan {
                    tally.rule("orphan", "orphaned-nhi", &self.id(at), "its owner has left");
                    self.plan.people.leaver(self.at).address
                } else {
                    self.plan.people.owner(&mut stream)
                };
                table.row(&[&name, &account, "interface", "T", "", &since, &last])?;
                owners.row(&[&self.id(at), &owner, ""])?;
                continue;
            }
            let has_left = self.is_planted() && at == 5;
            let person = if has_left {
                tally.rule("leaver", "leaver-access", &self.id(at), "has left, and the account is there");
                self.plan.people.leaver(self.at)
            } else {
                self.plan.people.active_person(self.before + at)
            };
            let title = format!("{} {}", person.given, person.family);
            table.row(&[&name, &account, &title, "P", &person.address, &since, &last])?;
        }
        owners.end()?;
        table.end()?;
        Ok(tally)
    }

    fn roles_of_accounts(&self, folder: Folder<'_>, tally: &mut Tally) -> Result<(), Error> {
        let name = self.name();
        let mut roles = folder.begin(&format!("{name}/roles.csv"))?;
        let mut rights = folder.begin(&format!("{name}/role-rights.csv"))?;
        roles.row(&["SYS", "ROLE"])?;
        rights.row(&["SYS", "ROLE", "TRANSACTION"])?;
        for at in 0..self.roles() {
            let mut stream = self.stream("role", at);
            roles.row(&[&name, &Self::role(at)])?;
            let right = RIGHTS[stream.ranked(RIGHTS.len())];
            rights.row(&[&name, &Self::role(at), right])?;
        }
        if self.is_planted() {
            roles.row(&[&name, DESK])?;
            rights.row(&[&name, DESK, "ZUSER_GRANT"])?;
        }
        roles.end()?;
        rights.end()?;
        let mut members = folder.begin(&format!("{name}/role-members.csv"))?;
        members.row(&["SYS", "ACCOUNT", "ROLE"])?;
        for at in 0..self.accounts {
            let mut stream = self.stream("member", at);
            let mut chosen: Vec<usize> = (0..stream.between(1, 3)).map(|_| stream.ranked(self.roles())).collect();
            chosen.sort_unstable();
            chosen.dedup();
            for role in chosen {
                members.row(&[&name, &self.account(at), &Self::role(role)])?;
            }
            if !self.is_at_desk(at) {
                continue;
            }
            members.row(&[&name, &self.account(at), DESK])?;
            if at == 2 {
                let scope = format!("tables:{name}");
                tally.path("tables-control", &self.id(at), &[&scope], "may hand out every right of the system");
            } else {
                tally.exposed += 1;
            }
        }
        members.end()
    }
}

impl Writer for Tables {
    fn name(&self) -> &'static str {
        "tables"
    }

    fn weight(&self) -> usize {
        10
    }

    fn parts(&self, plan: &Plan) -> usize {
        // The first part is the mapping file, which speaks of the lists of all systems.
        if plan.share(self.name()) == 0 { 0 } else { 1 + systems(plan) }
    }

    fn write(&self, plan: &Plan, part: usize, folder: Folder<'_>) -> Result<Tally, Error> {
        let Some(at) = part.checked_sub(1) else {
            let mut mapping = folder.begin("mapping.toml")?;
            mapping.text(MAPPING)?;
            mapping.end()?;
            return Ok(Tally::default());
        };
        let site = Site::new(plan, at);
        let mut tally = site.accounts(folder)?;
        site.roles_of_accounts(folder, &mut tally)?;
        let mut own = folder.begin(&format!("{}/account-rights.csv", site.name()))?;
        own.row(&["SYS", "ACCOUNT", "TRANSACTION"])?;
        own.row(&[&site.name(), &site.account(0), "ZADMIN"])?;
        own.end()?;
        tally.rule("administrator", "administrator-equivalent", &site.id(0), "administers the system");
        Ok(tally)
    }
}
