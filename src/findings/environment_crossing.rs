//! A principal that joins production and another environment.

use super::asked::InEnvironment;
use super::escalation_path::tell;
use super::facts::is_root;
use super::{Cause, Context, Draft, Info, Rule, causes};
use crate::model::{Certainty, Entity, EntityId, EntityKind};
use crate::paths::Ways;

/// Statements cited.
const CITED_MAX: usize = 3;

/// See [`Info::meaning`].
pub struct EnvironmentCrossing;

const INFO: Info = Info {
    id: "environment-crossing",
    title: "Principal crosses from one environment into another",
    meaning: "A principal that is not of production can act on something of production, by effective access to it or \
              by a path, or one principal holds or reaches things of several environments, production among them. \
              Whoever takes it over in the weaker environment has the stronger one. Environments are labels of the \
              exports and of the configuration, a principal without one has that of its account; what has no label is \
              of no known environment and is not compared.",
    remediation: "Give each environment identities of its own; remove the access or the first step of the path.",
    cases: &[
        ("access-to-production", "a principal of another environment has effective access to something of production"),
        ("path-to-production", "a certain path leads a principal of another environment to something of production"),
        ("path-to-production-conditional", "a path that hangs on something leads there"),
        ("several", "one principal has access or a certain path into several environments, production among them"),
    ],
};

/// What leads into production and into the other environments.
struct Search<'a> {
    context: &'a Context<'a>,
    production: [Ways; 2],
    other: Ways,
}

impl Rule for EnvironmentCrossing {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn check(&self, context: &Context<'_>) -> Vec<Draft> {
        let labelled = context.tables.entities.iter().filter(|entity| is_somewhere(entity));
        let (mut production, mut other) = (Vec::new(), Vec::new());
        for entity in labelled {
            match environment(context, entity) {
                Some(label) if is_production(context, label) => production.push(entity.entity),
                Some(_) => other.push(entity.entity),
                None => {}
            }
        }
        if production.is_empty() {
            return Vec::new();
        }
        let land = context.facts.land;
        let search = Search {
            context,
            production: [Certainty::Certain, Certainty::Conditional].map(|sure| land.ways(&production, sure, false)),
            other: land.ways(&other, Certainty::Certain, false),
        };
        let principals = context.principals().filter(|entity| !is_root(entity));
        principals.filter_map(|entity| search.draft(entity)).collect()
    }
}

/// Whether an entity is a thing of an environment: a policy or a group is a means, not an end.
const fn is_somewhere(entity: &Entity) -> bool {
    entity.present && (entity.kind.is_principal() || matches!(entity.kind, EntityKind::Resource | EntityKind::Scope))
}

/// The environment of an entity: its own label, or that of its scope.
fn environment<'a>(context: &Context<'a>, entity: &'a Entity) -> Option<&'a str> {
    let scope = || context.tables.find(entity.scope.as_deref()?).map(|scope| context.tables.entity(scope));
    entity.env.as_deref().or_else(|| scope()?.env.as_deref())
}

fn is_production(context: &Context<'_>, label: &str) -> bool {
    let labels = &context.config.organization.production_environments;
    labels.iter().any(|known| known.eq_ignore_ascii_case(label))
}

impl<'a> Search<'a> {
    fn draft(&self, entity: &'a Entity) -> Option<Draft> {
        let home = environment(self.context, entity);
        match home {
            Some(label) if !is_production(self.context, label) => {
                self.access(entity, label).or_else(|| self.path(entity, label))
            }
            _ => self.several(entity, home),
        }
    }

