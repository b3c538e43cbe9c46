//! The rules of the house. Each takes sources and gives violations, so that each can be shown a planted one.

use std::collections::{BTreeMap, BTreeSet};

use super::code::{Source, closing, words};

/// Lines of a file at most, its tests aside.
const FILE_LINES_MAX: usize = 600;
/// Lines of a function at most.
const FUNCTION_LINES_MAX: usize = 70;

/// The table of imports.
#[derive(serde::Deserialize)]
pub struct Imports {
    common: BTreeSet<String>,
    #[serde(flatten)]
    modules: BTreeMap<String, Allowed>,
}

/// What one module may name.
#[derive(serde::Deserialize)]
struct Allowed {
    uses: BTreeSet<String>,
    crates: BTreeSet<String>,
}

/// Macros that one of our modules exports at the root of the crate.
const MACROS: &[(&str, &str)] = &[("record", "model"), ("names", "model")];

/// Uses of our modules that the table does not list.
pub fn own_imports(source: &Source, imports: &Imports) -> Vec<String> {
    let module = source.module();
    if matches!(module, "lib" | "main") {
        return Vec::new();
    }
    let Some(allowed) = imports.modules.get(module) else {
        return vec![format!("{}: module `{module}` is not in tests/tidy/imports.toml", source.path)];
    };
    let mut found = Vec::new();
    for (at, used) in own_paths(source) {
        let used = MACROS.iter().find(|(name, _)| *name == used).map_or(used.as_str(), |(_, owner)| owner);
        if used != module && !allowed.uses.contains(used) {
            found.push(format!("{}:{}: `{module}` may not use `{used}`", source.path, source.line(at)));
        }
    }
    found
}

/// Top-level modules that a file names, as `crate::x`, `crate::{x, y}` or `super::…::x` up to the root.
fn own_paths(source: &Source) -> Vec<(usize, String)> {
    let code = &source.code;
    let mut found = Vec::new();
    for at in words(code, "crate") {
        found.extend(heads(code, at + "crate".len()).into_iter().map(|head| (at, head)));
    }
    let depth = source.module_path().len();
    for at in words(code, "super") {
        if code[..at].trim_end().ends_with("super::") {
            continue;
        }
        let (mut ups, mut end) = (1, at + "super".len());
        while code[end..].starts_with("::super") {
            ups += 1;
            end += "::super".len();
        }
        if ups >= depth {
            found.extend(heads(code, end).into_iter().map(|head| (at, head)));
        }
    }
    found
}

/// First names after a path's `::`: one, or those of a group.
fn heads(code: &str, from: usize) -> Vec<String> {
    let Some(rest) = code[from..].strip_prefix("::") else { return Vec::new() };
    let name =
        |text: &str| text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let Some(group) = rest.strip_prefix('{') else { return vec![name(rest)] };
    let group = &group[..closing(rest, 0) - 1];
    let (mut depth, mut start, mut heads) = (0, 0, Vec::new());
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                heads.push(name(&group[start..at]));
                start = at + 1;
            }
            _ => {}
        }
    }
    heads.push(name(&group[start..]));
    heads.retain(|head| !head.is_empty());
    heads
}

/// Outside crates that a module names and the table does not list for it. `known` are the crates of the manifest.
pub fn outside_crates(source: &Source, imports: &Imports, known: &BTreeSet<String>) -> Vec<String> {
    let module = source.module();
    let none = BTreeSet::new();
    let allowed = imports.modules.get(module).map_or(&none, |allowed| &allowed.crates);
    let mut found = Vec::new();
    for name in known.iter().filter(|name| !imports.common.contains(*name) && !allowed.contains(*name)) {
        for at in words(&source.code, name) {
            let (before, after) = (source.code[..at].trim_end(), &source.code[at + name.len()..]);
            // `a::name` and `x.name` are not the crate; `use name`, `name::`, `::name::` are.
            let path = before.strip_suffix("::");
            let inner = before.ends_with('.')
                || path.is_some_and(|path| path.ends_with(|c: char| c.is_alphanumeric() || "_>".contains(c)));
            let used = after.starts_with("::") || before.ends_with("use") || before.ends_with("extern crate");
            if used && !inner {
                found.push(format!("{}:{}: `{module}` may not name the crate `{name}`", source.path, source.line(at)));
            }
        }
    }
    found
}

/// A platform that names another.
pub fn platforms_apart(source: &Source) -> Vec<String> {
    let path = source.module_path();
    let (Some(&"platforms"), Some(own)) = (path.first(), path.get(1)) else { return Vec::new() };
    let shared = ["assigned", "declared", "evaluator", "globs", "input"];
    let mut found = Vec::new();
    for at in words(&source.code, "platforms") {
        for head in heads(&source.code, at + "platforms".len()) {
            let is_module = head.chars().next().is_some_and(char::is_lowercase);
            if is_module && head != *own && !shared.contains(&head.as_str()) {
                found.push(format!("{}:{}: platform `{own}` names platform `{head}`", source.path, source.line(at)));
            }
        }
    }
    found
}

/// A file without a header that says what it is.
pub fn header(source: &Source) -> Vec<String> {
    let first = source.text.lines().next().unwrap_or("");
    if first.starts_with("//! ") { Vec::new() } else { vec![format!("{}: no `//!` header", source.path)] }
}

