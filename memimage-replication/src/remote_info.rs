//! What a log says about itself.

use memimage::{Error, Seq, Timestamp};

use crate::entry::Content;
use crate::failure::log_failed;
use crate::log::Log;
use crate::log_error::{LogError, LogErrorKind};
use crate::log_reader::{LogTail, claim_of, entry_at, first_position};
use crate::log_snapshots;
use crate::owner_id::hex;
use crate::remote_log::{Bounds, Engine};

/// What a log says about itself. See [`log_info`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogInfo {
    /// Where the log is.
    pub address: String,
    /// The position of the first entry.
    pub first: u64,
    /// The position of the next entry.
    pub end: u64,
    /// The random id of the log, in hexadecimal digits; `None` if the log is empty.
    pub log_id: Option<String>,
    /// The UUID of the image, in hexadecimal digits; `None` if the log is empty, or if its image was not created yet.
    pub image: Option<String>,
    /// The number of owners so far, counted by their claims.
    pub term: u64,
    /// The name of the present owner; `None` if its claim was removed.
    pub owner: Option<String>,
    /// When the present owner claimed the log; `None` if its claim was removed.
    pub claimed: Option<Timestamp>,
    /// The lease of the owner in milliseconds; `None` if it has none.
    pub lease_ms: Option<u64>,
    /// The last event in the log.
    pub seq: Seq,
    /// The segment of the journal with this event; 0 if the log has no journal.
    pub segment: u64,
    /// The recorded time of the last event; `None` if the log shows only a [bound](LogInfo::after), such as if the image is encrypted.
    pub time: Option<Timestamp>,
    /// The last event was recorded at this time or later; `None` if not even that is known.
    pub after: Option<Timestamp>,
    /// The snapshots beside the log, newest first.
    pub snapshots: Vec<LogSnapshot>,
    /// What was found to be damaged. What depends on it is `None`, 0 or empty. [`check_log`](crate::check_log) reads everything.
    pub damages: Vec<String>,
}

/// A snapshot beside a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogSnapshot {
    /// The last event in the state.
    pub seq: Seq,
    /// The position of the entry at which a copy of the journal continues.
    pub position: u64,
    /// When the snapshot was copied to the log.
    pub time: Timestamp,
}

/// Reads some entries of a log, and the list of its snapshots.
///
/// # Errors
///
/// Returns an error if the log cannot be reached, or refuses a call. Damage is not an error: the rest is shown.
pub fn log_info(log: &Log) -> Result<LogInfo, Error> {
    read(log).map_err(|error| log_failed(&error))
}

fn read(log: &Log) -> Result<LogInfo, LogError> {
    let engine = &log.engine;
    let mut damages = Vec::new();
    let bounds = sound(engine.bounds(), &mut damages)?.unwrap_or(Bounds { first: 1, end: 1 });
    let tail = match sound(LogTail::find(engine), &mut damages)? {
        Some(tail) => tail,
        // the last entry can be intact, and the one before it damaged
        None if bounds.end > bounds.first => {
            let last = sound(entry_at(engine, bounds.end - 1), &mut damages)?;
            last.map(|(entry, hash)| LogTail::after(&entry, hash))
        }
        None => None,
    };
    let snapshots = log_snapshots::list(engine)?.into_iter().map(|name| LogSnapshot {
        seq: name.seq,
        position: name.position,
        time: name.time,
    });
    let mut info = LogInfo {
        address: engine.address().to_owned(),
        first: bounds.first,
        end: bounds.end,
        log_id: None,
        image: None,
        term: 0,
        owner: None,
        claimed: None,
        lease_ms: None,
        seq: Seq::ZERO,
        segment: 0,
        time: None,
        after: None,
        snapshots: snapshots.collect(),
        damages: Vec::new(),
    };
    if let Some(tail) = tail {
        info.end = tail.next();
        info.log_id = Some(hex(&tail.header.log_id));
        info.image = (tail.header.image != [0; 16]).then(|| hex(&tail.header.image));
        info.term = tail.header.term;
        info.lease_ms = (tail.header.lease_ms > 0).then_some(tail.header.lease_ms);
        (info.seq, info.segment) = (tail.point.seq, tail.point.segment);
        if let Some(claim) = sound(claim_of(engine, &tail), &mut damages)?.flatten() {
            (info.owner, info.claimed) = (Some(claim.name), Some(claim.time));
        }
        if let Some((time, after)) = sound(last_event_time(engine, bounds.first, &tail), &mut damages)? {
            (info.time, info.after) = (time, after);
        }
    }
    damages.dedup();
    info.damages = damages;
    Ok(info)
}

/// The value of a call; `None` if something is damaged, which is added to the list then.
fn sound<T>(result: Result<T, LogError>, damages: &mut Vec<String>) -> Result<Option<T>, LogError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == LogErrorKind::Damaged => {
            damages.push(error.to_string());
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// The recorded time of the last event, and a time that it is not before, as far as they are known.
fn last_event_time(
    engine: &Engine,
    first: u64,
    tail: &LogTail,
) -> Result<(Option<Timestamp>, Option<Timestamp>), LogError> {
    let position = first_position(engine, (first, tail.next()), |entry| entry.point().seq >= tail.point.seq)?;
    if position >= tail.next() || tail.point.seq == Seq::ZERO {
        return Ok((None, None));
    }
    let Content::Piece(piece) = entry_at(engine, position)?.0.content else { return Ok((None, None)) };
    let after = (piece.head.time > Timestamp::default()).then_some(piece.head.time);
    Ok((piece.last_event_time(&tail.header.image), after))
}
