//! Reads a snapshot. The reader verifies each chunk before it uses any byte of the chunk.

use std::path::Path;
use std::sync::Arc;

use elsa::FrozenVec;
use postcard::de_flavors::Flavor;
use serde::de::{DeserializeOwned, DeserializeSeed};
use xxhash_rust::xxh3::Xxh3;

#[cfg(feature = "admin")]
use super::EncodedPart;
use super::format::{CHUNK, CHUNK_HEADER, SnapshotHeader, TRAILER, Trailer, hasher, u32_at};
use super::protection::{HEADER, SnapshotProtection, decrypt_seed, overhead};
use crate::disk::{Access, Disk, StoredFile};
use crate::error::{Error, ErrorDetail, PersonalKeyError};
use crate::journal::Identity;
use crate::keys::{AuthenticationError, Keyring, MAC, TAG};
use crate::nesting::{BoundedError, MAX_STATE_DEPTH, deserialize_within};
use crate::personal::take_failure;
use crate::progress::{OpeningPhase, Progress, ProgressReporter};
use crate::requests::{RequestTable, StoredTable};
use crate::seq::Seq;
use crate::shape::{Shape, may_be_deep};

/// An open snapshot with a valid header.
pub(crate) struct SnapshotFile {
    file: StoredFile,
    len: u64,
    pub(crate) header: SnapshotHeader,
    bytes: Box<[u8; HEADER]>,
    keyring: Arc<Keyring>,
    reporter: Option<Arc<ProgressReporter>>,
}

/// The content of a snapshot.
pub(crate) struct LoadedSnapshot<T> {
    pub(crate) state: T,
    /// Empty if the snapshot has no table.
    pub(crate) requests: RequestTable,
    pub(crate) trailer: Trailer,
}

impl SnapshotFile {
    /// Opens a snapshot and reads its header. The header can be read without keys.
    ///
    /// # Errors
    ///
    /// Returns an error if the header is damaged or has a newer format.
    pub(crate) fn open(disk: &dyn Disk, path: &Path, keyring: &Arc<Keyring>) -> Result<SnapshotFile, Error> {
        let file = StoredFile::open(disk, path, Access::Read)?;
        let len = file.len()?;
        let mut bytes = [0; HEADER];
        if file.read_up_to(&mut bytes, 0)? < HEADER {
            return Err(damaged(path, "the file ends within its header"));
        }
        let header = SnapshotHeader::decode(&bytes).map_err(|what| damaged(path, what))?;
        Ok(SnapshotFile { file, len, header, bytes: Box::new(bytes), keyring: Arc::clone(keyring), reporter: None })
    }

    /// The same file, whose progress is reported while the state is loaded.
    pub(super) fn reporting_to(self, reporter: Option<Arc<ProgressReporter>>) -> SnapshotFile {
        SnapshotFile { reporter, ..self }
    }

    /// Length of the file, in bytes.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Length of the encoded state and of the table of requests, in bytes, according to the trailer; `None` if the trailer is damaged.
    pub(crate) fn state_bytes(&self) -> Option<u64> {
        let key_ids = self.header.key_ids;
        let protected = key_ids.cipher.map_or(0, |_| TAG) + key_ids.chain.map_or(0, |_| MAC);
        let mut bytes = [0; TRAILER];
        let offset = self.len.checked_sub((TRAILER + protected) as u64)?;
        let read = self.file.read_up_to(&mut bytes, offset).ok()?;
        Trailer::decode(&bytes).filter(|_| read == TRAILER).map(|trailer| trailer.len)
    }

    /// Reads and verifies the complete file without decoding the state.
    pub(crate) fn check(self) -> Result<Trailer, Error> {
        let has_requests = self.header.has_requests;
        let mut chunks = self.chunks()?;
        while chunks.next_chunk()? {}
        if has_requests {
            while chunks.next_chunk()? {}
        }
        chunks.trailer()
    }

