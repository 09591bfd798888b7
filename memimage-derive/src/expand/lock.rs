//! The generated code of a locked model.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::LitStr;
use syn::spanned::Spanned;

use super::history::spelled;
use crate::ast::{Block, Command, EventHistory, PastForm};
use crate::hygiene::respanned;
use crate::shape_lock::ModelLock;

/// The constant `LOCK`, which the generated test reads. A group also gets the constant `LOCKED`, which the model's expansion
/// reads.
pub(super) fn constants(krate: &TokenStream, block: &Block, lock: &ModelLock) -> TokenStream {
    let ModelLock { path, model, package, selection, is_shared, .. } = lock;
    let constant = constant(krate, &quote!(#path, #model, #package, #selection, #is_shared));
    let group = block.args.group.get().filter(|_| !lock.blessing).map(|_| {
        let entries = lock.lines.iter().map(|line| {
            let (event, version) = (&line.event, line.version);
            quote!((#event, #version))
        });
        quote! {
            const LOCKED: &'static [(&'static ::core::primitive::str, ::core::primitive::u32)] = &[#(#entries),*];
        }
    });
    quote!(#constant #group)
}

/// A placeholder for the constant `LOCK` after an error.
pub(crate) fn stub(krate: &TokenStream) -> TokenStream {
    constant(krate, &quote!("", "", "", "", false))
}

fn constant(krate: &TokenStream, arguments: &TokenStream) -> TokenStream {
    quote! {
        const LOCK: ::core::option::Option<#krate::__private::ShapeLock> =
            ::core::option::Option::Some(#krate::__private::ShapeLock::new(#arguments));
    }
}

/// The assertions, and the test that verifies the lock or adds lines to it.
pub(super) fn lock(krate: &TokenStream, block: &Block, lock: &ModelLock) -> TokenStream {
    let assertions = block.histories().filter(|_| !lock.blessing).map(|event| {
        let past = past(krate, lock, &event);
        let newest = event.command.map(|command| newest(krate, lock, command));
        quote!(#past #newest)
    });
    let (tracked, test) = (tracked(lock), test(krate, block));
    quote!(#(#assertions)* #tracked #test)
}

/// The assertion about a command's payload.
fn newest(krate: &TokenStream, lock: &ModelLock, command: &Command) -> Option<TokenStream> {
    let help = match command.args.replay_only.is_set() {
        true => "; help: undo the change, because a `replay_only` command must keep its shape".to_owned(),
        false => {
            let line = lock.line(&command.name.value(), command.version()).map_or(0, |line| line.number);
            format!(
                "; help: undo the change, or raise the version to {} and add an upcaster; or, if no journal contains the event, \
                 remove line {line} of `{}` and bless the lock",
                command.version() + 1,
                lock.file
            )
        }
    };
    let payload = command.payload.to_token_stream();
    assertion(krate, lock, &command.name, command.version(), &payload, &help, command.sig.ident.span())
}

/// The assertions about the types in a history. A past version that a step on values converts has no type, so nothing asserts
/// its shape.
fn past(krate: &TokenStream, lock: &ModelLock, event: &EventHistory<'_>) -> TokenStream {
    let assertions = event.past.iter().filter_map(|past| {
        let PastForm::Type(ty) = past.form else { return None };
        let help = format!("; help: undo the change of `{}`, because a past version must keep its shape", spelled(ty));
        assertion(krate, lock, event.name, past.version, &ty.to_token_stream(), &help, ty.span())
    });
    assertions.collect()
}

/// Asserts that the shape of `ty` equals the locked shape, apart from new variants at the end of enums. The error is at `span`.
fn assertion(
    krate: &TokenStream,
    lock: &ModelLock,
    name: &LitStr,
    version: u32,
    ty: &TokenStream,
    help: &str,
    span: Span,
) -> Option<TokenStream> {
    let event = name.value();
    let line = lock.line(&event, version)?;
    let (about, place, shape) = (format!("{event} v{version}"), format!("{}:{}", lock.file, line.number), &line.shape);
    let (krate, ty) = (respanned(krate, span), respanned(ty, span));
    Some(quote_spanned! {span=>
        const _: () = match #krate::__private::drifted(#about, #place, #shape, <#ty as #krate::Shape>::SHAPE, #help) {
            ::core::option::Option::None => {}
            ::core::option::Option::Some(message) => ::core::panic!("{}", message.as_str()),
        };
    })
}

/// Makes cargo rebuild when the lock file changes or is deleted, and when `MEMIMAGE_BLESS` changes. (Cargo need not watch for
/// the creation of the file: without the file, a build fails unless `MEMIMAGE_BLESS` is set, and cargo repeats a failed build.)
fn tracked(lock: &ModelLock) -> TokenStream {
    let path = &lock.path;
    let file = lock.exists.then(|| {
        quote!(
            const _: &[::core::primitive::u8] = ::core::include_bytes!(#path);
        )
    });
    quote! {
        #file
        const _: ::core::option::Option<&::core::primitive::str> = ::core::option_env!("MEMIMAGE_BLESS");
    }
}

/// The test that checks that the lock is complete. If `MEMIMAGE_BLESS` is set, the test adds the missing lines instead.
fn test(krate: &TokenStream, block: &Block) -> TokenStream {
    let (name, model) = (test_name(block), &block.model);
    quote! {
        #[cfg(test)]
        #[allow(non_snake_case)]
        #[::core::prelude::v1::test]
        fn #name() {
            #krate::__private::bless_or_verify::<#model>();
        }
    }
}

fn test_name(block: &Block) -> Ident {
    match block.args.group.get() {
        Some(group) => format_ident!("memimage_lock_of_{}_{group}", block.model_name()),
        None => format_ident!("memimage_lock_of_{}", block.model_name()),
    }
}
