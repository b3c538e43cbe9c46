//! The one writer of a store: commits snapshots and removes old ones, each in one step that a reader sees or not.
//!
//! A commit fills `.staging-<time>/`, flushes every file and the directory, writes the manifest last, and makes
//! the whole visible by renaming the directory. A crash before the rename leaves a staging directory that no
//! reader looks at and the next writer removes; after it, the snapshot is there. Removal renames first, too.

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::encode::{self, Written};
use super::files::{self, BLOCK_BYTES};
use super::manifest::{BLOCKS, BlockList, MANIFEST, MANIFEST_FORMAT, Manifest, SCHEMA_VERSION, SnapshotId};
use super::{Store, StoreError, schema, tags, verify};
use crate::folder::{self, Lock, NoLock, Patience};
use crate::model::{ClassRow, ClassTable, Record, Results, Tables};

/// Beginning of the names of directories that are being written.
pub(super) const STAGING: &str = ".staging-";
/// Beginning of the names of directories that are being removed.
pub(super) const REMOVED: &str = ".removed-";
/// Threads that encode tables, one table a thread.
const THREADS_MAX: usize = 8;

/// What a snapshot is to hold.
#[derive(Debug)]
pub struct Commit<'a> {
    /// Time of the snapshot in UTC milliseconds. Its id comes from this and from nothing else.
    pub as_of: i64,
    pub engine_version: &'a str,
    pub config_digest: String,
    pub tables: &'a Tables,
    pub results: &'a Results,
    /// Why the scan is incomplete, in words; empty when it is complete.
    pub incomplete: Vec<String>,
}

/// The right to change a store, held as long as this value lives.
#[derive(Debug)]
pub struct Writer<'s> {
    store: &'s Store,
    _lock: Lock,
}

/// A point of a commit at which a crash leaves something else behind than at the point before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    StagingCreated,
    TablesWritten,
    BlocksWritten,
    ManifestWritten,
    Renamed,
}

impl<'s> Writer<'s> {
    pub(super) fn open(store: &'s Store) -> Result<Self, StoreError> {
        let lock = lock(store.path())?;
        let writer = Self { store, _lock: lock };
        writer.clear_leftovers()?;
        Ok(writer)
    }

    /// Removes what crashed writers left. Nobody else can be writing: the lock is ours.
    fn clear_leftovers(&self) -> Result<(), StoreError> {
        for (name, is_dir) in files::list(self.store.path())? {
            let path = self.store.path().join(&name);
            if is_dir && (name.starts_with(STAGING) || name.starts_with(REMOVED)) {
                files::remove_tree(&path)?;
            } else if !is_dir && name.starts_with('.') && name.ends_with(".json.new") {
                fs::remove_file(&path).map_err(|error| StoreError::io("remove", &path, error))?;
            }
        }
        Ok(())
    }

    /// Commits a snapshot and gives its manifest.
    ///
    /// The latest snapshot of the same time with the same tables, coverage and incompleteness *is* this snapshot:
    /// it is kept and its manifest given, unless it is damaged. A different one gets an id with the suffix `-2`, `-3`, ….
    ///
    /// # Errors
    /// [`StoreError::Io`] when the disk is full or the directory cannot be written, [`StoreError::TimeOutOfRange`];
    /// the store is then as it was.
    pub fn commit(&mut self, commit: Commit<'_>) -> Result<Manifest, StoreError> {
        let result = self.publish(commit, |_| Ok(()));
        if result.is_err() {
            // What was staged may be what filled the disk. The first error is the one to report.
            let _ = self.clear_leftovers();
        }
        result
    }

