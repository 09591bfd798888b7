//! A journal that is read while another process writes it.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use memimage::disk::SimDisk;
use memimage::{Durability, ErrorKind, Image, Journal, Retention, Seq};
use memimage_tests::{Ledger, LedgerCommands, wait_until};

use super::{PATH, journal, open, options, seqs, state_digest};

#[test]
fn a_reader_sees_what_is_acknowledged_and_never_what_is_not_durable() {
    for durability in [Durability::Synced, Durability::Buffered, Durability::Interval(Duration::from_millis(1))] {
        let disk = SimDisk::new();
        let image = open(&disk, options().durability(durability));
        let reader = journal(&disk);
        for number in 1..=300 {
            image.deposit(1, 1).unwrap();
            if number % 50 == 0 {
                image.journal().sync().unwrap();
            }
            let seen = reader.durable_seq().unwrap();
            assert!(seen <= image.journal().durable_seq(), "{durability:?}: {seen} was shown");
            if durability == Durability::Synced {
                // the owner writes down that the event is durable just after the answer
                wait_until("the event is shown", || reader.durable_seq().unwrap() == Seq::new(number));
            }
        }
        image.journal().sync().unwrap();
        assert_eq!(seqs(reader.history()), (1..=300).collect::<Vec<_>>());
    }
}

#[test]
fn a_reader_beside_concurrent_writers_sees_a_prefix_without_a_gap() {
    let disk = SimDisk::new();
    let image = open(&disk, options());
    // each reading takes longer than the one before, so the writers must not go on until the reader has ended
    let writers: Vec<_> = (0..3)
        .map(|account| {
            let image = image.clone();
            thread::spawn(move || {
                for _ in 0..300 {
                    image.deposit(account, 1).unwrap();
                    image.file(vec![1; 300]).unwrap();
                }
            })
        })
        .collect();
    let reader = journal(&disk);
    let mut before = 0;
    loop {
        let is_last = writers.iter().all(thread::JoinHandle::is_finished);
        let seen = seqs(reader.history());
        assert_eq!(seen, (1..=seen.len() as u64).collect::<Vec<_>>());
        assert!(seen.len() >= before);
        before = seen.len();
        let past = reader.at(Seq::new(before as u64)).unwrap();
        assert_eq!(past.accounts.values().sum::<i64>() + past.filed as i64 / 300, before as i64);
        if is_last {
            break;
        }
    }
    writers.into_iter().for_each(|writer| writer.join().unwrap());
    image.journal().sync().unwrap();
    wait_until("all events are shown", || seqs(reader.history()).len() == 1_800);
}

#[test]
fn a_reader_survives_pruning_or_says_what_is_gone() {
    let disk = SimDisk::new();
    let image = open(&disk, options().retention(Retention::Events(0)));
    let writer = thread::spawn(move || {
        for _ in 0..40 {
            for _ in 0..20 {
                image.file(vec![1; 700]).unwrap();
            }
            image.admin().snapshot().unwrap();
        }
    });
    let reader = journal(&disk);
    // the last event read, and whether it is the last one of the journal
    let read = || {
        let mut last = 0;
        for event in reader.history() {
            match event {
                Ok(event) => {
                    let seq = event.seq().get();
                    assert!(last == 0 || seq == last + 1);
                    last = seq;
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Pruned, "{error}");
                    return (last, false);
                }
            }
        }
        match reader.durable_seq().and_then(|seq| reader.at(seq)) {
            Ok(past) => {
                assert_eq!(past.filed, past.seq().get() * 700);
                (last, true)
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Pruned, "{error}");
                (last, false)
            }
        }
    };
    while !writer.is_finished() {
        read();
    }
    writer.join().unwrap();
    assert_eq!(read(), (800, true), "nobody prunes any more");
    assert_eq!(
        reader.history().range(Seq::new(1)..).into_iter().find_map(Result::err).unwrap().kind(),
        ErrorKind::Pruned
    );
}

