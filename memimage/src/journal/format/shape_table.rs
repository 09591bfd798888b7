//! The table of shapes: the name, version and shape of each event number in the journal.
//!
//! The writer adds an event to the table when the event is first used. So the table contains exactly the events that occur in
//! the journal. Each segment begins with the whole table; later frames of shapes contain only rows that are new or that got
//! more variants.

use serde::{Deserialize, Serialize};

use super::record::EventId;
use crate::shape::ShapeTree;

/// The table of shapes. The index of a row is the number of its event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ShapeTable {
    pub(crate) rows: Vec<ShapeRow>,
}

/// A row of the table: the name, version and shape of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ShapeRow {
    pub(crate) name: String,
    pub(crate) version: u32,
    pub(crate) shape: ShapeTree,
}

/// The rows of the table that one shapes frame contains: in the first frame of a segment, all rows; in a later frame, only the
/// rows that are new or that got more variants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ShapeRows {
    /// The number of the first row.
    pub(crate) first: u32,
    pub(crate) rows: Vec<ShapeRow>,
}

/// Rows as they are stored in the journal.
#[derive(Serialize, Deserialize)]
struct StoredRows {
    first: u32,
    rows: Vec<StoredRow>,
}

#[derive(Serialize, Deserialize)]
struct StoredRow {
    name: String,
    version: u32,
    shape: Vec<u8>,
}

impl StoredRow {
    fn of(row: &ShapeRow) -> StoredRow {
        StoredRow { name: row.name.clone(), version: row.version, shape: row.shape.encode() }
    }
}

/// The error for a shapes frame that does not decode, or that does not continue the table.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ShapeTableError {
    #[error("the shape table does not decode: {0}")]
    Undecodable(String),
    #[error("the rows of the frame begin with number {first}, but the shape table before it has only {rows} rows")]
    Gap { first: u32, rows: usize },
    #[error("the frame gives number {0} to another event than the shape table before it")]
    Renumbered(u32),
}

impl ShapeRows {
    pub(crate) fn decode(body: &[u8]) -> Result<ShapeRows, ShapeTableError> {
        let (StoredRows { first, rows }, rest) =
            postcard::take_from_bytes(body).map_err(|error| ShapeTableError::Undecodable(error.to_string()))?;
        if !rest.is_empty() {
            return Err(ShapeTableError::Undecodable(format!("{} bytes follow the table", rest.len())));
        }
        let row = |row: StoredRow| match ShapeTree::decode(&row.shape) {
            Ok(shape) => Ok(ShapeRow { name: row.name, version: row.version, shape }),
            Err(error) => {
                let what = format!("the shape of `{}` version {}: {error}", row.name, row.version);
                Err(ShapeTableError::Undecodable(what))
            }
        };
        Ok(ShapeRows { first, rows: rows.into_iter().map(row).collect::<Result<_, _>>()? })
    }
}

impl ShapeTable {
    /// All rows, for the first frame of a segment.
    pub(crate) fn encode(&self) -> Vec<u8> {
        encode(0, &self.rows)
    }

    /// The row of one event, for a frame after the first frame of a segment.
    pub(crate) fn encode_row(&self, event: EventId) -> Vec<u8> {
        encode(event.0, std::slice::from_ref(&self.rows[event.0 as usize]))
    }

    /// Adds the rows of a frame. If the table already has a row with the number of a new row, the new row replaces the old one.
    ///
    /// # Errors
    ///
    /// Fails if rows before the first new row are missing, or if a new row replaces the row of another event.
    pub(crate) fn add(&mut self, new: ShapeRows) -> Result<(), ShapeTableError> {
        let first = new.first as usize;
        if first > self.rows.len() {
            return Err(ShapeTableError::Gap { first: new.first, rows: self.rows.len() });
        }
        let same = |(old, new): (&ShapeRow, &ShapeRow)| old.name == new.name && old.version == new.version;
        if let Some(at) = self.rows[first..].iter().zip(&new.rows).position(|rows| !same(rows)) {
            return Err(ShapeTableError::Renumbered(new.first + at as u32));
        }
        let replaced = first..self.rows.len().min(first + new.rows.len());
        self.rows.splice(replaced, new.rows);
        Ok(())
    }

    /// The name, version and shape of the event with this number.
    pub(crate) fn event(&self, event: EventId) -> Option<(&str, u32, &ShapeTree)> {
        self.rows.get(event.0 as usize).map(|row| (&*row.name, row.version, &row.shape))
    }

    /// The encoded rows of this table, to be compared with the bodies of frames.
    pub(crate) fn encoded_rows(&self) -> EncodedRows {
        let mut encoded = EncodedRows { rows: Vec::new(), starts: vec![0] };
        for row in &self.rows {
            let rows = std::mem::take(&mut encoded.rows);
            encoded.rows =
                postcard::to_extend(&StoredRow::of(row), rows).expect("a name, a number and bytes can be encoded");
            encoded.starts.push(encoded.rows.len());
        }
        encoded
    }

