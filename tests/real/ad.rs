//! A laboratory's directory as SharpHound collected it. What is expected was counted and derived by
//! `tests/python/ad_check.py`, which reads the files by itself; the ways that it prints were checked by hand.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use overgrant::access::{Ask, Evaluators, Settings};
use overgrant::model::{Certainty, Decision, EntityId, EntityKind, MembershipKind, Request, Tables};
use roaring::RoaringBitmap;

use super::shared;
use crate::analysed::{AS_OF, Analysed};

const DOMAIN: &str = "ad:S-1-5-21-2697957641-2271029196-387917394";
/// Members of Domain Admins: all by name, and 2173 by the group in it. Of two records of 2186 one is a service account's.
const DOMAIN_ADMINS: [u32; 12] = [500, 2113, 2138, 2140, 2158, 2173, 2179, 2186, 2187, 2191, 2194, 2197];
/// Who is in Administrators without being in Domain Admins: the domain controller and three users.
const ADMINISTRATORS: [u32; 4] = [1000, 2199, 2201, 2202];
/// Who has the two rights of `DCSync` and rules nothing: one right by each of two groups.
const DCSYNC_ONLY: [u32; 1] = [2183];

fn folder() -> Result<PathBuf, String> {
    let path = shared().ok_or("OVERGRANT_SHARED is not set")?.join("data/ad/phantom");
    if path.exists() { Ok(path) } else { Err(format!("{} is missing", path.display())) }
}

fn equal<T: PartialEq + std::fmt::Debug>(what: &str, found: &T, expected: &T) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{what}: {found:?}, expected {expected:?}")) }
}

fn analysed() -> Result<Analysed, String> {
    Analysed::new(vec![folder()?], AS_OF, None)
}

/// Objects by the word for their kind.
fn kinds(tables: &Tables) -> BTreeMap<&str, usize> {
    let mut found = BTreeMap::new();
    for entity in tables.entities.iter().filter(|entity| entity.present) {
        if let Some(kind) = tables.attribute(entity.entity, "kind") {
            *found.entry(kind).or_insert(0) += 1;
        }
    }
    found
}

fn rows(tables: &Tables, kind: MembershipKind) -> usize {
    tables.memberships.iter().filter(|row| row.kind == kind).count()
}

/// Every object and every entry of an access list is there, once.
pub fn counts() -> Result<(), String> {
    let analysed = analysed()?;
    let tables = analysed.tables();
    let expected = [
        ("AIA CA", 4),
        ("NTAuth store", 1),
        ("certificate template", 63),
        ("computer", 21),
        ("container", 208),
        ("domain", 1),
        ("enterprise CA", 2),
        ("group", 87),
        ("group policy object", 22),
        ("organizational unit", 13),
        ("root CA", 4),
        ("user", 52),
    ];
    equal("objects", &kinds(tables), &expected.into_iter().collect())?;
    // 3418 entries, less 6 that the registry of an authority answers better, and its 8, less what duplicates repeat.
    let of_lists = tables.grants.iter().filter(|row| row.statement.starts_with("entry ")).count();
    equal("entries of access lists", &of_lists, &(3418 - 6 + 8 - 5))?;
    // Two memberships more: Authenticated Users of the two domains that this one trusts are in its own.
    equal("members", &rows(tables, MembershipKind::MemberOf), &(151 + 2))?;
    equal("objects in containers", &rows(tables, MembershipKind::Contains), &450)?;
    let sessions = tables.attributes.iter().filter(|row| row.key == "session").count();
    equal("sessions", &sessions, &26)?;
    let wrong = tables.issues.iter().filter(|issue| issue.code == "count_wrong").count();
    equal("files that count wrong", &wrong, &3)?;
    let doubled: Vec<&str> = tables
        .issues
        .iter()
        .filter(|issue| issue.code == "duplicate_object" && issue.message.contains("HAYDEN"))
        .map(|issue| issue.severity.as_str())
        .collect();
    equal("one SID under two names", &doubled, &vec!["warning"])
}

