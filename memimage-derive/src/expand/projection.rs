//! `#[memimage::projection]`: the `Projector` impl, with the table of handlers.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{FnArg, LitInt, Path, Type};

use crate::ast::{Handler, Projection};
use crate::attr::runtime;
use crate::hygiene::respanned;

pub(crate) fn projection(projection: &Projection) -> TokenStream {
    let krate = runtime(projection.args.krate.get());
    let handlers: TokenStream = projection.handlers.iter().map(|handler| row(&krate, handler)).collect();
    let model = projection.args.of.get().expect("the rules in `check` require the key");
    let implementation = implementation(projection, model, &handlers);
    let single = single(&krate, &projection.state);
    let source = &projection.source;
    quote! {
        #source
        #implementation
        #single
    }
}

/// The `Projector` impl with the given rows of the table.
pub(crate) fn implementation(projection: &Projection, model: &Path, handlers: &TokenStream) -> TokenStream {
    let krate = runtime(projection.args.krate.get());
    let (state, name) = (&projection.state, projection.name());
    let version = LitInt::new(&projection.args.version.get().unwrap_or(&1).to_string(), Span::call_site());
    let place = respanned(&krate, state.span());
    let header = quote_spanned!(state.span()=> impl #place::Projector for #state);
    quote! {
        #[automatically_derived]
        #header {
            type Model = #model;
            const NAME: &'static ::core::primitive::str = #name;
            const VERSION: ::core::primitive::u32 = #version;
            const HANDLERS: &'static [#krate::__private::EventHandler<Self>] = &[#handlers];
        }
    }
}

/// The row of one handler. The compiler reports a wrong payload, or a wrong last argument, at the user's type.
fn row(krate: &TokenStream, handler: &Handler) -> TokenStream {
    let (cfgs, method, is_rejected) = (handler.cfgs(), &handler.sig.ident, handler.is_rejected());
    let payload = handler.payload().expect("the rules in `check` require the argument");
    let [projection, event, info] = ["projection", "event", "info"].map(|name| Ident::new(name, Span::mixed_site()));
    let passed = handler.info().map(|user| {
        let info = Ident::new("info", Span::mixed_site().located_at(type_span(user)));
        quote!(, #info)
    });
    let row = quote_spanned!(payload.span()=> of::<#payload>);
    quote! {
        #(#cfgs)*
        #krate::__private::EventHandler::<Self>::#row(#is_rejected, |#projection, #event, #info| {
            let _ = #info;
            <Self>::#method(#projection, #krate::__private::delivered(#event) #passed)
        }),
    }
}

/// Asserts that no two handlers handle the same event under different names of the payload's type.
fn single(krate: &TokenStream, state: &Type) -> TokenStream {
    let krate = respanned(krate, state.span());
    quote_spanned! {state.span()=>
        const _: () = ::core::assert!(
            !#krate::__private::has_second_handler(<#state as #krate::Projector>::HANDLERS),
            "two handlers of this block handle the same event; help: do the work of both in one handler"
        );
    }
}

fn type_span(input: &FnArg) -> Span {
    match input {
        FnArg::Typed(typed) => typed.ty.to_token_stream().span(),
        FnArg::Receiver(receiver) => receiver.span(),
    }
}
