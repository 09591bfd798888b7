//! `#[derive(Model)]`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::DeriveInput;

use super::{derived, group, state};
use crate::attr::{ModelArgs, runtime};
use crate::case::unraw;

pub(crate) fn model(input: &DeriveInput, args: &ModelArgs) -> TokenStream {
    let krate = runtime(args.krate.get());
    let implementation = implementation(input, args);
    let events = match args.groups.get() {
        Some(groups) => group::groups(&krate, input, args, groups),
        None => events(&krate, input, args),
    };
    let assertion = derived::assertion(&krate, input, args);
    quote!(#implementation #events #assertion)
}

/// The `Model` impl, and the impls of past states.
pub(crate) fn implementation(input: &DeriveInput, args: &ModelArgs) -> TokenStream {
    let krate = runtime(args.krate.get());
    let ident = &input.ident;
    let name = args.name.get().map_or_else(|| unraw(ident), syn::LitStr::value);
    let version = args.version.get().copied().unwrap_or(1);
    // rustc reports a missing supertrait (no commands, no `Shape`) at the span of the impl, so the impl has the span of the
    // type's name
    let header = quote_spanned!(ident.span()=> impl #krate::Model for #ident);
    let history = args.history.get().map(|history| state::history(&krate, input, version, history));
    let derived = derived::constant(&krate, input, args);
    let (constant, steps) = history.map(|history| (history.constant, history.steps)).unzip();
    quote! {
        // Because of this import, a `#[command]` outside of a block is memimage's attribute, which reports its own error. The
        // user's own imports and definitions take precedence over a glob import.
        #[allow(unused_imports, clippy::wildcard_imports)]
        use #krate::__private::marks::*;

        #[automatically_derived]
        #header {
            const NAME: &'static ::core::primitive::str = #name;
            const VERSION: ::core::primitive::u32 = #version;
            #constant
            #derived
        }

        #steps
    }
}

/// The alias that names the event enum of the model's block of commands. The alias has the visibility of the model.
pub(crate) fn events(krate: &TokenStream, input: &DeriveInput, args: &ModelArgs) -> TokenStream {
    let (vis, model, event) = (&input.vis, &input.ident, group::event_name(input, args));
    let about = format!(
        "The events of `{model}`: an enum that has, for each command, one variant with the command's arguments."
    );
    quote! {
        #[doc = #about]
        #[allow(dead_code, private_interfaces, unreachable_pub)]
        #vis type #event = <#model as #krate::Commands>::Event;
    }
}
