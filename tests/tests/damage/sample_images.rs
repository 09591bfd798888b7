//! The images that the tests damage, and the expected state of each.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use memimage::disk::{Disk, Operation, SimDisk};
use memimage::{Image, Options, Retention, Seq, SnapshotPolicy, SnapshotSource, Timestamp};
use memimage_tests::protection::{BOTH, PLAIN, ProtectionMode};
use memimage_tests::{Book, BookCommands, files, wait_until, with_keys};

pub(crate) const ROOT: &str = "/book";
/// The length of each segment: the minimum.
pub(crate) const SEGMENT: usize = 16 << 10;
pub(crate) const HEADER: usize = 4096;

/// How a sample image is created.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SampleKind {
    /// The alignment of frames in bytes.
    pub(crate) align: u32,
    /// Whether there are two snapshots, after the first and the second segment.
    pub(crate) snapshots: bool,
    /// Whether the image was closed, so that `durable` covers all events; or killed after the last sync, before `durable` was
    /// updated.
    pub(crate) closed: bool,
    /// Whether the journal is pruned: a base replaces the first segments.
    pub(crate) pruned: bool,
    pub(crate) protection: ProtectionMode,
}

impl SampleKind {
    pub(crate) const CLOSED: SampleKind =
        SampleKind { align: 512, snapshots: false, closed: true, pruned: false, protection: PLAIN };
    pub(crate) const KILLED: SampleKind = SampleKind { closed: false, ..SampleKind::CLOSED };
    pub(crate) const SNAPSHOTS: SampleKind = SampleKind { snapshots: true, ..SampleKind::CLOSED };
    pub(crate) const PRUNED: SampleKind = SampleKind { pruned: true, ..SampleKind::CLOSED };
    /// Encrypted, with a chain.
    pub(crate) const PROTECTED: SampleKind = SampleKind { protection: BOTH, ..SampleKind::SNAPSHOTS };

    /// Each kind of image has its snapshots from another source.
    fn snapshot_source(self) -> SnapshotSource<Book> {
        match self.protection {
            PLAIN if self.pruned => SnapshotSource::InPlace,
            PLAIN => SnapshotSource::Replica,
            _ => SnapshotSource::Clone(Book::clone),
        }
    }
}

/// A small image of three full segments and a preallocated fourth one.
pub(crate) struct SampleImage {
    pub(crate) disk: SimDisk,
    pub(crate) protection: ProtectionMode,
    pub(crate) seq: Seq,
    /// The state after each event, beginning with the initial state.
    pub(crate) states: Vec<Book>,
    pub(crate) files: Vec<(PathBuf, Vec<u8>)>,
    /// The disk after each sync of the journal, oldest first.
    pub(crate) past: Vec<SimDisk>,
}

pub(crate) fn options(align: u32) -> Options<Book> {
    let clock = AtomicU64::new(1_000_000);
    Image::options()
        .segment_bytes(SEGMENT as u64)
        .align_bytes(align)
        .snapshots(SnapshotPolicy::Manual)
        .clock(move || Timestamp::from_micros(clock.fetch_add(1_000, Ordering::Relaxed)))
}

pub(crate) fn open(disk: &SimDisk, options: Options<Book>) -> Result<Image<Book>, memimage::Error> {
    options.open_with(Arc::new(disk.clone()), ROOT)
}

pub(crate) fn segment(number: u64) -> PathBuf {
    PathBuf::from(format!("{ROOT}/journal/{number:08}.journal"))
}

pub(crate) fn durable() -> PathBuf {
    PathBuf::from(format!("{ROOT}/journal/durable"))
}

