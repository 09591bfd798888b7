//! Past states: `at`, `step` and `seek`.

use memimage::disk::SimDisk;
use memimage::{Durability, Retention, Seq, Timestamp};
use memimage_tests::{LedgerCommands, SplitMix64, cases};

use super::{journal, open, options, random_run, state_digest};

#[test]
fn each_past_state_is_the_one_that_was() {
    let mut random = SplitMix64::new(memimage_tests::seed(2));
    for case in 0..cases(4) {
        let disk = SimDisk::new();
        let durability = if case % 2 == 0 { Durability::Synced } else { Durability::Buffered };
        let run = random_run(&disk, durability, 120, &mut random);
        let digests = run.digests().to_vec();
        let last = digests.len() as u64 - 1;
        for seq in 0..=last {
            let past = run.image().journal().at(Seq::new(seq)).unwrap();
            assert_eq!((past.seq().get(), state_digest(&past)), (seq, digests[seq as usize]), "at {seq}");
        }
        run.close();

        let mut past = journal(&disk).at(Seq::ZERO).unwrap();
        for seq in 1..=last {
            assert!(past.step().unwrap());
            assert_eq!((past.seq().get(), state_digest(&past)), (seq, digests[seq as usize]), "step {seq}");
            assert_eq!(past.events().unwrap()[0].seq(), Seq::new(seq));
        }
        assert!(!past.step().unwrap(), "the journal ends here");
        assert_eq!(past.seq().get(), last);
        for _ in 0..60 {
            let seq = random.below(last + 1);
            past.seek(Seq::new(seq)).unwrap();
            assert_eq!(state_digest(&past), digests[seq as usize], "seek {seq}");
        }
        let seq = past.seq().get();
        assert_eq!(state_digest(&past.into_model()), digests[seq as usize]);
    }
}

#[test]
fn a_time_names_the_state_after_the_last_event_at_or_before_it() {
    let disk = SimDisk::new();
    let image = open(&disk, options());
    let mut times = vec![];
    for number in 0..200 {
        image.deposit(1, 1).unwrap();
        image.file(vec![0; 500]).unwrap();
        times.push(image.journal().at(Seq::new(2 * number + 1)).map(|past| past.time()).unwrap());
    }
    for (number, &time) in times.iter().enumerate() {
        let at = |time| image.journal().at(time).unwrap().seq().get();
        assert_eq!(at(time), 2 * number as u64 + 1);
        if number > 0 {
            let before = Timestamp::from_micros(time.as_micros() - 1);
            assert_eq!(at(before), 2 * number as u64);
        }
    }
}

#[test]
fn after_a_correction_of_the_clock_the_order_of_the_journal_counts() {
    let disk = SimDisk::new();
    let image = open(&disk, options());
    let time = |seq| image.journal().at(Seq::new(seq)).unwrap().time();
    for _ in 0..5 {
        image.deposit(1, 1).unwrap();
    }
    let (second, fifth) = (time(2), time(5));
    image.admin().correct_time(second, "the clock was ahead").unwrap();
    // the clock of the test goes on from where it was; only these two events are earlier than event 5
    image.deposit(1, 1).unwrap();
    image.admin().correct_time(Timestamp::from_micros(second.as_micros() + 1), "still ahead").unwrap();
    assert_eq!(image.journal().at(fifth).unwrap().seq(), Seq::new(5));
    assert_eq!(image.journal().at(second).unwrap().seq(), Seq::new(2));
}

#[test]
fn a_past_state_follows_the_running_image() {
    let disk = SimDisk::new();
    let image = open(&disk, options());
    image.deposit(1, 1).unwrap();
    let mut past = image.journal().at(Seq::new(1)).unwrap();
    assert!(!past.step().unwrap());
    image.deposit(1, 5).unwrap();
    image.settle(9, 1).unwrap_err();
    assert!(past.step().unwrap());
    assert_eq!(past.accounts[&1], 6);
    past.seek(Seq::new(3)).unwrap();
    assert_eq!((past.failed, past.accounts[&9]), (1, -1));
}

#[test]
fn past_states_of_a_pruned_journal_begin_with_its_base() {
    let disk = SimDisk::new();
    let image = open(&disk, options().retention(Retention::Events(0)));
    for round in 0..8 {
        for _ in 0..20 {
            image.file(vec![round; 1_000]).unwrap();
        }
        image.admin().snapshot().unwrap();
    }
    let first = image.journal().first(|_| true).unwrap().unwrap();
    assert!(first.seq() > Seq::ZERO && first.seq() < Seq::new(160));
    assert!(image.journal().at(first.seq()).is_ok());
    let error = image.journal().at(Seq::new(first.seq().get() - 1)).unwrap_err();
    assert_eq!(error.kind(), memimage::ErrorKind::Pruned);
    assert!(error.to_string().contains(&format!("before event {}", first.seq())), "{error}");
}
