//! Code that is generated after an error: the user's item, and stubs of the generated items. Other code can refer to the
//! stubs, so one mistake gives one error. A stub never runs, because the error stops the build.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{DeriveInput, Path};

use crate::ast::{Block, Command, Data, Input, Output, Projection, Upcaster};
use crate::attr::{Arg, ModelArgs, runtime};
use crate::case::unraw;
use crate::check::{is_answer, is_owned};
use crate::expand;
use crate::hygiene::FreshNames;

/// A `Shape` impl with an empty shape.
pub(crate) fn data(data: &Data) -> TokenStream {
    let krate = runtime(data.args.krate.get());
    expand::implement_shape(&krate, data, &nothing(&krate))
}

fn nothing(krate: &TokenStream) -> TokenStream {
    quote!(#krate::__private::ShapeRef::new(&#krate::__private::Descriptor::Opaque("")))
}

/// A stub of the `Model` impl. A union gets no stub, because `Default` and serde's traits cannot be derived for a union.
pub(crate) fn model(input: &DeriveInput, mut args: ModelArgs) -> TokenStream {
    // without a history, no past state needs an upcaster
    args.history = Arg::default();
    if let syn::Data::Union(_) = input.data {
        return TokenStream::new();
    }
    if input.generics.params.is_empty() {
        let events = match args.groups.get() {
            Some(groups) => commands_of_groups(input, &args, groups),
            None => expand::model_events(&runtime(args.krate.get()), input, &args),
        };
        let model = expand::model_implementation(input, &args);
        return quote!(#model #events);
    }
    let krate = runtime(args.krate.get());
    let ident = &input.ident;
    let (parameters, arguments, _) = input.generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #parameters #krate::Model for #ident #arguments
        where
            Self: #krate::Commands
                + #krate::Shape
                + #krate::__private::serde::Serialize
                + #krate::__private::serde::de::DeserializeOwned
                + ::core::default::Default
                + ::core::marker::Send
                + ::core::marker::Sync
                + 'static,
        {
            const NAME: &'static ::core::primitive::str = "";
            const VERSION: ::core::primitive::u32 = 1;
        }
    }
}

/// The event enum of the groups, without duplicate names, and an empty dispatch table. The empty table disables the check that
/// the model lists each group.
fn commands_of_groups(input: &DeriveInput, args: &ModelArgs, groups: &[Path]) -> TokenStream {
    let (krate, model, event) = (runtime(args.krate.get()), &input.ident, expand::event_name(input, args));
    let mut names = BTreeSet::new();
    let mut named = |path: &Path| path.segments.last().is_some_and(|last| names.insert(unraw(&last.ident)));
    let groups: Vec<Path> = groups.iter().filter(|path| named(path)).cloned().collect();
    let definition = expand::event_of_groups(&krate, input, args, &groups);
    quote! {
        #definition

        impl #krate::Commands for #model {
            type Event = #event;
            const EVENTS: &'static [#krate::__private::EventType<Self>] = &[];
        }
    }
}

/// The block, and stubs of its generated items.
pub(crate) fn block(mut block: Block) -> TokenStream {
    let plain = block.model_path().and_then(|path| path.segments.last()).is_some_and(|last| last.arguments.is_empty());
    if !plain || !block.generics.params.is_empty() {
        return block.source;
    }
    let mut names = BTreeSet::from([block.event().to_string(), block.commands_trait().to_string()]);
    let mut variants = BTreeSet::new();
    block
        .commands
        .retain(|command| names.insert(command.payload.to_string()) && variants.insert(command.variant.to_string()));
    for command in &mut block.commands {
        simplify(command);
    }

    let krate = &runtime(block.args.krate.get());
    let mut tokens = block.source.clone();
    for command in &block.commands {
        payload(krate, &block, command).to_tokens(&mut tokens);
    }
    let mut events = expand::event_definition(&block);
    expand::event_conversions(&block).to_tokens(&mut events);
    event(krate, &block).to_tokens(&mut events);
    expand::event_scoped(&block, &events).to_tokens(&mut tokens);
    methods(krate, &block).to_tokens(&mut tokens);
    tokens
}

