//! The normal form of a change set: who drafts what, for which task, and the operations.
//!
//! Ids are full ids of entities of the snapshot, or of entities that an earlier operation of the same set creates: a
//! name that could mean another is not understood. Operations apply in their order. Unknown fields
//! are refused, so that nothing a draft says is passed over. `docs/changes.md` has an example of each.

use std::collections::BTreeMap;

use serde_json::Value;

use super::decode::{Errors, Field, Time, form, named_fields, operations, place};
use super::error::ChangeError;
use crate::model::{AttachmentKind, CredentialKind, Effect, EntityKind, Layer, MembershipKind, Standing, TrustKind};
use crate::names;

/// Version of the normal form.
pub const FORMAT: u32 = 1;
/// Operations that a change set has at most.
pub const CHANGES_MAX: usize = 100_000;

names! {
    /// Who drafts.
    pub enum AuthorKind {
        Ai = "ai",
        Human = "human",
    }
}

names! {
    /// What works like an exception without being called one: a draft declares it, or the gate stops it.
    pub enum ExceptionKind {
        /// A finding is accepted: an exception is made, widened or extended.
        Suppression = "suppression",
        /// A statement that denies is taken away or denies less.
        DenyRemoved = "deny_removed",
        /// A permissions boundary is taken away or replaced.
        BoundaryRemoved = "boundary_removed",
        /// A service or resource control policy is taken away or detached.
        ControlPolicyRemoved = "control_policy_removed",
        /// A condition is dropped or asks for less.
        ConditionDropped = "condition_dropped",
        /// A wildcard stands where there was none.
        WildcardAdded = "wildcard_added",
        /// Everything but a list is granted.
        NotElementAdded = "not_element_added",
        /// A group whose members follow from a rule takes in more.
        DynamicGroupBroadened = "dynamic_group_broadened",
        /// Something that ends by itself ends later or not at all.
        ExpiryExtended = "expiry_extended",
        /// Something is no longer reviewed.
        ReviewExclusion = "review_exclusion",
        /// A group is put into a group.
        NestedGroup = "nested_group",
        /// Membership in a group for emergencies.
        BreakGlass = "break_glass",
    }
}

named_fields!(
    AuthorKind,
    ExceptionKind,
    CredentialKind,
    Effect,
    EntityKind,
    Layer,
    MembershipKind,
    Standing,
    AttachmentKind,
    TrustKind,
);

form! {
    /// Who drafts.
    pub struct Author {
        /// Whether a person or a model wrote the draft. A program that drafts is `ai`: it is trusted less.
        needs kind: AuthorKind,
        /// Id of the author: a person's, or that of the agent's principal.
        must id: String,
        /// Model and version, for an `ai`.
        may model: Option<String>,
        /// Person for whom the draft is made: the requester.
        may on_behalf_of: Option<String>,
    }
}

form! {
    /// Access that the task needs.
    pub struct IntentGrant {
        /// Who is to have it.
        must principal: String,
        /// Actions, with `*` and `?` as wildcards.
        needs actions: Vec<String>,
        /// Resources, with `*` and `?` as wildcards.
        needs resources: Vec<String>,
    }
}

form! {
    /// What the change is for, and the most that it may add.
    pub struct Intent {
        /// The task, for people.
        must task: String,
        /// All access that may be added; none when empty.
        may grants: Vec<IntentGrant>,
        /// When it is over.
        may until: Option<Time>,
    }
}

form! {
    /// Something that works like an exception, said openly.
    pub struct DeclaredException {
        /// What it is.
        needs kind: ExceptionKind,
        /// Whom or what it is about: full id.
        must subject: String,
        /// Why.
        must reason: String,
        /// Who answers for it: id of a person.
        may owner: Option<String>,
        /// Who decided: id of another person.
        may approved_by: Option<String>,
        /// Last day.
        may expires_at: Option<Time>,
        /// Ticket that documents the decision.
        may ticket: Option<String>,
    }
}

form! {
    /// An approval that was given.
    pub struct ApprovalGiven {
        /// Who approved: id of a person.
        must by: String,
        /// When.
        needs at: Time,
    }
}

form! {
    /// Who is trusted from now on, by one statement.
    pub struct Trustee {
        /// Who, as trust statements name them: `Kind:value` (`AWS:arn…`, `Service:…`, `Federated:…`) or `*`.
        must trustee: String,
        /// What they may do (`sts:AssumeRole`).
        must action: String,
        /// Condition, as the platform writes conditions.
        may condition: Option<Value>,
        /// Name of the statement; its place (`#0`, `#1`, …) when left out.
        may statement: Option<String>,
    }
}

