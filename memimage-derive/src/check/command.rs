//! Rules for one command: its attributes and its signature.

use quote::ToTokens;
use syn::{Attribute, FnArg, ReceiverKind, Safety};

use super::types;
use crate::ast::{Argument, Command, Input, makes, names_context};
use crate::attr::skipped;
use crate::case::unraw;
use crate::ctxt::Ctxt;

pub(crate) fn command(cx: &Ctxt, command: &Command) {
    attributes(cx, &command.attrs);
    modifiers(cx, command);
    receiver(cx, command);
    if let Some(second) = command.contexts().nth(1) {
        cx.error(second, "a command takes only one context; help: remove this argument");
    }
    for input in &command.sig.inputs {
        argument_attributes(cx, input);
    }
    for input in &command.inputs {
        if let Input::Argument(argument) = input {
            types::argument(cx, &argument.ty);
            types::keys(cx, &argument.ty);
            skipped_argument(cx, argument);
        }
    }
    if let Some(output) = command.output.ty() {
        types::output(cx, output);
    }
}

fn skipped_argument(cx: &Ctxt, argument: &Argument) {
    if let Some(key) = skipped(&argument.attrs) {
        let what = key.to_token_stream();
        let message = format!(
            "serde's `{what}` loses the argument `{}`, which replay could not read; help: remove it",
            unraw(&argument.ident)
        );
        cx.error(key, message);
    }
}

/// The expansion copies a command's `#[cfg]` attributes to all generated items, so `#[cfg_attr]` must not hide them.
fn attributes(cx: &Ctxt, attrs: &[Attribute]) {
    for attr in attrs.iter().filter(|attr| makes(attr, "cfg")) {
        cx.error(attr, "`#[cfg]` inside `#[cfg_attr]` is not supported on a command; help: put `#[cfg]` on the method");
    }
}

fn modifiers(cx: &Ctxt, command: &Command) {
    let sig = &command.sig;
    if let Some(token) = &sig.asyncness {
        cx.error(
            token,
            "a command cannot be `async` because it runs under a lock, and again on replay; help: await before the command, and \
             pass the result as an argument",
        );
    }
    if let Safety::Unsafe(token) = &sig.safety {
        cx.error(
            token,
            "a command cannot be `unsafe` because the library calls it on replay; help: make it a safe method",
        );
    }
    if let Some(abi) = &sig.abi {
        cx.error(abi, "a command cannot be `extern`; help: remove the `extern`");
    }
    if !sig.generics.params.is_empty() {
        cx.error(
            &sig.generics,
            "a command cannot be generic because its arguments are written to the journal; help: use concrete types",
        );
    } else if let Some(clause) = &sig.generics.where_clause {
        cx.error(clause, "a command cannot have a `where` clause; help: remove it");
    }
}

fn receiver(cx: &Ctxt, command: &Command) {
    let Some(receiver) = command.sig.receiver() else {
        return cx.error(&command.sig.ident, "a command must be a method of the model; help: take `&mut self`");
    };
    match &receiver.kind {
        ReceiverKind::Reference(_, _, Some(_)) => {}
        ReceiverKind::Reference(_, _, None) => cx.error(
            receiver,
            "a command cannot take `&self` because it changes the model; help: take `&mut self`, or call this method in \
             `image.query(|model| …)`",
        ),
        _ => cx.error(receiver, "a command cannot consume the model; help: take `&mut self`"),
    }
}

fn argument_attributes(cx: &Ctxt, input: &FnArg) {
    let FnArg::Typed(typed) = input else { return };
    for attr in &typed.attrs {
        if attr.path().is_ident("cfg") || attr.path().is_ident("cfg_attr") {
            cx.error(
                attr,
                "an argument of a command cannot be conditional because an event is the same in every build; help: put `#[cfg]` \
                 on two commands",
            );
        }
    }
    if let syn::Type::Reference(reference) = &*typed.ty
        && reference.mutability.is_some()
        && names_context(&reference.elem)
    {
        cx.error(&typed.ty, "a context cannot be mutable; help: take `&Context`");
    }
}
