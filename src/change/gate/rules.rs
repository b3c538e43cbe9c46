//! Rules of the house: policies in Rego that look at the published facts of a draft.
//!
//! A policy sees nothing but its input (the gate's own JSON, with the draft under `draft`), has no clock, network, file or
//! random number, and can only make a verdict stricter. It gives `deny` and, if it likes, `needs_human`: sets of objects
//! with a `rule` and a `message`. Whatever goes wrong while it is asked blocks: an error, an undefined `deny`, an answer of
//! another form.

use std::collections::BTreeSet;
use std::path::Path;

use regorus::{Engine, Value};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::Verdict;

/// Beginnings of built-in functions that do not depend on their arguments alone, or reach outside.
const REFUSED: [&str; 11] =
    ["http", "net", "time", "rand", "opa", "uuid", "io", "providers", "trace", "print", "crypto"];

/// Policies that come with the engine: name, policy, tests.
const PROFILES: [(&str, &str, &str); 3] = [
    (
        "break-glass",
        include_str!("../../../datasets/policies/break-glass.rego"),
        include_str!("../../../datasets/policies/break-glass_test.rego"),
    ),
    (
        "joiner-mover-leaver",
        include_str!("../../../datasets/policies/joiner-mover-leaver.rego"),
        include_str!("../../../datasets/policies/joiner-mover-leaver_test.rego"),
    ),
    (
        "nhi-onboarding",
        include_str!("../../../datasets/policies/nhi-onboarding.rego"),
        include_str!("../../../datasets/policies/nhi-onboarding_test.rego"),
    ),
];

/// A policy that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {why}")]
pub struct RulesError {
    pub file: String,
    pub why: String,
}

/// What a policy says of a draft.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Fired {
    /// The policy's package and the rule, as `package.deny/RULE`.
    pub rule: String,
    pub message: String,
    /// What it makes of the draft at least.
    #[serde(skip)]
    pub verdict: Verdict,
}

/// A test of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tested {
    pub file: String,
    pub test: String,
    /// Why it failed; none when it held.
    pub failure: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Policy {
    file: String,
    text: String,
    /// `data.` and the package.
    path: String,
    may_ask: bool,
}

/// Policies of a run, in the order of their files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    policies: Vec<Policy>,
    /// File and text.
    tests: Vec<(String, String)>,
}

