//! Small random accounts over a small alphabet, so that statements, resources and keys meet often.

mod alphabet;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::splitmix::Rng;

use alphabet::{
    ACCOUNTS, ACTION_PATTERNS, ACTIONS, CHOSEN, DECIDABLE, ENVIRONMENT, Key, Kind, ORGANIZATION, RESOURCE_PATTERNS,
};

/// Exports of a random organisation and questions about it.
#[derive(Debug, Clone)]
pub struct RandomWorld {
    /// Authorization details, one document an account.
    pub gaad: Vec<Value>,
    pub organization: Option<Value>,
    pub resource_policies: Option<Value>,
    pub questions: Vec<Question>,
}

/// A question about a random organisation.
#[derive(Debug, Clone)]
pub struct Question {
    /// ARN of a user or role of the exports.
    pub principal: String,
    pub action: String,
    pub resource: String,
    pub context: BTreeMap<String, Vec<String>>,
    pub strict: bool,
    pub session_name: Option<String>,
    /// Session policies, each a JSON document.
    pub session_policies: Vec<String>,
}

/// Time that random worlds are to be judged at: 2026-11-22T00:00:00Z in milliseconds since 1970.
pub const AS_OF: i64 = 1_795_305_600_000;

/// Questions of each world.
const QUESTIONS: usize = 40;

/// A world being made.
struct Maker {
    rng: Rng,
    accounts: usize,
    open: Vec<Key>,
    /// ARN and unique id of users and roles, for principal elements.
    named: Vec<(String, String)>,
    /// ARNs of resources that exist, with the action that suits each.
    resources: Vec<String>,
}

/// The world of a seed.
pub fn account(seed: u64) -> RandomWorld {
    let mut rng = Rng(seed);
    let accounts = 1 + usize::from(rng.chance(40));
    let open = (0..rng.below(4)).map(|at| rng.pick(if at == 0 { ENVIRONMENT } else { CHOSEN })).collect();
    let mut maker = Maker { rng, accounts, open, named: Vec::new(), resources: Vec::new() };
    let sizes: Vec<(usize, usize)> = (0..accounts).map(|_| (2 + maker.rng.below(4), 2 + maker.rng.below(4))).collect();
    for (at, &(users, roles)) in sizes.iter().enumerate() {
        maker.name_principals(at, users, roles);
    }
    maker.name_resources();
    let gaad = sizes.iter().enumerate().map(|(at, &(users, roles))| maker.details(at, users, roles)).collect();
    let organization = maker.rng.chance(55).then(|| maker.organization());
    let resource_policies = Some(maker.resource_policies());
    let questions = (0..QUESTIONS).map(|_| maker.question()).collect();
    RandomWorld { gaad, organization, resource_policies, questions }
}

/// Short number of an account, for unique ids.
fn short(at: usize) -> &'static str {
    &ACCOUNTS[at][..4]
}

fn role_path(number: usize) -> &'static str {
    match number {
        2 => "/aws-service-role/jobs.amazonaws.com/",
        3 => "/team/",
        _ => "/",
    }
}

fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

impl Maker {
    fn name_principals(&mut self, at: usize, users: usize, roles: usize) {
        let account = ACCOUNTS[at];
        for number in 0..users {
            self.named.push((format!("arn:aws:iam::{account}:user/u{number}"), format!("AIDA{}U{number}", short(at))));
        }
        for number in 0..roles {
            let path = role_path(number);
            self.named
                .push((format!("arn:aws:iam::{account}:role{path}r{number}"), format!("AROA{}R{number}", short(at))));
        }
    }

    fn name_resources(&mut self) {
        for bucket in ["data", "red"] {
            self.resources.push(format!("arn:aws:s3:::{bucket}"));
            for object in ["home/u0/x", "home/u1/x", "*/x"] {
                self.resources.push(format!("arn:aws:s3:::{bucket}/{object}"));
            }
        }
        for account in &ACCOUNTS[..self.accounts] {
            self.resources.push(format!("arn:aws:kms:eu-west-1:{account}:key/k"));
            self.resources.push(format!("arn:aws:sqs:eu-west-1:{account}:jobs"));
            self.resources.push(format!("arn:aws:sns:eu-west-1:{account}:news"));
        }
        self.resources.extend(self.named.iter().map(|(arn, _)| arn.clone()));
    }

