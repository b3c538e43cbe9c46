//! Reads the small part of HCL that Vault policies are written in: blocks with labels, assignments, lists, objects.
//!
//! The parser keeps what it read up to the first mistake and says the line of that mistake, so that one bad block does
//! not hide the others before it. Time is linear; nesting is bounded.

use serde_json::{Map, Number, Value};

/// Blocks and lists nested deeper than this are refused: a policy has three levels.
const DEPTH_MAX: usize = 32;

/// One block: `path "secret/*" { … }` has the word `path` and one label.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    pub word: String,
    pub labels: Vec<String>,
    pub body: Map<String, Value>,
    /// Line on which the block begins, from 1.
    pub line: usize,
}

/// What is wrong, and on which line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    pub line: usize,
    pub message: String,
}

/// Reads a text; assignments at the top come as blocks without labels whose body has the one field `=`.
#[must_use]
pub fn parse(text: &str) -> (Vec<Block>, Option<Mistake>) {
    let mut parser = Parser { text, at: 0, line: 1 };
    let mut blocks = Vec::new();
    let outcome = parser.blocks(&mut blocks);
    (blocks, outcome.err())
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    line: usize,
}

type Parsed<T> = Result<T, Mistake>;

impl Parser<'_> {
    fn mistake<T>(&self, message: impl Into<String>) -> Parsed<T> {
        Err(Mistake { line: self.line, message: message.into() })
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Takes bytes that are known to be there, and counts lines.
    fn take(&mut self, length: usize) {
        let taken = self.rest().get(..length).unwrap_or_default();
        let (lines, bytes) = (taken.matches('\n').count(), taken.len());
        self.line += lines;
        self.at += bytes;
    }

    /// The next character that is neither blank nor comment, without taking it.
    fn peek(&mut self) -> Parsed<Option<char>> {
        loop {
            let rest = self.rest();
            let blank = rest.len() - rest.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}').len();
            if blank > 0 {
                self.take(blank);
            } else if rest.starts_with('#') || rest.starts_with("//") {
                let length = rest.find('\n').unwrap_or(rest.len());
                self.take(length);
            } else if rest.starts_with("/*") {
                match rest.find("*/") {
                    Some(end) => self.take(end + 2),
                    None => return self.mistake("a comment is not closed"),
                }
            } else {
                return Ok(rest.chars().next());
            }
        }
    }

    /// Takes a sign if it comes next.
    fn eat(&mut self, sign: char) -> Parsed<bool> {
        let is = self.peek()? == Some(sign);
        if is {
            self.take(sign.len_utf8());
        }
        Ok(is)
    }

    fn blocks(&mut self, out: &mut Vec<Block>) -> Parsed<()> {
        while self.peek()?.is_some() {
            let line = self.line;
            let word = self.key()?;
            let mut labels = Vec::new();
            let body = loop {
                match self.peek()? {
                    Some('=') => {
                        self.take(1);
                        if labels.is_empty() {
                            break Map::from_iter([("=".to_owned(), self.value(0)?)]);
                        }
                        // `path "x" = { … }` is the same as without the sign.
                        if self.peek()? != Some('{') {
                            return self.mistake("`{` is expected after a label");
                        }
                    }
                    Some('{') => break self.body(0)?,
                    Some(_) => labels.push(self.key()?),
                    None => return self.mistake(format!("`{word}` breaks off")),
                }
            };
            out.push(Block { word, labels, body, line });
            self.eat(',')?;
        }
        Ok(())
    }

    /// A word or a quoted text.
    fn key(&mut self) -> Parsed<String> {
        match self.peek()? {
            Some('"') => self.quoted(),
            Some(c) if is_word(c) => Ok(self.word()),
            Some(c) => self.mistake(format!("`{}` where a name is expected", c.escape_default())),
            None => self.mistake("a name is expected where the text ends"),
        }
    }

    fn word(&mut self) -> String {
        let rest = self.rest();
        let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        let word = rest[..length].to_owned();
        self.take(length);
        word
    }

    fn quoted(&mut self) -> Parsed<String> {
        let mut out = String::new();
        let mut characters = self.rest().char_indices().skip(1);
        let mut end = None;
        while let Some((at, c)) = characters.next() {
            match c {
                '"' => {
                    end = Some(at + 1);
                    break;
                }
                '\n' => break,
                '\\' => match characters.next().map(|(_, c)| c) {
                    Some('n') => out.push('\n'),
                    Some('t') => out.push('\t'),
                    Some('r') => out.push('\r'),
                    Some(c @ ('"' | '\\')) => out.push(c),
                    Some(c) => out.extend(['\\', c]),
                    None => break,
                },
                c => out.push(c),
            }
        }
        match end {
            Some(end) => {
                self.take(end);
                Ok(out)
            }
            None => self.mistake("a quoted text is not closed on its line"),
        }
    }

    /// What stands between braces.
    fn body(&mut self, depth: usize) -> Parsed<Map<String, Value>> {
        if depth > DEPTH_MAX {
            return self.mistake("blocks are nested too deeply");
        }
        self.take(1);
        let mut body = Map::new();
        loop {
            match self.peek()? {
                Some('}') => {
                    self.take(1);
                    return Ok(body);
                }
                Some(',' | ';') => self.take(1),
                Some(_) => {
                    let key = self.key()?;
                    let assigned = self.eat('=')? || self.eat(':')?;
                    let value = match (assigned, self.peek()?) {
                        (_, Some('{')) => Value::Object(self.body(depth + 1)?),
                        (true, _) => self.value(depth + 1)?,
                        (false, _) => return self.mistake(format!("`=` or `{{` is expected after `{key}`")),
                    };
                    body.insert(key, value);
                }
                None => return self.mistake("`}` is missing at the end of the text"),
            }
        }
    }

    fn value(&mut self, depth: usize) -> Parsed<Value> {
        if depth > DEPTH_MAX {
            return self.mistake("values are nested too deeply");
        }
        match self.peek()? {
            Some('"') => Ok(Value::String(self.quoted()?)),
            Some('{') => Ok(Value::Object(self.body(depth + 1)?)),
            Some('[') => {
                self.take(1);
                let mut list = Vec::new();
                while !self.eat(']')? {
                    list.push(self.value(depth + 1)?);
                    if !self.eat(',')? && self.peek()? != Some(']') {
                        return self.mistake("`,` or `]` is expected in a list");
                    }
                }
                Ok(Value::Array(list))
            }
            Some('<') => self.here_document(),
            Some(c) if is_word(c) => Ok(plain(&self.word())),
            Some(c) => self.mistake(format!("`{}` where a value is expected", c.escape_default())),
            None => self.mistake("a value is expected where the text ends"),
        }
    }

    /// A text of several lines between `<<WORD` and `WORD`.
    fn here_document(&mut self) -> Parsed<Value> {
        let rest = self.rest();
        let line_end = rest.find('\n').unwrap_or(rest.len());
        let mark = rest[..line_end].trim_start_matches(['<', '-']).trim().to_owned();
        if mark.is_empty() || !rest.starts_with("<<") {
            return self.mistake("`<` where a value is expected");
        }
        let (mut length, mut content) = (line_end, Vec::new());
        for line in rest[line_end..].split_inclusive('\n').skip(1) {
            length += line.len();
            if line.trim() == mark {
                let text = content.concat();
                self.take(length + usize::from(line_end < rest.len()));
                return Ok(Value::String(text));
            }
            content.push(line.to_owned());
        }
        self.mistake(format!("the text up to `{mark}` is not closed"))
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '+')
}