    /// Reads and verifies the complete file. Returns the identity of the image, with the decrypted seed.
    pub(crate) fn identity(self) -> Result<Identity, Error> {
        let protection = self.keyring.protection(self.header.key_ids, &self.header.identity.uuid, self.file.path())?;
        let seed = decrypt_seed(&protection, &self.header.prefix, &self.bytes).map_err(|AuthenticationError| {
            let what = "the seed does not decrypt under this key".to_owned();
            Error::new(ErrorDetail::ForgedState { path: self.file.path().to_owned(), what })
        })?;
        let identity = Identity { seed, ..self.header.identity.clone() };
        self.check().map(|_| identity)
    }

    /// Reads, verifies and decodes the state and the table of requests.
    pub(crate) fn load<T: Shape + DeserializeOwned>(self) -> Result<LoadedSnapshot<T>, Error> {
        let path = self.file.path().to_owned();
        self.decode()?.map_err(|what| damaged(&path, what))
    }

    /// Like [`load`](SnapshotFile::load), except that it returns an inner error if the checksums are correct but the state does
    /// not decode as a `T`.
    pub(crate) fn decode<T: Shape + DeserializeOwned>(self) -> Result<Result<LoadedSnapshot<T>, String>, Error> {
        let path = self.file.path().to_owned();
        let mut chunks = self.chunks()?;
        let decoded = chunks.value(|deserializer| match const { may_be_deep(T::SHAPE) } {
            true => deserialize_within(deserializer, MAX_STATE_DEPTH),
            false => T::deserialize(deserializer).map_err(BoundedError::Invalid),
        });
        let state = match decoded? {
            Ok(state) => state,
            Err(BoundedError::TooDeep) => {
                return Ok(Err(format!("the state is nested more than {MAX_STATE_DEPTH} levels deep")));
            }
            Err(BoundedError::Invalid(error)) => {
                if let Some(what) = take_failure() {
                    let place = format!("the state in `{}`", path.display());
                    return Err(Error::new(ErrorDetail::PersonalKey(PersonalKeyError::Unreadable { place, what })));
                }
                return Ok(Err(format!("the state does not decode: {error}")));
            }
        };
        if !chunks.is_at_end()? {
            return Ok(Err("the file has bytes after the state".to_owned()));
        }
        let requests = chunks.requests()?;
        let trailer = chunks.trailer()?;
        Ok(Ok(LoadedSnapshot { state, requests, trailer }))
    }

    /// Reads and verifies the encoded state, for a caller that decodes it as another type than the model.
    pub(crate) fn bytes(self) -> Result<LoadedSnapshot<Vec<u8>>, Error> {
        let mut chunks = self.chunks()?;
        let mut bytes = Vec::new();
        while chunks.next_chunk()? {
            bytes.extend_from_slice(&chunks.chunk);
        }
        let requests = chunks.requests()?;
        let trailer = chunks.trailer()?;
        Ok(LoadedSnapshot { state: bytes, requests, trailer })
    }

    /// Reads and verifies the complete file, and passes the encoded state and the encoded table of requests to `visit`, part by
    /// part. Only the returned trailer proves that the parts are those that were written.
    #[cfg(feature = "admin")]
    pub(crate) fn parts(self, visit: &mut dyn FnMut(EncodedPart) -> Result<(), Error>) -> Result<Trailer, Error> {
        let has_requests = self.header.has_requests;
        let mut chunks = self.chunks()?;
        while chunks.next_chunk()? {
            visit(EncodedPart::State(std::mem::take(&mut chunks.chunk)))?;
        }
        while has_requests && chunks.next_chunk()? {
            visit(EncodedPart::Requests(std::mem::take(&mut chunks.chunk)))?;
        }
        chunks.trailer()
    }

    fn chunks(self) -> Result<ChunkReader, Error> {
        let protection = self.keyring.protection(self.header.key_ids, &self.header.identity.uuid, self.file.path())?;
        Ok(ChunkReader {
            hasher: hasher(&self.bytes),
            protection: SnapshotProtection::new(protection, &self.bytes, self.header.prefix),
            snapshot: self,
            offset: HEADER as u64,
            chunk: Vec::new(),
            at: 0,
            total: 0,
            failure: None,
        })
    }
}

