//! The trait by which commands are methods of an image.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{GenericArgument, PathArguments, ReturnType, Type};

use super::command::refusing;
use super::own_type;
use crate::ast::{Block, Command, Output};
use crate::hygiene::{Fresh, placed};

pub(crate) fn methods(krate: &TokenStream, block: &Block) -> TokenStream {
    let methods = block.commands.iter().map(|command| {
        let payload = &command.payload;
        let fields = command.arguments().map(|argument| &argument.ident);
        let signature = signature(krate, block, command);
        let span = refusing(block, command).map_or_else(Span::call_site, Spanned::span);
        let (krate, this) = (placed(krate, span), quote!(self));
        let body = quote_spanned!(span=> #krate::Submit::execute(#this, #payload { #(#fields),* }));
        quote!(#signature { #body })
    });
    around(krate, block, &quote!(#(#methods)*))
}

/// The trait and its blanket impl, around the methods.
pub(crate) fn around(krate: &TokenStream, block: &Block, methods: &TokenStream) -> TokenStream {
    let (vis, model, name) = (block.vis(), &block.model, block.commands_trait());
    let about = format!("The commands of `{}`, as methods of an image of it.", block.model_name());
    let submit = Fresh::new(block.source.clone()).ident("S");
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
        #vis trait #name: #krate::Submit<Model = #model> {
            #methods
        }

        #[automatically_derived]
        impl<#submit: #krate::Submit<Model = #model> + ?::core::marker::Sized> #name for #submit {}
    }
}

/// A method of the trait, up to its body.
pub(crate) fn signature(krate: &TokenStream, block: &Block, command: &Command) -> TokenStream {
    let (cfgs, docs, deprecated) = (command.cfgs(), docs(command), command.deprecated());
    let name = &command.sig.ident;
    let arguments = command.arguments().map(|argument| {
        let (ident, ty) = (&argument.ident, &argument.ty);
        quote!(#ident: #ty)
    });
    let answer = answer(krate, block, command);
    let span = refusing(block, command).map_or_else(Span::call_site, Spanned::span);
    let this = quote!(self);
    let function = quote_spanned!(span=> fn #name(&#this #(, #arguments)*) -> #answer);
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

/// What a call answers. Types are named as the user spells them where that can be told, for the sake of the docs.
fn answer(krate: &TokenStream, block: &Block, command: &Command) -> TokenStream {
    let check = block.check_of(command).and_then(|check| match &check.sig.output {
        ReturnType::Type(_, ty) => syn::parse2::<Type>(own_type(block, ty)).ok(),
        ReturnType::Default => None,
    });
    let (output, refusal) = match (&command.output, &check) {
        (Output::Result(ty), _) => split(krate, ty, "Fallible"),
        (output, Some(check)) => (plain(output), split(krate, check, "Judgement").1),
        (output, None) => {
            let output = plain(output);
            return quote!(::core::result::Result<#output, #krate::Error>);
        }
    };
    let krate = placed(krate, refusal.span());
    quote_spanned!(refusal.span()=> ::core::result::Result<#output, #krate::CommandError<#refusal>>)
}

fn plain(output: &Output) -> TokenStream {
    output.ty().map_or_else(|| quote!(()), ToTokens::to_token_stream)
}

/// The two sides of a `Result`: as they are written in `Result<T, E>`, else by projection, which sees through aliases.
fn split(krate: &TokenStream, ty: &Type, projection: &str) -> (TokenStream, TokenStream) {
    if let Type::Path(path) = ty
        && let Some(last) = path.path.segments.last()
        && last.ident == "Result"
        && let PathArguments::AngleBracketed(arguments) = &last.arguments
        && let [GenericArgument::Type(output), GenericArgument::Type(refusal)] =
            arguments.args.iter().collect::<Vec<_>>()[..]
    {
        return (output.to_token_stream(), refusal.to_token_stream());
    }
    let projection = syn::Ident::new(projection, ty.span());
    let side = |side: TokenStream| quote_spanned!(ty.span()=> <#ty as #krate::__private::#projection>::#side);
    (side(quote!(Output)), side(quote!(Refusal)))
}
