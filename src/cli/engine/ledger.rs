//! The ledger of a store.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::Snapshot;
use crate::analysis::Recorded;
use crate::cli::args::StoreArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::ledger::observe::{self, Pending};
use crate::ledger::rows::{self, Row, Rows, Table};
use crate::ledger::summary::{GateCounts, gate};
use crate::ledger::{
    self, Actor, ActorKind, Checkpoint, Draft, Inclusion, Kind, Ledger, LedgerError, Record, SigningKey, Verified,
    VerifierKey, Writer,
};
use crate::platforms::input::secrets::{is_secret, is_secret_key};
use crate::store::SnapshotReader;

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        let exit = match &error {
            error if error.is_integrity() => Exit::Integrity,
            error if error.is_usage() => Exit::Usage,
            _ => Exit::Input,
        };
        Self { exit, message: error.to_string(), hint: error.hint().map(str::to_owned) }
    }
}

/// Folder of the ledger of a store.
pub fn folder(at: &StoreArgs) -> PathBuf {
    at.store.join(ledger::FOLDER)
}

/// The ledger of a store that is there.
pub fn open(at: &StoreArgs) -> Result<Ledger, Failure> {
    Ledger::open(&folder(at)).ok_or_else(|| {
        Failure::new(Exit::Input, format!("the store `{}` has no ledger", at.store.display()))
            .hint("it begins with the first record: `overgrant ledger append`")
    })
}

/// Whether a text of a record looks like a secret, alone or as a part.
fn looks_secret(text: &str) -> bool {
    is_secret(text) || is_secret_key(text)
}

/// The right to append to the ledger of a store.
pub fn writer(at: &StoreArgs) -> Result<Writer, Failure> {
    super::Store::open_or_create(&at.store)?;
    Ok(Writer::open(&folder(at), looks_secret)?)
}

/// Appends a record.
pub fn append(at: &StoreArgs, draft: Draft, time: i64) -> Result<Record, Failure> {
    Ok(writer(at)?.append(draft, time)?)
}

/// Appends records, all of them about the change of these rows.
pub fn append_all(at: &StoreArgs, drafts: Vec<Draft>, rows: Option<&Rows>, time: i64) -> Result<Vec<Record>, Failure> {
    let mut writer = writer(at)?;
    let sha256 = rows.map(|rows| writer.store_rows(rows)).transpose()?;
    let mut records = Vec::with_capacity(drafts.len());
    for mut draft in drafts {
        draft.rows_sha256 = draft.rows_sha256.or_else(|| sha256.clone());
        records.push(writer.append(draft, time)?);
    }
    Ok(records)
}

/// Every record.
pub fn records(at: &StoreArgs) -> Result<Vec<Record>, Failure> {
    Ok(open(at)?.records()?)
}

/// Proof that a record is in the tree of all records.
pub fn inclusion(at: &StoreArgs, seq: u64) -> Result<Option<Inclusion>, Failure> {
    Ok(open(at)?.inclusion(seq)?)
}

/// Recomputes everything; `keys` are texts of public keys, or names of files with one.
pub fn verify(at: &StoreArgs, keys: &[String], kept: &[PathBuf]) -> Result<Verified, Failure> {
    let keys = keys.iter().map(|key| verifier(key)).collect::<Result<Vec<_>, Failure>>()?;
    let read = |path: &PathBuf| Ok((path.display().to_string(), text(path)?));
    let kept = kept.iter().map(read).collect::<Result<Vec<_>, Failure>>()?;
    Ok(open(at)?.verify(&keys, &kept)?)
}

fn verifier(given: &str) -> Result<VerifierKey, Failure> {
    let path = Path::new(given);
    if path.is_file() { Ok(VerifierKey::parse(&text(path)?)?) } else { Ok(VerifierKey::parse(given)?) }
}

fn text(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| Failure::file(Exit::Usage, "read", path, &error))
}

/// Signs a statement about all records so far; the origin is the key's name unless one is given.
pub fn checkpoint(at: &StoreArgs, key: &Path, origin: Option<&str>) -> Result<(Checkpoint, PathBuf, String), Failure> {
    open(at)?;
    let key = SigningKey::parse(&text(key)?)?;
    let origin = origin.unwrap_or_else(|| key.name()).to_owned();
    Ok(writer(at)?.checkpoint(&key, &origin)?)
}

