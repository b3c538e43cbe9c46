//! The technique file: what it may say, and what it must.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::TechniqueError;
use crate::access::{self, Given};
use crate::model::EntityKind;

/// One escalation technique.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Technique {
    pub id: String,
    pub platform: String,
    pub name: String,
    pub category: String,
    pub summary: String,
    #[serde(default)]
    pub services: Vec<String>,
    #[serde(default)]
    pub references: Vec<String>,
    /// MITRE ATT&CK technique ids.
    #[serde(default)]
    pub mitre: Vec<String>,
    /// Kinds of principal that can use it; empty: all, and groups.
    #[serde(default)]
    pub actors: Vec<EntityKind>,
    /// What must hold of the actor besides its permissions.
    #[serde(default)]
    pub actor: Actor,
    pub target: Option<Target>,
    #[serde(default)]
    pub requires: Vec<Requirement>,
    #[serde(default)]
    pub needs: Vec<Need>,
    pub gain: Gain,
    #[serde(rename = "example", default, skip_serializing)]
    pub examples: Vec<Example>,
    /// File that the technique was read from.
    #[serde(skip)]
    pub file: String,
}

/// Facts that must hold of an entity, by name: see `techniques::index`.
pub type Facts = BTreeMap<String, Fact>;

/// What a fact must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Fact {
    Is(bool),
    AtMost(u32),
    Equals(String),
}

/// Conditions on the actor.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actor {
    #[serde(default, skip_serializing_if = "Facts::is_empty")]
    pub with: Facts,
}

/// What the technique is used against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    pub kind: Vec<EntityKind>,
    #[serde(default)]
    pub scope: Scope,
    /// The target's trust policy lets one of these services in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trusts_service: Vec<String>,
    /// The target's trust policy lets users of an identity provider in whose id holds this text (`saml`, `oidc`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trusts_federated: Option<String>,
    #[serde(default, skip_serializing_if = "Facts::is_empty")]
    pub with: Facts,
    #[serde(default)]
    pub relation: Relation,
    /// Attribute of the actor whose values are ids: of targets, or of what targets are inside of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<String>,
}

/// Where targets are looked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// The actor's own account.
    #[default]
    Same,
    /// Every account of the export.
    Any,
}

/// How a target stands to the actor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Relation {
    #[default]
    Any,
    /// The actor itself.
    #[serde(rename = "self")]
    Itself,
    /// A group that the actor is in.
    OwnGroup,
    /// A policy attached to the actor or to its groups.
    OwnPolicy,
    /// The policy that bounds the actor.
    OwnBoundary,
    /// An identity that the actor runs as, or proves.
    ActsAs,
    /// Something that is inside the actor.
    Content,
    /// Something that the actor is inside of.
    Container,
    /// Something that the actor's `list` names.
    Listed,
    /// Something that is inside of what the actor's `list` names.
    InsideListed,
}

impl Relation {
    /// Whether an attribute of the actor says who stands in it.
    #[must_use]
    pub const fn is_by_list(self) -> bool {
        matches!(self, Self::Listed | Self::InsideListed)
    }
}

/// One permission that the actor must have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// Alternatives, of which one is enough.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub any_of: Vec<String>,
    pub on: On,
    /// Who must have the permission.
    #[serde(default, skip_serializing_if = "By::is_actor")]
    pub by: By,
    /// Change to the policies of who must have it, made by the rest of the technique.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given: Option<Given>,
    /// Condition keys that the technique fixes to a value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub with: BTreeMap<String, String>,
    /// Which of the technique's requests the permission is for. Permissions for one request must be one principal's; those
    /// for different requests may be those of different principals that one attacker controls.
    #[serde(default, skip_serializing_if = "is_first")]
    pub request: u8,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the serialiser hands in a reference")]
const fn is_first(request: &u8) -> bool {
    *request == 0
}

impl Requirement {
    /// The action and its alternatives.
    pub fn actions(&self) -> impl Iterator<Item = &str> {
        self.action.iter().chain(&self.any_of).map(String::as_str)
    }

