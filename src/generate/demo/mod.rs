//! The demo: one company of a few hundred principals over AWS, Kubernetes, Entra, GitHub, Okta and a service desk, in
//! twelve weekly exports, with tables of governance and a file of truth that covers every week.
//!
//! Size and seed are fixed, so that everybody who talks about it talks about the same. Each week is written by itself
//! from the same dated facts (`week`): who joins and leaves, which keys are changed, what is granted, what is put
//! right. The newest week lies open; the others are one archive each, which a scan reads as it is.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

mod agents;
mod aws;
mod entra;
mod facts;
mod github;
mod governance;
mod kubernetes;
mod okta;
mod pack;
mod services;
mod staff;
mod week;

use super::file::{Error, Folder};
use super::truth::{FILE, MARK};
use super::{EXPORTS, Summary, Watch, size};
use facts::Facts;
use staff::Staff;
use week::{ASSISTED, FIXED, HOLE, REORGANISED, WAVE, WEEKS, Week};

/// Folder of the archives of the weeks before the newest, beside that of its exports.
pub const HISTORY: &str = "history";
/// What the preset is called.
pub const NAME: &str = "demo";

/// What happens in a week that a reader of its numbers should know.
const EVENTS: [(usize, &str); 8] = [
    (2, "somebody of support becomes a global administrator of Entra for a migration, until the ninth week"),
    (4, "a tool is installed in the staging cluster with everything, and stays"),
    (ASSISTED, "an assistant begins to take part in access reviews: it suggests, and two people agree"),
    (WAVE, "access requests are prepared by an assistant from now on; more is granted than before"),
    (REORGANISED, "storefront and logistics become one department: everybody in it may now push to the shop"),
    (HOLE, "the data account was exported without its reports, and Entra without sign-ins"),
    (8, "an assistant of analysts gets a way to the administrator of the data account"),
    (FIXED, "the role that releases the shop loses the rights of an administrator: exposure falls"),
];

#[derive(Serialize)]
struct Head<'a> {
    format: u32,
    preset: &'a str,
    /// Dates of the exports, the oldest first.
    weeks: &'a [String],
    event: Vec<Event<'a>>,
}

#[derive(Serialize)]
struct Event<'a> {
    week: &'a str,
    what: &'a str,
}

/// Writes the demo into a folder, which must not have other exports in it.
///
/// # Errors
/// When a file cannot be written; what was written before stays.
pub fn generate(folder: &Path, watch: &dyn Watch) -> Result<Summary, Error> {
    let staff = Staff::new();
    let mut facts = Facts::default();
    watch.platform(NAME, WEEKS);
    for at in 0..WEEKS {
        let week = Week::new(at);
        facts.begin(&week);
        if at + 1 == WEEKS {
            write(&week, &staff, &folder.join(EXPORTS), &mut facts)?;
        } else {
            let open = folder.join(HISTORY).join(week.today());
            write(&week, &staff, &open, &mut facts)?;
            pack::folder(&open, &named(&open))?;
            fs::remove_dir_all(&open).map_err(|source| Error { path: open.clone(), source })?;
        }
        watch.written(1);
    }
    let (planted, sound) = truth(&facts, folder)?;
    let exposed = |platform: &str| {
        let prefix = if platform == "aws" { "arn:" } else { platform };
        facts.planted_now("escalation-path").filter(|id| id.starts_with(prefix)).count()
    };
    Ok(Summary {
        platforms: facts.principals().iter().map(|&(name, n)| (name, n, exposed(name))).collect(),
        planted,
        sound,
        bytes: size(&folder.join(EXPORTS))? + size(&folder.join(HISTORY))?,
    })
}

/// The archive of a folder.
fn named(folder: &Path) -> PathBuf {
    folder.with_extension("zip")
}

fn write(week: &Week, staff: &Staff, folder: &Path, facts: &mut Facts) -> Result<(), Error> {
    let folder = Folder(folder);
    aws::write(week, staff, folder, facts)?;
    kubernetes::write(week, folder, facts)?;
    entra::write(week, staff, folder, facts)?;
    github::write(week, staff, folder, facts)?;
    okta::write(week, staff, folder, facts)?;
    agents::write(week, folder, facts)?;
    governance::write(week, staff, folder, facts)
}

/// Writes the file of truth; gives how many blocks are of problems, and how many of what only looks like one.
fn truth(facts: &Facts, folder: &Path) -> Result<(usize, usize), Error> {
    let dates: Vec<String> = (0..WEEKS).map(|at| Week::new(at).today()).collect();
    let blocks = facts.blocks(&dates);
    let event = EVENTS.iter().map(|&(at, what)| Event { week: &dates[at], what }).collect();
    let head = Head { format: 1, preset: NAME, weeks: &dates, event };
    let mut sink = Folder(folder).begin(FILE)?;
    sink.text(MARK)?;
    sink.text("\n# docs/generate.md says what the keys mean.\n\n")?;
    for text in [toml::to_string(&head), toml::to_string(&blocks)] {
        let text = text.map_err(|error| sink.failed(std::io::Error::other(error)))?;
        sink.text(&text)?;
        sink.text("\n")?;
    }
    sink.end()?;
    Ok((blocks.planted.len(), blocks.sound.len()))
}
