//! A second, independent implementation of AWS policy evaluation: obvious, slow, one question at a time, straight
//! from raw exports. It shares nothing with the engine but the word for the answer.
//!
//! Written from AWS's documentation (IAM user guide: policy evaluation logic, `Principal`, `NotPrincipal`, condition
//! operators, multivalued keys, variables; Organizations user guide: SCPs and RCPs; KMS developer guide: key
//! policies). Open condition keys are enumerated: with C the assignments of keys that the caller chooses and E those
//! of keys that the environment gives, `Allowed` means that some c is allowed for every e, `Denied` that no c and e
//! are allowed. Documents that the export refers to and lacks are read as allowing nothing, as allowing everything
//! and as denying everything.

pub mod azure;
pub mod battery;
mod candidates;
mod condition;
mod document;
mod evaluate;
mod export;
pub mod gcp;
mod keys;
pub mod kubernetes;
mod pattern;
pub mod random;
pub mod vault;

use std::collections::{BTreeMap, BTreeSet};

use overgrant::model::Decision;
use serde_json::Value;

use candidates::{FRESH, Mentions};
use evaluate::{Mode, Question};
use export::{Organization, Principal, ResourcePolicy};
use keys::{Class, Subject};

/// Pseudo-key of the role session's name.
const SESSION: &str = "(session name)";

/// A set of exports.
#[derive(Debug)]
pub struct World {
    principals: BTreeMap<String, Principal>,
    organization: Option<Organization>,
    resource_policies: Vec<ResourcePolicy>,
    as_of: i64,
}

/// A role session or a federation session.
#[derive(Debug, Clone, Default)]
pub struct Session {
    /// Name of the role session; the caller's choice when it is not given.
    pub name: Option<String>,
    /// Session policies: documents or their JSON strings.
    pub policies: Vec<Value>,
}

impl World {
    /// Reads exports in the shapes that `get-account-authorization-details`, the organisation tree and the
    /// resource-policies list have. `as_of_millis`: time of the scan since 1970.
    pub fn from_json(
        gaad: &[Value],
        organization: Option<&Value>,
        resource_policies: Option<&Value>,
        as_of_millis: i64,
    ) -> Self {
        Self {
            principals: export::principals(gaad),
            organization: organization.map(export::organization),
            resource_policies: export::resource_policies(resource_policies),
            as_of: as_of_millis,
        }
    }

    /// May the user or role do this? `context` fixes condition keys, an empty list making one absent; `strict`
    /// makes all other open keys absent.
    ///
    /// # Errors
    /// When the principal is not a user or role of the exports.
    pub fn decide(
        &self,
        principal_arn: &str,
        action: &str,
        resource: &str,
        context: &BTreeMap<String, Vec<String>>,
        strict: bool,
        session: Option<&Session>,
    ) -> Result<Decision, String> {
        let principal =
            self.principals.get(principal_arn).ok_or_else(|| format!("no user or role `{principal_arn}`"))?;
        let session = session.cloned().unwrap_or_default();
        let question = Question::new(self, principal, action, resource, &session);
        let subject =
            Subject { world: self, principal, resource, resource_account: question.resource_account.as_deref() };
        let context = context.iter().map(|(key, values)| (key.to_ascii_lowercase(), values.clone())).collect();
        let space = Space::new(&question, &subject, context, strict, session.name);
        let answer = |mode| space.answer(&question, mode);
        let nothing = answer(Mode::Nothing);
        if !question.missing() {
            return Ok(nothing);
        }
        let everything = answer(Mode::Everything);
        if everything == Decision::Denied {
            return Ok(Decision::Denied);
        }
        if answer(Mode::DenyAll) == Decision::Allowed {
            return Ok(Decision::Allowed);
        }
        let decided = |decision| matches!(decision, Decision::Allowed | Decision::Denied);
        Ok(if decided(nothing) && decided(everything) { Decision::Unknown } else { Decision::Conditional })
    }

    /// Entries of the resource policies that cover a resource: itself, or the bucket of an object.
    fn policies_of<'a>(&'a self, resource: &'a str) -> impl Iterator<Item = &'a ResourcePolicy> {
        self.resource_policies.iter().filter(move |policy| {
            let tail = resource.strip_prefix(policy.resource.as_str());
            let bucket = pattern::arn_part(&policy.resource, 2) == "s3";
            tail.is_some_and(|tail| tail.is_empty() || (bucket && tail.starts_with('/')))
        })
    }
}

type Assignment = BTreeMap<String, Vec<String>>;

/// All assignments of the open keys.
struct Space {
    fixed: Assignment,
    chosen: Vec<(String, Vec<Vec<String>>)>,
    environment: Vec<(String, Vec<Vec<String>>)>,
    /// Role id in front of the session name in `aws:userid`.
    role_id: Option<String>,
}

