//! A journal with a recorded gap, as its other readers and the other operations see it; and damage behind which nothing is kept.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use memimage::admin::{Backup, Repair, RepairAction, Rewrite, Void};
use memimage::disk::{Disk, SimDisk};
use memimage::{ErrorKind, Image, Projection, Seq, Shape};
use memimage_tests::checksums::update_frame_checksums;
use memimage_tests::{Ledger, LedgerCommands as _, changed, files};
use serde::{Deserialize, Serialize};

use super::check::check;
use super::give_up::{give_up, offered};
use super::model_versions::first::{Till, TillCommands as _, TillPut};
use super::repair::{cents, damage, repair, state_after};
use super::void::{BAD, recorded, void};
use super::{IMAGE, frames, image, open, options};

pub(super) const COPY: &str = "/copy";

/// The events 5 and 6 are lost.
pub(super) fn with_gap(snapshots: &[u64]) -> SimDisk {
    let disk = image(snapshots);
    [5, 6].iter().for_each(|event| damage(&disk, *event));
    repair(&disk, give_up(5)).unwrap();
    disk
}

pub(super) fn without_lost(last: u64) -> u64 {
    state_after(last) - 5 - 2_000
}

/// The sum of what was put into the till.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Shape)]
struct Sum {
    cents: u64,
    count: u64,
}

#[memimage::projection(of = Till)]
impl Sum {
    #[on]
    fn put(&mut self, event: &TillPut) {
        (self.cents, self.count) = (self.cents + event.cents, self.count + 1);
    }
}

#[test]
fn a_projection_goes_on_behind_a_gap() {
    let disk = with_gap(&[]);
    let journal = options::<Till>().open_journal_with(Arc::new(disk.clone()), IMAGE).unwrap();
    let expected: u64 = (1..=30).filter(|event| event % 3 != 0 && *event != 5).sum();
    for _ in 0..2 {
        let sum: Projection<Sum> = Projection::options().snapshot_every(4).open(&journal, "/sum").unwrap();
        sum.wait(Seq::new(30)).unwrap();
        assert_eq!(sum.query(Sum::clone).unwrap(), Sum { cents: expected, count: 19 });
    }
}

#[test]
fn a_follower_goes_on_behind_a_gap() {
    for snapshots in [&[][..], &[3], &[12]] {
        let disk = with_gap(snapshots);
        let follower = options::<Till>().follow_with(Arc::new(disk.clone()), IMAGE).unwrap();
        let till = open::<Till>(&disk).unwrap();
        till.put(4).unwrap();
        follower.wait(Seq::new(31)).unwrap();
        assert_eq!(follower.query(Till::clone).unwrap(), till.query(Till::clone).unwrap());
    }
}

#[test]
fn a_backup_has_the_gap_of_its_image() {
    let disk = with_gap(&[]);
    Backup::new().run_with(Arc::new(disk.clone()), IMAGE, COPY).unwrap();
    let till: Image<Till> = options().open_with(Arc::new(disk), COPY).unwrap();
    assert_eq!(till.read_uncommitted().unwrap().cents, without_lost(30));
    let told = till.journal().history().into_iter().filter_map(Result::err).map(|error| error.kind());
    assert_eq!(told.collect::<Vec<_>>(), [ErrorKind::LostEvents]);
}

#[test]
fn a_subscriber_acknowledges_a_gap_and_does_not_get_it_again() {
    let disk = with_gap(&[]);
    let journal = options::<Till>().open_journal_with(Arc::new(disk.clone()), IMAGE).unwrap();
    let next = |subscription: &mut memimage::Subscription<Till>| subscription.next_timeout(Duration::ZERO);
    let mut subscription = journal.subscribe_as("mailer", Seq::new(4)).unwrap();
    let gap = next(&mut subscription).unwrap_err();
    assert_eq!(gap.gap(), Some((Seq::new(5), Seq::new(6))));
    assert_eq!((subscription.seq(), subscription.lag().unwrap()), (Seq::new(6), 24));
    drop(subscription);

    let mut subscription = journal.subscribe_as("mailer", Seq::ZERO).unwrap();
    let error = subscription.acknowledge_lost(&gap).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotApplicable, "this subscription has not come to the gap: {error}");
    let gap = next(&mut subscription).unwrap_err();
    subscription.acknowledge_lost(&gap).unwrap();
    subscription.acknowledge_lost(&gap).unwrap();
    let other = subscription.acknowledge_lost(&error).unwrap_err();
    assert!(other.kind() == ErrorKind::NotApplicable && other.to_string().contains("does not report lost"), "{other}");
    assert_eq!(subscription.acknowledged(), Some(Seq::new(6)));
    drop(subscription);

    let mut subscription = journal.subscribe_as("mailer", Seq::ZERO).unwrap();
    let event = next(&mut subscription).unwrap().unwrap();
    assert_eq!(event.seq(), Seq::new(7), "the gap is not reported again");
    subscription.acknowledge(&event).unwrap();
    drop(subscription);
    assert_eq!(journal.subscriptions().unwrap()[0].acknowledged, Some(Seq::new(7)));

    let mut unnamed = journal.subscribe(Seq::new(4)).unwrap();
    let gap = next(&mut unnamed).unwrap_err();
    assert_eq!(unnamed.acknowledge_lost(&gap).unwrap_err().kind(), ErrorKind::NotApplicable);
}

