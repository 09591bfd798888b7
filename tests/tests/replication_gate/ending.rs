//! The end of a replicated image: by a fence, by a close, and by a drop.

use std::sync::atomic::Ordering;

use memimage::replication::{Acknowledge, MaxLag};
use memimage::{Durability, ErrorKind, Image, Seq};
use memimage_tests::{wait_until, with_timeout};

use super::{Call, MODES, TallyAdd, TallyCommands as _, fence, open, open_local, seq};

#[test]
fn a_fence_poisons_the_image_and_leaves_waiting_callers_in_doubt() {
    for durability in MODES {
        with_timeout(move || {
            let (image, log) = open(durability, Acknowledge::Remote);
            let mut subscription = image.journal().subscribe(Seq::ZERO).unwrap();
            let command = Call::begin(&image, |image| image.add(7));
            wait_until("the event is written", || image.journal().written_seq() == seq(1));
            let query = Call::begin(&image, |image| image.query(|tally| tally.count));
            let synced = Call::begin(&image, |image| image.journal().sync());
            let told = Call::begin(&image, move |_| subscription.next().unwrap().unwrap_err());
            command.assert_waits("the command");
            log.owner().fail(&fence());
            for error in [command.answer().unwrap_err(), query.answer().unwrap_err(), synced.answer().unwrap_err()] {
                assert_eq!(error.kind(), ErrorKind::Fenced, "{error}");
                assert!(error.is_poisoned() && error.is_outcome_unknown(), "{error}");
            }
            assert_eq!(told.answer().kind(), ErrorKind::Fenced);
            let later = image.add(1).unwrap_err();
            assert!(later.kind() == ErrorKind::Fenced && later.is_poisoned() && !later.is_outcome_unknown(), "{later}");
            assert_eq!(image.query(|_| ()).unwrap_err().kind(), ErrorKind::Fenced);
            // too late
            log.owner().shipped(seq(1));
            assert_eq!(image.journal().durable_seq(), seq(0));
            assert_eq!(Image::close(image).unwrap_err().kind(), ErrorKind::Fenced);
            assert_eq!(log.counts(), [1, 1, 1], "the log is stopped, too");
        });
    }
}

#[test]
fn a_close_ships_the_rest() {
    for acknowledge in [Acknowledge::Remote, Acknowledge::Local { max_lag: MaxLag::default() }] {
        with_timeout(move || {
            let (image, log) = open(Durability::Synced, acknowledge);
            let pending = image.submit(TallyAdd { by: 1 }).unwrap();
            let command = Call::begin(&image, |image| image.add(1));
            wait_until("both are written", || image.journal().written_seq() == seq(2));
            Image::close(image).unwrap();
            assert_eq!((pending.wait().unwrap(), command.answer().unwrap()), (1, 2));
            assert_eq!(log.counts(), [1, 1, 1]);
            assert!(log.owner().is_closed());
        });
    }
}

#[test]
fn a_close_without_the_log_leaves_waiting_callers_in_doubt() {
    with_timeout(|| {
        let (image, log) = open(Durability::Synced, Acknowledge::Remote);
        let command = Call::begin(&image, |image| image.add(1));
        wait_until("the event is written", || image.journal().written_seq() == seq(1));
        log.script.is_down.store(true, Ordering::SeqCst);
        let closed = Image::close(image).unwrap_err();
        assert!(closed.kind() == ErrorKind::Replication && !closed.is_poisoned(), "{closed}");
        let error = command.answer().unwrap_err();
        assert!(error.is_poisoned() && error.is_outcome_unknown(), "{error}");
    });
}

#[test]
fn a_close_names_the_answered_events_that_the_log_lacks() {
    with_timeout(|| {
        let (image, log) = open_local(MaxLag::default());
        image.add(1).unwrap();
        log.ship();
        for number in 2..=3 {
            image.add(number).unwrap();
        }
        log.script.is_down.store(true, Ordering::SeqCst);
        let closed = Image::close(image.clone()).unwrap_err();
        assert!(closed.kind() == ErrorKind::Replication && !closed.is_poisoned(), "{closed}");
        assert_eq!(
            closed.to_string(),
            "the image was closed; events 2 to 3 are on the local disk only: the log `scripted` is down; help: open the directory as the \
             owner again to ship them"
        );
        assert_eq!(image.add(4).unwrap_err().kind(), ErrorKind::Closed);
    });
}

#[test]
fn a_drop_stops_the_log() {
    with_timeout(|| {
        let (image, log) = open_local(MaxLag::default());
        image.add(1).unwrap();
        drop(image);
        assert_eq!(log.counts(), [1, 1, 1]);
    });
}
