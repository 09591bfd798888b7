//! Shows a command's refusal as text. A refusal need not be `Display`.

use std::fmt::Display;

use crate::event::NOT_SHOWN;

/// A refusal. If its type is `Display`, the inherent method takes precedence over the method of [`NoText`].
pub struct RefusalText<'a, T>(pub &'a T);

impl<T: Display> RefusalText<'_, T> {
    /// The refusal as text.
    pub fn text(&self) -> String {
        self.0.to_string()
    }
}

/// Provides the method for a refusal that is not `Display`. Every [`RefusalText`] implements this trait.
pub trait NoText {
    /// Says that the refusal cannot be shown.
    fn text(&self) -> String;
}

impl<T> NoText for RefusalText<'_, T> {
    fn text(&self) -> String {
        NOT_SHOWN.to_owned()
    }
}
