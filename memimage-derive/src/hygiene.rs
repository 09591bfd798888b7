//! Names of ours beside the user's: fresh ones that cannot clash, and `Self` where it would mean another type.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;

/// Makes names that occur nowhere in the user's tokens.
pub(crate) struct FreshNames {
    taken: BTreeSet<String>,
}

impl FreshNames {
    pub(crate) fn new(tokens: TokenStream) -> FreshNames {
        let mut taken = BTreeSet::new();
        collect(tokens, &mut taken);
        FreshNames { taken }
    }

    /// `base`, with as many underscores in front as it takes to be nobody else's.
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

/// The tokens, at the place of the user's code that an error about them is to show.
pub(crate) fn respanned(tokens: &TokenStream, span: Span) -> TokenStream {
    let place = |mut token: TokenTree| {
        token.set_span(span);
        token
    };
    tokens.clone().into_iter().map(place).collect()
}

/// The places of the first token and of the last. An error about tokens from one to the other shows all of the user's tokens.
pub(crate) fn ends(tokens: impl ToTokens) -> (Span, Span) {
    let mut tokens = tokens.into_token_stream().into_iter();
    let first = tokens.next().map_or_else(Span::call_site, |token| token.span());
    (first, tokens.last().map_or(first, |token| token.span()))
}

/// An item's body in braces that are at the place of its header: an error about the whole item is shown there.
pub(crate) fn braced(body: TokenStream, span: Span) -> Group {
    let mut braces = Group::new(Delimiter::Brace, body);
    braces.set_span(span);
    braces
}

/// The tokens with each `Self` replaced by `name`, at the place of the `Self`: for types that move to another item.
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
