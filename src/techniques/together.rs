//! Techniques whose requests different principals make, all under one attacker.
//!
//! A function is made by one principal that may pass the role, and called by another that may call it: neither gains
//! anything alone, and whoever controls both gains the role. What each class can add to a technique by one request is a
//! share; [`joint_arcs`] finds where the shares of all requests first come together, and follows what is gained.
//!
//! Such an edge carries the technique's id after [`TOGETHER`] and the statements of all who help, and the table `assists`
//! says who makes which request. Certain ways are looked for first; conditional ones from principals that no certain edge
//! brings as far. Who controls a whole account is not asked: it has everything there.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;

use roaring::RoaringBitmap;

use super::assembly::{Assembly, gains};
use super::format::{GainOf, Technique};
use super::index::Index;
use super::matcher::{Found, Matcher};
use super::matching::Targets;
use crate::access::{Class, Evaluator};
use crate::graph::{Csr, Joint, Share, joint_arcs};
use crate::model::{Assist, Certainty, EntityId, EntityKind, Tables};

/// What the technique of an edge begins with that several principals make together.
pub const TOGETHER: &str = "together:";

/// A technique that several requests make, and each of those.
pub struct Divided {
    whole: Technique,
    requests: Vec<Technique>,
    /// Number of the technique among its platform's.
    pub number: usize,
}

impl Divided {
    /// Techniques that several principals can make together.
    pub fn all(techniques: &[&Technique]) -> Vec<Self> {
        let divided = techniques.iter().enumerate().map(|(number, technique)| {
            let whole = Technique { id: format!("{TOGETHER}{}", technique.id), ..(*technique).clone() };
            Self { whole, requests: technique.requests(), number }
        });
        divided.filter(|one| !one.requests.is_empty()).collect()
    }
}

/// Techniques to which somebody can add something.
pub fn tasks<'p>(parts: impl Iterator<Item = &'p Part>) -> BTreeSet<usize> {
    parts.map(|part| part.task).collect()
}

/// What the members of a class can add to a technique by one request.
#[derive(Debug, Clone)]
pub struct Part {
    /// Number of the divided technique.
    pub task: usize,
    request: usize,
    class: usize,
    /// Targets of the request; the scope itself, where the technique has no target.
    certain: RoaringBitmap,
    possible: RoaringBitmap,
    reasons: Vec<String>,
    open_reasons: Vec<String>,
    evidence: Vec<u32>,
    open_evidence: Vec<u32>,
}

/// Which requests of which techniques are asked about: the first ones of all, and then the others of those whose first
/// request somebody can make. Most techniques end there, and what is asked of each class costs most.
#[derive(Debug, Clone, Copy)]
pub enum Asked<'a> {
    First,
    Others(&'a BTreeSet<usize>),
}

impl Asked<'_> {
    fn is_about(self, task: usize, request: usize) -> bool {
        match self {
            Self::First => request == 0,
            Self::Others(tasks) => request > 0 && tasks.contains(&task),
        }
    }
}

/// What one class can add to each technique that is `wanted`, by the requests that are asked about.
pub fn parts<'m>(
    divided: &[Divided],
    matcher: &impl Deref<Target = Matcher<'m>>,
    class: (usize, &Class),
    targets: &Targets,
    asked: Asked<'_>,
    wanted: &dyn Fn(usize) -> bool,
) -> Vec<Part> {
    let mut out = Vec::new();
    for (task, one) in divided.iter().enumerate().filter(|(task, _)| wanted(*task)) {
        let candidates = targets.get(one.number, class.1.scope);
        for (request, technique) in one.requests.iter().enumerate().filter(|(at, _)| asked.is_about(task, *at)) {
            if let Some(found) = matcher.share(technique, candidates) {
                out.push(Part::new(task, request, class, technique, found));
            }
        }
    }
    out
}

impl Part {
    fn new(task: usize, request: usize, class: (usize, &Class), technique: &Technique, found: Found<'_>) -> Self {
        let scope = || RoaringBitmap::from_iter([class.1.scope.0]);
        let aims = technique.target.is_some() && technique.gain.of != GainOf::Scope;
        let (certain, possible) = if aims { (found.certain, found.possible) } else { (scope(), scope()) };
        let of_targets = found.candidates.map(|candidates| candidates.reasons(&(&possible - &certain)));
        let open_reasons = found.open_reasons.into_iter().chain(of_targets.unwrap_or_default()).collect();
        let certain = if found.conditional { RoaringBitmap::new() } else { certain };
        let (reasons, evidence, open_evidence) = (found.reasons, found.evidence, found.open_evidence);
        Self { task, request, class: class.0, certain, possible, reasons, open_reasons, evidence, open_evidence }
    }
}

/// What is known of one platform.
pub struct Platform<'p> {
    pub tables: &'p Tables,
    pub index: &'p Index<'p>,
    pub evaluator: &'p dyn Evaluator,
    pub divided: &'p [Divided],
    pub parts: &'p [Part],
}

