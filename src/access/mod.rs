//! Effective permissions over all platforms: one evaluator each, asked through one door.

use rustc_hash::FxHashSet;

use crate::model::{
    Access, AccessTable, Decision, Entity, EntityId, EntityKind, Granularity, Layer, Membership, MembershipKind,
    Reason, Request, Tables, TrustKind, Verdict,
};
use crate::platforms;

pub mod domains;
mod federation;

pub use crate::platforms::{
    Ask, Class, Evaluator, Given, Granted, Known, On, Reach, Recorded, Settings, Standpoint, View,
};

/// Permissions that an allowing statement of a platform is about, as [`platforms::Platform::written`] gives them.
#[must_use]
pub fn written(platform: &str, actions: &[String], not_actions: &[String], grain: Granularity) -> Option<Vec<String>> {
    platforms::ALL.iter().find(|one| one.name() == platform)?.written(actions, not_actions, grain)
}

/// The evaluators of every platform whose entities are in the tables.
pub struct Evaluators<'t> {
    tables: &'t Tables,
    list: Vec<(&'static str, Box<dyn Evaluator + 't>)>,
}

/// A trust that no evaluator of permissions decides: whoever is trusted is outside what was exported, or comes in
/// through an identity provider or an assignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Federation {
    pub trustee: EntityId,
    pub target: EntityId,
    /// Condition that the trust makes, as canonical JSON.
    pub condition: Option<String>,
    /// The trust statement.
    pub grant: Option<u32>,
    /// What else it hangs on, in words.
    pub doubt: Option<String>,
}

impl<'t> Evaluators<'t> {
    /// One evaluator for each platform that the tables are about; nothing is evaluated yet.
    #[must_use]
    pub fn new(tables: &'t Tables, settings: Settings) -> Self {
        let here: FxHashSet<&str> = tables.entities.iter().map(|entity| entity.platform.as_str()).collect();
        let platforms = platforms::ALL.iter().filter(|platform| here.contains(platform.name()));
        let list = platforms.map(|platform| (platform.name(), platform.evaluator(tables, settings)));
        Self { tables, list: list.collect() }
    }

