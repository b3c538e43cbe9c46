//! Whom a resource policy's statement is about.
//!
//! Source: "AWS JSON policy elements: Principal" and "`NotPrincipal`" in the IAM user guide.

use super::facts::{Caller, Principal};
use super::statement::{Principals, Statement};
use crate::model::Effect;

/// How a statement names a principal, which decides what limits the access that it gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Naming {
    /// Its account: the account's own policies decide.
    Account,
    /// Its role: within the role's boundary and session policies.
    Role,
    /// Itself (a user, a role session), or everyone.
    Itself,
}

/// How a statement of a resource policy names the caller; `None` when it does not. A role's session is named when it
/// has that name; when the caller still chooses the name, the statement's [sessions](Statement::sessions) say what to
/// choose, and whoever is exempted by a session's name chooses it.
#[must_use]
pub fn naming(statement: &Statement, caller: &Principal, session_name: Option<&str>) -> Option<Naming> {
    let listed = matches!(statement.principals, Principals::Some(_));
    let in_session = |session: &str| session_name.map_or(!listed, |name| name == session);
    let named = |list: &[String]| list.iter().filter_map(|text| one(text, caller, in_session)).max();
    match (&statement.principals, statement.effect) {
        (Principals::Some(list), _) => named(list),
        // What is left out of an allow is left out in whatever way it is named.
        (Principals::AllBut(list), Effect::Allow) => named(list).is_none().then_some(Naming::Itself),
        // Listing the account spares the account itself, not the principals in it; and nothing spares a principal
        // that has a boundary.
        (Principals::AllBut(list), Effect::Deny) => {
            let spared = !caller.bounded && named(list).is_some_and(|naming| naming > Naming::Account);
            (!spared).then_some(Naming::Itself)
        }
    }
}

fn one(text: &str, caller: &Principal, in_session: impl Fn(&str) -> bool) -> Option<Naming> {
    if text == "*" {
        return Some(Naming::Itself);
    }
    let text = text.strip_prefix("AWS:")?;
    if text == "*" {
        return Some(Naming::Itself);
    }
    if caller.caller != Caller::GroupMember && (text == caller.arn || Some(text) == caller.unique_id.as_deref()) {
        return Some(if caller.caller == Caller::Role { Naming::Role } else { Naming::Itself });
    }
    if text == caller.account || account_root(text) == Some(caller.account.as_str()) {
        return Some(Naming::Account);
    }
    let (account, role, session) = session(text)?;
    let same = caller.caller == Caller::Role && account == caller.account && role == caller.name;
    (same && in_session(session)).then_some(Naming::Itself)
}

/// The account number of `arn:…:iam::<number>:root`.
#[must_use]
pub fn account_root(arn: &str) -> Option<&str> {
    let mut parts = arn.splitn(6, ':');
    let (Some("arn"), Some(_), Some("iam"), Some(""), Some(account), Some("root")) =
        (parts.next(), parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    Some(account)
}

/// Account, role name and session name of `arn:…:sts::<account>:assumed-role/<role>/<session>`.
#[must_use]
pub fn session(arn: &str) -> Option<(&str, &str, &str)> {
    let mut parts = arn.splitn(6, ':');
    let (Some("arn"), Some(_), Some("sts"), Some(_), Some(account), Some(rest)) =
        (parts.next(), parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    let (role, session) = rest.strip_prefix("assumed-role/")?.split_once('/')?;
    Some((account, role, session))
}
