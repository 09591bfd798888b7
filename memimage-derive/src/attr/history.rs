//! `history(…)`: the past versions of a payload or of a model, oldest first.

use syn::meta::ParseNestedMeta;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Path, Token, Type};

/// What is written in `history(…)`.
pub(crate) struct History {
    /// The key, for errors about all of it.
    pub key: Path,
    pub steps: Vec<Step>,
}

const NO_STEP: &str = "a past version is the type that keeps its shape, or `value = function` for a step on values";

/// One past version.
pub(crate) enum Step {
    /// Kept as a type, with an upcaster of its own.
    Type(Type),
    /// `value = function`: not kept; the function takes its values one version further.
    Value(Path),
}

impl History {
    pub(crate) fn parse(meta: &ParseNestedMeta<'_>) -> syn::Result<History> {
        let list;
        syn::parenthesized!(list in meta.input);
        let steps: Vec<_> = Punctuated::<Step, Token![,]>::parse_terminated(&list)?.into_iter().collect();
        match steps.is_empty() {
            true => Err(syn::Error::new_spanned(
                &meta.path,
                "an empty history: list the past versions, oldest first, or remove it",
            )),
            false => Ok(History { key: meta.path.clone(), steps }),
        }
    }
}

impl Parse for Step {
    fn parse(input: ParseStream<'_>) -> syn::Result<Step> {
        mod kw {
            syn::custom_keyword!(value);
        }
        if input.peek(kw::value) && input.peek2(Token![=]) {
            input.parse::<kw::value>()?;
            input.parse::<Token![=]>()?;
            return Ok(Step::Value(input.call(Path::parse_mod_style)?));
        }
        let place = input.span();
        let step = input.parse::<Type>().map_err(|_| syn::Error::new(place, NO_STEP))?;
        match input.is_empty() || input.peek(Token![,]) {
            true => Ok(Step::Type(step)),
            false => Err(syn::Error::new(place, NO_STEP)),
        }
    }
}
