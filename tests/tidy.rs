//! The house rules, held by a test: who imports whom, how long things are, what is nowhere to be found, and that the
//! README lists what there is. Every rule is also shown something that breaks it.

use std::collections::BTreeSet;
use std::process::Command;

mod code;
mod metrics_page;
mod notebooks;
mod numbers;
mod readme;
mod rules;

use code::{Source, blanked, sources};
use rules::Imports;

fn imports() -> Imports {
    toml::from_str(include_str!("tidy/imports.toml")).expect("tests/tidy/imports.toml is a table of imports")
}

/// Names of the crates that the manifest lists, as code writes them.
fn dependencies() -> BTreeSet<String> {
    let manifest: toml::Table = toml::from_str(include_str!("../Cargo.toml")).expect("the manifest is TOML");
    let listed = |section: &str| manifest[section].as_table().map(|table| table.keys().cloned().collect::<Vec<_>>());
    listed("dependencies").unwrap_or_default().into_iter().map(|name| name.replace('-', "_")).collect()
}

/// Runs a rule over the whole tree.
fn check(rule: impl Fn(&Source) -> Vec<String>) {
    let sources = sources("src");
    assert!(sources.len() > 20, "the tree is not where it is looked for: {} files", sources.len());
    let found: Vec<String> = sources.iter().flat_map(rule).collect();
    assert!(found.is_empty(), "{} violation(s):\n{}", found.len(), found.join("\n"));
}

/// Violations that one planted file has.
fn planted(path: &str, text: &str, rule: impl Fn(&Source) -> Vec<String>) -> usize {
    rule(&Source::new(path, text)).len()
}

#[test]
fn modules_use_only_what_the_table_of_imports_lists() {
    let imports = imports();
    check(|source| rules::own_imports(source, &imports));
}

#[test]
fn a_forbidden_import_is_found_however_it_is_written() {
    let imports = imports();
    let rule = |source: &Source| rules::own_imports(source, &imports);
    for text in [
        "use crate::store::Store;",
        "use crate::{model::Entity, store::{self, Store}};",
        "fn f() -> crate::store::Store { todo() }",
        "use super::super::store::Store;",
        "use crate::{\n    cli,\n};",
    ] {
        assert_eq!(planted("src/graph/inner.rs", text, rule), if text.contains("model") { 2 } else { 1 }, "{text}");
    }
    for text in [
        "use crate::graph::Csr;",
        "// crate::store is not used",
        "const TEXT: &str = \"crate::store\";",
        "const RAW: &str = r#\"crate::store\"#;",
        "use super::csr::Csr;",
        "#[cfg(test)]\nmod tests {\n    use crate::store::Store;\n}",
    ] {
        assert_eq!(planted("src/graph/inner.rs", text, rule), 0, "{text}");
    }
    assert_eq!(planted("src/unheard_of/mod.rs", "", rule), 1, "a module that the table does not know");
    assert_eq!(
        planted("src/store/mod.rs", "crate::record! {}", rule),
        0,
        "a macro belongs to the module that exports it"
    );
}

#[test]
fn modules_name_only_the_crates_that_are_theirs() {
    let (imports, known) = (imports(), dependencies());
    check(|source| rules::outside_crates(source, &imports, &known));
}

#[test]
fn a_crate_in_the_wrong_place_is_found() {
    let (imports, known) = (imports(), dependencies());
    let rule = |source: &Source| rules::outside_crates(source, &imports, &known);
    for text in ["use parquet::file::X;", "fn f() { parquet::open() }", "use ::parquet::X;", "use clap;"] {
        assert_eq!(planted("src/graph/mod.rs", text, rule), 1, "{text}");
    }
    for text in
        ["use petgraph::Graph;", "use crate::graph::parquet::X;", "let x = y.parquet::<u8>();", "/// parquet::X"]
    {
        assert_eq!(planted("src/graph/mod.rs", text, rule), 0, "{text}");
    }
    assert_eq!(planted("src/store/mod.rs", "use parquet::file::X;", rule), 0);
}

