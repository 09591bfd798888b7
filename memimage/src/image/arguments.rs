//! Encodes a command's arguments, and decodes them again as replay will.
//!
//! The check and the body of a command receive the decoded arguments. A `Deserialize` may refuse or change a value. If the body
//! received the caller's value, a command with a refused or changed value would be acknowledged, but its replay would fail or
//! use another value. If the library knows that encoding and decoding change none of the arguments, it skips the decoding and
//! encodes directly into the batch.

use std::panic::{AssertUnwindSafe, catch_unwind};

use postcard::ser_flavors::Flavor;

use crate::digest::digest_within;
use crate::error::{Error, ErrorDetail};
use crate::event::{Command, decode};
use crate::panics::panic_message;
use crate::personal::take_failure;
use crate::personal_keys::{MissingKeys, PersonalKeys};
use crate::planted::{Bug, planted};
use crate::shape::may_be_deep;
use crate::value::MAX_DEPTH;

/// The capacity of the payload buffer, in bytes, that is kept for the next command.
pub(super) const PAYLOAD_KEPT: usize = 1 << 16;

/// A command that was encoded.
pub(super) enum Encoded<C> {
    /// The command that replay will run.
    Decoded(C),
    /// The command as the caller made it: keys must be created first.
    NoKeys(C, MissingKeys),
}

/// Encodes the command into `payload` and decodes it again. `keys` seal its personal data.
pub(super) fn through_encoding<M, C: Command<M>>(
    command: C,
    payload: &mut Vec<u8>,
    keys: &PersonalKeys,
) -> Result<Encoded<C>, Error> {
    bound_depth::<M, C>(&command)?;
    payload.clear();
    payload.shrink_to(PAYLOAD_KEPT);
    let (encoded, missing) = keys.encode(|| encode::<M, C>(&command, payload));
    encoded?;
    if let Some(missing) = missing {
        return Ok(Encoded::NoKeys(command, missing));
    }
    decoded::<M, C>(command, payload).map(Encoded::Decoded)
}

/// The command that replay will run.
fn decoded<M, C: Command<M>>(command: C, payload: &[u8]) -> Result<C, Error> {
    match catch_unwind(AssertUnwindSafe(|| decode::<C>(payload))) {
        Ok(Ok(_)) if planted(Bug::CallersValueApplied) => Ok(command),
        Ok(Ok(decoded)) => Ok(decoded),
        Ok(Err(error)) => Err(Error::new(ErrorDetail::Undecodable { command: C::NAME, what: error.to_string() })),
        Err(panic) => Err(panicked::<M, C>("arguments' decoding", panic)),
    }
}

/// Returns an error if a payload of a recursive type is nested deeper than readers of the journal support. A thread with a
/// smaller stack than this thread could not replay such a payload.
fn bound_depth<M, C: Command<M>>(command: &C) -> Result<(), Error> {
    if const { may_be_deep(C::SHAPE) } {
        let bounded = catch_unwind(AssertUnwindSafe(|| digest_within(command, MAX_DEPTH)));
        let bounded = bounded.map_err(|panic| panicked::<M, C>("arguments' encoding", panic))?;
        bounded
            .map_err(|error| unencodable::<M, C>(format!("{error} (the limit is {MAX_DEPTH} levels of nesting)")))?;
    }
    Ok(())
}

/// Appends the payload to `bytes`. A panic in the payload's `Serialize` is returned as an ordinary error, because nothing has
/// changed yet.
pub(super) fn encode<M, C: Command<M>>(command: &C, bytes: &mut Vec<u8>) -> Result<(), Error> {
    match catch_unwind(AssertUnwindSafe(|| command.serialize(&mut postcard::Serializer { output: Append(bytes) }))) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(unencodable::<M, C>(take_failure().unwrap_or_else(|| error.to_string()))),
        Err(panic) => Err(panicked::<M, C>("arguments' encoding", panic)),
    }
}

/// Lets postcard append to a buffer.
struct Append<'a>(&'a mut Vec<u8>);

impl Flavor for Append<'_> {
    type Output = ();

    #[inline]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    /// Most numbers are encoded in a few bytes. Where the compiler knows the number of bytes, it stores them without a call of
    /// `memcpy`.
    #[inline]
    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        match *bytes {
            [a] => self.0.push(a),
            [a, b] => self.0.extend_from_slice(&[a, b]),
            [a, b, c] => self.0.extend_from_slice(&[a, b, c]),
            [a, b, c, d] => self.0.extend_from_slice(&[a, b, c, d]),
            [a, b, c, d, e] => self.0.extend_from_slice(&[a, b, c, d, e]),
            _ => self.0.extend_from_slice(bytes),
        }
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

fn unencodable<M, C: Command<M>>(what: String) -> Error {
    Error::new(ErrorDetail::Encode { command: C::NAME, what })
}

pub(super) fn panicked<M, C: Command<M>>(place: &'static str, panic: Box<dyn std::any::Any + Send>) -> Error {
    Error::new(ErrorDetail::Panicked { command: C::NAME, place, message: panic_message(panic) })
}
