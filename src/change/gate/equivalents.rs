//! What works like an exception without being called one: twelve kinds of change, each found in the rows that differ.
//!
//! A draft that has one declares it, by kind and subject, and a person decides; what is not declared is hidden.

use std::collections::BTreeSet;

use super::access::{alike, covers_statement, statements};
use super::delta::{Delta, Numbers};
use super::invariants::Cited;
use super::pattern::{covers, covers_ignore_case, is_wild};
use crate::change::{DeclaredException, ExceptionKind};
use crate::model::{
    AttachmentKind, Effect, EntityId, EntityKind, Exception, Grant, Layer, Membership, MembershipKind, Tables,
};

/// Words of groups and roles for emergencies.
const BREAK_GLASS: [&str; 5] = ["breakglass", "firecall", "emergency", "glassbreak", "firefighter"];

/// One of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Equivalent {
    pub kind: ExceptionKind,
    /// Full ids and names by which it may be declared, the first being what it is called.
    pub subjects: Vec<String>,
    /// What happens, in words.
    pub says: String,
    pub rows: Vec<Cited>,
}

impl Equivalent {
    /// Whether the draft says it openly.
    #[must_use]
    pub fn is_declared(&self, declared: &[DeclaredException]) -> bool {
        declared.iter().any(|one| one.kind == self.kind && self.subjects.contains(&one.subject))
    }
}

struct Search<'a> {
    before: &'a Tables,
    after: &'a Tables,
    delta: &'a Delta,
    numbers: &'a Numbers,
    found: Vec<Equivalent>,
}

/// All of them, in the order of their kinds and subjects.
#[must_use]
pub fn equivalents(before: &Tables, after: &Tables, delta: &Delta, numbers: &Numbers) -> Vec<Equivalent> {
    let mut search = Search { before, after, delta, numbers, found: Vec::new() };
    search.suppressions();
    search.denies();
    search.limits();
    search.statements();
    search.dynamic_groups();
    search.expiries();
    search.reviews();
    search.memberships();
    let mut found = search.found;
    found.sort_by(|a, b| (a.kind, &a.subjects, &a.says).cmp(&(b.kind, &b.subjects, &b.says)));
    found.dedup_by(|b, a| (a.kind, &a.subjects, &a.says) == (b.kind, &b.subjects, &b.says));
    found
}

