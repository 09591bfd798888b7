//! Answers that wait for the log.

use std::sync::Arc;

use memimage::disk::SimDisk;
use memimage::replication::Acknowledge;
use memimage::{Durability, Seq};
use memimage_tests::{DiskMethod, Gate, GateDisk, block_on, wait_until, with_timeout};

use super::{Call, MODES, ScriptedLog, TallyAdd, TallyCommands as _, open, open_on, seq};

/// Catches the planted bug `AnswerBeforeRemote`.
#[test]
fn nothing_is_answered_before_the_log_has_it() {
    for durability in MODES {
        with_timeout(move || {
            let (image, log) = open(durability, Acknowledge::Remote);
            let mut subscription = image.journal().subscribe(Seq::ZERO).unwrap();
            let command = Call::begin(&image, |image| image.once("a request").add(7));
            wait_until("the event is written", || image.journal().written_seq() == seq(1));
            let submitted = Call::begin(&image, |image| image.submit(TallyAdd { by: 1 }).unwrap().wait());
            wait_until("the second event is written", || image.journal().written_seq() == seq(2));
            let awaited = Call::begin(&image, |image| block_on(image.execute_async(TallyAdd { by: 2 })));
            wait_until("the third event is written", || image.journal().written_seq() == seq(3));
            let bulk = Call::begin(&image, |image| image.submit_all([TallyAdd { by: 3 }]).wait().pop().unwrap());
            wait_until("the fourth event is written", || image.journal().written_seq() == seq(4));
            let retry = Call::begin(&image, |image| image.once("a request").add(7));
            let refused = Call::begin(&image, |image| image.take(1000).unwrap_err().to_string());
            let query = Call::begin(&image, |image| image.query(|tally| tally.count));
            let async_query = Call::begin(&image, |image| block_on(image.query_async(|tally| tally.count)));
            let synced = Call::begin(&image, |image| image.journal().sync());
            let told = Call::begin(&image, move |_| subscription.next().unwrap().unwrap().seq());
            assert_eq!(log.owner().shippable(), seq(4), "the log may have all written events");

            command.assert_waits("the command");
            submitted.assert_waits("the submitted command");
            awaited.assert_waits("the awaited command");
            bulk.assert_waits("the bulk");
            retry.assert_waits("the retry");
            refused.assert_waits("the refusal");
            query.assert_waits("the query");
            async_query.assert_waits("the awaited query");
            synced.assert_waits("the sync");
            told.assert_waits("the subscription");
            assert_eq!(image.journal().durable_seq(), seq(0));
            assert_eq!(image.view(|tally| tally.count).unwrap(), 0, "a view shows what was answered");

            // the log gets the events in two steps
            log.owner().shipped(seq(2));
            assert_eq!((command.answer().unwrap(), submitted.answer().unwrap()), (7, 8));
            awaited.assert_waits("the awaited command");
            query.assert_waits("the query");
            assert_eq!(told.answer(), seq(1));

            log.ship();
            assert_eq!((awaited.answer().unwrap(), bulk.answer().unwrap()), (10, 13));
            assert_eq!(retry.answer().unwrap(), 7);
            assert!(refused.answer().contains("13"));
            assert_eq!((query.answer().unwrap(), async_query.answer().unwrap()), (13, 13));
            synced.answer().unwrap();
            assert_eq!(image.journal().durable_seq(), seq(4));
            assert_eq!(image.view(|tally| tally.count).unwrap(), 13);
        });
    }
}

#[test]
fn commands_go_on_while_the_log_is_slow() {
    with_timeout(|| {
        let (image, log) = open(Durability::Synced, Acknowledge::Remote);
        let pending: Vec<_> = (0..100).map(|_| image.submit(TallyAdd { by: 1 }).unwrap()).collect();
        wait_until("all is written", || log.owner().shippable() == seq(100));
        assert_eq!(image.journal().durable_seq(), seq(0));
        log.ship();
        assert_eq!(pending.into_iter().map(|pending| pending.wait().unwrap()).last(), Some(100));
    });
}

/// The log may have the events that it gets while the local disk syncs them, but an answer needs both.
#[test]
fn a_batch_whose_sync_fails_is_never_answered_although_the_log_has_it() {
    with_timeout(|| {
        let disk = GateDisk::new(SimDisk::new());
        let log = ScriptedLog::default();
        let image = open_on(disk.clone(), Durability::Synced, &log, Acknowledge::Remote).unwrap();
        // records the shape, so that the next command needs no batch for it
        let first = Call::begin(&image, |image| image.add(1));
        wait_until("the first event is written", || log.owner().shippable() == seq(1));
        log.ship();
        first.answer().unwrap();
        let gate = Gate::default();
        let at = gate.clone();
        disk.rule(move |call| {
            if !call.is(DiskMethod::SyncData, ".journal") {
                return Ok(None);
            }
            at.pass();
            Err(std::io::Error::other("broken"))
        });
        let command = Call::begin(&image, |image| image.add(1));
        gate.wait_until_blocked();
        assert_eq!(log.owner().shippable(), seq(2), "the log may have the event before it is synced");
        log.owner().shipped(seq(2));
        command.assert_waits("the command");
        assert_eq!(image.journal().durable_seq(), seq(1));
        gate.open();
        let error = command.answer().unwrap_err();
        assert!(error.is_poisoned() && error.is_outcome_unknown() && error.is_io(), "{error}");
        assert!(log.owner().is_closed());
        log.owner().shipped(seq(2));
        assert_eq!(image.journal().durable_seq(), seq(1));
    });
}

#[test]
fn a_panicking_command_waits_for_the_log_and_the_model_is_rebuilt() {
    with_timeout(|| {
        let (image, log) = open(Durability::Buffered, Acknowledge::Remote);
        let stopped = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let (shipper, end) = (log.clone(), Arc::clone(&stopped));
        let thread = std::thread::spawn(move || {
            while !end.load(std::sync::atomic::Ordering::SeqCst) {
                shipper.ship();
                std::thread::yield_now();
            }
        });
        image.add(1).unwrap();
        assert!(image.add(u64::MAX).is_err(), "the sum overflows");
        assert_eq!(image.query(|tally| tally.count).unwrap(), 1);
        stopped.store(true, std::sync::atomic::Ordering::SeqCst);
        thread.join().unwrap();
    });
}
