//! `#[model(groups(…))]`: the dispatch table and the event enum of a model with several blocks.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{DeriveInput, Path};

use crate::attr::ModelArgs;
use crate::case::unraw;
use crate::hygiene::respanned;

pub(super) fn groups(krate: &TokenStream, input: &DeriveInput, args: &ModelArgs, groups: &[Path]) -> TokenStream {
    let (model, event) = (&input.ident, event_name(input, args));
    let definition = event_of_groups(krate, input, args, groups);
    let groups: Vec<ListedGroup<'_>> = groups.iter().map(|path| ListedGroup::new(krate, model, path)).collect();
    let tables: Vec<TokenStream> = groups.iter().map(|group| group.constant(krate, model, "EVENTS")).collect();
    let shared = shared(krate, model, &groups);
    let (lock, locked) = (lock(krate, model, &groups), locked(krate, model, &groups));
    quote! {
        #definition

        #[automatically_derived]
        impl #krate::Commands for #model {
            type Event = #event;
            const EVENTS: &'static [#krate::__private::EventType<Self>] = {
                const COUNT: ::core::primitive::usize = #krate::__private::count::<#model>(&[#(#tables),*]);
                // `COUNT` is 0 only if each group has an error, which the group's expansion reports
                if COUNT == 0 { &[] } else { &#krate::__private::concat::<#model, COUNT>(&[#(#tables),*]) }
            };
            #lock
        }

        #shared
        #locked
    }
}

/// The name of the model's event enum.
pub(crate) fn event_name(input: &DeriveInput, args: &ModelArgs) -> Ident {
    let of_model = || format_ident!("{}Event", unraw(&input.ident), span = input.ident.span());
    args.events.get().cloned().unwrap_or_else(of_model)
}