/// Adds the edges that principals of one platform have together to a graph that has all others. Whether the search came
/// to its end.
pub fn join(platform: &Platform<'_>, graph: &mut Assembly<'_>) -> bool {
    let mut complete = true;
    for certainty in [Certainty::Certain, Certainty::Conditional] {
        complete &= platform.join(certainty, graph);
    }
    complete
}

impl Platform<'_> {
    fn join(&self, certainty: Certainty, graph: &mut Assembly<'_>) -> bool {
        let parts = self.usable(certainty);
        if parts.is_empty() {
            return true;
        }
        let classes = self.evaluator.classes();
        let shares: Vec<Share> = parts
            .iter()
            .map(|part| Share {
                task: number(part.task),
                part: number(part.request),
                holders: classes[part.class].members.iter().map(|member| member.0).collect(),
                targets: part.targets(certainty).clone(),
            })
            .collect();
        let arcs: Vec<(u32, u32, u32)> = graph
            .edges()
            .iter()
            .filter(|edge| certainty == Certainty::Conditional || edge.certainty == Certainty::Certain)
            .map(|edge| (edge.src, edge.dst, 0))
            .collect();
        let whole = Csr::from_arcs(graph.nodes(), arcs.iter().copied());
        let requests: Vec<u32> = self.divided.iter().map(|one| number(one.requests.len())).collect();
        let entities = self.tables.entities.len();
        let last: Vec<u32> = self.scopes();
        let found = joint_arcs(&whole, &last, &requests, &shares, |node| (node as usize) < entities);
        for joint in &found.list {
            self.add(joint, &parts, certainty, graph);
        }
        found.complete
    }

    /// Scopes that are in no other: who controls one has everything in it.
    fn scopes(&self) -> Vec<u32> {
        let top = self.tables.entities.iter().filter(|one| one.kind == EntityKind::Scope && one.scope.is_none());
        top.map(|one| one.entity.0).collect()
    }

    /// Parts of techniques all of whose requests somebody can make.
    fn usable(&self, certainty: Certainty) -> Vec<&Part> {
        let mut requests: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        let has = |part: &&Part| !part.targets(certainty).is_empty();
        for part in self.parts.iter().filter(has) {
            requests.entry(part.task).or_default().push(part.request);
        }
        let whole = |task: usize| {
            let made = requests.get(&task).map(Vec::as_slice).unwrap_or_default();
            (0..self.divided[task].requests.len()).all(|request| made.contains(&request))
        };
        self.parts.iter().filter(has).filter(|part| whole(part.task)).collect()
    }

    fn add(&self, joint: &Joint, parts: &[&Part], certainty: Certainty, graph: &mut Assembly<'_>) {
        let divided = &self.divided[joint.task as usize];
        let mut found = Found {
            certain: joint.targets.clone(),
            possible: joint.targets.clone(),
            conditional: certainty == Certainty::Conditional,
            ..Found::default()
        };
        for &(_, share, holder) in &joint.helpers {
            let part = parts[share as usize];
            let mut evidence = part.evidence.clone();
            if found.conditional {
                found.reasons.extend(part.reasons.iter().chain(&part.open_reasons).cloned());
                evidence.extend(&part.open_evidence);
            }
            found.evidence.extend(self.evaluator.evidence_of(part.class, EntityId(holder), &evidence));
        }
        if found.conditional && found.reasons.is_empty() {
            found.reasons.push("whoever helps must come under control, which is not certain".to_owned());
        }
        let src = EntityId(joint.src);
        let mut drafts = Vec::new();
        let scope = joint.targets.min().map_or(src, EntityId);
        gains(&divided.whole, &[src], scope, &found, self.index, &mut drafts);
        for draft in drafts {
            for (at, dst) in graph.add(draft, &|_, evidence| evidence.to_vec()) {
                debug_assert_eq!(at, src, "an edge leaves who makes it");
                graph.assists.extend(joint.helpers.iter().map(|&(request, _, holder)| Assist {
                    src: src.0,
                    dst,
                    technique: divided.whole.id.clone(),
                    request: request + 1,
                    by: EntityId(holder),
                }));
            }
        }
    }
}

impl Part {
    /// The same, of a class by its number today.
    #[must_use]
    pub fn of_class(&self, class: usize) -> Self {
        Self { class, ..self.clone() }
    }

    /// Where it stands among the parts of its class.
    pub const fn place(&self) -> (usize, usize) {
        (self.task, self.request)
    }

    const fn targets(&self, certainty: Certainty) -> &RoaringBitmap {
        match certainty {
            Certainty::Certain => &self.certain,
            Certainty::Conditional => &self.possible,
        }
    }
}

/// A place in a list of this module as the number that the graph knows it by.
fn number(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
