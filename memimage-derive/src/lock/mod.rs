//! The shape lock: `memimage.lock`, as far as it is about the model at hand.
//!
//! The macro reads the file and hands the compiler what it says. Whether a shape is still the one in its line is judged in a
//! constant, by the runtime crate, since a macro sees no types; all else is judged here and in `check::lock`.

mod line;
mod target;

use std::env;
use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::ast::Block;
use crate::attr::LockArg;
use crate::check;
use crate::ctxt::Ctxt;
pub(crate) use line::Line;
use target::Target;

/// Makes missing lines pass, so that a test can be built that adds them.
const BLESS: &str = "MEMIMAGE_BLESS";

/// What is said wherever lines are missing.
pub(crate) const BLESSING: &str = "`MEMIMAGE_BLESS=1 cargo test`";

/// The lock of one model.
pub(crate) struct Lock {
    /// As the user knows it: beside `Cargo.toml`.
    pub file: String,
    /// Absolute.
    pub path: String,
    /// What the model's lines begin with: `shop::Bank`.
    pub model: String,
    /// The model's lines.
    pub lines: Vec<Line>,
    /// The other models that have lines under the same target.
    pub others: Vec<String>,
    pub exists: bool,
    /// Lines may be missing, since they are about to be added.
    pub blessing: bool,
}

impl Lock {
    /// The lock of a block's model, if it is to have one, held to the rules. The block has no other errors.
    pub(crate) fn of(cx: &Ctxt, block: &Block) -> Option<Lock> {
        let arg = block.args.lock.get()?;
        match Lock::read(cx, arg, &block.model_name()) {
            Some(lock) => {
                check::lock(cx, block, arg, &lock);
                Some(lock)
            }
            None => cx.has_errors().then(Lock::unread),
        }
    }

    /// Takes the place of a lock that cannot be read. It holds nothing, so that the user sees the block's other errors, too.
    fn unread() -> Lock {
        Lock {
            file: String::new(),
            path: String::new(),
            model: String::new(),
            lines: Vec::new(),
            others: Vec::new(),
            exists: false,
            blessing: true,
        }
    }

    /// None, and no error, in a doctest: those of a package are compiled under the name of its library, so that each would
    /// meet the others' lines and the library's.
    fn read(cx: &Ctxt, arg: &LockArg, model: &str) -> Option<Lock> {
        let target = match Target::now() {
            Ok(Target::Doctest) => return None,
            Ok(Target::Named(name)) => name,
            Err(message) => return cx.ok(Err(syn::Error::new_spanned(&arg.key, message))),
        };
        let file = arg.path.as_ref().map_or_else(|| "memimage.lock".to_owned(), syn::LitStr::value);
        let found = manifest_dir().and_then(|root| Ok((utf8(root.join(&file))?, text(&root.join(&file))?)));
        let (path, text) = cx.ok(found.map_err(|what| arg.error(format_args!("{file}: {what}"))))?;
        let lines = match line::read(text.as_deref().unwrap_or_default()) {
            Ok(lines) => lines,
            Err((number, what)) => return cx.ok(Err(arg.error(format_args!("{file}:{number}: {what}")))),
        };
        let of_target = format!("{target}::");
        let model = of_target.clone() + model;
        let (lines, others): (Vec<_>, Vec<_>) = lines.into_iter().partition(|line| line.model == model);
        let mut others: Vec<_> = others.into_iter().map(|line| line.model).collect();
        others.retain(|other| other.starts_with(&of_target));
        others.dedup();
        let blessing = env::var(BLESS).is_ok_and(|value| !matches!(&*value, "" | "0"));
        Some(Lock { file, path, model, lines, others, exists: text.is_some(), blessing })
    }

    pub(crate) fn line(&self, event: &str, version: u32) -> Option<&Line> {
        self.lines.iter().find(|line| line.event == event && line.version == version)
    }
}

fn manifest_dir() -> Result<PathBuf, String> {
    let root = env::var_os("CARGO_MANIFEST_DIR");
    root.map(PathBuf::from)
        .ok_or_else(|| "it is found beside `Cargo.toml`, and cargo does not say where that is".to_owned())
}

fn utf8(path: PathBuf) -> Result<String, String> {
    path.into_os_string().into_string().map_err(|_| "its path is no text".to_owned())
}

/// The file's text; None if there is no file.
fn text(path: &Path) -> Result<Option<String>, String> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("it cannot be read: {error}")),
    }
}
