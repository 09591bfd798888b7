//! `impl Command<Bank> for BankDeposit`: how a payload is judged and run.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{FnArg, Pat, ReturnType, Type};

use crate::ast::{Block, Command, Input, Output, is_context};

pub(crate) fn implement(krate: &TokenStream, block: &Block, command: &Command) -> TokenStream {
    let (model, payload) = (&block.model, &command.payload);
    let cfgs: Vec<_> = command.cfgs().collect();
    let (name, version) = (&command.name, command.args.version());
    let types = types(krate, block, command);
    let check = check(krate, block, command);
    let apply = apply(block, command);
    let probe = probe(krate, command);
    quote! {
        #(#cfgs)*
        #[automatically_derived]
        #[allow(deprecated, clippy::all, clippy::pedantic)]
        impl #krate::Command<#model> for #payload {
            const NAME: &'static ::core::primitive::str = #name;
            const VERSION: ::core::primitive::u32 = #version;
            const ROW: ::core::primitive::usize = #krate::__private::row_of(
                <#model as #krate::Commands>::EVENTS,
                <Self as #krate::Command<#model>>::NAME,
                <Self as #krate::Command<#model>>::VERSION,
            );
            #types

            fn check(
                &self,
                model: &#model,
                context: &#krate::Context,
            ) -> ::core::result::Result<(), <Self as #krate::Command<#model>>::Refusal> {
                #check
            }

            fn apply(
                self,
                model: &mut #model,
                context: &#krate::Context,
            ) -> ::core::result::Result<
                <Self as #krate::Command<#model>>::Output,
                <Self as #krate::Command<#model>>::Refusal,
            > {
                #apply
            }
        }

        #probe
    }
}

/// `Output`, `Refusal` and `Error`.
pub(crate) fn types(krate: &TokenStream, block: &Block, command: &Command) -> TokenStream {
    let output = match &command.output {
        Output::Unit => quote!(()),
        Output::Plain(ty) => quote!(#ty),
        Output::Result(ty) => quote_spanned!(ty.span()=> <#ty as #krate::__private::Fallible>::Output),
    };
    let judged = block.check_of(command).and_then(|check| match &check.sig.output {
        ReturnType::Type(_, ty) => Some(super::own_type(block, ty)),
        ReturnType::Default => None,
    });
    let refusal = match (&command.output, judged) {
        (Output::Result(ty), _) => Some(quote_spanned!(ty.span()=> <#ty as #krate::__private::Fallible>::Refusal)),
        (_, Some(ty)) => Some(quote_spanned!(ty.span()=> <#ty as #krate::__private::Judgement>::Refusal)),
        (_, None) => None,
    };
    match refusal {
        Some(refusal) => quote! {
            type Output = #output;
            type Refusal = #refusal;
            type Error = #krate::CommandError<#refusal>;
        },
        None => quote! {
            type Output = #output;
            type Refusal = #krate::__private::Infallible;
            type Error = #krate::Error;
        },
    }
}

/// The body of `check`: a call of the user's check, if there is one.
fn check(krate: &TokenStream, block: &Block, command: &Command) -> TokenStream {
    let Some(method) = block.check_of(command) else { return quote!(::core::result::Result::Ok(())) };
    let model = &block.model;
    let name = &method.sig.ident;
    let arguments = method.sig.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(typed) if is_context(&typed.ty) => Some(quote!(context)),
        FnArg::Typed(typed) => Some(handed(&typed.pat, &typed.ty)),
        FnArg::Receiver(_) => None,
    });
    let call = quote!(<#model>::#name(model, #(#arguments),*));
    match &method.sig.output {
        ReturnType::Type(_, ty) => {
            quote_spanned!(ty.span()=> #krate::__private::judged::<_, <Self as #krate::Command<#model>>::Refusal>(#call))
        }
        ReturnType::Default => call,
    }
}

/// A field of the payload as the check wants it: lent, or a clone.
fn handed(pattern: &Pat, ty: &Type) -> TokenStream {
    let Pat::Ident(pattern) = pattern else { return quote!() };
    let field = &pattern.ident;
    match ty {
        Type::Reference(_) => quote_spanned!(ty.span()=> &self.#field),
        _ => quote_spanned!(ty.span()=> ::core::clone::Clone::clone(&self.#field)),
    }
}

/// The body of `apply`: a call of the user's method.
fn apply(block: &Block, command: &Command) -> TokenStream {
    let model = &block.model;
    let name = &command.sig.ident;
    let arguments = command.inputs.iter().map(|input| match input {
        Input::Context(_) => quote!(context),
        Input::Argument(argument) => {
            let field = &argument.ident;
            quote!(self.#field)
        }
    });
    let call = quote!(<#model>::#name(model, #(#arguments),*));
    match &command.output {
        Output::Result(_) => call,
        Output::Unit | Output::Plain(_) => quote!(::core::result::Result::Ok(#call)),
    }
}

/// Makes sure that what is not spelled `Result` is none: its errors would be taken for answers.
fn probe(krate: &TokenStream, command: &Command) -> Option<TokenStream> {
    let Output::Plain(ty) = &command.output else { return None };
    let cfgs = command.cfgs();
    let message = format!(
        "`{}` returns a `Result` under another name: spell it `Result`, so that its errors are seen as refusals",
        command.sig.ident
    );
    Some(quote_spanned! {ty.span()=>
        #(#cfgs)*
        const _: () = {
            #[allow(unused_imports)]
            use #krate::__private::NotResult as _;
            ::core::assert!(#krate::__private::Probe::<#ty>::PLAIN, #message);
        };
    })
}
