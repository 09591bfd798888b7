//! serde's attributes: the derive of `Shape` applies some, ignores others, and rejects the rest.
//!
//! Payloads are encoded in postcard, which writes neither names nor the lengths of structs: fields follow one another in their
//! order, and a variant is written as its index. An attribute that changes only how serde reads *names* does not change the
//! encoding. An attribute that changes *which* values are written, or how, would make the shape wrong, so it is an error.

use syn::meta::ParseNestedMeta;
use syn::{Attribute, Expr, Field, LitStr, Path, Token};

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
                // these keys change only the code that serde generates, or the text of serde's errors
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

/// How a field is represented in the shape of its type.
#[derive(Clone, Copy)]
pub(crate) enum FieldForm<'a> {
    Plain,
    /// The field has an opaque name, so attributes may change its encoding.
    Opaque,
    /// The field is derived. Contains the key `derived`.
    Derived(&'a Path),
    /// The type has an opaque name, so its fields are not part of the shape.
    OfOpaqueType,
}

/// The keys that make serde skip a field.
#[derive(Default)]
struct Skips {
    skip: Option<Path>,
    skip_serializing: Option<Path>,
    skip_deserializing: Option<Path>,
}

impl SerdeField {
    pub(crate) fn parse(cx: &Ctxt, field: &Field, name: &str, form: FieldForm<'_>) -> SerdeField {
        let (mut serde, mut skips, mut encoding) = (SerdeField::default(), Skips::default(), None);
        read(cx, &field.attrs, "serde", |meta| {
            let key = name_of(&meta.path);
            match (key.as_str(), form) {
                ("skip", _) => skips.skip = Some(meta.path.clone()),
                ("skip_serializing", _) => skips.skip_serializing = Some(meta.path.clone()),
                ("skip_deserializing", _) => skips.skip_deserializing = Some(meta.path.clone()),
                // postcard reads every field, so it could not read a value that was written without the skipped field
                ("skip_serializing_if", FieldForm::Plain | FieldForm::Opaque | FieldForm::OfOpaqueType) => {
                    return reject(&meta, "remove it");
                }
                (_, FieldForm::OfOpaqueType) => skip_value(&meta)?,
                ("rename", _) => serde.rename.set(cx, &meta.path, same_name(&meta)?),
                // postcard reads every field, by its position, so an alias or a default has no effect
                ("alias" | "default", _) => skip_value(&meta)?,
                ("bound" | "borrow", _) => skip_value(&meta)?,
                (_, FieldForm::Derived(_)) => {
                    skip_value(&meta)?;
                    encoding.get_or_insert(meta.path);
                }
                ("with" | "serialize_with" | "deserialize_with", FieldForm::Opaque) => skip_value(&meta)?,
                ("with" | "serialize_with" | "deserialize_with", _) => return reject(&meta, OPAQUE_FIELD),
                _ => return reject(&meta, OPAQUE_TYPE),
            }
            Ok(())
        });
        match form {
            FieldForm::Derived(derived) => skips.require(cx, name, derived, encoding.as_ref()),
            FieldForm::Plain | FieldForm::Opaque => {
                skips.refuse(
                    cx,
                    name,
                    "remove it, or, if the other fields determine the value, write `#[model(derived)]` beside \
                     `#[serde(skip)]`, and `#[model(rebuild = method)]` on the model",
                );
            }
            FieldForm::OfOpaqueType => {
                skips.refuse(cx, name, "remove it, or write a `Deserialize` of the type that fills the field");
            }
        }
        serde
    }
}

impl Skips {
    /// Requires that serde skips a derived field in both directions. Also reports `encoding`, a key that changes the encoding
    /// of its field, and so has no effect on a skipped field.
    fn require(&self, cx: &Ctxt, name: &str, derived: &Path, encoding: Option<&Path>) {
        match (&self.skip, &self.skip_serializing, &self.skip_deserializing) {
            (Some(_), ..) | (None, Some(_), Some(_)) => {
                if let Some(key) = encoding {
                    let what = name_of(key);
                    cx.error(
                        key,
                        format_args!(
                            "serde's `{what}` has no effect on the derived field `{name}`, which is never serialized; help: \
                             remove it"
                        ),
                    );
                }
            }
            (None, Some(key), None) | (None, None, Some(key)) => {
                let what = name_of(key);
                cx.error(
                    key,
                    format_args!(
                        "serde's `{what}` leaves out the derived field `{name}` in one direction only; help: write \
                         `#[serde(skip)]`"
                    ),
                );
            }
            (None, None, None) => {
                cx.error(derived, format_args!("the derived field `{name}` is serialized; help: add `#[serde(skip)]`"));
            }
        }
    }

    fn refuse(&self, cx: &Ctxt, name: &str, help: &str) {
        let key = self.skip.as_ref().or(self.skip_serializing.as_ref()).or(self.skip_deserializing.as_ref());
        if let Some(key) = key {
            let what = name_of(key);
            cx.error(
                key,
                format_args!("serde's `{what}` loses the field `{name}` when the state is stored; help: {help}"),
            );
        }
    }
}

/// The first key that makes serde skip a field.
pub(crate) fn skipped(attrs: &[Attribute]) -> Option<Path> {
    let mut found = None;
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("serde")) {
        // serde's derive reports a malformed attribute
        let _ = attr.parse_nested_meta(|meta| {
            if matches!(name_of(&meta.path).as_str(), "skip" | "skip_serializing" | "skip_deserializing") {
                found.get_or_insert(meta.path.clone());
            }
            skip_value(&meta)
        });
    }
    found
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

/// Parses a name that must be the same for serialization and deserialization: `rename = "…"` or `rename(serialize = "…",
/// deserialize = "…")`.
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

/// Parses the rule of `rename_all`. Returns `None` for an unknown rule: serde's derive reports it.
fn rule(meta: &ParseNestedMeta<'_>) -> syn::Result<Option<RenameRule>> {
    Ok(RenameRule::parse(&same_name(meta)?.value()))
}
