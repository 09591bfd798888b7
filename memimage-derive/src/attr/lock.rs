//! `lock` and `lock = "path"` of `#[memimage::commands(…)]`.

use std::fmt::Display;

use syn::meta::ParseNestedMeta;
use syn::{Error, LitStr, Path, Token};

/// Where a model's lock is.
pub(crate) struct LockArg {
    pub key: Path,
    /// From the directory of `Cargo.toml`.
    pub path: Option<LitStr>,
}

impl LockArg {
    pub(crate) fn parse(meta: &ParseNestedMeta<'_>) -> syn::Result<LockArg> {
        let path = match meta.input.peek(Token![=]) {
            true => Some(meta.value()?.parse::<LitStr>()?),
            false => None,
        };
        match path {
            Some(path) if path.value().trim().is_empty() => {
                Err(Error::new_spanned(path, "empty path: say where the lock is, from the directory of `Cargo.toml`"))
            }
            path => Ok(LockArg { key: meta.path.clone(), path }),
        }
    }

    /// An error about the file, at what names it.
    pub(crate) fn error(&self, message: impl Display) -> Error {
        match &self.path {
            Some(path) => Error::new_spanned(path, message),
            None => Error::new_spanned(&self.key, message),
        }
    }
}
