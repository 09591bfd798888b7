//! Reads all of a log, and reports the first damage.

use std::path::Path;

use memimage::replication::{JournalCopy, JournalPoint};
use memimage::{Error, ErrorKind, Seq};

use crate::catch_up::{apply, begin_at};
use crate::entry::{Content, Entry, EntryHash};
use crate::failure::{failure, log_failed};
use crate::log::Log;
use crate::log_error::{LogError, LogErrorKind};
use crate::log_reader::LogReader;
use crate::log_snapshots::{self, SnapshotHead, SnapshotName};
use crate::remote_log::Engine;

/// The result of a check of a log. See [`check_log`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogCheck {
    /// The position of the first entry.
    pub first: u64,
    /// The number of intact entries before the damage, or of all.
    pub entries: u64,
    /// The number of claims among them.
    pub claims: u64,
    /// The bytes of the journal in them.
    pub bytes: u64,
    /// The last event of the journal up to there.
    pub seq: Seq,
    /// The number of intact snapshots.
    pub snapshots: u64,
    /// The first damage of the entries, the first one behind each snapshot that follows it, and each damage of a snapshot.
    pub damages: Vec<LogDamage>,
    /// The events up to which an image can be restored: ranges of the first and the last one.
    pub restorable: Vec<(Seq, Seq)>,
}

/// Something in a log that is not what its owner has stored.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogDamage {
    /// The position of the entry; for a snapshot, that at which a copy would continue.
    pub position: u64,
    /// The last event in the snapshot; `None` if the damage is that of an entry.
    pub snapshot: Option<Seq>,
    /// What is wrong, and what to do.
    pub message: String,
}

impl LogCheck {
    /// Whether there is no damage.
    pub fn is_sound(&self) -> bool {
        self.damages.is_empty()
    }
}

/// Reads every entry and every snapshot of a log, and verifies their hashes, that each entry continues the one before, and that the pieces
/// continue each other as one journal. With a directory `deep`, which must not exist, the journal is also copied there and each frame is
/// verified; the directory is left for the caller to remove.
///
/// Reading stops at the first damaged entry, and goes on at the next snapshot behind it, if there is one. Snapshots are verified in any case.
///
/// # Errors
///
/// Returns an error if the log cannot be reached, or refuses a call, or if the directory cannot be written. Damage is not an error.
pub fn check_log(log: &Log, deep: Option<&Path>) -> Result<LogCheck, Error> {
    let engine = &log.engine;
    let mut check = LogCheck::default();
    let mut hashes = SnapshotPlaces::of(engine)?;
    check_entries(engine, deep, &mut check, &mut hashes)?;
    let mut intact = Vec::new();
    for (name, before) in hashes.places {
        match log_snapshots::verify(engine, &name) {
            Ok(head) if before.is_none_or(|before| before == head.previous) => {
                check.snapshots += 1;
                intact.push(head);
            }
            Ok(SnapshotHead { position, .. }) => {
                let message = format!(
                    "the snapshot of event {} of `{}` continues at position {position} behind an entry that the log does not have there; \
                     help: use another snapshot",
                    name.seq,
                    engine.address()
                );
                check.damages.push(LogDamage { position, snapshot: Some(name.seq), message });
            }
            Err(error) if matches!(error.kind(), LogErrorKind::Damaged | LogErrorKind::NotFound) => {
                let message = error.to_string();
                check.damages.push(LogDamage { position: name.position, snapshot: Some(name.seq), message });
            }
            Err(error) => return Err(log_failed(&error)),
        }
    }
    intact.reverse();
    check.find_restorable(engine, &intact)?;
    Ok(check)
}

/// The snapshots, each with the hash of the entry before its position, once it was read.
struct SnapshotPlaces {
    places: Vec<(SnapshotName, Option<EntryHash>)>,
}

impl SnapshotPlaces {
    fn of(engine: &Engine) -> Result<SnapshotPlaces, Error> {
        let names = log_snapshots::list(engine).map_err(|error| log_failed(&error))?;
        Ok(SnapshotPlaces { places: names.into_iter().map(|name| (name, None)).collect() })
    }