    /// [`Writer::commit`] with a call after each step; an error from it ends the commit as a crash would.
    pub(super) fn publish(
        &mut self,
        commit: Commit<'_>,
        mut after: impl FnMut(Step) -> Result<(), StoreError>,
    ) -> Result<Manifest, StoreError> {
        let as_of = commit.as_of;
        let first = SnapshotId::first(as_of)?;
        let staging = self.store.path().join(format!("{STAGING}{first}"));
        fs::create_dir(&staging).map_err(|error| StoreError::io("create", &staging, error))?;
        after(Step::StagingCreated)?;
        let written = write_tables(&staging, &commit)?;
        after(Step::TablesWritten)?;
        let ids = self.store.ids()?;
        let last = ids.iter().copied().rfind(|id| id.as_of == as_of);
        let mut manifest = describe(commit, &written);
        if let Some(present) = last.and_then(|last| self.kept(last, &manifest)) {
            files::remove_tree(&staging)?;
            return Ok(present);
        }
        let id = SnapshotId { repeat: last.map_or(1, |last| last.repeat + 1), ..first };
        let blocks = blocks_of(written).to_text();
        folder::write(&staging.join(BLOCKS), blocks.as_bytes())?;
        after(Step::BlocksWritten)?;
        manifest.snapshot = id.to_string();
        manifest.parent = ids.iter().rev().find(|id| id.as_of < as_of).map(ToString::to_string);
        manifest.blocks_sha256 = files::sha256(blocks.as_bytes());
        let text = manifest.seal();
        folder::write(&staging.join(MANIFEST), text.as_bytes())?;
        folder::sync(&staging)?;
        after(Step::ManifestWritten)?;
        files::rename(&staging, &self.store.path().join(id.folder()))?;
        after(Step::Renamed)?;
        folder::sync(self.store.path())?;
        Ok(manifest)
    }

    /// The manifest of a snapshot that already is what was staged. One that is damaged is not: scanning again is the
    /// way to repair a store.
    fn kept(&self, id: SnapshotId, staged: &Manifest) -> Option<Manifest> {
        let present = Manifest::load(&self.store.path().join(id.folder()), id).ok()?;
        let same = present.tables == staged.tables
            && present.coverage == staged.coverage
            && present.incomplete == staged.incomplete;
        (same && verify::verify_snapshot(self.store.path(), id).is_sound()).then_some(present)
    }

    /// Removes all snapshots but the newest `keep` and those that a tag names, and gives the ids of the removed
    /// ones, oldest first. With `dry_run` nothing is removed.
    ///
    /// # Errors
    /// [`StoreError::Io`] when a folder cannot be removed, [`StoreError::Integrity`] when the tags are unreadable.
    pub fn prune(&mut self, keep: usize, dry_run: bool) -> Result<Vec<String>, StoreError> {
        let tagged: Vec<String> = self.store.tags()?.into_values().collect();
        let ids = self.store.ids()?;
        let old = &ids[..ids.len().saturating_sub(keep)];
        let mut removed = Vec::new();
        for id in old {
            let name = id.to_string();
            if tagged.contains(&name) {
                continue;
            }
            if !dry_run {
                let doomed = self.store.path().join(format!("{REMOVED}{name}"));
                files::rename(&self.store.path().join(id.folder()), &doomed)?;
                folder::sync(self.store.path())?;
                files::remove_tree(&doomed)?;
            }
            removed.push(name);
        }
        Ok(removed)
    }

    /// Names a snapshot, given as [`Store::resolve`] takes it; an existing tag moves. Gives the snapshot's id.
    ///
    /// # Errors
    /// [`StoreError::InvalidTag`], [`StoreError::UnknownSnapshot`] and [`StoreError::AmbiguousSnapshot`].
    pub fn set_tag(&mut self, tag: &str, snapshot: &str) -> Result<String, StoreError> {
        tags::check(tag)?;
        let id = self.store.find(Some(snapshot))?.to_string();
        let mut all = self.store.tags()?;
        all.insert(tag.to_owned(), id.clone());
        tags::save(self.store.path(), all)?;
        Ok(id)
    }

    /// Takes a tag away; false when there was none.
    ///
    /// # Errors
    /// [`StoreError::Io`] and [`StoreError::Integrity`].
    pub fn remove_tag(&mut self, tag: &str) -> Result<bool, StoreError> {
        let mut all = self.store.tags()?;
        if all.remove(tag).is_none() {
            return Ok(false);
        }
        tags::save(self.store.path(), all)?;
        Ok(true)
    }
}

/// Takes the lock of a store's directory, or says that another writer has it.
pub(super) fn lock(dir: &Path) -> Result<Lock, StoreError> {
    folder::lock(dir, Patience::NONE).map_err(|no| match no {
        NoLock::Held => StoreError::Locked { path: dir.to_owned() },
        NoLock::Failed(failed) => failed.into(),
    })
}

