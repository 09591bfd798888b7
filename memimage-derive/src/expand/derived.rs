//! `#[model(derived)]` and `#[model(rebuild = …)]`: the derived fields of a model, and the method that fills them.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::DeriveInput;

use crate::ast::ModelField;
use crate::attr::ModelArgs;
use crate::case::unraw;
use crate::hygiene::respanned;

/// The constant `DERIVED` in the model's impl; `None` if the model has no `rebuild` method.
pub(super) fn constant(krate: &TokenStream, input: &DeriveInput, args: &ModelArgs) -> Option<TokenStream> {
    let method = args.rebuild.get()?;
    let name = unraw(method);
    let rebuild = quote_spanned!(method.span()=> Self::#method);
    let fields = ModelField::of(input);
    let fields = fields.iter().map(|field| entry(krate, field));
    Some(quote! {
        const DERIVED: ::core::option::Option<#krate::__private::Derived<Self>> = {
            #[allow(unused_imports)]
            use #krate::__private::NoTraits as _;
            ::core::option::Option::Some(#krate::__private::Derived {
                method: #name,
                rebuild: #rebuild,
                fields: &[#(#fields),*],
            })
        };
    })
}

/// The entry of one field in `DERIVED`. The entry compares the field with a rebuilt one. Stored fields get an entry too,
/// because a stored field's type may have derived fields, which a macro cannot see.
fn entry(krate: &TokenStream, field: &ModelField<'_>) -> TokenStream {
    let ModelField { variant, ident, ty, derived } = field;
    let name = unraw(ident);
    let value = match variant {
        None => quote!(::core::option::Option::Some(&model.#ident as &dyn ::core::any::Any)),
        Some(variant) => quote! {
            match model {
                Self::#variant { #ident: value, .. } => {
                    ::core::option::Option::Some(value as &dyn ::core::any::Any)
                }
                #[allow(unreachable_patterns)]
                _ => ::core::option::Option::None,
            }
        },
    };
    let probe = quote!(#krate::__private::FieldProbe::<#ty>);
    let parts = derived.is_none().then(|| quote!(.of_derived_parts(#probe::SHAPE)));
    quote! {
        #krate::__private::DerivedField::new(
            #name,
            |model: &Self| #value,
            #krate::__private::Comparison { stored: #probe::STORED, equal: #probe::EQUAL, text: #probe::TEXT } #parts,
        )
    }
}

/// Asserts that a model has a `rebuild` method exactly if a type inside it has derived fields. If the model itself has derived
/// fields, the model needs no assertion: the rules in `check` require the `rebuild` method.
pub(super) fn assertion(krate: &TokenStream, input: &DeriveInput, args: &ModelArgs) -> Option<TokenStream> {
    if ModelField::of(input).iter().any(|field| field.derived.is_some()) {
        return None;
    }
    let model = &input.ident;
    let name = unraw(model);
    let place = args.rebuild.get().map_or_else(|| model.span(), Ident::span);
    let krate = &respanned(krate, place);
    let check = match args.rebuild.get() {
        None => quote_spanned! {place=>
            match #krate::__private::not_rebuilt(#name, SHAPE) {
                ::core::option::Option::None => {}
                ::core::option::Option::Some(message) => ::core::panic!("{}", message.as_str()),
            }
        },
        Some(method) => {
            let message = format!(
                "`{name}` has no derived field for `{}` to rebuild; help: mark the fields with `#[model(derived)]` and \
                 `#[serde(skip)]`, or remove `rebuild`",
                unraw(method)
            );
            quote_spanned!(place=> ::core::assert!(#krate::__private::derived_field(SHAPE).is_some(), #message);)
        }
    };
    Some(quote_spanned! {place=>
        const _: () = {
            #[allow(unused_imports)]
            use #krate::__private::NoShape as _;
            const SHAPE: #krate::__private::ShapeRef = #krate::__private::ShapeOrNone::<#model>::SHAPE;
            #check
        };
    })
}
