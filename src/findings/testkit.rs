//! Small organisations for tests, written the way a sentence about them would be.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::{Context, DAY, Draft, Facts, Rule};
use crate::config::Config;
use crate::model::{
    Access, AccessTable, Attachment, AttachmentKind, Builder, Certainty, Credential, CredentialKind, Decision, Edge,
    Effect, Entity, EntityId, EntityKind, Grant, Granularity, Handle, Layer, Membership, MembershipKind, Path, Source,
    Standing, Tables, Trust, TrustKind, Usage,
};

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
}

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
            breadth: "all".to_owned(),
            mass,
            unused_mass: None,
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
        let (mut edges, mut paths) = (Vec::new(), Vec::new());
        for (from, to, certainty, grant) in self.paths {
            let (from, to) = (of(from), of(to));
            let place = tables.grants.iter().position(|row| row.statement == statements[&grant]);
            let place = u32::try_from(place.expect("the statement exists")).expect("tests are small");
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
        let facts = Facts {
            tables: &tables,
            access: &AccessTable::from(access),
            edges: &edges,
            target_sets: &[],
            paths: &paths,
            choke_points: &[],
            minimum_cut: None,
            zone: &zone,
            hops_certain: &certain,
            hops_possible: &possible,
            exposure_in: &vec![0; n],
            reach_weight_certain: &vec![0.0; n],
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
