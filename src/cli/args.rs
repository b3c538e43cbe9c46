//! The command tree and the flags that commands share.

use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, Parser, Subcommand, ValueEnum};

use super::commands::{
    baseline, can, choke_points, completions, context, cut_plan, diff, effect, explain, exposure, findings, gate,
    generate, ground, ledger, man, mcp, metrics, paths, preflight, report, roles, scan, scores, snapshots, techniques,
    trend, who_can,
};
use super::exit;

/// Folder of the store when `--store` does not name one.
pub const STORE_DEFAULT: &str = "./overgrant-store";

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

const ABOUT: &str = "Measures privilege sprawl from exported identity data";

const LONG_ABOUT: &str = "\
Measures privilege sprawl from exported identity data: excess privilege, orphaned non-human identities, escalation \
paths.

A batch tool: files in, files out. It holds no credentials, opens no network connection, and has no code that can \
change an identity system.";

const COMMANDS: &str = "\
Measure:
  scan         Read exports, measure everything, store a snapshot
Read the result:
  findings     What should not be so, most urgent first
  scores       Every principal with its risk, and what the risk is made of
  metrics      Numbers about the organisation and its parts
  explain      One principal: what it may do, why, and what follows from it
  report       The whole result as a page, or in a format of other programs
Ask:
  can          May this principal do that?
  who-can      Who may do that?
  paths        How a principal comes to control what is protected
  exposure     How many principals reach what is protected
Improve:
  choke-points What attack paths have to pass, and the change that takes it away
  cut-plan     Which few changes keep most principals from what is protected
  roles        Candidate roles from what principals may do, or from what they use
Change:
  gate         Whether a draft of changes may be made: fifteen invariants, house rules, a counter-proposal
  ledger       Append, show, verify and export records of drafts and decisions
Compare over time:
  diff         What differs between two snapshots
  trend        A metric over all snapshots: limits, drift, and what made it change
  baseline     Set or show the snapshot that others are compared with
  effect       Whether AI assistance made a metric better
Work with assistants:
  context      What an assistant may see of a domain
  ground       Whether what is claimed about a domain is so
  mcp          Answer an assistant's questions about a domain
Look after the store:
  preflight    Whether the sources are fit to draft changes from
  snapshots    List, show, verify and prune snapshots
  techniques   List, show and check the escalation techniques
Try things out:
  generate     A made-up organisation of any size, with known problems
Set up:
  completions  Completions for a shell
  man          Manual pages";

const EXAMPLES: &str = "\
Examples:
  overgrant scan exports/                        measure a folder of exports
  overgrant scan exports/ --fail-on new:high     … and fail a pipeline on new trouble
  overgrant explain ci-deploy                    everything about one principal
  overgrant who-can iam:PassRole                 who may pass a role
  overgrant paths ci-deploy                      how it reaches administration

`overgrant help COMMAND` tells more about one command; `--help` lists the exit codes too.";

/// The command line as a whole.
#[derive(Debug, Parser)]
#[command(
    name = "overgrant",
    version,
    about = ABOUT,
    long_about = LONG_ABOUT,
    styles = STYLES,
    max_term_width = 100,
    subcommand_required = true,
    arg_required_else_help = true,
    subcommand_value_name = "COMMAND",
    help_template = "{about-with-newline}\n{usage-heading} {usage}\n\n{before-help}Options:\n{options}{after-help}",
    before_help = COMMANDS,
    after_help = EXAMPLES,
    after_long_help = format!("{EXAMPLES}\n\n{}", exit::listing().trim_end()),
)]
pub struct Cli {
    /// Print data and errors, nothing else
    #[arg(long, short, global = true, help_heading = "Global options")]
    pub quiet: bool,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Read exports, measure everything, store a snapshot
    Scan(scan::Args),
    /// What should not be so, most urgent first
    Findings(findings::Args),
    /// Every principal with its risk, and what the risk is made of
    Scores(scores::Args),
    /// Numbers about the organisation and its parts
    Metrics(metrics::Args),
    /// One principal: what it may do, why, and what follows from it
    Explain(explain::Args),
    /// The whole result as a page, or in a format of other programs
    Report(report::Args),
    /// May this principal do that?
    Can(can::Args),
    /// Who may do that?
    WhoCan(who_can::Args),
    /// How a principal comes to control what is protected
    Paths(paths::Args),
    /// How many principals reach what is protected
    Exposure(exposure::Args),
    /// Candidate roles from what principals may do, or from what they use
    Roles(roles::Args),
    /// What attack paths have to pass, and the change that takes it away
    ChokePoints(choke_points::Args),
    /// Which few changes keep most principals from what is protected
    CutPlan(cut_plan::Args),
    /// Whether a draft of changes may be made
    Gate(gate::Args),
    /// What differs between two snapshots
    Diff(diff::Args),
    /// A metric over all snapshots: limits, drift, and what made it change
    Trend(trend::Args),
    /// Set or show the snapshot that others are compared with
    Baseline(baseline::Args),
    /// Whether AI assistance made a metric better
    Effect(effect::Args),
    /// Append, show, verify and export records of drafts and decisions
    Ledger(ledger::Args),
    /// What an assistant may see of a domain
    Context(context::Args),
    /// Whether what is claimed about a domain is so
    Ground(ground::Args),
    /// Answer an assistant's questions about a domain
    Mcp(mcp::Args),
    /// Whether the sources are fit to draft changes from
    Preflight(preflight::Args),
    /// List, show, verify and prune snapshots
    Snapshots(snapshots::Args),
    /// List, show and check the escalation techniques
    Techniques(techniques::Args),
    /// A made-up organisation of any size, with known problems
    Generate(generate::Args),
    /// Completions for a shell
    Completions(completions::Args),
    /// Manual pages
    Man(man::Args),
}

/// Which store.
#[derive(Debug, Clone, Args)]
pub struct StoreArgs {
    /// Folder of the store
    #[arg(long, value_name = "DIR", default_value = STORE_DEFAULT)]
    pub store: PathBuf,
}

/// Which snapshot of which store.
#[derive(Debug, Clone, Args)]
pub struct SnapshotArgs {
    /// Store to read
    #[command(flatten)]
    pub store: StoreArgs,
    /// Snapshot to read, by id or tag [default: the newest]
    #[arg(long, value_name = "ID|TAG")]
    pub snapshot: Option<String>,
}

impl SnapshotArgs {
    /// The newest snapshot of a store.
    #[must_use]
    pub fn newest(store: impl Into<PathBuf>) -> Self {
        Self { store: StoreArgs { store: store.into() }, snapshot: None }
    }
}

/// Output of a command with one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// Text for a person
    Table,
    /// One JSON document
    Json,
}

/// Output of a command with rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RowForm {
    /// Text for a person
    Table,
    /// One JSON document
    Json,
    /// One JSON object a row
    Jsonl,
    /// Comma-separated values with a header row
    Csv,
    /// The stored columns as a Parquet file (needs --output)
    Parquet,
}

/// Human beings or machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Who {
    /// Human identities
    Human,
    /// Non-human identities
    Nhi,
}

/// Request context and mode of a decision.
#[derive(Debug, Clone, Args)]
pub struct ContextArgs {
    /// Request context: KEY=VALUE; the same key again gives it several values, KEY alone gives it as absent
    #[arg(long, value_name = "KEY[=VALUE]", help_heading = "Request")]
    pub context: Vec<String>,
    /// Treat as absent every key that is neither known from the export nor given
    #[arg(long, help_heading = "Request")]
    pub strict: bool,
}
