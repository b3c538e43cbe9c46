//! Checkpoints as others can verify them: C2SP `tlog-checkpoint` in a C2SP `signed-note`, by an Ed25519 key.
//!
//! ```text
//! example.com/ledger            origin: name of the log
//! 10000                         size: records
//! 3w+B0e…=                      root of the Merkle tree, base64
//!
//! — example.com/ledger kT2d…=   name of the key, base64 of key id and signature
//! ```
//!
//! The signature is over the text up to and with the line break before the empty line. A key id is the first four bytes
//! of `SHA-256(name ‖ "\n" ‖ 0x01 ‖ public key)`. A public key is written `name+id+base64(0x01 ‖ public key)`, a private
//! one `PRIVATE+KEY+name+id+base64(0x01 ‖ seed)`, as Go's `golang.org/x/mod/sumdb/note` does.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::{Signature, Signer as _};
use sha2::{Digest, Sha256};

use super::error::LedgerError;
use super::merkle::Hash;

/// Kind of key: Ed25519.
const ED25519: u8 = 1;
/// Opening of a line of a signature: an em dash.
const SIGNED: &str = "\u{2014} ";
/// Opening of a private key.
const PRIVATE: &str = "PRIVATE+KEY+";
/// Bytes of a note at most.
const NOTE_BYTES_MAX: usize = 64 * 1024;
/// Signatures of a note that are looked at.
const SIGNATURES_MAX: usize = 100;

/// A statement about the first `size` records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Name of the log.
    pub origin: String,
    pub size: u64,
    pub root: Hash,
}

/// A signature as it stands in a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    /// Name of the key.
    pub name: String,
    id: [u8; 4],
    bytes: Vec<u8>,
}

/// A note taken apart; nothing is verified yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// What is signed, with the line break at its end.
    pub text: String,
    pub signatures: Vec<NoteSignature>,
}

/// A key that signs.
pub struct SigningKey {
    name: String,
    key: ed25519_dalek::SigningKey,
}

/// A key that verifies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    key: ed25519_dalek::VerifyingKey,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "SigningKey({})", self.name)
    }
}

fn key_id(name: &str, public: &[u8; 32]) -> [u8; 4] {
    let hash = Sha256::new().chain_update(name).chain_update([b'\n', ED25519]).chain_update(public).finalize();
    [hash[0], hash[1], hash[2], hash[3]]
}

/// A name of a key: not empty, without white space and `+`.
fn name(text: &str) -> Result<&str, LedgerError> {
    if text.is_empty() || text.chars().any(|character| character.is_whitespace() || character == '+') {
        return Err(LedgerError::note("key's name", format!("`{text}` is empty, or has white space or `+` in it")));
    }
    Ok(text)
}

/// Name, id and the 32 bytes of `name+id+base64(0x01 ‖ bytes)`. The text itself is in no error: it may be private.
fn encoded(text: &str, what: &'static str) -> Result<(String, [u8; 4], [u8; 32]), LedgerError> {
    let mut parts = text.trim().splitn(3, '+');
    let (Some(given), Some(id), Some(data)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(LedgerError::note(what, "it is not written as name, id and key with `+` between them"));
    };
    let mut own = [0; 4];
    hex::decode_to_slice(id, &mut own).map_err(|_| LedgerError::note(what, "its id is not 8 hexadecimal digits"))?;
    let data = BASE64.decode(data).map_err(|_| LedgerError::note(what, "its last part is no base64"))?;
    match data.split_first() {
        Some((&ED25519, bytes)) => {
            let bytes = bytes.try_into().map_err(|_| LedgerError::note(what, "an Ed25519 key has 32 bytes"))?;
            Ok((name(given)?.to_owned(), own, bytes))
        }
        _ => Err(LedgerError::note(what, "it is no Ed25519 key")),
    }
}

