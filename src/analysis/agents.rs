//! Whether an agent comes to a privileged change past every human approval, asked of a stored snapshot.

use crate::access::{Evaluators, Settings};
use crate::findings::Asked;
use crate::findings::agents::agents;
use crate::findings::handoffs::{Answer, Handoffs};
use crate::model::{EntityId, Results, Tables};

use super::{stored, writers};

/// The answer for a principal; `None` when it is no agent. It takes all input tables and the whole attack graph.
#[must_use]
pub fn approvals(tables: &Tables, results: &Results, as_of: i64, principal: EntityId) -> Option<Answer> {
    let all = agents(tables);
    let agent = all.iter().find(|agent| agent.principal == principal)?;
    let land = stored(tables, results);
    let evaluators = Evaluators::new(tables, Settings { as_of });
    let asked = writers::ask(tables, &evaluators, &results.edges, Asked::default());
    let handoffs = Handoffs::new(tables, &land, &asked);
    Some(handoffs.answer(agent))
}
