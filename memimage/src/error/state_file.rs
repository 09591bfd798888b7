//! The messages about a snapshot or a base.

use std::path::Path;

/// The message for a snapshot or base that is damaged or forged.
pub(super) fn unusable(path: &Path, what: &str) -> String {
    let state = if is_base(path) { "base" } else { "snapshot" };
    format!(
        "the {state} `{}` cannot be used: {what}; help: run `memimage::admin::check`, which says whether the image needs this file",
        path.display()
    )
}

/// Whether the file is a copy of a base, according to its name.
fn is_base(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "base")
}
