//! Begins or continues the copy of a journal.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use memimage::replication::{JournalCopy, JournalPoint};
use memimage::{Error, ErrorKind};

use super::divergence::{self, SetAside};
use crate::catch_up::{apply, begin_at, reader_behind};
use crate::entry::{Content, Entry};
use crate::failure::{failure, log_failed};
use crate::log_error::LogErrorKind;
use crate::log_reader::{LogReader, LogTail};
use crate::log_snapshots;
use crate::owner_id;
use crate::remote_log::Engine;

/// How often a standby looks whether an owner has shipped something.
const POLL: Duration = Duration::from_millis(20);

/// The name of the file of a snapshot on its way into the copy.
const DOWNLOAD: &str = "snapshot.tmp";

/// A copy that has the journal up to the end of the log, and the reader of what follows.
pub(super) struct BegunCopy {
    pub(super) copy: JournalCopy,
    pub(super) reader: LogReader,
    /// The last entry that was read.
    pub(super) tail: LogTail,
    pub(super) set_aside: Option<SetAside>,
}

/// Opens the copy in `path`, and reads the log up to its present end.
pub(super) fn begin(engine: &Engine, path: &Path, sets_aside: bool, wait: Duration) -> Result<BegunCopy, Error> {
    let tail = wait_for_journal(engine, wait)?;
    let mut set_aside = None;
    if has_journal(path)
        && let Some(found) = divergence::compare(engine, path, &tail)?
    {
        divergence::refuse_owner(engine, path, &tail)?;
        if !sets_aside {
            return Err(divergence::refused(engine, path, found));
        }
        // nobody may be using it
        drop(JournalCopy::lock(path, tail.header.image)?);
        set_aside = Some(divergence::set_aside(path, found)?);
    }
    let mut copy = JournalCopy::lock(path, tail.header.image)?;
    let mut reader = match copy.is_empty() {
        true => begin_anew(engine, &mut copy)?,
        false => reader_behind(engine, &copy)?,
    };
    let (started, mut attempts) = (Instant::now(), 0);
    let mut from_first_event = copy.is_empty() && reader.position() == 1;
    let mut last = None;
    loop {
        let (entry, hash) = match reader.next() {
            Ok(Some(next)) => next,
            Ok(None) => break,
            // the owner has removed the entries of the snapshot meanwhile, because there is a newer one
            Err(error) if error.kind() == LogErrorKind::Pruned && copy.is_empty() && attempts < ATTEMPTS => {
                attempts += 1;
                copy.drop_incomplete();
                reader = begin_anew(engine, &mut copy)?;
                from_first_event = reader.position() == 1;
                continue;
            }
            Err(error) => return Err(log_failed(&error)),
        };
        if from_first_event && begins_later(&entry) {
            // the owner copies a snapshot of its pruned journal to the log soon
            if started.elapsed() >= wait {
                return Err(no_snapshot(engine, "the journal was pruned before it was replicated"));
            }
            std::thread::sleep(POLL);
            reader = begin_anew(engine, &mut copy)?;
            from_first_event = reader.position() == 1;
            continue;
        }
        from_first_event &= copy.is_empty();
        apply(&mut copy, &entry).map_err(|error| not_continued(engine, path, error))?;
        last = Some(LogTail::after(&entry, hash));
        if reader.position() > tail.header.position && last.as_ref().is_some_and(|last| last.next() > tail.next() + FEW)
        {
            break;
        }
    }
    copy.sync()?;
    Ok(BegunCopy { copy, reader, tail: last.unwrap_or(tail), set_aside })
}

/// A standby that opens reads at most so many entries that were appended meanwhile; it reads the others while it follows.
const FEW: u64 = 1024;

/// How often a standby that opens begins again, because the log was pruned meanwhile.
const ATTEMPTS: u32 = 5;

/// Whether this is a piece of a journal that no longer has its first segment.
fn begins_later(entry: &Entry) -> bool {
    matches!(&entry.content, Content::Piece(piece) if piece.head.start.segment > 1)
}

fn no_snapshot(engine: &Engine, what: &str) -> Error {
    failure(
        ErrorKind::Replication,
        format!(
            "{what}, and `{}` has no snapshot to begin with; help: let the owner make a snapshot",
            engine.address()
        ),
    )
}

fn has_journal(path: &Path) -> bool {
    let files = fs::read_dir(path.join("journal")).into_iter().flatten().flatten();
    files.into_iter().any(|file| file.file_name().to_string_lossy().ends_with(".journal"))
}

/// Waits until the log has some of the journal, and returns its end.
fn wait_for_journal(engine: &Engine, wait: Duration) -> Result<LogTail, Error> {
    let started = Instant::now();
    loop {
        if let Some(tail) = LogTail::find(engine).map_err(|error| log_failed(&error))?
            && tail.point != JournalPoint::START
        {
            return Ok(tail);
        }
        if started.elapsed() >= wait {
            return Err(failure(
                ErrorKind::Replication,
                format!("`{}` has no journal yet; help: start the owner of the image first", engine.address()),
            ));
        }
        std::thread::sleep(POLL);
    }
}

/// Chooses where an empty copy begins: at the newest snapshot that can be used, or at the beginning of the log.
pub(crate) fn begin_anew(engine: &Engine, copy: &mut JournalCopy) -> Result<LogReader, Error> {
    let names = log_snapshots::list(engine).map_err(|error| log_failed(&error))?;
    let file = download_path(copy.path())?;
    let mut unusable = None;
    for name in names {
        match begin_at(engine, copy, &name, &file) {
            Ok(reader) => return Ok(reader),
            Err(error) => {
                tracing::warn!(%error, snapshot = name.text(), "a snapshot of the log cannot be used; an older one is tried");
                unusable = Some(error);
            }
        }
    }
    let bounds = engine.bounds().map_err(|error| log_failed(&error))?;
    if bounds.first > 1 {
        return Err(
            unusable.unwrap_or_else(|| no_snapshot(engine, &format!("the log begins at position {}", bounds.first)))
        );
    }
    LogReader::at(engine, 1, None).map_err(|error| log_failed(&error))
}

/// Removes the file of the snapshot with which a copy has begun.
pub(crate) fn remove_download(directory: &Path) {
    // only a temporary file
    let _ = fs::remove_file(directory.join(owner_id::DIRECTORY).join(DOWNLOAD));
}

/// Where the file of a snapshot is written before the copy has it.
fn download_path(path: &Path) -> Result<PathBuf, Error> {
    let directory = path.join(owner_id::DIRECTORY);
    if !directory.exists() {
        fs::create_dir(&directory).map_err(|error| io_failed(&directory, &error))?;
    }
    Ok(directory.join(DOWNLOAD))
}

fn io_failed(path: &Path, error: &std::io::Error) -> Error {
    failure(ErrorKind::Io, format!("`{}` cannot be created: {error}", path.display()))
}

/// Explains an entry that does not continue the copy.
fn not_continued(engine: &Engine, path: &Path, error: Error) -> Error {
    match error.kind() {
        ErrorKind::Replaced => failure(
            ErrorKind::Replaced,
            format!(
                "the copy in `{}` is not continued by `{}`: {error}; help: move the directory away, and open the standby again",
                path.display(),
                engine.address()
            ),
        ),
        _ => error,
    }
}
