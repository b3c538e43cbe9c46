//! Matches techniques against effective permissions and makes the attack graph.
//!
//! A technique is asked once for each class of principals. Its targets are a set: where it has several, the edge goes
//! to a *target-set node* that all classes with the same set share, and from there to each target, so that the graph
//! grows with policies and not with principals times targets. The two halves of a set, certain targets and those
//! that hang on something, are two nodes.
//!
//! Edges are sorted by their ends and technique; the same tables give the same graph whatever the threads did.

use std::cell::LazyCell;
use std::collections::BTreeSet;
use std::ops::Deref;

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use super::Library;
use super::assembly::{Assembly, Draft};
use super::format::{By, On, Requirement, Scope, Technique};
use super::index::{Candidates, Index};
use super::matcher::{Matcher, Shared};
use super::others::Others;
use super::together::{self, Asked, Divided, Part, Platform, parts};
use crate::access::{Class, Evaluators};
use crate::model::{Assist, Edge, EntityId, Tables, TargetSet};

/// The attack graph: edges between entities and target-set nodes, and who is an administrator outright.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AttackGraph {
    /// Sorted by source, destination and technique, each of which there is once.
    pub edges: Vec<Edge>,
    pub target_sets: Vec<TargetSet>,
    /// Administrators of a scope by their effective permissions, with the technique that says so, sorted.
    pub administrators: Vec<(EntityId, String)>,
    /// Who helps with edges that several principals make together, in the order of the edges.
    pub assists: Vec<Assist>,
    /// Whether every edge was found that several principals make together.
    pub complete: bool,
}

/// What a change of statements, attachments and memberships concerns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changed {
    /// Whose own permissions may be others than before.
    pub holders: FxHashSet<EntityId>,
    /// Whether trust policies are others than before.
    pub trusts: bool,
}

/// Answers about the classes of a graph, for graphs of changed tables with the same entities.
pub struct Memory<'l> {
    /// By platform: the answers of each class by its first member, and the tasks that somebody could begin.
    platforms: Vec<(ByClass<'l>, BTreeSet<usize>)>,
}

/// Members and answers of classes, by their first member.
type ByClass<'l> = FxHashMap<EntityId, (Vec<EntityId>, Answers<'l>)>;

/// What one class answers to all techniques of its platform.
#[derive(Clone)]
struct Answers<'l> {
    /// By number of the technique.
    drafts: Vec<Vec<Draft<'l>>>,
    /// What it can add to the first requests of several principals; none when it needs nobody's help.
    first: Option<Vec<Part>>,
    /// The same for the other requests.
    others: Vec<Part>,
}

/// Builds the attack graph of all techniques over all platforms.
#[must_use]
pub fn attack_graph(tables: &Tables, evaluators: &Evaluators<'_>, library: &Library) -> AttackGraph {
    attack_graph_watched(tables, evaluators, library, &|_| ())
}

/// [`attack_graph`], telling how many more classes of principals were asked about all techniques whenever some were.
#[must_use]
pub fn attack_graph_watched(
    tables: &Tables,
    evaluators: &Evaluators<'_>,
    library: &Library,
    done: &(dyn Fn(u64) + Sync),
) -> AttackGraph {
    build(tables, evaluators, library, (None, None), done)
}

/// Builds the attack graph and keeps what it is made from.
#[must_use]
pub fn attack_graph_remembered<'l>(
    tables: &Tables,
    evaluators: &Evaluators<'_>,
    library: &'l Library,
) -> (AttackGraph, Memory<'l>) {
    let mut memory = Memory { platforms: Vec::new() };
    let graph = build(tables, evaluators, library, (None, Some(&mut memory)), &|_| ());
    (graph, memory)
}

/// Builds the attack graph of changed tables: the same as [`attack_graph`], at the price of what the change concerns.
/// Classes that it leaves as they are keep their answers, but for those techniques that look at permissions or trusts of
/// the target.
#[must_use]
pub fn attack_graph_after<'l>(
    tables: &Tables,
    evaluators: &Evaluators<'_>,
    library: &'l Library,
    memory: &Memory<'l>,
    changed: &Changed,
) -> AttackGraph {
    build(tables, evaluators, library, (Some((memory, changed)), None), &|_| ())
}

