//! `#[model(…)]` on a field.

use syn::{Attribute, Path};

use super::{Arg, read, unknown};
use crate::ctxt::Ctxt;

/// The arguments of `#[model(…)]` on a field.
#[derive(Default)]
pub(crate) struct ModelField {
    /// The key itself, for errors about it.
    pub derived: Arg<Path>,
}

impl ModelField {
    pub(crate) fn parse(cx: &Ctxt, attrs: &[Attribute]) -> ModelField {
        let mut args = ModelField::default();
        read(cx, attrs, "model", |meta| {
            if !meta.path.is_ident("derived") {
                return Err(unknown(&meta, "`#[model(…)]` on a field takes `derived`"));
            }
            args.derived.set(cx, &meta.path, meta.path.clone());
            Ok(())
        });
        args
    }

    /// The key `derived` on a field of a model, whose attributes the derive of `Shape` checks.
    pub(crate) fn derived(attrs: &[Attribute]) -> Option<Path> {
        let mut derived = None;
        for attr in attrs.iter().filter(|attr| attr.path().is_ident("model")) {
            // the derive of `Shape` reports a malformed attribute
            let _ = attr.parse_nested_meta(|meta| {
                if meta.path.is_ident("derived") {
                    derived = Some(meta.path);
                }
                Ok(())
            });
        }
        derived
    }
}
