//! `lock` and `lock = "path"` of `#[memimage::commands(…)]`.

use std::fmt::Display;

use syn::meta::ParseNestedMeta;
use syn::{Error, LitStr, Path, Token};

/// The location of a model's shape lock.
pub(crate) struct LockArg {
    pub key: Path,
    /// The path that the user gave, relative to the directory of `Cargo.toml`.
    pub path: Option<LitStr>,
}

impl LockArg {
    pub(crate) fn parse(meta: &ParseNestedMeta<'_>) -> syn::Result<LockArg> {
        let path = match meta.input.peek(Token![=]) {
            true => Some(meta.value()?.parse::<LitStr>()?),
            false => None,
        };
        match path {
            Some(path) if path.value().trim().is_empty() => Err(Error::new_spanned(
                path,
                "empty path; help: give the path of the lock, relative to the directory of \
                                              `Cargo.toml`",
            )),
            path => Ok(LockArg { key: meta.path.clone(), path }),
        }
    }

    /// An error about the lock file, at the path that the user gave, or else at the key `lock`.
    pub(crate) fn error(&self, message: impl Display) -> Error {
        match &self.path {
            Some(path) => Error::new_spanned(path, message),
            None => Error::new_spanned(&self.key, message),
        }
    }
}
