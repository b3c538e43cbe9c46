//! What is known about a request's context keys: computed from the export, given by the caller, or open.
//!
//! A key is *decidable* (its values follow from the principal, the resource or the time of the scan), *chosen* by
//! the caller, or set by the *environment*; [`keys`](super::super::keys) says which. Open keys are what
//! [`super::solve`] searches over.

use std::collections::BTreeMap;

use super::super::catalog::{Action, Catalog};
use super::super::keys::{self, KeyClass};
use super::statement::UNKNOWN_ROLE;
use crate::model::text::format_time;

/// The values of a context key in one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// Decided: these values, or absent when there are none.
    Known(Vec<String>),
    Open(Open),
}

/// A key whose values are not decided, and the limits that are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Open {
    /// The caller chooses it; otherwise the environment does.
    pub chosen: bool,
    /// Every value begins with this.
    pub prefix: Option<String>,
    /// The only values possible, besides absence where `may_be_absent`.
    pub only: Option<Vec<String>>,
    pub must_exist: bool,
}

impl Open {
    fn chosen() -> Fact {
        Fact::Open(Self { chosen: true, ..Self::default() })
    }

    fn environment() -> Fact {
        Fact::Open(Self::default())
    }
}

/// What kind of principal asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    User,
    /// A session of a role.
    Role,
    /// Some member of a group: everything about the person is open.
    GroupMember,
}

/// The principal of a request.
#[derive(Debug, Clone)]
pub struct Principal {
    pub caller: Caller,
    pub arn: String,
    pub account: String,
    pub name: String,
    pub unique_id: Option<String>,
    /// Tags by lower-case key.
    pub tags: BTreeMap<String, String>,
    pub org: Option<Organization>,
    /// Has a permissions boundary.
    pub bounded: bool,
    /// Path begins with `/aws-service-role/`: no SCP or RCP binds it.
    pub service_linked: bool,
}

/// Membership of an account in the organisation that was exported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    pub id: String,
    /// `o-…/r-…/ou-…/`, when the tree says so.
    pub path: Option<String>,
    pub management: bool,
}

/// The resource of a request.
#[derive(Debug, Clone)]
pub struct Target {
    /// ARN, or `*`.
    pub arn: String,
    pub account: Option<String>,
    pub org: Option<Organization>,
    /// Tags by lower-case key, when the export lists the resource with its tags.
    pub tags: Option<BTreeMap<String, String>>,
    /// The permissions boundary that a user or role has now.
    pub boundary: Boundary,
}

/// The permissions boundary of a resource that can have one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Boundary {
    /// The export does not list the resource.
    Unknown,
    Absent,
    Policy(String),
}

/// Everything that decides a request's context keys.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'r> {
    pub principal: &'r Principal,
    pub target: &'r Target,
    /// Action that is asked for: some keys mean another thing for another action.
    pub action: &'r str,
    /// Keys given by the question, lower case.
    pub given: &'r BTreeMap<String, Vec<String>>,
    pub strict: bool,
    /// Whether the export has an organisation's tree, so that an account outside of it is in none.
    pub tree: bool,
    pub session_name: Option<&'r str>,
    pub as_of: i64,
}

fn known(value: &str) -> Fact {
    Fact::Known(vec![value.to_owned()])
}

fn maybe(value: Option<&str>) -> Fact {
    Fact::Known(value.map(str::to_owned).into_iter().collect())
}

