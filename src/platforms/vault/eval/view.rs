//! One class opened for questions.
//!
//! Questions are `CAPABILITY`, on the API path of a resource, or `CAPABILITY:PATH` for a path of its own. In a path, a
//! segment `+` stands for any name, `{name}`, `{path}` and `{mount}` for those of the target, and `<approle>` for every
//! auth method of that type.

use roaring::RoaringBitmap;

use super::super::acl::{Acl, FRESH};
use super::super::policy::Caps;
use super::super::{NAME, catalog, names};
use super::{Method, access};
use crate::model::{Access, Certainty, Entity, Tables};
use crate::platforms::{Ask, Class, On, Reach, Standpoint, View};

/// What one token may do; the greater is the better answer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// No, by these statements, or because none matches.
    No(Vec<u32>),
    /// Policies that are in no export decide; the statements that allow without them.
    Unknown(Vec<String>, Vec<u32>),
    /// As far as the request stays within limits.
    Limited(Vec<String>, Vec<u32>),
    Yes(Vec<u32>),
}

impl Outcome {
    fn rank(&self) -> u8 {
        match self {
            Self::No(_) => 0,
            Self::Unknown(..) => 1,
            Self::Limited(..) => 2,
            Self::Yes(_) => 3,
        }
    }

    /// Both: the worse of two answers, with what each stands on.
    fn and(self, other: Self) -> Self {
        let (worse, better) = if self.rank() <= other.rank() { (self, other) } else { (other, self) };
        let (Self::No(more) | Self::Unknown(_, more) | Self::Limited(_, more) | Self::Yes(more)) = better;
        match worse {
            Self::No(grants) => Self::No(grants),
            Self::Unknown(why, grants) => Self::Unknown(why, [grants, more].concat()),
            Self::Limited(why, grants) => Self::Limited(why, [grants, more].concat()),
            Self::Yes(grants) => Self::Yes([grants, more].concat()),
        }
    }

    /// What an edge stands on; `None` for no.
    fn standpoint(self) -> Option<Standpoint> {
        let (certainty, reasons, mut evidence) = match self {
            Self::No(_) => return None,
            Self::Yes(grants) => (Certainty::Certain, Vec::new(), grants),
            Self::Limited(why, grants) => (Certainty::Conditional, why, grants),
            Self::Unknown(missing, grants) => (Certainty::Conditional, missing_reasons(&missing), grants),
        };
        evidence.sort_unstable();
        evidence.dedup();
        Some(Standpoint { certainty, reasons, evidence })
    }
}

fn missing_reasons(missing: &[String]) -> Vec<String> {
    missing.iter().map(|name| format!("the policy `{name}` is not in the export")).collect()
}

/// A question.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Capabilities that are all needed.
    caps: Caps,
    pub path: Option<String>,
}

impl Asked {
    /// Reads an action.
    #[must_use]
    pub fn parse(action: &str) -> Option<Self> {
        let text = action.strip_prefix("acl:").unwrap_or(action);
        let (cap, path) = text.split_once(':').map_or((text, None), |(cap, path)| (cap, Some(path.to_owned())));
        // Older policies for everything are without `patch`.
        let caps = if cap == "*" { Caps(Caps::ALL.0 & !Caps::named("patch")?.0) } else { Caps::named(cap)? };
        Some(Self { caps, path })
    }

    /// The answer for one path and one token.
    #[must_use]
    pub fn outcome(&self, acl: &Acl, path: &str) -> Outcome {
        let mut all: Option<Outcome> = None;
        for capability in self.caps.names() {
            let one = single(acl, capability, path);
            all = Some(match all {
                Some(all) => all.and(one),
                None => one,
            });
        }
        all.unwrap_or(Outcome::No(Vec::new()))
    }
}

