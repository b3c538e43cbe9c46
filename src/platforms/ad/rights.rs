//! Rights on directory objects: their names as collectors write them, and what else each lets its holder do.
//!
//! Names without a plane are rights of an object's access list. Planes hold what is not: `host:` is leave to get into a
//! computer, `delegation:` to speak for others there, `ca:` and `certificate:` take part in getting certificates,
//! `sync:` in replication of what is inside a domain, `sid:` is identity by SID history.

use std::sync::OnceLock;

use super::read::Kind;
use crate::platforms::Recorded;
use crate::platforms::assigned::{Action, Catalog};

/// Why no log is expected to show the use of a right.
const UNRECORDED: Recorded = Recorded::Never("no export of directory objects records the use of rights");

/// Rights of access lists: name, service that access rows count it under, access level.
const RIGHTS: &[(&str, &str, &str)] = &[
    ("AddAllowedToAct", "delegation", "permissions"),
    ("AddKeyCredentialLink", "credentials", "permissions"),
    ("AddMember", "membership", "permissions"),
    ("AddSelf", "membership", "permissions"),
    ("AllExtendedRights", "object", "permissions"),
    ("DelegatedEnrollmentAgent", "certificates", "write"),
    ("Enroll", "certificates", "write"),
    ("ForceChangePassword", "credentials", "permissions"),
    ("GenericAll", "object", "permissions"),
    ("GenericWrite", "object", "write"),
    ("GetChanges", "replication", "read"),
    ("GetChangesAll", "replication", "permissions"),
    ("GetChangesInFilteredSet", "replication", "read"),
    ("ManageCA", "certificates", "permissions"),
    ("ManageCertificates", "certificates", "permissions"),
    ("Owns", "object", "permissions"),
    ("OwnsLimitedRights", "object", "permissions"),
    ("ReadGMSAPassword", "credentials", "permissions"),
    ("ReadLAPSPassword", "credentials", "permissions"),
    ("WriteAccountRestrictions", "delegation", "permissions"),
    ("WriteAltSecurityIdentities", "credentials", "permissions"),
    ("WriteDacl", "object", "permissions"),
    ("WriteGPLink", "policy", "permissions"),
    ("WriteOwner", "object", "permissions"),
    ("WriteOwnerLimitedRights", "object", "permissions"),
    ("WritePKIEnrollmentFlag", "certificates", "permissions"),
    ("WritePKINameFlag", "certificates", "permissions"),
    ("WritePublicInformation", "credentials", "permissions"),
    ("WriteSPN", "credentials", "write"),
];

/// What is no right of an access list.
const OTHERS: &[(&str, &str, &str)] = &[
    ("ca:PrivateKey", "certificates", "permissions"),
    ("ca:Request", "certificates", "write"),
    ("ca:RequestOnBehalf", "certificates", "write"),
    ("ca:RequestWithName", "certificates", "write"),
    ("ca:RequestForDns", "certificates", "write"),
    ("ca:RequestForGroup", "certificates", "write"),
    ("ca:RequestForUpn", "certificates", "write"),
    ("ca:RequestUnboundDns", "certificates", "write"),
    ("ca:RequestUnboundUpn", "certificates", "write"),
    ("certificate:EnrollForDns", "certificates", "write"),
    ("certificate:EnrollForGroup", "certificates", "write"),
    ("certificate:EnrollForUpn", "certificates", "write"),
    ("certificate:EnrollOnBehalf", "certificates", "write"),
    ("certificate:EnrollUnboundDns", "certificates", "write"),
    ("certificate:EnrollUnboundUpn", "certificates", "write"),
    ("delegation:AllowedToAct", "delegation", "permissions"),
    ("delegation:AllowedToDelegate", "delegation", "permissions"),
    ("delegation:Unconstrained", "delegation", "permissions"),
    ("host:AdminTo", "host", "permissions"),
    ("host:DomainController", "host", "permissions"),
    ("host:DumpSMSAPassword", "host", "permissions"),
    ("host:ExecuteDCOM", "host", "write"),
    ("host:PSRemote", "host", "write"),
    ("host:RemoteDesktop", "host", "write"),
    ("host:RemoteInteractiveLogon", "host", "write"),
    ("host:SQLAdmin", "host", "write"),
    ("sid:HasSIDHistory", "identity", "permissions"),
    ("sync:GetChanges", "replication", "read"),
    ("sync:GetChangesInFilteredSet", "replication", "read"),
];

