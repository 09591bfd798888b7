//! The errors of shape locks.

use std::path::PathBuf;

/// A shape lock that is missing, unreadable, or does not fit the models.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ShapeLockError {
    #[error(
        "the model `{model}` has no shape lock; help: mark its commands `#[memimage::commands(lock)]` (in a doctest, `lock` has no \
         effect)"
    )]
    NotLocked { model: &'static str },

    #[error("the shape lock `{}` cannot be read: {what}", path.display())]
    Unreadable { path: PathBuf, what: String },

    #[error("the shape lock `{}` {what}:{}\nhelp: {help}", path.display(), lines(differences))]
    Differs { path: PathBuf, what: &'static str, differences: Vec<String>, help: String },

    #[error(
        "the shape lock `{}` has lines of models that do not exist: a model or its crate was renamed, moved or removed; nothing was \
         changed:{}\nhelp: if a model was renamed{}, write its new name in these lines; if no journal contains these events, delete \
         the lines",
        path.display(), lines(of_models), new.map(|new| format!(", perhaps to `{new}`")).unwrap_or_default()
    )]
    Unclaimed { path: PathBuf, of_models: Vec<String>, new: Option<&'static str> },
}

/// A list, an item in each line.
pub(super) fn lines(items: &[String]) -> String {
    items.iter().map(|item| format!("\n  - {item}")).collect()
}
