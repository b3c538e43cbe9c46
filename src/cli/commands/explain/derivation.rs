//! Where every right comes from, whether it is used, how usual it is, whether it can go, and the arithmetic of the gaps.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::dossier::{Dossier, Held};
use crate::cli::commands::scores::why::removable;
use crate::cli::engine::{self, Entitlements, Snapshot};
use crate::model::{Access, CohortKind, Decision, EntityId, MembershipKind, Removal, RemovalVerdict, Tables};
use crate::platforms::Granted;
use crate::reports::escape::plain;
use crate::reports::rows::reasons;

/// Entitlements shown unless all are asked for.
const ROWS_N: usize = 8;
/// Statements told of one entitlement.
const CHAINS_N: usize = 4;

/// The answer in a few lines: how bad, why, what can go, how unusual.
pub fn summary(text: &mut String, dossier: &Dossier<'_>) {
    let Some(score) = dossier.score else { return };
    let _ = writeln!(text, "\nSummary");
    let _ = writeln!(text, "  risk     {:.1}, in [{:.1}, {:.1}]", score.risk, score.risk_low, score.risk_high);
    for (label, reason) in std::iter::once("why").chain(std::iter::repeat("")).zip(reasons(score)) {
        let _ = writeln!(text, "  {label:<8} {}", plain(reason));
    }
    let _ = writeln!(text, "  remove   {}", removable(score));
    if let (Some(pgr), Some(wpg), Some(wpa)) = (score.pgr, score.wpg, score.wpa) {
        let days = score.window_days.map_or_else(|| "an unknown number of".to_owned(), |days| days.to_string());
        let _ = writeln!(
            text,
            "  gaps     pgr {pgr:.3}, wpg {wpg:.3}, wpa {wpa}, over {days} days ({})",
            score.evidence_grade
        );
    } else {
        let _ = writeln!(text, "  gaps     unknown: nothing that it may do was observed");
    }
    let place = |surprise: Option<f64>, percentile: Option<f64>, cohort: &str, n: u32| {
        let (Some(surprise), Some(percentile)) = (surprise, percentile) else {
            return format!("{} is too small a cohort ({n})", plain(cohort));
        };
        let percent = 100.0 * percentile;
        format!("{surprise:.1} nats, above {percent:.0} % of the {n} in {}", plain(cohort))
    };
    let declared = place(score.surprise, score.surprise_percentile, &score.cohort, score.cohort_n);
    let _ = writeln!(text, "  peers    declared: {declared}");
    if let (Some(cohort), Some(n)) = (&score.observed_cohort, score.observed_cohort_n) {
        let observed = place(score.observed_surprise, score.observed_percentile, cohort, n);
        let _ = writeln!(text, "           observed: {observed}");
    }
    match (score.role_gap_n, score.role_gap_mass) {
        (Some(n), Some(mass)) => {
            let _ = writeln!(text, "  role     {n} actions beyond its role baselines, mass {mass}");
        }
        _ => {
            let _ = writeln!(text, "  role     no role baseline is declared for it");
        }
    }
}

/// Every entitlement, largest privilege mass first; all of them when `full`.
pub fn entitlements(text: &mut String, snapshot: &Snapshot, dossier: &Dossier<'_>, full: bool) {
    let mut rows: Vec<&Granted> = dossier.entitlements.rows.iter().collect();
    if rows.is_empty() {
        return;
    }
    rows.sort_by(|a, b| mass(b).total_cmp(&mass(a)).then_with(|| (&a.service, a.level).cmp(&(&b.service, b.level))));
    let shown = if full { rows.len() } else { ROWS_N };
    let _ = writeln!(text, "\nEntitlements, largest privilege mass first: what, through what, used, usual, removable");
    for row in rows.iter().take(shown) {
        let certain = if row.decision == Decision::Allowed { "" } else { ", beyond what is certain" };
        let _ = writeln!(
            text,
            "  {} {}{certain}: {} actions, mass {}",
            row.service,
            row.level,
            row.actions.len(),
            sum(row)
        );
        for line in chains(snapshot, dossier, row) {
            let _ = writeln!(text, "    from    {}", plain(&line));
        }
        let _ = writeln!(text, "    use     {}", used(access_row(dossier, row)));
        for line in peers(dossier, row) {
            let _ = writeln!(text, "    peers   {}", plain(&line));
        }
        let _ = writeln!(text, "    remove  {}", plain(&verdicts(dossier, row)));
    }
    if shown < rows.len() {
        let _ = writeln!(text, "  … and {} more (--full shows all)", rows.len() - shown);
    }
}

