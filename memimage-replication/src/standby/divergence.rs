//! A directory whose journal has events that are not in the log.

use std::fs;
use std::path::{Path, PathBuf};

use memimage::replication::{JournalCopy, JournalPoint, PieceLimit, PieceReader, Sought};
use memimage::{Error, ErrorKind, Seq};

use crate::entry::{Content, Entry, damaged};
use crate::failure::{counted, failure, id_failed, log_failed};
use crate::log::Log;
use crate::log_reader::{LogTail, entry_at};
use crate::owner_id;
use crate::remote_log::Engine;

/// What was set aside: the directory, and its events that are not in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SetAside {
    /// The directory, which is an image of its own. `memimage log` lists its events.
    pub path: PathBuf,
    /// The first event that is not in the log.
    pub first: Seq,
    /// The last event that is not in the log; before `first` if only frames without events are not in it.
    pub last: Seq,
}

impl SetAside {
    /// The number of events that are not in the log.
    pub fn events(&self) -> u64 {
        (self.last.get() + 1).saturating_sub(self.first.get())
    }
}

/// How a journal and a log differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Divergence {
    /// The last event that both have, with the same history before it.
    pub(super) common: Seq,
    /// The last event of the journal.
    pub(super) last: Seq,
}

impl Divergence {
    pub(super) fn events(&self) -> u64 {
        self.last.get() - self.common.get()
    }
}

/// Compares the journal in `directory` with the log. `None` if the log continues the journal.
pub(super) fn compare(engine: &Engine, directory: &Path, tail: &LogTail) -> Result<Option<Divergence>, Error> {
    let mut reader = PieceReader::open(directory)?;
    if reader.image() != tail.header.image {
        return Err(failure(
            ErrorKind::OtherOwner,
            format!(
                "`{}` is the log of another image than the one in `{}`; help: use another directory",
                engine.address(),
                directory.display()
            ),
        ));
    }
    let end = journal_end(&mut reader)?;
    // the last position of which the journal has the point
    let first = engine.bounds().map_err(|error| log_failed(&error))?.first;
    let (mut low, mut high) = (first, tail.header.position + 1);
    let mut common = JournalPoint::START;
    while low < high {
        let middle = low + (high - low) / 2;
        let entry = entry_at(engine, middle).map_err(|error| log_failed(&error))?.0;
        if entry.header.log_id != tail.header.log_id {
            return Err(log_failed(&damaged(engine.address(), middle, "it belongs to another log")));
        }
        let point = entry.point();
        match reader.seek(&point) {
            Ok(Sought::Found) => {
                common = point;
                low = middle + 1;
            }
            Ok(Sought::Behind | Sought::Diverged) => high = middle,
            // the journal begins later
            Err(error) if error.kind() == ErrorKind::Pruned => low = middle + 1,
            Err(error) => return Err(error),
        }
    }
    if common == end {
        return Ok(None);
    }
    if common == JournalPoint::START && first > 1 {
        let start = start_of(&entry_at(engine, first).map_err(|error| log_failed(&error))?.0);
        if (start.seq, start.hash) == (end.seq, end.hash) {
            return Ok(None);
        }
        if start.reaches(&end) {
            return Err(pruned(engine, directory, first));
        }
    }
    let is_part_of_entry = low <= tail.header.position && continues(engine, &mut reader, low, &end)?;
    match is_part_of_entry {
        true => Ok(None),
        false => Ok(Some(Divergence { common: common.seq, last: end.seq })),
    }
}

/// How far the journal was in the log before an entry.
fn start_of(entry: &Entry) -> JournalPoint {
    match &entry.content {
        Content::Piece(piece) => piece.head.start,
        Content::Claim(_) | Content::Heartbeat(_) => entry.point(),
    }
}

/// The error for a copy that lacks entries that the log no longer has.
pub(super) fn pruned(engine: &Engine, directory: &Path, first: u64) -> Error {
    failure(
        ErrorKind::Pruned,
        format!(
            "the copy in `{}` ends before position {first} of `{}`, where the log begins now: the log was pruned; help: move the directory \
             away, and open the standby again: it begins with the newest snapshot",
            directory.display(),
            engine.address()
        ),
    )
}

