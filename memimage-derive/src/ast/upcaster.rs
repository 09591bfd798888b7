//! A function with `#[memimage::upcast]`.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, FnArg, Ident, PatType, ReturnType, Signature, Type, Visibility};

pub(crate) struct Upcaster {
    pub attrs: Vec<Attribute>,
    pub sig: Signature,
    /// The function's tokens.
    pub source: TokenStream,
}

/// The result of an upcaster.
pub(crate) enum UpcasterOutput<'a> {
    /// The upcaster returns nothing, so the event is dropped.
    Nothing,
    Next(&'a Type),
    /// A type with the name `Result`.
    Result(&'a Type),
}

impl Parse for Upcaster {
    fn parse(input: ParseStream<'_>) -> syn::Result<Upcaster> {
        let attrs = input.call(Attribute::parse_outer)?;
        let vis: Visibility = input.parse()?;
        let sig: Signature = input.parse()?;
        let body: TokenStream = input.parse()?;
        let mut source = TokenStream::new();
        source.extend(attrs.iter().map(ToTokens::to_token_stream));
        vis.to_tokens(&mut source);
        sig.to_tokens(&mut source);
        source.extend(body);
        Ok(Upcaster { attrs, sig, source })
    }
}

impl Upcaster {
    pub(crate) fn name(&self) -> &Ident {
        &self.sig.ident
    }

    /// The argument that receives the past version. The rules in `check` guarantee that this argument exists.
    pub(crate) fn old(&self) -> Option<&PatType> {
        match self.sig.inputs.first()? {
            FnArg::Typed(typed) => Some(typed),
            FnArg::Receiver(_) => None,
        }
    }

    /// Whether the upcaster takes `&Recorded`.
    pub(crate) fn takes_recorded(&self) -> bool {
        self.sig.inputs.len() > 1
    }

    pub(crate) fn output(&self) -> UpcasterOutput<'_> {
        match &self.sig.output {
            ReturnType::Default => UpcasterOutput::Nothing,
            ReturnType::Type(_, ty) => match &**ty {
                Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "Result") => {
                    UpcasterOutput::Result(ty)
                }
                _ => UpcasterOutput::Next(ty),
            },
        }
    }

    pub(crate) fn cfgs(&self) -> impl Iterator<Item = &Attribute> {
        self.attrs.iter().filter(|attr| attr.path().is_ident("cfg"))
    }
}