impl Rules {
    /// No rules of the house; the invariants hold all the same.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Names of the profiles that come with the engine.
    pub fn profiles() -> impl Iterator<Item = &'static str> {
        PROFILES.iter().map(|(name, _, _)| *name)
    }

    /// Adds a profile that comes with the engine.
    ///
    /// # Errors
    /// A name that no profile has.
    pub fn add_profile(&mut self, name: &str) -> Result<(), RulesError> {
        let Some((name, policy, tests)) = PROFILES.iter().find(|(known, _, _)| *known == name) else {
            let known: Vec<&str> = Self::profiles().collect();
            let why = format!("there is no profile of this name; there are {}", known.join(", "));
            return Err(RulesError { file: name.to_owned(), why });
        };
        self.add(&format!("{name}.rego"), policy)?;
        self.add(&format!("{name}_test.rego"), tests)
    }

    /// Adds every `.rego` file of a folder; files whose name ends in `_test.rego` hold tests.
    ///
    /// # Errors
    /// A folder without policies, a file that cannot be read or used.
    pub fn add_folder(&mut self, folder: &Path) -> Result<(), RulesError> {
        let failed = |path: &Path, why: &std::io::Error| RulesError {
            file: path.display().to_string(),
            why: format!("cannot be read: {why}"),
        };
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(|why| failed(folder, &why))? {
            paths.push(entry.map_err(|why| failed(folder, &why))?.path());
        }
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "rego"));
        paths.sort();
        if paths.is_empty() {
            let why = "there is no `.rego` file in it".to_owned();
            return Err(RulesError { file: folder.display().to_string(), why });
        }
        for path in paths {
            let text = std::fs::read_to_string(&path).map_err(|why| failed(&path, &why))?;
            self.add(&path.display().to_string(), &text)?;
        }
        Ok(())
    }

    /// Adds a policy, or the tests of one where the name ends in `_test.rego`.
    ///
    /// # Errors
    /// A text that is no Rego, names a built-in function that is refused, or has no `deny`.
    pub fn add(&mut self, file: &str, text: &str) -> Result<(), RulesError> {
        let failed = |why: String| RulesError { file: file.to_owned(), why };
        let bare = bare(text);
        if let Some(name) = refused(&bare) {
            return Err(failed(format!("`{name}` is refused: a rule sees its input and nothing else")));
        }
        let path =
            Engine::new().add_policy(file.to_owned(), text.to_owned()).map_err(|error| failed(error.to_string()))?;
        if file.ends_with("_test.rego") {
            self.tests.push((file.to_owned(), text.to_owned()));
            return Ok(());
        }
        let declares = |rule: &str| {
            bare.lines().any(|line| line.strip_prefix(rule).is_some_and(|rest| rest.starts_with([' ', ':', '=', '\t'])))
        };
        if !declares("deny") {
            return Err(failed("it has no rule `deny`".to_owned()));
        }
        if self.policies.iter().any(|policy| policy.path == path) {
            return Err(failed(format!("the package `{path}` is there twice")));
        }
        let may_ask = declares("needs_human");
        self.policies.push(Policy { file: file.to_owned(), text: text.to_owned(), path, may_ask });
        Ok(())
    }

    /// SHA-256 over all policies, in hexadecimal; none without policies.
    #[must_use]
    pub fn digest(&self) -> Option<String> {
        let mut hash = Sha256::new();
        for policy in &self.policies {
            // Lengths keep two files from being read as two others.
            hash.update(policy.path.len().to_le_bytes());
            hash.update(&policy.path);
            hash.update(policy.text.len().to_le_bytes());
            hash.update(&policy.text);
        }
        (!self.policies.is_empty()).then(|| hex::encode(hash.finalize()))
    }

    /// Asks every policy about the facts of a draft.
    #[must_use]
    pub fn ask(&self, facts: &serde_json::Value) -> Vec<Fired> {
        let mut fired = BTreeSet::new();
        for policy in &self.policies {
            let package = policy.path.trim_start_matches("data.");
            match policy.ask(facts) {
                Ok(rows) => fired.extend(rows),
                Err(why) => {
                    let rule = format!("{package}.deny/error");
                    let message = format!("{}: {why}", policy.file);
                    fired.insert(Fired { rule, message, verdict: Verdict::Block });
                }
            }
        }
        fired.into_iter().collect()
    }

    /// Runs the tests of all policies: rules whose name starts with `test_`, which must come to true.
    #[must_use]
    pub fn test(&self) -> Vec<Tested> {
        let mut out = Vec::new();
        for (file, text) in &self.tests {
            match self.engine_with_tests() {
                Ok((mut engine, paths)) => {
                    let path = paths.iter().find(|(name, _)| name == file).map_or("", |(_, path)| path.as_str());
                    for test in names_of_tests(text) {
                        let failure = match engine.eval_rule(format!("{path}.{test}")) {
                            Ok(Value::Bool(true)) => None,
                            Ok(other) => Some(format!("it came to {}", shown(&other))),
                            Err(error) => Some(error.to_string()),
                        };
                        out.push(Tested { file: file.clone(), test, failure });
                    }
                }
                Err(why) => out.push(Tested { file: file.clone(), test: String::new(), failure: Some(why) }),
            }
        }
        out
    }

    fn engine_with_tests(&self) -> Result<(Engine, Vec<(String, String)>), String> {
        let mut engine = Engine::new();
        for policy in &self.policies {
            engine.add_policy(policy.file.clone(), policy.text.clone()).map_err(|error| error.to_string())?;
        }
        let mut paths = Vec::new();
        for (file, text) in &self.tests {
            let path = engine.add_policy(file.clone(), text.clone()).map_err(|error| error.to_string())?;
            paths.push((file.clone(), path));
        }
        Ok((engine, paths))
    }
}