/// Reads the chunks of a snapshot in order.
struct ChunkReader {
    snapshot: SnapshotFile,
    hasher: Xxh3,
    protection: SnapshotProtection,
    offset: u64,
    /// The current chunk, verified and decrypted.
    chunk: Vec<u8>,
    /// The number of bytes of the current chunk that were consumed.
    at: usize,
    /// The number of bytes of all chunks so far.
    total: u64,
    /// The cause, if [`fill`](ChunkReader::fill) returned an error of postcard, which cannot carry a cause.
    failure: Option<Error>,
}

impl ChunkReader {
    /// Decodes a value that begins with the next byte.
    fn value<T, E>(
        &mut self,
        decode: impl for<'de> FnOnce(&mut postcard::Deserializer<'de, StateBytes<'de>>) -> Result<T, E>,
    ) -> Result<Result<T, E>, Error> {
        let borrowed = FrozenVec::new();
        let mut deserializer =
            postcard::Deserializer::from_flavor(StateBytes { chunks: self, scratch: Vec::new(), borrowed: &borrowed });
        let value = decode(&mut deserializer);
        drop(deserializer);
        self.failure.take().map_or(Ok(value), Err)
    }

    /// Whether all bytes of the current value were used. Reads the empty chunk after the value.
    fn is_at_end(&mut self) -> Result<bool, Error> {
        Ok(self.at == self.chunk.len() && !self.next_chunk()?)
    }

    /// Decodes the table of requests, which follows the state.
    fn requests(&mut self) -> Result<RequestTable, Error> {
        let SnapshotHeader { requests_since, seq, has_requests, .. } = self.snapshot.header;
        // a file without the field says nothing about requests
        let since = if requests_since == Seq::ZERO { seq.next() } else { requests_since };
        let stored = StoredTable { since, last: seq };
        if !has_requests {
            return Ok(stored.empty());
        }
        let table = self.value(|deserializer| stored.deserialize(deserializer))?;
        let table = table.map_err(|error| self.damaged(format!("the table of requests does not decode: {error}")))?;
        match self.is_at_end()? {
            true => Ok(table),
            false => Err(self.damaged("the file has bytes after the table of requests")),
        }
    }

    /// Reads and verifies the next chunk. Returns `false` for the empty chunk at the end of the state, or of the table of requests.
    fn next_chunk(&mut self) -> Result<bool, Error> {
        let mut header = [0; CHUNK_HEADER];
        self.read_exact(&mut header)?;
        let (len, crc) = (u32_at(&header, 0) as usize, u32_at(&header, 4));
        if len > CHUNK + overhead(self.snapshot.header.key_ids) {
            return Err(self.damaged("a chunk is longer than the maximum"));
        }
        let mut chunk = std::mem::take(&mut self.chunk);
        chunk.resize(len, 0);
        self.read_exact(&mut chunk)?;
        if crc32c::crc32c(&chunk) != crc {
            return Err(self.damaged(format!("the checksum of the chunk that ends at byte {} is wrong", self.offset)));
        }
        self.hasher.update(&chunk);
        self.protection.update(&header);
        self.protection.update(&chunk);
        if len > 0 {
            self.protection.decrypt(&mut chunk).map_err(|AuthenticationError| {
                self.forged(format!("the chunk that ends at byte {} does not decrypt with this key", self.offset))
            })?;
        }
        self.total += len as u64;
        self.chunk = chunk;
        self.at = 0;
        if let Some(reporter) = &self.snapshot.reporter {
            reporter.report_if_due(OpeningPhase::Snapshot, || self.progress());
        }
        Ok(len > 0)
    }

