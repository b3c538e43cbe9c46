//! The users, groups, roles and policies for which nothing is planted.
//!
//! Groups, shared policies and teams are popular by a power law. In a dense organisation a share of the users and
//! roles is *open*: each belongs to a team whose roles may assume one another and one of the gateways, and gateways
//! lead to the administrator. What is not open may be assumed and may assume, but only what is not open either.

use serde_json::{Value, json};

use super::record::{Common, Key, Password, Role, User};
use super::services::rights;
use super::site::{Site, allow, document, managed, trust, trust_service};
use crate::generate::random::Stream;
use crate::generate::words::{AREAS, JOBS};

/// Fewest roles of an account in which there is room for teams and gateways.
const OPEN_ROLES_MIN: usize = 14;
/// Principals of a team, on average.
const TEAM_SIZE: usize = 40;
/// Teams that share a gateway.
const GATEWAY_TEAMS: usize = 3;
/// Of the users of an account that has a release group, its members; in tenths of a percent.
const RELEASE_SHARE: usize = 250;
/// Of so many roles that are not open, one can be assumed by groups of users.
const JOB_ROLE_EVERY: usize = 7;
/// Services that roles are for.
const COMPUTE: [&str; 5] = ["lambda", "ec2", "ecs-tasks", "glue", "states"];
/// Group whose members may assume the role of the same name.
pub const RELEASE: &str = "release-train";

/// What is where in an account: how many of each shared thing there are.
#[derive(Debug, Clone, Copy)]
pub struct Layout<'p> {
    pub site: Site<'p>,
    pub groups: usize,
    pub policies: usize,
    /// Teams and gateways of a dense organisation; none when nobody is open here.
    pub teams: usize,
    pub gateways: usize,
    /// Whether there is a release group.
    pub release: bool,
}

impl<'p> Layout<'p> {
    /// Lays an account out.
    pub fn new(site: Site<'p>, release: bool) -> Self {
        let account = site.account;
        let open = site.plan.preset.open_share() > 0 && account.roles >= OPEN_ROLES_MIN;
        let teams = if open { account.roles.div_ceil(TEAM_SIZE) } else { 0 };
        Self {
            site,
            groups: (2 + account.users / 12).min(300),
            policies: (3 + (account.users + account.roles) / 25).min(1_000),
            teams,
            gateways: if open { teams.div_ceil(GATEWAY_TEAMS).max(2) } else { 0 },
            release,
        }
    }

    fn policy_arn(&self, at: usize) -> String {
        self.site.arn(&format!("policy/{}-access-{at}", AREAS[at % AREAS.len()]))
    }

    fn team_policy_arn(&self, team: usize) -> String {
        self.site.arn(&format!("policy/dev-team-{team}"))
    }

    /// ARN of a gateway.
    pub fn gateway_arn(&self, at: usize) -> String {
        self.site.arn(&format!("role/gateways/deploy-gateway-{}", at % self.gateways.max(1)))
    }

    /// A few shared policies, popular ones more often.
    fn attached(&self, stream: &mut Stream, most: usize) -> Vec<usize> {
        let mut chosen = Vec::new();
        for _ in 0..stream.between(1, most) {
            let policy = stream.ranked(self.policies);
            if !chosen.contains(&policy) {
                chosen.push(policy);
            }
        }
        chosen
    }

    fn is_open(&self, stream: &mut Stream) -> bool {
        let drawn = stream.below(1000);
        self.teams > 0 && drawn < self.site.plan.preset.open_share()
    }

    /// A user, and whether it has a path to the protected zone: `Some(true)` by the release role alone.
    pub fn user(&self, at: usize) -> (User, Option<bool>) {
        let mut stream = self.site.stream("user", at);
        let open = self.is_open(&mut stream);
        let releases = stream.chance(RELEASE_SHARE) && self.release && !open;
        let mut groups: Vec<String> = Vec::new();
        for _ in 0..stream.between(2, 5) {
            let group = group_name(stream.ranked(self.groups));
            if !groups.contains(&group) {
                groups.push(group);
            }
        }
        if open {
            groups.push(format!("dev-team-{}", stream.below(self.teams)));
        } else if releases {
            groups.push(RELEASE.to_owned());
        }
        let mut user =
            if at.is_multiple_of(2) { self.human(at, &mut stream) } else { self.service_user(at, &mut stream) };
        user.groups = groups;
        (user, if releases { Some(true) } else { open.then_some(false) })
    }

    /// Somebody's own user: people are given out in order, so that no two users of an account are one person's.
    fn human(&self, at: usize, stream: &mut Stream) -> User {
        let mut user = self.person(at);
        if stream.chance(300) {
            user.keys.push(recent_key(stream));
        }
        user
    }

    /// The user of the person who is due to the user of this number.
    pub fn person(&self, at: usize) -> User {
        let person = self.site.plan.people.active_person(self.site.account.users_before + at);
        let mut stream = self.site.stream("human", at);
        User {
            common: Common {
                name: person.address,
                created_days: stream.between(100, person.started_days.max(100)),
                ..Common::default()
            },
            password: Some(Password { used_days: stream.between(0, 30), mfa: true }),
            ..User::default()
        }
    }