impl Search<'_> {
    fn add(&mut self, kind: ExceptionKind, subjects: Vec<String>, says: String, rows: Vec<Cited>) {
        self.found.push(Equivalent { kind, subjects, says, rows });
    }

    /// An entity by its id and its name, as declarations may call it.
    fn called(tables: &Tables, of: EntityId) -> Vec<String> {
        let entity = tables.entity(of);
        vec![entity.id.clone(), entity.name.clone()]
    }

    fn suppressions(&mut self) {
        for row in &self.delta.exceptions.added {
            let old = self.before.exceptions.iter().find(|old| old.exception == row.exception);
            let what = match old {
                None => "a finding is accepted by a new exception",
                Some(old) if widened(old, row) => "an exception covers more than before",
                Some(old) if later(old.expires_at, row.expires_at) => "an exception ends later than before",
                Some(_) => continue,
            };
            let says = format!("{what}: `{}`", row.exception);
            let rows = vec![Cited::after("exceptions", &row.exception)];
            self.add(ExceptionKind::Suppression, vec![row.exception.clone()], says, rows);
        }
    }

    fn denies(&mut self) {
        let gone: Vec<Grant> =
            self.delta.grants.removed.iter().filter(|row| row.effect == Effect::Deny).cloned().collect();
        for row in gone {
            let now = self.numbers.after(row.holder).map_or(&[][..], |holder| statements(self.after, holder));
            let still = |one: &&Grant| {
                one.effect == Effect::Deny
                    && one.layer == row.layer
                    && (alike(one, &row) || covers_statement(one, &row))
            };
            let deleted = self.numbers.after(row.holder).is_none_or(|one| !self.after.entity(one).present);
            let bearer = self.before.entity(row.holder).kind;
            // Who is gone with the denies that were on it needs none of them.
            if now.iter().any(|one| still(&one)) || (deleted && bearer.is_principal()) {
                continue;
            }
            let mut subjects = Self::called(self.before, row.holder);
            subjects.push(row.statement.clone());
            let says = format!("the deny `{}` of `{}` is gone or denies less", row.statement, row.policy);
            let rows = vec![Cited::grant(false, self.before, row.grant)];
            let kind = if Self::is_control(self.before, row.holder) {
                ExceptionKind::ControlPolicyRemoved
            } else {
                ExceptionKind::DenyRemoved
            };
            self.add(kind, subjects, says, rows);
        }
    }

    fn is_control(tables: &Tables, policy: EntityId) -> bool {
        let control = |kind: AttachmentKind| matches!(kind, AttachmentKind::Scp | AttachmentKind::Rcp);
        tables.attachments.iter().any(|row| row.policy == policy && control(row.kind))
    }

    fn bounds(tables: &Tables, policy: EntityId) -> bool {
        tables.attachments.iter().any(|row| row.policy == policy && row.kind == AttachmentKind::Boundary)
    }

    /// Boundaries and controls that are taken off, and policies of them that let more through.
    fn limits(&mut self) {
        for row in self.delta.attachments.removed.clone() {
            let (kind, what) = match row.kind {
                AttachmentKind::Boundary => (ExceptionKind::BoundaryRemoved, "the permissions boundary"),
                AttachmentKind::Scp | AttachmentKind::Rcp => {
                    (ExceptionKind::ControlPolicyRemoved, "the control policy")
                }
                AttachmentKind::Identity => continue,
            };
            let gone = self.numbers.after(row.holder).is_none_or(|one| !self.after.entity(one).present);
            if gone {
                continue;
            }
            let mut subjects = Self::called(self.before, row.holder);
            subjects.extend(Self::called(self.before, row.policy));
            let (holder, policy) = (&subjects[0], &subjects[2]);
            let says = format!("{what} `{policy}` is taken off `{holder}`");
            let rows = vec![Cited::before("attachments", &format!("{holder} → {policy}"))];
            self.add(kind, subjects, says, rows);
        }
        for row in self.delta.grants.added.clone() {
            let (bounds, controls) = (Self::bounds(self.after, row.holder), Self::is_control(self.after, row.holder));
            if row.effect != Effect::Allow || !(bounds || controls) {
                continue;
            }
            let old = self.numbers.before(row.holder).map_or(&[][..], |holder| statements(self.before, holder));
            if old.iter().any(|one| one.effect == Effect::Allow && covers_statement(one, &row)) {
                continue;
            }
            let kind = if bounds { ExceptionKind::BoundaryRemoved } else { ExceptionKind::ControlPolicyRemoved };
            let says = format!("`{}`, which limits others, lets more through by `{}`", row.policy, row.statement);
            let rows = vec![Cited::grant(true, self.after, row.grant)];
            self.add(kind, Self::called(self.after, row.holder), says, rows);
        }
    }

    /// Conditions, wildcards and lists of what is left out, in allowing statements.
    fn statements(&mut self) {
        let allows = |row: &&Grant| row.effect == Effect::Allow && row.layer != Layer::Inactive;
        for row in self.delta.grants.added.iter().filter(allows).cloned().collect::<Vec<_>>() {
            let old = self.numbers.before(row.holder).map_or(&[][..], |holder| statements(self.before, holder));
            let old: Vec<&Grant> = old.iter().filter(allows).filter(|one| one.layer == row.layer).collect();
            if old.iter().any(|one| covers_statement(one, &row)) {
                continue;
            }
            let mut subjects = Self::called(self.after, row.holder);
            subjects.push(row.statement.clone());
            let rows = vec![Cited::grant(true, self.after, row.grant)];
            let (statement, policy) = (&row.statement, &row.policy);
            if let Some(was) = old.iter().find(|one| loosens(one, &row)) {
                let says = format!(
                    "`{statement}` of `{policy}` asks for less than {}",
                    was.condition.as_deref().unwrap_or("before")
                );
                let mut rows = rows.clone();
                rows.push(Cited::grant(false, self.before, was.grant));
                self.add(ExceptionKind::ConditionDropped, subjects.clone(), says, rows);
            }
            let fresh = wildcards(&old, &row);
            if !fresh.is_empty() {
                let says = format!("`{statement}` of `{policy}` has the wildcards {}", fresh.join(", "));
                self.add(ExceptionKind::WildcardAdded, subjects.clone(), says, rows.clone());
            }
            let inverse =
                [("actions", &row.not_actions), ("resources", &row.not_resources), ("principals", &row.not_principals)];
            for (what, list) in inverse.into_iter().filter(|(_, list)| !list.is_empty()) {
                let says = format!("`{statement}` of `{policy}` is about all {what} but {}", list.join(", "));
                self.add(ExceptionKind::NotElementAdded, subjects.clone(), says, rows.clone());
            }
        }
        for row in self.delta.trusts.added.clone() {
            let old = self.delta.trusts.removed.iter().filter(|old| self.numbers.after(old.target) == Some(row.target));
            let was = old.filter(|old| old.trustee_pattern == row.trustee_pattern && old.condition.is_some());
            if let Some(was) = was.into_iter().find(|old| drops(old.condition.as_deref(), row.condition.as_deref())) {
                let target = Self::called(self.after, row.target);
                let says = format!(
                    "`{}` trusts `{}` without {}",
                    target[0],
                    row.trustee_pattern,
                    was.condition.as_deref().unwrap_or_default()
                );
                let cited = vec![Cited::after("trusts", &format!("{} → {}", target[0], row.trustee_pattern))];
                self.add(ExceptionKind::ConditionDropped, target, says, cited);
            }
        }
    }

    fn dynamic_groups(&mut self) {
        for row in self.delta.attributes.added.clone() {
            let entity = self.after.entity(row.entity);
            let key = row.key.to_lowercase();
            let rule = key.contains("rule") || key == "implicit_members";
            if entity.kind == EntityKind::Group && rule {
                let says = format!("who is in `{}` follows from another rule: {} is {}", entity.id, row.key, row.value);
                let cited = vec![Cited::after("attributes", &format!("{} {}", entity.id, row.key))];
                self.add(ExceptionKind::DynamicGroupBroadened, Self::called(self.after, row.entity), says, cited);
            }
        }
    }

    fn expiries(&mut self) {
        let longer = |was: Option<i64>, is: Option<i64>| was.is_some() && later(was, is);
        for row in self.delta.grants.added.clone() {
            let same = |old: &&Grant| {
                self.numbers.after(old.holder) == Some(row.holder)
                    && (old.policy == row.policy && old.statement == row.statement)
            };
            if self.delta.grants.removed.iter().filter(same).any(|old| longer(old.expires_at, row.expires_at)) {
                let mut subjects = Self::called(self.after, row.holder);
                subjects.push(row.statement.clone());
                let says = format!("`{}` of `{}` ends later or not at all", row.statement, row.policy);
                let rows = vec![Cited::grant(true, self.after, row.grant)];
                self.add(ExceptionKind::ExpiryExtended, subjects, says, rows);
            }
        }
        for row in self.delta.memberships.added.clone() {
            let same = |old: &&Membership| {
                let now = |id: EntityId| self.numbers.after(id);
                now(old.member) == Some(row.member) && now(old.container) == Some(row.container) && old.kind == row.kind
            };
            if self.delta.memberships.removed.iter().filter(same).any(|old| longer(old.expires_at, row.expires_at)) {
                let mut subjects = Self::called(self.after, row.member);
                subjects.extend(Self::called(self.after, row.container));
                let says = format!("`{}` is in `{}` for longer", subjects[0], subjects[2]);
                let rows = vec![Cited::after("memberships", &format!("{} → {}", subjects[0], subjects[2]))];
                self.add(ExceptionKind::ExpiryExtended, subjects, says, rows);
            }
        }
        for row in self.delta.credentials.added.clone() {
            let same = |old: &&crate::model::Credential| old.credential == row.credential;
            let mut old = self.delta.credentials.removed.iter().filter(same);
            // A new secret may live as long as the old one did; its age starts anew.
            if old.any(|old| longer(old.expires_at, row.expires_at) && old.last_rotated_at == row.last_rotated_at) {
                let mut subjects = vec![row.credential.clone()];
                subjects.extend(Self::called(self.after, row.entity));
                let says = format!("the credential `{}` ends later or not at all", row.credential);
                let rows = vec![Cited::after("credentials", &row.credential)];
                self.add(ExceptionKind::ExpiryExtended, subjects, says, rows);
            }
        }
    }

    fn reviews(&mut self) {
        for old in self.delta.approvals.removed.clone().into_iter().filter(|row| row.cycle_days.is_some()) {
            let mut now = self.after.approvals.iter().filter(|row| row.object == old.object).peekable();
            let gone = now.peek().is_none();
            let least = now.filter_map(|row| row.cycle_days).min();
            if gone || least.is_none_or(|days| Some(days) > old.cycle_days) {
                let says = format!("`{}` is reviewed less often or not at all", old.object);
                let rows = vec![Cited::before("approvals", &old.object)];
                self.add(ExceptionKind::ReviewExclusion, vec![old.object.clone()], says, rows);
            }
        }
    }

    fn memberships(&mut self) {
        for row in self.delta.memberships.added.clone().into_iter().filter(|row| row.kind == MembershipKind::MemberOf) {
            let mut subjects = Self::called(self.after, row.member);
            subjects.extend(Self::called(self.after, row.container));
            let cited = vec![Cited::after("memberships", &format!("{} → {}", subjects[0], subjects[2]))];
            if self.after.entity(row.member).kind == EntityKind::Group {
                let says = format!("the group `{}` is put into `{}`", subjects[0], subjects[2]);
                self.add(ExceptionKind::NestedGroup, subjects.clone(), says, cited.clone());
            }
            if self.is_for_emergencies(row.container) {
                let says = format!("`{}` is put into `{}`, which is for emergencies", subjects[0], subjects[2]);
                self.add(ExceptionKind::BreakGlass, subjects, says, cited);
            }
        }
    }

    fn is_for_emergencies(&self, of: EntityId) -> bool {
        let plain = |text: &str| text.to_lowercase().replace(['-', '_', ' ', '.'], "");
        let named = |text: &str| BREAK_GLASS.iter().any(|word| plain(text).contains(word));
        let entity = self.after.entity(of);
        let start = self.after.attributes.partition_point(|row| row.entity < of);
        let mut rows = self.after.attributes[start..].iter().take_while(|row| row.entity == of);
        named(&entity.name) || rows.any(|row| named(&row.key) && row.value != "false")
    }
}

