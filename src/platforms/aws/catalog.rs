//! The AWS action catalogue: every action, its access level, and the resource types that it can be limited to.
//!
//! The data is `datasets/catalog/aws_actions.tsv` and `aws_resources.tsv` (origin and licence: `datasets/README.md`),
//! parsed once, without copying text. Actions are numbered in the order of (service, level, name without regard to
//! case), so that one level of one service is one contiguous range of ids and so is, within it, every name prefix:
//! an exact name or `service:Prefix*` costs a few binary searches; other patterns look at the actions of the services
//! that they can match.
//!
//! AWS adds actions every week. An action that is not here is no error: it matches nothing and weighs nothing.

use std::cmp::Ordering;
use std::ops::Range;
use std::sync::LazyLock;

use roaring::RoaringBitmap;
use rustc_hash::FxHashMap;

use crate::model::text::glob_ignore_case;
use crate::names;

const ACTIONS: &str = include_str!("../../../datasets/catalog/aws_actions.tsv");
const RESOURCES: &str = include_str!("../../../datasets/catalog/aws_resources.tsv");

/// No more lines than one for so many bytes are expected in the actions file.
const LINE_BYTES_MIN: usize = 60;

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| Catalog::parse(ACTIONS, RESOURCES));

names! {
    /// What kind of thing an action does, in rising order of what its misuse costs.
    pub enum AccessLevel {
        List = "list",
        Read = "read",
        Tagging = "tagging",
        Write = "write",
        /// Changes who may do what.
        Permissions = "permissions",
    }
}

impl AccessLevel {
    /// Weight of one action of this level in a privilege mass.
    #[must_use]
    pub const fn weight(self) -> u32 {
        match self {
            Self::List => 1,
            Self::Read | Self::Tagging => 2,
            Self::Write => 5,
            Self::Permissions => 10,
        }
    }
}

/// One action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Action {
    /// As policies write it: `s3:GetObject`.
    pub full_name: &'static str,
    /// Service prefix: `s3`.
    pub service: &'static str,
    /// Name within the service, in AWS's own case: `GetObject`.
    pub name: &'static str,
    pub level: AccessLevel,
    /// Resource types that a statement can limit the action to, by name. Empty: the action takes no resource, and
    /// only a statement whose resource is `*` grants it.
    pub resources: &'static [ResourceType],
    keys: &'static str,
}

impl Action {
    /// Condition keys that the action lists beside the global ones, in AWS's own case. A name that the policy's
    /// author completes is a star: `aws:ResourceTag/*`.
    pub fn condition_keys(&self) -> impl Iterator<Item = &'static str> {
        split_list(self.keys)
    }

    /// The value of `aws:IsMcpServiceAction` in a call of this action. AWS publishes no list: the actions of the MCP
    /// servers that it runs are those of services named so, and one more that its documentation names.
    #[must_use]
    pub fn is_mcp(&self) -> bool {
        self.service.ends_with("-mcp") || self.full_name == "partnercentral:UseSession"
    }
}

/// A kind of resource, as one action uses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResourceType {
    /// AWS's name of the type within the service: `object`.
    pub name: &'static str,
    /// ARN format with a star for every part that varies: `arn:*:s3:::*/*`.
    pub pattern: &'static str,
    /// Whether no call can do without a resource of this type. Of several types that are not required, a call
    /// names one or none.
    pub required: bool,
    keys: &'static str,
}

impl ResourceType {
    /// Condition keys that speak of a resource of this type, written as in [`Action::condition_keys`].
    pub fn condition_keys(&self) -> impl Iterator<Item = &'static str> {
        split_list(self.keys)
    }
}

/// The ids of the actions of one level of one service: `start..end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceLevelRange {
    pub service: &'static str,
    pub level: AccessLevel,
    /// First id.
    pub start: u32,
    /// One past the last id.
    pub end: u32,
}

