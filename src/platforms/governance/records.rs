//! Rows about people and principals: people, owners, labels, usage, leaked secrets.

use super::row::{Row, Wanted};
use crate::model::{
    Granularity, Identity, Membership, MembershipKind, OwnerOrigin, OwnerStatus, Ownership, Person, PersonStatus,
    Standing, Usage,
};
use crate::platforms::input::secrets;

/// How a declared identity is known.
pub const DECLARED: &str = "declared";
/// Which source `last_used_at` names when it is a usage table.
const USAGE_TABLE: &str = "usage-table";

/// Words for someone who belongs.
const ACTIVE: [&str; 8] = ["active", "employed", "current", "enabled", "joiner", "mover", "on leave", "on_leave"];
/// Words for someone who does not any more.
const LEAVER: [&str; 10] =
    ["leaver", "left", "departed", "terminated", "inactive", "former", "offboarded", "resigned", "retired", "disabled"];

/// `person,name,email,status,started_at,left_at,manager,department,identities`
pub fn person(row: &mut Row<'_>) {
    let Some(person) = row.required("person") else { return };
    let (started_at, left_at) = (row.time("started_at"), row.time("left_at"));
    if let (Some(started), Some(left)) = (started_at, left_at)
        && left < started
    {
        row.warn("person_dates", format!("`{person}` left before the first day; one of the dates is wrong"));
    }
    let status = status(row, left_at);
    let mut entity = None;
    for text in row.list("identities") {
        let identity = row.refer(Wanted::Principal, &text);
        entity = entity.or(Some(identity));
        let method = DECLARED.to_owned();
        row.out.identities.push(Identity { person: person.clone(), entity: identity, method, confidence: 1.0 });
    }
    row.out.people.push(Person {
        name: row.text("name"),
        email: row.text("email"),
        entity,
        status,
        started_at,
        left_at,
        manager: row.text("manager"),
        department: row.text("department"),
        source: row.out.source_id(),
        record: row.place(),
        person,
    });
}

/// The status that a row states. Where the table has no such column but one of last days, having none means to belong;
/// a last day says nothing before the time of the scan is known.
fn status(row: &mut Row<'_>, left_at: Option<i64>) -> PersonStatus {
    if !row.has("status") {
        let belongs = row.has("left_at") && row.text("left_at").is_none() && left_at.is_none();
        return if belongs { PersonStatus::Active } else { PersonStatus::Unknown };
    }
    let stated = row.name("status", "`active` or `leaver`", |word| {
        if ACTIVE.contains(&word) {
            return Some(PersonStatus::Active);
        }
        if LEAVER.contains(&word) {
            return Some(PersonStatus::Leaver);
        }
        (word == "unknown").then_some(PersonStatus::Unknown)
    });
    stated.unwrap_or(PersonStatus::Unknown)
}

/// `principal,owner[,confidence]`
pub fn owner(row: &mut Row<'_>) {
    let Some((_, _)) = row.required_both("principal", "owner") else { return };
    let confidence = row.share("confidence").unwrap_or(1.0);
    for principal in row.list("principal") {
        let entity = row.refer(Wanted::Principal, &principal);
        for owner in row.list("owner") {
            row.out.owners.push(Ownership {
                entity,
                owner,
                person: None,
                group: None,
                origin: OwnerOrigin::Declared,
                status: OwnerStatus::Unknown,
                confidence,
                evidence: "row of an owners table".to_owned(),
                source: row.out.source_id(),
                record: row.place(),
            });
        }
    }
}

/// `entity,env,criticality,domain,protected,protected_reason,break_glass`
pub fn label(row: &mut Row<'_>) {
    let Some(text) = row.required("entity") else { return };
    let handle = row.refer_here(Wanted::Entity, &text);
    let mut labelled = row.out.entity(handle).clone();
    labelled.env = row.text("env");
    labelled.criticality = row.weight("criticality");
    labelled.domain = row.text("domain");
    labelled.protected = row.flag("protected").unwrap_or(false);
    if labelled.protected {
        labelled.protected_reason = row.text("protected_reason").or_else(|| Some("a row of a labels table".to_owned()));
    } else if row.text("protected_reason").is_some() {
        row.warn(
            "label_contradicts",
            format!("`{text}` has a reason to be protected and is not: say `protected = yes`"),
        );
    }
    row.out.define(labelled);
    if row.flag("break_glass") == Some(true) {
        row.out.attribute(handle, "break_glass", "true");
    }
}

/// `principal,permission,last_used_at,count,window_start,window_end`
pub fn usage(row: &mut Row<'_>) {
    let Some((principal, permission)) = row.required_both("principal", "permission") else { return };
    let (window_start, window_end) = (row.time("window_start"), row.time("window_end"));
    if window_start > window_end && window_end.is_some() {
        row.warn("usage_window", "the window of observation ends before it starts".to_owned());
    }
    let last_used_at = row.time("last_used_at");
    let count = row.number("count");
    if last_used_at.is_none() && count.is_some_and(|count: u64| count > 0) {
        row.warn("usage_undated", format!("`{permission}` was used and the row does not say when"));
    }
    let entity = row.refer(Wanted::Principal, &principal);
    let mut used = row.out.entity(entity).clone();
    if last_used_at > used.last_used_at {
        used.last_used_at = last_used_at;
        used.last_used_source = Some(USAGE_TABLE.to_owned());
        row.out.define(used);
    }
    let granularity = if permission.contains([':', '/']) { Granularity::Action } else { Granularity::Service };
    row.out.usage.push(Usage {
        entity,
        permission,
        granularity,
        last_used_at,
        count,
        window_start,
        window_end,
        source: row.out.source_id(),
        record: row.place(),
    });
}

/// Whether a cell that is to name a secret holds one, which is reported, and the row skipped.
fn holds_secret(row: &mut Row<'_>, column: &str, text: &str) -> bool {
    let is_secret = secrets::is_secret_key(text);
    if is_secret {
        let place = row.place();
        secrets::report(row.out, 1, &place);
        let message = format!("the column `{column}` holds a secret in place of the id of one");
        row.out.skip("credential_is_secret", &place, message);
    }
    is_secret
}

/// `credential,location,seen_at`: the id of a credential and where a scanner found its secret.
pub fn leak(row: &mut Row<'_>) {
    let Some((credential, location)) = row.required_both("credential", "location") else { return };
    if holds_secret(row, "credential", &credential) {
        return;
    }
    let seen = row.time("seen_at").map(crate::model::text::format_time).unwrap_or_default();
    let entity = row.refer(Wanted::Credential, &credential);
    row.out.attribute(entity, &format!("leak:{credential}"), &format!("{location}@{seen}"));
}

/// `secret,principal`: what is kept somewhere (a secret of a cluster or a vault), and the principals that it proves.
pub fn stored(row: &mut Row<'_>) {
    let Some((secret, _)) = row.required_both("secret", "principal") else { return };
    if holds_secret(row, "secret", &secret) {
        return;
    }
    let place = row.place();
    let member = row.refer(Wanted::Entity, &secret);
    for principal in row.list("principal") {
        let container = row.refer(Wanted::Principal, &principal);
        row.out.memberships.push(Membership {
            member,
            container,
            kind: MembershipKind::RunsAs,
            standing: Standing::Active,
            expires_at: None,
            source: row.out.source_id(),
            record: place.clone(),
        });
    }
}
