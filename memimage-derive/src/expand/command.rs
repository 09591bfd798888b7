//! `impl Payload<Bank> for BankDeposit` and `impl Command<Bank> for BankDeposit`: `apply` and `check`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{FnArg, Pat, ReturnType, Type};

use super::context;
use crate::ast::{Block, Command, Input, Output};
use crate::case::unraw;
use crate::hygiene::respanned;

/// The local names in the generated functions `check` and `apply`. All names have the same span, because a name resolves only
/// to a definition with the same hygiene. These names cannot collide with the user's local names, because the functions contain
/// none of those.
struct LocalNames {
    /// The span of the functions.
    span: Span,
    this: Ident,
    model: Ident,
    context: Ident,
}

impl LocalNames {
    fn at(span: Span) -> LocalNames {
        let ident = |name| Ident::new(name, Span::mixed_site().located_at(span));
        LocalNames { span, this: ident("self"), model: ident("model"), context: ident("context") }
    }
}

pub(crate) fn implement(krate: &TokenStream, block: &Block, command: &Command) -> TokenStream {
    let (model, payload) = (&block.model, &command.payload);
    let cfgs: Vec<_> = command.cfgs().collect();
    let (name, version) = (&command.name, command.version());
    let table = super::table::whole_table(krate, block);
    let types = types(krate, block, command);
    let functions = functions(krate, block, command);
    let (output_types, apply) = (types.output_types, functions.apply);
    let callable = (!command.is_replay_only()).then(|| {
        let (error, check) = (types.error, functions.check);
        let check_text = check_text(krate, block, command);
        quote! {
            #(#cfgs)*
            #[automatically_derived]
            #[allow(deprecated, clippy::all, clippy::pedantic)]
            impl #krate::Command<#model> for #payload {
                #error
                #check
                #check_text
            }
        }
    });
    let round_trips = round_trips(krate, command);
    let answers = answers(krate, block, command);
    let result_assertion = result_assertion(krate, command);
    let derived = derived_assertions(krate, command);
    let contexts = context::assertions(krate, block, command);
    quote! {
        #(#cfgs)*
        #[automatically_derived]
        #[allow(deprecated, clippy::all, clippy::pedantic)]
        impl #krate::Payload<#model> for #payload {
            const NAME: &'static ::core::primitive::str = #name;
            const VERSION: ::core::primitive::u32 = #version;
            #round_trips
            const ROW: ::core::primitive::usize = #krate::__private::row_of(
                #table,
                <Self as #krate::Payload<#model>>::NAME,
                <Self as #krate::Payload<#model>>::VERSION,
            );
            #output_types
            #answers
            #apply
        }

        #callable
        #result_assertion
        #derived
        #contexts
    }
}

/// The constant `ARGUMENTS_ROUND_TRIP`. `None` if an argument has attributes: serde's attributes change how an argument is
/// read, and the library does not know the type of an opaque argument.
fn round_trips(krate: &TokenStream, command: &Command) -> Option<TokenStream> {
    if command.arguments().any(|argument| !argument.attrs.is_empty()) {
        return None;
    }
    let types = command.arguments().map(|argument| &argument.ty);
    Some(quote! {
        const ARGUMENTS_ROUND_TRIP: ::core::primitive::bool = {
            #[allow(unused_imports)]
            use #krate::__private::NoShape as _;
            true #(&& #krate::__private::ShapeOrNone::<#types>::ROUND_TRIPS)*
        };
    })
}

/// The constant with which an image stores the answers of requests. Like the functions, it has the span of the return type that
/// contains the refusal, so that rustc reports a wrong type only once.
fn answers(krate: &TokenStream, block: &Block, command: &Command) -> TokenStream {
    let (model, span) = (&block.model, block.refusing(command).map_or_else(Span::call_site, Spanned::span));
    let krate = &respanned(krate, span);
    let own = quote_spanned!(span=> <Self as #krate::Payload<#model>>);
    quote_spanned! {span=>
        const ANSWERS: #krate::__private::AnswerCodecs<#model, Self> = {
            #[allow(unused_imports)]
            use #krate::__private::NoAnswer as _;
            #krate::__private::AnswerCodecs::new(
                #krate::__private::AnswerProbe::<#own::Output>::CODEC,
                #krate::__private::AnswerProbe::<#own::Refusal>::CODEC,
            )
        };
    }
}

