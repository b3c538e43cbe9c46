//! Asks the evaluators, while they are alive, what rules need beyond the access table: who holds a duty, and who may
//! do something to things that are labelled with an environment.
//!
//! A class of principals is asked once for all of its members. Time is that of classes × actions that the duties name,
//! most of which an evaluator refuses at sight; nothing is asked where no rule and no label asks for it.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use roaring::RoaringBitmap;

use crate::access::{Ask, Evaluator, Evaluators, On, Standpoint, View};
use crate::findings::Asked;
use crate::findings::asked::{Duties, Holder, InEnvironment};
use crate::model::text::glob_ignore_case;
use crate::model::{Certainty, Entity, EntityId, EntityKind, MembershipKind, Standing, Tables};
use crate::platforms;

/// How a duty names a principal.
const PRINCIPAL: &str = "principal:";

/// Asks everything.
pub fn ask(tables: &Tables, evaluators: &Evaluators<'_>) -> Asked {
    Asked { duties: duties(tables, evaluators), environments: environments(tables, evaluators), ..Asked::default() }
}

fn catalogue(platform: &str) -> Vec<&'static str> {
    let known = platforms::ALL.iter().find(|one| one.name() == platform);
    known.map(|one| one.actions()).unwrap_or_default()
}

fn plain(action: &str) -> Ask {
    Ask { action: action.to_owned(), pins: Vec::new() }
}

/// Calls something for every class of principals; groups are no principals. The results are in the order of classes.
fn per_class<T: Send>(evaluator: &dyn Evaluator, ask: impl Fn(&dyn View) -> T + Sync) -> Vec<(usize, T)> {
    let classes = evaluator.classes();
    (0..classes.len())
        .into_par_iter()
        .filter(|&class| classes[class].kind != EntityKind::Group)
        .map(|class| (class, ask(&*evaluator.open(class))))
        .collect()
}

fn duties(tables: &Tables, evaluators: &Evaluators<'_>) -> Vec<Duties> {
    let sides: Vec<&Vec<String>> = tables.sod_rules.iter().flat_map(|rule| [&rule.left, &rule.right]).collect();
    if sides.is_empty() {
        return Vec::new();
    }
    let mut holders: Vec<BTreeMap<EntityId, Holder>> = sides.iter().map(|side| named(tables, side)).collect();
    for (platform, evaluator) in evaluators.iter() {
        let known = catalogue(platform);
        let asked: Vec<Vec<Ask>> = sides.iter().map(|side| asks(side, &known)).collect();
        let found = per_class(evaluator, |view| asked.iter().map(|asks| any(view, asks)).collect::<Vec<_>>());
        for (class, sides) in found {
            for (place, answer) in holders.iter_mut().zip(sides) {
                let Some((by, answer)) = answer else { continue };
                for &entity in &evaluator.classes()[class].members {
                    let mut evidence = evaluator.evidence_of(class, entity, &answer.evidence);
                    evidence.sort_unstable();
                    let (certainty, reasons) = (answer.certainty, answer.reasons.clone());
                    hold(place, Holder { entity, by: by.clone(), certainty, reasons, evidence });
                }
            }
        }
    }
    let mut sides = holders.into_iter().map(|side| side.into_values().collect());
    std::iter::from_fn(|| Some(Duties { left: sides.next()?, right: sides.next()? })).collect()
}

/// Keeps the surer of two ways to hold a duty, the first of equals.
fn hold(side: &mut BTreeMap<EntityId, Holder>, holder: Holder) {
    let known = side.get(&holder.entity);
    if known.is_none_or(|known| holder.certainty < known.certainty) {
        side.insert(holder.entity, holder);
    }
}

/// Questions for the actions of one side: any of them is the duty, so that a wildcard is every action of the catalogue
/// that it matches, and itself where the catalogue has none.
fn asks(side: &[String], known: &[&str]) -> Vec<Ask> {
    let mut out = Vec::new();
    for pattern in side.iter().filter(|pattern| !pattern.starts_with(PRINCIPAL)) {
        let before = out.len();
        if pattern.contains(['*', '?']) {
            out.extend(known.iter().filter(|action| glob_ignore_case(pattern, action)).map(|action| plain(action)));
        }
        if out.len() == before {
            out.push(plain(pattern));
        }
    }
    out
}

