//! A type with `#[derive(Shape)]`.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::visit_mut::{self, VisitMut};
use syn::{DeriveInput, Generics, Ident, LitStr, Path, PathArguments, Token, Type};

use super::bound::is_known;
use crate::attr::{FieldForm, ModelField, SerdeContainer, SerdeField, SerdeVariant, ShapeContainer, ShapeField};
use crate::case::unraw;
use crate::ctxt::Ctxt;
use crate::hygiene::replace_self;

pub(crate) struct Data {
    pub ident: Ident,
    pub generics: Generics,
    pub args: ShapeContainer,
    pub transparent: bool,
    pub kind: DataKind,
    /// If the type is generic, its occurrences in its own fields; otherwise empty.
    pub occurrences: Vec<Occurrence>,
    /// A hash of the type's tokens.
    pub hash: u64,
}

pub(crate) enum DataKind {
    Struct(Fields),
    Enum(Vec<Variant>),
    Union(Token![union]),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Unit,
    Newtype,
    Tuple,
    Named,
}

pub(crate) struct Fields {
    pub style: Style,
    /// The stored fields. Derived fields are not part of the shape.
    pub fields: Vec<Field>,
    pub derived: Vec<DerivedField>,
}

/// A field with `#[model(derived)]`.
pub(crate) struct DerivedField {
    pub name: String,
    /// The key `derived`, at which errors are reported.
    pub key: Path,
    /// The field's opaque name. `Some` is an error, because a derived field has no shape.
    pub opaque: Option<LitStr>,
}

pub(crate) struct Field {
    /// The name after serde's renames.
    pub name: String,
    pub ty: Type,
    pub opaque: Option<LitStr>,
    /// The key `unordered`, at which errors are reported.
    pub unordered: Option<Path>,
    /// Whether the field is a command's argument. `#[memimage::commands]`, not this derive, checks the type of an argument.
    pub is_argument: bool,
}

pub(crate) struct Variant {
    /// The name after serde's renames.
    pub name: String,
    pub fields: Fields,
}

/// An occurrence of a generic type in its own fields.
pub(crate) struct Occurrence {
    pub path: Path,
    /// Whether the occurrence's arguments are the type's own parameters in the same order.
    pub same: bool,
}

impl Data {
    pub(crate) fn parse(cx: &Ctxt, input: DeriveInput) -> Data {
        let args = ShapeContainer::parse(cx, &input.attrs);
        let hash = fnv(&input.to_token_stream().to_string());
        // the content of an opaque type is not part of its shape, so its serde attributes are ignored
        let serde = match args.opaque.is_set() {
            true => SerdeContainer::default(),
            false => SerdeContainer::parse(cx, &input.attrs),
        };
        let kind = match (&input.data, args.opaque.is_set()) {
            (syn::Data::Union(data), _) => DataKind::Union(data.union_token),
            (data, true) => {
                opaque_fields(cx, data);
                DataKind::Struct(Fields { style: Style::Unit, fields: Vec::new(), derived: Vec::new() })
            }
            (syn::Data::Struct(data), false) => {
                DataKind::Struct(Fields::parse(cx, &data.fields, |name| match serde.rename_all.get() {
                    Some(rule) => rule.field(name),
                    None => name.to_owned(),
                }))
            }
            (syn::Data::Enum(data), false) => {
                DataKind::Enum(data.variants.iter().map(|variant| Variant::parse(cx, &serde, variant)).collect())
            }
        };
        let mut data = Data {
            ident: input.ident,
            generics: input.generics,
            transparent: serde.transparent.is_set(),
            args,
            kind,
            occurrences: Vec::new(),
            hash,
        };
        data.resolve_self(cx);
        data
    }

    pub(crate) fn is_generic(&self) -> bool {
        !self.generics.params.is_empty()
    }

    pub(crate) fn fields(&self) -> impl Iterator<Item = &Field> {
        self.parts().flat_map(|fields| &fields.fields)
    }

