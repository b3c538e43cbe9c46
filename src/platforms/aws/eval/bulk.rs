//! Questions about whole sets of targets at once.
//!
//! Targets that every statement of the class matches alike, in the same account and with the same trust policy,
//! have the same answer: the set is split by the statements' resource patterns, each group is answered for one of
//! its members, and only statements whose conditions look at the target itself make every target its own group.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use roaring::RoaringBitmap;
use rustc_hash::FxHashMap;

use super::classes::names_of;
use super::facts::{Fact, Facts};
use super::statement::{Resources, Statement};
use super::view::{Holder, Question};
use super::{Compiled, access, denies, witness};
use crate::model::{Access, Certainty, Decision, EntityId, Layer, Reason, Verdict};
use crate::platforms::aws::catalog::Catalog;
use crate::platforms::{Ask, On, Reach, Standpoint, View};

/// A class opened for bulk questions: its first member stands for all.
pub struct ClassView<'c> {
    compiled: &'c Compiled<'c>,
    holder: Holder<'c>,
    /// Actions that some identity statement allows.
    granted: OnceCell<RoaringBitmap>,
    summary: OnceCell<access::Summary>,
    /// The part of the summary about [`MANAGING_ACTIONS`].
    managing: OnceCell<access::Summary>,
}

/// Which targets a statement is about.
enum Covered {
    All,
    Some(RoaringBitmap),
    /// That, or whether its condition holds, is different for each target.
    EachItsOwn,
}

impl<'c> ClassView<'c> {
    /// Opens the class that the holder is of.
    pub fn new(compiled: &'c Compiled<'c>, holder: Holder<'c>) -> Self {
        Self { compiled, holder, granted: OnceCell::new(), summary: OnceCell::new(), managing: OnceCell::new() }
    }

    fn granted(&self) -> &RoaringBitmap {
        self.granted.get_or_init(|| {
            let mut granted = RoaringBitmap::new();
            for &at in &self.holder.identity {
                let statement = self.compiled.statement(at);
                if !denies(statement) {
                    granted |= &statement.actions.known;
                }
            }
            granted
        })
    }

    /// Whether some identity policy may allow the action; without that only a resource's policy can.
    fn may(&self, question: &Question<'_>) -> bool {
        self.holder.all_allowed
            || !self.holder.identity_missing.is_empty()
            || match question.known {
                Some(number) => self.granted().contains(number),
                None => self.holder.identity.iter().any(|&at| {
                    let statement = self.compiled.statement(at);
                    !denies(statement) && statement.actions.cover(question.action, None)
                }),
            }
    }

    /// Splits targets into groups that every matching statement treats alike.
    fn groups(&self, question: &Question<'_>, among: &RoaringBitmap, trust: bool) -> Vec<RoaringBitmap> {
        let mut groups = self.by_account(among, trust);
        let target = self.holder.target("*");
        let facts = self.holder.facts(question, &target);
        let controls = self.holder.scps.iter().flatten().flat_map(|(statements, _)| statements);
        let rcps = if trust { &self.compiled.rcps[..] } else { &[] };
        let relevant = self.holder.identity.iter().chain(self.holder.boundary.iter().flatten()).chain(controls);
        let relevant = relevant.chain(rcps);
        for &at in relevant {
            let statement = self.compiled.statement(at);
            if !statement.actions.cover(question.action, question.known) {
                continue;
            }
            match self.covered_by(statement, &facts) {
                Covered::EachItsOwn => return among.iter().map(|target| RoaringBitmap::from_iter([target])).collect(),
                Covered::All => {}
                Covered::Some(covered) => groups = split(groups, &covered),
            }
        }
        if trust {
            groups.into_iter().flat_map(|group| self.by_trust(question, &facts, group)).collect()
        } else {
            groups
        }
    }