/// The function `check_text`, which returns the refusal of a check as text; `None` if the command has no check. Its signature does
/// not name the type of the refusal, and its body has the span of that type: if the type is wrong, rustc reports one error.
fn check_text(krate: &TokenStream, block: &Block, command: &Command) -> Option<TokenStream> {
    block.check_of(command)?;
    let span = block.refusing(command).map_or_else(Span::call_site, Spanned::span);
    let (krate, ty) = (respanned(krate, span), &block.model);
    let LocalNames { this, model, context, .. } = LocalNames::at(span);
    let refusal = Ident::new("refusal", Span::mixed_site().located_at(span));
    Some(quote_spanned! {span=>
        fn check_text(
            &#this,
            #model: &#ty,
            #context: &#krate::Context,
        ) -> ::core::result::Result<(), ::std::string::String> {
            #[allow(unused_imports)]
            use #krate::__private::NoText as _;
            <Self as #krate::Command<#ty>>::check(#this, #model, #context)
                .map_err(|#refusal| #krate::__private::RefusalText(&#refusal).text())
        }
    })
}

/// The functions of the traits `Payload` and `Command`.
struct CommandFunctions {
    check: TokenStream,
    apply: TokenStream,
}

/// Generates `check` and `apply`. Both have the span of the return type that contains the refusal, so that if that type is not
/// a `Result`, rustc reports one error at the type, and none at the macro.
fn functions(krate: &TokenStream, block: &Block, command: &Command) -> CommandFunctions {
    let span = block.refusing(command).map_or_else(Span::call_site, Spanned::span);
    let krate = &respanned(krate, span);
    let (locals, ty) = (LocalNames::at(span), &block.model);
    let check = check(krate, block, command, &locals);
    let apply = apply(krate, block, command, &locals);
    let LocalNames { this, model, context, .. } = locals;
    let own = quote_spanned!(span=> <Self as #krate::Payload<#ty>>);
    let mut check_output = quote_spanned!(span=> ::core::result::Result<(), #own::Refusal>);
    let mut apply_output = quote_spanned!(span=> ::core::result::Result<#own::Output, #own::Refusal>);
    // the return type is a projection: if the user's type is not a `Result`, rustc then reports no second error in the body
    match (block.refusing(command), &command.output) {
        (Some(ty), Output::Result(_)) => {
            apply_output = quote_spanned!(span=> <#ty as #krate::__private::Fallible>::StdResult);
        }
        (Some(check_type), _) => {
            let own_type = super::own_type(block, check_type);
            check_output = quote_spanned!(span=> <#own_type as #krate::__private::CheckResult>::StdResult);
        }
        (None, _) => {}
    }
    CommandFunctions {
        check: quote_spanned! {span=>
            fn check(&#this, #model: &#ty, #context: &#krate::Context) -> #check_output {
                #check
            }
        },
        apply: quote_spanned! {span=>
            fn apply(#this, #model: &mut #ty, #context: &#krate::Context) -> #apply_output {
                #apply
            }
        },
    }
}

/// The associated types of the traits `Payload` and `Command`.
pub(crate) struct CommandTypes {
    /// The associated types `Output` and `Refusal`.
    pub output_types: TokenStream,
    pub error: TokenStream,
}

pub(crate) fn types(krate: &TokenStream, block: &Block, command: &Command) -> CommandTypes {
    let output = match &command.output {
        Output::Unit => quote!(()),
        Output::Plain(ty) => quote!(#ty),
        Output::Result(ty) => quote_spanned!(ty.span()=> <#ty as #krate::__private::Fallible>::Output),
    };
    let refusal = block.refusing(command).map(|ty| {
        let projection = match command.output {
            Output::Result(_) => quote_spanned!(ty.span()=> Fallible),
            _ => quote_spanned!(ty.span()=> CheckResult),
        };
        let own = super::own_type(block, ty);
        quote_spanned!(ty.span()=> <#own as #krate::__private::#projection>::Refusal)
    });
    match refusal {
        Some(refusal) => {
            let krate = respanned(krate, refusal.span());
            CommandTypes {
                output_types: quote_spanned!(refusal.span()=> type Output = #output; type Refusal = #refusal;),
                error: quote_spanned!(refusal.span()=> type Error = #krate::CommandError<#refusal>;),
            }
        }
        None => {
            // `Output` has the span of the user's type: if that type is less visible than the command, the compiler reports it
            // there
            let span = command.output.ty().map_or_else(Span::call_site, Spanned::span);
            let output = quote_spanned!(span=> type Output = #output;);
            CommandTypes {
                output_types: quote!(#output type Refusal = #krate::__private::Infallible;),
                error: quote!(type Error = #krate::Error;),
            }
        }
    }
}

/// The body of `check`, which calls the user's check, if there is one.
fn check(krate: &TokenStream, block: &Block, command: &Command, locals: &LocalNames) -> TokenStream {
    let Some(method) = block.check_of(command) else {
        return quote_spanned!(locals.span=> ::core::result::Result::Ok(()));
    };
    let (ty, LocalNames { span, this, model, context }) = (&block.model, locals);
    let name = &method.sig.ident;
    let contexts = Block::contexts_of_check(command, method);
    let arguments = method.sig.inputs.iter().enumerate().filter_map(|(place, input)| match input {
        FnArg::Typed(typed) if contexts.contains(&place) => Some(context::pass(krate, block, &typed.ty, context)),
        FnArg::Typed(typed) => check_argument(command, this, &typed.pat, &typed.ty),
        FnArg::Receiver(_) => None,
    });
    let call = quote_spanned!(*span=> <#ty>::#name(#model, #(#arguments),*));
    let call = match (&method.sig.output, &command.output) {
        (ReturnType::Type(_, check_output), Output::Result(_)) => {
            quote_spanned! {check_output.span()=>
                #krate::__private::check_result::<_, <Self as #krate::Payload<#ty>>::Refusal>(#call)
            }
        }
        _ => call,
    };
    let import = (!contexts.is_empty()).then(|| context::import(krate));
    quote_spanned!(*span=> #import #call)
}

/// A field of the payload as an argument of the check: a reference or a clone.
fn check_argument(command: &Command, this: &Ident, pattern: &Pat, wanted: &Type) -> Option<TokenStream> {
    let Pat::Ident(pattern) = pattern else { return None };
    let argument = command.arguments().find(|argument| argument.ident == pattern.ident)?;
    let (field, ty) = (&argument.ident, &argument.ty);
    Some(match wanted {
        Type::Reference(_) => quote_spanned!(wanted.span()=> &#this.#field),
        _ => quote_spanned!(wanted.span()=> <#ty as ::core::clone::Clone>::clone(&#this.#field)),
    })
}

/// The body of `apply`, which calls the user's method.
fn apply(krate: &TokenStream, block: &Block, command: &Command, locals: &LocalNames) -> TokenStream {
    let (ty, LocalNames { span, this, model, context }) = (&block.model, locals);
    let name = &command.sig.ident;
    let arguments = command.inputs.iter().map(|input| match input {
        Input::Context(typed) => context::pass(krate, block, &typed.ty, context),
        Input::Argument(argument) => {
            let field = &argument.ident;
            quote_spanned!(*span=> #this.#field)
        }
    });
    let call = quote_spanned!(*span=> <#ty>::#name(#model, #(#arguments),*));
    let call = match &command.output {
        Output::Result(_) => call,
        Output::Unit | Output::Plain(_) => quote_spanned!(*span=> ::core::result::Result::Ok(#call)),
    };
    let import = command.contexts().next().map(|_| context::import(krate));
    quote_spanned!(*span=> #import #call)
}

/// Asserts that a return type with a name other than `Result` is not an alias of `Result`, because the macro would not treat
/// its errors as refusals.
fn result_assertion(krate: &TokenStream, command: &Command) -> Option<TokenStream> {
    let Output::Plain(ty) = &command.output else { return None };
    let cfgs = command.cfgs();
    let message = format!(
        "`{}` returns a `Result` under another name; help: write `Result`, so that its errors are refusals",
        command.sig.ident
    );
    Some(quote_spanned! {ty.span()=>
        #(#cfgs)*
        const _: () = {
            #[allow(unused_imports)]
            use #krate::__private::NotResult as _;
            ::core::assert!(#krate::__private::ResultProbe::<#ty>::IS_PLAIN, #message);
        };
    })
}

/// Asserts that the types of the arguments have no derived fields: nothing would fill these fields when an argument is read
/// from the journal.
fn derived_assertions(krate: &TokenStream, command: &Command) -> TokenStream {
    let assertions = command.arguments().filter(|argument| !argument.is_std()).map(|argument| {
        let (ty, cfgs) = (&argument.ty, command.cfgs());
        let krate = respanned(krate, ty.span());
        let message = format!(
            "the type of the argument `{}` has derived fields, which are empty when the argument is read from the journal; help: \
             take only the stored fields as arguments",
            unraw(&argument.ident)
        );
        quote_spanned! {ty.span()=>
            #(#cfgs)*
            const _: () = {
                #[allow(unused_imports)]
                use #krate::__private::NoShape as _;
                let shape = #krate::__private::ShapeOrNone::<#ty>::SHAPE;
                ::core::assert!(#krate::__private::derived_field(shape).is_none(), #message);
            };
        }
    });
    assertions.collect()
}
