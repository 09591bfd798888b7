//! What a log says about itself.

use memimage::{Error, Seq, Timestamp};

use crate::entry::{Content, Entry};
use crate::failure::log_failed;
use crate::log::Log;
use crate::log_error::LogError;
use crate::log_reader::{LogTail, entry_at, first_position};
use crate::log_snapshots;
use crate::owner_id::hex;
use crate::remote_log::Engine;

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
    /// The recorded time of the last frames with events; `None` if it is not known.
    pub time: Option<Timestamp>,
    /// The snapshots beside the log, newest first.
    pub snapshots: Vec<LogSnapshot>,
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
/// Returns an error if the log cannot be reached, or if an entry that is read is damaged.
pub fn log_info(log: &Log) -> Result<LogInfo, Error> {
    read(log).map_err(|error| log_failed(&error))
}

fn read(log: &Log) -> Result<LogInfo, LogError> {
    let engine = &log.engine;
    let (bounds, tail) = (engine.bounds()?, LogTail::find(engine)?);
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
        snapshots: snapshots.collect(),
    };
    let Some(tail) = tail else { return Ok(info) };
    let range = (bounds.first, tail.next());
    info.end = tail.next();
    info.log_id = Some(hex(&tail.header.log_id));
    info.image = (tail.header.image != [0; 16]).then(|| hex(&tail.header.image));
    info.term = tail.header.term;
    info.lease_ms = (tail.header.lease_ms > 0).then_some(tail.header.lease_ms);
    (info.seq, info.segment) = (tail.point.seq, tail.point.segment);
    let claim = entry_of(engine, range, |entry| entry.header.term >= tail.header.term)?;
    if let Some(Entry { content: Content::Claim(claim), .. }) = claim {
        (info.owner, info.claimed) = (Some(claim.name), Some(claim.time));
    }
    let last_piece = entry_of(engine, range, |entry| entry.point().seq >= tail.point.seq)?;
    if let Some(Entry { content: Content::Piece(piece), .. }) = last_piece {
        info.time = (piece.head.time > Timestamp::default()).then_some(piece.head.time);
    }
    Ok(info)
}

/// The first entry in this range that meets the condition.
fn entry_of(engine: &Engine, range: (u64, u64), is_met: impl Fn(&Entry) -> bool) -> Result<Option<Entry>, LogError> {
    let position = first_position(engine, range, is_met)?;
    match position < range.1 {
        true => Ok(Some(entry_at(engine, position)?.0)),
        false => Ok(None),
    }
}
