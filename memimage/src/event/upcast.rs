//! Upcasting: from what an older program recorded to what this one replays.
//!
//! An upcaster takes the payload of one version to the next and knows nothing of the model. Where a chain of them ends is
//! said by [`Land`]: at a current payload, at several, or at nothing. Past versions are types like any other, so a step
//! that is missing, or that leads astray, is an error of the compiler's; no list is kept anywhere but at the command.

use std::marker::PhantomData;

use super::payload::Outcome;
use super::row::same;
use super::sink::{Fault, Sink};
use crate::context::{Metadata, Timestamp};
use crate::seq::Seq;

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
/// The type keeps the shape that was recorded: it derives `Deserialize` and [`Shape`](crate::Shape) (and, for a model,
/// `Serialize`). There is one step from each past version, and no choice between two.
///
/// A step is one of a [`Course`]: that of a model's events, or of its states. Whether what it leads to has a place there is
/// for the step to know, not for who asks for it: so an open question is one question, and one message of the compiler's.
#[diagnostic::on_unimplemented(
    message = "no upcaster takes the past version `{Self}` further; help: write one, in any module: `#[memimage::upcast] fn \
               …(old: {Self}) -> … {{ … }}`",
    label = "no step leads on from `{Self}`"
)]
pub trait Upcast<Next, C: Course>: Sized {
    /// The way on from there.
    #[doc(hidden)]
    const ARRIVAL: C::Arrival<Next>;

    /// Takes it one step further: to the next version, or to all that a chain may end in ([`Land`]).
    ///
    /// # Errors
    ///
    /// Whatever makes that impossible. The journal is not replayed then, and nothing is changed.
    fn upcast(self, recorded: &Recorded<'_>) -> Result<Next, UpcastError>;
}

/// What past versions lead to in the end: events of a model, or its state.
pub trait Course {
    /// The way on from a version `T`.
    type Arrival<T>;
}

/// The events of the model `M`.
pub struct Events<M>(PhantomData<M>);

impl<M> Course for Events<M> {
    type Arrival<T> = EventArrival<T, M>;
}

/// The way on from what may be an event, or become one.
pub struct EventArrival<T, M> {
    stands: Stands,
    land: fn(T, Landing<'_>, &mut Sink<'_, '_, M>) -> Result<(), Fault>,
}

/// What has a place in a course.
pub trait Arrive<C: Course>: Sized {
    /// The way on from it.
    const ARRIVAL: C::Arrival<Self>;
}

impl<M, T: Land<M>> Arrive<Events<M>> for T {
    const ARRIVAL: EventArrival<T, M> = EventArrival { stands: T::STANDS, land: T::land };
}

/// What an upcaster may lead to: a payload of the model, a past version with a step of its own, the event enum, nothing
/// (`()`), or several of these (`Option`, `Vec`, tuples).
///
/// The parts of what became several have the seq and the time of the one event, and random values of their own.
#[diagnostic::on_unimplemented(
    message = "an upcaster leads to `{Self}`, which is no event of `{M}`; help: return the next version in the `history(…)`, a \
               payload such as `BankDeposit`, the event enum, `()`, or an `Option`, a `Vec` or a tuple of these",
    label = "its upcaster leads to `{Self}`"
)]
pub trait Land<M>: Sized {
    /// Where this is in the history of an event, if it is in one.
    #[doc(hidden)]
    const STANDS: Stands;

