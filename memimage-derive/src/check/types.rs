//! Rules for the types of arguments and results.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::visit::{self, Visit};
use syn::{GenericArgument, Lifetime, PathArguments, PathSegment, Type, TypeFnPtr};

use crate::ast::names_context;
use crate::ctxt::Ctxt;

/// Finds the first borrowed or unnamed (`impl Trait`, `_`) part of a type.
struct UnsuitedFinder {
    /// Whether `&'static` is allowed, as it is in a type that is never decoded.
    statics: bool,
    found: Option<(TokenStream, Unsuited)>,
}

#[derive(Clone, Copy)]
enum Unsuited {
    Borrowed,
    Unnamed,
}

impl UnsuitedFinder {
    fn in_type(ty: &Type, statics: bool) -> Option<(TokenStream, Unsuited)> {
        let mut finder = UnsuitedFinder { statics, found: None };
        finder.visit_type(ty);
        finder.found
    }

    fn owned(&self, lifetime: Option<&Lifetime>) -> bool {
        self.statics && lifetime.is_some_and(|lifetime| lifetime.ident == "static")
    }
}

impl<'ast> Visit<'ast> for UnsuitedFinder {
    fn visit_type(&mut self, ty: &'ast Type) {
        let unsuited = match ty {
            Type::Reference(reference) if !self.owned(reference.lifetime.as_ref()) => Unsuited::Borrowed,
            Type::ImplTrait(_) | Type::Infer(_) => Unsuited::Unnamed,
            _ => return visit::visit_type(self, ty),
        };
        self.found.get_or_insert((ty.to_token_stream(), unsuited));
    }

    // `'static` alone, as in `Cow<'static, str>`, does not mean that the type borrows
    fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
        if lifetime.ident != "static" {
            self.found.get_or_insert((lifetime.to_token_stream(), Unsuited::Borrowed));
        }
    }

    // references in the signature of a function pointer are not data
    fn visit_type_fn_ptr(&mut self, _: &'ast TypeFnPtr) {}
}

/// Whether the type can be a field of a payload.
pub(crate) fn is_owned(ty: &Type) -> bool {
    UnsuitedFinder::in_type(ty, false).is_none()
}

/// Whether the type can be the result of a command.
pub(crate) fn is_answer(ty: &Type) -> bool {
    UnsuitedFinder::in_type(ty, true).is_none()
}

/// Reports floats as keys of maps or sets: to read a map or a set, serde requires keys with `Ord` or `Hash`.
pub(crate) fn keys(cx: &Ctxt, ty: &Type) {
    struct FloatKeyFinder<'a>(&'a Ctxt);

    impl<'ast> Visit<'ast> for FloatKeyFinder<'_> {
        fn visit_path_segment(&mut self, segment: &'ast PathSegment) {
            let is_keyed = KEYED.iter().any(|keyed| segment.ident == keyed);
            if let PathArguments::AngleBracketed(arguments) = &segment.arguments
                && let Some(GenericArgument::Type(key)) = arguments.args.first().filter(|_| is_keyed)
                && let Type::Path(path) = key
                && let Some(float) = path.path.get_ident().filter(|name| *name == "f32" || *name == "f64")
            {
                let message = format!(
                    "`{float}` cannot be a key because floats have no total order and no hash; help: use an integer, such as \
                     cents for 1.25, or a `String`"
                );
                self.0.error(key, message);
            }
            visit::visit_path_segment(self, segment);
        }
    }

    FloatKeyFinder(cx).visit_type(ty);
}

const KEYED: &[&str] = &["BTreeMap", "BTreeSet", "HashMap", "HashSet", "IndexMap", "IndexSet"];

pub(crate) fn argument(cx: &Ctxt, ty: &Type) {
    // another rule reports `&mut Context`
    if let Type::Reference(reference) = ty
        && names_context(&reference.elem)
    {
        return;
    }
    match UnsuitedFinder::in_type(ty, false) {
        Some((place, Unsuited::Borrowed)) => {
            let message = "an argument of a command cannot borrow because it is read back from the journal; help: own it, such \
                           as `String` for `&str` or `Vec<T>` for `&[T]`";
            cx.error(place, message);
        }
        Some((place, Unsuited::Unnamed)) => {
            let message = "an argument of a command must have a named type because it is written to the journal; help: write \
                           the type";
            cx.error(place, message);
        }
        None => {}
    }
}

pub(crate) fn output(cx: &Ctxt, ty: &Type) {
    match UnsuitedFinder::in_type(ty, true) {
        Some((place, Unsuited::Borrowed)) => {
            let message =
                "the result of a command cannot borrow because it outlives the lock on the model; help: return a clone";
            cx.error(place, message);
        }
        Some((place, Unsuited::Unnamed)) => {
            let message = "the result of a command must have a named type; help: write the type";
            cx.error(place, message);
        }
        None => {}
    }
}

/// Rules for the result type of an upcaster.
pub(crate) fn upcast(cx: &Ctxt, ty: &Type) {
    match UnsuitedFinder::in_type(ty, false) {
        Some((place, Unsuited::Borrowed)) => {
            cx.error(
                place,
                "the result of an upcaster cannot borrow because it outlives the past version; help: return an \
                             owned value",
            );
        }
        Some((place, Unsuited::Unnamed)) => {
            let message = "the result of an upcaster must have a named type; help: write the type, such as `Vec<…>` for several \
                           events";
            cx.error(place, message);
        }
        None => {}
    }
}
