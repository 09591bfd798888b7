//! `#[shape(…)]`.

use syn::{Attribute, LitStr, Path};

use super::{Arg, name, read, unknown};
use crate::ctxt::Ctxt;

/// The arguments of `#[shape(…)]` on a type.
#[derive(Default)]
pub(crate) struct ShapeContainer {
    pub krate: Arg<Path>,
    pub opaque: Arg<LitStr>,
    /// The key `unordered`, at which errors are reported.
    pub unordered: Arg<Path>,
    /// The key `recursive`, at which errors are reported.
    pub recursive: Arg<Path>,
}

impl ShapeContainer {
    pub(crate) fn parse(cx: &Ctxt, attrs: &[Attribute]) -> ShapeContainer {
        let mut args = ShapeContainer::default();
        read(cx, attrs, "shape", |meta| {
            if meta.path.is_ident("crate") {
                args.krate.set(cx, &meta.path, meta.value()?.call(Path::parse_mod_style)?);
            } else if meta.path.is_ident("opaque") {
                args.opaque.set(cx, &meta.path, name(&meta)?);
            } else if meta.path.is_ident("unordered") {
                args.unordered.set(cx, &meta.path, meta.path.clone());
            } else if meta.path.is_ident("recursive") {
                args.recursive.set(cx, &meta.path, meta.path.clone());
            } else {
                return Err(unknown(
                    &meta,
                    "`#[shape(…)]` on a type takes `opaque = \"name\"`, `unordered`, `recursive` and `crate = path`",
                ));
            }
            Ok(())
        });
        args
    }
}

/// The arguments of `#[shape(…)]` on a field.
#[derive(Default)]
pub(crate) struct ShapeField {
    pub opaque: Arg<LitStr>,
    /// The key `unordered`, at which errors are reported.
    pub unordered: Arg<Path>,
    /// Marks the field as an argument of a command. Users do not write this key: `#[memimage::commands]` adds it to the fields
    /// of a payload.
    pub argument: Arg<()>,
}

impl ShapeField {
    pub(crate) fn parse(cx: &Ctxt, attrs: &[Attribute]) -> ShapeField {
        let mut args = ShapeField::default();
        read(cx, attrs, "shape", |meta| {
            if meta.path.is_ident("opaque") {
                args.opaque.set(cx, &meta.path, name(&meta)?);
            } else if meta.path.is_ident("unordered") {
                args.unordered.set(cx, &meta.path, meta.path.clone());
            } else if meta.path.is_ident("argument") {
                args.argument.set(cx, &meta.path, ());
            } else {
                return Err(unknown(&meta, "`#[shape(…)]` on a field takes `opaque = \"name\"` and `unordered`"));
            }
            Ok(())
        });
        args
    }
}
