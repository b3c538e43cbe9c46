//! `gate`: whether a draft may be made.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::change::gate::{Checked, Gate, Rules, Status, Verdict, Witness, invariants};
use crate::change::{ChangeSet, Read};
use crate::cli::args::{Form, SnapshotArgs};
use crate::cli::clock;
use crate::cli::engine::gate::{self as engine, By, Judge};
use crate::cli::engine::judged;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::terminal::{Terminal, write_file};
use crate::reports::escape::plain;
use crate::reports::json as document;

const EXAMPLES: &str = "\
Examples:
  overgrant gate draft.json                     judge a draft on the newest snapshot
  overgrant gate plan.json --format json | jq '.counter_proposal'
  overgrant gate draft.json --explain           every invariant with what it stands on
  overgrant gate draft.json --rules rules/ --profile joiner-mover-leaver
  overgrant gate draft.json --record            … and append the draft and the verdict to the ledger
  overgrant gate draft.json --counter part.json     write the part of a blocked draft that passes
  overgrant gate --tiers                        the table of risk tiers
  overgrant gate --test-rules --rules rules/    run the tests of the rules

The draft is applied to a copy of the snapshot and both are evaluated; nothing is changed anywhere. The exit code is 1 \
when the gate blocks, 3 when the snapshot is too old, too incomplete or not the one of the draft, and 0 otherwise: read \
the verdict, `needs_human` and `needs_step_up` are no permission. docs/gate.md says what each invariant looks at.";

/// Witnesses of one invariant in the text; the JSON form and `--explain` have all of them.
const WITNESSES_N: usize = 3;
/// Rows of access in the text; the JSON form has all of them.
const ACCESS_N: usize = 10;

/// Flags of `gate`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The draft: a change set, or a form that converts to one
    #[arg(value_name = "CHANGESET", required_unless_present_any = ["tiers", "test_rules"])]
    draft: Option<PathBuf>,
    #[command(flatten)]
    at: SnapshotArgs,
    /// Domain that the session is kept to
    #[arg(long, value_name = "DOMAIN")]
    domain: Option<String>,
    /// Time of the judgement [default: now]
    #[arg(long, value_name = "TIME")]
    as_of: Option<String>,
    /// Configuration of the scan (TOML)
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder of private techniques that the scan used; may be given several times
    #[arg(long, value_name = "DIR")]
    techniques: Vec<PathBuf>,
    /// Table of risk tiers, asks and budgets (TOML) [default: the built-in one]
    #[arg(long, value_name = "FILE")]
    terms: Option<PathBuf>,
    /// Folder of house rules (Rego); may be given several times
    #[arg(long, value_name = "DIR")]
    rules: Vec<PathBuf>,
    /// House rules that come with the program; may be given several times
    #[arg(long, value_name = "NAME")]
    profile: Vec<String>,
    /// Append the draft and the verdict to the ledger of the store, where the budget of later drafts counts them
    #[arg(long, conflicts_with_all = ["tiers", "test_rules"])]
    record: bool,
    /// Write the part of a blocked draft that passes to this file, as a change set with the same head
    #[arg(long, value_name = "FILE", conflicts_with_all = ["tiers", "test_rules"])]
    counter: Option<PathBuf>,
    /// Say of every invariant what it stands on
    #[arg(long)]
    explain: bool,
    /// Print the table of risk tiers and end
    #[arg(long, conflicts_with_all = ["draft", "test_rules"])]
    tiers: bool,
    /// Run the tests of the house rules and end; of all profiles where no rules are named
    #[arg(long, conflicts_with = "draft")]
    test_rules: bool,
    /// What to print
    #[arg(long, value_enum, default_value = "table")]
    format: Form,
}

/// Runs the command.
pub fn run(args: &Args, terminal: &mut Terminal) -> Result<Exit, Failure> {
    if args.tiers {
        terminal.data(engine::terms(args.terms.as_deref())?.printed().as_bytes())?;
        return Ok(Exit::Done);
    }
    if args.test_rules {
        return test_rules(args, terminal);
    }
    let Some(path) = &args.draft else { return Err(Failure::usage("no draft is named")) };
    let rules = engine::rules(&args.rules, &args.profile)?;
    let now = clock::as_of(args.as_of.as_deref())?;
    let judge = Judge::open(
        &args.at,
        By {
            config: args.config.as_deref(),
            techniques: &args.techniques,
            domain: args.domain.as_deref(),
            terms: args.terms.as_deref(),
        },
    )?;
    let draft = judge.draft(path)?;
    let store = &args.at.store;
    let found = judge.judge(&draft, &judged::past(store)?, &rules, now)?;
    if args.record {
        judged::note(store, &judge, &draft, &found, now)?;
    }
    let text = match args.format {
        Form::Json => document::text(&found.document()),
        Form::Table => shown(&found, args.explain),
    };
    terminal.data(text.as_bytes())?;
    if let Some(path) = &args.counter {
        write_counter(&draft, &found, path, terminal)?;
    }
    Ok(ended(&found))
}

/// Writes the counter-proposal as a draft of its own. Without one there is no file, so that nothing old is taken for it.
fn write_counter(draft: &Read, found: &Gate, path: &Path, terminal: &mut Terminal) -> Result<(), Failure> {
    let part = found.counter_proposal.as_ref().filter(|part| !part.changes.is_empty());
    let Some(part) = part else {
        let why =
            if found.verdict == Verdict::Block { "no part of the draft passes" } else { "the draft is not blocked" };
        terminal.must_say(&format!("nothing is written to `{}`: {why}", path.display()));
        return Ok(());
    };
    if !draft.notes.is_empty() {
        terminal.must_say(&format!(
            "nothing is written to `{}`: the draft says what operations cannot; change it where it was written",
            path.display()
        ));
        return Ok(());
    }
    let set = ChangeSet { changes: part.changes.clone(), ..draft.set.clone() };
    write_file(path, document::text(&set.to_value()).as_bytes())
}

