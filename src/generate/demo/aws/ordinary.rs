//! What is in every account: the roles that Okta signs people in to, and a role for each service that runs there.

use serde_json::{Value, json};

use super::estate::{Estate, Made, trust_arn};
use crate::generate::aws::record::{Common, Role};
use crate::generate::aws::services::rights;
use crate::generate::aws::site::{ADMINISTRATOR as EVERYTHING, Site, allow, document, trust_service, trust_tokens};
use crate::generate::demo::kubernetes;
use crate::generate::demo::services::{self, Service};
use crate::generate::demo::week::{DATA, MANAGEMENT, PRODUCTION, STAGING, TOOLING, WAVE, WEEKS};

/// Role that administers an account.
pub const ADMINISTRATOR: &str = "Administrator";
/// Roles of each account that Okta signs people in to.
pub const SIGN_IN: [(usize, &[&str]); 5] = [
    (MANAGEMENT, &[ADMINISTRATOR, "Billing"]),
    (PRODUCTION, &[ADMINISTRATOR, "ReadOnly"]),
    (STAGING, &[ADMINISTRATOR, "Developer"]),
    (DATA, &[ADMINISTRATOR, "Analyst"]),
    (TOOLING, &[ADMINISTRATOR, "ReadOnly"]),
];

/// A trust in the identity provider of Okta.
fn trust_okta(site: &Site<'_>) -> Value {
    json!({
        "Effect": "Allow",
        "Principal": {"Federated": site.arn("saml-provider/Okta")},
        "Action": "sts:AssumeRoleWithSAML",
        "Condition": {"StringEquals": {"SAML:aud": "https://signin.aws.amazon.com/saml"}},
    })
}

/// Roles for people.
pub fn people_sign_in(estate: &mut Estate<'_>) {
    let names = SIGN_IN.iter().find(|(account, _)| *account == estate.site.account.at).map_or(&[][..], |one| one.1);
    for name in names {
        let mut statements = vec![trust_okta(&estate.site)];
        if *name != ADMINISTRATOR {
            let reads = match *name {
                "Billing" => vec![allow(&["ce:GetCostAndUsage", "budgets:ViewBudget"], "*")],
                "Analyst" => vec![allow(&["athena:StartQueryExecution", "athena:GetQueryResults"], "*")],
                "Developer" => vec![allow(&["logs:GetLogEvents", "logs:FilterLogEvents", "ecs:DescribeTasks"], "*")],
                _ => vec![allow(&["logs:FilterLogEvents", "cloudwatch:GetMetricData", "ec2:DescribeInstances"], "*")],
            };
            estate.used_role(Made(name, 1_600, "it"), &reads, document(&statements));
            continue;
        }
        statements.extend(super::ways::let_in(estate));
        let common =
            Common { attached: vec![EVERYTHING.to_owned()], ..estate.common(Made(name, 1_600, "platform"), &[]) };
        let used_days = Some(estate.lately("administrator", 6));
        let arn = estate.role(Role { common, trust: document(&statements), used_days, ..Role::default() });
        estate.plant_administrator(&arn, "the role that administers the account");
        if estate.site.account.at == STAGING {
            estate.plant("environment-crossing", &arn, super::trusts::REPLAY);
        }
    }
}

/// A role for each service that runs in the account.
pub fn services(estate: &mut Estate<'_>) {
    let account = estate.site.account.at;
    for service in services::ALL.iter().filter(|service| service.runs_in(account)) {
        task(estate, service);
        if service.has_function(account) {
            function(estate, service);
        }
    }
    links(estate);
}

/// The rights of a service's role.
struct Grown {
    inline: Vec<(String, Value)>,
    /// Services of AWS that it may use, and days since it did.
    watched: Vec<(&'static str, Option<usize>)>,
    /// Whether it never used what was granted last.
    idle: bool,
}

/// What a service may do grows over the weeks: about one in four gets another right. What the assistant prepared is
/// granted more readily, and some of it is never used.
fn grown(estate: &Estate<'_>, name: &str, first: (usize, usize)) -> Grown {
    let mut stream = estate.site.stream(&format!("rights of {name}"), 0);
    let own = rights(&estate.site, &mut stream, first);
    let mut inline = vec![("rights".to_owned(), document(&own.statements))];
    let mut seen = estate.site.stream(&format!("watched {name}"), estate.week.at);
    let mut watched: Vec<(&'static str, Option<usize>)> =
        own.services.into_iter().map(|service| (service, Some(seen.between(0, 25)))).collect();
    let mut idle = false;
    let at = 1 + stream.below(WEEKS - 1);
    let assisted = at >= WAVE;
    if stream.chance(if assisted { 420 } else { 200 }) && estate.week.from(at) {
        let number = 4_000 + at * 25 + stream.below(25);
        let more = rights(&estate.site, &mut stream, (1, 2));
        let unused = assisted && stream.chance(300);
        // What was prepared by the assistant bears the number of its request, and so does what people asked for.
        let who = if assisted { "assisted" } else { "request" };
        inline.push((format!("{who}-{number}"), document(&more.statements)));
        for service in more.services {
            if watched.iter().all(|(known, _)| *known != service) {
                idle |= unused;
                watched.push((service, (!unused).then(|| seen.between(0, 6))));
            }
        }
    }
    watched.sort_unstable();
    Grown { inline, watched, idle }
}

fn service_role(estate: &mut Estate<'_>, made: Made<'_>, first: (usize, usize), compute: &str) -> String {
    let Grown { inline, watched, idle } = grown(estate, made.0, first);
    let common = Common { inline, watched, ..estate.common(made, &[]) };
    let used_days = Some(estate.lately(made.0, 3));
    let arn = estate.role(Role { common, trust: trust_service(compute), used_days, ..Role::default() });
    if idle {
        estate.plant("unused-service", &arn, "a right that was prepared by the assistant, granted, and never used");
    }
    arn
}

fn task(estate: &mut Estate<'_>, service: &Service) {
    let owner = service.owner_tag(estate.week);
    let arn = service_role(estate, Made(&format!("{}-task", service.name), service.made, owner), (2, 4), "ecs-tasks");
    if service.is_forgotten(estate.week) {
        estate.plant("orphaned-nhi", &arn, "its owner is a department that the re-organisation dissolved");
    }
}

fn function(estate: &mut Estate<'_>, service: &Service) {
    let day = service.made.saturating_sub(90).max(120);
    let owner = service.owner(estate.week);
    service_role(estate, Made(&format!("{}-events", service.name), day, owner), (1, 3), "lambda");
}

/// Roles that service accounts of the clusters in this account run as.
fn links(estate: &mut Estate<'_>) {
    let site = estate.site;
    for link in kubernetes::LINKS.iter().filter(|link| link.account == site.account.at) {
        let cluster = &site.plan.clusters[link.cluster];
        let subject = format!("system:serviceaccount:{}:{}", link.namespace, link.service_account);
        let trust = trust_tokens(&site, &cluster.issuer, "sts.amazonaws.com", &subject);
        let bucket = format!("arn:aws:s3:::harrowmere-{}/*", link.role);
        let actions: &[&str] = if link.writes { &["s3:GetObject", "s3:PutObject"] } else { &["s3:GetObject"] };
        let owner = estate.department(link.owner);
        estate.used_role(Made(link.role, 420, owner), &[allow(actions, &bucket)], trust);
    }
}

/// A trust in one role of another account.
pub fn trust_role(site: &Site<'_>, name: &str) -> Value {
    trust_arn(&site.arn(&format!("role/{name}")))
}
