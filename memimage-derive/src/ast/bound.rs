//! The bounds on the types of arguments and fields. The names in a type decide which bound the expansion puts on the type, and
//! so which error message a user sees. The compiler decides whether the type satisfies the bound.

use proc_macro2::Ident;
use quote::format_ident;
use syn::visit::{self, Visit};
use syn::{GenericArgument, PathArguments, PathSegment, Type};

use super::context::names_context;

const SCALARS: &[&str] = &[
    "bool", "char", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize", "f32",
    "f64", "String", "Duration",
];

const CONTAINERS: &[&str] =
    &["Option", "Box", "Vec", "VecDeque", "BTreeMap", "BTreeSet", "BinaryHeap", "HashMap", "HashSet", "Result"];

/// A bound that the runtime crate, `memimage`, declares.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bound {
    Argument,
    ContextArgument,
    SharedArgument,
    Field,
    SharedField,
}

impl Bound {
    pub(crate) fn of_argument(ty: &Type) -> Bound {
        if names_context(ty) {
            Bound::ContextArgument
        } else if shares(ty) {
            Bound::SharedArgument
        } else {
            Bound::Argument
        }
    }

    pub(crate) fn of_field(ty: &Type) -> Bound {
        if shares(ty) { Bound::SharedField } else { Bound::Field }
    }

    /// The trait whose impl checks the bound.
    pub(crate) fn check_trait(self) -> Ident {
        match self {
            Bound::Argument => format_ident!("CheckArgument"),
            Bound::ContextArgument => format_ident!("CheckContextArgument"),
            Bound::SharedArgument => format_ident!("CheckSharedArgument"),
            Bound::Field => format_ident!("CheckField"),
            Bound::SharedField => format_ident!("CheckSharedField"),
        }
    }
}

/// Whether the type contains an `Arc` or an `Rc`.
fn shares(ty: &Type) -> bool {
    struct SharedFinder(bool);

    impl<'ast> Visit<'ast> for SharedFinder {
        fn visit_path_segment(&mut self, segment: &'ast PathSegment) {
            self.0 |= (segment.ident == "Arc" || segment.ident == "Rc") && !segment.arguments.is_empty();
            visit::visit_path_segment(self, segment);
        }
    }

    let mut finder = SharedFinder(false);
    finder.visit_type(ty);
    finder.0
}

/// Whether all names in the type are names of known std types. If so, the type satisfies every bound and needs no check.
pub(crate) fn is_known(ty: &Type) -> bool {
    match ty {
        Type::Array(array) => is_known(&array.elem),
        Type::Group(group) => is_known(&group.elem),
        Type::Paren(paren) => is_known(&paren.elem),
        Type::Tuple(tuple) => tuple.elems.iter().all(is_known),
        Type::Path(path) if path.qself.is_none() => match path.path.get_ident() {
            Some(ident) => SCALARS.iter().any(|scalar| ident == scalar),
            None => is_known_container(&path.path),
        },
        _ => false,
    }
}

fn is_known_container(path: &syn::Path) -> bool {
    let mut segments = path.segments.iter();
    let (Some(segment), None) = (segments.next(), segments.next()) else { return false };
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return false };
    let known = |argument: &GenericArgument| matches!(argument, GenericArgument::Type(ty) if is_known(ty));
    CONTAINERS.iter().any(|container| segment.ident == container) && arguments.args.iter().all(known)
}
