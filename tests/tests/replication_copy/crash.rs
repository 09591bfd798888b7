//! Power cuts and kills after each disk operation of a copy.

use std::sync::mpsc::{Receiver, channel};

use memimage::Seq;
use memimage::disk::{Crash, SimDisk};
use memimage::replication::{JournalCopy, Piece};
use memimage_tests::{Request, SplitMix64, cases};

use super::{COPY, EVERYTHING, Mode, SYNCED, append_all, assert_same_bytes, begin, extend, lock, reader, small_pieces};

/// The disk after an operation.
struct Point {
    operation: String,
    disk: SimDisk,
}

fn record(disk: &SimDisk) -> Receiver<Point> {
    let (send, points) = channel();
    disk.observe(move |operation, fork| {
        drop(send.send(Point { operation: format!("{operation:?}"), disk: fork.fork() }));
    });
    points
}

/// The power cuts and the kill that a test tries at a point.
pub(super) fn left(point: &SimDisk, random: &mut SplitMix64, others: usize) -> Vec<SimDisk> {
    let first = random.u64() >> 1;
    let mut crashes = Crash::all(point.unsynced().len(), first..first + 4);
    crashes.retain(|crash| !matches!(crash, Crash::Garbage(_) | Crash::GarbageAnywhere(_)));
    let mut rest = crashes.split_off(crashes.len().min(3));
    while rest.len() > others {
        rest.swap_remove(random.below(rest.len() as u64) as usize);
    }
    crashes.append(&mut rest);
    crashes.iter().map(|crash| point.crash_by(crash)).chain([point.fork()]).collect()
}

/// An owner, its pieces, and what a copy must become.
pub(super) struct History {
    pub(super) owner: SimDisk,
    pub(super) pieces: Vec<Piece>,
    pub(super) digests: Vec<u64>,
    pub(super) mode: Mode,
    pub(super) image: [u8; 16],
}

impl History {
    fn new(mode: Mode) -> History {
        let owner = SimDisk::new();
        let mut run = begin(&owner, mode, 7);
        run.execute(&Request::File(40 << 10));
        extend(&mut run, 4);
        let (digests, seq) = run.close();
        let mut run = mode.open(&owner, super::IMAGE, &digests, seq).unwrap();
        extend(&mut run, 5);
        let (digests, _) = run.close();
        let mut reader = reader(&owner);
        // some with one event, some with a whole segment
        let mut pieces = small_pieces(&mut reader, Seq::new(10));
        pieces.extend(super::pieces(&mut reader, EVERYTHING, 16 << 10));
        History { pieces, digests, mode, image: reader.image(), owner }
    }

    /// Locks the copy again, and verifies that it has at least the events up to `synced`, and can be completed.
    pub(super) fn verify(&self, disk: &SimDisk, synced: Seq, random: &mut SplitMix64) -> Result<Seq, String> {
        let copy = JournalCopy::lock_with(std::sync::Arc::new(disk.clone()), COPY, self.image);
        let mut copy = copy.map_err(|error| format!("it cannot be locked: {error}"))?;
        let end = copy.end();
        if end.seq < synced {
            return Err(format!("event {} of {synced}", end.seq));
        }
        if !copy.is_empty() {
            assert_same_bytes(&self.owner, disk, end);
            drop(copy);
            let opened = self.mode.verify(disk, COPY, &self.digests, synced)?;
            if opened != end.seq {
                return Err(format!("the image has event {opened}, and the copy {}", end.seq));
            }
            copy = lock(disk, self.image);
        }
        // the pieces up to the end, or some of them, are repeated
        let next = self.pieces.iter().position(|piece| piece.head.end.reaches(&end) && piece.head.end != end);
        let next = next.unwrap_or(self.pieces.len());
        // a frame whose first pieces are lost begins again
        let begun = self.pieces[..next].iter().rposition(|piece| piece.head.end != piece.head.start);
        let first = if end.segment == 0 { 0 } else { begun.map_or(0, |last| last + 1) };
        let from = random.below(first as u64 + 1) as usize;
        for piece in &self.pieces[from..] {
            copy.append(piece).map_err(|error| format!("{:?}, after {end:?}: {error}", piece.head))?;
        }
        copy.sync().map_err(|error| error.to_string())?;
        assert_same_bytes(&self.owner, disk, copy.end());
        let last = Seq::new(self.digests.len() as u64 - 1);
        drop(copy);
        // what was synced survives another power cut
        match self.mode.verify(&disk.crash(|_| false), COPY, &self.digests, last)? == last {
            true => Ok(end.seq),
            false => Err("the completed copy has too few events".to_owned()),
        }
    }
}

