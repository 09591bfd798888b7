//! Steps on values: past versions of which no type is kept.

use super::recorded::{Recorded, UpcastError};
use crate::shape::ShapeRef;
use crate::value::Value;

/// A step on values, as the dispatch table holds it.
pub(crate) type ValueStep = fn(Value, &Recorded<'_>) -> Result<Value, UpcastError>;

/// Several steps, and the shape that the last must lead to.
#[derive(Clone, Copy)]
pub(crate) struct ValueSteps {
    pub(crate) steps: &'static [ValueStep],
    pub(crate) target: ShapeRef,
}

/// A function that takes the value of a payload one version further.
///
/// It takes the [`Value`], and [`&Recorded`](Recorded) if it wants, and returns a `Value` or a `Result` of one.
#[diagnostic::on_unimplemented(
    message = "not a step on values; help: take a `Value`, and optionally `&Recorded`, and return a `Value` or a `Result` of one",
    label = "not a step on values",
    note = "the error of the `Result` is a text, or an error that is `Send` and `Sync`"
)]
pub trait ValueFunction<Kind> {
    /// Takes the step.
    fn step(self, value: Value, recorded: &Recorded<'_>) -> Result<Value, UpcastError>;
}

/// What a step on values returns.
pub trait ValueStepOutput {
    /// The value, or why there is none.
    fn stepped(self) -> Result<Value, UpcastError>;
}

impl ValueStepOutput for Value {
    fn stepped(self) -> Result<Value, UpcastError> {
        Ok(self)
    }
}

impl<E: Into<UpcastError>> ValueStepOutput for Result<Value, E> {
    fn stepped(self) -> Result<Value, UpcastError> {
        self.map_err(Into::into)
    }
}

/// The kind of a step that looks at the value only, and returns `R`.
pub struct OfValue<R>(R);

/// The kind of a step that looks at what else was recorded too, and returns `R`.
pub struct OfRecorded<R>(R);

impl<F: FnOnce(Value) -> R, R: ValueStepOutput> ValueFunction<OfValue<R>> for F {
    fn step(self, value: Value, _: &Recorded<'_>) -> Result<Value, UpcastError> {
        self(value).stepped()
    }
}

impl<F: FnOnce(Value, &Recorded<'_>) -> R, R: ValueStepOutput> ValueFunction<OfRecorded<R>> for F {
    fn step(self, value: Value, recorded: &Recorded<'_>) -> Result<Value, UpcastError> {
        self(value, recorded).stepped()
    }
}

/// Takes a step.
pub fn step<K>(step: impl ValueFunction<K>, value: Value, recorded: &Recorded<'_>) -> Result<Value, UpcastError> {
    step.step(value, recorded)
}