    /// Reads and verifies the trailer. Must be called after the last chunk.
    fn trailer(&mut self) -> Result<Trailer, Error> {
        let mut bytes = [0; TRAILER];
        self.read_exact(&mut bytes)?;
        let mut trailer = Trailer::decode(&bytes).ok_or_else(|| self.damaged("the trailer's checksum is wrong"))?;
        if trailer.len != self.total || trailer.hash != self.hasher.digest128() {
            return Err(self.damaged("the hash of the file is wrong"));
        }
        self.protection.update(&bytes);
        if self.snapshot.header.key_ids.cipher.is_some() {
            let mut tag = [0; TAG];
            self.read_exact(&mut tag)?;
            self.protection.update(&tag);
            let decrypted = self.protection.decrypt_digest(&mut trailer.digest, &tag);
            decrypted.map_err(|AuthenticationError| self.forged("the digest does not decrypt with this key"))?;
        }
        if self.snapshot.header.key_ids.chain.is_some() {
            let mut mac = [0; MAC];
            self.read_exact(&mut mac)?;
            if !self.protection.verify(&mac) {
                return Err(self.forged("the MAC of the file is not valid under this key"));
            }
        }
        if self.offset != self.snapshot.len {
            return Err(self.damaged("the file has bytes after its trailer"));
        }
        if let Some(reporter) = &self.snapshot.reporter {
            reporter.report(self.progress());
        }
        Ok(trailer)
    }

    fn progress(&self) -> Progress {
        Progress { phase: OpeningPhase::Snapshot, events: 0, bytes: self.offset, bytes_total: self.snapshot.len }
    }

    fn read_exact(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        let read = self.snapshot.file.read_up_to(bytes, self.offset)?;
        self.offset += read as u64;
        if read < bytes.len() {
            return Err(self.damaged(format!("the file ends too early, at byte {}", self.offset)));
        }
        Ok(())
    }

    /// The number of bytes of the file that were not consumed yet, which is an upper bound for the length of the next value.
    fn left(&self) -> u64 {
        (self.chunk.len() - self.at) as u64 + self.snapshot.len.saturating_sub(self.offset)
    }

    /// Reads the next chunk if all bytes of the current chunk were used.
    fn fill(&mut self) -> postcard::Result<()> {
        if self.at < self.chunk.len() {
            return Ok(());
        }
        match self.next_chunk() {
            Ok(true) => Ok(()),
            Ok(false) => Err(postcard::Error::DeserializeUnexpectedEnd),
            Err(error) => {
                self.failure = Some(error);
                Err(postcard::Error::DeserializeUnexpectedEnd)
            }
        }
    }

    fn damaged(&self, what: impl Into<String>) -> Error {
        damaged(self.snapshot.file.path(), what)
    }

    /// The error for bytes whose checksums are correct, but whose tag or MAC is not valid under the key.
    fn forged(&self, what: impl Into<String>) -> Error {
        Error::new(ErrorDetail::ForgedState { path: self.snapshot.file.path().to_owned(), what: what.into() })
    }
}

fn damaged(path: &Path, what: impl Into<String>) -> Error {
    Error::new(ErrorDetail::Snapshot { path: path.to_owned(), what: what.into() })
}

/// The source from which postcard reads the encoded state.
struct StateBytes<'de> {
    chunks: &'de mut ChunkReader,
    scratch: Vec<u8>,
    /// Bytes that must live until the state is decoded, because some types borrow a string before they copy it.
    borrowed: &'de FrozenVec<Box<[u8]>>,
}

impl StateBytes<'_> {
    fn take(&mut self, count: usize) -> postcard::Result<()> {
        if count as u64 > self.chunks.left() {
            return Err(postcard::Error::DeserializeUnexpectedEnd);
        }
        self.scratch.clear();
        while self.scratch.len() < count {
            self.chunks.fill()?;
            let unused = &self.chunks.chunk[self.chunks.at..];
            let taken = unused.len().min(count - self.scratch.len());
            self.scratch.extend_from_slice(&unused[..taken]);
            self.chunks.at += taken;
        }
        Ok(())
    }
}

impl<'de> Flavor<'de> for StateBytes<'de> {
    type Remainder = ();
    type Source = ();

    fn pop(&mut self) -> postcard::Result<u8> {
        self.chunks.fill()?;
        let byte = self.chunks.chunk[self.chunks.at];
        self.chunks.at += 1;
        Ok(byte)
    }

    fn try_take_n(&mut self, count: usize) -> postcard::Result<&'de [u8]> {
        self.take(count)?;
        Ok(self.borrowed.push_get(self.scratch.as_slice().into()))
    }

    fn try_take_n_temp<'a>(&'a mut self, count: usize) -> postcard::Result<&'a [u8]>
    where
        'de: 'a,
    {
        self.take(count)?;
        Ok(&self.scratch)
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}
