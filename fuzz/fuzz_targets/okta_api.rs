//! Any bytes for the reader `okta-api`, whether it would recognise them or not.
#![no_main]

use libfuzzer_sys::fuzz_target;
use overgrant::platforms::input::fuzzing;

fuzz_target!(|bytes: &[u8]| fuzzing::one_reader("okta-api", bytes));