    fn read(&mut self, position: u64, hash: EntryHash) {
        for (name, before) in &mut self.places {
            if name.position == position + 1 {
                *before = Some(hash);
            }
        }
    }
}

fn check_entries(
    engine: &Engine,
    deep: Option<&Path>,
    check: &mut LogCheck,
    places: &mut SnapshotPlaces,
) -> Result<(), Error> {
    let first = match engine.bounds() {
        Ok(bounds) => bounds.first,
        Err(error) if error.kind() == LogErrorKind::Damaged => {
            check.damages.push(LogDamage { position: 1, snapshot: None, message: error.to_string() });
            return Ok(());
        }
        Err(error) => return Err(log_failed(&error)),
    };
    check.first = first;
    let (mut reader, mut journal, mut copy) = (None, PieceChain::default(), None);
    loop {
        let next = match &mut reader {
            Some(reader) => LogReader::next(reader),
            none => LogReader::at(engine, first, None).and_then(|new| none.insert(new).next()),
        };
        let position = reader.as_ref().map_or(first, LogReader::position);
        match next {
            Ok(None) => return Ok(()),
            Ok(Some((entry, hash))) => {
                let position = entry.header.position;
                let verified =
                    journal.verify(&entry).map_err(|what| crate::entry::damaged(engine.address(), position, &what));
                if let Err(error) = verified {
                    check.damages.push(LogDamage { position, snapshot: None, message: error.to_string() });
                    return Ok(());
                }
                if let Some(deep) = deep
                    && let Some(damage) = copy_entry(engine, deep, &mut copy, &entry)?
                {
                    check.damages.push(damage);
                    return Ok(());
                }
                places.read(position, hash);
                check.add(&entry);
            }
            Err(error) if error.kind() == LogErrorKind::Damaged => {
                check.damages.push(LogDamage { position, snapshot: None, message: error.to_string() });
                return Ok(());
            }
            Err(error) => return Err(log_failed(&error)),
        }
    }
}

impl LogCheck {
    /// Finds up to which events an image can be restored. `intact` are the snapshots, the oldest first. Reads the entries behind the damage
    /// from the next snapshot on.
    fn find_restorable(&mut self, engine: &Engine, intact: &[SnapshotHead]) -> Result<(), Error> {
        let mut damage = self.damages.iter().find(|damage| damage.snapshot.is_none()).map(|damage| damage.position);
        let oldest = match self.first {
            1 => Some(Seq::ZERO),
            first => {
                let usable =
                    |head: &&SnapshotHead| head.position >= first && damage.is_none_or(|damage| head.position < damage);
                intact.iter().find(usable).map(|head| head.seq)
            }
        };
        if let Some(oldest) = oldest.filter(|oldest| *oldest <= self.seq && self.bytes > 0) {
            self.restorable.push((oldest, self.seq));
        }
        // a restoration also reads the entry before the position of its snapshot
        while let Some(at) = damage.take()
            && let Some(head) = intact.iter().find(|head| head.position > at + 1)
        {
            let (last, next) = read_from(engine, head)?;
            match last {
                Some(last) if last >= head.seq => self.restorable.push((head.seq, last)),
                _ => {}
            }
            if let Some(next) = next {
                damage = Some(next.position.max(head.position));
                self.damages.push(next);
            }
        }
        Ok(())
    }

    fn add(&mut self, entry: &Entry) {
        self.entries += 1;
        self.seq = entry.point().seq;
        match &entry.content {
            Content::Claim(_) => self.claims += 1,
            Content::Piece(piece) => self.bytes += piece.bytes.len() as u64,
            Content::Heartbeat(_) => {}
        }
    }
}

/// Reads the entries behind a snapshot. Returns the last event in them, and the damage before which they end.
fn read_from(engine: &Engine, head: &SnapshotHead) -> Result<(Option<Seq>, Option<LogDamage>), Error> {
    let (mut last, mut position, mut journal) = (None, head.position, PieceChain::default());
    let mut read = || -> Result<(), LogError> {
        let mut reader = LogReader::at(engine, head.position, Some(head.previous))?;
        while let Some((entry, _)) = reader.next()? {
            journal.verify(&entry).map_err(|what| crate::entry::damaged(engine.address(), position, &what))?;
            last = Some(entry.point().seq);
            position = reader.position();
        }
        Ok(())
    };
    match read() {
        Ok(()) => Ok((last, None)),
        Err(error) if error.kind() == LogErrorKind::Damaged => {
            Ok((last, Some(LogDamage { position, snapshot: None, message: error.to_string() })))
        }
        Err(error) => Err(log_failed(&error)),
    }
}

