//! Policies of resources: our own list `[{Resource, Policy, Account}]`, and configuration items of AWS Config.

use serde_json::Value;

use super::document::{self, Place, Target};
use super::{names, secrets};
use crate::model::{Builder, Entity, EntityKind, IssueSeverity, Layer};
use crate::platforms::aws::NAME;
use crate::platforms::aws::arn::{Arn, account_id, is_account};
use crate::platforms::input::json::{Batch, Fields, Sink};
use crate::platforms::input::{Head, Input, ReadError, Reader};

/// Reads resource policies.
pub struct ResourcePolicies;

const LISTS: [&str; 4] = ["ResourcePolicies", "configurationItems", "baseConfigurationItems", "Results"];

/// Where configuration items of the services hold a resource policy, under `configuration` or
/// `supplementaryConfiguration`.
const POLICY_FIELDS: [&str; 10] = [
    "BucketPolicy",
    "Policy",
    "policy",
    "ResourcePolicy",
    "resourcePolicy",
    "RepositoryPolicyText",
    "policyText",
    "AccessPolicy",
    "FileSystemPolicy",
    "KeyPolicy",
];

impl Reader for ResourcePolicies {
    fn name(&self) -> &'static str {
        "aws-resource-policies"
    }

    fn title(&self) -> &'static str {
        "AWS resource policies (a list of `{Resource, Policy, Account}`, or AWS Config items)"
    }

    fn recognises(&self, head: &Head) -> bool {
        (head.has("Resource") && head.has("Policy"))
            || (head.has("resourceType") && (head.has("configuration") || head.has("supplementaryConfiguration")))
            || LISTS[..3].iter().any(|list| head.has(list))
    }

    fn read(&self, input: &mut Input<'_>, out: &mut Builder) -> Result<(), ReadError> {
        input.split(&mut Items { out })
    }
}

struct Items<'b> {
    out: &'b mut Builder,
}

impl Sink for Items<'_> {
    fn is_list(&self, key: &str) -> bool {
        LISTS.contains(&key)
    }

    fn bare(&self) -> bool {
        true
    }

    fn records(&mut self, batch: &Batch) {
        let parsed = batch.parse(|json| (serde_json::from_slice::<Value>(json), secrets::count(json)));
        for (index, (value, secrets)) in parsed.into_iter().enumerate() {
            let pointer = batch.pointer(index);
            secrets::report(self.out, secrets, &pointer);
            match value {
                Ok(value) => self.item(&value, &pointer),
                Err(error) => self.out.skip("record_invalid", &pointer, format!("a record is no JSON: {error}")),
            }
        }
    }

    fn document(&mut self, _pointer: &str, _fields: Fields) {}
}

impl Items<'_> {
    fn item(&mut self, item: &Value, pointer: &str) {
        if let Some(text) = item.as_str() {
            // Advanced queries of AWS Config give each result as a text.
            match serde_json::from_str::<Value>(text) {
                Ok(inner) if inner.is_object() => return self.item(&inner, pointer),
                _ => return self.out.skip("record_invalid", pointer, "a result is no JSON object".to_owned()),
            }
        }
        let text = |keys: &[&str]| keys.iter().find_map(|key| item.get(*key).and_then(Value::as_str));
        if item.get("resourceType").is_some() {
            return self.configuration_item(item, pointer);
        }
        let Some(resource) = text(&["Resource", "ResourceArn", "Arn"]) else {
            return self.out.skip("record_invalid", pointer, "a record has no `Resource`".to_owned());
        };
        let account = text(&["Account", "AccountId"])
            .map(str::to_owned)
            .or_else(|| item.get("Account").and_then(Value::as_u64).map(|number| format!("{number:012}")));
        self.out.source.records += 1;
        let place = format!("{pointer}/Policy");
        match item.get("Policy") {
            None | Some(Value::Null) => self.resource(resource, account.as_deref(), pointer),
            Some(policy) => self.policy(resource, account.as_deref(), policy, &place),
        }
    }

    fn configuration_item(&mut self, item: &Value, pointer: &str) {
        let text = |keys: &[&str]| keys.iter().find_map(|key| item.get(*key).and_then(Value::as_str));
        self.out.source.records += 1;
        let kind = text(&["resourceType"]).unwrap_or_default();
        // Policies of principals come with the authorization details, attachments included.
        if kind.starts_with("AWS::IAM::") {
            return;
        }
        let Some(resource) = text(&["ARN", "arn"]) else {
            let message = format!("a configuration item of type `{kind}` has no ARN");
            return self.out.issue(IssueSeverity::Note, "record_without_arn", pointer, message);
        };
        let account = text(&["awsAccountId", "accountId"]).map(str::to_owned);
        self.resource(resource, account.as_deref(), pointer);
        for part in ["supplementaryConfiguration", "configuration"] {
            let Some(fields) = item.get(part).map(unpacked) else { continue };
            for field in POLICY_FIELDS {
                let Some(policy) = fields.get(field).and_then(policy_in) else { continue };
                let place = format!("{pointer}/{part}/{field}");
                return self.policy(resource, account.as_deref(), &policy, &place);
            }
        }
    }

    fn resource(&mut self, id: &str, account: Option<&str>, pointer: &str) {
        let arn = Arn::parse(id);
        let name = arn.map_or(id, |arn| arn.resource);
        let mut entity = Entity::named(id, NAME, EntityKind::Resource, name);
        entity.present = true;
        let account =
            account.filter(|account| is_account(account)).or(arn.filter(Arn::has_account).map(|arn| arn.account));
        if let Some(account) = account {
            entity.scope = Some(account_id(account));
            names::account(self.out, account);
        }
        entity.source = Some(self.out.source_id());
        entity.record = Some(pointer.to_owned());
        self.out.define(entity);
    }

    fn policy(&mut self, id: &str, account: Option<&str>, policy: &Value, pointer: &str) {
        self.resource(id, account, pointer);
        let Some(holder) = self.out.handle(id) else { return };
        match document::parse(policy, Place::Resource) {
            Ok(document) => {
                let target = Target {
                    holder,
                    layer: Layer::Resource,
                    policy: "resource-policy",
                    record: pointer,
                    granted_at: None,
                };
                document::emit(self.out, target, document);
            }
            Err(why) => {
                let message = format!("the policy of `{id}` cannot be read: {why}");
                self.out.skip("policy_document_invalid", pointer, message);
                self.out.attribute(holder, "resource_policy_unknown", "true");
            }
        }
    }
}

