//! A row of the dispatch table: one version of one event, and how it is replayed.

use serde::de::DeserializeOwned;

use super::decode::decode;
use super::name::same;
use super::payload::Payload;
use super::recorded::{Recorded, Upcasting};
use super::replay_error::ReplayError;
use super::replay_target::{Apply, Reencode};
use super::upcast::{EventVersion, IntoEvents, PastVersion};
use super::value_step::{ValueStep, ValueSteps};
use crate::shape::{Shape, ShapeRef, ShapeTree, is_recursive};
use crate::value::{MAX_DEPTH, Value};

/// A row of the dispatch table: one version of one event, and how it is replayed.
pub struct EventType<M> {
    pub(crate) name: &'static str,
    pub(crate) version: u32,
    /// `None` if only the journal knows it.
    pub(crate) shape: Option<ShapeRef>,
    pub(crate) replay: fn(&StoredPayload<'_>, &mut Apply<'_, M>) -> Result<(), ReplayError>,
    /// How it is recorded anew as what it becomes; `None` for a version that is recorded as it is.
    pub(crate) recast: Option<ReencodeFn<M>>,
    /// The steps on values, if no type of this version is kept.
    pub(crate) values: Option<ValueSteps>,
    /// Where the next step leads, if it is a past version.
    pub(crate) next: EventVersion,
}

/// Records a payload anew as what it becomes.
pub(crate) type ReencodeFn<M> = fn(&StoredPayload<'_>, &mut Reencode<M>) -> Result<(), ReplayError>;

impl<M> Clone for EventType<M> {
    fn clone(&self) -> EventType<M> {
        *self
    }
}

impl<M> Copy for EventType<M> {}

impl<M> EventType<M> {
    /// The row of the payload `P`.
    pub const fn of<P: Payload<M>>() -> EventType<M> {
        EventType {
            name: P::NAME,
            version: P::VERSION,
            shape: Some(P::SHAPE),
            replay: replay::<M, P>,
            recast: None,
            values: None,
            next: EventVersion::Open,
        }
    }

    /// The row of a past version that is kept as a type.
    pub const fn past<T: PastVersion<P, M> + Shape + DeserializeOwned, P>(
        name: &'static str,
        version: u32,
    ) -> EventType<M> {
        EventType {
            name,
            version,
            shape: Some(T::SHAPE),
            replay: replay_past::<M, T, P>,
            recast: Some(recast_past::<M, T, P>),
            values: None,
            next: T::CHAIN.version,
        }
    }

    /// The row of a past version of which no type is kept: its values are taken over some steps to the type `T`.
    pub const fn values<T: IntoEvents<M> + Shape + DeserializeOwned>(
        name: &'static str,
        version: u32,
        steps: &'static [ValueStep],
    ) -> EventType<M> {
        EventType {
            name,
            version,
            shape: None,
            replay: replay_values::<M, T>,
            recast: Some(recast_values::<M, T>),
            values: Some(ValueSteps { steps, target: T::SHAPE }),
            next: T::EVENT_VERSION,
        }
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

/// A payload as it is in the journal.
pub(crate) struct StoredPayload<'a> {
    pub(crate) payload: &'a [u8],
    /// The shape it was recorded with.
    pub(crate) shape: &'a ShapeTree,
    pub(crate) recorded: Recorded<'a>,
    pub(crate) part: u32,
    /// What is done with its values, if they are taken further as such.
    pub(crate) values: Option<ValueUpcast<'a>>,
}

/// Steps on values, and the shape that they lead to.
#[derive(Clone, Copy)]
pub(crate) struct ValueUpcast<'a> {
    pub(crate) steps: &'static [ValueStep],
    pub(crate) target: &'a ShapeTree,
}

impl StoredPayload<'_> {
    fn upcasting(&self) -> Upcasting<'_> {
        Upcasting { recorded: &self.recorded, part: self.part, steps: 1 }
    }
}

fn replay<M, P: Payload<M>>(stored: &StoredPayload<'_>, apply: &mut Apply<'_, M>) -> Result<(), ReplayError> {
    apply.take(payload::<P>(stored)?, stored.part)
}

fn replay_past<M, T: PastVersion<P, M> + Shape + DeserializeOwned, P>(
    stored: &StoredPayload<'_>,
    apply: &mut Apply<'_, M>,
) -> Result<(), ReplayError> {
    T::CHAIN.replay(payload(stored)?, stored.upcasting(), &mut apply.target())
}

fn recast_past<M, T: PastVersion<P, M> + Shape + DeserializeOwned, P>(
    stored: &StoredPayload<'_>,
    recast: &mut Reencode<M>,
) -> Result<(), ReplayError> {
    T::CHAIN.replay(payload(stored)?, stored.upcasting(), &mut recast.target())
}

fn replay_values<M, T: IntoEvents<M> + DeserializeOwned>(
    stored: &StoredPayload<'_>,
    apply: &mut Apply<'_, M>,
) -> Result<(), ReplayError> {
    upward::<T>(stored)?.replay_into(stored.upcasting(), &mut apply.target())
}

fn recast_values<M, T: IntoEvents<M> + DeserializeOwned>(
    stored: &StoredPayload<'_>,
    recast: &mut Reencode<M>,
) -> Result<(), ReplayError> {
    upward::<T>(stored)?.replay_into(stored.upcasting(), &mut recast.target())
}

/// Decodes a payload. One of a type that may contain itself is held to the depth of all that is recorded first: bytes that no
/// image wrote must not use up the stack.
fn payload<T: Shape + DeserializeOwned>(stored: &StoredPayload<'_>) -> Result<T, ReplayError> {
    // a level takes a byte at least
    if const { is_recursive(T::SHAPE) }
        && stored.payload.len() > MAX_DEPTH as usize
        && let Err(error) = Value::decode(stored.shape, stored.payload)
        && error.is_too_deep()
    {
        return Err(ReplayError::Value(error));
    }
    decode(stored.payload)
}

/// Takes a payload over its steps on values, and makes sure of what they gave before it is decoded.
fn upward<T: DeserializeOwned>(stored: &StoredPayload<'_>) -> Result<T, ReplayError> {
    let ValueUpcast { steps, target } = stored.values.expect("a row of values comes with its steps");
    let mut value = Value::decode(stored.shape, stored.payload).map_err(ReplayError::Value)?;
    for step in steps {
        value = step(value, &stored.recorded).map_err(ReplayError::Upcast)?;
    }
    decode(&value.encode(target).map_err(ReplayError::Shape)?)
}

/// The row of an event in a dispatch table, found while compiling.
///
/// # Panics
///
/// If the table has no such row; in a constant that is a compile error.
pub const fn row_of<M>(events: &[EventType<M>], name: &str, version: u32) -> usize {
    match find(events, name, version) {
        Some(row) => row,
        None => panic!(
            "the command is in a group that its model does not list; help: add the group to `#[model(groups(…))]`"
        ),
    }
}

/// The row of a version of an event, if the table has one.
pub(super) const fn find<M>(events: &[EventType<M>], name: &str, version: u32) -> Option<usize> {
    let mut row = 0;
    while row < events.len() {
        if events[row].version == version && same(events[row].name, name) {
            return Some(row);
        }
        row += 1;
    }
    None
}