    /// Whether it is met by what another version of a policy says, which is not in force yet.
    #[must_use]
    pub fn is_of_version(&self) -> bool {
        self.given == Some(Given::InactiveVersion)
    }
}

/// Whose permission is meant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    #[default]
    Actor,
    Target,
}

impl By {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the serialiser hands in a reference")]
    fn is_actor(&self) -> bool {
        *self == Self::Actor
    }
}

/// What a permission must be on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum On {
    Target,
    /// A customer-managed policy attached to the target.
    TargetPolicy,
    /// The identity provider that the target's trust policy names.
    TrustedProvider,
    /// Any one resource that can exist.
    Something,
    /// One resource, the same for every requirement that says so.
    Same,
    Everything,
    /// Who must have the permission.
    #[serde(rename = "self")]
    Itself,
}

impl On {
    /// What is asked of the evaluator where the permission is on no entity of the export.
    #[must_use]
    pub const fn anywhere(self) -> access::On {
        match self {
            Self::Everything => access::On::Everything,
            _ => access::On::Something,
        }
    }
}

/// Something that must exist and that no export of the platform's authorization data lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Need {
    pub existing: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whose: Option<String>,
}

/// What the attacker comes to control.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gain {
    pub of: GainOf,
    /// Whose permissions the attacker widens: their boundary, denies and organisation's controls still bind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub through: Option<By>,
}

/// Of what control is gained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GainOf {
    Target,
    /// Administration of the actor's account.
    Scope,
    /// Administration of the target's account.
    TargetScope,
    /// Control of the part of the scope (a namespace) that contains the target.
    TargetContainer,
    /// Control of the principals inside the target, however deep.
    TargetPrincipals,
}

/// A small export in which the technique must, or must not, lead from one entity to another.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    pub about: String,
    pub from: String,
    pub to: String,
    pub expect: Expect,
    /// Text of one file, or of several.
    pub export: Export,
}

/// The files of an example.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Export {
    One(String),
    Several(Vec<String>),
}

impl Export {
    /// The text of each file.
    pub fn texts(&self) -> &[String] {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Several(texts) => texts,
        }
    }
}

/// What an example shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Expect {
    Certain,
    Conditional,
    None,
}

/// Reads one file.
///
/// # Errors
/// Text that is not TOML, an unknown key, or a technique that contradicts itself.
pub fn parse(text: &str, file: &str) -> Result<Technique, TechniqueError> {
    let failed = |why: String| TechniqueError { file: file.to_owned(), why };
    let mut technique: Technique = toml::from_str(text).map_err(|error| failed(error.to_string()))?;
    file.clone_into(&mut technique.file);
    contradiction(&technique).map_or(Ok(technique), |why| Err(failed(why)))
}

impl Technique {
    /// The technique's requests, each as a technique that requires the permissions for it alone; none when all of them
    /// must be one principal's: there is only one request, or what it gains depends on who makes it.
    #[must_use]
    pub fn requests(&self) -> Vec<Self> {
        let of_actor = || self.requires.iter().filter(|one| one.by == By::Actor);
        let mut numbers: Vec<u8> = of_actor().map(|one| one.request).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let alone = of_actor().any(|one| one.given.is_some() || one.on == On::Itself)
            || self.gain.through == Some(By::Actor)
            || !self.actor.with.is_empty()
            || self.target.as_ref().is_some_and(|target| target.relation != Relation::Any);
        if numbers.len() < 2 || alone {
            return Vec::new();
        }
        let part = |number: u8| {
            let mut part = self.clone();
            part.requires.retain(|one| one.by == By::Target || one.request == number);
            part
        };
        numbers.into_iter().map(part).collect()
    }

    /// The changes that the technique makes to one side's policies, each once.
    #[must_use]
    pub fn lifted(&self, side: By) -> Vec<Given> {
        let mut given: Vec<Given> =
            self.requires.iter().filter(|one| one.by == side).filter_map(|one| one.given).collect();
        given.sort_unstable();
        given.dedup();
        given
    }
}

