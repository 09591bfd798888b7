//! Upcasting takes payloads that an older program recorded, and converts them into payloads that this program replays.
//!
//! An upcaster converts a payload of one version into a payload of the next version, without access to the model.
//! [`IntoEvents`] defines where a chain of upcasters may end: at one current payload, at several, or at none. Past versions are
//! ordinary types, so the compiler reports an upcaster that is missing or leads to a wrong version. The past versions of a
//! command are listed only in the command's `history(…)`. [`decode`](super::decode) decodes an old event and starts its chain
//! of upcasters.

use std::marker::PhantomData;

use super::name::same;
use super::recorded::{Recorded, UpcastError, Upcasting};
use super::replay_error::ReplayError;
use super::replay_target::ReplayTarget;

/// A past version of a payload or of a model, and its upcaster. `#[memimage::upcast]` implements this trait.
///
/// The type has the recorded shape: it derives `Deserialize` and [`Shape`](crate::Shape) (and, for a model, `Serialize`). Each
/// past version has exactly one upcaster.
///
/// `C` is the upcaster's [`UpcastGoal`]: the events of a model, or its states. The generated impl requires that `Next` is an
/// [`UpcastTarget`] of this goal, so a wrong return type causes one compile error, and not one error for each use of the impl.
#[diagnostic::on_unimplemented(
    message = "no upcaster for the past version `{Self}`; help: write an upcaster in any module: `#[memimage::upcast] fn \
               …(old: {Self}) -> … {{ … }}`",
    label = "no upcaster takes `{Self}`"
)]
pub trait Upcast<Next, C: UpcastGoal>: Sized {
    /// The functions that process the upcaster's result.
    #[doc(hidden)]
    const TARGET: C::Target<Next>;

    /// Converts the past version to the next version, or to a result that ends the chain ([`IntoEvents`]).
    ///
    /// # Errors
    ///
    /// Returns any error of the upcaster. If an upcaster returns an error, the journal is not replayed, and no file is changed.
    fn upcast(self, recorded: &Recorded<'_>) -> Result<Next, UpcastError>;
}

/// The goal of a chain of upcasters: the events of a model, or its state.
pub trait UpcastGoal {
    /// The type of `Upcast::TARGET` for an upcaster that returns a `T`.
    type Target<T>;
}

/// The [`UpcastGoal`] for past versions of the events of the model `M`.
pub struct Events<M>(PhantomData<M>);

impl<M> UpcastGoal for Events<M> {
    type Target<T> = EventTarget<T, M>;
}

/// The [`UpcastGoal::Target`] of [`Events`], for an upcaster that returns a `T`.
pub struct EventTarget<T, M> {
    version: EventVersion,
    replay: fn(T, Upcasting<'_>, &mut ReplayTarget<'_, '_, M>) -> Result<(), ReplayError>,
}

/// A type that an upcaster with the goal `C` may return.
pub trait UpcastTarget<C: UpcastGoal>: Sized {
    /// The functions that process a result of this type.
    const TARGET: C::Target<Self>;
}

impl<M, T: IntoEvents<M>> UpcastTarget<Events<M>> for T {
    const TARGET: EventTarget<T, M> = EventTarget { version: T::EVENT_VERSION, replay: T::replay_into };
}

/// A type that an upcaster may return: a payload of the model, a past version with an upcaster of its own, the event enum,
/// nothing (`()`), or several of these (`Option`, `Vec`, tuples).
///
/// If an upcaster returns several parts, each part has the seq and the time of the one recorded event, but draws its own random
/// values.
#[diagnostic::on_unimplemented(
    message = "an upcaster returns `{Self}`, which is not an event of `{M}`; help: return the next version in the `history(…)`, \
               a payload such as `BankDeposit`, the event enum, `()`, or an `Option`, a `Vec` or a tuple of these",
    label = "its upcaster returns `{Self}`"
)]
pub trait IntoEvents<M>: Sized {
    /// The event and version of this type, if they are known at compile time.
    #[doc(hidden)]
    const EVENT_VERSION: EventVersion;

