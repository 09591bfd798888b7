//! A row of the dispatch table: one version of one event, and how it is replayed.

use std::marker::PhantomData;

use serde::de::DeserializeOwned;

use super::payload::{Outcome, Payload};
use super::step::{ValueStep, ValueSteps};
use super::upcast::{Land, Landing, Recorded, Sink, Upcast, UpcastError};
use crate::context::Context;
use crate::shape::{Shape, ShapeRef, ShapeTree};
use crate::value::{Value, ValueError};

/// A row of the dispatch table: one version of one event, and how it is replayed.
pub struct EventType<M> {
    pub(crate) name: &'static str,
    pub(crate) version: u32,
    /// `None` if only the journal knows it.
    pub(crate) shape: Option<ShapeRef>,
    pub(crate) replay: fn(&Stored<'_>, &mut Apply<'_, M>) -> Result<(), Fault>,
    /// How it is recorded anew as what it becomes; `None` for a version that is recorded as it is.
    pub(crate) recast: Option<fn(&Stored<'_>, &mut Recast<M>) -> Result<(), Fault>>,
    /// The steps on values, if no type of this version is kept.
    pub(crate) values: Option<ValueSteps>,
}

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
        }
    }

    /// The row of a past version.
    pub const fn past(name: &'static str, version: u32, past: Past<M>) -> EventType<M> {
        let Past { shape, replay, recast } = past;
        EventType { name, version, shape: Some(shape), replay, recast: Some(recast), values: None }
    }

    /// The row of a past version of which no type is kept: its values are taken over some steps to the type `T`.
    pub const fn values<T: Land<M> + Shape + DeserializeOwned>(
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

/// What is done with a past version.
pub struct Past<M> {
    shape: ShapeRef,
    replay: fn(&Stored<'_>, &mut Apply<'_, M>) -> Result<(), Fault>,
    recast: fn(&Stored<'_>, &mut Recast<M>) -> Result<(), Fault>,
}

impl<M> Past<M> {
    /// Of one that is kept as a type.
    pub(super) const fn of<T: Upcast>() -> Past<M>
    where
        T::Next: Land<M>,
    {
        Past { shape: T::SHAPE, replay: replay_past::<M, T>, recast: recast_past::<M, T> }
    }
}

/// A payload as it is in the journal.
pub(crate) struct Stored<'a> {
    pub(crate) payload: &'a [u8],
    /// The shape it was recorded with.
    pub(crate) shape: &'a ShapeTree,
    pub(crate) recorded: Recorded<'a>,
    pub(crate) part: u32,
    /// What is done with its values, if they are taken further as such.
    pub(crate) values: Option<Upward<'a>>,
}

/// Steps on values, and the shape that they lead to.
#[derive(Clone, Copy)]
pub(crate) struct Upward<'a> {
    pub(crate) steps: &'static [ValueStep],
    pub(crate) target: &'a ShapeTree,
}

impl Stored<'_> {
    fn landing(&self) -> Landing<'_> {
        Landing { recorded: &self.recorded, part: self.part }
    }
}

/// Why an event cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The bytes are no value of the type.
    #[error("it does not decode: {0}")]
    Decode(#[from] postcard::Error),
    /// Bytes were left over.
    #[error("{0} bytes are left over after its last field")]
    Remainder(usize),
    /// The journal's shape does not fit the bytes, so they cannot be read as values.
    #[error("it cannot be read as values: {0}")]
    Value(ValueError),
    /// What a step on values gave is not of the next version's shape.
    #[error("a step on values gave what the next version is not: {0}")]
    Shape(ValueError),
    /// An upcaster failed.
    #[error("an upcaster failed: {0}")]
    Upcast(UpcastError),
    /// The body did not do again what it did.
    #[error("it was {was} when it was recorded and is {now} now", was = word(*.was), now = word(*.now))]
    Outcome {
        /// What became of it.
        was: Outcome,
        /// What would become of it.
        now: Outcome,
    },
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Applied => "applied",
        Outcome::Rejected => "rejected",
    }
}

/// Applies payloads to a model.
pub(crate) struct Apply<'a, M> {
    pub(crate) model: &'a mut M,
    /// Of the part that the record is itself.
    pub(crate) context: &'a Context,
    pub(crate) outcome: Outcome,
}

