//! The engine on small hand-made organisations.

use std::borrow::Cow;
use std::sync::OnceLock;

use roaring::RoaringBitmap;

use super::*;
use crate::model::{Builder, Certainty, Effect, Entity, EntityKind, Membership, MembershipKind, Source, Standing};
use crate::platforms::{Ask, Known, On, Recorded};

const AS_OF: i64 = 1_000;

/// A platform with a control plane, a data plane, and five known actions.
struct Demo;

impl Dialect for Demo {
    fn platform(&self) -> &'static str {
        "demo"
    }

    fn catalog(&self) -> &'static Catalog {
        static CATALOG: OnceLock<Catalog> = OnceLock::new();
        CATALOG.get_or_init(|| {
            let action = |(name, level): (&'static str, &'static str)| {
                let service = Cow::Borrowed(name.trim_start_matches("data:").split('/').next().unwrap_or(name));
                Action { name: Cow::Borrowed(name), service, level, recorded: Recorded::Always }
            };
            Catalog::new(
                [
                    ("Disk/read", "read"),
                    ("Disk/write", "write"),
                    ("Role/assign", "permissions"),
                    ("Role/read", "read"),
                    ("data:Disk/read", "read"),
                ]
                .map(action),
            )
        })
    }

    fn folds_case(&self) -> bool {
        true
    }

    fn administration(&self) -> &'static str {
        "*"
    }

    fn is_for_direct_members(&self, grant: &Grant) -> bool {
        grant.statement.starts_with("direct")
    }

    fn service_and_level<'a>(&self, action: &'a str) -> (Cow<'a, str>, &'static str) {
        (Cow::Borrowed(action.split('/').next().unwrap_or(action)), "write")
    }
}

/// An organisation in the making. Everything lives in the tenant `t`.
struct Org {
    builder: Builder,
}

impl Org {
    /// Tenant `t`, in it folder `f` with disk `d`, beside it disk `e`; roles `reader` and `owner`, and `lost`, of which
    /// nothing is known; users `ann`, `bob`; groups `inner` in `outer`.
    fn new() -> Self {
        let mut org = Self {
            builder: Builder::new(Source {
                path: "test".to_owned(),
                kind: "test".to_owned(),
                sha256: String::new(),
                records: 0,
                skipped: 0,
            }),
        };
        org.entity("t", EntityKind::Scope);
        for (id, kind) in [
            ("f", EntityKind::Scope),
            ("d", EntityKind::Resource),
            ("e", EntityKind::Resource),
            ("reader", EntityKind::RoleDefinition),
            ("owner", EntityKind::RoleDefinition),
            ("ann", EntityKind::User),
            ("bob", EntityKind::User),
            ("inner", EntityKind::Group),
            ("outer", EntityKind::Group),
        ] {
            org.entity(id, kind);
        }
        org.builder.refer("lost", "demo", EntityKind::RoleDefinition, "lost");
        for (member, container) in [("f", "t"), ("d", "f"), ("e", "t")] {
            org.put(member, container, MembershipKind::Contains, Standing::Active, None);
        }
        org.put("inner", "outer", MembershipKind::MemberOf, Standing::Active, None);
        org.grant("reader", Effect::Allow, &["*/read", "data:Disk/read"], &[], |_| {});
        org.grant("owner", Effect::Allow, &["*"], &[], |grant| grant.not_actions = vec!["Role/*".to_owned()]);
        org
    }

    fn entity(&mut self, id: &str, kind: EntityKind) {
        let scope = (id != "t").then(|| "t".to_owned());
        self.builder.define(Entity { present: true, scope, ..Entity::named(id, "demo", kind, id) });
    }

    fn put(
        &mut self,
        member: &str,
        container: &str,
        kind: MembershipKind,
        standing: Standing,
        expires_at: Option<i64>,
    ) {
        let of = |id: &str| self.builder.handle(id).unwrap();
        let (member, container, source) = (of(member), of(container), self.builder.source_id());
        let row = Membership { member, container, kind, standing, expires_at, source, record: String::new() };
        self.builder.memberships.push(row);
    }

    fn join(&mut self, member: &str, group: &str) {
        self.put(member, group, MembershipKind::MemberOf, Standing::Active, None);
    }

