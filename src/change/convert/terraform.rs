//! Plans of Terraform and its fork `OpenTofu` (`terraform show -json`): what each resource is and is to be.
//!
//! A plan does not know every value before it is applied. One that the configuration takes from another resource of the
//! plan, whose id follows from its name, is put in; all others are left out. Either way a note says so, and so does one
//! for every resource that smells of access and is not read: silence means that nothing about access is in it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::diff::{Keep, Said, difference};
use super::{Converted, Sink};
use crate::change::read::{Note, NoteKind};
use crate::model::{Builder, Entity, Source, Tables};
use crate::platforms::declared::{self, Attributes, Declaring};

/// Name of the form.
pub const FORM: &str = "terraform_plan";

/// Words in the name of a kind, or of an attribute, that tell of access.
const WORDS: [&str; 46] = [
    "access",
    "acl",
    "admin",
    "allow",
    "assignment",
    "assume",
    "auth",
    "authorization",
    "binding",
    "boundary",
    "certificate",
    "credential",
    "deny",
    "entitlement",
    "federated",
    "federation",
    "grant",
    "grants",
    "group",
    "iam",
    "identity",
    "key",
    "login",
    "member",
    "members",
    "membership",
    "oidc",
    "organizations",
    "password",
    "permission",
    "permissions",
    "policy",
    "principal",
    "privilege",
    "protection",
    "rbac",
    "role",
    "ruleset",
    "saml",
    "scp",
    "secret",
    "share",
    "ssoadmin",
    "token",
    "trust",
    "user",
];

/// Whether a document is a plan.
pub fn is_plan(value: &Value) -> bool {
    value.get("resource_changes").is_some_and(Value::is_array)
        || value.get("format_version").is_some() && value.get("planned_values").is_some()
}

/// Turns a plan into operations.
pub fn convert(value: &Value, tables: &Tables, at: &str) -> Converted {
    let mut plan = Plan::new(value, tables, at);
    plan.export();
    plan.declare();
    plan.converted()
}

/// One resource of the plan that something happens to.
struct Resource<'v> {
    address: &'v str,
    kind: &'v str,
    place: String,
    before: Option<&'v Attributes>,
    after: Option<Attributes>,
    unknown: &'v Value,
    expressions: Option<&'v Map<String, Value>>,
    /// Whether the plan changes it, or only knows it.
    changes: bool,
}

struct Plan<'v, 't> {
    resources: Vec<Resource<'v>>,
    context: Declaring<'t>,
    /// What resources say of themselves once they are made: by address.
    exported: BTreeMap<String, BTreeMap<&'static str, String>>,
    sink: Sink,
    before: Builder,
    after: Builder,
}

fn builder() -> Builder {
    Builder::new(Source { path: String::new(), kind: FORM.to_owned(), sha256: String::new(), records: 0, skipped: 0 })
}

impl<'v, 't> Plan<'v, 't> {
    fn new(value: &'v Value, tables: &'t Tables, at: &str) -> Self {
        let empty: &[Value] = &[];
        let changes = value.get("resource_changes").and_then(Value::as_array).map_or(empty, Vec::as_slice);
        let mut sink = Sink::default();
        let mut resources = Vec::new();
        for (number, one) in changes.iter().enumerate() {
            let place = format!("{at}/resource_changes/{number}");
            match resource(value, one, place.clone()) {
                Ok(found) => resources.extend(found),
                Err(why) => sink.note(NoteKind::NotConverted, &place, why),
            }
        }
        if value.get("errored") == Some(&Value::Bool(true)) {
            sink.note(NoteKind::NotConverted, at, "the plan ended in an error: it is not whole".to_owned());
        }
        if !value.get("resource_changes").is_some_and(Value::is_array) {
            sink.note(NoteKind::NotConverted, at, "the plan has no list of changes".to_owned());
        }
        let context = Declaring::new(tables);
        Self { resources, context, exported: BTreeMap::new(), sink, before: builder(), after: builder() }
    }

    /// Learns what the resources of the plan will be called.
    fn export(&mut self) {
        for resource in &self.resources {
            let Some(after) = &resource.after else { continue };
            let own = declared::exported(resource.kind, after, &self.context);
            if !own.is_empty() {
                self.exported.insert(resource.address.to_owned(), own.into_iter().collect());
            }
        }
        for at in 0..self.resources.len() {
            let (known, notes) = self.resolve(&self.resources[at]);
            for (key, value) in known {
                if let Some(after) = &mut self.resources[at].after {
                    after.insert(key, value);
                }
            }
            self.sink.notes.extend(notes);
        }
    }