    /// Runs the rest of the chain, and delivers the resulting payloads to `target`.
    #[doc(hidden)]
    fn replay_into(self, at: Upcasting<'_>, target: &mut ReplayTarget<'_, '_, M>) -> Result<(), ReplayError>;
}

/// The event and version to which an upcaster leads.
#[derive(Clone, Copy, Debug)]
pub enum EventVersion {
    /// The upcaster leads to no event, or to an event that is known only at run time.
    Open,
    /// The event with this name, in this version.
    At(&'static str, u32),
    /// Several parts, each of which leads to an event and version of its own.
    Each(&'static [EventVersion]),
}

/// The maximum length of a chain. A longer chain is treated as a cycle. An image searches for cycles before it replays, so only
/// a replay without an image can reach this limit.
const MAX_STEPS: u32 = 1_000;

/// The error type of an upcaster.
#[diagnostic::on_unimplemented(
    message = "an upcaster cannot return `{Self}` as an error; help: implement `std::error::Error` for it, or return a string",
    label = "not an error",
    note = "the error must also be `Send`, `Sync` and `'static`"
)]
pub trait UpcastFailure {
    /// Converts the error that an upcaster returned to an `UpcastError`.
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
    /// The upcaster of this past version, and all upcasters after it.
    const CHAIN: UpcastChain<Self, M>;
}

/// The upcaster of the past version `T`, and all upcasters after it.
pub struct UpcastChain<T, M> {
    pub(super) version: EventVersion,
    pub(super) replay: fn(T, Upcasting<'_>, &mut ReplayTarget<'_, '_, M>) -> Result<(), ReplayError>,
}

impl<T, M> UpcastChain<T, M> {
    /// Upcasts `old`, and delivers the resulting payloads to `target`.
    ///
    /// # Errors
    ///
    /// Returns the error of an upcaster or of the target.
    #[inline]
    pub fn replay(&self, old: T, at: Upcasting<'_>, target: &mut ReplayTarget<'_, '_, M>) -> Result<(), ReplayError> {
        (self.replay)(old, at, target)
    }

    /// Checks the upcaster of version `version` of the event `name`: if the upcaster leads to this event, it must lead to
    /// version `next`. Returns the error, or [`HistoryError::None`].
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
                        error => return error,
                    }
                }
                HistoryError::None
            }
            _ => HistoryError::None,
        }
    }
}

/// A past version of the payload `P`, with its upcaster. The compiler infers `Next`, and reports an error if the type has two
/// upcasters.
#[diagnostic::on_unimplemented(
    message = "no upcaster for `{Self}`, a past version of `{P}`; help: write an upcaster in any module: \
               `#[memimage::upcast] fn …(old: {Self}) -> … {{ … }}`",
    label = "no upcaster takes `{Self}`",
    note = "an upcaster returns the next version in the `history(…)`, and the last upcaster returns `{P}`"
)]
pub trait StepOf<P, Next, C: UpcastGoal>: Upcast<Next, C> {}

impl<T: Upcast<Next, C>, P, Next, C: UpcastGoal> StepOf<P, Next, C> for T {}

/// Takes the place of the payload type of a retired event, which has no command and therefore no payload type.
pub struct Retired;

/// A past version of a retired event, with its upcaster.
#[diagnostic::on_unimplemented(
    message = "no upcaster for `{Self}`, a past version of a retired event; help: write an upcaster in any module: \
               `#[memimage::upcast] fn …(old: {Self}) -> … {{ … }}`",
    label = "no upcaster takes `{Self}`",
    note = "an upcaster returns the next version in the `history(…)`, and the last upcaster returns another event, or `()` to drop the \
            event"
)]
pub trait StepOfRetired<Next, C: UpcastGoal>: Upcast<Next, C> {}

impl<T: Upcast<Next, C>, Next, C: UpcastGoal> StepOfRetired<Next, C> for T {}

/// Finds the only upcaster of `T`, a past version of the payload `P`.
pub const fn only_step<T: StepOf<P, Next, Events<M>>, Next, P, M>() -> UpcastChain<T, M> {
    chain()
}

/// Finds the only upcaster of `T`, a past version of a retired event.
pub const fn only_retired_step<T: StepOfRetired<Next, Events<M>>, Next, M>() -> UpcastChain<T, M> {
    chain()
}

const fn chain<T: Upcast<Next, Events<M>>, Next, M>() -> UpcastChain<T, M> {
    UpcastChain {
        version: T::TARGET.version,
        replay: |old, at, target| {
            if at.steps == MAX_STEPS {
                return Err(ReplayError::Cycle(MAX_STEPS));
            }
            let next = old.upcast(at.recorded).map_err(ReplayError::Upcast)?;
            (T::TARGET.replay)(next, Upcasting { steps: at.steps + 1, ..at }, target)
        },
    }
}

/// The error for an upcaster that does not lead to the next version in its history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HistoryError {
    /// No error.
    None,
    /// The upcaster skips a version.
    Gap,
    /// The upcaster leads to the same version, or to an older one.
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