impl Policy {
    fn ask(&self, facts: &serde_json::Value) -> Result<Vec<Fired>, String> {
        let told = |error: &dyn std::fmt::Display| error.to_string();
        let mut engine = Engine::new();
        engine.add_policy(self.file.clone(), self.text.clone()).map_err(|error| told(&error))?;
        engine.set_input_json(&facts.to_string()).map_err(|error| told(&error))?;
        let mut out = Vec::new();
        let asked = [("deny", Verdict::Block), ("needs_human", Verdict::NeedsHuman)];
        for (rule, verdict) in asked.into_iter().filter(|(rule, _)| *rule == "deny" || self.may_ask) {
            let value = engine.eval_rule(format!("{}.{rule}", self.path)).map_err(|error| told(&error))?;
            out.extend(self.rows(rule, verdict, &value)?);
        }
        Ok(out)
    }

    fn rows(&self, rule: &str, verdict: Verdict, value: &Value) -> Result<Vec<Fired>, String> {
        let rows: Vec<&Value> = match value {
            Value::Undefined => return Err(format!("`{rule}` is undefined")),
            Value::Set(rows) => rows.iter().collect(),
            Value::Array(rows) => rows.iter().collect(),
            other => return Err(format!("`{rule}` is no set: {}", shown(other))),
        };
        let package = self.path.trim_start_matches("data.");
        let row = |value: &Value| {
            let text = serde_json::to_value(value).ok();
            let field = |key: &str| text.as_ref()?.get(key)?.as_str().map(str::to_owned);
            match (field("rule"), field("message")) {
                (Some(name), Some(message)) => Ok(Fired { rule: format!("{package}.{rule}/{name}"), message, verdict }),
                _ => Err(format!("`{rule}` has {}, which is no object with `rule` and `message`", shown(value))),
            }
        };
        rows.into_iter().map(row).collect()
    }
}

fn shown(value: &Value) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "something that is no JSON".to_owned())
}

/// Rules of a test file, in order.
fn names_of_tests(text: &str) -> Vec<String> {
    let bare = bare(text);
    let name = |line: &str| {
        let end = line.find(|one: char| !(one.is_alphanumeric() || one == '_')).unwrap_or(line.len());
        line.starts_with("test_").then(|| line[..end].to_owned())
    };
    let mut names: Vec<String> = Vec::new();
    for one in bare.lines().filter_map(name) {
        if !names.contains(&one) {
            names.push(one);
        }
    }
    names
}

/// A policy without its comments and the content of its texts.
fn bare(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '#' => {
                for skipped in letters.by_ref() {
                    if skipped == '\n' {
                        out.push('\n');
                        break;
                    }
                }
            }
            '"' | '`' => {
                out.push_str("\"\"");
                while let Some(skipped) = letters.next() {
                    match skipped {
                        '\\' if letter == '"' => {
                            letters.next();
                        }
                        '\n' => out.push('\n'),
                        skipped if skipped == letter => break,
                        _ => {}
                    }
                }
            }
            _ => out.push(letter),
        }
    }
    out
}

