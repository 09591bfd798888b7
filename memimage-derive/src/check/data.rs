//! Rules for types: `#[derive(Shape)]` and `#[derive(Model)]`.

use syn::DeriveInput;

use super::{group, types};
use crate::ast::{Data, Kind};
use crate::attr::ModelArgs;
use crate::ctxt::Ctxt;

pub(crate) fn data(cx: &Ctxt, data: &Data) {
    if let Kind::Union(union) = &data.kind {
        cx.error(union, "a union has no shape: which of its fields is live is not known; use an enum");
    }
    for lifetime in data.generics.lifetimes() {
        cx.error(
            lifetime,
            "a type with a shape owns its data, since the journal gives it back: own it (`String` for `&str`)",
        );
    }
    if let (Some(_), Some(parameter)) = (data.args.opaque.get(), data.generics.type_params().next()) {
        cx.error(
            parameter,
            "an opaque name stands for one serialization, not for one a parameter: wrap each use in a type",
        );
    }
    for field in data.fields().filter(|field| field.opaque.is_none()) {
        types::keys(cx, &field.ty);
    }
    recursion(cx, data);
}

fn recursion(cx: &Ctxt, data: &Data) {
    let name = &data.ident;
    match data.args.recursive.get() {
        None => {
            if let Some(occurrence) = data.occurrences.first() {
                cx.error(
                    &occurrence.path,
                    format_args!("`{name}` is generic and contains itself: mark it `#[shape(recursive)]`"),
                );
            }
        }
        Some(key) if !data.is_generic() => {
            cx.error(key, format_args!("only a generic type needs the mark, and `{name}` is none: remove `recursive`"));
        }
        Some(key) if data.occurrences.is_empty() && !data.args.opaque.is_set() => {
            cx.error(key, format_args!("`{name}` does not contain itself: remove `recursive`"));
        }
        Some(_) => {
            for occurrence in data.occurrences.iter().filter(|occurrence| !occurrence.same) {
                let message =
                    "a recursive shape names itself with its own parameters only: use them, or a type of its own here";
                cx.error(&occurrence.path, message);
            }
        }
    }
}

pub(crate) fn model(cx: &Ctxt, input: &DeriveInput, args: &ModelArgs) {
    if let syn::Data::Union(data) = &input.data {
        cx.error(data.union_token, "a union cannot be a model: which of its fields is live is not known; use a struct");
    }
    if !input.generics.params.is_empty() {
        let message = "a model cannot be generic, since its journal is written for one type: name the types it holds";
        cx.error(&input.generics, message);
    }
    if let Some(groups) = args.groups.get() {
        group::groups(cx, groups);
    }
    if let Some(history) = args.history.get().filter(|_| !args.broken) {
        super::history::state(cx, history, args.version.get().copied().unwrap_or(1));
    }
}
