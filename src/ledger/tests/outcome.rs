//! What became of changes, and what the records add up to.

use std::collections::BTreeSet;

use super::{NOW, approval, filled, human, verdict, writer};
use crate::ledger::observe::{judge, pending, record, unexplained};
use crate::ledger::record::ApprovalGiven;
use crate::ledger::rows::{Row, Rows, Table, difference, of};
use crate::ledger::summary::{GateCounts, earlier, fates, gate};
use crate::ledger::{Draft, Kind, Ledger, Observed, Outcome, Verdict};
use crate::model::text::format_time;
use crate::model::{Builder, Entity, EntityKind, Membership, MembershipKind, Source, SourceId, Standing, Tables};

fn row(subject: &str, object: &str, says: &str) -> Row {
    let (subject, object, says) = (subject.to_owned(), object.to_owned(), says.to_owned());
    Row { table: Table::Grants, subject, object, says }
}

#[test]
fn a_change_is_matched_partial_drifted_or_absent() {
    let (a, b, old) = (row("r", "p/1", "allow x"), row("r", "p/2", "allow y"), row("r", "p/9", "allow z"));
    let expected = Rows { added: vec![a.clone(), b.clone()], removed: vec![old.clone()] };
    let other = row("r", "p/2", "allow *");
    let judged = |now: &[&Row], added: &[&Row]| {
        let now: BTreeSet<Row> = now.iter().copied().cloned().collect();
        judge(&expected, &now, &added.iter().copied().cloned().collect::<Vec<Row>>())
    };
    assert_eq!(judged(&[&a, &b], &[&a, &b]), Observed::Matched);
    assert_eq!(judged(&[&a, &old], &[&a]), Observed::Partial);
    assert_eq!(judged(&[&old], &[]), Observed::Absent);
    assert_eq!(judged(&[&a, &other], &[&a, &other]), Observed::Drift, "something else stands in its place");
    assert_eq!(judged(&[&a, &other, &old], &[&a]), Observed::Partial, "what stood there before is no drift");
    assert_eq!(judge(&Rows::default(), &BTreeSet::new(), &[]), Observed::Matched, "nothing was to be done");
}

#[test]
fn decisions_wait_until_they_are_seen_whole_or_taken_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut writer = writer(folder.path());
    let mut put = |draft: Draft| writer.append(draft, NOW).expect("a record");
    put(verdict("a", Verdict::NeedsHuman));
    let a = put(approval("a"));
    let b = put(approval("b"));
    put(approval("c"));
    put(Draft { outcome: Some(Outcome::Rejected), ..approval("c") });
    put(record(&a, Observed::Matched, "s", human("scan")));
    put(record(&b, Observed::Partial, "s", human("scan")));
    drop(writer);
    let records = Ledger::open(folder.path()).expect("there").records().expect("sound");
    let open: Vec<_> = pending(&records, NOW + 1).into_iter().map(|one| (one.decision.seq, one.last)).collect();
    assert_eq!(open, [(b.seq, Some(Observed::Partial))]);
    let same_scan: Vec<_> = pending(&records, NOW).into_iter().map(|one| (one.decision.seq, one.last)).collect();
    assert_eq!(
        same_scan[0],
        (a.seq, Some(Observed::Matched)),
        "the scan that saw it finds it open when it is repeated"
    );
    assert!(pending(&records, NOW - 1).is_empty(), "nothing was decided then");
}

#[test]
fn what_gives_access_and_no_change_was_to_add_is_unexplained() {
    let (a, b) = (row("r", "p/1", "allow x"), row("r", "p/2", "allow y"));
    let owner = Row { table: Table::Owners, ..a.clone() };
    let expected = [Rows { added: vec![a.clone()], removed: vec![] }];
    assert_eq!(unexplained(&[a, b.clone(), owner], &expected), [b]);
    let key = |id: &str| Row { table: Table::Credentials, ..row("svc", &format!("access_key/{id}"), "active=yes") };
    let expected = [Rows { added: vec![key("to come")], removed: vec![] }];
    assert_eq!(unexplained(&[key("A1"), key("A2")], &expected), [key("A2")], "one was to be made, not two");
    assert_eq!(judge(&expected[0], &BTreeSet::from([key("A1")]), &[key("A1")]), Observed::Matched);
}

fn tables(members: &[(&str, &str)]) -> Tables {
    let source = Source { path: "t".into(), kind: "t".into(), sha256: String::new(), records: 0, skipped: 0 };
    let mut builder = Builder::new(source);
    for (member, group) in members {
        let define = |id: &str, kind| Entity { present: true, ..Entity::named(id, "t", kind, id) };
        let (member, container) =
            (builder.define(define(member, EntityKind::User)), builder.define(define(group, EntityKind::Group)));
        builder.memberships.push(Membership {
            member,
            container,
            kind: MembershipKind::MemberOf,
            standing: Standing::Active,
            expires_at: None,
            source: SourceId(0),
            record: String::new(),
        });
    }
    Builder::assemble(vec![builder])
}

#[test]
fn rows_go_by_ids_and_not_by_numbers() {
    // A new entity moves the numbers of all behind it.
    let (before, after) = (tables(&[("m", "z")]), tables(&[("m", "z"), ("a", "z")]));
    let found = difference(&before, &after);
    let added: Vec<(Table, &str, &str)> =
        found.added.iter().map(|row| (row.table, row.subject.as_str(), row.object.as_str())).collect();
    assert_eq!(added, [(Table::Principals, "a", "user"), (Table::Memberships, "a", "z")]);
    assert_eq!((found.removed, of(&before).len()), (vec![], 2));
}

