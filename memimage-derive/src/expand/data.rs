//! `#[derive(Shape)]`.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Generics, LitStr, Type};

use crate::ast::{Bound, Data, DataKind, Field, Fields, Style};
use crate::attr::runtime;
use crate::hygiene::{FreshNames, ends, respanned};

pub(crate) fn data(mut data: Data) -> TokenStream {
    let krate = runtime(data.args.krate.get());
    let hash = data.hash;
    // a generic type that contains itself with other parameters, such as `Pair<Pair<u8>>`, is not recursive
    let identity = if data.is_generic() { quote!(generic_identity) } else { quote!(identity) };
    let identity = quote! {
        #krate::__private::#identity(::core::module_path!(), ::core::line!(), ::core::column!(), #hash)
    };
    if data.args.recursive.is_set() {
        data.mark_occurrences(&quote!(#krate::__private::Back<{ #identity }>));
    }
    let shape = if let Some(name) = data.args.opaque.get() {
        opaque(&krate, name, data.args.unordered.is_set())
    } else if let Some(inner) = transparent(&data) {
        field_shape(&krate, &data, inner)
    } else {
        let descriptor = descriptor(&krate, &data, &identity);
        reference(&krate, &data, &descriptor)
    };
    let checks = checks(&krate, &data);
    let implementation = implement(&krate, &data, &shape);
    quote!(#implementation #checks)
}

/// Checks that the fields' types have shapes.
fn checks(krate: &TokenStream, data: &Data) -> Option<TokenStream> {
    let checked = data.fields().filter(|field| field.is_checked()).map(|field| (&field.ty, Bound::of_field(&field.ty)));
    (!data.is_generic()).then(|| bound_checks(krate, &data.ident, checked))
}

/// Checks that each of the types satisfies its bound. The compiler reports errors at the user's tokens. Each check is an impl,
/// because the compiler reports errors in impl headers before errors in bodies, such as the bodies of serde's derives.
pub(super) fn bound_checks<'a>(
    krate: &TokenStream,
    owner: &Ident,
    checked: impl Iterator<Item = (&'a Type, Bound)>,
) -> TokenStream {
    let impls = checked.enumerate().map(|(number, (ty, bound))| {
        let check = bound.check_trait();
        let (first, last) = ends(ty);
        let head = respanned(&quote!(#krate::__private::#check), first);
        let check = quote_spanned!(last=> #head<#ty, #number>);
        quote! {
            #[automatically_derived]
            #[doc(hidden)]
            impl #check for #owner {}
        }
    });
    impls.collect()
}

/// The `Shape` impl.
pub(crate) fn implement(krate: &TokenStream, data: &Data, shape: &TokenStream) -> TokenStream {
    let ident = &data.ident;
    let generics = bounded(krate, &data.generics);
    let (parameters, arguments, bounds) = generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #parameters #krate::Shape for #ident #arguments #bounds {
            const SHAPE: #krate::__private::ShapeRef = #shape;
        }
    }
}

fn bounded(krate: &TokenStream, generics: &Generics) -> Generics {
    let mut bounded = generics.clone();
    for parameter in generics.type_params() {
        let ident = &parameter.ident;
        let bound = syn::parse_quote!(#ident: #krate::Shape);
        bounded.make_where_clause().predicates.push(bound);
    }
    bounded
}

/// A `ShapeRef` to the descriptor of the type's shape. A type without parameters uses a `static`, which can refer to itself, so
/// such a type can be recursive. A `static` in a generic impl cannot depend on the type's parameters, so a generic type uses a
/// constant.
fn reference(krate: &TokenStream, data: &Data, descriptor: &TokenStream) -> TokenStream {
    if data.is_generic() {
        return quote!(#krate::__private::ShapeRef::new(const { &#descriptor }));
    }
    let name = FreshNames::new(descriptor.clone()).ident("DESCRIPTOR");
    quote!({
        static #name: #krate::__private::Descriptor = #descriptor;
        #krate::__private::ShapeRef::new(&#name)
    })
}

fn descriptor(krate: &TokenStream, data: &Data, identity: &TokenStream) -> TokenStream {
    let derived = data.parts().flat_map(|fields| &fields.derived).map(|field| &field.name);
    match &data.kind {
        DataKind::Struct(fields) => {
            let parts = parts(krate, data, fields);
            quote! {
                #krate::__private::Descriptor::Struct(#krate::__private::Struct {
                    identity: #identity,
                    #parts,
                    derived: &[#(#derived),*],
                })
            }
        }
        DataKind::Enum(variants) => {
            let variants = variants.iter().map(|variant| {
                let name = &variant.name;
                let parts = parts(krate, data, &variant.fields);
                quote!(#krate::__private::Variant { name: #name, #parts })
            });
            quote! {
                #krate::__private::Descriptor::Enum(#krate::__private::Enum {
                    identity: #identity,
                    variants: &[#(#variants),*],
                    derived: &[#(#derived),*],
                })
            }
        }
        DataKind::Union(_) => unreachable!("the check refuses unions"),
    }
}

fn parts(krate: &TokenStream, data: &Data, fields: &Fields) -> TokenStream {
    let style = match fields.style {
        Style::Unit => quote!(Unit),
        Style::Newtype => quote!(Newtype),
        Style::Tuple => quote!(Tuple),
        Style::Named => quote!(Named),
    };
    let fields = fields.fields.iter().map(|field| {
        let name = &field.name;
        let shape = field_shape(krate, data, field);
        quote!(#krate::__private::Field { name: #name, shape: #shape })
    });
    quote!(style: #krate::__private::Style::#style, fields: &[#(#fields),*])
}

/// The shape of an opaque type or field.
fn opaque(krate: &TokenStream, name: &LitStr, unordered: bool) -> TokenStream {
    let kind = if unordered { quote!(Unordered) } else { quote!(Opaque) };
    quote!(#krate::__private::ShapeRef::new(&#krate::__private::Descriptor::#kind(#name)))
}

fn field_shape(krate: &TokenStream, data: &Data, field: &Field) -> TokenStream {
    let ty = &field.ty;
    match &field.opaque {
        Some(name) => opaque(krate, name, field.unordered.is_some()),
        None if field.is_argument || (field.is_checked() && !data.is_generic()) => quote_spanned! {ty.span()=> {
            #[allow(unused_imports)]
            use #krate::__private::NoShape as _;
            #krate::__private::ShapeOrNone::<#ty>::SHAPE
        }},
        None => quote_spanned!(ty.span()=> <#ty as #krate::Shape>::SHAPE),
    }
}

/// The field of a transparent struct. serde's derive checks that the struct has exactly one such field.
fn transparent(data: &Data) -> Option<&Field> {
    match &data.kind {
        DataKind::Struct(fields) if data.transparent => fields.fields.iter().find(|field| !is_phantom(&field.ty)),
        _ => None,
    }
}

/// Whether the type is `PhantomData<…>`, which serde ignores in a transparent struct.
fn is_phantom(ty: &Type) -> bool {
    match ty {
        Type::Path(path) => path.path.segments.last().is_some_and(|segment| segment.ident == "PhantomData"),
        _ => false,
    }
}
