//! Which identities are whose: those that tables declare, and those that carry a person's address.

use rustc_hash::{FxHashMap, FxHashSet};

use super::records::DECLARED;
use crate::model::{Entity, EntityId, EntityKind, Identity, Issue, IssueSeverity, Tables};

/// How an identity is known that carries a person's address.
const BY_EMAIL: &str = "email";
/// How sure it is when the directory that the identity is from states the address ...
const DIRECTORY_CONFIDENCE: f64 = 0.95;
/// ... when the user name is the address ...
const NAME_CONFIDENCE: f64 = 0.9;
/// ... and when somebody wrote the address into a tag.
const TAG_CONFIDENCE: f64 = 0.8;
/// From here on it tells a person's identity from a workload's.
const HUMAN_CONFIDENCE: f64 = 0.9;

/// Adds identities by address, and what follows from identities: each person's first one, which users are people's, and
/// an issue for each that two people claim.
pub fn join(tables: &mut Tables) {
    if tables.people.is_empty() {
        return;
    }
    let mut by_email = by_email(tables);
    tables.identities.append(&mut by_email);
    sort(tables);
    let mut first: FxHashMap<&str, EntityId> = FxHashMap::default();
    for row in &tables.identities {
        first.entry(&row.person).or_insert(row.entity);
    }
    let firsts: Vec<Option<EntityId>> =
        tables.people.iter().map(|row| row.entity.or_else(|| first.get(row.person.as_str()).copied())).collect();
    for (person, entity) in tables.people.iter_mut().zip(firsts) {
        person.entity = entity;
    }
    mark_humans(tables);
    report_shared(tables);
}

fn sort(tables: &mut Tables) {
    tables
        .identities
        .sort_by(|a, b| (&a.person, a.entity).cmp(&(&b.person, b.entity)).then(b.confidence.total_cmp(&a.confidence)));
    tables.identities.dedup_by(|a, b| (&a.person, a.entity) == (&b.person, b.entity));
}

/// Users whose address is a person's. Somebody may be the contact of a workload: what is known to be none of a
/// person's is left out.
fn by_email(tables: &Tables) -> Vec<Identity> {
    let mut people: FxHashMap<String, Vec<&str>> = FxHashMap::default();
    for person in &tables.people {
        if let Some(email) = &person.email {
            people.entry(email.to_lowercase()).or_default().push(&person.person);
        }
    }
    if people.is_empty() {
        return Vec::new();
    }
    let taken: FxHashSet<EntityId> = tables.identities.iter().map(|row| row.entity).collect();
    let may_be = |entity: &Entity| {
        let user = entity.present && entity.kind == EntityKind::User && !entity.is_account_root();
        user && entity.nhi != Some(true) && !taken.contains(&entity.entity)
    };
    let mut found = Vec::new();
    let mut add = |entity: &Entity, email: &str, confidence: f64| {
        for person in people.get(&email.trim().to_lowercase()).into_iter().flatten() {
            let (person, method) = ((*person).to_owned(), BY_EMAIL.to_owned());
            found.push(Identity { person, entity: entity.entity, method, confidence });
        }
    };
    for entity in tables.entities.iter().filter(|entity| may_be(entity) && entity.name.contains('@')) {
        add(entity, &entity.name, NAME_CONFIDENCE);
    }
    for row in &tables.attributes {
        let confidence = match row.key.to_lowercase().as_str() {
            "email" => DIRECTORY_CONFIDENCE,
            "tag:email" | "tag:e-mail" | "tag:mail" => TAG_CONFIDENCE,
            _ => continue,
        };
        let entity = tables.entity(row.entity);
        if may_be(entity) {
            add(entity, &row.value, confidence);
        }
    }
    found
}

