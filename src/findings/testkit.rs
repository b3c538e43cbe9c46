//! Small organisations for tests, written the way a sentence about them would be.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::asked::{About, Asked, Duties, Holder, InEnvironment, Write};
use super::{Context, DAY, Draft, Facts, Rule};
use crate::config::Config;
use crate::model::{
    Access, AccessTable, Approval, Attachment, AttachmentKind, Builder, Certainty, Credential, CredentialKind,
    Decision, Edge, Effect, Entity, EntityId, EntityKind, Exception, ExceptionStatus, Grant, Granularity, Handle,
    Layer, Membership, MembershipKind, Path, Person, PersonStatus, Severity, SodRule, Source, Standing, Tables, Trust,
    TrustKind, Usage, Workflow,
};
use crate::paths::Landscape;

/// Time of the scan in tests: 2026-11-22T00:00:00Z.
pub const NOW: i64 = 1_795_305_600_000;
/// The exported account.
pub const ACCOUNT: &str = "111111111111";
/// Privilege mass of the administrator in tests.
pub const ADMIN_MASS: f64 = 10_000.0;

/// Read once: property tests make many organisations.
static CONFIG: LazyLock<Config> = LazyLock::new(|| Config::embedded().expect("the embedded configuration is tested"));

/// An organisation in the making.
pub struct World {
    pub builder: Builder,
    pub config: Config,
    access: Vec<(Handle, Access)>,
    zone: Vec<(Handle, String)>,
    hops: Vec<(Handle, Option<u32>, Option<u32>)>,
    paths: Vec<(Handle, Handle, Certainty, u32)>,
    edges: Vec<(Handle, Handle, Certainty, u32)>,
    duties: Vec<[Vec<Held>; 2]>,
    environments: Vec<Labelled>,
    reach: Vec<(Handle, f64)>,
    writes: Vec<Written>,
    changers: Vec<(Handle, Certainty)>,
}

