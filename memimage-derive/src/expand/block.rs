//! `#[memimage::commands]`.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;

use super::{command, event, methods, payload};
use crate::ast::Block;
use crate::attr::runtime;

pub(crate) fn block(block: &Block) -> TokenStream {
    let krate = &runtime(block.args.krate.get());
    let mut tokens = block.source.clone();
    for one in &block.commands {
        payload::payload(krate, block, one).to_tokens(&mut tokens);
        command::implement(krate, block, one).to_tokens(&mut tokens);
    }
    event::event(krate, block).to_tokens(&mut tokens);
    table(krate, block).to_tokens(&mut tokens);
    methods::methods(krate, block).to_tokens(&mut tokens);
    tokens
}

/// The dispatch table.
fn table(krate: &TokenStream, block: &Block) -> TokenStream {
    let model = &block.model;
    let event = block.event();
    let asserted = quote_spanned!(model.span()=> #krate::__private::assert_model::<#model>());
    let rows = block.commands.iter().map(|command| {
        let cfgs = command.cfgs();
        let payload = &command.payload;
        quote!(#(#cfgs)* #krate::__private::EventType::of::<#payload>())
    });
    quote! {
        #[automatically_derived]
        impl #krate::Commands for #model {
            type Event = #event;
            const EVENTS: &'static [#krate::__private::EventType<Self>] = &[#(#rows),*];
        }

        const _: () = #asserted;
    }
}
