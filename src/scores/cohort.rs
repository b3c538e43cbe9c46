//! Who is compared with whom by what is declared of them: platform and kind, and a fact that they have in common.

use std::collections::BTreeMap;

use crate::findings::Context;
use crate::model::{Entity, EntityId};

/// Tags that name a team or a department, without regard to case.
const TEAM_TAGS: [&str; 4] = ["team", "department", "dept", "squad"];

/// Name of the cohort that every principal has: `platform/kind/human|nhi|undecided`.
#[must_use]
pub fn name(entity: &Entity) -> String {
    let nature = match entity.nhi {
        Some(true) => "nhi",
        Some(false) => "human",
        None => "undecided",
    };
    format!("{}/{}/{nature}", entity.platform, entity.kind)
}

/// Cohorts that an entity could be compared in: those of its team tags, its department, its owner, and [`name`] last.
fn candidates(context: &Context<'_>, departments: &BTreeMap<EntityId, &str>, entity: &Entity) -> Vec<String> {
    let whole = name(entity);
    let mut facts: Vec<String> = Vec::new();
    for row in context.attributes(entity.entity) {
        let Some(tag) = row.key.strip_prefix("tag:").map(str::to_ascii_lowercase) else { continue };
        if TEAM_TAGS.contains(&tag.as_str()) && !row.value.trim().is_empty() {
            facts.push(format!("{tag}={}", row.value.trim().to_lowercase()));
        }
    }
    facts.extend(departments.get(&entity.entity).map(|name| format!("department={}", name.trim().to_lowercase())));
    facts.extend(entity.owner.as_deref().map(|owner| format!("owner={}", owner.trim().to_lowercase())));
    facts.sort_unstable();
    facts.dedup();
    let mut all: Vec<String> = facts.into_iter().map(|fact| format!("{whole}/{fact}")).collect();
    all.push(whole);
    all
}

/// Departments of the people whose identities these are.
fn departments<'a>(context: &Context<'a>) -> BTreeMap<EntityId, &'a str> {
    let people = context.tables.people.iter();
    let of: BTreeMap<&str, &str> =
        people.filter_map(|row| Some((row.person.as_str(), row.department.as_deref()?))).collect();
    let identities = context.tables.identities.iter();
    identities.filter_map(|row| Some((row.entity, *of.get(row.person.as_str())?))).collect()
}

/// The declared cohort of every principal, in the order of `all`: of its candidates the smallest that has at least
/// `size_min` members, and [`name`] when none has. Of equally small ones the first by name counts.
#[must_use]
pub fn declared(context: &Context<'_>, all: &[&Entity], size_min: u32) -> Vec<String> {
    let departments = departments(context);
    let candidates: Vec<Vec<String>> = all.iter().map(|entity| candidates(context, &departments, entity)).collect();
    let mut sizes: BTreeMap<&str, usize> = BTreeMap::new();
    for cohort in candidates.iter().flatten() {
        *sizes.entry(cohort).or_default() += 1;
    }
    let enough = |cohort: &&String| u32::try_from(sizes[cohort.as_str()]).is_ok_and(|size| size >= size_min);
    let smallest = |own: &Vec<String>| {
        let found = own.iter().filter(enough).min_by_key(|cohort| (sizes[cohort.as_str()], cohort.as_str()));
        found.or(own.last()).cloned().unwrap_or_default()
    };
    candidates.iter().map(smallest).collect()
}

/// The values of every cohort's members, sorted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Cohorts {
    values: BTreeMap<String, Vec<f64>>,
}

/// Where a principal stands in its cohort.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// Members of the cohort, itself included.
    pub n: u32,
    /// Share of the members with a lower value, 0 to 1; null in a cohort that is too small to mean anything.
    pub percentile: Option<f64>,
}

impl Cohorts {
    /// Sorts members, each given as the name of its cohort and its value.
    #[must_use]
    pub fn new<'n>(members: impl Iterator<Item = (&'n str, f64)>) -> Self {
        let mut values: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for (cohort, value) in members {
            match values.get_mut(cohort) {
                Some(known) => known.push(value),
                None => {
                    values.insert(cohort.to_owned(), vec![value]);
                }
            }
        }
        for members in values.values_mut() {
            members.sort_by(f64::total_cmp);
        }
        Self { values }
    }

    /// Where a value stands in a cohort.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a cohort has far fewer than 2^52 members")]
    pub fn place(&self, cohort: &str, value: f64, size_min: u32) -> Place {
        let members = self.values.get(cohort).map_or(&[][..], Vec::as_slice);
        let n = u32::try_from(members.len()).unwrap_or(u32::MAX);
        let lower = members.partition_point(|member| member.total_cmp(&value).is_lt());
        Place { n, percentile: (n > 0 && n >= size_min).then(|| lower as f64 / members.len() as f64) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testkit::World;

    #[test]
    fn a_place_is_the_share_of_members_below_and_ties_do_not_count() {
        let members = [1.0, 2.0, 2.0, 5.0].map(|mass| ("a", mass));
        let cohorts = Cohorts::new(members.into_iter().chain([("b", 9.0)]));
        assert_eq!(cohorts.place("a", 2.0, 2), Place { n: 4, percentile: Some(0.25) });
        assert_eq!(cohorts.place("a", 5.0, 2), Place { n: 4, percentile: Some(0.75) });
        assert_eq!(cohorts.place("b", 9.0, 2), Place { n: 1, percentile: None });
        assert_eq!(cohorts.place("c", 9.0, 0), Place { n: 0, percentile: None });
    }

    #[test]
    fn the_smallest_declared_cohort_that_is_large_enough_counts() {
        let mut world = World::new();
        for (at, team) in ["pay", "pay", "pay", "web", "web", ""].iter().enumerate() {
            let role = world.role(&format!("r{at}"));
            world.builder.attribute(role, "tag:Team", team);
        }
        world.with(|context| {
            let all: Vec<&Entity> = context.principals().collect();
            let names = |size_min| declared(context, &all, size_min);
            let (pay, web, whole) = ("aws/role/nhi/team=pay", "aws/role/nhi/team=web", "aws/role/nhi");
            assert_eq!(names(3), [pay, pay, pay, whole, whole, whole]);
            assert_eq!(names(2), [pay, pay, pay, web, web, whole]);
            assert_eq!(names(9), [whole; 6]);
        });
    }
}
