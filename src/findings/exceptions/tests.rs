//! Exceptions of small organisations, judged by hand.

use super::*;
use crate::findings::history::{carry_over, recall};
use crate::findings::testkit::{ACCOUNT, NOW, World, ago};
use crate::findings::{DAY, run};
use crate::model::{CredentialKind, Handle, Severity};

/// Ann and bob have an old key each; a role's key is old too.
fn world() -> World {
    let mut world = World::new();
    for name in ["ann", "bob"] {
        let user = world.user(name);
        world.credential(user, &format!("AKIA-{name}"), CredentialKind::AccessKey, 100, Some(1));
    }
    world
}

/// The judged exceptions and all findings.
fn judged(world: World) -> (Vec<Exception>, Vec<Finding>) {
    world.with(|context| {
        let frameworks = Frameworks::embedded().expect("the embedded files are tested");
        let mut findings = run(context, &frameworks).findings;
        let exceptions = apply(context, &frameworks, &mut findings);
        (exceptions, findings)
    })
}

fn status(world: World) -> (ExceptionStatus, String) {
    let (exceptions, _) = judged(world);
    assert_eq!(exceptions.len(), 1);
    (exceptions[0].status, exceptions[0].problem.clone().unwrap_or_default())
}

/// What a change makes of a valid exception for the rule `key-age` and the principal `ann`.
fn changed(change: impl FnOnce(&mut Exception)) -> (ExceptionStatus, String) {
    let mut world = world();
    let row = world.exception("x", "key-age");
    row.principal = Some("ann".to_owned());
    change(row);
    status(world)
}

fn invalid(change: impl FnOnce(&mut Exception), part: &str) {
    let (status, problem) = changed(change);
    assert_eq!(status, ExceptionStatus::Invalid, "{problem}");
    assert!(problem.contains(part), "`{problem}` does not say `{part}`");
}

#[test]
fn an_exception_covers_what_it_names_and_takes_nothing_away() {
    let mut world = world();
    world.exception("x", "key-age").principal = Some("ann".to_owned());
    let before = judged(self::world()).1.len();
    let (exceptions, findings) = judged(world);
    assert_eq!((exceptions[0].status, exceptions[0].matched_n), (ExceptionStatus::Active, 1));
    assert_eq!((exceptions[0].problem.as_deref(), findings.len()), (None, before));
    let covered: Vec<(&str, &str)> =
        findings.iter().filter_map(|row| Some((row.rule.as_str(), row.exception.as_deref()?))).collect();
    assert_eq!(covered, [("key-age", "x")]);
}

#[test]
fn what_is_missing_is_named() {
    invalid(|row| row.exception = " ".to_owned(), "it has no id");
    invalid(|row| row.reason = Some(" ".to_owned()), "it gives no `reason`");
    invalid(|row| row.owner = None, "it gives no `owner`");
    invalid(|row| row.approved_by = None, "it gives no `approved_by`");
    invalid(|row| row.created_at = None, "it gives no `created`");
    invalid(|row| row.expires_at = None, "it gives no `expires`");
    invalid(|row| row.rule = Some("key-agee".to_owned()), "there is no rule `key-agee`");
    let (_, all) = changed(|row| (row.reason, row.owner) = (None, None));
    assert_eq!(all, "it gives no `reason`; it gives no `owner`", "all at once");
}

#[test]
fn it_lasts_180_days_at_most_and_its_last_day_counts_in_full() {
    invalid(|row| row.expires_at = ago(-171), "it lasts 181 days; 180 are the most");
    assert_eq!(changed(|row| row.expires_at = ago(-170)).0, ExceptionStatus::Active);
    invalid(|row| row.expires_at = ago(11), "it expires on 2026-11-11, before it was created on 2026-11-12");
    invalid(|row| (row.created_at, row.expires_at) = (ago(-1), ago(-9)), "after the time of the scan");
    // The scan is at midnight: the day that begins is the last one, the day that ended is over.
    assert_eq!(changed(|row| row.expires_at = ago(0)).0, ExceptionStatus::Active);
    let (status, problem) = changed(|row| row.expires_at = ago(1));
    assert_eq!((status, problem.as_str()), (ExceptionStatus::Expired, "its last day was 2026-11-21"));
    assert_eq!(changed(|row| row.expires_at = Some(NOW - 1)).0, ExceptionStatus::Expired, "a time of day is exact");
    assert_eq!(changed(|row| row.expires_at = Some(NOW + DAY / 2)).0, ExceptionStatus::Active);
}

