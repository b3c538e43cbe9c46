//! `generate`: a made-up organisation as exports, with a file that says what is wrong with it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use clap::builder::PossibleValuesParser;
use serde_json::json;

use crate::analysis::Progress;
use crate::cli::args::Form;
use crate::cli::clock;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::progress::Bars;
use crate::cli::terminal::Terminal;
use crate::generate::{
    self, EXPORTS, MARK, PRINCIPALS_MAX, PRINCIPALS_MIN, Preset, Request, Summary, TRUTH, Watch, demo,
};
use crate::model::text::format_time;
use crate::reports::grid::{Cell, Grid, Side};
use crate::reports::{Layout, json as document};

const EXAMPLES: &str = "\
Examples:
  overgrant generate --out org                          a thousand principals to try things on
  overgrant scan org/exports --as-of 2026-11-22         … measured
  overgrant generate --principals 100000 --preset dense --seed 7 --out big
  overgrant generate --principals 300 --out org --force --format json
  overgrant generate --preset demo --out demo           the demo: one company in twelve weeks

DIR gets `exports`, the files as the platforms and people write them, and `truth.toml`, which lists what is planted: \
escalation paths with their witnesses, orphans, excess, conflicts of duties, choke points, leavers, keys and trusts, \
and what looks wrong and is not. docs/generate.md explains it.

The same seed, size, preset and --as-of give the same bytes, on any machine and with any number of threads. A million \
principals take a minute or two, little memory and 1.2 GB of disk.";

/// Time at which the exports of an organisation were taken, unless said: a clock would make other bytes each day.
const AS_OF: &str = "2026-11-22";
/// What the truth of a demo says of itself.
const IS_DEMO: &str = "\npreset = \"demo\"\n";
/// Principals and seed of an organisation, unless said.
const PRINCIPALS: usize = 1000;
const SEED: u64 = 1;

/// Flags of `generate`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Folder to write to; made when it is not there, and refused when there is something in it
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// How many principals, from 10 to 10,000,000: users, roles, service accounts, workloads [default: 1000]
    #[arg(long, value_name = "N")]
    principals: Option<usize>,
    /// Which of all organisations of this size [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64))]
    seed: Option<u64>,
    /// How many principals reach what is protected
    #[arg(long, value_enum, default_value = "sparse")]
    preset: Shape,
    /// Platforms that the organisation is on, with commas between them [default: aws,kubernetes,azure,github]
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = PossibleValuesParser::new(generate::platforms()))]
    platforms: Vec<String>,
    /// Time at which the exports were taken [default: 2026-11-22]
    #[arg(long, value_name = "TIME")]
    as_of: Option<String>,
    /// Replace the organisation that is in the folder
    #[arg(long)]
    force: bool,
    /// What to print
    #[arg(long, value_enum, default_value = "table")]
    format: Form,
}

/// Presets as flags name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shape {
    /// Few: those that are planted
    Sparse,
    /// Two in five, most of them in many ways
    Dense,
    /// One company of fixed size on all platforms, in twelve weekly exports
    Demo,
}

impl Shape {
    /// The preset of organisations of any size; `None` for the demo, which has one.
    const fn preset(self) -> Option<Preset> {
        match self {
            Self::Sparse => Some(Preset::Sparse),
            Self::Dense => Some(Preset::Dense),
            Self::Demo => None,
        }
    }
}

/// Runs the command.
pub fn run(args: &Args, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let Some(preset) = args.preset.preset() else { return demo_company(args, terminal) };
    let principals = args.principals.unwrap_or(PRINCIPALS);
    if !(PRINCIPALS_MIN..=PRINCIPALS_MAX).contains(&principals) {
        let text = format!("an organisation of {principals} principals cannot be made (--principals)");
        return Err(Failure::usage(text).hint(format!("ask for {PRINCIPALS_MIN} to {PRINCIPALS_MAX}")));
    }
    let named: Vec<&str> = args.platforms.iter().map(String::as_str).collect();
    let wanted = if named.is_empty() { generate::USUAL.to_vec() } else { named };
    let request = Request {
        principals,
        seed: args.seed.unwrap_or(SEED),
        preset,
        as_of: clock::as_of(Some(args.as_of.as_deref().unwrap_or(AS_OF)))?,
        platforms: &wanted,
    };
    clear(&args.out, args.force)?;
    let bars = Shown(Bars::new(terminal.shows_progress()));
    let written = generate::generate(&request, &args.out, &bars);
    bars.0.finish();
    let summary = written.map_err(|error| Failure::file(Exit::Usage, "write", &error.path, &error.source))?;
    let text = match args.format {
        Form::Json => document::text(&published(&request, &summary)),
        Form::Table => shown(args, &request, &summary, terminal.layout()),
    };
    terminal.data(text.as_bytes())?;
    Ok(Exit::Done)
}

