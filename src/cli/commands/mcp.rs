//! `mcp`: answers an assistant's questions about one domain over the Model Context Protocol.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::change::gate::Rules;
use crate::change::{self, Read};
use crate::cli::args::{SnapshotArgs, StoreArgs};
use crate::cli::clock;
use crate::cli::engine::gate::{self, By, Judge};
use crate::cli::engine::{self, judged, ledger as book, scoped};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::terminal::Terminal;
use crate::ledger::{Actor, ActorKind, Draft, Kind};
use crate::mcp::{Call, Gatekeeper, Journal, Named, ServeError, Session, serve};

const EXAMPLES: &str = "\
Examples:
  overgrant mcp --store ./overgrant-store --domain payments
  overgrant mcp --store ./overgrant-store --domain payments --rules rules/ --profile joiner-mover-leaver

The protocol runs over standard input and output: this is a command for the configuration of a client, not for a \
terminal. Every tool only reads. The domain and the snapshot are fixed when it starts, and it starts only when \
`overgrant preflight` passes. docs/mcp.md has the tools and snippets for clients.";

/// Flags of `mcp`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Domain that is served; nothing outside it is answered
    #[arg(long, value_name = "NAME")]
    domain: String,
    #[command(flatten)]
    at: SnapshotArgs,
    /// Configuration (TOML) with the limits of preflight
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder of private techniques that the scan used; may be given several times
    #[arg(long, value_name = "DIR")]
    techniques: Vec<PathBuf>,
    /// Table of risk tiers, asks and budgets (TOML) [default: the built-in one]
    #[arg(long, value_name = "FILE")]
    terms: Option<PathBuf>,
    /// Folder of house rules (Rego) for drafts; may be given several times
    #[arg(long, value_name = "DIR")]
    rules: Vec<PathBuf>,
    /// House rules that come with the program; may be given several times
    #[arg(long, value_name = "NAME")]
    profile: Vec<String>,
    /// Time of judgements and of records, for tests and replays [default: now]
    #[arg(long, value_name = "TIME")]
    as_of: Option<String>,
}

/// Runs the command.
pub fn run(args: &Args, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let config = engine::config(args.config.as_deref())?;
    clock::as_of(args.as_of.as_deref())?;
    let rules = gate::rules(&args.rules, &args.profile)?;
    let (world, sources) = scoped::world(&args.at)?;
    scoped::must_be_fit(&world, &sources, &config)?;
    let snapshot = world.snapshot.clone();
    let scope = scoped::scope(world, &args.domain)?;
    terminal.note(&format!("serving the domain {} of snapshot {snapshot} on standard input and output", args.domain));
    let by = By {
        config: args.config.as_deref(),
        techniques: &args.techniques,
        domain: Some(&args.domain),
        terms: args.terms.as_deref(),
    };
    // What is judged is the snapshot that is served, and no newer one.
    let at = SnapshotArgs { snapshot: Some(snapshot), ..args.at.clone() };
    let store = &args.at.store;
    let gate = Gate { judge: Judge::open(&at, by)?, rules, store: store.clone(), as_of: args.as_of.clone() };
    let book = Book { store: store.clone(), as_of: args.as_of.clone() };
    let session = Session::new(scope, Box::new(gate), Box::new(book));
    serve(session).map_err(|error| {
        let failure = Failure::new(Exit::Input, error.to_string());
        match error {
            ServeError::Protocol(_) => failure.hint("this command speaks the Model Context Protocol: docs/mcp.md"),
            ServeError::Start(_) | ServeError::Broken(_) => failure,
        }
    })?;
    Ok(Exit::Done)
}

/// The gate over the snapshot that is served.
struct Gate {
    judge: Judge,
    rules: Rules,
    store: StoreArgs,
    /// Time of judgements; now where none is given.
    as_of: Option<String>,
}

/// A failure in words for an assistant.
fn told(failure: Failure) -> String {
    match failure.hint {
        Some(hint) => format!("{} ({hint})", failure.message),
        None => failure.message,
    }
}

impl Gate {
    fn read(&self, change_set: &str) -> Result<Read, Failure> {
        self.judge.text(change_set.as_bytes(), "change_set")
    }

    fn document(&self, change_set: &str) -> Result<Value, String> {
        let judged = || -> Result<Value, Failure> {
            let (read, now) = (self.read(change_set)?, clock::as_of(self.as_of.as_deref())?);
            Ok(self.judge.judge(&read, &judged::past(&self.store)?, &self.rules, now)?.document())
        };
        judged().map_err(told)
    }
}

impl Gatekeeper for Gate {
    fn named(&self, change_set: &str) -> Result<Vec<Named>, String> {
        let read = self.read(change_set).map_err(told)?;
        let named = change::named(&read.set.changes).into_iter().map(|one| match one {
            change::Named::Entity(id) => Named::Entity(id.to_owned()),
            change::Named::Object(id) => Named::Object(id.to_owned()),
            change::Named::Exception(id) => Named::Exception(id.to_owned()),
        });
        Ok(named.collect())
    }

    fn evaluate(&self, change_set: &str) -> Result<Value, String> {
        self.document(change_set)
    }

    fn rollback(&self, change_set: &str) -> Result<Value, String> {
        Ok(self.document(change_set)?["rollback"].take())
    }

    fn evidence(&self, change_set: &str) -> Result<Value, String> {
        let mut found = self.document(change_set)?;
        let mut parts = serde_json::Map::new();
        for key in ["verdict", "tier", "required_approvals", "evidence_missing"] {
            parts.insert(key.to_owned(), found[key].take());
        }
        Ok(Value::Object(parts))
    }
}

/// The ledger of the store, which has a record of every call.
struct Book {
    store: StoreArgs,
    /// Time of records; now where none is given.
    as_of: Option<String>,
}

impl Journal for Book {
    fn record(&self, call: &Call) -> Result<(), String> {
        // What a client calls itself is what it says, and of its model it says nothing.
        let client = call
            .client
            .as_ref()
            .map_or_else(|| "unnamed client".to_owned(), |(name, version)| format!("{name} {version}"));
        let actor = Actor { kind: ActorKind::Service, id: client, on_behalf_of: None };
        let draft = Draft {
            tool: Some(call.tool.clone()),
            domain: Some(call.domain.clone()),
            snapshot: Some(call.snapshot.clone()),
            snapshot_sha256: Some(call.snapshot_digest.clone()),
            witnesses: vec![json!({
                "arguments_sha256": call.arguments_sha256,
                "answer_sha256": call.answer_sha256,
                "outcome": call.outcome.as_str(),
            })],
            ..Draft::new(Kind::Call, actor)
        };
        let written = || -> Result<(), Failure> {
            book::append(&self.store, draft, clock::as_of(self.as_of.as_deref())?)?;
            Ok(())
        };
        written().map_err(|failure| failure.message)
    }
}
