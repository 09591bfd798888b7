//! The shape lock: `memimage.lock`, as far as it is about the model at hand.
//!
//! The macro reads the file and hands the compiler what it says. Whether a shape is still the one in its line is judged in a
//! constant, by the runtime crate, since a macro sees no types; all else is judged here and in `check::lock`.

mod line;
mod target;

use std::env;
use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::attr::LockArg;
use crate::ctxt::Ctxt;
pub(crate) use line::LockLine;
use target::CompileTarget;

/// Makes missing lines pass, so that a test can be built that adds them.
const BLESS: &str = "MEMIMAGE_BLESS";

/// The lock of one model.
pub(crate) struct ModelLock {
    /// As the user knows it: beside `Cargo.toml`.
    pub file: String,
    /// Absolute.
    pub path: String,
    /// What the model's lines begin with: `shop::Bank`.
    pub model: String,
    /// The model's lines.
    pub lines: Vec<LockLine>,
    /// The models that this one may have been before: those with lines under the same target, or of the same name.
    pub others: Vec<String>,
    /// The models that have lines under the name of another library than this package's.
    pub foreign: Vec<ForeignLines>,
    /// The absolute directory of `Cargo.toml`.
    pub package: String,
    /// The arguments with which `cargo test` selects the target that is compiled: `--lib`.
    pub selection: String,
    /// It is named by a path, so that other packages may have lines in it.
    pub is_shared: bool,
    pub exists: bool,
    /// Lines may be missing, since they are about to be added.
    pub blessing: bool,
}

/// A model of a library that the package does not have.
pub(crate) struct ForeignLines {
    /// `tracker::Tracker`
    pub model: String,
    /// The numbers of its lines.
    pub lines: Vec<usize>,
}

impl ModelLock {
    /// Takes the place of a lock that cannot be read. It has no lines, so the compiler also reports the block's other errors.
    pub(crate) fn unread() -> ModelLock {
        ModelLock {
            file: String::new(),
            path: String::new(),
            model: String::new(),
            lines: Vec::new(),
            others: Vec::new(),
            foreign: Vec::new(),
            package: String::new(),
            selection: String::new(),
            is_shared: false,
            exists: false,
            blessing: true,
        }
    }

    /// Reads the lock of a model. None, and no error, in a doctest: those of a package are compiled under the name of its
    /// library, so that each would meet the others' lines and the library's.
    pub(crate) fn read(cx: &Ctxt, arg: &LockArg, model: &str) -> Option<ModelLock> {
        let (target, selection) = match CompileTarget::now() {
            Ok(CompileTarget::Doctest) => return None,
            Ok(CompileTarget::Named { name, selection }) => (name, selection),
            Err(message) => return cx.ok(Err(syn::Error::new_spanned(&arg.key, message))),
        };
        let file = arg.path.as_ref().map_or_else(|| "memimage.lock".to_owned(), syn::LitStr::value);
        let found =
            manifest_dir().and_then(|root| Ok((utf8(root.join(&file))?, text(&root.join(&file))?, utf8(root)?)));
        let (path, text, package) = cx.ok(found.map_err(|what| arg.error(format_args!("{file}: {what}"))))?;
        let lines = match line::read(text.as_deref().unwrap_or_default()) {
            Ok(lines) => lines,
            Err((number, what)) => return cx.ok(Err(arg.error(format_args!("{file}:{number}: {what}")))),
        };
        let is_shared = arg.path.is_some();
        let foreign = match is_library(&target) && !is_shared {
            true => foreign(&target, &lines),
            false => Vec::new(),
        };
        let (of_target, of_name) = (format!("{target}::"), format!("::{model}"));
        let model = format!("{target}::{model}");
        let (lines, others): (Vec<_>, Vec<_>) = lines.into_iter().partition(|line| line.model == model);
        let mut others: Vec<_> = others.into_iter().map(|line| line.model).collect();
        others.retain(|other| other.starts_with(&of_target) || other.ends_with(&of_name));
        others.dedup();
        let (exists, blessing) = (text.is_some(), env::var(BLESS).is_ok_and(|value| !matches!(&*value, "" | "0")));
        Some(ModelLock { file, path, model, lines, others, foreign, package, selection, is_shared, exists, blessing })
    }

    /// The command that adds missing lines. It selects this target alone, so that it works while another does not compile.
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

/// A package has one library, so lines of another in its own lock are of a crate that was renamed or moved.
fn foreign(library: &str, lines: &[LockLine]) -> Vec<ForeignLines> {
    let mut foreign: Vec<ForeignLines> = Vec::new();
    for line in lines {
        let Some((target, _)) = line.model.split_once("::") else { continue };
        if target == library || !is_library(target) {
            continue;
        }
        match foreign.iter_mut().find(|foreign| foreign.model == line.model) {
            Some(foreign) => foreign.lines.push(line.number),
            None => foreign.push(ForeignLines { model: line.model.clone(), lines: vec![line.number] }),
        }
    }
    foreign
}

fn manifest_dir() -> Result<PathBuf, String> {
    let root = env::var_os("CARGO_MANIFEST_DIR");
    root.map(PathBuf::from).ok_or_else(|| "the directory of `Cargo.toml` is unknown; help: build with cargo".to_owned())
}

fn utf8(path: PathBuf) -> Result<String, String> {
    path.into_os_string().into_string().map_err(|_| "the path is not UTF-8; help: rename the directory".to_owned())
}

/// The file's text; None if there is no file.
fn text(path: &Path) -> Result<Option<String>, String> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("reading failed: {error}")),
    }
}
