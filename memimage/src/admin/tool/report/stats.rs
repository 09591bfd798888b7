//! How many events of which kind, size and hour.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::context::Timestamp;
use crate::error::Error;
use crate::history::LoggedEvent;
use crate::seq::Seq;

/// The number of microseconds in an hour.
const HOUR: u64 = 3_600_000_000;

/// Counts of events. [`EventCounter::stats`] returns them.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct EventStats {
    /// The number of events.
    pub events: u64,
    /// The number of events whose command returned an error.
    pub rejected: u64,
    /// The number of void events.
    pub void: u64,
    /// The number of events that are lost in recorded gaps.
    pub lost: u64,
    /// The bytes of all payloads.
    pub payload_bytes: u64,
    /// The figures of each name and version.
    pub by_event: Vec<EventFigures>,
    /// The number of events whose payload has at most this many bytes, and more than the entry before.
    pub by_size: Vec<Count<u64>>,
    /// The number of events of each hour that has any, by the hour's beginning in UTC.
    pub by_hour: Vec<Count<String>>,
}

/// The figures of the events with one name and version.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct EventFigures {
    /// The recorded name.
    pub name: String,
    /// The recorded version.
    pub version: u32,
    /// The number of events.
    pub events: u64,
    /// The number of events whose command returned an error.
    pub rejected: u64,
    /// The bytes of the payloads.
    pub payload_bytes: u64,
    /// The bytes of the largest payload.
    pub largest: u64,
}

/// A bar of a histogram.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Count<K> {
    /// What the events have in common.
    pub key: K,
    /// The number of events.
    pub events: u64,
}

/// Counts events one by one. Its memory does not depend on their number.
#[derive(Clone, Debug, Default)]
pub struct EventCounter {
    total: EventFigures,
    void: u64,
    lost: u64,
    by_event: BTreeMap<(String, u32), EventFigures>,
    by_size: BTreeMap<u64, u64>,
    by_hour: BTreeMap<u64, u64>,
}

impl EventCounter {
    /// A counter that has counted nothing.
    pub fn new() -> EventCounter {
        EventCounter::default()
    }

    /// Counts the next event of a log, or the events that are lost in a recorded gap. Returns the last event that was counted.
    ///
    /// # Errors
    ///
    /// Returns the error of the log if it is not that of a recorded gap.
    pub fn count(&mut self, next: Result<LoggedEvent, Error>) -> Result<Seq, Error> {
        match next {
            Ok(event) => {
                self.add(&event);
                Ok(event.seq())
            }
            Err(error) => {
                let Some((first, last)) = error.gap() else { return Err(error) };
                self.lost += last.get() - first.get() + 1;
                Ok(last)
            }
        }
    }

    /// Counts an event.
    pub fn add(&mut self, event: &LoggedEvent) {
        let (recorded, len) = (event.recorded(), event.recorded().bytes().len() as u64);
        let key = (recorded.name().to_owned(), recorded.version());
        for figures in [self.by_event.entry(key).or_default(), &mut self.total] {
            figures.events += 1;
            figures.rejected += u64::from(event.is_rejected());
            figures.payload_bytes += len;
            figures.largest = figures.largest.max(len);
        }
        self.void += u64::from(event.is_void());
        *self.by_size.entry(len.max(1).next_power_of_two()).or_default() += 1;
        *self.by_hour.entry(event.time().as_micros() / HOUR).or_default() += 1;
    }

    /// The number of events that were counted.
    pub fn events(&self) -> u64 {
        self.total.events
    }

    /// The counts.
    pub fn stats(&self) -> EventStats {
        let EventFigures { events, rejected, payload_bytes, .. } = self.total;
        let named = |((name, version), figures): (&(String, u32), &EventFigures)| EventFigures {
            name: name.clone(),
            version: *version,
            ..figures.clone()
        };
        let begin = |hour: u64| Timestamp::from_micros(hour * HOUR).to_string();
        EventStats {
            events,
            rejected,
            void: self.void,
            lost: self.lost,
            payload_bytes,
            by_event: self.by_event.iter().map(named).collect(),
            by_size: self.by_size.iter().map(|(&key, &events)| Count { key, events }).collect(),
            by_hour: self.by_hour.iter().map(|(&hour, &events)| Count { key: begin(hour), events }).collect(),
        }
    }
}