    /// Roles of one trust policy: each its own group when the policy looks at the role that it is of.
    fn by_trust(&self, question: &Question<'_>, facts: &Facts<'_>, group: RoaringBitmap) -> Vec<RoaringBitmap> {
        let Some(first) = group.min() else { return Vec::new() };
        let mut statements =
            self.compiled.in_layer(EntityId(first), Layer::Resource).map(|at| self.compiled.statement(at));
        let different = |statement: &Statement| {
            statement.actions.cover(question.action, question.known)
                && matches!(self.covered_by(statement, facts), Covered::EachItsOwn)
        };
        if statements.any(different) {
            group.iter().map(|target| RoaringBitmap::from_iter([target])).collect()
        } else {
            vec![group]
        }
    }

    /// Entities that a statement covers.
    fn covered_by(&self, statement: &Statement, facts: &Facts<'_>) -> Covered {
        let about_target = |key: &str| Facts::concerns_resource(key);
        let tests = &statement.condition.tests;
        if tests
            .iter()
            .any(|test| about_target(&test.key) || test.values.iter().any(|v| v.variables().any(about_target)))
        {
            return Covered::EachItsOwn;
        }
        let patterns = statement.resources.patterns();
        if patterns.iter().any(|pattern| pattern.variables().any(about_target)) {
            return Covered::EachItsOwn;
        }
        if matches!(statement.resources, Resources::Any) {
            return Covered::All;
        }
        let variable = |key: &str| facts.single(key);
        let mut covered = RoaringBitmap::new();
        for pattern in patterns {
            if pattern.variables().any(|key| matches!(facts.of(key), Fact::Open(_))) {
                return Covered::EachItsOwn;
            }
            if let Some(text) = pattern.expand(variable) {
                covered |= &*self.compiled.covered(&text);
            }
        }
        Covered::Some(covered)
    }

    /// Targets by account, and for trust questions by trust policy.
    fn by_account(&self, among: &RoaringBitmap, trust: bool) -> Vec<RoaringBitmap> {
        let classes = self.compiled.classes();
        let mut groups: Vec<RoaringBitmap> = if trust {
            let mut groups: FxHashMap<(Option<&str>, u32), RoaringBitmap> = FxHashMap::default();
            for target in among {
                let scope = self.compiled.tables.entity(EntityId(target)).scope.as_deref();
                groups.entry((scope, classes.trust_document[target as usize])).or_default().insert(target);
            }
            groups.into_values().collect()
        } else {
            classes.scopes.iter().map(|scope| scope & among).filter(|group| !group.is_empty()).collect()
        };
        groups.sort_unstable_by_key(RoaringBitmap::min);
        groups
    }

    /// Roles whose trust policy may let the class in.
    fn trusting(&self) -> RoaringBitmap {
        let trusting = &self.compiled.classes().trusting;
        names_of(&self.holder)
            .iter()
            .filter_map(|name| trusting.get(name))
            .fold(RoaringBitmap::new(), |all, one| all | one)
    }
}

fn split(groups: Vec<RoaringBitmap>, by: &RoaringBitmap) -> Vec<RoaringBitmap> {
    let mut out = Vec::with_capacity(groups.len());
    for group in groups {
        let inside = &group & by;
        if inside.is_empty() || inside.len() == group.len() {
            out.push(group);
        } else {
            out.push(&group - &inside);
            out.push(inside);
        }
    }
    out
}

/// A technique's question with its pinned request parameters.
fn question<'q>(compiled: &Compiled<'_>, ask: &'q Ask, pins: &'q BTreeMap<String, Vec<String>>) -> Question<'q> {
    Question {
        action: &ask.action,
        known: compiled.number_of(&ask.action),
        given: pins,
        strict: false,
        session_name: None,
        sessions: &None,
    }
}

fn pins(ask: &Ask) -> BTreeMap<String, Vec<String>> {
    let values = |value: &String| if value.is_empty() { Vec::new() } else { vec![value.clone()] };
    ask.pins.iter().map(|(key, value)| (key.to_ascii_lowercase(), values(value))).collect()
}