/// Wildcards of a statement that none of the same holder's is above: a pattern below one of its own kind is no new one.
fn wildcards<'g>(old: &[&Grant], row: &'g Grant) -> Vec<&'g str> {
    type List = fn(&Grant) -> &Vec<String>;
    type Covers = fn(&str, &str) -> bool;
    let lists: [(List, Covers); 3] =
        [(|row| &row.actions, covers_ignore_case), (|row| &row.resources, covers), (|row| &row.principals, covers)];
    let mut out = Vec::new();
    for (list, covers) in lists {
        let known = |one: &String| old.iter().any(|old| list(old).iter().any(|by| covers(by, one)));
        out.extend(list(row).iter().filter(|one| is_wild(one) && !known(one)).map(String::as_str));
    }
    out
}

/// Whether an end is later than another, or none.
fn later(was: Option<i64>, is: Option<i64>) -> bool {
    match (was, is) {
        (Some(was), Some(is)) => is > was,
        (Some(_), None) => true,
        (None, _) => false,
    }
}

fn widened(old: &Exception, new: &Exception) -> bool {
    let wider = |old: &Option<String>, new: &Option<String>| match (old, new) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(old), Some(new)) => !covers(old, new),
    };
    wider(&old.rule, &new.rule)
        || wider(&old.principal, &new.principal)
        || wider(&old.resource, &new.resource)
        || wider(&old.domain, &new.domain)
}

