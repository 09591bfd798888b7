//! Tests of the binary.

mod admin;
