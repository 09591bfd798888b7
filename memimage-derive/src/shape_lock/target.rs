//! The target of the package that is being compiled. Models of different targets may have the same name.

use std::env;
use std::path::{Path, PathBuf};

use proc_macro2::Span;

pub(crate) enum CompileTarget {
    Named {
        /// The target's name in a lock: `shop` for the library, `bin/shop` for a binary or an example, `test/shop` for a test
        /// or a benchmark.
        name: String,
        /// The arguments of `cargo test` that select this target alone, such as `--lib`.
        selection: String,
    },
    /// A doctest, which has no name of its own.
    Doctest,
}

impl CompileTarget {
    /// Determines the target from cargo's environment variables. The crate name is not enough: the library, a binary and a test
    /// of a package can have the same crate name.
    pub(crate) fn current() -> Result<CompileTarget, &'static str> {
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

/// The root file of the crate, relative to the directory of `Cargo.toml`. Among rustc's arguments, only this path names a
/// source file. `None` if the macro does not run in rustc.
fn root() -> Option<PathBuf> {
    let argument = env::args().find(|argument| argument.ends_with(".rs") && !argument.starts_with('-'))?;
    let file = env::current_dir().ok()?.join(argument);
    Some(file.strip_prefix(env::var_os("CARGO_MANIFEST_DIR")?).ok()?.to_owned())
}

/// Derives the target's name in cargo from the root file: `my-test` for the crate `my_test`. `None` if the name in the path
/// does not match the crate's name.
fn file_name<'a>(root: &'a Path, krate: &str) -> Option<&'a str> {
    let name = match root.file_name()?.to_str()? {
        "main.rs" => root.parent()?.file_name()?,
        _ => root.file_stem()?,
    };
    name.to_str().filter(|name| name.replace('-', "_") == krate)
}

/// Whether the crate is a doctest, or a bundle of several doctests. Cargo's environment variables cannot distinguish a doctest,
/// because rustdoc compiles it with the library's variables.
fn is_doctest() -> bool {
    let file = Span::call_site().unwrap().file();
    let name = file.rsplit(['/', '\\']).next().unwrap_or_default();
    name.starts_with("doctest_bundle_") || env::var_os("UNSTABLE_RUSTDOC_TEST_PATH").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_for_cargo_comes_from_the_root_file() {
        let name = |root: &str, krate: &str| file_name(Path::new(root), krate).map(str::to_owned);
        assert_eq!(name("tests/my-test.rs", "my_test").as_deref(), Some("my-test"));
        assert_eq!(name("tests/my-test/main.rs", "my_test").as_deref(), Some("my-test"));
        assert_eq!(name("tests/elsewhere.rs", "my_test"), None);
    }
}
