//! Writing a snapshot: the state is serialized piece by piece into a file that gets its name once it is complete.

use std::io;

use serde::Serialize;
use xxhash_rust::xxh3::Xxh3;

use super::format::{CHUNK, CHUNK_HEADER, HEADER, SnapshotHeader, Trailer, chunk_header, hasher};
use super::protection::SnapshotProtection;
use crate::disk::StoredFile;
use crate::error::{Error, ErrorDetail};
use crate::keys::{Protection, TAG};
use crate::planted::{Bug, planted};

/// Writes the state into a new file, and syncs each chunk so that no sync of the journal waits behind all of it. The caller
/// syncs the end. The serialized state is never in memory as a whole. `protection` is of the form that the header names.
pub(super) fn write(
    file: &StoredFile,
    header: &SnapshotHeader,
    digest: u64,
    state: &impl Serialize,
    protection: Protection,
) -> Result<u64, Error> {
    let prefix = header.prefix;
    let header = header.encode();
    file.write_all(&header, 0)?;
    let mut chunks = Chunks {
        file,
        offset: HEADER as u64,
        hasher: hasher(&header),
        cover: SnapshotProtection::new(protection, &header, prefix),
        chunk: Vec::with_capacity(CHUNK_HEADER + CHUNK + TAG),
        len: 0,
        failure: None,
    };
    chunks.begin();
    let serialized = postcard::to_io(state, &mut chunks).map(drop);
    if let Some(failure) = chunks.failure {
        return Err(failure);
    }
    serialized.map_err(|error| {
        let what = format!("the state cannot be serialized: {error}");
        Error::new(ErrorDetail::Snapshot { path: file.path().to_owned(), what })
    })?;
    chunks.flush_chunk()?;
    let mut trailer = Trailer { len: chunks.len, digest, hash: chunks.hasher.digest128() };
    let tag = chunks.cover.encrypt_digest(&mut trailer.digest);
    let mut end = chunk_header(&[]).to_vec();
    end.extend_from_slice(&trailer.encode());
    end.extend(tag.into_iter().flatten());
    chunks.cover.update(&end);
    end.extend(chunks.cover.mac().into_iter().flatten());
    file.write_all(&end, chunks.offset)?;
    Ok(chunks.offset + end.len() as u64)
}

struct Chunks<'a> {
    file: &'a StoredFile,
    offset: u64,
    hasher: Xxh3,
    cover: SnapshotProtection,
    /// Room for the chunk's header, then what it holds so far.
    chunk: Vec<u8>,
    len: u64,
    /// Why writing failed; serde passes on that it did, not why.
    failure: Option<Error>,
}

impl Chunks<'_> {
    fn begin(&mut self) {
        self.chunk.clear();
        self.chunk.resize(CHUNK_HEADER, 0);
    }

    fn flush_chunk(&mut self) -> Result<(), Error> {
        if self.chunk.len() == CHUNK_HEADER {
            return Ok(());
        }
        self.cover.encrypt(&mut self.chunk, CHUNK_HEADER);
        let header = chunk_header(&self.chunk[CHUNK_HEADER..]);
        self.chunk[..CHUNK_HEADER].copy_from_slice(&header);
        self.hasher.update(&self.chunk[CHUNK_HEADER..]);
        self.cover.update(&self.chunk);
        self.file.write_all(&self.chunk, self.offset)?;
        if !planted(Bug::SnapshotNamedUnsynced) {
            self.file.sync_data()?;
        }
        self.offset += self.chunk.len() as u64;
        self.len += (self.chunk.len() - CHUNK_HEADER) as u64;
        self.begin();
        Ok(())
    }
}

impl io::Write for &mut Chunks<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = CHUNK_HEADER + CHUNK - self.chunk.len();
        let taken = room.min(bytes.len());
        self.chunk.extend_from_slice(&bytes[..taken]);
        if taken == room {
            self.flush_chunk().map_err(|error| {
                self.failure = Some(error);
                io::Error::other("the snapshot could not be written")
            })?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