fn single(acl: &Acl, capability: &str, path: &str) -> Outcome {
    if acl.root {
        return Outcome::Yes(Vec::new());
    }
    let list = capability == "list";
    let path = if list && !path.ends_with('/') { format!("{path}/") } else { path.to_owned() };
    let mut needed = Caps::named(capability).unwrap_or_default();
    if catalog::is_protected(&path) || (list && catalog::is_protected(path.trim_end_matches('/'))) {
        needed.add(Caps::named("sudo").unwrap_or_default());
    }
    let entry = acl.entry(&path, list);
    let Some(entry) = entry.filter(|entry| !entry.deny && entry.caps.has(needed)) else {
        let grants = entry.map(|entry| entry.grants.clone()).unwrap_or_default();
        return if acl.missing.is_empty() {
            Outcome::No(grants)
        } else {
            Outcome::Unknown(acl.missing.clone(), Vec::new())
        };
    };
    if !acl.missing.is_empty() {
        return Outcome::Unknown(acl.missing.clone(), entry.grants.clone());
    }
    let writes = matches!(capability, "create" | "update" | "patch");
    if writes && !entry.limits.is_empty() {
        return Outcome::Limited(entry.limits.clone(), entry.grants.clone());
    }
    Outcome::Yes(entry.grants.clone())
}

/// Whether anything at all is allowed.
#[must_use]
pub fn somewhere(acl: &Acl, asked: &Asked) -> Outcome {
    if acl.root {
        return Outcome::Yes(Vec::new());
    }
    let samples = acl.patterns().iter().flat_map(|pattern| acl.samples(pattern));
    let found = samples.map(|path| asked.outcome(acl, &path)).max_by_key(Outcome::rank);
    let nothing = || asked.outcome(acl, FRESH);
    found.filter(|one| one.rank() > 0).unwrap_or_else(nothing)
}

/// Places that everything has to include.
fn everywhere() -> [String; 5] {
    [
        FRESH.to_owned(),
        format!("sys/policies/acl/{FRESH}"),
        format!("sys/auth/{FRESH}"),
        format!("auth/{FRESH}/role/{FRESH}"),
        format!("identity/entity/id/{FRESH}"),
    ]
}

/// A class with what each of its tokens may do.
pub struct ClassView<'c> {
    pub tables: &'c Tables,
    pub(super) methods: &'c [Method],
    pub class: &'c Class,
    pub acls: Vec<Acl>,
}

impl ClassView<'_> {
    /// The best of the answers for some paths over all tokens.
    fn best(&self, asked: &Asked, paths: impl Fn(&Acl) -> Vec<String>) -> Outcome {
        let of_acl = |acl: &Acl| paths(acl).iter().map(|path| asked.outcome(acl, path)).max_by_key(Outcome::rank);
        self.acls.iter().filter_map(of_acl).max_by_key(Outcome::rank).unwrap_or(Outcome::No(Vec::new()))
    }

    /// A path with the auth methods that it means.
    fn expanded(&self, path: &str) -> Vec<String> {
        let Some((kind, rest)) = path.strip_prefix('<').and_then(|path| path.split_once('>')) else {
            return vec![path.to_owned()];
        };
        let own = self.methods.iter().filter(|one| one.cluster == self.class.scope && one.kind == kind);
        own.map(|method| format!("{}{rest}", method.path)).collect()
    }

    fn paths(&self, acl: &Acl, path: &str) -> Vec<String> {
        self.expanded(path).iter().flat_map(|path| acl.witnesses(path)).collect()
    }
}

/// A path of a question with the names of the target put in; `None` when the target has no such part.
fn of_target(path: &str, target: &Entity) -> Option<String> {
    let own = names::path(&target.id);
    let mount = || {
        let at = ["/role/", "/roles/", "/users/", "/groups/", "/static-roles/", "/certs/"]
            .iter()
            .filter_map(|mark| own.rfind(mark))
            .max()?;
        Some(&own[..at])
    };
    let mut path = path.replace("{name}", &target.name).replace("{path}", own);
    if path.contains("{mount}") {
        path = path.replace("{mount}", mount()?);
    }
    Some(path)
}

