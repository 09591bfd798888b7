//! The context that collects every error of one expansion, so that a user sees all of them at once.

use std::cell::RefCell;
use std::fmt::Display;
use std::thread;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote_spanned};

/// Collects errors. [`Ctxt::check`] or [`Ctxt::panics`] must take them, else its drop panics: an error that nobody
/// reports would be a rule that does not hold.
pub(crate) struct Ctxt {
    errors: RefCell<Option<Vec<syn::Error>>>,
}

impl Ctxt {
    pub(crate) fn new() -> Ctxt {
        Ctxt { errors: RefCell::new(Some(Vec::new())) }
    }

    /// Adds an error whose place is all of `tokens`.
    pub(crate) fn error(&self, tokens: impl ToTokens, message: impl Display) {
        self.syn_error(syn::Error::new_spanned(tokens, message));
    }

    /// Adds an error of syn's own.
    pub(crate) fn syn_error(&self, error: syn::Error) {
        self.errors.borrow_mut().as_mut().expect("errors come before `check`").push(error);
    }

    /// The value, or nothing and its error added.
    pub(crate) fn ok<T>(&self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|error| self.syn_error(error)).ok()
    }

    /// Whether there are errors already.
    pub(crate) fn has_errors(&self) -> bool {
        self.errors.borrow().as_ref().is_some_and(|errors| !errors.is_empty())
    }

    /// Ends the collecting: nothing, or all errors as tokens.
    pub(crate) fn check(self) -> Result<(), TokenStream> {
        let errors = self.take();
        match errors.is_empty() {
            true => Ok(()),
            false => Err(errors.iter().map(syn::Error::to_compile_error).collect()),
        }
    }

    /// Ends the collecting: all errors as constants that panic. The compiler evaluates constants last. It reports a
    /// `compile_error!` first, and then no name that it cannot resolve in the same module.
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