#[test]
fn a_subscription_that_has_acknowledged_a_lost_event_goes_on_behind_the_gap() {
    for acknowledged in [5, 6] {
        let disk = image(&[]);
        let journal = options::<Till>().open_journal_with(Arc::new(disk.clone()), IMAGE).unwrap();
        let mut subscription = journal.subscribe_as("mailer", Seq::ZERO).unwrap();
        while subscription.seq() < Seq::new(acknowledged) {
            let event = subscription.next().unwrap().unwrap();
            subscription.acknowledge(&event).unwrap();
        }
        drop((subscription, journal));
        [5, 6].iter().for_each(|event| damage(&disk, *event));
        repair(&disk, give_up(5)).unwrap();
        let journal = options::<Till>().open_journal_with(Arc::new(disk.clone()), IMAGE).unwrap();
        let mut subscription = journal.subscribe_as("mailer", Seq::ZERO).unwrap();
        if acknowledged == 5 {
            assert!(subscription.next().unwrap().unwrap_err().gap().is_some());
        }
        assert_eq!(subscription.next().unwrap().unwrap().seq(), Seq::new(7));
    }
}

#[test]
fn a_rewrite_and_a_branch_behind_a_gap_are_refused() {
    let disk = with_gap(&[]);
    let rewrite = Rewrite::<Till>::new().run_with(Arc::new(disk.clone()), IMAGE, COPY);
    assert_eq!(rewrite.unwrap_err().kind(), ErrorKind::LostEvents);
    let journal = options::<Till>().open_journal_with(Arc::new(disk.clone()), IMAGE).unwrap();
    assert_eq!(journal.branch(COPY).create().unwrap_err().kind(), ErrorKind::LostEvents);
    assert_eq!(disk.kind(Path::new(COPY)).unwrap(), None);
    journal.branch(COPY).until(Seq::new(4)).create().unwrap();
    let till: Image<Till> = options().open_with(Arc::new(disk), COPY).unwrap();
    assert_eq!(till.read_uncommitted().unwrap().cents, state_after(4));
}

#[test]
fn a_lost_event_cannot_become_void_and_others_can() {
    let disk = with_gap(&[]);
    let decision = |seq| Void::new(Seq::new(seq), "wrong").run_with(Arc::new(disk.clone()), IMAGE);
    let error = decision(5).unwrap_err();
    assert!(error.kind() == ErrorKind::NotApplicable && error.to_string().contains("lost"), "{error}");
    decision(4).unwrap();
    decision(8).unwrap();
    assert!(check(&disk).is_sound(), "{}", check(&disk));
    assert_eq!(cents(&disk), (30, without_lost(30) - 4 - 8));
}

/// A state that was made before the decision has the effect of the lost events; a void removes it, and then they are missing.
#[test]
fn a_void_before_a_snapshot_with_the_effect_of_lost_events_removes_it() {
    let disk = with_gap(&[12]);
    assert_eq!(cents(&disk), (30, state_after(30)));
    Void::new(Seq::new(8), "wrong").run_with(Arc::new(disk.clone()), IMAGE).unwrap();
    assert_eq!(cents(&disk), (30, without_lost(30) - 8));
}

#[test]
fn damage_that_destroyed_a_decision_is_not_given_up() {
    let disk = recorded(&[]);
    void(&disk, BAD).unwrap();
    let till = open::<Till>(&disk).unwrap();
    till.put(1).unwrap();
    Image::close(till).unwrap();
    let decision = frames(&disk).into_iter().find(|frame| frame.kind == 7).unwrap();
    disk.write(&decision.path, decision.offset + 100, &[0xA5; 4]).unwrap();
    let offered = check(&disk).repairs();
    assert!(offered.iter().all(|option| !matches!(option.action, RepairAction::GiveUp(_))), "{offered:?}");
    let error = repair(&disk, give_up(9)).unwrap_err();
    assert!(error.to_string().contains("a decision that an event is void"), "{error}");
}

/// Changes a field of the gap frame, with correct checksums.
fn forge(disk: &SimDisk, change: impl FnOnce(&mut [u8])) {
    let gap = frames(disk).into_iter().find(|frame| frame.kind == 9).unwrap();
    let mut bytes = disk.read(&gap.path).unwrap();
    let frame = gap.offset as usize..gap.offset as usize + gap.len;
    change(&mut bytes[frame.clone()]);
    update_frame_checksums(&mut bytes, frame);
    disk.write(&gap.path, 0, &bytes).unwrap();
}