/// A part of a configuration item, which may be JSON in a text.
fn unpacked(value: &Value) -> Value {
    match value {
        Value::String(text) => document::decode(text).unwrap_or(Value::Null),
        other => other.clone(),
    }
}

/// The policy document in a field: as it stands, as text, or one level further in (`{"policyText": …}`).
fn policy_in(value: &Value) -> Option<Value> {
    let value = unpacked(value);
    let fields = value.as_object()?;
    if fields.contains_key("Statement") {
        return Some(value);
    }
    let inner = POLICY_FIELDS.iter().find_map(|field| fields.get(*field))?;
    Some(unpacked(inner)).filter(|inner| inner.get("Statement").is_some())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{codes, read};
    use super::*;

    const DOCUMENT: &str = r#"{"Statement":[{"Effect":"Allow","Principal":{"AWS":"222222222222"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}]}"#;

    fn quoted(text: &str) -> String {
        serde_json::to_string(text).unwrap()
    }

    #[test]
    fn our_own_list_gives_statements_of_the_resource() {
        let text = format!(
            r#"[{{"Resource":"arn:aws:s3:::b","Policy":{},"Account":"111111111111"}},
                {{"Resource":"arn:aws:sqs:eu-west-1:333333333333:q","Policy":{DOCUMENT}}},
                {{"Resource":"arn:aws:s3:::c","Policy":"nonsense","Account":"111111111111"}}, {{"Policy":1}}]"#,
            quoted(DOCUMENT)
        );
        let out = read(&ResourcePolicies, "p.json", &text);
        assert_eq!(out.grants.len(), 2);
        let scope = |id: &str| out.entity(out.handle(id).unwrap()).scope.clone();
        assert_eq!(scope("arn:aws:s3:::b").as_deref(), Some("aws:account/111111111111"));
        assert_eq!(scope("arn:aws:sqs:eu-west-1:333333333333:q").as_deref(), Some("aws:account/333333333333"));
        assert!(out.grants.iter().all(|row| row.layer == Layer::Resource && row.principals == ["AWS:222222222222"]));
        assert_eq!(codes(&out), ["policy_document_invalid", "record_invalid"]);
    }

    #[test]
    fn configuration_items_hold_the_policy_in_many_places() {
        let item = |kind: &str, part: String| {
            format!(r#"{{"resourceType":"{kind}","ARN":"arn:aws:x:::{kind}","awsAccountId":"111111111111",{part}}}"#)
        };
        let wrapped = quoted(&format!(r#"{{"policyText":{}}}"#, quoted(DOCUMENT)));
        let items = [
            item("AWS::S3::Bucket", format!(r#""supplementaryConfiguration":{{"BucketPolicy":{wrapped}}}"#)),
            item("AWS::SQS::Queue", format!(r#""configuration":{{"Policy":{}}}"#, quoted(DOCUMENT))),
            item("AWS::KMS::Key", format!(r#""supplementaryConfiguration":{{"Policy":{}}}"#, quoted(DOCUMENT))),
            item(
                "AWS::Lambda::Function",
                format!(r#""configuration":{}"#, quoted(&format!(r#"{{"policy":{}}}"#, quoted(DOCUMENT)))),
            ),
            item("AWS::IAM::Role", format!(r#""configuration":{{"Policy":{}}}"#, quoted(DOCUMENT))),
            item("AWS::EC2::Instance", r#""configuration":{"instanceId":"i"}"#.to_owned()),
        ];
        let out = read(
            &ResourcePolicies,
            "c.json",
            &format!(r#"{{"fileVersion":"1.0","configurationItems":[{}]}}"#, items.join(",")),
        );
        assert_eq!(out.grants.len(), 4);
        assert!(out.handle("arn:aws:x:::AWS::EC2::Instance").is_some());
        let lines = read(&ResourcePolicies, "c.jsonl", &items.join("\n"));
        assert_eq!(lines.grants.len(), 4);
        assert!(codes(&out).is_empty() && codes(&lines).is_empty());
    }
}
