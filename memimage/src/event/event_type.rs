//! The rows of the dispatch table.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::de::DeserializeOwned;

use super::decode::{StoredPayload, deliver_newest, deliver_past, deliver_values, replay, replay_past, replay_values};
use super::name::same;
use super::payload::{Command, Payload};
use super::replay_error::ReplayError;
use super::replay_target::{Apply, ReplayTarget};
use super::upcast::{EventVersion, IntoEvents, PastVersion};
use super::value_step::{ValueStep, ValueSteps};
use crate::context::Context;
use crate::panics::panic_message;
use crate::shape::{Shape, ShapeRef};

/// A row of the dispatch table: one version of one event, and the function that replays it.
pub struct EventType<M> {
    pub(crate) name: &'static str,
    pub(crate) version: u32,
    /// The payload's shape; `None` if the program has no type for this version.
    pub(crate) shape: Option<ShapeRef>,
    pub(crate) replay: fn(&StoredPayload<'_>, &mut Apply<'_, M>) -> Result<(), ReplayError>,
    /// Delivers a payload at its newest version.
    pub(crate) deliver: DeliverFn<M>,
    /// Runs the check of a command; `None` if the event cannot be executed as a command.
    pub(crate) check: Option<CheckFn<M>>,
    /// Whether this row is a past version, which upcasters convert.
    pub(crate) is_past: bool,
    /// The upcasters on values, if the program has no type for this version.
    pub(crate) values: Option<ValueSteps>,
    /// The event and version to which the upcaster of a past version leads.
    pub(crate) next: EventVersion,
}

/// Upcasts a payload to its newest version, and delivers the result.
pub(crate) type DeliverFn<M> = fn(&StoredPayload<'_>, &mut ReplayTarget<'_, '_, M>) -> Result<(), ReplayError>;

/// Runs the check of a command on its payload. Returns the refusal as a text.
pub(crate) type CheckFn<M> = fn(&dyn Any, &M, &Context) -> Result<(), String>;

impl<M> Clone for EventType<M> {
    fn clone(&self) -> EventType<M> {
        *self
    }
}

impl<M> Copy for EventType<M> {}

impl<M> EventType<M> {
    /// The row of the command with the payload `P`.
    pub const fn command<P: Command<M>>() -> EventType<M> {
        EventType { check: Some(check::<M, P>), ..EventType::of::<P>() }
    }

    /// The row of the payload `P`, whose event is only replayed.
    pub const fn of<P: Payload<M>>() -> EventType<M> {
        EventType {
            name: P::NAME,
            version: P::VERSION,
            shape: Some(P::SHAPE),
            replay: replay::<M, P>,
            deliver: deliver_newest::<M, P>,
            check: None,
            is_past: false,
            values: None,
            next: EventVersion::Open,
        }
    }

    /// The row of a past version for which the program has a type.
    pub const fn past<T: PastVersion<P, M> + Shape + DeserializeOwned, P>(
        name: &'static str,
        version: u32,
    ) -> EventType<M> {
        EventType {
            name,
            version,
            shape: Some(T::SHAPE),
            replay: replay_past::<M, T, P>,
            deliver: deliver_past::<M, T, P>,
            check: None,
            is_past: true,
            values: None,
            next: T::CHAIN.version,
        }
    }

    /// The row of a past version for which the program has no type. Upcasters on values convert the recorded payload to the
    /// type `T`.
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
            deliver: deliver_values::<M, T>,
            check: None,
            is_past: true,
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

/// Runs the check of a command. A panic is a refusal too: a live call would fail, and nothing would be recorded.
fn check<M, P: Command<M>>(payload: &dyn Any, model: &M, context: &Context) -> Result<(), String> {
    let payload = payload.downcast_ref::<P>().expect("the payload of this row");
    match catch_unwind(AssertUnwindSafe(|| payload.check_text(model, context))) {
        Ok(verdict) => verdict,
        Err(panic) => Err(format!("its check panicked: {}", panic_message(panic))),
    }
}

/// Returns the index of an event's row in a dispatch table, at compile time.
///
/// # Panics
///
/// Panics if the table has no such row; in a constant, this is a compile error.
pub const fn row_of<M>(events: &[EventType<M>], name: &str, version: u32) -> usize {
    match find(events, name, version) {
        Some(row) => row,
        None => panic!(
            "the command is in a group that its model does not list; help: add the group to `#[model(groups(…))]`"
        ),
    }
}

/// The index of an event version's row; `None` if the table has no such row.
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
