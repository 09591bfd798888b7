//! The events of an image as they were recorded, read without the program.

use std::fmt;
use std::sync::Arc;

use super::event::{EventKey, HistoryEvent, RecordedEvent};
use super::query::Query;
use super::records::Records;
use super::source::JournalSource;
use crate::context::{Metadata, Timestamp};
use crate::error::Error;
use crate::event::Model;
use crate::journal::{JournalItem, Record, Scan, ShapeTable, StoredRecord, Voids};
use crate::outcome::Outcome;
use crate::recovery::unknown_event_number;
use crate::seq::Seq;

/// An event as it was recorded, read without the program. [`EventLog`] returns it.
#[derive(Clone, Debug)]
pub struct LoggedEvent {
    pub(crate) key: EventKey,
    pub(crate) time: Timestamp,
    pub(crate) outcome: Outcome,
    pub(crate) is_void: bool,
    pub(crate) metadata: Arc<Metadata>,
    pub(crate) recorded: RecordedEvent,
}

impl<M: Model> From<HistoryEvent<M>> for LoggedEvent {
    fn from(event: HistoryEvent<M>) -> LoggedEvent {
        let HistoryEvent { key, time, outcome, is_void, metadata, recorded, .. } = event;
        LoggedEvent { key, time, outcome, is_void, metadata, recorded }
    }
}

/// The events of an image as they were recorded, up to the last one that was durable when the loop began. It reads the journal piece by
/// piece. If events are lost in a [recorded gap](crate::ErrorKind::LostEvents), it returns an error for the gap and then goes on behind
/// it. After any other error, it ends. [`ImageReader::events`](crate::admin::ImageReader::events) returns it.
#[must_use = "a log is read by iterating over it"]
pub struct EventLog {
    source: JournalSource,
    query: Query,
    state: State,
}

enum State {
    Unopened,
    Reading { records: Records, table: Arc<ShapeTable> },
    Ended,
}

impl EventLog {
    pub(crate) fn new(source: JournalSource, query: Query) -> EventLog {
        EventLog { source, query, state: State::Unopened }
    }

    fn advance(&mut self) -> Result<Option<LoggedEvent>, Error> {
        loop {
            match &mut self.state {
                State::Unopened => {
                    self.state = match Records::open(&self.source, &self.query)? {
                        Some((records, table)) => State::Reading { records, table: Arc::new(table) },
                        None => State::Ended,
                    };
                }
                State::Reading { records, table } => match records.next(&self.query)? {
                    Some(JournalItem::Shapes(segment, rows)) => {
                        let mut added = (**table).clone();
                        let result = added.add(rows);
                        result.map_err(|fault| records.scan().segments().corrupt(segment, None, fault.to_string()))?;
                        *table = Arc::new(added);
                    }
                    Some(JournalItem::Record(stored)) => {
                        let event = logged(records.scan(), records.voids(), table, stored)?;
                        if self.query.wants_name(event.recorded.name()) {
                            return Ok(Some(event));
                        }
                    }
                    Some(JournalItem::Gap(_)) => unreachable!("a gap is an error of the records"),
                    None => return Ok(None),
                },
                State::Ended => return Ok(None),
            }
        }
    }
}

impl Iterator for EventLog {
    type Item = Result<LoggedEvent, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.advance().transpose();
        if !next.as_ref().is_some_and(|next| next.as_ref().map_or_else(Error::is_gap, |_| true)) {
            self.state = State::Ended;
        }
        next
    }
}

/// The event of a stored record.
pub(super) fn logged(
    scan: &Scan,
    voids: &Voids,
    table: &Arc<ShapeTable>,
    stored: StoredRecord,
) -> Result<LoggedEvent, Error> {
    let StoredRecord { record, body, segment, hash, .. } = stored;
    let segments = scan.segments();
    let (seq, number) = (record.seq, record.event);
    LoggedEvent::of_record(segments.identity().uuid, table, record, &body, (hash, voids.has(seq)))
        .ok_or_else(|| segments.corrupt(segment, None, unknown_event_number(seq, number)))
}

impl LoggedEvent {
    /// The event of a record in the body of a frame; `None` if the table does not have the event's number. Also needs the hash of the
    /// frame, and whether the event is void.
    pub(crate) fn of_record(
        image: [u8; 16],
        table: &Arc<ShapeTable>,
        record: Record,
        body: &Arc<Vec<u8>>,
        (frame, is_void): (u64, bool),
    ) -> Option<LoggedEvent> {
        table.event(record.event)?;
        let (table, body) = (Arc::clone(table), Arc::clone(body));
        Some(LoggedEvent {
            key: EventKey { image, seq: record.seq, frame, part: record.origin.part },
            time: record.time,
            outcome: record.outcome,
            is_void,
            metadata: Arc::new(record.metadata),
            recorded: RecordedEvent { table, number: record.event, body, payload: record.payload },
        })
    }

    /// The seq of the event.
    pub fn seq(&self) -> Seq {
        self.key.seq
    }

    /// The part, for an event that a rewriting made of another one; 0 otherwise.
    pub fn part(&self) -> u32 {
        self.key.part
    }

    /// The identity of this event among all images and their copies.
    pub fn key(&self) -> EventKey {
        self.key
    }

    /// The recorded time.
    pub fn time(&self) -> Timestamp {
        self.time
    }

    /// Whether the command's body returned an error when it was executed.
    pub fn is_rejected(&self) -> bool {
        self.outcome == Outcome::Rejected
    }

    /// Whether the event was made void, so that replay skips it.
    pub fn is_void(&self) -> bool {
        self.is_void
    }

    /// The metadata of the command: who ran it, and why.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The name, version, shape and arguments.
    pub fn recorded(&self) -> &RecordedEvent {
        &self.recorded
    }
}

impl fmt::Debug for EventLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventLog").field("query", &self.query).finish_non_exhaustive()
    }
}