/// Removes arguments and results whose types borrow or have no name. Also removes the attributes of the arguments, because a
/// stub has no derive that reads these attributes.
fn simplify(command: &mut Command) {
    command.inputs.retain_mut(|input| match input {
        Input::Argument(argument) => {
            argument.attrs.clear();
            is_owned(&argument.ty)
        }
        Input::Context(_) => true,
    });
    if command.output.ty().is_some_and(|ty| !is_answer(ty)) {
        command.output = Output::Unit;
    }
}

fn payload(krate: &TokenStream, block: &Block, command: &Command) -> TokenStream {
    let (model, payload) = (&block.model, &command.payload);
    let cfgs: Vec<_> = command.cfgs().collect();
    let definition = expand::payload_definition(block, command);
    let expand::CommandTypes { output_types, error } = expand::command_types(krate, block, command);
    let nothing = nothing(krate);
    quote! {
        #(#cfgs)*
        #definition

        #(#cfgs)*
        const _: () = {
            use #krate::__private::serde;

            impl serde::Serialize for #payload {
                fn serialize<S: serde::Serializer>(&self, _: S) -> ::core::result::Result<S::Ok, S::Error> {
                    ::core::unreachable!()
                }
            }

            impl<'de> serde::Deserialize<'de> for #payload {
                fn deserialize<D: serde::Deserializer<'de>>(_: D) -> ::core::result::Result<Self, D::Error> {
                    ::core::unreachable!()
                }
            }

            impl #krate::Shape for #payload {
                const SHAPE: #krate::__private::ShapeRef = #nothing;
            }

            impl #krate::Payload<#model> for #payload {
                const NAME: &'static ::core::primitive::str = "";
                const VERSION: ::core::primitive::u32 = 1;
                const ROW: ::core::primitive::usize = 0;
                #output_types

                fn apply(
                    self,
                    _: &mut #model,
                    _: &#krate::Context,
                ) -> ::core::result::Result<Self::Output, Self::Refusal> {
                    ::core::unreachable!()
                }
            }

            impl #krate::Command<#model> for #payload {
                #error

                fn check(&self, _: &#model, _: &#krate::Context) -> ::core::result::Result<(), Self::Refusal> {
                    ::core::unreachable!()
                }
            }

            impl #krate::IntoEvents<#model> for #payload {
                const EVENT_VERSION: #krate::__private::EventVersion = #krate::__private::EventVersion::Open;

                fn replay_into(
                    self,
                    _: #krate::__private::Upcasting<'_>,
                    _: &mut #krate::__private::ReplayTarget<'_, '_, #model>,
                ) -> ::core::result::Result<(), #krate::__private::ReplayError> {
                    ::core::unreachable!()
                }
            }
        };
    }
}

fn event(krate: &TokenStream, block: &Block) -> TokenStream {
    let (model, event) = (&block.model, block.event());
    let lock = block.args.lock.get().map(|_| expand::lock_stub(krate));
    let rows = quote! {
        type Event = #event;
        const EVENTS: &'static [#krate::__private::EventType<#model>] = &[];
        #lock
    };
    let table = match block.args.group.get() {
        Some(group) => expand::group_of(krate, block, group, &rows),
        None => quote!(impl #krate::Commands for #model { #rows }),
    };
    quote! {
        impl #krate::Event for #event {
            fn name(&self) -> &'static ::core::primitive::str {
                ::core::unreachable!()
            }

            fn version(&self) -> ::core::primitive::u32 {
                ::core::unreachable!()
            }

            fn take(_: &mut dyn ::core::any::Any) -> ::core::option::Option<Self> {
                ::core::unreachable!()
            }
        }

        impl #krate::IntoEvents<#model> for #event {
            const EVENT_VERSION: #krate::__private::EventVersion = #krate::__private::EventVersion::Open;

            fn replay_into(
                self,
                _: #krate::__private::Upcasting<'_>,
                _: &mut #krate::__private::ReplayTarget<'_, '_, #model>,
            ) -> ::core::result::Result<(), #krate::__private::ReplayError> {
                ::core::unreachable!()
            }
        }

        #table
    }
}

