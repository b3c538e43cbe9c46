//! What a snapshot holds on one principal, gathered from its tables.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::approvals::Told;
use super::derivation;
use crate::cli::commands::steps;
use crate::cli::engine::{self, Entitlements, Snapshot, WitnessPath};
use crate::model::text::format_time;
use crate::model::{
    Access, AttachmentKind, Credential, Effect, Entity, EntityId, Finding, FindingState, Layer, MembershipKind, Peer,
    Removal, Score, Tables, Trust,
};
use crate::reports::json::FORMAT;
use crate::reports::rows;

/// A policy that takes part in deciding what the principal may do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Held {
    /// As what: `identity`, `boundary`, `scp`, `rcp`.
    pub layer: &'static str,
    /// Name of an inline policy, full id of a managed one.
    pub policy: String,
    /// Through whom: the principal itself, one of its groups, or a scope around it.
    pub via: EntityId,
    /// Statements that allow.
    pub allows: usize,
    /// Statements that deny.
    pub denies: usize,
    /// False when the export refers to the policy and does not define it: what it says is unknown.
    pub known: bool,
}

/// All of it. Rows borrow from the snapshot.
#[derive(Debug)]
pub struct Dossier<'a> {
    /// Whom it is about.
    pub about: &'a Entity,
    /// Groups it is in, through other groups too.
    pub groups: Vec<EntityId>,
    /// Policies, in the order of layers.
    pub policies: Vec<Held>,
    /// Effective access, largest privilege mass first.
    pub access: Vec<&'a Access>,
    /// The same action by action, with the statements that grant.
    pub entitlements: Entitlements,
    /// What taking its rights away would do; nothing when its use was not observed.
    pub removals: &'a [Removal],
    /// How usual its rights are among its peers.
    pub peers: &'a [Peer],
    /// Who may act as it.
    pub trusted: Vec<&'a Trust>,
    /// As whom it is trusted to act.
    pub trusts: Vec<&'a Trust>,
    /// Its credentials.
    pub credentials: Vec<&'a Credential>,
    /// Findings about it or in which it takes part, most urgent first.
    pub findings: Vec<&'a Finding>,
    /// Paths to the protected zone.
    pub paths: Vec<WitnessPath>,
    /// Of an agent: whether it comes to a privileged change past every human approval.
    pub approvals: Option<Told>,
    /// Its scores.
    pub score: Option<&'a Score>,
}

/// Gathers what there is on a principal.
pub fn gather(snapshot: &Snapshot, principal: EntityId, paths_n: usize) -> Dossier<'_> {
    let (tables, results) = (&snapshot.tables, &snapshot.results);
    let groups = containers(tables, principal, MembershipKind::MemberOf);
    let about = tables.entity(principal);
    let mut access: Vec<&Access> = results.access.of(principal).iter().collect();
    access.sort_by(|a, b| b.mass.total_cmp(&a.mass).then_with(|| (&a.service, &a.level).cmp(&(&b.service, &b.level))));
    let mut findings: Vec<&Finding> = results
        .findings
        .iter()
        .filter(|row| row.entity == principal || row.subjects.contains(&principal.0))
        .filter(|row| row.state != FindingState::Absent)
        .collect();
    findings.sort_by(|a, b| (a.severity, &a.rule, &a.fingerprint).cmp(&(b.severity, &b.rule, &b.fingerprint)));
    Dossier {
        about,
        policies: policies(tables, about, &groups),
        access,
        entitlements: engine::entitlements(snapshot, principal),
        removals: results.removals.of(principal),
        peers: results.peers.of(principal),
        trusted: tables.trusts.iter().filter(|row| row.target == principal).collect(),
        trusts: tables.trusts.iter().filter(|row| row.trustee == Some(principal)).collect(),
        credentials: tables.credentials.iter().filter(|row| row.entity == principal).collect(),
        findings,
        paths: if paths_n == 0 { Vec::new() } else { engine::witness_paths(snapshot, principal, None, paths_n).paths },
        approvals: None,
        score: results.scores.iter().find(|row| row.entity == principal),
        groups,
    }
}