fn mass(row: &Granted) -> f64 {
    row.actions.iter().map(|action| action.mass).sum()
}

/// A mass as the sum that it is: level weight x (actions x breadth weight + …).
fn sum(row: &Granted) -> String {
    let mut counts: Vec<(f64, usize)> = Vec::new();
    for action in &row.actions {
        let breadth = action.mass / row.level_weight;
        match counts.iter_mut().find(|(known, _)| (*known - breadth).abs() < 1e-9) {
            Some((_, n)) => *n += 1,
            None => counts.push((breadth, 1)),
        }
    }
    counts.sort_by(|a, b| b.0.total_cmp(&a.0));
    let parts: Vec<String> = counts.iter().map(|(breadth, n)| format!("{n}·{breadth}")).collect();
    format!("{} × ({}) = {}", row.level_weight, parts.join(" + "), mass(row))
}

fn access_row<'a>(dossier: &Dossier<'a>, row: &Granted) -> Option<&'a Access> {
    let same = |access: &&&Access| {
        access.service == row.service && access.level == row.level && access.decision == row.decision
    };
    dossier.access.iter().find(same).copied()
}

/// Statements that grant, each with the way on which it comes to the principal.
fn chains(snapshot: &Snapshot, dossier: &Dossier<'_>, row: &Granted) -> Vec<String> {
    let mut grants: Vec<u32> = row.sources.iter().flatten().copied().collect();
    grants.sort_unstable();
    grants.dedup();
    let mut lines: Vec<String> =
        grants.iter().take(CHAINS_N).map(|&grant| chain(snapshot, &dossier.policies, grant)).collect();
    if grants.is_empty() {
        lines.push(
            "no statement of the export: a policy that it does not have, or a right that the platform gives itself"
                .to_owned(),
        );
    }
    if grants.len() > CHAINS_N {
        lines.push(format!("… and {} more statements", grants.len() - CHAINS_N));
    }
    lines
}

/// `group → policy → statement`.
fn chain(snapshot: &Snapshot, held: &[Held], grant: u32) -> String {
    let tables = &snapshot.tables;
    let Some(row) = engine::grant(snapshot, grant) else { return format!("statement {grant}") };
    let holder = tables.entity(row.holder);
    let way = |via: EntityId| {
        let via = tables.entity(via);
        if via.kind.is_principal() { String::new() } else { format!("{} {} → ", via.kind, via.name) }
    };
    let end = format!("statement {}", row.statement);
    if holder.kind.is_principal() || is_group(tables, row.holder) {
        return format!("{}inline policy {} → {end}", way(row.holder), row.policy);
    }
    let through =
        held.iter().filter(|held| held.layer == "identity" && held.policy == holder.id).map(|held| way(held.via));
    let through: Vec<String> = through.map(|way| format!("{way}{} → {end}", holder.id)).collect();
    if through.is_empty() { format!("{} → {end}", holder.id) } else { through.join("; ") }
}

fn is_group(tables: &Tables, entity: EntityId) -> bool {
    tables.entity(entity).kind == crate::model::EntityKind::Group
        || tables.memberships.iter().any(|row| row.container == entity && row.kind == MembershipKind::MemberOf)
}