/// The upcaster's function, and, if the past type is owned, a stub of the `Upcast` impl. A method with `self` gets no stub,
/// because the stub would be an impl inside the method's impl block.
pub(crate) fn upcaster(krate: &TokenStream, upcaster: &Upcaster) -> TokenStream {
    let source = &upcaster.source;
    let Some(old) = upcaster.old() else { return source.clone() };
    let old = match &*old.ty {
        syn::Type::Reference(reference) => &*reference.elem,
        ty => ty,
    };
    let goal = FreshNames::new(source.clone()).ident("C");
    let mut generics = upcaster.sig.generics.clone();
    generics.params.push(syn::parse_quote!(#goal: #krate::__private::UpcastGoal));
    let (parameters, _, clause) = generics.split_for_impl();
    let (cfgs, bounds) = (upcaster.cfgs(), clause.map(|clause| &clause.predicates));
    let next = match &upcaster.sig.output {
        syn::ReturnType::Type(_, ty) if !is_owned(ty) => quote!(()),
        _ => expand::upcast_next(krate, &upcaster.output()),
    };
    let step = is_owned(old).then(|| {
        quote! {
            #(#cfgs)*
            #[automatically_derived]
            impl #parameters #krate::Upcast<#next, #goal> for #old
            where
                #next: #krate::__private::UpcastTarget<#goal>,
                #bounds
            {
                const TARGET: <#goal as #krate::__private::UpcastGoal>::Target<#next> =
                    <#next as #krate::__private::UpcastTarget<#goal>>::TARGET;

                fn upcast(
                    self,
                    _: &#krate::Recorded<'_>,
                ) -> ::core::result::Result<#next, #krate::UpcastError> {
                    ::core::unreachable!()
                }
            }
        }
    });
    quote!(#source #step)
}

fn methods(krate: &TokenStream, block: &Block) -> TokenStream {
    let callable = block.callable().filter(|command| command.sig.generics.params.is_empty());
    let methods = callable.map(|command| {
        let signature = expand::method_signature(krate, block, command);
        quote! {
            #[allow(unused_variables)]
            #signature {
                ::core::unreachable!()
            }
        }
    });
    expand::commands_trait(krate, block, &quote!(#(#methods)*))
}

/// The block, and a projection without handlers.
pub(crate) fn projection(projection: &Projection) -> TokenStream {
    let source = &projection.source;
    let is_concrete = projection.generics.params.is_empty() && projection.of_trait.is_none();
    let is_plain =
        projection.state_path().and_then(|path| path.segments.last()).is_some_and(|last| last.arguments.is_empty());
    let stub = projection.args.of.get().filter(|_| is_concrete && is_plain);
    let stub = stub.map(|model| expand::projection_implementation(projection, model, &TokenStream::new()));
    quote!(#source #stub)
}

/// Removes memimage's attributes from an item that could not be parsed.
pub(crate) fn unparsed(item: TokenStream) -> TokenStream {
    let mut kept = TokenStream::new();
    let mut tokens = item.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match (token, tokens.peek()) {
            (TokenTree::Punct(punct), Some(TokenTree::Group(group))) if punct.as_char() == '#' && is_mark(group) => {
                tokens.next();
            }
            (TokenTree::Group(group), _) if group.delimiter() == Delimiter::Brace => {
                let mut inner = Group::new(Delimiter::Brace, unparsed(group.stream()));
                inner.set_span(group.span());
                kept.extend([TokenTree::Group(inner)]);
            }
            (token, _) => kept.extend([token]),
        }
    }
    kept
}

fn is_mark(group: &Group) -> bool {
    let first = group.stream().into_iter().next();
    group.delimiter() == Delimiter::Bracket
        && matches!(first, Some(TokenTree::Ident(ident)) if ident == "command" || ident == "on" || ident == "memimage")
}
