//! What a run was made on and with, and what the system says of this process.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where build products go; generated inputs lie there as well.
pub fn scratch() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench")
}

/// Processor, memory, system, commit and command: what a result is worth nothing without.
pub fn description(command: &str) -> String {
    let cpu = field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown processor".to_owned());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let memory = field("/proc/meminfo", "MemTotal").unwrap_or_else(|| "unknown".to_owned());
    let system = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let commit = output("git", &["rev-parse", "--short", "HEAD"]);
    let changed = if output("git", &["status", "--porcelain", "src"]).is_empty() { "" } else { " with changes" };
    let compiler = output("rustc", &["--version"]);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    format!(
        "machine  {cpu}, {cores} cores, memory {memory}, Linux {}, load {load} at the start\ncompiler {compiler}\n\
         commit   {commit}{changed}\ncommand  {command}\n",
        system.trim()
    )
}

fn output(program: &str, arguments: &[&str]) -> String {
    let run = Command::new(program).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output();
    run.map(|out| String::from_utf8_lossy(&out.stdout).trim().to_owned()).unwrap_or_default()
}

fn field(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// Most memory that this process ever had, in bytes; 0 where the system does not say.
pub fn peak_bytes() -> u64 {
    let peak = field("/proc/self/status", "VmHWM").unwrap_or_default();
    peak.split(' ').next().and_then(|kib| kib.parse::<u64>().ok()).map_or(0, |kib| kib * 1024)
}

/// Processor seconds of all threads that this process has; 0 where the system does not say.
pub fn cpu_seconds() -> f64 {
    let Ok(threads) = fs::read_dir("/proc/self/task") else { return 0.0 };
    let of_thread = |entry: fs::DirEntry| {
        let text = fs::read_to_string(entry.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<f64>().ok()
    };
    threads.flatten().filter_map(of_thread).sum::<f64>() / 1e9
}
