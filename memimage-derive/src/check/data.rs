//! Rules for types: `#[derive(Shape)]` and `#[derive(Model)]`.

use syn::DeriveInput;

use super::{group, types};
use crate::ast::{Data, DataKind, ModelField, Style};
use crate::attr::ModelArgs;
use crate::case::unraw;
use crate::ctxt::Ctxt;

pub(crate) fn data(cx: &Ctxt, data: &Data) {
    if let DataKind::Union(union) = &data.kind {
        cx.error(union, "a union has no shape because its active field is unknown; help: use an enum");
    }
    for lifetime in data.generics.lifetimes() {
        cx.error(
            lifetime,
            "a type with a shape cannot borrow because it is read back from the journal; help: own the data, such as `String` \
             for `&str`",
        );
    }
    if let (Some(_), Some(parameter)) = (data.args.opaque.get(), data.generics.type_params().next()) {
        cx.error(
            parameter,
            "a generic type cannot have an opaque name, which identifies one encoding; help: wrap each use in its own type",
        );
    }
    let of_type = data.args.unordered.get().filter(|_| !data.args.opaque.is_set());
    let of_fields = data.fields().filter(|field| field.opaque.is_none()).filter_map(|field| field.unordered.as_ref());
    for key in of_type.into_iter().chain(of_fields) {
        cx.error(key, "`unordered` applies only to an opaque type; help: remove it, or add `opaque = \"name\"`");
    }
    for field in data.fields().filter(|field| field.opaque.is_none()) {
        types::keys(cx, &field.ty);
    }
    derived(cx, data);
    recursion(cx, data);
}

fn derived(cx: &Ctxt, data: &Data) {
    for fields in data.parts() {
        for field in &fields.derived {
            let name = &field.name;
            if fields.style != Style::Named {
                cx.error(
                    &field.key,
                    "a derived field must have a name, so that the other fields have the same shape with and without it; help: \
                     name the fields",
                );
            } else if data.transparent {
                let message = format!(
                    "a type with `#[serde(transparent)]` cannot have the derived field `{name}`; help: remove `transparent`"
                );
                cx.error(&field.key, message);
            } else if let Some(opaque) = &field.opaque {
                cx.error(opaque, format_args!("the derived field `{name}` has no shape; help: remove `opaque`"));
            }
        }
    }
}

fn recursion(cx: &Ctxt, data: &Data) {
    let name = &data.ident;
    match data.args.recursive.get() {
        None => {
            if let Some(occurrence) = data.occurrences.first() {
                cx.error(
                    &occurrence.path,
                    format_args!("`{name}` is generic and contains itself; help: add `#[shape(recursive)]`"),
                );
            }
        }
        Some(key) if !data.is_generic() => {
            cx.error(key, format_args!("`{name}` is not generic and needs no `recursive`; help: remove the key"));
        }
        Some(key) if data.occurrences.is_empty() && !data.args.opaque.is_set() => {
            cx.error(key, format_args!("`{name}` is not recursive; help: remove the key"));
        }
        Some(_) => {
            for occurrence in data.occurrences.iter().filter(|occurrence| !occurrence.same) {
                let message = format!(
                    "`{name}` contains itself with other parameters; help: use its own parameters, or another \
                                       type"
                );
                cx.error(&occurrence.path, message);
            }
        }
    }
}

pub(crate) fn model(cx: &Ctxt, input: &DeriveInput, args: &ModelArgs) {
    if let syn::Data::Union(data) = &input.data {
        cx.error(
            data.union_token,
            "a union cannot be a model because its active field is unknown; help: use a struct or an \
                                    enum",
        );
    }
    if !input.generics.params.is_empty() {
        let message =
            "a model cannot be generic because a journal belongs to one concrete type; help: use concrete types";
        cx.error(&input.generics, message);
    }
    let fields = ModelField::of(input);
    if let (Some(field), false) =
        (fields.iter().find(|field| field.derived.is_some()), args.broken || args.rebuild.is_set())
    {
        let message = format!(
            "nothing rebuilds the derived field `{}`; help: add `#[model(rebuild = method)]` to `{}`, with a method that takes \
             `&mut self` and fills the field",
            unraw(field.ident),
            unraw(&input.ident)
        );
        cx.error(&field.derived, message);
    }
    if let Some(groups) = args.groups.get() {
        group::groups(cx, groups);
    }
    if let Some(history) = args.history.get().filter(|_| !args.broken) {
        super::history::state(cx, history, args.version.get().copied().unwrap_or(1));
    }
}