/// The principals that may do something on the domain itself, by the last part of their SID.
fn allowed(analysed: &Analysed, actions: &[&str]) -> Result<BTreeSet<u32>, String> {
    let tables = analysed.tables();
    let evaluators = Evaluators::new(tables, Settings { as_of: analysed.as_of });
    let mut found = BTreeSet::new();
    for entity in tables.entities.iter().filter(|entity| entity.is_principal()) {
        let may = |action: &&str| {
            evaluators.decide(&Request::new(entity.entity, action, DOMAIN)).decision == Decision::Allowed
        };
        if actions.iter().all(may) {
            found.insert(relative(&entity.id)?);
        }
    }
    Ok(found)
}

fn relative(id: &str) -> Result<u32, String> {
    let relative = id.rsplit('-').next().and_then(|last| last.parse().ok());
    relative.ok_or_else(|| format!("{id} has no relative part"))
}

fn set(lists: &[&[u32]]) -> BTreeSet<u32> {
    lists.iter().copied().flatten().copied().collect()
}

/// Who is in Domain Admins, however deep, and who may do what Domain Admins may.
pub fn rulers() -> Result<(), String> {
    let analysed = analysed()?;
    let tables = analysed.tables();
    let mut members: BTreeSet<EntityId> = BTreeSet::new();
    let mut open = vec![analysed.find(&format!("{DOMAIN}-512"))?];
    while let Some(group) = open.pop() {
        let rows =
            tables.memberships.iter().filter(|row| row.kind == MembershipKind::MemberOf && row.container == group);
        open.extend(rows.map(|row| row.member).filter(|member| members.insert(*member)));
    }
    let people = members.iter().map(|&member| tables.entity(member)).filter(|entity| entity.kind != EntityKind::Group);
    let people: BTreeSet<u32> = people.map(|entity| relative(&entity.id)).collect::<Result<_, _>>()?;
    equal("members of Domain Admins", &people, &set(&[&DOMAIN_ADMINS]))?;
    equal(
        "who may rewrite the access list",
        &allowed(&analysed, &["WriteDacl"])?,
        &set(&[&DOMAIN_ADMINS, &ADMINISTRATORS]),
    )?;
    let domain = analysed.find(DOMAIN)?;
    for relative in set(&[&DOMAIN_ADMINS, &ADMINISTRATORS]) {
        let from = analysed.find(&format!("{DOMAIN}-{relative}"))?;
        let step = analysed.steps(from).into_iter().find(|step| step.edge.technique == "ad-administrator");
        let reached = step.is_some_and(|step| step.to.contains(&domain) && step.edge.certainty == Certainty::Certain);
        equal(&format!("{relative} administers the domain"), &reached, &true)?;
        equal(&format!("{relative} is protected"), &tables.entity(from).protected, &true)?;
    }
    Ok(())
}

/// Who may replicate the secrets of the domain, composed of two rights.
pub fn replicators() -> Result<(), String> {
    let analysed = analysed()?;
    let found = allowed(&analysed, &["GetChanges", "GetChangesAll"])?;
    equal("DCSync", &found, &set(&[&DOMAIN_ADMINS, &ADMINISTRATORS, &DCSYNC_ONLY]))?;
    let user = analysed.find(&format!("{DOMAIN}-2183"))?;
    let techniques: BTreeSet<&str> = analysed
        .steps(user)
        .into_iter()
        .filter(|step| step.to.iter().any(|to| analysed.tables().entity(*to).id == DOMAIN))
        .map(|step| step.edge.technique.as_str())
        .collect();
    equal("its way to the domain is DCSync", &techniques.contains("ad-dcsync"), &true)
}

