//! What is planted in an account: each template makes users, roles and policies, and says what must be found.
//!
//! A template is planted in every eighth account, or in one of them where there are fewer, as long as there is room:
//! a third of an account's users and roles stay ordinary.

mod escalation;
mod neglect;
mod trusts;

use serde_json::{Value, json};

use super::ordinary::Layout;
use super::record::{Common, Role, User};
use super::services::rights;
use super::site::{ADMINISTRATOR, Site, allow, document, trust_tokens};
use crate::generate::truth::Tally;
use crate::generate::{github, kubernetes};

pub use neglect::DUTIES;
pub use trusts::ISSUER;

/// Accounts among which each template is planted once.
const ROUND: usize = 8;
/// Name of the role that administers an account.
const ADMIN: &str = "platform-admin";
/// Template of the release group.
const RELEASE_TRAIN: &str = "release-train";
/// Template of the role that may become the administrator of the next account.
const NEXT_ACCOUNT: &str = "next-account";

/// One thing to plant.
struct Template {
    name: &'static str,
    /// Users and roles that it makes.
    users: usize,
    roles: usize,
    plant: fn(&mut Bed<'_>),
}

const fn template(name: &'static str, (users, roles): (usize, usize), plant: fn(&mut Bed<'_>)) -> Template {
    Template { name, users, roles, plant }
}

/// Everything that can be planted; where there is little room, the first of these.
const TEMPLATES: &[Template] = &[
    template("own-policy-version", (1, 0), escalation::own_policy_version),
    template("pass-role", (0, 2), escalation::pass_role),
    template("owner-left", (0, 1), neglect::owner_left),
    template("chain", (0, 2), escalation::chain),
    template("excess", (0, 1), neglect::excess),
    template("duties", (0, 2), neglect::duties),
    template("leaver", (1, 0), neglect::leaver),
    template(RELEASE_TRAIN, (0, 1), escalation::release_train),
    template("old-key", (2, 0), neglect::old_key),
    template("nobody-answers", (0, 1), neglect::nobody_answers),
    template("wildcard", (0, 1), trusts::wildcard),
    template("key-of-administrator", (2, 0), escalation::key_of_administrator),
    template("boundary", (0, 1), escalation::boundary),
    template("pass-to-reader", (0, 2), escalation::pass_to_reader),
    template("no-second-factor", (1, 0), neglect::no_second_factor),
    template("vendor", (0, 1), trusts::vendor),
    template("vendor-with-id", (0, 1), trusts::vendor_with_id),
    template("two-keys", (1, 0), neglect::two_keys),
    template("repository", (0, 1), trusts::repository),
    template("own-inline-policy", (1, 0), escalation::own_inline_policy),
    template("owner-is-nobody", (0, 1), neglect::owner_is_nobody),
    template("unused-key", (1, 0), neglect::unused_key),
    template("at-the-office", (0, 1), escalation::at_the_office),
    template(NEXT_ACCOUNT, (0, 1), escalation::next_account),
];

/// The templates that are planted in an account.
fn chosen<'a>(site: &Site<'a>) -> impl Iterator<Item = &'static Template> + use<'a> {
    let round = site.plan.accounts.len().min(ROUND);
    let account = site.account;
    // One role is the administrator's, and one may be the pipeline's.
    let (mut users, mut roles) = (account.users * 2 / 3, account.roles.saturating_sub(2) * 2 / 3);
    let here = TEMPLATES.iter().enumerate().filter(move |(at, _)| account.at % round == at % round);
    here.map(|(_, one)| one).filter(move |one| {
        let fits = one.users <= users && one.roles <= roles;
        if fits {
            users -= one.users;
            roles -= one.roles;
        }
        fits
    })
}

/// Whether an account has a release group.
pub fn has_release(site: &Site<'_>) -> bool {
    chosen(site).any(|one| one.name == RELEASE_TRAIN)
}

/// What was planted in an account.
pub struct Bed<'p> {
    pub layout: Layout<'p>,
    pub site: Site<'p>,
    pub users: Vec<User>,
    /// The first is the account's administrator.
    pub roles: Vec<Role>,
    pub policies: Vec<Value>,
    /// Records of groups.
    pub groups: Vec<Value>,
    /// Statements of the trust of the administrator.
    admin_trust: Vec<Value>,
    pub tally: Tally,
    people: usize,
}

impl<'p> Bed<'p> {
    /// Plants an account.
    pub fn new(layout: Layout<'p>) -> Self {
        let site = layout.site;
        let provider = json!({"Federated": site.arn("saml-provider/harrowmere")});
        let audience = json!({"StringEquals": {"SAML:aud": "https://signin.aws.amazon.com/saml"}});
        let people = json!({
            "Effect": "Allow", "Principal": provider, "Action": "sts:AssumeRoleWithSAML", "Condition": audience,
        });
        let mut bed = Self {
            layout,
            site,
            users: Vec::new(),
            roles: vec![Role::default()],
            policies: Vec::new(),
            groups: Vec::new(),
            admin_trust: vec![people],
            tally: Tally::default(),
            people: 0,
        };
        chosen(&site).for_each(|one| (one.plant)(&mut bed));
        bed.federated();
        bed.pipeline();
        bed.gateways();
        bed.visitors();
        bed.administrator();
        bed
    }

