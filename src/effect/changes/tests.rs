//! Records whose sums, shares, intervals and p-values were worked out by hand.

use super::*;
use crate::effect::objective::{Better, Guardrail, Objective, Unit};
use crate::effect::study::{Shot, of_shots};
use crate::effect::verdict::{Held, Rail};
use crate::ledger::record::{Actor, ActorKind, Ai, ApprovalGiven, Draft, Kind, NO_PREVIOUS};
use crate::model::text::format_time;

/// 2026-11-22T00:00:00Z; all times below are seconds after it.
const START: i64 = 1_795_305_600;
const DAY: i64 = 86_400;

/// A ledger in the making.
#[derive(Default)]
struct Book(Vec<Record>);

impl Book {
    fn put(&mut self, said: Draft, second: i64) -> u64 {
        let seq = self.0.len() as u64;
        let prev = self.0.last().map_or_else(|| NO_PREVIOUS.to_owned(), |last| last.hash.clone());
        self.0.push(Record::seal(said, seq, &prev, (START + second) * 1000).expect("a record").0);
        seq
    }

    /// The gate's answer about a draft, which a model wrote or a person.
    fn gate(&mut self, draft: &str, ai: bool, verdict: Verdict, second: i64) -> &mut Self {
        self.put(Draft { verdict: Some(verdict), ..about(draft, ai, Kind::Gate) }, second);
        self
    }

    /// The gate's answer with what the change does to the metric `m`, in a workflow where one is named.
    fn measured(&mut self, draft: &str, ai: bool, workflow: &str, delta: f64, second: i64) -> &mut Self {
        let metrics = |value: f64| [("m".to_owned(), value)].into();
        let said = Draft {
            verdict: Some(Verdict::NeedsHuman),
            workflow: (!workflow.is_empty()).then(|| workflow.to_owned()),
            metrics_before: metrics(10.0),
            metrics_after: metrics(10.0 + delta),
            ..about(draft, ai, Kind::Gate)
        };
        self.put(said, second);
        self
    }

    /// An approval, with the times at which it was given where they are another's than the record's.
    fn approve(&mut self, draft: &str, given: &[Option<i64>], second: i64) -> u64 {
        let approvals = given.iter().enumerate().map(|(number, at)| ApprovalGiven {
            by: format!("approver-{number}"),
            at: at.map(|at| format_time((START + at) * 1000)),
            method: None,
        });
        let approvals = approvals.collect();
        let said = Draft { outcome: Some(Outcome::Approved), approvals, ..about(draft, false, Kind::Decision) };
        self.put(said, second)
    }

    fn reject(&mut self, draft: &str, second: i64) {
        self.put(Draft { outcome: Some(Outcome::Rejected), ..about(draft, false, Kind::Decision) }, second);
    }

    fn observe(&mut self, draft: &str, observed: Observed, second: i64) {
        self.put(Draft { observed: Some(observed), ..about(draft, false, Kind::Observed) }, second);
    }
}

fn about(draft: &str, ai: bool, kind: Kind) -> Draft {
    let actor = Actor { kind: ActorKind::Human, id: "ana".to_owned(), on_behalf_of: None };
    let model = Ai { id: "drafter".to_owned(), instance: None, model: None, version: None };
    Draft { draft_id: Some(draft.to_owned()), ai: ai.then_some(model), ..Draft::new(kind, actor) }
}

fn near(found: Option<f64>, expected: f64) {
    let found = found.expect("it is known");
    assert!((found - expected).abs() < 5e-5, "{found} against {expected}");
}