/// Makes a key and writes it to a new file that only its owner may read. Gives the public key.
pub fn new_key(name: &str, path: &Path) -> Result<VerifierKey, Failure> {
    let key = SigningKey::generate(name)?;
    write_secret(path, &(key.secret_text() + "\n"))
        .map_err(|error| Failure::file(Exit::Usage, "write", path, &error))?;
    Ok(key.verifier())
}

fn write_secret(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = std::fs::File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut file = options.open(path)?;
    std::io::Write::write_all(&mut file, text.as_bytes())?;
    file.sync_all()
}

/// What a scan of this time holds its tables against; `None` without a ledger. `before` is the snapshot before.
pub fn recorded(at: &StoreArgs, before: &SnapshotReader, as_of: i64) -> Result<Option<Recorded>, Failure> {
    let Some(ledger) = Ledger::open(&folder(at)) else { return Ok(None) };
    let records = ledger.records()?;
    let expected = awaited(&ledger, &records, as_of)?.into_iter().map(|(_, rows)| rows).collect();
    let domains: BTreeSet<&str> = records.iter().filter_map(|record| record.said.domain.as_deref()).collect();
    let counts = |domain: Option<&str>| {
        let GateCounts { drafts, blocked } = gate(&records, as_of, domain);
        (domain.map(str::to_owned), (drafts, blocked))
    };
    let drafts: BTreeMap<_, _> = std::iter::once(None).chain(domains.into_iter().map(Some)).map(counts).collect();
    Ok(Some(Recorded { before: rows::of(&before.tables()?), expected, drafts }))
}

/// Approved decisions that are still to be seen whole, with the rows that they are to add and remove. One that names no
/// rows cannot be looked for.
fn awaited<'r>(ledger: &Ledger, records: &'r [Record], as_of: i64) -> Result<Vec<(Pending<'r>, Rows)>, Failure> {
    let mut found = Vec::new();
    for pending in observe::pending(records, as_of) {
        let rows = match &pending.decision.said.rows_sha256 {
            Some(sha256) => ledger.rows(sha256)?,
            None => None,
        };
        found.extend(rows.map(|rows| (pending, rows)));
    }
    Ok(found)
}

/// Writes down a stored scan, and what it saw of approved changes where that is news. Nothing without a ledger.
pub fn note_scan(at: &StoreArgs, snapshot: &Snapshot, parent: Option<&str>) -> Result<(), Failure> {
    let Some(ledger) = Ledger::open(&folder(at)) else { return Ok(()) };
    let store = super::open(at)?;
    let mut writer = writer(at)?;
    let records = ledger.records()?;
    let now = rows::of(&snapshot.tables);
    let came = match parent {
        Some(parent) => rows::between(&rows::of(&store.resolve(Some(parent))?.tables()?), &now).added,
        None => Vec::new(),
    };
    let actor = || Actor { kind: ActorKind::Service, id: "overgrant".to_owned(), on_behalf_of: None };
    let id = &snapshot.id;
    let is_this = |record: &Record| record.said.kind == Kind::Scan && record.said.snapshot.as_ref() == Some(id);
    if !records.iter().any(is_this) {
        let mut scan = Draft::new(Kind::Scan, actor());
        scan.snapshot_sha256 = Some(store.resolve(Some(id))?.manifest().digest.clone());
        scan.snapshot = Some(id.clone());
        writer.append(scan, snapshot.as_of)?;
    }
    let awaited = awaited(&ledger, &records, snapshot.as_of)?;
    // What another decision was to add is no drift of this one.
    let expected: Vec<Rows> = awaited.iter().map(|(_, rows)| rows.clone()).collect();
    let strange: BTreeSet<Row> = observe::unexplained(&came, &expected).into_iter().collect();
    let looked_at: Vec<Row> =
        came.into_iter().filter(|row| row.table == Table::Credentials || strange.contains(row)).collect();
    for (pending, rows) in awaited {
        let observed = observe::judge(&rows, &now, &looked_at);
        if pending.last != Some(observed) {
            writer.append(observe::record(pending.decision, observed, id, actor()), snapshot.as_of)?;
        }
    }
    Ok(())
}
