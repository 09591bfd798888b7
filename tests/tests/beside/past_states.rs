//! Past states, and what changed between them.

use memimage::{Error, Past, Seq, Timestamp};
use memimage_tests::{Change, Ledger};

use super::{Pruned, Reading, beside};

fn verify(reading: &Reading<'_>, past: &Past<Ledger>) {
    reading.owner.assert_state(reading.began, past.seq(), past);
}

#[test]
fn the_state_after_an_event_is_right() {
    beside(&Change::ALL, Pruned::MayBe, |reading| {
        let past = reading.journal()?.at(reading.began.last)?;
        assert_eq!(past.seq(), reading.began.last);
        verify(reading, &past);
        Ok(())
    });
}

/// A time after the last event, and before the tests were run.
const LATER: Timestamp = Timestamp::from_micros(1_000_000_000_000);

#[test]
fn the_last_state_is_right() {
    beside(&Change::ALL, Pruned::Never, |reading| {
        let past = reading.journal()?.at(LATER)?;
        assert!(past.seq() >= reading.began.last);
        verify(reading, &past);
        Ok(())
    });
}

#[test]
fn the_state_at_a_time_is_right() {
    beside(&Change::ALL, Pruned::MayBe, |reading| {
        let past = reading.journal()?.at(reading.owner.now())?;
        assert!(past.seq() >= reading.began.last);
        verify(reading, &past);
        Ok(())
    });
}

/// Steps forward to the last event.
fn step(reading: &Reading<'_>, past: &mut Past<Ledger>) -> Result<(), Error> {
    loop {
        let seq = past.seq();
        if !past.step()? {
            assert!(past.seq() >= reading.began.last);
            return Ok(());
        }
        assert_eq!(past.seq(), seq.next());
        verify(reading, past);
        let events = past.events()?;
        assert!(events.iter().all(|event| event.seq() == past.seq()));
        events.iter().for_each(|event| reading.owner.assert_event(reading.began, event));
    }
}

#[test]
fn a_past_state_steps_to_the_end() {
    beside(&Change::ALL, Pruned::MayBe, |reading| {
        let first = reading.journal()?.first(|_| true)?;
        step(reading, &mut first.expect("a state"))
    });
}

#[test]
fn a_past_state_seeks_forward_and_backward() {
    beside(&Change::ALL, Pruned::MayBe, |reading| {
        let (journal, last) = (reading.journal()?, reading.began.last);
        let mut past = journal.at(last)?;
        past.seek(Seq::new(last.get() - 2))?;
        verify(reading, &past);
        past.seek(last)?;
        verify(reading, &past);
        past.seek(LATER)?;
        verify(reading, &past);
        step(reading, &mut past)
    });
}

#[test]
fn the_changes_of_a_value_are_right() {
    beside(&Change::ALL, Pruned::MayBe, |reading| {
        let mut before = None;
        for change in reading.journal()?.changes(|ledger| ledger.clone()) {
            let change = change?;
            assert!(before.is_none_or(|before| before < change.seq));
            reading.owner.assert_state(reading.began, Seq::new(change.seq.get() - 1), &change.old);
            reading.owner.assert_state(reading.began, change.seq, &change.new);
            change.events.iter().for_each(|event| reading.owner.assert_event(reading.began, event));
            before = Some(change.seq);
        }
        assert!(before.is_some_and(|before| before >= Seq::new(reading.began.last.get() - 1)), "{before:?}");
        Ok(())
    });
}

#[test]
fn the_differences_of_two_states_are_right() {
    beside(&Change::ALL, Pruned::MayBe, |reading| {
        let last = reading.began.last;
        let differences = reading.journal()?.diff(Seq::new(last.get() - 1), last)?;
        let paths: Vec<_> = differences.iter().map(|difference| difference.path.as_str()).collect();
        assert!(paths == ["filed", "hash"] || paths == [format!("accounts[{}]", last.get() % 5)], "{last}: {paths:?}");
        Ok(())
    });
}