/// The manifest of what was staged, but for what depends on the rest of the store.
fn describe(commit: Commit<'_>, written: &[(&'static str, Written)]) -> Manifest {
    Manifest {
        format: MANIFEST_FORMAT,
        schema_version: SCHEMA_VERSION,
        engine_version: commit.engine_version.to_owned(),
        snapshot: String::new(),
        as_of: commit.as_of,
        config_digest: commit.config_digest,
        parent: None,
        sources: commit.tables.sources.clone(),
        tables: written.iter().map(|(name, table)| ((*name).to_owned(), table.info.clone())).collect(),
        coverage: commit.results.coverage.clone(),
        incomplete: commit.incomplete,
        blocks_sha256: String::new(),
        digest: String::new(),
    }
}

fn blocks_of(written: Vec<(&'static str, Written)>) -> BlockList {
    let tables: BTreeMap<_, _> = written.into_iter().map(|(name, table)| (name.to_owned(), table.blocks)).collect();
    BlockList { block_bytes: BLOCK_BYTES, tables }
}

type Encode<'a> = Box<dyn Fn(&Path) -> Result<Written, StoreError> + Send + Sync + 'a>;

/// One table to be written.
struct Job<'a> {
    table: &'static str,
    rows: usize,
    encode: Encode<'a>,
}

fn job<R: Record + Sync>(rows: &[R]) -> Job<'_> {
    Job { table: R::TABLE, rows: rows.len(), encode: Box::new(move |path| encode::write_table(path, rows)) }
}

/// A table whose principals share rows.
fn shared<R: Record + ClassRow + Sync>(table: &ClassTable<R>) -> Job<'_> {
    let rows = table.len();
    let encode: Encode<'_> = Box::new(move |path| encode::write_rows_of::<R, R>(path, rows, table.iter()));
    Job { table: R::TABLE, rows, encode }
}

/// Every table of a commit. The patterns name every field, so that a new table cannot be forgotten.
fn jobs<'a>(tables: &'a Tables, results: &'a Results) -> Vec<Job<'a>> {
    let Tables {
        sources: _,
        entities,
        memberships,
        attachments,
        attributes,
        grants,
        trusts,
        credentials,
        usage,
        people,
        identities,
        owners,
        approvals,
        workflows,
        role_baselines,
        sod_rules,
        exceptions,
        issues,
    } = tables;
    let Results {
        access,
        removals,
        peers,
        edges,
        target_sets,
        assists,
        paths,
        choke_points,
        minimum_cut: _,
        findings,
        orphans,
        scores,
        metrics,
        coverage: _,
    } = results;
    vec![
        job(entities),
        job(memberships),
        job(attachments),
        job(attributes),
        job(grants),
        job(trusts),
        job(credentials),
        job(usage),
        job(people),
        job(identities),
        job(owners),
        job(approvals),
        job(workflows),
        job(role_baselines),
        job(sod_rules),
        job(exceptions),
        job(issues),
        shared(access),
        shared(removals),
        shared(peers),
        job(edges),
        job(target_sets),
        job(assists),
        job(paths),
        job(choke_points),
        job(findings),
        job(orphans),
        job(scores),
        job(metrics),
    ]
}

/// Writes all tables, the longest first, on as many threads as there are processors. What is written does not
/// depend on the threads; of several errors, that of the first table in the order of [`jobs`] is reported.
fn write_tables(staging: &Path, commit: &Commit<'_>) -> Result<Vec<(&'static str, Written)>, StoreError> {
    let jobs = jobs(commit.tables, commit.results);
    let mut order: Vec<usize> = (0..jobs.len()).collect();
    order.sort_by_key(|&at| std::cmp::Reverse(jobs[at].rows));
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some(&at) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
            let path: PathBuf = staging.join(schema::file_name(jobs[at].table));
            done.push((at, (jobs[at].encode)(&path)));
        }
        done
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(THREADS_MAX);
    let mut done: Vec<(usize, Result<Written, StoreError>)> = thread::scope(|scope| {
        let handles: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        handles
            .into_iter()
            .flat_map(|handle| handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(at, written)| Ok((jobs[at].table, written?))).collect()
}
