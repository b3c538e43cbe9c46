//! Any bytes as a file: decompression, encodings, recognition, reading, joining.
#![no_main]

use libfuzzer_sys::fuzz_target;
use overgrant::platforms::input::fuzzing;

fuzz_target!(|bytes: &[u8]| fuzzing::files(&[bytes]));
