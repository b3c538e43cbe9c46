//! Resources of Terraform's AWS provider, as rows of an export of IAM would have them.

use serde_json::Value;

use super::super::NAME;
use super::super::arn::{Arn, account_id};
use super::super::read::{Place, Target, emit_document, kind_of, parse_document};
use super::TRUST;
use crate::model::{
    Attachment, AttachmentKind, Builder, Credential, CredentialKind, Entity, EntityKind, Handle, Layer, Membership,
    MembershipKind, Standing,
};
use crate::platforms::declared::{Attributes, Declaring, blocks, text, texts};

/// Puts a resource into a builder; whether it is one that is read.
pub fn declare(kind: &str, value: &Attributes, place: &str, context: &Declaring<'_>, out: &mut Builder) -> bool {
    let mut one = Declared { value, place, context, out };
    match kind {
        "aws_iam_role" => one.role(),
        "aws_iam_user" => one.principal("user", EntityKind::User).map_or((), drop),
        "aws_iam_group" => one.principal("group", EntityKind::Group).map_or((), drop),
        "aws_iam_policy" => one.policy(),
        "aws_iam_role_policy" => one.inline("role", EntityKind::Role),
        "aws_iam_user_policy" => one.inline("user", EntityKind::User),
        "aws_iam_group_policy" => one.inline("group", EntityKind::Group),
        "aws_iam_role_policy_attachment" => one.attachment(&[("role", EntityKind::Role)]),
        "aws_iam_user_policy_attachment" => one.attachment(&[("user", EntityKind::User)]),
        "aws_iam_group_policy_attachment" => one.attachment(&[("group", EntityKind::Group)]),
        "aws_iam_policy_attachment" => {
            one.attachment(&[("roles", EntityKind::Role), ("users", EntityKind::User), ("groups", EntityKind::Group)]);
        }
        "aws_iam_user_group_membership" => one.memberships("user", "groups"),
        "aws_iam_group_membership" => one.memberships("users", "group"),
        "aws_iam_access_key" => one.access_key(),
        "aws_iam_user_login_profile" => one.login_profile(),
        _ => return false,
    }
    true
}

/// What other resources refer to of one that is not made yet.
pub fn exported(kind: &str, value: &Attributes, context: &Declaring<'_>) -> Vec<(&'static str, String)> {
    let label = match kind {
        "aws_iam_role" => "role",
        "aws_iam_user" => "user",
        "aws_iam_group" => "group",
        "aws_iam_policy" => "policy",
        _ => return Vec::new(),
    };
    let Some(name) = text(value, "name") else { return Vec::new() };
    let Some(arn) = arn(value, label, context) else { return vec![("name", name.to_owned())] };
    let id = if label == "policy" { arn.clone() } else { name.to_owned() };
    vec![("name", name.to_owned()), ("arn", arn), ("id", id)]
}

/// The ARN of a resource: as it says itself, or as it will be in the only account of the snapshot.
fn arn(value: &Attributes, label: &str, context: &Declaring<'_>) -> Option<String> {
    if let Some(arn) = text(value, "arn") {
        return Some(arn.to_owned());
    }
    let scopes = context.scopes(NAME);
    let mut accounts = scopes.iter().filter_map(|scope| scope.id.strip_prefix("aws:account/"));
    let (Some(account), None) = (accounts.next(), accounts.next()) else { return None };
    let partition = partition(context);
    let path = text(value, "path").unwrap_or("/");
    Some(format!("arn:{partition}:iam::{account}:{label}{path}{}", text(value, "name")?))
}

/// The partition that the snapshot's accounts are in.
fn partition(context: &Declaring<'_>) -> String {
    let mut arns = context.tables.entities.iter().filter(|entity| entity.present && entity.platform == NAME);
    let found = arns.find_map(|entity| Arn::parse(&entity.id).map(|arn| arn.partition.to_owned()));
    found.unwrap_or_else(|| NAME.to_owned())
}

struct Declared<'a, 't> {
    value: &'a Attributes,
    place: &'a str,
    context: &'a Declaring<'t>,
    out: &'a mut Builder,
}

