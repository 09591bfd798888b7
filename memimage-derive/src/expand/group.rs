//! `#[model(groups(…))]`: one dispatch table and one event enum of several blocks.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{DeriveInput, Path};

use crate::case::unraw;
use crate::hygiene::placed;

pub(super) fn groups(krate: &TokenStream, input: &DeriveInput, groups: &[Path]) -> TokenStream {
    let model = &input.ident;
    let event = format_ident!("{}Event", unraw(model), span = model.span());
    let about = format!("The events of `{model}`: one variant a group of commands.");
    let groups: Vec<Group<'_>> = groups.iter().map(|path| Group::new(krate, path)).collect();
    let variants = groups.iter().map(|Group { name, of, .. }| {
        let about = format!("An event of `{name}`.");
        quote!(#[doc = #about] #name(#of::Event))
    });
    let arms = |method: &str| {
        let method = Ident::new(method, proc_macro2::Span::call_site());
        let arms =
            groups.iter().map(move |Group { name, .. }| quote!(Self::#name(event) => #krate::Event::#method(event)));
        quote!(match self { #(#arms,)* })
    };
    let (names, versions) = (arms("name"), arms("version"));
    let lands = groups
        .iter()
        .map(|Group { name, .. }| quote!(Self::#name(event) => #krate::Land::<#model>::land(event, at, sink)));
    let conversions = groups.iter().map(|Group { name, of, .. }| {
        quote! {
            #[automatically_derived]
            impl ::core::convert::From<#of::Event> for #event {
                fn from(event: #of::Event) -> Self {
                    Self::#name(event)
                }
            }
        }
    });
    let tables: Vec<TokenStream> = groups.iter().map(|Group { of, .. }| quote!(#of::EVENTS)).collect();
    let shared = shared(krate, &groups);
    let (lock, locked) = (lock(krate, &groups), locked(krate, model, &groups));
    quote! {
        #[doc = #about]
        #[allow(missing_copy_implementations, missing_debug_implementations, unreachable_pub)]
        pub enum #event {
            #(#variants,)*
        }

        #[automatically_derived]
        impl #krate::Event for #event {
            fn name(&self) -> &'static ::core::primitive::str {
                #names
            }

            fn version(&self) -> ::core::primitive::u32 {
                #versions
            }
        }

        #[automatically_derived]
        impl #krate::Land<#model> for #event {
            const STANDS: #krate::__private::Stands = #krate::__private::Stands::Open;

            fn land(
                self,
                at: #krate::__private::Landing<'_>,
                sink: &mut #krate::__private::Sink<'_, '_, #model>,
            ) -> ::core::result::Result<(), #krate::__private::Fault> {
                match self { #(#lands,)* }
            }
        }

        #(#conversions)*

        #[automatically_derived]
        impl #krate::Commands for #model {
            type Event = #event;
            const EVENTS: &'static [#krate::__private::EventType<Self>] = &#krate::__private::concat::<
                #model,
                { #krate::__private::count::<#model>(&[#(#tables),*]) },
            >(&[#(#tables),*]);
            #lock
        }

        #shared
        #locked
    }
}

/// A group as its model sees it.
struct Group<'a> {
    path: &'a Path,
    /// The variant of the event enum.
    name: &'a Ident,
    /// The group as one, at its place in the list.
    of: TokenStream,
}

impl<'a> Group<'a> {
    fn new(krate: &TokenStream, path: &'a Path) -> Group<'a> {
        let span = path.span();
        let krate = placed(krate, span);
        let name = &path.segments.last().expect("a path has a last segment").ident;
        Group { path, name, of: quote_spanned!(span=> <#path as #krate::__private::Group>) }
    }
}

/// No event is in two groups.
fn shared(krate: &TokenStream, groups: &[Group<'_>]) -> TokenStream {
    let mut tokens = TokenStream::new();
    for (i, second) in groups.iter().enumerate() {
        for first in &groups[..i] {
            let (a, b) = (&first.of, &second.of);
            let message = format!(
                "a version of an event is in `{}` and in `{}` too: give one of the commands another `name = \"…\"`",
                first.name, second.name
            );
            let krate = placed(krate, second.path.span());
            tokens.extend(quote_spanned! {second.path.span()=>
                const _: () = ::core::assert!(
                    #krate::__private::shared(#a::EVENTS, #b::EVENTS).is_none(),
                    #message
                );
            });
        }
    }
    tokens
}

/// The model's lock: that of any group, since all are locked alike.
fn lock(krate: &TokenStream, groups: &[Group<'_>]) -> Option<TokenStream> {
    let Group { of, .. } = groups.first()?;
    Some(quote!(const LOCK: ::core::option::Option<#krate::__private::ShapeLock> = #of::LOCK;))
}

/// All groups are locked, or none; and what is in the lock is in one of them.
fn locked(krate: &TokenStream, model: &Ident, groups: &[Group<'_>]) -> TokenStream {
    let mut tokens = TokenStream::new();
    let Some((first, others)) = groups.split_first() else { return tokens };
    for second in others {
        let (a, b) = (&first.of, &second.of);
        let message = format!(
            "`{}` and `{}` are not locked alike: the groups of a model have one lock, or none: say `lock` of each",
            first.name, second.name
        );
        let krate = placed(krate, second.path.span());
        tokens.extend(quote_spanned! {second.path.span()=>
            const _: () = ::core::assert!(#krate::__private::ShapeLock::agree(#a::LOCK, #b::LOCK), #message);
        });
    }
    let of = placed(&first.of, model.span());
    let krate = placed(krate, model.span());
    tokens.extend(quote_spanned! {model.span()=>
        const _: () = match #krate::__private::forgotten(#of::LOCKED, <#model as #krate::Commands>::EVENTS) {
            ::core::option::Option::None => {}
            ::core::option::Option::Some(message) => ::core::panic!("{}", message.as_str()),
        };
    });
    tokens
}
