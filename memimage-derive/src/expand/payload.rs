//! The payload: a struct of a command's arguments.

use proc_macro2::TokenStream;
use quote::quote;

use crate::ast::{Block, Command};
use crate::case::unraw;

/// The struct, with the derives by which it is written and read.
pub(crate) fn payload(krate: &TokenStream, block: &Block, command: &Command) -> TokenStream {
    let definition = definition(block, command);
    let path = krate.to_string().replace(' ', "") + "::__private::serde";
    let cfgs = command.cfgs();
    quote! {
        #(#cfgs)*
        #[derive(
            #krate::__private::serde::Serialize,
            #krate::__private::serde::Deserialize,
            #krate::Shape
        )]
        #[serde(crate = #path)]
        #[shape(crate = #krate)]
        #definition
    }
}

/// The struct alone, with its docs and the derives that the user asked for.
pub(crate) fn definition(block: &Block, command: &Command) -> TokenStream {
    let method = unraw(&command.sig.ident);
    let about = format!("The arguments of `{}::{method}`.", block.model_name());
    let docs = documentation(&about, command);
    let derives = derives(block);
    let (vis, payload) = (&command.vis, &command.payload);
    let mut fields = command.arguments().map(|argument| {
        let (ident, ty, attrs) = (&argument.ident, &argument.ty, &argument.attrs);
        let about = format!("The argument `{}`.", unraw(ident));
        quote!(#[doc = #about] #(#attrs)* #vis #ident: #ty)
    });
    let body = match fields.next() {
        Some(first) => quote!({ #first #(, #fields)* }),
        None => quote!(;),
    };
    quote! {
        #docs
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
        #vis struct #payload #body
    }
}

/// What an item is about, then what the user says of the command.
pub(crate) fn documentation(about: &str, command: &Command) -> TokenStream {
    let mut docs = command.docs().peekable();
    let gap = docs.peek().map(|_| quote!(#[doc = ""]));
    quote!(#[doc = #about] #gap #(#docs)*)
}

/// The block's `derive(…)`.
pub(crate) fn derives(block: &Block) -> Option<TokenStream> {
    let derives = block.args.derives.get()?;
    Some(quote!(#[derive(#(#derives),*)]))
}
