//! `#[memimage::commands(…)]` and `#[command(…)]`.

use proc_macro2::{Span, TokenStream};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Attribute, Ident, LitStr, Meta, Path, Token};

use super::history::History;
use super::{Arg, LockArg, Retired, method, name, unknown, version};
use crate::ctxt::Ctxt;

/// The arguments of `#[memimage::commands(…)]`.
#[derive(Default)]
pub(crate) struct BlockArgs {
    pub krate: Arg<Path>,
    pub derives: Arg<Vec<Path>>,
    /// The block's group name, if the model has several blocks of commands.
    pub group: Arg<Ident>,
    /// The name of the commands trait.
    pub commands_trait: Arg<Ident>,
    /// The name of a group's event enum.
    pub events: Arg<Ident>,
    pub lock: Arg<LockArg>,
    /// The events that no command records any more.
    pub retired: Vec<Retired>,
}

impl BlockArgs {
    pub(crate) fn parse(cx: &Ctxt, tokens: TokenStream) -> BlockArgs {
        let mut args = BlockArgs::default();
        let parser = syn::meta::parser(|meta| {
            if meta.path.is_ident("crate") {
                args.krate.set(cx, &meta.path, meta.value()?.call(Path::parse_mod_style)?);
            } else if meta.path.is_ident("derive") {
                let list;
                syn::parenthesized!(list in meta.input);
                let paths = Punctuated::<Path, Token![,]>::parse_terminated_with(&list, Path::parse_mod_style)?;
                args.derives.set(cx, &meta.path, paths.into_iter().collect());
            } else if meta.path.is_ident("group") {
                args.group.set(cx, &meta.path, meta.value()?.parse()?);
            } else if meta.path.is_ident("trait") {
                args.commands_trait.set(cx, &meta.path, meta.value()?.parse()?);
            } else if meta.path.is_ident("events") {
                args.events.set(cx, &meta.path, meta.value()?.parse()?);
            } else if meta.path.is_ident("lock") {
                args.lock.set(cx, &meta.path, LockArg::parse(&meta)?);
            } else if meta.path.is_ident("retired") {
                args.retired.push(Retired::parse(cx, &meta)?);
            } else {
                return Err(unknown(
                    &meta,
                    "`#[memimage::commands(…)]` takes `lock`, `retired(…)`, `group = Name`, `trait = Name`, `derive(…)` and \
                     `crate = path`, and with `group` also `events = Name`",
                ));
            }
            Ok(())
        });
        cx.ok(parser.parse2(tokens));
        args
    }
}

/// The arguments of one `#[command(…)]`.
#[derive(Default)]
pub(crate) struct CommandArgs {
    pub check: Arg<Ident>,
    pub name: Arg<LitStr>,
    pub version: Arg<u32>,
    pub payload: Arg<Ident>,
    /// The past versions of the payload.
    pub history: Arg<History>,
    /// The oldest version that a journal can still contain.
    pub oldest: Arg<Oldest>,
    /// The key `replay_only`, at which errors are reported.
    pub replay_only: Arg<Path>,
    pub nondeterminism: Arg<()>,
    /// Whether a key is invalid. If so, `check` skips the rules that need the key, so that one mistake gives one error.
    pub broken: bool,
}

/// `oldest = N`.
pub(crate) struct Oldest {
    /// The key `oldest`, at which errors are reported.
    pub key: Path,
    pub version: u32,
}

impl CommandArgs {
    pub(crate) fn parse(cx: &Ctxt, attr: &Attribute) -> CommandArgs {
        let mut args = CommandArgs::default();
        match &attr.meta {
            Meta::List(list) if list.path.is_ident("cfg_attr") => {
                cx.error(
                    attr,
                    "`#[cfg_attr]` cannot make a method a command; help: put `#[cfg]` and `#[command]` on the method",
                );
            }
            Meta::Path(_) => {}
            Meta::List(list) if list.tokens.is_empty() => {}
            Meta::List(_) => args.broken = cx.ok(attr.parse_nested_meta(|meta| args.key(cx, &meta))).is_none(),
            Meta::NameValue(_) => {
                cx.error(attr, "malformed `#[command]` attribute; help: write `#[command]` or `#[command(key = …)]`");
            }
        }
        args
    }

    fn key(&mut self, cx: &Ctxt, meta: &syn::meta::ParseNestedMeta<'_>) -> syn::Result<()> {
        let key = &meta.path;
        if key.is_ident("check") {
            self.check.set(cx, key, method(cx, meta, "this block")?);
        } else if key.is_ident("name") {
            self.name.set(cx, key, name(meta)?);
        } else if key.is_ident("version") {
            self.version.set(cx, key, version(meta)?);
        } else if key.is_ident("payload") {
            self.payload.set(cx, key, meta.value()?.parse()?);
        } else if key.is_ident("history") {
            self.history.set(cx, key, History::parse(meta)?);
        } else if key.is_ident("oldest") {
            self.oldest.set(cx, key, Oldest { key: key.clone(), version: version(meta)? });
        } else if key.is_ident("replay_only") {
            self.replay_only.set(cx, key, key.clone());
        } else if key.is_ident("allow") {
            meta.parse_nested_meta(|rule| {
                if !rule.path.is_ident("nondeterminism") {
                    return Err(unknown(&rule, "`allow(…)` takes `nondeterminism`"));
                }
                self.nondeterminism.set(cx, &rule.path, ());
                Ok(())
            })?;
        } else {
            return Err(unknown(
                meta,
                "`#[command(…)]` takes `check`, `name`, `version`, `history(…)`, `oldest`, `replay_only`, `payload` and \
                 `allow(nondeterminism)`",
            ));
        }
        Ok(())
    }

    pub(crate) fn version(&self) -> u32 {
        self.version.get().copied().unwrap_or(1)
    }

    /// The event's name: the name that the user gave, or else the method's name.
    pub(crate) fn name(&self, method: &Ident) -> LitStr {
        match self.name.get() {
            Some(name) => name.clone(),
            None => LitStr::new(&crate::case::unraw(method), Span::call_site()),
        }
    }
}