    fn grant(&mut self, holder: &str, effect: Effect, actions: &[&str], resources: &[&str], with: impl Fn(&mut Grant)) {
        let list = |list: &[&str]| list.iter().map(|&one| one.to_owned()).collect();
        let at = u32::try_from(self.builder.grants.len()).unwrap();
        let mut grant = Grant {
            grant: at,
            holder: self.builder.handle(holder).unwrap(),
            effect,
            actions: list(actions),
            not_actions: Vec::new(),
            resources: list(resources),
            not_resources: Vec::new(),
            principals: Vec::new(),
            not_principals: Vec::new(),
            condition: None,
            variables: false,
            layer: if effect == Effect::Deny { Layer::DenyPolicy } else { Layer::Identity },
            policy: "p".to_owned(),
            statement: format!("{at}"),
            granted_at: None,
            expires_at: None,
            source: self.builder.source_id(),
            record: String::new(),
        };
        with(&mut grant);
        self.builder.grants.push(grant);
    }

    fn allow(&mut self, holder: &str, actions: &[&str], resources: &[&str]) {
        self.grant(holder, Effect::Allow, actions, resources, |_| {});
    }

    fn tables(&self) -> Tables {
        Builder::assemble(vec![self.builder.clone()])
    }

    /// The answers to `(principal, action, resource)`, first letters: a(llowed), d(enied), c(onditional), u(nknown).
    fn answers(&self, questions: &[(&str, &str, &str)]) -> String {
        let tables = self.tables();
        let compiled = Compiled::new(&tables, Settings { as_of: AS_OF }, Demo);
        let answer = |(principal, action, resource): &(&str, &str, &str)| {
            let request = Request::new(tables.find(principal).unwrap(), action, resource);
            compiled.decide(&request).decision.as_str()[..1].to_owned()
        };
        questions.iter().map(answer).collect()
    }
}

#[test]
fn rights_hold_in_everything_inside_and_nowhere_else() {
    let mut org = Org::new();
    org.allow("ann", &["role:reader"], &["f"]);
    org.allow("bob", &["disk/WRITE"], &["=f"]);
    let asked = [
        ("ann", "Disk/read", "d"),
        ("ann", "DISK/READ", "f"),
        ("ann", "Disk/read", "f/new/thing"),
        ("ann", "Disk/read", "e"),
        ("ann", "Disk/read", "t"),
        ("ann", "Disk/read", "*"),
        ("ann", "Disk/write", "d"),
        ("bob", "Disk/write", "f"),
        ("bob", "Disk/write", "d"),
    ];
    assert_eq!(org.answers(&asked), "aaadddd".to_owned() + "ad");
}

#[test]
fn planes_are_apart_and_what_a_role_leaves_out_it_leaves_out_of_itself_alone() {
    let mut org = Org::new();
    org.allow("ann", &["role:owner"], &["t"]);
    org.allow("bob", &["role:owner", "role:reader"], &["*"]);
    let asked = [
        ("ann", "Disk/write", "d"),
        ("ann", "Role/read", "d"),
        ("ann", "data:Disk/read", "d"),
        ("bob", "Role/read", "d"),
        ("bob", "Role/assign", "d"),
        ("bob", "data:Disk/read", "d"),
        ("ann", "*", "d"),
        ("ann", "Disk/*", "d"),
    ];
    assert_eq!(org.answers(&asked), "addadada");
}

#[test]
fn groups_nest_and_some_rights_are_for_direct_members_only() {
    let mut org = Org::new();
    org.join("ann", "inner");
    org.join("bob", "outer");
    org.allow("outer", &["Disk/read"], &["t"]);
    org.grant("outer", Effect::Allow, &["Disk/write"], &["t"], |grant| grant.statement = "direct".to_owned());
    let asked = [
        ("ann", "Disk/read", "d"),
        ("ann", "Disk/write", "d"),
        ("bob", "Disk/write", "d"),
        ("inner", "Disk/read", "d"),
        ("outer", "Disk/write", "d"),
    ];
    assert_eq!(org.answers(&asked), "adaaa");
}

#[test]
fn a_way_that_must_be_activated_or_has_ended_is_told_apart_from_one_that_holds() {
    let mut org = Org::new();
    org.put("ann", "outer", MembershipKind::MemberOf, Standing::Eligible, None);
    org.put("bob", "outer", MembershipKind::MemberOf, Standing::Active, Some(AS_OF));
    org.allow("outer", &["Disk/read"], &["t"]);
    org.grant("bob", Effect::Allow, &["Disk/write"], &["t"], |grant| grant.expires_at = Some(AS_OF));
    org.grant("ann", Effect::Allow, &["Disk/write"], &["t"], |grant| grant.expires_at = Some(AS_OF + 1));
    let asked =
        [("ann", "Disk/read", "d"), ("bob", "Disk/read", "d"), ("bob", "Disk/write", "d"), ("ann", "Disk/write", "d")];
    assert_eq!(org.answers(&asked), "cdda");
    // A second way that holds makes it certain.
    org.join("ann", "inner");
    assert_eq!(org.answers(&asked[..1]), "a");
}

