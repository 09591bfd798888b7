//! `#[model(history(…))]`: past versions of the state.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{DeriveInput, Type};

use super::history::spelled;
use crate::attr::{History, HistoryEntry};
use crate::hygiene::respanned;

/// The generated code for past states.
pub(super) struct PastStates {
    /// The constant `HISTORY` in the model's impl.
    pub constant: TokenStream,
    /// The impls of the past states.
    pub steps: TokenStream,
}

pub(super) fn history(krate: &TokenStream, input: &DeriveInput, version: u32, history: &History) -> PastStates {
    let model = &input.ident;
    let types: Vec<&Type> = history
        .steps
        .iter()
        .filter_map(|step| match step {
            HistoryEntry::Type(ty) => Some(ty),
            HistoryEntry::Value(_) => None,
        })
        .collect();
    let first = version - types.len() as u32;
    let mut rows = Vec::new();
    let mut steps = quote! {
        #[automatically_derived]
        impl #krate::__private::StateUpcast<#model> for #model {
            const VERSION: ::core::primitive::u32 = #version;

            fn into_current(
                self,
                _: &#krate::Recorded<'_>,
            ) -> ::core::result::Result<#model, #krate::__private::ReplayError> {
                ::core::result::Result::Ok(self)
            }
        }
    };
    for (ty, past) in types.into_iter().zip(first..) {
        let span = ty.span();
        let (place, owner) = (respanned(krate, span), respanned(&model.to_token_stream(), span));
        let chain = quote_spanned!(span=> #place::__private::only_state_step::<Self, _, #owner>());
        let header = quote_spanned!(span=> impl #place::__private::StateUpcast<#owner> for #ty);
        let message = format!(
            "`{}` is version {past} of `{model}`, and its upcaster does not return version {}; help: return the next version",
            spelled(ty),
            past + 1
        );
        rows.push(quote!(#krate::__private::StateVersion::past::<#ty>(#past)));
        steps.extend(quote! {
            #[automatically_derived]
            impl #krate::__private::PastState<#model> for #ty {
                const CHAIN: #krate::__private::StateUpcastFrom<Self, #model> = #chain;
            }

            #[automatically_derived]
            #header {
                const VERSION: ::core::primitive::u32 = #past;

                fn into_current(
                    self,
                    recorded: &#krate::Recorded<'_>,
                ) -> ::core::result::Result<#model, #krate::__private::ReplayError> {
                    <Self as #krate::__private::PastState<#model>>::CHAIN.upcast(self, recorded)
                }
            }
        });
        steps.extend(quote_spanned! {span=>
            const _: () = ::core::assert!(
                <#ty as #place::__private::PastState<#owner>>::CHAIN.next() == #past + 1,
                #message
            );
        });
    }
    let constant = quote! {
        const HISTORY: &'static [#krate::__private::StateVersion<Self>] = &[#(#rows),*];
    };
    PastStates { constant, steps }
}