form! {
    /// Somebody whom a statement lets in as a principal.
    pub struct TrustRow {
        /// Who trusts.
        must target: String,
        /// Who is trusted, as trust statements name them.
        must trustee: String,
        /// What they may do.
        must action: String,
        /// Where the trusted one is.
        needs kind: TrustKind,
        /// The trusted one as an entity.
        may entity: Option<String>,
        /// Condition, as the platform writes conditions.
        may condition: Option<Value>,
    }
}

form! {
    /// One owner of an entity, from now on.
    pub struct OwnerTerms {
        /// Id or address of a person, or name of a group.
        must owner: String,
        /// How sure it is, 0 to 1; 1 when left out.
        may confidence: Option<f64>,
    }
}

form! {
    /// One approver of an object, from now on.
    pub struct ApprovalTerms {
        /// Who approves: id of a person, or name of a group.
        must approver: String,
        /// Whether approval is required.
        may required: Option<bool>,
        /// How many must agree.
        may quorum: Option<u32>,
        /// Days from one review to the next.
        may cycle_days: Option<u32>,
        /// Latest review.
        may last_reviewed_at: Option<Time>,
        /// Queue that requests go to.
        may queue: Option<String>,
    }
}

form! {
    /// What an exception covers, and until when.
    pub struct ExceptionTerms {
        /// Rule that it covers; any when left out.
        may rule: Option<String>,
        /// Principals that it covers: full id or name, with `*` and `?` as wildcards; any when left out.
        may principal: Option<String>,
        /// Resources that it covers, in the same way; any when left out.
        may resource: Option<String>,
        /// Domain that it covers; any when left out.
        may domain: Option<String>,
        /// Why.
        may reason: Option<String>,
        /// Who asked for it and answers for it: id of a person.
        may owner: Option<String>,
        /// Who decided: id of another person.
        may approved_by: Option<String>,
        /// First day.
        may created_at: Option<Time>,
        /// Last day.
        may expires_at: Option<Time>,
        /// Ticket that documents the decision.
        may ticket: Option<String>,
    }
}

