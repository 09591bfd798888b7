//! The events of an image as they were recorded, read without the program.

use std::sync::Arc;

use super::event::{EventKey, RecordedEvent};
use super::query::Query;
use super::records::Records;
use super::source::JournalSource;
use crate::context::{Metadata, Timestamp};
use crate::error::Error;
use crate::journal::{JournalItem, ShapeTable, StoredRecord};
use crate::outcome::Outcome;
use crate::recovery::unknown_event_number;
use crate::seq::Seq;

/// An event as it was recorded.
#[derive(Clone, Debug)]
pub(crate) struct LoggedEvent {
    pub(crate) key: EventKey,
    pub(crate) time: Timestamp,
    pub(crate) outcome: Outcome,
    pub(crate) is_void: bool,
    pub(crate) metadata: Arc<Metadata>,
    pub(crate) recorded: RecordedEvent,
}

/// The events that a query selects, up to the last one that was durable when the reader was created. If events are lost
/// in a recorded gap, the reader returns an error for the gap and then goes on behind it. After any other error, it ends.
pub(crate) struct EventLog {
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
                    let durable = self.source.durable("history")?;
                    self.state = match Records::open(&self.source, &self.query, durable)? {
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
                        let event = logged(records, table, stored)?;
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

fn logged(records: &Records, table: &Arc<ShapeTable>, stored: StoredRecord) -> Result<LoggedEvent, Error> {
    let StoredRecord { record, body, segment, hash, .. } = stored;
    let segments = records.scan().segments();
    if table.event(record.event).is_none() {
        return Err(segments.corrupt(segment, None, unknown_event_number(record.seq, record.event)));
    }
    let recorded = RecordedEvent { table: Arc::clone(table), number: record.event, body, payload: record.payload };
    Ok(LoggedEvent {
        key: EventKey { image: segments.identity().uuid, seq: record.seq, frame: hash, part: record.origin.part },
        time: record.time,
        outcome: record.outcome,
        is_void: records.voids().has(record.seq),
        metadata: Arc::new(record.metadata),
        recorded,
    })
}

impl LoggedEvent {
    pub(crate) fn seq(&self) -> Seq {
        self.key.seq
    }

    pub(crate) fn is_rejected(&self) -> bool {
        self.outcome == Outcome::Rejected
    }
}