impl View for ClassView<'_> {
    fn targets(&self, ask: &Ask, among: &RoaringBitmap) -> Reach {
        let mut reach = Reach::default();
        let Some(asked) = Asked::parse(&ask.action) else { return reach };
        let cluster = &self.tables.entity(self.class.scope).id;
        for id in among {
            let Some(target) = self.tables.entities.get(id as usize) else { continue };
            if target.platform != NAME || names::cluster(&target.id) != cluster {
                continue;
            }
            let path = match &asked.path {
                Some(path) => of_target(path, target),
                None => Some(names::path(&target.id).to_owned()),
            };
            let Some(path) = path.filter(|path| !path.is_empty()) else { continue };
            match self.best(&asked, |acl| self.paths(acl, &path)) {
                Outcome::No(_) => {}
                Outcome::Yes(grants) => {
                    reach.certain.insert(id);
                    reach.possible.insert(id);
                    reach.evidence.extend(grants);
                }
                Outcome::Limited(why, grants) => {
                    reach.possible.insert(id);
                    reach.reasons.extend(why);
                    reach.open_evidence.extend(grants);
                }
                Outcome::Unknown(missing, grants) => {
                    reach.possible.insert(id);
                    reach.reasons.extend(missing_reasons(&missing));
                    reach.open_evidence.extend(grants);
                }
            }
        }
        reach.tidy();
        reach
    }

    fn anywhere(&self, ask: &Ask, on: On) -> Option<Standpoint> {
        let asked = Asked::parse(&ask.action)?;
        let outcome = match (&asked.path, on) {
            (Some(path), _) => self.best(&asked, |acl| self.paths(acl, path)),
            (None, On::Something) => {
                let found = self.acls.iter().map(|acl| somewhere(acl, &asked)).max_by_key(Outcome::rank);
                found.unwrap_or(Outcome::No(Vec::new()))
            }
            (None, On::Everything) => {
                let whole = |acl: &Acl| everywhere().iter().map(|path| asked.outcome(acl, path)).reduce(Outcome::and);
                let found = self.acls.iter().filter_map(whole).max_by_key(Outcome::rank);
                found.unwrap_or(Outcome::No(Vec::new()))
            }
        };
        outcome.standpoint()
    }

    fn together(&self, asks: &[Ask]) -> Option<Standpoint> {
        let asked: Vec<Asked> = asks.iter().map(|ask| Asked::parse(&ask.action)).collect::<Option<_>>()?;
        let mut best = Outcome::No(Vec::new());
        for acl in &self.acls {
            for paths in common(self, acl, &asked) {
                let all = asked.iter().zip(&paths).map(|(one, path)| one.outcome(acl, path)).reduce(Outcome::and);
                if let Some(all) = all.filter(|all| all.rank() > best.rank()) {
                    best = all;
                }
            }
        }
        best.standpoint()
    }

    fn manages_permissions(&self) -> Option<Standpoint> {
        self.anywhere(&Ask { action: "acl:update:sys/policies/acl/+".to_owned(), pins: Vec::new() }, On::Something)
    }

    fn access(&self) -> Vec<Access> {
        access::rows(self)
    }
}

/// Paths for all questions at once: the same method and the same name in each.
fn common(view: &ClassView<'_>, acl: &Acl, asked: &[Asked]) -> Vec<Vec<String>> {
    if asked.iter().all(|one| one.path.is_none()) {
        let samples = acl.patterns().iter().flat_map(|pattern| acl.samples(pattern));
        return samples.chain([FRESH.to_owned()]).map(|path| vec![path; asked.len()]).collect();
    }
    let patterns: Vec<Vec<String>> =
        asked.iter().map(|one| one.path.as_ref().map(|path| view.expanded(path)).unwrap_or_default()).collect();
    let methods = patterns.iter().map(Vec::len).max().unwrap_or(0);
    let mut out = Vec::new();
    for method in 0..methods {
        // A question about one path stands beside every method.
        let own: Option<Vec<&String>> =
            patterns.iter().map(|list| if list.len() == 1 { list.first() } else { list.get(method) }).collect();
        let Some(own) = own else { continue };
        let mut names = vec![FRESH.to_owned()];
        for pattern in &own {
            let Some(at) = pattern.split('/').position(|segment| segment == "+") else { continue };
            names.extend(acl.witnesses(pattern).iter().filter_map(|path| path.split('/').nth(at)).map(str::to_owned));
        }
        names.sort();
        names.dedup();
        for name in names {
            let named = |pattern: &&String| {
                let segments: Vec<&str> =
                    pattern.split('/').map(|segment| if segment == "+" { name.as_str() } else { segment }).collect();
                segments.join("/")
            };
            out.push(own.iter().map(named).collect());
        }
    }
    out
}