operations! {
    /// One operation.
    pub enum Change {
        /// Puts a member into a container, or says anew for how long and in which standing it is in.
        AddMember = "add_member" {
            /// What it is put into.
            must container: String,
            /// The one that is put in.
            must member: String,
            /// In which way; `member_of` when left out.
            may kind: Option<MembershipKind>,
            /// Whether it holds all the time or must be activated first; `active` when left out.
            may standing: Option<Standing>,
            /// When it ends by itself; never when left out.
            may expires_at: Option<Time>,
        }
        /// Takes a member out of a container.
        RemoveMember = "remove_member" {
            /// What it is in.
            must container: String,
            /// The one that is in.
            must member: String,
            /// In which way; `member_of` when left out.
            may kind: Option<MembershipKind>,
        }
        /// Attaches a policy that is an entity of its own.
        Attach = "attach" {
            /// Principal, group or scope that it is attached to.
            must holder: String,
            /// The policy.
            must policy: String,
            /// As what; `identity` when left out.
            may kind: Option<AttachmentKind>,
        }
        /// Takes such a policy off.
        Detach = "detach" {
            /// Principal, group or scope that it is attached to.
            must holder: String,
            /// The policy.
            must policy: String,
            /// As what; `identity` when left out.
            may kind: Option<AttachmentKind>,
        }
        /// Writes a statement, a right or an assignment: a new one, or in place of the one with the same holder, policy,
        /// statement and layer. What is left out is not in the statement, whatever it said before.
        PutGrant = "put_grant" {
            /// Who holds it: a principal or group, a policy that is an entity, or the resource it is attached to.
            must holder: String,
            /// Name or id of the policy: `inline:NAME` or the policy's own id on AWS, the role's or right's name where
            /// roles are assigned.
            needs policy: String,
            /// Name of the statement: `Sid` or `#` and its place, or the id of the assignment.
            needs statement: String,
            /// Gives or takes away.
            needs effect: Effect,
            /// Action patterns.
            may actions: Vec<String>,
            /// Action patterns that it is about everything but.
            may not_actions: Vec<String>,
            /// Resource patterns.
            may resources: Vec<String>,
            /// Resource patterns that it is about everything but.
            may not_resources: Vec<String>,
            /// Principals that a policy of a resource names.
            may principals: Vec<String>,
            /// Principals that it names everyone but.
            may not_principals: Vec<String>,
            /// Condition, as the platform writes conditions.
            may condition: Option<Value>,
            /// Layer of the evaluation; `identity` when left out.
            may layer: Option<Layer>,
            /// Whether policy variables expand; when left out, as in the policy's other statements, else yes.
            may variables: Option<bool>,
            /// When the right was given; unknown when left out.
            may granted_at: Option<Time>,
            /// When it ends by itself; never when left out.
            may expires_at: Option<Time>,
            /// Who comes in by it beyond those that follow from its principals. Only more can be said, never less.
            may trusts: Vec<TrustRow>,
            /// Which of several statements with the same names, from 1, in the order of their contents.
            may occurrence: Option<u32>,
        }
        /// Takes a statement, a right or an assignment away.
        DeleteGrant = "delete_grant" {
            /// Who holds it.
            must holder: String,
            /// Name or id of the policy.
            needs policy: String,
            /// Name of the statement.
            needs statement: String,
            /// Layer of the evaluation, where statements of several have these names.
            may layer: Option<Layer>,
            /// Which of several statements with the same names, from 1, in the order of their contents.
            may occurrence: Option<u32>,
        }
        /// Says anew whom a principal trusts. Statements that trusted others are gone.
        SetTrust = "set_trust" {
            /// Who trusts.
            must principal: String,
            /// Whom, from now on; nobody when empty.
            needs trustees: Vec<Trustee>,
            /// Name of the policy that says so, where statements of several make the trust.
            may policy: Option<String>,
        }
        /// Creates a principal, group, policy, resource or scope.
        CreatePrincipal = "create_principal" {
            /// Full id that it will have.
            must principal: String,
            /// What it is.
            needs kind: EntityKind,
            /// Name as people write it; the id's last part when left out.
            may name: Option<String>,
            /// Platform, by registry name; that of the scope when left out.
            may platform: Option<String>,
            /// Id of the scope that contains it.
            may scope: Option<String>,
            /// Unique id that the platform gives.
            may unique_id: Option<String>,
            /// Whether it is a non-human identity; undecided when left out.
            may nhi: Option<bool>,
            /// Whether it can be used at all; unknown when left out.
            may enabled: Option<bool>,
            /// Environment label.
            may env: Option<String>,
            /// Facts about it, tags as `tag:KEY`.
            may attributes: BTreeMap<String, Vec<String>>,
        }
        /// Deletes a principal, with its memberships, rights, trusts and credentials. Names of it elsewhere dangle.
        DeletePrincipal = "delete_principal" {
            /// Which.
            must principal: String,
            /// What names of it are taken for afterwards; its own kind when left out.
            may referred_as: Option<EntityKind>,
        }
        /// Disables a principal, or enables it again.
        SetEnabled = "set_enabled" {
            /// Which.
            must principal: String,
            /// Whether it can be used from now on; null for unknown.
            needs enabled: Option<bool>,
        }
        /// Creates a credential, or puts a disabled one to use again.
        CreateCredential = "create_credential" {
            /// Whom it proves.
            must principal: String,
            /// What it is.
            needs kind: CredentialKind,
            /// Its id, where it has one already.
            may credential: Option<String>,
            /// When it was made; unknown when left out.
            may created_at: Option<Time>,
            /// When it ends by itself; never, as far as is known, when left out.
            may expires_at: Option<Time>,
            /// When it was last used.
            may last_used_at: Option<Time>,
            /// Whether the source says that it was never used.
            may never_used: Option<bool>,
            /// When it was last changed.
            may last_rotated_at: Option<Time>,
            /// Whether it works: `yes`, `no` or `unknown`; yes when left out.
            may active: Activity,
        }
        /// Makes a credential useless.
        DisableCredential = "disable_credential" {
            /// Whom it proves.
            must principal: String,
            /// Its id.
            must credential: String,
            /// Whether it is deleted, which nobody can undo; no when left out.
            may delete: Option<bool>,
        }
        /// Gives a credential a new secret.
        RotateCredential = "rotate_credential" {
            /// Whom it proves.
            must principal: String,
            /// Its id.
            must credential: String,
            /// When; unknown when left out.
            may rotated_at: Option<Time>,
            /// When the new secret ends by itself; as before when left out.
            may expires_at: Option<Time>,
        }
        /// Sets the permissions boundary of a principal.
        SetBoundary = "set_boundary" {
            /// Whose.
            must principal: String,
            /// The policy that bounds it; null for none.
            needs policy: Option<String>,
        }
        /// Says anew who approves an object.
        SetApproval = "set_approval" {
            /// Role, entitlement or workflow, as the table of approvals names it.
            must object: String,
            /// Who approves from now on; nobody when empty.
            needs approvals: Vec<ApprovalTerms>,
            /// The object as an entity, where its name does not say.
            may entity: Option<String>,
        }
        /// Makes, changes or ends an exception.
        SetException = "set_exception" {
            /// Id of the exception.
            must exception: String,
            /// What it covers from now on; null ends it.
            needs terms: Option<ExceptionTerms>,
        }
        /// Says anew who is declared to own an entity.
        SetOwner = "set_owner" {
            /// What is owned.
            must entity: String,
            /// Owners from now on; nobody is declared when empty.
            needs owners: Vec<OwnerTerms>,
        }
    }
}

