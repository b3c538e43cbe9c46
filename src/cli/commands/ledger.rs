//! `ledger`: the record of drafts, verdicts, decisions and what came of them.

use std::fmt::Write as _;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::to;
use crate::cli::args::{Form, StoreArgs};
use crate::cli::clock;
use crate::cli::engine::judged::{self, Decided};
use crate::cli::engine::ledger as engine;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::terminal::Terminal;
use crate::ledger::merkle::Hash;
use crate::ledger::rows::Rows;
use crate::ledger::verify::{HeadState, Place, Signed};
use crate::ledger::{Actor, ActorKind, Checkpoint, Draft, Inclusion, Kind, Outcome, Record, Verified};
use crate::model::text::format_time;
use crate::reports::escape::{plain, shorten};
use crate::reports::grid::{Grid, Side};
use crate::reports::{Layout, json as document, ledger_ocsf};

/// Records that a table shows unless more are asked for: the newest.
const ROWS_DEFAULT: usize = 50;
/// Bytes of input at most.
const INPUT_BYTES_MAX: u64 = 64 * 1024 * 1024;

const EXAMPLES: &str = "\
Examples:
  overgrant ledger append decision.json         a record from a file; - is standard input
  overgrant ledger decide D-118 approved --by P2 --reason 'the export writes there from Monday on'
  overgrant ledger show                         the newest records
  overgrant ledger show 17 --format json        one record, whole
  overgrant ledger challenge 17 --by ada@example.com --reason 'the approver had left'
  overgrant ledger key --name example.com/ledger --output ledger.key
  overgrant ledger checkpoint --key ledger.key --output kept-elsewhere.note
  overgrant ledger verify --key example.com/ledger+… --checkpoint kept-elsewhere.note
  overgrant ledger export --format ocsf --output ledger.ocsf.jsonl

The chain finds accidents. Whoever can write the folder can make another chain: keep the key on another machine and \
checkpoints where others can see them. docs/ledger.md has the format of records, keys and checkpoints.";

/// Flags of `ledger`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Append records given as JSON
    Append(Append),
    /// Append what a person decides about a draft that the gate has judged
    Decide(Decide),
    /// List records, or show one
    Show(Show),
    /// Recompute chain, tree and signatures, and say the first record that is not what was written
    Verify(Verify),
    /// Dispute an earlier record, by a new one
    Challenge(Challenge),
    /// Sign a statement about all records so far
    Checkpoint(SignCheckpoint),
    /// Make a key for checkpoints
    Key(Key),
    /// Write all records for other programs
    Export(Export),
}

#[derive(Debug, clap::Args)]
struct Append {
    #[command(flatten)]
    store: StoreArgs,
    /// File with one JSON object, or several one after another; - is standard input
    #[arg(value_name = "FILE", default_value = "-")]
    file: PathBuf,
    /// Rows that the change is to add and remove (JSON), for the next scan to look for
    #[arg(long, value_name = "FILE")]
    rows: Option<PathBuf>,
    /// Time of the records [default: now]
    #[arg(long, value_name = "TIME")]
    as_of: Option<String>,
    /// What to print
    #[arg(long, value_enum, default_value = "table")]
    format: Form,
}

#[derive(Debug, clap::Args)]
struct Decide {
    #[command(flatten)]
    store: StoreArgs,
    /// Id of the draft; the decision is about what the gate judged last under it
    #[arg(value_name = "DRAFT")]
    draft: String,
    /// What is decided: approved or rejected
    #[arg(value_name = "OUTCOME", value_parser = outcome)]
    outcome: Outcome,
    /// Person who decides, by id; may be given several times
    #[arg(long, value_name = "PERSON", required = true)]
    by: Vec<String>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Who answers for what results [default: the first who decides]
    #[arg(long, value_name = "PERSON")]
    owner: Option<String>,
    /// How it is taken back [default: by the inverse that the gate verified]
    #[arg(long, value_name = "TEXT")]
    revocation: Option<String>,
    /// When it ends
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// How they proved who they are
    #[arg(long, value_name = "TEXT")]
    method: Option<String>,
    /// Time of the decision [default: now]
    #[arg(long, value_name = "TIME")]
    as_of: Option<String>,
    /// What to print
    #[arg(long, value_enum, default_value = "table")]
    format: Form,
}