    /// Whether each of these rows is in this table under its number. Compares only the names and versions of events.
    pub(crate) fn has(&self, rows: &ShapeRows) -> bool {
        let own = self.rows.get(rows.first as usize..).unwrap_or_default();
        let same = |(a, b): (&ShapeRow, &ShapeRow)| a.name == b.name && a.version == b.version;
        own.len() >= rows.rows.len() && own.iter().zip(&rows.rows).all(same)
    }
}

fn encode(first: u32, rows: &[ShapeRow]) -> Vec<u8> {
    let rows = StoredRows { first, rows: rows.iter().map(StoredRow::of).collect() };
    postcard::to_stdvec(&rows).expect("names, numbers and bytes can be encoded")
}

/// The encoded rows of a table, for comparison with the frames of the journal. Each segment repeats the table, and decoding
/// each copy would take far longer than comparing its bytes.
#[derive(Debug, Default)]
pub(crate) struct EncodedRows {
    /// The encoded rows, concatenated.
    rows: Vec<u8>,
    /// The offset of each row in `rows`, and the end of the last row.
    starts: Vec<usize>,
}

impl EncodedRows {
    /// Whether each row in the body of a shapes frame is identical, byte for byte, to the table's row of the same number.
    pub(crate) fn contain(&self, body: &[u8]) -> bool {
        let Ok(((first, count), rows)) = postcard::take_from_bytes::<(usize, usize)>(body) else { return false };
        let Some(start) = self.starts.get(first) else { return false };
        let end = first.checked_add(count).and_then(|end| self.starts.get(end));
        end.is_some_and(|&end| self.rows[*start..end] == *rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::Shape;

    fn row(name: &str) -> ShapeRow {
        ShapeRow { name: name.to_owned(), version: 1, shape: ShapeTree::of(u32::SHAPE) }
    }

    fn table(names: &[&str]) -> ShapeTable {
        ShapeTable { rows: names.iter().copied().map(row).collect() }
    }

    fn rows(first: u32, names: &[&str]) -> ShapeRows {
        ShapeRows { first, rows: table(names).rows }
    }

    #[test]
    fn a_table_decodes_to_its_rows() {
        let table = table(&["deposit", "withdraw", ""]);
        assert_eq!(ShapeRows::decode(&table.encode()).unwrap(), ShapeRows { first: 0, rows: table.rows.clone() });
        assert_eq!(ShapeRows::decode(&table.encode_row(EventId(1))).unwrap(), rows(1, &["withdraw"]));
    }

    #[test]
    fn rows_are_added_at_the_end_or_replace_rows_of_the_same_event() {
        let mut grown = table(&["a"]);
        grown.add(rows(1, &["b", "c"])).unwrap();
        assert_eq!(grown, table(&["a", "b", "c"]));
        let wider = ShapeRow { shape: ShapeTree::of(u64::SHAPE), ..row("b") };
        grown.add(ShapeRows { first: 1, rows: vec![wider.clone()] }).unwrap();
        assert_eq!(grown.rows, [row("a"), wider.clone(), row("c")]);
        grown.add(ShapeRows { first: 2, rows: vec![row("c"), row("d")] }).unwrap();
        assert_eq!(grown.rows, [row("a"), wider, row("c"), row("d")]);
    }

    #[test]
    fn rows_after_a_gap_or_of_another_event_are_refused() {
        let mut table = table(&["a", "b"]);
        assert!(matches!(table.add(rows(3, &["d"])), Err(ShapeTableError::Gap { first: 3, rows: 2 })));
        assert!(matches!(table.add(rows(0, &["a", "c"])), Err(ShapeTableError::Renumbered(1))));
        assert_eq!(table.rows, [row("a"), row("b")], "unchanged");
    }

    #[test]
    fn encoded_rows_contain_the_frames_of_their_journal() {
        let all = table(&["deposit", "withdraw", ""]);
        let encoded = all.encoded_rows();
        for len in 0..=3 {
            assert!(encoded.contain(&table(&["deposit", "withdraw", ""][..len]).encode()), "{len}");
        }
        for event in 0..3 {
            assert!(encoded.contain(&all.encode_row(EventId(event))), "{event}");
        }
        for (first, names) in [(0, &["withdraw"][..]), (1, &["deposit"]), (2, &["", ""]), (3, &[""]), (4, &[])] {
            assert!(!encoded.contain(&encode(first, &table(names).rows)), "{first} {names:?}");
        }
        let body = table(&["deposit", "withdraw"]).encode();
        assert!((0..body.len()).all(|len| !encoded.contain(&body[..len])), "bytes that end within a row");
        assert!(!encoded.contain(&[&body[..], &[0]].concat()));
    }
}
