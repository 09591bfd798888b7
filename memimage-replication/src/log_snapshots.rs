//! Snapshots beside a log: their names, and their content.
//!
//! The content is `MIsnaps1`, the length of the head (4 bytes), the head (postcard of a [`SnapshotHead`]), the length of the file (8 bytes),
//! the snapshot's file as the owner wrote it, and the BLAKE3 hash of all bytes before it. All numbers are little-endian.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use memimage::{Seq, Timestamp};
use serde::{Deserialize, Serialize};

use crate::entry::{EntryHash, Id};
use crate::log_error::{LogError, LogErrorKind};
use crate::remote_log::Engine;

const MAGIC: [u8; 8] = *b"MIsnaps1";
const HASH: usize = 32;
/// The longest head that is believed, in bytes.
const HEAD_MAX: usize = 4096;

/// What the name of a snapshot says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SnapshotName {
    /// The last event in the state.
    pub(crate) seq: Seq,
    /// The position of the entry at which a copy continues.
    pub(crate) position: u64,
    /// When the snapshot was copied to the log, or the recorded time of its last event, if that is later.
    pub(crate) time: Timestamp,
}

impl SnapshotName {
    pub(crate) fn text(&self) -> String {
        format!("{:020}-{:020}-{:020}", self.seq.get(), self.position, self.time.as_micros())
    }

    pub(crate) fn parse(text: &str) -> Option<SnapshotName> {
        let mut numbers = text.split('-').map(str::parse);
        let mut next = || numbers.next()?.ok();
        let name = SnapshotName { seq: Seq::new(next()?), position: next()?, time: Timestamp::from_micros(next()?) };
        (name.text() == text).then_some(name)
    }
}

/// What a snapshot says about the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SnapshotHead {
    pub(crate) seq: Seq,
    pub(crate) position: u64,
    /// The hash of the entry before the position.
    pub(crate) previous: EntryHash,
    pub(crate) log_id: Id,
    pub(crate) image: Id,
}

/// The snapshots of a log, newest first. Files with other names are skipped.
pub(crate) fn list(engine: &Engine) -> Result<Vec<SnapshotName>, LogError> {
    let mut names: Vec<SnapshotName> =
        engine.snapshots()?.iter().filter_map(|name| SnapshotName::parse(name)).collect();
    names.sort_unstable();
    names.reverse();
    Ok(names)
}

/// Copies the file of a snapshot to the log. Fails soon after `is_stopping` was set, so that a long snapshot does not hold up a close.
pub(crate) fn put(
    engine: &Engine,
    name: &SnapshotName,
    head: &SnapshotHead,
    file: File,
    is_stopping: &AtomicBool,
) -> Result<(), LogError> {
    let unreadable = |error: io::Error| {
        LogError::new(LogErrorKind::Refused, format!("the file of snapshot {} cannot be read: {error}", name.seq))
    };
    let len = file.metadata().map_err(unreadable)?.len();
    let head = postcard::to_stdvec(head).expect("a plain structure can be encoded");
    let mut lead = MAGIC.to_vec();
    lead.extend_from_slice(&(head.len() as u32).to_le_bytes());
    lead.extend_from_slice(&head);
    lead.extend_from_slice(&len.to_le_bytes());
    let content = io::Cursor::new(lead).chain(file.take(len));
    engine
        .put_snapshot(&name.text(), &mut HashedReader { content, hash: blake3::Hasher::new(), end: None, is_stopping })
}

/// Adds the hash behind the bytes.
struct HashedReader<'a, R> {
    is_stopping: &'a AtomicBool,
    content: R,
    hash: blake3::Hasher,
    /// The hash, once all bytes were read.
    end: Option<io::Cursor<[u8; HASH]>>,
}

impl<R: Read> Read for HashedReader<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.is_stopping.load(Ordering::Relaxed) {
            return Err(io::Error::other("the owner ends"));
        }
        if self.end.is_none() && !buffer.is_empty() {
            let read = self.content.read(buffer)?;
            self.hash.update(&buffer[..read]);
            if read > 0 {
                return Ok(read);
            }
            self.end = Some(io::Cursor::new(*self.hash.finalize().as_bytes()));
        }
        self.end.as_mut().map_or(Ok(0), |end| end.read(buffer))
    }
}

