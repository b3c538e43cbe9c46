//! What only shows when all files of a scan are there: two exports of one account, the same policy in many of
//! them, and names that another file explains.

use std::collections::BTreeSet;

use rustc_hash::{FxHashMap, FxHashSet};

use super::{assignments, authorization, credential_report, last_accessed, other, overlap, trail};
use crate::model::rebuild::{Fate, keep_grants, rename};
use crate::model::{Builder, Entity, EntityKind, Grant};
use crate::platforms::aws::NAME;
use crate::platforms::aws::arn::{Arn, is_account};

/// Whether a source is one of ours.
fn is_aws(builder: &Builder) -> bool {
    builder.source.kind.starts_with("aws-")
}

/// See [`crate::platforms::Platform::reconcile`].
pub fn reconcile(builders: &mut [Builder]) {
    let mut ours: Vec<&mut Builder> = builders.iter_mut().filter(|builder| is_aws(builder)).collect();
    overlap::withdraw_older(&mut ours);
    explain(&mut ours);
    trail::merge(&mut ours);
    assignments::link(&mut ours);
    keep_one_copy(&mut ours);
    mark_unknown_permissions(&mut ours);
    settle_pages(&mut ours);
}

/// Names by which one file refers to what another defines.
#[derive(Default)]
struct Names {
    /// Users, roles and groups that are defined: (account, kind, name) to id. Names are unique whatever the path.
    principals: FxHashMap<(String, &'static str, String), String>,
    present: FxHashSet<String>,
    /// Last part of an ARN to the ARN: organisation policies and permission sets.
    by_suffix: FxHashMap<String, String>,
    /// Keys of last-accessed reports to principals.
    reports: FxHashMap<String, String>,
    /// Root user of the one account that the scan is about.
    only_root: Option<String>,
    wanted: Wanted,
}

/// What files refer to and do not define themselves: only names that are asked for are learnt, of what may be
/// hundreds of thousands.
#[derive(Default)]
struct Wanted {
    /// Ids of users, roles and groups.
    ids: FxHashSet<String>,
    /// Their names.
    names: FxHashSet<String>,
    /// Whether a last-accessed report waits for its principal.
    reports: bool,
}

impl Wanted {
    fn of(builders: &[&mut Builder]) -> Self {
        let mut wanted = Self::default();
        let referred = builders.iter().flat_map(|builder| builder.entities()).filter(|entity| !entity.present);
        for entity in referred {
            wanted.reports |= entity.id.starts_with(last_accessed::PENDING);
            if let Some(arn) = Arn::parse(&entity.id).filter(|arn| principal_kind(arn).is_some()) {
                wanted.names.insert(arn.name().to_owned());
                wanted.ids.insert(entity.id.clone());
            }
        }
        wanted
    }
}

/// The kind of an IAM principal or group, by its ARN.
fn principal_kind(arn: &Arn<'_>) -> Option<EntityKind> {
    match (arn.service, arn.kind()) {
        ("iam", "user") => Some(EntityKind::User),
        ("iam", "role") => Some(EntityKind::Role),
        ("iam", "group") => Some(EntityKind::Group),
        _ => None,
    }
}

/// Gives what one file names incompletely the id that another file knows.
pub(super) fn explain(builders: &mut [&mut Builder]) {
    let mut names = collect_names(builders);
    last_accessed::collect_jobs(builders, &mut names.reports);
    for builder in builders.iter_mut() {
        last_accessed::report_unknown(builder, &names.reports);
        other::report_unknown(builder, names.only_root.as_deref());
        rename(builder, |entity| names.fate(entity));
    }
}

fn collect_names(builders: &[&mut Builder]) -> Names {
    let mut names = Names { wanted: Wanted::of(builders), ..Names::default() };
    let mut roots = BTreeSet::new();
    for builder in builders {
        for entity in builder.entities() {
            if entity.present {
                if names.wanted.ids.contains(&entity.id) {
                    names.present.insert(entity.id.clone());
                }
                if entity.name == "root" && entity.id.ends_with(":root") {
                    roots.insert(entity.id.clone());
                }
            }
            names.learn(entity);
        }
    }
    names.only_root = if roots.len() == 1 { roots.pop_first() } else { None };
    names
}

impl Names {
    fn learn(&mut self, entity: &Entity) {
        let Some(arn) = Arn::parse(&entity.id) else { return };
        match (arn.service, arn.kind()) {
            ("iam", "user" | "role" | "group") => {
                if entity.present && self.wanted.names.contains(&entity.name) {
                    let key = (arn.account.to_owned(), entity.kind.as_str(), entity.name.clone());
                    self.principals.entry(key).or_insert_with(|| entity.id.clone());
                }
                self.learn_report(entity);
            }
            ("iam", "policy") => self.learn_report(entity),
            ("organizations", "policy") | ("sso", _) => {
                self.by_suffix.entry(arn.name().to_owned()).or_insert_with(|| entity.id.clone());
            }
            _ => {}
        }
    }

    /// Some tools name a file by the ARN with `_` for what a file name may not hold.
    fn learn_report(&mut self, entity: &Entity) {
        if self.wanted.reports {
            self.reports.entry(last_accessed::mangled(&entity.id)).or_insert_with(|| entity.id.clone());
        }
    }