/// A user whom nothing tells from a workload is a person's when a person is known to have it.
fn mark_humans(tables: &mut Tables) {
    for row in tables.identities.iter().filter(|row| row.confidence >= HUMAN_CONFIDENCE) {
        let entity = &mut tables.entities[row.entity.index()];
        if entity.present && entity.kind == EntityKind::User && entity.nhi.is_none() {
            entity.nhi = Some(false);
            let how = if row.method == DECLARED { "declared as an identity of" } else { "has the address of" };
            entity.nhi_reason = Some(format!("{how} the person `{}`", row.person));
        }
    }
}

fn report_shared(tables: &mut Tables) {
    let mut claims: Vec<(EntityId, &str)> =
        tables.identities.iter().map(|row| (row.entity, row.person.as_str())).collect();
    claims.sort_unstable();
    let mut issues = Vec::new();
    for claim in claims.chunk_by(|a, b| a.0 == b.0).filter(|claim| claim.len() > 1) {
        let people: Vec<String> = claim.iter().map(|(_, person)| format!("`{person}`")).collect();
        let row = tables.people.iter().find(|row| row.person == claim[claim.len() - 1].1);
        issues.push(Issue {
            severity: IssueSeverity::Warning,
            source: row.map(|row| row.source),
            record: row.map(|row| row.record.clone()).unwrap_or_default(),
            code: "identity_claimed_twice".to_owned(),
            message: format!(
                "`{}` is an identity of {}: an identity is one person's, so that one of the rows is wrong or the \
                 identity is shared",
                tables.entity(claim[0].0).id,
                people.join(" and ")
            ),
        });
    }
    tables.issues.append(&mut issues);
}

#[cfg(test)]
mod tests {
    use super::super::testing::{export, found, join};
    use super::*;
    use crate::model::Builder;

    fn organisation() -> Builder {
        let mut out = export(&[
            (EntityKind::User, "ada"),
            (EntityKind::User, "bo@x.org"),
            (EntityKind::User, "cy"),
            (EntityKind::User, "robot"),
            (EntityKind::Role, "app"),
        ]);
        for (name, key) in [("user/cy", "tag:Email"), ("user/robot", "tag:email"), ("role/app", "tag:email")] {
            let handle = out.handle(&format!("p:1:{name}")).expect("it is there");
            out.attribute(handle, key, "cy@x.org");
        }
        let robot = out.handle("p:1:user/robot").expect("it is there");
        let mut robot = out.entity(robot).clone();
        robot.nhi = Some(true);
        out.define(robot);
        out
    }

    #[test]
    fn identities_are_declared_or_by_address_and_a_workload_is_nobodys() {
        let people =
            "person,email,status,identities\nA,ada@x.org,active,ada; ghost\nB,BO@x.org,active,\nC,cy@x.org,active,\n";
        let tables = join(organisation(), &[people]);
        let rows: Vec<_> = tables
            .identities
            .iter()
            .map(|row| {
                (row.person.as_str(), tables.entity(row.entity).name.as_str(), row.method.as_str(), row.confidence)
            })
            .collect();
        assert_eq!(rows, [("A", "ada", DECLARED, 1.0), ("B", "bo@x.org", BY_EMAIL, 0.9), ("C", "cy", BY_EMAIL, 0.8)]);
        let first: Vec<Option<EntityId>> = tables.people.iter().map(|row| row.entity).collect();
        assert_eq!(first, tables.identities.iter().map(|row| Some(row.entity)).collect::<Vec<_>>());
        let nhi = |name: &str| tables.entity(tables.find(&format!("p:1:user/{name}")).expect("it is there")).nhi;
        assert_eq!(
            (nhi("ada"), nhi("bo@x.org"), nhi("cy"), nhi("robot")),
            (Some(false), Some(false), None, Some(true))
        );
        assert_eq!(found(&tables), [("reference_unresolved", "line 2")]);
    }

    #[test]
    fn an_identity_that_two_people_claim_is_reported() {
        let tables = join(organisation(), &["person,status,identities\nA,active,ada\nB,active,user/ada\n"]);
        assert_eq!(tables.identities.len(), 2);
        assert_eq!(found(&tables), [("identity_claimed_twice", "line 3")]);
    }
}