fn build<'l>(
    tables: &Tables,
    evaluators: &Evaluators<'_>,
    library: &'l Library,
    (before, mut remember): (Option<(&Memory<'l>, &Changed)>, Option<&mut Memory<'l>>),
    done: &(dyn Fn(u64) + Sync),
) -> AttackGraph {
    let index = Index::new(tables);
    let mut graph = Assembly::new(tables);
    let mut shared_work = Vec::new();
    for (at, (platform, evaluator)) in evaluators.iter().enumerate() {
        let techniques: Vec<&'l Technique> =
            library.techniques.iter().filter(|technique| technique.platform == platform).collect();
        let classes = evaluator.classes();
        let candidates = Targets::of(&index, &techniques, classes);
        let shared = Shared { index: &index, evaluator, others: Others::new(tables, evaluator) };
        let divided = Divided::all(&techniques);
        let known = before.and_then(|(memory, changed)| {
            let (answers, begun) = memory.platforms.get(at)?;
            Some(Known { answers, begun, changed })
        });
        let asked = Asking {
            shared: &shared,
            techniques: &techniques,
            candidates: &candidates,
            divided: &divided,
            known,
            done,
        };
        let (answers, begun) = asked.all(classes);
        if let Some(memory) = &mut remember {
            let of =
                |(class, answers): (&Class, &Answers<'l>)| (class.members[0], (class.members.clone(), answers.clone()));
            memory.platforms.push((classes.iter().zip(&answers).map(of).collect(), begun));
        }
        let mut all_parts = Vec::new();
        for (number, answers) in answers.into_iter().enumerate() {
            let own = |member, evidence: &[u32]| evaluator.evidence_of(number, member, evidence);
            for draft in answers.drafts.into_iter().flatten() {
                graph.add(draft, &own);
            }
            all_parts.push((answers.first.unwrap_or_default(), answers.others));
        }
        let (first, others): (Vec<Vec<Part>>, Vec<Vec<Part>>) = all_parts.into_iter().unzip();
        let all_parts: Vec<Part> = first.into_iter().chain(others).flatten().collect();
        shared_work.push((evaluator, divided, all_parts));
    }
    graph.federations(evaluators);
    graph.memberships(evaluators);
    graph.contents();
    let mut complete = true;
    for (evaluator, divided, parts) in &shared_work {
        let platform = Platform { tables, index: &index, evaluator: *evaluator, divided, parts };
        complete &= together::join(&platform, &mut graph);
    }
    AttackGraph { complete, ..graph.finish() }
}

/// Answers of before, and what has changed since.
#[derive(Clone, Copy)]
struct Known<'k, 'l> {
    answers: &'k ByClass<'l>,
    begun: &'k BTreeSet<usize>,
    changed: &'k Changed,
}

impl<'k, 'l> Known<'k, 'l> {
    /// The answers of a class that is the same as before.
    fn of(self, class: &Class) -> Option<&'k Answers<'l>> {
        let (members, answers) = self.answers.get(&class.members[0])?;
        let same = *members == class.members && !members.iter().any(|member| self.changed.holders.contains(member));
        same.then_some(answers)
    }

    /// Whether the answers of a class about a technique may hang on somebody else who changed.
    fn looks_at_others(self, technique: &Technique) -> bool {
        let target = technique.target.as_ref();
        let trusting = target.is_some_and(|one| !one.trusts_service.is_empty() || one.trusts_federated.is_some());
        let enters = technique.requires.iter().any(|one| one.actions().any(|action| action.starts_with("sts:")));
        let looks =
            |one: &Requirement| one.by == By::Target || matches!(one.on, On::TargetPolicy | On::TrustedProvider);
        technique.requires.iter().any(looks)
            || technique.gain.through == Some(By::Target)
            || (self.changed.trusts && (trusting || enters))
    }
}

/// All classes of one platform, asked about all of its techniques.
struct Asking<'a, 'l> {
    shared: &'a Shared<'a>,
    techniques: &'a [&'l Technique],
    candidates: &'a Targets,
    divided: &'a [Divided],
    known: Option<Known<'a, 'l>>,
    /// Is told of each class that was asked.
    done: &'a (dyn Fn(u64) + Sync),
}

