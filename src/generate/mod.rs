//! Organisations that nobody has: exports of any size, in the formats that platforms and people write, with problems
//! planted in them and a file of truth that says which.
//!
//! An organisation is a pure function of a [`Request`]: the same one gives the same bytes on every machine and with
//! any number of threads. A `Writer` divides its platform into parts that know nothing of each other but the
//! `Plan`; a part is written record by record, each from its own stream of numbers, so that memory is bounded by
//! the number of parts (an account or a cluster is hundreds of principals) and never by that of principals.
//!
//! Nothing here knows how the engine decides. What the truth says follows from how an export is made: background
//! principals get rights from a vocabulary that leads nowhere, and everything that leads somewhere is put there on
//! purpose and written down.

use std::fs;
use std::path::Path;

use rayon::prelude::*;

mod aws;
mod azure;
pub mod demo;
mod file;
mod github;
mod governance;
mod kubernetes;
mod okta;
mod people;
mod plan;
mod random;
mod tables;
mod truth;
mod words;

pub use file::Error;
use file::Folder;
use plan::Plan;
use truth::{Count, Tally, Truth};
pub use truth::{FILE as TRUTH, MARK};

/// Folder of the exports, inside the one that is asked for.
pub const EXPORTS: &str = "exports";
/// Fewest principals of an organisation.
pub const PRINCIPALS_MIN: usize = 10;
/// Most principals of an organisation.
pub const PRINCIPALS_MAX: usize = 10_000_000;
/// Parts whose facts are held until all of them are written.
const BATCH: usize = 32;

/// How the attack graph of an organisation looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// Few principals reach what is protected: what is planted, and nobody else.
    Sparse,
    /// Two in five of the principals outside reach it, most of them by many ways, through chains and cycles of roles.
    Dense,
}

impl Preset {
    /// Every preset.
    pub const ALL: [Self; 2] = [Self::Sparse, Self::Dense];

    /// What it is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sparse => "sparse",
            Self::Dense => "dense",
        }
    }

    /// Of the principals that nothing else is planted for, those that reach the protected zone; in tenths of a percent.
    const fn open_share(self) -> usize {
        match self {
            Self::Sparse => 0,
            Self::Dense => 400,
        }
    }
}

/// Which organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request<'a> {
    /// Principals over all platforms, roots of accounts aside.
    pub principals: usize,
    pub seed: u64,
    pub preset: Preset,
    /// Time at which the exports were taken, in milliseconds since 1970.
    pub as_of: i64,
    /// Names of the platforms that it is on, of [`platforms`]; a name that is none of them stands for nothing.
    pub platforms: &'a [&'a str],
}

/// What was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Platform, principals, and those of them with a certain path into the protected zone.
    pub platforms: Vec<(&'static str, usize, usize)>,
    /// Facts of the truth that are wrong, and those that only look so.
    pub planted: usize,
    pub sound: usize,
    /// Bytes of all exports.
    pub bytes: u64,
}

/// Told how far the work has come.
pub trait Watch: Sync {
    /// A platform is begun, which has so many principals.
    fn platform(&self, name: &'static str, principals: usize);
    /// So many more principals are written.
    fn written(&self, principals: usize);
}

/// A platform, or a set of tables, that can be written.
trait Writer: Sync {
    /// Name of the folder of its exports; of a platform, the name that the engine knows it by.
    fn name(&self) -> &'static str;
    /// Its share of all principals, in proportion to those of the others.
    fn weight(&self) -> usize;
    /// How many parts it has, which can be written in any order.
    fn parts(&self, plan: &Plan) -> usize;
    /// Writes a part into the folder of its platform.
    fn write(&self, plan: &Plan, part: usize, folder: Folder<'_>) -> Result<Tally, Error>;
}

/// Every writer, in the order in which the truth tells of them.
const ALL: &[&dyn Writer] = &[
    &aws::Aws,
    &kubernetes::Kubernetes,
    &azure::Azure,
    &github::GitHub,
    &okta::Okta,
    &tables::Tables,
    &governance::Governance,
];

/// Rules whose findings about the principals of a made-up organisation are all planted: what else they find is wrong.
/// `escalation-path` is not among them: of principals who have a path with many others, the truth has the number.
const COMPLETE: &[&str] = &[
    "administrator-equivalent",
    "orphaned-nhi",
    "leaver-access",
    "sod-conflict",
    "unused-service",
    "key-age",
    "unused-key",
    "second-active-key",
    "console-user-without-mfa",
    "wildcard-trust",
    "third-party-no-external-id",
];

/// Platforms of an organisation for which none is named.
pub const USUAL: [&str; 4] = ["aws", "kubernetes", "azure", "github"];

/// Names of the platforms that are written.
#[must_use]
pub fn platforms() -> Vec<&'static str> {
    ALL.iter().filter(|writer| writer.weight() > 0).map(|writer| writer.name()).collect()
}

/// Writes an organisation into a folder, which must not have other exports in it: [`EXPORTS`] and [`TRUTH`].
///
/// # Errors
/// When a file cannot be written; what was written before stays.
pub fn generate(request: &Request<'_>, folder: &Path, watch: &dyn Watch) -> Result<Summary, Error> {
    // Tables of governance are about whatever platforms there are.
    let wanted = |writer: &&&dyn Writer| writer.weight() == 0 || request.platforms.contains(&writer.name());
    let writers: Vec<&dyn Writer> = ALL.iter().filter(wanted).copied().collect();
    let weights: Vec<_> = writers.iter().map(|writer| (writer.name(), writer.weight())).collect();
    let plan = Plan::new(request, &weights);
    let mut truth = Truth::begin(Folder(folder), request, COMPLETE)?;
    let mut summary = Summary::default();
    let mut counts = Vec::new();
    for writer in writers {
        let exports = folder.join(EXPORTS).join(writer.name());
        watch.platform(writer.name(), plan.share(writer.name()));
        let mut count = Count { platform: writer.name(), principals: 0, exposed: 0 };
        let parts: Vec<usize> = (0..writer.parts(&plan)).collect();
        for batch in parts.chunks(BATCH) {
            let written = |&part: &usize| {
                let tally = writer.write(&plan, part, Folder(&exports))?;
                watch.written(tally.principals);
                Ok(tally)
            };
            // Parts go to files of their own; their facts are appended in order, whoever was first.
            let tallies: Result<Vec<Tally>, Error> = batch.par_iter().map(written).collect();
            for tally in tallies? {
                truth.facts(&tally)?;
                count.principals += tally.principals;
                count.exposed += tally.exposed;
                summary.planted += tally.planted.len();
                summary.sound += tally.sound.len();
            }
        }
        if writer.weight() > 0 {
            summary.platforms.push((count.platform, count.principals, count.exposed));
            counts.push(count);
        }
    }
    truth.end(&counts)?;
    summary.bytes = size(&folder.join(EXPORTS))?;
    Ok(summary)
}

/// Bytes of all files below a folder.
fn size(folder: &Path) -> Result<u64, Error> {
    let failed = |source| Error { path: folder.to_owned(), source };
    let mut bytes = 0;
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let kind = entry.metadata().map_err(failed)?;
        bytes += if kind.is_dir() { size(&entry.path())? } else { kind.len() };
    }
    Ok(bytes)
}
