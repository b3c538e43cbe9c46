//! The pipeline: the one place that knows the order of the steps.

pub mod examples;

use std::path::PathBuf;

use crate::access::{Evaluators, Settings};
use crate::model::Tables;
use crate::paths::{self, Landscape};
use crate::platforms::{self, input};
use crate::techniques::{AttackGraph, Library, attack_graph};

/// Reads files and folders into one snapshot's tables.
#[must_use]
pub fn read(paths: &[PathBuf], progress: &(dyn Fn(input::Progress<'_>) + Sync)) -> Tables {
    input::read_all(paths, platforms::ALL, progress).join(platforms::ALL)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Certainty;
    #[test]
    fn probe() {
        let Ok(path) = std::env::var("PROBE") else { return };
        let tables = read(&[PathBuf::from(path)], &|_| {});
        println!("entities {} grants {} issues {:?}", tables.entities.len(), tables.grants.len(), tables.issues);
        let evaluators = Evaluators::new(&tables, Settings { as_of: 1_760_000_000_000 });
        let library = match std::env::var("TECH") { Ok(dir) => Library::with(&[PathBuf::from(dir)]).unwrap(), _ => Library::built_in().unwrap() };
        let graph: AttackGraph = attack_graph(&tables, &evaluators, &library);
        println!("techniques {} edges {} sets {} admins {:?}", library.techniques.len(), graph.edges.len(), graph.target_sets.len(), graph.administrators.iter().map(|(e,t)| (tables.entity(*e).name.clone(), t)).collect::<Vec<_>>());
        let zone = paths::zone(&tables, &graph.administrators, &[]);
        let land = Landscape::new(&tables, &graph.edges, &graph.target_sets, zone);
        println!("{:?}", land.exposure().zone);
        let sure = land.hops(Certainty::Certain);
        let maybe = land.hops(Certainty::Conditional);
        for e in tables.entities.iter().filter(|e| e.is_principal()) {
            let w = land.paths(e.entity, None, 1);
            let text: Vec<String> = w.paths.iter().flat_map(|p| p.steps.iter()).map(|s| format!("-{}-> {} {:?}", s.technique, tables.entity(s.to).name, s.reasons)).collect();
            println!("{:60} {:?} {:?} {}", e.id, sure[e.entity.index()], maybe[e.entity.index()], text.join(" "));
        }
        let access = evaluators.access();
        println!("access rows {}", access.len());
    }
}
