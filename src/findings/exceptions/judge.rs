//! Whether an exception is worth anything: complete, decided by two people, limited in time and in reach.

use std::collections::BTreeMap;

use super::matching::{Cover, is_pattern, narrowed};
use super::party::{People, date};
use crate::findings::DAY;
use crate::model::{Exception, Tables};

/// Days for which an exception may be given.
pub const LIFE_DAYS_MAX: i64 = 180;

/// What an exception is held against.
pub struct Judge<'a> {
    pub tables: &'a Tables,
    pub people: &'a People<'a>,
    pub as_of: i64,
    /// Ids of all rules.
    pub rules: &'a [&'static str],
    /// Where each id is declared.
    pub declared: BTreeMap<&'a str, Vec<String>>,
}

impl<'a> Judge<'a> {
    /// Prepares to judge the exceptions of a snapshot.
    pub fn new(tables: &'a Tables, people: &'a People<'a>, as_of: i64, rules: &'a [&'static str]) -> Self {
        let mut declared: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for row in &tables.exceptions {
            declared.entry(row.exception.trim()).or_default().push(place(tables, row));
        }
        Self { tables, people, as_of, rules, declared }
    }

    /// Everything that is wrong with an exception, in the order of its columns; empty when it is valid.
    pub fn problems(&self, exception: &'a Exception, cover: &Cover<'_>) -> Vec<String> {
        let mut problems = Vec::new();
        self.id(exception, &mut problems);
        self.reach(exception, cover, &mut problems);
        let given = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.trim().is_empty());
        if !given(&exception.reason) {
            problems.push("it gives no `reason`".to_owned());
        }
        self.parties(exception, &mut problems);
        self.life(exception, &mut problems);
        problems
    }

    fn id(&self, exception: &Exception, problems: &mut Vec<String>) {
        let id = exception.exception.trim();
        if id.is_empty() {
            problems.push("it has no id".to_owned());
            return;
        }
        let places = self.declared.get(id).map_or(&[][..], Vec::as_slice);
        if places.len() > 1 {
            problems.push(format!("its id is given {} times: {}", places.len(), places.join(" and ")));
        }
    }

    fn reach(&self, exception: &Exception, cover: &Cover<'_>, problems: &mut Vec<String>) {
        if let Some(rule) = narrowed(exception.rule.as_deref()) {
            if rule == super::RULE {
                problems.push(format!("`{rule}` reports exceptions and cannot be excepted"));
            } else if !self.rules.iter().any(|known| cover.takes_rule(known)) {
                problems.push(format!("there is no rule `{rule}`"));
            }
        }
        let every_rule = self.rules.iter().filter(|rule| **rule != super::RULE).all(|rule| cover.takes_rule(rule));
        if every_rule && self.everyone(cover) {
            problems.push("it names neither a rule nor a principal and would cover everything".to_owned());
        }
        let columns = [
            ("principal", &exception.principal, &cover.principals),
            ("resource", &exception.resource, &cover.resources),
        ];
        for (column, name, found) in columns {
            let (Some(name), Some(found)) = (narrowed(name.as_deref()), found) else { continue };
            if found.len() > 1 && !is_pattern(name) {
                problems.push(format!("its {column} `{name}` is the name of {}: give a full id", found.len()));
            }
        }
    }

    /// Whether every principal of the snapshot is covered; one that is alone can be named.
    fn everyone(&self, cover: &Cover<'_>) -> bool {
        let Some(list) = &cover.principals else { return true };
        let mut principals = self.tables.entities.iter().filter(|entity| entity.is_principal()).peekable();
        list.len() > 1
            && principals.peek().is_some()
            && principals.all(|entity| list.binary_search(&entity.entity).is_ok())
    }

    fn parties(&self, exception: &'a Exception, problems: &mut Vec<String>) {
        let party = |column: &'a Option<String>| {
            column.as_deref().filter(|text| !text.trim().is_empty()).map(|text| self.people.party(text))
        };
        let (owner, approver) = (party(&exception.owner), party(&exception.approved_by));
        for (role, column, party) in [("owner", "owner", &owner), ("approver", "approved_by", &approver)] {
            match party {
                None => problems.push(format!("it gives no `{column}`")),
                Some(party) => problems.extend(self.people.problem(role, party, self.as_of)),
            }
        }
        if let (Some(owner), Some(approver)) = (owner, approver)
            && owner.is(&approver)
        {
            problems.push(format!("its owner `{}` and its approver `{}` are the same", owner.text, approver.text));
        }
    }

    fn life(&self, exception: &Exception, problems: &mut Vec<String>) {
        for (column, time) in [("created", exception.created_at), ("expires", exception.expires_at)] {
            if time.is_none() {
                problems.push(format!("it gives no `{column}`"));
            }
        }
        if let Some(created) = exception.created_at.filter(|&created| created > self.as_of) {
            problems.push(format!("it was created on {}, after the time of the scan", date(created)));
        }
        let Some((created, expires)) = exception.created_at.zip(exception.expires_at) else { return };
        if expires < created {
            problems.push(format!("it expires on {}, before it was created on {}", date(expires), date(created)));
        } else if expires.saturating_sub(created) > LIFE_DAYS_MAX * DAY {
            let days = expires.saturating_sub(created) / DAY;
            problems.push(format!("it lasts {days} days; {LIFE_DAYS_MAX} are the most"));
        }
    }

    /// Whether the last day of an exception is over. A day without a time of day counts in full.
    pub fn is_over(&self, exception: &Exception) -> bool {
        exception.expires_at.is_some_and(|end| {
            let whole_day = end.rem_euclid(DAY) == 0;
            if whole_day { self.as_of >= end.saturating_add(DAY) } else { self.as_of > end }
        })
    }
}

/// File and record of an exception.
pub fn place(tables: &Tables, exception: &Exception) -> String {
    let path = usize::try_from(exception.source.0).ok().and_then(|at| tables.sources.get(at));
    let path = path.map_or("", |source| source.path.as_str());
    if exception.record.is_empty() { path.to_owned() } else { format!("{path}, {}", exception.record) }
}
