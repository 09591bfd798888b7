//! Upcasting: from what an older program recorded to what this one replays.
//!
//! An upcaster takes the payload of one version to the next and knows nothing of the model. Where a chain of them ends is
//! said by [`IntoEvents`]: at a current payload, at several, or at nothing. Past versions are types like any other, so a step
//! that is missing, or that leads history_error, is an error of the compiler's; no list is kept anywhere but at the command.

use std::marker::PhantomData;

use super::name::same;
use super::recorded::{Recorded, UpcastError, Upcasting};
use super::replay_error::ReplayError;
use super::replay_target::ReplayTarget;

/// A past version of a payload, or of a model, and its step to the next one. `#[memimage::upcast]` implements it.
///
/// The type keeps the shape that was recorded: it derives `Deserialize` and [`Shape`](crate::Shape) (and, for a model,
/// `Serialize`). There is one step from each past version, and no choice between two.
///
/// A step is one of a [`UpcastGoal`]: that of a model's events, or of its states. Whether what it leads to has a place there is
/// for the step to know, not for who asks for it: so an open question is one question, and one message of the compiler's.
#[diagnostic::on_unimplemented(
    message = "no upcaster for the past version `{Self}`; help: write one, in any module: `#[memimage::upcast] fn \
               …(old: {Self}) -> … {{ … }}`",
    label = "no upcaster takes `{Self}`"
)]
pub trait Upcast<Next, C: UpcastGoal>: Sized {
    /// The way on from there.
    #[doc(hidden)]
    const TARGET: C::Target<Next>;

    /// Takes it one step further: to the next version, or to all that a chain may end in ([`IntoEvents`]).
    ///
    /// # Errors
    ///
    /// Whatever makes that impossible. The journal is not replayed then, and nothing is changed.
    fn upcast(self, recorded: &Recorded<'_>) -> Result<Next, UpcastError>;
}

/// What past versions lead to in the end: events of a model, or its state.
pub trait UpcastGoal {
    /// The way on from a version `T`.
    type Target<T>;
}

/// The events of the model `M`.
pub struct Events<M>(PhantomData<M>);

impl<M> UpcastGoal for Events<M> {
    type Target<T> = EventTarget<T, M>;
}

/// The way on from what may be an event, or become one.
pub struct EventTarget<T, M> {
    version: EventVersion,
    replay: fn(T, Upcasting<'_>, &mut ReplayTarget<'_, '_, M>) -> Result<(), ReplayError>,
}

/// What has a place in a course.
pub trait UpcastTarget<C: UpcastGoal>: Sized {
    /// The way on from it.
    const TARGET: C::Target<Self>;
}

impl<M, T: IntoEvents<M>> UpcastTarget<Events<M>> for T {
    const TARGET: EventTarget<T, M> = EventTarget { version: T::EVENT_VERSION, replay: T::replay_into };
}

/// What an upcaster may lead to: a payload of the model, a past version with a step of its own, the event enum, nothing
/// (`()`), or several of these (`Option`, `Vec`, tuples).
///
/// The parts of what became several have the seq and the time of the one event, and random values of their own.
#[diagnostic::on_unimplemented(
    message = "an upcaster returns `{Self}`, which is not an event of `{M}`; help: return the next version in the `history(…)`, \
               a \
               payload such as `BankDeposit`, the event enum, `()`, or an `Option`, a `Vec` or a tuple of these",
    label = "its upcaster returns `{Self}`"
)]
pub trait IntoEvents<M>: Sized {
    /// Where this is in the history of an event, if it is in one.
    #[doc(hidden)]
    const EVENT_VERSION: EventVersion;

    /// Goes on to the end of the chain.
    #[doc(hidden)]
    fn replay_into(self, at: Upcasting<'_>, target: &mut ReplayTarget<'_, '_, M>) -> Result<(), ReplayError>;
}

/// A version of an event, or none.
#[derive(Clone, Copy, Debug)]
pub enum EventVersion {
    /// None, or one that is known only when it comes.
    Open,
    /// This version of this event.
    At(&'static str, u32),
    /// All of these.
    Each(&'static [EventVersion]),
}

/// The most steps in a chain; what takes more goes round in a circle. An image asks for circles before it takes the first
/// step; this bounds what is replayed without one.
const MAX_STEPS: u32 = 1_000;

/// What an upcaster may fail with.
#[diagnostic::on_unimplemented(
    message = "an upcaster cannot return `{Self}` as an error; help: implement `std::error::Error` for it, or return a text",
    label = "not an error",
    note = "the error must also be `Send`, `Sync` and `'static`"
)]
pub trait UpcastFailure {
    /// The error.
    fn failure(self) -> UpcastError;
}

#[diagnostic::do_not_recommend]
impl<E: Into<UpcastError>> UpcastFailure for E {
    fn failure(self) -> UpcastError {
        self.into()
    }
}

/// A past version of the payload `P`, in the history of a command of the model `M`.
pub trait PastVersion<P, M>: Sized {
    /// Its one step.
    const CHAIN: UpcastChain<Self, M>;
}

/// The step of the past version `T`, and those after it.
pub struct UpcastChain<T, M> {
    pub(super) version: EventVersion,
    pub(super) replay: fn(T, Upcasting<'_>, &mut ReplayTarget<'_, '_, M>) -> Result<(), ReplayError>,
}

impl<T, M> UpcastChain<T, M> {
    /// Takes the step.
    ///
    /// # Errors
    ///
    /// As an upcaster on the way says, or a payload at the end.
    #[inline]
    pub fn replay(&self, old: T, at: Upcasting<'_>, target: &mut ReplayTarget<'_, '_, M>) -> Result<(), ReplayError> {
        (self.replay)(old, at, target)
    }

