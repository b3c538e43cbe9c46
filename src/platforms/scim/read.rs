//! Pages (`ListResponse`) and lines of SCIM resources.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::NAME;
use super::resource::{Resource, SERVICE, folded};
use crate::model::rebuild::{self, Fate};
use crate::model::{Builder, EntityKind, IssueSeverity};
use crate::platforms::input::json::{Batch, Fields, Sink};
use crate::platforms::input::{Head, Input, ReadError, Reader};

/// Attribute of the scope with the host that resources of a source name.
const HOST: &str = "host";

/// SCIM resources.
pub struct Resources;

impl Reader for Resources {
    fn name(&self) -> &'static str {
        "scim"
    }

    fn title(&self) -> &'static str {
        "SCIM 2.0 users and groups: answers of `/Users` and `/Groups`, page by page or one resource on a line"
    }

    fn recognises(&self, head: &Head) -> bool {
        head.object().is_some_and(is_scim)
    }

    fn read(&self, input: &mut Input<'_>, out: &mut Builder) -> Result<(), ReadError> {
        let folder = folder(input.path());
        let mut pages = Pages { out, host: None, total: None };
        let outcome = input.split(&mut pages);
        let Pages { out, host, total } = pages;
        let name = host.or(folder).unwrap_or_else(|| "service".to_owned());
        settle(out, &name);
        let read = out.source.records + out.source.skipped;
        if let Some(total) = total.filter(|total| *total > read) {
            let message = format!(
                "the source says that there are {total} resources and holds {read}: the other pages (`startIndex`) are missing unless another file has them"
            );
            out.issue(IssueSeverity::Note, "page_missing", "", message);
        }
        outcome
    }
}

/// The folder that a file is in.
fn folder(path: &str) -> Option<String> {
    let mut parts = path.rsplit(['/', '!']);
    parts.next();
    parts.next().filter(|name| !name.is_empty() && *name != "." && *name != "export").map(str::to_owned)
}

/// Whether an object says that it is SCIM.
fn is_scim(object: &Map<String, Value>) -> bool {
    let schemas = object.iter().find(|(key, _)| key.eq_ignore_ascii_case("schemas")).map(|(_, value)| value);
    let urn =
        |value: &Value| value.as_str().is_some_and(|text| text.to_lowercase().starts_with("urn:ietf:params:scim:"));
    schemas.and_then(Value::as_array).is_some_and(|list| list.iter().any(urn))
}

struct Pages<'b> {
    out: &'b mut Builder,
    host: Option<String>,
    total: Option<u64>,
}

impl Sink for Pages<'_> {
    fn is_list(&self, key: &str) -> bool {
        key.eq_ignore_ascii_case("Resources")
    }

    fn bare(&self) -> bool {
        true
    }

    fn records(&mut self, batch: &Batch) {
        let parsed = batch.parse(|bytes| serde_json::from_slice::<Value>(bytes).map(|value| folded(value, 0)));
        for (at, value) in parsed.into_iter().enumerate() {
            let place = batch.pointer(at);
            match value {
                Ok(Value::Object(fields)) => self.resource(fields, place),
                Ok(_) => self.out.skip("record_invalid", &place, "a resource is no object".to_owned()),
                Err(error) => self.out.skip("json_invalid", &place, format!("a resource cannot be read: {error}")),
            }
        }
    }

    fn document(&mut self, pointer: &str, fields: Fields) {
        let Value::Object(fields) = folded(Value::Object(fields.object().0), 0) else { return };
        if let Some(total) = fields.get("totalresults").and_then(Value::as_u64) {
            self.total = Some(self.total.map_or(total, |known| known.max(total)));
        } else if fields.contains_key("id") {
            self.resource(fields, pointer.to_owned());
        }
    }
}

impl Pages<'_> {
    fn resource(&mut self, fields: Map<String, Value>, place: String) {
        // A list of pages: each holds its resources.
        if let Some(Value::Array(inner)) = fields.get("resources") {
            for (at, value) in inner.clone().into_iter().enumerate() {
                if let Value::Object(fields) = value {
                    self.resource(fields, format!("{place}/Resources/{at}"));
                }
            }
            return;
        }
        let mut resource = Resource { out: &mut *self.out, fields, place };
        let host = resource.host();
        match resource.kind() {
            Some(EntityKind::Group) => resource.group(),
            Some(_) => resource.user(),
            None => {
                let place = resource.place.clone();
                let message = "the resource is neither a user nor a group, and is not used".to_owned();
                resource.out.issue(IssueSeverity::Note, "resource_not_used", &place, message);
            }
        }
        self.host = self.host.take().or(host);
    }
}

/// Calls the scope of a source by its name.
fn settle(out: &mut Builder, name: &str) {
    let fresh = format!("{NAME}:{}", name.replace('/', "_"));
    if let Some(scope) = out.handle(SERVICE) {
        let entity = crate::model::Entity { name: name.to_owned(), ..out.entity(scope).clone() };
        out.replace(scope, entity);
        out.attribute(scope, HOST, name);
    }
    out.rename(|id| {
        let rest = id.strip_prefix(SERVICE)?;
        (rest.is_empty() || rest.starts_with('/')).then(|| format!("{fresh}{rest}"))
    });
}

/// Finds out of members whether they are users or groups, where groups do not say it.
pub fn reconcile(builders: &mut [Builder]) {
    let own = |builder: &&Builder| builder.source.kind == NAME;
    let mut open: BTreeSet<String> = BTreeSet::new();
    let mut groups: BTreeSet<String> = BTreeSet::new();
    for entity in builders.iter().filter(own).flat_map(Builder::entities) {
        if entity.id.contains("/members/") {
            open.insert(entity.id.clone());
        } else if entity.present && entity.kind == EntityKind::Group {
            groups.insert(entity.id.clone());
        }
    }
    let named: BTreeMap<String, String> = open
        .into_iter()
        .map(|id| {
            let group = id.replacen("/members/", "/Groups/", 1);
            let name = if groups.contains(&group) { group } else { id.replacen("/members/", "/Users/", 1) };
            (id, name)
        })
        .collect();
    for builder in builders.iter_mut().filter(|builder| builder.source.kind == NAME) {
        rebuild::rename(builder, |entity| match named.get(&entity.id) {
            Some(name) => Fate::Rename(name.clone()),
            None => Fate::Keep,
        });
    }
}