#[derive(Debug, clap::Args)]
struct Show {
    #[command(flatten)]
    store: StoreArgs,
    /// Number of one record
    #[arg(value_name = "SEQ")]
    seq: Option<u64>,
    /// Also prove that the record is in the tree that checkpoints are signed over
    #[arg(long, requires = "seq")]
    proof: bool,
    /// Records of this kind only
    #[arg(long, value_name = "KIND", value_parser = kind)]
    kind: Option<Kind>,
    /// Records about this draft only
    #[arg(long, value_name = "ID")]
    draft: Option<String>,
    /// Newest records at most, 0 for all [default: 50 in a table, all elsewhere]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// What to print
    #[arg(long, value_enum, default_value = "table")]
    format: Form,
}

#[derive(Debug, clap::Args)]
struct Verify {
    #[command(flatten)]
    store: StoreArgs,
    /// Public key that checkpoints are to be signed by, or a file with it; may be given several times
    #[arg(long, value_name = "KEY")]
    key: Vec<String>,
    /// Checkpoint that was kept elsewhere; may be given several times
    #[arg(long, value_name = "FILE")]
    checkpoint: Vec<PathBuf>,
    /// What to print
    #[arg(long, value_enum, default_value = "table")]
    format: Form,
}

#[derive(Debug, clap::Args)]
struct Challenge {
    #[command(flatten)]
    store: StoreArgs,
    /// Number of the record
    #[arg(value_name = "SEQ")]
    seq: u64,
    /// Person who disputes it
    #[arg(long, value_name = "ID")]
    by: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Time of the record [default: now]
    #[arg(long, value_name = "TIME")]
    as_of: Option<String>,
    /// What to print
    #[arg(long, value_enum, default_value = "table")]
    format: Form,
}

