//! `#[model(…)]` on a field.

use syn::{Attribute, Path};

use super::{Arg, read, unknown};
use crate::ctxt::Ctxt;

/// The arguments of `#[model(…)]` on a field.
#[derive(Default)]
pub(crate) struct ModelField {
    /// The key `derived`, at which errors are reported.
    pub derived: Arg<Path>,
}

impl ModelField {
    pub(crate) fn parse(cx: &Ctxt, attrs: &[Attribute]) -> ModelField {
        let mut args = ModelField::default();
        read(cx, attrs, "model", |meta| {
            args.derived.set(cx, &meta.path, meta.path.clone());
            match meta.path.is_ident("derived") {
                true => Ok(()),
                // a field with an unknown key still counts as derived, so that one mistake gives one error
                false => Err(unknown(&meta, "`#[model(…)]` on a field takes `derived`")),
            }
        });
        args
    }

    /// The key `derived` of a derived field. The derive of `Shape`, not this function, checks the attribute.
    pub(crate) fn derived(attrs: &[Attribute]) -> Option<Path> {
        let mut derived = None;
        for attr in attrs.iter().filter(|attr| attr.path().is_ident("model")) {
            // the derive of `Shape` reports a malformed attribute
            let _ = attr.parse_nested_meta(|meta| {
                derived.get_or_insert(meta.path);
                Ok(())
            });
        }
        derived
    }
}
