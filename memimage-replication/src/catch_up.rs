//! Brings a copy of a journal up to the end of a log.

use std::path::Path;

use memimage::replication::JournalCopy;
use memimage::{Error, ErrorKind};

use crate::entry::{Content, Entry};
use crate::failure::{failure, log_failed};
use crate::log_reader::{LogReader, LogTail, position_beyond};
use crate::log_snapshots::{self, SnapshotName};
use crate::remote_log::Engine;

/// Appends to a copy what an entry has of the journal.
pub(crate) fn apply(copy: &mut JournalCopy, entry: &Entry) -> Result<(), Error> {
    match &entry.content {
        Content::Piece(piece) => copy.append(piece),
        Content::Claim(_) => {
            copy.drop_incomplete();
            Ok(())
        }
        Content::Heartbeat(_) => Ok(()),
    }
}

/// Makes an empty copy begin at a snapshot, whose file is written to `file` first. Returns a reader of the entries that follow.
pub(crate) fn begin_at(
    engine: &Engine,
    copy: &mut JournalCopy,
    name: &SnapshotName,
    file: &Path,
) -> Result<LogReader, Error> {
    let failed = |error| log_failed(&error);
    let head = log_snapshots::get(engine, name, file).map_err(failed)?;
    let unusable = |what: &str| {
        failure(
            ErrorKind::Corrupt,
            format!("the snapshot `{}` of `{}` cannot be used: {what}", name.text(), engine.address()),
        )
    };
    let Some(tail) = LogTail::find(engine).map_err(failed)? else { return Err(unusable("the log is empty")) };
    if tail.header.log_id != head.log_id || tail.header.image != head.image {
        return Err(unusable("it belongs to another log or image"));
    }
    if tail.point.seq < head.seq || tail.header.position < head.position {
        return Err(unusable("the log ends before it: the log has lost entries"));
    }
    let reader = LogReader::at(engine, head.position, Some(head.previous)).map_err(failed)?;
    copy.begin_at(head.seq, file)?;
    Ok(reader)
}

/// A reader at the first entry that the copy may lack.
pub(crate) fn reader_behind(engine: &Engine, copy: &JournalCopy) -> Result<LogReader, Error> {
    let failed = |error| log_failed(&error);
    let bounds = engine.bounds().map_err(failed)?;
    let position = position_beyond(engine, (bounds.first, bounds.end), &copy.end()).map_err(failed)?;
    LogReader::at(engine, position, None).map_err(failed)
}

/// Appends the entries up to `tail` to a copy, and makes them durable.
pub(crate) fn catch_up(engine: &Engine, copy: &mut JournalCopy, tail: &LogTail) -> Result<(), Error> {
    let mut reader = reader_behind(engine, copy)?;
    while reader.position() <= tail.header.position {
        let Some((entry, _)) = reader.next().map_err(|error| log_failed(&error))? else {
            let what =
                format!("`{}` ends before position {}, which it has had", engine.address(), tail.header.position);
            return Err(failure(ErrorKind::Corrupt, what));
        };
        apply(copy, &entry)?;
    }
    copy.drop_incomplete();
    copy.sync().map(drop)
}