    /// The fields of the struct, or of each variant.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &Fields> {
        let (one, many) = match &self.kind {
            DataKind::Struct(fields) => (Some(fields), None),
            DataKind::Enum(variants) => (None, Some(variants)),
            DataKind::Union(_) => (None, None),
        };
        let many = many.into_iter().flatten().map(|variant| &variant.fields);
        one.into_iter().chain(many)
    }

    fn fields_mut(&mut self) -> impl Iterator<Item = &mut Field> {
        let (one, many) = match &mut self.kind {
            DataKind::Struct(fields) => (Some(fields), None),
            DataKind::Enum(variants) => (None, Some(variants)),
            DataKind::Union(_) => (None, None),
        };
        let many = many.into_iter().flatten().map(|variant| &mut variant.fields);
        one.into_iter().chain(many).flat_map(|fields| &mut fields.fields)
    }

    /// Replaces `Self` in the fields' types, because the expansion uses these types outside of the impl. If the type is
    /// generic, also finds its occurrences in its own fields.
    fn resolve_self(&mut self, cx: &Ctxt) {
        let (_, parameters, _) = self.generics.split_for_impl();
        let parameters = parameters.to_token_stream();
        let ident = self.ident.clone();
        let whole = quote::quote!(#ident #parameters);
        let mut finder =
            OccurrenceFinder { ident: ident.clone(), parameters: parameters.to_string(), found: Vec::new() };
        let generic = self.is_generic();
        for field in self.fields_mut() {
            let ty = field.ty.to_token_stream();
            if let Some(ty) = cx.ok(syn::parse2(replace_self(ty, &whole))) {
                field.ty = ty;
            }
            if generic && field.opaque.is_none() {
                finder.visit_type_mut(&mut field.ty);
            }
        }
        self.occurrences = finder.found;
    }

    /// In the type's own fields, replaces each occurrence of the type with `marker`.
    pub(crate) fn mark_occurrences(&mut self, marker: &TokenStream) {
        let (_, parameters, _) = self.generics.split_for_impl();
        let mut visitor = OccurrenceMarker {
            ident: self.ident.clone(),
            parameters: parameters.to_token_stream().to_string(),
            marker,
        };
        for field in self.fields_mut() {
            visitor.visit_type_mut(&mut field.ty);
        }
    }
}

impl Field {
    /// Whether the expansion checks that the type has a shape.
    pub(crate) fn is_checked(&self) -> bool {
        self.opaque.is_none() && !self.is_argument && !is_known(&self.ty)
    }
}

impl Variant {
    fn parse(cx: &Ctxt, container: &SerdeContainer, variant: &syn::Variant) -> Variant {
        let serde = SerdeVariant::parse(cx, &variant.attrs);
        let written = unraw(&variant.ident);
        let name = match (serde.rename.get(), container.rename_all.get()) {
            (Some(name), _) => name.value(),
            (None, Some(rule)) => rule.variant(&written),
            (None, None) => written,
        };
        let rule = serde.rename_all.get().or(container.rename_all_fields.get());
        let fields = Fields::parse(cx, &variant.fields, |name| match rule {
            Some(rule) => rule.field(name),
            None => name.to_owned(),
        });
        Variant { name, fields }
    }
}