    /// One text, or a list of one or more.
    fn scalar_or_list(&mut self, items: &[&str], most: usize) -> Value {
        let many: Vec<String> = (0..=self.rng.below(most)).map(|_| self.rng.pick(items).to_owned()).collect();
        if many.len() == 1 && self.rng.chance(60) { json!(many[0]) } else { json!(many) }
    }

    fn condition(&mut self) -> Value {
        let mut block: Map<String, Value> = Map::new();
        for _ in 0..=self.rng.below(2) {
            let key = if !self.open.is_empty() && self.rng.chance(65) {
                let open = self.open.clone();
                self.rng.pick(&open)
            } else {
                self.rng.pick(DECIDABLE)
            };
            let (operator, values) = self.test(key);
            let operands = block.entry(operator).or_insert_with(|| json!({}));
            operands.as_object_mut().unwrap().insert(key.0.to_owned(), values);
        }
        Value::Object(block)
    }

    fn test(&mut self, (_, kind, literals): Key) -> (String, Value) {
        if self.rng.chance(8) {
            return ("Null".to_owned(), self.rng.pick(&[json!("true"), json!("false"), json!(true), json!(false)]));
        }
        let operators: &[&str] = match kind {
            Kind::Text | Kind::Texts => &[
                "StringEquals",
                "StringNotEquals",
                "StringLike",
                "StringNotLike",
                "StringEqualsIgnoreCase",
                "StringNotEqualsIgnoreCase",
                "stringlike",
            ],
            Kind::Arn => &["ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike", "StringLike", "StringEquals"],
            Kind::Number => &[
                "NumericEquals",
                "NumericNotEquals",
                "NumericLessThan",
                "NumericLessThanEquals",
                "NumericGreaterThan",
                "NumericGreaterThanEquals",
            ],
            Kind::Date => &[
                "DateEquals",
                "DateNotEquals",
                "DateLessThan",
                "DateLessThanEquals",
                "DateGreaterThan",
                "DateGreaterThanEquals",
            ],
            Kind::Bool => &["Bool"],
            Kind::Binary => &["BinaryEquals"],
            Kind::Ip => &["IpAddress", "NotIpAddress"],
        };
        let mut operator = self.rng.pick(operators).to_owned();
        if matches!(kind, Kind::Texts) {
            operator = format!("{}{operator}", self.rng.pick(&["ForAllValues:", "ForAnyValue:", "forAnyValue:"]));
        }
        if self.rng.chance(20) {
            operator += "IfExists";
        }
        let values = match kind {
            Kind::Bool => self.rng.pick(&[json!("true"), json!("false"), json!(true), json!(false), json!(["true"])]),
            Kind::Number if self.rng.chance(30) => json!(self.rng.pick(literals).parse::<i64>().unwrap()),
            _ => self.scalar_or_list(literals, 2),
        };
        (operator, values)
    }

    /// A principal element: every form, callers of the world most often.
    fn principal(&mut self) -> Value {
        let named = self.named.clone();
        let (arn, id) = self.rng.pick(&named);
        let account = self.rng.pick(ACCOUNTS);
        match self.rng.below(13) {
            0 => json!("*"),
            1 => json!({"AWS": "*"}),
            2 => json!({"AWS": account}),
            3 => json!({"AWS": format!("arn:aws:iam::{account}:root")}),
            4 => json!({"AWS": id}),
            5 => json!({"AWS": "AIDADELETED"}),
            6 => json!({"Service": "ec2.amazonaws.com"}),
            7 => json!({"AWS": [arn, format!("arn:aws:iam::{account}:root")], "Service": ["ec2.amazonaws.com"]}),
            8 => json!({"Federated": "cognito-identity.amazonaws.com"}),
            9 => json!({"AWS": format!("arn:aws:sts::{account}:assumed-role/r{}/job", self.rng.below(2))}),
            _ => json!({"AWS": arn}),
        }
    }

