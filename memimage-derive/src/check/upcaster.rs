//! Rules for a function marked `#[memimage::upcast]`.

use syn::{FnArg, ReturnType, Safety, Type};

use super::types;
use crate::ast::Upcaster;
use crate::ctxt::Ctxt;

pub(crate) fn upcaster(cx: &Ctxt, upcaster: &Upcaster) {
    let sig = &upcaster.sig;
    if let Some(token) = &sig.asyncness {
        cx.error(token, "an upcaster runs on replay and cannot await: make it a plain function");
    }
    if let Safety::Unsafe(token) = &sig.safety {
        cx.error(token, "an upcaster is called by the library, which cannot keep an unsafe promise: make it safe");
    }
    if !sig.generics.params.is_empty() {
        cx.error(&sig.generics, "an upcaster is the step of one type: name it");
    }
    if let ReturnType::Type(_, ty) = &sig.output {
        types::upcast(cx, ty);
    }
    let mut inputs = sig.inputs.iter();
    match inputs.next() {
        None => cx.error(&sig.ident, "an upcaster takes the past version: add an argument of its type"),
        Some(FnArg::Receiver(receiver)) => {
            let message = "an upcaster is a function of its own, not a method, and sees the payload, never the model: take \
                           the past version by its type";
            return cx.error(receiver, message);
        }
        Some(FnArg::Typed(old)) => match &*old.ty {
            Type::Reference(reference) => {
                cx.error(reference, "an upcaster makes the next version of the past one: take it by value");
            }
            Type::ImplTrait(_) => cx.error(&old.ty, "an upcaster is the step of one type: name it"),
            _ => {}
        },
    }
    if let Some(second) = inputs.next()
        && !is_recorded(second)
    {
        cx.error(
            second,
            "besides the past version an upcaster sees what else was recorded: `&Recorded`, and nothing more",
        );
    }
    if let Some(third) = inputs.next() {
        cx.error(
            third,
            "an upcaster takes the past version, and `&Recorded` if it wants: nothing else is in the journal",
        );
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
