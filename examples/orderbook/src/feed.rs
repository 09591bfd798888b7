//! The rows of a feed: a CSV file, plain or gzip, as Bitstamp's feed of orders is recorded.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use csv::{ReaderBuilder, StringRecord};
use flate2::bufread::MultiGzDecoder;
use indicatif::ProgressBar;

use crate::book::{OrderId, Progress, Side};
use crate::money::{Cents, Satoshis};

/// The columns. The rules do not depend on the two timestamps, so they are not read.
const HEADER: [&str; 7] = ["id", "timestamp", "exchange_timestamp", "price", "volume", "action", "direction"];
const ID: usize = 0;
const PRICE: usize = 3;
const VOLUME: usize = 4;
const ACTION: usize = 5;
const DIRECTION: usize = 6;

const GZIP: [u8; 2] = [0x1f, 0x8b];

/// A row of the feed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// 1 for the first row after the header.
    pub(crate) number: u64,
    pub(crate) id: OrderId,
    pub(crate) action: Action,
    pub(crate) side: Side,
    pub(crate) price: Cents,
    pub(crate) volume: Satoshis,
}

/// The change of the order.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Action {
    Created,
    Changed,
    Deleted,
}

/// Why reading a feed failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FeedError {
    #[error("`{}` cannot be read: {source}", path.display())]
    Open { path: PathBuf, source: io::Error },

    #[error("`{}` has no UTF-8 name to record in the image; help: rename it", path.display())]
    Name { path: PathBuf },

    #[error("`{}` is no feed of orders: its header is `{found:.200}`, not `{}`", path.display(), HEADER.join(","))]
    Header { path: PathBuf, found: String },

    #[error("row {row} of `{}` cannot be read: {source}; the rows before it are applied", path.display())]
    Row { path: PathBuf, row: u64, source: csv::Error },

    #[error(
        "row {row} of `{}` has {found} fields, not {}; the rows before it are applied; help: fix the row and run this again",
        path.display(), HEADER.len()
    )]
    Fields { path: PathBuf, row: u64, found: usize },

    #[error(
        "row {row} of `{}`: the {column} `{value}` {what}; the rows before it are applied; help: fix the row and run this again",
        path.display()
    )]
    Value { path: PathBuf, row: u64, column: &'static str, value: String, what: String },

    #[error(
        "`{}` is not the file of this name that was applied up to its row {}, which names the order {}: {found}; give one \
         of them another name, or use another image",
        path.display(), progress.row, progress.order.0
    )]
    OtherFile { path: PathBuf, progress: Progress, found: String },
}

/// A feed that is being read.
pub(crate) struct Feed {
    path: PathBuf,
    name: String,
    reader: csv::Reader<Box<dyn Read>>,
    record: StringRecord,
    /// The number of the row in `record`.
    number: u64,
}

impl Feed {
    /// Opens the file and checks its header. The bar follows the bytes read.
    pub(crate) fn open(path: &Path, bar: &ProgressBar) -> Result<Feed, FeedError> {
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| FeedError::Name { path: path.to_owned() })?.to_owned();
        let failed = |source| FeedError::Open { path: path.to_owned(), source };
        let mut reader = ReaderBuilder::new().flexible(true).from_reader(text(path, bar).map_err(failed)?);
        let header = reader.byte_headers().map_err(|error| failed(error.into()))?;
        if !header.iter().eq(HEADER.map(str::as_bytes)) {
            let found = header.iter().collect::<Vec<_>>().join(&b',');
            let found = String::from_utf8_lossy(&found).escape_debug().to_string();
            return Err(FeedError::Header { path: path.to_owned(), found });
        }
        Ok(Feed { path: path.to_owned(), name, reader, record: StringRecord::new(), number: 0 })
    }

    /// The file's name without its directory.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Skips the rows up to the last applied one, and checks that they came from this file.
    pub(crate) fn skip(&mut self, progress: Progress) -> Result<(), FeedError> {
        while self.number < progress.row {
            if !self.advance()? {
                return Err(self.other(progress, format!("it has {} rows", self.number)));
            }
        }
        if progress.row > 0 && self.record[ID].parse() != Ok(progress.order.0) {
            return Err(self.other(progress, format!("its row names the order {}", &self.record[ID])));
        }
        Ok(())
    }

    /// The next row, if there is one.
    pub(crate) fn next(&mut self) -> Result<Option<Row>, FeedError> {
        if !self.advance()? {
            return Ok(None);
        }
        Ok(Some(Row {
            number: self.number,
            id: OrderId(self.field(ID, |id| id.parse::<u64>().map_err(|_| "is not a whole number"))?),
            action: self.field(ACTION, action)?,
            side: self.field(DIRECTION, side)?,
            price: self.field(PRICE, Cents::from_str)?,
            volume: self.field(VOLUME, Satoshis::from_str)?,
        }))
    }

    /// Reads the next row into `record`, if there is one.
    fn advance(&mut self) -> Result<bool, FeedError> {
        let row = self.number + 1;
        let read = self.reader.read_record(&mut self.record);
        if !read.map_err(|source| FeedError::Row { path: self.path.clone(), row, source })? {
            return Ok(false);
        }
        if self.record.len() != HEADER.len() {
            return Err(FeedError::Fields { path: self.path.clone(), row, found: self.record.len() });
        }
        self.number = row;
        Ok(true)
    }

    fn field<T, E: ToString>(&self, column: usize, parse: impl FnOnce(&str) -> Result<T, E>) -> Result<T, FeedError> {
        let value = &self.record[column];
        parse(value).map_err(|what| FeedError::Value {
            path: self.path.clone(),
            row: self.number,
            column: HEADER[column],
            value: value.to_owned(),
            what: what.to_string(),
        })
    }

    fn other(&self, progress: Progress, found: String) -> FeedError {
        FeedError::OtherFile { path: self.path.clone(), progress, found }
    }
}

/// The file's text. The first bytes show whether it is compressed, because the name may be wrong.
fn text(path: &Path, bar: &ProgressBar) -> io::Result<Box<dyn Read>> {
    let mut file = File::open(path)?;
    bar.set_length(file.metadata()?.len());
    let mut magic = Vec::new();
    file.by_ref().take(GZIP.len() as u64).read_to_end(&mut magic)?;
    let packed = magic == GZIP;
    let whole = Cursor::new(magic).chain(bar.wrap_read(file));
    Ok(if packed { Box::new(MultiGzDecoder::new(BufReader::new(whole))) } else { Box::new(whole) })
}

fn action(text: &str) -> Result<Action, &'static str> {
    match text {
        "created" => Ok(Action::Created),
        "changed" => Ok(Action::Changed),
        "deleted" => Ok(Action::Deleted),
        _ => Err("is not `created`, `changed` or `deleted`"),
    }
}

fn side(text: &str) -> Result<Side, &'static str> {
    match text {
        "bid" => Ok(Side::Bid),
        "ask" => Ok(Side::Ask),
        _ => Err("is not `bid` or `ask`"),
    }
}
