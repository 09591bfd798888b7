//! See `memimage_tests::fuzz::import`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| memimage_tests::fuzz::import(input));
