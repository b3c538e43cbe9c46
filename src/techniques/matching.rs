//! Matches techniques against effective permissions and makes the attack graph.
//!
//! A technique is asked once for each class of principals. Its targets are a set: where it has several, the edge goes
//! to a *target-set node* that all classes with the same set share, and from there to each target, so that the graph
//! grows with policies and not with principals times targets. The two halves of a set, certain targets and those
//! that hang on something, are two nodes.
//!
//! Edges are sorted by their ends and technique; the same tables give the same graph whatever the threads did.

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::Library;
use super::assembly::{Assembly, Draft};
use super::format::{Scope, Technique};
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
    let index = Index::new(tables);
    let mut graph = Assembly::new(tables);
    let mut shared_work = Vec::new();
    for (platform, evaluator) in evaluators.iter() {
        let techniques: Vec<&Technique> =
            library.techniques.iter().filter(|technique| technique.platform == platform).collect();
        let classes = evaluator.classes();
        let candidates = Targets::of(&index, &techniques, classes);
        let shared = Shared { index: &index, evaluator, others: Others::new(tables, evaluator) };
        let divided = Divided::all(&techniques);
        let found: Vec<(Vec<Draft<'_>>, Option<Vec<Part>>)> = classes
            .par_iter()
            .enumerate()
            .map(|(number, class)| {
                let matcher = Matcher::new(&shared, number, class);
                let drafts = |(at, technique)| matcher.drafts(technique, candidates.get(at, class.scope));
                let drafts: Vec<Draft<'_>> = techniques.iter().copied().enumerate().flat_map(drafts).collect();
                // Who is an administrator needs nobody's help.
                let alone = drafts.iter().any(Draft::administers);
                let first = (!alone).then(|| parts(&divided, &matcher, (number, class), &candidates, Asked::First));
                done(1);
                (drafts, first)
            })
            .collect();
        let mut all_parts = Vec::new();
        let mut helpers = Vec::new();
        for (number, (drafts, first)) in found.into_iter().enumerate() {
            let own = |member, evidence: &[u32]| evaluator.evidence_of(number, member, evidence);
            for draft in drafts {
                graph.add(draft, &own);
            }
            if let Some(first) = first {
                all_parts.extend(first);
                helpers.push(number);
            }
        }
        let begun = together::tasks(&all_parts);
        let others: Vec<Vec<Part>> = if begun.is_empty() {
            Vec::new()
        } else {
            let of = |number: usize| {
                let matcher = Matcher::new(&shared, number, &classes[number]);
                let class = (number, &classes[number]);
                parts(&divided, &matcher, class, &candidates, Asked::Others(&begun))
            };
            helpers.par_iter().map(|&number| of(number)).collect()
        };
        all_parts.extend(others.into_iter().flatten());
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
