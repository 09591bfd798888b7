//! Upcasting: from what an older program recorded to what this one replays.
//!
//! An upcaster takes the payload of one version to the next and knows nothing of the model. Where a chain of them ends is
//! said by [`Land`]: at a current payload, at several, or at nothing. Past versions are types like any other, so a step
//! that is missing, or that leads astray, is an error of the compiler's; no list is kept anywhere but at the command.

use serde::de::DeserializeOwned;

use super::payload::{Outcome, Payload};
use super::row::{Fault, Past};
use crate::context::{Metadata, Timestamp};
use crate::seq::Seq;
use crate::shape::Shape;

/// What an upcaster may know of an event besides its payload: all that was recorded, and nothing of the model.
#[derive(Clone, Copy, Debug)]
pub struct Recorded<'a> {
    pub(crate) seq: Seq,
    pub(crate) time: Timestamp,
    pub(crate) metadata: &'a Metadata,
    pub(crate) outcome: Outcome,
}

impl<'a> Recorded<'a> {
    /// The number under which the event was first recorded. For a state: the last event in it.
    pub fn seq(&self) -> Seq {
        self.seq
    }

    /// When it was recorded.
    pub fn time(&self) -> Timestamp {
        self.time
    }

    /// Who ran the command and why.
    pub fn metadata(&self) -> &'a Metadata {
        self.metadata
    }

    /// Whether the command's fallible body refused it. What it is upcast to must be refused too, or nothing.
    pub fn is_rejected(&self) -> bool {
        self.outcome == Outcome::Rejected
    }
}

/// Why an upcaster cannot take a payload further. Any error will do, and so will a text.
pub type UpcastError = Box<dyn std::error::Error + Send + Sync>;

/// A past version of a payload, or of a model, and its step to the next one. `#[memimage::upcast]` implements it.
///
/// The type keeps the shape that was recorded: it derives `Deserialize` and [`Shape`] (and, for a model, `Serialize`).
/// There is one step from each past version, and no choice between two.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is a past version without an upcaster",
    label = "no step leads on from `{Self}`",
    note = "write one, in any module: `#[memimage::upcast] fn …(old: {Self}) -> … {{ … }}`"
)]
pub trait Upcast: Shape + DeserializeOwned {
    /// What it becomes: the next version, or all that a chain may end in ([`Land`]).
    type Next;

    /// Takes it one step further.
    ///
    /// # Errors
    ///
    /// Whatever makes that impossible. The journal is not replayed then, and nothing is changed.
    fn upcast(self, recorded: &Recorded<'_>) -> Result<Self::Next, UpcastError>;
}

/// What an upcaster may lead to: a payload of the model, a past version with a step of its own, the event enum, nothing
/// (`()`), or several of these (`Option`, `Vec`, tuples).
///
/// The parts of what became several have the seq and the time of the one event, and random values of their own.
#[diagnostic::on_unimplemented(
    message = "an upcaster leads to `{Self}`, which is no event of `{M}`",
    label = "leads to `{Self}`",
    note = "an upcaster returns the next version in the `history(…)`, a payload such as `BankDeposit`, the event enum, \
            `()`, or an `Option`, a `Vec` or a tuple of these"
)]
pub trait Land<M>: Sized {
    /// Where this is in the history of an event, if it is in one.
    #[doc(hidden)]
    const STANDS: Stands;

    /// Goes on to the end of the chain.
    #[doc(hidden)]
    fn land<S: Sink<M>>(self, at: Landing<'_>, sink: &mut S) -> Result<(), Fault>;
}

/// A version of an event, or none.
#[derive(Clone, Copy, Debug)]
pub enum Stands {
    /// Several, or one that is known only when it comes.
    Open,
    /// This version of this event.
    At(&'static str, u32),
}

/// What is on its way through a chain of upcasters.
#[derive(Clone, Copy, Debug)]
pub struct Landing<'a> {
    pub(crate) recorded: &'a Recorded<'a>,
    /// Which of the event's parts it is.
    pub(crate) part: u32,
}

impl Landing<'_> {
    /// The part of this number, of several that this became.
    ///
    /// A function of the way that led here and of nothing else, so that a journal rewritten halfway draws the same: the
    /// parts of an event are 1, 2, 3 …, parts of parts are numbers beyond.
    fn part(self, number: usize) -> Self {
        let number = number as u32 + 1;
        let part = match self.part {
            0 => number,
            part => {
                let mixed = (u64::from(part) << 32 | u64::from(number)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
                1 << 31 | (mixed >> 33) as u32
            }
        };
        Landing { part, ..self }
    }
}

/// What an upcaster may fail with.
#[diagnostic::on_unimplemented(
    message = "an upcaster fails with an error or a text, and `{Self}` is neither",
    label = "no error",
    note = "implement `std::error::Error` for it; it must be `Send`, `Sync` and `'static` too"
)]
pub trait Failure {
    /// The error.
    fn failure(self) -> UpcastError;
}

