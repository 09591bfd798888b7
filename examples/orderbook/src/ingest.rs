//! Applies a feed to an image: a command for each row, many of them in flight.
//!
//! Refused rows are not recorded. The number of refused rows before the last applied row is the difference to the count of applied
//! rows. Rows after it are checked again by the next run, on the book of that time.

use std::collections::VecDeque;
use std::error::Error;
use std::path::Path;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};
use memimage::{CommandError, Image, Options, Pending};
use serde::Serialize;

use crate::book::{Book, BookChange, BookCreate, BookDelete, Order, Refusal, RowId};
use crate::feed::{Action, Feed, Row};

/// The number of commands in flight: enough to fill the journal's batches while one is synced.
const UNDER_WAY: usize = 1 << 16;

type Answer = Pending<(), CommandError<Refusal>>;

/// The results of a file's rows, over all runs.
#[derive(Serialize)]
pub(crate) struct Summary {
    rows: u64,
    applied: u64,
    refused: u64,
    /// The image's last event, of any file.
    seq: u64,
    /// Of this run.
    seconds: f64,
}

/// Applies the rows up to `limit` that were not applied yet.
pub(crate) fn ingest(file: &Path, options: Options<Book>, image: &Path, limit: u64) -> Result<Summary, Box<dyn Error>> {
    #[expect(clippy::disallowed_methods, reason = "the duration is not part of the book")]
    let start = Instant::now();
    let bar = progress_bar();
    // before the image, so that a mistyped file name creates none
    let mut feed = Feed::open(file, &bar)?;
    let image = options.open(image)?;

    let rows = apply(&image, &mut feed, limit);
    bar.finish_and_clear();
    // an unreadable row does not undo the rows before it
    image.journal().sync()?;
    let rows = rows?;

    let applied = image.query(|book| book.progress(feed.name()).applied)?;
    let seq = image.journal().seq().get();
    Image::close(image)?;
    Ok(Summary { rows, applied, refused: rows - applied, seq, seconds: start.elapsed().as_secs_f64() })
}

/// The number of the last row processed, in this run or an earlier one.
fn apply(image: &Image<Book>, feed: &mut Feed, limit: u64) -> Result<u64, Box<dyn Error>> {
    let progress = image.query(|book| book.progress(feed.name()))?;
    let mut rows = progress.row;
    if rows >= limit {
        return Ok(rows);
    }
    feed.skip(progress)?;
    let mut under_way = VecDeque::new();
    while rows < limit
        && let Some(row) = feed.next()?
    {
        if under_way.len() == UNDER_WAY {
            under_way.pop_front().map_or(Ok(()), wait)?;
        }
        under_way.push_back(submit(image, feed.name(), row)?);
        rows = row.number;
    }
    under_way.into_iter().try_for_each(wait)?;
    Ok(rows)
}

fn submit(image: &Image<Book>, file: &str, row: Row) -> Result<Answer, memimage::Error> {
    let Row { number, id, action, side, price, volume } = row;
    let row = RowId { file: file.to_owned(), number };
    match action {
        Action::Created => image.submit(BookCreate { row, id, order: Order { side, price, volume } }),
        Action::Changed => image.submit(BookChange { row, id, price, volume }),
        Action::Deleted => image.submit(BookDelete { row, id }),
    }
}

/// A refusal is an answer too.
fn wait(answer: Answer) -> Result<(), memimage::Error> {
    match answer.wait() {
        Ok(()) | Err(CommandError::Refused(_)) => Ok(()),
        Err(CommandError::Image(error)) => Err(error),
    }
}

/// A progress bar on stderr, if that is a terminal.
fn progress_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{wide_bar} {bytes} of {total_bytes}, {eta} to go");
    ProgressBar::new(0).with_style(style.expect("the template is well formed"))
}
