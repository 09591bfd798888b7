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
        true => cx.error(name, format_args!("`{name}` is a command, and a check changes nothing: name a method that takes `&self`")),
        false => cx.error(
            name,
            format_args!("no method `{name}` in this block: add `fn {name}(&self, …) -> Result<(), …>`, with the arguments it needs"),
        ),
    }
}

fn receiver(cx: &Ctxt, method: &Method) {
    let name = &method.sig.ident;
    let Some(receiver) = method.sig.receiver() else {
        return cx.error(name, format_args!("`{name}` judges a command on the model: take `&self`"));
    };
    if !matches!(&receiver.kind, ReceiverKind::Reference(_, _, None)) {
        cx.error(receiver, format_args!("`{name}` judges a command and must not change the model: take `&self`"));
    }
}

fn modifiers(cx: &Ctxt, method: &Method) {
    let sig = &method.sig;
    if let Some(token) = &sig.asyncness {
        cx.error(token, "a check runs under a lock and cannot await: make it a plain method");
    }
    if let Safety::Unsafe(token) = &sig.safety {
        cx.error(token, "a check is called by the library, which cannot keep an unsafe promise: make it safe");
    }
    if !sig.generics.params.is_empty() {
        cx.error(&sig.generics, "a check cannot be generic: name the types of its arguments");
    }
    if let ReturnType::Default = sig.output {
        cx.error(&sig.ident, "a check tells whether the command is refused: return `Result<(), …>`");
    }
}

fn arguments(cx: &Ctxt, command: &Command, method: &Method) {
    let contexts = Block::contexts_of_check(command, method);
    for (place, input) in method.sig.inputs.iter().enumerate() {
        let FnArg::Typed(typed) = input else { continue };
        if contexts.contains(&place) {
            if contexts.get(1) == Some(&place) {
                cx.error(typed, "a second context: a check has one, take it once");
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
                "an argument of a check is found by its name: give it the name that the command gives it",
            ),
        }
        if let Type::Reference(reference) = &*typed.ty
            && let Some(token) = &reference.mutability
        {
            cx.error(token, "a check changes nothing: take the argument by `&` or by value");
        }
    }
}

/// The command's argument of that name.
fn known<'a>(cx: &Ctxt, command: &'a Command, argument: &Ident) -> Option<&'a Argument> {
    if let Some(known) = command.arguments().find(|known| known.ident == *argument) {
        return Some(known);
    }
    let (has, method) = (command.argument_names(), &command.sig.ident);
    cx.error(
        argument,
        format_args!("no argument `{argument}` of the command `{method}`: {has}, and a check goes by their names"),
    );
    None
}

/// A check gets a reference to the argument, or a clone. Nothing converts an `Option<String>` into an `Option<&str>`.
fn borrowed(cx: &Ctxt, argument: &Argument, wanted: &Type) {
    let inner = match wanted {
        Type::Reference(reference) => &*reference.elem,
        wanted => wanted,
    };
    if !borrows(inner) || borrows(&argument.ty) {
        return;
    }
    let (wanted, ty, name) = (spelled(wanted), spelled(&argument.ty), &argument.ident);
    let message = format!(
        "a check borrows or clones `{name}: {ty}`, and cannot take it as `{wanted}`; help: take `{name}: &{ty}`"
    );
    cx.error(inner, message);
}

/// Whether there is a reference in it.
fn borrows(ty: &Type) -> bool {
    struct Finder(bool);

    impl<'ast> Visit<'ast> for Finder {
        fn visit_type_reference(&mut self, _: &'ast TypeReference) {
            self.0 = true;
        }

        // The references in a function pointer's signature are no data.
        fn visit_type_fn_ptr(&mut self, _: &'ast TypeFnPtr) {}
    }

    let mut finder = Finder(false);
    finder.visit_type(ty);
    finder.0
}

/// A type as it is written.
fn spelled(ty: &Type) -> String {
    let mut spelled = ty.to_token_stream().to_string();
    for (loose, tight) in [(" < ", "<"), (" > ", ">"), (" >", ">"), ("& ", "&"), (" ,", ","), (" :: ", "::")] {
        spelled = spelled.replace(loose, tight);
    }
    spelled
}
