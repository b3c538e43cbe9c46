//! `aws iam get-account-authorization-details`: users, groups, roles and managed policies of one account.
//!
//! The lists may be in any order, split over pages, and with everything optional left out. Group names are
//! resolved when the whole file is read; what only another file knows is left to [`super::reconcile`].

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use super::authorization_records::{self as records, Inline, Policy, Principal, Stamp};
use super::document::{self, Document, Target};
use super::trust::{self, TrustPolicy};
use super::{names, secrets};
use crate::model::text::format_time;
use crate::model::{
    Attachment, AttachmentKind, Builder, Entity, EntityKind, Handle, IssueSeverity, Layer, Membership, MembershipKind,
    Standing,
};
use crate::platforms::aws::NAME;
use crate::platforms::aws::arn::{Arn, account_id};
use crate::platforms::input::json::{Batch, Fields, Sink};
use crate::platforms::input::{Head, Input, ReadError, Reader};

/// Name of the format.
pub const FORMAT: &str = "aws-account-authorization-details";

/// Lists of the export and what they hold; `None` is managed policies.
const LISTS: [(&str, Option<EntityKind>); 4] = [
    ("UserDetailList", Some(EntityKind::User)),
    ("GroupDetailList", Some(EntityKind::Group)),
    ("RoleDetailList", Some(EntityKind::Role)),
    ("Policies", None),
];

/// Reads authorization details.
pub struct AuthorizationDetails;

impl Reader for AuthorizationDetails {
    fn name(&self) -> &'static str {
        FORMAT
    }

    fn title(&self) -> &'static str {
        "AWS authorization details (`aws iam get-account-authorization-details`)"
    }

    fn recognises(&self, head: &Head) -> bool {
        ["UserDetailList", "GroupDetailList", "RoleDetailList"].iter().any(|key| head.has(key))
            || head.first("Policies").is_some_and(|policy| policy.contains_key("PolicyVersionList"))
    }

    fn read(&self, input: &mut Input<'_>, out: &mut Builder) -> Result<(), ReadError> {
        let mut details = Details::new(out);
        let outcome = input.split(&mut details);
        details.finish();
        outcome
    }
}

/// A group that a user is in, by name.
struct NamedGroup {
    member: Handle,
    partition: String,
    account: String,
    name: String,
    record: String,
}

struct Details<'b> {
    out: &'b mut Builder,
    groups: FxHashMap<(String, String), Handle>,
    wanted: Vec<NamedGroup>,
    /// Hash of the record that defined an ARN.
    seen: FxHashMap<String, u64>,
    accounts: BTreeSet<(String, String)>,
    /// Principals whose ARN names AWS itself as their account, with their places.
    homeless: Vec<(String, String)>,
    /// Whether the last page says that there are more.
    more: bool,
}

impl Sink for Details<'_> {
    fn is_list(&self, key: &str) -> bool {
        LISTS.iter().any(|(list, _)| *list == key)
    }

    fn records(&mut self, batch: &Batch) {
        let Some((_, kind)) = LISTS.iter().find(|(list, _)| *list == batch.list) else { return };
        match kind {
            Some(kind) => {
                for (index, parsed) in batch.parse(|json| records::principal(json, *kind)).into_iter().enumerate() {
                    let pointer = batch.pointer(index);
                    match parsed {
                        Ok(principal) => self.principal(principal, &pointer),
                        Err(why) => self.bad(*kind, &pointer, &why),
                    }
                }
            }
            None => {
                for (index, parsed) in batch.parse(records::policy).into_iter().enumerate() {
                    let pointer = batch.pointer(index);
                    match parsed {
                        Ok(policy) => self.policy(policy, &pointer),
                        Err(why) => self.bad(EntityKind::RoleDefinition, &pointer, &why),
                    }
                }
            }
        }
    }

    fn document(&mut self, _pointer: &str, fields: Fields) {
        let flag = fields.get("IsTruncated").is_some_and(|value| value == true);
        self.more = flag || fields.text("NextToken").is_some();
        for (_, bytes) in &fields.0 {
            secrets::report(self.out, secrets::count(bytes), "");
        }
    }
}

