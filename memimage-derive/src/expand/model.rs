//! `#[derive(Model)]`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::DeriveInput;

use super::{group, state};
use crate::attr::{ModelArgs, runtime};
use crate::case::unraw;

pub(crate) fn model(input: &DeriveInput, args: &ModelArgs) -> TokenStream {
    let krate = runtime(args.krate.get());
    let implementation = implementation(input, args);
    let events = match args.groups.get() {
        Some(groups) => group::groups(&krate, input, args, groups),
        None => events(&krate, input, args),
    };
    quote!(#implementation #events)
}

/// The impl, and the steps from past states.
pub(crate) fn implementation(input: &DeriveInput, args: &ModelArgs) -> TokenStream {
    let krate = runtime(args.krate.get());
    let ident = &input.ident;
    let name = args.name.get().map_or_else(|| unraw(ident), syn::LitStr::value);
    let version = args.version.get().copied().unwrap_or(1);
    // rustc puts a missing supertrait (no commands, no `Shape`) where the impl is: on the struct's name.
    let header = quote_spanned!(ident.span()=> impl #krate::Model for #ident);
    let history = args.history.get().map(|history| state::history(&krate, input, version, history));
    let (constant, steps) = history.map(|history| (history.constant, history.steps)).unzip();
    quote! {
        // A `#[command]` outside of a block then has our message. An import or a definition by the user wins over a glob.
        #[allow(unused_imports, clippy::wildcard_imports)]
        use #krate::__private::marks::*;

        #[automatically_derived]
        #header {
            const NAME: &'static ::core::primitive::str = #name;
            const VERSION: ::core::primitive::u32 = #version;
            #constant
        }

        #steps
    }
}

/// The name of the enum that the block of commands makes, as visible as the model.
pub(crate) fn events(krate: &TokenStream, input: &DeriveInput, args: &ModelArgs) -> TokenStream {
    let (vis, model, event) = (&input.vis, &input.ident, group::event_name(input, args));
    let about = format!("The events of `{model}`: an enum, one variant a command, holding the command's arguments.");
    quote! {
        #[doc = #about]
        #[allow(dead_code, private_interfaces, unreachable_pub)]
        #vis type #event = <#model as #krate::Commands>::Event;
    }
}
