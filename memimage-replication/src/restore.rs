//! Restores an image from its log, as of any event or time that the log still has.

use std::path::Path;

use memimage::replication::JournalPoint;
use memimage::{Error, ErrorKind, Moment, Seq, Timestamp};

use crate::catch_up::{apply, begin_at};
use crate::entry::Content;
use crate::failure::{failure, log_failed};
use crate::log::Log;
use crate::log_error::{LogError, LogErrorKind};
use crate::log_reader::{LogReader, LogTail, entry_at, first_position};
use crate::log_snapshots::{self, SnapshotName};
use crate::remote_log::Engine;

/// Restores the image of a log to the directory `target`, with all events that the log has. See [`Restore`] for earlier moments, and for
/// images that are encrypted or chained.
///
/// # Errors
///
/// Returns the same errors as [`Restore::run`].
pub fn restore(log: &Log, target: impl AsRef<Path>) -> Result<RestoreReport, Error> {
    Restore::new().run(log, target)
}

/// Restores the image of a log, as of an event or a time.
///
/// Begins with the newest snapshot that is old enough, and reads the entries from there, as far as they are needed. Each is verified. The
/// image is made in a directory beside the target, ends with exactly the wanted event, is checked as by
/// [`admin::check`](memimage::admin::check()), and then gets its name. After an error or a crash, there is no image at the target.
///
/// The restored image is not the owner of the log. Its later events are a history of its own, so it needs a log of its own.
///
/// ```no_run
/// # use memimage::Seq;
/// # use memimage_replication::{Log, Restore};
/// let log = Log::open("s3://backups/bank")?;
/// let report = Restore::new().until(Seq::new(1234)).run(&log, "restored.image")?;
/// println!("restored up to event {}", report.seq);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "nothing is restored until `run` is called"]
pub struct Restore {
    options: memimage::admin::Restore,
    until: Option<Moment>,
}

/// The result of a restoration.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RestoreReport {
    /// The last event of the restored image.
    pub seq: Seq,
    /// The recorded time of this event; `None` if its journal does not contain the event, because it begins with a later one.
    pub time: Option<Timestamp>,
    /// The number of events in the journal of the restored image.
    pub events: u64,
    /// The last event in the snapshot with which the journal begins; `None` if the journal is complete.
    pub snapshot: Option<Seq>,
    /// The position of the last entry that was read.
    pub position: u64,
}

impl Restore {
    /// A restoration of all events that the log has, without keys.
    pub fn new() -> Restore {
        Restore::default()
    }

    /// Sets the moment of the image: after an event, or after the last event that was recorded at or before a time. A time after the last
    /// event is the end of the log; a number after that of the last event is an error.
    pub fn until(mut self, moment: impl Into<Moment>) -> Restore {
        let moment = moment.into();
        self.until = Some(moment);
        self.options = self.options.until(moment);
        self
    }

    /// Sets the keys under which the image is encrypted; see [`Options::encryption`](memimage::Options::encryption).
    #[cfg(feature = "encryption")]
    pub fn encryption(mut self, keys: memimage::Keys) -> Restore {
        self.options = self.options.encryption(keys);
        self
    }

    /// Sets the keys of the image's chain; see [`Options::chain`](memimage::Options::chain).
    #[cfg(feature = "chain")]
    pub fn chain(mut self, keys: memimage::Keys) -> Restore {
        self.options = self.options.chain(keys);
        self
    }

    /// Sets whether the image may be on a network file system; see [`Options::allow_network`](memimage::Options::allow_network).
    pub fn allow_network(mut self, allow: bool) -> Restore {
        self.options = self.options.allow_network(allow);
        self
    }

