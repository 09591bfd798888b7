//! Converts records to events of the program, at their newest version.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::event::{EventKey, HistoryEvent, RecordedEvent};
use crate::error::{Error, ErrorDetail};
use crate::event::{DeliveredPayload, Delivery, Event as _, Model, Recorded, ReplayError, StoredPayload};
use crate::journal::{Scan, StoredRecord, Voids};
use crate::panics::panic_message;
use crate::recovery::{FollowedDispatch, ReplayAction, ReplayRoute, replay_fault, unknown_event_number};

/// Appends the events that a record stands for. A record that upcasters drop, or that is void, gives one entry without an event.
pub(super) fn push_events<M: Model>(
    dispatch: &FollowedDispatch,
    scan: &Scan,
    voids: &Voids,
    stored: &StoredRecord,
    events: &mut VecDeque<HistoryEvent<M>>,
) -> Result<(), Error> {
    let StoredRecord { record, body, segment, hash, .. } = stored;
    let Some(action) = dispatch.get().action(record.event, M::EVENTS) else {
        return Err(scan.segments().corrupt(*segment, None, unknown_event_number(record.seq, record.event)));
    };
    let is_void = voids.has(record.seq);
    let parts = match action {
        ReplayAction::Event(route) if !is_void => typed_parts::<M>(route, stored)?,
        _ => Vec::new(),
    };
    let metadata = Arc::new(record.metadata.clone());
    let entry = |part, event, is_last_part| HistoryEvent {
        key: EventKey { image: scan.segments().identity().uuid, seq: record.seq, frame: *hash, part },
        time: record.time,
        outcome: record.outcome,
        is_void,
        metadata: Arc::clone(&metadata),
        event,
        recorded: RecordedEvent {
            table: Arc::clone(dispatch.table()),
            number: record.event,
            body: Arc::clone(body),
            payload: record.payload.clone(),
        },
        frame: *hash,
        is_last_part,
    };
    if parts.is_empty() {
        events.push_back(entry(record.origin.part, None, true));
    }
    let count = parts.len();
    let entries = parts.into_iter().enumerate();
    events.extend(entries.map(|(index, (part, event))| entry(part, Some(event), index + 1 == count)));
    Ok(())
}

/// Runs the upcasters, and returns the resulting events with their parts.
fn typed_parts<M: Model>(route: ReplayRoute<'_, M>, stored: &StoredRecord) -> Result<Vec<(u32, M::Event)>, Error> {
    let mut parts = Vec::with_capacity(1);
    deliver(route, stored, |DeliveredPayload { part, payload, .. }| {
        parts.push((part, M::Event::take(payload).expect("the event enum has a variant for each payload")));
    })?;
    Ok(parts)
}

/// Runs the upcasters, and hands each resulting payload to `receive`.
pub(crate) fn deliver<M: Model>(
    route: ReplayRoute<'_, M>,
    stored: &StoredRecord,
    mut receive: impl FnMut(DeliveredPayload<'_>),
) -> Result<(), Error> {
    let ReplayRoute { event, shape, values, .. } = route;
    let record = &stored.record;
    let (origin, time, outcome) = (record.origin, record.time, record.outcome);
    let recorded = Recorded { seq: origin.seq, time, metadata: &record.metadata, outcome };
    let payload = StoredPayload { payload: stored.payload(), shape, recorded, part: origin.part, values };
    let mut receive = |delivered: DeliveredPayload<'_>| {
        receive(delivered);
        Ok(())
    };
    let mut delivery = Delivery::new(&mut receive);
    let upcast = catch_unwind(AssertUnwindSafe(|| (event.deliver)(&payload, &mut delivery.target())));
    let fault = match upcast {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(fault)) => return Err(replay_fault(event, record.seq, &fault)),
        Err(panic) => {
            let what = format!("its decoding panicked: {}", panic_message(panic));
            (what, ReplayError::help_for_panic(event.is_past))
        }
    };
    let ((what, help), (name, version)) = (fault, (event.name.to_owned(), event.version));
    Err(Error::new(ErrorDetail::Replay { seq: record.seq, name, version, what, help }))
}
