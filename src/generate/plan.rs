//! The shape of an organisation: how many people, accounts and clusters it has, and how principals fall to them.
//!
//! This is all that is held in memory while an organisation is written: a few numbers for each account and cluster,
//! hundreds of principals apart. Everything smaller is a pure function of the plan and an index.

use super::people::People;
use super::random::Stream;
use super::words::{AREAS, ENVIRONMENTS};
use super::{Preset, Request};

/// Principals of an AWS account, on average.
const ACCOUNT_SIZE: usize = 250;
/// Principals of a cluster, on average.
const CLUSTER_SIZE: usize = 200;
/// Accounts that an organisation has if it has principals enough for them.
const ACCOUNTS_MIN: usize = 3;
/// Of the principals of an account, users; the others are roles. In tenths of a percent.
const USERS_SHARE: usize = 300;
/// Of the principals of a cluster, workloads; the others are service accounts. In tenths of a percent.
const WORKLOADS_SHARE: usize = 400;

/// An organisation in numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What was asked for.
    pub seed: u64,
    /// How the attack graph is to look.
    pub preset: Preset,
    /// Time at which the exports were taken: milliseconds since 1970.
    pub as_of: i64,
    /// Everybody who works there, or has.
    pub people: People,
    /// AWS accounts; the first manages the others.
    pub accounts: Vec<Account>,
    /// Kubernetes clusters.
    pub clusters: Vec<Cluster>,
    /// Principals of each platform by name, in the order of [`super::ALL`].
    pub shares: Vec<(&'static str, usize)>,
}

/// An AWS account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Place among the accounts.
    pub at: usize,
    /// Twelve digits.
    pub id: String,
    /// Name in AWS Organizations.
    pub name: String,
    /// `prod`, `staging`, `dev` or `sandbox`.
    pub env: &'static str,
    /// Users of the account.
    pub users: usize,
    /// Roles of the account.
    pub roles: usize,
    /// Users of all accounts before this one.
    pub users_before: usize,
}

/// A Kubernetes cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// Place among the clusters.
    pub at: usize,
    /// Its name, and that of its folder.
    pub name: String,
    /// Identifier of the issuer of its tokens (OIDC).
    pub issuer: String,
    /// Place of the AWS account that it runs in.
    pub account: usize,
    /// Service accounts, those named `default` included.
    pub service_accounts: usize,
    /// Deployments.
    pub workloads: usize,
    /// Principals of all clusters before this one.
    pub before: usize,
}

impl Plan {
    /// Plans an organisation. `wanted` are the platforms to write with their shares of the principals.
    #[must_use]
    pub fn new(request: &Request<'_>, wanted: &[(&'static str, usize)]) -> Self {
        let weights: Vec<usize> = wanted.iter().map(|(_, weight)| *weight).collect();
        let shares = apportioned(request.principals, &weights);
        let shares: Vec<_> = wanted.iter().map(|(name, _)| *name).zip(shares).collect();
        let of = |name: &str| shares.iter().find(|(one, _)| *one == name).map_or(0, |(_, n)| *n);
        let accounts = accounts(request, of("aws"));
        let clusters = clusters(request, of("kubernetes"), accounts.len());
        Self {
            seed: request.seed,
            preset: request.preset,
            as_of: request.as_of,
            people: People::new(request.seed, request.principals),
            accounts,
            clusters,
            shares,
        }
    }

    /// Principals of a platform.
    #[must_use]
    pub fn share(&self, platform: &str) -> usize {
        self.shares.iter().find(|(name, _)| *name == platform).map_or(0, |(_, n)| *n)
    }

    /// Milliseconds since 1970 of a moment so many days before the exports were taken, at some time of that day.
    #[must_use]
    pub fn days_ago(&self, days: usize, second_of_day: usize) -> i64 {
        let (days, second) = (i64::try_from(days).unwrap_or(0), i64::try_from(second_of_day % 86_400).unwrap_or(0));
        (self.as_of - days * 86_400_000).div_euclid(86_400_000) * 86_400_000 + second * 1000
    }
}

/// Divides a number into parts in proportion to weights, exactly: the sums of the parts are rounded sums.
fn apportioned(total: usize, weights: &[usize]) -> Vec<usize> {
    let whole = weights.iter().sum::<usize>().max(1) as u128;
    let mut sum = 0_u128;
    let mut given = 0_usize;
    weights
        .iter()
        .map(|&weight| {
            sum += weight as u128;
            // At most `total`, which is a usize.
            let upto = usize::try_from(total as u128 * sum / whole).unwrap_or(total);
            let part = upto - given;
            given = upto;
            part
        })
        .collect()
}

/// Weights of `n` parts of which the first is nine times the last: 1 / (r + n / 8) for rank r.
fn power_law(n: usize) -> Vec<usize> {
    (0..n).map(|rank| 1_000_000_000 / (8 * rank + n)).collect()
}

