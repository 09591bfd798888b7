//! Reading a snapshot: each chunk is checked before a byte of it is used.

use std::path::Path;
use std::sync::Arc;

use elsa::FrozenVec;
use postcard::de_flavors::Flavor;
use serde::de::DeserializeOwned;
use xxhash_rust::xxh3::Xxh3;

use super::format::{CHUNK, CHUNK_HEADER, HEADER, SnapshotHeader, TRAILER, Trailer, hasher, u32_at};
use super::protection::{SnapshotProtection, overhead};
use crate::disk::{Access, Disk, StoredFile};
use crate::error::{Error, ErrorDetail};
use crate::keys::{AuthenticationError, Keyring, MAC, TAG};

/// An open snapshot whose header is good.
pub(crate) struct SnapshotFile {
    file: StoredFile,
    len: u64,
    pub(crate) header: SnapshotHeader,
    bytes: Box<[u8; HEADER]>,
    keyring: Arc<Keyring>,
}

impl SnapshotFile {
    /// Reads the header, for which it takes no keys.
    pub(crate) fn open(disk: &dyn Disk, path: &Path, keyring: &Arc<Keyring>) -> Result<SnapshotFile, Error> {
        let file = StoredFile::open(disk, path, Access::Read)?;
        let len = file.len()?;
        let mut bytes = [0; HEADER];
        if file.read_up_to(&mut bytes, 0)? < HEADER {
            return Err(damaged(path, "the file ends within its header"));
        }
        let header = SnapshotHeader::decode(&bytes).map_err(|what| damaged(path, what))?;
        Ok(SnapshotFile { file, len, header, bytes: Box::new(bytes), keyring: Arc::clone(keyring) })
    }

    /// Bytes of the file.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Reads everything and checks it, without making a state of it.
    pub(crate) fn check(self) -> Result<Trailer, Error> {
        let mut chunks = self.chunks()?;
        while chunks.next_chunk()? {}
        chunks.trailer()
    }

    /// Reads the state; what was said of it after it comes along.
    pub(crate) fn load<T: DeserializeOwned>(self) -> Result<(T, Trailer), Error> {
        let kept = FrozenVec::new();
        let mut chunks = self.chunks()?;
        let mut deserializer =
            postcard::Deserializer::from_flavor(StateBytes { chunks: &mut chunks, scratch: Vec::new(), kept: &kept });
        let state = T::deserialize(&mut deserializer);
        drop(deserializer);
        if let Some(failure) = chunks.failure.take() {
            return Err(failure);
        }
        let state = state.map_err(|error| chunks.damaged(format!("the state does not decode: {error}")))?;
        if chunks.at < chunks.chunk.len() || chunks.next_chunk()? {
            return Err(chunks.damaged("bytes are left over after the state"));
        }
        let trailer = chunks.trailer()?;
        Ok((state, trailer))
    }

    /// Reads the encoded state, for a type that is not the model's.
    pub(crate) fn bytes(self) -> Result<(Vec<u8>, Trailer), Error> {
        let mut chunks = self.chunks()?;
        let mut bytes = Vec::new();
        while chunks.next_chunk()? {
            bytes.extend_from_slice(&chunks.chunk);
        }
        let trailer = chunks.trailer()?;
        Ok((bytes, trailer))
    }

    fn chunks(self) -> Result<Chunks, Error> {
        let protection = self.keyring.protection(self.header.form, &self.header.uuid, self.file.path())?;
        Ok(Chunks {
            hasher: hasher(&self.bytes),
            cover: SnapshotProtection::new(protection, &self.bytes, self.header.prefix),
            snapshot: self,
            offset: HEADER as u64,
            chunk: Vec::new(),
            at: 0,
            total: 0,
            failure: None,
        })
    }
}

/// The chunks of a snapshot, one after the other.
struct Chunks {
    snapshot: SnapshotFile,
    hasher: Xxh3,
    cover: SnapshotProtection,
    offset: u64,
    /// The chunk at hand, checked.
    chunk: Vec<u8>,
    /// How much of it was used.
    at: usize,
    total: u64,
    failure: Option<Error>,
}