/// Four drafts of models and two of people, and one of a model from before.
fn six() -> Vec<Record> {
    let mut book = Book::default();
    book.gate("old", true, Verdict::Block, -10);
    // Blocked, reworked, approved 5 seconds after the second answer, landed.
    book.gate("a1", true, Verdict::Block, 0);
    book.put(
        Draft { verdict: Some(Verdict::NeedsHuman), tier: Some("high".into()), ..about("a1", true, Kind::Gate) },
        100,
    );
    book.approve("a1", &[None], 105);
    book.observe("a1", Observed::Matched, 9_000);
    // Approved after an hour, landed, disputed.
    book.gate("a2", true, Verdict::NeedsHuman, 0);
    let disputed = book.approve("a2", &[None], 3_600);
    book.observe("a2", Observed::Matched, 9_000);
    book.put(Draft { refers_to: Some(disputed), ..about("a2", false, Kind::Challenge) }, 9_500);
    book.gate("a3", true, Verdict::NeedsHuman, 0).reject("a3", 60);
    book.gate("a4", true, Verdict::Block, 0);
    // Approved 10 seconds after the answer, recorded later, seen in part, taken back by h2 on the 29th day.
    let inverse = Some("1".repeat(64));
    let gate = Draft { verdict: Some(Verdict::NeedsHuman), ..about("h1", false, Kind::Gate) };
    book.put(Draft { inverse_sha256: inverse.clone(), change_sha256: Some("2".repeat(64)), ..gate }, 0);
    book.approve("h1", &[Some(10)], 7_200);
    book.observe("h1", Observed::Partial, 9_000);
    // Two approvals: one after 9 seconds, one when the decision was recorded.
    let gate = Draft { verdict: Some(Verdict::Allow), ..about("h2", false, Kind::Gate) };
    book.put(Draft { change_sha256: inverse, ..gate }, 29 * DAY);
    book.approve("h2", &[Some(29 * DAY + 9), None], 29 * DAY + 3_600);
    book.0
}

#[test]
fn drafts_of_models_and_of_people_are_counted_as_by_hand() {
    let found = quality(&six(), START * 1000);
    let counts: Vec<(&str, [u32; 2], [u32; 2])> =
        found.measures.iter().map(|one| (one.measure, [one.ai.k, one.ai.n], [one.human.k, one.human.n])).collect();
    let expected = [
        ("blocked_at_first", [2, 4], [0, 2]),
        ("needed_rework", [1, 4], [0, 2]),
        ("approved", [2, 3], [2, 2]),
        // Of approvals: a1's after 5 seconds, a2's after an hour; h1's after 10, h2's after 9 and after an hour.
        ("approved_within_10_seconds", [1, 2], [1, 3]),
        ("landed_as_approved", [2, 2], [0, 1]),
        ("reversed_within_30_days", [0, 2], [1, 2]),
        ("challenged", [1, 3], [0, 2]),
    ];
    assert_eq!(counts, expected);
    assert_eq!(found.tiers, [("high".to_owned(), (1, 0)), ("unknown".to_owned(), (3, 2))].into());
    // 60 s, 105 s and 1 h; 1 h and 2 h.
    near(found.median_hours_ai, 105.0 / 3_600.0);
    near(found.median_hours_human, 1.5);
}

#[test]
fn shares_differences_and_tests_are_those_of_the_formulas() {
    let found = quality(&six(), START * 1000);
    // 2 of 4 against 0 of 2. Wilson: .5 ± 1.959964·√(.0625 + .0600228)/1.960365; the end for 0 of 2 is 1.92073/2.920729.
    let blocked = &found.measures[0];
    near(blocked.ai.low, 0.150_04);
    near(blocked.ai.high, 0.849_96);
    near(blocked.human.low, 0.0);
    near(blocked.human.high, 0.657_62);
    // Newcombe: .5 − √(.349962² + .65762²) and .5 + .349962.
    near(blocked.difference, 0.5);
    near(blocked.low, -0.244_94);
    near(blocked.high, 0.849_96);
    // Fisher, two blocked of six: P(2) = 6/15, P(0) = 1/15, and P(1) = 8/15 is likelier.
    near(blocked.p, 7.0 / 15.0);
    // Two landed of three: P(2) = 1/3 against P(1) = 2/3.
    near(found.measures[4].p, 1.0 / 3.0);
    // The smallest of seven times seven is beyond 1, and so are all after it.
    assert!(found.measures.iter().all(|one| one.p_holm == Some(1.0)));
    // With nobody on one side there is a share and no difference.
    let alone = quality(&six()[1..5], START * 1000);
    let approved = &alone.measures[2];
    assert_eq!((approved.ai.share, approved.human.share), (Some(1.0), None));
    assert_eq!((approved.difference, approved.p, approved.p_holm), (None, None, None));
}

