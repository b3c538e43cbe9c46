//! AWS: authorization details, a credential report and service-last-accessed reports for each account, and the tree
//! of AWS Organizations.

mod ordinary;
pub mod organization;
mod plants;
pub mod record;
pub mod services;
pub mod site;

use super::Writer;
use super::file::{Error, Folder, Sink};
use super::plan::Plan;
use super::truth::Tally;
use ordinary::Layout;
use plants::Bed;
pub use plants::{DUTIES, ISSUER};
use record::{Common, REPORT_HEADER, Role, User};
use site::{ADMINISTRATOR, Site, allow, document, managed};

/// AWS accounts.
pub struct Aws;

impl Writer for Aws {
    fn name(&self) -> &'static str {
        "aws"
    }

    fn weight(&self) -> usize {
        50
    }

    fn parts(&self, plan: &Plan) -> usize {
        // The last part is the organisation around the accounts.
        plan.accounts.len() + 1
    }

    fn write(&self, plan: &Plan, part: usize, folder: Folder<'_>) -> Result<Tally, Error> {
        let Some(account) = plan.accounts.get(part) else {
            organization::write(plan, folder)?;
            return Ok(Tally::default());
        };
        let site = Site { plan, account };
        let layout = Layout::new(site, plants::has_release(&site));
        let mut bed = Bed::new(layout);
        let mut files = Files::begin(&site, folder)?;
        files.users(&mut bed)?;
        files.groups(&bed)?;
        files.roles(&mut bed)?;
        files.policies(&bed)?;
        files.end()?;
        bed.tally.principals = account.users + account.roles;
        Ok(bed.tally)
    }
}

/// The files of an account.
struct Files<'p> {
    site: Site<'p>,
    details: Sink,
    report: Sink,
    accessed: Reports<'p>,
}

/// The service-last-accessed reports of an account, if there are any.
struct Reports<'p> {
    folder: Folder<'p>,
    name: String,
    sink: Option<Sink>,
}

impl<'p> Files<'p> {
    fn begin(site: &Site<'p>, folder: Folder<'p>) -> Result<Self, Error> {
        let name = |file: &str| format!("{}/{file}", site.account.id);
        let mut report = folder.begin(&name("credential-report.csv"))?;
        report.row(&REPORT_HEADER)?;
        let details = folder.begin(&name("authorization-details.json"))?;
        // Small accounts have nobody whom anybody looked at, and no empty file says so.
        let accessed = Reports { folder, name: name("last-accessed.jsonl"), sink: None };
        Ok(Self { site: *site, details, report, accessed })
    }

    fn users(&mut self, bed: &mut Bed<'_>) -> Result<(), Error> {
        let site = self.site;
        self.report.row(&root_row(&site).each_ref().map(String::as_str))?;
        self.details.list("{\n \"UserDetailList\": ")?;
        for user in &bed.users {
            self.user(user)?;
        }
        let mut released = 0;
        for at in 0..site.account.users - bed.users.len() {
            let (user, path) = bed.layout.user(at);
            self.user(&user)?;
            bed.tally.exposed += usize::from(path.is_some());
            released += usize::from(path == Some(true));
        }
        bed.tally.planted.iter_mut().filter_map(|fact| fact.unavoidable_for.as_mut()).for_each(|n| *n = released);
        self.details.end_list()
    }

    fn user(&mut self, user: &User) -> Result<(), Error> {
        self.details.element(&user.record(&self.site))?;
        user.report(&self.site, &mut self.report)?;
        self.accessed(&user.common, "user")
    }

    fn groups(&mut self, bed: &Bed<'_>) -> Result<(), Error> {
        self.details.list(",\n \"GroupDetailList\": ")?;
        for group in &bed.groups {
            self.details.element(group)?;
        }
        for at in 0..bed.layout.groups {
            self.details.element(&bed.layout.group(at))?;
        }
        for team in 0..bed.layout.teams {
            self.details.element(&bed.layout.team_group(team))?;
        }
        self.details.end_list()
    }

    fn roles(&mut self, bed: &mut Bed<'_>) -> Result<(), Error> {
        self.details.list(",\n \"RoleDetailList\": ")?;
        for role in &bed.roles {
            self.role(role)?;
        }
        for at in 0..self.site.account.roles.saturating_sub(bed.roles.len()) {
            let (role, open) = bed.layout.role(at);
            self.role(&role)?;
            bed.tally.exposed += usize::from(open);
        }
        self.details.end_list()
    }

    fn role(&mut self, role: &Role) -> Result<(), Error> {
        self.details.element(&role.record(&self.site))?;
        self.accessed(&role.common, "role")
    }

    fn policies(&mut self, bed: &Bed<'_>) -> Result<(), Error> {
        self.details.list(",\n \"Policies\": ")?;
        let everything = document(&[allow(&["*"], "*")]);
        self.details.element(&managed(&self.site, ADMINISTRATOR, &everything))?;
        for policy in &bed.policies {
            self.details.element(policy)?;
        }
        for at in 0..bed.layout.policies {
            self.details.element(&bed.layout.policy(at))?;
        }
        for team in 0..bed.layout.teams {
            self.details.element(&bed.layout.team_policy(team))?;
        }
        self.details.end_list()?;
        self.details.text("\n}\n")
    }

    fn accessed(&mut self, common: &Common, kind: &str) -> Result<(), Error> {
        let Some(report) = common.last_accessed(&self.site, kind) else { return Ok(()) };
        let reports = &mut self.accessed;
        if reports.sink.is_none() {
            reports.sink = Some(reports.folder.begin(&reports.name)?);
        }
        reports.sink.as_mut().map_or(Ok(()), |sink| sink.line(&report))
    }

    fn end(self) -> Result<(), Error> {
        self.details.end()?;
        self.report.end()?;
        self.accessed.sink.map_or(Ok(()), Sink::end)
    }
}

/// The row of the root user, who has a second factor and no key.
pub fn root_row(site: &Site<'_>) -> [String; 22] {
    let mut row = [(); 22].map(|()| "N/A".to_owned());
    let known = [
        (0, "<root_account>".to_owned()),
        (1, site.arn("root")),
        (2, site.time(1_500, 28_800)),
        (3, "not_supported".to_owned()),
        (4, "no_information".to_owned()),
        (5, "not_supported".to_owned()),
        (6, "not_supported".to_owned()),
        (7, "true".to_owned()),
    ];
    for (at, cell) in known {
        row[at] = cell;
    }
    for at in [8, 13, 18, 20] {
        "false".clone_into(&mut row[at]);
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::{Preset, Request, platforms};

    #[test]
    fn what_is_planted_fits_into_every_account() {
        let platforms = platforms();
        for principals in (10..400).chain([1_000, 7_777, 30_000]) {
            for preset in Preset::ALL {
                let request = Request { principals, seed: 5, preset, as_of: 0, platforms: &platforms };
                let weights: Vec<(&'static str, usize)> = platforms.iter().map(|name| (*name, 1)).collect();
                let plan = Plan::new(&request, &weights);
                for account in &plan.accounts {
                    let site = Site { plan: &plan, account };
                    let bed = Bed::new(Layout::new(site, plants::has_release(&site)));
                    let (users, roles) = (bed.users.len(), bed.roles.len());
                    assert!(users <= account.users, "{users} users of {}", account.users);
                    assert!(roles <= account.roles, "{roles} roles of {}: {principals} {preset:?}", account.roles);
                }
            }
        }
    }
}