/// Everything that an entity is in, directly or through others, ascending. Cycles end at what is already known.
fn containers(tables: &Tables, of: EntityId, kind: MembershipKind) -> Vec<EntityId> {
    let mut known = BTreeSet::new();
    let mut open = vec![of];
    while let Some(member) = open.pop() {
        // Memberships are sorted by member: one member's rows are one range.
        let first = tables.memberships.partition_point(|row| row.member < member);
        let rows = tables.memberships[first..].iter().take_while(|row| row.member == member);
        for row in rows.filter(|row| row.kind == kind) {
            if row.container != of && known.insert(row.container) {
                open.push(row.container);
            }
        }
    }
    known.into_iter().collect()
}

/// Inline and attached policies of the principal, its groups and the scopes around it.
fn policies(tables: &Tables, entity: &Entity, groups: &[EntityId]) -> Vec<Held> {
    let mut holders: BTreeSet<EntityId> = groups.iter().copied().collect();
    holders.insert(entity.entity);
    if let Some(scope) = entity.scope.as_deref().and_then(|scope| tables.find(scope)) {
        holders.insert(scope);
        holders.extend(containers(tables, scope, MembershipKind::Contains));
    }
    let mut held = Vec::new();
    let givers = givers(tables, &holders);
    for row in tables.attachments.iter().filter(|row| givers.contains(&row.holder)) {
        let (allows, denies) = statements(tables, row.policy, |_| true);
        let policy = tables.entity(row.policy);
        held.push(Held {
            layer: layer(row.kind),
            policy: policy.id.clone(),
            via: row.holder,
            allows,
            denies,
            known: policy.present,
        });
    }
    let mut inline = BTreeSet::new();
    for row in tables.grants.iter().filter(|row| row.layer == Layer::Identity && holders.contains(&row.holder)) {
        if inline.insert((row.holder, &row.policy)) {
            let (allows, denies) = statements(tables, row.holder, |name| name == row.policy);
            let (layer, policy) = (Layer::Identity.as_str(), row.policy.clone());
            held.push(Held { layer, policy, via: row.holder, allows, denies, known: true });
        }
    }
    held.sort();
    held
}

/// These holders, and what is attached to them and has something attached itself: a binding with its role.
fn givers(tables: &Tables, holders: &BTreeSet<EntityId>) -> BTreeSet<EntityId> {
    let mut givers = holders.clone();
    let mut open: Vec<EntityId> = holders.iter().copied().collect();
    while let Some(holder) = open.pop() {
        // Attachments are sorted by holder: a holder's rows are one range.
        let first = tables.attachments.partition_point(|row| row.holder < holder);
        let own = tables.attachments[first..].iter().take_while(|row| row.holder == holder);
        open.extend(own.map(|row| row.policy).filter(|&policy| givers.insert(policy)));
    }
    givers
}

fn layer(kind: AttachmentKind) -> &'static str {
    kind.as_str()
}

/// Allowing and denying statements in force of one holder's policies.
fn statements(tables: &Tables, holder: EntityId, wanted: impl Fn(&str) -> bool) -> (usize, usize) {
    // Grants are sorted by holder: a holder's statements are one range.
    let first = tables.grants.partition_point(|row| row.holder < holder);
    let rows = tables.grants[first..].iter().take_while(|row| row.holder == holder);
    let in_force =
        rows.filter(|row| row.layer != Layer::Inactive && row.layer != Layer::Resource && wanted(&row.policy));
    in_force.fold((0, 0), |(allows, denies), row| match row.effect {
        Effect::Allow => (allows + 1, denies),
        Effect::Deny => (allows, denies + 1),
    })
}