impl SigningKey {
    /// A new key by the operating system's random numbers.
    ///
    /// # Errors
    /// When the name cannot be one, or there are no random numbers.
    pub fn generate(key_name: &str) -> Result<Self, LedgerError> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| LedgerError::Random { reason: error.to_string() })?;
        Self::from_seed(key_name, &seed)
    }

    /// The key of these 32 bytes.
    ///
    /// # Errors
    /// When the name cannot be one.
    pub fn from_seed(key_name: &str, seed: &[u8; 32]) -> Result<Self, LedgerError> {
        Ok(Self { name: name(key_name)?.to_owned(), key: ed25519_dalek::SigningKey::from_bytes(seed) })
    }

    /// Reads the text of a private key.
    ///
    /// # Errors
    /// When it is none; the error does not repeat it.
    pub fn parse(text: &str) -> Result<Self, LedgerError> {
        let rest = text
            .trim()
            .strip_prefix(PRIVATE)
            .ok_or_else(|| LedgerError::note("key", format!("a private key begins with `{PRIVATE}`")))?;
        let (name, id, seed) = encoded(rest, "key")?;
        let key = Self::from_seed(&name, &seed)?;
        if key.id() != id {
            return Err(LedgerError::note("key", "its id is not that of its name and key"));
        }
        Ok(key)
    }

    /// The text of the private key: a secret.
    #[must_use]
    pub fn secret_text(&self) -> String {
        let data: Vec<u8> = std::iter::once(ED25519).chain(self.key.to_bytes()).collect();
        format!("{PRIVATE}{}+{}+{}", self.name, hex::encode(self.id()), BASE64.encode(data))
    }

    fn id(&self) -> [u8; 4] {
        key_id(&self.name, self.key.verifying_key().as_bytes())
    }

    /// Name of the key.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key that verifies what this one signs.
    #[must_use]
    pub fn verifier(&self) -> VerifierKey {
        VerifierKey { name: self.name.clone(), key: self.key.verifying_key() }
    }

    /// Signs a text, which ends with a line break.
    #[must_use]
    pub fn sign(&self, text: &str) -> String {
        let signature = self.key.sign(text.as_bytes());
        let data: Vec<u8> = self.id().into_iter().chain(signature.to_bytes()).collect();
        format!("{text}\n{SIGNED}{} {}\n", self.name, BASE64.encode(data))
    }
}

impl VerifierKey {
    /// Reads the text of a public key.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Self, LedgerError> {
        if text.trim().starts_with(PRIVATE) {
            return Err(LedgerError::note("key", "it is a private one; to verify takes the public one"));
        }
        let (name, id, bytes) = encoded(text, "key")?;
        let key = ed25519_dalek::VerifyingKey::from_bytes(&bytes)
            .map_err(|_| LedgerError::note("key", "its bytes are no point of the curve"))?;
        if key_id(&name, &bytes) != id {
            return Err(LedgerError::note("key", "its id is not that of its name and key"));
        }
        Ok(Self { name, key })
    }

    /// The text of the public key.
    #[must_use]
    pub fn text(&self) -> String {
        let data: Vec<u8> = std::iter::once(ED25519).chain(self.key.to_bytes()).collect();
        format!("{}+{}+{}", self.name, hex::encode(key_id(&self.name, self.key.as_bytes())), BASE64.encode(data))
    }

    /// Name of the key.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether a note has a signature of this key that is right; `None` when it has none of this key.
    #[must_use]
    pub fn verify(&self, note: &Note) -> Option<bool> {
        let id = key_id(&self.name, self.key.as_bytes());
        let own = note.signatures.iter().find(|one| one.name == self.name && one.id == id)?;
        let signature = Signature::from_slice(&own.bytes);
        Some(signature.is_ok_and(|signature| self.key.verify_strict(note.text.as_bytes(), &signature).is_ok()))
    }
}

impl Note {
    /// Takes a note apart.
    ///
    /// # Errors
    /// Why it is none, in words.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() > NOTE_BYTES_MAX {
            return Err(format!("it is longer than {NOTE_BYTES_MAX} bytes"));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| "it is no UTF-8 text")?;
        if text.chars().any(|character| character.is_control() && character != '\n') {
            return Err("it has control characters".to_owned());
        }
        let at = text.rfind("\n\n").ok_or("no empty line ends its text")?;
        let (signed, rest) = (&text[..=at], &text[at + 2..]);
        let rest = rest.strip_suffix('\n').ok_or("its last line has no end")?;
        let signatures = rest.split('\n').take(SIGNATURES_MAX).map(signature).collect::<Result<_, _>>()?;
        Ok(Self { text: signed.to_owned(), signatures })
    }
}

