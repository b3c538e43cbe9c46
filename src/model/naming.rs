//! From names as people and tables write them to the entities that they mean.
//!
//! The full id comes first; then a suffix of the id that starts after a `/` or `:`, the name, the unique id, or a text
//! by which the caller says that the entity is known as well (an e-mail address); then the same without regard to
//! case. The first of these that names anything decides, and when it names several, nothing is guessed.
//!
//! All names are looked up in one pass: the texts are given first, then every entity is shown once. Time is linear in
//! the length of the ids, memory in the number of texts and of what they may mean.

use rustc_hash::FxHashMap;

use super::Entity;

/// What a text names.
#[derive(Debug, Clone, PartialEq)]
pub enum Named<'t> {
    /// Nothing.
    Nothing,
    /// This.
    One(&'t Entity),
    /// Any of these, sorted by id; there are at least two.
    Several(Vec<&'t Entity>),
}

/// Texts that are looked for, and the entities that they may mean.
#[derive(Debug, Default)]
pub struct Names<'t> {
    /// By lower-case text.
    wanted: FxHashMap<String, Vec<Candidate<'t>>>,
}

/// One way in which an entity is called like a text.
#[derive(Debug, Clone, Copy)]
struct Candidate<'t> {
    called: &'t str,
    entity: &'t Entity,
}

impl<'t> Names<'t> {
    /// Looks for these texts. The empty text names nothing.
    pub fn new<'w>(texts: impl IntoIterator<Item = &'w str>) -> Self {
        let texts = texts.into_iter().filter(|text| !text.is_empty());
        Self { wanted: texts.map(|text| (text.to_lowercase(), Vec::new())).collect() }
    }

    /// Shows an entity that may be meant. The same entity may be shown several times, as several sources know it.
    pub fn learn(&mut self, entity: &'t Entity) {
        if self.wanted.is_empty() {
            return;
        }
        let id = entity.id.as_str();
        // Where letters have no other length in lower case, the id is turned into it once and not suffix by suffix.
        let lower = id.is_ascii().then(|| id.to_ascii_lowercase());
        let starts = id.match_indices(['/', ':']).map(|(at, _)| at + 1);
        for start in std::iter::once(0).chain(starts) {
            match &lower {
                Some(lower) => self.offer_lower(&lower[start..], &id[start..], entity),
                None => self.offer(&id[start..], entity),
            }
        }
        if entity.name != entity.id {
            self.offer(&entity.name, entity);
        }
        if let Some(unique) = &entity.unique_id {
            self.offer(unique, entity);
        }
    }

    /// Says that an entity is known by this text as well.
    pub fn alias(&mut self, called: &'t str, entity: &'t Entity) {
        self.offer(called, entity);
    }

    fn offer(&mut self, called: &'t str, entity: &'t Entity) {
        self.offer_lower(&called.to_lowercase(), called, entity);
    }

    fn offer_lower(&mut self, lower: &str, called: &'t str, entity: &'t Entity) {
        if let Some(candidates) = self.wanted.get_mut(lower) {
            candidates.push(Candidate { called, entity });
        }
    }

    /// What a text names among the entities to which `rank` gives a number: of several that the text names in the same
    /// way, those of the lowest rank count.
    pub fn find(&self, text: &str, rank: impl Fn(&Entity) -> Option<u8>) -> Named<'t> {
        let Some(candidates) = self.wanted.get(&text.to_lowercase()) else { return Named::Nothing };
        let ways: [&dyn Fn(&Candidate<'t>) -> bool; 3] =
            [&|candidate| candidate.entity.id == text, &|candidate| candidate.called == text, &|_| true];
        ways.iter()
            .map(|way| best(candidates.iter().filter(|one| way(one)).map(|one| one.entity), &rank))
            .find(|found| *found != Named::Nothing)
            .unwrap_or(Named::Nothing)
    }
}

/// The entities of the lowest rank. Of several records of one entity the one that ranks lowest speaks for it.
fn best<'t>(entities: impl Iterator<Item = &'t Entity>, rank: &impl Fn(&Entity) -> Option<u8>) -> Named<'t> {
    let mut ranked: Vec<(&str, u8, &Entity)> =
        entities.filter_map(|entity| Some((entity.id.as_str(), rank(entity)?, entity))).collect();
    ranked.sort_by_key(|(id, rank, _)| (*id, *rank));
    ranked.dedup_by_key(|(id, _, _)| *id);
    let Some(lowest) = ranked.iter().map(|(_, rank, _)| *rank).min() else { return Named::Nothing };
    ranked.retain(|(_, rank, _)| *rank == lowest);
    match ranked.as_slice() {
        [(_, _, one)] => Named::One(one),
        several => Named::Several(several.iter().map(|(_, _, entity)| *entity).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::EntityKind;

    fn entity(id: &str, kind: EntityKind, name: &str, present: bool) -> Entity {
        Entity { present, ..Entity::named(id, "aws", kind, name) }
    }

    fn ids(found: &Named<'_>) -> Vec<String> {
        match found {
            Named::Nothing => vec![],
            Named::One(one) => vec![one.id.clone()],
            Named::Several(several) => several.iter().map(|one| one.id.clone()).collect(),
        }
    }

    #[test]
    fn the_surest_way_of_naming_decides_and_a_suffix_starts_after_a_boundary() {
        let mut deploy = entity("arn:aws:iam::1:role/ci/deploy", EntityKind::Role, "deploy", true);
        deploy.unique_id = Some("AROAX".to_owned());
        let upper = entity("arn:aws:iam::1:user/DEPLOY", EntityKind::User, "DEPLOY", true);
        let texts = ["ci/deploy", "deploy", "DEPLOY", "Deploy", "eploy", "AROAX", "d@example.com", "", "nobody"];
        let mut names = Names::new(texts);
        for one in [&deploy, &upper] {
            names.learn(one);
        }
        names.alias("D@example.com", &upper);
        let find = |text: &str| ids(&names.find(text, |_| Some(0)));
        for text in ["ci/deploy", "deploy", "AROAX"] {
            assert_eq!(find(text), [deploy.id.clone()], "{text}");
        }
        for text in ["DEPLOY", "d@example.com"] {
            assert_eq!(find(text), std::slice::from_ref(&upper.id), "{text}");
        }
        assert_eq!(find("Deploy"), [deploy.id.clone(), upper.id.clone()], "nothing is guessed");
        for text in ["eploy", "", "nobody", "never asked for"] {
            assert!(find(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn rank_decides_between_entities_that_are_called_the_same_and_one_entity_is_one() {
        let role = entity("arn:aws:iam::1:role/app", EntityKind::Role, "app", true);
        let referred = entity("arn:aws:iam::1:role/app", EntityKind::External, "app", false);
        let policy = entity("arn:aws:iam::1:policy/app", EntityKind::RoleDefinition, "app", true);
        let mut names = Names::new(["app"]);
        for one in [&referred, &role, &policy] {
            names.learn(one);
        }
        let principal = |one: &Entity| Some(u8::from(!one.is_principal()));
        assert_eq!(names.find("app", principal), Named::One(&role));
        assert_eq!(ids(&names.find("app", |one| one.present.then_some(0))).len(), 2);
        assert_eq!(names.find("app", |_| None), Named::Nothing);
    }
}