impl<'l> Asking<'_, 'l> {
    /// The answers of each class, and the tasks that somebody can begin.
    fn all(&self, classes: &[Class]) -> (Vec<Answers<'l>>, BTreeSet<usize>) {
        let again: Vec<bool> =
            self.techniques.iter().map(|one| self.known.is_none_or(|known| known.looks_at_others(one))).collect();
        let mut answers: Vec<Answers<'l>> =
            classes.par_iter().enumerate().map(|class| self.first(class, &again)).collect();
        let begun = together::tasks(answers.iter().filter_map(|one| one.first.as_deref()).flatten());
        if !begun.is_empty() {
            // Others were asked about these tasks only.
            let same = self.known.is_some_and(|known| begun.is_subset(known.begun));
            let others: Vec<Vec<Part>> = classes
                .par_iter()
                .enumerate()
                .map(|class| match answers[class.0].first {
                    Some(_) => self.others(class, &again, &begun, same),
                    None => Vec::new(),
                })
                .collect();
            answers.iter_mut().zip(others).for_each(|(one, others)| one.others = others);
        }
        (answers, begun)
    }

    fn first(&self, (number, class): (usize, &Class), again: &[bool]) -> Answers<'l> {
        let kept = self.known.and_then(|known| known.of(class));
        let matcher = LazyCell::new(|| Matcher::new(self.shared, number, class));
        let drafts = |(at, &technique): (usize, &&'l Technique)| match kept {
            Some(kept) if !again[at] => kept.drafts[at].clone(),
            _ => matcher.drafts(technique, self.candidates.get(at, class.scope)),
        };
        let drafts: Vec<Vec<Draft<'l>>> = self.techniques.iter().enumerate().map(drafts).collect();
        // Who is an administrator needs nobody's help.
        let alone = drafts.iter().flatten().any(Draft::administers);
        let kept = kept.and_then(|kept| kept.first.as_deref());
        let first = (!alone).then(|| self.parts(&matcher, (number, class), Asked::First, again, kept));
        (self.done)(1);
        Answers { drafts, first, others: Vec::new() }
    }

    fn others(&self, class: (usize, &Class), again: &[bool], begun: &BTreeSet<usize>, same: bool) -> Vec<Part> {
        let kept = self.known.and_then(|known| known.of(class.1)).filter(|kept| same && kept.first.is_some());
        let matcher = LazyCell::new(|| Matcher::new(self.shared, class.0, class.1));
        self.parts(&matcher, class, Asked::Others(begun), again, kept.map(|kept| &kept.others[..]))
    }

    /// What a class can add, where that is not kept.
    fn parts<'m>(
        &self,
        matcher: &impl Deref<Target = Matcher<'m>>,
        class: (usize, &Class),
        asked: Asked<'_>,
        again: &[bool],
        kept: Option<&[Part]>,
    ) -> Vec<Part> {
        let fresh = |task: usize| kept.is_none() || again[self.divided[task].number];
        let mut found = parts(self.divided, matcher, class, self.candidates, asked, &fresh);
        if let Some(kept) = kept {
            found.extend(kept.iter().filter(|part| !fresh(part.task)).map(|part| part.of_class(class.0)));
            found.sort_by_key(Part::place);
        }
        found
    }
}

/// Targets of each technique, found once: for each scope that has actors, or for all scopes together.
pub struct Targets(FxHashMap<(usize, Option<EntityId>), Candidates>);