    /// Restores the image to the directory `target`, which must not exist, or be empty.
    ///
    /// # Errors
    ///
    /// - The log cannot be reached ([`ErrorKind::Replication`]), or an entry or a snapshot is damaged ([`ErrorKind::Corrupt`]). The message
    ///   names the position.
    /// - The log no longer has the moment ([`ErrorKind::Pruned`]), does not have it yet ([`ErrorKind::OutOfRange`]), or
    ///   has no journal ([`ErrorKind::NotFound`]).
    /// - The errors of [`memimage::admin::Restore::begin`] and [`StagedImage::finish`](memimage::admin::StagedImage::finish).
    pub fn run(self, log: &Log, target: impl AsRef<Path>) -> Result<RestoreReport, Error> {
        let engine = &log.engine;
        let failed = |error| log_failed(&error);
        let tail = LogTail::find(engine).map_err(failed)?.filter(|tail| tail.point != JournalPoint::START);
        let Some(tail) = tail else {
            let what = format!("`{}` has no journal; help: let the owner of the image ship it first", engine.address());
            return Err(failure(ErrorKind::NotFound, what));
        };
        let until = self.until;
        refuse_later_event(engine, until, &tail)?;
        let end = match until {
            Some(Moment::Time(time)) => last_needed(engine, &tail, time).map_err(failed)?,
            _ => tail.header.position,
        };
        let mut staged = self.options.begin(target, tail.header.image)?;
        let download = staged.download_path();
        let mut reader = begin(engine, staged.copy(), until, &download)?;
        while reader.position() <= end {
            let position = reader.position();
            let Some((entry, _)) = reader.next().map_err(failed)? else {
                let what = format!("`{}` ends before position {end}, which it has had", engine.address());
                return Err(failure(ErrorKind::Corrupt, what));
            };
            apply(staged.copy(), &entry).map_err(|error| at_position(engine, position, &error))?;
            if is_reached(until, &staged.copy().end()) {
                break;
            }
        }
        let position = reader.position() - 1;
        let report = staged.finish().map_err(|error| before_beginning(engine, until, error))?;
        Ok(RestoreReport { seq: report.seq, time: report.time, events: report.events, snapshot: report.base, position })
    }
}

/// Returns an error if the wanted event is not in the log yet.
fn refuse_later_event(engine: &Engine, until: Option<Moment>, tail: &LogTail) -> Result<(), Error> {
    match until {
        Some(Moment::Seq(seq)) if seq > tail.point.seq => Err(failure(
            ErrorKind::OutOfRange,
            format!(
                "event {seq} is not in `{}`, which ends with event {} (position {}); help: give a number from 0 to {}",
                engine.address(),
                tail.point.seq,
                tail.header.position,
                tail.point.seq
            ),
        )),
        _ => Ok(()),
    }
}

/// Names the log in the error for a time before its first event: the target does not exist.
fn before_beginning(engine: &Engine, until: Option<Moment>, error: Error) -> Error {
    let (Some(Moment::Time(time)), ErrorKind::OutOfRange) = (until, error.kind()) else { return error };
    let text = error.to_string();
    let created = text.split_once("was created at ").and_then(|(_, rest)| rest.split_once(';'));
    let what = match created {
        Some((created, _)) => format!("begins at {created}, which is after {time}; help: restore to a later time"),
        None => format!("has no state at {time}; help: restore to a later time"),
    };
    failure(ErrorKind::OutOfRange, format!("the log `{}` {what}", engine.address()))
}

/// Whether the copy has the wanted event, and what the journal begins with.
fn is_reached(until: Option<Moment>, end: &JournalPoint) -> bool {
    match until {
        // the genesis is complete once an event follows it
        Some(Moment::Seq(Seq::ZERO)) => end.seq > Seq::ZERO,
        Some(Moment::Seq(seq)) => *end != JournalPoint::START && end.seq >= seq,
        _ => false,
    }
}

/// Makes the copy begin with the newest snapshot that is old enough and can be used, or at the beginning of the log.
fn begin(
    engine: &Engine,
    copy: &mut memimage::replication::JournalCopy,
    until: Option<Moment>,
    download: &Path,
) -> Result<LogReader, Error> {
    let names = log_snapshots::list(engine).map_err(|error| log_failed(&error))?;
    let mut unusable = None;
    for name in names.iter().filter(|name| is_old_enough(name, until)) {
        match begin_at(engine, copy, name, download) {
            Ok(reader) => return Ok(reader),
            Err(error) => {
                tracing::warn!(%error, snapshot = name.text(), "a snapshot of the log cannot be used; an older one is tried");
                unusable = Some(error);
            }
        }
    }
    let first = engine.bounds().map_err(|error| log_failed(&error))?.first;
    if first > 1 {
        return Err(unusable.unwrap_or_else(|| before_log(engine, first, until, names.last())));
    }
    LogReader::at(engine, 1, None).map_err(|error| log_failed(&error))
}

