//! Two files of one scan, cut where the first byte says: what joins sources.
#![no_main]

use libfuzzer_sys::fuzz_target;
use overgrant::platforms::input::fuzzing;

fuzz_target!(|bytes: &[u8]| {
    let Some((&first, rest)) = bytes.split_first() else { return };
    let at = rest.len() * usize::from(first) / 256;
    let (one, two) = rest.split_at(at);
    fuzzing::files(&[one, two]);
});