impl ServiceLevelRange {
    /// The ids as a range of indices into [`Catalog::actions`].
    #[must_use]
    pub const fn indices(&self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// All actions. An action's id is its index in [`Catalog::actions`].
#[derive(Debug)]
pub struct Catalog {
    actions: Vec<Action>,
    ranges: Vec<ServiceLevelRange>,
    /// Every service in byte order, with its part of `ranges`.
    services: Vec<(&'static str, Range<usize>)>,
}

impl Catalog {
    /// The catalogue that is built in; the first call parses it.
    #[must_use]
    pub fn get() -> &'static Self {
        &CATALOG
    }

    /// Every action, by id.
    #[must_use]
    pub fn actions(&self) -> &[Action] {
        &self.actions
    }

    /// The action with this id.
    #[must_use]
    pub fn action(&self, id: u32) -> Option<&Action> {
        self.actions.get(id as usize)
    }

    /// Every level of every service that has actions, by id.
    #[must_use]
    pub fn ranges(&self) -> &[ServiceLevelRange] {
        &self.ranges
    }

    /// The ranges of one service, by level; empty for a service that is not known. Case does not matter.
    #[must_use]
    pub fn service_ranges(&self, service: &str) -> &[ServiceLevelRange] {
        self.services
            .binary_search_by(|(name, _)| compare_ignore_case(name, service))
            .map_or(&[], |index| &self.ranges[self.services[index].1.clone()])
    }

    /// Id of the action with this full name (`s3:GetObject`). Case does not matter and wildcards mean nothing here.
    #[must_use]
    pub fn find(&self, full_name: &str) -> Option<u32> {
        let (service, name) = full_name.split_once(':')?;
        self.service_ranges(service).iter().find_map(|range| self.find_in(range, name))
    }

    /// Ids of all actions that an action pattern of a policy matches: case does not matter, `*` stands for any run
    /// of characters and `?` for any one, in the service prefix too.
    #[must_use]
    pub fn matching(&self, pattern: &str) -> RoaringBitmap {
        let mut ids = RoaringBitmap::new();
        match pattern.split_once(':') {
            Some((service, name)) if is_wild(service) => {
                for (_, ranges) in self.services.iter().filter(|(known, _)| glob_ignore_case(service, known)) {
                    self.add_matching(&self.ranges[ranges.clone()], name, &mut ids);
                }
            }
            Some((service, name)) => self.add_matching(self.service_ranges(service), name, &mut ids),
            None if is_stars(pattern) => {
                ids.insert_range(self.ranges.first().map_or(0, |r| r.start)..self.ranges.last().map_or(0, |r| r.end));
            }
            // AWS refuses a pattern without a colon, `*` aside; exports of other systems may still hold one.
            None => {
                let found = (0..).zip(&self.actions).filter(|(_, action)| glob_ignore_case(pattern, action.full_name));
                ids.extend(found.map(|(id, _)| id));
            }
        }
        ids
    }

    /// Adds the actions of `ranges` whose name a pattern matches.
    fn add_matching(&self, ranges: &[ServiceLevelRange], pattern: &str, ids: &mut RoaringBitmap) {
        let (prefix, rest) = pattern.split_at(pattern.find(['*', '?']).unwrap_or(pattern.len()));
        for range in ranges {
            if rest.is_empty() {
                ids.extend(self.find_in(range, pattern));
            } else if is_stars(rest) {
                ids.insert_range(self.with_prefix(range, prefix));
            } else {
                let matches = |id: &u32| {
                    let name = self.actions[*id as usize].name;
                    glob_ignore_case(rest, &name[prefix.len()..])
                };
                ids.extend(self.with_prefix(range, prefix).filter(matches));
            }
        }
    }

    /// Id of the action of a range that has this name.
    fn find_in(&self, range: &ServiceLevelRange, name: &str) -> Option<u32> {
        let found = self.actions[range.indices()].binary_search_by(|action| compare_ignore_case(action.name, name));
        found.ok().and_then(|offset| u32::try_from(offset).ok()).map(|offset| range.start + offset)
    }

    /// Ids of the actions of a range whose names start with `prefix`.
    fn with_prefix(&self, range: &ServiceLevelRange, prefix: &str) -> Range<u32> {
        let actions = &self.actions[range.indices()];
        let until = |orders: &[Ordering]| {
            let count = actions.partition_point(|action| orders.contains(&compare_start(action.name, prefix)));
            u32::try_from(count).map_or(range.end, |count| range.start + count)
        };
        until(&[Ordering::Less])..until(&[Ordering::Less, Ordering::Equal])
    }

    /// Reads the two files. Lines that do not have the layout are left out: the tests hold the built-in files to
    /// having none.
    fn parse(actions: &'static str, resources: &'static str) -> Self {
        let mut types = TypeSets::new(resources);
        // Room for lines shorter than they are on average: growing would copy megabytes.
        let mut rows: Vec<Action> = Vec::with_capacity(actions.len() / LINE_BYTES_MIN);
        for line in data_lines(actions) {
            rows.extend(parse_action(line, &mut types));
        }
        let actions = rows;
        let ranges = level_ranges(&actions);
        let mut services: Vec<(&'static str, Range<usize>)> = Vec::new();
        for (index, range) in ranges.iter().enumerate() {
            match services.last_mut() {
                Some((service, indices)) if *service == range.service => indices.end = index + 1,
                _ => services.push((range.service, index..index + 1)),
            }
        }
        Self { actions, ranges, services }
    }
}

/// Cuts the numbered actions wherever the service or the level changes.
fn level_ranges(actions: &[Action]) -> Vec<ServiceLevelRange> {
    let mut ranges: Vec<ServiceLevelRange> = Vec::new();
    for (id, action) in (0..).zip(actions) {
        match ranges.last_mut() {
            Some(range) if range.service == action.service && range.level == action.level => range.end = id + 1,
            _ => {
                let (service, level) = (action.service, action.level);
                ranges.push(ServiceLevelRange { service, level, start: id, end: id + 1 });
            }
        }
    }
    ranges
}

/// One line of the actions file.
fn parse_action(line: &'static str, types: &mut TypeSets) -> Option<Action> {
    let mut columns = line.split('\t');
    let full_name = columns.next()?;
    let (service, name) = full_name.split_once(':')?;
    let level = AccessLevel::parse(columns.next()?)?;
    let resources = types.intern(service, columns.next()?);
    let keys = columns.next()?;
    Some(Action { full_name, service, name, level, resources, keys })
}

/// Resource types by service and name, and the sets of them that actions use, each held once.
struct TypeSets {
    types: FxHashMap<(&'static str, &'static str), (&'static str, &'static str)>,
    sets: FxHashMap<(&'static str, &'static str), &'static [ResourceType]>,
}

impl TypeSets {
    fn new(resources: &'static str) -> Self {
        let mut types = FxHashMap::default();
        for line in data_lines(resources) {
            let mut columns = line.split('\t');
            let name = columns.next().and_then(|name| name.split_once(':'));
            if let (Some(name), Some(pattern), Some(keys)) = (name, columns.next(), columns.next()) {
                types.insert(name, (pattern, keys));
            }
        }
        Self { types, sets: FxHashMap::default() }
    }

    /// The types that a column lists (`image*,key-pair`; a star marks the required ones), each set of them held once
    /// as long as the program runs, like the catalogue.
    fn intern(&mut self, service: &'static str, column: &'static str) -> &'static [ResourceType] {
        if column.is_empty() {
            return &[];
        }
        if let Some(known) = self.sets.get(&(service, column)) {
            return known;
        }
        let mut list = Vec::new();
        for entry in split_list(column) {
            let name = entry.strip_suffix('*').unwrap_or(entry);
            if let Some(&(pattern, keys)) = self.types.get(&(service, name)) {
                list.push(ResourceType { name, pattern, required: entry.len() > name.len(), keys });
            }
        }
        let set: &'static [ResourceType] = list.leak();
        self.sets.insert((service, column), set);
        set
    }
}

/// The lines of a file that are not comments.
fn data_lines(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines().filter(|line| !line.starts_with('#'))
}

/// The entries of a comma-separated column, of which an empty one has none.
fn split_list(column: &'static str) -> impl Iterator<Item = &'static str> {
    column.split(',').filter(|entry| !entry.is_empty())
}

fn is_wild(pattern: &str) -> bool {
    pattern.contains(['*', '?'])
}

fn is_stars(pattern: &str) -> bool {
    !pattern.is_empty() && pattern.bytes().all(|byte| byte == b'*')
}

/// Order of two names without regard to ASCII case.
fn compare_ignore_case(a: &str, b: &str) -> Ordering {
    a.bytes().map(|byte| byte.to_ascii_lowercase()).cmp(b.bytes().map(|byte| byte.to_ascii_lowercase()))
}

/// Order of the start of `name` against `prefix` without regard to ASCII case: equal when it starts so.
fn compare_start(name: &str, prefix: &str) -> Ordering {
    let start = name.bytes().take(prefix.len()).map(|byte| byte.to_ascii_lowercase());
    start.cmp(prefix.bytes().map(|byte| byte.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every action that a published escalation path requires.
    const ESCALATION_ACTIONS: &str = "\
        apprunner:CreateService apprunner:UpdateService bedrock-agentcore:CreateCodeInterpreter \
        bedrock-agentcore:InvokeCodeInterpreter bedrock-agentcore:StartCodeInterpreterSession \
        cloudformation:CreateChangeSet cloudformation:CreateStack cloudformation:CreateStackInstances \
        cloudformation:CreateStackSet cloudformation:ExecuteChangeSet cloudformation:UpdateStack \
        cloudformation:UpdateStackSet codebuild:CreateProject codebuild:StartBuild codebuild:StartBuildBatch \
        datapipeline:ActivatePipeline datapipeline:CreatePipeline datapipeline:PutPipelineDefinition \
        ec2-instance-connect:SendSSHPublicKey ec2:CreateLaunchTemplateVersion ec2:DescribeInstances \
        ec2:ModifyInstanceAttribute ec2:ModifyLaunchTemplate ec2:RequestSpotInstances ec2:RunInstances \
        ec2:StartInstances ec2:StopInstances ecs:CreateCluster ecs:CreateService ecs:RegisterTaskDefinition \
        ecs:RunTask ecs:StartTask glue:CreateDevEndpoint glue:CreateJob glue:CreateTrigger glue:StartJobRun \
        glue:UpdateDevEndpoint glue:UpdateJob iam:AddUserToGroup iam:AttachGroupPolicy iam:AttachRolePolicy \
        iam:AttachUserPolicy iam:CreateAccessKey iam:CreateLoginProfile iam:CreatePolicyVersion \
        iam:DeleteAccessKey iam:PassRole iam:PutGroupPolicy iam:PutRolePolicy iam:PutUserPolicy \
        iam:UpdateAssumeRolePolicy iam:UpdateLoginProfile lambda:AddPermission lambda:CreateEventSourceMapping \
        lambda:CreateFunction lambda:InvokeFunction lambda:UpdateFunctionCode sagemaker:CreateNotebookInstance \
        sagemaker:CreateNotebookInstanceLifecycleConfig sagemaker:CreatePresignedNotebookInstanceUrl \
        sagemaker:CreateProcessingJob sagemaker:CreateTrainingJob sagemaker:StartNotebookInstance \
        sagemaker:StopNotebookInstance sagemaker:UpdateNotebookInstance ssm:SendCommand ssm:StartSession \
        sts:AssumeRole";

    fn action(full_name: &str) -> &'static Action {
        let catalog = Catalog::get();
        let id = catalog.find(full_name).unwrap_or_else(|| panic!("{full_name} is in the catalogue"));
        catalog.action(id).unwrap()
    }

    fn names(pattern: &str) -> Vec<&'static str> {
        let catalog = Catalog::get();
        catalog.matching(pattern).iter().map(|id| catalog.action(id).unwrap().full_name).collect()
    }

    #[test]
    fn every_line_of_both_files_is_read() {
        let catalog = Catalog::get();
        assert_eq!(catalog.actions().len(), data_lines(ACTIONS).count());
        assert!((18_000..26_000).contains(&catalog.actions().len()), "{}", catalog.actions().len());
        for line in data_lines(ACTIONS) {
            let columns: Vec<&str> = line.split('\t').collect();
            assert_eq!(columns.len(), 4, "{line}");
            let action = action(columns[0]);
            assert_eq!(action.full_name, columns[0]);
            assert_eq!(action.level.as_str(), columns[1], "{line}");
            let types: Vec<String> = action
                .resources
                .iter()
                .map(|kind| format!("{}{}", kind.name, if kind.required { "*" } else { "" }))
                .collect();
            assert_eq!(types.join(","), columns[2], "{line}");
        }
        assert!(action("s3:GetObject").resources.iter().all(|kind| kind.pattern.starts_with("arn:*:")));
    }

    #[test]
    fn ids_are_in_the_order_that_searches_rely_on() {
        let catalog = Catalog::get();
        let key = |action: &Action| (action.service, action.level, action.name.to_ascii_lowercase());
        for pair in catalog.actions().windows(2) {
            assert!(key(&pair[0]) < key(&pair[1]), "{} {}", pair[0].full_name, pair[1].full_name);
        }
        let mut next = 0;
        for range in catalog.ranges() {
            assert_eq!(range.start, next);
            assert!(range.end > range.start);
            for action in &catalog.actions()[range.indices()] {
                assert_eq!((action.service, action.level), (range.service, range.level));
            }
            next = range.end;
        }
        assert_eq!(next as usize, catalog.actions().len());
    }

    #[test]
    fn levels_and_resources_are_what_aws_documents() {
        let get_object = action("s3:getobject");
        assert_eq!(get_object.name, "GetObject");
        assert_eq!(get_object.level, AccessLevel::Read);
        assert!(get_object.resources.iter().any(|kind| kind.name == "object" && kind.pattern == "arn:*:s3:::*/*"));
        assert!(get_object.condition_keys().any(|key| key == "s3:ExistingObjectTag/*"));

        let pass_role = action("iam:PassRole");
        assert_eq!(pass_role.level, AccessLevel::Permissions);
        let expected = ("role", "arn:*:iam::*:role/*", true);
        assert_eq!(pass_role.resources.iter().map(|r| (r.name, r.pattern, r.required)).collect::<Vec<_>>(), [expected]);
        assert_eq!(
            pass_role.condition_keys().collect::<Vec<_>>(),
            ["iam:AssociatedResourceArn", "iam:PassedToService"]
        );

        let describe = action("ec2:DescribeInstances");
        assert_eq!(describe.level, AccessLevel::List);
        assert!(describe.resources.is_empty());

        assert!(action("aws-mcp:CallReadWriteTool").is_mcp() && action("partnercentral:UseSession").is_mcp());
        assert!(!pass_role.is_mcp() && !action("partnercentral:GetOpportunity").is_mcp());

        assert_eq!(action("sts:AssumeRole").level, AccessLevel::Write);
        assert_eq!(action("ec2:CreateTags").level, AccessLevel::Tagging);
        assert_eq!(action("s3:PutBucketPolicy").level, AccessLevel::Permissions);

        let run = action("ec2:RunInstances");
        let required = |name: &str| run.resources.iter().find(|kind| kind.name == name).map(|kind| kind.required);
        assert_eq!(required("subnet"), Some(true));
        assert_eq!(required("key-pair"), Some(false));
        let subnet = run.resources.iter().find(|kind| kind.name == "subnet").unwrap();
        assert!(subnet.condition_keys().any(|key| key == "aws:ResourceTag/*"));
    }

    #[test]
    fn every_action_of_the_published_escalations_is_known_in_their_spelling() {
        assert_eq!(ESCALATION_ACTIONS.split_whitespace().count(), 68);
        for name in ESCALATION_ACTIONS.split_whitespace() {
            assert_eq!(action(name).full_name, name);
        }
    }

    #[test]
    fn patterns_match_as_iam_matches_them() {
        assert_eq!(names("S3:getobject"), ["s3:GetObject"]);
        assert_eq!(
            names("iam:*LoginProfile"),
            ["iam:GetLoginProfile", "iam:CreateLoginProfile", "iam:DeleteLoginProfile", "iam:UpdateLoginProfile",]
        );
        assert_eq!(names("iam:PassRol?"), ["iam:PassRole"]);
        assert_eq!(names("i?m:passrole"), ["iam:PassRole"]);
        assert_eq!(names("*:PassRole"), ["iam:PassRole"]);
        assert_eq!(
            names("sts:Assume*"),
            ["sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity", "sts:AssumeRoot",]
        );
        assert_eq!(
            names("iam:*User*Policy"),
            [
                "iam:GetUserPolicy",
                "iam:AttachUserPolicy",
                "iam:DeleteUserPolicy",
                "iam:DetachUserPolicy",
                "iam:PutUserPolicy",
            ]
        );
        for nothing in ["", ":", "s3:", "s3", "s3:GetObjec", "s3:?", "s3:Get:Object", "s3:*:*", "nosuchservice:*", "?"]
        {
            assert!(names(nothing).is_empty(), "{nothing}");
        }
        let all = Catalog::get().actions().len() as u64;
        for everything in ["*", "**", "*:*", "?*:*"] {
            assert_eq!(Catalog::get().matching(everything).len(), all, "{everything}");
        }
    }

    #[test]
    fn the_fast_paths_agree_with_a_plain_match_of_every_name() {
        let catalog = Catalog::get();
        let slow = |pattern: &str| -> RoaringBitmap {
            let matches = |id: &u32| glob_ignore_case(pattern, catalog.actions()[*id as usize].full_name);
            (0..catalog.ranges().last().unwrap().end).filter(matches).collect()
        };
        for pattern in [
            "s3:*",
            "s3:Get*",
            "S3:GET*",
            "s3:g*t",
            "s3:*Object",
            "ec2:Describe*s",
            "ec2:*Instance?",
            "ec2:?un*",
            "e*:List*",
            "*:*Policy",
            "s3*:Put*",
            "iam:Get*Policy*",
            "lambda:InvokeFunction",
            "codestar-connections:*",
            "s3:get**",
            "*:?",
            "ssm:Send_ommand",
            "*Object",
            "a*",
            "zz:*",
            "s3:\u{e9}*",
            "s3:GetObject*",
            "aps:*_*",
        ] {
            assert_eq!(catalog.matching(pattern), slow(pattern), "{pattern}");
        }
        for action in catalog.actions().iter().step_by(97) {
            let (start, _) = action.name.split_at(action.name.len() / 2);
            for pattern in [action.full_name.to_uppercase(), format!("{}:{start}*", action.service)] {
                assert_eq!(catalog.matching(&pattern), slow(&pattern), "{pattern}");
            }
        }
    }

    #[test]
    fn a_service_is_found_whatever_its_case_and_an_unknown_one_has_no_ranges() {
        let catalog = Catalog::get();
        let levels: Vec<AccessLevel> = catalog.service_ranges("IAM").iter().map(|range| range.level).collect();
        assert_eq!(levels, AccessLevel::ALL);
        assert!(catalog.service_ranges("nosuchservice").is_empty());
        assert_eq!(catalog.find("s3"), None);
        assert_eq!(catalog.find("s3:*"), None);
        assert_eq!(AccessLevel::ALL.iter().map(|level| level.weight()).collect::<Vec<_>>(), [1, 2, 2, 5, 10]);
    }
}