impl Chunks {
    /// Reads the next chunk; `false` at the end.
    fn next_chunk(&mut self) -> Result<bool, Error> {
        let mut header = [0; CHUNK_HEADER];
        self.read_exact(&mut header)?;
        let (len, crc) = (u32_at(&header, 0) as usize, u32_at(&header, 4));
        if len > CHUNK + overhead(self.snapshot.header.form) {
            return Err(self.damaged("a chunk is longer than chunks are"));
        }
        let mut chunk = std::mem::take(&mut self.chunk);
        chunk.resize(len, 0);
        self.read_exact(&mut chunk)?;
        if crc32c::crc32c(&chunk) != crc {
            return Err(self.damaged(format!("the checksum of the chunk before byte {} is wrong", self.offset)));
        }
        self.hasher.update(&chunk);
        self.cover.update(&header);
        self.cover.update(&chunk);
        if len > 0 {
            self.cover.decrypt(&mut chunk).map_err(|AuthenticationError| {
                self.forged(format!("the chunk before byte {} does not decrypt under this key", self.offset))
            })?;
        }
        self.total += len as u64;
        self.chunk = chunk;
        self.at = 0;
        Ok(len > 0)
    }

    /// Reads the trailer, after the last chunk.
    fn trailer(&mut self) -> Result<Trailer, Error> {
        let mut bytes = [0; TRAILER];
        self.read_exact(&mut bytes)?;
        let mut trailer = Trailer::decode(&bytes).ok_or_else(|| self.damaged("the trailer's checksum is wrong"))?;
        if trailer.len != self.total || trailer.hash != self.hasher.digest128() {
            return Err(self.damaged("the hash over all of it is wrong"));
        }
        self.cover.update(&bytes);
        if self.snapshot.header.form.cipher.is_some() {
            let mut tag = [0; TAG];
            self.read_exact(&mut tag)?;
            self.cover.update(&tag);
            let decrypted = self.cover.decrypt_digest(&mut trailer.digest, &tag);
            decrypted.map_err(|AuthenticationError| self.forged("its end does not decrypt under this key"))?;
        }
        if self.snapshot.header.form.chain.is_some() {
            let mut mac = [0; MAC];
            self.read_exact(&mut mac)?;
            if !self.cover.verify(&mac) {
                return Err(self.forged("the keyed hash over all of it is not what this key makes of it"));
            }
        }
        if self.offset != self.snapshot.len {
            return Err(self.damaged("bytes follow the trailer"));
        }
        Ok(trailer)
    }

    fn read_exact(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        let read = self.snapshot.file.read_up_to(bytes, self.offset)?;
        self.offset += read as u64;
        match read == bytes.len() {
            true => Ok(()),
            false => Err(self.damaged(format!("the file ends at byte {}", self.offset))),
        }
    }

    /// Bytes of the file that were not used yet: no value can be longer.
    fn left(&self) -> u64 {
        (self.chunk.len() - self.at) as u64 + self.snapshot.len.saturating_sub(self.offset)
    }

    /// Makes sure that there is an unused byte in the chunk at hand.
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

    /// The error of bytes whose checksums are right.
    fn forged(&self, what: impl Into<String>) -> Error {
        Error::new(ErrorDetail::ForgedState { path: self.snapshot.file.path().to_owned(), what: what.into() })
    }
}

fn damaged(path: &Path, what: impl Into<String>) -> Error {
    Error::new(ErrorDetail::Snapshot { path: path.to_owned(), what: what.into() })
}

/// Where postcard takes the bytes of the state from.
struct StateBytes<'de> {
    chunks: &'de mut Chunks,
    scratch: Vec<u8>,
    /// What was lent for as long as the state is read: some types want to borrow their text first, and then own it.
    kept: &'de FrozenVec<Box<[u8]>>,
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
        Ok(self.kept.push_get(self.scratch.as_slice().into()))
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
