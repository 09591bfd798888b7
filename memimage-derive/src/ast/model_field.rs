//! The fields of a type with `#[derive(Model)]`.

use syn::{DeriveInput, Fields, Ident, Path, Type};

use crate::attr;

/// A named field of a struct model, or of a variant of an enum model.
pub(crate) struct ModelField<'a> {
    /// The variant that contains the field, if the model is an enum.
    pub variant: Option<&'a Ident>,
    pub ident: &'a Ident,
    pub ty: &'a Type,
    /// The key `derived`, if the field has it.
    pub derived: Option<Path>,
}

impl<'a> ModelField<'a> {
    /// All named fields.
    pub(crate) fn of(input: &'a DeriveInput) -> Vec<ModelField<'a>> {
        match &input.data {
            syn::Data::Struct(data) => fields(None, &data.fields).collect(),
            syn::Data::Enum(data) => {
                data.variants.iter().flat_map(|variant| fields(Some(&variant.ident), &variant.fields)).collect()
            }
            syn::Data::Union(_) => Vec::new(),
        }
    }
}

fn fields<'a>(variant: Option<&'a Ident>, fields: &'a Fields) -> impl Iterator<Item = ModelField<'a>> {
    fields.iter().filter_map(move |field| {
        let derived = attr::ModelField::derived(&field.attrs);
        Some(ModelField { variant, ident: field.ident.as_ref()?, ty: &field.ty, derived })
    })
}
