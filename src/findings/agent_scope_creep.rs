//! An agent whose permissions grew without a record.

use super::history::fingerprint;
use super::{Context, Draft, Frameworks, Info, Rule, sort};
use crate::model::{Access, Decision, EntityId, Finding, FindingState};

/// See [`Info::meaning`].
pub struct AgentScopeCreep;

/// Id of the rule.
pub const RULE: &str = "agent-scope-creep";
/// It may change permissions that it could not change.
const PERMISSIONS: &str = "permissions";
/// It may change things that it could not change.
const WRITE: &str = "write";
/// It may look at more.
const READ: &str = "read";
/// What is more hangs on a condition.
const CONDITIONAL: &str = "conditional";

const INFO: Info = Info {
    id: RULE,
    title: "AI agent or workflow gained permissions without a record",
    meaning: "The effective permissions of an AI agent, or of an identity that a workflow runs as, grew since an earlier \
              snapshot: actions came, or a right is wider or hangs on less. Rows that came (or denies and boundaries \
              that went) make it so, no approved decision of the ledger was to make them, and what its workflows are \
              declared to do did not grow with it: no new workflow, no function `execute`, no role baseline for the \
              service. It stays open, with the snapshot that it was first compared with, until that is gone, recorded \
              or declared. A first scan and an identity that is new find nothing.",
    remediation: "Find out who widened the rights and why. Record the decision with its rows and declare the new task \
                  if it was right, or take them back.",
    cases: &[
        (PERMISSIONS, "it may change permissions that it could not change before"),
        (WRITE, "it may change things that it could not change before"),
        (READ, "it may list, read or tag more than before"),
        (CONDITIONAL, "what it gained hangs on a condition"),
    ],
};

impl Rule for AgentScopeCreep {
    fn info(&self) -> &'static Info {
        &INFO
    }

    /// Nothing: it takes an earlier snapshot, with which [`apply`] is given what grew.
    fn check(&self, _: &Context<'_>) -> Vec<Draft> {
        Vec::new()
    }
}

/// How much of one service and level a principal holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extent {
    /// Actions that are granted for certain.
    pub certain: u32,
    /// Those, and the ones that are granted under a condition.
    pub possible: u32,
    /// Widest scope of the certain ones: 0 for nothing, 1 for one, 2 for a prefix, 3 for all.
    pub breadth: usize,
}

/// Scopes of a right, the narrowest first.
const BREADTHS: [&str; 4] = ["nothing", "one", "prefix", "all"];

impl Extent {
    /// With one more row of the access table. What cannot be decided is not known to be held.
    #[must_use]
    pub fn with(mut self, row: &Access) -> Self {
        match row.decision {
            Decision::Allowed => {
                self.certain += row.granted_n;
                self.possible += row.granted_n;
                let breadth = BREADTHS.iter().position(|name| *name == row.breadth).unwrap_or(0);
                self.breadth = self.breadth.max(if row.granted_n > 0 { breadth } else { 0 });
            }
            Decision::Conditional => self.possible += row.granted_n,
            Decision::Denied | Decision::Unknown => {}
        }
        self
    }

    /// Whether more is held for certain, or at most, than before; `None` when neither.
    #[must_use]
    pub const fn beyond(self, before: Self) -> Option<Decision> {
        if self.certain > before.certain || self.breadth > before.breadth {
            return Some(Decision::Allowed);
        }
        if self.possible > before.possible { Some(Decision::Conditional) } else { None }
    }

    fn says(self) -> String {
        let breadth = BREADTHS.get(self.breadth).unwrap_or(&"nothing");
        format!("{} for certain on {breadth}, {} at most", self.certain, self.possible)
    }

    fn parse(text: &str) -> Option<Self> {
        let (certain, rest) = text.split_once(" for certain on ")?;
        let (breadth, rest) = rest.split_once(", ")?;
        let breadth = BREADTHS.iter().position(|name| *name == breadth)?;
        Some(Self { certain: certain.parse().ok()?, possible: rest.strip_suffix(" at most")?.parse().ok()?, breadth })
    }
}

/// More of one service and level than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grown {
    pub service: String,
    pub level: String,
    pub now: Extent,
    pub before: Extent,
    /// Of which snapshot `before` is: its date.
    pub since: String,
}

impl Grown {
    /// The growth as evidence, from which [`reference()`] reads what it was compared with.
    #[must_use]
    pub fn fact(&self) -> String {
        format!("`{}` {}: {}; {}: {}", self.service, self.level, self.now.says(), self.since, self.before.says())
    }

    fn case(&self) -> Option<&'static str> {
        Some(match (self.now.beyond(self.before)?, self.level.as_str()) {
            (Decision::Allowed, "permissions") => PERMISSIONS,
            (Decision::Allowed, "write") => WRITE,
            (Decision::Allowed, _) => READ,
            _ => CONDITIONAL,
        })
    }
}

