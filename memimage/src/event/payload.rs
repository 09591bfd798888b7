//! Payloads: what is recorded of a command, and what is done with it.

use std::convert::Infallible;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::context::Context;
use crate::error::{CommandError, Error};
use crate::shape::Shape;

/// What is recorded of a command: its arguments, and how they are replayed.
///
/// `#[memimage::commands]` makes one for each method marked `#[command]`. Those that are `replay_only` are payloads and no
/// [`Command`]s: they are replayed, and nobody can run them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a payload of the model `{M}`",
    label = "not a payload of `{M}`",
    note = "`#[memimage::commands]` generates one for each `#[command]`, such as `BankDeposit` for `Bank::deposit`"
)]
pub trait Payload<M>: Shape + Serialize + DeserializeOwned {
    /// The event's name in the journal.
    const NAME: &'static str;

    /// The payload's version in the journal.
    const VERSION: u32;

    /// The payload's row in the model's dispatch table.
    const ROW: usize;

    /// What the command answers.
    type Output;

    /// Why the command may be refused; [`Infallible`] for one that never is.
    type Refusal;

    /// Runs the command. Runs again on each replay.
    ///
    /// # Errors
    ///
    /// The refusal of a fallible body, which is recorded as rejected.
    fn apply(self, model: &mut M, context: &Context) -> Result<Self::Output, Self::Refusal>;
}

/// A payload whose command can be run. A caller hands it to [`Image::submit`](crate::Image::submit).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a command of the model `{M}`",
    label = "not a command of `{M}`",
    note = "`#[memimage::commands]` generates one for each `#[command]`, such as `BankDeposit` for `Bank::deposit`",
    note = "a `replay_only` command is replayed, but cannot be executed"
)]
pub trait Command<M>: Payload<M> {
    /// What a call returns on failure: [`struct@Error`] for a command that is never refused, else [`CommandError`].
    type Error: From<Error> + FromRefusal<Self::Refusal>;

    /// Judges the command on the newest state, before anything is recorded. Does not run on replay.
    ///
    /// # Errors
    ///
    /// The refusal.
    fn check(&self, model: &M, context: &Context) -> Result<(), Self::Refusal>;
}

/// Makes a call's error of a refusal.
pub trait FromRefusal<R> {
    /// The error that carries `refusal`.
    fn from_refusal(refusal: R) -> Self;
}

impl FromRefusal<Infallible> for Error {
    fn from_refusal(refusal: Infallible) -> Error {
        match refusal {}
    }
}

impl<E> FromRefusal<E> for CommandError<E> {
    fn from_refusal(refusal: E) -> CommandError<E> {
        CommandError::Refused(refusal)
    }
}
