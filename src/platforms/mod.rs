//! One folder a platform: readers of its export formats, and its bulk effective-permission transform.
//!
//! Nothing here opens a socket or asks for a credential, and platforms never import each other. A platform is
//! a name in [`crate::model`] and one line in [`ALL`].

pub mod ad;
pub mod assigned;
pub mod aws;
pub mod azure;
pub mod declared;
mod evaluator;
pub mod gcp;
pub mod github;
pub mod globs;
pub mod governance;
mod granted;
pub mod input;
pub mod kubernetes;
pub mod okta;
pub mod opengraph;
pub mod postgres;
pub mod scim;
pub mod snowflake;
pub mod tables;
pub mod vault;

pub use evaluator::{Ask, Class, Evaluator, Given, On, Placed, Reach, Settings, Standpoint, View};
pub use granted::{Granted, GrantedAction, Known, Recorded};

use crate::model::rebuild::Identification;
use crate::model::{Builder, Entity, EntityId, Granularity, Handle, Tables, TrustKind};

/// Every platform, in the order in which their readers are asked whether they know a file.
pub const ALL: &[&dyn Platform] = &[
    &aws::Aws,
    &kubernetes::Kubernetes,
    &azure::Azure,
    &gcp::Gcp,
    &ad::ActiveDirectory,
    &okta::Okta,
    &github::GitHub,
    &vault::Vault,
    &postgres::Postgres,
    &snowflake::Snowflake,
    &scim::Scim,
    &opengraph::OpenGraph,
    &tables::Tables,
    &governance::Governance,
];

/// What a platform's exports are read for, and where the reading ends: one sentence each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coverage {
    /// What is read.
    pub read: &'static str,
    /// What is decided from it.
    pub decided: &'static str,
    /// What is known not to be.
    pub not: &'static str,
}

/// Whom a trust statement means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trusted {
    /// Where the trusted one is.
    pub kind: TrustKind,
    /// The trusted one, when it is an entity or could be one.
    pub trustee: Option<Identification>,
}

/// A platform by its registry name.
#[must_use]
pub fn of(name: &str) -> Option<&'static dyn Platform> {
    ALL.iter().copied().find(|platform| platform.name() == name)
}

/// [`Platform::trusted`] by the platform of whoever trusts.
#[must_use]
pub fn trusted(tables: &Tables, target: &Entity, pattern: &str) -> Trusted {
    match of(&target.platform) {
        Some(platform) => platform.trusted(tables, target, pattern),
        None => Trusted { kind: TrustKind::External, trustee: None },
    }
}

/// [`Platform::trust_policy`] by the name of a platform.
#[must_use]
pub fn trust_policy(platform: &str) -> &'static str {
    of(platform).map_or("trust", Platform::trust_policy)
}

/// A platform whose exports are read.
pub trait Platform: Sync {
    /// Registry name, as in [`crate::model::Entity::platform`].
    fn name(&self) -> &'static str;

    /// Name for people.
    fn title(&self) -> &'static str;