impl Space {
    fn new(
        question: &Question<'_>,
        subject: &Subject<'_>,
        context: Assignment,
        strict: bool,
        session_name: Option<String>,
    ) -> Self {
        let mentions = Mentions::of(&question.statements());
        let mut space = Self {
            fixed: context,
            chosen: Vec::new(),
            environment: Vec::new(),
            role_id: subject.principal.role.then(|| subject.principal.id.clone()),
        };
        let mut open: BTreeMap<String, Class> = BTreeMap::new();
        for key in mentions.keys() {
            if space.fixed.contains_key(&key) || (key == "aws:userid" && space.role_id.is_some()) {
                continue;
            }
            match keys::classify(&key, subject) {
                Class::Known(values) => drop(space.fixed.insert(key, values)),
                _ if strict => drop(space.fixed.insert(key, Vec::new())),
                class => drop(open.insert(key, class)),
            }
        }
        space.add_session(question, &mentions, session_name, strict);
        let names: BTreeSet<String> = open.keys().cloned().collect();
        let mut values = {
            let known = |key: &str| space.lookup(key, &BTreeMap::new());
            candidates::candidates(&names, &mentions, &known, subject.resource, subject.world.as_of)
        };
        for (key, class) in open {
            let general = values.remove(&key).unwrap_or_default();
            match class {
                Class::Chosen(limited) => space.chosen.push((key, limited.unwrap_or(general))),
                Class::Environment(limited) => space.environment.push((key, limited.unwrap_or(general))),
                Class::Known(_) => {}
            }
        }
        space
    }

    /// The session name: given, fresh in strict mode, else every name that a policy can tell apart.
    fn add_session(&mut self, question: &Question<'_>, mentions: &Mentions<'_>, given: Option<String>, strict: bool) {
        let Some(id) = self.role_id.clone() else { return };
        if given.is_some() || strict {
            self.fixed.insert(SESSION.to_owned(), vec![given.unwrap_or_else(|| FRESH.to_owned())]);
            return;
        }
        let mut names: BTreeSet<String> = question.session_names().into_iter().collect();
        names.insert(FRESH.to_owned());
        let own = mentions.conditions.iter().filter(|(condition, _)| condition.key == "aws:userid");
        for value in own.flat_map(|(condition, _)| &condition.values) {
            let name = value.strip_prefix(&format!("{id}:")).or_else(|| value.rsplit(':').next()).unwrap_or(value);
            for run in ["", "x"] {
                let name = name.replace('*', run).replace('?', "x");
                names.extend([name.to_uppercase(), name.to_lowercase(), name]);
            }
        }
        if mentions.resource_variables.contains("aws:userid") {
            let prefix = format!("{id}:");
            let after = question.resource.split(prefix.as_str()).skip(1);
            names.extend(after.flat_map(candidates::substrings));
        }
        names.remove("");
        self.chosen.push((SESSION.to_owned(), names.into_iter().map(|name| vec![name]).collect()));
    }

    fn lookup(&self, key: &str, assignment: &Assignment) -> Vec<String> {
        if let Some(values) = self.fixed.get(key).or_else(|| assignment.get(key)) {
            return values.clone();
        }
        match &self.role_id {
            Some(id) if key == "aws:userid" => {
                self.lookup(SESSION, assignment).iter().map(|name| format!("{id}:{name}")).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The answer with missing documents read in one way.
    fn answer(&self, question: &Question<'_>, mode: Mode) -> Decision {
        let (mut certain, mut possible) = (false, false);
        each(&self.chosen, &mut |choice| {
            let mut always = true;
            each(&self.environment, &mut |given| {
                let mut assignment = choice.clone();
                assignment.extend(given.clone());
                let allowed = question.allowed(mode, &|key| self.lookup(key, &assignment));
                possible |= allowed;
                always &= allowed;
                // Both answers were seen for this choice: more of the environment adds nothing.
                always || !possible
            });
            certain |= always;
            !certain
        });
        match (certain, possible) {
            (true, _) => Decision::Allowed,
            (false, true) => Decision::Conditional,
            (false, false) => Decision::Denied,
        }
    }
}

/// Calls `visit` with every assignment until it returns false.
fn each(keys: &[(String, Vec<Vec<String>>)], visit: &mut dyn FnMut(&Assignment) -> bool) {
    let mut at = vec![0; keys.len()];
    loop {
        let assignment =
            keys.iter().zip(&at).map(|((key, lists), &index)| (key.clone(), lists[index].clone())).collect();
        if !visit(&assignment) {
            return;
        }
        let Some(digit) = (0..keys.len()).rfind(|&digit| at[digit] + 1 < keys[digit].1.len()) else { return };
        at[digit] += 1;
        at[digit + 1..].fill(0);
    }
}