/// The first question that is answered for certain, else the first that may be. What no statement of the export allows
/// hangs on a policy that is in none: that is a gap of the data and no right.
fn any(view: &dyn View, asks: &[Ask]) -> Option<(String, Standpoint)> {
    let mut open = None;
    for ask in asks {
        let Some(found) = view.anywhere(ask, On::Something) else { continue };
        if found.certainty == Certainty::Certain {
            return Some((ask.action.clone(), found));
        }
        if open.is_none() && !found.evidence.is_empty() {
            open = Some((ask.action.clone(), found));
        }
    }
    open
}

/// Principals that a side names, and members of the groups that it names; those who must activate their membership
/// first, under that condition.
fn named(tables: &Tables, side: &[String]) -> BTreeMap<EntityId, Holder> {
    let mut out = BTreeMap::new();
    for pattern in side {
        let Some(name) = pattern.strip_prefix(PRINCIPAL) else { continue };
        let means = |entity: &&Entity| {
            let suffix = entity.id.strip_suffix(name).is_some_and(|rest| rest.ends_with(['/', ':']));
            entity.id == name || entity.name == name || suffix
        };
        let mut open: Vec<(EntityId, bool)> = (tables.entities.iter())
            .filter(|entity| entity.kind.is_principal() || entity.kind == EntityKind::Group)
            .filter(means)
            .map(|entity| (entity.entity, true))
            .collect();
        let mut seen = BTreeSet::new();
        while let Some((entity, active)) = open.pop() {
            if !seen.insert((entity, active)) {
                continue;
            }
            if tables.entity(entity).kind == EntityKind::Group {
                let members = tables.memberships.iter().filter(|row| row.container == entity);
                let members = members.filter(|row| row.kind == MembershipKind::MemberOf);
                open.extend(members.map(|row| (row.member, active && row.standing == Standing::Active)));
            } else if tables.entity(entity).is_principal() {
                let (certainty, reasons) = if active {
                    (Certainty::Certain, Vec::new())
                } else {
                    (Certainty::Conditional, vec!["a membership that must be activated first".to_owned()])
                };
                hold(&mut out, Holder { entity, by: pattern.clone(), certainty, reasons, evidence: Vec::new() });
            }
        }
    }
    out
}

/// Resources of one platform and service by environment: own label, else that of the scope.
fn labelled<'t>(tables: &'t Tables, platform: &str) -> BTreeMap<(&'t str, &'t str), RoaringBitmap> {
    let mut out: BTreeMap<(&str, &str), RoaringBitmap> = BTreeMap::new();
    let resources = tables.entities.iter().filter(|entity| entity.present && entity.kind == EntityKind::Resource);
    for entity in resources.filter(|entity| entity.platform == platform) {
        let scope = || tables.find(entity.scope.as_deref()?).map(|scope| tables.entity(scope));
        let label = entity.env.as_deref().or_else(|| scope()?.env.as_deref());
        let service = entity.id.split(':').nth(2).unwrap_or_default();
        if let Some(label) = label {
            out.entry((label, service)).or_default().insert(entity.entity.0);
        }
    }
    out
}

