//! Upcasters on values: they convert a [`Value`], for past versions for which the program has no type.

use super::recorded::{Recorded, UpcastError};
use crate::shape::ShapeRef;
use crate::value::Value;

/// An upcaster on values in the dispatch table.
pub(crate) type ValueStep = fn(Value, &Recorded<'_>) -> Result<Value, UpcastError>;

/// Several upcasters on values, and the shape of the last upcaster's result.
#[derive(Clone, Copy)]
pub(crate) struct ValueSteps {
    pub(crate) steps: &'static [ValueStep],
    pub(crate) target: ShapeRef,
}

/// A function that upcasts the value of a payload by one version.
///
/// The function takes the [`Value`], and optionally [`&Recorded`](Recorded), and returns a `Value` or a `Result` of a `Value`.
#[diagnostic::on_unimplemented(
    message = "not a step on values; help: take a `Value`, and optionally `&Recorded`, and return a `Value` or a `Result<Value, …>`",
    label = "not a step on values",
    note = "the error of the `Result` must be a string, or an error that is `Send` and `Sync`"
)]
pub trait ValueFunction<Kind> {
    /// Runs the function.
    fn step(self, value: Value, recorded: &Recorded<'_>) -> Result<Value, UpcastError>;
}

/// The return type of an upcaster on values.
pub trait ValueStepOutput {
    /// Converts the return value to a `Result`.
    fn into_result(self) -> Result<Value, UpcastError>;
}

impl ValueStepOutput for Value {
    fn into_result(self) -> Result<Value, UpcastError> {
        Ok(self)
    }
}

impl<E: Into<UpcastError>> ValueStepOutput for Result<Value, E> {
    fn into_result(self) -> Result<Value, UpcastError> {
        self.map_err(Into::into)
    }
}

/// The `Kind` of a [`ValueFunction`] that takes only the value, and returns `R`.
pub struct OfValue<R>(R);

/// The `Kind` of a [`ValueFunction`] that takes the value and a [`Recorded`], and returns `R`.
pub struct OfRecorded<R>(R);

impl<F: FnOnce(Value) -> R, R: ValueStepOutput> ValueFunction<OfValue<R>> for F {
    fn step(self, value: Value, _: &Recorded<'_>) -> Result<Value, UpcastError> {
        self(value).into_result()
    }
}

impl<F: FnOnce(Value, &Recorded<'_>) -> R, R: ValueStepOutput> ValueFunction<OfRecorded<R>> for F {
    fn step(self, value: Value, recorded: &Recorded<'_>) -> Result<Value, UpcastError> {
        self(value, recorded).into_result()
    }
}

/// Runs an upcaster on values.
pub fn step<K>(step: impl ValueFunction<K>, value: Value, recorded: &Recorded<'_>) -> Result<Value, UpcastError> {
    step.step(value, recorded)
}