impl<M> Sink<M> for Apply<'_, M> {
    #[inline]
    fn take<P: Payload<M>>(&mut self, payload: P, part: u32) -> Result<(), Fault> {
        let applied = if part == self.context.part() {
            payload.apply(self.model, self.context).is_ok()
        } else {
            payload.apply(self.model, &self.context.for_part(part)).is_ok()
        };
        let now = if applied { Outcome::Applied } else { Outcome::Rejected };
        if now == self.outcome { Ok(()) } else { Err(Fault::Outcome { was: self.outcome, now }) }
    }
}

/// Encodes payloads as they are recorded now.
pub(crate) struct Recast<M> {
    pub(crate) parts: Vec<RecastPart>,
    model: PhantomData<fn(M)>,
}

/// One payload as it is recorded now.
pub(crate) struct RecastPart {
    /// Its row in the dispatch table.
    pub(crate) row: usize,
    pub(crate) part: u32,
    pub(crate) payload: Vec<u8>,
}

impl<M> Recast<M> {
    pub(crate) fn new() -> Recast<M> {
        Recast { parts: Vec::new(), model: PhantomData }
    }
}

impl<M> Sink<M> for Recast<M> {
    fn take<P: Payload<M>>(&mut self, payload: P, part: u32) -> Result<(), Fault> {
        self.parts.push(RecastPart { row: P::ROW, part, payload: postcard::to_stdvec(&payload)? });
        Ok(())
    }
}

/// Decodes a payload, with nothing left over.
pub(crate) fn decode<T: DeserializeOwned>(payload: &[u8]) -> Result<T, Fault> {
    let (value, rest) = postcard::take_from_bytes(payload)?;
    match rest.len() {
        0 => Ok(value),
        left => Err(Fault::Remainder(left)),
    }
}

fn replay<M, P: Payload<M>>(stored: &Stored<'_>, apply: &mut Apply<'_, M>) -> Result<(), Fault> {
    apply.take(decode::<P>(stored.payload)?, stored.part)
}

fn replay_past<M, T: Upcast>(stored: &Stored<'_>, apply: &mut Apply<'_, M>) -> Result<(), Fault>
where
    T::Next: Land<M>,
{
    past::<M, T, _>(stored, apply)
}

fn recast_past<M, T: Upcast>(stored: &Stored<'_>, recast: &mut Recast<M>) -> Result<(), Fault>
where
    T::Next: Land<M>,
{
    past::<M, T, _>(stored, recast)
}

#[inline]
fn past<M, T: Upcast, S: Sink<M>>(stored: &Stored<'_>, sink: &mut S) -> Result<(), Fault>
where
    T::Next: Land<M>,
{
    let old: T = decode(stored.payload)?;
    old.upcast(&stored.recorded).map_err(Fault::Upcast)?.land(stored.landing(), sink)
}

fn replay_values<M, T: Land<M> + DeserializeOwned>(stored: &Stored<'_>, apply: &mut Apply<'_, M>) -> Result<(), Fault> {
    upward::<T>(stored)?.land(stored.landing(), apply)
}

fn recast_values<M, T: Land<M> + DeserializeOwned>(stored: &Stored<'_>, recast: &mut Recast<M>) -> Result<(), Fault> {
    upward::<T>(stored)?.land(stored.landing(), recast)
}

/// Takes a payload over its steps on values, and makes sure of what they gave before it is decoded.
fn upward<T: DeserializeOwned>(stored: &Stored<'_>) -> Result<T, Fault> {
    let Upward { steps, target } = stored.values.expect("a row of values comes with its steps");
    let mut value = Value::decode(stored.shape, stored.payload).map_err(Fault::Value)?;
    for step in steps {
        value = step(value, &stored.recorded).map_err(Fault::Upcast)?;
    }
    decode(&value.encode(target).map_err(Fault::Shape)?)
}

/// The row of an event in a dispatch table, found while compiling.
///
/// # Panics
///
/// If the table has no such row; in a constant that is a compile error.
pub const fn row_of<M>(events: &[EventType<M>], name: &str, version: u32) -> usize {
    match find(events, name, version) {
        Some(row) => row,
        None => panic!("the command is in a group that its model does not list: `#[model(groups(…))]`"),
    }
}

/// The row of a version of an event, if the table has one.
pub(super) const fn find<M>(events: &[EventType<M>], name: &str, version: u32) -> Option<usize> {
    let mut row = 0;
    while row < events.len() {
        if events[row].version == version && same(events[row].name.as_bytes(), name.as_bytes()) {
            return Some(row);
        }
        row += 1;
    }
    None
}

/// Whether two texts are the same, in a constant.
pub(super) const fn same(a: &[u8], b: &[u8]) -> bool {
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
