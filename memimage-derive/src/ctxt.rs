//! Collects the errors of an expansion, so that the user sees all of them at once.

use std::cell::RefCell;
use std::fmt::Display;
use std::thread;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote_spanned};

/// Collects errors. Dropping a `Ctxt` panics unless [`Ctxt::check`] or [`Ctxt::panics`] has taken the errors, so that no error
/// is lost.
pub(crate) struct Ctxt {
    errors: RefCell<Option<Vec<syn::Error>>>,
}

impl Ctxt {
    pub(crate) fn new() -> Ctxt {
        Ctxt { errors: RefCell::new(Some(Vec::new())) }
    }

    /// Adds an error at `tokens`.
    pub(crate) fn error(&self, tokens: impl ToTokens, message: impl Display) {
        self.syn_error(syn::Error::new_spanned(tokens, message));
    }

    pub(crate) fn syn_error(&self, error: syn::Error) {
        self.errors.borrow_mut().as_mut().expect("errors come before `check`").push(error);
    }

    /// Returns the value of an `Ok`. For an `Err`, adds the error and returns `None`.
    pub(crate) fn ok<T>(&self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|error| self.syn_error(error)).ok()
    }

    /// Whether an error was added.
    pub(crate) fn has_errors(&self) -> bool {
        self.errors.borrow().as_ref().is_some_and(|errors| !errors.is_empty())
    }

    /// Returns all errors as `compile_error!` tokens, if there are any.
    pub(crate) fn check(self) -> Result<(), TokenStream> {
        let errors = self.take();
        match errors.is_empty() {
            true => Ok(()),
            false => Err(errors.iter().map(syn::Error::to_compile_error).collect()),
        }
    }

    /// Returns all errors as constants that panic. The compiler evaluates constants last, so these errors do not suppress the
    /// compiler's own errors. A `compile_error!` would suppress the errors about unresolved names in the same module.
    pub(crate) fn panics(self) -> TokenStream {
        let errors = self.take().into_iter().flatten();
        let panics = errors.map(|error| {
            let message = error.to_string();
            quote_spanned!(error.span()=> const _: () = ::core::panic!("{}", #message);)
        });
        panics.collect()
    }

    fn take(self) -> Vec<syn::Error> {
        self.errors.borrow_mut().take().expect("the errors are taken once")
    }
}

impl Drop for Ctxt {
    fn drop(&mut self) {
        if !thread::panicking() && self.errors.borrow().is_some() {
            panic!("the errors of an expansion were not checked");
        }
    }
}