#[test]
fn rows_beside_the_records_are_those_that_were_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = filled(folder.path(), 1);
    let rows = Rows { added: vec![row("r", "p", "x")], removed: vec![] };
    let sha256 = writer(folder.path()).store_rows(&rows).expect("stored");
    assert_eq!(ledger.rows(&sha256).expect("sound"), Some(rows));
    assert_eq!(ledger.rows(&"0".repeat(64)).expect("sound"), None);
    let path = folder.path().join(format!("rows/{sha256}.json"));
    let text = std::fs::read_to_string(&path).expect("there");
    std::fs::write(path, text.replace("\"x\"", "\"y\"")).expect("written");
    assert!(ledger.rows(&sha256).expect_err("another").is_integrity());
}

#[test]
fn drafts_are_counted_by_their_last_verdict_and_followed_to_their_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut writer = writer(folder.path());
    let mut put = |draft: Draft, at: i64| writer.append(draft, NOW + at).expect("a record");
    put(verdict("a", Verdict::Block), 0);
    put(verdict("a", Verdict::NeedsHuman), 10);
    put(Draft { domain: Some("d".into()), ..verdict("b", Verdict::Block) }, 20);
    let decided = put(approval("a"), 30);
    put(record(&decided, Observed::Matched, "s", human("scan")), 40);
    let challenge =
        Draft { refers_to: Some(decided.seq), reason: Some("?".into()), ..Draft::new(Kind::Challenge, human("ada")) };
    put(challenge, 50);
    drop(writer);
    let records = Ledger::open(folder.path()).expect("there").records().expect("sound");
    assert_eq!(gate(&records, NOW + 100, None), GateCounts { drafts: 2, blocked: 1 });
    assert_eq!(gate(&records, NOW + 5, None), GateCounts { drafts: 1, blocked: 1 });
    assert_eq!(gate(&records, NOW + 100, Some("d")), GateCounts { drafts: 1, blocked: 1 });
    let all = fates(&records);
    assert_eq!(all.len(), 2);
    let a = &all[0];
    assert_eq!((a.key, a.ai, a.first_verdict, a.gated), ("a", true, Some(Verdict::Block), 2));
    assert_eq!(
        (a.decided, a.observed, a.challenged),
        (Some((NOW + 30, Outcome::Approved)), Some(Observed::Matched), true)
    );
}

#[test]
fn approvals_wait_from_the_latest_answer_before_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut writer = writer(folder.path());
    let mut put = |draft: Draft, second: i64| writer.append(draft, NOW + second * 1000).expect("a record");
    let given = |second: Option<i64>| ApprovalGiven {
        by: "grace@example.com".to_owned(),
        at: second.map(|second| format_time(NOW + second * 1000)),
        method: None,
    };
    put(verdict("a", Verdict::NeedsHuman), 0);
    put(verdict("a", Verdict::Allow), 100);
    // Given after the first answer, before any, after the second, and when the decision was recorded.
    let approvals = vec![given(Some(5)), given(Some(-3)), given(Some(130)), given(None)];
    put(Draft { approvals, ..approval("a") }, 200);
    // A day has no time at which somebody approved.
    let day = ApprovalGiven { at: Some("2026-11-22".to_owned()), ..given(None) };
    put(verdict("day", Verdict::Allow), 205);
    put(Draft { approvals: vec![day], ..approval("day") }, 207);
    put(approval("ungated"), 210);
    put(verdict("rejected", Verdict::NeedsHuman), 220);
    put(Draft { outcome: Some(Outcome::Rejected), ..approval("rejected") }, 221);
    drop(writer);
    let records = Ledger::open(folder.path()).expect("there").records().expect("sound");
    let waits: Vec<Vec<i64>> = fates(&records).into_iter().map(|fate| fate.approved_after).collect();
    assert_eq!(waits, [vec![5_000, -3_000, 30_000, 100_000], vec![2_000], vec![], vec![]]);
}

#[test]
fn earlier_drafts_count_unless_they_came_to_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut writer = writer(folder.path());
    let mut put = |draft: Draft, at: i64| writer.append(draft, NOW + at).expect("a record");
    let mut written = Draft { draft_id: Some("a".into()), ..Draft::new(Kind::Draft, human("ada")) };
    written.actor.on_behalf_of = Some("alan".into());
    written.workflow = Some("onboarding".into());
    put(written, 0);
    put(verdict("a", Verdict::Block), 1);
    let amounts = [("added_access".to_owned(), 3.0)].into();
    let judged = Some("a".repeat(64));
    put(Draft { amounts, change_sha256: judged, ..verdict("a", Verdict::NeedsHuman) }, 2);
    put(approval("a"), 3);
    let swapped = Some("b".repeat(64));
    let amounts = [("added_access".to_owned(), 4.0)].into();
    put(Draft { amounts, change_sha256: swapped, ..verdict("a", Verdict::NeedsHuman) }, 3);
    put(verdict("blocked", Verdict::Block), 4);
    put(verdict("rejected", Verdict::NeedsHuman), 5);
    put(Draft { outcome: Some(Outcome::Rejected), ..approval("rejected") }, 6);
    drop(writer);
    let records = Ledger::open(folder.path()).expect("there").records().expect("sound");
    let found = earlier(&records);
    assert_eq!(found.len(), 1, "{found:?}");
    let one = &found[0];
    assert_eq!((one.draft, &one.actors[..], one.workflow), ("a", &["ada", "alan", "drafter"][..], Some("onboarding")));
    assert_eq!(
        (one.at, one.amounts.get("added_access"), &one.approved_by[..]),
        (NOW + 3, Some(&4.0), &["grace@example.com"][..])
    );
    assert_eq!(one.approved_sha256, Some("a".repeat(64).as_str()), "what was judged when she decided");
}