    /// Effective access of a principal into production, or into any other environment.
    fn into(&self, entity: &Entity, production: bool) -> Option<&'a InEnvironment> {
        let all = &self.context.facts.asked.environments;
        let start = all.partition_point(|row| row.entity < entity.entity);
        let rows = all[start..].iter().take_while(|row| row.entity == entity.entity);
        let sure = rows.filter(|row| row.certainty == Certainty::Certain && row.target != entity.entity);
        sure.into_iter().find(|row| is_production(self.context, &row.environment) == production)
    }

    fn access(&self, entity: &Entity, home: &str) -> Option<Draft> {
        let row = self.into(entity, true)?;
        let context = self.context;
        let target = context.call(row.target);
        let title =
            format!("{} of `{home}` has access to {target} of `{}`", context.call(entity.entity), row.environment);
        let mut evidence = vec![format!("may do `{}` there", row.action)];
        evidence.extend(row.evidence.iter().take(CITED_MAX).map(|&grant| context.cite(grant)));
        let cause = self.cause(entity, &row.evidence, "into production");
        let (case, subjects) = ("access-to-production", vec![row.target]);
        Some(Draft { entity: entity.entity, case, title, subjects, key: vec![], evidence, cause })
    }

    fn path(&self, entity: &Entity, home: &str) -> Option<Draft> {
        let [certain, possible] = &self.production;
        let (case, ways, verb) = match certain.hops(entity.entity) {
            Some(_) => ("path-to-production", certain, "reaches"),
            None => ("path-to-production-conditional", possible, "may reach"),
        };
        let target = ways.target(entity.entity)?;
        let context = self.context;
        let label = environment(context, context.tables.entity(target)).unwrap_or_default();
        let title = format!("{} of `{home}` {verb} {} of `{label}`", context.call(entity.entity), context.call(target));
        let steps = ways.steps(entity.entity);
        let mut evidence = Vec::new();
        let subjects = tell(context, entity.entity, &steps, &mut evidence);
        let cause = self.cause(entity, self.first(&steps), "into production");
        Some(Draft { entity: entity.entity, case, title, subjects, key: vec![], evidence, cause })
    }

    /// Access or certain paths into production and another environment; one's own counts as one of them.
    fn several(&self, entity: &'a Entity, home: Option<&str>) -> Option<Draft> {
        let context = self.context;
        let of = entity.entity;
        let mut evidence = Vec::new();
        let mut subjects = Vec::new();
        let mut first: &[u32] = &[];
        for production in [true, false] {
            if production && home.is_some() {
                evidence.push(format!("it is of `{}` itself", home.unwrap_or_default()));
                continue;
            }
            let ways = if production { &self.production[0] } else { &self.other };
            if let Some(row) = self.into(entity, production) {
                evidence.push(format!(
                    "may do `{}` on {} of `{}`",
                    row.action,
                    context.call(row.target),
                    row.environment
                ));
                evidence.extend(row.evidence.iter().take(CITED_MAX).map(|&grant| context.cite(grant)));
                subjects.push(row.target);
                first = &row.evidence;
            } else {
                let target = ways.target(of).filter(|&target| target != of)?;
                let label = environment(context, context.tables.entity(target)).unwrap_or_default();
                evidence.push(format!("reaches {} of `{label}`", context.call(target)));
                let steps = ways.steps(of);
                subjects.extend(tell(context, of, &steps, &mut evidence));
                first = self.first(&steps);
            }
        }
        let title = format!("{} acts in production and in another environment", context.call(of));
        let cause = self.cause(entity, first, "into several environments");
        Some(Draft { entity: of, case: "several", title, subjects, key: vec![], evidence, cause })
    }

    /// Evidence of the first of some steps.
    fn first(&self, steps: &[u32]) -> &'a [u32] {
        let edge = steps.first().and_then(|&at| self.context.facts.edges.get(at as usize));
        edge.map_or(&[], |edge| edge.evidence.as_slice())
    }

    fn cause(&self, entity: &Entity, grants: &[u32], where_to: &str) -> Option<Cause> {
        let cause: EntityId = causes::source(self.context, entity.entity, grants)?;
        Some(Cause { entity: cause, key: vec![], says: ("lets", format!("cross {where_to}")) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::testkit::{World, cases};
    use crate::model::{Handle, Layer};

    fn label(world: &mut World, who: Handle, env: &str) {
        world.edit(who, |entity| entity.env = Some(env.to_owned()));
    }

    #[test]
    fn paths_and_access_from_elsewhere_into_production_are_found() {
        let mut world = World::new();
        let (prod, bucket) = (world.role("prod"), world.role("data"));
        let [sure, open, user, same] = ["sure", "open", "user", "same"].map(|name| world.user(name));
        for (who, env) in
            [(prod, "PROD"), (bucket, "production"), (sure, "test"), (open, "test"), (user, "dev"), (same, "prod")]
        {
            label(&mut world, who, env);
        }
        let grant = world.grant(sure, &["sts:AssumeRole"], Layer::Identity);
        world.edge(sure, prod, Certainty::Certain, grant);
        world.edge(open, prod, Certainty::Conditional, grant);
        world.edge(same, prod, Certainty::Certain, grant);
        world.reaches_into(user, "production", bucket, grant);
        let found = world.check(&EnvironmentCrossing);
        let expected = [
            ("path-to-production-conditional", "open"),
            ("path-to-production", "sure"),
            ("access-to-production", "user"),
        ];
        assert_eq!(cases(&found), expected);
        assert_eq!(found[1].2.title, "user `sure` of `test` reaches role `prod` of `PROD`");
        assert!(found[2].2.evidence[1].starts_with("grant:0 "));
    }

    #[test]
    fn one_principal_in_several_environments_counts_when_production_is_among_them() {
        let mut world = World::new();
        let [prod, test, dev] = ["prod", "test", "dev"].map(|name| world.role(name));
        let [both, tests, inside] = ["both", "tests", "inside"].map(|name| world.user(name));
        for (who, env) in [(prod, "prod"), (test, "test"), (dev, "dev"), (inside, "prod")] {
            label(&mut world, who, env);
        }
        let grant = world.grant(both, &["sts:AssumeRole"], Layer::Identity);
        for (from, to) in [(both, prod), (both, test), (tests, test), (tests, dev), (inside, test)] {
            world.edge(from, to, Certainty::Certain, grant);
        }
        let found = world.check(&EnvironmentCrossing);
        assert_eq!(cases(&found), [("several", "both"), ("several", "inside")]);
        assert_eq!(found[1].2.evidence[0], "it is of `prod` itself");
    }

    #[test]
    fn an_environment_is_also_that_of_the_account_and_what_has_none_is_not_compared() {
        let build = |env: &'static str| {
            let mut world = World::new();
            let (robot, prod) = (world.robot("robot"), world.role("prod"));
            label(&mut world, prod, "prod");
            if !env.is_empty() {
                let account = world.builder.handle("aws:account/111111111111").expect("there is an account");
                label(&mut world, account, env);
            }
            let grant = world.grant(robot, &["sts:AssumeRole"], Layer::Identity);
            world.edge(robot, prod, Certainty::Certain, grant);
            world.check(&EnvironmentCrossing)
        };
        assert_eq!(cases(&build("test")), [("path-to-production", "robot")]);
        assert!(build("prod").is_empty());
        assert!(build("").is_empty());
    }
}
