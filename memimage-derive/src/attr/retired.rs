//! `retired(name = "…", history(…))` of `#[memimage::commands(…)]`: an event that no command records any more.

use syn::meta::ParseNestedMeta;
use syn::{Error, LitStr};

use super::history::History;
use super::{Arg, name, unknown, version};
use crate::ctxt::Ctxt;

/// An event that no command records.
pub(crate) struct Retired {
    /// The event's name in the journal.
    pub name: LitStr,
    /// The version of the first entry in the history.
    pub oldest: u32,
    /// All versions of the event that a journal can contain.
    pub history: History,
}

impl Retired {
    pub(crate) fn parse(cx: &Ctxt, meta: &ParseNestedMeta<'_>) -> syn::Result<Retired> {
        let (mut event, mut oldest, mut history) = (Arg::default(), Arg::default(), Arg::default());
        meta.parse_nested_meta(|key| {
            if key.path.is_ident("name") {
                event.set(cx, &key.path, name(&key)?);
            } else if key.path.is_ident("history") {
                history.set(cx, &key.path, History::parse(&key)?);
            } else if key.path.is_ident("oldest") {
                oldest.set(cx, &key.path, version(&key)?);
            } else {
                let known =
                    "`retired(…)` takes `name = \"…\"`, the event's name in the journal, `history(…)` and `oldest`";
                return Err(unknown(&key, known));
            }
            Ok(())
        })?;
        match (event.take(), history.take()) {
            (Some(name), Some(history)) => Ok(Retired { name, oldest: oldest.take().unwrap_or(1), history }),
            (None, _) => Err(Error::new_spanned(
                &meta.path,
                "missing key `name` in `retired(…)`; help: add `name = \"…\"`, the event's name in the \
                                         journal",
            )),
            (_, None) => Err(Error::new_spanned(
                &meta.path,
                "missing key `history` in `retired(…)`; help: add `history(…)` with the event's past \
                                         versions, oldest first",
            )),
        }
    }

    /// The version of each entry in the history.
    pub(crate) fn versions(&self) -> impl Iterator<Item = u32> {
        (self.oldest..).take(self.history.steps.len())
    }
}
