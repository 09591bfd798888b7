//! The shape lock of a model: its lines in `memimage.lock`.
//!
//! The macro reads the file. A macro has no type information, so it generates constants that call the runtime crate to compare
//! the shapes with the lines. The macro itself makes the checks that need no shapes, in this module and in `check::lock`.

mod line;
mod target;

use std::env;
use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::attr::LockArg;
use crate::ctxt::Ctxt;
pub(crate) use line::LockLine;
use target::CompileTarget;

/// The environment variable that disables the errors about missing lines, so that the test that adds the lines can be built.
const BLESS: &str = "MEMIMAGE_BLESS";

/// The lock of one model.
pub(crate) struct ModelLock {
    /// The path of the file, relative to the directory of `Cargo.toml`, for messages.
    pub file: String,
    /// The absolute path of the file.
    pub path: String,
    /// The name of the model in its lines, such as `shop::Bank`.
    pub model: String,
    /// The model's lines.
    pub lines: Vec<LockLine>,
    /// Models in the lock that may be this model under an earlier name: they have the same target or the same name.
    pub others: Vec<String>,
    /// The models that have lines, but whose library is not in this package.
    pub unclaimed: Vec<UnclaimedLines>,
    /// The absolute path of the directory of `Cargo.toml`.
    pub package: String,
    /// The arguments of `cargo test` that select the compiled target, such as `--lib`.
    pub selection: String,
    /// Whether the user wrote `lock = "path"`, so that other packages may have lines in the file.
    pub is_shared: bool,
    pub exists: bool,
    /// Whether `MEMIMAGE_BLESS` is set, so that missing lines are not an error.
    pub blessing: bool,
}

/// The lines of a model whose library is not in this package.
pub(crate) struct UnclaimedLines {
    /// The name of the model in these lines, such as `tracker::Tracker`.
    pub model: String,
    /// The line numbers in the file.
    pub lines: Vec<usize>,
}

impl ModelLock {
    /// The replacement for a lock that cannot be read. This lock has no lines, but its `blessing` is true, so missing lines are
    /// not an error. The expansion therefore continues, and the compiler also reports the block's other errors.
    pub(crate) fn unreadable() -> ModelLock {
        ModelLock {
            file: String::new(),
            path: String::new(),
            model: String::new(),
            lines: Vec::new(),
            others: Vec::new(),
            unclaimed: Vec::new(),
            package: String::new(),
            selection: String::new(),
            is_shared: false,
            exists: false,
            blessing: true,
        }
    }

    /// Reads the lock of a model. In a doctest, returns `None` without an error: a package's library and all its doctests are
    /// compiled under the same name, so their lines would conflict.
    pub(crate) fn read(cx: &Ctxt, arg: &LockArg, model: &str) -> Option<ModelLock> {
        let (target, selection) = match CompileTarget::current() {
            Ok(CompileTarget::Doctest) => return None,
            Ok(CompileTarget::Named { name, selection }) => (name, selection),
            Err(message) => return cx.ok(Err(syn::Error::new_spanned(&arg.key, message))),
        };
        let file = arg.path.as_ref().map_or_else(|| "memimage.lock".to_owned(), syn::LitStr::value);
        let found =
            manifest_dir().and_then(|root| Ok((utf8(root.join(&file))?, text(&root.join(&file))?, utf8(root)?)));
        let (path, text, package) = cx.ok(found.map_err(|reason| arg.error(format_args!("{file}: {reason}"))))?;
        let lines = match line::read(text.as_deref().unwrap_or_default()) {
            Ok(lines) => lines,
            Err((number, reason)) => return cx.ok(Err(arg.error(format_args!("{file}:{number}: {reason}")))),
        };
        let is_shared = arg.path.is_some();
        let unclaimed = match is_library(&target) && !is_shared {
            true => unclaimed(&target, &lines),
            false => Vec::new(),
        };
        let (of_target, of_name) = (format!("{target}::"), format!("::{model}"));
        let model = format!("{target}::{model}");
        let (lines, others): (Vec<_>, Vec<_>) = lines.into_iter().partition(|line| line.model == model);
        let mut others: Vec<_> = others.into_iter().map(|line| line.model).collect();
        others.retain(|other| other.starts_with(&of_target) || other.ends_with(&of_name));
        others.dedup();
        let (exists, blessing) = (text.is_some(), env::var(BLESS).is_ok_and(|value| !matches!(&*value, "" | "0")));
        Some(ModelLock { file, path, model, lines, others, unclaimed, package, selection, is_shared, exists, blessing })
    }

    /// The shell command that adds the missing lines. This command builds only this target, so it works even if another target
    /// does not compile.
    pub(crate) fn command(&self) -> String {
        format!("`MEMIMAGE_BLESS=1 cargo test {}`", self.selection)
    }

    pub(crate) fn line(&self, event: &str, version: u32) -> Option<&LockLine> {
        self.lines.iter().find(|line| line.event == event && line.version == version)
    }
}

fn is_library(target: &str) -> bool {
    !target.contains('/')
}

/// Finds the lines of models of other libraries. A package has only one library, so the library that these lines name was
/// renamed or moved.
fn unclaimed(library: &str, lines: &[LockLine]) -> Vec<UnclaimedLines> {
    let mut unclaimed: Vec<UnclaimedLines> = Vec::new();
    for line in lines {
        let Some((target, _)) = line.model.split_once("::") else { continue };
        if target == library || !is_library(target) {
            continue;
        }
        match unclaimed.iter_mut().find(|unclaimed| unclaimed.model == line.model) {
            Some(unclaimed) => unclaimed.lines.push(line.number),
            None => unclaimed.push(UnclaimedLines { model: line.model.clone(), lines: vec![line.number] }),
        }
    }
    unclaimed
}

fn manifest_dir() -> Result<PathBuf, String> {
    let root = env::var_os("CARGO_MANIFEST_DIR");
    root.map(PathBuf::from).ok_or_else(|| "the directory of `Cargo.toml` is unknown; help: build with cargo".to_owned())
}

fn utf8(path: PathBuf) -> Result<String, String> {
    path.into_os_string().into_string().map_err(|_| "the path is not UTF-8; help: rename the directory".to_owned())
}

/// The text of the file; `None` if it does not exist.
fn text(path: &Path) -> Result<Option<String>, String> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("reading failed: {error}")),
    }
}
