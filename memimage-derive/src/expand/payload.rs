//! The payload, which is the struct of a command's arguments.

use proc_macro2::TokenStream;
use quote::quote;

use super::data::bound_checks;
use crate::ast::{Argument, Block, Bound, Command};
use crate::case::unraw;
use crate::hygiene::FreshNames;

/// The payload struct, with derived or generated impls of serde's traits and of `Shape`.
pub(crate) fn payload(krate: &TokenStream, block: &Block, command: &Command) -> TokenStream {
    let definition = struct_of(block, command, true);
    let path = krate.to_string().replace(' ', "") + "::__private::serde";
    let cfgs: Vec<_> = command.cfgs().collect();
    if command.checked_arguments().next().is_none() {
        return quote! {
            #(#cfgs)*
            #[derive(
                #krate::__private::serde::Serialize,
                #krate::__private::serde::Deserialize,
                #krate::Shape
            )]
            #[serde(crate = #path)]
            #[shape(crate = #krate)]
            #definition
        };
    }
    let checked = command.checked_arguments().map(|argument| (&argument.ty, Bound::of_argument(&argument.ty)));
    let checks = bound_checks(krate, &command.payload, checked);
    let serde = serde(krate, block, command, &path);
    quote! {
        #(#cfgs)*
        #[derive(#krate::Shape)]
        #[shape(crate = #krate)]
        #definition

        #(#cfgs)*
        const _: () = {
            #checks
            #serde
        };
    }
}

/// The impls of serde's traits for a payload with checked arguments. These impls call the functions that serde derives for a
/// private struct with the same fields. serde's functions require that the arguments' types are `Recorded`. If a type is not
/// `Recorded`, the calls below resolve to the functions of `NoSerde` instead, so that only the bound check fails.
fn serde(krate: &TokenStream, block: &Block, command: &Command, path: &str) -> TokenStream {
    let payload = &command.payload;
    let (remote, name) = (payload.to_string(), unraw(payload));
    let definition = FreshNames::new(block.source.clone()).ident("Definition");
    let fields = command.arguments().map(|Argument { ident, ty, attrs }| {
        let attrs = attrs.iter().filter(|attr| attr.path().is_ident("serde"));
        quote!(#(#attrs)* #ident: #ty)
    });
    let bound = command.checked_arguments().map(|Argument { ty, .. }| {
        // without `for<'memimage>`, the compiler would report a failed bound a second time here
        quote!(for<'memimage> #ty: #krate::__private::Recorded).to_string()
    });
    let bound = bound.collect::<Vec<_>>().join(", ");
    quote! {
        #[derive(#krate::__private::serde::Serialize, #krate::__private::serde::Deserialize)]
        #[serde(crate = #path, remote = #remote, rename = #name, bound = #bound)]
        #[allow(dead_code, clippy::all, clippy::pedantic)]
        struct #definition { #(#fields),* }

        #[automatically_derived]
        impl #krate::__private::serde::Serialize for #payload {
            fn serialize<S: #krate::__private::serde::Serializer>(
                &self,
                serializer: S,
            ) -> ::core::result::Result<S::Ok, S::Error> {
                #[allow(unused_imports)]
                use #krate::__private::NoSerde as _;
                #definition::serialize(self, serializer)
            }
        }

        #[automatically_derived]
        impl<'de> #krate::__private::serde::Deserialize<'de> for #payload {
            fn deserialize<D: #krate::__private::serde::Deserializer<'de>>(
                deserializer: D,
            ) -> ::core::result::Result<Self, D::Error> {
                #[allow(unused_imports)]
                use #krate::__private::NoSerde as _;
                #definition::deserialize(deserializer)
            }
        }
    }
}

/// The definition of the payload struct, with the block's `derive(…)`.
pub(crate) fn definition(block: &Block, command: &Command) -> TokenStream {
    struct_of(block, command, false)
}

/// The definition of the payload struct. If `marked` is true, the definition has attributes that tell the derive of `Shape`
/// which arguments the block checks.
fn struct_of(block: &Block, command: &Command, marked: bool) -> TokenStream {
    let method = unraw(&command.sig.ident);
    let about = format!("The arguments of `{}::{method}`.", block.model_name());
    let docs = documentation(&about, command);
    let derives = derives(block);
    let (vis, payload) = (&command.vis, &command.payload);
    let mut fields = command.arguments().map(|argument| {
        let (ident, ty, attrs) = (&argument.ident, &argument.ty, &argument.attrs);
        let about = format!("The argument `{}`.", unraw(ident));
        let mark = (marked && argument.is_checked()).then(|| quote!(#[shape(argument)]));
        quote!(#[doc = #about] #(#attrs)* #mark #vis #ident: #ty)
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

/// The docs of a generated item: its summary, then the user's docs of the command.
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
