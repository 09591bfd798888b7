//! What the macros implement: a model, its commands and the table by which their events are replayed.

use std::any::Any;
use std::convert::Infallible;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::context::Context;
use crate::error::{CommandError, Error};
use crate::shape::{Shape, ShapeRef};

/// A program's state: plain Rust values that are changed by commands only.
///
/// Derive it: `#[derive(Default, Serialize, Deserialize, Shape, Model)]`, and put `#[memimage::commands]` on the impl block
/// that holds the commands. `Default` is the state before the first event, unless
/// [`Options::genesis`](crate::Options::genesis) gives another.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no model",
    label = "not a model",
    note = "derive it: `#[derive(Default, Serialize, Deserialize, Shape, Model)]`, with `memimage::{{Model, Shape}}`"
)]
pub trait Model: Commands + Default + Shape + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The name written in the journal, by which an image of another model is recognised.
    const NAME: &'static str;

    /// The version of the model's shape, written in each snapshot.
    const VERSION: u32;
}

/// The commands of a model; `#[memimage::commands]` implements it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no commands",
    label = "a model needs an impl block marked `#[memimage::commands]`",
    note = "write `#[memimage::commands] impl {Self} {{ #[command] pub fn … (&mut self, …) {{ … }} }}`"
)]
pub trait Commands: Sized + 'static {
    /// The enum of the model's events at their newest versions.
    type Event: Event;

    /// The dispatch table: each version of each event that can be replayed.
    const EVENTS: &'static [EventType<Self>];

    /// The shape lock that holds the shapes of the events, if there is one.
    const LOCK: Option<ShapeLock> = None;
}

/// Where the [shape lock](crate::lock) of a model is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShapeLock {
    pub(crate) path: &'static str,
    pub(crate) model: &'static str,
}

impl ShapeLock {
    /// The file, and what the model's lines in it begin with.
    pub const fn new(path: &'static str, model: &'static str) -> ShapeLock {
        ShapeLock { path, model }
    }

    /// The file, as it was found when the program was compiled.
    pub const fn path(&self) -> &'static str {
        self.path
    }

    /// What the model's lines in it begin with: `shop::Bank`.
    pub const fn model(&self) -> &'static str {
        self.model
    }
}

/// The enum of a model's events, one variant a command, each holding the command's payload.
pub trait Event: Sized {
    /// The name written in the journal.
    fn name(&self) -> &'static str;

    /// The version written in the journal.
    fn version(&self) -> u32;
}

/// The payload of a command: its arguments, and what is done with them.
///
/// `#[memimage::commands]` makes one for each command. A caller hands it to [`Image::submit`](crate::Image::submit).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no command of the model `{M}`",
    label = "not a payload of `{M}`",
    note = "`#[memimage::commands]` makes one payload struct for each `#[command]`, such as `BankDeposit` for `Bank::deposit`"
)]
pub trait Command<M>: Shape + Serialize + DeserializeOwned {
    /// The event's name in the journal.
    const NAME: &'static str;

    /// The payload's version in the journal.
    const VERSION: u32;

    /// The command's row in the model's dispatch table.
    const ROW: usize;

    /// What the command answers.
    type Output;

    /// Why the command may be refused; [`Infallible`] for one that never is.
    type Refusal;

    /// What a call returns on failure: [`struct@Error`] for a command that is never refused, else [`CommandError`].
    type Error: From<Error> + FromRefusal<Self::Refusal>;

    /// Judges the command on the newest state, before anything is recorded. Does not run on replay.
    ///
    /// # Errors
    ///
    /// The refusal.
    fn check(&self, model: &M, context: &Context) -> Result<(), Self::Refusal>;

    /// Runs the command. Runs again on each replay.
    ///
    /// # Errors
    ///
    /// The refusal of a fallible body, which is recorded as rejected.
    fn apply(self, model: &mut M, context: &Context) -> Result<Self::Output, Self::Refusal>;
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

/// A row of the dispatch table: one version of one event, and how it is replayed.
pub struct EventType<M> {
    pub(crate) name: &'static str,
    pub(crate) version: u32,
    pub(crate) shape: ShapeRef,
    pub(crate) replay: fn(&mut M, &Context, &[u8]) -> Result<Outcome, PayloadError>,
}

impl<M> EventType<M> {
    /// The row of the command `C`.
    pub const fn of<C: Command<M>>() -> EventType<M> {
        EventType { name: C::NAME, version: C::VERSION, shape: C::SHAPE, replay: replay::<M, C> }
    }

    /// The event's name in the journal.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The payload's version.
    pub const fn version(&self) -> u32 {
        self.version
    }
}

/// What became of a recorded command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The body ran and returned a value.
    Applied,
    /// A fallible body returned an error (it may have changed something first).
    Rejected,
}

/// Why a payload could not be decoded although its shape fits.
#[derive(Debug, thiserror::Error)]
pub enum PayloadError {
    /// The bytes are no value of the type.
    #[error("it does not decode: {0}")]
    Decode(#[from] postcard::Error),
    /// Bytes were left over.
    #[error("{0} bytes are left over after its last field")]
    Remainder(usize),
}

/// Decodes a payload, with nothing left over.
pub(crate) fn decode<T: DeserializeOwned>(payload: &[u8]) -> Result<T, PayloadError> {
    let (value, rest) = postcard::take_from_bytes(payload)?;
    match rest.len() {
        0 => Ok(value),
        left => Err(PayloadError::Remainder(left)),
    }
}

fn replay<M, C: Command<M>>(model: &mut M, context: &Context, payload: &[u8]) -> Result<Outcome, PayloadError> {
    let command: C = decode(payload)?;
    Ok(match command.apply(model, context) {
        Ok(_) => Outcome::Applied,
        Err(_) => Outcome::Rejected,
    })
}

/// The text of a panic.
pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a value that is no text".to_owned())
}

/// The row of an event in a dispatch table, found while compiling.
///
/// # Panics
///
/// If the table has no such row; in a constant that is a compile error.
pub const fn row_of<M>(events: &[EventType<M>], name: &str, version: u32) -> usize {
    let mut row = 0;
    while row < events.len() {
        if events[row].version == version && same(events[row].name.as_bytes(), name.as_bytes()) {
            return row;
        }
        row += 1;
    }
    panic!("the event is not in the dispatch table");
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}