impl Targets {
    fn of(index: &Index<'_>, techniques: &[&Technique], classes: &[Class]) -> Self {
        let mut scopes: Vec<EntityId> = classes.iter().map(|class| class.scope).collect();
        scopes.sort_unstable();
        scopes.dedup();
        let mut asked = Vec::new();
        for (at, technique) in techniques.iter().enumerate() {
            match &technique.target {
                Some(target) if target.scope == Scope::Any => asked.push((at, None, target)),
                Some(target) => asked.extend(scopes.iter().map(|&scope| (at, Some(scope), target))),
                None => {}
            }
        }
        let candidates = |(at, scope, target): (usize, _, _)| {
            ((at, scope), index.candidates(target, &techniques[at].platform, scope))
        };
        Self(asked.into_par_iter().map(candidates).collect())
    }

    /// The targets of a technique, by its number, for actors of a scope.
    pub fn get(&self, technique: usize, scope: EntityId) -> Option<&Candidates> {
        self.0.get(&(technique, Some(scope))).or_else(|| self.0.get(&(technique, None)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Settings;
    use crate::model::Certainty;
    use crate::platforms::{self, input};

    const ACCOUNT: &str = "arn:aws:iam::111122223333";

    /// An edge with names for its ends; a target set has those of its targets.
    struct Named {
        from: String,
        to: Vec<String>,
        certainty: Certainty,
        reasons: Vec<String>,
        /// Resources of the statements that it stands on.
        evidence: Vec<String>,
    }

    /// The edges of users that one built-in technique makes in an export.
    fn edges(technique: &str, export: &str) -> Vec<Named> {
        let files = std::iter::once(("export", export.as_bytes()));
        let tables = input::read_texts(files, platforms::ALL).join(platforms::ALL);
        let evaluators = Evaluators::new(&tables, Settings { as_of: 0 });
        let technique = Library::built_in().unwrap().find(technique).unwrap().clone();
        let graph = attack_graph(&tables, &evaluators, &Library { techniques: vec![technique.clone()] });
        let name = |node: u32| tables.entity(EntityId(node)).name.clone();
        let entity = |node: u32| (node as usize) < tables.entities.len();
        let own: Vec<&Edge> = graph.edges.iter().filter(|edge| edge.technique == technique.id).collect();
        let ends = |edge: &Edge| -> Vec<String> {
            if entity(edge.dst) {
                return vec![name(edge.dst)];
            }
            own.iter().filter(|inner| inner.src == edge.dst).map(|inner| name(inner.dst)).collect()
        };
        let grants = |edge: &Edge| -> Vec<String> {
            edge.evidence.iter().map(|&grant| tables.grants[grant as usize].resources.join(" ")).collect()
        };
        own.iter()
            .filter(|edge| entity(edge.src) && tables.entity(EntityId(edge.src)).id.contains(":user/"))
            .map(|edge| Named {
                from: name(edge.src),
                to: ends(edge),
                certainty: edge.certainty,
                reasons: edge.reasons.clone(),
                evidence: grants(edge),
            })
            .collect()
    }

    fn user(name: &str, statements: &str) -> String {
        format!(
            r#"{{ "UserName": "{name}", "Arn": "{ACCOUNT}:user/{name}", "UserPolicyList": [{{ "PolicyName": "own",
                "PolicyDocument": {{ "Statement": [{statements}] }} }}] }}"#
        )
    }

    fn role(name: &str, condition: &str) -> String {
        format!(
            r#"{{ "RoleName": "{name}", "Arn": "{ACCOUNT}:role/{name}", "AssumeRolePolicyDocument": {{ "Statement": [{{
                "Effect": "Allow", "Principal": {{ "Service": "codebuild.amazonaws.com" }},
                "Action": "sts:AssumeRole", "Condition": {condition} }}] }} }}"#
        )
    }

    fn allow(action: &str, resource: &str, condition: &str) -> String {
        format!(r#"{{ "Effect": "Allow", "Action": "{action}", "Resource": "{resource}", "Condition": {condition} }}"#)
    }

    #[test]
    fn an_edge_cites_nothing_that_concerns_another_target() {
        let mfa = r#"{ "Bool": { "aws:MultiFactorAuthPresent": "true" } }"#;
        let pass = |role: &str, condition: &str| allow("iam:PassRole", &format!("{ACCOUNT}:role/{role}"), condition);
        let statements = [allow("codebuild:*", "*", "{}"), pass("free", "{}"), pass("guarded", mfa)].join(",");
        let roles = [role("free", "{}"), role("guarded", "{}")].join(",");
        let export =
            format!(r#"{{ "UserDetailList": [{}], "RoleDetailList": [{roles}] }}"#, user("builder", &statements));
        let found = edges("codebuild-001", &export);
        let [free, guarded] = &found[..] else { panic!("{} edges", found.len()) };
        assert_eq!((free.to.join(" ").as_str(), free.certainty), ("free", Certainty::Certain));
        assert_eq!((guarded.to.join(" ").as_str(), guarded.certainty), ("guarded", Certainty::Conditional));
        assert_eq!(free.reasons, Vec::<String>::new());
        assert_eq!(free.evidence, ["*".to_owned(), format!("{ACCOUNT}:role/free")]);
        assert!(guarded.reasons.iter().any(|why| why.contains("MultiFactorAuthPresent")), "{:?}", guarded.reasons);
        assert!(guarded.evidence.contains(&format!("{ACCOUNT}:role/guarded")));
    }

    #[test]
    fn reasons_of_trusts_are_those_of_the_targets_and_few() {
        let project = |at: u32| {
            let arn = format!("arn:aws:codebuild:eu-west-1:111122223333:project/{at}");
            role(&format!("build{at}"), &format!(r#"{{ "ArnLike": {{ "aws:SourceArn": "{arn}" }} }}"#))
        };
        let builder = |name: &str, roles: &str| {
            let pass = allow("iam:PassRole", &format!("{ACCOUNT}:role/{roles}"), "{}");
            user(name, &[allow("codebuild:*", "*", "{}"), pass].join(","))
        };
        let users = [builder("all", "*"), builder("one", "build3")].join(",");
        let roles = (0..6).map(project).collect::<Vec<_>>().join(",");
        let found =
            edges("codebuild-001", &format!(r#"{{ "UserDetailList": [{users}], "RoleDetailList": [{roles}] }}"#));
        let [all, one] = &found[..] else { panic!("{} edges", found.len()) };
        assert_eq!((all.from.as_str(), all.to.len(), all.reasons.len()), ("all", 6, 5));
        assert_eq!(all.reasons[4], "with some of 6 targets: more reasons of this kind");
        assert_eq!((one.from.as_str(), one.to.join(" ").as_str()), ("one", "build3"));
        let [why] = &one.reasons[..] else { panic!("{:?}", one.reasons) };
        assert!(why.starts_with("the trust policy of the target requires ") && why.contains("project/3"), "{why}");
    }

    #[test]
    fn members_of_a_class_are_told_apart_by_what_they_may_do_to_themselves() {
        let member = |name: &str| {
            format!(r#"{{ "UserName": "{name}", "Arn": "{ACCOUNT}:user/{name}", "GroupList": ["team"] }}"#)
        };
        let users = ["a", "b", "c"].map(member).join(",");
        let statements = ["a", "c"].map(|name| allow("iam:PutUserPolicy", &format!("{ACCOUNT}:user/{name}"), "{}"));
        let team = format!(
            r#"{{ "GroupName": "team", "Arn": "{ACCOUNT}:group/team", "GroupPolicyList": [{{ "PolicyName": "own",
                "PolicyDocument": {{ "Statement": [{}] }} }}] }}"#,
            statements.join(",")
        );
        let found = edges("iam-007", &format!(r#"{{ "UserDetailList": [{users}], "GroupDetailList": [{team}] }}"#));
        let from: Vec<_> = found.iter().map(|edge| (edge.from.as_str(), edge.certainty)).collect();
        assert_eq!(from, [("a", Certainty::Certain), ("c", Certainty::Certain)]);
    }
}
