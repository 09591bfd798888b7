//! The directory of an owner that lost unsynced frames is completed by the pieces of its copy.

use std::sync::Arc;

use memimage::Durability;
use memimage::disk::{Crash, SimDisk};
use memimage::replication::{JournalCopy, JournalPoint, PieceReader, Sought};
use memimage_tests::{Request, SplitMix64, cases};

use super::{COPY, EVERYTHING, IMAGE, Mode, SYNCED, append_all, begin, copy_of, extend, pieces};

#[test]
fn an_owner_that_lost_frames_gets_them_from_its_copy() {
    let mode = Mode { durability: Durability::Buffered, ..SYNCED };
    let (disk, to) = (SimDisk::new(), SimDisk::new());
    let mut run = begin(&disk, mode, 9);
    run.sync();
    extend(&mut run, 7);
    run.execute(&Request::File(9_000));
    extend(&mut run, 2);
    drop(copy_of(&disk, &to));
    let (seq, digests) = (run.image().journal().seq(), run.digests().to_vec());
    let (unsynced, mut random, mut lost) = (disk.fork(), SplitMix64::new(4), 0);
    let mut crashes = Crash::all(unsynced.unsynced().len(), 0..u64::from(cases(30)));
    crashes.retain(|crash| !matches!(crash, Crash::Garbage(_) | Crash::GarbageAnywhere(_)));
    let mut source = PieceReader::open_with(Arc::new(to.clone()), COPY).unwrap();
    for crash in crashes {
        let left = unsynced.crash_by(&crash);
        let mut copy = JournalCopy::lock_with(Arc::new(left.clone()), IMAGE, source.image()).unwrap();
        let end = copy.end();
        lost += u32::from(end.seq < seq);
        let from = if random.once_in(3) { JournalPoint::START } else { end };
        assert_eq!(source.seek(&from).unwrap(), Sought::Found, "{crash:?}");
        append_all(&mut copy, &pieces(&mut source, EVERYTHING, 16 << 10));
        assert_eq!(copy.sync().unwrap(), seq);
        drop(copy);
        assert_eq!(mode.verify(&left.crash(|_| false), IMAGE, &digests, seq), Ok(seq), "{crash:?}");
    }
    assert!(lost > 3, "{lost}");
    drop(run);
}