/// Access of somebody to a thing in an environment, by a statement.
type Labelled = (Handle, &'static str, Handle, Certainty, u32);
/// Who may write what, as a queue or as what the workflow of a row may only propose changes to.
type Written = (Handle, Option<u32>, Handle, Certainty);
/// A duty that somebody has, by the statement that gives it.
pub type Held = (Handle, Certainty, Option<u32>);

/// The instant `days` before the scan, in the form in which records hold it.
#[expect(clippy::unnecessary_wraps, reason = "every field that takes it is optional")]
pub fn ago(days: i64) -> Option<i64> {
    Some(NOW - days * DAY)
}

impl World {
    pub fn new() -> Self {
        let source = Source { path: "t.json".into(), kind: "t".into(), sha256: String::new(), records: 0, skipped: 0 };
        let mut world = Self {
            builder: Builder::new(source),
            config: CONFIG.clone(),
            access: vec![],
            zone: vec![],
            hops: vec![],
            paths: vec![],
            edges: vec![],
            duties: vec![],
            environments: vec![],
            reach: vec![],
            writes: vec![],
            changers: vec![],
        };
        world.add(&format!("aws:account/{ACCOUNT}"), EntityKind::Scope, ACCOUNT, None);
        world
    }

    pub fn user_id(name: &str) -> String {
        format!("arn:aws:iam::{ACCOUNT}:user/{name}")
    }

    fn add(&mut self, id: &str, kind: EntityKind, name: &str, nhi: Option<bool>) -> Handle {
        let mut entity = Entity::named(id, "aws", kind, name);
        entity.present = true;
        entity.nhi = nhi;
        entity.created_at = ago(400);
        if kind != EntityKind::Scope {
            entity.scope = Some(format!("aws:account/{ACCOUNT}"));
        }
        self.builder.define(entity)
    }

    pub fn user(&mut self, name: &str) -> Handle {
        self.add(&Self::user_id(name), EntityKind::User, name, Some(false))
    }

    pub fn robot(&mut self, name: &str) -> Handle {
        self.add(&Self::user_id(name), EntityKind::User, name, Some(true))
    }

    pub fn root(&mut self) -> Handle {
        self.add(&format!("arn:aws:iam::{ACCOUNT}:root"), EntityKind::User, "<root_account>", Some(false))
    }

    pub fn role(&mut self, name: &str) -> Handle {
        self.add(&format!("arn:aws:iam::{ACCOUNT}:role/{name}"), EntityKind::Role, name, Some(true))
    }

    pub fn group(&mut self, name: &str) -> Handle {
        self.add(&format!("arn:aws:iam::{ACCOUNT}:group/{name}"), EntityKind::Group, name, None)
    }

    pub fn policy(&mut self, name: &str) -> Handle {
        self.add(&format!("arn:aws:iam::{ACCOUNT}:policy/{name}"), EntityKind::RoleDefinition, name, None)
    }

    /// Changes what is known of an entity.
    pub fn edit(&mut self, handle: Handle, change: impl FnOnce(&mut Entity)) {
        // `absorb` keeps what is known, so an edited copy goes into a world built anew.
        let mut entity = self.builder.entity(handle).clone();
        change(&mut entity);
        let entities = self.builder.entities().to_vec();
        let mut builder = Builder::new(self.builder.source.clone());
        for (at, old) in entities.into_iter().enumerate() {
            builder.define(if at == handle.index() { entity.clone() } else { old });
        }
        builder.memberships = std::mem::take(&mut self.builder.memberships);
        builder.attachments = std::mem::take(&mut self.builder.attachments);
        builder.attributes = std::mem::take(&mut self.builder.attributes);
        builder.grants = std::mem::take(&mut self.builder.grants);
        builder.trusts = std::mem::take(&mut self.builder.trusts);
        builder.credentials = std::mem::take(&mut self.builder.credentials);
        builder.usage = std::mem::take(&mut self.builder.usage);
        self.builder = builder;
    }

    pub fn grant(&mut self, holder: Handle, actions: &[&str], layer: Layer) -> u32 {
        let grant = u32::try_from(self.builder.grants.len()).expect("tests are small");
        let policy = self.builder.entity(holder).name.clone();
        self.builder.grants.push(Grant {
            grant,
            holder,
            effect: Effect::Allow,
            actions: actions.iter().map(|&action| action.to_owned()).collect(),
            not_actions: vec![],
            resources: vec!["*".to_owned()],
            not_resources: vec![],
            principals: vec![],
            not_principals: vec![],
            condition: None,
            variables: true,
            layer,
            policy,
            statement: format!("s{grant}"),
            granted_at: None,
            expires_at: None,
            source: self.builder.source_id(),
            record: String::new(),
        });
        grant
    }

    pub fn trust(&mut self, target: Handle, pattern: &str, kind: TrustKind, condition: Option<&str>) {
        let grant = self.grant(target, &["sts:AssumeRole"], Layer::Resource);
        self.builder.trusts.push(Trust {
            target,
            trustee: None,
            trustee_pattern: pattern.to_owned(),
            action: "sts:AssumeRole".to_owned(),
            condition: condition.map(str::to_owned),
            kind,
            grant,
        });
    }

    pub fn attach(&mut self, holder: Handle, policy: Handle, kind: AttachmentKind) {
        let source = self.builder.source_id();
        self.builder.attachments.push(Attachment { holder, policy, kind, source, record: String::new() });
    }

    pub fn join(&mut self, member: Handle, container: Handle) {
        self.builder.memberships.push(Membership {
            member,
            container,
            kind: MembershipKind::MemberOf,
            standing: Standing::Active,
            expires_at: None,
            source: self.builder.source_id(),
            record: String::new(),
        });
    }

    /// An active credential created `age` days ago and last used `used` days ago; `None` is never used.
    pub fn credential(&mut self, entity: Handle, id: &str, kind: CredentialKind, age: i64, used: Option<i64>) -> usize {
        self.builder.credentials.push(Credential {
            credential: id.to_owned(),
            entity,
            kind,
            created_at: ago(age),
            expires_at: None,
            last_used_at: used.and_then(ago),
            never_used: Some(used.is_none()),
            last_rotated_at: None,
            active: Some(true),
            source: self.builder.source_id(),
            record: String::new(),
        });
        self.builder.credentials.len() - 1
    }

    /// A service that was watched for 400 days and last used `used` days ago.
    pub fn usage(&mut self, entity: Handle, service: &str, used: Option<i64>) {
        self.builder.usage.push(Usage {
            entity,
            permission: service.to_owned(),
            granularity: Granularity::Service,
            last_used_at: used.and_then(ago),
            count: None,
            window_start: ago(400),
            window_end: ago(0),
            source: self.builder.source_id(),
            record: String::new(),
        });
    }

    pub fn may(&mut self, entity: Handle, service: &str, level: &str, granted_n: u32, mass: f64) -> &mut Access {
        let row = Access {
            entity: EntityId(0),
            service: service.to_owned(),
            level: level.to_owned(),
            granted_n,
            unused_n: None,
            observable_n: None,
            undetermined_n: None,
            breadth: "all".to_owned(),
            mass,
            observable_mass: None,
            used_mass: None,
            unused_mass: None,
            window_days: None,
            decision: Decision::Allowed,
            evidence_grade: "static".to_owned(),
        };
        self.access.push((entity, row));
        let last = self.access.len() - 1;
        &mut self.access[last].1
    }

    pub fn protect(&mut self, entity: Handle, reason: &str) {
        self.zone.push((entity, reason.to_owned()));
        self.hops.push((entity, Some(0), Some(0)));
    }

    pub fn hops(&mut self, entity: Handle, certain: Option<u32>, possible: Option<u32>) {
        self.hops.push((entity, certain, possible));
    }

    /// A path of one step that stands on a statement.
    pub fn step(&mut self, from: Handle, to: Handle, certainty: Certainty, grant: u32) {
        self.paths.push((from, to, certainty, grant));
    }

    /// A valid exception, made ten days before the scan for a hundred days: `ann` asked for it and `bob` decided.
    /// Call [`World::edit`] before: it rebuilds the world without governance tables.
    pub fn exception(&mut self, id: &str, rule: &str) -> &mut Exception {
        self.builder.exceptions.push(Exception {
            exception: id.to_owned(),
            rule: (!rule.is_empty()).then(|| rule.to_owned()),
            principal: None,
            resource: None,
            domain: None,
            reason: Some("replaced next quarter".to_owned()),
            owner: Some("ann".to_owned()),
            approved_by: Some("bob".to_owned()),
            created_at: ago(10),
            expires_at: ago(-90),
            ticket: None,
            status: ExceptionStatus::Unmatched,
            problem: None,
            matched_n: 0,
            source: self.builder.source_id(),
            record: format!("line {}", self.builder.exceptions.len() + 2),
        });
        let last = self.builder.exceptions.len() - 1;
        &mut self.builder.exceptions[last]
    }

    /// A person who belongs, with an address of this name.
    pub fn person(&mut self, id: &str) -> &mut Person {
        let person = self.person_of(id, PersonStatus::Active, None);
        person.email = Some(format!("{id}@example.com"));
        person
    }

    /// Says that an identity is a person's.
    pub fn identity(&mut self, person: &str, entity: Handle) {
        self.identity_of(person, entity, 1.0);
    }

    /// A step that is on no stored path.
    pub fn edge(&mut self, from: Handle, to: Handle, certainty: Certainty, grant: u32) {
        self.edges.push((from, to, certainty, grant));
    }

    /// A rule of segregation of duties and who holds its sides.
    pub fn apart(&mut self, rule: &str, severity: Option<Severity>, left: Vec<Held>, right: Vec<Held>) {
        self.builder.sod_rules.push(SodRule {
            rule: rule.to_owned(),
            title: format!("keeps {rule} apart"),
            left: vec!["l:Do".to_owned()],
            right: vec!["r:Do".to_owned()],
            severity,
            source: self.builder.source_id(),
            record: String::new(),
        });
        self.duties.push([left, right]);
    }

    /// Access to a thing in an environment.
    pub fn reaches_into(&mut self, who: Handle, environment: &'static str, target: Handle, grant: u32) {
        self.environments.push((who, environment, target, Certainty::Certain, grant));
    }

    /// A right to change a queue, or what the workflow of a row may only propose changes to.
    pub fn writes(&mut self, who: Handle, workflow: Option<u32>, target: Handle, certainty: Certainty) {
        self.writes.push((who, workflow, target, certainty));
    }

    /// A connector that may change permissions.
    pub fn changes(&mut self, who: Handle, certainty: Certainty) {
        self.changers.push((who, certainty));
    }

    /// A thing of the account.
    pub fn resource(&mut self, name: &str) -> Handle {
        self.add(&format!("arn:aws:sqs:eu-west-1:{ACCOUNT}:{name}"), EntityKind::Resource, name, None)
    }

    /// The share of everything that certain paths lead to.
    pub fn reach(&mut self, who: Handle, share: f64) {
        self.reach.push((who, share));
    }

    /// A person and their identities.
    pub fn person_with(&mut self, person: &str, status: PersonStatus, identities: &[Handle]) {
        self.person_of(person, status, None).entity = identities.first().copied();
        for &entity in identities {
            self.identity_of(person, entity, 1.0);
        }
    }

    /// A workflow with a business process and a control owner, which a model takes part in.
    pub fn workflow(&mut self, workflow: &str, principal: Option<Handle>, functions: &[&str]) -> &mut Workflow {
        self.builder.workflows.push(Workflow {
            workflow: workflow.to_owned(),
            business_process: Some("access reviews".to_owned()),
            control_owner: Some("p-owner".to_owned()),
            principal,
            ai: Some(true),
            functions: functions.iter().map(|&one| one.to_owned()).collect(),
            tier: None,
            queue: None,
            takes_from: vec![],
            proposes: vec![],
            source: self.builder.source_id(),
            record: String::new(),
        });
        let last = self.builder.workflows.len() - 1;
        &mut self.builder.workflows[last]
    }

    /// A required approval by one.
    pub fn approval(&mut self, object: &str, approver: &str) -> &mut Approval {
        self.builder.approvals.push(Approval {
            object: object.to_owned(),
            entity: None,
            approver: approver.to_owned(),
            required: Some(true),
            quorum: Some(1),
            cycle_days: None,
            last_reviewed_at: None,
            queue: None,
            source: self.builder.source_id(),
            record: String::new(),
        });
        let last = self.builder.approvals.len() - 1;
        &mut self.builder.approvals[last]
    }

    pub fn tables(self) -> Tables {
        Builder::assemble(vec![self.builder])
    }

    /// Runs something on the finished organisation.
    pub fn with<T>(self, ask: impl FnOnce(&Context<'_>) -> T) -> T {
        let ids: Vec<String> = self.builder.entities().iter().map(|entity| entity.id.clone()).collect();
        let statements: BTreeMap<u32, String> =
            self.builder.grants.iter().map(|row| (row.grant, row.statement.clone())).collect();
        let tables = Builder::assemble(vec![self.builder]);
        let of = |handle: Handle| tables.find(&ids[handle.index()]).expect("every handle is an entity");
        let mut access: Vec<Access> =
            self.access.into_iter().map(|(who, row)| Access { entity: of(who), ..row }).collect();
        access.sort_by(|a, b| (a.entity, &a.service, &a.level).cmp(&(b.entity, &b.service, &b.level)));
        let mut zone: Vec<(EntityId, String)> = self.zone.into_iter().map(|(who, why)| (of(who), why)).collect();
        zone.sort();
        let n = tables.entities.len();
        let (mut certain, mut possible) = (vec![None; n], vec![None; n]);
        for (who, c, p) in self.hops {
            certain[of(who).index()] = c;
            possible[of(who).index()] = p;
        }
        let place_of = |grant: u32| {
            let place = tables.grants.iter().position(|row| row.statement == statements[&grant]);
            u32::try_from(place.expect("the statement exists")).expect("tests are small")
        };
        let (mut edges, mut paths) = (Vec::new(), Vec::new());
        for (from, to, certainty, grant) in self.paths {
            let (from, to) = (of(from), of(to));
            let place = place_of(grant);
            paths.push(Path {
                entity: from,
                target: to,
                hops: 1,
                certainty,
                steps: vec![u32::try_from(edges.len()).expect("tests are small")],
                weakest_reason: (certainty == Certainty::Conditional).then(|| "needs existing instance".to_owned()),
            });
            let technique = "iam-003".to_owned();
            edges.push(Edge { src: from.0, dst: to.0, technique, certainty, reasons: vec![], evidence: vec![place] });
        }
        for (from, to, certainty, grant) in self.edges {
            let (from, to, evidence) = (of(from), of(to), vec![place_of(grant)]);
            let technique = "sts-001".to_owned();
            edges.push(Edge { src: from.0, dst: to.0, technique, certainty, reasons: vec![], evidence });
        }
        let asked = asked(&self.duties, &self.environments, &of, &place_of);
        let asked = changing(asked, &self.writes, &self.changers, &of);
        let mut reach = vec![0.0; n];
        for (who, share) in self.reach {
            reach[of(who).index()] = share;
        }
        let land = Landscape::new(&tables, &edges, &[], zone.clone());
        let facts = Facts {
            tables: &tables,
            access: &AccessTable::from(access),
            removals: &crate::model::ClassTable::from(Vec::new()),
            edges: &edges,
            target_sets: &[],
            paths: &paths,
            choke_points: &[],
            minimum_cut: None,
            zone: &zone,
            hops_certain: &certain,
            hops_possible: &possible,
            exposure_in: &vec![0; n],
            reach_weight_certain: &reach,
            land: &land,
            asked: &asked,
            administrator_mass: &|_| ADMIN_MASS,
            as_of: NOW,
            config: &self.config,
        };
        ask(&Context::new(facts))
    }

    /// What a rule finds: case, name of the entity and title, in the rule's order.
    pub fn check(self, rule: &dyn Rule) -> Vec<(&'static str, String, Draft)> {
        self.with(|context| {
            let named = |draft: Draft| (draft.case, context.tables.entity(draft.entity).name.clone(), draft);
            let drafts: Vec<_> = rule.check(context).into_iter().map(named).collect();
            for (case, _, draft) in &drafts {
                assert!(rule.info().cases.iter().any(|known| known.0 == *case), "unlisted case {case}");
                assert!(!draft.evidence.is_empty(), "no evidence for {}", draft.title);
            }
            drafts
        })
    }
}

/// The cases and names of what a rule found, for comparisons.
pub fn cases<'a>(found: &'a [(&'static str, String, Draft)]) -> Vec<(&'static str, &'a str)> {
    found.iter().map(|(case, name, _)| (*case, name.as_str())).collect()
}

/// With rights to change something.
fn changing(
    asked: Asked,
    writes: &[Written],
    changers: &[(Handle, Certainty)],
    of: &dyn Fn(Handle) -> EntityId,
) -> Asked {
    let write = |&(who, workflow, target, certainty): &Written| Write {
        entity: of(who),
        about: workflow.map_or_else(|| About::Queue(of(target)), About::Proposals),
        target: of(target),
        action: "sqs:SendMessage".to_owned(),
        certainty,
        reasons: if certainty == Certainty::Certain { vec![] } else { vec!["source address".to_owned()] },
        evidence: vec![],
    };
    let changers = changers.iter().map(|&(who, certainty)| (of(who), certainty)).collect();
    Asked { writes: writes.iter().map(write).collect(), changers, ..asked }
}

/// What the evaluators would have answered.
fn asked(
    duties: &[[Vec<Held>; 2]],
    environments: &[Labelled],
    of: &dyn Fn(Handle) -> EntityId,
    place_of: &dyn Fn(u32) -> u32,
) -> Asked {
    let side = |rows: &[Held]| -> Vec<Holder> {
        let holder = |&(who, certainty, grant): &Held| Holder {
            entity: of(who),
            by: "x:Do".to_owned(),
            certainty,
            reasons: vec![],
            evidence: grant.map(place_of).into_iter().collect(),
        };
        let mut rows: Vec<Holder> = rows.iter().map(holder).collect();
        rows.sort_by_key(|row| row.entity);
        rows
    };
    let duties = duties.iter().map(|[left, right]| Duties { left: side(left), right: side(right) }).collect();
    let labelled = environments.iter().map(|&(who, environment, target, certainty, grant)| InEnvironment {
        entity: of(who),
        environment: environment.to_owned(),
        target: of(target),
        action: "s3:GetObject".to_owned(),
        certainty,
        evidence: vec![place_of(grant)],
    });
    let mut environments: Vec<InEnvironment> = labelled.collect();
    environments.sort_by(|a, b| (a.entity, &a.environment).cmp(&(b.entity, &b.environment)));
    Asked { duties, environments, ..Asked::default() }
}
