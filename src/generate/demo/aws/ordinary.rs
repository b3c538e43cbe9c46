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

/// What a service uses, and how long ago it did, grows over the weeks: about one service in four gets another right.
fn grown(estate: &Estate<'_>, name: &str, first: (usize, usize)) -> (Vec<(String, Value)>, Vec<&'static str>) {
    let mut stream = estate.site.stream(&format!("rights of {name}"), 0);
    let own = rights(&estate.site, &mut stream, first);
    let mut inline = vec![("rights".to_owned(), document(&own.statements))];
    let mut used = own.services;
    let at = 1 + stream.below(WEEKS - 1);
    let grows = stream.chance(if at >= WAVE { 420 } else { 200 });
    if grows && estate.week.from(at) {
        let more = rights(&estate.site, &mut stream, (1, 2));
        // What was prepared by the assistant bears the number of its request, and so does what people asked for.
        let who = if at >= WAVE { "assisted" } else { "request" };
        inline.push((format!("{who}-{}", 4_000 + at * 25 + stream.below(25)), document(&more.statements)));
        used.extend(more.services);
    }
    used.sort_unstable();
    used.dedup();
    (inline, used)
}

fn watched(estate: &Estate<'_>, name: &str, used: Vec<&'static str>) -> Vec<(&'static str, Option<usize>)> {
    let mut stream = estate.site.stream(&format!("watched {name}"), estate.week.at);
    used.into_iter().map(|service| (service, Some(stream.between(0, 25)))).collect()
}

fn task(estate: &mut Estate<'_>, service: &Service) {
    let name = format!("{}-task", service.name);
    let (inline, used) = grown(estate, &name, (2, 4));
    let owner = service.owner_tag(estate.week);
    let mut common = estate.common(Made(&name, service.made, owner), &[]);
    common.inline = inline;
    common.watched = watched(estate, &name, used);
    let used_days = Some(estate.lately(&name, 2));
    let arn = estate.role(Role { common, trust: trust_service("ecs-tasks"), used_days, ..Role::default() });
    if service.is_forgotten(estate.week) {
        estate.plant("orphaned-nhi", &arn, "its owner is a department that the re-organisation dissolved");
    }
}

fn function(estate: &mut Estate<'_>, service: &Service) {
    let name = format!("{}-events", service.name);
    let (inline, used) = grown(estate, &name, (1, 3));
    let owner = service.owner(estate.week);
    let mut common = estate.common(Made(&name, service.made.saturating_sub(90).max(120), owner), &[]);
    common.inline = inline;
    common.watched = watched(estate, &name, used);
    let used_days = Some(estate.lately(&name, 3));
    estate.role(Role { common, trust: trust_service("lambda"), used_days, ..Role::default() });
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