fn used(row: Option<&Access>) -> String {
    let Some((row, observable, unused)) = row.and_then(|row| Some((row, row.observable_n?, row.unused_n?))) else {
        return "not observed".to_owned();
    };
    let days = row.window_days.map_or_else(|| "?".to_owned(), |days| days.to_string());
    let young = match row.undetermined_n {
        Some(n) if n > 0 => format!(", {n} granted too recently to tell"),
        _ => String::new(),
    };
    format!(
        "{observable} of {} observable, {} used, {unused} unused (mass {}){young}; {}, {days} days",
        row.granted_n,
        observable.saturating_sub(unused),
        row.unused_mass.unwrap_or(0.0),
        row.evidence_grade
    )
}

fn peers(dossier: &Dossier<'_>, row: &Granted) -> Vec<String> {
    let permission = format!("{}:{}", row.service, row.level);
    let own = dossier.peers.iter().filter(|peer| peer.permission == permission);
    own.map(|peer| {
        let kind = peer.cohort_kind.as_str();
        format!("{} of {} {kind} peers have it too, {:.2} nats", peer.n_p, peer.n, peer.nats)
    })
    .collect()
}

fn verdicts(dossier: &Dossier<'_>, row: &Granted) -> String {
    let same = |removal: &&Removal| {
        removal.service == row.service && removal.level == row.level && removal.decision == row.decision
    };
    let told = |removal: &Removal| {
        let why = if removal.verdict == RemovalVerdict::Used { String::new() } else { format!(", {}", removal.why) };
        format!("{} {} (mass {}{why})", removal.actions_n, removal.verdict, removal.mass)
    };
    let told: Vec<String> = dossier.removals.iter().filter(same).map(told).collect();
    if told.is_empty() { "undetermined: use was not observed".to_owned() } else { told.join(" · ") }
}

/// The sums behind the gaps and the excess score.
pub fn gaps(text: &mut String, dossier: &Dossier<'_>) {
    let Some(score) = dossier.score else { return };
    let Entitlements { administrator_mass, .. } = dossier.entitlements;
    let sums = Sums::of(dossier);
    let _ = writeln!(text, "\nGaps, from the rows of its access");
    let _ = writeln!(
        text,
        "  granted {} actions of mass {}; observable |k| = {} of mass {}; used {}; unused {} of mass {}; too young {}",
        sums.granted,
        score.mass,
        sums.observable,
        sums.observable_mass,
        sums.observable - sums.unused,
        sums.unused,
        sums.unused_mass,
        sums.young
    );
    if let (Some(pgr), Some(wpg)) = (score.pgr, score.wpg) {
        let _ = writeln!(text, "  pgr = 1 − {} / {} = {pgr:.4}", sums.observable - sums.unused, sums.observable);
        let _ = writeln!(text, "  wpg = {} / {} = {wpg:.4}", sums.unused_mass, sums.observable_mass);
        let _ = writeln!(text, "  wpa = {}", sums.unused_mass);
    } else {
        text.push_str("  pgr, wpg and wpa are unknown: nothing is observable\n");
    }
    let used = sums.observable_mass - sums.unused_mass;
    let idle = score.mass - used;
    let _ = writeln!(
        text,
        "  excess = 100 · ln(1 + {} − {used}) / ln(1 + {administrator_mass}) = 100 · {:.4} / {:.4} = {}",
        score.mass,
        idle.max(0.0).ln_1p(),
        administrator_mass.ln_1p(),
        score.excess.map_or_else(|| "–".to_owned(), |excess| format!("{excess:.1}"))
    );
    declared_peers(text, dossier);
}

/// The permissions that surprise most.
fn declared_peers(text: &mut String, dossier: &Dossier<'_>) {
    for kind in [CohortKind::Declared, CohortKind::Observed] {
        let rows: Vec<_> = dossier.peers.iter().filter(|peer| peer.cohort_kind == kind).collect();
        let Some(first) = rows.first() else { continue };
        let _ = writeln!(
            text,
            "\nAgainst its {} peers {kind} in {}: the {} permissions that surprise most",
            first.n,
            plain(&first.cohort),
            rows.len()
        );
        let told: Vec<String> = rows
            .iter()
            .map(|peer| format!("{} {} of {}: {:.2}", peer.permission, peer.n_p, peer.n, peer.nats))
            .collect();
        for line in told.chunks(3) {
            let _ = writeln!(text, "  {}", line.join(" · "));
        }
    }
}

