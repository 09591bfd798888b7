//! Hands recorded events to the handlers of a projection.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::event_info::EventInfo;
use super::projector::{EventHandler, Projector};
use crate::error::{Error, ProjectionFault};
use crate::event::{Commands, DeliveredPayload};
use crate::history::{EventKey, deliver};
use crate::journal::{Scan, StoredRecord};
use crate::outcome::Outcome;
use crate::panics::panic_message;
use crate::recovery::{Dispatch, ReplayAction, unknown_event_number};

/// The handlers of a projection, by the rows of its model's dispatch table.
pub(super) struct Handlers<P: Projector> {
    /// For each row, the handlers of applied and of rejected events.
    rows: Vec<ByOutcome<Option<&'static EventHandler<P>>>>,
    /// Whether any event with this outcome has a handler.
    has: ByOutcome<bool>,
}

/// A value for applied events, and one for rejected events.
#[derive(Clone, Copy, Default)]
struct ByOutcome<T> {
    applied: T,
    rejected: T,
}

impl<T: Copy> ByOutcome<T> {
    fn get(&self, outcome: Outcome) -> T {
        match outcome {
            Outcome::Applied => self.applied,
            Outcome::Rejected => self.rejected,
        }
    }
}

impl<P: Projector> Handlers<P> {
    pub(super) fn new() -> Handlers<P> {
        let none = ByOutcome { applied: None, rejected: None };
        let mut rows = vec![none; <P::Model as Commands>::EVENTS.len()];
        let mut has = ByOutcome::default();
        for handler in P::HANDLERS {
            let (row, has) = match handler.is_rejected {
                false => (&mut rows[handler.row].applied, &mut has.applied),
                true => (&mut rows[handler.row].rejected, &mut has.rejected),
            };
            (*row, *has) = (Some(handler), true);
        }
        Handlers { rows, has }
    }

    /// Hands an event to its handler. Upcasters may convert the event to several, each of which has its own handler, or to none.
    ///
    /// # Errors
    ///
    /// Returns an error if the event cannot be delivered or a handler panics. The event may then be half handled.
    pub(super) fn handle(
        &self,
        projection: &mut P,
        scan: &Scan,
        dispatch: &Dispatch,
        stored: &StoredRecord,
    ) -> Result<(), Error> {
        let record = &stored.record;
        let Some(action) = dispatch.action(record.event, <P::Model as Commands>::EVENTS) else {
            let what = unknown_event_number(record.seq, record.event);
            return Err(scan.segments().corrupt(stored.segment, None, what));
        };
        let ReplayAction::Event(route) = action else { return Ok(()) };
        // an upcaster of a past version can lead to any event
        let is_handled = match route.event.is_past {
            true => self.has.get(record.outcome),
            false => self.rows[route.row].get(record.outcome).is_some(),
        };
        if !is_handled {
            return Ok(());
        }
        let image = scan.segments().identity().uuid;
        let mut panicked = None;
        let delivered = deliver::<P::Model>(route, stored, |DeliveredPayload { row, part, payload }| {
            let Some(handler) = self.rows[row].get(record.outcome).filter(|_| panicked.is_none()) else { return };
            let key = EventKey { image, seq: record.seq, frame: stored.hash, part };
            let info = EventInfo { key, time: record.time, outcome: record.outcome, metadata: &record.metadata };
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (handler.run)(projection, payload, &info))) {
                panicked = Some((row, panic_message(panic)));
            }
        });
        if let Some((row, message)) = panicked {
            let event = <P::Model as Commands>::EVENTS[row].name();
            return Err(ProjectionFault::Panicked { name: P::NAME, seq: record.seq, event, message }.into());
        }
        delivered
    }
}