    /// How the step is wrong, from `version` of the event `name`, if `next` is the version after it.
    pub const fn history_error(&self, name: &str, version: u32, next: u32) -> HistoryError {
        self.version.history_error(name, version, next)
    }
}

impl EventVersion {
    const fn history_error(&self, name: &str, version: u32, next: u32) -> HistoryError {
        match *self {
            EventVersion::At(event, found) if same(event, name) && found != next => {
                if found <= version {
                    HistoryError::Backward
                } else {
                    HistoryError::Gap
                }
            }
            EventVersion::Each(parts) => {
                let mut i = 0;
                while i < parts.len() {
                    match parts[i].history_error(name, version, next) {
                        HistoryError::None => i += 1,
                        history_error => return history_error,
                    }
                }
                HistoryError::None
            }
            _ => HistoryError::None,
        }
    }
}

/// A past version of the payload `P`, with its one step. Which that is, the compiler finds: if there are two, it cannot.
#[diagnostic::on_unimplemented(
    message = "no upcaster for `{Self}`, a past version of `{P}`; help: write one, in any module: \
               `#[memimage::upcast] fn …(old: {Self}) -> … {{ … }}`",
    label = "no upcaster takes `{Self}`",
    note = "it returns the next version in the `history(…)`, and the last upcaster returns `{P}`"
)]
pub trait StepOf<P, Next, C: UpcastGoal>: Upcast<Next, C> {}

impl<T: Upcast<Next, C>, P, Next, C: UpcastGoal> StepOf<P, Next, C> for T {}

/// Stands for the payload of a retired event, which no command has any more.
pub struct Retired;

/// A past version of a retired event, with its one step.
#[diagnostic::on_unimplemented(
    message = "no upcaster for `{Self}`, a past version of a retired event; help: write one, in any module: \
               `#[memimage::upcast] fn …(old: {Self}) -> … {{ … }}`",
    label = "no upcaster takes `{Self}`",
    note = "it returns the next version in the `history(…)`, and the last upcaster returns another event, or `()` to drop the \
            event"
)]
pub trait StepOfRetired<Next, C: UpcastGoal>: Upcast<Next, C> {}

impl<T: Upcast<Next, C>, Next, C: UpcastGoal> StepOfRetired<Next, C> for T {}

/// Finds the one step of `T`, a past version of the payload `P`.
pub const fn only_step<T: StepOf<P, Next, Events<M>>, Next, P, M>() -> UpcastChain<T, M> {
    chain()
}

/// Finds the one step of `T`, a past version of a retired event.
pub const fn only_retired_step<T: StepOfRetired<Next, Events<M>>, Next, M>() -> UpcastChain<T, M> {
    chain()
}

const fn chain<T: Upcast<Next, Events<M>>, Next, M>() -> UpcastChain<T, M> {
    UpcastChain {
        version: T::TARGET.version,
        replay: |old, at, target| {
            if at.steps == MAX_STEPS {
                return Err(ReplayError::Circle(MAX_STEPS));
            }
            let next = old.upcast(at.recorded).map_err(ReplayError::Upcast)?;
            (T::TARGET.replay)(next, Upcasting { steps: at.steps + 1, ..at }, target)
        },
    }
}

/// How a step of a history is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HistoryError {
    /// It is right.
    None,
    /// It passes over a version.
    Gap,
    /// It leads to the same version, or back.
    Backward,
}

impl<M> IntoEvents<M> for () {
    const EVENT_VERSION: EventVersion = EventVersion::Open;

    fn replay_into(self, _: Upcasting<'_>, _: &mut ReplayTarget<'_, '_, M>) -> Result<(), ReplayError> {
        Ok(())
    }
}

impl<M, T: IntoEvents<M>> IntoEvents<M> for Option<T> {
    const EVENT_VERSION: EventVersion = T::EVENT_VERSION;

    fn replay_into(self, at: Upcasting<'_>, target: &mut ReplayTarget<'_, '_, M>) -> Result<(), ReplayError> {
        self.map_or(Ok(()), |one| one.replay_into(at, target))
    }
}

impl<M, T: IntoEvents<M>> IntoEvents<M> for Vec<T> {
    const EVENT_VERSION: EventVersion = T::EVENT_VERSION;

    fn replay_into(self, at: Upcasting<'_>, target: &mut ReplayTarget<'_, '_, M>) -> Result<(), ReplayError> {
        self.into_iter().enumerate().try_for_each(|(number, one)| one.replay_into(at.part(number), target))
    }
}

macro_rules! tuples {
    ($(($($part:ident $number:tt),+),)+) => {$(
        impl<M, $($part: IntoEvents<M>),+> IntoEvents<M> for ($($part,)+) {
            const EVENT_VERSION: EventVersion = EventVersion::Each(&[$($part::EVENT_VERSION),+]);

            fn replay_into(self, at: Upcasting<'_>, target: &mut ReplayTarget<'_, '_, M>) -> Result<(), ReplayError> {
                $(self.$number.replay_into(at.part($number), target)?;)+
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