    /// Values that are not known yet: those that follow from what the configuration refers to, and a note for each that
    /// the configuration sets.
    fn resolve(&self, resource: &Resource<'v>) -> (Vec<(String, Value)>, Vec<Note>) {
        let (mut known, mut notes) = (Vec::new(), Vec::new());
        let unknown = resource.unknown.as_object().into_iter().flatten().filter(|_| resource.changes);
        for (key, what) in unknown.filter(|(_, what)| is_unknown(what)) {
            let Some(expression) = resource.expressions.and_then(|all| all.get(key)) else {
                // The configuration does not set it: what the provider computes of it stays as it is.
                let was = resource.before.and_then(|before| before.get(key));
                known.extend(was.map(|was| (key.clone(), was.clone())));
                continue;
            };
            let references = references(expression);
            let values: Vec<(&str, String)> =
                references.iter().filter_map(|one| Some((*one, self.referred(resource.address, one)?))).collect();
            let address = resource.address;
            let message = match values.as_slice() {
                [] => {
                    format!("`{key}` of `{address}` is not known before the plan is applied")
                }
                found => {
                    let texts: Vec<Value> = found.iter().map(|(_, text)| Value::String(text.clone())).collect();
                    let many = what.is_array() || found.len() > 1 || PLURAL.contains(&key.as_str());
                    let value = if many { Value::Array(texts) } else { texts[0].clone() };
                    let shown: Vec<String> = found.iter().map(|(from, text)| format!("`{text}` by `{from}`")).collect();
                    known.push((key.clone(), value));
                    format!(
                        "`{key}` of `{address}` is not known before the plan is applied: it is taken to be {}",
                        shown.join(", ")
                    )
                }
            };
            notes.push(Note { kind: NoteKind::UnknownValue, pointer: resource.place.clone(), message });
        }
        (known, notes)
    }

    /// What a reference (`aws_iam_role.app.arn`) from a resource will be.
    fn referred(&self, from: &str, reference: &str) -> Option<String> {
        let (target, attribute) = reference.rsplit_once('.')?;
        let inside = from.rfind("module.").and_then(|start| {
            let (end, _) = from[start..].match_indices('.').nth(1)?;
            Some(&from[..=start + end])
        });
        let module = inside.unwrap_or_default();
        let index = from.ends_with(']').then(|| from.rfind('[').map(|at| &from[at..])).flatten();
        let plain = format!("{module}{target}");
        let own = index.map(|index| format!("{plain}{index}"));
        let found =
            [Some(plain.as_str()), own.as_deref()].into_iter().flatten().find_map(|one| self.exported.get(one))?;
        found.get(attribute).cloned()
    }

    /// Puts what there is and what there is to be into two builders.
    fn declare(&mut self) {
        let (mut before, mut after) = (builder(), builder());
        // What the plan makes is known by its name before what hangs on it is read.
        for _ in 0..2 {
            (before, after) = (builder(), builder());
            let mut left_out = Vec::new();
            for resource in self.resources.iter().filter(|resource| resource.changes) {
                let read = |value: &Attributes, out: &mut Builder| {
                    declared::declare(resource.kind, value, &resource.place, &self.context, out)
                };
                let was = resource.before.is_some_and(|value| read(value, &mut before));
                let is = resource.after.as_ref().is_some_and(|value| read(value, &mut after));
                if !was && !is {
                    left_out.extend(smells(resource));
                }
            }
            self.context.remember(&before);
            self.context.remember(&after);
            self.sink.left_out = left_out;
        }
        (self.before, self.after) = (before, after);
    }

    fn converted(self) -> Converted {
        let Self { mut sink, before, after, context, .. } = self;
        sink.issues(&before.issues);
        sink.issues(&after.issues);
        let left_out = std::mem::take(&mut sink.left_out);
        sink.notes.extend(left_out);
        let (before, after) = (Builder::assemble(vec![before]), Builder::assemble(vec![after]));
        // What a resource only implies (the cluster that it is in) comes when the snapshot lacks it, and never goes.
        let is_there =
            |entity: &Entity| context.tables.find(&entity.id).is_some_and(|known| context.tables.entity(known).present);
        let declared = Keep { entity: &|entity| entity.record.is_some(), ..Keep::ALL };
        let implied = Keep { entity: &|entity| entity.record.is_some() || !is_there(entity), ..Keep::ALL };
        let (changes, notes, gone) = difference(Said::of(&before, &declared), Said::of(&after, &implied));
        sink.notes.extend(notes);
        Converted { form: FORM, changes, gone, notes: sink.notes, errors: Vec::new() }
    }
}

/// Attributes that hold several of what others hold one of.
const PLURAL: [&str; 6] = ["roles", "users", "groups", "members", "managed_policy_arns", "policy_arns"];

fn is_unknown(what: &Value) -> bool {
    match what {
        Value::Bool(flag) => *flag,
        Value::Array(list) => list.iter().any(is_unknown),
        Value::Object(fields) => fields.values().any(is_unknown),
        _ => false,
    }
}

/// References of an expression, to attributes only: of `a.b.c` and `a.b`, the first.
fn references(expression: &Value) -> Vec<&str> {
    let all: Vec<&str> = match expression {
        Value::Object(fields) => match fields.get("references") {
            Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
            _ => fields.values().flat_map(references).collect(),
        },
        Value::Array(list) => list.iter().flat_map(references).collect(),
        _ => Vec::new(),
    };
    all.into_iter().filter(|one| one.split('.').count() >= 3 && !one.starts_with("data.")).collect()
}

