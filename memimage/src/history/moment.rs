//! A moment of the history: an event, or a time.

use crate::context::Timestamp;
use crate::error::{Error, ErrorDetail};
use crate::recovery::OpenedJournal;
use crate::seq::Seq;

/// A moment of the history: after an event, or at a time. [`Seq`] and [`Timestamp`] convert to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// After this event; 0 is the state before the first event.
    Seq(Seq),
    /// At this time: after the last event, in the order of the journal, that was recorded at or before it. If recorded time was
    /// [set back](crate::Admin::correct_time), an earlier event can have a later time.
    Time(Timestamp),
}

impl From<Seq> for Moment {
    fn from(seq: Seq) -> Moment {
        Moment::Seq(seq)
    }
}

impl From<Timestamp> for Moment {
    fn from(time: Timestamp) -> Moment {
        Moment::Time(time)
    }
}

impl Moment {
    /// The last event before this moment in a journal whose events up to `durable` are durable.
    ///
    /// # Errors
    ///
    /// Returns an error if the journal has no state for this moment: it lies before the image was created, or in the future, or
    /// the events before it were pruned.
    pub(crate) fn resolve(self, journal: &OpenedJournal, durable: Seq) -> Result<Seq, Error> {
        let path = journal.layout().root().to_owned();
        let seq = match self {
            Moment::Seq(seq) if seq > durable => {
                return Err(Error::new(ErrorDetail::NoSuchEvent { path, seq, last: durable }));
            }
            Moment::Seq(seq) => seq,
            Moment::Time(time) => last_event_until(time, journal, durable)?,
        };
        match oldest_state(journal)? {
            Some(oldest) if seq < oldest => Err(Error::new(ErrorDetail::PrunedState { path, seq, oldest })),
            _ => Ok(seq),
        }
    }
}

fn last_event_until(time: Timestamp, journal: &OpenedJournal, durable: Seq) -> Result<Seq, Error> {
    let refused = |what| {
        let (path, time) = (journal.layout().root().to_owned(), time.to_string());
        Err(Error::new(ErrorDetail::NoSuchTime { path, time, what }))
    };
    let found = journal.scan().last_event_until(time, durable)?;
    match found {
        Some(seq) if seq == durable && time > Timestamp::wall_clock() => {
            refused(format!("this time is in the future; help: ask for a time up to now ({})", Timestamp::wall_clock()))
        }
        Some(seq) => Ok(seq),
        None if !journal.segments().starts_at_genesis() => {
            refused("the events before this time were pruned; help: ask for a later time".to_owned())
        }
        None => match journal.segments().image_created() {
            Some(created) if time < created => {
                refused(format!("the image was created at {created}; help: ask for a later time"))
            }
            _ => Ok(Seq::ZERO),
        },
    }
}

/// The oldest state that the image can rebuild; `None` if its journal is complete from genesis on.
pub(crate) fn oldest_state(journal: &OpenedJournal) -> Result<Option<Seq>, Error> {
    if journal.segments().starts_at_genesis() {
        return Ok(None);
    }
    let mut oldest = None;
    for (seq, _) in journal.snapshots().start_candidates()? {
        if journal.segments().reaches(seq)? {
            oldest = Some(seq);
        }
    }
    Ok(oldest)
}
