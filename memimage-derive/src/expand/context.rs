//! The context as an argument of a command or a check. `ast::contexts` finds this argument by the spelling of its type; the
//! expansion asserts that the type is memimage's `Context`.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{FnArg, Type};

use super::own_type;
use crate::ast::{Block, Command, names_context, referred};
use crate::hygiene::respanned;

/// Imports a trait with which the code of [`pass`] compiles for any type, so that if the type is not `Context`, the failed
/// assertion is the only error.
pub(super) fn import(krate: &TokenStream) -> TokenStream {
    quote! {
        #[allow(unused_imports)]
        use #krate::__private::NotContext as _;
    }
}

/// The context as an argument of the type that the user wrote.
pub(super) fn pass(krate: &TokenStream, block: &Block, ty: &Type, context: &Ident) -> TokenStream {
    let ty = own_type(block, referred(ty).unwrap_or(ty));
    let krate = respanned(krate, ty.span());
    quote_spanned!(ty.span()=> #krate::__private::ContextProbe::<#ty>::context(#context))
}

/// Asserts that the types of the context arguments are `Context`.
pub(super) fn assertions(krate: &TokenStream, block: &Block, command: &Command) -> TokenStream {
    let of_command = command.contexts().map(|typed| {
        let (ty, method) = (spelled(&typed.ty), &command.sig.ident);
        let message = match referred(&typed.ty).is_some_and(names_context) {
            true => namesake(&ty),
            false => format!(
                "`{ty}` is not `&memimage::Context`, and no other argument of the command `{method}` can borrow; help: take it \
                 by value"
            ),
        };
        assertion(krate, block, command, &typed.ty, &message)
    });
    let check = block.check_of(command);
    let of_check = check.into_iter().flat_map(|check| {
        let contexts = Block::contexts_of_check(command, check);
        let inputs = check.sig.inputs.iter().enumerate().filter(move |(place, _)| contexts.contains(place));
        inputs.filter_map(|(_, input)| match input {
            FnArg::Typed(typed) => Some(typed),
            FnArg::Receiver(_) => None,
        })
    });
    let of_check = of_check.map(|typed| {
        let (ty, method) = (spelled(&typed.ty), &command.sig.ident);
        let message = match referred(&typed.ty).is_some_and(names_context) {
            true => namesake(&ty),
            false => format!(
                "`{}` is not an argument of the command `{method}`, and `{ty}` is not `&memimage::Context`; help: use the name \
                 of an argument of the command, which has {}, or the type `&memimage::Context`",
                typed.pat.to_token_stream(),
                command.argument_names()
            ),
        };
        assertion(krate, block, command, &typed.ty, &message)
    });
    of_command.chain(of_check).collect()
}

fn namesake(ty: &str) -> String {
    format!(
        "`{ty}` is another type with the name of `memimage::Context`; help: write `&memimage::Context`, or take an argument by \
         value"
    )
}

fn assertion(krate: &TokenStream, block: &Block, command: &Command, ty: &Type, message: &str) -> TokenStream {
    let (cfgs, import) = (command.cfgs(), import(krate));
    let ty = own_type(block, referred(ty).unwrap_or(ty));
    let krate = respanned(krate, ty.span());
    quote_spanned! {ty.span()=>
        #(#cfgs)*
        const _: () = {
            #import
            ::core::assert!(#krate::__private::ContextProbe::<#ty>::IS_CONTEXT, #message);
        };
    }
}

fn spelled(ty: &Type) -> String {
    ty.to_token_stream().to_string().replace(' ', "")
}