impl Declared<'_, '_> {
    fn missing(&mut self, what: &str) {
        let message = format!("`{what}` is not known before the plan is applied");
        self.out.skip("value_unknown", self.place, message);
    }

    /// The principal or group that the resource is.
    fn principal(&mut self, label: &str, kind: EntityKind) -> Option<Handle> {
        let Some(arn) = arn(self.value, label, self.context) else {
            self.missing("arn");
            return None;
        };
        let name = text(self.value, "name").or_else(|| arn.rsplit('/').next()).unwrap_or(&arn).to_owned();
        let mut entity = Entity::named(&arn, NAME, kind, &name);
        entity.present = true;
        entity.scope = Arn::parse(&arn).filter(Arn::has_account).map(|arn| account_id(arn.account));
        entity.unique_id = text(self.value, "unique_id").map(str::to_owned);
        entity.record = Some(self.place.to_owned());
        let handle = self.out.define(entity);
        self.out.attribute(handle, "path", text(self.value, "path").unwrap_or("/"));
        self.tags(handle);
        if let Some(boundary) = text(self.value, "permissions_boundary") {
            self.attach(handle, boundary, AttachmentKind::Boundary);
        }
        Some(handle)
    }

    fn tags(&mut self, of: Handle) {
        let all = self.value.get("tags_all").filter(|tags| tags.is_object()).or_else(|| self.value.get("tags"));
        for (key, tag) in all.and_then(Value::as_object).into_iter().flatten() {
            if let Some(tag) = tag.as_str() {
                self.out.attribute(of, &format!("tag:{key}"), tag);
            }
        }
    }

    fn role(&mut self) {
        let Some(role) = self.principal("role", EntityKind::Role) else { return };
        match self.value.get("assume_role_policy") {
            Some(document) if !document.is_null() => self.document(role, TRUST, document, Place::Trust),
            _ => self.missing("assume_role_policy"),
        }
        for block in blocks(self.value, "inline_policy") {
            let Some(name) = text(block, "name") else { continue };
            match block.get("policy").filter(|document| !document.is_null()) {
                Some(document) => self.document(role, &format!("inline:{name}"), document, Place::Identity),
                None => self.missing("inline_policy"),
            }
        }
        for policy in texts(self.value, "managed_policy_arns") {
            self.attach(role, policy, AttachmentKind::Identity);
        }
    }

    fn policy(&mut self) {
        let Some(arn) = arn(self.value, "policy", self.context) else { return self.missing("arn") };
        let name = text(self.value, "name").unwrap_or(&arn).to_owned();
        let mut entity = Entity::named(&arn, NAME, EntityKind::RoleDefinition, &name);
        entity.present = true;
        entity.scope = Arn::parse(&arn).filter(Arn::has_account).map(|arn| account_id(arn.account));
        entity.record = Some(self.place.to_owned());
        let handle = self.out.define(entity);
        self.out.attribute(handle, "customer_managed", "true");
        self.tags(handle);
        match self.value.get("policy") {
            Some(document) if !document.is_null() => self.document(handle, &arn, document, Place::Identity),
            _ => self.missing("policy"),
        }
    }

    fn document(&mut self, holder: Handle, policy: &str, document: &Value, place: Place) {
        let layer = if place == Place::Trust { Layer::Resource } else { Layer::Identity };
        match parse_document(document, place) {
            Ok(document) => {
                let target = Target { holder, layer, policy, record: self.place, granted_at: None };
                emit_document(self.out, target, document);
            }
            Err(why) => {
                let message = format!("the policy `{policy}` cannot be read: {why}");
                self.out.skip("policy_document_invalid", self.place, message);
            }
        }
    }

