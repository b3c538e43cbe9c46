//! AWS Organizations: accounts, units and control policies.
//!
//! Two shapes are read. The *tree* nests everything: `{Id, Arn, Name, Type, Policies: [{Id, Name, Type, Content}],
//! Children: […]}`. The *raw responses* of the API come in one file each; where a response does not say what it
//! is about (whose parents, whose policies), that is taken from a key that a tool wrapped around it or from the
//! file's name. Units, roots and the organisation are scopes named by their ids, as most responses give no more.

use serde_json::Value;

use super::document::{self, Place, Target};
use super::names;
use super::response::{self, Page, text, token};
use crate::model::{
    Attachment, AttachmentKind, Builder, Entity, EntityKind, Handle, IssueSeverity, Layer, Membership, MembershipKind,
    Standing,
};
use crate::platforms::aws::NAME;
use crate::platforms::aws::arn::{Arn, account_id, is_account};
use crate::platforms::input::{Head, Input, ReadError, Reader};

/// Attribute with the name that Organizations gives to an account.
pub const ACCOUNT_NAME: &str = "account_name";
/// Nesting of the tree beyond which it is a mistake.
const DEPTH_MAX: usize = 32;

/// Reads organisation trees and the raw responses of Organizations.
pub struct Organization;

const LISTS: &[&str] = &["Accounts", "Roots", "OrganizationalUnits", "Parents", "Policies", "Targets"];

impl Reader for Organization {
    fn name(&self) -> &'static str {
        "aws-organization"
    }

    fn title(&self) -> &'static str {
        "AWS Organizations (a tree, or responses of `aws organizations list-…` and `describe-…`)"
    }

    fn recognises(&self, head: &Head) -> bool {
        let first = |list: &str, key: &str| head.first(list).is_some_and(|item| item.contains_key(key));
        let inner = |field: &str, key: &str| {
            head.object().and_then(|object| object.get(field)).is_some_and(|value| value.get(key).is_some())
        };
        is_node(head)
            || (first("Accounts", "Id") && (first("Accounts", "Arn") || first("Accounts", "Name")))
            || first("Roots", "Id")
            || first("OrganizationalUnits", "Id")
            || (first("Parents", "Id") && first("Parents", "Type"))
            || (first("Policies", "Id") && first("Policies", "Type"))
            || first("Targets", "TargetId")
            || inner("Policy", "PolicySummary")
            || inner("Organization", "MasterAccountId")
            || inner("OrganizationalUnit", "Id")
            || inner("Account", "JoinedTimestamp")
            || LISTS.iter().any(|list| head.is_empty_list(list))
    }

    fn read(&self, input: &mut Input<'_>, out: &mut Builder) -> Result<(), ReadError> {
        let context = Context { subject: response::file_subject(input), path: input.path().to_ascii_lowercase() };
        let mut start = Vec::new();
        let tree = peek_tree(input, &mut start)?;
        let path = input.path().to_owned();
        let mut whole = Input::from_stream(&path, Box::new(std::io::Read::chain(start.as_slice(), input.stream())));
        if tree {
            return response::pages(&mut whole, out, &[], |out, page| {
                let node = Value::Object(page.fields);
                tree_node(out, &node, None, &page.pointer, 0);
            });
        }
        response::pages(&mut whole, out, LISTS, |out, page| responses(out, page, &context))
    }
}

/// Whether the top is a node of the tree.
fn is_node(head: &Head) -> bool {
    let kind = head.object().and_then(|object| object.get("Type")).and_then(Value::as_str);
    matches!(kind, Some("Root" | "OrganizationalUnit" | "Account" | "ROOT" | "ORGANIZATIONAL_UNIT" | "ACCOUNT"))
        && head.has("Id")
}

fn peek_tree(input: &mut Input<'_>, start: &mut Vec<u8>) -> Result<bool, ReadError> {
    use std::io::Read;
    let limit = 64 * 1024;
    input.stream().take(limit).read_to_end(start).map_err(|error| ReadError::from_io(&error, ""))?;
    let head = Head::new("", start);
    Ok(is_node(&head) || (head.has("Children") && head.has("Policies") && head.has("Id")))
}

/// What the place of a response says about it.
struct Context {
    subject: String,
    path: String,
}

impl Context {
    fn node(&self) -> Option<&str> {
        token(&self.subject, is_node_id)
    }
}