/// Makes a copy, with a sync after some pieces, and crashes after each operation.
fn crash_everywhere(mode: Mode, seed: u64) {
    let (history, disk, mut random) = (History::new(mode), SimDisk::new(), SplitMix64::new(seed));
    let points = record(&disk);
    let (mut synced, mut seen, mut ends) = (Seq::ZERO, Vec::new(), std::collections::BTreeSet::new());
    let mut copy = lock(&disk, history.image);
    for piece in &history.pieces {
        copy.append(piece).unwrap();
        seen.extend(points.try_iter().map(|point| (point, synced)));
        if random.once_in(3) {
            let now = copy.sync().unwrap();
            seen.extend(points.try_iter().map(|point| (point, synced)));
            synced = now;
        }
    }
    copy.sync().unwrap();
    seen.extend(points.try_iter().map(|point| (point, synced)));
    assert!(seen.len() > 40, "{}", seen.len());
    let stride = if std::env::var_os("MEMIMAGE_CASES").is_some() { 1 } else { 4 };
    for (point, synced) in seen.iter().skip(seed as usize % stride).step_by(stride) {
        for left in left(&point.disk, &mut random, if stride == 1 { 8 } else { 1 }) {
            let trace = left.fork();
            match history.verify(&left, *synced, &mut random) {
                Ok(end) => _ = ends.insert(end),
                Err(error) => panic!("seed {seed}, after {}: {error}\n{}", point.operation, trace.trace()),
            }
        }
    }
    assert!(ends.len() > 2, "{ends:?}");
}

#[test]
fn a_copy_survives_any_crash() {
    for seed in 0..u64::from(cases(2)) {
        let align = [512, 8, 4096][seed as usize % 3];
        crash_everywhere(Mode { align, ..SYNCED }, seed);
    }
}

/// The owner wrote its pieces before it synced them, so each frame names only old events as synced.
#[test]
fn a_crash_while_a_crash_is_repaired_loses_nothing() {
    let (history, disk, mut random) = (History::new(SYNCED), SimDisk::new(), SplitMix64::new(5));
    let mut copy = lock(&disk, history.image);
    let half = history.pieces.len() / 2;
    append_all(&mut copy, &history.pieces[..half]);
    let synced = copy.sync().unwrap();
    append_all(&mut copy, &history.pieces[half..]);
    for crashed in left(&disk, &mut random, 6) {
        let points = record(&crashed);
        let copy = lock(&crashed, history.image);
        drop(copy);
        for point in points.try_iter() {
            for left in left(&point.disk, &mut random, 1) {
                history.verify(&left, synced, &mut random).unwrap_or_else(|error| {
                    panic!("after {}: {error}\n{}", point.operation, left.trace());
                });
            }
        }
    }
}

#[test]
fn a_copy_whose_sync_failed_must_be_opened_again() {
    use memimage::disk::{Fault, Method};
    let (history, disk) = (History::new(SYNCED), SimDisk::new());
    let mut copy = lock(&disk, history.image);
    append_all(&mut copy, &history.pieces[..2]);
    copy.sync().unwrap();
    let mut next = 2;
    while copy.end().segment == history.pieces[next].head.start.segment && next < 3 {
        copy.append(&history.pieces[next]).unwrap();
        next += 1;
    }
    copy.append(&history.pieces[next]).unwrap();
    disk.inject(Fault::io().on(&[Method::SyncData]).nth(1));
    copy.sync().unwrap_err();
    disk.heal();
    copy.sync().unwrap_err();
    copy.append(&history.pieces[next + 1]).unwrap_err();
    drop(copy);
    let mut copy = lock(&disk, history.image);
    let seq = copy.sync().unwrap();
    drop(copy);
    assert_eq!(SYNCED.verify(&disk.crash(|_| false), COPY, &history.digests, seq), Ok(seq));
}
