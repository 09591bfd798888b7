//! A copy made of pieces has the bytes of its owner, opens as an image, and can be followed.

use std::sync::Arc;
use std::time::Duration;

use memimage::admin::{Check, Void};
use memimage::disk::SimDisk;
use memimage::replication::{JournalPoint, PieceLimit};
use memimage::{Durability, Image, Seq};
use memimage_tests::protection::MODES;
use memimage_tests::{LedgerCommands as _, SplitMix64, cases, seed, with_keys};

use super::{
    COPY, EVERYTHING, IMAGE, Mode, SYNCED, append_all, assert_same_bytes, begin, digest, extend, lock, pieces,
    random_request, reader_after,
};

fn random_history(seed: u64) {
    let mut random = SplitMix64::new(seed);
    let durability = [Durability::Synced, Durability::Buffered, Durability::Interval(Duration::from_micros(300))];
    let mode = Mode {
        durability: durability[random.below(3) as usize],
        align: [8, 512, 4096][random.below(3) as usize],
        protection: MODES[seed as usize % 4],
    };
    let (disk, to) = (SimDisk::new(), SimDisk::new());
    let (mut digests, mut seq, mut end) = (Vec::new(), Seq::ZERO, JournalPoint::START);
    for _ in 0..3 {
        let mut run = mode.open(&disk, IMAGE, &digests, seq).unwrap();
        let mut reader = reader_after(&disk, &end);
        let mut copy = lock(&to, reader.image());
        assert_eq!(copy.end(), end);
        for _ in 0..12 {
            for _ in 0..random.below(6) {
                run.execute(&random_request(&mut random));
            }
            run.wait();
            if random.once_in(3) {
                run.image().admin().snapshot().unwrap();
            }
            let limit = match random.below(3) {
                0 => PieceLimit::Event(run.image().journal().durable_seq()),
                _ => PieceLimit::Event(run.image().journal().written_seq()),
            };
            append_all(&mut copy, &pieces(&mut reader, limit, 1 + random.below(60_000) as usize));
            assert_eq!(reader.point(), copy.end(), "seed {seed}");
            assert!(PieceLimit::Event(copy.end().seq) == limit || copy.end().seq <= run.image().journal().seq());
            if random.once_in(2) {
                assert_eq!(copy.sync().unwrap(), copy.end().seq);
            }
            if random.once_in(3) {
                drop(copy);
                let found = mode.verify(&to, COPY, run.digests(), Seq::ZERO);
                if reader.point() != JournalPoint::START {
                    assert_eq!(found, Ok(reader.point().seq), "seed {seed}");
                }
                copy = lock(&to, reader.image());
                assert_eq!(copy.end(), reader.point(), "seed {seed}");
            }
        }
        (digests, seq) = run.close();
        append_all(&mut copy, &pieces(&mut reader, EVERYTHING, 20_000));
        copy.sync().unwrap();
        end = copy.end();
        assert_eq!(end.seq, seq, "seed {seed}");
        assert_same_bytes(&disk, &to, end);
        drop(copy);
        assert_eq!(mode.verify(&to, COPY, &digests, seq), Ok(seq), "seed {seed}");
        let check = with_keys!(mode.protection, Check::new()).run_with(Arc::new(to.fork()), COPY).unwrap();
        assert!(check.is_sound(), "seed {seed}: {check}");
    }
}

#[test]
fn a_copy_has_the_bytes_of_its_owner() {
    for number in 0..u64::from(cases(8)) {
        random_history(seed(0) + number);
    }
}

#[test]
fn a_void_event_is_void_in_the_copy() {
    let (disk, to) = (SimDisk::new(), SimDisk::new());
    begin(&disk, SYNCED, 9).close();
    let end = {
        let copy = super::copy_of(&disk, &to);
        copy.end()
    };
    Void::new(Seq::new(3), "a test").by("the auditor").run_with(Arc::new(disk.clone()), IMAGE).unwrap();
    let image = SYNCED.options().open_with(Arc::new(disk.clone()), IMAGE).unwrap();
    image.deposit(1, 3).unwrap();
    let mut reader = reader_after(&disk, &end);
    let mut copy = lock(&to, reader.image());
    append_all(&mut copy, &pieces(&mut reader, EVERYTHING, 16 << 10));
    copy.sync().unwrap();
    assert_same_bytes(&disk, &to, copy.end());
    drop(copy);
    let copied = SYNCED.options().open_with(Arc::new(to.clone()), COPY).unwrap();
    assert_eq!(digest(&copied), digest(&image));
    assert_eq!(copied.journal().seq(), image.journal().seq());
    drop((image, copied));
}

#[test]
fn a_follower_of_the_copy_follows_its_syncs() {
    let (disk, to) = (SimDisk::new(), SimDisk::new());
    let mut run = begin(&disk, SYNCED, 4);
    let mut copy = super::copy_of(&disk, &to);
    let follower = SYNCED.options().follow_with(Arc::new(to.clone()), COPY).unwrap();
    let mut reader = reader_after(&disk, &copy.end());
    for round in 0..8 {
        extend(&mut run, 3);
        append_all(&mut copy, &pieces(&mut reader, EVERYTHING, 16 << 10));
        let seq = copy.sync().unwrap();
        assert_eq!(seq, run.image().journal().seq());
        assert!(follower.wait_timeout(seq, Duration::from_secs(60)).unwrap(), "round {round}");
        let state = |ledger: &memimage_tests::Ledger| memimage::digest(ledger).unwrap().to_u64();
        assert_eq!(follower.query(state).unwrap(), *run.digests().last().unwrap());
    }
    drop(follower);
    Image::close(run.image().clone()).unwrap();
}
