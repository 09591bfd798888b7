//! Tests of the binary: imports of repositories that git makes, and comparisons with what git prints.

mod admin;
mod error;
mod history;
mod import;
mod kill;
mod log;
mod program;
mod readme;
mod source;
mod tree;