    /// Readers of this platform's export formats.
    fn readers(&self) -> &'static [&'static dyn input::Reader];

    /// Looks at all sources of a scan together before they are joined: withdraws the older of two exports of the
    /// same thing, gives records the names that only another file knows.
    fn reconcile(&self, builders: &mut [Builder]);

    /// Completes the joined tables with what only shows there: dangling references, deleted principals.
    fn complete(&self, tables: &mut Tables);

    /// Completes the tables with what depends on the time of the scan, in milliseconds since 1970.
    fn at(&self, _tables: &mut Tables, _as_of: i64) {}

    /// What is read, what is decided and what is known not to be, for people.
    fn coverage(&self) -> Coverage;

    /// Full names of every action that the platform's catalogue knows.
    fn actions(&self) -> Vec<&'static str>;

    /// Permissions that an allowing statement with these action patterns is about, whatever it does to whom: services
    /// with access levels as access rows name them (`s3:read`), or single actions. Sorted, each once. `None` when the
    /// platform has no catalogue to tell them by.
    fn written(&self, _actions: &[String], _not_actions: &[String], _grain: Granularity) -> Option<Vec<String>> {
        None
    }

    /// Whether an action is written in this platform's notation and in no other's: nobody on another platform can be
    /// asked for it.
    fn writes(&self, _action: &str) -> bool {
        false
    }

    /// Whether a text is written as this platform writes resources of which no export needs to know.
    fn is_resource(&self, _text: &str) -> bool {
        false
    }

    /// Whether machine identities can come in by a token of somebody else's, so that none of them needs a secret.
    fn has_federation(&self) -> bool {
        false
    }

    /// Whether groups have members that no export lists, so that a group stands for people of its own.
    fn has_open_groups(&self) -> bool {
        false
    }

    /// Whom a statement of a trust policy means by a principal as it writes them (`Kind:value` or `*`). `tables` may have
    /// entities behind those that are sorted.
    fn trusted(&self, _tables: &Tables, _target: &Entity, pattern: &str) -> Trusted {
        let kind = if pattern.starts_with("Federated:") { TrustKind::Federated } else { TrustKind::External };
        Trusted { kind, trustee: None }
    }

    /// What a trust asks for, when its statement has this condition.
    fn trust_condition(&self, _pattern: &str, condition: &str) -> String {
        condition.to_owned()
    }

    /// Who lets others in by the trusts of something that is in no export itself.
    fn trusts_for(&self, _tables: &Tables, _holder: &Entity) -> Option<EntityId> {
        None
    }

    /// Id of the nearest scope that an entity is in, where its own id says so and no row of memberships does.
    fn home(&self, _entity: &Entity) -> Option<String> {
        None
    }

    /// Name of the policy that says whom a principal trusts, where it has none yet.
    fn trust_policy(&self) -> &'static str {
        "trust"
    }

    /// Completes tables that were changed with what follows from their rows; `fresh` are entities that were never there
    /// before, sorted. Tables that follow already stay as they are.
    fn changed(&self, _tables: &mut Tables, _fresh: &[EntityId]) {}

    /// Puts what a resource of a plan declares into a builder, when its kind is one of this platform's. What of it cannot
    /// be said goes to [`Builder::skip`].
    fn declare(
        &self,
        _kind: &str,
        _value: &declared::Attributes,
        _place: &str,
        _context: &declared::Declaring<'_>,
        _out: &mut Builder,
    ) -> bool {
        false
    }

    /// Puts the statements of a policy document into a builder; `false` when policies are no documents here.
    ///
    /// # Errors
    /// What is wrong with the document, as a fragment for a message.
    fn document(
        &self,
        _holder: Handle,
        _document: &declared::Document<'_>,
        _out: &mut Builder,
    ) -> Result<bool, String> {
        Ok(false)
    }

    /// Whether people write objects of this platform as files that say what there is to be (manifests).
    fn takes_manifests(&self) -> bool {
        false
    }

    /// Gives objects of manifests, which do not say where they are to be, the ids that they will have in a snapshot.
    ///
    /// # Errors
    /// That they may be in several places, and which, as a fragment for a message.
    fn locate(&self, _builders: &mut [Builder], _tables: &Tables) -> Result<(), String> {
        Ok(())
    }

    /// Which rows about an object of a manifest the manifest states; none for what manifests do not define.
    fn states(&self, _entity: &Entity) -> Option<declared::Stated> {
        None
    }

    /// What other resources of a plan refer to of one of this platform's that is not made yet: attribute and value.
    fn exported(
        &self,
        _kind: &str,
        _value: &declared::Attributes,
        _context: &declared::Declaring<'_>,
    ) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// Compiles the effective permissions of this platform's principals.
    fn evaluator<'t>(&self, tables: &'t Tables, settings: Settings) -> Box<dyn Evaluator + 't>;
}