fn ended(found: &Gate) -> Exit {
    match found.verdict {
        _ if found.unfit => Exit::Input,
        Verdict::Block => Exit::RuleHolds,
        _ => Exit::Done,
    }
}

fn test_rules(args: &Args, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let profiles = if args.rules.is_empty() && args.profile.is_empty() {
        Rules::profiles().map(str::to_owned).collect()
    } else {
        args.profile.clone()
    };
    let tested = engine::rules(&args.rules, &profiles)?.test();
    let failed = tested.iter().filter(|one| one.failure.is_some()).count();
    let mut text = String::new();
    for one in &tested {
        let result = if one.failure.is_some() { "FAIL" } else { "ok  " };
        // Writing to a string cannot fail, here and below.
        let _ = writeln!(text, "{result}  {}  {}", plain(&one.file), one.test);
        if let Some(why) = &one.failure {
            let _ = writeln!(text, "      {}", plain(why.trim()));
        }
    }
    let _ = writeln!(text, "{} tests, {failed} failed", tested.len());
    terminal.data(text.as_bytes())?;
    Ok(if failed == 0 && !tested.is_empty() { Exit::Done } else { Exit::RuleHolds })
}

fn shown(found: &Gate, explain: bool) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{}: draft {} on snapshot {}, tier {}, {} required",
        found.verdict.as_str().to_uppercase().replace('_', " "),
        plain(&found.draft_id),
        plain(&found.snapshot),
        found.tier,
        match found.required_approvals {
            1 => "1 approval".to_owned(),
            n => format!("{n} approvals"),
        },
    );
    text.push('\n');
    for (one, invariant) in found.invariants.iter().zip(invariants::ALL) {
        if explain || one.status != Status::Pass {
            told(&mut text, one, invariant.title(), explain);
        }
    }
    let passed = found.invariants.iter().filter(|one| one.status == Status::Pass).count();
    let _ = writeln!(text, "{passed} of {} invariants pass", found.invariants.len());
    for rule in &found.rules {
        let _ = writeln!(text, "  rule {}: {}", plain(&rule.rule), plain(&rule.message));
    }
    access(&mut text, found);
    if !found.evidence_missing.is_empty() {
        let _ = writeln!(text, "\nEvidence missing: {}", plain(&found.evidence_missing.join(", ")));
    }
    let _ = writeln!(
        text,
        "\nRollback: {} operations, {}",
        found.rollback.changes.len(),
        if found.rollback.verified { "verified" } else { "NOT verified" }
    );
    for what in &found.rollback.irreversible {
        let _ = writeln!(text, "  cannot be undone: {}", plain(what));
    }
    counter(&mut text, found);
    text
}

fn told(text: &mut String, one: &Checked, title: &str, explain: bool) {
    let mark = match one.status {
        Status::Pass => "pass",
        Status::Unknown => "unknown",
        Status::NeedsHuman => "needs human",
        Status::NeedsStepUp => "needs step-up",
        Status::Block => "BLOCK",
    };
    let _ = writeln!(text, "{:<4} {mark:<13} {title}", one.id);
    let most = if explain { usize::MAX } else { WITNESSES_N };
    for witness in one.witness.iter().take(most) {
        shown_witness(text, witness, explain);
    }
    if one.witness.len() > most {
        let _ = writeln!(text, "       … and {} more (--explain has all)", one.witness.len() - most);
    }
}

fn shown_witness(text: &mut String, witness: &Witness, explain: bool) {
    let _ = writeln!(text, "       {}", plain(&witness.says));
    for step in &witness.path {
        let _ = writeln!(
            text,
            "         {} → {} by {}, {}",
            plain(&step.from),
            plain(&step.to),
            plain(&step.technique),
            step.certainty
        );
    }
    for row in witness.rows.iter().filter(|_| explain) {
        let _ = writeln!(text, "         {} ({}): {}", row.table, row.side, plain(&row.row));
    }
}

fn access(text: &mut String, found: &Gate) {
    for (title, rows) in [("Added", &found.added_access), ("Removed", &found.removed_access)] {
        if rows.is_empty() {
            continue;
        }
        let _ = writeln!(text, "\n{title} access:");
        for row in rows.iter().take(ACCESS_N) {
            let condition = row.condition.as_ref().map_or_else(String::new, |one| format!(" under {one}"));
            let _ = writeln!(
                text,
                "  {} {} on {}{}, {}",
                plain(&row.principal),
                plain(&row.actions.join(" ")),
                plain(&row.resources.join(" ")),
                plain(&condition),
                row.decision
            );
        }
        if rows.len() > ACCESS_N {
            let _ = writeln!(text, "  … and {} more (--format json has all)", rows.len() - ACCESS_N);
        }
    }
}

fn counter(text: &mut String, found: &Gate) {
    let Some(counter) = &found.counter_proposal else { return };
    match (&counter.note, counter.verdict) {
        (Some(note), _) => {
            let _ = writeln!(text, "\nNo part of it passes: {}", plain(note));
        }
        (None, verdict) => {
            let verdict = verdict.map_or("", Verdict::as_str);
            let _ = writeln!(text, "\nA part of it comes to {verdict}: {} operations", counter.changes.len());
            for change in &counter.changes {
                let json = serde_json::to_string(change).unwrap_or_default();
                let _ = writeln!(text, "  {}", plain(&json));
            }
            for one in &counter.narrowed {
                let _ = writeln!(text, "  operation {} is narrower: {}", one.change, plain(&one.why.join("; ")));
            }
        }
    }
}
