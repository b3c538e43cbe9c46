//! `context`, `ground` and `mcp` as their users and clients meet them, on the demo.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{case, run};

/// A folder with a store of the demo.
fn demo() -> &'static Path {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    FOLDER
        .get_or_init(|| {
            let folder = tempfile::tempdir().expect("a folder");
            let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/organisation/exports");
            let scan = run(folder.path(), &["scan", &demo.to_string_lossy(), "--as-of", "2026-11-22", "--quiet"]);
            assert_eq!(scan.status.code(), Some(0), "{}", String::from_utf8_lossy(&scan.stderr));
            folder
        })
        .path()
}

fn document(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("one JSON document")
}

fn code_and_error(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn help_of_the_commands_for_assistants_is_as_expected() {
    for command in ["context", "ground", "mcp"] {
        case(&format!("help-{command}"), &[command, "--help"]);
    }
}

#[test]
fn a_pack_has_the_digests_of_its_files_and_pages_are_together_the_pack() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("pack");
    let written = run(demo(), &["context", "--domain", "delivery", "-o", &out.to_string_lossy()]);
    assert_eq!(written.status.code(), Some(0), "{}", String::from_utf8_lossy(&written.stderr));
    let read = |name: &str| fs::read_to_string(out.join(name)).expect("the file is there");
    let manifest: Value = serde_json::from_str(&read("manifest.json")).expect("JSON");
    let mut whole = BTreeMap::new();
    for part in manifest["parts"].as_array().expect("parts") {
        let name = part["file"].as_str().expect("a name");
        assert_eq!(part["sha256"], hex::encode(Sha256::digest(read(name).as_bytes())), "{name}");
        whole.insert(name.to_owned(), read(name));
    }
    assert!(whole.contains_key("entities.jsonl") && whole.contains_key("findings.jsonl"), "{:?}", whole.keys());
    let (mut paged, mut cursor, mut pages) = (BTreeMap::<String, String>::new(), None::<String>, 0);
    loop {
        let mut arguments = vec!["context", "--domain", "delivery", "--budget", "9000"];
        arguments.extend(cursor.as_deref().into_iter().flat_map(|cursor| ["--cursor", cursor]));
        let page = document(&run(demo(), &arguments));
        assert_eq!((&page["context_sha256"], &page["format"]), (&manifest["context_sha256"], &json!(1)));
        for fact in page["facts"].as_array().expect("facts") {
            let table = fact["citation"]["table"].as_str().expect("a table");
            *paged.entry(format!("{table}.jsonl")).or_default() += &format!("{fact}\n");
        }
        pages += 1;
        cursor = page["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    assert!(pages > 2, "{pages} pages");
    assert_eq!(paged, whole);
}

#[test]
fn a_domain_that_there_is_not_and_a_cursor_of_another_are_usage_errors() {
    let (code, said) = code_and_error(&run(demo(), &["context", "--domain", "Orders"]));
    assert_eq!(code, Some(2));
    assert!(said.contains("no entity of snapshot") && said.contains("\n  orders (1 entities)"), "{said}");
    let page = document(&run(demo(), &["context", "--domain", "orders", "--budget", "1"]));
    let cursor = page["next_cursor"].as_str().expect("there is more").to_owned();
    for arguments in [&["context", "--domain", "invoicing", "--cursor", &cursor][..], &["mcp", "--domain", "all"]] {
        let output = run(demo(), arguments);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{arguments:?}");
    }
    let nowhere = tempfile::tempdir().expect("a folder");
    for arguments in [&["context", "--domain", "orders"][..], &["mcp", "--domain", "orders"]] {
        let (code, said) = code_and_error(&run(nowhere.path(), arguments));
        assert!(code == Some(3) && said.contains("there is no store"), "{arguments:?}: {said}");
    }
}

/// Judges claims about the orders.
fn ground(claims: &Value, more: &Value) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("claims.json");
    let mut document = json!({"format": 1, "claims": claims});
    for (key, value) in more.as_object().into_iter().flatten() {
        document[key] = value.clone();
    }
    fs::write(&file, document.to_string()).expect("it can be written");
    run(demo(), &["ground", &file.to_string_lossy(), "--domain", "orders", "--format", "json"])
}

#[test]
fn claims_that_are_contradicted_end_with_1_and_unsupported_ones_with_4() {
    let role = json!({"table": "entities", "where": {"name": "orders-service"}});
    let right = json!({"find": role, "field": "criticality", "value": "3"});
    let wrong = json!({"find": role, "field": "criticality", "value": 4});
    let untold = json!({"find": {"table": "entities", "where": {"name": "invoicing-fn"}}});
    for (claims, code, counts) in [
        (json!([right]), 0, json!({"supported": 1, "contradicted": 0, "unsupported": 0})),
        (json!([right, untold]), 4, json!({"supported": 1, "contradicted": 0, "unsupported": 1})),
        (json!([wrong, untold]), 1, json!({"supported": 0, "contradicted": 1, "unsupported": 1})),
    ] {
        let output = ground(&claims, &json!({}));
        assert_eq!((output.status.code(), &document(&output)["counts"]), (Some(code), &counts));
    }
    let truth = document(&ground(&json!([wrong]), &json!({})))["claims"][0].clone();
    assert_eq!((&truth["truth"], &truth["citations"][0]["citation"]["table"]), (&json!(3.0), &json!("entities")));
    for more in [json!({"snapshot": "2020-01-01T000000Z"}), json!({"domain": "delivery"}), json!({"format": 9})] {
        let output = ground(&json!([right]), &more);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(3), 0), "{more}");
    }
}

/// Sends lines to the server and gives the lines that come back once the client has left.
fn served(lines: &[Value]) -> Vec<Value> {
    let mut server = Command::new(env!("CARGO_BIN_EXE_overgrant"))
        .args(["mcp", "--domain", "orders"])
        .current_dir(demo())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let mut stdin = server.stdin.take().expect("it is piped");
    for line in lines {
        writeln!(stdin, "{line}").expect("the server reads");
    }
    drop(stdin);
    let output = server.wait_with_output().expect("it ends when the client leaves");
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().map(|line| serde_json::from_str(line).expect("nothing but messages")).collect()
}

#[test]
fn the_server_speaks_every_revision_of_the_protocol_that_it_says() {
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let client = json!({"name": "test", "version": "1"});
        let hello = json!({"protocolVersion": version, "capabilities": {}, "clientInfo": client});
        let answers = served(&[
            json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}),
            json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
            json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "summary", "arguments": {}}}),
        ]);
        assert_eq!(answers[0]["result"]["protocolVersion"], version);
        let summary = answers.iter().find(|answer| answer["id"] == 2).expect("an answer");
        assert_eq!(summary["result"]["structuredContent"]["data"]["principals"], 1, "{version}");
    }
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let answers = served(&[
        json!({"jsonrpc": "2.0", "id": 1, "method": "server/discover", "params": {"_meta": meta}}),
        json!({"jsonrpc": "2.0", "id": 2, "method": "tools/list", "params": {"_meta": meta}}),
    ]);
    let versions = answers[0]["result"]["supportedVersions"].as_array().expect("versions");
    assert_eq!(versions.last(), Some(&json!("2026-07-28")));
    assert_eq!(answers[1]["result"]["tools"].as_array().map(Vec::len), Some(12));
    assert_eq!(answers[1]["result"]["resultType"], "complete");
}
