//! A snapshot as the context module looks at it.

use std::sync::Arc;

use super::{SnapshotArgs, reader};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::config::Config;
use crate::context::{Scope, ScopeError, World, domains};
use crate::model::Source;
use crate::reports::escape::plain;

/// Domains that an error lists.
const LISTED_N: usize = 20;

/// A whole snapshot, every byte of it checked, and the sources that it was read from.
pub fn world(at: &SnapshotArgs) -> Result<(World, Vec<Source>), Failure> {
    let reader = reader(at)?;
    let manifest = reader.manifest();
    let ids = (manifest.snapshot.as_str(), manifest.digest.as_str());
    // Only who has the store can know the digest of its blocks: it is in no answer.
    let mut world = World::new(ids, manifest.as_of, &manifest.blocks_sha256, reader.tables()?, reader.results()?);
    world.incomplete.clone_from(&manifest.incomplete);
    Ok((world, manifest.sources.clone()))
}

/// The domain of this name.
pub fn scope(world: World, domain: &str) -> Result<Scope, Failure> {
    let world = Arc::new(world);
    Scope::new(Arc::clone(&world), domain).map_err(|error| {
        let failure = Failure::usage(format!("{error} (--domain)"));
        let known = domains(&world.tables);
        if known.is_empty() {
            let hint = "put entities into domains with `[[label]]` blocks of the configuration or a table of labels \
                        (docs/governance.md), and scan again";
            return failure.hint(hint);
        }
        let mut hint = String::from("the domains of this snapshot are:");
        for (name, n) in known.iter().take(LISTED_N) {
            hint += &format!("\n  {} ({n} entities)", plain(name));
        }
        if known.len() > LISTED_N {
            hint += &format!("\n  … and {} more", known.len() - LISTED_N);
        }
        match error {
            ScopeError::Whole | ScopeError::Empty { .. } => failure.hint(hint),
        }
    })
}

/// Refuses a snapshot whose sources are not fit to draft changes from.
pub fn must_be_fit(world: &World, sources: &[Source], config: &Config) -> Result<(), Failure> {
    let found = crate::analysis::preflight::run(&world.tables, sources, world.as_of, config);
    if found.fit {
        return Ok(());
    }
    let failed: Vec<&str> =
        found.checks.iter().filter(|check| check.status == super::CheckStatus::Fail).map(|check| check.id).collect();
    let message = format!("snapshot `{}` is not fit to draft from: {}", world.snapshot, failed.join(", "));
    Err(Failure::new(Exit::Input, message)
        .hint("`overgrant preflight` says what each check came to; nothing is served until all of them pass"))
}