/// Copies an entry into the directory, and returns the damage of its frames.
fn copy_entry(
    engine: &Engine,
    directory: &Path,
    copy: &mut Option<JournalCopy>,
    entry: &Entry,
) -> Result<Option<LogDamage>, Error> {
    let position = entry.header.position;
    if copy.is_none() && matches!(&entry.content, Content::Piece(piece) if piece.head.start.offset == 0) {
        let mut new = JournalCopy::lock(directory, entry.header.image)?;
        let is_first = matches!(&entry.content, Content::Piece(piece) if piece.head.start.segment == 1);
        if !is_first {
            begin_before(engine, &mut new, directory, position)?;
        }
        *copy = Some(new);
    }
    let Some(copy) = copy else { return Ok(None) };
    match apply(copy, entry) {
        Ok(()) => Ok(None),
        Err(error) if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Replaced) => {
            let message = format!("the entry at position {position} of `{}` is damaged: {error}", engine.address());
            Ok(Some(LogDamage { position, snapshot: None, message }))
        }
        Err(error) => Err(error),
    }
}

/// Makes the copy of a log without its first entries begin at a snapshot that continues at `position` or later.
fn begin_before(engine: &Engine, copy: &mut JournalCopy, directory: &Path, position: u64) -> Result<(), Error> {
    let names = log_snapshots::list(engine).map_err(|error| log_failed(&error))?;
    let Some(name) = names.iter().rev().find(|name| name.position >= position) else {
        let what = format!(
            "`{}` has no snapshot with which a copy of its entries could begin; help: check it without copying its frames",
            engine.address()
        );
        return Err(failure(ErrorKind::Replication, what));
    };
    begin_at(engine, copy, name, &directory.join("download")).map(drop)
}

/// Verifies that the pieces of entries continue each other as one journal.
#[derive(Default)]
struct PieceChain {
    /// The end of the last complete frame; `None` before the first entry.
    point: Option<JournalPoint>,
    /// The segment that was read last, and the offset up to which it was read.
    segment: u64,
    reached: u64,
    /// Whether a frame was begun and is not complete.
    is_partial: bool,
}

impl PieceChain {
    fn verify(&mut self, entry: &Entry) -> Result<(), String> {
        let piece = match &entry.content {
            Content::Piece(piece) => piece,
            Content::Claim(_) | Content::Heartbeat(_) => {
                let stated = entry.point();
                if self.point.is_some_and(|point| point != stated) {
                    return Err("it states another end of the journal than the pieces before it".to_owned());
                }
                if self.point.is_none() || matches!(entry.content, Content::Claim(_)) {
                    // a part of a frame behind the point of a claim is void
                    self.point = Some(stated);
                    (self.segment, self.reached, self.is_partial) = (stated.segment, stated.offset, false);
                }
                return Ok(());
            }
        };
        let (start, end, len) = (piece.head.start, piece.head.end, piece.bytes.len() as u64);
        if let Some(point) = self.point {
            let is_next = match start.offset {
                0 => start.segment == self.segment + 1 && !self.is_partial,
                offset => start.segment == self.segment && offset == self.reached,
            };
            if !is_next || (start.seq, start.hash) != (point.seq, point.hash) {
                return Err(format!(
                    "its piece begins at byte {} of segment {}, and the journal before it ends at byte {} of segment {}",
                    start.offset, start.segment, self.reached, self.segment
                ));
            }
        }
        let reached = start.offset + len;
        let is_complete = (end.segment, end.offset) == (start.segment, reached);
        if !is_complete && self.point.is_some_and(|point| point != end) {
            return Err("its piece does not end where it states".to_owned());
        }
        self.point = Some(end);
        (self.segment, self.reached, self.is_partial) = (start.segment, reached, !is_complete);
        Ok(())
    }
}
