//! Tests of the binary.

mod support;

mod admin;
mod guide;
mod states;
