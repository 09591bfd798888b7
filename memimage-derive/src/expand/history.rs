//! `history(…)`: past versions as rows of the dispatch table, and the rule that each step leads to the version after it.
//!
//! All that is asked of a past type is asked in the same words at the same place, its token in the history, so that one
//! mistake is one error: rustc does not repeat what it has said.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::Type;
use syn::spanned::Spanned;

use crate::ast::{Block, Command, Past, Way};
use crate::hygiene::{Fresh, braced, placed};

/// What is emitted for the past versions, beside their rows.
pub(crate) fn history(krate: &TokenStream, block: &Block) -> TokenStream {
    let mut tokens = TokenStream::new();
    for command in &block.commands {
        for past in command.past() {
            if let Way::Type(ty) = past.way {
                landing(krate, block, command, &past, ty).to_tokens(&mut tokens);
                direction(krate, block, command, &past, ty).to_tokens(&mut tokens);
            }
        }
    }
    tokens
}

/// Their rows in the dispatch table.
pub(super) fn rows<'a>(krate: &'a TokenStream, block: &'a Block) -> impl Iterator<Item = TokenStream> + 'a {
    block.commands.iter().flat_map(move |command| {
        command.past().map(move |past| {
            let cfgs = command.cfgs();
            let row = row(krate, block, command, &past);
            quote!(#(#cfgs)* #row)
        })
    })
}

fn row(krate: &TokenStream, block: &Block, command: &Command, past: &Past<'_>) -> TokenStream {
    let (name, version) = (&command.name, past.version);
    match &past.way {
        Way::Type(ty) => {
            let step = step(krate, block, command, ty);
            quote!(#krate::__private::EventType::past(#name, #version, #step::PAST))
        }
        Way::Values(functions, target) => {
            let target = target.map_or_else(|| command.payload.to_token_stream(), ToTokens::to_token_stream);
            let steps = functions.iter().map(|function| {
                let krate = placed(krate, function.span());
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

/// A past version as what another one may lead to.
fn landing(krate: &TokenStream, block: &Block, command: &Command, past: &Past<'_>, ty: &Type) -> TokenStream {
    let (model, cfgs) = (&block.model, command.cfgs());
    let (name, version) = (&command.name, past.version);
    let sink = Fresh::new(block.source.clone()).ident("S");
    let step = step(krate, block, command, ty);
    let header = {
        let krate = placed(krate, ty.span());
        quote_spanned!(ty.span()=> impl #krate::Land<#model> for #ty)
    };
    let body = quote! {
        const STANDS: #krate::__private::Stands = #krate::__private::Stands::At(#name, #version);

        #[inline]
        fn land<#sink: #krate::__private::Sink<#model>>(
            self,
            at: #krate::__private::Landing<'_>,
            sink: &mut #sink,
        ) -> ::core::result::Result<(), #krate::__private::Fault> {
            #step::onward(self, at, sink)
        }
    };
    let body = braced(body, ty.span());
    quote! {
        #(#cfgs)*
        #[automatically_derived]
        #header #body
    }
}

/// Makes sure that the step leads to the next version, if it leads to one of the same event.
fn direction(krate: &TokenStream, block: &Block, command: &Command, past: &Past<'_>, ty: &Type) -> TokenStream {
    let (name, &Past { version, next, .. }) = (&command.name, past);
    let cfgs = command.cfgs();
    let step = step(krate, block, command, ty);
    let this = format!("`{}` is version {version} of `{}`, and its upcaster", spelled(ty), name.value());
    let gap = format!("{this} passes over version {next}: lead it there");
    let down = format!("{this} leads to the same version or an older one: lead it to version {next}");
    let span = ty.span();
    let krate = placed(krate, span);
    quote_spanned! {span=>
        #(#cfgs)*
        const _: () = match #krate::__private::astray(#step::NEXT, #name, #version, #next) {
            #krate::__private::Astray::No => {}
            #krate::__private::Astray::Gap => ::core::panic!(#gap),
            #krate::__private::Astray::Down => ::core::panic!(#down),
        };
    }
}

/// The past type as one, at its own place.
fn step(krate: &TokenStream, block: &Block, command: &Command, ty: &Type) -> TokenStream {
    let (model, payload) = (&block.model, &command.payload);
    let span = ty.span();
    let (krate, model) = (placed(krate, span), placed(&model.to_token_stream(), span));
    let payload = placed(&payload.to_token_stream(), span);
    quote_spanned!(span=> <#ty as #krate::__private::PastVersionOf<#payload, #model>>)
}

/// A type as it is written.
pub(super) fn spelled(ty: &Type) -> String {
    ty.to_token_stream().to_string().replace(' ', "")
}
