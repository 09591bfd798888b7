//! Applies a feed to an image, with one command per row and many pending commands.
//!
//! Refused rows are not recorded. Before the last applied row, they are the rows that the count of applied rows lacks. Rows
//! after it are checked again in the next run, against the book at that time.

use std::collections::VecDeque;
use std::error::Error;
use std::path::Path;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};
use memimage::{CommandError, Image, Options, Pending};
use serde::Serialize;

use crate::book::{Book, BookChange, BookCreate, BookDelete, Order, Refusal, RowId};
use crate::feed::{Action, Feed, Row};

/// The maximum number of pending commands, enough to fill the journal's batches during a sync.
const PENDING_MAX: usize = 1 << 16;

type Answer = Pending<(), CommandError<Refusal>>;

/// The counts of a file's rows over all runs.
#[derive(Serialize)]
pub(crate) struct Summary {
    rows: u64,
    applied: u64,
    refused: u64,
    /// The image's last event, from any file.
    seq: u64,
    /// The duration of this run.
    seconds: f64,
}

/// Applies the rows up to `limit` that are not applied yet.
pub(crate) fn ingest(file: &Path, options: Options<Book>, image: &Path, limit: u64) -> Result<Summary, Box<dyn Error>> {
    #[expect(clippy::disallowed_methods, reason = "the duration is not part of the book")]
    let start = Instant::now();
    let bar = progress_bar();
    // before the image, so that a mistyped file name creates no image
    let mut feed = Feed::open(file, &bar)?;
    let image = options.open(image)?;

    let rows = apply(&image, &mut feed, limit);
    bar.finish_and_clear();
    // if a row cannot be read, the rows before it are still applied
    image.journal().sync()?;
    let rows = rows?;

    let applied = image.query(|book| book.progress(feed.name()).applied)?;
    let seq = image.journal().seq().get();
    Image::close(image)?;
    Ok(Summary { rows, applied, refused: rows - applied, seq, seconds: start.elapsed().as_secs_f64() })
}

/// Returns the number of the last checked row, in this run or an earlier one.
fn apply(image: &Image<Book>, feed: &mut Feed, limit: u64) -> Result<u64, Box<dyn Error>> {
    let progress = image.query(|book| book.progress(feed.name()))?;
    let mut rows = progress.row;
    if rows >= limit {
        return Ok(rows);
    }
    feed.skip(progress)?;
    let mut pending = VecDeque::new();
    while rows < limit
        && let Some(row) = feed.next()?
    {
        if pending.len() == PENDING_MAX {
            pending.pop_front().map_or(Ok(()), wait)?;
        }
        pending.push_back(submit(image, feed.name(), row)?);
        rows = row.number;
    }
    pending.into_iter().try_for_each(wait)?;
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

/// A refusal is not an error here.
fn wait(answer: Answer) -> Result<(), memimage::Error> {
    match answer.wait() {
        Ok(()) | Err(CommandError::Refused(_)) => Ok(()),
        Err(CommandError::Image(error)) => Err(error),
    }
}

/// The bar is on stderr, and visible only on a terminal.
fn progress_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{wide_bar} {bytes} of {total_bytes}, {eta} to go");
    ProgressBar::new(0).with_style(style.expect("the template is well formed"))
}
