//! The functions and traits that the macros' expansions use. An expansion is data and calls; the logic is in this module.

mod answer_probe;
mod bounds;
mod field_probe;
mod refusal_text;

pub use answer_probe::{AnswerProbe, NoAnswer};
pub use bounds::{
    Argument, CheckArgument, CheckContextArgument, CheckField, CheckSharedArgument, CheckSharedField, ContextArgument,
    NoSerde, NoShape, Recorded, ShapeOrNone, SharedArgument, SharedField,
};

pub use field_probe::{FieldProbe, NoTraits};
pub use refusal_text::{NoText, RefusalText};

use std::marker::PhantomData;

use crate::context::Context;
use crate::event::{EventType, Model};
use crate::shape::{ConstText, ShapeRef, derived_field};

/// Splits the return type of a fallible command into the output and the error. The return type may be an alias of `Result`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has the name `Result`, but is another type",
    label = "not `std::result::Result`",
    note = "a command that can be refused must return `std::result::Result`; give your own type another name"
)]
pub trait Fallible {
    /// The type of the output.
    type Output;
    /// The type of the refusal.
    type Refusal;
    /// The type itself, which is std's `Result`. The generated function has this projection as its return type, so that if the
    /// user's type is not std's `Result`, rustc reports only the projection, and no second error in the function's body.
    type StdResult;

    /// Returns the value itself.
    fn into_result(self) -> Result<Self::Output, Self::Refusal>;
}

impl<T, E> Fallible for Result<T, E> {
    type Output = T;
    type Refusal = E;
    type StdResult = Result<T, E>;

    fn into_result(self) -> Result<T, E> {
        self
    }
}

/// The return type of a check.
#[diagnostic::on_unimplemented(
    message = "a check must return `Result<(), …>`, not `{Self}`",
    label = "not a `Result<(), _>`",
    note = "a check returns `Ok(())`, or the reason for the refusal as the error"
)]
pub trait CheckResult {
    /// The type of the refusal.
    type Refusal;
    /// The type itself; see [`Fallible::StdResult`] for the reason.
    type StdResult;
}

impl<E> CheckResult for Result<(), E> {
    type Refusal = E;
    type StdResult = Result<(), E>;
}

/// The return type of a check, if the error type of its command is `E`.
#[diagnostic::on_unimplemented(
    message = "a command and its check must have the same error type",
    label = "the check returns `{Self}`, but the error of the command is `{E}`",
    note = "use the same error type for both, such as one enum with a variant for each reason"
)]
pub trait CheckResultOf<E>: Sized {
    /// Returns the value itself.
    fn check_result(self) -> Result<(), E>;
}

impl<E> CheckResultOf<E> for Result<(), E> {
    fn check_result(self) -> Result<(), E> {
        self
    }
}

/// Returns the result of a check.
pub fn check_result<R: CheckResultOf<E>, E>(result: R) -> Result<(), E> {
    result.check_result()
}

/// Tests whether a type is a `Result`. For a `Result`, the inherent constant takes precedence over the constant of
/// [`NotResult`].
pub struct ResultProbe<T>(PhantomData<T>);

impl<T, E> ResultProbe<Result<T, E>> {
    /// False: the type is a `Result`.
    pub const IS_PLAIN: bool = false;
}

/// Provides the constant of [`ResultProbe`] for a type that is not a `Result`. Every `ResultProbe` implements this trait.
pub trait NotResult {
    /// True: the type is not a `Result`.
    const IS_PLAIN: bool = true;
}

impl<T> NotResult for ResultProbe<T> {}

/// Tests whether a type is [`Context`], and returns the context as a reference to that type. For [`Context`], the inherent
/// items take precedence over the items of [`NotContext`].
pub struct ContextProbe<T: ?Sized>(PhantomData<T>);

impl ContextProbe<Context> {
    /// True: the type is `Context`.
    pub const IS_CONTEXT: bool = true;

    /// Returns the context.
    #[inline]
    pub fn context(context: &Context) -> &Context {
        context
    }
}

/// Provides the items of [`ContextProbe`] for a type that is not [`Context`]. Every `ContextProbe` implements this trait.
pub trait NotContext {
    /// The type that the user wrote instead of [`Context`].
    type Other: ?Sized;

    /// False: the type is not `Context`.
    const IS_CONTEXT: bool = false;

    /// Makes the expansion's call of `context` compile, so that the failed assertion is the only error.
    fn context(_: &Context) -> &Self::Other {
        unreachable!("a program that calls this does not compile")
    }
}

impl<T: ?Sized> NotContext for ContextProbe<T> {
    type Other = T;
}

/// Returns the dispatch table of a model. The expansions of the model's groups call this function.
pub const fn events_of<M: Model>() -> &'static [EventType<M>] {
    M::EVENTS
}

/// The message about a derived field inside a model that has no `rebuild` method; `None` if there is no derived field.
pub const fn not_rebuilt(model: &str, shape: ShapeRef) -> Option<ConstText> {
    match derived_field(shape) {
        Some(field) => Some(ConstText::not_rebuilt(model, field)),
        None => None,
    }
}

/// Asserts that a type with commands is a model. If the derive of `Model` is missing, the call of this function makes the
/// compiler report that at the commands too.
pub const fn assert_model<M: Model>() {}
