//! Conditions that speak of the resource, decided for every resource that the exports know.
//!
//! A binding on a project with such a condition is a right on those resources of the project for which it holds. What
//! is not in the exports stays open: the binding is split into a right on the resources for which it certainly holds,
//! and one on everything else that hangs on the condition.

use rustc_hash::FxHashMap;
use serde_json::{Value, json};

use super::super::cel::{Atom, Compare, Condition, Subject};
use super::super::names::{self, Level};
use crate::model::{Builder, Grant};

/// Resources that are decided for one binding; with more, all of it stays open.
const DECIDED_MAX: usize = 256;
/// Resources that are looked at for one binding.
const LOOKED_AT_MAX: usize = 20_000;
/// Services whose resources have names that conditions can ask for.
const NAMED: [&str; 9] = [
    "bigquery.googleapis.com",
    "bigtableadmin.googleapis.com",
    "cloudkms.googleapis.com",
    "compute.googleapis.com",
    "secretmanager.googleapis.com",
    "spanner.googleapis.com",
    "sqladmin.googleapis.com",
    "storage.googleapis.com",
    "cloudsql.googleapis.com",
];

/// What is where, over all files.
#[derive(Debug, Default)]
pub struct World {
    children: FxHashMap<String, Vec<String>>,
    types: FxHashMap<String, String>,
    /// Number of each project by its id.
    numbers: FxHashMap<String, String>,
}

/// For which resources a condition holds: ids as grants write them.
#[derive(Debug, Default, Clone)]
struct Decided {
    holds: Vec<String>,
    fails: Vec<String>,
}

impl World {
    /// Looks through these builders.
    pub fn new<'b>(builders: impl Iterator<Item = &'b Builder>) -> Self {
        let mut world = Self::default();
        for builder in builders {
            let id = |handle: crate::model::Handle| builder.entity(handle).id.clone();
            for row in builder.memberships.iter().filter(|row| row.kind == crate::model::MembershipKind::Contains) {
                world.children.entry(id(row.container)).or_default().push(id(row.member));
            }
            for row in &builder.attributes {
                match row.key.as_str() {
                    "asset_type" => drop(world.types.insert(id(row.entity), row.value.clone())),
                    super::estate::NUMBER => {
                        let name = builder.entity(row.entity).name.clone();
                        world.numbers.insert(name, row.value.clone());
                    }
                    _ => {}
                }
            }
        }
        for children in world.children.values_mut() {
            children.sort_unstable();
            children.dedup();
        }
        world
    }

    /// Something and everything in it, as far as it is looked at.
    fn inside(&self, id: &str) -> Vec<String> {
        let mut found = vec![id.to_owned()];
        let mut seen: rustc_hash::FxHashSet<String> = found.iter().cloned().collect();
        let mut at = 0;
        while at < found.len() && found.len() <= LOOKED_AT_MAX {
            for child in self.children.get(&found[at]).into_iter().flatten() {
                if seen.insert(child.clone()) {
                    found.push(child.clone());
                }
            }
            at += 1;
        }
        found
    }

    /// Names that a resource can have in a condition; none when that is not known.
    fn called(&self, id: &str) -> Vec<String> {
        let Some((service, path)) = id.strip_prefix("//").and_then(|rest| rest.split_once('/')) else { return Vec::new() };
        if !NAMED.contains(&service) {
            return Vec::new();
        }
        if service == "storage.googleapis.com" {
            return vec![format!("projects/_/buckets/{path}")];
        }
        let mut out = vec![path.to_owned()];
        if let Some((project, rest)) = path.strip_prefix("projects/").and_then(|rest| rest.split_once('/'))
            && let Some(number) = self.numbers.get(project)
        {
            out.push(format!("projects/{number}/{rest}"));
        }
        out
    }

    /// The type of a resource.
    fn kind(&self, id: &str) -> Option<String> {
        if id.starts_with(names::HIERARCHY) {
            return Some(format!("cloudresourcemanager.googleapis.com/{}", level_type(names::place(id)?.level)));
        }
        self.types.get(id).cloned()
    }

    fn decide(&self, condition: &Condition, of: &str) -> Decided {
        let atoms = condition.atoms();
        let on_name = |atom: &&&Atom| matches!(atom, Atom::Resource { subject: Subject::Name, .. });
        let resource = |atom: &&Atom| matches!(atom, Atom::Resource { .. });
        let prefixes = atoms.iter().filter(|atom| resource(atom)).all(|atom| {
            matches!(atom, Atom::Resource { subject: Subject::Name, compare: Compare::StartsWith, .. })
        });
        if !atoms.iter().any(resource) {
            return Decided::default();
        }
        let asks_names = atoms.iter().any(|atom| on_name(&atom));
        let mut out = Decided::default();
        for id in self.inside(of) {
            let names = if asks_names { self.called(&id) } else { vec![String::new()] };
            let kind = self.kind(&id);
            let answers: Vec<Option<bool>> = names.iter().map(|name| holds(condition, name, asks_names, kind.as_deref())).collect();
            let unnamed = names.is_empty().then(|| holds(condition, "", false, kind.as_deref()));
            let answer = match (unnamed, answers.as_slice()) {
                (Some(answer), _) => answer,
                (None, [first, rest @ ..]) if rest.iter().all(|one| one == first) => *first,
                _ => None,
            };
            match answer {
                // What is in it has a name that begins with its own.
                Some(true) if prefixes => out.holds.push(id),
                Some(true) => out.holds.push(format!("={id}")),
                Some(false) => out.fails.push(format!("={id}")),
                None => {}
            }
            if out.holds.len() + out.fails.len() > DECIDED_MAX {
                return Decided::default();
            }
        }
        out
    }
}

