//! `#[model(…)]`.

use syn::{Attribute, LitStr, Path};

use super::{Once, name, read, unknown, version};
use crate::ctxt::Ctxt;

/// The arguments of `#[model(…)]`.
#[derive(Default)]
pub(crate) struct ModelArgs {
    pub krate: Once<Path>,
    pub name: Once<LitStr>,
    pub version: Once<u32>,
}

impl ModelArgs {
    pub(crate) fn parse(cx: &Ctxt, attrs: &[Attribute]) -> ModelArgs {
        let mut args = ModelArgs::default();
        read(cx, attrs, "model", |meta| {
            if meta.path.is_ident("crate") {
                args.krate.set(cx, &meta.path, meta.value()?.call(Path::parse_mod_style)?);
            } else if meta.path.is_ident("name") {
                args.name.set(cx, &meta.path, name(&meta)?);
            } else if meta.path.is_ident("version") {
                args.version.set(cx, &meta.path, version(&meta)?);
            } else {
                return Err(unknown(&meta, "a model has `name`, `version` and `crate`"));
            }
            Ok(())
        });
        args
    }
}