impl SampleImage {
    pub(crate) fn new(kind: SampleKind) -> SampleImage {
        let disk = SimDisk::new();
        let past = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&past);
        disk.observe(move |operation, fork| {
            let journal = |path: &Path| path.extension().is_some_and(|end| end == "journal");
            if matches!(operation, Operation::SyncData { path } if journal(path)) {
                seen.lock().unwrap().push(fork.clone());
            }
        });
        let retention = if kind.pruned { Retention::Events(0) } else { Retention::Everything };
        let options = with_keys!(kind.protection, options(kind.align)).retention(retention);
        let image = open(&disk, options.snapshot_source(kind.snapshot_source())).unwrap();
        let seal = if kind.protection == PLAIN { 512 } else { 1_024 };
        let mut writer = PageWriter { disk: &disk, image: &image, states: vec![Book::default()], page: 0, seal };
        let last = if kind.pruned { 5 } else { 3 };
        for number in 1..=last {
            writer.fill(number, kind.align as usize);
            if kind.pruned || kind.snapshots && number < last {
                image.admin().snapshot().unwrap();
                assert_eq!(image.admin().stats().retention_failure, None);
            }
        }
        let states = writer.states;
        let seq = image.journal().seq();
        let mut past = std::mem::take(&mut *past.lock().unwrap());
        Image::close(image).unwrap();
        let disk = match kind.closed {
            true => disk.fork(),
            false => past.pop().expect("the journal was synced"),
        };
        let files = files(&disk).into_iter().collect();
        SampleImage { disk, protection: kind.protection, seq, states, files, past }
    }

    /// Two images of this kind whose files have the same names. The segment of an event, and so the seqs of snapshots and bases,
    /// depend on when the next segment is ready.
    pub(crate) fn two(kind: SampleKind) -> (SampleImage, SampleImage) {
        let names = |sample: &SampleImage| sample.files.iter().map(|(path, _)| path.clone()).collect::<Vec<_>>();
        let create_two = || (SampleImage::new(kind), SampleImage::new(kind));
        let pair = std::iter::repeat_with(create_two).find(|(one, other)| names(one) == names(other));
        pair.expect("the iterator is infinite")
    }

    /// Opens a copy of the image, if there is one.
    pub(crate) fn open(&self, disk: &SimDisk) -> Result<Image<Book>, memimage::Error> {
        open(disk, with_keys!(self.protection, options(512)).create(false))
    }

    pub(crate) fn bytes(&self, path: &Path) -> &[u8] {
        &self.files[self.index(path)].1
    }

    pub(crate) fn index(&self, path: &Path) -> usize {
        self.files.iter().position(|(other, _)| other == path).expect("a file of the image")
    }

    /// The indices of the files whose names end with `end`.
    pub(crate) fn ending(&self, end: &str) -> Vec<usize> {
        let ends = |path: &Path| path.to_string_lossy().ends_with(end);
        (0..self.files.len()).filter(|&file| ends(&self.files[file].0)).collect()
    }
}

/// Writes events until segments are full.
struct PageWriter<'a> {
    disk: &'a SimDisk,
    image: &'a Image<Book>,
    states: Vec<Book>,
    page: u32,
    /// The room that the seal of a segment needs.
    seal: usize,
}

impl PageWriter<'_> {
    /// Fills a segment until only its seal fits, so that the next event begins the next segment.
    fn fill(&mut self, number: u64, align: usize) {
        let path = segment(number);
        let next = segment(number + 1);
        loop {
            let end = self.disk.read(&path).map_or(0, |bytes| 1 + bytes.iter().rposition(|&byte| byte != 0).unwrap());
            let begun = end > HEADER;
            // a frame with one event takes about 105 bytes plus its text, and up to 60 more if it is protected
            let end = end.next_multiple_of(align);
            let room = (SEGMENT - self.seal).saturating_sub(end);
            if end >= SEGMENT / 2 {
                // the preallocated segment must exist at each later sync
                wait_until("the next segment is preallocated", || self.disk.kind(&next).unwrap().is_some());
            }
            if begun && room < 512 {
                return;
            }
            self.page += 1;
            let text = match self.page % 4 {
                _ if begun && room <= 2_048 => room - 190,
                0 => 40,
                1 => 1_700,
                2 => 600,
                _ => 1_100,
            };
            self.image.write(self.page, text_of(self.page, text)).unwrap();
            self.record_state();
            if self.page % 5 == 2 && room > 3_500 {
                assert!(self.image.tear(0).is_err());
                self.record_state();
                self.image.draw().unwrap();
                self.record_state();
            }
        }
    }

    fn record_state(&mut self) {
        assert_eq!(self.image.journal().seq().get() as usize, self.states.len());
        self.states.push(self.image.read_uncommitted().unwrap().clone());
    }
}

fn text_of(page: u32, len: usize) -> String {
    (0..len as u32).map(|at| char::from(b' ' + ((at * 7 + page * 13 + at / 90) % 95) as u8)).collect()
}
