//! `history(…)`: the past versions of a payload or of a model, oldest first.

use syn::meta::ParseNestedMeta;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Path, Token, Type};

/// The value of `history(…)`.
pub(crate) struct History {
    /// The key `history`, at which errors about the whole history are reported.
    pub key: Path,
    pub steps: Vec<HistoryEntry>,
}

const NOT_AN_ENTRY: &str = "expected a past version; help: write the type that has its shape, or `value = function` for a \
                            step on values";

/// One past version.
pub(crate) enum HistoryEntry {
    /// A type with an upcaster.
    Type(Type),
    /// `value = function`: a step on values. The function converts a value of this version to a value of the next version.
    Value(Path),
}

impl History {
    pub(crate) fn parse(meta: &ParseNestedMeta<'_>) -> syn::Result<History> {
        let list;
        syn::parenthesized!(list in meta.input);
        let steps: Vec<_> = Punctuated::<HistoryEntry, Token![,]>::parse_terminated(&list)?.into_iter().collect();
        match steps.is_empty() {
            true => Err(syn::Error::new_spanned(
                &meta.path,
                "empty `history(…)`; help: list the past versions, oldest first, or remove the key",
            )),
            false => Ok(History { key: meta.path.clone(), steps }),
        }
    }
}

impl Parse for HistoryEntry {
    fn parse(input: ParseStream<'_>) -> syn::Result<HistoryEntry> {
        mod kw {
            syn::custom_keyword!(value);
        }
        if input.peek(kw::value) && input.peek2(Token![=]) {
            input.parse::<kw::value>()?;
            input.parse::<Token![=]>()?;
            return Ok(HistoryEntry::Value(input.call(Path::parse_mod_style)?));
        }
        let place = input.span();
        let step = input.parse::<Type>().map_err(|_| syn::Error::new(place, NOT_AN_ENTRY))?;
        match input.is_empty() || input.peek(Token![,]) {
            true => Ok(HistoryEntry::Type(step)),
            false => Err(syn::Error::new(place, NOT_AN_ENTRY)),
        }
    }
}
