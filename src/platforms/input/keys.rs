//! Looks for lists among the keys of an object without parsing it.

/// Follows the keys at the top of one object, byte by byte.
#[derive(Default)]
pub struct Keys {
    depth: usize,
    quoted: bool,
    escaped: bool,
    /// Whether the text at the top that comes or came last is a key.
    key: bool,
    /// The latest key.
    pub name: Vec<u8>,
}

/// What a byte shows.
pub enum Step {
    /// Nothing that matters.
    More,
    /// An array begins under the key `name`.
    List,
    /// The object ends.
    End,
}

impl Keys {
    /// Takes the next byte of the object.
    pub fn step(&mut self, byte: u8) -> Step {
        if self.quoted {
            if self.escaped {
                self.escaped = false;
            } else if byte == b'\\' {
                self.escaped = true;
            } else if byte == b'"' {
                self.quoted = false;
                return Step::More;
            }
            if self.depth == 1 && self.key {
                self.name.push(byte);
            }
            return Step::More;
        }
        match byte {
            b'"' => {
                self.quoted = true;
                if self.depth == 1 && self.key {
                    self.name.clear();
                }
            }
            b':' if self.depth == 1 => self.key = false,
            b',' if self.depth == 1 => self.key = true,
            b'{' | b'[' => {
                self.depth += 1;
                if self.depth == 1 {
                    self.key = true;
                } else if self.depth == 2 && byte == b'[' {
                    return Step::List;
                }
            }
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                if self.depth == 0 {
                    return Step::End;
                }
            }
            _ => {}
        }
        Step::More
    }
}