/// Everything that a principal can hold here.
#[must_use]
pub fn catalog() -> &'static Catalog {
    static CATALOG: OnceLock<Catalog> = OnceLock::new();
    CATALOG.get_or_init(|| {
        let action = |&(name, service, level): &(&'static str, &'static str, &'static str)| Action {
            name: name.into(),
            service: service.into(),
            level,
            recorded: UNRECORDED,
        };
        Catalog::new(RIGHTS.iter().chain(OTHERS).map(action))
    })
}

/// Names of all actions.
#[must_use]
pub fn names() -> Vec<&'static str> {
    RIGHTS.iter().chain(OTHERS).map(|(name, ..)| *name).collect()
}

/// Whether a collector writes a right under this name.
#[must_use]
pub fn is_right(name: &str) -> bool {
    RIGHTS.iter().any(|(right, ..)| *right == name)
}

/// Whether an action is written in this platform's notation.
#[must_use]
pub fn is_action(name: &str) -> bool {
    RIGHTS.iter().chain(OTHERS).any(|(known, ..)| known.eq_ignore_ascii_case(name))
}

/// The actions that an entry of an object's access list gives, its own name first. Full control is a pattern over all
/// rights; what a right includes besides hangs on the kind of object.
#[must_use]
pub fn actions(right: &str, kind: Kind) -> Vec<String> {
    let more: &[&str] = match (right, kind) {
        ("GenericAll", _) => return vec!["*".to_owned()],
        ("AllExtendedRights", Kind::User) => &["ForceChangePassword"],
        ("AllExtendedRights", Kind::Computer) => &["ForceChangePassword", "ReadLAPSPassword"],
        ("AllExtendedRights", Kind::Domain) => &["GetChanges", "GetChangesAll", "GetChangesInFilteredSet"],
        ("AllExtendedRights", Kind::Template) => &["Enroll"],
        ("GenericWrite", Kind::User) => &[
            "AddKeyCredentialLink",
            "WriteAccountRestrictions",
            "WriteAltSecurityIdentities",
            "WritePublicInformation",
            "WriteSPN",
        ],
        ("GenericWrite", Kind::Computer) => &[
            "AddAllowedToAct",
            "AddKeyCredentialLink",
            "WriteAccountRestrictions",
            "WriteAltSecurityIdentities",
            "WritePublicInformation",
            "WriteSPN",
        ],
        ("GenericWrite", Kind::Group) => &["AddMember", "AddSelf"],
        ("GenericWrite", Kind::Domain | Kind::OrganizationalUnit) => &["WriteGPLink"],
        ("GenericWrite", Kind::Template) => &["WritePKIEnrollmentFlag", "WritePKINameFlag"],
        ("AddMember", _) => &["AddSelf"],
        ("WriteAccountRestrictions", Kind::Computer) => &["AddAllowedToAct"],
        ("WritePublicInformation", Kind::User | Kind::Computer) => &["WriteAltSecurityIdentities", "WriteSPN"],
        _ => &[],
    };
    std::iter::once(right).chain(more.iter().copied()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_right_includes_is_in_the_catalogue() {
        let kinds = [Kind::User, Kind::Computer, Kind::Group, Kind::Domain, Kind::OrganizationalUnit, Kind::Template];
        for (right, ..) in RIGHTS.iter().filter(|(right, ..)| *right != "GenericAll") {
            for kind in kinds {
                let given = actions(right, kind);
                assert_eq!(given[0], *right);
                assert!(given.iter().all(|one| is_right(one)), "{given:?}");
            }
        }
        assert_eq!(actions("GenericAll", Kind::User), ["*"]);
        // A right that is not known gives itself and nothing else.
        assert_eq!(actions("MakeCoffee", Kind::User), ["MakeCoffee"]);
        assert!(!is_right("MakeCoffee") && !is_right("host:AdminTo") && is_action("HOST:adminto"));
    }

    #[test]
    fn a_name_has_one_meaning() {
        let mut all = names();
        all.sort_unstable();
        let n = all.len();
        all.dedup();
        assert_eq!(all.len(), n);
        assert_eq!(catalog().actions().len(), n);
    }
}