/// Whether a statement gives what another one gives, under fewer conditions.
fn loosens(old: &Grant, new: &Grant) -> bool {
    let named: BTreeSet<&String> = old.actions.iter().collect();
    let shares = new.actions.iter().any(|one| {
        named.contains(one) || old.actions.iter().any(|by| covers_ignore_case(one, by) || covers_ignore_case(by, one))
    });
    let on = new.resources.iter().any(|one| old.resources.iter().any(|by| covers(one, by) || covers(by, one)));
    shares && on && drops(old.condition.as_deref(), new.condition.as_deref())
}

/// The values of a condition key, one or several, in one form.
fn listed(value: &serde_json::Value) -> Vec<String> {
    let text = |one: &serde_json::Value| one.as_str().map_or_else(|| one.to_string(), str::to_owned);
    let mut values: Vec<String> =
        value.as_array().map_or_else(|| vec![text(value)], |list| list.iter().map(text).collect());
    values.sort_unstable();
    values
}

/// Whether a condition asks for less than another: it is none, or lacks something that the other has.
fn drops(old: Option<&str>, new: Option<&str>) -> bool {
    let Some(old) = old else { return false };
    let Some(new) = new else { return true };
    let parsed = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
    match (parsed(old), parsed(new)) {
        // Only a condition that says all that the other said, word for word, certainly asks for no less.
        (Some(serde_json::Value::Object(old)), Some(serde_json::Value::Object(new))) => {
            old.iter().any(|(operator, keys)| {
                match (keys.as_object(), new.get(operator).and_then(|one| one.as_object())) {
                    (Some(keys), Some(now)) => {
                        keys.iter().any(|(key, value)| now.get(key).map(listed) != Some(listed(value)))
                    }
                    _ => new.get(operator) != Some(keys),
                }
            })
        }
        _ => old != new,
    }
}
