//! One account in one week, as it is filled and written.

use serde_json::{Value, json};

use crate::generate::aws::record::{Common, Key, REPORT_HEADER, Role, User};
use crate::generate::aws::root_row;
use crate::generate::aws::site::{ADMINISTRATOR, Site, allow, document, managed};
use crate::generate::demo::facts::Facts;
use crate::generate::demo::staff::{Staff, named};
use crate::generate::demo::week::{DATA, Week};
use crate::generate::file::{Error, Folder};
use crate::generate::plan::Account;

/// An account that is being filled.
pub struct Estate<'w> {
    pub week: &'w Week,
    pub staff: &'w Staff,
    pub site: Site<'w>,
    pub facts: &'w mut Facts,
    /// Managed policies of the account's own.
    pub policies: Vec<Value>,
    /// A key of the root user: the day on which it was made.
    pub root_key: Option<usize>,
    users: Vec<User>,
    roles: Vec<Role>,
}

/// A thing with a name that was made on a day and belongs to somebody; nobody when the owner is empty.
#[derive(Debug, Clone, Copy)]
pub struct Made<'a>(pub &'a str, pub usize, pub &'a str);

impl<'w> Estate<'w> {
    /// An empty account.
    pub fn new(week: &'w Week, staff: &'w Staff, account: &'w Account, facts: &'w mut Facts) -> Self {
        Self {
            week,
            staff,
            site: Site { plan: &week.plan, account },
            facts,
            policies: Vec::new(),
            root_key: None,
            users: Vec::new(),
            roles: Vec::new(),
        }
    }

