//! Lifts what stands under `graph` to the top of the document, so that the splitter finds the lists there.
//!
//! `{"metadata":…,"graph":{"nodes":[…],"edges":[…]}}` becomes `{"metadata":…,"graph":0,"nodes":[…],"edges":[…]}` while it
//! is read; nothing is held but one chunk. Brackets and quotes are followed as in [`crate::platforms::input::json`], so
//! that a document which is broken further in stays as broken as it was.

use std::io::{self, Read};

/// Bytes asked of the file at a time.
const CHUNK_BYTES: usize = 64 * 1024;

/// A stream in which `graph` is lifted.
pub struct Flatten<R> {
    inner: R,
    chunk: Vec<u8>,
    ready: Vec<u8>,
    at: usize,
    depth: usize,
    quoted: bool,
    escaped: bool,
    /// The latest text at the top, and whether a colon followed it.
    key: Vec<u8>,
    colon: bool,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Outside `graph`.
    Outside,
    /// Right behind the bracket that opens it.
    Opened,
    /// In it.
    Inside,
}

impl<R: Read> Flatten<R> {
    /// Lifts `graph` in a text.
    pub fn new(inner: R) -> Self {
        Self {
            inner,
            chunk: vec![0; CHUNK_BYTES],
            ready: Vec::new(),
            at: 0,
            depth: 0,
            quoted: false,
            escaped: false,
            key: Vec::new(),
            colon: false,
            state: State::Outside,
        }
    }

    fn step(&mut self, byte: u8) {
        if self.quoted {
            self.text(byte);
            self.ready.push(byte);
            return;
        }
        if self.state == State::Opened && !byte.is_ascii_whitespace() {
            self.state = State::Inside;
            if byte != b'}' {
                self.ready.push(b',');
            }
        }
        match byte {
            b'"' => {
                self.quoted = true;
                if self.depth == 1 && self.state == State::Outside && !self.colon {
                    self.key.clear();
                }
            }
            b':' if self.depth == 1 => self.colon = true,
            b',' if self.depth == 1 => self.colon = false,
            b'{' if self.depth == 1 && self.state == State::Outside && self.colon && self.key == b"graph" => {
                self.depth = 2;
                self.state = State::Opened;
                self.ready.push(b'0');
                return;
            }
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                if self.depth == 1 && self.state == State::Inside {
                    self.state = State::Outside;
                    self.colon = false;
                    return;
                }
                if self.depth == 0 {
                    self.colon = false;
                }
            }
            _ => {}
        }
        self.ready.push(byte);
    }

    fn text(&mut self, byte: u8) {
        if self.escaped {
            self.escaped = false;
        } else if byte == b'\\' {
            self.escaped = true;
        } else if byte == b'"' {
            self.quoted = false;
            return;
        }
        if self.depth == 1 && self.state == State::Outside && !self.colon {
            self.key.push(byte);
        }
    }
}

impl<R: Read> Read for Flatten<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.at == self.ready.len() {
            self.ready.clear();
            self.at = 0;
            let read = self.inner.read(&mut self.chunk)?;
            if read == 0 {
                return Ok(0);
            }
            for at in 0..read {
                let byte = self.chunk[at];
                self.step(byte);
            }
        }
        let waiting = &self.ready[self.at..];
        let taken = waiting.len().min(out.len());
        out[..taken].copy_from_slice(&waiting[..taken]);
        self.at += taken;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(text: &str) -> String {
        let mut out = String::new();
        Flatten::new(text.as_bytes()).read_to_string(&mut out).expect("a text in memory");
        out
    }

    #[test]
    fn only_the_graph_at_the_top_is_lifted() {
        for (text, expected) in [
            (r#"{"graph":{"nodes":[{"graph":{}}]},"m":1}"#, r#"{"graph":0,"nodes":[{"graph":{}}],"m":1}"#),
            (r#"{"m":{"graph":{"a":1}},"graph": {"edges":[]} }"#, r#"{"m":{"graph":{"a":1}},"graph": 0,"edges":[] }"#),
            (r#"{"graph":{}}"#, r#"{"graph":0}"#),
            (r#"{"graph":{ },"x":"graph"}"#, r#"{"graph":0 ,"x":"graph"}"#),
            (r#"{"a\"graph":{"b":1}}"#, r#"{"a\"graph":{"b":1}}"#),
            (r#"{"graph":[{}]}"#, r#"{"graph":[{}]}"#),
            ("{\"graph\":{\"n\":1}}\n{\"graph\":{\"n\":2}}", "{\"graph\":0,\"n\":1}\n{\"graph\":0,\"n\":2}"),
            (r#"{"x":"}","graph":{"n":["]"#, r#"{"x":"}","graph":0,"n":["]"#),
        ] {
            assert_eq!(flat(text), expected, "{text}");
        }
    }
}
