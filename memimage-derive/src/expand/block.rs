//! `#[memimage::commands]`.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;

use super::{command, event, lock, methods, payload};
use crate::ast::Block;
use crate::attr::runtime;
use crate::lock::Lock;

pub(crate) fn block(block: &Block, locked: Option<&Lock>) -> TokenStream {
    let krate = &runtime(block.args.krate.get());
    let mut tokens = block.source.clone();
    for one in &block.commands {
        payload::payload(krate, block, one).to_tokens(&mut tokens);
        command::implement(krate, block, one).to_tokens(&mut tokens);
    }
    event::event(krate, block).to_tokens(&mut tokens);
    table(krate, block, locked).to_tokens(&mut tokens);
    methods::methods(krate, block).to_tokens(&mut tokens);
    locked.map(|locked| lock::lock(krate, block, locked)).to_tokens(&mut tokens);
    tokens
}

/// The dispatch table.
fn table(krate: &TokenStream, block: &Block, locked: Option<&Lock>) -> TokenStream {
    let model = &block.model;
    let event = block.event();
    let asserted = quote_spanned!(model.span()=> #krate::__private::assert_model::<#model>());
    let rows = block.commands.iter().map(|command| {
        let cfgs = command.cfgs();
        let payload = &command.payload;
        quote!(#(#cfgs)* #krate::__private::EventType::of::<#payload>())
    });
    let lock = locked.map(|locked| lock::constant(krate, locked));
    quote! {
        #[automatically_derived]
        impl #krate::Commands for #model {
            type Event = #event;
            const EVENTS: &'static [#krate::__private::EventType<Self>] = &[#(#rows),*];
            #lock
        }

        const _: () = #asserted;
    }
}
