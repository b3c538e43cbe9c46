//! Runs every folder of `tests/cases/`: reads its `export/` and holds the result against its `expect.toml`.
//!
//! The format of expectations is described in `tests/cases/README.md`. What the files say is held against the tables
//! that the readers make; decisions, paths and findings against what the whole pipeline makes of them ([`analysis`]).

mod analysis;
mod governance;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use overgrant::model::text::parse_time;
use overgrant::model::{Entity, EntityId, EntityKind, IssueSeverity, Tables};
use overgrant::platforms::{ALL, input};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    exit: Option<String>,
    as_of: Option<String>,
    #[serde(default)]
    no_issue: Vec<String>,
    #[serde(default)]
    counts: BTreeMap<String, usize>,
    #[serde(default)]
    entity: Vec<ExpectEntity>,
    #[serde(default)]
    no_entity: Vec<NoEntity>,
    #[serde(default)]
    issue: Vec<ExpectIssue>,
    #[serde(default)]
    grant: Vec<ExpectGrant>,
    #[serde(default)]
    member: Vec<ExpectMember>,
    #[serde(default)]
    attachment: Vec<ExpectAttachment>,
    #[serde(default)]
    trust: Vec<ExpectTrust>,
    #[serde(default)]
    credential: Vec<ExpectCredential>,
    #[serde(default)]
    usage: Vec<ExpectUsage>,
    #[serde(default)]
    owner: Vec<governance::ExpectOwner>,
    #[serde(default)]
    person: Vec<governance::ExpectPerson>,
    #[serde(default)]
    identity: Vec<governance::ExpectIdentity>,
    #[serde(default)]
    can: Vec<analysis::Can>,
    #[serde(default)]
    path: Vec<analysis::Way>,
    #[serde(default)]
    no_path: Vec<analysis::NoWay>,
    #[serde(default)]
    finding: Vec<analysis::Found>,
    #[serde(default)]
    no_finding: Vec<analysis::NotFound>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectEntity {
    id: String,
    kind: Option<String>,
    present: Option<bool>,
    nhi: Option<toml::Value>,
    nhi_reason: Option<String>,
    name: Option<String>,
    scope: Option<String>,
    created_at: Option<String>,
    last_used_at: Option<String>,
    env: Option<String>,
    domain: Option<String>,
    criticality: Option<f64>,
    protected: Option<bool>,
    owner: Option<String>,
    owner_status: Option<String>,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    #[serde(default)]
    no_attributes: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoEntity {
    id: String,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct ExpectIssue {
    code: String,
    severity: Option<String>,
    record: Option<String>,
    contains: Option<String>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct ExpectGrant {
    holder: String,
    policy: Option<String>,
    layer: Option<String>,
    effect: Option<String>,
    statement: Option<String>,
    actions: Option<Vec<String>>,
    not_actions: Option<Vec<String>>,
    resources: Option<Vec<String>>,
    not_resources: Option<Vec<String>>,
    principals: Option<Vec<String>>,
    not_principals: Option<Vec<String>>,
    condition: Option<String>,
    variables: Option<bool>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct ExpectMember {
    id: String,
    of: String,
    kind: Option<String>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct ExpectAttachment {
    holder: String,
    policy: String,
    kind: Option<String>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct ExpectTrust {
    target: String,
    trustee: Option<String>,
    pattern: Option<String>,
    kind: Option<String>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct ExpectCredential {
    id: String,
    kind: Option<String>,
    active: Option<bool>,
    never_used: Option<bool>,
    last_used_at: Option<String>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct ExpectUsage {
    entity: String,
    permission: String,
    last_used_at: Option<String>,
}

/// What was read, and what did not agree with the expectations.
struct Check<'t> {
    tables: &'t Tables,
    recognised: usize,
    wrong: Vec<String>,
}

#[test]
fn all_cases() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut folders: Vec<PathBuf> = std::fs::read_dir(&root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("expect.toml").is_file())
        .collect();
    folders.sort();
    assert!(folders.len() >= 15, "there are cases in {}", root.display());
    let wrong: Vec<String> = folders.iter().flat_map(|folder| run(folder)).collect();
    assert!(wrong.is_empty(), "{} expectations are not met:\n{}", wrong.len(), wrong.join("\n"));
}

fn run(folder: &Path) -> Vec<String> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let text = std::fs::read_to_string(folder.join("expect.toml")).unwrap();
    let mut expect: Expect = match toml::from_str(&text) {
        Ok(expect) => expect,
        Err(error) => return vec![format!("{name}: expect.toml: {error}")],
    };
    let read = input::read_all(&[folder.join("export")], ALL, &|_| {});
    let recognised = read.recognised();
    let tables = read.join(ALL);
    let mut check = Check { tables: &tables, recognised, wrong: Vec::new() };
    check.all(&expect);
    let analysed = analysis::Expected {
        can: std::mem::take(&mut expect.can),
        path: std::mem::take(&mut expect.path),
        no_path: std::mem::take(&mut expect.no_path),
        finding: std::mem::take(&mut expect.finding),
        no_finding: std::mem::take(&mut expect.no_finding),
    };
    if !analysed.is_empty() {
        check.wrong.extend(analysed.wrong(folder, expect.as_of.as_deref()));
    }
    check.wrong.into_iter().map(|wrong| format!("{name}: {wrong}")).collect()
}

/// Whether an expectation that may be absent is met.
fn met<T: PartialEq<U>, U>(expected: Option<&T>, found: &U) -> bool {
    expected.is_none_or(|expected| expected == found)
}

fn time(expected: &str) -> Option<i64> {
    match expected {
        "unknown" | "never" => None,
        text => Some(parse_time(text).unwrap_or_else(|| panic!("`{text}` in an expectation is no time"))),
    }
}

impl Check<'_> {
    fn all(&mut self, expect: &Expect) {
        self.exit(expect.exit.as_deref());
        for (what, count) in &expect.counts {
            let found = self.count(what);
            self.that(found == Some(*count), || format!("{count} {what} are expected, found {found:?}"));
        }
        for code in &expect.no_issue {
            let found = self.tables.issues.iter().find(|issue| issue.code == *code).map(|issue| issue.message.clone());
            self.that(found.is_none(), || format!("issue `{code}` is not expected: {found:?}"));
        }
        for entity in &expect.entity {
            self.entity(entity);
        }
        for none in &expect.no_entity {
            let found = self.tables.find(&none.id).is_some();
            self.that(!found, || format!("entity `{}` is not expected", none.id));
        }
        self.issues(&expect.issue);
        self.grants(&expect.grant);
        self.wrong.extend(governance::wrong(self.tables, &expect.owner, &expect.person, &expect.identity));
        self.rows(expect);
    }

    fn that(&mut self, holds: bool, wrong: impl FnOnce() -> String) {
        if !holds {
            self.wrong.push(wrong());
        }
    }

    fn id(&self, entity: EntityId) -> &str {
        &self.tables.entity(entity).id
    }

    fn exit(&mut self, expected: Option<&str>) {
        let Some(expected) = expected else { return };
        let costly = self.tables.issues.iter().find(|issue| issue.severity != IssueSeverity::Note);
        let found = match costly {
            _ if self.recognised == 0 => "nothing",
            Some(_) => "incomplete",
            None => "complete",
        };
        let why = costly.map(|issue| format!("{}: {}", issue.code, issue.message));
        self.that(found == expected, || format!("exit is {found}, expected {expected} ({why:?})"));
    }

    fn count(&self, what: &str) -> Option<usize> {
        let tables = self.tables;
        let kind = |kind: EntityKind| tables.entities.iter().filter(|one| one.present && one.kind == kind).count();
        Some(match what {
            "users" => kind(EntityKind::User),
            "groups" => kind(EntityKind::Group),
            "roles" => kind(EntityKind::Role),
            "role_definitions" => kind(EntityKind::RoleDefinition),
            "resources" => kind(EntityKind::Resource),
            "applications" => kind(EntityKind::Application),
            "scopes" => kind(EntityKind::Scope),
            "entities" => tables.entities.len(),
            "memberships" => tables.memberships.len(),
            "attachments" => tables.attachments.len(),
            "attributes" => tables.attributes.len(),
            "grants" => tables.grants.len(),
            "trusts" => tables.trusts.len(),
            "credentials" => tables.credentials.len(),
            "usage" => tables.usage.len(),
            "people" => tables.people.len(),
            "identities" => tables.identities.len(),
            "owners" => tables.owners.len(),
            "approvals" => tables.approvals.len(),
            "workflows" => tables.workflows.len(),
            "role_baselines" => tables.role_baselines.len(),
            "sod_rules" => tables.sod_rules.len(),
            "exceptions" => tables.exceptions.len(),
            "issues" => tables.issues.len(),
            "skipped" => usize::try_from(tables.sources.iter().map(|source| source.skipped).sum::<u64>()).ok()?,
            _ => return None,
        })
    }

    fn entity(&mut self, expect: &ExpectEntity) {
        let Some(at) = self.tables.find(&expect.id) else {
            return self.wrong.push(format!("there is no entity `{}`", expect.id));
        };
        let entity: &Entity = self.tables.entity(at);
        let id = &expect.id;
        let nhi = match &expect.nhi {
            None => true,
            Some(toml::Value::Boolean(flag)) => entity.nhi == Some(*flag),
            Some(_) => entity.nhi.is_none(),
        };
        let reason = entity.nhi_reason.as_deref().unwrap_or_default();
        let checks = [
            ("kind", met(expect.kind.as_ref(), &entity.kind.as_str()), entity.kind.as_str().to_owned()),
            ("present", met(expect.present.as_ref(), &entity.present), entity.present.to_string()),
            ("nhi", nhi, format!("{:?} {reason}", entity.nhi)),
            ("nhi_reason", expect.nhi_reason.as_ref().is_none_or(|part| reason.contains(part)), reason.to_owned()),
            ("name", met(expect.name.as_ref(), &entity.name), entity.name.clone()),
            ("scope", expect.scope.is_none() || expect.scope == entity.scope, format!("{:?}", entity.scope)),
            (
                "created_at",
                expect.created_at.as_ref().is_none_or(|text| time(text) == entity.created_at),
                format!("{:?}", entity.created_at),
            ),
            (
                "last_used_at",
                expect.last_used_at.as_ref().is_none_or(|text| time(text) == entity.last_used_at),
                format!("{:?}", entity.last_used_at),
            ),
        ];
        for (field, holds, found) in checks {
            self.that(holds, || format!("`{field}` of `{id}` is {found}"));
        }
        for (field, expected, found) in [
            ("env", &expect.env, &entity.env),
            ("domain", &expect.domain, &entity.domain),
            ("owner", &expect.owner, &entity.owner),
            ("owner_status", &expect.owner_status, &entity.owner_status),
        ] {
            self.that(expected.is_none() || expected == found, || format!("`{field}` of `{id}` is {found:?}"));
        }
        let found = (entity.criticality, entity.protected);
        let labelled = (expect.criticality.is_none() || expect.criticality == found.0)
            && met(expect.protected.as_ref(), &entity.protected);
        self.that(labelled, || format!("criticality and protection of `{id}` are {found:?}"));
        let has = |key: &str, value: Option<&str>| {
            let of = self.tables.attributes.iter().filter(|row| row.entity == at && row.key == key);
            of.clone().any(|row| value.is_none_or(|value| row.value == value))
        };
        let missing: Vec<String> = expect
            .attributes
            .iter()
            .filter(|(key, value)| !has(key, Some(value)))
            .map(|(key, value)| format!("`{id}` has no attribute {key} = {value}"))
            .collect();
        let extra: Vec<String> = expect
            .no_attributes
            .iter()
            .filter(|key| has(key, None))
            .map(|key| format!("`{id}` must not have the attribute {key}"))
            .collect();
        self.wrong.extend(missing);
        self.wrong.extend(extra);
    }

    fn issues(&mut self, expected: &[ExpectIssue]) {
        for expect in expected {
            let found = self.tables.issues.iter().any(|issue| {
                issue.code == expect.code
                    && met(expect.severity.as_ref(), &issue.severity.as_str())
                    && expect.record.as_ref().is_none_or(|part| issue.record.contains(part))
                    && expect.contains.as_ref().is_none_or(|part| issue.message.contains(part))
            });
            self.that(found, || format!("there is no issue like {expect:?}"));
        }
    }

    fn grants(&mut self, expected: &[ExpectGrant]) {
        for expect in expected {
            let found = self.tables.grants.iter().any(|grant| {
                self.id(grant.holder) == expect.holder
                    && met(expect.policy.as_ref(), &grant.policy)
                    && met(expect.layer.as_ref(), &grant.layer.as_str())
                    && met(expect.effect.as_ref(), &grant.effect.as_str())
                    && met(expect.statement.as_ref(), &grant.statement)
                    && met(expect.actions.as_ref(), &grant.actions)
                    && met(expect.not_actions.as_ref(), &grant.not_actions)
                    && met(expect.resources.as_ref(), &grant.resources)
                    && met(expect.not_resources.as_ref(), &grant.not_resources)
                    && met(expect.principals.as_ref(), &grant.principals)
                    && met(expect.not_principals.as_ref(), &grant.not_principals)
                    && met(expect.condition.as_ref(), &grant.condition.clone().unwrap_or_default())
                    && met(expect.variables.as_ref(), &grant.variables)
            });
            self.that(found, || format!("there is no statement like {expect:?}"));
        }
    }

    fn rows(&mut self, expect: &Expect) {
        for expect in &expect.member {
            let found = self.tables.memberships.iter().any(|row| {
                self.id(row.member) == expect.id
                    && self.id(row.container) == expect.of
                    && met(expect.kind.as_ref(), &row.kind.as_str())
            });
            self.that(found, || format!("there is no membership like {expect:?}"));
        }
        for expect in &expect.attachment {
            let found = self.tables.attachments.iter().any(|row| {
                self.id(row.holder) == expect.holder
                    && self.id(row.policy) == expect.policy
                    && met(expect.kind.as_ref(), &row.kind.as_str())
            });
            self.that(found, || format!("there is no attachment like {expect:?}"));
        }
        for expect in &expect.trust {
            let found = self.tables.trusts.iter().any(|row| {
                let trustee = row.trustee.map_or("", |trustee| self.id(trustee));
                self.id(row.target) == expect.target
                    && met(expect.trustee.as_ref(), &trustee)
                    && met(expect.pattern.as_ref(), &row.trustee_pattern)
                    && met(expect.kind.as_ref(), &row.kind.as_str())
            });
            self.that(found, || format!("there is no trust like {expect:?}"));
        }
        for expect in &expect.credential {
            let found = self.tables.credentials.iter().any(|row| {
                row.credential == expect.id
                    && met(expect.kind.as_ref(), &row.kind.as_str())
                    && expect.active.is_none_or(|active| row.active == Some(active))
                    && expect.never_used.is_none_or(|never| row.never_used == Some(never))
                    && expect.last_used_at.as_ref().is_none_or(|text| time(text) == row.last_used_at)
            });
            self.that(found, || format!("there is no credential like {expect:?}"));
        }
        for expect in &expect.usage {
            let found = self.tables.usage.iter().any(|row| {
                self.id(row.entity) == expect.entity
                    && row.permission == expect.permission
                    && expect.last_used_at.as_ref().is_none_or(|text| time(text) == row.last_used_at)
            });
            self.that(found, || format!("there is no usage like {expect:?}"));
        }
    }
}