#[diagnostic::do_not_recommend]
impl<E: Into<UpcastError>> Failure for E {
    fn failure(self) -> UpcastError {
        self.into()
    }
}

/// Takes what chains end in.
pub trait Sink<M> {
    /// Takes one payload.
    fn take<P: Payload<M>>(&mut self, payload: P, part: u32) -> Result<(), Fault>;
}

/// Ends a chain at a payload of the model.
#[inline]
pub fn take<M, P: Payload<M>, S: Sink<M>>(payload: P, at: Landing<'_>, sink: &mut S) -> Result<(), Fault> {
    sink.take(payload, at.part)
}

/// A past version of the payload `P`, whose step leads somewhere.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is a past version of the command `{P}` and has no upcaster",
    label = "no step leads on from `{Self}`",
    note = "write one, in any module: `#[memimage::upcast] fn …(old: {Self}) -> … {{ … }}`",
    note = "it returns the next version in the `history(…)`, and the last one `{P}`"
)]
pub trait PastVersionOf<P, M> {
    /// Where the next step stands.
    const NEXT: Stands;

    /// What is done with it.
    const PAST: Past<M>;

    /// Takes the step, and those after it.
    fn onward<S: Sink<M>>(self, at: Landing<'_>, sink: &mut S) -> Result<(), Fault>;
}

impl<P, M, T> PastVersionOf<P, M> for T
where
    T: Upcast,
    T::Next: Land<M>,
{
    const NEXT: Stands = <T::Next as Land<M>>::STANDS;
    const PAST: Past<M> = Past::of::<T>();

    #[inline]
    fn onward<S: Sink<M>>(self, at: Landing<'_>, sink: &mut S) -> Result<(), Fault> {
        self.upcast(at.recorded).map_err(Fault::Upcast)?.land(at, sink)
    }
}

/// How a step of a history is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Astray {
    /// It is right.
    No,
    /// It passes over a version.
    Gap,
    /// It leads to the same version, or back.
    Down,
}

/// Judges a step of an event's history: `version` leads to `next`, and `wanted` is the version after it.
pub const fn astray(next: Stands, name: &str, version: u32, wanted: u32) -> Astray {
    match next {
        Stands::At(event, next) if super::row::same(event.as_bytes(), name.as_bytes()) && next != wanted => {
            if next <= version { Astray::Down } else { Astray::Gap }
        }
        _ => Astray::No,
    }
}

impl<M> Land<M> for () {
    const STANDS: Stands = Stands::Open;

    fn land<S: Sink<M>>(self, _: Landing<'_>, _: &mut S) -> Result<(), Fault> {
        Ok(())
    }
}

impl<M, T: Land<M>> Land<M> for Option<T> {
    const STANDS: Stands = T::STANDS;

    fn land<S: Sink<M>>(self, at: Landing<'_>, sink: &mut S) -> Result<(), Fault> {
        self.map_or(Ok(()), |one| one.land(at, sink))
    }
}

impl<M, T: Land<M>> Land<M> for Vec<T> {
    const STANDS: Stands = T::STANDS;

    fn land<S: Sink<M>>(self, at: Landing<'_>, sink: &mut S) -> Result<(), Fault> {
        self.into_iter().enumerate().try_for_each(|(number, one)| one.land(at.part(number), sink))
    }
}

macro_rules! tuples {
    ($(($($part:ident $number:tt),+),)+) => {$(
        impl<M, $($part: Land<M>),+> Land<M> for ($($part,)+) {
            const STANDS: Stands = Stands::Open;

            fn land<S: Sink<M>>(self, at: Landing<'_>, sink: &mut S) -> Result<(), Fault> {
                $(self.$number.land(at.part($number), sink)?;)+
                Ok(())
            }
        }
    )+};
}

tuples! {
    (A 0),
    (A 0, B 1),
    (A 0, B 1, C 2),
    (A 0, B 1, C 2, D 3),
    (A 0, B 1, C 2, D 3, E 4),
    (A 0, B 1, C 2, D 3, E 4, F 5),
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6),
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7),
}
