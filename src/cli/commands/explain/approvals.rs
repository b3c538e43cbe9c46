//! Whether an agent comes to a privileged change past every human approval: a way, or the approvals that close every one.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::findings::handoffs::{Answer, Crossing, Place, Step, Verdict};
use crate::model::{Certainty, Grant, Tables};
use crate::reports::escape::plain;

/// Statements told of one step in the text; the JSON form has all.
const STATEMENTS_N: usize = 3;

/// A step with names in place of numbers.
#[derive(Debug)]
struct Named {
    from: String,
    to: String,
    how: String,
    certainty: Certainty,
    reasons: Vec<String>,
    /// Statements and rows of tables, with file and place.
    evidence: Vec<String>,
}

/// An answer with names in place of numbers: what it takes to tell is not kept with the snapshot.
#[derive(Debug)]
pub struct Told {
    verdict: Verdict,
    says: &'static str,
    way: Vec<Named>,
    approvals: Vec<(Named, Vec<String>)>,
}

impl Told {
    /// Looks up the names.
    pub fn new(tables: &Tables, answer: Answer) -> Self {
        let says = answer.says();
        let Answer { verdict, way, approvals, .. } = answer;
        let crossing = |one: Crossing| (named(tables, &one.step), one.approvals);
        Self {
            verdict,
            says,
            way: way.iter().map(|step| named(tables, step)).collect(),
            approvals: approvals.into_iter().map(crossing).collect(),
        }
    }

    /// The JSON form: `{verdict, says, way[{from, to, how, certainty, reasons[], evidence[]}], approvals[{from, to, how,
    /// approved_by[]}]}`.
    pub fn published(&self) -> Value {
        let step = |one: &Named| {
            json!({
                "from": one.from, "to": one.to, "how": one.how, "certainty": one.certainty, "reasons": one.reasons,
                "evidence": one.evidence,
            })
        };
        let crossing = |(one, rows): &(Named, Vec<String>)| json!({"from": one.from, "to": one.to, "how": one.how, "approved_by": rows});
        json!({
            "verdict": self.verdict,
            "says": self.says,
            "way": self.way.iter().map(step).collect::<Vec<_>>(),
            "approvals": self.approvals.iter().map(crossing).collect::<Vec<_>>(),
        })
    }

    /// A section of the page.
    pub fn tell(&self, text: &mut String) {
        // Writing to a string cannot fail, here and below.
        let _ = writeln!(text, "\nHuman approval before privileged change");
        let _ = writeln!(text, "  {}", self.says);
        for (step, at) in self.way.iter().zip(1..) {
            let how = plain(&step.how);
            let _ = writeln!(text, "  {at}. {} to {} by {how}, {}", plain(&step.from), plain(&step.to), step.certainty);
            if !step.reasons.is_empty() {
                let _ = writeln!(text, "     if {}", plain(&step.reasons.join("; ")));
            }
            for line in step.evidence.iter().take(STATEMENTS_N) {
                let _ = writeln!(text, "     {}", plain(line));
            }
            if step.evidence.len() > STATEMENTS_N {
                let _ = writeln!(text, "     and {} more", step.evidence.len() - STATEMENTS_N);
            }
        }
        for (step, rows) in &self.approvals {
            let _ = writeln!(text, "  - {} to {} by {}", plain(&step.from), plain(&step.to), plain(&step.how));
            for row in rows {
                let _ = writeln!(text, "    {}", plain(row));
            }
        }
    }
}

fn named(tables: &Tables, step: &Step) -> Named {
    let place = |place: &Place| match place {
        Place::Entity(entity) => tables.entity(*entity).id.clone(),
        Place::Queue(name) => format!("queue `{name}`"),
    };
    let grants = step.grants.iter().filter_map(|&at| tables.grants.get(at as usize));
    let evidence = grants.map(|grant| cited(tables, grant)).chain(step.rows.iter().cloned()).collect();
    Named {
        from: place(&step.from),
        to: place(&step.to),
        how: step.how.clone(),
        certainty: step.certainty,
        reasons: step.reasons.clone(),
        evidence,
    }
}

fn cited(tables: &Tables, grant: &Grant) -> String {
    let file = tables.sources.get(grant.source.0 as usize).map_or("?", |source| source.path.as_str());
    format!("statement `{}` of `{}` ({file}, {})", grant.statement, grant.policy, grant.record)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::EntityId;
    use crate::reports::tests::Fixture;

    fn step(to: Place) -> Step {
        Step {
            from: Place::Entity(EntityId(3)),
            to,
            how: "a request of workflow `w`".to_owned(),
            certainty: Certainty::Conditional,
            reasons: vec!["nobody knows".to_owned()],
            grants: vec![0],
            rows: vec!["the requests of workflow `w` go to `q` (w.csv, line 2)".to_owned()],
            handoff: true,
        }
    }

    fn told(way: Vec<Step>, approvals: Vec<Crossing>, verdict: Verdict) -> (String, Value) {
        let told = Told::new(&Fixture::default().tables, Answer { agent: EntityId(3), verdict, way, approvals });
        let mut text = String::new();
        told.tell(&mut text);
        (text, told.published())
    }

    #[test]
    fn a_way_is_told_with_all_that_it_stands_on() {
        let (text, json) = told(vec![step(Place::Queue("q".to_owned()))], vec![], Verdict::PerhapsUnapproved);
        assert_eq!(
            text,
            "
Human approval before privileged change
  a way that hangs on something leads to a privileged change past every human approval
  1. arn:aws:iam::111122223333:role/ci/deploy to queue `q` by a request of workflow `w`, conditional
     if nobody knows
     statement `Keys` of `inline` (iam.json, /RoleDetailList/0)
     the requests of workflow `w` go to `q` (w.csv, line 2)
"
        );
        assert_eq!(json["verdict"], "perhaps_unapproved");
        assert_eq!(json["way"][0]["evidence"].as_array().map(Vec::len), Some(2));
    }

    #[test]
    fn the_approvals_that_close_every_way_are_named() {
        let crossing = Crossing { step: step(Place::Entity(EntityId(0))), approvals: vec!["`w` by `ann`".to_owned()] };
        let (text, json) = told(vec![], vec![crossing], Verdict::Approved);
        assert!(text.ends_with(" to 111122223333 by a request of workflow `w`\n    `w` by `ann`\n"), "{text}");
        assert_eq!(json["approvals"][0]["approved_by"][0], "`w` by `ann`");
    }
}