    /// Goes on to the end of the chain.
    #[doc(hidden)]
    fn land(self, at: Landing<'_>, sink: &mut Sink<'_, '_, M>) -> Result<(), Fault>;
}

/// A version of an event, or none.
#[derive(Clone, Copy, Debug)]
pub enum Stands {
    /// None, or one that is known only when it comes.
    Open,
    /// This version of this event.
    At(&'static str, u32),
    /// All of these.
    Each(&'static [Stands]),
}

/// What is on its way through a chain of upcasters.
#[derive(Clone, Copy, Debug)]
pub struct Landing<'a> {
    pub(crate) recorded: &'a Recorded<'a>,
    /// Which of the event's parts it is.
    pub(crate) part: u32,
    /// How many steps it has taken.
    pub(crate) steps: u32,
}

/// The most steps in a chain; what takes more goes round in a circle. An image asks for circles before it takes the first
/// step; this bounds what is replayed without one.
const MAX_STEPS: u32 = 1_000;

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

/// A past version of the payload `P`, in the history of a command of the model `M`.
pub trait PastVersion<P, M>: Sized {
    /// Its one step.
    const ONWARD: Onward<Self, M>;
}

/// The step of the past version `T`, and those after it.
pub struct Onward<T, M> {
    pub(super) stands: Stands,
    pub(super) take: fn(T, Landing<'_>, &mut Sink<'_, '_, M>) -> Result<(), Fault>,
}

impl<T, M> Onward<T, M> {
    /// Takes the step.
    ///
    /// # Errors
    ///
    /// As an upcaster on the way says, or a payload at the end.
    #[inline]
    pub fn go(&self, old: T, at: Landing<'_>, sink: &mut Sink<'_, '_, M>) -> Result<(), Fault> {
        (self.take)(old, at, sink)
    }

    /// How the step is wrong, from `version` of the event `name`, if `next` is the version after it.
    pub const fn astray(&self, name: &str, version: u32, next: u32) -> Astray {
        self.stands.astray(name, version, next)
    }
}

impl Stands {
    const fn astray(&self, name: &str, version: u32, next: u32) -> Astray {
        match *self {
            Stands::At(event, stands) if same(event.as_bytes(), name.as_bytes()) && stands != next => {
                if stands <= version { Astray::Down } else { Astray::Gap }
            }
            Stands::Each(parts) => {
                let mut i = 0;
                while i < parts.len() {
                    match parts[i].astray(name, version, next) {
                        Astray::No => i += 1,
                        astray => return astray,
                    }
                }
                Astray::No
            }
            _ => Astray::No,
        }
    }
}

/// A past version of the payload `P`, with its one step. Which that is, the compiler finds: if there are two, it cannot.
#[diagnostic::on_unimplemented(
    message = "no upcaster takes `{Self}`, a past version of `{P}`, further; help: write one, in any module: \
               `#[memimage::upcast] fn …(old: {Self}) -> … {{ … }}`",
    label = "no step leads on from `{Self}`",
    note = "it returns the next version in the `history(…)`, and the last one `{P}`"
)]
pub trait StepOf<P, Next, C: Course>: Upcast<Next, C> {}

impl<T: Upcast<Next, C>, P, Next, C: Course> StepOf<P, Next, C> for T {}

/// Finds the one step of `T`, a past version of the payload `P`.
pub const fn only_step<T: StepOf<P, Next, Events<M>>, Next, P, M>() -> Onward<T, M> {
    Onward {
        stands: T::ARRIVAL.stands,
        take: |old, at, sink| {
            if at.steps == MAX_STEPS {
                return Err(Fault::Circle(MAX_STEPS));
            }
            let next = old.upcast(at.recorded).map_err(Fault::Upcast)?;
            (T::ARRIVAL.land)(next, Landing { steps: at.steps + 1, ..at }, sink)
        },
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

impl<M> Land<M> for () {
    const STANDS: Stands = Stands::Open;

    fn land(self, _: Landing<'_>, _: &mut Sink<'_, '_, M>) -> Result<(), Fault> {
        Ok(())
    }
}

impl<M, T: Land<M>> Land<M> for Option<T> {
    const STANDS: Stands = T::STANDS;

    fn land(self, at: Landing<'_>, sink: &mut Sink<'_, '_, M>) -> Result<(), Fault> {
        self.map_or(Ok(()), |one| one.land(at, sink))
    }
}

impl<M, T: Land<M>> Land<M> for Vec<T> {
    const STANDS: Stands = T::STANDS;

    fn land(self, at: Landing<'_>, sink: &mut Sink<'_, '_, M>) -> Result<(), Fault> {
        self.into_iter().enumerate().try_for_each(|(number, one)| one.land(at.part(number), sink))
    }
}

macro_rules! tuples {
    ($(($($part:ident $number:tt),+),)+) => {$(
        impl<M, $($part: Land<M>),+> Land<M> for ($($part,)+) {
            const STANDS: Stands = Stands::Each(&[$($part::STANDS),+]);

            fn land(self, at: Landing<'_>, sink: &mut Sink<'_, '_, M>) -> Result<(), Fault> {
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
