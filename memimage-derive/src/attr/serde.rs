//! serde's attributes: which of them a shape follows, which do not matter to it, and which it must refuse.
//!
//! A payload is written in postcard, which writes neither names nor lengths of structs: fields follow one another in
//! their order, and a variant is its index. So what only changes how *names* are read does not change what is written,
//! and a shape only has to follow the names themselves. What changes *which* values are written, or how, would make the
//! shape a lie, and is refused.

use syn::meta::ParseNestedMeta;
use syn::{Attribute, Expr, LitStr, Token};

use super::{Once, name_of, read};
use crate::case::RenameRule;
use crate::ctxt::Ctxt;

/// serde's attributes of a type.
#[derive(Default)]
pub(crate) struct SerdeContainer {
    pub rename_all: Once<RenameRule>,
    pub rename_all_fields: Once<RenameRule>,
    pub transparent: Once<()>,
}

impl SerdeContainer {
    pub(crate) fn parse(cx: &Ctxt, attrs: &[Attribute]) -> SerdeContainer {
        let mut serde = SerdeContainer::default();
        read(cx, attrs, "serde", |meta| {
            match name_of(&meta.path).as_str() {
                "rename_all" => serde.rename_all.set_some(cx, &meta.path, rule(&meta)?),
                "rename_all_fields" => serde.rename_all_fields.set_some(cx, &meta.path, rule(&meta)?),
                "transparent" => serde.transparent.set(cx, &meta.path, ()),
                // A type's name is no part of a shape, and postcard does not write it.
                "rename" => skip_value(&meta)?,
                // postcard reads exactly the fields of the type: none is unknown, none is missing, none has a second name.
                "deny_unknown_fields" | "default" => skip_value(&meta)?,
                // These are about the code that serde makes, or the text of its errors.
                "crate" | "bound" | "expecting" => skip_value(&meta)?,
                _ => return refuse(&meta, OPAQUE_TYPE),
            }
            Ok(())
        });
        serde
    }
}

/// serde's attributes of a variant.
#[derive(Default)]
pub(crate) struct SerdeVariant {
    pub rename: Once<LitStr>,
    pub rename_all: Once<RenameRule>,
}

impl SerdeVariant {
    pub(crate) fn parse(cx: &Ctxt, attrs: &[Attribute]) -> SerdeVariant {
        let mut serde = SerdeVariant::default();
        read(cx, attrs, "serde", |meta| {
            match name_of(&meta.path).as_str() {
                "rename" => serde.rename.set(cx, &meta.path, both_ways(&meta)?),
                "rename_all" => serde.rename_all.set_some(cx, &meta.path, rule(&meta)?),
                // A variant is read by its index, so a second name is never looked at; `bound` and `borrow` are about code.
                "alias" | "bound" | "borrow" => skip_value(&meta)?,
                _ => return refuse(&meta, OPAQUE_TYPE),
            }
            Ok(())
        });
        serde
    }
}

/// serde's attributes of a field.
#[derive(Default)]
pub(crate) struct SerdeField {
    pub rename: Once<LitStr>,
}

impl SerdeField {
    /// With `opaque`, the field is known by a name only, and how it is written is its own affair.
    pub(crate) fn parse(cx: &Ctxt, attrs: &[Attribute], opaque: bool) -> SerdeField {
        let mut serde = SerdeField::default();
        read(cx, attrs, "serde", |meta| {
            match name_of(&meta.path).as_str() {
                "rename" => serde.rename.set(cx, &meta.path, both_ways(&meta)?),
                // postcard reads fields by their order and each of them: no second name, no missing field.
                "alias" | "default" => skip_value(&meta)?,
                "bound" | "borrow" => skip_value(&meta)?,
                "with" | "serialize_with" | "deserialize_with" if opaque => skip_value(&meta)?,
                "with" | "serialize_with" | "deserialize_with" => return refuse(&meta, OPAQUE_FIELD),
                _ => return refuse(&meta, OPAQUE_TYPE),
            }
            Ok(())
        });
        serde
    }
}

const OPAQUE_TYPE: &str = "remove it, or make the whole type known by a name only: `#[shape(opaque = \"name\")]`";
const OPAQUE_FIELD: &str = "remove it, or make the field known by a name only: `#[shape(opaque = \"name\")]`";

fn refuse(meta: &ParseNestedMeta<'_>, mend: &str) -> syn::Result<()> {
    let name = name_of(&meta.path);
    // Read to its end, so that what follows it is judged too.
    skip_value(meta)?;
    Err(syn::Error::new_spanned(&meta.path, format_args!("a shape cannot follow serde's `{name}`: {mend}")))
}

/// Passes over `= value` or `(…)`, whichever follows the key.
fn skip_value(meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
    if meta.input.peek(Token![=]) {
        meta.value()?.parse::<Expr>()?;
    } else if meta.input.peek(syn::token::Paren) {
        meta.input.parse::<proc_macro2::Group>()?;
    }
    Ok(())
}

/// A name that is the same in both directions: `rename = "…"` or `rename(serialize = "…", deserialize = "…")`.
fn both_ways(meta: &ParseNestedMeta<'_>) -> syn::Result<LitStr> {
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
            let message = format!("a shape has one name for both directions: write `{name} = \"…\"`");
            Err(syn::Error::new_spanned(&meta.path, message))
        }
    }
}

/// Nothing for a rule that serde does not know: its derive says so.
fn rule(meta: &ParseNestedMeta<'_>) -> syn::Result<Option<RenameRule>> {
    Ok(RenameRule::parse(&both_ways(meta)?.value()))
}
