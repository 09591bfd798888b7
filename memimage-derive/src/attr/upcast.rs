//! `#[memimage::upcast(…)]`.

use proc_macro2::TokenStream;
use syn::Path;
use syn::parse::Parser;

use super::{Arg, unknown};
use crate::ctxt::Ctxt;

/// The arguments of `#[memimage::upcast(…)]`.
#[derive(Default)]
pub(crate) struct UpcastArgs {
    pub krate: Arg<Path>,
}

impl UpcastArgs {
    pub(crate) fn parse(cx: &Ctxt, tokens: TokenStream) -> UpcastArgs {
        let mut args = UpcastArgs::default();
        let parser = syn::meta::parser(|meta| {
            if !meta.path.is_ident("crate") {
                return Err(unknown(&meta, "`#[memimage::upcast(…)]` takes `crate = path`"));
            }
            args.krate.set(cx, &meta.path, meta.value()?.call(Path::parse_mod_style)?);
            Ok(())
        });
        cx.ok(parser.parse2(tokens));
        args
    }
}
