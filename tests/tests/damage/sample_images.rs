//! The images that the tests damage, and the state that must be recovered from each.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use memimage::disk::{Disk, Operation, SimDisk};
use memimage::{Image, Options, Retention, Seq, SnapshotPolicy, Timestamp};
use memimage_tests::{Book, BookCommands, files, until};

pub(crate) const ROOT: &str = "/book";
/// The length of each segment: the least there may be.
pub(crate) const SEGMENT: usize = 16 << 10;
pub(crate) const HEADER: usize = 4096;

/// How an image is made that is to be damaged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Making {
    /// The multiple of bytes that frames start on.
    pub(crate) align: u32,
    /// A snapshot once the second and the third segment are begun.
    pub(crate) snapshots: bool,
    /// Closed in order, so that `durable` tells of all events; or killed after the last sync, before the word of it.
    pub(crate) closed: bool,
    /// The first segments are gone, and a base stands in for them.
    pub(crate) pruned: bool,
}

impl Making {
    pub(crate) const CLOSED: Making = Making { align: 512, snapshots: false, closed: true, pruned: false };
    pub(crate) const KILLED: Making = Making { closed: false, ..Making::CLOSED };
    pub(crate) const SNAPSHOTS: Making = Making { snapshots: true, ..Making::CLOSED };
    pub(crate) const PRUNED: Making = Making { pruned: true, ..Making::CLOSED };
}

/// A small image of three segments with frames up to their ends, and a fourth made ahead.
pub(crate) struct Sample {
    pub(crate) disk: SimDisk,
    pub(crate) seq: Seq,
    /// The state after each event, from the one before the first.
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

impl Sample {
    pub(crate) fn new(making: Making) -> Sample {
        let disk = SimDisk::new();
        let past = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&past);
        disk.observe(move |operation, fork| {
            let journal = |path: &Path| path.extension().is_some_and(|end| end == "journal");
            if matches!(operation, Operation::SyncData { path } if journal(path)) {
                seen.lock().unwrap().push(fork.clone());
            }
        });
        let retention = if making.pruned { Retention::Events(0) } else { Retention::Everything };
        let image = open(&disk, options(making.align).retention(retention)).unwrap();
        let mut author = Author { disk: &disk, image: &image, states: vec![Book::default()], page: 0 };
        let last = if making.pruned { 5 } else { 3 };
        for number in 1..=last {
            author.fill(number, making.align as usize);
            if making.pruned || making.snapshots && number < last {
                image.admin().snapshot().unwrap();
                assert_eq!(image.admin().stats().retention_failure, None);
            }
        }
        let states = author.states;
        let seq = image.journal().seq();
        let mut past = std::mem::take(&mut *past.lock().unwrap());
        Image::close(image).unwrap();
        let disk = match making.closed {
            true => disk.fork(),
            false => past.pop().expect("it was synced"),
        };
        let files = files(&disk).into_iter().collect();
        Sample { disk, seq, states, files, past }
    }

    /// Two images that are made so, with files of the same names: in which segment an event finds its place depends on when the
    /// next one is ready, and so do the events of snapshots and bases.
    pub(crate) fn two(making: Making) -> (Sample, Sample) {
        let names = |sample: &Sample| sample.files.iter().map(|(path, _)| path.clone()).collect::<Vec<_>>();
        let two = || (Sample::new(making), Sample::new(making));
        let pair = std::iter::repeat_with(two).find(|(one, other)| names(one) == names(other));
        pair.expect("it is tried until there are two")
    }

    pub(crate) fn bytes(&self, path: &Path) -> &[u8] {
        &self.files[self.index(path)].1
    }

    pub(crate) fn index(&self, path: &Path) -> usize {
        self.files.iter().position(|(other, _)| other == path).expect("a file of the image")
    }

    /// The files whose names end so.
    pub(crate) fn ending(&self, end: &str) -> Vec<usize> {
        let ends = |path: &Path| path.to_string_lossy().ends_with(end);
        (0..self.files.len()).filter(|&file| ends(&self.files[file].0)).collect()
    }
}

/// Writes until segments are full.
struct Author<'a> {
    disk: &'a SimDisk,
    image: &'a Image<Book>,
    states: Vec<Book>,
    page: u32,
}

impl Author<'_> {
    /// Fills a segment so that nothing more than its seal has room, and so that the next event begins the next segment.
    fn fill(&mut self, number: u64, align: usize) {
        let path = segment(number);
        let ahead = segment(number + 1);
        loop {
            let end = self.disk.read(&path).map_or(0, |bytes| 1 + bytes.iter().rposition(|&byte| byte != 0).unwrap());
            let begun = end > HEADER;
            // a frame of one event takes some 105 bytes and its text; the seal needs 512
            let room = (SEGMENT - 512).saturating_sub(end.next_multiple_of(align));
            if begun {
                // so that it is there at each later sync too
                until("a segment is made ahead", || self.disk.kind(&ahead).unwrap().is_some());
            }
            if begun && room < 512 {
                return;
            }
            self.page += 1;
            let text = match self.page % 4 {
                _ if begun && room <= 2_048 => room - 130,
                0 => 40,
                1 => 1_700,
                2 => 600,
                _ => 1_100,
            };
            self.image.write(self.page, text_of(self.page, text)).unwrap();
            self.remember();
            if self.page % 5 == 2 && room > 3_500 {
                assert!(self.image.tear(0).is_err());
                self.remember();
                self.image.draw().unwrap();
                self.remember();
            }
        }
    }

    fn remember(&mut self) {
        assert_eq!(self.image.journal().seq().get() as usize, self.states.len());
        self.states.push(self.image.read_uncommitted().unwrap().clone());
    }
}

fn text_of(page: u32, len: usize) -> String {
    (0..len as u32).map(|at| char::from(b' ' + ((at * 7 + page * 13 + at / 90) % 95) as u8)).collect()
}
