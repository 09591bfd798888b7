//! `retired(name = "…", history(…))` of `#[memimage::commands(…)]`: an event that no method has any more.

use syn::meta::ParseNestedMeta;
use syn::{LitStr, Path};

use super::history::History;
use super::{Once, name, unknown, version};
use crate::ctxt::Ctxt;

/// An event whose command was removed.
pub(crate) struct Retired {
    /// Its name in the journal.
    pub name: LitStr,
    /// The version of the first type in the history.
    pub oldest: u32,
    /// All versions that a journal may hold.
    pub history: History,
}

impl Retired {
    pub(crate) fn parse(cx: &Ctxt, meta: &ParseNestedMeta<'_>) -> syn::Result<Retired> {
        let (mut event, mut oldest, mut history) = (Once::default(), Once::default(), Once::default());
        meta.parse_nested_meta(|key| {
            if key.path.is_ident("name") {
                event.set(cx, &key.path, name(&key)?);
            } else if key.path.is_ident("history") {
                history.set(cx, &key.path, History::parse(&key)?);
            } else if key.path.is_ident("oldest") {
                oldest.set(cx, &key.path, version(&key)?);
            } else {
                let known = "a retired event has `name = \"…\"`, its name in the journal, `history(…)` and `oldest`";
                return Err(unknown(&key, known));
            }
            Ok(())
        })?;
        match (event.take(), history.take()) {
            (Some(name), Some(history)) => Ok(Retired { name, oldest: oldest.take().unwrap_or(1), history }),
            (None, _) => {
                Err(missing(&meta.path, "no name; help: say which event it is in the journal, `name = \"…\"`"))
            }
            (_, None) => {
                Err(missing(&meta.path, "no history; help: list the event's past versions, oldest first, `history(…)`"))
            }
        }
    }

    /// The version of each step in the history.
    pub(crate) fn versions(&self) -> impl Iterator<Item = u32> {
        (self.oldest..).take(self.history.steps.len())
    }
}

fn missing(key: &Path, what: &str) -> syn::Error {
    syn::Error::new_spanned(key, format_args!("a retired event has {what}"))
}