    /// All evaluators by platform name.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &(dyn Evaluator + 't))> {
        self.list.iter().map(|(name, evaluator)| (*name, &**evaluator))
    }

    /// The evaluator of a platform.
    #[must_use]
    pub fn of(&self, platform: &str) -> Option<&(dyn Evaluator + 't)> {
        self.list.iter().find(|(name, _)| *name == platform).map(|(_, evaluator)| &**evaluator)
    }

    /// Answers one question by the platform of its principal.
    #[must_use]
    pub fn decide(&self, request: &Request) -> Verdict {
        let platform = &self.tables.entity(request.principal).platform;
        // Notations overlap: what the principal's own platform writes like this is its own.
        let mut writing = platforms::ALL.iter().filter(|one| one.writes(&request.action));
        if !writing.clone().any(|one| one.name() == platform)
            && let Some(other) = writing.next()
        {
            return foreign(other.title());
        }
        match self.of(platform) {
            Some(evaluator) => evaluator.decide(request),
            None => Verdict { decision: Decision::Unknown, reasons: Vec::new() },
        }
    }

    /// Asks the same question for every principal of the export, and for every group whose members no export lists, in
    /// the order of their numbers.
    #[must_use]
    pub fn who_can(&self, request: &Request) -> Vec<(EntityId, Verdict)> {
        use rayon::prelude::*;
        let open: Vec<&str> =
            platforms::ALL.iter().filter(|one| one.has_open_groups()).map(|platform| platform.name()).collect();
        let acts = |entity: &&Entity| {
            let group = entity.present && entity.kind == EntityKind::Group;
            entity.is_principal() || (group && open.contains(&entity.platform.as_str()))
        };
        let principals: Vec<EntityId> = self.tables.entities.iter().filter(acts).map(|entity| entity.entity).collect();
        principals
            .into_par_iter()
            .map(|principal| (principal, self.decide(&Request { principal, ..request.clone() })))
            .filter(|(_, verdict)| verdict.decision != Decision::Denied)
            .collect()
    }

    /// How many classes of principals there are that no policy can tell apart, over all platforms.
    #[must_use]
    pub fn classes_n(&self) -> u64 {
        self.iter().map(|(_, evaluator)| evaluator.classes().len() as u64).sum()
    }

    /// The access of every principal and group, the rows of each in the order of services and levels.
    #[must_use]
    pub fn access(&self) -> AccessTable {
        self.access_watched(&|_| ())
    }

    /// [`Evaluators::access`], telling how many more classes are done whenever some are.
    #[must_use]
    pub fn access_watched(&self, done: &(dyn Fn(u64) + Sync)) -> AccessTable {
        use rayon::prelude::*;
        let mut table = AccessTable::default();
        for (_, evaluator) in self.iter() {
            let classes = evaluator.classes();
            let of_class = |class: usize| {
                let rows = evaluator.open(class).access();
                done(1);
                rows
            };
            let per_class: Vec<Vec<Access>> = (0..classes.len()).into_par_iter().map(of_class).collect();
            for (class, rows) in classes.iter().zip(per_class) {
                table.share(&class.members, rows);
            }
        }
        table.sort();
        table
    }

    /// Principals and groups whose permissions some evaluator knows.
    fn holders(&self) -> FxHashSet<EntityId> {
        let classes = self.iter().flat_map(|(_, evaluator)| evaluator.classes());
        classes.flat_map(|class| &class.members).copied().collect()
    }

    /// Who is in a group that no evaluator knows, or that is itself let in elsewhere (`let_in`): what comes with such a
    /// group is not among its members' own rights, so that who is in it comes to it by being in it.
    #[must_use]
    pub fn outer_memberships(&self, let_in: &FxHashSet<EntityId>) -> Vec<&'t Membership> {
        let holders = self.holders();
        let outside = |row: &&Membership| match row.kind {
            MembershipKind::MemberOf => {
                row.member != row.container
                    && (self.is_across(row.member, row.container)
                        || !holders.contains(&row.container)
                        || let_in.contains(&row.container))
            }
            // Whoever is somebody on another platform.
            MembershipKind::RunsAs => self.is_across(row.member, row.container),
            MembershipKind::Contains | MembershipKind::Owns => false,
        };
        self.tables.memberships.iter().filter(outside).collect()
    }

    /// Whether two entities are of different platforms: no platform's evaluator counts what one gives the other.
    fn is_across(&self, one: EntityId, other: EntityId) -> bool {
        self.tables.entity(one).platform != self.tables.entity(other).platform
    }

    /// Trusts whose trusted side is outside what policies of the export decide.
    #[must_use]
    pub fn federations(&self) -> Vec<Federation> {
        let holders = self.holders();
        let own = self
            .tables
            .trusts
            .iter()
            .filter(|trust| !matches!(trust.kind, TrustKind::Service | TrustKind::Deleted))
            .filter_map(|trust| {
                let known = |trustee: &EntityId| holders.contains(trustee) && !self.is_across(*trustee, trust.target);
                let trustee = trust.trustee.filter(|trustee| !known(trustee))?;
                // An account that is in the export delegates to its own principals, whom the evaluator asks.
                let inside = self.tables.entity(trustee).present && trust.kind == TrustKind::SameAccount;
                let grant = (trust.grant != u32::MAX).then_some(trust.grant);
                (!inside && trustee != trust.target).then(|| Federation {
                    trustee,
                    target: trust.target,
                    condition: trust.condition.clone(),
                    grant,
                    doubt: None,
                })
            });
        own.chain(federation::joined(self.tables)).collect()
    }
}

/// The answer about an action that the principal's platform does not have.
fn foreign(platform: &str) -> Verdict {
    let condition = Some(format!("this is an action of {platform}, where this principal is nobody"));
    let (layer, effect) = (Layer::Identity, "implicit_deny");
    let reason = Reason { layer, policy: None, statement: None, effect, condition, grant: None };
    Verdict { decision: Decision::Denied, reasons: vec![reason] }
}