impl<'b> Details<'b> {
    fn new(out: &'b mut Builder) -> Self {
        Self {
            out,
            groups: FxHashMap::default(),
            wanted: Vec::new(),
            seen: FxHashMap::default(),
            accounts: BTreeSet::new(),
            homeless: Vec::new(),
            more: false,
        }
    }

    fn bad(&mut self, kind: EntityKind, pointer: &str, why: &str) {
        self.out.skip("record_invalid", pointer, format!("a {} cannot be read: {why}", kind.as_str()));
    }

    /// Whether this ARN is new; a second record of it is dropped, and reported when it differs.
    fn is_new(&mut self, arn: &str, digest: u64, pointer: &str) -> bool {
        match self.seen.get(arn) {
            None => {
                self.seen.insert(arn.to_owned(), digest);
                true
            }
            Some(first) => {
                if *first != digest {
                    let message = format!("`{arn}` is defined twice in this file, differently; the first is used");
                    self.out.issue(IssueSeverity::Warning, "duplicate_record", pointer, message);
                }
                false
            }
        }
    }

    fn principal(&mut self, principal: Principal, pointer: &str) {
        self.out.source.records += 1;
        if !self.is_new(&principal.arn, principal.digest, pointer) {
            return;
        }
        let text = principal.arn.clone();
        let Some(arn) = Arn::parse(&text) else {
            self.out.source.records -= 1;
            return self.bad(principal.kind, pointer, &format!("`{text}` is no ARN"));
        };
        if arn.account == NAME {
            self.homeless.push((text.clone(), pointer.to_owned()));
        } else {
            self.accounts.insert((arn.account.to_owned(), arn.partition.to_owned()));
        }
        secrets::report(self.out, principal.secrets, pointer);
        let handle = self.define(&principal, &arn, pointer);
        if principal.kind == EntityKind::Group {
            self.groups.insert((arn.account.to_owned(), principal.name.clone()), handle);
        }
        for name in principal.groups {
            self.wanted.push(NamedGroup {
                member: handle,
                partition: arn.partition.to_owned(),
                account: arn.account.to_owned(),
                name,
                record: format!("{pointer}/GroupList"),
            });
        }
        self.attach(handle, &principal.attached, AttachmentKind::Identity, arn.account, pointer);
        let boundary: Vec<String> = principal.boundary.into_iter().collect();
        self.attach(handle, &boundary, AttachmentKind::Boundary, arn.account, pointer);
        let list = match principal.kind {
            EntityKind::User => "UserPolicyList",
            EntityKind::Group => "GroupPolicyList",
            _ => "RolePolicyList",
        };
        for (index, inline) in principal.inline.into_iter().enumerate() {
            let place = format!("{pointer}/{list}/{index}/PolicyDocument");
            self.inline(handle, &text, inline, &place);
        }
        if let Some(trust) = principal.trust {
            self.trust(handle, &arn, trust, &format!("{pointer}/AssumeRolePolicyDocument"));
        }
    }

    fn define(&mut self, principal: &Principal, arn: &Arn<'_>, pointer: &str) -> Handle {
        let mut entity = Entity::named(&principal.arn, NAME, principal.kind, &principal.name);
        entity.present = true;
        entity.scope = (arn.account != NAME).then(|| account_id(arn.account));
        entity.unique_id.clone_from(&principal.unique_id);
        entity.created_at = self.moment(&principal.created, &format!("{pointer}/CreateDate"));
        entity.last_used_at = self.moment(&principal.last_used, pointer);
        let source = if principal.kind == EntityKind::Role { "role-last-used" } else { "password-last-used" };
        entity.last_used_source = entity.last_used_at.map(|_| source.to_owned());
        entity.source = Some(self.out.source_id());
        entity.record = Some(pointer.to_owned());
        let handle = self.out.define(entity);
        if let Some(path) = &principal.path {
            self.out.attribute(handle, "path", path);
            if path.starts_with("/aws-service-role/") {
                self.out.attribute(handle, "service_linked", "true");
            }
        }
        for (key, value) in &principal.tags {
            self.out.attribute(handle, &format!("tag:{key}"), value);
        }
        for profile in &principal.instance_profiles {
            self.out.attribute(handle, "instance_profile", profile);
        }
        if let Some(profile) = &principal.login_profile {
            self.out.attribute(handle, "login_profile", profile);
        }
        handle
    }

