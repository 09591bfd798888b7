//! Which target of the package is being compiled. Each has models of its own, which may have the same names.

use std::env;
use std::path::{Path, PathBuf};

use proc_macro2::Span;

pub(crate) enum CompileTarget {
    Named {
        /// As in a lock: `shop` for the library, `bin/shop` for a program or an example, `test/shop` for a test or a
        /// benchmark.
        name: String,
        /// The arguments with which `cargo test` compiles and runs the tests of this target alone: `--lib`.
        selection: String,
    },
    /// It has no name of its own.
    Doctest,
}

impl CompileTarget {
    /// What cargo says in the environment. The library, the main program and a test of a package may all be crates of one
    /// name.
    pub(crate) fn now() -> Result<CompileTarget, &'static str> {
        if is_doctest() {
            return Ok(CompileTarget::Doctest);
        }
        let krate = env::var("CARGO_CRATE_NAME")
            .map_err(|_| "a lock needs the name of the crate, which is unknown; help: build with cargo")?;
        let root = root();
        let is_in = |directory: &str| root.as_ref().is_some_and(|root| root.starts_with(directory));
        let (name, selection) = match env::var("CARGO_BIN_NAME") {
            Ok(program) => {
                let kind = if is_in("examples") { "--example" } else { "--bin" };
                (format!("bin/{program}"), format!("{kind} {program}"))
            }
            Err(_) if env::var_os("CARGO_TARGET_TMPDIR").is_some() => {
                let kind = if is_in("benches") { "--bench" } else { "--test" };
                let selected = root.as_deref().and_then(|root| file_name(root, &krate)).unwrap_or(&krate);
                (format!("test/{krate}"), format!("{kind} {selected}"))
            }
            Err(_) => (krate, "--lib".to_owned()),
        };
        Ok(CompileTarget::Named { name, selection })
    }
}

/// The root file of the crate, from the directory of `Cargo.toml`: the one source file that rustc is given. None if the
/// expansion does not run inside rustc.
fn root() -> Option<PathBuf> {
    let argument = env::args().find(|argument| argument.ends_with(".rs") && !argument.starts_with('-'))?;
    let file = env::current_dir().ok()?.join(argument);
    Some(file.strip_prefix(env::var_os("CARGO_MANIFEST_DIR")?).ok()?.to_owned())
}

/// The target's name in cargo, where the root file tells it: `my-test` for the crate `my_test`.
fn file_name<'a>(root: &'a Path, krate: &str) -> Option<&'a str> {
    let name = match root.file_name()?.to_str()? {
        "main.rs" => root.parent()?.file_name()?,
        _ => root.file_stem()?,
    };
    name.to_str().filter(|name| name.replace('-', "_") == krate)
}

/// Doctests are compiled by rustdoc, one by one or many in one crate, in cargo's environment for the library.
fn is_doctest() -> bool {
    let file = Span::call_site().unwrap().file();
    let name = file.rsplit(['/', '\\']).next().unwrap_or_default();
    name.starts_with("doctest_bundle_") || env::var_os("UNSTABLE_RUSTDOC_TEST_PATH").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_file_tells_the_name_that_cargo_selects_by() {
        let name = |root: &str, krate: &str| file_name(Path::new(root), krate).map(str::to_owned);
        assert_eq!(name("tests/my-test.rs", "my_test").as_deref(), Some("my-test"));
        assert_eq!(name("tests/my-test/main.rs", "my_test").as_deref(), Some("my-test"));
        assert_eq!(name("tests/elsewhere.rs", "my_test"), None);
    }
}