fn is_old_enough(name: &SnapshotName, until: Option<Moment>) -> bool {
    match until {
        None => true,
        Some(Moment::Seq(seq)) => name.seq <= seq,
        Some(Moment::Time(time)) => name.time <= time,
    }
}

/// The error for a moment that the log no longer has.
fn before_log(engine: &Engine, first: u64, until: Option<Moment>, oldest: Option<&SnapshotName>) -> Error {
    let moment = match until {
        None => "the end".to_owned(),
        Some(Moment::Seq(seq)) => format!("event {seq}"),
        Some(Moment::Time(time)) => time.to_string(),
    };
    let (has, help) = match oldest {
        Some(SnapshotName { seq, time, .. }) => (
            format!("its oldest snapshot is that of event {seq}, made at {time}"),
            format!("restore to event {seq} or to this time, or to a later moment"),
        ),
        None => ("it has no snapshot".to_owned(), "let the owner make a snapshot".to_owned()),
    };
    failure(
        ErrorKind::Pruned,
        format!(
            "`{}` cannot be restored to {moment}: the entries before position {first} were removed, and {has}; help: {help}",
            engine.address()
        ),
    )
}

/// The position of the last entry that a restoration to `time` reads.
///
/// Looks at the beginning of each segment, from the last one back, until one is not later than the time. Recorded time can be set
/// [back](memimage::Admin::correct_time), so the whole segment is read then, and not only up to the first later event. A segment that
/// begins later than the one after it has such a correction, so it is read in any case.
fn last_needed(engine: &Engine, tail: &LogTail, time: Timestamp) -> Result<u64, LogError> {
    let mut needed = tail.header.position;
    let mut begin = tail.header.segment_position;
    let mut after = last_time(engine, tail)?;
    while begin > 0 {
        match first_time(engine, begin, tail.header.position) {
            Ok(Some((_, first))) if first <= time || after.is_none_or(|after| after < first) => return Ok(needed),
            // the entry may have earlier events too
            Ok(Some((position, first))) => (needed, after) = (position, Some(first)),
            Ok(None) => {}
            Err(error) if error.kind() == LogErrorKind::Pruned => return Ok(needed),
            Err(error) => return Err(error),
        }
        begin = match begin {
            1 => 0,
            _ => match entry_at(engine, begin - 1) {
                Err(error) if error.kind() == LogErrorKind::Pruned => 0,
                before => before?.0.header.segment_position,
            },
        };
    }
    Ok(needed)
}

/// The recorded time of the last frame with events, if the last entry of the journal has it.
fn last_time(engine: &Engine, tail: &LogTail) -> Result<Option<Timestamp>, LogError> {
    let range = (engine.bounds()?.first, tail.next());
    let position = first_position(engine, range, |entry| entry.point().seq >= tail.point.seq)?;
    if position > tail.header.position {
        return Ok(None);
    }
    let (entry, _) = entry_at(engine, position)?;
    let Content::Piece(piece) = &entry.content else { return Ok(None) };
    Ok(Some(piece.head.time).filter(|time| *time > Timestamp::default()))
}

/// The first entry from `position` on that has a frame with events, and the recorded time of this frame.
fn first_time(engine: &Engine, position: u64, last: u64) -> Result<Option<(u64, Timestamp)>, LogError> {
    let mut reader = LogReader::at(engine, position, None)?;
    while reader.position() <= last {
        let position = reader.position();
        let Some((entry, _)) = reader.next()? else { return Ok(None) };
        if let Content::Piece(piece) = &entry.content
            && piece.head.time > Timestamp::default()
        {
            return Ok(Some((position, piece.head.time)));
        }
    }
    Ok(None)
}

/// Adds the position of an entry to the error about its content.
fn at_position(engine: &Engine, position: u64, error: &Error) -> Error {
    let what = format!("the entry at position {position} of `{}` cannot be used: {error}", engine.address());
    failure(ErrorKind::Corrupt, what)
}