#[test]
fn a_deny_beats_an_allow_but_not_for_those_whom_it_leaves_alone() {
    let mut org = Org::new();
    org.join("bob", "inner");
    for user in ["ann", "bob"] {
        org.allow(user, &["*"], &["t"]);
    }
    org.grant("t", Effect::Deny, &["Disk/write"], &["f"], |grant| grant.not_principals = vec!["outer".to_owned()]);
    let asked = [
        ("ann", "Disk/write", "d"),
        ("ann", "Disk/write", "e"),
        ("ann", "Disk/read", "d"),
        ("bob", "Disk/write", "d"),
        ("ann", "*", "d"),
        ("ann", "*", "e"),
    ];
    assert_eq!(org.answers(&asked), "daaada");
    org.grant("t", Effect::Deny, &["Disk/read"], &["t"], |grant| grant.condition = Some("\"at night\"".to_owned()));
    assert_eq!(org.answers(&[("ann", "Disk/read", "e"), ("ann", "Disk/write", "d")]), "cd");
}

#[test]
fn conditions_and_roles_of_which_nothing_is_known_are_neither_yes_nor_no() {
    let mut org = Org::new();
    org.grant("ann", Effect::Allow, &["Disk/read"], &["t"], |grant| grant.condition = Some("\"if x\"".to_owned()));
    org.allow("bob", &["role:lost"], &["f"]);
    let asked =
        [("ann", "Disk/read", "d"), ("bob", "Disk/read", "d"), ("bob", "Disk/read", "e"), ("ann", "Disk/write", "d")];
    assert_eq!(org.answers(&asked), "cudd");
}

#[test]
fn groups_of_everyone_have_everyone_of_their_scope() {
    let mut org = Org::new();
    let outer = org.builder.handle("outer").unwrap();
    org.builder.attribute(outer, "implicit_members", "scope");
    org.allow("outer", &["Disk/read"], &["t"]);
    org.builder.define(Entity {
        present: true,
        scope: Some("u".to_owned()),
        ..Entity::named("zoe", "demo", EntityKind::User, "zoe")
    });
    org.builder.define(Entity { present: true, ..Entity::named("u", "demo", EntityKind::Scope, "u") });
    let asked = [("ann", "Disk/read", "d"), ("zoe", "Disk/read", "d")];
    assert_eq!(org.answers(&asked), "ad");
    org.builder.attribute(outer, "implicit_members", "all");
    assert_eq!(org.answers(&asked), "aa");
}

fn ask(action: &str) -> Ask {
    Ask { action: action.to_owned(), pins: Vec::new() }
}

fn class_of(compiled: &Compiled<'_>, of: EntityId) -> usize {
    compiled.classes().iter().position(|class| class.members.contains(&of)).unwrap()
}

#[test]
fn bulk_answers_are_those_of_single_questions() {
    let mut org = Org::new();
    org.allow("ann", &["role:reader"], &["f"]);
    org.grant("ann", Effect::Allow, &["Disk/read"], &["e"], |grant| grant.condition = Some("\"if x\"".to_owned()));
    org.grant("ann", Effect::Deny, &["Disk/read"], &["=d"], |_| {});
    let tables = org.tables();
    let compiled = Compiled::new(&tables, Settings { as_of: AS_OF }, Demo);
    let ann = tables.find("ann").unwrap();
    let view = compiled.open(class_of(&compiled, ann));
    let all: RoaringBitmap = tables.entities.iter().map(|one| one.entity.0).collect();
    for action in ["Disk/read", "disk/write", "*/read", "*", "Role/read", "data:Disk/read"] {
        let reach = view.targets(&ask(action), &all);
        for entity in &tables.entities {
            let decision = compiled.decide(&Request::new(ann, action, &entity.id)).decision;
            let expected = (decision == Decision::Allowed, decision != Decision::Denied);
            let found = (reach.certain.contains(entity.entity.0), reach.possible.contains(entity.entity.0));
            assert_eq!(found, expected, "{action} {}", entity.id);
        }
    }
    let reach = view.targets(&ask("Disk/read"), &all);
    assert_eq!(reach.reasons, ["if x"]);
    assert_eq!((reach.evidence.len(), reach.open_evidence.len()), (1, 1));
}