#[test]
fn a_reader_whose_next_event_is_pruned_says_so_and_one_that_is_further_goes_on() {
    let disk = SimDisk::new();
    let image = open(&disk, options().retention(Retention::Events(0)));
    let file = |count| (0..count).for_each(|_| _ = image.file(vec![1; 6_000]).unwrap());
    file(40);
    let reader = journal(&disk);
    let (mut early, mut late) = (reader.history().into_iter(), reader.history().into_iter());
    assert_eq!(early.next().unwrap().unwrap().seq().get(), 1);
    assert_eq!(late.by_ref().take(39).map(|event| event.unwrap().seq().get()).last(), Some(39));
    image.admin().snapshot().unwrap();
    file(1);
    image.admin().snapshot().unwrap();
    assert!(image.admin().stats().base.is_some());
    assert_eq!(late.map(|event| event.unwrap().seq().get()).collect::<Vec<_>>(), [40]);
    assert_eq!(early.find_map(Result::err).unwrap().kind(), ErrorKind::Pruned);
}

#[test]
fn a_killed_owner_leaves_a_history_that_the_next_owner_continues() {
    let disk = SimDisk::new();
    let image = open(&disk, options());
    for _ in 0..10 {
        image.deposit(1, 1).unwrap();
    }
    wait_until("the events are shown", || journal(&disk).durable_seq().unwrap() == Seq::new(10));
    let killed = disk.fork();
    let reader = journal(&killed);
    assert_eq!(seqs(reader.history()), (1..=10).collect::<Vec<_>>());
    let next = open(&killed, options());
    next.deposit(1, 1).unwrap();
    wait_until("the event is shown", || reader.durable_seq().unwrap() == Seq::new(11));
    assert_eq!(seqs(reader.history()), (1..=11).collect::<Vec<_>>());
    assert_eq!(state_digest(&reader.at(Seq::new(11)).unwrap()), state_digest(&next.read_uncommitted().unwrap()));
    drop(image);
}

#[test]
fn a_journal_of_real_files_is_read_beside_its_owner() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger");
    let image = Image::<Ledger>::open(&path).unwrap();
    let reader = Journal::<Ledger>::open(&path).unwrap();
    assert_eq!(reader.path(), path);
    for number in 1..=20 {
        image.deposit(1, 1).unwrap();
        wait_until("the event is shown", || reader.durable_seq().unwrap() == Seq::new(number));
        assert_eq!(reader.at(Seq::new(number)).unwrap().accounts[&1], number as i64);
    }
    assert_eq!(reader.clone().history().into_iter().count(), 20);
}

#[test]
fn an_encrypted_and_chained_journal_is_read_with_its_keys() {
    let keys = |seed: u8| memimage::Keys::one(memimage::Key::new([seed; 32]));
    let disk = SimDisk::new();
    let image = open(&disk, options().encryption(keys(1)).chain(keys(2)));
    for _ in 0..100 {
        image.file(vec![1; 500]).unwrap();
    }
    image.admin().snapshot().unwrap();
    let reader = |encryption, chain| {
        let options = Image::<Ledger>::options().encryption(keys(encryption)).chain(keys(chain));
        options.open_journal_with(Arc::new(disk.clone()), PATH)
    };
    let journal = reader(1, 2).unwrap();
    assert_eq!(seqs(journal.history()), (1..=100).collect::<Vec<_>>());
    assert_eq!(journal.at(Seq::new(57)).unwrap().filed, 57 * 500);
    assert_eq!(reader(1, 3).unwrap_err().kind(), ErrorKind::Key);
    assert_eq!(reader(3, 2).unwrap_err().kind(), ErrorKind::Key);
    let without = Image::<Ledger>::options().open_journal_with(Arc::new(disk.clone()), PATH);
    assert_eq!(without.unwrap_err().kind(), ErrorKind::Key);
}
