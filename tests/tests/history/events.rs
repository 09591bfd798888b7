//! The events of the history, with their filters, forward and backward.

use std::sync::Arc;

use memimage::{Durability, Event, Image, Metadata, Retention, Seq, Timestamp, Value};
use memimage_tests::{LedgerCommands, LedgerDeposit, LedgerEvent, LedgerSettle, SplitMix64, cases};

use super::{PATH, journal, open, options, random_run, seqs};
use memimage::disk::SimDisk;

#[test]
fn each_event_is_shown_with_all_that_was_recorded() {
    let disk = SimDisk::new();
    let image = open(&disk, options());
    image.deposit(7, 100).unwrap();
    image.settle(7, 500).unwrap_err();
    image.withdraw(7, 500).unwrap_err();
    image.with(Metadata::actor("teller 3").correlation(9)).draw().unwrap();
    let uuid = image.admin().stats().uuid;
    let events: Vec<_> = image.journal().history().into_iter().map(Result::unwrap).collect();

    let [deposit, settle, draw] = &events[..] else { panic!("a refused command is no event: {events:?}") };
    assert!(matches!(deposit.event(), Some(LedgerEvent::Deposit(LedgerDeposit { account: 7, amount: 100 }))));
    assert_eq!((deposit.seq(), deposit.part(), deposit.key().image), (Seq::new(1), 0, uuid));
    assert_eq!((deposit.recorded().name(), deposit.recorded().version()), ("deposit", 1));
    let value = deposit.recorded().value().unwrap();
    assert_eq!(value, Value::of_fields([("account", Value::from(7u32)), ("amount", Value::from(100u32))]));
    assert!(!deposit.is_rejected() && settle.is_rejected() && !draw.is_rejected());
    assert!(deposit.time() < settle.time() && settle.time() < draw.time());
    assert_eq!(draw.metadata(), &Metadata::actor("teller 3").correlation(9));
    assert!(deposit.key().to_string().ends_with("-1"));
    assert_eq!(format!("{settle:?}").matches("is_rejected: true").count(), 1);
}

#[test]
fn the_history_agrees_with_what_was_executed_in_both_directions() {
    let mut random = SplitMix64::new(memimage_tests::seed(1));
    for case in 0..cases(6) {
        let disk = SimDisk::new();
        let durability = if case % 2 == 0 { Durability::Synced } else { Durability::Buffered };
        let run = random_run(&disk, durability, 150, &mut random);
        let last = run.image().journal().seq().get();
        let forward = seqs(run.image().journal().history());
        assert_eq!(forward, (1..=last).collect::<Vec<_>>(), "of a running image");
        let backward = seqs(run.image().journal().history().newest_first());
        assert_eq!(backward, (1..=last).rev().collect::<Vec<_>>());
        for _ in 0..20 {
            let (a, b) = (1 + random.below(last), 1 + random.below(last));
            let (first, end) = (a.min(b), a.max(b));
            let history = || run.image().journal().history().range(Seq::new(first)..Seq::new(end));
            assert_eq!(seqs(history()), (first..end).collect::<Vec<_>>());
            assert_eq!(seqs(history().newest_first()), (first..end).rev().collect::<Vec<_>>());
        }
        run.close();
        assert_eq!(seqs(journal(&disk).history()), (1..=last).collect::<Vec<_>>(), "of a closed image");
    }
}

#[test]
fn filters_select_by_name_actor_outcome_and_time() {
    let disk = SimDisk::new();
    let image = open(&disk, options());
    for number in 0..30 {
        image.with(Metadata::actor(number % 3)).deposit(number, 1).unwrap();
        let _ = image.settle(number, number % 2 + 1);
    }
    let history = || image.journal().history();
    assert_eq!(seqs(history().of::<LedgerDeposit>()).len(), 30);
    assert_eq!(seqs(history().of::<LedgerDeposit>().of::<LedgerSettle>()).len(), 60);
    assert_eq!(seqs(history().named("settle")), seqs(history().of::<LedgerSettle>()));
    assert_eq!(seqs(history().by("1")), (0..10).map(|n| 3 + 6 * n).collect::<Vec<u64>>());
    assert_eq!(seqs(history().rejected()).len(), 15);
    assert_eq!(seqs(history().applied()).len(), 45);
    let times: Vec<Timestamp> = history().into_iter().map(|event| event.unwrap().time()).collect();
    assert_eq!(seqs(history().since(times[10]).until(times[12])), [11, 12, 13]);
    assert_eq!(seqs(history().since(times[10]).until(times[12]).newest_first()), [13, 12, 11]);
    assert_eq!(seqs(history().by("nobody")), [0; 0]);
}

#[test]
fn an_image_without_events_has_an_empty_history() {
    let image = Image::<memimage_tests::Ledger>::in_memory().unwrap();
    assert_eq!(image.journal().history().into_iter().count(), 0);
    assert_eq!(image.journal().history().newest_first().into_iter().count(), 0);
    assert_eq!(image.journal().history().range(Seq::new(1)..).into_iter().count(), 0);
}

#[test]
fn the_newest_events_are_read_from_the_last_segments_alone() {
    let disk = SimDisk::new();
    let image = open(&disk, options());
    for _ in 0..100 {
        image.file(vec![1; 2_000]).unwrap();
    }
    // the first segments cannot be read
    for number in 1..=10 {
        disk.write(format!("{PATH}/journal/{number:08}.journal"), 4096, &[0xAB; 4096]).unwrap();
    }
    assert_eq!(
        seqs(image.journal().history().newest_first().into_iter().take(10)),
        (91..=100).rev().collect::<Vec<_>>()
    );
    let error = image.journal().history().into_iter().find_map(Result::err).expect("the first segment is damaged");
    assert_eq!(error.kind(), memimage::ErrorKind::Corrupt, "{error}");
    assert!(image.journal().history().newest_first().into_iter().any(|event| event.is_err()));
}

