//! Parses the attributes, one file for each kind of attribute.

mod history;
mod derived;
mod lock;
mod retired;
mod command;
mod model;
mod projection;
mod serde;
mod shape;
mod upcast;

pub(crate) use self::command::{BlockArgs, CommandArgs};
pub(crate) use self::derived::ModelField;
pub(crate) use self::history::{History, HistoryEntry};
pub(crate) use self::lock::LockArg;
pub(crate) use self::model::ModelArgs;
pub(crate) use self::projection::{OnArgs, ProjectionArgs};
pub(crate) use self::retired::Retired;
pub(crate) use self::serde::{FieldForm, SerdeContainer, SerdeField, SerdeVariant, skipped};
pub(crate) use self::shape::{ShapeContainer, ShapeField};
pub(crate) use self::upcast::UpcastArgs;

use proc_macro2::TokenStream;
use syn::meta::ParseNestedMeta;
use syn::{Attribute, Ident, LitInt, LitStr, Path};

use crate::ctxt::Ctxt;

/// The path of the runtime crate: `::memimage`, unless `crate = …` gives another path.
pub(crate) fn runtime(path: Option<&Path>) -> TokenStream {
    match path {
        Some(path) => quote::quote!(#path),
        None => quote::quote!(::memimage),
    }
}

/// The value of a key that may occur once.
pub(crate) struct Arg<T>(Option<T>);

impl<T> Default for Arg<T> {
    fn default() -> Arg<T> {
        Arg(None)
    }
}

impl<T> Arg<T> {
    fn set(&mut self, cx: &Ctxt, key: &Path, value: T) {
        match self.0 {
            Some(_) => cx.error(key, format_args!("duplicate key `{}`; help: remove one", name_of(key))),
            None => self.0 = Some(value),
        }
    }

    /// Calls [`set`](Arg::set) if `value` is `Some`.
    fn set_some(&mut self, cx: &Ctxt, key: &Path, value: Option<T>) {
        if let Some(value) = value {
            self.set(cx, key, value);
        }
    }

    /// Sets a default, unless the user gave a value.
    pub(crate) fn fill(&mut self, value: T) {
        self.0.get_or_insert(value);
    }

    pub(crate) fn get(&self) -> Option<&T> {
        self.0.as_ref()
    }

    fn take(self) -> Option<T> {
        self.0
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.is_some()
    }
}

/// Parses the keys of each attribute `#[name(…)]`. Returns whether every attribute was valid.
fn read(
    cx: &Ctxt,
    attrs: &[Attribute],
    name: &str,
    mut key: impl FnMut(ParseNestedMeta<'_>) -> syn::Result<()>,
) -> bool {
    let mut all = true;
    for attr in attrs.iter().filter(|attr| attr.path().is_ident(name)) {
        if let syn::Meta::List(list) = &attr.meta
            && list.tokens.is_empty()
        {
            continue;
        }
        all &= cx.ok(attr.parse_nested_meta(&mut key)).is_some();
    }
    all
}

fn name_of(path: &Path) -> String {
    quote::quote!(#path).to_string().replace(' ', "")
}

fn unknown(meta: &ParseNestedMeta<'_>, known: &str) -> syn::Error {
    syn::Error::new_spanned(&meta.path, format_args!("unknown key `{}`; help: {known}", name_of(&meta.path)))
}

/// Parses `= "name"`, a name that is written to the journal.
fn name(meta: &ParseNestedMeta<'_>) -> syn::Result<LitStr> {
    let name: LitStr = meta.value()?.parse()?;
    match name.value().trim().is_empty() {
        true => Err(syn::Error::new_spanned(name, "empty name; help: give the name to write to the journal")),
        false => Ok(name),
    }
}

/// Parses `= name`, a method of `owner`. Reports a string or a path as an error, but returns the name inside it.
fn method(cx: &Ctxt, meta: &ParseNestedMeta<'_>, owner: &str) -> syn::Result<Ident> {
    let (key, input) = (name_of(&meta.path), meta.value()?);
    if input.peek(LitStr) {
        let text: LitStr = input.parse()?;
        let what = format!("`{key}` takes the name of a method, not a string; help: write `{key} = ");
        let name: Ident = text.parse().map_err(|_| syn::Error::new(text.span(), format_args!("{what}name`")))?;
        cx.error(&text, format_args!("{what}{name}`"));
        return Ok(name);
    }
    let path = input.call(Path::parse_mod_style)?;
    if let Some(name) = path.get_ident() {
        return Ok(name.clone());
    }
    let name = path.segments.last().expect("a path has a last segment").ident.clone();
    let message = format!("`{key}` takes the name of a method of {owner}, not a path; help: write `{key} = {name}`");
    cx.error(&path, message);
    Ok(name)
}

/// Parses `= N`, a version that is written to the journal.
fn version(meta: &ParseNestedMeta<'_>) -> syn::Result<u32> {
    let literal: LitInt = meta.value()?.parse()?;
    match literal.base10_parse()? {
        0 => Err(syn::Error::new_spanned(literal, "invalid version `0`; help: count versions from 1")),
        version => Ok(version),
    }
}