#[test]
fn platforms_never_name_each_other() {
    check(rules::platforms_apart);
    let rule = rules::platforms_apart;
    assert_eq!(planted("src/platforms/aws/iam.rs", "use crate::platforms::okta::Okta;", rule), 1);
    assert_eq!(planted("src/platforms/aws/iam.rs", "use crate::platforms::{Platform, input};", rule), 0);
    assert_eq!(planted("src/platforms/aws/iam.rs", "use crate::platforms::aws::policy;", rule), 0);
}

#[test]
fn every_file_says_what_it_is() {
    check(rules::header);
    assert_eq!(planted("src/model/x.rs", "use std::fmt;\n", rules::header), 1);
    assert_eq!(planted("src/model/x.rs", "//! Rows.\n", rules::header), 0);
}

#[test]
fn files_and_functions_stay_short() {
    check(rules::lengths);
    let long = |n: usize| format!("fn f() {{\n{}}}\n", "    g();\n".repeat(n));
    assert_eq!(planted("src/model/x.rs", &long(69), rules::lengths), 1, "71 lines");
    assert_eq!(planted("src/model/x.rs", &long(68), rules::lengths), 0, "70 lines");
    assert_eq!(planted("src/model/x.rs", &"// x\n".repeat(601), rules::lengths), 1);
    assert_eq!(planted("src/model/x.rs", &"// x\n".repeat(600), rules::lengths), 0);
    let tested = format!("{}#[cfg(test)]\nmod tests {{\n{}}}\n", "// x\n".repeat(500), long(200));
    assert_eq!(planted("src/model/x.rs", &tested, rules::lengths), 0, "tests aside");
}

#[test]
fn nothing_opens_a_connection_reads_a_clock_or_prints_where_it_must_not() {
    check(rules::absences);
    for text in [
        "use std::net::{IpAddr, SocketAddr};",
        "use std::net::*;",
        "use std::net;",
        "use std::{io, net::TcpStream};",
        "fn f(s: &UdpSocket) {}",
        "fn f() { SystemTime::now(); }",
        "fn f() { chrono::Utc::now(); }",
        "fn f() { println!(\"x\"); }",
        "fn f() { std::eprint!(\"x\"); }",
    ] {
        assert!(planted("src/access/mod.rs", text, rules::absences) >= 1, "{text}");
    }
    for text in [
        "use core::net::{IpAddr, Ipv4Addr};",
        "// println!(\"x\")",
        "let text = \"UdpSocket\";",
        "writeln!(out)?;",
        "fn println() {}",
    ] {
        assert_eq!(planted("src/access/mod.rs", text, rules::absences), 0, "{text}");
    }
    assert_eq!(planted("src/cli/clock.rs", "fn f() { SystemTime::now(); }", rules::absences), 0);
    assert_eq!(planted("src/cli/clock.rs", "fn f() { TcpStream::connect(); }", rules::absences), 1);
}

/// The promise to users: there is nothing in the program that could speak to a network service.
#[test]
fn the_program_links_no_network_client() {
    let cargo = Command::new(env!("CARGO"))
        .args(["tree", "--edges", "normal", "--prefix", "none", "--locked", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    let tree = String::from_utf8_lossy(&cargo.stdout);
    assert!(cargo.status.success(), "{}", String::from_utf8_lossy(&cargo.stderr));
    assert!(tree.lines().any(|line| line.starts_with("serde_json ")), "the tree is complete:\n{tree}");
    assert_eq!(rules::network_crates(&tree), [""; 0]);
    let planted = format!("{tree}hyper-util v0.1.0\nrustls v0.23.0 (*)\n");
    assert_eq!(rules::network_crates(&planted).len(), 2);
}

#[test]
fn comments_and_literals_are_told_from_code() {
    let text = "a/*b/*c*/d*/e \"f\\\"g\" 'h' '\\'' 'i: r#\"j\"k\"# l // m\nn b\"o\"";
    let code: String = blanked(text).split_whitespace().collect::<Vec<_>>().join(" ");
    // A lifetime loses its quote and keeps its name.
    assert_eq!(code, "a e i: l n b");
    assert_eq!(blanked(text).len(), text.len());
}