#[test]
fn a_void_event_is_shown_as_void_and_without_an_effect() {
    let disk = SimDisk::new();
    let image = open(&disk, options());
    for amount in 1..=3 {
        image.deposit(1, amount).unwrap();
    }
    Image::close(image).unwrap();
    memimage::admin::Void::new(Seq::new(2), "a mistake").run_with(Arc::new(disk.clone()), PATH).unwrap();
    let events: Vec<_> = journal(&disk).history().into_iter().map(Result::unwrap).collect();
    assert_eq!(events.iter().map(|event| event.is_void()).collect::<Vec<_>>(), [false, true, false]);
    assert!(events[1].event().is_none() && events[1].recorded().value().is_ok());
    assert_eq!(journal(&disk).at(Seq::new(2)).unwrap().accounts[&1], 1);
    assert_eq!(journal(&disk).at(Seq::new(3)).unwrap().accounts[&1], 4);
    assert_eq!(seqs(journal(&disk).history().named("deposit").newest_first()), [3, 2, 1], "by the recorded name");
}

#[test]
fn the_history_of_a_pruned_journal_begins_with_its_first_event() {
    let disk = SimDisk::new();
    let image = open(&disk, options().retention(Retention::Events(0)));
    for round in 0..8 {
        for _ in 0..20 {
            image.file(vec![round; 1_000]).unwrap();
        }
        image.admin().snapshot().unwrap();
    }
    let events = seqs(image.journal().history());
    assert!(events[0] > 1, "the journal was pruned");
    assert_eq!(events, (events[0]..=160).collect::<Vec<_>>());
    assert_eq!(seqs(image.journal().history().newest_first()), (events[0]..=160).rev().collect::<Vec<_>>());
    let range = || image.journal().history().range(Seq::new(1)..);
    for mut history in [range().into_iter(), range().newest_first().into_iter()] {
        let error = history.next().unwrap().unwrap_err();
        assert_eq!(error.kind(), memimage::ErrorKind::Pruned);
        assert!(error.to_string().contains(&format!("begins with event {}", events[0])), "{error}");
        assert!(history.next().is_none());
    }
}

#[test]
fn a_selection_that_ends_in_the_pruned_part_is_refused() {
    let disk = SimDisk::new();
    let image = open(&disk, options().retention(Retention::Events(0)));
    assert_eq!(image.journal().first_seq().unwrap(), Seq::new(1), "the first event will be event 1");
    image.deposit(1, 1).unwrap();
    let early = image.journal().at(Seq::new(1)).unwrap().time();
    for round in 0..8 {
        for _ in 0..20 {
            image.file(vec![round; 1_000]).unwrap();
        }
        image.admin().snapshot().unwrap();
    }
    let (journal, last) = (journal(&disk), Seq::new(161));
    let first = journal.first_seq().unwrap();
    assert!(first > Seq::new(20), "the journal was pruned");
    assert_eq!(first, image.journal().first_seq().unwrap());
    let all: Vec<_> = (first.get()..=last.get()).collect();

    let before = Seq::new(first.get() - 1);
    let refused = |history: memimage::History<_>| {
        let error = history.into_iter().next().unwrap().unwrap_err();
        assert_eq!(error.kind(), memimage::ErrorKind::Pruned, "{error}");
        assert!(error.to_string().contains(&format!("begins with event {first}")), "{error}");
    };
    for last in [Seq::new(1), Seq::new(3), before] {
        refused(journal.history().range(..=last));
        refused(journal.history().range(..=last).newest_first());
    }
    refused(journal.history().range(..first));
    refused(journal.history().until(early));
    refused(journal.history().since(early).until(early).newest_first());

    let time_of_first = journal.history().into_iter().next().unwrap().unwrap().time();
    assert_eq!(seqs(journal.history().until(time_of_first)), all[..1]);
    assert_eq!(seqs(journal.history().range(..=first)), all[..1]);
    assert!(seqs(journal.history().range(first..).until(early)).is_empty(), "this range has no pruned event");
    assert_eq!(seqs(journal.history().since(early)), all);
    assert_eq!(seqs(journal.history()), all);
}

#[test]
fn actors_add_up_and_other_selections_replace_the_one_before() {
    let disk = SimDisk::new();
    let image = open(&disk, options());
    for actor in ["ann", "bob", "eve", "ann"] {
        image.with(memimage::Metadata::actor(actor)).deposit(1, 1).unwrap();
    }
    image.deposit(1, 1).unwrap();
    image.settle(1, 500).unwrap_err();
    let history = || image.journal().history();
    assert_eq!(seqs(history().by("ann").by("bob")), [1, 2, 4]);
    assert_eq!(seqs(history().by("eve")), [3]);
    assert_eq!(seqs(history().applied().rejected()), [6]);
    assert_eq!(seqs(history().rejected().applied()), [1, 2, 3, 4, 5]);
    assert_eq!(seqs(history().range(..=Seq::new(2)).range(Seq::new(5)..)), [5, 6]);
}

#[test]
fn events_have_the_name_of_their_command() {
    let image = Image::<memimage_tests::Ledger>::in_memory().unwrap();
    image.deposit(1, 2).unwrap();
    let event = image.journal().history().into_iter().next().unwrap().unwrap().into_event().unwrap();
    assert_eq!((event.name(), event.version()), ("deposit", 1));
}
