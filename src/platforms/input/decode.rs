//! From the bytes on disk to UTF-8 text: hashing, decompression, byte order marks, and limits on what a small
//! file may unfold to.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

/// Compression inside compression deeper than this is refused.
const LAYERS_MAX: usize = 4;
/// A text may be this many times larger than the file once it is larger than [`RATIO_FROM_BYTES`].
const RATIO_MAX: u64 = 400;
const RATIO_FROM_BYTES: u64 = 256 * 1024 * 1024;
/// A text of one file beyond this is refused.
const TEXT_BYTES_MAX: u64 = 1 << 40;

/// Text of an [`io::Error`] that a limit caused, so that it is told from a broken file.
pub const LIMIT_MARK: &str = "decompression limit: ";

/// A file being read by a decoder that owns its reader, hashed on the way.
#[derive(Clone)]
pub struct Raw(Arc<Mutex<RawState>>);

struct RawState {
    source: Box<dyn Read + Send>,
    hasher: Sha256,
    bytes: u64,
}

impl Raw {
    /// Opens a file.
    ///
    /// # Errors
    /// When the system does not let it be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self::new(Box::new(File::open(path)?)))
    }

    /// Hashes what is read from `source`.
    #[must_use]
    pub fn new(source: Box<dyn Read + Send>) -> Self {
        Self(Arc::new(Mutex::new(RawState { source, hasher: Sha256::new(), bytes: 0 })))
    }

    /// A stand-in for something of which only the size counts.
    #[must_use]
    pub fn of_size(bytes: u64) -> Self {
        let nothing = Box::new(io::empty());
        Self(Arc::new(Mutex::new(RawState { source: nothing, hasher: Sha256::new(), bytes })))
    }

    /// Bytes read so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).bytes
    }

    /// Reads what is left and gives the hash of all bytes in hexadecimal.
    ///
    /// # Errors
    /// When the file cannot be read to its end.
    pub fn finish(mut self) -> io::Result<String> {
        io::copy(&mut self, &mut io::sink())?;
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(hex::encode(state.hasher.clone().finalize()))
    }
}

impl Read for Raw {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let read = state.source.read(out)?;
        state.hasher.update(&out[..read]);
        state.bytes += read as u64;
        Ok(read)
    }
}

/// What the first bytes of a stream say that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrapping {
    None,
    Gzip,
    Zstd,
    Zip,
}

/// Recognises a wrapping by its magic bytes.
#[must_use]
pub fn wrapping(start: &[u8]) -> Wrapping {
    match start {
        [0x1F, 0x8B, ..] => Wrapping::Gzip,
        [0x28, 0xB5, 0x2F, 0xFD, ..] => Wrapping::Zstd,
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Wrapping::Zip,
        _ => Wrapping::None,
    }
}

/// Reads the first bytes of a stream and puts them back in front of it.
///
/// # Errors
/// When the stream cannot be read.
pub fn peek<'a>(mut stream: Box<dyn Read + 'a>, length: usize) -> io::Result<(Vec<u8>, Box<dyn Read + 'a>)> {
    let mut start = Vec::new();
    let outcome = stream.by_ref().take(length as u64).read_to_end(&mut start);
    match outcome {
        Ok(_) => {}
        // A stream that breaks off later still shows its beginning: the error comes again where it belongs.
        Err(error) if !start.is_empty() => {
            return Ok((start.clone(), Box::new(Cursor::new(start).chain(Broken(Some(error))))));
        }
        Err(error) => return Err(error),
    }
    Ok((start.clone(), Box::new(Cursor::new(start).chain(stream))))
}

/// Gives one error, then the end.
struct Broken(Option<io::Error>);

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

/// Takes off all gzip and zstd layers; what is left may be a zip archive, which needs its end first.
///
/// # Errors
/// When a layer is not what its first bytes say, or there are too many.
pub fn unwrap_layers<'a>(stream: Box<dyn Read + 'a>) -> io::Result<(Wrapping, Box<dyn Read + 'a>)> {
    let mut stream = stream;
    for _ in 0..LAYERS_MAX {
        let (start, whole) = peek(stream, 4)?;
        stream = match wrapping(&start) {
            Wrapping::Gzip => Box::new(flate2::read::MultiGzDecoder::new(BufReader::with_capacity(1 << 16, whole))),
            Wrapping::Zstd => Box::new(zstd::stream::read::Decoder::new(whole)?),
            other => return Ok((other, whole)),
        };
    }
    Err(io::Error::other(format!("{LIMIT_MARK}more than {LAYERS_MAX} layers of compression")))
}

/// Stops a text that grows out of all proportion to its file.
pub struct Limited<'a> {
    stream: Box<dyn Read + 'a>,
    raw: Option<Raw>,
    bytes: u64,
}

impl<'a> Limited<'a> {
    /// `raw` is the file that the text comes from, where there is one to compare with.
    #[must_use]
    pub fn new(stream: Box<dyn Read + 'a>, raw: Option<Raw>) -> Self {
        Self { stream, raw, bytes: 0 }
    }
}