fn accounts(request: &Request<'_>, principals: usize) -> Vec<Account> {
    if principals == 0 {
        return Vec::new();
    }
    let n = (principals / ACCOUNT_SIZE).max(ACCOUNTS_MIN.min(principals / 10)).max(1);
    let mut users_before = 0;
    let sizes = apportioned(principals, &power_law(n));
    let mut stream = Stream::new(request.seed, "account ids", 0);
    // Ids ascend in steps, so that no two are equal, as far as twelve digits go.
    let first = 100_000_000_000 + stream.below(50_000_000_000);
    let step = 800_000_000_000 / n;
    let account = |(at, size): (usize, usize)| {
        let users = size * USERS_SHARE / 1000;
        let env = ENVIRONMENTS[at % ENVIRONMENTS.len()];
        let area = AREAS[at / ENVIRONMENTS.len() % AREAS.len()];
        let number = at / (AREAS.len() * ENVIRONMENTS.len());
        let name = match (at, number) {
            (0, _) => "management".to_owned(),
            (_, 0) => format!("{area}-{env}"),
            _ => format!("{area}-{env}-{}", number + 1),
        };
        let id = format!("{:012}", first + at * step + stream.below(step));
        let env = if at == 0 { "prod" } else { env };
        let account = Account { at, id, name, env, users, roles: size - users, users_before };
        users_before += users;
        account
    };
    sizes.into_iter().enumerate().map(account).collect()
}

fn clusters(request: &Request<'_>, principals: usize, accounts_n: usize) -> Vec<Cluster> {
    if principals == 0 {
        return Vec::new();
    }
    let n = (principals / CLUSTER_SIZE).max(1);
    let mut before = 0;
    let cluster = |(at, size): (usize, usize)| {
        let env = ENVIRONMENTS[at % ENVIRONMENTS.len()];
        let mut stream = Stream::new(request.seed, "cluster", at);
        let workloads = if size < 4 { 0 } else { size * WORKLOADS_SHARE / 1000 };
        let cluster = Cluster {
            at,
            name: format!("{env}-{:03}", at / ENVIRONMENTS.len() + 1),
            issuer: format!("oidc.eks.eu-west-1.amazonaws.com/id/{:016X}{:016X}", stream.next(), stream.next()),
            account: if accounts_n == 0 { 0 } else { at % accounts_n },
            service_accounts: size - workloads,
            workloads,
            before,
        };
        before += size;
        cluster
    };
    apportioned(principals, &power_law(n)).into_iter().enumerate().map(cluster).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(principals: usize) -> Request<'static> {
        Request { principals, seed: 3, preset: Preset::Sparse, as_of: 1_795_305_600_000, platforms: &[] }
    }

    #[test]
    fn every_principal_is_somewhere_at_every_size() {
        for principals in [10, 11, 37, 100, 999, 10_000, 1_000_000] {
            let plan = Plan::new(&request(principals), &[("aws", 5), ("kubernetes", 3), ("other", 2)]);
            let aws: usize = plan.accounts.iter().map(|account| account.users + account.roles).sum();
            let clusters: usize =
                plan.clusters.iter().map(|cluster| cluster.service_accounts + cluster.workloads).sum();
            assert_eq!((aws, clusters), (plan.share("aws"), plan.share("kubernetes")));
            assert_eq!(aws + clusters + plan.share("other"), principals);
            assert!(aws >= principals / 2 && clusters >= principals * 3 / 10);
            assert!(plan.accounts.iter().all(|account| account.roles > 0 && account.id.len() == 12));
        }
    }

    #[test]
    fn parts_are_exact_and_follow_a_power_law() {
        assert_eq!(apportioned(10, &[1, 1, 1]), [3, 3, 4]);
        assert_eq!(apportioned(0, &[5]), [0]);
        assert_eq!(apportioned(7, &[0, 1, 0]), [0, 7, 0]);
        let parts = apportioned(1_000_000, &power_law(1000));
        assert_eq!(parts.iter().sum::<usize>(), 1_000_000);
        assert!(parts[0] > 8 * parts[999] && parts[0] < 10 * parts[999], "{} {}", parts[0], parts[999]);
    }

    #[test]
    fn accounts_have_ids_and_names_of_their_own() {
        let plan = Plan::new(&request(1_000_000), &[("aws", 1)]);
        let ids: std::collections::BTreeSet<_> = plan.accounts.iter().map(|account| &account.id).collect();
        let names: std::collections::BTreeSet<_> = plan.accounts.iter().map(|account| &account.name).collect();
        assert_eq!((ids.len(), names.len()), (plan.accounts.len(), plan.accounts.len()));
    }

    #[test]
    fn days_are_counted_back_from_the_export() {
        let plan = Plan::new(&request(10), &[]);
        assert_eq!(plan.days_ago(1, 3600), 1_795_305_600_000 - 86_400_000 + 3_600_000);
    }
}
