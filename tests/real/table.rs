//! What each principal of the IAM Vulnerable export can reach, decided by hand from its policies.
//!
//! The administrators of that account, and so all that anyone can reach: `privesc-AssumeRole-ending-role`,
//! `privesc-high-priv-service-role` (which ten services may assume, and which is in an instance profile), and whoever
//! has `privesc-sre-admin-policy` (`iam:*`): the user and the role `privesc-sre-…` and the group between them. Most
//! roles trust `user/terraform-admin`, which is not in the export. Nothing says how many access keys a user has,
//! whether it has a password or MFA, and which functions, stacks and instances exist.

/// What is expected of a principal.
pub enum Expected {
    /// It is an administrator itself.
    Inside,
    /// A path hangs on nothing. The first steps of all such paths are by exactly these techniques.
    Certain(&'static [&'static str]),
    /// A path hangs on nothing, and these techniques are among those of the first steps.
    CertainAmong(&'static [&'static str]),
    /// Every path hangs on something, and the reason says so in these words. First steps as above.
    Conditional(&'static [&'static str], &'static str),
    /// There is no path.
    Nothing,
}

use Expected::{Certain, CertainAmong, Conditional, Inside, Nothing};

/// Principal (the end of its ARN), and what is expected of it.
pub const TABLE: &[(&str, Expected)] = &[
    // iam:CreatePolicyVersion on everything; the policy that says so is its own and has one version.
    ("user/privesc1-CreateNewPolicyVersion-user", Certain(&["iam-001"])),
    ("role/privesc1-CreateNewPolicyVersion-role", Certain(&["iam-001"])),
    // iam:SetDefaultPolicyVersion, but its only policy has one version, v1, which is the default already.
    ("user/privesc2-SetExistingDefaultPolicyVersion-user", Nothing),
    ("role/privesc2-SetExistingDefaultPolicyVersion-role", Nothing),
    // iam:PassRole and ec2:RunInstances; the high-privilege service role is in an instance profile.
    ("user/privesc3-CreateEC2WithExistingInstanceProfile-user", Certain(&["ec2-001"])),
    ("role/privesc3-CreateEC2WithExistingInstanceProfile-role", Certain(&["ec2-001"])),
    // iam:CreateAccessKey: no user may have more than two keys, and no credential report says how many there are.
    ("user/privesc4-CreateAccessKey-user", Conditional(&["iam-002"], "number of access keys")),
    ("role/privesc4-CreateAccessKey-role", Conditional(&["iam-002"], "number of access keys")),
    // iam:CreateLoginProfile works on users without a password only, and MFA would stop the sign-in.
    ("user/privesc5-CreateLoginProfile-user", Conditional(&["iam-004"], "console password")),
    ("role/privesc5-CreateLoginProfile-role", Conditional(&["iam-004"], "console password")),
    // iam:UpdateLoginProfile works on users with a password only.
    ("user/privesc6-UpdateLoginProfile-user", Conditional(&["iam-006"], "console password")),
    ("role/privesc6-UpdateLoginProfile-role", Conditional(&["iam-006"], "console password")),
    // iam:AttachUserPolicy: to itself, if it is a user. A role gains nothing from what users then may.
    ("user/privesc7-AttachUserPolicy-user", Certain(&["iam-008"])),
    ("role/privesc7-AttachUserPolicy-role", Nothing),
    // iam:AttachGroupPolicy: the user is in a group; a role is in none.
    ("user/privesc8-AttachGroupPolicy-user", Certain(&["iam-010"])),
    ("role/privesc8-AttachGroupPolicy-role", Nothing),
    // iam:AttachRolePolicy: a role attaches it to itself; no role lets the user in.
    ("user/privesc9-AttachRolePolicy-user", Nothing),
    ("role/privesc9-AttachRolePolicy-role", Certain(&["iam-009"])),
    // iam:PutUserPolicy: as with the seventh.
    ("user/privesc10-PutUserPolicy-user", Certain(&["iam-007"])),
    ("role/privesc10-PutUserPolicy-role", Nothing),
    // iam:PutGroupPolicy: as with the eighth.
    ("user/privesc11-PutGroupPolicy-user", Certain(&["iam-011"])),
    ("role/privesc11-PutGroupPolicy-role", Nothing),
    // iam:PutRolePolicy: as with the ninth.
    ("user/privesc12-PutRolePolicy-user", Nothing),
    ("role/privesc12-PutRolePolicy-role", Certain(&["iam-005"])),
    // iam:AddUserToGroup: the user joins privesc-sre-group; a role cannot join.
    ("user/privesc13-AddUserToGroup-user", Certain(&["iam-013"])),
    ("role/privesc13-AddUserToGroup-role", Nothing),
    // iam:UpdateAssumeRolePolicy and sts:AssumeRole on everything.
    ("user/privesc14-UpdatingAssumeRolePolicy-user", Certain(&["iam-012"])),
    ("role/privesc14-UpdatingAssumeRolePolicy-role", Certain(&["iam-012"])),
    // iam:PassRole, lambda:CreateFunction, lambda:InvokeFunction.
    ("user/privesc15-PassExistingRoleToNewLambdaThenInvoke-user", Certain(&["lambda-001"])),
    ("role/privesc15-PassExistingRoleToNewLambdaThenInvoke-role", Certain(&["lambda-001"])),
    // The function is triggered by an event source, and that must exist: it may not make a DynamoDB table.
    (
        "user/privesc16-PassRoleToNewLambdaThenTriggerWithNewDynamo-user",
        Conditional(&["lambda-002"], "existing stream or queue"),
    ),
    (
        "role/privesc16-PassRoleToNewLambdaThenTriggerWithNewDynamo-role",
        Conditional(&["lambda-002"], "existing stream or queue"),
    ),
    // Only functions that exist already can be changed: their code, or by layers and variables their configuration.
    (
        "user/privesc17-EditExistingLambdaFunctionWithRole-user",
        Conditional(&["lambda-003", "lambda-update-function-configuration"], "existing Lambda function"),
    ),
    (
        "role/privesc17-EditExistingLambdaFunctionWithRole-role",
        Conditional(&["lambda-003", "lambda-update-function-configuration"], "existing Lambda function"),
    ),
    // iam:PassRole and glue:CreateDevEndpoint.
    ("user/privesc18-PassExistingRoleToNewGlueDevEndpoint-user", Certain(&["glue-001"])),
    ("role/privesc18-PassExistingRoleToNewGlueDevEndpoint-role", Certain(&["glue-001"])),
    // glue:UpdateDevEndpoint needs an endpoint.
    (
        "user/privesc19-UpdateExistingGlueDevEndpoint-user",
        Conditional(&["glue-002"], "existing Glue development endpoint"),
    ),
    (
        "role/privesc19-UpdateExistingGlueDevEndpoint-role",
        Conditional(&["glue-002"], "existing Glue development endpoint"),
    ),
    // iam:PassRole and cloudformation:CreateStack.
    ("user/privesc20-PassExistingRoleToCloudFormation-user", Certain(&["cloudformation-001"])),
    ("role/privesc20-PassExistingRoleToCloudFormation-role", Certain(&["cloudformation-001"])),
    // AWS Data Pipeline takes no new customers: only an account that uses it already can make a pipeline.
    ("user/privesc21-PassExistingRoleToNewDataPipeline-user", Conditional(&["datapipeline-001"], "Data Pipeline")),
    ("role/privesc21-PassExistingRoleToNewDataPipeline-role", Conditional(&["datapipeline-001"], "Data Pipeline")),
    // cloudformation:UpdateStack without iam:PassRole: the stack must have its role already.
    (
        "user/privesc-CloudFormationUpdateStack-user",
        Conditional(&["cloudformation-002"], "existing CloudFormation stack"),
    ),
    (
        "role/privesc-CloudFormationUpdateStack-role",
        Conditional(&["cloudformation-002"], "existing CloudFormation stack"),
    ),
    // iam:PassRole and codebuild:CreateProject, with either way of starting a build.
    ("user/privesc-codeBuildCreateProjectPassRole-user", Certain(&["codebuild-001", "codebuild-004"])),
    ("role/privesc-codeBuildCreateProjectPassRole-role", Certain(&["codebuild-001", "codebuild-004"])),
    // An instance must run for a key to be pushed to it, for a session, and for a command.
    ("user/privesc-ec2InstanceConnect-user", Conditional(&["ec2instanceconnect-003"], "EC2 instance")),
    ("role/privesc-ec2InstanceConnect-role", Conditional(&["ec2instanceconnect-003"], "EC2 instance")),
    ("user/privesc-ssmStartSession-user", Conditional(&["ssm-001"], "EC2 instance")),
    ("role/privesc-ssmStartSession-role", Conditional(&["ssm-001"], "EC2 instance")),
    // Spelt ssm:sendCommand there: actions match without regard to case.
    ("user/privesc-ssmSendCommand-user", Conditional(&["ssm-002"], "EC2 instance")),
    ("role/privesc-ssmSendCommand-role", Conditional(&["ssm-002"], "EC2 instance")),
    // iam:PassRole with a new notebook and its address, a training job, a processing job.
    ("user/privesc-sageMakerCreateNotebookPassRole-user", Certain(&["sagemaker-001"])),
    ("role/privesc-sageMakerCreateNotebookPassRole-role", Certain(&["sagemaker-001"])),
    ("user/privesc-sageMakerCreateTrainingJobPassRole-user", Certain(&["sagemaker-002"])),
    ("role/privesc-sageMakerCreateTrainingJobPassRole-role", Certain(&["sagemaker-002"])),
    ("user/privesc-sageMakerCreateProcessingJobPassRole-user", Certain(&["sagemaker-003"])),
    ("role/privesc-sageMakerCreateProcessingJobPassRole-role", Certain(&["sagemaker-003"])),
    // The address of a notebook that must be there.
    (
        "user/privesc-sageMakerCreatePresignedNotebookURL-user",
        Conditional(&["sagemaker-004"], "existing SageMaker notebook"),
    ),
    (
        "role/privesc-sageMakerCreatePresignedNotebookURL-role",
        Conditional(&["sagemaker-004"], "existing SageMaker notebook"),
    ),
    // Roles without any policy, each trusted by name by the next: in one account that is enough.
    ("role/privesc-AssumeRole-starting-role", Certain(&["sts-001"])),
    ("role/privesc-AssumeRole-intermediate-role", Certain(&["sts-001"])),
    ("role/privesc-AssumeRole-ending-role", Inside),
    // The first role trusts terraform-admin, not this user, who has no policy at all.
    ("user/privesc-AssumeRole-start-user", Nothing),
    // It trusts the whole account, and may do nothing.
    ("role/privesc-permissive-role-trust", Nothing),
    ("role/privesc-high-priv-service-role", Inside),
    // iam:*, through a group and directly.
    ("user/privesc-sre-user", Inside),
    ("role/privesc-sre-role", Inside),
    // Two policies that are enough together.
    ("user/fn1-privesc3-partial-user", Certain(&["ec2-001"])),
    ("role/fn1-privesc3-partial-role", Certain(&["ec2-001"])),
    // A resource pattern that its own policy's name matches.
    ("user/fn2-exploitableResourceConstraint-user", Certain(&["iam-001"])),
    ("role/fn2-exploitableResourceConstraint-role", Certain(&["iam-001"])),
    // The session must have begun after 2020: every session that can be opened has.
    ("user/fn3-exploitableConditionConstraint-user", Certain(&["iam-001"])),
    ("role/fn3-exploitableConditionConstraint-role", Certain(&["iam-001"])),
    // Everything but iam:Update*, iam:Create* and iam:Attach*: Put and Add are left, and passing roles.
    ("user/fn4-exploitableNotAction-user", CertainAmong(&["iam-007", "iam-013", "ec2-001", "lambda-001"])),
    ("role/fn4-exploitableNotAction-role", CertainAmong(&["iam-005", "ec2-001", "lambda-001"])),
    // Allowed and denied in one policy; in two; denied only.
    ("user/fp1-allow-and-deny-user", Nothing),
    ("role/fp1-allow-and-deny-role", Nothing),
    ("user/fp2-allow-and-deny-multiple-policies-user", Nothing),
    ("role/fp2-allow-and-deny-multiple-policies-role", Nothing),
    ("user/fp3-deny-iam-user", Nothing),
    ("role/fp3-deny-iam-role", Nothing),
    // Policies of AWS, which no customer can edit.
    ("user/fp4-nonExploitableResourceConstraint-user", Nothing),
    ("role/fp4-nonExploitableResourceConstraint-role", Nothing),
    // The session must have begun before 2020.
    ("user/fp5-nonExploitableConditionConstraint-user", Nothing),
    ("role/fp5-nonExploitableConditionConstraint-role", Nothing),
];