    fn statement(&mut self, allow: usize) -> Map<String, Value> {
        let mut statement = Map::new();
        if self.rng.chance(20) {
            statement.insert("Sid".to_owned(), json!("One"));
        }
        let effect = if self.rng.chance(allow) { "Allow" } else { "Deny" };
        statement.insert("Effect".to_owned(), json!(effect));
        let element = if self.rng.chance(12) { "NotAction" } else { "Action" };
        let actions = self.scalar_or_list(ACTION_PATTERNS, 3);
        statement.insert(element.to_owned(), actions);
        let element = if self.rng.chance(12) { "NotResource" } else { "Resource" };
        let resources = self.scalar_or_list(RESOURCE_PATTERNS, 3);
        statement.insert(element.to_owned(), resources);
        if self.rng.chance(40) {
            statement.insert("Condition".to_owned(), self.condition());
        }
        statement
    }

    /// A statement of a resource or trust policy.
    fn resource_statement(&mut self, trust: bool, own: &str) -> Map<String, Value> {
        let mut statement = self.statement(85);
        let element = if self.rng.chance(10) { "NotPrincipal" } else { "Principal" };
        let principal = self.principal();
        statement.insert(element.to_owned(), principal);
        if trust {
            statement.remove("NotAction");
            statement.remove("NotResource");
            statement.remove("Resource");
            let action = self.scalar_or_list(&["sts:AssumeRole", "sts:assumerole", "sts:TagSession", "sts:*"], 2);
            statement.insert("Action".to_owned(), action);
        } else if self.rng.chance(60) {
            statement.remove("NotResource");
            let patterns = [own.to_owned(), format!("{own}/*"), "*".to_owned()];
            let resource = self.rng.pick(&patterns);
            statement.insert("Resource".to_owned(), json!(resource));
        }
        statement
    }

    fn document(&mut self, statements: &[Map<String, Value>]) -> Value {
        let mut document = Map::new();
        match self.rng.below(10) {
            0 => {}
            1 => drop(document.insert("Version".to_owned(), json!("2008-10-17"))),
            _ => drop(document.insert("Version".to_owned(), json!("2012-10-17"))),
        }
        let single = statements.len() == 1 && self.rng.chance(40);
        let list = if single { json!(statements[0]) } else { json!(statements) };
        document.insert("Statement".to_owned(), list);
        let document = Value::Object(document);
        match self.rng.below(12) {
            0 => json!(encode(&document.to_string())),
            1 => json!(document.to_string()),
            _ => document,
        }
    }

    fn policy(&mut self, allow: usize) -> Value {
        let statements: Vec<_> = (0..=self.rng.below(3)).map(|_| self.statement(allow)).collect();
        self.document(&statements)
    }

    fn inline(&mut self, most: usize) -> Value {
        (0..=self.rng.below(most))
            .map(|number| json!({"PolicyName": format!("i{number}"), "PolicyDocument": self.policy(88)}))
            .collect()
    }

    fn policy_arn(&mut self, at: usize, managed: usize) -> String {
        if self.rng.chance(4) {
            return format!("arn:aws:iam::{}:policy/gone", ACCOUNTS[at]);
        }
        format!("arn:aws:iam::{}:policy/p{}", ACCOUNTS[at], self.rng.below(managed))
    }

    fn attached(&mut self, at: usize, managed: usize) -> Value {
        (0..self.rng.below(3))
            .map(|_| {
                let arn = self.policy_arn(at, managed);
                json!({"PolicyName": arn.rsplit('/').next(), "PolicyArn": arn})
            })
            .collect()
    }