/// A word as a value.
fn plain(word: &str) -> Value {
    match word {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ => match word.parse::<i64>() {
            Ok(number) => Value::Number(Number::from(number)),
            Err(_) => Value::String(word.to_owned()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn policies_as_people_write_them_are_read() {
        let text = r#"
# team policy
path "secret/data/{{identity.entity.name}}/*" {
  capabilities = ["create", "read", # reads
    "list",]
  allowed_parameters = { "zip" = [], "*" = ["a", true, 3] }
  max_wrapping_ttl = "90m"
}
/* old
   style */ path "sys/*" = { policy = "deny" }
name = "team"
path "a" { required_parameters = ["x"] // end
  control_group { factor "ops" { identity { group_names = ["m"] } } } }
"#;
        // A nested block with a label is no part of a policy that decides anything: it is a mistake that is named.
        let (blocks, mistake) = parse(text);
        assert_eq!(blocks.len(), 3, "{blocks:?}");
        assert_eq!((blocks[0].line, blocks[0].labels[0].as_str()), (3, "secret/data/{{identity.entity.name}}/*"));
        assert_eq!(blocks[0].body["capabilities"], json!(["create", "read", "list"]));
        assert_eq!(blocks[0].body["allowed_parameters"], json!({"zip": [], "*": ["a", true, 3]}));
        assert_eq!((blocks[1].line, &blocks[1].body["policy"]), (10, &json!("deny")));
        assert_eq!(blocks[2].body["="], json!("team"));
        assert_eq!(mistake.map(|one| one.line), Some(13));
    }

    #[test]
    fn a_mistake_is_named_with_its_line_and_what_came_before_is_kept() {
        for (text, line, blocks) in [
            ("path \"a\" { capabilities = [\"read\"] }\npath \"b\" {\n  capabilities = [\"read\"", 3, 1),
            ("path \"a {\n}", 1, 0),
            ("path \"a\" {}\n\n)", 3, 1),
            ("path", 1, 0),
            ("path \"a\" = 1", 1, 0),
            ("/* x", 1, 0),
            ("a = <<EOT\nx\n", 1, 0),
        ] {
            let (found, mistake) = parse(text);
            assert_eq!((mistake.map(|one| one.line), found.len()), (Some(line), blocks), "{text:?}");
        }
        let deep = format!("a {}", "{ a ".repeat(1000));
        assert!(parse(&deep).1.is_some());
    }

    #[test]
    fn texts_of_several_lines_are_values() {
        let (blocks, mistake) = parse("a = <<EOT\nx\ny\nEOT\nb = 1\n");
        assert_eq!(mistake, None);
        assert_eq!(blocks[0].body["="], json!("x\ny\n"));
        assert_eq!((blocks[1].line, &blocks[1].body["="]), (5, &json!(1)));
    }
}
