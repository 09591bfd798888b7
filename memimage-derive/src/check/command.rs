//! Rules for one command: its attributes and its signature.

use syn::{Attribute, FnArg, ReceiverKind, Safety};

use super::types;
use crate::ast::{Command, Input, makes, names_context};
use crate::ctxt::Ctxt;

pub(crate) fn command(cx: &Ctxt, command: &Command) {
    attributes(cx, &command.attrs);
    modifiers(cx, command);
    receiver(cx, command);
    if let Some(second) = command.contexts().nth(1) {
        cx.error(second, "a second context: a command has one, take it once");
    }
    for input in &command.sig.inputs {
        argument_attributes(cx, input);
    }
    for input in &command.inputs {
        if let Input::Argument(argument) = input {
            types::argument(cx, &argument.ty);
            types::keys(cx, &argument.ty);
        }
    }
    if let Some(output) = command.output.ty() {
        types::output(cx, output);
    }
}

/// All that is emitted for a command carries its `#[cfg]`s, so they must be seen.
fn attributes(cx: &Ctxt, attrs: &[Attribute]) {
    for attr in attrs.iter().filter(|attr| makes(attr, "cfg")) {
        cx.error(attr, "a `#[cfg]` inside `#[cfg_attr]` is not seen from here: put the `#[cfg]` on the method itself");
    }
}

fn modifiers(cx: &Ctxt, command: &Command) {
    let sig = &command.sig;
    if let Some(token) = &sig.asyncness {
        cx.error(
            token,
            "a command runs under a lock and again on replay, and cannot await: do that before, and pass what it gave",
        );
    }
    if let Safety::Unsafe(token) = &sig.safety {
        cx.error(
            token,
            "a command is replayed by the library, which cannot keep an unsafe promise: make the method safe",
        );
    }
    if let Some(abi) = &sig.abi {
        cx.error(abi, "a command is an ordinary method: remove the `extern`");
    }
    if !sig.generics.params.is_empty() {
        cx.error(
            &sig.generics,
            "a command cannot be generic, since its arguments are written to the journal: name their types",
        );
    } else if let Some(clause) = &sig.generics.where_clause {
        cx.error(
            clause,
            "a command cannot be generic, since its arguments are written to the journal: remove the `where`",
        );
    }
}

fn receiver(cx: &Ctxt, command: &Command) {
    let Some(receiver) = command.sig.receiver() else {
        return cx.error(&command.sig.ident, "a command changes the model: take `&mut self`");
    };
    match &receiver.kind {
        ReceiverKind::Reference(_, _, Some(_)) => {}
        ReceiverKind::Reference(_, _, None) => cx.error(
            receiver,
            "a command changes the model: take `&mut self`; what only reads needs no mark: `image.query(|model| …)`",
        ),
        _ => cx.error(receiver, "a command changes the model in its place: take `&mut self`"),
    }
}

fn argument_attributes(cx: &Ctxt, input: &FnArg) {
    let FnArg::Typed(typed) = input else { return };
    for attr in &typed.attrs {
        if attr.path().is_ident("cfg") || attr.path().is_ident("cfg_attr") {
            cx.error(
                attr,
                "an argument is a part of the event, which is one in every build: put the `#[cfg]` on two commands",
            );
        }
    }
    if let syn::Type::Reference(reference) = &*typed.ty
        && reference.mutability.is_some()
        && names_context(&reference.elem)
    {
        cx.error(&typed.ty, "a context is shared: take `&Context`");
    }
}
