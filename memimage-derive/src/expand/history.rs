//! `history(…)`: the rows of past versions in the dispatch table, and the assertion that each upcaster returns the next
//! version.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::Type;
use syn::spanned::Spanned;

use crate::ast::{Block, EventHistory, PastForm, PastVersion};
use crate::hygiene::{braced, respanned};

/// The impls and assertions of the past versions.
pub(crate) fn history(krate: &TokenStream, block: &Block) -> TokenStream {
    let mut tokens = TokenStream::new();
    for event in block.histories() {
        for past in &event.past {
            if let PastForm::Type(ty) = past.form {
                past_version(krate, block, &event, past, ty).to_tokens(&mut tokens);
                direction(krate, block, &event, past, ty).to_tokens(&mut tokens);
            }
        }
    }
    tokens
}

/// The rows of the past versions in the dispatch table.
pub(super) fn rows(krate: &TokenStream, block: &Block) -> Vec<TokenStream> {
    let mut rows = Vec::new();
    for event in block.histories() {
        for past in &event.past {
            let cfgs = event.cfgs();
            let row = row(krate, &event, past);
            rows.push(quote!(#(#cfgs)* #row));
        }
    }
    rows
}

fn row(krate: &TokenStream, event: &EventHistory<'_>, past: &PastVersion<'_>) -> TokenStream {
    let (name, version, payload) = (event.name, past.version, payload(krate, event));
    match &past.form {
        PastForm::Type(ty) => quote!(#krate::__private::EventType::past::<#ty, #payload>(#name, #version)),
        PastForm::Values(functions, target) => {
            let target = target.map_or(payload, ToTokens::to_token_stream);
            let steps = functions.iter().map(|function| {
                let krate = respanned(krate, function.span());
                quote_spanned! {function.span()=>
                    |value: #krate::Value, recorded: &#krate::Recorded<'_>| {
                        #krate::__private::step(#function, value, recorded)
                    }
                }
            });
            quote!(#krate::__private::EventType::values::<#target>(#name, #version, &[#(#steps),*]))
        }
    }
}

/// The event's payload, or `Retired` for a retired event.
fn payload(krate: &TokenStream, event: &EventHistory<'_>) -> TokenStream {
    match event.command {
        Some(command) => command.payload.to_token_stream(),
        None => quote!(#krate::__private::Retired),
    }
}

/// The impls of a past version: its chain of upcasters, and `IntoEvents`, which allows another upcaster to return this version.
/// Only the constant `CHAIN` resolves the chain, and `CHAIN` has the span of the user's type, so that the compiler reports an
/// error once, at that type.
fn past_version(
    krate: &TokenStream,
    block: &Block,
    event: &EventHistory<'_>,
    past: &PastVersion<'_>,
    ty: &Type,
) -> TokenStream {
    let (model, payload) = (&block.model, payload(krate, event));
    let cfgs: Vec<_> = event.cfgs().collect();
    let (name, version) = (event.name, past.version);
    let place = respanned(krate, ty.span());
    let chain = match event.command {
        Some(_) => quote_spanned!(ty.span()=> #place::__private::only_step::<Self, _, #payload, #model>()),
        None => quote_spanned!(ty.span()=> #place::__private::only_retired_step::<Self, _, #model>()),
    };
    let into_events_header = quote_spanned!(ty.span()=> impl #place::IntoEvents<#model> for #ty);
    let into_events_body = quote! {
        const EVENT_VERSION: #krate::__private::EventVersion = #krate::__private::EventVersion::At(#name, #version);

        fn replay_into(
            self,
            at: #krate::__private::Upcasting<'_>,
            target: &mut #krate::__private::ReplayTarget<'_, '_, #model>,
        ) -> ::core::result::Result<(), #krate::__private::ReplayError> {
            <Self as #krate::__private::PastVersion<#payload, #model>>::CHAIN.replay(self, at, target)
        }
    };
    let into_events_body = braced(into_events_body, ty.span());
    quote! {
        #(#cfgs)*
        #[automatically_derived]
        impl #krate::__private::PastVersion<#payload, #model> for #ty {
            const CHAIN: #krate::__private::UpcastChain<Self, #model> = #chain;
        }

        #(#cfgs)*
        #[automatically_derived]
        #into_events_header #into_events_body
    }
}

/// Asserts that if the upcaster of a past version returns a version of the same event, this is the next version that is a type.
fn direction(
    krate: &TokenStream,
    block: &Block,
    event: &EventHistory<'_>,
    past: &PastVersion<'_>,
    ty: &Type,
) -> TokenStream {
    let (name, version, model, cfgs) = (event.name, past.version, &block.model, event.cfgs());
    let payload = respanned(&payload(krate, event), ty.span());
    let next = past.next.unwrap_or_else(|| version.saturating_add(1));
    let help = match past.next {
        Some(_) => format!("help: return version {next} (a history lists the oldest version first)"),
        None => "help: return another event, or `()` to drop it (a history lists the oldest version first)".to_owned(),
    };
    let this = format!("`{}` is version {version} of `{}`, and its upcaster", spelled(ty), name.value());
    let gap = format!("{this} skips version {next}; {help}");
    let down = format!("{this} returns the same version or an older one; {help}");
    let krate = respanned(krate, ty.span());
    quote_spanned! {ty.span()=>
        #(#cfgs)*
        const _: () = match <#ty as #krate::__private::PastVersion<#payload, #model>>::CHAIN.history_error(
            #name,
            #version,
            #next,
        ) {
            #krate::__private::HistoryError::None => {}
            #krate::__private::HistoryError::Gap => ::core::panic!(#gap),
            #krate::__private::HistoryError::Backward => ::core::panic!(#down),
        };
    }
}

/// The text of the type without spaces, for messages.
pub(super) fn spelled(ty: &Type) -> String {
    ty.to_token_stream().to_string().replace(' ', "")
}