    fn service_user(&self, at: usize, stream: &mut Stream) -> User {
        let name = format!("svc-{}-{}-{at}", AREAS[stream.ranked(AREAS.len())], JOBS[stream.below(JOBS.len())]);
        let own = rights(&self.site, stream, (1, 2));
        User {
            common: Common {
                name,
                inline: vec![("own-data".to_owned(), document(&own.statements))],
                tags: vec![("owner", self.site.plan.people.owner(stream))],
                created_days: stream.between(100, 1_500),
                ..Common::default()
            },
            keys: vec![recent_key(stream)],
            ..User::default()
        }
    }

    /// A role, and whether it has a path to the protected zone.
    pub fn role(&self, at: usize) -> (Role, bool) {
        let mut stream = self.site.stream("role", at);
        let open = self.is_open(&mut stream);
        let area = AREAS[stream.ranked(AREAS.len())];
        let mut common = Common {
            name: format!("{area}-{}-{at}", JOBS[stream.below(JOBS.len())]),
            tags: vec![("owner", self.site.plan.people.owner(&mut stream)), ("env", self.site.account.env.to_owned())],
            created_days: stream.between(40, 1_500),
            ..Common::default()
        };
        let mut services = Vec::new();
        for policy in self.attached(&mut stream, 5) {
            services.extend(self.rights_of(policy).services);
            common.attached.push(self.policy_arn(policy));
        }
        for number in 0..stream.below(4) {
            let own = rights(&self.site, &mut stream, (1, 3));
            services.extend(own.services);
            common.inline.push((format!("own-{number}"), document(&own.statements)));
        }
        services.sort_unstable();
        services.dedup();
        let used_days = Some(stream.between(0, 40));
        let mut role = Role { used_days, ..Role::default() };
        if open {
            let team = stream.below(self.teams);
            common.path = Some(format!("/dev/{team}/"));
            common.attached.push(self.team_policy_arn(team));
            role.trust = self.trust_account();
        } else if at.is_multiple_of(JOB_ROLE_EVERY) {
            common.path = Some(format!("/jobs/{area}/"));
            role.trust = self.trust_account();
        } else {
            let compute = COMPUTE[stream.ranked(COMPUTE.len())];
            role.instance_profile = compute == "ec2";
            role.trust = trust_service(compute);
            if stream.chance(250) {
                common.watched = services.into_iter().map(|service| (service, Some(stream.between(0, 40)))).collect();
            }
        }
        role.common = common;
        (role, open)
    }

    /// A trust in the account itself: whoever has the right to assume the role may.
    pub fn trust_account(&self) -> Value {
        trust(&json!({"AWS": self.site.arn("root")}))
    }

    fn rights_of(&self, policy: usize) -> super::services::Rights {
        rights(&self.site, &mut self.site.stream("policy", policy), (1, 4))
    }

    /// The record of a shared policy.
    pub fn policy(&self, at: usize) -> Value {
        managed(&self.site, &self.policy_arn(at), &document(&self.rights_of(at).statements))
    }

    /// The record of a team's policy: its roles may assume one another, and a gateway.
    pub fn team_policy(&self, team: usize) -> Value {
        let own = self.site.arn(&format!("role/dev/{team}/*"));
        let statement = allow(&["sts:AssumeRole"], &own);
        let gateway = allow(&["sts:AssumeRole"], &self.gateway_arn(team));
        managed(&self.site, &self.team_policy_arn(team), &document(&[statement, gateway]))
    }

    /// The record of a group of users, which may assume the job roles of an area.
    pub fn group(&self, at: usize) -> Value {
        let mut stream = self.site.stream("group", at);
        let attached: Vec<String> = self.attached(&mut stream, 3).into_iter().map(|at| self.policy_arn(at)).collect();
        let jobs = self.site.arn(&format!("role/jobs/{}/*", AREAS[at % AREAS.len()]));
        self.group_record(&group_name(at), &attached, Some(document(&[allow(&["sts:AssumeRole"], &jobs)])))
    }

    /// The record of a team's group.
    pub fn team_group(&self, team: usize) -> Value {
        self.group_record(&format!("dev-team-{team}"), &[self.team_policy_arn(team)], None)
    }

    /// The record of a group.
    pub fn group_record(&self, name: &str, attached: &[String], inline: Option<Value>) -> Value {
        let policy = |arn: &String| json!({"PolicyName": arn.rsplit('/').next(), "PolicyArn": arn});
        let inline: Vec<Value> =
            inline.into_iter().map(|document| json!({"PolicyName": "inline", "PolicyDocument": document})).collect();
        json!({
            "Path": "/",
            "GroupName": name,
            "GroupId": self.site.stream(&format!("group id {name}"), 0).unique_id("AGPA"),
            "Arn": self.site.arn(&format!("group/{name}")),
            "CreateDate": self.site.time(1_200, 29_000),
            "GroupPolicyList": inline,
            "AttachedManagedPolicies": attached.iter().map(policy).collect::<Vec<_>>(),
        })
    }
}

fn group_name(at: usize) -> String {
    format!("{}-{at}", AREAS[at % AREAS.len()])
}

/// A key as it should be: young, and in use.
fn recent_key(stream: &mut Stream) -> Key {
    Key { made_days: stream.between(5, 80), used_days: Some(stream.between(0, 4)) }
}
