//! `#[model(…)]`.

use syn::punctuated::Punctuated;
use syn::{Attribute, Ident, LitStr, Path, Token};

use super::history::History;
use super::{Arg, method, name, read, unknown, version};
use crate::ctxt::Ctxt;

/// The arguments of `#[model(…)]`.
#[derive(Default)]
pub(crate) struct ModelArgs {
    pub krate: Arg<Path>,
    pub name: Arg<LitStr>,
    pub version: Arg<u32>,
    /// The past versions of the state.
    pub history: Arg<History>,
    /// The name of the event enum.
    pub events: Arg<Ident>,
    /// The method that fills the derived fields.
    pub rebuild: Arg<Ident>,
    /// The groups of commands, if the model has several blocks.
    pub groups: Arg<Vec<Path>>,
    /// Whether a key is invalid. If so, `check` skips the rules that need the key, so that one mistake gives one error.
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
            } else if meta.path.is_ident("rebuild") {
                args.rebuild.set(cx, &meta.path, method(cx, &meta, "the model")?);
            } else if meta.path.is_ident("groups") {
                let list;
                syn::parenthesized!(list in meta.input);
                let groups = Punctuated::<Path, Token![,]>::parse_terminated_with(&list, Path::parse_mod_style)?;
                if groups.is_empty() {
                    cx.error(&meta.path, "empty `groups(…)`; help: list the groups of commands, or remove the key");
                }
                args.groups.set(cx, &meta.path, groups.into_iter().collect());
            } else {
                return Err(unknown(
                    &meta,
                    "`#[model(…)]` takes `name`, `version`, `history(…)`, `groups(…)`, `events = Name`, `rebuild = method` and \
                     `crate = path`, and on a field `derived`",
                ));
            }
            Ok(())
        });
        args.broken = !all;
        args
    }
}