/// Writes the file of a snapshot to `path`, and verifies it. Syncs the file. Removes it after an error.
pub(crate) fn get(engine: &Engine, name: &SnapshotName, path: &Path) -> Result<SnapshotHead, LogError> {
    let failed = |error: io::Error| {
        LogError::new(LogErrorKind::Refused, format!("a snapshot cannot be written to `{}`: {error}", path.display()))
    };
    let file = File::create(path).map_err(failed)?;
    let result = read(engine, name, &file).and_then(|head| {
        file.sync_all().map_err(failed)?;
        Ok(head)
    });
    result.inspect_err(|_| drop(std::fs::remove_file(path)))
}

/// Reads a snapshot, and verifies it.
pub(crate) fn verify(engine: &Engine, name: &SnapshotName) -> Result<SnapshotHead, LogError> {
    read(engine, name, io::sink())
}

fn read(engine: &Engine, name: &SnapshotName, file: impl Write) -> Result<SnapshotHead, LogError> {
    let mut writer = VerifiedWriter { file, hash: blake3::Hasher::new(), held: Vec::new(), head: None, left: 0 };
    engine.get_snapshot(&name.text(), &mut writer)?;
    let damaged = |what: &str| {
        let text = name.text();
        LogError::new(
            LogErrorKind::Damaged,
            format!("the snapshot `{text}` of `{}` is damaged: {what}; help: use an older snapshot", engine.address()),
        )
    };
    let head = writer.finish().map_err(damaged)?;
    match head.seq == name.seq && head.position == name.position {
        true => Ok(head),
        false => Err(damaged("its name and its content differ")),
    }
}

/// Writes the file as its bytes arrive, and verifies the rest.
struct VerifiedWriter<W> {
    file: W,
    hash: blake3::Hasher,
    /// The bytes that are neither hashed nor written yet.
    held: Vec<u8>,
    head: Option<SnapshotHead>,
    /// The bytes of the file that are missing.
    left: u64,
}

impl<W> VerifiedWriter<W> {
    /// Decodes the head, once it has arrived.
    fn decode_head(&mut self) -> io::Result<()> {
        let invalid = |what| io::Error::new(io::ErrorKind::InvalidData, what);
        let Some(len) = self.held.get(8..12).map(|len| u32::from_le_bytes(len.try_into().expect("4 bytes")) as usize)
        else {
            return Ok(());
        };
        if self.held[..8] != MAGIC || len > HEAD_MAX {
            return Err(invalid("this is no snapshot of a log"));
        }
        let lead = 12 + len + 8;
        if self.held.len() >= lead {
            self.head = Some(
                postcard::from_bytes(&self.held[12..12 + len]).map_err(|_| invalid("its head cannot be decoded"))?,
            );
            self.left = u64::from_le_bytes(self.held[12 + len..lead].try_into().expect("8 bytes"));
            self.hash.update(&self.held[..lead]);
            self.held.drain(..lead);
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<SnapshotHead, &'static str> {
        let Some(head) = self.head else { return Err("it is too short") };
        if self.left > 0 || self.held.len() < HASH {
            return Err("it is too short");
        }
        match self.held.len() == HASH && *self.hash.finalize().as_bytes() == self.held[..] {
            true => Ok(head),
            false => Err("its hash is wrong"),
        }
    }
}

impl<W: Write> Write for VerifiedWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.held.extend_from_slice(bytes);
        if self.head.is_none() {
            self.decode_head()?;
        }
        if self.head.is_some() {
            let now = self.left.min(self.held.len() as u64) as usize;
            self.file.write_all(&self.held[..now])?;
            self.hash.update(&self.held[..now]);
            self.held.drain(..now);
            self.left -= now as u64;
            if self.left == 0 && self.held.len() > HASH {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "it is longer than it states"));
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