#[test]
fn it_must_name_a_rule_or_a_principal_and_not_everybody() {
    let everything = "it names neither a rule nor a principal";
    invalid(|row| (row.rule, row.principal) = (None, None), everything);
    invalid(|row| (row.rule, row.principal) = (Some("*".to_owned()), Some("**".to_owned())), everything);
    invalid(|row| (row.rule, row.principal) = (Some("?*".to_owned()), Some("arn:*".to_owned())), everything);
    invalid(|row| (row.rule, row.principal, row.domain) = (None, None, Some("pay".to_owned())), everything);
    assert_eq!(changed(|row| row.principal = None).0, ExceptionStatus::Active, "a rule alone");
    assert_eq!(changed(|row| row.rule = None).0, ExceptionStatus::Active, "a principal alone");
    invalid(|row| row.rule = Some(RULE.to_owned()), "cannot be excepted");
}

#[test]
fn a_name_that_several_go_by_is_no_decision_about_one_of_them() {
    let mut world = world();
    let robot = world.robot("jobs/ann");
    world.credential(robot, "AKIA-3", CredentialKind::AccessKey, 100, Some(1));
    world.exception("x", "key-age").principal = Some("ann".to_owned());
    let (found, problem) = status(world);
    assert_eq!(found, ExceptionStatus::Invalid);
    assert!(problem.contains("its principal `ann` is the name of 2: give a full id"), "{problem}");
    for (name, n) in [(World::user_id("ann").as_str(), 1), ("user/ann", 1), ("an*", 1), ("*user/*", 2), ("nobody", 0)] {
        let mut world = self::world();
        world.exception("x", "key-age").principal = Some(name.to_owned());
        let (exceptions, _) = judged(world);
        assert_eq!(exceptions[0].matched_n, n, "{name}: {:?}", exceptions[0].problem);
    }
}

#[test]
fn owner_and_approver_are_two_human_beings() {
    invalid(|row| row.approved_by = Some(" ANN ".to_owned()), "are the same");
    // Under an identity of hers, without any list of people.
    invalid(|row| row.approved_by = Some(World::user_id("ann")), "are the same");
    let people = |approver: &str, change: &dyn Fn(&mut World, Handle)| {
        let mut world = World::new();
        let user = world.user("u-1");
        world.credential(user, "AKIA", CredentialKind::AccessKey, 100, Some(1));
        world.person("ann").name = Some("Ann Example".to_owned());
        world.person("bob");
        world.identity("ann", user);
        change(&mut world, user);
        world.exception("x", "key-age").approved_by = Some(approver.to_owned());
        status(world)
    };
    assert_eq!(people("bob", &|_, _| {}).0, ExceptionStatus::Active);
    assert_eq!(people("BOB@example.com", &|_, _| {}).0, ExceptionStatus::Active);
    for name in ["ann@example.com", "Ann+work@Example.com", "u-1", "ann example"] {
        let (status, problem) = people(name, &|_, _| {});
        assert_eq!(status, ExceptionStatus::Invalid, "{name}");
        assert!(problem.contains(&format!("its owner `ann` and its approver `{name}` are the same")), "{problem}");
    }
    // A second record of hers, told by the address or by an identity that both have.
    let twin = |world: &mut World, _: Handle| world.person("ann-2").email = Some("ann@example.com".to_owned());
    assert!(people("ann-2", &twin).1.contains("are the same"));
    let shares = |world: &mut World, user: Handle| {
        world.person("eve");
        world.identity("eve", user);
    };
    assert!(people("eve", &shares).1.contains("are the same"));
    assert!(people("mallory", &|_, _| {}).1.contains("its approver `mallory` is nobody who is known"));
}