/// Whether the entry at this position has the journal's last frames, which reach to `end`.
fn continues(engine: &Engine, reader: &mut PieceReader, position: u64, end: &JournalPoint) -> Result<bool, Error> {
    let (entry, _) = entry_at(engine, position).map_err(|error| log_failed(&error))?;
    let Content::Piece(piece) = &entry.content else { return Ok(false) };
    let start = piece.head.start;
    let is_within = start.segment == end.segment && start.offset <= end.offset && piece.head.end.reaches(end);
    if !is_within {
        return Ok(false);
    }
    let own = reader.bytes(end.segment, start.offset, (end.offset - start.offset) as usize)?;
    Ok(own.len() <= piece.bytes.len() && own[..] == piece.bytes[..own.len()])
}

/// The end of a journal that nobody writes.
fn journal_end(reader: &mut PieceReader) -> Result<JournalPoint, Error> {
    const PIECE: usize = 8 << 20;
    reader.seek_last_segment()?;
    while reader.next(PieceLimit::Event(Seq::new(u64::MAX)), PIECE)?.is_some() {}
    Ok(reader.point())
}

/// Renames a directory, so that it is an image of its own beside the standby.
pub(super) fn set_aside(directory: &Path, divergence: Divergence) -> Result<SetAside, Error> {
    let failed = |error: std::io::Error| {
        failure(ErrorKind::Io, format!("`{}` could not be set aside: {error}", directory.display()))
    };
    let mut number = 1;
    let path = loop {
        let mut name = directory.as_os_str().to_owned();
        name.push(format!(".aside-{number}"));
        let path = PathBuf::from(name);
        if !path.exists() {
            break path;
        }
        number += 1;
    };
    fs::rename(directory, &path).map_err(failed)?;
    if let Some(parent) = directory.parent() {
        fs::File::open(parent).and_then(|parent| parent.sync_all()).map_err(failed)?;
    }
    let (first, last) = (divergence.common.next(), divergence.last);
    tracing::warn!(path = %path.display(), %first, %last, "the events of this owner that are not in the log were set aside");
    Ok(SetAside { path, first, last })
}

/// Renames the directory of an earlier owner, if its journal has events that are not in the log: to `DIRECTORY.aside-1`, or a higher number.
/// Nothing is merged or lost: the renamed directory is an image of its own. `None` if the log has all events; then nothing is
/// renamed, and a standby can be opened in the directory.
///
/// # Errors
///
/// Returns an error if there is no image in the directory, if the directory is in use, contains another image, or still owns the log, or if
/// the log cannot be read or has no journal.
pub fn set_aside_unshipped(log: &Log, directory: impl AsRef<Path>) -> Result<Option<SetAside>, Error> {
    let directory = std::path::absolute(directory.as_ref()).unwrap_or_else(|_| directory.as_ref().to_owned());
    let engine = &log.engine;
    let tail = LogTail::find(engine).map_err(|error| log_failed(&error))?;
    let Some(tail) = tail.filter(|tail| tail.point != JournalPoint::START) else {
        let what = format!(
            "`{}` has no journal, so nothing can be compared with it; help: name the image's log",
            engine.address()
        );
        return Err(failure(ErrorKind::NotFound, what));
    };
    let Some(found) = compare(engine, &directory, &tail)? else { return Ok(None) };
    refuse_owner(engine, &directory, &tail)?;
    // nobody may be using it
    drop(JournalCopy::lock(&directory, tail.header.image)?);
    set_aside(&directory, found).map(Some)
}

/// Returns an error if the directory is that of the present owner: it has not lost the log, and its events can still be shipped.
pub(super) fn refuse_owner(engine: &Engine, directory: &Path, tail: &LogTail) -> Result<(), Error> {
    let own = owner_id::read(directory, &tail.header.log_id).map_err(|error| id_failed(directory, &error))?;
    if own != Some(tail.header.owner) {
        return Ok(());
    }
    let directory = directory.display();
    Err(failure(
        ErrorKind::Replaced,
        format!(
            "the directory `{directory}` owns the log `{}`: no other owner has taken over, so nothing is set aside; help: open it as the \
             owner, or `memimage ship` it, and its events get into the log",
            engine.address()
        ),
    ))
}

/// The error for a directory with events that are not in the log.
pub(super) fn refused(engine: &Engine, directory: &Path, divergence: Divergence) -> Error {
    let directory = directory.display();
    let what = match divergence.events() {
        0 => format!("frames without events after event {}", divergence.common),
        events => format!("{} after event {}", counted(events, "event"), divergence.common),
    };
    failure(
        ErrorKind::Replaced,
        format!(
            "the journal in `{directory}` has {what}, and `{address}` does not have them: its owner had not shipped them before another \
             owner took over; help: open the standby with `set_aside_unshipped(true)`, or `memimage set-aside {directory} --from {address}`: \
             both rename the directory, and keep them",
            address = engine.address()
        ),
    )
}
