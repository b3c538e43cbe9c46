//! How much of what could be known about the principals of a domain is known.

use std::collections::BTreeSet;

use super::{Part, Scope};
use crate::model::{Coverage, Entity, EntityId};

impl Scope {
    /// Shares of the domain's principals of which something is known, by the names that the coverage of a snapshot has.
    #[must_use]
    pub fn coverage(&self) -> Vec<Coverage> {
        let principals: Vec<&Entity> = self.entities().filter(|entity| entity.is_principal()).collect();
        let world = self.world();
        let holders = |part: Part, of: &dyn Fn(usize) -> Option<EntityId>| -> BTreeSet<EntityId> {
            self.rows(part).iter().filter_map(|&at| of(at as usize)).collect()
        };
        let credentials =
            holders(Part::Credentials, &|at| world.tables.credentials.get(at).map(|credential| credential.entity));
        let watched = holders(Part::Removals, &|at| world.removals.get(at).map(|removal| removal.entity));
        let share = |name: &str, known: &dyn Fn(&Entity) -> bool| Coverage {
            name: name.to_owned(),
            known: principals.iter().filter(|entity| known(entity)).count() as u64,
            of: principals.len() as u64,
        };
        vec![
            share("classified", &|entity| entity.nhi.is_some()),
            share("created", &|entity| entity.created_at.is_some()),
            share("credentials", &|entity| credentials.contains(&entity.entity)),
            share("last_used", &|entity| entity.last_used_at.is_some()),
            share("owner", &|entity| entity.owner.is_some()),
            share("usage", &|entity| watched.contains(&entity.entity)),
        ]
    }
}