impl Read for Limited<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.read(out)?;
        self.bytes += read as u64;
        if self.bytes > TEXT_BYTES_MAX {
            return Err(io::Error::other(format!("{LIMIT_MARK}more than {TEXT_BYTES_MAX} bytes of text")));
        }
        if self.bytes > RATIO_FROM_BYTES {
            let raw = self.raw.as_ref().map_or(self.bytes, Raw::bytes);
            if self.bytes / RATIO_MAX > raw.max(1) {
                return Err(io::Error::other(format!(
                    "{LIMIT_MARK}it unfolds to more than {RATIO_MAX} times its size"
                )));
            }
        }
        Ok(read)
    }
}

/// Drops a byte order mark and turns UTF-16 into UTF-8.
///
/// # Errors
/// When the stream cannot be read.
pub fn text(stream: Box<dyn Read + '_>) -> io::Result<Box<dyn Read + '_>> {
    let (start, mut whole) = peek(stream, 3)?;
    match start.as_slice() {
        [0xEF, 0xBB, 0xBF] => {
            whole.read_exact(&mut [0; 3])?;
            Ok(whole)
        }
        [0xFF, 0xFE, ..] => Ok(Box::new(Utf16::new(whole, u16::from_le_bytes))),
        [0xFE, 0xFF, ..] => Ok(Box::new(Utf16::new(whole, u16::from_be_bytes))),
        _ => Ok(whole),
    }
}

/// UTF-8 from UTF-16; what is no character becomes the replacement character.
struct Utf16<'a> {
    stream: Box<dyn Read + 'a>,
    unit: fn([u8; 2]) -> u16,
    /// Bytes and a first surrogate that wait for what follows.
    half: Vec<u8>,
    surrogate: Option<u16>,
    out: Vec<u8>,
    at: usize,
}

impl<'a> Utf16<'a> {
    fn new(stream: Box<dyn Read + 'a>, unit: fn([u8; 2]) -> u16) -> Self {
        Self { stream, unit, half: Vec::new(), surrogate: None, out: Vec::new(), at: 0 }
    }

    fn refill(&mut self) -> io::Result<bool> {
        let mut chunk = vec![0; 64 * 1024];
        let read = self.stream.read(&mut chunk)?;
        self.half.extend_from_slice(&chunk[..read]);
        let mut units: Vec<u16> = self.surrogate.take().into_iter().collect();
        units.extend(self.half.chunks_exact(2).map(|pair| (self.unit)([pair[0], pair[1]])));
        self.half = self.half.chunks_exact(2).remainder().to_vec();
        if read > 0 && units.last().is_some_and(|unit| (0xD800..0xDC00).contains(unit)) {
            self.surrogate = units.pop();
        }
        let text: String = char::decode_utf16(units)
            .map(|character| character.unwrap_or(char::REPLACEMENT_CHARACTER))
            .filter(|character| *character != '\u{FEFF}')
            .collect();
        self.out = text.into_bytes();
        self.at = 0;
        Ok(read > 0)
    }
}

impl Read for Utf16<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.at == self.out.len() {
            let more = self.refill()?;
            if !more && self.out.is_empty() {
                return Ok(0);
            }
        }
        let length = out.len().min(self.out.len() - self.at);
        out[..length].copy_from_slice(&self.out[self.at..self.at + length]);
        self.at += length;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn all(bytes: Vec<u8>) -> io::Result<String> {
        let (wrapping, stream) = unwrap_layers(Box::new(Cursor::new(bytes)))?;
        assert_eq!(wrapping, Wrapping::None);
        let mut out = String::new();
        text(stream)?.read_to_string(&mut out)?;
        Ok(out)
    }

    fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes)?;
        encoder.finish()
    }

    #[test]
    fn layers_and_byte_order_marks_come_off() -> io::Result<()> {
        let plain = "{\"é\":\"😀\"}";
        let little: Vec<u8> = [0xFF, 0xFE].into_iter().chain(plain.encode_utf16().flat_map(u16::to_le_bytes)).collect();
        let big: Vec<u8> = [0xFE, 0xFF].into_iter().chain(plain.encode_utf16().flat_map(u16::to_be_bytes)).collect();
        let marked = [&[0xEF, 0xBB, 0xBF], plain.as_bytes()].concat();
        for bytes in [plain.as_bytes().to_vec(), marked, little, big] {
            assert_eq!(all(bytes.clone())?, plain);
            assert_eq!(all(gzip(&zstd::encode_all(bytes.as_slice(), 1)?)?)?, plain);
        }
        assert_eq!(all(Vec::new())?, "");
        Ok(())
    }

    #[test]
    fn the_hash_is_of_the_bytes_on_disk_even_when_only_a_part_was_read() -> io::Result<()> {
        let mut raw = Raw::new(Box::new(Cursor::new(b"abc".to_vec())));
        raw.read_exact(&mut [0; 1])?;
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(raw.finish()?, expected);
        Ok(())
    }

    #[test]
    fn a_small_file_that_unfolds_to_very_much_is_stopped() {
        let raw = Raw::new(Box::new(Cursor::new(vec![0; 16])));
        let mut limited = Limited::new(Box::new(io::repeat(b' ')), Some(raw));
        let error = io::copy(&mut limited, &mut io::sink()).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.starts_with(LIMIT_MARK), "{error}");
    }
}