impl Fields {
    fn parse(cx: &Ctxt, fields: &syn::Fields, rename: impl Fn(&str) -> String) -> Fields {
        let style = match fields {
            syn::Fields::Unit => Style::Unit,
            syn::Fields::Unnamed(fields) if fields.unnamed.len() == 1 => Style::Newtype,
            syn::Fields::Unnamed(_) => Style::Tuple,
            syn::Fields::Named(_) => Style::Named,
        };
        let mut parsed = Fields { style, fields: Vec::new(), derived: Vec::new() };
        for (at, field) in fields.iter().enumerate() {
            let (args, model) = (ShapeField::parse(cx, &field.attrs), ModelField::parse(cx, &field.attrs));
            let written = written(at, field);
            let form = match (model.derived.get(), args.opaque.is_set()) {
                (Some(key), _) => FieldForm::Derived(key),
                (None, true) => FieldForm::Opaque,
                (None, false) => FieldForm::Plain,
            };
            let serde = SerdeField::parse(cx, field, &written, form);
            let opaque = args.opaque.get().cloned();
            if let Some(key) = model.derived.get() {
                parsed.derived.push(DerivedField { name: written, key: key.clone(), opaque });
                continue;
            }
            let name = match (serde.rename.get(), &field.ident) {
                (Some(name), _) => name.value(),
                (None, Some(_)) => rename(&written),
                (None, None) => written,
            };
            let (ty, unordered) = (field.ty.clone(), args.unordered.get().cloned());
            parsed.fields.push(Field { name, ty, opaque, unordered, is_argument: args.argument.is_set() });
        }
        parsed
    }
}

/// Checks the fields of a type that is marked `#[shape(opaque = "…")]`. The fields of such a type are not part of the shape,
/// but if serde skipped a field, the field's value would be lost.
fn opaque_fields(cx: &Ctxt, data: &syn::Data) {
    let parts: Vec<&syn::Fields> = match data {
        syn::Data::Struct(data) => vec![&data.fields],
        syn::Data::Enum(data) => data.variants.iter().map(|variant| &variant.fields).collect(),
        syn::Data::Union(_) => Vec::new(),
    };
    for (at, field) in parts.into_iter().flat_map(|fields| fields.iter().enumerate()) {
        match ModelField::derived(&field.attrs) {
            Some(key) => cx.error(
                key,
                "a type with an opaque name cannot have derived fields; help: remove `opaque`, or write a `Deserialize` of the \
                 type that fills the field",
            ),
            None => drop(SerdeField::parse(cx, field, &written(at, field), FieldForm::OfOpaqueType)),
        }
    }
}

/// The name of a field in the source, or its index.
fn written(at: usize, field: &syn::Field) -> String {
    field.ident.as_ref().map_or_else(|| at.to_string(), unraw)
}

struct OccurrenceFinder {
    ident: Ident,
    parameters: String,
    found: Vec<Occurrence>,
}

impl VisitMut for OccurrenceFinder {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        if let Some(occurrence) = occurrence(ty, &self.ident, &self.parameters) {
            self.found.push(occurrence);
        }
        visit_mut::visit_type_mut(self, ty);
    }
}

struct OccurrenceMarker<'a> {
    ident: Ident,
    parameters: String,
    marker: &'a TokenStream,
}

impl VisitMut for OccurrenceMarker<'_> {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        match occurrence(ty, &self.ident, &self.parameters) {
            Some(_) => *ty = Type::Verbatim(self.marker.clone()),
            None => visit_mut::visit_type_mut(self, ty),
        }
    }
}

fn occurrence(ty: &Type, ident: &Ident, parameters: &str) -> Option<Occurrence> {
    let Type::Path(path) = ty else { return None };
    if path.qself.is_some() || path.path.segments.len() != 1 || path.path.segments[0].ident != *ident {
        return None;
    }
    let arguments = &path.path.segments[0].arguments;
    let same = match arguments {
        PathArguments::None => parameters.is_empty(),
        arguments => plain(&arguments.to_token_stream()) == plain(&parameters.parse().unwrap_or_default()),
    };
    Some(Occurrence { path: path.path.clone(), same })
}

/// The tokens as text, without spaces and without a trailing comma before `>`.
fn plain(tokens: &TokenStream) -> String {
    tokens.to_string().replace(' ', "").replace(",>", ">")
}

/// The FNV-1a hash of a text, which is the same on every platform. The hash only has to differ between types.
fn fnv(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
