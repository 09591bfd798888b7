//! The commands trait, which makes the commands methods of an image.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{GenericArgument, PathArguments, Type};

use crate::ast::{Block, Command, Output};
use crate::hygiene::{FreshNames, replace_self, respanned};

pub(crate) fn methods(krate: &TokenStream, block: &Block) -> TokenStream {
    let methods = block.callable().map(|command| {
        let payload = &command.payload;
        let fields = command.arguments().map(|argument| &argument.ident);
        let signature = signature(krate, block, command);
        let span = block.refusing(command).map_or_else(Span::call_site, Spanned::span);
        let (krate, this) = (respanned(krate, span), quote!(self));
        let body = quote_spanned!(span=> #krate::Execute::execute(#this, #payload { #(#fields),* }));
        quote_spanned!(span=> #signature { #body })
    });
    commands_trait(krate, block, &quote!(#(#methods)*))
}

/// The commands trait with its methods, and the blanket impl of the trait.
pub(crate) fn commands_trait(krate: &TokenStream, block: &Block, methods: &TokenStream) -> TokenStream {
    let (vis, model, name) = (block.vis(), &block.model, block.commands_trait());
    let about = format!("The commands of `{}`, as methods of its images.", block.model_name());
    let submit = FreshNames::new(block.source.clone()).ident("S");
    quote! {
        #[doc = #about]
        #[allow(
            dead_code,
            unreachable_pub,
            private_bounds,
            private_interfaces,
            clippy::all,
            clippy::pedantic
        )]
        #vis trait #name: #krate::Execute<Model = #model> {
            #methods
        }

        #[automatically_derived]
        impl<#submit: #krate::Execute<Model = #model> + ?::core::marker::Sized> #name for #submit {}
    }
}

/// The signature of a method of the commands trait, with its attributes and docs.
pub(crate) fn signature(krate: &TokenStream, block: &Block, command: &Command) -> TokenStream {
    let (cfgs, docs, deprecated) = (command.cfgs(), docs(command), command.deprecated());
    let name = &command.sig.ident;
    let arguments = command.arguments().map(|argument| {
        let (ident, ty) = (&argument.ident, &argument.ty);
        quote!(#ident: #ty)
    });
    let output = return_type(krate, block, command);
    let span = block.refusing(command).map_or_else(Span::call_site, Spanned::span);
    let this = quote!(self);
    let function = quote_spanned!(span=> fn #name(&#this #(, #arguments)*) -> #output);
    quote! {
        #(#cfgs)*
        #docs
        #(#deprecated)*
        #function
    }
}

fn docs(command: &Command) -> TokenStream {
    let mut docs = command.docs().peekable();
    match docs.peek() {
        Some(_) => quote!(#(#docs)*),
        None => {
            let about = format!("Runs the command `{}`.", command.name.value());
            quote!(#[doc = #about])
        }
    }
}

/// The return type of a method of the commands trait. If the user's signatures spell out the types of the output and the
/// refusal, the return type repeats their spelling, for better docs. Otherwise the return type refers to the command's
/// associated types, which are the same types.
fn return_type(krate: &TokenStream, block: &Block, command: &Command) -> TokenStream {
    let output = command.output.ty().map_or_else(|| quote!(()), ToTokens::to_token_stream);
    let spelled = match (block.refusing(command), &command.output) {
        (Some(ty), Output::Result(_)) => {
            result_types(ty).map(|(output, refusal)| (output, quote!(#krate::CommandError<#refusal>)))
        }
        (Some(check), _) => result_types(check).map(|(_, refusal)| {
            let refusal = replace_self(refusal, &block.model.to_token_stream());
            (output, quote!(#krate::CommandError<#refusal>))
        }),
        (None, _) => Some((output, quote!(#krate::Error))),
    };
    let (model, payload) = (&block.model, &command.payload);
    let (output, error) = spelled.unwrap_or_else(|| {
        let of = |of: TokenStream| quote!(<#payload as #krate::#of<#model>>);
        let (payload_impl, command_impl) = (of(quote!(Payload)), of(quote!(Command)));
        (quote!(#payload_impl::Output), quote!(#command_impl::Error))
    });
    let span = block.refusing(command).map_or_else(Span::call_site, Spanned::span);
    quote_spanned!(span=> ::core::result::Result<#output, #error>)
}

/// `T` and `E`, if the type is written as `Result<T, E>`.
fn result_types(ty: &Type) -> Option<(TokenStream, TokenStream)> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == "Result")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    let arguments: Vec<_> = arguments.args.iter().collect();
    match arguments[..] {
        [GenericArgument::Type(output), GenericArgument::Type(refusal)] => {
            Some((output.to_token_stream(), refusal.to_token_stream()))
        }
        _ => None,
    }
}
