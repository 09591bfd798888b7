//! Rules for `#[memimage::upcast]`.

use syn::{FnArg, ReturnType, Safety, Type};

use super::types;
use crate::ast::Upcaster;
use crate::ctxt::Ctxt;

pub(crate) fn upcaster(cx: &Ctxt, upcaster: &Upcaster) {
    let sig = &upcaster.sig;
    if let Some(token) = &sig.asyncness {
        cx.error(token, "an upcaster cannot be `async` because it runs on replay; help: make it a plain function");
    }
    if let Safety::Unsafe(token) = &sig.safety {
        cx.error(token, "an upcaster cannot be `unsafe` because the library calls it; help: make it a safe function");
    }
    if !sig.generics.params.is_empty() {
        cx.error(&sig.generics, "an upcaster cannot be generic; help: write the type of the past version");
    }
    if let ReturnType::Type(_, ty) = &sig.output {
        types::upcast(cx, ty);
    }
    let mut inputs = sig.inputs.iter();
    match inputs.next() {
        None => cx.error(&sig.ident, "an upcaster must take the past version; help: add an argument of its type"),
        Some(FnArg::Receiver(receiver)) => {
            let message = "an upcaster cannot be a method; help: write a function that takes the past version by value";
            return cx.error(receiver, message);
        }
        Some(FnArg::Typed(old)) => match &*old.ty {
            Type::Reference(reference) => {
                cx.error(reference, "an upcaster cannot borrow the past version; help: take it by value");
            }
            Type::ImplTrait(_) => {
                cx.error(&old.ty, "an upcaster cannot be generic; help: write the type of the past version");
            }
            _ => {}
        },
    }
    if let Some(second) = inputs.next()
        && !is_recorded(second)
    {
        cx.error(second, "the second argument of an upcaster must be `&Recorded`; help: change its type, or remove it");
    }
    if let Some(third) = inputs.next() {
        cx.error(third, "an upcaster takes only the past version and `&Recorded`; help: remove this argument");
    }
}

fn is_recorded(input: &FnArg) -> bool {
    let FnArg::Typed(typed) = input else { return false };
    let Type::Reference(reference) = &*typed.ty else { return false };
    match &*reference.elem {
        Type::Path(path) => {
            reference.mutability.is_none() && path.path.segments.last().is_some_and(|last| last.ident == "Recorded")
        }
        _ => false,
    }
}