/// The model's event enum. This enum has one variant for each group, and the variant contains the group's event enum.
pub(crate) fn event_of_groups(
    krate: &TokenStream,
    input: &DeriveInput,
    args: &ModelArgs,
    groups: &[Path],
) -> TokenStream {
    let (vis, model, event) = (&input.vis, &input.ident, event_name(input, args));
    let about = format!("The events of `{model}`, with one variant for each group of commands.");
    let groups: Vec<ListedGroup<'_>> = groups.iter().map(|path| ListedGroup::new(krate, model, path)).collect();
    let variants = groups.iter().map(|ListedGroup { path, name, event }| {
        let about = format!("An event of `{name}`.");
        quote_spanned!(path.span()=> #[doc = #about] #name(#event))
    });
    let arms = |method: &str| {
        let method = Ident::new(method, Span::call_site());
        let arms = groups.iter().map(move |group| group.arm(quote!(ref), quote!(#krate::Event::#method), quote!()));
        quote!(match *self { #(#arms,)* })
    };
    let (names, versions) = (arms("name"), arms("version"));
    let takes = groups.iter().map(|group| group.take(krate));
    let replay_arms = groups
        .iter()
        .map(|group| group.arm(quote!(), quote!(#krate::IntoEvents::<#model>::replay_into), quote!(, at, target)));
    let conversions = groups.iter().map(|group| group.conversion(&event));
    quote! {
        #[doc = #about]
        #[allow(
            dead_code,
            missing_copy_implementations,
            missing_debug_implementations,
            private_interfaces,
            unreachable_pub
        )]
        #vis enum #event {
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

            fn take(payload: &mut dyn ::core::any::Any) -> ::core::option::Option<Self> {
                #(#takes)*
                ::core::option::Option::None
            }
        }

        #[automatically_derived]
        impl #krate::IntoEvents<#model> for #event {
            const EVENT_VERSION: #krate::__private::EventVersion = #krate::__private::EventVersion::Open;

            fn replay_into(
                self,
                at: #krate::__private::Upcasting<'_>,
                target: &mut #krate::__private::ReplayTarget<'_, '_, #model>,
            ) -> ::core::result::Result<(), #krate::__private::ReplayError> {
                match self { #(#replay_arms,)* }
            }
        }

        #(#conversions)*
    }
}

/// An entry in the model's list of groups. The generated code for the group has the span of this entry.
struct ListedGroup<'a> {
    path: &'a Path,
    /// The name of the group's variant in the model's event enum.
    name: &'a Ident,
    /// The group's event enum.
    event: TokenStream,
}

impl<'a> ListedGroup<'a> {
    fn new(krate: &TokenStream, model: &Ident, path: &'a Path) -> ListedGroup<'a> {
        let span = path.span();
        let krate = respanned(krate, span);
        let name = &path.segments.last().expect("a path has a last segment").ident;
        let model = respanned(&model.to_token_stream(), span);
        ListedGroup { path, name, event: quote_spanned!(span=> <#path as #krate::__private::Group<#model>>::Event) }
    }

    /// The path of a constant of the group.
    fn constant(&self, krate: &TokenStream, model: &Ident, constant: &str) -> TokenStream {
        let (path, span) = (self.path, self.path.span());
        let (krate, model) = (respanned(krate, span), respanned(&model.to_token_stream(), span));
        let constant = Ident::new(constant, span);
        quote_spanned!(span=> <#path as #krate::__private::Group<#model>>::#constant)
    }

    /// The arm for this group in a `match` on the model's event enum. The arm calls `function` with the group's event.
    fn arm(&self, by: TokenStream, function: TokenStream, more: TokenStream) -> TokenStream {
        let (name, span) = (self.name, self.path.span());
        let (function, event) = (respanned(&function, span), respanned(&quote!(event), span));
        quote_spanned!(span=> Self::#name(#by #event) => #function(#event #more))
    }

    /// Takes a payload of the group, and returns the model's event.
    fn take(&self, krate: &TokenStream) -> TokenStream {
        let (ListedGroup { name, event, .. }, span) = (self, self.path.span());
        let krate = respanned(krate, span);
        quote_spanned! {span=>
            if let ::core::option::Option::Some(event) = <#event as #krate::Event>::take(payload) {
                return ::core::option::Option::Some(Self::#name(event));
            }
        }
    }

    /// The conversion of the group's event enum to the model's event enum.
    fn conversion(&self, all: &Ident) -> TokenStream {
        let (ListedGroup { name, event, .. }, span) = (self, self.path.span());
        quote_spanned! {span=>
            #[automatically_derived]
            #[allow(private_interfaces)]
            impl ::core::convert::From<#event> for #all {
                fn from(event: #event) -> Self {
                    Self::#name(event)
                }
            }
        }
    }
}

/// Asserts that no two groups record the same version of an event.
fn shared(krate: &TokenStream, model: &Ident, groups: &[ListedGroup<'_>]) -> TokenStream {
    let mut tokens = TokenStream::new();
    for (i, second) in groups.iter().enumerate() {
        for first in &groups[..i] {
            let (a, b) = (first.constant(krate, model, "EVENTS"), second.constant(krate, model, "EVENTS"));
            let message = format!(
                "`{}` and `{}` record the same version of an event; help: give one of the commands another `name = \"…\"`",
                first.name, second.name
            );
            let krate = respanned(krate, second.path.span());
            tokens.extend(quote_spanned! {second.path.span()=>
                const _: () = ::core::assert!(
                    #krate::__private::shared(#a, #b).is_none(),
                    #message
                );
            });
        }
    }
    tokens
}

/// The model's lock: the lock of the first group, because all groups have the same lock.
fn lock(krate: &TokenStream, model: &Ident, groups: &[ListedGroup<'_>]) -> Option<TokenStream> {
    let lock = groups.first()?.constant(krate, model, "LOCK");
    Some(quote!(const LOCK: ::core::option::Option<#krate::__private::ShapeLock> = #lock;))
}

/// Asserts that all groups have the same lock, and that the groups can replay each event of the lock.
fn locked(krate: &TokenStream, model: &Ident, groups: &[ListedGroup<'_>]) -> TokenStream {
    let mut tokens = TokenStream::new();
    let Some((first, others)) = groups.split_first() else { return tokens };
    for second in others {
        let (a, b) = (first.constant(krate, model, "LOCK"), second.constant(krate, model, "LOCK"));
        let message = format!(
            "`{}` and `{}` have different locks; help: write the same `lock` on each group of a model, or on none",
            first.name, second.name
        );
        let krate = respanned(krate, second.path.span());
        tokens.extend(quote_spanned! {second.path.span()=>
            const _: () = ::core::assert!(#krate::__private::ShapeLock::agree(#a, #b), #message);
        });
    }
    let held = first.constant(krate, model, "LOCKED");
    let blocks = groups.iter().map(|group| group.constant(krate, model, "LOCK"));
    let krate = respanned(krate, model.span());
    tokens.extend(quote_spanned! {model.span()=>
        const _: () = match #krate::__private::missing_event(
            &[#(#blocks),*],
            #held,
            <#model as #krate::Commands>::EVENTS,
        ) {
            ::core::option::Option::None => {}
            ::core::option::Option::Some(message) => ::core::panic!("{}", message.as_str()),
        };
    });
    tokens
}