impl Facts<'_> {
    /// What is known of a key (lower case).
    #[must_use]
    pub fn of(&self, key: &str) -> Fact {
        if let Some(values) = self.given.get(key) {
            return Fact::Known(values.clone());
        }
        let fact = self.of_principal(key).or_else(|| self.of_resource(key)).unwrap_or_else(|| {
            match keys::describe(key).class_for(self.action) {
                KeyClass::Chosen => Open::chosen(),
                KeyClass::Environment | KeyClass::Decidable => Open::environment(),
            }
        });
        match fact {
            Fact::Open(_) if self.strict => Fact::Known(Vec::new()),
            fact => fact,
        }
    }

    /// The value of a key that is known and has exactly one.
    #[must_use]
    pub fn single(&self, key: &str) -> Option<String> {
        match self.of(key) {
            Fact::Known(values) if values.len() == 1 => values.into_iter().next(),
            _ => None,
        }
    }

    /// Whether a key is about who asks, so that principals differ in it.
    #[must_use]
    pub fn concerns_principal(key: &str) -> bool {
        key.starts_with("aws:principal")
            || matches!(key, "aws:userid" | "aws:username" | "kms:calleraccount" | "aws:tokenissuetime")
    }

    /// Whether a key is about what is acted on, so that targets differ in it.
    #[must_use]
    pub fn concerns_resource(key: &str) -> bool {
        key.starts_with("aws:resource")
            || key.contains(":resourcetag/")
            || key.ends_with(":resourceaccount")
            || key == "iam:permissionsboundary"
    }

    fn of_principal(&self, key: &str) -> Option<Fact> {
        let principal = self.principal;
        let member = principal.caller == Caller::GroupMember;
        Some(match key {
            "aws:principalarn" | "aws:username" | "aws:userid" if member => Open::environment(),
            "aws:principalarn" => known(&principal.arn),
            "aws:principalaccount" | "kms:calleraccount" => known(&principal.account),
            "aws:principaltype" if principal.caller == Caller::Role => known("AssumedRole"),
            "aws:principaltype" => known("User"),
            "aws:username" if principal.caller == Caller::User => known(&principal.name),
            "aws:userid" => self.user_id(),
            "aws:principalisawsservice" => known("false"),
            // A role has no user name, and what services add to their own calls is not in a caller's.
            "aws:username"
            | "aws:sourcearn"
            | "aws:sourceaccount"
            | "aws:sourceorgid"
            | "aws:sourceorgpaths"
            | "aws:principalservicename"
            | "aws:principalservicenameslist"
            | "aws:federatedprovider" => Fact::Known(Vec::new()),
            "aws:currenttime" => known(&format_time(self.as_of)),
            "aws:epochtime" => known(&(self.as_of.div_euclid(1000)).to_string()),
            // A role always acts with a token, which can be as new as the scan; a user may do without.
            "aws:tokenissuetime" if principal.caller == Caller::Role => known(&format_time(self.as_of)),
            "aws:tokenissuetime" => {
                Fact::Open(Open { chosen: true, only: Some(vec![format_time(self.as_of)]), ..Open::default() })
            }
            "aws:ismcpserviceaction" => {
                let catalog = Catalog::get();
                let action = catalog.find(self.action).and_then(|number| catalog.action(number));
                known(if action.is_some_and(Action::is_mcp) { "true" } else { "false" })
            }
            "aws:principalorgid" => self.organization(principal.org.as_ref(), |org| Some(&org.id)),
            "aws:principalorgpaths" => self.organization(principal.org.as_ref(), |org| org.path.as_deref()),
            _ => {
                let tag = key.strip_prefix("aws:principaltag/")?;
                if member { Open::environment() } else { maybe(principal.tags.get(tag).map(String::as_str)) }
            }
        })
    }

    /// A key about an organisation: absent for an account outside of the tree that the export has.
    fn organization<'o>(
        &self,
        org: Option<&'o Organization>,
        value: impl Fn(&'o Organization) -> Option<&'o str>,
    ) -> Fact {
        match org {
            Some(org) => value(org).map_or_else(Open::environment, known),
            None if self.tree => Fact::Known(Vec::new()),
            None => Open::environment(),
        }
    }

    /// A user's is its unique id; a role's is its unique id and the session's name, which the caller chooses.
    fn user_id(&self) -> Fact {
        let id = self.principal.unique_id.as_deref();
        let id = if self.principal.caller == Caller::Role { id.or(Some(UNKNOWN_ROLE)) } else { id };
        match (self.principal.caller, id, self.session_name) {
            (Caller::User, Some(id), _) => known(id),
            (Caller::Role, Some(id), Some(session)) => known(&format!("{id}:{session}")),
            (Caller::Role, Some(id), None) => {
                Fact::Open(Open { chosen: true, prefix: Some(format!("{id}:")), must_exist: true, only: None })
            }
            _ => Open::environment(),
        }
    }

    fn of_resource(&self, key: &str) -> Option<Fact> {
        let target = self.target;
        Some(match key {
            "aws:resourceaccount" => target.account.as_deref().map_or_else(Open::environment, known),
            "aws:resourceorgid" if target.account.is_some() => {
                self.organization(target.org.as_ref(), |org| Some(&org.id))
            }
            "aws:resourceorgpaths" if target.account.is_some() => {
                self.organization(target.org.as_ref(), |org| org.path.as_deref())
            }
            "iam:permissionsboundary" if keys::describe(key).class_for(self.action) == KeyClass::Decidable => {
                match &target.boundary {
                    Boundary::Unknown => Open::environment(),
                    Boundary::Absent => Fact::Known(Vec::new()),
                    Boundary::Policy(policy) => known(policy),
                }
            }
            _ => {
                let tag = key.strip_prefix("aws:resourcetag/").or_else(|| key.strip_prefix("iam:resourcetag/"))?;
                match &target.tags {
                    Some(tags) => maybe(tags.get(tag).map(String::as_str)),
                    None => Open::environment(),
                }
            }
        })
    }
}