#[derive(Debug, clap::Args)]
struct SignCheckpoint {
    #[command(flatten)]
    store: StoreArgs,
    /// File with the private key
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Name of the log [default: the key's name]
    #[arg(long, value_name = "NAME")]
    origin: Option<String>,
    /// Also write the checkpoint to this file, to be kept elsewhere
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct Key {
    /// Name of the key, such as example.com/ledger
    #[arg(long, value_name = "NAME")]
    name: String,
    /// New file for the private key, which only its owner may read
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
}

#[derive(Debug, clap::Args)]
struct Export {
    #[command(flatten)]
    store: StoreArgs,
    /// Form of the records
    #[arg(long, value_enum, default_value = "ocsf")]
    format: ExportForm,
    /// Write to this file
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Form of exported records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ExportForm {
    /// OCSF 1.9 events, one a line
    Ocsf,
    /// The records as they are, one a line
    Jsonl,
}

fn kind(text: &str) -> Result<Kind, String> {
    let known = || Kind::ALL.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(", ");
    Kind::parse(text).ok_or_else(|| format!("no kind `{text}`; there are {}", known()))
}

fn outcome(text: &str) -> Result<Outcome, String> {
    Outcome::parse(text).ok_or_else(|| format!("no outcome `{text}`; a draft is approved or rejected"))
}

/// Runs the command.
pub fn run(args: &Args, terminal: &mut Terminal) -> Result<Exit, Failure> {
    match &args.what {
        What::Append(args) => append(args, terminal),
        What::Decide(args) => decide(args, terminal),
        What::Show(args) => show(args, terminal),
        What::Verify(args) => verify(args, terminal),
        What::Challenge(args) => challenge(args, terminal),
        What::Checkpoint(args) => checkpoint(args, terminal),
        What::Key(args) => key(args, terminal),
        What::Export(args) => export(args, terminal),
    }
}

fn append(args: &Append, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let time = clock::as_of(args.as_of.as_deref())?;
    let drafts = drafts(&read(&args.file)?, &args.file)?;
    let rows: Option<Rows> = args.rows.as_deref().map(rows).transpose()?;
    let records = engine::append_all(&args.store, drafts, rows.as_ref(), time)?;
    terminal.data(appended(&records, args.format).as_bytes())?;
    Ok(Exit::Done)
}

fn decide(args: &Decide, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let time = clock::as_of(args.as_of.as_deref())?;
    let said = Decided {
        draft: args.draft.clone(),
        outcome: args.outcome,
        by: args.by.clone(),
        method: args.method.clone(),
        reason: args.reason.clone(),
        owner: args.owner.clone(),
        revocation: args.revocation.clone(),
        until: args.until.clone(),
    };
    let record = judged::decide(&args.store, said, time)?;
    terminal.data(appended(&[record], args.format).as_bytes())?;
    Ok(Exit::Done)
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let fail = |error: std::io::Error| Failure::file(Exit::Input, "read", path, &error);
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        std::io::stdin().lock().take(INPUT_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(fail)?;
    } else {
        let file = std::fs::File::open(path).map_err(fail)?;
        file.take(INPUT_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(fail)?;
    }
    if bytes.len() as u64 > INPUT_BYTES_MAX {
        return Err(Failure::new(Exit::Input, format!("`{}` is longer than {INPUT_BYTES_MAX} bytes", path.display())));
    }
    Ok(bytes)
}

/// The records of a text. The parser's error names the field; where it stands in the file, by line and column.
fn drafts(bytes: &[u8], path: &Path) -> Result<Vec<Draft>, Failure> {
    let mut found = Vec::new();
    for (at, draft) in serde_json::Deserializer::from_slice(bytes).into_iter::<Draft>().enumerate() {
        found.push(draft.map_err(|error| {
            let place = format!("{}, record {}", path.display(), at + 1);
            Failure::usage(format!("the record is refused: {error} ({place})"))
                .hint("docs/ledger.md lists the fields of each kind of record")
        })?);
    }
    if found.is_empty() {
        return Err(Failure::usage(format!("`{}` has no record", path.display()))
            .hint("give one JSON object, such as {\"kind\": \"draft\", \"actor\": …}"));
    }
    Ok(found)
}

fn rows(path: &Path) -> Result<Rows, Failure> {
    serde_json::from_slice(&read(path)?).map_err(|error| {
        Failure::usage(format!("the rows cannot be used: {error} ({})", path.display()))
            .hint("docs/ledger.md describes them")
    })
}

fn appended(records: &[Record], format: Form) -> String {
    match format {
        Form::Json => {
            let records: Vec<Value> = records.iter().map(Record::json).collect();
            document::text(&json!({"format": document::FORMAT, "appended": records}))
        }
        Form::Table => {
            let line = |record: &Record| format!("Record {} ({}): {}\n", record.seq, record.said.kind, record.hash);
            records.iter().map(line).collect()
        }
    }
}

fn challenge(args: &Challenge, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let time = clock::as_of(args.as_of.as_deref())?;
    let records = engine::records(&args.store)?;
    let Some(disputed) = usize::try_from(args.seq).ok().and_then(|at| records.get(at)) else {
        return Err(no_record(args.seq, records.len()));
    };
    let actor = Actor { kind: ActorKind::Human, id: args.by.clone(), on_behalf_of: None };
    let draft = Draft {
        refers_to: Some(disputed.seq),
        reason: Some(args.reason.clone()),
        draft_id: disputed.said.draft_id.clone(),
        change_sha256: disputed.said.change_sha256.clone(),
        domain: disputed.said.domain.clone(),
        ..Draft::new(Kind::Challenge, actor)
    };
    let record = engine::append(&args.store, draft, time)?;
    terminal.data(appended(&[record], args.format).as_bytes())?;
    Ok(Exit::Done)
}

fn no_record(seq: u64, n: usize) -> Failure {
    Failure::usage(format!("there is no record {seq}; there are {n}")).hint("`overgrant ledger show` lists them")
}

fn show(args: &Show, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let all = engine::records(&args.store)?;
    let n = all.len();
    let mut records: Vec<&Record> = all.iter().filter(|record| wanted(args, record)).collect();
    if let Some(seq) = args.seq.filter(|_| records.is_empty()) {
        return Err(no_record(seq, n));
    }
    let limit = match (args.limit, args.format) {
        (Some(0), _) | (None, Form::Json) => usize::MAX,
        (Some(limit), _) => limit,
        (None, Form::Table) => ROWS_DEFAULT,
    };
    let hidden = records.len().saturating_sub(limit);
    records.drain(..hidden);
    let text = match (args.format, args.seq) {
        (Form::Json, _) => {
            let records: Vec<Value> = records.iter().map(|record| record.json()).collect();
            let mut value = json!({"format": document::FORMAT, "records": records, "earlier": hidden});
            if args.proof {
                value["proof"] = proof(args)?;
            }
            document::text(&value)
        }
        (Form::Table, Some(_)) => {
            let mut text: String = records.iter().map(|record| document::text(&record.json())).collect();
            if args.proof {
                text += &document::text(&proof(args)?);
            }
            text
        }
        (Form::Table, None) => table(&records, hidden, terminal.layout()),
    };
    terminal.data(text.as_bytes())?;
    Ok(Exit::Done)
}

fn hex(hash: &Hash) -> String {
    hash.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn proof(args: &Show) -> Result<Value, Failure> {
    let found = match args.seq {
        Some(seq) => engine::inclusion(&args.store, seq)?,
        None => None,
    };
    let value = |found: Inclusion| {
        let hashes: Vec<String> = found.hashes.iter().map(hex).collect();
        json!({"leaf": hex(&found.leaf), "size": found.size, "root": hex(&found.root), "hashes": hashes})
    };
    Ok(found.map_or(Value::Null, value))
}

fn wanted(args: &Show, record: &Record) -> bool {
    args.seq.is_none_or(|seq| seq == record.seq)
        && args.kind.is_none_or(|kind| kind == record.said.kind)
        && args.draft.as_deref().is_none_or(|draft| record.said.draft_key() == Some(draft))
}

fn table(records: &[&Record], hidden: usize, layout: Layout) -> String {
    let columns = ["SEQ", "TIME", "KIND", "ACTOR", "DRAFT", "SAYS"];
    let mut grid =
        Grid::new(layout, &columns.map(|title| (title, if title == "SEQ" { Side::Right } else { Side::Left })));
    for record in records {
        let said = &record.said;
        let by_ai = if said.is_ai_authored() { " (AI draft)" } else { "" };
        grid.row([
            record.seq.to_string().into(),
            format_time(record.time).into(),
            said.kind.as_str().into(),
            shorten(&said.actor.id, 40).into_owned().into(),
            format!("{}{by_ai}", shorten(said.draft_key().unwrap_or("–"), 24)).into(),
            says(record).into(),
        ]);
    }
    let mut text = grid.text();
    if hidden > 0 {
        text += &format!("… {hidden} earlier (--limit 0 shows all)\n");
    }
    text
}

/// The heart of a record in a few words.
fn says(record: &Record) -> String {
    let said = &record.said;
    let parts = [
        said.verdict.map(|verdict| verdict.to_string()),
        said.outcome.map(|outcome| outcome.to_string()),
        said.observed.map(|observed| observed.to_string()),
        said.tool.clone(),
        said.refers_to.map(|seq| format!("of record {seq}")),
        said.reason.as_deref().map(|reason| shorten(reason, 60).into_owned()),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn verify(args: &Verify, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let verified = engine::verify(&args.store, &args.key, &args.checkpoint)?;
    let text = match args.format {
        Form::Json => document::text(&verification(&verified)),
        Form::Table => in_words(&verified),
    };
    terminal.data(text.as_bytes())?;
    if let Some(bad) = &verified.first_bad {
        return Err(Failure::new(Exit::Integrity, format!("the ledger is damaged: {bad}"))
            .hint("keep the folder as evidence, and restore it from a copy that a checkpoint confirms"));
    }
    if let Some(torn) = verified.torn {
        terminal.must_say(&format!(
            "warning: line {} is incomplete ({} bytes): a program crashed while it appended; the next append clears it",
            torn.line, torn.bytes
        ));
        return Ok(Exit::Incomplete);
    }
    Ok(Exit::Done)
}

const fn head_word(head: HeadState) -> &'static str {
    match head {
        HeadState::Matches => "matches",
        HeadState::Behind => "behind",
        HeadState::Missing => "missing",
    }
}

fn verification(verified: &Verified) -> Value {
    let checkpoints: Vec<Value> = (verified.checkpoints.iter())
        .map(|checked| {
            let key = match &checked.signed {
                Signed::By(key) => Some(key),
                Signed::Unchecked => None,
            };
            let checkpoint = &checked.checkpoint;
            let signature = if key.is_some() { "valid" } else { "unchecked" };
            json!({"note": checked.note, "origin": checkpoint.origin, "size": checkpoint.size,
                "signature": signature, "key": key,
                "consistency": checked.consistency.iter().map(hex).collect::<Vec<_>>()})
        })
        .collect();
    let bad = verified.first_bad.as_ref().map(|bad| {
        let (line, last) = match bad.place {
            Place::Line(line) => (Some(line), Some(line)),
            Place::Lines(from, to) => (Some(from), Some(to)),
            Place::File => (None, None),
        };
        json!({"file": bad.file, "line": line, "line_last": last, "seq": bad.seq, "why": bad.why})
    });
    json!({
        "format": document::FORMAT,
        "sound": verified.first_bad.is_none(),
        "records": verified.records,
        "last_hash": verified.last_hash,
        "root_sha256": hex(&verified.root),
        "first_bad": bad,
        "torn": verified.torn.map(|torn| json!({"line": torn.line, "bytes": torn.bytes})),
        "head": head_word(verified.head),
        "checkpoints": checkpoints,
    })
}

fn in_words(verified: &Verified) -> String {
    let state = if verified.first_bad.is_some() { "right up to the first that is not" } else { "all right" };
    let mut text = format!("{} records, {state}; the last is {}\n", verified.records, verified.last_hash);
    if verified.head == HeadState::Missing {
        text += "No head file: a tail that was cut off shows against a checkpoint only\n";
    }
    for checked in &verified.checkpoints {
        let signed = match &checked.signed {
            Signed::By(key) => format!("signed by {}", plain(key)),
            Signed::Unchecked => "signature not checked (--key)".to_owned(),
        };
        let Checkpoint { origin, size, .. } = &checked.checkpoint;
        text += &format!("Checkpoint of {size} records, {}: agrees, {signed}\n", plain(origin));
    }
    if verified.checkpoints.is_empty() && verified.first_bad.is_none() {
        text += "No checkpoint: who can write the folder could have made another chain\n";
    }
    text
}

fn checkpoint(args: &SignCheckpoint, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let (checkpoint, path, note) = engine::checkpoint(&args.store, &args.key, args.origin.as_deref())?;
    terminal.note(&format!("signed {} records in {}", checkpoint.size, path.display()));
    terminal.data_to(to(args.output.as_ref()), note.as_bytes())?;
    Ok(Exit::Done)
}

fn key(args: &Key, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let public = engine::new_key(&args.name, &args.output)?;
    terminal.note(&format!("the private key is in {}; below is the public one", args.output.display()));
    terminal.data(format!("{}\n", public.text()).as_bytes())?;
    Ok(Exit::Done)
}

fn export(args: &Export, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let records = engine::records(&args.store)?;
    let text = match args.format {
        ExportForm::Ocsf => ledger_ocsf::lines(&records),
        ExportForm::Jsonl => records.iter().map(|record| document::line(&record.json())).collect(),
    };
    terminal.data_to(to(args.output.as_ref()), text.as_bytes())?;
    Ok(Exit::Done)
}
