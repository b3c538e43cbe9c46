//! What happens when something is wrong: input that is broken, hostile or half written, a process that is killed, two
//! writers at once. The real program runs on made-up exports in folders of its own.

mod crash;
mod hostile;
mod input;
mod mutated;
mod same_bytes;
mod secrets;
mod unknown;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

/// Account of the made-up exports.
const ACCOUNT: &str = "111122223333";
/// Time of scans where a test says nothing else.
const AS_OF: &str = "2026-11-22";

/// A folder with exports and a store.
struct Place {
    folder: TempDir,
}

/// What a run of the program came to.
#[derive(Debug)]
struct Run {
    /// Exit code; `None` when a signal ended it.
    code: Option<i32>,
    out: String,
    err: String,
}

impl Run {
    /// Standard output as one JSON document.
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Fails unless the run ended with this code and standard error holds all of these.
    #[track_caller]
    fn said(self, code: i32, texts: &[&str]) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        for text in texts {
            assert!(self.err.contains(text), "no `{text}` in\n{}", self.err);
        }
        self
    }
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn store(&self) -> PathBuf {
        self.path().join("overgrant-store")
    }

    /// Writes a file, with the folders on the way.
    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_overgrant"));
        command.args(arguments).current_dir(self.path()).stdin(Stdio::null());
        for name in ["COLUMNS", "NO_COLOR", "CLICOLOR_FORCE", "RAYON_NUM_THREADS"] {
            command.env_remove(name);
        }
        command
    }

    fn run(&self, arguments: &[&str]) -> Run {
        finished(&mut self.command(arguments))
    }

    /// Scans files of this folder at the usual time.
    fn scan(&self, paths: &[&str], more: &[&str]) -> Run {
        let arguments: Vec<&str> = [&["scan"], paths, &["--as-of", AS_OF], more].concat();
        self.run(&arguments)
    }

    /// All issues of the newest snapshot.
    fn issues(&self) -> Vec<Value> {
        let shown = self.run(&["snapshots", "show", "--format", "json"]);
        shown.json()["issues"].as_array().expect("a list of issues").clone()
    }

    /// Folders of the committed snapshots, sorted.
    fn snapshots(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.store()).map(|list| list.map(|entry| entry.unwrap().path()).collect());
        let mut folders: Vec<PathBuf> = entries.unwrap_or_default();
        folders.retain(|path| path.file_name().unwrap().to_string_lossy().starts_with("snapshot="));
        folders.sort();
        folders
    }
}

fn finished(command: &mut Command) -> Run {
    let output = command.output().expect("the program starts");
    Run {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).expect("UTF-8 on standard output"),
        err: String::from_utf8(output.stderr).expect("UTF-8 on standard error"),
    }
}

/// Every file below a folder with its bytes, by relative path.
fn content(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut out = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(at) = open.pop() {
        for entry in fs::read_dir(&at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().display().to_string();
                out.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    out
}

fn arn(kind: &str, name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:{kind}/{name}")
}

/// A record of a kind (`user`, `role`, `group`, `policy`) with more fields.
fn record(kind: &str, name: &str, more: Value) -> Value {
    let title = match kind {
        "user" => "User",
        "role" => "Role",
        "group" => "Group",
        _ => "Policy",
    };
    let (mut fields, Value::Object(more)) = (serde_json::Map::new(), more) else { panic!("more fields are an object") };
    fields.insert("Path".to_owned(), json!("/"));
    fields.insert("Arn".to_owned(), json!(arn(kind, name)));
    fields.insert("CreateDate".to_owned(), json!("2025-01-01T00:00:00Z"));
    fields.insert(format!("{title}Name"), json!(name));
    fields.extend(more);
    Value::Object(fields)
}

/// A trust policy for these `AWS` principals.
fn trust(principals: &[&str]) -> Value {
    json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": principals}, "Action": "sts:AssumeRole"}]})
}

/// A policy document that allows these actions on everything.
fn allow(actions: &[&str]) -> Value {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]})
}

fn inline(name: &str, document: impl Into<Value>) -> Value {
    json!([{"PolicyName": name, "PolicyDocument": document.into()}])
}

/// Account authorization details of these records.
fn details(users: &[Value], groups: &[Value], roles: &[Value], policies: &[Value]) -> String {
    json!({"UserDetailList": users, "GroupDetailList": groups, "RoleDetailList": roles, "Policies": policies})
        .to_string()
}

/// One administrator and one user with nothing.
fn small() -> String {
    let admin = record("user", "ada", json!({"UserPolicyList": inline("all", allow(&["*"]))}));
    details(&[admin, record("user", "bob", json!({}))], &[], &[], &[])
}
