//! `#[derive(Model)]`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::DeriveInput;

use super::{group, state};
use crate::attr::{ModelArgs, runtime};
use crate::case::unraw;

pub(crate) fn model(input: &DeriveInput, args: &ModelArgs) -> TokenStream {
    let krate = runtime(args.krate.get());
    let ident = &input.ident;
    let name = args.name.get().map_or_else(|| unraw(ident), syn::LitStr::value);
    let version = args.version.get().copied().unwrap_or(1);
    // rustc puts a missing supertrait (no commands, no `Shape`) where the impl is: on the struct's name.
    let header = quote_spanned!(ident.span()=> impl #krate::Model for #ident);
    let history = args.history.get().map(|history| state::history(&krate, input, version, history));
    let (constant, steps) = history.map(|history| (history.constant, history.steps)).unzip();
    let groups = args.groups.get().map(|groups| group::groups(&krate, input, groups));
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
        #groups
    }
}
