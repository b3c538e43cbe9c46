//! Who is compared with whom: principals of one platform, kind and nature (human or not).

use std::collections::BTreeMap;

use crate::model::Entity;

/// Name of the cohort that an entity belongs to: `platform/kind/human|nhi|undecided`.
#[must_use]
pub fn name(entity: &Entity) -> String {
    let nature = match entity.nhi {
        Some(true) => "nhi",
        Some(false) => "human",
        None => "undecided",
    };
    format!("{}/{}/{nature}", entity.platform, entity.kind)
}

/// The privilege masses of every cohort, sorted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Cohorts {
    masses: BTreeMap<String, Vec<f64>>,
}

/// Where a principal stands in its cohort.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// Members of the cohort, itself included.
    pub n: u32,
    /// Share of the members with a lower mass, 0 to 1; null in a cohort that is too small to mean anything.
    pub percentile: Option<f64>,
}

impl Cohorts {
    /// Sorts members, each given as the name of its cohort and its mass.
    #[must_use]
    pub fn new(members: impl Iterator<Item = (String, f64)>) -> Self {
        let mut masses: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for (cohort, mass) in members {
            masses.entry(cohort).or_default().push(mass);
        }
        for members in masses.values_mut() {
            members.sort_by(f64::total_cmp);
        }
        Self { masses }
    }

    /// Where `mass` stands in a cohort.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a cohort has far fewer than 2^52 members")]
    pub fn place(&self, cohort: &str, mass: f64, size_min: u32) -> Place {
        let members = self.masses.get(cohort).map_or(&[][..], Vec::as_slice);
        let n = u32::try_from(members.len()).unwrap_or(u32::MAX);
        let lower = members.partition_point(|member| member.total_cmp(&mass).is_lt());
        Place { n, percentile: (n > 0 && n >= size_min).then(|| lower as f64 / members.len() as f64) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_the_share_of_members_below_and_ties_do_not_count() {
        let members = [1.0, 2.0, 2.0, 5.0].map(|mass| ("a".to_owned(), mass));
        let cohorts = Cohorts::new(members.into_iter().chain([("b".to_owned(), 9.0)]));
        assert_eq!(cohorts.place("a", 2.0, 2), Place { n: 4, percentile: Some(0.25) });
        assert_eq!(cohorts.place("a", 5.0, 2), Place { n: 4, percentile: Some(0.75) });
        assert_eq!(cohorts.place("b", 9.0, 2), Place { n: 1, percentile: None });
        assert_eq!(cohorts.place("c", 9.0, 0), Place { n: 0, percentile: None });
    }
}