/// Reads one change; `None` for what the plan only reads.
fn resource<'v>(plan: &'v Value, value: &'v Value, place: String) -> Result<Option<Resource<'v>>, String> {
    let text = |key: &str| value.get(key).and_then(Value::as_str);
    let (Some(kind), Some(address)) = (text("type"), text("address")) else {
        return Err("a change does not say of which resource".to_owned());
    };
    if text("mode") == Some("data") {
        return Ok(None);
    }
    let Some(change) = value.get("change") else { return Err(format!("`{address}` does not say how it changes")) };
    let actions: Vec<&str> =
        change.get("actions").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let known = ["no-op", "read", "create", "update", "delete"];
    if actions.is_empty() || actions.iter().any(|action| !known.contains(action)) {
        return Err(format!(
            "what happens to `{address}` is none of the actions that are read: {}",
            actions.join(", ")
        ));
    }
    let side = |key: &str| change.get(key).and_then(Value::as_object);
    Ok(Some(Resource {
        address,
        kind,
        place,
        before: side("before"),
        after: side("after").cloned(),
        unknown: change.get("after_unknown").unwrap_or(&Value::Null),
        expressions: expressions(plan, address, kind),
        changes: actions.iter().any(|action| matches!(*action, "create" | "update" | "delete")),
    }))
}

/// The expressions that the configuration sets the attributes of a resource to.
fn expressions<'v>(plan: &'v Value, address: &str, kind: &str) -> Option<&'v Map<String, Value>> {
    let mut module = plan.get("configuration")?.get("root_module")?;
    let plain = without_indexes(address);
    let mut parts = plain.split('.').peekable();
    while parts.peek() == Some(&"module") {
        parts.next();
        module = module.get("module_calls")?.get(parts.next()?)?.get("module")?;
    }
    parts.next().filter(|one| *one == kind)?;
    let name = parts.next()?;
    let own = |one: &&Value| {
        one.get("type").and_then(Value::as_str) == Some(kind) && one.get("name").and_then(Value::as_str) == Some(name)
    };
    module.get("resources")?.as_array()?.iter().find(own)?.get("expressions")?.as_object()
}

/// An address without `[0]` and `["key"]`.
fn without_indexes(address: &str) -> String {
    let mut out = String::with_capacity(address.len());
    let (mut depth, mut quoted) = (0usize, false);
    for letter in address.chars() {
        match letter {
            '"' => quoted = !quoted,
            '[' if !quoted => depth += 1,
            ']' if !quoted => depth = depth.saturating_sub(1),
            _ if depth == 0 => out.push(letter),
            _ => {}
        }
    }
    out
}

fn tells_of_access(name: &str) -> bool {
    name.split('_').any(|part| WORDS.contains(&part) || WORDS.contains(&part.trim_end_matches('s')))
}

/// What is to be said of a resource that is not read, where it may be about access.
fn smells(resource: &Resource<'_>) -> Vec<Note> {
    let note = |message: String| Note { kind: NoteKind::NotConverted, pointer: resource.place.clone(), message };
    let address = resource.address;
    if tells_of_access(resource.kind) {
        return vec![note(format!("`{address}` may be about access, and `{}` is not read", resource.kind))];
    }
    let empty = Map::new();
    let (before, after) = (resource.before.unwrap_or(&empty), resource.after.as_ref().unwrap_or(&empty));
    let said = |value: &Value| match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        _ => true,
    };
    let keys = after.keys().chain(before.keys().filter(|key| !after.contains_key(*key)));
    let unknown = |key: &String| resource.unknown.get(key).is_some_and(is_unknown);
    let changed = keys.filter(|key| {
        let sides = [before.get(*key), after.get(*key)];
        sides[0] != sides[1] && (sides.iter().flatten().any(|value| said(value)) || unknown(key))
    });
    let mut found: Vec<&str> = changed.filter(|key| tells_of_access(key)).map(String::as_str).collect();
    let unknown_keys = resource.unknown.as_object().into_iter().flatten();
    found.extend(
        unknown_keys.filter(|(key, what)| is_unknown(what) && tells_of_access(key)).map(|(key, _)| key.as_str()),
    );
    found.sort_unstable();
    found.dedup();
    if found.is_empty() {
        return Vec::new();
    }
    vec![note(format!("`{address}` is not read, and changes what may be about access: {}", found.join(", ")))]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_smells_of_access_is_told_by_its_name() {
        for kind in
            ["aws_s3_bucket_policy", "azurerm_key_vault_access_policy", "aws_kms_grant", "google_iam_deny_policy"]
        {
            assert!(tells_of_access(kind), "{kind}");
        }
        for kind in ["aws_instance", "aws_route_table", "google_compute_network", "random_pet", "aws_monitor"] {
            assert!(!tells_of_access(kind), "{kind}");
        }
    }

    #[test]
    fn indexes_are_no_part_of_an_address_in_the_configuration() {
        assert_eq!(without_indexes(r#"module.a["x.y[0]"].aws_iam_role.r[3]"#), "module.a.aws_iam_role.r");
    }
}
