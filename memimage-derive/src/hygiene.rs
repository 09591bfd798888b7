//! Hygiene of names and spans: names that cannot collide with the user's, and the replacement of `Self`.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;

/// Creates names that do not occur in the user's tokens.
pub(crate) struct FreshNames {
    taken: BTreeSet<String>,
}

impl FreshNames {
    pub(crate) fn new(tokens: TokenStream) -> FreshNames {
        let mut taken = BTreeSet::new();
        collect(tokens, &mut taken);
        FreshNames { taken }
    }

    /// The identifier `base`, with the fewest leading underscores that make it unique.
    pub(crate) fn ident(&self, base: &str) -> Ident {
        let mut name = base.to_owned();
        while self.taken.contains(&name) {
            name.insert(0, '_');
        }
        Ident::new(&name, Span::mixed_site())
    }
}

fn collect(tokens: TokenStream, taken: &mut BTreeSet<String>) {
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => drop(taken.insert(ident.to_string())),
            TokenTree::Group(group) => collect(group.stream(), taken),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

/// Sets the span of the tokens to `span`, where the compiler then reports errors about them.
pub(crate) fn respanned(tokens: &TokenStream, span: Span) -> TokenStream {
    let place = |mut token: TokenTree| {
        token.set_span(span);
        token
    };
    tokens.clone().into_iter().map(place).collect()
}

/// The spans of the first and last token. If generated code begins with the first span and ends with the second, the compiler
/// underlines all of `tokens` in its errors.
pub(crate) fn ends(tokens: impl ToTokens) -> (Span, Span) {
    let mut tokens = tokens.into_token_stream().into_iter();
    let first = tokens.next().map_or_else(Span::call_site, |token| token.span());
    (first, tokens.last().map_or(first, |token| token.span()))
}

/// An item's body in braces with the span `span`, where the compiler reports errors about the whole item.
pub(crate) fn braced(body: TokenStream, span: Span) -> Group {
    let mut braces = Group::new(Delimiter::Brace, body);
    braces.set_span(span);
    braces
}

/// Replaces each `Self` with `name`, which gets the span of that `Self`. If the expansion copies a type to another item, it
/// must replace `Self`, which means another type there.
pub(crate) fn replace_self(tokens: TokenStream, name: &TokenStream) -> TokenStream {
    let mut replaced = TokenStream::new();
    for token in tokens {
        match token {
            TokenTree::Ident(ident) if ident == "Self" => replaced.extend(respanned(name, ident.span())),
            TokenTree::Group(group) => {
                let mut inner = Group::new(group.delimiter(), replace_self(group.stream(), name));
                inner.set_span(group.span());
                replaced.extend([TokenTree::Group(inner)]);
            }
            other => replaced.extend([other]),
        }
    }
    replaced
}