/// The first refused function that a policy names: `time.now_ns`, `trace(…)`; a field of the input may be called so.
fn refused(bare: &str) -> Option<String> {
    let is_word = |one: char| one.is_alphanumeric() || one == '_';
    let mut from = 0;
    let letters: Vec<char> = bare.chars().collect();
    while from < letters.len() {
        if !is_word(letters[from]) {
            from += 1;
            continue;
        }
        let end = (from..letters.len()).find(|&at| !is_word(letters[at])).unwrap_or(letters.len());
        let word: String = letters[from..end].iter().collect();
        let field = from > 0 && letters[from - 1] == '.';
        let called =
            letters[end..].iter().find(|one| !one.is_whitespace()).is_some_and(|one| matches!(one, '.' | '(' | '['));
        if !field && called && REFUSED.contains(&word.as_str()) {
            return Some(word);
        }
        from = end;
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ask(policy: &str, facts: &serde_json::Value) -> Vec<Fired> {
        let mut rules = Rules::none();
        rules.add("p.rego", policy).expect("a policy");
        rules.ask(facts)
    }

    #[test]
    fn a_rule_denies_or_asks_for_a_human_and_says_why() {
        let policy = "package house\nimport rego.v1\ndeny contains {\"rule\": \"many\", \"message\": m} if {\n count(input.a) > 1\n \
                      m := sprintf(\"%d of them\", [count(input.a)])\n}\nneeds_human contains {\"rule\": \"some\", \"message\": \"one\"} \
                      if count(input.a) == 1\n";
        let fired = ask(policy, &json!({"a": [1, 2]}));
        assert_eq!(fired.len(), 1);
        assert_eq!((fired[0].rule.as_str(), fired[0].message.as_str()), ("house.deny/many", "2 of them"));
        assert_eq!(fired[0].verdict, Verdict::Block);
        let fired = ask(policy, &json!({"a": [1]}));
        assert_eq!((fired[0].rule.as_str(), fired[0].verdict), ("house.needs_human/some", Verdict::NeedsHuman));
        assert!(ask(policy, &json!({"a": []})).is_empty());
    }

    #[test]
    fn whatever_goes_wrong_blocks() {
        for policy in [
            "package house\nimport rego.v1\ndeny := x if { x := input.nothing }\n",
            "package house\nimport rego.v1\ndeny contains \"text\" if true\n",
            "package house\nimport rego.v1\ndeny := true\n",
            "package house\nimport rego.v1\ndeny contains {\"rule\": \"r\"} if true\n",
        ] {
            let fired = ask(policy, &json!({}));
            assert_eq!(fired.len(), 1, "{policy}");
            assert_eq!((fired[0].rule.as_str(), fired[0].verdict), ("house.deny/error", Verdict::Block), "{policy}");
        }
    }

    #[test]
    fn what_looks_outside_is_refused_and_words_of_the_input_are_not() {
        for call in [
            "time.now_ns()",
            "http.send({})",
            "rand.intn(\"a\", 9)",
            "opa.runtime()",
            "net.cidr_expand(\"\")",
            "trace(\"x\")",
        ] {
            let policy = format!(
                "package house\nimport rego.v1\ndeny contains {{\"rule\": \"r\", \"message\": \"m\"}} if {call}\n"
            );
            let error = Rules::none().add("p.rego", &policy).expect_err(call);
            assert!(error.to_string().contains("is refused"), "{error}");
        }
        let fine = "package house\nimport rego.v1\n# http.send\ndeny contains {\"rule\": \"time.x\", \"message\": \"m\"} if input.time.now\n";
        assert_eq!(Rules::none().add("p.rego", fine), Ok(()));
        assert!(
            Rules::none().add("p.rego", "package house\n").is_err_and(|error| error.why.contains("no rule `deny`"))
        );
        assert!(Rules::none().add("p.rego", "deny [").is_err());
    }

    #[test]
    fn the_profiles_pass_their_own_tests() {
        let mut rules = Rules::none();
        for name in Rules::profiles() {
            rules.add_profile(name).expect("a profile that comes with the engine");
        }
        let tested = rules.test();
        assert!(tested.len() >= 12, "{tested:?}");
        let failed: Vec<&Tested> = tested.iter().filter(|one| one.failure.is_some()).collect();
        assert!(failed.is_empty(), "{failed:?}");
        assert!(rules.digest().is_some() && Rules::none().digest().is_none());
    }
}
