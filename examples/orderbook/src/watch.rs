//! Watches the book: prints each change once it is durable, beside a running ingest.

use std::error::Error;
use std::io::Write;
use std::path::Path;

use memimage::{Journal, Seq};
use serde::Serialize;

use crate::book::{Book, BookEvent};

/// A change of the book.
#[derive(Serialize)]
struct Change {
    seq: u64,
    unix_ms: u64,
    change: &'static str,
    order: u64,
}

/// Prints a line of JSON for each change after event `after`, at most `count` of them. `after` is the newest event if it is `None`.
pub(crate) fn watch(
    image: &Path,
    after: Option<u64>,
    count: u64,
    mut output: impl Write,
) -> Result<(), Box<dyn Error>> {
    let journal = Journal::<Book>::open(image)?;
    let after = after.map_or_else(|| journal.durable_seq(), |seq| Ok(Seq::new(seq)))?;
    let mut changes = journal.subscribe(after)?;
    let mut printed = 0;
    while printed < count
        && let Some(event) = changes.next()
    {
        let event = event?;
        let (seq, unix_ms) = (event.seq().get(), event.time().as_millis());
        let (change, order) = match event.into_event() {
            Some(BookEvent::Create(create)) => ("created", create.id),
            Some(BookEvent::Change(change)) => ("changed", change.id),
            Some(BookEvent::Delete(delete)) => ("deleted", delete.id),
            // an event that was made void changes nothing
            None => continue,
        };
        let line = serde_json::to_string(&Change { seq, unix_ms, change, order: order.0 })? + "\n";
        output.write_all(line.as_bytes())?;
        output.flush()?;
        printed += 1;
    }
    Ok(())
}
