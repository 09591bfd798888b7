//! Subscriptions in another process than the owner's.

use std::time::Duration;

use memimage::{Error, Seq, Subscription};
use memimage_tests::{Change, Ledger};

use super::{Pruned, Reading, beside};

/// How long a subscriber waits for an event that is durable.
const PATIENCE: Duration = Duration::from_secs(20);

/// Reads the events up to the last one that was durable, and as many as there are by now, from the one after `last`.
fn read(reading: &Reading<'_>, subscription: &mut Subscription<Ledger>, mut last: Seq) -> Result<Seq, Error> {
    while last < reading.began.last || last < reading.owner.last() {
        let event = subscription.next_timeout(PATIENCE)?.unwrap_or_else(|| panic!("no event after {last}"));
        assert_eq!(event.seq(), last.next());
        reading.owner.assert_event(reading.began, &event);
        if subscription.name().is_some() {
            subscription.acknowledge(&event)?;
        }
        last = event.seq();
    }
    Ok(last)
}

fn before_last(reading: &Reading<'_>, events: u64) -> Seq {
    Seq::new(reading.began.last.get() - events)
}

#[test]
fn a_subscription_from_the_first_event_has_all_events() {
    beside(&Change::ALL, Pruned::MayBe, |reading| {
        let journal = reading.journal()?;
        let after = Seq::new(journal.first_seq()?.get() - 1);
        read(reading, &mut journal.subscribe(after)?, after).map(drop)
    });
}

#[test]
fn a_subscription_from_a_late_event_has_all_events() {
    beside(&Change::ALL, Pruned::MayBe, |reading| {
        let after = before_last(reading, 2);
        read(reading, &mut reading.journal()?.subscribe(after)?, after).map(drop)
    });
}

/// Once the subscription exists, the owner keeps its events.
#[test]
fn a_new_named_subscription_has_all_events() {
    beside(&Change::ALL, Pruned::MayBe, |reading| {
        let after = before_last(reading, 2);
        let mut subscription = reading.journal()?.subscribe_as("mailer", after)?;
        let all = read(reading, &mut subscription, after);
        all.map(drop).map_err(|error| panic!("the events of a named subscription are kept: {error}"))
    });
}

/// The owner keeps the events that were not acknowledged.
#[test]
fn a_named_subscription_continues() {
    beside(&Change::ALL, Pruned::Never, |reading| {
        let plain = reading.owner.journal();
        if plain.subscriptions()?.is_empty() {
            plain.subscribe_as("mailer", before_last(reading, 2))?;
        }
        let mut subscription = reading.journal()?.subscribe_as("mailer", Seq::ZERO)?;
        let after = subscription.acknowledged().expect("a named subscription");
        read(reading, &mut subscription, after).map(drop)
    });
}