#[test]
fn who_left_who_is_disabled_and_who_is_a_machine_decides_nothing() {
    let with = |change: &dyn Fn(&mut World)| {
        let mut world = world();
        world.person("ann");
        change(&mut world);
        world.exception("x", "key-age").principal = Some("ann".to_owned());
        status(world).1
    };
    let left = with(&|world| world.person("bob").left_at = ago(3));
    assert_eq!(left, "its approver `bob` left on 2026-11-19");
    let leaver = with(&|world| world.person("bob").status = crate::model::PersonStatus::Leaver);
    assert_eq!(leaver, "its approver `bob` left");
    assert_eq!(with(&|world| world.person("bob").left_at = ago(-3)), "", "who leaves next week is still here");
    let mut world = World::new();
    let (user, bot) = (world.user("u"), world.robot("bot"));
    world.credential(user, "AKIA", CredentialKind::AccessKey, 100, Some(1));
    let off = world.user("off");
    world.edit(off, |entity| entity.enabled = Some(false));
    let _ = bot;
    world.exception("a", "key-age").approved_by = Some("bot".to_owned());
    world.exception("b", "key-age").approved_by = Some("off".to_owned());
    let (exceptions, _) = judged(world);
    let problems: Vec<&str> = exceptions.iter().filter_map(|row| row.problem.as_deref()).collect();
    assert_eq!(problems, ["its approver `bot` is no human being", "its approver `off` is disabled"]);
}

#[test]
fn ids_that_occur_twice_are_both_invalid_and_both_named() {
    let mut world = world();
    world.exception("x", "key-age").principal = Some("ann".to_owned());
    world.exception("x", "key-age").principal = Some("bob".to_owned());
    let (exceptions, findings) = judged(world);
    for row in &exceptions {
        assert_eq!(row.status, ExceptionStatus::Invalid);
        let problem = row.problem.as_deref().unwrap_or_default();
        assert_eq!(problem, "its id is given 2 times: t.json, line 2 and t.json, line 3");
    }
    assert!(findings.iter().all(|row| row.exception.is_none()));
    let reports: Vec<&Finding> = findings.iter().filter(|row| row.rule == RULE).collect();
    assert_eq!((reports.len(), reports[0].evidence.len()), (1, 2));
}

#[test]
fn resource_and_domain_narrow_an_exception() {
    use ExceptionStatus::{Active, Unmatched};
    let mut world = World::new();
    let (app, other) = (world.role("app"), world.role("other"));
    world.edit(app, |entity| entity.domain = Some("Payments".to_owned()));
    let (target, grant) = (world.role("target"), world.grant(app, &["iam:PassRole"], crate::model::Layer::Identity));
    for from in [app, other] {
        world.hops(from, Some(1), Some(1));
        world.step(from, target, crate::model::Certainty::Certain, grant);
    }
    let rule = "escalation-path";
    world.exception("a", rule).resource = Some("role/target".to_owned());
    world.exception("b", rule).domain = Some("payments".to_owned());
    world.exception("c", rule).domain = Some("hr".to_owned());
    world.exception("d", rule).resource = Some("role/no-such".to_owned());
    let (exceptions, _) = judged(world);
    let found: Vec<(u32, ExceptionStatus)> = exceptions.iter().map(|row| (row.matched_n, row.status)).collect();
    assert_eq!(found, [(2, Active), (1, Active), (0, Unmatched), (0, Unmatched)]);
}

#[test]
fn nothing_can_leave_out_the_report_of_a_stale_exception() {
    let mut world = world();
    let row = world.exception("old", "key-age");
    (row.principal, row.created_at, row.expires_at) = (Some("ann".to_owned()), ago(100), ago(5));
    world.exception("none", "root-access-key");
    // A wildcard rule covers neither report, nor does the configuration leave them out.
    let row = world.exception("mute", "stale-*");
    row.principal = Some("*".to_owned());
    let exclude = |rule: &str| crate::config::Exclude { rule: rule.into(), pattern: "*".into(), reason: "r".into() };
    world.config.exclude = vec![exclude(RULE), exclude("*")];
    let (exceptions, findings) = judged(world);
    assert_eq!(
        findings.iter().map(|row| row.title.as_str()).collect::<Vec<_>>(),
        ["exception `old` has expired", "exception `none` matches nothing", "exception `mute` matches nothing",],
        "the configuration leaves the old keys out, and nothing else"
    );
    assert!(findings.iter().all(|row| row.rule == RULE && row.exception.is_none()));
    assert_eq!((findings[0].severity, findings[1].severity), (Severity::Medium, Severity::Low));
    assert!(findings[0].frameworks.contains(&"nist-csf:2.0:ID.RA-07".to_owned()), "{:?}", findings[0].frameworks);
    assert_eq!(exceptions.len(), 3);
}

