//! A trust in a principal that no longer exists.

use std::collections::BTreeMap;

use super::{Context, Draft, Info, Rule};
use crate::model::{EntityId, Trust, TrustKind};

/// See [`Info::meaning`].
pub struct DeletedPrincipalTrust;

const INFO: Info = Info {
    id: "deleted-principal-trust",
    title: "Deleted principal is still trusted",
    meaning: "The trust names the unique id of a principal that was deleted. It is of no use to anyone and a sign that \
              the trust was not cleaned up when its user left; when not every account is loaded, the id may also \
              belong to a living principal of another account.",
    remediation: "Remove the id from the trust; if nothing else is trusted, remove the role.",
    cases: &[("trusted", "a unique id stands in place of a principal")],
};

impl Rule for DeletedPrincipalTrust {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn check(&self, context: &Context<'_>) -> Vec<Draft> {
        let mut found: BTreeMap<(EntityId, &str), Vec<&Trust>> = BTreeMap::new();
        for row in context.tables.trusts.iter().filter(|row| row.kind == TrustKind::Deleted) {
            let id = row.trustee_pattern.strip_prefix("AWS:").unwrap_or(&row.trustee_pattern);
            found.entry((row.target, id)).or_default().push(row);
        }
        let draft = |((target, id), rows): ((EntityId, &str), Vec<&Trust>)| Draft {
            entity: target,
            case: "trusted",
            title: format!("{} trusts the deleted principal `{id}`", context.call(target)),
            subjects: vec![],
            key: vec![id.to_owned()],
            evidence: rows.iter().map(|row| context.cite(row.grant)).collect(),
            cause: None,
        };
        found.into_iter().map(draft).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testkit::{World, cases};

    #[test]
    fn a_unique_id_in_a_trust_is_found_and_a_name_is_not() {
        let mut world = World::new();
        let (stale, fresh) = (world.role("stale"), world.role("fresh"));
        world.trust(stale, "AWS:AIDAEXAMPLEEXAMPLE123", TrustKind::Deleted, None);
        world.trust(fresh, "AWS:arn:aws:iam::111111111111:user/ann", TrustKind::SameAccount, None);
        let found = world.check(&DeletedPrincipalTrust);
        assert_eq!(cases(&found), [("trusted", "stale")]);
        assert_eq!(found[0].2.title, "role `stale` trusts the deleted principal `AIDAEXAMPLEEXAMPLE123`");
    }
}
