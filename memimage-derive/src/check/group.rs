//! Rules for `groups(…)`.

use std::collections::BTreeMap;

use quote::ToTokens;
use syn::Path;

use crate::case::unraw;
use crate::ctxt::Ctxt;

pub(crate) fn groups(cx: &Ctxt, groups: &[Path]) {
    let mut names: BTreeMap<String, &Path> = BTreeMap::new();
    for path in groups {
        let Some(last) = path.segments.last() else { continue };
        let Some(first) = names.insert(unraw(&last.ident), path) else { continue };
        let name = &last.ident;
        match first.to_token_stream().to_string() == path.to_token_stream().to_string() {
            true => cx.error(path, format_args!("`{name}` is listed twice; help: remove one")),
            false => cx.error(
                path,
                format_args!("two groups have the name `{name}`; help: give one of the blocks another `group = Name`"),
            ),
        }
    }
}
