//! Payloads: the recorded arguments of commands, and their execution.

use std::convert::Infallible;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::answer_codec::AnswerCodec;
use crate::context::Context;
use crate::error::{CommandError, Error};
use crate::shape::Shape;

/// The text of a refusal that is not `Display`.
pub(crate) const NOT_SHOWN: &str = "its error is not `Display`";

/// The recorded arguments of a command, and the function that replays them.
///
/// `#[memimage::commands]` generates a payload type for each method marked `#[command]`. The payload of a `replay_only` command
/// is not a [`Command`]: it can be replayed, but not executed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a payload of the model `{M}`",
    label = "not a payload of `{M}`",
    note = "`#[memimage::commands]` generates a payload for each `#[command]`, such as `BankDeposit` for `Bank::deposit`"
)]
pub trait Payload<M>: Shape + Serialize + DeserializeOwned + 'static {
    /// The event's name in the journal.
    const NAME: &'static str;

    /// The payload's version in the journal.
    const VERSION: u32;

    /// The payload's row in the model's dispatch table.
    const ROW: usize;

    /// Whether deserialization restores every value of this type unchanged. See [`Shape::ROUND_TRIPS`].
    const ARGUMENTS_ROUND_TRIP: bool = false;

    /// The type of the command's answer.
    type Output;

    /// The type of the command's refusal; [`Infallible`] if the command never refuses.
    type Refusal;

    /// How the answers of requests are stored.
    #[doc(hidden)]
    const ANSWERS: AnswerCodecs<M, Self> = AnswerCodecs::new(None, None);

    /// Executes the command. Each replay executes the command again.
    ///
    /// # Errors
    ///
    /// Returns the refusal of a fallible body; in this case the journal records the command as rejected.
    fn apply(self, model: &mut M, context: &Context) -> Result<Self::Output, Self::Refusal>;
}

/// How the answers of a command are stored. (The constant of a payload has this type, and not that of a codec: if the type of the
/// refusal were wrong, rustc would report the type of the constant a second time.)
pub struct AnswerCodecs<M, P: Payload<M>> {
    /// `None` if outputs cannot be stored.
    pub(crate) output: Option<AnswerCodec<P::Output>>,
    /// `None` if refusals cannot be stored.
    pub(crate) refusal: Option<AnswerCodec<P::Refusal>>,
}

impl<M, P: Payload<M>> AnswerCodecs<M, P> {
    /// The codecs of the output and of the refusal.
    pub const fn new(
        output: Option<AnswerCodec<P::Output>>,
        refusal: Option<AnswerCodec<P::Refusal>>,
    ) -> AnswerCodecs<M, P> {
        AnswerCodecs { output, refusal }
    }
}

/// A payload whose command can be executed, for example by [`Image::submit`](crate::Image::submit).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a command of the model `{M}`",
    label = "not a command of `{M}`",
    note = "`#[memimage::commands]` generates a payload for each `#[command]`, such as `BankDeposit` for `Bank::deposit`",
    note = "a `replay_only` command is replayed, but cannot be executed"
)]
pub trait Command<M>: Payload<M> {
    /// The error of a call: [`struct@Error`] if the command never refuses, otherwise [`CommandError`].
    type Error: From<Error> + FromRefusal<Self::Refusal>;

    /// Checks the command against the newest state, before anything is recorded. Does not run on replay.
    ///
    /// # Errors
    ///
    /// Returns the refusal of the check.
    fn check(&self, model: &M, context: &Context) -> Result<(), Self::Refusal>;

    /// Like [`check`](Command::check), with the refusal as text, for a report.
    ///
    /// # Errors
    ///
    /// Returns the refusal of the check.
    #[doc(hidden)]
    fn check_text(&self, model: &M, context: &Context) -> Result<(), String> {
        self.check(model, context).map_err(|_| NOT_SHOWN.to_owned())
    }
}

/// Converts a refusal into the error that the call returns.
pub trait FromRefusal<R> {
    /// Returns the error that contains `refusal`.
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