/// Whether a text is the id of a root, unit or account.
fn is_node_id(part: &str) -> bool {
    let lower = |rest: &str| {
        rest.len() >= 4 && rest.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    is_account(part)
        || part.strip_prefix("r-").is_some_and(|rest| lower(rest) && !rest.contains('-'))
        || part.strip_prefix("ou-").is_some_and(lower)
}

fn is_policy_id(part: &str) -> bool {
    part.strip_prefix("p-").is_some_and(|rest| rest.len() >= 8)
}

/// The entity of a root, unit, account or organisation by its id.
fn node(out: &mut Builder, id: &str) -> Handle {
    if is_account(id) {
        return names::account(out, id);
    }
    let kind = match id.split('-').next() {
        Some("r") => "root",
        Some("ou") => "ou",
        Some("o") => "organization",
        _ => "node",
    };
    out.refer(&format!("aws:{kind}/{id}"), NAME, EntityKind::Scope, id)
}

/// States that a node exists, with what its record says.
fn define(out: &mut Builder, record: &Value, pointer: &str) -> Option<Handle> {
    let id = text(record, "Id").or_else(|| text(record, "AccountId"))?;
    let arn = text(record, "Arn");
    let handle = node(out, id);
    let mut entity = Entity::named(&out.entity(handle).id.clone(), NAME, EntityKind::Scope, id);
    entity.present = true;
    entity.source = Some(out.source_id());
    entity.record = Some(pointer.to_owned());
    if let Some(name) = text(record, "Name") {
        if is_account(id) {
            out.attribute(handle, ACCOUNT_NAME, name);
        }
        name.clone_into(&mut entity.name);
    }
    if let Some(status) = text(record, "Status") {
        entity.enabled = Some(status == "ACTIVE");
    }
    out.define(entity);
    if let Some(arn) = arn {
        out.attribute(handle, "arn", arn);
    }
    let partition = arn.and_then(Arn::parse).map_or("aws", |arn| arn.partition);
    if is_account(id) {
        names::root_user(out, id, partition);
    }
    if let Some(organization) = arn.and_then(|arn| organization(out, arn)) {
        if is_account(id) {
            out.attribute(handle, "organization", &organization);
        } else if id.starts_with("r-") {
            let parent = node(out, &organization);
            contain(out, handle, parent, pointer);
        }
    }
    Some(handle)
}

/// What an ARN of Organizations says besides its node: the organisation, and which account manages it.
fn organization(out: &mut Builder, arn: &str) -> Option<String> {
    let arn = Arn::parse(arn).filter(|arn| arn.service == "organizations")?;
    let id = arn.resource.split('/').find(|part| part.starts_with("o-"))?.to_owned();
    let mut entity = Entity::named(&format!("aws:organization/{id}"), NAME, EntityKind::Scope, &id);
    entity.present = true;
    out.define(entity);
    if arn.has_account() {
        let management = names::account(out, arn.account);
        out.attribute(management, "management_account", "true");
        out.attribute(management, "organization", &id);
    }
    Some(id)
}

fn contain(out: &mut Builder, member: Handle, container: Handle, pointer: &str) {
    let source = out.source_id();
    out.memberships.push(Membership {
        member,
        container,
        kind: MembershipKind::Contains,
        standing: Standing::Active,
        expires_at: None,
        source,
        record: pointer.to_owned(),
    });
}

/// Layer of a control policy's statements by its type; `None` for policies that control no permissions.
fn layer(record: &Value) -> Option<(Layer, AttachmentKind)> {
    let kind = text(record, "Type").map_or_else(
        || text(record, "Arn").unwrap_or("SERVICE_CONTROL_POLICY").to_ascii_uppercase(),
        str::to_ascii_uppercase,
    );
    if kind.contains("SERVICE_CONTROL_POLICY") {
        Some((Layer::Scp, AttachmentKind::Scp))
    } else if kind.contains("RESOURCE_CONTROL_POLICY") {
        Some((Layer::Rcp, AttachmentKind::Rcp))
    } else {
        None
    }
}

/// What a policy of AWS says, whose document exports rarely hold: it allows everything.
fn well_known(id: &str) -> Option<Value> {
    let everything = match id {
        "p-FullAWSAccess" => serde_json::json!({"Effect": "Allow", "Action": "*", "Resource": "*"}),
        "p-RCPFullAWSAccess" => {
            serde_json::json!({"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"})
        }
        _ => return None,
    };
    Some(serde_json::json!({"Version": "2012-10-17", "Statement": [everything]}))
}

/// The entity of a control policy, with its statements where the record holds them.
fn policy(out: &mut Builder, record: &Value, content: Option<&Value>, pointer: &str) -> Option<Handle> {
    let arn = text(record, "Arn");
    let id = text(record, "Id").or_else(|| arn.map(|arn| arn.rsplit('/').next().unwrap_or(arn)))?;
    let (layer, _) = layer(record)?;
    let key = match arn {
        Some(arn) => arn.to_owned(),
        None => format!("aws:policy/{id}"),
    };
    let name = text(record, "Name").unwrap_or(id);
    let handle = out.refer(&key, NAME, EntityKind::RoleDefinition, name);
    if out.entity(handle).present {
        return Some(handle);
    }
    let known = well_known(id);
    let Some(content) = content.filter(|content| !content.is_null()).or(known.as_ref()) else { return Some(handle) };
    match document::parse(content, Place::Identity) {
        Ok(document) => {
            let mut entity = Entity::named(&key, NAME, EntityKind::RoleDefinition, name);
            entity.present = true;
            entity.source = Some(out.source_id());
            entity.record = Some(pointer.to_owned());
            out.define(entity);
            document::emit(
                out,
                Target { holder: handle, layer, policy: &key, record: pointer, granted_at: None },
                document,
            );
        }
        Err(why) => {
            let message = format!("the control policy `{name}` cannot be read: {why}");
            out.skip("policy_document_invalid", pointer, message);
        }
    }
    Some(handle)
}

fn attach(out: &mut Builder, holder: Handle, policy: Handle, kind: AttachmentKind, pointer: &str) {
    let source = out.source_id();
    out.attachments.push(Attachment { holder, policy, kind, source, record: pointer.to_owned() });
}

fn tree_node(out: &mut Builder, record: &Value, parent: Option<Handle>, pointer: &str, depth: usize) {
    if depth > DEPTH_MAX {
        let message = format!("the tree is nested more than {DEPTH_MAX} deep");
        return out.skip("file_too_large", pointer, message);
    }
    let Some(handle) = define(out, record, pointer) else {
        return out.skip("record_invalid", pointer, "a node of the tree has no `Id`".to_owned());
    };
    if let Some(parent) = parent {
        contain(out, handle, parent, pointer);
    }
    for (index, item) in record.get("Policies").and_then(Value::as_array).into_iter().flatten().enumerate() {
        let place = format!("{pointer}/Policies/{index}");
        let Some((_, kind)) = layer(item) else { continue };
        match policy(out, item, item.get("Content"), &format!("{place}/Content")) {
            Some(policy) => attach(out, handle, policy, kind, &place),
            None => out.skip("record_invalid", &place, "a policy of the tree has no `Id`".to_owned()),
        }
    }
    for (index, child) in record.get("Children").and_then(Value::as_array).into_iter().flatten().enumerate() {
        out.source.records += 1;
        tree_node(out, child, Some(handle), &format!("{pointer}/Children/{index}"), depth + 1);
    }
}

fn responses(out: &mut Builder, mut page: Page, context: &Context) {
    let parent = page.wrapper(&["ParentId", "Parent"]).map(str::to_owned);
    let for_parent = parent.clone().or_else(|| {
        let named = context.path.contains("parent") || context.path.contains("children");
        context.node().filter(|_| named).map(str::to_owned)
    });
    for list in ["Accounts", "Roots", "OrganizationalUnits"] {
        let items = page.take(list);
        let unplaced = list == "OrganizationalUnits" && for_parent.is_none() && !items.is_empty();
        if unplaced {
            unknown(out, "parent_unknown", &page.at(list), "whose units these are (`ParentId`)");
        }
        for (pointer, item) in items {
            let Some(handle) = define(out, &item, &pointer) else {
                out.skip("record_invalid", &pointer, "a record has no `Id`".to_owned());
                continue;
            };
            if let Some(parent) = for_parent.as_deref().filter(|_| list != "Roots") {
                let parent = node(out, parent);
                contain(out, handle, parent, &pointer);
            }
        }
    }
    parents(out, &mut page, context);
    policies(out, &mut page, context);
    targets(out, &mut page, context);
    described(out, &page);
}

fn unknown(out: &mut Builder, code: &str, pointer: &str, what: &str) {
    let message =
        format!("nothing says {what}: name the file after it, or wrap the response in an object that says it");
    out.issue(IssueSeverity::Warning, code, pointer, message);
}

fn parents(out: &mut Builder, page: &mut Page, context: &Context) {
    let items = page.take("Parents");
    if items.is_empty() {
        return;
    }
    let child = page.wrapper(&["ChildId", "AccountId"]).or_else(|| context.node()).map(str::to_owned);
    let Some(child) = child else {
        return unknown(out, "child_unknown", &page.at("Parents"), "whose parents these are (`ChildId`)");
    };
    let child = node(out, &child);
    for (pointer, item) in items {
        if let Some(parent) = text(&item, "Id") {
            let parent = node(out, parent);
            contain(out, child, parent, &pointer);
        }
    }
}

/// `list-policies` and `list-policies-for-target` look alike; only the second says to whom they are attached.
fn policies(out: &mut Builder, page: &mut Page, context: &Context) {
    let named = context.path.contains("target");
    let target = page.wrapper(&["TargetId", "Target"]).or_else(|| context.node().filter(|_| named)).map(str::to_owned);
    for (pointer, item) in page.take("Policies") {
        let Some((_, kind)) = layer(&item) else { continue };
        let Some(policy) = policy(out, &item, item.get("Content"), &pointer) else {
            out.skip("record_invalid", &pointer, "a policy has no `Id`".to_owned());
            continue;
        };
        if let Some(target) = &target {
            let target = node(out, target);
            attach(out, target, policy, kind, &pointer);
        }
    }
}

fn targets(out: &mut Builder, page: &mut Page, context: &Context) {
    let items = page.take("Targets");
    if items.is_empty() {
        return;
    }
    let id = page.wrapper(&["PolicyId", "Policy"]).or_else(|| token(&context.subject, is_policy_id)).map(str::to_owned);
    let Some(id) = id else {
        return unknown(out, "policy_unknown", &page.at("Targets"), "whose targets these are (`PolicyId`)");
    };
    let kind = page.text("PolicyType").or_else(|| page.text("Type")).unwrap_or("SERVICE_CONTROL_POLICY");
    let record = serde_json::json!({"Id": id, "Type": kind});
    // The kind is corrected in the end by what the policy's own record says.
    let Some((_, attachment)) = layer(&record) else { return };
    for (pointer, item) in items {
        let Some(target) = text(&item, "TargetId") else { continue };
        let target = node(out, target);
        if let Some(policy) = policy(out, &record, None, &pointer) {
            attach(out, target, policy, attachment, &pointer);
        }
    }
}

fn described(out: &mut Builder, page: &Page) {
    if let Some(record) = page.fields.get("Policy").filter(|record| record.get("PolicySummary").is_some()) {
        let summary = record.get("PolicySummary").unwrap_or(&Value::Null);
        let pointer = page.at("Policy/Content");
        if layer(summary).is_some() && policy(out, summary, record.get("Content"), &pointer).is_none() {
            out.skip("record_invalid", &pointer, "the policy has no `Id`".to_owned());
        }
    }
    for field in ["OrganizationalUnit", "Account"] {
        if let Some(record) = page.fields.get(field).filter(|record| record.get("Id").is_some()) {
            define(out, record, &page.at(field));
        }
    }
    let Some(record) = page.fields.get("Organization") else { return };
    let Some(id) = text(record, "Id") else { return };
    let organization = node(out, id);
    let mut entity = Entity::named(&out.entity(organization).id.clone(), NAME, EntityKind::Scope, id);
    entity.present = true;
    out.define(entity);
    let management = text(record, "MasterAccountId").or_else(|| text(record, "ManagementAccountId"));
    if let Some(management) = management {
        let account = out.refer(&account_id(management), NAME, EntityKind::External, management);
        out.attribute(account, "management_account", "true");
        out.attribute(account, "organization", id);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{codes, read};
    use super::*;

    const TREE: &str = r#"{"Id":"r-ab12","Arn":"arn:aws:organizations::111111111111:root/o-abcdefghij/r-ab12","Name":"Root","Type":"Root",
        "Policies":[{"Id":"p-FullAWSAccess","Name":"FullAWSAccess","Type":"SERVICE_CONTROL_POLICY","Content":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}]}"}],
        "Children":[{"Id":"ou-ab12-cdefghij","Name":"Prod","Type":"OrganizationalUnit","Policies":[{"Id":"p-12345678","Name":"Tags","Type":"TAG_POLICY","Content":"{}"}],
          "Children":[{"Id":"222222222222","Arn":"arn:aws:organizations::111111111111:account/o-abcdefghij/222222222222","Name":"shop","Type":"Account","Policies":[],"Children":[]}]}]}"#;

    fn facts(out: &Builder) -> Vec<String> {
        let id = |handle: Handle| out.entity(handle).id.as_str();
        let mut facts: Vec<String> =
            out.memberships.iter().map(|row| format!("{} in {}", id(row.member), id(row.container))).collect();
        facts.extend(
            out.attachments
                .iter()
                .map(|row| format!("{} has {} as {}", id(row.holder), id(row.policy), row.kind.as_str())),
        );
        facts.sort();
        facts
    }

    #[test]
    fn a_tree_gives_nesting_policies_and_the_management_account() {
        let out = read(&Organization, "org.json", TREE);
        assert_eq!(
            facts(&out),
            [
                "aws:account/222222222222 in aws:ou/ou-ab12-cdefghij",
                "aws:ou/ou-ab12-cdefghij in aws:root/r-ab12",
                "aws:root/r-ab12 has aws:policy/p-FullAWSAccess as scp",
                "aws:root/r-ab12 in aws:organization/o-abcdefghij",
            ]
        );
        assert!(codes(&out).is_empty());
        assert_eq!(out.grants.len(), 1);
        assert_eq!(out.grants[0].layer, Layer::Scp);
        let management = out.handle("aws:account/111111111111").unwrap();
        assert!(out.attributes.iter().any(|row| row.entity == management && row.key == "management_account"));
    }

    #[test]
    fn raw_responses_say_the_same_with_the_help_of_file_names() {
        let parents = read(
            &Organization,
            "list-parents/222222222222",
            r#"{"Parents":[{"Id":"ou-ab12-cdefghij","Type":"ORGANIZATIONAL_UNIT"}]}"#,
        );
        assert_eq!(facts(&parents), ["aws:account/222222222222 in aws:ou/ou-ab12-cdefghij"]);
        let units = read(
            &Organization,
            "list-organizational-units-for-parent/r-ab12.json",
            r#"{"OrganizationalUnits":[{"Id":"ou-ab12-cdefghij","Name":"Prod"}]}"#,
        );
        assert_eq!(facts(&units), ["aws:ou/ou-ab12-cdefghij in aws:root/r-ab12"]);
        let attached = read(
            &Organization,
            "list-policies-for-target/ou-ab12-cdefghij.json",
            r#"{"Policies":[{"Id":"p-12345678","Arn":"arn:aws:organizations::1:policy/o-abcdefghij/service_control_policy/p-12345678","Name":"n","Type":"SERVICE_CONTROL_POLICY"}]}"#,
        );
        assert_eq!(
            facts(&attached),
            [
                "aws:ou/ou-ab12-cdefghij has arn:aws:organizations::1:policy/o-abcdefghij/service_control_policy/p-12345678 as scp"
            ]
        );
        let targets = read(
            &Organization,
            "t.json",
            r#"{"PolicyId":"p-12345678","Targets":[{"TargetId":"222222222222","Type":"ACCOUNT"}]}"#,
        );
        assert_eq!(facts(&targets), ["aws:account/222222222222 has aws:policy/p-12345678 as scp"]);
        let lost = read(&Organization, "x.json", r#"{"Parents":[{"Id":"r-ab12","Type":"ROOT"}]}"#);
        assert_eq!(codes(&lost), ["child_unknown"]);
    }

    #[test]
    fn a_described_policy_holds_its_document_as_text() {
        let text = r#"{"Policy":{"PolicySummary":{"Id":"p-12345678","Arn":"arn:aws:organizations::1:policy/o-a/resource_control_policy/p-12345678","Name":"n","Type":"RESOURCE_CONTROL_POLICY"},
            "Content":"{\"Statement\":{\"Effect\":\"Deny\",\"Principal\":\"*\",\"Action\":\"s3:*\",\"Resource\":\"*\"}}"}}"#;
        let out = read(&Organization, "describe-policy.json", text);
        assert_eq!(out.grants.len(), 1);
        assert_eq!((out.grants[0].layer, out.grants[0].principals.as_slice()), (Layer::Rcp, &["*".to_owned()][..]));
        let broken = text.replace("{\\\"Statement", "{\\\"Sta tement");
        assert_eq!(codes(&read(&Organization, "x.json", &broken)), ["policy_document_invalid"]);
    }
}