#[test]
fn what_changes_did_and_what_no_record_explains_add_up() {
    let mut book = Book::default();
    let seen = [
        // Name, author, delta, when approved, what a scan saw.
        ("a", true, -2.0, 200, Some(Observed::Matched)),
        ("b", true, -1.0, 300, Some(Observed::Partial)),
        ("absent", true, -4.0, 400, Some(Observed::Absent)),
        ("unseen", true, -8.0, 410, None),
        ("d", false, 0.5, 500, Some(Observed::Drift)),
        ("before", false, -16.0, 100, Some(Observed::Matched)),
        ("after", false, -32.0, 1_001, Some(Observed::Matched)),
    ];
    for (draft, ai, delta, second, observed) in seen {
        book.measured(draft, ai, "", delta, 0).approve(draft, &[None], second);
        if let Some(observed) = observed {
            book.observe(draft, observed, 2_000);
        }
    }
    book.gate("unmeasured", false, Verdict::Allow, 0).approve("unmeasured", &[None], 600);
    book.observe("unmeasured", Observed::Matched, 2_000);
    book.measured("rejected", false, "", -64.0, 0).reject("rejected", 700);
    let at = |second: i64| (START + second) * 1000;
    let found = attribute(&book.0, "m", (at(100), at(1_000)), Some(-5.0));
    assert_eq!(found.ai, Contribution { changes: 2, measured: 2, sum: -3.0 });
    assert_eq!(found.human, Contribution { changes: 2, measured: 1, sum: 0.5 });
    // −5 is −3 of models, +0.5 of people, and −2.5 of what is not recorded.
    assert_eq!((found.change, found.unexplained), (Some(-5.0), Some(-2.5)));
    assert_eq!((mean_effect(&found.ai), mean_effect(&found.human)), (Some(-1.5), Some(0.5)));
    let unknown = attribute(&book.0, "other", (at(100), at(1_000)), None);
    assert_eq!(unknown.ai, Contribution { changes: 2, measured: 0, sum: 0.0 });
    assert_eq!((unknown.unexplained, mean_effect(&unknown.ai)), (None, None), "unknown is not zero");
}

#[test]
fn a_workflow_is_the_running_sum_of_its_approved_changes() {
    let mut book = Book::default();
    book.measured("a", true, "onboarding", -2.0, 5).approve("a", &[None], 10);
    book.measured("b", true, "onboarding", -1.0, 5).approve("b", &[None], 25);
    book.measured("c", true, "onboarding", -9.0, 5).reject("c", 10);
    book.measured("d", false, "rotation", -9.0, 5);
    book.measured("e", false, "", -9.0, 5).approve("e", &[None], 10);
    let times = [0, 10, 20, 30].map(|second| (START + second) * 1000);
    let found = by_workflow(&book.0, "m", &times);
    let expected = [("onboarding".to_owned(), vec![0.0, -2.0, -2.0, -3.0]), ("rotation".to_owned(), vec![0.0; 4])];
    assert_eq!(found, expected.into());
}

/// Twelve weeks before and after; from then on each of four workflows lowers the metric by 1 a week, and four do nothing.
#[test]
fn workflows_with_and_without_assistance_are_compared() {
    let mut book = Book::default();
    let week = 7 * DAY;
    for unit in 0..4 {
        for number in 0..12 {
            let (draft, at) = (format!("t{unit}-{number}"), (12 + number) * week - 3_600);
            book.measured(&draft, true, &format!("t{unit}"), -1.0, at - 60).approve(&draft, &[None], at);
        }
        book.measured(&format!("c{unit}"), false, &format!("c{unit}"), 0.0, 0).approve(&format!("c{unit}"), &[None], 0);
    }
    let shots: Vec<Shot> =
        (0..24).map(|number| Shot { as_of: (START + number * week) * 1000, metrics: Vec::new() }).collect();
    let mut objective = Objective {
        metric: "m".to_owned(),
        unit_of_metric: "points".to_owned(),
        better: Better::Lower,
        minimum_effect: 5.0,
        intervention: (START + 12 * week) * 1000,
        unit: Unit::Workflow,
        treated: (0..4).map(|unit| format!("t{unit}")).collect(),
        control: Vec::new(),
        alpha: 0.05,
        guardrails: Vec::new(),
    };
    let study = of_shots(&shots, &objective, Some(&book.0)).expect("every workflow is there");
    let found = study.difference.expect("there are units on both sides");
    // The running sums are −1 to −12, on average −6.5; the others' are 0. Of 70 ways to choose four of eight, two are as far.
    near(Some(found.effect.estimate.value), -6.5);
    near(Some(found.effect.p_permutation), 2.0 / 70.0);
    assert_eq!(study.judged.verdict, crate::effect::Verdict::Improved, "{:?}", study.judged);
    objective.treated.push("nowhere".to_owned());
    let error = of_shots(&shots, &objective, Some(&book.0)).expect_err("no such workflow").to_string();
    assert!(error.contains("workflow `nowhere`"), "{error}");
}