    fn moment(&mut self, stamp: &Stamp, pointer: &str) -> Option<i64> {
        moment(self.out, stamp, pointer)
    }

    fn attach(&mut self, holder: Handle, policies: &[String], kind: AttachmentKind, home: &str, pointer: &str) {
        let source = self.out.source_id();
        let place = if kind == AttachmentKind::Boundary { "PermissionsBoundary" } else { "AttachedManagedPolicies" };
        for arn in policies {
            let policy = names::named(self.out, arn, home);
            let record = format!("{pointer}/{place}");
            self.out.attachments.push(Attachment { holder, policy, kind, source, record });
        }
    }

    fn inline(&mut self, holder: Handle, arn: &str, inline: Inline, pointer: &str) {
        match inline.document {
            Ok(document) => {
                let policy = format!("inline:{}", inline.name);
                let target =
                    Target { holder, layer: Layer::Identity, policy: &policy, record: pointer, granted_at: None };
                document::emit(self.out, target, document);
            }
            Err(why) => {
                let message = format!("the policy `{}` of `{arn}` cannot be read: {why}", inline.name);
                self.out.skip("policy_document_invalid", pointer, message);
                // Attached as a policy of unknown content, so that nothing is concluded from its absence.
                let id = format!("{arn}#inline/{}", inline.name);
                let policy = self.out.refer(&id, NAME, EntityKind::RoleDefinition, &inline.name);
                let (source, record) = (self.out.source_id(), pointer.to_owned());
                let kind = AttachmentKind::Identity;
                self.out.attachments.push(Attachment { holder, policy, kind, source, record });
            }
        }
    }

    fn trust(&mut self, role: Handle, arn: &Arn<'_>, trust: Result<Document, String>, pointer: &str) {
        match trust {
            Ok(document) => emit_trust(self.out, role, arn.account, &document, pointer),
            Err(why) => {
                let message = format!("the trust policy of role `{}` cannot be read: {why}", arn.name());
                self.out.skip("policy_document_invalid", pointer, message);
                self.out.attribute(role, "trust_unknown", "true");
            }
        }
    }

    fn policy(&mut self, policy: Policy, pointer: &str) {
        self.out.source.records += 1;
        if !self.is_new(&policy.arn, policy.digest, pointer) {
            return;
        }
        let text = policy.arn.clone();
        let Some(arn) = Arn::parse(&text) else {
            self.out.source.records -= 1;
            return self.bad(EntityKind::RoleDefinition, pointer, &format!("`{text}` is no ARN"));
        };
        secrets::report(self.out, policy.secrets, pointer);
        let in_force = policy.default.and_then(|index| policy.versions.get(index));
        let usable = in_force.is_some_and(|version| version.document.is_ok());
        let mut entity = Entity::named(&text, NAME, EntityKind::RoleDefinition, &policy.name);
        entity.present = usable;
        entity.scope = arn.has_account().then(|| account_id(arn.account));
        entity.unique_id.clone_from(&policy.unique_id);
        entity.created_at = self.moment(&policy.created, &format!("{pointer}/CreateDate"));
        entity.source = Some(self.out.source_id());
        entity.record = Some(pointer.to_owned());
        let handle = self.out.define(entity);
        self.describe(handle, &policy, arn.has_account(), pointer);
        if policy.default.is_none() {
            let message = format!("the version in force of policy `{}` is not in the export", policy.name);
            self.out.issue(IssueSeverity::Warning, "policy_default_version_missing", pointer, message);
        }
        for (index, version) in policy.versions.into_iter().enumerate() {
            let place = format!("{pointer}/PolicyVersionList/{index}/Document");
            self.version(handle, &text, version, policy.default == Some(index), &place);
        }
    }

    fn describe(&mut self, handle: Handle, policy: &Policy, customer: bool, pointer: &str) {
        self.out.attribute(handle, "customer_managed", if customer { "true" } else { "false" });
        self.out.attribute(handle, "versions", &policy.versions.len().to_string());
        if let Some(version) = policy.default.and_then(|index| policy.versions.get(index)) {
            self.out.attribute(handle, "default_version", &version.id);
        }
        if let Some(updated) = self.moment(&policy.updated, &format!("{pointer}/UpdateDate")) {
            self.out.attribute(handle, "updated_at", &format_time(updated));
        }
        if let Some(path) = &policy.path {
            self.out.attribute(handle, "path", path);
        }
        for (key, value) in &policy.tags {
            self.out.attribute(handle, &format!("tag:{key}"), value);
        }
    }

