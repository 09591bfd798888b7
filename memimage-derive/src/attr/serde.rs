//! serde's attributes: a shape follows some of them, ignores others, and rejects the rest.
//!
//! Payloads are encoded in postcard, which writes neither names nor the lengths of structs: fields follow one another in
//! their order, and a variant is its index. An attribute that changes only how serde reads *names* does not change the
//! encoding. An attribute that changes *which* values are written, or how, would make the shape wrong, so it is an error.

use syn::meta::ParseNestedMeta;
use syn::{Attribute, Expr, LitStr, Token};

use super::{Arg, name_of, read};
use crate::case::RenameRule;
use crate::ctxt::Ctxt;

/// serde's attributes of a type.
#[derive(Default)]
pub(crate) struct SerdeContainer {
    pub rename_all: Arg<RenameRule>,
    pub rename_all_fields: Arg<RenameRule>,
    pub transparent: Arg<()>,
}

impl SerdeContainer {
    pub(crate) fn parse(cx: &Ctxt, attrs: &[Attribute]) -> SerdeContainer {
        let mut serde = SerdeContainer::default();
        read(cx, attrs, "serde", |meta| {
            match name_of(&meta.path).as_str() {
                "rename_all" => serde.rename_all.set_some(cx, &meta.path, rule(&meta)?),
                "rename_all_fields" => serde.rename_all_fields.set_some(cx, &meta.path, rule(&meta)?),
                "transparent" => serde.transparent.set(cx, &meta.path, ()),
                // a type's name is not part of a shape, and postcard does not write it
                "rename" => skip_value(&meta)?,
                // postcard reads exactly the fields of the type: no field is unknown or missing
                "deny_unknown_fields" | "default" => skip_value(&meta)?,
                // these change the generated code, or the text of serde's errors
                "crate" | "bound" | "expecting" => skip_value(&meta)?,
                _ => return reject(&meta, OPAQUE_TYPE),
            }
            Ok(())
        });
        serde
    }
}

/// serde's attributes of a variant.
#[derive(Default)]
pub(crate) struct SerdeVariant {
    pub rename: Arg<LitStr>,
    pub rename_all: Arg<RenameRule>,
}

impl SerdeVariant {
    pub(crate) fn parse(cx: &Ctxt, attrs: &[Attribute]) -> SerdeVariant {
        let mut serde = SerdeVariant::default();
        read(cx, attrs, "serde", |meta| {
            match name_of(&meta.path).as_str() {
                "rename" => serde.rename.set(cx, &meta.path, same_name(&meta)?),
                "rename_all" => serde.rename_all.set_some(cx, &meta.path, rule(&meta)?),
                // postcard reads a variant by its index, so an alias has no effect; `bound` and `borrow` change the generated
                // code
                "alias" | "bound" | "borrow" => skip_value(&meta)?,
                _ => return reject(&meta, OPAQUE_TYPE),
            }
            Ok(())
        });
        serde
    }
}

/// serde's attributes of a field.
#[derive(Default)]
pub(crate) struct SerdeField {
    pub rename: Arg<LitStr>,
}

impl SerdeField {
    /// A field that is `opaque` may also have attributes that change its encoding.
    pub(crate) fn parse(cx: &Ctxt, attrs: &[Attribute], opaque: bool) -> SerdeField {
        let mut serde = SerdeField::default();
        read(cx, attrs, "serde", |meta| {
            match name_of(&meta.path).as_str() {
                "rename" => serde.rename.set(cx, &meta.path, same_name(&meta)?),
                // postcard reads every field, by its order, so an alias or a default has no effect
                "alias" | "default" => skip_value(&meta)?,
                "bound" | "borrow" => skip_value(&meta)?,
                "with" | "serialize_with" | "deserialize_with" if opaque => skip_value(&meta)?,
                "with" | "serialize_with" | "deserialize_with" => return reject(&meta, OPAQUE_FIELD),
                _ => return reject(&meta, OPAQUE_TYPE),
            }
            Ok(())
        });
        serde
    }
}

const OPAQUE_TYPE: &str = "remove it, or give the type an opaque name, `#[shape(opaque = \"name\")]`";
const OPAQUE_FIELD: &str = "remove it, or give the field an opaque name, `#[shape(opaque = \"name\")]`";

fn reject(meta: &ParseNestedMeta<'_>, help: &str) -> syn::Result<()> {
    let name = name_of(&meta.path);
    // skip the value, so that the keys after this one are checked too
    skip_value(meta)?;
    Err(syn::Error::new_spanned(&meta.path, format_args!("serde's `{name}` is not supported in a shape; help: {help}")))
}

/// Skips `= value` or `(…)` after a key.
fn skip_value(meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
    if meta.input.peek(Token![=]) {
        meta.value()?.parse::<Expr>()?;
    } else if meta.input.peek(syn::token::Paren) {
        meta.input.parse::<proc_macro2::Group>()?;
    }
    Ok(())
}

/// Parses a name that must be the same for both directions: `rename = "…"` or `rename(serialize = "…", deserialize = "…")`.
fn same_name(meta: &ParseNestedMeta<'_>) -> syn::Result<LitStr> {
    if meta.input.peek(Token![=]) {
        return meta.value()?.parse();
    }
    let (mut serialize, mut deserialize) = (None, None);
    meta.parse_nested_meta(|way| {
        let value: LitStr = way.value()?.parse()?;
        match way.path.is_ident("serialize") {
            true => serialize = Some(value),
            false => deserialize = Some(value),
        }
        Ok(())
    })?;
    match (serialize, deserialize) {
        (Some(one), Some(other)) if one.value() == other.value() => Ok(one),
        _ => {
            let name = name_of(&meta.path);
            let message = format!(
                "different names for serialization and deserialization are not supported in a shape; help: write `{name} = \
                                   \"…\"`"
            );
            Err(syn::Error::new_spanned(&meta.path, message))
        }
    }
}

/// Returns `None` for an unknown rule, which serde's derive reports.
fn rule(meta: &ParseNestedMeta<'_>) -> syn::Result<Option<RenameRule>> {
    Ok(RenameRule::parse(&same_name(meta)?.value()))
}
