//! `#[model(…)]`.

use syn::punctuated::Punctuated;
use syn::{Attribute, Ident, LitStr, Path, Token};

use super::history::History;
use super::{Once, name, read, unknown, version};
use crate::ctxt::Ctxt;

/// The arguments of `#[model(…)]`.
#[derive(Default)]
pub(crate) struct ModelArgs {
    pub krate: Once<Path>,
    pub name: Once<LitStr>,
    pub version: Once<u32>,
    /// The versions of the state before this one.
    pub history: Once<History>,
    /// The name of the enum of its events.
    pub events: Once<Ident>,
    /// The groups of commands, where there is more than one block.
    pub groups: Once<Vec<Path>>,
    /// Whether a key could not be read: what follows from its absence is no second mistake.
    pub broken: bool,
}

impl ModelArgs {
    pub(crate) fn parse(cx: &Ctxt, attrs: &[Attribute]) -> ModelArgs {
        let mut args = ModelArgs::default();
        let all = read(cx, attrs, "model", |meta| {
            if meta.path.is_ident("crate") {
                args.krate.set(cx, &meta.path, meta.value()?.call(Path::parse_mod_style)?);
            } else if meta.path.is_ident("name") {
                args.name.set(cx, &meta.path, name(&meta)?);
            } else if meta.path.is_ident("version") {
                args.version.set(cx, &meta.path, version(&meta)?);
            } else if meta.path.is_ident("history") {
                args.history.set(cx, &meta.path, History::parse(&meta)?);
            } else if meta.path.is_ident("events") {
                args.events.set(cx, &meta.path, meta.value()?.parse()?);
            } else if meta.path.is_ident("groups") {
                let list;
                syn::parenthesized!(list in meta.input);
                let groups = Punctuated::<Path, Token![,]>::parse_terminated_with(&list, Path::parse_mod_style)?;
                if groups.is_empty() {
                    cx.error(&meta.path, "an empty list: name the groups of commands, or remove it");
                }
                args.groups.set(cx, &meta.path, groups.into_iter().collect());
            } else {
                return Err(unknown(
                    &meta,
                    "a model has `name`, `version`, `history(…)`, `groups(…)`, `events = Name` and `crate`",
                ));
            }
            Ok(())
        });
        args.broken = !all;
        args
    }
}