    fn admin(&self) -> String {
        admin_of(&self.site)
    }

    /// Adds a role and gives its ARN.
    fn role(&mut self, role: Role) -> String {
        let arn = role.common.arn(&self.site, "role");
        self.roles.push(role);
        arn
    }

    /// Adds a user and gives its ARN.
    fn user(&mut self, user: User) -> String {
        let arn = user.common.arn(&self.site, "user");
        self.users.push(user);
        arn
    }

    /// What a planted role or service user has by default: a name, an owner, a date.
    fn common(&self, name: &str, created_days: usize) -> Common {
        let mut stream = self.site.stream(&format!("planted {name}"), 0);
        let owner = self.site.plan.people.owner(&mut stream);
        Common { name: name.to_owned(), tags: vec![("owner", owner)], created_days, ..Common::default() }
    }

    /// The same with one inline policy.
    fn with_rights(&self, name: &str, created_days: usize, statements: &[Value]) -> Common {
        let inline = vec![("rights".to_owned(), document(statements))];
        Common { inline, ..self.common(name, created_days) }
    }

    /// Lets a principal become the administrator of the account, if it has the right to.
    fn admit(&mut self, arn: &str) {
        let statement = json!({"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "sts:AssumeRole"});
        self.admin_trust.push(statement);
    }

    /// Somebody's own user that no ordinary one is.
    fn person(&mut self) -> User {
        // Ordinary users are given people from the first on, as many as there are ordinary users.
        self.people += 1;
        self.layout.person(self.site.account.users - self.people)
    }

    /// The gateways of a dense organisation: a ring, of which every second leads to the administrator.
    fn gateways(&mut self) {
        for at in 0..self.layout.gateways {
            let (own, next, admin) = (self.layout.gateway_arn(at), self.layout.gateway_arn(at + 1), self.admin());
            let leads = at % 2 == 0;
            let mut statements = vec![allow(&["sts:AssumeRole"], &next)];
            if leads {
                statements.push(allow(&["sts:AssumeRole"], &admin));
                self.admit(&own);
            }
            let common = Common {
                path: Some("/gateways/".to_owned()),
                ..self.with_rights(&format!("deploy-gateway-{at}"), 700, &statements)
            };
            let trust = self.layout.trust_account();
            self.role(Role { common, trust, used_days: Some(3), ..Role::default() });
            let through: &[&str] = if leads { &[&admin] } else { &[&next, &admin] };
            self.tally.path("sts-001", &own, through, "a gateway that the roles of teams may assume");
        }
    }

    /// The roles that service accounts of clusters in this account run as.
    fn federated(&mut self) {
        let site = self.site;
        for cluster in site.plan.clusters.iter().filter(|cluster| cluster.account == site.account.at) {
            for link in kubernetes::links(site.plan, cluster) {
                let trust = trust_tokens(&site, &cluster.issuer, "sts.amazonaws.com", &link.subject);
                let (arn, admin) = (site.arn(&format!("role/{}", link.role)), self.admin());
                let mut stream = site.stream(&link.role, 0);
                let mut statements = rights(&site, &mut stream, (1, 3)).statements;
                if link.leads {
                    statements.push(allow(&["sts:AssumeRole"], &admin));
                    self.admit(&arn);
                    self.tally.path("sts-001", &arn, &[&admin], "the role of a service account of a cluster");
                }
                let common = self.with_rights(&link.role, 400, &statements);
                self.role(Role { common, trust, used_days: Some(0), ..Role::default() });
            }
        }
    }

    /// The role of the pipeline that sets up accounts: workflows of one branch may become the administrator of the
    /// first account.
    fn pipeline(&mut self) {
        let site = self.site;
        if site.account.at > 0 || !github::has_landing_zone(site.plan) {
            return;
        }
        let (name, admin) = (github::LANDING_ZONE, self.admin());
        let trust = trust_tokens(&site, trusts::ISSUER, "sts.amazonaws.com", &github::landing_zone_subject());
        let common = self.with_rights(name, 900, &[allow(&["sts:AssumeRole"], &admin)]);
        let arn = self.role(Role { common, trust, used_days: Some(0), ..Role::default() });
        self.admit(&arn);
        self.tally.path("sts-001", &arn, &[&admin], "the role of the pipeline that sets up accounts");
    }

    /// The account before this one may have a role that may become administrator here.
    fn visitors(&mut self) {
        let accounts = &self.site.plan.accounts;
        let before = &accounts[(self.site.account.at + accounts.len() - 1) % accounts.len()];
        let there = Site { plan: self.site.plan, account: before };
        if accounts.len() > 1 && chosen(&there).any(|one| one.name == NEXT_ACCOUNT) {
            self.admit(&escalation::visitor_of(&there));
        }
    }

    fn administrator(&mut self) {
        let arn = self.admin();
        let common = Common { attached: vec![ADMINISTRATOR.to_owned()], ..self.common(ADMIN, 1_400) };
        let trust = document(&self.admin_trust);
        self.roles[0] = Role { common, trust, used_days: Some(1), ..Role::default() };
        self.tally.administrator(&arn, "the role that administers the account");
    }
}

/// ARN of the role that administers an account.
fn admin_of(site: &Site<'_>) -> String {
    site.arn(&format!("role/{ADMIN}"))
}