/// Files and functions that are too long, tests aside.
pub fn lengths(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    let code_lines: Vec<&str> = source.code.lines().collect();
    // Test modules are blanked out of `code`; comments are too, and count.
    let tests: usize = test_lines(&source.text);
    let lines = source.text.lines().count().saturating_sub(tests);
    if !code_lines.is_empty() && lines > FILE_LINES_MAX {
        found.push(format!("{}: {lines} lines, more than {FILE_LINES_MAX}", source.path));
    }
    for at in words(&source.code, "fn") {
        let rest = &source.code[at..];
        let Some(open) = rest.find('{').filter(|open| rest.find(';').is_none_or(|end| *open < end)) else { continue };
        let end = closing(&source.code, at + open);
        let lines = source.line(end) - source.line(at) + 1;
        if lines > FUNCTION_LINES_MAX {
            let name: String =
                rest[2..].trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            found.push(format!("{}:{}: `{name}` has {lines} lines", source.path, source.line(at)));
        }
    }
    found
}

/// Lines from the first test module at the margin to the end of the file, where ours stand.
fn test_lines(text: &str) -> usize {
    let lines: Vec<&str> = text.lines().collect();
    let first = lines.windows(2).position(|pair| pair[0] == "#[cfg(test)]" && pair[1].ends_with('{'));
    first.map_or(0, |first| lines.len() - first)
}

/// Names that open a connection. There is no place for them.
const SOCKETS: &[&str] =
    &["TcpStream", "TcpListener", "UdpSocket", "UnixStream", "UnixListener", "UnixDatagram", "ToSocketAddrs"];
/// What of `std::net` is a value and no connection.
const ADDRESSES: &[&str] = &["IpAddr", "Ipv4Addr", "Ipv6Addr", "AddrParseError"];
/// Ways to read a clock, and who may.
const CLOCKS: &[&str] = &["SystemTime::now", "Instant::now", "Utc::now", "Local::now", "OffsetDateTime::now_utc"];
const CLOCK_READERS: &[&str] = &["cli"];
/// Ways to print, and who may.
const PRINTS: &[&str] = &["println!", "print!", "eprintln!", "eprint!", "dbg!"];
const PRINTERS: &[&str] = &["reports", "cli", "main"];

/// Sockets, clocks and prints where they must not be.
pub fn absences(source: &Source) -> Vec<String> {
    let (code, module) = (&source.code, source.module());
    let mut found = Vec::new();
    let mut report = |at: usize, what: &str| found.push(format!("{}:{}: {what}", source.path, source.line(at)));
    for word in SOCKETS {
        for at in words(code, word) {
            report(at, &format!("`{word}` opens a connection"));
        }
    }
    let roots =
        ["std", "core"].into_iter().flat_map(|root| words(code, root).into_iter().map(move |at| (at, at + root.len())));
    for (at, end) in roots {
        // An address is a value. Whatever else the module has can open a connection.
        let net = heads(code, end).iter().any(|head| head == "net");
        let inside = code[end..].strip_prefix("::net").map(|_| heads(code, end + "::net".len()));
        if net
            && !inside.is_some_and(|inside| {
                !inside.is_empty() && inside.iter().all(|name| ADDRESSES.contains(&name.as_str()))
            })
        {
            report(at, "`std::net` opens connections");
        }
    }
    if !CLOCK_READERS.contains(&module) {
        for clock in CLOCKS {
            code.match_indices(clock).for_each(|(at, _)| report(at, &format!("`{clock}` reads a clock")));
        }
    }
    if !PRINTERS.contains(&module) {
        for print in PRINTS {
            let name = print.trim_end_matches('!');
            let calls = words(code, name).into_iter().filter(|at| code[at + name.len()..].starts_with('!'));
            calls.for_each(|at| report(at, &format!("`{print}` prints")));
        }
    }
    found
}

/// Crates that speak HTTP or TLS, by name or by the beginning of it.
const NETWORK: &[&str] = &[
    "attohttpc",
    "awc",
    "curl",
    "curl-sys",
    "h2",
    "h3",
    "http",
    "http-body",
    "hyper",
    "hyper-*",
    "isahc",
    "minreq",
    "native-tls",
    "object_store",
    "openssl",
    "openssl-sys",
    "quiche",
    "quinn",
    "quinn-*",
    "reqwest",
    "reqwest-*",
    "rustls",
    "rustls-*",
    "s2n-*",
    "schannel",
    "security-framework",
    "surf",
    "tonic",
    "tungstenite",
    "ureq",
    "ureq-*",
    "webpki",
    "webpki-*",
    "aws-sdk-*",
    "aws-smithy-*",
    "azure_*",
    "google-cloud-*",
    "boring",
    "boring-sys",
    "trust-dns-*",
    "hickory-*",
];

/// Network crates in the output of `cargo tree --prefix none`.
pub fn network_crates(tree: &str) -> Vec<String> {
    let names: BTreeSet<&str> = tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let matches = |name: &str| {
        NETWORK.iter().any(|known| known.strip_suffix('*').map_or(name == *known, |prefix| name.starts_with(prefix)))
    };
    names.into_iter().filter(|name| matches(name)).map(|name| format!("the program links `{name}`")).collect()
}