    /// What users and roles share.
    fn complete(&mut self, holder: &mut Value, at: usize, managed: usize) {
        holder["AttachedManagedPolicies"] = self.attached(at, managed);
        if self.rng.chance(20) {
            let arn = self.policy_arn(at, managed);
            holder["PermissionsBoundary"] = json!({"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn});
        }
        if self.rng.chance(70) {
            holder["Tags"] = json!([{"Key": "dept", "Value": self.rng.pick(&["red", "green"])}]);
        }
    }

    fn details(&mut self, at: usize, users: usize, roles: usize) -> Value {
        let account = ACCOUNTS[at];
        let (groups, managed) = (1 + self.rng.below(3), 2 + self.rng.below(5));
        let mut user_list = Vec::new();
        for number in 0..users {
            let member: Vec<String> =
                (0..groups).filter(|_| self.rng.chance(40)).map(|group| format!("g{group}")).collect();
            let mut user = json!({"UserName": format!("u{number}"), "UserId": format!("AIDA{}U{number}", short(at)),
                "Path": "/", "Arn": format!("arn:aws:iam::{account}:user/u{number}"), "GroupList": member,
                "CreateDate": "2024-01-01T00:00:00+00:00", "UserPolicyList": self.inline(3)});
            self.complete(&mut user, at, managed);
            user_list.push(user);
        }
        let group_list: Vec<Value> = (0..groups)
            .map(|number| {
                json!({"GroupName": format!("g{number}"), "GroupId": format!("AGPA{}G{number}", short(at)),
                    "Path": "/", "Arn": format!("arn:aws:iam::{account}:group/g{number}"),
                    "CreateDate": "2024-01-01T00:00:00+00:00", "GroupPolicyList": self.inline(1),
                    "AttachedManagedPolicies": self.attached(at, managed)})
            })
            .collect();
        let role_list: Vec<Value> = (0..roles).map(|number| self.role(at, number, managed)).collect();
        let policies: Vec<Value> = (0..managed).map(|number| self.managed(at, number)).collect();
        json!({"UserDetailList": user_list, "GroupDetailList": group_list, "RoleDetailList": role_list,
            "Policies": policies})
    }

    fn role(&mut self, at: usize, number: usize, managed: usize) -> Value {
        let path = role_path(number);
        let statements: Vec<_> = (0..=self.rng.below(2)).map(|_| self.resource_statement(true, "")).collect();
        let mut role = json!({"RoleName": format!("r{number}"), "RoleId": format!("AROA{}R{number}", short(at)),
            "Path": path, "Arn": format!("arn:aws:iam::{}:role{path}r{number}", ACCOUNTS[at]),
            "CreateDate": "2024-01-01T00:00:00+00:00", "AssumeRolePolicyDocument": self.document(&statements),
            "RolePolicyList": self.inline(3), "InstanceProfileList": []});
        self.complete(&mut role, at, managed);
        role
    }

    /// A managed policy of one or two versions, the default being either.
    fn managed(&mut self, at: usize, number: usize) -> Value {
        let versions = 1 + self.rng.below(2);
        let default = self.rng.below(versions);
        let list: Vec<Value> = (0..versions)
            .map(|version| {
                json!({"VersionId": format!("v{}", version + 1), "IsDefaultVersion": version == default,
                    "CreateDate": "2024-01-01T00:00:00+00:00", "Document": self.policy(90)})
            })
            .collect();
        json!({"PolicyName": format!("p{number}"), "PolicyId": format!("ANPA{}P{number}", short(at)), "Path": "/",
            "Arn": format!("arn:aws:iam::{}:policy/p{number}", ACCOUNTS[at]), "IsAttachable": true,
            "DefaultVersionId": format!("v{}", default + 1), "AttachmentCount": 1, "PolicyVersionList": list,
            "CreateDate": "2024-01-01T00:00:00+00:00", "UpdateDate": "2024-01-01T00:00:00+00:00"})
    }

    fn node_policies(&mut self, scps: bool) -> Value {
        let full = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}});
        let mut list = Vec::new();
        // An id is one policy throughout an organisation: the same content has the same id, other content another.
        let mut add = |name: &str, kind: &str, content: Value| {
            let text = content.to_string();
            let mark = text.bytes().fold(0_u64, |mark, byte| mark.wrapping_mul(0x0100_0000_01b3) ^ u64::from(byte));
            let id = if name == "FullAWSAccess" { format!("p-{name}") } else { format!("p-{name}-{mark:016x}") };
            list.push(json!({"Id": id, "Name": name, "Type": kind, "Content": content}));
        };
        if scps {
            if self.rng.chance(85) {
                add("FullAWSAccess", "SERVICE_CONTROL_POLICY", full);
            }
            if self.rng.chance(40) {
                add("guard", "SERVICE_CONTROL_POLICY", self.policy(40));
            }
        }
        if self.rng.chance(25) {
            let mut statement = self.statement(0);
            statement.insert("Principal".to_owned(), json!("*"));
            let document = self.document(&[statement]);
            add("perimeter", "RESOURCE_CONTROL_POLICY", document);
        }
        json!(list)
    }

    fn organization(&mut self) -> Value {
        let scps = self.rng.chance(70);
        let management = self.rng.pick(&["999999999999", "999999999999", "999999999999", ACCOUNTS[0]]);
        let prefix = format!("arn:aws:organizations::{management}");
        let account = |maker: &mut Self, at: usize| {
            json!({"Id": ACCOUNTS[at], "Name": format!("account{at}"), "Type": "Account", "Children": [],
                "Arn": format!("{prefix}:account/{ORGANIZATION}/{}", ACCOUNTS[at]),
                "Policies": maker.node_policies(scps)})
        };
        let first = account(self, 0);
        let second = account(self, 1);
        let unit = json!({"Id": "ou-dev", "Name": "dev", "Type": "OrganizationalUnit", "Children": [first],
            "Arn": format!("{prefix}:ou/{ORGANIZATION}/ou-dev"), "Policies": self.node_policies(scps)});
        json!({"Id": "r-root", "Name": "Root", "Type": "Root", "Children": [unit, second],
            "Arn": format!("{prefix}:root/{ORGANIZATION}/r-root"), "Policies": self.node_policies(scps)})
    }

    /// Policies of buckets, queues, topics and most keys. What belongs to the second account always has one, so
    /// that no answer hangs on a policy that another account may or may not have.
    fn resource_policies(&mut self) -> Value {
        let owned = |arn: &str| ACCOUNTS.iter().find(|account| arn.contains(*account)).copied();
        let with_policy = |arn: &&String| !arn.contains(":iam:") && (!arn.contains(":s3:") || !arn.contains('/'));
        let resources: Vec<String> = self.resources.iter().filter(with_policy).cloned().collect();
        let mut list = Vec::new();
        for resource in resources {
            let account = owned(&resource).unwrap_or_else(|| ACCOUNTS[self.rng.below(self.accounts)]);
            if account == ACCOUNTS[0] && self.accounts == 1 && self.rng.chance(30) {
                continue;
            }
            let mut statements: Vec<Map<String, Value>> =
                (0..=self.rng.below(2)).map(|_| self.resource_statement(false, &resource)).collect();
            if resource.contains(":kms:") && self.rng.chance(60) {
                let root = json!({"Effect": "Allow", "Action": "kms:*", "Resource": "*",
                    "Principal": {"AWS": format!("arn:aws:iam::{account}:root")}});
                statements.push(root.as_object().unwrap().clone());
            }
            list.push(json!({"Resource": resource, "Policy": self.document(&statements), "Account": account}));
        }
        json!(list)
    }

    fn question(&mut self) -> Question {
        let (named, resources) = (self.named.clone(), self.resources.clone());
        let (principal, _) = self.rng.pick(&named);
        let action = self.rng.pick(ACTIONS);
        let resource = if action.starts_with("ec2:") {
            "*".to_owned()
        } else {
            let kind = match action {
                "sts:AssumeRole" | "iam:PassRole" => ":role/",
                "iam:DeleteUser" => ":user/",
                _ => action.split(':').next().unwrap_or(""),
            };
            let suited: Vec<String> = resources.into_iter().filter(|arn| arn.contains(kind)).collect();
            self.rng.pick(&suited)
        };
        let session_policies = if self.rng.chance(8) {
            let statements = [self.statement(90), self.statement(90)];
            vec![json!({"Version": "2012-10-17", "Statement": statements}).to_string()]
        } else {
            Vec::new()
        };
        Question {
            principal,
            action: action.to_owned(),
            resource,
            context: self.context(),
            strict: self.rng.chance(15),
            session_name: self.rng.chance(15).then(|| self.rng.pick(&["job", "other"]).to_owned()),
            session_policies,
        }
    }

    fn context(&mut self) -> BTreeMap<String, Vec<String>> {
        let mut context = BTreeMap::new();
        for (key, kind, literals) in self.open.clone() {
            // Tags of users and roles are known; a question does not contradict its export.
            if key.contains("ResourceTag") || !self.rng.chance(25) {
                continue;
            }
            let values = match kind {
                Kind::Bool => vec![self.rng.pick(&["true", "false"]).to_owned()],
                Kind::Ip => vec![self.rng.pick(&["203.0.113.9", "198.51.100.7", "2001:db8::5"]).to_owned()],
                _ => vec![self.rng.pick(literals).replace('*', "x")],
            };
            let values = if self.rng.chance(20) { Vec::new() } else { values };
            context.insert(key.to_ascii_lowercase(), values);
        }
        context
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use overgrant::model::Decision;

    use super::super::{Session, World};
    use super::*;

    /// Answers of a world's questions by the reference.
    fn answers(world: &RandomWorld) -> Vec<Decision> {
        let reference =
            World::from_json(&world.gaad, world.organization.as_ref(), world.resource_policies.as_ref(), AS_OF);
        let decide = |q: &Question| {
            let policies = q.session_policies.iter().map(|text| json!(text)).collect();
            let session = Session { name: q.session_name.clone(), policies };
            reference.decide(&q.principal, &q.action, &q.resource, &q.context, q.strict, Some(&session)).unwrap()
        };
        world.questions.iter().map(decide).collect()
    }

    #[test]
    fn random_worlds_are_stable_and_give_every_answer() {
        let mut counts: BTreeMap<Decision, usize> = BTreeMap::new();
        let seeds = if cfg!(debug_assertions) { 150 } else { 2000 };
        for seed in 0..seeds {
            let world = account(seed);
            assert_eq!(format!("{world:?}"), format!("{:?}", account(seed)));
            for answer in answers(&world) {
                *counts.entry(answer).or_default() += 1;
            }
        }
        let total: usize = counts.values().sum();
        for decision in Decision::ALL {
            let share = counts.get(decision).copied().unwrap_or(0) * 1000 / total;
            assert!(share >= 5, "{decision} is {share} in a thousand: {counts:?}");
        }
    }

    /// Values of environment keys that no policy of a random world mentions as they are.
    const GIVEN: &[(&str, &[&str])] = &[
        ("aws:sourceip", &["203.0.113.9", "203.0.1.1", "198.51.100.7", "192.0.2.9", "2001:db8::5", "2002::1"]),
        ("aws:multifactorauthpresent", &["true", "false"]),
        ("aws:multifactorauthage", &["50", "100", "2000", "5000"]),
        ("aws:sourcevpce", &["vpce-1", "vpce-12", "vpc"]),
    ];

    #[test]
    fn an_answer_that_holds_in_general_holds_in_every_context() {
        let mut checked = 0;
        for seed in 0..120 {
            let mut world = account(seed);
            for question in &mut world.questions {
                question.context.clear();
                question.strict = false;
                question.session_name = None;
            }
            let general = answers(&world);
            // `Denied` leaves no way at all, so nothing that is given can open one.
            let given = answers(&account(seed));
            for ((question, general), given) in account(seed).questions.iter().zip(&general).zip(given) {
                if *general == Decision::Denied {
                    assert_eq!(given, Decision::Denied, "seed {seed}: {question:?}");
                }
            }
            // `Allowed` holds whatever the environment is.
            let mut rng = Rng(seed);
            for question in &mut world.questions {
                for (key, values) in GIVEN {
                    let value = if rng.chance(20) { Vec::new() } else { vec![rng.pick(values).to_owned()] };
                    question.context.insert((*key).to_owned(), value);
                }
            }
            for ((question, general), given) in world.questions.iter().zip(general).zip(answers(&world)) {
                match general {
                    Decision::Allowed | Decision::Denied => assert_eq!(given, general, "seed {seed}: {question:?}"),
                    Decision::Conditional | Decision::Unknown => checked += 1,
                }
            }
        }
        assert!(checked > 100, "{checked}");
    }
}
