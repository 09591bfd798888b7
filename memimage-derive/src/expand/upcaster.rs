//! `#[memimage::upcast]`: the `Upcast` impl of the past type, which calls the user's function.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{PatType, Type};

use crate::ast::{Upcaster, UpcasterOutput};
use crate::hygiene::{FreshNames, braced, respanned};

/// The user's function, and the `Upcast` impl that calls it.
pub(crate) fn upcaster(krate: &TokenStream, upcaster: &Upcaster) -> TokenStream {
    let name = upcaster.name();
    let recorded = upcaster.takes_recorded().then(|| Ident::new("recorded", Span::mixed_site()));
    let more = recorded.as_ref().map(|recorded| quote!(, #recorded));
    let call = match upcaster.output() {
        UpcasterOutput::Nothing => quote!({ #name(self #more); ::core::result::Result::Ok(()) }),
        UpcasterOutput::Next(_) => quote!(::core::result::Result::Ok(#name(self #more))),
        UpcasterOutput::Result(ty) => {
            let (span, this) = (ty.span(), quote!(self));
            let krate = respanned(krate, span);
            quote_spanned! {span=>
                <#ty as #krate::__private::Fallible>::into_result(#name(#this #more))
                    .map_err(#krate::__private::UpcastFailure::failure)
            }
        }
    };
    let implementation = implement(krate, upcaster, recorded.as_ref(), &call);
    let source = &upcaster.source;
    quote!(#source #implementation)
}

/// The `Upcast` impl with the given body.
fn implement(
    krate: &TokenStream,
    upcaster: &Upcaster,
    recorded: Option<&Ident>,
    body: &TokenStream,
) -> Option<TokenStream> {
    let PatType { ty: old, .. } = upcaster.old()?;
    let cfgs = upcaster.cfgs();
    let next = next(krate, &upcaster.output());
    let recorded = recorded.map_or_else(|| quote!(_), |recorded| quote!(#recorded));
    let place = respanned(krate, old.span());
    let goal = FreshNames::new(upcaster.sig.to_token_stream()).ident("C");
    let header = quote_spanned! {old.span()=>
        impl<#goal: #place::__private::UpcastGoal> #place::Upcast<#next, #goal> for #old
        where
            #next: #place::__private::UpcastTarget<#goal>,
    };
    let (place, this) = (respanned(krate, next.span()), quote!(self));
    let function = quote_spanned! {next.span()=>
        fn upcast(
            #this,
            #recorded: &#place::Recorded<'_>,
        ) -> ::core::result::Result<#next, #place::UpcastError> {
            #body
        }
    };
    let body = quote! {
        const TARGET: <#goal as #krate::__private::UpcastGoal>::Target<#next> =
            <#next as #krate::__private::UpcastTarget<#goal>>::TARGET;

        #[inline]
        #function
    };
    let body = braced(body, old.span());
    Some(quote! {
        #(#cfgs)*
        #[automatically_derived]
        #header #body
    })
}

/// The type that the upcaster returns.
pub(crate) fn next(krate: &TokenStream, output: &UpcasterOutput<'_>) -> TokenStream {
    match output {
        UpcasterOutput::Nothing => quote!(()),
        UpcasterOutput::Next(ty) => quote!(#ty),
        UpcasterOutput::Result(ty) => {
            let span = Type::span(ty);
            let krate = respanned(krate, span);
            quote_spanned!(span=> <#ty as #krate::__private::Fallible>::Output)
        }
    }
}