    fn version(&mut self, holder: Handle, arn: &str, version: records::Version, in_force: bool, pointer: &str) {
        let document = match version.document {
            Ok(document) => document,
            Err(why) => {
                let message = format!("version `{}` of policy `{arn}` cannot be read: {why}", version.id);
                if in_force {
                    self.out.skip("policy_document_invalid", pointer, message);
                } else {
                    self.out.issue(IssueSeverity::Warning, "policy_document_invalid", pointer, message);
                }
                return;
            }
        };
        let label = if in_force { arn.to_owned() } else { format!("{arn}@{}", version.id) };
        let layer = if in_force { Layer::Identity } else { Layer::Inactive };
        let granted_at = self.moment(&version.created, pointer);
        document::emit(self.out, Target { holder, layer, policy: &label, record: pointer, granted_at }, document);
    }

    /// Nobody lives in AWS's own account: its number was masked. Where the file is of one account, that is the one.
    fn house(&mut self) {
        let mut numbers = self.accounts.iter().map(|(account, _)| account.clone());
        let only = numbers.next().filter(|_| numbers.next().is_none());
        for (id, pointer) in std::mem::take(&mut self.homeless) {
            let (severity, message) = match &only {
                // Nothing is missing then; that it was concluded is worth knowing.
                Some(number) => {
                    let message = format!("`{id}` has no account number; it is taken as one of account {number}");
                    (IssueSeverity::Note, message)
                }
                None => {
                    let message = format!("`{id}` has no account number, so what it may do is not known");
                    (IssueSeverity::Warning, message)
                }
            };
            self.out.issue(severity, "account_masked", &pointer, message);
            let mut entity = Entity::named(&id, NAME, EntityKind::External, "");
            entity.scope = only.as_deref().map(account_id);
            let handle = self.out.define(entity);
            if only.is_none() {
                self.out.attribute(handle, "permissions_unknown", "true");
            }
        }
    }

    fn finish(mut self) {
        self.house();
        for (account, partition) in std::mem::take(&mut self.accounts) {
            names::exported_account(self.out, &account, &partition);
        }
        for wanted in std::mem::take(&mut self.wanted) {
            let known = self.groups.get(&(wanted.account.clone(), wanted.name.clone())).copied();
            let container = known.unwrap_or_else(|| {
                let id = format!("arn:{}:iam::{}:group/{}", wanted.partition, wanted.account, wanted.name);
                names::named(self.out, &id, &wanted.account)
            });
            let source = self.out.source_id();
            self.out.memberships.push(Membership {
                member: wanted.member,
                container,
                kind: MembershipKind::MemberOf,
                standing: Standing::Active,
                expires_at: None,
                source,
                record: wanted.record,
            });
        }
        if self.more {
            let message = "the last page says that more follow; they are not in this file".to_owned();
            self.out.issue(IssueSeverity::Warning, "more_pages", "", message);
        }
    }
}

/// A moment of a record; a text that is none is reported and left out.
pub fn moment(out: &mut Builder, stamp: &Stamp, pointer: &str) -> Option<i64> {
    if let Stamp::Bad(text) = stamp {
        out.issue(IssueSeverity::Warning, "time_invalid", pointer, format!("`{text}` is no date"));
    }
    stamp.millis()
}

/// Adds a role's trust policy: its statements, and a row for each principal that it names.
pub fn emit_trust(out: &mut Builder, role: Handle, account: &str, document: &Document, pointer: &str) {
    for (index, statement) in document.statements.iter().enumerate() {
        if statement.principals.is_empty() && statement.not_principals.is_empty() {
            let place = format!("{pointer}/Statement/{index}");
            let message = format!("a trust statement of `{}` names nobody", out.entity(role).id);
            out.issue(IssueSeverity::Note, "trust_without_principal", &place, message);
        }
    }
    let target = Target { holder: role, layer: Layer::Resource, policy: "trust", record: pointer, granted_at: None };
    let first_grant = document::emit(out, target, document.clone());
    trust::emit(out, TrustPolicy { role, account, first_grant }, document);
}
