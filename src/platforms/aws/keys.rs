//! Condition keys: who decides the value of one, what type it has, and whether it can have several values.
//!
//! The classes are `datasets/catalog/aws_condition_keys.toml`, written by hand with a reason for each; the value types
//! of keys that a service defines are `aws_key_types.tsv`, derived (`datasets/README.md`). This module says what a key
//! is, never what value it has: that is the evaluator's.
//!
//! A lookup is one hash for a key that is listed by name, and one more for each `/` and `:` of a key that is listed by
//! its start only (`aws:PrincipalTag/team`).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use rustc_hash::FxHashMap;
use serde::Deserialize;

use crate::model::text::glob;
use crate::names;

const CLASSES: &str = include_str!("../../../datasets/catalog/aws_condition_keys.toml");
const TYPES: &str = include_str!("../../../datasets/catalog/aws_key_types.tsv");

static KEYS: LazyLock<Keys> = LazyLock::new(|| Keys::parse(CLASSES, TYPES));

names! {
    /// Who decides the value of a condition key.
    pub enum KeyClass {
        /// The value follows from the export and the time of the scan.
        Decidable = "decidable",
        /// The caller decides it by making the request so.
        Chosen = "chosen",
        /// Neither: network, device, identity provider, resources that no export lists.
        Environment = "environment",
    }
}

names! {
    /// What a key's values are, which says which condition operators suit it.
    pub enum ValueType {
        String = "string",
        Arn = "arn",
        Bool = "bool",
        Numeric = "numeric",
        /// ISO 8601, or seconds since 1970.
        Date = "date",
        /// An address, compared with a range of addresses.
        Ip = "ip",
        /// Base64.
        Binary = "binary",
    }
}

/// What is known of one condition key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyInfo {
    pub class: KeyClass,
    pub value_type: ValueType,
    /// Whether one request can have several values of it (`ForAllValues`, `ForAnyValue`).
    pub multi: bool,
    /// Why it is of that class, in words.
    pub why: &'static str,
    /// Actions (lower case) for which it is decidable although it is not in general.
    decidable_for: &'static [String],
}

impl KeyInfo {
    /// The class in a request of this action (`iam:AttachRolePolicy`). Case does not matter.
    #[must_use]
    pub fn class_for(&self, action: &str) -> KeyClass {
        if self.decidable_for.iter().any(|known| known.eq_ignore_ascii_case(action)) {
            KeyClass::Decidable
        } else {
            self.class
        }
    }
}

/// Who decides the value of this key (`aws:PrincipalTag/team`), whatever the action. Case does not matter.
#[must_use]
pub fn classify(key: &str) -> KeyClass {
    describe(key).class
}

/// Everything that is known of this key. Case does not matter, and any text has an answer: a key of a service that is
/// not listed is a request parameter, every other one is environment; both are single strings.
#[must_use]
pub fn describe(key: &str) -> KeyInfo {
    let keys: &'static Keys = &KEYS;
    let key = key.to_ascii_lowercase();
    let (value_type, multi) = keys.types.find(&key).copied().unwrap_or((ValueType::String, false));
    if let Some(entry) = keys.classes.find(&key) {
        let decidable_for = &entry.decidable_for;
        return KeyInfo { class: entry.class, value_type, multi, why: &entry.why, decidable_for };
    }
    let (class, why) = default_class(&key);
    KeyInfo { class, value_type, multi, why, decidable_for: &[] }
}

/// Class of a key (lower case) that is not listed.
fn default_class(key: &str) -> (KeyClass, &'static str) {
    match key.split_once(':') {
        None | Some(("", _)) => (KeyClass::Environment, "not a condition key of AWS"),
        // A provider is named by its host, with or without a path; no service prefix holds a dot.
        Some((issuer, _)) if issuer.contains('.') => {
            (KeyClass::Environment, "claim in the token of an identity provider")
        }
        Some(("aws" | "saml", _)) => (KeyClass::Environment, "global key that is not known"),
        Some(_) => (KeyClass::Chosen, "taken as a request parameter of the service"),
    }
}

/// Classes and value types, apart because their files list different keys.
struct Keys {
    classes: Table<Entry>,
    types: Table<(ValueType, bool)>,
}

/// Why a key is of its class.
struct Entry {
    class: KeyClass,
    why: String,
    decidable_for: Vec<String>,
}

/// One entry of the hand-written file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    why: String,
    #[serde(rename = "type")]
    value_type: Option<ValueType>,
    #[serde(default)]
    multi: bool,
    #[serde(default)]
    decidable_for: Vec<String>,
}

impl Keys {
    fn parse(classes: &str, types: &str) -> Self {
        let mut keys = Self { classes: Table::default(), types: Table::default() };
        for line in types.lines().filter(|line| !line.starts_with('#')) {
            let mut columns = line.split('\t');
            let (name, kind) = (columns.next(), columns.next().and_then(ValueType::parse));
            if let (Some(name), Some(kind), Some(values)) = (name, kind, columns.next()) {
                keys.types.insert(name, (kind, values == "multi"));
            }
        }
        // The file is compiled in and a test reads it; were it broken, every key would be open.
        let lines: BTreeMap<KeyClass, BTreeMap<String, Line>> = toml::from_str(classes).unwrap_or_default();
        for (class, lines) in lines {
            for (name, line) in lines {
                if let Some(kind) = line.value_type {
                    keys.types.insert(&name, (kind, line.multi));
                }
                let decidable_for = line.decidable_for;
                keys.classes.insert(&name, Entry { class, why: line.why, decidable_for });
            }
        }
        keys
    }
}

