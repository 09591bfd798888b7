//! `#[memimage::projection(…)]` and `#[on(…)]`.

use proc_macro2::TokenStream;
use syn::meta::ParseNestedMeta;
use syn::parse::Parser;
use syn::{Attribute, LitStr, Meta, Path};

use super::{Arg, unknown, version};
use crate::ctxt::Ctxt;

/// The arguments of `#[memimage::projection(…)]`.
#[derive(Default)]
pub(crate) struct ProjectionArgs {
    pub krate: Arg<Path>,
    /// The model whose events the projection handles.
    pub of: Arg<Path>,
    pub name: Arg<LitStr>,
    pub version: Arg<u32>,
    /// Whether a key is invalid. If so, `check` does not also report a missing key, so that one mistake gives one error.
    pub broken: bool,
}

impl ProjectionArgs {
    pub(crate) fn parse(cx: &Ctxt, tokens: TokenStream) -> ProjectionArgs {
        let mut args = ProjectionArgs::default();
        let parser = syn::meta::parser(|meta| {
            if meta.path.is_ident("crate") {
                args.krate.set(cx, &meta.path, meta.value()?.call(Path::parse_mod_style)?);
            } else if meta.path.is_ident("of") {
                args.of.set(cx, &meta.path, meta.value()?.call(Path::parse_mod_style)?);
            } else if meta.path.is_ident("name") {
                args.name.set(cx, &meta.path, directory_name(&meta)?);
            } else if meta.path.is_ident("version") {
                args.version.set(cx, &meta.path, version(&meta)?);
            } else {
                return Err(unknown(
                    &meta,
                    "`#[memimage::projection(…)]` takes `of = Model`, `name = \"…\"`, `version` and `crate = path`",
                ));
            }
            Ok(())
        });
        args.broken = cx.ok(parser.parse2(tokens)).is_none();
        args
    }
}

/// Parses `= "name"`, a name that is written to the projection's directory.
fn directory_name(meta: &ParseNestedMeta<'_>) -> syn::Result<LitStr> {
    let name: LitStr = meta.value()?.parse()?;
    match name.value().trim().is_empty() {
        true => {
            let message = "empty name; help: give the name to write to the projection's directory";
            Err(syn::Error::new_spanned(name, message))
        }
        false => Ok(name),
    }
}

/// The arguments of one `#[on(…)]`.
#[derive(Default)]
pub(crate) struct OnArgs {
    /// The key `rejected`: the handler gets the events whose command returned an error.
    pub rejected: Arg<()>,
}

impl OnArgs {
    pub(crate) fn parse(cx: &Ctxt, attr: &Attribute) -> OnArgs {
        let mut args = OnArgs::default();
        match &attr.meta {
            Meta::List(list) if list.path.is_ident("cfg_attr") => {
                cx.error(
                    attr,
                    "`#[cfg_attr]` cannot make a method a handler; help: put `#[cfg]` and `#[on]` on the method",
                );
            }
            Meta::Path(_) => {}
            Meta::List(list) if list.tokens.is_empty() => {}
            Meta::List(_) => {
                cx.ok(attr.parse_nested_meta(|meta| {
                    if !meta.path.is_ident("rejected") {
                        return Err(unknown(&meta, "`#[on(…)]` takes `rejected`"));
                    }
                    args.rejected.set(cx, &meta.path, ());
                    Ok(())
                }));
            }
            Meta::NameValue(_) => {
                cx.error(attr, "malformed `#[on]` attribute; help: write `#[on]` or `#[on(rejected)]`");
            }
        }
        args
    }
}
