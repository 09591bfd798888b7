//! What holds a locked model to its lock.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};

use crate::ast::{Block, Command};
use crate::lock::Lock;

/// The constant of `Commands` by which the lock is found at run time.
pub(crate) fn constant(krate: &TokenStream, lock: &Lock) -> TokenStream {
    let (path, model) = (&lock.path, &lock.model);
    quote! {
        const LOCK: ::core::option::Option<#krate::__private::ShapeLock> =
            ::core::option::Option::Some(#krate::__private::ShapeLock::new(#path, #model));
    }
}

/// The assertions, and the test that adds lines.
pub(crate) fn lock(krate: &TokenStream, block: &Block, lock: &Lock) -> TokenStream {
    let assertions = match lock.blessing {
        true => None,
        false => {
            Some(block.commands.iter().filter_map(|command| assertion(krate, lock, command)).collect::<TokenStream>())
        }
    };
    let (tracked, test) = (tracked(lock), test(krate, block));
    quote!(#assertions #tracked #test)
}

/// A shape that is not the one in its line is a compile error at the method's name.
fn assertion(krate: &TokenStream, lock: &Lock, command: &Command) -> Option<TokenStream> {
    let (event, version) = (command.name.value(), command.args.version());
    let line = lock.line(&event, version)?;
    let payload = &command.payload;
    let (about, place, shape) = (format!("{event} v{version}"), format!("{}:{}", lock.file, line.number), &line.shape);
    let mend = format!("; raise its version to {} and add an upcaster, or undo the change", version + 1);
    Some(quote_spanned! {command.sig.ident.span()=>
        const _: () = match #krate::__private::drifted(
            #about,
            #place,
            #shape,
            <#payload as #krate::Shape>::SHAPE,
            #mend,
        ) {
            ::core::option::Option::None => {}
            ::core::option::Option::Some(message) => ::core::panic!("{}", message.as_str()),
        };
    })
}

/// Lets cargo build again when the file changes or goes away, and when blessing begins or ends. (When it appears, the build
/// before was an error, or a blessing.)
fn tracked(lock: &Lock) -> TokenStream {
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

/// Checks at each `cargo test` that the lock is complete, or completes it.
fn test(krate: &TokenStream, block: &Block) -> TokenStream {
    let (name, model) = (test_name(block), &block.model);
    quote! {
        #[cfg(test)]
        #[allow(unnameable_test_items, non_snake_case)]
        #[::core::prelude::v1::test]
        fn #name() {
            #krate::__private::bless_or_verify::<#model>();
        }
    }
}

fn test_name(block: &Block) -> Ident {
    format_ident!("memimage_lock_of_{}", block.model_name())
}