fn environments(tables: &Tables, evaluators: &Evaluators<'_>) -> Vec<InEnvironment> {
    let mut out = Vec::new();
    for (platform, evaluator) in evaluators.iter() {
        let labelled = labelled(tables, platform);
        if labelled.is_empty() {
            continue;
        }
        let known = catalogue(platform);
        let of_service = |service: &str| -> Vec<Ask> {
            let of = |action: &&&str| action.split_once(':').is_some_and(|(prefix, _)| prefix == service);
            known.iter().filter(of).map(|action| plain(action)).collect()
        };
        let asked: Vec<(&str, &RoaringBitmap, Vec<Ask>)> =
            labelled.iter().map(|((label, service), among)| (*label, among, of_service(service))).collect();
        let found = per_class(evaluator, |view| {
            asked.iter().filter_map(|(label, among, asks)| access(view, label, among, asks)).collect::<Vec<_>>()
        });
        for (class, rows) in found {
            for row in rows {
                for &entity in &evaluator.classes()[class].members {
                    let evidence = evaluator.evidence_of(class, entity, &row.evidence);
                    out.push(InEnvironment { entity, evidence, ..row.clone() });
                }
            }
        }
    }
    out.sort_by(|a, b| (a.entity, &a.environment, a.certainty).cmp(&(b.entity, &b.environment, b.certainty)));
    out.dedup_by(|b, a| (a.entity, &a.environment) == (b.entity, &b.environment));
    out
}

