//! Rules for `check = name`.

use proc_macro2::Ident;
use quote::ToTokens;
use syn::visit::Visit;
use syn::{FnArg, Pat, ReceiverKind, ReturnType, Safety, Type, TypeFnPtr, TypeReference};

use crate::ast::{Argument, Block, Command, Method};
use crate::ctxt::Ctxt;

pub(crate) fn check_method(cx: &Ctxt, block: &Block, command: &Command) {
    let Some(name) = command.args.check.get() else { return };
    match block.check_of(command) {
        Some(method) => {
            receiver(cx, method);
            modifiers(cx, method);
            arguments(cx, command, method);
        }
        None => missing(cx, block, name),
    }
}

fn missing(cx: &Ctxt, block: &Block, name: &Ident) {
    match block.commands.iter().any(|other| other.sig.ident == *name) {
        true => cx.error(
            name,
            format_args!(
                "`{name}` is a command and cannot be a check; help: use a method that takes \
                                             `&self`"
            ),
        ),
        false => cx.error(
            name,
            format_args!(
                "no method `{name}` in this block; help: add `fn {name}(&self, …) -> Result<(), …>`, with the \
                          arguments it needs"
            ),
        ),
    }
}

fn receiver(cx: &Ctxt, method: &Method) {
    let name = &method.sig.ident;
    let Some(receiver) = method.sig.receiver() else {
        return cx.error(name, format_args!("the check `{name}` must be a method of the model; help: take `&self`"));
    };
    if !matches!(&receiver.kind, ReceiverKind::Reference(_, _, None)) {
        cx.error(receiver, format_args!("the check `{name}` cannot change the model; help: take `&self`"));
    }
}

fn modifiers(cx: &Ctxt, method: &Method) {
    let sig = &method.sig;
    if let Some(token) = &sig.asyncness {
        cx.error(token, "a check cannot be `async` because it runs under a lock; help: make it a plain method");
    }
    if let Safety::Unsafe(token) = &sig.safety {
        cx.error(token, "a check cannot be `unsafe` because the library calls it; help: make it a safe method");
    }
    if !sig.generics.params.is_empty() {
        cx.error(&sig.generics, "a check cannot be generic; help: use concrete types");
    }
    if let ReturnType::Default = sig.output {
        cx.error(&sig.ident, "a check must return a `Result`; help: return `Result<(), …>`");
    }
}

fn arguments(cx: &Ctxt, command: &Command, method: &Method) {
    let contexts = Block::contexts_of_check(command, method);
    for (place, input) in method.sig.inputs.iter().enumerate() {
        let FnArg::Typed(typed) = input else { continue };
        if contexts.contains(&place) {
            if contexts.get(1) == Some(&place) {
                cx.error(typed, "a check takes only one context; help: remove this argument");
            }
            continue;
        }
        match &*typed.pat {
            Pat::Ident(pattern) if pattern.by_ref.is_none() && pattern.subpat.is_none() => {
                if let Some(argument) = known(cx, command, &pattern.ident) {
                    borrowed(cx, argument, &typed.ty);
                }
            }
            pattern => cx.error(
                pattern,
                "an argument of a check must have a plain name; help: use the name of the command's argument",
            ),
        }
        if let Type::Reference(reference) = &*typed.ty
            && let Some(token) = &reference.mutability
        {
            cx.error(token, "a check cannot change an argument; help: take it by `&` or by value");
        }
    }
}

/// The command's argument with this name. If the command has no such argument, reports an error.
fn known<'a>(cx: &Ctxt, command: &'a Command, argument: &Ident) -> Option<&'a Argument> {
    if let Some(known) = command.arguments().find(|known| known.ident == *argument) {
        return Some(known);
    }
    let (has, method) = (command.argument_names(), &command.sig.ident);
    cx.error(
        argument,
        format_args!(
            "no argument `{argument}` in the command `{method}`; help: use the name of an argument of the command, \
                      which has {has}"
        ),
    );
    None
}

/// Reports a type that the expansion cannot pass to a check. It passes a reference to the argument, or a clone, but does not
/// convert an `Option<String>` to an `Option<&str>`.
fn borrowed(cx: &Ctxt, argument: &Argument, wanted: &Type) {
    let inner = match wanted {
        Type::Reference(reference) => &*reference.elem,
        wanted => wanted,
    };
    if !borrows(inner) || borrows(&argument.ty) {
        return;
    }
    let (wanted, ty, name) = (spelled(wanted), spelled(&argument.ty), &argument.ident);
    let message = format!("a check cannot take `{name}: {ty}` as `{wanted}`; help: take `{name}: &{ty}`");
    cx.error(inner, message);
}

/// Whether the type contains a reference.
fn borrows(ty: &Type) -> bool {
    struct ReferenceFinder(bool);

    impl<'ast> Visit<'ast> for ReferenceFinder {
        fn visit_type_reference(&mut self, _: &'ast TypeReference) {
            self.0 = true;
        }

        // references in the signature of a function pointer are not data
        fn visit_type_fn_ptr(&mut self, _: &'ast TypeFnPtr) {}
    }

    let mut finder = ReferenceFinder(false);
    finder.visit_type(ty);
    finder.0
}

/// The text of the type as the user would write it.
fn spelled(ty: &Type) -> String {
    let mut spelled = ty.to_token_stream().to_string();
    for (loose, tight) in [(" < ", "<"), (" > ", ">"), (" >", ">"), ("& ", "&"), (" ,", ","), (" :: ", "::")] {
        spelled = spelled.replace(loose, tight);
    }
    spelled
}