/// The demo, of which nothing can be chosen.
fn demo_company(args: &Args, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let chosen = [
        ("--principals", args.principals.is_some()),
        ("--seed", args.seed.is_some()),
        ("--platforms", !args.platforms.is_empty()),
        ("--as-of", args.as_of.is_some()),
    ];
    if let Some((flag, _)) = chosen.iter().find(|(_, given)| *given) {
        let text = format!("the demo is always the same: {flag} cannot be chosen (--preset demo)");
        return Err(Failure::usage(text).hint("leave it out, or take --preset sparse or dense"));
    }
    clear(&args.out, args.force)?;
    let bars = Shown(Bars::new(terminal.shows_progress()));
    let written = demo::generate(&args.out, &bars);
    bars.0.finish();
    let summary = written.map_err(|error| Failure::file(Exit::Usage, "write", &error.path, &error.source))?;
    let text = match args.format {
        Form::Json => {
            let mut value = counted(&summary);
            value["preset"] = json!(demo::NAME);
            document::text(&value)
        }
        Form::Table => shown_demo(args, &summary, terminal.layout()),
    };
    terminal.data(text.as_bytes())?;
    Ok(Exit::Done)
}

/// Makes the folder ready: what is in it is kept, but for an organisation that is to be replaced.
fn clear(folder: &Path, force: bool) -> Result<(), Failure> {
    let failed = |doing: &str, error: &io::Error| Failure::file(Exit::Usage, doing, folder, error);
    let mut entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed("read", &error)),
    };
    if entries.next().is_none() {
        return Ok(());
    }
    let name = folder.display();
    if !force {
        let hint = "name another folder, or replace an organisation that was generated there with --force";
        return Err(Failure::usage(format!("`{name}` is not empty (--out)")).hint(hint));
    }
    let (truth, exports, history) = (folder.join(TRUTH), folder.join(EXPORTS), folder.join(demo::HISTORY));
    // Only what this command wrote is taken away: somebody's real exports may have the same name.
    let is_ours = fs::read_to_string(&truth).is_ok_and(|text| text.starts_with(MARK));
    if !is_ours && (exports.exists() || truth.exists()) {
        let text = format!("`{name}` has `{EXPORTS}` or `{TRUTH}`, and no organisation was generated there (--force)");
        return Err(Failure::usage(text).hint("move them away, or name another folder"));
    }
    if is_ours {
        // The exports go first: a folder of which only half is gone must still be known as ours.
        for ours in [&exports, &history] {
            // An organisation of another preset has no history, and a folder of that name is somebody's.
            let is_written = ours == &exports || fs::read_to_string(&truth).is_ok_and(|text| text.contains(IS_DEMO));
            if is_written && ours.exists() {
                fs::remove_dir_all(ours).map_err(|error| failed("clear", &error))?;
            }
        }
        fs::remove_file(&truth).map_err(|error| failed("clear", &error))?;
    }
    Ok(())
}

/// The bars of a scan, for another kind of work.
struct Shown(Bars);

impl Watch for Shown {
    fn platform(&self, name: &'static str, principals: usize) {
        self.0.stage(name, (principals > 0).then_some(principals as u64));
    }

    fn written(&self, principals: usize) {
        self.0.advance(principals as u64);
    }
}

fn counted(summary: &Summary) -> serde_json::Value {
    let platform = |&(name, principals, exposed): &(&str, usize, usize)| json!({"platform": name, "principals": principals, "exposed": exposed});
    json!({
        "format": document::FORMAT,
        "platforms": summary.platforms.iter().map(platform).collect::<Vec<_>>(),
        "planted": summary.planted,
        "sound": summary.sound,
        "bytes": summary.bytes,
    })
}

fn published(request: &Request<'_>, summary: &Summary) -> serde_json::Value {
    let mut value = counted(summary);
    value["principals"] = json!(request.principals);
    value["seed"] = json!(request.seed);
    value["preset"] = json!(request.preset.name());
    value["as_of"] = json!(format_time(request.as_of));
    value
}

fn platforms_table(summary: &Summary, layout: Layout) -> String {
    let columns = [("PLATFORM", Side::Left), ("PRINCIPALS", Side::Right), ("WITH A PATH", Side::Right)];
    let mut grid = Grid::new(layout, &columns);
    for (name, principals, exposed) in &summary.platforms {
        grid.row([Cell::from(*name), principals.to_string().as_str().into(), exposed.to_string().as_str().into()]);
    }
    grid.text()
}

fn shown(args: &Args, request: &Request<'_>, summary: &Summary, layout: Layout) -> String {
    let out = args.out.display();
    let day = format_time(request.as_of);
    let day = day.strip_suffix("T00:00:00Z").unwrap_or(&day);
    format!(
        "An organisation of {} principals ({}, seed {}), {:.1} MB of exports\n\n{}\n\
         {} problems are planted and {} look like one: {out}/{TRUTH}\n\
         Next: overgrant scan {out}/{EXPORTS} --as-of {day}\n",
        request.principals,
        request.preset.name(),
        request.seed,
        summary.bytes as f64 / 1e6,
        platforms_table(summary, layout),
        summary.planted,
        summary.sound,
    )
}

fn shown_demo(args: &Args, summary: &Summary, layout: Layout) -> String {
    let out = args.out.display();
    let principals: usize = summary.platforms.iter().map(|(_, principals, _)| principals).sum();
    format!(
        "The demo: {principals} principals in the newest of twelve weekly exports, {:.1} MB in all\n\n{}\n\
         {} problems are planted and {} look like one, by week: {out}/{TRUTH}\n\
         Next: overgrant scan {out}/{EXPORTS} --as-of {AS_OF}\n\
         The weeks before it: {out}/{}/DATE.zip, each with --as-of DATE\n",
        summary.bytes as f64 / 1e6,
        platforms_table(summary, layout),
        summary.planted,
        summary.sound,
        demo::HISTORY,
    )
}