/// A name of this format as its files write it.
fn written<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => text,
        Ok(other) => other.to_string(),
        Err(error) => error.to_string(),
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let actions: Vec<&str> = self.actions().collect();
        write!(out, "{} on {}", actions.join(" or "), written(&self.on))?;
        if self.by == By::Target {
            write!(out, ", by the target")?;
        }
        if let Some(given) = &self.given {
            write!(out, ", given {}", written(given))?;
        }
        for (key, value) in &self.with {
            let shown = if value.is_empty() { "absent" } else { value };
            write!(out, ", {key} = {shown}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds: Vec<&str> = self.kind.iter().map(|kind| kind.as_str()).collect();
        write!(out, "{}, {}, in {} account", kinds.join(" or "), written(&self.relation), written(&self.scope))?;
        if !self.trusts_service.is_empty() {
            write!(out, ", trusts {}", self.trusts_service.join(" or "))?;
        }
        if let Some(provider) = &self.trusts_federated {
            write!(out, ", trusts a {provider} provider")?;
        }
        if let Some(list) = &self.list {
            write!(out, " in `{list}`")?;
        }
        for (name, fact) in &self.with {
            write!(out, ", {name} = {}", written(fact))?;
        }
        Ok(())
    }
}

impl fmt::Display for Gain {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.of {
            GainOf::Target => "control of the target",
            GainOf::Scope => "administration of the actor's account",
            GainOf::TargetScope => "administration of the target's account",
            GainOf::TargetContainer => "control of what contains the target",
            GainOf::TargetPrincipals => "control of the principals inside the target",
        };
        write!(out, "{what}")?;
        match &self.through {
            Some(side) => write!(out, ", through the permissions of the {}", written(side)),
            None => Ok(()),
        }
    }
}

/// What is wrong with a technique that parses.
fn contradiction(technique: &Technique) -> Option<String> {
    let stem = std::path::Path::new(&technique.file).file_stem()?.to_str()?;
    if stem != technique.id {
        return Some(format!("the id is `{}`, so the file should be `{}.toml`", technique.id, technique.id));
    }
    if technique.requires.is_empty() && !is_about_things(technique) {
        return Some("it requires nothing".to_owned());
    }
    if technique.target.is_none() && technique.gain.of != GainOf::Scope {
        return Some("it gains its target, but has no [target]".to_owned());
    }
    if technique.target.as_ref().is_some_and(|target| target.relation.is_by_list() != target.list.is_some()) {
        return Some("`list` goes with the relations `listed` and `inside-listed`, and they with it".to_owned());
    }
    for requirement in &technique.requires {
        if requirement.action.is_some() != requirement.any_of.is_empty() {
            return Some("each requirement has either `action` or `any_of`".to_owned());
        }
        let of_target = matches!(requirement.on, On::Target | On::TargetPolicy | On::TrustedProvider);
        if (of_target || requirement.by == By::Target) && technique.target.is_none() {
            return Some("a requirement is about the target, but there is no [target]".to_owned());
        }
        if requirement.given == Some(Given::InactiveVersion) && !of_own_policy(technique, requirement) {
            let why = "`given = \"inactive-version\"` is for a permission of the actor on something or everything, and \
                for a target with `relation = \"own-policy\"`";
            return Some(why.to_owned());
        }
    }
    let facts = technique.target.iter().flat_map(|target| target.with.keys()).chain(technique.actor.with.keys());
    facts.map(|name| super::index::known_fact(name)).find_map(Result::err)
}

/// Whether a technique follows from what its actor is or where it is, and needs no permission.
fn is_about_things(technique: &Technique) -> bool {
    let related = |target: &Target| {
        matches!(target.relation, Relation::ActsAs | Relation::Content | Relation::Container)
            || target.relation.is_by_list()
    };
    !technique.actors.is_empty() && (!technique.actor.with.is_empty() || technique.target.as_ref().is_some_and(related))
}

/// Whether a requirement can be asked for each of the actor's own policies.
fn of_own_policy(technique: &Technique, requirement: &Requirement) -> bool {
    requirement.by == By::Actor
        && matches!(requirement.on, On::Something | On::Everything)
        && technique.target.as_ref().is_some_and(|target| target.relation == Relation::OwnPolicy)
}
