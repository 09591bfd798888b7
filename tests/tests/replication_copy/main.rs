//! Pieces of a journal, and the copies that are made of them.

mod whole;
mod long_frames;
mod crash;
mod refusals;
mod snapshots;
mod reader;
mod owner_directory;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use memimage::disk::SimDisk;
use memimage::replication::{JournalCopy, JournalPoint, Piece, PieceLimit, PieceReader, Sought};
use memimage::{Durability, Image, Options, Seq};
use memimage_tests::protection::{PLAIN, ProtectionMode};
use memimage_tests::{Ledger, Request, Run, SplitMix64, with_keys};

const IMAGE: &str = "/ledger";
const COPY: &str = "/copy";
const EVERYTHING: PieceLimit = PieceLimit::Event(Seq::new(u64::MAX));

/// The options of an owner that matter to its bytes.
#[derive(Clone, Copy, Debug)]
struct Mode {
    durability: Durability,
    align: u32,
    protection: ProtectionMode,
}

const SYNCED: Mode = Mode { durability: Durability::Synced, align: 512, protection: PLAIN };

impl Mode {
    fn options(self) -> Options<Ledger> {
        with_keys!(self.protection, Run::options(self.durability, self.align))
    }

    fn open(self, disk: &SimDisk, path: &str, digests: &[u64], at_least: Seq) -> Result<Run, String> {
        let image = self.options().open_with(Arc::new(disk.clone()), path).map_err(|error| error.to_string())?;
        Run::begin(image, digests.to_vec(), at_least)
    }

    /// Opens the image at `path` on a fork of the disk, verifies its state, and returns its last event.
    fn verify(self, disk: &SimDisk, path: &str, digests: &[u64], at_least: Seq) -> Result<Seq, String> {
        Ok(self.open(&disk.fork(), path, digests, at_least)?.close().1)
    }
}

/// A run with `events` deposits and files that fill several segments.
fn begin(disk: &SimDisk, mode: Mode, events: u64) -> Run {
    let mut run = mode.open(disk, IMAGE, &[], Seq::ZERO).unwrap();
    extend(&mut run, events);
    run
}

fn extend(run: &mut Run, events: u64) {
    for event in 0..events {
        run.execute(&match event % 3 {
            0 => Request::File(5_000),
            _ => Request::Deposit(event as u32 % 5, 7),
        });
    }
}

fn reader(disk: &SimDisk) -> PieceReader {
    PieceReader::open_with(Arc::new(disk.clone()), IMAGE).unwrap()
}

/// A reader that continues at the end of a copy.
fn reader_after(disk: &SimDisk, end: &JournalPoint) -> PieceReader {
    let mut reader = reader(disk);
    assert_eq!(reader.seek(end).unwrap(), Sought::Found);
    reader
}

fn lock(disk: &SimDisk, image: [u8; 16]) -> JournalCopy {
    JournalCopy::lock_with(Arc::new(disk.clone()), COPY, image).unwrap()
}

/// The further pieces of a journal, of at most `bytes_max` bytes.
fn pieces(reader: &mut PieceReader, limit: PieceLimit, bytes_max: usize) -> Vec<Piece> {
    std::iter::from_fn(|| reader.next(limit, bytes_max).unwrap()).collect()
}

/// The further pieces of a journal up to event `last`, each with the frames up to one more event of one segment.
fn small_pieces(reader: &mut PieceReader, last: Seq) -> Vec<Piece> {
    let limits = (0..=last.get()).map(|seq| PieceLimit::Event(Seq::new(seq)));
    limits.chain([EVERYTHING]).flat_map(|limit| pieces(reader, limit, 16 << 10)).collect()
}

fn append_all(copy: &mut JournalCopy, pieces: &[Piece]) {
    for piece in pieces {
        copy.append(piece).unwrap_or_else(|error| panic!("{:?}: {error}", piece.head));
    }
}

/// Makes the whole copy of an image.
fn copy_of(from: &SimDisk, to: &SimDisk) -> JournalCopy {
    let mut reader = reader(from);
    let mut copy = lock(to, reader.image());
    append_all(&mut copy, &pieces(&mut reader, EVERYTHING, 16 << 10));
    copy.sync().unwrap();
    copy
}

fn segment(path: &str, number: u64) -> PathBuf {
    Path::new(path).join(format!("journal/{number:08}.journal"))
}

/// The paths of the segments of the image or copy at `path`.
fn segments(disk: &SimDisk, path: &str) -> Vec<PathBuf> {
    let is_segment = |file: &PathBuf| file.starts_with(path) && file.extension().is_some_and(|end| end == "journal");
    disk.files().into_iter().filter(is_segment).collect()
}

/// Asserts that the segments of the copy are those of the owner up to the end of the copy, with zeros behind.
fn assert_same_bytes(owner: &SimDisk, disk: &SimDisk, end: JournalPoint) {
    let copied = segments(disk, COPY);
    assert_eq!(copied.last(), Some(&segment(COPY, end.segment)), "{end:?}");
    for path in copied {
        let of_owner = Path::new(IMAGE).join(path.strip_prefix(COPY).unwrap());
        let (mut expected, found) = (owner.read(&of_owner).unwrap(), disk.read(&path).unwrap());
        if path == segment(COPY, end.segment) {
            expected[end.offset as usize..].fill(0);
        }
        assert_eq!(expected.len(), found.len(), "{}", path.display());
        let differs = expected.iter().zip(&found).position(|(a, b)| a != b);
        assert_eq!(differs, None, "the first byte that differs in {}, {end:?}", path.display());
    }
}

/// A command of any size.
fn random_request(random: &mut SplitMix64) -> Request {
    let (account, amount) = (random.below(7) as u32, random.below(90) as u32);
    match random.below(9) {
        0 | 1 => Request::File(random.below(9_000) as usize),
        2 => Request::Withdraw(account, amount),
        3 => Request::Settle(account, amount),
        4 => Request::Draw(Some(3)),
        5 => Request::Once(account, amount),
        6 => Request::Submit(account, amount),
        _ => Request::Deposit(account, amount),
    }
}

fn digest(image: &Image<Ledger>) -> u64 {
    memimage::digest(&*image.read_uncommitted().unwrap()).unwrap().to_u64()
}
