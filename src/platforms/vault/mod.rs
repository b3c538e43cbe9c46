//! `HashiCorp` Vault: readers of what its command line and API answer, of policies and audit logs, and its permission
//! model (ACL policies).

mod acl;
mod catalog;
mod eval;
mod hcl;
mod names;
mod policy;
pub mod read;

use super::{Coverage, Evaluator, Platform, Settings, Trusted, input};
use crate::model::rebuild::Identification;
use crate::model::{Builder, Entity, EntityKind, Tables, TrustKind};

/// Registry name of the platform.
pub const NAME: &str = "vault";
/// What actions begin with.
const PLANE: &str = "acl:";
/// Actions as questions write them.
const ACTIONS: [&str; 7] = ["acl:create", "acl:read", "acl:update", "acl:patch", "acl:delete", "acl:list", "acl:sudo"];

/// The Vault platform.
pub struct Vault;

impl Platform for Vault {
    fn name(&self) -> &'static str {
        NAME
    }

    fn title(&self) -> &'static str {
        "HashiCorp Vault"
    }

    fn readers(&self) -> &'static [&'static dyn input::Reader] {
        read::READERS
    }

    fn reconcile(&self, builders: &mut [Builder]) {
        read::reconcile(builders);
    }

    fn complete(&self, tables: &mut Tables) {
        read::complete(tables);
    }

    fn at(&self, tables: &mut Tables, as_of: i64) {
        let own = |tables: &Tables, at: crate::model::EntityId| tables.entity(at).platform == NAME;
        for at in 0..tables.credentials.len() {
            let row = &tables.credentials[at];
            if own(tables, row.entity) && row.expires_at.is_some_and(|end| end <= as_of) {
                tables.credentials[at].active = Some(false);
            }
        }
    }

    fn has_open_groups(&self) -> bool {
        true
    }

    fn trust_condition(&self, pattern: &str, condition: &str) -> String {
        read::with_subject(condition.to_owned(), pattern.trim_start_matches("Federated:"))
    }

    fn trusted(&self, _tables: &Tables, _target: &Entity, pattern: &str) -> Trusted {
        if pattern.starts_with("Federated:") {
            return Trusted { kind: TrustKind::Federated, trustee: None };
        }
        let arn = pattern.strip_prefix("AWS:").filter(|arn| arn.starts_with("arn:") && !arn.contains('*'));
        let trustee = arn.map(|arn| Identification {
            id: arn.to_owned(),
            platform: "aws".to_owned(),
            kind: if arn.contains(":user/") { EntityKind::User } else { EntityKind::Role },
            name: arn.rsplit('/').next().unwrap_or(arn).to_owned(),
        });
        Trusted { kind: TrustKind::External, trustee }
    }

    fn has_federation(&self) -> bool {
        true
    }

    fn coverage(&self) -> Coverage {
        Coverage {
            read: "ACL policies (HCL and JSON), auth methods with their roles, users and groups, identity entities and groups, tokens by accessor, roles of secrets engines, audit logs.",
            decided: "Path precedence, deny, templates, root-protected paths and routes to tokens, exactly; who may become what through roles, tokens, groups and issued credentials.",
            not: "Sentinel policies, control groups and the values of allowed and denied parameters: a rule with any of these is conditional.",
        }
    }

    fn actions(&self) -> Vec<&'static str> {
        ACTIONS.to_vec()
    }

    fn writes(&self, action: &str) -> bool {
        ACTIONS.iter().any(|own| action.strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with(':')))
    }

    fn is_resource(&self, text: &str) -> bool {
        // Anything may be mounted anywhere, so that every path of the API is one.
        text.contains('/') && !text.contains([':', ' ', '*']) && !text.starts_with('/')
    }

    fn evaluator<'t>(&self, tables: &'t Tables, settings: Settings) -> Box<dyn Evaluator + 't> {
        Box::new(eval::Compiled::new(tables, settings))
    }
}
