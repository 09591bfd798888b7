//! The event enum. This enum has one variant for each command, and the variant contains the command's payload.

use proc_macro2::TokenStream;
use quote::quote;

use super::payload::{derives, documentation};
use crate::ast::Block;

pub(crate) fn event(krate: &TokenStream, block: &Block) -> TokenStream {
    let definition = definition(block);
    let (model, event) = (&block.model, block.event());
    let arm = |constant: TokenStream| {
        let arms = block.commands.iter().map(move |command| {
            let (cfgs, variant, payload) = (command.cfgs(), &command.variant, &command.payload);
            quote!(#(#cfgs)* Self::#variant(_) => <#payload as #krate::Payload<#model>>::#constant)
        });
        quote!(match *self { #(#arms,)* })
    };
    let (names, versions) = (arm(quote!(NAME)), arm(quote!(VERSION)));
    let takes = block.commands.iter().map(|command| {
        let (cfgs, variant, payload) = (command.cfgs(), &command.variant, &command.payload);
        quote! {
            #(#cfgs)*
            if let ::core::option::Option::Some(payload) =
                payload.downcast_mut::<::core::option::Option<#payload>>()
            {
                return payload.take().map(Self::#variant);
            }
        }
    });
    let conversions = conversions(block);
    let into_events = into_events(krate, block);
    quote! {
        #definition

        #[automatically_derived]
        impl #krate::Event for #event {
            fn name(&self) -> &'static ::core::primitive::str {
                #names
            }

            fn version(&self) -> ::core::primitive::u32 {
                #versions
            }

            fn take(payload: &mut dyn ::core::any::Any) -> ::core::option::Option<Self> {
                #(#takes)*
                ::core::option::Option::None
            }
        }

        #conversions
        #into_events
    }
}

/// The `IntoEvents` impls, which allow an upcaster to return a payload or the event enum.
fn into_events(krate: &TokenStream, block: &Block) -> TokenStream {
    let (model, event) = (&block.model, block.event());
    let implement = |event_version: TokenStream, this: &TokenStream, body: TokenStream| {
        quote! {
            #[automatically_derived]
            impl #krate::IntoEvents<#model> for #this {
                const EVENT_VERSION: #krate::__private::EventVersion = #event_version;

                #[inline]
                fn replay_into(
                    self,
                    at: #krate::__private::Upcasting<'_>,
                    target: &mut #krate::__private::ReplayTarget<'_, '_, #model>,
                ) -> ::core::result::Result<(), #krate::__private::ReplayError> {
                    #body
                }
            }
        }
    };
    let payloads = block.commands.iter().map(|command| {
        let (cfgs, payload) = (command.cfgs(), &command.payload);
        let (name, version) = (&command.name, command.version());
        let event_version = quote!(#krate::__private::EventVersion::At(#name, #version));
        let implementation =
            implement(event_version, &quote!(#payload), quote!(#krate::__private::deliver(self, at, target)));
        quote!(#(#cfgs)* #implementation)
    });
    let arms = block.commands.iter().map(|command| {
        let (cfgs, variant) = (command.cfgs(), &command.variant);
        quote!(#(#cfgs)* Self::#variant(payload) => #krate::IntoEvents::<#model>::replay_into(payload, at, target))
    });
    let open = quote!(#krate::__private::EventVersion::Open);
    let whole = implement(open, &quote!(#event), quote!(match self { #(#arms,)* }));
    quote!(#(#payloads)* #whole)
}

/// Puts the event enum and its impls into the right scope. The enum of a group is an item beside the block. The enum of a whole
/// model is an associated type, so it must be as visible as the model, but the impl block does not show the model's visibility.
/// The expansion therefore defines this enum inside an unnamed constant, and the derive of the model declares an alias for the
/// enum, with the model's visibility.
pub(crate) fn scoped(block: &Block, items: &TokenStream) -> TokenStream {
    match block.args.group.get() {
        Some(_) => items.clone(),
        None => quote!(const _: () = { #items };),
    }
}

/// The definition of the event enum.
pub(crate) fn definition(block: &Block) -> TokenStream {
    let event = block.event();
    let about =
        format!("The events of `{}`: for each command, one variant with the command's arguments.", block.model_name());
    let derives = derives(block);
    let vis = match block.args.group.get() {
        Some(_) => block.vis_of_group(),
        None => syn::parse_quote!(pub),
    };
    let variants = block.commands.iter().map(|command| {
        let (cfgs, variant, payload) = (command.cfgs(), &command.variant, &command.payload);
        let docs = documentation(&format!("The event `{}`.", command.name.value()), command);
        quote!(#(#cfgs)* #docs #variant(#payload))
    });
    quote! {
        #[doc = #about]
        #derives
        #[allow(
            dead_code,
            missing_copy_implementations,
            missing_debug_implementations,
            private_interfaces,
            unreachable_pub,
            clippy::all,
            clippy::pedantic
        )]
        #vis enum #event {
            #(#variants,)*
        }
    }
}

/// The `From` impls for the payloads.
pub(crate) fn conversions(block: &Block) -> TokenStream {
    let event = block.event();
    let impls = block.commands.iter().map(|command| {
        let (cfgs, variant, payload) = (command.cfgs(), &command.variant, &command.payload);
        quote! {
            #(#cfgs)*
            #[automatically_derived]
            impl ::core::convert::From<#payload> for #event {
                fn from(payload: #payload) -> Self {
                    Self::#variant(payload)
                }
            }
        }
    });
    quote!(#(#impls)*)
}