/// Policies and how many users and computers each applies to, by the first part of its id.
const POLICIES: [(&str, usize); 17] = [
    ("0E7541BB", 1),
    ("19AAB229", 3),
    ("3D91B8EE", 5),
    ("3E2ECA5A", 49),
    ("4B1F3AE0", 5),
    ("4CBB081A", 3),
    ("5EECB9AC", 5),
    ("6BA11144", 49),
    ("7F8CC2FA", 3),
    ("8CFCA3B1", 3),
    ("8ED690E2", 49),
    ("A12512B2", 8),
    ("A7B3C839", 3),
    ("B88EC183", 49),
    ("BB929560", 3),
    ("CD1CCCC8", 49),
    ("D67A4025", 1),
];

/// To whom policies apply, with the unit that blocks those of the domain, and who gets a certificate in any name.
pub fn policies_and_certificates() -> Result<(), String> {
    let analysed = analysed()?;
    let tables = analysed.tables();
    let mut found = Vec::new();
    for entity in tables.entities.iter().filter(|entity| entity.present) {
        if tables.attribute(entity.entity, "kind") != Some("group policy object") {
            continue;
        }
        let steps = analysed.steps(entity.entity);
        let applies = steps.iter().filter(|step| step.edge.technique == "ad-policy-link").flat_map(|step| &step.to);
        let n = applies.collect::<BTreeSet<_>>().len();
        if n > 0 {
            found.push((entity.id[3..11].to_owned(), n));
        }
    }
    equal("policies", &found, &POLICIES.map(|(id, n)| (id.to_owned(), n)).to_vec())?;
    let domain = analysed.find(DOMAIN)?;
    let mut certified = 0;
    for entity in tables.entities.iter().filter(|entity| entity.is_principal()) {
        let named = |step: &crate::analysed::Step<'_>| step.edge.technique == "ad-esc1" && step.to.contains(&domain);
        certified += usize::from(analysed.steps(entity.entity).iter().any(named));
    }
    // Eight templates are open to everyone who is authenticated: all 73 accounts.
    equal("who gets a certificate in any name", &certified, &73)
}

/// Pairs of an account and an object that it holds a right on, through whatever groups.
const EFFECTIVE: [(&str, u64); 17] = [
    ("AddAllowedToAct", 1_458),
    ("AddKeyCredentialLink", 2_094),
    ("AddMember", 2_671),
    ("AddSelf", 2_672),
    ("Enroll", 4_109),
    ("ForceChangePassword", 1_946),
    ("GenericAll", 1_358),
    ("GenericWrite", 3_667),
    ("GetChangesAll", 1_374),
    ("ManageCA", 1_383),
    ("Owns", 3_376),
    ("ReadGMSAPassword", 1_365),
    ("ReadLAPSPassword", 1_358),
    ("WriteDacl", 6_499),
    ("WriteGPLink", 1_358),
    ("WriteOwner", 6_499),
    ("WriteSPN", 2_093),
];

/// Every right of every account over every object, counted.
pub fn effective_rights() -> Result<(), String> {
    let analysed = analysed()?;
    let tables = analysed.tables();
    let evaluators = Evaluators::new(tables, Settings { as_of: analysed.as_of });
    let (_, evaluator) = evaluators.iter().find(|(name, _)| *name == "ad").ok_or("the platform has no evaluator")?;
    let all: RoaringBitmap =
        tables.entities.iter().filter(|entity| entity.present).map(|entity| entity.entity.0).collect();
    let mut found = Vec::new();
    for (right, _) in EFFECTIVE {
        let ask = Ask { action: right.to_owned(), pins: Vec::new() };
        let mut pairs = 0;
        for (number, class) in evaluator.classes().iter().enumerate().filter(|(_, class)| class.kind.is_principal()) {
            pairs += evaluator.open(number).targets(&ask, &all).certain.len() * class.members.len() as u64;
        }
        found.push((right, pairs));
    }
    equal("effective rights", &found, &EFFECTIVE.to_vec())
}