/// Sums over the access rows.
struct Sums {
    granted: u32,
    observable: u32,
    unused: u32,
    young: u32,
    observable_mass: f64,
    unused_mass: f64,
}

impl Sums {
    fn of(dossier: &Dossier<'_>) -> Self {
        let rows = || dossier.access.iter().filter(|row| row.decision != Decision::Denied);
        let count = |of: fn(&Access) -> Option<u32>| rows().filter_map(|row| of(row)).sum();
        Self {
            granted: rows().map(|row| row.granted_n).sum(),
            observable: count(|row| row.observable_n),
            unused: count(|row| row.unused_n),
            young: count(|row| row.undetermined_n),
            observable_mass: rows().filter_map(|row| row.observable_mass).sum(),
            unused_mass: rows().filter_map(|row| row.unused_mass).sum(),
        }
    }
}

/// The JSON form of the entitlements: every action, and the statements by place in `sources`.
pub fn published(snapshot: &Snapshot, dossier: &Dossier<'_>) -> Value {
    let rows = dossier.entitlements.rows.iter().map(|row| {
        let sources: Vec<Vec<String>> = row
            .sources
            .iter()
            .map(|source| source.iter().map(|&grant| chain(snapshot, &dossier.policies, grant)).collect())
            .collect();
        let actions: Vec<Value> = row
            .actions
            .iter()
            .map(|action| json!({"action": action.action.name, "mass": action.mass, "source": action.source}))
            .collect();
        json!({
            "service": row.service, "level": row.level, "level_weight": row.level_weight, "decision": row.decision,
            "actions": actions, "sources": sources,
        })
    });
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::super::dossier::gather;
    use super::*;
    use crate::platforms::{ALL, input};

    const CLUSTER: &str = "
apiVersion: v1
kind: ServiceAccount
metadata: {name: ci, namespace: dev}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: deployer}
rules:
- {apiGroups: [''], resources: [pods, pods/log], verbs: [get, list]}
- {apiGroups: [''], resources: [secrets], verbs: [get], resourceNames: [db]}
- {apiGroups: [example.com], resources: [widgets], verbs: [create]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: ci, namespace: dev}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: deployer}
subjects: [{kind: ServiceAccount, name: ci, namespace: dev}]
";

    #[test]
    fn a_service_account_of_a_cluster_has_its_entitlements_with_their_rules() {
        let tables = input::read_texts([("a.yaml", CLUSTER.as_bytes())], ALL).join(ALL);
        let ci = tables.find("kubernetes:kubernetes/dev/serviceaccount/ci").unwrap();
        let snapshot = Snapshot { tables, ..Snapshot::default() };
        let dossier = gather(&snapshot, ci, 0);
        let mut text = String::new();
        entitlements(&mut text, &snapshot, &dossier, false);
        // Weights: list 1, read 2, write 5; of the object by name 1, in the namespace 2.
        for part in [
            "Entitlements, largest privilege mass first",
            "  core list: 1 actions, mass 1 × (1·2) = 2\n",
            "  core read: 3 actions, mass 2 × (2·2 + 1·1) = 10\n",
            "  example.com write: 1 actions, mass 5 × (1·2) = 10\n",
            "kubernetes:kubernetes/clusterrole/deployer → statement ",
        ] {
            assert!(text.contains(part), "{part} is missing from\n{text}");
        }
        let published = published(&snapshot, &dossier);
        let widgets = published.as_array().unwrap().iter().find(|row| row["service"] == "example.com").unwrap();
        assert_eq!(widgets["actions"][0]["action"], "create:example.com/widgets");
        assert!(widgets["sources"][0][0].as_str().unwrap().contains("clusterrole/deployer"), "{widgets}");
    }
}