    fn fate(&self, entity: &Entity) -> Fate {
        if entity.platform != NAME {
            return Fate::Keep;
        }
        let found = |id: Option<&String>| id.map_or(Fate::Keep, |id| Fate::Rename(id.clone()));
        for pending in ["aws:policy/", "aws:permission-set/"] {
            if let Some(key) = entity.id.strip_prefix(pending) {
                return found(self.by_suffix.get(key));
            }
        }
        if entity.present {
            return Fate::Keep;
        }
        if let Some(key) = entity.id.strip_prefix(last_accessed::PENDING) {
            return self.reports.get(key).map_or(Fate::Drop, |id| Fate::Rename(id.clone()));
        }
        if entity.id.starts_with(other::PENDING_ROOT) {
            return self.only_root.as_ref().map_or(Fate::Drop, |id| Fate::Rename(id.clone()));
        }
        if self.present.contains(&entity.id) {
            return Fate::Keep;
        }
        let Some(arn) = Arn::parse(&entity.id) else { return Fate::Keep };
        let Some(kind) = principal_kind(&arn) else { return Fate::Keep };
        found(self.principals.get(&(arn.account.to_owned(), kind.as_str(), arn.name().to_owned())))
    }
}

/// What a statement belongs to. A managed policy is one thing with all its versions; another holder has
/// several policies, each a thing of its own.
fn unit(builder: &Builder, grant: &Grant) -> (String, String) {
    let holder = builder.entity(grant.holder);
    let policy = if holder.kind == EntityKind::RoleDefinition { String::new() } else { grant.policy.clone() };
    (holder.id.clone(), policy)
}

/// Statements of one policy that several files hold are kept from one of them only: from the newest version,
/// and of equals from the first file.
fn keep_one_copy(builders: &mut [&mut Builder]) {
    if builders.iter().filter(|builder| !builder.grants.is_empty()).count() < 2 {
        return;
    }
    let mut best: FxHashMap<(String, String), ((u64, i64), usize)> = FxHashMap::default();
    let mut shared = false;
    for (number, builder) in builders.iter().enumerate() {
        let ages = versions(builder);
        let mut here: FxHashMap<(String, String), i64> = FxHashMap::default();
        for grant in &builder.grants {
            let newest = here.entry(unit(builder, grant)).or_insert(i64::MIN);
            *newest = (*newest).max(grant.granted_at.unwrap_or(i64::MIN));
        }
        for (unit, newest) in here {
            let age = (ages.get(&unit.0).copied().unwrap_or(0), newest);
            match best.get_mut(&unit) {
                None => {
                    best.insert(unit, (age, number));
                }
                Some(first) => {
                    shared = true;
                    if age > first.0 {
                        *first = (age, number);
                    }
                }
            }
        }
    }
    if !shared {
        return;
    }
    for (number, builder) in builders.iter_mut().enumerate() {
        drop_copies(builder, |unit| best.get(unit).is_some_and(|(_, kept)| *kept != number));
    }
}

fn drop_copies(builder: &mut Builder, elsewhere: impl Fn(&(String, String)) -> bool) {
    let mut drop = FxHashSet::default();
    let mut holders = FxHashSet::default();
    for grant in &builder.grants {
        let unit = unit(builder, grant);
        if elsewhere(&unit) {
            drop.insert(grant.grant);
            if unit.1.is_empty() {
                holders.insert(grant.holder);
            }
        }
    }
    if drop.is_empty() {
        return;
    }
    // The facts of a policy go with its statements, so that it has one version in force.
    builder.attributes.retain(|row| !holders.contains(&row.entity));
    keep_grants(builder, |row| !drop.contains(&row.grant));
}

/// Number of the version in force of each managed policy of a source.
fn versions(builder: &Builder) -> FxHashMap<String, u64> {
    let versions = builder.attributes.iter().filter(|row| row.key == "default_version");
    versions
        .filter_map(|row| {
            let number = row.value.trim_start_matches('v').parse().ok()?;
            Some((builder.entity(row.entity).id.clone(), number))
        })
        .collect()
}

/// Users that only a credential report knows: what they may do is unknown, not nothing.
fn mark_unknown_permissions(builders: &mut [&mut Builder]) {
    let mut known = FxHashSet::default();
    for builder in builders.iter().filter(|builder| builder.source.kind == authorization::FORMAT) {
        known.extend(builder.entities().iter().filter(|entity| entity.present).map(|entity| entity.id.clone()));
    }
    for builder in builders.iter_mut().filter(|builder| builder.source.kind == credential_report::FORMAT) {
        let unknown: Vec<String> = builder
            .entities()
            .iter()
            .filter(|entity| entity.present && entity.kind == EntityKind::User && entity.name != "root")
            .filter(|entity| !known.contains(&entity.id))
            .map(|entity| entity.id.clone())
            .collect();
        for id in unknown {
            if let Some(handle) = builder.handle(&id) {
                builder.attribute(handle, "permissions_unknown", "true");
            }
        }
    }
}

/// A page that announces more is complete when another file of the same account holds the last page.
fn settle_pages(builders: &mut [&mut Builder]) {
    let open = |builder: &Builder| builder.issues.iter().any(|issue| issue.code == "more_pages");
    if !builders.iter().any(|builder| open(builder)) {
        return;
    }
    let accounts = |builder: &Builder| -> BTreeSet<String> {
        let ids = builder.entities().iter().filter(|entity| entity.present && entity.kind == EntityKind::Scope);
        ids.map(|entity| entity.id.clone()).filter(|id| is_account(id.trim_start_matches("aws:account/"))).collect()
    };
    let last: Vec<(String, BTreeSet<String>)> = builders
        .iter()
        .filter(|builder| !open(builder) && builder.source.records > 0)
        .map(|builder| (builder.source.kind.clone(), accounts(builder)))
        .collect();
    for builder in builders.iter_mut().filter(|builder| open(builder)) {
        let mine = accounts(builder);
        let closed = last.iter().any(|(kind, theirs)| *kind == builder.source.kind && !theirs.is_disjoint(&mine));
        if closed {
            builder.issues.retain(|issue| issue.code != "more_pages");
        }
    }
}