/// What is listed of keys by name or by the form of the name.
struct Table<T> {
    /// By whole name in lower case.
    exact: FxHashMap<String, T>,
    /// By the part before a closing star, which ends in `/` or `:`.
    starts: FxHashMap<String, T>,
    /// Names with a star elsewhere; few.
    forms: Vec<(String, T)>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { exact: FxHashMap::default(), starts: FxHashMap::default(), forms: Vec::new() }
    }
}

impl<T> Table<T> {
    fn insert(&mut self, name: &str, value: T) {
        let name = name.to_ascii_lowercase();
        match name.strip_suffix('*') {
            Some(start) if start.ends_with(['/', ':']) => {
                self.starts.insert(start.to_owned(), value);
            }
            _ if name.contains('*') => self.forms.push((name, value)),
            _ => {
                self.exact.insert(name, value);
            }
        }
    }

    /// The entry for a key in lower case: by name, else by the longest listed start, else by form, else by what is
    /// listed for every service.
    fn find(&self, key: &str) -> Option<&T> {
        self.exact
            .get(key)
            .or_else(|| self.longest_start(key))
            .or_else(|| self.forms.iter().find(|(form, _)| glob(form, key)).map(|(_, value)| value))
            .or_else(|| self.longest_start(&format!("*:{}", key.split_once(':')?.1)))
    }

    fn longest_start(&self, key: &str) -> Option<&T> {
        key.rmatch_indices(['/', ':']).find_map(|(index, _)| self.starts.get(&key[..=index]))
    }
}

#[cfg(test)]
mod tests {
    use super::KeyClass::{Chosen, Decidable, Environment};
    use super::*;
    use crate::platforms::aws::catalog::Catalog;

    fn listed() -> Vec<(KeyClass, String, Line)> {
        let lines: BTreeMap<KeyClass, BTreeMap<String, Line>> = toml::from_str(CLASSES).unwrap();
        lines
            .into_iter()
            .flat_map(|(class, keys)| keys.into_iter().map(move |(key, line)| (class, key, line)))
            .collect()
    }

    #[test]
    fn global_keys_are_of_the_class_that_the_evaluator_relies_on() {
        for (class, keys) in [
            (
                Decidable,
                "PrincipalArn PrincipalAccount PrincipalOrgID PrincipalOrgPaths PrincipalTag/team PrincipalType \
                 PrincipalIsAWSService PrincipalServiceName PrincipalServiceNamesList userid username AssumedRoot \
                 SourceArn SourceAccount SourceOrgID SourceOrgPaths ResourceAccount ResourceOrgID ResourceOrgPaths \
                 ResourceTag/env CurrentTime EpochTime IsMcpServiceAction",
            ),
            (
                Chosen,
                "RequestedRegion RequestTag/owner TagKeys SecureTransport UserAgent Referer ViaAWSService CalledVia \
                 CalledViaFirst CalledViaLast ViaAWSMCPService CalledViaAWSMCP TokenIssueTime",
            ),
            (
                Environment,
                "SourceIp VpcSourceIp SourceVpc SourceVpcArn SourceVpce VpceAccount VpceOrgID VpceOrgPaths \
                 Ec2InstanceSourceVpc Ec2InstanceSourcePrivateIPv4 MultiFactorAuthPresent MultiFactorAuthAge \
                 FederatedProvider SourceIdentity ChatbotSourceArn SignInSessionArn SomethingOfNextYear",
            ),
        ] {
            for key in keys.split_whitespace() {
                assert_eq!(classify(&format!("aws:{key}")), class, "{key}");
                assert_eq!(classify(&format!("AWS:{}", key.to_uppercase())), class, "{key}");
            }
        }
    }

    #[test]
    fn service_keys_and_claims_have_their_class_by_name_by_start_or_by_form() {
        for (key, class) in [
            ("iam:PassedToService", Chosen),
            ("sts:ExternalId", Chosen),
            ("kms:ViaService", Chosen),
            ("kms:CallerAccount", Decidable),
            ("kms:EncryptionContext:aws:s3:arn", Chosen),
            ("kms:EncryptionContext:host.example:name", Chosen),
            ("kms:RecipientAttestation:PCR4", Environment),
            ("s3:ExistingObjectTag/a/b:c", Decidable),
            ("s3:RequestObjectTag/a", Chosen),
            ("s3:x-amz-acl", Chosen),
            ("ec2:ResourceTag/env", Decidable),
            ("nosuchservice:ResourceTag/env", Decidable),
            ("rds:db-tag/env", Decidable),
            ("rds:req-tag/env", Chosen),
            ("ec2:SourceInstanceARN", Environment),
            ("ec2:InstanceType", Chosen),
            ("nosuchservice:Anything", Chosen),
            ("SAML:aud", Environment),
            ("saml:edupersonorgdn", Environment),
            ("token.actions.githubusercontent.com:sub", Environment),
            ("oidc.eks.eu-west-1.amazonaws.com/id/ABCDEF:sub", Environment),
            ("idp.example.com/realms/x:aud", Environment),
            ("cognito-identity.amazonaws.com:amr", Environment),
            ("accounts.google.com:email", Environment),
            ("", Environment),
            ("nonsense", Environment),
            (":", Environment),
        ] {
            assert_eq!(classify(key), class, "{key}");
        }
    }

