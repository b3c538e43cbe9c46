//! Which kind of object a record is about: it says so by its fields, the file only behind all of them.

use serde_json::Value;

use crate::model::EntityKind;

/// Kinds of directory objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    User,
    Computer,
    Group,
    Domain,
    OrganizationalUnit,
    Container,
    Policy,
    Template,
    EnterpriseAuthority,
    RootAuthority,
    IntermediateAuthority,
    AuthenticationStore,
    IssuancePolicy,
}

/// Name of the file's type, kind, and the word for the kind in attributes and messages.
const KINDS: [(&str, Kind, &str); 13] = [
    ("users", Kind::User, "user"),
    ("computers", Kind::Computer, "computer"),
    ("groups", Kind::Group, "group"),
    ("domains", Kind::Domain, "domain"),
    ("ous", Kind::OrganizationalUnit, "organizational unit"),
    ("containers", Kind::Container, "container"),
    ("gpos", Kind::Policy, "group policy object"),
    ("certtemplates", Kind::Template, "certificate template"),
    ("enterprisecas", Kind::EnterpriseAuthority, "enterprise CA"),
    ("rootcas", Kind::RootAuthority, "root CA"),
    ("aiacas", Kind::IntermediateAuthority, "AIA CA"),
    ("ntauthstores", Kind::AuthenticationStore, "NTAuth store"),
    ("issuancepolicies", Kind::IssuancePolicy, "issuance policy"),
];

impl Kind {
    /// The kind of what is in files of a type.
    #[must_use]
    pub fn of_type(name: &str) -> Option<Self> {
        KINDS.iter().find(|(file, ..)| file.eq_ignore_ascii_case(name)).map(|(_, kind, _)| *kind)
    }

    /// The kind of a record by the fields that only records of the kind have.
    #[must_use]
    pub fn of_record(record: &Value) -> Option<Self> {
        let has = |key: &str| record.get(key).is_some();
        let states = |key: &str| record.get("Properties").is_some_and(|properties| properties.get(key).is_some());
        Some(if has("Trusts") {
            Self::Domain
        } else if has("Members") {
            Self::Group
        } else if has("LocalGroups") || has("Sessions") || has("AllowedToAct") {
            Self::Computer
        } else if has("SPNTargets") || has("AllowedToDelegate") {
            Self::User
        } else if has("EnabledCertTemplates") || has("CARegistryData") || has("HostingComputer") {
            Self::EnterpriseAuthority
        } else if has("Links") || states("blocksinheritance") {
            Self::OrganizationalUnit
        } else if has("ChildObjects") {
            Self::Container
        } else if states("gpcpath") {
            Self::Policy
        } else if states("effectiveekus") || states("certificatenameflag") {
            Self::Template
        } else if states("certthumbprints") {
            Self::AuthenticationStore
        } else if has("GroupLink") || states("certtemplateoid") {
            Self::IssuancePolicy
        } else if states("hascrosscertificatepair") || states("crosscertificatepair") {
            Self::IntermediateAuthority
        } else if states("certthumbprint") {
            Self::RootAuthority
        } else {
            return None;
        })
    }

    /// What a reference calls the kind (`ObjectType`, `PrincipalType`); another kind than a principal's counts as
    /// something outside.
    #[must_use]
    pub fn referred(name: &str) -> EntityKind {
        match name {
            "User" => EntityKind::User,
            "Computer" => EntityKind::Workload,
            "Group" => EntityKind::Group,
            "Domain" | "OU" | "Container" => EntityKind::Scope,
            "GPO" | "CertTemplate" | "EnterpriseCA" | "RootCA" | "AIACA" | "NTAuthStore" | "IssuancePolicy" => {
                EntityKind::Resource
            }
            _ => EntityKind::External,
        }
    }

    /// What entities of the kind are.
    #[must_use]
    pub const fn entity(self) -> EntityKind {
        match self {
            Self::User => EntityKind::User,
            Self::Computer => EntityKind::Workload,
            Self::Group => EntityKind::Group,
            Self::Domain | Self::OrganizationalUnit | Self::Container => EntityKind::Scope,
            _ => EntityKind::Resource,
        }
    }

    /// The word for it, as the attribute `kind` has it.
    #[must_use]
    pub fn word(self) -> &'static str {
        KINDS.iter().find(|(_, kind, _)| *kind == self).map_or("object", |(.., word)| *word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn records_say_what_they_are() {
        for (record, kind) in [
            (json!({"Trusts": [], "Links": [], "ChildObjects": []}), Kind::Domain),
            (json!({"Members": []}), Kind::Group),
            (json!({"AllowedToDelegate": [], "AllowedToAct": [], "Sessions": {}}), Kind::Computer),
            (json!({"AllowedToDelegate": [], "SPNTargets": []}), Kind::User),
            (json!({"Links": [], "ChildObjects": []}), Kind::OrganizationalUnit),
            (json!({"ChildObjects": []}), Kind::Container),
            (json!({"Properties": {"gpcpath": "x"}}), Kind::Policy),
            (json!({"Properties": {"effectiveekus": []}}), Kind::Template),
            (json!({"EnabledCertTemplates": [], "Properties": {"certthumbprint": "A"}}), Kind::EnterpriseAuthority),
            (json!({"Properties": {"certthumbprint": "A"}, "DomainSID": "x"}), Kind::RootAuthority),
            (
                json!({"Properties": {"certthumbprint": "A", "hascrosscertificatepair": false}}),
                Kind::IntermediateAuthority,
            ),
            (json!({"Properties": {"certthumbprints": []}}), Kind::AuthenticationStore),
            (json!({"GroupLink": {}}), Kind::IssuancePolicy),
        ] {
            assert_eq!(Kind::of_record(&record), Some(kind), "{record}");
            assert_ne!(kind.word(), "object");
        }
        assert_eq!(Kind::of_record(&json!({"Properties": {"name": "x"}})), None);
        assert_eq!(Kind::of_type("Users"), Some(Kind::User));
        assert_eq!(Kind::of_type("azure"), None);
    }
}
