//! The history of an image.

use memimage::{Error, History, Seq, Timestamp};
use memimage_tests::{Change, Ledger};

use super::{Pruned, Reading, beside};

/// Reads a history, asserts that its events are right and without a gap, and returns the first and the last seq.
fn read(reading: &Reading<'_>, history: History<Ledger>) -> Result<Option<(Seq, Seq)>, Error> {
    let mut ends: Option<(Seq, Seq)> = None;
    for event in history {
        let event = event?;
        reading.owner.assert_event(reading.began, &event);
        ends = Some(match ends {
            None => (event.seq(), event.seq()),
            Some((first, last)) if event.seq() == last.next() => (first, event.seq()),
            Some((first, last)) => {
                assert_eq!(event.seq().next(), first, "after {first} to {last}");
                (event.seq(), last)
            }
        });
    }
    Ok(ends)
}

#[test]
fn a_history_has_all_events() {
    beside(&Change::ALL, Pruned::MayBe, |reading| {
        let journal = reading.journal()?;
        let (_, last) = read(reading, journal.history())?.expect("the journal has events");
        assert!(last >= reading.began.last, "{last}");
        Ok(())
    });
}

#[test]
fn a_history_from_the_newest_event_has_all_events_backward() {
    beside(&Change::ALL, Pruned::MayBe, |reading| {
        let journal = reading.journal()?;
        let (_, last) = read(reading, journal.history().newest_first())?.expect("the journal has events");
        assert!(last >= reading.began.last, "{last}");
        Ok(())
    });
}

#[test]
fn a_history_up_to_a_time_has_all_events_before_it() {
    beside(&Change::ALL, Pruned::MayBe, |reading| {
        let journal = reading.journal()?;
        let (_, last) =
            read(reading, journal.history().until(Timestamp::from_micros(u64::MAX)))?.expect("the journal has events");
        assert!(last >= reading.began.last, "{last}");
        Ok(())
    });
}

/// Those after the last event cannot be pruned before they are written, and the first look of a reader is at the end of the journal.
#[test]
fn the_ends_of_the_journal_are_those_that_it_has() {
    beside(&Change::ALL, Pruned::Never, |reading| {
        let journal = reading.journal()?;
        let durable = journal.durable_seq()?;
        assert!((reading.began.last..=reading.owner.last()).contains(&durable), "{durable}");
        let first = journal.first_seq()?;
        assert!(first <= reading.owner.last(), "{first}");
        Ok(())
    });
}