#[test]
fn a_forged_gap_is_damage() {
    const HEADER: usize = 96;
    const BODY: usize = HEADER + 40;
    // XORs a byte of the whitened body
    let in_body = |at: usize, change: u8| move |frame: &mut [u8]| frame[BODY + at] ^= change;
    let unchanged = with_gap(&[]);
    forge(&unchanged, |_| ());
    assert!(check(&unchanged).is_sound());
    type Change = Box<dyn FnOnce(&mut [u8])>;
    let changes: [(&str, Change); 7] = [
        ("the first lost event is 4", Box::new(in_body(0, 5 ^ 4))),
        ("the first lost event is 8", Box::new(in_body(0, 5 ^ 8))),
        ("the epoch of the decision is 0", Box::new(in_body(1, 3))),
        ("event 7 is lost too", Box::new(|frame| frame[8] = 8)),
        ("only event 5 is lost", Box::new(|frame| frame[8] = 6)),
        ("another frame precedes it", Box::new(|frame| frame[72] ^= 1)),
        ("another frame follows it", Box::new(|frame| frame[HEADER] ^= 1)),
    ];
    for (what, change) in changes {
        let disk = with_gap(&[]);
        forge(&disk, change);
        assert_eq!(open::<Till>(&disk.fork()).err().map(|error| error.kind()), Some(ErrorKind::Corrupt), "{what}");
        assert!(!check(&disk).is_sound(), "{what}: {}", check(&disk));
    }
}

/// Adds events of `cents` each, in an owner of their own.
fn go_on(disk: &SimDisk, events: u64, cents: u64) {
    let till = open::<Till>(disk).unwrap();
    (0..events).for_each(|_| assert!(till.put(cents).is_ok()));
    Image::close(till).unwrap();
}

/// A segment of another copy of the image continues nothing, also where its first frames are damaged.
#[test]
fn frames_of_another_history_are_never_kept() {
    let one = image(&[]);
    let other = one.fork();
    go_on(&one, 90, 1);
    go_on(&other, 90, 2);
    let segments: Vec<_> = frames(&one).into_iter().filter(|frame| frame.offset == 4_096).collect();
    for (replaced, damaged) in [1, 2].into_iter().flat_map(|from_end| [0, 1, 3].map(|damaged| (from_end, damaged))) {
        let (disk, path) = (one.fork(), &segments[segments.len() - replaced].path);
        disk.write(path, 0, &other.read(path).unwrap()).unwrap();
        let of_segment: Vec<_> = frames(&disk).into_iter().filter(|frame| frame.path == *path).collect();
        for frame in &of_segment[..damaged] {
            disk.write(&frame.path, frame.offset, &[0x5A; 96]).unwrap();
        }
        assert!(open::<Till>(&disk.fork()).is_err());
        let offered = check(&disk).repairs();
        assert!(
            offered.iter().all(|option| !matches!(option.action, RepairAction::GiveUp(_))),
            "{damaged}: {offered:?}"
        );
    }
}

/// A deposit of 100, a withdrawal of 60 of it, and more deposits.
pub(super) fn deposits() -> SimDisk {
    let disk = SimDisk::new();
    let ledger = open::<Ledger>(&disk).unwrap();
    ledger.deposit(1, 100).unwrap();
    ledger.settle(1, 60).unwrap();
    ledger.deposit(1, 50).unwrap();
    ledger.settle(1, 500).unwrap_err();
    Image::close(ledger).unwrap();
    disk
}

#[test]
fn an_event_behind_a_gap_may_have_another_outcome_which_then_counts() {
    let disk = deposits();
    damage(&disk, 1);
    let option = offered(&disk).unwrap();
    assert_eq!(option.doubtful.map(|range| (range.first.get(), range.last.get())), Some((2, 4)));
    let before = files(&disk);
    let run = Repair::new(option.action).dry_run_with::<Ledger>(Arc::new(disk.clone()), IMAGE).unwrap();
    assert!(changed(&before, &files(&disk)).is_empty(), "a dry run changes nothing");
    let outcomes: Vec<_> = run.outcomes.iter().map(|change| (change.seq.get(), change.is_rejected)).collect();
    assert_eq!((outcomes, run.failure.is_none()), (vec![(2, true)], true), "{run}");
    assert!(run.to_string().contains("event 2: was accepted, and would be rejected"), "{run}");

    repair(&disk, option.action).unwrap();
    let ledger = open::<Ledger>(&disk).unwrap();
    assert_eq!(ledger.admin().stats().recovery.changed_outcomes, 1);
    let lost = ledger.admin().stats().recovery.lost;
    assert_eq!(lost, [(Seq::new(1), Seq::new(1))]);
    ledger.deposit(2, 7).unwrap();
    assert!(ledger.admin().snapshot().unwrap().verified);
    let state = ledger.read_uncommitted().unwrap().clone();
    Image::close(ledger).unwrap();
    for path in disk.files().iter().filter(|path| path.extension().is_some_and(|end| end == "snapshot")) {
        disk.remove(path).unwrap();
    }
    assert_eq!(*open::<Ledger>(&disk).unwrap().read_uncommitted().unwrap(), state);
}