/// A score's component, its share `-ln(1 - a x)` and its factor `1 - a x`.
#[derive(Debug, Clone, PartialEq)]
pub struct Factor {
    /// Name of the component.
    pub component: String,
    /// Additive part of `-ln(1 - risk/100)`.
    pub share: f64,
    /// What the product is made of: `1 - a x`.
    pub left: f64,
}

/// The factors of a risk, largest share first.
pub fn factors(score: &Score) -> Vec<Factor> {
    let mut factors: Vec<Factor> = rows::shares(score)
        .into_iter()
        .map(|(component, share)| Factor { component, share, left: (-share).exp() })
        .collect();
    factors.sort_by(|a, b| b.share.total_cmp(&a.share).then_with(|| a.component.cmp(&b.component)));
    factors
}

/// The risk that the factors come to.
pub fn product(factors: &[Factor]) -> f64 {
    100.0 * (1.0 - factors.iter().map(|factor| factor.left).product::<f64>())
}

fn time(millis: Option<i64>) -> Value {
    json!(millis.map(format_time))
}

impl Dossier<'_> {
    /// The JSON form: `{format, snapshot, principal{}, groups[], policies[], access[], entitlements[], removals[],
    /// peers[], trusted_by[], trusted_for[], credentials[], findings[], paths[], approvals{}, score{}}`; `approvals`
    /// is null for what is no agent.
    pub fn published(&self, snapshot: &Snapshot) -> Value {
        let view = snapshot.view();
        let ids = |list: &[EntityId]| list.iter().map(|&id| view.id(id)).collect::<Vec<_>>();
        let policies: Vec<Value> = self
            .policies
            .iter()
            .map(|held| {
                json!({
                    "layer": held.layer, "policy": held.policy, "via": view.id(held.via), "allows": held.allows,
                    "denies": held.denies, "known": held.known,
                })
            })
            .collect();
        json!({
            "format": FORMAT,
            "snapshot": snapshot.id,
            "principal": self.principal(),
            "groups": ids(&self.groups),
            "policies": policies,
            "access": self.access.iter().map(|row| without_entity(json!(row))).collect::<Vec<_>>(),
            "entitlements": derivation::published(snapshot, self),
            "removals": self.removals.iter().map(|row| without_entity(json!(row))).collect::<Vec<_>>(),
            "peers": self.peers.iter().map(|row| without_entity(json!(row))).collect::<Vec<_>>(),
            "trusted_by": self.trusted.iter().map(|row| trust(snapshot, row)).collect::<Vec<_>>(),
            "trusted_for": self.trusts.iter().map(|row| trust(snapshot, row)).collect::<Vec<_>>(),
            "credentials": self.credentials.iter().map(|row| credential(row)).collect::<Vec<_>>(),
            "findings": self.findings.iter().map(|row| rows::finding(&view, row)).collect::<Vec<_>>(),
            "paths": self.paths.iter().map(|path| steps::json(snapshot, path)).collect::<Vec<_>>(),
            "approvals": self.approvals.as_ref().map(Told::published),
            "score": self.score.map(|score| scored(snapshot, score)),
        })
    }

    fn principal(&self) -> Value {
        let entity = self.about;
        json!({
            "id": entity.id, "name": entity.name, "kind": entity.kind, "platform": entity.platform,
            "scope": entity.scope, "domain": entity.domain, "env": entity.env, "nhi": entity.nhi,
            "nhi_reason": entity.nhi_reason, "enabled": entity.enabled, "protected": entity.protected,
            "protected_reason": entity.protected_reason, "created_at": time(entity.created_at),
            "last_used_at": time(entity.last_used_at), "last_used_source": entity.last_used_source,
            "owner": entity.owner, "owner_status": entity.owner_status,
            "owner_confidence": entity.owner_confidence,
        })
    }
}

fn without_entity(mut row: Value) -> Value {
    if let Value::Object(fields) = &mut row {
        fields.remove("entity");
    }
    row
}

