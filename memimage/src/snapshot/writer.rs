//! Writes a snapshot: serializes the state chunk by chunk into a file.

use std::io;

use serde::Serialize;
use xxhash_rust::xxh3::Xxh3;

#[cfg(feature = "admin")]
use super::EncodedPart;
use super::format::{CHUNK, CHUNK_HEADER, SnapshotHeader, Trailer, chunk_header, hasher};
use super::protection::{HEADER, SnapshotProtection};
use crate::disk::StoredFile;
use crate::error::{Error, ErrorDetail};
use crate::keys::{Protection, TAG};
use crate::personal::take_failure;
use crate::planted::{Bug, planted};

/// The number of bytes that are written between two syncs: a sync of the journal waits for the device to write them. (With 1 MiB,
/// one command in a hundred waited 3 ms while a snapshot of 1 GiB was made; with 256 KiB, 1.4 ms, and the snapshot took 1.5 times
/// as long.)
const SYNCED_LEN: usize = 256 << 10;

/// The lengths of a written snapshot, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct WrittenState {
    pub(super) file_bytes: u64,
    /// The length of the encoded state and of the table of requests.
    pub(super) state_bytes: u64,
}

/// Writes the state, and the table of requests if there is one, to a new file. Syncs piece by piece, so that a sync of the journal never waits until the whole snapshot is
/// written. The caller syncs the end of the file. At most one chunk of the serialized state is in memory. `protection` must contain
/// the keys whose ids are in the header. `link` returns the hash of the frame that contains the last event in the state; `link` is
/// called after the state was serialized and dropped.
pub(super) fn write(
    file: &StoredFile,
    header: &SnapshotHeader,
    digest: u64,
    (state, requests): (impl Serialize, Option<impl Serialize>),
    link: impl FnOnce() -> Result<u64, Error>,
    protection: Protection,
) -> Result<WrittenState, Error> {
    let mut chunks = ChunkWriter::begin_file(file, header, protection)?;
    chunks.value(&state, "the state of the model")?;
    drop(state);
    if let Some(requests) = requests {
        chunks.end_of_value()?;
        chunks.value(&requests, "the table of requests")?;
    }
    chunks.end_file(digest, link()?)
}

/// Like [`write`], with a state and a table of requests that are encoded already. `next` returns their parts in order, and
/// `None` after the last one.
#[cfg(feature = "admin")]
pub(super) fn write_encoded(
    file: &StoredFile,
    header: &SnapshotHeader,
    (digest, link): (u64, u64),
    protection: Protection,
    next: &mut dyn FnMut() -> Result<Option<EncodedPart>, Error>,
) -> Result<WrittenState, Error> {
    let mut chunks = ChunkWriter::begin_file(file, header, protection)?;
    let mut is_state = true;
    while let Some(part) = next()? {
        let bytes = match part {
            EncodedPart::State(bytes) => bytes,
            EncodedPart::Requests(bytes) => {
                if std::mem::take(&mut is_state) {
                    chunks.flush_chunk()?;
                    chunks.end_of_value()?;
                }
                bytes
            }
        };
        chunks.bytes(&bytes)?;
    }
    chunks.flush_chunk()?;
    if is_state && header.has_requests {
        chunks.end_of_value()?;
    }
    chunks.end_file(digest, link)
}

/// Splits the serialized state into chunks and writes them.
struct ChunkWriter<'a> {
    file: &'a StoredFile,
    offset: u64,
    hasher: Xxh3,
    protection: SnapshotProtection,
    /// Space for the chunk's header, then the bytes of the chunk so far.
    chunk: Vec<u8>,
    /// The number of bytes of all written chunks, without their headers.
    len: u64,
    /// The error of a failed write, kept here because postcard does not pass this error on.
    failure: Option<Error>,
}

impl<'a> ChunkWriter<'a> {
    /// Writes the header.
    fn begin_file(
        file: &'a StoredFile,
        header: &SnapshotHeader,
        protection: Protection,
    ) -> Result<ChunkWriter<'a>, Error> {
        let prefix = header.prefix;
        let header = header.encode(&protection);
        file.write_all(&header, 0)?;
        let mut chunks = ChunkWriter {
            file,
            offset: HEADER as u64,
            hasher: hasher(&header),
            protection: SnapshotProtection::new(protection, &header, prefix),
            chunk: Vec::with_capacity(CHUNK_HEADER + CHUNK + TAG),
            len: 0,
            failure: None,
        };
        chunks.begin();
        Ok(chunks)
    }

    /// Writes the empty chunk after the last value, and the trailer.
    fn end_file(mut self, digest: u64, link: u64) -> Result<WrittenState, Error> {
        let mut trailer = Trailer { len: self.len, digest, hash: self.hasher.digest128(), link };
        let tag = self.protection.encrypt_digest(&mut trailer.digest);
        let mut end = chunk_header(&[]).to_vec();
        end.extend_from_slice(&trailer.encode());
        end.extend(tag.into_iter().flatten());
        self.protection.update(&end);
        end.extend(self.protection.mac().into_iter().flatten());
        self.file.write_all(&end, self.offset)?;
        Ok(WrittenState { file_bytes: self.offset + end.len() as u64, state_bytes: self.len })
    }

    fn begin(&mut self) {
        self.chunk.clear();
        self.chunk.resize(CHUNK_HEADER, 0);
    }

    /// Writes all chunks of a value.
    fn value(&mut self, value: &impl Serialize, state: &'static str) -> Result<(), Error> {
        let serialized = postcard::to_io(value, &mut *self).map(drop);
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        serialized.map_err(|error| {
            let what = take_failure().unwrap_or_else(|| error.to_string());
            Error::new(ErrorDetail::Unserializable { state, what })
        })?;
        self.flush_chunk()
    }

    /// Appends bytes of an encoded value.
    #[cfg(feature = "admin")]
    fn bytes(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let written = io::Write::write_all(&mut &mut *self, bytes);
        match self.failure.take() {
            Some(failure) => Err(failure),
            None => written.map_err(|error| Error::io("writing", self.file.path(), error)),
        }
    }

    /// Writes the empty chunk after a value.
    fn end_of_value(&mut self) -> Result<(), Error> {
        let empty = chunk_header(&[]);
        self.protection.update(&empty);
        self.file.write_all(&empty, self.offset)?;
        self.offset += empty.len() as u64;
        Ok(())
    }

    fn flush_chunk(&mut self) -> Result<(), Error> {
        if self.chunk.len() == CHUNK_HEADER {
            return Ok(());
        }
        self.protection.encrypt(&mut self.chunk, CHUNK_HEADER);
        let header = chunk_header(&self.chunk[CHUNK_HEADER..]);
        self.chunk[..CHUNK_HEADER].copy_from_slice(&header);
        self.hasher.update(&self.chunk[CHUNK_HEADER..]);
        self.protection.update(&self.chunk);
        for piece in self.chunk.chunks(SYNCED_LEN) {
            self.file.write_all(piece, self.offset)?;
            if !planted(Bug::SnapshotNamedUnsynced) {
                self.file.sync_data()?;
            }
            self.offset += piece.len() as u64;
        }
        self.len += (self.chunk.len() - CHUNK_HEADER) as u64;
        self.begin();
        Ok(())
    }
}

impl io::Write for &mut ChunkWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = CHUNK_HEADER + CHUNK - self.chunk.len();
        let taken = room.min(bytes.len());
        self.chunk.extend_from_slice(&bytes[..taken]);
        if taken == room {
            self.flush_chunk().map_err(|error| {
                self.failure = Some(error);
                io::Error::other("writing the snapshot failed")
            })?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
