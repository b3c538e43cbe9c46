//! Conditions of bindings: the part of the Common Expression Language that they are written in, and what follows from
//! them without knowing the request.
//!
//! An expression is read into conjunctions, disjunctions and atoms. Atoms on the resource's name, type and service, and
//! on the time of the request, can be decided; every other one is open, and three-valued logic says what that leaves.

use crate::model::text::parse_time;

/// Longer expressions are not read: Google allows far less.
const TEXT_BYTES_MAX: usize = 16 * 1024;
/// Brackets nested deeper are not read.
const DEPTH_MAX: usize = 32;

/// What an atom is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    Name,
    Type,
    Service,
}

/// How a text is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compare {
    Equal,
    StartsWith,
    EndsWith,
}

/// A statement that is true or false of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Atom {
    /// On the resource.
    Resource { subject: Subject, compare: Compare, value: String },
    /// The request is made before this time in milliseconds since 1970, or else at that time or after it.
    Before(i64),
    /// A constant.
    Is(bool),
    /// What is not decided.
    Open,
}

/// A condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Atom(Atom),
}

/// A condition, split into the times between which it can hold and the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Windowed {
    /// First instant at which it can hold.
    pub starts_at: Option<i64>,
    /// First instant at which it can hold no more.
    pub expires_at: Option<i64>,
    /// What must hold besides; `None` when nothing.
    pub rest: Option<Condition>,
}

impl Condition {
    /// Reads an expression; `None` when it is none, or has parts that this reader does not know the form of.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > TEXT_BYTES_MAX {
            return None;
        }
        let mut parser = Parser { text, at: 0 };
        let condition = parser.any(0)?;
        parser.blanks();
        (parser.at == text.len()).then_some(condition)
    }

    /// What follows when some atoms are decided: `None` when it stays open.
    pub fn holds(&self, decide: &dyn Fn(&Atom) -> Option<bool>) -> Option<bool> {
        match self {
            Self::All(parts) => {
                let parts: Vec<Option<bool>> = parts.iter().map(|part| part.holds(decide)).collect();
                if parts.contains(&Some(false)) { Some(false) } else { parts.into_iter().all(|p| p.is_some()).then_some(true) }
            }
            Self::Any(parts) => {
                let parts: Vec<Option<bool>> = parts.iter().map(|part| part.holds(decide)).collect();
                if parts.contains(&Some(true)) { Some(true) } else { parts.into_iter().all(|p| p.is_some()).then_some(false) }
            }
            Self::Not(inner) => inner.holds(decide).map(|holds| !holds),
            Self::Atom(Atom::Is(constant)) => Some(*constant),
            Self::Atom(atom) => decide(atom),
        }
    }

    /// Every atom of it.
    pub fn atoms(&self) -> Vec<&Atom> {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::atoms).collect(),
            Self::Not(inner) => inner.atoms(),
            Self::Atom(atom) => vec![atom],
        }
    }

    /// Takes off the times that it asks for in so many words.
    #[must_use]
    pub fn windowed(self) -> Windowed {
        let parts = match self {
            Self::All(parts) => parts,
            other => vec![other],
        };
        let mut out = Windowed { starts_at: None, expires_at: None, rest: None };
        let mut rest = Vec::new();
        for part in parts {
            match part {
                Self::Atom(Atom::Before(time)) => {
                    out.expires_at = Some(out.expires_at.map_or(time, |known: i64| known.min(time)));
                }
                Self::Not(inner) if matches!(*inner, Self::Atom(Atom::Before(_))) => {
                    if let Self::Atom(Atom::Before(time)) = *inner {
                        out.starts_at = Some(out.starts_at.map_or(time, |known: i64| known.max(time)));
                    }
                }
                Self::Atom(Atom::Is(true)) => {}
                other => rest.push(other),
            }
        }
        out.rest = match rest.len() {
            0 => None,
            1 => rest.pop(),
            _ => Some(Self::All(rest)),
        };
        out
    }
}

