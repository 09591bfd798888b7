//! The dispatch table of a block, and the path of the model's dispatch table.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;

use super::{history, lock};
use crate::ast::Block;
use crate::hygiene::respanned;
use crate::shape_lock::ModelLock;

/// The dispatch table: first the current version of each command, in the order of the block, then the past versions.
pub(super) fn table(krate: &TokenStream, block: &Block, locked: Option<&ModelLock>) -> TokenStream {
    let model = &block.model;
    let event = block.event();
    let newest = block.commands.iter().map(|command| {
        let cfgs = command.cfgs();
        let payload = &command.payload;
        let row = if command.is_replay_only() { quote!(of) } else { quote!(command) };
        quote!(#(#cfgs)* #krate::__private::EventType::#row::<#payload>())
    });
    let rows = newest.chain(history::rows(krate, block));
    let lock = locked.map(|locked| lock::constants(krate, block, locked));
    let about = variants(block);
    let rows = quote! {
        #[doc = #about]
        type Event = #event;
        const EVENTS: &'static [#krate::__private::EventType<#model>] = &[#(#rows),*];
        #lock
    };
    let (table, asserted) = match block.args.group.get() {
        Some(group) => (group_of(krate, block, group, &rows), listed(krate, block, group)),
        None => (
            quote!(#[automatically_derived] impl #krate::Commands for #model { #rows }),
            quote_spanned!(model.span()=> const _: () = #krate::__private::assert_model::<#model>();),
        ),
    };
    quote! {
        #table

        #asserted
    }
}

/// The docs of the associated type `Event`. These docs list the variants, because the event enum of a model with one block has
/// no page of its own.
fn variants(block: &Block) -> String {
    let variants: Vec<_> =
        block.commands.iter().map(|command| format!("`{}({})`", command.variant, command.payload)).collect();
    format!("An enum with one variant for each command: {}.", variants.join(", "))
}

/// The dispatch table of the whole model. A group refers to this table through the trait `Model`. If the model has no group
/// list, only the derive of the model reports an error.
pub(super) fn whole_table(krate: &TokenStream, block: &Block) -> TokenStream {
    let model = &block.model;
    match block.args.group.get() {
        Some(_) => quote_spanned!(model.span()=> #krate::__private::events_of::<#model>()),
        None => quote!(<#model as #krate::Commands>::EVENTS),
    }
}

/// Asserts that the model lists the group. If the model did not list a group, a program could call the group's commands, but
/// not replay them.
fn listed(krate: &TokenStream, block: &Block, group: &Ident) -> TokenStream {
    let whole = whole_table(krate, block);
    let message =
        format!("`{}` does not list this group; help: write `#[model(groups(…, {group}))]`", block.model_name());
    let (krate, model) = (respanned(krate, group.span()), respanned(&block.model.to_token_stream(), group.span()));
    quote_spanned! {group.span()=>
        const _: () = ::core::assert!(
            #krate::__private::is_listed(#whole, <#group as #krate::__private::Group<#model>>::EVENTS),
            #message
        );
    }
}

/// The struct that represents a group, with the group's part of the dispatch table.
pub(crate) fn group_of(krate: &TokenStream, block: &Block, group: &Ident, rows: &TokenStream) -> TokenStream {
    let (model, vis) = (&block.model, block.vis_of_group());
    let about = format!("A group of commands of `{}`, which the model lists.", block.model_name());
    quote! {
        #[doc = #about]
        #[allow(missing_copy_implementations, missing_debug_implementations, unreachable_pub)]
        #vis struct #group;

        #[automatically_derived]
        impl #krate::__private::Group<#model> for #group {
            #rows
        }
    }
}