/// What an earlier finding compared a service and level with, when the line is about them: the extent and the date.
#[must_use]
pub fn reference(line: &str, service: &str, level: &str) -> Option<(Extent, String)> {
    let rest = line.strip_prefix(&format!("`{service}` {level}: "))?;
    let (since, before) = rest.rsplit_once("; ")?.1.split_once(": ")?;
    Some((Extent::parse(before)?, since.to_owned()))
}

/// An identity that gained permissions, and what made it so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Creep {
    pub entity: EntityId,
    /// At least one.
    pub grown: Vec<Grown>,
    /// Rows that came or went without a record, in words that outlive a scan.
    pub causes: Vec<String>,
    /// Whether there is a ledger that could have explained it.
    pub ledger: bool,
}

/// Adds a finding for each of them.
pub fn apply(context: &Context<'_>, frameworks: &Frameworks, creeps: &[Creep], findings: &mut Vec<Finding>) {
    let order: Vec<&str> = INFO.cases.iter().map(|case| case.0).collect();
    for creep in creeps {
        let id = context.tables.entity(creep.entity).id.as_str();
        let cases = creep.grown.iter().filter_map(Grown::case);
        let Some(worst) = cases.min_by_key(|case| order.iter().position(|known| known == case)) else { continue };
        if context.config.exclusion(RULE, id).is_some() {
            continue;
        }
        let since = creep.grown.iter().map(|one| one.since.as_str()).min().unwrap_or_default();
        let mut evidence = vec![format!("compared with the snapshot of {since}")];
        evidence.extend(creep.grown.iter().map(Grown::fact));
        evidence.extend(creep.causes.iter().cloned());
        let open =
            if creep.ledger { "no approved decision of the ledger was to do that" } else { "the store has no ledger" };
        evidence.push(open.to_owned());
        findings.push(Finding {
            fingerprint: fingerprint(RULE, id, &[]),
            rule: RULE.to_owned(),
            severity: context.config.severity(RULE, worst),
            entity: creep.entity,
            title: format!("{} gained permissions since {since} without a record", context.call(creep.entity)),
            subjects: Vec::new(),
            evidence,
            frameworks: frameworks.of_rule(RULE).to_vec(),
            first_seen: context.facts.as_of,
            state: FindingState::New,
            exception: None,
            affected_n: 1,
        });
    }
    sort(findings);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testkit::World;
    use crate::model::Severity;

    const NONE: Extent = Extent { certain: 0, possible: 0, breadth: 0 };

    fn grown(level: &str, now: Extent, before: Extent) -> Grown {
        let (service, since) = ("iam".to_owned(), "2026-11-15".to_owned());
        Grown { service, level: level.to_owned(), now, before, since }
    }

    #[test]
    fn more_actions_a_wider_scope_and_fewer_conditions_are_growth_and_less_is_none() {
        let some = Extent { certain: 2, possible: 3, breadth: 1 };
        for (now, expected) in [
            (some, None),
            (NONE, None),
            (Extent { certain: 3, ..some }, Some(Decision::Allowed)),
            (Extent { breadth: 3, ..some }, Some(Decision::Allowed)),
            (Extent { possible: 4, ..some }, Some(Decision::Conditional)),
            (Extent { certain: 1, possible: 4, ..some }, Some(Decision::Conditional)),
        ] {
            assert_eq!(now.beyond(some), expected, "{now:?}");
        }
    }

    #[test]
    fn what_a_finding_compared_with_can_be_read_from_its_evidence() {
        let before = Extent { certain: 2, possible: 3, breadth: 2 };
        let line = grown("write", Extent { certain: 5, possible: 5, breadth: 3 }, before).fact();
        assert_eq!(
            line,
            "`iam` write: 5 for certain on all, 5 at most; 2026-11-15: 2 for certain on prefix, 3 at most"
        );
        assert_eq!(reference(&line, "iam", "write"), Some((before, "2026-11-15".to_owned())));
        assert_eq!((reference(&line, "iam", "read"), reference("new: x", "iam", "write")), (None, None));
    }

    #[test]
    fn severity_goes_by_the_highest_level_that_grew() {
        let one = Extent { certain: 1, possible: 1, breadth: 1 };
        let open = Extent { possible: 1, ..NONE };
        for (rows, expected) in [
            (vec![grown("read", one, NONE), grown("permissions", one, NONE)], Some(Severity::High)),
            (vec![grown("read", one, NONE), grown("write", one, NONE)], Some(Severity::Medium)),
            (vec![grown("tagging", one, NONE)], Some(Severity::Low)),
            (vec![grown("permissions", open, NONE)], Some(Severity::Low)),
            (vec![grown("write", one, one)], None),
        ] {
            let mut world = World::new();
            world.robot("agent");
            let found = world.with(|context| {
                let entity = context.tables.find(&World::user_id("agent")).expect("it is there");
                let creep = Creep { entity, grown: rows, causes: vec!["new: a".to_owned()], ledger: false };
                let mut findings = Vec::new();
                apply(context, &Frameworks::default(), &[creep], &mut findings);
                findings
            });
            assert_eq!(found.first().map(|row| row.severity), expected);
        }
    }
}