/// Four approvals before and four after, the first of them a minute after the answer; `hasty` of the later ones after 5
/// seconds.
fn eight(before: bool, hasty: i64) -> Vec<Record> {
    let mut book = Book::default();
    for number in 0..4 {
        if before {
            let draft = format!("before-{number}");
            book.gate(&draft, false, Verdict::NeedsHuman, -DAY).approve(&draft, &[None], 60 - DAY);
        }
    }
    for number in 0..4 {
        let draft = format!("after-{number}");
        let wait = if number < hasty { 5 } else { 60 };
        book.gate(&draft, true, Verdict::NeedsHuman, number).approve(&draft, &[None], number + wait);
    }
    book.0
}

#[test]
fn approvals_that_nobody_can_have_read_for_break_a_guardrail() {
    let look = |records: &[Record], seconds: u32, margin: f64| {
        let recorded = Recorded::ApprovedWithin { seconds };
        let metric = "approved".to_owned();
        let guardrail = Guardrail { metric, recorded: Some(recorded), better: Better::Lower, margin };
        Rail::new(&guardrail, worse(records, recorded, START * 1000))
    };
    // 3 of 4 against 0 of 4. Wilson: .300641 to .954413, and 0 to .489891; Newcombe: .75 − √(.449359² + .489891²).
    let found = look(&eight(true, 3), 10, 5.0);
    let worse = found.worse_by.expect("there were approvals");
    near(Some(worse.value), 75.0);
    assert!((worse.low - 8.523).abs() < 5e-3 && (worse.high - 95.441).abs() < 5e-3, "{worse:?}");
    // Fisher, three of eight: 4/56 on either end.
    near(Some(worse.p), 8.0 / 56.0);
    assert_eq!(found.held, Held::Broken);
    assert_eq!(look(&eight(true, 3), 10, 10.0).held, Held::Exceeded);
    // Nobody was faster than 5 seconds: no difference, and so few that one of 48.9 points is not excluded.
    let slow = look(&eight(true, 3), 5, 5.0);
    assert_eq!((slow.held, slow.worse_by.expect("the same approvals").value), (Held::Open, 0.0));
    assert_eq!(look(&eight(true, 3), 5, 50.0).held, Held::Held);
    // Nothing was recorded before: held against nothing, by the share itself.
    let first = look(&eight(false, 3), 10, 5.0).worse_by.expect("there were approvals since");
    assert!((first.low - 30.064).abs() < 5e-3 && (first.high - 95.441).abs() < 5e-3, "{first:?}");
    assert_eq!((first.value, first.p), (75.0, 0.0));
    assert_eq!(look(&eight(true, 3)[..8], 10, 5.0).held, Held::NotMeasurable, "nothing since");
}

#[test]
fn a_guardrail_of_what_landed_is_not_measurable_against_nothing() {
    let mut book = Book::default();
    book.gate("a", true, Verdict::Allow, 0).observe("a", Observed::Absent, 9);
    assert_eq!(worse(&book.0, Recorded::Landed, START * 1000), None);
    book.gate("b", true, Verdict::Allow, -5).observe("b", Observed::Matched, 9);
    // None of one since, one of one before: 100 points less, which is worse where more is better.
    near(worse(&book.0, Recorded::Landed, START * 1000).map(|found| found.value), -100.0);
}