const fn level_type(level: Level) -> &'static str {
    match level {
        Level::Organization => "Organization",
        Level::Folder => "Folder",
        Level::Project => "Project",
    }
}

/// What a condition comes to for a resource.
fn holds(condition: &Condition, name: &str, named: bool, kind: Option<&str>) -> Option<bool> {
    condition.holds(&|atom| {
        let Atom::Resource { subject, compare, value } = atom else { return None };
        let own = match subject {
            Subject::Name if named => name,
            Subject::Name => return None,
            Subject::Type => kind?,
            Subject::Service => kind?.split('/').next()?,
        };
        Some(match compare {
            Compare::Equal => own == value,
            Compare::StartsWith => own.starts_with(value.as_str()),
            Compare::EndsWith => own.ends_with(value.as_str()),
        })
    })
}

/// A condition in words, with the time from which on it can hold.
fn in_words(kept: &Value, left: bool) -> Option<String> {
    let text = |key: &str| kept.get(key).and_then(Value::as_str).unwrap_or_default();
    let title = text("title");
    let shown = if title.is_empty() { String::new() } else { format!(" `{title}`") };
    let says = left.then(|| format!("condition{shown}: {}", text("expression")));
    match (kept.get("starts_at").and_then(Value::as_i64), says) {
        (Some(start), says) => Some(json!({"starts_at": start, "says": says}).to_string()),
        (None, Some(says)) => Some(Value::String(says).to_string()),
        (None, None) => None,
    }
}

/// Puts what follows from its condition in the place of every grant of a builder; numbers are given anew.
pub fn settle(builder: &mut Builder, world: &World) {
    let mut known: FxHashMap<(String, String), Decided> = FxHashMap::default();
    let grants = std::mem::take(&mut builder.grants);
    let mut out: Vec<Grant> = Vec::with_capacity(grants.len());
    for grant in grants {
        let kept = grant.condition.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok());
        let Some(kept) = kept.filter(|kept| kept.get("expression").is_some()) else {
            out.push(grant);
            continue;
        };
        let expression = kept.get("expression").and_then(Value::as_str).unwrap_or_default();
        let open = kept.get("open").and_then(Value::as_bool).unwrap_or(true);
        let rest = Condition::parse(expression).and_then(|condition| condition.windowed().rest);
        let on = grant.resources.first().cloned().unwrap_or_default();
        let decided = match &rest {
            Some(rest) if open => {
                known.entry((on.clone(), expression.to_owned())).or_insert_with(|| world.decide(rest, &on)).clone()
            }
            _ => Decided::default(),
        };
        if !decided.holds.is_empty() {
            let condition = in_words(&kept, false);
            out.push(Grant { resources: decided.holds.clone(), condition, ..grant.clone() });
        }
        let not_resources = decided.holds.into_iter().chain(decided.fails).collect();
        out.push(Grant { not_resources, condition: in_words(&kept, open), ..grant });
    }
    for (number, grant) in (0u32..).zip(&mut out) {
        grant.grant = number;
    }
    builder.grants = out;
}
