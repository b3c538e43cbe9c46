//! The tools: one line each, with what a client is told of it. Nothing here comes from an export.

use serde_json::Value;

use super::arguments::Arguments;
use super::session::{Answer, Refusal, Session};
use super::{answers, schemas};

/// A tool.
pub struct Tool {
    pub name: &'static str,
    pub title: &'static str,
    /// What it answers and how to read that.
    pub description: &'static str,
    input: fn() -> Value,
    data: fn() -> Value,
    pub(super) answer: fn(&Session, &Arguments<'_>) -> Result<Answer, Refusal>,
}

impl Tool {
    /// JSON Schema of the arguments.
    #[must_use]
    pub fn input_schema(&self) -> Value {
        (self.input)()
    }

    /// JSON Schema of the answer.
    #[must_use]
    pub fn output_schema(&self) -> Value {
        schemas::answer(&(self.data)())
    }
}

/// Every tool, in the order in which clients are told.
pub const ALL: &[Tool] = &[
    Tool {
        name: "summary",
        title: "Summary of the domain",
        description: "How many principals, findings and paths the domain has, how its risk is spread, and its metrics. \
                      Start here.",
        input: schemas::paged,
        data: schemas::summary,
        answer: answers::summary,
    },
    Tool {
        name: "query_findings",
        title: "Findings",
        description: "What should not be so in the domain, most urgent first. Filter by severity (at least this urgent), \
                      rule (`*` is a wildcard), state against the snapshot before, or principal.",
        input: schemas::query_findings,
        data: schemas::nothing,
        answer: answers::query_findings,
    },
    Tool {
        name: "explain_principal",
        title: "Everything about one entity",
        description: "Every fact about one principal, group, role or policy of the domain: memberships, statements, \
                      attachments, trusts, credentials, use, owners, approvals, access, scores, findings, paths.",
        input: schemas::principal_needed,
        data: schemas::entity,
        answer: answers::explain_principal,
    },
    Tool {
        name: "score",
        title: "Risk scores",
        description: "Risk from 0 to 100 with its interval and what it is made of, highest first, or of one principal. An \
                      absent column is unknown and not zero.",
        input: schemas::principal_optional,
        data: schemas::nothing,
        answer: answers::score,
    },
    Tool {
        name: "paths_to_protected",
        title: "Paths to what is protected",
        description: "The shortest ways by which principals of the domain come to control what is protected, step by step; \
                      conditional steps say what they hang on.",
        input: schemas::principal_optional,
        data: schemas::nothing,
        answer: answers::paths_to_protected,
    },
    Tool {
        name: "choke_points",
        title: "Choke points",
        description: "What attack paths have to pass, the exposure without it, and the one change that takes it away; of \
                      one principal, where it is the choke point or part of one.",
        input: schemas::principal_optional,
        data: schemas::nothing,
        answer: answers::choke_points,
    },
    Tool {
        name: "peers",
        title: "Comparison with peers",
        description: "How usual each permission of a principal is among those that it is compared with, the most unusual \
                      first.",
        input: schemas::principal_needed,
        data: schemas::nothing,
        answer: answers::peers,
    },
    Tool {
        name: "baseline",
        title: "Baselines",
        description: "What principals need for their jobs as declared, the rules of segregation of duties, the approval \
                      chains, and the metrics of the domain that a draft is measured against.",
        input: schemas::principal_optional,
        data: schemas::nothing,
        answer: answers::baseline,
    },
    Tool {
        name: "evaluate_change",
        title: "Evaluate a change set",
        description: "The gate's verdict on a drafted change set (allow, needs_human, needs_step_up, block) with witnesses \
                      and a counter-proposal. Nothing is applied or approved.",
        input: schemas::change_set,
        data: schemas::judged,
        answer: answers::evaluate_change,
    },
    Tool {
        name: "preview_rollback",
        title: "Preview the rollback of a change set",
        description: "The changes that would take a drafted change set back, and whether they were verified to.",
        input: schemas::change_set,
        data: schemas::rollback,
        answer: answers::preview_rollback,
    },
    Tool {
        name: "evidence_requirements",
        title: "Evidence that a change set needs",
        description: "Which approvals and evidence the risk tier of a drafted change set asks for, and what is missing.",
        input: schemas::change_set,
        data: schemas::evidence,
        answer: answers::evidence_requirements,
    },
    Tool {
        name: "ground",
        title: "Check claims against the facts",
        description: "Judges claims that cite facts and numbers: supported, contradicted (with the true value and where it \
                      stands), or unsupported. Check every recommendation before you show it.",
        input: schemas::ground,
        data: schemas::grounded,
        answer: answers::ground,
    },
];
