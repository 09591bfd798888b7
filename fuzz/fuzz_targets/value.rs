//! See `memimage_tests::fuzz::value`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| memimage_tests::fuzz::value(input));