#[test]
fn questions_about_no_one_thing_ask_for_any_or_for_all() {
    let mut org = Org::new();
    org.allow("ann", &["Disk/read"], &["f"]);
    org.allow("ann", &["Disk/write"], &["=d"]);
    org.allow("ann", &["Role/assign"], &["e"]);
    org.allow("bob", &["*"], &["t"]);
    let tables = org.tables();
    let compiled = Compiled::new(&tables, Settings { as_of: AS_OF }, Demo);
    let of = |name: &str| compiled.open(class_of(&compiled, tables.find(name).unwrap()));
    let certain = |one: Option<crate::platforms::Standpoint>| one.map(|one| one.certainty == Certainty::Certain);
    let ann = of("ann");
    assert_eq!(certain(ann.anywhere(&ask("Disk/write"), On::Something)), Some(true));
    assert_eq!(certain(ann.anywhere(&ask("Disk/write"), On::Everything)), None);
    assert_eq!(certain(ann.together(&[ask("Disk/read"), ask("Disk/write")])), Some(true));
    assert_eq!(certain(ann.together(&[ask("Disk/read"), ask("Role/assign")])), None);
    assert_eq!(certain(ann.manages_permissions()), None);
    assert_eq!(certain(of("bob").manages_permissions()), Some(true));
}

#[test]
fn rows_count_each_action_once_and_as_widely_as_it_is_given() {
    let mut org = Org::new();
    // Disk/read and Role/read in a folder (2 x 2 each), Disk/read also everywhere (4 x 2), Own/thing on one (1 x 5).
    org.allow("ann", &["role:reader"], &["f"]);
    org.allow("ann", &["Disk/read"], &["t"]);
    org.allow("ann", &["Own/thing"], &["=d"]);
    let tables = org.tables();
    let compiled = Compiled::new(&tables, Settings { as_of: AS_OF }, Demo);
    let ann = tables.find("ann").unwrap();
    let rows = compiled.open(class_of(&compiled, ann)).access();
    let shown: Vec<String> = rows
        .iter()
        .map(|row| format!("{} {} {} {} {}", row.service, row.level, row.granted_n, row.breadth, row.mass))
        .collect();
    // `data:Disk/read` (2 x 2) counts under Disk as well.
    assert_eq!(shown, ["Disk read 2 all 12", "Own write 1 one 5", "Role read 1 prefix 4"]);
    let granted = compiled.granted(ann);
    assert_eq!(granted.len(), rows.len());
    for (row, granted) in rows.iter().zip(&granted) {
        assert_eq!((row.service.as_str(), row.level.as_str()), (&*granted.service, granted.level));
        assert_eq!(row.granted_n as usize, granted.actions.len());
        let mass: f64 = granted.actions.iter().map(|action| action.mass).sum();
        assert!((row.mass - mass).abs() < 1e-9);
    }
    // read 2, write 5, permissions 10, read 2, read 2: 21, everywhere.
    assert!((compiled.administrator_mass() - 84.0).abs() < 1e-9);
}

#[test]
fn principals_with_the_same_rights_by_other_grants_are_one_class_with_evidence_of_their_own() {
    let mut org = Org::new();
    for user in ["ann", "bob"] {
        org.allow(user, &["role:reader"], &["f"]);
    }
    let tables = org.tables();
    let compiled = Compiled::new(&tables, Settings { as_of: AS_OF }, Demo);
    let (ann, bob) = (tables.find("ann").unwrap(), tables.find("bob").unwrap());
    let class = class_of(&compiled, ann);
    assert_eq!(class, class_of(&compiled, bob));
    let all: RoaringBitmap = tables.entities.iter().map(|one| one.entity.0).collect();
    let evidence = compiled.open(class).targets(&ask("Disk/read"), &all).evidence;
    let holder = |grants: Vec<u32>| -> Vec<EntityId> {
        grants.iter().map(|&grant| tables.grants[grant as usize].holder).collect()
    };
    assert_eq!(holder(compiled.evidence_of(class, ann, &evidence)), [ann]);
    assert_eq!(holder(compiled.evidence_of(class, bob, &evidence)), [bob]);
}

#[test]
fn what_is_known_and_written_comes_from_the_catalogue() {
    let own = |list: &[&str]| list.iter().map(|&one| one.to_owned()).collect::<Vec<_>>();
    let all = written(&Demo, &own(&["*/read"]), &[], Granularity::Action);
    assert_eq!(all, Some(own(&["Disk/read", "Role/read"])));
    let services = written(&Demo, &[], &own(&["disk/*"]), Granularity::Service);
    assert_eq!(services, Some(own(&["Disk:read", "Role:permissions", "Role:read"])));
    assert_eq!(written(&Demo, &own(&["role:reader"]), &[], Granularity::Action), None);
    let tables = Org::new().tables();
    let compiled = Compiled::new(&tables, Settings { as_of: AS_OF }, Demo);
    let name = |known: Option<Known>| known.map(|known| known.name.into_owned());
    assert_eq!(name(compiled.known("DISK/read")), Some("Disk/read".to_owned()));
    assert_eq!(name(compiled.known("Own/thing")), None);
}
