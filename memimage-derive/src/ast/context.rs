//! Finds the context argument of a method.
//!
//! A macro has no type information, and `Context` can be imported under another name. The search therefore goes by the spelling
//! of the types, and the expansion asserts that the type it finds is memimage's `Context`.

use syn::{FnArg, PatType, PathArguments, Signature, Type, TypeGroup, TypeParen};

/// The indices of the context arguments: all arguments of the type `&Context`. If no argument has this type, and exactly one is
/// a reference to another plain type, returns the index of that argument, because the plain type may be `Context` under another
/// name. Ignores the arguments for which `is_argument` returns true: those are arguments of the command.
pub(crate) fn contexts(sig: &Signature, is_argument: impl Fn(&PatType) -> bool) -> Vec<usize> {
    let places = |is: fn(&Type) -> bool| -> Vec<usize> {
        let referred = sig.inputs.iter().map(|input| match input {
            FnArg::Typed(typed) if !is_argument(typed) => referred(&typed.ty),
            FnArg::Typed(_) | FnArg::Receiver(_) => None,
        });
        referred.enumerate().filter(|(_, referred)| referred.is_some_and(is)).map(|(place, _)| place).collect()
    };
    match (places(names_context), places(may_be_context)) {
        (named, _) if !named.is_empty() => named,
        (_, others) if others.len() == 1 => others,
        _ => Vec::new(),
    }
}

/// The target of a shared reference; `None` for any other type.
pub(crate) fn referred(ty: &Type) -> Option<&Type> {
    match bare(ty) {
        Type::Reference(reference) if reference.mutability.is_none() => Some(&reference.elem),
        _ => None,
    }
}

/// The type without parentheses, and without the invisible groups that another macro put around it.
fn bare(ty: &Type) -> &Type {
    match ty {
        Type::Group(TypeGroup { elem, .. }) | Type::Paren(TypeParen { elem, .. }) => bare(elem),
        ty => ty,
    }
}

/// Whether the name of a type is `Context`.
pub(crate) fn names_context(ty: &Type) -> bool {
    match bare(ty) {
        Type::Path(path) => path.path.segments.last().is_some_and(|last| last.ident == "Context"),
        _ => false,
    }
}

/// Primitive types and `String`, which are never the context.
const KNOWN: &[&str] = &[
    "bool", "char", "str", "String", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128",
    "isize", "f32", "f64",
];

/// Whether a type may be `Context` under another name: a path without parameters, but neither a primitive type nor `String`.
fn may_be_context(ty: &Type) -> bool {
    match bare(ty) {
        Type::Path(path) if path.qself.is_none() => path.path.segments.last().is_some_and(|last| {
            matches!(last.arguments, PathArguments::None) && !KNOWN.iter().any(|known| last.ident == known)
        }),
        _ => false,
    }
}