    /// The site of another account.
    pub fn other(&self, account: usize) -> Site<'w> {
        Site { plan: &self.week.plan, account: &self.week.plan.accounts[account] }
    }

    /// ARN of a role of this account.
    pub fn role_arn(&self, name: &str) -> String {
        self.site.arn(&format!("role/{name}"))
    }

    /// What a principal has by itself: name, owner, date, one inline policy.
    pub fn common(&self, Made(name, day, owner): Made<'_>, statements: &[Value]) -> Common {
        let tags = if owner.is_empty() { Vec::new() } else { vec![("owner", owner.to_owned())] };
        let inline = if statements.is_empty() { Vec::new() } else { vec![("rights".to_owned(), document(statements))] };
        Common { name: name.to_owned(), inline, tags, created_days: self.week.age(day), ..Common::default() }
    }

    /// The name of a department in this week.
    pub fn department(&self, department: &'static str) -> &'static str {
        named(department, self.week)
    }

    /// Days since something that is used all the time was.
    pub fn lately(&self, name: &str, most: usize) -> usize {
        self.week.lately(name, self.site.account.at, most)
    }

    /// Adds a role and gives its ARN.
    pub fn role(&mut self, role: Role) -> String {
        let arn = role.common.arn(&self.site, "role");
        self.roles.push(role);
        arn
    }

    /// Adds a role that is used and lets somebody in.
    pub fn used_role(&mut self, made: Made<'_>, statements: &[Value], trust: Value) -> String {
        let used_days = Some(self.lately(made.0, 6));
        let common = self.common(made, statements);
        self.role(Role { common, trust, used_days, ..Role::default() })
    }

    /// Adds a user and gives its ARN.
    pub fn user(&mut self, user: User) -> String {
        let arn = user.common.arn(&self.site, "user");
        self.users.push(user);
        arn
    }

    /// Adds a machine's user with keys.
    pub fn machine(&mut self, made: Made<'_>, statements: &[Value], keys: Vec<Key>) -> String {
        let common = self.common(made, statements);
        self.user(User { common, keys, ..User::default() })
    }

    /// A key that is changed every twelve weeks, in use.
    pub fn rotated_key(&self, index: usize) -> Key {
        let (day, _) = self.week.rotated(index);
        Key { made_days: self.week.age(day), used_days: Some(self.week.lately("key", index, 3)) }
    }

    /// A key that nobody changes, in use.
    pub fn kept_key(&self, day: usize) -> Key {
        Key { made_days: self.week.age(day), used_days: Some(self.week.lately("key", day, 3)) }
    }

    /// Whether this week's exports lack the report of credentials and last accesses of this account.
    pub fn lacks_reports(&self) -> bool {
        self.week.has_hole() && self.site.account.at == DATA
    }

    /// Notes that a rule must find a principal. What hangs on a report that is missing is not there to be found.
    pub fn plant(&mut self, rule: &'static str, arn: &str, what: &'static str) {
        const BY_REPORTS: [&str; 6] = [
            "key-age",
            "unused-key",
            "second-active-key",
            "unused-service",
            "console-user-without-mfa",
            "insecure-authentication",
        ];
        if !(self.lacks_reports() && BY_REPORTS.contains(&rule)) {
            self.facts.plant(rule, arn, what);
        }
    }

    /// Notes an administrator, who holds both sides of every rule of segregation as well.
    pub fn plant_administrator(&mut self, arn: &str, what: &'static str) {
        self.plant("administrator-equivalent", arn, what);
        self.plant("sod-conflict", arn, "an administrator holds every duty");
    }

    /// Writes the files of the account.
    pub fn write(self, folder: Folder<'_>) -> Result<(), Error> {
        let site = self.site;
        let name = |file: &str| format!("aws/{}/{file}", site.account.id);
        let mut details = folder.begin(&name("authorization-details.json"))?;
        details.list("{\n \"UserDetailList\": ")?;
        for user in &self.users {
            details.element(&user.record(&site))?;
        }
        details.end_list()?;
        details.list(",\n \"GroupDetailList\": ")?;
        details.end_list()?;
        details.list(",\n \"RoleDetailList\": ")?;
        for role in &self.roles {
            details.element(&role.record(&site))?;
        }
        details.end_list()?;
        details.list(",\n \"Policies\": ")?;
        details.element(&managed(&site, ADMINISTRATOR, &document(&[allow(&["*"], "*")])))?;
        for policy in &self.policies {
            details.element(policy)?;
        }
        details.end_list()?;
        details.text("\n}\n")?;
        details.end()?;
        self.facts.count("aws", self.users.len() + self.roles.len());
        if self.week.has_hole() && site.account.at == DATA {
            return Ok(());
        }
        self.reports(folder, &name("credential-report.csv"), &name("last-accessed.jsonl"))
    }

    fn reports(&self, folder: Folder<'_>, credentials: &str, accessed: &str) -> Result<(), Error> {
        let site = self.site;
        let mut report = folder.begin(credentials)?;
        report.row(&REPORT_HEADER)?;
        let mut root = root_row(&site);
        if let Some(day) = self.root_key {
            let key = [
                (8, "true".to_owned()),
                (9, site.time(self.week.age(day), 30_000)),
                (10, site.time(self.lately("root key", 5), 31_000)),
                (11, "eu-west-1".to_owned()),
                (12, "s3".to_owned()),
            ];
            for (at, cell) in key {
                root[at] = cell;
            }
        }
        report.row(&root.each_ref().map(String::as_str))?;
        for user in &self.users {
            user.report(&site, &mut report)?;
        }
        report.end()?;
        let of_users = self.users.iter().filter_map(|user| user.common.last_accessed(&site, "user"));
        let of_roles = self.roles.iter().filter_map(|role| role.common.last_accessed(&site, "role"));
        let reports: Vec<Value> = of_users.chain(of_roles).collect();
        if reports.is_empty() {
            return Ok(());
        }
        let mut sink = folder.begin(accessed)?;
        for report in &reports {
            sink.line(report)?;
        }
        sink.end()
    }
}

/// A trust policy for principals of AWS.
pub fn trust_arn(arn: &str) -> Value {
    crate::generate::aws::site::trust(&json!({"AWS": arn}))
}