/// What an answer hangs on, in words.
pub fn hangs_on(verdict: &Verdict) -> Vec<String> {
    let mut reasons: Vec<String> = verdict
        .reasons
        .iter()
        .filter_map(|reason| {
            let condition = reason.condition.as_deref()?;
            Some(match (reason.effect, &reason.policy) {
                ("missing", Some(policy)) => format!("`{policy}` is not in the export"),
                ("deny", Some(policy)) => format!("denied by `{policy}` when {condition}"),
                (_, Some(policy)) => format!("`{policy}` requires {condition}"),
                (_, None) => condition.to_owned(),
            })
        })
        .collect();
    reasons.sort();
    reasons.dedup();
    reasons
}

/// Grants that allow.
pub fn allowing(verdict: &Verdict) -> impl Iterator<Item = u32> + '_ {
    let counts = |reason: &&Reason| reason.effect == "allow";
    verdict.reasons.iter().filter(counts).filter_map(|reason| reason.grant)
}

impl View for ClassView<'_> {
    fn targets(&self, ask: &Ask, among: &RoaringBitmap) -> Reach {
        let pins = pins(ask);
        let question = question(self.compiled, ask, &pins);
        let trust = ask.action.to_ascii_lowercase().starts_with("sts:");
        let mut reach = Reach::default();
        let mut candidates = if trust { self.trusting() & among } else { among.clone() };
        if !trust {
            // IAM's own API does not reach the root user, whatever a policy's resource pattern covers.
            candidates -= &self.compiled.classes().roots;
        }
        // Across accounts, and where no trust policy is involved, the identity's policies must allow.
        if candidates.is_empty() || (!trust && !self.may(&question)) {
            return reach;
        }
        for group in self.groups(&question, &candidates, trust) {
            let Some(first) = group.min() else { continue };
            let verdict = self.holder.answer(&question, &self.compiled.tables.entity(EntityId(first)).id);
            match verdict.decision {
                Decision::Denied => continue,
                Decision::Allowed => {
                    reach.certain |= &group;
                    reach.evidence.extend(allowing(&verdict));
                }
                Decision::Conditional | Decision::Unknown => {
                    reach.reasons.extend(hangs_on(&verdict));
                    reach.open_evidence.extend(allowing(&verdict));
                }
            }
            reach.possible |= &group;
        }
        reach.tidy();
        reach
    }

    fn anywhere(&self, ask: &Ask, on: On) -> Option<Standpoint> {
        let pins = pins(ask);
        let question = question(self.compiled, ask, &pins);
        match on {
            On::Everything => self.everything(&ask.action),
            On::Something if !self.may(&question) => None,
            On::Something if question.action.to_ascii_lowercase().starts_with("sts:") => {
                self.some_role(ask).or_else(|| witness::outside(&self.holder, &question))
            }
            On::Something => witness::somewhere(&self.holder, &question),
        }
    }

    fn together(&self, asks: &[Ask]) -> Option<Standpoint> {
        let pins: Vec<_> = asks.iter().map(pins).collect();
        let questions: Vec<Question<'_>> =
            asks.iter().zip(&pins).map(|(ask, pins)| question(self.compiled, ask, pins)).collect();
        let may = questions.iter().all(|question| self.may(question));
        may.then(|| witness::together(&self.holder, &questions)).flatten()
    }

    fn manages_permissions(&self) -> Option<Standpoint> {
        let all = |actions: &[&str]| {
            let found: Option<Vec<Standpoint>> = actions.iter().map(|action| self.everything(action)).collect();
            found?.into_iter().reduce(|a, b| witness::both(a, &b))
        };
        let takeover = Standpoint::best(TAKEOVERS.iter().filter_map(|actions| all(actions)));
        takeover.or_else(|| {
            let some = Standpoint::best(MANAGING.iter().filter_map(|action| all(&[action])))?;
            let reason = "a boundary, a deny or an organisation's control leaves only some ways to change permissions";
            let reasons = vec![reason.to_owned()];
            Some(Standpoint { certainty: Certainty::Conditional, reasons, evidence: some.evidence })
        })
    }

    fn access(&self) -> Vec<Access> {
        self.summary().rows(self.holder.entity)
    }
}

