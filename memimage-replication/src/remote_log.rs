//! The interface between replication and the engines that hold a log.

use std::fmt;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;

use crate::log_error::LogError;

/// A log on another machine: a sequence of entries at the positions 1, 2, 3 …, and snapshots beside it.
///
/// An engine stores entries as opaque bytes, and promises one thing: of all appends at one position, at most one takes effect, whatever
/// is delayed, repeated or lost. All safety rests on this: fencing, takeover, and that no entry is ever replaced. Everything else
/// that an engine returns is verified by its readers: each entry contains its position, its length, its hash, and the hash of the entry before it.
///
/// The calls block. They may be called from any thread, also from a thread of an async runtime.
///
/// [`testing::conformance`](crate::testing::conformance) is the suite that every implementation must pass.
pub trait RemoteLog: fmt::Debug + Send + Sync + 'static {
    /// Where the log is, for messages: `s3://bucket/bank`. Never contains a secret.
    fn address(&self) -> &str;

    /// The directory of this machine in which the log is, if it is in one, as far as the handle knows. An image refuses a log in its own
    /// directory. Default: `None`.
    fn directory(&self) -> Option<&Path> {
        None
    }

    /// The longest entry that [`append`](RemoteLog::append) accepts, in bytes; at least 64 KiB.
    fn entry_bytes_max(&self) -> usize;

    /// The first and the next position of the log. The answer may be out of date when it arrives. An entry that is missing between others is
    /// no error of this call: [`read`](RemoteLog::read) reports it.
    ///
    /// # Errors
    ///
    /// Returns an error if the log cannot be reached, or refuses the call.
    fn bounds(&self) -> Result<Bounds, LogError>;

    /// Appends an entry at `position`, if that is the end of the log: the position after the last entry.
    ///
    /// # Errors
    ///
    /// After an error of the kind [`Unavailable`](crate::LogErrorKind::Unavailable) it is unknown whether the entry was appended, and a
    /// delayed request may still append it later. The caller reads the position, and repeats the call with the same bytes.
    fn append(&self, position: u64, entry: &[u8]) -> Result<Append, LogError>;

    /// The entries from `position` on, in order and without a gap: as many as are there and take no more than `bytes_max` bytes
    /// together, but at least one, if there is one. No entries if `position` is the end of the log or lies behind it. An engine may answer
    /// from a state of the log that is a little old.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind [`Pruned`](crate::LogErrorKind::Pruned) if the log begins after `position`, and of the kind
    /// [`Damaged`](crate::LogErrorKind::Damaged) if the entry is missing although later ones exist.
    fn read(&self, position: u64, bytes_max: usize) -> Result<Vec<Vec<u8>>, LogError>;

    /// Removes the entries before `position`, or fewer. Never makes it possible to append at a removed position.
    ///
    /// # Errors
    ///
    /// Returns an error if the log cannot be reached, or refuses the call. Some entries may be removed then.
    fn prune(&self, position: u64) -> Result<(), LogError>;

    /// Does what the engine needs now and then, such as merging small objects. The owner calls it in the background.
    ///
    /// # Errors
    ///
    /// Returns an error if the log cannot be reached, or refuses the call. A later call goes on.
    fn maintain(&self) -> Result<(), LogError> {
        Ok(())
    }

    /// The names of the snapshots beside the log, in any order.
    ///
    /// # Errors
    ///
    /// Returns an error if the log cannot be reached, or refuses the call.
    fn snapshots(&self) -> Result<Vec<String>, LogError>;

    /// Stores a snapshot. Replaces an earlier one of this name. A snapshot that is stored only in part is not listed.
    ///
    /// # Errors
    ///
    /// Returns an error if the log cannot be reached, or refuses the call, or if `content` cannot be read.
    fn put_snapshot(&self, name: &str, content: &mut dyn Read) -> Result<(), LogError>;

    /// Writes the content of a snapshot to `into`, with bounded memory.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind [`NotFound`](crate::LogErrorKind::NotFound) if there is no such snapshot.
    fn get_snapshot(&self, name: &str, into: &mut dyn Write) -> Result<(), LogError>;

    /// Removes a snapshot, if it exists.
    ///
    /// # Errors
    ///
    /// Returns an error if the log cannot be reached, or refuses the call.
    fn remove_snapshot(&self, name: &str) -> Result<(), LogError>;
}

/// A log that threads share.
pub(crate) type Engine = Arc<dyn RemoteLog>;

/// The first position of a log, and the position after its last entry. Both are 1 for an empty log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The position of the first entry that the log still has. Equal to `end` if it has none.
    pub first: u64,
    /// The position of the next entry.
    pub end: u64,
}

/// The outcome of an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Append {
    /// The entry is in the log, as durable as the engine makes it.
    Done,
    /// The entry was not appended by this call: the position is not the end of the log. An earlier attempt may have appended it.
    Occupied,
}
