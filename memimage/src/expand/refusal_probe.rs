//! Finds out whether a command's refusal can be shown as text. A refusal may implement neither `Display` nor `Debug`.

use std::fmt::Display;
use std::marker::PhantomData;

/// Holds the function that formats a refusal. If `T` is `Display`, the inherent constant takes precedence over the constant of
/// [`NoText`].
pub struct RefusalProbe<T>(PhantomData<T>);

impl<T: Display> RefusalProbe<T> {
    /// Formats a refusal.
    pub const TEXT: fn(&T) -> String = |refusal| refusal.to_string();
}

/// Provides the constant for a refusal that is not `Display`. Every [`RefusalProbe`] implements this trait.
pub trait NoText<T> {
    /// Used for a refusal that is not `Display`.
    const TEXT: fn(&T) -> String = |_| "its check refuses it".to_owned();
}

impl<T> NoText<T> for RefusalProbe<T> {}
