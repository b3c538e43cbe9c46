//! What principals may do beyond the role baselines that are declared for them.

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::access::{Evaluators, Granted};
use crate::model::text::glob_ignore_case;
use crate::model::{EntityId, RoleBaseline, Tables};
use crate::scores::RoleGap;

/// Breadth weights of a declared need, as the evaluators count grants.
const BREADTHS: [f64; 3] = [1.0, 2.0, 4.0];

/// The gap of every principal that a baseline is declared for, by number.
///
/// An action that no baseline names is beyond it with its whole mass. One that is named, but granted more widely than on
/// the resources declared, is beyond it with the additional mass only and is not counted as an action.
#[must_use]
pub fn gaps(tables: &Tables, evaluators: &Evaluators<'_>) -> Vec<(EntityId, RoleGap)> {
    let mut declared: FxHashMap<EntityId, Vec<&RoleBaseline>> = FxHashMap::default();
    for row in &tables.role_baselines {
        declared.entry(row.entity).or_default().push(row);
    }
    let mut declared: Vec<(EntityId, Vec<&RoleBaseline>)> = declared.into_iter().collect();
    declared.sort_by_key(|(entity, _)| *entity);
    declared
        .into_par_iter()
        .filter_map(|(entity, rows)| {
            let principal = tables.entities.get(entity.index()).filter(|entity| entity.is_principal())?;
            let granted = evaluators.of(&principal.platform)?.granted(entity);
            Some((entity, gap(&granted, &rows)))
        })
        .collect()
}

fn gap(granted: &[Granted], baselines: &[&RoleBaseline]) -> RoleGap {
    let mut gap = RoleGap { n: 0, mass: 0.0 };
    for row in granted {
        for action in &row.actions {
            let needed =
                baselines.iter().filter(|baseline| names(baseline, &action.action.name)).map(|one| breadth(one));
            match needed.max_by(f64::total_cmp) {
                None => {
                    gap.n += 1;
                    gap.mass += action.mass;
                }
                Some(breadth) => gap.mass += (action.mass - row.level_weight * breadth).max(0.0),
            }
        }
    }
    gap
}

fn names(baseline: &RoleBaseline, action: &str) -> bool {
    baseline.actions.iter().any(|pattern| glob_ignore_case(pattern, action))
}

/// Breadth weight of the resources that a baseline names.
fn breadth(baseline: &RoleBaseline) -> f64 {
    let of = |resource: &String| match resource.as_str() {
        "*" => BREADTHS[2],
        text if text.contains(['*', '?']) => BREADTHS[1],
        _ => BREADTHS[0],
    };
    baseline.resources.iter().map(of).max_by(f64::total_cmp).unwrap_or(BREADTHS[2])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::Cow;

    use crate::access::{Known, Recorded};
    use crate::model::{Decision, SourceId};
    use crate::platforms::GrantedAction;

    fn baseline(actions: &[&str], resources: &[&str]) -> RoleBaseline {
        let own = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect();
        RoleBaseline {
            baseline: "b".to_owned(),
            entity: EntityId(0),
            actions: own(actions),
            resources: own(resources),
            source: SourceId(0),
            record: String::new(),
        }
    }

    #[test]
    fn what_no_baseline_names_is_beyond_it_and_what_is_wider_is_so_in_part() {
        let action = |name, mass| {
            let action = Known { name: Cow::Borrowed(name), level: "write", recorded: Recorded::Always };
            GrantedAction { action, mass, source: 0 }
        };
        // Two writes on everything, 5 x 4, and one on a single resource, 5 x 1.
        let actions =
            vec![action("s3:PutBucketAcl", 20.0), action("s3:CreateBucket", 20.0), action("s3:PutObject", 5.0)];
        let (service, level, decision) = ("s3".into(), "write", Decision::Allowed);
        let granted = [Granted { service, level, level_weight: 5.0, decision, actions, sources: vec![vec![0]] }];
        let gap = |baselines: &[RoleBaseline]| gap(&granted, &baselines.iter().collect::<Vec<_>>());
        assert_eq!(gap(&[]), RoleGap { n: 3, mass: 45.0 });
        assert_eq!(gap(&[baseline(&["S3:Create*"], &[])]), RoleGap { n: 2, mass: 25.0 });
        // Needed on a family of buckets, 5 x 2, and granted on all of them: 10 too much.
        let narrow = baseline(&["s3:Create*"], &["arn:aws:s3:::log-*"]);
        assert_eq!(gap(std::slice::from_ref(&narrow)), RoleGap { n: 2, mass: 35.0 });
        assert_eq!(gap(&[narrow, baseline(&["s3:*"], &["arn:aws:s3:::a"])]), RoleGap { n: 0, mass: 25.0 });
    }
}