/// A value that is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Operand {
    /// A path of names: `resource.name`.
    Path(String),
    Text(String),
    Time(i64),
    Texts(Vec<String>),
    Bool(bool),
    /// A call of a method of a path with a text: `resource.name.startsWith("x")`.
    Call(String, String),
    /// A bracket that holds a condition.
    Inner(Condition),
    /// Something else that is well formed.
    Other,
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Parser<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn blanks(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    /// Takes a mark if it comes next.
    fn take(&mut self, mark: &str) -> bool {
        self.blanks();
        let found = self.rest().starts_with(mark);
        if found {
            self.at += mark.len();
        }
        found
    }

    fn any(&mut self, depth: usize) -> Option<Condition> {
        let mut parts = vec![self.all(depth)?];
        while self.take("||") {
            parts.push(self.all(depth)?);
        }
        if parts.len() == 1 { parts.pop() } else { Some(Condition::Any(parts)) }
    }

    fn all(&mut self, depth: usize) -> Option<Condition> {
        let mut parts = Vec::new();
        loop {
            match self.one(depth)? {
                Condition::All(inner) => parts.extend(inner),
                other => parts.push(other),
            }
            if !self.take("&&") {
                break;
            }
        }
        if parts.len() == 1 { parts.pop() } else { Some(Condition::All(parts)) }
    }

    fn one(&mut self, depth: usize) -> Option<Condition> {
        if depth > DEPTH_MAX {
            return None;
        }
        self.blanks();
        if self.rest().starts_with('!') && !self.rest().starts_with("!=") {
            self.at += 1;
            return Some(Condition::Not(Box::new(self.one(depth + 1)?)));
        }
        let left = self.operand(depth)?;
        for mark in ["==", "!=", "<=", ">=", "<", ">", "in "] {
            if self.take(mark) {
                let right = self.operand(depth)?;
                return Some(compared(&left, mark, &right));
            }
        }
        Some(match left {
            Operand::Inner(condition) => condition,
            Operand::Bool(constant) => Condition::Atom(Atom::Is(constant)),
            Operand::Call(path, value) => called(&path, value),
            _ => Condition::Atom(Atom::Open),
        })
    }

    /// A value with what is added to it or taken from it.
    fn operand(&mut self, depth: usize) -> Option<Operand> {
        let first = self.value(depth)?;
        let mut out = first;
        while ["+", "-", "*", "%"].iter().any(|mark| self.take(mark)) {
            self.value(depth)?;
            out = Operand::Other;
        }
        Some(out)
    }

    fn value(&mut self, depth: usize) -> Option<Operand> {
        if depth > DEPTH_MAX {
            return None;
        }
        self.blanks();
        let value = match self.rest().chars().next()? {
            '(' => {
                self.at += 1;
                let inner = self.any(depth + 1)?;
                if !self.take(")") {
                    return None;
                }
                Operand::Inner(inner)
            }
            '"' | '\'' => Operand::Text(self.string()?),
            '[' => self.list(depth)?,
            '0'..='9' => {
                self.word(|c| c.is_ascii_alphanumeric() || c == '.');
                Operand::Other
            }
            c if c.is_ascii_alphabetic() || c == '_' => self.named(depth)?,
            _ => return None,
        };
        self.methods(value, depth)
    }

    fn word(&mut self, of: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|c| !of(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn string(&mut self) -> Option<String> {
        let mut out = String::new();
        let mut chars = self.rest().char_indices();
        let (_, quote) = chars.next()?;
        while let Some((at, c)) = chars.next() {
            match c {
                c if c == quote => {
                    self.at += at + c.len_utf8();
                    return Some(out);
                }
                '\\' => out.push(chars.next()?.1),
                c => out.push(c),
            }
        }
        None
    }

    fn list(&mut self, depth: usize) -> Option<Operand> {
        self.at += 1;
        let mut texts = Some(Vec::new());
        while !self.take("]") {
            match (self.value(depth + 1)?, &mut texts) {
                (Operand::Text(text), Some(texts)) => texts.push(text),
                _ => texts = None,
            }
            self.take(",");
        }
        Some(texts.map_or(Operand::Other, Operand::Texts))
    }

    /// A name, or a call of a function.
    fn named(&mut self, depth: usize) -> Option<Operand> {
        let name = self.word(|c| c.is_ascii_alphanumeric() || c == '_');
        match name {
            "true" => return Some(Operand::Bool(true)),
            "false" => return Some(Operand::Bool(false)),
            _ => {}
        }
        if !self.take("(") {
            return Some(Operand::Path(name.to_owned()));
        }
        let arguments = self.arguments(depth)?;
        Some(match (name, arguments.as_slice()) {
            ("timestamp", [Operand::Text(text)]) => parse_time(text).map_or(Operand::Other, Operand::Time),
            _ => Operand::Other,
        })
    }

    fn arguments(&mut self, depth: usize) -> Option<Vec<Operand>> {
        let mut out = Vec::new();
        while !self.take(")") {
            out.push(self.operand(depth + 1)?);
            self.take(",");
        }
        Some(out)
    }

    /// Fields and methods of a value.
    fn methods(&mut self, mut value: Operand, depth: usize) -> Option<Operand> {
        loop {
            if self.take("[") {
                self.value(depth + 1)?;
                if !self.take("]") {
                    return None;
                }
                value = Operand::Other;
            } else if self.take(".") {
                self.blanks();
                let name = self.word(|c| c.is_ascii_alphanumeric() || c == '_');
                if name.is_empty() {
                    return None;
                }
                if self.take("(") {
                    let arguments = self.arguments(depth)?;
                    value = match (value, arguments.as_slice()) {
                        (Operand::Path(path), [Operand::Text(text)]) => {
                            Operand::Call(format!("{path}.{name}"), text.clone())
                        }
                        _ => Operand::Other,
                    };
                } else {
                    value = match value {
                        Operand::Path(path) => Operand::Path(format!("{path}.{name}")),
                        _ => Operand::Other,
                    };
                }
            } else {
                return Some(value);
            }
        }
    }
}

fn subject(path: &str) -> Option<Subject> {
    match path {
        "resource.name" => Some(Subject::Name),
        "resource.type" => Some(Subject::Type),
        "resource.service" => Some(Subject::Service),
        _ => None,
    }
}

fn resource(subject: Subject, compare: Compare, value: &str) -> Condition {
    Condition::Atom(Atom::Resource { subject, compare, value: value.to_owned() })
}

fn not(condition: Condition) -> Condition {
    Condition::Not(Box::new(condition))
}

fn called(path: &str, value: String) -> Condition {
    let (of, method) = path.rsplit_once('.').unwrap_or((path, ""));
    let compare = match method {
        "startsWith" => Compare::StartsWith,
        "endsWith" => Compare::EndsWith,
        _ => return Condition::Atom(Atom::Open),
    };
    subject(of).map_or(Condition::Atom(Atom::Open), |subject| {
        Condition::Atom(Atom::Resource { subject, compare, value })
    })
}

/// A comparison. A point of time counts as before or not: times are in milliseconds, and requests are not made on the
/// instant.
fn compared(left: &Operand, mark: &str, right: &Operand) -> Condition {
    let before = |time: &i64| Condition::Atom(Atom::Before(*time));
    match (left, mark.trim(), right) {
        (Operand::Path(path), "<" | "<=", Operand::Time(time)) if path == "request.time" => before(time),
        (Operand::Path(path), ">" | ">=", Operand::Time(time)) if path == "request.time" => not(before(time)),
        (Operand::Time(time), ">" | ">=", Operand::Path(path)) if path == "request.time" => before(time),
        (Operand::Time(time), "<" | "<=", Operand::Path(path)) if path == "request.time" => not(before(time)),
        (Operand::Path(path), "==", Operand::Text(text)) | (Operand::Text(text), "==", Operand::Path(path)) => {
            subject(path).map_or(Condition::Atom(Atom::Open), |subject| resource(subject, Compare::Equal, text))
        }
        (Operand::Path(path), "!=", Operand::Text(text)) | (Operand::Text(text), "!=", Operand::Path(path)) => {
            subject(path).map_or(Condition::Atom(Atom::Open), |subject| not(resource(subject, Compare::Equal, text)))
        }
        (Operand::Path(path), "in", Operand::Texts(texts)) => {
            let Some(subject) = subject(path) else { return Condition::Atom(Atom::Open) };
            Condition::Any(texts.iter().map(|text| resource(subject, Compare::Equal, text)).collect())
        }
        (Operand::Bool(a), "==", Operand::Bool(b)) => Condition::Atom(Atom::Is(a == b)),
        _ => Condition::Atom(Atom::Open),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a condition comes to for a resource of this name and type; times stay open.
    fn on(text: &str, name: &str, kind: &str) -> Option<bool> {
        Condition::parse(text)?.holds(&|atom| match atom {
            Atom::Resource { subject, compare, value } => {
                let own = match subject {
                    Subject::Name => name,
                    Subject::Type => kind,
                    Subject::Service => kind.split('/').next().unwrap_or_default(),
                };
                Some(match compare {
                    Compare::Equal => own == value,
                    Compare::StartsWith => own.starts_with(value.as_str()),
                    Compare::EndsWith => own.ends_with(value.as_str()),
                })
            }
            _ => None,
        })
    }

    #[test]
    fn names_types_and_services_are_decided_and_the_rest_stays_open() {
        let bucket = "storage.googleapis.com/Bucket";
        for (text, name, expected) in [
            (r#"resource.name.startsWith("projects/_/buckets/a")"#, "projects/_/buckets/abc", Some(true)),
            (r#"resource.name.startsWith('projects/_/buckets/b')"#, "projects/_/buckets/abc", Some(false)),
            (r#"resource.name == "x" || resource.name.endsWith("bc")"#, "abc", Some(true)),
            (r#"resource.type == "storage.googleapis.com/Bucket" && resource.name != "abc""#, "abc", Some(false)),
            (r#"resource.service == "storage.googleapis.com""#, "abc", Some(true)),
            (r#"!(resource.type in ["a", "storage.googleapis.com/Bucket"])"#, "abc", Some(false)),
            (r#"resource.matchTag("123/env", "prod")"#, "abc", None),
            (r#"resource.matchTag("123/env", "prod") && resource.name == "x""#, "abc", Some(false)),
            (r#"resource.matchTag("123/env", "prod") || resource.name == "abc""#, "abc", Some(true)),
            (r#"request.time.getHours("Europe/Berlin") >= 9 && resource.name == "abc""#, "abc", None),
            (r#"api.getAttribute("iam.googleapis.com/modifiedGrantsByRole", []).hasOnly(["roles/viewer"])"#, "abc", None),
            ("true", "abc", Some(true)),
            ("resource.name.extract(\"buckets/{b}/\") == \"abc\"", "abc", None),
            ("destination.port in [22, 80]", "abc", None),
            ("resource.name.startsWith(", "abc", None),
            ("a && ", "abc", None),
        ] {
            assert_eq!(on(text, name, bucket), expected, "{text}");
        }
    }

    #[test]
    fn times_are_taken_off_and_what_else_is_asked_stays() {
        let time = |text: &str| parse_time(text);
        let window = |text: &str| Condition::parse(text).map(Condition::windowed);
        let one = window(r#"request.time < timestamp("2026-01-01T00:00:00Z")"#).unwrap();
        assert_eq!((one.starts_at, one.expires_at, one.rest), (None, time("2026-01-01T00:00:00Z"), None));
        let two = window(
            r#"request.time >= timestamp('2025-01-01T00:00:00.000Z') && timestamp("2026-01-01T00:00:00Z") > request.time && resource.name == "x""#,
        )
        .unwrap();
        assert_eq!((two.starts_at, two.expires_at), (time("2025-01-01T00:00:00Z"), time("2026-01-01T00:00:00Z")));
        assert!(two.rest.is_some_and(|rest| matches!(rest, Condition::Atom(Atom::Resource { .. }))));
        let open = window(r#"request.time < timestamp("2026-01-01T00:00:00Z") + duration("3600s")"#).unwrap();
        assert_eq!((open.expires_at, open.rest), (None, Some(Condition::Atom(Atom::Open))));
        let either = window(r#"request.time < timestamp("2026-01-01T00:00:00Z") || resource.name == "x""#).unwrap();
        assert_eq!(either.expires_at, None);
    }

    #[test]
    fn hostile_expressions_end() {
        assert_eq!(Condition::parse(&"(".repeat(10_000)), None);
        assert_eq!(Condition::parse(&"!".repeat(10_000)), None);
        assert_eq!(Condition::parse(&"[".repeat(10_000)), None);
        assert_eq!(Condition::parse(&"a.b(".repeat(4_000)), None);
        assert_eq!(Condition::parse("\"\\"), None);
    }
}