fn trust(snapshot: &Snapshot, row: &Trust) -> Value {
    let view = snapshot.view();
    json!({
        "target": view.id(row.target), "trustee": row.trustee.map(|id| view.id(id)),
        "trustee_pattern": row.trustee_pattern, "action": row.action, "condition": row.condition, "kind": row.kind,
    })
}

fn credential(row: &Credential) -> Value {
    json!({
        "credential": row.credential, "kind": row.kind, "active": row.active, "created_at": time(row.created_at),
        "expires_at": time(row.expires_at), "last_used_at": time(row.last_used_at), "never_used": row.never_used,
        "last_rotated_at": time(row.last_rotated_at),
    })
}

fn scored(snapshot: &Snapshot, score: &Score) -> Value {
    let mut row = rows::score(&snapshot.view(), score);
    let factors: BTreeMap<String, f64> =
        factors(score).into_iter().map(|factor| (factor.component, factor.left)).collect();
    row["factors"] = json!(factors);
    row
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Attachment, Membership, SourceId, Standing};
    use crate::reports::tests::Fixture;

    fn snapshot() -> Snapshot {
        let mut tables = Fixture::default().tables;
        let member = |member, container, kind| Membership {
            member: EntityId(member),
            container: EntityId(container),
            kind,
            standing: Standing::Active,
            expires_at: None,
            source: SourceId(0),
            record: String::new(),
        };
        // A group that contains itself must not loop.
        tables.memberships = vec![member(1, 1, MembershipKind::MemberOf), member(4, 1, MembershipKind::MemberOf)];
        let attached = |holder, policy, kind| Attachment {
            holder: EntityId(holder),
            policy: EntityId(policy),
            kind,
            source: SourceId(0),
            record: String::new(),
        };
        tables.attachments = vec![attached(1, 2, AttachmentKind::Identity), attached(4, 2, AttachmentKind::Boundary)];
        Snapshot { tables, results: Fixture::default().results, ..Snapshot::default() }
    }

    #[test]
    fn policies_come_through_groups_and_as_boundaries() {
        let snapshot = snapshot();
        let dossier = gather(&snapshot, EntityId(4), 1);
        assert_eq!(dossier.groups, [EntityId(1)]);
        let held: Vec<(&str, u32)> = dossier.policies.iter().map(|held| (held.layer, held.via.0)).collect();
        assert_eq!(held, [("boundary", 4), ("identity", 1)]);
    }

    #[test]
    fn inline_policies_are_counted_by_statement_and_findings_include_those_it_takes_part_in() {
        let snapshot = snapshot();
        let role = gather(&snapshot, EntityId(3), 0);
        assert_eq!((role.policies.len(), role.policies[0].allows, role.policies[0].denies), (1, 1, 0));
        assert_eq!(role.findings.len(), 1);
        assert_eq!(gather(&snapshot, EntityId(5), 0).findings.len(), 1, "as a subject");
        assert!(gather(&snapshot, EntityId(4), 0).findings.is_empty());
    }

    #[test]
    fn the_factors_multiply_to_the_risk() {
        let mut score = Fixture::default().results.scores[0].clone();
        // 1 - 0.5 and 1 - 0.2: the risk is 100 (1 - 0.4) = 60.
        score.shares = vec![format!("excess={}", 0.8_f64.ln().abs()), format!("escalation={}", 0.5_f64.ln().abs())];
        let factors = factors(&score);
        assert_eq!(factors[0].component, "escalation");
        assert!((product(&factors) - 60.0).abs() < 1e-9);
    }

    #[test]
    fn the_document_holds_every_part() {
        let snapshot = snapshot();
        let document = gather(&snapshot, EntityId(3), 1).published(&snapshot);
        for key in ["principal", "groups", "policies", "access", "trusted_by", "trusted_for", "credentials", "paths"] {
            assert!(document.get(key).is_some(), "{key}");
        }
        assert_eq!(document["score"]["factors"]["escalation"].as_f64().map(|f| (f * 1e4).round()), Some(875.0));
    }
}
