//! The n-th disk call of a named subscription fails, for each n. No event is lost, and afterwards everything can be repeated.

use memimage::disk::{Effect, Fault, SimDisk};
use memimage::{Error, ErrorKind, Image, Seq};
use memimage_tests::{DiskMethod, GateDisk, Ledger, LedgerDeposit, wait_until};

use super::{PATH, deposit, journal_of, open_with, options, seq};

/// What the mailer has done.
#[derive(Default)]
struct Mailer {
    sent: Vec<u64>,
}

impl Mailer {
    /// Subscribes, sends and acknowledges until no event is left or a call fails.
    fn run(&mut self, image: &Image<Ledger>) -> Result<(), Error> {
        let mut mailer = image.journal().subscribe_as("mailer", Seq::ZERO)?;
        while let Some(event) = mailer.next_timeout(std::time::Duration::ZERO)? {
            self.sent.push(event.seq().get());
            mailer.acknowledge(&event)?;
            if event.seq().get().is_multiple_of(4) {
                mailer.sync_acknowledged()?;
            }
        }
        drop(mailer);
        image.journal().subscriptions()?;
        Ok(())
    }
}

#[test]
fn each_failing_call_loses_no_event_and_can_be_repeated() {
    for effect in [Effect::Nothing, Effect::Everything, Effect::Part, Effect::Dropped] {
        for is_lasting in [false, true] {
            let mut number = 1;
            loop {
                let disk = SimDisk::new();
                // in a long segment, no thread of the image creates the next one, whose calls would fail too
                let image = open_with(&disk, options().segment_bytes(1 << 20));
                // one batch: after several, the owner looks at its files once more when it comes to rest
                let deposits = image.submit_all((0..6).map(|_| LedgerDeposit { account: 1, amount: 1 }));
                assert!(deposits.wait().iter().all(Result::is_ok));
                // the owner writes `journal/durable` after the answers
                wait_until("the owner rests", || journal_of(disk.clone()).durable_seq().unwrap() == seq(6));
                let fault = Fault::io().effect(effect);
                disk.inject(if is_lasting { fault.from(number) } else { fault.nth(number) });
                let mut mailer = Mailer::default();
                let failed = mailer.run(&image);
                let strikes = disk.strikes();
                disk.heal();
                let why = format!("{effect:?}, call {number}, {failed:?}");
                mailer.run(&image).unwrap_or_else(|error| panic!("{why}: {error}"));
                let mut sent = mailer.sent.clone();
                sent.sort_unstable();
                sent.dedup();
                assert_eq!(sent, [1, 2, 3, 4, 5, 6], "{why}");
                let positions = journal_of(disk.clone()).subscriptions().unwrap();
                assert_eq!(positions[0].acknowledged, Some(seq(6)), "{why}");
                Image::close(image).unwrap_or_else(|error| panic!("{why}: {error}"));
                if strikes == 0 {
                    break;
                }
                number += 1;
            }
            assert!(number > 30, "{number} calls failed");
        }
    }
}

#[test]
fn on_a_full_disk_a_subscription_cannot_begin_and_an_old_one_continues() {
    let gate = GateDisk::new(SimDisk::new());
    let image: Image<Ledger> = options().open_with(std::sync::Arc::new(gate.clone()), PATH).unwrap();
    deposit(&image, 3);
    gate.fail(DiskMethod::Write, "acknowledged.tmp", std::io::ErrorKind::StorageFull);
    let error = image.journal().subscribe_as("mailer", Seq::ZERO).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull);
    assert!(image.journal().subscriptions().unwrap().is_empty());
    gate.remove_rule();
    let mut mailer = image.journal().subscribe_as("mailer", Seq::ZERO).unwrap();
    let event = mailer.next().unwrap().unwrap();
    gate.fail(DiskMethod::Write, "acknowledged", std::io::ErrorKind::StorageFull);
    assert_eq!(mailer.acknowledge(&event).unwrap_err().kind(), ErrorKind::StorageFull);
    assert_eq!(mailer.acknowledged(), Some(Seq::ZERO));
    // the subscription continues, and the commands do
    let second = mailer.next().unwrap().unwrap();
    deposit(&image, 1);
    gate.remove_rule();
    mailer.acknowledge(&second).unwrap();
    assert_eq!(mailer.acknowledged(), Some(seq(2)));
}