/// Whether a credential works: yes unless said otherwise, and unknown only where that is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Activity(pub Option<bool>);

impl Default for Activity {
    fn default() -> Self {
        Self(Some(true))
    }
}

impl Activity {
    /// The value as written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self.0 {
            Some(true) => "yes",
            Some(false) => "no",
            None => "unknown",
        }
    }
}

impl serde::Serialize for Activity {
    fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(self.as_str())
    }
}

impl Field for Activity {
    fn decode(value: &Value, at: &str, errors: &mut Errors) -> Option<Self> {
        match value.as_str() {
            Some("yes") => Some(Self(Some(true))),
            Some("no") => Some(Self(Some(false))),
            Some("unknown") => Some(Self(None)),
            _ => {
                errors.push(ChangeError::new(at, format!("{value} is none of yes, no, unknown")));
                None
            }
        }
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
    }

    fn is_absent(&self) -> bool {
        *self == Self::default()
    }
}

form! {
    /// A draft: who asks for what, and the operations.
    pub struct ChangeSet {
        /// Version of the form, 1.
        needs format: u32,
        /// Id of the draft, by which the ledger knows it.
        must draft_id: String,
        /// Who drafts.
        needs author: Author,
        /// Workflow that the draft comes from.
        may workflow: Option<String>,
        /// Ticket that asks for it.
        may ticket: Option<String>,
        /// Policy domain that it keeps to.
        may domain: Option<String>,
        /// Id of the snapshot that it was drafted on.
        may snapshot: Option<String>,
        /// SHA-256 of the prompt, in hexadecimal.
        may prompt_sha256: Option<String>,
        /// SHA-256 of the context manifest, in hexadecimal.
        may context_sha256: Option<String>,
        /// What it is for.
        needs intent: Intent,
        /// What works like an exception, said openly.
        may exceptions: Vec<DeclaredException>,
        /// Approvals that were given.
        may approvals: Vec<ApprovalGiven>,
        /// The operations, in their order.
        needs changes: Vec<Change>,
    }
}

impl ChangeSet {
    /// Reads the normal form.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its JSON pointer.
    pub fn from_value(value: &Value) -> Result<Self, Vec<ChangeError>> {
        let mut errors = Errors::new();
        let set = Self::decode(value, "", &mut errors);
        if let Some(set) = &set {
            set.check(&mut errors);
        }
        match set {
            Some(set) if errors.is_empty() => Ok(set),
            _ => Err(errors),
        }
    }

    fn check(&self, errors: &mut Errors) {
        if self.format != FORMAT {
            let problem = format!("change sets of format {} are not known", self.format);
            errors.push(ChangeError::new("/format", problem).hint(format!("this version reads format {FORMAT}")));
        }
        if self.changes.len() > CHANGES_MAX {
            let problem = format!("{} operations; at most {CHANGES_MAX} are read", self.changes.len());
            errors.push(ChangeError::new("/changes", problem).hint("split the draft"));
        }
        for (key, digest) in [("prompt_sha256", &self.prompt_sha256), ("context_sha256", &self.context_sha256)] {
            if digest.as_deref().is_some_and(|text| !is_sha256(text)) {
                errors.push(ChangeError::new(&place("", key), "no SHA-256: 64 hexadecimal digits are expected"));
            }
        }
        for (number, change) in self.changes.iter().enumerate() {
            check_change(change, &format!("/changes/{number}"), errors);
        }
    }

    /// The normal form as JSON with sorted keys.
    #[must_use]
    pub fn to_value(&self) -> Value {
        // Maps with texts as keys are always JSON.
        serde_json::to_value(self).unwrap_or(Value::Null)
    }
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// What one operation must keep to whatever the snapshot is.
fn check_change(change: &Change, at: &str, errors: &mut Errors) {
    match change {
        Change::PutGrant { occurrence: Some(0), .. } | Change::DeleteGrant { occurrence: Some(0), .. } => {
            let at = place(at, "occurrence");
            errors.push(ChangeError::new(&at, "statements of the same names are counted from 1"));
        }
        Change::CreatePrincipal { kind: kind @ EntityKind::External, .. } => {
            let at = place(at, "kind");
            errors.push(ChangeError::new(&at, format!("nothing of kind `{kind}` can be created")));
        }
        _ => {}
    }
}
