//! BloodHound OpenGraph: the graph format of collectors for platforms that have no reader of their own here.
//!
//! A graph says who can do what to whom, one edge each, and which kinds of edges pass control on. That is all that is
//! known of its platform: rights are edges, not policies. What other readers of ours know of the same platform is kept
//! apart, for every id here begins with `opengraph:`; a collector's node that is a principal of Active Directory or
//! Entra by its id is joined with that principal, and not taken to be it.

mod kinds;
mod read;
mod schema;

use std::borrow::Cow;
use std::sync::OnceLock;

use self::kinds::{Kinds, Says, local};
use super::assigned::{self, Action, Catalog, Dialect};
use super::{Coverage, Evaluator, Platform, Recorded, Settings, input};
use crate::model::{Builder, Granularity, Tables};

/// Registry name of the platform.
pub const NAME: &str = "opengraph";
/// Action of every edge that attack paths may cross.
const CONTROL: &str = "control";
/// Action of every edge whose start may do everything in its end.
const ADMINISTER: &str = "administer";

/// Graphs in the OpenGraph format.
pub struct OpenGraph;

impl Platform for OpenGraph {
    fn name(&self) -> &'static str {
        NAME
    }

    fn title(&self) -> &'static str {
        "BloodHound OpenGraph"
    }

    fn readers(&self) -> &'static [&'static dyn input::Reader] {
        read::READERS
    }

    fn reconcile(&self, builders: &mut [Builder]) {
        read::reconcile(builders);
    }

    fn complete(&self, _tables: &mut Tables) {}

    fn coverage(&self) -> Coverage {
        Coverage {
            read: "OpenGraph payloads and extension schemas of any collector",
            decided: "who controls whom over edges that a schema, a mapping file or the built-in table says may be \
                      crossed, memberships included",
            not: "rights that a collector did not write as edges, and kinds of edges of which nothing says that they \
                  may be crossed",
        }
    }

    fn actions(&self) -> Vec<&'static str> {
        self.catalog().actions().iter().map(|action| action.name.as_ref()).collect()
    }

    fn written(&self, actions: &[String], not_actions: &[String], grain: Granularity) -> Option<Vec<String>> {
        assigned::written(self, actions, not_actions, grain)
    }

    fn evaluator<'t>(&self, tables: &'t Tables, settings: Settings) -> Box<dyn Evaluator + 't> {
        Box::new(assigned::Compiled::new(tables, settings, &Self))
    }
}

impl Dialect for OpenGraph {
    fn platform(&self) -> &'static str {
        NAME
    }

    fn catalog(&self) -> &'static Catalog {
        static CATALOG: OnceLock<Catalog> = OnceLock::new();
        CATALOG.get_or_init(|| {
            let kinds = Kinds::built_in().edges().map(|(kind, about)| (kind, about.says == Says::Member));
            let own = [(CONTROL, false), (ADMINISTER, false)];
            Catalog::new(kinds.chain(own).map(|(name, member)| {
                let (service, level) = judged(name);
                Action {
                    name: Cow::Owned(name.to_owned()),
                    service: Cow::Owned(service.to_owned()),
                    level: if member { "list" } else { level },
                    recorded: Recorded::Never("a graph says what may be done, and no log is named by its edges"),
                }
            }))
        })
    }

    fn administration(&self) -> &'static str {
        ADMINISTER
    }

    fn scopes_act_alone(&self) -> bool {
        // An edge that leaves an organisation says nothing about who is in it.
        true
    }

    fn service_and_level<'a>(&self, action: &'a str) -> (Cow<'a, str>, &'static str) {
        let (service, level) = judged(action);
        (Cow::Borrowed(service), level)
    }
}

/// What a kind of edge counts under, its namespace, and how much it gives as far as its name tells.
fn judged(kind: &str) -> (&str, &'static str) {
    if kind == CONTROL || kind == ADMINISTER {
        return ("graph", "permissions");
    }
    let service = kind.split_once('_').map_or("graph", |(namespace, _)| namespace);
    let name = local(kind);
    let begins = |words: &[&str]| words.iter().any(|word| name.starts_with(word));
    let level = if begins(&["List", "View", "Has", "Uses", "Is", "MemberOf"]) {
        "list"
    } else if begins(&["Read", "Get", "Monitor", "Select", "Usage"]) {
        "read"
    } else {
        "write"
    };
    (service, level)
}
