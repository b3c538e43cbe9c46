//! Access privileges as the catalogue keeps them: `{alice=arw*d/owner,=r/owner}`.

/// One entry of an access control list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AclItem {
    /// `None` for everyone (PUBLIC).
    pub grantee: Option<String>,
    /// Privileges, each with whether it may be passed on.
    pub privileges: Vec<(&'static str, bool)>,
    pub grantor: String,
}

/// Letters of privileges.
const LETTERS: [(char, &str); 15] = [
    ('r', "SELECT"),
    ('a', "INSERT"),
    ('w', "UPDATE"),
    ('d', "DELETE"),
    ('D', "TRUNCATE"),
    ('x', "REFERENCES"),
    ('t', "TRIGGER"),
    ('m', "MAINTAIN"),
    ('X', "EXECUTE"),
    ('U', "USAGE"),
    ('C', "CREATE"),
    ('c', "CONNECT"),
    ('T', "TEMPORARY"),
    ('s', "SET"),
    ('A', "ALTER SYSTEM"),
];

/// Takes the text of an `aclitem[]` apart into its elements; `None` when it is none.
#[must_use]
pub fn elements(text: &str) -> Option<Vec<String>> {
    let inner = text.trim().strip_prefix('{')?.strip_suffix('}')?;
    let (mut found, mut one, mut quoted, mut escaped) = (Vec::new(), String::new(), false, false);
    for c in inner.chars() {
        match c {
            _ if escaped => {
                one.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            ',' if !quoted => found.push(std::mem::take(&mut one)),
            c => one.push(c),
        }
    }
    if quoted || escaped {
        return None;
    }
    if !inner.is_empty() {
        found.push(one);
    }
    Some(found)
}

/// Reads one entry; `None` when it is none.
#[must_use]
pub fn item(text: &str) -> Option<AclItem> {
    // Older versions write `group NAME=…` for roles without a login.
    let text = text.strip_prefix("group ").unwrap_or(text);
    let (grantee, rest) = name(text)?;
    let rest = rest.strip_prefix('=')?;
    let (letters, grantor) = rest.split_once('/')?;
    let mut privileges: Vec<(&'static str, bool)> = Vec::new();
    for letter in letters.chars() {
        if letter == '*' {
            privileges.last_mut()?.1 = true;
        } else {
            privileges.push((LETTERS.iter().find(|(own, _)| *own == letter)?.1, false));
        }
    }
    let (grantor, _) = name(grantor)?;
    Some(AclItem { grantee: (!grantee.is_empty()).then_some(grantee), privileges, grantor })
}

/// A name at the beginning, quoted where it needs to be, and what follows.
fn name(text: &str) -> Option<(String, &str)> {
    let Some(mut rest) = text.strip_prefix('"') else {
        let end = text.find('=').unwrap_or(text.len());
        return Some((text[..end].to_owned(), &text[end..]));
    };
    let mut out = String::new();
    loop {
        let end = rest.find('"')?;
        out.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            // Two quotes are one.
            Some(after) => {
                out.push('"');
                rest = after;
            }
            None => return Some((out, rest)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<(Option<String>, String, String)> {
        let one = |item: AclItem| {
            let letters: Vec<String> = item
                .privileges
                .iter()
                .map(|(name, grant)| format!("{name}{}", if *grant { "*" } else { "" }))
                .collect();
            (item.grantee, letters.join(","), item.grantor)
        };
        elements(text).unwrap().iter().map(|text| one(item(text).unwrap())).collect()
    }

    /// The example of the PostgreSQL documentation ("Privileges"), and names that need quotes.
    #[test]
    fn lists_are_read_as_the_documentation_explains_them() {
        let of = |grantee: Option<&str>, letters: &str, grantor: &str| {
            (grantee.map(str::to_owned), letters.to_owned(), grantor.to_owned())
        };
        assert_eq!(
            told("{miriam=arwdDxtm/miriam,=r/miriam,admin=arw/miriam}"),
            [
                of(Some("miriam"), "INSERT,SELECT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER,MAINTAIN", "miriam"),
                of(None, "SELECT", "miriam"),
                of(Some("admin"), "INSERT,SELECT,UPDATE", "miriam"),
            ]
        );
        assert_eq!(
            told(r#"{"\"a b\"=r*w/\"x\"\"y\"","group ops=U/joe"}"#),
            [of(Some("a b"), "SELECT*,UPDATE", "x\"y"), of(Some("ops"), "USAGE", "joe")]
        );
        assert_eq!(told("{}"), []);
    }

    #[test]
    fn what_is_no_list_is_told() {
        for text in ["", "x", "{a", "{\"a}", "a=r/b"] {
            assert_eq!(elements(text), None, "{text}");
        }
        for text in ["a", "a=r", "a=?/b", "a=*r/b", "\"a=r/b"] {
            assert_eq!(item(text), None, "{text}");
        }
    }
}