/// Actions that together, on everything, make someone whom the caller controls an administrator.
const TAKEOVERS: &[&[&str]] = &[
    &["iam:CreateRole", "iam:AttachRolePolicy"],
    &["iam:CreateRole", "iam:PutRolePolicy"],
    &["iam:UpdateAssumeRolePolicy", "iam:AttachRolePolicy"],
    &["iam:UpdateAssumeRolePolicy", "iam:PutRolePolicy"],
    &["iam:CreateAccessKey", "iam:AttachUserPolicy"],
    &["iam:CreateAccessKey", "iam:PutUserPolicy"],
];

/// Everything in [`MANAGING`] and [`TAKEOVERS`], as numbers of the catalogue.
static MANAGING_ACTIONS: LazyLock<RoaringBitmap> = LazyLock::new(|| {
    let catalog = Catalog::get();
    MANAGING.iter().chain(TAKEOVERS.iter().copied().flatten()).filter_map(|action| catalog.find(action)).collect()
});

/// Actions of which each, on everything, gives permissions to someone.
const MANAGING: &[&str] = &[
    "iam:AttachGroupPolicy",
    "iam:AttachRolePolicy",
    "iam:AttachUserPolicy",
    "iam:CreatePolicyVersion",
    "iam:PutGroupPolicy",
    "iam:PutRolePolicy",
    "iam:PutUserPolicy",
    "iam:UpdateAssumeRolePolicy",
];

/// Several ways in which a class may have changed: what any of them may do.
pub struct AnyOf<'c>(pub Vec<ClassView<'c>>);

impl View for AnyOf<'_> {
    fn targets(&self, ask: &Ask, among: &RoaringBitmap) -> Reach {
        Reach::union(self.0.iter().map(|view| view.targets(ask, among)))
    }

    fn anywhere(&self, ask: &Ask, on: On) -> Option<Standpoint> {
        Standpoint::best(self.0.iter().filter_map(|view| view.anywhere(ask, on)))
    }

    fn together(&self, asks: &[Ask]) -> Option<Standpoint> {
        Standpoint::best(self.0.iter().filter_map(|view| view.together(asks)))
    }

    fn manages_permissions(&self) -> Option<Standpoint> {
        Standpoint::best(self.0.iter().filter_map(View::manages_permissions))
    }

    fn access(&self) -> Vec<Access> {
        self.0.first().map(View::access).unwrap_or_default()
    }
}

impl ClassView<'_> {
    /// Whether some role of the export lets the class in.
    fn some_role(&self, ask: &Ask) -> Option<Standpoint> {
        self.targets(ask, &self.compiled.classes().roles).standpoint()
    }

    /// Whether every action that a pattern matches is allowed on everything. What decides over permissions is asked of
    /// every class again and again, and counted apart from the thousands of other actions.
    fn everything(&self, pattern: &str) -> Option<Standpoint> {
        let asked = Catalog::get().matching(pattern);
        if !self.holder.all_allowed && self.holder.identity_missing.is_empty() && !asked.is_subset(self.granted()) {
            return None;
        }
        if self.summary.get().is_none() && asked.is_subset(&MANAGING_ACTIONS) {
            let narrow = || access::Summary::of_actions(&self.holder, &MANAGING_ACTIONS);
            return self.managing.get_or_init(narrow).everything(pattern);
        }
        self.summary().everything(pattern)
    }

    fn summary(&self) -> &access::Summary {
        self.summary.get_or_init(|| access::Summary::of(&self.holder))
    }
}

/// A standpoint for an answer; `None` when it is no.
pub fn standpoint(verdict: &Verdict) -> Option<Standpoint> {
    let certainty = match verdict.decision {
        Decision::Denied => return None,
        Decision::Allowed => Certainty::Certain,
        Decision::Conditional | Decision::Unknown => Certainty::Conditional,
    };
    let reasons = if certainty == Certainty::Certain { Vec::new() } else { hangs_on(verdict) };
    let mut evidence: Vec<u32> = allowing(verdict).collect();
    evidence.sort_unstable();
    evidence.dedup();
    Some(Standpoint { certainty, reasons, evidence })
}
