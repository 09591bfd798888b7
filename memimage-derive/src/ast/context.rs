//! Which argument of a method is the context.
//!
//! A macro sees no types, and a type may have any name. So this goes by the form of the arguments, and the expansion holds
//! what is found here to be memimage's `Context`, under whatever name.

use syn::{FnArg, PatType, PathArguments, Signature, Type, TypeGroup, TypeParen};

/// The places of the arguments that are taken for the context: those that are `&Context`, else the only one that is a
/// reference to some other plain type, which may be `Context` under another name. What `is_argument` says is an argument of
/// the command is none.
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

/// What a shared reference refers to.
pub(crate) fn referred(ty: &Type) -> Option<&Type> {
    match bare(ty) {
        Type::Reference(reference) if reference.mutability.is_none() => Some(&reference.elem),
        _ => None,
    }
}

/// The type without the parentheses around it, written or those of another macro.
fn bare(ty: &Type) -> &Type {
    match ty {
        Type::Group(TypeGroup { elem, .. }) | Type::Paren(TypeParen { elem, .. }) => bare(elem),
        ty => ty,
    }
}

/// Whether a type is called `Context`.
pub(crate) fn names_context(ty: &Type) -> bool {
    match bare(ty) {
        Type::Path(path) => path.path.segments.last().is_some_and(|last| last.ident == "Context"),
        _ => false,
    }
}

/// The plain types of everybody's programs, which are arguments.
const KNOWN: &[&str] = &[
    "bool", "char", "str", "String", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128",
    "isize", "f32", "f64",
];

/// Whether a type may be `Context` under another name: it has no parameters, and is no other type by its name.
fn may_be_context(ty: &Type) -> bool {
    match bare(ty) {
        Type::Path(path) if path.qself.is_none() => path.path.segments.last().is_some_and(|last| {
            matches!(last.arguments, PathArguments::None) && !KNOWN.iter().any(|known| last.ident == known)
        }),
        _ => false,
    }
}
