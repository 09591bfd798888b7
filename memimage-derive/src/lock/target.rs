//! Which target of the package is being compiled. Each has models of its own, which may have the same names.

use std::env;

use proc_macro2::Span;

pub(crate) enum Target {
    /// As in a lock: `shop` for the library, `bin/shop` for a program or an example, `test/shop` for a test or a benchmark.
    Named(String),
    /// It has no name of its own.
    Doctest,
}

impl Target {
    /// What cargo says in the environment. The library, the main program and a test of a package may all be crates of one
    /// name.
    pub(crate) fn now() -> Result<Target, &'static str> {
        if is_doctest() {
            return Ok(Target::Doctest);
        }
        let krate = env::var("CARGO_CRATE_NAME").map_err(
            |_| "a lock has its lines by the names of crates, and cargo does not say which this is: build it with cargo",
        )?;
        Ok(Target::Named(match env::var("CARGO_BIN_NAME") {
            Ok(program) => format!("bin/{program}"),
            Err(_) if env::var_os("CARGO_TARGET_TMPDIR").is_some() => format!("test/{krate}"),
            Err(_) => krate,
        }))
    }
}

/// Doctests are compiled by rustdoc, one by one or many in one crate, in cargo's environment for the library.
fn is_doctest() -> bool {
    let file = Span::call_site().unwrap().file();
    let name = file.rsplit(['/', '\\']).next().unwrap_or_default();
    name.starts_with("doctest_bundle_") || env::var_os("UNSTABLE_RUSTDOC_TEST_PATH").is_some()
}
