//! What CloudTrail records of the use of each action, and under which name: `datasets/catalog/aws_logging.toml`.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;
use serde::Deserialize;

use super::catalog::Catalog;
use crate::platforms::Recorded;

const TEXT: &str = include_str!("../../../datasets/catalog/aws_logging.toml");

static LOGGING: LazyLock<Logging> = LazyLock::new(|| Logging::of(toml::from_str(TEXT).unwrap_or_default()));

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct File {
    optional: Vec<Optional>,
    never: Vec<Never>,
    events: FxHashMap<String, Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Optional {
    #[serde(rename = "type")]
    kind: String,
    actions: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Never {
    why: String,
    actions: Vec<String>,
}

/// The file, by number of the action in the catalogue.
pub struct Logging {
    recorded: Vec<Recorded>,
    events: FxHashMap<String, Vec<String>>,
}

impl Logging {
    /// What is built in; the first call parses it.
    #[must_use]
    pub fn get() -> &'static Self {
        &LOGGING
    }

    fn of(file: File) -> Self {
        let catalog = Catalog::get();
        let mut recorded = vec![Recorded::Always; catalog.actions().len()];
        let mut put = |patterns: &[String], what: Recorded| {
            for action in patterns.iter().flat_map(|pattern| catalog.matching(pattern)) {
                recorded[action as usize] = what;
            }
        };
        // The texts live as long as the table, which is the program's.
        for Optional { kind, actions } in file.optional {
            put(&actions, Recorded::Optionally(kind.leak()));
        }
        for Never { why, actions } in file.never {
            put(&actions, Recorded::Never(why.leak()));
        }
        Self { recorded, events: file.events }
    }

    /// Whether the use of an action is recorded.
    #[must_use]
    pub fn recorded(&self, action: u32) -> Recorded {
        self.recorded.get(action as usize).copied().unwrap_or(Recorded::Always)
    }

    /// The permissions that a call used, where they have other names than the call.
    #[must_use]
    pub fn permissions(&self, call: &str) -> Option<&[String]> {
        self.events.get(call).map(Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(action: &str) -> Recorded {
        Logging::get().recorded(Catalog::get().find(action).unwrap())
    }

    #[test]
    fn every_name_in_the_file_is_an_action_of_the_catalogue() {
        let file: File = toml::from_str(TEXT).unwrap();
        let listed =
            file.optional.iter().flat_map(|one| &one.actions).chain(file.never.iter().flat_map(|one| &one.actions));
        let unknown: Vec<&String> = listed.filter(|pattern| Catalog::get().matching(pattern).is_empty()).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
        let unknown: Vec<&String> =
            file.events.values().flatten().filter(|action| Catalog::get().find(action).is_none()).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
        for call in file.events.keys() {
            let renamed = Catalog::get().find(call).is_none() || file.events[call].contains(call);
            assert!(renamed, "`{call}` is an action by itself");
        }
    }

    #[test]
    fn data_events_are_optional_and_what_is_no_call_is_never_recorded() {
        assert_eq!(of("s3:GetObject"), Recorded::Optionally("AWS::S3::Object"));
        assert_eq!(of("s3:GetBucketAcl"), Recorded::Always);
        assert!(matches!(of("iam:PassRole"), Recorded::Never(_)));
        assert_eq!(of("kms:Decrypt"), Recorded::Optionally("AWS KMS events"));
        assert_eq!(of("iam:CreateUser"), Recorded::Always);
    }
}
