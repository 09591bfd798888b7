//! What the macros' expansions call: the logic behind them, kept here so that an expansion is data and calls.

mod bounds;

pub use bounds::{
    Argument, CheckArgument, CheckContextArgument, CheckField, CheckSharedArgument, CheckSharedField, ContextArgument,
    NoSerde, NoShape, Recorded, ShapeOrNone, SharedArgument, SharedField,
};

use std::marker::PhantomData;

use crate::context::Context;
use crate::event::{EventType, Model};

/// Splits the return type of a fallible command, however it is aliased.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is spelled `Result` but is another type",
    label = "not `std::result::Result`",
    note = "a command that may refuse returns std's `Result`; give a type of your own another name"
)]
pub trait Fallible {
    /// The answer.
    type Output;
    /// The refusal.
    type Refusal;
    /// Both: std's `Result`. A function that returns this is check_result by rustc only where the type is one.
    type StdResult;

    /// The value itself.
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

/// What a check returns.
#[diagnostic::on_unimplemented(
    message = "a check returns `Result<(), Refusal>`, not `{Self}`",
    label = "not a `Result<(), _>`",
    note = "a check answers `Ok(())` or the reason why the command is refused"
)]
pub trait CheckResult {
    /// The refusal.
    type Refusal;
    /// What is returned, as [`Fallible::StdResult`].
    type StdResult;
}

impl<E> CheckResult for Result<(), E> {
    type Refusal = E;
    type StdResult = Result<(), E>;
}

/// What a check of a command that refuses with `E` returns.
#[diagnostic::on_unimplemented(
    message = "a command and its check refuse with the same type",
    label = "the check returns `{Self}`, and the command's own refusal is `{E}`",
    note = "give both the same error type, such as one enum with a variant for each reason"
)]
pub trait CheckResultOf<E>: Sized {
    /// The check's answer.
    fn check_result(self) -> Result<(), E>;
}

impl<E> CheckResultOf<E> for Result<(), E> {
    fn check_result(self) -> Result<(), E> {
        self
    }
}

/// Passes on what a check answered.
pub fn check_result<J: CheckResultOf<E>, E>(judgement: J) -> Result<(), E> {
    judgement.check_result()
}

/// Tells whether a type is a `Result`: an inherent constant, where there is one, wins over the trait's.
pub struct ResultProbe<T>(PhantomData<T>);

impl<T, E> ResultProbe<Result<T, E>> {
    /// It is one.
    pub const IS_PLAIN: bool = false;
}

/// Answers for every other type.
pub trait NotResult {
    /// It is none.
    const IS_PLAIN: bool = true;
}

impl<T> NotResult for ResultProbe<T> {}

/// Tells whether a type is [`Context`], and lends the context as that type: what is inherent, where there is such, wins over
/// what the trait has.
pub struct ContextProbe<T: ?Sized>(PhantomData<T>);

impl ContextProbe<Context> {
    /// It is.
    pub const IS_CONTEXT: bool = true;

    /// The context itself.
    #[inline]
    pub fn context(context: &Context) -> &Context {
        context
    }
}

/// Answers for every other type.
pub trait NotContext {
    /// The type.
    type Other: ?Sized;

    /// It is not.
    const IS_CONTEXT: bool = false;

    /// Only lets the call compile, so that there is one error: that it is not.
    fn context(_: &Context) -> &Self::Other {
        unreachable!("a program that calls this does not compile")
    }
}

impl<T: ?Sized> NotContext for ContextProbe<T> {
    type Other = T;
}

/// The dispatch table of a model, for a block that is one of its groups.
pub const fn events_of<M: Model>() -> &'static [EventType<M>] {
    M::EVENTS
}

/// Asserts that what has commands is a model, so that a forgotten derive is seen where the commands are.
pub const fn assert_model<M: Model>() {}
