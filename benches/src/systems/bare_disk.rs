//! The plain struct with a hand-written log: the limit for a durable system.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Result, ensure};
use parking_lot::RwLock;

use super::group_commit::{Engine, Reader};
use super::{GroupCommit, Replay};
use crate::ledger::{Ledger, Transfer};

/// The length of the log, which is written in full before the first transfer, so that a sync writes no metadata.
const LOG_BYTES: u64 = 64 << 20;
/// Frames start at multiples of a sector, as they do in an image.
const SECTOR_BYTES: u64 = 512;
/// A frame's header: the length of its events and their checksum, four bytes each.
const HEADER_BYTES: usize = 8;

/// A struct and its log. For each transaction the log does the least that any log must do: encode the accepted transfers,
/// compute a checksum, write once, and sync once. At the end of the file, the log starts again at its beginning.
pub(crate) struct BareDisk {
    ledger: Arc<RwLock<Ledger>>,
    file: File,
    offset: u64,
    frame: Vec<u8>,
    written: u64,
}

pub(super) fn path(directory: &Path) -> PathBuf {
    directory.join("bare.log")
}

impl BareDisk {
    fn write_frame(&mut self) -> Result<()> {
        let (header, events) = self.frame.split_at_mut(HEADER_BYTES);
        header[..4].copy_from_slice(&u32::try_from(events.len())?.to_le_bytes());
        header[4..].copy_from_slice(&crc32c::crc32c(events).to_le_bytes());
        let len = self.frame.len() as u64;
        if self.offset + len > LOG_BYTES {
            self.offset = 0;
        }
        self.file.write_all_at(&self.frame, self.offset)?;
        self.file.sync_data()?;
        self.offset = (self.offset + len).next_multiple_of(SECTOR_BYTES);
        self.written += len;
        Ok(())
    }
}

impl Engine for BareDisk {
    fn create(directory: &Path) -> Result<BareDisk> {
        let mut file = File::create_new(path(directory))?;
        file.write_all(&vec![0; usize::try_from(LOG_BYTES)?])?;
        file.sync_all()?;
        Ok(BareDisk { ledger: Arc::default(), file, offset: 0, frame: Vec::new(), written: 0 })
    }

    fn commit(&mut self, transfers: impl Iterator<Item = Transfer>, mut answer: impl FnMut(bool)) -> Result<()> {
        let mut frame = std::mem::take(&mut self.frame);
        frame.clear();
        frame.resize(HEADER_BYTES, 0);
        let ledger = self.ledger.clone();
        let mut ledger = ledger.write();
        for transfer in transfers {
            let accepted = ledger.apply(transfer);
            if accepted {
                frame = postcard::to_extend(&transfer, frame)?;
            }
            answer(accepted);
        }
        drop(ledger);
        self.frame = frame;
        if self.frame.len() > HEADER_BYTES { self.write_frame() } else { Ok(()) }
    }

    fn reader(&self) -> Result<Reader> {
        let ledger = self.ledger.clone();
        Ok(Box::new(move |account| Ok(ledger.read().balance(account))))
    }

    fn balances(&mut self) -> Result<Vec<u64>> {
        Ok(self.ledger.read().balances())
    }

    fn bytes_written(&self) -> Result<u64> {
        Ok(self.written)
    }
}

/// Reads the log from the file, verifies the checksums, decodes the events and applies them.
impl Replay for GroupCommit<BareDisk> {
    type Recorder = GroupCommit<BareDisk>;
    type Source = PathBuf;

    fn source(directory: &Path) -> Result<PathBuf> {
        Ok(path(directory))
    }

    fn replay(path: PathBuf) -> Result<(GroupCommit<BareDisk>, u64)> {
        let mut ledger = Ledger::default();
        let mut replayed = 0;
        let mut reader = LogReader::open(&path)?;
        while let Some(events) = reader.next_frame()? {
            replayed += replay(events, &mut ledger)?;
        }
        let ledger = Arc::new(RwLock::new(ledger));
        let engine = BareDisk { ledger, file: File::open(path)?, offset: 0, frame: Vec::new(), written: 0 };
        Ok((GroupCommit::new(engine), replayed))
    }
}

/// Reads a log that has not reached the end of its file, frame by frame.
pub(super) struct LogReader {
    file: File,
    offset: u64,
    events: Vec<u8>,
}

impl LogReader {
    pub(super) fn open(path: &Path) -> Result<LogReader> {
        Ok(LogReader { file: File::open(path)?, offset: 0, events: Vec::new() })
    }

    /// The events of the next frame, with their checksum verified, or `None` at the end of the log.
    pub(super) fn next_frame(&mut self) -> Result<Option<&[u8]>> {
        let mut header = [0; HEADER_BYTES];
        self.file.read_exact_at(&mut header, self.offset)?;
        let [length, checksum] =
            [0, 4].map(|at| u32::from_le_bytes(header[at..at + 4].try_into().expect("four bytes")));
        if length == 0 {
            return Ok(None);
        }
        self.events.resize(length as usize, 0);
        self.file.read_exact_at(&mut self.events, self.offset + HEADER_BYTES as u64)?;
        ensure!(crc32c::crc32c(&self.events) == checksum, "the log is damaged at byte {}", self.offset);
        self.offset = (self.offset + HEADER_BYTES as u64 + u64::from(length)).next_multiple_of(SECTOR_BYTES);
        Ok(Some(&self.events))
    }
}

/// Decodes and applies events, and returns their number.
pub(super) fn replay(mut events: &[u8], ledger: &mut Ledger) -> Result<u64> {
    let mut replayed = 0;
    while !events.is_empty() {
        let (Transfer { from, to, amount }, rest) = postcard::take_from_bytes(events)?;
        ledger.transfer(from, to, amount);
        events = rest;
        replayed += 1;
    }
    Ok(replayed)
}