    /// Whoever an attribute names: by name or ARN.
    fn holder(&mut self, name: &str, kind: EntityKind) -> Option<Handle> {
        if name.starts_with("arn:") {
            return Some(self.out.refer(name, NAME, kind, name.rsplit('/').next().unwrap_or(name)));
        }
        match self.context.ids(NAME, kind, name).as_slice() {
            [one] => Some(self.out.refer(one, NAME, kind, name)),
            [] => {
                let message = format!("no {kind} `{name}` in this snapshot or this plan");
                self.out.skip("name_unknown", self.place, message);
                None
            }
            several => {
                let message =
                    format!("`{name}` may be {}: which is meant, the plan does not say", several.join(" or "));
                self.out.skip("name_ambiguous", self.place, message);
                None
            }
        }
    }

    fn named(&mut self, attribute: &str, kind: EntityKind) -> Option<Handle> {
        match text(self.value, attribute) {
            Some(name) => self.holder(name, kind),
            None => {
                self.missing(attribute);
                None
            }
        }
    }

    fn inline(&mut self, attribute: &str, kind: EntityKind) {
        let Some(holder) = self.named(attribute, kind) else { return };
        let Some(name) = text(self.value, "name") else { return self.missing("name") };
        match self.value.get("policy") {
            Some(document) if !document.is_null() => {
                self.document(holder, &format!("inline:{name}"), document, Place::Identity);
            }
            _ => self.missing("policy"),
        }
    }

    fn attach(&mut self, holder: Handle, policy: &str, kind: AttachmentKind) {
        let name = policy.rsplit('/').next().unwrap_or(policy);
        let kind_of_policy = Arn::parse(policy).map_or(EntityKind::RoleDefinition, |arn| kind_of(&arn));
        let policy = self.out.refer(policy, NAME, kind_of_policy, name);
        let (source, record) = (self.out.source_id(), self.place.to_owned());
        self.out.attachments.push(Attachment { holder, policy, kind, source, record });
    }

    fn attachment(&mut self, holders: &[(&str, EntityKind)]) {
        let Some(policy) = text(self.value, "policy_arn") else { return self.missing("policy_arn") };
        for (attribute, kind) in holders {
            let names = texts(self.value, attribute);
            if names.is_empty() && holders.len() == 1 {
                self.missing(attribute);
            }
            for name in names {
                if let Some(holder) = self.holder(name, *kind) {
                    self.attach(holder, policy, AttachmentKind::Identity);
                }
            }
        }
    }

    fn memberships(&mut self, users: &str, groups: &str) {
        for attribute in [users, groups] {
            if texts(self.value, attribute).is_empty() {
                self.missing(attribute);
            }
        }
        for user in texts(self.value, users) {
            let Some(member) = self.holder(user, EntityKind::User) else { continue };
            for group in texts(self.value, groups) {
                let Some(container) = self.holder(group, EntityKind::Group) else { continue };
                self.out.memberships.push(Membership {
                    member,
                    container,
                    kind: MembershipKind::MemberOf,
                    standing: Standing::Active,
                    expires_at: None,
                    source: self.out.source_id(),
                    record: self.place.to_owned(),
                });
            }
        }
    }

    fn access_key(&mut self) {
        let Some(user) = self.named("user", EntityKind::User) else { return };
        let id = text(self.value, "id")
            .map_or_else(|| format!("{}#access-key:{}", self.value_of(user), self.place), str::to_owned);
        let active = text(self.value, "status").is_none_or(|status| status.eq_ignore_ascii_case("Active"));
        self.credential(user, id, CredentialKind::AccessKey, active);
    }

    fn login_profile(&mut self) {
        let Some(user) = self.named("user", EntityKind::User) else { return };
        let id = format!("{}#password", self.value_of(user));
        self.credential(user, id, CredentialKind::Password, true);
    }

    fn value_of(&self, handle: Handle) -> String {
        self.out.entity(handle).id.clone()
    }

    fn credential(&mut self, entity: Handle, credential: String, kind: CredentialKind, active: bool) {
        self.out.credentials.push(Credential {
            credential,
            entity,
            kind,
            created_at: None,
            expires_at: None,
            last_used_at: None,
            never_used: None,
            last_rotated_at: None,
            active: Some(active),
            source: self.out.source_id(),
            record: self.place.to_owned(),
        });
    }
}