fn signature(line: &str) -> Result<NoteSignature, String> {
    let wrong = || "a line below the empty one is no signature".to_owned();
    let (name, data) = line.strip_prefix(SIGNED).and_then(|rest| rest.split_once(' ')).ok_or_else(wrong)?;
    let data = BASE64.decode(data).map_err(|_| wrong())?;
    let (id, bytes) = data.split_first_chunk::<4>().ok_or_else(wrong)?;
    if name.is_empty() || bytes.is_empty() {
        return Err(wrong());
    }
    Ok(NoteSignature { name: name.to_owned(), id: *id, bytes: bytes.to_vec() })
}

impl Checkpoint {
    /// The text that is signed.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, BASE64.encode(self.root))
    }

    /// Reads the text of a checkpoint. Lines below the root are extensions and not looked at.
    ///
    /// # Errors
    /// Why it is none, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut lines = text.lines();
        let origin = lines.next().filter(|line| !line.is_empty()).ok_or("it names no origin")?;
        let size = lines.next().unwrap_or_default();
        let is_decimal = size.bytes().all(|byte| byte.is_ascii_digit()) && (size == "0" || !size.starts_with('0'));
        let size = size.parse().ok().filter(|_| is_decimal).ok_or("its second line is no size")?;
        let root = BASE64.decode(lines.next().unwrap_or_default()).ok().and_then(|root| root.try_into().ok());
        Ok(Self { origin: origin.to_owned(), size, root: root.ok_or("its third line is no SHA-256 in base64")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_written_and_read_as_other_programs_do() {
        // The key of the documentation of golang.org/x/mod/sumdb/note.
        let public = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
        let secret = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
        let (key, verifier) = (SigningKey::parse(secret).expect("a key"), VerifierKey::parse(public).expect("a key"));
        assert_eq!(
            (key.verifier(), key.secret_text(), verifier.text()),
            (verifier.clone(), secret.into(), public.into())
        );
        // … and the note that it signs there.
        let text = "If you think cryptography is the answer to your problem,\n\
                    then you don't know what your problem is.\n";
        let signed = key.sign(text);
        let line = "\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpR\
                    Zb6KE6RyyBwJnAM=\n";
        assert_eq!(signed, format!("{text}\n{line}"));
        let note = Note::parse(signed.as_bytes()).expect("a note");
        assert_eq!((note.text.as_str(), verifier.verify(&note)), (text, Some(true)));
    }

    #[test]
    fn what_was_changed_or_signed_by_another_key_does_not_verify() {
        let (key, other) = ([1; 32], [2; 32]);
        let key = SigningKey::from_seed("example.com/ledger", &key).expect("a name");
        let other = SigningKey::from_seed("example.com/ledger", &other).expect("a name").verifier();
        let checkpoint = Checkpoint { origin: "example.com/ledger".into(), size: 7, root: [3; 32] };
        let signed = key.sign(&checkpoint.text());
        let note = Note::parse(signed.as_bytes()).expect("a note");
        assert_eq!(Checkpoint::parse(&note.text).as_ref(), Ok(&checkpoint));
        assert_eq!((key.verifier().verify(&note), other.verify(&note)), (Some(true), None));
        let changed = Note::parse(signed.replace("\n7\n", "\n8\n").as_bytes()).expect("a note");
        assert_eq!(key.verifier().verify(&changed), Some(false));
    }

    #[test]
    fn broken_keys_and_notes_are_refused_and_secrets_not_repeated() {
        let key = SigningKey::from_seed("k", &[7; 32]).expect("a name");
        let secret = key.secret_text();
        let error = SigningKey::parse(&secret.replace("k+", "j+")).expect_err("another name").to_string();
        assert!(error.contains("id") && !error.contains(&secret[20..]), "{error}");
        assert!(VerifierKey::parse(&secret).is_err() && VerifierKey::parse("a+b").is_err());
        assert!(SigningKey::from_seed("a b", &[0; 32]).is_err());
        let good = key.sign("a\n1\nAAAA\n");
        for bad in ["", "a\n", "a\n\n", "a\n\n\u{2014} k AAAA", "a\n\nk AAAAAAAA\n"] {
            assert!(Note::parse(bad.as_bytes()).is_err(), "{bad:?}");
        }
        assert!(Note::parse(good.as_bytes()).is_ok());
        for bad in ["", "a", "a\n01\n", "a\n-1\n", "a\n1\nAAAA\n"] {
            assert!(Checkpoint::parse(bad).is_err(), "{bad:?}");
        }
    }
}