/// One thing among some that a class may do something to: the first that is certain, else the first that may be.
fn access(view: &dyn View, label: &str, among: &RoaringBitmap, asks: &[Ask]) -> Option<InEnvironment> {
    let mut open = None;
    for ask in asks {
        let found = view.targets(ask, among);
        let row = |target: u32, certainty: Certainty, evidence: &[u32]| InEnvironment {
            entity: EntityId(0),
            environment: label.to_owned(),
            target: EntityId(target),
            action: ask.action.clone(),
            certainty,
            evidence: evidence.to_vec(),
        };
        if let Some(target) = found.certain.min() {
            return Some(row(target, Certainty::Certain, &found.evidence));
        }
        if let Some(target) = found.possible.min().filter(|_| open.is_none() && !found.open_evidence.is_empty()) {
            open = Some(row(target, Certainty::Conditional, &found.open_evidence));
        }
    }
    open
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Settings;
    use crate::model::SodRule;
    use crate::platforms::input;

    const ACCOUNT: &str = "arn:aws:iam::111122223333";

    #[test]
    fn a_wildcard_is_every_action_that_it_matches_and_names_are_no_actions() {
        let known = ["iam:CreateUser", "iam:CreateRole", "s3:GetObject"];
        let side = ["IAM:Create*", "principal:boss", "ec2:*", "sqs:SendMessage"].map(str::to_owned);
        let actions: Vec<String> = asks(&side, &known).into_iter().map(|ask| ask.action).collect();
        assert_eq!(actions, ["iam:CreateUser", "iam:CreateRole", "ec2:*", "sqs:SendMessage"]);
    }

    fn user(name: &str, statements: &str, attached: &str, group: &str) -> String {
        format!(
            r#"{{ "UserName": "{name}", "Arn": "{ACCOUNT}:user/{name}", "GroupList": [{group}],
                "AttachedManagedPolicies": [{attached}], "UserPolicyList": [{{ "PolicyName": "own",
                "PolicyDocument": {{ "Statement": [{statements}] }} }}] }}"#
        )
    }

    fn statement(effect: &str, action: &str, condition: &str) -> String {
        format!(r#"{{ "Effect": "{effect}", "Action": "{action}", "Resource": "*", "Condition": {condition} }}"#)
    }

    fn tables(users: &[String], more: &[(&str, &str)]) -> Tables {
        let export = format!(
            r#"{{ "UserDetailList": [{}], "GroupDetailList": [{{ "GroupName": "payers", "Arn": "{ACCOUNT}:group/payers",
                "GroupPolicyList": [], "AttachedManagedPolicies": [] }}], "RoleDetailList": [] }}"#,
            users.join(",")
        );
        let files = std::iter::once(("export", export.as_bytes()));
        let more = more.iter().map(|(name, text)| (*name, text.as_bytes()));
        input::read_texts(files.chain(more), platforms::ALL).join(platforms::ALL)
    }

    fn asked(tables: &Tables) -> Asked {
        ask(tables, &Evaluators::new(tables, Settings { as_of: 0 }))
    }

    #[test]
    fn a_duty_is_held_by_effective_permission_on_something_and_a_missing_policy_is_no_right() {
        let mfa = r#"{ "Bool": { "aws:MultiFactorAuthPresent": "true" } }"#;
        let missing = format!(r#"{{ "PolicyName": "Gone", "PolicyArn": "{ACCOUNT}:policy/Gone" }}"#);
        let allow = |action: &str, condition: &str| statement("Allow", action, condition);
        let denied = [allow("iam:*", "{}"), statement("Deny", "iam:Create*", "{}")].join(",");
        let users = [
            user("wide", &allow("*", "{}"), "", ""),
            user("one", &allow("iam:CreateUser", "{}"), "", ""),
            user("open", &allow("iam:CreateUser", mfa), "", ""),
            user("denied", &denied, "", ""),
            user("other", &allow("s3:GetObject", "{}"), "", ""),
            user("unseen", &allow("s3:GetObject", "{}"), &missing, ""),
            user("member", &allow("s3:GetObject", "{}"), "", r#""payers""#),
        ];
        let mut tables = tables(&users, &[]);
        tables.sod_rules.push(SodRule {
            rule: "r".to_owned(),
            title: String::new(),
            left: vec!["iam:Create*".to_owned()],
            right: vec!["principal:payers".to_owned(), "principal:user/one".to_owned()],
            severity: None,
            source: crate::model::SourceId(0),
            record: String::new(),
        });
        let asked = asked(&tables);
        let told = |side: &[Holder]| -> Vec<(String, Certainty)> {
            // The root of the account holds everything and is no one whom a rule is about.
            let users = side.iter().filter(|row| !tables.entity(row.entity).is_account_root());
            users.map(|row| (tables.entity(row.entity).name.clone(), row.certainty)).collect()
        };
        let expected = [
            ("one".to_owned(), Certainty::Certain),
            ("open".to_owned(), Certainty::Conditional),
            ("wide".to_owned(), Certainty::Certain),
        ];
        assert_eq!(told(&asked.duties[0].left), expected);
        let open = asked.duties[0].left.iter().find(|row| row.certainty == Certainty::Conditional);
        let open = open.expect("one hangs on something");
        assert!(open.evidence.len() == 1 && open.reasons[0].contains("MultiFactorAuthPresent"), "{open:?}");
        let named = [("member".to_owned(), Certainty::Certain), ("one".to_owned(), Certainty::Certain)];
        assert_eq!(told(&asked.duties[0].right), named);
    }

    #[test]
    fn access_to_labelled_things_is_effective_access() {
        let bucket = r#"[{ "Resource": "arn:aws:s3:::ledger", "Account": "111122223333", "Policy": { "Version": "2012-10-17",
            "Statement": [{ "Effect": "Deny", "Principal": "*", "Action": "s3:DeleteBucket",
            "Resource": "arn:aws:s3:::ledger" }] } }]"#;
        let allow = |action: &str| statement("Allow", action, "{}");
        let users = [
            user("reader", &allow("s3:ListBucket"), "", ""),
            user("denied", &allow("s3:DeleteBucket"), "", ""),
            user("other", &allow("sqs:SendMessage"), "", ""),
        ];
        let mut tables = tables(&users, &[("p.json", bucket)]);
        assert!(asked(&tables).environments.is_empty(), "nothing has a label");
        let ledger = tables.find("arn:aws:s3:::ledger").expect("the bucket is read");
        tables.entities[ledger.index()].env = Some("prod".to_owned());
        let found = asked(&tables).environments;
        let found: Vec<_> = found.iter().filter(|row| !tables.entity(row.entity).is_account_root()).collect();
        let told: Vec<(&str, &str)> =
            found.iter().map(|row| (tables.entity(row.entity).name.as_str(), row.action.as_str())).collect();
        assert_eq!(told, [("reader", "s3:ListBucket")]);
        assert_eq!((found[0].target, found[0].certainty, found[0].evidence.len()), (ledger, Certainty::Certain, 1));
    }
}