    #[test]
    fn a_boundary_is_a_fact_of_a_role_that_exists_and_a_choice_for_a_new_one() {
        let boundary = describe("iam:permissionsboundary");
        for (action, class) in [
            ("iam:CreateRole", Chosen),
            ("iam:CreateUser", Chosen),
            ("iam:PutRolePermissionsBoundary", Chosen),
            ("iam:PutUserPermissionsBoundary", Chosen),
            ("iam:AttachRolePolicy", Decidable),
            ("IAM:putuserpolicy", Decidable),
            ("iam:DeleteUserPermissionsBoundary", Decidable),
        ] {
            assert_eq!(boundary.class_for(action), class, "{action}");
        }
        assert_eq!(describe("aws:SourceIp").class_for("iam:AttachRolePolicy"), Environment);
    }

    #[test]
    fn value_types_come_from_either_file() {
        for (key, value_type, multi) in [
            ("aws:PrincipalArn", ValueType::Arn, false),
            ("aws:PrincipalOrgPaths", ValueType::String, true),
            ("aws:TagKeys", ValueType::String, true),
            ("aws:CalledVia", ValueType::String, true),
            ("aws:SourceIp", ValueType::Ip, false),
            ("aws:MultiFactorAuthAge", ValueType::Numeric, false),
            ("aws:MultiFactorAuthPresent", ValueType::Bool, false),
            ("aws:CurrentTime", ValueType::Date, false),
            ("aws:ResourceTag/x", ValueType::String, false),
            ("iam:PermissionsBoundary", ValueType::Arn, false),
            ("s3:max-keys", ValueType::Numeric, false),
            ("s3:object-lock-retain-until-date", ValueType::Date, false),
            ("ec2-instance-connect:privateIpAddress", ValueType::Ip, false),
            ("dynamodb:LeadingKeys", ValueType::String, true),
            ("saml:edupersonaffiliation", ValueType::String, true),
            ("cognito-identity.amazonaws.com:amr", ValueType::String, true),
            ("codebuild:secondaryArtifacts/one.encryptionDisabled", ValueType::Bool, false),
            ("nosuchservice:Anything", ValueType::String, false),
        ] {
            let info = describe(key);
            assert_eq!((info.value_type, info.multi), (value_type, multi), "{key}");
        }
    }

    #[test]
    fn every_entry_has_a_reason_a_type_one_class_and_a_form_that_lookups_know() {
        let derived = Keys::parse("", TYPES).types;
        let mut seen = std::collections::BTreeSet::new();
        let mut corrections = Vec::new();
        for (class, key, line) in listed() {
            assert!(seen.insert(key.to_ascii_lowercase()), "{key} is listed twice");
            assert!(!line.why.is_empty(), "{key}");
            assert!(!key.ends_with('*') || key.ends_with("/*") || key.ends_with(":*"), "{key}");
            assert_eq!(classify(&key.replacen("*:", "x:", 1).replace('*', "x")), class, "{key}");
            let known = derived.exact.contains_key(&key.to_ascii_lowercase())
                || derived.starts.contains_key(key.to_ascii_lowercase().trim_end_matches('*'));
            assert!(known || line.value_type.is_some() || key == "*:ResourceTag/*", "{key} has no type");
            if known && line.value_type.is_some() {
                corrections.push(key);
            }
        }
        assert_eq!(corrections, ["cognito-identity.amazonaws.com:amr"], "types that overrule the derived file");
    }

    #[test]
    fn every_key_of_iam_sts_kms_and_s3_is_classified_by_hand() {
        let classes = &KEYS.classes;
        let keys = TYPES.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split('\t').next());
        let keys: Vec<String> = keys.map(|key| key.to_ascii_lowercase().replace('*', "x")).collect();
        assert!(keys.len() > 1_000);
        for key in keys {
            if ["iam:", "sts:", "kms:", "s3:", "aws:", "saml:"].iter().any(|service| key.starts_with(service)) {
                assert!(classes.find(&key).is_some(), "{key}");
            }
        }
    }

    #[test]
    fn actions_named_in_exceptions_exist_and_take_the_key() {
        let catalog = Catalog::get();
        let mut exceptions = 0;
        for (_, key, line) in listed() {
            for name in line.decidable_for {
                let action = catalog.find(&name).and_then(|id| catalog.action(id));
                assert!(action.is_some_and(|action| action.condition_keys().any(|known| known == key)), "{name} {key}");
                exceptions += 1;
            }
        }
        assert_eq!(exceptions, 15);
    }
}