#[test]
fn the_report_goes_to_whom_the_exception_is_about() {
    let about = |change: &dyn Fn(&mut World)| {
        let mut world = world();
        change(&mut world);
        world.with(|context| {
            let frameworks = Frameworks::embedded().expect("the embedded files are tested");
            let mut findings = run(context, &frameworks).findings;
            let _ = apply(context, &frameworks, &mut findings);
            let report = findings.iter().find(|row| row.rule == RULE).expect("a report");
            context.tables.entity(report.entity).name.clone()
        })
    };
    let expired = |row: &mut Exception| (row.created_at, row.expires_at) = (ago(100), ago(5));
    let named = |name: &'static str| {
        move |world: &mut World| {
            let row = world.exception("x", "key-age");
            expired(row);
            row.principal = Some(name.to_owned());
        }
    };
    assert_eq!(about(&named("bob")), "bob");
    assert_eq!(about(&named("gone")), "ann", "its owner");
    let nobody = |world: &mut World| {
        let row = world.exception("x", "key-age");
        row.principal = Some("gone".to_owned());
        (row.owner, row.approved_by) = (Some("x".to_owned()), Some("y".to_owned()));
    };
    assert_eq!(about(&nobody), ACCOUNT);
}

#[test]
fn a_finding_that_is_not_covered_any_more_is_back() {
    let scan = |covered: bool, before: Option<&[Finding]>| {
        let mut world = world();
        let row = world.exception("x", "key-age");
        if !covered {
            (row.created_at, row.expires_at) = (ago(100), ago(1));
        }
        world.with(|context| {
            let frameworks = Frameworks::embedded().expect("the embedded files are tested");
            let mut findings = run(context, &frameworks).findings;
            let _ = apply(context, &frameworks, &mut findings);
            if let Some(before) = before {
                let known = recall(before, context.tables, context.tables);
                carry_over(&known, &mut findings, context.tables);
                settle(&known, &mut findings);
            }
            findings
        })
    };
    let states = |findings: &[Finding]| -> Vec<(String, &'static str, bool)> {
        findings.iter().map(|row| (row.rule.clone(), row.state.as_str(), row.exception.is_some())).collect()
    };
    let row = |rule: &str, state, covered| (rule.to_owned(), state, covered);
    let first = scan(true, None);
    assert_eq!(states(&first), [row("key-age", "new", true), row("key-age", "new", true)]);
    let second = scan(false, Some(&first));
    let expected = |state| [row("key-age", state, false), row("key-age", state, false)];
    assert_eq!(states(&second)[..2], expected("reopened"));
    assert_eq!(states(&second)[2], row(RULE, "new", false));
    let third = scan(false, Some(&second));
    assert_eq!(states(&third)[..2], expected("unchanged"));
    let fourth = scan(true, Some(&third));
    assert_eq!(states(&fourth)[..2], [row("key-age", "unchanged", true), row("key-age", "unchanged", true)]);
    assert_eq!(states(&fourth)[2], row(RULE, "absent", false));
}

#[test]
fn every_exception_that_does_not_hold_is_an_issue_at_its_place() {
    let mut world = world();
    world.exception("fine", "key-age");
    world.exception("none", "root-access-key");
    world.exception("bad", "key-age").reason = None;
    let (exceptions, _) = judged(world);
    let found: Vec<(String, String, IssueSeverity)> =
        issues(&exceptions).into_iter().map(|row| (row.code, row.record, row.severity)).collect();
    let row = |code: &str, record: &str, severity| (code.to_owned(), record.to_owned(), severity);
    assert_eq!(
        found,
        [
            row("exception_invalid", "line 4", IssueSeverity::Warning),
            row("exception_unmatched", "line 3", IssueSeverity::Note)
        ]
    );
}
